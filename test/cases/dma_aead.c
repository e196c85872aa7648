/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The example of a provider on a DMA engine, with an engine that goes wrong at every step. That it
 * makes the right bytes when nothing goes wrong is for suite vectors to say.
 */
#include "dma_aead.h"
#include "cases.h"
#include "engine.h"
#include <weir/portable.h>

#define RECORDS  3u
#define TEXT_LEN 700u
#define OUT_LEN  (RECORDS * 800u)

static struct weir_soft dma, portable;
static struct weir_tx tx;
static struct weir_rx rx;
static _Alignas(16) uint8_t tx_ctx[1024], rx_ctx[1024];
static _Alignas(16) uint8_t out[OUT_LEN], wanted[OUT_LEN], text[TEXT_LEN];
static size_t wanted_len, record_len;

static struct weir_keys keys_of(uint16_t version)
{
    struct weir_keys keys = {.version = version};
    uint64_t seed = version;

    keys.suite = (uint16_t)(version == WEIR_TLS13 ? WEIR_TLS_AES_256_GCM_SHA384
                                                  : WEIR_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384);
    keys.at.nonce_rule = version == WEIR_TLS13 ? WEIR_NONCE_IMPLICIT : WEIR_NONCE_SEQ;
    test_random_fill(&seed, keys.key, 32);
    test_random_fill(&seed, keys.iv, version == WEIR_TLS13 ? 12 : 4);
    return keys;
}

static weir_status begin_tx(uint16_t version, const struct weir_soft *soft,
                            struct weir_refusal *why)
{
    struct weir_keys keys = keys_of(version);

    return weir_tx_init(&tx, &keys, &soft->backend, tx_ctx, sizeof tx_ctx, why);
}

/* The records as they should be: by the portable provider. */
static void begin(struct test *t, uint16_t version)
{
    const struct weir_iov in = {text, TEXT_LEN};
    struct weir_refusal why;
    uint64_t seed = 9;
    size_t taken, made;

    engine_power_up((struct engine_manner){.polls = 2});
    CHECK_STATUS(t, weir_soft_init(&dma, &weir_aead_dma, &why), WEIR_OK);
    CHECK_STATUS(t, weir_soft_init(&portable, &weir_aead_portable, &why), WEIR_OK);
    test_random_fill(&seed, text, sizeof text);
    CHECK_STATUS(t, begin_tx(version, &portable, &why), WEIR_OK);
    wanted_len = 0;
    for (unsigned i = 0; i < RECORDS; i++) {
        CHECK_STATUS(t,
                     weir_tx_seal(&tx, WEIR_TYPE_DATA, &in, 1, wanted + wanted_len,
                                  OUT_LEN - wanted_len, &taken, &made),
                     WEIR_OK);
        wanted_len += made;
    }
    record_len = wanted_len / RECORDS;
    weir_tx_wipe(&tx);
}

/* Seals until something goes wrong; how many records were made. */
static unsigned seal_all(struct test *t, bool in_place)
{
    const struct weir_iov in = {text, TEXT_LEN};
    size_t taken, made, len = 0;

    memset(out, 0, sizeof out);
    for (unsigned i = 0; i < RECORDS; i++) {
        weir_status status;
        if (in_place) {
            memcpy(out + len + weir_tx_shape(&tx).prefix, text, TEXT_LEN);
            status =
                weir_tx_seal_in_place(&tx, WEIR_TYPE_DATA, out + len, TEXT_LEN, record_len, &made);
        } else {
            status =
                weir_tx_seal(&tx, WEIR_TYPE_DATA, &in, 1, out + len, record_len, &taken, &made);
        }
        if (status != WEIR_OK) {
            CHECK_STATUS(t, status, WEIR_E_PROVIDER);
            CHECK_EQ(t, made, 0);
            CHECK_ZERO(t, out + len, OUT_LEN - len);
            status =
                weir_tx_seal(&tx, WEIR_TYPE_DATA, &in, 1, out + len, record_len, &taken, &made);
            CHECK_STATUS(t, status, WEIR_E_PROVIDER);
            CHECK_EQ(t, taken + made, 0);
            CHECK_MEM(t, out, wanted, len);
            return i;
        }
        len += made;
    }
    CHECK_EQ(t, len, wanted_len);
    CHECK_MEM(t, out, wanted, wanted_len);
    return RECORDS;
}

