/* SPDX-License-Identifier: BSD-2-Clause */
/* How connections end: closing, half-closing, hanging up, and failing system calls. */
#include "pair.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void expect_words(struct weir_conn *conn, weir_status status, const char *words)
{
    const char *line = weir_conn_explain(conn, status);
    cr_assert_not_null(strstr(line, words), "'%s' does not say '%s'", line, words);
    cr_assert_null(strchr(line, '\n'));
}

Test(ends, half_close)
{
    struct pair *pair = pair_open(WEIR_TLS13, 0);
    struct weir_conn *client = pair->client.conn, *server = pair->server.conn;
    uint8_t buf[100000], out[100000];
    size_t got = 0, put = 0, at = 0;
    pattern_fill(out, 0, sizeof out);
    cr_assert_eq(weir_conn_write(client, out, 10, &put), WEIR_OK);
    cr_assert_eq(weir_conn_close(client), WEIR_OK);
    cr_assert_eq(weir_conn_close(client), WEIR_OK, "twice is fine");
    cr_assert_eq(weir_conn_write(client, out, 10, &put), WEIR_E_MISUSE);
    cr_assert_eq(put, 0);
    cr_assert_eq(weir_conn_events(client), POLLIN);

    cr_assert_eq(weir_conn_read(server, buf, sizeof buf, &got), WEIR_OK);
    cr_assert_eq(got, 10);
    cr_assert_eq(weir_conn_read(server, buf, sizeof buf, &got), WEIR_CLOSED);
    cr_assert_eq(weir_conn_read(server, buf, sizeof buf, &got), WEIR_CLOSED, "for ever");
    cr_assert_eq(weir_conn_events(server), 0);

    /* The other direction lives on. */
    cr_assert_eq(weir_conn_write(server, out, sizeof out, &put), WEIR_OK);
    cr_assert_eq(read_pattern(client, &at), WEIR_NEED_INPUT);
    cr_assert_eq(at, sizeof out);
    cr_assert_eq(weir_conn_close(server), WEIR_OK);
    cr_assert_eq(weir_conn_read(client, buf, sizeof buf, &got), WEIR_CLOSED);
    cr_assert_eq(weir_conn_events(client), 0);
    pair_free(pair);
}

/* close_notify waits its turn when the socket is full. */
Test(ends, close_behind_waiting_data)
{
    struct pair *pair = pair_open(WEIR_TLS13, 5000);
    static uint8_t out[60000];
    size_t put = 0, at = 0, sent = 0;
    weir_status status = WEIR_OK;
    pattern_fill(out, 0, sizeof out);
    while (status == WEIR_OK) {
        cr_assert(sent < 1000000);
        status = weir_conn_write(pair->client.conn, out, sizeof out, &put);
        sent += put;
        pattern_fill(out, sent, sizeof out);
    }
    cr_assert_eq(status, WEIR_NEED_OUTPUT);
    cr_assert_eq(weir_conn_close(pair->client.conn), WEIR_NEED_OUTPUT);
    cr_assert_eq(weir_conn_flush(pair->client.conn), WEIR_NEED_OUTPUT);
    cr_assert(weir_conn_events(pair->client.conn) & POLLOUT);
    while (status != WEIR_CLOSED) {
        status = read_pattern(pair->server.conn, &at);
        cr_assert(status == WEIR_NEED_INPUT || status == WEIR_CLOSED);
        weir_status closed = weir_conn_close(pair->client.conn);
        cr_assert(closed == WEIR_OK || closed == WEIR_NEED_OUTPUT);
    }
    cr_assert_eq(at, sent);
    pair_free(pair);
}

/* A writer that gave up because the socket was full waits for it no longer: a loop that is told so
 * would turn without end, since a socket that is shut down can always be written to. */
