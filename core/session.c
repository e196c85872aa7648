/* SPDX-License-Identifier: BSD-2-Clause */
#include "session.h"
#include "direction.h"
#include "mem.h"

static struct session *inside(const struct weir_session *session)
{
    return (struct session *)(void *)(uintptr_t)session;
}

weir_status weir_session_init(struct weir_session *session,
                              const struct weir_session_config *config)
{
    struct session *s = inside(session);

    memset(session, 0, sizeof *session);
    s->status = (int8_t)WEIR_E_MISUSE;
    if (weir_tx_status(config->tx) < 0 || weir_rx_status(config->rx) < 0 ||
        weir_tx_suite(config->tx) != weir_rx_suite(config->rx))
        return WEIR_E_MISUSE;
    s->tx = config->tx;
    s->rx = config->rx;
    s->kdf = config->kdf;
    s->server = config->server;
    s->tls13 = weir_suite_find(weir_tx_suite(config->tx))->version == WEIR_TLS13;
    s->peer_alert = WEIR_ALERT_NONE;
    s->status = (int8_t)WEIR_OK;
    return WEIR_OK;
}

static void end_with_alert(struct session *s, weir_status status, uint8_t alert)
{
    if (s->status < 0)
        return;
    s->status = (int8_t)status;
    s->want = 0;
    /* RFC 8446 section 6.1: nothing is sent after close_notify, not even an alert. */
    if (alert != WEIR_ALERT_NONE && !s->send_ended) {
        s->want = WANT_ALERT;
        s->alert = alert;
    } else {
        /* Section 6.2: both ends "MUST forget the secret values and keys established in failed
         * connections". Otherwise that is done when the alert has been sealed. */
        weir_tx_end(s->tx, status);
    }
    weir_rx_end(s->rx, status);
}

weir_status weir_session_failed(struct session *s, weir_status status)
{
    if (status >= 0 || status < INT8_MIN)
        status = WEIR_E_MISUSE;
    end_with_alert(s, status, weir_status_alert(status));
    return (weir_status)s->status;
}

size_t weir_session_sort_out(struct session *s, struct weir_record *r, size_t n,
                             weir_status *status)
{
    size_t kept = 0;

    *status = WEIR_OK;
    for (size_t i = 0; i < n; i++) {
        /* RFC 8446 section 5.1: "Handshake messages MUST NOT be interleaved with other record
         * types." RFC 5246 section 6.2.1 lets TLS 1.2 do it. */
        if (speaks_tls13(s) && s->header_len > 0 && r[i].type != WEIR_TYPE_HANDSHAKE)
            *status = WEIR_E_TYPE;
        else if (r[i].type == WEIR_TYPE_HANDSHAKE)
            *status = weir_session_take_handshake(s, &r[i]);
        else if (r[i].type == WEIR_TYPE_ALERT)
            *status = weir_session_take_alert(s, &r[i]);
        else if (r[i].len > 0)
            s->key_updates = s->warnings = s->handshakes = 0;
        if (*status < 0)
            *status = weir_session_failed(s, *status);
        if (*status != WEIR_OK)
            break;
        if (r[i].len > 0 && r[i].type != WEIR_TYPE_ALERT)
            r[kept++] = r[i];
    }
    return kept;
}

void weir_session_ask_for_key_update(struct session *s)
{
    struct weir_refusal why;

    if (s->status != WEIR_OK || s->asked_peer || s->send_ended ||
        weir_rx_status(s->rx) != WEIR_REKEY_DUE || !weir_rx_can_rekey(s->rx, s->kdf, &why) ||
        !weir_tx_can_rekey(s->tx, s->kdf, &why))
        return;
    s->asked_peer = true;
    s->want |= WANT_UPDATE | WANT_REQUEST;
}

weir_status weir_session_receive(struct weir_session *session, uint8_t *buf, size_t len,
                                 size_t *consumed, struct weir_record *out, size_t cap,
                                 size_t *count)
{
    struct session *s = inside(session);

    *consumed = 0;
    *count = 0;
    if (s->status == WEIR_CLOSED)
        *consumed = len; /* RFC 8446 section 6.1: what follows close_notify "MUST be ignored" */
    if (s->status != WEIR_OK)
        return (weir_status)s->status;

    while (*count < cap) {
        struct weir_record *r = out + *count;
        size_t used = 0;
        size_t n = 0;
        weir_status verdict = WEIR_OK;
        weir_status status =
            weir_rx_open(s->rx, buf + *consumed, len - *consumed, &used, r, cap - *count, &n);
        *consumed += used;
        if (status < 0)
            verdict = weir_session_failed(s, status);
        else if (n > 0)
            *count += weir_session_sort_out(s, r, n, &verdict);
        weir_session_ask_for_key_update(s);
        /* Data that came before an end is given first; the next call answers the status. */
        if (verdict != WEIR_OK)
            return *count > 0 ? WEIR_OK : verdict;
        if (status == WEIR_NEED_INPUT || status == WEIR_PENDING)
            return status;
        if (*count > 0 && out[*count - 1].type == WEIR_TYPE_HANDSHAKE)
            return WEIR_OK;
    }
    return WEIR_OK;
}

