/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * An AEAD provider on the AEADs of the models, which tells a ledger of all it seals.
 */
#ifndef WEIR_TEST_KTLS_AEAD_H
#define WEIR_TEST_KTLS_AEAD_H

#include "sim/ledger.h"

#include <weir/weir.h>

extern const struct weir_aead ktls_aead;
/** A provider has no memory but a key's: the ledger of the one simulation that runs. */
extern struct sim_ledger *ktls_ledger;

#endif