Test(ends, close_of_a_writer_that_waits)
{
    struct pair *pair = pair_open(WEIR_TLS13, 5000);
    static uint8_t out[60000];
    size_t put = 0, at = 0;
    weir_status status = WEIR_OK;
    while (status == WEIR_OK) {
        status = weir_conn_write(pair->client.conn, out, sizeof out, &put);
    }
    cr_assert_eq(status, WEIR_NEED_OUTPUT);
    for (int round = 0; status != WEIR_OK && round < 10000; round++) {
        const uint8_t *data = NULL;
        (void)(weir_conn_read_view(pair->server.conn, &data, &at) == WEIR_OK);
        status = weir_conn_close(pair->client.conn);
    }
    cr_assert_eq(status, WEIR_OK);
    cr_assert_eq(weir_conn_events(pair->client.conn), POLLIN);
    pair_free(pair);
}

Test(ends, end_of_stream_without_close_notify)
{
    struct raw *raw = raw_open(WEIR_TLS13, false);
    uint8_t buf[10];
    size_t got = 0, put = 0;
    raw_say(raw, WEIR_TYPE_DATA, "abc", 3);
    raw_hang_up(raw);
    cr_assert_eq(weir_conn_read(raw->end.conn, buf, sizeof buf, &got), WEIR_OK);
    cr_assert_eq(got, 3, "what came before it is given");
    cr_assert_eq(weir_conn_read(raw->end.conn, buf, sizeof buf, &got), WEIR_E_TRUNCATED);
    cr_assert_eq(weir_conn_read(raw->end.conn, buf, sizeof buf, &got), WEIR_E_TRUNCATED);
    cr_assert(weir_conn_write(raw->end.conn, "x", 1, &put) < WEIR_OK);
    cr_assert_eq(put, 0);
    cr_assert_eq(weir_conn_events(raw->end.conn), 0);
    expect_words(raw->end.conn, WEIR_E_TRUNCATED, "without close_notify");
    raw_free(raw);
}

/* The end of the peer's direction, received together with data, while the transport stays open. */
Test(ends, in_one_piece_with_data)
{
    static const struct {
        const char *alert;
        weir_status status;
    } ends[] = {{"\1\0", WEIR_CLOSED}, {"\2\24", WEIR_E_PEER_ALERT}};
    for (size_t i = 0; i < 2; i++) {
        struct raw *raw = raw_open(WEIR_TLS13, false);
        uint8_t buf[10];
        size_t got = 0;
        raw_say(raw, WEIR_TYPE_DATA, "abc", 3);
        raw_say(raw, WEIR_TYPE_ALERT, ends[i].alert, 2);
        cr_assert_eq(weir_conn_read(raw->end.conn, buf, sizeof buf, &got), WEIR_OK);
        cr_assert_eq(got, 3);
        cr_assert_eq(weir_conn_read(raw->end.conn, buf, sizeof buf, &got), ends[i].status);
        raw_free(raw);
    }
}

Test(ends, hang_up_in_mid_record)
{
    for (size_t cut = 1; cut < 27; cut++) {
        struct raw *raw = raw_open(WEIR_TLS13, true);
        uint8_t wire[64], buf[10];
        struct weir_iov in = {.base = (const uint8_t *)"hello", .len = 5};
        size_t taken = 0, made = 0, got = 0;
        cr_assert_eq(
            weir_tx_seal(&raw->tx, WEIR_TYPE_DATA, &in, 1, wire, sizeof wire, &taken, &made),
            WEIR_OK);
        cr_assert_eq(made, 27);
        raw_send(raw, wire, cut);
        cr_assert_eq(weir_conn_read(raw->end.conn, buf, sizeof buf, &got), WEIR_NEED_INPUT);
        raw_hang_up(raw);
        cr_assert_eq(weir_conn_read(raw->end.conn, buf, sizeof buf, &got), WEIR_E_TRUNCATED);
        raw_free(raw);
    }
}

