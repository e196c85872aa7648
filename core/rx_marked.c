/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Records that a network interface has decrypted, or a part of them. What is open already is taken
 * as it is when somebody vouches for it; what is open in part is closed again, and then opened as
 * any other record. So a tag that nobody has checked never lets plaintext through.
 */
#include "direction.h"
#include "mem.h"

#if WEIR_HAS_PACKET

/* The inside of weir_undo: the key that a card goes on using after a KeyUpdate. */
struct __attribute__((may_alias)) undo {
    const struct weir_backend *backend;
    void *ctx;
    struct weir_keys keys; /* at.seq: number that the next record would have under this key */
    uint8_t state;         /* an enum undo_state */
};

enum undo_state {
    UNDO_EMPTY,
    UNDO_HELD, /* the key of now: a handshake record was opened, and may have been a KeyUpdate */
    UNDO_ACTIVE,
};

_Static_assert(sizeof(struct undo) <= sizeof(struct weir_undo), "weir_undo is too small");

static struct undo *undo_inside(const struct weir_undo *undo)
{
    return (struct undo *)(void *)(uintptr_t)undo;
}

/* What the marks say about one record. */
struct cover {
    bool any, all, vouched;
    size_t first, end; /* the marks that touch it */
};

/* Where a record lies in the input. */
struct place {
    size_t at, len;
};

/* Whether what a card has decrypted in part could be encrypted again. */
static bool can_undo(const struct direction *d, struct weir_refusal *why)
{
    if (d->attached != HELD_RECORD)
        return weir_direction_refuse(why, WEIR_REFUSAL_FORM, (uint32_t)d->backend->form);
    if (weir_suite_find(d->keys.suite)->alg == WEIR_CHACHA20_POLY1305)
        return weir_direction_refuse(why, WEIR_REFUSAL_SUITE, d->keys.suite);
    if (d->backend->keystream == NULL)
        return weir_direction_refuse(why, WEIR_REFUSAL_KEYSTREAM, 0);
    return true;
}

weir_status weir_rx_share(struct weir_rx *rx, uint32_t tcp_seq, struct weir_keys *keys,
                          struct weir_refusal *why)
{
    struct direction *d = rx_inside(rx);

    *why = (struct weir_refusal){.code = WEIR_REFUSAL_NONE, .layer = WEIR_LAYER_CORE};
    weir_keys_wipe(keys);
    if (d->backend == NULL || d->status < 0 || d->attached == HELD_NOT)
        return WEIR_E_MISUSE;
    if (weir_direction_busy(d))
        return WEIR_PENDING;
    if (!can_undo(d, why))
        return WEIR_REFUSED;
    d->keys.at.tcp_seq = tcp_seq;
    d->keys.at.tcp_known = true;
    *keys = d->keys;
    weir_wipe(keys->secret, sizeof keys->secret);
    keys->secret_len = 0;
    return WEIR_OK;
}

/* In order, apart, none empty, none beyond the input. */
static bool marks_sound(const struct weir_marked *in)
{
    size_t end = 0;

    for (size_t i = 0; i < in->marks_count; i++) {
        const struct weir_mark *m = &in->marks[i];

        if (m->len == 0 || m->from < end || m->from > in->len || m->len > in->len - m->from)
            return false;
        end = m->from + m->len;
    }
    return true;
}

/* Looks from mark `first` on; those before it end before the record. */
static struct cover cover_of(const struct weir_marked *in, size_t first, struct place record)
{
    const size_t end = record.at + record.len;
    struct cover c = {.vouched = true};
    size_t reached = record.at;

    while (first < in->marks_count && in->marks[first].from + in->marks[first].len <= record.at)
        first++;
    c.first = c.end = first;
    while (c.end < in->marks_count && in->marks[c.end].from < end) {
        const struct weir_mark *m = &in->marks[c.end++];

        if (m->from <= reached)
            reached = m->from + m->len;
        c.vouched = c.vouched && m->vouched;
        c.any = true;
    }
    c.all = c.any && reached >= end;
    return c;
}

/* RFC 8446 section 5.3; RFC 5288 section 3 with the explicit nonce as it is in the record. */
static void make_nonce(uint8_t nonce[WEIR_IV_LEN], const struct direction *d,
                       const struct undo *old, const uint8_t *record)
{
    const struct weir_keys *keys = old != NULL ? &old->keys : &d->keys;

    memcpy(nonce, keys->iv, WEIR_IV_LEN);
    if (has_explicit_nonce(d))
        memcpy(nonce + 4, record + WEIR_HEADER_LEN, 8);
    else
        put_be64(nonce + 4, get_be64(keys->iv + 4) ^ keys->at.seq);
}

