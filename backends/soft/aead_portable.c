/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AES-GCM (NIST SP 800-38D) of the portable parts, with the nonces of 12 bytes and tags of 16 that
 * TLS has. Two passes over a message: one encrypts, one authenticates the ciphertext. So a message
 * is opened only after its tag was found right, and the secret state of either pass stays small.
 */
#include "portable_parts.h"

#include <stdalign.h>

/* Blocks of the longest message (section 5.2.1.1): beyond it the counter would begin again. */
#define MAX_BLOCKS 0xfffffffeu

struct ctx {
    struct weir_portable_aes aes;
    struct weir_portable_ghash ghash;
};

/* The keystream of one message; its first block covers the tag. */
struct stream {
    const struct weir_portable_aes *aes;
    const uint8_t *nonce;
    uint32_t counter;
    size_t used; /* bytes of `bytes` that are gone */
    uint8_t bytes[AES_STEP];
};

static void refill(struct stream *s)
{
    weir_portable_aes_ctr(s->aes, s->nonce, s->counter, s->bytes);
    s->counter += AES_BLOCKS;
    s->used = 0;
}

static void add_bytes(uint8_t *out, const uint8_t *in, const uint8_t *key, size_t len)
{
    size_t i = 0;

    for (; i + 4 <= len; i += 4) {
        uint32_t a, b;

        memcpy(&a, in + i, sizeof a);
        memcpy(&b, key + i, sizeof b);
        a ^= b;
        memcpy(out + i, &a, sizeof a);
    }
    for (; i < len; i++)
        out[i] = (uint8_t)(in[i] ^ key[i]);
}

/* `out` may be `in`. */
static void crypt(struct stream *s, uint8_t *out, const uint8_t *in, size_t len)
{
    while (len > 0) {
        if (s->used == AES_STEP)
            refill(s);

        const size_t left = AES_STEP - s->used, n = len < left ? len : left;

        add_bytes(out, in, s->bytes + s->used, n);
        s->used += n;
        out += n;
        in += n;
        len -= n;
    }
}

/* Starts the keystream, and takes its first block for the tag. */
static void begin(struct stream *s, const struct ctx *ctx, const struct weir_aead_op *op,
                  uint8_t cover[AES_BLOCK])
{
    s->aes = &ctx->aes;
    s->nonce = op->nonce;
    s->counter = 1;
    refill(s);
    memcpy(cover, s->bytes, AES_BLOCK);
    s->used = AES_BLOCK;
}

static void make_tag(const struct ctx *ctx, const struct weir_aead_op *op, const uint8_t *text,
                     uint8_t tag[WEIR_TAG_LEN])
{
    struct weir_portable_sum sum = {{0}};
    uint8_t lengths[AES_BLOCK];

    put_be64(lengths, (uint64_t)op->aad.len << 3);
    put_be64(lengths + 8, (uint64_t)op->in_len << 3);
    weir_portable_ghash_add(&ctx->ghash, &sum, op->aad.base, op->aad.len);
    weir_portable_ghash_add(&ctx->ghash, &sum, text, op->in_len);
    weir_portable_ghash_add(&ctx->ghash, &sum, lengths, sizeof lengths);
    for (unsigned i = 0; i < 4; i++)
        put_be32(tag + 4 * (size_t)i, sum.w[i]);
    weir_wipe(&sum, sizeof sum);
}

static weir_status portable_init(void *memory, weir_alg alg, const uint8_t *key)
{
    static const uint8_t zeros[WEIR_IV_LEN];
    struct ctx *ctx = memory;
    uint8_t subkey[AES_STEP];

    if (alg != WEIR_AES_128_GCM && alg != WEIR_AES_256_GCM)
        return WEIR_E_PROVIDER;
    weir_portable_aes_init(&ctx->aes, key, alg == WEIR_AES_128_GCM ? 16 : 32);
    weir_portable_aes_ctr(&ctx->aes, zeros, 0, subkey);
    weir_portable_ghash_init(&ctx->ghash, subkey);
    weir_wipe(subkey, sizeof subkey);
    return WEIR_OK;
}

static bool too_long(size_t len)
{
    return len > 0 && (len - 1) / AES_BLOCK >= MAX_BLOCKS;
}

static weir_status portable_seal(void *memory, const struct weir_aead_op *op)
{
    const struct ctx *ctx = memory;
    struct stream s;
    uint8_t tag[WEIR_TAG_LEN], cover[AES_BLOCK];
    uint8_t *out = op->out;

    if (too_long(op->in_len))
        return WEIR_E_PROVIDER;
    begin(&s, ctx, op, cover);
    for (size_t i = 0; i < op->in_count; i++) {
        crypt(&s, out, op->in[i].base, op->in[i].len);
        out += op->in[i].len;
    }
    make_tag(ctx, op, op->out, tag);
    add_bytes(op->tag, tag, cover, WEIR_TAG_LEN);
    weir_wipe(&s, sizeof s);
    weir_wipe(tag, sizeof tag);
    weir_wipe(cover, sizeof cover);
    return WEIR_OK;
}

static weir_status portable_open(void *memory, const struct weir_aead_op *op)
{
    const struct ctx *ctx = memory;
    struct stream s;
    uint8_t tag[WEIR_TAG_LEN], cover[AES_BLOCK];
    unsigned wrong = 0;

    if (op->in_count != 1 || too_long(op->in_len))
        return WEIR_E_PROVIDER;
    begin(&s, ctx, op, cover);
    make_tag(ctx, op, op->in[0].base, tag);
    for (unsigned i = 0; i < WEIR_TAG_LEN; i++)
        wrong |= (unsigned)(tag[i] ^ cover[i] ^ op->tag[i]);
    wrong = (wrong + 0xffu) >> 8; /* one bit, so that no more than it becomes public */
    WEIR_PORTABLE_PUBLIC(wrong);
    if (wrong == 0)
        crypt(&s, op->out, op->in[0].base, op->in_len);
    /* The right tag of a forged message is what a forger would like to know. */
    weir_wipe(&s, sizeof s);
    weir_wipe(tag, sizeof tag);
    weir_wipe(cover, sizeof cover);
    return wrong == 0 ? WEIR_OK : WEIR_E_AUTH;
}

static weir_status portable_keystream(void *memory, const uint8_t nonce[WEIR_IV_LEN],
                                      uint64_t offset, const uint8_t *in, uint8_t *out, size_t len)
{
    const struct ctx *ctx = memory;
    struct stream s = {.aes = &ctx->aes, .nonce = nonce};

    if (offset > WEIR_AEAD_MAX_KEYSTREAM || len > WEIR_AEAD_MAX_KEYSTREAM - offset)
        return WEIR_E_PROVIDER;
    if (len == 0)
        return WEIR_OK;
    s.counter = (uint32_t)(offset / AES_BLOCK) + 2;
    refill(&s);
    s.used = offset % AES_BLOCK;
    crypt(&s, out, in, len);
    weir_wipe(&s, sizeof s);
    return WEIR_OK;
}

static void portable_wipe(void *memory)
{
    weir_wipe(memory, sizeof(struct ctx));
}

const struct weir_aead weir_aead_portable = {
    .abi = WEIR_AEAD_ABI,
    .algs = WEIR_ALG_BIT(WEIR_AES_128_GCM) | WEIR_ALG_BIT(WEIR_AES_256_GCM),
    .name = WEIR_PORTABLE_NAME,
    .ctx_size = sizeof(struct ctx),
    .ctx_align = alignof(struct ctx),
    .init = portable_init,
    .seal = portable_seal,
    .open = portable_open,
    .wipe = portable_wipe,
    .keystream = portable_keystream,
};
