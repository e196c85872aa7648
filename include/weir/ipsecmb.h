/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * weir on libipsec-mb 1.3: the fastest AEAD provider on x86-64 (docs/performance.md).
 */
#ifndef WEIR_IPSECMB_H
#define WEIR_IPSECMB_H

#include "aead.h"
#include "refusal.h"

WEIR_BEGIN

/**
 * AES-GCM and ChaCha20-Poly1305 by libipsec-mb, with the best code that it has for this processor.
 * The expanded key lies in the caller's context, and nothing else belongs to one.
 *
 * The first key of a process, from whatever thread, makes the library choose its code; for that it
 * allocates about 200 KB and frees it again. What was chosen is read by all threads and never
 * written again. When that fails, every `init` of the process answers WEIR_E_PROVIDER, and
 * weir_ipsecmb_usable says why.
 *
 * Several messages of AES-GCM with one call are taken four at a time, where the processor has VAES,
 * VPCLMULQDQ and AVX-512 and they are of at most 736 bytes.
 *
 * `open` takes exactly one piece, and wipes `out` when the tag is wrong. Messages of more than
 * 2^36 - 32 bytes are WEIR_E_PROVIDER.
 */
WEIR_API extern const struct weir_aead weir_aead_ipsecmb;

/**
 * Whether this process can use weir_aead_ipsecmb; asks the library at the first call, from any
 * thread. When not, `why` is of layer WEIR_LAYER_PROVIDER and has one of
 *
 *  - WEIR_REFUSAL_CPU: no SSE4.2, CMOV, AES-NI or PCLMULQDQ. The library could do without the
 *    instructions for AES, but not in a time that tells nothing of the key;
 *  - WEIR_REFUSAL_RESOURCES: no memory when it was first asked, and not asked again;
 *  - WEIR_REFUSAL_PROVIDER: the library found itself wrong, or could not be started.
 *
 * A program that lists this provider first and another one behind it needs no call: the direction
 * then goes to the other one, with WEIR_REFUSAL_PROVIDER as the reason.
 */
WEIR_API bool weir_ipsecmb_usable(struct weir_refusal *why);

WEIR_END
#endif
