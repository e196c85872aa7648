/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One connection of the test program: what it sends, receives and reports.
 */
#ifndef INTEROP_TALK_H
#define INTEROP_TALK_H

#include "peer.h"
#include "wire.h"

/* What came of a connection. */
struct outcome {
    weir_status handshake, read, write; /* the last of each */
    char explain[320];                  /* about the first that failed */
    uint64_t sent, received;            /* application data, without HTTP headers */
    char sent_digest[65], received_digest[65];
    char written_digest[65]; /* of all we wrote, headers included */
    uint64_t updates;        /* KeyUpdates we asked for ourselves */
    uint64_t tx_rekeys, rx_rekeys;
    uint64_t rx_records; /* by weir's own interface only */
    uint8_t peer_alert;
    const char *backend, *rx_backend;
    const char *rx_refusal; /* why the receiving direction is not weir's */
    int stray;              /* SSL_sendfile over a backend that cannot: what it answered */
};

/*
 * A way to use weir: by its own interface (way_conn.c), or below that of OpenSSL (way_bio.c). The
 * functions are as those of weir/posix.h.
 */
struct way {
    weir_status (*handshake)(struct way *way);
    weir_status (*read)(struct way *way, const uint8_t **data, size_t *got);
    weir_status (*write)(struct way *way, const void *buf, size_t len, size_t *put);
    weir_status (*flush)(struct way *way);
    weir_status (*close)(struct way *way);
    weir_status (*update)(struct way *way, bool request);
    short (*events)(struct way *way);
    /* One line about a status; also about WEIR_REFUSED. */
    const char *(*explain)(struct way *way, weir_status status);
    /* Counters, backends and what else only the way knows, after the handshake. */
    void (*report)(struct way *way, struct outcome *outcome);
};

struct weir_conn;
/* The ways; each is a static of its file, as there is one connection at a time. */
struct way *way_of_conn(struct weir_conn *conn);
/* A connection of OpenSSL over the BIO, on `fd`; `wire` is told of the keys. */
struct way *way_of_bio(const struct options *options, int fd, struct wire *wire);

/* Carries the connection through from its handshake to its end; waits as needed. */
void talk(struct way *way, int fd, const struct options *options, struct outcome *outcome);

#endif
