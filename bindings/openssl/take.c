/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end of the handshake: keys and positions out of OpenSSL and of what the tap saw, then the
 * library is moved to the loop.
 */
#include "internal.h"

#include <openssl/bio.h>

static weir_status refuse(struct weir_refusal *why, weir_refusal_code code)
{
    *why = (struct weir_refusal){.code = code, .layer = WEIR_LAYER_BINDING};
    return WEIR_REFUSED;
}

/* What only OpenSSL can tell. */
static weir_status judge(const struct openssl_binding *b, struct weir_refusal *why)
{
    /* Rejected early data is of no consequence: it was under a key that is gone. */
    if (SSL_get_early_data_status(b->ssl) == SSL_EARLY_DATA_ACCEPTED)
        return refuse(why, WEIR_REFUSAL_EARLY_DATA);
    if (BIO_pending(b->from_peer) != 0 || SSL_has_pending(b->ssl) != 0)
        return refuse(why, WEIR_REFUSAL_READ_AHEAD);
    return WEIR_OK;
}

/* The master secret and the randoms of TLS 1.2. */
struct secrets {
    uint8_t master[WEIR_MASTER_LEN];
    uint8_t client_random[WEIR_RANDOM_LEN];
    uint8_t server_random[WEIR_RANDOM_LEN];
};

static bool get_secrets(const SSL *ssl, struct secrets *out)
{
    const SSL_SESSION *session = SSL_get_session(ssl);

    return session != NULL &&
           SSL_SESSION_get_master_key(session, out->master, WEIR_MASTER_LEN) == WEIR_MASTER_LEN &&
           SSL_get_client_random(ssl, out->client_random, WEIR_RANDOM_LEN) == WEIR_RANDOM_LEN &&
           SSL_get_server_random(ssl, out->server_random, WEIR_RANDOM_LEN) == WEIR_RANDOM_LEN;
}

static weir_status take(struct openssl_binding *b, struct weir_keys *tx, struct weir_keys *rx,
                        struct weir_refusal *why)
{
    struct weir_taking from = {
        .tap = b->tap,
        .kdf = &weir_kdf_openssl,
        .server = b->hs.server,
        /* OpenSSL draws the first explicit nonce of a key at random and counts up from it. */
        .rule = WEIR_NONCE_COUNTER,
    };
    struct secrets secrets;

    b->hs.chosen(&b->hs, &from.version, &from.suite);
    if (from.version == WEIR_TLS12 && get_secrets(b->ssl, &secrets)) {
        from.master = secrets.master;
        from.client_random = secrets.client_random;
        from.server_random = secrets.server_random;
    }
    weir_status status = weir_take(&from, tx, rx, why);
    weir_wipe(&secrets, sizeof secrets);
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

    *why = (struct weir_refusal){.code = WEIR_REFUSAL_NONE, .layer = WEIR_LAYER_BINDING};
    weir_keys_wipe(tx);
    weir_keys_wipe(rx);
    if (b->stage != STAGE_COMPLETE || BIO_pending(b->to_peer) != 0)
        return WEIR_E_MISUSE;
    weir_status status = judge(b, why);
    if (status == WEIR_OK)
        status = take(b, tx, rx, why);
    if (status != WEIR_OK) {
        /* For good: the library may now write over a transport that the tap does not see. */
        b->stage = STAGE_FAILED;
        return status;
    }
    move_to_loop(b, tx, rx);
    return WEIR_OK;
}
