/* SPDX-License-Identifier: BSD-2-Clause */
/* Connections whose records are made below the socket: every call, every content type. */
#include "below.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
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

static bool moved(struct weir_conn *conn, enum weir_dir dir)
{
    return weir_conn_path(conn, dir).backend->form == WEIR_FORM_STREAM;
}

/* A raw peer of an end whose directions have moved. */
static struct raw *typed_raw(uint16_t version, bool server, unsigned features)
{
    prepare(features, features);
    struct raw *raw = raw_open(version, server);
    cr_assert(moved(raw->end.conn, WEIR_TX));
    cr_assert(moved(raw->end.conn, WEIR_RX));
    return raw;
}

Test(typed, both_directions_move_after_the_handshake)
{
    for (int i = 0; i < 2; i++) {
        struct pair *pair = typed_pair(i ? WEIR_TLS13 : WEIR_TLS12, BELOW_REKEY, BELOW_REKEY, 0);
        for (int dir = 0; dir < 2; dir++) {
            struct weir_conn_path path = weir_conn_path(pair->client.conn, (enum weir_dir)dir);
            cr_assert_eq(path.backend, &rekeys.backend);
            cr_assert_eq(path.refusal_count, 0);
            cr_assert_eq(path.carrier, WEIR_CARRIER_BELOW);
            cr_assert_eq(weir_conn_query(pair->client.conn, (enum weir_dir)dir), WEIR_OK);
            path = weir_conn_path(pair->client.conn, (enum weir_dir)dir);
            cr_assert_eq(path.carrier, WEIR_CARRIER_KERNEL);
        }
        cr_assert_eq(weir_tx_counters(weir_conn_tx(pair->client.conn)).moves, 1);
        cr_assert_eq(below_plan.options, 8);
        pair_free(pair);
    }
}

/* Sends and receives until `total` bytes are across, both ways at once. */
static void exchange(struct pair *pair, size_t total)
{
    struct end *ends[2] = {&pair->client, &pair->server};
    size_t out[2] = {0}, in[2] = {0};
    static uint8_t buf[100000];
    for (unsigned round = 0; in[0] < total || in[1] < total; round++) {
        cr_assert_lt(round, 200000, "it has come to a stand");
        for (int i = 0; i < 2; i++) {
            size_t n = (size_t)draw() * 4 % sizeof buf, put = 0;
            n = n < total - out[i] ? n : total - out[i];
            pattern_fill(buf, out[i], n);
            weir_status status = weir_conn_write(ends[i]->conn, buf, n, &put);
            cr_assert(status == (put == n ? WEIR_OK : WEIR_NEED_OUTPUT), "%d", status);
            cr_assert(put == n || (weir_conn_events(ends[i]->conn) & POLLOUT));
            out[i] += put;
            weir_status end = read_pattern(ends[i]->conn, &in[i]);
            cr_assert_eq(end, WEIR_NEED_INPUT, "%s", weir_conn_explain(ends[i]->conn, end));
        }
    }
    cr_assert_eq(in[0], total);
    cr_assert_eq(in[1], total);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(weir_tx_counters(weir_conn_tx(ends[i]->conn)).bytes, total);
        cr_assert_eq(weir_rx_counters(weir_conn_rx(ends[i]->conn)).bytes, total);
    }
}

Test(typed, data_both_ways)
{
    for (int i = 0; i < 2; i++) {
        struct pair *pair =
            typed_pair(i ? WEIR_TLS13 : WEIR_TLS12, BELOW_REKEY, BELOW_REKEY | BELOW_TYPED, 20000);
        exchange(pair, 3000000);
        cr_assert(below_plan.largest > 20000, "large buffers are received to directly");
        pair_free(pair);
    }
}

