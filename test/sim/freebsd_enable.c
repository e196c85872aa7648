/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The FreeBSD model, sections 2.1 to 2.5 of docs/reference/freebsd-ktls.md: one test for each row
 * of its tables, named after it.
 */
#include "freebsd_bed.h"

#include <criterion/criterion.h>
#include <string.h>

/* On a fresh host of the release, the option answers this. */
static void answers(enum sim_freebsd_release release, int option, const struct params *p, int error)
{
    struct bed bed;

    bed_begin(&bed, release);
    cr_assert_eq(bed_enable(&bed, option, p), error, "%s on %d, option %d: %d, not %d", p->name,
                 (int)release, option, error == 0 ? bed.s->err : 0, error);
    cr_assert((bed_mode(&bed, option) != NONE) == (error == 0));
    bed_end(&bed);
}

static void answers_14_15(int option, const struct params *p, int error)
{
    answers(SIM_FREEBSD_14, option, p, error);
    answers(SIM_FREEBSD_15, option, p, error);
}

/* 2.1: options 39 and 41 are set, not got; 42 is got, not set; a mode is four bytes. */
Test(freebsd_2_1, which_options_are_set_and_got)
{
    struct bed bed;
    uint8_t bytes[64];
    size_t len = sizeof bytes;
    int32_t mode = SW;

    bed_begin(&bed, SIM_FREEBSD_15);
    cr_assert_eq(sim_freebsd_getsockopt(bed.s, 6, 39, bytes, &len), -1);
    cr_assert_eq(bed.s->err, 42);
    cr_assert_eq(sim_freebsd_getsockopt(bed.s, 6, 41, bytes, &len), -1);
    cr_assert_eq(bed.s->err, 42);
    cr_assert_eq(sim_freebsd_setsockopt(bed.s, 6, 42, &mode, 4), -1);
    cr_assert_eq(bed.s->err, 42);
    cr_assert_eq(sim_freebsd_setsockopt(bed.s, 6, 40, &mode, 3), -1);
    cr_assert_eq(bed.s->err, 22);
    cr_assert_eq(sim_freebsd_setsockopt(bed.s, 6, 43, &mode, 4), -1);
    cr_assert_eq(bed.s->err, 42);
    cr_assert_eq(bed_mode(&bed, TXTLS), NONE);
    cr_assert_eq(bed_mode(&bed, RXTLS), NONE);
    bed.s->listening = true;
    cr_assert_eq(sim_freebsd_getsockopt(bed.s, 6, 40, &mode, &len), -1);
    cr_assert_eq(bed.s->err, 22);
    bed_end(&bed);
}

/* 2.2: rec_seq is big-endian at 50 (38); the struct without it is known by its size. */
Test(freebsd_2_2, rec_seq_and_sizes)
{
    static const enum sim_freebsd_release releases[] = {SIM_FREEBSD_13, SIM_FREEBSD_14,
                                                        SIM_FREEBSD_15};
    struct params p = gcm12;

    p.seq = 0x0102030405060708u;
    for (int i = 0; i < 3 * 2; i++) {
        struct bed bed;
        uint8_t bytes[64];
        size_t len, old;

        bed_begin(&bed, releases[i / 2]);
        bed.host.ilp32 = i % 2 == 1;
        old = bed.host.ilp32 ? 40 : 56;
        if (bed.host.ilp32) {
            sim_freebsd_map(&bed.host, 0x1000, bed.key, sizeof bed.key);
            sim_freebsd_map(&bed.host, 0x2000, bed.iv, sizeof bed.iv);
        }
        len = bed_layout(&bed, &p, bytes);
        cr_assert_eq(bytes[bed.host.ilp32 ? 38 : 50], 1);
        cr_assert_eq(sim_freebsd_setsockopt(bed.s, 6, TXTLS, bytes, len), 0);
        cr_assert_eq(bed.s->tx_seq, p.seq);
        cr_assert_arr_eq(bed.s->tx.key, bed.key, 16);
        cr_assert_arr_eq(bed.s->tx.iv, bed.iv, 4);
        cr_assert_eq(sim_freebsd_setsockopt(bed.s, 6, RXTLS, bytes, old),
                     releases[i / 2] == SIM_FREEBSD_15 ? 0 : -1);
        bed_socket(&bed);
        cr_assert_eq(sim_freebsd_setsockopt(bed.s, 6, TXTLS, bytes, len - 1), -1);
        cr_assert_eq(bed.s->err, 22);
        cr_assert_eq(sim_freebsd_setsockopt(bed.s, 6, TXTLS, bytes, old + 1), -1);
        cr_assert_eq(bed.s->err, 22);
        cr_assert_eq(sim_freebsd_setsockopt(bed.s, 6, TXTLS, bytes, old), 0);
        cr_assert_eq(bed.s->tx_seq, 0);
        bed_end(&bed);
    }
}

