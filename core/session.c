/* SPDX-License-Identifier: BSD-2-Clause */
#include "mem.h"
#include <weir/session.h>

/* HandshakeType (RFC 8446 section 4, RFC 5246 section 7.4). */
enum {
    HELLO_REQUEST = 0,
    CLIENT_HELLO = 1,
    NEW_SESSION_TICKET = 4,
    CERTIFICATE = 11,
    CERTIFICATE_REQUEST = 13,
    CERTIFICATE_VERIFY = 15,
    FINISHED = 20,
    KEY_UPDATE = 24,
    NO_MESSAGE = 255,
};

/* AlertLevel and AlertDescription (RFC 8446 section 6). */
enum {
    LEVEL_WARNING = 1,
    LEVEL_FATAL = 2,
    CLOSE_NOTIFY = 0,
    USER_CANCELED = 90,
    NO_RENEGOTIATION = 100,
};

#define MESSAGE_HEADER 4u

/* What waits to be sealed, in this order. */
enum {
    WANT_ANSWER = 1,  /* KeyUpdate, because the peer asked for one */
    WANT_UPDATE = 2,  /* KeyUpdate of our own */
    WANT_REQUEST = 4, /* ... which asks the peer for one */
    WANT_NO_RENEGOTIATION = 8,
    WANT_CLOSE = 16,
    WANT_ALERT = 32,
};

struct __attribute__((may_alias)) session {
    struct weir_tx *tx;
    struct weir_rx *rx;
    const struct weir_kdf *kdf;
    uint32_t left; /* bytes missing of the handshake message in progress, its header apart */
    uint8_t header[MESSAGE_HEADER];
    uint8_t header_len; /* 0: no message in progress */
    int8_t status;      /* sticky once WEIR_CLOSED or below zero */
    bool server;
    bool tls13;
    uint8_t want;
    uint8_t alert; /* for WANT_ALERT */
    uint8_t peer_alert;
    bool send_ended; /* close_notify or a fatal alert is sealed */
    bool asked_peer; /* for a KeyUpdate, in this epoch of rx */
    uint8_t refusal; /* weir_refusal_code */
    /* Since the last application data. */
    uint8_t key_updates;
    uint8_t warnings;
    uint8_t handshakes;
};

_Static_assert(sizeof(struct session) <= sizeof(struct weir_session), "weir_session is too small");
_Static_assert(_Alignof(struct session) <= _Alignof(struct weir_session), "alignment");

static struct session *inside(const struct weir_session *session)
{
    return (struct session *)(void *)(uintptr_t)session;
}

