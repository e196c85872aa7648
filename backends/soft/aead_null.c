/* SPDX-License-Identifier: BSD-2-Clause */
/* A provider that protects nothing; see aead_null.h. */
#include "aead_null.h"

#include <string.h>
#include <weir/keys.h>

/*
 * Two sums of 64 bits. Each step is a bijection of the sum for a given word and of the word for a
 * given sum, so two inputs that differ in one word never have the same sums.
 */
struct sums {
    uint64_t a, b;
};

struct null_ctx {
    struct sums key;
    weir_alg alg;
};

static void add(struct sums *sums, uint64_t word)
{
    sums->a = (sums->a ^ word) * UINT64_C(0x9fb21c651e98df25);
    sums->a ^= sums->a >> 32;
    sums->b = (sums->b + word) * UINT64_C(0xd6e8feb86659fd93);
    sums->b ^= sums->b >> 29;
}

/* Bytes as words, the last one filled up with zeros; the caller adds the length apart. */
static void add_bytes(struct sums *sums, const uint8_t *bytes, size_t len)
{
    uint64_t word;

    for (; len >= sizeof(word); bytes += sizeof(word), len -= sizeof(word)) {
        memcpy(&word, bytes, sizeof(word));
        add(sums, word);
    }
    if (len > 0) {
        word = 0;
        memcpy(&word, bytes, len);
        add(sums, word);
    }
}

static void make_tag(const struct null_ctx *ctx, const struct weir_aead_op *op, const uint8_t *text,
                     uint8_t tag[WEIR_TAG_LEN])
{
    struct sums sums = ctx->key;

    add_bytes(&sums, op->nonce, WEIR_IV_LEN);
    add_bytes(&sums, op->aad.base, op->aad.len);
    add_bytes(&sums, text, op->in_len);
    add(&sums, op->aad.len);
    add(&sums, op->in_len);
    memcpy(tag, &sums.a, sizeof(sums.a));
    memcpy(tag + sizeof(sums.a), &sums.b, sizeof(sums.b));
}

/*
 * What the contract of struct weir_aead_op asks of whoever calls. Checked here, because this is the
 * provider of the tests: another one would read or write where it should not.
 */
static bool is_sound(const struct weir_aead_op *op)
{
    static const uint8_t zeros[sizeof(op->nonce)];
    size_t sum = 0;

    if (op->in_count < 1 || op->in_count > WEIR_AEAD_MAX_SEGMENTS)
        return false;
    if (op->aad.len != 5 && op->aad.len != 13)
        return false;
    if (memcmp(op->nonce + WEIR_IV_LEN, zeros, sizeof(op->nonce) - WEIR_IV_LEN) != 0)
        return false;
    for (size_t i = 0; i < op->in_count; i++)
        sum += op->in[i].len;
    return sum == op->in_len;
}

static weir_status null_init(void *memory, weir_alg alg, const uint8_t *key)
{
    struct null_ctx *ctx = memory;

    ctx->key = (struct sums){UINT64_C(0x7765697220746167), (uint64_t)alg};
    add_bytes(&ctx->key, key, weir_alg_key_len(alg));
    ctx->alg = alg;
    return WEIR_OK;
}

static weir_status null_seal(void *ctx, const struct weir_aead_op *op)
{
    uint8_t *out = op->out;

    if (!is_sound(op))
        return WEIR_E_PROVIDER;
    for (size_t i = 0; i < op->in_count; i++) {
        if (op->in[i].len > 0)
            memmove(out, op->in[i].base, op->in[i].len);
        out += op->in[i].len;
    }
    make_tag(ctx, op, op->out, op->tag);
    return WEIR_OK;
}

static weir_status null_open(void *ctx, const struct weir_aead_op *op)
{
    uint8_t tag[WEIR_TAG_LEN];

    if (!is_sound(op) || op->in_count != 1)
        return WEIR_E_PROVIDER;
    make_tag(ctx, op, op->in[0].base, tag);
    if (op->in_len > 0)
        memmove(op->out, op->in[0].base, op->in_len);
    return memcmp(tag, op->tag, sizeof(tag)) == 0 ? WEIR_OK : WEIR_E_AUTH;
}

/* Seal changes nothing, so there is nothing to add. */
static weir_status null_keystream(void *ctx, const uint8_t nonce[WEIR_IV_LEN], uint64_t offset,
                                  const uint8_t *in, uint8_t *out, size_t len)
{
    const struct null_ctx *null = ctx;

    (void)nonce;
    if (null->alg == WEIR_CHACHA20_POLY1305)
        return WEIR_REFUSED;
    if (offset > WEIR_AEAD_MAX_KEYSTREAM || len > WEIR_AEAD_MAX_KEYSTREAM - offset)
        return WEIR_E_PROVIDER;
    if (len > 0)
        memmove(out, in, len);
    return WEIR_OK;
}

static void null_wipe(void *ctx)
{
    weir_wipe(ctx, sizeof(struct null_ctx));
}

const struct weir_aead weir_aead_null = {
    .abi = WEIR_AEAD_ABI,
    .algs = WEIR_ALG_BIT(WEIR_AES_128_GCM) | WEIR_ALG_BIT(WEIR_AES_256_GCM) |
            WEIR_ALG_BIT(WEIR_CHACHA20_POLY1305),
    .flags = WEIR_AEAD_INSECURE,
    .name = "null",
    .ctx_size = sizeof(struct null_ctx),
    .ctx_align = _Alignof(struct null_ctx),
    .init = null_init,
    .seal = null_seal,
    .open = null_open,
    .wipe = null_wipe,
    .keystream = null_keystream,
};
