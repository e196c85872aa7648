/* SPDX-License-Identifier: BSD-2-Clause */
/* Firmware commands, capabilities, and faults on demand. */
#include "nic_bed.h"

#include <string.h>

static const struct bed_suite *const suite = &bed_suites[3];

/* A command with one byte changed fails with this complaint. */
static void expect_bad(const uint8_t *command, size_t len, size_t byte, unsigned value,
                       enum sim_nic_wrong wrong, const char *what)
{
    struct bed *b = bed_new(suite, 0, 0);
    uint8_t in[272];
    uint32_t number;

    memcpy(in, command, len);
    cr_assert_eq(bed_command(b, in, len, &number), 0, "%s: before", what);
    cr_assert_eq(sim_nic_complaints(b->nic), 0);
    size_t objects = sim_nic_keys(b->nic) + sim_nic_contexts(b->nic);
    in[byte] = (uint8_t)value;
    cr_assert_neq(bed_command(b, in, len, &number), 0, "%s", what);
    cr_assert_eq(number, 0, "%s", what);
    cr_assert_eq(sim_nic_complaints(b->nic), 1, "%s", what);
    cr_assert_eq(sim_nic_complaint(b->nic, 0)->wrong, wrong, "%s: %s", what,
                 sim_nic_complaint(b->nic, 0)->text);
    cr_assert_eq(sim_nic_keys(b->nic) + sim_nic_contexts(b->nic), objects, "%s", what);
    bed_drop(b);
}

Test(nic_commands, one_byte_of_a_key_object)
{
    uint8_t key[32] = {1, 2, 3}, small[272], large[272];

    key[15] = 9;
    cr_assert_eq(weir_mlx5_dek_create(small, BED_PD, key, 16), WEIR_OK);
    cr_assert_eq(weir_mlx5_dek_create(large, BED_PD, key, 32), WEIR_OK);
    expect_bad(small, 272, 16 + 64, 1, SIM_NIC_KEY_HALF, "a byte in the first half");
    expect_bad(small, 272, 16 + 79, 1, SIM_NIC_KEY_HALF, "the last of the first half");
    expect_bad(large, 272, 16 + 10, 0, SIM_NIC_KEY_HALF, "32 bytes called 16");
    expect_bad(large, 272, 16 + 10, 2, SIM_NIC_BAD_COMMAND, "key_size");
    expect_bad(large, 272, 16 + 11, 2, SIM_NIC_BAD_COMMAND, "a key of IPsec");
    expect_bad(large, 272, 7, 0xd, SIM_NIC_BAD_COMMAND, "object type");
    expect_bad(large, 272, 1, 1, SIM_NIC_BAD_COMMAND, "opcode");
    expect_bad(large, 272, 16 + 63, 1, SIM_NIC_BAD_COMMAND, "byte before the key");
    expect_bad(large, 272, 16 + 96, 1, SIM_NIC_BAD_COMMAND, "byte behind the key");
    expect_bad(large, 272, 16 + 255, 1, SIM_NIC_BAD_COMMAND, "last byte");
}

/* A key wholly in the first half, by hand. */
Test(nic_commands, a_short_key_in_the_first_half)
{
    struct bed *b = bed_new(suite, 0, 0);
    uint8_t in[272] = {0x0a, 0x00, [7] = 0xc, [27] = 1};
    uint32_t number;

    memset(in + 16 + 64, 0x33, 16);
    cr_assert_eq(bed_command(b, in, sizeof in, &number), 3);
    cr_assert_eq(sim_nic_complaint(b->nic, 0)->wrong, SIM_NIC_KEY_HALF);
    memset(in + 16 + 64, 0, 16);
    memset(in + 16 + 80, 0x33, 16);
    cr_assert_eq(bed_command(b, in, sizeof in, &number), 0);
    cr_assert_eq(sim_nic_complaints(b->nic), 1);
    bed_drop(b);
}

