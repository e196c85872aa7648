/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * A connection that receives through a modelled card: a peer's records, segments that get lost,
 * late, twice and out of order, the card, weir's engine for it, and a weir_rx that opens what comes
 * out. Every byte opened is held against what the peer said.
 */
#ifndef TEST_SIM_NIC_RX_BED_H
#define TEST_SIM_NIC_RX_BED_H

#include "nic_bed.h"

#include <weir/mlx5_rx.h>
#include <weir/mlx5_tx.h>
#include <weir/soft.h>

#define RX_STREAM  200000u
#define RX_RECORDS 400u
#define RX_BLOCKS  64u

/* What the link does to segments: each in so many of 1000. */
struct rx_link {
    unsigned lost, swapped, twice;
    size_t most; /* bytes of the longest segment */
};

/* How the card lies about what it did to a packet; never, or from packet `from` on. */
enum rx_lie { RX_HONEST, RX_SAYS_DECRYPTED, RX_SAYS_NOT, RX_SPOILS };

struct rx_bed {
    uint64_t random;
    const struct bed_suite *suite;
    struct sim_nic *nic;
    struct sim_faults faults;
    struct sim_nic_queue *queue;
    uint8_t ring[RX_BLOCKS * 64];
    struct weir_mlx5_sq sq;
    uint8_t progress[64];
    struct weir_mlx5_rx card;
    struct weir_rx rx;
    struct weir_soft soft;
    struct weir_undo undo;
    uint8_t *rx_ctx, *undo_ctx;
    struct weir_keys keys; /* the peer's, of the next record */
    bool steered, trust, dead, started;
    enum rx_lie lie;
    unsigned never_answer; /* completions that are thrown away */
    uint32_t base_seq;

    /* The peer's stream, as wire and as content. */
    uint8_t wire[RX_STREAM], content[RX_STREAM];
    size_t len, content_len, starts[RX_RECORDS + 1];
    uint64_t numbers[RX_RECORDS];
    uint16_t epochs[RX_RECORDS];
    unsigned records;

    /* What has arrived, as the card left it. */
    uint8_t got[RX_STREAM];
    uint8_t have[RX_STREAM];   /* 0: not yet, 1: as on the wire, 2: decrypted */
    size_t next, opened, told; /* in order, opened, content that was compared */
    uint64_t notes[3];         /* records that came decrypted, mixed, encrypted */
    uint64_t tail_decrypted;   /* of the last fifty */
    unsigned restarts;
    uint32_t confirmed;
};

struct rx_bed *rx_new(const struct bed_suite *suite, uint64_t seed, enum weir_mlx5_trigger trigger);
/* One more record of the peer's; `false_headers`: its ciphertext has some that look like one. */
void rx_say(struct rx_bed *b, size_t len, bool false_headers);
/* The peer changes its key (TLS 1.3). */
void rx_update(struct rx_bed *b);
/* Shares the key, and gets the card going as far as it goes. */
void rx_start(struct rx_bed *b);
/* Does what there is to be done for the card. */
void rx_pump(struct rx_bed *b);
/* stream[from..from + len) arrives. */
void rx_arrives(struct rx_bed *b, size_t from, size_t len);
/* All of the stream from `from` on, over this link. */
void rx_deliver(struct rx_bed *b, size_t from, const struct rx_link *link);
/* All that was said was opened. */
void rx_expect_all(struct rx_bed *b);
/* Fails when the card complained, and frees it. */
void rx_close(struct rx_bed *b);
void rx_drop(struct rx_bed *b);

#endif
