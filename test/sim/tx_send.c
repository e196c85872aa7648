/* SPDX-License-Identifier: BSD-2-Clause */
/* Segments in order and out of order through the engine: what goes to the card for it, and what
 * goes out. */
#include "tx_bed.h"

#define RECORD 16384u

static const enum weir_mlx5_driver drivers[] = {WEIR_MLX5_AS_FREEBSD, WEIR_MLX5_AS_LINUX};

/* Everything in segments of `step`. */
static void send_all(struct txb *b, size_t from, size_t step, enum weir_mlx5_way way)
{
    for (size_t at = from; at < b->len; at += step)
        txb_goes(b, at, b->len - at < step ? b->len - at : step, way);
}

Test(tx_send, in_order)
{
    static const size_t steps[] = {1, 13, 100, 1448, 1460};

    for (unsigned s = 0; s < 4; s++) {
        for (unsigned i = 0; i < 10; i++) {
            struct txb *b = txb_begin(&(struct txb_how){.suite = &txb_suites[s],
                                                        .driver = drivers[i % 2],
                                                        .record = 0xfffffffeu,
                                                        .seq = 0xffffff00u,
                                                        .chunk = i % 3 * 100});

            txb_records(b, 3, 60);
            cr_assert(txb_record(b, WEIR_TYPE_ALERT, 2));
            txb_records(b, 1, steps[i / 2] < 100 ? 200 : RECORD);
            send_all(b, 0, steps[i / 2], WEIR_MLX5_DEVICE);
            cr_assert_eq(sim_nic_counts(b->nic)->umrs, 1);
            cr_assert_eq(sim_nic_counts(b->nic)->set_psvs, 1);
            cr_assert_eq(sim_nic_counts(b->nic)->dumps, 0);
            cr_assert_eq(sim_nic_counts(b->nic)->tls_records, 5);
            struct weir_mlx5_tx_counters c = weir_mlx5_tx_count(b->ctx);
            cr_assert_eq(c.tx_packets, sim_nic_counts(b->nic)->tls_packets);
            cr_assert_eq(c.tx_bytes, b->len + 54 * c.tx_packets);
            cr_assert_eq(c.tx_packets_ooo, drivers[i % 2] == WEIR_MLX5_AS_FREEBSD);
            cr_assert_eq(c.tx_bytes_ooo + c.tx_error + c.tx_software + c.tx_queue_full, 0);
            txb_close(b);
        }
    }
}

Test(tx_send, lso)
{
    for (unsigned s = 0; s < 4; s++) {
        struct txb *b = txb_begin(&(struct txb_how){.suite = &txb_suites[s], .seq = 0xfffff000u});

        txb_records(b, 4, RECORD);
        txb_goes_somehow(b, 0, 60000, 1448);
        cr_assert_eq(b->sent.way, WEIR_MLX5_DEVICE);
        txb_goes_somehow(b, 60000, b->len - 60000, 1448);
        /* Behind where the card stands: by the processor, and the card cuts it. */
        txb_goes_somehow(b, 1448, 30000, 1448);
        cr_assert_eq(b->sent.way, WEIR_MLX5_SOFTWARE);
        cr_assert(b->sent.posted);
        txb_close(b);
    }
}

/* What is written for each case of recovery, entry by entry. */
struct wrote {
    uint64_t umrs, set_psvs, nops, dumps, dump_bytes;
};

static struct wrote wrote(const struct txb *b)
{
    const struct sim_nic_counts *c = sim_nic_counts(b->nic);

    return (struct wrote){c->umrs, c->set_psvs, c->nops, c->dumps, c->dump_bytes};
}

/* The segment goes by the card, after so many more entries. */
static void recovers(struct txb *b, size_t from, size_t len, enum weir_mlx5_recovery how,
                     struct wrote more)
{
    struct wrote before = wrote(b), after;

