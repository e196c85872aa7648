/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Written to be read: one block at a time, no table, no branch that depends on a secret. RFC 8439.
 */
#include "tiny_aead.h"

#include <string.h>
#include <weir/keys.h>

#define BLOCK 64u

struct tiny_ctx {
    uint32_t key[8];
};

/* ---- ChaCha20 (section 2.3) ---- */

struct chacha {
    uint32_t state[16];
    uint8_t stream[BLOCK];
    size_t used; /* bytes of `stream` that are used up */
};

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] | ((uint32_t)p[1] << 8) | ((uint32_t)p[2] << 16) | ((uint32_t)p[3] << 24);
}

static void put32(uint8_t *p, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        p[i] = (uint8_t)(value >> (8 * i));
}

static uint32_t turn(uint32_t x, unsigned by)
{
    return (x << by) | (x >> (32 - by));
}

static void quarter(uint32_t *x, unsigned a, unsigned b, unsigned c, unsigned d)
{
    x[a] += x[b];
    x[d] = turn(x[d] ^ x[a], 16);
    x[c] += x[d];
    x[b] = turn(x[b] ^ x[c], 12);
    x[a] += x[b];
    x[d] = turn(x[d] ^ x[a], 8);
    x[c] += x[d];
    x[b] = turn(x[b] ^ x[c], 7);
}

static void next_block(struct chacha *c)
{
    uint32_t x[16];

    memcpy(x, c->state, sizeof x);
    for (unsigned round = 0; round < 10; round++) {
        for (unsigned i = 0; i < 4; i++)
            quarter(x, i, 4 + i, 8 + i, 12 + i);
        for (unsigned i = 0; i < 4; i++)
            quarter(x, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4);
    }
    for (size_t i = 0; i < 16; i++)
        put32(c->stream + 4 * i, x[i] + c->state[i]);
    c->state[12]++;
    c->used = 0;
    weir_wipe(x, sizeof x);
}

static void chacha_start(struct chacha *c, const struct tiny_ctx *ctx, const uint8_t *nonce)
{
    static const uint32_t constants[4] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};

    memcpy(c->state, constants, sizeof constants);
    memcpy(c->state + 4, ctx->key, sizeof ctx->key);
    c->state[12] = 0;
    for (size_t i = 0; i < 3; i++)
        c->state[13 + i] = get32(nonce + 4 * i);
    next_block(c);
}

static void chacha_xor(struct chacha *c, const uint8_t *in, size_t len, uint8_t *out)
{
    for (size_t i = 0; i < len; i++) {
        if (c->used == BLOCK)
            next_block(c);
        out[i] = (uint8_t)(in[i] ^ c->stream[c->used++]);
    }
}

/* ---- Poly1305 (section 2.5): numbers of 130 bits in five limbs of 26 ---- */

#define LIMBS 5u
#define MASK  0x3ffffffu

struct poly {
    uint32_t h[LIMBS], r[LIMBS];
    uint8_t s[16];
};

/* The 128-bit number at `p`, and `top` as bit 128. */
static void to_limbs(const uint8_t *p, uint32_t top, uint32_t *limbs)
{
    limbs[0] = get32(p) & MASK;
    limbs[1] = (get32(p + 3) >> 2) & MASK;
    limbs[2] = (get32(p + 6) >> 4) & MASK;
    limbs[3] = (get32(p + 9) >> 6) & MASK;
    limbs[4] = (get32(p + 12) >> 8) | (top << 24);
}

static void poly_start(struct poly *p, const uint8_t *key)
{
    static const uint8_t clamp[16] = {255, 255, 255, 15, 252, 255, 255, 15,
                                      252, 255, 255, 15, 252, 255, 255, 15};
    uint8_t r[16];

    for (unsigned i = 0; i < 16; i++)
        r[i] = (uint8_t)(key[i] & clamp[i]);
    to_limbs(r, 0, p->r);
    memset(p->h, 0, sizeof p->h);
    memcpy(p->s, key + 16, 16);
    weir_wipe(r, sizeof r);
}

