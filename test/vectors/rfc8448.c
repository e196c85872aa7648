/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The records of RFC 8448 sections 3 and 4 through weir_tx and weir_rx, byte for byte. The
 * server's data of section 3 is record 1: record 0 was its ticket.
 */
#include "rfc8448.h"
#include "cases.h"
#include "providers.h"

/* All of one stream fits. */
#define WIRE_MAX 512u

/* The keys of a stream, at record `seq`. */
static bool keys_of(struct test *t, enum rfc8448_stream stream, uint8_t seq, struct weir_keys *keys)
{
    const struct weir_kdf *kdf = NULL;
    weir_status status;

    for (size_t i = 0; i < vector_provider_count; i++) {
        if (vector_providers[i].aead == t->aead)
            kdf = vector_providers[i].kdf;
    }
    if (!test_check(t, kdf != NULL, TEST_HERE, "the provider has a kdf"))
        return false;
    status = weir_keys_from_secret(keys, kdf, WEIR_TLS_AES_128_GCM_SHA256,
                                   rfc8448_streams[stream].secret, 32);
    keys->at.seq = seq;
    return test_check_eq(t, (uint64_t)status, (uint64_t)WEIR_OK, TEST_VALUES_STATUS, TEST_HERE,
                         "weir_keys_from_secret is OK");
}

static bool start_tx(struct test *t, struct weir_soft *soft, union vector_ctx *ctx,
                     struct weir_tx *tx, struct weir_keys *keys)
{
    struct weir_refusal why;

    return test_check(t, weir_soft_init(soft, t->aead, &why) == WEIR_OK, TEST_HERE, "soft") &&
           test_check(t, weir_tx_init(tx, keys, &soft->backend, ctx, sizeof *ctx, &why) == WEIR_OK,
                      TEST_HERE, "weir_tx_init is OK");
}

static bool start_rx(struct test *t, struct weir_soft *soft, union vector_ctx *ctx,
                     struct weir_rx *rx, struct weir_keys *keys)
{
    struct weir_refusal why;

    return test_check(t, weir_soft_init(soft, t->aead, &why) == WEIR_OK, TEST_HERE, "soft") &&
           test_check(t, weir_rx_init(rx, keys, &soft->backend, ctx, sizeof *ctx, &why) == WEIR_OK,
                      TEST_HERE, "weir_rx_init is OK");
}

static void keys_are_those_printed(struct test *t)
{
    for (size_t i = 0; i < RFC8448_STREAMS; i++) {
        const struct rfc8448_stream_keys *stream = &rfc8448_streams[i];
        struct weir_keys keys;

        t->at = i;
        if (!keys_of(t, (enum rfc8448_stream)i, 0, &keys) || stream->key == NULL)
            continue;
        CHECK_MEM(t, keys.key, stream->key, 16);
        CHECK_MEM(t, keys.iv, stream->iv, 12);
        CHECK_EQ(t, keys.version, WEIR_TLS13);
        CHECK_EQ(t, keys.at.nonce_rule, WEIR_NONCE_IMPLICIT);
    }
}

/* The records of a stream behind one another, as they came over the wire. */
static size_t stream_wire(enum rfc8448_stream stream, uint8_t wire[WIRE_MAX])
{
    size_t len = 0;

    for (size_t i = 0; i < RFC8448_RECORDS; i++) {
        const struct rfc8448_record *r = &rfc8448_records[i];

        if (r->stream == stream && len + r->wire_len <= WIRE_MAX) {
            memcpy(wire + len, r->wire, r->wire_len);
            len += r->wire_len;
        }
    }
    return len;
}

static void open_stream(struct test *t, enum rfc8448_stream stream)
{
    static uint8_t wire[WIRE_MAX];
    size_t len = stream_wire(stream, wire), at = 0;
    union vector_ctx ctx;
    struct weir_soft soft;
    struct weir_keys keys;
    struct weir_rx rx;

    if (!keys_of(t, stream, 0, &keys) || !start_rx(t, &soft, &ctx, &rx, &keys))
        return;
    for (size_t i = 0; i < RFC8448_RECORDS; i++) {
        const struct rfc8448_record *r = &rfc8448_records[i];
        struct weir_record record = {NULL, 0, 0};
        size_t consumed = 0, count = 0;
        weir_status status;

        if (r->stream != stream)
            continue;
        t->at = i;
        CHECK_EQ(t, weir_rx_position(&rx).seq, r->seq);
        status = weir_rx_open(&rx, wire + at, len - at, &consumed, &record, 1, &count);
        at += consumed;
        CHECK(t, status == WEIR_OK || status == WEIR_NEED_INPUT);
        CHECK_EQ(t, consumed, r->wire_len);
        REQUIRE_EQ(t, count, 1);
        CHECK_EQ(t, record.type, r->type);
        REQUIRE_EQ(t, record.len, r->content_len);
        CHECK_MEM(t, record.data, r->content, r->content_len);
    }
    CHECK_EQ(t, at, len);
    weir_rx_wipe(&rx);
}

