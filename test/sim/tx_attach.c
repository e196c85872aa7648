/* SPDX-License-Identifier: BSD-2-Clause */
/* A direction moves to the card, and its end: the commands to the firmware, each of which fails,
 * is late, or is never answered. */
#include "tx_bed.h"

#include <string.h>
#include TXB_HEADER

/* Nothing but zeros in the command's memory at the last completion: it held a key. */
static bool wiped(const struct weir_cmd *command, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (command->value[i] != 0)
            return false;
    }
    return true;
}

static const struct weir_move *move_of(struct txb *b, struct weir_move *move)
{
    *move = (struct weir_move){.backend = &b->port.backend,
                               .ctx = b->ctx,
                               .ctx_len = b->port.backend.ctx_size,
                               .policy = WEIR_POLICY_ALL,
                               .tcp_known = true,
                               .tcp_seq = b->how.seq};
    return move;
}

/* It still seals in software, and a record of it is what it should be. */
static void in_software(struct txb *b)
{
    uint8_t out[64];
    const struct weir_iov in = {(const uint8_t *)"x", 1};
    size_t taken = 0, made = 0;

    cr_assert_eq(weir_tx_backend(&b->tx), &b->soft.backend);
    cr_assert_eq(weir_tx_seal(&b->tx, WEIR_TYPE_DATA, &in, 1, out, sizeof out, &taken, &made),
                 WEIR_OK);
    cr_assert_eq(taken, 1);
    cr_assert_eq(weir_tx_position(&b->tx).seq, b->how.record + 1);
}

Test(tx_attach, the_bytes_of_the_commands)
{
    for (unsigned s = 0; s < 4; s++) {
        struct txb *b = txb_new(&(struct txb_how){.suite = &txb_suites[s], .record = 3});
        struct weir_move move;
        uint8_t expect[WEIR_MLX5_DEK_CREATE] = {0x0a, 0x00, 0, 0, 0, 0, 0x00, 0x0c};
        size_t key_len = sim_alg_key_len(txb_suites[s].alg);

        expect[16 + 10] = key_len == 32;
        expect[16 + 11] = 1;
        expect[16 + 15] = 0x77;
        memcpy(expect + 16 + 96 - key_len, b->key[0], key_len);
        cr_assert_eq(weir_tx_offload(&b->tx, move_of(b, &move), &b->why), WEIR_PENDING);
        const struct weir_cmd *command = weir_tx_command(&b->tx);
        cr_assert_eq(command->kind, WEIR_CMD_FIRMWARE);
        cr_assert_eq(command->len, sizeof expect);
        cr_assert_eq(command->reply_len, WEIR_MLX5_REPLY);
        cr_assert_eq(memcmp(command->value, expect, sizeof expect), 0);
        struct weir_done done = txb_command(b, command);
        cr_assert_eq(weir_tx_complete(&b->tx, &done, &b->why), WEIR_PENDING);

        uint8_t tis[WEIR_MLX5_TIS_CREATE] = {0x09, 0x12};
        tis[32] = 0x40;
        tis[32 + 39] = 5;
        tis[32 + 47] = 0x77;
        command = weir_tx_command(&b->tx);
        cr_assert_eq(command->len, sizeof tis);
        cr_assert_eq(memcmp(command->value, tis, sizeof tis), 0);
        for (size_t i = sizeof tis; i < sizeof expect; i++)
            cr_assert_eq(command->value[i], 0, "a byte of the key is left");
        done = txb_command(b, command);
        cr_assert_eq(weir_tx_complete(&b->tx, &done, &b->why), WEIR_OK);
        cr_assert_null(weir_tx_command(&b->tx));
        cr_assert_eq(weir_tx_query(&b->tx, &b->why), WEIR_OK);
        cr_assert_eq(weir_tx_carrier(&b->tx), WEIR_CARRIER_NIC);
        cr_assert_neq(weir_mlx5_tx_context(b->ctx), 0);
        weir_mlx5_tx_lost(b->ctx);
        cr_assert_eq(weir_tx_query(&b->tx, &b->why), WEIR_OK);
        cr_assert_eq(weir_tx_carrier(&b->tx), WEIR_CARRIER_SOFTWARE);
        txb_end(b);
        txb_drop(b);
    }
}

/* Neither the key nor anything else is in the memory of a direction that is refused. */
static void nothing_left(struct txb *b)
{
    const uint8_t *memory = b->ctx;

    for (size_t i = 0; i + 16 <= b->port.backend.ctx_size; i++)
        cr_assert_neq(memcmp(memory + i, b->key[0], 16), 0, "the key at byte %zu", i);
}

