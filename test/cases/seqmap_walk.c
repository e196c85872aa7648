/* SPDX-License-Identifier: BSD-2-Clause */
#include "seqmap_walk.h"

#define MOST_RECORDS 48u
#define MOST_RUNS    12u

/* One record of the list; `start` is a byte count that does not wrap. */
struct entry {
    uint64_t start, number, nonce;
    uint32_t len;
    uint16_t epoch;
    uint8_t rule;
};

struct walk {
    struct test *t;
    uint64_t random;
    struct weir_seqmap map;
    struct weir_seqmap_run runs[MOST_RUNS];
    struct entry list[MOST_RECORDS];
    size_t count;
    uint64_t end;
    struct entry next; /* what the sender goes on with */
    uint64_t mask;     /* of WEIR_NONCE_XOR */
    struct seqmap_seen seen;
};

static uint32_t below(struct walk *w, uint32_t bound)
{
    return (uint32_t)(((test_random(&w->random) >> 32) * bound) >> 32);
}

static uint64_t start_of(const struct walk *w)
{
    return w->count > 0 ? w->list[0].start : w->end;
}

static bool same_status(struct walk *w, weir_status got, weir_status wanted, uint32_t line)
{
    return test_check_eq(w->t, (uint64_t)got, (uint64_t)wanted, TEST_VALUES_STATUS, __FILE__, line,
                         "the status of the list");
}

static uint32_t random_len(struct walk *w)
{
    static const uint32_t usual[] = {WEIR_SEQMAP_LEAST, 1460, 16406, WEIR_MAX_RECORD};

    if (below(w, 3) > 0)
        return usual[below(w, 4)];
    return WEIR_SEQMAP_LEAST + below(w, WEIR_MAX_RECORD - WEIR_SEQMAP_LEAST + 1);
}

static uint64_t random_nonce(struct walk *w, const struct entry *e)
{
    switch ((weir_nonce_rule)e->rule) {
    case WEIR_NONCE_IMPLICIT:
        return 0;
    case WEIR_NONCE_SEQ:
        return e->number;
    case WEIR_NONCE_XOR:
        return e->number ^ w->mask;
    case WEIR_NONCE_COUNTER:
    case WEIR_NONCE_RANDOM:
        break;
    }
    return test_random(&w->random);
}

/* A new stream, most often just before the wrap. */
static void restart(struct walk *w)
{
    uint32_t seq = below(w, 4) > 0 ? 0u - below(w, 200000) : (uint32_t)test_random(&w->random);

    w->count = 0;
    /* Far from 0, so that what has passed is a number too. */
    w->end = ((uint64_t)8 << 32) + seq;
    w->mask = test_random(&w->random);
    w->next = (struct entry){.number = below(w, 2) ? 0 : test_random(&w->random) >> 1,
                             .len = random_len(w),
                             .epoch = (uint16_t)below(w, 3),
                             .rule = (uint8_t)below(w, 5)};
    w->next.nonce = random_nonce(w, &w->next);
    weir_seqmap_init(&w->map, w->runs, 1 + below(w, MOST_RUNS), seq);
}

/* Whether the list's last record and the next one make one run. */
static bool one_run(const struct walk *w, const struct entry *a, const struct entry *b)
{
    if (a->len != b->len || a->epoch != b->epoch || a->rule != b->rule)
        return false;
    switch ((weir_nonce_rule)a->rule) {
    case WEIR_NONCE_IMPLICIT:
    case WEIR_NONCE_SEQ:
        return true;
    case WEIR_NONCE_COUNTER:
        return b->nonce == a->nonce + 1;
    case WEIR_NONCE_XOR:
        return b->nonce == (w->mask ^ b->number) && a->nonce == (w->mask ^ a->number);
    case WEIR_NONCE_RANDOM:
        break;
    }
    return false;
}

static uint32_t runs_of(const struct walk *w)
{
    uint32_t runs = w->count > 0;

    for (size_t i = 1; i < w->count; i++)
        runs += !one_run(w, &w->list[i - 1], &w->list[i]);
    return runs;
}

/* What the sender does behind a record it has added. */
static void go_on(struct walk *w)
{
    struct entry *e = &w->next;

    e->number++;
    if (e->rule == WEIR_NONCE_COUNTER)
        e->nonce++;
    else
        e->nonce = random_nonce(w, e);
    if (below(w, 40) == 0) {
        e->epoch++;
        e->number = 0;
        e->nonce = random_nonce(w, e);
        w->seen.epochs++;
    }
    if (below(w, 50) == 0) {
        e->rule = (uint8_t)below(w, 5);
        e->nonce = random_nonce(w, e);
    }
    /* A sender of which nobody knows how it comes to its nonces. */
    if (below(w, 60) == 0 && e->rule == WEIR_NONCE_COUNTER)
        e->nonce = test_random(&w->random);
    if (below(w, 8) == 0)
        e->len = random_len(w);
}

static bool add(struct walk *w)
{
    const struct entry *e = &w->next;
    struct weir_position at = {.seq = e->number,
                               .explicit_nonce = e->nonce,
                               .tcp_seq = (uint32_t)w->end,
                               .epoch = e->epoch,
                               .nonce_rule = e->rule,
                               .tcp_known = true};
    bool merges = w->count > 0 && one_run(w, &w->list[w->count - 1], e);
    weir_status wanted = merges || runs_of(w) < w->map.capacity ? WEIR_OK : WEIR_NEED_OUTPUT;

    if (w->count == MOST_RECORDS)
        return true;
    weir_status got = weir_seqmap_add(&w->map, &at, e->len);
    if (!same_status(w, got, wanted, __LINE__))
        return false;
    w->seen.full += got == WEIR_NEED_OUTPUT;
    if (got != WEIR_OK)
        return true;
    w->seen.added++;
    w->seen.merged += merges;
    w->seen.wraps += (w->end >> 32) != ((w->end + e->len) >> 32);
    w->list[w->count] = *e;
    w->list[w->count++].start = w->end;
    w->end += e->len;
    go_on(w);
    return true;
}

