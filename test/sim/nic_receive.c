/* SPDX-License-Identifier: BSD-2-Clause */
/* Receiving: in order, with gaps, and back by a proposal of the card and an answer of the host. */
#include "nic_bed.h"

#include <stdlib.h>
#include <string.h>

#define PSV_AT (BED_STREAM + 64 - BED_STREAM % 64)

/* A bed whose records arrive instead of being sent. */
struct far {
    struct bed *b;
    uint32_t tirn;
    uint8_t
        opened[BED_STREAM]; /* what decrypting leaves: content, and headers and tags as they are */
};

static void opened(struct far *f)
{
    for (unsigned i = 0; i < f->b->records; i++) {
        size_t end = i + 1 < f->b->records ? f->b->starts[i + 1] : f->b->len;

        memcpy(f->opened + f->b->starts[i], f->b->memory + f->b->starts[i],
               end - f->b->starts[i] - 16);
        memcpy(f->opened + end - 16, f->b->wire + end - 16, 16);
    }
}

static void umr(struct far *f, uint64_t record, uint32_t resync)
{
    struct bed *b = f->b;
    struct weir_mlx5_static params = {.version = b->suite->tls13 ? WEIR_TLS13 : WEIR_TLS12,
                                      .dek = b->dek,
                                      .record = record,
                                      .resync_tcp_seq = resync};
    uint8_t *p = bed_umr(b, 0, 0); /* its place in the ring */
    struct weir_mlx5_at at = {BED_SQN, b->last, WEIR_MLX5_FENCE};

    memcpy(params.iv, b->iv, 12);
    cr_assert_eq(weir_mlx5_umr(p, &at, WEIR_RX, f->tirn, &params), WEIR_OK);
    cr_assert(bed_post(b));
}

static struct weir_mlx5_progress progress_of(struct far *f)
{
    struct bed *b = f->b;
    uint8_t *p = bed_nop(b, 0);
    struct weir_mlx5_at at = {BED_SQN, b->last, WEIR_MLX5_COMPLETE};
    struct weir_mlx5_progress progress;

    cr_assert_eq(weir_mlx5_get_psv(p, &at, f->tirn, BED_BASE + PSV_AT, BED_LKEY), WEIR_OK);
    cr_assert(bed_post(b));
    cr_assert_eq(weir_mlx5_progress_read(b->memory + PSV_AT, &progress), WEIR_OK);
    return progress;
}

/* Records of these lengths, the first expected at stream[from..). */
static struct far *far_new(const struct bed_suite *suite, const size_t *lens, size_t count,
                           unsigned record)
{
    struct far *f = sim_alloc(sizeof *f);
    struct weir_mlx5_at at;
    uint8_t tir[WEIR_MLX5_TIR_CREATE], *p;

    f->b = bed_new(suite, 70, 0xfffffe00u);
    for (size_t i = 0; i < count; i++)
        bed_record(f->b, lens[i]);
    opened(f);
    cr_assert_eq(weir_mlx5_tir_create(tir, 5, 6), WEIR_OK);
    cr_assert_eq(bed_command(f->b, tir, sizeof tir, &f->tirn), 0);
    umr(f, 70 + record, 0);
    p = bed_nop(f->b, 0);
    at = (struct weir_mlx5_at){BED_SQN, f->b->last, 0};
    cr_assert_eq(weir_mlx5_set_psv(p, &at, WEIR_RX, f->tirn,
                                   f->b->base_seq + (uint32_t)f->b->starts[record]),
                 WEIR_OK);
    cr_assert(bed_post(f->b));
    return f;
}

static void far_close(struct far *f)
{
    bed_close(f->b);
    free(f);
}

/* stream[from..from + len) arrives: what the card says, and whether the bytes fit to it. */
static enum sim_nic_rx arrives(struct far *f, size_t from, size_t len)
{
    static uint8_t bytes[BED_STREAM];
    uint8_t cqe[64];
    struct weir_mlx5_cqe read;

    memcpy(bytes, f->b->wire + from, len);
    enum sim_nic_rx done =
        sim_nic_receive(f->b->nic, f->tirn, f->b->base_seq + (uint32_t)from, bytes, len, cqe);
    weir_mlx5_cqe_read(cqe, &read);
    cr_assert_eq(read.opcode, WEIR_MLX5_CQE_RECEIVED);
    cr_assert_eq((int)read.tls, (int)done);
    cr_assert_eq(read.len, len);
    const uint8_t *wanted = done == SIM_NIC_RX_DECRYPTED ? f->opened : f->b->wire;
    cr_assert_eq(memcmp(bytes, wanted + from, len), 0, "%s: from %zu on", f->b->suite->name, from);
    return done;
}

