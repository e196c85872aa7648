/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The listening socket of `weir serve`, and the life of the server.
 */
#include "serve_server.h"

#include "http_file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
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

static void on_retry(uv_timer_t *timer)
{
    serve_accept_again(timer->data);
}

static void pause_accepting(struct server *server)
{
    server->accepting = false;
    (void)uv_poll_stop(&server->listener);
}

void serve_accept_again(struct server *server)
{
    if (!server->accepting && !server->stopping && server->count < server->options->connections) {
        server->accepting = true;
        (void)uv_poll_start(&server->listener, UV_READABLE, on_listener);
    }
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

static void on_listener(uv_poll_t *poll, int status, int events)
{
    struct server *server = poll->data;
    (void)status;
    (void)events;
    for (int i = 0; i < TURN_ACCEPTS; i++) {
        if (server->count >= server->options->connections) {
            pause_accepting(server);
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
        if (!serve_conn_open(server, fd, &fault)) {
            complain(fault.text);
        }
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
    serve_conn_stop_all(server);
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

static bool start_loop(struct server *server, struct fault *fault)
{
    if (uv_loop_init(&server->loop) != 0) {
        FAULT(fault, "cannot make an event loop");
        return false;
    }
    (void)uv_poll_init(&server->loop, &server->listener, server->fd);
    (void)uv_timer_init(&server->loop, &server->retry);
    (void)uv_signal_init(&server->loop, &server->interrupt);
    (void)uv_signal_init(&server->loop, &server->terminate);
    server->listener.data = server->retry.data = server;
    server->interrupt.data = server->terminate.data = server;
    (void)uv_signal_start(&server->interrupt, on_signal, SIGINT);
    (void)uv_signal_start(&server->terminate, on_signal, SIGTERM);
    serve_accept_again(server);
    return true;
}

int serve_run(const struct serve_options *options)
{
    struct server server = {.options = options, .fd = -1, .root = -1};
    struct fault fault = {0};
    int status = EXIT_FINE;
    make_room(options->connections);
    if (open_all(&server, &fault) && start_loop(&server, &fault)) {
        announce(&server);
        (void)uv_run(&server.loop, UV_RUN_DEFAULT);
        (void)uv_loop_close(&server.loop);
    } else {
        status = fault_print("serve", &fault);
    }
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
