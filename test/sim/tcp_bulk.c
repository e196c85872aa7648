/* SPDX-License-Identifier: BSD-2-Clause */
/* Bulk data over links of every kind: all of it arrives, and nothing else. */
#include "tcp_bed.h"

#include <stdlib.h>

static void bad_link(struct sim_link_config *c, uint64_t *seed)
{
    c->loss = (uint32_t)sim_random_below(seed, 200001);
    c->reorder = (uint32_t)sim_random_below(seed, 100001);
    c->duplicate = (uint32_t)sim_random_below(seed, 50001);
    c->corrupt = (uint32_t)sim_random_below(seed, 50001);
    c->delay = sim_random_below(seed, 50000);
    c->jitter = sim_random_below(seed, 20000);
    c->late = sim_random_below(seed, 60000);
}

/* A configuration out of the whole range that the beds use. */
static struct bed_config any(uint64_t seed)
{
    struct bed_config c = bed_config(seed);

    for (unsigned i = 0; i < 2; i++) {
        bad_link(&c.link[i], &seed);
        c.len[i] = sim_random_below(&seed, 4) == 0 ? 0 : sim_random_below(&seed, 60000);
        c.tcp[i].send_buffer = (size_t)4096 << sim_random_below(&seed, 5);
        c.tcp[i].window = (uint16_t)(3000 + sim_random_below(&seed, 62000));
        c.tcp[i].sack = sim_random_below(&seed, 2) == 0;
        c.tcp[i].lso = sim_random_below(&seed, 2) == 0 ? 0 : sim_random_below(&seed, 20000);
        c.tcp[i].cut = (uint32_t)sim_random_below(&seed, 500000);
        if (sim_random_below(&seed, 2) == 0)
            c.tcp[i].first_seq = (uint32_t)-sim_random_below(&seed, 60000);
    }
    return c;
}

static uint64_t run_any(uint64_t seed)
{
    struct bed_config c = any(seed);
    struct bed *bed = bed_new(&c);
    uint64_t digest;

    bed_run(bed);
    digest = bed->digest;
    bed_free(bed);
    return digest;
}

Test(tcp_bulk, survives_a_thousand_bad_paths)
{
    for (uint64_t seed = 1; seed <= 1000; seed++)
        (void)run_any(seed);
}

Test(tcp_bulk, equal_seeds_give_equal_traces)
{
    uint64_t digest = 0;

    for (uint64_t seed = 5000; seed < 5050; seed++) {
        uint64_t first = run_any(seed);

        cr_assert_eq(run_any(seed), first);
        cr_assert_neq(first, digest);
        digest = first;
    }
}

Test(tcp_bulk, a_fifth_lost_both_ways)
{
    struct bed_config c = bed_config(77);
    uint64_t again = 0, fast = 0, timeouts = 0, mixed = 0, moved = 0;

    for (uint64_t seed = 0; seed < 50; seed++) {
        c = bed_config(seed);
        c.link[0].loss = c.link[1].loss = 200000;
        c.tcp[0].cut = 100000;
        c.tcp[0].sack = seed % 2 == 0;
        struct bed *bed = bed_new(&c);
        bed_run(bed);
        const struct sim_tcp_counts *n = sim_tcp_counts(bed->ends[0].tcp);
        again += n->again;
        fast += n->fast;
        timeouts += n->timeouts;
        mixed += bed->ends[0].mixed;
        moved += bed->ends[0].moved;
        cr_assert_gt(sim_link_counts(bed->ends[0].to)->lost, 5);
        cr_assert_lt(n->bytes, 3 * c.len[0]);
        bed_free(bed);
    }
    /* Every way of sending again has been gone. */
    cr_assert_gt(again, 1000);
    cr_assert_gt(fast, 30);
    cr_assert_gt(timeouts, 100);
    cr_assert_gt(mixed, 20);
    cr_assert_gt(moved, 100);
}

Test(tcp_bulk, sack_sends_less_again)
{
    uint64_t bytes[2] = {0, 0};

    for (uint64_t seed = 0; seed < 60; seed++) {
        struct bed_config c = bed_config(seed / 2);

        c.link[0].loss = 30000;
        c.tcp[0].sack = seed % 2 == 0;
        struct bed *bed = bed_new(&c);
        bed_run(bed);
        bytes[seed % 2] += sim_tcp_counts(bed->ends[0].tcp)->bytes_again;
        bed_free(bed);
    }
    cr_assert_lt(bytes[0], bytes[1], "%llu with, %llu without", (unsigned long long)bytes[0],
                 (unsigned long long)bytes[1]);
}

Test(tcp_bulk, nothing_goes_again_on_a_good_path)
{
    struct bed_config c = bed_config(3);

    c.link[0].jitter = c.link[1].jitter = 3000; /* keeps the order */
    struct bed *bed = bed_new(&c);
    bed_run(bed);
    cr_assert_eq(sim_tcp_counts(bed->ends[0].tcp)->again, 0);
    cr_assert_eq(sim_tcp_counts(bed->ends[0].tcp)->bytes, 100000);
    cr_assert_eq(sim_tcp_counts(bed->ends[1].tcp)->out_of_order, 0);
    cr_assert_eq(sim_tcp_counts(bed->ends[1].tcp)->bad, 0);
    cr_assert_eq(bed->ends[0].longest, 1460);
    bed_free(bed);
}