    txb_goes(b, from, len, WEIR_MLX5_DEVICE);
    after = wrote(b);
    cr_assert_eq(b->sent.recovery, how);
    cr_assert_eq(b->sent.dumped, more.dump_bytes);
    cr_assert_eq(after.umrs - before.umrs, more.umrs);
    cr_assert_eq(after.set_psvs - before.set_psvs, more.set_psvs);
    cr_assert_eq(after.nops - before.nops, more.nops, "%d nops", (int)(after.nops - before.nops));
    cr_assert_eq(after.dumps - before.dumps, more.dumps);
    cr_assert_eq(after.dump_bytes - before.dump_bytes, more.dump_bytes);
}

Test(tx_recover, cases_as_freebsd)
{
    for (unsigned s = 0; s < 4; s++) {
        struct txb *b = txb_begin(&(struct txb_how){.suite = &txb_suites[s],
                                                    .policy = WEIR_MLX5_RESYNC,
                                                    .seq = 0xffffe000u,
                                                    .blocks = 4096});

        txb_records(b, 3, 8000);
        size_t second = b->records[1].start, third = b->records[2].start;
        /* The first segment of all. */
        recovers(b, 0, 1448, WEIR_MLX5_START, (struct wrote){1, 1, 1, 0, 0});
        recovers(b, 1448, 1000, WEIR_MLX5_IN_ORDER, (struct wrote){0});
        /* The card stands before it in the same record: the gap, cut at 1024. */
        recovers(b, 4000, 1448, WEIR_MLX5_GAP, (struct wrote){0, 0, 0, 2, 4000 - 2448});
        /* Behind it in the same record: from its beginning. */
        recovers(b, 3000, 100, WEIR_MLX5_START, (struct wrote){1, 1, 0, 3, 3000});
        /* The beginning of a record: nothing to dump. */
        recovers(b, second, 1448, WEIR_MLX5_START, (struct wrote){1, 1, 1, 0, 0});
        recovers(b, 0, 1448, WEIR_MLX5_START, (struct wrote){1, 1, 1, 0, 0});
        txb_close(b);

        b = txb_begin(
            &(struct txb_how){.suite = &txb_suites[s], .policy = WEIR_MLX5_RESYNC, .blocks = 4096});
        txb_records(b, 3, 8000);
        txb_goes(b, 0, 1000, WEIR_MLX5_DEVICE);
        /* It stands at the very beginning of the record: parameters anew, as the driver has it. */
        txb_goes_somehow(b, 1000, second - 1000, 1448);
        recovers(b, second + 100, 1000, WEIR_MLX5_START, (struct wrote){1, 1, 0, 1, 100});
        /* Ahead, over a record's end. */
        recovers(b, third + 2048, 1000, WEIR_MLX5_START, (struct wrote){1, 1, 0, 2, 2048});
        /* Within the bytes that the last segment covered. */
        recovers(b, third + 2500, 1448, WEIR_MLX5_START, (struct wrote){1, 1, 0, 3, 2500});
        struct weir_mlx5_tx_counters c = weir_mlx5_tx_count(b->ctx);
        cr_assert_eq(c.tx_packets_ooo, 4);
        cr_assert_eq(c.tx_bytes_ooo, 100 + 2048 + 2500);
        txb_close(b);
    }
}

/* Opcode, modifier, count and flags of the entries of one segment, as each driver writes them. */
struct entry {
    uint8_t opcode, modifier, segments, flags;
};

static void entries_are(struct txb *b, size_t from, const struct entry *e, size_t count)
{
    uint64_t at = b->sq.produced;

    txb_goes(b, from, 1000, WEIR_MLX5_DEVICE);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *p = b->ring + at % TXB_BLOCKS * 64;

        cr_assert_eq(p[3], e[i].opcode, "entry %zu: opcode 0x%x", i, p[3]);
        cr_assert_eq(p[0], e[i].modifier, "entry %zu", i);
        cr_assert_eq(p[7], e[i].segments, "entry %zu: %u segments", i, p[7]);
        cr_assert_eq(p[11], e[i].flags, "entry %zu: flags 0x%x", i, p[11]);
        at += (p[7] + 3u) / 4;
    }
    cr_assert_eq(at, b->sq.produced);
}

