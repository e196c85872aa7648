/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages of the sizes that records have, with the additional data that TLS has (5 and 13 bytes),
 * crossed: what one provider seals, in pieces or in place, every provider opens.
 */
#include "cases.h"
#include "providers.h"

/* One byte more than a record may carry in TLS 1.3: the inner content type. */
#define MESSAGE_MAX (WEIR_MAX_PLAINTEXT + 1u)

static const size_t sizes[] = {
    0,    1,    2,    7,    8,    15,   16,   17,   31,    32,    33,    47,    48,    63,
    64,   65,   127,  128,  129,  255,  256,  257,  511,   512,   513,   1023,  1024,  1025,
    1400, 2048, 4095, 4096, 4097, 8191, 8192, 8193, 16367, 16368, 16383, 16384, 16385,
};
#define SIZES (sizeof sizes / sizeof *sizes)

/* Ways to cut a message; the last piece takes the rest. */
static const size_t cuts[][WEIR_AEAD_MAX_SEGMENTS - 1] = {
    {0, 0, 0, 0, 0, 0, 0},        {1, 0, 0, 0, 0, 0, 0},       {15, 1, 16, 17, 0, 0, 31},
    {16, 16, 16, 16, 16, 16, 16}, {7, 505, 512, 3, 509, 1, 0}, {4096, 1, 4095, 4097, 0, 100, 1},
};
#define CUTS (sizeof cuts / sizeof *cuts)

static uint8_t plain[MESSAGE_MAX], sealed[MESSAGE_MAX], opened[MESSAGE_MAX];

static size_t cut_up(const size_t cut[], size_t len, struct weir_iov in[WEIR_AEAD_MAX_SEGMENTS])
{
    size_t done = 0;

    for (size_t i = 0; i + 1 < WEIR_AEAD_MAX_SEGMENTS; i++) {
        size_t take = cut[i] < len - done ? cut[i] : len - done;

        /* An empty piece may have no address. */
        in[i] = (struct weir_iov){take > 0 ? plain + done : NULL, take};
        done += take;
    }
    in[WEIR_AEAD_MAX_SEGMENTS - 1] = (struct weir_iov){plain + done, len - done};
    return WEIR_AEAD_MAX_SEGMENTS;
}

struct message {
    struct weir_aead_op op;
    struct weir_iov in[WEIR_AEAD_MAX_SEGMENTS];
    uint8_t aad[16];
    uint8_t tag[WEIR_TAG_LEN];
};

/* A nonce and additional data of their own for every message. */
static void begin(struct message *m, uint64_t *seed, size_t len, uint8_t aad_len, uint8_t *out)
{
    memset(m, 0, sizeof *m);
    test_random_fill(seed, m->op.nonce, WEIR_IV_LEN);
    test_random_fill(seed, m->aad, aad_len);
    m->op.aad = (struct weir_iov){m->aad, aad_len};
    m->op.in = m->in;
    m->op.in_count = 1;
    m->in[0] = (struct weir_iov){plain, len};
    m->op.in_len = len;
    m->op.out = out;
    m->op.tag = m->tag;
}

/* Opens what `m` sealed, apart and in place, and refuses it with a wrong tag or additional data. */
static void open_with(struct test *t, const struct weir_aead *aead, void *ctx, struct message *m)
{
    struct weir_iov apart = {sealed, m->op.in_len}, on_top = {opened, m->op.in_len};
    struct weir_aead_op op = m->op;

    op.in = &apart;
    op.in_count = 1;
    op.out = opened;
    CHECK_STATUS(t, aead->open(ctx, &op), WEIR_OK);
    CHECK_MEM(t, opened, plain, op.in_len);

    memcpy(opened, sealed, op.in_len);
    op.in = &on_top;
    CHECK_STATUS(t, aead->open(ctx, &op), WEIR_OK);
    CHECK_MEM(t, opened, plain, op.in_len);

    op.in = &apart;
    op.tag[op.in_len % WEIR_TAG_LEN] ^= 0x80;
    CHECK_STATUS(t, aead->open(ctx, &op), WEIR_E_AUTH);
    op.tag[op.in_len % WEIR_TAG_LEN] ^= 0x80;
    m->aad[op.aad.len - 1] ^= 1;
    CHECK_STATUS(t, aead->open(ctx, &op), WEIR_E_AUTH);
    m->aad[op.aad.len - 1] ^= 1;
}

