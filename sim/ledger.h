/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * The ledger of a simulation: every (key, nonce) under which anything was ever protected in it, by
 * whichever model, with a digest of what was protected. The same bytes once more are a
 * retransmission and allowed. Other bytes are a nonce used twice, which no test may see:
 *
 *     struct sim_ledger *ledger = sim_ledger_new();
 *     … every model of the simulation is given the ledger …
 *     cr_assert(sim_ledger_fault(ledger) == NULL, "%s", sim_ledger_fault(ledger));
 *     sim_ledger_free(ledger);
 *
 * It digests plaintext, not ciphertext, so software and model under one key can be held against one
 * another. The digest is no cryptographic one: nobody in a simulation looks for collisions.
 */
#ifndef WEIR_SIM_LEDGER_H
#define WEIR_SIM_LEDGER_H

#include "aead.h"

struct sim_ledger;

struct sim_ledger *sim_ledger_new(void);
void sim_ledger_free(struct sim_ledger *ledger);

/**
 * Notes that plain[0..len) is protected as `op` says. False when the pair of key and nonce has
 * protected something else before (other content, or other additional data): the fault stays.
 */
bool sim_ledger_note(struct sim_ledger *ledger, const struct sim_aead_op *op, const uint8_t *plain,
                     size_t len);

/**
 * Notes a part of what is protected as `op` says, for whoever sends records in segments and may
 * never come to their end: `plain` are its bytes from `offset` on. False when one of them was
 * another before; length and additional data do not count. Parts are held against parts only, byte
 * by byte, and not against whole records. Not counted in pairs and repeats.
 */
bool sim_ledger_note_part(struct sim_ledger *ledger, const struct sim_aead_op *op, uint64_t offset,
                          const uint8_t *plain, size_t len);

/** What went wrong first, as text with the nonce in it; NULL when nothing did. */
const char *sim_ledger_fault(const struct sim_ledger *ledger);
/** How many different pairs there are, how often one came back the same, how often not. */
uint64_t sim_ledger_pairs(const struct sim_ledger *ledger);
uint64_t sim_ledger_repeats(const struct sim_ledger *ledger);
uint64_t sim_ledger_conflicts(const struct sim_ledger *ledger);

#endif
