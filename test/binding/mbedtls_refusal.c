/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the mbedTLS binding refuses, and why.
 */
#include "mbed.h"

#include "internal.h"

#include <criterion/criterion.h>
#include <string.h>

static bool all_zero(const void *p, size_t len)
{
    const uint8_t *bytes = p;

    while (len > 0 && bytes[len - 1] == 0)
        len--;
    return len == 0;
}

static void refused(struct end *e, weir_refusal_code code, uint32_t detail)
{
    cr_assert_eq(e->status, WEIR_REFUSED, "%s: %s, %s", e->name, weir_status_text(e->status),
                 e->hs->error(e->hs));
    cr_assert_eq(e->why.code, code, "%s", weir_refusal_name(e->why.code));
    cr_assert_eq(e->why.layer, WEIR_LAYER_BINDING);
    cr_assert_eq(e->why.detail, detail);
}

/* Both ends refuse to hand over; without weir the connection goes on where it stands. */
static void refused_then_plain(const struct mbed_config *config, weir_refusal_code code,
                               uint32_t detail)
{
    struct mbed_pair p;

    mbed_open(&p, config);
    wire_run(&p.wire);
    struct end *ends[] = {&p.client, &p.server};
    for (size_t i = 0; i < 2; i++) {
        struct end *e = ends[i];
        mbedtls_ssl_context *ssl = e->mbedtls;
        refused(e, code, detail);
        cr_assert_eq(e->in.len + e->out.len, 0);
        e->hs->release(e->hs);
        e->hs = NULL;
        end_free(e);
        end_plain_mbedtls(e, "plain", ssl);
    }
    mbed_exchange(&p.wire, 1000);
    mbed_drop(&p);
}

Test(binding_mbedtls, suites_weir_does_not_carry)
{
    static const int suites[] = {
        MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256, /* with encrypt-then-mac */
        MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA,
        MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CCM,
        MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8,
        MBEDTLS_TLS_ECDHE_ECDSA_WITH_CAMELLIA_128_GCM_SHA256,
        MBEDTLS_TLS_ECDHE_ECDSA_WITH_ARIA_128_GCM_SHA256,
    };
    unsigned tried = 0;

    for (size_t i = 0; i < sizeof suites / sizeof *suites; i++) {
        if (mbedtls_ssl_ciphersuite_from_id(suites[i]) == NULL)
            continue;
        refused_then_plain(&(struct mbed_config){.suite = suites[i]}, WEIR_REFUSAL_SUITE,
                           (uint32_t)suites[i]);
        tried++;
    }
    cr_assert_geq(tried, 4);
}

Test(binding_mbedtls, versions_weir_does_not_carry)
{
#if defined(MBEDTLS_SSL_PROTO_TLS1_1) && defined(MBEDTLS_SSL_PROTO_TLS1)
    const int suite = MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA;

    refused_then_plain(&(struct mbed_config){.version = 0x0302, .suite = suite},
                       WEIR_REFUSAL_VERSION, 0x0302);
    refused_then_plain(&(struct mbed_config){.version = 0x0301, .suite = suite},
                       WEIR_REFUSAL_VERSION, 0x0301);
#else
    cr_skip_test("mbedTLS " MBEDTLS_VERSION_STRING " has nothing below TLS 1.2");
#endif
}

/* Runs the handshake and takes all output, but not the keys. */
static void run_up_to_keys(struct mbed_pair *p)
{
    p->client.stop_before_keys = p->server.stop_before_keys = true;
    wire_run(&p->wire);
    cr_assert(p->client.status == WEIR_OK && p->server.status == WEIR_OK);
}

static weir_refusal_code take(struct end *e)
{
    struct weir_keys tx, rx;
    struct weir_refusal why;

    cr_assert_eq(e->hs->take_keys(e->hs, &tx, &rx, &why), WEIR_REFUSED);
    cr_assert(all_zero(&tx, sizeof tx) && all_zero(&rx, sizeof rx));
    cr_assert_eq(why.layer, WEIR_LAYER_BINDING);
    weir_refusal_code code = why.code;
    /* The library may have gone on by itself since, so the answer stays. */
    cr_assert_eq(e->hs->take_keys(e->hs, &tx, &rx, &why), WEIR_E_MISUSE);
    return code;
}

/* The record each direction sent last, as the tap keeps it. */
static uint8_t *last_record(struct end *e, enum weir_dir dir, size_t *len)
{
    struct weir_tap_side *side = &mbedtls_inside(e->hs)->tap->side[dir];

    *len = side->have;
    return side->record;
}