#define ENTRIES(b, from, ...)                                                                      \
    entries_are(b, from, (const struct entry[]){__VA_ARGS__},                                      \
                sizeof((const struct entry[]){__VA_ARGS__}) / sizeof(struct entry))
/* 54 bytes of headers from byte 30 on, and two pieces. */
#define PACKET                                                                                     \
    {                                                                                              \
        0x0a, 0, 8, 0x08                                                                           \
    }

Test(tx_recover, entries_as_freebsd)
{
    struct txb *b =
        txb_begin(&(struct txb_how){.suite = &txb_suites[3], .policy = WEIR_MLX5_RESYNC});

    txb_records(b, 3, 8000);
    ENTRIES(b, 0, {0x25, 1, 12, 0x20}, {0x20, 1, 2, 0}, {0, 0, 4, 0x20}, PACKET);
    ENTRIES(b, 1000, PACKET);
    ENTRIES(b, 4000, {0x23, 0, 2, 0x20}, {0x23, 0, 2, 0}, PACKET);
    ENTRIES(b, 2000, {0x25, 1, 12, 0x20}, {0x20, 1, 2, 0}, {0x23, 0, 2, 0x20}, {0x23, 0, 2, 0},
            PACKET);
    txb_close(b);
}

Test(tx_recover, entries_as_linux)
{
    struct txb *b = txb_begin(&(struct txb_how){
        .suite = &txb_suites[0], .policy = WEIR_MLX5_RESYNC, .driver = WEIR_MLX5_AS_LINUX});

    txb_records(b, 3, 8000);
    size_t second = b->records[1].start;
    ENTRIES(b, 0, {0x25, 1, 12, 0}, {0x20, 1, 2, 0}, {0, 0, 1, 0x20}, PACKET);
    ENTRIES(b, 1000, PACKET);
    ENTRIES(b, 4000, {0x20, 1, 2, 0x20}, {0, 0, 1, 0x20}, {0x23, 0, 2, 0}, {0x23, 0, 2, 0},
            {0x23, 0, 2, 0}, PACKET);
    ENTRIES(b, second + 9, {0x25, 1, 12, 0x20}, {0x20, 1, 2, 0}, {0, 0, 1, 0x20}, {0x23, 0, 2, 0},
            PACKET);
    txb_close(b);
}

Test(tx_recover, cases_as_linux)
{
    for (unsigned s = 0; s < 4; s++) {
        struct txb *b = txb_begin(&(struct txb_how){.suite = &txb_suites[s],
                                                    .driver = WEIR_MLX5_AS_LINUX,
                                                    .policy = WEIR_MLX5_RESYNC,
                                                    .seq = 0xffffe000u,
                                                    .blocks = 4096});

        txb_records(b, 3, 8000);
        size_t second = b->records[1].start;
        recovers(b, 0, 1448, WEIR_MLX5_START, (struct wrote){1, 1, 1, 0, 0});
        recovers(b, 1448, 1000, WEIR_MLX5_IN_ORDER, (struct wrote){0});
        /* The same record: no UMR, and all of it from the beginning, cut at the MTU. */
        recovers(b, 4000, 1448, WEIR_MLX5_START, (struct wrote){0, 1, 1, 3, 4000});
        recovers(b, 3000, 100, WEIR_MLX5_START, (struct wrote){0, 1, 1, 2, 3000});
        recovers(b, 0, 100, WEIR_MLX5_START, (struct wrote){0, 1, 1, 0, 0});
        /* Another one. */
        recovers(b, second, 1448, WEIR_MLX5_START, (struct wrote){1, 1, 1, 0, 0});
        recovers(b, second + 1600, 1448, WEIR_MLX5_START, (struct wrote){0, 1, 1, 2, 1600});
        cr_assert_eq(weir_mlx5_tx_count(b->ctx).tx_packets_ooo, 5, "the first is none");
        cr_assert_eq(weir_mlx5_tx_count(b->ctx).tx_bytes_ooo, 8600);
        txb_close(b);
    }
}

