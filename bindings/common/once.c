/* SPDX-License-Identifier: BSD-2-Clause */
#include "once.h"

weir_status weir_once_open(const struct weir_once *once, struct weir_keys *keys, uint8_t *buf,
                           size_t len, struct weir_record *record)
{
    const struct weir_backend *backend = &once->soft.backend;
    struct weir_keys copy = *keys;
    struct weir_refusal why;
    struct weir_rx rx;
    size_t consumed = 0;
    size_t count = 0;

    if (weir_rx_init(&rx, &copy, backend, once->ctx, backend->ctx_size, &why) != WEIR_OK) {
        weir_keys_wipe(&copy);
        return WEIR_E_PROVIDER;
    }
    weir_status status = weir_rx_open(&rx, buf, len, &consumed, record, 1, &count);
    if (status == WEIR_OK && count == 1 && consumed == len)
        keys->at = weir_rx_position(&rx);
    else if (status >= 0)
        status = WEIR_E_MISUSE;
    if (status < 0)
        weir_wipe(buf, len);
    weir_rx_wipe(&rx);
    return status;
}

weir_status weir_once_seal(const struct weir_once *once, struct weir_keys *keys, uint8_t type,
                           const uint8_t *data, size_t len, uint8_t *out, size_t out_cap,
                           size_t *made)
{
    const struct weir_backend *backend = &once->soft.backend;
    const struct weir_iov in = {data, len};
    struct weir_keys copy = *keys;
    struct weir_refusal why;
    struct weir_tx tx;
    size_t taken = 0;

    *made = 0;
    if (weir_tx_init(&tx, &copy, backend, once->ctx, backend->ctx_size, &why) != WEIR_OK) {
        weir_keys_wipe(&copy);
        return WEIR_E_PROVIDER;
    }
    weir_status status = weir_tx_seal(&tx, type, &in, 1, out, out_cap, &taken, made);
    if (status == WEIR_OK)
        keys->at = weir_tx_position(&tx);
    weir_tx_wipe(&tx);
    return status;
}
