/* SPDX-License-Identifier: BSD-2-Clause */
#include "mbed.h"

#include "mbed_keys.h"

#include <criterion/criterion.h>
#include <mbedtls/ecp.h>
#include <mbedtls/rsa.h>
#include <stdlib.h>
#include <string.h>
#include <weir/mbedtls.h>

#if MBEDTLS_VERSION_NUMBER >= 0x03000000
#include <psa/crypto.h>
#endif

static const uint8_t psk[16] = {0x5a};
static const uint8_t psk_name[] = "weir";

static void new_key(struct mbed_pair *p, mbedtls_pk_context *key, bool rsa)
{
    mbedtls_pk_init(key);
    cr_assert_eq(
        mbedtls_pk_setup(key, mbedtls_pk_info_from_type(rsa ? MBEDTLS_PK_RSA : MBEDTLS_PK_ECKEY)),
        0);
    if (rsa)
        cr_assert_eq(mbedtls_rsa_gen_key(mbedtls_pk_rsa(*key), mbedtls_ctr_drbg_random, &p->drbg,
                                         2048, 65537),
                     0);
    else
        cr_assert_eq(mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(*key),
                                         mbedtls_ctr_drbg_random, &p->drbg),
                     0);
}

static void set_serial(mbedtls_x509write_cert *write)
{
#if MBEDTLS_VERSION_NUMBER < 0x03000000
    mbedtls_mpi serial;

    mbedtls_mpi_init(&serial);
    cr_assert_eq(mbedtls_mpi_lset(&serial, 1), 0);
    cr_assert_eq(mbedtls_x509write_crt_set_serial(write, &serial), 0);
    mbedtls_mpi_free(&serial);
#else
    unsigned char serial[] = {1};

    cr_assert_eq(mbedtls_x509write_crt_set_serial_raw(write, serial, sizeof serial), 0);
#endif
}

static void new_cert(struct mbed_pair *p, struct mbed_side *side)
{
    mbedtls_x509write_cert write;
    uint8_t der[4096];

    mbedtls_x509write_crt_init(&write);
    mbedtls_x509write_crt_set_version(&write, MBEDTLS_X509_CRT_VERSION_3);
    mbedtls_x509write_crt_set_md_alg(&write, MBEDTLS_MD_SHA256);
    mbedtls_x509write_crt_set_subject_key(&write, &side->key);
    mbedtls_x509write_crt_set_issuer_key(&write, &side->key);
    set_serial(&write);
    cr_assert_eq(mbedtls_x509write_crt_set_subject_name(&write, "CN=weir.test"), 0);
    cr_assert_eq(mbedtls_x509write_crt_set_issuer_name(&write, "CN=weir.test"), 0);
    cr_assert_eq(mbedtls_x509write_crt_set_validity(&write, "20200101000000", "20991231235959"), 0);
    cr_assert_eq(mbedtls_x509write_crt_set_basic_constraints(&write, 1, -1), 0);
    int len = mbedtls_x509write_crt_der(&write, der, sizeof der, mbedtls_ctr_drbg_random, &p->drbg);
    cr_assert_gt(len, 0);
    mbedtls_x509_crt_init(&side->cert);
    cr_assert_eq(
        mbedtls_x509_crt_parse_der(&side->cert, der + sizeof der - (size_t)len, (size_t)len), 0);
    mbedtls_x509write_crt_free(&write);
}

static void only_version(mbedtls_ssl_config *conf, uint16_t version)
{
#if MBEDTLS_VERSION_NUMBER < 0x03000000
    mbedtls_ssl_conf_min_version(conf, 3, version & 0xff);
    mbedtls_ssl_conf_max_version(conf, 3, version & 0xff);
#else
    mbedtls_ssl_conf_min_tls_version(conf, (mbedtls_ssl_protocol_version)version);
    mbedtls_ssl_conf_max_tls_version(conf, (mbedtls_ssl_protocol_version)version);
#endif
}

