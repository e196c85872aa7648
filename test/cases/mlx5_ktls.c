/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The FreeBSD backend without a kernel: struct tls_enable to the byte, the commands of a move and
 * of a query, and what each errno value ends in. Numbers are those of
 * docs/reference/freebsd-ktls.md.
 */
#include "mlx5_host.h"

#define GCM12    WEIR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
#define GCM12_32 WEIR_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
#define CHACHA12 WEIR_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256

static const struct {
    uint16_t version, suite;
    uint8_t cipher, key_len, iv_len, minor;
} suites[] = {
    {WEIR_TLS12, GCM12, 25, 16, 4, 3},
    {WEIR_TLS12, GCM12_32, 25, 32, 4, 3},
    {WEIR_TLS12, CHACHA12, 41, 32, 12, 3},
    {WEIR_TLS13, WEIR_TLS_AES_128_GCM_SHA256, 25, 16, 12, 4},
    {WEIR_TLS13, WEIR_TLS_AES_256_GCM_SHA384, 25, 32, 12, 4},
    {WEIR_TLS13, WEIR_TLS_CHACHA20_POLY1305_SHA256, 41, 32, 12, 4},
};
#define SUITES (sizeof suites / sizeof *suites)

static bool big_endian(void)
{
    const uint16_t one = 1;

    return *(const uint8_t *)&one == 0;
}

static void layout_of_64_bits(struct test *t)
{
    /* AES-128-GCM of TLS 1.2; what other suites have otherwise is marked. */
    uint8_t wanted[64] = {
        0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, /* cipher_key */
        0x00, 0xff, 0xee, 0xdd, 0xcc, 0xbb, 0xaa, 0x99, /* iv */
        0,    0,    0,    0,    0,    0,    0,    0,    /* auth_key */
        25,   0,    0,    0,                            /* cipher_algorithm: 24 */
        16,   0,    0,    0,                            /* cipher_key_len: 28 */
        4,    0,    0,    0,                            /* iv_len: 32 */
        0,    0,    0,    0,                            /* auth_algorithm */
        0,    0,    0,    0,                            /* auth_key_len */
        0,    0,    0,    0,                            /* flags */
        3,    3,                                        /* tls_vmajor, tls_vminor: 49 */
        0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, /* rec_seq */
        0,    0,    0,    0,    0,    0,
    };

    if (big_endian())
        SKIP(t, "the expectation is written for a little-endian host");
    for (size_t i = 0; i < SUITES; i++) {
        struct weir_keys keys = {.version = suites[i].version, .suite = suites[i].suite};
        uint8_t out[WEIR_MLX5_TLS_ENABLE];

        t->at = i;
        keys.at.seq = 0x0102030405060708u;
        wanted[24] = suites[i].cipher;
        wanted[28] = suites[i].key_len;
        wanted[32] = suites[i].iv_len;
        wanted[49] = suites[i].minor;
        memset(out, 0xa5, sizeof out);
        CHECK_EQ(t,
                 weir_mlx5_tls_enable(out, &keys, false, 0x1122334455667788u, 0x99aabbccddeeff00u),
                 64);
        CHECK_MEM(t, out, wanted, 64);
    }
}

static void layout_of_32_bits(struct test *t)
{
    uint8_t wanted[48] = {
        0x44, 0x33, 0x22, 0x11,                         /* cipher_key */
        0x88, 0x77, 0x66, 0x55,                         /* iv */
        0,    0,    0,    0,                            /* auth_key */
        25,   0,    0,    0,                            /* cipher_algorithm: 12 */
        16,   0,    0,    0,                            /* cipher_key_len: 16 */
        4,    0,    0,    0,                            /* iv_len: 20 */
        0,    0,    0,    0,                            /* auth_algorithm */
        0,    0,    0,    0,                            /* auth_key_len */
        0,    0,    0,    0,                            /* flags */
        3,    3,                                        /* tls_vmajor, tls_vminor: 37 */
        0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0xfa, 0xf9, 0xf8, /* rec_seq */
        0,    0,
    };

    if (big_endian())
        SKIP(t, "the expectation is written for a little-endian host");
    for (size_t i = 0; i < SUITES; i++) {
        struct weir_keys keys = {.version = suites[i].version, .suite = suites[i].suite};
        uint8_t out[WEIR_MLX5_TLS_ENABLE];

        t->at = i;
        keys.at.seq = 0xfffefdfcfbfaf9f8u;
        wanted[12] = suites[i].cipher;
        wanted[16] = suites[i].key_len;
        wanted[20] = suites[i].iv_len;
        wanted[37] = suites[i].minor;
        memset(out, 0xa5, sizeof out);
        CHECK_EQ(t, weir_mlx5_tls_enable(out, &keys, true, 0x11223344u, 0x55667788u), 48);
        CHECK_MEM(t, out, wanted, 48);
    }
}

