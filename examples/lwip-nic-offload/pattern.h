/* SPDX-License-Identifier: BSD-2-Clause */
/* What the two ends tell each other: bytes that anybody can check. */
#ifndef EXAMPLE_PATTERN_H
#define EXAMPLE_PATTERN_H

#include <stdint.h>

/* Byte `i` of the stream of `who`. */
static inline uint8_t pattern(unsigned who, uint64_t i)
{
    uint64_t x = (i + 1) * 0x9e3779b97f4a7c15u + who;

    return (uint8_t)(x >> 56 ^ x >> 40);
}

#define PATTERN_NEAR 1u /* sent by the end with the card */
#define PATTERN_FAR  2u

#endif
