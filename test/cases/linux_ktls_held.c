/* SPDX-License-Identifier: BSD-2-Clause */
/* What is asked of a direction that the Linux kernel holds: where it stands, and another key. */
#include "ktls_bench.h"
#include "linux_errno.h"

/* The kernel answers a query: the whole structure, key and all, with iv and rec_seq as they are. */
static uint32_t kernel_tells(struct ktls_bench *b, const struct ktls_layout *l, uint64_t nonce,
                             uint64_t seq)
{
    const uint16_t head[2] = {l->version, l->cipher};
    uint8_t *told = ktls_value(b);

    memcpy(told, head, 4);
    memcpy(told + 4, l->tx, l->len - 4);
    for (size_t i = 0; i < 8; i++) {
        told[l->len - 1 - i] = (uint8_t)(seq >> 8 * i);
        if (l->version == WEIR_TLS12 && l->cipher != 54)
            told[11 - i] = (uint8_t)(nonce >> 8 * i);
    }
    return l->len;
}

static weir_status query(struct ktls_bench *b, struct weir_backend_state *state)
{
    memset(state, 0xa5, sizeof *state);
    return b->ktls.backend.query(&b->ktls.backend, &b->ctx, state);
}

static void queries_tell_where_sending_stands(struct test *t)
{
    struct weir_backend_state state;
    struct ktls_bench b;

    for (size_t i = 0; i < KTLS_LAYOUTS; i++) {
        const struct ktls_layout *l = &ktls_layouts[i];
        t->at = i;
        ktls_bench_make(&b, t, 0, l->version, l->suite);
        ktls_move(&b, WEIR_TX);
        for (uint64_t round = 0; round < 3; round++) {
            uint64_t seq = 0x1112131415161718u + round, nonce = 0x2122232425262728u + 7 * round;
            CHECK_STATUS(t, query(&b, &state), WEIR_PENDING);
            ktls_asks(&b, WEIR_CMD_GETSOCKOPT, 282, 1, l->len);
            CHECK_ZERO(t, ktls_value(&b), l->len);
            CHECK_STATUS(t, ktls_complete_with(&b, 0, kernel_tells(&b, l, nonce, seq)), WEIR_OK);
            CHECK(t, !ktls_ctx_has_key(&b));
            CHECK(t, ktls_command(&b) == NULL);
            CHECK_STATUS(t, query(&b, &state), WEIR_OK);
            CHECK_EQ(t, state.carrier, WEIR_CARRIER_BELOW);
            CHECK(t, state.exact);
            CHECK_EQ(t, state.seq, seq);
            CHECK_EQ(t, state.explicit_nonce, i < 2 ? nonce : 0);
        }
    }
}

static void queries_without_an_answer(struct test *t)
{
    static const struct {
        int error;
        uint32_t len;
        uint16_t version, cipher;
        weir_refusal_code code;
        bool transient;
    } rows[] = {
        {EINVAL, 0, 0x0304, 51, WEIR_REFUSAL_OS, false},
        {EBUSY, 40, 0x0304, 51, WEIR_REFUSAL_OS, false},
        {ENOMEM, 0, 0x0304, 51, WEIR_REFUSAL_RESOURCES, true},
        {EINTR, 0, 0x0304, 51, WEIR_REFUSAL_OS, true},
        {0, 39, 0x0304, 51, WEIR_REFUSAL_OS, false},
        {0, 41, 0x0304, 51, WEIR_REFUSAL_OS, false},
        {0, 56, 0x0304, 51, WEIR_REFUSAL_OS, false},
        {0, 4, 0x0304, 51, WEIR_REFUSAL_OS, false},
        {0, 0, 0x0304, 51, WEIR_REFUSAL_OS, false},
        {0, 40, 0x0303, 51, WEIR_REFUSAL_OS, false},
        {0, 40, 0x0304, 52, WEIR_REFUSAL_OS, false},
        {0, 40, 0x0304, 53, WEIR_REFUSAL_OS, false},
    };
    struct weir_backend_state state;
    struct ktls_bench b;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ktls_layout l = ktls_layouts[3];
        t->at = i;
        ktls_bench_make(&b, t, 0, WEIR_TLS13, WEIR_TLS_AES_128_GCM_SHA256);
        ktls_move(&b, WEIR_TX);
        CHECK_STATUS(t, query(&b, &state), WEIR_PENDING);
        l.version = rows[i].version;
        l.cipher = rows[i].cipher;
        (void)kernel_tells(&b, &l, 0, 9);
        CHECK_STATUS(t, ktls_complete_with(&b, rows[i].error, rows[i].len), WEIR_REFUSED);
        CHECK_EQ(t, b.why.code, rows[i].code);
        CHECK_EQ(t, b.why.layer, WEIR_LAYER_OS);
        CHECK_EQ(t, b.why.os_error, rows[i].error);
        CHECK_EQ(t, b.why.transient, rows[i].transient);
        CHECK(t, !ktls_ctx_has_key(&b));
        /* Nothing changed: it can be asked again. */
        CHECK_STATUS(t, query(&b, &state), WEIR_PENDING);
        CHECK_STATUS(t, ktls_complete_with(&b, 0, kernel_tells(&b, &ktls_layouts[3], 0, 10)),
                     WEIR_OK);
        CHECK_STATUS(t, query(&b, &state), WEIR_OK);
        CHECK_EQ(t, state.seq, 10);
    }
}

