/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cases told as lines `PASS name` and `FAIL name: why`, and a stream that lies in memory.
 */
#ifndef WEIR_TEST_HTTP_CHECK_H
#define WEIR_TEST_HTTP_CHECK_H

#include "http.h"
#include "http_text.h"

/* Begins a case; its line is printed by the next one, or by check_end. */
void check_begin(const char *name);
/* The case fails unless `good`; the first failure's words are the reason. */
void check_that(bool good, const char *words);
/* As check_that, for strings that have to be equal. */
void check_same(const char *got, const char *wanted);
/* Ends the last case; answers the exit status of the program. */
int check_end(void);

/* A directory for the run with known files in it, to be served. */
int site_open(void);
void site_remove(void);
/* Makes a file of it, or makes it anew. */
bool site_write(const char *name, const char *content);

/*
 * The stream: `input` arrives in pieces that end at each of `cuts` (a map: the byte after which a
 * piece ends; NULL: all at once), then the peer closes. At most `room` bytes are taken by a call
 * that writes, and every second such call takes nothing. `fail_after` calls from now, all fail
 * (0: never).
 */
struct memory_stream {
    struct http_stream stream; /* first */
    const char *input;
    size_t input_len, input_at;
    const bool *cuts;
    size_t room;
    unsigned calls, fail_after;
    bool stalls, stays_open;
    struct text output;
    unsigned logged;
};

void memory_stream_init(struct memory_stream *m, const char *input, size_t len);

/* Runs a session over it to its end; answers its last state. */
enum http_state memory_stream_run(struct memory_stream *m, int root);

/* ---- the groups of cases ---- */
void check_parts(void);
void check_files(int root);
void check_sessions(int root);
void check_echo(void);

#endif
