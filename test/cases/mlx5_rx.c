/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A receiving direction's card, with a hand in its place: commands, entries and answers one by one.
 * What a card does with them: test/sim/nic_rx_link.c.
 */
#include "mlx5_rx.h"

const uint8_t hand_key[32] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17};

struct weir_mlx5_caps hand_caps(uint32_t without)
{
    return (struct weir_mlx5_caps){.can = 0xffu & ~without, .sessions = 4};
}

struct weir_mlx5_rx_config hand_config(struct hand *h, const struct weir_mlx5_caps *caps,
                                       enum weir_mlx5_trigger trigger)
{
    return (struct weir_mlx5_rx_config){.caps = caps,
                                        .pd = 0x77,
                                        .domain = 5,
                                        .table = 6,
                                        .trigger = trigger,
                                        .progress = h->progress,
                                        .address = 0x1000,
                                        .lkey = 7};
}

struct weir_keys hand_keys(void)
{
    struct weir_keys keys = {.version = WEIR_TLS13,
                             .suite = WEIR_TLS_AES_128_GCM_SHA256,
                             .at = {.seq = 41, .tcp_known = true, .tcp_seq = HAND_SEQ}};

    memcpy(keys.key, hand_key, sizeof hand_key);
    for (uint8_t i = 0; i < 12; i++)
        keys.iv[i] = (uint8_t)(0xa0 + i);
    return keys;
}

void hand_begin(struct hand *h, enum weir_mlx5_trigger trigger)
{
    struct weir_mlx5_caps caps = hand_caps(0);
    struct weir_mlx5_rx_config config = hand_config(h, &caps, trigger);
    struct weir_refusal why;

    memset(h->ring, 0, sizeof h->ring);
    CHECK_STATUS(h->t, weir_mlx5_sq_init(&h->sq, h->ring, HAND_BLOCKS, 0x456, 0), WEIR_OK);
    CHECK_STATUS(h->t, weir_mlx5_rx_init(&h->rx, &config, &why), WEIR_OK);
}

void hand_reply(struct hand *h, uint8_t status, uint32_t number)
{
    const struct weir_cmd *cmd = weir_mlx5_rx_command(&h->rx);
    const struct weir_done done = {.os_error = 0, .len = WEIR_MLX5_REPLY};

    CHECK_EQ(h->t, weir_mlx5_rx_next(&h->rx), WEIR_MLX5_RX_COMMAND);
    CHECK(h->t, cmd != NULL);
    if (cmd == NULL)
        return;
    CHECK_EQ(h->t, cmd->kind, WEIR_CMD_FIRMWARE);
    h->opcode = (uint32_t)cmd->value[0] << 8 | cmd->value[1];
    h->command_len = cmd->len;
    cmd->reply[0] = status;
    cmd->reply[9] = (uint8_t)(number >> 16);
    cmd->reply[10] = (uint8_t)(number >> 8);
    cmd->reply[11] = (uint8_t)number;
    CHECK_STATUS(h->t, weir_mlx5_rx_done(&h->rx, &done), WEIR_OK);
}

void hand_complete(struct hand *h, uint16_t index, uint8_t syndrome)
{
    const struct weir_mlx5_cqe cqe = {.opcode = syndrome == 0 ? WEIR_MLX5_CQE_REQUEST
                                                              : WEIR_MLX5_CQE_REQUEST_ERROR,
                                      .error = syndrome != 0,
                                      .counter = index,
                                      .syndrome = syndrome};

    CHECK(h->t, weir_mlx5_sq_complete(&h->sq, &cqe) != WEIR_E_MISUSE);
    CHECK_STATUS(h->t, weir_mlx5_rx_completed(&h->rx, &cqe), WEIR_OK);
}

const uint8_t *hand_entry(const struct hand *h, uint16_t index)
{
    return h->ring + (size_t)(index % HAND_BLOCKS) * 64;
}

