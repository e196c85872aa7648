/* SPDX-License-Identifier: BSD-2-Clause */
/* KeyUpdate (RFC 8446 sections 4.6.3 and 5.1): followed, answered, asked for, and all its faults.
 */
#include "fixture.h"

static const uint8_t update[] = {24, 0, 0, 1, 0};
static const uint8_t request[] = {24, 0, 0, 1, 1};

static void hears(struct fixture *f, weir_status want)
{
    CHECK_STATUS(f->t, we_hear(f), want);
    if (want == WEIR_NEED_INPUT)
        CHECK_EQ(f->t, f->in_len, 0);
}

ON(TLS13, followed)
{
    for (uint16_t epoch = 1; epoch < 5; epoch++) {
        peer_updates(f, false);
        hears(f, WEIR_NEED_INPUT);
        we_heard_nothing(f);
        CHECK(f->t, !weir_session_wants_flush(&f->session));
        CHECK_EQ(f->t, weir_rx_position(&f->rx).epoch, epoch);
        CHECK_EQ(f->t, weir_tx_position(&f->tx).epoch, 0);
        we_live(f);
    }
    CHECK_EQ(f->t, weir_rx_counters(&f->rx).rekeys, 4);
}

/* Asked once, we answer once, under the old key and before the next data. */
ON(TLS13, answered)
{
    for (uint32_t asked = 1; asked <= WEIR_MAX_KEY_UPDATES; asked++) {
        fixture_at(f, asked);
        for (uint32_t i = 0; i < asked; i++) { /* while we are silent */
            peer_updates(f, true);
            if (i % 2 == 0)
                hears(f, WEIR_NEED_INPUT);
        }
        hears(f, WEIR_NEED_INPUT);
        CHECK(f->t, weir_session_wants_flush(&f->session));
        uint16_t epoch = weir_tx_position(&f->tx).epoch;
        if (asked % 2 == 0)
            CHECK_STATUS(f->t, we_flush(f), WEIR_OK);
        CHECK_STATUS(f->t, we_send(f, "data", 4), WEIR_OK);
        CHECK(f->t, !weir_session_wants_flush(&f->session));
        we_said_update(f, false);
        we_said(f, WEIR_TYPE_DATA, "data", 4);
        we_said_nothing(f);
        CHECK_EQ(f->t, weir_tx_position(&f->tx).epoch, epoch + 1);
        we_live(f);
    }
}

/* A request after one that asked for nothing, and the other way round. */
ON(TLS13, answered_when_any_asked)
{
    for (int first = 0; first < 2; first++) {
        fixture_again(f);
        peer_updates(f, first == 0);
        peer_updates(f, first != 0);
        hears(f, WEIR_NEED_INPUT);
        CHECK_STATUS(f->t, we_flush(f), WEIR_OK);
        we_said_update(f, false);
        we_said_nothing(f);
        we_live(f);
    }
}

/* With too little room nothing of the answer is lost and nothing is said before it. */
ON(TLS13, answered_with_little_room)
{
    size_t answer = weir_tx_record_len(&f->tx, 5), data = weir_tx_record_len(&f->tx, 100);

    for (size_t cap = 0; cap <= answer + data; cap++) {
        for (int how = 0; how < 2; how++) {
            const struct weir_iov in = {f->text, 100};
            size_t taken = 77, made = 77;

            fixture_at(f, cap * 10 + (uint64_t)how);
            fixture_again(f);
            peer_updates(f, true);
            hears(f, WEIR_NEED_INPUT);
            if (how == 0) {
                CHECK_STATUS(f->t, weir_session_flush(&f->session, f->out, cap, &made),
                             cap < answer ? WEIR_NEED_OUTPUT : WEIR_OK);
            } else {
                CHECK_STATUS(f->t,
                             weir_session_send(&f->session, &in, 1, f->out, cap, &taken, &made),
                             cap < answer + data ? WEIR_NEED_OUTPUT : WEIR_OK);
                CHECK_EQ(f->t, taken, cap < answer + data ? 0 : 100);
            }
            CHECK_EQ(f->t, made,
                     cap < answer                       ? 0
                     : how == 1 && cap == answer + data ? answer + data
                                                        : answer);
            CHECK_EQ(f->t, weir_session_wants_flush(&f->session), cap < answer);
            f->out_len = made;
            CHECK_STATUS(f->t, we_flush(f), WEIR_OK);
            we_said_update(f, false);
            if (how == 1 && cap == answer + data)
                we_said(f, WEIR_TYPE_DATA, f->text, 100);
            we_live(f);
        }
    }
}

