/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The OpenSSL binding up to the hand-over: who can connect, and where the keys then stand.
 */
#include "pair.h"

#include <criterion/criterion.h>
#include <openssl/err.h>
#include <string.h>
#include <weir/openssl.h>

static void connect_and_exchange(const struct pair_config *config, size_t len)
{
    struct pair p;

    pair_open(&p, config);
    pair_connect(&p);
    pair_exchange(&p, len);
    pair_close(&p);
}

Test(binding_openssl, keys_stand_behind_the_tickets)
{
    static const unsigned counts[] = {0, 1, 2, 7};

    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct pair p;
        unsigned n = counts[i];
        pair_open(&p, &(struct pair_config){.tickets = n, .no_tickets = n == 0});
        pair_connect(&p);
        cr_assert_eq(p.server.tx_start.seq, n);
        cr_assert_eq(p.server.rx_start.seq, 0);
        cr_assert_eq(p.client.tx_start.seq, 0);
        cr_assert_eq(p.client.rx_start.seq, 0);
        cr_assert_eq(p.server.tx_start.epoch, 0);
        cr_assert_eq(p.server.tx_start.blocks > 0, n > 0);
        cr_assert_eq(p.client.delivered, n);
        cr_assert_eq(p.new_sessions, n);
        pair_exchange(&p, 1000);
        cr_assert_gt(p.log_lines, 0, "the application's key log callback is chained");
        pair_close(&p);
    }
}

static uint64_t nonce_at(const uint8_t *p)
{
    uint64_t nonce = 0;

    for (unsigned i = 0; i < 8; i++)
        nonce = nonce << 8 | p[i];
    return nonce;
}

/* The explicit nonces of one side's protected records count up from the first. */
static void check_counter(const struct bytes *stream, unsigned least)
{
    const uint8_t *p = stream->data;
    size_t left = stream->len;
    uint64_t next = 0;
    unsigned count = 0;
    bool changed = false;

    while (left > 0) {
        size_t len = 5 + ((size_t)p[3] << 8 | p[4]);
        if (changed) {
            cr_assert(count == 0 || nonce_at(p + 5) == next);
            next = nonce_at(p + 5) + 1;
            count++;
        }
        changed = changed || p[0] == WEIR_TYPE_CHANGE_CIPHER_SPEC;
        p += len;
        left -= len;
    }
    cr_assert_geq(count, least);
}

Test(binding_openssl, tls12_goes_on_behind_finished)
{
    struct pair p;

    pair_open(&p, &(struct pair_config){.version = TLS1_2_VERSION});
    pair_connect(&p);
    struct end *ends[] = {&p.client, &p.server};
    for (size_t i = 0; i < 2; i++) {
        cr_assert_eq(ends[i]->tx_start.seq, 1);
        cr_assert_eq(ends[i]->rx_start.seq, 1);
        cr_assert_eq(ends[i]->tx_start.nonce_rule, WEIR_NONCE_COUNTER);
        cr_assert_eq(ends[i]->rx_start.nonce_rule, WEIR_NONCE_RANDOM);
    }
    pair_exchange(&p, 50000);
    for (size_t i = 0; i < 2; i++)
        check_counter(&p.tap.side[i].stream, 5);
    pair_close(&p);
}

Test(binding_openssl, every_suite_of_tls13)
{
    static const char *const suites[] = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
                                         "TLS_CHACHA20_POLY1305_SHA256"};

    for (size_t i = 0; i < 3; i++)
        connect_and_exchange(&(struct pair_config){.suite = suites[i]}, 40000);
}

static void each_suite(const char *const *names, size_t count, bool rsa)
{
    for (size_t i = 0; i < count; i++)
        connect_and_exchange(
            &(struct pair_config){.version = TLS1_2_VERSION, .suite = names[i], .rsa = rsa}, 40000);
}

