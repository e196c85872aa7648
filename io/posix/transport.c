/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes to and from the socket. Nothing here knows of records.
 */
#include "conn.h"

#include <errno.h>
#include <sys/socket.h>

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* such systems have SO_NOSIGPIPE, which weir_conn_new sets */
#endif

weir_status io_failed(struct weir_conn *conn, const char *call, int error)
{
    /* The first failure is the one that explains the others. */
    if (conn->os_call == NULL) {
        conn->os_call = call;
        conn->os_error = error;
    }
    return WEIR_E_IO;
}

/* How much of it the peer got is unknown, so nothing may follow: not even the same bytes again. */
static weir_status sending_failed(struct weir_conn *conn, int error)
{
    conn->out.head = conn->out.tail = 0;
    conn->pump_again = false;
    conn->blocked = false;
    conn->tx_status = WEIR_E_IO;
    if (conn->phase == IO_OPEN) {
        weir_tx_end(&conn->tx, WEIR_E_IO);
    }
    return io_failed(conn, "send", error);
}

weir_status io_send_from(struct weir_conn *conn, const uint8_t *data, size_t len, size_t *sent)
{
    *sent = 0;
    while (*sent < len) {
        ssize_t n = send(conn->fd, data + *sent, len - *sent, MSG_NOSIGNAL);
        if (n >= 0) {
            *sent += (size_t)n;
            continue;
        }
        if (errno == EINTR) {
            continue;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            conn->blocked = true;
            return WEIR_NEED_OUTPUT;
        }
        return sending_failed(conn, errno);
    }
    conn->blocked = false;
    return WEIR_OK;
}

weir_status io_send(struct weir_conn *conn)
{
    struct io_buffer *b = &conn->out;
    if (b->head == b->tail) {
        return WEIR_OK;
    }
    size_t sent = 0;
    weir_status status = io_send_from(conn, b->base + b->head, io_buffer_len(b), &sent);
    if (status >= WEIR_OK) {
        b->head += sent;
    }
    return status;
}

int io_try_to_receive(struct weir_conn *conn, size_t most)
{
    struct io_buffer *b = &conn->in;
    size_t room = b->cap - b->tail < most ? b->cap - b->tail : most;
    for (;;) {
        ssize_t n = recv(conn->fd, b->base + b->tail, room, 0);
        if (n > 0) {
            b->tail += (size_t)n;
            return 0;
        }
        if (n == 0) {
            conn->end_of_file = true;
            return 0;
        }
        if (errno != EINTR) {
            return errno == EWOULDBLOCK ? EAGAIN : errno;
        }
    }
}

weir_status io_receive(struct weir_conn *conn, size_t most)
{
    int error = conn->receive_error;
    conn->receive_error = 0;
    if (error == 0) {
        error = io_try_to_receive(conn, most);
    }
    if (error == 0) {
        return WEIR_OK;
    }
    return error == EAGAIN ? WEIR_NEED_INPUT : io_failed(conn, "recv", error);
}

void io_discard(struct weir_conn *conn)
{
    uint8_t nowhere[4096];
    for (int i = 0; i < 256 && !conn->end_of_file; i++) {
        if (recv(conn->fd, nowhere, sizeof nowhere, 0) <= 0) {
            break;
        }
    }
    if (io_streams(conn, WEIR_RX)) {
        io_clear_error(conn); /* of records that do not open any more; an alert may still wait */
    }
}

void io_clear_error(struct weir_conn *conn)
{
    int error = 0;
    socklen_t len = sizeof error;
    (void)getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &error, &len);
}

void io_finish(struct weir_conn *conn)
{
    if (!conn->fin_sent) {
        /* It fails only on a socket that is gone already. */
        (void)shutdown(conn->fd, SHUT_WR);
        conn->fin_sent = true;
    }
}