/* A record that does not go on where the last one ended. */
static bool add_wrong(struct walk *w)
{
    struct weir_position at = {.seq = w->next.number,
                               .explicit_nonce = w->next.nonce,
                               .tcp_seq = (uint32_t)w->end,
                               .epoch = w->next.epoch,
                               .nonce_rule = w->next.rule,
                               .tcp_known = true};
    uint32_t len = w->next.len;

    switch (below(w, 5)) {
    case 0:
        at.tcp_seq += 1 + below(w, UINT32_MAX);
        break;
    case 1:
        at.tcp_known = false;
        break;
    case 2:
        at.unsure = 1;
        break;
    case 3:
        len = below(w, WEIR_SEQMAP_LEAST);
        break;
    default:
        len = WEIR_MAX_RECORD + 1 + below(w, 100000);
        break;
    }
    w->seen.refused++;
    return same_status(w, weir_seqmap_add(&w->map, &at, len), WEIR_E_MISUSE, __LINE__);
}

/* A byte count to ask for: mostly one that is held, or next to such a one. */
static uint64_t somewhere(struct walk *w)
{
    uint32_t span = (uint32_t)(w->end - start_of(w));

    switch (below(w, 16)) {
    case 0:
        return start_of(w) - 1 - below(w, 0x80000000u);
    case 1:
        return w->end + below(w, 0x80000000u - span);
    case 2:
        return start_of(w) - 1;
    case 3:
        return w->end;
    case 4:
        return w->count > 0 ? w->list[below(w, (uint32_t)w->count)].start : w->end;
    case 5:
        return w->count > 0 ? w->list[below(w, (uint32_t)w->count)].start - 1 : w->end;
    default:
        return start_of(w) + below(w, span + 1);
    }
}

static bool same_record(struct walk *w, const struct weir_seqmap_record *got,
                        const struct entry *wanted, uint64_t byte)
{
    return test_check(w->t,
                      got->number == wanted->number && got->explicit_nonce == wanted->nonce &&
                          got->tcp_seq == (uint32_t)wanted->start && got->len == wanted->len &&
                          got->offset == byte - wanted->start && got->epoch == wanted->epoch &&
                          got->nonce_rule == wanted->rule,
                      TEST_HERE, "the record of the list");
}

static bool find(struct walk *w)
{
    uint64_t byte = somewhere(w);
    struct weir_seqmap_record record;
    weir_seqmap_place wanted = byte < start_of(w) ? WEIR_SEQMAP_PASSED : WEIR_SEQMAP_AHEAD;
    size_t i = 0;

    while (i < w->count && (byte < w->list[i].start || byte >= w->list[i].start + w->list[i].len))
        i++;
    if (i < w->count)
        wanted = WEIR_SEQMAP_HELD;
    weir_seqmap_place got = weir_seqmap_find(&w->map, (uint32_t)byte, &record);
    if (!test_check_eq(w->t, (uint64_t)got, (uint64_t)wanted, TEST_VALUES_NUMBERS, TEST_HERE,
                       "place"))
        return false;
    w->seen.held += got == WEIR_SEQMAP_HELD;
    w->seen.passed += got == WEIR_SEQMAP_PASSED;
    w->seen.ahead += got == WEIR_SEQMAP_AHEAD;
    return got != WEIR_SEQMAP_HELD || same_record(w, &record, &w->list[i], byte);
}

static bool trim(struct walk *w)
{
    uint64_t byte = somewhere(w);
    size_t gone = 0;
    weir_status got = weir_seqmap_trim(&w->map, (uint32_t)byte);

    if (!same_status(w, got, byte > w->end ? WEIR_E_MISUSE : WEIR_OK, __LINE__))
        return false;
    while (got == WEIR_OK && gone < w->count && w->list[gone].start + w->list[gone].len <= byte)
        gone++;
    memmove(w->list, w->list + gone, (w->count - gone) * sizeof *w->list);
    w->count -= gone;
    w->seen.trimmed += gone;
    return true;
}

static bool step(struct walk *w)
{
    uint32_t kind = below(w, 128);
    bool same;

    if (kind < 48)
        same = add(w);
    else if (kind < 112)
        same = find(w);
    else if (kind < 122)
        same = trim(w);
    else if (kind < 127)
        same = add_wrong(w);
    else
        same = (restart(w), true);
    return same && test_check(w->t,
                              w->map.used == runs_of(w) && w->map.end == (uint32_t)w->end &&
                                  weir_seqmap_start(&w->map) == (uint32_t)start_of(w),
                              TEST_HERE, "runs, start and end of the list");
}

struct seqmap_seen seqmap_walk(struct test *t, uint64_t seed, uint64_t steps)
{
    struct walk w = {.t = t, .random = seed};

    restart(&w);
    while (w.seen.steps < steps) {
        t->at = w.seen.steps;
        if (!step(&w))
            break;
        w.seen.steps++;
    }
    return w.seen;
}
