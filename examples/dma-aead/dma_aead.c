/* SPDX-License-Identifier: BSD-2-Clause */
#include "dma_aead.h"
#include "engine.h"

#include <stdalign.h>
#include <string.h>
#include <weir/keys.h>

/* Reads of ENGINE_STATUS for the longest transfer, several times over. */
#define MAX_POLLS  100000u
#define BOUNCE_LEN 256u

struct ctx {
    alignas(ENGINE_ALIGN) uint8_t bounce[BOUNCE_LEN];
    uint8_t slot;
};

/* Waits until the engine is idle; false when that took too long. */
static bool settled(void)
{
    for (uint32_t i = 0; i < MAX_POLLS; i++) {
        if ((engine_read(ENGINE_STATUS) & ENGINE_BUSY) == 0)
            return true;
    }
    return false;
}

/* One command from beginning to end. Where a core has a data cache, lines are written back before
 * this and thrown away behind it. */
static bool carry_out(enum engine_command command)
{
    if (!settled())
        return false;
    engine_write(ENGINE_CTRL, command);
    return settled() && (engine_read(ENGINE_STATUS) & ENGINE_ERROR) == 0;
}

/* Before a failure is told, the engine must have stopped writing: the caller wipes what is there
 * and uses the memory for something else. */
static weir_status failed(void)
{
    engine_write(ENGINE_CTRL, ENGINE_RESET);
    (void)settled();
    return WEIR_E_PROVIDER;
}

static void write_words(unsigned reg, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i += 4)
        engine_write(reg++, (uintptr_t)bytes[i] << 24 | (uintptr_t)bytes[i + 1] << 16 |
                                (uintptr_t)bytes[i + 2] << 8 | bytes[i + 3]);
}

static bool transfer(enum engine_command command, const uint8_t *src, uint8_t *dst, size_t len)
{
    engine_write(ENGINE_SRC, (uintptr_t)src);
    engine_write(ENGINE_DST, (uintptr_t)dst);
    engine_write(ENGINE_LEN, len);
    return carry_out(command);
}

/* Where the message stands. */
struct place {
    const struct weir_iov *in; /* the piece, and what is done of it */
    size_t offset;
    size_t left; /* of the whole message */
    uint8_t *out;
};

/* Bytes the engine can take from here without a copy; 0 when it cannot. */
static size_t straight(const struct place *at)
{
    size_t piece = at->in->len - at->offset;
    size_t len = piece < ENGINE_MAX_LEN ? piece : ENGINE_MAX_LEN;

    if ((((uintptr_t)at->in->base + at->offset) | (uintptr_t)at->out) % ENGINE_ALIGN != 0)
        return 0;
    return len == at->left ? len : len - len % 16;
}

/* The next bytes of all pieces, as many as there is room for. */
static size_t gather(struct place *at, uint8_t bounce[BOUNCE_LEN])
{
    size_t have = 0;

    while (have < BOUNCE_LEN && have < at->left) {
        size_t piece = at->in->len - at->offset, room = BOUNCE_LEN - have;
        size_t take = piece < room ? piece : room;
        if (take > 0)
            memcpy(bounce + have, at->in->base + at->offset, take);
        have += take;
        at->offset += take;
        if (at->offset == at->in->len && have < at->left) {
            at->in++;
            at->offset = 0;
        }
    }
    return have;
}

/* The next part of the text, by whichever way. */
static bool step(struct ctx *ctx, struct place *at)
{
    size_t len;

    while (at->offset == at->in->len) { /* pieces may be empty */
        at->in++;
        at->offset = 0;
    }
    len = straight(at);
    if (len > 0) {
        if (!transfer(ENGINE_DATA, at->in->base + at->offset, at->out, len))
            return false;
        at->offset += len;
    } else {
        len = gather(at, ctx->bounce);
        if (!transfer(ENGINE_DATA, ctx->bounce, ctx->bounce, len))
            return false;
        memcpy(at->out, ctx->bounce, len);
    }
    at->out += len;
    at->left -= len;
    return true;
}

