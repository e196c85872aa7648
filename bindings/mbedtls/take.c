/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end of the handshake: keys and positions out of mbedTLS and of what the tap saw, then the
 * library is moved to the loop.
 */
#include "internal.h"

static weir_status take(struct mbedtls_binding *b, struct weir_keys *tx, struct weir_keys *rx,
                        struct weir_refusal *why)
{
    struct weir_taking from = {
        .tap = b->tap,
        .kdf = &weir_kdf_mbedtls,
        .server = b->hs.server,
        .rule = WEIR_NONCE_SEQ, /* mbedTLS writes the sequence number as explicit nonce */
        .client_random = b->tap->client_random,
        .server_random = b->tap->server_random,
    };

    b->hs.chosen(&b->hs, &from.version, &from.suite);
    if (from.version == WEIR_TLS12)
        from.master = weir_mbedtls_master(b);
    return weir_take(&from, tx, rx, why);
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

    *why = (struct weir_refusal){.code = WEIR_REFUSAL_NONE, .layer = WEIR_LAYER_BINDING};
    weir_keys_wipe(tx);
    weir_keys_wipe(rx);
    if (b->stage != STAGE_COMPLETE || mbedtls_queue_len(&b->to_peer) != 0)
        return WEIR_E_MISUSE;
    weir_status status = WEIR_REFUSED;
    if (mbedtls_ssl_check_pending(b->ssl) != 0)
        why->code = WEIR_REFUSAL_READ_AHEAD;
    else
        status = take(b, tx, rx, why);
    if (status != WEIR_OK) {
        /* For good: the library may now write over a transport that the tap does not see. */
        b->stage = STAGE_FAILED;
        return status;
    }
    move_to_loop(b, tx, rx);
    return WEIR_OK;
}
