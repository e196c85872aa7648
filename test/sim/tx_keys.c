/* SPDX-License-Identifier: BSD-2-Clause */
/* KeyUpdate: records of the old key go on being sent until they are acknowledged, and the card goes
 * over to the new one. */
#include "tx_bed.h"

#include <stdlib.h>
#include <string.h>
#include TXB_HEADER

/* Seals a KeyUpdate and begins to change the key; answers what the direction does. */
static weir_status begin_rekey(struct txb *b)
{
    cr_assert(txb_record(b, WEIR_TYPE_HANDSHAKE, 5)); /* what it says is nothing to the card */
    cr_assert_eq(weir_keys_update(&b->keys, &TXB_KDF), WEIR_OK);
    b->epoch++;
    cr_assert(b->epoch < 4);
    memcpy(b->key[b->epoch], b->keys.key, 32);
    memcpy(b->iv[b->epoch], b->keys.iv, 12);
    return weir_tx_rekey(&b->tx, &TXB_KDF);
}

/* Carries out what there is. */
static weir_status go_on(struct txb *b, weir_status status)
{
    const struct weir_cmd *command;

    while (status == WEIR_PENDING && (command = weir_tx_command(&b->tx)) != NULL) {
        struct weir_done done = txb_command(b, command);

        status = weir_tx_complete(&b->tx, &done, &b->why);
        for (size_t i = 0; i < command->len; i++)
            cr_assert_eq(command->value[i], 0, "the key stays in the command");
    }
    return status;
}

static void rekey(struct txb *b)
{
    cr_assert_eq(go_on(b, begin_rekey(b)), WEIR_OK);
    cr_assert_eq(weir_tx_position(&b->tx).epoch, b->epoch);
}

/* What tx_end has to do now, all of it. */
static unsigned housekeeping(struct txb *b)
{
    const struct weir_cmd *command;
    unsigned count = 0;

    while (weir_mlx5_tx_end(b->ctx, &b->sq, false, &command) == WEIR_PENDING) {
        struct weir_done done = txb_command(b, command);

        weir_mlx5_tx_ended(b->ctx, &done);
        count++;
    }
    return count;
}

static struct txb_how how_of(unsigned i)
{
    return (struct txb_how){.suite = &txb_suites[2 + i % 2],
                            .driver = (enum weir_mlx5_driver)(i / 2 % 2),
                            .policy = (enum weir_mlx5_policy)(i % 3),
                            .record = 5,
                            .seq = 0xfffff800u,
                            .checks = i % 2 * 64,
                            .tags = 8};
}

Test(tx_keys, the_card_takes_over)
{
    for (unsigned i = 0; i < 12; i++) {
        struct txb_how how = how_of(i);
        struct txb *b = txb_begin(&how);

        txb_records(b, 2, 1000);
        txb_goes(b, 0, 1000, WEIR_MLX5_DEVICE);
        rekey(b);
        size_t edge = b->len;
        txb_records(b, 3, 1000);
        cr_assert_eq(sim_nic_keys(b->nic), 2);
        /* The rest of the old key's is still the card's, but for what the two share. */
        txb_goes(b, 1000, 900, WEIR_MLX5_DEVICE);
        txb_goes(b, 1900, edge - 1900 + 400, WEIR_MLX5_SOFTWARE);
        txb_goes(b, edge + 400, 500, WEIR_MLX5_DEVICE);
        cr_assert_eq(b->sent.dumped, 400);
        /* It does not go back for what is sent again. */
        txb_goes(b, 1500, 300, WEIR_MLX5_SOFTWARE);
        txb_goes(b, edge - 30, 30, WEIR_MLX5_SOFTWARE);
        txb_goes(b, edge + 900, 500, WEIR_MLX5_DEVICE);
        cr_assert_eq(housekeeping(b), 0);
        txb_acked(b, edge);
        cr_assert_eq(housekeeping(b), 1);
        cr_assert_eq(sim_nic_keys(b->nic), 1);
        txb_goes_somehow(b, edge + 100, 500, 0);
        txb_close(b);
    }
}

