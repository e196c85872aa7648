/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The receiving direction: large reads from the socket, records opened where they lie.
 */
#include "conn.h"

#include <errno.h>
#include <string.h>

/* This direction is over; what the session has to say about it goes out, if the socket takes it. */
weir_status io_read_ended(struct weir_conn *conn, weir_status status)
{
    conn->rx_status = status;
    conn->in.head = conn->in.tail = 0;
    conn->record_next = conn->record_count = 0;
    if (status < WEIR_OK) {
        if (io_streams(conn, WEIR_RX)) {
            io_clear_error(conn); /* of the record that failed; it would eat the alert */
        }
        /* RFC 8446 section 6.2: "Upon transmission or receipt of a fatal alert message, both
         * parties MUST immediately close the connection." */
        if (io_flush(conn) != WEIR_NEED_OUTPUT) {
            io_finish(conn);
        }
        if (status != WEIR_E_IO) {
            io_discard(conn);
        }
    }
    return status;
}

/* Opens the next records of `in`. WEIR_NEED_INPUT: none is whole. */
static weir_status open_records(struct weir_conn *conn)
{
    struct io_buffer *b = &conn->in;
    size_t consumed = 0, count = 0;
    weir_status status = weir_session_receive(&conn->session, b->base + b->head, io_buffer_len(b),
                                              &consumed, conn->records, IO_RECORDS, &count);
    b->head += consumed;
    conn->record_next = 0;
    conn->record_count = count;
    conn->unsettled = true;
    if (count > 0) {
        return WEIR_OK; /* the status comes again when these are read */
    }
    return status;
}

/* Room to receive: a buffer that a read has filled grows for the next one. */
static bool make_room(struct io_buffer *b)
{
    size_t want = b->cap < WEIR_MAX_RECORD ? WEIR_MAX_RECORD : b->cap;
    if (b->cap > 0 && b->tail == b->cap && b->cap < IO_RECEIVE_MAX) {
        want = IO_RECEIVE_MAX;
    }
    return io_buffer_compact(b, want);
}

static weir_status receive(struct weir_conn *conn)
{
    struct io_buffer *b = &conn->in;
    if (!make_room(b)) {
        return io_failed(conn, "malloc", ENOMEM);
    }
    size_t len = io_buffer_len(b), most = SIZE_MAX;
    if (len > 0 && io_wants_move(conn, WEIR_RX)) {
        /* To the end of the record that is cut, and no further: there the direction moves. */
        size_t whole = weir_rx_want(&conn->rx, b->base + b->head, len);
        most = whole > len ? whole - len : SIZE_MAX;
    }
    return io_receive(conn, most);
}

/* Memory of the caller's to receive to. */
struct room {
    uint8_t *base;
    size_t len;
};

/* More from the transport. WEIR_NEED_INPUT: nothing there, or a command is put off. */
static weir_status more(struct weir_conn *conn, const struct room *room)
{
    if (conn->end_of_file) {
        return weir_session_end_of_stream(&conn->session);
    }
    conn->blocked = false; /* time has passed: sending is worth another try */
    weir_status status = io_wants_move(conn, WEIR_RX) ? io_move(conn, WEIR_RX) : WEIR_OK;
    if (status == WEIR_OK) {
        status = io_streams(conn, WEIR_RX) ? io_typed_receive(conn, room->base, room->len)
                                           : receive(conn);
    }
    if (status == WEIR_E_IO) {
        weir_session_fail(&conn->session, status);
    }
    return status == WEIR_NEED_OUTPUT ? WEIR_NEED_INPUT : status;
}

/* Gives a handshake record to the TLS library, and leaves nothing of it in the caller's memory. */
static weir_status pass_on(struct weir_conn *conn, const struct weir_record *record,
                           const struct room *room)
{
    weir_status status = io_deliver(conn, record);
    if (room->base != NULL && record->data == room->base) {
        weir_wipe(record->data, record->len);
    }
    return status;
}

