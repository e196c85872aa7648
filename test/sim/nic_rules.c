/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules that more than one entry decides about: order, fences, keys, continuity. */
#include "nic_bed.h"

#include <string.h>

static const struct bed_suite *const tls12 = &bed_suites[0], *const tls13 = &bed_suites[3];

static struct bed *begun(const struct bed_suite *suite)
{
    struct bed *b = bed_new(suite, 0, 0x2000);

    bed_record(b, 600);
    bed_record(b, 600);
    bed_record(b, 600);
    return b;
}

static void expect(struct bed *b, enum sim_nic_wrong wrong, const char *what)
{
    cr_assert(!bed_post(b), "%s", what);
    bed_expect_wrong(b, wrong, what);
    bed_drop(b);
}

/* One whole record sent. */
static struct bed *running(const struct bed_suite *suite)
{
    struct bed *b = begun(suite);

    bed_params(b, 0);
    bed_send(b, 0, b->starts[1]);
    cr_assert(bed_post(b));
    bed_expect(b, 0, b->starts[1]);
    return b;
}

Test(nic_rules, nothing_before_parameters)
{
    struct bed *b = begun(tls12);

    bed_nop(b, WEIR_MLX5_FENCE);
    bed_send(b, 0, 100);
    expect(b, SIM_NIC_NO_PARAMS, "SEND at once");
    b = begun(tls12);
    bed_dump(b, 0, 100, WEIR_MLX5_FENCE);
    expect(b, SIM_NIC_NO_PARAMS, "DUMP at once");
    b = begun(tls12);
    bed_set_psv(b, WEIR_MLX5_FENCE);
    expect(b, SIM_NIC_NO_PARAMS, "SET_PSV at once");
    b = begun(tls12);
    bed_umr(b, 0, WEIR_MLX5_FENCE);
    bed_nop(b, WEIR_MLX5_FENCE);
    bed_send(b, 0, 100);
    expect(b, SIM_NIC_NO_PARAMS, "SEND behind UMR alone");
    b = running(tls12);
    bed_umr(b, 1, WEIR_MLX5_FENCE);
    bed_nop(b, WEIR_MLX5_FENCE);
    bed_send(b, b->starts[1], 100);
    expect(b, SIM_NIC_NO_PARAMS, "SEND behind a second UMR alone");
}

Test(nic_rules, fences)
{
    struct bed *b = running(tls13);

    bed_umr(b, 1, 0);
    expect(b, SIM_NIC_NO_FENCE, "UMR behind data");
    b = running(tls13);
    bed_set_psv(b, 0);
    expect(b, SIM_NIC_NO_FENCE, "SET_PSV behind data");
    b = running(tls13);
    bed_nop(b, WEIR_MLX5_FENCE); /* a fence of an entry before is one */
    bed_umr(b, 1, 0);
    bed_set_psv(b, 0);
    bed_send(b, b->starts[1], 100);
    expect(b, SIM_NIC_NO_FENCE, "data behind parameters, the fence before them");
    b = running(tls13);
    bed_umr(b, 1, WEIR_MLX5_FENCE);
    bed_set_psv(b, WEIR_MLX5_FENCE);
    bed_dump(b, b->starts[1], 100, 0);
    expect(b, SIM_NIC_NO_FENCE, "DUMP without, behind a fence on SET_PSV");
    b = running(tls13);
    bed_nop(b, WEIR_MLX5_FENCE);
    bed_umr(b, 1, 0);
    bed_set_psv(b, 0);
    bed_dump(b, b->starts[1], 100, WEIR_MLX5_FENCE);
    bed_send(b, b->starts[1] + 100, 50);
    cr_assert(bed_post(b));
    bed_expect(b, b->starts[1] + 100, 50);
    bed_close(b);
}

Test(nic_rules, packets_continue_one_another)
{
    struct bed *b = running(tls12);

    bed_send(b, b->starts[1] + 1, 100);
    expect(b, SIM_NIC_NOT_CONTIGUOUS, "a byte left out");
    b = running(tls12);
    bed_send(b, 0, b->starts[1]);
    expect(b, SIM_NIC_NOT_CONTIGUOUS, "the same again");
    b = running(tls12);
    bed_send(b, b->starts[1], 300);
    bed_dump(b, b->starts[1] + 300, 99, 0);
    bed_send(b, b->starts[1] + 400, 100);
    cr_assert(!bed_post(b));
    bed_expect(b, b->starts[1], 300);
    bed_expect_wrong(b, SIM_NIC_NOT_CONTIGUOUS, "a DUMP too short for the gap");
    bed_drop(b);
    b = running(tls12);
    bed_umr(b, 0, WEIR_MLX5_FENCE);
    bed_set_psv(b, 0);
    bed_dump(b, 0, 100, WEIR_MLX5_FENCE);
    bed_dump(b, 101, 99, 0);
    bed_send(b, 200, 100);
    expect(b, SIM_NIC_NOT_CONTIGUOUS, "DUMPs with a hole");
    b = running(tls12);
    bed_umr(b, 0, WEIR_MLX5_FENCE);
    bed_set_psv(b, 0);
    bed_dump(b, 0, 100, WEIR_MLX5_FENCE);
    bed_dump(b, 99, 101, 0);
    bed_send(b, 200, 100);
    expect(b, SIM_NIC_NOT_CONTIGUOUS, "DUMPs that overlap");
}