/* Everything of the old key is acknowledged before the card sees a record of the new one. */
Test(tx_keys, nothing_of_the_old_one_is_left)
{
    for (unsigned i = 0; i < 12; i++) {
        struct txb_how how = how_of(i);
        struct txb *b = txb_begin(&how);

        for (unsigned n = 0; n < 3; n++) {
            txb_records(b, 1, 500);
            for (size_t at = b->acked; at < b->len; at += 300)
                txb_goes(b, at, b->len - at < 300 ? b->len - at : 300, WEIR_MLX5_DEVICE);
            txb_acked(b, b->len);
            rekey(b);
            size_t at = b->records[b->count - 1].start;
            txb_goes(b, at, b->len - at, WEIR_MLX5_DEVICE);
            txb_acked(b, b->len);
            cr_assert_eq(housekeeping(b), 1);
            cr_assert_eq(sim_nic_keys(b->nic), 1);
        }
        txb_records(b, 1, 500);
        txb_goes(b, b->acked, 500, WEIR_MLX5_DEVICE);
        txb_close(b);
    }
}

/* A third key waits until the first is done with. */
Test(tx_keys, one_old_key_at_a_time)
{
    for (unsigned i = 0; i < 12; i++) {
        struct txb_how how = how_of(i);
        struct txb *b = txb_begin(&how);

        txb_records(b, 1, 500);
        rekey(b);
        size_t first = b->len;
        txb_records(b, 1, 500);
        cr_assert_eq(begin_rekey(b), WEIR_PENDING);
        cr_assert_null(weir_tx_command(&b->tx));
        size_t second = b->len;
        for (size_t at = 0; at < b->len; at += 200)
            txb_goes_somehow(b, at, b->len - at < 200 ? b->len - at : 200, 0);
        txb_acked(b, first);
        /* Where the card had the old key to the end, that has to be ended, too. */
        cr_assert_eq(go_on(b, WEIR_PENDING), WEIR_OK);
        txb_records(b, 1, 500);
        txb_goes_somehow(b, second, 200, 0);
        txb_goes_somehow(b, first, 200, 0);
        txb_acked(b, second);
        cr_assert_leq(housekeeping(b), 2);
        cr_assert_eq(sim_nic_keys(b->nic), 1);
        txb_close(b);
    }
}

/* Two keys later, and nobody has ended the first on the card: the fourth waits for that. */
Test(tx_keys, keys_that_nobody_ends)
{
    struct txb_how how = how_of(0);
    struct txb *b = txb_begin(&how);

    for (unsigned n = 0; n < 2; n++) {
        txb_records(b, 1, 500);
        rekey(b);
        for (size_t at = b->acked; at < b->len; at += 200)
            txb_goes_somehow(b, at, b->len - at < 200 ? b->len - at : 200, 0);
        txb_acked(b, b->len);
    }
    cr_assert_eq(begin_rekey(b), WEIR_PENDING);
    txb_goes_somehow(b, b->acked, b->len - b->acked, 0);
    txb_acked(b, b->len);
    cr_assert_null(weir_tx_command(&b->tx));
    cr_assert_eq(sim_nic_keys(b->nic), 3);
    cr_assert_eq(housekeeping(b), 1);
    cr_assert_eq(go_on(b, WEIR_PENDING), WEIR_OK);
    cr_assert_eq(housekeeping(b), 2);
    cr_assert_eq(sim_nic_keys(b->nic), 1);
    txb_records(b, 1, 500);
    txb_goes(b, b->acked, 500, WEIR_MLX5_DEVICE);
    txb_close(b);
}

/* A card that does not take the new key: its records are the processor's. */
Test(tx_keys, the_card_refuses_the_new_one)
{
    const struct sim_fault faults[] = {
        sim_fault_errno(WEIR_MLX5_STATUS_LIMIT),
        sim_fault_errno(3),
        sim_fault_short(SIM_NIC_NEVER),
    };

    for (unsigned i = 0; i < 12; i++) {
        struct txb_how how = how_of(i);
        struct txb *b = txb_begin(&how);

        txb_records(b, 1, 1000);
        txb_goes(b, 0, 500, WEIR_MLX5_DEVICE);
        sim_faults_clear(&b->faults);
        cr_assert(sim_faults_plan(&b->faults, SIM_NIC_COMMAND, 1, 1, faults[i % 3]));
        rekey(b);
        size_t edge = b->len;
        txb_records(b, 1, 1000);
        txb_goes(b, 500, edge - 500, WEIR_MLX5_DEVICE);
        txb_goes(b, edge, 1000, WEIR_MLX5_SOFTWARE);
        cr_assert_eq(weir_mlx5_tx_count(b->ctx).tx_commands_failed, 1);
        cr_assert_eq(weir_tx_query(&b->tx, &b->why), WEIR_OK);
        cr_assert_eq(weir_tx_carrier(&b->tx), WEIR_CARRIER_SOFTWARE);
        txb_acked(b, edge);
        cr_assert_eq(housekeeping(b), 1);
        /* The next one is taken. */
        rekey(b);
        txb_records(b, 1, 1000);
        txb_goes(b, b->records[b->count - 1].start, 500, WEIR_MLX5_DEVICE);
        txb_close(b);
    }
}

