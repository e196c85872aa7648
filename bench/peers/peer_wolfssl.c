/* SPDX-License-Identifier: BSD-2-Clause */
/* wolfSSL over send and receive functions. */
#include <stdlib.h>
#include <string.h>
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/version.h>

#include "peer.h"

struct pipe_ends {
    struct wire *in, *out;
};

struct ends {
    WOLFSSL_CTX *context[2];
    WOLFSSL *client, *server;
    struct pipe_ends at_client, at_server;
};

static int out(WOLFSSL *ssl, char *bytes, int len, void *to)
{
    struct pipe_ends *pipe = to;

    (void)ssl;
    return wire_put(pipe->out, bytes, (size_t)len) ? len : WOLFSSL_CBIO_ERR_GENERAL;
}

static int in(WOLFSSL *ssl, char *bytes, int len, void *from)
{
    struct pipe_ends *pipe = from;
    size_t got = wire_get(pipe->in, bytes, (size_t)len);

    (void)ssl;
    return got > 0 ? (int)got : WOLFSSL_CBIO_ERR_WANT_READ;
}

static WOLFSSL_CTX *context_for(const struct setting *setting, WOLFSSL_METHOD *method)
{
    static const char *const names[2][CIPHERS] = {
        {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
         "ECDHE-ECDSA-CHACHA20-POLY1305"},
        {"TLS13-AES128-GCM-SHA256", "TLS13-AES256-GCM-SHA384", "TLS13-CHACHA20-POLY1305-SHA256"}};
    WOLFSSL_CTX *context = wolfSSL_CTX_new(method);

    if (context == NULL)
        return NULL;
    wolfSSL_CTX_set_verify(context, WOLFSSL_VERIFY_NONE, NULL);
    wolfSSL_CTX_SetIOSend(context, out);
    wolfSSL_CTX_SetIORecv(context, in);
    if (wolfSSL_CTX_set_cipher_list(context, names[setting->tls13][setting->cipher]) ==
        WOLFSSL_SUCCESS)
        return context;
    wolfSSL_CTX_free(context);
    return NULL;
}

static void wolfssl_stop(void *self)
{
    struct ends *e = self;

    wolfSSL_free(e->client);
    wolfSSL_free(e->server);
    wolfSSL_CTX_free(e->context[0]);
    wolfSSL_CTX_free(e->context[1]);
    free(e);
}

static bool connect_ends(struct ends *e, const struct setting *setting)
{
    const struct identity *id = setting->identity;

    e->context[0] = context_for(setting, setting->tls13 ? wolfTLSv1_3_client_method()
                                                        : wolfTLSv1_2_client_method());
    e->context[1] = context_for(setting, setting->tls13 ? wolfTLSv1_3_server_method()
                                                        : wolfTLSv1_2_server_method());
    if (e->context[0] == NULL || e->context[1] == NULL ||
        wolfSSL_CTX_use_certificate_buffer(e->context[1], (const unsigned char *)id->cert_pem,
                                           (long)strlen(id->cert_pem),
                                           WOLFSSL_FILETYPE_PEM) != WOLFSSL_SUCCESS ||
        wolfSSL_CTX_use_PrivateKey_buffer(e->context[1], (const unsigned char *)id->key_pem,
                                          (long)strlen(id->key_pem),
                                          WOLFSSL_FILETYPE_PEM) != WOLFSSL_SUCCESS)
        return false;
    e->client = wolfSSL_new(e->context[0]);
    e->server = wolfSSL_new(e->context[1]);
    if (e->client == NULL || e->server == NULL)
        return false;
    e->at_client = (struct pipe_ends){setting->down, setting->up};
    e->at_server = (struct pipe_ends){setting->up, setting->down};
    wolfSSL_SetIOReadCtx(e->client, &e->at_client);
    wolfSSL_SetIOWriteCtx(e->client, &e->at_client);
    wolfSSL_SetIOReadCtx(e->server, &e->at_server);
    wolfSSL_SetIOWriteCtx(e->server, &e->at_server);
    int client = 0;
    int server = 0;
    for (int i = 0; i < 20 && (client != WOLFSSL_SUCCESS || server != WOLFSSL_SUCCESS); i++) {
        client = wolfSSL_connect(e->client);
        server = wolfSSL_accept(e->server);
    }
    return client == WOLFSSL_SUCCESS && server == WOLFSSL_SUCCESS;
}

static void *wolfssl_start(const struct setting *setting)
{
    struct ends *e = calloc(1, sizeof *e);

    if (e != NULL && connect_ends(e, setting))
        return e;
    if (e != NULL)
        wolfssl_stop(e);
    return NULL;
}

static bool wolfssl_seal(void *self, const uint8_t *text, size_t len, size_t count)
{
    struct ends *e = self;

    for (size_t i = 0; i < count; i++)
        if (wolfSSL_write(e->client, text, (int)len) != (int)len)
            return false;
    return true;
}

static bool wolfssl_open(void *self, uint8_t *room, size_t len, size_t count)
{
    struct ends *e = self;

    for (size_t i = 0; i < count; i++)
        if (wolfSSL_read(e->server, room, (int)len) != (int)len)
            return false;
    return true;
}

static size_t wolfssl_drop_server(void *self)
{
    struct ends *e = self;

    wolfSSL_free(e->server);
    e->server = NULL;
    return 0;
}

static const char *version(void)
{
    return wolfSSL_lib_version();
}

const struct peer peer_wolfssl = {
    .name = "wolfssl",
    .version = version,
    .start = wolfssl_start,
    .seal = wolfssl_seal,
    .open = wolfssl_open,
    .drop_server = wolfssl_drop_server,
    .stop = wolfssl_stop,
};
