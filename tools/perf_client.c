/* SPDX-License-Identifier: BSD-2-Clause */
#include "perf.h"

#include <string.h>
#include <unistd.h>

/* A name for the test, so that the server knows which streams belong together. */
static bool make_id(char id[33], struct fault *fault)
{
    uint8_t random[16];
    if (uv_random(NULL, NULL, random, sizeof random, 0, NULL) != 0) {
        FAULT(fault, "no random numbers");
        return false;
    }
    for (size_t i = 0; i < sizeof random; i++) {
        (void)snprintf(id + 2 * i, 3, "%02x", random[i]);
    }
    return true;
}

static void say_hello(struct stream *s)
{
    struct test *test = s->data;
    const struct perf_options *o = test->perf->options;
    if (o->key_update > 0 && s->version != WEIR_TLS13) {
        struct fault fault;
        FAULT(&fault, "%s has no KeyUpdate; leave out --key-update, or use --tls v1.3",
              tls_version_name(s->version));
        stream_end(s, &fault);
        return;
    }
    if (!o->json) {
        perf_announce(s);
    }
    stream_say(s, FRAME_HELLO,
               json_pack("{s:i, s:s, s:i, s:i, s:b, s:b, s:I, s:f, s:b, s:I, s:I}", "protocol", 1,
                         "test", test->id, "streams", (int)test->expected, "stream", (int)s->id,
                         "up", s->sent.wanted ? 1 : 0, "down", s->got.wanted ? 1 : 0, "bytes",
                         (json_int_t)s->bytes, "seconds", s->seconds, "verify", s->verify ? 1 : 0,
                         "record_size", (json_int_t)o->tls.record_size, "key_update",
                         (json_int_t)o->key_update));
}

static void opened(struct stream *s)
{
    struct perf *perf = ((struct test *)s->data)->perf;
    uv_mutex_lock(&perf->lock);
    say_hello(s);
    uv_mutex_unlock(&perf->lock);
}

static void start(struct stream *s)
{
    stream_say(s, FRAME_START, json_object());
    if (s->sent.wanted) {
        stream_start(s);
    }
}

/* All streams are there: they start together. */
static void start_all(struct test *test)
{
    report_start(test);
    for (unsigned i = 0; i < test->expected; i++) {
        if (test->streams[i] != NULL) {
            stream_ask_start(test->streams[i]);
        }
    }
}

static bool take_message(struct stream *s, enum frame_kind kind, struct fault *fault)
{
    struct test *test = s->data;
    if (kind == FRAME_READY && !test->started) {
        test->ready++;
        if (test->ready == test->expected) {
            start_all(test);
        }
        return true;
    }
    if ((kind == FRAME_DONE || kind == FRAME_RESULT) && test->started) {
        if (stream_complete(s)) {
            stream_close(s);
        }
        return true;
    }
    FAULT(fault, "the server sent a message out of turn");
    return false;
}

static bool message(struct stream *s, enum frame_kind kind, const json_t *body, struct fault *fault)
{
    struct perf *perf = ((struct test *)s->data)->perf;
    (void)body;
    uv_mutex_lock(&perf->lock);
    bool ok = take_message(s, kind, fault);
    uv_mutex_unlock(&perf->lock);
    return ok;
}

static void ended(struct stream *s)
{
    struct test *test = s->data;
    uv_mutex_lock(&test->perf->lock);
    perf_ended(test, s);
    uv_mutex_unlock(&test->perf->lock);
}

static const struct stream_owner owner = {
    .opened = opened, .message = message, .start = start, .ended = ended};

/* ---- the main thread ---- */

static void on_woken(struct stream_world *world)
{
    struct test *test = world->data;
    uv_mutex_lock(&test->perf->lock);
    report_tick(test);
    if (test->over) {
        uv_stop(test->perf->loop);
    }
    uv_mutex_unlock(&test->perf->lock);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct perf *perf = handle->data;
    (void)number;
    uv_mutex_lock(&perf->lock);
    perf->interrupted = true;
    perf_stop(perf->worlds[0].data); /* and with the last stream the loop */
    uv_mutex_unlock(&perf->lock);
}

static void on_watch(uv_timer_t *timer)
{
    struct perf *perf = timer->data;
    uv_mutex_lock(&perf->lock);
    perf_watch(perf->worlds[0].data);
    uv_mutex_unlock(&perf->lock);
}

/* This stream's part of the bytes that all share. */
static uint64_t share(const struct perf_options *o, unsigned i)
{
    return o->bytes / o->streams + (i < o->bytes % o->streams ? 1 : 0);
}

static bool connect_stream(struct perf *perf, struct test *test, unsigned i, struct fault *fault)
{
    const struct perf_options *o = perf->options;
    int fd = net_connect(o->host, o->port, 10, fault);
    if (fd < 0) {
        return false;
    }
    struct stream *s = stream_new(perf_world(perf), &owner, test, fd, o->host, fault);
    if (s == NULL) {
        return false;
    }
    s->id = i;
    s->verify = o->verify;
    s->bytes = share(o, i);
    s->seconds = o->seconds;
    s->key_update = o->key_update;
    test->streams[i] = s;
    test->expected = test->opened = i + 1;
    bool ok = stream_prepare(s, !o->reverse || o->both, o->reverse || o->both);
    if (!ok) {
        FAULT(fault, "out of memory");
    }
    stream_begin(s); /* in any case: it is how it comes to its end */
    return ok;
}

static bool connect_all(struct perf *perf, struct test *test, struct fault *fault)
{
    const struct perf_options *o = perf->options;
    if (!make_id(test->id, fault)) {
        return false;
    }
    if (!o->json) {
        (void)printf("Connecting to %s port %s\n", o->host, o->port);
        (void)fflush(stdout);
    }
    for (unsigned i = 0; i < o->streams; i++) {
        if (!connect_stream(perf, test, i, fault)) {
            return false;
        }
    }
    return true;
}

int perf_client(const struct perf_options *options)
{
    static struct perf perf;
    static struct test test;
    const struct perf_role role = {
        .on_signal = on_signal, .on_watch = on_watch, .on_woken = on_woken, .data = &test};
    struct fault fault = {0};
    test.perf = &perf;
    if (!perf_open(&perf, options, &role, &fault)) {
        return fault_print("perf", &fault);
    }
    int status = EXIT_FINE;
    /* Until all streams are made, none tells how many they are. */
    uv_mutex_lock(&perf.lock);
    bool connected = connect_all(&perf, &test, &fault);
    if (!connected) {
        perf_stop(&test);
    }
    uv_mutex_unlock(&perf.lock);
    if (connected) {
        (void)uv_run(perf.loop, UV_RUN_DEFAULT);
        report_end(&test);
        status = perf.interrupted ? EXIT_INTERRUPTED : test.failed ? EXIT_FAILED : EXIT_FINE;
    } else {
        status = fault_print("perf", &fault);
    }
    perf_forget(&test, NULL);
    perf_close(&perf);
    return status;
}
