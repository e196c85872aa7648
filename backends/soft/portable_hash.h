/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * The hash under the portable key derivation.
 */
#ifndef WEIR_SOFT_PORTABLE_HASH_H
#define WEIR_SOFT_PORTABLE_HASH_H

#include "portable_parts.h"

/** Bytes of the longest block that a hash has. */
#define HASH_MAX_BLOCK 128u

/** A message that is being hashed. */
struct weir_portable_hash {
    union {
        uint32_t narrow[8];
        uint64_t wide[8];
    } state;
    uint64_t len; /**< bytes so far */
    uint8_t block[HASH_MAX_BLOCK];
    uint32_t filled;    /**< bytes in `block`, always fewer than block_len */
    uint32_t block_len; /**< 64 (SHA-256) or 128 (SHA-384) */
};

void weir_portable_hash_begin(struct weir_portable_hash *h, weir_hash hash);

void weir_portable_hash_add(struct weir_portable_hash *h, const uint8_t *data, size_t len);

/** Writes WEIR_HASH_LEN bytes and wipes `h`. */
void weir_portable_hash_end(struct weir_portable_hash *h, uint8_t *out);

#endif
