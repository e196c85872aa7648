/* SPDX-License-Identifier: BSD-2-Clause */
#include "session.h"

#include "direction.h"

static weir_status refuse(struct session *s, weir_refusal_code code, weir_status status)
{
    s->refusal = (uint8_t)code;
    return status;
}

/* Counts one more record without data; WEIR_E_FLOOD beyond `most`. */
static weir_status count_up(uint8_t *counter, unsigned most)
{
    return ++*counter > most ? WEIR_E_FLOOD : WEIR_OK;
}

/* Whether a handshake message of `type` may come after the handshake (RFC 8446 section 4.6). */
static weir_status judge_message(struct session *s, uint8_t type)
{
    bool known;

    if (!speaks_tls13(s)) {
        known = type == (s->server ? CLIENT_HELLO : HELLO_REQUEST);
        return known ? WEIR_OK : WEIR_E_TYPE;
    }
    if (type == KEY_UPDATE)
        return WEIR_OK;
    bool authentication =
        s->server ? type == CERTIFICATE || type == CERTIFICATE_VERIFY || type == FINISHED
                  : type == CERTIFICATE_REQUEST;
    known = authentication || (type == NEW_SESSION_TICKET && !s->server);
    if (!known)
        return WEIR_E_TYPE;
    /* RFC 8446 section 4.4: the Finished of post-handshake authentication is keyed by the current
     * client_application_traffic_secret_N; the TLS library knows that of epoch 0 only. */
    if (authentication && (tx_inside(s->tx)->keys.at.epoch | rx_inside(s->rx)->keys.at.epoch) != 0)
        return refuse(s, WEIR_REFUSAL_EPOCH, WEIR_E_TYPE);
    return WEIR_OK;
}

static weir_status cannot_follow(struct session *s, const struct weir_refusal *why)
{
    return refuse(s, why->code,
                  why->code == WEIR_REFUSAL_NO_REKEY ? WEIR_E_REKEY : WEIR_E_PROVIDER);
}

static weir_status follow_key_update(struct session *s, uint8_t request)
{
    struct weir_refusal why;

    /* RFC 8446 section 4.6.3: "If an implementation receives any other value, it MUST terminate the
     * connection with an "illegal_parameter" alert." */
    if (request > 1)
        return WEIR_E_PARAM;
    if (count_up(&s->key_updates, WEIR_MAX_KEY_UPDATES) != WEIR_OK)
        return WEIR_E_FLOOD;
    bool answers = request == 1 && !s->send_ended;
    if (!weir_rx_can_rekey(s->rx, s->kdf, &why)) {
        weir_direction_lose_rekey(rx_inside(s->rx));
        return cannot_follow(s, &why);
    }
    if (answers && !weir_tx_can_rekey(s->tx, s->kdf, &why)) {
        weir_direction_lose_rekey(tx_inside(s->tx));
        return cannot_follow(s, &why);
    }
    weir_status status = weir_rx_rekey(s->rx, s->kdf);
    if (status < 0)
        return status;
    s->asked_peer = false;
    /* "the receiver MUST send a KeyUpdate of its own with request_update set to
     * "update_not_requested" prior to sending its next Application Data record"; several requests
     * while we are silent get one answer. */
    if (answers)
        s->want |= WANT_ANSWER;
    return WEIR_OK;
}

static weir_status begin_message(struct session *s)
{
    uint32_t len =
        ((uint32_t)s->header[1] << 16) | ((uint32_t)s->header[2] << 8) | (uint32_t)s->header[3];

    if ((s->header[0] == KEY_UPDATE && len != 1) || (s->header[0] == HELLO_REQUEST && len != 0))
        return WEIR_E_DECODE;
    if (len > WEIR_MAX_MESSAGE)
        return WEIR_E_PARAM;
    s->left = len;
    return WEIR_OK;
}

static weir_status end_message(struct session *s, uint8_t last_byte, bool at_end_of_record)
{
    s->header_len = 0;
    if (s->header[0] == KEY_UPDATE) {
        weir_status status = follow_key_update(s, last_byte);
        /* RFC 8446 section 5.1: "Handshake messages MUST NOT span key changes. Implementations MUST
         * verify that all messages immediately preceding a key change align with a record boundary;
         * if not, then they MUST terminate the connection with an "unexpected_message" alert." */
        if (status == WEIR_OK && !at_end_of_record)
            status = WEIR_E_TYPE;
        return status;
    }
    /* RFC 5246 section 7.4.1.1 and RFC 5746 section 5: renegotiation may be refused by a warning.
     */
    if (!speaks_tls13(s) && !s->send_ended)
        s->want |= WANT_NO_RENEGOTIATION;
    return WEIR_OK;
}

weir_status weir_session_take_handshake(struct session *s, struct weir_record *r)
{
    const uint8_t *p = r->data;
    const uint8_t *end = r->data + r->len;
    size_t keep = r->len;
    weir_status status = WEIR_OK;

    if (s->header_len > 0 && s->header[0] == KEY_UPDATE)
        keep = 0;
    while (p < end && status == WEIR_OK) {
        uint8_t last = *p;
        if (s->header_len < MESSAGE_HEADER) {
            if (s->header_len == 0) {
                status = judge_message(s, *p);
                if (*p == KEY_UPDATE)
                    keep = (size_t)(p - r->data);
            }
            s->header[s->header_len++] = *p++;
            if (status == WEIR_OK && s->header_len == MESSAGE_HEADER)
                status = begin_message(s);
        } else {
            size_t here = (size_t)(end - p) < s->left ? (size_t)(end - p) : s->left;
            p += here;
            s->left -= (uint32_t)here;
        }
        if (status == WEIR_OK && s->header_len == MESSAGE_HEADER && s->left == 0)
            status = end_message(s, last, p == end);
    }
    r->len = speaks_tls13(s) ? keep : 0;
    if (status == WEIR_OK && (r->len > 0 || !speaks_tls13(s)))
        status = count_up(&s->handshakes, WEIR_MAX_HANDSHAKE);
    return status;
}

weir_status weir_session_take_alert(struct session *s, const struct weir_record *r)
{
    /* RFC 8446 section 5.1: "a record with an Alert type MUST contain exactly one message". */
    if (r->len != 2)
        return WEIR_E_DECODE;
    uint8_t level = r->data[0];
    uint8_t description = r->data[1];
    /* RFC 8446 section 6: the level "can safely be ignored" in TLS 1.3. */
    if (!speaks_tls13(s) && level != LEVEL_WARNING && level != LEVEL_FATAL)
        return WEIR_E_PARAM;
    bool warning = speaks_tls13(s) || level == LEVEL_WARNING;

    s->peer_alert = description;
    if (warning && description == CLOSE_NOTIFY) {
        s->status = (int8_t)WEIR_CLOSED;
        return WEIR_CLOSED;
    }
    if (warning && (description == USER_CANCELED || !speaks_tls13(s)))
        return count_up(&s->warnings, WEIR_MAX_WARNINGS);
    return WEIR_E_PEER_ALERT;
}