/* Any segments in any order, of records of any length; acknowledgements between. */
static void at_random(const struct txb_how *how, unsigned steps)
{
    struct txb *b = txb_begin(how);
    size_t high = 0;

    for (unsigned i = 0; i < steps; i++) {
        while (b->len < high + 20000 && b->count < TXB_MOST - 1 && b->len + 20000 < TXB_STREAM) {
            size_t len = txb_random(b, 4) == 0 ? txb_random(b, 30) + 1 : txb_random(b, 9000) + 1;

            if (!txb_record(b, WEIR_TYPE_DATA, len))
                break;
        }
        size_t from = high, most = b->len - high, len;

        if (txb_random(b, 4) == 0 || most == 0) /* again, or ahead */
            from = b->acked + txb_random(b, (uint32_t)(b->len - b->acked));
        most = b->len - from;
        len = 1 + txb_random(b, most < 1448 ? (uint32_t)most : 1448);
        txb_goes_somehow(b, from, len, 0);
        high = from + len > high ? from + len : high;
        if (txb_random(b, 8) == 0 && high > b->acked)
            txb_acked(b, b->acked + txb_random(b, (uint32_t)(high - b->acked) + 1));
    }
    struct weir_mlx5_tx_counters c = weir_mlx5_tx_count(b->ctx);
    cr_assert_eq(c.tx_packets + c.tx_software, steps);
    cr_assert_eq(c.tx_error + c.tx_queue_full, 0);
    cr_assert(how->policy == WEIR_MLX5_RESYNC ? c.tx_software == 0 : c.tx_software > 0);
    cr_assert(c.tx_packets > 0);
    txb_close(b);
}

Test(tx_random, all_policies_both_drivers_all_suites)
{
    for (unsigned i = 0; i < 24; i++) {
        at_random(&(struct txb_how){.suite = &txb_suites[i % 4],
                                    .driver = drivers[i / 4 % 2],
                                    .policy = (enum weir_mlx5_policy)(i / 8),
                                    .seq = 0xffff8000u + i,
                                    .record = i,
                                    .chunk = i % 2 * 777,
                                    .runs = 256,
                                    .tags = i % 3 * 4,
                                    .checks = i % 5 < 2 ? 256 : 0,
                                    .blocks = 256,
                                    .signal = (uint16_t)(i % 4 * 8)},
                  400);
    }
}

/* Policies: who encrypts what. */
Test(tx_policy, automatic)
{
    struct txb *b =
        txb_begin(&(struct txb_how){.suite = &txb_suites[2], .most_dump = 4000, .blocks = 4096});

    txb_records(b, 4, RECORD);
    txb_goes(b, 0, 1448, WEIR_MLX5_DEVICE);
    txb_goes(b, 1448, 1448, WEIR_MLX5_DEVICE);
    /* A retransmission leaves the card where it is. */
    txb_goes(b, 0, 1448, WEIR_MLX5_SOFTWARE);
    txb_goes(b, 2896, 1448, WEIR_MLX5_DEVICE);
    cr_assert_eq(b->sent.recovery, WEIR_MLX5_IN_ORDER);
    /* A gap ahead: the card reads it, when it is not too much. */
    txb_goes(b, 6000, 1448, WEIR_MLX5_DEVICE);
    cr_assert_eq(b->sent.recovery, WEIR_MLX5_GAP);
    txb_goes(b, 7448 + 4001, 1448, WEIR_MLX5_SOFTWARE);
    txb_goes(b, 7448 + 4000, 1448, WEIR_MLX5_DEVICE);
    /* The beginning of a record costs nothing. */
    txb_goes(b, b->records[1].start, 1448, WEIR_MLX5_DEVICE);
    txb_close(b);
}