weir_status weir_session_end_of_stream(struct weir_session *session)
{
    struct session *s = inside(session);

    if (s->status == WEIR_OK)
        return weir_session_failed(s, WEIR_E_TRUNCATED);
    return (weir_status)s->status;
}

struct control weir_session_control(const struct session *s)
{
    struct control c = {.type = WEIR_TYPE_ALERT, .len = 2, .data = {LEVEL_WARNING}};

    if ((s->want & (WANT_ANSWER | WANT_UPDATE)) != 0) {
        bool answer = (s->want & WANT_ANSWER) != 0;
        uint8_t request = !answer && (s->want & WANT_REQUEST) != 0;
        c = (struct control){.type = WEIR_TYPE_HANDSHAKE,
                             .len = MESSAGE_HEADER + 1,
                             .data = {KEY_UPDATE, 0, 0, 1, request},
                             .want = answer ? WANT_ANSWER : WANT_UPDATE};
    } else if (WEIR_HAS_TLS12 && (s->want & WANT_NO_RENEGOTIATION) != 0) {
        c.want = WANT_NO_RENEGOTIATION;
        c.data[1] = NO_RENEGOTIATION;
    } else if ((s->want & WANT_CLOSE) != 0) {
        c.want = WANT_CLOSE;
        c.data[1] = CLOSE_NOTIFY;
    } else if ((s->want & WANT_ALERT) != 0) {
        c.want = WANT_ALERT;
        c.data[0] = LEVEL_FATAL;
        c.data[1] = s->alert;
    }
    return c;
}

weir_status weir_session_said(struct session *s, uint8_t want)
{
    weir_status status = WEIR_OK;

    s->want &= (uint8_t)~want;
    switch (want) {
    case WANT_UPDATE:
        s->want &= (uint8_t)~WANT_REQUEST;
        /* fallthrough */
    case WANT_ANSWER:
        /* RFC 8446 section 4.6.3: "After sending a KeyUpdate message, the sender SHALL send all its
         * traffic using the next generation of keys". */
        status = weir_tx_rekey(s->tx, s->kdf);
        break;
    case WANT_ALERT:
        weir_tx_end(s->tx, (weir_status)s->status);
        /* fallthrough */
    case WANT_CLOSE:
        s->want = 0;
        s->send_ended = true;
        break;
    default:
        break;
    }
    return status < 0 ? weir_session_failed(s, status) : status;
}

/* Where the caller wants records. */
struct room {
    uint8_t *out;
    size_t cap;
    size_t *made; /* bytes there already */
};

/* Seals behind what is there. */
static inline weir_status seal_behind(struct session *s, uint8_t type, const struct weir_iov *in,
                                      size_t in_count, const struct room *room, size_t *taken)
{
    size_t here = 0;
    weir_status status = weir_tx_seal(s->tx, type, in, in_count, room->out + *room->made,
                                      room->cap - *room->made, taken, &here);

    *room->made += here;
    return status;
}

/* Seals content that takes `wire` bytes there; all or nothing. */
static weir_status seal_whole(struct session *s, uint8_t type, const uint8_t *data, size_t len,
                              size_t wire, const struct room *room)
{
    const struct weir_iov in = {data, len};
    size_t taken = 0;

    if (wire > room->cap - *room->made)
        return WEIR_NEED_OUTPUT;
    weir_status status = seal_behind(s, type, &in, 1, room, &taken);
    return status < 0 ? weir_session_failed(s, status) : status;
}

static weir_status flush(struct session *s, const struct room *room)
{
    weir_status status = WEIR_OK;

    while (status == WEIR_OK) {
        struct control c = weir_session_control(s);
        if (c.want == 0)
            break;
        status = seal_whole(s, c.type, c.data, c.len, weir_tx_record_len(s->tx, c.len), room);
        if (status == WEIR_OK)
            status = weir_session_said(s, c.want);
    }
    if (status < 0)
        s->want = 0;
    return status;
}

weir_status weir_session_flush(struct weir_session *session, uint8_t *out, size_t out_cap,
                               size_t *made)
{
    const struct room room = {out, out_cap, made};

    *made = 0;
    return flush(inside(session), &room);
}

bool weir_session_wants_flush(const struct weir_session *session)
{
    return inside(session)->want != 0;
}

weir_status weir_session_ready_to_send(struct session *s)
{
    struct weir_refusal why;

    if (s->status < 0)
        return (weir_status)s->status;
    if (s->send_ended || (s->want & WANT_CLOSE) != 0)
        return WEIR_E_MISUSE;
    if (weir_tx_status(s->tx) == WEIR_REKEY_DUE && weir_tx_can_rekey(s->tx, s->kdf, &why))
        s->want |= WANT_UPDATE;
    return WEIR_OK;
}