weir_status weir_session_init(struct weir_session *session,
                              const struct weir_session_config *config)
{
    struct session *s = inside(session);

    memset(s, 0, sizeof *s);
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

static weir_status fail(struct session *s, weir_status status)
{
    if (status >= 0 || status < INT8_MIN)
        status = WEIR_E_MISUSE;
    end_with_alert(s, status, weir_status_alert(status));
    return (weir_status)s->status;
}

static weir_status refuse(struct session *s, weir_refusal_code code, weir_status status)
{
    s->refusal = (uint8_t)code;
    return fail(s, status);
}

/* Counts one more record without data; WEIR_E_FLOOD beyond `most`. */
static weir_status count_up(struct session *s, uint8_t *counter, unsigned most)
{
    if (++*counter > most)
        return fail(s, WEIR_E_FLOOD);
    return WEIR_OK;
}

/* Whether a handshake message of `type` may come after the handshake (RFC 8446 section 4.6). */
static weir_status judge_message(struct session *s, uint8_t type)
{
    bool known;

    if (!s->tls13) {
        known = type == (s->server ? CLIENT_HELLO : HELLO_REQUEST);
        return known ? WEIR_OK : fail(s, WEIR_E_TYPE);
    }
    if (type == KEY_UPDATE)
        return WEIR_OK;
    bool authentication =
        s->server ? type == CERTIFICATE || type == CERTIFICATE_VERIFY || type == FINISHED
                  : type == CERTIFICATE_REQUEST;
    known = authentication || (type == NEW_SESSION_TICKET && !s->server);
    if (!known)
        return fail(s, WEIR_E_TYPE);
    /* RFC 8446 section 4.4: the Finished of post-handshake authentication is keyed by the current
     * client_application_traffic_secret_N; the TLS library knows that of epoch 0 only. */
    if (authentication &&
        (weir_tx_position(s->tx).epoch != 0 || weir_rx_position(s->rx).epoch != 0))
        return refuse(s, WEIR_REFUSAL_EPOCH, WEIR_E_TYPE);
    return WEIR_OK;
}

static weir_status follow_key_update(struct session *s, uint8_t request)
{
    struct weir_refusal why;

    /* RFC 8446 section 4.6.3: "If an implementation receives any other value, it MUST terminate the
     * connection with an "illegal_parameter" alert." */
    if (request > 1)
        return fail(s, WEIR_E_PARAM);
    if (count_up(s, &s->key_updates, WEIR_MAX_KEY_UPDATES) != WEIR_OK)
        return (weir_status)s->status;
    bool answers = request == 1 && !s->send_ended;
    if (!weir_rx_can_rekey(s->rx, s->kdf, &why) ||
        (answers && !weir_tx_can_rekey(s->tx, s->kdf, &why)))
        return refuse(s, why.code, WEIR_E_PROVIDER);
    weir_status status = weir_rx_rekey(s->rx, s->kdf);
    if (status != WEIR_OK)
        return fail(s, status);
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

    if (s->header[0] == KEY_UPDATE && len != 1)
        return fail(s, WEIR_E_DECODE);
    if (s->header[0] == HELLO_REQUEST && len != 0)
        return fail(s, WEIR_E_DECODE);
    if (len > WEIR_MAX_MESSAGE)
        return fail(s, WEIR_E_PARAM);
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
            status = fail(s, WEIR_E_TYPE);
        return status;
    }
    /* RFC 5246 section 7.4.1.1 and RFC 5746 section 5: renegotiation may be refused by a warning.
     */
    if (!s->tls13 && !s->send_ended)
        s->want |= WANT_NO_RENEGOTIATION;
    return WEIR_OK;
}

/*
 * Goes through the content of a handshake record. What the TLS library must see stays in `r`:
 * everything before the first byte of a KeyUpdate.
 */
static weir_status take_handshake(struct session *s, struct weir_record *r)
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
    r->len = s->tls13 ? keep : 0;
    if (status == WEIR_OK && (r->len > 0 || !s->tls13))
        status = count_up(s, &s->handshakes, WEIR_MAX_HANDSHAKE);
    return status;
}

static weir_status take_alert(struct session *s, const struct weir_record *r)
{
    /* RFC 8446 section 5.1: "a record with an Alert type MUST contain exactly one message". */
    if (r->len != 2)
        return fail(s, WEIR_E_DECODE);
    uint8_t level = r->data[0];
    uint8_t description = r->data[1];
    /* RFC 8446 section 6: the level "can safely be ignored" in TLS 1.3. */
    if (!s->tls13 && level != LEVEL_WARNING && level != LEVEL_FATAL)
        return fail(s, WEIR_E_PARAM);
    bool warning = s->tls13 || level == LEVEL_WARNING;

    s->peer_alert = description;
    if (warning && description == CLOSE_NOTIFY) {
        s->status = (int8_t)WEIR_CLOSED;
        return WEIR_CLOSED;
    }
    if (warning && (description == USER_CANCELED || !s->tls13))
        return count_up(s, &s->warnings, WEIR_MAX_WARNINGS);
    return fail(s, WEIR_E_PEER_ALERT);
}

/*
 * Deals with records r[0..n), of which only the last may be other than application data. Returns
 * the number that stays for the caller, moved to the front.
 */
