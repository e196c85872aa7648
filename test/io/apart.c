/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a direction has to do with the session, or with the other direction: what a connection of
 * two threads must not leave to one of them. Every test of this suite runs both ways, see pair.c.
 */
#include "pair.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

/* A message for the TLS library, cut in two. */
static const uint8_t ticket[] = {4, 0, 0, 3, 1, 2, 3};

/* RFC 8446 section 5.1: "Handshake messages MUST NOT be interleaved with other record types." */
Test(apart, data_between_the_pieces_of_a_message)
{
    for (unsigned how = 0; how < 8; how++) {
        struct raw *raw = raw_open(WEIR_TLS13, false);
        uint8_t buf[100];
        size_t got = 0, want = 0;
        if ((how & 1) != 0) {
            raw_say(raw, WEIR_TYPE_DATA, "before", 6);
            want = 6;
        }
        if ((how & 2) != 0) {
            cr_assert_eq(weir_conn_read(raw->end.conn, buf, sizeof buf, &got),
                         want > 0 ? WEIR_OK : WEIR_NEED_INPUT);
            want = 0;
        }
        raw_say(raw, WEIR_TYPE_HANDSHAKE, ticket, 2);
        if ((how & 4) != 0) {
            cr_assert_eq(weir_conn_read(raw->end.conn, buf, sizeof buf, &got),
                         want > 0 ? WEIR_OK : WEIR_NEED_INPUT);
            want = 0;
        }
        raw_say(raw, WEIR_TYPE_DATA, "between", 7);
        weir_status status = weir_conn_read(raw->end.conn, buf, sizeof buf, &got);
        if (want > 0) {
            cr_assert_eq(status, WEIR_OK);
            cr_assert_eq(got, want);
            status = weir_conn_read(raw->end.conn, buf, sizeof buf, &got);
        }
        cr_assert_eq(status, WEIR_E_TYPE, "%u", how);
        raw_expect_alert(raw, 10);
        raw_free(raw);
    }
}

/* The session sees the piece behind more records than are opened at once, none of them with data.
 */
Test(apart, data_behind_a_piece_behind_nothing)
{
    for (size_t records = 1; records < 30; records++) {
        struct raw *raw = raw_open(WEIR_TLS13, false);
        uint8_t wire[4096], buf[100];
        size_t len = 0, taken = 0, made = 0, got = 0;
        for (size_t i = 0; i <= records; i++) {
            const struct weir_iov piece = {ticket, i == records ? 2 : 0};
            uint8_t type = i == records ? WEIR_TYPE_HANDSHAKE : WEIR_TYPE_DATA;
            cr_assert_eq(weir_tx_seal(&raw->tx, type, &piece, 1, wire + len, sizeof wire - len,
                                      &taken, &made),
                         WEIR_OK);
            len += made;
        }
        raw_send(raw, wire, len);
        cr_assert_eq(weir_conn_read(raw->end.conn, buf, sizeof buf, &got), WEIR_NEED_INPUT);
        raw_say(raw, WEIR_TYPE_DATA, "between", 7);
        cr_assert_eq(weir_conn_read(raw->end.conn, buf, sizeof buf, &got), WEIR_E_TYPE);
        raw_expect_alert(raw, 10);
        raw_free(raw);
    }
}

Test(apart, data_between_messages)
{
    for (unsigned how = 0; how < 2; how++) {
        struct raw *raw = raw_open(WEIR_TLS13, false);
        size_t at = 0;
        uint8_t data[700];
        for (size_t i = 0; i < 50; i++) {
            pattern_fill(data, i * sizeof data, sizeof data);
            raw_say(raw, WEIR_TYPE_DATA, data, sizeof data);
            if (how != 0) {
                cr_assert_eq(read_pattern(raw->end.conn, &at), WEIR_NEED_INPUT);
            }
            raw_say(raw, WEIR_TYPE_HANDSHAKE, ticket, 3);
            raw_say(raw, WEIR_TYPE_HANDSHAKE, ticket + 3, sizeof ticket - 3);
        }
        cr_assert_eq(read_pattern(raw->end.conn, &at), WEIR_NEED_INPUT);
        cr_assert_eq(at, 50 * sizeof data);
        cr_assert_eq(raw->end.fake.delivered_len, 50 * sizeof ticket);
        raw_free(raw);
    }
}

