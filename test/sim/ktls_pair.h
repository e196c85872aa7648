/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * Two sessions of weir over a TCP connection of the Linux model. Both begin in software; either can
 * move its directions into the model's kernel. Software seals with the models' own AEADs, so that
 * the ledger hears of every nonce, wherever it is used; what each end says is a known stream of
 * bytes, which the other end holds every byte against.
 */
#ifndef WEIR_TEST_KTLS_PAIR_H
#define WEIR_TEST_KTLS_PAIR_H

#include "sim/linux_exec.h"

#include <criterion/criterion.h>
#include <string.h>
#include <weir/weir.h>

#define RAW_ROOM  (1u << 17) /* received bytes that software has not opened */
#define SEAL_ROOM (1u << 18) /* sealed bytes that TCP has not taken */

/** The records on one direction of the wire, counted from their headers. */
struct wiretap {
    struct sim_tap tap;
    uint64_t records, bytes;
    uint64_t blocks; /**< AEAD blocks that they cost their keys (struct weir_limit) */
    size_t extra;    /**< bytes of a record's body that are no message: explicit nonce and tag */
    uint8_t header[5];
    size_t header_len, body_left;
};

struct end {
    const char *name;
    struct end *other;
    struct weir_linux_ktls ktls; /**< its backend */
    struct weir_tx tx;
    struct weir_rx rx;
    struct weir_session session;
    struct sim_linux_socket *socket;
    struct weir_keys tx_keys, rx_keys; /**< as they were at the beginning */
    struct wiretap said;               /**< what it put on the wire */
    struct weir_refusal why;           /**< of the last refusal */
    size_t room;                       /**< of its buffer for receiving; 0: 16384 */
    uint64_t sent, heard;              /**< bytes of application data */
    uint64_t messages, messages_heard; /**< handshake messages for the TLS library */
    bool server;
    bool deaf; /**< does not look at handshake messages */
    uint8_t raw[RAW_ROOM];
    size_t raw_len;
    uint8_t sealed[SEAL_ROOM];
    size_t sealed_len;
    _Alignas(16) uint8_t soft_tx[64], soft_rx[64];
    struct weir_linux_ktls_ctx ktls_tx, ktls_rx;
};

struct suite {
    const char *name;
    uint16_t version, suite;
};
extern const struct suite suites[6];
#define SUITES   6u
#define GCM12    (&suites[0])
#define CHACHA12 (&suites[2])
#define GCM13    (&suites[3])

struct pair {
    const struct suite *suite;
    struct sim_linux kernel;
    struct sim_ledger *ledger;
    uint64_t random;
    struct end us, peer;
};

/** Rounds of a test: `all`, or a part of them where a short form was asked for. */
unsigned rounds(unsigned all, unsigned few);

/**
 * A pair on a recent kernel, each end a session; `we_serve`: which one is the server. Sockets take
 * `limit` bytes that were not read. Freed by pair_close. One at a time.
 */
struct pair *pair_open(const struct suite *suite, uint64_t seed, bool we_serve, size_t limit);
/** Closes it; fails the test when a nonce was used twice, or sealed again. */
void pair_close(struct pair *p);

/** Writes bytes to TCP that no record layer has seen. */
void end_raw(struct end *e, const void *bytes, size_t len);

/** A number below `limit` from the pair's seed. */
size_t below(struct pair *p, size_t limit);

/** Uses these features of linux-ktls (weir_linux_ktls_init) at this end from now on. */
void end_features(struct end *e, uint32_t features);

/** Carries out all commands that wait; the last answer, or WEIR_OK. */
weir_status end_run(struct end *e);
/** Moves a direction to linux-ktls; TX must have nothing sealed, RX nothing raw (or is refused). */
weir_status end_move(struct end *e, enum weir_dir dir, weir_policy policy);
bool end_in_kernel(const struct end *e, enum weir_dir dir);

/** Sends the next `len` bytes of its stream, or as many as go now. A status of the session. */
weir_status end_say(struct end *e, size_t len);
/** Sends a handshake message for the peer's TLS library, of `len` bytes; whole, or NEED_OUTPUT. */
weir_status end_say_message(struct end *e, size_t len);
/** Sends what the session itself has to say, and what was sealed before. */
weir_status end_flush(struct end *e);
/** Receives once, at most `most` bytes in software; looks at every byte. A status of the session.
 */
weir_status end_hear(struct end *e, size_t most);
/** Receives until nothing is there: WEIR_NEED_INPUT, or what ended it. */
weir_status end_hear_all(struct end *e);
/** In software: receives until no part of a record is left. */
void end_align(struct end *e);
/** Asks the backends of both directions where they stand; nothing may be left unread. */
void end_query(struct end *e);

/** Both ends send and receive all; CHECKs that they are alive and that nothing is missing. */
void pair_live(struct pair *p, size_t bytes);
/** Both close; CHECKs that each heard it. */
void pair_finish(struct pair *p);
/** CHECKs that the counters of both ends are what was on the wire (after end_query). */
void pair_counts(struct pair *p);

#endif
