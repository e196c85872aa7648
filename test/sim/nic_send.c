/* SPDX-License-Identifier: BSD-2-Clause */
/* What goes to the wire, against a reference encryption. */
#include "nic_bed.h"

#include <string.h>

#define RECORD 16384u

/* Everything in segments of `step`, each posted by itself. */
static void send_all(struct bed *b, size_t from, size_t step)
{
    for (size_t at = from; at < b->len; at += step) {
        size_t n = b->len - at < step ? b->len - at : step;

        bed_send(b, at, n);
        cr_assert(bed_post(b));
        bed_expect(b, at, n);
    }
}

Test(nic_send, records_over_segments_of_any_size)
{
    static const size_t steps[] = {1, 4, 5, 6, 13, 16, 17, 100, 1448, 1460};

    for (size_t s = 0; s < 4; s++) {
        for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
            struct bed *b = bed_new(&bed_suites[s], 0xfffffffeu, 0xfffffff0u);

            bed_record(b, 1);
            bed_record(b, 0);
            bed_record(b, 33);
            bed_record(b, steps[i] < 100 ? 200 : RECORD);
            bed_record(b, 64);
            bed_params(b, 0);
            send_all(b, 0, steps[i]);
            cr_assert_eq(sim_nic_counts(b->nic)->tls_records, 5);
            cr_assert_eq(sim_nic_counts(b->nic)->tls_bytes, b->len);
            cr_assert_eq(sim_ledger_pairs(b->ledger), 5);
            bed_close(b);
        }
    }
}

Test(nic_send, a_packet_out_of_several_pieces)
{
    struct bed *b = bed_new(&bed_suites[2], 0, 77);

    bed_record(b, 1000);
    bed_params(b, 0);
    bed_send_as(b, 0, b->len, 0, 7);
    cr_assert(bed_post(b));
    bed_expect(b, 0, b->len);
    bed_close(b);
}

static uint32_t sum_of(const uint8_t *p, size_t len)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < len; i++)
        sum += i % 2 == 0 ? (uint32_t)p[i] << 8 : p[i];
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

Test(nic_send, lso_makes_packets_with_headers_of_their_own)
{
    for (size_t s = 0; s < 4; s++) {
        struct bed *b = bed_new(&bed_suites[s], 3, 0xfffff000u);

        bed_record(b, RECORD);
        bed_params(b, 0);
        bed_send_as(b, 0, b->len, 1448, 3);
        cr_assert(bed_post(b));
        for (size_t at = 0, i = 0; at < b->len; at += 1448, i++) {
            size_t n = b->len - at < 1448 ? b->len - at : 1448;
            struct sim_nic_packet *p = sim_nic_sent(b->nic);
            uint8_t whole[32 + 1500] = {0};

            cr_assert_not_null(p);
            cr_assert_eq(p->seq, 0xfffff000u + (uint32_t)at);
            cr_assert_eq((uint32_t)(sim_get_be64(p->bytes + 38) >> 32), p->seq);
            cr_assert_eq(sim_get_be16(p->bytes + 16), 40 + n);
            cr_assert_eq(sim_get_be16(p->bytes + 18), (uint16_t)(0xfffe + i));
            cr_assert_eq(p->bytes[47], at + n == b->len ? 0x19 : 0x10, "FIN and PSH come last");
            cr_assert_eq(sum_of(p->bytes + 14, 20), 0xffff, "checksum of IP");
            memcpy(whole, p->bytes + 26, 8);
            whole[9] = 6;
            sim_put_be16(whole + 10, 20 + n);
            memcpy(whole + 12, p->bytes + 34, 20 + n);
            cr_assert_eq(sum_of(whole, 32 + n), 0xffff, "checksum of TCP");
            cr_assert_eq(memcmp(p->bytes + 54, b->wire + at, n), 0);
            sim_nic_packet_free(p);
        }
        bed_expect_none(b);
        bed_close(b);
    }
}