Test(freebsd_2_4, AES_GCM_and_ChaCha20)
{
    for (size_t i = 0; i < SUITES; i++) {
        answers(SIM_FREEBSD_13, TXTLS, &suites[i], 0);
        answers_14_15(TXTLS, &suites[i], 0);
        answers(SIM_FREEBSD_13, RXTLS, &suites[i], suites[i].vminor == 3 ? 0 : 45);
        answers_14_15(RXTLS, &suites[i], 0);
    }
}

Test(freebsd_2_4, AES_CBC)
{
    for (size_t i = 0; i < CBC_SUITES; i++) {
        answers(SIM_FREEBSD_13, TXTLS, &cbc_suites[i], 0);
        answers_14_15(TXTLS, &cbc_suites[i], 0);
        answers(SIM_FREEBSD_13, RXTLS, &cbc_suites[i], 45);
        answers_14_15(RXTLS, &cbc_suites[i], i == 0 ? 43 : 0);
    }
}

/* One parameter of a good row changed: EINVAL, both ways, and nothing is set. */
static void refused(struct params p)
{
    answers_14_15(TXTLS, &p, 22);
    answers_14_15(RXTLS, &p, 22);
}

Test(freebsd_2_4, AES_GCM_refused)
{
    struct params p = gcm12;

    p.key_len = 24;
    p.name = "AES-192";
    refused(p);
    answers(SIM_FREEBSD_13, TXTLS, &p, 45); /* its framework forgets why */
    p = gcm12;
    p.iv_len = 12;
    p.name = "1.2 with an IV of 1.3";
    refused(p);
    p = gcm13;
    p.iv_len = 4;
    p.name = "1.3 with a salt";
    refused(p);
    p = gcm13;
    p.auth = 7;
    p.name = "an auth_algorithm";
    refused(p);
    p = gcm13;
    p.auth_len = 20;
    p.name = "a MAC key";
    refused(p);
    for (int vminor = 1; vminor <= 2; vminor++) {
        p = gcm12;
        p.vminor = vminor;
        p.name = "GCM on 1.0 and 1.1";
        refused(p);
        answers(SIM_FREEBSD_13, TXTLS, &p, 45);
    }
}

Test(freebsd_2_4, ChaCha20_refused)
{
    struct params p = suites[5];

    for (int vminor = 1; vminor <= 2; vminor++) {
        p.vminor = vminor;
        refused(p);
    }
    p = suites[5];
    p.key_len = 16;
    refused(p);
    p = suites[4];
    p.iv_len = 4;
    refused(p);
}

Test(freebsd_2_4, AES_CBC_refused)
{
    struct params p = cbc_suites[3];

    p.vminor = 4;
    p.name = "CBC with 1.3";
    refused(p);
    for (int vminor = 1; vminor <= 2; vminor++) {
        p = cbc_suites[3];
        p.vminor = vminor;
        p.iv_len = 16;
        p.name = "SHA-2 on 1.0 and 1.1";
        refused(p);
    }
    p = cbc_suites[2];
    p.auth_len = 0;
    p.name = "no MAC key";
    refused(p);
    p = cbc_suites[0];
    p.iv_len = 8;
    p.name = "1.0 without its first IV";
    answers_14_15(TXTLS, &p, 22);
}

