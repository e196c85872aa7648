/* SPDX-License-Identifier: BSD-2-Clause */
/* Both directions together: data, and handshake messages for and from the TLS library. */
#include "fixture.h"

/* The header of a handshake message. */
static void message(struct fixture *f, uint8_t *to, uint32_t type, uint32_t len)
{
    to[0] = (uint8_t)type;
    to[1] = (uint8_t)(len >> 16);
    to[2] = (uint8_t)(len >> 8);
    to[3] = (uint8_t)len;
    for (uint32_t i = 0; i < len && i < 4000; i++)
        to[4 + i] = f->text[i] | 1;
}

/* Keys for another suite of the same version, which the provider has too. */
static void to_another_suite(const struct fixture *f, struct weir_keys *keys)
{
    uint16_t chacha = f->tls13 ? WEIR_TLS_CHACHA20_POLY1305_SHA256
                               : WEIR_TLS_RSA_PSK_WITH_CHACHA20_POLY1305_SHA256;

    if (f->profile->suite != chacha &&
        (f->t->aead->algs & WEIR_ALG_BIT(WEIR_CHACHA20_POLY1305)) != 0) {
        keys->suite = chacha;
        keys->at.nonce_rule = WEIR_NONCE_IMPLICIT;
        keys->at.explicit_nonce = 0;
    } else if (!f->tls13) {
        keys->suite = WEIR_TLS_RSA_PSK_WITH_AES_128_GCM_SHA256;
    } else {
        keys->suite = f->profile->suite == WEIR_TLS_AES_128_GCM_SHA256
                          ? WEIR_TLS_AES_256_GCM_SHA384
                          : WEIR_TLS_AES_128_GCM_SHA256;
    }
    if (f->tls13)
        keys->secret_len = (uint8_t)WEIR_HASH_LEN(weir_suite_find(keys->suite)->hash);
}

ON(BOTH, init_needs_two_that_match)
{
    struct weir_session_config config = {.tx = &f->tx, .rx = &f->rx, .kdf = &watch_kdf};
    struct weir_keys keys;
    struct weir_session session;
    struct weir_tx tx;

    CHECK_STATUS(f->t, weir_session_init(&session, &config), WEIR_OK);
    CHECK(f->t, weir_session_tx(&session) == &f->tx);
    CHECK(f->t, weir_session_rx(&session) == &f->rx);
    CHECK_STATUS(f->t, weir_session_status(&session), WEIR_OK);
    CHECK_EQ(f->t, weir_session_peer_alert(&session), WEIR_ALERT_NONE);
    CHECK_EQ(f->t, weir_session_refusal(&session).code, WEIR_REFUSAL_NONE);
    CHECK(f->t, !weir_session_wants_flush(&session));
    CHECK(f->t, !weir_session_send_ended(&session));

    memset(&tx, 0, sizeof tx);
    config.tx = &tx;
    CHECK_STATUS(f->t, weir_session_init(&session, &config), WEIR_E_MISUSE);
    CHECK_STATUS(f->t, weir_session_status(&session), WEIR_E_MISUSE);
    config.tx = &f->tx;
    fixture_keys(f, &keys);
    to_another_suite(f, &keys);
    REQUIRE_STATUS(f->t, fixture_tx(f, &keys), WEIR_OK);
    CHECK_STATUS(f->t, weir_session_init(&session, &config), WEIR_E_MISUSE);
    fixture_again(f);
    weir_rx_end(&f->rx, WEIR_E_IO);
    CHECK_STATUS(f->t, weir_session_init(&session, &config), WEIR_E_MISUSE);
    CHECK_STATUS(f->t, weir_session_close(&session), WEIR_E_MISUSE);
}

ON(BOTH, data_passes)
{
    for (int server = 0; server < 2; server++) {
        fixture_as(f, server != 0);
        for (int i = 0; i < 100; i++)
            we_live(f);
        CHECK_STATUS(f->t, we_send(f, f->text, 40000), WEIR_OK);
        we_said(f, WEIR_TYPE_DATA, f->text, 16384);
        we_said(f, WEIR_TYPE_DATA, f->text + 16384, 16384);
        we_said(f, WEIR_TYPE_DATA, f->text + 32768, 40000 - 32768);
        CHECK_STATUS(f->t, we_send(f, NULL, 0), WEIR_OK);
        we_said(f, WEIR_TYPE_DATA, NULL, 0);
        CHECK_STATUS(f->t, we_flush(f), WEIR_OK);
        we_said_nothing(f);
    }
}

