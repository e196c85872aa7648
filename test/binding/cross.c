/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The two bindings against one another: OpenSSL and mbedTLS as client and as server, all four
 * combinations, both on weir, in one process.
 */
#include "mbed.h"

#include <criterion/criterion.h>
#include <openssl/ssl.h>
#include <string.h>
#include <weir/mbedtls.h>
#include <weir/openssl.h>

enum library { OPENSSL, MBEDTLS };

static const uint16_t versions[] = {WEIR_TLS12, WEIR_TLS13};
#define VERSIONS ((size_t)(MBED_HAS_TLS13 ? 2 : 1))

/* The suites of ECDHE with ECDSA, for each AEAD. */
static const uint16_t suites[2][3] = {
    {WEIR_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, WEIR_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
     WEIR_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256},
    {WEIR_TLS_AES_128_GCM_SHA256, WEIR_TLS_AES_256_GCM_SHA384, WEIR_TLS_CHACHA20_POLY1305_SHA256},
};

struct cross {
    enum library of[2]; /* of the client, of the server */
    uint16_t version, suite;
    struct mbed_pair mbed; /* the shared parts, the mbedTLS sides, the ends and the wire */
    SSL_CTX *ctx[2];
    SSL *ssl[2];
};

static struct mbed_side *mbed_side(struct cross *c, bool server)
{
    return server ? &c->mbed.server_side : &c->mbed.client_side;
}

static struct end *end_of(struct cross *c, bool server)
{
    return server ? &c->mbed.server : &c->mbed.client;
}

static void only_suite(SSL_CTX *ctx, uint16_t suite)
{
    STACK_OF(SSL_CIPHER) *all = SSL_CTX_get_ciphers(ctx);
    const char *name = NULL;

    for (int i = 0; i < sk_SSL_CIPHER_num(all); i++) {
        const SSL_CIPHER *cipher = sk_SSL_CIPHER_value(all, i);
        if (SSL_CIPHER_get_protocol_id(cipher) == suite)
            name = SSL_CIPHER_get_name(cipher);
    }
    cr_assert_not_null(name, "OpenSSL does not have suite %04x", (unsigned)suite);
    if (suite >> 8 == 0x13)
        cr_assert_eq(SSL_CTX_set_ciphersuites(ctx, name), 1);
    else
        cr_assert_eq(SSL_CTX_set_cipher_list(ctx, name), 1);
}

static void use_certificate(SSL_CTX *ctx, const mbedtls_x509_crt *cert, mbedtls_pk_context *key)
{
    uint8_t der[2048];
    int len = mbedtls_pk_write_key_der(key, der, sizeof der);

    cr_assert_gt(len, 0);
    cr_assert_eq(SSL_CTX_use_certificate_ASN1(ctx, (int)cert->raw.len, cert->raw.p), 1);
    cr_assert_eq(SSL_CTX_use_PrivateKey_ASN1(EVP_PKEY_EC, ctx, der + sizeof der - len, len), 1);
}

static void open_openssl(struct cross *c, bool server, struct end *e)
{
    SSL_CTX *ctx = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
    struct weir_refusal why;

    cr_assert_not_null(ctx);
    cr_assert_eq(SSL_CTX_set_min_proto_version(ctx, c->version), 1);
    cr_assert_eq(SSL_CTX_set_max_proto_version(ctx, c->version), 1);
    only_suite(ctx, c->suite);
    if (server)
        use_certificate(ctx, &mbed_side(c, true)->cert, &mbed_side(c, true)->key);
    c->ctx[server] = ctx;
    c->ssl[server] = SSL_new(ctx);
    if (server)
        SSL_set_accept_state(c->ssl[server]);
    else
        SSL_set_connect_state(c->ssl[server]);
    struct weir_handshake *hs = weir_openssl_handshake(c->ssl[server], &why);
    cr_assert_not_null(hs, "%s", weir_refusal_text(why.code));
    end_weir(e, server ? "server" : "client", hs, &weir_aead_openssl);
    e->ssl = c->ssl[server];
}

/* With a certificate of mbedTLS's making, whoever shows it. */
static void open_side(struct cross *c, bool server)
{
    struct mbed_side *side = mbed_side(c, server);

    mbed_side_open(
        &c->mbed, side, server,
        &(struct mbed_config){.version = c->version, .suite = c->suite, .tickets = true});
    if (c->of[server] == OPENSSL) {
        open_openssl(c, server, end_of(c, server));
        return;
    }
    cr_assert_eq(mbedtls_ssl_setup(&side->ssl, &side->conf), 0);
    if (!server)
        cr_assert_eq(mbedtls_ssl_set_hostname(&side->ssl, "weir.test"), 0);
    mbed_side_end(side, end_of(c, server), server ? "server" : "client", false);
}

