/* SPDX-License-Identifier: BSD-2-Clause */
/* KeyUpdates, messages for the TLS library, and what the library wants. */
#include "pair.h"

#include <poll.h>
#include <unistd.h>

static const uint8_t update[] = {24, 0, 0, 1, 0};
static const uint8_t update_requested[] = {24, 0, 0, 1, 1};

static void peer_rekeys(struct raw *raw, bool request)
{
    struct raw *r = raw;
    raw_say(raw, WEIR_TYPE_HANDSHAKE, request ? update_requested : update, sizeof update);
    cr_assert_eq(weir_tx_rekey(&r->tx, r->end.fake.handshake.kdf), WEIR_OK);
}

static void expect_update(struct raw *raw, bool request)
{
    uint8_t content[64];
    size_t len = 0;
    cr_assert_eq(raw_hear(raw, content, sizeof content, &len), WEIR_TYPE_HANDSHAKE);
    cr_assert_eq(len, 5);
    cr_assert_eq(memcmp(content, request ? update_requested : update, 5), 0);
    cr_assert_eq(weir_rx_rekey(&raw->rx, raw->end.fake.handshake.kdf), WEIR_OK);
}

Test(control, key_update_of_ours)
{
    struct pair *pair = pair_open(WEIR_TLS13, 0);
    size_t put = 0, at = 0;
    uint8_t out[1000];
    for (size_t i = 0; i < 10; i++) {
        pattern_fill(out, i * sizeof out, sizeof out);
        cr_assert_eq(weir_conn_write(pair->client.conn, out, sizeof out, &put), WEIR_OK);
        cr_assert_eq(weir_conn_key_update(pair->client.conn, i % 2 == 0), WEIR_OK);
    }
    cr_assert_eq(read_pattern(pair->server.conn, &at), WEIR_NEED_INPUT);
    cr_assert_eq(at, 10000);
    cr_assert_eq(weir_tx_counters(weir_conn_tx(pair->client.conn)).rekeys, 10);
    cr_assert_eq(weir_rx_counters(weir_conn_rx(pair->server.conn)).rekeys, 10);
    /* The server has answered, without a word of its application. */
    size_t none = 0;
    cr_assert_eq(read_pattern(pair->client.conn, &none), WEIR_NEED_INPUT);
    cr_assert_eq(none, 0);
    cr_assert(weir_rx_counters(weir_conn_rx(pair->client.conn)).rekeys >= 1);
    pair_free(pair);
}

Test(control, answer_to_a_key_update_is_sent_at_once)
{
    struct raw *raw = raw_open(WEIR_TLS13, true);
    const uint8_t *data = NULL;
    uint8_t content[64];
    size_t got = 0, put = 0;
    peer_rekeys(raw, true);
    raw_say(raw, WEIR_TYPE_DATA, "new key", 7);
    cr_assert_eq(weir_conn_read_view(raw->end.conn, &data, &got), WEIR_OK);
    cr_assert_eq(got, 7);
    expect_update(raw, false);
    cr_assert_eq(weir_conn_write(raw->end.conn, "answer", 6, &put), WEIR_OK);
    cr_assert_eq(raw_hear(raw, content, sizeof content, &got), WEIR_TYPE_DATA);
    raw_free(raw);
}

