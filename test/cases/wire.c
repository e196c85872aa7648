/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire.h"

#define HEADER 5u
#define TAG    16u

static void put_be(uint8_t *to, uint64_t value, size_t bytes)
{
    while (bytes-- > 0) {
        to[bytes] = (uint8_t)value;
        value >>= 8;
    }
}

static uint64_t get_be(const uint8_t *from, size_t bytes)
{
    uint64_t value = 0;

    while (bytes-- > 0)
        value = value << 8 | *from++;
    return value;
}

static bool is_tls13(const struct wire *w)
{
    return w->keys.version == WEIR_TLS13;
}

/* RFC 5288: eight bytes of nonce stand in front of the ciphertext; RFC 7905 has none. */
static size_t explicit_len(const struct wire *w)
{
    return !is_tls13(w) && weir_suite_find(w->keys.suite)->alg != WEIR_CHACHA20_POLY1305 ? 8 : 0;
}

static void take_key(struct wire *w)
{
    (void)w->aead->init(w->ctx, (weir_alg)weir_suite_find(w->keys.suite)->alg, w->keys.key);
}

void wire_begin(struct wire *w, const struct weir_aead *aead, const struct weir_keys *keys)
{
    w->aead = aead;
    w->keys = *keys;
    take_key(w);
}

void wire_end(struct wire *w)
{
    if (w->aead != NULL)
        w->aead->wipe(w->ctx);
    w->aead = NULL;
}

/* HKDF-Expand-Label (RFC 8446 section 7.1) with an empty context, for one block. */
static void expand(const struct wire *w, const struct weir_kdf *kdf, const uint8_t *secret,
                   const char *label, uint8_t *out, size_t len)
{
    weir_hash hash = (weir_hash)weir_suite_find(w->keys.suite)->hash;
    uint8_t info[32] = {0, (uint8_t)len};
    uint8_t block[48];
    size_t n = 3;

    for (const char *p = "tls13 "; *p != '\0'; p++)
        info[n++] = (uint8_t)*p;
    for (; *label != '\0'; label++)
        info[n++] = (uint8_t)*label;
    info[2] = (uint8_t)(n - 3);
    info[n++] = 0;
    info[n++] = 1;
    (void)kdf->hmac(hash, secret, WEIR_HASH_LEN(hash), info, n, block);
    memcpy(out, block, len);
}

void wire_update(struct wire *w, const struct weir_kdf *kdf)
{
    const struct weir_suite *suite = weir_suite_find(w->keys.suite);
    uint8_t next[48];

    expand(w, kdf, w->keys.secret, "traffic upd", next, w->keys.secret_len);
    memcpy(w->keys.secret, next, w->keys.secret_len);
    expand(w, kdf, next, "key", w->keys.key, weir_alg_key_len((weir_alg)suite->alg));
    expand(w, kdf, next, "iv", w->keys.iv, 12);
    w->keys.at.seq = 0;
    w->keys.at.epoch++;
    w->aead->wipe(w->ctx);
    take_key(w);
}

static void fill_op(const struct wire *w, struct weir_aead_op *op, uint8_t aad[13],
                    const uint8_t *record, size_t message_len)
{
    memset(op, 0, sizeof *op);
    if (explicit_len(w) > 0) {
        memcpy(op->nonce, w->keys.iv, 4);
        memcpy(op->nonce + 4, record + HEADER, 8);
    } else {
        put_be(op->nonce + 4, w->keys.at.seq, 8);
        for (size_t i = 0; i < 12; i++)
            op->nonce[i] ^= w->keys.iv[i];
    }
    if (is_tls13(w)) {
        op->aad = (struct weir_iov){record, HEADER};
    } else {
        put_be(aad, w->keys.at.seq, 8);
        memcpy(aad + 8, record, 3);
        put_be(aad + 11, message_len, 2);
        op->aad = (struct weir_iov){aad, 13};
    }
    op->in_count = 1;
    op->in_len = message_len;
}

/* The explicit nonce of the record after the one of `seq`. */
static void step(struct wire *w)
{
    struct weir_position *at = &w->keys.at;
    uint64_t mask = at->explicit_nonce ^ at->seq;

    at->seq++;
    if (at->nonce_rule == WEIR_NONCE_XOR)
        at->explicit_nonce = mask ^ at->seq;
    else if (at->nonce_rule == WEIR_NONCE_RANDOM)
        (void)test_random(&at->explicit_nonce);
    else if (at->nonce_rule != WEIR_NONCE_IMPLICIT)
        at->explicit_nonce++;
}

size_t wire_seal(struct wire *w, uint8_t type, const uint8_t *message, size_t len, uint8_t *out)
{
    const struct weir_iov in = {message, len};
    size_t prefix = HEADER + explicit_len(w);
    struct weir_aead_op op;
    uint8_t aad[13];

    out[0] = type;
    put_be(out + 1, 0x0303, 2);
    put_be(out + 3, explicit_len(w) + len + TAG, 2);
    put_be(out + HEADER, w->keys.at.explicit_nonce, explicit_len(w));
    fill_op(w, &op, aad, out, len);
    op.in = &in;
    op.out = out + prefix;
    op.tag = out + prefix + len;
    (void)w->aead->seal(w->ctx, &op);
    step(w);
    return prefix + len + TAG;
}

size_t wire_say(struct wire *w, uint8_t type, const void *content, size_t len, size_t pad,
                uint8_t *out)
{
    static uint8_t inner[65536];

    if (!is_tls13(w))
        return wire_seal(w, type, content, len, out);
    if (len > 0)
        memcpy(inner, content, len);
    inner[len] = type;
    memset(inner + len + 1, 0, pad);
    return wire_seal(w, WEIR_TYPE_DATA, inner, len + 1 + pad, out);
}

static bool take_inner(struct wire_record *r, size_t message_len)
{
    size_t n = message_len;

    while (n > 0 && r->data[n - 1] == 0)
        n--;
    if (n == 0 || r->type != WEIR_TYPE_DATA)
        return false;
    r->type = r->data[n - 1];
    r->len = n - 1;
    r->pad = message_len - n;
    return true;
}

size_t wire_take(struct wire *w, const uint8_t *in, size_t len, struct wire_record *r)
{
    size_t prefix = HEADER + explicit_len(w);
    struct weir_aead_op op;
    uint8_t aad[13];
    uint8_t tag[TAG];

    if (len < prefix + TAG || get_be(in + 1, 2) != 0x0303)
        return 0;
    size_t record = HEADER + (size_t)get_be(in + 3, 2);
    if (record > len || record < prefix + TAG)
        return 0;
    size_t message_len = record - prefix - TAG;
    if (message_len > WEIR_MAX_PLAINTEXT + (is_tls13(w) ? 1u : 0u))
        return 0;
    const struct weir_iov piece = {in + prefix, message_len};
    memcpy(tag, in + prefix + message_len, TAG);
    fill_op(w, &op, aad, in, message_len);
    op.in = &piece;
    op.out = w->text;
    op.tag = tag;
    if (w->aead->open(w->ctx, &op) != WEIR_OK)
        return 0;
    *r = (struct wire_record){.type = in[0],
                              .data = w->text,
                              .len = message_len,
                              .explicit_nonce = get_be(in + HEADER, explicit_len(w))};
    w->keys.at.seq++;
    if (is_tls13(w) && !take_inner(r, message_len))
        return 0;
    return record;
}
