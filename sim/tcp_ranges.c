/* SPDX-License-Identifier: BSD-2-Clause */
/* Ranges of sequence numbers: sorted, without overlaps, neighbours of one mark joined. */
#include "tcp_internal.h"

#include <string.h>

static void insert(struct tcp_range *ranges, size_t *count, size_t at, struct tcp_range r)
{
    memmove(ranges + at + 1, ranges + at, (*count - at) * sizeof *ranges);
    ranges[at] = r;
    (*count)++;
}

static void erase(struct tcp_range *ranges, size_t *count, size_t at)
{
    (*count)--;
    memmove(ranges + at, ranges + at + 1, (*count - at) * sizeof *ranges);
}

bool tcp_ranges_gap(const struct tcp_range *ranges, size_t count, uint32_t start, uint32_t end,
                    struct tcp_range *gap)
{
    for (size_t i = 0; i < count && sim_before(start, end); i++) {
        const struct tcp_range *r = &ranges[i];

        if (!sim_before(start, r->end))
            continue;
        if (sim_before(start, r->start)) {
            *gap = (struct tcp_range){start, sim_before(r->start, end) ? r->start : end, 0};
            return true;
        }
        start = r->end;
    }
    *gap = (struct tcp_range){start, end, 0};
    return sim_before(start, end);
}

/* Adds a range that overlaps none. */
static bool add_gap(struct tcp_range *ranges, size_t *count, struct tcp_range r)
{
    size_t at = 0;

    while (at < *count && sim_before(ranges[at].start, r.start))
        at++;
    if (at > 0 && ranges[at - 1].end == r.start && ranges[at - 1].mark == r.mark) {
        ranges[at - 1].end = r.end;
        if (at < *count && ranges[at].start == r.end && ranges[at].mark == r.mark) {
            ranges[at - 1].end = ranges[at].end;
            erase(ranges, count, at);
        }
        return true;
    }
    if (at < *count && ranges[at].start == r.end && ranges[at].mark == r.mark) {
        ranges[at].start = r.start;
        return true;
    }
    if (*count == TCP_RANGES)
        return false;
    insert(ranges, count, at, r);
    return true;
}

bool tcp_ranges_add(struct tcp_range *ranges, size_t *count, struct tcp_range r)
{
    struct tcp_range gap;

    while (tcp_ranges_gap(ranges, *count, r.start, r.end, &gap)) {
        gap.mark = r.mark;
        if (!add_gap(ranges, count, gap))
            return false;
        r.start = gap.end;
    }
    return true;
}

void tcp_ranges_trim(struct tcp_range *ranges, size_t *count, uint32_t start)
{
    while (*count > 0 && !sim_before(start, ranges[0].end))
        erase(ranges, count, 0);
    if (*count > 0 && sim_before(ranges[0].start, start))
        ranges[0].start = start;
}

uint32_t tcp_ranges_run(const struct tcp_range *ranges, size_t count, uint32_t start)
{
    for (size_t i = 0; i < count && !sim_before(start, ranges[i].start); i++)
        start = tcp_later(start, ranges[i].end);
    return start;
}
