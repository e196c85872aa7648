/* SPDX-License-Identifier: BSD-2-Clause */
/* Plaintext through a socket with kernel TLS: what each call looks like, and what every result of
 * it means. */
#include "cases.h"
#include "linux_errno.h"

#include <weir/linux_ktls.h>

struct bench {
    struct weir_linux_ktls ktls;
    struct weir_linux_ktls_ctx ctx;
};

/* A direction that the kernel has taken, at record `seq`. */
static void bench_make(struct bench *b, struct test *t, enum weir_dir dir, uint64_t seq)
{
    struct weir_keys keys = {
        .version = WEIR_TLS13,
        .suite = WEIR_TLS_AES_128_GCM_SHA256,
        .at = {.seq = seq},
    };
    const struct weir_attach what = {.keys = &keys, .dir = dir, .record_limit = 16384};
    const struct weir_done done = {0};
    struct weir_refusal why;

    weir_linux_ktls_init(&b->ktls, WEIR_LINUX_KTLS_REKEY);
    CHECK_STATUS(t, b->ktls.backend.attach(&b->ktls.backend, &b->ctx, &what, &why), WEIR_PENDING);
    CHECK_STATUS(t, b->ktls.backend.complete(&b->ktls.backend, &b->ctx, &done, &why), WEIR_PENDING);
    CHECK_STATUS(t, b->ktls.backend.complete(&b->ktls.backend, &b->ctx, &done, &why), WEIR_OK);
}

static struct weir_stream_op send(struct bench *b, uint8_t type, size_t len)
{
    struct weir_stream_op op = {.len = len};

    b->ktls.backend.send(&b->ktls.backend, &b->ctx, type, &op);
    return op;
}

static weir_status sent(struct bench *b, int os_error, size_t len)
{
    const struct weir_stream_done done = {.os_error = os_error, .len = len};

    return b->ktls.backend.sent(&b->ktls.backend, &b->ctx, &done);
}

static void only_control_records_carry_a_type(struct test *t)
{
    static const uint8_t types[] = {WEIR_TYPE_ALERT, WEIR_TYPE_HANDSHAKE};
    struct bench b;

    bench_make(&b, t, WEIR_TX, 0);
    struct weir_stream_op op = send(&b, WEIR_TYPE_DATA, 1000000);
    CHECK_EQ(t, op.control_len, 0);
    CHECK_EQ(t, op.len, 1000000);
    CHECK_STATUS(t, sent(&b, 0, 1000000), WEIR_OK);
    for (size_t i = 0; i < sizeof types; i++) {
        op = send(&b, types[i], 2);
        CHECK_EQ(t, op.level, 282);
        CHECK_EQ(t, op.type, 1);
        CHECK_EQ(t, op.control_len, 1);
        CHECK_EQ(t, op.control[0], types[i]);
        CHECK_EQ(t, op.len, 2);
        CHECK_STATUS(t, sent(&b, 0, 2), WEIR_OK);
    }
}

static void every_result_of_a_send(struct test *t)
{
    static const struct {
        uint8_t type;
        int error;
        size_t asked, len;
        weir_status status;
    } rows[] = {
        {WEIR_TYPE_DATA, 0, 100, 100, WEIR_OK},
        {WEIR_TYPE_DATA, 0, 100, 99, WEIR_OK},
        {WEIR_TYPE_DATA, 0, 100, 1, WEIR_OK},
        {WEIR_TYPE_DATA, 0, 100, 0, WEIR_NEED_OUTPUT},
        {WEIR_TYPE_DATA, 0, 100, 101, WEIR_E_BACKEND},
        {WEIR_TYPE_ALERT, 0, 2, 2, WEIR_OK},
        {WEIR_TYPE_ALERT, 0, 2, 1, WEIR_E_BACKEND},
        {WEIR_TYPE_HANDSHAKE, 0, 16384, 16383, WEIR_E_BACKEND},
        {WEIR_TYPE_HANDSHAKE, 0, 5, 0, WEIR_NEED_OUTPUT},
        {WEIR_TYPE_HANDSHAKE, 0, 5, 6, WEIR_E_BACKEND},
        {WEIR_TYPE_DATA, EAGAIN, 100, 0, WEIR_NEED_OUTPUT},
        {WEIR_TYPE_ALERT, EAGAIN, 2, 0, WEIR_NEED_OUTPUT},
        {WEIR_TYPE_DATA, EINTR, 100, 0, WEIR_NEED_OUTPUT},
        {WEIR_TYPE_DATA, EBADMSG, 100, 0, WEIR_E_BACKEND},
        {WEIR_TYPE_ALERT, EBADMSG, 2, 0, WEIR_E_BACKEND},
        {WEIR_TYPE_DATA, EINVAL, 100, 0, WEIR_E_BACKEND},
        {WEIR_TYPE_DATA, EOPNOTSUPP, 100, 0, WEIR_E_BACKEND},
        {WEIR_TYPE_DATA, EPIPE, 100, 0, WEIR_E_IO},
        {WEIR_TYPE_DATA, ECONNRESET, 100, 0, WEIR_E_IO},
        {WEIR_TYPE_DATA, ETIMEDOUT, 100, 0, WEIR_E_IO},
        {WEIR_TYPE_DATA, EACCES, 100, 0, WEIR_E_IO},
        {WEIR_TYPE_DATA, ENOMEM, 100, 0, WEIR_E_IO},
        {WEIR_TYPE_DATA, ENOBUFS, 100, 0, WEIR_E_IO},
        {WEIR_TYPE_DATA, EMSGSIZE, 100, 0, WEIR_E_IO},
        {WEIR_TYPE_DATA, EIO, 100, 0, WEIR_E_IO},
        {WEIR_TYPE_DATA, EKEYEXPIRED, 100, 0, WEIR_E_IO},
    };
    struct bench b;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        t->at = i;
        bench_make(&b, t, WEIR_TX, 7);
        (void)send(&b, rows[i].type, rows[i].asked);
        CHECK_STATUS(t, sent(&b, rows[i].error, rows[i].len), rows[i].status);
    }
}