weir_status weir_session_data_sent(struct session *s, weir_status status)
{
    struct weir_refusal why;

    if (status == WEIR_REKEY_DUE && weir_tx_can_rekey(s->tx, s->kdf, &why))
        return WEIR_OK; /* the next call renews the key */
    return status < 0 ? weir_session_failed(s, status) : status;
}

weir_status weir_session_send(struct weir_session *session, const struct weir_iov *in,
                              size_t in_count, uint8_t *out, size_t out_cap, size_t *taken,
                              size_t *made)
{
    struct session *s = inside(session);
    const struct room room = {out, out_cap, made};

    *taken = 0;
    *made = 0;
    weir_status status = weir_session_ready_to_send(s);
    if (status == WEIR_OK && s->want != 0)
        status = flush(s, &room);
    if (status != WEIR_OK)
        return status;
    return weir_session_data_sent(s, seal_behind(s, WEIR_TYPE_DATA, in, in_count, &room, taken));
}

weir_status weir_session_send_in_place(struct weir_session *session, uint8_t *buf, size_t len,
                                       size_t cap, size_t *made)
{
    struct session *s = inside(session);

    *made = 0;
    weir_status status = weir_session_ready_to_send(s);
    if (status != WEIR_OK)
        return status;
    if (s->want != 0)
        return WEIR_NEED_OUTPUT; /* there is no room for it before the caller's text */
    return weir_session_data_sent(
        s, weir_tx_seal_in_place(s->tx, WEIR_TYPE_DATA, buf, len, cap, made));
}

weir_status weir_session_send_handshake(struct weir_session *session, const uint8_t *message,
                                        size_t len, uint8_t *out, size_t out_cap, size_t *made)
{
    struct session *s = inside(session);
    const struct room room = {out, out_cap, made};

    *made = 0;
    weir_status status = weir_session_ready_to_send(s);
    if (status == WEIR_OK && (!speaks_tls13(s) || len == 0 || message[0] == KEY_UPDATE))
        status = WEIR_E_MISUSE; /* a KeyUpdate without a change of key would part the two ends */
    if (status == WEIR_OK && s->want != 0)
        status = flush(s, &room);
    if (status != WEIR_OK)
        return status;
    return seal_whole(s, WEIR_TYPE_HANDSHAKE, message, len,
                      weir_tx_wire_of(s->tx, WEIR_TYPE_HANDSHAKE, len), &room);
}

weir_status weir_session_key_update(struct weir_session *session, bool request_peer,
                                    struct weir_refusal *why)
{
    struct session *s = inside(session);

    *why = (struct weir_refusal){.code = WEIR_REFUSAL_NONE, .layer = WEIR_LAYER_CORE};
    if (s->status < 0)
        return (weir_status)s->status;
    if (s->send_ended || (s->want & WANT_CLOSE) != 0)
        return WEIR_E_MISUSE;
    if (!weir_tx_can_rekey(s->tx, s->kdf, why) ||
        (request_peer && !weir_rx_can_rekey(s->rx, s->kdf, why))) {
        s->refusal = (uint8_t)why->code;
        return WEIR_REFUSED;
    }
    s->want |= WANT_UPDATE;
    if (request_peer)
        s->want |= WANT_REQUEST;
    return WEIR_OK;
}

weir_status weir_session_close(struct weir_session *session)
{
    struct session *s = inside(session);

    if (s->status < 0)
        return (weir_status)s->status;
    if (!s->send_ended)
        s->want |= WANT_CLOSE;
    return WEIR_OK;
}

void weir_session_fail(struct weir_session *session, weir_status status)
{
    (void)weir_session_failed(inside(session), status);
}

void weir_session_fail_with_alert(struct weir_session *session, uint8_t alert)
{
    end_with_alert(inside(session), WEIR_E_HANDSHAKE, alert);
}

weir_status weir_session_status(const struct weir_session *session)
{
    return (weir_status)inside(session)->status;
}

uint8_t weir_session_peer_alert(const struct weir_session *session)
{
    return inside(session)->peer_alert;
}

bool weir_session_send_ended(const struct weir_session *session)
{
    return inside(session)->send_ended;
}

struct weir_refusal weir_session_refusal(const struct weir_session *session)
{
    return (struct weir_refusal){.code = (weir_refusal_code)inside(session)->refusal,
                                 .layer = WEIR_LAYER_CORE};
}

struct weir_tx *weir_session_tx(const struct weir_session *session)
{
    return inside(session)->tx;
}

struct weir_rx *weir_session_rx(const struct weir_session *session)
{
    return inside(session)->rx;
}

void weir_session_wipe(struct weir_session *session)
{
    struct session *s = inside(session);

    if (s->tx != NULL) {
        weir_tx_wipe(s->tx);
        weir_rx_wipe(s->rx);
    }
    weir_wipe(session, sizeof *session);
    s->status = (int8_t)WEIR_E_MISUSE;
}
