/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The backend on the model: what is received and sent below the socket, and each error of section
 * 5.1 of docs/reference/freebsd-ktls.md as the status and the alert it ends in.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "freebsd_end.h"
#include "sim/freebsd_exec.h"

enum { GCM12, GCM12_256, GCM13, GCM13_256, CHACHA12, CHACHA13 };

static struct end e;
static uint8_t wire[70000];

/* The peer's text[0..len), which has been read. */
static void reads(size_t len)
{
    bed_peer(&e.bed, 23, text, len);
    cr_assert_eq(end_receive(&e), WEIR_OK);
    cr_assert_eq(e.got_len, len);
}

/* Both directions are the kernel's. */
static void begin(enum sim_freebsd_release release, size_t suite)
{
    end_begin(&e, release, suite, WEIR_CARRIER_NONE);
    cr_assert_eq(end_move(&e, WEIR_TX, WEIR_POLICY_ALL), WEIR_OK);
    cr_assert_eq(end_move(&e, WEIR_RX, WEIR_POLICY_ALL), WEIR_OK);
}

/* The session ends so, for good, with nothing given that came behind; the peer may be told. */
static void ends(weir_status status, size_t got, int alert)
{
    cr_assert_eq(end_receive(&e), status, "%s, not %s", weir_status_name(end_receive(&e)),
                 weir_status_name(status));
    for (int i = 0; i < 3; i++)
        cr_assert_eq(end_receive(&e), status);
    cr_assert_eq(e.got_len, got);
    cr_assert(memcmp(e.got, text, got) == 0);
    (void)end_flush(&e);
    end_peer_reads(&e);
    cr_assert_eq(e.alert[1], alert >= 0 ? alert : 0);
    cr_assert_eq(weir_session_status(&e.session), status);
    end_close(&e);
}

/* A record whose tag is wrong, between good ones: the kernel would go on, weir does not. */
Test(freebsd_weir_5_1, wrong_tag_EBADMSG)
{
    for (int release = 13; release <= 15; release++) {
        for (size_t suite = 0; suite < SUITES; suite++) {
            size_t len;

            if (release == 13 && suites[suite].vminor == 4)
                continue;
            begin((enum sim_freebsd_release)release, suite);
            reads(500);
            len = bed_seal(&e.bed, 23, text + 500, 400, 0, wire);
            wire[len - 1] ^= 1;
            bed_wire(&e.bed, wire, len);
            sim_freebsd_run(e.bed.s);
            (void)bed_seal(&e.bed, 23, text, 1, 0, wire);
            ends(WEIR_E_AUTH, 500, 20);
        }
    }
}

/* All three are there when weir first reads: the kernel would give the two good ones as if nothing
 * lay between them, and tell of the bad one then. */
Test(freebsd_weir_5_1, nothing_from_behind_a_gap)
{
    for (size_t suite = 0; suite < SUITES; suite++) {
        for (size_t bad = 0; bad < 3; bad++) {
            begin(SIM_FREEBSD_15, suite);
            reads(100);
            for (size_t i = 0; i < 3; i++) {
                size_t len = bed_seal(&e.bed, 23, text + 100 + 50 * i, 50, 0, wire);

                wire[20] ^= i == bad;
                bed_wire(&e.bed, wire, len);
            }
            sim_freebsd_run(e.bed.s);
            cr_assert_eq(sim_freebsd_readable(e.bed.s), 100);
            ends(WEIR_E_AUTH, 100, 20);
        }
    }
}

/* Other errors are told when what came before them has been read. */
Test(freebsd_weir_5, data_before_a_reset)
{
    begin(SIM_FREEBSD_15, GCM13);
    bed_peer(&e.bed, 23, text, 500);
    bed_peer(&e.bed, 23, text + 500, 400);
    sim_freebsd_run(e.bed.s);
    sim_freebsd_drop(e.bed.s, FREEBSD_ECONNRESET);
    ends(WEIR_E_IO, 900, -1);
    begin(SIM_FREEBSD_15, GCM13);
    bed_peer(&e.bed, 23, text, 500);
    memset(wire, 23, 30); /* aborts, so that nothing can lie behind it */
    bed_wire(&e.bed, wire, 5 + 0x1717);
    ends(WEIR_E_VERSION, 500, -1);
}