/* Encrypts the marked part of a record's content again. Header, explicit nonce and tag are as they
 * were, for no card touches them. */
static weir_status close_again(struct direction *d, const struct undo *old,
                               const struct weir_marked *in, struct place record,
                               const struct cover *c)
{
    const struct weir_backend *backend = old != NULL ? old->backend : d->backend;
    void *ctx = old != NULL ? old->ctx : d->ctx;
    const size_t from = record.at + d->shape.prefix;
    uint8_t nonce[WEIR_IV_LEN];
    struct weir_refusal why;

    if (!can_undo(d, &why))
        return WEIR_E_MISUSE;
    if (record.len < (size_t)d->shape.prefix + WEIR_TAG_LEN)
        return WEIR_OK; /* no record at all, as opening it will say */
    const size_t end = record.at + record.len - WEIR_TAG_LEN;
    make_nonce(nonce, d, old, in->buf + record.at);
    for (size_t i = c->first; i < c->end; i++) {
        const struct weir_mark *m = &in->marks[i];
        size_t low = m->from > from ? m->from : from;
        size_t high = m->from + m->len < end ? m->from + m->len : end;

        if (low >= high)
            continue;
        weir_status status = backend->keystream(backend, ctx, nonce, low - from, in->buf + low,
                                                in->buf + low, high - low);
        if (status != WEIR_OK)
            return backend_error(status);
    }
    return WEIR_OK;
}

/* Opens the whole record there, whichever way it came. A failure has ended the direction. */
static weir_status open_one(struct weir_rx *rx, const struct undo *old,
                            const struct weir_marked *in, struct place record,
                            const struct cover *c, struct weir_record *out)
{
    struct direction *d = rx_inside(rx);
    uint8_t *buf = in->buf + record.at;
    weir_status status = WEIR_OK;
    size_t used = 0;
    size_t n = 0;

    if (c->all && c->vouched && in->trust && old == NULL) {
        status = weir_rx_take(d, buf, record.len, out);
    } else {
        if (c->any)
            status = close_again(d, old, in, record, c);
        if (status == WEIR_OK)
            status = weir_rx_open(rx, buf, record.len, &used, out, 1, &n);
    }
    if (status == WEIR_OK)
        return WEIR_OK;
    /* Also one that was not tried to be opened: the card may have put plaintext there. */
    weir_wipe(buf + WEIR_HEADER_LEN, record.len - WEIR_HEADER_LEN);
    return weir_direction_end(d, status);
}

static void undo_forget(struct undo *u)
{
    if (u->state != UNDO_EMPTY)
        u->backend->detach(u->backend, u->ctx);
    weir_keys_wipe(&u->keys);
    u->state = UNDO_EMPTY;
}

/* The key may have changed since the last call, or it has not. */
static void undo_settle(struct undo *u, const struct direction *d)
{
    if (u->state != UNDO_HELD)
        return;
    if (u->keys.at.epoch == d->keys.at.epoch)
        undo_forget(u);
    else
        u->state = UNDO_ACTIVE;
}

/* A record was opened. Behind a handshake message the key may change, and is kept until then. */
static weir_status undo_follow(struct undo *u, const struct direction *d, uint8_t type)
{
    const struct weir_attach what = {
        .keys = &u->keys, .dir = WEIR_RX, .record_limit = d->record_limit};
    struct weir_refusal why;

    if (u->state == UNDO_ACTIVE)
        u->keys.at.seq++;
    if (u->state != UNDO_EMPTY || type != WEIR_TYPE_HANDSHAKE || d->keys.version != WEIR_TLS13)
        return WEIR_OK;
    u->keys = d->keys;
    weir_wipe(u->keys.secret, sizeof u->keys.secret);
    u->keys.secret_len = 0;
    if (u->backend->attach(u->backend, u->ctx, &what, &why) != WEIR_OK) {
        weir_keys_wipe(&u->keys);
        return WEIR_E_PROVIDER;
    }
    u->state = UNDO_HELD;
    return WEIR_OK;
}

static struct weir_note note_of(const struct weir_position *at, size_t len, const struct cover *c)
{
    enum weir_came came = c->all   ? WEIR_CAME_DECRYPTED
                          : c->any ? WEIR_CAME_MIXED
                                   : WEIR_CAME_ENCRYPTED;

    return (struct weir_note){.number = at->seq,
                              .tcp_seq = at->tcp_seq,
                              .len = (uint32_t)len,
                              .epoch = at->epoch,
                              .came = (int8_t)came};
}

/* What a header tells, allowed or not, up to the longest there are: of a record that is refused all
 * is wiped. */