Test(nic_commands, one_byte_of_a_tis_or_tir)
{
    uint8_t tis[192], tir[272];

    cr_assert_eq(weir_mlx5_tis_create(tis, 3, 5, BED_PD), WEIR_OK);
    cr_assert_eq(weir_mlx5_tir_create(tir, 5, 6), WEIR_OK);
    expect_bad(tis, 192, 32, 0, SIM_NIC_BAD_COMMAND, "TIS without TLS");
    expect_bad(tis, 192, 32 + 36, 1, SIM_NIC_BAD_COMMAND, "byte before the domain");
    expect_bad(tis, 192, 32 + 44, 1, SIM_NIC_BAD_COMMAND, "byte before the protection domain");
    expect_bad(tis, 192, 191, 1, SIM_NIC_BAD_COMMAND, "last byte of a TIS");
    expect_bad(tir, 272, 32 + 4, 0x10, SIM_NIC_BAD_COMMAND, "TIR without TLS");
    expect_bad(tir, 272, 32 + 4, 0x08, SIM_NIC_BAD_COMMAND, "TIR without a table");
    expect_bad(tir, 272, 32 + 36, 0x23, SIM_NIC_BAD_COMMAND, "hash of a TIR");
    expect_bad(tir, 272, 271, 1, SIM_NIC_BAD_COMMAND, "last byte of a TIR");
}

Test(nic_commands, length_and_objects_that_are_not_there)
{
    struct bed *b = bed_new(suite, 0, 0);
    uint8_t in[272], out[16];
    uint32_t number;

    cr_assert_eq(weir_mlx5_dek_create(in, BED_PD, b->key, 32), WEIR_OK);
    cr_assert_eq(bed_command(b, in, 271, &number), 0x50);
    cr_assert_eq(bed_command(b, in, 0, &number), 2);
    cr_assert_eq(sim_nic_complaints(b->nic), 2);
    for (int object = WEIR_MLX5_DEK; object <= WEIR_MLX5_TIR; object++) {
        uint32_t wrong = object == WEIR_MLX5_DEK ? b->tisn : b->dek;

        cr_assert_eq(weir_mlx5_destroy(in, (enum weir_mlx5_object)object, wrong), WEIR_OK);
        sim_nic_forget(b->nic);
        cr_assert_eq(bed_command(b, in, 16, &number), 5);
        cr_assert_eq(sim_nic_complaint(b->nic, 0)->wrong, SIM_NIC_NO_OBJECT);
    }
    cr_assert_eq(weir_mlx5_destroy(in, WEIR_MLX5_TIR, b->tisn), WEIR_OK);
    cr_assert_eq(bed_command(b, in, 16, &number), 5, "a TIS is no TIR");
    cr_assert_eq(weir_mlx5_destroy(in, WEIR_MLX5_TIS, b->tisn), WEIR_OK);
    cr_assert_eq(bed_command(b, in, 16, &number), 0);
    cr_assert_eq(bed_command(b, in, 16, &number), 5, "twice");
    cr_assert_eq(sim_nic_contexts(b->nic), 0);
    cr_assert_eq(sim_nic_command(b->nic, in, 16, out, 15), SIM_NIC_DEAD, "no room for a reply");
    bed_drop(b);
}

static void query(struct bed *b, unsigned page, uint8_t out[16 + 4096])
{
    uint8_t in[16] = {0x01, 0x00};

    sim_put_be16(in + 6, page << 1 | 1);
    cr_assert_eq(sim_nic_command(b->nic, in, 16, out, 16 + 4096), SIM_NIC_DONE);
    cr_assert_eq(out[0], 0);
}

Test(nic_commands, capability_pages)
{
    static uint8_t general[16 + 4096], tls[16 + 4096];
    struct bed *b = bed_new(suite, 0, 0);
    struct sim_nic_can *can = sim_nic_can(b->nic);
    struct weir_mlx5_caps caps;

    for (unsigned bits = 0; bits < 128; bits++) {
        can->keys = (bits & 1) != 0;
        can->tx = (bits & 2) != 0;
        can->rx = true;
        can->tls12_128 = (bits & 4) != 0;
        can->tls13_128 = (bits & 8) != 0;
        can->tls12_256 = (bits & 16) != 0;
        can->tls13_256 = (bits & 32) != 0;
        can->log_keys = (bits & 64) != 0 ? 31 : 1;
        query(b, 0, general);
        query(b, 0x11, tls);
        cr_assert_eq(weir_mlx5_caps_read(&caps, general + 16, 4096, tls + 16, 4096, true), WEIR_OK);
        cr_assert_eq(caps.can, (bits & 1) | (bits & 2) | WEIR_MLX5_CAN_RX | WEIR_MLX5_CAN_STEER |
                                   (bits & 0x3c) << 2);
        if (can->keys)
            cr_assert_eq(caps.sessions, (bits & 64) != 0 ? 1u << 30 : 1);
    }
    bed_close(b);
}

