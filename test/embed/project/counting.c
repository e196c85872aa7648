/* SPDX-License-Identifier: BSD-2-Clause */
#include "counting.h"

static const struct counting *of(const struct weir_backend *self)
{
    return (const struct counting *)(const void *)self;
}

static bool supports(const struct weir_backend *self, const struct weir_keys *keys,
                     enum weir_dir dir, struct weir_refusal *why)
{
    const struct weir_suite *suite = weir_suite_find(keys->suite);

    (void)dir;
    if (suite != NULL && (of(self)->aead->algs & WEIR_ALG_BIT(suite->alg)) != 0)
        return true;
    *why = (struct weir_refusal){
        .code = WEIR_REFUSAL_SUITE, .layer = WEIR_LAYER_BACKEND, .detail = keys->suite};
    return false;
}

static weir_status attach(const struct weir_backend *self, void *ctx,
                          const struct weir_attach *what, struct weir_refusal *why)
{
    if (!supports(self, what->keys, what->dir, why))
        return WEIR_REFUSED;
    weir_alg alg = (weir_alg)weir_suite_find(what->keys->suite)->alg;
    if (of(self)->aead->init(ctx, alg, what->keys->key) != WEIR_OK) {
        *why = (struct weir_refusal){.code = WEIR_REFUSAL_PROVIDER, .layer = WEIR_LAYER_BACKEND};
        return WEIR_REFUSED;
    }
    of(self)->totals->attached++;
    return WEIR_OK;
}

static void detach(const struct weir_backend *self, void *ctx)
{
    of(self)->aead->wipe(ctx);
    of(self)->totals->detached++;
}

static weir_status seal(const struct weir_backend *self, void *ctx, const struct weir_aead_op *op)
{
    of(self)->totals->sealed++;
    of(self)->totals->sealed_bytes += op->in_len;
    return of(self)->aead->seal(ctx, op);
}

static weir_status open(const struct weir_backend *self, void *ctx, const struct weir_aead_op *op)
{
    of(self)->totals->opened++;
    of(self)->totals->opened_bytes += op->in_len;
    return of(self)->aead->open(ctx, op);
}

void counting_init(struct counting *counting, const struct weir_aead *aead,
                   struct counting_totals *totals)
{
    *counting = (struct counting){
        .backend =
            {
                .abi = WEIR_BACKEND_ABI,
                .form = WEIR_FORM_RECORD,
                .name = "counting",
                .ctx_size = aead->ctx_size,
                .ctx_align = aead->ctx_align,
                .supports = supports,
                .attach = attach,
                .detach = detach,
                .seal = seal,
                .open = open,
            },
        .aead = aead,
        .totals = totals,
    };
}
