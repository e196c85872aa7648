/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The FreeBSD model, sections 2.6 and 7 of docs/reference/freebsd-ktls.md: modes set and read, the
 * NIC chosen and lost. One test for each row of the tables, named after it.
 */
#include "freebsd_bed.h"

#include <criterion/criterion.h>
#include <string.h>

static void begin_on(struct bed *bed, enum sim_freebsd_release release, bool nic)
{
    bed_begin(bed, release);
    bed->host.ifnet_permitted = nic;
    bed_on(bed, TXTLS, &gcm12);
    cr_assert_eq(bed_mode(bed, TXTLS), nic ? IFNET : SW);
}

/* Data goes through, whoever encrypts it. */
static void carries(struct bed *bed, size_t len)
{
    cr_assert_eq(bed_send(bed, -1, text, len), (long)len);
    bed_hears(bed, text, len);
}

Test(freebsd_2_6, EINVAL_listening_or_other_value)
{
    struct bed bed;

    begin_on(&bed, SIM_FREEBSD_15, false);
    for (int value = -1; value <= 4; value++) {
        if (value != SW && value != IFNET)
            cr_assert_eq(bed_switch(&bed, value), 22);
    }
    cr_assert_eq(bed.host.stats.switch_failed, 0);
    bed.s->listening = true;
    cr_assert_eq(bed_switch(&bed, SW), 22);
    cr_assert_eq(bed_switch(&bed, IFNET), 22);
    bed_end(&bed);
}

/* EALREADY until the last byte framed for the NIC has left, also after a switch to software. */
Test(freebsd_2_6, EALREADY_on_the_NIC)
{
    struct bed bed;

    begin_on(&bed, SIM_FREEBSD_15, true);
    cr_assert_eq(bed_switch(&bed, IFNET), 37);
    sim_pipe_limit(bed.out, 100);
    cr_assert_eq(bed_send(&bed, -1, text, 5000), 5000);
    cr_assert_eq(bed_switch(&bed, SW), 0);
    cr_assert_eq(bed_mode(&bed, TXTLS), SW);
    cr_assert_eq(bed_switch(&bed, IFNET), 37);
    cr_assert_eq(bed.host.mce[0].tx_tags, 1);
    sim_pipe_limit(bed.out, 0);
    cr_assert_eq(bed_switch(&bed, IFNET), 0);
    cr_assert_eq(bed_mode(&bed, TXTLS), IFNET);
    bed_hears(&bed, text, 5000);
    carries(&bed, 100);
    bed_end(&bed);
    begin_on(&bed, SIM_FREEBSD_13, true); /* which has no such flag */
    cr_assert_eq(bed_switch(&bed, IFNET), 0);
    bed_end(&bed);
}

Test(freebsd_2_6, ENXIO_after_the_fallback)
{
    struct bed bed;

    begin_on(&bed, SIM_FREEBSD_15, true);
    carries(&bed, 1000);
    sim_freebsd_rexmit(bed.s, 1000);
    cr_assert_eq(bed_mode(&bed, TXTLS), SW);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(bed_switch(&bed, IFNET), 6);
        cr_assert_eq(bed_switch(&bed, SW), 0);
        carries(&bed, 50000);
    }
    bed_end(&bed);
}

Test(freebsd_2_6, success_without_a_session)
{
    struct bed bed;

    bed_begin(&bed, SIM_FREEBSD_15);
    cr_assert_eq(bed_switch(&bed, SW), 0);
    cr_assert_eq(bed_switch(&bed, IFNET), 0);
    cr_assert_eq(bed_mode(&bed, TXTLS), NONE);
    cr_assert_eq(bed.host.stats.switch_to_ifnet + bed.host.stats.switch_to_sw, 0);
    bed_end(&bed);
}

Test(freebsd_2_6, success_in_that_mode)
{
    struct bed bed;

    begin_on(&bed, SIM_FREEBSD_15, false);
    cr_assert_eq(bed_switch(&bed, SW), 0);
    cr_assert_eq(bed.host.stats.switch_to_sw, 0);
    carries(&bed, 10);
    bed_end(&bed);
}

