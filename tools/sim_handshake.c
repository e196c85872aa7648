/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim_handshake.h"

#include <stdlib.h>
#include <string.h>

void sim_handshake_free(struct sim_handshake *handshake)
{
    free(handshake->bytes);
    weir_keys_wipe(&handshake->opening.tx);
    weir_keys_wipe(&handshake->opening.rx);
    memset(handshake, 0, sizeof *handshake);
}

#ifndef WEIR_HAVE_OPENSSL
bool sim_handshake_make(struct sim_handshake *handshake, uint16_t version, unsigned key_bits,
                        FILE *keylog, struct fault *fault)
{
    (void)handshake, (void)version, (void)key_bits, (void)keylog;
    FAULT(fault, "--keylog: this build has no OpenSSL, which would make the handshakes");
    return false;
}
#else

#include "weir/openssl.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

/* Both ends of a handshake. */
struct ends {
    SSL_CTX *client_ctx, *server_ctx;
    SSL *client, *server;
    BIO *to_server, *from_server; /* of the server */
    struct weir_handshake *hs;    /* of the client */
};

static bool failed(struct fault *fault, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    FAULT(fault, "a handshake for --keylog fails: %s: %.100s", what, reason == NULL ? "?" : reason);
    ERR_clear_error();
    return false;
}

static void on_keylog(const SSL *ssl, const char *line)
{
    FILE *file = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    (void)fprintf(file, "%s\n", line);
}

/* A throw-away certificate, which nobody looks at. */
static bool use_certificate(SSL_CTX *ctx)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    bool good = key != NULL && cert != NULL && X509_set_version(cert, X509_VERSION_3) == 1 &&
                ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) == 1 &&
                X509_gmtime_adj(X509_getm_notBefore(cert), 0) != NULL &&
                X509_gmtime_adj(X509_getm_notAfter(cert), 86400) != NULL &&
                X509_set_pubkey(cert, key) == 1 && X509_sign(cert, key, EVP_sha256()) > 0 &&
                SSL_CTX_use_certificate(ctx, cert) == 1 && SSL_CTX_use_PrivateKey(ctx, key) == 1;
    X509_free(cert);
    EVP_PKEY_free(key);
    return good;
}

static SSL_CTX *context(const SSL_METHOD *method, uint16_t version, unsigned key_bits)
{
    SSL_CTX *ctx = SSL_CTX_new(method);
    bool small = key_bits == 128;
    if (ctx == NULL || SSL_CTX_set_min_proto_version(ctx, version) != 1 ||
        SSL_CTX_set_max_proto_version(ctx, version) != 1 ||
        SSL_CTX_set_cipher_list(ctx, small ? "ECDHE-ECDSA-AES128-GCM-SHA256"
                                           : "ECDHE-ECDSA-AES256-GCM-SHA384") != 1 ||
        SSL_CTX_set_ciphersuites(ctx, small ? "TLS_AES_128_GCM_SHA256"
                                            : "TLS_AES_256_GCM_SHA384") != 1) {
        SSL_CTX_free(ctx);
        return NULL;
    }
    /* A ticket would be a record behind the handshake, which nobody here has a use for. */
    (void)SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
    (void)SSL_CTX_set_num_tickets(ctx, 0);
    return ctx;
}

static bool open_ends(struct ends *e, uint16_t version, unsigned key_bits, FILE *keylog,
                      struct fault *fault)
{
    struct weir_refusal why;
    e->client_ctx = context(TLS_client_method(), version, key_bits);
    e->server_ctx = context(TLS_server_method(), version, key_bits);
    if (e->client_ctx == NULL || e->server_ctx == NULL || !use_certificate(e->server_ctx)) {
        return failed(fault, "context");
    }
    (void)SSL_CTX_set_app_data(e->client_ctx, keylog);
    SSL_CTX_set_keylog_callback(e->client_ctx, on_keylog);
    e->client = SSL_new(e->client_ctx);
    e->server = SSL_new(e->server_ctx);
    e->to_server = BIO_new(BIO_s_mem());
    e->from_server = BIO_new(BIO_s_mem());
    if (e->client == NULL || e->server == NULL || e->to_server == NULL || e->from_server == NULL) {
        BIO_free(e->to_server);
        BIO_free(e->from_server);
        return failed(fault, "memory");
    }
    SSL_set_bio(e->server, e->to_server, e->from_server);
    SSL_set_accept_state(e->server);
    SSL_set_connect_state(e->client);
    e->hs = weir_openssl_handshake(e->client, &why);
    if (e->hs == NULL) {
        FAULT(fault, "a handshake for --keylog is refused: %s", weir_refusal_name(why.code));
    }
    return e->hs != NULL;
}

