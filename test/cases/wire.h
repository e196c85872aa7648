/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * The peer of a direction under test. It makes and takes apart records straight from the text of
 * the standards and shares nothing with core but the AEAD provider, so that a mistake of core does
 * not meet the same mistake here; and it can say what core never would.
 */
#ifndef WEIR_TEST_WIRE_H
#define WEIR_TEST_WIRE_H

#include "cases.h"

/** Bytes of context that any provider of the tests fits in, and their alignment. */
#define TEST_CTX_LEN   2048u
#define TEST_CTX_ALIGN 64

/** One direction as the peer sees it. */
struct wire {
    const struct weir_aead *aead; /**< NULL: not begun */
    struct weir_keys keys;        /**< `at` is where the next record stands */
    _Alignas(TEST_CTX_ALIGN) uint8_t ctx[TEST_CTX_LEN];
    uint8_t text[WEIR_MAX_RECORD]; /**< what wire_take has opened last */
};

/** A record taken apart. */
struct wire_record {
    uint8_t type;
    const uint8_t *data; /**< in the wire's `text` */
    size_t len;
    size_t pad;              /**< zeros behind the inner content type */
    uint64_t explicit_nonce; /**< TLS 1.2 AES-GCM */
};

void wire_begin(struct wire *w, const struct weir_aead *aead, const struct weir_keys *keys);
void wire_end(struct wire *w);

/** RFC 8446 section 7.2: the next traffic secret and its keys. */
void wire_update(struct wire *w, const struct weir_kdf *kdf);

/** Seals `message` as it is behind a header of `type`; returns the length of the record. */
size_t wire_seal(struct wire *w, uint8_t type, const uint8_t *message, size_t len, uint8_t *out);

/** Seals content of `type`, in TLS 1.3 with `pad` zeros; returns the length of the record. */
size_t wire_say(struct wire *w, uint8_t type, const void *content, size_t len, size_t pad,
                uint8_t *out);

/** Takes the record at `in` apart; returns its length, 0 when anything about it is wrong. */
size_t wire_take(struct wire *w, const uint8_t *in, size_t len, struct wire_record *r);

#endif