/* The old key object is ended when the last entry under it is done, and not before. */
Test(tx_keys, ended_when_its_entries_are_done)
{
    struct txb_how how = how_of(0);
    struct txb *b = txb_begin(&how);
    const struct weir_cmd *command;

    txb_records(b, 1, 500);
    b->no_completions = true;
    txb_goes(b, 0, b->len, WEIR_MLX5_DEVICE);
    rekey(b);
    size_t at = b->records[1].start;
    txb_goes(b, at, b->len - at, WEIR_MLX5_DEVICE);
    txb_acked(b, b->len);
    cr_assert_eq(weir_mlx5_tx_end(b->ctx, &b->sq, false, &command), WEIR_NEED_INPUT);
    cr_assert_null(command);
    b->no_completions = false;
    txb_take_completions(b);
    cr_assert_eq(housekeeping(b), 1);
    txb_records(b, 1, 500);
    txb_goes(b, b->acked, 500, WEIR_MLX5_DEVICE);
    txb_close(b);
}

/* A record has a number under each key, and another tag. */
Test(tx_keys, tags_of_both_keys)
{
    struct txb_how how = how_of(0);

    how.record = 0;
    how.tags = 1;
    struct txb *b = txb_begin(&how);
    rekey(b);
    txb_records(b, 1, 5);
    b->no_queue = true;
    for (unsigned i = 0; i < 4; i++)
        txb_goes(b, b->records[i % 2].start + 3, b->records[i % 2].len - 3, WEIR_MLX5_SOFTWARE);
    txb_close(b);
}

/* Without a card there is no command to carry out. */
Test(tx_keys, without_a_card)
{
    struct txb_how how = how_of(1);
    struct txb *b = txb_begin(&how);

    txb_records(b, 1, 1000);
    weir_mlx5_tx_lost(b->ctx);
    cr_assert_eq(begin_rekey(b), WEIR_OK);
    txb_records(b, 1, 1000);
    for (size_t at = 0; at < b->len; at += 300)
        txb_goes(b, at, b->len - at < 300 ? b->len - at : 300, WEIR_MLX5_SOFTWARE);
    txb_end(b);
    txb_drop(b);
}

/* The card goes while a command is out: it is over, even when the card has done it before. */
Test(tx_keys, the_card_goes_while_a_command_is_out)
{
    for (unsigned answered = 0; answered < 2; answered++) {
        struct txb_how how = how_of(1);
        struct txb *b = txb_begin(&how);

        txb_records(b, 1, 1000);
        cr_assert_eq(begin_rekey(b), WEIR_PENDING);
        struct weir_done done = txb_command(b, weir_tx_command(&b->tx));
        if (!answered)
            done = (struct weir_done){.os_error = 19};
        weir_mlx5_tx_lost(b->ctx);
        cr_assert_eq(weir_tx_complete(&b->tx, &done, &b->why), WEIR_OK);
        cr_assert_null(weir_tx_command(&b->tx));
        cr_assert_eq(weir_mlx5_tx_count(b->ctx).tx_commands_failed, 1);
        txb_records(b, 1, 1000);
        for (size_t at = 0; at < b->len; at += 300)
            txb_goes(b, at, b->len - at < 300 ? b->len - at : 300, WEIR_MLX5_SOFTWARE);
        txb_end(b);
        txb_drop(b);
    }
}

/* The direction ends while a key is on its way. */
Test(tx_keys, ended_in_the_middle)
{
    for (unsigned given = 0; given < 2; given++) {
        struct txb_how how = how_of(0);
        struct txb *b = txb_begin(&how);
        struct weir_done done = {.os_error = 0};
        const struct weir_cmd *command;

        txb_records(b, 1, 1000);
        if (given == 0) { /* it waits: the old key's records are not acknowledged */
            rekey(b);
            txb_records(b, 1, 100);
        }
        cr_assert_eq(begin_rekey(b), WEIR_PENDING);
        cr_assert_eq(weir_tx_command(&b->tx) != NULL, given == 1);
        if (given == 1)
            done = txb_command(b, weir_tx_command(&b->tx));
        weir_tx_wipe(&b->tx);
        if (given == 1) {
            cr_assert_eq(weir_mlx5_tx_end(b->ctx, &b->sq, true, &command), WEIR_NEED_INPUT);
            weir_mlx5_tx_ended(b->ctx, &done);
        }
        txb_close(b);
    }
}