/* An entry by hand: a VLAN tag, IPv6, TCP with options, and what the card makes of it. */
Test(nic_send, lso_of_ipv6_in_a_vlan)
{
    struct bed *b = bed_new(&bed_suites[3], 0, 0x01020304u);
    uint8_t *p = b->ring + 5 * 64, headers[90] = {0};
    const size_t mss = 1428;

    bed_record(b, 4000);
    bed_params(b, 0);
    memcpy(headers + 12, "\x81\x00\x00\x05\x86\xdd\x60", 7);
    headers[18 + 6] = 6;
    for (size_t i = 0; i < 32; i++)
        headers[18 + 8 + i] = (uint8_t)(0x30 + i);
    memcpy(headers + 58 + 4, "\x01\x02\x03\x04", 4);
    headers[58 + 12] = 0x80;
    headers[58 + 13] = 0x18;
    sim_put_be16(p + 1, 5);
    p[3] = 0x0e;
    memcpy(p + 4, "\x00\x04\x56\x09", 4);
    sim_put_be16(p + 13, b->tisn);
    p[20] = 0xc0;
    sim_put_be16(p + 22, mss);
    p[29] = sizeof headers;
    memcpy(p + 30, headers, sizeof headers);
    sim_put_be16(p + 130, b->len);
    p[135] = BED_LKEY;
    p[141] = 1; /* BED_BASE */
    cr_assert(sim_nic_post(b->queue, 8, p));
    for (size_t at = 0; at < b->len; at += mss) {
        size_t n = b->len - at < mss ? b->len - at : mss;
        struct sim_nic_packet *packet = sim_nic_sent(b->nic);
        uint8_t whole[40 + 1500] = {0};

        cr_assert_not_null(packet);
        cr_assert_eq(packet->headers_len, 90);
        cr_assert_eq(sim_get_be16(packet->bytes + 18 + 4), 32 + n, "length of IPv6");
        cr_assert_eq(packet->seq, 0x01020304u + at);
        cr_assert_eq(packet->bytes[58 + 13], at + n == b->len ? 0x18 : 0x10);
        memcpy(whole, packet->bytes + 18 + 8, 32);
        sim_put_be16(whole + 34, 32 + n);
        whole[39] = 6;
        memcpy(whole + 40, packet->bytes + 58, 32 + n);
        cr_assert_eq(sum_of(whole, 72 + n), 0xffff, "checksum of TCP");
        cr_assert_eq(memcmp(packet->bytes + 90, b->wire + at, n), 0);
        sim_nic_packet_free(packet);
    }
    bed_expect_none(b);
    bed_close(b);
}

Test(nic_send, without_a_tis_bytes_stay)
{
    struct bed *b = bed_new(&bed_suites[0], 0, 1);

    bed_record(b, 100);
    memcpy(b->wire, b->memory, b->len);
    memset(bed_send(b, 0, b->len) + 12, 0, 3);
    b->tisn = 0;
    cr_assert(bed_post(b));
    bed_expect(b, 0, b->len);
    bed_close(b);
}

/* Both drivers' ways back to a segment in the middle: all of the record up to it, or the gap. */
Test(nic_resync, from_the_start_of_the_record_to_any_offset)
{
    static const size_t offsets[] = {1, 4, 5, 6, 12, 13, 14, 100, 1000, 3012, 3013, 3020};

    for (size_t s = 0; s < 4; s++) {
        struct bed *b = bed_new(&bed_suites[s], 9, 0xfffffc00u);

        bed_record(b, 500);
        bed_record(b, 3000);
        bed_record(b, 20);
        bed_params(b, 0);
        send_all(b, 0, 1460);
        for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
            size_t start = b->starts[1], to = start + offsets[i];
            size_t n = b->starts[2] + 10 - to < 1460 ? b->starts[2] + 10 - to : 1460;

            bed_umr(b, 1, WEIR_MLX5_FENCE);
            bed_set_psv(b, 0);
            for (size_t at = start; at < to; at += 1024)
                bed_dump(b, at, to - at < 1024 ? to - at : 1024, at == start ? WEIR_MLX5_FENCE : 0);
            bed_send(b, to, n);
            cr_assert(bed_post(b));
            bed_expect(b, to, n);
        }
        bed_expect_none(b);
        bed_close(b);
    }
}

Test(nic_resync, the_gap_within_a_record)
{
    for (size_t s = 0; s < 4; s++) {
        struct bed *b = bed_new(&bed_suites[s], 0, 5000);

        bed_record(b, 3000);
        bed_params(b, 0);
        bed_send(b, 0, 1000);
        bed_dump(b, 1000, 500, WEIR_MLX5_FENCE);
        bed_send(b, 1500, b->len - 1500);
        cr_assert(bed_post(b) == false, "longer than the MTU");
        sim_nic_forget(b->nic);
        bed_expect(b, 0, 1000);
        bed_drop(b);

        b = bed_new(&bed_suites[s], 0, 5000);
        bed_record(b, 2500);
        bed_params(b, 0);
        bed_send(b, 0, 1000);
        bed_dump(b, 1000, 500, WEIR_MLX5_FENCE);
        bed_send(b, 1500, b->len - 1500);
        cr_assert(bed_post(b));
        bed_expect(b, 0, 1000);
        bed_expect(b, 1500, b->len - 1500);
        cr_assert_eq(sim_nic_counts(b->nic)->dump_bytes, 500);
        bed_close(b);
    }
}

/* Linux: no fence on the first UMR, a NOP of one data segment before DUMPs, no UMR when the record
 * is the same. */
