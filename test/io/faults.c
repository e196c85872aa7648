/* SPDX-License-Identifier: BSD-2-Clause */
/* A peer that sends rubbish: the right status, and the right alert reaches it. */
#include "pair.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

struct fault {
    const char *what;
    uint16_t version;
    uint8_t bytes[24];
    size_t len;
    weir_status status;
    uint8_t alert;
};

static const struct fault faults[] = {
    {"an unknown type", WEIR_TLS13, {99, 3, 3, 0, 30}, 1, WEIR_E_TYPE, 10},
    {"ChangeCipherSpec", WEIR_TLS13, {20, 3, 3, 0, 1, 1}, 6, WEIR_E_TYPE, 10},
    {"ChangeCipherSpec", WEIR_TLS12, {20, 3, 3, 0, 1, 1}, 6, WEIR_E_TYPE, 10},
    {"an alert in the clear", WEIR_TLS13, {21, 3, 3, 0, 2, 2, 40}, 7, WEIR_E_TYPE, 10},
    {"another version", WEIR_TLS13, {23, 3, 4, 0, 30}, 5, WEIR_E_VERSION, 70},
    {"another version", WEIR_TLS12, {23, 3, 1, 0, 30}, 5, WEIR_E_VERSION, 70},
    {"a record too long", WEIR_TLS13, {23, 3, 3, 0x41, 1}, 5, WEIR_E_OVERFLOW, 22},
    {"a record too long", WEIR_TLS12, {23, 3, 3, 0x48, 1}, 5, WEIR_E_OVERFLOW, 22},
    {"a record too short", WEIR_TLS13, {23, 3, 3, 0, 15}, 5, WEIR_E_AUTH, 20},
    {"a wrong tag", WEIR_TLS13, {23, 3, 3, 0, 18, 1, 23}, 23, WEIR_E_AUTH, 20},
    {"HTTP", WEIR_TLS13, "GET / HTTP/1.1\r\n\r\n", 18, WEIR_E_TYPE, 10},
};

static void check(const struct fault *f)
{
    struct raw *raw = raw_open(f->version, true);
    const uint8_t *data = NULL;
    size_t got = 0, put = 0;
    raw_say(raw, WEIR_TYPE_DATA, "fine", 4);
    raw_send(raw, f->bytes, f->len);
    cr_assert_eq(weir_conn_read_view(raw->end.conn, &data, &got), WEIR_OK, "%s", f->what);
    cr_assert_eq(got, 4, "what came before it is given");
    cr_assert_eq(weir_conn_read_view(raw->end.conn, &data, &got), f->status, "%s", f->what);
    cr_assert_eq(weir_conn_read_view(raw->end.conn, &data, &got), f->status, "%s", f->what);
    cr_assert_eq(weir_conn_write(raw->end.conn, "x", 1, &put), f->status, "%s", f->what);
    cr_assert_eq(weir_conn_events(raw->end.conn), 0, "%s", f->what);
    const char *words = weir_conn_explain(raw->end.conn, f->status);
    cr_assert_not_null(strstr(words, weir_alert_name(f->alert)), "%s: %s", f->what, words);
    raw_expect_alert(raw, f->alert);
    raw_free(raw);
}

Test(faults, rubbish)
{
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        check(&faults[i]);
    }
}