Test(binding_openssl, suites_of_tls12_with_ecdsa_or_psk)
{
    static const char *const suites[] = {
        "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305", "PSK-AES128-GCM-SHA256",
        "PSK-AES256-GCM-SHA384",         "PSK-CHACHA20-POLY1305",
        "DHE-PSK-AES128-GCM-SHA256",     "DHE-PSK-AES256-GCM-SHA384",
        "DHE-PSK-CHACHA20-POLY1305",     "ECDHE-PSK-CHACHA20-POLY1305"};

    each_suite(suites, sizeof suites / sizeof suites[0], false);
}

Test(binding_openssl, suites_of_tls12_with_rsa)
{
    static const char *const suites[] = {
        "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-CHACHA20-POLY1305",
        "DHE-RSA-AES128-GCM-SHA256",   "DHE-RSA-AES256-GCM-SHA384",   "DHE-RSA-CHACHA20-POLY1305",
        "AES128-GCM-SHA256",           "AES256-GCM-SHA384",           "RSA-PSK-AES128-GCM-SHA256",
        "RSA-PSK-AES256-GCM-SHA384",   "RSA-PSK-CHACHA20-POLY1305"};

    each_suite(suites, sizeof suites / sizeof suites[0], true);
}

Test(binding_openssl, against_a_plain_peer)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

    for (size_t i = 0; i < 2; i++) {
        connect_and_exchange(&(struct pair_config){.version = versions[i], .plain_client = true},
                             70000);
        connect_and_exchange(&(struct pair_config){.version = versions[i], .plain_server = true},
                             70000);
    }
}

Test(binding_openssl, bytes_in_any_pieces)
{
    static const size_t chunks[] = {1, 2, 5, 7, 100, 1460};

    for (size_t i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
        connect_and_exchange(&(struct pair_config){.chunk = chunks[i]}, 500);
        connect_and_exchange(&(struct pair_config){.chunk = chunks[i], .version = TLS1_2_VERSION},
                             500);
    }
}

/* Data that comes together with the end of the handshake is not the library's. */
Test(binding_openssl, data_right_behind_finished_is_not_consumed)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

    for (size_t i = 0; i < 2; i++) {
        struct pair p;
        bool sent = false;
        pair_open(&p, &(struct pair_config){
                          .version = versions[i], .plain_client = true, .plain_server = false});
        for (unsigned round = 0; round < 20 && !sent; round++) {
            end_step(&p.client);
            if (end_up(&p.client)) {
                end_send(&p.client, "early bird", 10);
                sent = true;
            }
            wiretap_see(&p.tap, false, p.client.out.data, p.client.out.len);
            bytes_add(&p.server.in, p.client.out.data, p.client.out.len);
            bytes_drop(&p.client.out, p.client.out.len);
            end_step(&p.server);
            wiretap_see(&p.tap, true, p.server.out.data, p.server.out.len);
            bytes_add(&p.client.in, p.server.out.data, p.server.out.len);
            bytes_drop(&p.server.out, p.server.out.len);
        }
        cr_assert(sent);
        cr_assert_eq(p.server.data.len, 10);
        cr_assert_arr_eq(p.server.data.data, "early bird", 10);
        cr_assert_eq(p.server.rx_start.seq, versions[i] == TLS1_2_VERSION ? 1 : 0);
        pair_exchange(&p, 100);
        pair_close(&p);
    }
}

Test(binding_openssl, hello_retry_request)
{
    struct pair p;

    pair_open(&p, &(struct pair_config){0});
    cr_assert_eq(SSL_set1_groups_list(p.client.ssl, "X25519:P-384"), 1);
    cr_assert_eq(SSL_set1_groups_list(p.server.ssl, "P-384"), 1);
    pair_connect(&p);
    pair_exchange(&p, 3000);
    pair_close(&p);
    cr_assert_eq(p.tap.side[0].plain_records, 2, "there was no second ClientHello");
    cr_assert_eq(p.tap.side[1].plain_records, 2, "there was no HelloRetryRequest");
}

