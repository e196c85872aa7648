/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * Two ends of OpenSSL over TCP on loopback in one process: `ours` over weir's BIO, `theirs` over
 * OpenSSL's own, with a throw-away certificate. Whatever cannot be made aborts with a line on
 * stderr; what a test is about is answered.
 */
#ifndef TEST_DROPIN_TWO_H
#define TEST_DROPIN_TWO_H

#include <openssl/ssl.h>
#include <weir/openssl_bio.h>

struct two_config {
    uint16_t version;  /* WEIR_TLS12, WEIR_TLS13 */
    const char *suite; /* OpenSSL's name */
    bool server;       /* ours is */
    bool no_option;    /* without SSL_OP_ENABLE_KTLS */
    bool no_ssl;       /* the BIO is not told whose it is */
    bool renegotiate;  /* theirs may */
    bool
        post_handshake; /* the client offers post-handshake authentication, and has a certificate */
    unsigned char fragment;             /* RFC 6066 code that the client asks for; 0: none */
    bool resumes;                       /* both ends can go on with sessions of earlier pairs */
    uint32_t early;                     /* bytes of early data that the server takes */
    SSL_SESSION *session;               /* for the client to go on with; NULL: none */
    struct weir_openssl_bio_config bio; /* `ssl` is filled in */
};

struct two {
    SSL_CTX *ctx[2]; /* of ours, of theirs */
    SSL *ours, *theirs;
    BIO *bio;             /* belongs to `ours` */
    int fd[2];            /* non-blocking */
    unsigned tickets;     /* that came to the client */
    SSL_SESSION *session; /* of the last one; freed by two_close */
};

void two_open(struct two *t, const struct two_config *config);
/* Carries the handshake through on both ends. False: one of them failed. */
bool two_shake(struct two *t);
/* Moves `len` bytes from one end to the other, and compares. False: it did not go. */
bool two_move(SSL *from, SSL *to, size_t len);
/* Receives until `len` bytes of the pattern of two_fill have come. */
bool two_receive(SSL *to, size_t len);
/* Bytes that say where in a stream they stand. */
void two_fill(uint8_t *buf, size_t len, size_t at);
/* close_notify both ways. */
bool two_end(struct two *t);
void two_close(struct two *t);
/* A file of that pattern, without a name. */
int two_file(size_t len);
/* The alert that `ssl` received last; -1: none. */
int two_alert(SSL *ssl);

#endif
