/* SPDX-License-Identifier: BSD-2-Clause */
/* Alerts (RFC 8446 section 6, RFC 5246 section 7.2): heard, said, and how a connection ends. */
#include "fixture.h"

enum { WARNING = 1, FATAL = 2, CLOSE_NOTIFY = 0, USER_CANCELED = 90 };

static void hears(struct fixture *f, weir_status want)
{
    CHECK_STATUS(f->t, we_hear(f), want);
}

static void peer_alerts(struct fixture *f, uint32_t level, uint32_t description)
{
    const uint8_t alert[] = {(uint8_t)level, (uint8_t)description};

    peer_says(f, WEIR_TYPE_ALERT, alert, sizeof alert);
}

/* Both ends at another key than the first, so that an alert under the first one shows. */
static void update_both(struct fixture *f)
{
    if (!f->tls13)
        return;
    peer_updates(f, true);
    hears(f, WEIR_NEED_INPUT);
    CHECK_STATUS(f->t, we_send(f, "x", 1), WEIR_OK);
    we_said_update(f, false);
    we_said(f, WEIR_TYPE_DATA, "x", 1);
}

/* The peer has closed: what follows is taken and ignored, and we may go on sending. */
static void is_closed(struct fixture *f)
{
    CHECK_STATUS(f->t, weir_session_status(&f->session), WEIR_CLOSED);
    CHECK_EQ(f->t, weir_session_peer_alert(&f->session), CLOSE_NOTIFY);
    memcpy(f->in, f->text, f->in_len = 1000);
    CHECK_STATUS(f->t, we_hear_part(f, 3), WEIR_CLOSED);
    CHECK_EQ(f->t, f->in_len, 997);
    hears(f, WEIR_CLOSED);
    CHECK_EQ(f->t, f->in_len, 0);
    we_heard_nothing(f);
    CHECK_STATUS(f->t, weir_session_end_of_stream(&f->session), WEIR_CLOSED);
    CHECK(f->t, !weir_session_wants_flush(&f->session));
    CHECK_STATUS(f->t, we_send(f, "back", 4), WEIR_OK);
    we_said(f, WEIR_TYPE_DATA, "back", 4);
}

/* We have closed: nothing more is said, whatever happens. */
static void has_closed(struct fixture *f)
{
    struct weir_refusal why;

    CHECK(f->t, weir_session_send_ended(&f->session));
    CHECK(f->t, !weir_session_wants_flush(&f->session));
    CHECK_STATUS(f->t, we_send(f, "more", 4), WEIR_E_MISUSE);
    CHECK_STATUS(f->t, weir_session_key_update(&f->session, true, &why), WEIR_E_MISUSE);
    CHECK_STATUS(f->t, weir_session_close(&f->session), WEIR_OK); /* again is no harm */
    CHECK(f->t, !weir_session_wants_flush(&f->session));
    CHECK_STATUS(f->t, we_flush(f), WEIR_OK);
    we_said_nothing(f);
    CHECK(f->t, weir_session_status(&f->session) >= 0); /* that misuse was not sticky */
}

ON(BOTH, close_notify)
{
    struct weir_refusal why;

    for (int first = 0; first < 2; first++) {
        fixture_again(f);
        update_both(f);
        if (first == 0) { /* the peer closes first */
            peer_says(f, WEIR_TYPE_DATA, "last", 4);
            peer_alerts(f, WARNING, CLOSE_NOTIFY);
            hears(f, WEIR_CLOSED);
            we_heard(f, WEIR_TYPE_DATA, "last", 4);
            is_closed(f);
        }
        CHECK_STATUS(f->t, weir_session_close(&f->session), WEIR_OK);
        CHECK(f->t, weir_session_wants_flush(&f->session));
        CHECK_STATUS(f->t, we_send(f, "more", 4), WEIR_E_MISUSE); /* not even before it is said */
        CHECK_STATUS(f->t, weir_session_key_update(&f->session, false, &why), WEIR_E_MISUSE);
        CHECK(f->t, !weir_session_send_ended(&f->session));
        CHECK_STATUS(f->t, we_flush(f), WEIR_OK);
        we_said_alert(f, WARNING, CLOSE_NOTIFY);
        has_closed(f);
        if (first == 1) { /* we have, and still hear */
            peer_says(f, WEIR_TYPE_DATA, "last", 4);
            hears(f, WEIR_NEED_INPUT);
            we_heard(f, WEIR_TYPE_DATA, "last", 4);
            peer_alerts(f, WARNING, CLOSE_NOTIFY);
            hears(f, WEIR_CLOSED);
            has_closed(f);
        }
    }
}

