/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loop-through: the same SSL objects go on working after their keys were taken.
 */
#include "pair.h"

#include <criterion/criterion.h>
#include <openssl/err.h>
#include <string.h>
#include <weir/openssl.h>

static void connected(struct pair *p, const struct pair_config *config)
{
    pair_open(p, config);
    pair_connect(p);
}

/* What an application does with an SSL after SSL_key_update and the like. */
static void let_write(struct pair *p, struct end *e)
{
    cr_assert_eq(SSL_do_handshake(e->ssl), 1, "%s", ERR_reason_error_string(ERR_peek_last_error()));
    wire_run(&p->wire);
}

static uint16_t tx_epoch(const struct end *e)
{
    return weir_tx_position(&e->tx).epoch;
}

static uint16_t rx_epoch(const struct end *e)
{
    return weir_rx_position(&e->rx).epoch;
}

static void session_key_update(struct pair *p, struct end *e, bool request)
{
    struct weir_refusal why;

    cr_assert_eq(weir_session_key_update(&e->session, request, &why), WEIR_OK);
    wire_run(&p->wire);
}

/* Connects again with `session`, which must be taken up. */
static void resume(const struct pair *before, SSL_SESSION *session)
{
    struct pair p;

    pair_reopen(&p, before, &(struct pair_config){.session = session});
    pair_connect(&p);
    cr_assert_eq(SSL_session_reused(p.client.ssl), 1);
    cr_assert_eq(SSL_session_reused(p.server.ssl), 1);
    pair_exchange(&p, 1000);
    pair_close(&p);
    SSL_CTX_set_app_data(before->client_ctx, (void *)(uintptr_t)before);
    SSL_CTX_set_app_data(before->server_ctx, (void *)(uintptr_t)before);
}

Test(binding_openssl, a_looped_ticket_resumes)
{
    struct pair p;

    connected(&p, &(struct pair_config){.tickets = 1});
    cr_assert_eq(p.new_sessions, 1);
    resume(&p, p.session);
    pair_close(&p);
}

/*
 * OpenSSL takes a connection that ends without SSL_shutdown for broken, and its session with it.
 * The peer's close_notify went to the session of weir, so the application says it.
 */
static void session_after_the_end(int version, int shutdown, bool resumed)
{
    struct pair p;
    struct pair again;

    connected(&p, &(struct pair_config){.version = version, .tickets = 1});
    SSL_SESSION *session = p.session;
    SSL_set_shutdown(p.client.ssl, shutdown);
    p.client.hs->release(p.client.hs);
    p.client.hs = NULL;
    SSL_free(p.client.ssl);
    p.client.ssl = NULL;
    pair_reopen(&again, &p, &(struct pair_config){.session = session});
    pair_connect(&again);
    cr_assert_eq(SSL_session_reused(again.client.ssl), resumed);
    pair_close(&again);
    pair_drop(&p);
}

Test(binding_openssl, a_session_outlives_a_connection_that_ended_well)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

    for (size_t i = 0; i < 2; i++) {
        session_after_the_end(versions[i], SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN, true);
        session_after_the_end(versions[i], 0, false);
    }
}

