/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * A map of sequence numbers beside a plain list of records that counts bytes without ever wrapping:
 * random operations on both must end alike.
 */
#ifndef WEIR_TEST_SEQMAP_WALK_H
#define WEIR_TEST_SEQMAP_WALK_H

#include "cases.h"
#include <weir/seqmap.h>

/** What a walk has met, so that one that meets nothing is noticed. */
struct seqmap_seen {
    uint64_t steps; /**< made without a difference */
    uint64_t added, merged, full, refused, held, passed, ahead, trimmed, wraps, epochs;
};

/** Makes `steps` random steps from `seed`; stops at the first difference, which fails `t`. */
struct seqmap_seen seqmap_walk(struct test *t, uint64_t seed, uint64_t steps);

#endif
