/* SPDX-License-Identifier: BSD-2-Clause */
/* weir's receiving engine on the model of the card, over links that lose, swap and repeat. */
#include "nic_rx_bed.h"

static const struct rx_link clean = {0, 0, 0, 1448};
static const struct rx_link bad = {60, 60, 60, 1448};

static void says_much(struct rx_bed *b, unsigned records, size_t most, bool false_headers)
{
    for (unsigned i = 0; i < records; i++)
        rx_say(b, (size_t)sim_random_below(&b->random, most), false_headers);
}

Test(nic_rx, in_order_the_card_does_it_all)
{
    for (size_t i = 0; i < 16; i++) {
        struct rx_bed *b = rx_new(&bed_suites[i % 4], i, (enum weir_mlx5_trigger)(i / 4 % 2));

        b->trust = i >= 8;
        says_much(b, 40, 3000, false);
        rx_start(b);
        rx_deliver(b, 0, &clean);
        rx_expect_all(b);
        cr_assert_eq(b->notes[0], 40);
        cr_assert_eq(weir_mlx5_rx_count(&b->card).rx_resync_ok, 0);
        weir_mlx5_rx_stop(&b->card);
        rx_pump(b);
        cr_assert(weir_mlx5_rx_stopped(&b->card));
        cr_assert_eq(sim_nic_keys(b->nic), 0);
        cr_assert_eq(sim_nic_contexts(b->nic), 0);
        rx_close(b);
    }
}

/* Begun in the middle of things: what came before stays in software, and the card comes in. */
Test(nic_rx, it_comes_in_by_a_resync)
{
    for (size_t i = 0; i < 8; i++) {
        struct rx_bed *b = rx_new(&bed_suites[i % 4], i, (enum weir_mlx5_trigger)(i / 4));

        says_much(b, 60, 2000, false);
        rx_arrives(b, 0, 5000);
        rx_start(b);
        rx_deliver(b, 9000, &clean); /* its first header is missed */
        rx_arrives(b, 5000, 4000);
        rx_expect_all(b);
        cr_assert_gt(b->notes[2], 0);
        rx_close(b);
    }
}

Test(nic_rx, links_that_lose_swap_and_repeat, .timeout = 100)
{
    uint64_t decrypted = 0, mixed = 0, encrypted = 0, confirmed = 0, tail = 0;

    for (uint64_t seed = 0; seed < 400; seed++) {
        struct rx_bed *b =
            rx_new(&bed_suites[seed % 4], seed * 77 + 1, (enum weir_mlx5_trigger)(seed / 4 % 2));
        const struct rx_link link = {(unsigned)(seed % 7) * 20, (unsigned)(seed % 5) * 20,
                                     (unsigned)(seed % 3) * 30, seed % 11 == 0 ? 200 : 1448};

        b->trust = seed % 3 == 0;
        says_much(b, 60, seed % 2 == 0 ? 1500 : 4500, seed % 4 == 1);
        rx_start(b);
        rx_deliver(b, 0, &link);
        rx_expect_all(b);
        decrypted += b->notes[0];
        mixed += b->notes[1];
        encrypted += b->notes[2];
        confirmed += b->confirmed;
        tail += b->tail_decrypted;
        cr_assert_eq(b->confirmed, weir_mlx5_rx_count(&b->card).rx_confirmed);
        rx_close(b);
    }
    cr_assert_gt(decrypted, 2000);
    cr_assert_gt(mixed, 1000);
    cr_assert_gt(encrypted, 1000);
    cr_assert_gt(confirmed, 100);
    cr_assert_gt(tail, 100);
}

/* Ciphertext full of what looks like headers: proposed, and not one is confirmed. */
Test(nic_rx, false_headers_are_never_confirmed)
{
    uint64_t denied = 0, confirmed = 0;

    for (uint64_t seed = 0; seed < 60; seed++) {
        struct rx_bed *b =
            rx_new(&bed_suites[seed % 4], seed + 5000, (enum weir_mlx5_trigger)(seed / 4 % 2));

        for (unsigned i = 0; i < 30; i++)
            rx_say(b, 5000, true);
        rx_start(b);
        rx_deliver(b, 0, &bad);
        rx_expect_all(b);
        denied += weir_mlx5_rx_count(&b->card).rx_denied;
        confirmed += b->confirmed;
        rx_close(b);
    }
    cr_assert_gt(denied, 20);
    cr_assert_gt(confirmed, 0);
}

