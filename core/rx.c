/* SPDX-License-Identifier: BSD-2-Clause */
#include "mem.h"
#include "open.h"

weir_status weir_rx_init(struct weir_rx *rx, struct weir_keys *keys,
                         const struct weir_backend *backend, void *ctx, size_t ctx_len,
                         struct weir_refusal *why)
{
    return weir_direction_init(rx_inside(rx), WEIR_RX, keys, backend, ctx, ctx_len, why);
}

weir_status weir_rx_set_record_limit(struct weir_rx *rx, size_t limit)
{
    struct direction *d = rx_inside(rx);
    /* RFC 8449 section 4: "Endpoints MUST NOT send a "record_size_limit" extension with a value
     * smaller than 64." In TLS 1.3 that value counts the inner content type. */
    size_t least = is_tls13(d) ? 63 : 64;

    if (limit < least || limit > WEIR_MAX_PLAINTEXT || !weir_direction_adjustable(d))
        return WEIR_E_MISUSE;
    d->record_limit = (uint16_t)limit;
    return WEIR_OK;
}

/* What an authenticated record may hold; r->type and r->len are final. */
weir_status weir_rx_judge(struct direction *d, const struct weir_record *r)
{
    if (r->type != WEIR_TYPE_DATA) {
        if (r->type != WEIR_TYPE_ALERT && r->type != WEIR_TYPE_HANDSHAKE)
            return WEIR_E_TYPE;
        /* RFC 8446 section 5.4: "Implementations MUST NOT send Handshake and Alert records that
         * have a zero-length TLSInnerPlaintext.content; if such a message is received, the
         * receiving implementation MUST terminate the connection with an "unexpected_message"
         * alert." */
        if (r->len == 0)
            return WEIR_E_TYPE;
    }
    if (r->len > 0)
        d->empty_run = 0;
    else if (++d->empty_run > WEIR_MAX_EMPTY_RECORDS)
        return WEIR_E_FLOOD;
    return WEIR_OK;
}

/* Whether the key allows one record more, after which it has protected `blocks`. */
static inline bool may_open(const struct direction *d, uint64_t blocks, uint64_t reserve)
{
    return d->keys.at.seq < UINT64_MAX && blocks_allowed(d, blocks, reserve);
}

/*
 * Opens the whole record at `buf`, in place. On failure the caller wipes its body.
 * WEIR_E_KEY_LIMIT: it needs more than the reserve, and nothing was touched; or it is open, and
 * data, which may not use the reserve.
 */
HOT weir_status open_record(struct direction *d, struct kind kind, uint64_t reserve, uint8_t *buf,
                            uint8_t type, size_t body, struct weir_record *out)
{
    size_t prefix = prefix_of(kind);
    size_t len = body + WEIR_HEADER_LEN - prefix - WEIR_TAG_LEN;
    const struct weir_record r = {buf + prefix, len, type};
    uint64_t blocks = blocks_with(d, len);
    const struct weir_iov in = {r.data, len};
    struct weir_aead_op op;
    uint8_t aad[16];

    if (!may_open(d, blocks, reserve))
        return WEIR_E_KEY_LIMIT;
    fill_nonce(&d->keys, kind, &op, kind.salt ? get_be64(buf + WEIR_HEADER_LEN) : d->keys.at.seq);
    if (kind.tls13)
        /* RFC 8446 section 5.2: the header as it stands on the wire. */
        op.aad = (struct weir_iov){buf, WEIR_HEADER_LEN};
    else
        fill_aad12(&op, aad, d->keys.at.seq, type, len);
    op.in = &in;
    op.in_count = 1;
    op.in_len = len;
    op.out = r.data;
    op.tag = r.data + len;
    pass_record(d, blocks, WEIR_HEADER_LEN + body);
    /* The next record's header, if there is one, comes while this record is being opened. */
    if (FAST)
        __builtin_prefetch(buf + WEIR_HEADER_LEN + body);

    weir_status status = d->backend->open(d->backend, d->ctx, &op);
    if (status != WEIR_OK)
        return status == WEIR_E_AUTH ? WEIR_E_AUTH : backend_error(status);
    return take_opened(d, kind, reserve, r, WEIR_HEADER_LEN + body, out);
}

