/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One connection: requests in, answers out, in order; one answer is made at a time.
 */
#include "http.h"

#include "http_answer.h"
#include "http_request.h"

#include <stdlib.h>
#include <string.h>

/* What one call of http_session_run does at most before others get their turn. */
#define TURN_STEPS    12                    /* receive, send a head, send a piece of a file */
#define TURN_FILE     (UINT64_C(256) << 10) /* bytes of such a piece */
#define LOGGED_TARGET 512                   /* bytes of a target in the log */

struct http_session {
    int root;
    struct http_stream *stream;
    enum http_state state;
    struct http_request request;
    struct http_answer answer;
    size_t text_sent;
    uint64_t body_sent;
    bool peer_done; /* it sends no more */
    bool answer_open;
    weir_status why;
    size_t head, tail; /* in[head..tail) is received and not parsed */
    char in[8192];
};

struct http_session *http_session_new(int root, struct http_stream *stream)
{
    struct http_session *session = calloc(1, sizeof *session);
    if (session != NULL) {
        session->root = root;
        session->stream = stream;
        session->answer.file = -1;
        http_request_begin(&session->request);
    }
    return session;
}

/* "GET /a HTTP/1.1" 200 1234 */
static void log_answer(struct http_session *session, bool cut)
{
    const struct http_request *request = &session->request;
    struct text line = {0};
    if (session->stream->log == NULL) {
        return;
    }
    text_add(&line, "\"");
    if (request->target_len > 0) {
        size_t len = request->target_len < LOGGED_TARGET ? request->target_len : LOGGED_TARGET;
        text_add(&line, http_method_str((enum http_method)request->parser.method));
        text_add(&line, " ");
        text_add_quoted(&line, request->target, len);
        text_add(&line, len < request->target_len ? "..." : "");
    }
    if (request->head_done) {
        text_add(&line, " HTTP/");
        text_add_number(&line, request->parser.http_major);
        text_add(&line, ".");
        text_add_number(&line, request->parser.http_minor);
    }
    text_add(&line, "\" ");
    text_add_number(&line, session->answer.status);
    text_add(&line, " ");
    text_add_number(&line, session->body_sent);
    text_add(&line, cut ? " cut short" : "");
    text_add_bytes(&line, "", 1);
    if (!line.failed) {
        session->stream->log(session->stream, line.data);
    }
    text_free(&line);
}

static void end_answer(struct http_session *session, bool cut)
{
    if (session->answer_open) {
        log_answer(session, cut);
        http_answer_end(&session->answer);
        session->answer_open = false;
    }
}

void http_session_free(struct http_session *session)
{
    if (session != NULL) {
        end_answer(session, true);
        text_free(&session->answer.text);
        free(session);
    }
}

static void broken(struct http_session *session, weir_status why)
{
    session->why = why;
    session->state = HTTP_BROKEN;
}

static void begin_sending(struct http_session *session)
{
    session->answer_open = true;
    session->text_sent = 0;
    session->body_sent = 0;
    session->state = HTTP_SENDING;
    if (session->answer.text.failed) {
        broken(session, WEIR_OK);
    }
}

/* Receives what there is room for. WEIR_OK: something came, or the peer is done. */
static weir_status receive(struct http_session *session)
{
    size_t got = 0;
    memmove(session->in, session->in + session->head, session->tail - session->head);
    session->tail -= session->head;
    session->head = 0;
    if (session->peer_done || session->tail == sizeof session->in) {
        return WEIR_NEED_OUTPUT; /* no room, or nothing that could come */
    }
    weir_status status = session->stream->read(session->stream, session->in + session->tail,
                                               sizeof session->in - session->tail, &got);
    session->tail += got;
    session->peer_done = status == WEIR_CLOSED;
    return status == WEIR_CLOSED ? WEIR_OK : status;
}

