/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * TLS as a peer knows it, by the RFCs and a TLS library's AEAD, without a line of weir: records of
 * TLS 1.2 (RFC 5246 section 6.2.3.3, RFC 5288) and 1.3 (RFC 8446 section 5.2) under AES-GCM. And
 * content to carry, which can be told from its place.
 */
#ifndef WEIR_SIM_DEVICE_TLS_H
#define WEIR_SIM_DEVICE_TLS_H

#include "aead.h"

#define TLS_HEADER      5u
#define TLS_MOST        (16384u + 2048u + TLS_HEADER)
#define TLS_ALERT       21u
#define TLS_APPLICATION 23u

/** How explicit nonces come about. */
enum sim_tls_nonces { SIM_TLS_SEQ, SIM_TLS_COUNTER, SIM_TLS_MASKED };

/** One direction. */
struct sim_tls {
    bool tls13;
    enum sim_alg alg;
    uint8_t key[SIM_MAX_KEY], iv[SIM_NONCE_LEN]; /**< TLS 1.2: iv[0..4) is the salt */
    enum sim_tls_nonces nonces;                  /**< TLS 1.2 */
    uint64_t explicit_nonce; /**< of the next record (COUNTER), or the mask (MASKED) */
    uint64_t seq;            /**< of the next record */
};

/** Bytes that a record has around its content: before, and behind without padding. */
size_t sim_tls_prefix(const struct sim_tls *tls);
size_t sim_tls_suffix(const struct sim_tls *tls);
/** The explicit nonce of the next record. */
uint64_t sim_tls_explicit(const struct sim_tls *tls);
/**
 * Writes the next record, `total` bytes of it, to plain[0..total) as it is before encryption, with
 * zeros for the tag, and to wire[0..total) as it is sealed; moves on. What is beyond content and
 * suffix is padding (TLS 1.3 only).
 */
void sim_tls_seal(struct sim_tls *tls, uint8_t type, const uint8_t *content, size_t len,
                  size_t total, uint8_t *plain, uint8_t *wire);
/**
 * Opens the record wire[0..total): its content at `content` (room for `total`). Moves on. False:
 * not a record, or a wrong tag.
 */
bool sim_tls_open(struct sim_tls *tls, const uint8_t *wire, size_t total, uint8_t *content,
                  size_t *len, uint8_t *type);
/** Bytes of the record that begins with these; 0: not known yet, or no record. */
size_t sim_tls_total(const uint8_t *wire, size_t len);

/** The content at `offset` of a stream that `seed` tells from others. */
void sim_tls_pattern(uint64_t seed, uint64_t offset, uint8_t *p, size_t len);

#endif
