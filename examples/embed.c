/* SPDX-License-Identifier: BSD-2-Clause */
/* The example of the README, which shows this file from the first include on. */
#include <poll.h>
#include <weir/openssl.h>
#include <weir/posix.h>

/* Sends back what comes: OpenSSL shakes hands on the socket, then weir carries the data. */
weir_status echo(SSL *ssl, int fd)
{
    struct weir_soft soft;
    struct weir_refusal why;
    const struct weir_backend *backends[] = {&soft.backend}; /* the best first */
    struct weir_conn_config config = {.fd = fd, .backends = backends, .backend_count = 1};
    struct pollfd wait = {.fd = fd};
    const uint8_t *data = NULL;
    size_t len = 0, put = 0;

    if (weir_soft_init(&soft, &weir_aead_openssl, &why) != WEIR_OK)
        return WEIR_REFUSED;
    config.handshake = weir_openssl_handshake(ssl, &why);
    struct weir_conn *conn = weir_conn_new(&config);
    if (conn == NULL) {
        if (config.handshake != NULL)
            config.handshake->release(config.handshake);
        return WEIR_REFUSED;
    }
    weir_status status;
    do { /* weir never waits; it says what to wait for */
        status = weir_conn_handshake(conn);
        for (; status == WEIR_OK || status == WEIR_REKEY_DUE; data += put, len -= put, put = 0)
            status = len > 0 ? weir_conn_write(conn, data, len, &put)
                             : weir_conn_read_view(conn, &data, &len);
        if (status == WEIR_CLOSED)
            status = weir_conn_close(conn);
        wait.events = len > 0 ? POLLOUT : weir_conn_events(conn);
    } while ((status == WEIR_NEED_INPUT || status == WEIR_NEED_OUTPUT) && poll(&wait, 1, -1) > 0);
    weir_conn_free(conn);
    return status; /* WEIR_OK: both ends have closed */
}
