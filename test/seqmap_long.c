/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The map of sequence numbers beside a plain list: ten million random steps, from ten seeds; a
 * tenth of that in the short form.
 */
#include "cases/seqmap_walk.h"
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    const char *small = getenv("WEIR_TEST_SMALL");
    uint64_t steps = small && strcmp(small, "1") == 0 ? 100000 : 1000000, made = 0, wraps = 0;
    static struct test t;

    for (uint64_t seed = 1000; seed < 1010; seed++) {
        struct seqmap_seen seen = seqmap_walk(&t, seed, steps);
        made += seen.steps;
        wraps += seen.wraps;
        if (seen.steps != steps || t.failed > 0) {
            printf("FAIL seqmap walk: seed %llu differs at step %llu: %s\n",
                   (unsigned long long)seed, (unsigned long long)seen.steps,
                   t.failed > 0 ? t.failures[0].text : "?");
            return 1;
        }
    }
    if (wraps < steps / 1000) {
        printf("FAIL seqmap walk: only %llu times across 2^32\n", (unsigned long long)wraps);
        return 1;
    }
    printf("PASS seqmap walk: %llu steps without a difference, %llu times across 2^32\n",
           (unsigned long long)made, (unsigned long long)wraps);
    return 0;
}