/* Empty records carry nothing to tell the caller of. */
ON(BOTH, empty_data_is_swallowed)
{
    for (int round = 0; round < 5; round++) {
        for (size_t i = 0; i < WEIR_MAX_EMPTY_RECORDS; i++)
            peer_says_padded(f, WEIR_TYPE_DATA, NULL, 0, i % 4 * 100);
        peer_says(f, WEIR_TYPE_DATA, f->text, 3);
        CHECK_STATUS(f->t, we_hear(f), WEIR_NEED_INPUT);
        we_heard(f, WEIR_TYPE_DATA, f->text, 3);
        we_heard_nothing(f);
    }
    for (uint32_t i = 0; i <= WEIR_MAX_EMPTY_RECORDS; i++)
        peer_says(f, WEIR_TYPE_DATA, NULL, 0);
    CHECK_STATUS(f->t, we_hear(f), WEIR_E_FLOOD);
    we_died(f, WEIR_E_FLOOD);
}

/* Which message may come after the handshake, by its type. */
static bool expected(const struct fixture *f, uint32_t type)
{
    if (!f->tls13)
        return type == (f->server ? 1 : 0); /* ClientHello, HelloRequest */
    if (f->server)
        return type == 11 || type == 15 || type == 20; /* Certificate, its Verify, Finished */
    return type == 4 || type == 13;                    /* NewSessionTicket, CertificateRequest */
}

ON(BOTH, every_message_type)
{
    uint8_t bytes[100];

    for (int server = 0; server < 2; server++) {
        for (uint32_t type = 0; type < 256; type++) {
            uint32_t len = type == 0 ? 0 : 10;

            if (f->tls13 && type == 24)
                continue; /* KeyUpdate: session_update.c */
            fixture_as(f, server != 0);
            fixture_at(f, (uint64_t)server * 1000 + type);
            message(f, bytes, type, len);
            peer_says(f, WEIR_TYPE_HANDSHAKE, bytes, 4 + len);
            if (!expected(f, type)) {
                CHECK_STATUS(f->t, we_hear(f), WEIR_E_TYPE);
                we_died(f, WEIR_E_TYPE);
                continue;
            }
            CHECK_STATUS(f->t, we_hear(f), WEIR_NEED_INPUT);
            if (f->tls13)
                we_heard(f, WEIR_TYPE_HANDSHAKE, bytes, 4 + len);
            we_heard_nothing(f);
            CHECK_EQ(f->t, weir_session_wants_flush(&f->session), !f->tls13);
            CHECK_STATUS(f->t, we_flush(f), WEIR_OK);
            if (!f->tls13)
                we_said_alert(f, 1, 100);
            we_live(f);
        }
    }
}

/* The type of a message is judged when its first byte is there, in any record and place. */
ON(TLS13, wrong_message_behind_a_right_one)
{
    static const uint8_t bytes[] = {4, 0, 0, 2, 'x', 'x', 4, 0, 0, 0, 1};

    peer_says(f, WEIR_TYPE_HANDSHAKE, bytes, sizeof bytes);
    CHECK_STATUS(f->t, we_hear(f), WEIR_E_TYPE);
    we_died(f, WEIR_E_TYPE);
}

/* RFC 8446 section 4.4: the Finished of it would depend on a secret the library does not have. */
ON(TLS13, authentication_after_a_key_update)
{
    uint8_t request[20];
    struct weir_refusal why;

    for (int how = 0; how < 2; how++) { /* their key is another, or ours is */
        for (int server = 0; server < 2; server++) {
            fixture_as(f, server != 0);
            fixture_at(f, (uint64_t)how * 2 + (uint64_t)server);
            if (how == 0) {
                peer_updates(f, false);
            } else {
                CHECK_STATUS(f->t, weir_session_key_update(&f->session, false, &why), WEIR_OK);
                CHECK_STATUS(f->t, we_flush(f), WEIR_OK);
                we_said_update(f, false);
            }
            CHECK_STATUS(f->t, we_hear(f), WEIR_NEED_INPUT);
            we_live(f);
            message(f, request, server ? 11 : 13, 8);
            peer_says(f, WEIR_TYPE_HANDSHAKE, request, 12);
            CHECK_STATUS(f->t, we_hear(f), WEIR_E_TYPE);
            CHECK_EQ(f->t, weir_session_refusal(&f->session).code, WEIR_REFUSAL_EPOCH);
            we_died(f, WEIR_E_TYPE);
        }
    }
}

