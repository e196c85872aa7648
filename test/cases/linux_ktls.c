/* SPDX-License-Identifier: BSD-2-Clause */
/* How the Linux kernel takes a direction: every command byte for byte, and what its results mean.
 * The expectations are written by hand from include/uapi/linux/tls.h. */
#include "cases.h"
#include "linux_errno.h"

#include <weir/linux_ktls.h>

#define ALL_FEATURES                                                                               \
    (WEIR_LINUX_KTLS_REKEY | WEIR_LINUX_KTLS_MAX_PAYLOAD_LEN | WEIR_LINUX_KTLS_ZEROCOPY_RO |       \
     WEIR_LINUX_KTLS_RX_NO_PAD)
#define PLAIN 16384u

/* The backend, a direction's memory, and room for what comes back. */
struct bench {
    struct test *t;
    struct weir_linux_ktls ktls;
    struct weir_linux_ktls_ctx ctx;
    struct weir_keys keys;
    struct weir_refusal why;
    uint8_t nothing[64]; /* instead of the value of a command that is missing */
};

static void bench_make(struct bench *b, struct test *t, uint32_t features, uint16_t version,
                       uint16_t suite)
{
    memset(b, 0, sizeof *b);
    b->t = t;
    memset(&b->ctx, 0xa5, sizeof b->ctx);
    memset(&b->why, 0xa5, sizeof b->why);
    weir_linux_ktls_init(&b->ktls, features);
    b->keys.version = version;
    b->keys.suite = suite;
    for (size_t i = 0; i < sizeof b->keys.key; i++)
        b->keys.key[i] = (uint8_t)(0x40 + i);
    for (size_t i = 0; i < sizeof b->keys.iv; i++)
        b->keys.iv[i] = (uint8_t)(0xc0 + i);
    b->keys.at.seq = 0x0102030405060708u;
    if (version == WEIR_TLS12 && suite != WEIR_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256) {
        memset(b->keys.iv + 4, 0, 8);
        b->keys.at.nonce_rule = WEIR_NONCE_COUNTER;
        b->keys.at.explicit_nonce = 0xf1f2f3f4f5f6f7f8u;
    }
}

static weir_status attach(struct bench *b, enum weir_dir dir, uint16_t limit)
{
    const struct weir_attach what = {.keys = &b->keys, .dir = dir, .record_limit = limit};

    return b->ktls.backend.attach(&b->ktls.backend, &b->ctx, &what, &b->why);
}

static const struct weir_cmd *command(struct bench *b)
{
    return b->ktls.backend.command(&b->ktls.backend, &b->ctx);
}

static uint8_t *value(struct bench *b)
{
    const struct weir_cmd *cmd = command(b);

    return cmd != NULL ? cmd->value : b->nothing;
}

static weir_status complete_with(struct bench *b, int os_error, uint32_t len)
{
    const struct weir_done done = {.os_error = os_error, .len = len};

    return b->ktls.backend.complete(&b->ktls.backend, &b->ctx, &done, &b->why);
}

static weir_status complete(struct bench *b, int os_error)
{
    return complete_with(b, os_error, 0);
}

/* The outstanding command is this one. */
static void asks(struct bench *b, weir_cmd_kind kind, int level, int name, uint32_t len)
{
    const struct weir_cmd *cmd = command(b);

    CHECK(b->t, cmd != NULL);
    if (cmd == NULL)
        return;
    CHECK_EQ(b->t, cmd->kind, kind);
    CHECK_EQ(b->t, cmd->level, level);
    CHECK_EQ(b->t, cmd->name, name);
    CHECK_EQ(b->t, cmd->len, len);
    CHECK(b->t,
          cmd->value >= (uint8_t *)&b->ctx && cmd->value + cmd->len <= (uint8_t *)(&b->ctx + 1));
}

static void asks_ulp(struct bench *b)
{
    asks(b, WEIR_CMD_SETSOCKOPT, 6, 31, 4);
    CHECK_MEM(b->t, value(b), "tls", 4);
}

static void asks_flag(struct bench *b, int name)
{
    const uint32_t one = 1;

    asks(b, WEIR_CMD_SETSOCKOPT, 282, name, 4);
    CHECK_MEM(b->t, value(b), &one, 4);
}

