/* SPDX-License-Identifier: BSD-2-Clause */
/* Pipes to and from connections, on software and on records made below the socket. */
#include "below.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

static struct below_backend below;
static const struct weir_backend *both[2];

/* `features` 0: software only. */
static void prepare(unsigned features)
{
    below_reset();
    memset(end_options, 0, sizeof end_options);
    if (features != 0) {
        below_backend_init(&below, features);
        both[0] = &below.backend;
        both[1] = null_backend();
        for (int i = 0; i < 2; i++) {
            end_options[i] = (struct end_options){
                .backends = both, .backend_count = 2, .policy = WEIR_POLICY_ALL};
        }
    }
}

static void pipe_open(int fd[2])
{
    cr_assert_eq(pipe2(fd, O_NONBLOCK), 0);
}

/* Through pipe, connection, pipe: what goes in comes out. */
static void through(unsigned features, unsigned eagain, size_t most, int buffer)
{
    prepare(features);
    struct pair *pair = pair_open(WEIR_TLS13, buffer);
    int in[2], out[2];
    static uint8_t buf[50000];
    size_t put = 0, got = 0;
    const size_t total = 400000;
    bool hung_up = false, over = false;
    pipe_open(in);
    pipe_open(out);
    below_plan.eagain = eagain;
    below_plan.most = most;
    for (int round = 0; got < total || !over; round++) {
        cr_assert_lt(round, 200000);
        size_t n = total - put < sizeof buf ? total - put : sizeof buf, moved = 0;
        pattern_fill(buf, put, n);
        ssize_t wrote = n > 0 ? write(in[1], buf, n) : 0;
        put += wrote > 0 ? (size_t)wrote : 0;
        if (put == total && !hung_up) {
            hung_up = true;
            (void)close(in[1]);
        }
        if (!over) {
            weir_status status = weir_conn_splice_from(pair->client.conn, in[0], 70000, &moved);
            cr_assert(status >= WEIR_OK, "%s", weir_conn_explain(pair->client.conn, status));
            cr_assert_eq(status == WEIR_OK, moved == 70000);
            cr_assert(status != WEIR_NEED_OUTPUT ||
                      (weir_conn_events(pair->client.conn) & POLLOUT));
            over = status == WEIR_CLOSED;
        } else {
            cr_assert_geq(weir_conn_flush(pair->client.conn), WEIR_OK);
        }
        if (round % 50 == 7 && !over) {
            cr_assert_eq(weir_conn_key_update(pair->client.conn, true), WEIR_OK);
        }
        weir_status status =
            weir_conn_splice_to(pair->server.conn, out[1], 1 + (size_t)round % 60000, &moved);
        cr_assert(status == WEIR_NEED_INPUT || status == WEIR_NEED_OUTPUT || status == WEIR_OK,
                  "%s", weir_conn_explain(pair->server.conn, status));
        cr_assert_eq(status == WEIR_OK, moved > 0);
        if (round % 3 == 0) {
            ssize_t read_now = read(out[0], buf, sizeof buf);
            cr_assert(read_now < 0 || pattern_is(buf, got, (size_t)read_now));
            got += read_now > 0 ? (size_t)read_now : 0;
        }
        (void)(read_pattern(pair->client.conn, &(size_t){0}) == WEIR_NEED_INPUT);
    }
    cr_assert_eq(got, total);
    cr_assert_eq(weir_tx_counters(weir_conn_tx(pair->client.conn)).bytes, total);
    cr_assert_eq(weir_rx_counters(weir_conn_rx(pair->server.conn)).bytes, total);
    cr_assert_eq(below_plan.splices > 0, features != 0);
    (void)close(in[0]);
    (void)close(out[0]);
    (void)close(out[1]);
    pair_free(pair);
}

Test(pipes, on_software)
{
    through(0, 0, 0, 0);
    through(0, 0, 0, 9000);
}

Test(pipes, below_the_socket)
{
    through(BELOW_REKEY | BELOW_SPLICE, 0, 0, 0);
    through(BELOW_REKEY | BELOW_SPLICE, 3, 0, 9000);
    through(BELOW_REKEY | BELOW_SPLICE, 4, 700, 9000);
    through(BELOW_REKEY, 0, 0, 0); /* receiving goes through memory */
}