static void streams_open(struct test *t)
{
    for (int i = 0; i < RFC8448_STREAMS; i++)
        open_stream(t, (enum rfc8448_stream)i);
}

static void seal_stream(struct test *t, enum rfc8448_stream stream)
{
    union vector_ctx ctx;
    struct weir_soft soft;
    struct weir_keys keys;
    struct weir_tx tx;

    if (!keys_of(t, stream, 0, &keys) || !start_tx(t, &soft, &ctx, &tx, &keys))
        return;
    for (size_t i = 0; i < RFC8448_RECORDS; i++) {
        const struct rfc8448_record *r = &rfc8448_records[i];
        struct weir_iov in[2] = {{r->content, 1}, {r->content + 1, r->content_len - 1}};
        uint8_t out[WIRE_MAX];
        size_t taken = 0, made = 0;

        if (r->stream != stream)
            continue;
        t->at = i;
        CHECK_EQ(t, weir_tx_position(&tx).seq, r->seq);
        CHECK_STATUS(t, weir_tx_seal(&tx, r->type, in, 2, out, sizeof out, &taken, &made), WEIR_OK);
        CHECK_EQ(t, taken, r->content_len);
        REQUIRE_EQ(t, made, r->wire_len);
        CHECK_MEM(t, out, r->wire, r->wire_len);
    }
    weir_tx_wipe(&tx);
}

static void streams_seal(struct test *t)
{
    for (int i = 0; i < RFC8448_STREAMS; i++)
        seal_stream(t, (enum rfc8448_stream)i);
}

/* From a position in the middle, as a hand-over gives it. */
static void each_record_seals_in_place_by_itself(struct test *t)
{
    for (size_t i = 0; i < RFC8448_RECORDS; i++) {
        const struct rfc8448_record *r = &rfc8448_records[i];
        union vector_ctx ctx;
        struct weir_soft soft;
        struct weir_keys keys;
        struct weir_tx tx;
        uint8_t buf[WIRE_MAX];
        size_t made = 0;

        t->at = i;
        if (!keys_of(t, r->stream, r->seq, &keys) || !start_tx(t, &soft, &ctx, &tx, &keys))
            return;
        memcpy(buf + weir_tx_shape(&tx).prefix, r->content, r->content_len);
        CHECK_STATUS(t, weir_tx_seal_in_place(&tx, r->type, buf, r->content_len, sizeof buf, &made),
                     WEIR_OK);
        REQUIRE_EQ(t, made, r->wire_len);
        CHECK_MEM(t, buf, r->wire, r->wire_len);
        CHECK_EQ(t, weir_tx_position(&tx).seq, r->seq + 1u);
        weir_tx_wipe(&tx);
    }
}

static void no_record_opens_as_another_number(struct test *t)
{
    for (size_t i = 0; i < RFC8448_RECORDS; i++) {
        const struct rfc8448_record *r = &rfc8448_records[i];
        union vector_ctx ctx;
        struct weir_soft soft;
        struct weir_keys keys;
        struct weir_rx rx;
        struct weir_record record;
        uint8_t buf[WIRE_MAX];
        size_t consumed = 0, count = 0;

        t->at = i;
        if (!keys_of(t, r->stream, r->seq ^ 1, &keys) || !start_rx(t, &soft, &ctx, &rx, &keys))
            return;
        memcpy(buf, r->wire, r->wire_len);
        CHECK_STATUS(t, weir_rx_open(&rx, buf, r->wire_len, &consumed, &record, 1, &count),
                     WEIR_E_AUTH);
        CHECK_EQ(t, count, 0);
        weir_rx_wipe(&rx);
    }
}

static const struct test_case table[] = {
    CASE(keys_are_those_printed),
    CASE(streams_open),
    CASE(streams_seal),
    CASE(each_record_seals_in_place_by_itself),
    CASE(no_record_opens_as_another_number),
};
CASE_GROUP(rfc8448, table, TEST_EACH_AEAD);
