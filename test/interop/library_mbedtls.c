/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer.h"

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ticket.h>
#include <mbedtls/version.h>
#include <string.h>
#include <weir/mbedtls.h>
#if MBEDTLS_VERSION_MAJOR >= 3
#include <psa/crypto.h>
#endif

static struct {
    const struct options *options;
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context random;
    mbedtls_ssl_config config;
    mbedtls_x509_crt cert, ca;
    mbedtls_pk_context key;
    mbedtls_ssl_ticket_context tickets;
    mbedtls_ssl_context ssl;
    mbedtls_ssl_session session; /* for the next connection */
    bool has_session;
    int suites[2];
} state;

static void check(int rc, const char *what)
{
    char text[128];

    if (rc == 0)
        return;
    mbedtls_strerror(rc, text, sizeof text);
    die("mbedTLS: %s: %s", what, text);
}

static const char *version(void)
{
    return "mbedTLS " MBEDTLS_VERSION_STRING;
}

static bool has(const struct weir_suite *suite)
{
    for (const int *id = mbedtls_ssl_list_ciphersuites(); *id != 0; id++)
        if (*id == suite->id)
            return true;
    return false;
}

static void use_version(mbedtls_ssl_config *config, uint16_t wanted)
{
#if MBEDTLS_VERSION_MAJOR >= 3
    mbedtls_ssl_protocol_version value =
        wanted == WEIR_TLS13 ? MBEDTLS_SSL_VERSION_TLS1_3 : MBEDTLS_SSL_VERSION_TLS1_2;
    mbedtls_ssl_conf_min_tls_version(config, value);
    mbedtls_ssl_conf_max_tls_version(config, value);
#else
    if (wanted != WEIR_TLS12)
        die("mbedTLS 2.28 has no TLS 1.3");
    mbedtls_ssl_conf_min_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_max_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
#endif
}

static void use_certificate(const struct options *o)
{
    check(mbedtls_x509_crt_parse_file(&state.cert, o->cert), "certificate");
#if MBEDTLS_VERSION_MAJOR >= 3
    check(
        mbedtls_pk_parse_keyfile(&state.key, o->key, NULL, mbedtls_ctr_drbg_random, &state.random),
        "key");
#else
    check(mbedtls_pk_parse_keyfile(&state.key, o->key, NULL), "key");
#endif
    check(mbedtls_ssl_conf_own_cert(&state.config, &state.cert, &state.key), "own certificate");
}

static void use_credentials(const struct options *o)
{
    if (o->cert != NULL)
        use_certificate(o);
    mbedtls_ssl_conf_authmode(&state.config, o->ca != NULL ? MBEDTLS_SSL_VERIFY_REQUIRED
                                                           : MBEDTLS_SSL_VERIFY_NONE);
    if (o->ca != NULL) {
        check(mbedtls_x509_crt_parse_file(&state.ca, o->ca), "CA");
        mbedtls_ssl_conf_ca_chain(&state.config, &state.ca, NULL);
    }
    if (o->psk_len > 0)
        check(mbedtls_ssl_conf_psk(&state.config, o->psk, o->psk_len,
                                   (const unsigned char *)o->psk_identity, strlen(o->psk_identity)),
              "PSK");
}