static size_t told_by(const uint8_t *buf, size_t left)
{
    size_t told = WEIR_HEADER_LEN + (left < WEIR_HEADER_LEN ? 0 : (size_t)get_be16(buf + 3));

    return told < WEIR_MAX_RECORD ? told : WEIR_MAX_RECORD;
}

weir_status weir_rx_open_more(struct weir_rx *rx, struct weir_marked *in)
{
    struct direction *d = rx_inside(rx);
    struct undo *u = in->undo != NULL ? undo_inside(in->undo) : NULL;
    const size_t already = in->count;
    weir_status status = WEIR_OK;
    size_t first = 0;

    if (d->attached != HELD_RECORD || d->status < 0 || !marks_sound(in))
        return weir_direction_end(d, WEIR_E_MISUSE);
    if (weir_direction_busy(d))
        return WEIR_PENDING;
    if (u != NULL)
        undo_settle(u, d);
    while (in->count < in->cap && in->noted < in->notes_cap) {
        const struct undo *old = u != NULL && u->state == UNDO_ACTIVE ? u : NULL;
        const size_t left = in->len - in->consumed;
        const struct weir_position at = d->keys.at;
        struct weir_record *r = &in->records[in->count];
        struct place record = {in->consumed, told_by(in->buf + in->consumed, left)};
        size_t used = 0;
        size_t n = 0;

        if (left < record.len) {
            /* Not whole; or its header is wrong, which is said here. */
            status = weir_rx_open(rx, in->buf + record.at, left, &used, r, 1, &n);
            break;
        }
        const struct cover c = cover_of(in, first, record);
        first = c.first;
        status = open_one(rx, old, in, record, &c, r);
        if (status != WEIR_OK)
            break;
        in->notes[in->noted++] = note_of(&at, record.len, &c);
        in->consumed += record.len;
        in->count++;
        if (u != NULL && undo_follow(u, d, r->type) != WEIR_OK)
            (void)weir_direction_end(d, WEIR_E_PROVIDER);
        if (r->type != WEIR_TYPE_DATA || d->status < 0)
            break;
    }
    /* What came before an error is given first, and the next call answers it. */
    return status < 0 && in->count > already ? WEIR_OK : status;
}

weir_status weir_rx_open_marked(struct weir_rx *rx, struct weir_marked *in)
{
    in->consumed = 0;
    in->count = 0;
    in->noted = 0;
    return weir_rx_open_more(rx, in);
}

weir_status weir_undo_init(struct weir_undo *undo, const struct weir_backend *backend, void *ctx,
                           size_t ctx_len, struct weir_refusal *why)
{
    *undo = (struct weir_undo){{0}};
    *why = (struct weir_refusal){.code = WEIR_REFUSAL_NONE, .layer = WEIR_LAYER_CORE};
    if (backend->form != WEIR_FORM_RECORD)
        (void)weir_direction_refuse(why, WEIR_REFUSAL_FORM, (uint32_t)backend->form);
    else if (backend->keystream == NULL)
        (void)weir_direction_refuse(why, WEIR_REFUSAL_KEYSTREAM, 0);
    else if (weir_direction_memory(backend, ctx, ctx_len, why))
        *undo_inside(undo) = (struct undo){.backend = backend, .ctx = ctx};
    return why->code == WEIR_REFUSAL_NONE ? WEIR_OK : WEIR_REFUSED;
}

bool weir_undo_active(const struct weir_undo *undo)
{
    return undo_inside(undo)->state == UNDO_ACTIVE;
}

void weir_undo_wipe(struct weir_undo *undo)
{
    undo_forget(undo_inside(undo));
}

weir_status weir_marks_add(struct weir_marks *marks, size_t from, size_t len, bool vouched)
{
    if (len == 0 || len > SIZE_MAX - from)
        return WEIR_E_MISUSE;
    if (marks->count > 0) {
        struct weir_mark *last = &marks->at[marks->count - 1];

        if (from < last->from + last->len)
            return WEIR_E_MISUSE;
        if (from == last->from + last->len && vouched == last->vouched) {
            last->len += len;
            return WEIR_OK;
        }
    }
    if (marks->count == marks->capacity)
        return WEIR_NEED_OUTPUT;
    marks->at[marks->count++] = (struct weir_mark){from, len, vouched};
    return WEIR_OK;
}

void weir_marks_consume(struct weir_marks *marks, size_t len)
{
    size_t kept = 0;

    for (size_t i = 0; i < marks->count; i++) {
        struct weir_mark m = marks->at[i];

        if (m.from + m.len <= len)
            continue;
        if (m.from < len) {
            m.len -= len - m.from;
            m.from = len;
        }
        m.from -= len;
        marks->at[kept++] = m;
    }
    marks->count = kept;
}

#endif
