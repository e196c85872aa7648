/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the OpenSSL binding refuses, by name, and what it makes of broken input.
 */
#include "binding.h"
#include "pair.h"

#include <criterion/criterion.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <weir/openssl.h>

/* Both ends refuse the keys for `code`; then OpenSSL goes on without weir where it stands. */
static void refused_then_plain(const struct pair_config *config, weir_refusal_code code,
                               uint32_t detail)
{
    struct pair p;

    pair_open(&p, config);
    wire_run(&p.wire);
    struct end *ends[] = {&p.client, &p.server};
    for (size_t i = 0; i < 2; i++) {
        struct end *e = ends[i];
        cr_assert_eq(e->status, WEIR_REFUSED, "%s: %s, %s", e->name, weir_status_text(e->status),
                     e->hs->error(e->hs));
        cr_assert_eq(e->why.code, code, "%s", weir_refusal_name(e->why.code));
        cr_assert_eq(e->why.layer, WEIR_LAYER_BINDING);
        cr_assert_eq(e->why.detail, detail);
        SSL *ssl = e->ssl;
        struct bytes in = e->in;
        e->ssl = NULL;
        e->in = (struct bytes){0};
        SSL_up_ref(ssl);
        e->hs->release(e->hs);
        e->hs = NULL;
        end_free(e);
        end_plain_openssl(e, "plain", ssl);
        SSL_free(ssl);
        e->in = in;
    }
    pair_exchange(&p, 1000);
    pair_drop(&p);
}

Test(binding_openssl, suites_weir_does_not_carry)
{
    refused_then_plain(&(struct pair_config){.suite = "TLS_AES_128_CCM_SHA256"}, WEIR_REFUSAL_SUITE,
                       0x1304);
    refused_then_plain(&(struct pair_config){.suite = "TLS_AES_128_CCM_8_SHA256"},
                       WEIR_REFUSAL_SUITE, 0x1305);
    refused_then_plain(
        &(struct pair_config){.version = TLS1_2_VERSION, .suite = "ECDHE-ECDSA-AES128-SHA256"},
        WEIR_REFUSAL_SUITE, 0xc023);
    refused_then_plain(
        &(struct pair_config){.version = TLS1_2_VERSION, .suite = "ECDHE-ECDSA-AES256-CCM"},
        WEIR_REFUSAL_SUITE, 0xc0ad);
}

Test(binding_openssl, versions_weir_does_not_carry)
{
    refused_then_plain(&(struct pair_config){.version = TLS1_1_VERSION,
                                             .suite = "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"},
                       WEIR_REFUSAL_VERSION, TLS1_1_VERSION);
}

Test(binding_openssl, dtls)
{
    struct weir_refusal why;
    SSL_CTX *ctx = SSL_CTX_new(DTLS_client_method());
    SSL *ssl = SSL_new(ctx);

    cr_assert_null(weir_openssl_handshake(ssl, &why));
    cr_assert_eq(why.code, WEIR_REFUSAL_VERSION);
    SSL_free(ssl);
    SSL_CTX_free(ctx);
}

/* A connection that OpenSSL has made over another transport. */
Test(binding_openssl, a_connection_begun_elsewhere)
{
    struct pair p;
    struct weir_refusal why;

    pair_open(&p, &(struct pair_config){.plain_client = true, .plain_server = true});
    pair_connect(&p);
    cr_assert_null(weir_openssl_handshake(p.client.ssl, &why));
    cr_assert_eq(why.code, WEIR_REFUSAL_NO_EXPORT);

    /* Two records in one read, of which the application has asked for one byte. */
    uint8_t byte;
    SSL_set_read_ahead(p.client.ssl, 1);
    end_send(&p.server, "first", 5);
    end_send(&p.server, "second", 6);
    cr_assert_gt(BIO_write(SSL_get_rbio(p.client.ssl), p.server.out.data, (int)p.server.out.len),
                 0);
    cr_assert_eq(SSL_read(p.client.ssl, &byte, 1), 1);
    cr_assert_null(weir_openssl_handshake(p.client.ssl, &why));
    cr_assert_eq(why.code, WEIR_REFUSAL_READ_AHEAD);
    pair_drop(&p);
}