static void no_layout(struct test *t)
{
    uint8_t out[WEIR_MLX5_TLS_ENABLE];
    struct weir_keys keys = {.version = WEIR_TLS13, .suite = GCM12};

    CHECK_EQ(t, weir_mlx5_tls_enable(out, &keys, false, 1, 2), 0);
    keys.version = 0x0302;
    CHECK_EQ(t, weir_mlx5_tls_enable(out, &keys, false, 1, 2), 0);
    keys.version = WEIR_TLS12;
    CHECK_EQ(t, weir_mlx5_tls_enable(out, &keys, false, 1, 2), 64);
    keys.suite = 0xc013; /* AES-CBC */
    CHECK_EQ(t, weir_mlx5_tls_enable(out, &keys, false, 1, 2), 0);
}

/* Whether `part` lies anywhere in the direction's memory. */
static bool holds(const struct host *h, const void *part, size_t len)
{
    const uint8_t *p = (const uint8_t *)&h->ctx;

    for (size_t i = 0; i + len <= sizeof h->ctx; i++) {
        if (memcmp(p + i, part, len) == 0)
            return true;
    }
    return false;
}

/* A move: the option with the whole struct, its pointers leading to the keys; then the mode. The
 * keys are wiped as soon as the kernel has them. */
static void commands_of_a_move(struct test *t)
{
    for (size_t i = 0; i < SUITES; i++) {
        for (int dir = WEIR_TX; dir <= WEIR_RX; dir++) {
            struct host h;
            uint8_t wanted[WEIR_MLX5_TLS_ENABLE];
            uintptr_t at[2];
            const struct weir_cmd *cmd;

            t->at = 2 * i + (size_t)dir;
            host_begin(&h, 1500000, WEIR_CARRIER_NONE);
            host_keys(&h, suites[i].version, suites[i].suite);
            h.keys.at.seq = 77;
            CHECK_STATUS(t, host_attach(&h, (enum weir_dir)dir), WEIR_PENDING);
            cmd = host_command(&h);
            REQUIRE(t, cmd != NULL);
            CHECK_EQ(t, cmd->kind, WEIR_CMD_SETSOCKOPT);
            CHECK_EQ(t, cmd->level, 6);
            CHECK_EQ(t, cmd->name, dir == WEIR_TX ? 39 : 41);
            CHECK_EQ(t, cmd->len, sizeof(void *) == 4 ? 48 : 64);
            memcpy(at, cmd->value, sizeof at);
            CHECK_MEM(t, (const void *)at[0], h.keys.key, suites[i].key_len);
            CHECK_MEM(t, (const void *)at[1], h.keys.iv, suites[i].iv_len);
            (void)weir_mlx5_tls_enable(wanted, &h.keys, sizeof(void *) == 4, at[0], at[1]);
            CHECK_MEM(t, cmd->value, wanted, cmd->len);
            CHECK(t, holds(&h, h.keys.key, suites[i].key_len));
            CHECK_STATUS(t, host_done(&h, 0), WEIR_PENDING);
            CHECK(t, !holds(&h, h.keys.key, suites[i].key_len));
            CHECK(t, !holds(&h, h.keys.iv, suites[i].iv_len));
            cmd = host_command(&h);
            REQUIRE(t, cmd != NULL);
            CHECK_EQ(t, cmd->kind, WEIR_CMD_GETSOCKOPT);
            CHECK_EQ(t, cmd->name, dir == WEIR_TX ? 40 : 42);
            CHECK_EQ(t, cmd->len, 4);
            CHECK_STATUS(t, host_mode(&h, 1), WEIR_OK);
            CHECK(t, host_command(&h) == NULL);
            CHECK_EQ(t, weir_mlx5_ktls_report(&h.ctx).first, WEIR_CARRIER_KERNEL);
            h.k.backend.detach(&h.k.backend, &h.ctx);
            CHECK_ZERO(t, &h.ctx, h.k.backend.ctx_size);
        }
    }
}

