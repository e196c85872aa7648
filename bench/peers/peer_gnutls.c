/* SPDX-License-Identifier: BSD-2-Clause */
/* GnuTLS over push and pull functions. */
#include <errno.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"

struct pipe_ends {
    struct wire *in, *out;
    gnutls_session_t session;
};

struct ends {
    gnutls_certificate_credentials_t credentials[2];
    gnutls_priority_t priority;
    struct pipe_ends client, server;
};

static ssize_t push(gnutls_transport_ptr_t to, const void *bytes, size_t len)
{
    struct pipe_ends *pipe = to;

    return wire_put(pipe->out, bytes, len) ? (ssize_t)len : -1;
}

static ssize_t pull(gnutls_transport_ptr_t from, void *bytes, size_t len)
{
    struct pipe_ends *pipe = from;
    size_t got = wire_get(pipe->in, bytes, len);

    if (got == 0)
        gnutls_transport_set_errno(pipe->session, EAGAIN);
    return got > 0 ? (ssize_t)got : -1;
}

static int pull_later(gnutls_transport_ptr_t from, unsigned milliseconds)
{
    (void)from;
    (void)milliseconds;
    return 1;
}

static bool make_end(struct pipe_ends *end, unsigned flags, gnutls_priority_t priority,
                     gnutls_certificate_credentials_t credentials)
{
    if (gnutls_init(&end->session, flags | GNUTLS_NONBLOCK | GNUTLS_NO_TICKETS) != 0 ||
        gnutls_priority_set(end->session, priority) != 0 ||
        gnutls_credentials_set(end->session, GNUTLS_CRD_CERTIFICATE, credentials) != 0)
        return false;
    gnutls_transport_set_ptr(end->session, end);
    gnutls_transport_set_push_function(end->session, push);
    gnutls_transport_set_pull_function(end->session, pull);
    gnutls_transport_set_pull_timeout_function(end->session, pull_later);
    return true;
}

static void gnutls_stop(void *self)
{
    struct ends *e = self;

    if (e->client.session != NULL)
        gnutls_deinit(e->client.session);
    if (e->server.session != NULL)
        gnutls_deinit(e->server.session);
    for (int i = 0; i < 2; i++)
        if (e->credentials[i] != NULL)
            gnutls_certificate_free_credentials(e->credentials[i]);
    if (e->priority != NULL)
        gnutls_priority_deinit(e->priority);
    free(e);
}

static bool connect_ends(struct ends *e, const struct setting *setting)
{
    static const char *const ciphers[CIPHERS] = {"AES-128-GCM", "AES-256-GCM", "CHACHA20-POLY1305"};
    const struct identity *identity = setting->identity;
    gnutls_datum_t cert = {(unsigned char *)(uintptr_t)identity->cert_pem,
                           (unsigned)strlen(identity->cert_pem)};
    gnutls_datum_t key = {(unsigned char *)(uintptr_t)identity->key_pem,
                          (unsigned)strlen(identity->key_pem)};
    char priority[128];

    (void)snprintf(priority, sizeof priority, "NORMAL:-VERS-ALL:+VERS-TLS1.%d:-CIPHER-ALL:+%s",
                   setting->tls13 ? 3 : 2, ciphers[setting->cipher]);
    e->client.in = e->server.out = setting->down;
    e->client.out = e->server.in = setting->up;
    if (gnutls_priority_init(&e->priority, priority, NULL) != 0 ||
        gnutls_certificate_allocate_credentials(&e->credentials[0]) != 0 ||
        gnutls_certificate_allocate_credentials(&e->credentials[1]) != 0 ||
        gnutls_certificate_set_x509_key_mem(e->credentials[1], &cert, &key, GNUTLS_X509_FMT_PEM) !=
            0 ||
        !make_end(&e->client, GNUTLS_CLIENT, e->priority, e->credentials[0]) ||
        !make_end(&e->server, GNUTLS_SERVER, e->priority, e->credentials[1]))
        return false;
    int client = GNUTLS_E_AGAIN;
    int server = GNUTLS_E_AGAIN;
    for (int i = 0; i < 20 && (client == GNUTLS_E_AGAIN || server == GNUTLS_E_AGAIN); i++) {
        if (client == GNUTLS_E_AGAIN)
            client = gnutls_handshake(e->client.session);
        if (server == GNUTLS_E_AGAIN)
            server = gnutls_handshake(e->server.session);
    }
    return client == 0 && server == 0;
}

static void *gnutls_start(const struct setting *setting)
{
    struct ends *e = calloc(1, sizeof *e);

    if (e != NULL && connect_ends(e, setting))
        return e;
    if (e != NULL)
        gnutls_stop(e);
    return NULL;
}

static bool gnutls_seal(void *self, const uint8_t *text, size_t len, size_t count)
{
    struct ends *e = self;

    for (size_t i = 0; i < count; i++)
        if (gnutls_record_send(e->client.session, text, len) != (ssize_t)len)
            return false;
    return true;
}

static bool gnutls_open(void *self, uint8_t *room, size_t len, size_t count)
{
    struct ends *e = self;

    for (size_t i = 0; i < count; i++)
        if (gnutls_record_recv(e->server.session, room, len) != (ssize_t)len)
            return false;
    return true;
}

static size_t gnutls_drop_server(void *self)
{
    struct ends *e = self;

    gnutls_deinit(e->server.session);
    e->server.session = NULL;
    return 0;
}

static const char *version(void)
{
    return gnutls_check_version(NULL);
}

const struct peer peer_gnutls = {
    .name = "gnutls",
    .version = version,
    .start = gnutls_start,
    .seal = gnutls_seal,
    .open = gnutls_open,
    .drop_server = gnutls_drop_server,
    .stop = gnutls_stop,
};