static void run_up_to_keys(struct pair *p, struct weir_keys *tx, struct weir_keys *rx)
{
    p->client.stop_before_keys = true;
    p->server.stop_before_keys = true;
    memset(tx, 0xaa, sizeof *tx);
    memset(rx, 0xaa, sizeof *rx);
    wire_run(&p->wire);
    cr_assert_eq(p->client.status, WEIR_OK);
    cr_assert_eq(p->server.status, WEIR_OK);
}

static bool all_zero(const void *p, size_t len)
{
    const uint8_t *byte = p;
    uint8_t any = 0;

    for (size_t i = 0; i < len; i++)
        any |= byte[i];
    return any == 0;
}

/* A master secret that is not the connection's makes keys that open nothing. */
Test(binding_openssl, keys_that_do_not_open_the_last_record)
{
    static const unsigned char wrong[48] = {1};
    struct pair p;
    struct weir_keys tx;
    struct weir_keys rx;
    struct weir_refusal why;

    pair_open(&p, &(struct pair_config){.version = TLS1_2_VERSION});
    run_up_to_keys(&p, &tx, &rx);
    struct end *ends[] = {&p.client, &p.server};
    for (size_t i = 0; i < 2; i++) {
        struct weir_handshake *hs = ends[i]->hs;
        cr_assert_eq(SSL_SESSION_set1_master_key(SSL_get_session(ends[i]->ssl), wrong, 48), 1);
        cr_assert_eq(hs->take_keys(hs, &tx, &rx, &why), WEIR_REFUSED);
        cr_assert_eq(why.code, WEIR_REFUSAL_NOT_PROVEN);
        cr_assert(all_zero(&tx, sizeof tx) && all_zero(&rx, sizeof rx));
        /* The library may have gone on by itself since, so the answer stays. */
        cr_assert_eq(hs->take_keys(hs, &tx, &rx, &why), WEIR_E_MISUSE);
    }
    pair_drop(&p);
}

/* Opens the client's Finished of TLS 1.2, and seals it again with bytes behind it. */
static void lengthen_finished(struct end *client)
{
    static const uint8_t more[] = {1, 0, 0};
    uint8_t master[48];
    uint8_t random[2][32];
    uint8_t content[64];
    struct weir_keys tx;
    struct weir_keys rx;
    struct weir_record record;
    struct weir_once once;
    struct weir_refusal why;
    size_t at = 0;
    size_t made = 0;
    SSL *ssl = client->ssl;

    cr_assert_eq(weir_soft_init(&once.soft, &weir_aead_openssl, &why), WEIR_OK);
    once.ctx = malloc(once.soft.backend.ctx_size);
    cr_assert_eq(SSL_SESSION_get_master_key(SSL_get_session(ssl), master, 48), 48);
    cr_assert_eq(SSL_get_client_random(ssl, random[0], 32), 32);
    cr_assert_eq(SSL_get_server_random(ssl, random[1], 32), 32);
    const struct weir_tls12 from = {.suite = WEIR_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
                                    .master = master,
                                    .client_random = random[0],
                                    .server_random = random[1]};
    cr_assert_eq(weir_tls12_keys(&weir_kdf_openssl, &from, &tx, &rx), WEIR_OK);
    while (client->out.data[at] != WEIR_TYPE_CHANGE_CIPHER_SPEC)
        at += 5 + weir_body_len(client->out.data + at);
    at += 6;
    tx.at.nonce_rule = WEIR_NONCE_COUNTER;
    for (unsigned i = 0; i < 8; i++)
        tx.at.explicit_nonce = tx.at.explicit_nonce << 8 | client->out.data[at + 5 + i];
    struct weir_keys again = tx;
    cr_assert_eq(weir_once_open(&once, &tx, client->out.data + at, client->out.len - at, &record),
                 WEIR_OK);
    memcpy(content, record.data, record.len);
    memcpy(content + record.len, more, sizeof more);
    bytes_add(&client->out, more, sizeof more); /* room */
    cr_assert_eq(weir_once_seal(&once, &again, WEIR_TYPE_HANDSHAKE, content,
                                record.len + sizeof more, client->out.data + at,
                                client->out.len - at, &made),
                 WEIR_OK);
    cr_assert_eq(made, client->out.len - at);
    free(once.ctx);
}