/* A card that lies: no wrong byte comes out (take() compares), the connection dies instead. */
Test(nic_rx, a_card_that_lies)
{
    unsigned died[4] = {0};

    for (uint64_t seed = 0; seed < 90; seed++) {
        struct rx_bed *b =
            rx_new(&bed_suites[seed % 4], seed, (enum weir_mlx5_trigger)(seed / 4 % 2));
        enum rx_lie lie = (enum rx_lie)(1 + seed % 3);

        b->lie = lie;
        says_much(b, 40, 3000, false);
        rx_start(b);
        rx_deliver(b, 0, seed % 2 == 0 ? &clean : &bad);
        if (!b->dead)
            rx_expect_all(b);
        else
            cr_assert_eq(weir_rx_status(&b->rx), WEIR_E_AUTH);
        died[lie] += b->dead;
        rx_close(b);
    }
    /* What it says to be decrypted and is not can be true by chance only of what has no content. */
    cr_assert_gt(died[RX_SAYS_NOT], 25);
    cr_assert_gt(died[RX_SPOILS], 15);
}

Test(nic_rx, key_updates)
{
    unsigned restarts = 0, touched = 0;

    for (uint64_t seed = 0; seed < 60; seed++) {
        struct rx_bed *b =
            rx_new(&bed_suites[2 + seed % 2], seed, (enum weir_mlx5_trigger)(seed / 2 % 2));

        for (unsigned i = 0; i < 4; i++) {
            says_much(b, 10, 2500, false);
            rx_update(b);
        }
        says_much(b, 10, 2500, false);
        b->trust = seed % 2 == 0;
        rx_start(b);
        rx_deliver(b, 0, seed % 3 == 0 ? &clean : &bad);
        rx_expect_all(b);
        cr_assert_eq(weir_rx_counters(&b->rx).rekeys, 4);
        restarts += b->restarts;
        touched += b->notes[1] > 0;
        rx_close(b);
    }
    cr_assert_gt(restarts, 100);
    cr_assert_gt(touched, 10);
}

/* Each call of each class fails in each way, at each place: the stream comes out in software. */
Test(nic_rx, every_fault_at_every_step, .timeout = 100)
{
    static const struct {
        unsigned call;
        struct sim_fault fault;
    } faults[] = {
        {SIM_NIC_COMMAND, {SIM_FAULT_ERRNO, 8, 0}},
        {SIM_NIC_COMMAND, {SIM_FAULT_SHORT, 0, 2}},
        {SIM_NIC_COMMAND, {SIM_FAULT_SHORT, 0, SIM_NIC_NEVER}},
        {SIM_NIC_COMMAND, {SIM_FAULT_ERRNO, SIM_NIC_GONE, 0}},
        {SIM_NIC_ENTRY, {SIM_FAULT_ERRNO, 2, 0}},
        {SIM_NIC_ENTRY, {SIM_FAULT_SHORT, 0, 3}},
        {SIM_NIC_ENTRY, {SIM_FAULT_ERRNO, SIM_NIC_GONE, 0}},
        {SIM_NIC_DOORBELL, {SIM_FAULT_ERRNO, 1, 0}},
        {SIM_NIC_DOORBELL, {SIM_FAULT_ERRNO, SIM_NIC_GONE, 0}},
    };

    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        for (uint64_t nth = 1; nth < 12; nth++) {
            struct rx_bed *b =
                rx_new(&bed_suites[nth % 4], nth, (enum weir_mlx5_trigger)(nth / 4 % 2));

            sim_faults_clear(&b->faults);
            cr_assert(sim_faults_plan(&b->faults, faults[i].call, nth, 1, faults[i].fault));
            says_much(b, 30, 3000, false);
            rx_start(b);
            rx_deliver(b, 0, &bad);
            rx_expect_all(b);
            if (nth == 1)
                cr_assert_eq(b->faults.struck, 1);
            weir_mlx5_rx_stop(&b->card);
            rx_pump(b);
            weir_mlx5_rx_abandon(&b->card);
            rx_pump(b);
            cr_assert(weir_mlx5_rx_stopped(&b->card));
            rx_drop(b);
        }
    }
}

/* Answers that never come: nothing more is asked until the caller gives up. */
Test(nic_rx, answers_that_never_come)
{
    for (uint64_t seed = 0; seed < 8; seed++) {
        struct rx_bed *b = rx_new(&bed_suites[seed % 4], seed, (enum weir_mlx5_trigger)(seed / 4));

        says_much(b, 60, 1000, false);
        rx_start(b);
        b->never_answer = 1;
        rx_deliver(b, 1000, &clean);
        rx_arrives(b, 0, 1000);
        rx_expect_all(b);
        uint64_t asked = weir_mlx5_rx_count(&b->card).rx_resync_ok;
        cr_assert_eq(asked, 1);
        weir_mlx5_rx_abandon(&b->card);
        cr_assert_eq(weir_mlx5_rx_count(&b->card).rx_abandoned, 1);
        size_t from = b->len;
        says_much(b, 60, 1000, false);
        rx_deliver(b, from + 700, &clean);
        rx_arrives(b, from, 700);
        rx_expect_all(b);
        if (seed < 4)
            cr_assert_gt(weir_mlx5_rx_count(&b->card).rx_resync_ok, asked);
        rx_close(b);
    }
}
