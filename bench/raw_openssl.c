/* SPDX-License-Identifier: BSD-2-Clause */
/* OpenSSL's EVP, with EVP_Cipher for the data: 40 to 50 ns less than EVP_CipherUpdate on 3.0. */
#include "raw_aead.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

static EVP_CIPHER_CTX *ctx;

static bool start(weir_alg alg, const uint8_t *key)
{
    const EVP_CIPHER *ciphers[] = {EVP_aes_128_gcm(), EVP_aes_256_gcm(), EVP_chacha20_poly1305()};

    ctx = EVP_CIPHER_CTX_new();
    return ctx != NULL && EVP_CipherInit_ex(ctx, ciphers[alg], NULL, key, NULL, 1) == 1;
}

static bool begin(const struct raw_op *op, int enc)
{
    return EVP_CipherInit_ex(ctx, NULL, NULL, NULL, op->nonce, enc) == 1 &&
           EVP_Cipher(ctx, NULL, op->aad, (unsigned)op->aad_len) > 0;
}

static bool seal(const struct raw_op *op)
{
    uint8_t none[WEIR_TAG_LEN];
    int n = 0;
    OSSL_PARAM tag[2] = {
        OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, op->tag, WEIR_TAG_LEN),
        OSSL_PARAM_construct_end(),
    };

    return begin(op, 1) && EVP_Cipher(ctx, op->out, op->in, (unsigned)op->len) > 0 &&
           EVP_CipherFinal_ex(ctx, none, &n) == 1 && EVP_CIPHER_CTX_get_params(ctx, tag) == 1;
}

static bool open(const struct raw_op *op)
{
    uint8_t none[WEIR_TAG_LEN];
    int n = 0;
    OSSL_PARAM tag[2] = {
        OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, op->tag, WEIR_TAG_LEN),
        OSSL_PARAM_construct_end(),
    };

    return begin(op, 0) && EVP_CIPHER_CTX_set_params(ctx, tag) == 1 &&
           EVP_Cipher(ctx, op->out, op->in, (unsigned)op->len) > 0 &&
           EVP_CipherFinal_ex(ctx, none, &n) == 1;
}

static void end(void)
{
    EVP_CIPHER_CTX_free(ctx);
}

const struct raw raw_openssl = {"openssl", start, seal, open, end};