/* Tickets: several in one record, one over several, cut anywhere; the caller gets every byte. */
ON(TLS13, messages_in_any_pieces)
{
    uint8_t bytes[3 * 40];

    for (size_t i = 0; i < 3; i++)
        message(f, bytes + 40 * i, 4, 36);
    for (size_t first = 0; first <= sizeof bytes; first++) {
        for (size_t second = 0; first + second <= sizeof bytes; second += 13) {
            size_t third = sizeof bytes - first - second;

            fixture_again(f);
            fixture_at(f, first * 1000 + second);
            if (first > 0)
                peer_says(f, WEIR_TYPE_HANDSHAKE, bytes, first);
            if (second > 0)
                peer_says(f, WEIR_TYPE_HANDSHAKE, bytes + first, second);
            if (third > 0)
                peer_says(f, WEIR_TYPE_HANDSHAKE, bytes + first + second, third);
            CHECK_STATUS(f->t, we_hear(f), WEIR_NEED_INPUT);
            if (first > 0)
                we_heard(f, WEIR_TYPE_HANDSHAKE, bytes, first);
            if (second > 0)
                we_heard(f, WEIR_TYPE_HANDSHAKE, bytes + first, second);
            if (third > 0)
                we_heard(f, WEIR_TYPE_HANDSHAKE, bytes + first + second, third);
            we_live(f);
        }
    }
}

/* A handshake record ends the call: its message may have to be dealt with first. */
ON(TLS13, a_message_ends_the_call)
{
    struct weir_record out[8];
    size_t consumed = 77, count = 77;
    uint8_t ticket[20];

    message(f, ticket, 4, 16);
    peer_says(f, WEIR_TYPE_DATA, f->text, 10);
    peer_says(f, WEIR_TYPE_HANDSHAKE, ticket, 20);
    peer_says(f, WEIR_TYPE_DATA, f->text, 10);
    CHECK_STATUS(f->t,
                 weir_session_receive(&f->session, f->in, f->in_len, &consumed, out, 8, &count),
                 WEIR_OK);
    CHECK_EQ(f->t, count, 2);
    CHECK_EQ(f->t, out[0].type, WEIR_TYPE_DATA);
    CHECK_EQ(f->t, out[1].type, WEIR_TYPE_HANDSHAKE);
    size_t at = consumed;
    CHECK_STATUS(
        f->t,
        weir_session_receive(&f->session, f->in + at, f->in_len - at, &consumed, out, 8, &count),
        WEIR_NEED_INPUT);
    CHECK_EQ(f->t, count, 1);
    CHECK_EQ(f->t, at + consumed, f->in_len);
}

/* Between the pieces of a message nothing else may come, not even nothing. */
ON(TLS13, nothing_between_the_pieces)
{
    static const struct {
        uint8_t type, len;
    } between[] = {{WEIR_TYPE_DATA, 2}, {WEIR_TYPE_DATA, 0}, {WEIR_TYPE_ALERT, 2}};
    uint8_t ticket[20];

    message(f, ticket, 4, 16);
    for (size_t i = 0; i < 3; i++) {
        for (size_t cut = 1; cut < 20; cut++) {
            fixture_again(f);
            fixture_at(f, i * 100 + cut);
            peer_says(f, WEIR_TYPE_HANDSHAKE, ticket, cut);
            CHECK_STATUS(f->t, we_hear(f), WEIR_NEED_INPUT);
            we_heard(f, WEIR_TYPE_HANDSHAKE, ticket, cut);
            peer_says(f, between[i].type, "\1\132", between[i].len);
            CHECK_STATUS(f->t, we_hear(f), WEIR_E_TYPE);
            we_died(f, WEIR_E_TYPE);
        }
    }
}

ON(TLS13, messages_of_any_length)
{
    uint8_t header[4];
    uint32_t max = WEIR_MAX_MESSAGE;

    message(f, header, 4, 0);
    peer_says(f, WEIR_TYPE_HANDSHAKE, header, 4);
    CHECK_STATUS(f->t, we_hear(f), WEIR_NEED_INPUT);
    we_heard(f, WEIR_TYPE_HANDSHAKE, header, 4);
    we_live(f);
    for (size_t i = 0; i < 4; i++)
        header[i] = (uint8_t)(i == 0 ? 4 : max >> 8 * (3 - i));
    peer_says(f, WEIR_TYPE_HANDSHAKE, header, 4);
    for (uint32_t left = max; left > 0; left -= 16384) {
        CHECK_STATUS(f->t, we_hear(f), WEIR_NEED_INPUT);
        f->heard.count = f->heard.len = 0;
        peer_says(f, WEIR_TYPE_HANDSHAKE, f->text, 16384);
    }
    CHECK_STATUS(f->t, we_hear(f), WEIR_NEED_INPUT);
    f->heard.count = f->heard.len = 0;
    we_live(f);
    header[3]++;
    peer_says(f, WEIR_TYPE_HANDSHAKE, header, 4);
    CHECK_STATUS(f->t, we_hear(f), WEIR_E_PARAM);
    we_died(f, WEIR_E_PARAM);
}