static void configure(struct mbed_pair *p, struct mbed_side *side, bool server,
                      const struct mbed_config *config)
{
    mbedtls_ssl_config *conf = &side->conf;

    mbedtls_ssl_conf_rng(conf, mbedtls_ctr_drbg_random, &p->drbg);
    only_version(conf, config->version != 0 ? config->version : WEIR_TLS12);
    side->suites[0] = config->suite;
    if (config->suite == 0)
        side->suites[0] = config->version == WEIR_TLS13
                              ? WEIR_TLS_AES_128_GCM_SHA256
                              : WEIR_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256;
    mbedtls_ssl_conf_ciphersuites(conf, side->suites);
    mbedtls_ssl_conf_renegotiation(conf, config->renegotiation
                                             ? MBEDTLS_SSL_RENEGOTIATION_ENABLED
                                             : MBEDTLS_SSL_RENEGOTIATION_DISABLED);
    if (strstr(mbedtls_ssl_get_ciphersuite_name(side->suites[0]), "PSK") != NULL)
        cr_assert_eq(mbedtls_ssl_conf_psk(conf, psk, sizeof psk, psk_name, sizeof psk_name - 1), 0);
    mbedtls_ssl_conf_authmode(conf, MBEDTLS_SSL_VERIFY_NONE);
    if (server ? config->ask_client : config->verify)
        mbedtls_ssl_conf_authmode(conf, MBEDTLS_SSL_VERIFY_REQUIRED);
#if defined(MBEDTLS_SSL_EARLY_DATA)
    mbedtls_ssl_conf_early_data(conf, config->early_data ? MBEDTLS_SSL_EARLY_DATA_ENABLED
                                                         : MBEDTLS_SSL_EARLY_DATA_DISABLED);
#endif
    if (!server && config->fragment != 0)
        cr_assert_eq(mbedtls_ssl_conf_max_frag_len(conf, config->fragment), 0);
    if (server && config->tickets)
        mbedtls_ssl_conf_session_tickets_cb(conf, mbedtls_ssl_ticket_write,
                                            mbedtls_ssl_ticket_parse, &p->tickets);
#if MBEDTLS_VERSION_NUMBER >= 0x03000000 && defined(MBEDTLS_SSL_PROTO_TLS1_3)
    if (server && config->ticket_count > 0)
        mbedtls_ssl_conf_new_session_tickets(conf, (uint16_t)config->ticket_count);
    mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(
        conf, MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
#endif
}

void mbed_side_open(struct mbed_pair *p, struct mbed_side *side, bool server,
                    const struct mbed_config *config)
{
    memset(side, 0, sizeof *side);
    mbedtls_ssl_init(&side->ssl);
    mbedtls_ssl_config_init(&side->conf);
    cr_assert_eq(mbedtls_ssl_config_defaults(
                     &side->conf, server ? MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT,
                     MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT),
                 0);
    new_key(p, &side->key, server && config->rsa);
    new_cert(p, side);
    configure(p, side, server, config);
    if (server || config->ask_client)
        cr_assert_eq(mbedtls_ssl_conf_own_cert(&side->conf, &side->cert, &side->key), 0);
    mbed_listen_conf(side);
}

void mbed_side_end(struct mbed_side *side, struct end *e, const char *name, bool plain)
{
    struct weir_refusal why;

    side->plain = plain;
    if (plain) {
        end_plain_mbedtls(e, name, &side->ssl);
    } else {
        struct weir_handshake *hs = weir_mbedtls_handshake(&side->ssl, &why);
        cr_assert_not_null(hs, "%s", weir_refusal_text(why.code));
        end_weir(e, name, hs, &weir_aead_mbedtls);
        e->mbedtls = &side->ssl;
    }
    mbed_listen_ssl(side);
}

void mbed_side_free(struct mbed_side *side)
{
    mbedtls_ssl_free(&side->ssl);
    mbedtls_ssl_config_free(&side->conf);
    mbedtls_x509_crt_free(&side->cert);
    mbedtls_pk_free(&side->key);
}

void mbed_open_shared(struct mbed_pair *p)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    cr_assert_eq(psa_crypto_init(), PSA_SUCCESS);
#endif
    mbedtls_entropy_init(&p->entropy);
    mbedtls_ctr_drbg_init(&p->drbg);
    cr_assert_eq(mbedtls_ctr_drbg_seed(&p->drbg, mbedtls_entropy_func, &p->entropy, psk_name, 4),
                 0);
    mbedtls_ssl_ticket_init(&p->tickets);
    cr_assert_eq(mbedtls_ssl_ticket_setup(&p->tickets, mbedtls_ctr_drbg_random, &p->drbg,
                                          MBEDTLS_CIPHER_AES_256_GCM, 3600),
                 0);
}