/* Whatever comes after close_notify does not matter, not even how it ends. */
Test(ends, rubbish_after_close_notify)
{
    struct raw *raw = raw_open(WEIR_TLS13, true);
    const uint8_t *data = NULL;
    size_t got = 0;
    raw_say(raw, WEIR_TYPE_ALERT, "\1\0", 2);
    raw_send(raw, "rubbish", 7);
    raw_hang_up(raw);
    cr_assert_eq(weir_conn_read_view(raw->end.conn, &data, &got), WEIR_CLOSED);
    cr_assert_eq(weir_conn_read_view(raw->end.conn, &data, &got), WEIR_CLOSED);
    raw_free(raw);
}

Test(ends, peer_alert)
{
    struct raw *raw = raw_open(WEIR_TLS13, true);
    const uint8_t *data = NULL;
    size_t got = 0;
    raw_say(raw, WEIR_TYPE_ALERT, "\2\24", 2);
    cr_assert_eq(weir_conn_read_view(raw->end.conn, &data, &got), WEIR_E_PEER_ALERT);
    expect_words(raw->end.conn, WEIR_E_PEER_ALERT, "fatal alert: bad_record_mac");
    raw_free(raw);
}

/* EPIPE: no signal, sticky, and reading goes on: the peer's alert says why. */
Test(ends, broken_pipe)
{
    struct raw *raw = raw_open(WEIR_TLS13, true);
    const uint8_t *data = NULL;
    size_t got = 0, put = 0;
    raw_say(raw, WEIR_TYPE_DATA, "last words", 10);
    raw_say(raw, WEIR_TYPE_ALERT, "\2\50", 2);
    raw_hang_up(raw);
    cr_assert_eq(weir_conn_write(raw->end.conn, "x", 1, &put), WEIR_E_IO);
    expect_words(raw->end.conn, WEIR_E_IO, "send: Broken pipe");
    cr_assert_eq(weir_conn_write(raw->end.conn, "x", 1, &put), WEIR_E_IO);
    cr_assert_eq(put, 0);
    cr_assert_eq(weir_conn_flush(raw->end.conn), WEIR_E_IO);
    cr_assert_eq(weir_tx_status(weir_conn_tx(raw->end.conn)), WEIR_E_IO, "no nonce is used again");
    cr_assert_eq(weir_conn_events(raw->end.conn), POLLIN);
    cr_assert_eq(weir_conn_read_view(raw->end.conn, &data, &got), WEIR_OK);
    cr_assert_eq(memcmp(data, "last words", 10), 0);
    cr_assert_eq(weir_conn_read_view(raw->end.conn, &data, &got), WEIR_E_PEER_ALERT);
    expect_words(raw->end.conn, WEIR_E_IO, "the peer sent alert handshake_failure");
    cr_assert_eq(weir_conn_close(raw->end.conn), WEIR_E_IO);
    cr_assert_eq(weir_conn_events(raw->end.conn), 0);
    raw_free(raw);
}

/* Of a failed send nobody knows how much arrived: nothing is ever sent after it. */
Test(ends, every_send_that_can_fail)
{
    for (unsigned at = 1; at <= 6; at++) {
        struct raw *raw = raw_open(WEIR_TLS13, true);
        static uint8_t out[5000];
        size_t put = 0;
        weir_status status = WEIR_OK;
        plan_send = (struct syscall_plan){.fail_with = ECONNRESET, .fail_at = at, .most = 900};
        status = weir_conn_write(raw->end.conn, out, sizeof out, &put);
        cr_assert_eq(status, WEIR_E_IO);
        unsigned calls = plan_send.calls;
        cr_assert_eq(calls, at);
        cr_assert_eq(weir_conn_write(raw->end.conn, out, sizeof out, &put), WEIR_E_IO);
        cr_assert_eq(weir_conn_key_update(raw->end.conn, true), WEIR_E_IO);
        cr_assert_eq(weir_conn_close(raw->end.conn), WEIR_E_IO);
        cr_assert_eq(plan_send.calls, calls, "it tried again");
        expect_words(raw->end.conn, WEIR_E_IO, "send: Connection reset by peer");
        plan_send = (struct syscall_plan){0};
        raw_free(raw);
    }
}

