/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * The way of one record through sealing, for tx.c and tx_many.c.
 */
#ifndef WEIR_CORE_SEAL_H
#define WEIR_CORE_SEAL_H

#include "direction.h"

/*
 * Records up to this size are copied together and sealed in one piece: below it a copy costs less
 * than the extra provider calls that a gathered seal takes (docs/performance.md).
 */
#define COPY_LIMIT 2048u

/*
 * The least that a peer can negotiate (RFC 8449 section 4: 64, less the inner content type). The
 * caller's limit may be lower, but does not cut alerts, which "MUST NOT be fragmented across
 * records" (RFC 8446 section 5.1), nor a KeyUpdate.
 */
#define CONTROL_LIMIT 63u

/* Most plaintext in a record of this type. */
static inline size_t limit_of(const struct direction *d, uint8_t type)
{
    return type != WEIR_TYPE_DATA && d->record_limit < CONTROL_LIMIT ? CONTROL_LIMIT
                                                                     : d->record_limit;
}

/* Zeros behind the inner content type. RFC 8446 section 5.4 leaves the amount to the sender. */
static inline size_t padding_of(const struct direction *d, size_t len)
{
    size_t multiple = d->pad_multiple;

    if (multiple == 0)
        return 0;
    size_t rest = len % multiple;
    size_t pad = rest != 0 || len == 0 ? multiple - rest : 0;
    size_t room = len < d->record_limit ? d->record_limit - len : 0;
    return pad < room ? pad : room;
}

/* Whether the key may protect one more message; `blocks` is its count with that message. */
static inline bool within_limits(const struct direction *d, uint8_t type, uint64_t blocks)
{
    uint64_t reserve = type == WEIR_TYPE_DATA ? 0 : WEIR_RESERVE_BLOCKS;
    uint64_t last_seq = UINT64_MAX - (type == WEIR_TYPE_DATA ? WEIR_RESERVE_RECORDS : 0);

    /* RFC 8446 section 5.3: "If a TLS implementation would need to wrap a sequence number, it MUST
     * either rekey (Section 4.6.3) or terminate the connection." The last number is never used. */
    return d->keys.at.seq < last_seq && blocks_allowed(d, blocks, reserve);
}

/* The explicit nonce of the record after this one. A sender has one of three rules: a counter (the
 * sequence number is one), or a mask over the sequence number, the same for every record. */
static inline uint64_t next_explicit(uint8_t nonce_rule, uint64_t seq, uint64_t explicit_nonce)
{
    return nonce_rule == WEIR_NONCE_XOR ? explicit_nonce ^ seq ^ (seq + 1) : explicit_nonce + 1;
}

/* One record to be made. */
struct record {
    struct kind kind;
    uint8_t type;
    size_t len;      /* plaintext bytes */
    size_t pad;      /* zeros behind the inner content type */
    size_t message;  /* bytes that the AEAD protects */
    size_t wire;     /* bytes on the wire */
    size_t prefix;   /* of them, those before the message */
    uint64_t blocks; /* the key's count with it */
};

/* The record of `len` bytes with `pad` behind them. */
HOT struct record record_of(const struct direction *d, struct kind kind, uint8_t type, size_t len,
                            size_t pad)
{
    size_t prefix = prefix_of(kind);
    size_t message = len + pad + (kind.tls13 ? 1 : 0);

    return (struct record){.kind = kind,
                           .type = type,
                           .len = len,
                           .pad = pad,
                           .message = message,
                           .wire = prefix + message + WEIR_TAG_LEN,
                           .prefix = prefix,
                           .blocks = blocks_with(d, message)};
}

/*
 * Begins the record that is to lie at `out`: its header, its nonce and where all of it is. `aad` is
 * the caller's room for the additional data. From here on the number of the record is used up,
 * whatever happens.
 */
HOT void start_record(struct direction *d, const struct record *r, struct weir_aead_op *op,
                      uint8_t aad[16], uint8_t *out)
{
    const struct kind kind = built(r->kind);
    /* RFC 8446 section 5.2: the opaque_type "is always set to the value 23". */
    uint8_t type = kind.tls13 ? WEIR_TYPE_DATA : r->type;
    uint64_t header = header_word(type, r->wire - WEIR_HEADER_LEN);
    struct weir_position *at = &d->keys.at;
    /* Read once: as far as a compiler knows, what is written here may lie on top of them. */
    const uint64_t seq = at->seq, explicit_nonce = at->explicit_nonce;

    fill_nonce(&d->keys, kind, op, kind.salt ? explicit_nonce : seq);
    if (kind.tls13) {
        /* RFC 8446 section 5.2: the header as it stands on the wire; but that is being written in
         * two pieces, and would be waited for. */
        put_wire128(aad, header, 0);
        op->aad = (struct weir_iov){aad, WEIR_HEADER_LEN};
    } else {
        fill_aad12(op, aad, seq, type, r->message);
    }
    if (kind.salt && FAST)
        memcpy(out, &header, sizeof header); /* the nonce covers the rest */
    else
        memcpy(out, &header, WEIR_HEADER_LEN);
    if (kind.salt) {
        put_be64(out + WEIR_HEADER_LEN, explicit_nonce);
        at->explicit_nonce = next_explicit(at->nonce_rule, seq, explicit_nonce);
    }
    op->in_len = r->message;
    op->out = out + r->prefix;
    op->tag = out + r->prefix + r->message;
    pass_record(d, r->blocks, r->wire);
}

