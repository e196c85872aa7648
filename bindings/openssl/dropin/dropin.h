/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * The inside of the BIO: a direction each in send.c and receive.c, how they come to weir in take.c,
 * what OpenSSL says in bio.c.
 */
#ifndef WEIR_DROPIN_H
#define WEIR_DROPIN_H

#include "ktls30.h"

#include <weir/openssl_bio.h>
#include <weir/posix_exec.h>
#include <weir/soft.h>

/** Two records: one that was asked for, and a KeyUpdate that had to go before it. */
#define DROPIN_OUT_ROOM ((size_t)2 * WEIR_MAX_RECORD)

/** How a file goes through SSL_write: OpenSSL wants the same bytes again until it has taken them.
 */
struct weir_dropin_file {
    uint8_t *buf; /* WEIR_MAX_PLAINTEXT bytes, once there was a file */
    size_t len;   /* what lies there and is not taken yet; 0: nothing */
    uint64_t offset;
    int file;
};

/** What is alike in both directions. */
struct weir_dropin_side {
    bool taken;
    struct weir_refusal why;
    struct weir_refusal passed[WEIR_OPENSSL_BIO_BACKENDS];
    size_t passed_count;
    void *memory[2]; /* software's, and that of the backend it moved to */
    size_t memory_len[2];
};

/** A traffic secret on its way from the key log; see secret.c. */
struct weir_dropin_secret;

struct weir_dropin {
    int fd;
    struct weir_soft soft;
    const struct weir_backend *const *backends;
    size_t backend_count;
    weir_policy policy;
    struct weir_limit limit;
    struct weir_dropin_secret *secret; /* NULL: no SSL was given */
    struct weir_dropin_side side[2];   /* by enum weir_dir */

    struct weir_tx tx;
    bool typed; /* the next record is of `type` */
    uint8_t type;
    bool tls13;
    bool counts;   /* what goes by the descriptor now is counted */
    unsigned lent; /* how often somebody got the descriptor since weir has asked where it stands */
    uint32_t message_left; /* bytes of a handshake message still to come */
    /* A record that is sealed, but not all of it is sent: OpenSSL comes again with it. */
    bool pending;
    uint8_t pending_type;
    size_t pending_len;
    uint8_t *out; /* DROPIN_OUT_ROOM bytes; sealed and not sent: out[head..tail) */
    size_t head, tail;

    struct weir_rx rx;
    uint8_t *in; /* WEIR_MAX_RECORD bytes; a record as far as it came */
    size_t in_len;
    bool end_of_stream;

    struct weir_dropin_file file;
};

/** The one who owns `bio` if it is one of ours, else NULL. */
struct weir_dropin *weir_dropin_of(BIO *bio);

/* layout.c */
/** What a key that OpenSSL hands over says; false: it is nothing that weir knows. */
bool weir_dropin_decode(const uint8_t *blob, enum weir_dir dir, struct weir_keys *keys);

/* selftest.c */
/** Whether the OpenSSL of this process does what ktls30.h says; false: `why` is filled. */
bool weir_dropin_known(struct weir_refusal *why);

/* secret.c */
/** Listens to the key log of `ssl`; NULL: out of memory. */
struct weir_dropin_secret *weir_dropin_secret_new(SSL *ssl);
/**
 * Adds the secret to the keys of the first epoch that it must belong to. WEIR_REFUSAL_NONE;
 * WEIR_REFUSAL_SECRET: it was not heard; WEIR_REFUSAL_NOT_PROVEN: they are not of it.
 */
weir_refusal_code weir_dropin_secret_take(struct weir_dropin_secret *secret,
                                          struct weir_keys *keys);
/** The BIO lets go of it; NULL is fine. */
void weir_dropin_secret_free(struct weir_dropin_secret *secret);

/* take.c */
/** OpenSSL offers a direction's key: true when weir has the direction from now on. */
bool weir_dropin_take(struct weir_dropin *d, enum weir_dir dir, uint8_t *blob);
/** Carries out the commands of the sending or receiving direction. WEIR_NEED_OUTPUT: later. */
weir_status weir_dropin_carry_out(struct weir_dropin *d, enum weir_dir dir,
                                  struct weir_refusal *why);
/** Wipes and frees what a direction has. */
void weir_dropin_leave(struct weir_dropin *d, enum weir_dir dir);

/* wait.c */
/** After EAGAIN: waits if the socket is one that waits; false: the caller has to come again. */
bool weir_dropin_wait(int fd, short events);

/* send.c */
/**
 * Sends content of `type`. WEIR_OK: `*taken` bytes of it, all unless it is application data.
 * WEIR_NEED_OUTPUT: come again with the same. Below zero: the direction is dead.
 */
weir_status weir_dropin_send(struct weir_dropin *d, uint8_t type, const uint8_t *data, size_t len,
                             size_t *taken);
/** Sends what is sealed, and lets a key change that is to. WEIR_OK, WEIR_NEED_OUTPUT, or dead. */
weir_status weir_dropin_flush(struct weir_dropin *d);
/** Before application data that does not come by weir_dropin_send: a KeyUpdate, if it is time. */
weir_status weir_dropin_make_way(struct weir_dropin *d);

/* receive.c */
/**
 * Receives one record in the form that OpenSSL expects, `*got` bytes. WEIR_OK; WEIR_NEED_INPUT;
 * WEIR_CLOSED: the end of the transport. Below zero: the direction is dead.
 */
weir_status weir_dropin_receive(struct weir_dropin *d, uint8_t *out, size_t cap, size_t *got);

#endif
