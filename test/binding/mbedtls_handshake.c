/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mbedTLS binding up to the hand-over: who can connect, and where the keys stand.
 */
#include "mbed.h"

#include "tap.h"

#include <criterion/criterion.h>

#include <string.h>

static const uint16_t versions[] = {WEIR_TLS12, WEIR_TLS13};
#define VERSIONS ((size_t)(MBED_HAS_TLS13 ? 2 : 1))

static void connect_and_exchange(const struct mbed_config *config, size_t len)
{
    struct mbed_pair p;

    mbed_open(&p, config);
    mbed_connect(&p);
    mbed_exchange(&p.wire, len);
    mbed_exchange(&p.wire, 0);
    mbed_exchange(&p.wire, 1);
    mbed_close(&p);
}

/* The suites that weir carries and this mbedTLS can negotiate with such a certificate. */
static unsigned every_suite(uint16_t version, bool rsa)
{
    static const struct {
        uint16_t id, version;
        const char *name;
    } suites[] = {
#define WEIR_X(number, name, alg, hash, version) {number, WEIR_##version, #name},
        WEIR_SUITE_LIST(WEIR_X)
#undef WEIR_X
    };
    unsigned count = 0;

    for (size_t i = 0; i < sizeof suites / sizeof *suites; i++) {
        /* Static ECDH has an elliptic key in its certificate, whoever has signed it. */
        bool needs_rsa = (strstr(suites[i].name, "_RSA_WITH") != NULL &&
                          strstr(suites[i].name, "_ECDH_") == NULL) ||
                         strstr(suites[i].name, "RSA_PSK") != NULL;
        if (suites[i].version != version || needs_rsa != rsa ||
            mbedtls_ssl_ciphersuite_from_id(suites[i].id) == NULL)
            continue;
        connect_and_exchange(
            &(struct mbed_config){.version = version, .suite = suites[i].id, .rsa = rsa}, 40000);
        count++;
    }
    return count;
}

Test(binding_mbedtls, suites_of_tls12_with_ecdsa_or_psk)
{
    cr_assert_geq(every_suite(WEIR_TLS12, false), 14);
}

Test(binding_mbedtls, suites_of_tls12_with_rsa)
{
    cr_assert_geq(every_suite(WEIR_TLS12, true), 11);
}

Test(binding_mbedtls, every_suite_of_tls13)
{
    if (!MBED_HAS_TLS13)
        cr_skip_test("mbedTLS " MBEDTLS_VERSION_STRING " has no TLS 1.3");
    cr_assert_eq(every_suite(WEIR_TLS13, false), 3);
}

Test(binding_mbedtls, against_a_plain_peer)
{
    for (size_t i = 0; i < VERSIONS; i++) {
        connect_and_exchange(&(struct mbed_config){.version = versions[i], .plain_client = true},
                             100000);
        connect_and_exchange(&(struct mbed_config){.version = versions[i], .plain_server = true},
                             100000);
    }
}

Test(binding_mbedtls, bytes_in_any_pieces)
{
    static const size_t chunks[] = {1, 2, 3, 7, 1000};

    for (size_t i = 0; i < VERSIONS; i++) {
        for (size_t c = 0; c < sizeof chunks / sizeof *chunks; c++)
            connect_and_exchange(&(struct mbed_config){.version = versions[i],
                                                       .chunk = chunks[c],
                                                       .tickets = true,
                                                       .plain_server = c % 2 == 1},
                                 2000);
    }
}

Test(binding_mbedtls, client_certificate_in_the_handshake)
{
    for (size_t i = 0; i < VERSIONS; i++)
        connect_and_exchange(&(struct mbed_config){.version = versions[i], .ask_client = true},
                             1000);
}

Test(binding_mbedtls, a_certificate_that_is_trusted)
{
    for (size_t i = 0; i < VERSIONS; i++)
        connect_and_exchange(
            &(struct mbed_config){.version = versions[i], .verify = true, .trust = true}, 1000);
}

/* RFC 5246 section 7.4.9: Finished is the first record under the new keys, so the next is 1. */
Test(binding_mbedtls, tls12_goes_on_behind_finished)
{
    static const int suites[] = {WEIR_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
                                 WEIR_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256};

    for (size_t i = 0; i < 2; i++) {
        struct mbed_pair p;
        mbed_open(&p, &(struct mbed_config){.suite = suites[i]});
        mbed_connect(&p);
        struct end *ends[] = {&p.client, &p.server};
        for (size_t n = 0; n < 2; n++) {
            cr_assert_eq(ends[n]->tx_start.seq, 1);
            cr_assert_eq(ends[n]->rx_start.seq, 1);
            cr_assert_eq(ends[n]->tx_start.epoch, 0);
            cr_assert_eq(ends[n]->tx_start.nonce_rule,
                         i == 0 ? WEIR_NONCE_SEQ : WEIR_NONCE_IMPLICIT);
            cr_assert_eq(ends[n]->tx_start.explicit_nonce, i == 0 ? 1 : 0);
        }
        mbed_close(&p);
    }
}

