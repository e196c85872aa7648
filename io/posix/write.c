/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sending direction: many records sealed side by side, sent with one call.
 */
#include "conn.h"

#include <errno.h>

/* Pieces of one call into the session. */
#define PIECES 16

/* Bytes that `len` bytes of plaintext become, but at most IO_BUFFER_MAX. */
static size_t sealed_len(const struct weir_conn *conn, size_t len)
{
    size_t limit = conn->record_limit;
    size_t full = weir_tx_record_len(&conn->tx, limit);
    if (len / limit >= IO_BUFFER_MAX / full) {
        return IO_BUFFER_MAX;
    }
    size_t sum = len / limit * full;
    if (len % limit > 0) {
        sum += weir_tx_record_len(&conn->tx, len % limit);
    }
    return sum;
}

/* Under its locks. */
static weir_status before_write(struct weir_conn *conn)
{
    conn->writer_waits = false;
    if (conn->phase != IO_OPEN) {
        return conn->phase == IO_FAILED ? conn->hs_status : WEIR_E_MISUSE;
    }
    if (conn->tx_status < WEIR_OK) {
        return conn->tx_status;
    }
    if (conn->closing) {
        return WEIR_E_MISUSE;
    }
    weir_status status = weir_session_status(&conn->session);
    if (status < WEIR_OK) {
        return status; /* whatever the socket takes: nothing more will be sealed */
    }
    status = io_commands(conn, WEIR_TX);
    if (status == WEIR_OK && io_wants_move(conn, WEIR_TX)) {
        /* Nothing more is sealed until what waits has gone: there the direction moves. */
        status = io_send(conn);
        if (status == WEIR_OK) {
            status = io_move(conn, WEIR_TX);
        }
    }
    return status;
}

weir_status io_begin_write(struct weir_conn *conn)
{
    io_lock_to_send(conn);
    return before_write(conn);
}

weir_status io_end_write(struct weir_conn *conn, weir_status status)
{
    conn->writer_waits = status == WEIR_NEED_OUTPUT;
    io_unlock_to_send(conn);
    return status;
}

weir_status io_make_room(struct weir_conn *conn, size_t plaintext, size_t *room)
{
    size_t want = sealed_len(conn, plaintext);
    size_t limit = conn->record_limit;
    size_t first = weir_tx_record_len(&conn->tx, plaintext < limit ? plaintext : limit);
    first += io_control_room(conn); /* a KeyUpdate may go before it */
    want = want < first ? first : want;
    *room = io_buffer_room(&conn->out, want);
    if (*room < first && io_buffer_len(&conn->out) > 0) {
        weir_status status = io_send(conn);
        if (status != WEIR_OK) {
            return status;
        }
        *room = io_buffer_room(&conn->out, want);
    }
    if (*room < first) {
        return io_failed(conn, "malloc", ENOMEM);
    }
    return WEIR_OK;
}

/* Seals pieces until all is sealed and sent, or the socket takes no more. `lent`: the memory of the
 * only piece, when it may be written to; else NULL. */
static weir_status seal_pieces(struct weir_conn *conn, const struct weir_iov *in, size_t count,
                               size_t len, uint8_t *lent, size_t *put)
{
    struct weir_iov rest[PIECES];
    for (size_t i = 0; i < count; i++) {
        rest[i] = in[i];
    }
    size_t first = 0;
    while (*put < len) {
        size_t room = 0, taken = 0, made = 0;
        weir_status status = io_make_room(conn, len - *put, &room);
        if (status != WEIR_OK) {
            return status;
        }
        uint8_t *out = conn->out.base + conn->out.tail;
        status = lent != NULL
                     ? io_seal_lent(conn, lent + *put, len - *put, out, room, &taken, &made)
                     : io_seal(conn, rest + first, count - first, out, room, &taken, &made);
        conn->out.tail += made;
        *put += taken;
        weir_status sent = io_send(conn);
        if (status < WEIR_OK || sent < WEIR_OK) {
            return status < WEIR_OK ? status : sent;
        }
        if (status != WEIR_NEED_OUTPUT) {
            return status; /* all sealed; what the socket has not taken goes later */
        }
        while (taken > 0 && first < count) {
            size_t n = taken < rest[first].len ? taken : rest[first].len;
            rest[first].base += n;
            rest[first].len -= n;
            taken -= n;
            first += rest[first].len == 0 ? 1 : 0;
        }
    }
    return WEIR_OK;
}

