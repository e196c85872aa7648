/* SPDX-License-Identifier: BSD-2-Clause */
/* What the portable providers promise beyond the contract of every provider. */
#include "cases.h"
#include "portable_short.h"
#include <weir/portable.h>

#define TEXT_MAX 96u

static const struct weir_aead *const aeads[] = {&weir_aead_portable, &weir_aead_portable_short};
#define AEADS (sizeof aeads / sizeof *aeads)

static union {
    uint64_t align;
    uint8_t bytes[2048];
} ctx;
static const uint8_t key[WEIR_MAX_KEY] = {1, 2, 3}, aad[5] = {23, 3, 3, 0, 80};
static uint8_t text[TEXT_MAX], sealed[TEXT_MAX], out[TEXT_MAX + 8], tag[WEIR_TAG_LEN];

static struct weir_aead_op op_of(const struct weir_iov *in, size_t count, size_t len, uint8_t *to)
{
    return (struct weir_aead_op){.aad = {aad, sizeof aad},
                                 .in = in,
                                 .in_count = count,
                                 .in_len = len,
                                 .out = to,
                                 .tag = tag};
}

/* `text` sealed to `sealed` and `tag`, with a context that is ready. */
static bool begin(struct test *t, const struct weir_aead *aead)
{
    const struct weir_iov in = {text, TEXT_MAX};
    struct weir_aead_op op = op_of(&in, 1, TEXT_MAX, sealed);
    uint64_t seed = 5;

    test_random_fill(&seed, text, sizeof text);
    return test_check(t, aead->ctx_size <= sizeof ctx, TEST_HERE, "room") &&
           test_check(t, aead->init(&ctx, WEIR_AES_256_GCM, key) == WEIR_OK, TEST_HERE, "init") &&
           test_check(t, aead->seal(&ctx, &op) == WEIR_OK, TEST_HERE, "seal");
}

/* Before the tag was found right nothing is written. */
static void a_refused_message_is_not_decrypted(struct test *t)
{
    for (size_t i = 0; i < AEADS; i++) {
        const struct weir_iov in = {sealed, TEXT_MAX};
        struct weir_aead_op op = op_of(&in, 1, TEXT_MAX, out);

        t->at = i;
        if (!begin(t, aeads[i]))
            return;
        for (size_t bit = 0; bit < 8 * (size_t)WEIR_TAG_LEN; bit++) {
            memset(out, 0, sizeof out);
            tag[bit / 8] ^= (uint8_t)(1u << bit % 8);
            CHECK_STATUS(t, aeads[i]->open(&ctx, &op), WEIR_E_AUTH);
            CHECK_ZERO(t, out, sizeof out);
            tag[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        CHECK_STATUS(t, aeads[i]->open(&ctx, &op), WEIR_OK);
        CHECK_MEM(t, out, text, TEXT_MAX);
    }
}

static void any_address_will_do(struct test *t)
{
    for (size_t i = 0; i < AEADS; i++) {
        if (!begin(t, aeads[i]))
            return;
        for (t->at = 0; t->at < 8; t->at++) {
            const size_t len = TEXT_MAX - 8, at = (size_t)t->at;
            uint8_t *to = out + (8 - at);
            const struct weir_iov in = {text + at, len}, on_top = {to, len};
            struct weir_aead_op op = op_of(&in, 1, len, to);

            CHECK_STATUS(t, aeads[i]->seal(&ctx, &op), WEIR_OK);
            op.in = &on_top;
            CHECK_STATUS(t, aeads[i]->open(&ctx, &op), WEIR_OK);
            CHECK_MEM(t, to, text + at, len);
        }
    }
}

/* NIST SP 800-38D section 5.2.1.1: 2^39 - 256 bits. What is said to be there is not looked at. */
static void too_long_a_message_is_refused(struct test *t)
{
    const uint64_t too_long = (UINT64_C(1) << 36) - 31;

    if (too_long > SIZE_MAX)
        SKIP(t, "no message can be so long here");
    for (size_t i = 0; i < AEADS; i++) {
        const struct weir_iov in = {text, (size_t)too_long};
        struct weir_aead_op op = op_of(&in, 1, (size_t)too_long, out);

        if (!begin(t, aeads[i]))
            return;
        memset(out, 0, sizeof out);
        CHECK_STATUS(t, aeads[i]->seal(&ctx, &op), WEIR_E_PROVIDER);
        CHECK_STATUS(t, aeads[i]->open(&ctx, &op), WEIR_E_PROVIDER);
        op.in_len = SIZE_MAX;
        CHECK_STATUS(t, aeads[i]->seal(&ctx, &op), WEIR_E_PROVIDER);
        CHECK_ZERO(t, out, sizeof out);
    }
}

static void only_one_piece_is_opened(struct test *t)
{
    for (size_t i = 0; i < AEADS; i++) {
        const struct weir_iov in[2] = {{sealed, 40}, {sealed + 40, TEXT_MAX - 40}};
        struct weir_aead_op op = op_of(in, 2, TEXT_MAX, out);

        if (!begin(t, aeads[i]))
            return;
        CHECK_STATUS(t, aeads[i]->open(&ctx, &op), WEIR_E_PROVIDER);
        op.in_count = 0;
        CHECK_STATUS(t, aeads[i]->open(&ctx, &op), WEIR_E_PROVIDER);
    }
}

static void a_wiped_context_is_zero(struct test *t)
{
    for (size_t i = 0; i < AEADS; i++) {
        memset(&ctx, 0, sizeof ctx);
        if (!begin(t, aeads[i]))
            return;
        aeads[i]->wipe(&ctx);
        CHECK_ZERO(t, &ctx, sizeof ctx);
    }
}

static void aes_gcm_is_all_there_is(struct test *t)
{
    for (size_t i = 0; i < AEADS; i++) {
        CHECK_EQ(t, aeads[i]->algs,
                 WEIR_ALG_BIT(WEIR_AES_128_GCM) | WEIR_ALG_BIT(WEIR_AES_256_GCM));
        CHECK_EQ(t, aeads[i]->flags, 0);
        CHECK_STATUS(t, aeads[i]->init(&ctx, WEIR_CHACHA20_POLY1305, key), WEIR_E_PROVIDER);
        CHECK_STATUS(t, aeads[i]->init(&ctx, WEIR_ALG_COUNT, key), WEIR_E_PROVIDER);
    }
}

static const struct test_case table[] = {
    CASE(a_refused_message_is_not_decrypted),
    CASE(any_address_will_do),
    CASE(too_long_a_message_is_refused),
    CASE(only_one_piece_is_opened),
    CASE(a_wiped_context_is_zero),
    CASE(aes_gcm_is_all_there_is),
};
CASE_GROUP(portable, table, TEST_ONCE);
