/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keystream of AES-GCM by itself, from any byte on: against what sealing does, and where the
 * counter carries, against AES-CTR.
 */
#include "cases.h"

#include <weir/keys.h>

#define MESSAGE 16400u
#define SHORT   100u /* every offset and length of the first bytes of the message */

static const uint8_t nonce[WEIR_IV_LEN] = {0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5,
                                           0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab};

static union {
    uint64_t align;
    _Alignas(64) uint8_t bytes[4096];
} ctx;
static uint8_t text[MESSAGE], sealed[MESSAGE];
static uint8_t got[MESSAGE + 1];

static bool begin(struct test *t, weir_alg alg)
{
    static const uint8_t aad[5] = {23, 3, 3, 0x40, 0x10};
    uint8_t key[WEIR_MAX_KEY], tag[WEIR_TAG_LEN];
    const struct weir_iov in = {text, sizeof text};
    struct weir_aead_op op = {.aad = {aad, sizeof aad},
                              .in = &in,
                              .in_count = 1,
                              .in_len = sizeof text,
                              .out = sealed,
                              .tag = tag};
    uint64_t random = 7;

    for (size_t i = 0; i < sizeof key; i++)
        key[i] = (uint8_t)i;
    test_random_fill(&random, text, sizeof text);
    memcpy(op.nonce, nonce, sizeof nonce);
    return test_check(t, t->aead->ctx_size <= sizeof ctx, TEST_HERE, "room for the context") &&
           test_check(t, t->aead->init(&ctx, alg, key) == WEIR_OK, TEST_HERE, "a key") &&
           test_check(t, t->aead->seal(&ctx, &op) == WEIR_OK, TEST_HERE, "sealed");
}

/* One piece, apart and in place, sealed and opened, and not a byte more. */
static bool piece(const struct test *t, size_t offset, size_t len)
{
    got[len] = 0x5a;
    if (t->aead->keystream(&ctx, nonce, offset, text + offset, got, len) != WEIR_OK ||
        memcmp(got, sealed + offset, len) != 0)
        return false;
    return t->aead->keystream(&ctx, nonce, offset, got, got, len) == WEIR_OK &&
           memcmp(got, text + offset, len) == 0 && got[len] == 0x5a;
}

static void as_sealed(struct test *t)
{
    /* Around what the providers do at once; the counter's lowest byte carries at 4064. */
    static const size_t lens[] = {0, 1, 15, 16, 17, 63, 255, 256, 257, 1448};

    if (t->aead->keystream == NULL)
        SKIP(t, "the provider has none");
    for (weir_alg alg = WEIR_AES_128_GCM; alg <= WEIR_AES_256_GCM; alg++) {
        bool right = true;

        if (!begin(t, alg))
            return;
        for (size_t at = 0; at <= SHORT && right; at++) {
            for (size_t len = 0; at + len <= SHORT && right; len++) {
                t->at = at * 1000 + len;
                right = piece(t, at, len);
            }
        }
        for (size_t at = 0; at < MESSAGE && right; at += at >= 4040 && at < 4080 ? 1 : 505) {
            for (size_t i = 0; i < sizeof lens / sizeof *lens && right; i++) {
                t->at = at * 100000 + lens[i];
                right = at + lens[i] > MESSAGE || piece(t, at, lens[i]);
            }
            right = right && (at % 505 != 0 || piece(t, at, MESSAGE - at));
        }
        CHECK(t, right);
        /* The context seals as before. */
        t->aead->wipe(&ctx);
        CHECK(t, begin(t, alg));
        t->aead->wipe(&ctx);
    }
}

/* Two blocks each, by `openssl enc -aes-128-ctr` and -aes-256-ctr; the key is 00 01 02 …. */
static const struct {
    uint32_t counter;
    uint8_t stream[2][32];
} far[] = {
    {0xff,
     {{0xf6, 0x07, 0x83, 0xab, 0xcf, 0x01, 0x0b, 0x2e, 0x34, 0x87, 0xa1,
       0x52, 0xc2, 0x98, 0xce, 0xee, 0x0e, 0xcd, 0xe3, 0x59, 0xc4, 0xdd,
       0x0a, 0x6f, 0xfb, 0xf5, 0x3f, 0x77, 0x94, 0x56, 0x7f, 0x6d},
      {0x27, 0x3c, 0xa4, 0xcc, 0x84, 0xb5, 0x25, 0x5d, 0xd4, 0x65, 0x3c,
       0xa3, 0x37, 0x71, 0xba, 0xe7, 0xed, 0xd2, 0xb4, 0x00, 0xf2, 0x9e,
       0x24, 0xcb, 0x06, 0x0f, 0x24, 0xef, 0xcd, 0x03, 0xfb, 0x0d}}},
    {0xffff,
     {{0x15, 0xf7, 0x89, 0x52, 0xe7, 0x57, 0xa7, 0xf8, 0xed, 0x35, 0x9d,
       0xf4, 0x51, 0xe2, 0x24, 0xb4, 0x5c, 0x0b, 0x95, 0x92, 0x50, 0xfe,
       0x7d, 0x39, 0x1e, 0xac, 0xd2, 0x3e, 0x7f, 0x09, 0xfe, 0xee},
      {0x77, 0xb4, 0x5c, 0xe2, 0xf5, 0x86, 0x50, 0xac, 0xc7, 0xd6, 0xa0,
       0x42, 0xbc, 0x7d, 0xa2, 0xeb, 0x54, 0x70, 0xe3, 0x5b, 0x8a, 0xcc,
       0xe9, 0xcf, 0x8b, 0x64, 0x61, 0x81, 0xf8, 0xcf, 0xde, 0xc7}}},
    {0xffffff,
     {{0xca, 0xdd, 0xa9, 0xe3, 0x5e, 0x29, 0x0e, 0x36, 0x82, 0xc2, 0x25,
       0x29, 0x73, 0xb7, 0x2b, 0x14, 0x6f, 0x43, 0xd4, 0x0f, 0x09, 0x3a,
       0xcb, 0x61, 0x46, 0x32, 0xee, 0xfa, 0x0f, 0x7a, 0x16, 0xbd},
      {0x44, 0xc9, 0xa2, 0xa8, 0x29, 0x89, 0x04, 0xd9, 0x84, 0xb2, 0xd0,
       0x47, 0x71, 0x72, 0xc6, 0xff, 0x87, 0x48, 0xf8, 0xc1, 0x15, 0x04,
       0x51, 0x44, 0x0c, 0x73, 0x82, 0x7f, 0x28, 0x15, 0x46, 0xc9}}},
    {0xfffffffe,
     {{0xd1, 0x1b, 0xd9, 0x5d, 0xc6, 0x11, 0x12, 0xcd, 0xd3, 0x01, 0xb0,
       0x71, 0x26, 0xf2, 0x58, 0x88, 0x1a, 0x54, 0xd9, 0xea, 0x37, 0x78,
       0x8b, 0x97, 0xf7, 0x08, 0xeb, 0x8b, 0x78, 0x7b, 0xc4, 0x3d},
      {0xf0, 0x93, 0x96, 0x76, 0x33, 0xfd, 0x3a, 0xf5, 0xa7, 0x0a, 0xf9,
       0xd6, 0xf9, 0xde, 0x5c, 0x59, 0xe3, 0xd0, 0x21, 0xd9, 0xba, 0xb8,
       0x6f, 0xfd, 0xd1, 0xa7, 0x37, 0xa6, 0x42, 0xee, 0xf7, 0xe0}}},
};