static size_t sort_out(struct session *s, struct weir_record *r, size_t n, weir_status *status)
{
    size_t kept = 0;

    *status = WEIR_OK;
    for (size_t i = 0; i < n; i++) {
        /* RFC 8446 section 5.1: "Handshake messages MUST NOT be interleaved with other record
         * types." RFC 5246 section 6.2.1 lets TLS 1.2 do it. */
        if (s->tls13 && s->header_len > 0 && r[i].type != WEIR_TYPE_HANDSHAKE)
            *status = fail(s, WEIR_E_TYPE);
        else if (r[i].type == WEIR_TYPE_HANDSHAKE)
            *status = take_handshake(s, &r[i]);
        else if (r[i].type == WEIR_TYPE_ALERT)
            *status = take_alert(s, &r[i]);
        else if (r[i].len > 0)
            s->key_updates = s->warnings = s->handshakes = 0;
        if (*status != WEIR_OK)
            break;
        if (r[i].len > 0 && r[i].type != WEIR_TYPE_ALERT)
            r[kept++] = r[i];
    }
    return kept;
}

/* Once in an epoch, when what we receive nears the limit of its key: only the peer can change it.
 */
static void ask_for_key_update(struct session *s)
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
            verdict = fail(s, status);
        else if (n > 0)
            *count += sort_out(s, r, n, &verdict);
        ask_for_key_update(s);
        /* Data that came before an end is given first; the next call answers the status. */
        if (verdict != WEIR_OK)
            return *count > 0 ? WEIR_OK : verdict;
        if (status == WEIR_NEED_INPUT)
            return WEIR_NEED_INPUT;
        if (*count > 0 && out[*count - 1].type == WEIR_TYPE_HANDSHAKE)
            return WEIR_OK;
    }
    return WEIR_OK;
}

weir_status weir_session_end_of_stream(struct weir_session *session, size_t left)
{
    struct session *s = inside(session);

    (void)left; /* with or without half a record: only close_notify ends a stream */
    if (s->status == WEIR_OK)
        return fail(s, WEIR_E_TRUNCATED);
    return (weir_status)s->status;
}

/* Seals one control record; all or nothing. */
static weir_status seal_control(struct session *s, uint8_t type, const uint8_t *data, size_t len,
                                uint8_t *out, size_t out_cap, size_t *made)
{
    const struct weir_iov in = {data, len};
    size_t taken = 0;
    size_t here = 0;

    if (weir_tx_record_len(s->tx, len) > out_cap - *made)
        return WEIR_NEED_OUTPUT;
    weir_status status =
        weir_tx_seal(s->tx, type, &in, 1, out + *made, out_cap - *made, &taken, &here);
    *made += here;
    if (status < 0)
        return fail(s, status);
    return WEIR_OK;
}

static weir_status seal_key_update(struct session *s, bool request, uint8_t *out, size_t out_cap,
                                   size_t *made)
{
    const uint8_t message[] = {KEY_UPDATE, 0, 0, 1, request};

    weir_status status =
        seal_control(s, WEIR_TYPE_HANDSHAKE, message, sizeof message, out, out_cap, made);
    if (status != WEIR_OK)
        return status;
    /* RFC 8446 section 4.6.3: "After sending a KeyUpdate message, the sender SHALL send all its
     * traffic using the next generation of keys". */
    status = weir_tx_rekey(s->tx, s->kdf);
    return status == WEIR_OK ? WEIR_OK : fail(s, status);
}

static weir_status seal_alert(struct session *s, uint8_t level, uint8_t description, uint8_t *out,
                              size_t out_cap, size_t *made)
{
    const uint8_t alert[] = {level, description};

    return seal_control(s, WEIR_TYPE_ALERT, alert, sizeof alert, out, out_cap, made);
}

static weir_status flush(struct session *s, uint8_t *out, size_t out_cap, size_t *made)
{
    weir_status status = WEIR_OK;

    if (status == WEIR_OK && (s->want & WANT_ANSWER) != 0) {
        status = seal_key_update(s, false, out, out_cap, made);
        if (status == WEIR_OK)
            s->want &= (uint8_t)~WANT_ANSWER;
    }
    if (status == WEIR_OK && (s->want & WANT_UPDATE) != 0) {
        status = seal_key_update(s, (s->want & WANT_REQUEST) != 0, out, out_cap, made);
        if (status == WEIR_OK)
            s->want &= (uint8_t) ~(WANT_UPDATE | WANT_REQUEST);
    }
    if (status == WEIR_OK && (s->want & WANT_NO_RENEGOTIATION) != 0) {
        status = seal_alert(s, LEVEL_WARNING, NO_RENEGOTIATION, out, out_cap, made);
        if (status == WEIR_OK)
            s->want &= (uint8_t)~WANT_NO_RENEGOTIATION;
    }
    if (status == WEIR_OK && (s->want & WANT_CLOSE) != 0) {
        status = seal_alert(s, LEVEL_WARNING, CLOSE_NOTIFY, out, out_cap, made);
        if (status == WEIR_OK) {
            s->want = 0;
            s->send_ended = true;
        }
    }
    if (status == WEIR_OK && (s->want & WANT_ALERT) != 0) {
        status = seal_alert(s, LEVEL_FATAL, s->alert, out, out_cap, made);
        if (status == WEIR_OK) {
            s->want = 0;
            s->send_ended = true;
            weir_tx_end(s->tx, (weir_status)s->status);
        }
    }
    if (status < 0)
        s->want = 0;
    return status;
}