/* An explicit request needs no permission; why it is not met is told. */
Test(freebsd_2_6, IFNET_requested)
{
    struct bed bed;

    begin_on(&bed, SIM_FREEBSD_15, false);
    bed.host.mce[0].tls = false;
    cr_assert_eq(bed_switch(&bed, IFNET), 45);
    cr_assert_eq(bed.host.stats.switch_failed, 1);
    carries(&bed, 10);
    bed.host.mce[0].tls = true;
    cr_assert_eq(bed_switch(&bed, IFNET), 0);
    cr_assert_eq(bed_mode(&bed, TXTLS), IFNET);
    cr_assert_eq(bed.host.stats.switch_to_ifnet, 1);
    carries(&bed, 10);
    bed_end(&bed);
}

Test(freebsd_2_6, EBUSY_in_a_race)
{
    struct bed bed;

    begin_on(&bed, SIM_FREEBSD_15, false);
    bed.s->switch_races = true;
    cr_assert_eq(bed_switch(&bed, IFNET), 16);
    cr_assert_eq(bed.host.stats.switch_failed, 1);
    cr_assert_eq(bed_mode(&bed, TXTLS), SW);
    cr_assert_eq(bed.host.mce[0].tx_tags, 0);
    bed.s->switch_races = false;
    cr_assert_eq(bed_switch(&bed, IFNET), 0);
    bed.s->switch_races = true;
    cr_assert_eq(bed_switch(&bed, SW), 16);
    carries(&bed, 10);
    bed_end(&bed);
}

/* Record numbers and explicit nonces go on through every switch. */
Test(freebsd_2_6, a_switch_keeps_the_sequence)
{
    for (size_t i = 0; i < SUITES; i++) {
        struct bed bed;

        bed_begin(&bed, SIM_FREEBSD_15);
        bed_on(&bed, TXTLS, &suites[i]);
        for (int round = 0; round < 6; round++) {
            carries(&bed, 20000);
            if (suites[i].cipher == FREEBSD_CRYPTO_AES_NIST_GCM_16)
                cr_assert_eq(bed_switch(&bed, round % 2 == 0 ? SW : IFNET), 0);
        }
        cr_assert_eq(bed.our_seq, 12);
        cr_assert_eq(sim_ledger_pairs(bed.ledger), 12);
        bed_end(&bed);
    }
}

/* TX: TOE before the interface before software. */
Test(freebsd_7_1, order_TX)
{
    struct bed bed;

    bed_begin(&bed, SIM_FREEBSD_15);
    bed.s->toe = true;
    bed_on(&bed, TXTLS, &gcm12);
    cr_assert_eq(bed_mode(&bed, TXTLS), TOE);
    cr_assert_eq(bed.host.stats.toe_gcm, 1);
    bed_socket(&bed);
    bed_on(&bed, TXTLS, &gcm12);
    cr_assert_eq(bed_mode(&bed, TXTLS), IFNET);
    bed_socket(&bed);
    bed.host.ifnet_permitted = 0;
    bed_on(&bed, TXTLS, &gcm12);
    cr_assert_eq(bed_mode(&bed, TXTLS), SW);
    bed_end(&bed);
}

/* RX: software first and always; each direction for itself; no way to switch. */
Test(freebsd_7_1, order_RX)
{
    struct bed bed;
    int32_t mode = SW;

    bed_begin(&bed, SIM_FREEBSD_15);
    bed.host.rx_caps_as_shipped = false;
    bed.host.session_error = 12; /* nothing without software */
    cr_assert_eq(bed_enable(&bed, RXTLS, &gcm12), 12);
    bed.host.session_error = 0;
    bed_on(&bed, RXTLS, &gcm12);
    cr_assert_eq(bed_mode(&bed, RXTLS), IFNET);
    cr_assert_eq(bed_mode(&bed, TXTLS), NONE);
    cr_assert_eq(sim_freebsd_setsockopt(bed.s, 6, FREEBSD_TCP_RXTLS_MODE, &mode, 4), -1);
    cr_assert_eq(bed.s->err, 42);
    bed_socket(&bed);
    bed.s->toe = true;
    bed_on(&bed, RXTLS, &gcm12);
    cr_assert_eq(bed_mode(&bed, RXTLS), TOE);
    bed_end(&bed);
}