ON(TLS13, in_any_pieces)
{
    for (unsigned cuts = 0; cuts < 16; cuts++) { /* a bit for every place between two bytes */
        const uint8_t *message = cuts % 3 == 0 ? request : update;
        size_t from = 0;

        fixture_again(f);
        fixture_at(f, cuts);
        for (size_t to = 1; to <= 5; to++) {
            if (to == 5 || (cuts >> (to - 1) & 1) != 0) {
                peer_says_padded(f, WEIR_TYPE_HANDSHAKE, message + from, to - from, to * 3);
                from = to;
            }
        }
        wire_update(&f->theirs, &watch_kdf);
        hears(f, WEIR_NEED_INPUT);
        we_heard_nothing(f);
        CHECK_STATUS(f->t, we_flush(f), WEIR_OK);
        if (message == request)
            we_said_update(f, false);
        we_said_nothing(f);
        we_live(f);
    }
}

/* Between its pieces nothing may come, in the record of its last piece nothing after it. */
ON(TLS13, disturbed_between_pieces)
{
    static const struct {
        uint8_t type, len;
    } between[] = {{WEIR_TYPE_DATA, 1}, {WEIR_TYPE_DATA, 0}, {WEIR_TYPE_ALERT, 2}};

    for (size_t cut = 1; cut < 5; cut++) {
        for (size_t i = 0; i < 3; i++) {
            fixture_again(f);
            fixture_at(f, cut * 10 + i);
            peer_says(f, WEIR_TYPE_HANDSHAKE, update, cut);
            peer_says(f, between[i].type, "\1\0", between[i].len);
            peer_says(f, WEIR_TYPE_HANDSHAKE, update + cut, 5 - cut);
            hears(f, WEIR_E_TYPE);
            we_died(f, WEIR_E_TYPE);
        }
    }
}

/* One message and a piece of another in one record, the pair cut at every place. */
static void followed_by(struct fixture *f, const uint8_t *next, size_t next_len, size_t cut)
{
    uint8_t bytes[100];

    memcpy(bytes, update, 5);
    memcpy(bytes + 5, next, next_len);
    fixture_again(f);
    fixture_at(f, next_len * 100 + cut);
    if (cut > 0)
        peer_says(f, WEIR_TYPE_HANDSHAKE, bytes, cut);
    peer_says(f, WEIR_TYPE_HANDSHAKE, bytes + cut, 5 + next_len - cut);
    hears(f, WEIR_E_TYPE);
    we_heard_nothing(f);
    we_died(f, WEIR_E_TYPE);
}

ON(TLS13, not_at_the_end_of_its_record)
{
    static const uint8_t ticket[] = {4, 0, 0, 1, 'x'};

    for (size_t cut = 0; cut < 5; cut++) {
        followed_by(f, update, 5, cut); /* two in one record */
        followed_by(f, ticket, 5, cut);
        for (size_t len = 1; len < 5; len++)
            followed_by(f, update, len, cut); /* only the beginning of one */
    }
}

