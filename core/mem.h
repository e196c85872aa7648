/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * The only functions core takes from outside, declared here because a freestanding environment need
 * not have <string.h>; and the byte order of the wire.
 */
#ifndef WEIR_CORE_MEM_H
#define WEIR_CORE_MEM_H

#include <stddef.h>
#include <stdint.h>

void *memcpy(void *restrict to, const void *restrict from, size_t len);
void *memmove(void *to, const void *from, size_t len);
void *memset(void *to, int byte, size_t len);
int memcmp(const void *a, const void *b, size_t len);

/* A freestanding compiler calls these even for four bytes, unless told that they are what they
 * seem. */
#define memcpy(to, from, len)  __builtin_memcpy(to, from, len)
#define memmove(to, from, len) __builtin_memmove(to, from, len)
#define memset(to, byte, len)  __builtin_memset(to, byte, len)
#define memcmp(a, b, len)      __builtin_memcmp(a, b, len)

static inline uint16_t get_be16(const uint8_t *p)
{
    return (uint16_t)((p[0] << 8) | p[1]);
}

static inline void put_be16(uint8_t *p, size_t value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

/* Spelt out so that compilers make one load or store and one byte swap of it. */
static inline uint64_t get_be64(const uint8_t *p)
{
    return (uint64_t)p[0] << 56 | (uint64_t)p[1] << 48 | (uint64_t)p[2] << 40 |
           (uint64_t)p[3] << 32 | (uint64_t)p[4] << 24 | (uint64_t)p[5] << 16 |
           (uint64_t)p[6] << 8 | (uint64_t)p[7];
}

static inline void put_be64(uint8_t *p, uint64_t value)
{
    p[0] = (uint8_t)(value >> 56);
    p[1] = (uint8_t)(value >> 48);
    p[2] = (uint8_t)(value >> 40);
    p[3] = (uint8_t)(value >> 32);
    p[4] = (uint8_t)(value >> 24);
    p[5] = (uint8_t)(value >> 16);
    p[6] = (uint8_t)(value >> 8);
    p[7] = (uint8_t)value;
}

static inline uint32_t get_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3];
}

/* The number whose bytes in memory are those of `value` on the wire. */
static inline uint64_t wire64(uint64_t value)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return __builtin_bswap64(value);
#else
    return value;
#endif
}

/* Of the bytes of `value` on the wire the first four, behind four zeros; and the last four, before
 * four zeros: as wire64 of its halves, by one byte swap for both. */
static inline uint64_t wire64_end(uint64_t value)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return wire64(value) << 32;
#else
    return value >> 32;
#endif
}

static inline uint64_t wire64_begin(uint64_t value)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return wire64(value) >> 32;
#else
    return value << 32;
#endif
}

/* `len` bytes, at most 8, then zeros, as they lie in memory. */
static inline uint64_t get_wire(const uint8_t *p, size_t len)
{
    uint64_t value = 0;

    memcpy(&value, p, len);
    return value;
}

/*
 * Sixteen bytes, as two numbers that wire64 has made, by one store where the machine has one that
 * wide: who reads them as one vector would have to wait for two stores (docs/performance.md).
 */
static inline void put_wire128(uint8_t to[16], uint64_t first, uint64_t second)
{
    typedef uint64_t pair __attribute__((vector_size(16)));
    const pair both = {first, second};

    memcpy(to, &both, sizeof both);
}

#endif
