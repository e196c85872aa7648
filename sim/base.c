/* SPDX-License-Identifier: BSD-2-Clause */
#include "base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *sim_realloc(void *p, size_t size)
{
    void *q = realloc(p, size > 0 ? size : 1);

    if (q == NULL) {
        fputs("sim: out of memory\n", stderr);
        abort();
    }
    return q;
}

void *sim_alloc(size_t size)
{
    return memset(sim_realloc(NULL, size), 0, size);
}

uint64_t sim_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t sim_random_below(uint64_t *state, uint64_t limit)
{
    return sim_random(state) % limit;
}

void sim_copy(void *to, const void *from, size_t len)
{
    if (len > 0)
        memcpy(to, from, len);
}