static const size_t few[] = {1, 0, 33, 3000, 500, 64};

Test(nic_receive, in_order_in_segments_of_any_size)
{
    static const size_t steps[] = {1, 4, 5, 6, 13, 17, 100, 1448, 9000};

    for (size_t s = 0; s < 4; s++) {
        for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
            struct far *f = far_new(&bed_suites[s], few, 6, 0);

            for (size_t at = 0; at < f->b->len; at += steps[i]) {
                size_t n = f->b->len - at < steps[i] ? f->b->len - at : steps[i];
                cr_assert_eq(arrives(f, at, n), SIM_NIC_RX_DECRYPTED);
            }
            struct weir_mlx5_progress p = progress_of(f);
            cr_assert_eq(p.number, f->tirn);
            cr_assert_eq(p.next_tcp_seq, f->b->base_seq + (uint32_t)f->b->len);
            cr_assert_eq(p.tracker, WEIR_MLX5_TRACKER_TRACKING);
            cr_assert_eq(p.auth, WEIR_MLX5_AUTH_OFFLOAD);
            far_close(f);
        }
    }
}

/* Before the first header nothing is touched, wherever in a packet it is. */
Test(nic_receive, begins_at_the_header_it_was_told)
{
    for (size_t into = 0; into < 30; into++) {
        struct far *f = far_new(&bed_suites[into % 4], few, 6, 3);
        size_t start = f->b->starts[3];

        cr_assert_eq(progress_of(f).tracker, WEIR_MLX5_TRACKER_START);
        cr_assert_eq(arrives(f, 0, start - into), SIM_NIC_RX_PLAIN);
        cr_assert_eq(arrives(f, start - into, 100),
                     into == 0 ? SIM_NIC_RX_DECRYPTED : SIM_NIC_RX_PLAIN);
        cr_assert_eq(arrives(f, start - into + 100, 1000), SIM_NIC_RX_DECRYPTED);
        far_close(f);
    }
}

Test(nic_receive, every_flipped_bit_is_an_error)
{
    for (size_t s = 0; s < 4; s++) {
        struct far *f = far_new(&bed_suites[s], few, 6, 0);
        size_t start = f->b->starts[2], end = f->b->starts[3];

        far_close(f);
        for (size_t at = start + 5; at < end; at++) {
            f = far_new(&bed_suites[s], few, 6, 2);
            f->b->wire[at] ^= (uint8_t)(1 << at % 8);
            cr_assert_eq(arrives(f, start, end - start), SIM_NIC_RX_ERROR, "byte %zu", at);
            cr_assert_eq(arrives(f, end, 1000), SIM_NIC_RX_DECRYPTED);
            far_close(f);
        }
    }
}

Test(nic_receive, what_came_before_is_left_alone)
{
    struct far *f = far_new(&bed_suites[0], few, 6, 0);
    size_t at = f->b->starts[3] + 1000;

    cr_assert_eq(arrives(f, 0, at), SIM_NIC_RX_DECRYPTED);
    cr_assert_eq(arrives(f, 0, at), SIM_NIC_RX_PLAIN);
    cr_assert_eq(arrives(f, at - 500, 500), SIM_NIC_RX_PLAIN);
    cr_assert_eq(arrives(f, at, 100), SIM_NIC_RX_DECRYPTED);
    /* More than before: of this record nothing more is decrypted, of the next one it is. */
    cr_assert_eq(arrives(f, at, 200), SIM_NIC_RX_PLAIN);
    cr_assert_eq(arrives(f, at + 200, f->b->starts[4] - at - 200), SIM_NIC_RX_PLAIN);
    cr_assert_eq(arrives(f, f->b->starts[4], 300), SIM_NIC_RX_DECRYPTED);
    far_close(f);
    /* With the next header in it, it is a way to go on. */
    f = far_new(&bed_suites[0], few, 6, 0);
    cr_assert_eq(arrives(f, 0, at), SIM_NIC_RX_DECRYPTED);
    cr_assert_eq(arrives(f, at - 100, f->b->starts[4] + 50 - at + 100), SIM_NIC_RX_PLAIN);
    cr_assert_eq(arrives(f, f->b->starts[4] + 50, 100), SIM_NIC_RX_DECRYPTED);
    far_close(f);
}