static bool ctx_is_zero(const struct bench *b)
{
    const uint8_t *p = (const uint8_t *)&b->ctx;

    for (size_t i = 0; i < b->ktls.backend.ctx_size; i++) {
        if (p[i] != 0)
            return false;
    }
    return true;
}

/* Whether some 8 bytes of the key or of the IV lie in the direction's memory. */
static bool ctx_has_key(const struct bench *b)
{
    const uint8_t *p = (const uint8_t *)&b->ctx;

    for (size_t i = 0; i + 8 <= sizeof b->ctx; i++) {
        for (size_t k = 0; k + 8 <= sizeof b->keys.key; k++) {
            if (memcmp(p + i, b->keys.key + k, 8) == 0)
                return true;
        }
        if (memcmp(p + i, b->keys.iv, 4) == 0)
            return true;
    }
    return false;
}

/* Goes through a move without faults, up to the command with the key. */
static void move_to_key(struct bench *b, enum weir_dir dir)
{
    CHECK_STATUS(b->t, attach(b, dir, PLAIN), WEIR_PENDING);
    while (command(b) != NULL && command(b)->len < 40)
        CHECK_STATUS(b->t, complete(b, 0), WEIR_PENDING);
}

static void move(struct bench *b, enum weir_dir dir)
{
    move_to_key(b, dir);
    CHECK_STATUS(b->t, complete(b, 0), WEIR_OK);
    CHECK(b->t, command(b) == NULL);
}

struct layout {
    uint16_t version, suite, cipher;
    uint32_t len;
    uint8_t tx[52], rx[52]; /* behind version and cipher */
};

#define EXPLICIT 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8
#define NO_IV    0, 0, 0, 0, 0, 0, 0, 0
#define IV_0_3   0xc0, 0xc1, 0xc2, 0xc3
#define IV_4_11  0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xcb
#define KEY_16                                                                                     \
    0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f
#define KEY_32                                                                                     \
    KEY_16, 0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0x5b, 0x5c, 0x5d,    \
        0x5e, 0x5f
#define SEQ 1, 2, 3, 4, 5, 6, 7, 8

static const struct layout layouts[] = {
    {0x0303,
     WEIR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
     51,
     40,
     {EXPLICIT, KEY_16, IV_0_3, SEQ},
     {NO_IV, KEY_16, IV_0_3, SEQ}},
    {0x0303,
     WEIR_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
     52,
     56,
     {EXPLICIT, KEY_32, IV_0_3, SEQ},
     {NO_IV, KEY_32, IV_0_3, SEQ}},
    {0x0303,
     WEIR_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
     54,
     56,
     {IV_0_3, IV_4_11, KEY_32, SEQ},
     {IV_0_3, IV_4_11, KEY_32, SEQ}},
    {0x0304,
     WEIR_TLS_AES_128_GCM_SHA256,
     51,
     40,
     {IV_4_11, KEY_16, IV_0_3, SEQ},
     {IV_4_11, KEY_16, IV_0_3, SEQ}},
    {0x0304,
     WEIR_TLS_AES_256_GCM_SHA384,
     52,
     56,
     {IV_4_11, KEY_32, IV_0_3, SEQ},
     {IV_4_11, KEY_32, IV_0_3, SEQ}},
    {0x0304,
     WEIR_TLS_CHACHA20_POLY1305_SHA256,
     54,
     56,
     {IV_0_3, IV_4_11, KEY_32, SEQ},
     {IV_0_3, IV_4_11, KEY_32, SEQ}},
};
#define LAYOUTS (sizeof layouts / sizeof *layouts)

static void check_info(struct bench *b, const struct layout *l, enum weir_dir dir)
{
    const uint16_t head[2] = {l->version, l->cipher};

    asks(b, WEIR_CMD_SETSOCKOPT, 282, dir == WEIR_TX ? 1 : 2, l->len);
    CHECK_MEM(b->t, value(b), head, 4);
    CHECK_MEM(b->t, value(b) + 4, dir == WEIR_TX ? l->tx : l->rx, l->len - 4);
}

