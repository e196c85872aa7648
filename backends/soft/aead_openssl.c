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
#include <string.h>

struct openssl_aead {
    EVP_CIPHER_CTX *evp;
    EVP_CIPHER_CTX *ctr; /* keystream alone; made when it is first asked for, out of `key` */
    uint8_t key[WEIR_MAX_KEY];
    weir_alg alg;
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

/* EVP gives no key back, so that it is kept for the day a keystream is asked for. */
static void keystream_key(struct openssl_aead *a, weir_alg alg, const uint8_t *key)
{
    a->alg = alg;
    if (alg != WEIR_CHACHA20_POLY1305)
        memcpy(a->key, key, weir_alg_key_len(alg));
}

static weir_status openssl_init(void *ctx, weir_alg alg, const uint8_t *key)
{
    struct openssl_aead *a = ctx;
    const EVP_CIPHER *cipher = cipher_of(alg);

    a->evp = a->ctr = NULL;
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
    keystream_key(a, alg, key);
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

/* Schedules the key for AES-CTR. From then on the schedule is all that is needed of it. */
static bool keystream_begin(struct openssl_aead *a)
{
    const EVP_CIPHER *cipher = a->alg == WEIR_AES_128_GCM ? EVP_aes_128_ctr() : EVP_aes_256_ctr();
    EVP_CIPHER_CTX *ctr = EVP_CIPHER_CTX_new();

    if (ctr == NULL || EVP_CipherInit_ex(ctr, cipher, NULL, a->key, NULL, 1) != 1) {
        EVP_CIPHER_CTX_free(ctr);
        return false;
    }
    a->ctr = ctr;
    weir_wipe(a->key, sizeof a->key);
    return true;
}

static weir_status openssl_keystream(void *ctx, const uint8_t nonce[WEIR_IV_LEN], uint64_t offset,
                                     const uint8_t *in, uint8_t *out, size_t len)
{
    struct openssl_aead *a = ctx;
    const uint32_t counter = (uint32_t)(offset / 16) + 2;
    uint8_t block[16], before[16] = {0};

    if (a->alg == WEIR_CHACHA20_POLY1305)
        return WEIR_REFUSED;
    if (offset > WEIR_AEAD_MAX_KEYSTREAM || len > WEIR_AEAD_MAX_KEYSTREAM - offset ||
        (a->ctr == NULL && !keystream_begin(a)))
        return WEIR_E_PROVIDER;
    memcpy(block, nonce, WEIR_IV_LEN);
    for (unsigned i = 0; i < 4; i++)
        block[WEIR_IV_LEN + i] = (uint8_t)(counter >> (24 - 8 * i));
    /* Bytes of the first block that lie before `offset` go through first, and away. */
    bool done = EVP_CipherInit_ex(a->ctr, NULL, NULL, NULL, block, 1) == 1 &&
                run(a->ctr, before, before, offset % 16) && run(a->ctr, out, in, len);
    weir_wipe(before, sizeof before);
    return done ? WEIR_OK : WEIR_E_PROVIDER;
}

static void openssl_wipe(void *ctx)
{
    struct openssl_aead *a = ctx;
    EVP_CIPHER_CTX_free(a->evp); /* wipes the key schedule */
    EVP_CIPHER_CTX_free(a->ctr);
    weir_wipe(a, sizeof *a);
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
    .keystream = openssl_keystream,
};