Test(typed, whatever_a_call_moves)
{
    static const struct {
        size_t most, record;
        unsigned eagain;
    } plans[] = {{1, 0, 0}, {777, 100, 3}, {5000, 0, 6}, {0, 1, 4}, {30000, 16384, 5}};
    for (size_t i = 0; i < sizeof plans / sizeof plans[0]; i++) {
        struct pair *pair = typed_pair(WEIR_TLS13, BELOW_REKEY, BELOW_REKEY, 9000);
        below_plan.most = plans[i].most;
        below_plan.record = plans[i].record;
        below_plan.eagain = plans[i].eagain;
        exchange(pair, plans[i].most == 1 ? 3000 : 200000);
        /* Asked, the kernel tells how many records it made of it. */
        cr_assert_eq(weir_conn_query(pair->client.conn, WEIR_TX), WEIR_OK);
        cr_assert_eq(weir_conn_query(pair->server.conn, WEIR_RX), WEIR_OK);
        cr_assert_eq(weir_tx_counters(weir_conn_tx(pair->client.conn)).records,
                     weir_rx_counters(weir_conn_rx(pair->server.conn)).records);
        pair_free(pair);
    }
}

Test(typed, writev_gathers)
{
    struct pair *pair = typed_pair(WEIR_TLS13, 0, 0, 0);
    static uint8_t buf[5000];
    struct iovec iov[50];
    size_t put = 0, at = 0;
    pattern_fill(buf, 0, sizeof buf);
    for (int i = 0; i < 50; i++) {
        iov[i] = (struct iovec){buf + i * 100, i % 7 == 3 ? 0 : 100};
    }
    for (int i = 3; i < 50; i += 7) { /* the gaps go with the piece before them */
        iov[i - 1].iov_len = 200;
    }
    cr_assert_eq(weir_conn_writev(pair->client.conn, iov, 50, &put), WEIR_OK);
    cr_assert_eq(put, sizeof buf);
    cr_assert_eq(read_pattern(pair->server.conn, &at), WEIR_NEED_INPUT);
    cr_assert_eq(at, sizeof buf);
    pair_free(pair);
}

/* Small buffers and views get everything, too. */
Test(typed, small_buffers)
{
    struct pair *pair = typed_pair(WEIR_TLS13, 0, 0, 0);
    static uint8_t buf[60000];
    const uint8_t *view = NULL;
    size_t put = 0, at = 0, got = 0;
    pattern_fill(buf, 0, sizeof buf);
    cr_assert_eq(weir_conn_write(pair->client.conn, buf, sizeof buf, &put), WEIR_OK);
    while (at < 30000) {
        uint8_t few[7];
        cr_assert_eq(weir_conn_read(pair->server.conn, few, sizeof few, &got), WEIR_OK);
        cr_assert(pattern_is(few, at, got));
        at += got;
        weir_conn_trim(pair->server.conn);
    }
    while (weir_conn_read_view(pair->server.conn, &view, &got) == WEIR_OK) {
        cr_assert(pattern_is(view, at, got));
        at += got;
    }
    cr_assert_eq(at, sizeof buf);
    cr_assert_eq(weir_conn_events(pair->server.conn), POLLIN);
    pair_free(pair);
}