/* Bytes in the record of Finished that are not Finished: they lie in the library. */
Test(binding_openssl, bytes_the_library_has_read_beyond_the_handshake)
{
    struct pair p;

    pair_open(&p, &(struct pair_config){.version = TLS1_2_VERSION,
                                        .plain_client = true,
                                        .suite = "ECDHE-ECDSA-AES256-GCM-SHA384"});
    for (unsigned round = 0; round < 2; round++) {
        end_step(&p.client);
        if (round == 1)
            lengthen_finished(&p.client);
        bytes_add(&p.server.in, p.client.out.data, p.client.out.len);
        bytes_drop(&p.client.out, p.client.out.len);
        end_step(&p.server);
        bytes_add(&p.client.in, p.server.out.data, p.server.out.len);
        bytes_drop(&p.server.out, p.server.out.len);
    }
    cr_assert_eq(p.server.status, WEIR_REFUSED, "%s", p.server.hs->error(p.server.hs));
    cr_assert_eq(p.server.why.code, WEIR_REFUSAL_READ_AHEAD);
    pair_drop(&p);
}

static void silence(const SSL *ssl, const char *line)
{
    (void)ssl;
    (void)line;
}

Test(binding_openssl, secrets_that_were_not_heard)
{
    struct pair p;

    pair_open(&p, &(struct pair_config){0});
    /* A callback set later that does not call the one it replaces. */
    SSL_CTX_set_keylog_callback(p.server_ctx, silence);
    wire_run(&p.wire);
    cr_assert(end_up(&p.client));
    cr_assert_eq(p.server.status, WEIR_REFUSED);
    cr_assert_eq(p.server.why.code, WEIR_REFUSAL_NO_EXPORT);
    pair_drop(&p);
}

Test(binding_openssl, keys_are_taken_once_and_at_the_end)
{
    struct pair p;
    struct weir_keys tx;
    struct weir_keys rx;
    struct weir_refusal why;
    struct weir_control control;
    size_t consumed = 0;

    pair_open(&p, &(struct pair_config){0});
    struct weir_handshake *hs = p.client.hs;
    cr_assert_eq(hs->take_keys(hs, &tx, &rx, &why), WEIR_E_MISUSE, "before the handshake");
    cr_assert_eq(hs->deliver(hs, (const uint8_t *)"x", 1), WEIR_E_MISUSE);
    cr_assert_eq(hs->collect(hs, &control), WEIR_E_MISUSE);
    run_up_to_keys(&p, &tx, &rx);
    cr_assert_eq(hs->drive(hs, NULL, 0, &consumed), WEIR_OK, "complete stays complete");
    cr_assert_eq(hs->take_keys(hs, &tx, &rx, &why), WEIR_OK);
    cr_assert_eq(hs->take_keys(hs, &tx, &rx, &why), WEIR_E_MISUSE, "a second time");
    cr_assert(all_zero(&tx, sizeof tx) && all_zero(&rx, sizeof rx));
    cr_assert_eq(hs->drive(hs, NULL, 0, &consumed), WEIR_E_MISUSE);
    pair_drop(&p);
}