/* A ticket in front of it stays for the caller, and the KeyUpdate is followed. */
ON(TLS13, behind_a_ticket)
{
    static const uint8_t bytes[] = {4, 0, 0, 6, 'a', 'b', 'c', 'd', 'e', 'f',
                                    4, 0, 0, 0, 24,  0,   0,   1,   1};
    const size_t ticket = 14, whole = sizeof bytes;

    for (size_t cut = 0; cut < whole; cut++) {
        fixture_again(f);
        fixture_at(f, cut);
        if (cut > 0)
            peer_says(f, WEIR_TYPE_HANDSHAKE, bytes, cut);
        peer_says(f, WEIR_TYPE_HANDSHAKE, bytes + cut, whole - cut);
        wire_update(&f->theirs, &watch_kdf);
        peer_says(f, WEIR_TYPE_DATA, "next", 4);
        hears(f, WEIR_NEED_INPUT);
        if (cut > 0)
            we_heard(f, WEIR_TYPE_HANDSHAKE, bytes, cut < ticket ? cut : ticket);
        if (cut < ticket)
            we_heard(f, WEIR_TYPE_HANDSHAKE, bytes + cut, ticket - cut);
        we_heard(f, WEIR_TYPE_DATA, "next", 4);
        we_heard_nothing(f);
        CHECK_STATUS(f->t, we_flush(f), WEIR_OK);
        we_said_update(f, false);
        we_live(f);
    }
}

ON(TLS13, forbidden_values)
{
    for (uint32_t value = 2; value < 256; value++) {
        const uint8_t message[] = {24, 0, 0, 1, (uint8_t)value};

        fixture_again(f);
        fixture_at(f, value);
        peer_says(f, WEIR_TYPE_HANDSHAKE, message, sizeof message);
        hears(f, WEIR_E_PARAM);
        we_died(f, WEIR_E_PARAM);
    }
}

/* A wrong length is judged when the header is there; its bytes need not be. */
ON(TLS13, wrong_lengths)
{
    static const uint32_t lens[] = {0, 2, 3, 255, 256, 257, 65535, 65536, 65537, 0xffffff};

    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        const uint8_t header[] = {24, (uint8_t)(lens[i] >> 16), (uint8_t)(lens[i] >> 8),
                                  (uint8_t)lens[i], 0};

        for (size_t more = 0; more < 2; more++) {
            for (size_t cut = 0; cut < 4; cut++) {
                fixture_again(f);
                fixture_at(f, lens[i] * UINT64_C(100) + more * 10 + cut);
                if (cut > 0)
                    peer_says(f, WEIR_TYPE_HANDSHAKE, header, cut);
                peer_says(f, WEIR_TYPE_HANDSHAKE, header + cut, 4 + more - cut);
                hears(f, WEIR_E_DECODE);
                we_died(f, WEIR_E_DECODE);
            }
        }
    }
}

/* WEIR_MAX_KEY_UPDATES without data; data that holds something begins the count anew. */
ON(TLS13, without_end)
{
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < WEIR_MAX_KEY_UPDATES; i++) {
            peer_updates(f, i % 2 == 0);
            if (i == 5)
                peer_says(f, WEIR_TYPE_DATA, NULL, 0);
            hears(f, WEIR_NEED_INPUT);
        }
        CHECK_STATUS(f->t, we_flush(f), WEIR_OK);
        we_said_update(f, false);
        if (round < 2)
            we_live(f);
    }
    peer_updates(f, false);
    hears(f, WEIR_E_FLOOD);
    we_died(f, WEIR_E_FLOOD);
}

/* A key is for its epoch only. */
ON(TLS13, the_old_key_is_gone)
{
    peer_says(f, WEIR_TYPE_HANDSHAKE, update, 5);
    peer_says(f, WEIR_TYPE_DATA, "old", 3); /* without the change of key */
    hears(f, WEIR_E_AUTH);
    we_died(f, WEIR_E_AUTH);
    fixture_again(f);
    wire_update(&f->theirs, &watch_kdf); /* without the message */
    peer_says(f, WEIR_TYPE_DATA, "new", 3);
    hears(f, WEIR_E_AUTH);
    we_died(f, WEIR_E_AUTH);
}

