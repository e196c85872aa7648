/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * Cipher suites, and the AEAD algorithms, hashes and usage limits behind them.
 */
#ifndef WEIR_SUITE_H
#define WEIR_SUITE_H

#include "base.h"

/** The AEAD of a suite (RFC 5116, RFC 8439). */
typedef enum WEIR_ENUM weir_alg {
    WEIR_AES_128_GCM = 0,
    WEIR_AES_256_GCM = 1,
    WEIR_CHACHA20_POLY1305 = 2,
    WEIR_ALG_COUNT = 3,
} weir_alg;

/** The bit of an algorithm in a mask of algorithms. */
#define WEIR_ALG_BIT(alg) (1u << (unsigned)(alg))

/** The hash of a suite: of HKDF in TLS 1.3, of the PRF in TLS 1.2. */
typedef enum WEIR_ENUM weir_hash { WEIR_SHA256 = 0, WEIR_SHA384 = 1 } weir_hash;

/** Bytes of a hash's output. */
#define WEIR_HASH_LEN(hash) ((size_t)((hash) == WEIR_SHA384 ? 48 : 32))

#define WEIR_MAX_KEY    32u /**< bytes of the longest write key */
#define WEIR_MAX_SECRET 48u /**< bytes of the longest traffic secret */
#define WEIR_IV_LEN     12u /**< bytes of a static IV, and of every nonce */
#define WEIR_TAG_LEN    16u /**< bytes of every tag */

/*
 * Every suite of the IANA registry that uses these AEADs with the full 16-byte tag.
 * X(number, name, algorithm, hash, version)
 */
#define WEIR_SUITE_LIST_TLS13(X)                                                                   \
    X(0x1301, TLS_AES_128_GCM_SHA256, AES_128_GCM, SHA256, TLS13)                                  \
    X(0x1302, TLS_AES_256_GCM_SHA384, AES_256_GCM, SHA384, TLS13)                                  \
    X(0x1303, TLS_CHACHA20_POLY1305_SHA256, CHACHA20_POLY1305, SHA256, TLS13)

#define WEIR_SUITE_LIST_TLS12(X)                                                                   \
    X(0x009c, TLS_RSA_WITH_AES_128_GCM_SHA256, AES_128_GCM, SHA256, TLS12)                         \
    X(0x009d, TLS_RSA_WITH_AES_256_GCM_SHA384, AES_256_GCM, SHA384, TLS12)                         \
    X(0x009e, TLS_DHE_RSA_WITH_AES_128_GCM_SHA256, AES_128_GCM, SHA256, TLS12)                     \
    X(0x009f, TLS_DHE_RSA_WITH_AES_256_GCM_SHA384, AES_256_GCM, SHA384, TLS12)                     \
    X(0x00a0, TLS_DH_RSA_WITH_AES_128_GCM_SHA256, AES_128_GCM, SHA256, TLS12)                      \
    X(0x00a1, TLS_DH_RSA_WITH_AES_256_GCM_SHA384, AES_256_GCM, SHA384, TLS12)                      \
    X(0x00a2, TLS_DHE_DSS_WITH_AES_128_GCM_SHA256, AES_128_GCM, SHA256, TLS12)                     \
    X(0x00a3, TLS_DHE_DSS_WITH_AES_256_GCM_SHA384, AES_256_GCM, SHA384, TLS12)                     \
    X(0x00a4, TLS_DH_DSS_WITH_AES_128_GCM_SHA256, AES_128_GCM, SHA256, TLS12)                      \
    X(0x00a5, TLS_DH_DSS_WITH_AES_256_GCM_SHA384, AES_256_GCM, SHA384, TLS12)                      \
    X(0x00a6, TLS_DH_anon_WITH_AES_128_GCM_SHA256, AES_128_GCM, SHA256, TLS12)                     \
    X(0x00a7, TLS_DH_anon_WITH_AES_256_GCM_SHA384, AES_256_GCM, SHA384, TLS12)                     \
    X(0x00a8, TLS_PSK_WITH_AES_128_GCM_SHA256, AES_128_GCM, SHA256, TLS12)                         \
    X(0x00a9, TLS_PSK_WITH_AES_256_GCM_SHA384, AES_256_GCM, SHA384, TLS12)                         \
    X(0x00aa, TLS_DHE_PSK_WITH_AES_128_GCM_SHA256, AES_128_GCM, SHA256, TLS12)                     \
    X(0x00ab, TLS_DHE_PSK_WITH_AES_256_GCM_SHA384, AES_256_GCM, SHA384, TLS12)                     \
    X(0x00ac, TLS_RSA_PSK_WITH_AES_128_GCM_SHA256, AES_128_GCM, SHA256, TLS12)                     \
    X(0x00ad, TLS_RSA_PSK_WITH_AES_256_GCM_SHA384, AES_256_GCM, SHA384, TLS12)                     \
    X(0xc02b, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, AES_128_GCM, SHA256, TLS12)                 \
    X(0xc02c, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, AES_256_GCM, SHA384, TLS12)                 \
    X(0xc02d, TLS_ECDH_ECDSA_WITH_AES_128_GCM_SHA256, AES_128_GCM, SHA256, TLS12)                  \
    X(0xc02e, TLS_ECDH_ECDSA_WITH_AES_256_GCM_SHA384, AES_256_GCM, SHA384, TLS12)                  \
    X(0xc02f, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, AES_128_GCM, SHA256, TLS12)                   \
    X(0xc030, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, AES_256_GCM, SHA384, TLS12)                   \
    X(0xc031, TLS_ECDH_RSA_WITH_AES_128_GCM_SHA256, AES_128_GCM, SHA256, TLS12)                    \
    X(0xc032, TLS_ECDH_RSA_WITH_AES_256_GCM_SHA384, AES_256_GCM, SHA384, TLS12)                    \
    X(0xd001, TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256, AES_128_GCM, SHA256, TLS12)                   \
    X(0xd002, TLS_ECDHE_PSK_WITH_AES_256_GCM_SHA384, AES_256_GCM, SHA384, TLS12)                   \
    X(0xcca8, TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, CHACHA20_POLY1305, SHA256, TLS12)       \
    X(0xcca9, TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, CHACHA20_POLY1305, SHA256, TLS12)     \
    X(0xccaa, TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256, CHACHA20_POLY1305, SHA256, TLS12)         \
    X(0xccab, TLS_PSK_WITH_CHACHA20_POLY1305_SHA256, CHACHA20_POLY1305, SHA256, TLS12)             \
    X(0xccac, TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256, CHACHA20_POLY1305, SHA256, TLS12)       \
    X(0xccad, TLS_DHE_PSK_WITH_CHACHA20_POLY1305_SHA256, CHACHA20_POLY1305, SHA256, TLS12)         \
    X(0xccae, TLS_RSA_PSK_WITH_CHACHA20_POLY1305_SHA256, CHACHA20_POLY1305, SHA256, TLS12)

