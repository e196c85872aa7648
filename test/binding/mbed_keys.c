/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The wire tap's keys, exported by mbedTLS itself. mbedTLS 3.x has one callback a connection, which
 * on a weir end is weir's; ours goes in front of it and calls it, for which the test must look
 * inside the context.
 */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS
#include "mbed_keys.h"

#include <criterion/criterion.h>
#include <string.h>

#if MBEDTLS_VERSION_NUMBER < 0x03000000

static int export_block(void *context, const unsigned char *master, const unsigned char *block,
                        size_t mac_len, size_t key_len, size_t iv_len,
                        const unsigned char client_random[32],
                        const unsigned char server_random[32], mbedtls_tls_prf_types prf)
{
    struct mbed_side *side = context;
    size_t len = 2 * (key_len + iv_len);

    (void)master;
    (void)client_random;
    (void)server_random;
    (void)prf;
    side->exported++;
    if (mac_len == 0 && len <= sizeof side->block)
        memcpy(side->block, block, len);
    return 0;
}

void mbed_listen_conf(struct mbed_side *side)
{
    mbedtls_ssl_conf_export_keys_ext_cb(&side->conf, export_block, side);
}

void mbed_listen_ssl(struct mbed_side *side)
{
    (void)side;
}

#else

static void keep_secret(struct mbed_side *side, int of_server, int application,
                        const uint8_t *secret, size_t len)
{
    cr_assert_leq(len, 48);
    memcpy(side->secret[of_server][application], secret, len);
    side->secret_len[of_server][application] = len;
}

static void export_key(void *context, mbedtls_ssl_key_export_type type, const unsigned char *secret,
                       size_t len, const unsigned char client_random[32],
                       const unsigned char server_random[32], mbedtls_tls_prf_types prf)
{
    struct mbed_side *side = context;
    uint8_t randoms[64];

    side->exported++;
    memcpy(randoms, server_random, 32);
    memcpy(randoms + 32, client_random, 32);
    if (type == MBEDTLS_SSL_KEY_EXPORT_TLS12_MASTER_SECRET)
        cr_assert_eq(mbedtls_ssl_tls_prf(prf, secret, len, "key expansion", randoms, sizeof randoms,
                                         side->block, sizeof side->block),
                     0);
#if defined(MBEDTLS_SSL_PROTO_TLS1_3)
    if (type == MBEDTLS_SSL_KEY_EXPORT_TLS1_3_CLIENT_HANDSHAKE_TRAFFIC_SECRET)
        keep_secret(side, 0, 0, secret, len);
    if (type == MBEDTLS_SSL_KEY_EXPORT_TLS1_3_SERVER_HANDSHAKE_TRAFFIC_SECRET)
        keep_secret(side, 1, 0, secret, len);
    if (type == MBEDTLS_SSL_KEY_EXPORT_TLS1_3_CLIENT_APPLICATION_TRAFFIC_SECRET)
        keep_secret(side, 0, 1, secret, len);
    if (type == MBEDTLS_SSL_KEY_EXPORT_TLS1_3_SERVER_APPLICATION_TRAFFIC_SECRET)
        keep_secret(side, 1, 1, secret, len);
#endif
    if (side->chained != NULL)
        side->chained(side->chained_context, type, secret, len, client_random, server_random, prf);
}

void mbed_listen_conf(struct mbed_side *side)
{
    (void)side;
}

void mbed_listen_ssl(struct mbed_side *side)
{
    side->chained = side->ssl.f_export_keys;
    side->chained_context = side->ssl.p_export_keys;
    mbedtls_ssl_set_export_keys_cb(&side->ssl, export_key, side);
}

#endif

static void give_tls12_keys(struct wiretap *tap, const struct mbed_side *side,
                            const struct weir_suite *suite)
{
    size_t key_len = weir_alg_key_len((weir_alg)suite->alg);
    bool implicit = suite->alg == WEIR_CHACHA20_POLY1305;
    size_t iv_len = implicit ? 12 : 4;

    for (size_t i = 0; i < 2; i++) {
        struct weir_keys *keys = &tap->side[i].keys;
        *keys = (struct weir_keys){.version = WEIR_TLS12, .suite = suite->id};
        keys->at.nonce_rule = (uint8_t)(implicit ? WEIR_NONCE_IMPLICIT : WEIR_NONCE_RANDOM);
        memcpy(keys->key, side->block + i * key_len, key_len);
        memcpy(keys->iv, side->block + 2 * key_len + i * iv_len, iv_len);
    }
}

void mbed_give_keys(struct wiretap *tap, const struct mbed_side *side, uint16_t suite)
{
    const struct weir_suite *known = weir_suite_find(suite);

    cr_assert_not_null(known);
    cr_assert_gt(side->exported, 0);
    if (known->version == WEIR_TLS12) {
        give_tls12_keys(tap, side, known);
        return;
    }
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(weir_keys_from_secret(&tap->side[i].keys, tap->kdf, suite, side->secret[i][0],
                                           side->secret_len[i][0]),
                     WEIR_OK);
        cr_assert_eq(weir_keys_from_secret(&tap->side[i].then, tap->kdf, suite, side->secret[i][1],
                                           side->secret_len[i][1]),
                     WEIR_OK);
    }
}
