/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * An OpenSSL client and an OpenSSL server with throw-away certificates, each of them on weir or
 * plain, and a wire tap between them that learns its keys by the application's own key log.
 */
#ifndef TEST_BINDING_PAIR_H
#define TEST_BINDING_PAIR_H

#include "end.h"
#include "wiretap.h"

#include <openssl/ssl.h>

struct pair_config {
    int version;       /* TLS1_2_VERSION, TLS1_3_VERSION; 0: TLS 1.3 */
    const char *suite; /* OpenSSL's name; NULL: AES-128-GCM with ECDHE-ECDSA */
    bool rsa;          /* an RSA certificate instead of one on P-256 */
    bool plain_client; /* without weir */
    bool plain_server;
    bool no_tickets;        /* a server without TLS 1.3 tickets at the end of the handshake */
    unsigned tickets;       /* their number if not no_tickets; 0: OpenSSL's default of 2 */
    bool ask_client;        /* the server asks for a certificate in the handshake */
    bool post_handshake;    /* the client offers post-handshake authentication */
    size_t chunk;           /* see struct wire */
    SSL_SESSION *session;   /* to resume */
    uint32_t early_data;    /* the server's max_early_data */
    unsigned char fragment; /* RFC 6066 code the client asks for; 0: none */
};

struct pair {
    SSL_CTX *client_ctx;
    SSL_CTX *server_ctx;
    struct end client;
    struct end server;
    struct wiretap tap;
    struct wire wire;
    /* what the key log said: of the client, of the server; handshake, application */
    uint8_t secret[2][2][48];
    size_t secret_len[2][2];
    unsigned log_lines;
    unsigned new_sessions; /* tickets the client's callback was given */
    SSL_SESSION *session;  /* the last of them */
};

void pair_open(struct pair *p, const struct pair_config *config);
/* As pair_open, with the SSL_CTXs of a pair that was there before; that one stays intact. */
void pair_reopen(struct pair *p, const struct pair *before, const struct pair_config *config);
/* Runs the handshake; fails the test unless both ends are up. */
void pair_connect(struct pair *p);
/* Sends `len` bytes each way and checks that they arrive. */
void pair_exchange(struct pair *p, size_t len);
/* Gives the wire tap its keys and lets it judge; then frees everything. */
void pair_close(struct pair *p);
/* Frees everything; the wire is not judged. */
void pair_drop(struct pair *p);

#endif
