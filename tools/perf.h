/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * weir perf: how fast a connection is, and who carries it.
 */
#ifndef WEIR_TOOLS_PERF_H
#define WEIR_TOOLS_PERF_H

#include "stream.h"

enum { STREAMS_MAX = 128, TESTS_MAX = 64 };

/* The command line. */
struct perf_options {
    struct tls_options tls;
    bool server, reverse, both, two_threads, once, json, verify;
    const char *host, *port, *bind;
    double seconds, interval;
    uint64_t bytes; /* of all streams together; 0: by time */
    uint64_t streams, key_update, threads;
};

/* The streams that one client has opened, at either end. Under perf->lock. */
struct test {
    char id[33];
    bool server;
    unsigned expected;                   /* streams */
    unsigned opened, ready, ended;       /* over when all that were opened have ended */
    struct stream *streams[STREAMS_MAX]; /* NULL once ended */
    json_t *results[STREAMS_MAX];        /* of those */
    bool started, failed, titled;
    bool over; /* to be told by the main thread */
    double began, ticked;
    uint64_t seen[STREAMS_MAX][2]; /* at the last interval line, by weir_dir */
    json_t *intervals;
    uv_timer_t tick; /* the main thread's */
    bool ticking;
    struct perf *perf;
};

/*
 * One run of the command. Streams are spread over worlds, with a thread each. What moves data knows
 * of its own stream only; what looks at the whole test (an owner's calls, timers, reports) holds
 * the lock. The main thread runs the first world, and all that is none of a stream's.
 */
struct perf {
    const struct perf_options *options;
    struct tls_settings settings;
    struct candidates candidates;
    const struct tls_library *library;
    struct tls_context *context;
    struct stream_world worlds[CREW_MAX];
    unsigned open;   /* of these */
    unsigned next;   /* the one that gets the next stream */
    uv_mutex_t lock; /* recursive; taken before that of a world */
    uv_loop_t *loop; /* of the first */
    uv_signal_t interrupt, terminate;
    uv_timer_t watch;
    int status; /* to exit with */
    bool interrupted;
};

/* The verb: arguments from its own name on. */
int perf_main(int argc, char **argv);
extern const char perf_help[];

/* What a role has its main thread do. */
struct perf_role {
    uv_signal_cb on_signal;
    uv_timer_cb on_watch; /* every second */
    void (*on_woken)(struct stream_world *world);
    void *data; /* of every world */
};

/* Loops, TLS context, candidates. False: fault. */
bool perf_open(struct perf *perf, const struct perf_options *options, const struct perf_role *role,
               struct fault *fault);
/* Closes what perf_open opened, runs the loops until nothing is left, frees. */
void perf_close(struct perf *perf);
/* The loop for the next stream. */
struct stream_world *perf_world(struct perf *perf);
/* Has on_woken called soon. */
void perf_wake(struct perf *perf);

int perf_client(const struct perf_options *options);
int perf_server(const struct perf_options *options);

/* Forgets a test all of whose streams have ended; `then` frees it once the loop lets go. */
void perf_forget(struct test *test, uv_close_cb then);
/* The line that tells of a new connection. */
void perf_announce(const struct stream *stream);
/* Notes the end of a stream in its test; the others end with it when it failed. After the last one
 * test->over is set. */
void perf_ended(struct test *test, struct stream *stream);
/* Has every stream of the test end. */
void perf_stop(struct test *test);

/* Seconds without progress after which a stream is given up. */
#define PERF_PATIENCE 30.0
/* Ends streams of the test that have made none. */
void perf_watch(struct test *test);

/* ---- perf_report.c ---- */

/* The test begins. */
void report_start(struct test *test);
/* The main thread's part: an interval line every so many seconds. */
void report_tick(struct test *test);
void report_stop(struct test *test);

/* One stream's result, at its end. A new reference. */
json_t *report_stream(struct stream *stream);

/* A stream's end, if it failed, as one line. */
void report_fault(const struct test *test, const struct stream *stream);

/* The lines at the end of a test, or its JSON object. */
void report_end(struct test *test);

/* Prints one JSON value and a newline; takes it over. */
void report_json(json_t *value);

#endif
