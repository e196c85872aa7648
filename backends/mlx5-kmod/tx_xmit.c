/* SPDX-License-Identifier: BSD-2-Clause */
/* The way of a segment out: where it lies, who encrypts it, and what that does to the counters. */
#include "tx_inside.h"

/* Segments over which the share of those out of order is averaged, as a shift. */
#define LOSS_SHIFT 6u
#define LOSS_ALL   65536u

static bool segment_stands(const struct weir_mlx5_segment *segment,
                           const struct weir_mlx5_sq *queue)
{
    uint64_t len = 0;

    if (queue == NULL)
        return true;
    for (uint32_t i = 0; i < segment->pieces; i++)
        len += segment->data[i].len;
    return segment->headers != NULL && segment->headers_len >= WEIR_MLX5_LEAST_HEADERS &&
           len == segment->len;
}

static weir_status dropped(const struct tx_call *call)
{
    struct weir_mlx5_tx_counters *counters = &call->tx->counters;

    if (call->sent->why.code == WEIR_REFUSAL_RESOURCES)
        counters->tx_queue_full++;
    else
        counters->tx_error++;
    return WEIR_REFUSED;
}

/* Whether the queue has so many blocks besides those of the packet. */
static bool has_room(const struct tx_call *call, uint32_t blocks)
{
    if (weir_mlx5_sq_room(call->queue) >= WEIR_MLX5_SQ_PACKET + blocks)
        return true;
    (void)tx_refuse(&call->sent->why, WEIR_REFUSAL_RESOURCES, WEIR_MLX5_SQ_PACKET + blocks);
    call->sent->why.transient = true;
    return false;
}

/* Writes the packet's entry; there is room for it. False: it cannot be one entry. */
static bool post(const struct tx_call *call, uint32_t tisn, const struct weir_mlx5_data *data,
                 uint32_t pieces)
{
    struct weir_mlx5_sq *queue = call->queue;
    const struct weir_mlx5_packet packet = {
        .tisn = tisn,
        .headers = call->segment->headers,
        .headers_len = call->segment->headers_len,
        .mss = call->segment->len > 0 ? call->segment->mss : 0,
        .sums = call->segment->sums,
        .data = data,
        .pieces = pieces,
    };
    uint8_t flags = queue->silent >= queue->signal ? WEIR_MLX5_COMPLETE : 0;
    weir_status status = WEIR_NEED_OUTPUT;
    struct weir_mlx5_at at;
    uint32_t blocks = 0;
    size_t room = 0;

    for (unsigned i = 0; i < 2 && status == WEIR_NEED_OUTPUT; i++) {
        weir_mlx5_sq_edge(queue, blocks); /* none the first time: its length is not known yet */
        uint8_t *p = weir_mlx5_sq_next(queue, flags, &at, &room);

        status = weir_mlx5_send(p, room, &at, &packet, &blocks);
    }
    if (status != WEIR_OK)
        return false;
    weir_mlx5_sq_wrote(queue, blocks);
    if (flags != 0)
        queue->silent = 0;
    call->sent->posted = true;
    call->sent->until = queue->produced;
    return true;
}

static weir_status as_it_is(const struct tx_call *call)
{
    if (call->queue != NULL) {
        const struct weir_mlx5_sq before = *call->queue;

        if (!has_room(call, 0))
            return dropped(call);
        if (!post(call, 0, call->segment->data, call->segment->pieces)) {
            *call->queue = before;
            return WEIR_E_MISUSE;
        }
    }
    call->sent->way = WEIR_MLX5_UNTOUCHED;
    call->tx->counters.tx_untouched++;
    return WEIR_OK;
}

enum place { IN_RECORDS, BEFORE_OFFLOAD, NOWHERE };

/* Where the segment lies: the record of its first byte, or why it may not go out. */
static enum place locate(const struct tx_call *call, struct weir_seqmap_record *record)
{
    const struct tx *tx = call->tx;
    struct weir_refusal *why = &call->sent->why;
    uint32_t seq = call->segment->tcp_seq, len = call->segment->len;
    weir_seqmap_place place = weir_seqmap_find(&tx->map, seq, record);