struct row {
    int error;
    weir_refusal_code code;
    uint32_t detail;
    bool transient;
};

/* Each errno value of section 2.5, and those that a wrong descriptor gives. */
static void every_errno_refuses(struct test *t)
{
    static const struct row rows[] = {
        {45, WEIR_REFUSAL_SWITCHED_OFF, WEIR_MLX5_SETTING_ENABLE, false},
        {6, WEIR_REFUSAL_SWITCHED_OFF, WEIR_MLX5_SETTING_EXT_PGS | WEIR_MLX5_SETTING_THREADS,
         false},
        {42, WEIR_REFUSAL_NO_KTLS, 0, false},
        {37, WEIR_REFUSAL_TAKEN, 0, false},
        {43, WEIR_REFUSAL_SUITE, WEIR_TLS_AES_128_GCM_SHA256, false},
        {22, WEIR_REFUSAL_OS, 0, false},
        {14, WEIR_REFUSAL_OS, 0, false},
        {12, WEIR_REFUSAL_RESOURCES, 0, true},
        {55, WEIR_REFUSAL_RESOURCES, 0, true},
        {54, WEIR_REFUSAL_SOCKET, 0, false},
        {57, WEIR_REFUSAL_SOCKET, 0, false},
        {38, WEIR_REFUSAL_SOCKET, 0, false},
        {9, WEIR_REFUSAL_SOCKET, 0, false},
        {4, WEIR_REFUSAL_OS, 0, true},
        {1, WEIR_REFUSAL_OS, 0, false},
        {95, WEIR_REFUSAL_OS, 0, false}, /* Linux's EOPNOTSUPP is nothing here */
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct host h;

        t->at = (uint64_t)rows[i].error;
        host_begin(&h, 1400000, WEIR_CARRIER_NIC);
        REQUIRE_STATUS(t, host_attach(&h, WEIR_TX), WEIR_PENDING);
        CHECK_STATUS(t, host_done(&h, rows[i].error), WEIR_REFUSED);
        CHECK_EQ(t, h.why.code, rows[i].code);
        CHECK_EQ(t, h.why.layer, WEIR_LAYER_OS);
        CHECK_EQ(t, h.why.os_error, rows[i].error);
        CHECK_EQ(t, h.why.detail, rows[i].detail);
        CHECK_EQ(t, h.why.transient, rows[i].transient);
        CHECK_ZERO(t, &h.ctx, h.k.backend.ctx_size);
    }
}

/* Which settings EOPNOTSUPP and ENXIO can come from depends on direction and release. */
static void settings_by_release(struct test *t)
{
    static const struct {
        uint32_t release;
        int dir, error;
        uint32_t detail;
    } rows[] = {
        {1302000, WEIR_TX, 45, WEIR_MLX5_SETTING_ENABLE | WEIR_MLX5_SETTING_MODULE},
        {1302000, WEIR_RX, 45, WEIR_MLX5_SETTING_ENABLE | WEIR_MLX5_SETTING_MODULE},
        {1400000, WEIR_RX, 45, WEIR_MLX5_SETTING_ENABLE},
        {1500000, WEIR_RX, 45, WEIR_MLX5_SETTING_ENABLE | WEIR_MLX5_SETTING_RX_ENABLE},
        {1500000, WEIR_TX, 45, WEIR_MLX5_SETTING_ENABLE},
        {1500000, WEIR_RX, 6, WEIR_MLX5_SETTING_THREADS},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct host h;

        t->at = i;
        host_begin(&h, rows[i].release, WEIR_CARRIER_NONE);
        host_keys(&h, WEIR_TLS12, GCM12);
        REQUIRE_STATUS(t, host_attach(&h, (enum weir_dir)rows[i].dir), WEIR_PENDING);
        CHECK_STATUS(t, host_done(&h, rows[i].error), WEIR_REFUSED);
        CHECK_EQ(t, h.why.code, WEIR_REFUSAL_SWITCHED_OFF);
        CHECK_EQ(t, h.why.detail, rows[i].detail);
    }
}

