/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sealing for speed: out of memory that the caller lends, and many records with one call. Only who
 * calls these links them; all they do could be done by weir_tx_seal.
 */
#include "group.h"
#include "mem.h"
#include "seal.h"

/* Most records that are looked after together. */
#define RUN 32u
/*
 * Records up to this size are laid out together before the first of them is sealed. A provider that
 * reads by vectors what has just been written by narrower stores must wait until these have left
 * the processor's store buffer (docs/performance.md). Larger ones would be out of the first-level
 * cache again.
 */
#define LAID_OUT 128u
/* The largest record that is given to the backend together with others. */
#define TOGETHER 512u

/* As weir_tx_seal_lent, for one record or more. */
static __attribute__((noinline)) weir_status seal_lent(struct weir_tx *tx, uint8_t type,
                                                       uint8_t *text, size_t len, uint8_t *out,
                                                       size_t out_cap, size_t *taken, size_t *made)
{
    struct direction *d = tx_inside(tx);
    weir_status status;

    do {
        size_t here = len - *taken < d->record_limit ? len - *taken : d->record_limit;
        size_t wire = 0;

        if (is_usual(d, type, here)) {
            uint8_t *behind = text + *taken + here;
            uint8_t kept = *behind; /* of the next record, or what nobody needs */

            status =
                seal_usually(d, text + *taken, true, behind, here, out, out_cap - *made, &wire);
            *behind = kept;
        } else {
            const struct weir_iov rest = {text + *taken, len - *taken};

            status = weir_tx_seal(tx, type, &rest, 1, out, out_cap - *made, &here, &wire);
        }
        if (wire == 0)
            return status;
        out += wire;
        *taken += here;
        *made += wire;
    } while (*taken < len && (status == WEIR_OK || status == WEIR_REKEY_DUE));
    return status;
}

weir_status weir_tx_seal_lent(struct weir_tx *tx, uint8_t type, uint8_t *text, size_t len,
                              uint8_t *out, size_t out_cap, size_t *taken, size_t *made)
{
    struct direction *d = tx_inside(tx);

    *taken = 0;
    *made = 0;
    if (!is_usual(d, type, len))
        return seal_lent(tx, type, text, len, out, out_cap, taken, made);
    weir_status status = seal_usually(d, text, true, text + len, len, out, out_cap, made);
    if (status == WEIR_OK || status == WEIR_REKEY_DUE)
        *taken = len;
    return status;
}

/* Pieces that will do for seal_run, and what comes of them. */
struct run {
    size_t count, bytes, wire;
    uint64_t blocks; /* the key's count after them */
    bool small;
};

/* How many of in[0..count) become one record each, are usual, fit and are allowed. */
HOT struct run run_of(const struct direction *d, struct kind kind, const struct weir_iov *in,
                      size_t count, size_t out_cap)
{
    struct run run = {.blocks = d->keys.at.blocks, .small = true};

    count = count < RUN ? count : RUN;
    if (!is_usual(d, WEIR_TYPE_DATA, 1) ||
        d->keys.at.seq >= UINT64_MAX - WEIR_RESERVE_RECORDS - RUN)
        return run;
    while (run.count < count && in[run.count].len - 1 < d->record_limit) {
        size_t len = in[run.count].len;
        size_t message = len + (kind.tls13 ? 1 : 0);
        size_t wire = prefix_of(kind) + message + WEIR_TAG_LEN;
        uint64_t blocks = run.blocks + blocks_of(message);

        if (wire > out_cap - run.wire || blocks < run.blocks || !blocks_allowed(d, blocks, 0))
            break;
        run.small = run.small && len <= LAID_OUT;
        run.bytes += len;
        run.wire += wire;
        run.blocks = blocks;
        run.count++;
    }
    return run;
}

/* Puts the plaintext of a run where weir_tx_seal_in_place would have it. */
HOT void lay_out(struct kind kind, const struct weir_iov *in, size_t count, uint8_t *out)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t *text = out + prefix_of(kind);

        memcpy(text, in[i].base, in[i].len);
        text[in[i].len] = WEIR_TYPE_DATA;
        out = text + in[i].len + 1 + WEIR_TAG_LEN;
    }
}

/* Seals a run; what could be in the way of a record has been looked at. Answers as
 * weir_tx_seal_each, with what it sealed added to `taken` and `made`. */
HOT weir_status seal_run(struct direction *d, struct kind kind, const struct run *run,
                         const struct weir_iov *in, uint8_t *out, size_t *taken, size_t *made)
{
    static const uint8_t inner = WEIR_TYPE_DATA;
    bool laid_out = kind.tls13 && run->small;
    size_t left = run->wire;

    if (laid_out)
        lay_out(kind, in, run->count, out);
    for (size_t i = 0; i < run->count; i++) {
        const struct record r = record_of(d, kind, WEIR_TYPE_DATA, in[i].len, 0);
        struct weir_iov message[2] = {{in[i].base, r.message}, {&inner, 1}};
        size_t count = 1;
        struct weir_aead_op op;
        uint8_t aad[16];

        start_record(d, &r, &op, aad, out);
        if (laid_out)
            message[0].base = op.out;
        else if (kind.tls13)
            count = put_inner(&r, message, op.out);
        weir_status status = end_record(d, &r, &op, message, count);
        if (status != WEIR_OK) {
            weir_wipe(out, left);
            return status;
        }
        out += r.wire;
        left -= r.wire;
        *made += r.wire;
        ++*taken;
    }
    return sealed(d, WEIR_TYPE_DATA);
}

