/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The weir command on mbedTLS: contexts, certificates, verification.
 */
#include "tls.h"
#include "tls_mbedtls.h"
#include "weir/mbedtls.h"

#include <arpa/inet.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/ssl.h>
#include <stdlib.h>
#include <string.h>

#if MBEDTLS_VERSION_MAJOR >= 3
#include <psa/crypto.h>
#endif

#if MBEDTLS_VERSION_MAJOR >= 3 && defined(MBEDTLS_SSL_PROTO_TLS1_3)
#define HIGHEST WEIR_TLS13
#else
#define HIGHEST WEIR_TLS12
#endif

struct tls_context {
    mbedtls_ssl_config config;
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context random;
    mbedtls_x509_crt cert, roots;
    mbedtls_pk_context key;
    int suites[TLS_SUITES_MAX + 1];
    const char *alpn[2];
    bool verify;
};

/* One connection: the library's object, and the address its peer must prove. */
struct session {
    mbedtls_ssl_context ssl;
    uint8_t address[16];
    size_t address_len; /* 0: the peer goes by a name, which mbedTLS checks */
};

static const char *version(void)
{
    return MBEDTLS_VERSION_STRING_FULL;
}

static bool failed(struct fault *fault, const char *what, const char *name, int code)
{
    char words[160] = "";
    mbedtls_strerror(code, words, sizeof words);
    FAULT(fault, "%s%s%s%s: %s", what, name == NULL ? "" : " '", name == NULL ? "" : name,
          name == NULL ? "" : "'", words);
    return false;
}

static int read_key(struct tls_context *c, const char *path)
{
#if MBEDTLS_VERSION_MAJOR >= 3
    return mbedtls_pk_parse_keyfile(&c->key, path, NULL, mbedtls_ctr_drbg_random, &c->random);
#else
    return mbedtls_pk_parse_keyfile(&c->key, path, NULL);
#endif
}

static int check_pair(struct tls_context *c)
{
#if MBEDTLS_VERSION_MAJOR >= 3
    return mbedtls_pk_check_pair(&c->cert.pk, &c->key, mbedtls_ctr_drbg_random, &c->random);
#else
    return mbedtls_pk_check_pair(&c->cert.pk, &c->key);
#endif
}

static bool use_certificate(struct tls_context *c, const struct tls_settings *s,
                            struct fault *fault)
{
    int code = 0;
    if (s->cert == NULL && !s->server) {
        return true;
    }
    if (s->cert == NULL) {
        code = tls_mbedtls_self_signed(&c->cert, &c->key, &c->random);
        if (code != 0) {
            return failed(fault, "cannot make a certificate", NULL, code);
        }
    } else {
        code = mbedtls_x509_crt_parse_file(&c->cert, s->cert);
        if (code != 0) {
            return failed(fault, "bad certificate", s->cert,
                          code > 0 ? MBEDTLS_ERR_X509_INVALID_FORMAT : code);
        }
        code = read_key(c, s->key);
        if (code != 0) {
            return failed(fault, "bad private key", s->key, code);
        }
        if (check_pair(c) != 0) {
            FAULT(fault, "private key '%s' does not belong to certificate '%s'", s->key, s->cert);
            return false;
        }
    }
    code = mbedtls_ssl_conf_own_cert(&c->config, &c->cert, &c->key);
    return code == 0 || failed(fault, "cannot use the certificate", NULL, code);
}

/* Where systems keep the roots that mbedTLS does not look for by itself. */
static const char *system_roots(void)
{
    static const char *const places[] = {
        "/etc/ssl/certs/ca-certificates.crt",     /* Debian */
        "/etc/pki/tls/certs/ca-bundle.crt",       /* Fedora */
        "/etc/ssl/ca-bundle.pem",                 /* SUSE */
        "/etc/ssl/cert.pem",                      /* Alpine, FreeBSD */
        "/usr/local/share/certs/ca-root-nss.crt", /* FreeBSD */
    };
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        FILE *file = fopen(places[i], "rb");
        if (file != NULL) {
            (void)fclose(file);
            return places[i];
        }
    }
    return NULL;
}

static bool use_roots(struct tls_context *c, const struct tls_settings *s, struct fault *fault)
{
    const char *path = s->ca == NULL ? system_roots() : s->ca;
    if (s->server || s->insecure) {
        mbedtls_ssl_conf_authmode(&c->config, MBEDTLS_SSL_VERIFY_NONE);
        return true;
    }
    if (path == NULL) {
        FAULT(fault, "no CA certificates found on this system; give --ca FILE or --insecure");
        return false;
    }
    int code = mbedtls_x509_crt_parse_file(&c->roots, path);
    /* Of the system's many roots some may be beyond this library. */
    if (code < 0 || (code > 0 && s->ca != NULL)) {
        return failed(fault, "bad CA file", path,
                      code > 0 ? MBEDTLS_ERR_X509_INVALID_FORMAT : code);
    }
    mbedtls_ssl_conf_ca_chain(&c->config, &c->roots, NULL);
    mbedtls_ssl_conf_authmode(&c->config, MBEDTLS_SSL_VERIFY_REQUIRED);
    c->verify = true;
    return true;
}

/* Offers only what weir can carry on with. */
static bool use_suites(struct tls_context *c, const struct tls_settings *s, struct fault *fault)
{
    uint16_t numbers[TLS_SUITES_MAX] = {s->suite};
    size_t count = s->suite != 0 ? 1 : tls_suites(s->least, s->most, numbers), used = 0;
    for (size_t i = 0; i < count; i++) {
        if (mbedtls_ssl_ciphersuite_from_id(numbers[i]) != NULL) {
            c->suites[used++] = numbers[i];
        }
    }
    if (used == 0) {
        FAULT(fault, "%s does not have %s", version(),
              s->suite == 0 ? "any suite that weir carries" : weir_suite_name(s->suite));
        return false;
    }
    mbedtls_ssl_conf_ciphersuites(&c->config, c->suites);
    return true;
}