Test(freebsd_weir_5_1, too_short_EMSGSIZE)
{
    static const uint8_t bytes[5 + 20] = {23, 3, 3, 0, 20};

    begin(SIM_FREEBSD_15, GCM12);
    reads(300);
    bed_wire(&e.bed, bytes, sizeof bytes);
    ends(WEIR_E_OVERFLOW, 300, 22);
    begin(SIM_FREEBSD_13, GCM12);
    bed_wire(&e.bed, bytes, sizeof bytes);
    ends(WEIR_E_AUTH, 0, 20);
}

/* Those that abort the connection: no alert can go any more. */
Test(freebsd_weir_5_1, aborted_EINVAL_and_EMSGSIZE)
{
    static const struct {
        size_t suite, at;
        uint8_t value;
        weir_status status;
    } cases[] = {
        {GCM12, 1, 2, WEIR_E_VERSION},    {GCM12, 2, 4, WEIR_E_VERSION},
        {GCM13, 2, 4, WEIR_E_VERSION},    {GCM13, 0, 22, WEIR_E_VERSION},
        {CHACHA12, 2, 1, WEIR_E_VERSION},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t len;

        begin(SIM_FREEBSD_15, cases[i].suite);
        reads(300);
        len = bed_seal(&e.bed, 23, text + 300, 100, 0, wire);
        wire[cases[i].at] = cases[i].value;
        bed_wire(&e.bed, wire, len);
        ends(cases[i].status, 300, -1);
    }
    begin(SIM_FREEBSD_15, GCM12);
    reads(300);
    bed_peer(&e.bed, 23, text + 300, 100); /* and in the same burst */
    memset(wire, 23, 30);
    wire[1] = wire[2] = 3;
    sim_put_be16(wire + 3, 8 + 16384 + 16 + 1);
    bed_wire(&e.bed, wire, 30);
    ends(WEIR_E_OVERFLOW, 300, -1);
}

Test(freebsd_weir_5_1, FIN_within_a_record)
{
    size_t len;

    begin(SIM_FREEBSD_15, GCM13);
    reads(300);
    len = bed_seal(&e.bed, 23, text + 300, 100, 0, wire);
    bed_wire(&e.bed, wire, len - 1);
    sim_pipe_fin(e.bed.in);
    ends(WEIR_E_OVERFLOW, 300, 22);
}

/* The end of the stream is no close_notify. */
Test(freebsd_weir_5, end_of_stream)
{
    begin(SIM_FREEBSD_15, GCM13);
    bed_peer(&e.bed, 23, text, 300);
    sim_pipe_fin(e.bed.in);
    ends(WEIR_E_TRUNCATED, 300, -1);
    begin(SIM_FREEBSD_15, GCM12);
    bed_peer(&e.bed, 23, text, 300);
    bed_peer(&e.bed, 21, "\1\0", 2);
    sim_pipe_fin(e.bed.in);
    cr_assert_eq(end_receive(&e), WEIR_CLOSED);
    cr_assert_eq(end_receive(&e), WEIR_CLOSED);
    cr_assert_eq(e.got_len, 300);
    cr_assert_eq(weir_session_close(&e.session), WEIR_OK);
    cr_assert_eq(end_flush(&e), WEIR_OK);
    end_peer_reads(&e);
    cr_assert(e.alert[0] == 1 && e.alert[1] == 0 && e.heard_len == 0);
    end_close(&e);
    begin(SIM_FREEBSD_15, GCM12);
    bed_peer(&e.bed, 23, text, 300);
    cr_assert_eq(end_receive(&e), WEIR_OK);
    sim_pipe_reset(e.bed.in);
    ends(WEIR_E_IO, 300, -1);
}

/* The error of a bad record is told once, and may be told to a send: the session ends all the same,
 * and nothing behind that record is given. */