static void every_key_structure_byte_for_byte(struct test *t)
{
    struct bench b;

    for (size_t i = 0; i < 2 * LAYOUTS; i++) {
        const struct layout *l = &layouts[i / 2];
        enum weir_dir dir = i % 2 == 0 ? WEIR_TX : WEIR_RX;
        t->at = i;
        bench_make(&b, t, 0, l->version, l->suite);
        CHECK(t, b.ktls.backend.supports(&b.ktls.backend, &b.keys, dir, &b.why));
        CHECK_STATUS(t, attach(&b, dir, PLAIN), WEIR_PENDING);
        asks_ulp(&b);
        CHECK_STATUS(t, complete(&b, 0), WEIR_PENDING);
        check_info(&b, l, dir);
        CHECK(t, ctx_has_key(&b));
        CHECK_STATUS(t, complete(&b, 0), WEIR_OK);
        CHECK(t, command(&b) == NULL);
        CHECK(t, !ctx_has_key(&b));
        b.ktls.backend.detach(&b.ktls.backend, &b.ctx);
        CHECK(t, ctx_is_zero(&b));
    }
}

static void explicit_nonces_go_on_as_a_counter(struct test *t)
{
    struct bench b;

    for (unsigned rule = 0; rule <= 5; rule++) {
        t->at = rule;
        bench_make(&b, t, 0, WEIR_TLS12, WEIR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256);
        b.keys.at.nonce_rule = (uint8_t)rule;
        /* Received nonces are read from the wire. */
        CHECK(t, b.ktls.backend.supports(&b.ktls.backend, &b.keys, WEIR_RX, &b.why));
        bool good = rule == WEIR_NONCE_SEQ || rule == WEIR_NONCE_COUNTER;
        CHECK(t, b.ktls.backend.supports(&b.ktls.backend, &b.keys, WEIR_TX, &b.why) == good);
        CHECK_STATUS(t, attach(&b, WEIR_TX, PLAIN), good ? WEIR_PENDING : WEIR_REFUSED);
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
    struct bench b;

    for (size_t i = 0; i < 2 * sizeof rows / sizeof *rows; i++) {
        enum weir_dir dir = i % 2 == 0 ? WEIR_TX : WEIR_RX;
        t->at = i;
        bench_make(&b, t, ALL_FEATURES, rows[i / 2].version, rows[i / 2].suite);
        b.keys.at.unsure = rows[i / 2].unsure;
        CHECK(t, !b.ktls.backend.supports(&b.ktls.backend, &b.keys, dir, &b.why));
        memset(&b.why, 0xa5, sizeof b.why);
        CHECK_STATUS(t, attach(&b, dir, PLAIN), WEIR_REFUSED);
        CHECK_EQ(t, b.why.code, rows[i / 2].code);
        CHECK_EQ(t, b.why.detail, rows[i / 2].detail);
        CHECK_EQ(t, b.why.layer, WEIR_LAYER_BACKEND);
        CHECK(t, !ctx_has_key(&b));
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
    struct bench b;
    const uint16_t limit = 1000;

    bench_make(&b, t, ALL_FEATURES, WEIR_TLS13, WEIR_TLS_AES_128_GCM_SHA256);
    CHECK_STATUS(t, attach(&b, WEIR_TX, limit), WEIR_PENDING);
    asks_ulp(&b);
    CHECK_STATUS(t, complete(&b, 0), WEIR_PENDING);
    asks(&b, WEIR_CMD_SETSOCKOPT, 282, 5, 2);
    CHECK_MEM(t, value(&b), &limit, 2);
    CHECK_STATUS(t, complete(&b, 0), WEIR_PENDING);
    asks_flag(&b, 3);
    CHECK_STATUS(t, complete(&b, 0), WEIR_PENDING);
    check_info(&b, &layouts[3], WEIR_TX);
    CHECK_STATUS(t, complete(&b, 0), WEIR_OK);

    for (unsigned version = WEIR_TLS12; version <= WEIR_TLS13; version++) {
        const struct layout *l = &layouts[version == WEIR_TLS13 ? 3 : 0];
        bench_make(&b, t, ALL_FEATURES, l->version, l->suite);
        CHECK_STATUS(t, attach(&b, WEIR_RX, PLAIN), WEIR_PENDING);
        asks_ulp(&b);
        CHECK_STATUS(t, complete(&b, 0), WEIR_PENDING);
        check_info(&b, l, WEIR_RX);
        if (version == WEIR_TLS13) { /* which has padding */
            CHECK_STATUS(t, complete(&b, 0), WEIR_PENDING);
            asks_flag(&b, 4);
        }
        CHECK_STATUS(t, complete(&b, 0), WEIR_OK);
        CHECK(t, command(&b) == NULL);
    }
}

static void record_limits(struct test *t)
{
    struct bench b;

    /* Who cannot keep to one is asked for none. */
    bench_make(&b, t, 0, WEIR_TLS13, WEIR_TLS_AES_128_GCM_SHA256);
    CHECK_STATUS(t, attach(&b, WEIR_TX, PLAIN - 1), WEIR_REFUSED);
    CHECK_EQ(t, b.why.code, WEIR_REFUSAL_RECORD_LIMIT);
    CHECK_EQ(t, b.why.layer, WEIR_LAYER_BACKEND);
    CHECK_EQ(t, b.why.detail, PLAIN - 1);
    bench_make(&b, t, ALL_FEATURES, WEIR_TLS13, WEIR_TLS_AES_128_GCM_SHA256);
    CHECK_STATUS(t, attach(&b, WEIR_RX, PLAIN - 1), WEIR_REFUSED);
    CHECK_EQ(t, b.why.code, WEIR_REFUSAL_RECORD_LIMIT);

    static const int errors[] = {EINVAL, EBUSY, ENOPROTOOPT, EFAULT};
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        t->at = i;
        bench_make(&b, t, ALL_FEATURES, WEIR_TLS13, WEIR_TLS_AES_128_GCM_SHA256);
        CHECK_STATUS(t, attach(&b, WEIR_TX, 62), WEIR_PENDING);
        CHECK_STATUS(t, complete(&b, 0), WEIR_PENDING);
        CHECK_STATUS(t, complete(&b, errors[i]), WEIR_REFUSED);
        CHECK_EQ(t, b.why.code, WEIR_REFUSAL_RECORD_LIMIT);
        CHECK_EQ(t, b.why.layer, WEIR_LAYER_OS);
        CHECK_EQ(t, b.why.os_error, errors[i]);
        CHECK_EQ(t, b.why.detail, 62);
        CHECK(t, ctx_is_zero(&b));
    }
}

/* Section 14 of the kernel's manual calls both "optimizations": without them all works. */
static void options_that_fail_refuse_nothing(struct test *t)
{
    static const int errors[] = {EINVAL, ENOPROTOOPT, ENOMEM, EBUSY, EIO};
    struct bench b;

    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        t->at = i;
        bench_make(&b, t, ALL_FEATURES, WEIR_TLS13, WEIR_TLS_CHACHA20_POLY1305_SHA256);
        CHECK_STATUS(t, attach(&b, WEIR_TX, PLAIN), WEIR_PENDING);
        CHECK_STATUS(t, complete(&b, 0), WEIR_PENDING);
        asks_flag(&b, 3);
        CHECK_STATUS(t, complete(&b, errors[i]), WEIR_PENDING);
        check_info(&b, &layouts[5], WEIR_TX);
        CHECK_STATUS(t, complete(&b, 0), WEIR_OK);

        bench_make(&b, t, ALL_FEATURES, WEIR_TLS13, WEIR_TLS_CHACHA20_POLY1305_SHA256);
        move_to_key(&b, WEIR_RX);
        CHECK_STATUS(t, complete(&b, 0), WEIR_PENDING);
        asks_flag(&b, 4);
        CHECK_STATUS(t, complete(&b, errors[i]), WEIR_OK);
        CHECK(t, command(&b) == NULL);
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
    struct bench b;

    for (size_t i = 0; i < 2 * sizeof refusals / sizeof *refusals; i++) {
        const struct refusal_row *row = &refusals[i / 2];
        enum weir_dir dir = i % 2 == 0 ? WEIR_TX : WEIR_RX;
        t->at = i;
        bench_make(&b, t, 0, WEIR_TLS13, WEIR_TLS_AES_256_GCM_SHA384);
        CHECK_STATUS(t, attach(&b, dir, PLAIN), WEIR_PENDING);
        if (row->at_key) {
            CHECK_STATUS(t, complete(&b, row->had_ulp ? EEXIST : 0), WEIR_PENDING);
            check_info(&b, &layouts[4], dir);
        }
        CHECK_STATUS(t, complete(&b, row->error), WEIR_REFUSED);
        CHECK_EQ(t, b.why.code, row->code);
        CHECK_EQ(t, b.why.layer, WEIR_LAYER_OS);
        CHECK_EQ(t, b.why.os_error, row->error);
        CHECK_EQ(t, b.why.transient, row->transient);
        uint32_t detail = row->code == WEIR_REFUSAL_SUITE     ? WEIR_TLS_AES_256_GCM_SHA384
                          : row->code == WEIR_REFUSAL_VERSION ? WEIR_TLS13
                                                              : 0;
        CHECK_EQ(t, b.why.detail, detail);
        CHECK(t, ctx_is_zero(&b));
        CHECK(t, command(&b) == NULL);
    }
}

static void ulp_of_the_other_direction(struct test *t)
{
    struct bench b;

    bench_make(&b, t, 0, WEIR_TLS12, WEIR_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384);
    CHECK_STATUS(t, attach(&b, WEIR_RX, PLAIN), WEIR_PENDING);
    CHECK_STATUS(t, complete(&b, EEXIST), WEIR_PENDING);
    check_info(&b, &layouts[1], WEIR_RX);
    CHECK_STATUS(t, complete(&b, 0), WEIR_OK);
}

static void detach_in_the_middle_leaves_no_key(struct test *t)
{
    struct bench b;

    for (unsigned steps = 0; steps < 3; steps++) {
        t->at = steps;
        bench_make(&b, t, ALL_FEATURES, WEIR_TLS13, WEIR_TLS_AES_128_GCM_SHA256);
        CHECK_STATUS(t, attach(&b, WEIR_TX, 1000), WEIR_PENDING);
        for (unsigned i = 0; i < steps; i++)
            CHECK_STATUS(t, complete(&b, 0), WEIR_PENDING);
        CHECK(t, ctx_has_key(&b));
        b.ktls.backend.detach(&b.ktls.backend, &b.ctx);
        CHECK(t, ctx_is_zero(&b));
    }
    /* A completion that nobody waits for. */
    CHECK_STATUS(t, complete(&b, 0), WEIR_E_BACKEND);
}

/* The kernel answers a query: the whole structure, key and all, with iv and rec_seq as they are. */
static uint32_t kernel_tells(struct bench *b, const struct layout *l, uint64_t nonce, uint64_t seq)
{
    const uint16_t head[2] = {l->version, l->cipher};
    uint8_t *told = value(b);

    memcpy(told, head, 4);
    memcpy(told + 4, l->tx, l->len - 4);
    for (size_t i = 0; i < 8; i++) {
        told[l->len - 1 - i] = (uint8_t)(seq >> 8 * i);
        if (l->version == WEIR_TLS12 && l->cipher != 54)
            told[11 - i] = (uint8_t)(nonce >> 8 * i);
    }
    return l->len;
}

static weir_status query(struct bench *b, struct weir_backend_state *state)
{
    memset(state, 0xa5, sizeof *state);
    return b->ktls.backend.query(&b->ktls.backend, &b->ctx, state);
}

static void queries_tell_where_sending_stands(struct test *t)
{
    struct weir_backend_state state;
    struct bench b;

    for (size_t i = 0; i < LAYOUTS; i++) {
        const struct layout *l = &layouts[i];
        t->at = i;
        bench_make(&b, t, 0, l->version, l->suite);
        move(&b, WEIR_TX);
        for (uint64_t round = 0; round < 3; round++) {
            uint64_t seq = 0x1112131415161718u + round, nonce = 0x2122232425262728u + 7 * round;
            CHECK_STATUS(t, query(&b, &state), WEIR_PENDING);
            asks(&b, WEIR_CMD_GETSOCKOPT, 282, 1, l->len);
            CHECK_ZERO(t, value(&b), l->len);
            CHECK_STATUS(t, complete_with(&b, 0, kernel_tells(&b, l, nonce, seq)), WEIR_OK);
            CHECK(t, !ctx_has_key(&b));
            CHECK(t, command(&b) == NULL);
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
    struct bench b;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct layout l = layouts[3];
        t->at = i;
        bench_make(&b, t, 0, WEIR_TLS13, WEIR_TLS_AES_128_GCM_SHA256);
        move(&b, WEIR_TX);
        CHECK_STATUS(t, query(&b, &state), WEIR_PENDING);
        l.version = rows[i].version;
        l.cipher = rows[i].cipher;
        (void)kernel_tells(&b, &l, 0, 9);
        CHECK_STATUS(t, complete_with(&b, rows[i].error, rows[i].len), WEIR_REFUSED);
        CHECK_EQ(t, b.why.code, rows[i].code);
        CHECK_EQ(t, b.why.layer, WEIR_LAYER_OS);
        CHECK_EQ(t, b.why.os_error, rows[i].error);
        CHECK_EQ(t, b.why.transient, rows[i].transient);
        CHECK(t, !ctx_has_key(&b));
        /* Nothing changed: it can be asked again. */
        CHECK_STATUS(t, query(&b, &state), WEIR_PENDING);
        CHECK_STATUS(t, complete_with(&b, 0, kernel_tells(&b, &layouts[3], 0, 10)), WEIR_OK);
        CHECK_STATUS(t, query(&b, &state), WEIR_OK);
        CHECK_EQ(t, state.seq, 10);
    }
}

/* A call that brought 5 bytes of `type`, or ended with an error. */
static void receive(struct bench *b, int os_error, uint8_t type)
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
    struct bench b;

    for (size_t i = 0; i < 2 * sizeof calls / sizeof *calls; i++) {
        bool tls13 = i % 2 != 0;
        const struct layout *l = &layouts[tls13 ? 3 : 0];
        int error = calls[i / 2].error;
        uint8_t type = calls[i / 2].type;
        bool told = error == EAGAIN || (error == 0 && tls13 && (type == 21 || type == 22));

        t->at = i;
        bench_make(&b, t, 0, l->version, l->suite);
        move(&b, WEIR_RX);
        CHECK_STATUS(t, query(&b, &state), WEIR_OK);
        CHECK(t, !state.exact);
        receive(&b, error, type);
        if (!told) {
            CHECK_STATUS(t, query(&b, &state), WEIR_OK);
            CHECK_EQ(t, state.carrier, WEIR_CARRIER_BELOW);
            CHECK(t, !state.exact);
            CHECK(t, command(&b) == NULL);
            continue;
        }
        CHECK_STATUS(t, query(&b, &state), WEIR_PENDING);
        asks(&b, WEIR_CMD_GETSOCKOPT, 282, 2, 40);
        CHECK_STATUS(t, complete_with(&b, 0, kernel_tells(&b, l, 0, 1000 + i)), WEIR_OK);
        CHECK_STATUS(t, query(&b, &state), WEIR_OK);
        CHECK(t, state.exact);
        CHECK_EQ(t, state.seq, 1000 + i);
        receive(&b, 0, 23);
        CHECK_STATUS(t, query(&b, &state), WEIR_OK);
        CHECK(t, !state.exact);
    }
}

static weir_status rekey(struct bench *b)
{
    for (size_t i = 0; i < sizeof b->keys.key; i++)
        b->keys.key[i] = (uint8_t)(0x70 + i);
    b->keys.at.seq = 0;
    return b->ktls.backend.rekey(&b->ktls.backend, &b->ctx, &b->keys);
}

static void keys_are_changed(struct test *t)
{
    struct bench b;

    for (size_t i = 0; i < 6; i++) {
        const struct layout *l = &layouts[3 + i / 2];
        enum weir_dir dir = i % 2 == 0 ? WEIR_TX : WEIR_RX;
        struct layout next = *l;
        t->at = i;
        bench_make(&b, t, WEIR_LINUX_KTLS_REKEY, l->version, l->suite);
        move(&b, dir);
        CHECK_STATUS(t, rekey(&b), WEIR_PENDING);
        for (size_t k = 4 + (l->cipher == 54 ? 12u : 8u), n = 0; n < (l->cipher == 51 ? 16u : 32u);
             n++)
            next.tx[k - 4 + n] = next.rx[k - 4 + n] = (uint8_t)(0x70 + n);
        memset(next.tx + l->len - 12, 0, 8);
        memset(next.rx + l->len - 12, 0, 8);
        check_info(&b, &next, dir);
        CHECK_STATUS(t, complete(&b, 0), WEIR_OK);
        CHECK(t, command(&b) == NULL);
        CHECK(t, !ctx_has_key(&b));
        if (dir == WEIR_RX)
            continue;
        /* An answer that was not fetched belongs to the old key. */
        struct weir_backend_state state;
        CHECK_STATUS(t, query(&b, &state), WEIR_PENDING);
        CHECK_STATUS(t, complete_with(&b, 0, kernel_tells(&b, l, 0, 77)), WEIR_OK);
        CHECK_STATUS(t, rekey(&b), WEIR_PENDING);
        CHECK_STATUS(t, complete(&b, 0), WEIR_OK);
        CHECK_STATUS(t, query(&b, &state), WEIR_PENDING);
    }
}

static void changes_of_key_that_fail(struct test *t)
{
    static const int errors[] = {EBUSY, EINVAL, ENOENT, ENOMEM, EFAULT, ENOPROTOOPT};
    struct bench b;

    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        t->at = i;
        bench_make(&b, t, WEIR_LINUX_KTLS_REKEY, WEIR_TLS13, WEIR_TLS_AES_128_GCM_SHA256);
        move(&b, WEIR_TX);
        CHECK_STATUS(t, rekey(&b), WEIR_PENDING);
        CHECK(t, ctx_has_key(&b));
        CHECK_STATUS(t, complete(&b, errors[i]), WEIR_E_BACKEND);
        CHECK(t, ctx_is_zero(&b));
    }
    /* Another suite than the one it has. */
    bench_make(&b, t, WEIR_LINUX_KTLS_REKEY, WEIR_TLS13, WEIR_TLS_AES_128_GCM_SHA256);
    move(&b, WEIR_TX);
    b.keys.suite = WEIR_TLS_CHACHA20_POLY1305_SHA256;
    CHECK_STATUS(t, rekey(&b), WEIR_E_BACKEND);
    CHECK(t, ctx_is_zero(&b));
}