/* One flipped bit of header, nonce, ciphertext or tag: what was seen is not what the keys make. */
Test(binding_mbedtls, a_wrong_record_proves_nothing)
{
    static const size_t from_the_end[] = {1, 16, 17, 25, 31};

    for (size_t i = 0; i < 2 * sizeof from_the_end / sizeof *from_the_end; i++) {
        struct mbed_pair p;
        size_t len = 0;
        mbed_open(&p, &(struct mbed_config){0});
        run_up_to_keys(&p);
        struct end *e = i % 2 == 0 ? &p.client : &p.server;
        uint8_t *record = last_record(e, i % 4 < 2 ? WEIR_TX : WEIR_RX, &len);
        cr_assert_eq(len, 5 + 8 + 16 + 16, "Finished");
        record[len - from_the_end[i / 2]] ^= 0x10;
        cr_assert_eq(take(e), WEIR_REFUSAL_NOT_PROVEN);
        mbed_drop(&p);
    }
}

/* Another sender than mbedTLS may choose other explicit nonces; going on with 1 would be a guess.
 */
Test(binding_mbedtls, an_explicit_nonce_that_is_not_the_number)
{
    struct mbed_pair p;
    size_t len = 0;

    mbed_open(&p, &(struct mbed_config){0});
    run_up_to_keys(&p);
    last_record(&p.client, WEIR_TX, &len)[5 + 7] ^= 1;
    cr_assert_eq(take(&p.client), WEIR_REFUSAL_NONCE_RULE);
    mbed_drop(&p);
}

Test(binding_mbedtls, a_record_the_tap_missed)
{
    struct mbed_pair p;

    mbed_open(&p, &(struct mbed_config){0});
    run_up_to_keys(&p);
    mbedtls_inside(p.client.hs)->tap->side[WEIR_TX].counted = 2;
    cr_assert_neq(take(&p.client), WEIR_REFUSAL_NONE);
    mbedtls_inside(p.server.hs)->tap->side[WEIR_RX].counted = 0;
    cr_assert_eq(take(&p.server), WEIR_REFUSAL_NOT_PROVEN);
    mbed_drop(&p);
}

/* A master secret that is not the connection's makes keys that open nothing. */
Test(binding_mbedtls, keys_that_do_not_open_the_last_record)
{
    struct mbed_pair p;

    mbed_open(&p, &(struct mbed_config){0});
    run_up_to_keys(&p);
#if MBEDTLS_VERSION_NUMBER < 0x03000000
    p.client_side.ssl.session->master[0] ^= 1;
#else
    mbedtls_inside(p.client.hs)->master[0] ^= 1;
#endif
    cr_assert_eq(take(&p.client), WEIR_REFUSAL_NOT_PROVEN);
    mbedtls_inside(p.server.hs)->tap->client_random[31] ^= 1;
    cr_assert_eq(take(&p.server), WEIR_REFUSAL_NOT_PROVEN);
    mbed_drop(&p);
}

Test(binding_mbedtls, secrets_that_were_not_heard)
{
#if MBEDTLS_VERSION_NUMBER < 0x03000000
    cr_skip_test("mbedTLS 2.28 keeps the master secret in its session");
#else
    for (size_t i = 0; i < (MBED_HAS_TLS13 ? 2u : 1u); i++) {
        struct mbed_pair p;
        mbed_open(&p, &(struct mbed_config){.version = i == 0 ? WEIR_TLS12 : WEIR_TLS13});
        /* A callback set later takes the place of weir's. */
        p.server_side.chained = NULL;
        wire_run(&p.wire);
        cr_assert(end_up(&p.client));
        cr_assert_eq(p.server.status, WEIR_REFUSED);
        cr_assert_eq(p.server.why.code, WEIR_REFUSAL_NO_EXPORT);
        mbed_drop(&p);
    }
#endif
}

/* TLS 1.3: one record that opens with no key, and the direction is not handed over. */
Test(binding_mbedtls, a_record_that_opens_with_no_key)
{
    struct mbed_pair p;

    if (!MBED_HAS_TLS13)
        cr_skip_test("mbedTLS " MBEDTLS_VERSION_STRING " has no TLS 1.3");
    mbed_open(&p, &(struct mbed_config){.version = WEIR_TLS13});
    run_up_to_keys(&p);
    static const uint8_t foreign[5 + 17] = {0x17, 3, 3, 0, 17};
    (void)weir_tap_see(mbedtls_inside(p.client.hs)->tap, WEIR_TX, foreign, sizeof foreign);
    cr_assert_eq(take(&p.client), WEIR_REFUSAL_NOT_PROVEN);
    mbed_drop(&p);
}