/* The card goes while a command of the move is out: no move, and nothing that is to be undone. */
Test(tx_attach, the_card_goes_while_a_command_is_out)
{
    for (unsigned at = 1; at <= 2; at++) {
        for (unsigned answered = 0; answered < 2; answered++) {
            struct txb_how how = {.suite = &txb_suites[2], .record = 5};
            struct txb *b = txb_new(&how);
            struct weir_move move;
            weir_status status = weir_tx_offload(&b->tx, move_of(b, &move), &b->why);

            for (unsigned nth = 1; status == WEIR_PENDING; nth++) {
                struct weir_done done = txb_command(b, weir_tx_command(&b->tx));
                if (nth == at && !answered)
                    done = (struct weir_done){.os_error = 19};
                if (nth == at)
                    weir_mlx5_tx_lost(b->ctx);
                cr_assert(nth <= at, "a command for a card that is gone");
                status = weir_tx_complete(&b->tx, &done, &b->why);
            }
            cr_assert_eq(status, WEIR_REFUSED);
            cr_assert_eq(b->why.code, WEIR_REFUSAL_NO_REPLY);
            cr_assert(b->why.transient);
            nothing_left(b);
            txb_drop(b);
        }
    }
}

struct command_fault {
    uint64_t nth;
    struct sim_fault fault;
    weir_refusal_code code;
    bool transient;
    uint32_t detail;
};

Test(tx_attach, each_command_fails_is_late_or_never_comes)
{
    const struct sim_fault limit = sim_fault_errno(WEIR_MLX5_STATUS_LIMIT),
                           bad = sim_fault_errno(0x03), never = sim_fault_short(SIM_NIC_NEVER),
                           gone = sim_fault_errno(SIM_NIC_GONE);
    const struct command_fault faults[] = {
        {1, limit, WEIR_REFUSAL_RESOURCES, true, 1u << 24 | 8},
        {1, bad, WEIR_REFUSAL_DEVICE, false, 1u << 24 | 3},
        {1, never, WEIR_REFUSAL_NO_REPLY, true, 1u << 24},
        {1, gone, WEIR_REFUSAL_NO_REPLY, true, 1u << 24},
        {2, limit, WEIR_REFUSAL_RESOURCES, true, 2u << 24 | 8},
        {2, bad, WEIR_REFUSAL_DEVICE, false, 2u << 24 | 3},
        {2, never, WEIR_REFUSAL_NO_REPLY, true, 2u << 24},
        {2, gone, WEIR_REFUSAL_NO_REPLY, true, 2u << 24},
    };

    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        struct txb *b = txb_new(&(struct txb_how){.suite = &txb_suites[i % 4]});

        cr_assert(sim_faults_plan(&b->faults, SIM_NIC_COMMAND, faults[i].nth, 1, faults[i].fault));
        cr_assert_eq(txb_move(b), WEIR_REFUSED);
        cr_assert_eq(b->why.code, faults[i].code, "%zu: %s", i, weir_refusal_name(b->why.code));
        cr_assert_eq(b->why.layer, WEIR_LAYER_BACKEND);
        cr_assert_eq(b->why.transient, faults[i].transient);
        cr_assert_eq(b->why.detail, faults[i].detail);
        cr_assert(sim_nic_removed(b->nic) || sim_nic_keys(b->nic) == 0, "%zu", i);
        cr_assert_eq(sim_nic_contexts(b->nic), 0);
        cr_assert_eq(sim_nic_complaints(b->nic), 0);
        nothing_left(b);
        in_software(b);
        txb_drop(b);
    }
    /* Late, and in time nevertheless. */
    for (uint64_t n = 1; n <= 2; n++) {
        struct txb *b = txb_new(&(struct txb_how){.suite = &txb_suites[n]});

        cr_assert(sim_faults_plan(&b->faults, SIM_NIC_COMMAND, n, 1, sim_fault_short(3)));
        cr_assert_eq(txb_move(b), WEIR_OK);
        txb_records(b, 1, 100);
        txb_goes(b, 0, 50, WEIR_MLX5_DEVICE);
        txb_close(b);
    }
}

/* An answer that is cut short is none. */
Test(tx_attach, half_an_answer)
{
    struct txb *b = txb_new(&(struct txb_how){.suite = &txb_suites[0]});
    struct weir_move move;
    const struct weir_done half = {.os_error = 0, .len = WEIR_MLX5_REPLY - 1};

    cr_assert_eq(weir_tx_offload(&b->tx, move_of(b, &move), &b->why), WEIR_PENDING);
    cr_assert_eq(weir_tx_complete(&b->tx, &half, &b->why), WEIR_REFUSED);
    cr_assert_eq(b->why.code, WEIR_REFUSAL_NO_REPLY);
    in_software(b);
    txb_drop(b);
}