/* The answer waits while the socket is full; then it goes before the next data. */
Test(control, answer_behind_waiting_data)
{
    struct raw *raw = raw_open(WEIR_TLS13, true);
    static uint8_t content[WEIR_MAX_PLAINTEXT];
    const uint8_t *data = NULL;
    size_t got = 0, put = 0;
    plan_send = (struct syscall_plan){.eagain = 1};
    cr_assert_eq(weir_conn_write(raw->end.conn, "first", 5, &put), WEIR_OK);
    peer_rekeys(raw, true);
    cr_assert_eq(weir_conn_read_view(raw->end.conn, &data, &got), WEIR_NEED_INPUT);
    cr_assert_eq(weir_conn_events(raw->end.conn), POLLIN | POLLOUT);
    cr_assert_eq(weir_conn_write(raw->end.conn, "second", 6, &put), WEIR_OK);
    plan_send = (struct syscall_plan){0};
    cr_assert_eq(weir_conn_flush(raw->end.conn), WEIR_OK);
    cr_assert_eq(weir_conn_events(raw->end.conn), POLLIN);
    cr_assert_eq(raw_hear(raw, content, sizeof content, &got), WEIR_TYPE_DATA);
    expect_update(raw, false);
    cr_assert_eq(raw_hear(raw, content, sizeof content, &got), WEIR_TYPE_DATA);
    cr_assert_eq(memcmp(content, "second", 6), 0);
    raw_free(raw);
}

Test(control, no_key_update_in_tls12)
{
    struct raw *raw = raw_open(WEIR_TLS12, true);
    cr_assert_eq(weir_conn_key_update(raw->end.conn, false), WEIR_REFUSED);
    cr_assert_neq(weir_conn_refusal(raw->end.conn).code, WEIR_REFUSAL_NONE);
    const char *words = weir_conn_explain(raw->end.conn, WEIR_REFUSED);
    cr_assert_not_null(strstr(words, "refused: "), "%s", words);
    raw_free(raw);
}

/* A ticket goes to the TLS library, in pieces as it came. */
Test(control, messages_reach_the_library)
{
    struct raw *raw = raw_open(WEIR_TLS13, false);
    const uint8_t *data = NULL;
    uint8_t ticket[600] = {4, 0, 2, 84}; /* 4 + 596 bytes */
    size_t got = 0;
    for (size_t i = 4; i < sizeof ticket; i++) {
        ticket[i] = pattern(i);
    }
    peer_rekeys(raw, false);
    raw_say(raw, WEIR_TYPE_DATA, "before", 6);
    raw_say(raw, WEIR_TYPE_HANDSHAKE, ticket, 100);
    raw_say(raw, WEIR_TYPE_HANDSHAKE, ticket + 100, 500);
    raw_say(raw, WEIR_TYPE_DATA, "after", 5);
    cr_assert_eq(weir_conn_read_view(raw->end.conn, &data, &got), WEIR_OK);
    cr_assert_eq(memcmp(data, "before", 6), 0);
    cr_assert_eq(weir_conn_read_view(raw->end.conn, &data, &got), WEIR_OK);
    cr_assert_eq(got, 5);
    cr_assert_eq(memcmp(data, "after", 5), 0);
    cr_assert_eq(raw->end.fake.delivered_len, sizeof ticket);
    cr_assert_eq(raw->end.fake.epochs_then[WEIR_TX], 0);
    cr_assert_eq(raw->end.fake.epochs_then[WEIR_RX], 1);
    cr_assert_eq(memcmp(raw->end.fake.delivered, ticket, sizeof ticket), 0);
    raw_free(raw);
}

Test(control, library_that_fails)
{
    struct raw *raw = raw_open(WEIR_TLS13, false);
    const uint8_t ticket[] = {4, 0, 0, 1, 7};
    const uint8_t *data = NULL;
    size_t got = 0;
    raw->end.fake.deliver_answer = WEIR_E_HANDSHAKE;
    raw->end.fake.wishes[0] =
        (struct weir_control){.kind = WEIR_CONTROL_ALERT, .alert = 50 /* decode_error */};
    raw->end.fake.wish_count = 1;
    raw_say(raw, WEIR_TYPE_HANDSHAKE, ticket, sizeof ticket);
    cr_assert_eq(weir_conn_read_view(raw->end.conn, &data, &got), WEIR_E_HANDSHAKE);
    cr_assert_eq(weir_conn_read_view(raw->end.conn, &data, &got), WEIR_E_HANDSHAKE);
    raw_expect_alert(raw, 50);
    raw_free(raw);
}

