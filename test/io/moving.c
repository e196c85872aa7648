/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes arrive whole and in order, however the socket cuts them. */
#include "pair.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* One end that writes `len` bytes of the pattern in pieces of `piece`, of which it lends every
 * second one, closes, and reads. */
struct task {
    struct weir_conn *conn;
    size_t len, piece, sent, got;
    bool closed, heard, lends;
};

static void step(struct task *t)
{
    static uint8_t buf[500001];
    while (t->sent < t->len) {
        size_t n = t->len - t->sent < t->piece ? t->len - t->sent : t->piece;
        size_t put = 0;
        pattern_fill(buf, t->sent, n);
        weir_status status = t->lends ? weir_conn_write_lent(t->conn, buf, n, &put)
                                      : weir_conn_write(t->conn, buf, n, &put);
        cr_assert(pattern_is(buf, t->sent, n));
        t->sent += put;
        t->lends = !t->lends;
        cr_assert(status == WEIR_OK || status == WEIR_NEED_OUTPUT, "%s",
                  weir_conn_explain(t->conn, status));
        cr_assert_eq(status == WEIR_OK, put == n);
        if (status == WEIR_NEED_OUTPUT) {
            cr_assert(weir_conn_events(t->conn) & POLLOUT);
            break;
        }
    }
    if (t->sent == t->len && !t->closed) {
        weir_status status = weir_conn_close(t->conn);
        cr_assert(status == WEIR_OK || status == WEIR_NEED_OUTPUT);
        t->closed = status == WEIR_OK;
    }
    if (!t->heard) {
        weir_status status = read_pattern(t->conn, &t->got);
        cr_assert(status == WEIR_NEED_INPUT || status == WEIR_CLOSED, "%s",
                  weir_conn_explain(t->conn, status));
        t->heard = status == WEIR_CLOSED;
    }
}

static void run(struct pair *pair, size_t len, size_t piece)
{
    struct task a = {.conn = pair->client.conn, .len = len, .piece = piece};
    struct task b = {.conn = pair->server.conn, .len = len / 2 + 1, .piece = piece * 2 + 1};
    while (!a.closed || !a.heard || !b.closed || !b.heard) {
        size_t before = a.sent + a.got + b.sent + b.got;
        step(&a);
        step(&b);
        if (before == a.sent + a.got + b.sent + b.got) {
            struct pollfd wait[2] = {{pair->client.fd, weir_conn_events(a.conn), 0},
                                     {pair->server.fd, weir_conn_events(b.conn), 0}};
            cr_assert(poll(wait, 2, 5000) >= 0 || errno == EINTR);
        }
    }
    cr_assert_eq(a.got, b.len);
    cr_assert_eq(b.got, a.len);
    cr_assert_eq(weir_conn_events(a.conn), 0);
    cr_assert_eq(weir_conn_events(b.conn), 0);
}

Test(moving, whole)
{
    for (int v = 0; v < 2; v++) {
        struct pair *pair = pair_open(v == 0 ? WEIR_TLS12 : WEIR_TLS13, 0);
        run(pair, 3000000, 100000);
        pair_free(pair);
    }
}

Test(moving, through_tiny_socket_buffers)
{
    struct pair *pair = pair_open(WEIR_TLS13, 1);
    run(pair, 700000, 77777);
    pair_free(pair);
}

Test(moving, small_writes)
{
    struct pair *pair = pair_open(WEIR_TLS13, 4096);
    run(pair, 60000, 1);
    pair_free(pair);
}

Test(moving, huge_writes)
{
    struct pair *pair = pair_open(WEIR_TLS12, 30000);
    run(pair, 2000000, 180000);
    pair_free(pair);
}

Test(moving, one_byte_a_call)
{
    struct pair *pair = pair_new(WEIR_TLS13, 0);
    weir_status client = WEIR_NEED_INPUT, server = WEIR_NEED_INPUT;
    plan_send.most = plan_recv.most = 1;
    for (int i = 0; i < 10 && (client != WEIR_OK || server != WEIR_OK); i++) {
        client = weir_conn_handshake(pair->client.conn);
        server = weir_conn_handshake(pair->server.conn);
    }
    cr_assert_eq(client, WEIR_OK);
    cr_assert_eq(server, WEIR_OK);
    run(pair, 50000, 20000);
    pair_free(pair);
}

