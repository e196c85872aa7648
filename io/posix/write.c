/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sending direction: many records sealed side by side, sent with one call.
 */
#include "conn.h"

#include <errno.h>
#include <unistd.h>

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

/* What every call that writes asks first. */
static weir_status may_write(const struct weir_conn *conn)
{
    if (conn->phase != IO_OPEN) {
        return conn->phase == IO_FAILED ? conn->hs_status : WEIR_E_MISUSE;
    }
    if (conn->tx_status < WEIR_OK) {
        return conn->tx_status;
    }
    return conn->closing ? WEIR_E_MISUSE : WEIR_OK;
}

/* Room for sealing: a record at least, after sending if there was less. */
static weir_status make_room(struct weir_conn *conn, size_t plaintext, size_t *room)
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

/* Seals pieces until all is sealed and sent, or the socket takes no more. */
static weir_status send_pieces(struct weir_conn *conn, const struct weir_iov *in, size_t count,
                               size_t len, size_t *put)
{
    struct weir_iov rest[PIECES];
    for (size_t i = 0; i < count; i++) {
        rest[i] = in[i];
    }
    size_t first = 0;
    while (*put < len) {
        size_t room = 0, taken = 0, made = 0;
        weir_status status = make_room(conn, len - *put, &room);
        if (status != WEIR_OK) {
            return status;
        }
        status = weir_session_send(&conn->session, rest + first, count - first,
                                   conn->out.base + conn->out.tail, room, &taken, &made);
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

weir_status weir_conn_write(struct weir_conn *conn, const void *buf, size_t len, size_t *put)
{
    *put = 0;
    weir_status status = may_write(conn);
    if (status != WEIR_OK || len == 0) {
        return status;
    }
    struct weir_iov piece = {.base = buf, .len = len};
    return send_pieces(conn, &piece, 1, len, put);
}

weir_status weir_conn_writev(struct weir_conn *conn, const struct iovec *iov, int count,
                             size_t *put)
{
    *put = 0;
    weir_status status = may_write(conn);
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
        status = send_pieces(conn, pieces, used, len, &part);
        *put += part;
    }
    return status;
}

/* Reads file content to where the plaintext of the next records will be. */
static ssize_t read_records(const struct weir_conn *conn, int file, uint64_t offset, uint64_t len,
                            size_t room)
{
    size_t limit = conn->record_limit;
    struct iovec iov[IO_RECORDS];
    int count = 0;
    uint8_t *at = conn->out.base + conn->out.tail + weir_tx_shape(&conn->tx).prefix;
    while (count < (int)IO_RECORDS && len > 0) {
        size_t n = len < limit ? (size_t)len : limit;
        size_t sealed = weir_tx_record_len(&conn->tx, n);
        if (sealed > room) {
            break;
        }
        iov[count++] = (struct iovec){.iov_base = at, .iov_len = n};
        at += sealed;
        room -= sealed;
        len -= n;
    }
    ssize_t got = 0;
    do {
        got = preadv(file, iov, count, (off_t)offset);
    } while (got < 0 && errno == EINTR);
    return got;
}

/* Seals `len` bytes that read_records has put in place; `*sealed` of them are done.
 * WEIR_NEED_OUTPUT: something of the session's goes before the rest. */
static weir_status seal_records(struct weir_conn *conn, size_t len, size_t *sealed)
{
    size_t limit = conn->record_limit;
    weir_status status = WEIR_OK;
    while (*sealed < len && status >= WEIR_OK && status != WEIR_NEED_OUTPUT) {
        size_t n = len - *sealed < limit ? len - *sealed : limit;
        size_t made = 0;
        status = weir_session_send_in_place(&conn->session, conn->out.base + conn->out.tail, n,
                                            conn->out.cap - conn->out.tail, &made);
        conn->out.tail += made;
        *sealed += made > 0 ? n : 0;
    }
    return status;
}

/* One round of sendfile. WEIR_CLOSED: the end of the file. */
static weir_status send_part(struct weir_conn *conn, int file, uint64_t offset, uint64_t len,
                             size_t *moved)
{
    size_t room = 0;
    *moved = 0;
    weir_status status = weir_session_wants_flush(&conn->session) ? io_flush(conn) : WEIR_OK;
    if (status != WEIR_OK) {
        return status;
    }
    status = make_room(conn, len < IO_BUFFER_MAX ? (size_t)len : IO_BUFFER_MAX, &room);
    if (status != WEIR_OK) {
        return status;
    }
    ssize_t got = read_records(conn, file, offset, len, room);
    if (got < 0) {
        /* The peer cannot be told how much is missing, so the direction ends here. */
        status = io_failed(conn, "pread", errno);
        weir_session_fail(&conn->session, status);
        conn->tx_status = status;
        return status;
    }
    if (got == 0) {
        return WEIR_CLOSED;
    }
    status = seal_records(conn, (size_t)got, moved);
    weir_status sent = io_send(conn);
    if (status == WEIR_NEED_OUTPUT) {
        status = WEIR_OK; /* the next round begins with what goes first */
    }
    return status >= WEIR_OK && sent < WEIR_OK ? sent : status;
}

weir_status weir_conn_sendfile(struct weir_conn *conn, int file, uint64_t *offset, uint64_t len)
{
    weir_status status = may_write(conn);
    while ((status == WEIR_OK || status == WEIR_REKEY_DUE) && len > 0) {
        size_t moved = 0;
        status = send_part(conn, file, *offset, len, &moved);
        *offset += moved;
        len -= moved;
    }
    return status == WEIR_CLOSED ? WEIR_OK : status;
}

weir_status weir_conn_flush(struct weir_conn *conn)
{
    return io_flush(conn);
}

weir_status weir_conn_close(struct weir_conn *conn)
{
    if (conn->phase == IO_OPEN && !conn->closing) {
        conn->closing = true;
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

weir_status weir_conn_key_update(struct weir_conn *conn, bool request_peer)
{
    weir_status status = may_write(conn);
    if (status == WEIR_OK) {
        status = weir_session_key_update(&conn->session, request_peer, &conn->refusal);
    }
    if (status == WEIR_OK && io_flush(conn) < WEIR_OK) {
        status = conn->tx_status;
    }
    return status;
}
