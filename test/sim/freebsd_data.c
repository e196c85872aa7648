/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The FreeBSD model, sections 3, 4 and 5 (but 5.1) of docs/reference/freebsd-ktls.md: records sent
 * and received. One test for each statement or row, named after it.
 */
#include "freebsd_bed.h"

#include <criterion/criterion.h>
#include <string.h>

static uint8_t wire[70000];

/* 4.1: records are cut at maxlen; a small write is a small record. */
Test(freebsd_4_1, writes_are_cut)
{
    struct bed bed;
    uint8_t type;

    for (size_t i = 0; i < SUITES; i++) {
        bed_begin_on(&bed, SIM_FREEBSD_15, &suites[i]);
        cr_assert_eq(bed_send(&bed, -1, text, 16385), 16385);
        cr_assert_eq(bed_send(&bed, -1, text, 1), 1);
        cr_assert_eq(bed_heard(&bed, &type, wire), 16384);
        cr_assert_eq(bed_heard(&bed, &type, wire), 1);
        cr_assert_eq(bed_heard(&bed, &type, wire), 1);
        cr_assert_eq(bed_heard(&bed, &type, wire), -1);
        bed_end(&bed);
    }
    bed_begin(&bed, SIM_FREEBSD_15);
    bed.host.maxlen = 1000;
    bed_on(&bed, TXTLS, &gcm13);
    cr_assert_eq(bed_send(&bed, -1, text, 2500), 2500);
    cr_assert_eq(bed_heard(&bed, &type, wire), 1000);
    bed_end(&bed);
}

Test(freebsd_4_1, typed_sends)
{
    struct bed bed;
    uint8_t type, control[24] = {0};
    int32_t words[3] = {17, 0xffff, 1};

    for (size_t i = 0; i < SUITES; i++) {
        bed_begin_on(&bed, SIM_FREEBSD_15, &suites[i]);
        cr_assert_eq(bed_send(&bed, 21, "\2\50", 2), 2);
        cr_assert_eq(bed_heard(&bed, &type, wire), 2);
        cr_assert_eq(type, 21);
        cr_assert_eq(bed_send(&bed, 0x21, text, 20000), 20000); /* every part is of the type */
        cr_assert_eq(bed_heard(&bed, &type, wire), 16384);
        cr_assert_eq(type, 0x21);
        cr_assert_eq(bed_heard(&bed, &type, wire), 20000 - 16384);
        cr_assert_eq(type, 0x21);
        /* The level is not looked at. */
        memcpy(control, words, 12);
        control[16] = 22;
        cr_assert_eq(sim_freebsd_sendmsg(bed.s, text, 5, control, 17, 0), 5);
        cr_assert_eq(bed_heard(&bed, &type, wire), 5);
        cr_assert_eq(type, 22);
        bed_end(&bed);
    }
}

Test(freebsd_4_1, typed_sends_are_whole_or_not_at_all)
{
    struct bed bed;

    bed_begin_on(&bed, SIM_FREEBSD_15, &gcm13);
    cr_assert_eq(bed_send(&bed, 22, text, 70000), -40); /* EMSGSIZE: beyond the high-water mark */
    sim_pipe_limit(bed.out, 1);
    cr_assert_eq(bed_send(&bed, -1, text, 50000), 50000);
    cr_assert_eq(bed_send(&bed, 22, text, 20000), -35);
    /* A plain one is short: what is queued counts with its headers and tags. */
    cr_assert_eq(bed_send(&bed, -1, text, 20000), 65536 - (50000 + 4 * 22 - 1));
    bed_end(&bed);
}

