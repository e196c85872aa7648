/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole transfers in which something breaks at every step there is: all bytes arrive, and none is
 * wrong. */
#include "tx_bed.h"

#include <stdlib.h>
#include <string.h>

#define SEGMENT 1000u

/* A transfer: segments go out until the peer has everything. */
struct transfer {
    struct txb *b;
    bool *has; /* bytes that the peer has */
    size_t next, peer;
    unsigned resets;
};

static void arrives(struct transfer *t, size_t from, size_t len, const uint8_t *bytes)
{
    struct txb *b = t->b;

    cr_assert(from + len <= b->len);
    cr_assert_eq(memcmp(bytes, b->wire + from, len), 0, "wrong bytes from %zu on", from);
    memset(t->has + from, 1, len);
    while (t->peer < b->len && t->has[t->peer])
        t->peer++;
}

static void collect(struct transfer *t)
{
    struct sim_nic_packet *p;

    while ((p = sim_nic_sent(t->b->nic)) != NULL) {
        arrives(t, p->seq - t->b->how.seq, p->len - p->headers_len, p->bytes + p->headers_len);
        sim_nic_packet_free(p);
    }
}

/* What a driver does when its queue is in error: it takes what is left, and begins it anew. */
static void look_after_queue(struct transfer *t)
{
    struct txb *b = t->b;

    if (sim_nic_removed(b->nic)) {
        weir_mlx5_tx_lost(b->ctx);
        b->no_queue = true;
    } else if (b->sq.failed) {
        sim_nic_queue_reset(b->nic_queue);
        weir_mlx5_sq_reset(&b->sq);
        t->resets++;
    }
}

static void step(struct transfer *t)
{
    struct txb *b = t->b;
    size_t from = t->next;

    if (from >= b->len || txb_random(b, 5) == 0)
        from = t->peer;
    else if (txb_random(b, 8) == 0 && from + 3 * SEGMENT < b->len)
        from += SEGMENT + txb_random(b, SEGMENT); /* lost in between */
    size_t len = b->len - from < SEGMENT ? b->len - from : SEGMENT;

    weir_status status = txb_segment(b, from, len, 0);
    if (status == WEIR_REFUSED)
        cr_assert_eq(b->sent.why.code, WEIR_REFUSAL_RESOURCES, "%s",
                     weir_refusal_name(b->sent.why.code));
    else
        cr_assert_eq(status, WEIR_OK);
    if (b->sent.way == WEIR_MLX5_SOFTWARE && !b->sent.posted)
        arrives(t, from, len, txb_bounce(b));
    collect(t);
    if (from + len > t->next)
        t->next = from + len;
    sim_nic_tick(b->nic);
    txb_take_completions(b);
    collect(t);
    look_after_queue(t);
    if (t->peer > b->acked)
        txb_acked(b, t->peer);
}

static void run(struct transfer *t)
{
    unsigned steps = 0;

    while (t->peer < t->b->len) {
        step(t);
        cr_assert(++steps < 2000, "it does not come to an end");
    }
}

static struct transfer begin(const struct txb_how *how)
{
    struct transfer t = {.b = txb_begin(how)};

    txb_records(t.b, 2, 5000);
    txb_records(t.b, 3, 100);
    txb_records(t.b, 1, 12000);
    t.has = sim_alloc(t.b->len * sizeof *t.has);
    return t;
}

static void finish(struct transfer *t)
{
    const struct sim_nic_complaint *c = sim_nic_complaint(t->b->nic, 0);

    cr_assert_eq(sim_nic_complaints(t->b->nic), 0, "%s", c != NULL ? c->text : "");
    cr_assert_null(sim_ledger_fault(t->b->ledger));
    free(t->has);
    if (sim_nic_removed(t->b->nic)) {
        txb_end(t->b);
        txb_drop(t->b);
    } else {
        txb_close(t->b);
    }
}

static struct txb_how how_of(unsigned i)
{
    return (struct txb_how){.suite = &txb_suites[i % 4],
                            .driver = (enum weir_mlx5_driver)(i & 1),
                            .policy = (enum weir_mlx5_policy)(i / 2 % 3),
                            .seq = 0xffffd000u,
                            .checks = i % 2 * 16,
                            .blocks = i % 2 == 0 ? 64 : 256};
}

