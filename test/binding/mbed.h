/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * An mbedTLS client and an mbedTLS server with throw-away certificates, each of them on weir or
 * plain, and a wire tap between them that learns its keys from mbedTLS and not from weir.
 */
#ifndef TEST_BINDING_MBED_H
#define TEST_BINDING_MBED_H

#include "end.h"
#include "wiretap.h"

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ciphersuites.h>
#include <mbedtls/ssl_ticket.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>

#if MBEDTLS_VERSION_NUMBER < 0x03000000 || !defined(MBEDTLS_SSL_PROTO_TLS1_3)
#define MBED_HAS_TLS13 false
#else
#define MBED_HAS_TLS13 true
#endif

struct mbed_config {
    uint16_t version;                   /* 0: TLS 1.2 */
    int suite;                          /* IANA number; 0: AES-128-GCM with ECDHE-ECDSA */
    bool rsa;                           /* an RSA certificate instead of one on P-256 */
    bool plain_client, plain_server;    /* without weir */
    bool ask_client;                    /* the server asks for a certificate, the client has one */
    bool verify;                        /* the client wants to trust the server's certificate */
    bool trust;                         /* and does */
    bool tickets;                       /* the server gives session tickets */
    unsigned ticket_count;              /* TLS 1.3: how many; 0: the library's default */
    bool renegotiation;                 /* both are willing */
    bool early_data;                    /* both are willing; needs a library that is */
    unsigned char fragment;             /* RFC 6066 code the client asks for; 0: none */
    size_t chunk;                       /* see struct wire */
    const mbedtls_ssl_session *session; /* to resume */
};

/* One end's objects of the library. */
struct mbed_side {
    mbedtls_ssl_config conf;
    mbedtls_ssl_context ssl;
    mbedtls_x509_crt cert;
    mbedtls_pk_context key;
    bool plain;
    int suites[2];
    /* what mbedTLS exported to a callback of ours */
    uint8_t block[88];        /* TLS 1.2: the key block */
    uint8_t secret[2][2][48]; /* TLS 1.3: of the client, of the server; handshake, application */
    size_t secret_len[2][2];
    unsigned exported;
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
    mbedtls_ssl_export_keys_t *chained; /* the callback that was there before */
    void *chained_context;
#endif
};

struct mbed_pair {
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context drbg;
    mbedtls_ssl_ticket_context tickets;
    struct mbed_side client_side, server_side;
    struct end client, server;
    struct wiretap tap;
    struct wire wire;
};

/* One side of a connection, for tests that pair it with something else. */
void mbed_side_open(struct mbed_pair *p, struct mbed_side *side, bool server,
                    const struct mbed_config *config);
void mbed_side_end(struct mbed_side *side, struct end *e, const char *name, bool plain);
void mbed_side_free(struct mbed_side *side);
/* What every side shares: the random generator and the ticket keys. */
void mbed_open_shared(struct mbed_pair *p);
void mbed_free_shared(struct mbed_pair *p);
/* The wire tap's keys, from what one side exported. */
void mbed_give_keys(struct wiretap *tap, const struct mbed_side *side, uint16_t suite);

void mbed_open(struct mbed_pair *p, const struct mbed_config *config);
/* As mbed_open, with a server that still knows the tickets of `before`; that one stays intact. */
void mbed_reopen(struct mbed_pair *p, struct mbed_pair *before, const struct mbed_config *config);
/* Runs the handshake; fails the test unless both ends are up. */
void mbed_connect(struct mbed_pair *p);
/* Fails the test unless both ends of a wire are up. */
void mbed_both_up(const struct wire *wire);
/* Sends `len` bytes each way and checks that they arrive. */
void mbed_exchange(struct wire *wire, size_t len);
/* Gives the wire tap its keys and lets it judge; then frees everything. */
void mbed_close(struct mbed_pair *p);
/* Frees everything; the wire is not judged. */
void mbed_drop(struct mbed_pair *p);

void end_plain_mbedtls(struct end *e, const char *name, mbedtls_ssl_context *ssl);

#endif
