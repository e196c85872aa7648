/* SPDX-License-Identifier: BSD-2-Clause */
/* What a ConnectX-6 Dx tells: replies, progress, completions, capabilities. */
#include "cases.h"
#include <weir/mlx5_wqe.h>

#define GCM12    WEIR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
#define GCM12_32 WEIR_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
#define CHACHA12 WEIR_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256

static void replies(struct test *t)
{
    /* The byte before a TIR's number belongs to another field. */
    static const uint8_t fine[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0x00, 0xab, 0xcd, 0xef};
    static const uint8_t other_field[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0x5a, 0xab, 0xcd, 0xef};
    static const uint8_t zero[16] = {0};
    static const uint8_t full[16] = {0x08, 0, 0, 0, 0x91, 0x92, 0x93, 0x94, 0x00, 0xab, 0xcd, 0xef};
    struct weir_mlx5_reply reply;

    for (size_t i = 0; i < 3; i++) {
        enum weir_mlx5_object object = (enum weir_mlx5_object)i;
        bool key = object == WEIR_MLX5_DEK;

        t->at = i;
        CHECK_STATUS(t, weir_mlx5_created(fine, object, &reply), WEIR_OK);
        CHECK(t, reply.number == 0xabcdef && reply.status == 0 && reply.syndrome == 0);
        CHECK_STATUS(t, weir_mlx5_created(other_field, object, &reply),
                     key ? WEIR_E_BACKEND : WEIR_OK);
        CHECK_EQ(t, reply.number, key ? 0 : 0xabcdef);
        CHECK_STATUS(t, weir_mlx5_created(zero, object, &reply), key ? WEIR_OK : WEIR_E_BACKEND);
        CHECK_EQ(t, reply.number, 0);
        CHECK_STATUS(t, weir_mlx5_created(full, object, &reply), WEIR_REFUSED);
        CHECK_EQ(t, reply.status, WEIR_MLX5_STATUS_LIMIT);
        CHECK_EQ(t, reply.syndrome, 0x91929394);
        CHECK_EQ(t, reply.number, 0);
    }
}

static void progress(struct test *t)
{
    static const uint8_t in[16] = {0x80, 0xab, 0xcd, 0xef, 0x81, 0x82, 0x83, 0x84,
                                   0x91, 0x92, 0x93, 0x94, 0x60, 0xc1, 0xc2, 0xc3};
    struct weir_mlx5_progress p;
    uint8_t changed[16];

    CHECK_STATUS(t, weir_mlx5_progress_read(in, &p), WEIR_OK);
    CHECK(t, p.valid);
    CHECK_EQ(t, p.number, 0xabcdef);
    CHECK_EQ(t, p.next_tcp_seq, 0x81828384);
    CHECK_EQ(t, p.resync_tcp_seq, 0x91929394);
    CHECK_EQ(t, p.tracker, WEIR_MLX5_TRACKER_TRACKING);
    CHECK_EQ(t, p.auth, WEIR_MLX5_AUTH_AUTHENTICATION);
    CHECK_EQ(t, p.record_offset, 0xc1c2c3);
    for (uint32_t state = 0; state < 256; state++) {
        bool known = state >> 6 != 3 && (state >> 4 & 3) != 3;

        t->at = state;
        memcpy(changed, in, sizeof changed);
        changed[0] = 0x7f;
        changed[12] = (uint8_t)state;
        CHECK_STATUS(t, weir_mlx5_progress_read(changed, &p), known ? WEIR_OK : WEIR_E_BACKEND);
        CHECK(t, p.tracker == state >> 6 && p.auth == (state >> 4 & 3) && !p.valid);
    }
}