void mbed_free_shared(struct mbed_pair *p)
{
    mbedtls_ssl_ticket_free(&p->tickets);
    mbedtls_ctr_drbg_free(&p->drbg);
    mbedtls_entropy_free(&p->entropy);
}

static void open_sides(struct mbed_pair *p, struct mbed_pair *server_of,
                       const struct mbed_config *config)
{
    mbed_side_open(server_of, &p->server_side, true, config);
    mbed_side_open(p, &p->client_side, false, config);
    /* In the wrong order nothing would be trusted: the server's certificate is its own authority.
     */
    if (config->verify && config->trust)
        mbedtls_ssl_conf_ca_chain(&p->client_side.conf, &p->server_side.cert, NULL);
    if (config->ask_client)
        mbedtls_ssl_conf_ca_chain(&p->server_side.conf, &p->client_side.cert, NULL);
    cr_assert_eq(mbedtls_ssl_setup(&p->client_side.ssl, &p->client_side.conf), 0);
    cr_assert_eq(mbedtls_ssl_setup(&p->server_side.ssl, &p->server_side.conf), 0);
    cr_assert_eq(mbedtls_ssl_set_hostname(&p->client_side.ssl, "weir.test"), 0);
    if (config->session != NULL)
        cr_assert_eq(mbedtls_ssl_set_session(&p->client_side.ssl, config->session), 0);
    mbed_side_end(&p->client_side, &p->client, "client", config->plain_client);
    mbed_side_end(&p->server_side, &p->server, "server", config->plain_server);
    p->tap.aead = &weir_aead_mbedtls;
    p->tap.kdf = &weir_kdf_mbedtls;
    p->wire = (struct wire){&p->client, &p->server, &p->tap, config->chunk};
}

void mbed_open(struct mbed_pair *p, const struct mbed_config *config)
{
    memset(p, 0, sizeof *p);
    mbed_open_shared(p);
    open_sides(p, p, config);
}

void mbed_reopen(struct mbed_pair *p, struct mbed_pair *before, const struct mbed_config *config)
{
    memset(p, 0, sizeof *p);
    mbed_open_shared(p);
    open_sides(p, before, config);
}

void mbed_both_up(const struct wire *wire)
{
    const struct end *ends[] = {wire->client, wire->server};

    for (size_t i = 0; i < 2; i++)
        cr_assert(end_up(ends[i]), "%s: %s, %s, %s, %d", ends[i]->name,
                  weir_status_text(ends[i]->status), weir_refusal_text(ends[i]->why.code),
                  ends[i]->hs != NULL ? ends[i]->hs->error(ends[i]->hs) : "", ends[i]->ssl_error);
}

void mbed_connect(struct mbed_pair *p)
{
    wire_run(&p->wire);
    mbed_both_up(&p->wire);
}

void mbed_exchange(struct wire *wire, size_t len)
{
    struct end *ends[] = {wire->client, wire->server};
    uint8_t *data = malloc(len + 1);

    cr_assert_not_null(data);
    for (size_t i = 0; i < 2; i++) {
        struct end *to = ends[1 - i];
        for (size_t n = 0; n < len; n++)
            data[n] = (uint8_t)(n * 7 + n / 251 + i);
        bytes_drop(&to->data, to->data.len);
        end_send(ends[i], data, len);
        wire_run(wire);
        cr_assert_eq(to->data.len, len, "%s got %zu of %zu bytes: %s, %d", to->name, to->data.len,
                     len, weir_status_text(to->status), to->ssl_error);
        cr_assert(len == 0 || memcmp(to->data.data, data, len) == 0);
    }
    free(data);
}

void mbed_drop(struct mbed_pair *p)
{
    end_free(&p->client);
    end_free(&p->server);
    mbed_side_free(&p->client_side);
    mbed_side_free(&p->server_side);
    wiretap_free(&p->tap);
    mbed_free_shared(p);
}

void mbed_close(struct mbed_pair *p)
{
    mbed_give_keys(&p->tap, &p->client_side, (uint16_t)p->client_side.suites[0]);
    wiretap_judge(&p->tap);
    mbed_drop(p);
}
