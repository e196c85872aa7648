/* SPDX-License-Identifier: BSD-2-Clause */
/* A card with one queue, one key and one TIS, records to send through them, and a driver's hand
 * that writes entries. Bytes come from weir's encoder, and tests spoil them by hand. */
#ifndef TEST_SIM_NIC_BED_H
#define TEST_SIM_NIC_BED_H

#include "sim/nic.h"

#include <criterion/criterion.h>
#include <weir/mlx5_wqe.h>

#define BED_SQN    0x456u
#define BED_LKEY   7u
#define BED_BASE   0x10000u
#define BED_BLOCKS 64u
#define BED_STREAM 100000u
#define BED_PD     0x77u

struct bed_suite {
    const char *name;
    bool tls13;
    enum sim_alg alg;
};
extern const struct bed_suite bed_suites[4];

struct bed {
    struct sim_nic *nic;
    struct sim_ledger *ledger;
    struct sim_nic_queue *queue;
    const struct bed_suite *suite;
    uint8_t key[32], iv[12];
    uint32_t dek, tisn;
    uint8_t ring[BED_BLOCKS * 64];
    uint16_t pc, last;                 /* where the next entry goes, where the last one is */
    uint8_t memory[BED_STREAM + 4096]; /* records as plaintext with room for tags; then spare */
    uint8_t wire[BED_STREAM];          /* the same as a reference seals them */
    size_t len;                        /* of both */
    size_t starts[64];
    unsigned records;
    uint64_t first_record;
    uint32_t base_seq; /* TCP sequence number of the first byte */
};

/* A bed with key and TIS made; records are numbered from first_record, and the stream starts at
 * seq. */
struct bed *bed_new(const struct bed_suite *suite, uint64_t first_record, uint32_t seq);
/* Fails when there was a complaint, or a fault in the ledger. */
void bed_close(struct bed *b);
/* The same without that. */
void bed_drop(struct bed *b);
/* One more record with `len` bytes of content. */
void bed_record(struct bed *b, size_t len);

/* Entries. Each returns its bytes in the ring, where they can still be spoilt. */
uint8_t *bed_umr(struct bed *b, unsigned record, unsigned flags);
uint8_t *bed_set_psv(struct bed *b, unsigned flags);
uint8_t *bed_nop(struct bed *b, unsigned flags);
uint8_t *bed_dump(struct bed *b, size_t from, size_t len, unsigned flags);
/* stream[from..from + len), in `pieces` data segments; mss: 0 for SEND. */
uint8_t *bed_send_as(struct bed *b, size_t from, size_t len, unsigned mss, unsigned pieces);
uint8_t *bed_send(struct bed *b, size_t from, size_t len);
/* UMR, SET_PSV and NOP for `record`, as FreeBSD's driver writes them. */
void bed_params(struct bed *b, unsigned record);
/* The doorbell. */
bool bed_post(struct bed *b);

/* The next packet is stream[from..from + len), encrypted. */
void bed_expect(struct bed *b, size_t from, size_t len);
void bed_expect_none(struct bed *b);
/* The first complaint was this one, nothing was sent, and the queue says so. */
void bed_expect_wrong(struct bed *b, enum sim_nic_wrong wrong, const char *what);
/* Status of a command's reply, and the number in it. */
uint8_t bed_command(struct bed *b, const uint8_t *in, size_t len, uint32_t *number);

#endif
