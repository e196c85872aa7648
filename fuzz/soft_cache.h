/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * The input of fuzz target soft_cache: two caches, then steps until the input ends.
 *
 *     1  provider: even the null one, odd weir_aead_portable; and 2: several records at once
 *     1  tables of the first cache, modulo 6, and one
 *     1  tables of the second, likewise
 *     1  bytes by which the memory of both is off its alignment, modulo 64
 *
 *     each step:
 *     1  what to do in the low four bits (enum soft_cache_step), then the connection, modulo 5
 *     1  a number: a length, or where something is cut; for _FAIL, the init that fails
 */
#ifndef WEIR_FUZZ_SOFT_CACHE_H
#define WEIR_FUZZ_SOFT_CACHE_H

#define SOFT_CACHE_CONNECTIONS 5u

enum soft_cache_step {
    SOFT_CACHE_CARRY,   /**< a record from one end to the other */
    SOFT_CACHE_EACH,    /**< several by one call */
    SOFT_CACHE_FORGE,   /**< a record with one bit flipped */
    SOFT_CACHE_REKEY,   /**< both directions, TLS 1.3 */
    SOFT_CACHE_EXPORT,  /**< the sending direction to a new owner */
    SOFT_CACHE_MOVE_TX, /**< to the other cache, to memory of its own, or back */
    SOFT_CACHE_MOVE_RX,
    SOFT_CACHE_MARKED, /**< a record that a card has decrypted in part */
    SOFT_CACHE_AGAIN,  /**< the connection ends, and a new one takes its place */
    SOFT_CACHE_FORGET, /**< the same, but its memory is used again without a wipe */
    SOFT_CACHE_END,    /**< the sending direction ends, and stays */
    SOFT_CACHE_FAIL,   /**< a coming init fails */
    SOFT_CACHE_STREAM, /**< many records of all kinds at once, and the key changes among them */
    SOFT_CACHE_STEPS,
};

#endif
