/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * Two ends of a TLS connection in one process, without sockets: a weir end drives any struct
 * weir_handshake, a plain end is a TLS library with nothing of weir.
 */
#ifndef TEST_BINDING_END_H
#define TEST_BINDING_END_H

#include <stdalign.h>
#include <weir/handshake.h>
#include <weir/soft.h>

struct bytes {
    uint8_t *data;
    size_t len;
    size_t cap;
};

void bytes_add(struct bytes *b, const void *data, size_t len);
void bytes_drop(struct bytes *b, size_t len); /* from the front */
void bytes_free(struct bytes *b);

struct end;
struct ssl_st;              /* an SSL of OpenSSL */
struct mbedtls_ssl_context; /* its counterpart of mbedTLS */

/* What a plain end is made of. */
struct end_library {
    void (*step)(struct end *e); /* as end_step */
    bool (*up)(const struct end *e);
    void (*send)(struct end *e, const void *data, size_t len);
};

struct end {
    const char *name;
    const struct end_library *plain;     /* NULL: a weir end */
    struct ssl_st *ssl;                  /* one of the two: the library's object */
    struct mbedtls_ssl_context *mbedtls; /* whose owner frees it behind end_free */
    struct bytes in;                     /* from the peer */
    struct bytes out;                    /* to the peer */
    struct bytes data;                   /* application data received */

    /* a weir end */
    struct weir_handshake *hs;
    const struct weir_aead *aead;
    bool up; /* the session runs */
    struct weir_soft soft;
    alignas(64) uint8_t tx_ctx[2048];
    alignas(64) uint8_t rx_ctx[2048];
    struct weir_tx tx;
    struct weir_rx rx;
    struct weir_session session;
    struct weir_position tx_start; /* where the keys stood when they were taken */
    struct weir_position rx_start;
    struct weir_refusal why;
    size_t pump_room; /* bytes offered to weir_loop_pump first; 0: plenty */
    unsigned delivered;
    bool stop_before_keys;

    /* how it stands: of drive, take_keys, the session or the pump; a plain end: 0 or the library's
     * own number of an error */
    weir_status status;
    int ssl_error;
    bool plain_up; /* a plain mbedTLS end: its handshake is over */
    bool starved;  /* and it asked for more than there is */
};

void end_weir(struct end *e, const char *name, struct weir_handshake *hs,
              const struct weir_aead *aead);
void end_plain_openssl(struct end *e, const char *name, struct ssl_st *ssl);
void end_free(struct end *e); /* releases hs */

/* Takes what is in `in`, goes as far as it can, and leaves what it has to say in `out`. */
void end_step(struct end *e);
/* Whether the handshake is complete and, for a weir end, the session runs. */
bool end_up(const struct end *e);
/* Sends application data. */
void end_send(struct end *e, const void *data, size_t len);
/* Pumps what the library wants; returns the first status that is not WEIR_OK. */
weir_status end_pump(struct end *e);

struct wiretap;

/* The wire between two ends. */
struct wire {
    struct end *client;
    struct end *server;
    struct wiretap *tap; /* sees all bytes; may be NULL */
    size_t chunk;        /* bytes carried at a time; 0: all */
};

/* Carries bytes both ways until both are silent. */
void wire_run(struct wire *w);

#endif
