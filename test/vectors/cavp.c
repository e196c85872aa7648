/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The AES-GCM cases of NIST's CAVP, put into the image when it is built. On a host vector-files
 * does more with the same cases; this is what a target without files has.
 */
#include "cases.h"
#include "providers.h"
#include "vectors/cavp_vectors.h"

/* CAVP has, for each key length, 5 lengths of plaintext x 5 of additional data x 15 cases. */
#define CASES 375u

#define TEXT_MAX 64u

/* A case as cavp.py packs it. */
struct vector {
    const uint8_t *key, *nonce, *aad, *cipher, *tag, *plain;
    size_t aad_len, len;
    bool forged;
};

/* Takes one off the front; returns the bytes it has. */
static size_t unpack(const uint8_t *p, size_t key_len, struct vector *v)
{
    const uint8_t *at = p + 3;

    v->aad_len = p[0];
    v->len = p[1];
    v->forged = p[2] != 0;
    v->key = at;
    v->nonce = v->key + key_len;
    v->aad = v->nonce + WEIR_IV_LEN;
    v->cipher = v->aad + v->aad_len;
    v->tag = v->cipher + v->len;
    v->plain = v->tag + WEIR_TAG_LEN;
    return (size_t)(v->plain - p) + (v->forged ? 0 : v->len);
}

static struct weir_aead_op op_of(const struct vector *v, const struct weir_iov *in, uint8_t *out,
                                 uint8_t *tag)
{
    struct weir_aead_op op = {.in = in, .in_count = 1, .in_len = v->len, .out = out, .tag = tag};

    memcpy(op.nonce, v->nonce, WEIR_IV_LEN);
    op.aad = (struct weir_iov){v->aad, v->aad_len};
    return op;
}

static void one(struct test *t, void *ctx, const struct vector *v)
{
    uint8_t out[TEXT_MAX], tag[WEIR_TAG_LEN];
    struct weir_iov in = {v->cipher, v->len};
    struct weir_aead_op op = op_of(v, &in, out, tag);

    memcpy(tag, v->tag, sizeof tag);
    if (v->forged) {
        CHECK_STATUS(t, t->aead->open(ctx, &op), WEIR_E_AUTH);
        return;
    }
    CHECK_STATUS(t, t->aead->open(ctx, &op), WEIR_OK);
    CHECK_MEM(t, out, v->plain, v->len);
    tag[t->at % WEIR_TAG_LEN] ^= 1;
    CHECK_STATUS(t, t->aead->open(ctx, &op), WEIR_E_AUTH);

    in.base = v->plain;
    CHECK_STATUS(t, t->aead->seal(ctx, &op), WEIR_OK);
    CHECK_MEM(t, out, v->cipher, v->len);
    CHECK_MEM(t, tag, v->tag, sizeof tag);
}

static void all(struct test *t, weir_alg alg, const uint8_t *bytes, size_t len)
{
    static union vector_ctx ctx;
    size_t at = 0;

    REQUIRE(t, t->aead->ctx_size <= sizeof ctx);
    for (t->at = 0; at < len; t->at++) {
        struct vector v;

        at += unpack(bytes + at, weir_alg_key_len(alg), &v);
        REQUIRE(t, at <= len && v.len <= TEXT_MAX);
        REQUIRE_STATUS(t, t->aead->init(&ctx, alg, v.key), WEIR_OK);
        one(t, &ctx, &v);
        t->aead->wipe(&ctx);
    }
    CHECK_EQ(t, t->at, CASES);
}

#define NO_FILES "the files of CAVP were not there when this was built"

static void encrypt_128(struct test *t)
{
#if defined(CAVP_NO_gcmEncryptExtIV128)
    SKIP(t, NO_FILES);
#endif
    all(t, WEIR_AES_128_GCM, cavp_gcmEncryptExtIV128, sizeof cavp_gcmEncryptExtIV128);
}

static void decrypt_128(struct test *t)
{
#if defined(CAVP_NO_gcmDecrypt128)
    SKIP(t, NO_FILES);
#endif
    all(t, WEIR_AES_128_GCM, cavp_gcmDecrypt128, sizeof cavp_gcmDecrypt128);
}

static void encrypt_256(struct test *t)
{
#if defined(CAVP_NO_gcmEncryptExtIV256)
    SKIP(t, NO_FILES);
#endif
    all(t, WEIR_AES_256_GCM, cavp_gcmEncryptExtIV256, sizeof cavp_gcmEncryptExtIV256);
}

static void decrypt_256(struct test *t)
{
#if defined(CAVP_NO_gcmDecrypt256)
    SKIP(t, NO_FILES);
#endif
    all(t, WEIR_AES_256_GCM, cavp_gcmDecrypt256, sizeof cavp_gcmDecrypt256);
}

static const struct test_case table[] = {
    CASE(encrypt_128),
    CASE(decrypt_128),
    CASE(encrypt_256),
    CASE(decrypt_256),
};
CASE_GROUP(cavp, table, TEST_EACH_AEAD);