/* Opens until something goes wrong; how many records there were. */
static unsigned open_all(struct test *t)
{
    struct weir_record record;
    size_t consumed, count, done = 0;

    memcpy(out, wanted, wanted_len);
    for (unsigned i = 0; i < RECORDS; i++) {
        weir_status status =
            weir_rx_open(&rx, out + done, record_len, &consumed, &record, 1, &count);
        if (status != WEIR_OK) {
            CHECK_STATUS(t, status, WEIR_E_PROVIDER);
            CHECK_EQ(t, consumed + count, 0);
            CHECK_ZERO(t, out + done + WEIR_HEADER_LEN, record_len - WEIR_HEADER_LEN);
            CHECK_STATUS(t,
                         weir_rx_open(&rx, out + done, record_len, &consumed, &record, 1, &count),
                         WEIR_E_PROVIDER);
            return i;
        }
        CHECK_EQ(t, record.len, TEXT_LEN);
        CHECK_MEM(t, record.data, text, TEXT_LEN);
        done += consumed;
    }
    return RECORDS;
}

/* What is left of it: nothing runs, and no key is held, unless it is dead for good. */
static void is_clean(struct test *t, enum engine_fault fault)
{
    if (fault != ENGINE_DIES) {
        CHECK(t, dma_aead_ready());
        CHECK_EQ(t, engine_read(ENGINE_LOADED), 0);
    }
    CHECK_ZERO(t, tx_ctx, weir_aead_dma.ctx_size);
}

static void seals_with(struct test *t, uint16_t version, enum engine_fault fault, bool in_place)
{
    struct weir_refusal why;
    unsigned made = 0;
    uint32_t at = 1;

    begin(t, version);
    for (; made < RECORDS && at < 1000; at++) {
        t->at = at;
        engine_power_up((struct engine_manner){.polls = 2});
        memset(tx_ctx, 0, sizeof tx_ctx);
        REQUIRE_STATUS(t, begin_tx(version, &dma, &why), WEIR_OK);
        engine_behave((struct engine_manner){.polls = 2, .at = at, .fault = fault});
        unsigned before = made;
        made = seal_all(t, in_place);
        CHECK(t, made == before || made == before + 1);
        weir_tx_wipe(&tx);
        is_clean(t, fault);
    }
    /* Begin, additional data, text, tag: with each of these, of each record, it went wrong once. */
    CHECK(t, at > 4 * RECORDS);
    CHECK(t, at < 1000);
}

static void a_seal_fails_at_every_step(struct test *t)
{
    for (int in_place = 0; in_place < 2; in_place++) {
        seals_with(t, WEIR_TLS13, ENGINE_FAILS, in_place != 0);
        seals_with(t, WEIR_TLS12, ENGINE_FAILS, in_place != 0);
    }
}

static void an_open_fails_at_every_step(struct test *t)
{
    static const uint16_t versions[] = {WEIR_TLS13, WEIR_TLS12};

    for (size_t v = 0; v < 2; v++) {
        begin(t, versions[v]);
        unsigned opened = 0;
        uint32_t at = 1;
        for (; opened < RECORDS && at < 1000; at++) {
            struct weir_keys keys = keys_of(versions[v]);
            struct weir_refusal why;
            t->at = at;
            engine_power_up((struct engine_manner){.polls = 2});
            REQUIRE_STATUS(t, weir_rx_init(&rx, &keys, &dma.backend, rx_ctx, sizeof rx_ctx, &why),
                           WEIR_OK);
            engine_behave((struct engine_manner){.polls = 2, .at = at, .fault = ENGINE_FAILS});
            opened = open_all(t);
            weir_rx_wipe(&rx);
            CHECK_EQ(t, engine_read(ENGINE_LOADED), 0);
        }
        CHECK(t, at > 4 * RECORDS && at < 1000);
    }
}

/* The provider gives up by itself, and the engine has stopped, or nothing ever stops it. */
static void a_hanging_engine_is_given_up(struct test *t)
{
    static const enum engine_fault faults[] = {ENGINE_HANGS, ENGINE_DIES};

    for (size_t i = 0; i < 2; i++) {
        struct weir_refusal why;
        t->at = i;
        begin(t, WEIR_TLS13);
        memset(tx_ctx, 0, sizeof tx_ctx);
        REQUIRE_STATUS(t, begin_tx(WEIR_TLS13, &dma, &why), WEIR_OK);
        engine_behave((struct engine_manner){.polls = 2, .at = 7, .fault = faults[i]});
        CHECK_EQ(t, seal_all(t, true), 1);
        CHECK(t, dma_aead_ready() == (faults[i] == ENGINE_HANGS));
        weir_tx_wipe(&tx);
        is_clean(t, faults[i]);
    }
}

