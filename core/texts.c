/* SPDX-License-Identifier: BSD-2-Clause */
/* What humans read: names, and lines about them. */
#include <weir/refusal.h>
#include <weir/status.h>
#include <weir/suite.h>

#if WEIR_HAS_TEXTS

const char *weir_status_name(weir_status status)
{
    switch (status) {
#define WEIR_X(value, name, alert, text)                                                           \
    case WEIR_##name:                                                                              \
        return #name;
        WEIR_STATUS_LIST(WEIR_X)
#undef WEIR_X
    }
    return "?";
}

const char *weir_status_text(weir_status status)
{
    switch (status) {
#define WEIR_X(value, name, alert, text)                                                           \
    case WEIR_##name:                                                                              \
        return text;
        WEIR_STATUS_LIST(WEIR_X)
#undef WEIR_X
    }
    return "?";
}

/* RFC 8446 section 6, and those that only RFC 5246 section 7.2 has. X(number, name) */
#define ALERT_LIST(X)                                                                              \
    X(0, close_notify)                                                                             \
    X(10, unexpected_message)                                                                      \
    X(20, bad_record_mac)                                                                          \
    X(21, decryption_failed)                                                                       \
    X(22, record_overflow)                                                                         \
    X(30, decompression_failure)                                                                   \
    X(40, handshake_failure)                                                                       \
    X(41, no_certificate)                                                                          \
    X(42, bad_certificate)                                                                         \
    X(43, unsupported_certificate)                                                                 \
    X(44, certificate_revoked)                                                                     \
    X(45, certificate_expired)                                                                     \
    X(46, certificate_unknown)                                                                     \
    X(47, illegal_parameter)                                                                       \
    X(48, unknown_ca)                                                                              \
    X(49, access_denied)                                                                           \
    X(50, decode_error)                                                                            \
    X(51, decrypt_error)                                                                           \
    X(60, export_restriction)                                                                      \
    X(70, protocol_version)                                                                        \
    X(71, insufficient_security)                                                                   \
    X(80, internal_error)                                                                          \
    X(86, inappropriate_fallback)                                                                  \
    X(90, user_canceled)                                                                           \
    X(100, no_renegotiation)                                                                       \
    X(109, missing_extension)                                                                      \
    X(110, unsupported_extension)                                                                  \
    X(112, unrecognized_name)                                                                      \
    X(113, bad_certificate_status_response)                                                        \
    X(115, unknown_psk_identity)                                                                   \
    X(116, certificate_required)                                                                   \
    X(120, no_application_protocol)

const char *weir_alert_name(uint8_t alert)
{
    switch (alert) {
#define WEIR_X(number, name)                                                                       \
    case number:                                                                                   \
        return #name;
        ALERT_LIST(WEIR_X)
#undef WEIR_X
    default:
        return "unknown_alert";
    }
}

const char *weir_refusal_text(weir_refusal_code code)
{
    switch (code) {
#define WEIR_X(name, lower, text)                                                                  \
    case WEIR_REFUSAL_##name:                                                                      \
        return text;
        WEIR_REFUSAL_LIST(WEIR_X)
#undef WEIR_X
    }
    return "?";
}

const char *weir_refusal_name(weir_refusal_code code)
{
    switch (code) {
#define WEIR_X(name, lower, text)                                                                  \
    case WEIR_REFUSAL_##name:                                                                      \
        return lower;
        WEIR_REFUSAL_LIST(WEIR_X)
#undef WEIR_X
    }
    return "?";
}

const char *weir_suite_name(uint16_t id)
{
    switch (id) {
#define WEIR_X(number, name, alg, hash, version)                                                   \
    case number:                                                                                   \
        return #name;
#if WEIR_HAS_TLS13
        WEIR_SUITE_LIST_TLS13(WEIR_X)
#endif
#if WEIR_HAS_TLS12
        WEIR_SUITE_LIST_TLS12(WEIR_X)
#endif
#undef WEIR_X
    default:
        return "?";
    }
}

static bool same_text(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

const struct weir_suite *weir_suite_named(const char *name)
{
    static const uint16_t every[] = {
#define WEIR_X(number, name, alg, hash, version) (number),
        WEIR_SUITE_LIST(WEIR_X)
#undef WEIR_X
    };

    for (size_t i = 0; i < sizeof every / sizeof every[0]; i++) {
        const struct weir_suite *suite = weir_suite_find(every[i]);
        if (suite != NULL && same_text(weir_suite_name(suite->id), name))
            return suite;
    }
    return NULL;
}

const char *weir_alg_name(weir_alg alg)
{
    switch (alg) {
    case WEIR_AES_128_GCM:
        return "AES-128-GCM";
    case WEIR_AES_256_GCM:
        return "AES-256-GCM";
    case WEIR_CHACHA20_POLY1305:
        return "ChaCha20-Poly1305";
    case WEIR_ALG_COUNT:
        break;
    }
    return "?";
}

#endif
