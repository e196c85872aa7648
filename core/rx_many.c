/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Small records, several with one call of a backend that gains by it.
 *
 * In TLS 1.3 nobody knows before a record is open whether it is application data. Behind one that
 * is not another key may hold, and the caller shall find what lies there as it came; so whatever
 * was opened beyond it is closed again. A peer could make that a habit. Therefore it has to send a
 * number of records first that are opened one by one.
 */
#include "group.h"
#include "mem.h"
#include "open.h"

#if FAST

/* Records that are opened by themselves after some had to be closed again: closing and opening
 * anew, both for at most WEIR_AEAD_MAX_EACH of them, then at most doubles the work. */
#define ALONE (2 * WEIR_AEAD_MAX_EACH)

/* Finds the records at the start of buf[0..len), at most `cap`, that look like small ones of
 * application data and are whole. */
HOT void find_group(const struct direction *d, struct kind kind, struct group *g, uint8_t *buf,
                    size_t len, size_t cap)
{
    const struct nonce_base base = nonce_base(&d->keys);
    const uint64_t seq = d->keys.at.seq;
    const uint8_t *end = buf + len;
    struct weir_record_rules rules = rules_of(d, kind);
    size_t body = 0, i = 0;

    if (rules.max_len > TOGETHER_BODY)
        rules.max_len = TOGETHER_BODY;
    cap = cap < WEIR_AEAD_MAX_EACH ? cap : WEIR_AEAD_MAX_EACH;
    for (; i < cap; i++) {
        size_t left = (size_t)(end - buf);
        size_t told = usual_body(&rules, buf, left);

        /* Most records are as long as the one before. Where that is looked at, and not what the
         * header says, the processor need not wait for one header to find the next. */
        if (told != body) {
            body = told;
            __asm__("" : "+r"(body));
        }
        if (body == 0 || body > left - WEIR_HEADER_LEN)
            break;
        put_in_group(g, i, base, kind, buf, buf + prefix_of(kind),
                     body + WEIR_HEADER_LEN - prefix_of(kind) - WEIR_TAG_LEN, seq + i);
        buf += WEIR_HEADER_LEN + body;
    }
    g->count = i;
}

/* Opens the group. Returns how many of its records are good. */
HOT size_t open_group(struct direction *d, const struct group *g, weir_status *status)
{
    size_t good = 0;

    *status = d->backend->open_each(d->backend, d->ctx, g->op, g->count, &good);
    if (*status == WEIR_OK)
        return g->count;
    if (*status == WEIR_E_AUTH && good < g->count)
        return good;
    *status = backend_error(*status);
    return 0;
}

/* Takes the records from number `from` on that take_opened would have nothing to say about: good,
 * and with content of application data. Returns the number of the first other one. */
HOT size_t take_usual(struct direction *d, struct kind kind, const struct group *g, size_t from,
                      size_t good, struct weir_record *out)
{
    const size_t limit = d->record_limit;
    struct gain gain = {0, 0, 0, 0};
    size_t i = from;

    for (; i < good; i++) {
        const struct weir_aead_op *op = &g->op[i];
        size_t len = op->in_len - (kind.tls13 ? 1 : 0);

        if (len - 1 >= limit || (kind.tls13 && op->out[len] != WEIR_TYPE_DATA))
            break;
        out[i] = (struct weir_record){op->out, len, WEIR_TYPE_DATA};
        gain.bytes += len;
        gain.blocks += blocks_of(op->in_len);
    }
    if (i == from)
        return i;
    gain.records = i - from;
    gain.wire = (size_t)(g->op[i - 1].tag + WEIR_TAG_LEN - g->op[from].out) + prefix_of(kind);
    pass_group(d, &gain);
    count_group(d, &gain);
    d->empty_run = 0;
    return i;
}

/* Closes the records from number `from` on again: what was there comes back. */
static weir_status close_again(struct direction *d, struct group *g, size_t from)
{
    uint8_t tag[WEIR_TAG_LEN]; /* of a forged record it would be the right one */
    weir_status status = WEIR_OK;

    d->alone = ALONE;
    for (size_t i = from; i < g->count && status == WEIR_OK; i++) {
        g->op[i].tag = tag;
        status = d->backend->seal(d->backend, d->ctx, &g->op[i]);
    }
    weir_wipe(tag, sizeof tag);
    return status == WEIR_OK ? WEIR_OK : backend_error(status);
}

/* Takes the records of an opened group up to one that is not application data. `*count`: how many
 * there are. Below zero: why not more of them. */
HOT weir_status take_group(struct direction *d, struct kind kind, struct group *g, size_t good,
                           weir_status wrong, struct weir_record *out, size_t *count)
{
    for (;;) {
        size_t i = *count = take_usual(d, kind, g, *count, good, out);

        if (i == g->count)
            return WEIR_OK;
        const struct weir_record r = {g->op[i].out, g->op[i].in_len, WEIR_TYPE_DATA};
        size_t wire = prefix_of(kind) + r.len + WEIR_TAG_LEN;
        pass_record(d, blocks_with(d, r.len), wire);
        weir_status status = i < good ? take_opened(d, kind, 0, r, wire, &out[i]) : wrong;
        if (status != WEIR_OK)
            return status;
        ++*count;
        if (out[i].type != WEIR_TYPE_DATA)
            return *count < g->count ? close_again(d, g, *count) : WEIR_OK;
    }
}

HOT weir_status open_together(struct direction *d, struct kind kind, uint8_t *buf, size_t len,
                              size_t *consumed, struct weir_record *out, size_t cap, size_t *count)
{
    struct group g;
    weir_status status = WEIR_OK;

    find_group(d, kind, &g, buf, len, cap);
    if (g.count < 2)
        return WEIR_OK;
    size_t good = open_group(d, &g, &status);
    uint8_t *end = g.op[g.count - 1].tag + WEIR_TAG_LEN;
    status = take_group(d, kind, &g, good, status, out, count);
    if (*count > 0)
        *consumed = (size_t)(g.op[*count - 1].tag - buf) + WEIR_TAG_LEN;
    if (status != WEIR_OK) {
        /* Some of what lies behind the record that ends it all has been opened, too. */
        weir_wipe(buf + *consumed + WEIR_HEADER_LEN,
                  (size_t)(end - buf) - *consumed - WEIR_HEADER_LEN);
        (void)weir_direction_end(d, status);
    }
    return status;
}

weir_status weir_rx_open_together(struct direction *d, uint8_t *buf, size_t len, size_t *consumed,
                                  struct weir_record *out, size_t cap, size_t *count)
{
    *consumed = 0;
    *count = 0;
    if (d->alone > 0) {
        d->alone--;
        return WEIR_OK;
    }
    if (!group_allowed(d, TOGETHER_BODY))
        return WEIR_OK;
    if (is_tls13(d))
        return open_together(d, kind13, buf, len, consumed, out, cap, count);
    if (has_explicit_nonce(d))
        return open_together(d, kind12, buf, len, consumed, out, cap, count);
    return open_together(d, kind_of(d), buf, len, consumed, out, cap, count);
}

#endif
