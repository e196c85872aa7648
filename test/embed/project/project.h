/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of this program share. */
#ifndef PROJECT_H
#define PROJECT_H

#include "counting.h"

#include <stdio.h>
#include <weir/weir.h>

/* Backends in the order of preference, as `--backend` named them. */
struct choice {
    const struct weir_backend *backends[4];
    size_t count;
    struct weir_soft soft;
    struct counting counting;
    struct counting_totals totals;
    struct weir_backend wrong_abi; /* "old": compiled against another version of the headers */
};

/* Keys of both directions that the two ends agreed on beforehand. */
void shared_keys(bool server, struct weir_keys *tx, struct weir_keys *rx);

/* The n-th byte of what is sent. */
uint8_t pattern(size_t n);

/* Each carries `len` bytes both ways over the first backend that takes them, says by which, and
 * answers the program's exit status. */
int carry_in_memory(const struct choice *choice, size_t len);
int carry_over_socket(const struct choice *choice, size_t len);

#endif
