/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AEAD provider on mbedTLS: mbedtls_gcm and mbedtls_chachapoly by their streaming calls.
 *
 * Every byte but those of a message sealed in one piece goes through a small block on the stack.
 * The block gathers the pieces of a message, and it keeps two rules of mbedTLS at once: 2.28 wants
 * multiples of 16 bytes in every call but the last, and its documentation forbids to decrypt GCM on
 * top of the input. It costs one copy, about 1/300 of what mbedTLS itself needs for the same bytes.
 */
#include <weir/keys.h>
#include <weir/mbedtls.h>

#include <mbedtls/aes.h>
#include <mbedtls/chachapoly.h>
#include <mbedtls/gcm.h>
#include <mbedtls/version.h>

#include <stdalign.h>
#include <string.h>

#if !defined(MBEDTLS_GCM_C) || !defined(MBEDTLS_AES_C)
#error "this provider needs an mbedTLS built with MBEDTLS_GCM_C and MBEDTLS_AES_C"
#endif

/* In a configuration without it nothing of it may be called; a constant leaves it out. */
#if defined(MBEDTLS_CHACHAPOLY_C)
#define HAVE_CHACHAPOLY 1
#else
#define HAVE_CHACHAPOLY 0
#endif
#define IS_CHACHAPOLY(alg) (HAVE_CHACHAPOLY && (alg) == WEIR_CHACHA20_POLY1305)

#define BLOCK_LEN 512u

/* A multiple of the AES and ChaCha20 blocks, or 2.28 refuses all calls after the first. */
_Static_assert(BLOCK_LEN % 64 == 0, "block");

struct ctx {
    weir_alg alg;
    union {
        mbedtls_gcm_context gcm;
        mbedtls_chachapoly_context chachapoly;
    } u;
    uint8_t key[WEIR_MAX_KEY]; /* of AES: a keystream alone needs a schedule of its own */
};

enum mode { SEAL, OPEN };

/* What mbedTLS still holds back of the output: 3.x allows an accelerated GCM to do so. */
struct sink {
    uint8_t *out;
    size_t room;
};

#if MBEDTLS_VERSION_NUMBER < 0x03000000

static int gcm_begin(mbedtls_gcm_context *gcm, enum mode mode, const struct weir_aead_op *op)
{
    return mbedtls_gcm_starts(gcm, mode == SEAL ? MBEDTLS_GCM_ENCRYPT : MBEDTLS_GCM_DECRYPT,
                              op->nonce, WEIR_IV_LEN, op->aad.base, op->aad.len);
}

static int gcm_step(mbedtls_gcm_context *gcm, const uint8_t *in, size_t len, struct sink *sink)
{
    int ret = mbedtls_gcm_update(gcm, len, in, sink->out);

    sink->out += len;
    sink->room -= len;
    return ret;
}

static int gcm_end(mbedtls_gcm_context *gcm, struct sink *sink, uint8_t tag[WEIR_TAG_LEN])
{
    (void)sink;
    return mbedtls_gcm_finish(gcm, tag, WEIR_TAG_LEN);
}

#else

static int gcm_begin(mbedtls_gcm_context *gcm, enum mode mode, const struct weir_aead_op *op)
{
    int ret = mbedtls_gcm_starts(gcm, mode == SEAL ? MBEDTLS_GCM_ENCRYPT : MBEDTLS_GCM_DECRYPT,
                                 op->nonce, WEIR_IV_LEN);

    return ret != 0 ? ret : mbedtls_gcm_update_ad(gcm, op->aad.base, op->aad.len);
}

static int gcm_step(mbedtls_gcm_context *gcm, const uint8_t *in, size_t len, struct sink *sink)
{
    size_t made = 0;
    int ret = mbedtls_gcm_update(gcm, in, len, sink->out, sink->room, &made);

    sink->out += made;
    sink->room -= made;
    return ret;
}

static int gcm_end(mbedtls_gcm_context *gcm, struct sink *sink, uint8_t tag[WEIR_TAG_LEN])
{
    size_t made = 0;
    int ret = mbedtls_gcm_finish(gcm, sink->out, sink->room, &made, tag, WEIR_TAG_LEN);

    sink->out += made;
    sink->room -= made;
    return ret;
}

#endif