/* What stands in the way of the NIC is silent at first and told to an explicit request. */
static void in_the_way(struct bed *bed, const struct params *p, int error)
{
    bed_on(bed, TXTLS, p);
    cr_assert_eq(bed_mode(bed, TXTLS), SW);
    cr_assert_eq(bed_switch(bed, IFNET), error, "%d, not %d", bed->s->err, error);
    cr_assert_eq(bed_mode(bed, TXTLS), SW);
    carries(bed, 100);
}

Test(freebsd_7_2, ENXIO_not_permitted)
{
    struct bed bed;

    bed_begin(&bed, SIM_FREEBSD_15);
    bed.host.ifnet_permitted = 0;
    bed_on(&bed, TXTLS, &gcm12);
    cr_assert_eq(bed_mode(&bed, TXTLS), SW);
    cr_assert_eq(bed_switch(&bed, IFNET), 0); /* skipped for an explicit request */
    bed_end(&bed);
}

Test(freebsd_7_2, ENXIO_no_route)
{
    struct bed bed;

    bed_begin(&bed, SIM_FREEBSD_15);
    bed.s->route_cached = false;
    in_the_way(&bed, &gcm12, 6);
    cr_assert_eq(bed_switch(&bed, IFNET), 0); /* something has been sent since */
    bed_end(&bed);
}

Test(freebsd_7_2, ECONNRESET_dropped)
{
    struct bed bed;

    begin_on(&bed, SIM_FREEBSD_15, false);
    sim_freebsd_drop(bed.s, 60);
    cr_assert_eq(bed_switch(&bed, IFNET), 54);
    bed_end(&bed);
}

Test(freebsd_7_2, EOPNOTSUPP_MEXTPG)
{
    struct bed bed;

    bed_begin(&bed, SIM_FREEBSD_15);
    bed.host.mce[0].caps &= ~FREEBSD_IFCAP_MEXTPG;
    in_the_way(&bed, &gcm12, 45);
    bed_end(&bed);
}

Test(freebsd_7_2, EOPNOTSUPP_TXTLS)
{
    struct bed bed;

    bed_begin(&bed, SIM_FREEBSD_15);
    bed.host.mce[0].caps &= ~FREEBSD_IFCAP_TXTLS4;
    in_the_way(&bed, &gcm12, 45);
    bed_socket(&bed);
    bed.s->ipv6 = true;
    bed_on(&bed, TXTLS, &gcm12);
    cr_assert_eq(bed_mode(&bed, TXTLS), IFNET);
    bed.host.mce[0].caps ^= FREEBSD_IFCAP_TXTLS4 | FREEBSD_IFCAP_TXTLS6;
    bed_socket(&bed);
    bed.s->ipv6 = true;
    in_the_way(&bed, &gcm12, 45);
    bed_socket(&bed);
    sim_freebsd_route(bed.s, -1); /* an interface without any of it */
    in_the_way(&bed, &gcm12, 45);
    bed_end(&bed);
}

Test(freebsd_7_2, driver_EOPNOTSUPP)
{
    struct bed bed;

    bed_begin(&bed, SIM_FREEBSD_15);
    bed.host.mce[0].tls = false; /* capabilities on, and an adapter that cannot */
    in_the_way(&bed, &gcm12, 45);
    bed.host.mce[0].tls = true;
    bed.host.mce[0].gone = true;
    bed_socket(&bed);
    in_the_way(&bed, &gcm12, 45);
    bed_end(&bed);
}