Test(nic_faults, key_table_full)
{
    struct bed *b = bed_new(suite, 0, 0);
    uint8_t in[272], end[16];
    uint32_t number, first = 0;

    sim_nic_can(b->nic)->log_keys = 2;
    cr_assert_eq(weir_mlx5_dek_create(in, BED_PD, b->key, 32), WEIR_OK);
    for (unsigned i = 1; i < 4; i++)
        cr_assert_eq(bed_command(b, in, sizeof in, i == 1 ? &first : &number), 0);
    cr_assert_eq(bed_command(b, in, sizeof in, &number), WEIR_MLX5_STATUS_LIMIT);
    cr_assert_eq(weir_mlx5_destroy(end, WEIR_MLX5_DEK, first), WEIR_OK);
    cr_assert_eq(bed_command(b, end, 16, &number), 0);
    cr_assert_eq(bed_command(b, in, sizeof in, &number), 0);
    cr_assert_neq(number, first, "no number is given twice");
    bed_close(b);
}

Test(nic_faults, commands_fail_or_are_late)
{
    struct bed *b = bed_new(suite, 0, 0);
    struct sim_faults faults = {0};
    uint8_t in[272], out[16], other[16];
    uint32_t number;

    sim_nic_set_faults(b->nic, &faults);
    cr_assert_eq(weir_mlx5_dek_create(in, BED_PD, b->key, 32), WEIR_OK);
    sim_faults_plan(&faults, SIM_NIC_COMMAND, 1, 1, sim_fault_errno(0x0f));
    sim_faults_plan(&faults, SIM_NIC_COMMAND, 2, 1, sim_fault_short(2));
    sim_faults_plan(&faults, SIM_NIC_COMMAND, 3, 1, sim_fault_short(SIM_NIC_NEVER));
    cr_assert_eq(bed_command(b, in, sizeof in, &number), 0x0f);
    cr_assert_eq(sim_nic_keys(b->nic), 1);
    memset(out, 0xff, sizeof out);
    memset(other, 0xff, sizeof other);
    cr_assert_eq(sim_nic_command(b->nic, in, sizeof in, out, sizeof out), SIM_NIC_LATE);
    cr_assert_eq(sim_nic_command(b->nic, in, sizeof in, other, sizeof other), SIM_NIC_LATE);
    cr_assert_eq(sim_nic_waiting(b->nic), 2);
    sim_nic_tick(b->nic);
    cr_assert_eq(out[0], 0xff);
    sim_nic_tick(b->nic);
    cr_assert_eq(out[0], 0);
    cr_assert_eq(sim_nic_keys(b->nic), 2);
    for (unsigned i = 0; i < 100; i++)
        sim_nic_tick(b->nic);
    cr_assert_eq(other[0], 0xff);
    cr_assert_eq(sim_nic_waiting(b->nic), 1);
    bed_close(b);
}

Test(nic_faults, entries_fail_or_are_late)
{
    struct bed *b = bed_new(suite, 0, 0);
    struct sim_faults faults = {0};
    uint8_t cqe[64];

    bed_record(b, 500);
    sim_nic_set_faults(b->nic, &faults);
    sim_faults_plan(&faults, SIM_NIC_ENTRY, 4, 1, sim_fault_short(3));
    bed_params(b, 0);
    bed_send(b, 0, 100);
    bed_send(b, 100, 100);
    cr_assert(bed_post(b));
    bed_expect_none(b);
    sim_nic_tick(b->nic);
    bed_send(b, 200, 100);
    cr_assert(bed_post(b));
    bed_expect_none(b);
    sim_nic_tick(b->nic);
    sim_nic_tick(b->nic);
    for (size_t i = 0; i < 3; i++)
        bed_expect(b, 100 * i, 100);
    cr_assert_eq(faults.calls[SIM_NIC_ENTRY], 6, "a wait is no second call");
    sim_faults_plan(&faults, SIM_NIC_ENTRY, 7, 1, sim_fault_errno(0x22));
    bed_send(b, 300, 100);
    cr_assert(!bed_post(b));
    bed_expect_none(b);
    cr_assert(sim_nic_completion(b->queue, cqe));
    cr_assert_eq(cqe[63] >> 4, 13);
    cr_assert_eq(cqe[55], 0x22);
    cr_assert_eq(sim_nic_complaints(b->nic), 0, "a fault is not the driver's");
    bed_drop(b);
}

