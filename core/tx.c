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

/* Puts all pieces into message[], and the inner content type behind them; at most one less than
 * there is room for. Returns how many. */
HOT size_t list_pieces(struct kind kind, const struct weir_iov *in, size_t in_count,
                       struct weir_iov message[WEIR_AEAD_MAX_SEGMENTS])
{
    static const uint8_t inner = WEIR_TYPE_DATA;
    size_t count = 0;

    for (size_t i = 0; i < in_count; i++)
        if (in[i].len > 0)
            message[count++] = in[i];
    if (kind.tls13)
        message[count++] = (struct weir_iov){&inner, 1};
    return count;
}

/* Copies pieces of at least one byte together, and the inner content type behind them. */
HOT void copy_together(struct kind kind, const struct weir_iov *in, size_t len, uint8_t *to)
{
    uint8_t *end = to + len;

    for (; to < end; to += in++->len)
        if (in->len > 0)
            memcpy(to, in->base, in->len);
    if (kind.tls13)
        *end = WEIR_TYPE_DATA;
}

/* Seals the usual, `len` bytes in several pieces: at most COPY_LIMIT bytes, or not too many. */
HOT weir_status seal_pieces(struct direction *d, struct kind kind, const struct weir_iov *in,
                            size_t in_count, size_t len, uint8_t *out, size_t out_cap, size_t *made)
{
    const struct record r = record_of(d, kind, WEIR_TYPE_DATA, len, 0);
    struct weir_iov message[WEIR_AEAD_MAX_SEGMENTS];
    struct weir_aead_op op;
    uint8_t aad[16];
    size_t count = 1;

    if (r.wire > out_cap)
        return WEIR_NEED_OUTPUT;
    if (!within_limits(d, WEIR_TYPE_DATA, r.blocks))
        return weir_tx_limit_reached(d, WEIR_TYPE_DATA);
    start_record(d, &r, &op, aad, out);
    if (len > COPY_LIMIT) {
        count = list_pieces(kind, in, in_count, message);
    } else {
        copy_together(kind, in, len, op.out);
        message[0] = (struct weir_iov){op.out, r.message};
    }
    weir_status status = end_record(d, &r, &op, message, count);
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
    if (is_tls13(d))
        status = seal_pieces(d, kind13, in, in_count, len, out, out_cap, made);
    else
        status = seal_pieces(d, kind_of(d), in, in_count, len, out, out_cap, made);
    if (status == WEIR_OK || status == WEIR_REKEY_DUE)
        *taken = len;
    return status;
}

weir_status weir_tx_seal(struct weir_tx *tx, uint8_t type, const struct weir_iov *in,
                         size_t in_count, uint8_t *out, size_t out_cap, size_t *taken, size_t *made)
{
    struct direction *d = tx_inside(tx);

    *taken = 0;
    *made = 0;
    if (in_count != 1 || !is_usual(d, type, in->len))
        return seal_other(d, type, in, in_count, out, out_cap, taken, made);

    size_t len = in->len;
    weir_status status = seal_usually(d, in->base, false, NULL, len, out, out_cap, made);
    if (status == WEIR_OK || status == WEIR_REKEY_DUE)
        *taken = len;
    return status;
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
