/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * The key derivation a KeyUpdate needs, supplied from outside.
 */
#ifndef WEIR_KDF_H
#define WEIR_KDF_H

#include "status.h"
#include "suite.h"

/** The interface version of struct weir_kdf. */
#define WEIR_KDF_ABI 1u

/**
 * HMAC, from which weir builds HKDF-Expand-Label (RFC 8446 section 7.1). Nothing weir derives is
 * longer than the hash, so each derivation is exactly one HMAC and the label is built in one place.
 *
 * A const value, shared by all connections and threads.
 */
struct weir_kdf {
    uint32_t abi;    /**< WEIR_KDF_ABI */
    uint32_t hashes; /**< mask: 1u << weir_hash */
    const char *name;
    /**
     * out = HMAC(key, message); `out` has WEIR_HASH_LEN(hash) bytes and may not overlap the rest.
     * Returns WEIR_OK or WEIR_E_PROVIDER.
     */
    weir_status (*hmac)(weir_hash hash, const uint8_t *key, size_t key_len, const uint8_t *message,
                        size_t message_len, uint8_t *out);
};

WEIR_BEGIN

#if WEIR_HAS_TLS13
/**
 * HKDF-Expand-Label(secret, label, context, len) of RFC 8446 section 7.1, for `len` up to the
 * hash's length; `label` without "tls13 ", at most 12 bytes; `context_len` at most 48 bytes. `out`
 * may lie on `secret`.
 *
 * Returns WEIR_OK; WEIR_E_MISUSE for lengths beyond these or a hash that `kdf` lacks;
 * WEIR_E_PROVIDER. On failure `out` is wiped.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_expand_label(const struct weir_kdf *kdf, weir_hash hash,
                                                       const uint8_t *secret, const char *label,
                                                       const uint8_t *context, size_t context_len,
                                                       uint8_t *out, size_t len);
#endif

WEIR_END
#endif
