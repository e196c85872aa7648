/* SPDX-License-Identifier: BSD-2-Clause */
/* What a session does when a key nears its limit: it renews its own and asks the peer. */
#include "fixture.h"

/* A record of this much data is 2 blocks in either version. */
#define TWO_BLOCKS 15u

static const struct weir_limit small = {.soft = 10, .hard = 1000};

/* Ours: past the soft limit the next call renews the key; the caller never hears of it. */
ON(TLS13, ours_renews_itself)
{
    weir_tx_set_limit(&f->tx, small);
    for (uint64_t n = 0; n < 60; n++) {
        fixture_at(f, n);
        CHECK_STATUS(f->t, we_send(f, f->text, TWO_BLOCKS), WEIR_OK);
        if (n > 0 && n % 6 == 0) /* after the record that went past 10 blocks */
            we_said_update(f, false);
        we_said(f, WEIR_TYPE_DATA, f->text, TWO_BLOCKS);
        we_said_nothing(f);
        CHECK_EQ(f->t, weir_tx_position(&f->tx).epoch, n / 6);
    }
    CHECK_EQ(f->t, weir_tx_counters(&f->tx).rekeys, 9);
    /* One call may go past it by far; the next one makes up for it. */
    CHECK_STATUS(f->t, we_send(f, f->text, 3000), WEIR_OK);
    we_said_update(f, false);
    we_said(f, WEIR_TYPE_DATA, f->text, 3000);
    CHECK(f->t, weir_tx_position(&f->tx).blocks > small.soft);
    CHECK_STATUS(f->t, we_send(f, NULL, 0), WEIR_OK);
    we_said_update(f, false);
    we_said(f, WEIR_TYPE_DATA, NULL, 0);
    we_live(f);
}

/* The same with too little room at every size, and before a handshake message. */
ON(TLS13, ours_with_little_room)
{
    static const uint8_t message[] = {11, 0, 0, 1, 'm'};
    size_t update = weir_tx_record_len(&f->tx, 5);

    for (size_t cap = 0; cap < update + 30; cap++) {
        const struct weir_iov in = {f->text, 100};
        size_t taken = 77, made = 77;

        fixture_at(f, cap);
        fixture_again(f);
        weir_tx_set_limit(&f->tx, small);
        CHECK_STATUS(f->t, we_send(f, f->text, 1000), WEIR_OK);
        we_said(f, WEIR_TYPE_DATA, f->text, 1000);
        if (cap % 2 == 0)
            CHECK_STATUS(f->t, weir_session_send(&f->session, &in, 1, f->out, cap, &taken, &made),
                         WEIR_NEED_OUTPUT);
        else
            CHECK_STATUS(f->t,
                         weir_session_send_handshake(&f->session, message, sizeof message, f->out,
                                                     cap < update + 20 ? cap : 0, &made),
                         WEIR_NEED_OUTPUT);
        CHECK_EQ(f->t, made == update || made == 0, true);
        f->out_len = made;
        CHECK_STATUS(f->t, we_send(f, f->text, 100), WEIR_OK);
        we_said_update(f, false);
        we_said(f, WEIR_TYPE_DATA, f->text, 100);
        we_said_nothing(f);
    }
}

/* Where it cannot be renewed the caller is told each time, and at the hard limit it ends. */
ON(BOTH, ours_cannot_be_renewed)
{
    const struct weir_limit limit = {.soft = 10, .hard = 20};
    uint64_t blocks = 0;

    fixture_session(f, NULL);
    weir_tx_set_limit(&f->tx, limit);
    weir_status status = WEIR_OK;
    for (uint64_t n = 0; n < 10; n++) {
        fixture_at(f, n);
        status = we_send(f, f->text, TWO_BLOCKS);
        blocks += 2;
        CHECK_STATUS(f->t, status, blocks > limit.soft ? WEIR_REKEY_DUE : WEIR_OK);
        we_said(f, WEIR_TYPE_DATA, f->text, TWO_BLOCKS);
        we_said_nothing(f);
    }
    CHECK_STATUS(f->t, we_send(f, f->text, TWO_BLOCKS), WEIR_E_KEY_LIMIT);
    we_said_nothing(f);
    we_died(f, WEIR_E_KEY_LIMIT); /* with an alert, for which there is still room */
}