/* Data in front of close_notify is given first, by a call that says nothing of the end yet. */
ON(BOTH, data_before_the_end)
{
    struct weir_record out[8];
    size_t consumed = 77, count = 77;

    peer_says(f, WEIR_TYPE_DATA, "one", 3);
    peer_says(f, WEIR_TYPE_DATA, "two", 3);
    peer_alerts(f, WARNING, CLOSE_NOTIFY);
    size_t len = f->in_len;
    peer_says(f, WEIR_TYPE_DATA, "behind", 6);
    CHECK_STATUS(f->t,
                 weir_session_receive(&f->session, f->in, f->in_len, &consumed, out, 8, &count),
                 WEIR_OK);
    CHECK_EQ(f->t, count, 2);
    CHECK_EQ(f->t, consumed, len);
    CHECK_MEM(f->t, out[1].data, "two", 3);
    CHECK_STATUS(
        f->t,
        weir_session_receive(&f->session, f->in + len, f->in_len - len, &consumed, out, 8, &count),
        WEIR_CLOSED);
    CHECK_EQ(f->t, count, 0);
    CHECK_EQ(f->t, consumed, f->in_len - len);
}

/* Of a peer that has closed no KeyUpdate is asked for, whatever the state of its key. */
ON(BOTH, nothing_is_asked_behind_the_end)
{
    weir_rx_set_limit(&f->rx, (struct weir_limit){.soft = 1, .hard = 1000});
    peer_alerts(f, WARNING, CLOSE_NOTIFY);
    hears(f, WEIR_CLOSED);
    CHECK_STATUS(f->t, weir_rx_status(&f->rx), WEIR_REKEY_DUE);
    is_closed(f);
}

/* Nothing that comes after our close_notify is answered: no KeyUpdate, no warning, no alert. */
ON(BOTH, nothing_after_close_notify)
{
    static const uint8_t hello_request[4];

    CHECK_STATUS(f->t, weir_session_close(&f->session), WEIR_OK);
    CHECK_STATUS(f->t, we_flush(f), WEIR_OK);
    we_said_alert(f, WARNING, CLOSE_NOTIFY);
    if (f->tls13)
        peer_updates(f, true);
    else
        peer_says(f, WEIR_TYPE_HANDSHAKE, hello_request, 4);
    hears(f, WEIR_NEED_INPUT);
    has_closed(f);
    weir_rx_set_limit(&f->rx, (struct weir_limit){.soft = 1, .hard = 1000});
    peer_says(f, WEIR_TYPE_DATA, "much", 4); /* we would ask for a KeyUpdate */
    hears(f, WEIR_NEED_INPUT);
    we_heard(f, WEIR_TYPE_DATA, "much", 4);
    has_closed(f);
    peer_says(f, WEIR_TYPE_DATA, "bad", 3);
    f->in[f->in_len - 1] ^= 1;
    hears(f, WEIR_E_AUTH);
    we_died_with(f, WEIR_E_AUTH, WEIR_ALERT_NONE);
}