static void open_cross(struct cross *c, enum library client, enum library server, uint16_t version,
                       uint16_t suite, size_t chunk)
{
    memset(c, 0, sizeof *c);
    c->of[0] = client;
    c->of[1] = server;
    c->version = version;
    c->suite = suite;
    mbed_open_shared(&c->mbed);
    open_side(c, true);
    open_side(c, false);
    c->mbed.tap.aead = &weir_aead_mbedtls;
    c->mbed.tap.kdf = &weir_kdf_mbedtls;
    c->mbed.wire = (struct wire){&c->mbed.client, &c->mbed.server, &c->mbed.tap, chunk};
    wire_run(&c->mbed.wire);
    mbed_both_up(&c->mbed.wire);
}

/* The wire is judged where mbedTLS tells its keys; of OpenSSL alone its own tests judge it. */
static void close_cross(struct cross *c)
{
    for (int i = 0; i < 2; i++) {
        if (c->of[i] == MBEDTLS) {
            mbed_give_keys(&c->mbed.tap, mbed_side(c, i == 1), c->suite);
            wiretap_judge(&c->mbed.tap);
            break;
        }
    }
    end_free(&c->mbed.client);
    end_free(&c->mbed.server);
    for (int i = 0; i < 2; i++) {
        SSL_free(c->ssl[i]);
        SSL_CTX_free(c->ctx[i]);
    }
    mbed_side_free(&c->mbed.client_side);
    mbed_side_free(&c->mbed.server_side);
    wiretap_free(&c->mbed.tap);
    mbed_free_shared(&c->mbed);
}

/* Every AEAD of every version, both bindings in both roles. */
static void every_suite(enum library client, enum library server)
{
    for (size_t v = 0; v < VERSIONS; v++) {
        for (size_t s = 0; s < 3; s++) {
            struct cross c;
            open_cross(&c, client, server, versions[v], suites[v][s], s == 1 ? 1 : 0);
            mbed_exchange(&c.mbed.wire, s == 1 ? 3000 : 200000);
            mbed_exchange(&c.mbed.wire, 0);
            close_cross(&c);
        }
    }
}

Test(binding_cross, openssl_to_openssl)
{
    every_suite(OPENSSL, OPENSSL);
}

Test(binding_cross, openssl_to_mbedtls)
{
    every_suite(OPENSSL, MBEDTLS);
}

Test(binding_cross, mbedtls_to_openssl)
{
    every_suite(MBEDTLS, OPENSSL);
}

Test(binding_cross, mbedtls_to_mbedtls)
{
    every_suite(MBEDTLS, MBEDTLS);
}

/* The library of one end closes, then that of the other. */
static void close_by_library(struct cross *c, bool server)
{
    struct end *e = end_of(c, server);

    if (c->of[server] == OPENSSL)
        cr_assert_eq(SSL_shutdown(c->ssl[server]), 0);
    else
        cr_assert_eq(mbedtls_ssl_close_notify(&mbed_side(c, server)->ssl), 0);
    cr_assert_eq(end_pump(e), WEIR_OK);
    wire_run(&c->mbed.wire);
    cr_assert_eq(end_of(c, !server)->status, WEIR_CLOSED);
}

Test(binding_cross, either_library_closes)
{
    for (size_t i = 0; i < 4 * VERSIONS; i++) {
        struct cross c;
        bool first = i % 2 == 1, client_is_openssl = i / 2 % 2 == 1;
        open_cross(&c, client_is_openssl ? OPENSSL : MBEDTLS, client_is_openssl ? MBEDTLS : OPENSSL,
                   versions[i / 4], suites[i / 4][0], 0);
        mbed_exchange(&c.mbed.wire, 1000);
        close_by_library(&c, first);
        close_by_library(&c, !first);
        close_cross(&c);
    }
}

