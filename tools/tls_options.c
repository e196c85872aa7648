/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls.h"

#include <errno.h>
#include <string.h>

/* In the order of preference where the command line does not say. */
static const struct tls_library *const libraries[] = {
#ifdef WEIR_HAVE_MBEDTLS
    &tls_library_mbedtls,
#endif
#ifdef WEIR_HAVE_OPENSSL
    &tls_library_openssl,
#endif
};
enum { LIBRARY_COUNT = sizeof libraries / sizeof libraries[0] };

#define HELP_TLS                                                                                   \
    "TLS:\n"                                                                                       \
    "      --tls VERSION         v1.2 or v1.3; otherwise the highest the TLS library has\n"        \
    "      --tls-lib NAME        openssl or mbedtls: makes the handshake (default: mbedtls "       \
    "where\n"                                                                                      \
    "                            it is built and has the version asked for)\n"                     \
    "      --cipher NAME         one suite, by its IANA name or OpenSSL's short one (default:\n"   \
    "                            those with forward secrecy)\n"                                    \
    "      --cert FILE           certificate chain, PEM; a server without one makes its own\n"     \
    "      --key FILE            its private key, PEM\n"
#define HELP_TRUST                                                                                 \
    "      --ca FILE             client: roots to verify the server with (default: the "           \
    "system's)\n"                                                                                  \
    "      --insecure            client: do not verify the server\n"
#define HELP_RECORDS                                                                               \
    "Records:\n"                                                                                   \
    "      --backend NAME[,...]  who carries the records, the first that can: mlx5-kmod,\n"        \
    "                            linux-ktls, soft, or auto: all, in this order (default: what\n"   \
    "                            WEIR_BACKEND says, else auto); weir backends tells what comes "   \
    "of it\n"                                                                                      \
    "      --aead NAME[,...]     who encrypts for soft: ipsec-mb, openssl, mbedtls, portable, "    \
    "or\n"                                                                                         \
    "                            auto (default: all, in this order)\n"                             \
    "      --rekey POLICY        where a kernel cannot change its key, in TLS 1.3: default "       \
    "(sending\n"                                                                                   \
    "                            may move there, receiving not), strict (neither), all (both)\n"   \
    "      --record-size N       most plaintext bytes in a record (1 to 16384)\n"                  \
    "\n"

const char tls_options_help[] = HELP_TLS HELP_TRUST HELP_RECORDS
    "Exit status: 0 done, 1 failed, 2 wrong command line, 130 a client stopped by SIGINT.\n";
const char tls_server_options_help[] = HELP_TLS HELP_RECORDS
    "Exit status: 0 stopped by SIGINT or SIGTERM, 1 failed, 2 wrong command line.\n";

bool tls_policy_named(const char *name, weir_policy *policy, struct fault *fault)
{
    static const char *const names[] = {[WEIR_POLICY_DEFAULT] = "default",
                                        [WEIR_POLICY_STRICT] = "strict",
                                        [WEIR_POLICY_ALL] = "all"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0) {
            *policy = (weir_policy)i;
            return true;
        }
    }
    USAGE(fault, "--rekey takes default, strict or all, not '%s'", name);
    return false;
}

bool tls_options_take(struct tls_options *options, int option, const char *value,
                      struct fault *fault)
{
    switch (option) {
    case TLS_OPTION_TLS:
        options->tls = value;
        return true;
    case TLS_OPTION_LIBRARY:
        options->library = value;
        return true;
    case TLS_OPTION_CIPHER:
        options->cipher = value;
        return true;
    case TLS_OPTION_BACKEND:
        options->backend = value;
        return true;
    case TLS_OPTION_AEAD:
        options->aead = value;
        return true;
    case TLS_OPTION_REKEY:
        return tls_policy_named(value, &options->policy, fault);
    case TLS_OPTION_CERT:
        options->cert = value;
        return true;
    case TLS_OPTION_KEY:
        options->key = value;
        return true;
    case TLS_OPTION_CA:
        options->ca = value;
        return true;
    case TLS_OPTION_INSECURE:
        options->insecure = true;
        return true;
    case TLS_OPTION_RECORD_SIZE:
        if (!parse_bytes(value, &options->record_size) ||
            options->record_size > WEIR_MAX_PLAINTEXT) {
            USAGE(fault, "--record-size takes 1 to 16384 bytes, not '%s'", value);
            return false;
        }
        return true;
    default:
        USAGE(fault, "unknown option");
        return false;
    }
}

bool tls_options_wrong(int answer, char *const argv[], struct fault *fault)
{
    /* A wrong letter may sit among good ones; a wrong long option is the argument just passed. */
    const char *word = argv[optind - 1];
    if (strncmp(word, "--", 2) != 0 && optopt > 0 && optopt < 256) {
        USAGE(fault, answer == ':' ? "option '-%c' needs a value" : "unknown option '-%c'", optopt);
    } else if (answer == ':') {
        USAGE(fault, "option '%s' needs a value", word);
    } else if (optopt != 0) {
        USAGE(fault, "option '%.*s' takes no value", (int)strcspn(word, "="), word);
    } else {
        USAGE(fault, "unknown option '%s'", word);
    }
    return false;
}

bool tls_library_threads(const struct tls_library *library, bool several, const char *option,
                         struct fault *fault)
{
    if (several && !library->threads) {
        FAULT(fault, "this build of %s is for one thread only; leave %s out", library->version(),
              option);
        return false;
    }
    return true;
}

void tls_libraries_print(void)
{
    for (size_t i = 0; i < LIBRARY_COUNT; i++) {
        (void)printf("TLS library: %s (%s, up to %s)%s\n", libraries[i]->name,
                     libraries[i]->version(), tls_version_name(libraries[i]->highest),
                     i == 0 ? ", the default" : "");
    }
}

