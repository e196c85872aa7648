/* SPDX-License-Identifier: BSD-2-Clause */
#include "mem.h"
#include "seal.h"

#define ALERT_LEN 2u

/* Walks over the caller's pieces. */
struct gather {
    const struct weir_iov *piece;
    size_t offset; /* into *piece */
};

weir_status weir_tx_init(struct weir_tx *tx, struct weir_keys *keys,
                         const struct weir_backend *backend, void *ctx, size_t ctx_len,
                         struct weir_refusal *why)
{
    return weir_direction_init(tx_inside(tx), WEIR_TX, keys, backend, ctx, ctx_len, why);
}

struct weir_shape weir_tx_shape(const struct weir_tx *tx)
{
    return tx_inside(tx)->shape;
}

weir_status weir_tx_set_record_limit(struct weir_tx *tx, size_t limit)
{
    if (limit < 1 || limit > WEIR_MAX_PLAINTEXT || !weir_direction_adjustable(tx_inside(tx)))
        return WEIR_E_MISUSE;
    tx_inside(tx)->record_limit = (uint16_t)limit;
    return WEIR_OK;
}

weir_status weir_tx_set_padding(struct weir_tx *tx, size_t multiple)
{
    struct direction *d = tx_inside(tx);

    if (!is_tls13(d) || multiple > WEIR_MAX_PLAINTEXT || !weir_direction_adjustable(d))
        return WEIR_E_MISUSE;
    d->pad_multiple = (uint16_t)(multiple > 1 ? multiple : 0);
    return WEIR_OK;
}

size_t weir_tx_record_len(const struct weir_tx *tx, size_t len)
{
    const struct direction *d = tx_inside(tx);

    return d->shape.prefix + len + padding_of(d, len) + d->shape.suffix;
}

size_t weir_tx_wire_of(const struct weir_tx *tx, uint8_t type, size_t len)
{
    size_t limit = limit_of(tx_inside(tx), type);
    size_t rest = len % limit;
    size_t last = rest > 0 || len == 0 ? weir_tx_record_len(tx, rest) : 0;
    size_t full = weir_tx_record_len(tx, limit);

    return len / limit <= (SIZE_MAX - last) / full ? len / limit * full + last : SIZE_MAX;
}

size_t weir_tx_wire_len(const struct weir_tx *tx, size_t len)
{
    if (tx_inside(tx)->record_limit == 0)
        return 0; /* never initialised */
    return weir_tx_wire_of(tx, WEIR_TYPE_DATA, len);
}

/* Takes `len` bytes from the caller's pieces into in[0..room); 0: they lie in too many pieces. */
static size_t take_pieces(struct gather *from, size_t len, struct weir_iov *in, size_t room)
{
    struct gather g = *from;
    size_t count = 0;

    while (len > 0) {
        size_t here = g.piece->len - g.offset;
        if (here > len)
            here = len;
        if (here > 0) {
            if (count == room)
                return 0;
            in[count++] = (struct weir_iov){g.piece->base + g.offset, here};
            g.offset += here;
            len -= here;
        }
        if (g.offset == g.piece->len && len > 0) {
            g.piece++;
            g.offset = 0;
        }
    }
    *from = g;
    return count;
}

static void copy_pieces(struct gather *g, size_t len, uint8_t *to)
{
    while (len > 0) {
        size_t here = g->piece->len - g->offset;
        if (here > len)
            here = len;
        if (here > 0)
            memcpy(to, g->piece->base + g->offset, here);
        to += here;
        len -= here;
        g->offset += here;
        if (g->offset == g->piece->len && len > 0) {
            g->piece++;
            g->offset = 0;
        }
    }
}

/* Seals the next bytes of the caller's pieces as one record at `out`. */
static inline weir_status seal_next(struct direction *d, const struct record *r, struct gather *g,
                                    uint8_t *out)
{
    struct weir_iov in[WEIR_AEAD_MAX_SEGMENTS];
    size_t count = 0;

    /* Where space counts, all is copied. */
    if (FAST && r->len > COPY_LIMIT && r->pad == 0)
        count = take_pieces(g, r->len, in, WEIR_AEAD_MAX_SEGMENTS - 1);
    if (count == 0) {
        copy_pieces(g, r->len, out + r->prefix);
        return seal_placed(d, r, out);
    }
    if (r->message > r->len)
        in[count++] = (struct weir_iov){&r->type, 1};
    return seal_message(d, r, in, count, out);
}