/* RFC 6066: what mbedTLS asks for, OpenSSL agrees to, and both keep. */
Test(binding_cross, a_fragment_length_that_both_keep)
{
    struct cross c;

    memset(&c, 0, sizeof c);
    c.of[0] = MBEDTLS;
    c.version = WEIR_TLS12;
    c.suite = suites[0][0];
    mbed_open_shared(&c.mbed);
    open_side(&c, true);
    mbed_side_open(&c.mbed, &c.mbed.client_side, false,
                   &(struct mbed_config){.version = c.version,
                                         .suite = c.suite,
                                         .fragment = MBEDTLS_SSL_MAX_FRAG_LEN_512});
    cr_assert_eq(mbedtls_ssl_setup(&c.mbed.client_side.ssl, &c.mbed.client_side.conf), 0);
    mbed_side_end(&c.mbed.client_side, &c.mbed.client, "client", false);
    c.mbed.tap.aead = &weir_aead_mbedtls;
    c.mbed.tap.kdf = &weir_kdf_mbedtls;
    c.mbed.wire = (struct wire){&c.mbed.client, &c.mbed.server, &c.mbed.tap, 0};
    c.of[0] = MBEDTLS;
    c.of[1] = OPENSSL;
    wire_run(&c.mbed.wire);
    mbed_both_up(&c.mbed.wire);
    for (int i = 0; i < 2; i++) {
        struct weir_handshake *hs = end_of(&c, i == 1)->hs;
        cr_assert_eq(hs->record_limit(hs, WEIR_TX), 512);
        cr_assert_eq(hs->record_limit(hs, WEIR_RX), 512);
    }
    mbed_exchange(&c.mbed.wire, 5120);
    mbed_give_keys(&c.mbed.tap, &c.mbed.client_side, c.suite);
    wiretap_judge(&c.mbed.tap);
    cr_assert_eq(c.mbed.tap.side[0].by_type[WEIR_TYPE_DATA], 10);
    cr_assert_eq(c.mbed.tap.side[1].by_type[WEIR_TYPE_DATA], 10);
    c.of[0] = OPENSSL; /* judged already */
    close_cross(&c);
}

/* OpenSSL's application asks for KeyUpdates; mbedTLS, which has none, follows by the session. */
Test(binding_cross, key_update_by_openssl)
{
    if (!MBED_HAS_TLS13)
        cr_skip_test("mbedTLS " MBEDTLS_VERSION_STRING " has no TLS 1.3");
    for (int server = 0; server < 2; server++) {
        struct cross c;
        open_cross(&c, server == 0 ? OPENSSL : MBEDTLS, server == 1 ? OPENSSL : MBEDTLS, WEIR_TLS13,
                   suites[1][0], 0);
        for (unsigned i = 1; i < 4; i++) {
            cr_assert_eq(SSL_key_update(c.ssl[server], SSL_KEY_UPDATE_REQUESTED), 1);
            cr_assert_eq(SSL_do_handshake(c.ssl[server]), 1);
            cr_assert_eq(end_pump(end_of(&c, server == 1)), WEIR_OK);
            mbed_exchange(&c.mbed.wire, 1000);
            cr_assert_eq(weir_rx_position(&end_of(&c, server == 0)->rx).epoch, i);
            cr_assert_eq(weir_tx_position(&end_of(&c, server == 0)->tx).epoch, i);
        }
        close_cross(&c);
    }
}

/* A ticket of OpenSSL, also one that comes after a KeyUpdate, reaches mbedTLS. */
Test(binding_cross, a_ticket_after_a_key_update)
{
    struct cross c;

    if (!MBED_HAS_TLS13)
        cr_skip_test("mbedTLS " MBEDTLS_VERSION_STRING " has no TLS 1.3");
    open_cross(&c, MBEDTLS, OPENSSL, WEIR_TLS13, suites[1][0], 7);
    unsigned before = weir_mbedtls_tickets(c.mbed.client.hs);
    cr_assert_eq(before, 2, "OpenSSL gives two");
    struct weir_refusal why;
    cr_assert_eq(weir_session_key_update(&c.mbed.server.session, true, &why), WEIR_OK);
    mbed_exchange(&c.mbed.wire, 100);
    cr_assert_eq(SSL_new_session_ticket(c.ssl[1]), 1);
    cr_assert_eq(SSL_do_handshake(c.ssl[1]), 1);
    cr_assert_eq(end_pump(&c.mbed.server), WEIR_OK);
    mbed_exchange(&c.mbed.wire, 100);
    cr_assert_eq(weir_mbedtls_tickets(c.mbed.client.hs), 3);
    cr_assert_eq(weir_rx_position(&c.mbed.client.rx).epoch, 1);
    close_cross(&c);
}
