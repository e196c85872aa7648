/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * The inside of the mbedTLS binding.
 */
#ifndef WEIR_MBEDTLS_INTERNAL_H
#define WEIR_MBEDTLS_INTERNAL_H

#include "binding.h"

#include <mbedtls/platform.h>
#include <mbedtls/ssl.h>
#include <weir/mbedtls.h>

/** A queue of bytes that grows; wiped where it shrinks, for some of them are secret. Zeros: empty.
 */
struct mbedtls_queue {
    uint8_t *data;
    size_t start, end, cap;
};

enum mbedtls_stage {
    STAGE_HANDSHAKE,
    STAGE_COMPLETE, /* drive answered WEIR_OK */
    STAGE_TAKEN,    /* the keys are weir's; the library talks to the loop */
    STAGE_FAILED,
};

/*
 * What the library writes goes to `to_peer` until the keys are taken and to `loop_out` from then
 * on. Only `to_peer` can be reached through output(), and only collect touches `loop_out`: that is
 * what keeps loop ciphertext inside the process.
 */
struct mbedtls_binding {
    struct weir_handshake hs; /* first: the vtable handed to the caller */
    mbedtls_ssl_context *ssl;
    const uint8_t *feed; /* what the library may read now: the rest of one record at most */
    size_t feed_len;
    bool starved; /* it asked for more than that */
    struct mbedtls_queue to_peer, loop_out;
    enum mbedtls_stage stage;
    struct weir_once once;
    struct weir_tap *tap;            /* until the keys are taken */
    uint8_t master[WEIR_MASTER_LEN]; /* TLS 1.2 on mbedTLS 3.x, until the keys are taken */
    bool has_master;
    size_t limit[2]; /* record limits by enum weir_dir, once the handshake is complete */
    unsigned tickets;
    uint8_t owed_alert; /* for a message the library refused without a word; WEIR_ALERT_NONE */
    struct weir_loop loop;
    char error[200];
};

/* queue.c */
/** Adds data[0..len). False: no memory, nothing changed. */
bool weir_mbedtls_queue_add(struct mbedtls_queue *queue, const uint8_t *data, size_t len);
/** Takes `len` bytes away from the front, at most all. */
void weir_mbedtls_queue_drop(struct mbedtls_queue *queue, size_t len);
/** Wipes and releases; empty and usable afterwards. */
void weir_mbedtls_queue_free(struct mbedtls_queue *queue);

static inline size_t mbedtls_queue_len(const struct mbedtls_queue *queue)
{
    return queue->end - queue->start;
}

/* library.c: what differs between mbedTLS 2.28 and 3.x */
/** Whether `ssl` is a server's. */
bool weir_mbedtls_is_server(const mbedtls_ssl_context *ssl);
/** What `ssl` itself has against it; WEIR_REFUSAL_NONE: nothing. */
weir_refusal_code weir_mbedtls_judge(mbedtls_ssl_context *ssl);
/** Makes secrets of `ssl` come to `b`; with NULL no longer. */
void weir_mbedtls_listen(mbedtls_ssl_context *ssl, struct mbedtls_binding *b);
/** The master secret of TLS 1.2; NULL: not to be had. */
const uint8_t *weir_mbedtls_master(const struct mbedtls_binding *b);
/** Most plaintext that the library itself would write into a record of this version. */
size_t weir_mbedtls_out_limit(const mbedtls_ssl_context *ssl, uint16_t version);

/* take.c */
weir_status weir_mbedtls_take_keys(struct weir_handshake *hs, struct weir_keys *tx,
                                   struct weir_keys *rx, struct weir_refusal *why);

/* loop_through.c */
weir_status weir_mbedtls_deliver(struct weir_handshake *hs, const uint8_t *data, size_t len);
weir_status weir_mbedtls_collect(struct weir_handshake *hs, struct weir_control *control);

/* handshake.c */
/** Offers the library data[0..len), and nothing behind it. */
void weir_mbedtls_feed(struct mbedtls_binding *b, const uint8_t *data, size_t len);
/** Puts what the library says about `code` behind `what` into b->error. */
void weir_mbedtls_note_error(struct mbedtls_binding *b, const char *what, int code);

static inline struct mbedtls_binding *mbedtls_inside(struct weir_handshake *hs)
{
    return (struct mbedtls_binding *)(void *)hs;
}

#endif
