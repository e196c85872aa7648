/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A direction is handed to a new owner, and taken by one.
 */
#include "direction.h"

#if WEIR_HAS_EXPORT

static weir_status give_away(struct direction *d, struct weir_keys *keys,
                             struct weir_counters *counters)
{
    weir_keys_wipe(keys);
    if (d->status < 0 || d->attached == HELD_NOT)
        return weir_direction_end(d, WEIR_E_MISUSE);
    if (weir_direction_busy(d))
        return WEIR_PENDING;
    /* A new owner goes on at this very record: a bound is not enough for it. */
    if (!weir_direction_exact(d))
        return WEIR_REFUSED;
    *keys = d->keys;
    if (counters != NULL)
        *counters = d->counters;
    weir_direction_end(d, WEIR_E_MOVED);
    return WEIR_OK;
}

weir_status weir_tx_export(struct weir_tx *tx, struct weir_keys *keys,
                           struct weir_counters *counters)
{
    return give_away(tx_inside(tx), keys, counters);
}

weir_status weir_rx_export(struct weir_rx *rx, struct weir_keys *keys,
                           struct weir_counters *counters)
{
    return give_away(rx_inside(rx), keys, counters);
}

static weir_status take(struct direction *d, enum weir_dir dir, struct weir_keys *keys,
                        const struct weir_counters *counters, const struct weir_backend *backend,
                        void *ctx, size_t ctx_len, struct weir_refusal *why)
{
    weir_status status = weir_direction_init(d, dir, keys, backend, ctx, ctx_len, why);

    if (status == WEIR_OK && counters != NULL)
        d->counters = *counters;
    return status;
}

weir_status weir_tx_import(struct weir_tx *tx, struct weir_keys *keys,
                           const struct weir_counters *counters, const struct weir_backend *backend,
                           void *ctx, size_t ctx_len, struct weir_refusal *why)
{
    return take(tx_inside(tx), WEIR_TX, keys, counters, backend, ctx, ctx_len, why);
}

weir_status weir_rx_import(struct weir_rx *rx, struct weir_keys *keys,
                           const struct weir_counters *counters, const struct weir_backend *backend,
                           void *ctx, size_t ctx_len, struct weir_refusal *why)
{
    return take(rx_inside(rx), WEIR_RX, keys, counters, backend, ctx, ctx_len, why);
}

#endif
