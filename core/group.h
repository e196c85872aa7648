/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * Small records that a backend takes with one call, for tx_many.c and rx_many.c. What can be done
 * once for all of them is.
 */
#ifndef WEIR_CORE_GROUP_H
#define WEIR_CORE_GROUP_H

#include "direction.h"

/* The messages of one call, and what they point to. */
struct group {
    size_t count;
    struct weir_aead_op op[WEIR_AEAD_MAX_EACH];
    struct weir_iov in[WEIR_AEAD_MAX_EACH];
    uint8_t aad[WEIR_AEAD_MAX_EACH][16]; /* TLS 1.2 */
};

/* What a direction gains by some records. */
struct gain {
    uint64_t records, blocks, bytes;
    size_t wire;
};

/* Whether the key may protect a group of messages of up to `len` bytes, wherever it ends. What is
 * closer to a limit goes record by record. */
static inline bool group_allowed(const struct direction *d, size_t len)
{
    const uint64_t blocks = d->keys.at.blocks, hard = d->limit.hard;

    return d->keys.at.seq < UINT64_MAX - WEIR_RESERVE_RECORDS - WEIR_AEAD_MAX_EACH &&
           blocks <= hard && hard - blocks >= WEIR_AEAD_MAX_EACH * blocks_of(len);
}

/* Fills in message `i`, that of the record at `record`, which will be number `seq`: `len` bytes at
 * `text`. Header and explicit nonce are there. */
HOT void put_in_group(struct group *g, size_t i, struct nonce_base base, struct kind kind,
                      uint8_t *record, const uint8_t *text, size_t len, uint64_t seq)
{
    struct weir_aead_op *op = &g->op[i];

    if (kind.salt) {
        /* In two pieces: it will be some time until somebody reads it. */
        put_wire128(op->nonce, base.first, base.second);
        memcpy(op->nonce + 4, record + WEIR_HEADER_LEN, 8);
    } else {
        put_nonce(base, kind, op, seq);
    }
    if (kind.tls13)
        op->aad = (struct weir_iov){record, WEIR_HEADER_LEN};
    else
        fill_aad12(op, g->aad[i], seq, WEIR_TYPE_DATA, len);
    g->in[i] = (struct weir_iov){text, len};
    op->in = &g->in[i];
    op->in_count = 1;
    op->in_len = len;
    op->out = record + prefix_of(kind);
    op->tag = op->out + len;
}

/* Moves the position past these records. */
static inline void pass_group(struct direction *d, const struct gain *gain)
{
    struct weir_position *at = &d->keys.at;

    at->seq += gain->records;
    at->blocks += gain->blocks;
    if (at->tcp_known)
        at->tcp_seq += (uint32_t)gain->wire;
}

/* Counts these records. */
static inline void count_group(struct direction *d, const struct gain *gain)
{
    d->counters.records += gain->records;
    d->counters.wire_bytes += gain->wire;
    d->counters.bytes += gain->bytes;
}

#endif