/* The usual way asks for nothing of the reserve; where there is no other, it does. */
#define USUAL_RESERVE (FAST ? 0 : WEIR_RESERVE_BLOCKS)

/* Ends the direction over the record at `buf`, unless it is one that may use the reserve: WEIR_OK,
 * and it is open. */
static __attribute__((noinline)) weir_status
fail(struct direction *d, weir_status status, uint8_t *buf, size_t body, struct weir_record *out)
{
    if (FAST && status == WEIR_E_KEY_LIMIT)
        status = open_record(d, kind_of(d), WEIR_RESERVE_BLOCKS, buf, buf[0], body, out);
    if (status == WEIR_OK)
        return WEIR_OK;
    weir_wipe(buf + WEIR_HEADER_LEN, body);
    return weir_direction_end(d, status);
}

/* Opens what weir_rx_open is given. */
HOT weir_status open_records(struct direction *d, struct kind kind, uint8_t *buf, size_t len,
                             size_t *consumed, struct weir_record *out, size_t cap, size_t *count)
{
    const struct weir_record_rules rules = rules_of(d, kind);
    struct weir_record *r = out;
    uint8_t *at = buf;
    weir_status status = WEIR_OK;

    while (r < out + cap) {
        size_t left = len - (size_t)(at - buf);
        size_t body = FAST ? usual_body(&rules, at, left) : 0;
        uint8_t type = WEIR_TYPE_DATA;

        if (FAST && d->backend->open_each != NULL && body - 1 < TOGETHER_BODY) {
            size_t used = 0, n = 0;
            status = weir_rx_open_together(d, at, left, &used, r, (size_t)(out + cap - r), &n);
            at += used;
            r += n;
            if (status != WEIR_OK) {
                status = r > out ? WEIR_OK : status;
                break;
            }
            if (n > 0 && r[-1].type != WEIR_TYPE_DATA)
                break;
            if (n > 0)
                continue;
        }
        if (body == 0) {
            struct weir_record_header header = {0, 0};
            const struct weir_record_rules all = rules;
            status = weir_record_parse(at, left, &all, &header);
            type = header.type;
            body = header.len;
        }
        if (status == WEIR_OK && left - WEIR_HEADER_LEN < body)
            status = WEIR_NEED_INPUT;
        if (status == WEIR_OK)
            status = open_record(d, kind, USUAL_RESERVE, at, type, body, r);
        if (status == WEIR_NEED_INPUT)
            break;
        if (status != WEIR_OK)
            status = fail(d, status, at, body, r);
        if (status != WEIR_OK) {
            /* What came before it was good and is given first; the next call answers the error. */
            status = r > out ? WEIR_OK : status;
            break;
        }
        at += WEIR_HEADER_LEN + body;
        if (r++->type != WEIR_TYPE_DATA)
            break;
    }
    *consumed = (size_t)(at - buf);
    *count = (size_t)(r - out);
    return status;
}

/* The same for exactly one usual record: who reads a record at a time shall not pay for a loop. */
HOT weir_status open_alone(struct direction *d, struct kind kind, uint8_t *buf, size_t len,
                           size_t *consumed, struct weir_record *out, size_t cap, size_t *count)
{
    const size_t body = len - WEIR_HEADER_LEN;
    weir_status status = open_record(d, kind, USUAL_RESERVE, buf, WEIR_TYPE_DATA, body, out);

    if (status != WEIR_OK)
        status = fail(d, status, buf, body, out);
    if (status != WEIR_OK) {
        *consumed = 0;
        *count = 0;
        return status;
    }
    *consumed = len;
    *count = 1;
    return cap > 1 && out->type == WEIR_TYPE_DATA ? WEIR_NEED_INPUT : WEIR_OK;
}