Test(nic_receive, a_gap_within_a_record_costs_that_record)
{
    for (size_t s = 0; s < 4; s++) {
        struct far *f = far_new(&bed_suites[s], few, 6, 0);
        size_t three = f->b->starts[3], four = f->b->starts[4];

        cr_assert_eq(arrives(f, 0, three + 500), SIM_NIC_RX_DECRYPTED);
        cr_assert_eq(arrives(f, three + 600, 500), SIM_NIC_RX_PLAIN);
        cr_assert_eq(arrives(f, three + 500, 100), SIM_NIC_RX_PLAIN, "too late");
        cr_assert_eq(arrives(f, four - 100, 200), SIM_NIC_RX_PLAIN, "in part of the next one");
        cr_assert_eq(arrives(f, four + 100, f->b->len - four - 100), SIM_NIC_RX_DECRYPTED);
        far_close(f);
    }
}

/* The gap hides the header of record 4; that of record 5 is in the packet behind it. */
Test(nic_receive, a_lost_header_is_proposed_and_confirmed)
{
    static const size_t lens[] = {300, 300, 300, 300, 300, 300, 300, 300, 300};

    for (size_t s = 0; s < 4; s++) {
        struct far *f = far_new(&bed_suites[s], lens, 9, 0);
        size_t *starts = f->b->starts;
        struct weir_mlx5_progress p;

        cr_assert_eq(arrives(f, 0, starts[4] - 10), SIM_NIC_RX_DECRYPTED);
        cr_assert_eq(arrives(f, starts[4] + 10, 200), SIM_NIC_RX_RESYNC);
        p = progress_of(f);
        cr_assert_eq(p.tracker, WEIR_MLX5_TRACKER_SEARCHING);
        cr_assert_eq(p.auth, WEIR_MLX5_AUTH_NO_OFFLOAD);
        cr_assert_eq(arrives(f, starts[4] + 210, 200), SIM_NIC_RX_RESYNC);
        p = progress_of(f);
        cr_assert_eq(p.tracker, WEIR_MLX5_TRACKER_TRACKING);
        cr_assert_eq(p.auth, WEIR_MLX5_AUTH_NO_OFFLOAD);
        cr_assert_eq(p.resync_tcp_seq, f->b->base_seq + (uint32_t)starts[5]);
        /* Two more headers before the host answers, the second in part. */
        cr_assert_eq(arrives(f, starts[4] + 410, starts[7] + 3 - starts[4] - 410),
                     SIM_NIC_RX_PLAIN);
        umr(f, 70 + 4, p.resync_tcp_seq + 1);
        cr_assert_eq(progress_of(f).auth, WEIR_MLX5_AUTH_NO_OFFLOAD, "no such proposal");
        umr(f, 70 + 5, p.resync_tcp_seq);
        cr_assert_eq(progress_of(f).auth, WEIR_MLX5_AUTH_OFFLOAD);
        cr_assert_eq(arrives(f, starts[7] + 3, f->b->len - starts[7] - 3), SIM_NIC_RX_DECRYPTED);
        far_close(f);
    }
}

/* While it waits for the answer it misses another header: the proposal is void. */
Test(nic_receive, a_gap_over_a_header_takes_the_proposal_back)
{
    static const size_t lens[] = {300, 300, 300, 300, 300, 300};
    struct far *f = far_new(&bed_suites[2], lens, 6, 0);
    size_t *starts = f->b->starts;
    struct weir_mlx5_progress p;

    cr_assert_eq(arrives(f, starts[1], 100), SIM_NIC_RX_RESYNC);
    p = progress_of(f);
    cr_assert_eq(arrives(f, starts[1] + 200, 50), SIM_NIC_RX_PLAIN, "within the record it may");
    cr_assert_eq(arrives(f, starts[1], 100), SIM_NIC_RX_PLAIN, "and what was there before");
    cr_assert_eq(progress_of(f).tracker, WEIR_MLX5_TRACKER_TRACKING);
    cr_assert_eq(arrives(f, starts[2] + 1, 100), SIM_NIC_RX_RESYNC);
    cr_assert_eq(progress_of(f).tracker, WEIR_MLX5_TRACKER_SEARCHING);
    umr(f, 71, p.resync_tcp_seq);
    cr_assert_eq(progress_of(f).auth, WEIR_MLX5_AUTH_NO_OFFLOAD);
    far_close(f);
}

