/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * The keys of TLS 1.2 out of the master secret.
 */
#ifndef WEIR_COMMON_TLS12_H
#define WEIR_COMMON_TLS12_H

#include <weir/keys.h>

#define WEIR_MASTER_LEN 48u
#define WEIR_RANDOM_LEN 32u

/** What TLS 1.2 derives its keys from. */
struct weir_tls12 {
    uint16_t suite;
    bool server; /**< which end the keys are for */
    const uint8_t *master;
    const uint8_t *client_random;
    const uint8_t *server_random;
};

WEIR_BEGIN

/**
 * RFC 5246 section 6.3: client and server write key and IV, for a suite with an AEAD. Fills `tx`
 * and `rx` except for their position, which is left 0.
 *
 * Returns WEIR_OK; WEIR_E_MISUSE when the suite is not one of TLS 1.2 that weir carries, or `kdf`
 * lacks its hash; WEIR_E_PROVIDER. On failure both are wiped.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_tls12_keys(const struct weir_kdf *kdf,
                                                     const struct weir_tls12 *from,
                                                     struct weir_keys *tx, struct weir_keys *rx);

WEIR_END
#endif
