/* SPDX-License-Identifier: BSD-2-Clause */
/* The ranges of the TCP against a naive list of bytes. */
#include "sim/tcp_internal.h"

#include <criterion/criterion.h>
#include <string.h>

#define SPAN 200u

/* Marks by byte, 0: not there. */
struct naive {
    uint8_t marks[SPAN];
    uint32_t base;
};

static void compare(const struct naive *n, const struct tcp_range *ranges, size_t count)
{
    uint8_t marks[SPAN] = {0};

    for (size_t i = 0; i < count; i++) {
        cr_assert(sim_before(ranges[i].start, ranges[i].end));
        if (i > 0) {
            cr_assert(!sim_before(ranges[i].start, ranges[i - 1].end));
            cr_assert(ranges[i].start != ranges[i - 1].end || ranges[i].mark != ranges[i - 1].mark);
        }
        for (uint32_t at = ranges[i].start; at != ranges[i].end; at++)
            marks[at - n->base] = ranges[i].mark;
    }
    cr_assert_eq(memcmp(marks, n->marks, SPAN), 0);
}

static void trim(struct naive *n, uint32_t by)
{
    memmove(n->marks, n->marks + by, SPAN - by);
    memset(n->marks + SPAN - by, 0, by);
    n->base += by;
}

/* From before the wrap to behind it. */
Test(tcp_ranges, against_a_naive_list)
{
    struct naive n = {.base = 0xffffff00u};
    struct tcp_range ranges[TCP_RANGES], gap;
    uint64_t seed = 1;
    size_t count = 0;

    for (unsigned i = 0; i < 200000; i++) {
        uint32_t from = (uint32_t)sim_random_below(&seed, SPAN - 20);
        uint32_t len = 1 + (uint32_t)sim_random_below(&seed, 20), at = from;
        struct tcp_range r = {n.base + from, n.base + from + len,
                              (uint8_t)(1 + sim_random_below(&seed, 2))};

        while (at < from + len && n.marks[at] != 0)
            at++;
        cr_assert_eq(tcp_ranges_gap(ranges, count, r.start, r.end, &gap), at < from + len);
        if (at < from + len)
            cr_assert_eq(gap.start, n.base + at);
        if (count < TCP_RANGES - 20) {
            cr_assert(tcp_ranges_add(ranges, &count, r));
            for (uint32_t b = from; b < from + len; b++)
                n.marks[b] = n.marks[b] == 0 ? r.mark : n.marks[b];
        }
        for (at = 0; at < SPAN && n.marks[at] != 0; at++)
            ;
        cr_assert_eq(tcp_ranges_run(ranges, count, n.base), n.base + at);
        if (sim_random_below(&seed, 4) == 0) {
            trim(&n, (uint32_t)sim_random_below(&seed, 20));
            tcp_ranges_trim(ranges, &count, n.base);
        }
        compare(&n, ranges, count);
    }
}

Test(tcp_ranges, says_when_it_is_full)
{
    struct tcp_range ranges[TCP_RANGES];
    size_t count = 0;

    for (uint32_t i = 0; i < TCP_RANGES; i++)
        cr_assert(tcp_ranges_add(ranges, &count, (struct tcp_range){i * 10, i * 10 + 5, 1}));
    cr_assert(!tcp_ranges_add(ranges, &count, (struct tcp_range){10000, 10001, 1}));
    cr_assert_eq(count, TCP_RANGES);
    cr_assert(tcp_ranges_add(ranges, &count, (struct tcp_range){5, 10, 1}));
    cr_assert_eq(count, TCP_RANGES - 1);
}