Test(freebsd_4_1, EINVAL)
{
    struct bed bed;

    bed_begin_on(&bed, SIM_FREEBSD_15, &gcm13);
    cr_assert_eq(bed_send(&bed, -1, text, 0), -22);
    cr_assert_eq(bed_send(&bed, 21, text, 0), -22);
    cr_assert_eq(sim_freebsd_sendmsg(bed.s, text, 5, NULL, 0, FREEBSD_MSG_EOR), -1);
    cr_assert_eq(bed.s->err, 22);
    bed_end(&bed);
    bed_begin(&bed, SIM_FREEBSD_15); /* without a session TCP takes no control message */
    cr_assert_eq(bed_send(&bed, 21, text, 5), -22);
    cr_assert_eq(bed_send(&bed, -1, text, 5), 5);
    cr_assert_eq(sim_pipe_readable(bed.out), 5);
    bed_end(&bed);
}

/* Encrypting fails after the send has answered: the connection is aborted. */
Test(freebsd_4_1, EIO)
{
    struct bed bed;

    bed_begin(&bed, SIM_FREEBSD_14);
    bed_on(&bed, TXTLS, &gcm13);
    bed.host.tx_crypto_fails = true;
    cr_assert_eq(bed_send(&bed, -1, text, 100), 100);
    cr_assert_eq(bed_send(&bed, -1, text, 100), -32);
    bed_fails(&bed, 5);
    cr_assert_eq(bed_recv(&bed, 10, 0)->n, 0);
    cr_assert_eq(bed.host.stats.failed_crypto, 1);
    cr_assert(sim_pipe_is_reset(bed.out));
    bed_end(&bed);
}

/* 4.2: the explicit nonce starts anywhere and counts by one; it is not the record's number. */
Test(freebsd_4_2, explicit_nonce)
{
    uint64_t starts[2];

    for (int i = 0; i < 2; i++) {
        struct bed bed;
        uint8_t record[13 + 5 + 16];

        bed_begin(&bed, SIM_FREEBSD_15);
        bed.host.random += (uint64_t)i;
        bed_on(&bed, TXTLS, &gcm12);
        for (uint64_t n = 0; n < 5; n++) {
            cr_assert_eq(bed_send(&bed, -1, text, 5), 5);
            sim_pipe_read(bed.out, record, sizeof record);
            if (n == 0)
                starts[i] = sim_get_be64(record + 5);
            cr_assert_eq(sim_get_be64(record + 5), starts[i] + n);
        }
        bed_end(&bed);
    }
    cr_assert(starts[0] != 0 && starts[0] != starts[1]);
}

/* 4.3: records end where pages do; the first is short when the offset lies within one. */
Test(freebsd_4_3, sendfile)
{
    struct bed bed;
    uint8_t type;
    size_t sent;

    bed_begin_on(&bed, SIM_FREEBSD_15, &gcm13);
    cr_assert_eq(sim_freebsd_sendfile(bed.s, text, sizeof text, 1000, 30000, &sent), 0);
    cr_assert_eq(sent, 30000);
    cr_assert_eq(bed_heard(&bed, &type, wire), 16384 - 1000);
    cr_assert_eq(type, 23);
    cr_assert_arr_eq(wire, text + 1000, 16384 - 1000);
    cr_assert_eq(bed_heard(&bed, &type, wire), 30000 - 16384 + 1000);
    cr_assert_eq(sim_freebsd_sendfile(bed.s, text, sizeof text, 59999, 100, &sent), 0);
    cr_assert_eq(sent, 1); /* the file ends */
    sim_pipe_limit(bed.out, 1);
    bed.s->sndbuf = 40000;
    cr_assert_eq(sim_freebsd_sendfile(bed.s, text, sizeof text, 0, 60000, &sent), -1);
    cr_assert_eq(bed.s->err, 35);
    cr_assert_eq(sent, 32768);
    cr_assert_eq(sim_freebsd_poll(bed.s) & FREEBSD_POLLOUT, 0);
    bed_end(&bed);
}

