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

static inline uint16_t get_be16(const uint8_t *p)
{
    return (uint16_t)((p[0] << 8) | p[1]);
}

static inline void put_be16(uint8_t *p, size_t value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

static inline uint64_t get_be64(const uint8_t *p)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < 8; i++)
        value = (value << 8) | p[i];
    return value;
}

static inline void put_be64(uint8_t *p, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        p[i] = (uint8_t)(value >> (56 - 8 * i));
}

#endif