static void close_ends(struct ends *e)
{
    if (e->hs != NULL) {
        e->hs->release(e->hs);
    }
    SSL_free(e->client);
    SSL_free(e->server);
    SSL_CTX_free(e->client_ctx);
    SSL_CTX_free(e->server_ctx);
}

/* One more flight, or more of the last one when it came from the same end. */
static bool add_flight(struct sim_handshake *h, bool host, const uint8_t *bytes, size_t len)
{
    struct sim_device_opening *o = &h->opening;
    if (len == 0) {
        return true;
    }
    if (h->room - h->len < len) {
        h->room = 2 * (h->room + len);
        uint8_t *grown = realloc(h->bytes, h->room);
        if (grown == NULL) {
            return false;
        }
        h->bytes = grown;
    }
    memcpy(h->bytes + h->len, bytes, len);
    h->len += len;
    if (o->count > 0 && h->flights[o->count - 1].host == host) {
        h->flights[o->count - 1].len += len;
        return true;
    }
    if (o->count == sizeof h->flights / sizeof h->flights[0]) {
        return false;
    }
    h->flights[o->count++] = (struct sim_device_flight){host, NULL, len};
    return true;
}

/* What each end has to say, until both are content. `in` is what the server has said. */
static bool talk(struct sim_handshake *h, const struct ends *e, struct fault *fault)
{
    uint8_t in[16384];
    size_t in_len = 0;
    for (unsigned round = 0; round < 16; round++) {
        size_t consumed = 0;
        const uint8_t *out = NULL;
        size_t out_len = 0;
        weir_status status = e->hs->drive(e->hs, in, in_len, &consumed);
        if ((status != WEIR_OK && status != WEIR_NEED_INPUT) || consumed != in_len) {
            return failed(fault, "client");
        }
        e->hs->output(e->hs, &out, &out_len);
        if (!add_flight(h, true, out, out_len) ||
            (out_len > 0 && BIO_write(e->to_server, out, (int)out_len) != (int)out_len)) {
            return failed(fault, "memory");
        }
        e->hs->output_taken(e->hs, out_len);
        if (SSL_do_handshake(e->server) != 1 && BIO_pending(e->from_server) == 0 &&
            status == WEIR_OK) {
            return failed(fault, "server");
        }
        int n = BIO_read(e->from_server, in, sizeof in);
        in_len = n > 0 ? (size_t)n : 0;
        if (!add_flight(h, false, in, in_len)) {
            return failed(fault, "memory");
        }
        if (status == WEIR_OK && in_len == 0 && SSL_is_init_finished(e->server) == 1) {
            return true;
        }
    }
    return failed(fault, "no end");
}

bool sim_handshake_make(struct sim_handshake *handshake, uint16_t version, unsigned key_bits,
                        FILE *keylog, struct fault *fault)
{
    struct ends e = {0};
    struct weir_refusal why;
    size_t at = 0;
    memset(handshake, 0, sizeof *handshake);
    bool good = open_ends(&e, version, key_bits, keylog, fault) && talk(handshake, &e, fault);
    if (good &&
        e.hs->take_keys(e.hs, &handshake->opening.tx, &handshake->opening.rx, &why) != WEIR_OK) {
        FAULT(fault, "the keys of a handshake for --keylog are refused");
        good = false;
    }
    for (size_t i = 0; i < handshake->opening.count; i++) {
        handshake->flights[i].bytes = handshake->bytes + at;
        at += handshake->flights[i].len;
    }
    handshake->opening.flights = handshake->flights;
    close_ends(&e);
    if (!good) {
        sim_handshake_free(handshake);
    }
    return good;
}
#endif