/* A handshake message between data is the TLS library's, whatever buffer it came to. */
Test(typed, control_records_are_no_data)
{
    for (int i = 0; i < 2; i++) {
        struct raw *raw = typed_raw(WEIR_TLS13, false, BELOW_REKEY);
        static const uint8_t ticket[] = {4, 0, 0, 6, 't', 'i', 'c', 'k', 'e', 't'};
        static uint8_t buf[20000];
        size_t got = 0, len = i ? sizeof buf : 10;
        raw_say(raw, WEIR_TYPE_DATA, "before", 6);
        raw_say(raw, WEIR_TYPE_HANDSHAKE, ticket, 3);
        raw_say(raw, WEIR_TYPE_HANDSHAKE, ticket + 3, sizeof ticket - 3);
        raw_say(raw, WEIR_TYPE_DATA, "", 0);
        raw_say(raw, WEIR_TYPE_DATA, "after", 5);
        cr_assert_eq(weir_conn_read(raw->end.conn, buf, len, &got), WEIR_OK);
        cr_assert_eq(got, 6);
        cr_assert_eq(memcmp(buf, "before", 6), 0);
        memset(buf, 0xee, sizeof buf);
        cr_assert_eq(weir_conn_read(raw->end.conn, buf, len, &got), WEIR_OK);
        cr_assert_eq(got, 5);
        cr_assert_eq(memcmp(buf, "after", 5), 0);
        for (size_t at = 5; at < 10; at++) {
            cr_assert(buf[at] == 0 || buf[at] == 0xee, "nothing of the ticket");
        }
        cr_assert_eq(raw->end.fake.delivered_len, sizeof ticket);
        cr_assert_eq(memcmp(raw->end.fake.delivered, ticket, sizeof ticket), 0);
        cr_assert_eq(weir_conn_read(raw->end.conn, buf, len, &got), WEIR_NEED_INPUT);
        raw_free(raw);
    }
}

Test(typed, the_librarys_messages_go_typed)
{
    for (unsigned eagain = 0; eagain < 4; eagain++) {
        struct raw *raw = typed_raw(WEIR_TLS13, true, BELOW_REKEY);
        static uint8_t message[40004], content[WEIR_MAX_PLAINTEXT];
        struct fake *fake = &raw->end.fake;
        size_t len = 0, at = 0, put = 0;
        pattern_fill(message, 0, sizeof message);
        message[0] = 4;
        message[1] = 0;
        message[2] = 40000 >> 8;
        message[3] = 40000 & 255;
        fake->wishes[0] = (struct weir_control){
            .kind = WEIR_CONTROL_HANDSHAKE, .data = message, .len = sizeof message};
        fake->wishes[1] = (struct weir_control){.kind = WEIR_CONTROL_KEY_UPDATE};
        fake->wishes[2] =
            (struct weir_control){.kind = WEIR_CONTROL_HANDSHAKE, .data = message, .len = 100};
        fake->wish_count = 3;
        message[3] = 40000 & 255;
        below_plan.eagain = eagain == 1 ? 0 : eagain;
        weir_status status = weir_conn_pump(raw->end.conn);
        for (int i = 0; status == WEIR_NEED_OUTPUT; i++) {
            cr_assert_lt(i, 50);
            cr_assert(weir_conn_events(raw->end.conn) & POLLOUT);
            /* Data does not get in between the parts of a message. */
            status = weir_conn_write(raw->end.conn, "x", 1, &put);
            cr_assert(status == WEIR_OK || (status == WEIR_NEED_OUTPUT && put == 0));
        }
        if (put == 0) {
            cr_assert_eq(weir_conn_flush(raw->end.conn), WEIR_OK);
        }
        while (at < sizeof message) {
            cr_assert_eq(raw_hear(raw, content, sizeof content, &len), WEIR_TYPE_HANDSHAKE);
            cr_assert_eq(memcmp(content, message + at, len), 0);
            at += len;
        }
        cr_assert_eq(at, sizeof message);
        static const uint8_t update[] = {24, 0, 0, 1, 0};
        cr_assert_eq(raw_hear(raw, content, sizeof content, &len), WEIR_TYPE_HANDSHAKE);
        cr_assert(len == sizeof update && memcmp(content, update, len) == 0);
        cr_assert_eq(weir_rx_rekey(&raw->rx, fake->handshake.kdf), WEIR_OK);
        cr_assert_eq(raw_hear(raw, content, sizeof content, &len), WEIR_TYPE_HANDSHAKE);
        cr_assert_eq(len, 100);
        cr_assert_eq(fake->epochs[0], 1, "the library is told of the change of key");
        if (put == 1) {
            cr_assert_eq(raw_hear(raw, content, sizeof content, &len), WEIR_TYPE_DATA);
        }
        raw_free(raw);
    }
}

