/* SPDX-License-Identifier: BSD-2-Clause */
#include "nic_bed.h"

#include <stdlib.h>
#include <string.h>

const struct bed_suite bed_suites[4] = {
    {"TLS 1.2, 128", false, SIM_AES_128_GCM},
    {"TLS 1.2, 256", false, SIM_AES_256_GCM},
    {"TLS 1.3, 128", true, SIM_AES_128_GCM},
    {"TLS 1.3, 256", true, SIM_AES_256_GCM},
};

uint8_t bed_command(struct bed *b, const uint8_t *in, size_t len, uint32_t *number)
{
    uint8_t out[16];

    cr_assert_eq(sim_nic_command(b->nic, in, len, out, sizeof out), SIM_NIC_DONE);
    *number = (uint32_t)sim_get_be64(out + 4);
    return out[0];
}

struct bed *bed_new(const struct bed_suite *suite, uint64_t first_record, uint32_t seq)
{
    struct bed *b = sim_alloc(sizeof *b);
    uint8_t key[WEIR_MLX5_DEK_CREATE], tis[WEIR_MLX5_TIS_CREATE];

    b->suite = suite;
    b->first_record = first_record;
    b->base_seq = seq;
    for (size_t i = 0; i < sizeof b->key; i++)
        b->key[i] = (uint8_t)(0x40 + i);
    for (size_t i = 0; i < sizeof b->iv; i++)
        b->iv[i] = (uint8_t)(0xa0 + i);
    b->nic = sim_nic_new();
    b->ledger = sim_ledger_new();
    sim_nic_set_ledger(b->nic, b->ledger);
    sim_nic_map(b->nic, BED_LKEY, BED_BASE, b->memory, sizeof b->memory);
    b->queue = sim_nic_queue_new(b->nic, BED_SQN, b->ring, BED_BLOCKS);
    cr_assert_eq(weir_mlx5_dek_create(key, BED_PD, b->key, sim_alg_key_len(suite->alg)), WEIR_OK);
    cr_assert_eq(weir_mlx5_tis_create(tis, 0, 5, BED_PD), WEIR_OK);
    cr_assert_eq(bed_command(b, key, sizeof key, &b->dek), 0);
    cr_assert_eq(bed_command(b, tis, sizeof tis, &b->tisn), 0);
    return b;
}

void bed_drop(struct bed *b)
{
    sim_nic_free(b->nic);
    sim_ledger_free(b->ledger);
    free(b);
}

void bed_close(struct bed *b)
{
    const struct sim_nic_complaint *c = sim_nic_complaint(b->nic, 0);

    cr_assert_eq(sim_nic_complaints(b->nic), 0, "%s", c != NULL ? c->text : "");
    cr_assert_null(sim_ledger_fault(b->ledger));
    cr_assert(!sim_nic_queue_failed(b->queue));
    bed_drop(b);
}

/* By the RFCs, and by no code of the model. */
void bed_record(struct bed *b, size_t len)
{
    uint8_t *plain = b->memory + b->len, *wire = b->wire + b->len;
    uint64_t number = b->first_record + b->records;
    uint8_t nonce[12], aad[13], seq[8];
    size_t at = 5, inner = len + (b->suite->tls13 ? 1 : 0), aad_len = 5;

    cr_assert(b->records < 64 && b->len + len + 40 <= BED_STREAM);
    sim_put_be64(seq, number);
    memcpy(nonce, b->iv, 12);
    plain[0] = 23;
    sim_put_be16(plain + 1, 0x0303);
    if (b->suite->tls13) {
        for (size_t i = 0; i < 8; i++)
            nonce[4 + i] ^= seq[i];
    } else {
        sim_put_be64(plain + 5, number ^ 0x1122334455667788u); /* any rule will do */
        memcpy(nonce + 4, plain + 5, 8);
        at += 8;
    }
    for (size_t i = 0; i < len; i++)
        plain[at + i] = (uint8_t)(number * 31 + i * 7 + i / 256);
    if (b->suite->tls13)
        plain[at + len] = 23;
    memset(plain + at + inner, 0xee, 16);
    sim_put_be16(plain + 3, at - 5 + inner + 16);
    if (b->suite->tls13) {
        memcpy(aad, plain, 5);
    } else {
        memcpy(aad, seq, 8);
        memcpy(aad + 8, plain, 3);
        sim_put_be16(aad + 11, len);
        aad_len = 13;
    }
    struct sim_aead_op op = {b->suite->alg, b->key, nonce, aad, aad_len};
    memcpy(wire, plain, at);
    sim_aead_seal(&op, plain + at, inner, wire + at);
    b->starts[b->records++] = b->len;
    b->len += at + inner + 16;
}

/* Room for an entry of `blocks`, with a NOP at the edge when it needs one. */
static uint8_t *place(struct bed *b, uint32_t blocks, unsigned flags, struct weir_mlx5_at *at)
{
    uint32_t left = BED_BLOCKS - b->pc % BED_BLOCKS;

    if (blocks > left) {
        struct weir_mlx5_at edge = {BED_SQN, b->pc, 0};

        cr_assert_eq(weir_mlx5_nop(b->ring + (size_t)(b->pc % BED_BLOCKS) * 64, &edge, left),
                     WEIR_OK);
        b->pc = (uint16_t)(b->pc + left);
    }
    *at = (struct weir_mlx5_at){BED_SQN, b->pc, (uint8_t)flags};
    b->last = b->pc;
    b->pc = (uint16_t)(b->pc + blocks);
    return b->ring + (size_t)(b->last % BED_BLOCKS) * 64;
}

