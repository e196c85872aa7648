/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls.h"
#include "check.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

const struct tls_suite tls_suites[TLS_SUITES] = {
    {"TLS 1.2 AES-128-GCM", TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256"},
    {"TLS 1.2 AES-256-GCM", TLS1_2_VERSION, "ECDHE-ECDSA-AES256-GCM-SHA384"},
    {"TLS 1.2 ChaCha20-Poly1305", TLS1_2_VERSION, "ECDHE-ECDSA-CHACHA20-POLY1305"},
    {"TLS 1.3 AES-128-GCM", TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256"},
    {"TLS 1.3 AES-256-GCM", TLS1_3_VERSION, "TLS_AES_256_GCM_SHA384"},
    {"TLS 1.3 ChaCha20-Poly1305", TLS1_3_VERSION, "TLS_CHACHA20_POLY1305_SHA256"},
};

static struct {
    EVP_PKEY *key;
    X509 *certificate;
} server_has;

void tls_fail(const char *what)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = ERR_reason_error_string(code);
    FAIL("OpenSSL: %s: %s", what, reason != NULL ? reason : "no reason given");
}

void tls_certificate(void)
{
    X509 *x = X509_new();
    server_has.key = EVP_EC_gen("P-256");
    if (server_has.key == NULL || x == NULL) {
        tls_fail("key");
    }
    X509_NAME *name = X509_get_subject_name(x);
    if (X509_set_version(x, X509_VERSION_3) != 1 ||
        ASN1_INTEGER_set(X509_get_serialNumber(x), 1) != 1 ||
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1,
                                   -1, 0) != 1 ||
        X509_set_issuer_name(x, name) != 1 || X509_gmtime_adj(X509_getm_notBefore(x), 0) == NULL ||
        X509_gmtime_adj(X509_getm_notAfter(x), 86400) == NULL ||
        X509_set_pubkey(x, server_has.key) != 1 ||
        X509_sign(x, server_has.key, EVP_sha256()) == 0) {
        tls_fail("certificate");
    }
    server_has.certificate = x;
}

SSL_CTX *tls_context(const struct tls_suite *suite, bool server)
{
    SSL_CTX *ctx = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
    if (ctx == NULL || SSL_CTX_set_min_proto_version(ctx, suite->version) != 1 ||
        SSL_CTX_set_max_proto_version(ctx, suite->version) != 1 ||
        (suite->version == TLS1_3_VERSION ? SSL_CTX_set_ciphersuites(ctx, suite->openssl)
                                          : SSL_CTX_set_cipher_list(ctx, suite->openssl)) != 1) {
        tls_fail("context");
    }
    if (server && (SSL_CTX_use_certificate(ctx, server_has.certificate) != 1 ||
                   SSL_CTX_use_PrivateKey(ctx, server_has.key) != 1)) {
        tls_fail("certificate");
    }
    /* In user space, whatever the system's configuration says. */
    SSL_CTX_clear_options(ctx, SSL_OP_ENABLE_KTLS);
    return ctx;
}
