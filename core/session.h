/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * The inside of a session, shared by session.c (calls, sending, ends) and messages.c (what the
 * peer's handshake messages and alerts mean).
 */
#ifndef WEIR_CORE_SESSION_H
#define WEIR_CORE_SESSION_H

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
#if WEIR_HAS_OFFLOAD
    uint8_t flying; /* STREAM: what weir_session_sent will be about, an enum flying */
    /* STREAM: content of the control record on its way, and the wish that it fulfils. */
    uint8_t said[5];
    uint8_t saying;
    bool splits;     /* STREAM: more of a handshake message is to follow what is on its way */
    bool in_message; /* ... and what follows has not come yet */
#endif
};

enum flying { FLYING_NOTHING, FLYING_CONTROL, FLYING_CALLER };

/* What this build has may settle it. */
static inline bool speaks_tls13(const struct session *s)
{
    return WEIR_HAS_TLS13 && (!WEIR_HAS_TLS12 || s->tls13);
}

/* A record of the session's own. */
struct control {
    uint8_t type, len, data[5];
    uint8_t want; /* the WANT_ flag it fulfils; 0: nothing waits */
};

_Static_assert(sizeof(struct session) <= sizeof(struct weir_session), "weir_session is too small");
_Static_assert(_Alignof(struct session) <= _Alignof(struct weir_session), "alignment");

/* Ends the session with `status` and its alert, unless it has ended. Answers the sticky status. */
weir_status weir_session_failed(struct session *s, weir_status status);

/*
 * Goes through the content of a handshake record. What the TLS library must see stays in `r`:
 * everything before the first byte of a KeyUpdate. Below zero: the session is to end with that.
 */
weir_status weir_session_take_handshake(struct session *s, struct weir_record *r);

/* What is to be said next. */
struct control weir_session_control(const struct session *s);

/* It has been said: its wish is fulfilled, and what belongs to it happens. WEIR_PENDING: it has
 * begun to. */
weir_status weir_session_said(struct session *s, uint8_t want);

/* What a call that sends answers before it sends anything; the key is renewed when that is due. */
weir_status weir_session_ready_to_send(struct session *s);

/* What a call answers that has sent application data with this status. */
weir_status weir_session_data_sent(struct session *s, weir_status status);

/*
 * Deals with records r[0..n), of which only the last may be other than application data. Returns
 * the number that stays for the caller, moved to the front.
 */
size_t weir_session_sort_out(struct session *s, struct weir_record *r, size_t n,
                             weir_status *status);

/* Once in an epoch, when what we receive nears the limit of its key: only the peer can change it.
 */
void weir_session_ask_for_key_update(struct session *s);

/* Acts upon the content of an alert record. WEIR_OK, WEIR_CLOSED, or as above. */
weir_status weir_session_take_alert(struct session *s, const struct weir_record *r);

#endif
