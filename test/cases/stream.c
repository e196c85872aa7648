/* SPDX-License-Identifier: BSD-2-Clause */
/* Directions whose records are made below the socket: what is said and heard, in what order, and
 * how it ends. How it is counted: stream_bounds.c. */
#include "below.h"

static struct below b;

/* A connection that is below in the directions of `dirs`. */
static void begin(struct fixture *f, unsigned dirs, bool rekeys)
{
    below_open(&b, f, dirs, rekeys);
}

static weir_status say(struct fixture *f, size_t len)
{
    return below_send(&b, f, WEIR_TYPE_DATA, f->text, len);
}

static weir_status flush(struct fixture *f)
{
    return below_send(&b, f, WEIR_TYPE_DATA, NULL, 0);
}

ON(TLS13, key_updates_of_our_own)
{
    struct weir_refusal why;

    begin(f, BELOW_TX, true);
    for (uint16_t epoch = 1; epoch < 5; epoch++) {
        CHECK_STATUS(f->t, say(f, 100), WEIR_OK);
        CHECK_STATUS(f->t, weir_session_key_update(&f->session, epoch % 2 == 0, &why), WEIR_OK);
        CHECK_STATUS(f->t, epoch == 3 ? flush(f) : say(f, 10), WEIR_OK);
        we_said(f, WEIR_TYPE_DATA, f->text, 100);
        we_said_update(f, epoch % 2 == 0);
        if (epoch != 3)
            we_said(f, WEIR_TYPE_DATA, f->text, 10);
        we_said_nothing(f);
        CHECK_EQ(f->t, weir_tx_position(&f->tx).epoch, epoch);
        CHECK_EQ(f->t, weir_tx_counters(&f->tx).rekeys, epoch);
    }
    CHECK_EQ(f->t, b.attached, 1);
}

/* The old key's records are counted exactly before it goes. */
ON(TLS13, counted_before_the_key_changes)
{
    struct weir_refusal why;

    begin(f, BELOW_TX, true);
    b.cut = 7;
    CHECK_STATUS(f->t, say(f, 700), WEIR_OK);
    CHECK_EQ(f->t, weir_tx_counters(&f->tx).records, 1);
    CHECK_STATUS(f->t, weir_session_key_update(&f->session, false, &why), WEIR_OK);
    CHECK_STATUS(f->t, flush(f), WEIR_OK);
    CHECK_EQ(f->t, b.queries, 1);
    CHECK_EQ(f->t, weir_tx_counters(&f->tx).records, 101);
    CHECK_EQ(f->t, weir_tx_counters(&f->tx).wire_bytes, f->out_len);
    CHECK_EQ(f->t, weir_tx_position(&f->tx).unsure, 0);
    /* An answer that does not come leaves the bound; the key changes all the same. */
    CHECK_STATUS(f->t, say(f, 70), WEIR_OK);
    b.run = 0;
    b.fail_at = 1;
    CHECK_STATUS(f->t, weir_session_key_update(&f->session, false, &why), WEIR_OK);
    CHECK_STATUS(f->t, flush(f), WEIR_OK);
    CHECK_EQ(f->t, weir_tx_position(&f->tx).epoch, 2);
    CHECK_EQ(f->t, weir_tx_counters(&f->tx).records, 103);
}

/* Each command of a change of key fails: the direction is over, and nothing more is sealed. */
ON(TLS13, a_failing_change_of_key)
{
    for (uint32_t n = 1; n <= 2; n++) {
        struct weir_refusal why;

        begin(f, BELOW_TX | BELOW_RX, true);
        b.fail_at = n;
        CHECK_STATUS(f->t, weir_session_key_update(&f->session, false, &why), WEIR_OK);
        (void)flush(f);
        CHECK_STATUS(f->t, weir_session_status(&f->session), WEIR_E_BACKEND);
        CHECK_STATUS(f->t, weir_tx_status(&f->tx), WEIR_E_BACKEND);
        we_said_update(f, false);
        CHECK_STATUS(f->t, say(f, 1), WEIR_E_BACKEND);
        CHECK_STATUS(f->t, flush(f), WEIR_OK); /* nothing waits: nobody could say it */
        we_said_nothing(f);
        CHECK_EQ(f->t, b.attached, 0);
    }
}

