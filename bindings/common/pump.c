/* SPDX-License-Identifier: BSD-2-Clause */
#include <weir/handshake.h>

/* Where sealed records go. */
struct room {
    uint8_t *out;
    size_t cap;
    size_t *made;
};

static weir_status flush(struct weir_session *session, const struct room *room)
{
    size_t made = 0;
    weir_status status =
        weir_session_flush(session, room->out + *room->made, room->cap - *room->made, &made);

    *room->made += made;
    return status;
}

/* What is not a handshake message, the session says in its own words. */
static weir_status tell(struct weir_session *session, const struct weir_control *wish)
{
    struct weir_refusal why;

    switch (wish->kind) {
    case WEIR_CONTROL_KEY_UPDATE:
        return weir_session_key_update(session, wish->request_peer, &why);
    case WEIR_CONTROL_CLOSE:
        return weir_session_close(session);
    case WEIR_CONTROL_ALERT:
        weir_session_fail_with_alert(session, wish->alert);
        break;
    case WEIR_CONTROL_HANDSHAKE:
    case WEIR_CONTROL_NONE:
        break;
    }
    return WEIR_OK;
}

/* WEIR_NEED_OUTPUT: not done, to be tried again. Everything else: done with. */
static weir_status carry_out(struct weir_session *session, const struct weir_control *wish,
                             const struct room *room)
{
    size_t made = 0;

    if (wish->kind != WEIR_CONTROL_HANDSHAKE)
        return tell(session, wish);
    weir_status status = weir_session_send_handshake(
        session, wish->data, wish->len, room->out + *room->made, room->cap - *room->made, &made);
    *room->made += made;
    return status;
}

/* What waits in the session goes first: the epochs are then those of the next message. */
static weir_status collect(struct weir_handshake *hs, struct weir_session *session)
{
    hs->epochs(hs, weir_tx_position(weir_session_tx(session)).epoch,
               weir_rx_position(weir_session_rx(session)).epoch);
    weir_status status = hs->collect(hs, &hs->pending);
    if (status < 0)
        weir_session_fail(session, status);
    if (status != WEIR_OK)
        hs->pending = (struct weir_control){.kind = WEIR_CONTROL_NONE};
    return status;
}

weir_status weir_loop_pump(struct weir_handshake *hs, struct weir_session *session, uint8_t *out,
                           size_t out_cap, size_t *made)
{
    const struct room room = {out, out_cap, made};
    weir_status refused = WEIR_OK;

    *made = 0;
    for (;;) {
        weir_status status = flush(session, &room);
        if (status == WEIR_NEED_OUTPUT)
            return status;
        if (weir_session_status(session) < 0)
            return weir_session_status(session);
        if (refused != WEIR_OK)
            return refused;
        if (hs->pending.kind == WEIR_CONTROL_NONE) {
            status = collect(hs, session);
            if (status == WEIR_OK && hs->pending.kind == WEIR_CONTROL_NONE)
                return WEIR_OK;
        }
        if (status == WEIR_OK)
            status = carry_out(session, &hs->pending, &room);
        if (status == WEIR_NEED_OUTPUT)
            return status;
        hs->pending = (struct weir_control){.kind = WEIR_CONTROL_NONE};
        refused = status;
    }
}

weir_status weir_loop_message(struct weir_handshake *hs, struct weir_session *session,
                              const uint8_t **message, size_t *len)
{
    weir_status status = WEIR_OK;

    *message = NULL;
    *len = 0;
    for (;;) {
        if (weir_session_wants_flush(session))
            return WEIR_NEED_OUTPUT;
        if (weir_session_status(session) < 0)
            return weir_session_status(session);
        if (hs->pending.kind == WEIR_CONTROL_NONE) {
            status = collect(hs, session);
            if (status < 0)
                continue; /* the session has failed, and may have an alert for it */
            if (status != WEIR_OK || hs->pending.kind == WEIR_CONTROL_NONE)
                return status;
        }
        if (hs->pending.kind == WEIR_CONTROL_HANDSHAKE) {
            *message = hs->pending.data;
            *len = hs->pending.len;
            return WEIR_OK;
        }
        status = tell(session, &hs->pending);
        hs->pending = (struct weir_control){.kind = WEIR_CONTROL_NONE};
        if (status != WEIR_OK)
            return status;
    }
}

void weir_loop_message_sent(struct weir_handshake *hs)
{
    hs->pending = (struct weir_control){.kind = WEIR_CONTROL_NONE};
}
