/* SPDX-License-Identifier: BSD-2-Clause */
/* mbedTLS 2.28 over send and receive functions. It has no TLS 1.3 of its own. */
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/ssl.h>
#include <mbedtls/version.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"

struct end {
    struct wire *in, *out;
    mbedtls_ssl_config config;
    mbedtls_ssl_context ssl;
};

struct ends {
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context random;
    mbedtls_x509_crt cert;
    mbedtls_pk_context key;
    int suites[2];
    struct end client, server;
};

static int out(void *to, const unsigned char *bytes, size_t len)
{
    struct end *end = to;

    return wire_put(end->out, bytes, len) ? (int)len : MBEDTLS_ERR_SSL_WANT_WRITE;
}

static int in(void *from, unsigned char *bytes, size_t len)
{
    struct end *end = from;
    size_t got = wire_get(end->in, bytes, len);

    return got > 0 ? (int)got : MBEDTLS_ERR_SSL_WANT_READ;
}

static bool make_end(struct ends *e, struct end *end, int side)
{
    mbedtls_ssl_init(&end->ssl);
    mbedtls_ssl_config_init(&end->config);
    if (mbedtls_ssl_config_defaults(&end->config, side, MBEDTLS_SSL_TRANSPORT_STREAM,
                                    MBEDTLS_SSL_PRESET_DEFAULT) != 0)
        return false;
    mbedtls_ssl_conf_authmode(&end->config, MBEDTLS_SSL_VERIFY_NONE);
    mbedtls_ssl_conf_rng(&end->config, mbedtls_ctr_drbg_random, &e->random);
    mbedtls_ssl_conf_ciphersuites(&end->config, e->suites);
    if (side == MBEDTLS_SSL_IS_SERVER &&
        mbedtls_ssl_conf_own_cert(&end->config, &e->cert, &e->key) != 0)
        return false;
    if (mbedtls_ssl_setup(&end->ssl, &end->config) != 0)
        return false;
    mbedtls_ssl_set_bio(&end->ssl, end, out, in, NULL);
    return true;
}

static void mbedtls_stop(void *self)
{
    struct ends *e = self;
    struct end *both[] = {&e->client, &e->server};

    for (int i = 0; i < 2; i++) {
        mbedtls_ssl_free(&both[i]->ssl);
        mbedtls_ssl_config_free(&both[i]->config);
    }
    mbedtls_pk_free(&e->key);
    mbedtls_x509_crt_free(&e->cert);
    mbedtls_ctr_drbg_free(&e->random);
    mbedtls_entropy_free(&e->entropy);
    free(e);
}

static bool connect_ends(struct ends *e, const struct setting *setting)
{
    static const int suites[CIPHERS] = {MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
                                        MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
                                        MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256};
    const struct identity *identity = setting->identity;

    mbedtls_entropy_init(&e->entropy);
    mbedtls_ctr_drbg_init(&e->random);
    mbedtls_x509_crt_init(&e->cert);
    mbedtls_pk_init(&e->key);
    mbedtls_ssl_init(&e->client.ssl);
    mbedtls_ssl_init(&e->server.ssl);
    e->suites[0] = suites[setting->cipher];
    e->client.in = e->server.out = setting->down;
    e->client.out = e->server.in = setting->up;
    if (mbedtls_ctr_drbg_seed(&e->random, mbedtls_entropy_func, &e->entropy, NULL, 0) != 0 ||
        mbedtls_x509_crt_parse(&e->cert, (const unsigned char *)identity->cert_pem,
                               strlen(identity->cert_pem) + 1) != 0 ||
        mbedtls_pk_parse_key(&e->key, (const unsigned char *)identity->key_pem,
                             strlen(identity->key_pem) + 1, NULL, 0) != 0 ||
        !make_end(e, &e->client, MBEDTLS_SSL_IS_CLIENT) ||
        !make_end(e, &e->server, MBEDTLS_SSL_IS_SERVER))
        return false;
    int client = MBEDTLS_ERR_SSL_WANT_READ;
    int server = client;
    for (int i = 0; i < 20 && (client != 0 || server != 0); i++) {
        client = mbedtls_ssl_handshake(&e->client.ssl);
        server = mbedtls_ssl_handshake(&e->server.ssl);
    }
    return client == 0 && server == 0;
}

static void *mbedtls_start(const struct setting *setting)
{
    struct ends *e = setting->tls13 ? NULL : calloc(1, sizeof *e);

    if (e != NULL && connect_ends(e, setting))
        return e;
    if (e != NULL)
        mbedtls_stop(e);
    return NULL;
}

static bool mbedtls_seal(void *self, const uint8_t *text, size_t len, size_t count)
{
    struct ends *e = self;

    for (size_t i = 0; i < count; i++)
        if (mbedtls_ssl_write(&e->client.ssl, text, len) != (int)len)
            return false;
    return true;
}

static bool mbedtls_open(void *self, uint8_t *room, size_t len, size_t count)
{
    struct ends *e = self;

    for (size_t i = 0; i < count; i++)
        if (mbedtls_ssl_read(&e->server.ssl, room, len) != (int)len)
            return false;
    return true;
}

static size_t mbedtls_drop_server(void *self)
{
    struct ends *e = self;

    mbedtls_ssl_free(&e->server.ssl);
    return sizeof e->server.ssl;
}

static const char *version(void)
{
    return MBEDTLS_VERSION_STRING;
}

const struct peer peer_mbedtls = {
    .name = "mbedtls",
    .version = version,
    .start = mbedtls_start,
    .seal = mbedtls_seal,
    .open = mbedtls_open,
    .drop_server = mbedtls_drop_server,
    .stop = mbedtls_stop,
};
