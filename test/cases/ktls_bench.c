/* SPDX-License-Identifier: BSD-2-Clause */
#include "ktls_bench.h"

void ktls_bench_make(struct ktls_bench *b, struct test *t, uint32_t features, uint16_t version,
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

weir_status ktls_attach(struct ktls_bench *b, enum weir_dir dir, uint16_t limit)
{
    const struct weir_attach what = {.keys = &b->keys, .dir = dir, .record_limit = limit};

    return b->ktls.backend.attach(&b->ktls.backend, &b->ctx, &what, &b->why);
}

const struct weir_cmd *ktls_command(struct ktls_bench *b)
{
    return b->ktls.backend.command(&b->ktls.backend, &b->ctx);
}

uint8_t *ktls_value(struct ktls_bench *b)
{
    const struct weir_cmd *cmd = ktls_command(b);

    return cmd != NULL ? cmd->value : b->nothing;
}

weir_status ktls_complete_with(struct ktls_bench *b, int os_error, uint32_t len)
{
    const struct weir_done done = {.os_error = os_error, .len = len};

    return b->ktls.backend.complete(&b->ktls.backend, &b->ctx, &done, &b->why);
}

weir_status ktls_complete(struct ktls_bench *b, int os_error)
{
    return ktls_complete_with(b, os_error, 0);
}

void ktls_asks(struct ktls_bench *b, weir_cmd_kind kind, int level, int name, uint32_t len)
{
    const struct weir_cmd *cmd = ktls_command(b);

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

bool ktls_ctx_is_zero(const struct ktls_bench *b)
{
    const uint8_t *p = (const uint8_t *)&b->ctx;

    for (size_t i = 0; i < b->ktls.backend.ctx_size; i++) {
        if (p[i] != 0)
            return false;
    }
    return true;
}

bool ktls_ctx_has_key(const struct ktls_bench *b)
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

void ktls_move_to_key(struct ktls_bench *b, enum weir_dir dir)
{
    CHECK_STATUS(b->t, ktls_attach(b, dir, PLAIN), WEIR_PENDING);
    while (ktls_command(b) != NULL && ktls_command(b)->len < 40)
        CHECK_STATUS(b->t, ktls_complete(b, 0), WEIR_PENDING);
}

void ktls_move(struct ktls_bench *b, enum weir_dir dir)
{
    ktls_move_to_key(b, dir);
    CHECK_STATUS(b->t, ktls_complete(b, 0), WEIR_OK);
    CHECK(b->t, ktls_command(b) == NULL);
}

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

const struct ktls_layout ktls_layouts[KTLS_LAYOUTS] = {
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

void ktls_check_info(struct ktls_bench *b, const struct ktls_layout *l, enum weir_dir dir)
{
    const uint16_t head[2] = {l->version, l->cipher};

    ktls_asks(b, WEIR_CMD_SETSOCKOPT, 282, dir == WEIR_TX ? 1 : 2, l->len);
    CHECK_MEM(b->t, ktls_value(b), head, 4);
    CHECK_MEM(b->t, ktls_value(b) + 4, dir == WEIR_TX ? l->tx : l->rx, l->len - 4);
}
