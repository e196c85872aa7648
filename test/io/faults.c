/* SPDX-License-Identifier: BSD-2-Clause */
/* A peer that sends rubbish: the right status, and the right alert reaches it. */
#include "pair.h"

#include <poll.h>
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