/* Not even a KeyUpdate comes in between the parts of a message. */
Test(typed, a_message_that_is_half_sent)
{
    struct raw *raw = typed_raw(WEIR_TLS13, true, BELOW_REKEY);
    static uint8_t message[20004], content[WEIR_MAX_PLAINTEXT];
    size_t len = 0;
    message[0] = 4;
    message[2] = 20000 >> 8;
    message[3] = 20000 & 255;
    raw->end.fake.wishes[0] = (struct weir_control){
        .kind = WEIR_CONTROL_HANDSHAKE, .data = message, .len = sizeof message};
    raw->end.fake.wish_count = 1;
    below_plan.until = 1;
    below_plan.calls = 0; /* the first part goes, the second not */
    cr_assert_eq(weir_conn_pump(raw->end.conn), WEIR_NEED_OUTPUT);
    cr_assert_eq(weir_conn_key_update(raw->end.conn, false), WEIR_OK);
    cr_assert_eq(weir_conn_flush(raw->end.conn), WEIR_NEED_OUTPUT);
    below_plan.until = 0;
    cr_assert_eq(weir_conn_flush(raw->end.conn), WEIR_OK);
    for (size_t at = 0; at < sizeof message; at += len) {
        cr_assert_eq(raw_hear(raw, content, sizeof content, &len), WEIR_TYPE_HANDSHAKE);
        cr_assert(memcmp(content, message + at, len) == 0);
    }
    cr_assert_eq(raw_hear(raw, content, sizeof content, &len), WEIR_TYPE_HANDSHAKE);
    cr_assert(len == 5 && content[0] == 24);
    cr_assert_eq(weir_conn_events(raw->end.conn), POLLIN);
    raw_free(raw);
}

Test(typed, the_library_closes_or_ends_it)
{
    for (int i = 0; i < 2; i++) {
        struct raw *raw = typed_raw(WEIR_TLS13, true, BELOW_REKEY);
        uint8_t content[16];
        size_t len = 0, put = 0;
        raw->end.fake.wishes[0] =
            (struct weir_control){.kind = i ? WEIR_CONTROL_ALERT : WEIR_CONTROL_CLOSE, .alert = 42};
        raw->end.fake.wish_count = 1;
        cr_assert_eq(weir_conn_pump(raw->end.conn), i ? WEIR_E_HANDSHAKE : WEIR_OK);
        cr_assert_eq(raw_hear(raw, content, sizeof content, &len), WEIR_TYPE_ALERT);
        cr_assert_eq(content[0], i ? 2 : 1);
        cr_assert_eq(content[1], i ? 42 : 0);
        cr_assert_lt(weir_conn_write(raw->end.conn, "x", 1, &put), WEIR_OK);
        (void)weir_conn_close(raw->end.conn);
        cr_assert_eq(raw_hear(raw, content, sizeof content, &len), 0);
        raw_free(raw);
    }
}

