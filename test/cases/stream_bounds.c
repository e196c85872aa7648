/* SPDX-License-Identifier: BSD-2-Clause */
/* Where others make the records, their number is a bound: how close it is, when somebody is asked,
 * and how limits of the key hold on it. */
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

/* The bound holds the truth at every time, and a query finds it. */
ON(BOTH, positions_are_bounds)
{
    for (uint32_t cut = 1; cut <= 16384; cut = cut * 5 + 3) {
        struct weir_refusal why;
        uint64_t bytes = 0;

        fixture_at(f, cut);
        begin(f, BELOW_TX, true);
        b.cut = cut;
        for (uint32_t i = 1; i < 6; i++) {
            size_t len = i * 40;
            f->out_len = 0; /* not looked at here */
            CHECK_STATUS(f->t, say(f, len), WEIR_OK);
            bytes += len;
            struct weir_position at = weir_tx_position(&f->tx);
            CHECK(f->t, at.seq >= b.made && at.seq - at.unsure <= b.made);
            CHECK(f->t, at.blocks >= bytes / 16 + b.made);
        }
        CHECK_STATUS(f->t, weir_tx_query(&f->tx, &why), WEIR_PENDING);
        CHECK_STATUS(f->t, below_run(&b, f, &why), WEIR_OK);
        struct weir_position at = weir_tx_position(&f->tx);
        CHECK_EQ(f->t, at.seq, b.made);
        CHECK_EQ(f->t, at.unsure, 0);
        CHECK(f->t, at.blocks >= bytes / 16 + b.made && at.blocks <= bytes / 16 + 2 * b.made);
        CHECK_EQ(f->t, weir_tx_counters(&f->tx).records, b.made);
        CHECK_EQ(f->t, weir_tx_counters(&f->tx).bytes, bytes);
        CHECK_EQ(f->t, at.explicit_nonce, b.kernel[WEIR_TX].keys.at.explicit_nonce);
        check_tx_export(f, &f->tx, WEIR_OK);
    }
}

/* A number that cannot be: somebody else uses the key. */
ON(BOTH, a_number_that_cannot_be)
{
    static const uint64_t errors[] = {1, 2, 1000, UINT64_MAX, UINT64_MAX - 1};

    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        struct weir_refusal why;

        fixture_at(f, i);
        begin(f, BELOW_TX, true);
        CHECK_STATUS(f->t, say(f, 1), WEIR_OK); /* one byte is one record, no doubt */
        CHECK_EQ(f->t, weir_tx_position(&f->tx).unsure, 0);
        b.seq_error = errors[i];
        CHECK_STATUS(f->t, weir_tx_query(&f->tx, &why), WEIR_PENDING);
        CHECK_STATUS(f->t, below_run(&b, f, &why), WEIR_E_BACKEND);
        CHECK_STATUS(f->t, weir_tx_status(&f->tx), WEIR_E_BACKEND);
        CHECK_STATUS(f->t, say(f, 1), WEIR_E_BACKEND);
        CHECK_EQ(f->t, b.attached, 0);
    }
}

/* Limits hold on the bound; before it ends a key, it is asked for. */
ON(BOTH, limits_on_the_bound)
{
    for (int answers = 0; answers < 4; answers++) {
        uint32_t sent = 0;
        weir_status status = WEIR_OK;

        fixture_at(f, (uint64_t)answers);
        begin(f, BELOW_TX, false);
        if (answers == 0)
            b.backend.query = NULL;
        b.inexact = answers == 3;
        weir_tx_set_limit(&f->tx, (struct weir_limit){.soft = 1000, .hard = 2000});
        while (status >= 0 && sent < 2000) {
            if (answers == 1)
                b.fail_at = b.run + 1; /* never an answer */
            f->out_len = 0;
            status = say(f, 32);
            sent += status >= 0;
        }
        CHECK_STATUS(f->t, status, WEIR_E_KEY_LIMIT);
        /* Known, each costs 2 blocks and 2 more; not known, 2 and 2 for each byte. */
        if (answers == 2)
            CHECK(f->t, sent >= (2000 - 66) / 4 && sent <= 2000 / 4);
        else
            CHECK_EQ(f->t, sent, 2000 / 66);
        if (answers == 1 || answers == 3)
            CHECK_EQ(f->t, b.queries, 1); /* who has not answered is not asked again and again */
        /* The end can still be said. */
        f->out_len = 0;
        CHECK(f->t, weir_session_wants_flush(&f->session));
        CHECK_STATUS(f->t, flush(f), WEIR_OK);
        CHECK(f->t, f->out_len > 0);
    }
}