static void supports(struct test *t, struct host *h, enum weir_dir dir, weir_refusal_code code,
                     uint32_t detail)
{
    bool yes = code == WEIR_REFUSAL_NONE;

    CHECK_EQ(t, weir_backend_check(&h->k.backend, &h->keys, dir, &h->why), yes);
    CHECK_EQ(t, h->why.code, code);
    CHECK_EQ(t, h->why.detail, detail);
    CHECK_EQ(t, h->why.layer, WEIR_LAYER_BACKEND);
    CHECK_STATUS(t, host_attach(h, dir), yes ? WEIR_PENDING : WEIR_REFUSED);
    CHECK_EQ(t, h->why.code, code);
}

static void releases(struct test *t)
{
    struct host h;

    CHECK_EQ(t, weir_mlx5_ktls_of_release(1299999), 0);
    CHECK_EQ(t, weir_mlx5_ktls_of_release(0), 0);
    CHECK(t, (weir_mlx5_ktls_of_release(1399999) & WEIR_MLX5_KTLS_MODULE) != 0);
    CHECK(t, (weir_mlx5_ktls_of_release(1400000) & WEIR_MLX5_KTLS_MODULE) == 0);
    host_begin(&h, 1300000, WEIR_CARRIER_NONE);
    supports(t, &h, WEIR_TX, WEIR_REFUSAL_NONE, 0);
    supports(t, &h, WEIR_RX, WEIR_REFUSAL_VERSION, WEIR_TLS13);
    host_keys(&h, WEIR_TLS12, GCM12);
    supports(t, &h, WEIR_RX, WEIR_REFUSAL_NONE, 0);
    host_begin(&h, 1400000, WEIR_CARRIER_NONE);
    supports(t, &h, WEIR_RX, WEIR_REFUSAL_NONE, 0);
    host_begin(&h, 1202000, WEIR_CARRIER_NONE);
    supports(t, &h, WEIR_TX, WEIR_REFUSAL_NO_KTLS, 0);
    supports(t, &h, WEIR_RX, WEIR_REFUSAL_NO_KTLS, 0);
}

static void what_it_does_not_take(struct test *t)
{
    struct host h;

    host_begin(&h, 1500000, WEIR_CARRIER_NONE);
    h.keys.version = 0x0302;
    supports(t, &h, WEIR_TX, WEIR_REFUSAL_VERSION, 0x0302);
    h.keys.version = WEIR_TLS13;
    h.keys.suite = 0x1304;
    supports(t, &h, WEIR_TX, WEIR_REFUSAL_SUITE, 0x1304);
    h.keys.suite = GCM12;
    supports(t, &h, WEIR_TX, WEIR_REFUSAL_SUITE, GCM12);
    host_keys(&h, WEIR_TLS12, GCM12);
    h.keys.at.unsure = 1;
    supports(t, &h, WEIR_TX, WEIR_REFUSAL_POSITION, 0);
    h.keys.at.unsure = 0;
    for (int rule = WEIR_NONCE_SEQ; rule <= WEIR_NONCE_XOR; rule++) {
        h.keys.at.nonce_rule = (uint8_t)rule; /* the kernel begins anywhere */
        supports(t, &h, WEIR_TX, WEIR_REFUSAL_NONE, 0);
    }
    CHECK(t, h.k.backend.rekey == NULL);
    CHECK_EQ(t, h.k.backend.caps, WEIR_CAP_RECORD_LIMIT);
}