/* 5, item 1: what has arrived before is the first of the session; records may be cut anywhere. */
Test(freebsd_5, item_1_bytes_already_there)
{
    for (size_t i = 0; i < SUITES; i++) {
        struct bed bed;
        size_t len;

        bed_begin_on(&bed, SIM_FREEBSD_15, &suites[i]);
        bed_socket(&bed);
        bed.suite = &suites[i];
        len = bed_seal(&bed, 23, text, 100, 0, wire);
        len += bed_seal(&bed, 23, text, 300, 0, wire + len);
        bed_wire(&bed, wire, 170);
        cr_assert_eq(sim_freebsd_readable(bed.s), 170);
        cr_assert_eq(bed_enable(&bed, RXTLS, &suites[i]), 0);
        cr_assert_eq(sim_freebsd_readable(bed.s), 100);
        bed_reads(&bed, 23, 100);
        bed_fails(&bed, 35);
        bed_wire(&bed, wire + 170, len - 170);
        bed_reads(&bed, 23, 300);
        bed_end(&bed);
    }
}

/* Items 2 and 3: one record at most, MSG_EOR at its end, metadata with its begin. */
Test(freebsd_5, items_2_and_3_one_record_at_most)
{
    struct bed bed;
    struct got *g;

    bed_begin_on(&bed, SIM_FREEBSD_15, &gcm13);
    bed_peer(&bed, 23, text, 1000);
    bed_peer(&bed, 22, text, 50);
    g = bed_recv(&bed, 600, 0);
    cr_assert(g->n == 600 && g->type == 23 && g->length == 1000 && g->flags == 0);
    cr_assert(g->version[0] == 3 && g->version[1] == 3);
    g = bed_recv(&bed, 600, 0);
    cr_assert(g->n == 400 && g->type == -1 && g->flags == FREEBSD_MSG_EOR);
    cr_assert_arr_eq(g->data, text + 600, 400);
    g = bed_recv(&bed, 50, 0);
    cr_assert(g->n == 50 && g->type == 22 && g->flags == FREEBSD_MSG_EOR);
    bed_end(&bed);
}

Test(freebsd_5, item_4_peek)
{
    struct bed bed;
    struct got *g;

    bed_begin_on(&bed, SIM_FREEBSD_15, &gcm13);
    bed_peer(&bed, 22, text, 50);
    for (int i = 0; i < 2; i++) {
        g = bed_recv(&bed, 30, FREEBSD_MSG_PEEK);
        cr_assert(g->n == 30 && g->type == 22 && g->length == 50);
    }
    bed_reads(&bed, 22, 50);
    bed_end(&bed);
}

/* Item 5: an empty record is a message without data. Alone it may vanish into EAGAIN. */
Test(freebsd_5, item_5_empty_record)
{
    struct bed bed;
    struct got *g;

    bed_begin_on(&bed, SIM_FREEBSD_15, &gcm13);
    bed_peer(&bed, 23, text, 0);
    bed_peer(&bed, 23, text, 10);
    g = bed_recv(&bed, 100, 0); /* goes on to the next, with both messages */
    cr_assert(g->n == 10 && g->type == 23 && g->length == 0 && g->control_len == 48);
    cr_assert_eq(g->flags, FREEBSD_MSG_EOR);
    bed_peer(&bed, 23, text, 0);
    bed_fails(&bed, 35);
    bed_peer(&bed, 23, text, 0);
    sim_pipe_fin(bed.in);
    g = bed_recv(&bed, 100, 0); /* not the end of the stream */
    cr_assert(g->n == 0 && g->type == 23 && g->length == 0 && g->flags == 0);
    g = bed_recv(&bed, 100, 0);
    cr_assert(g->n == 0 && g->type == -1);
    bed_end(&bed);
    bed_begin_on(&bed, SIM_FREEBSD_15, &gcm12);
    bed.host.empty_record_ends = true;
    bed_peer(&bed, 23, text, 0);
    g = bed_recv(&bed, 100, 0);
    cr_assert(g->n == 0 && g->type == 23 && g->length == 0 && g->flags == 0);
    bed_fails(&bed, 35);
    bed_end(&bed);
}