/* Records of messages without data in between: WEIR_MAX_HANDSHAKE, and no more. */
ON(BOTH, messages_without_end)
{
    static const uint8_t ticket[] = {4, 0, 0, 0}, hello_request[] = {0, 0, 0, 0};
    const uint8_t *bytes = f->tls13 ? ticket : hello_request;

    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < WEIR_MAX_HANDSHAKE; i++) {
            peer_says(f, WEIR_TYPE_HANDSHAKE, bytes, 4);
            if (i == 10)
                peer_says(f, WEIR_TYPE_DATA, NULL, 0); /* is no data */
        }
        if (round < 2) /* resets the count */
            peer_says(f, WEIR_TYPE_DATA, f->text, 1);
        CHECK_STATUS(f->t, we_hear(f), WEIR_NEED_INPUT);
        CHECK_EQ(f->t, f->heard.count, (f->tls13 ? WEIR_MAX_HANDSHAKE : 0) + (round < 2));
        f->heard.count = f->heard.len = 0;
    }
    peer_says(f, WEIR_TYPE_HANDSHAKE, bytes, 4);
    CHECK_STATUS(f->t, we_hear(f), WEIR_E_FLOOD);
    we_died(f, WEIR_E_FLOOD);
}

static weir_status send_message(struct fixture *f, const uint8_t *bytes, size_t len, size_t cap)
{
    size_t made = 77;
    weir_status status =
        weir_session_send_handshake(&f->session, bytes, len, f->out + f->out_len, cap, &made);

    CHECK(f->t, made <= cap);
    f->out_len += made;
    return status;
}

ON(TLS13, messages_to_send)
{
    static const uint8_t update[] = {24, 0, 0, 1, 0};
    const size_t len = 250;
    uint8_t bytes[300];

    message(f, bytes, 11, (uint32_t)len - 4);
    CHECK_STATUS(f->t, weir_tx_set_record_limit(&f->tx, 100), WEIR_OK);
    size_t whole = weir_tx_wire_len(&f->tx, len);
    for (size_t cap = 0; cap <= whole; cap++) { /* all or nothing */
        fixture_at(f, cap);
        CHECK_STATUS(f->t, send_message(f, bytes, len, cap),
                     cap < whole ? WEIR_NEED_OUTPUT : WEIR_OK);
        CHECK_EQ(f->t, f->out_len, cap < whole ? 0 : whole);
    }
    we_said(f, WEIR_TYPE_HANDSHAKE, bytes, 100);
    we_said(f, WEIR_TYPE_HANDSHAKE, bytes + 100, 100);
    we_said(f, WEIR_TYPE_HANDSHAKE, bytes + 200, 50);
    CHECK_STATUS(f->t, send_message(f, update, sizeof update, OUT_LEN), WEIR_E_MISUSE);
    CHECK_STATUS(f->t, send_message(f, NULL, 0, OUT_LEN), WEIR_E_MISUSE);
    we_said_nothing(f);
    we_live(f);
    CHECK_STATUS(f->t, weir_session_close(&f->session), WEIR_OK);
    CHECK_STATUS(f->t, send_message(f, bytes, len, OUT_LEN), WEIR_E_MISUSE);
    CHECK_STATUS(f->t, we_flush(f), WEIR_OK);
    we_said_alert(f, 1, 0);
    CHECK_STATUS(f->t, send_message(f, bytes, len, OUT_LEN), WEIR_E_MISUSE);
    we_said_nothing(f);
    CHECK_STATUS(f->t, weir_session_status(&f->session), WEIR_OK);
    peer_says(f, WEIR_TYPE_DATA, "still", 5);
    CHECK_STATUS(f->t, we_hear(f), WEIR_NEED_INPUT);
    we_heard(f, WEIR_TYPE_DATA, "still", 5);
}

/* A limit below what any peer may ask for is not one of messages (tx.h), whose records padding then
 * fills to other lengths than those of data. */