/* The direction ends in the middle of a move: what the outstanding command makes is ended. */
Test(tx_attach, ended_in_the_middle)
{
    for (unsigned stop = 0; stop < 3; stop++) {
        struct txb *b = txb_new(&(struct txb_how){.suite = &txb_suites[0]});
        struct weir_move move;
        const struct weir_cmd *command = NULL;
        struct weir_done done;

        if (stop == 2) /* the TIS is refused, and the key on its way out */
            cr_assert(sim_faults_plan(&b->faults, SIM_NIC_COMMAND, 2, 1, sim_fault_errno(3)));
        cr_assert_eq(weir_tx_offload(&b->tx, move_of(b, &move), &b->why), WEIR_PENDING);
        for (unsigned i = 0; i < stop; i++) {
            done = txb_command(b, weir_tx_command(&b->tx));
            cr_assert_eq(weir_tx_complete(&b->tx, &done, &b->why), WEIR_PENDING);
        }
        const struct weir_cmd outstanding = *weir_tx_command(&b->tx);
        done = txb_command(b, &outstanding);
        weir_tx_wipe(&b->tx);
        cr_assert(stop == 2 || wiped(&outstanding, outstanding.len));
        cr_assert_eq(weir_mlx5_tx_end(b->ctx, NULL, true, &command), WEIR_NEED_INPUT);
        cr_assert_null(command);
        weir_mlx5_tx_ended(b->ctx, &done);
        weir_status status;
        while ((status = weir_mlx5_tx_end(b->ctx, NULL, true, &command)) == WEIR_PENDING) {
            done = txb_command(b, command);
            weir_mlx5_tx_ended(b->ctx, &done);
        }
        cr_assert_eq(status, WEIR_OK);
        cr_assert_eq(sim_nic_keys(b->nic), 0, "stopped at %u", stop);
        cr_assert_eq(sim_nic_contexts(b->nic), 0);
        nothing_left(b);
        txb_drop(b);
    }
}

/* What is on the card is ended when its entries are done, and whatever the firmware says to that.
 */
Test(tx_end, after_the_last_entry)
{
    struct txb *b = txb_begin(&(struct txb_how){.suite = &txb_suites[1]});
    const struct weir_cmd *command = NULL;

    txb_records(b, 2, 1000);
    cr_assert_eq(weir_mlx5_tx_end(b->ctx, &b->sq, false, &command), WEIR_OK);
    cr_assert_eq(weir_mlx5_tx_end(b->ctx, &b->sq, true, &command), WEIR_E_MISUSE);
    b->no_completions = true;
    txb_goes(b, 0, 500, WEIR_MLX5_DEVICE);
    /* Core is done with it; what it has framed still goes out, and goes out again. */
    weir_tx_end(&b->tx, WEIR_E_HANDSHAKE);
    cr_assert_eq(weir_mlx5_tx_end(b->ctx, &b->sq, false, &command), WEIR_OK);
    txb_goes(b, 500, 1000, WEIR_MLX5_DEVICE);
    txb_goes(b, 0, 1448, WEIR_MLX5_SOFTWARE);
    txb_goes(b, 1500, b->len - 1500, WEIR_MLX5_DEVICE);
    cr_assert_eq(weir_mlx5_tx_end(b->ctx, &b->sq, false, &command), WEIR_OK);
    txb_acked(b, b->len);
    nothing_left(b);
    cr_assert_eq(weir_mlx5_tx_end(b->ctx, &b->sq, false, &command), WEIR_NEED_INPUT);
    b->no_completions = false;
    txb_take_completions(b);
    cr_assert_eq(weir_mlx5_tx_end(b->ctx, &b->sq, false, &command), WEIR_PENDING);
    const uint8_t tis[] = {0x09, 0x14};
    cr_assert_eq(memcmp(command->value, tis, 2), 0);
    const struct weir_done never = {.os_error = 110};
    weir_mlx5_tx_ended(b->ctx, &never);
    cr_assert_eq(weir_mlx5_tx_end(b->ctx, &b->sq, false, &command), WEIR_PENDING);
    const uint8_t dek[] = {0x0a, 0x03};
    cr_assert_eq(memcmp(command->value, dek, 2), 0);
    struct weir_done done = txb_command(b, command);
    weir_mlx5_tx_ended(b->ctx, &done);
    cr_assert_eq(weir_mlx5_tx_end(b->ctx, &b->sq, false, &command), WEIR_OK);
    cr_assert_eq(sim_nic_keys(b->nic), 0);
    cr_assert_eq(sim_nic_contexts(b->nic), 1, "nobody answered");
    cr_assert_eq(weir_mlx5_tx_count(b->ctx).tx_commands_failed, 1);
    txb_drop(b);
}

/* No segment goes out once it is over: there is no key, and plaintext never leaves. */
Test(tx_end, nothing_behind_it)
{
    struct txb *b = txb_begin(&(struct txb_how){.suite = &txb_suites[2]});

    txb_records(b, 2, 1000);
    txb_goes(b, 0, 500, WEIR_MLX5_DEVICE);
    txb_end(b);
    cr_assert_eq(txb_segment(b, 0, 500, 0), WEIR_E_MISUSE);
    cr_assert_eq(b->sent.way, WEIR_MLX5_DROPPED);
    cr_assert_null(sim_nic_sent(b->nic));
    txb_drop(b);
}