/* Whether content of this type and length may be sent at all. */
bool weir_tx_sendable(uint8_t type, size_t len)
{
    /* RFC 8446 section 5.1: "a record with an Alert type MUST contain exactly one message". */
    if (type == WEIR_TYPE_ALERT)
        return len == ALERT_LEN;
    /* "Implementations MUST NOT send zero-length fragments of Handshake types, even if those
     * fragments contain padding." */
    if (type == WEIR_TYPE_HANDSHAKE)
        return len > 0;
    return type == WEIR_TYPE_DATA;
}

/* How many records belong together: of a handshake message in several "there MUST NOT be any other
 * records between them" (RFC 8446 section 5.1), so they are framed all or not at all. */
static inline size_t together(uint8_t type, size_t left, size_t limit)
{
    return type == WEIR_TYPE_DATA || left <= limit ? 1 : left / limit + 1;
}

/* Whether `d` can seal `len` bytes of `type` now; the status to answer otherwise. */
static inline weir_status ready(struct direction *d, uint8_t type, size_t len)
{
    if (!weir_direction_frames(d) || !weir_tx_sendable(type, len))
        return weir_direction_end(d, WEIR_E_MISUSE);
    if (weir_direction_busy(d))
        return WEIR_PENDING;
    /* At its limit the key still protects what ends the connection, see within_limits. */
    if (d->status < 0 && type == WEIR_TYPE_DATA)
        return (weir_status)d->status;
    return WEIR_OK;
}

weir_status weir_tx_limit_reached(struct direction *d, uint8_t type)
{
    if (type != WEIR_TYPE_DATA)
        return weir_direction_end(d, WEIR_E_KEY_LIMIT);
    d->status = (int8_t)WEIR_E_KEY_LIMIT;
    return WEIR_E_KEY_LIMIT;
}

/* Begins a record of `len` bytes, the first of `together`, for which there is `room`. */
static weir_status begin_record(struct direction *d, struct record *r, uint8_t type, size_t len,
                                size_t together, size_t room)
{
    *r = record_of(d, kind_of(d), type, len, padding_of(d, len));
    if (r->wire > room)
        return WEIR_NEED_OUTPUT;
    if (!within_limits(d, type, r->blocks))
        return weir_tx_limit_reached(d, type);
    return weir_direction_frame(d, r->wire, together);
}

/* Seals whatever weir_tx_seal is given. */
static __attribute__((noinline)) weir_status seal_any(struct direction *d, uint8_t type,
                                                      const struct weir_iov *in, size_t in_count,
                                                      uint8_t *out, size_t out_cap, size_t *taken,
                                                      size_t *made)
{
    struct gather g = {in, 0};
    size_t limit = limit_of(d, type);
    size_t left = 0;

    for (size_t i = 0; i < in_count; i++) {
        if (in[i].len > SIZE_MAX - left)
            return weir_direction_end(d, WEIR_E_MISUSE);
        left += in[i].len;
    }
    weir_status status = ready(d, type, left);
    if (status != WEIR_OK)
        return status;

    do {
        struct record r;
        status = begin_record(d, &r, type, left < limit ? left : limit, together(type, left, limit),
                              out_cap);
        if (status == WEIR_OK)
            status = seal_next(d, &r, &g, out);
        if (status != WEIR_OK)
            return status;
        out += r.wire;
        out_cap -= r.wire;
        left -= r.len;
        *taken += r.len;
        *made += r.wire;
    } while (left > 0);
    return sealed(d, type);
}

/* Bytes of all pieces, or SIZE_MAX when a size_t cannot hold the number. */
static inline size_t len_of(const struct weir_iov *in, size_t count)
{
    size_t len = 0;

    for (size_t i = 0; i < count; i++) {
        if (in[i].len > SIZE_MAX - len)
            return SIZE_MAX;
        len += in[i].len;
    }
    return len;
}

static const uint8_t inner_data = WEIR_TYPE_DATA;

/* The pieces of a message, in order. */
struct pieces {
    const struct weir_iov *in;
    size_t count;
};

/* Puts the message of `r` together: by copying its pieces to `text`, where in TLS 1.3 the inner
 * content type comes behind them, or where that is dearer as a list in message[]. */
