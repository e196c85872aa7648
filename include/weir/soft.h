/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * The software backend: records sealed and opened here, by an AEAD provider.
 */
#ifndef WEIR_SOFT_H
#define WEIR_SOFT_H

#include "backend.h"

/** The software backend on one provider. May be shared by all connections and threads. */
struct weir_soft {
    struct weir_backend backend; /**< hand `&soft.backend` to weir_tx_init and weir_rx_init */
    const struct weir_aead *aead;
};

WEIR_BEGIN

/**
 * Makes `soft` the software backend on `aead`, which must outlive it.
 *
 * Returns WEIR_OK, or WEIR_REFUSED with `why` filled: WEIR_REFUSAL_ABI for a provider of another
 * interface version, WEIR_REFUSAL_INSECURE for one that protects nothing in a build without them.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_soft_init(struct weir_soft *soft,
                                                    const struct weir_aead *aead,
                                                    struct weir_refusal *why);

WEIR_END
#endif
