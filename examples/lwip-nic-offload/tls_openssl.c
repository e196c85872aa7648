/* SPDX-License-Identifier: BSD-2-Clause */
#define OPENSSL_API_COMPAT 0x10101000L /* RAND_set_rand_method */
#include "tls.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/openssl.h>

#include "sim/base.h"

struct tls {
    SSL_CTX *ctx;
    SSL *ssl;
    BIO *in, *out; /* the peer's end: its transport */
    bool ended;
    const char *keylog;
    char failed[200];
};

/* ---- Randomness that repeats: for a simulation, and for nothing that talks to anybody. ---- */

static uint64_t random_state;

static int random_bytes(unsigned char *out, int len)
{
    for (int i = 0; i < len; i++)
        out[i] = (unsigned char)(sim_random(&random_state) >> 32);
    return 1;
}

static int random_ready(void)
{
    return 1;
}

static const RAND_METHOD repeatable = {
    .bytes = random_bytes, .pseudorand = random_bytes, .status = random_ready};

/* ---- The key that both ends know ---- */

static SSL_SESSION *psk_session(SSL *ssl)
{
    static const unsigned char suites[2][2] = {{0x13, 0x01}, {0x13, 0x02}};
    SSL_SESSION *session = SSL_SESSION_new();
    bool long_key = SSL_get_app_data(ssl) != NULL;
    const SSL_CIPHER *cipher = SSL_CIPHER_find(ssl, suites[long_key ? 1 : 0]);

    if (session == NULL || cipher == NULL ||
        SSL_SESSION_set1_master_key(session, tls_psk, sizeof tls_psk) != 1 ||
        SSL_SESSION_set_cipher(session, cipher) != 1 ||
        SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION) != 1)
        abort();
    return session;
}

static int use_psk13(SSL *ssl, const EVP_MD *md, const unsigned char **id, size_t *id_len,
                     SSL_SESSION **session)
{
    (void)md;
    *id = (const unsigned char *)TLS_PSK_NAME;
    *id_len = strlen(TLS_PSK_NAME);
    *session = psk_session(ssl);
    return 1;
}

static int find_psk13(SSL *ssl, const unsigned char *id, size_t id_len, SSL_SESSION **session)
{
    (void)id;
    (void)id_len;
    *session = psk_session(ssl);
    return 1;
}

static unsigned use_psk12(SSL *ssl, const char *hint, char *id, unsigned most, unsigned char *psk,
                          unsigned most_psk)
{
    (void)ssl;
    (void)hint;
    (void)most_psk;
    (void)snprintf(id, most, "%s", TLS_PSK_NAME);
    memcpy(psk, tls_psk, sizeof tls_psk);
    return sizeof tls_psk;
}

static unsigned find_psk12(SSL *ssl, const char *id, unsigned char *psk, unsigned most_psk)
{
    (void)ssl;
    (void)id;
    (void)most_psk;
    memcpy(psk, tls_psk, sizeof tls_psk);
    return sizeof tls_psk;
}

/* A line of the format that browsers write, too. */
static void log_key(const SSL *ssl, const char *line)
{
    const struct tls *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    FILE *file = fopen(t->keylog, "a");

    if (file != NULL) {
        (void)fprintf(file, "%s\n", line);
        (void)fclose(file);
    }
}

static bool configure(SSL_CTX *ctx, const struct tls_choice *choice)
{
    int version = choice->tls13 ? TLS1_3_VERSION : TLS1_2_VERSION;
    bool fine = SSL_CTX_set_min_proto_version(ctx, version) == 1 &&
                SSL_CTX_set_max_proto_version(ctx, version) == 1 &&
                SSL_CTX_set_cipher_list(ctx, choice->long_key ? "PSK-AES256-GCM-SHA384"
                                                              : "PSK-AES128-GCM-SHA256") == 1 &&
                SSL_CTX_set_ciphersuites(ctx, choice->long_key ? "TLS_AES_256_GCM_SHA384"
                                                               : "TLS_AES_128_GCM_SHA256") == 1;

    /* No tickets: the time of day is in them, and two runs would differ. */
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
    (void)SSL_CTX_set_num_tickets(ctx, 0);
    if (!choice->tls13 && choice->server)
        SSL_CTX_set_psk_server_callback(ctx, find_psk12);
    else if (!choice->tls13)
        SSL_CTX_set_psk_client_callback(ctx, use_psk12);
    else if (choice->server)
        SSL_CTX_set_psk_find_session_callback(ctx, find_psk13);
    else
        SSL_CTX_set_psk_use_session_callback(ctx, use_psk13);
    return fine;
}

