/* SPDX-License-Identifier: BSD-2-Clause */
#include "pair.h"

#include <criterion/criterion.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <weir/openssl.h>

static X509 *self_signed(EVP_PKEY *key)
{
    X509 *cert = X509_new();
    X509_NAME *name = X509_get_subject_name(cert);

    cr_assert_eq(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                            (const unsigned char *)"weir test", -1, -1, 0),
                 1);
    cr_assert_eq(X509_set_version(cert, X509_VERSION_3), 1);
    cr_assert_eq(ASN1_INTEGER_set(X509_get_serialNumber(cert), 1), 1);
    cr_assert_not_null(X509_gmtime_adj(X509_getm_notBefore(cert), -3600));
    cr_assert_not_null(X509_gmtime_adj(X509_getm_notAfter(cert), 3600));
    cr_assert_eq(X509_set_issuer_name(cert, name), 1);
    cr_assert_eq(X509_set_pubkey(cert, key), 1);
    cr_assert_gt(X509_sign(cert, key, EVP_sha256()), 0);
    return cert;
}

static void use_new_certificate(SSL_CTX *ctx, bool rsa)
{
    EVP_PKEY *key = rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
    X509 *cert = self_signed(key);

    cr_assert_eq(SSL_CTX_use_certificate(ctx, cert), 1);
    cr_assert_eq(SSL_CTX_use_PrivateKey(ctx, key), 1);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static unsigned digit(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* The application's own key log: weir must chain it. */
static void on_keylog(const SSL *ssl, const char *line)
{
    struct pair *p = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    const char *hex = strrchr(line, ' ') + 1;
    int of_server = strncmp(line, "SERVER_", 7) == 0;
    int application = strstr(line, "_TRAFFIC_SECRET_0 ") != NULL;

    p->log_lines++;
    if (!application && strstr(line, "_HANDSHAKE_TRAFFIC_SECRET ") == NULL)
        return;
    size_t len = strlen(hex) / 2;
    cr_assert_leq(len, 48);
    for (size_t i = 0; i < len; i++)
        p->secret[of_server][application][i] =
            (uint8_t)(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
    p->secret_len[of_server][application] = len;
}

static int on_new_session(SSL *ssl, SSL_SESSION *session)
{
    struct pair *p = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

    p->new_sessions++;
    SSL_SESSION_free(p->session);
    p->session = session;
    return 1; /* the reference is ours */
}

static int take_any_certificate(int good, X509_STORE_CTX *store)
{
    (void)good;
    (void)store;
    return 1;
}

static unsigned psk_client(SSL *ssl, const char *hint, char *identity, unsigned identity_len,
                           unsigned char *psk, unsigned psk_len)
{
    (void)ssl;
    (void)hint;
    cr_assert(identity_len > 5 && psk_len >= 16);
    memcpy(identity, "weir", 5);
    memset(psk, 0x5a, 16);
    return 16;
}

static unsigned psk_server(SSL *ssl, const char *identity, unsigned char *psk, unsigned psk_len)
{
    (void)ssl;
    cr_assert_str_eq(identity, "weir");
    cr_assert_geq(psk_len, 16);
    memset(psk, 0x5a, 16);
    return 16;
}

static SSL_CTX *new_ctx(const struct pair_config *config, bool server)
{
    SSL_CTX *ctx = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
    int version = config->version != 0 ? config->version : TLS1_3_VERSION;

    cr_assert_not_null(ctx);
    if (version < TLS1_2_VERSION)
        SSL_CTX_set_security_level(ctx, 0);
    cr_assert_eq(SSL_CTX_set_min_proto_version(ctx, version), 1);
    cr_assert_eq(SSL_CTX_set_max_proto_version(ctx, version), 1);
    if (config->suite != NULL && version == TLS1_3_VERSION)
        cr_assert_eq(SSL_CTX_set_ciphersuites(ctx, config->suite), 1);
    else if (config->suite != NULL)
        cr_assert_eq(SSL_CTX_set_cipher_list(ctx, config->suite), 1, "%s", config->suite);
    SSL_CTX_set_keylog_callback(ctx, on_keylog);
    if (config->suite != NULL && strstr(config->suite, "PSK") != NULL) {
        if (server)
            SSL_CTX_set_psk_server_callback(ctx, psk_server);
        else
            SSL_CTX_set_psk_client_callback(ctx, psk_client);
    }
    return ctx;
}

static void make_contexts(struct pair *p, const struct pair_config *config)
{
    static const unsigned char id[] = "weir";

    p->client_ctx = new_ctx(config, false);
    p->server_ctx = new_ctx(config, true);
    use_new_certificate(p->server_ctx, config->rsa);
    use_new_certificate(p->client_ctx, false);
    SSL_CTX_set_dh_auto(p->server_ctx, 1);
    SSL_CTX_set_verify(p->server_ctx,
                       config->ask_client ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
                                          : SSL_VERIFY_NONE,
                       take_any_certificate);
    cr_assert_eq(SSL_CTX_set_session_id_context(p->server_ctx, id, sizeof id), 1);
    if (config->no_tickets)
        cr_assert_eq(SSL_CTX_set_num_tickets(p->server_ctx, 0), 1);
    else if (config->tickets > 0)
        cr_assert_eq(SSL_CTX_set_num_tickets(p->server_ctx, config->tickets), 1);
    if (config->early_data > 0)
        cr_assert_eq(SSL_CTX_set_max_early_data(p->server_ctx, config->early_data), 1);
    SSL_CTX_set_session_cache_mode(p->client_ctx,
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
    SSL_CTX_sess_set_new_cb(p->client_ctx, on_new_session);
    SSL_CTX_set_post_handshake_auth(p->client_ctx, config->post_handshake);
}

static void make_end(struct end *e, const char *name, SSL *ssl, bool plain)
{
    struct weir_refusal why;

    if (plain) {
        end_plain_openssl(e, name, ssl);
        return;
    }
    struct weir_handshake *hs = weir_openssl_handshake(ssl, &why);
    cr_assert_not_null(hs, "%s", weir_refusal_text(why.code));
    end_weir(e, name, hs, &weir_aead_openssl);
    e->ssl = ssl;
}

static void make_ends(struct pair *p, const struct pair_config *config)
{
    SSL *client = SSL_new(p->client_ctx);
    SSL *server = SSL_new(p->server_ctx);

    cr_assert(client != NULL && server != NULL);
    SSL_CTX_set_app_data(p->client_ctx, p);
    SSL_CTX_set_app_data(p->server_ctx, p);
    SSL_set_connect_state(client);
    SSL_set_accept_state(server);
    if (config->session != NULL)
        cr_assert_eq(SSL_set_session(client, config->session), 1);
    if (config->fragment != 0)
        cr_assert_eq(SSL_set_tlsext_max_fragment_length(client, config->fragment), 1);
    make_end(&p->client, "client", client, config->plain_client);
    make_end(&p->server, "server", server, config->plain_server);
    p->tap.aead = &weir_aead_openssl;
    p->tap.kdf = &weir_kdf_openssl;
    p->wire = (struct wire){&p->client, &p->server, &p->tap, config->chunk};
}

void pair_open(struct pair *p, const struct pair_config *config)
{
    memset(p, 0, sizeof *p);
    make_contexts(p, config);
    make_ends(p, config);
}

void pair_reopen(struct pair *p, const struct pair *before, const struct pair_config *config)
{
    memset(p, 0, sizeof *p);
    p->client_ctx = before->client_ctx;
    p->server_ctx = before->server_ctx;
    SSL_CTX_up_ref(p->client_ctx);
    SSL_CTX_up_ref(p->server_ctx);
    make_ends(p, config);
}

void pair_connect(struct pair *p)
{
    const struct end *ends[] = {&p->client, &p->server};

    wire_run(&p->wire);
    for (size_t i = 0; i < 2; i++)
        cr_assert(end_up(ends[i]), "%s: %s, %s, %s", ends[i]->name,
                  weir_status_text(ends[i]->status), weir_refusal_text(ends[i]->why.code),
                  ends[i]->hs != NULL ? ends[i]->hs->error(ends[i]->hs) : "");
}

void pair_exchange(struct pair *p, size_t len)
{
    struct end *ends[] = {&p->client, &p->server};
    uint8_t *data = malloc(len + 1);

    cr_assert_not_null(data);
    for (size_t i = 0; i < 2; i++) {
        struct end *to = ends[1 - i];
        for (size_t n = 0; n < len; n++)
            data[n] = (uint8_t)(n * 7 + n / 251 + i);
        bytes_drop(&to->data, to->data.len);
        end_send(ends[i], data, len);
        wire_run(&p->wire);
        cr_assert_eq(to->data.len, len, "%s got %zu of %zu bytes: %s", to->name, to->data.len, len,
                     weir_status_text(to->status));
        cr_assert(len == 0 || memcmp(to->data.data, data, len) == 0);
    }
    free(data);
}

static void secret_keys(const struct pair *p, int of_server, int application, uint16_t suite,
                        struct weir_keys *keys)
{
    cr_assert_gt(p->secret_len[of_server][application], 0);
    cr_assert_eq(weir_keys_from_secret(keys, &weir_kdf_openssl, suite,
                                       p->secret[of_server][application],
                                       p->secret_len[of_server][application]),
                 WEIR_OK);
}

/* OpenSSL's own PRF, so that weir's is not its own judge. */
static void tls12_block(const SSL *ssl, const char *digest, uint8_t *block, size_t len)
{
    uint8_t master[48];
    uint8_t seed[13 + 32 + 32];
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "TLS1-PRF", NULL);
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);

    memcpy(seed, "key expansion", 13);
    cr_assert_eq(SSL_get_server_random(ssl, seed + 13, 32), 32);
    cr_assert_eq(SSL_get_client_random(ssl, seed + 45, 32), 32);
    cr_assert_eq(SSL_SESSION_get_master_key(SSL_get_session(ssl), master, sizeof master), 48);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t)digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, master, sizeof master),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, seed, sizeof seed),
        OSSL_PARAM_construct_end(),
    };
    cr_assert_eq(EVP_KDF_derive(ctx, block, len, params), 1);
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
}