#if defined(MBEDTLS_SSL_EARLY_DATA)

/* A second connection, whose client has sent early data; the server takes it or not. */
static void send_early(struct mbed_pair *p, bool taken, bool plain_client)
{
    struct mbed_config config = {.version = WEIR_TLS13, .tickets = true};
    struct mbed_pair first;
    mbedtls_ssl_session session;

    config.early_data = true;
    mbed_open(&first, &config);
    mbed_connect(&first);
    mbed_exchange(&first.wire, 1);
    mbedtls_ssl_session_init(&session);
    cr_assert_eq(mbedtls_ssl_get_session(&first.client_side.ssl, &session), 0);
    config.session = &session;
    config.plain_client = plain_client;
    mbed_reopen(p, &first, &config);
    mbedtls_ssl_conf_early_data(&p->server_side.conf, taken ? MBEDTLS_SSL_EARLY_DATA_ENABLED
                                                            : MBEDTLS_SSL_EARLY_DATA_DISABLED);
    cr_assert_eq(mbedtls_ssl_write_early_data(&p->client_side.ssl, (const uint8_t *)"early", 5), 5);
    wire_run(&p->wire);
    mbedtls_ssl_session_free(&session);
    mbed_drop(&first);
}

#endif

/* What was sent early is under a key that is not handed over. */
Test(binding_mbedtls, early_data)
{
#if defined(MBEDTLS_SSL_EARLY_DATA)
    for (int plain_client = 0; plain_client < 2; plain_client++) {
        struct mbed_pair p;
        send_early(&p, true, plain_client == 1);
        cr_assert_eq(p.server.status, WEIR_E_HANDSHAKE);
        cr_assert_neq(p.server.hs->error(p.server.hs)[0], '\0');
        mbed_drop(&p);

        send_early(&p, false, plain_client == 1);
        mbed_both_up(&p.wire);
        cr_assert_eq(p.server.data.len, 0, "it was rejected");
        mbed_exchange(&p.wire, 1000);
        mbed_drop(&p);
    }
#else
    cr_skip_test("this mbedTLS is built without early data");
#endif
}

Test(binding_mbedtls, keys_are_taken_once_and_at_the_end)
{
    struct mbed_pair p;
    struct weir_keys tx, rx;
    struct weir_refusal why;
    struct weir_control control;
    size_t consumed = 0;

    mbed_open(&p, &(struct mbed_config){0});
    struct weir_handshake *hs = p.client.hs;
    cr_assert_eq(hs->take_keys(hs, &tx, &rx, &why), WEIR_E_MISUSE, "before the handshake");
    cr_assert_eq(hs->deliver(hs, (const uint8_t *)"x", 1), WEIR_E_MISUSE);
    cr_assert_eq(hs->collect(hs, &control), WEIR_E_MISUSE);
    run_up_to_keys(&p);
    cr_assert_eq(hs->drive(hs, NULL, 0, &consumed), WEIR_OK, "complete stays complete");
    cr_assert_eq(hs->take_keys(hs, &tx, &rx, &why), WEIR_OK);
    cr_assert_eq(why.code, WEIR_REFUSAL_NONE);
    cr_assert_eq(hs->take_keys(hs, &tx, &rx, &why), WEIR_E_MISUSE, "a second time");
    cr_assert(all_zero(&tx, sizeof tx) && all_zero(&rx, sizeof rx));
    cr_assert_eq(hs->drive(hs, NULL, 0, &consumed), WEIR_E_MISUSE);
    mbed_drop(&p);
}

/* The server's Finished must be on its way before anything is sealed behind it. */
Test(binding_mbedtls, output_is_taken_before_the_keys)
{
    struct mbed_pair p;
    struct weir_keys tx, rx;
    struct weir_refusal why;
    const uint8_t *data = NULL;
    size_t len = 0, consumed = 0;

    mbed_open(&p, &(struct mbed_config){0});
    struct weir_handshake *hs = p.server.hs;
    weir_status status = WEIR_NEED_INPUT;
    while (status == WEIR_NEED_INPUT) {
        hs->output(hs, &data, &len);
        bytes_add(&p.client.in, data, len);
        hs->output_taken(hs, len);
        end_step(&p.client);
        status = hs->drive(hs, p.client.out.data, p.client.out.len, &consumed);
        bytes_drop(&p.client.out, consumed);
    }
    cr_assert_eq(status, WEIR_OK);
    cr_assert_eq(hs->take_keys(hs, &tx, &rx, &why), WEIR_E_MISUSE);
    hs->output(hs, &data, &len);
    cr_assert_gt(len, 0);
    hs->output_taken(hs, len - 1);
    cr_assert_eq(hs->take_keys(hs, &tx, &rx, &why), WEIR_E_MISUSE);
    hs->output_taken(hs, 1);
    cr_assert_eq(hs->take_keys(hs, &tx, &rx, &why), WEIR_OK);
    mbed_drop(&p);
}