/* What waited when close_notify was asked for goes before it. */
ON(TLS13, what_waits_goes_before_close_notify)
{
    struct weir_refusal why;
    size_t made = 77;

    peer_updates(f, true);
    hears(f, WEIR_NEED_INPUT);
    CHECK_STATUS(f->t, weir_session_key_update(&f->session, false, &why), WEIR_OK);
    CHECK_STATUS(f->t, weir_session_close(&f->session), WEIR_OK);
    size_t update = weir_tx_record_len(&f->tx, 5), alert = weir_tx_record_len(&f->tx, 2);
    for (size_t cap = 0; cap < update + update + alert; cap++) {
        CHECK_STATUS(f->t,
                     weir_session_flush(&f->session, f->out + f->out_len, cap % update, &made),
                     WEIR_NEED_OUTPUT);
        f->out_len += made;
        CHECK_EQ(f->t, made, 0);
    }
    CHECK_STATUS(f->t, weir_session_flush(&f->session, f->out, update + alert, &made),
                 WEIR_NEED_OUTPUT);
    CHECK_EQ(f->t, made, update);
    f->out_len = made;
    CHECK_STATUS(f->t, we_flush(f), WEIR_OK);
    we_said_update(f, false);
    we_said_update(f, false);
    we_said_alert(f, WARNING, CLOSE_NOTIFY);
    has_closed(f);
}

static bool ends_kindly(const struct fixture *f, uint32_t level, uint32_t description)
{
    return description == CLOSE_NOTIFY && (f->tls13 || level == WARNING);
}

static bool goes_on(const struct fixture *f, uint32_t level, uint32_t description)
{
    return f->tls13 ? description == USER_CANCELED : level == WARNING;
}

/* Every alert at every level. TLS 1.3 takes no notice of the level (RFC 8446 section 6). */
ON(BOTH, every_alert)
{
    static const uint8_t levels[] = {0, 1, 2, 3, 255};

    for (size_t i = 0; i < sizeof levels; i++) {
        for (uint32_t description = 0; description < 256; description++) {
            uint32_t level = levels[i];

            fixture_at(f, level * 1000 + description);
            fixture_again(f);
            peer_alerts(f, level, description);
            if (!f->tls13 && level != WARNING && level != FATAL) {
                hears(f, WEIR_E_PARAM);
                we_died(f, WEIR_E_PARAM);
                continue;
            }
            if (ends_kindly(f, level, description)) {
                hears(f, WEIR_CLOSED);
                is_closed(f);
            } else if (goes_on(f, level, description)) {
                hears(f, WEIR_NEED_INPUT);
                CHECK(f->t, !weir_session_wants_flush(&f->session));
                we_live(f);
            } else {
                hears(f, WEIR_E_PEER_ALERT);
                we_died(f, WEIR_E_PEER_ALERT); /* without an alert of ours */
            }
            CHECK_EQ(f->t, weir_session_peer_alert(&f->session), description);
        }
    }
}

/* An alert is one message of two bytes, alone in its record. */
ON(BOTH, wrong_lengths)
{
    static const uint8_t bytes[] = {1, 0, 1, 0, 1, 0};

    for (size_t len = 0; len <= sizeof bytes; len++) {
        for (size_t pad = 0; pad <= (f->tls13 ? 20 : 0); pad += 10) {
            weir_status want = len == 0 ? WEIR_E_TYPE : WEIR_E_DECODE;

            fixture_at(f, len * 100 + pad);
            fixture_again(f);
            peer_says_padded(f, WEIR_TYPE_ALERT, bytes, len, pad);
            if (len == 2) {
                hears(f, WEIR_CLOSED);
                continue;
            }
            hears(f, want);
            CHECK_EQ(f->t, weir_session_peer_alert(&f->session), WEIR_ALERT_NONE);
            we_died(f, want);
        }
    }
}