Test(tx_policy, automatic_under_loss)
{
    struct txb *b =
        txb_begin(&(struct txb_how){.suite = &txb_suites[2], .most_lost = 100, .blocks = 4096});
    unsigned software = 0;

    txb_records(b, 20, RECORD);
    /* Most is missing: after some, gaps are the processor's. */
    for (size_t at = 0; at + 400 < b->len; at += 400) {
        txb_goes_somehow(b, at, 100, 0);
        software += b->sent.way == WEIR_MLX5_SOFTWARE;
    }
    cr_assert(software > 0);
    cr_assert(weir_mlx5_tx_count(b->ctx).tx_packets > 5);
    txb_close(b);

    /* Without the bound they are the card's. */
    b = txb_begin(&(struct txb_how){.suite = &txb_suites[2], .blocks = 4096});
    txb_records(b, 2, RECORD);
    for (size_t at = 0; at + 400 < b->len; at += 400)
        txb_goes(b, at, 100, WEIR_MLX5_DEVICE);
    txb_close(b);
}

Test(tx_policy, fallback_comes_back_within_a_record)
{
    struct txb *b =
        txb_begin(&(struct txb_how){.suite = &txb_suites[3], .policy = WEIR_MLX5_FALLBACK});

    txb_records(b, 4, RECORD);
    txb_goes(b, 0, 1448, WEIR_MLX5_DEVICE);
    txb_goes(b, 5000, 1448, WEIR_MLX5_SOFTWARE);
    txb_goes(b, 6448, 1448, WEIR_MLX5_SOFTWARE);
    txb_goes(b, 0, 1448, WEIR_MLX5_SOFTWARE);
    size_t at = 7896;
    while (at + 1448 < b->records[1].start) {
        txb_goes(b, at, 1448, WEIR_MLX5_SOFTWARE);
        at += 1448;
    }
    txb_goes(b, at, 1448, WEIR_MLX5_SOFTWARE); /* over the beginning of the second */
    txb_goes(b, at + 1448, 1448, WEIR_MLX5_DEVICE);
    cr_assert_eq(b->sent.dumped, at + 1448 - b->records[1].start);
    txb_goes(b, at + 2896, 1448, WEIR_MLX5_DEVICE);
    cr_assert_eq(b->sent.recovery, WEIR_MLX5_IN_ORDER);
    txb_close(b);
}

/* Nothing that cannot be right goes out, and nothing changes for it. */
Test(tx_bounds, what_is_refused)
{
    struct txb *b = txb_begin(&(struct txb_how){.suite = &txb_suites[0], .seq = 0xfffffff0u});

    txb_refused(b, 0, 100, WEIR_REFUSAL_AHEAD);
    txb_records(b, 3, 1000);
    txb_goes(b, 0, 500, WEIR_MLX5_DEVICE);
    txb_refused(b, b->len, 1, WEIR_REFUSAL_AHEAD);
    txb_refused(b, b->len - 10, 11, WEIR_REFUSAL_STRADDLES);
    cr_assert_eq(b->sent.why.detail, 1);
    /* Ciphertext from before the offload goes as it is; with plaintext behind it, it does not. */
    b->how.seq -= 100;
    b->stream.user = NULL; /* nobody may ask */
    cr_assert_eq(txb_segment(b, 0, 100, 0), WEIR_OK);
    cr_assert_eq(b->sent.way, WEIR_MLX5_UNTOUCHED);
    struct sim_nic_packet *p = sim_nic_sent(b->nic);
    cr_assert_eq(p->tisn, 0);
    sim_nic_packet_free(p);
    cr_assert_eq(txb_segment(b, 0, 101, 0), WEIR_REFUSED);
    cr_assert_eq(b->sent.why.code, WEIR_REFUSAL_STRADDLES);
    cr_assert_eq(b->sent.why.detail, 1);
    b->how.seq += 100;
    b->stream.user = b;
    /* Once that is acknowledged, it is not sent again. */
    cr_assert_eq(weir_mlx5_tx_acked(b->ctx, b->how.seq - 50), WEIR_OK);
    txb_acked(b, b->records[1].start + 10);
    cr_assert_eq(b->acked, b->records[1].start);
    txb_refused(b, 0, 100, WEIR_REFUSAL_PASSED);
    txb_refused(b, b->records[1].start - 1, 2, WEIR_REFUSAL_STRADDLES);
    txb_goes(b, b->records[1].start, 10, WEIR_MLX5_DEVICE);
    cr_assert_eq(weir_mlx5_tx_acked(b->ctx, b->how.seq + (uint32_t)b->len + 1), WEIR_E_MISUSE);
    cr_assert_eq(weir_mlx5_tx_count(b->ctx).tx_error, 6);
    txb_close(b);
}