Test(freebsd_7_2, driver_EPROTONOSUPPORT)
{
    struct bed bed;

    bed_begin(&bed, SIM_FREEBSD_15);
    in_the_way(&bed, &suites[5], 43); /* ChaCha20 */
    bed.host.mce[0].suites = SIM_NIC_ALL & ~(uint32_t)SIM_NIC_TLS12_GCM128;
    bed_socket(&bed);
    in_the_way(&bed, &gcm12, 43);
    bed_end(&bed);
}

Test(freebsd_7_2, driver_EINVAL)
{
    struct bed bed;
    struct params p = gcm12;

    /* 13 lets a key of 24 bytes as far as the driver; its framework then refuses it, too. */
    bed_begin(&bed, SIM_FREEBSD_13);
    bed.host.ifnet_permitted = 1;
    p.key_len = 24;
    cr_assert_eq(bed_enable(&bed, TXTLS, &p), 45);
    cr_assert_eq(bed.host.mce[0].tx_tags, 0);
    bed_end(&bed);
}

/* The tables are bounded: sessions, and keys of both directions together. */
Test(freebsd_7_2, driver_ENOMEM)
{
    struct bed bed;

    bed_begin(&bed, SIM_FREEBSD_15);
    bed.host.mce[0].tx_max = 0;
    in_the_way(&bed, &gcm12, 12);
    bed.host.mce[0].tx_max = 1;
    bed.host.mce[0].keys_max = 0;
    bed_socket(&bed);
    in_the_way(&bed, &gcm12, 12);
    bed.host.mce[0].keys_max = 1;
    cr_assert_eq(bed_switch(&bed, IFNET), 0);
    bed_end(&bed);
}

/* Up to 14 firmware is asked after the answer: mode IFNET, and nothing ever leaves. */
Test(freebsd_7_2, firmware_fails)
{
    struct bed bed;

    bed_begin(&bed, SIM_FREEBSD_14);
    bed.host.ifnet_permitted = 1;
    bed.host.mce[0].firmware_fails = true;
    bed_on(&bed, TXTLS, &gcm12);
    cr_assert_eq(bed_mode(&bed, TXTLS), IFNET);
    cr_assert_eq(bed_send(&bed, -1, text, 100), 100);
    cr_assert_eq(sim_pipe_readable(bed.out), 0);
    cr_assert(bed.host.mce[0].tx_error > 0);
    bed_end(&bed);
    bed_begin(&bed, SIM_FREEBSD_15);
    bed.host.mce[0].firmware_fails = true;
    in_the_way(&bed, &gcm12, 12);
    bed_end(&bed);
}

Test(freebsd_7_3, another_interface)
{
    struct bed bed;

    begin_on(&bed, SIM_FREEBSD_15, true);
    carries(&bed, 3000);
    sim_freebsd_route(bed.s, 1);
    cr_assert_eq(bed_mode(&bed, TXTLS), IFNET); /* not noticed before something is sent */
    bed.host.ifnet_permitted = 0;               /* a replacement is forced */
    cr_assert_eq(bed_send(&bed, -1, text, 20000), 20000);
    cr_assert_eq(sim_pipe_readable(bed.out), 0); /* refused by the wrong interface */
    sim_freebsd_run(bed.s);
    bed_hears(&bed, text, 20000);
    cr_assert_eq(bed_mode(&bed, TXTLS), IFNET);
    cr_assert_eq(bed.host.stats.ifnet_reset, 1);
    cr_assert_eq(bed.host.mce[0].tx_tags, 0);
    cr_assert_eq(bed.host.mce[1].tx_tags, 1);
    cr_assert(bed.host.mce[1].tx_packets > 0);
    bed_end(&bed);
}

