/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The listening socket of `weir serve`, its loops, and the life of the server.
 */
#include "serve_server.h"

#include "http_file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Connections accepted before those that are there get their turn. */
#define TURN_ACCEPTS 64
/* Milliseconds until accepting is tried again when descriptors ran out. */
#define RETRY 250
/* Descriptors for everything but connections; each of these may take two. */
#define SPARE 32

static void on_listener(uv_poll_t *poll, int status, int events);

static void pause_accepting(struct server *server)
{
    server->accepting = false;
    (void)uv_poll_stop(&server->listener);
}

static void accept_again(struct server *server)
{
    if (!server->accepting && !server->stopping &&
        atomic_load(&server->count) < server->options->connections) {
        server->accepting = true;
        (void)uv_poll_start(&server->listener, UV_READABLE, on_listener);
    }
}

void serve_conn_gone(struct serve_loop *loop)
{
    struct server *server = loop->server;
    atomic_fetch_sub(&loop->count, 1);
    bool full = atomic_fetch_sub(&server->count, 1) == server->options->connections;
    if (loop == &server->loops[0]) {
        accept_again(server);
    } else if (full) {
        crew_wake(&server->loops[0].crew); /* which may have stopped accepting */
    }
}

static void on_retry(uv_timer_t *timer)
{
    accept_again(timer->data);
}

static void complain(const char *what)
{
    (void)fflush(stdout);
    (void)fprintf(stderr, "weir serve: %s\n", what);
}

/* accept(2) failed. False: there is nothing more to accept now. */
static bool accept_failed(struct server *server)
{
    if (errno == EINTR || errno == ECONNABORTED) {
        return true;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
        return false;
    }
    /* What ran out comes back; until then, who waits stays in the queue of the socket. */
    if (!server->told_limit) {
        server->told_limit = true;
        char line[160];
        (void)snprintf(line, sizeof line, "cannot accept more connections for now: %s",
                       strerror(errno));
        complain(line);
    }
    pause_accepting(server);
    (void)uv_timer_start(&server->retry, on_retry, RETRY, 0);
    return false;
}

/* The loop that has the fewest connections. */
static struct serve_loop *idlest(struct server *server)
{
    struct serve_loop *best = &server->loops[0];
    for (unsigned i = 1; i < server->open; i++) {
        if (atomic_load(&server->loops[i].count) < atomic_load(&best->count)) {
            best = &server->loops[i];
        }
    }
    return best;
}

/* Makes a connection, and hands it to its loop. */
static bool take_in(struct server *server, int fd, struct fault *fault)
{
    struct serve_loop *loop = idlest(server);
    struct serve_conn *conn = serve_conn_new(loop, fd, fault);
    if (conn == NULL) {
        return false;
    }
    atomic_fetch_add(&server->count, 1);
    atomic_fetch_add(&loop->count, 1);
    if (loop == &server->loops[0]) {
        serve_conn_begin(conn);
        return true;
    }
    uv_mutex_lock(&loop->lock);
    serve_conn_push(&loop->handed, conn);
    uv_mutex_unlock(&loop->lock);
    crew_wake(&loop->crew);
    return true;
}

static void on_listener(uv_poll_t *poll, int status, int events)
{
    struct server *server = poll->data;
    (void)status;
    (void)events;
    for (int i = 0; i < TURN_ACCEPTS; i++) {
        if (atomic_load(&server->count) >= server->options->connections) {
            pause_accepting(server);
            accept_again(server); /* one may have gone meanwhile, and found nothing to wake */
            return;
        }
        int fd = accept(server->fd, NULL, NULL);
        if (fd < 0) {
            if (!accept_failed(server)) {
                return;
            }
            continue;
        }
        struct fault fault = {0};
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
        if (!take_in(server, fd, &fault)) {
            complain(fault.text);
        }
    }
}

/* ---- the loops ---- */

/* Takes what has been handed over; begins with it, or lets it go when all ends. */
static void on_woken(struct crew_member *member)
{
    struct serve_loop *loop = member->data;
    uv_mutex_lock(&loop->lock);
    struct serve_conn *list = loop->handed;
    bool stop = loop->stop;
    loop->handed = NULL;
    uv_mutex_unlock(&loop->lock);
    for (struct serve_conn *c; (c = serve_conn_pop(&list)) != NULL;) {
        if (stop) {
            serve_conn_drop(c);
            serve_conn_gone(loop);
        } else {
            serve_conn_begin(c);
        }
    }
    if (stop) {
        serve_conn_stop_all(loop);
    }
    if (loop == &loop->server->loops[0]) {
        accept_again(loop->server);
    }
}

static void stop_loop(struct serve_loop *loop)
{
    uv_mutex_lock(&loop->lock);
    loop->stop = true;
    uv_mutex_unlock(&loop->lock);
    crew_wake(&loop->crew);
}

