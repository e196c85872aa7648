/* SPDX-License-Identifier: BSD-2-Clause */
#include "direction.h"
#include "mem.h"

weir_status weir_rx_init(struct weir_rx *rx, struct weir_keys *keys,
                         const struct weir_backend *backend, void *ctx, size_t ctx_len,
                         struct weir_refusal *why)
{
    return weir_direction_init(rx_inside(rx), WEIR_RX, keys, NULL, backend, ctx, ctx_len, why);
}

weir_status weir_rx_import(struct weir_rx *rx, struct weir_keys *keys,
                           const struct weir_counters *counters, const struct weir_backend *backend,
                           void *ctx, size_t ctx_len, struct weir_refusal *why)
{
    return weir_direction_init(rx_inside(rx), WEIR_RX, keys, counters, backend, ctx, ctx_len, why);
}

weir_status weir_rx_set_record_limit(struct weir_rx *rx, size_t limit)
{
    struct direction *d = rx_inside(rx);
    /* RFC 8449 section 4: "Endpoints MUST NOT send a "record_size_limit" extension with a value
     * smaller than 64." In TLS 1.3 that value counts the inner content type. */
    size_t least = d->keys.version == WEIR_TLS13 ? 63 : 64;

    if (limit < least || limit > WEIR_MAX_PLAINTEXT || !weir_direction_adjustable(d))
        return WEIR_E_MISUSE;
    d->record_limit = (uint16_t)limit;
    return WEIR_OK;
}

void weir_rx_set_limit(struct weir_rx *rx, struct weir_limit limit)
{
    weir_direction_set_limit(rx_inside(rx), limit);
}

/*
 * A negotiated limit is judged on the length alone. Without one the peer may legally expand a
 * record further than weir's suites do, so the standard's own maxima stand here, and the plaintext
 * is judged after it has been authenticated.
 */
static struct weir_record_rules rules_of(const struct direction *d)
{
    bool tls13 = d->keys.version == WEIR_TLS13;
    unsigned overhead = WEIR_TAG_LEN + (d->iv_is_salt ? 8u : 0u);
    unsigned most = tls13 ? WEIR_MAX_CIPHERTEXT_TLS13 : WEIR_MAX_CIPHERTEXT_TLS12;

    if (d->record_limit < WEIR_MAX_PLAINTEXT)
        most = d->record_limit + overhead + (tls13 ? 1u : 0u);
    return (struct weir_record_rules){
        .version = d->keys.version, .min_len = (uint16_t)overhead, .max_len = (uint16_t)most};
}