/* EINTR at every place, EAGAIN at every place, together with cuts anywhere. */
Test(moving, interrupted_and_refused_calls)
{
    for (unsigned every = 2; every < 9; every++) {
        struct pair *pair = pair_open(WEIR_TLS13, 0);
        plan_send =
            (struct syscall_plan){.most = (size_t)1000 * every, .eintr = every, .eagain = 3};
        plan_recv = (struct syscall_plan){.most = (size_t)777 * every, .eintr = every, .eagain = 5};
        run(pair, 400000, 123456);
        plan_send = plan_recv = (struct syscall_plan){0};
        pair_free(pair);
    }
}

/* Real signals, at whatever place they come. */
static void on_alarm(int number)
{
    (void)number;
}

Test(moving, under_signals)
{
    struct sigaction action = {.sa_handler = on_alarm};
    struct pair *pair = pair_open(WEIR_TLS13, 5000);
    (void)sigaction(SIGALRM, &action, NULL);
    for (int i = 0; i < 20; i++) {
        (void)ualarm(300, 300);
    }
    run(pair, 2000000, 200000);
    (void)ualarm(0, 0);
    pair_free(pair);
}

Test(moving, view_gives_records_where_they_lie)
{
    struct raw *raw = raw_open(WEIR_TLS13, false);
    const uint8_t *data = NULL;
    uint8_t buf[4];
    size_t got = 0;
    raw_say(raw, WEIR_TYPE_DATA, "abcdef", 6);
    raw_say(raw, WEIR_TYPE_DATA, "", 0);
    raw_say(raw, WEIR_TYPE_DATA, "ghi", 3);
    /* A copy first: the view then holds the rest of the record. */
    cr_assert_eq(weir_conn_read(raw->end.conn, buf, 4, &got), WEIR_OK);
    cr_assert_eq(got, 4);
    cr_assert_eq(memcmp(buf, "abcd", 4), 0);
    cr_assert_eq(weir_conn_read_view(raw->end.conn, &data, &got), WEIR_OK);
    cr_assert_eq(got, 2);
    cr_assert_eq(memcmp(data, "ef", 2), 0);
    cr_assert_eq(weir_conn_read_view(raw->end.conn, &data, &got), WEIR_OK);
    cr_assert_eq(got, 3);
    cr_assert_eq(memcmp(data, "ghi", 3), 0);
    cr_assert_eq(weir_conn_read_view(raw->end.conn, &data, &got), WEIR_NEED_INPUT);
    cr_assert_eq(got, 0);
    cr_assert_null(data);
    raw_free(raw);
}

/* 16 records lie in one read: one system call, and a copy may span them. */
Test(moving, many_records_a_receive)
{
    struct raw *raw = raw_open(WEIR_TLS13, true);
    uint8_t piece[1000];
    size_t at = 0;
    for (int i = 0; i < 40; i++) {
        pattern_fill(piece, (size_t)i * sizeof piece, sizeof piece);
        raw_say(raw, WEIR_TYPE_DATA, piece, sizeof piece);
    }
    plan_recv = (struct syscall_plan){0};
    cr_assert_eq(read_pattern(raw->end.conn, &at), WEIR_NEED_INPUT);
    cr_assert_eq(at, 40000);
    cr_assert(plan_recv.calls <= 4, "%u calls", plan_recv.calls);
    raw_free(raw);
}

Test(moving, many_records_a_send)
{
    struct raw *raw = raw_open(WEIR_TLS13, true);
    static uint8_t data[100000];
    size_t put = 0;
    pattern_fill(data, 0, sizeof data);
    plan_send = (struct syscall_plan){0};
    cr_assert_eq(weir_conn_write(raw->end.conn, data, sizeof data, &put), WEIR_OK);
    cr_assert_eq(put, sizeof data);
    cr_assert_eq(plan_send.calls, 1);
    static uint8_t content[WEIR_MAX_PLAINTEXT];
    size_t at = 0, len = 0;
    while (at < sizeof data) {
        cr_assert_eq(raw_hear(raw, content, sizeof content, &len), WEIR_TYPE_DATA);
        cr_assert(pattern_is(content, at, len));
        at += len;
    }
    raw_free(raw);
}

