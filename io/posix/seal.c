/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Application data to records. With two threads the session is asked only when it has something to
 * say to it: what else it would do is done here, under the lock of sending alone.
 */
#include "conn.h"

void io_fail(struct weir_conn *conn, weir_status status)
{
    io_lock_the_other(conn);
    weir_session_fail(&conn->session, status);
}

/* The direction has sealed what the session would have had sealed. */
static weir_status sealed(struct weir_conn *conn, weir_status status)
{
    struct weir_refusal why;
    if (status < WEIR_OK) {
        io_fail(conn, status);
    } else if (status == WEIR_REKEY_DUE &&
               weir_session_key_update(&conn->session, false, &why) == WEIR_OK) {
        return WEIR_OK; /* the next call renews the key */
    }
    return status;
}

weir_status io_seal(struct weir_conn *conn, const struct weir_iov *in, size_t count, uint8_t *out,
                    size_t room, size_t *taken, size_t *made)
{
    if (!io_sends_alone(conn)) {
        return weir_session_send(&conn->session, in, count, out, room, taken, made);
    }
    return sealed(conn, weir_tx_seal(&conn->tx, WEIR_TYPE_DATA, in, count, out, room, taken, made));
}

weir_status io_seal_lent(struct weir_conn *conn, uint8_t *data, size_t len, uint8_t *out,
                         size_t room, size_t *taken, size_t *made)
{
    if (!io_sends_alone(conn)) {
        return weir_session_send_lent(&conn->session, data, len, out, room, taken, made);
    }
    return sealed(conn,
                  weir_tx_seal_lent(&conn->tx, WEIR_TYPE_DATA, data, len, out, room, taken, made));
}

weir_status io_seal_in_place(struct weir_conn *conn, uint8_t *buf, size_t len, size_t cap,
                             size_t *made)
{
    if (!io_sends_alone(conn)) {
        return weir_session_send_in_place(&conn->session, buf, len, cap, made);
    }
    return sealed(conn, weir_tx_seal_in_place(&conn->tx, WEIR_TYPE_DATA, buf, len, cap, made));
}
