/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One connection of the test program: what it sends, receives and reports.
 */
#ifndef INTEROP_TALK_H
#define INTEROP_TALK_H

#include "peer.h"
#include "wire.h"

#include <weir/posix.h>

/* What came of a connection. */
struct outcome {
    weir_status handshake, read, write; /* the last of each */
    char explain[320];                  /* about the first that failed */
    uint64_t sent, received;            /* application data, without HTTP headers */
    char sent_digest[65], received_digest[65];
    char written_digest[65]; /* of all we wrote, headers included */
    uint64_t updates;        /* KeyUpdates we asked for ourselves */
    uint64_t tx_rekeys, rx_rekeys;
    uint8_t peer_alert;
    const char *backend;
};

/* Carries the connection through from its handshake to its end; waits as needed. */
void talk(struct weir_conn *conn, int fd, const struct options *options, struct outcome *outcome);

#endif