/* The end of a connection at its hard limit may also be a kind one. */
ON(BOTH, close_behind_the_soft_limit)
{
    fixture_session(f, NULL);
    weir_tx_set_limit(&f->tx, (struct weir_limit){.soft = 1, .hard = 2});
    CHECK_STATUS(f->t, we_send(f, f->text, TWO_BLOCKS), WEIR_REKEY_DUE);
    we_said(f, WEIR_TYPE_DATA, f->text, TWO_BLOCKS);
    CHECK_STATUS(f->t, weir_session_close(&f->session), WEIR_OK);
    CHECK_STATUS(f->t, we_flush(f), WEIR_OK);
    we_said_alert(f, 1, 0);
    CHECK_STATUS(f->t, weir_session_status(&f->session), WEIR_OK);
}

static void hear_data(struct fixture *f, size_t records)
{
    while (records-- > 0) {
        peer_says(f, WEIR_TYPE_DATA, f->text, TWO_BLOCKS);
        CHECK_STATUS(f->t, we_hear(f), WEIR_NEED_INPUT);
        we_heard(f, WEIR_TYPE_DATA, f->text, TWO_BLOCKS);
    }
}

/* Theirs: only the peer can renew it, so it is asked, once in an epoch. */
ON(TLS13, theirs_is_asked_for)
{
    weir_rx_set_limit(&f->rx, small);
    for (int epoch = 0; epoch < 4; epoch++) {
        fixture_at(f, (uint64_t)epoch);
        hear_data(f, 5);
        CHECK(f->t, !weir_session_wants_flush(&f->session));
        hear_data(f, 1);
        CHECK(f->t, weir_session_wants_flush(&f->session));
        hear_data(f, 3);
        CHECK_STATUS(f->t, we_flush(f), WEIR_OK);
        we_said_update(f, true);
        we_said_nothing(f);
        hear_data(f, 10);
        CHECK(f->t, !weir_session_wants_flush(&f->session));
        we_live(f);
        peer_updates(f, false);
        CHECK_STATUS(f->t, we_hear(f), WEIR_NEED_INPUT);
        CHECK(f->t, !weir_session_wants_flush(&f->session));
    }
}

/* One that never answers is not read beyond the hard limit. */
ON(BOTH, theirs_is_not_renewed)
{
    weir_rx_set_limit(&f->rx, (struct weir_limit){.soft = 10, .hard = 20});
    hear_data(f, 10);
    CHECK_EQ(f->t, weir_session_wants_flush(&f->session), f->tls13);
    peer_says(f, WEIR_TYPE_DATA, f->text, TWO_BLOCKS);
    CHECK_STATUS(f->t, we_hear(f), WEIR_E_KEY_LIMIT);
    we_heard_nothing(f);
    we_died(f, WEIR_E_KEY_LIMIT);
}

/* Where a KeyUpdate is impossible nothing is asked for. */
ON(BOTH, theirs_cannot_be_asked_for)
{
    struct weir_keys keys;

    fixture_session(f, NULL);
    weir_rx_set_limit(&f->rx, small);
    hear_data(f, 20);
    CHECK(f->t, !weir_session_wants_flush(&f->session));
    fixture_again(f);
    fixture_keys(f, &keys);
    keys.secret_len = 0;
    CHECK_STATUS(f->t, fixture_tx(f, &keys), WEIR_OK); /* ours cannot, so nobody would follow */
    fixture_session(f, &watch_kdf);
    weir_rx_set_limit(&f->rx, small);
    hear_data(f, 20);
    CHECK(f->t, !weir_session_wants_flush(&f->session));
    we_live(f);
}

static const struct test_case table[] = {
    CASE(ours_renews_itself),          CASE(ours_with_little_room), CASE(ours_cannot_be_renewed),
    CASE(close_behind_the_soft_limit), CASE(theirs_is_asked_for),   CASE(theirs_is_not_renewed),
    CASE(theirs_cannot_be_asked_for),
};
CASE_GROUP(renew, table, TEST_EACH_AEAD);
