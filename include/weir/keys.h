/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * Where a direction stands, and the keys it stands on.
 */
#ifndef WEIR_KEYS_H
#define WEIR_KEYS_H

#include "kdf.h"
#include "refusal.h"
#include "status.h"
#include "suite.h"

/**
 * How the 12-byte nonce of the next record comes about. TLS 1.2 AES-GCM leaves the 8 explicit bytes
 * to the sender (RFC 5288 section 3), and senders differ; going on under another rule than the one
 * used so far can repeat a nonce. So the rule travels with the position.
 */
typedef enum WEIR_ENUM weir_nonce_rule {
    /** TLS 1.3 and ChaCha20: static IV xor sequence number, nothing on the wire. */
    WEIR_NONCE_IMPLICIT = 0,
    /** Explicit nonce = sequence number (mbedTLS, GnuTLS, BoringSSL, Go). */
    WEIR_NONCE_SEQ = 1,
    /** A 64-bit counter of its own, any start, +1 a record (OpenSSL, Linux, FreeBSD). */
    WEIR_NONCE_COUNTER = 2,
    /** A fixed 64-bit mask xor the sequence number (rustls). */
    WEIR_NONCE_XOR = 3,
    /** Drawn at random for every record: fine to read, impossible to continue; TX refuses it. */
    WEIR_NONCE_RANDOM = 4,
} weir_nonce_rule;

/** Where a direction stands: all that is needed to go on, carried and never derived again. */
struct weir_position {
    uint64_t seq;            /**< sequence number of the next record under this key */
    uint64_t explicit_nonce; /**< TX, TLS 1.2 AES-GCM: explicit nonce of that record; else 0 */
    uint64_t blocks;         /**< AEAD blocks this key has protected; see struct weir_limit */
    /** Where others make the records, `seq` and `blocks` are bounds: the number of the next record
     * lies in seq - unsure … seq. 0: it is `seq`. */
    uint64_t unsure;
    uint32_t tcp_seq;   /**< TCP sequence number of that record's first byte */
    uint16_t epoch;     /**< KeyUpdates this direction has had */
    uint8_t nonce_rule; /**< a weir_nonce_rule */
    bool tcp_known;     /**< `tcp_seq` counts; it may be any number, 0 too */
};

/**
 * Everything one direction stands on. Secret: wipe it with weir_keys_wipe as soon as it has been
 * handed on.
 */
struct weir_keys {
    uint16_t version;   /**< WEIR_TLS12 or WEIR_TLS13 */
    uint16_t suite;     /**< IANA number */
    uint8_t secret_len; /**< TLS 1.3: bytes of `secret`; 0: unknown, so KeyUpdate is impossible */
    uint8_t key[32];    /**< write key; weir_alg_key_len bytes count */
    uint8_t iv[12];     /**< static IV; TLS 1.2 AES-GCM: the 4-byte salt, then zeros */
    uint8_t secret[48]; /**< TLS 1.3: the application traffic secret of this epoch */
    struct weir_position at;
};

WEIR_BEGIN

/** Overwrites `keys` with zeros, in a way the compiler keeps. */
WEIR_API void weir_keys_wipe(struct weir_keys *keys);

/** Overwrites `len` bytes at `p` with zeros, in a way the compiler keeps. */
WEIR_API void weir_wipe(void *p, size_t len);

#if WEIR_HAS_TLS13
/**
 * Derives write key and IV of a TLS 1.3 traffic secret (RFC 8446 section 7.3): fills `keys` with
 * version 1.3, `suite`, the secret and a position of 0.
 *
 * `secret` has WEIR_HASH_LEN bytes of the suite's hash and may lie in `keys`. Returns WEIR_OK;
 * WEIR_E_MISUSE when the suite is not one of TLS 1.3, `len` is wrong or `kdf` lacks the hash;
 * WEIR_E_PROVIDER. On failure `keys` is wiped.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_keys_from_secret(struct weir_keys *keys,
                                                           const struct weir_kdf *kdf,
                                                           uint16_t suite, const uint8_t *secret,
                                                           size_t len);

/**
 * Replaces secret, key and IV by those of the next epoch (RFC 8446 sections 4.6.3 and 7.2) and
 * moves the position to record 0 of it.
 *
 * Returns WEIR_OK; WEIR_E_MISUSE for keys that are not TLS 1.3 or have no secret; WEIR_E_KEY_LIMIT
 * when 65535 KeyUpdates were done; WEIR_E_PROVIDER. On failure `keys` is wiped.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_keys_update(struct weir_keys *keys,
                                                      const struct weir_kdf *kdf);
#else
static inline weir_status weir_keys_from_secret(struct weir_keys *keys, const struct weir_kdf *kdf,
                                                uint16_t suite, const uint8_t *secret, size_t len)
{
    (void)kdf;
    (void)suite;
    (void)secret;
    (void)len;
    weir_keys_wipe(keys);
    return WEIR_E_MISUSE;
}
static inline weir_status weir_keys_update(struct weir_keys *keys, const struct weir_kdf *kdf)
{
    (void)kdf;
    weir_keys_wipe(keys);
    return WEIR_E_MISUSE;
}
#endif

WEIR_END
#endif
