/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end of the handshake: keys and positions out of OpenSSL and of what the tap saw, then the
 * library is moved to the loop.
 */
#include "internal.h"

#include <openssl/bio.h>

static weir_status refuse(struct weir_refusal *why, weir_refusal_code code, uint32_t detail)
{
    *why = (struct weir_refusal){.code = code, .layer = WEIR_LAYER_BINDING, .detail = detail};
    return WEIR_REFUSED;
}

static weir_status judge(const struct openssl_binding *b, uint16_t version, uint16_t suite,
                         struct weir_refusal *why)
{
    const struct weir_suite *known = weir_suite_find(suite);

    if (version != WEIR_TLS12 && version != WEIR_TLS13)
        return refuse(why, WEIR_REFUSAL_VERSION, version);
    if (known == NULL || known->version != version)
        return refuse(why, WEIR_REFUSAL_SUITE, suite);
    /* Rejected early data is of no consequence: it was under a key that is gone. */
    if (SSL_get_early_data_status(b->ssl) == SSL_EARLY_DATA_ACCEPTED)
        return refuse(why, WEIR_REFUSAL_EARLY_DATA, 0);
    if (BIO_pending(b->from_peer) != 0 || SSL_has_pending(b->ssl) != 0)
        return refuse(why, WEIR_REFUSAL_READ_AHEAD, 0);
    return WEIR_OK;
}

static weir_status take13(struct openssl_binding *b, struct weir_keys *tx, struct weir_keys *rx,
                          struct weir_refusal *why)
{
    weir_status status = weir_tap_take13(b->tap, WEIR_TX, tx, why);

    return status == WEIR_OK ? weir_tap_take13(b->tap, WEIR_RX, rx, why) : status;
}

static weir_status take12(struct openssl_binding *b, uint16_t suite, struct weir_keys *tx,
                          struct weir_keys *rx, struct weir_refusal *why)
{
    const SSL_SESSION *session = SSL_get_session(b->ssl);
    uint8_t master[WEIR_MASTER_LEN];
    uint8_t client_random[WEIR_RANDOM_LEN];
    uint8_t server_random[WEIR_RANDOM_LEN];
    const struct weir_tls12 from = {
        .suite = suite,
        .server = b->hs.server,
        .master = master,
        .client_random = client_random,
        .server_random = server_random,
    };

    if (session == NULL ||
        SSL_SESSION_get_master_key(session, master, sizeof master) != sizeof master ||
        SSL_get_client_random(b->ssl, client_random, sizeof client_random) !=
            sizeof client_random ||
        SSL_get_server_random(b->ssl, server_random, sizeof server_random) !=
            sizeof server_random) {
        weir_wipe(master, sizeof master);
        return refuse(why, WEIR_REFUSAL_NO_EXPORT, 0);
    }
    weir_status status = weir_tls12_keys(&weir_kdf_openssl, &from, tx, rx);
    weir_wipe(master, sizeof master);
    if (status != WEIR_OK)
        return refuse(why, WEIR_REFUSAL_PROVIDER, 0);
    /* OpenSSL draws the first explicit nonce of a key at random and counts up from it. What the
     * peer does only it knows; its nonces are read off the wire. */
    status = weir_tap_take12(b->tap, WEIR_TX, WEIR_NONCE_COUNTER, tx, why);
    if (status == WEIR_OK)
        status = weir_tap_take12(b->tap, WEIR_RX, WEIR_NONCE_RANDOM, rx, why);
    return status;
}

/*
 * Nothing here can fail. The transport the library had is gone with the last reference to it, so
 * nothing written from here on can be reached by output().
 */
static void move_to_loop(struct openssl_binding *b, const struct weir_keys *tx,
                         const struct weir_keys *rx)
{
    BIO_up_ref(b->loop_in);
    BIO_up_ref(b->loop_out);
    SSL_set0_rbio(b->ssl, b->loop_in);
    SSL_set0_wbio(b->ssl, b->loop_out);
    BIO_free(b->from_peer);
    BIO_free(b->to_peer);
    b->from_peer = NULL;
    b->to_peer = NULL;
    /* The library's record buffers, about 34 KiB: they come back while it has something to say. */
    (void)SSL_set_mode(b->ssl, SSL_MODE_RELEASE_BUFFERS);
    (void)SSL_free_buffers(b->ssl);
    weir_loop_init(&b->loop, &b->once, &weir_kdf_openssl, tx, rx);
    weir_tap_wipe(b->tap);
    OPENSSL_free(b->tap);
    b->tap = NULL;
    b->stage = STAGE_TAKEN;
}

weir_status weir_openssl_take_keys(struct weir_handshake *hs, struct weir_keys *tx,
                                   struct weir_keys *rx, struct weir_refusal *why)
{
    struct openssl_binding *b = openssl_inside(hs);
    uint16_t version = 0;
    uint16_t suite = 0;

    *why = (struct weir_refusal){.code = WEIR_REFUSAL_NONE, .layer = WEIR_LAYER_BINDING};
    weir_keys_wipe(tx);
    weir_keys_wipe(rx);
    if (b->stage != STAGE_COMPLETE || BIO_pending(b->to_peer) != 0)
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