uint16_t hand_post(struct hand *h)
{
    uint16_t index = 0xffff;

    CHECK_EQ(h->t, weir_mlx5_rx_next(&h->rx), WEIR_MLX5_RX_POST);
    CHECK_STATUS(h->t, weir_mlx5_rx_post(&h->rx, &h->sq, &index), WEIR_OK);
    CHECK_STATUS(h->t, weir_mlx5_rx_post(&h->rx, &h->sq, &h->other), WEIR_NEED_INPUT);
    return index;
}

void hand_run(struct hand *h)
{
    struct weir_keys keys = hand_keys();
    struct weir_refusal why;

    CHECK_STATUS(h->t, weir_mlx5_rx_start(&h->rx, &keys, &why), WEIR_PENDING);
    hand_reply(h, 0, 0x111);
    hand_reply(h, 0, 0x222);
    uint16_t index = hand_post(h);
    hand_complete(h, (uint16_t)(index - 3), 0);
    hand_complete(h, index, 0);
    CHECK_EQ(h->t, weir_mlx5_rx_next(&h->rx), WEIR_MLX5_RX_STEER);
    weir_mlx5_rx_steered(&h->rx, true, 0);
    CHECK_EQ(h->t, weir_mlx5_rx_next(&h->rx), WEIR_MLX5_RX_NOTHING);
}

void hand_stopped(struct hand *h, bool steered, bool tir, bool dek)
{
    if (steered) {
        CHECK_EQ(h->t, weir_mlx5_rx_next(&h->rx), WEIR_MLX5_RX_UNSTEER);
        weir_mlx5_rx_unsteered(&h->rx);
    }
    if (tir) {
        hand_reply(h, 0, 0);
        CHECK_EQ(h->t, h->opcode, 0x902);
    }
    if (dek) {
        hand_reply(h, 0, 0);
        CHECK_EQ(h->t, h->opcode, 0xa03);
    }
    CHECK_EQ(h->t, weir_mlx5_rx_next(&h->rx), WEIR_MLX5_RX_NOTHING);
    CHECK(h->t, weir_mlx5_rx_stopped(&h->rx));
    CHECK_EQ(h->t, weir_mlx5_rx_tirn(&h->rx), 0);
    CHECK(h->t, weir_mlx5_rx_command(&h->rx) == NULL);
}

static struct hand hand;

static struct hand *new_hand(struct test *t, enum weir_mlx5_trigger trigger)
{
    hand.t = t;
    hand_begin(&hand, trigger);
    return &hand;
}

static bool holds(const void *memory, size_t len, const void *what, size_t what_len)
{
    for (size_t i = 0; i + what_len <= len; i++) {
        if (memcmp((const uint8_t *)memory + i, what, what_len) == 0)
            return true;
    }
    return false;
}

