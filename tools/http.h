/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HTTP/1.0 and 1.1 for the files of one directory, over any stream of bytes. Nothing here waits,
 * and nothing here knows of sockets or TLS.
 */
#ifndef WEIR_TOOLS_HTTP_H
#define WEIR_TOOLS_HTTP_H

#include "weir/status.h"

/*
 * What a session runs over. Each member answers as the call of <weir/posix.h> with the same name:
 * WEIR_OK, WEIR_NEED_INPUT, WEIR_NEED_OUTPUT, WEIR_CLOSED, or below zero.
 */
struct http_stream {
    weir_status (*read)(struct http_stream *stream, void *buf, size_t len, size_t *got);
    weir_status (*write)(struct http_stream *stream, const void *buf, size_t len, size_t *put);
    weir_status (*sendfile)(struct http_stream *stream, int file, uint64_t *offset, uint64_t len);
    /* One answer is all handed over, or broken off: a line about it, without a newline. May be
     * NULL. */
    void (*log)(struct http_stream *stream, const char *line);
};

struct http_session;

/* What a session waits for: a mask. */
enum { HTTP_WANT_READ = 1, HTTP_WANT_WRITE = 2 };

enum http_state {
    HTTP_IDLE,      /* between requests */
    HTTP_RECEIVING, /* some of a request has come */
    HTTP_SENDING,   /* an answer is on its way */
    HTTP_FINISHED,  /* all is said; end the stream in good order */
    HTTP_BROKEN,    /* end the stream at once, so that the peer sees that something is missing */
};

/* `root` comes from http_root_open and stays the caller's. NULL: no memory. */
struct http_session *http_session_new(int root, struct http_stream *stream);
void http_session_free(struct http_session *session);

/*
 * Goes on as far as the stream lets it, but only so far that others get their turn. `*want` says
 * what to wait for before the next call. In HTTP_BROKEN, `*why` is the stream's status, or WEIR_OK
 * when it was not the stream's fault (a file became shorter while it was sent).
 */
enum http_state http_session_run(struct http_session *session, unsigned *want, weir_status *why);

/* The time for a request or for its answer is over: answers 408 where there is something to answer;
 * then call http_session_run. */
void http_session_time_out(struct http_session *session);

#endif