#define WEIR_SUITE_LIST(X)                                                                         \
    WEIR_SUITE_LIST_TLS13(X)                                                                       \
    WEIR_SUITE_LIST_TLS12(X)

/** Suites by name: `WEIR_TLS_AES_128_GCM_SHA256` and so on. */
enum WEIR_ENUM weir_suite_id {
#define WEIR_X(number, name, alg, hash, version) WEIR_##name = (number),
    WEIR_SUITE_LIST(WEIR_X)
#undef WEIR_X
};

/** What a suite number stands for. `alg` and `hash` hold values of weir_alg and weir_hash. */
struct weir_suite {
    uint16_t id;
    uint16_t version; /**< the one version it belongs to: WEIR_TLS12 or WEIR_TLS13 */
    uint8_t alg;
    uint8_t hash;
};

/**
 * How much one key may protect, in AEAD blocks: every record counts its plaintext in 16-byte
 * blocks, rounded up, plus one. 0: no limit but the sequence number.
 *
 * AES-GCM: RFC 8446 section 5.5, "up to 2^24.5 full-size records (about 24 million) may be
 * encrypted on a given connection while keeping a safety margin of approximately 2^-57". Such a
 * record is 2^10 blocks; a small one uses up less, so blocks are what weir counts.
 * ChaCha20-Poly1305: "the record sequence number would wrap before the safety limit is reached".
 */
struct weir_limit {
    uint64_t soft; /**< from here on WEIR_REKEY_DUE */
    /** Beyond this no application data: WEIR_E_KEY_LIMIT. Alerts and handshake messages may be
     * sent, and heard, up to 1024 blocks later. */
    uint64_t hard;
};

WEIR_BEGIN

/** The suite with this IANA number, or NULL: also for one of a version that this build of weir is
 * without. Static. */
WEIR_API const struct weir_suite *weir_suite_find(uint16_t id);

/** Bytes of the algorithm's key: 16 or 32. */
WEIR_API size_t weir_alg_key_len(weir_alg alg);

/** The usage limit of one key of this algorithm. */
WEIR_API struct weir_limit weir_alg_limit(weir_alg alg);

#if WEIR_HAS_TEXTS
/** The suite with this IANA name ("TLS_AES_128_GCM_SHA256"), or NULL. Static. */
WEIR_API const struct weir_suite *weir_suite_named(const char *name);

/** The IANA name of a suite number; "?" for one weir does not carry. Static. */
WEIR_API const char *weir_suite_name(uint16_t id);

/** The name of an algorithm ("AES-128-GCM"); "?" for a number that is none. Static. */
WEIR_API const char *weir_alg_name(weir_alg alg);
#else
static inline const struct weir_suite *weir_suite_named(const char *name)
{
    (void)name;
    return NULL;
}
static inline const char *weir_suite_name(uint16_t id)
{
    (void)id;
    return "?";
}
static inline const char *weir_alg_name(weir_alg alg)
{
    (void)alg;
    return "?";
}
#endif

WEIR_END
#endif