    if (place == WEIR_SEQMAP_AHEAD) {
        (void)tx_refuse(why, WEIR_REFUSAL_AHEAD, seq - tx->map.end);
        return NOWHERE;
    }
    if (place == WEIR_SEQMAP_PASSED) {
        uint32_t oldest = weir_seqmap_start(&tx->map);

        if (len > oldest - seq)
            (void)tx_refuse(why, WEIR_REFUSAL_STRADDLES, len - (oldest - seq));
        else if (!tx->start_passed)
            return BEFORE_OFFLOAD;
        else
            (void)tx_refuse(why, WEIR_REFUSAL_PASSED, oldest - seq);
        return NOWHERE;
    }
    if (len > tx->map.end - seq) {
        (void)tx_refuse(why, WEIR_REFUSAL_STRADDLES, len - (tx->map.end - seq));
        return NOWHERE;
    }
    return IN_RECORDS;
}

/* Whether the card has a key for the segment, and only one is needed. */
static bool card_has_key(const struct tx_call *call, const struct weir_seqmap_record *record)
{
    struct tx *tx = call->tx;
    const struct tx_epoch *epoch = tx_epoch_of(tx, record->epoch);
    struct weir_seqmap_record last;

    if (call->queue == NULL || tx->lost || tx->tisn == 0 || epoch == NULL || !epoch->has_dek)
        return false;
    if (weir_seqmap_find(&tx->map, call->segment->tcp_seq + call->segment->len - 1, &last) !=
            WEIR_SEQMAP_HELD ||
        last.epoch != record->epoch)
        return false;
    /* It does not go back to a key that it has left: the old one is for what is sent again. */
    return !tx->params_known || tx->params_epoch == record->epoch || epoch == &tx->epochs[tx->now];
}

/* Whether what the card knows of the direction still holds in this queue. */
static void look_at_queue(const struct tx_call *call)
{
    struct tx *tx = call->tx;

    tx_look_at_queue(tx, call->queue);
    if (call->queue != NULL && tx->params_known &&
        (tx->queue != call->queue->number || tx->queue_since != call->queue->began))
        weir_mlx5_tx_reset(tx);
}

/* The share of segments that were not where the card stood. */
static void note_order(struct tx *tx, bool in_order)
{
    uint32_t target = in_order ? 0 : LOSS_ALL;

    tx->loss = tx->loss - (tx->loss >> LOSS_SHIFT) + (target >> LOSS_SHIFT);
}

static bool policy_says_card(const struct tx_call *call, const struct tx_plan *plan)
{
    const struct weir_mlx5_tx_config *config = &call->tx->port->config;
    const struct tx *tx = call->tx;
    bool behind = tx->placed && tx_before(call->segment->tcp_seq, tx->expected);
    bool cheap = plan->bytes <= call->segment->len;

    if (plan->way == WEIR_MLX5_IN_ORDER || config->policy == WEIR_MLX5_RESYNC)
        return true;
    if (behind || cheap || config->policy == WEIR_MLX5_FALLBACK)
        return !behind && cheap;
    bool lossy =
        config->most_lost > 0 && (uint64_t)tx->loss * 1000 > (uint64_t)config->most_lost * LOSS_ALL;
    return !lossy && (config->most_dump == 0 || plan->bytes <= config->most_dump);
}

/* Bytes that were sent before, or are read again, are still what they were. */
static bool unchanged(const struct tx_call *call, const struct tx_plan *plan)
{
    const struct tx *tx = call->tx;
    uint32_t seq = call->segment->tcp_seq, len = call->segment->len;
    uint8_t type = 0;

    if (tx->checks == NULL)
        return true;
    if (tx_before(seq, tx->high)) {
        uint32_t again = tx->high - seq;

        return weir_mlx5_tx_genuine_all(call, seq, again < len ? again : len);
    }
    return plan == NULL || plan->bytes == 0 || weir_mlx5_tx_genuine(call, &plan->record, &type);
}

static void sent_up_to(struct tx *tx, uint32_t end)
{
    if (tx_before(tx->high, end))
        tx->high = end;
}

static void card_did(const struct tx_call *call, const struct tx_plan *plan)
{
    struct tx *tx = call->tx;
    const struct weir_mlx5_segment *segment = call->segment;
    struct weir_mlx5_tx_counters *counters = &tx->counters;
    struct tx_epoch *epoch = tx_epoch_of(tx, plan->record.epoch);
    /* Linux counts only what is out of order; to FreeBSD the first segment is. */
    bool first = !tx->posted && segment->tcp_seq == tx->start &&
                 tx->port->config.driver == WEIR_MLX5_AS_LINUX;

    if (plan->way == WEIR_MLX5_START) {
        tx->params_known = true;
        tx->params_record = plan->record.number;
        tx->params_epoch = plan->record.epoch;
        tx->queue = call->queue->number;
        tx->queue_since = call->queue->began;
    }
    if (plan->way != WEIR_MLX5_IN_ORDER && !first)
        counters->tx_packets_ooo++;
    counters->tx_bytes_ooo += plan->bytes;
    counters->tx_packets++;
    counters->tx_bytes += (uint64_t)segment->headers_len + segment->len;
    tx->placed = true;
    tx->posted = true;
    tx->expected = segment->tcp_seq + segment->len;
    tx->used_until = call->sent->until;
    epoch->used_until = call->sent->until;
    call->sent->way = WEIR_MLX5_DEVICE;
    call->sent->recovery = plan->way;
    call->sent->dumped = plan->bytes;
    sent_up_to(tx, tx->expected);
}

