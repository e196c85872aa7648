/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The program that stands for weir opposite other people's TLS: its options, and the TLS libraries
 * it can use for the handshake.
 */
#ifndef INTEROP_PEER_H
#define INTEROP_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weir/handshake.h>
#include <weir/record.h>

/* How a connection ends, when all is sent and received. */
enum ending {
    END_OURS,   /* we send close_notify, then wait for the peer's */
    END_THEIRS, /* the peer's comes first, then ours goes */
    END_ABRUPT, /* the socket is closed, nothing is said */
};

/* What the command line says; strings are borrowed from it. */
struct options {
    bool server, text, http, request_update;
    bool bio, sendfile; /* below OpenSSL (way_bio.c); its data from a file */
    bool overstep;      /* heed no record_size_limit */
    uint16_t port;
    const struct weir_suite *suite;
    const struct library *library;
    const struct weir_aead *aead;
    const char *cert, *key, *ca;
    const char *psk_identity;
    uint8_t psk[64];
    size_t psk_len;
    uint64_t send, receive, mark, seed, update_every;
    size_t record_size, pad, chop;
    uint16_t size_limit; /* record_size_limit to offer with OpenSSL; 0: none */
    unsigned connections, timeout;
    enum ending ending;
};

/* Where a session of TLS (not of weir) came from. */
enum reuse { REUSE_NO, REUSE_YES, REUSE_UNKNOWN };

/* A TLS library: one context for all connections, one object for each. Failing is fatal: it prints
 * why and exits. */
struct library {
    const char *name;
    const struct weir_aead *aead;
    const char *(*version)(void);
    /* Whether it can be asked for this suite. */
    bool (*has)(const struct weir_suite *suite);
    void (*open)(const struct options *options);
    /* The handshake of the next connection, resuming the last one's session if there is one. */
    struct weir_handshake *(*begin)(void);
    /* After weir_conn_free: keeps the session for the next connection unless the end was not clean;
     * answers whether this one was resumed. */
    enum reuse (*end)(bool clean);
    void (*close)(void);
};

extern const struct library library_openssl;
extern const struct library library_mbedtls;

struct ssl_st;
/* library_openssl: an SSL for the next connection, as `begin` makes it, without the binding; `end`
 * is the same. */
struct ssl_st *openssl_begin(void);

/* Prints one line to stderr, with what the program is, and exits with 2. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Fills `options`; exits with 2 for a command line that is not understood. */
void options_parse(int argc, char **argv, struct options *options);

/* The libraries of this build, NULL behind the last. */
extern const struct library *const libraries[];

#endif