/* Takes a request out of what has been received. False: there is not enough of it. */
static bool take_request(struct http_session *session)
{
    while (session->head < session->tail) {
        size_t taken = 0;
        enum http_request_answer answer = http_request_feed(
            &session->request, session->in + session->head, session->tail - session->head, &taken);
        session->head += taken;
        if (answer == HTTP_REQUEST_WHOLE) {
            http_answer_make(&session->answer, session->root, &session->request);
            begin_sending(session);
            return true;
        }
        if (answer == HTTP_REQUEST_REFUSED) {
            http_answer_refuse(&session->answer, &session->request, session->request.refused);
            begin_sending(session);
            return true;
        }
    }
    session->state = http_request_started(&session->request) ? HTTP_RECEIVING : HTTP_IDLE;
    return false;
}

/* Sends some of the answer. WEIR_OK: something went, or all is gone (see answer_open). */
static weir_status send_some(struct http_session *session)
{
    struct http_answer *answer = &session->answer;
    struct http_stream *stream = session->stream;
    weir_status status = WEIR_OK;
    if (session->text_sent < answer->text.len) {
        size_t put = 0;
        status = stream->write(stream, answer->text.data + session->text_sent,
                               answer->text.len - session->text_sent, &put);
        session->text_sent += put;
        if (session->text_sent > answer->head_len) {
            session->body_sent = session->text_sent - answer->head_len;
        }
    } else if (answer->offset < answer->end) {
        uint64_t before = answer->offset, len = answer->end - answer->offset;
        status = stream->sendfile(stream, answer->file, &answer->offset,
                                  len < TURN_FILE ? len : TURN_FILE);
        session->body_sent += answer->offset - before;
        if (status == WEIR_OK && answer->offset == before) {
            /* The file has become shorter; the length that was announced cannot be kept. */
            broken(session, WEIR_OK);
            return WEIR_E_MISUSE;
        }
    }
    if (status == WEIR_REKEY_DUE) {
        answer->keep_alive = false; /* all is taken; let the peer connect anew */
        status = WEIR_OK;
    }
    if (status == WEIR_OK && session->text_sent == answer->text.len &&
        answer->offset == answer->end) {
        end_answer(session, false);
        session->state = answer->keep_alive ? HTTP_IDLE : HTTP_FINISHED;
        if (answer->keep_alive) {
            http_request_next(&session->request);
        }
    }
    return status;
}

/* Takes the next request, or receives more of it. */
static weir_status receive_step(struct http_session *session)
{
    if (take_request(session)) {
        return WEIR_OK;
    }
    if (session->peer_done) {
        session->state = HTTP_FINISHED;
        return WEIR_OK;
    }
    return receive(session);
}

enum http_state http_session_run(struct http_session *session, unsigned *want, weir_status *why)
{
    weir_status status = WEIR_OK;
    *want = 0;
    if (session->state == HTTP_SENDING) {
        status = receive(session); /* to notice a peer that ends the connection */
        status = status > WEIR_OK ? WEIR_OK : status;
    }
    for (int step = 0; step < TURN_STEPS && status == WEIR_OK && session->state < HTTP_FINISHED;
         step++) {
        status = session->state == HTTP_SENDING ? send_some(session) : receive_step(session);
    }
    if (status < WEIR_OK && session->state != HTTP_BROKEN) {
        broken(session, status);
    }
    if (session->state >= HTTP_FINISHED) {
        end_answer(session, session->state == HTTP_BROKEN);
    } else if (status == WEIR_NEED_INPUT) {
        *want = HTTP_WANT_READ;
    } else {
        /* Blocked, or others are due. Reading ahead goes on as far as there is room. */
        bool room = !session->peer_done && session->tail < sizeof session->in;
        *want = HTTP_WANT_WRITE | (room ? HTTP_WANT_READ : 0U);
    }
    *why = session->why;
    return session->state;
}

void http_session_time_out(struct http_session *session)
{
    switch (session->state) {
    case HTTP_RECEIVING:
        http_answer_refuse(&session->answer, &session->request, HTTP_STATUS_REQUEST_TIMEOUT);
        begin_sending(session);
        break;
    case HTTP_IDLE:
        session->state = HTTP_FINISHED;
        break;
    case HTTP_SENDING:
        broken(session, WEIR_OK);
        break;
    case HTTP_FINISHED:
    case HTTP_BROKEN:
        break;
    }
}