/* The NIC takes AES-GCM, and each of its four by a bit of the firmware's. */
Test(freebsd_2_4, NIC_subset)
{
    static const uint32_t bits[SUITES] = {SIM_NIC_TLS12_GCM128,
                                          SIM_NIC_TLS12_GCM256,
                                          SIM_NIC_TLS13_GCM128,
                                          SIM_NIC_TLS13_GCM256,
                                          0,
                                          0};
    struct bed bed;

    bed_begin(&bed, SIM_FREEBSD_15);
    for (size_t i = 0; i < SUITES; i++) {
        for (uint32_t have = 0; have <= 15; have++) {
            bed.host.mce[0].suites = have;
            bed_socket(&bed);
            bed_on(&bed, TXTLS, &suites[i]);
            cr_assert_eq(bed_mode(&bed, TXTLS), (have & bits[i]) != 0 ? IFNET : SW);
        }
    }
    bed_end(&bed);
    for (size_t i = 0; i < CBC_SUITES; i++) {
        bed_begin(&bed, SIM_FREEBSD_15);
        bed_on(&bed, TXTLS, &cbc_suites[i]);
        cr_assert_eq(bed_mode(&bed, TXTLS), SW);
        bed_end(&bed);
    }
}

Test(freebsd_2_5, EOPNOTSUPP)
{
    struct bed bed;

    bed_begin(&bed, SIM_FREEBSD_15);
    bed.host.enable = false;
    cr_assert_eq(bed_enable(&bed, TXTLS, &gcm13), 45);
    cr_assert_eq(bed_enable(&bed, RXTLS, &gcm13), 45);
    cr_assert_eq(bed.host.stats.enable_calls, 0);
    bed.host.enable = true;
    bed.host.rx_enable = false;
    cr_assert_eq(bed_enable(&bed, RXTLS, &gcm13), 45);
    cr_assert_eq(bed_enable(&bed, TXTLS, &gcm13), 0);
    bed_end(&bed);
    bed_begin(&bed, SIM_FREEBSD_14); /* which has no rx_enable */
    bed.host.rx_enable = false;
    cr_assert_eq(bed_enable(&bed, RXTLS, &gcm13), 0);
    bed.host.cbc_enable = false;
    cr_assert_eq(bed_enable(&bed, TXTLS, &cbc_suites[3]), 45);
    cr_assert_eq(bed_enable(&bed, TXTLS, &gcm13), 0);
    bed_end(&bed);
    bed_begin(&bed, SIM_FREEBSD_13);
    bed.host.ktls_ocf = false;
    cr_assert_eq(bed_enable(&bed, TXTLS, &gcm12), 45);
    cr_assert_eq(bed_enable(&bed, RXTLS, &gcm12), 45);
    bed.host.ktls_ocf = true;
    cr_assert_eq(bed_enable(&bed, TXTLS, &gcm12), 0);
    bed_end(&bed);
}

Test(freebsd_2_5, ENOPROTOOPT)
{
    struct bed bed;
    uint8_t bytes[64];
    int32_t mode;
    size_t len;

    bed_begin(&bed, SIM_FREEBSD_15);
    bed.host.kern_tls = false;
    cr_assert_eq(bed_enable(&bed, TXTLS, &gcm13), 42);
    cr_assert_eq(bed_enable(&bed, RXTLS, &gcm13), 42);
    cr_assert_eq(bed_switch(&bed, SW), 42);
    len = sizeof mode;
    cr_assert_eq(sim_freebsd_getsockopt(bed.s, 6, 40, &mode, &len), -1);
    cr_assert_eq(bed.s->err, 42);
    bed.host.kern_tls = true;
    len = bed_layout(&bed, &gcm13, bytes);
    cr_assert_eq(sim_freebsd_setsockopt(bed.s, 17, TXTLS, bytes, len), -1);
    cr_assert_eq(bed.s->err, 42);
    cr_assert_eq(bed_enable(&bed, TXTLS, &gcm13), 0);
    bed_end(&bed);
}