/* The wrap in SYN, in the first byte, in the middle, and in FIN. */
Test(tcp_bulk, wraps_anywhere)
{
    for (uint64_t at = 0; at < 40; at++) {
        struct bed_config c = bed_config(at);

        c.len[0] = c.len[1] = 20000;
        c.tcp[0].first_seq = at < 4 ? UINT32_MAX - (uint32_t)at : (uint32_t) - (at * 500);
        c.tcp[1].first_seq = (uint32_t) - (20000 + 2 - at % 4);
        c.link[0].loss = c.link[1].loss = at % 2 == 0 ? 0 : 100000;
        struct bed *bed = bed_new(&c);
        bed_run(bed);
        cr_assert_lt(sim_tcp_write_seq(bed->ends[0].tcp), 20001);
        bed_free(bed);
    }
}

Test(tcp_bulk, mtu_changes_in_the_middle)
{
    static const uint32_t mtus[] = {1400, 576, 1280, 128};

    for (uint64_t seed = 0; seed < 40; seed++) {
        struct bed_config c = bed_config(seed);

        c.link[0].turn = 5 + seed;
        c.link[0].mtu_then = mtus[seed % 4];
        c.link[0].loss = seed % 3 == 0 ? 50000 : 0;
        c.tcp[0].lso = seed % 2 == 0 ? 0 : 8000;
        struct bed *bed = bed_new(&c);
        bed_run(bed);
        cr_assert_gt(sim_link_counts(bed->ends[0].to)->too_big, 0);
        cr_assert_gt(sim_tcp_counts(bed->ends[0].tcp)->again, 0);
        bed_free(bed);
    }
}

Test(tcp_bulk, large_segments_are_cut_below)
{
    struct bed_config c = bed_config(9);

    c.tcp[0].lso = 16384;
    struct bed *bed = bed_new(&c);
    bed_run(bed);
    cr_assert_gt(bed->ends[0].longest, 10000);
    cr_assert_lt(sim_tcp_counts(bed->ends[0].tcp)->segments, 40);
    cr_assert_eq(sim_link_counts(bed->ends[0].to)->too_big, 0);
    bed_free(bed);
}

Test(tcp_bulk, a_closed_window_opens_again)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct bed_config c = bed_config(seed);

        c.tcp[1].window = 4000;
        c.link[0].loss = c.link[1].loss = seed % 2 == 0 ? 0 : 100000;
        c.len[0] = 30000;
        struct bed *bed = bed_new(&c);
        bed->ends[1].slow = true;
        bed->ends[1].read_most = 3000;
        bed_run(bed);
        bed_free(bed);
    }
}

Test(tcp_bulk, an_owner_without_room_is_asked_again)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct bed_config c = bed_config(seed);

        c.link[0].loss = c.link[1].loss = seed % 2 == 0 ? 0 : 100000;
        c.len[0] = c.len[1] = 20000;
        struct bed *bed = bed_new(&c);
        bed->ends[0].refuse = bed->ends[1].refuse = 500000;
        bed_run(bed);
        cr_assert_gt(sim_tcp_counts(bed->ends[0].tcp)->refused, 5);
        bed_free(bed);
    }
}

Test(tcp_bulk, marks_stay_with_their_bytes)
{
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct bed_config c = any(seed);

        c.len[0] = c.len[1] = 20000;
        struct bed *bed = bed_new(&c);
        bed->ends[0].marks = bed->ends[1].marks = true;
        bed_run(bed);
        bed_free(bed);
    }
}

Test(tcp_bulk, keeps_what_its_owner_needs)
{
    struct bed_config c = bed_config(4);

    c.link[0].loss = 50000;
    struct bed *bed = bed_new(&c);
    struct bed_end *e = &bed->ends[0];
    e->kept = 16000;
    size_t seen = 0;
    while (bed_step(bed) && !sim_tcp_all_acked(e->tcp)) {
        uint32_t una = sim_tcp_una(e->tcp);
        size_t done = sim_before(una, e->first) ? 0 : una - e->first;
        size_t back = done < 16000 ? done : 16000;
        struct sim_tcp_piece p[2];

        if (sim_tcp_state(e->tcp) != SIM_TCP_OPEN || done == 0 || done > e->len)
            continue;
        cr_assert(sim_tcp_has(e->tcp, una - (uint32_t)back, back));
        cr_assert(!sim_tcp_has(e->tcp, una + (uint32_t)e->len, 1));
        sim_tcp_where(e->tcp, una - (uint32_t)back, back, p);
        cr_assert_eq(memcmp(p[0].base, e->sends + done - back, p[0].len), 0);
        cr_assert_eq(memcmp(p[1].base, e->sends + done - back + p[0].len, p[1].len), 0);
        seen++;
    }
    cr_assert_gt(seen, 50);
    bed_free(bed);
}

Test(tcp_bulk, gives_up_when_nobody_is_there)
{
    struct bed_config c = bed_config(4);

    struct bed *bed = bed_new(&c);
    for (unsigned i = 0; i < 30; i++)
        (void)bed_step(bed);
    cr_assert_eq((int)sim_tcp_state(bed->ends[0].tcp), SIM_TCP_OPEN);
    sim_link_config(bed->ends[0].to)->loss = SIM_LINK_ALWAYS;
    while (sim_tcp_state(bed->ends[0].tcp) == SIM_TCP_OPEN)
        (void)bed_step(bed);
    cr_assert_eq((int)sim_tcp_state(bed->ends[0].tcp), SIM_TCP_DEAD);
    cr_assert_eq(sim_tcp_room(bed->ends[0].tcp), 0);
    bed_free(bed);
}
