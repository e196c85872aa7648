/* SPDX-License-Identifier: BSD-2-Clause */
/* A direction changes its key: KeyUpdate (RFC 8446 section 4.6.3). */
#include "direction.h"

bool weir_direction_can_rekey(const struct direction *d, const struct weir_kdf *kdf,
                              struct weir_refusal *why)
{
    if (!is_tls13(d))
        return weir_direction_refuse(why, WEIR_REFUSAL_VERSION, d->keys.version);
    if (d->keys.secret_len == 0)
        return weir_direction_refuse(why, WEIR_REFUSAL_SECRET, 0);

    const struct weir_suite *suite = weir_suite_find(d->keys.suite);
    if (kdf == NULL || kdf->abi != WEIR_KDF_ABI || (kdf->hashes & (1u << suite->hash)) == 0)
        return weir_direction_refuse(why, WEIR_REFUSAL_KDF, suite->hash);
    if (d->backend->rekey == NULL)
        return weir_direction_refuse(why, WEIR_REFUSAL_NO_REKEY, 0);
    *why = (struct weir_refusal){.code = WEIR_REFUSAL_NONE, .layer = WEIR_LAYER_CORE};
    return true;
}

weir_status weir_direction_change_key(struct direction *d, const struct weir_kdf *kdf)
{
    weir_status status = weir_keys_update(&d->keys, kdf);
    if (status != WEIR_OK)
        return weir_direction_end(d, status);
    if (WEIR_HAS_OFFLOAD)
        weir_direction_new_key(d);
    status = d->backend->rekey(d->backend, d->ctx, &d->keys);
    if (WEIR_HAS_OFFLOAD && status == WEIR_PENDING && weir_direction_waits(d, DOING_REKEY))
        return WEIR_PENDING;
    return weir_direction_rekeyed(d, status);
}

weir_status weir_direction_rekeyed(struct direction *d, weir_status status)
{
    if (status != WEIR_OK) {
        d->attached = HELD_NOT; /* the backend holds nothing any more: nothing to detach */
        return weir_direction_end(d, backend_error(status));
    }
    d->counters.rekeys++;
    return WEIR_OK;
}

weir_status weir_direction_rekey(struct direction *d, const struct weir_kdf *kdf)
{
    struct weir_refusal why;
    weir_status status = WEIR_OK;

    if (weir_direction_busy(d))
        return WEIR_PENDING;
    if (d->status < 0 || d->attached == HELD_NOT || !weir_direction_can_rekey(d, kdf, &why))
        return weir_direction_end(d, WEIR_E_MISUSE);
    if (WEIR_HAS_OFFLOAD)
        status = weir_direction_ask_to_rekey(d, kdf);
    return status == WEIR_OK ? weir_direction_change_key(d, kdf) : status;
}
