/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Directions whose records are made below the socket (WEIR_FORM_STREAM): content goes in and comes
 * out with its type, and what became of it can be told in bounds only.
 */
#include "direction.h"
#include "mem.h"

#if WEIR_HAS_OFFLOAD

/* The most plaintext of one call; no operating system takes more. */
#define MOST_AT_ONCE 0x7ffff000u

/* Whether a question would tell something. A record that may be open is no reason to ask: its
 * number would be as unsure again. */
static bool worth_asking(const struct direction *d)
{
    return d->keys.at.unsure > (d->open == OPEN_UNKNOWN ? 1u : 0u) && d->backend->query != NULL &&
           !d->no_answer;
}

bool weir_direction_in_doubt(const struct direction *d, uint64_t limit)
{
    uint64_t blocks = d->keys.at.blocks;

    return blocks > limit && blocks - 2 * d->keys.at.unsure <= limit &&
           d->attached == HELD_STREAM && worth_asking(d);
}

weir_status weir_direction_stream(struct direction *d)
{
    struct weir_refusal why;

    if (d->attached != HELD_STREAM)
        return weir_direction_end(d, WEIR_E_MISUSE);
    if (d->doing != DOING_NOTHING)
        return WEIR_PENDING;
    /* Without a bound no limit holds. */
    if (d->bypassed && d->no_answer)
        return weir_direction_end(d, WEIR_E_BACKEND);
    if (d->bypassed) {
        weir_status asked = weir_direction_query(d, &why);
        return asked == WEIR_REFUSED ? weir_direction_end(d, WEIR_E_BACKEND) : asked;
    }
    if (!weir_direction_in_doubt(d, d->limit.soft) && !weir_direction_in_doubt(d, d->limit.hard))
        return WEIR_OK;
    weir_status status = weir_direction_query(d, &why);
    return status == WEIR_REFUSED ? WEIR_OK : status;
}

/* AEAD blocks that `bytes` of content in up to `most` records can have cost: each record has a
 * block for its tag and may begin a block that it does not fill. */
static uint64_t blocks_at_most(size_t bytes, uint64_t most)
{
    return bytes / 16 + 2 * most;
}

void weir_direction_count(struct direction *d, size_t bytes, uint64_t least, uint64_t most)
{
    struct weir_position *at = &d->keys.at;
    uint64_t more = blocks_at_most(bytes, most);

    at->seq += most;
    at->unsure += most - least;
    if (at->nonce_rule == WEIR_NONCE_SEQ || at->nonce_rule == WEIR_NONCE_COUNTER)
        at->explicit_nonce += d->receives ? 0 : most;
    at->blocks = at->blocks <= UINT64_MAX - more ? at->blocks + more : UINT64_MAX;
    at->tcp_known = false;
    d->exact = 0;
    d->counters.records += least;
    d->counters.wire_bytes += bytes + least * ((uint64_t)d->shape.prefix + d->shape.suffix);
}

/* The most records that `len` bytes of `type` may become. */
static uint64_t most_records(const struct direction *d, uint8_t type, size_t len)
{
    uint32_t bytes = (uint32_t)len; /* at most MOST_AT_ONCE */
    uint32_t most = bytes / d->backend->least_record + 1;

    if (type != WEIR_TYPE_DATA)
        return 1; /* see weir_tx_stream */
    return most < bytes ? most : bytes;
}

/* Whether the key may protect `len` bytes more, however they are cut. */
static bool room_for(const struct direction *d, uint8_t type, size_t len)
{
    uint64_t most = most_records(d, type, len);
    uint64_t reserve = type == WEIR_TYPE_DATA ? 0 : WEIR_RESERVE_BLOCKS;
    uint64_t last_seq = UINT64_MAX - (type == WEIR_TYPE_DATA ? WEIR_RESERVE_RECORDS : 0);
    uint64_t hard = d->limit.hard;
    uint64_t used = d->keys.at.blocks;
    uint64_t more = blocks_at_most(len, most);

    if (d->keys.at.seq >= last_seq || most > last_seq - d->keys.at.seq)
        return false;
    return more <= UINT64_MAX - used && (used + more <= hard || used + more - hard <= reserve);
}

weir_status weir_tx_stream(struct weir_tx *tx, uint8_t type, size_t len, struct weir_stream_op *op)
{
    struct direction *d = tx_inside(tx);
    struct weir_refusal why;

    *op = (struct weir_stream_op){0};
    if (d->status < 0 && (type == WEIR_TYPE_DATA || d->attached == HELD_NOT))
        return (weir_status)d->status;
    if (len == 0 || !weir_tx_sendable(type, len))
        return weir_direction_end(d, WEIR_E_MISUSE);
    weir_status status = weir_direction_stream(d);
    if (status != WEIR_OK)
        return status;
    if (len > MOST_AT_ONCE)
        len = MOST_AT_ONCE;
    /* One record a call, so that it goes whole or not at all. */
    if (type != WEIR_TYPE_DATA && len > d->record_limit)
        len = d->record_limit;
    if (!room_for(d, type, len) && worth_asking(d)) {
        status = weir_direction_query(d, &why);
        if (status != WEIR_OK && status != WEIR_REFUSED)
            return status;
    }
    while (!room_for(d, type, len) && len > 1 && type == WEIR_TYPE_DATA)
        len /= 2;
    if (!room_for(d, type, len))
        return weir_tx_limit_reached(d, type);
    op->len = len;
    d->backend->send(d->backend, d->ctx, type, op);
    if (op->len == 0 || op->len > len || (type != WEIR_TYPE_DATA && op->len != len))
        return weir_direction_end(d, WEIR_E_BACKEND);
    d->asked = (uint32_t)op->len;
    d->sending = type;
    return WEIR_OK;
}