/* There is no rekey: not with other keys, not with the same. Each direction is for itself. */
Test(freebsd_2_5, EALREADY)
{
    struct bed bed;

    for (int option = TXTLS; option <= RXTLS; option += RXTLS - TXTLS) {
        bed_begin(&bed, SIM_FREEBSD_14);
        bed_on(&bed, option, &gcm13);
        cr_assert_eq(bed_enable(&bed, option, &gcm13), 37);
        bed.key[0] ^= 1;
        cr_assert_eq(bed_enable(&bed, option, &gcm13), 37);
        cr_assert_eq(bed_enable(&bed, option == TXTLS ? RXTLS : TXTLS, &gcm13), 0);
        cr_assert_eq(bed.host.stats.active, 2);
        bed_end(&bed);
    }
    bed_begin(&bed, SIM_FREEBSD_15);
    bed.s->splice_races = true;
    cr_assert_eq(bed_enable(&bed, RXTLS, &gcm13), 37);
    cr_assert_eq(bed_enable(&bed, TXTLS, &gcm13), 0);
    bed_end(&bed);
}

Test(freebsd_2_5, ENXIO)
{
    struct bed bed;

    bed_begin(&bed, SIM_FREEBSD_15);
    bed.host.mb_use_ext_pgs = 0;
    cr_assert_eq(bed_enable(&bed, TXTLS, &gcm13), 6);
    cr_assert_eq(bed_enable(&bed, RXTLS, &gcm13), 0); /* only TX needs them */
    bed_end(&bed);
    bed_begin(&bed, SIM_FREEBSD_15);
    bed.host.threads_fail = true;
    cr_assert_eq(bed_enable(&bed, TXTLS, &gcm13), 6);
    cr_assert_eq(bed_enable(&bed, RXTLS, &gcm13), 6);
    bed_end(&bed);
}

Test(freebsd_2_5, EINVAL)
{
    struct params p;
    struct bed bed;

    for (int vmajor = 2; vmajor <= 4; vmajor += 2) {
        p = gcm12;
        p.vmajor = vmajor;
        refused(p);
    }
    for (int vminor = 0; vminor <= 5; vminor += 5) {
        p = gcm12;
        p.vminor = vminor;
        refused(p);
    }
    for (uint32_t flag = 1; flag != 0; flag <<= 1) {
        p = gcm12;
        p.flags = (int)flag;
        refused(p);
    }
    p = gcm12;
    p.cipher = 26;
    refused(p);
    p = gcm12;
    p.key_len = 0;
    refused(p);
    p.key_len = -1;
    refused(p);
    p.key_len = 1025;
    refused(p);
    p = gcm12;
    p.iv_len = 17;
    refused(p);
    bed_begin(&bed, SIM_FREEBSD_15);
    bed.s->listening = true;
    cr_assert_eq(bed_enable(&bed, TXTLS, &gcm12), 22);
    cr_assert_eq(bed_enable(&bed, RXTLS, &gcm12), 22);
    bed.s->listening = false;
    bed.s->spliced = true;
    cr_assert_eq(bed_enable(&bed, TXTLS, &gcm12), 22);
    cr_assert_eq(bed_enable(&bed, RXTLS, &gcm12), 22);
    bed_end(&bed);
}

/* The interface has no part in what the framework refuses; 14 and later say it, 13 does not. */
Test(freebsd_2_5, EPROTONOSUPPORT)
{
    struct bed bed;

    answers_14_15(RXTLS, &cbc_suites[0], 43);
    answers(SIM_FREEBSD_13, RXTLS, &cbc_suites[0], 45);
    bed_begin(&bed, SIM_FREEBSD_15);
    bed.host.session_error = 43;
    cr_assert_eq(bed_enable(&bed, RXTLS, &gcm13), 43);
    bed.host.ifnet_permitted = 0;
    cr_assert_eq(bed_enable(&bed, TXTLS, &gcm13), 43);
    bed.host.ifnet_permitted = 1;
    cr_assert_eq(bed_enable(&bed, TXTLS, &gcm13), 0); /* the NIC needs no framework */
    bed_end(&bed);
}