HOT struct pieces put_pieces(struct record r, struct pieces from,
                             struct weir_iov message[WEIR_AEAD_MAX_SEGMENTS], uint8_t *text)
{
    size_t count = 0;

    if (r.len <= COPY_LIMIT) {
        message[0] = (struct weir_iov){text, r.message};
        for (; count < from.count; text += from.in[count++].len)
            if (from.in[count].len > 0)
                memcpy(text, from.in[count].base, from.in[count].len);
        if (r.kind.tls13)
            *text = WEIR_TYPE_DATA;
        return (struct pieces){message, 1};
    }
    for (size_t i = 0; i < from.count; i++)
        if (from.in[i].len > 0)
            message[count++] = from.in[i];
    if (r.kind.tls13)
        message[count++] = (struct weir_iov){&inner_data, 1};
    return (struct pieces){message, count};
}

/* The same for two pieces, both with something in them. */
HOT struct pieces put_two(struct record r, const struct weir_iov in[2],
                          struct weir_iov message[WEIR_AEAD_MAX_SEGMENTS], uint8_t *text)
{
    if (__builtin_expect(r.len <= COPY_LIMIT, true)) {
        memcpy(text, in[0].base, in[0].len);
        memcpy(text + in[0].len, in[1].base, in[1].len);
        if (r.kind.tls13)
            text[r.len] = WEIR_TYPE_DATA;
        message[0] = (struct weir_iov){text, r.message};
        return (struct pieces){message, 1};
    }
    if (!r.kind.tls13)
        return (struct pieces){in, 2};
    message[0] = in[0];
    message[1] = in[1];
    message[2] = (struct weir_iov){&inner_data, 1};
    return (struct pieces){message, 3};
}

/* Seals the usual, `len` bytes in several pieces: at most COPY_LIMIT bytes, or not too many. `two`:
 * as for put_two. */
HOT weir_status seal_pieces(struct direction *d, struct kind kind, struct pieces from, bool two,
                            size_t len, uint8_t *out, size_t out_cap, size_t *made)
{
    const struct record r = record_of(d, kind, WEIR_TYPE_DATA, len, 0);
    struct weir_iov message[WEIR_AEAD_MAX_SEGMENTS];
    struct weir_aead_op op;
    uint8_t aad[16];

    if (r.wire > out_cap)
        return WEIR_NEED_OUTPUT;
    if (!within_limits(d, WEIR_TYPE_DATA, r.blocks))
        return weir_tx_limit_reached(d, WEIR_TYPE_DATA);
    uint8_t *text = out + r.prefix;
    const struct pieces all =
        two ? put_two(r, from.in, message, text) : put_pieces(r, from, message, text);
    start_record(d, &r, &op, aad, out);
    weir_status status = end_record(d, &r, &op, all.in, all.count);
    if (status != WEIR_OK)
        return status;
    *made = r.wire;
    return sealed(d, WEIR_TYPE_DATA);
}

/* Seals what is not one usual record in one piece. */
static __attribute__((noinline)) weir_status seal_other(struct direction *d, uint8_t type,
                                                        const struct weir_iov *in, size_t in_count,
                                                        uint8_t *out, size_t out_cap, size_t *taken,
                                                        size_t *made)
{
    size_t len = FAST ? len_of(in, in_count) : 0;
    weir_status status;

    if (!is_usual(d, type, len) || (len > COPY_LIMIT && in_count >= WEIR_AEAD_MAX_SEGMENTS))
        return seal_any(d, type, in, in_count, out, out_cap, taken, made);
    const struct pieces from = {in, in_count};
    status = seal_pieces(d, kind_of(d), from, false, len, out, out_cap, made);
    if (status == WEIR_OK || status == WEIR_REKEY_DUE)
        *taken = len;
    return status;
}

/* Data in two pieces, a header and a body: whether it is usual, and has something in both. */
static inline bool is_pair(const struct direction *d, uint8_t type, const struct weir_iov *in,
                           size_t in_count)
{
    return FAST && in_count == 2 && in[0].len > 0 && in[1].len > 0 &&
           is_usual(d, type, len_of(in, 2));
}

