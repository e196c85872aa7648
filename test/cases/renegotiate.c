/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TLS 1.2 renegotiation: HelloRequest at a client, ClientHello at a server. It is answered with
 * warning no_renegotiation (RFC 5246 section 7.2.2), and the connection goes on.
 */
#include "fixture.h"

enum { WARNING = 1, NO_RENEGOTIATION = 100 };

#define HELLO_LEN 60u

/* The message that asks this end; returns its length. */
static size_t ask(const struct fixture *f, uint8_t *to)
{
    memset(to, 'h', HELLO_LEN);
    to[0] = f->server ? 1 : 0;
    to[1] = to[2] = 0;
    to[3] = f->server ? HELLO_LEN - 4 : 0;
    return f->server ? HELLO_LEN : 4;
}

static void refused_once(struct fixture *f)
{
    CHECK_STATUS(f->t, we_hear(f), WEIR_NEED_INPUT);
    we_heard_nothing(f);
    CHECK(f->t, weir_session_wants_flush(&f->session));
    CHECK_STATUS(f->t, we_send(f, "data", 4), WEIR_OK); /* it goes in front of data */
    we_said_alert(f, WARNING, NO_RENEGOTIATION);
    we_said(f, WEIR_TYPE_DATA, "data", 4);
    we_said_nothing(f);
    we_live(f);
}

ON(TLS12, asked_in_any_pieces)
{
    uint8_t hello[HELLO_LEN];

    for (int server = 0; server < 2; server++) {
        fixture_as(f, server != 0);
        size_t len = ask(f, hello);
        for (size_t cut = 0; cut < len; cut++) {
            fixture_at(f, (uint64_t)server * 1000 + cut);
            if (cut > 0)
                peer_says(f, WEIR_TYPE_HANDSHAKE, hello, cut);
            peer_says(f, WEIR_TYPE_HANDSHAKE, hello + cut, len - cut);
            refused_once(f);
        }
        for (size_t i = 0; i < len; i++)
            peer_says(f, WEIR_TYPE_HANDSHAKE, hello + i, 1);
        refused_once(f);
    }
}

/* RFC 5246 section 6.2.1: data of other types may come between the pieces of a message. */
ON(TLS12, asked_between_data)
{
    uint8_t hello[HELLO_LEN];

    for (int server = 0; server < 2; server++) {
        fixture_as(f, server != 0);
        size_t len = ask(f, hello);
        for (size_t cut = 1; cut < len; cut++) {
            fixture_at(f, (uint64_t)server * 1000 + cut);
            peer_says(f, WEIR_TYPE_HANDSHAKE, hello, cut);
            peer_says(f, WEIR_TYPE_DATA, "between", 7);
            peer_says(f, WEIR_TYPE_DATA, NULL, 0);
            peer_says(f, WEIR_TYPE_ALERT, "\1\132", 2);
            CHECK_STATUS(f->t, we_hear(f), WEIR_NEED_INPUT);
            we_heard(f, WEIR_TYPE_DATA, "between", 7);
            CHECK(f->t, !weir_session_wants_flush(&f->session));
            peer_says(f, WEIR_TYPE_HANDSHAKE, hello + cut, len - cut);
            refused_once(f);
        }
    }
}

/* Many questions while we are silent, in one record and in many, get one answer. */
ON(TLS12, asked_often)
{
    static uint8_t hellos[20 * HELLO_LEN];

    for (int server = 0; server < 2; server++) {
        fixture_as(f, server != 0);
        size_t len = 0;
        for (size_t i = 0; i < 20; i++)
            len += ask(f, hellos + len);
        peer_says(f, WEIR_TYPE_HANDSHAKE, hellos, len);
        peer_says(f, WEIR_TYPE_HANDSHAKE, hellos, len / 2 + 1);
        peer_says(f, WEIR_TYPE_HANDSHAKE, hellos + len / 2 + 1, len - len / 2 - 1);
        refused_once(f);
    }
}

ON(TLS12, answered_with_little_room)
{
    uint8_t hello[HELLO_LEN];
    size_t made = 77, alert = weir_tx_record_len(&f->tx, 2);

    for (size_t cap = 0; cap <= alert; cap++) {
        fixture_at(f, cap);
        peer_says(f, WEIR_TYPE_HANDSHAKE, hello, ask(f, hello));
        CHECK_STATUS(f->t, we_hear(f), WEIR_NEED_INPUT);
        CHECK_STATUS(f->t, weir_session_flush(&f->session, f->out, cap, &made),
                     cap < alert ? WEIR_NEED_OUTPUT : WEIR_OK);
        CHECK_EQ(f->t, made, cap < alert ? 0 : alert);
        CHECK_EQ(f->t, weir_session_wants_flush(&f->session), cap < alert);
        f->out_len = made;
        CHECK_STATUS(f->t, we_flush(f), WEIR_OK);
        we_said_alert(f, WARNING, NO_RENEGOTIATION);
        we_live(f);
    }
}

ON(TLS12, wrong_lengths)
{
    static const uint32_t wrong[] = {1, 256, 65536, WEIR_MAX_MESSAGE + 1, 0xffffff};

    for (int server = 0; server < 2; server++) {
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
            const uint8_t header[] = {(uint8_t)server, (uint8_t)(wrong[i] >> 16),
                                      (uint8_t)(wrong[i] >> 8), (uint8_t)wrong[i]};
            weir_status want = !server                       ? WEIR_E_DECODE
                               : wrong[i] > WEIR_MAX_MESSAGE ? WEIR_E_PARAM
                                                             : WEIR_NEED_INPUT;

            fixture_as(f, server != 0);
            fixture_at(f, (uint64_t)server * 100 + i);
            peer_says(f, WEIR_TYPE_HANDSHAKE, header, 4);
            CHECK_STATUS(f->t, we_hear(f), want);
            if (want < 0)
                we_died(f, want);
        }
    }
}

/* A wrong message behind a right one, and the right one before any of it is answered. */
ON(TLS12, followed_by_another)
{
    uint8_t hello[HELLO_LEN + 1];

    for (int server = 0; server < 2; server++) {
        fixture_as(f, server != 0);
        size_t len = ask(f, hello);
        hello[len] = 2; /* ServerHello */
        peer_says(f, WEIR_TYPE_HANDSHAKE, hello, len + 1);
        CHECK_STATUS(f->t, we_hear(f), WEIR_E_TYPE);
        we_died(f, WEIR_E_TYPE);
    }
}

static const struct test_case table[] = {
    CASE(asked_in_any_pieces),       CASE(asked_between_data), CASE(asked_often),
    CASE(answered_with_little_room), CASE(wrong_lengths),      CASE(followed_by_another),
};
CASE_GROUP(renegotiate, table, TEST_EACH_AEAD);