Test(typed, key_updates_both_ways)
{
    for (unsigned plan = 0; plan < 12; plan++) {
        struct pair *pair = typed_pair(WEIR_TLS13, BELOW_REKEY, BELOW_REKEY, 9000);
        struct end *ends[2] = {&pair->client, &pair->server};
        static uint8_t buf[30000];
        size_t out[2] = {0}, in[2] = {0};
        below_plan.eagain = plan % 4 == 0 ? 0 : plan % 4 + 2;
        below_plan.put_off = plan / 4 * 2; /* the change of key itself */
        draw_from(plan);
        for (int round = 0; round < 120; round++) {
            for (int i = 0; i < 2; i++) {
                size_t n = (size_t)draw() * 4 % sizeof buf, put = 0;
                if (draw() % 10 == 0) {
                    cr_assert_eq(weir_conn_key_update(ends[i]->conn, draw() % 2), WEIR_OK);
                }
                pattern_fill(buf, out[i], n);
                weir_status status = weir_conn_write(ends[i]->conn, buf, n, &put);
                cr_assert(status == WEIR_OK || status == WEIR_NEED_OUTPUT);
                cr_assert(status == WEIR_OK || (weir_conn_events(ends[i]->conn) & POLLOUT));
                out[i] += put;
                weir_status end = read_pattern(ends[i]->conn, &in[i]);
                cr_assert_eq(end, WEIR_NEED_INPUT, "%s", weir_conn_explain(ends[i]->conn, end));
            }
        }
        below_plan.eagain = 0;
        for (int i = 0; i < 40; i++) {
            cr_assert_geq(weir_conn_flush(ends[i % 2]->conn), WEIR_OK);
            cr_assert_eq(read_pattern(ends[i % 2]->conn, &in[i % 2]), WEIR_NEED_INPUT);
        }
        for (int i = 0; i < 2; i++) {
            cr_assert_eq(weir_conn_flush(ends[i]->conn), WEIR_OK);
            cr_assert_eq(in[i], out[!i]);
            cr_assert_geq(weir_tx_counters(weir_conn_tx(ends[i]->conn)).rekeys, 5);
            cr_assert_eq(weir_tx_counters(weir_conn_tx(ends[i]->conn)).rekeys,
                         weir_rx_counters(weir_conn_rx(ends[!i]->conn)).rekeys);
        }
        pair_free(pair);
    }
}

/* A command that the kernel puts off is asked for again, by whatever call comes. */
Test(typed, a_key_that_is_put_off)
{
    static const uint8_t update[] = {24, 0, 0, 1, 0};
    struct raw *raw = typed_raw(WEIR_TLS13, true, BELOW_REKEY);
    struct weir_conn *conn = raw->end.conn;
    const uint8_t *data = NULL;
    uint8_t content[16];
    size_t got = 0, len = 0, put = 0;
    below_plan.put_off = 2;
    cr_assert_eq(weir_conn_key_update(conn, false), WEIR_OK);
    cr_assert(weir_conn_events(conn) & POLLOUT);
    cr_assert_eq(weir_conn_flush(conn), WEIR_NEED_OUTPUT);
    cr_assert(weir_conn_events(conn) & POLLOUT);
    cr_assert_eq(weir_conn_flush(conn), WEIR_OK);
    cr_assert_eq(weir_conn_events(conn), POLLIN);
    cr_assert_eq(weir_conn_write(conn, "new", 3, &put), WEIR_OK);
    cr_assert_eq(raw_hear(raw, content, sizeof content, &len), WEIR_TYPE_HANDSHAKE);
    cr_assert_eq(weir_rx_rekey(&raw->rx, raw->end.fake.handshake.kdf), WEIR_OK);
    cr_assert_eq(raw_hear(raw, content, sizeof content, &len), WEIR_TYPE_DATA);

    below_plan.put_off = 1;
    raw_say(raw, WEIR_TYPE_HANDSHAKE, update, sizeof update);
    cr_assert_eq(weir_tx_rekey(&raw->tx, raw->end.fake.handshake.kdf), WEIR_OK);
    raw_say(raw, WEIR_TYPE_DATA, "new", 3);
    cr_assert_eq(weir_conn_read_view(conn, &data, &got), WEIR_NEED_INPUT);
    cr_assert_eq(weir_conn_events(conn), POLLIN | POLLOUT);
    cr_assert_eq(weir_conn_flush(conn), WEIR_OK);
    cr_assert_eq(weir_conn_events(conn), POLLIN);
    cr_assert_eq(weir_conn_read_view(conn, &data, &got), WEIR_OK);
    cr_assert_eq(got, 3);
    raw_free(raw);
}

