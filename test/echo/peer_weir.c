/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer.h"

#include <poll.h>
#include <weir/openssl.h>
#include <weir/posix.h>

static weir_status wait_for(struct weir_conn *conn, int fd)
{
    struct pollfd wait = {.fd = fd, .events = weir_conn_events(conn)};

    return poll(&wait, 1, 30000) > 0 ? WEIR_OK : WEIR_E_IO;
}

static bool is_wait(weir_status status)
{
    return status == WEIR_NEED_INPUT || status == WEIR_NEED_OUTPUT;
}

/* One step of the stream: a piece out, or whatever comes in. */
static weir_status step(struct peer *peer, struct weir_conn *conn)
{
    static uint8_t buf[PEER_PIECE];
    size_t len = peer_next(peer, buf, sizeof buf), moved = 0;
    weir_status status;

    if (len > 0) {
        status = weir_conn_write(conn, buf, len, &moved);
        peer_was_sent(peer, buf, moved);
    } else {
        status = weir_conn_read(conn, buf, sizeof buf, &moved);
        peer_has_got(peer, buf, moved);
    }
    if (status == WEIR_OK && peer_update_due(peer))
        status = weir_conn_key_update(conn, true);
    return status;
}

/* The end: ours is said first, then the other end's awaited. */
static weir_status close_both(struct weir_conn *conn, int fd)
{
    uint8_t rest[64];
    size_t got = 0;
    weir_status status = weir_conn_close(conn);

    while (is_wait(status) && wait_for(conn, fd) == WEIR_OK)
        status = weir_conn_close(conn);
    while (status == WEIR_OK || (status == WEIR_NEED_INPUT && wait_for(conn, fd) == WEIR_OK))
        status = weir_conn_read(conn, rest, sizeof rest, &got);
    return status;
}

static void run(struct peer *peer, struct weir_conn *conn, int fd)
{
    weir_status status = weir_conn_handshake(conn);

    while (is_wait(status) && wait_for(conn, fd) == WEIR_OK)
        status = weir_conn_handshake(conn);
    while (status == WEIR_OK && peer->got < peer->total) {
        status = step(peer, conn);
        if (is_wait(status))
            status = wait_for(conn, fd);
    }
    if (status == WEIR_OK && !peer->vanish)
        peer->closed = close_both(conn, fd) == WEIR_CLOSED;
    if (weir_conn_session(conn) != NULL) {
        peer->alert = weir_session_peer_alert(weir_conn_session(conn));
        peer->updates_out = weir_tx_position(weir_conn_tx(conn)).epoch;
        peer->updates_in = weir_rx_position(weir_conn_rx(conn)).epoch;
    }
}

void peer_run_weir(struct peer *peer, SSL *ssl, int fd)
{
    struct weir_soft soft;
    struct weir_refusal why;
    const struct weir_backend *backends[] = {&soft.backend};
    struct weir_conn_config config = {.fd = fd, .backends = backends, .backend_count = 1};

    if (weir_soft_init(&soft, &weir_aead_openssl, &why) != WEIR_OK)
        return;
    config.handshake = weir_openssl_handshake(ssl, &why);
    struct weir_conn *conn = weir_conn_new(&config);
    if (conn == NULL) {
        if (config.handshake != NULL)
            config.handshake->release(config.handshake);
        return;
    }
    run(peer, conn, fd);
    weir_conn_free(conn);
}
