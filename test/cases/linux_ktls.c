/* SPDX-License-Identifier: BSD-2-Clause */
/* How the Linux kernel takes a direction: every command byte for byte, and what its results mean.
 */
#include "ktls_bench.h"
#include "linux_errno.h"

#define ALL_FEATURES                                                                               \
    (WEIR_LINUX_KTLS_REKEY | WEIR_LINUX_KTLS_MAX_PAYLOAD_LEN | WEIR_LINUX_KTLS_ZEROCOPY_RO |       \
     WEIR_LINUX_KTLS_RX_NO_PAD)

static void asks_ulp(struct ktls_bench *b)
{
    ktls_asks(b, WEIR_CMD_SETSOCKOPT, 6, 31, 4);
    CHECK_MEM(b->t, ktls_value(b), "tls", 4);
}

static void asks_flag(struct ktls_bench *b, int name)
{
    const uint32_t one = 1;

    ktls_asks(b, WEIR_CMD_SETSOCKOPT, 282, name, 4);
    CHECK_MEM(b->t, ktls_value(b), &one, 4);
}

static void every_key_structure_byte_for_byte(struct test *t)
{
    struct ktls_bench b;

    for (size_t i = 0; i < 2 * KTLS_LAYOUTS; i++) {
        const struct ktls_layout *l = &ktls_layouts[i / 2];
        enum weir_dir dir = i % 2 == 0 ? WEIR_TX : WEIR_RX;
        t->at = i;
        ktls_bench_make(&b, t, 0, l->version, l->suite);
        CHECK(t, b.ktls.backend.supports(&b.ktls.backend, &b.keys, dir, &b.why));
        CHECK_STATUS(t, ktls_attach(&b, dir, PLAIN), WEIR_PENDING);
        asks_ulp(&b);
        CHECK_STATUS(t, ktls_complete(&b, 0), WEIR_PENDING);
        ktls_check_info(&b, l, dir);
        CHECK(t, ktls_ctx_has_key(&b));
        CHECK_STATUS(t, ktls_complete(&b, 0), WEIR_OK);
        CHECK(t, ktls_command(&b) == NULL);
        CHECK(t, !ktls_ctx_has_key(&b));
        b.ktls.backend.detach(&b.ktls.backend, &b.ctx);
        CHECK(t, ktls_ctx_is_zero(&b));
    }
}

static void explicit_nonces_go_on_as_a_counter(struct test *t)
{
    struct ktls_bench b;

    for (unsigned rule = 0; rule <= 5; rule++) {
        t->at = rule;
        ktls_bench_make(&b, t, 0, WEIR_TLS12, WEIR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256);
        b.keys.at.nonce_rule = (uint8_t)rule;
        /* Received nonces are read from the wire. */
        CHECK(t, b.ktls.backend.supports(&b.ktls.backend, &b.keys, WEIR_RX, &b.why));
        bool good = rule == WEIR_NONCE_SEQ || rule == WEIR_NONCE_COUNTER;
        CHECK(t, b.ktls.backend.supports(&b.ktls.backend, &b.keys, WEIR_TX, &b.why) == good);
        CHECK_STATUS(t, ktls_attach(&b, WEIR_TX, PLAIN), good ? WEIR_PENDING : WEIR_REFUSED);
        if (good)
            continue;
        CHECK_EQ(t, b.why.code, WEIR_REFUSAL_NONCE_RULE);
        CHECK_EQ(t, b.why.layer, WEIR_LAYER_BACKEND);
        CHECK_EQ(t, b.why.detail, rule);
        CHECK_EQ(t, b.why.os_error, 0);
        CHECK(t, !b.why.transient);
    }
}

