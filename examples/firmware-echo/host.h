/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * The host's end of the line to the image.
 */
#ifndef FIRMWARE_ECHO_HOST_H
#define FIRMWARE_ECHO_HOST_H

#include "link.h"

/** The line; the same descriptor twice unless it is a pair of pipes. */
struct line {
    int in, out;
};

/** Opens the line: a UNIX socket (QEMU's), a serial device, or a directory with the pipes to-image
 * and from-image. False: it cannot, and said so. */
bool line_open(struct line *line, const char *path);
void line_close(struct line *line);

/** Brings the image back in step, whatever it was in the middle of. */
bool line_begin(const struct line *line);

/** Writes a whole frame, waiting for the line to take it. */
bool line_write(const struct line *line, enum link_kind kind, const uint8_t *data, size_t len);

/** Reads a frame of `kind`, exactly `len` bytes; drops what comes before it. False: it does not
 * come within `seconds`. */
bool line_read(const struct line *line, enum link_kind kind, uint8_t *data, size_t len,
               int seconds);

/** How the image has ended a connection. */
struct line_report {
    int status;
    unsigned alert, tx_updates, rx_updates, stack;
    unsigned long long sent;
};

/**
 * Passes bytes on between a socket and the line, both ways, until the image has ended its stream
 * and all of that has gone to the socket. First goes what was already read off the socket:
 * early[0..early_len). False: the line broke, or nothing at all moved for `seconds`.
 */
bool line_forward(const struct line *line, int fd, const uint8_t *early, size_t early_len,
                  int seconds, struct line_report *report);

#endif
