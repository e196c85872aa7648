/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * AES-GCM for small messages, four side by side: for a provider on a library that takes one after
 * the other. Needs VAES, VPCLMULQDQ and AVX-512, and is given the library's key table.
 */
#ifndef WEIR_VAES_H
#define WEIR_VAES_H

#include <weir/aead.h>

/** Powers of the hash key in a table, and with them the longest message: two of them are for
 * additional data and lengths. */
#define WEIR_VAES_POWERS  48u
#define WEIR_VAES_MAX_LEN ((size_t)16 * (WEIR_VAES_POWERS - 2))
/** The most additional data. */
#define WEIR_VAES_MAX_AAD 16u
/** The most messages of one call. */
#define WEIR_VAES_MAX 64u

/** One expanded key, read only. */
struct weir_vaes_key {
    const uint8_t *rounds; /**< round keys, 16 bytes each: 11 for AES-128, 15 for AES-256 */
    /**
     * H^48, H^47, … H, 16 bytes each: backwards, since GHASH has the bits of a byte the other way
     * round, and multiplied by x in GHASH's field, so that a product needs no shift.
     */
    const uint8_t *powers;
    bool wide; /**< AES-256 */
};

/** Whether processor and operating system have what this needs. Asks them anew each time. */
bool weir_vaes_usable(void);

/**
 * Seals messages from the front of ops[0..count), as struct weir_aead's `seal_each` does, and tells
 * how many: a multiple of four, up to the first four of which one is longer than WEIR_VAES_MAX_LEN
 * or has more than WEIR_VAES_MAX_AAD of additional data. The others are the caller's.
 */
size_t weir_vaes_seal(const struct weir_vaes_key *key, const struct weir_aead_op *ops,
                      size_t count);

/**
 * The same for opening. All outputs are written, whatever the tags; bit i of `*wrong` is set when
 * that of ops[i] is wrong.
 */
size_t weir_vaes_open(const struct weir_vaes_key *key, const struct weir_aead_op *ops, size_t count,
                      uint64_t *wrong);

#endif