static void completions(struct test *t)
{
    /* A received packet of 0x01020304 bytes, decrypted, within a tunnel. */
    uint8_t in[64] = {[0] = 0x09,  [44] = 1,    [45] = 2,    [46] = 3,    [47] = 4,
                      [54] = 0x66, [55] = 0x77, [60] = 0xfe, [61] = 0xdc, [63] = 0x21};
    struct weir_mlx5_cqe cqe;

    weir_mlx5_cqe_read(in, &cqe);
    CHECK_EQ(t, cqe.opcode, WEIR_MLX5_CQE_RECEIVED);
    CHECK(t, cqe.owner && cqe.tunnelled && !cqe.error);
    CHECK_EQ(t, cqe.tls, WEIR_MLX5_TLS_DECRYPTED);
    CHECK_EQ(t, cqe.len, 0x01020304);
    CHECK_EQ(t, cqe.counter, 0xfedc);
    CHECK(t, cqe.syndrome == 0 && cqe.vendor_syndrome == 0);
    for (uint32_t byte = 0; byte < 256; byte++) {
        t->at = byte;
        in[0] = (uint8_t)byte;
        weir_mlx5_cqe_read(in, &cqe);
        CHECK(t, cqe.tls == (byte & 0x18) / 8 && cqe.tunnelled == byte % 2);
    }
    for (uint32_t byte = 0; byte < 256; byte++) {
        bool error = byte / 16 == 13 || byte / 16 == 14;

        t->at = byte;
        in[0] = 0x19;
        in[63] = (uint8_t)byte;
        weir_mlx5_cqe_read(in, &cqe);
        CHECK(t, cqe.opcode == byte / 16 && cqe.owner == byte % 2 && cqe.error == error);
        CHECK(t, cqe.counter == 0xfedc);
        CHECK_EQ(t, cqe.syndrome, error ? 0x77 : 0);
        CHECK_EQ(t, cqe.vendor_syndrome, error ? 0x66 : 0);
        CHECK_EQ(t, cqe.tls, error ? WEIR_MLX5_TLS_NOT_DECRYPTED : WEIR_MLX5_TLS_ERROR);
        CHECK_EQ(t, cqe.len, error ? 0 : 0x01020304);
    }
}

/* A page with all that TLS needs, and nothing else. */
static void full_page(uint8_t general[183])
{
    memset(general, 0, 183);
    general[134] = 0x10;
    general[144] = 0x60;
    general[182] = 0x0c;
}

static void capabilities(struct test *t)
{
    uint8_t general[183], tls = 0xf0, all_else = 0x0f;
    struct weir_mlx5_caps caps;

    full_page(general);
    CHECK_STATUS(t, weir_mlx5_caps_read(&caps, general, 183, &tls, 1, true), WEIR_OK);
    CHECK_EQ(t, caps.can, 255);
    CHECK_EQ(t, caps.sessions, 2048);
    CHECK_STATUS(t, weir_mlx5_caps_read(&caps, general, 182, &tls, 1, true), WEIR_E_MISUSE);
    CHECK_STATUS(t, weir_mlx5_caps_read(&caps, general, 183, &tls, 0, true), WEIR_E_MISUSE);
    CHECK_STATUS(t, weir_mlx5_caps_read(&caps, general, 183, NULL, 0, false), WEIR_OK);
    CHECK_EQ(t, caps.can, WEIR_MLX5_CAN_KEYS | WEIR_MLX5_CAN_TX | WEIR_MLX5_CAN_RX);

    /* Every other bit of both pages says nothing about TLS. */
    memset(general, 0xff, sizeof general);
    general[134] = 0xef;
    general[144] = 0x9f;
    general[182] = 0xe0;
    CHECK_STATUS(t, weir_mlx5_caps_read(&caps, general, 183, &all_else, 1, false), WEIR_OK);
    CHECK_EQ(t, caps.can, 0);
    CHECK_EQ(t, caps.sessions, 0);
    general[182] = 0xff;
    CHECK_STATUS(t, weir_mlx5_caps_read(&caps, general, 183, &all_else, 1, false), WEIR_OK);
    CHECK_EQ(t, caps.sessions, 0);

    full_page(general);
    general[182] = 0;
    CHECK_STATUS(t, weir_mlx5_caps_read(&caps, general, 183, &tls, 1, true), WEIR_OK);
    CHECK_EQ(t, caps.can & WEIR_MLX5_CAN_KEYS, 0);
    general[182] = 31;
    CHECK_STATUS(t, weir_mlx5_caps_read(&caps, general, 183, &tls, 1, true), WEIR_OK);
    CHECK_EQ(t, caps.sessions, 1u << 30);
}