Test(nic_receive, a_wrong_number_does_not_open)
{
    static const size_t lens[] = {300, 300, 300, 300, 300, 300};
    struct far *f = far_new(&bed_suites[3], lens, 6, 0);

    cr_assert_eq(arrives(f, f->b->starts[2], 100), SIM_NIC_RX_RESYNC);
    umr(f, 70 + 3, progress_of(f).resync_tcp_seq);
    cr_assert_eq(arrives(f, f->b->starts[3], 400), SIM_NIC_RX_ERROR);
    far_close(f);
}

/* Bytes that look like a header: what they promise is not there, and the search goes on. */
Test(nic_receive, a_false_header_is_given_up)
{
    static const size_t lens[] = {300, 1000, 300, 300};
    struct far *f = far_new(&bed_suites[0], lens, 4, 0);
    size_t *starts = f->b->starts;

    memcpy(f->b->wire + starts[1] + 100, "\x17\x03\x03\x01\x00", 5);
    cr_assert_eq(arrives(f, starts[1] + 20, 200), SIM_NIC_RX_RESYNC);
    cr_assert_eq(progress_of(f).resync_tcp_seq, f->b->base_seq + (uint32_t)starts[1] + 100);
    uint32_t stale = progress_of(f).resync_tcp_seq;
    cr_assert_eq(arrives(f, starts[1] + 220, 300), SIM_NIC_RX_RESYNC);
    cr_assert_eq(progress_of(f).tracker, WEIR_MLX5_TRACKER_SEARCHING);
    umr(f, 71, stale);
    cr_assert_eq(progress_of(f).auth, WEIR_MLX5_AUTH_NO_OFFLOAD, "an answer that came too late");
    cr_assert_eq(arrives(f, starts[1] + 520, starts[3] - starts[1] - 520), SIM_NIC_RX_RESYNC);
    cr_assert_eq(progress_of(f).resync_tcp_seq, f->b->base_seq + (uint32_t)starts[2]);
    umr(f, 72, f->b->base_seq + (uint32_t)starts[2]);
    cr_assert_eq(arrives(f, starts[3], 300), SIM_NIC_RX_DECRYPTED);
    far_close(f);
}

/* A header at its place that is none: lost, and nothing of the packet is decrypted. */
Test(nic_receive, a_broken_header_loses_the_place)
{
    struct far *f = far_new(&bed_suites[1], few, 6, 0);

    f->b->wire[f->b->starts[4] + 1] = 9;
    cr_assert_eq(arrives(f, 0, f->b->len), SIM_NIC_RX_RESYNC);
    far_close(f);
    /* What is searched is what came, not what was made of it on the way to the broken header. */
    f = far_new(&bed_suites[1], few, 6, 3);
    size_t three = f->b->starts[3];
    memcpy(f->b->wire + three + 100, "\x17\x03\x03\x20\x00", 5);
    f->b->wire[f->b->starts[4]] = 99;
    cr_assert_eq(arrives(f, three, f->b->len - three), SIM_NIC_RX_RESYNC);
    cr_assert_eq(progress_of(f).resync_tcp_seq, f->b->base_seq + (uint32_t)three + 100);
    far_close(f);
}

Test(nic_receive, complaints)
{
    struct far *f = far_new(&bed_suites[1], few, 6, 0);
    struct bed *b = f->b;
    uint8_t in[272], cqe[64], bytes[10] = {0};
    uint32_t number;

    sim_nic_receive(b->nic, b->tisn, 0, bytes, 10, cqe);
    cr_assert_eq(sim_nic_complaint(b->nic, 0)->wrong, SIM_NIC_NO_CONTEXT);
    cr_assert_eq(weir_mlx5_tir_create(in, 5, 6), WEIR_OK);
    cr_assert_eq(bed_command(b, in, 272, &number), 0);
    sim_nic_receive(b->nic, number, 0, bytes, 10, cqe);
    cr_assert_eq(sim_nic_complaint(b->nic, 1)->wrong, SIM_NIC_NO_PARAMS);
    cr_assert_eq(weir_mlx5_destroy(in, WEIR_MLX5_DEK, b->dek), WEIR_OK);
    cr_assert_eq(bed_command(b, in, 16, &number), 0);
    sim_nic_receive(b->nic, f->tirn, b->base_seq, bytes, 10, cqe);
    cr_assert_eq(sim_nic_complaint(b->nic, 2)->wrong, SIM_NIC_NO_KEY);
    bed_drop(b);
    free(f);
}
