/* SPDX-License-Identifier: BSD-2-Clause */
#include "tcp_bed.h"

#include <stdlib.h>
#include <string.h>

static struct bed_end *end_of(struct sim_tcp_owner *owner)
{
    return (struct bed_end *)(void *)owner;
}

static void frame(struct sim_tcp_sink *sink, const uint8_t *bytes, size_t len)
{
    struct bed_end *e =
        (struct bed_end *)(void *)((uint8_t *)sink - offsetof(struct bed_end, sink));

    if (sim_link_send(e->to, e->bed->now, bytes, len) == SIM_LINK_TOO_BIG)
        sim_tcp_mtu(e->tcp, sim_link_mtu(e->to));
}

/* What goes out is what was written there, however often and however cut. */
static void check_out(struct bed_end *e, const struct sim_tcp_segment *s)
{
    size_t at = s->seq - e->first;

    cr_assert_eq(s->pieces[0].len + s->pieces[1].len, s->len);
    cr_assert(at + s->len <= e->written);
    cr_assert_eq(memcmp(s->pieces[0].base, e->sends + at, s->pieces[0].len), 0);
    if (s->pieces[1].len > 0)
        cr_assert_eq(memcmp(s->pieces[1].base, e->sends + at + s->pieces[0].len, s->pieces[1].len),
                     0);
    cr_assert_eq(s->again, sim_before(s->seq, e->sent_to), "%zu", at);
    e->mixed += s->again && sim_before(e->sent_to, s->seq + (uint32_t)s->len);
    e->moved += s->again && e->began[at] == 0;
    e->began[at] = 1;
    if (sim_before(e->sent_to, s->seq + (uint32_t)s->len))
        e->sent_to = s->seq + (uint32_t)s->len;
    if (s->len > e->longest)
        e->longest = s->len;
}

static bool out(struct sim_tcp_owner *owner, struct sim_tcp *tcp, const struct sim_tcp_segment *s)
{
    struct bed_end *e = end_of(owner);

    (void)tcp;
    if (sim_random_below(&e->bed->seed, 1000000) < e->refuse)
        return false;
    if (s->len > 0)
        check_out(e, s);
    sim_tcp_frames(s, &e->sink);
    return true;
}

/* The mark of a byte is a matter of its place, so that a wrong one is seen wherever it ends up. */
static uint8_t in(struct sim_tcp_owner *owner, struct sim_tcp *tcp, uint32_t seq, uint8_t *payload,
                  size_t len)
{
    struct bed_end *e = end_of(owner);
    uint8_t mark = (uint8_t)(e->marks ? 1 + sim_random_below(&e->bed->seed, 2) : 0);

    (void)tcp;
    (void)seq;
    /* What is marked 2 is changed, as a card that decrypts does. */
    for (size_t i = 0; mark == 2 && i < len; i++)
        payload[i] ^= 0xff;
    return mark;
}

static uint32_t oldest(struct sim_tcp_owner *owner, struct sim_tcp *tcp, uint32_t una)
{
    struct bed_end *e = end_of(owner);
    uint32_t back = una - e->first < e->kept ? una - e->first : e->kept;

    (void)tcp;
    return una - back;
}

static void tap(struct sim_link_tap *self, uint64_t now, enum sim_link_fate fate,
                const uint8_t *bytes, size_t len)
{
    struct bed *bed = (struct bed *)(void *)((uint8_t *)self - offsetof(struct bed, tap));
    uint64_t d = bed->digest ^ now ^ (uint64_t)fate << 56 ^ (uint64_t)len << 40;

    for (size_t i = 0; i < len; i++)
        d = (d ^ bytes[i]) * UINT64_C(0x100000001b3);
    bed->digest = sim_random(&d);
    bed->frames++;
}

struct bed_config bed_config(uint64_t seed)
{
    struct sim_link_config link = {.delay = 10000, .mtu = 1500, .byte_ticks = 100};
    struct sim_tcp_config tcp = {.mtu = 1500, .send_buffer = 65536, .window = 65535, .sack = true};
    struct bed_config c = {.link = {link, link}, .tcp = {tcp, tcp}, .len = {100000, 0}};

    c.seed = seed;
    for (unsigned i = 0; i < 2; i++) {
        c.tcp[i].first_seq = (uint32_t)sim_random(&seed);
        c.tcp[i].seed = sim_random(&seed);
    }
    return c;
}