/* Tickets are records under the server's first application key. */
Test(binding_mbedtls, keys_stand_behind_the_tickets)
{
    struct mbed_pair p;

    if (!MBED_HAS_TLS13)
        cr_skip_test("mbedTLS " MBEDTLS_VERSION_STRING " has no TLS 1.3");
    for (unsigned count = 1; count < 5; count++) {
        mbed_open(&p, &(struct mbed_config){
                          .version = WEIR_TLS13, .tickets = true, .ticket_count = count});
        mbed_connect(&p);
        cr_assert_eq(p.server.tx_start.seq, count);
        cr_assert_eq(p.server.rx_start.seq, 0);
        cr_assert_eq(p.client.tx_start.seq, 0);
        cr_assert_eq(p.client.rx_start.seq, 0);
        cr_assert_eq(p.client.delivered, count, "the tickets came to the session");
        mbed_close(&p);
    }
}

/* Runs two connections, the second with what the first one gave the client. */
static void resume(uint16_t version, bool plain_server)
{
    struct mbed_config config = {
        .version = version, .tickets = true, .plain_server = plain_server, .chunk = 100};
    struct mbed_pair first, again;
    mbedtls_ssl_session session;

    mbed_open(&first, &config);
    mbed_connect(&first);
    size_t full = first.tap.side[1].stream.len;
    mbed_exchange(&first.wire, 10);
    mbedtls_ssl_session_init(&session);
    cr_assert_eq(mbedtls_ssl_get_session(&first.client_side.ssl, &session), 0);
    config.session = &session;
    mbed_reopen(&again, &first, &config);
    mbed_connect(&again);
    /* The server has sent no certificate. */
    cr_assert_lt(again.tap.side[1].stream.len + first.server_side.cert.raw.len, full);
    mbed_exchange(&again.wire, 1000);
    if (version == WEIR_TLS12)
        cr_assert_eq(again.client.tx_start.seq, 1);
    mbedtls_ssl_session_free(&session);
    mbed_close(&again);
    mbed_close(&first);
}

Test(binding_mbedtls, sessions_are_resumed)
{
    for (size_t i = 0; i < VERSIONS; i++) {
        resume(versions[i], false);
        resume(versions[i], true);
    }
}

/* What comes right behind the peer's Finished is the session's, not the library's. */
Test(binding_mbedtls, data_right_behind_finished_is_not_consumed)
{
    for (size_t i = 0; i < VERSIONS; i++) {
        struct mbed_pair p;
        mbed_open(&p, &(struct mbed_config){.version = versions[i], .tickets = true});
        while (!end_up(&p.server)) {
            end_step(&p.client);
            bytes_add(&p.server.in, p.client.out.data, p.client.out.len);
            wiretap_see(&p.tap, false, p.client.out.data, p.client.out.len);
            bytes_drop(&p.client.out, p.client.out.len);
            end_step(&p.server);
            if (end_up(&p.server))
                end_send(&p.server, "early bird", 10);
            bytes_add(&p.client.in, p.server.out.data, p.server.out.len);
            wiretap_see(&p.tap, true, p.server.out.data, p.server.out.len);
            bytes_drop(&p.server.out, p.server.out.len);
        }
        end_step(&p.client);
        wire_run(&p.wire);
        mbed_both_up(&p.wire);
        cr_assert_eq(p.client.data.len, 10);
        cr_assert_arr_eq(p.client.data.data, "early bird", 10);
        mbed_exchange(&p.wire, 100);
        mbed_close(&p);
    }
}

Test(binding_mbedtls, negotiated_fragment_length_is_kept)
{
    struct mbed_pair p;

    for (int plain = 0; plain < 2; plain++) {
        mbed_open(&p, &(struct mbed_config){.fragment = MBEDTLS_SSL_MAX_FRAG_LEN_1024,
                                            .plain_client = plain == 1});
        mbed_connect(&p);
        cr_assert_eq(p.server.hs->record_limit(p.server.hs, WEIR_TX), 1024);
        cr_assert_eq(p.server.hs->record_limit(p.server.hs, WEIR_RX), 1024);
        if (plain == 0) {
            cr_assert_eq(p.client.hs->record_limit(p.client.hs, WEIR_TX), 1024);
            cr_assert_eq(p.client.hs->record_limit(p.client.hs, WEIR_RX), 1024);
        }
        mbed_exchange(&p.wire, 10240);
        mbed_give_keys(&p.tap, &p.client_side, (uint16_t)p.client_side.suites[0]);
        wiretap_judge(&p.tap);
        cr_assert_eq(p.tap.side[0].by_type[WEIR_TYPE_DATA], 10);
        cr_assert_eq(p.tap.side[1].by_type[WEIR_TYPE_DATA], 10);
        mbed_drop(&p);
    }
}

