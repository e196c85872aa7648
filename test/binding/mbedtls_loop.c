/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mbedTLS binding behind the hand-over: what the application asks of a library whose keys are
 * weir's, and what the peer tells it.
 */
#include "mbed.h"

#include <criterion/criterion.h>
#include <string.h>
#include <weir/mbedtls.h>

static const uint16_t versions[] = {WEIR_TLS12, WEIR_TLS13};
#define VERSIONS ((size_t)(MBED_HAS_TLS13 ? 2 : 1))

static void connected(struct mbed_pair *p, const struct mbed_config *config)
{
    mbed_open(p, config);
    mbed_connect(p);
    mbed_exchange(&p->wire, 1000);
}

/* Judges the wire; the counts by record type are there afterwards. */
static void judge(struct mbed_pair *p)
{
    mbed_give_keys(&p->tap, &p->client_side, (uint16_t)p->client_side.suites[0]);
    wiretap_judge(&p->tap);
}

Test(binding_mbedtls, close_notify_by_the_library)
{
    for (size_t i = 0; i < 2 * VERSIONS; i++) {
        bool plain = i % 2 == 1;
        struct mbed_pair p;
        connected(&p, &(struct mbed_config){.version = versions[i / 2], .plain_server = plain});
        cr_assert_eq(mbedtls_ssl_close_notify(&p.client_side.ssl), 0);
        cr_assert_eq(end_pump(&p.client), WEIR_OK);
        wire_run(&p.wire);
        if (plain) {
            cr_assert_eq(p.server.ssl_error, MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY);
        } else {
            cr_assert_eq(p.server.status, WEIR_CLOSED);
            cr_assert_eq(mbedtls_ssl_close_notify(&p.server_side.ssl), 0);
            cr_assert_eq(end_pump(&p.server), WEIR_OK);
            wire_run(&p.wire);
            cr_assert_eq(p.client.status, WEIR_CLOSED);
        }
        judge(&p);
        cr_assert_eq(p.tap.side[0].by_type[WEIR_TYPE_ALERT], 1);
        cr_assert_eq(p.tap.side[1].by_type[WEIR_TYPE_ALERT], plain ? 0 : 1);
        mbed_drop(&p);
    }
}

Test(binding_mbedtls, a_fatal_alert_by_the_application)
{
    for (size_t i = 0; i < 2 * VERSIONS; i++) {
        bool plain = i % 2 == 1;
        struct mbed_pair p;
        connected(&p, &(struct mbed_config){.version = versions[i / 2], .plain_client = plain});
        cr_assert_eq(mbedtls_ssl_send_alert_message(&p.server_side.ssl,
                                                    MBEDTLS_SSL_ALERT_LEVEL_FATAL,
                                                    MBEDTLS_SSL_ALERT_MSG_INTERNAL_ERROR),
                     0);
        cr_assert_eq(end_pump(&p.server), WEIR_E_HANDSHAKE);
        wire_run(&p.wire);
        if (plain) {
            cr_assert_eq(p.client.ssl_error, MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE);
        } else {
            cr_assert_eq(p.client.status, WEIR_E_PEER_ALERT);
            cr_assert_eq(weir_session_peer_alert(&p.client.session), 80);
        }
        cr_assert(weir_session_send_ended(&p.server.session));
        mbed_close(&p);
    }
}

/* RFC 8446 section 6.1: user_canceled is followed by close_notify; alone it changes nothing. */
Test(binding_mbedtls, a_warning_by_the_application_stays_here)
{
    for (size_t i = 0; i < VERSIONS; i++) {
        struct mbed_pair p;
        connected(&p, &(struct mbed_config){.version = versions[i]});
        cr_assert_eq(mbedtls_ssl_send_alert_message(&p.client_side.ssl,
                                                    MBEDTLS_SSL_ALERT_LEVEL_WARNING,
                                                    MBEDTLS_SSL_ALERT_MSG_USER_CANCELED),
                     0);
        cr_assert_eq(end_pump(&p.client), WEIR_OK);
        mbed_exchange(&p.wire, 1000);
        judge(&p);
        cr_assert_eq(p.tap.side[0].by_type[WEIR_TYPE_ALERT], 0);
        mbed_drop(&p);
    }
}

