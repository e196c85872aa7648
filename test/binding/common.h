/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * What the tests of bindings/common share: hand-made records. Built once for each TLS library;
 * TEST_HEADER, TEST_AEAD and TEST_KDF name its providers.
 */
#ifndef TEST_BINDING_COMMON_H
#define TEST_BINDING_COMMON_H

#include "binding.h"

#include TEST_HEADER

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* A stream of records, as one side sends them. */
struct stream {
    uint8_t bytes[65536];
    size_t len;
    size_t last; /* where the last record begins */
};

static inline struct weir_once *once_new(void)
{
    struct weir_once *once = calloc(1, sizeof *once);
    struct weir_refusal why;

    cr_assert_not_null(once);
    cr_assert_eq(weir_soft_init(&once->soft, &TEST_AEAD, &why), WEIR_OK);
    once->ctx = aligned_alloc(64, (once->soft.backend.ctx_size + 63) / 64 * 64);
    cr_assert_not_null(once->ctx);
    return once;
}

static inline void once_free(struct weir_once *once)
{
    free(once->ctx);
    free(once);
}

static inline void add_plain(struct stream *s, uint8_t type, const void *body, size_t len)
{
    s->last = s->len;
    uint8_t *p = s->bytes + s->len;
    p[0] = type;
    p[1] = 3;
    p[2] = 3;
    p[3] = (uint8_t)(len >> 8);
    p[4] = (uint8_t)len;
    memcpy(p + 5, body, len);
    s->len += 5 + len;
}

static inline void add_sealed(struct stream *s, const struct weir_once *once,
                              struct weir_keys *keys, uint8_t type, const void *body, size_t len)
{
    size_t made = 0;

    s->last = s->len;
    cr_assert_eq(weir_once_seal(once, keys, type, body, len, s->bytes + s->len,
                                sizeof s->bytes - s->len, &made),
                 WEIR_OK);
    s->len += made;
}

/* A TLS 1.3 record that weir_tx would not make; `type` is the inner one. */
static inline void add_forged(struct stream *s, struct weir_keys *keys, uint8_t type,
                              const uint8_t *body, size_t len)
{
    uint8_t inner[64];
    uint8_t *ctx = aligned_alloc(64, (TEST_AEAD.ctx_size + 63) / 64 * 64);
    uint8_t *record = s->bytes + s->len;
    const struct weir_iov in = {inner, len + 1};
    struct weir_aead_op op = {
        .in = &in,
        .in_count = 1,
        .in_len = len + 1,
        .out = record + 5,
        .tag = record + 5 + len + 1,
        .aad = {record, 5},
    };

    cr_assert(ctx != NULL && len < sizeof inner);
    memcpy(inner, body, len);
    inner[len] = type;
    s->last = s->len;
    memcpy(record, (const uint8_t[]){23, 3, 3, 0, (uint8_t)(len + 17)}, 5);
    memcpy(op.nonce, keys->iv, WEIR_IV_LEN);
    op.nonce[11] ^= (uint8_t)keys->at.seq++;
    cr_assert_eq(TEST_AEAD.init(ctx, (weir_alg)weir_suite_find(keys->suite)->alg, keys->key),
                 WEIR_OK);
    cr_assert_eq(TEST_AEAD.seal(ctx, &op), WEIR_OK);
    TEST_AEAD.wipe(ctx);
    free(ctx);
    s->len += 5 + len + 17;
}

/* Keys of a made-up traffic secret. */
static inline struct weir_keys keys13(uint16_t suite, uint8_t seed)
{
    struct weir_keys keys;
    uint8_t secret[48];

    memset(secret, seed, sizeof secret);
    cr_assert_eq(weir_keys_from_secret(&keys, &TEST_KDF, suite, secret,
                                       WEIR_HASH_LEN(weir_suite_find(suite)->hash)),
                 WEIR_OK);
    return keys;
}

#endif