static bool give_aad(struct ctx *ctx, struct weir_iov aad)
{
    for (size_t done = 0; done < aad.len;) {
        size_t len = aad.len - done < BOUNCE_LEN ? aad.len - done : BOUNCE_LEN;
        memcpy(ctx->bounce, aad.base + done, len);
        if (!transfer(ENGINE_AAD, ctx->bounce, ctx->bounce, len))
            return false;
        done += len;
    }
    return true;
}

/* The whole message; its tag is then in the registers. */
static bool process(struct ctx *ctx, enum engine_command begin, const struct weir_aead_op *op)
{
    struct place at = {op->in, 0, op->in_len, op->out};

    if (!settled())
        return false;
    engine_write(ENGINE_SLOT, ctx->slot);
    write_words(ENGINE_IV, op->nonce, WEIR_IV_LEN);
    bool good = carry_out(begin) && give_aad(ctx, op->aad);
    while (good && at.left > 0)
        good = step(ctx, &at);
    weir_wipe(ctx->bounce, sizeof ctx->bounce);
    return good && carry_out(ENGINE_FINISH);
}

static uint8_t tag_byte(unsigned i)
{
    return (uint8_t)(engine_read(ENGINE_TAG + i / 4) >> (24 - 8 * (i % 4)));
}

static weir_status dma_seal(void *memory, const struct weir_aead_op *op)
{
    if (!process(memory, ENGINE_BEGIN, op))
        return failed();
    for (unsigned i = 0; i < WEIR_TAG_LEN; i++)
        op->tag[i] = tag_byte(i);
    return WEIR_OK;
}

static weir_status dma_open(void *memory, const struct weir_aead_op *op)
{
    unsigned wrong = 0;

    if (!process(memory, ENGINE_BEGIN_OPEN, op))
        return failed();
    /* All of it, whatever is found: the time must not tell where a forged tag is wrong. */
    for (unsigned i = 0; i < WEIR_TAG_LEN; i++)
        wrong |= (unsigned)(tag_byte(i) ^ op->tag[i]);
    return wrong == 0 ? WEIR_OK : WEIR_E_AUTH;
}

static bool erase(uint8_t slot)
{
    engine_write(ENGINE_SLOT, slot);
    return carry_out(ENGINE_ERASE);
}

static weir_status dma_init(void *memory, weir_alg alg, const uint8_t *key)
{
    static const uint8_t zeros[WEIR_MAX_KEY];
    struct ctx *ctx = memory;
    uint8_t slot = 0;

    if (alg != WEIR_AES_128_GCM && alg != WEIR_AES_256_GCM)
        return WEIR_E_PROVIDER;
    if (!settled())
        return failed();
    uintptr_t loaded = engine_read(ENGINE_LOADED);
    while (slot < ENGINE_SLOTS && (loaded >> slot & 1u) != 0)
        slot++;
    if (slot == ENGINE_SLOTS)
        return WEIR_E_PROVIDER;
    engine_write(ENGINE_SLOT, slot);
    engine_write(ENGINE_LEN, weir_alg_key_len(alg));
    write_words(ENGINE_KEY, key, weir_alg_key_len(alg));
    if (!carry_out(ENGINE_LOAD)) {
        weir_status status = failed();
        write_words(ENGINE_KEY, zeros, sizeof zeros);
        (void)erase(slot);
        return status;
    }
    ctx->slot = slot;
    return WEIR_OK;
}

static void dma_wipe(void *memory)
{
    struct ctx *ctx = memory;

    /* An engine that hangs is stopped first. One that is dead keeps its keys until the power goes;
     * there is nothing here that could take them. */
    if (!erase(ctx->slot)) {
        (void)failed();
        (void)erase(ctx->slot);
    }
    weir_wipe(ctx, sizeof *ctx);
}

bool dma_aead_ready(void)
{
    return (engine_read(ENGINE_STATUS) & ENGINE_BUSY) == 0;
}

const struct weir_aead weir_aead_dma = {
    .abi = WEIR_AEAD_ABI,
    .algs = WEIR_ALG_BIT(WEIR_AES_128_GCM) | WEIR_ALG_BIT(WEIR_AES_256_GCM),
    .name = "dma",
    .ctx_size = sizeof(struct ctx),
    .ctx_align = alignof(struct ctx),
    .init = dma_init,
    .seal = dma_seal,
    .open = dma_open,
    .wipe = dma_wipe,
    /* .keystream: not on this engine, and no record needs it. */
};