ON(TLS13, messages_are_whole_under_any_limit)
{
    uint8_t bytes[200];

    message(f, bytes, 11, sizeof bytes - 4);
    for (size_t limit = 1; limit <= 66; limit++)
        for (size_t len = 60; len <= 130; len += 1 + len % 3) {
            fixture_again(f);
            fixture_at(f, limit * 1000 + len);
            CHECK_STATUS(f->t, weir_tx_set_record_limit(&f->tx, limit), WEIR_OK);
            CHECK_STATUS(f->t, weir_tx_set_padding(&f->tx, limit), WEIR_OK);
            size_t whole = weir_tx_wire_len(&f->tx, len);
            for (size_t cap = whole; cap + 50 > whole; cap--) {
                size_t before = f->out_len;
                weir_status status = send_message(f, bytes, len, cap);
                CHECK(f->t, status == WEIR_OK || f->out_len == before);
                if (status == WEIR_OK)
                    break;
                CHECK_STATUS(f->t, status, WEIR_NEED_OUTPUT);
            }
        }
}

ON(TLS12, no_messages_to_send)
{
    uint8_t bytes[20];

    message(f, bytes, 1, 16);
    CHECK_STATUS(f->t, send_message(f, bytes, 20, OUT_LEN), WEIR_E_MISUSE);
    we_said_nothing(f);
    we_live(f);
}

/* What waits goes in front of a message, and stays when there is room for it alone. */
ON(TLS13, what_waits_goes_first)
{
    uint8_t bytes[50];
    struct weir_refusal why;

    message(f, bytes, 11, 46);
    size_t update = weir_tx_record_len(&f->tx, 5), record = weir_tx_record_len(&f->tx, 50);
    for (size_t cap = 0; cap <= update + record; cap++) {
        fixture_again(f);
        fixture_at(f, cap);
        CHECK_STATUS(f->t, weir_session_key_update(&f->session, false, &why), WEIR_OK);
        CHECK_STATUS(f->t, send_message(f, bytes, 50, cap),
                     cap < update + record ? WEIR_NEED_OUTPUT : WEIR_OK);
        CHECK_EQ(f->t, weir_session_wants_flush(&f->session), cap < update);
        if (cap < update + record)
            CHECK_STATUS(f->t, send_message(f, bytes, 50, 1000), WEIR_OK);
        we_said_update(f, false);
        we_said(f, WEIR_TYPE_HANDSHAKE, bytes, 50);
        we_live(f);
    }
}

ON(BOTH, wipe)
{
    struct weir_record out[1];
    struct weir_refusal why;
    size_t consumed = 7, count = 7;

    weir_session_wipe(&f->session);
    CHECK_EQ(f->t, f->watch.attached, 0);
    CHECK_STATUS(f->t, weir_tx_status(&f->tx), WEIR_E_MISUSE);
    CHECK_STATUS(f->t, weir_rx_status(&f->rx), WEIR_E_MISUSE);
    CHECK_STATUS(f->t, weir_session_status(&f->session), WEIR_E_MISUSE);
    CHECK_STATUS(f->t, weir_session_receive(&f->session, f->in, 100, &consumed, out, 1, &count),
                 WEIR_E_MISUSE);
    CHECK_EQ(f->t, consumed + count, 0);
    CHECK_STATUS(f->t, we_send(f, "x", 1), WEIR_E_MISUSE);
    CHECK_STATUS(f->t, weir_session_key_update(&f->session, true, &why), WEIR_E_MISUSE);
    CHECK_STATUS(f->t, weir_session_close(&f->session), WEIR_E_MISUSE);
    CHECK_STATUS(f->t, weir_session_end_of_stream(&f->session), WEIR_E_MISUSE);
    weir_session_fail(&f->session, WEIR_E_AUTH);
    weir_session_fail_with_alert(&f->session, 40);
    CHECK_STATUS(f->t, weir_session_status(&f->session), WEIR_E_MISUSE);
    CHECK(f->t, !weir_session_wants_flush(&f->session));
    CHECK_STATUS(f->t, we_flush(f), WEIR_OK);
    we_said_nothing(f);
    weir_session_wipe(&f->session);
}

static const struct test_case table[] = {
    CASE(init_needs_two_that_match),
    CASE(data_passes),
    CASE(empty_data_is_swallowed),
    CASE(every_message_type),
    CASE(wrong_message_behind_a_right_one),
    CASE(authentication_after_a_key_update),
    CASE(messages_in_any_pieces),
    CASE(a_message_ends_the_call),
    CASE(nothing_between_the_pieces),
    CASE(messages_of_any_length),
    CASE(messages_without_end),
    CASE(messages_to_send),
    CASE(messages_are_whole_under_any_limit),
    CASE(no_messages_to_send),
    CASE(what_waits_goes_first),
    CASE(wipe),
};
CASE_GROUP(session, table, TEST_EACH_AEAD);
