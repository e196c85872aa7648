/* SPDX-License-Identifier: BSD-2-Clause */
/* The link and the headers, each by itself. */
#include "sim/link.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static size_t packet(uint8_t p[2000], size_t payload)
{
    struct sim_wire w = {.from = 0x0a000001, .to = 0x0a000002, .from_port = 1000, .to_port = 443};
    size_t headers;

    w.seq = 0xfffffff0;
    w.ack = 7;
    w.flags = SIM_WIRE_ACK | SIM_WIRE_PSH;
    w.window = 4321;
    w.sack_count = 2;
    w.sacks[0] = (struct sim_wire_range){0xffffff00, 3};
    w.sacks[1] = (struct sim_wire_range){100, 200};
    headers = sim_wire_write(p, &w, payload);
    for (size_t i = 0; i < payload; i++)
        p[headers + i] = (uint8_t)(i * 7);
    sim_wire_sums(p, headers + payload);
    return headers + payload;
}

/* RFC 1071 section 4.1, over what RFC 791 and RFC 9293 section 3.1 say is summed. */
static uint16_t summed(const uint8_t *p, size_t from, size_t to, bool pseudo)
{
    uint64_t sum = 0;

    if (pseudo)
        sum = 6 + (to - from) + sim_get_be16(p + 26) + sim_get_be16(p + 28) + sim_get_be16(p + 30) +
              sim_get_be16(p + 32);
    for (size_t i = from; i < to; i++)
        sum += (uint64_t)p[i] << ((i - from) % 2 == 0 ? 8 : 0);
    return (uint16_t)(sum % 0xffff);
}

Test(sim_wire, checksums_are_those_of_rfc_1071)
{
    uint8_t p[2000];

    for (size_t payload = 0; payload < 40; payload++) {
        size_t len = packet(p, payload);

        cr_assert_eq(summed(p, 14, 34, false), 0);
        cr_assert_eq(summed(p, 34, len, true), 0);
        cr_assert(sim_get_be16(p + 24) != 0 && sim_get_be16(p + 50) != 0);
    }
}

Test(sim_wire, reads_what_it_writes)
{
    uint8_t p[2000];
    struct sim_wire w;
    size_t headers, len = packet(p, 101);

    cr_assert(sim_wire_read(p, len, &w, &headers));
    cr_assert_eq(headers, len - 101);
    cr_assert_eq(headers, SIM_WIRE_LEAST + 20);
    cr_assert_eq(w.seq, 0xfffffff0);
    cr_assert_eq(w.ack, 7);
    cr_assert_eq(w.flags, SIM_WIRE_ACK | SIM_WIRE_PSH);
    cr_assert_eq(w.window, 4321);
    cr_assert_eq(w.sack_count, 2);
    cr_assert_eq(w.sacks[0].start, 0xffffff00);
    cr_assert_eq(w.sacks[1].end, 200);
    w = (struct sim_wire){.mss = 1234, .sack_ok = true, .flags = SIM_WIRE_SYN};
    headers = sim_wire_write(p, &w, 0);
    sim_wire_sums(p, headers);
    cr_assert(sim_wire_read(p, headers, &w, &len));
    cr_assert_eq(w.mss, 1234);
    cr_assert(w.sack_ok);
}

