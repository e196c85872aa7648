/* SPDX-License-Identifier: BSD-2-Clause */
/* Records that need more room than usual, and what happens when there is none. */
#include "pair.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

/* An end whose records are all padded to a multiple of `multiple` bytes. */
static struct raw *raw_padded(size_t multiple)
{
    struct raw *raw = raw_open(WEIR_TLS13, true);
    struct weir_tx *tx = weir_session_tx(weir_conn_session(raw->end.conn));
    cr_assert_eq(weir_tx_set_padding(tx, multiple), WEIR_OK);
    return raw;
}

static void expect(struct raw *raw, uint8_t type, size_t len)
{
    static uint8_t content[WEIR_MAX_PLAINTEXT];
    size_t got = 0;
    cr_assert_eq(raw_hear(raw, content, sizeof content, &got), type);
    cr_assert_eq(got, len);
}

/* KeyUpdate and close_notify are records like others, and may be as long as any. */
Test(room, control_records_are_padded_too)
{
    static const size_t multiples[] = {2, 1000, 4096, 5000, 16384};
    for (size_t i = 0; i < sizeof multiples / sizeof multiples[0]; i++) {
        struct raw *raw = raw_padded(multiples[i]);
        size_t put = 0;
        cr_assert_eq(weir_conn_key_update(raw->end.conn, false), WEIR_OK);
        expect(raw, WEIR_TYPE_HANDSHAKE, 5);
        cr_assert_eq(weir_rx_rekey(&raw->rx, raw->end.fake.handshake.kdf), WEIR_OK);
        cr_assert_eq(weir_conn_write(raw->end.conn, "data", 4, &put), WEIR_OK);
        expect(raw, WEIR_TYPE_DATA, 4);
        cr_assert_eq(weir_conn_close(raw->end.conn), WEIR_OK);
        expect(raw, WEIR_TYPE_ALERT, 2);
        raw_free(raw);
    }
}

/* A wish of the library's while all records are long. */
Test(room, wishes_are_padded_too)
{
    static uint8_t message[9000] = {13, 0, 0x23, 0x24};
    struct raw *raw = raw_padded(16384);
    struct fake *f = &raw->end.fake;
    f->wishes[0] = (struct weir_control){.kind = WEIR_CONTROL_KEY_UPDATE};
    f->wishes[1] = (struct weir_control){
        .kind = WEIR_CONTROL_HANDSHAKE, .data = message, .len = sizeof message};
    f->wish_count = 2;
    cr_assert_eq(weir_conn_pump(raw->end.conn), WEIR_OK);
    expect(raw, WEIR_TYPE_HANDSHAKE, 5);
    cr_assert_eq(weir_rx_rekey(&raw->rx, f->handshake.kdf), WEIR_OK);
    expect(raw, WEIR_TYPE_HANDSHAKE, sizeof message);
    raw_free(raw);
}

/* What no buffer can hold ends the direction; it is not tried for ever. */
Test(room, a_wish_beyond_all_buffers)
{
    static uint8_t message[400000] = {13, 6, 0x1a, 0x7c};
    struct raw *raw = raw_open(WEIR_TLS13, true);
    struct fake *f = &raw->end.fake;
    const uint8_t *data = NULL;
    size_t put = 0, got = 0;
    f->wishes[0] = (struct weir_control){
        .kind = WEIR_CONTROL_HANDSHAKE, .data = message, .len = sizeof message};
    f->wish_count = 1;
    cr_assert_eq(weir_conn_pump(raw->end.conn), WEIR_E_IO);
    cr_assert_eq(weir_conn_write(raw->end.conn, "x", 1, &put), WEIR_E_IO);
    cr_assert_eq(weir_tx_status(weir_session_tx(weir_conn_session(raw->end.conn))), WEIR_E_IO);
    cr_assert_eq(weir_conn_events(raw->end.conn), POLLIN);
    raw_say(raw, WEIR_TYPE_DATA, "still", 5);
    cr_assert_eq(weir_conn_read_view(raw->end.conn, &data, &got), WEIR_OK);
    cr_assert_eq(weir_conn_close(raw->end.conn), WEIR_E_IO);
    raw_free(raw);
}

