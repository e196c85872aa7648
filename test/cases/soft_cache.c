/* SPDX-License-Identifier: BSD-2-Clause */
/* Many directions over few key tables, judged by the same directions on the software backend. */
#include "watch.h"

#define MEMBERS   7u
#define MOST      8u /* tables */
#define CTX_LEN   4096u
#define CTX_ALIGN 64u
#define ROUND     (MEMBERS * 12u)

static _Alignas(CTX_ALIGN) uint8_t memory[(MOST + 2) * CTX_LEN];
static _Alignas(CTX_ALIGN) uint8_t plain_ctx[MEMBERS][CTX_LEN];
static _Alignas(8) uint8_t cold_ctx[MEMBERS][WEIR_SOFT_CACHE_CTX];

static const uint16_t suites[] = {WEIR_TLS_AES_128_GCM_SHA256, WEIR_TLS_AES_256_GCM_SHA384,
                                  WEIR_TLS_CHACHA20_POLY1305_SHA256};

static void keys_of(const struct weir_aead *aead, size_t n, struct weir_keys *keys)
{
    const struct weir_suite *suite = weir_suite_find(suites[n % 3]);
    uint64_t random = 1000 + n;

    if ((aead->algs & WEIR_ALG_BIT(suite->alg)) == 0)
        suite = weir_suite_find(WEIR_TLS_AES_128_GCM_SHA256);
    memset(keys, 0, sizeof *keys);
    keys->version = suite->version;
    keys->suite = suite->id;
    keys->secret_len = (uint8_t)WEIR_HASH_LEN(suite->hash);
    test_random_fill(&random, keys->key, weir_alg_key_len((weir_alg)suite->alg));
    test_random_fill(&random, keys->iv, sizeof keys->iv);
    test_random_fill(&random, keys->secret, keys->secret_len);
}

/* The same connections twice: `cold` over a cache, `plain` beside it. */
static struct pairs {
    struct weir_soft soft;
    struct weir_soft_cache cache;
    struct weir_tx plain[MEMBERS], cold[MEMBERS];
    uint8_t text[256], wanted[512], got[512];
} pairs;

static void pair_begin(struct test *t, const struct weir_aead *aead, size_t n)
{
    struct weir_refusal why;
    struct weir_keys keys, same;

    keys_of(aead, n, &keys);
    same = keys;
    CHECK_STATUS(
        t, weir_tx_init(&pairs.plain[n], &keys, &pairs.soft.backend, plain_ctx[n], CTX_LEN, &why),
        WEIR_OK);
    CHECK_STATUS(t,
                 weir_tx_init(&pairs.cold[n], &same, &pairs.cache.backend, cold_ctx[n],
                              sizeof cold_ctx[n], &why),
                 WEIR_OK);
}

static void pair_end(size_t n)
{
    weir_tx_wipe(&pairs.plain[n]);
    weir_tx_wipe(&pairs.cold[n]);
}

static void pair_seals_alike(struct test *t, size_t n, size_t len)
{
    const struct weir_iov in = {pairs.text, len};
    size_t taken, wanted = 0, got = 0;

    CHECK_STATUS(t,
                 weir_tx_seal(&pairs.plain[n], WEIR_TYPE_DATA, &in, 1, pairs.wanted,
                              sizeof pairs.wanted, &taken, &wanted),
                 WEIR_OK);
    CHECK_STATUS(t,
                 weir_tx_seal(&pairs.cold[n], WEIR_TYPE_DATA, &in, 1, pairs.got, sizeof pairs.got,
                              &taken, &got),
                 WEIR_OK);
    CHECK_EQ(t, got, wanted);
    CHECK_MEM(t, pairs.got, pairs.wanted, wanted);
}

static void begin(struct test *t, const struct weir_aead *aead, size_t tables)
{
    struct weir_refusal why;

    CHECK_STATUS(t, weir_soft_init(&pairs.soft, aead, &why), WEIR_OK);
    CHECK_STATUS(
        t,
        weir_soft_cache_init(&pairs.cache, aead, memory, weir_soft_cache_size(aead, tables), &why),
        WEIR_OK);
    CHECK(t, weir_soft_cache_tables(&pairs.cache) >= tables);
}

static void any_order_over_any_number(struct test *t)
{
    uint64_t random = 42;

    for (size_t tables = 1; tables <= MOST; tables++) {
        begin(t, t->aead, tables);
        for (size_t n = 0; n < MEMBERS; n++)
            pair_begin(t, t->aead, n);
        for (size_t i = 0; i < ROUND; i++) {
            size_t n = (size_t)(test_random(&random) % MEMBERS);
            t->at = tables * 1000 + i;
            pair_seals_alike(t, n, (size_t)(test_random(&random) % 200));
            if (i % 11 == 0) {
                CHECK_STATUS(t, weir_tx_rekey(&pairs.plain[n], &watch_kdf), WEIR_OK);
                CHECK_STATUS(t, weir_tx_rekey(&pairs.cold[n], &watch_kdf), WEIR_OK);
            }
            if (i % 17 == 0) {
                pair_end(n);
                pair_begin(t, t->aead, n);
            }
        }
        struct weir_soft_cache_counters count = weir_soft_cache_count(&pairs.cache);
        bool all_fit = weir_soft_cache_tables(&pairs.cache) >= MEMBERS;
        CHECK_EQ(t, count.evictions == 0, all_fit);
        CHECK(t, count.loads > (all_fit ? MEMBERS : ROUND / 4));
        for (size_t n = 0; n < MEMBERS; n++)
            pair_end(n);
    }
}