/* Which is a refusal with a name, and no key stays behind. */
static void a_key_that_is_not_taken(struct test *t)
{
    for (int fault = ENGINE_FAILS; fault <= ENGINE_HANGS; fault++) {
        struct weir_refusal why;
        t->at = (uint64_t)fault;
        begin(t, WEIR_TLS13);
        engine_behave(
            (struct engine_manner){.polls = 2, .at = 1, .fault = (enum engine_fault)fault});
        CHECK_STATUS(t, begin_tx(WEIR_TLS13, &dma, &why), WEIR_REFUSED);
        CHECK_EQ(t, why.code, WEIR_REFUSAL_PROVIDER);
        CHECK_EQ(t, engine_read(ENGINE_LOADED), 0);
        CHECK(t, dma_aead_ready());
        /* And the next one is. */
        CHECK_STATUS(t, begin_tx(WEIR_TLS13, &dma, &why), WEIR_OK);
        CHECK_EQ(t, seal_all(t, false), RECORDS);
        weir_tx_wipe(&tx);
    }
}

/* A slot a direction; with none left another provider goes on. */
static void the_slots_run_out(struct test *t)
{
    static struct weir_tx many[ENGINE_SLOTS];
    static _Alignas(16) uint8_t ctx[ENGINE_SLOTS][512];
    struct weir_refusal why;

    begin(t, WEIR_TLS13);
    REQUIRE(t, weir_aead_dma.ctx_size <= sizeof *ctx);
    for (unsigned i = 0; i < ENGINE_SLOTS; i++) {
        struct weir_keys keys = keys_of(WEIR_TLS13);
        CHECK_STATUS(t, weir_tx_init(&many[i], &keys, &dma.backend, ctx[i], sizeof ctx[i], &why),
                     WEIR_OK);
    }
    CHECK_STATUS(t, begin_tx(WEIR_TLS13, &dma, &why), WEIR_REFUSED);
    CHECK_EQ(t, why.code, WEIR_REFUSAL_PROVIDER);
    weir_tx_wipe(&many[1]);
    CHECK_EQ(t, engine_read(ENGINE_LOADED), 0xd);
    CHECK_STATUS(t, begin_tx(WEIR_TLS13, &dma, &why), WEIR_OK);
    CHECK_EQ(t, seal_all(t, false), RECORDS);
    weir_tx_wipe(&tx);
    for (unsigned i = 0; i < ENGINE_SLOTS; i++)
        weir_tx_wipe(&many[i]);
    CHECK_EQ(t, engine_read(ENGINE_LOADED), 0);
}

/* Text that lies as the engine wants it is not copied: the transfers are as long as they may be. */
static void aligned_text_goes_straight(struct test *t)
{
    static _Alignas(16) uint8_t buf[WEIR_MAX_RECORD];
    struct weir_refusal why;
    size_t made;

    begin(t, WEIR_TLS13);
    REQUIRE_STATUS(t, begin_tx(WEIR_TLS13, &dma, &why), WEIR_OK);
    for (size_t shift = 0; shift < 16; shift++) {
        t->at = shift;
        engine_behave((struct engine_manner){.polls = 2});
        CHECK_STATUS(t,
                     weir_tx_seal_in_place(&tx, WEIR_TYPE_DATA, buf + shift, 8192,
                                           sizeof buf - shift, &made),
                     WEIR_OK);
        /* Of 8193 bytes, with the type. */
        CHECK_EQ(t, engine_transfers(), shift == DMA_AEAD_HEADROOM(5) ? 3 : 33);
    }
    weir_tx_wipe(&tx);
}

/* Somebody else's command runs: it is waited for, and not broken off. */
static void a_busy_engine_is_waited_for(struct test *t)
{
    struct weir_refusal why;

    begin(t, WEIR_TLS13);
    REQUIRE_STATUS(t, begin_tx(WEIR_TLS13, &dma, &why), WEIR_OK);
    engine_behave((struct engine_manner){.polls = 5000});
    engine_write(ENGINE_CTRL, ENGINE_BEGIN);
    CHECK(t, !dma_aead_ready());
    CHECK_EQ(t, seal_all(t, true), RECORDS);
    weir_tx_wipe(&tx);
}

static const struct test_case table[] = {
    CASE(a_seal_fails_at_every_step),
    CASE(an_open_fails_at_every_step),
    CASE(a_hanging_engine_is_given_up),
    CASE(a_key_that_is_not_taken),
    CASE(the_slots_run_out),
    CASE(aligned_text_goes_straight),
    CASE(a_busy_engine_is_waited_for),
};
CASE_GROUP(dma_aead, table, TEST_ONCE);
