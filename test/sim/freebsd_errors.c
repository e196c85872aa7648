/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The FreeBSD model, section 5.1 of docs/reference/freebsd-ktls.md: errors on receiving. One test
 * for each row, named after it.
 */
#include "freebsd_bed.h"

#include <criterion/criterion.h>
#include <string.h>

static uint8_t wire[70000];

/* A header that is wrong aborts the connection; what was good before is still read. */
static void aborts(const struct params *p, size_t at, uint8_t value, int error)
{
    struct bed bed;
    size_t len;

    bed_begin_on(&bed, SIM_FREEBSD_15, p);
    bed_peer(&bed, 23, text, 40);
    len = bed_seal(&bed, 23, text, 100, 0, wire);
    wire[at] = value;
    bed_wire(&bed, wire, len);
    bed_reads(&bed, 23, 40);
    bed_fails(&bed, error);
    cr_assert_eq(bed_send(&bed, -1, text, 1), -32);
    cr_assert_eq(bed.host.stats.corrupted_records, 1);
    cr_assert(sim_pipe_is_reset(bed.out));
    bed_end(&bed);
}

Test(freebsd_5_1, wrong_version_EINVAL)
{
    aborts(&gcm12, 1, 2, 22);
    aborts(&gcm12, 2, 2, 22);
    aborts(&gcm12, 2, 4, 22);
    aborts(&gcm13, 2, 4, 22);
    aborts(&suites[4], 1, 4, 22);
}

Test(freebsd_5_1, outer_type_of_1_3_EINVAL)
{
    struct bed bed;

    aborts(&gcm13, 0, 22, 22);
    aborts(&gcm13, 0, 24, 22);
    bed_begin_on(&bed, SIM_FREEBSD_15, &gcm12); /* 1.2 has its types there */
    bed_peer(&bed, 22, text, 10);
    bed_reads(&bed, 22, 10);
    bed_end(&bed);
}

/* Below the header's own length, or above 16384 + hlen + tlen; the bounds themselves are fine. */
Test(freebsd_5_1, length_EMSGSIZE)
{
    struct bed bed;
    uint8_t header[5] = {23, 3, 3, 0, 0};

    bed_begin_on(&bed, SIM_FREEBSD_15, &gcm12);
    bed_peer(&bed, 23, text, 1);
    sim_put_be16(header + 3, 7); /* an explicit nonce has 8 */
    bed_wire(&bed, header, 5);
    bed_wire(&bed, text, 8);
    bed_reads(&bed, 23, 1);
    bed_fails(&bed, 40);
    cr_assert(sim_pipe_is_reset(bed.out));
    bed_end(&bed);
    bed_begin_on(&bed, SIM_FREEBSD_15, &gcm12);
    bed_peer(&bed, 23, text, 16384);
    bed_reads(&bed, 23, 16384);
    bed_peer(&bed, 23, text, 5);
    sim_put_be16(header + 3, 8 + 16384 + 16 + 1);
    bed_wire(&bed, header, 5);
    bed_wire(&bed, text, 8);
    bed_reads(&bed, 23, 5); /* in a burst the worker looks at the next header at once */
    bed_fails(&bed, 40);
    bed_end(&bed);
}

/* On an idle connection a forged length is no error until that many bytes are there. */
Test(freebsd_5_1, length_stalls_when_idle)
{
    struct bed bed;
    uint8_t header[5] = {23, 3, 3, 0xff, 0xff};

    bed_begin_on(&bed, SIM_FREEBSD_15, &gcm12);
    bed_wire(&bed, header, 5);
    bed_wire(&bed, text, 60000);
    bed_fails(&bed, 35);
    bed_wire(&bed, text, 5534);
    bed_fails(&bed, 35);
    bed_wire(&bed, text, 1);
    bed_fails(&bed, 40);
    bed_end(&bed);
}

/* Told once; and the bytes left over stand in the way of the end of file for ever. */
Test(freebsd_5_1, FIN_within_a_record_EMSGSIZE)
{
    for (size_t cut = 1; cut < 134; cut += 66) {
        struct bed bed;
        size_t len;

        bed_begin_on(&bed, SIM_FREEBSD_15, &gcm12);
        bed_peer(&bed, 23, text, 30);
        len = bed_seal(&bed, 23, text, 110, 0, wire);
        bed_wire(&bed, wire, len - cut);
        sim_pipe_fin(bed.in);
        bed_reads(&bed, 23, 30);
        bed_fails(&bed, 40);
        bed_fails(&bed, 35);
        cr_assert(sim_freebsd_poll(bed.s) & FREEBSD_POLLIN);
        bed_fails(&bed, 35);
        bed_end(&bed);
    }
    struct bed bed;

    bed_begin_on(&bed, SIM_FREEBSD_15, &gcm12);
    bed_peer(&bed, 23, text, 30);
    sim_pipe_fin(bed.in);
    bed_reads(&bed, 23, 30);
    cr_assert_eq(bed_recv(&bed, 10, 0)->n, 0);
    bed_end(&bed);
}