Test(tx_bounds, plaintext_that_is_not_there)
{
    struct txb *b =
        txb_begin(&(struct txb_how){.suite = &txb_suites[1], .policy = WEIR_MLX5_RESYNC});

    txb_records(b, 2, 8000);
    txb_goes(b, 0, 1000, WEIR_MLX5_DEVICE);
    b->broken_stream = true;
    txb_refused(b, 3000, 1000, WEIR_REFUSAL_GONE);
    txb_goes(b, 1000, 1000, WEIR_MLX5_DEVICE); /* it is not needed for that */
    b->no_queue = true;
    txb_refused(b, 2000, 1000, WEIR_REFUSAL_GONE);
    b->no_queue = b->broken_stream = false;
    txb_goes(b, 3000, 1000, WEIR_MLX5_DEVICE);
    txb_close(b);
}

/* A stream that gives bytes when they are counted, and not when they are written: what was written
 * for them does not count. */
struct fickle {
    struct weir_mlx5_stream real;
    unsigned calls, most;
};

static bool fickle_piece(void *user, uint32_t tcp_seq, uint32_t len, struct weir_mlx5_piece *piece)
{
    struct fickle *f = user;

    return f->calls++ < f->most && f->real.piece(f->real.user, tcp_seq, len, piece);
}

Test(tx_bounds, a_stream_that_changes_its_mind)
{
    for (unsigned i = 0; i < 4; i++) {
        struct txb *b = txb_begin(&(struct txb_how){.suite = &txb_suites[i],
                                                    .policy = WEIR_MLX5_RESYNC,
                                                    .driver = drivers[i % 2],
                                                    .chunk = 500});
        struct fickle fickle = {.real = b->stream};

        txb_records(b, 3, 8000);
        size_t second = b->records[1].start;
        txb_goes(b, 0, 1000, WEIR_MLX5_DEVICE);
        b->stream = (struct weir_mlx5_stream){fickle_piece, &fickle};
        /* Six pieces or seven, looked at twice. */
        for (fickle.most = 0; fickle.most < 10; fickle.most++) {
            fickle.calls = 0;
            txb_refused(b, second + 3000, 1000, WEIR_REFUSAL_GONE);
        }
        fickle.most = 100;
        txb_goes(b, second + 3000, 1000, WEIR_MLX5_DEVICE);
        txb_close(b);
    }
}