Test(freebsd_weir_5_1, a_send_hears_the_error)
{
    size_t sent, len;

    begin(SIM_FREEBSD_15, GCM13);
    len = bed_seal(&e.bed, 23, text, 400, 0, wire);
    wire[20] ^= 1;
    bed_wire(&e.bed, wire, len);
    bed_peer(&e.bed, 23, text, 100);
    cr_assert_eq(end_send(&e, 0, 100, &sent), WEIR_E_BACKEND);
    cr_assert_eq(sent, 0);
    cr_assert_eq(end_receive(&e), WEIR_E_BACKEND);
    cr_assert_eq(e.got_len, 0);
    end_no_wrong_byte(&e);
    end_close(&e);
}

/* Records of every length, read in pieces and whole, empty ones in between. */
Test(freebsd_weir_5, records_of_all_kinds)
{
    for (size_t suite = 0; suite < SUITES; suite++) {
        size_t at = 0;

        begin(SIM_FREEBSD_15, suite);
        e.bed.host.empty_record_ends = suite % 2 == 0;
        for (size_t len = 1; at + len<TEXT_LEN; len = 2 * len> 16384 ? 1 : 2 * len) {
            bed_peer(&e.bed, 23, text + at, len);
            bed_peer(&e.bed, 23, text, 0);
            if (suites[suite].vminor == 4)
                bed_wire(&e.bed, wire, bed_seal(&e.bed, 23, NULL, 0, 100, wire));
            at += len;
            cr_assert_eq(end_receive(&e), WEIR_OK);
        }
        cr_assert(e.got_len == at && memcmp(e.got, text, at) == 0);
        end_close(&e);
    }
}

/* Handshake messages and alerts are no data; other types end the session. */
Test(freebsd_weir_5, control_records)
{
    static const uint8_t ticket[] = {4, 0, 0, 2, 1, 2};

    begin(SIM_FREEBSD_15, GCM13);
    bed_peer(&e.bed, 23, text, 10);
    bed_peer(&e.bed, 22, ticket, sizeof ticket);
    bed_peer(&e.bed, 23, text + 10, 10);
    cr_assert_eq(end_receive(&e), WEIR_OK);
    cr_assert(e.got_len == 20 && memcmp(e.got, text, 20) == 0);
    bed_peer(&e.bed, 21, "\2\50", 2);
    ends(WEIR_E_PEER_ALERT, 20, -1);
    begin(SIM_FREEBSD_15, GCM13);
    bed_peer(&e.bed, 20, "\1", 1); /* change_cipher_spec, encrypted */
    cr_assert_eq(end_receive(&e), WEIR_E_TYPE);
    end_close(&e);
    begin(SIM_FREEBSD_15, GCM13);
    bed_peer(&e.bed, 0x21, "\1", 1); /* a type that is none */
    cr_assert_eq(end_receive(&e), WEIR_E_TYPE);
    cr_assert_eq(end_flush(&e), WEIR_OK);
    end_peer_reads(&e);
    cr_assert_eq(e.alert[1], 10);
    end_close(&e);
}

/* A negotiated record size is kept; above the kernel's own it is refused. */
Test(freebsd_weir_4, record_limit)
{
    uint8_t type;
    size_t sent;

    end_begin(&e, SIM_FREEBSD_15, GCM13, WEIR_CARRIER_NONE);
    cr_assert_eq(weir_tx_set_record_limit(&e.tx, 700), WEIR_OK);
    cr_assert_eq(end_move(&e, WEIR_TX, WEIR_POLICY_DEFAULT), WEIR_OK);
    cr_assert_eq(end_send(&e, 0, 3000, &sent), WEIR_OK);
    for (size_t at = 0; at < 3000; at += 700) {
        cr_assert_eq(bed_heard(&e.bed, &type, wire), at + 700 > 3000 ? 200 : 700);
        cr_assert(memcmp(wire, text + at, 200) == 0);
    }
    end_close(&e);
    end_begin(&e, SIM_FREEBSD_15, GCM13, WEIR_CARRIER_NONE);
    e.bed.host.maxlen = 4096;
    weir_mlx5_ktls_init(&e.ktls, e.ktls.features, 4096, WEIR_CARRIER_NONE);
    cr_assert_eq(end_move(&e, WEIR_TX, WEIR_POLICY_DEFAULT), WEIR_REFUSED);
    cr_assert_eq(e.why.code, WEIR_REFUSAL_RECORD_LIMIT);
    cr_assert_eq(e.why.detail, 4096);
    cr_assert_eq(weir_tx_set_record_limit(&e.tx, 4096), WEIR_OK);
    cr_assert_eq(end_move(&e, WEIR_TX, WEIR_POLICY_DEFAULT), WEIR_OK);
    cr_assert_eq(end_send(&e, 0, 9000, &sent), WEIR_OK);
    end_peer_reads(&e);
    cr_assert(e.heard_len == 9000 && e.bed.our_seq == 3 + 3);
    end_close(&e);
}