Test(binding_openssl, client_certificate_in_the_handshake)
{
    connect_and_exchange(&(struct pair_config){.ask_client = true}, 3000);
    connect_and_exchange(&(struct pair_config){.ask_client = true, .version = TLS1_2_VERSION},
                         3000);
}

Test(binding_openssl, tls12_sessions_are_resumed)
{
    struct pair p;
    struct pair again;

    pair_open(&p, &(struct pair_config){.version = TLS1_2_VERSION});
    pair_connect(&p);
    cr_assert_eq(p.new_sessions, 1);
    pair_exchange(&p, 10);
    pair_reopen(&again, &p, &(struct pair_config){.session = p.session});
    pair_connect(&again);
    cr_assert_eq(SSL_session_reused(again.client.ssl), 1);
    cr_assert_eq(again.server.tx_start.seq, 1);
    pair_exchange(&again, 5000);
    pair_close(&again);
    SSL_CTX_set_app_data(p.client_ctx, &p);
    pair_close(&p);
}

Test(binding_openssl, negotiated_fragment_length_is_kept)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

    for (size_t i = 0; i < 2; i++) {
        struct pair p;
        pair_open(
            &p, &(struct pair_config){.version = versions[i], .fragment = 1, .plain_client = true});
        pair_connect(&p);
        cr_assert_eq(p.server.hs->record_limit(p.server.hs, WEIR_TX), 512);
        cr_assert_eq(p.server.hs->record_limit(p.server.hs, WEIR_RX), 512);
        /* The plain client would end the connection for a longer record. */
        pair_exchange(&p, 5000);
        pair_close(&p);
    }
}

#define FRAGMENT 1024u /* code 2 of RFC 6066 */

/* What the client sent, through a buffer for one record, to e->data. */
static void receive_through(struct end *e, uint8_t *buffer, size_t room)
{
    size_t have = 0;

    while (e->in.len > 0) {
        struct weir_record record;
        size_t want = weir_rx_want(&e->rx, buffer, have), consumed, count;

        cr_assert_leq(want, room);
        cr_assert_leq(want - have, e->in.len);
        memcpy(buffer + have, e->in.data, want - have);
        bytes_drop(&e->in, want - have);
        have = want;
        if (weir_rx_want(&e->rx, buffer, have) > have)
            continue;
        weir_status status =
            weir_session_receive(&e->session, buffer, have, &consumed, &record, 1, &count);
        cr_assert_geq((int)status, 0);
        cr_assert_eq(consumed, have);
        if (count == 1)
            bytes_add(&e->data, record.data, record.len);
        have = 0;
    }
}

/* A client of OpenSSL's that asks for 1 KiB, and buffers of just that for it. */
Test(binding_openssl, a_fragment_length_of_1_kib_needs_buffers_of_1_kib)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    static uint8_t text[50000], buffer[WEIR_RX_BYTES(WEIR_TLS12, FRAGMENT)];

    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)(i * i >> 7);
    for (size_t i = 0; i < 2; i++) {
        const uint16_t version = i == 0 ? WEIR_TLS12 : WEIR_TLS13;
        const size_t room = WEIR_TX_BYTES(version, FRAGMENT);
        struct weir_iov left = {text, sizeof text};
        size_t longest = 0;
        struct pair p;

        pair_open(
            &p, &(struct pair_config){.version = versions[i], .fragment = 2, .plain_client = true});
        pair_connect(&p);
        cr_assert_eq(p.server.hs->record_limit(p.server.hs, WEIR_RX), FRAGMENT);
        end_send(&p.client, text, sizeof text);
        bytes_add(&p.server.in, p.client.out.data, p.client.out.len);
        bytes_drop(&p.client.out, p.client.out.len);
        receive_through(&p.server, buffer, WEIR_RX_BYTES(version, FRAGMENT));
        cr_assert_eq(p.server.data.len, sizeof text);
        cr_assert_arr_eq(p.server.data.data, text, sizeof text);

        while (left.len > 0) {
            size_t taken, made;
            weir_status status =
                weir_session_send(&p.server.session, &left, 1, buffer, room, &taken, &made);
            cr_assert(status == WEIR_OK || status == WEIR_NEED_OUTPUT);
            cr_assert_gt(taken, 0);
            longest = made > longest ? made : longest;
            bytes_add(&p.client.in, buffer, made);
            left.base += taken;
            left.len -= taken;
        }
        cr_assert_eq(longest, room);
        end_step(&p.client);
        cr_assert_eq(p.client.data.len, sizeof text);
        cr_assert_arr_eq(p.client.data.data, text, sizeof text);
        pair_drop(&p);
    }
}

