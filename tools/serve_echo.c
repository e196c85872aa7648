/* SPDX-License-Identifier: BSD-2-Clause */
#include "serve_echo.h"

#include <stdlib.h>

/* Rounds of one call, before others get their turn. */
#define TURN_ROUNDS 16

struct echo {
    struct http_stream *stream;
    bool peer_done;
    size_t head, tail; /* buf[head..tail) is received and not sent */
    unsigned char buf[65536];
};

struct echo *echo_new(struct http_stream *stream)
{
    struct echo *echo = malloc(sizeof *echo);
    if (echo != NULL) {
        echo->stream = stream;
        echo->peer_done = false;
        echo->head = echo->tail = 0;
    }
    return echo;
}

void echo_free(struct echo *echo)
{
    free(echo);
}

/* Sends what has been received, or receives when nothing is left of it. So a peer that does not
 * read is not read from, either. */
static weir_status round_trip(struct echo *echo)
{
    size_t n = 0;
    weir_status status = WEIR_OK;
    if (echo->head < echo->tail) {
        status =
            echo->stream->write(echo->stream, echo->buf + echo->head, echo->tail - echo->head, &n);
        echo->head += n;
        return status == WEIR_REKEY_DUE ? WEIR_OK : status;
    }
    echo->head = echo->tail = 0;
    status = echo->stream->read(echo->stream, echo->buf, sizeof echo->buf, &n);
    echo->tail = n;
    if (status == WEIR_CLOSED) {
        echo->peer_done = true;
        return WEIR_OK;
    }
    return status;
}

enum http_state echo_run(struct echo *echo, unsigned *want, weir_status *why)
{
    *want = 0;
    *why = WEIR_OK;
    for (int i = 0; i < TURN_ROUNDS; i++) {
        if (echo->peer_done) {
            return HTTP_FINISHED;
        }
        weir_status status = round_trip(echo);
        if (status < WEIR_OK) {
            *why = status;
            return HTTP_BROKEN;
        }
        if (status == WEIR_NEED_INPUT) {
            *want = HTTP_WANT_READ;
            return HTTP_IDLE;
        }
        if (status == WEIR_NEED_OUTPUT) {
            break;
        }
    }
    *want = HTTP_WANT_WRITE;
    return HTTP_SENDING;
}