/* The client's Finished must be on its way before anything is sealed behind it. */
Test(binding_openssl, output_is_taken_before_the_keys)
{
    struct pair p;
    struct weir_keys tx;
    struct weir_keys rx;
    struct weir_refusal why;
    const uint8_t *data = NULL;
    size_t len = 0;
    size_t consumed = 0;

    pair_open(&p, &(struct pair_config){0});
    struct weir_handshake *hs = p.client.hs;
    end_step(&p.client);
    bytes_add(&p.server.in, p.client.out.data, p.client.out.len);
    end_step(&p.server);
    cr_assert_eq(hs->drive(hs, p.server.out.data, p.server.out.len, &consumed), WEIR_OK);
    hs->output(hs, &data, &len);
    cr_assert_gt(len, 0);
    cr_assert_eq(hs->take_keys(hs, &tx, &rx, &why), WEIR_E_MISUSE);
    hs->output_taken(hs, len);
    cr_assert_eq(hs->take_keys(hs, &tx, &rx, &why), WEIR_OK);
    pair_drop(&p);
}

/* After release the SSL has no transport, and so no way to seal anything a second time. */
Test(binding_openssl, release_leaves_no_transport)
{
    struct pair p;

    pair_open(&p, &(struct pair_config){0});
    pair_connect(&p);
    p.client.hs->release(p.client.hs);
    p.client.hs = NULL;
    cr_assert_null(SSL_get_rbio(p.client.ssl));
    cr_assert_null(SSL_get_wbio(p.client.ssl));
    cr_assert_leq(SSL_write(p.client.ssl, "x", 1), 0);
    pair_drop(&p);
}

static void feed(struct end *e, const void *data, size_t len)
{
    bytes_add(&e->in, data, len);
    end_step(e);
}

static void expect_failure(const void *data, size_t len, const char *words, bool alert)
{
    struct pair p;

    pair_open(&p, &(struct pair_config){0});
    feed(&p.server, data, len);
    cr_assert_eq(p.server.status, WEIR_E_HANDSHAKE);
    const char *error = p.server.hs->error(p.server.hs);
    cr_assert_not_null(strstr(error, words), "\"%s\"", error);
    cr_assert_eq(p.server.out.len > 0, alert);
    if (alert)
        cr_assert_eq(p.server.out.data[0], WEIR_TYPE_ALERT);
    /* It stays failed. */
    size_t consumed = 0;
    cr_assert_eq(p.server.hs->drive(p.server.hs, NULL, 0, &consumed), WEIR_E_HANDSHAKE);
    pair_drop(&p);
}

Test(binding_openssl, rubbish_fails_at_once)
{
    static const uint8_t oversized[] = {22, 3, 1, 0xff, 0xff, 1};
    static const uint8_t wrong_version[] = {22, 9, 1, 0, 2, 1, 0};
    static const uint8_t data_first[] = {23, 3, 3, 0, 1, 0};
    static const uint8_t ssl2[] = {0x80, 0x2e, 1, 3, 1, 0, 0x15};

    expect_failure("GET / HTTP/1.0\r\n\r\n", 18, "http request", false);
    expect_failure("\r\n\r\n\r\n", 6, "", false);
    expect_failure(oversized, sizeof oversized, "", true);
    expect_failure(wrong_version, sizeof wrong_version, "version", false);
    expect_failure(data_first, sizeof data_first, "", true);
    expect_failure(ssl2, sizeof ssl2, "SSL 2", false);
}

Test(binding_openssl, a_certificate_that_is_not_trusted)
{
    struct pair p;

    pair_open(&p, &(struct pair_config){0});
    SSL_set_verify(p.client.ssl, SSL_VERIFY_PEER, NULL);
    wire_run(&p.wire);
    cr_assert_eq(p.client.status, WEIR_E_HANDSHAKE);
    const char *error = p.client.hs->error(p.client.hs);
    cr_assert_not_null(strstr(error, "certificate verify failed: self"), "\"%s\"", error);
    /* The alert went out and the server understood it. */
    cr_assert_neq(p.server.status, WEIR_OK);
    pair_drop(&p);
}