/* WEIR_MAX_WARNINGS without data; data that holds something begins the count anew. */
ON(BOTH, warnings_without_end)
{
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < WEIR_MAX_WARNINGS; i++) {
            peer_alerts(f, WARNING, USER_CANCELED);
            peer_says(f, WEIR_TYPE_DATA, NULL, 0);
        }
        hears(f, WEIR_NEED_INPUT);
        if (round < 2)
            we_live(f);
    }
    peer_alerts(f, WARNING, USER_CANCELED);
    hears(f, WEIR_E_FLOOD);
    we_died(f, WEIR_E_FLOOD);
    fixture_again(f);
    peer_alerts(f, WARNING, USER_CANCELED);
    peer_alerts(f, WARNING, CLOSE_NOTIFY);
    hears(f, WEIR_CLOSED);
    is_closed(f);
}

/* Only close_notify ends a stream; without it, wherever it stops, it was cut off. */
ON(BOTH, end_of_stream)
{
    for (size_t got = 0;; got++) {
        fixture_at(f, got);
        fixture_replay(f);
        update_both(f);
        size_t before = f->in_len;
        peer_says(f, WEIR_TYPE_DATA, "whole", 5);
        size_t whole = f->in_len - before;
        peer_says(f, WEIR_TYPE_DATA, "half", 4);
        if (got > whole && got >= f->in_len)
            break;
        CHECK_STATUS(f->t, we_hear_part(f, got), WEIR_NEED_INPUT);
        if (got >= whole)
            we_heard(f, WEIR_TYPE_DATA, "whole", 5);
        we_heard_nothing(f);
        CHECK_STATUS(f->t, weir_session_end_of_stream(&f->session), WEIR_E_TRUNCATED);
        we_died(f, WEIR_E_TRUNCATED);
    }
    fixture_again(f);
    CHECK_STATUS(f->t, weir_session_close(&f->session), WEIR_OK); /* ours ends only ours */
    CHECK_STATUS(f->t, we_flush(f), WEIR_OK);
    we_said_alert(f, WARNING, CLOSE_NOTIFY);
    CHECK_STATUS(f->t, weir_session_end_of_stream(&f->session), WEIR_E_TRUNCATED);
    we_died(f, WEIR_E_TRUNCATED);
}

/* The caller's own ends: a status with its alert, or an alert of the TLS library's. */
ON(BOTH, ends_by_the_caller)
{
    static const int statuses[] = {WEIR_E_HANDSHAKE, WEIR_E_IO, WEIR_E_AUTH, WEIR_E_MISUSE};
    static const int odd[] = {WEIR_OK, WEIR_NEED_INPUT, -129, -256};

    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        fixture_at(f, i);
        fixture_again(f);
        update_both(f);
        weir_session_fail(&f->session, (weir_status)statuses[i]);
        weir_session_fail(&f->session, WEIR_E_DECODE); /* the first one counts */
        we_died(f, (weir_status)statuses[i]);
    }
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        fixture_at(f, 100 + i);
        fixture_again(f);
        weir_session_fail(&f->session, (weir_status)odd[i]);
        we_died(f, WEIR_E_MISUSE);
    }
    for (uint32_t alert = 1; alert < 255; alert += 23) {
        fixture_at(f, 1000 + alert);
        fixture_again(f);
        update_both(f);
        weir_session_fail_with_alert(&f->session, (uint8_t)alert);
        we_died_with(f, WEIR_E_HANDSHAKE, (uint8_t)alert);
    }
    fixture_again(f);
    weir_session_fail_with_alert(&f->session, WEIR_ALERT_NONE);
    we_died_with(f, WEIR_E_HANDSHAKE, WEIR_ALERT_NONE);
}

/* An alert waits for room, and a pending answer is dropped for it: it goes under the current key.
 */