Test(sim_wire, refuses_every_flipped_bit_and_every_cut)
{
    uint8_t p[2000];
    struct sim_wire w;
    size_t headers, len = packet(p, 37);

    for (size_t bit = 8 * SIM_WIRE_ETHER; bit < 8 * len; bit++) {
        p[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_assert(!sim_wire_read(p, len, &w, &headers), "bit %zu", bit);
        p[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t n = 0; n < len; n++)
        cr_assert(!sim_wire_read(p, n, &w, &headers), "%zu bytes", n);
    cr_assert(sim_wire_read(p, len, &w, &headers));
}

/* Options that lie about their length, under right checksums. */
Test(sim_wire, refuses_options_that_do_not_fit)
{
    static const uint8_t lies[][4] = {{1, 1, 2, 1}, {2, 0, 0, 0}, {1, 2, 4, 0}, {1, 1, 1, 5}};
    uint8_t p[2000];
    struct sim_wire w = {.mss = 1000};
    size_t headers, len = sim_wire_write(p, &w, 0);

    for (size_t i = 0; i < 4; i++) {
        memcpy(p + SIM_WIRE_LEAST, lies[i], 4);
        sim_wire_sums(p, len);
        cr_assert(!sim_wire_read(p, len, &w, &headers), "%zu", i);
    }
}

/* Sends `count` numbered frames, one a millisecond; returns the link with them on their way. */
static struct sim_link *loaded(const struct sim_link_config *c, uint64_t seed, size_t count)
{
    struct sim_link *link = sim_link_new(c, seed);
    uint8_t p[2000];

    for (size_t i = 0; i < count; i++) {
        size_t len = packet(p, 300);

        sim_put_be64(p + len - 8, i);
        sim_wire_sums(p, len);
        (void)sim_link_send(link, i * 1000, p, len);
    }
    return link;
}

static const struct sim_link_config everything = {.loss = 100000,
                                                  .reorder = 50000,
                                                  .duplicate = 30000,
                                                  .corrupt = 20000,
                                                  .corrupt_past = 10000,
                                                  .delay = 5000,
                                                  .jitter = 900,
                                                  .late = 9000};

Test(sim_link, does_what_it_is_told_as_often_as_it_is_told)
{
    struct sim_link *link = loaded(&everything, 4, 20000);
    const struct sim_link_counts *n = sim_link_counts(link);
    struct sim_frame *f;
    struct sim_wire w;
    uint64_t last = 0, late = 0, bad = 0, past = 0, seen = 0;
    size_t headers;

    while ((f = sim_link_take(link, UINT64_MAX)) != NULL) {
        if (!sim_wire_read(f->bytes, f->len, &w, &headers)) {
            bad++;
        } else {
            uint64_t number = sim_get_be64(f->bytes + f->len - 8);

            past += number > 20000 || f->bytes[f->len - 20] != (uint8_t)(280 * 7);
            late += number < last;
            last = number < 20000 ? number : last;
        }
        seen++;
        free(f);
    }
    cr_assert_eq(n->frames, 20000);
    cr_assert_eq(n->delivered, seen);
    cr_assert_eq(seen, 20000 - n->lost + n->duplicated);
    cr_assert(n->lost > 1800 && n->lost < 2200);
    cr_assert(n->reordered > 800 && n->reordered < 1200);
    cr_assert(n->duplicated > 450 && n->duplicated < 650);
    cr_assert(n->corrupted > 280 && n->corrupted < 440);
    cr_assert(n->corrupted_past > 130 && n->corrupted_past < 250);
    cr_assert(bad >= n->corrupted && bad < n->corrupted + 50);
    cr_assert_gt(past, 0);
    cr_assert(late > 300 && late < 1300, "%llu", (unsigned long long)late);
    sim_link_free(link);
}

Test(sim_link, keeps_the_order_without_reordering)
{
    struct sim_link_config c = {.delay = 5000, .jitter = 90000, .byte_ticks = 1000};
    struct sim_link *link = loaded(&c, 4, 2000);
    struct sim_frame *f;
    uint64_t next = 0, when, at = 0;

    while (sim_link_due(link, &when)) {
        cr_assert_null(sim_link_take(link, when - 1));
        f = sim_link_take(link, when);
        cr_assert_not_null(f);
        cr_assert_geq(when, at);
        cr_assert_geq(when, next * 1000 + 5000 + f->len);
        at = when;
        cr_assert_eq(sim_get_be64(f->bytes + f->len - 8), next);
        next++;
        free(f);
    }
    cr_assert_eq(next, 2000);
    sim_link_free(link);
}

static uint64_t trace(uint64_t seed)
{
    struct sim_link *link = loaded(&everything, seed, 500);
    struct sim_frame *f;
    uint64_t d = 0;

    while ((f = sim_link_take(link, UINT64_MAX)) != NULL) {
        d ^= f->when;
        for (size_t i = 0; i < f->len; i++)
            d = (d ^ f->bytes[i]) * UINT64_C(0x100000001b3);
        free(f);
    }
    sim_link_free(link);
    return d;
}

Test(sim_link, equal_seeds_give_equal_traces)
{
    for (uint64_t seed = 0; seed < 10; seed++) {
        cr_assert_eq(trace(seed), trace(seed));
        cr_assert_neq(trace(seed), trace(seed + 1));
    }
}

Test(sim_link, mtu_turns_after_so_many_frames)
{
    struct sim_link_config c = {.mtu = 1500, .turn = 3, .mtu_then = 300};
    struct sim_link *link = sim_link_new(&c, 1);
    uint8_t p[2000];
    size_t len = packet(p, 300);

    for (unsigned i = 0; i < 3; i++) {
        cr_assert_eq(sim_link_mtu(link), i < 3 ? 1500 : 300);
        cr_assert_eq((int)sim_link_send(link, 0, p, len), SIM_LINK_ON_ITS_WAY);
    }
    cr_assert_eq(sim_link_mtu(link), 300);
    cr_assert_eq((int)sim_link_send(link, 0, p, len), SIM_LINK_TOO_BIG);
    cr_assert_eq((int)sim_link_send(link, 0, p, 314), SIM_LINK_ON_ITS_WAY);
    cr_assert_eq((int)sim_link_send(link, 0, p, 315), SIM_LINK_TOO_BIG);
    cr_assert_eq(sim_link_counts(link)->too_big, 2);
    sim_link_free(link);
}