/* The stream lives on behind a record that failed; its number is used up. */
static void skips(enum sim_freebsd_release release, const struct params *p, size_t len, int error)
{
    struct bed bed;

    bed_begin(&bed, release);
    bed_on(&bed, RXTLS, p);
    bed.suite = p;
    bed_peer(&bed, 23, text, 40);
    (void)bed_seal(&bed, 23, text, 100, 0, wire); /* its number */
    memset(wire + 5, 0x5a, 60000);
    sim_put_be16(wire + 3, len);
    bed_wire(&bed, wire, 5 + len);
    bed_peer(&bed, 23, text, 50);
    bed_reads(&bed, 23, 40);
    bed_reads(&bed, 23, 50); /* data first */
    bed_fails(&bed, error);
    bed_fails(&bed, 35);
    bed_peer(&bed, 23, text, 60);
    bed_reads(&bed, 23, 60);
    cr_assert_eq(bed.host.stats.failed_crypto, 1);
    cr_assert_eq(bed.host.stats.corrupted_records, 0);
    cr_assert(!bed.s->dropped);
    bed_end(&bed);
}

Test(freebsd_5_1, too_short_EMSGSIZE)
{
    skips(SIM_FREEBSD_15, &gcm12, 8 + 15, 40);
    skips(SIM_FREEBSD_14, &gcm12, 8, 40);
    skips(SIM_FREEBSD_15, &gcm13, 16, 40);
    skips(SIM_FREEBSD_15, &suites[5], 0, 40);
    skips(SIM_FREEBSD_13, &gcm12, 8 + 15, 89); /* which says the same of every failure */
    skips(SIM_FREEBSD_15, &gcm12, 8 + 16, 89); /* long enough: a wrong tag */
}

Test(freebsd_5_1, wrong_tag_EBADMSG)
{
    for (size_t i = 0; i < SUITES; i++)
        skips(SIM_FREEBSD_15, &suites[i], 116, 89);
    for (size_t at = 5; at < 5 + 8 + 30 + 16; at++) {
        struct bed bed;
        size_t len;

        bed_begin_on(&bed, SIM_FREEBSD_14, &gcm12);
        len = bed_seal(&bed, 23, text, 30, 0, wire);
        wire[at] ^= 1;
        bed_wire(&bed, wire, len);
        bed_fails(&bed, 89);
        bed_end(&bed);
    }
}

Test(freebsd_5_1, no_inner_type_EBADMSG)
{
    static const uint8_t zeros[50];
    struct bed bed;

    bed_begin_on(&bed, SIM_FREEBSD_15, &gcm13);
    bed_wire(&bed, wire, bed_seal(&bed, 0, zeros, 50, 10, wire));
    bed_peer(&bed, 23, text, 20);
    bed_reads(&bed, 23, 20);
    bed_fails(&bed, 89);
    bed_end(&bed);
}

Test(freebsd_5_1, crypto_not_available_EBADMSG)
{
    struct bed bed;

    bed_begin_on(&bed, SIM_FREEBSD_15, &gcm13);
    bed.host.rx_crypto_fails = true;
    bed_peer(&bed, 23, text, 10);
    bed_peer(&bed, 23, text, 20);
    bed_reads(&bed, 23, 20);
    bed_fails(&bed, 89);
    bed_end(&bed);
}

/* One error is kept: two bad records may be told once, and to a send. */
Test(freebsd_5_1, one_pending_error)
{
    struct bed bed;
    int32_t error = -1;
    size_t len = sizeof error;

    bed_begin_on(&bed, SIM_FREEBSD_15, &gcm13);
    bed.host.rx_crypto_fails = true;
    bed_peer(&bed, 23, text, 10);
    sim_freebsd_run(bed.s);
    bed.host.rx_crypto_fails = true;
    bed_peer(&bed, 23, text, 10);
    bed_fails(&bed, 89);
    bed_fails(&bed, 35);
    bed.host.rx_crypto_fails = true;
    bed_peer(&bed, 23, text, 10);
    cr_assert_eq(bed_send(&bed, -1, text, 5), -89);
    bed_fails(&bed, 35);
    cr_assert_eq(bed_send(&bed, -1, text, 5), 5);
    bed.host.rx_crypto_fails = true;
    bed_peer(&bed, 23, text, 10);
    sim_freebsd_run(bed.s);
    cr_assert_eq(sim_freebsd_getsockopt(bed.s, FREEBSD_SOL_SOCKET, FREEBSD_SO_ERROR, &error, &len),
                 0);
    cr_assert_eq(error, 89);
    bed_fails(&bed, 35);
    bed_end(&bed);
}

/* What was flushed meanwhile fails silently. */
Test(freebsd_5_1, silent_after_shutdown)
{
    struct bed bed;

    bed_begin_on(&bed, SIM_FREEBSD_15, &gcm13);
    bed_wire(&bed, wire, bed_seal(&bed, 23, text, 30, 0, wire) - 1);
    sim_freebsd_run(bed.s);
    cr_assert_eq(sim_freebsd_shutdown(bed.s, FREEBSD_SHUT_RD), 0);
    cr_assert_eq(bed_recv(&bed, 10, 0)->n, 0);
    cr_assert_eq(bed.host.stats.failed_crypto, 0);
    cr_assert_eq(bed_send(&bed, -1, text, 5), 5);
    cr_assert_eq(sim_freebsd_shutdown(bed.s, FREEBSD_SHUT_WR), 0);
    cr_assert(sim_pipe_fin_sent(bed.out));
    cr_assert_eq(bed_send(&bed, -1, text, 5), -32);
    bed_end(&bed);
}
