/* SPDX-License-Identifier: BSD-2-Clause */
#include "perf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Seconds a new connection has for its handshake and to say what it wants. */
#define GREETING 15.0

/* Under perf.lock. */
struct server {
    struct perf perf;
    int fd;
    uv_poll_t listener;
    bool listening; /* the loop watches fd */
    struct test *tests[TESTS_MAX];
    struct stream *waiting[STREAMS_MAX]; /* no HELLO yet */
    bool stopping;
};

static void on_listener(uv_poll_t *poll, int status, int events);

static struct server *server_of(const struct stream *s)
{
    return s->world->data;
}

/* ---- the end: in the main thread, but for stop() ---- */

static void free_test(uv_handle_t *handle)
{
    free(handle->data);
}

/* Whether a test, or a stream that may become one, is there. */
static bool has_tests(const struct server *server)
{
    bool any = false;
    for (size_t i = 0; i < TESTS_MAX; i++) {
        any = any || server->tests[i] != NULL;
    }
    return any;
}

static bool has_waiting(const struct server *server)
{
    bool any = false;
    for (size_t i = 0; i < STREAMS_MAX; i++) {
        any = any || server->waiting[i] != NULL;
    }
    return any;
}

/* No more streams, and those that are there end; with the last one the loop (see on_woken). */
static void stop(struct server *server, int status)
{
    if (server->stopping) {
        return;
    }
    server->stopping = true;
    server->perf.status = status;
    for (size_t i = 0; i < STREAMS_MAX; i++) {
        if (server->waiting[i] != NULL) {
            stream_ask_end(server->waiting[i], NULL);
        }
    }
    for (size_t i = 0; i < TESTS_MAX; i++) {
        if (server->tests[i] != NULL) {
            perf_stop(server->tests[i]);
        }
    }
    perf_wake(&server->perf);
}

/* Reports on the tests all of whose streams have ended, and forgets them. */
static void end_tests(struct server *server)
{
    for (size_t i = 0; i < TESTS_MAX; i++) {
        struct test *test = server->tests[i];
        if (test != NULL && test->over) {
            bool good = !test->failed;
            server->tests[i] = NULL;
            report_end(test);
            perf_forget(test, free_test);
            if (server->perf.options->once) {
                stop(server, good ? EXIT_FINE : EXIT_FAILED);
            }
        } else if (test != NULL) {
            report_tick(test);
        }
    }
}

static void listen_again(struct server *server)
{
    if (!server->listening && !server->stopping) {
        server->listening = true;
        (void)uv_poll_start(&server->listener, UV_READABLE, on_listener);
    }
}

static void on_woken(struct stream_world *world)
{
    struct server *server = world->data;
    uv_mutex_lock(&server->perf.lock);
    end_tests(server);
    listen_again(server);
    if (server->stopping && server->listening) {
        server->listening = false;
        (void)uv_poll_stop(&server->listener);
    }
    if (server->stopping && !has_tests(server) && !has_waiting(server)) {
        uv_stop(server->perf.loop);
    }
    uv_mutex_unlock(&server->perf.lock);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct perf *perf = handle->data;
    struct server *server = perf->worlds[0].data;
    (void)number;
    uv_mutex_lock(&perf->lock);
    /* Being told to stop is how a server ends; a test that is cut off is not. */
    stop(server, has_tests(server) ? EXIT_INTERRUPTED : EXIT_FINE);
    uv_mutex_unlock(&perf->lock);
}

/* ---- streams ---- */

static void opened(struct stream *s)
{
    (void)s; /* the client speaks first */
}

static void start(struct stream *s)
{
    (void)s; /* the client says when */
}

static struct test *find_test(struct server *server, const char *id)
{
    for (size_t i = 0; i < TESTS_MAX; i++) {
        if (server->tests[i] != NULL && !server->tests[i]->over &&
            strcmp(server->tests[i]->id, id) == 0) {
            return server->tests[i];
        }
    }
    return NULL;
}

static struct test *new_test(struct server *server, const char *id, unsigned streams,
                             struct fault *fault)
{
    size_t at = 0;
    while (at < TESTS_MAX && server->tests[at] != NULL) {
        at++;
    }
    bool busy = at == TESTS_MAX || (server->perf.options->once && at > 0);
    struct test *test = busy ? NULL : calloc(1, sizeof *test);
    if (test == NULL) {
        FAULT(fault, "%s", busy ? "the server is busy with another client" : "out of memory");
        return NULL;
    }
    (void)snprintf(test->id, sizeof test->id, "%s", id);
    test->server = true;
    test->expected = streams;
    test->perf = &server->perf;
    server->tests[at] = test;
    return test;
}