/* The alert waits behind data that the socket has not taken, and still goes out. */
Test(faults, alert_behind_waiting_data)
{
    struct raw *raw = raw_open(WEIR_TLS13, true);
    static uint8_t out[40000], content[WEIR_MAX_PLAINTEXT];
    const uint8_t *data = NULL;
    size_t put = 0, got = 0, len = 0;
    plan_send = (struct syscall_plan){.eagain = 2, .most = 1000};
    pattern_fill(out, 0, sizeof out);
    cr_assert_eq(weir_conn_write(raw->end.conn, out, sizeof out, &put), WEIR_OK);
    cr_assert_eq(put, sizeof out);
    plan_send.eagain = 1;
    raw_send(raw, "rubbish", 7);
    cr_assert_eq(weir_conn_read_view(raw->end.conn, &data, &got), WEIR_E_TYPE);
    cr_assert_eq(weir_conn_events(raw->end.conn), POLLOUT);
    cr_assert_eq(weir_conn_close(raw->end.conn), WEIR_NEED_OUTPUT);
    plan_send = (struct syscall_plan){0};
    cr_assert_eq(weir_conn_close(raw->end.conn), WEIR_OK);
    cr_assert_eq(weir_conn_events(raw->end.conn), 0);
    for (size_t at = 0; at < sizeof out; at += len) {
        cr_assert_eq(raw_hear(raw, content, sizeof content, &len), WEIR_TYPE_DATA);
        cr_assert(pattern_is(content, at, len));
    }
    raw_expect_alert(raw, 10);
    raw_free(raw);
}

static void tcp_pair(int fd[2])
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
    cr_assert_eq(listen(listener, 1), 0);
    cr_assert_eq(getsockname(listener, (struct sockaddr *)&at, &len), 0);
    fd[1] = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(connect(fd[1], (struct sockaddr *)&at, sizeof at), 0);
    fd[0] = accept(listener, NULL, NULL);
    cr_assert(fd[0] >= 0);
    (void)close(listener);
}

/* What the peer has sent beyond its rubbish must not reset the connection under the alert. */
Test(faults, alert_survives_the_close)
{
    for (int early = 0; early < 2; early++) {
        static uint8_t more[100000];
        struct end end;
        int fd[2];
        uint8_t buf[64];
        const uint8_t *data = NULL;
        size_t got = 0;
        tcp_pair(fd);
        end_open(&end, fd[0], true, WEIR_TLS13);
        cr_assert_eq(write(fd[1], early ? "rubb" : "helo", 4), 4);
        cr_assert_eq(write(fd[1], more, sizeof more), sizeof more);
        if (early) {
            cr_assert_eq(weir_conn_handshake(end.conn), WEIR_E_HANDSHAKE);
        } else {
            cr_assert_eq(weir_conn_handshake(end.conn), WEIR_OK);
            cr_assert_eq(weir_conn_read_view(end.conn, &data, &got), WEIR_E_TYPE);
        }
        weir_conn_free(end.conn);
        (void)close(fd[0]);
        ssize_t n = 0;
        size_t heard = 0;
        while ((n = read(fd[1], buf, sizeof buf)) > 0) {
            heard += (size_t)n;
        }
        cr_assert_eq(n, 0);
        int error = 0;
        socklen_t len = sizeof error;
        cr_assert_eq(getsockopt(fd[1], SOL_SOCKET, SO_ERROR, &error, &len), 0);
        cr_assert_eq(error, 0, "an end, not a reset");
        cr_assert_eq(heard, early ? 4 : 4 + 5 + 2 + 17);
        (void)close(fd[1]);
    }
}

/* A flood is cut off, and the peer is told. */
Test(faults, flood_of_empty_records)
{
    struct raw *raw = raw_open(WEIR_TLS13, true);
    const uint8_t *data = NULL;
    size_t got = 0;
    for (unsigned i = 0; i <= WEIR_MAX_EMPTY_RECORDS; i++) {
        raw_say(raw, WEIR_TYPE_DATA, "", 0);
    }
    cr_assert_eq(weir_conn_read_view(raw->end.conn, &data, &got), WEIR_E_FLOOD);
    raw_expect_alert(raw, 10);
    raw_free(raw);
}

Test(faults, failing_on_purpose)
{
    struct raw *raw = raw_open(WEIR_TLS13, true);
    weir_session_fail(weir_conn_session(raw->end.conn), WEIR_E_PARAM);
    cr_assert(weir_conn_events(raw->end.conn) & POLLOUT);
    cr_assert_eq(weir_conn_close(raw->end.conn), WEIR_OK);
    raw_expect_alert(raw, 47);
    raw_free(raw);
}
