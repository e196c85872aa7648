/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One connection of `weir serve`: handshake, HTTP or echo, the end.
 */
#include "http_text.h"
#include "serve_server.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#if defined(__linux__)
#include <linux/sockios.h>
#define QUEUED_BYTES SIOCOUTQ
#elif defined(FIONWRITE)
#define QUEUED_BYTES FIONWRITE
#endif

/* Seconds in which a peer may take in our last words before its socket is closed. */
#define LINGER 2.0
/* Seconds without a request after which a connection gives its buffers back. */
#define TRIM_AFTER 1.0

enum phase {
    PHASE_HANDSHAKE,
    PHASE_SERVING,
    PHASE_CLOSING, /* our direction is being ended */
    PHASE_LINGER,  /* it has ended; whatever still comes is dropped */
    PHASE_GONE,
};

struct serve_conn {
    struct http_stream stream; /* first: a stream is its connection */
    struct serve_loop *loop;
    struct server *server; /* of that loop */
    struct serve_conn *next, **link;
    enum phase phase;
    int fd;
    uv_poll_t poll;
    uv_timer_t timer;
    int polled;
    struct address_text there;
    struct tls_session tls;
    struct weir_conn *conn;
    struct http_session *http; /* one of the two */
    struct echo *echo;
    enum http_state state;
    uint64_t moved; /* bytes sent and, for an echo, received when the timer was set */
    int queued;     /* bytes that the peer's system had not taken then */
    bool trimmed;
};

static void run(struct serve_conn *c);

/* ---- the end ---- */

static void free_conn(struct serve_conn *c)
{
    http_session_free(c->http);
    echo_free(c->echo);
    weir_conn_free(c->conn);
    if (c->tls.object != NULL) {
        c->server->library->close_session(&c->tls);
    }
    if (c->fd >= 0) {
        (void)close(c->fd);
    }
    free(c);
}

static void timer_closed(uv_handle_t *handle)
{
    struct serve_conn *c = handle->data;
    struct serve_loop *loop = c->loop;
    *c->link = c->next;
    if (c->next != NULL) {
        c->next->link = c->link;
    }
    free_conn(c);
    serve_conn_gone(loop);
}

static void poll_closed(uv_handle_t *handle)
{
    struct serve_conn *c = handle->data;
    uv_close((uv_handle_t *)&c->timer, timer_closed);
}

static void gone(struct serve_conn *c)
{
    if (c->phase != PHASE_GONE) {
        c->phase = PHASE_GONE;
        uv_close((uv_handle_t *)&c->poll, poll_closed);
    }
}

static void complain(const struct serve_conn *c, const char *what)
{
    (void)fflush(stdout);
    (void)fprintf(stderr, "weir serve: %s: %s\n", c->there.text, what);
}

static void on_timer(uv_timer_t *timer);

/* What the socket holds for the peer. A large queue may take longer to tell of room again than a
 * slow peer is given to make progress; so it is asked before the peer is given up. */
static int queued_bytes(const struct serve_conn *c)
{
    int queued = 0;
#if defined(QUEUED_BYTES)
    if (ioctl(c->fd, QUEUED_BYTES, &queued) < 0) {
        queued = 0;
    }
#endif
    return queued;
}

static void set_timer(struct serve_conn *c, double seconds)
{
    c->queued = queued_bytes(c);
    (void)uv_timer_start(&c->timer, on_timer, (uint64_t)(seconds * 1000), 0);
}

/* Something has happened that counts as progress. */
static void restart_timer(struct serve_conn *c)
{
    double timeout = c->server->options->timeout;
    c->trimmed = c->phase != PHASE_SERVING || c->state != HTTP_IDLE || timeout <= TRIM_AFTER;
    set_timer(c, c->trimmed ? timeout : TRIM_AFTER);
}

/* Says what is left to say, and then only waits for the peer to go. */
static void begin_closing(struct serve_conn *c)
{
    c->phase = PHASE_CLOSING;
    restart_timer(c);
}

