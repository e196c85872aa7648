/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The weir command on OpenSSL: contexts, certificates, verification.
 */
#include "tls.h"
#include "weir/openssl.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

struct tls_context {
    SSL_CTX *ctx;
    bool verify;
    const char *alpn;
};

/* OpenSSL's reason for its oldest error, and an empty queue. */
static const char *reason(void)
{
    unsigned long code = ERR_get_error();
    ERR_clear_error();
    const char *text =
        ERR_SYSTEM_ERROR(code) ? strerror(ERR_GET_REASON(code)) : ERR_reason_error_string(code);
    return text == NULL ? "no reason given" : text;
}

static const char *version(void)
{
    return OpenSSL_version(OPENSSL_VERSION);
}

/* "DNS:localhost" and the loopback addresses, as a throw-away certificate should have. */
static bool add_names(X509 *cert)
{
    X509_EXTENSION *names =
        X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1");
    bool ok = names != NULL && X509_add_ext(cert, names, -1) == 1;
    X509_EXTENSION_free(names);
    return ok;
}

/* A self-signed certificate for a day, on a fresh P-256 key. */
static X509 *self_signed(EVP_PKEY *key)
{
    X509 *cert = X509_new();
    BIGNUM *serial = BN_new();
    bool ok = cert != NULL && serial != NULL && BN_rand(serial, 63, 0, 0) == 1 &&
              BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(cert)) != NULL &&
              X509_set_version(cert, X509_VERSION_3) == 1 &&
              X509_gmtime_adj(X509_getm_notBefore(cert), -3600) != NULL &&
              X509_gmtime_adj(X509_getm_notAfter(cert), 86400) != NULL &&
              X509_set_pubkey(cert, key) == 1;
    if (ok) {
        X509_NAME *name = X509_get_subject_name(cert);
        ok = X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                        (const unsigned char *)"localhost", -1, -1, 0) == 1 &&
             X509_set_issuer_name(cert, name) == 1 && add_names(cert) &&
             X509_sign(cert, key, EVP_sha256()) > 0;
    }
    BN_free(serial);
    if (!ok) {
        X509_free(cert);
        return NULL;
    }
    return cert;
}

static bool use_own_certificate(SSL_CTX *ctx, struct fault *fault)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = key == NULL ? NULL : self_signed(key);
    bool ok = cert != NULL && SSL_CTX_use_certificate(ctx, cert) == 1 &&
              SSL_CTX_use_PrivateKey(ctx, key) == 1;
    X509_free(cert);
    EVP_PKEY_free(key);
    if (!ok) {
        FAULT(fault, "cannot make a certificate: %s", reason());
    }
    return ok;
}

static bool use_certificate(SSL_CTX *ctx, const struct tls_settings *s, struct fault *fault)
{
    if (s->cert == NULL) {
        return !s->server || use_own_certificate(ctx, fault);
    }
    if (SSL_CTX_use_certificate_chain_file(ctx, s->cert) != 1) {
        FAULT(fault, "bad certificate '%s': %s", s->cert, reason());
        return false;
    }
    if (SSL_CTX_use_PrivateKey_file(ctx, s->key, SSL_FILETYPE_PEM) != 1) {
        FAULT(fault, "bad private key '%s': %s", s->key, reason());
        return false;
    }
    if (SSL_CTX_check_private_key(ctx) != 1) {
        ERR_clear_error();
        FAULT(fault, "private key '%s' does not belong to certificate '%s'", s->key, s->cert);
        return false;
    }
    return true;
}

static bool use_roots(SSL_CTX *ctx, const struct tls_settings *s, struct fault *fault)
{
    if (s->server || s->insecure) {
        return true;
    }
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    if (s->ca == NULL ? SSL_CTX_set_default_verify_paths(ctx) == 1
                      : SSL_CTX_load_verify_file(ctx, s->ca) == 1) {
        return true;
    }
    FAULT(fault, "bad CA file '%s': %s", s->ca == NULL ? "(the system's)" : s->ca, reason());
    return false;
}

/* OpenSSL's names of the suites of one version, separated by colons. */
static void suite_names(SSL_CTX *ctx, const uint16_t *numbers, size_t count, uint16_t version_is,
                        char *out, size_t size)
{
    SSL *ssl = SSL_new(ctx);
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; ssl != NULL && i < count; i++) {
        unsigned char id[2] = {(unsigned char)(numbers[i] >> 8), (unsigned char)numbers[i]};
        const SSL_CIPHER *cipher = SSL_CIPHER_find(ssl, id);
        if (cipher == NULL || weir_suite_find(numbers[i])->version != version_is) {
            continue;
        }
        int n = snprintf(out + used, size - used, "%s%s", used == 0 ? "" : ":",
                         SSL_CIPHER_get_name(cipher));
        if (n < 0 || (size_t)n >= size - used) {
            out[used] = '\0';
            break;
        }
        used += (size_t)n;
    }
    SSL_free(ssl);
}

