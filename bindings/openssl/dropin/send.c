/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sending direction: content as OpenSSL writes it, to the socket in records of weir's or, by
 * typed sends, in those that are made below it.
 */
#include "dropin.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#define MESSAGE_HEADER 4u
#define KEY_UPDATE     24u /* RFC 8446 section 4 */
#define ALERT_FATAL    2u  /* RFC 8446 section 6 */

static weir_status dead(struct weir_dropin *d, weir_status status)
{
    weir_tx_end(&d->tx, status);
    if (d->out != NULL)
        weir_wipe(d->out, DROPIN_OUT_ROOM);
    d->head = d->tail = 0;
    d->pending = false;
    return status;
}

/* What is sealed. */
static weir_status send_out(struct weir_dropin *d)
{
    while (d->head < d->tail) {
        ssize_t n = send(d->fd, d->out + d->head, d->tail - d->head, MSG_NOSIGNAL);
        if (n < 0 && BIO_sock_non_fatal_error(errno))
            return WEIR_NEED_OUTPUT;
        if (n < 0)
            return dead(d, WEIR_E_IO);
        d->head += (size_t)n;
    }
    d->head = d->tail = 0;
    return WEIR_OK;
}

/* ---- records of weir's ---- */

static weir_status seal(struct weir_dropin *d, uint8_t type, const uint8_t *data, size_t len)
{
    const struct weir_iov in = {data, len};
    size_t taken = 0, made = 0;

    weir_status status = weir_tx_seal(&d->tx, type, &in, 1, d->out + d->tail,
                                      DROPIN_OUT_ROOM - d->tail, &taken, &made);
    d->tail += made;
    if (status == WEIR_REKEY_DUE)
        status = WEIR_OK;
    if (status == WEIR_OK && taken != len)
        status = WEIR_E_MISUSE;
    return status >= WEIR_OK ? status : dead(d, status);
}

/* ---- records made below ---- */

/* One typed send. */
static weir_status stream(struct weir_dropin *d, uint8_t type, const uint8_t *data, size_t len,
                          size_t *taken)
{
    const struct weir_iov in = {data, len};
    struct weir_refusal why;
    struct weir_stream_op op;

    for (;;) {
        weir_status status = weir_tx_stream(&d->tx, type, len, &op);
        if (status == WEIR_PENDING) {
            status = weir_dropin_carry_out(d, WEIR_TX, &why);
            if (status == WEIR_OK || status == WEIR_REFUSED)
                continue;
        }
        if (status != WEIR_OK)
            return status;
        struct weir_stream_done done = weir_posix_send(d->fd, &op, &in, 1);
        status = weir_tx_sent(&d->tx, &done);
        if (status == WEIR_NEED_OUTPUT && weir_dropin_wait(d->fd, POLLOUT))
            continue;
        if (status == WEIR_OK || status == WEIR_REKEY_DUE) {
            *taken = done.len;
            return WEIR_OK;
        }
        return status;
    }
}

/* ---- KeyUpdate ---- */

/*
 * Where handshake messages of TLS 1.3 begin and end in what OpenSSL writes, so that the first byte
 * of a piece is not taken for a type. Each message begins a record of its own.
 */
static weir_status follow(struct weir_dropin *d, const uint8_t *data, size_t len, bool *update)
{
    *update = false;
    if (d->message_left == 0) {
        if (len < MESSAGE_HEADER)
            return WEIR_E_MISUSE;
        d->message_left =
            ((uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3]) + MESSAGE_HEADER;
        *update = data[0] == KEY_UPDATE;
    }
    if (len > d->message_left || (*update && len != d->message_left))
        return WEIR_E_MISUSE;
    d->message_left -= (uint32_t)len;
    return WEIR_OK;
}

/*
 * The key cannot be changed, and the peer expects that, or will. RFC 8446 section 6: the alert is
 * tried, whatever becomes of it.
 */
static weir_status cannot_rekey(struct weir_dropin *d)
{
    const uint8_t alert[2] = {ALERT_FATAL, weir_status_alert(WEIR_E_REKEY)};
    size_t taken = 0;

    if (weir_tx_backend(&d->tx)->form == WEIR_FORM_STREAM)
        (void)stream(d, WEIR_TYPE_ALERT, alert, sizeof alert, &taken);
    else if (seal(d, WEIR_TYPE_ALERT, alert, sizeof alert) == WEIR_OK)
        (void)send_out(d);
    return dead(d, WEIR_E_REKEY);
}

/* The KeyUpdate is on its way under the old key. */
static weir_status rekey(struct weir_dropin *d)
{
    struct weir_refusal why;
    weir_status status = weir_tx_rekey(&d->tx, &weir_kdf_openssl);

    while (status == WEIR_PENDING)
        status = weir_dropin_carry_out(d, WEIR_TX, &why);
    /* Put off: the next send carries on with it before anything else. */
    if (status == WEIR_NEED_OUTPUT)
        return WEIR_OK;
    return status < WEIR_OK ? dead(d, status) : WEIR_OK;
}

