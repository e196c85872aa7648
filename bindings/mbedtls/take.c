/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end of the handshake: keys and positions out of mbedTLS and of what the tap saw, then the
 * library is moved to the loop.
 */
#include "internal.h"

static weir_status refuse(struct weir_refusal *why, weir_refusal_code code, uint32_t detail)
{
    *why = (struct weir_refusal){.code = code, .layer = WEIR_LAYER_BINDING, .detail = detail};
    return WEIR_REFUSED;
}

static weir_status judge(const struct mbedtls_binding *b, uint16_t version, uint16_t suite,
                         struct weir_refusal *why)
{
    const struct weir_suite *known = weir_suite_find(suite);

    if (version != WEIR_TLS12 && version != WEIR_TLS13)
        return refuse(why, WEIR_REFUSAL_VERSION, version);
    if (known == NULL || known->version != version)
        return refuse(why, WEIR_REFUSAL_SUITE, suite);
    if (mbedtls_ssl_check_pending(b->ssl) != 0)
        return refuse(why, WEIR_REFUSAL_READ_AHEAD, 0);
    return WEIR_OK;
}

static weir_status take13(struct mbedtls_binding *b, struct weir_keys *tx, struct weir_keys *rx,
                          struct weir_refusal *why)
{
    weir_status status = weir_tap_take13(b->tap, WEIR_TX, tx, why);

    return status == WEIR_OK ? weir_tap_take13(b->tap, WEIR_RX, rx, why) : status;
}

static weir_status take12(struct mbedtls_binding *b, uint16_t suite, struct weir_keys *tx,
                          struct weir_keys *rx, struct weir_refusal *why)
{
    const struct weir_tls12 from = {
        .suite = suite,
        .server = b->hs.server,
        .master = weir_mbedtls_master(b),
        .client_random = b->tap->client_random,
        .server_random = b->tap->server_random,
    };

    if (from.master == NULL)
        return refuse(why, WEIR_REFUSAL_NO_EXPORT, 0);
    if (weir_tls12_keys(&weir_kdf_mbedtls, &from, tx, rx) != WEIR_OK)
        return refuse(why, WEIR_REFUSAL_PROVIDER, 0);
    /* mbedTLS writes the sequence number as explicit nonce. What the peer does only it knows; its
     * nonces are read off the wire. */
    weir_status status = weir_tap_take12(b->tap, WEIR_TX, WEIR_NONCE_SEQ, tx, why);
    if (status == WEIR_OK)
        status = weir_tap_take12(b->tap, WEIR_RX, WEIR_NONCE_RANDOM, rx, why);
    return status;
}

/* Nothing here can fail, and nothing written from here on can be reached by output(). */
static void move_to_loop(struct mbedtls_binding *b, const struct weir_keys *tx,
                         const struct weir_keys *rx)
{
    weir_loop_init(&b->loop, &b->once, &weir_kdf_mbedtls, tx, rx);
    weir_mbedtls_listen(b->ssl, NULL);
    weir_wipe(b->master, sizeof b->master);
    b->has_master = false;
    weir_tap_wipe(b->tap);
    mbedtls_free(b->tap);
    b->tap = NULL;
    b->stage = STAGE_TAKEN;
}

weir_status weir_mbedtls_take_keys(struct weir_handshake *hs, struct weir_keys *tx,
                                   struct weir_keys *rx, struct weir_refusal *why)
{
    struct mbedtls_binding *b = mbedtls_inside(hs);
    uint16_t version = 0;
    uint16_t suite = 0;

    *why = (struct weir_refusal){.code = WEIR_REFUSAL_NONE, .layer = WEIR_LAYER_BINDING};
    weir_keys_wipe(tx);
    weir_keys_wipe(rx);
    if (b->stage != STAGE_COMPLETE || mbedtls_queue_len(&b->to_peer) != 0)
        return WEIR_E_MISUSE;
    hs->chosen(hs, &version, &suite);
    weir_status status = judge(b, version, suite, why);
    if (status == WEIR_OK)
        status = version == WEIR_TLS13 ? take13(b, tx, rx, why) : take12(b, suite, tx, rx, why);
    if (status != WEIR_OK) {
        weir_keys_wipe(tx);
        weir_keys_wipe(rx);
        /* For good: the library may now write over a transport that the tap does not see. */
        b->stage = STAGE_FAILED;
        return status;
    }
    move_to_loop(b, tx, rx);
    return WEIR_OK;
}
