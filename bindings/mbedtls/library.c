/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What differs between mbedTLS 2.28 and 3.x. 2.28 shows its structs; 3.x hides them, and has a
 * call for most of what is needed and an export callback of each connection for the secrets.
 */
#include "internal.h"

#include <mbedtls/version.h>
#include <string.h>

#if !defined(MBEDTLS_SSL_PROTO_TLS1_2) && !defined(MBEDTLS_SSL_PROTO_TLS1_3)
#error "this binding needs an mbedTLS built for TLS 1.2 or 1.3"
#endif

#if MBEDTLS_VERSION_NUMBER < 0x03000000

bool weir_mbedtls_is_server(const mbedtls_ssl_context *ssl)
{
    return ssl->conf->endpoint == MBEDTLS_SSL_IS_SERVER;
}

weir_refusal_code weir_mbedtls_judge(mbedtls_ssl_context *ssl)
{
    if (ssl->conf->transport != MBEDTLS_SSL_TRANSPORT_STREAM)
        return WEIR_REFUSAL_VERSION;
    if (ssl->state == MBEDTLS_SSL_HELLO_REQUEST)
        return WEIR_REFUSAL_NONE;
    /* There is no getter for the randoms, and the tap has not seen them. */
    return mbedtls_ssl_check_pending(ssl) != 0 ? WEIR_REFUSAL_READ_AHEAD : WEIR_REFUSAL_NO_EXPORT;
}

void weir_mbedtls_listen(mbedtls_ssl_context *ssl, struct mbedtls_binding *b)
{
    /* Nothing to listen to: the callback is the configuration's, and without the randoms. */
    (void)ssl;
    (void)b;
}

const uint8_t *weir_mbedtls_master(const struct mbedtls_binding *b)
{
    const mbedtls_ssl_session *session = mbedtls_ssl_get_session_pointer(b->ssl);

    return session == NULL ? NULL : session->master;
}

#else

bool weir_mbedtls_is_server(const mbedtls_ssl_context *ssl)
{
    return mbedtls_ssl_conf_get_endpoint(mbedtls_ssl_context_get_config(ssl)) ==
           MBEDTLS_SSL_IS_SERVER;
}

weir_refusal_code weir_mbedtls_judge(mbedtls_ssl_context *ssl)
{
    /* A handshake under way is not told, nor DTLS; taking the keys fails for both. */
    if (!mbedtls_ssl_is_handshake_over(ssl))
        return WEIR_REFUSAL_NONE;
    return mbedtls_ssl_check_pending(ssl) != 0 ? WEIR_REFUSAL_READ_AHEAD : WEIR_REFUSAL_NO_EXPORT;
}

/* The callback's type gives it no way to fail: what is missing is missed when the keys are taken.
 */
static void take_secret(void *binding, mbedtls_ssl_key_export_type type,
                        const unsigned char *secret, size_t len,
                        const unsigned char client_random[32],
                        const unsigned char server_random[32], mbedtls_tls_prf_types prf)
{
    struct mbedtls_binding *b = binding;
    enum weir_dir from_client = b->hs.server ? WEIR_RX : WEIR_TX;
    enum weir_dir from_server = b->hs.server ? WEIR_TX : WEIR_RX;

    (void)client_random; /* the tap has both */
    (void)server_random;
    (void)prf;
    if (b->tap == NULL)
        return;
    switch (type) {
    case MBEDTLS_SSL_KEY_EXPORT_TLS12_MASTER_SECRET:
        b->has_master = len == sizeof b->master;
        if (b->has_master)
            memcpy(b->master, secret, sizeof b->master);
        break;
#if defined(MBEDTLS_SSL_PROTO_TLS1_3)
    case MBEDTLS_SSL_KEY_EXPORT_TLS1_3_CLIENT_HANDSHAKE_TRAFFIC_SECRET:
        weir_tap_secret(b->tap, from_client, WEIR_TAP_HANDSHAKE, secret, len);
        break;
    case MBEDTLS_SSL_KEY_EXPORT_TLS1_3_SERVER_HANDSHAKE_TRAFFIC_SECRET:
        weir_tap_secret(b->tap, from_server, WEIR_TAP_HANDSHAKE, secret, len);
        break;
    case MBEDTLS_SSL_KEY_EXPORT_TLS1_3_CLIENT_APPLICATION_TRAFFIC_SECRET:
        weir_tap_secret(b->tap, from_client, WEIR_TAP_APPLICATION, secret, len);
        break;
    case MBEDTLS_SSL_KEY_EXPORT_TLS1_3_SERVER_APPLICATION_TRAFFIC_SECRET:
        weir_tap_secret(b->tap, from_server, WEIR_TAP_APPLICATION, secret, len);
        break;
    case MBEDTLS_SSL_KEY_EXPORT_TLS1_3_CLIENT_EARLY_SECRET:
    case MBEDTLS_SSL_KEY_EXPORT_TLS1_3_EARLY_EXPORTER_SECRET:
        break;
#endif
    }
}

void weir_mbedtls_listen(mbedtls_ssl_context *ssl, struct mbedtls_binding *b)
{
    mbedtls_ssl_set_export_keys_cb(ssl, b == NULL ? NULL : take_secret, b);
}

const uint8_t *weir_mbedtls_master(const struct mbedtls_binding *b)
{
    return b->has_master ? b->master : NULL;
}

#endif

size_t weir_mbedtls_out_limit(const mbedtls_ssl_context *ssl, uint16_t version)
{
    int limit = mbedtls_ssl_get_max_out_record_payload(ssl);
    size_t bytes = limit > 0 ? (size_t)limit : WEIR_MAX_PLAINTEXT;

#if !defined(MBEDTLS_SSL_RECORD_SIZE_LIMIT)
    /* 3.x leaves one byte for the inner content type, which RFC 8446 section 5.2 does not count. */
    if (version == WEIR_TLS13)
        bytes++;
#else
    (void)version;
#endif
    return bytes < WEIR_MAX_PLAINTEXT ? bytes : WEIR_MAX_PLAINTEXT;
}