static void use_versions(struct tls_context *c, const struct tls_settings *s)
{
#if MBEDTLS_VERSION_MAJOR >= 3
    mbedtls_ssl_conf_min_tls_version(&c->config, (mbedtls_ssl_protocol_version)s->least);
    mbedtls_ssl_conf_max_tls_version(&c->config, (mbedtls_ssl_protocol_version)s->most);
#else
    (void)s; /* 2.28 speaks 1.2 and what is too old for weir */
    mbedtls_ssl_conf_min_version(&c->config, MBEDTLS_SSL_MAJOR_VERSION_3,
                                 MBEDTLS_SSL_MINOR_VERSION_3);
#endif
}

static bool configure(struct tls_context *c, const struct tls_settings *s, struct fault *fault)
{
    int code = 0;
#if MBEDTLS_VERSION_MAJOR >= 3
    if (psa_crypto_init() != PSA_SUCCESS) {
        FAULT(fault, "%s: cannot start its cryptography", version());
        return false;
    }
#endif
    code = mbedtls_ctr_drbg_seed(&c->random, mbedtls_entropy_func, &c->entropy, NULL, 0);
    if (code != 0) {
        return failed(fault, "no random numbers", NULL, code);
    }
    code = mbedtls_ssl_config_defaults(&c->config,
                                       s->server ? MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT,
                                       MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
    if (code != 0) {
        return failed(fault, version(), NULL, code);
    }
    mbedtls_ssl_conf_rng(&c->config, mbedtls_ctr_drbg_random, &c->random);
    use_versions(c, s);
    if (s->alpn != NULL) {
        c->alpn[0] = s->alpn;
        code = mbedtls_ssl_conf_alpn_protocols(&c->config, c->alpn);
        if (code != 0) {
            return failed(fault, version(), NULL, code);
        }
    }
    return use_suites(c, s, fault) && use_certificate(c, s, fault) && use_roots(c, s, fault);
}

static void close_context(struct tls_context *c)
{
    if (c != NULL) {
        mbedtls_ssl_config_free(&c->config);
        mbedtls_pk_free(&c->key);
        mbedtls_x509_crt_free(&c->cert);
        mbedtls_x509_crt_free(&c->roots);
        mbedtls_ctr_drbg_free(&c->random);
        mbedtls_entropy_free(&c->entropy);
        free(c);
    }
}

static struct tls_context *open_context(const struct tls_settings *s, struct fault *fault)
{
    struct tls_context *c = calloc(1, sizeof *c);
    if (c == NULL) {
        FAULT(fault, "out of memory");
        return NULL;
    }
    mbedtls_ssl_config_init(&c->config);
    mbedtls_entropy_init(&c->entropy);
    mbedtls_ctr_drbg_init(&c->random);
    mbedtls_x509_crt_init(&c->cert);
    mbedtls_x509_crt_init(&c->roots);
    mbedtls_pk_init(&c->key);
    if (!configure(c, s, fault)) {
        close_context(c);
        return NULL;
    }
    return c;
}

/* mbedTLS 2.28 compares names only, so addresses are compared here. */
static int verify_address(void *arg, mbedtls_x509_crt *cert, int depth, uint32_t *flags)
{
    const struct session *session = arg;
    if (depth == 0 && session->address_len > 0 &&
        !tls_mbedtls_names_address(cert, session->address, session->address_len)) {
        *flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
    }
    return 0;
}

static int expect_host(struct tls_context *c, struct session *session, const char *host)
{
    if (inet_pton(AF_INET, host, session->address) == 1) {
        session->address_len = 4;
    } else if (inet_pton(AF_INET6, host, session->address) == 1) {
        session->address_len = 16;
    } else {
        return mbedtls_ssl_set_hostname(&session->ssl, host);
    }
    if (c->verify) {
        mbedtls_ssl_set_verify(&session->ssl, verify_address, session);
    }
    return mbedtls_ssl_set_hostname(&session->ssl, NULL);
}

static void free_session(struct session *session)
{
    mbedtls_ssl_free(&session->ssl);
    free(session);
}

static bool open_session(struct tls_context *c, const char *host, struct tls_session *out,
                         struct fault *fault)
{
    struct weir_refusal why = {0};
    struct session *session = calloc(1, sizeof *session);
    if (session == NULL) {
        FAULT(fault, "out of memory");
        return false;
    }
    mbedtls_ssl_init(&session->ssl);
    int code = mbedtls_ssl_setup(&session->ssl, &c->config);
    if (code == 0 && host != NULL) {
        code = expect_host(c, session, host);
    }
    out->handshake = code == 0 ? weir_mbedtls_handshake(&session->ssl, &why) : NULL;
    out->object = session;
    if (out->handshake == NULL) {
        if (code != 0) {
            (void)failed(fault, version(), NULL, code);
        } else {
            FAULT(fault, "%s: %s", version(), weir_refusal_text(why.code));
        }
        free_session(session);
        out->object = NULL;
        return false;
    }
    return true;
}

static void close_session(struct tls_session *session)
{
    free_session(session->object);
    *session = (struct tls_session){0};
}

const struct tls_library tls_library_mbedtls = {
    .name = "mbedtls",
    .highest = HIGHEST,
#if defined(MBEDTLS_THREADING_C)
    .threads = true,
#endif
    .version = version,
    .open = open_context,
    .close = close_context,
    .open_session = open_session,
    .close_session = close_session,
};
