/* SPDX-License-Identifier: BSD-2-Clause */
/* A connection whose records are framed by weir_tx and go out through the engine and the model of
 * the card; what comes out is held against a reference encryption, byte by byte. */
#ifndef TEST_SIM_TX_BED_H
#define TEST_SIM_TX_BED_H

#include "sim/nic.h"

#include <criterion/criterion.h>
#include <weir/mlx5_tx.h>
#include <weir/soft.h>
#include <weir/tx.h>

#define TXB_STREAM 400000u
#define TXB_LKEY   7u
#define TXB_BOUNCE 8u         /* lkey */
#define TXB_ROOM   (1u << 16) /* of a bounce; there are 16, taken in turn */
#define TXB_BASE   0x100000u
#define TXB_BLOCKS 256u
#define TXB_MOST   512u /* records */

struct txb_suite {
    const char *name;
    uint16_t version, suite;
    enum sim_alg alg;
};
extern const struct txb_suite txb_suites[4];

/* How a bed is to be; all zeros and a suite is fine. */
struct txb_how {
    const struct txb_suite *suite;
    enum weir_mlx5_driver driver;
    enum weir_mlx5_policy policy;
    uint32_t seq;    /* TCP sequence number of the first byte */
    uint64_t record; /* number of the first record */
    uint32_t chunk;  /* bytes of a piece of the stream; 0: all in one */
    uint32_t runs, tags, checks, most_dump, most_lost; /* runs 0: 64 */
    uint32_t blocks;                                   /* of the queue; 0: TXB_BLOCKS */
    uint16_t signal;
    uint32_t mtu; /* 0: 1500 */
};

struct txb_record {
    size_t start, len;
    uint64_t number;
    unsigned epoch;
};

struct txb {
    struct txb_how how;
    struct sim_nic *nic;
    struct sim_ledger *ledger;
    struct sim_faults faults;
    struct sim_nic_queue *nic_queue;
    struct weir_mlx5_sq sq;
    struct weir_soft soft;
    struct weir_mlx5_tx_backend port;
    struct weir_tx tx;
    struct weir_refusal why;
    void *soft_ctx, *ctx;
    uint8_t key[4][32], iv[4][12]; /* of each epoch */
    struct weir_keys keys;         /* as the direction was given them, with the secret */
    uint8_t *ring, *plain, *wire, *bounce, *scratch;
    size_t len, acked;
    struct txb_record records[TXB_MOST];
    unsigned count, epoch;
    struct weir_mlx5_stream stream;
    struct weir_mlx5_sent sent; /* of the last segment */
    unsigned turn;              /* its bounce, see txb_bounce */
    bool no_queue, no_completions, broken_stream;
    uint64_t random;
};

/* With a direction that is in software. */
struct txb *txb_new(const struct txb_how *how);
/* Moves it to the card; answers what weir_tx_offload and weir_tx_complete say in the end. */
weir_status txb_move(struct txb *b);
/* Carries a command out; `answer` is what the caller tells when the card gives none. */
struct weir_done txb_command(struct txb *b, const struct weir_cmd *command);
/* Both, and the move succeeds. */
struct txb *txb_begin(const struct txb_how *how);
/* One more record; false: there was no room in the map. */
bool txb_record(struct txb *b, uint8_t type, size_t len);
void txb_records(struct txb *b, unsigned count, size_t len);
/* A segment of stream[from..from + len), rings the doorbell, takes completions, and compares what
 * went out. With an MSS: LSO. */
weir_status txb_segment(struct txb *b, size_t from, size_t len, unsigned mss);
/* The same; it must go, and this way. */
void txb_goes(struct txb *b, size_t from, size_t len, enum weir_mlx5_way way);
void txb_goes_somehow(struct txb *b, size_t from, size_t len, unsigned mss);
void txb_refused(struct txb *b, size_t from, size_t len, weir_refusal_code code);
/* Where the last segment was encrypted. */
uint8_t *txb_bounce(const struct txb *b);
void txb_take_completions(struct txb *b);
void txb_acked(struct txb *b, size_t up_to);
/* Ends the direction and what it has on the card. */
void txb_end(struct txb *b);
/* Nothing was wrong; frees it. */
void txb_close(struct txb *b);
/* The same without that. */
void txb_drop(struct txb *b);
uint32_t txb_random(struct txb *b, uint32_t below);

#endif