/* Records larger than the kernel makes would be cut without a word. */
static void record_limits(struct test *t)
{
    struct host h;

    host_begin(&h, 1500000, WEIR_CARRIER_NONE);
    CHECK_EQ(t, h.k.backend.least_record, 2048);
    h.limit = 512;
    CHECK_STATUS(t, host_attach(&h, WEIR_TX), WEIR_PENDING);
    CHECK_STATUS(t, host_attach(&h, WEIR_RX), WEIR_REFUSED);
    CHECK_EQ(t, h.why.code, WEIR_REFUSAL_RECORD_LIMIT);
    weir_mlx5_ktls_init(&h.k, h.k.features, 4096, WEIR_CARRIER_NONE);
    CHECK_EQ(t, h.k.backend.least_record, 2048);
    h.limit = 4096;
    CHECK_STATUS(t, host_attach(&h, WEIR_TX), WEIR_PENDING);
    h.limit = 4097;
    CHECK_STATUS(t, host_attach(&h, WEIR_TX), WEIR_REFUSED);
    CHECK_EQ(t, h.why.code, WEIR_REFUSAL_RECORD_LIMIT);
    CHECK_EQ(t, h.why.detail, 4096);
    weir_mlx5_ktls_init(&h.k, h.k.features, 4095, WEIR_CARRIER_NONE);
    CHECK_EQ(t, h.k.backend.least_record, 2047);
    weir_mlx5_ktls_init(&h.k, h.k.features, 1, WEIR_CARRIER_NONE);
    CHECK_EQ(t, h.k.backend.least_record, 1);
    weir_mlx5_ktls_init(&h.k, h.k.features, 0, WEIR_CARRIER_NONE);
    CHECK_EQ(t, h.k.most_record, 16384);
    weir_mlx5_ktls_init(&h.k, h.k.features, 65535, WEIR_CARRIER_NONE);
    CHECK_EQ(t, h.k.most_record, 16384);
}

/* The modes, as carriers; one that is not told is no error of a move. */
static void who_carries_it(struct test *t)
{
    static const weir_carrier carriers[] = {WEIR_CARRIER_NONE, WEIR_CARRIER_KERNEL,
                                            WEIR_CARRIER_NIC, WEIR_CARRIER_NIC, WEIR_CARRIER_BELOW};
    struct weir_backend_state state;
    struct host h;

    for (int mode = 0; mode <= 4; mode++) {
        t->at = (uint64_t)mode;
        host_begin(&h, 1500000, WEIR_CARRIER_NONE);
        REQUIRE_STATUS(t, host_attach(&h, WEIR_RX), WEIR_PENDING);
        REQUIRE_STATUS(t, host_done(&h, 0), WEIR_PENDING);
        CHECK_STATUS(t, host_mode(&h, 1), WEIR_OK);
        CHECK_STATUS(t, host_query(&h, &state), WEIR_PENDING);
        CHECK_EQ(t, host_command(&h)->kind, WEIR_CMD_GETSOCKOPT);
        CHECK_EQ(t, host_command(&h)->name, 42);
        CHECK_STATUS(t, host_mode(&h, mode), WEIR_OK);
        CHECK_STATUS(t, host_query(&h, &state), WEIR_OK);
        CHECK_EQ(t, state.carrier, carriers[mode]);
        CHECK(t, !state.exact);
        CHECK_STATUS(t, host_query(&h, &state), WEIR_PENDING); /* asked anew each time */
    }
    host_begin(&h, 1500000, WEIR_CARRIER_NIC);
    REQUIRE_STATUS(t, host_attach(&h, WEIR_TX), WEIR_PENDING);
    REQUIRE_STATUS(t, host_done(&h, 0), WEIR_PENDING);
    CHECK_STATUS(t, host_done(&h, 54), WEIR_OK);
    CHECK_EQ(t, weir_mlx5_ktls_report(&h.ctx).now, WEIR_CARRIER_BELOW);
    CHECK_STATUS(t, host_query(&h, &state), WEIR_PENDING);
    CHECK_STATUS(t, host_done(&h, 54), WEIR_REFUSED);
    CHECK_EQ(t, h.why.code, WEIR_REFUSAL_OS);
    CHECK_EQ(t, h.why.os_error, 54);
    CHECK(t, host_command(&h) == NULL);
    CHECK_STATUS(t, host_done(&h, 0), WEIR_E_BACKEND); /* nothing was asked */
}