/* Puts a stream in its place in the test that its HELLO names. */
static bool join(struct server *server, struct stream *s, const json_t *body, struct fault *fault)
{
    const char *id = json_string_value(json_object_get(body, "test"));
    json_int_t streams = json_integer_value(json_object_get(body, "streams"));
    json_int_t number = json_integer_value(json_object_get(body, "stream"));
    if (id == NULL || strlen(id) > 32 || streams < 1 || streams > STREAMS_MAX || number < 0 ||
        number >= streams) {
        FAULT(fault, "the client asked for something that cannot be");
        return false;
    }
    struct test *test = find_test(server, id);
    if (test == NULL) {
        test = new_test(server, id, (unsigned)streams, fault);
    }
    if (test == NULL) {
        return false;
    }
    if (test->expected != (unsigned)streams || test->streams[number] != NULL ||
        test->results[number] != NULL) {
        FAULT(fault, "the client contradicts itself");
        return false;
    }
    for (size_t i = 0; i < STREAMS_MAX; i++) {
        server->waiting[i] = server->waiting[i] == s ? NULL : server->waiting[i];
    }
    s->id = (unsigned)number;
    s->data = test;
    test->streams[number] = s;
    test->opened++;
    return true;
}

/* What HELLO asks of this stream. */
static bool agree(struct stream *s, const json_t *body, struct fault *fault)
{
    json_int_t bytes = json_integer_value(json_object_get(body, "bytes"));
    json_int_t record = json_integer_value(json_object_get(body, "record_size"));
    json_int_t update = json_integer_value(json_object_get(body, "key_update"));
    double seconds = json_number_value(json_object_get(body, "seconds"));
    bool up = json_is_true(json_object_get(body, "up"));
    bool down = json_is_true(json_object_get(body, "down"));
    if (json_integer_value(json_object_get(body, "protocol")) != 1) {
        FAULT(fault, "the client speaks another version of this protocol");
        return false;
    }
    if (bytes < 0 || record < 0 || record > (json_int_t)WEIR_MAX_PLAINTEXT || update < 0 ||
        (bytes == 0 && !(seconds > 0 && seconds <= 86400)) || (!up && !down)) {
        FAULT(fault, "the client asked for something that cannot be");
        return false;
    }
    s->verify = json_is_true(json_object_get(body, "verify"));
    s->bytes = (uint64_t)bytes;
    s->seconds = seconds;
    s->key_update = (uint64_t)update;
    if (s->world->record_size == 0 && record > 0 &&
        weir_conn_set_record_limit(s->conn, (size_t)record) != WEIR_OK) {
        FAULT(fault, "record size %lld cannot be asked of %s; give the server --record-size",
              (long long)record, weir_conn_path(s->conn, WEIR_TX).backend->name);
        return false;
    }
    if (!stream_prepare(s, down, up)) {
        FAULT(fault, "out of memory");
        return false;
    }
    return true;
}

static bool greet(struct stream *s, const json_t *body, struct fault *fault)
{
    struct server *server = server_of(s);
    if (!join(server, s, body, fault) || !agree(s, body, fault)) {
        return false;
    }
    if (!server->perf.options->json) {
        perf_announce(s);
    }
    stream_say(s, FRAME_READY, json_pack("{s:i}", "protocol", 1));
    return true;
}

static bool take_message(struct stream *s, enum frame_kind kind, const json_t *body,
                         struct fault *fault)
{
    struct test *test = s->data;
    if (kind == FRAME_HELLO && test == NULL) {
        return greet(s, body, fault);
    }
    if (kind == FRAME_START && test != NULL) {
        if (!test->started) {
            report_start(test);
        }
        if (s->sent.wanted && !s->sending && !s->sent.done) {
            stream_start(s);
        }
        return true;
    }
    if ((kind == FRAME_DONE || kind == FRAME_RESULT) && test != NULL) {
        return true; /* the client closes when it has what it wants */
    }
    FAULT(fault, "the client sent a message out of turn");
    return false;
}

static bool message(struct stream *s, enum frame_kind kind, const json_t *body, struct fault *fault)
{
    uv_mutex_t *lock = &server_of(s)->perf.lock;
    uv_mutex_lock(lock);
    bool ok = take_message(s, kind, body, fault);
    uv_mutex_unlock(lock);
    return ok;
}

/* A stream that never said what it wanted. */
static void ended_early(struct server *server, struct stream *s)
{
    for (size_t i = 0; i < STREAMS_MAX; i++) {
        server->waiting[i] = server->waiting[i] == s ? NULL : server->waiting[i];
    }
    if (s->failed) {
        (void)fflush(stdout);
        (void)fprintf(stderr, "weir perf: %s: %s\n", s->there.text, s->fault.text);
        if (server->perf.options->once && !has_tests(server)) {
            stop(server, EXIT_FAILED);
        }
    }
}

