/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * The way of one record through opening, for rx.c and rx_many.c.
 */
#ifndef WEIR_CORE_OPEN_H
#define WEIR_CORE_OPEN_H

#include "direction.h"

/*
 * A negotiated limit is judged on the length alone. Without one the peer may legally expand a
 * record further than weir's suites do, so the standard's own maxima stand here, and the plaintext
 * is judged after it has been authenticated.
 */
HOT struct weir_record_rules rules_of(const struct direction *d, struct kind kind)
{
    unsigned overhead = WEIR_TAG_LEN + (kind.salt ? 8u : 0u);
    unsigned most = kind.tls13 ? WEIR_MAX_CIPHERTEXT_TLS13 : WEIR_MAX_CIPHERTEXT_TLS12;

    if (d->record_limit < WEIR_MAX_PLAINTEXT)
        most = d->record_limit + overhead + (kind.tls13 ? 1u : 0u);
    return (struct weir_record_rules){.version = kind.tls13 ? WEIR_TLS13 : WEIR_TLS12,
                                      .min_len = (uint16_t)overhead,
                                      .max_len = (uint16_t)most};
}

/* The length in the header of a record that may be the usual one, of application data; else 0. */
HOT size_t usual_body(const struct weir_record_rules *rules, const uint8_t *buf, size_t left)
{
    size_t body = 0;

    if (left >= WEIR_HEADER_LEN && get_be32(buf) >> 8 == 0x170303)
        body = get_be16(buf + 3);
    return body >= rules->min_len && body <= rules->max_len ? body : 0;
}

/* RFC 8446 section 5.4: type and padding off the end of an authenticated TLSInnerPlaintext. */
HOT weir_status strip_inner(const struct direction *d, struct weir_record *r)
{
    const uint8_t *last = r->data + r->len;

    /* "The presence of padding does not change the overall record size limitations: the full
     * encoded TLSInnerPlaintext MUST NOT exceed 2^14 + 1 octets." */
    if (r->len > (size_t)d->record_limit + 1)
        return WEIR_E_OVERFLOW;
    /* "If a receiving implementation does not find a non-zero octet in the cleartext, it MUST
     * terminate the connection with an "unexpected_message" alert." */
    do {
        if (last == r->data)
            return WEIR_E_TYPE;
    } while (*--last == 0);
    r->len = (size_t)(last - r->data);
    r->type = *last;
    return WEIR_OK;
}

/* As weir_rx_judge, where it is usual without it. */
HOT weir_status judge_soon(struct direction *d, uint8_t type, size_t len)
{
    if (FAST && type == WEIR_TYPE_DATA && len > 0) {
        d->empty_run = 0;
        return WEIR_OK;
    }
    const struct weir_record odd = {NULL, len, type};
    return weir_rx_judge(d, &odd);
}

/*
 * Takes the record whose text has been opened: the authenticated message r->data[0..len), `wire`
 * bytes on the wire. Its inner type and padding come off, it is judged and counted. `reserve`: it
 * may have used that; data may not.
 */
HOT weir_status take_opened(struct direction *d, struct kind kind, uint64_t reserve,
                            struct weir_record r, size_t wire, struct weir_record *out)
{
    weir_status status = WEIR_OK;

    if (kind.tls13)
        status = strip_inner(d, &r);
    else if (r.len > d->record_limit)
        status = WEIR_E_OVERFLOW;
    if (status == WEIR_OK && reserve > 0 && r.type == WEIR_TYPE_DATA && spent(d))
        status = WEIR_E_KEY_LIMIT;
    if (status == WEIR_OK)
        status = judge_soon(d, r.type, r.len);
    if (status != WEIR_OK)
        return status;
    d->counters.records++;
    d->counters.wire_bytes += wire;
    if (r.type == WEIR_TYPE_DATA)
        d->counters.bytes += r.len;
    out->data = r.data;
    out->len = r.len;
    out->type = r.type;
    return WEIR_OK;
}

/* Most bytes behind the header of a record that is opened together with others. */
#define TOGETHER_BODY 512u

/*
 * rx_many.c: opens records of application data that are whole and small with one call of the
 * backend, which must have `open_each`, or none: then the next one is to be opened by itself.
 * `*consumed` and `*count` as in weir_rx_open. Below zero: the direction has ended over the record
 * behind those. Not called where FAST is 0.
 */
weir_status weir_rx_open_together(struct direction *d, uint8_t *buf, size_t len, size_t *consumed,
                                  struct weir_record *out, size_t cap, size_t *count);

#endif