/* The nth call of a class meets the fault, for every n until one is beyond the end. */
static void every_step(unsigned call, struct sim_fault fault, unsigned every)
{
    for (unsigned i = 0; i < 6; i++) {
        struct txb_how how = how_of(i);
        bool struck = true;

        for (uint64_t n = 1 + i % every; struck; n += every) {
            struct transfer t = begin(&how);

            sim_faults_clear(&t.b->faults);
            cr_assert(sim_faults_plan(&t.b->faults, call, n, 1, fault));
            run(&t);
            struck = t.b->faults.struck > 0;
            bool error = struck && call == SIM_NIC_ENTRY && fault.kind == SIM_FAULT_ERRNO;
            cr_assert_eq(t.resets > 0, error && fault.error != SIM_NIC_GONE);
            sim_faults_clear(&t.b->faults);
            finish(&t);
        }
    }
}

Test(tx_faults, none)
{
    for (unsigned i = 0; i < 12; i++) {
        struct txb_how how = how_of(i);
        struct transfer t = begin(&how);

        run(&t);
        cr_assert_eq(t.resets, 0);
        finish(&t);
    }
}

Test(tx_faults, each_entry_fails)
{
    every_step(SIM_NIC_ENTRY, sim_fault_errno(2), 1);
}

Test(tx_faults, each_entry_waits)
{
    every_step(SIM_NIC_ENTRY, sim_fault_short(5), 1);
}

Test(tx_faults, each_doorbell_is_lost)
{
    every_step(SIM_NIC_DOORBELL, sim_fault_errno(5), 1);
}

Test(tx_faults, the_card_goes_at_each_entry)
{
    every_step(SIM_NIC_ENTRY, sim_fault_errno(SIM_NIC_GONE), 1);
}

Test(tx_faults, the_card_goes_at_each_doorbell)
{
    every_step(SIM_NIC_DOORBELL, sim_fault_errno(SIM_NIC_GONE), 1);
}

/* Without a card from the beginning it is all the processor's. */
Test(tx_faults, lost_at_once)
{
    struct txb_how how = how_of(3);
    struct transfer t = begin(&how);

    weir_mlx5_tx_lost(t.b->ctx);
    run(&t);
    cr_assert_eq(weir_mlx5_tx_count(t.b->ctx).tx_packets, 0);
    cr_assert_eq(sim_nic_counts(t.b->nic)->tls_packets, 0);
    /* Its objects are gone with it: nothing is left to be ended. */
    free(t.has);
    txb_end(t.b);
    txb_drop(t.b);
}

/* Somebody else has reset the queue: said by weir_mlx5_tx_reset. */
Test(tx_faults, reset_by_hand)
{
    struct txb_how how = how_of(1);
    struct transfer t = begin(&how);
    uint32_t expected;

    for (unsigned i = 0; i < 10; i++) {
        txb_goes_somehow(t.b, i * SEGMENT, SEGMENT, 0);
        if (i % 3 != 2)
            continue;
        weir_mlx5_tx_reset(t.b->ctx);
        cr_assert_not(weir_mlx5_tx_expects(t.b->ctx, &expected));
    }
    cr_assert_geq(sim_nic_counts(t.b->nic)->umrs, 4);
    finish(&t);
}

/* A connection that goes to another queue when all is done on the first. */
Test(tx_faults, another_queue)
{
    struct txb_how how = {.suite = &txb_suites[2]};
    struct transfer t = begin(&how);
    struct txb *b = t.b;
    uint8_t *ring = sim_alloc((size_t)64 * 64);
    struct sim_nic_queue *first = b->nic_queue;
    struct weir_mlx5_sq kept = b->sq;

    txb_goes(b, 0, 1000, WEIR_MLX5_DEVICE);
    kept = b->sq;
    b->nic_queue = sim_nic_queue_new(b->nic, 0x457, ring, 64);
    cr_assert_eq(weir_mlx5_sq_init(&b->sq, ring, 64, 0x457, 0), WEIR_OK);
    txb_goes(b, 1000, 1000, WEIR_MLX5_DEVICE);
    cr_assert_eq(b->sent.recovery, WEIR_MLX5_START, "fences hold within one queue");
    txb_goes(b, 2000, 1000, WEIR_MLX5_DEVICE);
    cr_assert_eq(b->sent.recovery, WEIR_MLX5_IN_ORDER);
    b->nic_queue = first;
    b->sq = kept;
    txb_goes(b, 3000, 1000, WEIR_MLX5_DEVICE);
    cr_assert_eq(b->sent.recovery, WEIR_MLX5_START);
    finish(&t);
    free(ring);
}
