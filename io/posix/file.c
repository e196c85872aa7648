/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files: read to where their records are sealed, or handed to the kernel where that makes the
 * records.
 */
#include "conn.h"

#include <errno.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/sendfile.h>
#elif defined(__FreeBSD__)
#include <sys/socket.h>
#include <sys/types.h>
#endif

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
        status = io_seal_in_place(conn, conn->out.base + conn->out.tail, n,
                                  conn->out.cap - conn->out.tail, &made);
        conn->out.tail += made;
        *sealed += made > 0 ? n : 0;
    }
    return status;
}

/* The peer cannot be told how much is missing, so the direction ends here. */
static weir_status cannot_read(struct weir_conn *conn, int error)
{
    weir_status status = io_failed(conn, "pread", error);
    io_fail(conn, status);
    conn->tx_status = status;
    return status;
}

/* One round of sendfile. WEIR_CLOSED: the end of the file. */
static weir_status send_part(struct weir_conn *conn, int file, uint64_t offset, uint64_t len,
                             size_t *moved)
{
    size_t room = 0;
    *moved = 0;
    bool says = !io_sends_alone(conn) && weir_session_wants_flush(&conn->session);
    weir_status status = says ? io_flush(conn) : WEIR_OK;
    if (status != WEIR_OK) {
        return status;
    }
    status = io_make_room(conn, len < IO_BUFFER_MAX ? (size_t)len : IO_BUFFER_MAX, &room);
    if (status != WEIR_OK) {
        return status;
    }
    ssize_t got = read_records(conn, file, offset, len, room);
    if (got < 0) {
        return cannot_read(conn, errno);
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

/*
 * One call of sendfile. EOPNOTSUPP: there is none, or none that can carry `op`. Linux's tells how
 * much it moved, whatever stopped it; FreeBSD's tells it beside the error.
 */
static struct weir_stream_done call_sendfile(int fd, int file, uint64_t offset,
                                             const struct weir_stream_op *op)
{
    struct weir_stream_done done = {.os_error = EOPNOTSUPP};
    if (op->control_len > 0) {
        return done;
    }
#if defined(__linux__)
    const struct io_quiet quiet = io_quiet_begin();
    off_t at = (off_t)offset;
    ssize_t n = -1;
    do {
        n = sendfile(fd, file, &at, op->len);
    } while (n < 0 && errno == EINTR);
    done.os_error = n < 0 ? errno : 0;
    io_quiet_end(&quiet, done.os_error == EPIPE);
    done.len = n < 0 ? 0 : (size_t)n;
    done.cut = done.len < op->len;
#elif defined(__FreeBSD__)
    off_t n = 0;
    int answer = 0;
    do {
        answer = sendfile(file, fd, (off_t)offset, op->len, NULL, &n, 0);
    } while (answer < 0 && errno == EINTR && n == 0);
    done.os_error = answer < 0 && n == 0 ? errno : 0;
    done.len = (size_t)n;
#else
    (void)fd;
    (void)file;
    (void)offset;
#endif
    return done;
}

/* The file cannot be sent from where it lies: through memory, as far as the socket takes it. */
static struct weir_stream_done copy_file(struct weir_conn *conn, int file, uint64_t offset,
                                         const struct weir_stream_op *op, bool *unreadable)
{
    struct weir_stream_done done = {0};
    size_t room = io_buffer_room(&conn->out, WEIR_MAX_PLAINTEXT);
    room = room < op->len ? room : op->len;
    ssize_t got = -1;
    errno = ENOMEM;
    while (room > 0) {
        got = pread(file, conn->out.base, room, (off_t)offset);
        if (got >= 0 || errno != EINTR) {
            break;
        }
    }
    *unreadable = got < 0;
    if (got <= 0) {
        done.os_error = got < 0 ? errno : 0;
        return done;
    }
    const struct weir_iov piece = {conn->out.base, (size_t)got};
    return weir_posix_send(conn->fd, op, &piece, 1);
}

/* As send_part, where records are made below the socket. */
static weir_status send_typed_part(struct weir_conn *conn, int file, uint64_t offset, uint64_t len,
                                   size_t *moved)
{
    struct weir_stream_op op;
    const char *call = "sendfile";
    bool unreadable = false;
    *moved = 0;
    weir_status status = conn->pump_again ? io_typed_flush(conn) : WEIR_OK;
    if (status == WEIR_OK) {
        status = io_typed_next(conn, WEIR_TYPE_DATA, len < SIZE_MAX ? (size_t)len : SIZE_MAX, &op);
    }
    if (status != WEIR_OK) {
        return status;
    }
    struct weir_stream_done done = call_sendfile(conn->fd, file, offset, &op);
    if (done.os_error == EOPNOTSUPP || done.os_error == EINVAL || done.os_error == ENOSYS) {
        call = "sendmsg";
        done = copy_file(conn, file, offset, &op, &unreadable);
    }
    if (unreadable) {
        return cannot_read(conn, done.os_error);
    }
    status = io_typed_sent(conn, call, &done);
    if (done.os_error == 0 && done.len == 0) {
        conn->blocked = false;
        return WEIR_CLOSED;
    }
    *moved = status >= WEIR_OK ? done.len : 0;
    return status;
}

weir_status weir_conn_sendfile(struct weir_conn *conn, int file, uint64_t *offset, uint64_t len)
{
    weir_status status = io_begin_write(conn);
    while ((status == WEIR_OK || status == WEIR_REKEY_DUE) && len > 0) {
        size_t moved = 0;
        status = io_streams(conn, WEIR_TX) ? send_typed_part(conn, file, *offset, len, &moved)
                                           : send_part(conn, file, *offset, len, &moved);
        *offset += moved;
        len -= moved;
    }
    return io_end_write(conn, status == WEIR_CLOSED ? WEIR_OK : status);
}
