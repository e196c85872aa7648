/* SPDX-License-Identifier: BSD-2-Clause */
/* Software's AEAD in these tests: the models' own, and every seal is told to the ledger. */
#include "ktls_aead.h"

#include <string.h>

#define MOST (WEIR_MAX_PLAINTEXT + 256u)

struct ctx {
    enum sim_alg alg;
    uint8_t key[SIM_MAX_KEY];
};

struct sim_ledger *ktls_ledger;

static weir_status init(void *ctx, weir_alg alg, const uint8_t *key)
{
    struct ctx *c = ctx;

    c->alg = alg == WEIR_AES_128_GCM   ? SIM_AES_128_GCM
             : alg == WEIR_AES_256_GCM ? SIM_AES_256_GCM
                                       : SIM_CHACHA20_POLY1305;
    memset(c->key, 0, sizeof c->key);
    memcpy(c->key, key, sim_alg_key_len(c->alg));
    return WEIR_OK;
}

static size_t gather(const struct weir_aead_op *op, uint8_t *to)
{
    size_t len = 0;

    for (size_t i = 0; i < op->in_count; i++) {
        sim_copy(to + len, op->in[i].base, op->in[i].len);
        len += op->in[i].len;
    }
    return len;
}

static weir_status seal(void *ctx, const struct weir_aead_op *op)
{
    const struct ctx *c = ctx;
    const struct sim_aead_op sim = {c->alg, c->key, op->nonce, op->aad.base, op->aad.len};
    uint8_t text[MOST + SIM_TAG_LEN];

    if (op->in_len > MOST)
        return WEIR_E_PROVIDER;
    size_t len = gather(op, text);
    (void)sim_ledger_note(ktls_ledger, &sim, text, len);
    sim_aead_seal(&sim, text, len, text);
    sim_copy(op->out, text, len);
    memcpy(op->tag, text + len, SIM_TAG_LEN);
    return WEIR_OK;
}

static weir_status open(void *ctx, const struct weir_aead_op *op)
{
    const struct ctx *c = ctx;
    const struct sim_aead_op sim = {c->alg, c->key, op->nonce, op->aad.base, op->aad.len};
    uint8_t text[MOST + SIM_TAG_LEN];

    if (op->in_len > MOST)
        return WEIR_E_PROVIDER;
    size_t len = gather(op, text);
    memcpy(text + len, op->tag, SIM_TAG_LEN);
    if (!sim_aead_open(&sim, text, len + SIM_TAG_LEN, text))
        return WEIR_E_AUTH;
    sim_copy(op->out, text, len);
    return WEIR_OK;
}

static void wipe(void *ctx)
{
    memset(ctx, 0, sizeof(struct ctx));
}

const struct weir_aead ktls_aead = {
    .abi = WEIR_AEAD_ABI,
    .algs = WEIR_ALG_BIT(WEIR_AES_128_GCM) | WEIR_ALG_BIT(WEIR_AES_256_GCM) |
            WEIR_ALG_BIT(WEIR_CHACHA20_POLY1305),
    .name = "sim",
    .ctx_size = sizeof(struct ctx),
    .ctx_align = _Alignof(struct ctx),
    .init = init,
    .seal = seal,
    .open = open,
    .wipe = wipe,
};