/* Items 6 and 7: every type comes as data; who does not ask for the type is not told. */
Test(freebsd_5, items_6_and_7_types_in_band)
{
    struct bed bed;
    struct sim_freebsd_msg msg = {.data = wire, .len = 100};
    uint8_t small[20];

    bed_begin_on(&bed, SIM_FREEBSD_15, &gcm13);
    bed_peer(&bed, 21, text, 2);
    cr_assert_eq(sim_freebsd_recvmsg(bed.s, &msg, 0), 2);
    cr_assert_eq(msg.flags, FREEBSD_MSG_EOR);
    bed_peer(&bed, 20, text, 1);
    bed_reads(&bed, 20, 1);
    bed_peer(&bed, 22, text, 4);
    msg.control = small;
    msg.control_len = sizeof small;
    cr_assert_eq(sim_freebsd_recvmsg(bed.s, &msg, 0), 4);
    cr_assert_eq(msg.flags, FREEBSD_MSG_EOR | FREEBSD_MSG_CTRUNC);
    cr_assert_eq(bed_mode(&bed, RXTLS), SW); /* still attached */
    bed_end(&bed);
}

/* Item 9: readable is what is decrypted. */
Test(freebsd_5, item_9_poll)
{
    struct bed bed;
    size_t len;

    bed_begin_on(&bed, SIM_FREEBSD_15, &gcm13);
    len = bed_seal(&bed, 23, text, 100, 0, wire);
    bed_wire(&bed, wire, len - 1);
    cr_assert_eq(sim_freebsd_readable(bed.s), 0);
    cr_assert_eq(sim_freebsd_poll(bed.s), FREEBSD_POLLOUT);
    bed_wire(&bed, wire + len - 1, 1);
    cr_assert_eq(sim_freebsd_readable(bed.s), 100);
    cr_assert_eq(sim_freebsd_poll(bed.s), FREEBSD_POLLOUT | FREEBSD_POLLIN);
    bed_end(&bed);
}

/* Padding of TLS 1.3 is taken off. */
Test(freebsd_5, padding)
{
    struct bed bed;

    bed_begin_on(&bed, SIM_FREEBSD_15, &gcm13);
    bed_wire(&bed, wire, bed_seal(&bed, 23, text, 100, 400, wire));
    bed_reads(&bed, 23, 100);
    bed_end(&bed);
}

/* The stream ends by FIN or by RST; nothing of that is TLS's. */
Test(freebsd_5, end_of_stream)
{
    struct bed bed;

    bed_begin_on(&bed, SIM_FREEBSD_15, &gcm13);
    bed_peer(&bed, 21, "\1\0", 2);
    sim_pipe_fin(bed.in);
    cr_assert_eq(bed_recv(&bed, 10, 0)->type, 21);
    cr_assert_eq(bed_recv(&bed, 10, 0)->n, 0);
    sim_pipe_reset(bed.in);
    bed_fails(&bed, 54);
    bed_end(&bed);
}

/* Faults by counting strike the call and leave the socket as it was. */
Test(freebsd_model, faults)
{
    struct bed bed;
    struct sim_faults faults = {0};

    bed_begin_on(&bed, SIM_FREEBSD_15, &gcm13);
    bed.host.faults = &faults;
    sim_faults_plan(&faults, SIM_FREEBSD_SENDMSG, 1, 1, sim_fault_errno(FREEBSD_ENOBUFS));
    sim_faults_plan(&faults, SIM_FREEBSD_SENDMSG, 2, 1, sim_fault_short(3));
    sim_faults_plan(&faults, SIM_FREEBSD_RECVMSG, 1, 1, sim_fault_short(4));
    sim_faults_plan(&faults, SIM_FREEBSD_SETSOCKOPT, 1, 1, sim_fault_errno(FREEBSD_ENOMEM));
    cr_assert_eq(bed_send(&bed, -1, text, 10), -55);
    cr_assert_eq(bed_send(&bed, -1, text, 10), 3);
    cr_assert_eq(bed_send(&bed, -1, text + 3, 10), 10);
    bed_hears(&bed, text, 13);
    bed_peer(&bed, 23, text, 10);
    cr_assert_eq(bed_recv(&bed, 100, 0)->n, 4);
    cr_assert_eq(bed_recv(&bed, 100, 0)->n, 6);
    cr_assert_eq(bed_switch(&bed, SW), 12);
    cr_assert_eq(bed_switch(&bed, SW), 0);
    cr_assert_eq(faults.calls[SIM_ANY_CALL], 7);
    bed_end(&bed);
}

