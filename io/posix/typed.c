/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Directions whose records are made below the socket: plaintext goes through it, with its content
 * type beside it. Nothing is buffered here when sending: what the socket does not take stays the
 * caller's.
 */
#include "conn.h"

#include <errno.h>

/* The system call under which a direction ended, for weir_conn_explain. */
static void note(struct weir_conn *conn, enum weir_dir dir, const char *call, int error)
{
    if (error != 0 && conn->os_call == NULL) {
        conn->os_backend = conn->path[dir].backend->name;
        (void)io_failed(conn, call, error);
    }
}

/* The sending direction has answered `status`: while an alert can still go, it does. */
static weir_status speaking(struct weir_conn *conn, weir_status status)
{
    if (status < WEIR_OK && !weir_session_wants_flush(&conn->session) &&
        weir_tx_status(&conn->tx) < WEIR_OK && conn->tx_status >= WEIR_OK) {
        conn->tx_status = status;
        conn->pump_again = false;
    }
    return status;
}

weir_status io_typed_sent(struct weir_conn *conn, const char *call,
                          const struct weir_stream_done *done)
{
    bool failed = done->os_error != 0 && done->os_error != EAGAIN;
    /* Past the session: a transport that takes nothing more may still bring the alert that says
     * why. */
    weir_status status =
        failed ? weir_tx_sent(&conn->tx, done) : weir_session_sent(&conn->session, done);
    if (status < WEIR_OK) {
        note(conn, WEIR_TX, call, done->os_error);
        if (failed) {
            /* How much of it the peer got is unknown, so nothing may follow. */
            conn->tx_status = status;
            conn->pump_again = false;
        }
        conn->blocked = false;
        return speaking(conn, status);
    }
    conn->blocked = status == WEIR_NEED_OUTPUT;
    return status == WEIR_PENDING ? io_commands(conn, WEIR_TX) : status;
}

weir_status io_typed_next(struct weir_conn *conn, uint8_t type, size_t len,
                          struct weir_stream_op *op)
{
    for (;;) {
        const uint8_t *own = NULL;
        weir_status status = weir_session_next(&conn->session, type, len, op, &own);
        if (status == WEIR_PENDING) {
            status = io_commands(conn, WEIR_TX);
            if (status != WEIR_OK) {
                return status;
            }
            continue;
        }
        if (status != WEIR_OK || own == NULL) {
            return speaking(conn, status);
        }
        const struct weir_iov piece = {own, op->len};
        const struct weir_stream_done done = weir_posix_send(conn->fd, op, &piece, 1);
        status = io_typed_sent(conn, "sendmsg", &done);
        if (status != WEIR_OK) {
            return status;
        }
    }
}

/* Sends pieces of one content type; `*put` may be above 0 with any status. */
static weir_status send_typed(struct weir_conn *conn, uint8_t type, const struct weir_iov *in,
                              size_t count, size_t len, size_t *put)
{
    struct weir_iov rest[WEIR_POSIX_PIECES];
    size_t first = 0;
    weir_status answer = WEIR_OK;
    for (size_t i = 0; i < count; i++) {
        rest[i] = in[i];
    }
    while (*put < len) {
        struct weir_stream_op op;
        weir_status status = io_typed_next(conn, type, len - *put, &op);
        if (status != WEIR_OK) {
            return status;
        }
        const struct weir_stream_done done =
            weir_posix_send(conn->fd, &op, rest + first, count - first);
        status = io_typed_sent(conn, "sendmsg", &done);
        size_t sent = status >= WEIR_OK ? done.len : 0;
        *put += sent;
        while (first < count && sent >= rest[first].len) {
            sent -= rest[first++].len;
        }
        if (first < count) {
            rest[first].base += sent;
            rest[first].len -= sent;
        }
        if (status == WEIR_REKEY_DUE) {
            answer = status; /* and goes on: all is to be taken */
        } else if (status != WEIR_OK) {
            return status;
        }
    }
    return answer;
}

/* Sends what is left of the message that the TLS library wants to be sent. */
static weir_status send_message(struct weir_conn *conn, const uint8_t *message, size_t len)
{
    const struct weir_iov rest = {message + conn->message_at, len - conn->message_at};
    weir_status status = send_typed(conn, WEIR_TYPE_HANDSHAKE, &rest, 1, len, &conn->message_at);
    if (status != WEIR_NEED_OUTPUT) {
        conn->message_at = 0;
        weir_loop_message_sent(conn->hs);
    }
    return status;
}

/* The session's own words. */
static weir_status say(struct weir_conn *conn)
{
    struct weir_stream_op op;
    return io_typed_next(conn, WEIR_TYPE_DATA, 0, &op);
}

weir_status io_typed_pump(struct weir_conn *conn)
{
    weir_status status = WEIR_OK;
    size_t len = 1;
    if (conn->message_at > 0) { /* not even the session's words may come in between */
        status = send_message(conn, conn->hs->pending.data, conn->hs->pending.len);
    }
    while (status == WEIR_OK && len > 0) {
        const uint8_t *message = NULL;
        status = weir_loop_message(conn->hs, &conn->session, &message, &len);
        if (status == WEIR_NEED_OUTPUT) {
            status = say(conn);
            len = 1; /* then on with what the library wants */
        } else if (status == WEIR_OK && len > 0) {
            status = send_message(conn, message, len);
        }
    }
    conn->pump_again = status == WEIR_NEED_OUTPUT;
    conn->unanswered = conn->pump_again ? conn->unanswered : 0;
    return status;
}

