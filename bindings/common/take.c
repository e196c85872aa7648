/* SPDX-License-Identifier: BSD-2-Clause */
#include "take.h"

static weir_status refuse(struct weir_refusal *why, weir_refusal_code code, uint32_t detail)
{
    *why = (struct weir_refusal){.code = code, .layer = WEIR_LAYER_BINDING, .detail = detail};
    return WEIR_REFUSED;
}

static weir_status judge(uint16_t version, uint16_t suite, struct weir_refusal *why)
{
    const struct weir_suite *known = weir_suite_find(suite);

    if (version != WEIR_TLS12 && version != WEIR_TLS13)
        return refuse(why, WEIR_REFUSAL_VERSION, version);
    if (known == NULL || known->version != version)
        return refuse(why, WEIR_REFUSAL_SUITE, suite);
    return WEIR_OK;
}

static weir_status take12(const struct weir_taking *from, struct weir_keys *tx,
                          struct weir_keys *rx, struct weir_refusal *why)
{
    const struct weir_tls12 secrets = {
        .suite = from->suite,
        .server = from->server,
        .master = from->master,
        .client_random = from->client_random,
        .server_random = from->server_random,
    };

    if (from->master == NULL)
        return refuse(why, WEIR_REFUSAL_NO_EXPORT, 0);
    if (weir_tls12_keys(from->kdf, &secrets, tx, rx) != WEIR_OK)
        return refuse(why, WEIR_REFUSAL_PROVIDER, 0);
    weir_status status = weir_tap_take12(from->tap, WEIR_TX, from->rule, tx, why);
    /* How the peer makes its explicit nonces only it knows; they are read off the wire. */
    if (status == WEIR_OK)
        status = weir_tap_take12(from->tap, WEIR_RX, WEIR_NONCE_RANDOM, rx, why);
    return status;
}

static weir_status take13(const struct weir_taking *from, struct weir_keys *tx,
                          struct weir_keys *rx, struct weir_refusal *why)
{
    weir_status status = weir_tap_take13(from->tap, WEIR_TX, tx, why);

    return status == WEIR_OK ? weir_tap_take13(from->tap, WEIR_RX, rx, why) : status;
}

weir_status weir_take(const struct weir_taking *from, struct weir_keys *tx, struct weir_keys *rx,
                      struct weir_refusal *why)
{
    weir_status status = judge(from->version, from->suite, why);

    if (status == WEIR_OK)
        status =
            from->version == WEIR_TLS13 ? take13(from, tx, rx, why) : take12(from, tx, rx, why);
    if (status != WEIR_OK) {
        weir_keys_wipe(tx);
        weir_keys_wipe(rx);
    }
    return status;
}
