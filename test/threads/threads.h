/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the programs of this folder share. TEST_NAME: what a program calls itself when it fails.
 */
#ifndef TEST_THREADS_H
#define TEST_THREADS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/keys.h>

static inline void check(bool good, const char *what)
{
    if (!good) {
        printf("FAIL " TEST_NAME ": %s\n", what);
        exit(1);
    }
}

/* A byte of what either end sends. */
static inline uint8_t pattern(size_t at)
{
    return (uint8_t)(at * 131u >> 3);
}

/* The keys with which one of the ends sends. */
static inline struct weir_keys keys_of(bool server)
{
    uint8_t n = server ? 1 : 50;
    struct weir_keys keys = {.version = WEIR_TLS13, .suite = WEIR_TLS_AES_128_GCM_SHA256};

    memset(keys.key, n, sizeof keys.key);
    memset(keys.iv, n + 1, sizeof keys.iv);
    memset(keys.secret, n + 2, 32);
    keys.secret_len = 32;
    return keys;
}

#endif
