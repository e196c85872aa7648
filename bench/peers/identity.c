/* SPDX-License-Identifier: BSD-2-Clause */
/* The certificate that all peers are given. */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"

_Noreturn void fail(const char *what, const char *who)
{
    fprintf(stderr, "peers: %s: %s\n", who, what);
    exit(1);
}

static void to_text(char *room, size_t cap, BIO *bio)
{
    int len = BIO_read(bio, room, (int)cap - 1);

    check(len > 0 && (size_t)len < cap - 1, "no room for the certificate", "openssl");
    room[len] = 0;
    BIO_free(bio);
}

static X509 *self_signed(EVP_PKEY *key)
{
    X509 *cert = X509_new();
    X509_EXTENSION *name = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:localhost");

    check(cert != NULL && name != NULL && X509_set_version(cert, 2) == 1 &&
              ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) == 1 &&
              X509_gmtime_adj(X509_getm_notBefore(cert), -3600) != NULL &&
              X509_gmtime_adj(X509_getm_notAfter(cert), 86400) != NULL &&
              X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                                         (const unsigned char *)"localhost", -1, -1, 0) == 1 &&
              X509_set_issuer_name(cert, X509_get_subject_name(cert)) == 1 &&
              X509_set_pubkey(cert, key) == 1 && X509_add_ext(cert, name, -1) == 1 &&
              X509_sign(cert, key, EVP_sha256()) > 0,
          "no certificate", "openssl");
    X509_EXTENSION_free(name);
    return cert;
}

void make_identity(struct identity *identity)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    BIGNUM *secret = NULL;
    size_t point_len = 0;

    check(key != NULL && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &secret) == 1 &&
              BN_bn2binpad(secret, identity->secret, sizeof identity->secret) > 0 &&
              EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY,
                                              identity->point, sizeof identity->point,
                                              &point_len) == 1 &&
              point_len == sizeof identity->point,
          "no key", "openssl");
    X509 *cert = self_signed(key);
    BIO *cert_bio = BIO_new(BIO_s_mem());
    BIO *key_bio = BIO_new(BIO_s_mem());
    uint8_t *der = identity->cert;
    int der_len = i2d_X509(cert, NULL);
    check(der_len > 0 && (size_t)der_len <= sizeof identity->cert &&
              PEM_write_bio_X509(cert_bio, cert) == 1 &&
              PEM_write_bio_PKCS8PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL) == 1,
          "no certificate", "openssl");
    identity->cert_len = (size_t)i2d_X509(cert, &der);
    to_text(identity->cert_pem, sizeof identity->cert_pem, cert_bio);
    to_text(identity->key_pem, sizeof identity->key_pem, key_bio);
    BN_clear_free(secret);
    X509_free(cert);
    EVP_PKEY_free(key);
}