static void ended(struct stream *s)
{
    struct server *server = server_of(s);
    uv_mutex_lock(&server->perf.lock);
    if (s->data == NULL) {
        ended_early(server, s);
    } else {
        perf_ended(s->data, s);
    }
    perf_wake(&server->perf);
    uv_mutex_unlock(&server->perf.lock);
}

static const struct stream_owner owner = {
    .opened = opened, .message = message, .start = start, .ended = ended};

/* ---- the listener ---- */

static struct stream **free_place(struct server *server)
{
    for (size_t i = 0; i < STREAMS_MAX; i++) {
        if (server->waiting[i] == NULL) {
            return &server->waiting[i];
        }
    }
    return NULL;
}

/* Takes one connection in. False: no more for now. */
static bool take_in(struct server *server)
{
    struct fault fault;
    struct stream **place = server->stopping ? NULL : free_place(server);
    int fd = place == NULL ? -1 : accept(server->fd, NULL, NULL);
    if (place == NULL || (fd < 0 && (errno == EMFILE || errno == ENFILE))) {
        /* Until a stream ends: see on_woken, and on_watch for when there is none. */
        server->listening = false;
        (void)uv_poll_stop(&server->listener);
        return false;
    }
    if (fd < 0) {
        return false;
    }
    *place = stream_new(perf_world(&server->perf), &owner, NULL, fd, NULL, &fault);
    if (*place == NULL) {
        (void)fprintf(stderr, "weir perf: %s\n", fault.text);
    } else {
        stream_begin(*place);
    }
    return true;
}

static void on_listener(uv_poll_t *poll, int status, int events)
{
    struct server *server = poll->data;
    (void)status;
    (void)events;
    uv_mutex_lock(&server->perf.lock);
    while (take_in(server)) {
    }
    uv_mutex_unlock(&server->perf.lock);
}

static void on_watch(uv_timer_t *timer)
{
    struct perf *perf = timer->data;
    struct server *server = perf->worlds[0].data;
    uv_mutex_lock(&perf->lock);
    for (size_t i = 0; i < STREAMS_MAX; i++) {
        struct stream *s = server->waiting[i];
        /* From its first byte on: one that comes in dribs and drabs is no progress. */
        if (s != NULL && stream_now(s) - s->accepted > GREETING) {
            struct fault fault;
            FAULT(&fault, "no request within %.0f seconds", GREETING);
            stream_ask_end(s, &fault);
        }
    }
    for (size_t i = 0; i < TESTS_MAX; i++) {
        if (server->tests[i] != NULL) {
            perf_watch(server->tests[i]);
        }
    }
    listen_again(server);
    uv_mutex_unlock(&perf->lock);
}

static void announce(const struct server *server)
{
    const struct perf *perf = &server->perf;
    unsigned port = net_port(server->fd);
    if (perf->options->json) {
        report_json(json_pack("{s:{s:i, s:s}}", "listening", "port", (int)port, "tls_library",
                              perf->library->version()));
        return;
    }
    (void)printf(
        "Server listening on port %u (%s, %s%s%s)\n", port, perf->library->version(),
        tls_version_name(perf->settings.least),
        perf->settings.least == perf->settings.most ? "" : " to ",
        perf->settings.least == perf->settings.most ? "" : tls_version_name(perf->settings.most));
    if (perf->settings.cert == NULL) {
        (void)printf("The certificate is made for this run: clients want --insecure\n");
    }
    (void)fflush(stdout);
}

int perf_server(const struct perf_options *options)
{
    static struct server server;
    const struct perf_role role = {
        .on_signal = on_signal, .on_watch = on_watch, .on_woken = on_woken, .data = &server};
    struct fault fault = {0};
    if (!perf_open(&server.perf, options, &role, &fault)) {
        return fault_print("perf", &fault);
    }
    server.fd = net_listen(options->bind, options->port, &fault);
    if (server.fd >= 0) {
        (void)uv_poll_init(server.perf.loop, &server.listener, server.fd);
        server.listener.data = &server;
        listen_again(&server);
        announce(&server);
        (void)uv_run(server.perf.loop, UV_RUN_DEFAULT);
        uv_close((uv_handle_t *)&server.listener, NULL);
    } else {
        server.perf.status = fault_print("perf", &fault);
    }
    perf_close(&server.perf);
    if (server.fd >= 0) {
        (void)close(server.fd);
    }
    return server.perf.status;
}