/* A call that brought 5 bytes of `type`, or ended with an error. */
static void receive(struct ktls_bench *b, int os_error, uint8_t type)
{
    const struct weir_stream_done done = {
        .os_error = os_error,
        .len = os_error == 0 ? 5 : 0,
        .has_control = os_error == 0,
        .end_of_record = true,
        .control = {type},
        .control_len = os_error == 0 ? 1 : 0,
    };
    struct weir_stream_in in;

    (void)b->ktls.backend.received(&b->ktls.backend, &b->ctx, &done, &in);
}

/* What was decrypted and what was read are the same number only when nothing is left to read; or,
 * in TLS 1.3, behind a control record. */
static void queries_tell_where_receiving_stands_when_all_is_read(struct test *t)
{
    static const struct {
        int error;
        uint8_t type;
    } calls[] = {{0, 23}, {EINTR, 0},       {0, 23},      {EAGAIN, 0}, {EAGAIN, 0},
                 {0, 22}, {EAGAIN, 0},      {0, 23},      {EIO, 0},    {0, 21},
                 {0, 23}, {EKEYEXPIRED, 0}, {EBADMSG, 0}, {0, 24}};
    struct weir_backend_state state;
    struct ktls_bench b;

    for (size_t i = 0; i < 2 * sizeof calls / sizeof *calls; i++) {
        bool tls13 = i % 2 != 0;
        const struct ktls_layout *l = &ktls_layouts[tls13 ? 3 : 0];
        int error = calls[i / 2].error;
        uint8_t type = calls[i / 2].type;
        bool told = error == EAGAIN || (error == 0 && tls13 && (type == 21 || type == 22));

        t->at = i;
        ktls_bench_make(&b, t, 0, l->version, l->suite);
        ktls_move(&b, WEIR_RX);
        CHECK_STATUS(t, query(&b, &state), WEIR_OK);
        CHECK(t, !state.exact);
        receive(&b, error, type);
        if (!told) {
            CHECK_STATUS(t, query(&b, &state), WEIR_OK);
            CHECK_EQ(t, state.carrier, WEIR_CARRIER_BELOW);
            CHECK(t, !state.exact);
            CHECK(t, ktls_command(&b) == NULL);
            continue;
        }
        CHECK_STATUS(t, query(&b, &state), WEIR_PENDING);
        ktls_asks(&b, WEIR_CMD_GETSOCKOPT, 282, 2, 40);
        CHECK_STATUS(t, ktls_complete_with(&b, 0, kernel_tells(&b, l, 0, 1000 + i)), WEIR_OK);
        CHECK_STATUS(t, query(&b, &state), WEIR_OK);
        CHECK(t, state.exact);
        CHECK_EQ(t, state.seq, 1000 + i);
        receive(&b, 0, 23);
        CHECK_STATUS(t, query(&b, &state), WEIR_OK);
        CHECK(t, !state.exact);
    }
}

static weir_status rekey(struct ktls_bench *b)
{
    for (size_t i = 0; i < sizeof b->keys.key; i++)
        b->keys.key[i] = (uint8_t)(0x70 + i);
    b->keys.at.seq = 0;
    return b->ktls.backend.rekey(&b->ktls.backend, &b->ctx, &b->keys);
}

