/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * The far end of an echo: sends a stream, takes it back, and says what became of it.
 */
#ifndef WEIR_TEST_ECHO_PEER_H
#define WEIR_TEST_ECHO_PEER_H

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Bytes that are on their way at most, so that nobody has to hold more. */
#define PEER_WINDOW 49152u
/** Bytes in one write. */
#define PEER_PIECE 8000u

struct peer {
    size_t total; /* bytes to send */
    bool update;  /* a KeyUpdate in the middle, and one asked of the other end */
    bool vanish;  /* ends without close_notify */
    size_t sent, got;
    EVP_MD_CTX *sent_digest, *got_digest;
    unsigned updates_out, updates_in;
    bool closed;    /* close_notify both ways */
    unsigned alert; /* the last one that came; 255: none */
};

/** The next piece to be sent, 0 when all is sent or too much on its way. */
size_t peer_next(const struct peer *peer, uint8_t *buf, size_t room);
void peer_was_sent(struct peer *peer, const uint8_t *data, size_t len);
void peer_has_got(struct peer *peer, const uint8_t *data, size_t len);
/** Whether the KeyUpdate is due; once. */
bool peer_update_due(struct peer *peer);

/** By SSL_write and SSL_read: nothing of weir is in it. */
void peer_run_openssl(struct peer *peer, SSL *ssl, int fd);
/** By a connection of weir's. */
void peer_run_weir(struct peer *peer, SSL *ssl, int fd);

#endif
