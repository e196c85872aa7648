/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * The software backend for many connections that are mostly idle: their expanded key tables lie in
 * a cache of a size that the caller chooses, instead of a context for each direction. A direction
 * whose table is not in the cache has it made anew when it seals or opens.
 *
 *     static _Alignas(64) uint8_t memory[1 << 20];
 *     struct weir_soft_cache cache;
 *     weir_soft_cache_init(&cache, &weir_aead_portable, memory, sizeof memory, &why);
 *     weir_tx_init(&tx, &keys, &cache.backend, tx_ctx, sizeof tx_ctx, &why);
 *
 * What a table costs to make, and when that pays: docs/performance.md.
 */
#ifndef WEIR_SOFT_CACHE_H
#define WEIR_SOFT_CACHE_H

#include "soft.h"

/** Bytes of memory, and their alignment, that each direction takes besides itself. */
#define WEIR_SOFT_CACHE_CTX 24u

/** How a cache is used. */
struct weir_soft_cache_counters {
    uint64_t loads;     /**< tables made */
    uint64_t evictions; /**< of them, those that took the place of another's */
};

/**
 * The software backend on one provider, with a cache. Belongs to one thread at a time, and with it
 * all directions on it. Must not move while there are any.
 */
struct weir_soft_cache {
    struct weir_backend backend; /**< hand `&cache.backend` to weir_tx_init and weir_rx_init */
    struct weir_soft soft;       /**< what does the work */
    struct weir_soft_cache_head *head; /**< in the caller's memory */
};

WEIR_BEGIN

/**
 * Bytes of memory for `tables` tables of `aead`: whatever the alignment of the memory is. SIZE_MAX
 * when a size_t cannot hold the number.
 */
WEIR_API size_t weir_soft_cache_size(const struct weir_aead *aead, size_t tables);

/**
 * Makes `cache` the software backend on `aead`, with as many tables as memory[0..len) has room for.
 * `aead` and `memory` must outlive it.
 *
 * Every function of a direction on it answers what it does on the software backend (soft.h).
 * Sealing or opening a record may have to make a table; when the provider cannot,
 * WEIR_E_PROVIDER. A table is wiped when another takes its place, and with its direction.
 *
 * Returns WEIR_OK, or WEIR_REFUSED with `why` filled: WEIR_REFUSAL_ABI, WEIR_REFUSAL_INSECURE as
 * weir_soft_init; WEIR_REFUSAL_MEMORY for less than one table (`detail`: the bytes of one).
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_soft_cache_init(struct weir_soft_cache *cache,
                                                          const struct weir_aead *aead,
                                                          void *memory, size_t len,
                                                          struct weir_refusal *why);

/** Tables that it has room for. */
WEIR_API size_t weir_soft_cache_tables(const struct weir_soft_cache *cache);

/** How it was used so far. */
WEIR_API struct weir_soft_cache_counters weir_soft_cache_count(const struct weir_soft_cache *cache);

WEIR_END
#endif