/*
 * Seals the record that has begun: one message (plaintext; in TLS 1.3 with its inner type and
 * padding) whose pieces are in[0..count).
 */
HOT weir_status end_record(struct direction *d, const struct record *r, struct weir_aead_op *op,
                           const struct weir_iov *in, size_t count)
{
    op->in = in;
    op->in_count = count;
    weir_status status = d->backend->seal(d->backend, d->ctx, op);
    if (status != WEIR_OK) {
        weir_wipe(op->out - r->prefix, r->wire);
        return weir_direction_end(d, backend_error(status));
    }
    d->counters.records++;
    d->counters.wire_bytes += r->wire;
    if (r->type == WEIR_TYPE_DATA)
        d->counters.bytes += r->len;
    return WEIR_OK;
}

/* Begins and ends the record at `out`. */
HOT weir_status seal_message(struct direction *d, const struct record *r, const struct weir_iov *in,
                             size_t count, uint8_t *out)
{
    struct weir_aead_op op;
    uint8_t aad[16];

    start_record(d, r, &op, aad, out);
    return end_record(d, r, &op, in, count);
}

/* Seals a record whose plaintext already lies behind the prefix in `out`. */
HOT weir_status seal_placed(struct direction *d, const struct record *r, uint8_t *out)
{
    uint8_t *text = out + r->prefix;
    const struct weir_iov in = {text, r->message};

    if (built(r->kind).tls13) {
        text[r->len] = r->type;
        if (r->pad > 0)
            memset(text + r->len + 1, 0, r->pad);
    }
    return seal_message(d, r, &in, 1, out);
}

/* What a call answers that has sealed all it was given. */
static inline weir_status sealed(const struct direction *d, uint8_t type)
{
    bool due = d->keys.at.blocks > d->limit.soft;

    return due && type == WEIR_TYPE_DATA ? WEIR_REKEY_DUE : WEIR_OK;
}

/* Whether the usual can be done: data that becomes one record without padding. */
static inline bool is_usual(const struct direction *d, uint8_t type, size_t len)
{
    return FAST && type == WEIR_TYPE_DATA && len - 1 < d->record_limit && d->pad_multiple == 0 &&
           d->attached == HELD_RECORD && d->doing == DOING_NOTHING && d->status == WEIR_OK;
}

/*
 * Puts the inner content type behind a message that is only read, as in[0]: a copy to `text` where
 * that is cheaper, else a piece of its own. Returns the pieces.
 */
HOT size_t put_inner(const struct record *r, struct weir_iov in[2], uint8_t *text)
{
    if (r->len > COPY_LIMIT) {
        in[0].len = r->len;
        return 2;
    }
    in[0].base = memcpy(text, in[0].base, r->len);
    text[r->len] = WEIR_TYPE_DATA;
    return 1;
}

/*
 * Seals the usual. `lent`: the inner content type can be written behind the text, at `behind`;
 * otherwise the text is only read. Writes to `made` only when the record is there.
 */
HOT weir_status seal_usual(struct direction *d, struct kind kind, const uint8_t *text, bool lent,
                           uint8_t *behind, size_t len, uint8_t *out, size_t out_cap, size_t *made)
{
    static const uint8_t inner = WEIR_TYPE_DATA;
    const struct record r = record_of(d, kind, WEIR_TYPE_DATA, len, 0);
    struct weir_iov in[2] = {{text, r.message}, {&inner, 1}};
    size_t count = 1;
    struct weir_aead_op op;
    uint8_t aad[16];

    if (r.wire > out_cap)
        return WEIR_NEED_OUTPUT;
    if (!within_limits(d, WEIR_TYPE_DATA, r.blocks))
        return weir_tx_limit_reached(d, WEIR_TYPE_DATA);
    /* A copy comes first: the provider reads it by vectors, and what was written by narrower stores
     * it has to wait for; as little as possible while nonce and header are being made. */
    if (kind.tls13 && !lent)
        count = put_inner(&r, in, out + r.prefix);
    start_record(d, &r, &op, aad, out);
    if (kind.tls13 && lent)
        *behind = inner;
    weir_status status = end_record(d, &r, &op, in, count);
    if (status != WEIR_OK)
        return status;
    *made = r.wire;
    return sealed(d, WEIR_TYPE_DATA);
}

/* The same, by the code for its kind. */
HOT weir_status seal_usually(struct direction *d, const uint8_t *text, bool lent, uint8_t *behind,
                             size_t len, uint8_t *out, size_t out_cap, size_t *made)
{
    if (is_tls13(d))
        return seal_usual(d, kind13, text, lent, behind, len, out, out_cap, made);
    if (has_explicit_nonce(d))
        return seal_usual(d, kind12, text, lent, behind, len, out, out_cap, made);
    return seal_usual(d, kind_of(d), text, lent, behind, len, out, out_cap, made);
}

#endif