/* h = (h + block) * r modulo 2^130 - 5: what lies above bit 130 comes back five times below. */
static void poly_block(struct poly *p, const uint8_t *block)
{
    uint32_t add[LIMBS];
    uint64_t sum[LIMBS] = {0};
    uint64_t carry = 0;

    to_limbs(block, 1, add);
    for (unsigned i = 0; i < LIMBS; i++)
        p->h[i] += add[i];
    for (unsigned i = 0; i < LIMBS; i++)
        for (unsigned j = 0; j < LIMBS; j++)
            sum[(i + j) % LIMBS] += (uint64_t)p->h[i] * p->r[j] * (i + j < LIMBS ? 1 : 5);
    for (unsigned i = 0; i < LIMBS; i++) {
        sum[i] += carry;
        p->h[i] = (uint32_t)(sum[i] & MASK);
        carry = sum[i] >> 26;
    }
    carry = p->h[0] + carry * 5;
    p->h[0] = (uint32_t)(carry & MASK);
    p->h[1] += (uint32_t)(carry >> 26);
}

/* `data` filled up with zeros to whole blocks (section 2.8). */
static void poly_padded(struct poly *p, const uint8_t *data, size_t len)
{
    uint8_t last[16] = {0};

    for (; len >= 16; data += 16, len -= 16)
        poly_block(p, data);
    if (len > 0) {
        memcpy(last, data, len);
        poly_block(p, last);
    }
}

static void poly_end(struct poly *p, uint8_t tag[16])
{
    uint32_t less[LIMBS];
    uint32_t carry = 0;

    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < LIMBS; i++) {
            p->h[i] += carry;
            carry = p->h[i] >> 26;
            p->h[i] &= MASK;
        }
        carry *= 5;
    }
    /* h - (2^130 - 5), which is taken when it is not below zero. */
    carry = 5;
    for (unsigned i = 0; i < LIMBS; i++) {
        less[i] = p->h[i] + carry;
        carry = less[i] >> 26;
        less[i] &= MASK;
    }
    uint32_t take = 0u - carry;
    for (unsigned i = 0; i < LIMBS; i++)
        p->h[i] = (p->h[i] & ~take) | (less[i] & take);

    uint64_t sum = 0;
    for (size_t i = 0; i < 4; i++) {
        uint32_t word = (p->h[i] >> (6 * i)) | (p->h[i + 1] << (26 - 6 * i));
        sum += (uint64_t)word + get32(p->s + 4 * i);
        put32(tag + 4 * i, (uint32_t)sum);
        sum >>= 32;
    }
}

/* ---- the AEAD (section 2.8) ---- */

static void make_tag(struct chacha *c, const struct weir_aead_op *op, const uint8_t *ciphertext,
                     uint8_t tag[16])
{
    uint8_t lengths[16] = {0};
    struct poly poly;

    /* The first block of the stream is the one-time key; the message starts with the second. */
    poly_start(&poly, c->stream);
    poly_padded(&poly, op->aad.base, op->aad.len);
    poly_padded(&poly, ciphertext, op->in_len);
    put32(lengths, (uint32_t)op->aad.len);
    put32(lengths + 8, (uint32_t)op->in_len);
    poly_block(&poly, lengths);
    poly_end(&poly, tag);
    weir_wipe(&poly, sizeof poly);
}

static weir_status tiny_init(void *memory, weir_alg alg, const uint8_t *key)
{
    struct tiny_ctx *ctx = memory;

    if (alg != WEIR_CHACHA20_POLY1305)
        return WEIR_E_PROVIDER;
    for (size_t i = 0; i < 8; i++)
        ctx->key[i] = get32(key + 4 * i);
    return WEIR_OK;
}