static void keys_are_changed(struct test *t)
{
    struct ktls_bench b;

    for (size_t i = 0; i < 6; i++) {
        const struct ktls_layout *l = &ktls_layouts[3 + i / 2];
        enum weir_dir dir = i % 2 == 0 ? WEIR_TX : WEIR_RX;
        struct ktls_layout next = *l;
        t->at = i;
        ktls_bench_make(&b, t, WEIR_LINUX_KTLS_REKEY, l->version, l->suite);
        ktls_move(&b, dir);
        CHECK_STATUS(t, rekey(&b), WEIR_PENDING);
        for (size_t k = 4 + (l->cipher == 54 ? 12u : 8u), n = 0; n < (l->cipher == 51 ? 16u : 32u);
             n++)
            next.tx[k - 4 + n] = next.rx[k - 4 + n] = (uint8_t)(0x70 + n);
        memset(&next.tx[l->len - 12], 0, 8);
        memset(&next.rx[l->len - 12], 0, 8);
        ktls_check_info(&b, &next, dir);
        CHECK_STATUS(t, ktls_complete(&b, 0), WEIR_OK);
        CHECK(t, ktls_command(&b) == NULL);
        CHECK(t, !ktls_ctx_has_key(&b));
        if (dir == WEIR_RX)
            continue;
        /* An answer that was not fetched belongs to the old key. */
        struct weir_backend_state state;
        CHECK_STATUS(t, query(&b, &state), WEIR_PENDING);
        CHECK_STATUS(t, ktls_complete_with(&b, 0, kernel_tells(&b, l, 0, 77)), WEIR_OK);
        CHECK_STATUS(t, rekey(&b), WEIR_PENDING);
        CHECK_STATUS(t, ktls_complete(&b, 0), WEIR_OK);
        CHECK_STATUS(t, query(&b, &state), WEIR_PENDING);
    }
}

static void changes_of_key_that_fail(struct test *t)
{
    static const int errors[] = {EBUSY, EINVAL, ENOENT, ENOMEM, EFAULT, ENOPROTOOPT};
    struct ktls_bench b;

    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        t->at = i;
        ktls_bench_make(&b, t, WEIR_LINUX_KTLS_REKEY, WEIR_TLS13, WEIR_TLS_AES_128_GCM_SHA256);
        ktls_move(&b, WEIR_TX);
        CHECK_STATUS(t, rekey(&b), WEIR_PENDING);
        CHECK(t, ktls_ctx_has_key(&b));
        CHECK_STATUS(t, ktls_complete(&b, errors[i]), WEIR_E_BACKEND);
        CHECK(t, ktls_ctx_is_zero(&b));
    }
    /* Another suite than the one it has. */
    ktls_bench_make(&b, t, WEIR_LINUX_KTLS_REKEY, WEIR_TLS13, WEIR_TLS_AES_128_GCM_SHA256);
    ktls_move(&b, WEIR_TX);
    b.keys.suite = WEIR_TLS_CHACHA20_POLY1305_SHA256;
    CHECK_STATUS(t, rekey(&b), WEIR_E_BACKEND);
    CHECK(t, ktls_ctx_is_zero(&b));
}

/* Trap 19: the kernel may put a change of key off; nothing was installed. */
static void changes_of_key_that_are_put_off(struct test *t)
{
    struct ktls_bench b;

    ktls_bench_make(&b, t, WEIR_LINUX_KTLS_REKEY, WEIR_TLS13, WEIR_TLS_AES_128_GCM_SHA256);
    ktls_move(&b, WEIR_TX);
    CHECK_STATUS(t, rekey(&b), WEIR_PENDING);
    for (int i = 0; i < 100; i++) {
        CHECK_STATUS(t, ktls_complete(&b, i % 2 == 0 ? EAGAIN : EINTR), WEIR_PENDING);
        ktls_asks(&b, WEIR_CMD_SETSOCKOPT, 282, 1, 40);
        CHECK_MEM(t, ktls_value(&b) + 12, b.keys.key, 16);
    }
    CHECK_STATUS(t, ktls_complete(&b, 0), WEIR_OK);
    /* But not for ever. */
    unsigned tries = 0;
    CHECK_STATUS(t, rekey(&b), WEIR_PENDING);
    while (tries < 1000 && ktls_complete(&b, EAGAIN) == WEIR_PENDING)
        tries++;
    CHECK_EQ(t, tries, 255);
    CHECK(t, ktls_ctx_is_zero(&b));
}

static const struct test_case table[] = {
    CASE(queries_tell_where_sending_stands),
    CASE(queries_without_an_answer),
    CASE(queries_tell_where_receiving_stands_when_all_is_read),
    CASE(keys_are_changed),
    CASE(changes_of_key_that_fail),
    CASE(changes_of_key_that_are_put_off),
};
CASE_GROUP(linux_ktls_held, table, TEST_ONCE);
