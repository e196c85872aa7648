/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * What every model in sim/ stands on: memory that never runs out (a model that cannot get memory
 * ends the program: it is a test), numbers from a seed, and bytes in network order.
 */
#ifndef WEIR_SIM_BASE_H
#define WEIR_SIM_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** `size` zeroed bytes. Never NULL; freed with free(). */
void *sim_alloc(size_t size);
/** `p` (or NULL) with room for `size` bytes; what is new is not zeroed. Never NULL. */
void *sim_realloc(void *p, size_t size);

/** The next 64 bits of a generator started from any `*state` (splitmix64): the same everywhere. */
uint64_t sim_random(uint64_t *state);
/** A number from 0 to `limit` - 1; `limit` above 0. */
uint64_t sim_random_below(uint64_t *state, uint64_t limit);

/** memcpy for any length, 0 and its NULL pointers included. */
void sim_copy(void *to, const void *from, size_t len);

static inline uint16_t sim_get_be16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline void sim_put_be16(uint8_t *p, size_t value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

static inline uint64_t sim_get_be64(const uint8_t *p)
{
    uint64_t value = 0;
    for (size_t i = 0; i < 8; i++)
        value = value << 8 | p[i];
    return value;
}

static inline void sim_put_be64(uint8_t *p, uint64_t value)
{
    for (size_t i = 0; i < 8; i++)
        p[i] = (uint8_t)(value >> (56 - 8 * i));
}

#endif