static weir_status tiny_seal(void *ctx, const struct weir_aead_op *op)
{
    struct chacha first;
    struct chacha c;
    uint8_t *out = op->out;

    chacha_start(&first, ctx, op->nonce);
    c = first;
    c.used = BLOCK;
    for (size_t i = 0; i < op->in_count; i++) {
        chacha_xor(&c, op->in[i].base, op->in[i].len, out);
        out += op->in[i].len;
    }
    make_tag(&first, op, op->out, op->tag);
    weir_wipe(&first, sizeof first);
    weir_wipe(&c, sizeof c);
    return WEIR_OK;
}

static weir_status tiny_open(void *ctx, const struct weir_aead_op *op)
{
    struct chacha c;
    uint8_t tag[16];
    uint8_t different = 0;

    chacha_start(&c, ctx, op->nonce);
    make_tag(&c, op, op->in[0].base, tag);
    for (unsigned i = 0; i < sizeof tag; i++)
        different |= (uint8_t)(tag[i] ^ op->tag[i]);
    c.used = BLOCK;
    if (different == 0)
        chacha_xor(&c, op->in[0].base, op->in_len, op->out);
    weir_wipe(&c, sizeof c);
    return different == 0 ? WEIR_OK : WEIR_E_AUTH;
}

static void tiny_wipe(void *ctx)
{
    weir_wipe(ctx, sizeof(struct tiny_ctx));
}

const struct weir_aead tiny_aead = {
    .abi = WEIR_AEAD_ABI,
    .algs = WEIR_ALG_BIT(WEIR_CHACHA20_POLY1305),
    .flags = 0,
    .name = "tiny",
    .ctx_size = sizeof(struct tiny_ctx),
    .ctx_align = _Alignof(struct tiny_ctx),
    .init = tiny_init,
    .seal = tiny_seal,
    .open = tiny_open,
    .wipe = tiny_wipe,
};

/* ---- RFC 8439 section 2.8.2 ---- */

bool tiny_aead_works(void)
{
    static const char text[] = "Ladies and Gentlemen of the class of '99: If I could offer you "
                               "only one tip for the future, sunscreen would be it.";
    static const uint8_t expected_tag[16] = {0x1a, 0xe1, 0x0b, 0x59, 0x4f, 0x09, 0xe2, 0x6a,
                                             0x7e, 0x90, 0x2e, 0xcb, 0xd0, 0x60, 0x06, 0x91};
    static const uint8_t expected_start[8] = {0xd3, 0x1a, 0x8d, 0x34, 0x64, 0x8e, 0x60, 0xdb};
    static const uint8_t aad[12] = {0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1,
                                    0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7};
    struct weir_aead_op op = {
        .nonce = {0x07, 0, 0, 0, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47},
        .aad = {aad, sizeof aad},
    };
    const size_t len = sizeof text - 1;
    const struct weir_iov pieces[2] = {{(const uint8_t *)text, 7},
                                       {(const uint8_t *)text + 7, 107}};
    struct tiny_ctx ctx;
    uint8_t key[32];
    uint8_t out[sizeof text];
    uint8_t tag[16];

    for (unsigned i = 0; i < sizeof key; i++)
        key[i] = (uint8_t)(0x80 + i);
    if (tiny_init(&ctx, WEIR_CHACHA20_POLY1305, key) != WEIR_OK)
        return false;
    op.in = pieces;
    op.in_count = 2;
    op.in_len = len;
    op.out = out;
    op.tag = tag;
    if (tiny_seal(&ctx, &op) != WEIR_OK || memcmp(tag, expected_tag, sizeof tag) != 0 ||
        memcmp(out, expected_start, sizeof expected_start) != 0)
        return false;

    const struct weir_iov sealed = {out, len};
    op.in = &sealed;
    op.in_count = 1;
    if (tiny_open(&ctx, &op) != WEIR_OK || memcmp(out, text, len) != 0)
        return false;
    tag[15] ^= 1;
    return tiny_open(&ctx, &op) == WEIR_E_AUTH;
}