ON(TLS13, the_peer_updates)
{
    begin(f, BELOW_TX | BELOW_RX, true);
    for (uint16_t epoch = 1; epoch < 4; epoch++) {
        peer_says(f, WEIR_TYPE_DATA, f->text, 30);
        peer_updates(f, epoch % 2 == 0);
        peer_says(f, WEIR_TYPE_DATA, f->text, 40);
        for (int i = 0; i < 3; i++)
            CHECK_STATUS(f->t, below_receive(&b, f), WEIR_OK);
        we_heard(f, WEIR_TYPE_DATA, f->text, 30);
        we_heard(f, WEIR_TYPE_DATA, f->text, 40);
        we_heard_nothing(f);
        CHECK_EQ(f->t, weir_rx_position(&f->rx).epoch, epoch);
        CHECK_STATUS(f->t, say(f, 5), WEIR_OK);
        if (epoch % 2 == 0)
            we_said_update(f, false);
        we_said(f, WEIR_TYPE_DATA, f->text, 5);
    }
    CHECK_EQ(f->t, weir_rx_counters(&f->rx).lost_rekeys, 0);
}

/* The key must change where it cannot: the end by a status of its own, alert and count, and no
 * further byte. */
ON(TLS13, the_peer_updates_what_cannot_be)
{
    for (int asks = 0; asks < 2; asks++) {
        /* receiving below cannot follow; or can, in software, but not answer from below */
        begin(f, asks == 0 ? (BELOW_TX | BELOW_RX) : BELOW_TX, false);
        peer_updates(f, asks != 0);
        peer_says(f, WEIR_TYPE_DATA, "late", 4);
        if (asks == 0)
            CHECK_STATUS(f->t, below_receive(&b, f), WEIR_E_REKEY);
        else
            CHECK_STATUS(f->t, we_hear(f), WEIR_E_REKEY);
        CHECK_EQ(f->t, weir_session_refusal(&f->session).code, WEIR_REFUSAL_NO_REKEY);
        CHECK_STATUS(f->t, weir_session_status(&f->session), WEIR_E_REKEY);
        CHECK_EQ(f->t, weir_rx_counters(&f->rx).lost_rekeys + weir_tx_counters(&f->tx).lost_rekeys,
                 1);
        if (asks == 0)
            CHECK_STATUS(f->t, below_receive(&b, f), WEIR_E_REKEY);
        else
            CHECK_STATUS(f->t, we_hear(f), WEIR_E_REKEY);
        we_heard_nothing(f);
        CHECK_STATUS(f->t, say(f, 4), WEIR_E_REKEY); /* the alert goes, the data does not */
        we_said_alert(f, 2, 80);
        CHECK_STATUS(f->t, say(f, 4), WEIR_E_REKEY);
        we_said_nothing(f);
    }
}

ON(TLS13, no_update_of_our_own_where_it_cannot_be)
{
    struct weir_refusal why;

    begin(f, BELOW_TX, false);
    CHECK_STATUS(f->t, weir_session_key_update(&f->session, false, &why), WEIR_REFUSED);
    CHECK_EQ(f->t, why.code, WEIR_REFUSAL_NO_REKEY);
    weir_tx_set_limit(&f->tx, (struct weir_limit){.soft = 10, .hard = 1000});
    CHECK_STATUS(f->t, say(f, 1), WEIR_OK);
    CHECK_STATUS(f->t, say(f, 500), WEIR_REKEY_DUE);
    CHECK_STATUS(f->t, say(f, 1), WEIR_REKEY_DUE);
}