/* What lies behind the byte that goes with the loan stays as it is, too. */
Test(moving, lent_in_records_of_any_size)
{
    static const size_t limits[] = {1, 100, 4096, 16384};
    static uint8_t data[40000 + 2], content[WEIR_MAX_PLAINTEXT];
    for (int v = 0; v < 2; v++) {
        for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
            struct raw *raw = raw_open(v == 0 ? WEIR_TLS12 : WEIR_TLS13, true);
            size_t put = 0, len = 0, all = limits[i] == 1 ? 50 : 40000;
            pattern_fill(data, 0, all + 2);
            cr_assert_eq(weir_conn_set_record_limit(raw->end.conn, limits[i]), WEIR_OK);
            cr_assert_eq(weir_conn_write_lent(raw->end.conn, data, all, &put), WEIR_OK);
            cr_assert_eq(put, all);
            cr_assert(pattern_is(data, 0, all));
            cr_assert(pattern_is(data + all + 1, all + 1, 1));
            for (size_t at = 0; at < all; at += len) {
                cr_assert_eq(raw_hear(raw, content, sizeof content, &len), WEIR_TYPE_DATA);
                cr_assert_eq(len, all - at < limits[i] ? all - at : limits[i]);
                cr_assert(pattern_is(content, at, len));
            }
            cr_assert_eq(weir_conn_write_lent(raw->end.conn, data, 0, &put), WEIR_OK);
            cr_assert_eq(weir_conn_close(raw->end.conn), WEIR_OK);
            cr_assert_eq(weir_conn_write_lent(raw->end.conn, data, 1, &put), WEIR_E_MISUSE);
            cr_assert_eq(put, 0);
            raw_free(raw);
        }
    }
}

/* What is received at once still lies in the processor's caches when it is opened. */
Test(moving, receives_are_bounded)
{
    struct raw *raw = raw_open(WEIR_TLS13, true);
    static uint8_t piece[WEIR_MAX_PLAINTEXT];
    const size_t count = 40, most = 5 * 16406; /* four records and less than one more */
    size_t at = 0;
    int large = 1 << 20;
    (void)setsockopt(raw->fd, SOL_SOCKET, SO_SNDBUF, &large, sizeof large);
    for (size_t i = 0; i < count; i++) {
        pattern_fill(piece, i * sizeof piece, sizeof piece);
        raw_say(raw, WEIR_TYPE_DATA, piece, sizeof piece);
        plan_recv = (struct syscall_plan){0};
        if (i % 10 == 9) {
            cr_assert_eq(read_pattern(raw->end.conn, &at), WEIR_NEED_INPUT);
            cr_assert_geq(plan_recv.calls, 10 * 16406 / most + 1);
            cr_assert_leq(plan_recv.calls, 6);
        }
    }
    cr_assert_eq(at, count * sizeof piece);
    raw_free(raw);
}

/* More than a buffer holds is sealed and sent by turns. */
Test(moving, a_megabyte_a_call)
{
    struct raw *raw = raw_open(WEIR_TLS13, true);
    static uint8_t data[1u << 20];
    size_t put = 0;
    plan_send = (struct syscall_plan){.swallow = true};
    cr_assert_eq(weir_conn_write(raw->end.conn, data, sizeof data, &put), WEIR_OK);
    cr_assert_eq(put, sizeof data);
    cr_assert_leq(plan_send.calls, 5);
    raw_free(raw);
}

/* A buffer that a read has filled is larger for the next one. */
Test(moving, buffers_grow)
{
    struct raw *raw = raw_open(WEIR_TLS13, true);
    static uint8_t piece[WEIR_MAX_PLAINTEXT];
    size_t at = 0;
    for (size_t i = 0; i < 6; i++) {
        pattern_fill(piece, i * sizeof piece, sizeof piece);
        raw_say(raw, WEIR_TYPE_DATA, piece, sizeof piece);
    }
    plan_recv = (struct syscall_plan){0};
    cr_assert_eq(read_pattern(raw->end.conn, &at), WEIR_NEED_INPUT);
    cr_assert_eq(at, 6 * sizeof piece);
    cr_assert_leq(plan_recv.calls, 4);
    raw_free(raw);
}

Test(moving, nothing_is_written_for_nothing)
{
    struct raw *raw = raw_open(WEIR_TLS13, true);
    size_t n = 7;
    plan_send = (struct syscall_plan){0};
    cr_assert_eq(weir_conn_write(raw->end.conn, NULL, 0, &n), WEIR_OK);
    cr_assert_eq(n, 0);
    cr_assert_eq(weir_conn_writev(raw->end.conn, NULL, 0, &n), WEIR_OK);
    cr_assert_eq(plan_send.calls, 0);
    cr_assert_eq(weir_conn_read(raw->end.conn, &n, 0, &n), WEIR_E_MISUSE);
    raw_free(raw);
}

