/* SPDX-License-Identifier: BSD-2-Clause */
/* Long random use: no byte wrong, no nonce twice, positions that agree, whatever fails on the way.
 */
#include "linux_ends.h"

#include <stdlib.h>

#define TOTAL 300000u

/* One direction of a soak. */
struct flow {
    struct sim_linux_socket *from, *to;
    uint64_t sent, got; /* bytes */
    unsigned tickets_sent, tickets_got;
    unsigned key;
};

static void send_some(struct ends *e, struct flow *f, uint64_t *seed)
{
    static uint8_t text[70000];
    size_t len = (size_t)sim_random_below(seed, sim_random_below(seed, 4) == 0 ? 70000 : 600);
    unsigned kind = (unsigned)sim_random_below(seed, 8);
    int64_t n;

    fill_pattern(text, f->sent, len);
    if (kind == 0) {
        n = say_typed(f->from, 22, "\x04ticket", 7, 0);
        f->tickets_sent += n == 7;
        cr_assert(n == 7 || n == -EAGAIN);
        return;
    }
    if (kind == 1)
        n = sim_linux_sendfile(f->from, text, len, sim_random_below(seed, 2) == 0);
    else
        n = say(f->from, text, len, kind < 4 ? LINUX_MSG_MORE : 0);
    if (kind == 1 && n < 0)
        n = -sim_linux_errno(f->from);
    cr_assert(n >= 0 || n == -EAGAIN, "%s: %lld", e->suite->name, (long long)n);
    f->sent += n > 0 ? (uint64_t)n : 0;
}

static void receive_some(struct ends *e, struct flow *f, uint64_t *seed)
{
    size_t len = 1 + (size_t)sim_random_below(seed, sim_random_below(seed, 2) ? 40000 : 50);
    unsigned flags = sim_random_below(seed, 5) == 0 ? LINUX_MSG_PEEK : 0;
    struct heard heard = hear(f->to, len, flags);

    if (heard.n < 0) {
        cr_assert_eq(heard.n, -EAGAIN, "%s: %lld", e->suite->name, (long long)heard.n);
        return;
    }
    if (heard.type == 22) {
        if (!flags && (heard.flags & LINUX_MSG_EOR))
            f->tickets_got++;
        return;
    }
    cr_assert_eq(heard.type, 23);
    cr_assert(is_pattern(heard_bytes, f->got, (size_t)heard.n), "%s at %llu", e->suite->name,
              (unsigned long long)f->got);
    f->got += flags ? 0 : (uint64_t)heard.n;
}

static void finish(struct ends *e, struct flow *f, uint64_t *seed)
{
    uint8_t last = (uint8_t)0;

    fill_pattern(&last, f->sent, 1);
    for (int i = 0; i < 100000 && say(f->from, &last, 1, 0) != 1; i++)
        receive_some(e, f, seed);
    f->sent++;
    for (int i = 0; i < 100000 && f->got < f->sent; i++)
        receive_some(e, f, seed);
    cr_assert_eq(f->got, f->sent);
    cr_assert_eq(f->tickets_got, f->tickets_sent);
    cr_assert_eq(told_seq(f->from, LINUX_TLS_TX, e->suite),
                 told_seq(f->to, LINUX_TLS_RX, e->suite));
}

static void soak(const struct suite *suite, size_t limit, unsigned pressure, uint64_t seed)
{
    struct ends *e = ends_open_limited(suite, limit);
    struct flow flows[2] = {{.from = e->a, .to = e->b}, {.from = e->b, .to = e->a}};

    e->kernel.pressure = pressure;
    e->kernel.seed = seed;
    while (flows[0].sent + flows[1].sent < TOTAL) {
        struct flow *f = &flows[sim_random_below(&seed, 2)];
        if (sim_random_below(&seed, 2) == 0)
            send_some(e, f, &seed);
        else
            receive_some(e, f, &seed);
    }
    finish(e, &flows[0], &seed);
    finish(e, &flows[1], &seed);
    cr_assert_eq(sim_ledger_repeats(e->ledger), 0);
    ends_close(e);
}

Test(linux_soak, both_ways_with_every_suite)
{
    for (size_t i = 0; i < SUITES; i++) {
        soak(&suites[i], 0, 0, 10 + i);
        soak(&suites[i], 0, 300, 20 + i);
        soak(&suites[i], 20000, 300, 30 + i);
        soak(&suites[i], 700, 0, 40 + i);
    }
}

/* A fixed scenario in which the nth call fails: whatever arrives is a prefix of what was sent. */
static void scenario(struct sim_faults *faults)
{
    struct ends *e = ends_plain(30000);
    static uint8_t text[3000];
    uint64_t sent = 0, got = 0;
    bool keys = true;

    e->suite = GCM13;
    sim_linux_set_faults(e->a, faults);
    sim_linux_set_faults(e->b, faults);
    keys = attach(e->a) == 0 && attach(e->b) == 0;
    keys = keys && set_key(e->a, LINUX_TLS_TX, GCM13, 1, 0) == 0;
    keys = keys && set_key(e->b, LINUX_TLS_RX, GCM13, 1, 0) == 0;
    for (int i = 0; keys && i < 10; i++) {
        fill_pattern(text, sent, sizeof text);
        int64_t n = i % 3 == 2 ? sim_linux_sendfile(e->a, text, sizeof text, false)
                               : say(e->a, text, sizeof text, i % 3 == 0 ? LINUX_MSG_MORE : 0);
        sent += n > 0 ? (uint64_t)n : 0;
        struct heard heard = hear(e->b, HEAR_MAX, 0);
        if (heard.n > 0) {
            cr_assert(is_pattern(heard_bytes, got, (size_t)heard.n));
            got += (uint64_t)heard.n;
        }
    }
    if (keys) {
        sim_linux_set_faults(e->a, NULL);
        sim_linux_set_faults(e->b, NULL);
        fill_pattern(text, sent, 1);
        cr_assert_eq(say(e->a, text, 1, 0), 1);
        struct heard heard = hear(e->b, HEAR_MAX, 0);
        cr_assert(heard.n > 0 && is_pattern(heard_bytes, got, (size_t)heard.n));
        cr_assert_eq(got + (uint64_t)heard.n, sent + 1);
    }
    ends_close(e);
}

Test(linux_soak, the_nth_call_fails_for_every_n)
{
    struct sim_faults faults = {0};
    const struct sim_fault kinds[] = {sim_fault_errno(ENOMEM), sim_fault_errno(EAGAIN),
                                      sim_fault_short(1), sim_fault_short(2999)};

    scenario(&faults);
    uint64_t calls = faults.calls[SIM_ANY_CALL];
    cr_assert_eq(calls, 24);
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
        for (uint64_t n = 1; n <= calls; n++) {
            sim_faults_clear(&faults);
            cr_assert(sim_faults_plan(&faults, SIM_ANY_CALL, n, 1, kinds[kind]));
            scenario(&faults);
            cr_assert_eq(faults.struck, 1);
        }
    }
}