/* A file, by sendfile: data is sent plainly, so it can stand for any send of it. */
Test(freebsd_weir_4, sendfile)
{
    for (size_t suite = 0; suite < SUITES; suite++) {
        size_t at = 777; /* within a page */

        begin(SIM_FREEBSD_15, suite);
        while (at < 50000) {
            const uint8_t *own = NULL;
            struct weir_stream_op op;
            struct weir_stream_done done = {.os_error = 0};

            cr_assert_eq(weir_session_next(&e.session, 23, 50000 - at, &op, &own), WEIR_OK);
            cr_assert(own == NULL && op.control_len == 0 && op.len > 0);
            if (sim_freebsd_sendfile(e.bed.s, text, TEXT_LEN, at, op.len, &done.len) != 0 &&
                done.len == 0)
                done.os_error = e.bed.s->err;
            cr_assert_eq(weir_session_sent(&e.session, &done), WEIR_OK);
            at += done.len;
        }
        end_peer_reads(&e);
        cr_assert(e.heard_len == 50000 - 777 && memcmp(e.heard, text + 777, e.heard_len) == 0);
        cr_assert(weir_tx_position(&e.tx).seq >= e.bed.our_seq);
        cr_assert(weir_tx_position(&e.tx).seq - weir_tx_position(&e.tx).unsure <= e.bed.our_seq);
        end_close(&e);
    }
}

/* A socket that takes little at a time: nothing lost, and the count of records stays a bound. */
Test(freebsd_weir_4, a_full_send_buffer)
{
    size_t at = 0, sent;
    int stops = 0;

    for (size_t suite = 0; suite < SUITES; suite++) {
        begin(SIM_FREEBSD_15, suite);
        e.bed.s->sndbuf = 20000;
        sim_pipe_limit(e.bed.out, 3000);
        for (at = 0; at < 60000; at += sent) {
            weir_status status = end_send(&e, at, 60000 - at, &sent);

            cr_assert(status == WEIR_OK || status == WEIR_NEED_OUTPUT);
            stops += status == WEIR_NEED_OUTPUT;
            end_peer_reads(&e);
            sim_pipe_limit(e.bed.out, 30000); /* a record fits */
        }
        sim_pipe_limit(e.bed.out, 0);
        sim_freebsd_run(e.bed.s);
        end_peer_reads(&e);
        cr_assert(e.heard_len == 60000 && memcmp(e.heard, text, 60000) == 0);
        cr_assert(weir_tx_position(&e.tx).seq >= e.bed.our_seq);
        cr_assert(weir_tx_position(&e.tx).seq - weir_tx_position(&e.tx).unsure <= e.bed.our_seq);
        end_close(&e);
    }
    cr_assert(stops > 0);
}

/* The kernel cannot encrypt: dead, with nothing wrong on the wire. */
Test(freebsd_weir_4, EIO)
{
    size_t sent;

    begin(SIM_FREEBSD_14, GCM13);
    cr_assert_eq(end_send(&e, 0, 100, &sent), WEIR_OK);
    end_peer_reads(&e);
    e.bed.host.tx_crypto_fails = true;
    cr_assert_eq(end_send(&e, 100, 100, &sent), WEIR_OK);
    cr_assert_eq(end_send(&e, 200, 100, &sent), WEIR_E_IO);
    end_no_wrong_byte(&e);
    cr_assert_eq(e.heard_len, 100);
    end_close(&e);
}