/* Trap 19: the kernel may put a change of key off; nothing was installed. */
static void changes_of_key_that_are_put_off(struct test *t)
{
    struct bench b;

    bench_make(&b, t, WEIR_LINUX_KTLS_REKEY, WEIR_TLS13, WEIR_TLS_AES_128_GCM_SHA256);
    move(&b, WEIR_TX);
    CHECK_STATUS(t, rekey(&b), WEIR_PENDING);
    for (int i = 0; i < 100; i++) {
        CHECK_STATUS(t, complete(&b, i % 2 == 0 ? EAGAIN : EINTR), WEIR_PENDING);
        asks(&b, WEIR_CMD_SETSOCKOPT, 282, 1, 40);
        CHECK_MEM(t, value(&b) + 12, b.keys.key, 16);
    }
    CHECK_STATUS(t, complete(&b, 0), WEIR_OK);
    /* But not for ever. */
    unsigned tries = 0;
    CHECK_STATUS(t, rekey(&b), WEIR_PENDING);
    while (tries < 1000 && complete(&b, EAGAIN) == WEIR_PENDING)
        tries++;
    CHECK_EQ(t, tries, 255);
    CHECK(t, ctx_is_zero(&b));
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
    CASE(queries_tell_where_sending_stands),
    CASE(queries_without_an_answer),
    CASE(queries_tell_where_receiving_stands_when_all_is_read),
    CASE(keys_are_changed),
    CASE(changes_of_key_that_fail),
    CASE(changes_of_key_that_are_put_off),
};
CASE_GROUP(linux_ktls, table, TEST_ONCE);