/* Where it cannot be followed, the session says why, and the peer is told. */
ON(TLS13, cannot_be_followed)
{
    struct weir_keys keys;

    fixture_session(f, NULL);
    peer_says(f, WEIR_TYPE_HANDSHAKE, update, 5);
    hears(f, WEIR_E_PROVIDER);
    CHECK_EQ(f->t, weir_session_refusal(&f->session).code, WEIR_REFUSAL_KDF);
    we_died(f, WEIR_E_PROVIDER);
    fixture_again(f);
    fixture_keys(f, &keys);
    keys.secret_len = 0;
    REQUIRE_STATUS(f->t, fixture_rx(f, &keys), WEIR_OK);
    fixture_session(f, &watch_kdf);
    peer_says(f, WEIR_TYPE_HANDSHAKE, update, 5);
    hears(f, WEIR_E_PROVIDER);
    CHECK_EQ(f->t, weir_session_refusal(&f->session).code, WEIR_REFUSAL_SECRET);
    we_died(f, WEIR_E_PROVIDER);
}

/* A direction without a secret: nothing is said, or asked for, that it could not keep up with. */
ON(TLS13, only_one_direction_can)
{
    struct weir_refusal why;
    struct weir_keys keys;

    fixture_keys(f, &keys);
    keys.secret_len = 0;
    REQUIRE_STATUS(f->t, fixture_tx(f, &keys), WEIR_OK);
    fixture_session(f, &watch_kdf);
    CHECK_STATUS(f->t, weir_session_key_update(&f->session, false, &why), WEIR_REFUSED);
    CHECK_EQ(f->t, why.code, WEIR_REFUSAL_SECRET);
    peer_updates(f, false); /* theirs can be followed */
    hears(f, WEIR_NEED_INPUT);
    we_live(f);
    peer_updates(f, true); /* but not answered */
    hears(f, WEIR_E_PROVIDER);
    CHECK_EQ(f->t, weir_session_refusal(&f->session).code, WEIR_REFUSAL_SECRET);
    we_died(f, WEIR_E_PROVIDER);

    fixture_again(f);
    fixture_keys(f, &keys);
    keys.secret_len = 0;
    REQUIRE_STATUS(f->t, fixture_rx(f, &keys), WEIR_OK);
    fixture_session(f, &watch_kdf);
    CHECK_STATUS(f->t, weir_session_key_update(&f->session, true, &why), WEIR_REFUSED);
    CHECK_EQ(f->t, why.code, WEIR_REFUSAL_SECRET);
    CHECK(f->t, !weir_session_wants_flush(&f->session));
    CHECK_STATUS(f->t, weir_session_key_update(&f->session, false, &why), WEIR_OK);
    CHECK_STATUS(f->t, we_flush(f), WEIR_OK);
    we_said_update(f, false);
    we_live(f);
}

ON(TLS13, ours)
{
    struct weir_refusal why;

    for (int asks = 0; asks < 4; asks++) { /* once or twice, one of them asks the peer */
        fixture_at(f, (uint64_t)asks);
        CHECK_STATUS(f->t, weir_session_key_update(&f->session, (asks & 1) != 0, &why), WEIR_OK);
        CHECK_EQ(f->t, why.code, WEIR_REFUSAL_NONE);
        if ((asks & 2) != 0)
            CHECK_STATUS(f->t, weir_session_key_update(&f->session, false, &why), WEIR_OK);
        CHECK(f->t, weir_session_wants_flush(&f->session));
        CHECK_STATUS(f->t, we_send(f, "data", 4), WEIR_OK);
        we_said_update(f, (asks & 1) != 0);
        we_said(f, WEIR_TYPE_DATA, "data", 4);
        we_said_nothing(f);
        if ((asks & 1) != 0)
            peer_updates(f, false); /* the peer's answer needs none */
        hears(f, WEIR_NEED_INPUT);
        CHECK(f->t, !weir_session_wants_flush(&f->session));
        we_live(f);
    }
}

