/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AES-GCM and ChaCha20-Poly1305 by OpenSSL's EVP.
 *
 * The key is scheduled once, in init. A record costs one EVP_CipherInit_ex with nothing but a
 * nonce, one EVP_Cipher per input piece, and the tag. EVP_Cipher goes straight to the cipher and
 * leaves out the checks and parameter lists of EVP_CipherUpdate; its one quirk is that finishing
 * through it is not uniform among ciphers, so EVP_CipherFinal_ex does that.
 */
#include <weir/keys.h>
#include <weir/openssl.h>

#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdalign.h>

struct openssl_aead {
    EVP_CIPHER_CTX *evp;
};

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
        break;
    }
    return NULL;
}

static weir_status openssl_init(void *ctx, weir_alg alg, const uint8_t *key)
{
    struct openssl_aead *a = ctx;
    const EVP_CIPHER *cipher = cipher_of(alg);

    a->evp = NULL;
    if (cipher == NULL)
        return WEIR_E_PROVIDER;
    EVP_CIPHER_CTX *evp = EVP_CIPHER_CTX_new();
    if (evp == NULL)
        return WEIR_E_PROVIDER;
    /*
     * These ciphers schedule the same key for both ways; each record says again which way it goes.
     * All of them take 12 nonce bytes unless told otherwise.
     */
    if (EVP_CipherInit_ex(evp, cipher, NULL, key, NULL, 1) != 1 ||
        EVP_CIPHER_CTX_get_iv_length(evp) != (int)WEIR_IV_LEN) {
        EVP_CIPHER_CTX_free(evp);
        return WEIR_E_PROVIDER;
    }
    a->evp = evp;
    return WEIR_OK;
}

/* One piece through the cipher. EVP_Cipher answers the bytes it took, or less than 1. */
static bool run(EVP_CIPHER_CTX *evp, uint8_t *out, const uint8_t *in, size_t len)
{
    return len == 0 || (len <= INT_MAX && EVP_Cipher(evp, out, in, (unsigned)len) > 0);
}

static bool begin(EVP_CIPHER_CTX *evp, const struct weir_aead_op *op, int enc)
{
    return EVP_CipherInit_ex(evp, NULL, NULL, NULL, op->nonce, enc) == 1 &&
           run(evp, NULL, op->aad.base, op->aad.len);
}

static weir_status openssl_seal(void *ctx, const struct weir_aead_op *op)
{
    const struct openssl_aead *a = ctx;
    uint8_t *out = op->out;
    uint8_t none[WEIR_TAG_LEN]; /* where the end of a message would go if there were one */
    int n = 0;

    if (!begin(a->evp, op, 1))
        return WEIR_E_PROVIDER;
    for (size_t i = 0; i < op->in_count; i++) {
        if (!run(a->evp, out, op->in[i].base, op->in[i].len))
            return WEIR_E_PROVIDER;
        out += op->in[i].len;
    }
    OSSL_PARAM tag[2] = {
        OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, op->tag, WEIR_TAG_LEN),
        OSSL_PARAM_construct_end(),
    };
    if (EVP_CipherFinal_ex(a->evp, none, &n) != 1 || n != 0 ||
        EVP_CIPHER_CTX_get_params(a->evp, tag) != 1)
        return WEIR_E_PROVIDER;
    return WEIR_OK;
}

static weir_status openssl_open(void *ctx, const struct weir_aead_op *op)
{
    const struct openssl_aead *a = ctx;
    uint8_t *out = op->out;
    uint8_t none[WEIR_TAG_LEN];
    int n = 0;

    if (!begin(a->evp, op, 0))
        return WEIR_E_PROVIDER;
    OSSL_PARAM tag[2] = {
        OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, op->tag, WEIR_TAG_LEN),
        OSSL_PARAM_construct_end(),
    };
    if (EVP_CIPHER_CTX_set_params(a->evp, tag) != 1)
        return WEIR_E_PROVIDER;
    for (size_t i = 0; i < op->in_count; i++) {
        if (!run(a->evp, out, op->in[i].base, op->in[i].len))
            return WEIR_E_PROVIDER;
        out += op->in[i].len;
    }
    /* Compares in constant time, and is the only step that fails for a wrong tag. */
    return EVP_CipherFinal_ex(a->evp, none, &n) == 1 ? WEIR_OK : WEIR_E_AUTH;
}

static void openssl_wipe(void *ctx)
{
    struct openssl_aead *a = ctx;
    EVP_CIPHER_CTX_free(a->evp); /* wipes the key schedule */
    a->evp = NULL;
}

const struct weir_aead weir_aead_openssl = {
    .abi = WEIR_AEAD_ABI,
    .algs = WEIR_ALG_BIT(WEIR_AES_128_GCM) | WEIR_ALG_BIT(WEIR_AES_256_GCM) |
            WEIR_ALG_BIT(WEIR_CHACHA20_POLY1305),
    .flags = WEIR_AEAD_ALLOCATES,
    .name = "openssl",
    .ctx_size = sizeof(struct openssl_aead),
    .ctx_align = alignof(struct openssl_aead),
    .init = openssl_init,
    .seal = openssl_seal,
    .open = openssl_open,
    .wipe = openssl_wipe,
};