static void end_new(struct bed *bed, const struct bed_config *c, unsigned i)
{
    struct bed_end *e = &bed->ends[i];
    struct sim_tcp_config t = c->tcp[i];

    t.active = i == 0;
    t.from = i == 0 ? 0x0a000001 : 0x0a000002;
    t.to = i == 0 ? 0x0a000002 : 0x0a000001;
    t.from_port = i == 0 ? 40000 : 443;
    t.to_port = i == 0 ? 443 : 40000;
    *e = (struct bed_end){.owner = {out, in, NULL, oldest}, .sink = {frame}, .bed = bed};
    e->which = i;
    e->tcp = sim_tcp_new(&t, &e->owner);
    e->to = sim_link_new(&c->link[i], c->seed + i);
    sim_link_tap(e->to, &bed->tap);
    e->len = c->len[i];
    e->sends = sim_alloc(e->len + 1);
    e->began = sim_alloc(e->len + 1);
    e->got = sim_alloc(c->len[1 - i] + 1);
    e->first = e->sent_to = t.first_seq + 1;
    e->read_most = 65536;
    for (size_t at = 0; at < e->len; at++)
        e->sends[at] = (uint8_t)sim_random(&bed->seed);
}

struct bed *bed_new(const struct bed_config *config)
{
    struct bed *bed = sim_alloc(sizeof *bed);

    bed->seed = config->seed;
    bed->tap.frame = tap;
    end_new(bed, config, 0);
    end_new(bed, config, 1);
    return bed;
}

void bed_free(struct bed *bed)
{
    for (unsigned i = 0; i < 2; i++) {
        struct bed_end *e = &bed->ends[i];

        sim_tcp_free(e->tcp);
        sim_link_free(e->to);
        free(e->sends);
        free(e->began);
        free(e->got);
    }
    free(bed);
}

static void take(struct bed *bed, struct bed_end *e)
{
    struct bed_end *other = &bed->ends[1 - e->which];
    uint8_t mark = 0;

    for (;;) {
        size_t left = other->len - e->got_len, n;
        uint8_t *p = e->got + e->got_len;

        if (sim_tcp_readable(e->tcp) == 0)
            return;
        cr_assert_eq(sim_tcp_read_seq(e->tcp), other->first + (uint32_t)e->got_len);
        n = sim_tcp_read(e->tcp, p, left < e->read_most ? left : e->read_most, &mark);
        cr_assert_gt(n, 0);
        cr_assert(!e->marks || mark == 1 || mark == 2);
        for (size_t i = 0; mark == 2 && i < n; i++)
            p[i] ^= 0xff;
        cr_assert_eq(memcmp(p, other->sends + e->got_len, n), 0, "from %zu on", e->got_len);
        e->got_len += n;
        if (e->slow)
            return;
    }
}

static void end_step(struct bed *bed, struct bed_end *e)
{
    struct sim_link *from = bed->ends[1 - e->which].to;
    struct sim_frame *f;

    while ((f = sim_link_take(from, bed->now)) != NULL) {
        sim_tcp_input(e->tcp, bed->now, f->bytes, f->len);
        free(f);
    }
    if (bed->ends[1 - e->which].len > 0 && (!e->slow || sim_random_below(&bed->seed, 40) == 0))
        take(bed, e);
    if (e->written < e->len)
        e->written += sim_tcp_write(e->tcp, e->sends + e->written, e->len - e->written);
    if (e->written == e->len)
        sim_tcp_close(e->tcp);
    sim_tcp_run(e->tcp, bed->now);
}

bool bed_step(struct bed *bed)
{
    uint64_t next = UINT64_MAX, when;

    end_step(bed, &bed->ends[0]);
    end_step(bed, &bed->ends[1]);
    for (unsigned i = 0; i < 2; i++) {
        if (sim_link_due(bed->ends[i].to, &when) && when < next)
            next = when;
        if (sim_tcp_due(bed->ends[i].tcp, &when) && when < next)
            next = when;
        if (bed->ends[i].slow && bed->now + 5000 < next)
            next = bed->now + 5000;
    }
    if (next == UINT64_MAX)
        return false;
    bed->now = next > bed->now ? next : bed->now;
    return true;
}

static bool done(const struct bed *bed)
{
    for (unsigned i = 0; i < 2; i++) {
        if (!sim_tcp_ended(bed->ends[i].tcp) || !sim_tcp_all_acked(bed->ends[i].tcp))
            return false;
    }
    return true;
}

void bed_run(struct bed *bed)
{
    while (!done(bed)) {
        cr_assert(bed_step(bed) || done(bed), "nothing left to happen: %zu and %zu bytes",
                  bed->ends[0].got_len, bed->ends[1].got_len);
        cr_assert(bed->now < BED_END, "an hour: %zu and %zu bytes", bed->ends[0].got_len,
                  bed->ends[1].got_len);
        cr_assert_eq(sim_tcp_state(bed->ends[0].tcp) == SIM_TCP_DEAD, false);
        cr_assert_eq(sim_tcp_state(bed->ends[1].tcp) == SIM_TCP_DEAD, false);
    }
    for (unsigned i = 0; i < 2; i++)
        cr_assert_eq(bed->ends[i].got_len, bed->ends[1 - i].len);
}
