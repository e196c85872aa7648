/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer.h"
#include "size_limit.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <weir/openssl.h>

static struct {
    const struct options *options;
    SSL_CTX *ctx;
    SSL *ssl;
    SSL_SESSION *session; /* for the next connection */
} state;

_Noreturn static void fail(const char *what)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = ERR_reason_error_string(code);
    die("OpenSSL: %s: %s", what, reason != NULL ? reason : "no reason given");
}

static const char *version(void)
{
    return OpenSSL_version(OPENSSL_VERSION);
}

/* OpenSSL's name of a suite, or NULL. */
static const char *name_of(SSL_CTX *ctx, const struct weir_suite *suite)
{
    const uint8_t id[2] = {(uint8_t)(suite->id >> 8), (uint8_t)suite->id};
    SSL *ssl = SSL_new(ctx);
    const SSL_CIPHER *cipher = ssl == NULL ? NULL : SSL_CIPHER_find(ssl, id);

    SSL_free(ssl);
    return cipher == NULL ? NULL : SSL_CIPHER_get_name(cipher);
}

static bool has(const struct weir_suite *suite)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_method());
    bool known = ctx != NULL && name_of(ctx, suite) != NULL;

    SSL_CTX_free(ctx);
    return known;
}

static void use_suite(SSL_CTX *ctx, const struct weir_suite *suite)
{
    char list[128];
    const char *name = name_of(ctx, suite);

    if (name == NULL)
        die("OpenSSL has no %s", weir_suite_name(suite->id));
    if (SSL_CTX_set_min_proto_version(ctx, suite->version) != 1 ||
        SSL_CTX_set_max_proto_version(ctx, suite->version) != 1)
        fail("version");
    if (suite->version == WEIR_TLS13) {
        if (SSL_CTX_set_ciphersuites(ctx, name) != 1)
            fail("cipher suite");
        return;
    }
    /* Suites without a certificate, or with one on a DSA key, are below the default level. */
    (void)snprintf(list, sizeof list, "%s:@SECLEVEL=0", name);
    if (SSL_CTX_set_cipher_list(ctx, list) != 1)
        fail("cipher suite");
}

static unsigned give_psk(unsigned char *psk, unsigned room)
{
    if (state.options->psk_len == 0 || state.options->psk_len > room)
        return 0;
    memcpy(psk, state.options->psk, state.options->psk_len);
    return (unsigned)state.options->psk_len;
}

static unsigned psk_client(SSL *ssl, const char *hint, char *identity, unsigned room,
                           unsigned char *psk, unsigned psk_room)
{
    (void)ssl;
    (void)hint;
    (void)snprintf(identity, room, "%s", state.options->psk_identity);
    return give_psk(psk, psk_room);
}

static unsigned psk_server(SSL *ssl, const char *identity, unsigned char *psk, unsigned psk_room)
{
    (void)ssl;
    return strcmp(identity, state.options->psk_identity) == 0 ? give_psk(psk, psk_room) : 0;
}

/* TLS 1.3: tickets come after the handshake, through weir's loop. */
static int keep_session(SSL *ssl, SSL_SESSION *session)
{
    (void)ssl;
    SSL_SESSION_free(state.session);
    state.session = session;
    return 1;
}

static void use_credentials(SSL_CTX *ctx, const struct options *o)
{
    if (o->cert != NULL && (SSL_CTX_use_certificate_chain_file(ctx, o->cert) != 1 ||
                            SSL_CTX_use_PrivateKey_file(ctx, o->key, SSL_FILETYPE_PEM) != 1))
        fail("certificate");
    if (o->ca != NULL) {
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
        if (SSL_CTX_load_verify_file(ctx, o->ca) != 1)
            fail("CA");
    }
    if (o->psk_len > 0) {
        SSL_CTX_set_psk_client_callback(ctx, psk_client);
        SSL_CTX_set_psk_server_callback(ctx, psk_server);
    }
}

static void open_context(const struct options *o)
{
    SSL_CTX *ctx = SSL_CTX_new(o->server ? TLS_server_method() : TLS_client_method());

    if (ctx == NULL)
        fail("context");
    state.options = o;
    state.ctx = ctx;
    use_suite(ctx, o->suite);
    use_credentials(ctx, o);
    (void)SSL_CTX_set_dh_auto(ctx, 1);
    if (o->size_limit != 0 && !size_limit_offer(ctx, o->size_limit))
        fail("record_size_limit");
    if (o->server) {
        (void)SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"weir", 4);
    } else {
        (void)SSL_CTX_set_session_cache_mode(ctx,
                                             SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(ctx, keep_session);
    }
}

SSL *openssl_begin(void)
{
    state.ssl = SSL_new(state.ctx);
    if (state.ssl == NULL)
        fail("connection");
    if (state.options->server) {
        SSL_set_accept_state(state.ssl);
    } else {
        SSL_set_connect_state(state.ssl);
        if (SSL_set_tlsext_host_name(state.ssl, "localhost") != 1 ||
            SSL_set1_host(state.ssl, "localhost") != 1 ||
            (state.session != NULL && SSL_set_session(state.ssl, state.session) != 1))
            fail("connection");
    }
    return state.ssl;
}

static struct weir_handshake *begin(void)
{
    struct weir_refusal why;

    (void)openssl_begin();
    struct weir_handshake *hs = weir_openssl_handshake(state.ssl, &why);
    if (hs == NULL)
        die("OpenSSL: binding: %s", weir_refusal_text(why.code));
    if (state.options->size_limit != 0)
        size_limit_heed(hs, state.ssl, state.options->overstep);
    return hs;
}

static enum reuse end(bool clean)
{
    enum reuse reuse = SSL_session_reused(state.ssl) == 1 ? REUSE_YES : REUSE_NO;

    /* weir had the last word with the peer; without this OpenSSL forgets the session. */
    if (clean)
        SSL_set_shutdown(state.ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(state.ssl);
    state.ssl = NULL;
    return reuse;
}

static void close_context(void)
{
    SSL_SESSION_free(state.session);
    SSL_CTX_free(state.ctx);
}

const struct library library_openssl = {
    .name = "openssl",
    .aead = &weir_aead_openssl,
    .version = version,
    .has = has,
    .open = open_context,
    .begin = begin,
    .end = end,
    .close = close_context,
};