Test(ends, receive_that_fails)
{
    struct raw *raw = raw_open(WEIR_TLS13, true);
    const uint8_t *data = NULL;
    size_t got = 0, put = 0;
    plan_recv = (struct syscall_plan){.fail_with = ETIMEDOUT, .fail_at = 1};
    cr_assert_eq(weir_conn_read_view(raw->end.conn, &data, &got), WEIR_E_IO);
    cr_assert_eq(weir_conn_read_view(raw->end.conn, &data, &got), WEIR_E_IO);
    cr_assert_eq(plan_recv.calls, 1);
    plan_send = (struct syscall_plan){0};
    cr_assert_eq(weir_conn_write(raw->end.conn, "x", 1, &put), WEIR_E_IO);
    cr_assert_eq(plan_send.calls, 0);
    expect_words(raw->end.conn, WEIR_E_IO, "recv: Connection timed out");
    raw_free(raw);
}

/* ---- ends of the handshake ---- */

static void one_end(struct end *end, int *peer)
{
    int fd[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    end_open(end, fd[0], true, WEIR_TLS13);
    *peer = fd[1];
}

static void drop(struct end *end, int peer)
{
    weir_conn_free(end->conn);
    cr_assert_eq(end->fake.released, 1);
    (void)close(end->fd);
    if (peer >= 0) {
        (void)close(peer);
    }
}

Test(ends, handshake_cut_off)
{
    for (size_t len = 0; len < 4; len++) {
        struct end end;
        int peer = -1;
        size_t n = 0;
        one_end(&end, &peer);
        cr_assert_eq(weir_conn_handshake(end.conn), WEIR_NEED_INPUT);
        cr_assert_eq(weir_conn_events(end.conn), POLLIN);
        cr_assert_eq(weir_conn_read(end.conn, &n, 1, &n), WEIR_E_MISUSE);
        cr_assert_eq(weir_conn_write(end.conn, "x", 1, &n), WEIR_E_MISUSE);
        cr_assert_null(weir_conn_session(end.conn));
        cr_assert_eq(write(peer, "helo", len), (ssize_t)len);
        (void)close(peer);
        cr_assert_eq(weir_conn_handshake(end.conn), WEIR_E_TRUNCATED);
        cr_assert_eq(weir_conn_handshake(end.conn), WEIR_E_TRUNCATED);
        cr_assert_eq(weir_conn_write(end.conn, "x", 1, &n), WEIR_E_TRUNCATED);
        cr_assert_eq(weir_conn_read(end.conn, &n, 1, &n), WEIR_E_TRUNCATED);
        cr_assert_eq(weir_conn_events(end.conn), 0);
        expect_words(end.conn, WEIR_E_TRUNCATED, "during the TLS handshake");
        drop(&end, -1);
    }
}

Test(ends, handshake_of_rubbish)
{
    struct end end;
    int peer = -1;
    uint8_t buf[16];
    one_end(&end, &peer);
    cr_assert_eq(write(peer, "heLO", 4), 4);
    cr_assert_eq(weir_conn_handshake(end.conn), WEIR_E_HANDSHAKE);
    expect_words(end.conn, WEIR_E_HANDSHAKE, "TLS handshake failed (fake): this is not helo");
    /* What the library said last reaches the peer, then FIN. */
    cr_assert_eq(read(peer, buf, sizeof buf), 4);
    cr_assert_eq(read(peer, buf, sizeof buf), 0);
    drop(&end, peer);
}

Test(ends, handshake_while_the_socket_is_full)
{
    struct end end;
    int peer = -1;
    one_end(&end, &peer);
    cr_assert_eq(write(peer, "helo", 4), 4);
    plan_send = (struct syscall_plan){.eagain = 2, .most = 1};
    cr_assert_eq(weir_conn_handshake(end.conn), WEIR_NEED_OUTPUT);
    cr_assert_eq(weir_conn_events(end.conn), POLLOUT);
    weir_status status = WEIR_NEED_OUTPUT;
    for (int i = 0; i < 10 && status == WEIR_NEED_OUTPUT; i++) {
        cr_assert_null(weir_conn_session(end.conn), "keys only after the last byte of output");
        status = weir_conn_handshake(end.conn);
    }
    cr_assert_eq(status, WEIR_OK);
    drop(&end, peer);
}

/* A library that has read all it needs, and waits for the application and not for the peer. */
Test(ends, handshake_that_was_suspended)
{
    for (int server = 0; server < 2; server++) {
        struct pair *pair = pair_new(WEIR_TLS13, 0);
        struct end *end = server ? &pair->server : &pair->client;
        struct end *peer = server ? &pair->client : &pair->server;
        end->fake.suspended = true;
        for (int i = 0; i < 3; i++) {
            cr_assert(weir_conn_handshake(peer->conn) >= WEIR_OK);
            cr_assert_eq(weir_conn_handshake(end->conn), WEIR_NEED_INPUT);
        }
        cr_assert_eq(end->fake.heard, 4);
        end->fake.suspended = false;
        cr_assert_eq(weir_conn_handshake(end->conn), WEIR_OK);
        pair_free(pair);
    }
}

/* A peer that sends on meanwhile fills the buffer: then nobody is woken for more of it. */
Test(ends, handshake_suspended_while_the_peer_sends)
{
    struct pair *pair = pair_new(WEIR_TLS13, 0);
    struct weir_conn *client = pair->client.conn, *server = pair->server.conn;
    static uint8_t out[60000];
    size_t put = 0, at = 0;
    int woken = 0;
    pattern_fill(out, 0, sizeof out);
    pair->server.fake.suspended = true;
    cr_assert_eq(weir_conn_handshake(client), WEIR_NEED_INPUT);
    cr_assert_eq(weir_conn_handshake(server), WEIR_NEED_INPUT);
    cr_assert_eq(weir_conn_events(server), POLLIN, "there is room");
    cr_assert_eq(weir_conn_handshake(client), WEIR_OK);
    cr_assert_eq(weir_conn_write(client, out, sizeof out, &put), WEIR_OK);
    while (weir_conn_events(server) != 0) {
        struct pollfd wait = {pair->server.fd, weir_conn_events(server), 0};
        cr_assert_eq(wait.events, POLLIN);
        cr_assert_eq(poll(&wait, 1, 2000), 1);
        cr_assert_lt(++woken, 100, "woken for nothing");
        cr_assert_eq(weir_conn_handshake(server), WEIR_NEED_INPUT);
    }
    pair->server.fake.suspended = false;
    cr_assert_eq(weir_conn_handshake(server), WEIR_OK);
    cr_assert_eq(weir_conn_events(server), POLLIN);
    cr_assert_eq(read_pattern(server, &at), WEIR_NEED_INPUT);
    cr_assert_eq(at, sizeof out, "and nothing was lost");
    pair_free(pair);
}

/* Records right behind the handshake belong to the session. */
Test(ends, data_in_one_piece_with_the_handshake)
{
    struct pair *pair = pair_new(WEIR_TLS13, 0);
    uint8_t buf[8];
    size_t put = 0, got = 0;
    cr_assert_eq(weir_conn_handshake(pair->client.conn), WEIR_NEED_INPUT);
    /* The server's helo is all the client waits for. */
    cr_assert_eq(write(pair->server.fd, "helo", 4), 4);
    pair->server.fake.said = 4;
    cr_assert_eq(weir_conn_handshake(pair->client.conn), WEIR_OK);
    cr_assert_eq(weir_conn_write(pair->client.conn, "early", 5, &put), WEIR_OK);
    cr_assert_eq(weir_conn_handshake(pair->server.conn), WEIR_OK);
    plan_recv = (struct syscall_plan){0};
    cr_assert_eq(weir_conn_read(pair->server.conn, buf, sizeof buf, &got), WEIR_OK);
    cr_assert_eq(got, 5);
    cr_assert_eq(plan_recv.calls, 0, "it was there already");
    pair_free(pair);
}