weir_status weir_session_flush(struct weir_session *session, uint8_t *out, size_t out_cap,
                               size_t *made)
{
    *made = 0;
    return flush(inside(session), out, out_cap, made);
}

bool weir_session_wants_flush(const struct weir_session *session)
{
    return inside(session)->want != 0;
}

/* What a call that sends answers before it sends anything; the key is renewed when that is due. */
static weir_status ready_to_send(struct session *s)
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

/* What a call answers that has sealed data with this status. */
static weir_status data_sealed(struct session *s, weir_status status)
{
    struct weir_refusal why;

    if (status == WEIR_REKEY_DUE && weir_tx_can_rekey(s->tx, s->kdf, &why))
        return WEIR_OK; /* the next call renews the key */
    return status < 0 ? fail(s, status) : status;
}

weir_status weir_session_send(struct weir_session *session, const struct weir_iov *in,
                              size_t in_count, uint8_t *out, size_t out_cap, size_t *taken,
                              size_t *made)
{
    struct session *s = inside(session);
    size_t here = 0;

    *taken = 0;
    *made = 0;
    weir_status status = ready_to_send(s);
    if (status == WEIR_OK && s->want != 0)
        status = flush(s, out, out_cap, made);
    if (status != WEIR_OK)
        return status;
    status = weir_tx_seal(s->tx, WEIR_TYPE_DATA, in, in_count, out + *made, out_cap - *made, taken,
                          &here);
    *made += here;
    return data_sealed(s, status);
}

weir_status weir_session_send_in_place(struct weir_session *session, uint8_t *buf, size_t len,
                                       size_t cap, size_t *made)
{
    struct session *s = inside(session);

    *made = 0;
    weir_status status = ready_to_send(s);
    if (status != WEIR_OK)
        return status;
    if (s->want != 0)
        return WEIR_NEED_OUTPUT; /* there is no room for it before the caller's text */
    return data_sealed(s, weir_tx_seal_in_place(s->tx, WEIR_TYPE_DATA, buf, len, cap, made));
}

weir_status weir_session_send_handshake(struct weir_session *session, const uint8_t *message,
                                        size_t len, uint8_t *out, size_t out_cap, size_t *made)
{
    struct session *s = inside(session);
    const struct weir_iov in = {message, len};
    size_t taken = 0;
    size_t here = 0;

    *made = 0;
    weir_status status = ready_to_send(s);
    if (status == WEIR_OK && (!s->tls13 || len == 0 || message[0] == KEY_UPDATE))
        status = WEIR_E_MISUSE; /* a KeyUpdate without a change of key would part the two ends */
    if (status == WEIR_OK && s->want != 0)
        status = flush(s, out, out_cap, made);
    if (status != WEIR_OK)
        return status;
    if (weir_tx_wire_len(s->tx, len) > out_cap - *made)
        return WEIR_NEED_OUTPUT;
    status = weir_tx_seal(s->tx, WEIR_TYPE_HANDSHAKE, &in, 1, out + *made, out_cap - *made, &taken,
                          &here);
    *made += here;
    return status < 0 ? fail(s, status) : WEIR_OK;
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
    (void)fail(inside(session), status);
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
    weir_wipe(s, sizeof *s);
    s->status = (int8_t)WEIR_E_MISUSE;
}