uint8_t *bed_umr(struct bed *b, unsigned record, unsigned flags)
{
    struct weir_mlx5_at at;
    uint8_t *p = place(b, 3, flags, &at);
    struct weir_mlx5_static params = {.version = b->suite->tls13 ? WEIR_TLS13 : WEIR_TLS12,
                                      .dek = b->dek,
                                      .record = b->first_record + record};

    memcpy(params.iv, b->iv, sizeof b->iv);
    cr_assert_eq(weir_mlx5_umr(p, &at, WEIR_TX, b->tisn, &params), WEIR_OK);
    return p;
}

uint8_t *bed_set_psv(struct bed *b, unsigned flags)
{
    struct weir_mlx5_at at;
    uint8_t *p = place(b, 1, flags, &at);

    cr_assert_eq(weir_mlx5_set_psv(p, &at, WEIR_TX, b->tisn, 0), WEIR_OK);
    return p;
}

uint8_t *bed_nop(struct bed *b, unsigned flags)
{
    struct weir_mlx5_at at;
    uint8_t *p = place(b, 1, flags, &at);

    cr_assert_eq(weir_mlx5_nop(p, &at, 1), WEIR_OK);
    return p;
}

uint8_t *bed_dump(struct bed *b, size_t from, size_t len, unsigned flags)
{
    struct weir_mlx5_at at;
    uint8_t *p = place(b, 1, flags, &at);
    struct weir_mlx5_data data = {BED_BASE + from, BED_LKEY, (uint32_t)len};

    cr_assert_eq(weir_mlx5_dump(p, &at, b->tisn, &data, 9000), WEIR_OK);
    return p;
}

uint8_t *bed_send_as(struct bed *b, size_t from, size_t len, unsigned mss, unsigned pieces)
{
    struct weir_mlx5_at at;
    struct weir_mlx5_data data[8];
    uint8_t headers[54] = {0};
    uint32_t blocks = 0;

    headers[12] = 0x08;
    headers[14] = 0x45;
    sim_put_be16(headers + 16, 40 + (mss == 0 ? len : 0));
    sim_put_be16(headers + 18, 0xfffe);
    headers[22] = 64;
    headers[23] = 6;
    memcpy(headers + 26, "\x0a\x00\x00\x01\x0a\x00\x00\x02", 8);
    sim_put_be16(headers + 38, (uint16_t)((b->base_seq + from) >> 16));
    sim_put_be16(headers + 40, (uint16_t)(b->base_seq + from));
    headers[46] = 0x50;
    headers[47] = 0x19; /* ACK, PSH, FIN */
    for (unsigned i = 0; i < pieces; i++) {
        size_t piece = i + 1 < pieces ? len / pieces : len - (pieces - 1) * (len / pieces);

        data[i] = (struct weir_mlx5_data){BED_BASE + from + i * (len / pieces), BED_LKEY,
                                          (uint32_t)piece};
    }
    struct weir_mlx5_packet packet = {
        b->tisn, headers, 54, (uint16_t)mss, WEIR_MLX5_SUM_IP | WEIR_MLX5_SUM_TCP, data, pieces};
    uint8_t *p = place(b, (80 + 16 * pieces + 16 + 63) / 64, 0, &at);
    cr_assert_eq(weir_mlx5_send(p, 256, &at, &packet, &blocks), WEIR_OK);
    b->pc = (uint16_t)(b->last + blocks);
    return p;
}

uint8_t *bed_send(struct bed *b, size_t from, size_t len)
{
    return bed_send_as(b, from, len, 0, 1);
}

void bed_params(struct bed *b, unsigned record)
{
    bed_umr(b, record, WEIR_MLX5_FENCE);
    bed_set_psv(b, 0);
    bed_nop(b, WEIR_MLX5_FENCE);
}

bool bed_post(struct bed *b)
{
    return sim_nic_post(b->queue, b->pc, b->ring + (size_t)(b->last % BED_BLOCKS) * 64);
}

void bed_expect(struct bed *b, size_t from, size_t len)
{
    const struct sim_nic_complaint *c = sim_nic_complaint(b->nic, 0);
    struct sim_nic_packet *p = sim_nic_sent(b->nic);

    cr_assert_not_null(p, "nothing from %zu on: %s", from, c != NULL ? c->text : "");
    cr_assert_eq(p->tisn, b->tisn);
    cr_assert_eq(p->seq, b->base_seq + (uint32_t)from);
    cr_assert_eq(p->len, p->headers_len + len, "%zu bytes", p->len);
    cr_assert_eq(memcmp(p->bytes + p->headers_len, b->wire + from, len), 0, "%s: bytes from %zu on",
                 b->suite->name, from);
    sim_nic_packet_free(p);
}

void bed_expect_none(struct bed *b)
{
    cr_assert_null(sim_nic_sent(b->nic));
}

void bed_expect_wrong(struct bed *b, enum sim_nic_wrong wrong, const char *what)
{
    const struct sim_nic_complaint *c = sim_nic_complaint(b->nic, 0);

    cr_assert_not_null(c, "%s: no complaint", what);
    cr_assert_eq(c->wrong, wrong, "%s: %d: %s", what, (int)c->wrong, c->text);
    cr_assert(sim_nic_queue_failed(b->queue), "%s", what);
    bed_expect_none(b);
}
