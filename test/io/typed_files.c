/* SPDX-License-Identifier: BSD-2-Clause */
/* Files, where records are made below the socket. */
#include "below.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static struct below_backend rekeys, fixed;
static const struct weir_backend *lists[2][2];

/* Both ends begin on soft and move to a backend with these features. */
static void prepare(unsigned client, unsigned server)
{
    below_reset();
    below_backend_init(&rekeys, client);
    below_backend_init(&fixed, server);
    lists[0][0] = &rekeys.backend;
    lists[1][0] = &fixed.backend;
    for (int i = 0; i < 2; i++) {
        lists[i][1] = null_backend();
        end_options[i] = (struct end_options){
            .backends = lists[i], .backend_count = 2, .policy = WEIR_POLICY_ALL};
    }
}

static struct pair *typed_pair(uint16_t version, unsigned client, unsigned server, int buffer)
{
    prepare(client, server);
    return pair_open(version, buffer);
}

static int file_of(size_t len)
{
    char name[] = "/tmp/weir-io-XXXXXX";
    static uint8_t buf[100000];
    int fd = mkstemp(name);
    cr_assert(fd >= 0);
    (void)unlink(name);
    for (size_t at = 0; at < len;) {
        size_t n = len - at < sizeof buf ? len - at : sizeof buf;
        pattern_fill(buf, at, n);
        cr_assert_eq(write(fd, buf, n), (ssize_t)n);
        at += n;
    }
    return fd;
}

Test(typed, sendfile)
{
    const size_t len = 1500000;
    int file = file_of(len);
    for (int i = 0; i < 8; i++) {
        struct pair *pair = typed_pair(WEIR_TLS13, BELOW_REKEY | (i % 4 == 1 ? BELOW_TYPED : 0),
                                       BELOW_REKEY, 20000);
        uint64_t at = 0, end = len - 1;
        size_t in = 0;
        below_plan.no_sendfile = i % 4 == 2;
        below_plan.most = i % 4 == 3 ? 3000 : 0;
        below_plan.eagain = i < 4 ? 0 : 3;
        end = i == 0 ? len + 1000 : end; /* beyond the end */
        weir_status status = WEIR_NEED_OUTPUT;
        for (int round = 0; status == WEIR_NEED_OUTPUT; round++) {
            cr_assert_lt(round, 100000);
            uint64_t before = at;
            status = weir_conn_sendfile(pair->client.conn, file, &at, end - at);
            cr_assert_geq(at, before);
            cr_assert(status == WEIR_OK || (weir_conn_events(pair->client.conn) & POLLOUT));
            cr_assert_eq(read_pattern(pair->server.conn, &in), WEIR_NEED_INPUT);
            if (round == 5) { /* the session's own goes first */
                cr_assert_eq(weir_session_key_update(weir_conn_session(pair->client.conn), false,
                                                     &(struct weir_refusal){0}),
                             WEIR_OK);
            }
        }
        cr_assert_eq(status, WEIR_OK);
        for (int round = 0; round < 10; round++) {
            cr_assert_eq(read_pattern(pair->server.conn, &in), WEIR_NEED_INPUT);
        }
        cr_assert_eq(at, i == 0 ? len : len - 1);
        cr_assert_eq(in, at);
        cr_assert_eq(weir_tx_counters(weir_conn_tx(pair->client.conn)).bytes, at);
        cr_assert_eq(below_plan.sendfiles > 0, i % 4 == 0 || i % 4 == 3);
        pair_free(pair);
    }
    (void)close(file);
}

Test(typed, sendfile_of_what_cannot_be_read)
{
    struct pair *pair = typed_pair(WEIR_TLS13, BELOW_TYPED, 0, 0);
    uint64_t at = 0;
    cr_assert_eq(weir_conn_sendfile(pair->client.conn, -1, &at, 10), WEIR_E_IO);
    cr_assert_eq(weir_conn_sendfile(pair->client.conn, -1, &at, 10), WEIR_E_IO);
    cr_assert_eq(at, 0);
    cr_assert_not_null(
        strstr(weir_conn_explain(pair->client.conn, WEIR_E_IO), "pread: Bad file descriptor"));
    pair_free(pair);
}

static volatile sig_atomic_t signals;

static void count_signal(int number)
{
    (void)number;
    signals++;
}

static bool waits(void)
{
    sigset_t pending;
    return sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
}

/* One call to a socket whose peer has gone. */
static void send_to_nobody(bool by_pipe)
{
    prepare(BELOW_REKEY | BELOW_SPLICE, BELOW_REKEY | BELOW_SPLICE);
    struct raw *raw = raw_open(WEIR_TLS13, false);
    int file = file_of(100), fd[2];
    uint64_t at = 0;
    size_t moved = 0;
    cr_assert_eq(pipe(fd), 0);
    cr_assert_eq(fcntl(fd[0], F_SETFL, O_NONBLOCK), 0);
    cr_assert_eq(write(fd[1], "lost", 4), 4);
    below_plan.send_error = EPIPE;
    cr_assert_eq(by_pipe ? weir_conn_splice_from(raw->end.conn, fd[0], 4, &moved)
                         : weir_conn_sendfile(raw->end.conn, file, &at, 100),
                 WEIR_E_IO);
    cr_assert_eq(below_plan.send_error, 0);
    cr_assert_not_null(strstr(weir_conn_explain(raw->end.conn, WEIR_E_IO), "Broken pipe"));
    (void)close(fd[0]);
    (void)close(fd[1]);
    (void)close(file);
    raw_free(raw);
}

/* The peer decides when it goes; that must not end a program. */
Test(typed, no_signal_when_the_peer_has_gone)
{
    for (int by_pipe = 0; by_pipe < 2; by_pipe++) {
        sigset_t set, now;
        signals = 0;
        cr_assert_neq(signal(SIGPIPE, count_signal), SIG_ERR);
        send_to_nobody(by_pipe != 0);
        cr_assert_eq(signals, 0);
        cr_assert_not(waits());
        cr_assert_eq(raise(SIGPIPE), 0);
        cr_assert_eq(signals, 1, "what is not weir's comes as ever");
        /* One that the application holds back itself stays. */
        (void)sigemptyset(&set);
        (void)sigaddset(&set, SIGPIPE);
        cr_assert_eq(sigprocmask(SIG_BLOCK, &set, NULL), 0);
        send_to_nobody(by_pipe != 0);
        cr_assert_not(waits(), "ours has gone");
        cr_assert_eq(raise(SIGPIPE), 0);
        send_to_nobody(by_pipe != 0);
        cr_assert(waits());
        cr_assert_eq(sigprocmask(SIG_SETMASK, NULL, &now), 0);
        cr_assert_eq(sigismember(&now, SIGPIPE), 1);
        cr_assert_neq(signal(SIGPIPE, SIG_IGN), SIG_ERR);
        cr_assert_eq(sigprocmask(SIG_UNBLOCK, &set, NULL), 0);
        send_to_nobody(by_pipe != 0);
        cr_assert_eq(signals, 1);
    }
}