/* A KeyUpdate of our own, because the key nears its limit. OpenSSL need not know. */
static weir_status renew(struct weir_dropin *d)
{
    static const uint8_t message[] = {KEY_UPDATE, 0, 0, 1, 0};
    struct weir_refusal why;
    size_t taken = 0;

    if (weir_tx_status(&d->tx) != WEIR_REKEY_DUE || d->message_left != 0 ||
        !weir_tx_can_rekey(&d->tx, &weir_kdf_openssl, &why))
        return WEIR_OK;
    weir_status status = weir_tx_backend(&d->tx)->form == WEIR_FORM_STREAM
                             ? stream(d, WEIR_TYPE_HANDSHAKE, message, sizeof message, &taken)
                             : seal(d, WEIR_TYPE_HANDSHAKE, message, sizeof message);
    return status == WEIR_OK ? rekey(d) : status;
}

/* How many calls of sendfile(2), of at most 2^31 bytes each, may go before limits are looked at:
 * far fewer than lie between the soft and the hard one. */
#define LENT_MOST 16u

/* Where others may have sent, whether the key may go on. */
static weir_status take_stock(struct weir_dropin *d)
{
    struct weir_refusal why;
    struct weir_stream_op op;

    if (d->lent < LENT_MOST || weir_tx_backend(&d->tx)->form != WEIR_FORM_STREAM)
        return WEIR_OK;
    weir_status status = weir_tx_query(&d->tx, &why);
    if (status == WEIR_PENDING)
        status = weir_dropin_carry_out(d, WEIR_TX, &why);
    if (status == WEIR_NEED_OUTPUT || status < WEIR_OK)
        return status;
    d->lent = 0;
    status = renew(d);
    if (status == WEIR_OK)
        status = weir_tx_stream(&d->tx, WEIR_TYPE_DATA, 1, &op); /* only asks */
    return status;
}

weir_status weir_dropin_flush(struct weir_dropin *d)
{
    struct weir_refusal why;
    weir_status status = WEIR_OK;

    /* A key that is to change does so before anybody writes to the descriptor. */
    if (weir_tx_command(&d->tx) != NULL)
        status = weir_dropin_carry_out(d, WEIR_TX, &why);
    if (status == WEIR_OK || status == WEIR_REFUSED)
        status = take_stock(d);
    return status == WEIR_OK ? send_out(d) : status;
}

weir_status weir_dropin_make_way(struct weir_dropin *d)
{
    return renew(d);
}

/* ---- what OpenSSL writes ---- */

/* One record of weir's, sealed once and sent until it is gone. */
static weir_status send_sealed(struct weir_dropin *d, uint8_t type, const uint8_t *data, size_t len,
                               size_t *taken)
{
    weir_status status = WEIR_OK;

    if (!d->pending) {
        status = seal(d, type, data, len);
        if (status != WEIR_OK)
            return status;
        d->pending = true;
        d->pending_type = type;
        d->pending_len = len;
    } else if (type != d->pending_type || len != d->pending_len) {
        /* What was sealed cannot be taken back, and what comes now is something else. */
        return dead(d, WEIR_E_MISUSE);
    }
    status = send_out(d);
    if (status != WEIR_OK)
        return status;
    d->pending = false;
    *taken = len;
    return WEIR_OK;
}

weir_status weir_dropin_send(struct weir_dropin *d, uint8_t type, const uint8_t *data, size_t len,
                             size_t *taken)
{
    bool streams = false, update = false;
    uint32_t left = d->message_left;
    weir_status status = weir_tx_status(&d->tx);

    if (status < WEIR_OK)
        return status;
    if (len > WEIR_MAX_PLAINTEXT) {
        if (type != WEIR_TYPE_DATA)
            return dead(d, WEIR_E_MISUSE);
        len = WEIR_MAX_PLAINTEXT;
    }
    streams = weir_tx_backend(&d->tx)->form == WEIR_FORM_STREAM;
    /* A record that is sealed already has been looked at. */
    if (!d->pending && d->tls13 && type == WEIR_TYPE_HANDSHAKE) {
        status = follow(d, data, len, &update);
        if (status != WEIR_OK)
            return dead(d, status);
        if (update && !weir_tx_can_rekey(&d->tx, &weir_kdf_openssl, &d->side[WEIR_TX].why))
            return cannot_rekey(d);
    } else if (!d->pending && type == WEIR_TYPE_DATA) {
        status = renew(d);
        if (status != WEIR_OK)
            return status;
    }
    status = streams ? stream(d, type, data, len, taken) : send_sealed(d, type, data, len, taken);
    if (status == WEIR_NEED_OUTPUT && streams)
        d->message_left = left; /* nothing went: it comes again */
    bool gone = status == WEIR_OK || (status == WEIR_NEED_OUTPUT && !streams);
    if (update && gone) {
        weir_status changed = rekey(d);
        return changed < WEIR_OK ? changed : status;
    }
    return status;
}