Test(nic_rules, a_wrong_record_number_is_a_nonce_too_many)
{
    struct bed *b = running(tls13);

    bed_umr(b, 0, WEIR_MLX5_FENCE); /* record 1 under the number of record 0 */
    bed_set_psv(b, 0);
    bed_nop(b, WEIR_MLX5_FENCE);
    bed_send(b, b->starts[1], 100);
    expect(b, SIM_NIC_NOT_CONTIGUOUS, "the record of this number began elsewhere");
}

Test(nic_rules, content_that_changed_is_a_nonce_for_two)
{
    struct bed *b = running(tls13);

    b->memory[30] ^= 1;
    bed_params(b, 0);
    bed_send(b, 0, 100);
    expect(b, SIM_NIC_NONCE, "sent again with another byte");
    b = running(tls13);
    b->memory[30] ^= 1;
    bed_umr(b, 0, WEIR_MLX5_FENCE);
    bed_set_psv(b, 0);
    bed_dump(b, 0, 100, WEIR_MLX5_FENCE);
    bed_send(b, 100, b->starts[1] - 100);
    expect(b, SIM_NIC_NONCE, "a tag over a DUMP with another byte");
    b = running(tls13);
    b->memory[30] ^= 1;
    bed_umr(b, 0, WEIR_MLX5_FENCE);
    bed_set_psv(b, 0);
    bed_dump(b, 0, 100, WEIR_MLX5_FENCE);
    bed_send(b, 100, 400); /* no tag, and the bytes are those of before */
    cr_assert(bed_post(b));
    bed_expect(b, 100, 400);
    bed_close(b);
    b = begun(tls13); /* never sent whole: the part is enough */
    bed_params(b, 0);
    bed_send(b, 0, 100);
    cr_assert(bed_post(b));
    bed_expect(b, 0, 100);
    b->memory[99] ^= 1;
    bed_params(b, 0);
    bed_send(b, 0, 100);
    expect(b, SIM_NIC_NONCE, "a part sent again with another byte");
}

/* What is no record header, at the place of one. */
Test(nic_rules, record_headers)
{
    static const struct {
        const char *what;
        bool tls13, good;
        uint8_t header[5];
    } headers[] = {
        {"type 19", false, false, {19, 3, 3, 0, 100}},
        {"type 20", false, true, {20, 3, 3, 0, 100}},
        {"type 24", false, true, {24, 3, 3, 0, 100}},
        {"type 25", false, false, {25, 3, 3, 0, 100}},
        {"alert outside in TLS 1.3", true, false, {21, 3, 3, 0, 100}},
        {"TLS 1.0", false, false, {23, 3, 1, 0, 100}},
        {"version 3.4", true, false, {23, 3, 4, 0, 100}},
        {"major version", true, false, {23, 2, 3, 0, 100}},
        {"TLS 1.2, empty", false, true, {23, 3, 3, 0, 24}},
        {"TLS 1.2, too short", false, false, {23, 3, 3, 0, 23}},
        {"TLS 1.2, longest", false, true, {23, 3, 3, 0x40, 24}},
        {"TLS 1.2, too long", false, false, {23, 3, 3, 0x40, 25}},
        {"TLS 1.3, type alone", true, true, {23, 3, 3, 0, 17}},
        {"TLS 1.3, too short", true, false, {23, 3, 3, 0, 16}},
        {"TLS 1.3, longest", true, true, {23, 3, 3, 0x41, 16}},
        {"TLS 1.3, too long", true, false, {23, 3, 3, 0x41, 17}},
    };

    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        for (unsigned dump = 0; dump < 2; dump++) {
            struct bed *b = begun(headers[i].tls13 ? tls13 : tls12);

            memcpy(b->memory, headers[i].header, 5);
            bed_params(b, 0);
            if (dump == 1)
                bed_dump(b, 0, 20, 0);
            else
                bed_send(b, 0, 20);
            cr_assert_eq(bed_post(b), headers[i].good, "%s", headers[i].what);
            if (!headers[i].good)
                bed_expect_wrong(b, SIM_NIC_BAD_RECORD, headers[i].what);
            bed_drop(b);
        }
    }
}