/* RFC 8449 section 4: the limit that mbedTLS states counts the inner content type. */
static size_t full_record(uint16_t version)
{
#if defined(MBEDTLS_SSL_RECORD_SIZE_LIMIT)
    return version == WEIR_TLS13 ? 16383 : 16384;
#else
    (void)version;
    return 16384;
#endif
}

Test(binding_mbedtls, no_limit_without_negotiation)
{
    for (size_t i = 0; i < VERSIONS; i++) {
        struct mbed_pair p;
        mbed_open(&p, &(struct mbed_config){.version = versions[i]});
        mbed_connect(&p);
        const struct end *ends[] = {&p.client, &p.server};
        for (size_t n = 0; n < 2; n++) {
            struct weir_handshake *hs = ends[n]->hs;
            cr_assert_eq(hs->record_limit(hs, WEIR_TX), full_record(versions[i]));
            cr_assert_eq(hs->record_limit(hs, WEIR_RX), 16384);
        }
        mbed_close(&p);
    }
}

/* A ServerHello of TLS 1.2 with these extensions, as the tap of a client sees it. */
static size_t limit_of(const uint8_t *extensions, size_t len)
{
    static struct weir_tap tap;
    uint8_t record[5 + 4 + 2 + 32 + 1 + 2 + 1 + 2 + 64] = {0x16, 3, 3};
    size_t body = 2 + 32 + 1 + 2 + 1 + 2 + len;

    record[4] = (uint8_t)(body + 4);
    record[5] = 2; /* ServerHello */
    record[8] = (uint8_t)body;
    record[9] = record[10] = 3;
    record[44] = 0xc0; /* the suite */
    record[45] = 0x2b;
    record[48] = (uint8_t)len;
    if (len > 0)
        memcpy(record + 49, extensions, len);
    weir_tap_init(&tap, NULL, NULL, false);
    for (size_t i = 0; i < 9 + body; i++)
        cr_assert_eq(weir_tap_see(&tap, WEIR_RX, record + i, 1), 1);
    cr_assert(weir_tap_at_boundary(&tap, WEIR_RX));
    cr_assert_eq(tap.suite, 0xc02b);
    return tap.fragment_limit;
}

/* A server that ignores the extension may send records of any size. */
Test(binding_mbedtls, only_an_agreed_fragment_length_counts)
{
    static const uint8_t agreed[] = {0xff, 1, 0, 1, 0, 0, 1, 0, 1, 2, 0, 23, 0, 0};
    static const uint8_t others[] = {0xff, 1, 0, 1, 0, 0, 23, 0, 0};
    static const uint8_t unknown[] = {0, 1, 0, 1, 5};
    static const uint8_t zero[] = {0, 1, 0, 1, 0};
    static const uint8_t too_long[] = {0, 1, 0, 2, 1, 1};
    static const uint8_t cut[] = {0, 1, 0, 1};
    static const uint8_t beyond[] = {0xff, 1, 0xff, 0xff, 0};

    cr_assert_eq(limit_of(agreed, sizeof agreed), 1024);
    cr_assert_eq(limit_of(others, sizeof others), 0);
    cr_assert_eq(limit_of(unknown, sizeof unknown), 0);
    cr_assert_eq(limit_of(zero, sizeof zero), 0);
    cr_assert_eq(limit_of(too_long, sizeof too_long), 0);
    cr_assert_eq(limit_of(cut, sizeof cut), 0);
    cr_assert_eq(limit_of(beyond, sizeof beyond), 0);
    cr_assert_eq(limit_of(NULL, 0), 0);
}

Test(binding_mbedtls, the_choice_is_told)
{
    for (size_t i = 0; i < VERSIONS; i++) {
        struct mbed_pair p;
        uint16_t version = 0, suite = 0;
        mbed_open(&p, &(struct mbed_config){.version = versions[i]});
        mbed_connect(&p);
        p.client.hs->chosen(p.client.hs, &version, &suite);
        cr_assert_eq(version, versions[i]);
        cr_assert_eq(suite, p.client_side.suites[0]);
        cr_assert_str_eq(p.client.hs->library, "mbedtls");
        cr_assert(!p.client.hs->server && p.server.hs->server);
        mbed_close(&p);
    }
}
