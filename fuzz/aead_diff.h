/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * The first bytes of an input of `aead_diff`:
 *
 *     1  what to do: AEAD_DIFF_…
 *     1  length of the additional data, or of the key of HMAC
 *     but for HMAC also
 *     2  which bit of ciphertext and tag is flipped
 *     1  into how many pieces more than one the message is cut, and 2 for the end of each
 *     16 (AES-128-GCM) or 32, and 12: key and nonce
 *
 * then the additional data or the key of HMAC, and all the rest is the message.
 */
#ifndef WEIR_FUZZ_AEAD_DIFF_H
#define WEIR_FUZZ_AEAD_DIFF_H

#include <weir/aead.h>

#define AEAD_DIFF_LONG   1u /**< AES-256 or SHA-384 instead of AES-128 or SHA-256 */
#define AEAD_DIFF_HMAC   2u /**< HMAC instead of an AEAD */
#define AEAD_DIFF_MORE   4u /**< 256 bytes more of additional data or key */
#define AEAD_DIFF_CHACHA 8u /**< ChaCha20-Poly1305 instead of AES-GCM, whatever its key length */

#define AEAD_DIFF_CUTS (WEIR_AEAD_MAX_SEGMENTS - 1u)

#endif