/* Offers only what weir can carry on with. */
static bool use_suites(SSL_CTX *ctx, const struct tls_settings *s, struct fault *fault)
{
    uint16_t numbers[TLS_SUITES_MAX] = {s->suite};
    size_t count = s->suite != 0 ? 1 : tls_suites(s->least, s->most, numbers);
    char tls12[2048], tls13[256];
    suite_names(ctx, numbers, count, WEIR_TLS12, tls12, sizeof tls12);
    suite_names(ctx, numbers, count, WEIR_TLS13, tls13, sizeof tls13);
    bool ok = tls12[0] != '\0' || tls13[0] != '\0';
    if (tls13[0] != '\0') {
        ok = ok && SSL_CTX_set_ciphersuites(ctx, tls13) == 1;
    }
    if (tls12[0] != '\0') {
        ok = ok && SSL_CTX_set_cipher_list(ctx, tls12) == 1;
    }
    if (!ok) {
        FAULT(fault, "%s does not have %s", version(),
              s->suite == 0 ? "any suite that weir carries" : weir_suite_name(s->suite));
    }
    ERR_clear_error();
    return ok;
}

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *outlen,
                       const unsigned char *in, unsigned int inlen, void *arg)
{
    const char *wanted = arg;
    size_t len = strlen(wanted);
    (void)ssl;
    for (unsigned int at = 0; at < inlen && inlen - at > in[at]; at += in[at] + 1u) {
        if (in[at] == len && memcmp(in + at + 1, wanted, len) == 0) {
            *out = in + at + 1;
            *outlen = in[at];
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_NOACK;
}

static bool configure(struct tls_context *c, const struct tls_settings *s, struct fault *fault)
{
    if (SSL_CTX_set_min_proto_version(c->ctx, s->least) != 1 ||
        SSL_CTX_set_max_proto_version(c->ctx, s->most) != 1) {
        FAULT(fault, "%s: %s", version(), reason());
        return false;
    }
    (void)SSL_CTX_set_dh_auto(c->ctx, 1);
    if (s->server && s->alpn != NULL) {
        c->alpn = s->alpn;
        SSL_CTX_set_alpn_select_cb(c->ctx, choose_alpn, (void *)(uintptr_t)c->alpn);
    }
    c->verify = !s->server && !s->insecure;
    return use_suites(c->ctx, s, fault) && use_certificate(c->ctx, s, fault) &&
           use_roots(c->ctx, s, fault);
}

static void close_context(struct tls_context *c)
{
    if (c != NULL) {
        SSL_CTX_free(c->ctx);
        free(c);
    }
}

static struct tls_context *open_context(const struct tls_settings *s, struct fault *fault)
{
    struct tls_context *c = calloc(1, sizeof *c);
    if (c != NULL) {
        c->ctx = SSL_CTX_new(s->server ? TLS_server_method() : TLS_client_method());
    }
    if (c == NULL || c->ctx == NULL) {
        FAULT(fault, "%s: %s", version(), c == NULL ? "out of memory" : reason());
        close_context(c);
        return NULL;
    }
    if (!configure(c, s, fault)) {
        close_context(c);
        return NULL;
    }
    return c;
}

/* The name that the server must prove, and the one it is asked for. */
static bool expect_host(SSL *ssl, const char *host, bool verify)
{
    struct in6_addr address;
    bool numeric =
        inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
    if (!numeric && SSL_set_tlsext_host_name(ssl, host) != 1) {
        return false;
    }
    if (!verify) {
        return true;
    }
    return numeric ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1
                   : SSL_set1_host(ssl, host) == 1;
}

static bool open_session(struct tls_context *c, const char *host, struct tls_session *session,
                         struct fault *fault)
{
    SSL *ssl = SSL_new(c->ctx);
    bool ok = ssl != NULL;
    if (ok && host != NULL) {
        SSL_set_connect_state(ssl);
        ok = expect_host(ssl, host, c->verify);
    } else if (ok) {
        SSL_set_accept_state(ssl);
    }
    struct weir_refusal why = {0};
    session->handshake = ok ? weir_openssl_handshake(ssl, &why) : NULL;
    session->object = ssl;
    if (session->handshake == NULL) {
        FAULT(fault, "%s: %s", version(), ok ? weir_refusal_text(why.code) : reason());
        SSL_free(ssl);
        session->object = NULL;
        return false;
    }
    return true;
}

static void close_session(struct tls_session *session)
{
    SSL_free(session->object);
    *session = (struct tls_session){0};
}

const struct tls_library tls_library_openssl = {
    .name = "openssl",
    .highest = WEIR_TLS13,
    .threads = true,
    .version = version,
    .open = open_context,
    .close = close_context,
    .open_session = open_session,
    .close_session = close_session,
};