static void opens_and_refuses_forgeries(struct test *t)
{
    static struct weir_rx rx[2];
    static _Alignas(8) uint8_t ctx[2][WEIR_SOFT_CACHE_CTX];
    struct weir_refusal why;
    struct weir_record record;
    size_t used, count;

    begin(t, t->aead, 1);
    for (size_t n = 0; n < 2; n++) {
        struct weir_keys keys;
        pair_begin(t, t->aead, n);
        keys_of(t->aead, n, &keys);
        CHECK_STATUS(t,
                     weir_rx_init(&rx[n], &keys, &pairs.cache.backend, ctx[n], sizeof ctx[n], &why),
                     WEIR_OK);
    }
    for (size_t i = 0; i < 12; i++) {
        size_t n = i % 2;
        pair_seals_alike(t, n, 100);
        size_t len = weir_tx_record_len(&pairs.cold[n], 100);
        if (i >= 10)
            pairs.got[len - 1] ^= 1;
        weir_status status = weir_rx_open(&rx[n], pairs.got, len, &used, &record, 1, &count);
        CHECK_STATUS(t, status, i < 10 ? WEIR_OK : WEIR_E_AUTH);
        if (i < 10)
            CHECK_MEM(t, record.data, pairs.text, 100);
    }
    for (size_t n = 0; n < 2; n++) {
        weir_rx_wipe(&rx[n]);
        pair_end(n);
    }
}

/* ---- A provider that keeps its key in sight, and fails when it is told to ---- */

static unsigned inits_left; /* until one fails; 0: none does */

static weir_status plain_key(void *ctx, weir_alg alg, const uint8_t *key)
{
    if (inits_left > 0 && --inits_left == 0)
        return WEIR_E_PROVIDER;
    memcpy(ctx, key, weir_alg_key_len(alg));
    return WEIR_OK;
}

static weir_status plain_seal(void *ctx, const struct weir_aead_op *op)
{
    memset(op->out, *(const uint8_t *)ctx, op->in_len);
    memset(op->tag, *(const uint8_t *)ctx, WEIR_TAG_LEN);
    return WEIR_OK;
}

static void plain_wipe(void *ctx)
{
    memset(ctx, 0, 32);
}

static const struct weir_aead plain = {
    .abi = WEIR_AEAD_ABI,
    .algs = WEIR_ALG_BIT(WEIR_AES_128_GCM),
    .name = "plain key",
    .ctx_size = 32,
    .ctx_align = 32,
    .init = plain_key,
    .seal = plain_seal,
    .open = plain_seal,
    .wipe = plain_wipe,
};

/* How many members have their key in the cache. */
static size_t keys_in_sight(void)
{
    size_t found = 0;

    for (size_t n = 0; n < MEMBERS; n++) {
        struct weir_keys keys;
        keys_of(&plain, n, &keys);
        for (size_t i = 0; i + 16 <= sizeof memory; i++)
            found += memcmp(memory + i, keys.key, 16) == 0;
    }
    return found;
}

static void what_leaves_is_wiped(struct test *t)
{
    memset(memory, 0, sizeof memory);
    begin(t, &plain, 3);
    size_t tables = weir_soft_cache_tables(&pairs.cache);
    for (size_t n = 0; n < MEMBERS; n++) {
        pair_begin(t, &plain, n);
        CHECK_EQ(t, keys_in_sight(), n + 1 < tables ? n + 1 : tables);
    }
    for (size_t n = 0; n < MEMBERS; n++) {
        CHECK(t, keys_in_sight() <= MEMBERS - n);
        pair_end(n);
        CHECK_ZERO(t, cold_ctx[n], sizeof cold_ctx[n]);
    }
    CHECK_EQ(t, keys_in_sight(), 0);
}