static void near_misses_are_refused(struct test *t)
{
    static const struct {
        uint16_t version, suite;
        uint64_t unsure;
        weir_refusal_code code;
        uint32_t detail;
    } rows[] = {
        {0x0302, WEIR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, 0, WEIR_REFUSAL_VERSION, 0x0302},
        {0x0305, WEIR_TLS_AES_128_GCM_SHA256, 0, WEIR_REFUSAL_VERSION, 0x0305},
        {0x0303, WEIR_TLS_AES_128_GCM_SHA256, 0, WEIR_REFUSAL_SUITE, WEIR_TLS_AES_128_GCM_SHA256},
        {0x0304, 0xc02f, 0, WEIR_REFUSAL_SUITE, 0xc02f},
        {0x0304, 0x1304, 0, WEIR_REFUSAL_SUITE, 0x1304}, /* AES-CCM: not one of weir's */
        {0x0303, 0x002f, 0, WEIR_REFUSAL_SUITE, 0x002f}, /* CBC */
        {0x0304, WEIR_TLS_AES_128_GCM_SHA256, 1, WEIR_REFUSAL_POSITION, 0},
    };
    struct ktls_bench b;

    for (size_t i = 0; i < 2 * sizeof rows / sizeof *rows; i++) {
        enum weir_dir dir = i % 2 == 0 ? WEIR_TX : WEIR_RX;
        t->at = i;
        ktls_bench_make(&b, t, ALL_FEATURES, rows[i / 2].version, rows[i / 2].suite);
        b.keys.at.unsure = rows[i / 2].unsure;
        CHECK(t, !b.ktls.backend.supports(&b.ktls.backend, &b.keys, dir, &b.why));
        memset(&b.why, 0xa5, sizeof b.why);
        CHECK_STATUS(t, ktls_attach(&b, dir, PLAIN), WEIR_REFUSED);
        CHECK_EQ(t, b.why.code, rows[i / 2].code);
        CHECK_EQ(t, b.why.detail, rows[i / 2].detail);
        CHECK_EQ(t, b.why.layer, WEIR_LAYER_BACKEND);
        CHECK(t, !ktls_ctx_has_key(&b));
    }
}

static void features_are_what_the_struct_says(struct test *t)
{
    struct weir_linux_ktls ktls;

    for (uint32_t features = 0; features < 128; features++) {
        t->at = features;
        weir_linux_ktls_init(&ktls, features);
        CHECK_EQ(t, ktls.backend.abi, WEIR_BACKEND_ABI);
        CHECK_EQ(t, ktls.backend.form, WEIR_FORM_STREAM);
        CHECK_STR(t, ktls.backend.name, "linux-ktls");
        CHECK_EQ(t, ktls.backend.least_record, 1);
        CHECK(t, (ktls.backend.rekey != NULL) == ((features & 1) != 0));
        CHECK_EQ(t, ktls.backend.caps,
                 WEIR_CAP_SPLICE | ((features & 2) != 0 ? WEIR_CAP_RECORD_LIMIT : 0));
        CHECK(t, ktls.backend.ctx_size <= sizeof(struct weir_linux_ktls_ctx));
        CHECK(t, ktls.backend.seal == NULL && ktls.backend.open == NULL);
    }
}

/* Options that a direction is given, in their order; and none that was not asked for. */
static void options_in_their_order(struct test *t)
{
    struct ktls_bench b;
    const uint16_t limit = 1000;

    ktls_bench_make(&b, t, ALL_FEATURES, WEIR_TLS13, WEIR_TLS_AES_128_GCM_SHA256);
    CHECK_STATUS(t, ktls_attach(&b, WEIR_TX, limit), WEIR_PENDING);
    asks_ulp(&b);
    CHECK_STATUS(t, ktls_complete(&b, 0), WEIR_PENDING);
    ktls_asks(&b, WEIR_CMD_SETSOCKOPT, 282, 5, 2);
    CHECK_MEM(t, ktls_value(&b), &limit, 2);
    CHECK_STATUS(t, ktls_complete(&b, 0), WEIR_PENDING);
    asks_flag(&b, 3);
    CHECK_STATUS(t, ktls_complete(&b, 0), WEIR_PENDING);
    ktls_check_info(&b, &ktls_layouts[3], WEIR_TX);
    CHECK_STATUS(t, ktls_complete(&b, 0), WEIR_OK);

    for (unsigned version = WEIR_TLS12; version <= WEIR_TLS13; version++) {
        const struct ktls_layout *l = &ktls_layouts[version == WEIR_TLS13 ? 3 : 0];
        ktls_bench_make(&b, t, ALL_FEATURES, l->version, l->suite);
        CHECK_STATUS(t, ktls_attach(&b, WEIR_RX, PLAIN), WEIR_PENDING);
        asks_ulp(&b);
        CHECK_STATUS(t, ktls_complete(&b, 0), WEIR_PENDING);
        ktls_check_info(&b, l, WEIR_RX);
        if (version == WEIR_TLS13) { /* which has padding */
            CHECK_STATUS(t, ktls_complete(&b, 0), WEIR_PENDING);
            asks_flag(&b, 4);
        }
        CHECK_STATUS(t, ktls_complete(&b, 0), WEIR_OK);
        CHECK(t, ktls_command(&b) == NULL);
    }
}