/* All that a library may want, in one call; the message does not fit a small buffer. */
Test(control, wishes_of_the_library)
{
    struct raw *raw = raw_open(WEIR_TLS13, true);
    static uint8_t message[60000] = {13, 0, 0xea, 0x5c}; /* 4 + 59996 bytes */
    static uint8_t content[WEIR_MAX_PLAINTEXT];
    struct fake *f = &raw->end.fake;
    size_t len = 0;
    pattern_fill(message + 4, 4, sizeof message - 4);
    f->wishes[0] = (struct weir_control){.kind = WEIR_CONTROL_KEY_UPDATE, .request_peer = true};
    f->wishes[1] = (struct weir_control){
        .kind = WEIR_CONTROL_HANDSHAKE, .data = message, .len = sizeof message};
    f->wishes[2] = (struct weir_control){.kind = WEIR_CONTROL_CLOSE};
    f->wish_count = 3;
    cr_assert_eq(weir_conn_pump(raw->end.conn), WEIR_OK);
    expect_update(raw, true);
    for (size_t at = 0; at < sizeof message; at += len) {
        cr_assert_eq(raw_hear(raw, content, sizeof content, &len), WEIR_TYPE_HANDSHAKE);
        cr_assert_eq(memcmp(content, message + at, len), 0);
    }
    cr_assert_eq(raw_hear(raw, content, sizeof content, &len), WEIR_TYPE_ALERT);
    cr_assert_eq(content[1], 0, "close_notify");
    raw_free(raw);
}

/* The same while the socket takes nothing: flush does the rest later. */
Test(control, wishes_wait_for_the_socket)
{
    struct raw *raw = raw_open(WEIR_TLS13, true);
    static uint8_t message[30000] = {13, 0, 0x75, 0x2c}, content[WEIR_MAX_PLAINTEXT];
    struct fake *f = &raw->end.fake;
    size_t len = 0, put = 0;
    f->wishes[0] = (struct weir_control){
        .kind = WEIR_CONTROL_HANDSHAKE, .data = message, .len = sizeof message};
    f->wish_count = 1;
    plan_send = (struct syscall_plan){.eagain = 1};
    cr_assert_eq(weir_conn_write(raw->end.conn, "data", 4, &put), WEIR_OK);
    cr_assert_eq(weir_conn_pump(raw->end.conn), WEIR_NEED_OUTPUT);
    cr_assert(weir_conn_events(raw->end.conn) & POLLOUT);
    plan_send = (struct syscall_plan){0};
    cr_assert_eq(weir_conn_flush(raw->end.conn), WEIR_OK);
    cr_assert_eq(raw_hear(raw, content, sizeof content, &len), WEIR_TYPE_DATA);
    for (size_t at = 0; at < sizeof message; at += len) {
        cr_assert_eq(raw_hear(raw, content, sizeof content, &len), WEIR_TYPE_HANDSHAKE);
    }
    raw_free(raw);
}

Test(control, refused_wish)
{
    struct raw *raw = raw_open(WEIR_TLS13, false);
    struct fake *f = &raw->end.fake;
    f->wishes[0] =
        (struct weir_control){.kind = WEIR_CONTROL_HANDSHAKE, .why = {.code = WEIR_REFUSAL_EPOCH}};
    f->wishes[1] = (struct weir_control){.kind = WEIR_CONTROL_KEY_UPDATE};
    f->wish_count = 2;
    cr_assert_eq(weir_conn_pump(raw->end.conn), WEIR_REFUSED);
    const char *words = weir_conn_explain(raw->end.conn, WEIR_REFUSED);
    cr_assert_not_null(strstr(words, "no wish of mine"), "%s", words);
    expect_update(raw, false);
    cr_assert_eq(weir_conn_pump(raw->end.conn), WEIR_OK);
    raw_free(raw);
}