static void a_table_that_cannot_be_made(struct test *t)
{
    const struct weir_iov in = {pairs.text, 10};
    struct weir_refusal why;
    struct weir_keys keys;
    struct weir_tx tx = {{0}}; /* of which core uses as much as it needs */
    size_t taken, made;

    begin(t, &plain, 1);
    size_t tables = weir_soft_cache_tables(&pairs.cache);
    for (size_t n = 0; n < MEMBERS; n++)
        pair_begin(t, &plain, n);
    REQUIRE(t, tables < MEMBERS);
    inits_left = 1;
    CHECK_STATUS(
        t, weir_tx_seal(&pairs.cold[0], WEIR_TYPE_DATA, &in, 1, pairs.got, 512, &taken, &made),
        WEIR_E_PROVIDER);
    CHECK_EQ(t, taken + made, 0);
    CHECK_STATUS(
        t, weir_tx_seal(&pairs.cold[0], WEIR_TYPE_DATA, &in, 1, pairs.got, 512, &taken, &made),
        WEIR_E_PROVIDER);
    for (size_t n = 1; n < MEMBERS; n++)
        pair_seals_alike(t, n, 50);
    inits_left = 1;
    keys_of(&plain, 0, &keys);
    CHECK_STATUS(
        t, weir_tx_init(&tx, &keys, &pairs.cache.backend, cold_ctx[0], sizeof cold_ctx[0], &why),
        WEIR_REFUSED);
    CHECK_EQ(t, why.code, WEIR_REFUSAL_PROVIDER);
    CHECK_ZERO(t, &tx, sizeof tx);
    for (size_t n = 0; n < MEMBERS; n++)
        pair_end(n);
    CHECK_EQ(t, keys_in_sight(), 0);
}

/* Nobody should, but whoever does must not send under another connection's key. */
static void memory_used_again_without_a_wipe(struct test *t)
{
    begin(t, &plain, MEMBERS);
    pair_begin(t, &plain, 0);
    pair_begin(t, &plain, 1);
    memset(&pairs.cold[0], 0, sizeof pairs.cold[0]);
    memset(cold_ctx[0], 0xff, sizeof cold_ctx[0]);
    weir_tx_wipe(&pairs.plain[0]);
    struct weir_refusal why;
    struct weir_keys keys, same;
    keys_of(&plain, 2, &keys);
    same = keys;
    CHECK_STATUS(t,
                 weir_tx_init(&pairs.cold[0], &keys, &pairs.cache.backend, cold_ctx[0],
                              sizeof cold_ctx[0], &why),
                 WEIR_OK);
    CHECK_STATUS(
        t, weir_tx_init(&pairs.plain[0], &same, &pairs.soft.backend, plain_ctx[0], CTX_LEN, &why),
        WEIR_OK);
    pair_seals_alike(t, 0, 20);
    pair_seals_alike(t, 1, 20);
    pair_end(0);
    pair_end(1);
}

static void memory_of_every_size(struct test *t)
{
    struct weir_soft_cache cache;
    struct weir_refusal why;
    size_t one = weir_soft_cache_size(&plain, 1);
    struct weir_aead other = plain;

    for (size_t shift = 0; shift < 64; shift++)
        for (size_t tables = 1; tables < 5; tables++) {
            size_t len = weir_soft_cache_size(&plain, tables);
            t->at = shift * 10 + tables;
            memset(memory, 0xa5, sizeof memory);
            CHECK_STATUS(t, weir_soft_cache_init(&cache, &plain, memory + shift, len, &why),
                         WEIR_OK);
            CHECK(t, weir_soft_cache_tables(&cache) >= tables);
            CHECK_EQ(t, (uintptr_t)cache.head % 8, 0);
            for (size_t i = 0; i < shift; i++)
                CHECK_EQ(t, memory[i], 0xa5);
            CHECK_EQ(t, memory[shift + len], 0xa5);
        }
    CHECK_STATUS(t, weir_soft_cache_init(&cache, &plain, memory, one - 1, &why), WEIR_REFUSED);
    CHECK_EQ(t, why.code, WEIR_REFUSAL_MEMORY);
    CHECK_EQ(t, why.detail, one);
    CHECK_EQ(t, weir_soft_cache_size(&plain, SIZE_MAX / 16), SIZE_MAX);
    other.abi = WEIR_AEAD_ABI - 1;
    CHECK_STATUS(t, weir_soft_cache_init(&cache, &other, memory, sizeof memory, &why),
                 WEIR_REFUSED);
    CHECK_EQ(t, why.code, WEIR_REFUSAL_ABI);
}

/* Both directions, their session and what the cache has for each: all that an idle one takes. */
static void an_idle_connection_is_small(struct test *t)
{
    CHECK(t, sizeof(struct weir_tx) + sizeof(struct weir_rx) + sizeof(struct weir_session) +
                     2u * WEIR_SOFT_CACHE_CTX <=
                 640);
}

static const struct test_case table[] = {
    CASE(any_order_over_any_number),
    CASE(opens_and_refuses_forgeries),
    CASE(what_leaves_is_wiped),
    CASE(a_table_that_cannot_be_made),
    CASE(memory_used_again_without_a_wipe),
    CASE(memory_of_every_size),
    CASE(an_idle_connection_is_small),
};
CASE_GROUP(soft_cache, table, TEST_EACH_AEAD);