/* A provider that does not take the new key: that is the end, and what the card took is ended. */
static weir_status no_init(void *ctx, weir_alg alg, const uint8_t *key)
{
    (void)ctx;
    (void)alg;
    (void)key;
    return WEIR_E_PROVIDER;
}

Test(tx_keys, the_provider_refuses_the_new_one)
{
    struct txb_how how = how_of(0);
    struct txb *b = txb_begin(&how);
    struct weir_aead aead = TXB_AEAD;

    txb_records(b, 1, 1000);
    aead.init = no_init;
    b->port.config.aead = &aead;
    cr_assert_eq(go_on(b, begin_rekey(b)), WEIR_E_PROVIDER);
    cr_assert_eq(weir_tx_status(&b->tx), WEIR_E_PROVIDER);
    cr_assert_eq(txb_segment(b, 0, 100, 0), WEIR_E_PROVIDER);
    txb_close(b);
}

/* Nor does a move succeed then, and it leaves nothing behind. */
Test(tx_keys, the_provider_refuses_the_first)
{
    struct txb_how how = how_of(0);
    struct txb *b = txb_new(&how);
    struct weir_aead aead = TXB_AEAD;

    aead.init = no_init;
    b->port.config.aead = &aead;
    cr_assert_eq(txb_move(b), WEIR_REFUSED);
    cr_assert_eq(b->why.code, WEIR_REFUSAL_PROVIDER);
    cr_assert_eq(sim_nic_keys(b->nic), 0);
    txb_drop(b);
}

/* What was posted on the queue of before is done, however few entries the new one has seen. */
Test(tx_keys, ended_through_another_queue)
{
    for (unsigned sends = 0; sends < 2; sends++) {
        struct txb_how how = how_of(0);
        struct txb *b = txb_begin(&how);
        uint8_t *ring = sim_alloc((size_t)TXB_BLOCKS * 64);

        txb_records(b, 1, 500);
        rekey(b);
        for (size_t at = 0; at < b->records[1].start; at += 10)
            txb_goes_somehow(b, at, 10, 0);
        b->nic_queue = sim_nic_queue_new(b->nic, 0x457, ring, TXB_BLOCKS);
        cr_assert_eq(weir_mlx5_sq_init(&b->sq, ring, TXB_BLOCKS, 0x457, 0), WEIR_OK);
        if (sends > 0) {
            txb_records(b, 1, 500);
            txb_goes(b, b->records[2].start, 500, WEIR_MLX5_DEVICE);
            cr_assert_eq(b->sent.recovery, WEIR_MLX5_START);
        }
        txb_acked(b, b->records[1].start + b->records[1].len);
        cr_assert_eq(housekeeping(b), 1);
        txb_close(b); /* that all can be ended, too */
        free(ring);
    }
}

/* Of core's command and that of tx_end only one is out, so that nobody can take the answer to one
 * for the other's when the direction ends. */
Test(tx_keys, one_command_at_a_time)
{
    for (unsigned first = 0; first < 2; first++) {
        struct txb_how how = how_of(0);
        struct txb *b = txb_begin(&how);
        const struct weir_cmd *command;

        txb_records(b, 1, 500);
        rekey(b);
        txb_goes(b, 0, b->len, WEIR_MLX5_DEVICE);
        txb_acked(b, b->len);
        if (first == 0) {
            cr_assert_eq(weir_mlx5_tx_end(b->ctx, &b->sq, false, &command), WEIR_PENDING);
            cr_assert_eq(begin_rekey(b), WEIR_PENDING);
            txb_goes_somehow(b, b->acked, b->len - b->acked, 0);
            txb_acked(b, b->len);
            cr_assert_null(weir_tx_command(&b->tx));
            struct weir_done done = txb_command(b, command);
            weir_mlx5_tx_ended(b->ctx, &done);
        } else {
            cr_assert_eq(begin_rekey(b), WEIR_PENDING);
            cr_assert_not_null(weir_tx_command(&b->tx));
            cr_assert_eq(weir_mlx5_tx_end(b->ctx, &b->sq, false, &command), WEIR_NEED_INPUT);
        }
        cr_assert_eq(go_on(b, WEIR_PENDING), WEIR_OK);
        cr_assert_leq(housekeeping(b), 2);
        txb_records(b, 1, 500);
        txb_goes_somehow(b, b->records[b->count - 1].start, 500, 0);
        txb_close(b);
    }
}