/* What was framed for a NIC is plaintext: without a NIC the connection dies. */
Test(freebsd_7_3, no_replacement_ECONNABORTED)
{
    struct bed bed;
    size_t wire;

    begin_on(&bed, SIM_FREEBSD_15, true);
    carries(&bed, 3000);
    wire = (size_t)sim_pipe_write_offset(bed.out);
    sim_freebsd_route(bed.s, -1);
    cr_assert_eq(bed_send(&bed, -1, text, 2000), 2000); /* the send itself does not know */
    cr_assert_eq(bed_send(&bed, -1, text, 2000), -32);
    cr_assert_eq(bed_recv(&bed, 100, 0)->err, 53);
    cr_assert_eq(bed_recv(&bed, 100, 0)->n, 0); /* told once */
    cr_assert_eq(sim_pipe_write_offset(bed.out), wire);
    cr_assert_eq(bed.host.stats.ifnet_reset_failed, 1);
    cr_assert_eq(bed.host.stats.ifnet_reset_dropped, 1);
    bed_end(&bed);
}

/* A connection in software does not mind, not even with the NIC's last bytes gone. */
Test(freebsd_7_3, software_outlives_the_interface)
{
    struct bed bed;

    begin_on(&bed, SIM_FREEBSD_15, true);
    carries(&bed, 3000);
    cr_assert_eq(bed_switch(&bed, SW), 0);
    sim_freebsd_route(bed.s, -1);
    bed.host.mce[0].gone = true;
    carries(&bed, 30000);
    cr_assert_eq(bed.host.stats.ifnet_reset_failed, 0);
    bed_end(&bed);
}

/* More than 2 %, in whole per cent, of all bytes of the connection's life: once and for all. */
Test(freebsd_7_3, heavy_retransmission)
{
    struct bed bed;

    begin_on(&bed, SIM_FREEBSD_15, true);
    carries(&bed, 50000);
    carries(&bed, 50000);
    sim_freebsd_rexmit(bed.s, 3000); /* 2.9 %, which is 2 */
    sim_freebsd_run(bed.s);
    cr_assert_eq(bed_mode(&bed, TXTLS), IFNET);
    sim_freebsd_rexmit(bed.s, 200); /* 3 */
    carries(&bed, 40000);
    cr_assert_eq(bed_mode(&bed, TXTLS), SW);
    cr_assert_eq(bed.host.stats.ifnet_disable_ok, 1);
    cr_assert_eq(bed.host.stats.switch_to_sw, 1);
    cr_assert_eq(bed_switch(&bed, IFNET), 6);
    bed_end(&bed);
    begin_on(&bed, SIM_FREEBSD_15, true);
    carries(&bed, 100);
    bed.host.session_error = 12; /* no software: it stays where it is */
    sim_freebsd_rexmit(bed.s, 100);
    carries(&bed, 100);
    cr_assert_eq(bed_mode(&bed, TXTLS), IFNET);
    cr_assert_eq(bed.host.stats.ifnet_disable_failed, 1);
    bed_end(&bed);
}

/* The session is copied before a send's lock is waited for: with explicit nonces, those of the send
 * are used again. That is what a ledger is for. */
Test(freebsd_7_3, fallback_beside_a_send)
{
    for (size_t i = 0; i < 4; i++) {
        struct bed bed;

        bed_begin(&bed, SIM_FREEBSD_15);
        bed.host.fallback_races_send = true;
        bed_on(&bed, TXTLS, &suites[i]);
        carries(&bed, 5000);
        sim_freebsd_rexmit(bed.s, 1000);
        cr_assert_eq(bed_mode(&bed, TXTLS), IFNET); /* not before the send */
        carries(&bed, 5000);
        cr_assert_eq(bed_mode(&bed, TXTLS), SW);
        carries(&bed, 6000);
        cr_assert_eq(sim_ledger_conflicts(bed.ledger) > 0, suites[i].vminor == 3);
        sim_ledger_free(bed.ledger);
        bed.ledger = sim_ledger_new();
        bed_end(&bed);
    }
}

