/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Records that are framed here and encrypted on their way out, TCP segment by TCP segment
 * (WEIR_FORM_PACKET). All but what stands here is as where records are sealed at once.
 */
#include "direction.h"

#if WEIR_HAS_OFFLOAD && WEIR_HAS_PACKET

bool weir_direction_locate(struct direction *d, const struct weir_move *move,
                           struct weir_refusal *why)
{
    struct weir_position *at = &d->keys.at;

    if (move->backend->form != WEIR_FORM_PACKET)
        return true;
    if (move->tcp_known) {
        at->tcp_seq = move->tcp_seq;
        at->tcp_known = true;
    }
    return at->tcp_known || weir_direction_refuse(why, WEIR_REFUSAL_TCP_SEQ, 0);
}

weir_status weir_direction_frame(struct direction *d, size_t wire, size_t together)
{
    if (d->attached != HELD_PACKET)
        return WEIR_OK;
    weir_status status = d->backend->frame(d->backend, d->ctx, &d->keys.at, (uint32_t)wire,
                                           together < UINT32_MAX ? (uint32_t)together : UINT32_MAX);
    if (status == WEIR_OK || status == WEIR_NEED_OUTPUT)
        return status;
    return weir_direction_end(d, status < 0 ? status : WEIR_E_BACKEND);
}

#endif
