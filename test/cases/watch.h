/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * A backend around the software one. It watches that core keeps its side of the contract of a
 * backend, that no nonce is ever used twice under one key, and fails on demand.
 */
#ifndef WEIR_TEST_WATCH_H
#define WEIR_TEST_WATCH_H

#include "cases.h"

/** Nonces one scenario may use. */
#define WATCH_LEAST_PAIRS 8192u

/** Which message from now fails, 1 being the next one; 0: none. */
struct watch_faults {
    uint32_t init, seal, open, hmac, keystream;
    weir_status status; /**< what it answers */
};

struct watch {
    struct weir_backend backend; /**< what core is given */
    struct weir_soft soft;
    struct test *t;
    uint32_t attached; /**< directions it holds now */
    uint32_t inits, seals, opens, keystreams;
    uint32_t groups; /**< calls of seal_each and open_each; their messages count above */
    uint32_t closed; /**< messages sealed to undo that they were opened */
};

/**
 * Whether watch_begin gives every backend seal_each and open_each (where weir is built for speed);
 * otherwise those have them whose provider has. Those of other providers are made out of their
 * other functions.
 */
extern bool watch_groups;

/** One for all cases, because the functions of a provider are told of nothing but their context. */
extern struct watch_faults watch_faults;

/**
 * Starts watching `aead` for `t`, without faults, with room to remember at least
 * WATCH_LEAST_PAIRS more nonces. The provider core gets leaves plaintext behind whenever it fails,
 * so that a missing wipe shows.
 */
void watch_begin(struct watch *watch, struct test *t, const struct weir_aead *aead);

/** A key derivation that mixes and protects nothing, for bodies that need any; fails on demand. */
extern const struct weir_kdf watch_kdf;
/** How often it was called since watch_begin. */
extern uint32_t watch_hmacs;

#endif