/* The bytes of each command and entry, one after the other. */
static void the_way_in_and_out(struct test *t)
{
    static const uint8_t umr[] = {2, 0, 0, 0x25, 0, 4, 0x56, 12, 0, 0, 0, 0x28, 0, 2, 0x22, 0};
    static const uint8_t params[] = {0x8d, 0,    0,    1,    0,    0,    0,    0,    0,
                                     0,    0,    0,    0,    0,    0,    41,   0,    0,
                                     0,    0,    0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6,
                                     0xa7, 0xa8, 0xa9, 0xaa, 0xab, 0,    0,    1,    0x11};
    static const uint8_t psv[] = {2, 0, 3, 0x20, 0,    4,    0x56, 2,    0, 0, 0, 8, 0, 0, 0, 0,
                                  0, 0, 2, 0x22, 0xff, 0xff, 0xff, 0x00, 0, 0, 0, 0, 0, 0, 0, 0};
    struct hand *h = new_hand(t, WEIR_MLX5_TRIGGER_FREEBSD);
    struct weir_keys keys = hand_keys();
    struct weir_refusal why;

    CHECK_EQ(t, weir_mlx5_rx_next(&h->rx), WEIR_MLX5_RX_NOTHING);
    CHECK(t, weir_mlx5_rx_stopped(&h->rx));
    CHECK_STATUS(t, weir_mlx5_rx_start(&h->rx, &keys, &why), WEIR_PENDING);
    CHECK_ZERO(t, &keys, sizeof keys);
    CHECK(t, holds(&h->rx, sizeof h->rx, hand_key, 16));
    CHECK(t, !weir_mlx5_rx_stopped(&h->rx));
    hand_reply(h, 0, 0x111);
    CHECK_EQ(t, h->opcode, 0xa00);
    CHECK_EQ(t, h->command_len, WEIR_MLX5_DEK_CREATE);
    CHECK(t, !holds(&h->rx, sizeof h->rx, hand_key, 16));
    CHECK_EQ(t, weir_mlx5_rx_tirn(&h->rx), 0);
    hand_reply(h, 0, 0x222);
    CHECK_EQ(t, h->opcode, 0x900);
    CHECK_EQ(t, weir_mlx5_rx_tirn(&h->rx), 0x222);
    uint16_t index = hand_post(h);
    CHECK_EQ(t, index, 3);
    CHECK_MEM(t, hand_entry(h, 0), umr, sizeof umr);
    CHECK_MEM(t, hand_entry(h, 2), params, sizeof params);
    CHECK_MEM(t, hand_entry(h, 3), psv, sizeof psv);
    CHECK_EQ(t, weir_mlx5_rx_next(&h->rx), WEIR_MLX5_RX_NOTHING);
    hand_complete(h, 0, 0);
    CHECK_EQ(t, weir_mlx5_rx_next(&h->rx), WEIR_MLX5_RX_NOTHING);
    hand_complete(h, 3, 0);
    CHECK_EQ(t, weir_mlx5_rx_next(&h->rx), WEIR_MLX5_RX_STEER);
    weir_mlx5_rx_steered(&h->rx, true, 0);
    CHECK_EQ(t, weir_mlx5_rx_next(&h->rx), WEIR_MLX5_RX_NOTHING);
    CHECK_EQ(t, weir_mlx5_rx_refusal(&h->rx).code, WEIR_REFUSAL_NONE);
    keys = hand_keys();
    CHECK_STATUS(t, weir_mlx5_rx_start(&h->rx, &keys, &why), WEIR_E_MISUSE);
    CHECK_ZERO(t, &keys, sizeof keys);
    weir_mlx5_rx_stop(&h->rx);
    weir_mlx5_rx_stop(&h->rx);
    hand_stopped(h, true, true, true);
    CHECK(t, !holds(&h->rx, sizeof h->rx, params + 20, 8));
    CHECK_EQ(t, weir_mlx5_rx_refusal(&h->rx).code, WEIR_REFUSAL_NONE);
    hand_run(h); /* and again */
    weir_mlx5_rx_wipe(&h->rx);
    CHECK_ZERO(t, &h->rx, sizeof h->rx);
    CHECK(t, weir_mlx5_rx_stopped(&h->rx));
}