/* A kernel that took the key and encrypts nothing sends nothing in the clear. */
Test(freebsd_weir_4, no_session_no_plaintext)
{
    weir_carrier carrier;
    uint64_t wrote;
    size_t sent;

    begin(SIM_FREEBSD_15, GCM13);
    wrote = sim_pipe_write_offset(e.bed.out);
    e.bed.s->tx.set = false;
    cr_assert_eq(end_query(&e, WEIR_TX, &carrier), WEIR_OK);
    cr_assert_eq(carrier, WEIR_CARRIER_NONE);
    cr_assert_eq(end_send(&e, 0, 100, &sent), WEIR_E_BACKEND);
    (void)end_flush(&e);
    cr_assert_eq(sim_pipe_write_offset(e.bed.out), wrote);
    e.bed.s->tx.set = true; /* for the count */
    end_close(&e);
}

/* A kernel with the struct of a 32-bit process refuses ours, and takes its own. */
Test(freebsd_weir_2_2, ILP32)
{
    uint8_t bytes[WEIR_MLX5_TLS_ENABLE];
    struct weir_keys keys = {.version = WEIR_TLS13, .suite = WEIR_TLS_AES_256_GCM_SHA384};
    size_t len;

    bed_begin(&e.bed, SIM_FREEBSD_15);
    e.bed.host.ilp32 = true;
    sim_freebsd_map(&e.bed.host, 0x1000, e.bed.key, 32);
    sim_freebsd_map(&e.bed.host, 0x2000, e.bed.iv, 12);
    keys.at.seq = 5;
    len = weir_mlx5_tls_enable(bytes, &keys, true, 0x1000, 0x2000);
    cr_assert_eq(sim_freebsd_setsockopt(e.bed.s, 6, TXTLS, bytes, len), 0);
    e.bed.suite = &suites[GCM13_256];
    e.bed.our_seq = 5;
    cr_assert_eq(bed_send(&e.bed, -1, text, 100), 100);
    bed_hears(&e.bed, text, 100);
    len = weir_mlx5_tls_enable(bytes, &keys, false, 0x1000, 0x2000);
    cr_assert_eq(sim_freebsd_setsockopt(e.bed.s, 6, RXTLS, bytes, len), -1);
    bed_end(&e.bed);
}

/* The probe, on a pair of sockets of each release. */
Test(freebsd_weir_1, probe)
{
    static const uint32_t wanted[] = {7, 15, 15}; /* 13 does not receive TLS 1.3 */

    for (int release = 13; release <= 15; release++) {
        struct sim_freebsd host;
        struct sim_pipe *pipes[2] = {sim_pipe_new(0), sim_pipe_new(0)};
        struct sim_freebsd_socket *ends_of[2];
        struct weir_mlx5_ktls_probe probe;
        const struct weir_cmd *cmd;
        uint32_t features, modes;
        struct weir_refusal why;
        unsigned end;

        sim_freebsd_init(&host, (enum sim_freebsd_release)release, 1, NULL);
        for (int round = 0; round < 2; round++) {
            host.enable = round == 0;
            for (int i = 0; i < 2; i++) {
                ends_of[i] = sim_freebsd_socket_new(&host, pipes[i], pipes[1 - i]);
                sim_freebsd_route(ends_of[i], -1); /* the loopback */
            }
            weir_mlx5_ktls_probe_init(&probe);
            while ((cmd = weir_mlx5_ktls_probe_command(&probe, &end)) != NULL) {
                struct weir_done done = sim_freebsd_command(ends_of[end], cmd);

                weir_mlx5_ktls_probe_complete(&probe, &done);
            }
            if (round == 0) {
                cr_assert_eq(weir_mlx5_ktls_probe_result(&probe, &features, &modes, &why), WEIR_OK);
                cr_assert_eq(features, wanted[release - 13]);
                cr_assert_eq(modes, 0);
                cr_assert_eq(weir_mlx5_ktls_of_release(host.osreldate) & 15, features);
            } else {
                cr_assert_eq(weir_mlx5_ktls_probe_result(&probe, &features, &modes, &why),
                             WEIR_REFUSED);
                cr_assert_eq(why.code, WEIR_REFUSAL_SWITCHED_OFF);
            }
            sim_freebsd_socket_free(ends_of[0]);
            sim_freebsd_socket_free(ends_of[1]);
        }
        sim_pipe_free(pipes[0]);
        sim_pipe_free(pipes[1]);
    }
}