/* One message sealed apart, in place and in pieces: all the same bytes. */
static void seal_all_ways(struct test *t, void *ctx, struct message *m)
{
    uint8_t tag[WEIR_TAG_LEN];

    CHECK_STATUS(t, t->aead->seal(ctx, &m->op), WEIR_OK);
    memcpy(tag, m->tag, sizeof tag);

    memcpy(opened, plain, m->op.in_len);
    m->in[0].base = opened;
    m->op.out = opened;
    CHECK_STATUS(t, t->aead->seal(ctx, &m->op), WEIR_OK);
    CHECK_MEM(t, opened, sealed, m->op.in_len);
    CHECK_MEM(t, m->tag, tag, sizeof tag);

    for (size_t i = 0; i < CUTS; i++) {
        m->op.in_count = cut_up(cuts[i], m->op.in_len, m->in);
        CHECK_STATUS(t, t->aead->seal(ctx, &m->op), WEIR_OK);
        CHECK_MEM(t, opened, sealed, m->op.in_len);
        CHECK_MEM(t, m->tag, tag, sizeof tag);
    }
}

static void cross(struct test *t, weir_alg alg, const struct weir_aead *other, uint8_t aad_len)
{
    union vector_ctx ours, theirs;
    uint8_t key[WEIR_MAX_KEY];
    uint64_t seed = (uint64_t)alg + 1;

    REQUIRE(t, t->aead->ctx_size <= sizeof ours && other->ctx_size <= sizeof theirs);
    test_random_fill(&seed, key, sizeof key);
    test_random_fill(&seed, plain, sizeof plain);
    REQUIRE_STATUS(t, t->aead->init(&ours, alg, key), WEIR_OK);
    REQUIRE_STATUS(t, other->init(&theirs, alg, key), WEIR_OK);
    for (size_t i = 0; i < SIZES; i++) {
        struct message m;

        t->at = sizes[i];
        begin(&m, &seed, sizes[i], aad_len, sealed);
        seal_all_ways(t, &ours, &m);
        open_with(t, other, &theirs, &m);
    }
    t->aead->wipe(&ours);
    other->wipe(&theirs);
}

static void cross_all(struct test *t, weir_alg alg)
{
    if ((t->aead->algs & WEIR_ALG_BIT(alg)) == 0)
        SKIP(t, "the provider does not have this algorithm");
    for (size_t i = 0; i < vector_provider_count; i++) {
        if ((vector_providers[i].aead->algs & WEIR_ALG_BIT(alg)) == 0)
            continue;
        cross(t, alg, vector_providers[i].aead, 5);
        cross(t, alg, vector_providers[i].aead, 13);
    }
}

static void aes_128_gcm(struct test *t)
{
    cross_all(t, WEIR_AES_128_GCM);
}

static void aes_256_gcm(struct test *t)
{
    cross_all(t, WEIR_AES_256_GCM);
}

static void chacha20_poly1305(struct test *t)
{
    cross_all(t, WEIR_CHACHA20_POLY1305);
}

/* Nothing but an error, and nothing to wipe. */
static void an_unknown_algorithm_is_refused(struct test *t)
{
    union vector_ctx ctx;
    uint8_t key[WEIR_MAX_KEY] = {1};

    CHECK_STATUS(t, t->aead->init(&ctx, WEIR_ALG_COUNT, key), WEIR_E_PROVIDER);
}

static const struct test_case table[] = {
    CASE(aes_128_gcm),
    CASE(aes_256_gcm),
    CASE(chacha20_poly1305),
    CASE(an_unknown_algorithm_is_refused),
};
CASE_GROUP(record_sizes, table, TEST_EACH_AEAD);