/* The bound is no wider than the backend makes it. */
ON(BOTH, bounds_are_close)
{
    static const struct {
        uint16_t least;
        size_t len;
        uint64_t most;
    } rows[] = {{1, 1, 1}, {1, 5, 5}, {2, 5, 3}, {100, 99, 1}, {100, 250, 3}, {16384, 16384, 2}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct weir_refusal why;

        fixture_at(f, i);
        begin(f, BELOW_TX, true);
        b.backend.least_record = rows[i].least;
        CHECK_STATUS(f->t, say(f, rows[i].len), WEIR_OK);
        CHECK_EQ(f->t, weir_tx_position(&f->tx).seq, rows[i].most);
        CHECK_EQ(f->t, weir_tx_position(&f->tx).unsure, rows[i].most - 1);
        CHECK_STATUS(f->t, weir_tx_query(&f->tx, &why), WEIR_PENDING);
        CHECK_STATUS(f->t, below_run(&b, f, &why), WEIR_OK);
        /* exact until more is sent */
        CHECK_STATUS(f->t, say(f, 1), WEIR_OK);
        check_tx_export(f, &f->tx, WEIR_REFUSED);
    }
    /* A limit makes more records than a backend would by itself. */
    struct weir_refusal why;
    fixture_again(f);
    below_begin(&b, f);
    b.backend.caps = WEIR_CAP_RECORD_LIMIT;
    b.backend.least_record = 16384;
    CHECK_EQ(f->t, weir_tx_set_record_limit(&f->tx, 100), WEIR_OK);
    CHECK_STATUS(f->t, below_move(&b, f, WEIR_TX, &b.ctx[WEIR_TX], WEIR_POLICY_ALL, &why), WEIR_OK);
    b.cut = 100;
    CHECK_STATUS(f->t, say(f, 1000), WEIR_OK);
    CHECK_EQ(f->t, weir_tx_position(&f->tx).seq, 10);
}

/* RFC 8446 section 5.3: numbers do not wrap, however the records are cut. */
ON(BOTH, the_end_of_the_numbers)
{
    struct weir_keys keys;
    struct weir_refusal why;

    for (uint64_t room = 0; room < 20; room++) {
        fixture_at(f, room);
        fixture_again(f);
        fixture_keys(f, &keys);
        keys.at.seq = UINT64_MAX - 64 - room;
        if (keys.at.nonce_rule == WEIR_NONCE_SEQ)
            keys.at.explicit_nonce = keys.at.seq;
        REQUIRE_STATUS(f->t, fixture_tx(f, &keys), WEIR_OK);
        fixture_session(f, &watch_kdf);
        below_begin(&b, f);
        b.backend.query = NULL;
        b.cut = 1;
        CHECK_STATUS(f->t, below_move(&b, f, WEIR_TX, &b.ctx[WEIR_TX], WEIR_POLICY_ALL, &why),
                     WEIR_OK);
        CHECK_STATUS(f->t, say(f, 20), WEIR_E_KEY_LIMIT);
        CHECK_EQ(f->t, b.made, room);
        CHECK_STATUS(f->t, flush(f), WEIR_OK); /* the alert */
        CHECK_EQ(f->t, b.made, room + 1);
    }
}