/* How many empty records or warnings may come in a row is the session's to count; data between them
 * begins it anew. */
Test(apart, a_flood_with_and_without_data)
{
    for (unsigned how = 0; how < 2; how++) {
        struct raw *raw = raw_open(WEIR_TLS13, true);
        const uint8_t *data = NULL;
        size_t got = 0;
        weir_status status = WEIR_NEED_INPUT;
        for (unsigned i = 0; i < 2000 && status >= WEIR_OK; i++) {
            raw_say(raw, WEIR_TYPE_HANDSHAKE, "\x18\x00\x00\x01\x00", 5);
            cr_assert_eq(weir_tx_rekey(&raw->tx, raw->end.fake.handshake.kdf), WEIR_OK);
            if (how == 0) {
                raw_say(raw, WEIR_TYPE_DATA, "x", 1);
                cr_assert_eq(weir_conn_read_view(raw->end.conn, &data, &got), WEIR_OK);
            }
            status = weir_conn_read_view(raw->end.conn, &data, &got);
        }
        cr_assert_eq(status, how == 0 ? WEIR_NEED_INPUT : WEIR_E_FLOOD);
        raw_free(raw);
    }
}

/* ---- a key that is used up ---- */

enum { WRITES = 4 };

static weir_status write_some(struct weir_conn *conn, unsigned how, uint8_t *text, size_t len,
                              size_t *put)
{
    struct iovec two[2] = {{text, len / 3}, {text + len / 3, len - len / 3}};
    int pipes[2];
    *put = 0;
    switch (how) {
    case 0:
        return weir_conn_write(conn, text, len, put);
    case 1:
        return weir_conn_write_lent(conn, text, len, put);
    case 2:
        return weir_conn_writev(conn, two, 2, put);
    default:
        break;
    }
    cr_assert_eq(pipe2(pipes, O_NONBLOCK), 0);
    cr_assert_eq(write(pipes[1], text, len), (ssize_t)len);
    weir_status status = weir_conn_splice_from(conn, pipes[0], len, put);
    (void)close(pipes[0]);
    (void)close(pipes[1]);
    return status;
}

Test(apart, sending_renews_the_key)
{
    static uint8_t text[40001];
    for (unsigned how = 0; how < WRITES; how++) {
        struct pair *pair = pair_open(WEIR_TLS13, 0);
        size_t at = 0, sent = 0;
        weir_tx_set_limit(weir_session_tx(weir_conn_session(pair->client.conn)),
                          (struct weir_limit){.soft = 3000, .hard = 6000});
        for (unsigned i = 0; i < 20; i++) {
            size_t put = 0;
            pattern_fill(text, sent, 40000);
            cr_assert_eq(write_some(pair->client.conn, how, text, 40000, &put), WEIR_OK);
            cr_assert_eq(put, 40000);
            sent += put;
            cr_assert_eq(read_pattern(pair->server.conn, &at), WEIR_NEED_INPUT);
            cr_assert_eq(at, sent);
        }
        cr_assert(weir_tx_counters(weir_conn_tx(pair->client.conn)).rekeys >= 8);
        pair_free(pair);
    }
}

/* TLS 1.2 cannot. First it says so, unless there is no room for that; then both directions end. */
static void use_up(unsigned how, uint64_t soft, uint64_t hard)
{
    static uint8_t text[1001];
    struct raw *raw = raw_open(WEIR_TLS12, false);
    const uint8_t *data = NULL;
    uint8_t content[2000];
    size_t put = 0, got = 0;
    weir_status status = WEIR_OK;
    unsigned due = 0;
    weir_tx_set_limit(weir_session_tx(weir_conn_session(raw->end.conn)),
                      (struct weir_limit){.soft = soft, .hard = hard});
    for (unsigned i = 0; i < 100 && status >= WEIR_OK; i++) {
        status = write_some(raw->end.conn, how, text, 1000, &put);
        cr_assert_eq(put, status >= WEIR_OK ? 1000 : 0);
        due += status == WEIR_REKEY_DUE;
        if (status >= WEIR_OK) {
            cr_assert_eq(raw_hear(raw, content, sizeof content, &got), WEIR_TYPE_DATA);
        }
    }
    cr_assert_eq(status, WEIR_E_KEY_LIMIT);
    cr_assert(soft == hard ? due == 0 : due >= 10);
    cr_assert_eq(weir_conn_read_view(raw->end.conn, &data, &got), WEIR_E_KEY_LIMIT);
    cr_assert_eq(weir_rx_status(weir_conn_rx(raw->end.conn)), WEIR_E_KEY_LIMIT);
    raw_free(raw);
}

