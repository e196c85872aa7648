/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * What the fuzz targets share. Each target is one file with LLVMFuzzerTestOneInput; linked with
 * libFuzzer it is fuzzed, linked with driver_plain.c it runs over files.
 */
#ifndef WEIR_FUZZ_H
#define WEIR_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Runs one input; returns 0 always. A finding ends the process. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** Ends the process, with a line on stderr that says which promise was broken. */
_Noreturn void fuzz_broken(const char *file, int line, const char *promise);

/** A promise of weir: when it does not hold, that is a finding. */
#define PROMISE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fuzz_broken(__FILE__, __LINE__, #condition);                                           \
    } while (0)

/**
 * A copy of exactly `len` bytes on the heap, so that a sanitizer sees any access beyond them; free
 * it with free(). May be NULL when `len` is 0.
 */
uint8_t *fuzz_exact_copy(const uint8_t *data, size_t len);

/** Takes bytes off the front of an input; 0 when there are none left. */
struct fuzz_bytes {
    const uint8_t *data;
    size_t left;
};
uint8_t fuzz_take8(struct fuzz_bytes *bytes);
uint16_t fuzz_take16(struct fuzz_bytes *bytes); /* big-endian */

#endif