static struct tls *open(const struct tls_choice *choice)
{
    struct tls *t = sim_alloc(sizeof *t);

    if (RAND_get_rand_method() != &repeatable) {
        random_state = choice->seed;
        (void)RAND_set_rand_method(&repeatable);
    }
    t->ctx = SSL_CTX_new(choice->server ? TLS_server_method() : TLS_client_method());
    if (t->ctx == NULL || !configure(t->ctx, choice) || (t->ssl = SSL_new(t->ctx)) == NULL)
        abort();
    t->keylog = choice->keylog;
    (void)SSL_CTX_set_app_data(t->ctx, t);
    if (t->keylog != NULL)
        SSL_CTX_set_keylog_callback(t->ctx, log_key);
    if (choice->long_key)
        (void)SSL_set_app_data(t->ssl, t);
    if (choice->server)
        SSL_set_accept_state(t->ssl);
    else
        SSL_set_connect_state(t->ssl);
    return t;
}

static void close(struct tls *t)
{
    SSL_free(t->ssl);
    SSL_CTX_free(t->ctx);
    free(t);
}

static struct weir_handshake *handshake(struct tls *t)
{
    struct weir_refusal why;
    struct weir_handshake *hs = weir_openssl_handshake(t->ssl, &why);

    if (hs == NULL)
        abort();
    return hs;
}

/* ---- The peer's end ---- */

static void plain(struct tls *t)
{
    t->in = BIO_new(BIO_s_mem());
    t->out = BIO_new(BIO_s_mem());
    if (t->in == NULL || t->out == NULL)
        abort();
    (void)BIO_set_mem_eof_return(t->in, -1);
    (void)BIO_set_mem_eof_return(t->out, -1);
    SSL_set_bio(t->ssl, t->in, t->out);
}

/* What a call answered that did not succeed. */
static void note(struct tls *t, int result)
{
    int error = SSL_get_error(t->ssl, result);

    if (error == SSL_ERROR_ZERO_RETURN)
        t->ended = true;
    else if (error != SSL_ERROR_WANT_READ && t->failed[0] == 0)
        ERR_error_string_n(ERR_get_error(), t->failed, sizeof t->failed);
}

static void input(struct tls *t, const uint8_t *bytes, size_t len)
{
    if (t->in == NULL)
        plain(t);
    if (len > 0 && BIO_write(t->in, bytes, (int)len) != (int)len)
        abort();
    ERR_clear_error();
    if (!SSL_is_init_finished(t->ssl)) {
        int result = SSL_do_handshake(t->ssl);
        if (result != 1)
            note(t, result);
    }
}

static bool up(const struct tls *t)
{
    return SSL_is_init_finished(t->ssl) == 1;
}

static size_t read(struct tls *t, uint8_t *out, size_t len)
{
    size_t got = 0;

    ERR_clear_error();
    int result = up(t) && !t->ended ? SSL_read_ex(t->ssl, out, len, &got) : 1;
    if (result != 1)
        note(t, result);
    return got;
}

static void write(struct tls *t, const uint8_t *data, size_t len)
{
    if (SSL_write(t->ssl, data, (int)len) != (int)len)
        abort();
}

static void key_update(struct tls *t, bool request)
{
    if (SSL_key_update(t->ssl, request ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED) !=
        1)
        abort();
}

static void close_notify(struct tls *t)
{
    (void)SSL_shutdown(t->ssl);
}

static bool ended(const struct tls *t)
{
    return t->ended;
}

static const char *failed(const struct tls *t)
{
    return t->failed[0] != 0 ? t->failed : NULL;
}

static size_t output(struct tls *t, uint8_t *out, size_t len)
{
    int got = t->out != NULL ? BIO_read(t->out, out, (int)len) : 0;

    return got > 0 ? (size_t)got : 0;
}

const struct tls_library tls_library_openssl = {
    .name = "openssl",
    .tls13 = true,
    .aead = &weir_aead_openssl,
    .open = open,
    .close = close,
    .handshake = handshake,
    .input = input,
    .up = up,
    .read = read,
    .write = write,
    .key_update = key_update,
    .close_notify = close_notify,
    .ended = ended,
    .failed = failed,
    .output = output,
};
