/* SPDX-License-Identifier: BSD-2-Clause */
#include "direction.h"
#include "mem.h"

bool weir_direction_refuse(struct weir_refusal *why, weir_refusal_code code, uint32_t detail)
{
    *why = (struct weir_refusal){.code = code, .layer = WEIR_LAYER_CORE, .detail = detail};
    return false;
}

static bool uses_explicit_nonce(const struct weir_suite *suite)
{
    return WEIR_HAS_TLS12 && suite->version == WEIR_TLS12 && suite->alg != WEIR_CHACHA20_POLY1305;
}

/*
 * A rule that does not belong to the suite, or a counter that contradicts it, means that whoever
 * made the position guessed; going on could repeat a nonce.
 */
static bool position_sound(const struct weir_keys *keys, const struct weir_suite *suite,
                           enum weir_dir dir, struct weir_refusal *why)
{
    const struct weir_position *at = &keys->at;
    bool rule_fits = false;
    bool nonce_fits = true;

    switch ((weir_nonce_rule)at->nonce_rule) {
    case WEIR_NONCE_IMPLICIT:
        rule_fits = !uses_explicit_nonce(suite);
        nonce_fits = at->explicit_nonce == 0;
        break;
    case WEIR_NONCE_SEQ:
        rule_fits = uses_explicit_nonce(suite);
        nonce_fits = dir == WEIR_RX || at->explicit_nonce == at->seq;
        break;
    case WEIR_NONCE_COUNTER:
    case WEIR_NONCE_XOR:
        rule_fits = uses_explicit_nonce(suite);
        break;
    case WEIR_NONCE_RANDOM:
        /* Nobody knows which nonces were drawn before, so nobody can avoid them. */
        rule_fits = uses_explicit_nonce(suite) && dir == WEIR_RX;
        break;
    }
    if (!rule_fits)
        return weir_direction_refuse(why, WEIR_REFUSAL_NONCE_RULE, at->nonce_rule);
    if (!nonce_fits || at->seq == UINT64_MAX || at->unsure != 0 ||
        (at->epoch != 0 && keys->version != WEIR_TLS13))
        return weir_direction_refuse(why, WEIR_REFUSAL_POSITION, 0);
    return true;
}

static bool keys_sound(const struct weir_keys *keys, enum weir_dir dir, struct weir_refusal *why)
{
    const struct weir_suite *suite = weir_suite_find(keys->suite);

    /* Its suites are not known then, either. */
    if ((!WEIR_HAS_TLS12 && keys->version == WEIR_TLS12) ||
        (!WEIR_HAS_TLS13 && keys->version == WEIR_TLS13))
        return weir_direction_refuse(why, WEIR_REFUSAL_VERSION, keys->version);
    if (suite == NULL)
        return weir_direction_refuse(why, WEIR_REFUSAL_SUITE, keys->suite);
    if (keys->version != suite->version)
        return weir_direction_refuse(why, WEIR_REFUSAL_VERSION, keys->version);
    if (keys->secret_len != 0 &&
        (keys->version != WEIR_TLS13 || keys->secret_len != WEIR_HASH_LEN(suite->hash)))
        return weir_direction_refuse(why, WEIR_REFUSAL_SECRET, keys->secret_len);
    return position_sound(keys, suite, dir, why);
}

bool weir_direction_memory(const struct weir_backend *backend, const void *ctx, size_t ctx_len,
                           struct weir_refusal *why)
{
    if (ctx_len < backend->ctx_size || (ctx == NULL && backend->ctx_size > 0) ||
        (backend->ctx_align > 1 && ((uintptr_t)ctx & (backend->ctx_align - 1)) != 0))
        return weir_direction_refuse(why, WEIR_REFUSAL_MEMORY, (uint32_t)backend->ctx_size);
    return true;
}

weir_status weir_direction_init(struct direction *d, enum weir_dir dir, struct weir_keys *keys,
                                const struct weir_backend *backend, void *ctx, size_t ctx_len,
                                struct weir_refusal *why)
{
    /* So that a refused direction answers WEIR_E_MISUSE and needs no wipe. */
    memset(d, 0, sizeof(struct weir_tx));
    if (!keys_sound(keys, dir, why) || !weir_backend_check(backend, keys, dir, why) ||
        !weir_direction_memory(backend, ctx, ctx_len, why))
        return WEIR_REFUSED;

