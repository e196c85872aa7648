/* SPDX-License-Identifier: BSD-2-Clause */
/* A backend of this project's own: protects records with an AEAD provider and counts them. */
#ifndef COUNTING_H
#define COUNTING_H

#include <weir/aead.h>
#include <weir/backend.h>

struct counting_totals {
    unsigned long attached, detached, sealed, opened;
    unsigned long sealed_bytes, opened_bytes;
};

struct counting {
    struct weir_backend backend; /* first, so that a pointer to it is a pointer to this */
    const struct weir_aead *aead;
    struct counting_totals *totals;
};

void counting_init(struct counting *counting, const struct weir_aead *aead,
                   struct counting_totals *totals);

#endif