Test(nic_faults, doorbells_are_lost)
{
    struct bed *b = bed_new(suite, 0, 0);
    struct sim_faults faults = {0};

    bed_record(b, 500);
    sim_nic_set_faults(b->nic, &faults);
    sim_faults_plan(&faults, SIM_NIC_DOORBELL, 1, 1, sim_fault_errno(1));
    bed_params(b, 0);
    cr_assert(bed_post(b));
    cr_assert_eq(sim_nic_consumed(b->queue), 0);
    bed_send(b, 0, 100);
    cr_assert(bed_post(b));
    bed_expect(b, 0, 100);
    bed_close(b);
}

/* At every step: nothing is sent from there on, and nothing was wrong. */
Test(nic_faults, the_card_goes_away)
{
    uint64_t calls = 99;

    for (uint64_t n = 1; n <= calls; n++) {
        struct bed *b = bed_new(suite, 0, 0);
        struct sim_faults faults = {0};
        uint8_t in[16], out[16], cqe[64];

        bed_record(b, 500);
        sim_nic_set_faults(b->nic, &faults);
        sim_faults_plan(&faults, SIM_ANY_CALL, n, 1, sim_fault_errno(SIM_NIC_GONE));
        bed_params(b, 0);
        bool good = bed_post(b);
        bed_send(b, 0, 100);
        good = bed_post(b) && good;
        cr_assert_eq(weir_mlx5_destroy(in, WEIR_MLX5_DEK, b->dek), WEIR_OK);
        good = sim_nic_command(b->nic, in, 16, out, 16) == SIM_NIC_DONE && good;
        if (calls == 99)
            calls = 7; /* two doorbells, four entries, a command */
        cr_assert(!good && sim_nic_removed(b->nic), "call %u", (unsigned)n);
        cr_assert_eq(sim_nic_counts(b->nic)->packets, n == 7);
        cr_assert(!sim_nic_completion(b->queue, cqe));
        cr_assert_eq(sim_nic_command(b->nic, in, 16, out, 16), SIM_NIC_DEAD);
        cr_assert_eq(sim_nic_complaints(b->nic), 0);
        bed_drop(b);
    }
}

/* The worked bytes of docs/reference/mlx5-wqe.md, section 7, by hand; the numbers of the objects
 * are those that this card gives. */
Test(nic_hand, worked_bytes)
{
    static const uint8_t umr[] = {1, 0, 0, 0x25, 0,    4, 0x56, 0x0c, 0, 0, 0, 0x20,
                                  0, 0, 0, 0,    0x80, 0, 0,    0,    0, 0, 0, 4};
    static const uint8_t set_psv[] = {1, 0, 3, 0x20, 0, 4, 0x56, 2};
    static const uint8_t dump[] = {0, 0, 4, 0x23, 0, 4, 0x56, 2, 0, 0, 0, 0x20};
    struct bed *b = bed_new(&bed_suites[0], 5, 0);
    struct sim_nic_place at;
    uint8_t *p = b->ring;

    bed_record(b, 100);
    memcpy(p, umr, sizeof umr);
    sim_put_be16(p + 13, b->tisn);
    p[128] = 0x89;
    p[131] = 1;
    p[143] = 5;
    memcpy(p + 148, b->iv, 4);
    sim_put_be16(p + 162, b->dek);
    p += 192;
    memcpy(p, set_psv, sizeof set_psv);
    sim_put_be16(p + 18, b->tisn);
    p += 64;
    memcpy(p, dump, sizeof dump);
    sim_put_be16(p + 13, b->tisn);
    p[19] = 60;
    p[23] = BED_LKEY;
    p[29] = 1; /* BED_BASE */
    cr_assert(sim_nic_post(b->queue, 5, p));
    cr_assert(sim_nic_place(b->nic, b->tisn, &at));
    cr_assert_eq(at.record, 5);
    cr_assert_eq(at.offset, 60);
    b->pc = 5;
    bed_send(b, 60, b->len - 60);
    cr_assert(bed_post(b));
    bed_expect(b, 60, b->len - 60);
    bed_close(b);
}