/* Limits of what is received: the peer is asked for an update, then it is the end. */
ON(BOTH, limits_of_what_is_received)
{
    begin(f, BELOW_TX | BELOW_RX, true);
    b.backend.query = NULL;
    weir_rx_set_limit(&f->rx, (struct weir_limit){.soft = 50, .hard = 150});
    peer_says(f, WEIR_TYPE_DATA, f->text, 40);
    CHECK_STATUS(f->t, below_receive(&b, f), WEIR_OK);
    CHECK_STATUS(f->t, weir_rx_status(&f->rx), WEIR_REKEY_DUE);
    CHECK_EQ(f->t, weir_session_wants_flush(&f->session), f->tls13);
    peer_says(f, WEIR_TYPE_DATA, f->text, 40);
    CHECK_STATUS(f->t, below_receive(&b, f), WEIR_OK);
    peer_says(f, WEIR_TYPE_DATA, f->text, 40);
    CHECK_STATUS(f->t, below_receive(&b, f), WEIR_E_KEY_LIMIT);
}

/* Behind the limit data is refused that was received already; the peer's end is heard. */
ON(BOTH, the_end_behind_the_limit)
{
    static const uint8_t alert[] = {1, 0};

    for (int close = 0; close < 2; close++) {
        fixture_at(f, (uint64_t)close);
        begin(f, BELOW_TX | BELOW_RX, true);
        b.backend.query = NULL;
        weir_rx_set_limit(&f->rx, (struct weir_limit){.soft = 50, .hard = 100});
        for (int i = 0; i < 2; i++) {
            peer_says(f, WEIR_TYPE_DATA, f->text, 40);
            CHECK_STATUS(f->t, below_receive(&b, f), WEIR_OK);
            CHECK_STATUS(f->t, weir_rx_status(&f->rx), WEIR_REKEY_DUE);
        }
        peer_says(f, close ? WEIR_TYPE_ALERT : WEIR_TYPE_DATA, alert, sizeof alert);
        CHECK_STATUS(f->t, below_receive(&b, f), close ? WEIR_CLOSED : WEIR_E_KEY_LIMIT);
        CHECK_EQ(f->t, f->heard.count, 2);
    }
}

/* The reserve of the peer has an end, too; nothing is asked for behind it. */
ON(BOTH, the_reserve_ends)
{
    static const uint8_t ticket[200] = {4, 0, 0, 196};
    struct weir_stream_op op;

    if (!f->tls13)
        return;
    fixture_as(f, false);
    begin(f, BELOW_TX | BELOW_RX, true);
    b.backend.query = NULL;
    weir_rx_set_limit(&f->rx, (struct weir_limit){.soft = 1, .hard = 1});
    for (int i = 0; weir_rx_position(&f->rx).blocks <= 1 + 1024; i++) {
        REQUIRE_EQ(f->t, i < 100, true);
        CHECK_STATUS(f->t, weir_session_want(&f->session, &op), WEIR_OK);
        peer_says(f, WEIR_TYPE_HANDSHAKE, ticket, sizeof ticket);
        CHECK_STATUS(f->t, below_receive(&b, f), WEIR_OK);
    }
    CHECK_STATUS(f->t, weir_session_want(&f->session, &op), WEIR_E_KEY_LIMIT);
}

/* A limit is not met by a bound that somebody can make exact: nothing is due, nothing ends. */
ON(BOTH, doubt_is_not_due)
{
    begin(f, BELOW_TX | BELOW_RX, false);
    weir_tx_set_limit(&f->tx, (struct weir_limit){.soft = 50, .hard = 100000});
    weir_rx_set_limit(&f->rx, (struct weir_limit){.soft = 100000, .hard = 50});
    for (uint32_t i = 1; i < 4; i++) {
        peer_says(f, WEIR_TYPE_DATA, f->text, 40);
        CHECK_STATUS(f->t, below_receive(&b, f), WEIR_OK);
        CHECK_STATUS(f->t, say(f, 40), WEIR_OK);
        CHECK_STATUS(f->t, weir_tx_status(&f->tx), WEIR_OK);
        CHECK(f->t, !weir_session_wants_flush(&f->session));
        CHECK_EQ(f->t, b.queries, 2 * (i - 1));
    }
    for (uint32_t i = 4; i < 17; i++) /* 4 blocks each, in truth */
        CHECK_STATUS(f->t, say(f, 40), i < 13 ? WEIR_OK : WEIR_REKEY_DUE);
}

