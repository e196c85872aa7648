/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The receiving direction (TLS 1.2): records in the form in which OpenSSL reads them from a socket
 * with kernel TLS. Never reads beyond the record that was asked for: a program that waits for its
 * socket to become readable knows nothing of what lies here.
 */
#include "dropin.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

/* The header that OpenSSL wants to see, with the length of the content. */
static void put_header(uint8_t *out, uint8_t type, size_t len)
{
    out[0] = type;
    out[1] = 3;
    out[2] = 3;
    out[3] = (uint8_t)(len >> 8);
    out[4] = (uint8_t)len;
}

/* Reads until `in` holds `want` bytes. */
static weir_status fill(struct weir_dropin *d, size_t want)
{
    while (d->in_len < want) {
        ssize_t n = recv(d->fd, d->in + d->in_len, want - d->in_len, 0);
        if (n < 0 && BIO_sock_non_fatal_error(errno))
            return WEIR_NEED_INPUT;
        if (n == 0)
            return WEIR_CLOSED;
        if (n < 0) {
            weir_rx_end(&d->rx, WEIR_E_IO);
            return WEIR_E_IO;
        }
        d->in_len += (size_t)n;
    }
    return WEIR_OK;
}

/* Opens the record that lies in `in`. */
static weir_status open_record(struct weir_dropin *d, uint8_t *out, size_t cap, size_t *got)
{
    struct weir_record record;
    size_t consumed = 0, count = 0;

    weir_status status = weir_rx_open(&d->rx, d->in, d->in_len, &consumed, &record, 1, &count);
    if (status == WEIR_NEED_INPUT && count == 0)
        return WEIR_NEED_INPUT;
    if (status >= WEIR_OK && (count != 1 || record.len > cap - WEIR_HEADER_LEN)) {
        status = WEIR_E_MISUSE;
        weir_rx_end(&d->rx, status);
    }
    if (status >= WEIR_OK) {
        put_header(out, record.type, record.len);
        memcpy(out + WEIR_HEADER_LEN, record.data, record.len);
        *got = WEIR_HEADER_LEN + record.len;
        status = WEIR_OK;
    }
    weir_wipe(d->in, d->in_len);
    d->in_len = 0;
    return status;
}

static weir_status receive_sealed(struct weir_dropin *d, uint8_t *out, size_t cap, size_t *got)
{
    weir_status status = WEIR_NEED_INPUT;

    /* First the header, then the rest of what it tells, then there is a record. */
    for (int turn = 0; turn < 3 && status == WEIR_NEED_INPUT; turn++) {
        status = fill(d, weir_rx_want(&d->rx, d->in, d->in_len));
        if (status != WEIR_OK)
            return status;
        status = open_record(d, out, cap, got);
    }
    return status;
}

/* A socket keeps the error of a record that did not open, and sends nothing, not even the alert,
 * until that was read. */
static void clear_error(int fd)
{
    int error = 0;
    socklen_t len = sizeof error;

    (void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
}

/* As the kernel gives it: a record, or a piece of one or several. */
static weir_status receive_stream(struct weir_dropin *d, uint8_t *out, size_t cap, size_t *got)
{
    struct weir_refusal why;
    struct weir_stream_op op;
    struct weir_record record;

    cap = cap - WEIR_HEADER_LEN < UINT16_MAX ? cap - WEIR_HEADER_LEN : UINT16_MAX;
    for (;;) {
        weir_status status = weir_rx_stream(&d->rx, &op);
        if (status == WEIR_PENDING) {
            status = weir_dropin_carry_out(d, WEIR_RX, &why);
            if (status == WEIR_OK || status == WEIR_REFUSED)
                continue;
        }
        if (status != WEIR_OK)
            return status;
        struct weir_stream_done done = weir_posix_receive(d->fd, &op, out + WEIR_HEADER_LEN, cap);
        status = weir_rx_received(&d->rx, &done, out + WEIR_HEADER_LEN, &record);
        if (status == WEIR_NEED_INPUT && weir_dropin_wait(d->fd, POLLIN))
            continue;
        if (status < WEIR_OK)
            clear_error(d->fd);
        if (status != WEIR_OK)
            return status;
        put_header(out, record.type, record.len);
        *got = WEIR_HEADER_LEN + record.len;
        return WEIR_OK;
    }
}

weir_status weir_dropin_receive(struct weir_dropin *d, uint8_t *out, size_t cap, size_t *got)
{
    weir_status status = weir_rx_status(&d->rx);

    if (status < WEIR_OK)
        return status;
    if (cap < WEIR_HEADER_LEN + WEIR_MAX_PLAINTEXT)
        return WEIR_E_MISUSE; /* nothing read, nothing lost */
    if (weir_rx_backend(&d->rx)->form == WEIR_FORM_STREAM)
        return receive_stream(d, out, cap, got);
    return receive_sealed(d, out, cap, got);
}