/* The next bytes of application data. WEIR_OK: records[record_next] holds some. */
static weir_status next_data(struct weir_conn *conn, bool may_receive, const struct room *room)
{
    for (;;) {
        while (conn->record_next < conn->record_count) {
            const struct weir_record *record = &conn->records[conn->record_next];
            if (record->type == WEIR_TYPE_DATA && conn->record_used < record->len) {
                return WEIR_OK;
            }
            if (record->type == WEIR_TYPE_HANDSHAKE) {
                weir_status status = pass_on(conn, record, room);
                if (status < WEIR_OK) {
                    return io_read_ended(conn, status);
                }
            }
            conn->record_next++;
            conn->record_used = 0;
        }
        /* An end that came in one piece with the records just read; nothing may follow it, so
         * there is no input to wait for. */
        weir_status status = weir_session_status(&conn->session);
        if (status == WEIR_OK) {
            status = io_buffer_len(&conn->in) > 0 ? open_records(conn) : WEIR_NEED_INPUT;
        }
        if (status == WEIR_PENDING) {
            status = io_commands(conn, WEIR_RX);
            if (status == WEIR_OK) {
                continue;
            }
            status = status == WEIR_NEED_OUTPUT ? WEIR_NEED_INPUT : status;
            may_receive = false;
        }
        if (status == WEIR_NEED_INPUT && !may_receive) {
            return status;
        }
        if (status == WEIR_NEED_INPUT) {
            status = more(conn, room);
        }
        if (status == WEIR_NEED_INPUT) {
            return status;
        }
        if (status < WEIR_OK || status == WEIR_CLOSED) {
            return io_read_ended(conn, status);
        }
    }
}

/* As next_data, with whatever answers that became due sent on the way. */
static weir_status advance_by_session(struct weir_conn *conn, bool may_receive,
                                      const struct room *room)
{
    if (conn->rx_status != WEIR_OK) {
        return conn->rx_status;
    }
    if (conn->phase != IO_OPEN) {
        return WEIR_E_MISUSE;
    }
    weir_status status = next_data(conn, may_receive, room);
    if (!conn->blocked && (conn->pump_again || io_buffer_len(&conn->out) > 0 ||
                           weir_session_wants_flush(&conn->session))) {
        (void)io_flush(conn); /* a failure to send is the writer's to hear */
    }
    return status;
}

/* ---- with two threads ---- */

/* Whether the session has nothing to learn from what weir_rx_open has given. */
static bool only_data(const struct weir_conn *conn, weir_status opened)
{
    bool only = (opened == WEIR_OK || opened == WEIR_NEED_INPUT) &&
                weir_rx_status(&conn->rx) == WEIR_OK &&
                !(conn->unsettled && conn->record_count > 0);
    for (size_t i = 0; only && i < conn->record_count; i++) {
        only = conn->records[i].type == WEIR_TYPE_DATA && conn->records[i].len > 0;
    }
    return only;
}

/* Opens the next records without the session. False: it has to see them. */
static bool open_alone(struct weir_conn *conn)
{
    struct io_buffer *b = &conn->in;
    size_t consumed = 0;
    conn->record_next = conn->record_used = conn->record_count = 0;
    conn->opened = weir_rx_open(&conn->rx, b->base + b->head, io_buffer_len(b), &consumed,
                                conn->records, IO_RECORDS, &conn->record_count);
    b->head += consumed;
    conn->unsorted = !only_data(conn, conn->opened);
    conn->data_before = conn->data_before || (!conn->unsorted && conn->record_count > 0);
    return !conn->unsorted;
}

/*
 * As far as it goes under the lock of receiving alone. WEIR_OK: records[record_next] holds data;
 * WEIR_NEED_INPUT; WEIR_PENDING: the rest has to do with sending.
 */