/* Settings and counters by name, each in its width. */
Test(freebsd_model, sysctl)
{
    struct bed bed;
    uint8_t one;
    uint64_t eight;
    size_t len = 1;

    bed_begin_on(&bed, SIM_FREEBSD_15, &gcm13);
    cr_assert_eq(sim_freebsd_sysctl(&bed.host, "kern.ipc.tls.enable", &one, &len, NULL, 0), 0);
    cr_assert(one == 1 && len == 1);
    one = 0;
    cr_assert_eq(sim_freebsd_sysctl(&bed.host, "kern.ipc.tls.enable", NULL, NULL, &one, 1), 0);
    cr_assert(!bed.host.enable);
    cr_assert_eq(sim_freebsd_sysctl(&bed.host, "kern.ipc.tls.enable", NULL, NULL, &eight, 4), 22);
    cr_assert_eq(sim_freebsd_sysctl(&bed.host, "kern.ipc.tls.ifnet.gcm", NULL, &len, NULL, 0), 0);
    cr_assert_eq(len, 8);
    cr_assert_eq(sim_freebsd_sysctl(&bed.host, "kern.ipc.tls.ifnet.gcm", &eight, &len, NULL, 0), 0);
    cr_assert_eq(eight, 1);
    cr_assert_eq(sim_freebsd_sysctl(&bed.host, "kern.ipc.tls.ifnet.gcm", NULL, NULL, &eight, 8), 1);
    len = 4;
    cr_assert_eq(sim_freebsd_sysctl(&bed.host, "kern.ipc.tls.ifnet.gcm", &eight, &len, NULL, 0),
                 12);
    cr_assert_eq(sim_freebsd_sysctl(&bed.host, "kern.ipc.tls.none", NULL, &len, NULL, 0), 2);
    cr_assert_eq(
        sim_freebsd_sysctl(&bed.host, "dev.mce.0.tls.stats.tx_packets", NULL, &len, NULL, 0), 0);
    cr_assert_eq(
        sim_freebsd_sysctl(&bed.host, "dev.mce.2.tls.stats.tx_packets", NULL, &len, NULL, 0), 2);
    bed.host.mce[1].tls = false;
    cr_assert_eq(
        sim_freebsd_sysctl(&bed.host, "dev.mce.1.tls.stats.tx_packets", NULL, &len, NULL, 0), 2);
    bed.host.release = SIM_FREEBSD_14;
    cr_assert_eq(sim_freebsd_sysctl(&bed.host, "kern.ipc.tls.rx_enable", NULL, &len, NULL, 0), 2);
    bed.host.kern_tls = false;
    cr_assert_eq(sim_freebsd_sysctl(&bed.host, "kern.ipc.tls.enable", NULL, &len, NULL, 0), 2);
    bed_end(&bed);
}

/* A 32-bit process: control messages lie otherwise. */
Test(freebsd_3, control_messages_of_ILP32)
{
    struct bed bed;
    uint8_t type;

    bed_begin(&bed, SIM_FREEBSD_15);
    bed.host.ilp32 = true;
    sim_freebsd_map(&bed.host, 0x1000, bed.key, sizeof bed.key);
    sim_freebsd_map(&bed.host, 0x2000, bed.iv, sizeof bed.iv);
    bed_on(&bed, TXTLS, &gcm13);
    bed_on(&bed, RXTLS, &gcm13);
    cr_assert_eq(bed_send(&bed, 21, "\1\0", 2), 2);
    cr_assert_eq(bed_heard(&bed, &type, wire), 2);
    cr_assert_eq(type, 21);
    bed_peer(&bed, 22, text, 40);
    bed_reads(&bed, 22, 40);
    cr_assert_eq(bed_recv(&bed, 1, 0)->control_len, 0);
    bed_end(&bed);
}