static void failed(struct serve_conn *c, weir_status status)
{
    /* Many a browser drops a connection it needs no longer without close_notify. */
    bool usual = c->phase == PHASE_SERVING && c->http != NULL && c->state == HTTP_IDLE &&
                 (status == WEIR_E_TRUNCATED || status == WEIR_E_IO);
    if (!usual || c->server->options->verbose) {
        complain(c, weir_conn_explain(c->conn, status));
    }
    begin_closing(c); /* an alert may be waiting */
}

static void stop(struct serve_conn *c)
{
    bool silent = c->phase == PHASE_SERVING && c->state == HTTP_IDLE;
    if (silent || c->phase == PHASE_CLOSING) {
        (void)weir_conn_close(c->conn); /* as far as the socket takes it */
    }
    gone(c);
}

void serve_conn_stop_all(struct serve_loop *loop)
{
    for (struct serve_conn *c = loop->first; c != NULL; c = c->next) {
        stop(c);
    }
}

/* ---- the stream that HTTP and echo see ---- */

static weir_status stream_read(struct http_stream *stream, void *buf, size_t len, size_t *got)
{
    return weir_conn_read(((struct serve_conn *)stream)->conn, buf, len, got);
}

static weir_status stream_write(struct http_stream *stream, const void *buf, size_t len,
                                size_t *put)
{
    return weir_conn_write(((struct serve_conn *)stream)->conn, buf, len, put);
}

static weir_status stream_sendfile(struct http_stream *stream, int file, uint64_t *offset,
                                   uint64_t len)
{
    return weir_conn_sendfile(((struct serve_conn *)stream)->conn, file, offset, len);
}

static void stream_log(struct http_stream *stream, const char *line)
{
    const struct serve_conn *c = (const struct serve_conn *)stream;
    (void)printf("%s %s\n", c->there.text, line);
    (void)fflush(stdout);
}

/* ---- serving ---- */

/* "soft with openssl; not by mlx5-kmod: …": who carries a direction, and who does not. */
static void add_path(struct text *t, const struct serve_conn *c, enum weir_dir dir)
{
    const struct candidates *all = &c->server->candidates;
    struct weir_conn_path path = weir_conn_path(c->conn, dir);
    const struct candidate *carrier = candidate_of(all, path.backend);
    text_add(t, carrier == NULL ? "?" : candidate_show(carrier).text);
    for (size_t i = 0; i < path.refusal_count; i++) {
        text_add(t, "; not by ");
        text_add(t, candidate_show(&all->names[i]).text);
        text_add(t, ": ");
        text_add(t, reason_show(&path.refusals[i]).text);
    }
    text_add_bytes(t, "", 1);
}

/* Once for all connections. */
static void tell_paths(struct serve_conn *c)
{
    struct text sending = {0}, receiving = {0};
    add_path(&sending, c, WEIR_TX);
    add_path(&receiving, c, WEIR_RX);
    if (!sending.failed && !receiving.failed) {
        /* One call each: others print, too. */
        if (strcmp(sending.data, receiving.data) == 0) {
            (void)printf("Both directions by %s\n", sending.data);
        } else {
            (void)printf("Sending by %s\nReceiving by %s\n", sending.data, receiving.data);
        }
        (void)fflush(stdout);
    }
    text_free(&sending);
    text_free(&receiving);
}

static void begin_serving(struct serve_conn *c)
{
    struct server *server = c->server;
    c->phase = PHASE_SERVING;
    c->state = HTTP_IDLE;
    restart_timer(c);
    if (!atomic_exchange(&server->told_path, true)) {
        tell_paths(c);
    }
    if (server->options->directory != NULL) {
        c->http = http_session_new(server->root, &c->stream);
    } else {
        c->echo = echo_new(&c->stream);
    }
    if (c->http == NULL && c->echo == NULL) {
        complain(c, "out of memory");
        begin_closing(c);
    }
}

