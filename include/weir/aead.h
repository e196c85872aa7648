/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * AEAD providers: what seals and opens the bytes of one record.
 */
#ifndef WEIR_AEAD_H
#define WEIR_AEAD_H

#include "status.h"
#include "suite.h"

/** The interface version of struct weir_aead and struct weir_aead_op. */
#define WEIR_AEAD_ABI 1u

/** The provider wraps a library that allocates memory behind the context. */
#define WEIR_AEAD_ALLOCATES 1u
/** The provider protects nothing; a release build of weir refuses it. */
#define WEIR_AEAD_INSECURE 2u

/** Segments that one struct weir_aead_op has at most. */
#define WEIR_AEAD_MAX_SEGMENTS 8u

/**
 * One message's worth of work. The nonce lies in a 16-byte slot, so that it can be written and read
 * with one wide access.
 */
struct weir_aead_op {
    uint8_t nonce[16];   /**< the first 12 bytes count, the rest is 0 */
    struct weir_iov aad; /**< additional data: 5 (TLS 1.3) or 13 bytes (TLS 1.2) for a record */
    const struct weir_iov *in; /**< the message, in 1 to WEIR_AEAD_MAX_SEGMENTS pieces */
    size_t in_count;
    size_t in_len; /**< bytes of all pieces together; may be 0 */
    /**
     * `in_len` bytes of output. Either apart from every piece, or, when there is exactly one piece,
     * exactly on top of it.
     */
    uint8_t *out;
    uint8_t *tag; /**< 16 bytes: written by seal, read by open; never overlaps `out` */
};

/**
 * An AEAD implementation: a const value, shared by all connections and threads. It never sees a
 * sequence number and never chooses a nonce.
 */
struct weir_aead {
    uint32_t abi;   /**< WEIR_AEAD_ABI */
    uint32_t algs;  /**< mask of WEIR_ALG_BIT */
    uint32_t flags; /**< WEIR_AEAD_… */
    const char *name;
    size_t ctx_size, ctx_align; /**< what `ctx` must offer; align is a power of two */
    /**
     * Makes `ctx` (uninitialised memory) ready for one key; weir_alg_key_len bytes at `key`.
     * WEIR_OK, or WEIR_E_PROVIDER with `ctx` left as one that needs no wipe.
     */
    weir_status (*init)(void *ctx, weir_alg alg, const uint8_t *key);
    /** Encrypts. WEIR_OK or WEIR_E_PROVIDER; then `out` is undefined and the caller wipes it. */
    weir_status (*seal)(void *ctx, const struct weir_aead_op *op);
    /**
     * Decrypts one piece and checks the tag in constant time. WEIR_OK; WEIR_E_AUTH when the tag is
     * wrong, WEIR_E_PROVIDER when the provider broke; in both cases the caller wipes `out`.
     */
    weir_status (*open)(void *ctx, const struct weir_aead_op *op);
    /** Wipes the key and releases what the library allocated. `ctx` is uninitialised after it. */
    void (*wipe)(void *ctx);
};

#endif
