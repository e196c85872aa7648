/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of `weir serve` share: the server, and one connection of it.
 */
#ifndef WEIR_TOOLS_SERVE_SERVER_H
#define WEIR_TOOLS_SERVE_SERVER_H

#include "backends.h"
#include "http.h"
#include "net.h"
#include "serve_echo.h"
#include "tls.h"
#include "weir/posix.h"

#include <uv.h>

/* The command line. */
struct serve_options {
    const char *directory; /* NULL: echo */
    const char *bind, *port;
    double timeout; /* seconds */
    uint64_t connections;
    bool verbose;
    struct tls_options tls;
};

struct serve_conn;

struct server {
    const struct serve_options *options;
    uv_loop_t loop;
    uv_poll_t listener;
    uv_timer_t retry; /* accepts again after descriptors had run out */
    uv_signal_t interrupt, terminate;
    int fd, root; /* the listening socket, and the directory */
    const struct tls_library *library;
    struct tls_settings settings;
    struct tls_context *context;
    struct candidates candidates;
    struct serve_conn *first; /* a list of all connections */
    uint64_t count;
    bool accepting, stopping;
    bool told_path, told_limit; /* lines that are said once */
};

/* ---- serve_server.c ---- */

int serve_run(const struct serve_options *options);
/* A connection is gone: there is room for another one. */
void serve_accept_again(struct server *server);

/* ---- serve_conn.c ---- */

/* Takes over `fd`, also when it fails (false, fault). */
bool serve_conn_open(struct server *server, int fd, struct fault *fault);
/* Ends all of them at once: in good order where nothing is half-said. */
void serve_conn_stop_all(struct server *server);

#endif
