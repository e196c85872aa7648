/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * What a call answers.
 *
 * Zero: done. Above zero: nothing is wrong; do what it says and call again. Below zero: the object
 * is dead; it answers the same status for ever, and `weir_status_alert` names the alert that the
 * peer should be sent (a session sends it by itself).
 */
#ifndef WEIR_STATUS_H
#define WEIR_STATUS_H

#include "base.h"

/** "No alert": the connection is closed without one. Alert numbers: RFC 8446 section 6. */
#define WEIR_ALERT_NONE 255u

/* X(value, name, alert, text) */
#define WEIR_STATUS_LIST(X)                                                                        \
    X(0, OK, WEIR_ALERT_NONE, "done")                                                              \
    X(1, NEED_INPUT, WEIR_ALERT_NONE, "more bytes from the peer are needed")                       \
    X(2, NEED_OUTPUT, WEIR_ALERT_NONE, "more room for output is needed")                           \
    X(3, REKEY_DUE, WEIR_ALERT_NONE, "done, but the key nears its usage limit")                    \
    X(4, REFUSED, WEIR_ALERT_NONE, "refused; the reason is in the refusal")                        \
    X(5, CLOSED, WEIR_ALERT_NONE, "the peer ended this direction with close_notify")               \
    X(6, PENDING, WEIR_ALERT_NONE, "a command waits to be carried out on the socket")              \
    X(-1, E_MISUSE, 80, "called in a way its contract forbids")                                    \
    X(-2, E_VERSION, 70, "record with a wrong protocol version")                                   \
    X(-3, E_TYPE, 10, "record or message of a type that is not allowed here")                      \
    X(-4, E_OVERFLOW, 22, "record longer than allowed")                                            \
    X(-5, E_AUTH, 20, "record failed authentication")                                              \
    X(-6, E_DECODE, 50, "message of a wrong length")                                               \
    X(-7, E_PARAM, 47, "message with a forbidden value")                                           \
    X(-8, E_FLOOD, 10, "too many records in a row that carry no data")                             \
    X(-9, E_KEY_LIMIT, 80, "the key reached its usage limit")                                      \
    X(-10, E_TRUNCATED, WEIR_ALERT_NONE, "the stream ended without close_notify")                  \
    X(-11, E_PEER_ALERT, WEIR_ALERT_NONE, "the peer sent a fatal alert")                           \
    X(-12, E_MOVED, WEIR_ALERT_NONE, "the direction was exported; this object lost its keys")      \
    X(-13, E_PROVIDER, 80, "the AEAD or KDF provider failed")                                      \
    X(-14, E_BACKEND, 80, "the backend failed")                                                    \
    X(-15, E_HANDSHAKE, WEIR_ALERT_NONE, "the TLS library failed")                                 \
    X(-16, E_IO, WEIR_ALERT_NONE, "the operating system failed the transport")                     \
    X(-17, E_REKEY, 80, "the key must change, which the backend that holds it cannot do")

/** The status of a call; see the list above for each value's meaning. */
typedef enum WEIR_ENUM weir_status {
#define WEIR_X(value, name, alert, text) WEIR_##name = (value),
    WEIR_STATUS_LIST(WEIR_X)
#undef WEIR_X
} weir_status;

WEIR_BEGIN

/**
 * The alert (RFC 8446 section 6) that tells the peer about `status`; WEIR_ALERT_NONE when there is
 * none to send. TLS 1.2 uses the same numbers (RFC 5246 section 7.2).
 */
WEIR_API uint8_t weir_status_alert(weir_status status);

#if WEIR_HAS_TEXTS
/** The name of a status without its prefix ("E_AUTH"); "?" for a number that is none. Static. */
WEIR_API const char *weir_status_name(weir_status status);

/** One line for a human about a status. Static. */
WEIR_API const char *weir_status_text(weir_status status);

/** The name of an alert number ("bad_record_mac"); "unknown_alert" for a number without a name. */
WEIR_API const char *weir_alert_name(uint8_t alert);
#else
static inline const char *weir_status_name(weir_status status)
{
    (void)status;
    return "?";
}
static inline const char *weir_status_text(weir_status status)
{
    (void)status;
    return "?";
}
static inline const char *weir_alert_name(uint8_t alert)
{
    (void)alert;
    return "?";
}
#endif

WEIR_END
#endif