/* A peer's KeyUpdate that cannot be followed: its own status, the alert, and no byte after it. */
Test(typed, key_update_without_a_way_to_change_the_key)
{
    static const uint8_t update[] = {24, 0, 0, 1, 0};
    struct raw *raw = typed_raw(WEIR_TLS13, true, 0);
    const uint8_t *data = NULL;
    size_t got = 0, put = 0;
    below_plan.no_rekey = true;
    raw_say(raw, WEIR_TYPE_DATA, "before", 6);
    raw_say(raw, WEIR_TYPE_HANDSHAKE, update, sizeof update);
    raw_say(raw, WEIR_TYPE_DATA, "after", 5);
    cr_assert_eq(weir_conn_read_view(raw->end.conn, &data, &got), WEIR_OK);
    cr_assert_eq(got, 6);
    cr_assert_eq(weir_conn_read_view(raw->end.conn, &data, &got), WEIR_E_REKEY);
    cr_assert_eq(weir_conn_read_view(raw->end.conn, &data, &got), WEIR_E_REKEY);
    cr_assert_eq(got, 0);
    cr_assert_eq(weir_conn_write(raw->end.conn, "x", 1, &put), WEIR_E_REKEY);
    cr_assert_eq(weir_rx_counters(weir_conn_rx(raw->end.conn)).lost_rekeys, 1);
    cr_assert_eq(weir_conn_refusal(raw->end.conn).code, WEIR_REFUSAL_NO_REKEY);
    raw_expect_alert(raw, 80);
    raw_free(raw);

    /* Our own is refused, and nothing ends. */
    raw = typed_raw(WEIR_TLS13, true, 0);
    cr_assert_eq(weir_conn_key_update(raw->end.conn, false), WEIR_REFUSED);
    cr_assert_eq(weir_conn_refusal(raw->end.conn).code, WEIR_REFUSAL_NO_REKEY);
    cr_assert_eq(weir_conn_write(raw->end.conn, "x", 1, &put), WEIR_OK);
    raw_free(raw);
}

/* The kernel fails to take a new key: for receiving the alert can still go, for sending not. */
Test(typed, a_key_that_is_not_taken)
{
    static const uint8_t update[] = {24, 0, 0, 1, 0};
    struct raw *raw = typed_raw(WEIR_TLS13, true, BELOW_REKEY);
    const uint8_t *data = NULL;
    uint8_t content[16];
    size_t got = 0, len = 0, put = 0;
    below_plan.fail_at = 1;
    below_plan.fail_with = ENOMEM;
    raw_say(raw, WEIR_TYPE_HANDSHAKE, update, sizeof update);
    cr_assert_eq(weir_conn_read_view(raw->end.conn, &data, &got), WEIR_E_BACKEND);
    const char *words = weir_conn_explain(raw->end.conn, WEIR_E_BACKEND);
    cr_assert_not_null(strstr(words, "below: setsockopt: Cannot allocate memory"), "%s", words);
    raw_expect_alert(raw, 80);
    raw_free(raw);

    raw = typed_raw(WEIR_TLS13, true, BELOW_REKEY);
    below_plan.fail_at = 1;
    below_plan.fail_with = ENOMEM;
    cr_assert_eq(weir_conn_key_update(raw->end.conn, false), WEIR_E_BACKEND);
    cr_assert_eq(weir_conn_write(raw->end.conn, "x", 1, &put), WEIR_E_BACKEND);
    cr_assert_eq(weir_conn_flush(raw->end.conn), WEIR_E_BACKEND);
    cr_assert_eq(raw_hear(raw, content, sizeof content, &len), WEIR_TYPE_HANDSHAKE);
    (void)weir_conn_close(raw->end.conn);
    cr_assert_eq(raw_hear(raw, content, sizeof content, &len), 0, "nothing under either key");
    raw_free(raw);
}

