/* SPDX-License-Identifier: BSD-2-Clause */
/* weir's end of a connection: a weir_conn over a socket that the kernel's TLS can take over. */
#ifndef END_H
#define END_H

#include "tls.h"

#include <weir/linux_ktls.h>
#include <weir/openssl.h>
#include <weir/posix.h>
#include <weir/posix_exec.h>

/* What the kernel can do, WEIR_LINUX_KTLS_…; found by end_probe, before the first case. */
extern uint32_t end_features;
void end_probe(void);

enum end_send { SEND_WRITE, SEND_WRITEV, SEND_FILE, SEND_SPLICE };
enum end_read { READ_COPY, READ_VIEW, READ_SPLICE };
/* Where a direction is, and goes to. */
enum end_place {
    IN_SOFTWARE,
    IN_KERNEL, /* from the handshake on */
    MOVING,    /* to the kernel, by the first call after `move_at` bytes of it */
};

struct end_plan {
    const struct tls_suite *suite;
    bool server;
    uint64_t send, expect; /* bytes */
    size_t chunk;          /* of a write; 0: 65536 */
    enum end_send how_send;
    enum end_read how_read;
    enum peer_order order;
    bool end_last;           /* ends its direction after the peer has */
    unsigned updates;        /* KeyUpdates of ours, spread over what we send */
    bool request;            /* each asks for one back */
    weir_status read_end;    /* how reading must end; 0: WEIR_CLOSED */
    bool update_refused;     /* our KeyUpdates cannot be done */
    enum end_place place[2]; /* by enum weir_dir */
    uint64_t move_at[2];
    /* With IN_KERNEL for both: what becomes of them instead under this policy; see refused[]. */
    weir_policy policy;
    weir_refusal_code refused[2]; /* the direction stays in software for this reason */
    /* The peer pauses there (struct peer) until it has been seen where the kernel stands. */
    uint64_t pause_at;
    bool slow_start; /* lets what the peer sends wait in the socket until the key is there */
};

struct end {
    const struct end_plan *plan;
    int fd;
    int go; /* see struct peer */
    SSL_CTX *ctx;
    SSL *ssl;
    struct weir_soft soft;
    struct weir_linux_ktls ktls;
    const struct weir_backend *backends[2];
    struct weir_conn *conn;
    struct weir_position began[2]; /* after the handshake */
    uint64_t counted[2];           /* records, then */
    bool asked[2];                 /* for the move */
    bool moved[2];                 /* after end_close: the kernel had it in the end */
    bool seen;                     /* see pause_at */
    unsigned refused;              /* moves that came too late */
    int file;                      /* SEND_FILE, SEND_SPLICE */
    int out[2], in[2];             /* pipes: SEND_SPLICE, READ_SPLICE */
    size_t piped;                  /* bytes in `out` */
    uint64_t sent, got;
    unsigned updates;
    bool ended;       /* we have ended our direction */
    weir_status read; /* the last of them */
};

/* Both ends of a TCP connection, with the peer as a process of its own and the handshake made. */
void end_open(struct end *e, const struct end_plan *plan, struct peer *peer);
/* One round of sending and receiving as far as it goes; waits when nothing went. */
void end_step(struct end *e);
/* Rounds until both directions are at their end. */
void end_run(struct end *e);
/* Checks what was counted, waits for the peer and frees. */
void end_close(struct end *e);

_Noreturn void end_fail(struct end *e, const char *what, weir_status status);

#endif
