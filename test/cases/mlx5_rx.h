/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * A card by hand, for the cases about a receiving direction's.
 */
#ifndef WEIR_TEST_MLX5_RX_H
#define WEIR_TEST_MLX5_RX_H

#include "cases.h"

#include <weir/keys.h>
#include <weir/mlx5_rx.h>
#include <weir/mlx5_tx.h>

#define HAND_BLOCKS 64u
#define HAND_SEQ    0xffffff00u /* of record 41 */

struct hand {
    struct test *t;
    struct weir_mlx5_rx rx;
    struct weir_mlx5_sq sq;
    uint8_t ring[HAND_BLOCKS * 64];
    uint8_t progress[64];
    uint32_t opcode, command_len; /* of the last command */
    uint16_t other;
};

extern const uint8_t hand_key[32];

struct weir_mlx5_caps hand_caps(uint32_t without);
struct weir_mlx5_rx_config hand_config(struct hand *h, const struct weir_mlx5_caps *caps,
                                       enum weir_mlx5_trigger trigger);
struct weir_keys hand_keys(void);
void hand_begin(struct hand *h, enum weir_mlx5_trigger trigger);
/* The firmware answers the command that is out. */
void hand_reply(struct hand *h, uint8_t status, uint32_t number);
/* Posts what is to be posted; the index of its last entry. */
uint16_t hand_post(struct hand *h);
const uint8_t *hand_entry(const struct hand *h, uint16_t index);
/* An entry is done; with a syndrome it failed. */
void hand_complete(struct hand *h, uint16_t index, uint8_t syndrome);
/* From off to running, with key 0x111 and TIR 0x222. */
void hand_run(struct hand *h);
/* Goes through what there is to be ended, and CHECKs that it is this. */
void hand_stopped(struct hand *h, bool steered, bool tir, bool dek);

#endif