static weir_status advance_alone(struct weir_conn *conn, bool may_receive)
{
    if (conn->phase != IO_OPEN || conn->rx_status != WEIR_OK || conn->unsorted ||
        io_streams(conn, WEIR_RX) || io_wants_move(conn, WEIR_RX) ||
        weir_rx_command(&conn->rx) != NULL || weir_session_status(&conn->session) != WEIR_OK) {
        return WEIR_PENDING;
    }
    for (;;) {
        while (conn->record_next < conn->record_count) {
            const struct weir_record *record = &conn->records[conn->record_next];
            if (record->type != WEIR_TYPE_DATA) {
                return WEIR_PENDING;
            }
            if (conn->record_used < record->len) {
                return WEIR_OK;
            }
            conn->record_next++;
            conn->record_used = 0;
        }
        if (io_buffer_len(&conn->in) > 0) {
            if (!open_alone(conn)) {
                return WEIR_PENDING;
            }
            if (conn->record_count > 0) {
                continue;
            }
        }
        if (!may_receive) {
            return WEIR_NEED_INPUT;
        }
        if (conn->end_of_file || !make_room(&conn->in)) {
            return WEIR_PENDING;
        }
        conn->receive_error = io_try_to_receive(conn, SIZE_MAX);
        if (conn->receive_error == EAGAIN) {
            conn->receive_error = 0;
            return WEIR_NEED_INPUT;
        }
        if (conn->receive_error != 0) {
            return WEIR_PENDING;
        }
    }
}

/* The session learns what open_alone has left to it. */
static void sort_out(struct weir_conn *conn)
{
    size_t count = conn->record_count;
    conn->unsettled = count == 0 || conn->records[count - 1].type != WEIR_TYPE_DATA;
    conn->unsorted = false;
    weir_status verdict = weir_session_opened(&conn->session, conn->opened, conn->data_before,
                                              conn->records, count, &conn->record_count);
    (void)verdict; /* it comes again, behind the data that came first */
    conn->data_before = false;
}

static weir_status advance(struct weir_conn *conn, bool may_receive, const struct room *room)
{
    if (conn->locks != NULL) {
        io_lock(conn, IO_RX);
        weir_status status = advance_alone(conn, may_receive);
        io_unlock(conn, IO_RX);
        if (status != WEIR_PENDING) {
            return status;
        }
    }
    io_lock(conn, IO_BOTH);
    if (conn->unsorted) {
        sort_out(conn);
    }
    weir_status status = advance_by_session(conn, may_receive, room);
    io_unlock(conn, IO_BOTH);
    return status;
}

weir_status io_peek(struct weir_conn *conn, bool may_receive)
{
    const struct room none = {NULL, 0};
    return advance(conn, may_receive, &none);
}

weir_status weir_conn_read_view(struct weir_conn *conn, const uint8_t **data, size_t *got)
{
    *data = NULL;
    *got = 0;
    weir_status status = io_peek(conn, true);
    if (status == WEIR_OK) {
        const struct weir_record *record = &conn->records[conn->record_next];
        *data = record->data + conn->record_used;
        *got = record->len - conn->record_used;
        conn->record_next++;
        conn->record_used = 0;
    }
    return status;
}

weir_status weir_conn_read(struct weir_conn *conn, void *buf, size_t len, size_t *got)
{
    uint8_t *to = buf;
    *got = 0;
    if (len == 0) {
        return WEIR_E_MISUSE;
    }
    while (*got < len) {
        const struct room room = {to + *got, len - *got};
        weir_status status = advance(conn, *got == 0, &room);
        if (status != WEIR_OK) {
            return *got > 0 ? WEIR_OK : status; /* it will come again */
        }
        const struct weir_record *record = &conn->records[conn->record_next];
        size_t n = record->len - conn->record_used;
        n = n < len - *got ? n : len - *got;
        if (record->data != room.base) { /* else it was received there, and nothing is left over */
            memcpy(to + *got, record->data + conn->record_used, n);
        }
        conn->record_used += n;
        *got += n;
    }
    return WEIR_OK;
}