weir_status io_typed_flush(struct weir_conn *conn)
{
    if (conn->tx_status < WEIR_OK) {
        return conn->tx_status;
    }
    /* A message that is half sent goes on first: nothing may come in between. */
    if (conn->pump_again) {
        weir_status status = io_typed_pump(conn);
        if (status == WEIR_NEED_OUTPUT) {
            return status;
        }
    }
    weir_status status = say(conn);
    return conn->tx_status < WEIR_OK ? conn->tx_status : status;
}

weir_status io_typed_write(struct weir_conn *conn, const struct weir_iov *in, size_t count,
                           size_t len, size_t *put)
{
    weir_status status = conn->pump_again ? io_typed_flush(conn) : WEIR_OK;
    return status == WEIR_OK ? send_typed(conn, WEIR_TYPE_DATA, in, count, len, put) : status;
}

/* Where to receive to: the caller's memory when it is large enough, else `in`, which grows when it
 * was filled. NULL: memory ran out. */
static uint8_t *place(struct weir_conn *conn, uint8_t *room, size_t *len, size_t least)
{
    struct io_buffer *b = &conn->in;
    if (room != NULL && *len >= least) {
        return room;
    }
    size_t want = b->cap < least ? least : b->cap;
    if (b->cap > 0 && b->tail == b->cap && b->cap < IO_BUFFER_MAX) {
        want = b->cap * 4 < IO_BUFFER_MAX ? b->cap * 4 : IO_BUFFER_MAX;
    }
    b->head = b->tail = 0;
    if (!io_buffer_compact(b, want)) {
        return NULL;
    }
    *len = b->cap;
    return b->base;
}

/* A receive is over: what came lies at `to`, and may belong to the session. */
static weir_status receive_done(struct weir_conn *conn, const struct weir_stream_done *done,
                                uint8_t *to)
{
    conn->record_next = conn->record_count = conn->record_used = 0;
    weir_status status =
        weir_session_received(&conn->session, done, to, conn->records, &conn->record_count);
    if (status < WEIR_OK && done->os_error != 0) {
        note(conn, WEIR_RX, "recvmsg", done->os_error);
    }
    if (status == WEIR_PENDING) {
        /* The key behind this record changes; what the record holds is given first. */
        status = io_commands(conn, WEIR_RX);
        if (status == WEIR_NEED_OUTPUT) {
            status = conn->record_count > 0 ? WEIR_OK : WEIR_NEED_INPUT;
        }
    }
    return status;
}

/* How to receive; WEIR_NEED_INPUT: not now. */
static weir_status want(struct weir_conn *conn, struct weir_stream_op *op)
{
    weir_status status = weir_session_want(&conn->session, op);
    while (status == WEIR_PENDING) {
        status = io_commands(conn, WEIR_RX);
        if (status == WEIR_NEED_OUTPUT) {
            return WEIR_NEED_INPUT;
        }
        if (status == WEIR_OK) {
            status = weir_session_want(&conn->session, op);
        }
    }
    return status;
}

/* As io_typed_receive. `else_error`: what to make of nothing being there; 0: just that. */
static weir_status receive(struct weir_conn *conn, uint8_t *room, size_t len, int else_error)
{
    struct weir_stream_op op;
    weir_status status = want(conn, &op);
    if (status != WEIR_OK) {
        return status;
    }
    uint8_t *to = place(conn, room, &len, op.len);
    if (to == NULL) {
        return io_failed(conn, "malloc", ENOMEM);
    }
    struct weir_stream_done done = weir_posix_receive(conn->fd, &op, to, len);
    if (done.os_error == EAGAIN && else_error != 0) {
        done.os_error = else_error;
    }
    if (to != room) {
        conn->in.head = conn->in.tail = done.len; /* so that a full buffer is seen */
    }
    return receive_done(conn, &done, to);
}

weir_status io_typed_receive(struct weir_conn *conn, uint8_t *room, size_t len)
{
    return receive(conn, room, len, 0);
}

weir_status io_typed_splice(struct weir_conn *conn, int pipe, size_t len, size_t *moved)
{
    struct weir_stream_op op;
    *moved = 0;
    weir_status status = want(conn, &op);
    if (status != WEIR_OK) {
        return status;
    }
    ssize_t n = io_splice(conn->fd, pipe, len);
    int error = n < 0 ? errno : 0;
    if (n <= 0) {
        if (error == EPIPE) {
            return WEIR_REFUSED; /* nobody reads the pipe */
        }
        /* 0 is the peer's end, or an empty record. An error of the stream is told once, and what is
         * no data is an error, too: when nothing is there to be received, it was the former. */
        return error == EAGAIN ? WEIR_NEED_INPUT : receive(conn, NULL, 0, error);
    }
    const struct weir_stream_done done = {.len = (size_t)n, .spliced = true};
    status = receive_done(conn, &done, NULL);
    conn->record_count = 0; /* it is in the pipe */
    *moved = status >= WEIR_OK ? (size_t)n : 0;
    return status;
}