/* Sealing the record that would wrap its number fails like any sealing; only who has counted can
 * tell that it is the key's end. A record has a byte at least. */
static void the_last_sequence_number(struct test *t)
{
    struct bench b;

    bench_make(&b, t, WEIR_TX, UINT64_MAX - 10);
    (void)send(&b, WEIR_TYPE_DATA, 4);
    CHECK_STATUS(t, sent(&b, 0, 4), WEIR_OK);
    (void)send(&b, WEIR_TYPE_DATA, 6);
    CHECK_STATUS(t, sent(&b, EBADMSG, 0), WEIR_E_BACKEND);
    (void)send(&b, WEIR_TYPE_DATA, 7);
    CHECK_STATUS(t, sent(&b, EBADMSG, 0), WEIR_E_KEY_LIMIT);
    (void)send(&b, WEIR_TYPE_DATA, 100);
    CHECK_STATUS(t, sent(&b, 0, 100), WEIR_OK);
    (void)send(&b, WEIR_TYPE_ALERT, 2);
    CHECK_STATUS(t, sent(&b, EBADMSG, 0), WEIR_E_KEY_LIMIT);

    /* A new key begins anew. */
    const struct weir_keys keys = {.version = WEIR_TLS13, .suite = WEIR_TLS_AES_128_GCM_SHA256};
    const struct weir_done done = {0};
    struct weir_refusal why;
    CHECK_STATUS(t, b.ktls.backend.rekey(&b.ktls.backend, &b.ctx, &keys), WEIR_PENDING);
    CHECK_STATUS(t, b.ktls.backend.complete(&b.ktls.backend, &b.ctx, &done, &why), WEIR_OK);
    (void)send(&b, WEIR_TYPE_ALERT, 2);
    CHECK_STATUS(t, sent(&b, EBADMSG, 0), WEIR_E_BACKEND);
}

static void calls_to_receive_never_cut_a_control_record(struct test *t)
{
    struct weir_stream_op op;
    struct bench b;

    bench_make(&b, t, WEIR_RX, 0);
    memset(&op, 0xa5, sizeof op);
    b.ktls.backend.receive(&b.ktls.backend, &b.ctx, &op);
    CHECK_EQ(t, op.level, 282);
    CHECK_EQ(t, op.type, 2);
    CHECK_EQ(t, op.control_len, 1);
    CHECK_EQ(t, op.len, 16384);
    CHECK(t, !op.ask_error); /* Linux tells of a bad record when it comes to it */
}

#define NONE 256u /* no control message */

struct receive_row {
    const char *cause;
    int error;
    size_t len;
    unsigned type;
    bool end, truncated;
    weir_status status;
    bool counted;
};

