/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * A connection to test: weir's end over a watched backend, and the peer's end as two wires. Every
 * scenario has keys of its own, so that the watch may remember nonces across all of them.
 */
#ifndef WEIR_TEST_FIXTURE_H
#define WEIR_TEST_FIXTURE_H

#include "cases.h"
#include "watch.h"
#include "wire.h"

/** A version, suite and nonce rule that bodies run with. */
struct profile {
    const char *name;
    uint16_t version, suite;
    uint8_t nonce_rule; /**< of both directions */
};

enum {
    TLS12 = 1, /**< the profiles of a version, as a mask */
    TLS13 = 2,
    BOTH = TLS12 | TLS13,
};

#define IN_LEN        (1u << 17)
#define OUT_LEN       (1u << 18)
#define HEARD_RECORDS 4096u

/** Records that were opened, in order: their contents on end. */
struct heard {
    uint8_t bytes[IN_LEN];
    size_t len, count;
    size_t told, told_len; /**< records, and their bytes, that we_heard has looked at */
    struct {
        uint8_t type;
        uint32_t len;
    } record[HEARD_RECORDS];
};

struct fixture {
    struct test *t;
    const struct profile *profile;
    bool tls13, server;
    struct watch watch;
    struct weir_keys tx_keys, rx_keys; /**< as core was given them */
    struct weir_tx tx;
    struct weir_rx rx;
    struct weir_session session;
    struct wire ours;   /**< takes apart what weir has sealed */
    struct wire theirs; /**< makes what weir is to open */
    uint8_t in[IN_LEN]; /**< records for weir that it has yet to be given */
    size_t in_len;
    uint8_t out[OUT_LEN]; /**< records of weir; up to `said_len` they were taken apart */
    size_t out_len, said_len;
    struct heard heard;
    uint8_t text[IN_LEN]; /**< random plaintext */
    uint64_t random;
    _Alignas(TEST_CTX_ALIGN) uint8_t tx_ctx[TEST_CTX_LEN];
    _Alignas(TEST_CTX_ALIGN) uint8_t rx_ctx[TEST_CTX_LEN];
};

/** Runs `body` once for every profile of `versions`, each time with a connection of its own. The
 * case is skipped where this build has none of them. */
void fixture_each(struct test *t, unsigned versions, void (*body)(struct fixture *f));

/**
 * Defines a case that runs once for every profile of `versions`, given `struct fixture *f`:
 *
 *     ON(TLS13, name_of_the_case)
 *     {
 *         ... f ...
 *     }
 */
#define ON(versions, name)                                                                         \
    static void name##_on(struct fixture *f);                                                      \
    static void name(struct test *t)                                                               \
    {                                                                                              \
        fixture_each(t, versions, name##_on);                                                      \
    }                                                                                              \
    static void name##_on(struct fixture *f)

/** Ends the connection and begins another with new keys, same profile. */
void fixture_again(struct fixture *f);

/** As fixture_again, but the receiving direction begins anew under the same keys. */
void fixture_replay(struct fixture *f);

/** As fixture_again, as that end. */
void fixture_as(struct fixture *f, bool server);

/** Keys of this profile that no one else has, at position 0. */
void fixture_keys(struct fixture *f, struct weir_keys *keys);

/** Begins weir's TX (RX) anew with these keys; the peer's wire goes with it. The old one is wiped.
 */
weir_status fixture_tx(struct fixture *f, const struct weir_keys *keys);
weir_status fixture_rx(struct fixture *f, const struct weir_keys *keys);
/** Begins the session anew on tx and rx. */
void fixture_session(struct fixture *f, const struct weir_kdf *kdf);

/** CHECKs what weir_tx_export (weir_rx_export) answers, and that it gives keys with WEIR_OK alone;
 * nothing in a build without them. */
void check_tx_export(struct fixture *f, struct weir_tx *tx, weir_status want);
void check_rx_export(struct fixture *f, struct weir_rx *rx, weir_status want);

/** Where a loop stands, the profile with it: profile * 10^9 + index. */
void fixture_at(struct fixture *f, uint64_t index);

/** The peer seals a record; it waits in `in`. */
void peer_says(struct fixture *f, uint8_t type, const void *content, size_t len);
void peer_says_padded(struct fixture *f, uint8_t type, const void *content, size_t len, size_t pad);
/** The peer seals `message` behind a header of `type`, with nothing added; it waits in `in`. */
void peer_seals(struct fixture *f, uint8_t type, const void *message, size_t len);
/** The peer sends a KeyUpdate in one record and moves to its next key. */
void peer_updates(struct fixture *f, bool request);

/**
 * Gives the session (we_open: rx alone) what waits in `in` until it answers something else than
 * WEIR_OK; what is not consumed keeps waiting. What came out is in `heard`; returns the last
 * answer. Weir sees the bytes at the very end of an array, where sanitizers notice a read beyond
 * them.
 */
weir_status we_hear(struct fixture *f);
weir_status we_open(struct fixture *f);
/** The same when only the first `got` of the waiting bytes have arrived. */
weir_status we_hear_part(struct fixture *f, size_t got);
weir_status we_open_part(struct fixture *f, size_t got);

/** The bytes weir was given last, as it left them, from the first one not consumed. */
const uint8_t *we_left(const struct fixture *f);

/** CHECKs that `heard` holds one more record, and that it is this one; then forgets it. */
void we_heard(struct fixture *f, uint8_t type, const void *content, size_t len);
/** CHECKs that nothing (more) was heard. */
void we_heard_nothing(struct fixture *f);

/** TX seals so many records of ten bytes of `text`; they go to `out`. */
void we_seal(struct fixture *f, size_t records);

/** The session sends data, answers its status; records go to `out`. */
weir_status we_send(struct fixture *f, const void *data, size_t len);
/** Everything the session has to say by itself goes to `out`. */
weir_status we_flush(struct fixture *f);

/** Takes the next record of `out` apart; false when there is none or it is wrong. */
bool we_said_next(struct fixture *f, struct wire_record *r);
/** CHECKs that the next record of `out` is this one. */
void we_said(struct fixture *f, uint8_t type, const void *content, size_t len);
/** CHECKs that the next record is a KeyUpdate, and follows it. */
void we_said_update(struct fixture *f, bool request);
/** CHECKs that the next record is this alert. */
void we_said_alert(struct fixture *f, uint8_t level, uint8_t description);
/** CHECKs that nothing more was said. */
void we_said_nothing(struct fixture *f);

/**
 * CHECKs all that belongs to the end of a session by `status`: the same answer from every call, its
 * alert under the current key, no key left, and nothing behind it.
 */
void we_died(struct fixture *f, weir_status status);
/** As we_died, with another alert than the one of the status, or none. */
void we_died_with(struct fixture *f, weir_status status, uint8_t alert);
/** CHECKs that data passes in both directions. */
void we_live(struct fixture *f);

#endif