/* 50 pieces, some empty, as few records as hold them. */
Test(moving, gathered)
{
    struct raw *raw = raw_open(WEIR_TLS13, false);
    static uint8_t data[20000];
    struct iovec iov[50];
    size_t at = 0, put = 0, len = 0;
    pattern_fill(data, 0, sizeof data);
    for (int i = 0; i < 50; i++) {
        size_t n = i % 7 == 0 ? 0 : 13 * (size_t)i;
        iov[i] = (struct iovec){.iov_base = data + at, .iov_len = n};
        at += n;
    }
    cr_assert_eq(weir_conn_writev(raw->end.conn, iov, 50, &put), WEIR_OK);
    cr_assert_eq(put, at);
    static uint8_t content[WEIR_MAX_PLAINTEXT];
    size_t heard = 0, records = 0;
    while (heard < at) {
        cr_assert_eq(raw_hear(raw, content, sizeof content, &len), WEIR_TYPE_DATA);
        cr_assert(pattern_is(content, heard, len));
        heard += len;
        records++;
    }
    cr_assert(records <= 5, "%zu records", records);
    raw_free(raw);
}

Test(moving, record_limits)
{
    struct raw *raw = raw_open(WEIR_TLS13, false);
    uint8_t data[300] = {0}, content[WEIR_MAX_PLAINTEXT];
    size_t put = 0, len = 0;
    cr_assert_eq(weir_conn_set_record_limit(raw->end.conn, 0), WEIR_E_MISUSE);
    cr_assert_eq(weir_conn_set_record_limit(raw->end.conn, 16385), WEIR_E_MISUSE);
    cr_assert_eq(weir_conn_set_record_limit(raw->end.conn, 100), WEIR_OK);
    cr_assert_eq(weir_conn_write(raw->end.conn, data, 250, &put), WEIR_OK);
    for (size_t left = 250; left > 0; left -= len) {
        cr_assert_eq(raw_hear(raw, content, sizeof content, &len), WEIR_TYPE_DATA);
        cr_assert_eq(len, left < 100 ? left : 100);
    }
    raw_free(raw);
}

Test(moving, negotiated_limit_is_kept)
{
    int fd[2];
    struct raw raw = {.fd = -1};
    static uint8_t data[2000];
    uint8_t wire[5000];
    size_t put = 0;
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    end_open(&raw.end, fd[0], false, WEIR_TLS13);
    raw.end.fake.limit = 500;
    cr_assert_eq(write(fd[1], "helo", 4), 4);
    cr_assert_eq(weir_conn_handshake(raw.end.conn), WEIR_OK);
    cr_assert_eq(weir_conn_set_record_limit(raw.end.conn, 16384), WEIR_OK);
    cr_assert_eq(weir_conn_write(raw.end.conn, data, 1000, &put), WEIR_OK);
    cr_assert_eq(read(fd[1], wire, sizeof wire), 4 + 2 * (5 + 500 + 17));
    weir_conn_free(raw.end.conn);
    (void)close(fd[0]);
    (void)close(fd[1]);
}

Test(moving, goes_on_after_trim)
{
    struct raw *raw = raw_open(WEIR_TLS13, false);
    uint8_t buf[8];
    size_t got = 0, put = 0;
    weir_conn_trim(raw->end.conn);
    raw_say(raw, WEIR_TYPE_DATA, "abcdef", 6);
    cr_assert_eq(weir_conn_read(raw->end.conn, buf, 2, &got), WEIR_OK);
    weir_conn_trim(raw->end.conn); /* four bytes are still in there */
    cr_assert_eq(weir_conn_read(raw->end.conn, buf, sizeof buf, &got), WEIR_OK);
    cr_assert_eq(got, 4);
    cr_assert_eq(memcmp(buf, "cdef", 4), 0);
    weir_conn_trim(raw->end.conn);
    cr_assert_eq(weir_conn_write(raw->end.conn, "xyz", 3, &put), WEIR_OK);
    weir_conn_trim(raw->end.conn);
    cr_assert_eq(raw_hear(raw, buf, sizeof buf, &got), WEIR_TYPE_DATA);
    cr_assert_eq(got, 3);
    raw_free(raw);
}