/* A send that went nowhere is tried again; one that went wrong is the end. */
ON(BOTH, sends_that_fail)
{
    static const struct {
        int os_error;
        weir_status status;
    } ends[] = {{BELOW_RESET, WEIR_E_IO}, {BELOW_OTHER, WEIR_E_BACKEND}};
    struct weir_stream_op op;
    const uint8_t *own;

    begin(f, BELOW_TX, true);
    for (int i = 0; i < 3; i++) {
        b.send_error = BELOW_AGAIN;
        CHECK_STATUS(f->t, say(f, 10), WEIR_NEED_OUTPUT);
        CHECK_STATUS(f->t, weir_session_close(&f->session), WEIR_OK);
        b.send_error = BELOW_AGAIN;
        CHECK_STATUS(f->t, flush(f), WEIR_NEED_OUTPUT);
        CHECK(f->t, weir_session_wants_flush(&f->session));
    }
    we_said_nothing(f);
    CHECK_STATUS(f->t, flush(f), WEIR_OK);
    we_said_alert(f, 1, 0);
    for (size_t i = 0; i < 2; i++) {
        begin(f, BELOW_TX, true);
        b.send_error = ends[i].os_error;
        CHECK_STATUS(f->t, say(f, 10), ends[i].status);
        CHECK_STATUS(f->t, say(f, 10), ends[i].status);
        we_said_nothing(f);
        CHECK_EQ(f->t, b.attached, 0);
    }
    /* more than was asked for, and half of what has to be whole */
    begin(f, BELOW_TX, true);
    CHECK_STATUS(f->t, weir_session_next(&f->session, WEIR_TYPE_DATA, 10, &op, &own), WEIR_OK);
    CHECK_EQ(f->t, op.len, 10);
    CHECK_STATUS(f->t, weir_session_sent(&f->session, &(struct weir_stream_done){.len = 11}),
                 WEIR_E_BACKEND);
    begin(f, BELOW_TX, true);
    CHECK_STATUS(f->t, weir_session_close(&f->session), WEIR_OK);
    CHECK_STATUS(f->t, weir_session_next(&f->session, WEIR_TYPE_DATA, 0, &op, &own), WEIR_OK);
    CHECK(f->t, own != NULL);
    CHECK_STATUS(f->t, weir_session_sent(&f->session, &(struct weir_stream_done){.len = 1}),
                 WEIR_E_IO);
    CHECK_STATUS(f->t, weir_session_status(&f->session), WEIR_E_IO);
    /* told twice, or told without having asked */
    begin(f, BELOW_TX, true);
    CHECK_STATUS(f->t, weir_session_sent(&f->session, &(struct weir_stream_done){.len = 1}),
                 WEIR_E_MISUSE);
    CHECK_STATUS(f->t, weir_tx_sent(&f->tx, &(struct weir_stream_done){.len = 1}), WEIR_E_MISUSE);
}

/* A part of what may go is taken: the rest goes later. */
ON(BOTH, short_sends)
{
    struct weir_stream_op op;
    const uint8_t *own;

    begin(f, BELOW_TX, true);
    CHECK_STATUS(f->t, weir_session_next(&f->session, WEIR_TYPE_DATA, 1000, &op, &own), WEIR_OK);
    CHECK(f->t, own == NULL);
    CHECK_EQ(f->t, op.control_len, 0);
    CHECK_STATUS(f->t, weir_session_sent(&f->session, &(struct weir_stream_done){.len = 300}),
                 WEIR_OK);
    CHECK_EQ(f->t, weir_tx_counters(&f->tx).bytes, 300);
    CHECK_STATUS(f->t, weir_session_next(&f->session, WEIR_TYPE_DATA, 700, &op, &own), WEIR_OK);
    CHECK_STATUS(f->t, weir_session_sent(&f->session, &(struct weir_stream_done){.len = 0}),
                 WEIR_NEED_OUTPUT);
    CHECK_EQ(f->t, weir_tx_counters(&f->tx).bytes, 300);
}

