/* SPDX-License-Identifier: BSD-2-Clause */
/* Every fault of the card, at every step: the connection goes on in software, or ends with a sticky
 * status; no byte is ever wrong. */
#include "sim/device.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include TEST_HEADER

static const struct kind {
    const char *name;
    unsigned call;
    uint64_t count;
    struct sim_fault fault;
} kinds[] = {
    {"the table of keys is full", SIM_NIC_COMMAND, 1, {SIM_FAULT_ERRNO, 8, 0}},
    {"a command fails", SIM_NIC_COMMAND, 1, {SIM_FAULT_ERRNO, 0x0f, 0}},
    {"all commands fail", SIM_NIC_COMMAND, UINT64_MAX, {SIM_FAULT_ERRNO, 0x0f, 0}},
    {"a command is late", SIM_NIC_COMMAND, 1, {SIM_FAULT_SHORT, 0, 50}},
    {"a command is later than anybody waits", SIM_NIC_COMMAND, 1, {SIM_FAULT_SHORT, 0, 2500}},
    {"a command is never answered", SIM_NIC_COMMAND, 1, {SIM_FAULT_SHORT, 0, SIM_NIC_NEVER}},
    {"an entry fails", SIM_NIC_ENTRY, 1, {SIM_FAULT_ERRNO, 2, 0}},
    {"an entry is late", SIM_NIC_ENTRY, 1, {SIM_FAULT_SHORT, 0, 40}},
    {"an entry never completes", SIM_NIC_ENTRY, 1, {SIM_FAULT_SHORT, 0, SIM_NIC_NEVER}},
    {"a doorbell is lost", SIM_NIC_DOORBELL, 1, {SIM_FAULT_ERRNO, 1, 0}},
    {"all doorbells are lost for a while", SIM_NIC_DOORBELL, 20, {SIM_FAULT_ERRNO, 1, 0}},
    {"the card goes at a command", SIM_NIC_COMMAND, 1, {SIM_FAULT_ERRNO, SIM_NIC_GONE, 0}},
    {"the card goes at an entry", SIM_NIC_ENTRY, 1, {SIM_FAULT_ERRNO, SIM_NIC_GONE, 0}},
    {"the card goes at a doorbell", SIM_NIC_DOORBELL, 1, {SIM_FAULT_ERRNO, SIM_NIC_GONE, 0}},
};

static unsigned stride(void)
{
    const char *small = getenv("WEIR_TEST_SMALL");

    return small != NULL && strcmp(small, "1") == 0 ? 7 : 1;
}

static void configure(struct sim_device_config *config, unsigned variant, struct sim_faults *faults)
{
    sim_device_defaults(config, &TEST_AEAD);
    config->seed = 40 + variant;
    config->flows = 2;
    config->bytes = 12000;
    config->record = 3000;
    config->link.loss = 40000;
    config->queue = 128;
    config->signal = variant % 2 == 0 ? 0 : 8;
    config->driver = variant % 2 == 0 ? WEIR_MLX5_AS_FREEBSD : WEIR_MLX5_AS_LINUX;
    config->policy = (enum weir_mlx5_policy)(variant % 3);
    config->version = variant % 4 < 2 ? WEIR_TLS12 : WEIR_TLS13;
    config->hold = variant == 2 ? 500000 : 0;
    config->receive = variant >= 4;
    config->send = variant < 6;
    config->trigger = variant % 2 == 0 ? WEIR_MLX5_TRIGGER_FREEBSD : WEIR_MLX5_TRIGGER_LINUX;
    config->trust = variant == 5 || variant == 6;
    config->faults = faults;
}

static uint64_t content(const struct sim_device_config *config)
{
    return config->bytes * config->flows * (config->send + (unsigned)config->receive);
}

/* A kind at every step of one variant. */
static void at_every_step(const struct kind *kind, unsigned variant)
{
    struct sim_device_config config;
    struct sim_device_report report;
    struct sim_faults faults = {0};

    configure(&config, variant, &faults);
    cr_assert(sim_device_run(&config, &report), "%u without a fault: %s", variant, report.text);
    uint64_t all = faults.calls[kind->call];
    cr_assert_gt(all, 1);
    for (uint64_t n = 1; n <= all; n += stride()) {
        sim_faults_clear(&faults);
        cr_assert(sim_faults_plan(&faults, kind->call, n, kind->count, kind->fault));
        cr_assert(sim_device_run(&config, &report), "%s, variant %u, step %llu: flow %u: %s",
                  kind->name, variant, (unsigned long long)n, report.flow, report.text);
        cr_assert_gt(faults.struck, 0);
        /* Nothing is lost but by a direction that has said so. */
        if (report.dead == 0)
            cr_assert_eq(report.content, content(&config), "%s, variant %u, step %llu", kind->name,
                         variant, (unsigned long long)n);
    }
}

static void variant(unsigned which)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        at_every_step(&kinds[i], which);
}

Test(device_faults, as_freebsd_tls12)
{
    variant(0);
}

Test(device_faults, as_linux_tls12)
{
    variant(1);
}

Test(device_faults, as_freebsd_tls13)
{
    variant(2);
}

Test(device_faults, as_linux_tls13)
{
    variant(3);
}

Test(device_faults, both_ways_as_freebsd)
{
    variant(4);
}

Test(device_faults, both_ways_as_linux)
{
    variant(5);
}

Test(device_faults, receiving_as_freebsd)
{
    variant(6);
}

Test(device_faults, receiving_as_linux)
{
    variant(7);
}

/* Commands that fail leave the direction in software, and say so. */
Test(device_faults, without_keys_everything_is_software)
{
    struct sim_device_config config;
    struct sim_device_report report;
    struct sim_faults faults = {0};

    configure(&config, 0, &faults);
    cr_assert(sim_faults_plan(&faults, SIM_NIC_COMMAND, 1, UINT64_MAX, sim_fault_errno(8)));
    cr_assert(sim_device_run(&config, &report), "%s", report.text);
    cr_assert_eq(report.software, 2);
    cr_assert_eq(report.dead, 0);
    cr_assert_eq(report.segments[WEIR_MLX5_DEVICE], 0);
    cr_assert_eq(report.content, content(&config));
}

/* A card that goes in the middle: what was framed for it goes out in software. */
Test(device_faults, gone_in_the_middle)
{
    struct sim_device_config config;
    struct sim_device_report report;
    struct sim_faults faults = {0};

    configure(&config, 0, &faults);
    cr_assert(sim_faults_plan(&faults, SIM_NIC_ENTRY, 12, 1, sim_fault_errno(SIM_NIC_GONE)));
    cr_assert(sim_device_run(&config, &report), "%s", report.text);
    cr_assert_gt(report.segments[WEIR_MLX5_DEVICE], 0);
    cr_assert_gt(report.segments[WEIR_MLX5_SOFTWARE], 10);
    cr_assert_eq(report.dead, 0);
    cr_assert_eq(report.content, content(&config));
}
