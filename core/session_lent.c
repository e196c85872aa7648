/* SPDX-License-Identifier: BSD-2-Clause */
/* A session that sends out of memory which its caller lends. */
#include "session.h"

weir_status weir_session_send_lent(struct weir_session *session, uint8_t *text, size_t len,
                                   uint8_t *out, size_t out_cap, size_t *taken, size_t *made)
{
    struct session *s = (struct session *)(void *)session;
    size_t here = 0;

    *taken = 0;
    *made = 0;
    weir_status status = weir_session_ready_to_send(s);
    if (status == WEIR_OK && s->want != 0)
        status = weir_session_flush(session, out, out_cap, made);
    if (status != WEIR_OK)
        return status;
    status = weir_tx_seal_lent(s->tx, WEIR_TYPE_DATA, text, len, out + *made, out_cap - *made,
                               taken, &here);
    *made += here;
    return weir_session_data_sent(s, status);
}
