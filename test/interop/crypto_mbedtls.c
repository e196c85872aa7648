/* SPDX-License-Identifier: BSD-2-Clause */
#include "crypto.h"

#include <mbedtls/chachapoly.h>
#include <mbedtls/gcm.h>
#include <mbedtls/md.h>
#include <stdio.h>
#include <stdlib.h>

static bool gcm(const struct crypto_message *m, bool seal, const uint8_t *in, size_t text,
                uint8_t *out)
{
    mbedtls_gcm_context ctx;
    unsigned bits = (unsigned)weir_alg_key_len(m->alg) * 8;

    mbedtls_gcm_init(&ctx);
    int rc = mbedtls_gcm_setkey(&ctx, MBEDTLS_CIPHER_ID_AES, m->key, bits);
    if (rc == 0 && seal)
        rc = mbedtls_gcm_crypt_and_tag(&ctx, MBEDTLS_GCM_ENCRYPT, text, m->nonce, WEIR_IV_LEN,
                                       m->aad, m->aad_len, in, out, WEIR_TAG_LEN, out + text);
    else if (rc == 0)
        rc = mbedtls_gcm_auth_decrypt(&ctx, text, m->nonce, WEIR_IV_LEN, m->aad, m->aad_len,
                                      in + text, WEIR_TAG_LEN, in, out);
    mbedtls_gcm_free(&ctx);
    return rc == 0;
}

static bool chachapoly(const struct crypto_message *m, bool seal, const uint8_t *in, size_t text,
                       uint8_t *out)
{
    mbedtls_chachapoly_context ctx;

    mbedtls_chachapoly_init(&ctx);
    int rc = mbedtls_chachapoly_setkey(&ctx, m->key);
    if (rc == 0 && seal)
        rc = mbedtls_chachapoly_encrypt_and_tag(&ctx, text, m->nonce, m->aad, m->aad_len, in, out,
                                                out + text);
    else if (rc == 0)
        rc = mbedtls_chachapoly_auth_decrypt(&ctx, text, m->nonce, m->aad, m->aad_len, in + text,
                                             in, out);
    mbedtls_chachapoly_free(&ctx);
    return rc == 0;
}

bool crypto_open(const struct crypto_message *m, const uint8_t *in, size_t len, uint8_t *out)
{
    if (len < WEIR_TAG_LEN)
        return false;
    size_t text = len - WEIR_TAG_LEN;
    return m->alg == WEIR_CHACHA20_POLY1305 ? chachapoly(m, false, in, text, out)
                                            : gcm(m, false, in, text, out);
}

bool crypto_seal(const struct crypto_message *m, const uint8_t *in, size_t len, uint8_t *out)
{
    return m->alg == WEIR_CHACHA20_POLY1305 ? chachapoly(m, true, in, len, out)
                                            : gcm(m, true, in, len, out);
}

static const mbedtls_md_info_t *md_of(weir_hash hash)
{
    return mbedtls_md_info_from_type(hash == WEIR_SHA384 ? MBEDTLS_MD_SHA384 : MBEDTLS_MD_SHA256);
}

bool crypto_hmac(weir_hash hash, const uint8_t *key, size_t key_len, const uint8_t *data,
                 size_t len, uint8_t *out)
{
    return mbedtls_md_hmac(md_of(hash), key, key_len, data, len, out) == 0;
}

struct crypto_digest {
    mbedtls_md_context_t ctx;
};

struct crypto_digest *crypto_digest_new(void)
{
    struct crypto_digest *digest = malloc(sizeof *digest);

    if (digest == NULL)
        abort();
    mbedtls_md_init(&digest->ctx);
    if (mbedtls_md_setup(&digest->ctx, md_of(WEIR_SHA256), 0) != 0 ||
        mbedtls_md_starts(&digest->ctx) != 0)
        abort();
    return digest;
}

void crypto_digest_add(struct crypto_digest *digest, const void *data, size_t len)
{
    if (mbedtls_md_update(&digest->ctx, data, len) != 0)
        abort();
}

void crypto_digest_end(struct crypto_digest *digest, char hex[65])
{
    uint8_t sum[32];

    if (mbedtls_md_finish(&digest->ctx, sum) != 0)
        abort();
    for (size_t i = 0; i < sizeof sum; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", sum[i]);
    mbedtls_md_free(&digest->ctx);
    free(digest);
}