static int begin(struct ctx *ctx, enum mode mode, const struct weir_aead_op *op)
{
    mbedtls_chachapoly_mode_t direction =
        mode == SEAL ? MBEDTLS_CHACHAPOLY_ENCRYPT : MBEDTLS_CHACHAPOLY_DECRYPT;
    int ret;

    if (!IS_CHACHAPOLY(ctx->alg))
        return gcm_begin(&ctx->u.gcm, mode, op);
    ret = mbedtls_chachapoly_starts(&ctx->u.chachapoly, op->nonce, direction);
    if (ret == 0)
        ret = mbedtls_chachapoly_update_aad(&ctx->u.chachapoly, op->aad.base, op->aad.len);
    return ret;
}

static int step(struct ctx *ctx, const uint8_t *in, size_t len, struct sink *sink)
{
    if (IS_CHACHAPOLY(ctx->alg)) {
        int ret = mbedtls_chachapoly_update(&ctx->u.chachapoly, len, in, sink->out);

        sink->out += len;
        sink->room -= len;
        return ret;
    }
    return gcm_step(&ctx->u.gcm, in, len, sink);
}

static int end(struct ctx *ctx, struct sink *sink, uint8_t tag[WEIR_TAG_LEN])
{
    if (IS_CHACHAPOLY(ctx->alg))
        return mbedtls_chachapoly_finish(&ctx->u.chachapoly, tag);
    return gcm_end(&ctx->u.gcm, sink, tag);
}

/* Takes the next bytes of the message, wherever its pieces lie, until `block` is full. */
static size_t gather(const struct weir_iov *in, size_t count, size_t *piece, size_t *offset,
                     uint8_t block[BLOCK_LEN])
{
    size_t have = 0;

    while (*piece < count && have < BLOCK_LEN) {
        size_t left = in[*piece].len - *offset;
        size_t take = left < BLOCK_LEN - have ? left : BLOCK_LEN - have;

        if (take > 0)
            memcpy(block + have, in[*piece].base + *offset, take);
        have += take;
        *offset += take;
        if (take == left) {
            ++*piece;
            *offset = 0;
        }
    }
    return have;
}

/* The whole message, and its tag to `tag`. */
static weir_status process(struct ctx *ctx, enum mode mode, const struct weir_aead_op *op,
                           uint8_t tag[WEIR_TAG_LEN])
{
    uint8_t block[BLOCK_LEN];
    struct sink sink = {op->out, op->in_len};
    size_t piece = 0, offset = 0, have, used = 0;
    int ret = begin(ctx, mode, op);

    if (ret == 0 && mode == SEAL && op->in_count == 1 && op->in_len > 0) {
        ret = step(ctx, op->in[0].base, op->in_len, &sink);
        piece = 1;
    }
    while (ret == 0 && (have = gather(op->in, op->in_count, &piece, &offset, block)) > 0) {
        used = have > used ? have : used;
        ret = have > sink.room ? -1 : step(ctx, block, have, &sink);
    }
    if (ret == 0)
        ret = end(ctx, &sink, tag);
    if (mode == SEAL) /* otherwise it held what was on the wire */
        weir_wipe(block, used);
    return ret == 0 && sink.room == 0 ? WEIR_OK : WEIR_E_PROVIDER;
}

static weir_status aead_init(void *memory, weir_alg alg, const uint8_t *key)
{
    struct ctx *ctx = memory;
    int ret;

    /* Whatever fails below, wipe finds something it can free. */
    memset(ctx, 0, sizeof *ctx);
    if ((unsigned)alg >= (unsigned)WEIR_ALG_COUNT ||
        (!HAVE_CHACHAPOLY && alg == WEIR_CHACHA20_POLY1305))
        return WEIR_E_PROVIDER;
    ctx->alg = alg;
    if (IS_CHACHAPOLY(alg)) {
        mbedtls_chachapoly_init(&ctx->u.chachapoly);
        ret = mbedtls_chachapoly_setkey(&ctx->u.chachapoly, key);
    } else {
        mbedtls_gcm_init(&ctx->u.gcm);
        ret = mbedtls_gcm_setkey(&ctx->u.gcm, MBEDTLS_CIPHER_ID_AES, key,
                                 (unsigned)weir_alg_key_len(alg) * 8);
        memcpy(ctx->key, key, weir_alg_key_len(alg));
    }
    if (ret != 0) {
        weir_aead_mbedtls.wipe(ctx);
        return WEIR_E_PROVIDER;
    }
    return WEIR_OK;
}

static weir_status aead_seal(void *memory, const struct weir_aead_op *op)
{
    return process(memory, SEAL, op, op->tag);
}