static void refused_before_anything(struct test *t)
{
    static const uint32_t needs[] = {WEIR_MLX5_CAN_KEYS, WEIR_MLX5_CAN_RX, WEIR_MLX5_CAN_STEER};
    struct hand *h = new_hand(t, WEIR_MLX5_TRIGGER_FREEBSD);
    struct weir_mlx5_caps caps;
    struct weir_mlx5_rx_config config;
    struct weir_refusal why;
    struct weir_keys keys;

    for (size_t i = 0; i < 3; i++) {
        caps = hand_caps(needs[i]);
        config = hand_config(h, &caps, WEIR_MLX5_TRIGGER_LINUX);
        CHECK_STATUS(t, weir_mlx5_rx_init(&h->rx, &config, &why), WEIR_REFUSED);
        CHECK_EQ(t, why.code, WEIR_REFUSAL_FORM);
        CHECK_EQ(t, why.detail, needs[i]);
        keys = hand_keys();
        CHECK_STATUS(t, weir_mlx5_rx_start(&h->rx, &keys, &why), WEIR_E_MISUSE);
    }
    caps = hand_caps(0);
    config = hand_config(h, &caps, WEIR_MLX5_TRIGGER_LINUX);
    config.address += 8;
    CHECK_STATUS(t, weir_mlx5_rx_init(&h->rx, &config, &why), WEIR_REFUSED);
    CHECK_EQ(t, why.code, WEIR_REFUSAL_MEMORY);
    for (unsigned i = 0; i < 7; i++) {
        config = hand_config(h, &caps, WEIR_MLX5_TRIGGER_LINUX);
        config.pd = i == 0 ? 1u << 24 : 1;
        config.domain = i == 1 ? 1u << 24 : 1;
        config.table = i == 2 ? 1u << 24 : 1;
        config.lkey = i == 3 ? 0x100 : 1;
        if (i == 4)
            config.caps = NULL;
        if (i == 5)
            config.progress = NULL;
        CHECK_STATUS(t, weir_mlx5_rx_init(&h->rx, &config, &why), i < 6 ? WEIR_E_MISUSE : WEIR_OK);
    }
    keys = hand_keys();
    keys.suite = WEIR_TLS_CHACHA20_POLY1305_SHA256;
    CHECK_STATUS(t, weir_mlx5_rx_start(&h->rx, &keys, &why), WEIR_REFUSED);
    CHECK_EQ(t, why.code, WEIR_REFUSAL_SUITE);
    CHECK_ZERO(t, &keys, sizeof keys);
    keys = hand_keys();
    keys.version = 0x0302;
    CHECK_STATUS(t, weir_mlx5_rx_start(&h->rx, &keys, &why), WEIR_REFUSED);
    CHECK_EQ(t, why.code, WEIR_REFUSAL_VERSION);
    keys = hand_keys();
    keys.at.tcp_known = false;
    CHECK_STATUS(t, weir_mlx5_rx_start(&h->rx, &keys, &why), WEIR_REFUSED);
    CHECK_EQ(t, why.code, WEIR_REFUSAL_POSITION);
    CHECK(t, weir_mlx5_rx_stopped(&h->rx));
    CHECK_EQ(t, weir_mlx5_rx_next(&h->rx), WEIR_MLX5_RX_NOTHING);
}

/* Each step of a start fails in its ways: what was made is ended, and it says why. */
static void failures(struct test *t)
{
    static const struct {
        uint8_t status;
        weir_refusal_code code;
        bool transient;
    } firmware[] = {{WEIR_MLX5_STATUS_LIMIT, WEIR_REFUSAL_RESOURCES, true},
                    {WEIR_MLX5_STATUS_BUSY, WEIR_REFUSAL_RESOURCES, true},
                    {3, WEIR_REFUSAL_DEVICE, false}};
    const struct weir_done never = {.os_error = 60};
    struct hand *h;

    for (unsigned step = 0; step < 2; step++) {
        for (size_t i = 0; i < 4; i++) {
            struct weir_keys keys = hand_keys();
            struct weir_refusal why;

            h = new_hand(t, WEIR_MLX5_TRIGGER_FREEBSD);
            CHECK_STATUS(t, weir_mlx5_rx_start(&h->rx, &keys, &why), WEIR_PENDING);
            if (step == 1)
                hand_reply(h, 0, 0x111);
            if (i < 3) {
                hand_reply(h, firmware[i].status, 0);
                why = weir_mlx5_rx_refusal(&h->rx);
                CHECK_EQ(t, why.code, firmware[i].code);
                CHECK_EQ(t, why.transient, firmware[i].transient);
                CHECK_EQ(t, why.detail, (step + 1) << 24 | firmware[i].status);
            } else {
                CHECK_STATUS(t, weir_mlx5_rx_done(&h->rx, &never), WEIR_OK);
                CHECK_EQ(t, weir_mlx5_rx_refusal(&h->rx).code, WEIR_REFUSAL_NO_REPLY);
                CHECK(t, weir_mlx5_rx_refusal(&h->rx).transient);
            }
            CHECK_EQ(t, weir_mlx5_rx_count(&h->rx).rx_error, 1);
            hand_stopped(h, false, false, step == 1);
            CHECK_STATUS(t, weir_mlx5_rx_done(&h->rx, &never), WEIR_E_MISUSE);
        }
    }
    for (unsigned how = 0; how < 4; how++) {
        struct weir_keys keys = hand_keys();
        struct weir_refusal why;

        h = new_hand(t, WEIR_MLX5_TRIGGER_FREEBSD);
        CHECK_STATUS(t, weir_mlx5_rx_start(&h->rx, &keys, &why), WEIR_PENDING);
        hand_reply(h, 0, 0x111);
        hand_reply(h, 0, 0x222);
        uint16_t index = hand_post(h);
        if (how == 0) {
            hand_complete(h, (uint16_t)(index - 3), 4);
            why = weir_mlx5_rx_refusal(&h->rx);
            CHECK_EQ(t, why.code, WEIR_REFUSAL_DEVICE);
            CHECK_EQ(t, why.detail, 3u << 24 | 4);
        } else if (how == 1) {
            weir_mlx5_rx_abandon(&h->rx);
            CHECK_EQ(t, weir_mlx5_rx_refusal(&h->rx).code, WEIR_REFUSAL_NO_REPLY);
        } else {
            hand_complete(h, index, 0);
            weir_mlx5_rx_steered(&h->rx, how == 3, 12);
            CHECK_EQ(t, weir_mlx5_rx_refusal(&h->rx).code,
                     how == 3 ? WEIR_REFUSAL_NONE : WEIR_REFUSAL_OS);
            CHECK_EQ(t, weir_mlx5_rx_refusal(&h->rx).os_error, how == 3 ? 0 : 12);
        }
        CHECK_EQ(t, weir_mlx5_rx_count(&h->rx).rx_error, how < 3);
        weir_mlx5_rx_stop(&h->rx);
        hand_stopped(h, how == 3, true, true);
    }
}