static void record_limits(struct test *t)
{
    struct ktls_bench b;

    /* Who cannot keep to one is asked for none. */
    ktls_bench_make(&b, t, 0, WEIR_TLS13, WEIR_TLS_AES_128_GCM_SHA256);
    CHECK_STATUS(t, ktls_attach(&b, WEIR_TX, PLAIN - 1), WEIR_REFUSED);
    CHECK_EQ(t, b.why.code, WEIR_REFUSAL_RECORD_LIMIT);
    CHECK_EQ(t, b.why.layer, WEIR_LAYER_BACKEND);
    CHECK_EQ(t, b.why.detail, PLAIN - 1);
    ktls_bench_make(&b, t, ALL_FEATURES, WEIR_TLS13, WEIR_TLS_AES_128_GCM_SHA256);
    CHECK_STATUS(t, ktls_attach(&b, WEIR_RX, PLAIN - 1), WEIR_REFUSED);
    CHECK_EQ(t, b.why.code, WEIR_REFUSAL_RECORD_LIMIT);

    static const int errors[] = {EINVAL, EBUSY, ENOPROTOOPT, EFAULT};
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        t->at = i;
        ktls_bench_make(&b, t, ALL_FEATURES, WEIR_TLS13, WEIR_TLS_AES_128_GCM_SHA256);
        CHECK_STATUS(t, ktls_attach(&b, WEIR_TX, 62), WEIR_PENDING);
        CHECK_STATUS(t, ktls_complete(&b, 0), WEIR_PENDING);
        CHECK_STATUS(t, ktls_complete(&b, errors[i]), WEIR_REFUSED);
        CHECK_EQ(t, b.why.code, WEIR_REFUSAL_RECORD_LIMIT);
        CHECK_EQ(t, b.why.layer, WEIR_LAYER_OS);
        CHECK_EQ(t, b.why.os_error, errors[i]);
        CHECK_EQ(t, b.why.detail, 62);
        CHECK(t, ktls_ctx_is_zero(&b));
    }
}

/* Section 14 of the kernel's manual calls both "optimizations": without them all works. */
static void options_that_fail_refuse_nothing(struct test *t)
{
    static const int errors[] = {EINVAL, ENOPROTOOPT, ENOMEM, EBUSY, EIO};
    struct ktls_bench b;

    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        t->at = i;
        ktls_bench_make(&b, t, ALL_FEATURES, WEIR_TLS13, WEIR_TLS_CHACHA20_POLY1305_SHA256);
        CHECK_STATUS(t, ktls_attach(&b, WEIR_TX, PLAIN), WEIR_PENDING);
        CHECK_STATUS(t, ktls_complete(&b, 0), WEIR_PENDING);
        asks_flag(&b, 3);
        CHECK_STATUS(t, ktls_complete(&b, errors[i]), WEIR_PENDING);
        ktls_check_info(&b, &ktls_layouts[5], WEIR_TX);
        CHECK_STATUS(t, ktls_complete(&b, 0), WEIR_OK);

        ktls_bench_make(&b, t, ALL_FEATURES, WEIR_TLS13, WEIR_TLS_CHACHA20_POLY1305_SHA256);
        ktls_move_to_key(&b, WEIR_RX);
        CHECK_STATUS(t, ktls_complete(&b, 0), WEIR_PENDING);
        asks_flag(&b, 4);
        CHECK_STATUS(t, ktls_complete(&b, errors[i]), WEIR_OK);
        CHECK(t, ktls_command(&b) == NULL);
    }
}

struct refusal_row {
    const char *cause;
    bool at_key;  /* else at the ULP */
    bool had_ulp; /* the ULP step answered EEXIST */
    int error;
    weir_refusal_code code;
    bool transient;
};

static const struct refusal_row refusals[] = {
    {"not registered", false, false, ENOENT, WEIR_REFUSAL_NO_KTLS, false},
    {"not established", false, false, ENOTCONN, WEIR_REFUSAL_SOCKET, false},
    {"not established, old kernel", false, false, KERNEL_ENOTSUPP, WEIR_REFUSAL_SOCKET, false},
    {"not TCP", false, false, ENOPROTOOPT, WEIR_REFUSAL_SOCKET, false},
    {"multipath TCP", false, false, EOPNOTSUPP, WEIR_REFUSAL_SOCKET, false},
    {"no memory", false, false, ENOMEM, WEIR_REFUSAL_RESOURCES, true},
    {"interrupted", false, false, EINTR, WEIR_REFUSAL_OS, true},
    {"anything else", false, false, EPERM, WEIR_REFUSAL_OS, false},
    {"anything else", false, false, EINVAL, WEIR_REFUSAL_OS, false},
    {"anything else", false, false, EBUSY, WEIR_REFUSAL_OS, false},
    {"no implementation", true, false, ENOENT, WEIR_REFUSAL_SUITE, false},
    {"unknown cipher, or not that of the other direction", true, true, EINVAL, WEIR_REFUSAL_SUITE,
     false},
    {"unknown version, old kernel", true, false, KERNEL_ENOTSUPP, WEIR_REFUSAL_VERSION, false},
    {"has a key", true, true, EBUSY, WEIR_REFUSAL_TAKEN, false},
    {"foreign ULP", true, true, ENOPROTOOPT, WEIR_REFUSAL_TAKEN, false},
    {"direction unknown to this kernel", true, false, ENOPROTOOPT, WEIR_REFUSAL_NO_KTLS, false},
    {"no memory", true, false, ENOMEM, WEIR_REFUSAL_RESOURCES, true},
    {"not now", true, false, EAGAIN, WEIR_REFUSAL_OS, true},
    {"anything else", true, false, EFAULT, WEIR_REFUSAL_OS, false},
    {"anything else", true, false, ENOTCONN, WEIR_REFUSAL_OS, false},
    {"anything else", true, false, EEXIST, WEIR_REFUSAL_OS, false},
};

