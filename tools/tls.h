/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The TLS library of a connection, chosen at run time, and everything the command line says to it.
 */
#ifndef WEIR_TOOLS_TLS_H
#define WEIR_TOOLS_TLS_H

#include "common.h"
#include "weir/handshake.h"

#include <getopt.h>

/* What a context is made from. Strings are borrowed. */
struct tls_settings {
    bool server;
    uint16_t least, most;   /* WEIR_TLS12 or WEIR_TLS13 */
    uint16_t suite;         /* the one to use; 0: any that weir carries */
    const char *cert, *key; /* PEM files; NULL: a server makes its own */
    const char *ca;         /* PEM file; NULL: the system's roots */
    bool insecure;          /* take any certificate */
    const char *alpn;       /* one protocol a server agrees to, or NULL */
};

/* Settings, certificates and caches that connections share. */
struct tls_context;

/* One connection's TLS object and its handshake. */
struct tls_session {
    struct weir_handshake *handshake; /* goes to weir_conn_new, which releases it */
    void *object;                     /* goes to close_session after weir_conn_free */
};

/* A TLS library behind the command. */
struct tls_library {
    const char *name;
    uint16_t highest; /* the highest version this build of it speaks */
    bool threads;     /* several threads may use the connections of one context */
    const char *(*version)(void);
    /* NULL: fault says why. */
    struct tls_context *(*open)(const struct tls_settings *settings, struct fault *fault);
    void (*close)(struct tls_context *context);
    /* `host`: the name a client's peer must prove; NULL as a server. */
    bool (*open_session)(struct tls_context *context, const char *host, struct tls_session *session,
                         struct fault *fault);
    void (*close_session)(struct tls_session *session);
};

extern const struct tls_library tls_library_openssl;
extern const struct tls_library tls_library_mbedtls;

/* ---- tls_options.c: the options that perf and serve have in common ---- */

/* The command line as it was given; all NULL or 0 at first. */
struct tls_options {
    const char *tls, *library, *cipher, *backend, *aead, *cert, *key, *ca;
    bool insecure;
    uint64_t record_size;
    weir_policy policy;
};

/* Values of the long options below, beyond those of any letter. */
enum tls_option {
    TLS_OPTION_TLS = 256,
    TLS_OPTION_LIBRARY,
    TLS_OPTION_CIPHER,
    TLS_OPTION_BACKEND,
    TLS_OPTION_AEAD,
    TLS_OPTION_RECORD_SIZE,
    TLS_OPTION_REKEY,
    TLS_OPTION_CERT,
    TLS_OPTION_KEY,
    TLS_OPTION_CA,
    TLS_OPTION_INSECURE,
    TLS_OPTION_END, /* a verb's own start here */
};

#define TLS_LONG_OPTIONS                                                                           \
    {"tls", required_argument, NULL, TLS_OPTION_TLS},                                              \
        {"tls-lib", required_argument, NULL, TLS_OPTION_LIBRARY},                                  \
        {"cipher", required_argument, NULL, TLS_OPTION_CIPHER},                                    \
        {"backend", required_argument, NULL, TLS_OPTION_BACKEND},                                  \
        {"aead", required_argument, NULL, TLS_OPTION_AEAD},                                        \
        {"rekey", required_argument, NULL, TLS_OPTION_REKEY},                                      \
        {"record-size", required_argument, NULL, TLS_OPTION_RECORD_SIZE},                          \
        {"cert", required_argument, NULL, TLS_OPTION_CERT},                                        \
        {"key", required_argument, NULL, TLS_OPTION_KEY},                                          \
        {"ca", required_argument, NULL, TLS_OPTION_CA},                                            \
    {                                                                                              \
        "insecure", no_argument, NULL, TLS_OPTION_INSECURE                                         \
    }

/* The part of a help text that belongs to them, and its end; for a command that is always a server
   without the options of clients. */
extern const char tls_options_help[];
extern const char tls_server_options_help[];

/* Notes one of the options above. False: fault. */
bool tls_options_take(struct tls_options *options, int option, const char *value,
                      struct fault *fault);

/* What getopt_long found fault with: ':' or '?'. Always answers false, fault filled. */
bool tls_options_wrong(int answer, char *const argv[], struct fault *fault);

/* The library and the settings that follow from the options. False: fault. */
bool tls_options_resolve(const struct tls_options *options, bool server,
                         const struct tls_library **library, struct tls_settings *settings,
                         struct fault *fault);

/* Whether the library can do with several threads, if `option` asks for them. False: fault. */
bool tls_library_threads(const struct tls_library *library, bool several, const char *option,
                         struct fault *fault);

/* What --rekey names. */
bool tls_policy_named(const char *name, weir_policy *policy, struct fault *fault);

/* What --tls names: both ends of the range are that version; NULL: both are left alone. */
bool tls_version_named(const char *text, uint16_t *least, uint16_t *most, struct fault *fault);

/* A line for each TLS library of this build, the default first. */
void tls_libraries_print(void);

/* ---- tls_suites.c ---- */

/* A suite by IANA name or by OpenSSL's short name, in any case; NULL when weir carries none such.
 */
const struct weir_suite *tls_suite_named(const char *name);

/* The suites of the versions least to most that are offered unless one is named, the best first;
 * answers how many. */
enum { TLS_SUITES_MAX = 64 };
size_t tls_suites(uint16_t least, uint16_t most, uint16_t *numbers);

/* "TLSv1.3" */
const char *tls_version_name(uint16_t version);

#endif