Test(tx_bounds, without_payload)
{
    struct txb *b = txb_begin(&(struct txb_how){.suite = &txb_suites[1]});
    uint8_t headers[54] = {0};
    struct weir_mlx5_segment segment = {.headers = headers, .headers_len = 54};

    headers[12] = 8;
    headers[14] = 0x45;
    headers[17] = 40;
    headers[23] = 6;
    headers[46] = 0x50;
    cr_assert_eq(weir_mlx5_tx_xmit(b->ctx, &b->stream, &segment, &b->sq, NULL, &b->sent), WEIR_OK);
    cr_assert_eq(b->sent.way, WEIR_MLX5_UNTOUCHED);
    cr_assert(sim_nic_post(b->nic_queue, (uint16_t)b->sq.produced, weir_mlx5_sq_doorbell(&b->sq)));
    txb_take_completions(b);
    struct sim_nic_packet *p = sim_nic_sent(b->nic);
    cr_assert(p != NULL && p->len == 54 && p->tisn == 0);
    sim_nic_packet_free(p);
    /* What contradicts itself is neither sent nor the end. */
    segment.len = 5;
    cr_assert_eq(weir_mlx5_tx_xmit(b->ctx, &b->stream, &segment, &b->sq, NULL, &b->sent),
                 WEIR_E_MISUSE);
    segment.len = 0;
    segment.headers_len = 53;
    cr_assert_eq(weir_mlx5_tx_xmit(b->ctx, &b->stream, &segment, &b->sq, NULL, &b->sent),
                 WEIR_E_MISUSE);
    txb_records(b, 1, 100);
    txb_goes(b, 0, 100, WEIR_MLX5_DEVICE);
    txb_close(b);
}

/* A queue that nobody empties: the packet is dropped before anything is written. */
Test(tx_queue, nearly_full)
{
    for (unsigned i = 0; i < 6; i++) {
        enum weir_mlx5_policy policy = (enum weir_mlx5_policy)(i / 2);
        struct txb *b = txb_begin(&(struct txb_how){
            .suite = &txb_suites[i % 4], .driver = drivers[i % 2], .policy = policy, .blocks = 64});
        size_t at = 0;

        txb_records(b, 20, RECORD);
        b->no_completions = true;
        while (weir_mlx5_sq_room(&b->sq) >= WEIR_MLX5_SQ_PACKET) {
            txb_goes(b, at, 1000, WEIR_MLX5_DEVICE);
            at += 1000;
        }
        txb_refused(b, at, 1000, WEIR_REFUSAL_RESOURCES);
        cr_assert(b->sent.why.transient);
        txb_refused(b, at + 5000, 1000, WEIR_REFUSAL_RESOURCES);
        cr_assert_eq(weir_mlx5_tx_count(b->ctx).tx_queue_full, 2);
        cr_assert_eq(weir_mlx5_tx_count(b->ctx).tx_error, 0);
        b->no_completions = false;
        txb_take_completions(b);
        cr_assert_eq(weir_mlx5_sq_room(&b->sq), 64);
        txb_goes(b, at, 1000, WEIR_MLX5_DEVICE);
        /* Room for a packet, and not for what it takes to bring the card there. */
        b->no_completions = true;
        while (weir_mlx5_sq_room(&b->sq) > WEIR_MLX5_SQ_PACKET + 8)
            txb_goes(b, at += 1000, 1000, WEIR_MLX5_DEVICE);
        if (policy == WEIR_MLX5_RESYNC) {
            txb_refused(b, at + 9000, 1000, WEIR_REFUSAL_RESOURCES);
        } else {
            txb_goes(b, at + 9000, 1000, WEIR_MLX5_SOFTWARE);
        }
        b->no_completions = false;
        txb_take_completions(b);
        txb_close(b);
    }
}

