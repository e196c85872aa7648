/* SPDX-License-Identifier: BSD-2-Clause */
/* A session that receives what a network interface has decrypted. */
#include "direction.h"
#include "session.h"

#if WEIR_HAS_PACKET

weir_status weir_session_receive_marked(struct weir_session *session, struct weir_marked *in)
{
    struct session *s = (struct session *)(void *)session;

    in->consumed = 0;
    in->count = 0;
    in->noted = 0;
    if (s->status == WEIR_CLOSED)
        in->consumed = in->len; /* RFC 8446 section 6.1: what follows "MUST be ignored" */
    if (s->status != WEIR_OK)
        return (weir_status)s->status;

    while (in->count < in->cap && in->noted < in->notes_cap) {
        struct weir_record *r = in->records + in->count;
        const size_t before = in->count;
        weir_status verdict = WEIR_OK;
        weir_status status = weir_rx_open_more(s->rx, in);
        const size_t n = in->count - before;

        in->count = before;
        if (status < 0)
            verdict = weir_session_failed(s, status);
        else if (n > 0)
            in->count += weir_session_sort_out(s, r, n, &verdict);
        weir_session_ask_for_key_update(s);
        /* Data that came before an end is given first; the next call answers the status. */
        if (verdict != WEIR_OK)
            return in->count > 0 ? WEIR_OK : verdict;
        if (status == WEIR_NEED_INPUT || status == WEIR_PENDING)
            return status;
        if (in->count > 0 && in->records[in->count - 1].type == WEIR_TYPE_HANDSHAKE)
            return WEIR_OK;
    }
    return WEIR_OK;
}

#endif