/* Makes all loops; those behind the first begin to run. */
static bool open_loops(struct server *server, struct fault *fault)
{
    for (; server->open < server->options->threads; server->open++) {
        struct serve_loop *loop = &server->loops[server->open];
        loop->server = server;
        if (uv_mutex_init(&loop->lock) != 0) {
            FAULT(fault, "cannot make an event loop");
            return false;
        }
        if (!crew_open(&loop->crew, on_woken, loop, fault)) {
            uv_mutex_destroy(&loop->lock);
            return false;
        }
        if (server->open > 0 && !crew_start(&loop->crew, fault)) {
            server->open++;
            return false;
        }
    }
    return true;
}

static void close_loops(struct server *server)
{
    /* The first last: the others may still wake it. */
    while (server->open > 0) {
        struct serve_loop *loop = &server->loops[--server->open];
        crew_close(&loop->crew);
        uv_mutex_destroy(&loop->lock);
    }
}

/* ---- beginning and end ---- */

static void on_signal(uv_signal_t *handle, int number)
{
    struct server *server = handle->data;
    (void)number;
    server->stopping = true;
    uv_close((uv_handle_t *)&server->listener, NULL);
    uv_close((uv_handle_t *)&server->retry, NULL);
    uv_close((uv_handle_t *)&server->interrupt, NULL);
    uv_close((uv_handle_t *)&server->terminate, NULL);
    for (unsigned i = 1; i < server->open; i++) {
        stop_loop(&server->loops[i]);
    }
    serve_conn_stop_all(&server->loops[0]);
}

/* Asks for as many descriptors as the connections may need. Where there are fewer, later ones wait.
 */
static void make_room(uint64_t connections)
{
    struct rlimit limit;
    rlim_t wanted = (rlim_t)(2 * connections + SPARE);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < wanted) {
        limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static bool open_all(struct server *server, struct fault *fault)
{
    const struct serve_options *o = server->options;
    if (!tls_options_resolve(&o->tls, true, &server->library, &server->settings, fault) ||
        !tls_library_threads(server->library, o->threads > 1, "--threads", fault) ||
        !candidates_choose(&server->candidates, o->tls.backend, o->tls.aead, fault)) {
        return false;
    }
    if (o->directory != NULL) {
        server->settings.alpn = "http/1.1";
        server->root = http_root_open(o->directory);
        if (server->root < 0) {
            FAULT(fault, "cannot serve '%s': %s", o->directory, strerror(errno));
            return false;
        }
    }
    server->context = server->library->open(&server->settings, fault);
    if (server->context == NULL) {
        return false;
    }
    server->fd = net_listen(o->bind, o->port, fault);
    return server->fd >= 0;
}

static void announce(const struct server *server)
{
    const struct tls_settings *s = &server->settings;
    const char *directory = server->options->directory;
    (void)printf("%s%s on %s%s%s (%s, %s%s%s)\n", directory == NULL ? "Echo" : "Serving ",
                 directory == NULL ? "" : directory, directory == NULL ? "" : "https://",
                 net_here(server->fd).text, directory == NULL ? "" : "/",
                 server->library->version(), tls_version_name(s->least),
                 s->least == s->most ? "" : " to ",
                 s->least == s->most ? "" : tls_version_name(s->most));
    if (s->cert == NULL) {
        (void)printf("The certificate is made for this run: browsers warn of it, curl wants -k\n");
    }
    (void)fflush(stdout);
}

static bool start_listening(struct server *server, struct fault *fault)
{
    uv_loop_t *loop = &server->loops[0].crew.loop;
    if (uv_poll_init(loop, &server->listener, server->fd) != 0) {
        FAULT(fault, "cannot watch the listening socket");
        return false;
    }
    (void)uv_timer_init(loop, &server->retry);
    (void)uv_signal_init(loop, &server->interrupt);
    (void)uv_signal_init(loop, &server->terminate);
    server->listener.data = server->retry.data = server;
    server->interrupt.data = server->terminate.data = server;
    (void)uv_signal_start(&server->interrupt, on_signal, SIGINT);
    (void)uv_signal_start(&server->terminate, on_signal, SIGTERM);
    accept_again(server);
    return true;
}

int serve_run(const struct serve_options *options)
{
    struct server server = {.options = options, .fd = -1, .root = -1};
    struct fault fault = {0};
    int status = EXIT_FINE;
    make_room(options->connections);
    server.loops = calloc((size_t)options->threads, sizeof *server.loops);
    if (server.loops == NULL) {
        FAULT(&fault, "out of memory");
        return fault_print("serve", &fault);
    }
    if (open_all(&server, &fault) && open_loops(&server, &fault) &&
        start_listening(&server, &fault)) {
        announce(&server);
        (void)uv_run(&server.loops[0].crew.loop, UV_RUN_DEFAULT);
    } else {
        status = fault_print("serve", &fault);
    }
    close_loops(&server);
    free(server.loops);
    if (server.context != NULL) {
        server.library->close(server.context);
    }
    if (server.fd >= 0) {
        (void)close(server.fd);
    }
    if (server.root >= 0) {
        (void)close(server.root);
    }
    return status;
}
