/* SPDX-License-Identifier: BSD-2-Clause */
#include <weir/soft.h>

/* `self` is the first member of the struct weir_soft it was made as. */
static const struct weir_aead *aead_of(const struct weir_backend *self)
{
    return ((const struct weir_soft *)(const void *)self)->aead;
}

static bool soft_supports(const struct weir_backend *self, const struct weir_keys *keys,
                          enum weir_dir dir, struct weir_refusal *why)
{
    const struct weir_suite *suite = weir_suite_find(keys->suite);

    (void)dir;
    if (suite != NULL && (aead_of(self)->algs & WEIR_ALG_BIT(suite->alg)) != 0)
        return true;
    *why = (struct weir_refusal){
        .code = WEIR_REFUSAL_SUITE, .layer = WEIR_LAYER_PROVIDER, .detail = keys->suite};
    return false;
}

static weir_status soft_key(const struct weir_backend *self, void *ctx,
                            const struct weir_keys *keys)
{
    const struct weir_suite *suite = weir_suite_find(keys->suite);

    return aead_of(self)->init(ctx, (weir_alg)suite->alg, keys->key);
}

static weir_status soft_attach(const struct weir_backend *self, void *ctx,
                               const struct weir_attach *what, struct weir_refusal *why)
{
    if (!soft_supports(self, what->keys, what->dir, why))
        return WEIR_REFUSED;
    if (soft_key(self, ctx, what->keys) == WEIR_OK)
        return WEIR_OK;
    *why = (struct weir_refusal){.code = WEIR_REFUSAL_PROVIDER, .layer = WEIR_LAYER_PROVIDER};
    return WEIR_REFUSED;
}

static weir_status soft_rekey(const struct weir_backend *self, void *ctx,
                              const struct weir_keys *keys)
{
    aead_of(self)->wipe(ctx);
    return soft_key(self, ctx, keys);
}

static void soft_detach(const struct weir_backend *self, void *ctx)
{
    aead_of(self)->wipe(ctx);
}

static weir_status soft_seal(const struct weir_backend *self, void *ctx,
                             const struct weir_aead_op *op)
{
    return aead_of(self)->seal(ctx, op);
}

static weir_status soft_open(const struct weir_backend *self, void *ctx,
                             const struct weir_aead_op *op)
{
    return aead_of(self)->open(ctx, op);
}

/* Where space counts, core does not call these. */
#ifdef __OPTIMIZE_SIZE__
#define MANY 0
#else
#define MANY 1
#endif

static weir_status soft_seal_each(const struct weir_backend *self, void *ctx,
                                  const struct weir_aead_op *ops, size_t count)
{
    return aead_of(self)->seal_each(ctx, ops, count);
}

static weir_status soft_open_each(const struct weir_backend *self, void *ctx,
                                  const struct weir_aead_op *ops, size_t count, size_t *good)
{
    return aead_of(self)->open_each(ctx, ops, count, good);
}

static weir_status soft_keystream(const struct weir_backend *self, void *ctx,
                                  const uint8_t nonce[WEIR_IV_LEN], uint64_t offset,
                                  const uint8_t *in, uint8_t *out, size_t len)
{
    return aead_of(self)->keystream(ctx, nonce, offset, in, out, len);
}

weir_status weir_soft_init(struct weir_soft *soft, const struct weir_aead *aead,
                           struct weir_refusal *why)
{
    *why = (struct weir_refusal){.code = WEIR_REFUSAL_NONE, .layer = WEIR_LAYER_PROVIDER};
    if (aead->abi != WEIR_AEAD_ABI) {
        why->code = WEIR_REFUSAL_ABI;
        why->detail = aead->abi;
        return WEIR_REFUSED;
    }
#ifndef WEIR_ALLOW_INSECURE
    if ((aead->flags & WEIR_AEAD_INSECURE) != 0) {
        why->code = WEIR_REFUSAL_INSECURE;
        return WEIR_REFUSED;
    }
#endif
    *soft = (struct weir_soft){
        .backend =
            {
                .abi = WEIR_BACKEND_ABI,
                .form = WEIR_FORM_RECORD,
                .caps = WEIR_CAP_RELEASE,
                .name = "soft",
                .ctx_size = aead->ctx_size,
                .ctx_align = aead->ctx_align,
                .supports = soft_supports,
                .attach = soft_attach,
                .rekey = soft_rekey,
                .detach = soft_detach,
                .seal = soft_seal,
                .open = soft_open,
                .keystream = aead->keystream != NULL ? soft_keystream : NULL,
                .seal_each = MANY && aead->seal_each != NULL ? soft_seal_each : NULL,
                .open_each = MANY && aead->open_each != NULL ? soft_open_each : NULL,
            },
        .aead = aead,
    };
    return WEIR_OK;
}
