/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * What the portable provider is made of. Everything here works on secrets in constant time;
 * lengths, pointers and the choice of AES-128 or AES-256 are public.
 */
#ifndef WEIR_SOFT_PORTABLE_PARTS_H
#define WEIR_SOFT_PORTABLE_PARTS_H

#include "../../core/mem.h"

#include <weir/keys.h>
#include <weir/portable.h>

/*
 * Bits of the words that AES is sliced into. 32 carry two blocks at a time, 64 carry four, at twice
 * the memory for the round keys.
 */
#if !defined(WEIR_PORTABLE_BITS)
#if UINTPTR_MAX > 0xffffffffu
#define WEIR_PORTABLE_BITS 64
#else
#define WEIR_PORTABLE_BITS 32
#endif
#endif

/*
 * Whether GHASH multiplies 16 by 16 bits only. For cores that have no multiplication of 32 by 32
 * bits with a result of 64, like ARMv6-M, or one that takes less time for small numbers, like
 * Cortex-M3.
 */
#if !defined(WEIR_PORTABLE_SHORT_MUL)
#if defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_7M__) || defined(__ARM_ARCH_8M_BASE__)
#define WEIR_PORTABLE_SHORT_MUL 1
#else
#define WEIR_PORTABLE_SHORT_MUL 0
#endif
#endif

/* Says that a value may be known from here on; the check for constant time defines it. */
#if !defined(WEIR_PORTABLE_PUBLIC)
#define WEIR_PORTABLE_PUBLIC(value) ((void)0)
#endif

/* What the provider is called; the tests compile it more than once. */
#if !defined(WEIR_PORTABLE_NAME)
#define WEIR_PORTABLE_NAME "portable"
#endif

#if WEIR_PORTABLE_BITS == 64
typedef uint64_t weir_plane;
#else
typedef uint32_t weir_plane;
#endif

#define AES_BLOCK ((size_t)16)
/* Blocks that are encrypted at once, and their bytes. */
#define AES_BLOCKS (WEIR_PORTABLE_BITS / 16u)
#define AES_STEP   (AES_BLOCKS * AES_BLOCK)

static inline uint32_t get_le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline void put_le32(uint8_t *p, uint32_t value)
{
    p[0] = (uint8_t)value;
    p[1] = (uint8_t)(value >> 8);
    p[2] = (uint8_t)(value >> 16);
    p[3] = (uint8_t)(value >> 24);
}

static inline void put_be32(uint8_t *p, uint32_t value)
{
    p[0] = (uint8_t)(value >> 24);
    p[1] = (uint8_t)(value >> 16);
    p[2] = (uint8_t)(value >> 8);
    p[3] = (uint8_t)value;
}

/** The round keys of AES, sliced and placed as the rounds need them. */
struct weir_portable_aes {
    weir_plane keys[15][8];
    uint32_t rounds;
};

/** Schedules a key of 16 or 32 bytes. */
void weir_portable_aes_init(struct weir_portable_aes *aes, const uint8_t *key, size_t key_len);

/**
 * AES of the blocks nonce || counter, nonce || counter + 1 and so on, AES_BLOCKS of them. Counters
 * are 32 bits and wrap.
 */
void weir_portable_aes_ctr(const struct weir_portable_aes *aes, const uint8_t nonce[WEIR_IV_LEN],
                           uint32_t counter, uint8_t out[AES_STEP]);

/** GHASH under one key (NIST SP 800-38D section 6.4). */
struct weir_portable_ghash {
    uint32_t h[9]; /**< the key and its sums, see portable_ghash.c */
};

/** The sum so far, the word with the highest coefficients of the polynomial first. */
struct weir_portable_sum {
    uint32_t w[4];
};

/** Takes the hash subkey: AES of the block of zeros. */
void weir_portable_ghash_init(struct weir_portable_ghash *ghash, const uint8_t subkey[AES_BLOCK]);

/** Adds `len` bytes to `sum`, filled up with zeros to a whole block. */
void weir_portable_ghash_add(const struct weir_portable_ghash *ghash, struct weir_portable_sum *sum,
                             const uint8_t *data, size_t len);

#endif