/* RFC 8446 section 5.4: type and padding off the end of an authenticated TLSInnerPlaintext. */
static inline weir_status strip_inner(const struct direction *d, struct weir_record *r)
{
    /* "The presence of padding does not change the overall record size limitations: the full
     * encoded TLSInnerPlaintext MUST NOT exceed 2^14 + 1 octets." */
    if (r->len > (size_t)d->record_limit + 1)
        return WEIR_E_OVERFLOW;
    while (r->len > 0 && r->data[r->len - 1] == 0)
        r->len--;
    /* "If a receiving implementation does not find a non-zero octet in the cleartext, it MUST
     * terminate the connection with an "unexpected_message" alert." */
    if (r->len == 0)
        return WEIR_E_TYPE;
    r->len--;
    r->type = r->data[r->len];
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

/* Opens the whole record at `buf`, in place. On failure the caller wipes its body. */
HOT weir_status open_record(struct direction *d, uint8_t *buf, struct weir_record_header header,
                            struct weir_record *out)
{
    size_t wire_len = WEIR_HEADER_LEN + (size_t)header.len;
    size_t len = wire_len - d->shape.prefix - WEIR_TAG_LEN;
    uint8_t *text = buf + d->shape.prefix;
    uint64_t blocks = blocks_with(d, len);
    const struct weir_iov in = {text, len};
    struct weir_aead_op op;
    uint8_t aad[16];

    if (d->keys.at.seq == UINT64_MAX || !blocks_allowed(d, blocks, 0))
        return WEIR_E_KEY_LIMIT;
    uint64_t nonce = d->iv_is_salt ? get_be64(buf + WEIR_HEADER_LEN) : 0;
    fill_op(d, &op, aad, header_word(header.type, header.len), header.type, nonce, len);
    op.in = &in;
    op.in_count = 1;
    op.in_len = len;
    op.out = text;
    op.tag = text + len;
    pass_record(d, blocks, wire_len);

    weir_status status = d->backend->open(d->backend, d->ctx, &op);
    if (status != WEIR_OK)
        return status == WEIR_E_AUTH ? WEIR_E_AUTH : backend_error(status);
    struct weir_record r = {text, len, header.type};
    if (d->keys.version == WEIR_TLS13)
        status = strip_inner(d, &r);
    if (status == WEIR_OK)
        status = r.len <= d->record_limit ? weir_rx_judge(d, &r) : WEIR_E_OVERFLOW;
    if (status != WEIR_OK)
        return status;
    d->counters.records++;
    d->counters.wire_bytes += wire_len;
    if (r.type == WEIR_TYPE_DATA)
        d->counters.bytes += r.len;
    *out = r;
    return WEIR_OK;
}

/* The header of a whole record at `buf`; WEIR_NEED_INPUT when it is not whole. */
static inline weir_status next_header(const struct weir_record_rules *rules, const uint8_t *buf,
                                      size_t left, struct weir_record_header *header)
{
    struct weir_record_header parsed = {0};

    /* What nearly every header is; the parser tells what is wrong with the others. */
    if (left >= WEIR_HEADER_LEN && buf[0] == WEIR_TYPE_DATA && buf[1] == 3 && buf[2] == 3) {
        *header = (struct weir_record_header){WEIR_TYPE_DATA, get_be16(buf + 3)};
        if (header->len >= rules->min_len && header->len <= rules->max_len)
            return left - WEIR_HEADER_LEN < header->len ? WEIR_NEED_INPUT : WEIR_OK;
    }
    weir_status status = weir_record_parse(buf, left, rules, &parsed);
    *header = parsed;
    if (status == WEIR_OK && left - WEIR_HEADER_LEN < header->len)
        return WEIR_NEED_INPUT;
    return status;
}

weir_status weir_rx_open(struct weir_rx *rx, uint8_t *buf, size_t len, size_t *consumed,
                         struct weir_record *out, size_t cap, size_t *count)
{
    struct direction *d = rx_inside(rx);
    weir_status status = WEIR_OK;
    size_t left = len;
    size_t n = 0;

    *consumed = 0;
    *count = 0;
    if (d->attached != HELD_RECORD || d->status < 0)
        return weir_direction_end(d, WEIR_E_MISUSE);
    if (d->doing != DOING_NOTHING)
        return WEIR_PENDING;

    const struct weir_record_rules rules = rules_of(d);
    while (n < cap) {
        struct weir_record_header header;
        status = next_header(&rules, buf, left, &header);
        if (status == WEIR_NEED_INPUT)
            break;
        if (status == WEIR_OK) {
            status = open_record(d, buf, header, &out[n]);
            if (status != WEIR_OK)
                weir_wipe(buf + WEIR_HEADER_LEN, header.len);
        }
        if (status != WEIR_OK) {
            (void)weir_direction_end(d, status);
            /* What came before it was good and is given first; the next call answers the error. */
            status = n > 0 ? WEIR_OK : status;
            break;
        }
        buf += WEIR_HEADER_LEN + (size_t)header.len;
        left -= WEIR_HEADER_LEN + (size_t)header.len;
        if (out[n++].type != WEIR_TYPE_DATA)
            break;
    }
    *consumed = len - left;
    *count = n;
    return status;
}

size_t weir_rx_want(const struct weir_rx *rx, const uint8_t *buf, size_t len)
{
    (void)rx;
    if (len < WEIR_HEADER_LEN)
        return WEIR_HEADER_LEN;
    size_t told = WEIR_HEADER_LEN + (size_t)get_be16(buf + 3);
    return told < WEIR_MAX_RECORD ? told : WEIR_MAX_RECORD;
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
    return rx_inside(rx)->keys.at;
}

struct weir_counters weir_rx_counters(const struct weir_rx *rx)
{
    return rx_inside(rx)->counters;
}

weir_status weir_rx_export(struct weir_rx *rx, struct weir_keys *keys,
                           struct weir_counters *counters)
{
    return weir_direction_export(rx_inside(rx), keys, counters);
}

void weir_rx_wipe(struct weir_rx *rx)
{
    weir_direction_wipe(rx_inside(rx));
}

weir_status weir_rx_offload(struct weir_rx *rx, const struct weir_move *move,
                            struct weir_refusal *why)
{
    return weir_direction_offload(rx_inside(rx), WEIR_RX, move, why);
}

weir_status weir_rx_take_back(struct weir_rx *rx, const struct weir_move *move,
                              struct weir_refusal *why)
{
    return weir_direction_take_back(rx_inside(rx), WEIR_RX, move, why);
}

const struct weir_cmd *weir_rx_command(const struct weir_rx *rx)
{
    return weir_direction_command(rx_inside(rx));
}

weir_status weir_rx_complete(struct weir_rx *rx, const struct weir_done *done,
                             struct weir_refusal *why)
{
    return weir_direction_complete(rx_inside(rx), done, why);
}

weir_status weir_rx_query(struct weir_rx *rx, struct weir_refusal *why)
{
    return weir_direction_query(rx_inside(rx), why);
}

const struct weir_backend *weir_rx_backend(const struct weir_rx *rx)
{
    return rx_inside(rx)->backend;
}

weir_carrier weir_rx_carrier(const struct weir_rx *rx)
{
    const struct direction *d = rx_inside(rx);

    return d->attached == HELD_NOT ? WEIR_CARRIER_NONE : (weir_carrier)d->carrier;
}