/* A long handshake message is not interleaved with anything, an answer of ours included. */
ON(TLS13, long_messages)
{
    struct weir_stream_op op;
    const uint8_t *own;

    begin(f, BELOW_TX | BELOW_RX, true);
    CHECK_STATUS(f->t, weir_session_next(&f->session, WEIR_TYPE_HANDSHAKE, 20000, &op, &own),
                 WEIR_OK);
    CHECK_EQ(f->t, op.len, 16384);
    CHECK_EQ(f->t, op.control[0], WEIR_TYPE_HANDSHAKE);
    CHECK_STATUS(f->t, weir_session_sent(&f->session, &(struct weir_stream_done){.len = 16384}),
                 WEIR_OK);
    peer_updates(f, true);
    CHECK_STATUS(f->t, below_receive(&b, f), WEIR_OK);
    CHECK_STATUS(f->t, weir_session_next(&f->session, WEIR_TYPE_DATA, 0, &op, &own), WEIR_OK);
    CHECK_EQ(f->t, op.len, 0);
    CHECK_STATUS(f->t, weir_session_next(&f->session, WEIR_TYPE_DATA, 5, &op, &own), WEIR_E_MISUSE);
    CHECK_STATUS(f->t, weir_session_next(&f->session, WEIR_TYPE_HANDSHAKE, 3616, &op, &own),
                 WEIR_OK);
    CHECK(f->t, own == NULL);
    CHECK_EQ(f->t, op.len, 3616);
    CHECK_STATUS(f->t, weir_session_sent(&f->session, &(struct weir_stream_done){.len = 3616}),
                 WEIR_OK);
    CHECK_STATUS(f->t, weir_session_next(&f->session, WEIR_TYPE_DATA, 5, &op, &own), WEIR_OK);
    CHECK(f->t, own != NULL);
    CHECK_EQ(f->t, op.len, 5);
}

ON(TLS12, no_messages_of_a_library)
{
    struct weir_stream_op op;
    const uint8_t *own;

    begin(f, BELOW_TX, true);
    CHECK_STATUS(f->t, weir_session_next(&f->session, WEIR_TYPE_HANDSHAKE, 5, &op, &own),
                 WEIR_E_MISUSE);
    CHECK_STATUS(f->t, say(f, 5), WEIR_OK);
}

static void gets(struct fixture *f, struct weir_stream_done done, weir_status want)
{
    static uint8_t room[WEIR_MAX_PLAINTEXT + 1];
    struct weir_stream_op op;
    struct weir_record r;
    size_t count = 77;

    begin(f, BELOW_TX | BELOW_RX, true);
    CHECK_STATUS(f->t, weir_session_want(&f->session, &op), WEIR_OK);
    memset(room, 0x55, sizeof room);
    CHECK_STATUS(f->t, weir_session_received(&f->session, &done, room, &r, &count), want);
    CHECK_EQ(f->t, count, 0);
    if (want < 0)
        CHECK_ZERO(f->t, room, done.len);
    CHECK_STATUS(f->t, weir_session_status(&f->session), want == WEIR_NEED_INPUT ? WEIR_OK : want);
    uint8_t alert = weir_status_alert(want);
    if (want < 0 && alert != WEIR_ALERT_NONE) {
        CHECK_STATUS(f->t, flush(f), WEIR_OK);
        we_said_alert(f, 2, alert);
    }
    we_said_nothing(f);
}

static struct weir_stream_done content(uint8_t type, size_t len)
{
    struct weir_stream_done done = {.len = len, .has_control = true, .end_of_record = true};

    done.control[0] = type;
    done.control_len = 1;
    return done;
}

