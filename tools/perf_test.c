/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The life of a test, alike at both ends.
 */
#include "perf.h"

void perf_announce(const struct stream *s)
{
    const struct test *test = s->data;
    (void)printf("[%3u] %s connected to %s: %s, %s, handshake by %s%s\n", s->id, s->here.text,
                 s->there.text, tls_version_name(s->version), weir_suite_name(s->suite),
                 s->world->library->name,
                 test->perf->settings.insecure ? "; the server is NOT VERIFIED" : "");
}

void perf_stop(struct test *test)
{
    for (unsigned i = 0; i < test->expected; i++) {
        if (test->streams[i] != NULL) {
            stream_ask_end(test->streams[i], NULL);
        }
    }
}

void perf_ended(struct test *test, struct stream *s)
{
    test->streams[s->id] = NULL;
    test->results[s->id] = report_stream(s);
    test->ended++;
    if (s->failed && !test->failed) {
        test->failed = true;
        report_fault(test, s); /* the others only follow */
        perf_stop(test);
    }
    test->over = test->ended == test->opened;
    perf_wake(test->perf);
}

void perf_watch(struct test *test)
{
    for (unsigned i = 0; i < test->expected; i++) {
        struct stream *s = test->streams[i];
        if (s != NULL && stream_now(s) - s->last_progress > PERF_PATIENCE) {
            struct fault fault;
            FAULT(&fault, "nothing moved for %.0f seconds", PERF_PATIENCE);
            stream_ask_end(s, &fault);
            return; /* the others end with it */
        }
    }
}

void perf_forget(struct test *test, uv_close_cb then)
{
    report_stop(test);
    for (unsigned i = 0; i < test->expected; i++) {
        json_decref(test->results[i]);
    }
    json_decref(test->intervals);
    if (test->ticking) {
        test->ticking = false;
        uv_close((uv_handle_t *)&test->tick, then);
    } else if (then != NULL) {
        test->tick.data = test;
        then((uv_handle_t *)&test->tick);
    }
}