ON(BOTH, alert_waits_for_room)
{
    size_t made = 77;

    update_both(f);
    if (f->tls13)
        peer_updates(f, true);
    hears(f, WEIR_NEED_INPUT);
    CHECK_STATUS(f->t, weir_session_close(&f->session), WEIR_OK);
    peer_says(f, WEIR_TYPE_DATA, "bad", 3);
    f->in[f->in_len - 1] ^= 0x80;
    hears(f, WEIR_E_AUTH);
    for (size_t cap = 0; cap < weir_tx_record_len(&f->tx, 2); cap++) {
        CHECK_STATUS(f->t, weir_session_flush(&f->session, f->out, cap, &made), WEIR_NEED_OUTPUT);
        CHECK_EQ(f->t, made, 0);
        CHECK(f->t, weir_session_wants_flush(&f->session));
        CHECK(f->t, !weir_session_send_ended(&f->session));
    }
    we_died(f, WEIR_E_AUTH);
}

/* Makes the next record wrong in the way of `how`; the status it leads to, 0 past the last way. */
static int wrong(struct fixture *f, int how)
{
    static uint8_t bytes[20000];
    size_t before = f->in_len;

    switch (how) {
    case 0:
        peer_says(f, WEIR_TYPE_DATA, "x", 1);
        f->in[before] = 20;
        return WEIR_E_TYPE;
    case 1:
        peer_says(f, WEIR_TYPE_DATA, "x", 1);
        f->in[before + 2] = 4;
        return WEIR_E_VERSION;
    case 2:
        peer_says(f, WEIR_TYPE_DATA, "x", 1);
        f->in[before + 3] = 0xff;
        return WEIR_E_OVERFLOW;
    case 3:
        peer_says(f, WEIR_TYPE_DATA, "x", 1);
        f->in[before + 4] = 15;
        return WEIR_E_AUTH;
    case 4:
        peer_says(f, WEIR_TYPE_DATA, "x", 1);
        f->in[f->in_len - 1] ^= 1;
        return WEIR_E_AUTH;
    case 5:
        peer_says(f, WEIR_TYPE_DATA, bytes, 16385);
        return WEIR_E_OVERFLOW;
    case 6:
        peer_says(f, WEIR_TYPE_HANDSHAKE, NULL, 0);
        return WEIR_E_TYPE;
    case 7:
        if (f->tls13)
            peer_seals(f, WEIR_TYPE_DATA, bytes, 100);
        else
            peer_says(f, 0, bytes, 100);
        return WEIR_E_TYPE;
    case 8:
        for (uint32_t i = 0; i <= WEIR_MAX_EMPTY_RECORDS; i++)
            peer_says(f, WEIR_TYPE_DATA, NULL, 0);
        return WEIR_E_FLOOD;
    default:
        return 0;
    }
}

/* Whatever is wrong with a record: data before it is given, then the session ends, once. */
ON(BOTH, every_failure_has_its_alert)
{
    static const uint8_t alerts[] = {10, 70, 22, 20, 20, 22, 10, 10, 10};

    for (int how = 0;; how++) {
        fixture_at(f, (uint64_t)how);
        fixture_again(f);
        update_both(f);
        peer_says(f, WEIR_TYPE_DATA, "good", 4);
        weir_status want = (weir_status)wrong(f, how);
        if (want == WEIR_OK)
            break;
        hears(f, want);
        we_heard(f, WEIR_TYPE_DATA, "good", 4);
        CHECK_EQ(f->t, weir_status_alert(want), alerts[how]);
        we_died(f, want);
    }
}

static const struct test_case table[] = {
    CASE(close_notify),
    CASE(data_before_the_end),
    CASE(nothing_is_asked_behind_the_end),
    CASE(nothing_after_close_notify),
    CASE(what_waits_goes_before_close_notify),
    CASE(every_alert),
    CASE(wrong_lengths),
    CASE(warnings_without_end),
    CASE(end_of_stream),
    CASE(ends_by_the_caller),
    CASE(alert_waits_for_room),
    CASE(every_failure_has_its_alert),
};
CASE_GROUP(alert, table, TEST_EACH_AEAD);
