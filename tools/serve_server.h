/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of `weir serve` share: the server, its loops, and one connection.
 */
#ifndef WEIR_TOOLS_SERVE_SERVER_H
#define WEIR_TOOLS_SERVE_SERVER_H

#include "backends.h"
#include "crew.h"
#include "http.h"
#include "net.h"
#include "serve_echo.h"
#include "tls.h"
#include "weir/posix.h"

/* The command line. */
struct serve_options {
    const char *directory; /* NULL: echo */
    const char *bind, *port;
    double timeout; /* seconds */
    uint64_t connections, threads;
    bool verbose;
    struct tls_options tls;
};

struct serve_conn;
struct server;

/* One event loop and its connections. */
struct serve_loop {
    struct crew_member crew;
    struct server *server;
    struct serve_conn *first; /* a list of all its connections */
    uv_mutex_t lock;          /* of the next two, by which the thread that accepts hands over */
    struct serve_conn *handed;
    bool stop;
    atomic_uint count; /* its connections, those handed over included */
};

/* What all loops share. But for what is atomic, only the main thread writes here, and what others
 * read it writes before they begin. */
struct server {
    const struct serve_options *options;
    const struct tls_library *library;
    struct tls_settings settings;
    struct tls_context *context;
    struct candidates candidates;
    int fd, root;             /* the listening socket, and the directory */
    struct serve_loop *loops; /* `open` of them; the first is the main thread's, and accepts */
    unsigned open;
    uv_poll_t listener;
    uv_timer_t retry; /* accepts again after descriptors had run out */
    uv_signal_t interrupt, terminate;
    bool accepting, stopping, told_limit; /* told: a line that is said once */
    atomic_uint count;                    /* connections */
    atomic_bool told_path;
};

/* ---- serve_server.c ---- */

int serve_run(const struct serve_options *options);
/* A connection of this loop is gone: there is room for another one. */
void serve_conn_gone(struct serve_loop *loop);

/* ---- serve_conn.c ---- */

/* A connection of `loop` on `fd`, which it takes over, also when it fails (NULL, fault). It may be
 * made in another thread. */
struct serve_conn *serve_conn_new(struct serve_loop *loop, int fd, struct fault *fault);
/* Begins with it, in the thread of its loop. */
void serve_conn_begin(struct serve_conn *conn);
/* Frees one that has not begun. */
void serve_conn_drop(struct serve_conn *conn);
/* A list of such; the next one of it. */
void serve_conn_push(struct serve_conn **list, struct serve_conn *conn);
struct serve_conn *serve_conn_pop(struct serve_conn **list);
/* Ends all of a loop at once: in good order where nothing is half-said. */
void serve_conn_stop_all(struct serve_loop *loop);

#endif