Test(tx_queue, what_it_is_and_is_not)
{
    static uint8_t ring[64 * 64];
    struct weir_mlx5_sq q;
    struct weir_mlx5_cqe cqe = {.opcode = WEIR_MLX5_CQE_REQUEST};

    cr_assert_eq(weir_mlx5_sq_init(&q, ring, 32, 1, 0), WEIR_E_MISUSE);
    cr_assert_eq(weir_mlx5_sq_init(&q, ring, 96, 1, 0), WEIR_E_MISUSE);
    cr_assert_eq(weir_mlx5_sq_init(&q, ring, 0x10000, 1, 0), WEIR_E_MISUSE);
    cr_assert_eq(weir_mlx5_sq_init(&q, ring, 64, 0x1000000, 0), WEIR_E_MISUSE);
    cr_assert_eq(weir_mlx5_sq_init(&q, ring, 64, 1, 17), WEIR_E_MISUSE);
    cr_assert_eq(weir_mlx5_sq_init(&q, ring, 64, 1, 16), WEIR_OK);
    cr_assert_null(weir_mlx5_sq_doorbell(&q));
    cr_assert_not(weir_mlx5_sq_flush(&q));
    cr_assert_eq(weir_mlx5_sq_complete(&q, &cqe), WEIR_E_MISUSE, "nothing is outstanding");
}

/* With few completions asked for, a NOP asks for the last one. */
Test(tx_queue, a_flush_completes_the_rest)
{
    struct txb *b = txb_begin(&(struct txb_how){.suite = &txb_suites[0], .signal = 40});

    txb_records(b, 4, 1000);
    txb_goes(b, 0, 1000, WEIR_MLX5_DEVICE);
    txb_goes(b, 1000, 100, WEIR_MLX5_DEVICE);
    cr_assert(b->sent.until > b->sq.consumed);
    cr_assert(weir_mlx5_sq_flush(&b->sq));
    cr_assert_not(weir_mlx5_sq_flush(&b->sq));
    cr_assert(sim_nic_post(b->nic_queue, (uint16_t)b->sq.produced, weir_mlx5_sq_doorbell(&b->sq)));
    txb_take_completions(b);
    cr_assert_eq(b->sq.consumed, b->sq.produced);
    txb_close(b);
}

/* Round the ring many times, also beyond 65536 blocks; entries never wrap. */
Test(tx_queue, goes_round)
{
    struct txb *b = txb_begin(
        &(struct txb_how){.suite = &txb_suites[2], .policy = WEIR_MLX5_RESYNC, .blocks = 64});

    txb_records(b, 4, 300);
    for (unsigned i = 0; i < 12000; i++) {
        unsigned r = i % 4;

        txb_goes(b, b->records[r].start + i % 3, 50 + i % 100, WEIR_MLX5_DEVICE);
    }
    cr_assert(b->sq.produced > 65536);
    txb_close(b);
}

/* Entries that asked for no completion take the room that a resync needs: who waits for it asks. */
Test(tx_queue, room_that_nobody_asked_for)
{
    struct txb *b = txb_begin(&(struct txb_how){.suite = &txb_suites[2],
                                                .policy = WEIR_MLX5_RESYNC,
                                                .blocks = 64,
                                                .signal = 16,
                                                .chunk = 500});

    txb_records(b, 2, 10000);
    size_t at = b->records[1].start;
    for (unsigned i = 0; i < 2; i++) /* the parameters asked, with the first packet behind them */
        txb_goes(b, i * 1000, 1000, WEIR_MLX5_DEVICE);
    for (size_t from = 2000; b->sq.silent < 12; from += 100)
        txb_goes(b, from, 100, WEIR_MLX5_DEVICE);
    txb_refused(b, at + 9000, 1000, WEIR_REFUSAL_RESOURCES);
    txb_take_completions(b);
    txb_refused(b, at + 9000, 1000, WEIR_REFUSAL_RESOURCES);
    cr_assert(weir_mlx5_sq_flush(&b->sq));
    cr_assert(sim_nic_post(b->nic_queue, (uint16_t)b->sq.produced, weir_mlx5_sq_doorbell(&b->sq)));
    txb_take_completions(b);
    txb_goes(b, at + 9000, 1000, WEIR_MLX5_DEVICE);
    txb_close(b);
}
