/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls.h"

#include <string.h>
#include <strings.h>

static const uint16_t suite_numbers[] = {
#define X(number, name, alg, hash, version) number,
    WEIR_SUITE_LIST(X)
#undef X
};
enum { SUITE_COUNT = sizeof suite_numbers / sizeof suite_numbers[0] };
_Static_assert(SUITE_COUNT <= (int)TLS_SUITES_MAX, "room for all of them");

/* Replaces the first `from` in `name` by `to`, which is not longer. */
static void shorten(char *name, const char *from, const char *to)
{
    char *at = strstr(name, from);
    if (at != NULL) {
        memcpy(at, to, strlen(to));
        memmove(at + strlen(to), at + strlen(from), strlen(at + strlen(from)) + 1);
    }
}

/* OpenSSL's name of a TLS 1.2 suite: "ECDHE-RSA-AES128-GCM-SHA256". */
static void short_name(const char *iana, char *out, size_t size)
{
    (void)snprintf(out, size, "%s", iana);
    shorten(out, "TLS_", "");
    if (strncmp(out, "RSA_WITH", 8) == 0) {
        shorten(out, "RSA_", ""); /* plain RSA key exchange goes unnamed */
    }
    shorten(out, "WITH_", "");
    shorten(out, "AES_", "AES");
    shorten(out, "DH_anon", "ADH");
    shorten(out, "POLY1305_SHA256", "POLY1305");
    for (char *c = out; *c != '\0'; c++) {
        *c = *c == '_' ? '-' : *c;
    }
}

const struct weir_suite *tls_suite_named(const char *name)
{
    for (size_t i = 0; i < SUITE_COUNT; i++) {
        const struct weir_suite *suite = weir_suite_find(suite_numbers[i]);
        const char *iana = weir_suite_name(suite_numbers[i]);
        char brief[64];
        short_name(iana, brief, sizeof brief);
        if (strcasecmp(name, iana) == 0 ||
            (suite->version == WEIR_TLS12 && strcasecmp(name, brief) == 0)) {
            return suite;
        }
    }
    return NULL;
}

size_t tls_suites(uint16_t least, uint16_t most, uint16_t *numbers)
{
    /* A stolen key must not open what was recorded before, and somebody must have proven who they
     * are: so neither RSA key exchange nor anonymous Diffie-Hellman, unless asked for by name. */
    static const char *const best_first[] = {"TLS_AES_", "TLS_CHACHA20_", "TLS_ECDHE_ECDSA_",
                                             "TLS_ECDHE_RSA_", "TLS_DHE_RSA_"};
    size_t count = 0;
    for (size_t kind = 0; kind < sizeof best_first / sizeof best_first[0]; kind++) {
        for (size_t i = 0; i < SUITE_COUNT; i++) {
            const struct weir_suite *suite = weir_suite_find(suite_numbers[i]);
            const char *name = weir_suite_name(suite->id);
            if (suite->version >= least && suite->version <= most &&
                strncmp(name, best_first[kind], strlen(best_first[kind])) == 0) {
                numbers[count++] = suite->id;
            }
        }
    }
    return count;
}

const char *tls_version_name(uint16_t version)
{
    switch (version) {
    case WEIR_TLS12:
        return "TLSv1.2";
    case WEIR_TLS13:
        return "TLSv1.3";
    default:
        return "TLS?";
    }
}
