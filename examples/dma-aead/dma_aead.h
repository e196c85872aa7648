/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * An AEAD provider of one's own, on a crypto engine that works by DMA.
 *
 * weir's calls are synchronous: a record is sealed or opened when the call returns, and there is no
 * status for "busy, come back". A provider that has to wait therefore waits, with a bound, and
 * after that it has failed: WEIR_E_PROVIDER, which ends the direction. Trying again would be no
 * help to the caller: what the engine has already put out under this nonce cannot be known. A main
 * loop that has something better to do than wait asks dma_aead_ready before it calls.
 */
#ifndef DMA_AEAD_H
#define DMA_AEAD_H

#include <stdbool.h>
#include <weir/aead.h>

/** AES-128-GCM and AES-256-GCM on the engine. A context takes one of its key slots, a connection
 * two; with none left, init answers WEIR_E_PROVIDER and the caller may take another provider. Not
 * for several threads or interrupts at once: there is one engine. */
extern const struct weir_aead weir_aead_dma;

/** Whether the engine would take a command now. */
bool dma_aead_ready(void);

/**
 * Bytes to leave free before a record with this prefix (weir_tx_shape) in a buffer that is aligned
 * to 16, so that the engine works on the text where it lies; elsewhere the text is copied through a
 * small buffer.
 */
#define DMA_AEAD_HEADROOM(prefix) ((16u - (prefix) % 16u) % 16u)

#endif
