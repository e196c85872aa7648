/* SPDX-License-Identifier: BSD-2-Clause */
/* That the proving ground notices what it is there to notice. */
#include "sim/device.h"

#include <criterion/criterion.h>
#include <limits.h>
#include <string.h>
#include TEST_HEADER

static struct sim_device_config config_of(const struct weir_aead *aead)
{
    struct sim_device_config config;

    sim_device_defaults(&config, aead);
    config.seed = 11;
    return config;
}

static void fails(const struct sim_device_config *config, const char *words)
{
    struct sim_device_report report;

    cr_assert(!sim_device_run(config, &report));
    cr_assert(report.failed);
    cr_assert_not_null(strstr(report.text, words), "%s", report.text);
}

static weir_status bad_keystream(void *ctx, const uint8_t nonce[WEIR_IV_LEN], uint64_t offset,
                                 const uint8_t *in, uint8_t *out, size_t len)
{
    weir_status status = TEST_AEAD.keystream(ctx, nonce, offset, in, out, len);

    if (offset > 0 && len > 0)
        out[len - 1] ^= 1;
    return status;
}

static weir_status bad_seal(void *ctx, const struct weir_aead_op *op)
{
    weir_status status = TEST_AEAD.seal(ctx, op);

    op->tag[15] ^= 0x80;
    return status;
}

/* A quiet run is a good one; so what fails below fails for its own reason. */
Test(device_checks, a_quiet_run_stays_on_the_card)
{
    struct sim_device_config config = config_of(&TEST_AEAD);
    struct sim_device_report report;

    cr_assert(sim_device_run(&config, &report), "%s", report.text);
    cr_assert_eq(report.content, 65536);
    cr_assert_eq(report.segments[WEIR_MLX5_SOFTWARE], 0);
    cr_assert_eq(report.segments[WEIR_MLX5_DROPPED], 0);
    cr_assert_eq(report.gaps, 0);
    cr_assert_leq(report.starts, 1);
    cr_assert_eq(report.tx.tx_bytes_ooo, 0);
    cr_assert_eq(report.tx.tx_packets, report.segments[WEIR_MLX5_DEVICE]);
    cr_assert_eq(report.complaints, 0);
}

Test(device_checks, a_quiet_run_is_received_decrypted)
{
    struct sim_device_config config = config_of(&TEST_AEAD);
    struct sim_device_report report;

    config.send = false;
    config.receive = true;
    cr_assert(sim_device_run(&config, &report), "%s", report.text);
    cr_assert_eq(report.content, 65536);
    cr_assert_gt(report.came[2], 0);
    cr_assert_eq(report.came[0] + report.came[1], 0);
    cr_assert_eq(report.rx.rx_packets, report.rx.rx_decrypted_ok_packets);
    cr_assert_eq(report.complaints, 0);
}

/* A card that lets a byte of a packet go wrong is caught by the tag. */
Test(device_checks, what_weir_undoes_has_to_be_right)
{
    struct weir_aead aead = TEST_AEAD;
    struct sim_device_config config = config_of(&aead);

    aead.keystream = bad_keystream;
    config.send = false;
    config.receive = true;
    config.link.loss = 50000;
    fails(&config, "receiving ended");
}

Test(device_checks, a_bit_of_keystream_is_seen_on_the_wire)
{
    struct weir_aead aead = TEST_AEAD;
    struct sim_device_config config = config_of(&aead);

    aead.keystream = bad_keystream;
    config.link.loss = 100000;
    config.policy = WEIR_MLX5_FALLBACK;
    fails(&config, "not what encryption makes of it");
}

Test(device_checks, a_bit_of_a_tag_is_seen_on_the_wire)
{
    struct weir_aead aead = TEST_AEAD;
    struct sim_device_config config = config_of(&aead);

    aead.seal = bad_seal;
    config.link.loss = 200000;
    config.policy = WEIR_MLX5_FALLBACK;
    config.bytes = 300000;
    config.record = 1000;
    fails(&config, "not what encryption makes of it");
}

Test(device_checks, a_wrong_record_in_software_is_seen)
{
    struct weir_aead aead = TEST_AEAD;
    struct sim_device_config config = config_of(&aead);

    aead.seal = bad_seal;
    config.before = UINT_MAX;
    fails(&config, "is not what TLS makes of its content");
}

/* Two plaintexts under one nonce would give both away. */
Test(device_checks, a_changed_plaintext_never_leaves_when_it_is_checked)
{
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct sim_device_config config = config_of(&TEST_AEAD);
        struct sim_device_report report;

        config.seed = seed;
        config.policy = (enum weir_mlx5_policy)(seed % 3);
        config.driver = seed % 2 == 0 ? WEIR_MLX5_AS_FREEBSD : WEIR_MLX5_AS_LINUX;
        config.link.loss = 100000;
        config.checks = 64;
        config.change = true;
        cr_assert(sim_device_run(&config, &report), "seed %llu: %s", (unsigned long long)seed,
                  report.text);
        cr_assert_eq(report.dead, 1, "seed %llu", (unsigned long long)seed);
    }
}

Test(device_checks, a_changed_plaintext_is_seen_on_the_wire_when_it_is_not)
{
    struct sim_device_config config = config_of(&TEST_AEAD);

    config.link.loss = 100000;
    config.policy = WEIR_MLX5_FALLBACK;
    config.change = true;
    fails(&config, "not what encryption makes of it");
}

/* What is changed behind TCP's back is refused by TLS, and nothing of it is taken for content. */
Test(device_checks, damage_that_tcp_cannot_see_ends_the_connection)
{
    uint64_t dead = 0;

    for (uint64_t seed = 0; seed < 50; seed++) {
        struct sim_device_config config = config_of(&TEST_AEAD);
        struct sim_device_report report;

        config.seed = seed;
        config.receive = seed % 2 == 0;
        config.link.corrupt_past = 20000;
        cr_assert(sim_device_run(&config, &report), "seed %llu: %s", (unsigned long long)seed,
                  report.text);
        dead += report.dead;
        if (report.dead == 0)
            cr_assert_eq(report.content, config.bytes * (1 + (unsigned)config.receive), "seed %llu",
                         (unsigned long long)seed);
    }
    cr_assert_gt(dead, 20);
}

Test(device_checks, software_alone_carries_it_too)
{
    struct sim_device_config config = config_of(&TEST_AEAD);
    struct sim_device_report report;

    config.before = UINT_MAX;
    config.receive = true;
    config.flows = SIM_DEVICE_FLOWS;
    config.link.loss = 100000;
    cr_assert(sim_device_run(&config, &report), "%s", report.text);
    cr_assert_eq(report.segments[WEIR_MLX5_DEVICE], 0);
    cr_assert_eq(report.content, (uint64_t)2 * SIM_DEVICE_FLOWS * config.bytes);
}