/* The kernel falls to its software by itself: counted. By our wish: a change, but no fall. */
static void changes_and_falls(struct test *t)
{
    static const int modes[] = {2, 1, 2, 2, 1, 1};
    struct weir_backend_state state;
    struct weir_mlx5_ktls_report report;
    struct host h;

    host_begin(&h, 1500000, WEIR_CARRIER_NONE);
    host_carried_by(&h, 2);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        CHECK_STATUS(t, host_query(&h, &state), WEIR_PENDING);
        CHECK_STATUS(t, host_mode(&h, modes[i]), WEIR_OK);
        CHECK_STATUS(t, host_query(&h, &state), WEIR_OK);
    }
    report = weir_mlx5_ktls_report(&h.ctx);
    CHECK_EQ(t, report.first, WEIR_CARRIER_NIC);
    CHECK_EQ(t, report.now, WEIR_CARRIER_KERNEL);
    CHECK_EQ(t, report.changes, 3);
    CHECK_EQ(t, report.falls, 2);

    host_begin(&h, 1500000, WEIR_CARRIER_NONE);
    host_carried_by(&h, 2);
    weir_mlx5_ktls_want(&h.ctx, WEIR_CARRIER_KERNEL);
    CHECK_STATUS(t, host_query(&h, &state), WEIR_PENDING);
    CHECK_STATUS(t, host_mode(&h, 2), WEIR_PENDING);
    CHECK_EQ(t, host_command(&h)->kind, WEIR_CMD_SETSOCKOPT);
    CHECK_EQ(t, host_command(&h)->name, 40);
    CHECK_EQ(t, host_int(&h), 1);
    CHECK_STATUS(t, host_done(&h, 0), WEIR_PENDING);
    CHECK_STATUS(t, host_mode(&h, 1), WEIR_OK);
    report = weir_mlx5_ktls_report(&h.ctx);
    CHECK_EQ(t, report.changes, 1);
    CHECK_EQ(t, report.falls, 0);
    CHECK_EQ(t, report.refusal.code, WEIR_REFUSAL_NONE);
}

/* The interface wanted and not given: asked for, told why not, and moved all the same. */
static void every_errno_of_a_wish(struct test *t)
{
    static const struct row rows[] = {
        {37, WEIR_REFUSAL_BOUNDARY, 0, true},
        {16, WEIR_REFUSAL_OS, 0, true},
        {43, WEIR_REFUSAL_SUITE, WEIR_TLS_AES_128_GCM_SHA256, false},
        {12, WEIR_REFUSAL_RESOURCES, 0, true},
        {54, WEIR_REFUSAL_SOCKET, 0, false},
        {6, WEIR_REFUSAL_OS, 0, false},
        {45, WEIR_REFUSAL_OS, 0, false},
        {22, WEIR_REFUSAL_OS, 0, false},
    };
    struct weir_backend_state state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct weir_mlx5_ktls_report report;
        struct host h;

        t->at = (uint64_t)rows[i].error;
        host_begin(&h, 1500000, WEIR_CARRIER_NIC);
        REQUIRE_STATUS(t, host_attach(&h, WEIR_TX), WEIR_PENDING);
        REQUIRE_STATUS(t, host_done(&h, 0), WEIR_PENDING);
        REQUIRE_STATUS(t, host_mode(&h, 1), WEIR_PENDING);
        CHECK_EQ(t, host_command(&h)->kind, WEIR_CMD_SETSOCKOPT);
        CHECK_EQ(t, host_int(&h), 2);
        CHECK_STATUS(t, host_done(&h, rows[i].error), WEIR_PENDING);
        CHECK_STATUS(t, host_mode(&h, 1), WEIR_OK);
        report = weir_mlx5_ktls_report(&h.ctx);
        CHECK_EQ(t, report.now, WEIR_CARRIER_KERNEL);
        CHECK_EQ(t, report.refusal.code, rows[i].code);
        CHECK_EQ(t, report.refusal.os_error, rows[i].error);
        CHECK_EQ(t, report.refusal.detail, rows[i].detail);
        CHECK_EQ(t, report.refusal.transient, rows[i].transient);
        /* Asked again by the next query only where that can help. */
        CHECK_STATUS(t, host_query(&h, &state), WEIR_PENDING);
        CHECK_STATUS(t, host_mode(&h, 1), rows[i].transient ? WEIR_PENDING : WEIR_OK);
        if (rows[i].transient) {
            CHECK_STATUS(t, host_done(&h, 0), WEIR_PENDING);
            CHECK_STATUS(t, host_mode(&h, 2), WEIR_OK);
            CHECK_EQ(t, weir_mlx5_ktls_report(&h.ctx).refusal.code, WEIR_REFUSAL_NONE);
        }
    }
}