static void offered_bit_by_bit(struct test *t)
{
    static const struct {
        uint16_t version, suite;
        uint32_t bit;
    } suites[] = {
        {WEIR_TLS12, GCM12, WEIR_MLX5_CAN_TLS12_AES128},
        {WEIR_TLS13, WEIR_TLS_AES_128_GCM_SHA256, WEIR_MLX5_CAN_TLS13_AES128},
        {WEIR_TLS12, GCM12_32, WEIR_MLX5_CAN_TLS12_AES256},
        {WEIR_TLS13, WEIR_TLS_AES_256_GCM_SHA384, WEIR_MLX5_CAN_TLS13_AES256},
    };
    const uint32_t tx = WEIR_MLX5_CAN_KEYS | WEIR_MLX5_CAN_TX;
    const uint32_t rx = WEIR_MLX5_CAN_KEYS | WEIR_MLX5_CAN_RX | WEIR_MLX5_CAN_STEER;

    for (uint32_t can = 0; can < 256; can++) {
        const struct weir_mlx5_caps caps = {.can = can, .sessions = 1};

        for (size_t i = 0; i < 4; i++) {
            struct weir_refusal why;
            bool suite = (can & suites[i].bit) != 0;

            t->at = can << 8 | i;
            CHECK_EQ(t,
                     weir_mlx5_caps_offer(&caps, WEIR_TX, suites[i].version, suites[i].suite, &why),
                     suite && (can & tx) == tx);
            CHECK_EQ(t,
                     weir_mlx5_caps_offer(&caps, WEIR_RX, suites[i].version, suites[i].suite, &why),
                     suite && (can & rx) == rx);
        }
    }
}

static void refused_by_name(struct test *t)
{
    static const struct {
        uint32_t can;
        enum weir_dir dir;
        uint16_t version, suite;
        weir_refusal_code code;
        uint32_t detail;
    } rows[] = {
        {255 - WEIR_MLX5_CAN_TX, WEIR_TX, WEIR_TLS12, GCM12, WEIR_REFUSAL_FORM, WEIR_MLX5_CAN_TX},
        {0, WEIR_RX, WEIR_TLS12, GCM12, WEIR_REFUSAL_FORM,
         WEIR_MLX5_CAN_KEYS | WEIR_MLX5_CAN_RX | WEIR_MLX5_CAN_STEER},
        {255, WEIR_TX, 0x0302, GCM12, WEIR_REFUSAL_VERSION, 0x0302},
        {15 | WEIR_MLX5_CAN_TLS12_AES128, WEIR_TX, WEIR_TLS13, WEIR_TLS_AES_128_GCM_SHA256,
         WEIR_REFUSAL_VERSION, WEIR_TLS13},
        {255 - WEIR_MLX5_CAN_TLS12_AES256, WEIR_TX, WEIR_TLS12, GCM12_32, WEIR_REFUSAL_SUITE,
         GCM12_32},
        {255, WEIR_TX, WEIR_TLS12, CHACHA12, WEIR_REFUSAL_SUITE, CHACHA12},
        {255, WEIR_RX, WEIR_TLS13, WEIR_TLS_CHACHA20_POLY1305_SHA256, WEIR_REFUSAL_SUITE,
         WEIR_TLS_CHACHA20_POLY1305_SHA256},
        {255, WEIR_TX, WEIR_TLS13, GCM12, WEIR_REFUSAL_SUITE, GCM12},
        {255, WEIR_TX, WEIR_TLS13, 0x1304, WEIR_REFUSAL_SUITE, 0x1304},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct weir_mlx5_caps caps = {.can = rows[i].can, .sessions = 1};
        struct weir_refusal why = {.transient = true, .os_error = 1};

        t->at = i;
        CHECK(t, !weir_mlx5_caps_offer(&caps, rows[i].dir, rows[i].version, rows[i].suite, &why));
        CHECK_EQ(t, why.code, rows[i].code);
        CHECK_EQ(t, why.detail, rows[i].detail);
        CHECK(t, why.layer == WEIR_LAYER_BACKEND && !why.transient && why.os_error == 0);
    }
}

static const struct test_case table[] = {
    CASE(replies),      CASE(progress),           CASE(completions),
    CASE(capabilities), CASE(offered_bit_by_bit), CASE(refused_by_name),
};
CASE_GROUP(mlx5_wqe_read, table, TEST_ONCE);