static void every_errno_has_its_refusal(struct test *t)
{
    struct ktls_bench b;

    for (size_t i = 0; i < 2 * sizeof refusals / sizeof *refusals; i++) {
        const struct refusal_row *row = &refusals[i / 2];
        enum weir_dir dir = i % 2 == 0 ? WEIR_TX : WEIR_RX;
        t->at = i;
        ktls_bench_make(&b, t, 0, WEIR_TLS13, WEIR_TLS_AES_256_GCM_SHA384);
        CHECK_STATUS(t, ktls_attach(&b, dir, PLAIN), WEIR_PENDING);
        if (row->at_key) {
            CHECK_STATUS(t, ktls_complete(&b, row->had_ulp ? EEXIST : 0), WEIR_PENDING);
            ktls_check_info(&b, &ktls_layouts[4], dir);
        }
        CHECK_STATUS(t, ktls_complete(&b, row->error), WEIR_REFUSED);
        CHECK_EQ(t, b.why.code, row->code);
        CHECK_EQ(t, b.why.layer, WEIR_LAYER_OS);
        CHECK_EQ(t, b.why.os_error, row->error);
        CHECK_EQ(t, b.why.transient, row->transient);
        uint32_t detail = row->code == WEIR_REFUSAL_SUITE     ? WEIR_TLS_AES_256_GCM_SHA384
                          : row->code == WEIR_REFUSAL_VERSION ? WEIR_TLS13
                                                              : 0;
        CHECK_EQ(t, b.why.detail, detail);
        CHECK(t, ktls_ctx_is_zero(&b));
        CHECK(t, ktls_command(&b) == NULL);
    }
}

static void ulp_of_the_other_direction(struct test *t)
{
    struct ktls_bench b;

    ktls_bench_make(&b, t, 0, WEIR_TLS12, WEIR_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384);
    CHECK_STATUS(t, ktls_attach(&b, WEIR_RX, PLAIN), WEIR_PENDING);
    CHECK_STATUS(t, ktls_complete(&b, EEXIST), WEIR_PENDING);
    ktls_check_info(&b, &ktls_layouts[1], WEIR_RX);
    CHECK_STATUS(t, ktls_complete(&b, 0), WEIR_OK);
}

static void detach_in_the_middle_leaves_no_key(struct test *t)
{
    struct ktls_bench b;

    for (unsigned steps = 0; steps < 3; steps++) {
        t->at = steps;
        ktls_bench_make(&b, t, ALL_FEATURES, WEIR_TLS13, WEIR_TLS_AES_128_GCM_SHA256);
        CHECK_STATUS(t, ktls_attach(&b, WEIR_TX, 1000), WEIR_PENDING);
        for (unsigned i = 0; i < steps; i++)
            CHECK_STATUS(t, ktls_complete(&b, 0), WEIR_PENDING);
        CHECK(t, ktls_ctx_has_key(&b));
        b.ktls.backend.detach(&b.ktls.backend, &b.ctx);
        CHECK(t, ktls_ctx_is_zero(&b));
    }
    /* A completion that nobody waits for. */
    CHECK_STATUS(t, ktls_complete(&b, 0), WEIR_E_BACKEND);
}

static const struct test_case table[] = {
    CASE(every_key_structure_byte_for_byte),
    CASE(explicit_nonces_go_on_as_a_counter),
    CASE(near_misses_are_refused),
    CASE(features_are_what_the_struct_says),
    CASE(options_in_their_order),
    CASE(record_limits),
    CASE(options_that_fail_refuse_nothing),
    CASE(every_errno_has_its_refusal),
    CASE(ulp_of_the_other_direction),
    CASE(detach_in_the_middle_leaves_no_key),
};
CASE_GROUP(linux_ktls, table, TEST_ONCE);