/* In a time that does not depend on where they differ. mbedTLS's comparison goes through memory
 * byte by byte, which takes 30 ns. */
static bool same_tag(const uint8_t a[WEIR_TAG_LEN], const uint8_t b[WEIR_TAG_LEN])
{
    uint64_t x[2], y[2];

    memcpy(x, a, sizeof x);
    memcpy(y, b, sizeof y);
    return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
}

static weir_status aead_open(void *memory, const struct weir_aead_op *op)
{
    uint8_t tag[WEIR_TAG_LEN];
    weir_status status = process(memory, OPEN, op, tag);

    if (status == WEIR_OK && !same_tag(tag, op->tag))
        status = WEIR_E_AUTH;
    /* The right tag of a forged message is what a forger would like to know. */
    weir_wipe(tag, sizeof tag);
    return status;
}

/* The keystream from byte `offset` on, block by block. */
static int add_keystream(mbedtls_aes_context *aes, uint8_t block[16], uint64_t offset,
                         const uint8_t *in, uint8_t *out, size_t len)
{
    uint8_t stream[16];
    size_t from = offset % 16, done = 0;
    int ret = 0;

    for (uint64_t at = offset / 16 + 2; ret == 0 && done < len; at++) {
        size_t n = len - done < 16 - from ? len - done : 16 - from;

        for (unsigned i = 0; i < 4; i++)
            block[WEIR_IV_LEN + i] = (uint8_t)(at >> (24 - 8 * i));
        ret = mbedtls_aes_crypt_ecb(aes, MBEDTLS_AES_ENCRYPT, block, stream);
        for (size_t i = 0; ret == 0 && i < n; i++)
            out[done + i] = (uint8_t)(in[done + i] ^ stream[from + i]);
        done += n;
        from = 0;
    }
    weir_wipe(stream, sizeof stream);
    return ret;
}

/* mbedTLS keeps its own schedule to itself. Making one again costs less than one in twenty of what
 * a TCP segment does, so that it is not kept, which would be a few hundred bytes. */
static weir_status aead_keystream(void *memory, const uint8_t nonce[WEIR_IV_LEN], uint64_t offset,
                                  const uint8_t *in, uint8_t *out, size_t len)
{
    const struct ctx *ctx = memory;
    mbedtls_aes_context aes;
    uint8_t block[16];

    if (IS_CHACHAPOLY(ctx->alg))
        return WEIR_REFUSED;
    if (offset > WEIR_AEAD_MAX_KEYSTREAM || len > WEIR_AEAD_MAX_KEYSTREAM - offset)
        return WEIR_E_PROVIDER;
    memcpy(block, nonce, WEIR_IV_LEN);
    mbedtls_aes_init(&aes);
    int ret = mbedtls_aes_setkey_enc(&aes, ctx->key, (unsigned)weir_alg_key_len(ctx->alg) * 8);
    if (ret == 0)
        ret = add_keystream(&aes, block, offset, in, out, len);
    mbedtls_aes_free(&aes); /* wipes it */
    return ret == 0 ? WEIR_OK : WEIR_E_PROVIDER;
}

static void aead_wipe(void *memory)
{
    struct ctx *ctx = memory;

    if (IS_CHACHAPOLY(ctx->alg)) {
        mbedtls_chachapoly_free(&ctx->u.chachapoly);
    } else {
        mbedtls_gcm_free(&ctx->u.gcm);
    }
    weir_wipe(ctx, sizeof *ctx);
}

const struct weir_aead weir_aead_mbedtls = {
    .abi = WEIR_AEAD_ABI,
    .algs = WEIR_ALG_BIT(WEIR_AES_128_GCM) | WEIR_ALG_BIT(WEIR_AES_256_GCM) |
            (HAVE_CHACHAPOLY ? WEIR_ALG_BIT(WEIR_CHACHA20_POLY1305) : 0u),
#if defined(MBEDTLS_BLOCK_CIPHER_C)
    .flags = 0,
#else
    /* mbedtls_gcm_setkey goes through mbedtls_cipher_setup, which allocates the AES key. */
    .flags = WEIR_AEAD_ALLOCATES,
#endif
    .name = "mbedtls",
    .ctx_size = sizeof(struct ctx),
    .ctx_align = alignof(struct ctx),
    .init = aead_init,
    .seal = aead_seal,
    .open = aead_open,
    .wipe = aead_wipe,
    .keystream = aead_keystream,
};