Test(binding_mbedtls, application_data_through_the_library)
{
    static const uint8_t secret[] = "not by this way";

    for (size_t i = 0; i < VERSIONS; i++) {
        struct mbed_pair p;
        connected(&p, &(struct mbed_config){.version = versions[i]});
        cr_assert_eq(mbedtls_ssl_write(&p.client_side.ssl, secret, sizeof secret), sizeof secret);
        cr_assert_eq(end_pump(&p.client), WEIR_E_MISUSE);
        cr_assert_not_null(strstr(p.client.hs->error(p.client.hs), "mbedtls_ssl_write"));
        wire_run(&p.wire);
        cr_assert_eq(p.server.status, WEIR_E_PEER_ALERT);
        cr_assert_eq(weir_session_peer_alert(&p.server.session), 80);
        cr_assert_eq(weir_session_status(&p.client.session), WEIR_E_MISUSE, "it is sticky");
        judge(&p);
        cr_assert_eq(p.tap.side[0].by_type[WEIR_TYPE_DATA], 1, "that of the exchange before");
        mbed_drop(&p);
    }
}

static void ask_for_renegotiation(bool server)
{
    struct mbed_pair p;

    connected(&p, &(struct mbed_config){.renegotiation = true});
    struct mbed_side *side = server ? &p.server_side : &p.client_side;
    struct end *e = server ? &p.server : &p.client;
    int result = mbedtls_ssl_renegotiate(&side->ssl);
    cr_assert(result == 0 || result == MBEDTLS_ERR_SSL_WANT_READ, "-0x%x", -result);
    cr_assert_eq(end_pump(e), WEIR_REFUSED);
    cr_assert_not_null(strstr(e->hs->error(e->hs), "renegotiation"), "%s", e->hs->error(e->hs));
    cr_assert_eq(end_pump(e), WEIR_OK, "only once");
    mbed_exchange(&p.wire, 1000);
    judge(&p);
    cr_assert_eq(p.tap.side[0].by_type[WEIR_TYPE_HANDSHAKE], 1, "Finished");
    cr_assert_eq(p.tap.side[1].by_type[WEIR_TYPE_HANDSHAKE], 1, "Finished");
    mbed_drop(&p);
}

Test(binding_mbedtls, renegotiation_by_the_application_is_refused)
{
    ask_for_renegotiation(false);
    ask_for_renegotiation(true);
}

/* The peer asks: RFC 5246 section 7.2.2, no_renegotiation, and the connection goes on. */
Test(binding_mbedtls, renegotiation_by_the_peer_is_declined)
{
    struct mbed_pair p;

    connected(&p, &(struct mbed_config){.renegotiation = true, .plain_server = true});
    cr_assert_eq(mbedtls_ssl_renegotiate(&p.server_side.ssl), 0);
    wire_run(&p.wire);
    cr_assert_eq(p.client.delivered, 0);
    cr_assert_eq(weir_session_status(&p.client.session), WEIR_OK);
    judge(&p);
    cr_assert_eq(p.tap.side[0].by_type[WEIR_TYPE_ALERT], 1);
    mbed_drop(&p);
}

Test(binding_mbedtls, nothing_is_delivered_in_tls12)
{
    static const uint8_t hello_request[4] = {0};
    struct mbed_pair p;

    connected(&p, &(struct mbed_config){0});
    cr_assert_eq(p.client.hs->deliver(p.client.hs, hello_request, 4), WEIR_E_MISUSE);
    mbed_drop(&p);
}

Test(binding_mbedtls, a_ticket_is_delivered_and_announced)
{
    struct mbed_pair p;

    if (!MBED_HAS_TLS13)
        cr_skip_test("mbedTLS " MBEDTLS_VERSION_STRING " has no TLS 1.3");
    connected(&p, &(struct mbed_config){
                      .version = WEIR_TLS13, .tickets = true, .ticket_count = 3, .chunk = 50});
    cr_assert_eq(weir_mbedtls_tickets(p.client.hs), 3);
    cr_assert_eq(weir_mbedtls_tickets(p.server.hs), 0);
    mbed_close(&p);
}