static void shake_hands(struct serve_conn *c)
{
    weir_status status = weir_conn_handshake(c->conn);
    if (status == WEIR_OK) {
        begin_serving(c);
    } else if (status < WEIR_OK || status == WEIR_REFUSED) {
        failed(c, status);
    }
}

/* The echo's line of the log. */
static void log_echo(const struct serve_conn *c)
{
    if (c->echo != NULL && c->server->options->verbose) {
        (void)printf("%s echoed %llu bytes\n", c->there.text,
                     (unsigned long long)weir_tx_counters(weir_conn_tx(c->conn)).bytes);
        (void)fflush(stdout);
    }
}

/* Goes on serving; answers what to wait for. */
static unsigned serve(struct serve_conn *c)
{
    unsigned want = 0;
    weir_status why = WEIR_OK;
    enum http_state before = c->state;
    enum http_state now =
        c->http != NULL ? http_session_run(c->http, &want, &why) : echo_run(c->echo, &want, &why);
    if (now == HTTP_FINISHED) {
        log_echo(c);
        begin_closing(c);
    } else if (now == HTTP_BROKEN && why != WEIR_OK) {
        failed(c, why);
    } else if (now == HTTP_BROKEN) {
        complain(c, "an answer was cut short"); /* without close_notify: the peer shall see it */
        gone(c);
    } else {
        uint64_t moved = weir_tx_counters(weir_conn_tx(c->conn)).bytes;
        if (c->echo != NULL) {
            moved += weir_rx_counters(weir_conn_rx(c->conn)).bytes;
        }
        c->state = now;
        if (now != before || moved != c->moved) {
            restart_timer(c);
        }
        c->moved = moved;
    }
    return want;
}

/* Ends our direction; FIN has gone when the phase changes. */
static void say_goodbye(struct serve_conn *c)
{
    if (weir_conn_close(c->conn) != WEIR_NEED_OUTPUT) {
        c->phase = PHASE_LINGER;
        set_timer(c, LINGER);
    }
}

/* Closing a socket with bytes unread could take our last words from the peer. */
static void drain(struct serve_conn *c)
{
    char waste[16384];
    for (int i = 0; i < 64; i++) {
        ssize_t n = recv(c->fd, waste, sizeof waste, 0);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
            gone(c);
            return;
        }
        if (n < 0 && errno != EINTR) {
            return;
        }
    }
}

/* ---- the loop ---- */

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct serve_conn *c = poll->data;
    if (status < 0) {
        c->polled = 0; /* libuv has stopped it; the socket itself knows what is wrong */
    }
    if (c->phase == PHASE_SERVING && (events & UV_WRITABLE) != 0) {
        restart_timer(c); /* the peer reads */
        weir_status flushed = weir_conn_flush(c->conn);
        if (flushed < WEIR_OK) {
            failed(c, flushed);
        }
    }
    run(c);
}

/* Nothing has happened for as long as the command line allows. */
static void serving_too_long(struct serve_conn *c)
{
    if (c->http != NULL) {
        http_session_time_out(c->http);
        set_timer(c, c->server->options->timeout);
    } else if (c->state == HTTP_IDLE) {
        begin_closing(c);
    } else {
        complain(c, "the peer does not read");
        gone(c);
        return;
    }
    run(c);
}

static void on_timer(uv_timer_t *timer)
{
    struct serve_conn *c = timer->data;
    bool sends = c->phase == PHASE_CLOSING || c->state == HTTP_SENDING;
    if (sends && queued_bytes(c) < c->queued) {
        restart_timer(c);
        return;
    }
    switch (c->phase) {
    case PHASE_HANDSHAKE:
        complain(c, "no TLS handshake in time");
        gone(c);
        return;
    case PHASE_SERVING:
        if (c->trimmed) {
            serving_too_long(c);
        } else {
            c->trimmed = true;
            weir_conn_trim(c->conn);
            set_timer(c, c->server->options->timeout - TRIM_AFTER);
        }
        return;
    case PHASE_CLOSING:
    case PHASE_LINGER:
        gone(c);
        return;
    case PHASE_GONE:
        return;
    }
}