HOT weir_status open_given(struct direction *d, struct kind kind, uint8_t *buf, size_t len,
                           size_t *consumed, struct weir_record *out, size_t cap, size_t *count)
{
    const struct weir_record_rules rules = rules_of(d, kind);
    size_t body = FAST && cap > 0 ? usual_body(&rules, buf, len) : 0;

    if (body > 0 && body == len - WEIR_HEADER_LEN)
        return open_alone(d, kind, buf, len, consumed, out, cap, count);
    return open_records(d, kind, buf, len, consumed, out, cap, count);
}

weir_status weir_rx_open(struct weir_rx *rx, uint8_t *buf, size_t len, size_t *consumed,
                         struct weir_record *out, size_t cap, size_t *count)
{
    struct direction *d = rx_inside(rx);

    if (d->attached != HELD_RECORD || d->doing != DOING_NOTHING || d->status < 0) {
        *consumed = 0;
        *count = 0;
        if (d->attached == HELD_RECORD && d->status >= 0)
            return WEIR_PENDING;
        return weir_direction_end(d, WEIR_E_MISUSE);
    }
    if (FAST && is_tls13(d))
        return open_given(d, kind13, buf, len, consumed, out, cap, count);
    if (FAST && has_explicit_nonce(d))
        return open_given(d, kind12, buf, len, consumed, out, cap, count);
    return open_given(d, kind_of(d), buf, len, consumed, out, cap, count);
}

#if WEIR_HAS_PACKET
weir_status weir_rx_take(struct direction *d, uint8_t *buf, size_t len, struct weir_record *out)
{
    const struct kind kind = kind_of(d);
    const struct weir_record_rules rules = rules_of(d, kind);
    struct weir_record_header header = {0, 0};
    weir_status status = weir_record_parse(buf, len, &rules, &header);

    if (status != WEIR_OK)
        return status;
    const size_t wire_len = WEIR_HEADER_LEN + (size_t)header.len;
    const struct weir_record r = {buf + prefix_of(kind), wire_len - prefix_of(kind) - WEIR_TAG_LEN,
                                  header.type};
    uint64_t blocks = blocks_with(d, r.len);
    if (!may_open(d, blocks, WEIR_RESERVE_BLOCKS))
        return WEIR_E_KEY_LIMIT;
    pass_record(d, blocks, wire_len);
    return take_opened(d, kind, WEIR_RESERVE_BLOCKS, r, wire_len, out);
}
#endif

size_t weir_rx_want(const struct weir_rx *rx, const uint8_t *buf, size_t len)
{
    const struct direction *d = rx_inside(rx);

    if (len < WEIR_HEADER_LEN)
        return WEIR_HEADER_LEN;
    uint16_t told = get_be16(buf + 3);
    return WEIR_HEADER_LEN + (told <= rules_of(d, kind_of(d)).max_len ? (size_t)told : 0);
}

void weir_rx_set_limit(struct weir_rx *rx, struct weir_limit limit)
{
    weir_direction_set_limit(rx_inside(rx), &limit);
}

weir_status weir_rx_rekey(struct weir_rx *rx, const struct weir_kdf *kdf)
{
    return weir_direction_rekey(rx_inside(rx), kdf);
}

bool weir_rx_can_rekey(const struct weir_rx *rx, const struct weir_kdf *kdf,
                       struct weir_refusal *why)
{
    return weir_direction_can_rekey(rx_inside(rx), kdf, why);
}

weir_status weir_rx_status(const struct weir_rx *rx)
{
    return weir_direction_status(rx_inside(rx));
}

void weir_rx_end(struct weir_rx *rx, weir_status status)
{
    (void)weir_direction_end(rx_inside(rx), status);
}

uint16_t weir_rx_suite(const struct weir_rx *rx)
{
    return rx_inside(rx)->keys.suite;
}

struct weir_position weir_rx_position(const struct weir_rx *rx)
{
    return weir_direction_position(rx_inside(rx));
}

struct weir_counters weir_rx_counters(const struct weir_rx *rx)
{
    return weir_direction_counters(rx_inside(rx));
}

void weir_rx_wipe(struct weir_rx *rx)
{
    weir_direction_wipe(rx_inside(rx));
}