ON(BOTH, what_comes_from_below)
{
    gets(f, (struct weir_stream_done){.os_error = BELOW_AGAIN}, WEIR_NEED_INPUT);
    gets(f, (struct weir_stream_done){.os_error = BELOW_AUTH}, WEIR_E_AUTH);
    gets(f, (struct weir_stream_done){.os_error = BELOW_RESET}, WEIR_E_IO);
    gets(f, (struct weir_stream_done){.len = 0}, WEIR_E_TRUNCATED);
    for (unsigned type = 0; type < 256; type++) {
        if (type == WEIR_TYPE_DATA || type == WEIR_TYPE_ALERT || type == WEIR_TYPE_HANDSHAKE)
            continue;
        gets(f, content((uint8_t)type, 5), WEIR_E_TYPE);
    }
    gets(f, content(WEIR_TYPE_ALERT, 0), WEIR_E_TYPE);
    gets(f, content(WEIR_TYPE_HANDSHAKE, 0), WEIR_E_TYPE);
}

ON(BOTH, empty_records_from_below)
{
    begin(f, BELOW_TX | BELOW_RX, true);
    for (uint32_t i = 0; i < WEIR_MAX_EMPTY_RECORDS; i++) {
        peer_says(f, WEIR_TYPE_DATA, NULL, 0);
        CHECK_STATUS(f->t, below_receive(&b, f), WEIR_OK);
    }
    we_heard_nothing(f);
    peer_says(f, WEIR_TYPE_DATA, NULL, 0);
    CHECK_STATUS(f->t, below_receive(&b, f), WEIR_E_FLOOD);
}

/* What weir opens or seals itself is not for these calls, and the other way round. */
ON(BOTH, the_wrong_calls)
{
    struct weir_stream_op op;
    const uint8_t *own;
    uint8_t out[100];
    size_t made, taken;
    const struct weir_iov in = {f->text, 1};

    CHECK_STATUS(f->t, weir_session_want(&f->session, &op), WEIR_E_MISUSE);
    fixture_again(f);
    CHECK_STATUS(f->t, weir_session_next(&f->session, WEIR_TYPE_DATA, 1, &op, &own), WEIR_E_MISUSE);
    begin(f, BELOW_TX | BELOW_RX, true);
    CHECK_STATUS(f->t, weir_session_send(&f->session, &in, 1, out, sizeof out, &taken, &made),
                 WEIR_E_MISUSE);
    CHECK_EQ(f->t, made, 0);
    begin(f, BELOW_TX | BELOW_RX, true);
    peer_says(f, WEIR_TYPE_DATA, "x", 1);
    CHECK_STATUS(f->t, we_hear(f), WEIR_E_MISUSE);
    we_heard_nothing(f);
}

/* What is not the caller's to bound: pieces of records, and records on end. */
ON(BOTH, received_in_pieces)
{
    static uint8_t room[3 * WEIR_MAX_PLAINTEXT];
    struct weir_stream_op op;
    struct weir_record r;
    struct weir_refusal why;
    size_t count;

    begin(f, BELOW_RX, true);
    static const struct {
        size_t len;
        bool end;
        uint64_t least;
    } pieces[] = {{100, false, 0}, {100, true, 1}, {1, true, 2}, {40000, true, 4}, {5, false, 4}};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        struct weir_stream_done done = content(WEIR_TYPE_DATA, pieces[i].len);
        done.end_of_record = pieces[i].end;
        CHECK_STATUS(f->t, weir_session_want(&f->session, &op), WEIR_OK);
        CHECK_STATUS(f->t, weir_session_received(&f->session, &done, room, &r, &count), WEIR_OK);
        CHECK_EQ(f->t, count, 1);
        CHECK_EQ(f->t, r.len, pieces[i].len);
        struct weir_position at = weir_rx_position(&f->rx);
        CHECK_EQ(f->t, weir_rx_counters(&f->rx).records, pieces[i].least);
        CHECK_EQ(f->t, at.seq - at.unsure, pieces[i].least);
    }
    /* The kernel has opened 9 records in truth. */
    b.kernel[WEIR_RX].keys.at.seq = 9;
    CHECK_STATUS(f->t, weir_rx_query(&f->rx, &why), WEIR_PENDING);
    CHECK_STATUS(f->t, below_run(&b, f, &why), WEIR_OK);
    CHECK_EQ(f->t, weir_rx_position(&f->rx).seq, 9);
    CHECK_EQ(f->t, weir_rx_counters(&f->rx).records, 9);
    CHECK_EQ(f->t, weir_rx_counters(&f->rx).bytes, 40206);
    /* Empty records came that nobody was told of. */
    b.kernel[WEIR_RX].keys.at.seq = 12;
    CHECK_STATUS(f->t, weir_rx_query(&f->rx, &why), WEIR_PENDING);
    CHECK_STATUS(f->t, below_run(&b, f, &why), WEIR_OK);
    CHECK_EQ(f->t, weir_rx_position(&f->rx).seq, 12);
    CHECK_EQ(f->t, weir_rx_counters(&f->rx).records, 12);
    b.kernel[WEIR_RX].keys.at.seq = 11;
    CHECK_STATUS(f->t, weir_rx_query(&f->rx, &why), WEIR_PENDING);
    CHECK_STATUS(f->t, below_run(&b, f, &why), WEIR_E_BACKEND);
}