static void wait_for(struct serve_conn *c, unsigned want)
{
    short events = 0;
    int mask = (want & HTTP_WANT_READ) != 0 ? UV_READABLE : 0;
    mask |= (want & HTTP_WANT_WRITE) != 0 ? UV_WRITABLE : 0;
    if (c->phase == PHASE_LINGER) {
        mask = UV_READABLE;
    } else {
        events = weir_conn_events(c->conn);
        mask |= (events & POLLOUT) != 0 || c->phase == PHASE_CLOSING ? UV_WRITABLE : 0;
        mask |= c->phase == PHASE_HANDSHAKE && (events & POLLIN) != 0 ? UV_READABLE : 0;
    }
    if (mask != c->polled) {
        c->polled = mask;
        (void)(mask == 0 ? uv_poll_stop(&c->poll) : uv_poll_start(&c->poll, mask, on_poll));
    }
}

static void run(struct serve_conn *c)
{
    unsigned want = 0;
    if (c->phase == PHASE_HANDSHAKE) {
        shake_hands(c);
    }
    if (c->phase == PHASE_SERVING) {
        want = serve(c);
    }
    if (c->phase == PHASE_CLOSING) {
        say_goodbye(c);
    }
    if (c->phase == PHASE_LINGER) {
        drain(c);
    }
    if (c->phase != PHASE_GONE) {
        wait_for(c, want);
    }
}

/* ---- the beginning ---- */

static struct weir_conn *connect_weir(struct server *server, struct serve_conn *c,
                                      struct fault *fault)
{
    if (!server->library->open_session(server->context, NULL, &c->tls, fault)) {
        return NULL;
    }
    struct weir_conn_config config = {
        .fd = c->fd,
        .handshake = c->tls.handshake,
        .backends = server->candidates.backends,
        .backend_count = server->candidates.count,
        .record_limit = (size_t)server->options->tls.record_size,
        .policy = server->options->tls.policy,
    };
    struct weir_conn *conn = weir_conn_new(&config);
    if (conn == NULL) {
        c->tls.handshake->release(c->tls.handshake);
        FAULT(fault, "cannot make a connection of this socket");
    }
    return conn;
}

struct serve_conn *serve_conn_new(struct serve_loop *loop, int fd, struct fault *fault)
{
    struct server *server = loop->server;
    struct serve_conn *c = calloc(1, sizeof *c);
    if (c == NULL) {
        (void)close(fd);
        FAULT(fault, "out of memory");
        return NULL;
    }
    net_tune(fd);
    c->stream = (struct http_stream){
        .read = stream_read,
        .write = stream_write,
        .sendfile = stream_sendfile,
        .log = server->options->verbose ? stream_log : NULL,
    };
    c->loop = loop;
    c->server = server;
    c->fd = fd;
    c->there = net_there(fd);
    c->conn = connect_weir(server, c, fault);
    if (c->conn == NULL) {
        free_conn(c);
        return NULL;
    }
    return c;
}

void serve_conn_begin(struct serve_conn *c)
{
    struct serve_loop *loop = c->loop;
    if (uv_poll_init(&loop->crew.loop, &c->poll, c->fd) != 0) {
        complain(c, "cannot watch this socket");
        serve_conn_drop(c);
        serve_conn_gone(loop);
        return;
    }
    (void)uv_timer_init(&loop->crew.loop, &c->timer);
    c->poll.data = c->timer.data = c;
    c->link = &loop->first;
    c->next = loop->first;
    if (c->next != NULL) {
        c->next->link = &c->next;
    }
    loop->first = c;
    restart_timer(c);
    run(c);
}

void serve_conn_drop(struct serve_conn *c)
{
    free_conn(c);
}

void serve_conn_push(struct serve_conn **list, struct serve_conn *c)
{
    c->next = *list;
    *list = c;
}

struct serve_conn *serve_conn_pop(struct serve_conn **list)
{
    struct serve_conn *c = *list;
    if (c != NULL) {
        *list = c->next;
    }
    return c;
}
