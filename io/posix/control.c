/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What goes out besides application data: answers of the session (KeyUpdate, alerts, close_notify)
 * and post-handshake messages of the TLS library.
 */
#include "conn.h"

#include <errno.h>

/* The longest message a session writes by itself. */
#define KEY_UPDATE_LEN 5u

size_t io_control_room(const struct weir_conn *conn)
{
    size_t padded = weir_tx_record_len(&conn->tx, KEY_UPDATE_LEN);
    return padded > IO_CONTROL_ROOM ? padded : IO_CONTROL_ROOM;
}

/* Seals what the session has to say as far as there is room; sends nothing. */
static void seal_control(struct weir_conn *conn)
{
    if (conn->phase != IO_OPEN || conn->tx_status == WEIR_E_IO ||
        !weir_session_wants_flush(&conn->session)) {
        return;
    }
    size_t room = io_buffer_room(&conn->out, io_control_room(conn));
    size_t made = 0;
    /* Without room it waits in the session; with a dead direction nothing can be said. */
    weir_status status =
        weir_session_flush(&conn->session, conn->out.base + conn->out.tail, room, &made);
    conn->out.tail += made;
    if (status < WEIR_OK && conn->tx_status >= WEIR_OK) {
        conn->tx_status = status;
    }
}

/* Seals what the TLS library wants to say, as far as there is room. */
static weir_status seal_wishes(struct weir_conn *conn)
{
    size_t made = 0;
    /* What a small buffer did not hold gets a large one. */
    size_t room =
        io_buffer_room(&conn->out, conn->pump_again ? IO_BUFFER_MAX : io_control_room(conn));
    weir_status status =
        weir_loop_pump(conn->hs, &conn->session, conn->out.base + conn->out.tail, room, &made);
    conn->out.tail += made;
    conn->pump_again = status == WEIR_NEED_OUTPUT;
    conn->unanswered = conn->pump_again ? conn->unanswered : 0;
    return status;
}

/* One round of the TLS library's wishes. WEIR_OK: it has none left; WEIR_REFUSED: one of them could
 * not be, the rest is done. */
static weir_status pump(struct weir_conn *conn)
{
    weir_status status = WEIR_REFUSED, answer = WEIR_OK;
    if (conn->tx_status < WEIR_OK || weir_session_status(&conn->session) < WEIR_OK) {
        conn->pump_again = false;
        return conn->tx_status;
    }
    while (status == WEIR_REFUSED) {
        status = io_streams(conn, WEIR_TX) ? io_typed_pump(conn) : seal_wishes(conn);
        if (status == WEIR_REFUSED) {
            answer = status;
            conn->refusal = (struct weir_refusal){.code = WEIR_REFUSAL_NONE};
        }
    }
    return answer == WEIR_REFUSED && status == WEIR_OK ? answer : status;
}

/* What has to be said fits no buffer that can be had, and would not at the next try. */
static weir_status no_room(struct weir_conn *conn)
{
    conn->pump_again = false;
    conn->tx_status = io_failed(conn, "buffer", ENOMEM);
    weir_tx_end(&conn->tx, WEIR_E_IO);
    return WEIR_E_IO;
}

weir_status io_flush(struct weir_conn *conn)
{
    if (conn->phase != IO_OPEN) {
        return conn->hs_status;
    }
    (void)io_commands(conn, WEIR_RX); /* one that was put off; for the reader */
    for (;;) {
        weir_status status = io_commands(conn, WEIR_TX);
        if (status >= WEIR_OK && !io_streams(conn, WEIR_TX)) {
            status = io_send(conn);
        }
        if (status == WEIR_OK && io_wants_move(conn, WEIR_TX)) {
            status = io_move(conn, WEIR_TX);
        }
        if (status == WEIR_NEED_OUTPUT) {
            return status;
        }
        if (io_streams(conn, WEIR_TX)) {
            return io_typed_flush(conn);
        }
        if (status != WEIR_OK) {
            return status;
        }
        /* The buffer is empty now: what does not fit it never will. */
        if (conn->pump_again) {
            (void)pump(conn);
        }
        seal_control(conn);
        if (conn->tx_status < WEIR_OK && io_buffer_len(&conn->out) == 0) {
            return conn->tx_status;
        }
        if (io_buffer_len(&conn->out) == 0) {
            bool more = conn->pump_again || weir_session_wants_flush(&conn->session);
            return more ? no_room(conn) : WEIR_OK;
        }
    }
}

static weir_status pump_and_flush(struct weir_conn *conn)
{
    if (conn->phase != IO_OPEN) {
        return conn->phase == IO_FAILED ? conn->hs_status : WEIR_E_MISUSE;
    }
    weir_status status = pump(conn);
    weir_status sent = io_flush(conn);
    return status < WEIR_OK || status == WEIR_REFUSED ? status : sent;
}

weir_status weir_conn_pump(struct weir_conn *conn)
{
    io_lock(conn, IO_BOTH);
    weir_status status = pump_and_flush(conn);
    io_unlock(conn, IO_BOTH);
    return status;
}

weir_status io_deliver(struct weir_conn *conn, const struct weir_record *record)
{
    conn->hs->epochs(conn->hs, weir_tx_position(&conn->tx).epoch,
                     weir_rx_position(&conn->rx).epoch);
    weir_status status = conn->hs->deliver(conn->hs, record->data, record->len);
    bool can_answer = conn->tx_status >= WEIR_OK;
    /* What the library answers is kept by it until there is room; a peer that asks and asks, and
     * takes no answer, must not make that grow without bound. */
    if (status >= WEIR_OK && (conn->pump_again || !can_answer) &&
        ++conn->unanswered > WEIR_MAX_HANDSHAKE) {
        status = WEIR_E_FLOOD;
    }
    /* Also after a failure: the library then has an alert to send. */
    weir_status pumped = can_answer ? pump(conn) : WEIR_OK;
    if (status >= WEIR_OK && pumped >= WEIR_OK) {
        return WEIR_OK;
    }
    status = status < WEIR_OK ? status : pumped;
    if (weir_session_status(&conn->session) >= WEIR_OK) {
        weir_session_fail(&conn->session, status);
    }
    return status;
}