Test(freebsd_2_5, EFAULT)
{
    struct bed bed;
    uint8_t bytes[64];
    size_t len;

    for (int release = 13; release <= 15; release++) {
        bed_begin(&bed, (enum sim_freebsd_release)release);
        for (size_t pointer = 0; pointer < 2; pointer++) {
            len = bed_layout(&bed, &gcm12, bytes);
            memset(bytes + 8 * pointer, 0, 8);
            cr_assert_eq(sim_freebsd_setsockopt(bed.s, 6, TXTLS, bytes, len), -1);
            cr_assert_eq(bed.s->err, 14);
            cr_assert_eq(sim_freebsd_setsockopt(bed.s, 6, RXTLS, bytes, len), -1);
            cr_assert_eq(bed.s->err, 14);
        }
        cr_assert_eq(sim_freebsd_setsockopt(bed.s, 6, TXTLS, NULL, 64), -1);
        cr_assert_eq(bed.s->err, 14);
        /* 15 copies everything in before it asks whether kTLS is on. */
        bed.host.enable = false;
        cr_assert_eq(sim_freebsd_setsockopt(bed.s, 6, TXTLS, bytes, len), -1);
        cr_assert_eq(bed.s->err, release == 15 ? 14 : 45);
        bed_end(&bed);
    }
    bed_begin(&bed, SIM_FREEBSD_14); /* one byte short of the key */
    sim_freebsd_map(&bed.host, (uintptr_t)bed.key, bed.key, 15);
    sim_freebsd_map(&bed.host, (uintptr_t)bed.iv, bed.iv, 4);
    cr_assert_eq(bed_enable(&bed, TXTLS, &gcm12), 14);
    bed.host.maps[0].len = 16;
    cr_assert_eq(bed_enable(&bed, TXTLS, &gcm12), 0);
    bed_end(&bed);
}

Test(freebsd_2_5, ENOMEM)
{
    struct bed bed;

    bed_begin(&bed, SIM_FREEBSD_14);
    bed.host.session_error = 12;
    cr_assert_eq(bed_enable(&bed, TXTLS, &gcm12), 12);
    cr_assert_eq(bed_enable(&bed, RXTLS, &gcm12), 12);
    cr_assert_eq(bed.host.stats.active, 0);
    bed.host.session_error = 0;
    cr_assert_eq(bed_enable(&bed, TXTLS, &gcm12), 0);
    bed_end(&bed);
}

Test(freebsd_2_5, ECONNRESET)
{
    struct bed bed;

    bed_begin(&bed, SIM_FREEBSD_15);
    sim_pipe_reset(bed.in);
    cr_assert_eq(bed_enable(&bed, TXTLS, &gcm12), 54);
    cr_assert_eq(bed_enable(&bed, RXTLS, &gcm12), 54);
    cr_assert_eq(bed_switch(&bed, SW), 54);
    bed_end(&bed);
}

/* Success does not tell which mode was chosen, and a NIC that refuses is no error. */
Test(freebsd_2_5, success_tells_no_mode)
{
    struct bed bed;

    bed_begin(&bed, SIM_FREEBSD_15);
    bed_on(&bed, TXTLS, &gcm12);
    cr_assert_eq(bed_mode(&bed, TXTLS), IFNET);
    bed.host.mce[0].tls = false;
    bed_socket(&bed);
    bed_on(&bed, TXTLS, &gcm12);
    cr_assert_eq(bed_mode(&bed, TXTLS), SW);
    cr_assert_eq(bed.host.stats.sw_gcm, 1);
    cr_assert_eq(bed.host.stats.ifnet_gcm, 0);
    bed_end(&bed);
}