/* Nothing is asked for what is there, and receiving has no choice. */
static void wishes_that_ask_nothing(struct test *t)
{
    struct host h;

    host_begin(&h, 1500000, WEIR_CARRIER_NIC);
    REQUIRE_STATUS(t, host_attach(&h, WEIR_TX), WEIR_PENDING);
    REQUIRE_STATUS(t, host_done(&h, 0), WEIR_PENDING);
    CHECK_STATUS(t, host_mode(&h, 2), WEIR_OK);
    host_begin(&h, 1500000, WEIR_CARRIER_NIC);
    REQUIRE_STATUS(t, host_attach(&h, WEIR_RX), WEIR_PENDING);
    REQUIRE_STATUS(t, host_done(&h, 0), WEIR_PENDING);
    CHECK_STATUS(t, host_mode(&h, 1), WEIR_OK);
    host_begin(&h, 1500000, WEIR_CARRIER_BELOW);
    REQUIRE_STATUS(t, host_attach(&h, WEIR_TX), WEIR_PENDING);
    REQUIRE_STATUS(t, host_done(&h, 0), WEIR_PENDING);
    CHECK_STATUS(t, host_mode(&h, 1), WEIR_OK);
}

/* TLS 1.2 AES-GCM leaves the interface at once, unless somebody has wished for it: falling back
 * later can repeat a nonce. Nothing else is moved. */
static void explicit_nonces_are_the_kernels(struct test *t)
{
    for (size_t i = 0; i < SUITES; i++) {
        for (int way = 0; way < 4; way++) {
            bool leaves = i < 2 && way == 0;
            struct host h;

            t->at = 4 * i + (size_t)way;
            host_begin(&h, 1500000, way == 1 ? WEIR_CARRIER_NIC : WEIR_CARRIER_BELOW);
            if (way == 2)
                h.k.features &= ~(uint32_t)WEIR_MLX5_KTLS_FALLS_BACK;
            host_keys(&h, suites[i].version, suites[i].suite);
            REQUIRE_STATUS(t, host_attach(&h, way == 3 ? WEIR_RX : WEIR_TX), WEIR_PENDING);
            REQUIRE_STATUS(t, host_done(&h, 0), WEIR_PENDING);
            CHECK_STATUS(t, host_mode(&h, 2), leaves ? WEIR_PENDING : WEIR_OK);
            if (!leaves)
                continue;
            CHECK_EQ(t, host_command(&h)->name, 40);
            CHECK_EQ(t, host_int(&h), 1);
            CHECK_STATUS(t, host_done(&h, 0), WEIR_PENDING);
            CHECK_STATUS(t, host_mode(&h, 1), WEIR_OK);
            CHECK_EQ(t, weir_mlx5_ktls_report(&h.ctx).falls, 0);
        }
    }
}

/* A kernel that took a key and then knows none: not one byte may be sent in the clear. */
static void no_session_no_sending(struct test *t)
{
    struct weir_stream_op op = {.len = 100};
    struct host h;

    host_begin(&h, 1500000, WEIR_CARRIER_NIC);
    host_carried_by(&h, 0);
    CHECK_EQ(t, weir_mlx5_ktls_report(&h.ctx).now, WEIR_CARRIER_NONE);
    h.k.backend.send(&h.k.backend, &h.ctx, WEIR_TYPE_DATA, &op);
    CHECK_EQ(t, op.len, 0);
}

static const struct test_case table[] = {
    CASE(layout_of_64_bits),
    CASE(layout_of_32_bits),
    CASE(no_layout),
    CASE(commands_of_a_move),
    CASE(every_errno_refuses),
    CASE(settings_by_release),
    CASE(releases),
    CASE(what_it_does_not_take),
    CASE(record_limits),
    CASE(who_carries_it),
    CASE(changes_and_falls),
    CASE(every_errno_of_a_wish),
    CASE(wishes_that_ask_nothing),
    CASE(explicit_nonces_are_the_kernels),
    CASE(no_session_no_sending),
};
CASE_GROUP(mlx5_ktls, table, TEST_ONCE);