Test(apart, sending_uses_the_key_up)
{
    for (unsigned how = 0; how < WRITES; how++) {
        use_up(how, 1000, 2000);
        use_up(how, 2000, 2000);
    }
}

/* The peer's key is used up: it is asked for another one, once. */
Test(apart, receiving_asks_for_a_key)
{
    struct pair *pair = pair_open(WEIR_TLS13, 0);
    static uint8_t text[30000];
    size_t at = 0, none = 0;
    weir_rx_set_limit(weir_session_rx(weir_conn_session(pair->server.conn)),
                      (struct weir_limit){.soft = 3000, .hard = 100000});
    for (unsigned i = 0; i < 4; i++) {
        size_t put = 0;
        pattern_fill(text, at, sizeof text);
        cr_assert_eq(weir_conn_write(pair->client.conn, text, sizeof text, &put), WEIR_OK);
        cr_assert_eq(read_pattern(pair->server.conn, &at), WEIR_NEED_INPUT);
        cr_assert_eq(read_pattern(pair->client.conn, &none), WEIR_NEED_INPUT);
    }
    cr_assert_eq(read_pattern(pair->server.conn, &at), WEIR_NEED_INPUT);
    cr_assert_geq(weir_rx_counters(weir_conn_rx(pair->server.conn)).rekeys, 1);
    cr_assert_eq(weir_tx_counters(weir_conn_tx(pair->client.conn)).rekeys,
                 weir_rx_counters(weir_conn_rx(pair->server.conn)).rekeys);
    cr_assert_eq(weir_rx_counters(weir_conn_rx(pair->client.conn)).rekeys,
                 weir_tx_counters(weir_conn_tx(pair->server.conn)).rekeys);
    pair_free(pair);
}

/* ---- failures of the transport ---- */

/* What recv(2) tells once is not lost on the way to the session. */
Test(apart, a_reset)
{
    struct raw *raw = raw_open(WEIR_TLS13, true);
    const uint8_t *data = NULL;
    size_t got = 0;
    raw_say(raw, WEIR_TYPE_DATA, "x", 1);
    cr_assert_eq(weir_conn_read_view(raw->end.conn, &data, &got), WEIR_OK);
    plan_recv = (struct syscall_plan){.fail_with = ECONNRESET, .fail_at = 1};
    cr_assert_eq(weir_conn_read_view(raw->end.conn, &data, &got), WEIR_E_IO);
    cr_assert_not_null(strstr(weir_conn_explain(raw->end.conn, WEIR_E_IO), strerror(ECONNRESET)));
    plan_recv = (struct syscall_plan){0};
    cr_assert_eq(weir_conn_read_view(raw->end.conn, &data, &got), WEIR_E_IO);
    raw_free(raw);
}

/* Who only reads sends what waits all the same; with two threads he is told that something waits.
 */
Test(apart, what_waits_while_reading)
{
    struct raw *raw = raw_open(WEIR_TLS13, true);
    const uint8_t *data = NULL;
    uint8_t content[16];
    size_t put = 0, got = 0;
    bool two = getenv("WEIR_TEST_TWO_THREADS") != NULL;
    plan_send = (struct syscall_plan){.eagain = 1};
    cr_assert_eq(weir_conn_write(raw->end.conn, "waits", 5, &put), WEIR_OK);
    plan_send = (struct syscall_plan){0};
    raw_say(raw, WEIR_TYPE_DATA, "x", 1);
    cr_assert_eq(weir_conn_read_view(raw->end.conn, &data, &got), WEIR_OK);
    cr_assert_eq(weir_conn_events(raw->end.conn), two ? POLLIN | POLLOUT : POLLIN);
    cr_assert_eq(weir_conn_flush(raw->end.conn), WEIR_OK);
    cr_assert_eq(weir_conn_events(raw->end.conn), POLLIN);
    cr_assert_eq(raw_hear(raw, content, sizeof content, &got), WEIR_TYPE_DATA);
    cr_assert_eq(memcmp(content, "waits", 5), 0);
    raw_free(raw);
}
