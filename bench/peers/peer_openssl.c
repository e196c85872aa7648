/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OpenSSL over a BIO of our own, which copies to memory and from it, as its manual shows. BoringSSL
 * has the same functions, but for the choice of a suite of TLS 1.3, which it makes itself.
 */
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdlib.h>

#include "peer.h"

struct pipe_ends {
    struct wire *in, *out;
};

struct ends {
    SSL_CTX *context[2];
    SSL *client, *server;
    BIO_METHOD *method;
    struct pipe_ends at_client, at_server;
};

static int bio_write(BIO *bio, const char *bytes, int len)
{
    struct pipe_ends *pipe = BIO_get_data(bio);

    return wire_put(pipe->out, bytes, (size_t)len) ? len : -1;
}

static int bio_read(BIO *bio, char *bytes, int len)
{
    struct pipe_ends *pipe = BIO_get_data(bio);
    size_t got = wire_get(pipe->in, bytes, (size_t)len);

    BIO_clear_retry_flags(bio);
    if (got == 0)
        BIO_set_retry_read(bio);
    return got > 0 ? (int)got : -1;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static bool join(struct ends *e, SSL *ssl, struct pipe_ends *pipe)
{
    BIO *bio = BIO_new(e->method);

    if (bio == NULL)
        return false;
    BIO_set_data(bio, pipe);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    return true;
}

static bool identify(SSL_CTX *context, const struct identity *identity)
{
    BIO *cert_bio = BIO_new_mem_buf(identity->cert_pem, -1);
    BIO *key_bio = BIO_new_mem_buf(identity->key_pem, -1);
    X509 *cert = PEM_read_bio_X509(cert_bio, NULL, NULL, NULL);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL);
    bool ok = cert != NULL && key != NULL && SSL_CTX_use_certificate(context, cert) == 1 &&
              SSL_CTX_use_PrivateKey(context, key) == 1;

    X509_free(cert);
    EVP_PKEY_free(key);
    BIO_free(cert_bio);
    BIO_free(key_bio);
    return ok;
}

static SSL_CTX *context_for(const struct setting *setting, const SSL_METHOD *method)
{
    static const char *const tls12[CIPHERS] = {"ECDHE-ECDSA-AES128-GCM-SHA256",
                                               "ECDHE-ECDSA-AES256-GCM-SHA384",
                                               "ECDHE-ECDSA-CHACHA20-POLY1305"};
    const uint16_t version = setting->tls13 ? TLS1_3_VERSION : TLS1_2_VERSION;
    SSL_CTX *context = SSL_CTX_new(method);

    if (context == NULL)
        return NULL;
    SSL_CTX_set_min_proto_version(context, version);
    SSL_CTX_set_max_proto_version(context, version);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(context, 0);
    if (setting->lean)
        SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
#ifdef OPENSSL_IS_BORINGSSL
    int chosen = setting->tls13 || SSL_CTX_set_cipher_list(context, tls12[setting->cipher]) == 1;
#else
    static const char *const tls13[CIPHERS] = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
                                               "TLS_CHACHA20_POLY1305_SHA256"};
    int chosen = setting->tls13 ? SSL_CTX_set_ciphersuites(context, tls13[setting->cipher])
                                : SSL_CTX_set_cipher_list(context, tls12[setting->cipher]);
#endif
    if (chosen == 1)
        return context;
    SSL_CTX_free(context);
    return NULL;
}

/* Of TLS 1.3: what BoringSSL chose may be another one. */
static bool as_asked(const struct setting *setting, const SSL *ssl)
{
    static const uint16_t suites[CIPHERS] = {0x1301, 0x1302, 0x1303}; /* RFC 8446, B.4 */

    return !setting->tls13 ||
           SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(ssl)) == suites[setting->cipher];
}

static size_t openssl_drop_server(void *self)
{
    struct ends *e = self;

    SSL_free(e->server);
    e->server = NULL;
    return 0;
}

static void openssl_stop(void *self)
{
    struct ends *e = self;

    SSL_free(e->client);
    SSL_free(e->server);
    SSL_CTX_free(e->context[0]);
    SSL_CTX_free(e->context[1]);
    BIO_meth_free(e->method);
    free(e);
}

static bool connect_ends(struct ends *e, const struct setting *setting)
{
    e->method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "wire");
    e->context[0] = context_for(setting, TLS_client_method());
    e->context[1] = context_for(setting, TLS_server_method());
    if (e->method == NULL || e->context[0] == NULL || e->context[1] == NULL ||
        !identify(e->context[1], setting->identity))
        return false;
    BIO_meth_set_write(e->method, bio_write);
    BIO_meth_set_read(e->method, bio_read);
    BIO_meth_set_ctrl(e->method, bio_control);
    e->client = SSL_new(e->context[0]);
    e->server = SSL_new(e->context[1]);
    e->at_client = (struct pipe_ends){setting->down, setting->up};
    e->at_server = (struct pipe_ends){setting->up, setting->down};
    if (e->client == NULL || e->server == NULL || !join(e, e->client, &e->at_client) ||
        !join(e, e->server, &e->at_server))
        return false;
    SSL_set_connect_state(e->client);
    SSL_set_accept_state(e->server);
    for (int i = 0; i < 10; i++)
        if (SSL_do_handshake(e->client) == 1 && SSL_do_handshake(e->server) == 1)
            return as_asked(setting, e->server);
        else
            (void)SSL_do_handshake(e->server);
    return false;
}

static void *openssl_start(const struct setting *setting)
{
    struct ends *e = calloc(1, sizeof *e);

    if (e != NULL && connect_ends(e, setting))
        return e;
    if (e != NULL)
        openssl_stop(e);
    return NULL;
}

static bool openssl_seal(void *self, const uint8_t *text, size_t len, size_t count)
{
    struct ends *e = self;

    for (size_t i = 0; i < count; i++)
        if (SSL_write(e->client, text, (int)len) != (int)len)
            return false;
    return true;
}

static bool openssl_open(void *self, uint8_t *room, size_t len, size_t count)
{
    struct ends *e = self;

    for (size_t i = 0; i < count; i++)
        if (SSL_read(e->server, room, (int)len) != (int)len)
            return false;
    return true;
}

static const char *openssl_version(void)
{
    return OpenSSL_version(OPENSSL_VERSION);
}

#ifdef OPENSSL_IS_BORINGSSL
const struct peer peer_boringssl; /* looked up by name */
const struct peer peer_boringssl = {
    .name = "boringssl",
#else
const struct peer peer_openssl = {
    .name = "openssl",
    .knows_lean = true,
#endif
    .version = openssl_version,
    .start = openssl_start,
    .seal = openssl_seal,
    .open = openssl_open,
    .drop_server = openssl_drop_server,
    .stop = openssl_stop,
};