static size_t told_len;
static void tells(const struct weir_backend *self, void *ctx, uint8_t type,
                  struct weir_stream_op *op)
{
    (void)self;
    (void)ctx;
    (void)type;
    op->len = told_len;
}

/* A backend that would have nothing sent, or more than there is, or half an alert. */
ON(BOTH, backends_that_lie)
{
    static const size_t lies[] = {0, 6, SIZE_MAX};
    struct weir_stream_op op;
    const uint8_t *own;

    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        begin(f, BELOW_TX, true);
        b.backend.send = tells;
        told_len = lies[i];
        CHECK_STATUS(f->t, say(f, 5), WEIR_E_BACKEND);
        CHECK_EQ(f->t, b.made, 0);
    }
    begin(f, BELOW_TX, true);
    b.backend.send = tells;
    told_len = 1;
    CHECK_STATUS(f->t, weir_session_close(&f->session), WEIR_OK);
    CHECK_STATUS(f->t, weir_session_next(&f->session, WEIR_TYPE_DATA, 0, &op, &own),
                 WEIR_E_BACKEND);
    /* Less than there is of data is no lie, and no message that something could break into. */
    begin(f, BELOW_TX, true);
    b.backend.send = tells;
    told_len = 2;
    CHECK_STATUS(f->t, weir_session_next(&f->session, WEIR_TYPE_DATA, 5, &op, &own), WEIR_OK);
    CHECK_EQ(f->t, op.len, 2);
    CHECK_STATUS(f->t, weir_session_sent(&f->session, &(struct weir_stream_done){.len = 2}),
                 WEIR_OK);
    CHECK_STATUS(f->t, weir_session_close(&f->session), WEIR_OK);
    CHECK_STATUS(f->t, weir_session_next(&f->session, WEIR_TYPE_DATA, 0, &op, &own), WEIR_OK);
    CHECK(f->t, own != NULL);
}

