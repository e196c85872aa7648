/* SPDX-License-Identifier: BSD-2-Clause */
#include "pattern.h"

#include <string.h>

/* A counter through a mixing function (Steele, Lea, Flood: "splitmix"). */
static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void line(uint8_t block[64])
{
    static const char letters[] = "abcdefghijlmnopstuvwxyzABCDEFGHIJLMNOPSTUVWXYZ0123456789+/=-.,:;"
                                  "!";
    for (size_t i = 0; i < 64; i++)
        block[i] = (uint8_t)letters[block[i] % 64];
}

void pattern_fill(struct pattern *pattern, uint8_t *out, size_t len)
{
    uint8_t block[64];

    while (len > 0) {
        for (size_t i = 0; i < sizeof block; i += 8) {
            uint64_t word = next(&pattern->state);
            memcpy(block + i, &word, 8);
        }
        if (pattern->text)
            line(block);
        size_t n = len < sizeof block ? len : sizeof block;
        if (pattern->text)
            block[n - 1] = '\n';
        memcpy(out, block, n);
        out += n;
        len -= n;
    }
}
