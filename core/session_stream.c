/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A session whose records are made below the socket, and the moves from one place to another.
 */
#include "mem.h"
#include "session.h"

#if WEIR_HAS_OFFLOAD

static struct session *inside(const struct weir_session *session)
{
    return (struct session *)(void *)(uintptr_t)session;
}

weir_status weir_session_offload(struct weir_session *session, enum weir_dir dir,
                                 const struct weir_move *move, struct weir_refusal *why)
{
    struct session *s = inside(session);

    *why = (struct weir_refusal){.code = WEIR_REFUSAL_NONE, .layer = WEIR_LAYER_CORE};
    if (s->status < 0)
        return (weir_status)s->status;
    weir_status status =
        dir == WEIR_TX ? weir_tx_offload(s->tx, move, why) : weir_rx_offload(s->rx, move, why);
    if (status == WEIR_REFUSED)
        s->refusal = (uint8_t)why->code;
    return status < 0 ? weir_session_failed(s, status) : status;
}

const struct weir_cmd *weir_session_command(const struct weir_session *session, enum weir_dir *dir)
{
    const struct session *s = inside(session);
    const struct weir_cmd *cmd = NULL;

    *dir = WEIR_TX;
    if (s->tx != NULL)
        cmd = weir_tx_command(s->tx);
    if (cmd == NULL && s->rx != NULL) {
        *dir = WEIR_RX;
        cmd = weir_rx_command(s->rx);
    }
    return cmd;
}

weir_status weir_session_complete(struct weir_session *session, enum weir_dir dir,
                                  const struct weir_done *done, struct weir_refusal *why)
{
    struct session *s = inside(session);

    *why = (struct weir_refusal){.code = WEIR_REFUSAL_NONE, .layer = WEIR_LAYER_CORE};
    if (s->tx == NULL)
        return WEIR_E_MISUSE;
    weir_status status =
        dir == WEIR_TX ? weir_tx_complete(s->tx, done, why) : weir_rx_complete(s->rx, done, why);
    if (status == WEIR_REFUSED)
        s->refusal = (uint8_t)why->code;
    return status < 0 ? weir_session_failed(s, status) : status;
}

/* The session's own words, if it has any. */
static weir_status next_control(struct session *s, struct weir_stream_op *op, const uint8_t **data)
{
    struct control c = weir_session_control(s);

    if (c.want == 0)
        return WEIR_OK;
    weir_status status = weir_tx_stream(s->tx, c.type, c.len, op);
    if (status < 0) {
        s->want = 0;
        return weir_session_failed(s, status);
    }
    if (status == WEIR_OK) {
        memcpy(s->said, c.data, c.len);
        s->saying = c.want;
        s->flying = FLYING_CONTROL;
        *data = s->said;
    }
    return status;
}

weir_status weir_session_next(struct weir_session *session, uint8_t type, size_t len,
                              struct weir_stream_op *op, const uint8_t **data)
{
    struct session *s = inside(session);
    weir_status ready = WEIR_OK;

    *op = (struct weir_stream_op){0};
    *data = NULL;
    s->flying = FLYING_NOTHING;
    if (s->in_message && s->status >= 0) {
        /* RFC 8446 section 5.1: "Handshake messages MUST NOT be interleaved with other record
         * types." */
        if (type != WEIR_TYPE_HANDSHAKE || len == 0)
            return len == 0 ? WEIR_OK : WEIR_E_MISUSE;
    } else {
        if (len > 0)
            ready = weir_session_ready_to_send(s);
        weir_status status = next_control(s, op, data);
        if (status != WEIR_OK || *data != NULL)
            return status;
    }
    if (ready != WEIR_OK || len == 0)
        return ready;
    /* TLS 1.2 has no handshake messages here that a TLS library could want to send. */
    if (type != WEIR_TYPE_DATA && (type != WEIR_TYPE_HANDSHAKE || !s->tls13))
        return WEIR_E_MISUSE;
    weir_status status = weir_tx_stream(s->tx, type, len, op);
    if (status == WEIR_OK) {
        s->flying = FLYING_CALLER;
        s->splits = type == WEIR_TYPE_HANDSHAKE && op->len < len;
    }
    return status < 0 ? weir_session_failed(s, status) : status;
}

weir_status weir_session_sent(struct weir_session *session, const struct weir_stream_done *done)
{
    struct session *s = inside(session);
    enum flying flying = (enum flying)s->flying;

    s->flying = FLYING_NOTHING;
    if (flying == FLYING_NOTHING)
        return s->status < 0 ? (weir_status)s->status : WEIR_E_MISUSE;
    weir_status status = weir_tx_sent(s->tx, done);
    if (flying == FLYING_CALLER) {
        if (status == WEIR_OK)
            s->in_message = s->splits;
        return weir_session_data_sent(s, status);
    }
    if (status < 0) {
        s->want = 0;
        return weir_session_failed(s, status);
    }
    return status == WEIR_OK ? weir_session_said(s, s->saying) : status;
}

weir_status weir_session_want(struct weir_session *session, struct weir_stream_op *op)
{
    struct session *s = inside(session);

    *op = (struct weir_stream_op){0};
    if (s->status != WEIR_OK)
        return (weir_status)s->status;
    weir_status status = weir_rx_stream(s->rx, op);
    return status < 0 ? weir_session_failed(s, status) : status;
}

weir_status weir_session_received(struct weir_session *session, const struct weir_stream_done *done,
                                  uint8_t *buf, struct weir_record *out, size_t *count)
{
    struct session *s = inside(session);

    *count = 0;
    if (s->status != WEIR_OK)
        return (weir_status)s->status;
    weir_status status = weir_rx_received(s->rx, done, buf, out);
    if (status == WEIR_CLOSED) /* of the transport, that is */
        return weir_session_failed(s, WEIR_E_TRUNCATED);
    if (status < 0)
        return weir_session_failed(s, status);
    if (status != WEIR_OK)
        return status;
    *count = weir_session_sort_out(s, out, 1, &status);
    weir_session_ask_for_key_update(s);
    return status;
}

#endif
