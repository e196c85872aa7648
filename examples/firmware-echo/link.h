/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * The line between image and host. A UART has no end of file and no connections, so what goes over
 * it is cut in frames: one byte of kind, two of length (big-endian), then that many bytes. A byte
 * of 0 in the place of a kind is passed over: a host begins with LINK_LONGEST of them, which fill
 * up a frame that was cut when another host went away. Where there is a TCP stack, this is the file
 * to replace: LINK_DATA is its stream, LINK_END its end.
 */
#ifndef FIRMWARE_ECHO_LINK_H
#define FIRMWARE_ECHO_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum link_kind {
    LINK_KEYS = 'K',   /**< to the image: a provisioning message, begins a connection */
    LINK_ANSWER = 'A', /**< from the image: whether it took the keys, see LINK_ANSWER_LEN */
    LINK_DATA = 'D',   /**< bytes of TLS, either way */
    LINK_END = 'E',    /**< the stream ends; from the image with a report, see LINK_REPORT_LEN */
};

#define LINK_HEADER_LEN 3u
/** Most bytes in a frame to the image. */
#define LINK_LONGEST 512u

/** Of LINK_ANSWER: 0 and 0; or WEIR_REFUSED (WEIR_E_AUTH for a damaged message) and the refusal. */
#define LINK_ANSWER_LEN 2u
/**
 * Of LINK_END from the image, numbers big-endian: weir_status (1), alert of the peer (1),
 * KeyUpdates sent (2), KeyUpdates received (2), bytes sent back (8), bytes of stack ever used (2).
 */
#define LINK_REPORT_LEN 16u

/** The image's end of the line. Begin with zeros. */
struct link {
    uint16_t left; /* bytes of a LINK_DATA that have not been read yet */
};

/** Waits for a message of keys of exactly `len` bytes; whatever else comes is dropped. */
void link_read_keys(struct link *link, uint8_t *buf, size_t len);

/** Waits for `len` bytes of the stream. False: it has ended, `*got` of them came. */
bool link_read(struct link *link, uint8_t *buf, size_t len, size_t *got);

/** Sends a frame, at most 65535 bytes. */
void link_write(enum link_kind kind, const uint8_t *data, size_t len);

/* What a board supplies; both wait until all `len` bytes are there, or gone. */
void uart_init(void);
void uart_read(uint8_t *buf, size_t len);
void uart_write(const uint8_t *data, size_t len);

#endif