/*
 * The least records that were closed. Content that was cut short may lie in an open record, which
 * what follows goes on with: data fills it up, anything else closes it first.
 */
static uint32_t least_records(struct direction *d, uint8_t type,
                              const struct weir_stream_done *done)
{
    bool known = d->open != 0 && d->open != OPEN_UNKNOWN;
    uint32_t before = known ? d->open - 1u : 0;
    uint32_t bytes = before + (uint32_t)done->len; /* at most MOST_AT_ONCE and a record */
    bool stays = d->open == OPEN_UNKNOWN;

    d->open = 0;
    if (type != WEIR_TYPE_DATA)
        return before > 0 ? 2 : 1;
    if (!done->cut)
        return (bytes + d->record_limit - 1) / d->record_limit;
    d->open = (uint16_t)(bytes % d->record_limit + 1);
    if (stays)
        d->open = OPEN_UNKNOWN;
    return bytes / d->record_limit;
}

weir_status weir_tx_sent(struct weir_tx *tx, const struct weir_stream_done *done)
{
    struct direction *d = tx_inside(tx);
    size_t asked = d->asked;
    uint8_t type = d->sending;

    if (d->attached != HELD_STREAM || asked == 0)
        return weir_direction_end(d, WEIR_E_MISUSE);
    d->asked = 0;
    weir_status status = d->backend->sent(d->backend, d->ctx, done);
    if (status == WEIR_NEED_OUTPUT || (status == WEIR_OK && done->len == 0))
        return WEIR_NEED_OUTPUT;
    if (status == WEIR_E_KEY_LIMIT || status == WEIR_E_IO)
        return weir_direction_end(d, status);
    if (status != WEIR_OK || done->len > asked)
        return weir_direction_end(d, WEIR_E_BACKEND);
    if (type != WEIR_TYPE_DATA && done->len != asked)
        return weir_direction_end(d, WEIR_E_IO); /* half a message is out: nothing can follow */

    uint64_t most = most_records(d, type, done->len);
    uint32_t least = least_records(d, type, done);
    weir_direction_count(d, done->len, least, most > least ? most : least);
    if (type != WEIR_TYPE_DATA)
        return WEIR_OK;
    d->counters.bytes += done->len;
    return weir_direction_status(d);
}

weir_status weir_rx_stream(struct weir_rx *rx, struct weir_stream_op *op)
{
    struct direction *d = rx_inside(rx);

    *op = (struct weir_stream_op){0};
    if (d->status < 0)
        return (weir_status)d->status;
    weir_status status = weir_direction_stream(d);
    if (status != WEIR_OK)
        return status;
    if (!blocks_allowed(d, d->keys.at.blocks, WEIR_RESERVE_BLOCKS))
        return weir_direction_end(d, WEIR_E_KEY_LIMIT);
    d->backend->receive(d->backend, d->ctx, op);
    return WEIR_OK;
}

/* How many records a piece of content counts as: where that is not told, each has a byte, and none
 * more than 16384. */
static void count_in(struct direction *d, const struct weir_stream_done *done,
                     const struct weir_stream_in *in)
{
    uint64_t least = in->records;
    uint64_t most = in->records;

    if (!in->counted) {
        least = done->len / WEIR_MAX_PLAINTEXT;
        if (least == 0 && done->end_of_record)
            least = 1;
        most = done->len > least ? done->len : least;
    }
    weir_direction_count(d, done->len, least, most);
    if (in->type == WEIR_TYPE_DATA)
        d->counters.bytes += done->len;
}

weir_status weir_rx_received(struct weir_rx *rx, const struct weir_stream_done *done, uint8_t *buf,
                             struct weir_record *out)
{
    struct direction *d = rx_inside(rx);
    struct weir_stream_in in = {0};

    *out = (struct weir_record){0};
    if (d->attached != HELD_STREAM || d->status < 0)
        return weir_direction_end(d, WEIR_E_MISUSE);
    /* A backend may know where it stands only when nothing is left to read: it is worth asking
     * again behind every call. */
    d->no_answer = 0;
    weir_status status = WEIR_OK;
    if (!done->spliced)
        status = d->backend->received(d->backend, d->ctx, done, &in);
    else if ((d->backend->caps & WEIR_CAP_SPLICE) == 0 || done->os_error != 0 || done->len == 0)
        return weir_direction_end(d, WEIR_E_MISUSE);
    else
        in.type = WEIR_TYPE_DATA;
    if (status == WEIR_NEED_INPUT || status == WEIR_CLOSED)
        return status;
    *out = (struct weir_record){.data = buf, .len = done->len, .type = in.type};
    if (status == WEIR_OK) {
        /* Beyond the limit the peer may still say its end. That this call has reached it may be the
         * bound only. */
        bool over = in.type == WEIR_TYPE_DATA && spent(d);
        count_in(d, done, &in);
        /* Records of data may come on end. */
        bool fits = in.type == WEIR_TYPE_DATA || out->len <= d->record_limit;
        status = over ? WEIR_E_KEY_LIMIT : fits ? weir_rx_judge(d, out) : WEIR_E_OVERFLOW;
    } else if (status > WEIR_OK) {
        status = WEIR_E_BACKEND;
    }
    if (status == WEIR_OK)
        return WEIR_OK;
    if (!done->spliced)
        weir_wipe(buf, done->len);
    *out = (struct weir_record){0};
    return weir_direction_end(d, status);
}

#endif
