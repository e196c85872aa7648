/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * The inside of the OpenSSL binding.
 */
#ifndef WEIR_OPENSSL_INTERNAL_H
#define WEIR_OPENSSL_INTERNAL_H

#include "binding.h"
#include "listen.h"

#include <openssl/ssl.h>
#include <weir/openssl.h>

enum openssl_stage {
    STAGE_HANDSHAKE,
    STAGE_COMPLETE, /* drive answered WEIR_OK */
    STAGE_TAKEN,    /* the keys are weir's; the library talks to the loop */
    STAGE_FAILED,
};

/*
 * Two pairs of memory BIOs, and the library is attached to one pair at a time. Only `to_peer` can
 * be reached through output(), and it is gone once the library is on the loop's pair, which nothing
 * but deliver and collect touches. That is what keeps loop ciphertext inside the process.
 */
struct openssl_binding {
    struct weir_handshake hs; /* first: the vtable handed to the caller */
    struct weir_openssl_listener listener;
    SSL *ssl;
    BIO *from_peer; /* until the keys are taken */
    BIO *to_peer;
    size_t tapped; /* bytes waiting in to_peer that the tap has seen */
    bool fed;      /* the peer has said something */
    BIO *loop_in;
    BIO *loop_out;
    enum openssl_stage stage;
    struct weir_once once;
    struct weir_tap *tap; /* until the keys are taken */
    struct weir_loop loop;
    char error[200];
};

/* take.c */
weir_status weir_openssl_take_keys(struct weir_handshake *hs, struct weir_keys *tx,
                                   struct weir_keys *rx, struct weir_refusal *why);

/* loop_through.c */
weir_status weir_openssl_deliver(struct weir_handshake *hs, const uint8_t *data, size_t len);
weir_status weir_openssl_collect(struct weir_handshake *hs, struct weir_control *control);

/* handshake.c */
/* Puts the oldest entry of OpenSSL's error queue, or `otherwise`, into b->error. */
void weir_openssl_note_error(struct openssl_binding *b, const char *otherwise);
/* A memory BIO that answers "retry" when it is empty; NULL when memory ran out. */
BIO *weir_openssl_memory_bio(void);

static inline struct openssl_binding *openssl_inside(struct weir_handshake *hs)
{
    return (struct openssl_binding *)(void *)hs;
}

#endif