/* By the card; there is room. All or nothing: before the doorbell nothing written counts. */
static weir_status by_card(const struct tx_call *call, const struct tx_plan *plan)
{
    const struct weir_mlx5_sq before = *call->queue;

    if (!unchanged(call, plan))
        return dropped(call);
    if (!weir_mlx5_tx_recover(call, plan)) {
        *call->queue = before;
        return dropped(call);
    }
    if (!post(call, call->tx->tisn, call->segment->data, call->segment->pieces)) {
        *call->queue = before;
        return WEIR_E_MISUSE;
    }
    card_did(call, plan);
    return WEIR_OK;
}

static weir_status by_software(const struct tx_call *call, const struct weir_seqmap_record *first)
{
    struct tx *tx = call->tx;
    const struct weir_mlx5_segment *segment = call->segment;

    call->sent->why = (struct weir_refusal){.code = WEIR_REFUSAL_NONE};
    if ((call->queue != NULL && !has_room(call, 0)) || !unchanged(call, NULL) ||
        !weir_mlx5_tx_encrypt(call, first))
        return dropped(call);
    if (call->queue != NULL) {
        const struct weir_mlx5_data data = {call->bounce->address, call->bounce->lkey,
                                            segment->len};
        const struct weir_mlx5_sq before = *call->queue;

        if (!post(call, 0, &data, 1)) {
            *call->queue = before;
            weir_wipe(call->bounce->bytes, segment->len);
            return WEIR_E_MISUSE;
        }
    }
    call->sent->way = WEIR_MLX5_SOFTWARE;
    tx->counters.tx_software++;
    tx->counters.tx_software_bytes += segment->len;
    sent_up_to(tx, segment->tcp_seq + segment->len);
    return WEIR_OK;
}

/* A segment of records. */
static weir_status protect(const struct tx_call *call, const struct weir_seqmap_record *record)
{
    struct tx *tx = call->tx;
    struct tx_plan plan;

    if (!card_has_key(call, record))
        return by_software(call, record);
    weir_mlx5_tx_plan(call, record, &plan);
    if (tx->placed)
        note_order(tx, plan.way == WEIR_MLX5_IN_ORDER);
    if (!policy_says_card(call, &plan))
        return by_software(call, record);
    if (weir_mlx5_tx_plan_blocks(call, &plan) && has_room(call, plan.blocks))
        return by_card(call, &plan);
    return tx->port->config.policy == WEIR_MLX5_RESYNC ? dropped(call) : by_software(call, record);
}

weir_status weir_mlx5_tx_xmit(void *ctx, const struct weir_mlx5_stream *stream,
                              const struct weir_mlx5_segment *segment, struct weir_mlx5_sq *queue,
                              const struct weir_mlx5_bounce *bounce, struct weir_mlx5_sent *sent)
{
    struct tx *tx = ctx;
    struct weir_seqmap_record record;
    const struct tx_call call = {
        .tx = tx,
        .stream = stream,
        .segment = segment,
        .queue = queue == NULL || queue->failed ? NULL : queue,
        .bounce = bounce,
        .sent = sent,
    };

    *sent = (struct weir_mlx5_sent){.way = WEIR_MLX5_DROPPED};
    if (!segment_stands(segment, call.queue))
        return WEIR_E_MISUSE;
    if (segment->len == 0)
        return as_it_is(&call);
    if (tx->dead < 0) {
        tx->counters.tx_error++;
        return (weir_status)tx->dead;
    }
    tx->is_genuine = false;
    look_at_queue(&call);
    switch (locate(&call, &record)) {
    case IN_RECORDS:
        return protect(&call, &record);
    case BEFORE_OFFLOAD:
        return as_it_is(&call);
    case NOWHERE:
        break;
    }
    return dropped(&call);
}
