/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The traffic secrets of TLS 1.3, as OpenSSL gives them away: lines of the key log
 * (draft-ietf-tls-keylogfile), through a callback that belongs to an SSL_CTX and finds the
 * connection by ex_data of the SSL.
 */
#include "listen.h"

#include <openssl/crypto.h>
#include <string.h>
#include <weir/openssl.h>

/*
 * OpenSSL hands out ex_data indices at run time and for the life of the process; so these are
 * written once, before anybody reads them, and never again.
 */
static CRYPTO_ONCE indices_once = CRYPTO_ONCE_STATIC_INIT;
static int ssl_index = -1;
static int ctx_index = -1;

/* Kept with an SSL_CTX. */
struct hook {
    SSL_CTX_keylog_cb_func chained; /* what the application had set, or NULL */
};

static void free_hook(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl, void *argp)
{
    (void)parent;
    (void)ad;
    (void)idx;
    (void)argl;
    (void)argp;
    OPENSSL_free(ptr);
}

static void free_listener(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl,
                          void *argp)
{
    struct weir_openssl_listener *listener = ptr;

    (void)parent;
    (void)ad;
    (void)idx;
    (void)argl;
    (void)argp;
    if (listener != NULL && listener->release != NULL)
        listener->release(listener);
}

/* SSL_dup makes another connection, which the listener neither knows nor outlives. */
static int forget_in_copy(CRYPTO_EX_DATA *to, const CRYPTO_EX_DATA *from, void **ptr, int idx,
                          long argl, void *argp)
{
    (void)to;
    (void)from;
    (void)idx;
    (void)argl;
    (void)argp;
    *ptr = NULL;
    return 1;
}

static void make_indices(void)
{
    ssl_index = SSL_get_ex_new_index(0, NULL, NULL, forget_in_copy, free_listener);
    ctx_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_hook);
}

static bool have_indices(void)
{
    return CRYPTO_THREAD_run_once(&indices_once, make_indices) == 1 && ssl_index >= 0 &&
           ctx_index >= 0;
}

static const struct {
    const char *label;
    bool of_server; /* the server writes with it */
    enum weir_tap_secret which;
} labels[] = {
    {"CLIENT_HANDSHAKE_TRAFFIC_SECRET", false, WEIR_TAP_HANDSHAKE},
    {"SERVER_HANDSHAKE_TRAFFIC_SECRET", true, WEIR_TAP_HANDSHAKE},
    {"CLIENT_TRAFFIC_SECRET_0", false, WEIR_TAP_APPLICATION},
    {"SERVER_TRAFFIC_SECRET_0", true, WEIR_TAP_APPLICATION},
};

/* A hexadecimal digit's value, without a branch or a look-up: the digits are a secret's. */
static unsigned nibble(char digit)
{
    unsigned c = (unsigned char)digit;

    return (c & 15u) + 9u * (c >> 6);
}

/* Decodes the digits from `hex` to the end of the line. Returns the bytes, 0 if they are too many.
 */
static size_t decode(const char *hex, uint8_t *out, size_t cap)
{
    size_t len = strlen(hex) / 2;

    if (len > cap)
        return 0;
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(nibble(hex[2 * i]) << 4 | nibble(hex[2 * i + 1]));
    return len;
}

/* "LABEL client_random secret" */
static void hear(struct weir_openssl_listener *listener, const SSL *ssl, const char *line)
{
    const char *space = strchr(line, ' ');
    const char *last = strrchr(line, ' ');
    uint8_t secret[WEIR_MAX_SECRET];

    if (space == NULL || last == space)
        return;
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
        if (strlen(labels[i].label) != (size_t)(space - line) ||
            memcmp(labels[i].label, line, (size_t)(space - line)) != 0)
            continue;
        const struct weir_openssl_heard heard = {
            .of_server = labels[i].of_server,
            .which = labels[i].which,
            .secret = secret,
            .len = decode(last + 1, secret, sizeof secret),
        };
        listener->hear(listener, ssl, &heard);
        weir_wipe(secret, sizeof secret);
    }
}

static void on_keylog(const SSL *ssl, const char *line)
{
    struct weir_openssl_listener *listener = SSL_get_ex_data(ssl, ssl_index);
    const struct hook *hook = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), ctx_index);

    if (listener != NULL)
        hear(listener, ssl, line);
    if (hook != NULL && hook->chained != NULL)
        hook->chained(ssl, line);
}

bool weir_openssl_prepare(SSL_CTX *ctx)
{
    if (!have_indices())
        return false;
    /* Never twice: a callback set since then may itself call ours, and would be called by it. */
    if (SSL_CTX_get_ex_data(ctx, ctx_index) != NULL)
        return true;

    struct hook *hook = OPENSSL_zalloc(sizeof *hook);
    if (hook == NULL)
        return false;
    hook->chained = SSL_CTX_get_keylog_callback(ctx);
    if (SSL_CTX_set_ex_data(ctx, ctx_index, hook) != 1) {
        OPENSSL_free(hook);
        return false;
    }
    SSL_CTX_set_keylog_callback(ctx, on_keylog);
    return true;
}

bool weir_openssl_listen(SSL *ssl, struct weir_openssl_listener *listener)
{
    if (!have_indices())
        return false;
    struct weir_openssl_listener *before = SSL_get_ex_data(ssl, ssl_index);
    if (SSL_set_ex_data(ssl, ssl_index, listener) != 1)
        return false;
    if (before != NULL && before->release != NULL)
        before->release(before);
    return true;
}
