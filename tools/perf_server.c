/* SPDX-License-Identifier: BSD-2-Clause */
#include "perf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Seconds a new connection has for its handshake and to say what it wants. */
#define GREETING 15.0

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

/* ---- the end ---- */

static void free_test(uv_handle_t *handle)
{
    free(handle->data);
}

/* Reports on a test all of whose streams have ended, and forgets it. */
static void test_over(struct server *server, struct test *test)
{
    for (size_t i = 0; i < TESTS_MAX; i++) {
        if (server->tests[i] == test) {
            server->tests[i] = NULL;
        }
    }
    report_end(test);
    perf_forget(test, free_test);
}

static void stop(struct server *server, int status)
{
    if (server->stopping) {
        return;
    }
    server->stopping = true;
    server->perf.status = status;
    uv_close((uv_handle_t *)&server->listener, NULL);
    for (size_t i = 0; i < STREAMS_MAX; i++) {
        if (server->waiting[i] != NULL) {
            stream_end(server->waiting[i], NULL);
        }
    }
    for (size_t i = 0; i < TESTS_MAX; i++) {
        if (server->tests[i] != NULL && perf_stop(server->tests[i], NULL)) {
            test_over(server, server->tests[i]);
        }
    }
    uv_stop(&server->perf.loop);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct perf *perf = handle->data;
    struct server *server = perf->world.data;
    bool busy = false;
    (void)number;
    for (size_t i = 0; i < TESTS_MAX; i++) {
        busy = busy || server->tests[i] != NULL;
    }
    /* Being told to stop is how a server ends; a test that is cut off is not. */
    stop(server, busy ? EXIT_INTERRUPTED : EXIT_FINE);
}

/* ---- streams ---- */

static void opened(struct stream *s)
{
    (void)s; /* the client speaks first */
}

static struct test *find_test(struct server *server, const char *id)
{
    for (size_t i = 0; i < TESTS_MAX; i++) {
        if (server->tests[i] != NULL && strcmp(server->tests[i]->id, id) == 0) {
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

static bool message(struct stream *s, enum frame_kind kind, const json_t *body, struct fault *fault)
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

/* A stream that never said what it wanted. */
static void ended_early(struct server *server, struct stream *s)
{
    bool only = true;
    for (size_t i = 0; i < STREAMS_MAX; i++) {
        server->waiting[i] = server->waiting[i] == s ? NULL : server->waiting[i];
    }
    for (size_t i = 0; i < TESTS_MAX; i++) {
        only = only && server->tests[i] == NULL;
    }
    if (s->failed) {
        (void)fflush(stdout);
        (void)fprintf(stderr, "weir perf: %s: %s\n", s->there.text, s->fault.text);
        if (server->perf.options->once && only) {
            stop(server, EXIT_FAILED);
        }
    }
}

static void ended(struct stream *s)
{
    struct server *server = server_of(s);
    struct test *test = s->data;
    if (test == NULL) {
        ended_early(server, s);
    } else {
        if (perf_ended(test, s)) {
            bool good = !test->failed;
            test_over(server, test);
            if (server->perf.options->once) {
                stop(server, good ? EXIT_FINE : EXIT_FAILED);
            }
        }
    }
    if (!server->listening && !server->stopping) {
        server->listening = true;
        (void)uv_poll_start(&server->listener, UV_READABLE, on_listener);
    }
}

static const struct stream_owner owner = {.opened = opened, .message = message, .ended = ended};

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

static void on_listener(uv_poll_t *poll, int status, int events)
{
    struct server *server = poll->data;
    (void)status;
    (void)events;
    while (!server->stopping) {
        struct fault fault;
        struct stream **place = free_place(server);
        int fd = place == NULL ? -1 : accept(server->fd, NULL, NULL);
        if (place == NULL || (fd < 0 && (errno == EMFILE || errno == ENFILE))) {
            /* Until a stream ends: see `ended`, and on_watch for when there is none. */
            server->listening = false;
            (void)uv_poll_stop(&server->listener);
            return;
        }
        if (fd < 0) {
            return;
        }
        *place = stream_new(&server->perf.world, &owner, NULL, fd, NULL, &fault);
        if (*place == NULL) {
            (void)fprintf(stderr, "weir perf: %s\n", fault.text);
        }
    }
}

static void on_watch(uv_timer_t *timer)
{
    struct perf *perf = timer->data;
    struct server *server = perf->world.data;
    for (size_t i = 0; i < STREAMS_MAX; i++) {
        struct stream *s = server->waiting[i];
        /* From its first byte on: one that comes in dribs and drabs is no progress. */
        if (s != NULL && stream_now(s) - s->accepted > GREETING) {
            struct fault fault;
            FAULT(&fault, "no request within %.0f seconds", GREETING);
            stream_end(s, &fault);
        }
    }
    for (size_t i = 0; i < TESTS_MAX; i++) {
        if (server->tests[i] != NULL) {
            perf_watch(server->tests[i]);
        }
    }
    if (!server->listening && !server->stopping) {
        server->listening = true;
        (void)uv_poll_start(&server->listener, UV_READABLE, on_listener);
    }
}

static void announce(const struct server *server)
{
    const struct perf *perf = &server->perf;
    unsigned port = net_port(server->fd);
    if (perf->options->json) {
        report_json(json_pack("{s:{s:i, s:s}}", "listening", "port", (int)port, "tls_library",
                              perf->world.library->version()));
        return;
    }
    (void)printf(
        "Server listening on port %u (%s, %s%s%s)\n", port, perf->world.library->version(),
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
    struct fault fault = {0};
    if (!perf_open(&server.perf, options, on_signal, on_watch, &fault)) {
        return fault_print("perf", &fault);
    }
    server.perf.world.data = &server;
    server.fd = net_listen(options->bind, options->port, &fault);
    if (server.fd >= 0) {
        (void)uv_poll_init(&server.perf.loop, &server.listener, server.fd);
        server.listener.data = &server;
        server.listening = true;
        (void)uv_poll_start(&server.listener, UV_READABLE, on_listener);
        announce(&server);
        (void)uv_run(&server.perf.loop, UV_RUN_DEFAULT);
    } else {
        server.perf.status = fault_print("perf", &fault);
    }
    perf_close(&server.perf);
    if (server.fd >= 0) {
        (void)close(server.fd);
    }
    return server.perf.status;
}
