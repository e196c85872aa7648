/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes that follow from a seed: no two blocks alike, so that a lost, doubled or moved piece shows.
 */
#ifndef INTEROP_PATTERN_H
#define INTEROP_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pattern {
    uint64_t state;
    bool text; /* lines of 63 letters, none of them one that a peer takes as a command */
};

/* The next `len` bytes; `len` is a multiple of 64 in all calls but the last. */
void pattern_fill(struct pattern *pattern, uint8_t *out, size_t len);

#endif
