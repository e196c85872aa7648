/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * A provider that protects nothing, for tests and fuzzing. Never installed, and refused by a core
 * of a release build (WEIR_AEAD_INSECURE).
 */
#ifndef WEIR_AEAD_NULL_H
#define WEIR_AEAD_NULL_H

#include <weir/aead.h>

WEIR_BEGIN

/**
 * "Encrypts" by copying. The tag is a checksum of key, nonce, additional data, text and both
 * lengths: anyone can make it, but any change within one 8-byte word of these, and every single
 * flipped bit of text or tag, is certain to be noticed.
 */
extern const struct weir_aead weir_aead_null;

WEIR_END
#endif