/* mbedTLS has no KeyUpdate; the session makes them, and the library's keys stay those of epoch 0.
 */
Test(binding_mbedtls, key_updates_are_the_sessions)
{
    struct mbed_pair p;
    struct weir_refusal why;

    if (!MBED_HAS_TLS13)
        cr_skip_test("mbedTLS " MBEDTLS_VERSION_STRING " has no TLS 1.3");
    connected(&p, &(struct mbed_config){.version = WEIR_TLS13, .tickets = true});
    for (unsigned i = 1; i < 4; i++) {
        cr_assert_eq(weir_session_key_update(&p.client.session, i % 2 == 1, &why), WEIR_OK);
        mbed_exchange(&p.wire, 1000);
        cr_assert_eq(weir_tx_position(&p.client.tx).epoch, i);
        cr_assert_eq(weir_rx_position(&p.server.rx).epoch, i);
    }
    cr_assert_eq(weir_tx_position(&p.server.tx).epoch, 2, "it answered two of the three");
    cr_assert_eq(mbedtls_ssl_close_notify(&p.client_side.ssl), 0);
    cr_assert_eq(end_pump(&p.client), WEIR_OK);
    wire_run(&p.wire);
    cr_assert_eq(p.server.status, WEIR_CLOSED);
    mbed_close(&p);
}

/* mbedTLS says what is wrong, and the peer is told by an alert through the session. */
Test(binding_mbedtls, a_message_the_library_does_not_accept)
{
    static const struct {
        uint8_t bytes[16];
        size_t len;
        uint8_t alert;
    } messages[] = {
        {{13, 0, 0, 3, 0, 0, 0}, 7, 10},                       /* CertificateRequest */
        {{4, 0, 0, 3, 0, 0, 0}, 7, 50},                        /* half a NewSessionTicket */
        {{4, 0, 0, 12, 0, 0, 1, 0, 0, 0, 0, 0, 0, 9}, 16, 50}, /* one that claims too much */
    };

    for (size_t i = 0; MBED_HAS_TLS13 && i < sizeof messages / sizeof *messages; i++) {
        struct mbed_pair p;
        connected(&p, &(struct mbed_config){.version = WEIR_TLS13});
        struct weir_handshake *hs = p.client.hs;
        cr_assert_eq(hs->deliver(hs, messages[i].bytes, messages[i].len), WEIR_E_HANDSHAKE);
        cr_assert_neq(hs->error(hs)[0], '\0');
        cr_assert_eq(end_pump(&p.client), WEIR_E_HANDSHAKE);
        wire_run(&p.wire);
        cr_assert_eq(p.server.status, WEIR_E_PEER_ALERT);
        cr_assert_eq(weir_session_peer_alert(&p.server.session), messages[i].alert, "%zu: %s", i,
                     hs->error(hs));
        mbed_close(&p);
    }
    if (!MBED_HAS_TLS13)
        cr_skip_test("mbedTLS " MBEDTLS_VERSION_STRING " has no TLS 1.3");
}

Test(binding_mbedtls, a_key_update_is_not_delivered)
{
    static const uint8_t key_update[] = {24, 0, 0, 1, 0};
    struct mbed_pair p;

    if (!MBED_HAS_TLS13)
        cr_skip_test("mbedTLS " MBEDTLS_VERSION_STRING " has no TLS 1.3");
    connected(&p, &(struct mbed_config){.version = WEIR_TLS13});
    cr_assert_eq(p.client.hs->deliver(p.client.hs, key_update, sizeof key_update), WEIR_E_MISUSE);
    mbed_drop(&p);
}

/* With room for nothing at first, the pump loses nothing. */
Test(binding_mbedtls, the_pump_may_have_little_room)
{
    struct mbed_pair p;

    connected(&p, &(struct mbed_config){0});
    p.client.pump_room = 1;
    cr_assert_eq(mbedtls_ssl_close_notify(&p.client_side.ssl), 0);
    cr_assert_eq(end_pump(&p.client), WEIR_OK);
    wire_run(&p.wire);
    cr_assert_eq(p.server.status, WEIR_CLOSED);
    mbed_close(&p);
}
