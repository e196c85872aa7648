/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What OpenSSL hands over, taken apart.
 */
#include "dropin.h"

#include <string.h>

#if defined(__linux__) && defined(__has_include)
#if __has_include(<linux/tls.h>)
#include <linux/tls.h>
#define X_SIZE(name) sizeof(struct tls12_crypto_info_##name)
_Static_assert(X_SIZE(aes_gcm_128) == 40 && TLS_CIPHER_AES_GCM_128 == 51, "as in ktls30.h");
#ifdef TLS_CIPHER_AES_GCM_256
_Static_assert(X_SIZE(aes_gcm_256) == 56 && TLS_CIPHER_AES_GCM_256 == 52, "as in ktls30.h");
#endif
#ifdef TLS_CIPHER_CHACHA20_POLY1305
_Static_assert(X_SIZE(chacha20_poly1305) == 56 && TLS_CIPHER_CHACHA20_POLY1305 == 54,
               "as in ktls30.h");
#endif
#endif
#endif

struct cipher {
    uint8_t alg; /* weir_alg */
    uint16_t number;
    uint8_t size, iv, iv_len, key, key_len, salt, salt_len, seq;
};

static const struct cipher ciphers[] = {
#define WEIR_X(alg, number, size, iv, iv_len, key, key_len, salt, salt_len, seq)                   \
    {WEIR_##alg, number, size, iv, iv_len, key, key_len, salt, salt_len, seq},
    KTLS_CIPHER_LIST(WEIR_X)
#undef WEIR_X
};

/*
 * Only the algorithm is told. In TLS 1.3 there is one suite for each; in TLS 1.2 several, which do
 * not differ in their records, and one stands for all.
 */
static const uint16_t suites[2][3] = {
    {WEIR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, WEIR_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
     WEIR_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256},
    {WEIR_TLS_AES_128_GCM_SHA256, WEIR_TLS_AES_256_GCM_SHA384, WEIR_TLS_CHACHA20_POLY1305_SHA256},
};

static uint64_t read64(const uint8_t *at)
{
    uint64_t value = 0;

    for (size_t i = 0; i < 8; i++)
        value = value << 8 | at[i];
    return value;
}

static void fill(const struct cipher *c, const uint8_t *blob, enum weir_dir dir,
                 struct weir_keys *keys)
{
    memcpy(keys->key, blob + c->key, c->key_len);
    memcpy(keys->iv, blob + c->salt, c->salt_len);
    keys->at.seq = read64(blob + c->seq);
    if (keys->version == WEIR_TLS13 || c->alg == WEIR_CHACHA20_POLY1305) {
        memcpy(keys->iv + c->salt_len, blob + c->iv, c->iv_len);
        keys->at.nonce_rule = WEIR_NONCE_IMPLICIT;
        return;
    }
    /* OpenSSL draws the first explicit nonce of a key at random and counts up from it. */
    keys->at.nonce_rule = WEIR_NONCE_COUNTER;
    if (dir == WEIR_TX)
        keys->at.explicit_nonce = read64(blob + c->iv);
}

bool weir_dropin_decode(const uint8_t *blob, enum weir_dir dir, struct weir_keys *keys)
{
    uint16_t version, number;
    size_t size;

    *keys = (struct weir_keys){0};
    memcpy(&version, blob + KTLS_VERSION_AT, sizeof version);
    memcpy(&number, blob + KTLS_NUMBER_AT, sizeof number);
    memcpy(&size, blob + KTLS_KEY_ROOM, sizeof size);
    if (version != WEIR_TLS12 && version != WEIR_TLS13)
        return false;
    for (size_t i = 0; i < sizeof ciphers / sizeof ciphers[0]; i++) {
        const struct cipher *c = &ciphers[i];
        if (c->number != number || c->size != size)
            continue;
        keys->version = version;
        keys->suite = suites[version == WEIR_TLS13][c->alg];
        fill(c, blob, dir, keys);
        return true;
    }
    return false;
}