/* Seals such data by code that need not count pieces. */
HOT weir_status seal_pair(struct direction *d, const struct weir_iov *in, size_t len, uint8_t *out,
                          size_t out_cap, size_t *made)
{
    const struct pieces from = {in, 2};

    if (is_tls13(d))
        return seal_pieces(d, kind13, from, true, len, out, out_cap, made);
    if (has_explicit_nonce(d))
        return seal_pieces(d, kind12, from, true, len, out, out_cap, made);
    return seal_pieces(d, kind_of(d), from, true, len, out, out_cap, made);
}

/* Tells what became of the usual: all of it, `wire` bytes, or nothing. */
HOT weir_status tell(weir_status status, size_t len, size_t wire, size_t *taken, size_t *made)
{
    if (status == WEIR_OK || status == WEIR_REKEY_DUE) {
        *taken = len;
        *made = wire;
        return status;
    }
    *taken = 0;
    *made = 0;
    return status;
}

weir_status weir_tx_seal(struct weir_tx *tx, uint8_t type, const struct weir_iov *in,
                         size_t in_count, uint8_t *out, size_t out_cap, size_t *taken, size_t *made)
{
    struct direction *d = tx_inside(tx);
    size_t wire = 0;

    if (in_count == 1 && is_usual(d, type, in->len)) {
        const size_t len = in->len;
        weir_status status = seal_usually(d, in->base, false, NULL, len, out, out_cap, &wire);

        return tell(status, len, wire, taken, made);
    }
    if (is_pair(d, type, in, in_count)) {
        const size_t len = in[0].len + in[1].len;
        weir_status status = seal_pair(d, in, len, out, out_cap, &wire);

        return tell(status, len, wire, taken, made);
    }
    *taken = 0;
    *made = 0;
    return seal_other(d, type, in, in_count, out, out_cap, taken, made);
}

/* As weir_tx_seal_in_place, but for what is left in `buf` after an error. */
static weir_status seal_any_in_place(struct direction *d, uint8_t type, uint8_t *buf, size_t len,
                                     size_t cap, size_t *made)
{
    weir_status status = ready(d, type, len);

    if (status == WEIR_OK && len > limit_of(d, type))
        status = weir_direction_end(d, WEIR_E_MISUSE);
    if (status != WEIR_OK)
        return status;
    struct record r;
    status = begin_record(d, &r, type, len, 1, cap);
    if (status == WEIR_OK)
        status = seal_placed(d, &r, buf);
    if (status != WEIR_OK)
        return status;
    *made = r.wire;
    return sealed(d, type);
}

weir_status weir_tx_seal_in_place(struct weir_tx *tx, uint8_t type, uint8_t *buf, size_t len,
                                  size_t cap, size_t *made)
{
    struct direction *d = tx_inside(tx);
    uint8_t *text = buf + d->shape.prefix;
    weir_status status;

    *made = 0;
    if (is_usual(d, type, len))
        status = seal_usually(d, text, true, text + len, len, buf, cap, made);
    else
        status = seal_any_in_place(d, type, buf, len, cap, made);
    if (status < 0)
        weir_wipe(buf, cap);
    return status;
}

void weir_tx_set_limit(struct weir_tx *tx, struct weir_limit limit)
{
    weir_direction_set_limit(tx_inside(tx), &limit);
}

weir_status weir_tx_rekey(struct weir_tx *tx, const struct weir_kdf *kdf)
{
    return weir_direction_rekey(tx_inside(tx), kdf);
}

bool weir_tx_can_rekey(const struct weir_tx *tx, const struct weir_kdf *kdf,
                       struct weir_refusal *why)
{
    return weir_direction_can_rekey(tx_inside(tx), kdf, why);
}

weir_status weir_tx_status(const struct weir_tx *tx)
{
    return weir_direction_status(tx_inside(tx));
}

void weir_tx_end(struct weir_tx *tx, weir_status status)
{
    (void)weir_direction_end(tx_inside(tx), status);
}

uint16_t weir_tx_suite(const struct weir_tx *tx)
{
    return tx_inside(tx)->keys.suite;
}

struct weir_position weir_tx_position(const struct weir_tx *tx)
{
    return weir_direction_position(tx_inside(tx));
}

struct weir_counters weir_tx_counters(const struct weir_tx *tx)
{
    return weir_direction_counters(tx_inside(tx));
}

void weir_tx_wipe(struct weir_tx *tx)
{
    weir_direction_wipe(tx_inside(tx));
}