static struct weir_mlx5_caps every = {.can = 0xff, .sessions = 1};
static const uint8_t some_key[16];

static struct weir_mlx5_tx_config good(void)
{
    return (struct weir_mlx5_tx_config){
        .caps = &every, .mtu = 1500, .aead = &TXB_AEAD, .runs = 4, .check_key = some_key};
}

static void port_refused(const struct weir_mlx5_tx_config *config, weir_refusal_code code)
{
    struct weir_mlx5_tx_backend port;
    struct weir_refusal why;

    cr_assert_eq(weir_mlx5_tx_backend_init(&port, config, &why), WEIR_REFUSED);
    cr_assert_eq(why.code, code, "%s", weir_refusal_name(why.code));
}

Test(tx_port, refused_by_name)
{
    struct weir_mlx5_tx_backend port;
    struct weir_refusal why;
    struct weir_mlx5_tx_config c = good();
    struct weir_aead aead = TXB_AEAD;
    struct weir_mlx5_caps caps = {.can = WEIR_MLX5_CAN_KEYS | WEIR_MLX5_CAN_RX};

    cr_assert_eq(weir_mlx5_tx_backend_init(&port, &c, &why), WEIR_OK);
    c.caps = &caps;
    port_refused(&c, WEIR_REFUSAL_FORM);
    c = good();
    c.aead = &aead;
    aead.keystream = NULL;
    port_refused(&c, WEIR_REFUSAL_KEYSTREAM);
    aead.algs = WEIR_ALG_BIT(WEIR_CHACHA20_POLY1305);
    port_refused(&c, WEIR_REFUSAL_SUITE);
    aead.abi++;
    port_refused(&c, WEIR_REFUSAL_ABI);
    c = good();
    c.runs = 3;
    port_refused(&c, WEIR_REFUSAL_MEMORY);
    c = good();
    c.tags = 3;
    port_refused(&c, WEIR_REFUSAL_MEMORY);
    c = good();
    c.checks = 6;
    port_refused(&c, WEIR_REFUSAL_MEMORY);
    for (unsigned i = 0; i < 7; i++) {
        c = good();
        if (i == 0)
            c.pd = 0x1000000;
        if (i == 1)
            c.domain = 0x1000000;
        if (i == 2)
            c.priority = 16;
        if (i == 3)
            c.mtu = 63;
        if (i == 4) {
            c.checks = 8;
            c.check_key = NULL;
        }
        if (i == 5)
            c.driver = (enum weir_mlx5_driver)2;
        if (i == 6)
            c.policy = (enum weir_mlx5_policy)3;
        cr_assert_eq(weir_mlx5_tx_backend_init(&port, &c, &why), WEIR_E_MISUSE, "%u", i);
    }
}

/* What a card, or this backend, cannot carry, before any command. */
Test(tx_port, directions_refused)
{
    struct weir_mlx5_tx_config c = good();
    struct weir_mlx5_caps caps = every;
    struct weir_mlx5_tx_backend port;
    struct weir_refusal why;
    struct weir_keys keys = {.version = WEIR_TLS13, .suite = WEIR_TLS_AES_128_GCM_SHA256};

    cr_assert_eq(weir_mlx5_tx_backend_init(&port, &c, &why), WEIR_OK);
    cr_assert(weir_backend_check(&port.backend, &keys, WEIR_TX, &why));
    cr_assert_not(weir_backend_check(&port.backend, &keys, WEIR_RX, &why));
    cr_assert_eq(why.code, WEIR_REFUSAL_FORM);
    keys.at.unsure = 1;
    cr_assert_not(weir_backend_check(&port.backend, &keys, WEIR_TX, &why));
    cr_assert_eq(why.code, WEIR_REFUSAL_POSITION);
    keys.at.unsure = 0;
    keys.suite = WEIR_TLS_CHACHA20_POLY1305_SHA256;
    cr_assert_not(weir_backend_check(&port.backend, &keys, WEIR_TX, &why));
    cr_assert_eq(why.code, WEIR_REFUSAL_SUITE);
    caps.can &= ~(uint32_t)WEIR_MLX5_CAN_TLS13_AES256;
    c.caps = &caps;
    keys.suite = WEIR_TLS_AES_256_GCM_SHA384;
    cr_assert_eq(weir_mlx5_tx_backend_init(&port, &c, &why), WEIR_OK);
    cr_assert_not(weir_backend_check(&port.backend, &keys, WEIR_TX, &why));
    cr_assert_eq(why.layer, WEIR_LAYER_BACKEND);
}