/* An answer and one of our own: two, each with a key of its own, the answer first. */
ON(TLS13, answer_and_ours)
{
    struct weir_refusal why;

    for (int ours_first = 0; ours_first < 2; ours_first++) {
        fixture_again(f);
        if (ours_first)
            CHECK_STATUS(f->t, weir_session_key_update(&f->session, true, &why), WEIR_OK);
        peer_updates(f, true);
        hears(f, WEIR_NEED_INPUT);
        if (!ours_first)
            CHECK_STATUS(f->t, weir_session_key_update(&f->session, true, &why), WEIR_OK);
        CHECK_STATUS(f->t, we_flush(f), WEIR_OK);
        we_said_update(f, false);
        we_said_update(f, true);
        we_said_nothing(f);
        CHECK_EQ(f->t, weir_tx_position(&f->tx).epoch, 2);
        we_live(f);
    }
}

/* Records around a KeyUpdate, in one buffer: each is opened with the key of its place. */
ON(TLS13, data_around_it)
{
    for (uint32_t i = 0; i < 20; i++) {
        peer_says(f, WEIR_TYPE_DATA, f->text + i, i + 1);
        if (i % 3 != 0)
            peer_updates(f, i % 3 == 1);
    }
    hears(f, WEIR_NEED_INPUT);
    for (uint32_t i = 0; i < 20; i++)
        we_heard(f, WEIR_TYPE_DATA, f->text + i, i + 1);
    we_heard_nothing(f);
    CHECK_EQ(f->t, weir_rx_position(&f->rx).epoch, 13);
}

/* A record limit below the message's length does not cut it. */
ON(TLS13, with_the_smallest_records)
{
    struct weir_refusal why;

    for (size_t limit = 1; limit < 7; limit++) {
        fixture_at(f, limit);
        CHECK_STATUS(f->t, weir_tx_set_record_limit(&f->tx, limit), WEIR_OK);
        CHECK_STATUS(f->t, weir_session_key_update(&f->session, true, &why), WEIR_OK);
        peer_updates(f, true);
        hears(f, WEIR_NEED_INPUT);
        CHECK_STATUS(f->t, we_send(f, "d", 1), WEIR_OK);
        we_said_update(f, false);
        we_said_update(f, true);
        we_said(f, WEIR_TYPE_DATA, "d", 1);
        we_said_nothing(f);
    }
}

/* TLS 1.2 knows no such message, and no such wish. */
ON(TLS12, not_in_tls12)
{
    struct weir_refusal why = {.code = WEIR_REFUSAL_NONE};

    CHECK_STATUS(f->t, weir_session_key_update(&f->session, false, &why), WEIR_REFUSED);
    CHECK_EQ(f->t, why.code, WEIR_REFUSAL_VERSION);
    CHECK(f->t, !weir_session_wants_flush(&f->session));
    we_live(f);
    peer_says(f, WEIR_TYPE_HANDSHAKE, update, 5);
    hears(f, WEIR_E_TYPE);
    we_died(f, WEIR_E_TYPE);
}

static const struct test_case table[] = {
    CASE(followed),
    CASE(answered),
    CASE(answered_when_any_asked),
    CASE(answered_with_little_room),
    CASE(in_any_pieces),
    CASE(disturbed_between_pieces),
    CASE(not_at_the_end_of_its_record),
    CASE(behind_a_ticket),
    CASE(forbidden_values),
    CASE(wrong_lengths),
    CASE(without_end),
    CASE(the_old_key_is_gone),
    CASE(cannot_be_followed),
    CASE(only_one_direction_can),
    CASE(ours),
    CASE(answer_and_ours),
    CASE(data_around_it),
    CASE(with_the_smallest_records),
    CASE(not_in_tls12),
};
CASE_GROUP(update, table, TEST_EACH_AEAD);