/* Lays out those of in[0..count) that become one small record of application data each and fit, up
 * to the first that does not. Returns what the direction gains by them; explicit nonces are used
 * up. */
HOT struct gain lay_out_group(struct direction *d, struct kind kind, struct group *g,
                              const struct weir_iov *in, size_t count, uint8_t *out, size_t out_cap)
{
    const struct nonce_base base = nonce_base(&d->keys);
    const size_t limit = d->record_limit < TOGETHER ? d->record_limit : TOGETHER;
    struct weir_position at = d->keys.at;
    struct gain gain = {0, 0, 0, 0};
    size_t i = 0;

    count = count < WEIR_AEAD_MAX_EACH ? count : WEIR_AEAD_MAX_EACH;
    for (; i < count && in[i].len - 1 < limit; i++) {
        const struct weir_iov text = in[i];
        const size_t message = text.len + (kind.tls13 ? 1 : 0);
        const size_t wire = prefix_of(kind) + message + WEIR_TAG_LEN;

        if (wire > out_cap - gain.wire)
            break;
        uint8_t *record = out + gain.wire, *placed = record + prefix_of(kind);
        const uint64_t header = header_word(WEIR_TYPE_DATA, wire - WEIR_HEADER_LEN);
        memcpy(record, &header, WEIR_HEADER_LEN);
        if (kind.salt) {
            put_be64(record + WEIR_HEADER_LEN, at.explicit_nonce);
            at.explicit_nonce = next_explicit(at.nonce_rule, at.seq, at.explicit_nonce);
        }
        put_in_group(g, i, base, kind, record, kind.tls13 ? placed : text.base, message, at.seq++);
        if (kind.tls13) {
            memcpy(placed, text.base, text.len);
            placed[text.len] = WEIR_TYPE_DATA;
        }
        gain.wire += wire;
        gain.bytes += text.len;
        gain.blocks += blocks_of(message);
    }
    d->keys.at.explicit_nonce = at.explicit_nonce;
    gain.records = g->count = i;
    return gain;
}

/* As seal_some, by the backend's call for several records. */
HOT weir_status seal_together(struct direction *d, struct kind kind, const struct weir_iov *in,
                              size_t count, uint8_t *out, size_t out_cap, size_t *taken,
                              size_t *made)
{
    struct group g;
    const struct gain gain = lay_out_group(d, kind, &g, in, count, out, out_cap);

    if (g.count == 0)
        return WEIR_OK;
    pass_group(d, &gain);
    weir_status status = d->backend->seal_each(d->backend, d->ctx, g.op, g.count);
    if (status != WEIR_OK) {
        weir_wipe(out, gain.wire);
        return weir_direction_end(d, backend_error(status));
    }
    count_group(d, &gain);
    *taken += g.count;
    *made += gain.wire;
    return sealed(d, WEIR_TYPE_DATA);
}

/* Seals what of in[0..count) is a run; nothing may be. */
static weir_status seal_some(struct direction *d, const struct weir_iov *in, size_t count,
                             uint8_t *out, size_t out_cap, size_t *taken, size_t *made)
{
    struct kind kind = kind_of(d);
    const struct run run = run_of(d, kind, in, count, out_cap);

    if (run.count == 0)
        return WEIR_OK;
    if (kind.tls13)
        return seal_run(d, kind13, &run, in, out, taken, made);
    if (kind.salt)
        return seal_run(d, kind12, &run, in, out, taken, made);
    return seal_run(d, kind, &run, in, out, taken, made);
}

/* Seals what of in[0..count) the backend takes with one call; nothing may be. */
static weir_status seal_small(struct direction *d, const struct weir_iov *in, size_t count,
                              uint8_t *out, size_t out_cap, size_t *taken, size_t *made)
{
    if (!is_usual(d, WEIR_TYPE_DATA, 1) || d->backend->seal_each == NULL ||
        !group_allowed(d, TOGETHER + 1))
        return WEIR_OK;
    if (is_tls13(d))
        return seal_together(d, kind13, in, count, out, out_cap, taken, made);
    if (has_explicit_nonce(d))
        return seal_together(d, kind12, in, count, out, out_cap, taken, made);
    return seal_together(d, kind_of(d), in, count, out, out_cap, taken, made);
}

weir_status weir_tx_seal_each(struct weir_tx *tx, uint8_t type, const struct weir_iov *in,
                              size_t in_count, uint8_t *out, size_t out_cap, size_t *taken,
                              size_t *made)
{
    struct direction *d = tx_inside(tx);
    weir_status status = WEIR_OK;

    *taken = 0;
    *made = 0;
    while (*taken < in_count && (status == WEIR_OK || status == WEIR_REKEY_DUE)) {
        size_t before = *taken;
        size_t len = 0;
        size_t wire = 0;
        size_t room = out_cap - *made;
        uint8_t *at = room > 0 ? out + *made : out; /* which may be NULL then */

        if (FAST && type == WEIR_TYPE_DATA)
            status = seal_small(d, in + before, in_count - before, at, room, taken, made);
        if (*taken > before || status < 0)
            continue;
        if (FAST && type == WEIR_TYPE_DATA)
            status = seal_some(d, in + before, in_count - before, at, room, taken, made);
        if (*taken > before || status < 0)
            continue;
        if (in[before].len > limit_of(d, type))
            return weir_direction_end(d, WEIR_E_MISUSE);
        status = weir_tx_seal(tx, type, in + before, 1, at, room, &len, &wire);
        *made += wire;
        *taken += wire > 0;
    }
    return status;
}