static const struct receive_row receives[] = {
    {"data", 0, 100, 23, true, false, WEIR_OK, false},
    {"a part of a record", 0, 100, 23, false, false, WEIR_OK, false},
    {"several messages, old kernel", 0, 100, 23, true, true, WEIR_OK, false},
    {"only empty data records", 0, 0, 23, true, false, WEIR_OK, false},
    {"alert", 0, 2, 21, true, false, WEIR_OK, true},
    {"handshake", 0, 16384, 22, true, false, WEIR_OK, true},
    {"empty control record", 0, 0, 21, true, false, WEIR_OK, true},
    {"cut control record", 0, 16384, 22, false, false, WEIR_E_OVERFLOW, false},
    {"cut alert", 0, 2, 21, false, false, WEIR_E_OVERFLOW, false},
    {"cut control message", 0, 2, 21, true, true, WEIR_E_BACKEND, false},
    {"ChangeCipherSpec", 0, 1, 20, true, false, WEIR_E_TYPE, false},
    {"unknown type", 0, 10, 24, true, false, WEIR_E_TYPE, false},
    {"unknown type", 0, 10, 0, true, false, WEIR_E_TYPE, false},
    {"unknown type", 0, 10, 100, true, false, WEIR_E_TYPE, false},
    {"end of the transport", 0, 0, NONE, false, false, WEIR_CLOSED, false},
    {"bytes without a type", 0, 1, NONE, false, false, WEIR_E_BACKEND, false},
    {"bytes without a type", 0, 1, NONE, true, true, WEIR_E_BACKEND, false},
    {"nothing, without room to tell", 0, 0, NONE, false, true, WEIR_E_BACKEND, false},
    {"nothing there", EAGAIN, 0, NONE, false, false, WEIR_NEED_INPUT, false},
    {"interrupted", EINTR, 0, NONE, false, false, WEIR_NEED_INPUT, false},
    {"no control buffer", EIO, 0, NONE, false, false, WEIR_E_BACKEND, false},
    {"KeyUpdate, no new key", EKEYEXPIRED, 0, NONE, false, false, WEIR_E_BACKEND, false},
    {"not authentic", EBADMSG, 0, NONE, false, false, WEIR_E_AUTH, false},
    {"too long", EMSGSIZE, 0, NONE, false, false, WEIR_E_OVERFLOW, false},
    {"wrong version", EINVAL, 0, NONE, false, false, WEIR_E_VERSION, false},
    {"reset", ECONNRESET, 0, NONE, false, false, WEIR_E_IO, false},
    {"timed out", ETIMEDOUT, 0, NONE, false, false, WEIR_E_IO, false},
    {"no memory", ENOMEM, 0, NONE, false, false, WEIR_E_IO, false},
    {"not connected", ENOTCONN, 0, NONE, false, false, WEIR_E_IO, false},
    {"not allowed", EACCES, 0, NONE, false, false, WEIR_E_IO, false},
    /* A stale control buffer beside an error is no message. */
    {"stale control buffer", EBADMSG, 0, 21, true, false, WEIR_E_AUTH, false},
    {"stale control buffer", EAGAIN, 0, 22, true, true, WEIR_NEED_INPUT, false},
};

static void every_result_of_a_receive(struct test *t)
{
    struct weir_stream_in in;
    struct bench b;

    for (size_t i = 0; i < sizeof receives / sizeof *receives; i++) {
        const struct receive_row *row = &receives[i];
        const struct weir_stream_done done = {
            .os_error = row->error,
            .len = row->len,
            .has_control = row->type != NONE,
            .truncated = row->truncated,
            .end_of_record = row->end,
            .control = {(uint8_t)row->type},
            .control_len = row->type != NONE ? 1 : 0,
        };
        t->at = i;
        bench_make(&b, t, WEIR_RX, 0);
        memset(&in, 0xa5, sizeof in);
        weir_status status = b.ktls.backend.received(&b.ktls.backend, &b.ctx, &done, &in);
        CHECK_STATUS(t, status, row->status);
        CHECK(t, in.counted == row->counted);
        CHECK_EQ(t, in.records, row->counted ? 1 : 0);
        if (status == WEIR_OK)
            CHECK_EQ(t, in.type, row->type);
    }
}

static void types_of_another_length(struct test *t)
{
    struct weir_stream_in in;
    struct bench b;

    for (uint32_t len = 0; len <= 4; len++) {
        const struct weir_stream_done done = {
            .len = 9,
            .has_control = true,
            .end_of_record = true,
            .control = {23, 23, 23, 23},
            .control_len = len,
        };
        t->at = len;
        bench_make(&b, t, WEIR_RX, 0);
        CHECK_STATUS(t, b.ktls.backend.received(&b.ktls.backend, &b.ctx, &done, &in),
                     len == 1 ? WEIR_OK : WEIR_E_BACKEND);
    }
}

static const struct test_case table[] = {
    CASE(only_control_records_carry_a_type), CASE(every_result_of_a_send),
    CASE(the_last_sequence_number),          CASE(calls_to_receive_never_cut_a_control_record),
    CASE(every_result_of_a_receive),         CASE(types_of_another_length),
};
CASE_GROUP(linux_ktls_stream, table, TEST_ONCE);