/* Stopped, or the card gone, after each step. */
static void ended_at_any_time(struct test *t)
{
    for (unsigned step = 0; step < 7; step++) {
        for (unsigned gone = 0; gone < 2; gone++) {
            struct hand *h = new_hand(t, WEIR_MLX5_TRIGGER_FREEBSD);
            struct weir_keys keys = hand_keys();
            struct weir_refusal why;
            uint16_t index = 0;

            t->at = step * 10 + gone;
            if (step > 0)
                CHECK_STATUS(t, weir_mlx5_rx_start(&h->rx, &keys, &why), WEIR_PENDING);
            if (step > 1)
                hand_reply(h, 0, 0x111);
            if (step > 2)
                hand_reply(h, 0, 0x222);
            if (step > 3)
                index = hand_post(h);
            if (step > 4)
                hand_complete(h, index, 0);
            if (step > 5)
                weir_mlx5_rx_steered(&h->rx, true, 0);
            if (gone) {
                weir_mlx5_rx_lost(&h->rx);
                CHECK_EQ(t, weir_mlx5_rx_refusal(&h->rx).code, WEIR_REFUSAL_NO_REPLY);
                CHECK(t, !weir_mlx5_rx_refusal(&h->rx).transient);
                CHECK(t, !holds(&h->rx, sizeof h->rx, hand_key, 16));
                hand_stopped(h, false, false, false);
                continue;
            }
            weir_mlx5_rx_stop(&h->rx);
            if (step == 1)
                hand_reply(h, 0, 0x111); /* the command was out */
            if (step == 2)
                hand_reply(h, 0, 0x222);
            if (step == 4) {
                CHECK_EQ(t, weir_mlx5_rx_next(&h->rx), WEIR_MLX5_RX_NOTHING);
                hand_complete(h, index, 0);
            }
            hand_stopped(h, step > 4, step > 1, step > 0);
        }
    }
}

static const struct test_case table[] = {
    CASE(the_way_in_and_out),
    CASE(refused_before_anything),
    CASE(failures),
    CASE(ended_at_any_time),
};
CASE_GROUP(mlx5_rx, table, TEST_ONCE);