static void ticket_after_key_update(bool plain_server, size_t chunk)
{
    struct pair p;

    connected(&p, &(struct pair_config){
                      .no_tickets = true, .plain_server = plain_server, .chunk = chunk});
    pair_exchange(&p, 100);
    if (plain_server) {
        cr_assert_eq(SSL_key_update(p.server.ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
        let_write(&p, &p.server);
    } else {
        session_key_update(&p, &p.server, false);
        cr_assert_eq(tx_epoch(&p.server), 1);
    }
    cr_assert_eq(p.new_sessions, 0);
    cr_assert_eq(SSL_new_session_ticket(p.server.ssl), 1);
    let_write(&p, &p.server);
    cr_assert_eq(rx_epoch(&p.client), 1);
    cr_assert_eq(p.client.delivered, 1);
    cr_assert_eq(p.new_sessions, 1);
    pair_exchange(&p, 100);
    resume(&p, p.session);
    pair_close(&p);
}

Test(binding_openssl, a_ticket_after_a_key_update)
{
    ticket_after_key_update(false, 0);
    ticket_after_key_update(true, 0);
    ticket_after_key_update(true, 1);
}

/* Tickets again and again: every one under the library's next number. */
Test(binding_openssl, many_tickets)
{
    struct pair p;

    connected(&p, &(struct pair_config){.no_tickets = true});
    for (unsigned i = 1; i <= 20; i++) {
        cr_assert_eq(SSL_new_session_ticket(p.server.ssl), 1);
        let_write(&p, &p.server);
        cr_assert_eq(p.new_sessions, i);
        if (i % 7 == 0)
            session_key_update(&p, &p.server, false);
        pair_exchange(&p, 10);
    }
    resume(&p, p.session);
    pair_close(&p);
}

static void key_update_by_library(int type, bool server_asks, bool plain_peer)
{
    struct pair p;

    connected(&p, &(struct pair_config){.plain_client = plain_peer && server_asks,
                                        .plain_server = plain_peer && !server_asks});
    struct end *e = server_asks ? &p.server : &p.client;
    pair_exchange(&p, 100);
    for (uint16_t i = 1; i <= 3; i++) {
        cr_assert_eq(SSL_key_update(e->ssl, type), 1);
        let_write(&p, e);
        cr_assert_eq(tx_epoch(e), i);
        pair_exchange(&p, 3000);
        cr_assert_eq(rx_epoch(e), type == SSL_KEY_UPDATE_REQUESTED ? i : 0);
    }
    pair_close(&p);
}

Test(binding_openssl, key_update_by_the_library)
{
    for (unsigned i = 0; i < 4; i++) {
        key_update_by_library(SSL_KEY_UPDATE_NOT_REQUESTED, (i & 1) != 0, (i & 2) != 0);
        key_update_by_library(SSL_KEY_UPDATE_REQUESTED, (i & 1) != 0, (i & 2) != 0);
    }
}

/* Library and session each do KeyUpdates of their own; the epochs part, and nothing breaks. */
Test(binding_openssl, epochs_of_library_and_wire_part)
{
    struct pair p;

    connected(&p, &(struct pair_config){0});
    session_key_update(&p, &p.server, true);
    cr_assert_eq(SSL_key_update(p.server.ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
    let_write(&p, &p.server);
    session_key_update(&p, &p.client, true);
    cr_assert_eq(tx_epoch(&p.server), 3);
    cr_assert_eq(SSL_new_session_ticket(p.server.ssl), 1);
    let_write(&p, &p.server);
    cr_assert_eq(p.new_sessions, 3);
    pair_exchange(&p, 500);
    resume(&p, p.session);
    pair_close(&p);
}

static void shut_down(int version, bool plain_server)
{
    struct pair p;

    connected(&p, &(struct pair_config){.version = version, .plain_server = plain_server});
    pair_exchange(&p, 100);
    cr_assert_eq(SSL_shutdown(p.client.ssl), 0);
    wire_run(&p.wire);
    cr_assert(weir_session_send_ended(&p.client.session));
    if (plain_server)
        cr_assert_eq(SSL_get_shutdown(p.server.ssl) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
    else
        cr_assert_eq(weir_session_status(&p.server.session), WEIR_CLOSED);
    /* The other direction is still open, and then closed by the other library. */
    end_send(&p.server, "later", 5);
    wire_run(&p.wire);
    cr_assert_geq(p.client.data.len, 5);
    (void)SSL_shutdown(p.server.ssl);
    end_step(&p.server);
    wire_run(&p.wire);
    cr_assert_eq(weir_session_status(&p.client.session), WEIR_CLOSED);
    pair_close(&p);
}

Test(binding_openssl, shutdown_by_the_library)
{
    shut_down(TLS1_3_VERSION, false);
    shut_down(TLS1_2_VERSION, false);
    shut_down(TLS1_2_VERSION, true);
    shut_down(TLS1_3_VERSION, true);
}

/* A ticket that no library can accept: it answers with a fatal alert, and weir sends it. */
Test(binding_openssl, a_fatal_alert_by_the_library)
{
    static const uint8_t bad_ticket[] = {4, 0, 0, 3, 1, 2, 3};
    struct pair p;
    uint8_t out[256];
    size_t made = 0;

    connected(&p, &(struct pair_config){.no_tickets = true});
    cr_assert_eq(weir_session_send_handshake(&p.server.session, bad_ticket, sizeof bad_ticket, out,
                                             sizeof out, &made),
                 WEIR_OK);
    bytes_add(&p.server.out, out, made);
    wire_run(&p.wire);
    cr_assert_eq(p.client.delivered, 1);
    cr_assert_eq(weir_session_status(&p.client.session), WEIR_E_HANDSHAKE);
    cr_assert_neq(p.client.hs->error(p.client.hs)[0], 0);
    cr_assert_eq(weir_session_status(&p.server.session), WEIR_E_PEER_ALERT);
    cr_assert_eq(weir_session_peer_alert(&p.server.session), SSL_AD_DECODE_ERROR);
    pair_close(&p);
}

static void authenticate(bool plain_client, bool plain_server, size_t room)
{
    struct pair p;

    connected(&p, &(struct pair_config){.post_handshake = true,
                                        .plain_client = plain_client,
                                        .plain_server = plain_server});
    p.client.pump_room = room;
    p.server.pump_room = room;
    cr_assert_null(SSL_get0_peer_certificate(p.server.ssl));
    SSL_set_verify(p.server.ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                   SSL_CTX_get_verify_callback(p.server_ctx));
    for (unsigned i = 0; i < 2; i++) {
        cr_assert_eq(SSL_verify_client_post_handshake(p.server.ssl), 1);
        let_write(&p, &p.server);
        cr_assert_not_null(SSL_get0_peer_certificate(p.server.ssl));
        pair_exchange(&p, 100);
    }
    pair_close(&p);
}

Test(binding_openssl, post_handshake_authentication)
{
    authenticate(false, false, 0);
    authenticate(true, false, 0);
    authenticate(false, true, 0);
    /* Room for little at a time: nothing is lost. */
    authenticate(false, false, 1);
    authenticate(false, false, 100);
}

/* The library asks for a certificate after a KeyUpdate: refused by name, and life goes on. */
static void request_refused(bool update_by_library, bool of_client)
{
    struct pair p;

    connected(&p, &(struct pair_config){.post_handshake = true});
    struct end *e = of_client ? &p.client : &p.server;
    if (update_by_library) {
        cr_assert_eq(SSL_key_update(e->ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
        let_write(&p, e);
    } else {
        session_key_update(&p, e, false);
    }
    SSL_set_verify(p.server.ssl, SSL_VERIFY_PEER, SSL_CTX_get_verify_callback(p.server_ctx));
    cr_assert_eq(SSL_verify_client_post_handshake(p.server.ssl), 1);
    cr_assert_eq(SSL_do_handshake(p.server.ssl), 1);
    cr_assert_eq(end_pump(&p.server), WEIR_REFUSED);
    const char *error = p.server.hs->error(p.server.hs);
    cr_assert_not_null(strstr(error, "epoch"), "\"%s\"", error);
    cr_assert_eq(end_pump(&p.server), WEIR_OK);
    cr_assert_eq(p.server.out.len, 0);
    pair_exchange(&p, 100);
    pair_close(&p);
}

Test(binding_openssl, certificate_request_after_a_key_update)
{
    request_refused(false, false);
    request_refused(true, false);
    request_refused(false, true);
}

/* As above in one go: the KeyUpdate is still on its way out when the request is written. */
Test(binding_openssl, certificate_request_right_behind_a_key_update)
{
    struct pair p;

    connected(&p, &(struct pair_config){.post_handshake = true});
    SSL_set_verify(p.server.ssl, SSL_VERIFY_PEER, SSL_CTX_get_verify_callback(p.server_ctx));
    cr_assert_eq(SSL_key_update(p.server.ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
    cr_assert_eq(SSL_do_handshake(p.server.ssl), 1);
    cr_assert_eq(SSL_verify_client_post_handshake(p.server.ssl), 1);
    cr_assert_eq(SSL_do_handshake(p.server.ssl), 1);
    cr_assert_eq(end_pump(&p.server), WEIR_REFUSED);
    pair_exchange(&p, 100);
    cr_assert_eq(rx_epoch(&p.client), 1);
    pair_close(&p);
}

/* An incoming request after a KeyUpdate never reaches the library; the session refuses it. */
Test(binding_openssl, incoming_certificate_request_after_a_key_update)
{
    struct pair p;

    connected(&p, &(struct pair_config){.post_handshake = true, .plain_server = true});
    cr_assert_eq(SSL_key_update(p.server.ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
    let_write(&p, &p.server);
    unsigned before = p.client.delivered;
    SSL_set_verify(p.server.ssl, SSL_VERIFY_PEER, SSL_CTX_get_verify_callback(p.server_ctx));
    cr_assert_eq(SSL_verify_client_post_handshake(p.server.ssl), 1);
    let_write(&p, &p.server);
    cr_assert_eq(p.client.delivered, before);
    cr_assert_lt(weir_session_status(&p.client.session), 0);
    cr_assert_eq(weir_session_refusal(&p.client.session).code, WEIR_REFUSAL_EPOCH);
    pair_close(&p);
}

static void data_through_the_library(int version)
{
    struct pair p;

    connected(&p, &(struct pair_config){.version = version});
    cr_assert_eq(SSL_write(p.client.ssl, "secret", 6), 6);
    cr_assert_eq(end_pump(&p.client), WEIR_E_MISUSE);
    cr_assert_eq(end_pump(&p.client), WEIR_E_MISUSE, "and it stays so");
    cr_assert_eq(weir_session_status(&p.client.session), WEIR_E_MISUSE);
    const char *error = p.client.hs->error(p.client.hs);
    cr_assert_not_null(strstr(error, "SSL_write"), "\"%s\"", error);
    wire_run(&p.wire);
    cr_assert_eq(p.server.data.len, 0);
    cr_assert_eq(weir_session_peer_alert(&p.server.session), SSL_AD_INTERNAL_ERROR);
    pair_close(&p);
}

Test(binding_openssl, application_data_through_the_library)
{
    data_through_the_library(TLS1_3_VERSION);
    data_through_the_library(TLS1_2_VERSION);
}

/* The session answers with a warning, at which OpenSSL as a peer gives up. */
Test(binding_openssl, renegotiation_is_declined)
{
    struct pair p;

    connected(&p, &(struct pair_config){.version = TLS1_2_VERSION, .plain_client = true});
    cr_assert_eq(SSL_renegotiate(p.client.ssl), 1);
    (void)SSL_do_handshake(p.client.ssl);
    wire_run(&p.wire);
    cr_assert_eq(p.server.delivered, 0, "the library is not shown");
    cr_assert_neq(p.client.ssl_error, 0);
    cr_assert_eq(weir_session_peer_alert(&p.server.session), SSL_AD_HANDSHAKE_FAILURE);
    cr_assert_eq(SSL_renegotiate(p.server.ssl), 0, "nor can the application ask for it");
    pair_drop(&p);
}

/* Nothing of TLS 1.2 is for the library. */
Test(binding_openssl, nothing_is_delivered_in_tls12)
{
    static const uint8_t hello_request[] = {0, 0, 0, 0};
    struct pair p;

    connected(&p, &(struct pair_config){.version = TLS1_2_VERSION});
    cr_assert_eq(p.client.hs->deliver(p.client.hs, hello_request, sizeof hello_request),
                 WEIR_E_MISUSE);
    pair_drop(&p);
}

/* A KeyUpdate in the loop would move the library out of step. */
Test(binding_openssl, a_key_update_is_not_delivered)
{
    static const uint8_t key_update[] = {24, 0, 0, 1, 0};
    struct pair p;

    connected(&p, &(struct pair_config){0});
    cr_assert_eq(p.client.hs->deliver(p.client.hs, key_update, sizeof key_update), WEIR_E_MISUSE);
    pair_drop(&p);
}

static const uint8_t ticket[1000] = {4, 0, 3, 0xe4};

/* An SSL that is closed for reading takes no messages; they must not pile up for it. */
Test(binding_openssl, messages_for_an_ssl_that_is_closed_for_reading)
{
    struct pair p;

    connected(&p, &(struct pair_config){.no_tickets = true});
    SSL_set_shutdown(p.client.ssl, SSL_RECEIVED_SHUTDOWN);
    for (unsigned i = 0; i < 10; i++) {
        cr_assert_eq(p.client.hs->deliver(p.client.hs, ticket, sizeof ticket), WEIR_OK);
        cr_assert_eq(BIO_pending(SSL_get_rbio(p.client.ssl)), 0);
    }
    pair_exchange(&p, 100);
    pair_close(&p);
}

static int suspend(SSL *ssl, void *arg)
{
    (void)ssl;
    (void)arg;
    return -1;
}

/* One that waits for its application is given what comes, up to a bound. */
Test(binding_openssl, messages_for_an_ssl_that_is_suspended)
{
    struct pair p;
    weir_status status = WEIR_OK;
    unsigned taken = 0;

    connected(&p, &(struct pair_config){.no_tickets = true, .post_handshake = true});
    SSL_set_cert_cb(p.client.ssl, suspend, NULL);
    SSL_set_verify(p.server.ssl, SSL_VERIFY_PEER, SSL_CTX_get_verify_callback(p.server_ctx));
    cr_assert_eq(SSL_verify_client_post_handshake(p.server.ssl), 1);
    let_write(&p, &p.server);
    pair_exchange(&p, 100);
    while (status == WEIR_OK && taken < 1000) {
        status = p.client.hs->deliver(p.client.hs, ticket, sizeof ticket);
        taken++;
    }
    cr_assert_eq(status, WEIR_E_FLOOD);
    cr_assert(taken > 100 && taken < 200, "%u", taken);
    cr_assert_eq(end_pump(&p.client), WEIR_E_FLOOD);
    wire_run(&p.wire);
    cr_assert_eq(weir_session_peer_alert(&p.server.session), SSL_AD_UNEXPECTED_MESSAGE);
    pair_close(&p);
}
