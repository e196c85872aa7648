/* SPDX-License-Identifier: BSD-2-Clause */
/* The device engine over ten thousand seeds. A seed that fails here is run again by
 * `weir sim --seed N`. */
#include "sim/device.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include TEST_HEADER

/* Four cases, so that two processors have something to do. */
#define QUARTER 2500u

static unsigned quarter(void)
{
    const char *small = getenv("WEIR_TEST_SMALL");

    return small != NULL && strcmp(small, "1") == 0 ? QUARTER / 20 : QUARTER;
}

static void run(uint64_t seed, struct sim_device_report *report)
{
    struct sim_device_config config = {.aead = &TEST_AEAD};

    sim_device_draw(&config, seed);
    (void)sim_device_run(&config, report);
    cr_assert(!report->failed, "seed %llu, flow %u: %s", (unsigned long long)seed, report->flow,
              report->text);
    cr_assert_eq(report->content,
                 config.bytes * config.flows * (config.send + (unsigned)config.receive),
                 "seed %llu", (unsigned long long)seed);
}

static void run_quarter(unsigned which)
{
    struct sim_device_report sum = {0}, one;

    for (unsigned i = 0; i < quarter(); i++) {
        run(which * QUARTER + i, &one);
        for (unsigned way = 0; way < 4; way++)
            sum.segments[way] += one.segments[way];
        sum.gaps += one.gaps;
        sum.starts += one.starts;
        sum.tx.tx_bytes_ooo += one.tx.tx_bytes_ooo;
        sum.tx.tx_tags += one.tx.tx_tags;
        sum.tcp.again += one.tcp.again;
        sum.out.too_big += one.out.too_big;
        sum.out.corrupted += one.out.corrupted;
        for (unsigned how = 0; how < 3; how++)
            sum.came[how] += one.came[how];
        sum.rx.rx_confirmed += one.rx.rx_confirmed;
        sum.rx.rx_lost_packets += one.rx.rx_lost_packets;
        sum.software += one.software;
        sum.dead += one.dead;
    }
    /* Every way has been gone, and nobody was left behind. */
    cr_assert_gt(sum.segments[WEIR_MLX5_DEVICE], 10 * quarter());
    cr_assert_gt(sum.segments[WEIR_MLX5_SOFTWARE], quarter());
    cr_assert_gt(sum.segments[WEIR_MLX5_UNTOUCHED], quarter());
    cr_assert_gt(sum.gaps, 0);
    cr_assert_gt(sum.starts, quarter());
    cr_assert_gt(sum.tx.tx_bytes_ooo, 0);
    cr_assert_gt(sum.tx.tx_tags, 0);
    cr_assert_gt(sum.tcp.again, quarter());
    for (unsigned i = 0; i < 3; i++)
        cr_assert_gt(sum.came[i], quarter() / 10);
    cr_assert_gt(sum.rx.rx_confirmed, quarter() / 20);
    cr_assert_gt(sum.rx.rx_lost_packets, quarter() / 20);
    cr_assert_gt(sum.out.too_big, 0);
    cr_assert_gt(sum.out.corrupted, 0);
    cr_assert_eq(sum.software, 0);
    cr_assert_eq(sum.dead, 0);
}

Test(device_seeds, first_quarter)
{
    run_quarter(0);
}

Test(device_seeds, second_quarter)
{
    run_quarter(1);
}

Test(device_seeds, third_quarter)
{
    run_quarter(2);
}

Test(device_seeds, fourth_quarter)
{
    run_quarter(3);
}

Test(device_seeds, equal_seeds_give_equal_traces)
{
    uint64_t last = 0;

    for (uint64_t seed = 20000; seed < 20060; seed++) {
        struct sim_device_report a, b;

        run(seed, &a);
        run(seed, &b);
        cr_assert_eq(a.digest, b.digest, "seed %llu", (unsigned long long)seed);
        cr_assert_eq(a.ticks, b.ticks);
        cr_assert_neq(a.digest, last);
        last = a.digest;
    }
}

/* Each version, key size, variant and policy by itself, at a fifth lost. */
Test(device_seeds, every_combination_at_the_worst_loss)
{
    for (unsigned i = 0; i < 2 * 2 * 2 * 3; i++) {
        struct sim_device_config config = {.aead = &TEST_AEAD};
        struct sim_device_report report;

        sim_device_draw(&config, 30000 + i);
        config.version = i % 2 == 0 ? WEIR_TLS12 : WEIR_TLS13;
        config.key_bits = i / 2 % 2 == 0 ? 128 : 256;
        config.driver = i / 4 % 2 == 0 ? WEIR_MLX5_AS_FREEBSD : WEIR_MLX5_AS_LINUX;
        config.policy = (enum weir_mlx5_policy)(i / 8);
        config.link.loss = 200000;
        config.link.reorder = 50000;
        config.link.duplicate = 50000;
        config.flows = 2;
        config.bytes = 100000;
        (void)sim_device_run(&config, &report);
        cr_assert(!report.failed, "%u: flow %u: %s", i, report.flow, report.text);
        cr_assert_gt(report.out.lost, 10);
        cr_assert_gt(report.segments[WEIR_MLX5_DEVICE], 0);
        if (config.policy == WEIR_MLX5_RESYNC)
            cr_assert_eq(report.segments[WEIR_MLX5_SOFTWARE], 0);
        else
            cr_assert_gt(report.segments[WEIR_MLX5_SOFTWARE], 0);
    }
}