/* A driver is unloaded only once all tags are gone; a lingering socket holds one. */
Test(freebsd_7_3, detached)
{
    struct bed bed;

    begin_on(&bed, SIM_FREEBSD_15, true);
    bed.host.mce[0].gone = true;
    cr_assert_eq(bed.host.mce[0].tx_tags, 1);
    cr_assert_eq(bed_send(&bed, -1, text, 100), 100);
    cr_assert_eq(sim_pipe_readable(bed.out), 0);
    cr_assert_eq(bed_send(&bed, -1, text, 100), -32);
    cr_assert_eq(bed.host.mce[0].tx_tags, 0);
    bed_end(&bed);
}

/* RX on the NIC: the second word's bit numbers are used as masks. */
Test(freebsd_7_4, RX_capabilities_as_shipped)
{
    for (uint32_t caps2 = 0; caps2 <= 3; caps2++) {
        for (int v6 = 0; v6 <= 1; v6++) {
            struct bed bed;

            bed_begin(&bed, SIM_FREEBSD_15);
            bed.host.mce[0].caps2 = caps2;
            bed.s->ipv6 = v6 == 1;
            bed_on(&bed, RXTLS, &gcm13);
            cr_assert_eq(bed_mode(&bed, RXTLS), v6 == 1 && (caps2 & 1) != 0 ? IFNET : SW);
            bed_socket(&bed);
            bed.s->ipv6 = v6 == 1;
            bed.host.rx_caps_as_shipped = false;
            bed_on(&bed, RXTLS, &gcm13);
            cr_assert_eq(bed_mode(&bed, RXTLS), (caps2 & (1u << v6)) != 0 ? IFNET : SW);
            bed_end(&bed);
        }
    }
}

Test(freebsd_7_4, RX_requirements)
{
    struct bed bed;

    for (int way = 0; way < 8; way++) {
        bed_begin(&bed, way == 7 ? SIM_FREEBSD_13 : SIM_FREEBSD_14);
        bed.host.rx_caps_as_shipped = false;
        bed.host.ifnet_permitted = way != 1;
        bed.s->route_cached = way != 2;
        bed.host.mce[0].tls_rx = way != 3;
        bed.host.mce[0].rx_max = way != 4;
        bed.host.mce[0].keys_max = way != 5;
        bed_on(&bed, RXTLS, way == 6 ? &suites[4] : &gcm12);
        cr_assert_eq(bed_mode(&bed, RXTLS), way == 0 ? IFNET : SW, "way %d", way);
        bed_peer(&bed, 23, text, 500); /* and it reads, whoever decrypts */
        cr_assert_eq(bed_recv(&bed, 1000, 0)->n, 500);
        cr_assert_eq(bed.host.mce[0].rx_decrypted_ok, way == 0);
        bed_end(&bed);
    }
}

/* Losing the NIC on RX costs nothing but the NIC; the mode goes on saying IFNET. */
Test(freebsd_7_5, RX_interface_lost)
{
    struct bed bed;

    bed_begin(&bed, SIM_FREEBSD_15);
    bed.host.rx_caps_as_shipped = false;
    bed_on(&bed, RXTLS, &gcm13);
    bed_peer(&bed, 23, text, 500);
    cr_assert_eq(bed_recv(&bed, 1000, 0)->n, 500);
    sim_freebsd_input_by(bed.s, 1);
    bed_peer(&bed, 23, text, 600);
    cr_assert_eq(bed_recv(&bed, 1000, 0)->n, 600);
    cr_assert_eq(bed.host.stats.ifnet_reset, 1);
    cr_assert_eq(bed.host.mce[1].rx_decrypted_ok, 1);
    sim_freebsd_input_by(bed.s, -1);
    bed_peer(&bed, 23, text, 700);
    cr_assert_eq(bed_recv(&bed, 1000, 0)->n, 700);
    cr_assert_eq(bed.host.stats.ifnet_reset_failed, 1);
    cr_assert_eq(bed.host.stats.tls13_gcm_decrypts, 1);
    cr_assert_eq(bed_mode(&bed, RXTLS), IFNET);
    bed_end(&bed);
}
