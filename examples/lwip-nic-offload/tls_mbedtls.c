/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls.h"

#include <mbedtls/error.h>
#include <mbedtls/ssl.h>
#include <mbedtls/version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/mbedtls.h>

#include "sim/base.h"

#if MBEDTLS_VERSION_NUMBER >= 0x03000000
#include <psa/crypto.h>
#endif

struct tls {
    mbedtls_ssl_config config;
    mbedtls_ssl_context ssl;
    int suites[2];
    uint64_t random;
    /* The peer's end: bytes from the transport, and to it. */
    uint8_t *in, *out;
    size_t in_len, out_len;
    bool plain, up, ended;
    char failed[200];
};

/* Randomness that repeats: for a simulation, and for nothing that talks to anybody. */
static int random_bytes(void *user, unsigned char *out, size_t len)
{
    struct tls *t = user;

    for (size_t i = 0; i < len; i++)
        out[i] = (unsigned char)(sim_random(&t->random) >> 32);
    return 0;
}

static void must(int code)
{
    if (code != 0)
        abort();
}

static void configure(struct tls *t, const struct tls_choice *choice)
{
    mbedtls_ssl_config *c = &t->config;

    must(mbedtls_ssl_config_defaults(c,
                                     choice->server ? MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT,
                                     MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT));
    mbedtls_ssl_conf_rng(c, random_bytes, t);
    t->suites[0] = choice->long_key ? WEIR_TLS_PSK_WITH_AES_256_GCM_SHA384
                                    : WEIR_TLS_PSK_WITH_AES_128_GCM_SHA256;
    mbedtls_ssl_conf_ciphersuites(c, t->suites);
#if MBEDTLS_VERSION_NUMBER < 0x03000000
    mbedtls_ssl_conf_min_version(c, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_max_version(c, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
#else
    mbedtls_ssl_conf_min_tls_version(c, MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_max_tls_version(c, MBEDTLS_SSL_VERSION_TLS1_2);
#endif
    /* No tickets: the time of day is in them, and two runs would differ. */
    mbedtls_ssl_conf_session_tickets(c, MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
    must(mbedtls_ssl_conf_psk(c, tls_psk, sizeof tls_psk, (const unsigned char *)TLS_PSK_NAME,
                              strlen(TLS_PSK_NAME)));
}

static struct tls *open(const struct tls_choice *choice)
{
    struct tls *t = sim_alloc(sizeof *t);

#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    must((int)psa_crypto_init());
#endif
    t->random = choice->seed;
    mbedtls_ssl_init(&t->ssl);
    mbedtls_ssl_config_init(&t->config);
    configure(t, choice);
    must(mbedtls_ssl_setup(&t->ssl, &t->config));
    return t;
}

static void close(struct tls *t)
{
    mbedtls_ssl_free(&t->ssl);
    mbedtls_ssl_config_free(&t->config);
    free(t->in);
    free(t->out);
    free(t);
}

static struct weir_handshake *handshake(struct tls *t)
{
    struct weir_refusal why;
    struct weir_handshake *hs = weir_mbedtls_handshake(&t->ssl, &why);

    if (hs == NULL)
        abort();
    return hs;
}

/* ---- The peer's end ---- */

static void append(uint8_t **bytes, size_t *have, const uint8_t *more, size_t len)
{
    *bytes = sim_realloc(*bytes, *have + len + 1);
    sim_copy(*bytes + *have, more, len);
    *have += len;
}

static size_t take(uint8_t *bytes, size_t *have, uint8_t *out, size_t len)
{
    size_t n = len < *have ? len : *have;

    sim_copy(out, bytes, n);
    if (n > 0)
        memmove(bytes, bytes + n, *have - n);
    *have -= n;
    return n;
}

static int send_out(void *user, const unsigned char *bytes, size_t len)
{
    struct tls *t = user;

    append(&t->out, &t->out_len, bytes, len);
    return (int)len;
}

static int receive_in(void *user, unsigned char *out, size_t len)
{
    struct tls *t = user;
    size_t n = take(t->in, &t->in_len, out, len);

    return n > 0 ? (int)n : MBEDTLS_ERR_SSL_WANT_READ;
}

static void note(struct tls *t, int code)
{
    if (code == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY)
        t->ended = true;
    else if (code != MBEDTLS_ERR_SSL_WANT_READ && t->failed[0] == 0)
        (void)snprintf(t->failed, sizeof t->failed, "mbedTLS: -0x%04x", (unsigned)-code);
}

static void input(struct tls *t, const uint8_t *bytes, size_t len)
{
    if (!t->plain)
        mbedtls_ssl_set_bio(&t->ssl, t, send_out, receive_in, NULL);
    t->plain = true;
    append(&t->in, &t->in_len, bytes, len);
    if (!t->up) {
        int code = mbedtls_ssl_handshake(&t->ssl);
        t->up = code == 0;
        if (code != 0)
            note(t, code);
    }
}

static bool up(const struct tls *t)
{
    return t->up;
}

static size_t read(struct tls *t, uint8_t *out, size_t len)
{
    int code = t->up && !t->ended && t->failed[0] == 0 ? mbedtls_ssl_read(&t->ssl, out, len)
                                                       : MBEDTLS_ERR_SSL_WANT_READ;

    if (code <= 0)
        note(t, code == 0 ? MBEDTLS_ERR_SSL_CONN_EOF : code);
    return code > 0 ? (size_t)code : 0;
}

static void write(struct tls *t, const uint8_t *data, size_t len)
{
    for (size_t done = 0; done < len;) {
        int n = mbedtls_ssl_write(&t->ssl, data + done, len - done);
        if (n <= 0)
            abort();
        done += (size_t)n;
    }
}

static void close_notify(struct tls *t)
{
    must(mbedtls_ssl_close_notify(&t->ssl));
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
    return take(t->out, &t->out_len, out, len);
}

const struct tls_library tls_library_mbedtls = {
    .name = "mbedtls",
    .tls13 = false,
    .aead = &weir_aead_mbedtls,
    .open = open,
    .close = close,
    .handshake = handshake,
    .input = input,
    .up = up,
    .read = read,
    .write = write,
    .close_notify = close_notify,
    .ended = ended,
    .failed = failed,
    .output = output,
};