Test(typed, closing)
{
    struct raw *raw = typed_raw(WEIR_TLS13, true, 0);
    const uint8_t *data = NULL;
    uint8_t content[16];
    size_t got = 0, len = 0, put = 0;
    below_plan.eagain = 1;
    cr_assert_eq(weir_conn_close(raw->end.conn), WEIR_NEED_OUTPUT);
    cr_assert(weir_conn_events(raw->end.conn) & POLLOUT);
    below_plan.eagain = 0;
    cr_assert_eq(weir_conn_close(raw->end.conn), WEIR_OK);
    cr_assert_eq(weir_conn_write(raw->end.conn, "x", 1, &put), WEIR_E_MISUSE);
    cr_assert_eq(raw_hear(raw, content, sizeof content, &len), WEIR_TYPE_ALERT);
    cr_assert(len == 2 && content[0] == 1 && content[1] == 0);
    cr_assert_eq(raw_hear(raw, content, sizeof content, &len), 0);
    /* Half-closed: the other direction goes on. */
    cr_assert_eq(weir_conn_events(raw->end.conn), POLLIN);
    raw_say(raw, WEIR_TYPE_DATA, "more", 4);
    cr_assert_eq(weir_conn_read_view(raw->end.conn, &data, &got), WEIR_OK);
    cr_assert_eq(got, 4);
    static const uint8_t close_notify[] = {1, 0};
    raw_say(raw, WEIR_TYPE_ALERT, close_notify, 2);
    raw_say(raw, WEIR_TYPE_DATA, "ignored", 7);
    cr_assert_eq(weir_conn_read_view(raw->end.conn, &data, &got), WEIR_CLOSED);
    cr_assert_eq(weir_conn_read_view(raw->end.conn, &data, &got), WEIR_CLOSED);
    cr_assert_eq(weir_conn_events(raw->end.conn), 0);
    raw_free(raw);
}

Test(typed, end_of_file_without_close_notify)
{
    for (int cut = 0; cut < 2; cut++) {
        struct raw *raw = typed_raw(WEIR_TLS13, true, 0);
        const uint8_t *data = NULL;
        size_t got = 0;
        raw_say(raw, WEIR_TYPE_DATA, "some", 4);
        if (cut) {
            raw_send(raw, "\x17\x03\x03\x00\x20half", 9);
        }
        raw_hang_up(raw);
        cr_assert_eq(weir_conn_read_view(raw->end.conn, &data, &got), WEIR_OK);
        cr_assert_eq(weir_conn_read_view(raw->end.conn, &data, &got), WEIR_E_TRUNCATED);
        cr_assert_eq(weir_conn_read_view(raw->end.conn, &data, &got), WEIR_E_TRUNCATED);
        cr_assert_eq(weir_conn_events(raw->end.conn), 0);
        raw_free(raw);
    }
}