static void open_context(const struct options *o)
{
    state.options = o;
    state.suites[0] = o->suite->id;
#if MBEDTLS_VERSION_MAJOR >= 3
    if (psa_crypto_init() != PSA_SUCCESS)
        die("mbedTLS: psa_crypto_init");
#endif
    mbedtls_entropy_init(&state.entropy);
    mbedtls_ctr_drbg_init(&state.random);
    mbedtls_ssl_config_init(&state.config);
    mbedtls_x509_crt_init(&state.cert);
    mbedtls_x509_crt_init(&state.ca);
    mbedtls_pk_init(&state.key);
    mbedtls_ssl_ticket_init(&state.tickets);
    mbedtls_ssl_session_init(&state.session);
    check(mbedtls_ctr_drbg_seed(&state.random, mbedtls_entropy_func, &state.entropy, NULL, 0),
          "random numbers");
    check(mbedtls_ssl_config_defaults(&state.config,
                                      o->server ? MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT,
                                      MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT),
          "configuration");
    mbedtls_ssl_conf_rng(&state.config, mbedtls_ctr_drbg_random, &state.random);
    mbedtls_ssl_conf_ciphersuites(&state.config, state.suites);
    use_version(&state.config, o->suite->version);
#if MBEDTLS_VERSION_NUMBER >= 0x03060100 && defined(MBEDTLS_SSL_SESSION_TICKETS)
    if (!o->server)
        mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(
            &state.config, MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
#endif
    use_credentials(o);
    if (o->server) {
        check(mbedtls_ssl_ticket_setup(&state.tickets, mbedtls_ctr_drbg_random, &state.random,
                                       MBEDTLS_CIPHER_AES_256_GCM, 3600),
              "tickets");
        mbedtls_ssl_conf_session_tickets_cb(&state.config, mbedtls_ssl_ticket_write,
                                            mbedtls_ssl_ticket_parse, &state.tickets);
    }
}

static struct weir_handshake *begin(void)
{
    struct weir_refusal why;

    mbedtls_ssl_init(&state.ssl);
    check(mbedtls_ssl_setup(&state.ssl, &state.config), "connection");
    if (!state.options->server)
        check(mbedtls_ssl_set_hostname(&state.ssl, "localhost"), "host name");
    if (state.has_session)
        check(mbedtls_ssl_set_session(&state.ssl, &state.session), "session");
    struct weir_handshake *hs = weir_mbedtls_handshake(&state.ssl, &why);
    if (hs == NULL)
        die("mbedTLS: binding: %s", weir_refusal_text(why.code));
    return hs;
}

/* mbedTLS does not tell whether a session was resumed. A client sees it by the master secret, which
 * only a resumed session shares with the one before. */
static enum reuse compare(const mbedtls_ssl_session *now)
{
    if (state.options->suite->version != WEIR_TLS12)
        return REUSE_UNKNOWN;
    if (!state.has_session)
        return REUSE_NO;
#if MBEDTLS_VERSION_MAJOR >= 3
    const unsigned char *a = now->MBEDTLS_PRIVATE(master);
    const unsigned char *b = state.session.MBEDTLS_PRIVATE(master);
#else
    const unsigned char *a = now->master, *b = state.session.master;
#endif
    return memcmp(a, b, 48) == 0 ? REUSE_YES : REUSE_NO;
}

static enum reuse end(bool clean)
{
    enum reuse reuse = REUSE_UNKNOWN;
    mbedtls_ssl_session now;

    mbedtls_ssl_session_init(&now);
    if (!state.options->server && mbedtls_ssl_get_session(&state.ssl, &now) == 0) {
        reuse = compare(&now);
        mbedtls_ssl_session_free(&state.session);
        state.session = now;
        state.has_session = clean;
    } else {
        mbedtls_ssl_session_free(&now);
    }
    mbedtls_ssl_free(&state.ssl);
    return reuse;
}

static void close_context(void)
{
    mbedtls_ssl_session_free(&state.session);
    mbedtls_ssl_ticket_free(&state.tickets);
    mbedtls_pk_free(&state.key);
    mbedtls_x509_crt_free(&state.ca);
    mbedtls_x509_crt_free(&state.cert);
    mbedtls_ssl_config_free(&state.config);
    mbedtls_ctr_drbg_free(&state.random);
    mbedtls_entropy_free(&state.entropy);
}

const struct library library_mbedtls = {
    .name = "mbedtls",
    .aead = &weir_aead_mbedtls,
    .version = version,
    .has = has,
    .open = open_context,
    .begin = begin,
    .end = end,
    .close = close_context,
};
