/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer.h"

#define HANDSHAKE  22
#define KEY_UPDATE 24

static void count_message(int write, int version, int type, const void *buf, size_t len, SSL *ssl,
                          void *arg)
{
    struct peer *peer = arg;

    (void)version, (void)ssl;
    if (type == HANDSHAKE && len > 0 && *(const uint8_t *)buf == KEY_UPDATE)
        *(write ? &peer->updates_out : &peer->updates_in) += 1;
}

static void note_alert(const SSL *ssl, int where, int value)
{
    struct peer *peer = SSL_get_app_data(ssl);

    if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT)
        peer->alert = (unsigned)value & 0xff;
}

static bool exchange(struct peer *peer, SSL *ssl)
{
    static uint8_t buf[PEER_PIECE];

    while (peer->got < peer->total) {
        size_t len = peer_next(peer, buf, sizeof buf);
        if (len > 0) {
            int n = SSL_write(ssl, buf, (int)len);
            if (n <= 0)
                return false;
            peer_was_sent(peer, buf, (size_t)n);
        } else {
            int n = SSL_read(ssl, buf, sizeof buf);
            if (n <= 0)
                return false;
            peer_has_got(peer, buf, (size_t)n);
        }
        if (peer_update_due(peer) && SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED) != 1)
            return false;
    }
    return true;
}

void peer_run_openssl(struct peer *peer, SSL *ssl, int fd)
{
    SSL_set_app_data(ssl, peer);
    SSL_set_info_callback(ssl, note_alert);
    SSL_set_msg_callback(ssl, count_message);
    SSL_set_msg_callback_arg(ssl, peer);
    if (SSL_set_fd(ssl, fd) != 1 || SSL_do_handshake(ssl) != 1 || !exchange(peer, ssl) ||
        peer->vanish)
        return;
    if (SSL_shutdown(ssl) == 0)
        (void)SSL_shutdown(ssl);
    peer->closed = (SSL_get_shutdown(ssl) & (SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN)) ==
                   (SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}