static weir_status send_pieces(struct weir_conn *conn, const struct weir_iov *in, size_t count,
                               size_t len, uint8_t *lent, size_t *put)
{
    return io_streams(conn, WEIR_TX) ? io_typed_write(conn, in, count, len, put)
                                     : seal_pieces(conn, in, count, len, lent, put);
}

static weir_status write_piece(struct weir_conn *conn, const void *buf, size_t len, uint8_t *lent,
                               size_t *put)
{
    *put = 0;
    weir_status status = io_begin_write(conn);
    if (status == WEIR_OK && len > 0) {
        struct weir_iov piece = {.base = buf, .len = len};
        status = send_pieces(conn, &piece, 1, len, lent, put);
    }
    return io_end_write(conn, status);
}

weir_status weir_conn_write(struct weir_conn *conn, const void *buf, size_t len, size_t *put)
{
    return write_piece(conn, buf, len, NULL, put);
}

weir_status weir_conn_write_lent(struct weir_conn *conn, void *buf, size_t len, size_t *put)
{
    return write_piece(conn, buf, len, buf, put);
}

weir_status weir_conn_writev(struct weir_conn *conn, const struct iovec *iov, int count,
                             size_t *put)
{
    *put = 0;
    weir_status status = io_begin_write(conn);
    int next = 0;
    while (status == WEIR_OK && next < count) {
        struct weir_iov pieces[PIECES];
        size_t used = 0, len = 0, part = 0;
        for (; next < count && used < PIECES; next++) {
            if (iov[next].iov_len > 0) {
                pieces[used++] =
                    (struct weir_iov){.base = iov[next].iov_base, .len = iov[next].iov_len};
                len += iov[next].iov_len;
            }
        }
        status = send_pieces(conn, pieces, used, len, NULL, &part);
        *put += part;
    }
    return io_end_write(conn, status);
}

weir_status weir_conn_flush(struct weir_conn *conn)
{
    io_lock_to_send(conn);
    conn->writer_waits = false;
    weir_status status = conn->alone ? io_send(conn) : io_flush(conn);
    io_unlock_to_send(conn);
    return status;
}

static weir_status end_direction(struct weir_conn *conn)
{
    if (conn->phase == IO_OPEN && !conn->closing) {
        conn->closing = true;
        conn->writer_waits = false; /* it writes no more: nobody waits for the socket */
        /* After a failure there is its alert to send, and no close_notify. */
        (void)weir_session_close(&conn->session);
    }
    weir_status status = io_flush(conn);
    if (status == WEIR_NEED_OUTPUT) {
        return status;
    }
    io_finish(conn);
    return status;
}

weir_status weir_conn_close(struct weir_conn *conn)
{
    io_lock(conn, IO_BOTH);
    weir_status status = end_direction(conn);
    io_unlock(conn, IO_BOTH);
    return status;
}

weir_status weir_conn_key_update(struct weir_conn *conn, bool request_peer)
{
    io_lock(conn, IO_BOTH);
    weir_status status = before_write(conn);
    if (status == WEIR_NEED_OUTPUT) { /* it waits in the session until the socket takes more */
        status = WEIR_OK;
    }
    if (status == WEIR_OK) {
        status = weir_session_key_update(&conn->session, request_peer, &conn->refusal);
    }
    if (status == WEIR_OK && io_flush(conn) < WEIR_OK) {
        status = conn->tx_status;
    }
    io_unlock(conn, IO_BOTH);
    return status;
}
