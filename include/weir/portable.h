/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * weir without any crypto library: AES-GCM and HMAC in portable C, for firmware and as the last
 * resort elsewhere.
 *
 * Nothing is allocated, nothing is called but memcpy, memset and the like, no table is indexed by a
 * secret and no branch depends on one. That makes the code constant-time on every core whose
 * instructions AND, XOR, shift and multiply take the same time for all operands; for multiplication
 * see WEIR_PORTABLE_SHORT_MUL in docs/portable.md.
 *
 * A provider on a library that uses a CPU's own instructions for AES is tens of times as fast:
 * where there is one, prefer it.
 */
#ifndef WEIR_PORTABLE_H
#define WEIR_PORTABLE_H

#include "aead.h"
#include "kdf.h"

WEIR_BEGIN

/**
 * AES-128-GCM and AES-256-GCM (FIPS 197, NIST SP 800-38D). `open` checks the tag before it writes
 * the first byte of plaintext. Both take messages of any length that GCM has, and `open` exactly
 * one piece; anything else is WEIR_E_PROVIDER.
 *
 * Absent from a library built with the option portable_aead=false.
 */
WEIR_API extern const struct weir_aead weir_aead_portable;

/**
 * HMAC with SHA-256 and SHA-384 (FIPS 180-4, RFC 2104). No status but WEIR_OK, and WEIR_E_PROVIDER
 * for a hash that is neither.
 *
 * Absent from a library built with the option portable_kdf=false. A session without a key
 * derivation refuses to update its keys with WEIR_REFUSAL_KDF.
 */
WEIR_API extern const struct weir_kdf weir_kdf_portable;

WEIR_END
#endif
