/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * Watches the records of a handshake go by and knows, at its end, where each direction stands.
 *
 * TLS 1.3: every protected record is opened with the key it must be under, and each success counts.
 * A direction changes to its application key right behind its Finished, so the number of records
 * already protected by that key is known and proven at once. TLS 1.2: records behind
 * ChangeCipherSpec are counted, and the last one is kept to be opened as proof.
 *
 * Large (two records): a binding holds it until the keys are taken, and no longer.
 */
#ifndef WEIR_COMMON_TAP_H
#define WEIR_COMMON_TAP_H

#include "once.h"
#include "tls12.h"
#include "wire.h"

#include <weir/record.h>

/** Bytes of a hello that are kept: random, suite, and the extensions of a ServerHello of TLS 1.2.
 */
#define WEIR_HELLO_LEN 512u

/** Which traffic secret of TLS 1.3 (RFC 8446 section 7.1). */
enum weir_tap_secret {
    WEIR_TAP_HANDSHAKE = 0,
    WEIR_TAP_APPLICATION = 1,
};

struct weir_tap_side {
    uint8_t record[WEIR_MAX_RECORD]; /**< the record under way; whole: the last one */
    size_t have;                     /**< bytes of it; 0: no record yet */
    bool whole;
    bool changed;     /**< a ChangeCipherSpec went by */
    uint64_t counted; /**< records behind it (TLS 1.2) */
    bool unaccounted; /**< a record that must be counted opened with no key */
    bool finished;    /**< TLS 1.3: Finished went by */
    bool protecting;  /**< TLS 1.3: under the handshake key or a later one */
    uint8_t secret[2][WEIR_MAX_SECRET];
    uint8_t secret_len[2];
    struct weir_keys keys; /**< of the secret in use */
    uint8_t in_use;        /**< 0: none, else 1 + enum weir_tap_secret */
    struct weir_cursor cursor;
    uint8_t hello[WEIR_HELLO_LEN];
    uint16_t hello_len;
};

/** Opaque to bindings but for being allocated. */
struct weir_tap {
    const struct weir_once *once;
    const struct weir_kdf *kdf;
    bool server;
    uint16_t suite;        /**< of the ServerHello; 0: not seen */
    size_t fragment_limit; /**< RFC 6066 section 4: what the ServerHello agreed to; 0: nothing */
    uint8_t client_random[WEIR_RANDOM_LEN];
    uint8_t server_random[WEIR_RANDOM_LEN];
    struct weir_tap_side side[2]; /**< by enum weir_dir */
};

WEIR_BEGIN

/** Starts at the first byte of a connection. `once` and `kdf` must outlive `tap`. */
WEIR_API void weir_tap_init(struct weir_tap *tap, const struct weir_once *once,
                            const struct weir_kdf *kdf, bool server);

/**
 * Sees data[0..len) of one direction, in order, cut anywhere; takes at most what is missing of the
 * record under way, and returns how much that was. Bytes that cannot be a record (RFC 8446 section
 * 5.1) are for the TLS library to refuse: their header is a record of its own here.
 */
WEIR_API size_t weir_tap_see(struct weir_tap *tap, enum weir_dir dir, const uint8_t *data,
                             size_t len);

/** Whether the bytes seen so far end where a record ends. */
WEIR_API bool weir_tap_at_boundary(const struct weir_tap *tap, enum weir_dir dir);

/**
 * A traffic secret of TLS 1.3, as soon as the library has it: before the first record under it is
 * seen. `len` beyond WEIR_MAX_SECRET is ignored, so that handing over is refused later.
 */
WEIR_API void weir_tap_secret(struct weir_tap *tap, enum weir_dir dir, enum weir_tap_secret which,
                              const uint8_t *secret, size_t len);

/**
 * TLS 1.3, at the end of the handshake: the application keys of one direction, standing behind the
 * records counted. WEIR_OK, or WEIR_REFUSED with `keys` wiped and `why` filled:
 * WEIR_REFUSAL_NO_EXPORT without secret, WEIR_REFUSAL_NOT_PROVEN when a record opened with no key
 * or the direction has not reached its application key.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_tap_take13(struct weir_tap *tap, enum weir_dir dir,
                                                     struct weir_keys *keys,
                                                     struct weir_refusal *why);

/**
 * TLS 1.2, at the end of the handshake: gives `keys` (from weir_tls12_keys) their position, and
 * opens the last record with them as proof. `rule` is how the sender of this direction makes its
 * explicit nonces; taken as it is for AES-GCM, else WEIR_NONCE_IMPLICIT. Destroys the record.
 *
 * WEIR_OK, or WEIR_REFUSED with `keys` wiped and `why` filled: WEIR_REFUSAL_NONCE_RULE when the
 * last explicit nonce contradicts WEIR_NONCE_SEQ, WEIR_REFUSAL_NOT_PROVEN.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_tap_take12(struct weir_tap *tap, enum weir_dir dir,
                                                     weir_nonce_rule rule, struct weir_keys *keys,
                                                     struct weir_refusal *why);

/** Overwrites all of it. */
WEIR_API void weir_tap_wipe(struct weir_tap *tap);

WEIR_END
#endif
