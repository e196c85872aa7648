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

/* WEIR_NEED_OUTPUT: not done, to be tried again. Everything else: done with. */
static weir_status carry_out(struct weir_session *session, const struct weir_control *wish,
                             const struct room *room)
{
    struct weir_refusal why;
    size_t made = 0;
    weir_status status = WEIR_OK;

    switch (wish->kind) {
    case WEIR_CONTROL_HANDSHAKE:
        status =
            weir_session_send_handshake(session, wish->data, wish->len, room->out + *room->made,
                                        room->cap - *room->made, &made);
        *room->made += made;
        break;
    case WEIR_CONTROL_KEY_UPDATE:
        status = weir_session_key_update(session, wish->request_peer, &why);
        break;
    case WEIR_CONTROL_CLOSE:
        status = weir_session_close(session);
        break;
    case WEIR_CONTROL_ALERT:
        weir_session_fail_with_alert(session, wish->alert);
        break;
    case WEIR_CONTROL_NONE:
        break;
    }
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