static int ask_for_lookup_once(SSL *ssl, void *arg)
{
    int *asked = arg;

    (void)ssl;
    return ++*asked > 2 ? 1 : -1; /* -1: not now */
}

/* A callback that suspends the handshake: drive waits and goes on when it is called again. */
Test(binding_openssl, a_suspended_handshake_goes_on)
{
    struct pair p;
    int asked = 0;

    pair_open(&p, &(struct pair_config){0});
    SSL_set_cert_cb(p.server.ssl, ask_for_lookup_once, &asked);
    for (int i = 0; i < 4; i++)
        wire_run(&p.wire);
    cr_assert_eq(asked, 3);
    pair_connect(&p);
    pair_exchange(&p, 100);
    pair_close(&p);
}

static int switch_context(SSL *ssl, int *alert, void *arg)
{
    (void)alert;
    cr_assert_not_null(SSL_set_SSL_CTX(ssl, arg));
    return SSL_TLSEXT_ERR_OK;
}

/* With several SSL_CTXs behind one name, each must have been prepared. */
static void with_second_context(bool prepared)
{
    struct pair p;
    struct pair other;

    pair_open(&p, &(struct pair_config){0});
    pair_open(&other, &(struct pair_config){.plain_client = true, .plain_server = true});
    SSL_CTX_set_app_data(other.server_ctx, &p);
    if (prepared) {
        cr_assert(weir_openssl_prepare(other.server_ctx));
        cr_assert(weir_openssl_prepare(other.server_ctx), "a second time does nothing");
    }
    cr_assert_eq(SSL_CTX_set_tlsext_servername_callback(p.server_ctx, switch_context), 1);
    cr_assert_eq(SSL_CTX_set_tlsext_servername_arg(p.server_ctx, other.server_ctx), 1);
    cr_assert_eq(SSL_set_tlsext_host_name(p.client.ssl, "weir.test"), 1);
    if (prepared) {
        pair_connect(&p);
        pair_exchange(&p, 100);
        pair_close(&p);
    } else {
        wire_run(&p.wire);
        cr_assert(!end_up(&p.server));
        cr_assert_eq(p.server.status, WEIR_REFUSED);
        cr_assert_eq(p.server.why.code, WEIR_REFUSAL_NO_EXPORT);
        pair_drop(&p);
    }
    pair_drop(&other);
}

Test(binding_openssl, servername_callback_switches_the_context)
{
    with_second_context(true);
    with_second_context(false);
}

/* A copy of the SSL is another connection, and may outlive the binding. */
Test(binding_openssl, a_copy_of_the_ssl_is_not_listened_to)
{
    struct pair p;

    pair_open(&p, &(struct pair_config){.plain_server = true});
    SSL *copy = SSL_dup(p.client.ssl);
    cr_assert_not_null(copy);
    end_free(&p.client);
    SSL_free(p.client.ssl);
    end_plain_openssl(&p.client, "copy", copy);
    pair_connect(&p);
    pair_exchange(&p, 100);
    pair_drop(&p);
}