static void give_tls12_keys(struct pair *p, const struct weir_suite *suite)
{
    uint8_t block[88];
    size_t key_len = weir_alg_key_len((weir_alg)suite->alg);
    bool implicit = suite->alg == WEIR_CHACHA20_POLY1305;
    size_t iv_len = implicit ? 12 : 4;

    tls12_block(p->client.ssl, suite->hash == WEIR_SHA384 ? "SHA384" : "SHA256", block,
                2 * (key_len + iv_len));
    for (size_t i = 0; i < 2; i++) {
        struct weir_keys *keys = &p->tap.side[i].keys;
        *keys = (struct weir_keys){.version = WEIR_TLS12, .suite = suite->id};
        keys->at.nonce_rule = (uint8_t)(implicit ? WEIR_NONCE_IMPLICIT : WEIR_NONCE_RANDOM);
        memcpy(keys->key, block + i * key_len, key_len);
        memcpy(keys->iv, block + 2 * key_len + i * iv_len, iv_len);
    }
}

static void judge(struct pair *p)
{
    const SSL_CIPHER *cipher = SSL_get_current_cipher(p->client.ssl);
    const struct weir_suite *suite = weir_suite_find(SSL_CIPHER_get_protocol_id(cipher));

    cr_assert_not_null(suite);
    if (suite->version == WEIR_TLS12)
        give_tls12_keys(p, suite);
    for (int i = 0; i < 2 && suite->version == WEIR_TLS13; i++) {
        secret_keys(p, i, 0, suite->id, &p->tap.side[i].keys);
        secret_keys(p, i, 1, suite->id, &p->tap.side[i].then);
    }
    wiretap_judge(&p->tap);
}

void pair_drop(struct pair *p)
{
    end_free(&p->client);
    end_free(&p->server);
    SSL_free(p->client.ssl);
    SSL_free(p->server.ssl);
    wiretap_free(&p->tap);
    SSL_SESSION_free(p->session);
    SSL_CTX_free(p->client_ctx);
    SSL_CTX_free(p->server_ctx);
}

void pair_close(struct pair *p)
{
    judge(p);
    pair_drop(p);
}