/* Sealed bytes that wait go out although the direction has failed behind them. */
Test(room, bytes_before_a_failure_are_announced)
{
    static uint8_t out[5000], content[WEIR_MAX_PLAINTEXT];
    struct raw *raw = raw_open(WEIR_TLS13, true);
    uint64_t offset = 0;
    size_t put = 0, len = 0;
    int fd[2];
    cr_assert_eq(pipe(fd), 0);
    plan_send = (struct syscall_plan){.eagain = 1};
    pattern_fill(out, 0, sizeof out);
    cr_assert_eq(weir_conn_write(raw->end.conn, out, sizeof out, &put), WEIR_OK);
    cr_assert_eq(weir_conn_sendfile(raw->end.conn, fd[0], &offset, 10), WEIR_E_IO,
                 "a pipe cannot be read at an offset");
    cr_assert_eq(weir_conn_close(raw->end.conn), WEIR_NEED_OUTPUT);
    cr_assert(weir_conn_events(raw->end.conn) & POLLOUT);
    plan_send = (struct syscall_plan){0};
    cr_assert_eq(weir_conn_close(raw->end.conn), WEIR_E_IO);
    cr_assert_eq(raw_hear(raw, content, sizeof content, &len), WEIR_TYPE_DATA);
    cr_assert_eq(len, sizeof out);
    cr_assert_eq(raw_hear(raw, content, sizeof content, &len), 0, "and no close_notify");
    (void)close(fd[0]);
    (void)close(fd[1]);
    raw_free(raw);
}

/* The end of the session takes the place of what the library wanted. */
Test(room, an_alert_instead_of_a_wish)
{
    static uint8_t message[30000] = {13, 0, 0x75, 0x2c}, content[WEIR_MAX_PLAINTEXT];
    struct raw *raw = raw_open(WEIR_TLS13, true);
    struct fake *f = &raw->end.fake;
    const uint8_t *data = NULL;
    size_t put = 0, got = 0;
    f->wishes[0] = (struct weir_control){
        .kind = WEIR_CONTROL_HANDSHAKE, .data = message, .len = sizeof message};
    f->wish_count = 1;
    plan_send = (struct syscall_plan){.eagain = 1};
    cr_assert_eq(weir_conn_write(raw->end.conn, "data", 4, &put), WEIR_OK);
    cr_assert_eq(weir_conn_pump(raw->end.conn), WEIR_NEED_OUTPUT);
    plan_send = (struct syscall_plan){0};
    raw_send(raw, "rubbish", 7);
    cr_assert_eq(weir_conn_read_view(raw->end.conn, &data, &got), WEIR_E_TYPE);
    cr_assert_eq(raw_hear(raw, content, sizeof content, &got), WEIR_TYPE_DATA);
    raw_expect_alert(raw, 10);
    raw_free(raw);
}

static const uint8_t ticket[] = {4, 0, 0, 1, 7};

/* Sending has failed; a ticket that comes then is no reason to stop reading. */
Test(room, messages_for_the_library_after_sending_failed)
{
    struct raw *raw = raw_open(WEIR_TLS13, false);
    const uint8_t *data = NULL;
    size_t put = 0, got = 0;
    plan_send = (struct syscall_plan){.fail_with = EPIPE, .fail_at = 1};
    cr_assert_eq(weir_conn_write(raw->end.conn, "x", 1, &put), WEIR_E_IO);
    raw_say(raw, WEIR_TYPE_HANDSHAKE, ticket, sizeof ticket);
    raw_say(raw, WEIR_TYPE_DATA, "reason", 6);
    raw_say(raw, WEIR_TYPE_ALERT, "\2\50", 2);
    cr_assert_eq(weir_conn_read_view(raw->end.conn, &data, &got), WEIR_OK);
    cr_assert_eq(got, 6);
    cr_assert_eq(raw->end.fake.delivered_len, sizeof ticket);
    cr_assert_eq(weir_conn_read_view(raw->end.conn, &data, &got), WEIR_E_PEER_ALERT);
    raw_free(raw);
}

/* A peer that makes the library talk and takes nothing of it cannot have it pile up. */
Test(room, messages_for_a_library_that_cannot_answer)
{
    static uint8_t message[60000] = {11, 0, 0xea, 0x5c};
    struct raw *raw = raw_open(WEIR_TLS13, false);
    struct fake *f = &raw->end.fake;
    const uint8_t *data = NULL;
    size_t put = 0, got = 0;
    unsigned rounds = 0;
    weir_status status = WEIR_OK;
    f->wishes[0] = (struct weir_control){
        .kind = WEIR_CONTROL_HANDSHAKE, .data = message, .len = sizeof message};
    f->wish_count = 1;
    plan_send = (struct syscall_plan){.eagain = 1};
    cr_assert_eq(weir_conn_write(raw->end.conn, "x", 1, &put), WEIR_OK);
    while (status == WEIR_OK && rounds < 1000) {
        rounds++;
        raw_say(raw, WEIR_TYPE_HANDSHAKE, ticket, sizeof ticket);
        raw_say(raw, WEIR_TYPE_DATA, "data", 4);
        status = weir_conn_read_view(raw->end.conn, &data, &got);
    }
    cr_assert_eq(status, WEIR_E_FLOOD);
    cr_assert(rounds > 8 && rounds <= WEIR_MAX_HANDSHAKE + 2, "%u", rounds);
    plan_send = (struct syscall_plan){0};
    raw_free(raw);
}