/* The error that a bad record leaves in the socket does not take the place of the alert. */
Test(typed, bad_records)
{
    static const struct {
        const char *bytes;
        size_t len;
        weir_status status;
        uint8_t alert;
        const char *words;
    } bad[] = {
        {"\x17\x03\x03\x00\x14xxxxxxxxxxxxxxxxxxxx", 25, WEIR_E_AUTH, 20, "Bad message"},
        {"\x17\x03\x03\x7f\xff", 5, WEIR_E_OVERFLOW, 22, "Message too long"},
        {"\x17\x03\x01\x00\x20", 5, WEIR_E_VERSION, 70, "Invalid argument"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct raw *raw = typed_raw(WEIR_TLS13, true, 0);
        const uint8_t *data = NULL;
        size_t got = 0, put = 0;
        raw_say(raw, WEIR_TYPE_DATA, "fine", 4);
        raw_send(raw, bad[i].bytes, bad[i].len);
        cr_assert_eq(weir_conn_read_view(raw->end.conn, &data, &got), WEIR_OK);
        cr_assert_eq(got, 4);
        cr_assert_eq(weir_conn_read_view(raw->end.conn, &data, &got), bad[i].status);
        cr_assert_eq(weir_conn_read_view(raw->end.conn, &data, &got), bad[i].status);
        cr_assert_eq(weir_conn_write(raw->end.conn, "x", 1, &put), bad[i].status);
        const char *words = weir_conn_explain(raw->end.conn, bad[i].status);
        cr_assert_not_null(strstr(words, "below: recvmsg: "), "%s", words);
        cr_assert_not_null(strstr(words, bad[i].words), "%s", words);
        cr_assert_not_null(strstr(words, weir_alert_name(bad[i].alert)), "%s", words);
        raw_expect_alert(raw, bad[i].alert);
        raw_free(raw);
    }
}

/* After a send that failed nothing follows, and reading goes on. */
Test(typed, a_send_that_fails)
{
    struct raw *raw = typed_raw(WEIR_TLS13, true, BELOW_REKEY);
    const uint8_t *data = NULL;
    uint8_t content[16];
    size_t got = 0, put = 0, len = 0;
    below_plan.send_error = ECONNRESET;
    cr_assert_eq(weir_conn_write(raw->end.conn, "lost", 4, &put), WEIR_E_IO);
    cr_assert_eq(put, 0);
    cr_assert_eq(weir_conn_write(raw->end.conn, "more", 4, &put), WEIR_E_IO);
    cr_assert_eq(weir_conn_key_update(raw->end.conn, false), WEIR_E_IO);
    cr_assert_eq(weir_conn_flush(raw->end.conn), WEIR_E_IO);
    cr_assert_not_null(strstr(weir_conn_explain(raw->end.conn, WEIR_E_IO),
                              "below: sendmsg: Connection reset by peer"));
    cr_assert_eq(weir_conn_events(raw->end.conn), POLLIN);
    raw_say(raw, WEIR_TYPE_DATA, "still", 5);
    cr_assert_eq(weir_conn_read_view(raw->end.conn, &data, &got), WEIR_OK);
    cr_assert_eq(got, 5);
    static const uint8_t alert[] = {2, 40};
    raw_say(raw, WEIR_TYPE_ALERT, alert, 2);
    cr_assert_eq(weir_conn_read_view(raw->end.conn, &data, &got), WEIR_E_PEER_ALERT);
    cr_assert_eq(weir_conn_close(raw->end.conn), WEIR_E_IO);
    cr_assert_eq(raw_hear(raw, content, sizeof content, &len), 0, "not one byte");
    raw_free(raw);
}

/* What the session still had to say is no reason to wait for the socket. */
Test(typed, a_key_update_that_fails_to_go)
{
    struct raw *raw = typed_raw(WEIR_TLS13, true, BELOW_REKEY);
    struct weir_refusal why;
    cr_assert_eq(weir_session_key_update(weir_conn_session(raw->end.conn), false, &why), WEIR_OK);
    cr_assert(weir_conn_events(raw->end.conn) & POLLOUT);
    below_plan.send_error = ENOTCONN;
    cr_assert_eq(weir_conn_flush(raw->end.conn), WEIR_E_IO);
    cr_assert_eq(weir_conn_events(raw->end.conn), POLLIN);
    raw_free(raw);
}

/* An alert of the session's behind a blocked socket goes when it takes it, also when what is thrown
 * away meanwhile does not open and leaves an error in the socket. */
Test(typed, an_alert_that_waits)
{
    for (int bad = 0; bad < 2; bad++) {
        struct raw *raw = typed_raw(WEIR_TLS13, true, 0);
        const uint8_t *data = NULL;
        size_t got = 0;
        raw_say(raw, WEIR_TYPE_HANDSHAKE, "\x63", 1);
        if (bad != 0) {
            raw_send(raw, "\x17\x03\x03\x00\x14xxxxxxxxxxxxxxxxxxxx", 25);
        }
        below_plan.eagain = 2;
        below_plan.calls = 0; /* the receive goes through, the send not */
        cr_assert_eq(weir_conn_read_view(raw->end.conn, &data, &got), WEIR_E_TYPE);
        cr_assert_eq(weir_conn_events(raw->end.conn), POLLOUT);
        below_plan.eagain = 0;
        cr_assert_eq(weir_conn_close(raw->end.conn), WEIR_OK);
        cr_assert_eq(weir_conn_events(raw->end.conn), 0);
        raw_expect_alert(raw, 10);
        raw_free(raw);
    }
}