Test(nic_rules, parameters_in_the_middle_of_a_record)
{
    struct bed *b = begun(tls12);

    bed_params(b, 0);
    bed_send(b, 50, 100);
    expect(b, SIM_NIC_BAD_RECORD, "no DUMP of what is before");
}

Test(nic_rules, keys)
{
    struct bed *b = running(tls12);
    uint8_t command[WEIR_MLX5_DEK_CREATE];
    uint32_t number;

    cr_assert_eq(weir_mlx5_destroy(command, WEIR_MLX5_DEK, b->dek), WEIR_OK);
    cr_assert_eq(bed_command(b, command, 16, &number), 0);
    cr_assert_eq(sim_nic_keys(b->nic), 0);
    bed_send(b, b->starts[1], 100);
    expect(b, SIM_NIC_NO_KEY, "data under a key that is gone");

    b = begun(tls12);
    cr_assert_eq(weir_mlx5_dek_create(command, BED_PD + 1, b->key, 16), WEIR_OK);
    cr_assert_eq(bed_command(b, command, sizeof command, &b->dek), 0);
    bed_params(b, 0);
    expect(b, SIM_NIC_WRONG_DOMAIN, "a key of another domain");

    b = begun(tls12);
    sim_nic_can(b->nic)->tls12_128 = false;
    bed_params(b, 0);
    expect(b, SIM_NIC_BAD_PARAMS, "a suite that the card does not have");
    b = begun(tls12);
    sim_nic_can(b->nic)->tls13_128 = sim_nic_can(b->nic)->tls12_256 = false;
    bed_params(b, 0);
    cr_assert(bed_post(b));
    bed_close(b);

    b = begun(tls12);
    bed_umr(b, 0, 0)[128 + 31] = 1;
    expect(b, SIM_NIC_BAD_PARAMS, "implicit IV with TLS 1.2");
}

Test(nic_rules, doorbells)
{
    struct bed *b = begun(tls12);
    uint8_t last[8] = {0};

    bed_nop(b, 0);
    cr_assert(!sim_nic_post(b->queue, b->pc, last));
    bed_expect_wrong(b, SIM_NIC_BAD_DOORBELL, "bytes of no entry");
    bed_drop(b);
    b = begun(tls12);
    bed_umr(b, 0, 0);
    cr_assert(!sim_nic_post(b->queue, 2, b->ring));
    bed_expect_wrong(b, SIM_NIC_BAD_DOORBELL, "an entry cut");
    bed_drop(b);
    b = begun(tls12);
    bed_nop(b, 0);
    cr_assert(!sim_nic_post(b->queue, BED_BLOCKS + 1, b->ring));
    bed_expect_wrong(b, SIM_NIC_BAD_DOORBELL, "more than the ring");
    bed_drop(b);
    b = begun(tls12);
    bed_nop(b, 0);
    bed_nop(b, 0);
    cr_assert(!sim_nic_post(b->queue, b->pc, b->ring));
    bed_expect_wrong(b, SIM_NIC_BAD_DOORBELL, "bytes of the entry before");
    bed_drop(b);
}

/* 62 NOPs, and an entry of three blocks over the edge. */
Test(nic_rules, no_entry_wraps)
{
    struct bed *b = begun(tls12);

    for (unsigned i = 0; i < BED_BLOCKS - 2; i++)
        bed_nop(b, 0);
    cr_assert(bed_post(b));
    uint8_t *p = bed_nop(b, 0);
    p[7] = 12;
    b->pc = (uint16_t)(b->pc + 2);
    expect(b, SIM_NIC_WRAPS, "three blocks where two are left");
    b = begun(tls12);
    for (unsigned i = 0; i < BED_BLOCKS - 3; i++)
        bed_nop(b, 0);
    cr_assert(bed_post(b));
    bed_umr(b, 0, 0);
    cr_assert(bed_post(b));
    bed_close(b);
}

Test(nic_rules, a_failed_queue_flushes_until_it_is_reset)
{
    struct bed *b = running(tls12);
    uint8_t cqe[64];
    struct weir_mlx5_cqe read;

    bed_send(b, b->starts[1] + 1, 10);
    bed_nop(b, 0);
    cr_assert(!bed_post(b));
    bed_nop(b, 0);
    cr_assert(!bed_post(b));
    for (unsigned i = 0; i < 3; i++) {
        cr_assert(sim_nic_completion(b->queue, cqe));
        weir_mlx5_cqe_read(cqe, &read);
        cr_assert(read.error);
        cr_assert_eq(read.opcode, WEIR_MLX5_CQE_REQUEST_ERROR);
        cr_assert_eq(read.syndrome, i == 0 ? 2 : 5);
    }
    cr_assert_eq(read.counter, b->last);
    cr_assert(!sim_nic_completion(b->queue, cqe));
    cr_assert_eq(sim_nic_complaints(b->nic), 1);
    sim_nic_forget(b->nic);
    sim_nic_queue_reset(b->queue);
    b->pc = 0;
    bed_params(b, 1);
    bed_send(b, b->starts[1], 100);
    cr_assert(bed_post(b));
    bed_expect(b, b->starts[1], 100);
    bed_close(b);
}