/* Each send is asked for, and told once. */
ON(BOTH, asked_and_told_once)
{
    const struct weir_stream_done one = {.len = 1};
    struct weir_stream_op op;
    const uint8_t *own;

    begin(f, BELOW_TX, true);
    CHECK_STATUS(f->t, weir_session_next(&f->session, WEIR_TYPE_DATA, 1, &op, &own), WEIR_OK);
    CHECK_STATUS(f->t, weir_session_sent(&f->session, &one), WEIR_OK);
    CHECK_STATUS(f->t, weir_session_sent(&f->session, &one), WEIR_E_MISUSE);
    CHECK_STATUS(f->t, weir_session_next(&f->session, WEIR_TYPE_DATA, 1, &op, &own), WEIR_OK);
    CHECK_STATUS(f->t, weir_session_next(&f->session, WEIR_TYPE_DATA, 0, &op, &own), WEIR_OK);
    CHECK_STATUS(f->t, weir_session_sent(&f->session, &one), WEIR_E_MISUSE);
    CHECK_EQ(f->t, weir_tx_counters(&f->tx).bytes, 1);
    CHECK_STATUS(f->t, weir_tx_stream(&f->tx, WEIR_TYPE_DATA, 1, &op), WEIR_OK);
    CHECK_STATUS(f->t, weir_tx_sent(&f->tx, &one), WEIR_OK);
    CHECK_STATUS(f->t, weir_tx_sent(&f->tx, &one), WEIR_E_MISUSE);
    begin(f, BELOW_TX, true);
    CHECK_STATUS(f->t, weir_tx_stream(&f->tx, WEIR_TYPE_DATA, 0, &op), WEIR_E_MISUSE);
    begin(f, BELOW_TX, true);
    CHECK_STATUS(f->t, weir_session_next(&f->session, WEIR_TYPE_ALERT, 2, &op, &own),
                 WEIR_E_MISUSE);
    CHECK_STATUS(f->t, say(f, 1), WEIR_OK);
}

/* Errors of a move are errors of the session, and what is over takes nothing more. */
ON(BOTH, ends_are_the_sessions)
{
    static uint8_t room[10];
    const struct weir_move move = {
        .backend = &b.backend, .ctx = &b.ctx[WEIR_TX], .ctx_len = sizeof b.ctx[WEIR_TX]};
    struct weir_stream_done done = content(WEIR_TYPE_DATA, 5);
    struct weir_refusal why;
    struct weir_record r;
    size_t count;

    fixture_again(f);
    below_begin(&b, f);
    weir_tx_end(&f->tx, WEIR_E_IO);
    CHECK_STATUS(f->t, weir_session_offload(&f->session, WEIR_TX, &move, &why), WEIR_E_IO);
    CHECK_STATUS(f->t, weir_session_status(&f->session), WEIR_E_IO);
    begin(f, BELOW_TX | BELOW_RX, true);
    peer_says(f, WEIR_TYPE_ALERT, "\x01\x00", 2);
    CHECK_STATUS(f->t, below_receive(&b, f), WEIR_CLOSED);
    CHECK_STATUS(f->t, weir_session_received(&f->session, &done, room, &r, &count), WEIR_CLOSED);
    CHECK_EQ(f->t, count, 0);
    /* A handshake record is no data, and no longer than a record may be. */
    begin(f, BELOW_TX | BELOW_RX, true);
    gets(f, content(WEIR_TYPE_HANDSHAKE, 16385), WEIR_E_OVERFLOW);
    begin(f, BELOW_TX | BELOW_RX, true);
    peer_says(f, WEIR_TYPE_ALERT, "\x01\x5a", 2); /* user_canceled */
    CHECK_STATUS(f->t, below_receive(&b, f), WEIR_OK);
    CHECK_EQ(f->t, weir_rx_counters(&f->rx).bytes, 0);
    CHECK_EQ(f->t, weir_rx_counters(&f->rx).records, 1);
}

static const struct test_case table[] = {
    CASE(key_updates_of_our_own),
    CASE(counted_before_the_key_changes),
    CASE(a_failing_change_of_key),
    CASE(the_peer_updates),
    CASE(the_peer_updates_what_cannot_be),
    CASE(no_update_of_our_own_where_it_cannot_be),
    CASE(sends_that_fail),
    CASE(short_sends),
    CASE(long_messages),
    CASE(no_messages_of_a_library),
    CASE(what_comes_from_below),
    CASE(empty_records_from_below),
    CASE(the_wrong_calls),
    CASE(received_in_pieces),
    CASE(backends_that_lie),
    CASE(asked_and_told_once),
    CASE(ends_are_the_sessions),
};
CASE_GROUP(stream, table, TEST_EACH_AEAD);