/* Who cannot tell is asked once under each key, not at every send. */
ON(TLS13, asked_again_under_another_key)
{
    struct weir_refusal why;

    for (int how = 0; how < 2; how++) {
        begin(f, BELOW_TX, true);
        weir_tx_set_limit(&f->tx, (struct weir_limit){.soft = 10, .hard = 100000});
        b.inexact = how == 1;
        for (uint32_t epoch = 1; epoch < 4; epoch++) {
            /* the second send makes the session renew the key, which asks; the third meets it */
            for (int i = 0; i < 3; i++) {
                if (how == 0)
                    b.fail_at = weir_session_command(&f->session, &(enum weir_dir){0}) != NULL
                                    ? b.run + 1
                                    : 0;
                f->out_len = 0;
                CHECK_STATUS(f->t, say(f, 3), WEIR_OK);
            }
            CHECK_STATUS(f->t, weir_session_key_update(&f->session, false, &why), WEIR_OK);
            CHECK_STATUS(f->t, flush(f), WEIR_OK);
        }
        CHECK(f->t, b.queries >= 3 && b.queries <= 8);
    }
}

/* A bound alone makes no key due while there is somebody to ask: of the 66 blocks that each send
 * here may have cost, 4 are true. */
ON(BOTH, due_when_it_is_known_to_be)
{
    begin(f, BELOW_TX, true);
    weir_tx_set_limit(&f->tx, (struct weir_limit){.soft = 1000, .hard = 100000});
    for (uint32_t sent = 1; sent <= 300; sent++) {
        bool due = sent > 250;
        fixture_at(f, sent);
        f->out_len = 0;
        CHECK_STATUS(f->t, say(f, 32), due && !f->tls13 ? WEIR_REKEY_DUE : WEIR_OK);
        CHECK(f->t, sent == 251 || weir_tx_counters(&f->tx).rekeys == (due && f->tls13));
    }
    CHECK(f->t, b.queries > 1);
}

/* Who could not tell what was received is asked again behind the next call. */
ON(BOTH, asked_again_behind_every_call)
{
    begin(f, BELOW_TX | BELOW_RX, true);
    weir_rx_set_limit(&f->rx, (struct weir_limit){.soft = 50, .hard = 100000});
    b.inexact = true;
    for (uint32_t i = 0; i < 3; i++) {
        peer_says(f, WEIR_TYPE_DATA, f->text, 40);
        CHECK_STATUS(f->t, below_receive(&b, f), WEIR_OK);
        CHECK_EQ(f->t, b.queries, i);
    }
    b.inexact = false;
    CHECK_STATUS(f->t, below_receive(&b, f), WEIR_NEED_INPUT);
    CHECK_EQ(f->t, b.queries, 3);
    CHECK_EQ(f->t, weir_rx_position(&f->rx).unsure, 0);
    CHECK_STATUS(f->t, weir_rx_status(&f->rx), WEIR_OK);
}

static const struct test_case table[] = {
    CASE(positions_are_bounds),       CASE(a_number_that_cannot_be),
    CASE(limits_on_the_bound),        CASE(bounds_are_close),
    CASE(the_end_of_the_numbers),     CASE(limits_of_what_is_received),
    CASE(the_end_behind_the_limit),   CASE(the_reserve_ends),
    CASE(doubt_is_not_due),           CASE(asked_again_under_another_key),
    CASE(due_when_it_is_known_to_be), CASE(asked_again_behind_every_call),
};
CASE_GROUP(stream_bounds, table, TEST_EACH_AEAD);
