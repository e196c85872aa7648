/* SPDX-License-Identifier: BSD-2-Clause */
/* A session whose records are opened in another thread than that which sends. */
#include "session.h"

weir_status weir_session_opened(struct weir_session *session, weir_status opened, bool data_before,
                                struct weir_record *records, size_t count, size_t *kept)
{
    struct session *s = (struct session *)(void *)session;
    weir_status verdict = WEIR_OK;

    *kept = 0;
    if (s->status != WEIR_OK)
        return (weir_status)s->status;
    if (data_before)
        s->key_updates = s->warnings = s->handshakes = 0;
    if (opened < 0)
        verdict = weir_session_failed(s, opened);
    else if (count > 0)
        *kept = weir_session_sort_out(s, records, count, &verdict);
    weir_session_ask_for_key_update(s);
    if (verdict != WEIR_OK)
        return *kept > 0 ? WEIR_OK : verdict;
    return opened;
}