static void where_the_counter_carries(struct test *t)
{
    static const uint8_t zeros[32];

    if (t->aead->keystream == NULL)
        SKIP(t, "the provider has none");
    for (weir_alg alg = WEIR_AES_128_GCM; alg <= WEIR_AES_256_GCM; alg++) {
        if (!begin(t, alg))
            return;
        for (size_t i = 0; i < sizeof far / sizeof *far; i++) {
            const uint64_t start = ((uint64_t)far[i].counter - 2) * 16;

            for (size_t at = 0; at < 32; at++) {
                t->at = i * 100 + at;
                CHECK_STATUS(t, t->aead->keystream(&ctx, nonce, start + at, zeros, got, 32 - at),
                             WEIR_OK);
                CHECK_MEM(t, got, far[i].stream[alg] + at, 32 - at);
            }
        }
        t->aead->wipe(&ctx);
    }
}

/* Behind the last block the counter would begin again, under what hides the tag. */
static void not_beyond_the_longest_message(struct test *t)
{
    static const struct {
        uint64_t offset;
        size_t len;
    } beyond[] = {{WEIR_AEAD_MAX_KEYSTREAM, 1},
                  {WEIR_AEAD_MAX_KEYSTREAM - 31, 32},
                  {WEIR_AEAD_MAX_KEYSTREAM + 1, 0},
                  {UINT64_MAX, 32},
                  {UINT64_MAX - 31, 32},
                  {UINT64_C(1) << 36, 1}};

    if (t->aead->keystream == NULL)
        SKIP(t, "the provider has none");
    for (weir_alg alg = WEIR_AES_128_GCM; alg <= WEIR_AES_256_GCM; alg++) {
        if (!begin(t, alg))
            return;
        memset(got, 0, sizeof got);
        for (size_t i = 0; i < sizeof beyond / sizeof *beyond; i++) {
            t->at = i;
            CHECK_STATUS(
                t, t->aead->keystream(&ctx, nonce, beyond[i].offset, text, got, beyond[i].len),
                WEIR_E_PROVIDER);
        }
        CHECK_ZERO(t, got, sizeof got);
        CHECK_STATUS(t, t->aead->keystream(&ctx, nonce, WEIR_AEAD_MAX_KEYSTREAM, text, got, 0),
                     WEIR_OK);
        CHECK_ZERO(t, got, sizeof got);
        t->aead->wipe(&ctx);
    }
}

static void another_algorithm_is_refused(struct test *t)
{
    if (t->aead->keystream == NULL || (t->aead->algs & WEIR_ALG_BIT(WEIR_CHACHA20_POLY1305)) == 0)
        SKIP(t, "the provider has AES-GCM alone, or no keystream");
    if (!begin(t, WEIR_CHACHA20_POLY1305))
        return;
    memset(got, 0, sizeof got);
    CHECK_STATUS(t, t->aead->keystream(&ctx, nonce, 0, text, got, 16), WEIR_REFUSED);
    CHECK_ZERO(t, got, sizeof got);
    t->aead->wipe(&ctx);
}

/* A key that made a keystream leaves as little behind as another. */
static void nothing_is_left(struct test *t)
{
    if (t->aead->keystream == NULL)
        SKIP(t, "the provider has none");
    for (unsigned times = 0; times < 2; times++) {
        if (!begin(t, WEIR_AES_256_GCM))
            return;
        if (times > 0)
            CHECK_STATUS(t, t->aead->keystream(&ctx, nonce, 5, text, got, 100), WEIR_OK);
        t->aead->wipe(&ctx);
        CHECK_ZERO(t, &ctx, t->aead->ctx_size);
    }
}

static const struct test_case table[] = {
    CASE(as_sealed),
    CASE(where_the_counter_carries),
    CASE(not_beyond_the_longest_message),
    CASE(another_algorithm_is_refused),
    CASE(nothing_is_left),
};
CASE_GROUP(keystream, table, TEST_EACH_AEAD);
