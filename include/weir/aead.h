/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * AEAD providers: what seals and opens the bytes of one record.
 */
#ifndef WEIR_AEAD_H
#define WEIR_AEAD_H

#include "status.h"
#include "suite.h"

/** The interface version of struct weir_aead and struct weir_aead_op. */
#define WEIR_AEAD_ABI 3u

/** The provider wraps a library that allocates memory behind the context. */
#define WEIR_AEAD_ALLOCATES 1u
/** The provider protects nothing; a release build of weir refuses it. */
#define WEIR_AEAD_INSECURE 2u

/** Segments that one struct weir_aead_op has at most. */
#define WEIR_AEAD_MAX_SEGMENTS 8u

/** Messages that one call of `seal_each` and `open_each` is given at most. */
#define WEIR_AEAD_MAX_EACH 16u

/** Bytes of the longest message of AES-GCM (NIST SP 800-38D section 5.2.1.1), and so of the
 * keystream under one nonce. */
#define WEIR_AEAD_MAX_KEYSTREAM ((UINT64_C(1) << 36) - 32)

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
    /**
     * Encrypts, or what is the same decrypts, a piece of a message of AES-GCM without its tag: xors
     * in[0..len) with the keystream under `nonce` from byte `offset` of the message on, and puts
     * the result to `out`, which is `in` or lies apart from it. Byte 0 stands under the block
     * nonce || 2 (SP 800-38D section 7.1). The time depends on `len`, not on `offset`.
     *
     * It proves nothing, and a nonce must still cover one message only: for the segments of records
     * that have been sealed, and for undoing what a network interface has decrypted.
     *
     * WEIR_OK; WEIR_REFUSED for a key of another algorithm, with nothing written; WEIR_E_PROVIDER
     * when offset + len is above WEIR_AEAD_MAX_KEYSTREAM, with nothing written, or the provider
     * broke. Optional: NULL, and such pieces cannot be dealt with. A provider that flags
     * WEIR_AEAD_ALLOCATES may allocate when it is first called for a key.
     */
    weir_status (*keystream)(void *ctx, const uint8_t nonce[WEIR_IV_LEN], uint64_t offset,
                             const uint8_t *in, uint8_t *out, size_t len);
    /**
     * Encrypts each of ops[0..count), 1 to WEIR_AEAD_MAX_EACH messages of one piece, any of which
     * may be empty; no output of one overlaps what another reads or writes. Gives the bytes that
     * `seal` would. WEIR_OK: all are sealed; WEIR_E_PROVIDER: the output of all of them is
     * undefined and the caller wipes it.
     *
     * Optional, for providers to which many messages in one call are less work: NULL, and `seal`
     * is called for each.
     */
    weir_status (*seal_each)(void *ctx, const struct weir_aead_op *ops, size_t count);
    /**
     * Decrypts each of ops[0..count), which are as for `seal_each`, and checks their tags in
     * constant time. WEIR_OK: all tags are right. WEIR_E_AUTH: that of ops[*good] is wrong, those
     * before it are right, and nothing is said of those behind it. In both cases all outputs hold
     * what their messages decrypt to, the wrong ones, too, and the caller wipes those it may not
     * use. WEIR_E_PROVIDER: the provider broke, all outputs are undefined, the caller wipes them.
     *
     * What was decrypted too early the caller encrypts again, to get back what was there: behind a
     * record of TLS 1.3 that is not application data another key may hold. So `seal` with the same
     * nonce must turn such an output into the input it came from, whatever the tag was, also where
     * the key is one for receiving; the tag it writes is thrown away.
     *
     * Optional as `seal_each` is.
     */
    weir_status (*open_each)(void *ctx, const struct weir_aead_op *ops, size_t count, size_t *good);
};

#endif