/* Control records in between are not the pipe's, and a bad record ends it as ever. */
Test(pipes, what_is_no_data)
{
    static const uint8_t ticket[] = {4, 0, 0, 2, 't', 't'};
    static const struct {
        const char *bytes;
        size_t len;
        weir_status status;
        uint8_t alert;
    } ends[] = {
        {"\x17\x03\x03\x00\x14xxxxxxxxxxxxxxxxxxxx", 25, WEIR_E_AUTH, 20},
        {"\x17\x03\x03\x7f\xff", 5, WEIR_E_OVERFLOW, 22},
        {"\x17\x03\x01\x00\x20", 5, WEIR_E_VERSION, 70},
        {NULL, 0, WEIR_E_TRUNCATED, 0},
    };
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        prepare(BELOW_REKEY | BELOW_SPLICE);
        struct raw *raw = raw_open(WEIR_TLS13, false);
        uint8_t buf[64];
        size_t moved = 0;
        int fd[2];
        pipe_open(fd);
        raw_say(raw, WEIR_TYPE_DATA, "one", 3);
        raw_say(raw, WEIR_TYPE_HANDSHAKE, ticket, sizeof ticket);
        raw_say(raw, WEIR_TYPE_DATA, "", 0);
        raw_say(raw, WEIR_TYPE_DATA, "two", 3);
        cr_assert_eq(weir_conn_splice_to(raw->end.conn, fd[1], 100, &moved), WEIR_OK);
        cr_assert_eq(moved, 3);
        cr_assert_eq(weir_conn_splice_to(raw->end.conn, fd[1], 100, &moved), WEIR_OK);
        cr_assert_eq(moved, 3);
        cr_assert_eq(weir_conn_splice_to(raw->end.conn, fd[1], 100, &moved), WEIR_NEED_INPUT);
        cr_assert_eq(raw->end.fake.delivered_len, sizeof ticket);
        cr_assert_eq(read(fd[0], buf, sizeof buf), 6);
        cr_assert_eq(memcmp(buf, "onetwo", 6), 0);
        if (ends[i].len > 0) {
            raw_send(raw, ends[i].bytes, ends[i].len);
        } else {
            raw_hang_up(raw);
        }
        cr_assert_eq(weir_conn_splice_to(raw->end.conn, fd[1], 100, &moved), ends[i].status);
        cr_assert_eq(weir_conn_splice_to(raw->end.conn, fd[1], 100, &moved), ends[i].status);
        if (ends[i].alert != 0) {
            raw_expect_alert(raw, ends[i].alert);
        }
        (void)close(fd[0]);
        (void)close(fd[1]);
        raw_free(raw);
    }
}

Test(pipes, misuse_and_broken_pipes)
{
    (void)signal(SIGPIPE, SIG_IGN);
    for (int i = 0; i < 2; i++) {
        prepare(i ? BELOW_SPLICE : 0);
        struct raw *raw = raw_open(WEIR_TLS13, false);
        struct weir_conn *conn = raw->end.conn;
        const uint8_t *data = NULL;
        size_t moved = 0, got = 0;
        int fd[2];
        cr_assert_eq(pipe(fd), 0);
        cr_assert_eq(weir_conn_splice_from(conn, fd[0], 10, &moved), WEIR_E_MISUSE, "it waits");
        cr_assert_eq(weir_conn_splice_to(conn, fd[1], 10, &moved), WEIR_E_MISUSE, "it waits");
        cr_assert_eq(weir_conn_splice_to(conn, raw->fd, 10, &moved), WEIR_E_MISUSE, "no pipe");
        cr_assert_eq(fcntl(fd[0], F_SETFL, O_NONBLOCK), 0);
        cr_assert_eq(fcntl(fd[1], F_SETFL, O_NONBLOCK), 0);
        cr_assert_eq(weir_conn_splice_from(conn, fd[0], 10, &moved), WEIR_NEED_INPUT);
        cr_assert_eq(weir_conn_events(conn), POLLIN);
        (void)close(fd[0]);
        raw_say(raw, WEIR_TYPE_DATA, "kept", 4);
        cr_assert_eq(weir_conn_splice_to(conn, fd[1], 10, &moved), WEIR_REFUSED);
        cr_assert_eq(weir_conn_refusal(conn).os_error, EPIPE);
        cr_assert_eq(weir_conn_read_view(conn, &data, &got), WEIR_OK);
        cr_assert(got == 4 && memcmp(data, "kept", 4) == 0);
        (void)close(fd[1]);
        raw_free(raw);
    }
    /* Nothing splices to it: nothing is taken. */
    prepare(BELOW_TYPED);
    struct raw *raw = raw_open(WEIR_TLS13, false);
    size_t moved = 0;
    uint8_t buf[8];
    int fd[2];
    pipe_open(fd);
    cr_assert_eq(write(fd[1], "kept", 4), 4);
    cr_assert_eq(weir_conn_splice_from(raw->end.conn, fd[0], 10, &moved), WEIR_REFUSED);
    cr_assert_eq(weir_conn_refusal(raw->end.conn).os_error, EINVAL);
    cr_assert_eq(read(fd[0], buf, sizeof buf), 4);
    raw_free(raw);
}