/* After a complaint about data the context does not go on without SET_PSV. */
Test(nic_rules, a_lost_place_is_not_taken_up)
{
    struct bed *b = running(tls12);

    bed_send(b, b->starts[1] + 1, 10);
    cr_assert(!bed_post(b));
    sim_nic_forget(b->nic);
    sim_nic_queue_reset(b->queue);
    b->pc = 0;
    bed_send(b, b->starts[1], 100);
    expect(b, SIM_NIC_NO_PARAMS, "data where nobody knows the place");
}

Test(nic_rules, nor_behind_a_dump_that_failed)
{
    struct bed *b = running(tls12);

    bed_dump(b, b->starts[1], 700, 0);
    cr_assert(!bed_post(b));
    cr_assert_eq(sim_nic_complaint(b->nic, 0)->wrong, SIM_NIC_DUMP_TOO_FAR);
    sim_nic_forget(b->nic);
    sim_nic_queue_reset(b->queue);
    b->pc = 0;
    bed_send(b, b->starts[2] + 700 - (b->starts[2] - b->starts[1]), 100);
    expect(b, SIM_NIC_NO_PARAMS, "data where nobody knows the place");
}

Test(nic_rules, get_psv_of_a_tir)
{
    struct bed *b = begun(tls12);
    uint8_t tir[WEIR_MLX5_TIR_CREATE], *out = b->memory + BED_STREAM + 64 - BED_STREAM % 64;
    uint64_t address = BED_BASE + (uint64_t)(out - b->memory);
    struct weir_mlx5_at at = {BED_SQN, 0, WEIR_MLX5_COMPLETE};
    struct weir_mlx5_static params = {.version = WEIR_TLS12, .dek = b->dek, .record = 7};
    struct weir_mlx5_progress progress;
    uint32_t tirn;

    cr_assert_eq(weir_mlx5_tir_create(tir, 5, 6), WEIR_OK);
    cr_assert_eq(bed_command(b, tir, sizeof tir, &tirn), 0);
    cr_assert_eq(weir_mlx5_umr(b->ring, &at, WEIR_RX, tirn, &params), WEIR_OK);
    at.index = 3;
    cr_assert_eq(weir_mlx5_set_psv(b->ring + 3 * 64, &at, WEIR_RX, tirn, 0xabcdef01u), WEIR_OK);
    at.index = 4;
    cr_assert_eq(weir_mlx5_get_psv(b->ring + 4 * 64, &at, tirn, address, BED_LKEY), WEIR_OK);
    memset(out, 0xff, 17);
    cr_assert(sim_nic_post(b->queue, 5, b->ring + 4 * 64));
    cr_assert_eq(weir_mlx5_progress_read(out, &progress), WEIR_OK);
    cr_assert_eq(progress.number, tirn);
    cr_assert_eq(progress.next_tcp_seq, 0xabcdef01u);
    cr_assert_eq(out[16], 0xff);

    static const struct {
        const char *what;
        unsigned byte, value;
        enum sim_nic_wrong wrong;
    } spoils[] = {
        {"no completion", 11, 0, SIM_NIC_BAD_FIELD},
        {"of a TIS", 0, 1, SIM_NIC_BAD_MODIFIER},
        {"count of PSVs", 35, 0x20, SIM_NIC_BAD_FIELD},
        {"reserved", 34, 1, SIM_NIC_BAD_FIELD},
        {"lkey", 39, 9, SIM_NIC_BAD_MEMORY},
        {"alignment", 47, 1, SIM_NIC_BAD_MEMORY},
        {"number shifted", 48, 1, SIM_NIC_NO_CONTEXT},
        {"last byte", 63, 1, SIM_NIC_BAD_FIELD},
        {"three segments", 7, 3, SIM_NIC_BAD_COUNT},
    };
    for (size_t i = 0; i < sizeof spoils / sizeof *spoils; i++) {
        sim_nic_queue_reset(b->queue);
        sim_nic_forget(b->nic);
        at.index = 0;
        cr_assert_eq(weir_mlx5_get_psv(b->ring, &at, tirn, address, BED_LKEY), WEIR_OK);
        b->ring[spoils[i].byte] = (uint8_t)spoils[i].value;
        cr_assert(!sim_nic_post(b->queue, 1, b->ring), "%s", spoils[i].what);
        bed_expect_wrong(b, spoils[i].wrong, spoils[i].what);
    }
    bed_drop(b);
}
