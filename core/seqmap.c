/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The runs are a ring in the caller's array, in the order of the stream. Whatever is compared is a
 * distance from the oldest byte held; these stay below 2^31 and so do not care where 2^32 is.
 */
#include <weir/seqmap.h>

#if WEIR_HAS_PACKET

static struct weir_seqmap_run *run_at(const struct weir_seqmap *map, uint32_t index)
{
    uint32_t left = map->capacity - map->first;

    return &map->runs[index < left ? map->first + index : index - left];
}

/* The explicit nonce of the record `further` records behind the run's first. */
static uint64_t nonce_of(const struct weir_seqmap_run *run, uint32_t further)
{
    switch ((weir_nonce_rule)run->nonce_rule) {
    case WEIR_NONCE_SEQ:
    case WEIR_NONCE_COUNTER:
        return run->explicit_nonce + further;
    case WEIR_NONCE_XOR:
        return run->explicit_nonce ^ run->number ^ (run->number + further);
    case WEIR_NONCE_IMPLICIT:
    case WEIR_NONCE_RANDOM:
        break;
    }
    return run->explicit_nonce;
}

static bool nonce_fits_rule(const struct weir_position *at)
{
    switch ((weir_nonce_rule)at->nonce_rule) {
    case WEIR_NONCE_IMPLICIT:
        return at->explicit_nonce == 0;
    case WEIR_NONCE_SEQ:
        return at->explicit_nonce == at->seq;
    case WEIR_NONCE_COUNTER:
    case WEIR_NONCE_XOR:
    case WEIR_NONCE_RANDOM:
        return true;
    }
    return false;
}

static bool follows(const struct weir_seqmap *map, const struct weir_position *at)
{
    if (!at->tcp_known || at->unsure != 0 || at->tcp_seq != map->end)
        return false;
    if (!map->begun)
        return true;
    if (at->epoch == map->epoch)
        /* RFC 8446 section 5.3: "Sequence numbers MUST NOT wrap." */
        return at->seq == map->next && at->seq != 0;
    return at->epoch == (uint32_t)map->epoch + 1 && at->seq == 0;
}

/* Whether the record, which follows on the run, can become a part of it. */
static bool extends(const struct weir_seqmap_run *run, const struct weir_position *at, uint32_t len)
{
    return run->len == len && run->epoch == at->epoch && run->nonce_rule == at->nonce_rule &&
           at->nonce_rule != WEIR_NONCE_RANDOM && nonce_of(run, run->count) == at->explicit_nonce;
}

void weir_seqmap_init(struct weir_seqmap *map, struct weir_seqmap_run *runs, uint32_t capacity,
                      uint32_t tcp_seq)
{
    map->runs = runs;
    map->capacity = capacity;
    weir_seqmap_restart(map, tcp_seq);
}

void weir_seqmap_restart(struct weir_seqmap *map, uint32_t tcp_seq)
{
    map->first = 0;
    map->used = 0;
    map->end = tcp_seq;
    map->next = 0;
    map->epoch = 0;
    map->begun = false;
}

uint32_t weir_seqmap_start(const struct weir_seqmap *map)
{
    return map->used > 0 ? run_at(map, 0)->tcp_seq : map->end;
}

weir_status weir_seqmap_add(struct weir_seqmap *map, const struct weir_position *at, uint32_t len)
{
    uint32_t held = map->end - weir_seqmap_start(map);
    struct weir_seqmap_run *run = map->used > 0 ? run_at(map, map->used - 1) : NULL;

    if (!follows(map, at) || !nonce_fits_rule(at) || len < WEIR_SEQMAP_LEAST ||
        len > WEIR_MAX_RECORD)
        return WEIR_E_MISUSE;
    if (held > WEIR_SEQMAP_SPAN - len)
        return WEIR_NEED_OUTPUT;

    if (run && extends(run, at, len)) {
        run->count++;
    } else if (map->used < map->capacity) {
        run = run_at(map, map->used);
        run->number = at->seq;
        run->explicit_nonce = at->explicit_nonce;
        run->tcp_seq = at->tcp_seq;
        run->len = len;
        run->count = 1;
        run->epoch = at->epoch;
        run->nonce_rule = at->nonce_rule;
        map->used++;
    } else {
        return WEIR_NEED_OUTPUT;
    }
    map->end += len;
    map->next = at->seq + 1;
    map->epoch = at->epoch;
    map->begun = true;
    return WEIR_OK;
}

static weir_seqmap_place place_of(const struct weir_seqmap *map, uint32_t tcp_seq)
{
    uint32_t start = weir_seqmap_start(map), distance = tcp_seq - start;

    if (distance < map->end - start)
        return WEIR_SEQMAP_HELD;
    return distance > WEIR_SEQMAP_SPAN ? WEIR_SEQMAP_PASSED : WEIR_SEQMAP_AHEAD;
}

/* The index of the run that holds a byte; the byte is held. */
static uint32_t index_of(const struct weir_seqmap *map, uint32_t tcp_seq)
{
    uint32_t start = weir_seqmap_start(map), distance = tcp_seq - start;
    uint32_t low = 0, behind = map->used;

    while (behind - low > 1) {
        uint32_t middle = low + (behind - low) / 2;

        if (run_at(map, middle)->tcp_seq - start <= distance)
            low = middle;
        else
            behind = middle;
    }
    return low;
}

weir_seqmap_place weir_seqmap_find(const struct weir_seqmap *map, uint32_t tcp_seq,
                                   struct weir_seqmap_record *record)
{
    weir_seqmap_place place = place_of(map, tcp_seq);

    if (place != WEIR_SEQMAP_HELD)
        return place;
    const struct weir_seqmap_run *run = run_at(map, index_of(map, tcp_seq));
    uint32_t distance = tcp_seq - run->tcp_seq, further = distance / run->len;

    record->number = run->number + further;
    record->explicit_nonce = nonce_of(run, further);
    record->tcp_seq = run->tcp_seq + further * run->len;
    record->len = run->len;
    record->offset = distance - further * run->len;
    record->epoch = run->epoch;
    record->nonce_rule = run->nonce_rule;
    return WEIR_SEQMAP_HELD;
}

weir_status weir_seqmap_trim(struct weir_seqmap *map, uint32_t acked)
{
    weir_seqmap_place place = place_of(map, acked);

    if (acked == map->end) {
        map->first = 0;
        map->used = 0;
        return WEIR_OK;
    }
    if (place != WEIR_SEQMAP_HELD)
        return place == WEIR_SEQMAP_PASSED ? WEIR_OK : WEIR_E_MISUSE;

    uint32_t gone = index_of(map, acked);
    struct weir_seqmap_run *run = run_at(map, gone);
    uint32_t records = (acked - run->tcp_seq) / run->len;

    map->first = (uint32_t)(run - map->runs);
    map->used -= gone;
    run->explicit_nonce = nonce_of(run, records);
    run->number += records;
    run->tcp_seq += records * run->len;
    run->count -= records;
    return WEIR_OK;
}

#endif