    /* A connection begins where weir makes the records, and may move as soon as it has begun. */
    if (backend->form != WEIR_FORM_RECORD) {
        (void)weir_direction_refuse(why, WEIR_REFUSAL_FORM, (uint32_t)backend->form);
        return WEIR_REFUSED;
    }
    d->keys = *keys;
    const struct weir_attach what = {
        .keys = &d->keys, .dir = dir, .record_limit = (uint16_t)WEIR_MAX_PLAINTEXT};
    weir_status status = backend->attach(backend, ctx, &what, why);
    if (status == WEIR_PENDING) {
        backend->detach(backend, ctx);
        (void)weir_direction_refuse(why, WEIR_REFUSAL_FORM, (uint32_t)backend->form);
    }
    if (status != WEIR_OK) {
        weir_wipe(d, sizeof(struct weir_tx));
        return WEIR_REFUSED;
    }

    const struct weir_suite *suite = weir_suite_find(keys->suite);
    d->backend = backend;
    d->ctx = ctx;
    d->attached = HELD_RECORD;
#if WEIR_HAS_OFFLOAD
    d->receives = dir == WEIR_RX;
    d->carrier = WEIR_CARRIER_SOFTWARE;
#endif
    d->record_limit = WEIR_MAX_PLAINTEXT;
    weir_direction_set_limit(d, &(const struct weir_limit){0, 0});
    d->iv_is_salt = uses_explicit_nonce(suite);
    if (d->iv_is_salt)
        memset(d->keys.iv + 4, 0, sizeof d->keys.iv - 4);
    d->shape.prefix = (uint8_t)(WEIR_HEADER_LEN + (d->iv_is_salt ? 8u : 0u));
    d->shape.suffix = (uint8_t)(WEIR_TAG_LEN + (keys->version == WEIR_TLS13 ? 1u : 0u));
    /* Of two directions on one position each would use the nonces of the other. */
    weir_keys_wipe(keys);
    return WEIR_OK;
}

static void detach(struct direction *d)
{
    if (WEIR_HAS_OFFLOAD)
        weir_direction_drop_move(d);
    if (d->attached != HELD_NOT) {
        d->backend->detach(d->backend, d->ctx);
        d->attached = HELD_NOT;
    }
    weir_wipe(d->keys.key, sizeof d->keys.key);
    weir_wipe(d->keys.iv, sizeof d->keys.iv);
    weir_wipe(d->keys.secret, sizeof d->keys.secret);
    d->keys.secret_len = 0;
}

weir_status weir_direction_end(struct direction *d, weir_status status)
{
    if (d->backend == NULL)
        return WEIR_E_MISUSE;
    detach(d);
    if (d->status >= 0)
        d->status = (int8_t)(status < 0 && status >= INT8_MIN ? status : WEIR_E_MISUSE);
    return (weir_status)d->status;
}

void weir_direction_wipe(struct direction *d)
{
    if (d->backend != NULL)
        detach(d);
    weir_wipe(d, sizeof(struct weir_tx));
}

weir_status weir_direction_status(const struct direction *d)
{
    if (d->backend == NULL)
        return WEIR_E_MISUSE;
    if (d->status < 0)
        return (weir_status)d->status;
    if (d->keys.at.blocks <= d->limit.soft ||
        (WEIR_HAS_OFFLOAD && weir_direction_in_doubt(d, d->limit.soft)))
        return WEIR_OK;
    return WEIR_REKEY_DUE;
}

struct weir_position weir_direction_position(const struct direction *d)
{
    return d->keys.at;
}

struct weir_counters weir_direction_counters(const struct direction *d)
{
    return d->counters;
}

/* The lower of two limits of which 0 is none; UINT64_MAX where both are. */
static uint64_t lower(uint64_t wanted, uint64_t own)
{
    uint64_t least = wanted - 1 < own - 1 ? wanted - 1 : own - 1;

    return least < UINT64_MAX ? least + 1 : UINT64_MAX;
}

void weir_direction_set_limit(struct direction *d, const struct weir_limit *limit)
{
    const struct weir_suite *suite = weir_suite_find(d->keys.suite);

    if (suite == NULL)
        return;
    struct weir_limit own = weir_alg_limit((weir_alg)suite->alg);
    d->limit.soft = lower(limit->soft, own.soft);
    d->limit.hard = lower(limit->hard, own.hard);
}
