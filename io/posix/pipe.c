/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pipes: through memory where records are sealed here, by splice(2) where Linux's kernel makes
 * them.
 */
#if defined(__linux__)
#define _GNU_SOURCE /* splice */
#endif
#include "conn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

ssize_t io_splice(int from, int to, size_t len)
{
#if defined(__linux__)
    ssize_t n = -1;
    do {
        n = splice(from, NULL, to, NULL, len, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    } while (n < 0 && errno == EINTR);
    return n;
#else
    (void)from;
    (void)to;
    (void)len;
    errno = EINVAL;
    return -1;
#endif
}

static bool usable(int pipe)
{
    struct stat is;
    int flags = fcntl(pipe, F_GETFL);
    return flags >= 0 && (flags & O_NONBLOCK) != 0 && fstat(pipe, &is) == 0 && S_ISFIFO(is.st_mode);
}

/* Whether what is received can be spliced. */
static bool splices(const struct weir_conn *conn)
{
    return io_streams(conn, WEIR_RX) && (conn->path[WEIR_RX].backend->caps & WEIR_CAP_SPLICE) != 0;
}

/* Bytes that lie in a pipe. */
static bool holds_some(int pipe)
{
    int n = 0;
    return ioctl(pipe, FIONREAD, &n) == 0 && n > 0;
}

static bool takes_some(int pipe)
{
    struct pollfd wait = {.fd = pipe, .events = POLLOUT};
    return poll(&wait, 1, 0) != 0; /* with an error, too: the next call tells it */
}

/* The pipe itself has failed, which is none of the connection's business. */
static weir_status pipe_failed(struct weir_conn *conn, int error)
{
    conn->refusal =
        (struct weir_refusal){.code = WEIR_REFUSAL_OS, .layer = WEIR_LAYER_OS, .os_error = error};
    return WEIR_REFUSED;
}

/* One record of what lies in the pipe. WEIR_CLOSED: its end. */
static weir_status seal_part(struct weir_conn *conn, int pipe, size_t len, size_t *moved)
{
    uint8_t text[WEIR_MAX_PLAINTEXT];
    size_t room = 0, made = 0;
    len = len < conn->record_limit ? len : conn->record_limit;
    bool says = !io_sends_alone(conn) && weir_session_wants_flush(&conn->session);
    weir_status status = says ? io_flush(conn) : WEIR_OK;
    /* What is read must be sealed, so whatever could prevent that comes first. */
    if (status == WEIR_OK) {
        status = weir_session_status(&conn->session);
        status = status == WEIR_CLOSED ? WEIR_OK : status;
    }
    if (status == WEIR_OK && weir_session_send_ended(&conn->session)) {
        status = WEIR_E_MISUSE;
    }
    if (status == WEIR_OK) {
        status = io_make_room(conn, len, &room);
    }
    if (status != WEIR_OK) {
        return status;
    }
    ssize_t got = -1;
    do {
        got = read(pipe, text, len);
    } while (got < 0 && errno == EINTR);
    if (got <= 0) {
        return got == 0          ? WEIR_CLOSED
               : errno == EAGAIN ? WEIR_NEED_INPUT
                                 : pipe_failed(conn, errno);
    }
    const struct weir_iov piece = {text, (size_t)got};
    status = io_seal(conn, &piece, 1, conn->out.base + conn->out.tail, room, moved, &made);
    conn->out.tail += made;
    weir_wipe(text, (size_t)got);
    weir_status sent = io_send(conn);
    return status >= WEIR_OK && sent < WEIR_OK ? sent : status;
}

/* As seal_part, where records are made below the socket. */
static weir_status splice_part(struct weir_conn *conn, int pipe, size_t len, size_t *moved)
{
    struct weir_stream_op op;
    weir_status status = conn->pump_again ? io_typed_flush(conn) : WEIR_OK;
    if (status == WEIR_OK) {
        status = io_typed_next(conn, WEIR_TYPE_DATA, len, &op);
    }
    if (status != WEIR_OK) {
        return status;
    }
    ssize_t n = -1;
    int error = EINVAL;
    if (op.control_len == 0) {
        const struct io_quiet quiet = io_quiet_begin();
        n = io_splice(pipe, conn->fd, op.len);
        error = n < 0 ? errno : 0;
        io_quiet_end(&quiet, error == EPIPE);
    }
    if (error == EINVAL) {
        return pipe_failed(conn, error);
    }
    if (n == 0) {
        return WEIR_CLOSED;
    }
    const struct weir_stream_done done = {
        .os_error = error, .len = n > 0 ? (size_t)n : 0, .cut = n < (ssize_t)op.len};
    status = io_typed_sent(conn, "splice", &done);
    *moved = status >= WEIR_OK ? done.len : 0;
    if (status == WEIR_NEED_OUTPUT && !holds_some(pipe)) {
        conn->blocked = false;
        return WEIR_NEED_INPUT;
    }
    return status;
}

weir_status weir_conn_splice_from(struct weir_conn *conn, int pipe, size_t len, size_t *moved)
{
    *moved = 0;
    weir_status status = io_begin_write(conn);
    if (status == WEIR_OK && !usable(pipe)) {
        status = WEIR_E_MISUSE;
    }
    while ((status == WEIR_OK || status == WEIR_REKEY_DUE) && *moved < len) {
        size_t n = 0;
        status = io_streams(conn, WEIR_TX) ? splice_part(conn, pipe, len - *moved, &n)
                                           : seal_part(conn, pipe, len - *moved, &n);
        *moved += n;
    }
    return io_end_write(conn, status);
}

/* What has been received already goes through memory. WEIR_OK: some of it went. */
static weir_status write_some(struct weir_conn *conn, int pipe, size_t len, size_t *moved)
{
    const struct weir_record *record = &conn->records[conn->record_next];
    size_t n = record->len - conn->record_used;
    n = n < len ? n : len;
    ssize_t put = -1;
    do {
        put = write(pipe, record->data + conn->record_used, n);
    } while (put < 0 && errno == EINTR);
    if (put < 0) {
        return errno == EAGAIN ? WEIR_NEED_OUTPUT : pipe_failed(conn, errno);
    }
    conn->record_used += (size_t)put;
    *moved += (size_t)put;
    return WEIR_OK;
}

/* From the socket to the pipe, where that brings nothing but data. */
static weir_status splice_some(struct weir_conn *conn, int pipe, size_t len, size_t *moved)
{
    if (!takes_some(pipe)) {
        return WEIR_NEED_OUTPUT;
    }
    weir_status status = io_typed_splice(conn, pipe, len, moved);
    if (status == WEIR_REFUSED) {
        return pipe_failed(conn, EPIPE);
    }
    if (status == WEIR_NEED_INPUT && !takes_some(pipe)) {
        return WEIR_NEED_OUTPUT;
    }
    return status < WEIR_OK || status == WEIR_CLOSED ? io_read_ended(conn, status) : status;
}

weir_status weir_conn_splice_to(struct weir_conn *conn, int pipe, size_t len, size_t *moved)
{
    *moved = 0;
    if (len == 0 || (conn->phase == IO_OPEN && !usable(pipe))) {
        return WEIR_E_MISUSE;
    }
    for (;;) {
        /* Moves the direction on, and gives what is there already; all is received below when the
         * kernel does it. */
        weir_status status = io_peek(conn, *moved == 0 && !splices(conn));
        if (status == WEIR_NEED_INPUT && *moved == 0 && splices(conn)) {
            io_lock(conn, IO_BOTH);
            status = splice_some(conn, pipe, len, moved);
            io_unlock(conn, IO_BOTH);
            if (status != WEIR_OK || *moved > 0) {
                return status;
            }
            continue; /* a record that is none of data came */
        }
        if (status == WEIR_OK && *moved < len) {
            io_lock(conn, IO_BOTH); /* a pipe that fails is noted */
            status = write_some(conn, pipe, len - *moved, moved);
            io_unlock(conn, IO_BOTH);
        }
        if (status != WEIR_OK || *moved == len) {
            return *moved > 0 ? WEIR_OK : status;
        }
    }
}