Test(nic_resync, as_linux_writes_it)
{
    struct bed *b = bed_new(&bed_suites[3], 0, 5000);
    uint8_t *nop;

    bed_record(b, 2000);
    bed_umr(b, 0, 0);
    bed_set_psv(b, 0);
    nop = bed_nop(b, WEIR_MLX5_FENCE);
    nop[7] = 1;
    bed_send(b, 0, 1400);
    cr_assert(bed_post(b));
    bed_expect(b, 0, 1400);
    bed_set_psv(b, WEIR_MLX5_FENCE);
    nop = bed_nop(b, WEIR_MLX5_FENCE);
    nop[7] = 1;
    bed_dump(b, 0, 700, 0);
    bed_dump(b, 700, 50, 0);
    bed_send(b, 750, 800);
    cr_assert(bed_post(b));
    bed_expect(b, 750, 800);
    bed_close(b);
}

Test(nic_resync, place_follows_every_step)
{
    struct bed *b = bed_new(&bed_suites[1], 40, 0xffffff00u);
    struct sim_nic_place at;

    bed_record(b, 700);
    bed_record(b, 700);
    cr_assert(!sim_nic_place(b->nic, b->tisn, &at));
    bed_umr(b, 1, 0);
    cr_assert(bed_post(b));
    cr_assert(!sim_nic_place(b->nic, b->tisn, &at));
    bed_set_psv(b, 0);
    bed_dump(b, b->starts[1], 300, WEIR_MLX5_FENCE);
    cr_assert(bed_post(b));
    cr_assert(sim_nic_place(b->nic, b->tisn, &at));
    cr_assert_eq(at.record, 41);
    cr_assert_eq(at.offset, 300);
    cr_assert(!at.seq_known);
    bed_send(b, b->starts[1] + 300, b->len - b->starts[1] - 300);
    cr_assert(bed_post(b));
    cr_assert(sim_nic_place(b->nic, b->tisn, &at));
    cr_assert_eq(at.record, 42);
    cr_assert_eq(at.offset, 0);
    cr_assert(at.seq_known);
    cr_assert_eq(at.seq, 0xffffff00u + (uint32_t)b->len);
    bed_close(b);
}

/* A TIS serves the next connection with another key. */
Test(nic_resync, a_tis_is_used_again)
{
    struct bed *b = bed_new(&bed_suites[0], 0, 100);
    uint8_t command[WEIR_MLX5_DEK_CREATE];
    uint32_t none;

    bed_record(b, 50);
    bed_params(b, 0);
    send_all(b, 0, 1000);
    cr_assert_eq(weir_mlx5_destroy(command, WEIR_MLX5_DEK, b->dek), WEIR_OK);
    cr_assert_eq(bed_command(b, command, 16, &none), 0);
    b->key[3] ^= 1;
    cr_assert_eq(weir_mlx5_dek_create(command, BED_PD, b->key, 16), WEIR_OK);
    cr_assert_eq(bed_command(b, command, sizeof command, &b->dek), 0);
    b->records = 0;
    b->len = 0;
    b->base_seq = 999;
    bed_record(b, 60);
    bed_params(b, 0);
    send_all(b, 0, 1000);
    bed_close(b);
}

/* Two rounds of the ring and more, NOPs at its edge included. */
Test(nic_queue, goes_round)
{
    struct bed *b = bed_new(&bed_suites[2], 0, 0);

    for (unsigned i = 0; i < 40; i++)
        bed_record(b, 100 + i);
    for (unsigned i = 0; i < 40; i++) {
        bed_params(b, i);
        bed_send(b, b->starts[i], 90 + i);
        cr_assert(bed_post(b));
        bed_expect(b, b->starts[i], 90 + i);
        cr_assert_eq(sim_nic_consumed(b->queue), b->pc);
    }
    cr_assert(b->pc > 2 * BED_BLOCKS);
    bed_close(b);
}

Test(nic_queue, completions_where_asked_for)
{
    struct bed *b = bed_new(&bed_suites[2], 0, 0);
    uint8_t cqe[64];
    struct weir_mlx5_cqe read;

    for (unsigned i = 0; i < 70; i++) {
        bed_nop(b, 0);
        bed_nop(b, WEIR_MLX5_COMPLETE);
        cr_assert(bed_post(b));
        cr_assert(sim_nic_completion(b->queue, cqe));
        weir_mlx5_cqe_read(cqe, &read);
        cr_assert(!read.error);
        cr_assert_eq(read.opcode, WEIR_MLX5_CQE_REQUEST);
        cr_assert_eq(read.counter, b->last);
        cr_assert_eq(read.owner, i >= 64);
        cr_assert(!sim_nic_completion(b->queue, cqe));
    }
    bed_close(b);
}