/* Who makes the handshake; without a name the first that has `version`, if any has. */
static bool resolve_library(const char *name, uint16_t version, const struct tls_library **library,
                            struct fault *fault)
{
    if (LIBRARY_COUNT == 0) {
        FAULT(fault, "this build has no TLS library");
        return false;
    }
    if (name == NULL) {
        *library = libraries[0];
        for (size_t i = LIBRARY_COUNT; i-- > 0;) {
            *library = libraries[i]->highest >= version ? libraries[i] : *library;
        }
        return true;
    }
    for (size_t i = 0; i < LIBRARY_COUNT; i++) {
        if (strcmp(libraries[i]->name, name) == 0) {
            *library = libraries[i];
            return true;
        }
    }
    if (strcmp(name, "openssl") == 0 || strcmp(name, "mbedtls") == 0) {
        FAULT(fault, "%s is not part of this build (not_built); use --tls-lib %s", name,
              libraries[0]->name);
    } else {
        USAGE(fault, "unknown TLS library '%s'; known: openssl, mbedtls", name);
    }
    return false;
}

/* The version that was asked for; 0 when none was. */
static bool resolve_version(const char *text, uint16_t *version, struct fault *fault)
{
    *version = 0;
    if (text == NULL) {
        return true;
    }
    const char *digits = text[0] == 'v' ? text + 1 : text;
    if (strcmp(digits, "1.2") == 0) {
        *version = WEIR_TLS12;
    } else if (strcmp(digits, "1.3") == 0) {
        *version = WEIR_TLS13;
    } else {
        USAGE(fault, "--tls takes v1.2 or v1.3, not '%s'", text);
        return false;
    }
    return true;
}

bool tls_version_named(const char *text, uint16_t *least, uint16_t *most, struct fault *fault)
{
    uint16_t version = 0;
    if (!resolve_version(text, &version, fault)) {
        return false;
    }
    if (version != 0) {
        *least = *most = version;
    }
    return true;
}

static bool resolve_cipher(const char *name, uint16_t *version, uint16_t *suite,
                           struct fault *fault)
{
    *suite = 0;
    if (name == NULL) {
        return true;
    }
    const struct weir_suite *found = tls_suite_named(name);
    if (found == NULL) {
        USAGE(fault, "unknown cipher suite '%s', or none that weir carries", name);
        return false;
    }
    if (*version != 0 && *version != found->version) {
        USAGE(fault, "%s is a suite of %s, not of %s", name, tls_version_name(found->version),
              tls_version_name(*version));
        return false;
    }
    const char *iana = weir_suite_name(found->id);
    if (strstr(iana, "PSK_") != NULL || strstr(iana, "anon_") != NULL) {
        FAULT(fault, "%s works without certificates, which this command does not offer", iana);
        return false;
    }
    *version = found->version;
    *suite = found->id;
    return true;
}

/* A certificate that the server makes by itself has an ECDSA key. */
static bool suits_certificate(uint16_t suite, const char *cert, struct fault *fault)
{
    const char *iana = weir_suite_name(suite);
    if (suite == 0 || cert != NULL || weir_suite_find(suite)->version == WEIR_TLS13 ||
        strstr(iana, "_ECDSA_") != NULL) {
        return true;
    }
    FAULT(fault, "%s needs a certificate with another key than ECDSA: give --cert and --key", iana);
    return false;
}

static bool readable(const char *what, const char *path, struct fault *fault)
{
    if (path == NULL) {
        return true;
    }
    /* A directory can be opened; that it is none is told by the first byte. */
    FILE *file = fopen(path, "rb");
    bool good = file != NULL && (fgetc(file) != EOF || ferror(file) == 0);
    if (!good) {
        FAULT(fault, "cannot read %s '%s': %s", what, path, strerror(errno));
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return good;
}

static bool check_files(const struct tls_options *options, bool server, struct fault *fault)
{
    if (server && (options->insecure || options->ca != NULL)) {
        USAGE(fault, "%s is an option of clients", options->insecure ? "--insecure" : "--ca");
        return false;
    }
    if ((options->cert == NULL) != (options->key == NULL)) {
        USAGE(fault, "--cert and --key belong together");
        return false;
    }
    if (options->insecure && options->ca != NULL) {
        USAGE(fault, "--ca and --insecure contradict each other");
        return false;
    }
    return readable("certificate", options->cert, fault) &&
           readable("private key", options->key, fault) && readable("CA file", options->ca, fault);
}

bool tls_options_resolve(const struct tls_options *options, bool server,
                         const struct tls_library **library, struct tls_settings *settings,
                         struct fault *fault)
{
    uint16_t version = 0, suite = 0;
    if (!resolve_version(options->tls, &version, fault) ||
        !resolve_cipher(options->cipher, &version, &suite, fault) ||
        !resolve_library(options->library, version, library, fault) ||
        !check_files(options, server, fault) ||
        (server && !suits_certificate(suite, options->cert, fault))) {
        return false;
    }
    if (version > (*library)->highest) {
        bool other = false;
        for (size_t i = 0; i < LIBRARY_COUNT; i++) {
            other = other || libraries[i]->highest >= version;
        }
        FAULT(fault, "%s has no %s; %s", (*library)->version(), tls_version_name(version),
              other ? "use --tls-lib openssl" : "use --tls v1.2");
        return false;
    }
    *settings = (struct tls_settings){
        .server = server,
        .least = version == 0 ? WEIR_TLS12 : version,
        .most = version == 0 ? (*library)->highest : version,
        .suite = suite,
        .cert = options->cert,
        .key = options->key,
        .ca = options->ca,
        .insecure = options->insecure,
    };
    return true;
}
