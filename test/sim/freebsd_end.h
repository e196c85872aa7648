/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * A connection of weir over a socket of the FreeBSD model: in software at first, then wherever it
 * is moved. The peer is that of freebsd_bed.h, and only knows TLS.
 */
#ifndef WEIR_TEST_FREEBSD_END_H
#define WEIR_TEST_FREEBSD_END_H

#include <weir/weir.h>

#include "freebsd_bed.h"

#define END_ROOM 400000u

struct end {
    struct bed bed;
    struct weir_soft soft;
    struct weir_mlx5_ktls ktls;
    struct weir_tx tx;
    struct weir_rx rx;
    struct weir_session session;
    void *tx_memory, *rx_memory; /* of the software backend */
    struct weir_mlx5_ktls_ctx tx_ctx, rx_ctx;
    struct weir_refusal why; /* of the last move or query */
    uint8_t in[20000];
    size_t in_len; /* received and not consumed */
    uint8_t got[END_ROOM];
    size_t got_len; /* application data */
    uint8_t heard[END_ROOM];
    size_t heard_len;  /* application data that the peer has read */
    uint8_t alert[2];  /* the last that it has read */
    uint8_t peer_type; /* of the last other record */
};

/** A connection in software, of suites[suite], that begins at any record number; `want` for the
 * backend. */
void end_begin(struct end *e, enum sim_freebsd_release release, size_t suite, weir_carrier want);
/** CHECKs that no nonce was used twice. */
void end_close(struct end *e);

/** Moves a direction to the kernel, carrying out what that takes. */
weir_status end_move(struct end *e, enum weir_dir dir, weir_policy policy);
/** weir_tx_query or weir_rx_query; then who carries it. */
weir_status end_query(struct end *e, enum weir_dir dir, weir_carrier *carrier);

/** Sends text[at..at + len), in as many calls as it takes, until it is sent or cannot go on. The
 * bytes that went are counted in `*sent`. */
weir_status end_send(struct end *e, size_t at, size_t len, size_t *sent);
/** Sends what the session has to say by itself. */
weir_status end_flush(struct end *e);
/** Receives until nothing is left; what came is in `got`. */
weir_status end_receive(struct end *e);
/** The peer reads all that has come; CHECKs that each record opens. */
void end_peer_reads(struct end *e);

/** CHECKs that data passes both ways, whole: `len` bytes each. */
void end_lives(struct end *e, size_t len);
/** CHECKs that the peer has read nothing but a prefix of what was given to end_send from text[0]
 * on, and that weir got a prefix of what the peer sent from text[0] on. */
void end_no_wrong_byte(struct end *e);

#endif