Test(binding_mbedtls, a_connection_begun_elsewhere)
{
    struct mbed_pair p;
    struct weir_refusal why;

    mbed_open(&p, &(struct mbed_config){.plain_client = true, .plain_server = true});
    mbed_connect(&p);
    cr_assert_null(weir_mbedtls_handshake(&p.client_side.ssl, &why));
    cr_assert_eq(why.code, WEIR_REFUSAL_NO_EXPORT);
    /* It reads the first byte of ten; nine lie in the library. */
    end_send(&p.server, "0123456789", 10);
    uint8_t byte;
    bytes_add(&p.client.in, p.server.out.data, p.server.out.len);
    cr_assert_eq(mbedtls_ssl_read(&p.client_side.ssl, &byte, 1), 1);
    cr_assert_null(weir_mbedtls_handshake(&p.client_side.ssl, &why));
    cr_assert_eq(why.code, WEIR_REFUSAL_READ_AHEAD);
    mbed_drop(&p);
}

Test(binding_mbedtls, dtls)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    cr_skip_test("mbedTLS 3.x does not tell before the handshake");
#else
    struct mbed_pair p;
    struct weir_refusal why;

    mbed_open(&p, &(struct mbed_config){.plain_client = true, .plain_server = true});
    mbedtls_ssl_conf_transport(&p.client_side.conf, MBEDTLS_SSL_TRANSPORT_DATAGRAM);
    cr_assert_null(weir_mbedtls_handshake(&p.client_side.ssl, &why));
    cr_assert_eq(why.code, WEIR_REFUSAL_VERSION);
    mbed_drop(&p);
#endif
}

Test(binding_mbedtls, a_certificate_that_is_not_trusted)
{
    struct mbed_pair p;

    mbed_open(&p, &(struct mbed_config){.verify = true});
    wire_run(&p.wire);
    cr_assert_eq(p.client.status, WEIR_E_HANDSHAKE);
    cr_assert_neq(p.client.hs->error(p.client.hs)[0], '\0');
    cr_assert_eq(p.server.status, WEIR_E_HANDSHAKE, "it got the alert");
    cr_assert(!end_up(&p.client) && !end_up(&p.server));
    mbed_drop(&p);
}

Test(binding_mbedtls, rubbish_fails_at_once)
{
    static const uint8_t rubbish[] = "GET / HTTP/1.0\r\n\r\n";
    static const uint8_t too_long[] = {0x16, 3, 3, 0xff, 0xff, 0, 0};

    for (int i = 0; i < 2; i++) {
        struct mbed_pair p;
        size_t consumed = 0;
        const uint8_t *in = i == 0 ? rubbish : too_long;
        mbed_open(&p, &(struct mbed_config){0});
        struct weir_handshake *hs = p.server.hs;
        cr_assert_eq(hs->drive(hs, in, i == 0 ? sizeof rubbish : sizeof too_long, &consumed),
                     WEIR_E_HANDSHAKE);
        cr_assert_neq(hs->error(hs)[0], '\0');
        cr_assert_eq(hs->drive(hs, in, 1, &consumed), WEIR_E_HANDSHAKE, "sticky");
        cr_assert_eq(consumed, 0);
        mbed_drop(&p);
    }
}

Test(binding_mbedtls, release_leaves_no_transport)
{
    struct mbed_pair p;
    uint8_t byte;

    mbed_open(&p, &(struct mbed_config){0});
    mbed_connect(&p);
    end_free(&p.client);
    memset(&p.client, 0, sizeof p.client);
    cr_assert_lt(mbedtls_ssl_read(&p.client_side.ssl, &byte, 1), 0);
    cr_assert_lt(mbedtls_ssl_write(&p.client_side.ssl, (const uint8_t *)"x", 1), 0);
    mbed_drop(&p);
}
