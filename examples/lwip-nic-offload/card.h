/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The card. Here it is the model of sim/nic.h; with a real one this file is the part of a driver
 * that maps memory, talks to the firmware and rings doorbells, and nothing else changes.
 */
#ifndef EXAMPLE_CARD_H
#define EXAMPLE_CARD_H

#include <weir/cmd.h>
#include <weir/mlx5_tx.h>

#include "sim/nic.h"

#define CARD_DOMAIN   5u /* protection and transport domain: a driver has made them before */
#define CARD_TABLE    3u /* receive queue table, made before, too */
#define CARD_MTU      1500u
#define CARD_BLOCKS   1024u /* of the send queue */
#define CARD_INTERNAL 64u   /* of the internal queue */

struct card {
    struct sim_nic *nic;
    struct sim_nic_queue *queue, *internal_queue;
    struct sim_ledger *ledger; /* would notice a nonce used for two plaintexts */
    const char *failed;        /* what the completions said */
    struct weir_mlx5_caps caps;
    struct weir_mlx5_sq sq;       /* what weir writes the entries of packets to */
    struct weir_mlx5_sq internal; /* and those about receiving directions */
    uint8_t ring[CARD_BLOCKS * WEIR_MLX5_BB];
    uint8_t internal_ring[CARD_INTERNAL * WEIR_MLX5_BB];
};

void card_open(struct card *c);
void card_close(struct card *c);
/* Takes the card away, as when its slot loses power. */
void card_remove(struct card *c);
/* Lets the card reach bytes[0..len) under `lkey`, as `address`. */
void card_map(struct card *c, uint32_t lkey, uint64_t address, uint8_t *bytes, size_t len);
/* Carries out what weir says the firmware has to do. */
struct weir_done card_firmware(struct card *c, const struct weir_cmd *command);
/* Rings the doorbell for what is in the send queue, and takes the completions that are there. */
void card_doorbell(struct card *c);
/* Rings that of the internal queue. */
void card_internal_doorbell(struct card *c);
/* The next completion of the internal queue; false: none. */
bool card_internal_completion(struct card *c, struct weir_mlx5_cqe *cqe);
/* A packet's payload arrives for context `tirn`: may be decrypted in place. */
void card_receive(struct card *c, uint32_t tirn, uint32_t seq, uint8_t *payload, size_t len,
                  struct weir_mlx5_cqe *cqe);
/* The next packet that the card sends, for sim_nic_packet_free; NULL: none. */
struct sim_nic_packet *card_sent(struct card *c);
/* What the card or the ledger has to complain of; NULL: nothing. */
const char *card_complaint(const struct card *c);

#endif
