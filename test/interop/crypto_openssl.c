/* SPDX-License-Identifier: BSD-2-Clause */
#include "crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>

static const EVP_CIPHER *cipher_of(weir_alg alg)
{
    switch (alg) {
    case WEIR_AES_128_GCM:
        return EVP_aes_128_gcm();
    case WEIR_AES_256_GCM:
        return EVP_aes_256_gcm();
    case WEIR_CHACHA20_POLY1305:
        return EVP_chacha20_poly1305();
    case WEIR_ALG_COUNT:
    default:
        return NULL;
    }
}

bool crypto_open(const struct crypto_message *m, const uint8_t *in, size_t len, uint8_t *out)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t tag[WEIR_TAG_LEN];
    int n = 0;

    if (ctx == NULL || len < WEIR_TAG_LEN) {
        EVP_CIPHER_CTX_free(ctx);
        return false;
    }
    size_t text = len - WEIR_TAG_LEN;
    for (size_t i = 0; i < WEIR_TAG_LEN; i++)
        tag[i] = in[text + i];
    bool ok = EVP_DecryptInit_ex(ctx, cipher_of(m->alg), NULL, m->key, m->nonce) == 1 &&
              EVP_DecryptUpdate(ctx, NULL, &n, m->aad, (int)m->aad_len) == 1 &&
              EVP_DecryptUpdate(ctx, out, &n, in, (int)text) == 1 &&
              EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, WEIR_TAG_LEN, tag) == 1 &&
              EVP_DecryptFinal_ex(ctx, out + text, &n) == 1;
    EVP_CIPHER_CTX_free(ctx);
    return ok;
}

bool crypto_seal(const struct crypto_message *m, const uint8_t *in, size_t len, uint8_t *out)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n = 0;

    bool ok = ctx != NULL &&
              EVP_EncryptInit_ex(ctx, cipher_of(m->alg), NULL, m->key, m->nonce) == 1 &&
              EVP_EncryptUpdate(ctx, NULL, &n, m->aad, (int)m->aad_len) == 1 &&
              EVP_EncryptUpdate(ctx, out, &n, in, (int)len) == 1 &&
              EVP_EncryptFinal_ex(ctx, out + len, &n) == 1 &&
              EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, WEIR_TAG_LEN, out + len) == 1;
    EVP_CIPHER_CTX_free(ctx);
    return ok;
}

bool crypto_hmac(weir_hash hash, const uint8_t *key, size_t key_len, const uint8_t *data,
                 size_t len, uint8_t *out)
{
    unsigned n = 0;
    const EVP_MD *md = hash == WEIR_SHA384 ? EVP_sha384() : EVP_sha256();
    return HMAC(md, key, (int)key_len, data, len, out, &n) != NULL;
}

struct crypto_digest {
    EVP_MD_CTX *ctx;
};

struct crypto_digest *crypto_digest_new(void)
{
    struct crypto_digest *digest = malloc(sizeof *digest);

    if (digest == NULL)
        abort();
    digest->ctx = EVP_MD_CTX_new();
    if (digest->ctx == NULL || EVP_DigestInit_ex(digest->ctx, EVP_sha256(), NULL) != 1)
        abort();
    return digest;
}

void crypto_digest_add(struct crypto_digest *digest, const void *data, size_t len)
{
    if (EVP_DigestUpdate(digest->ctx, data, len) != 1)
        abort();
}

void crypto_digest_end(struct crypto_digest *digest, char hex[65])
{
    uint8_t sum[32];

    if (EVP_DigestFinal_ex(digest->ctx, sum, NULL) != 1)
        abort();
    for (size_t i = 0; i < sizeof sum; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", sum[i]);
    EVP_MD_CTX_free(digest->ctx);
    free(digest);
}
