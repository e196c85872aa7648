/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * The taking of the keys, as far as it is the same for every TLS library.
 */
#ifndef WEIR_COMMON_TAKE_H
#define WEIR_COMMON_TAKE_H

#include "tap.h"
#include "tls12.h"

/** What a binding knows when its handshake is complete. */
struct weir_taking {
    struct weir_tap *tap;
    const struct weir_kdf *kdf;
    uint16_t version;
    uint16_t suite;
    bool server;
    /** TLS 1.2: how the library makes its explicit nonces. */
    weir_nonce_rule rule;
    /** TLS 1.2: the master secret and the randoms; NULL when the library does not give them away.
     */
    const uint8_t *master, *client_random, *server_random;
};

WEIR_BEGIN

/**
 * The keys of both directions, each proven on the records that the tap has seen. WEIR_OK; or
 * WEIR_REFUSED with `tx` and `rx` wiped and `why` filled: WEIR_REFUSAL_VERSION and
 * WEIR_REFUSAL_SUITE for what weir does not carry, WEIR_REFUSAL_NO_EXPORT, WEIR_REFUSAL_PROVIDER,
 * and what weir_tap_take12 and weir_tap_take13 refuse for.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_take(const struct weir_taking *from, struct weir_keys *tx,
                                               struct weir_keys *rx, struct weir_refusal *why);

WEIR_END
#endif
