/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * Both directions of one connection: KeyUpdate, alerts, closing, renegotiation.
 *
 * The session does no I/O. Bytes from the peer go into weir_session_receive; what it wants to say
 * by itself (an answer to a KeyUpdate, an alert) waits until weir_session_flush or
 * weir_session_send gives it room. Not for two threads at once; but see weir_session_opened.
 */
#ifndef WEIR_SESSION_H
#define WEIR_SESSION_H

#include "rx.h"

/** Words of 64 bits that a session takes in this build, with pointers of any width. */
#define WEIR_SESSION_WORDS ((WEIR_HAS_OFFLOAD ? 4u : 3u) + (3u * sizeof(void *) + 7u) / 8u)

/** One session: opaque, in the caller's memory. */
struct weir_session {
    uint64_t opaque[WEIR_SESSION_WORDS];
};

/**
 * Bounds on what a peer may send without any application data in between (RFC 8446 section 10 and
 * RFC 5246 appendix D leave them to the implementation); beyond each: WEIR_E_FLOOD.
 */
#define WEIR_MAX_KEY_UPDATES 32u     /**< KeyUpdates */
#define WEIR_MAX_WARNINGS    4u      /**< warning alerts, user_canceled included */
#define WEIR_MAX_HANDSHAKE   64u     /**< records of other handshake messages */
#define WEIR_MAX_MESSAGE     131072u /**< bytes of one such message; beyond: WEIR_E_PARAM */

/** What a session is made of. tx and rx must be initialised and outlive the session. */
struct weir_session_config {
    struct weir_tx *tx;
    struct weir_rx *rx;
    /** For KeyUpdate. NULL: a KeyUpdate from the peer ends the connection, and says so. */
    const struct weir_kdf *kdf;
    bool server; /**< which end this is */
};

WEIR_BEGIN

/**
 * Returns WEIR_OK, or WEIR_E_MISUSE when tx and rx differ in version or suite, or are dead.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_session_init(struct weir_session *session,
                                                       const struct weir_session_config *config);

/**
 * Opens what the peer sent, as weir_rx_open does, and deals with everything that is the session's
 * business: alerts, KeyUpdate, renegotiation. What is left in `out` is application data and, for
 * TLS 1.3, handshake messages for the TLS library (tickets, post-handshake authentication); a
 * record of those ends the call. One message may be spread over several such records.
 *
 * Call it again with the rest until it no longer answers WEIR_OK.
 *
 * Returns WEIR_OK, WEIR_NEED_INPUT (`*count` may be above 0 with either). WEIR_CLOSED: the peer has
 * sent close_notify; whatever follows is ignored. Below zero, sticky: all of weir_rx_open,
 * WEIR_E_DECODE, WEIR_E_PARAM, WEIR_E_PEER_ALERT; the alert for it is then waiting to be flushed.
 *
 * Source: RFC 8446 sections 4.6.3, 5.1, 6; RFC 5246 sections 7.2 and 7.4.1.1; RFC 5746.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_session_receive(struct weir_session *session,
                                                          uint8_t *buf, size_t len,
                                                          size_t *consumed, struct weir_record *out,
                                                          size_t cap, size_t *count);

/**
 * For directions on a thread each: deals with records that weir_rx_open has opened, which answered
 * `opened` and `count`, as weir_session_receive would have done. What is left for the caller is
 * moved to records[0..*kept). `data_before`: application data has come since the last call.
 *
 * The session, and what else it may touch, needs two locks then; who takes both takes that of
 * sending first. weir_rx_open needs that of receiving, weir_tx_seal and its kin that of sending,
 * and everything else here needs both. After weir_rx_open this call is due, unless it answered
 * WEIR_OK or WEIR_NEED_INPUT, all of its records hold application data and none is empty,
 * weir_rx_status is WEIR_OK, and so was the last record that this call was given before: a message
 * may be in pieces, between which RFC 8446 section 5.1 allows no data. Instead of
 * weir_session_send, weir_tx_seal will do while weir_session_wants_flush and
 * weir_session_send_ended are false, weir_session_status is not below zero (the lock of sending is
 * enough to look) and weir_tx_status is WEIR_OK; when it answers below zero, weir_session_fail is
 * due. docs/threads.md has it at length.
 *
 * Returns as weir_session_receive.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_session_opened(struct weir_session *session,
                                                         weir_status opened, bool data_before,
                                                         struct weir_record *records, size_t count,
                                                         size_t *kept);

/**
 * The transport has ended, after a whole record or within one: only close_notify ends a stream.
 *
 * Returns WEIR_CLOSED when close_notify came before, else WEIR_E_TRUNCATED (RFC 8446 section 6.1),
 * sticky, or the sticky status the session already had.
 */
WEIR_API weir_status weir_session_end_of_stream(struct weir_session *session);

/**
 * Seals what is waiting (see weir_session_flush), then application data as weir_tx_seal does. Does
 * a KeyUpdate by itself when the key nears its limit.
 *
 * Returns as weir_tx_seal; WEIR_REKEY_DUE only where a KeyUpdate is impossible. WEIR_E_MISUSE, not
 * sticky, after weir_session_close. After a fatal error its alert is still sealed by
 * weir_session_flush; this call then answers the sticky status.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_session_send(struct weir_session *session,
                                                       const struct weir_iov *in, size_t in_count,
                                                       uint8_t *out, size_t out_cap, size_t *taken,
                                                       size_t *made);

/**
 * As weir_session_send, out of one piece that the caller lends: text[0..len] may be written while
 * the call lasts, and nothing of it is copied (see weir_tx_seal_lent).
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_session_send_lent(struct weir_session *session,
                                                            uint8_t *text, size_t len, uint8_t *out,
                                                            size_t out_cap, size_t *taken,
                                                            size_t *made);

/**
 * Seals one record of application data in place, as weir_tx_seal_in_place does: for a caller that
 * can put its plaintext where the record will be.
 *
 * Returns as weir_session_send. WEIR_NEED_OUTPUT, with nothing changed: `cap` is too small, or
 * something waits that must go first (weir_session_wants_flush); flush it, then call again. When
 * sealing fails, `buf` is wiped.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_session_send_in_place(struct weir_session *session,
                                                                uint8_t *buf, size_t len,
                                                                size_t cap, size_t *made);

/**
 * Seals a handshake message that the TLS library wants to send (TLS 1.3 only; not a KeyUpdate), in
 * as many records as it needs, after what is waiting. All or nothing, so that no other record can
 * come in between (RFC 8446 section 5.1).
 *
 * Returns WEIR_OK; WEIR_NEED_OUTPUT: does not fit, nothing of the message is sealed (`*made` may
 * count what was waiting). WEIR_E_MISUSE (not sticky) for TLS 1.2, no message, a KeyUpdate
 * (that is weir_session_key_update) or after weir_session_close; a sticky status.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_session_send_handshake(struct weir_session *session,
                                                                 const uint8_t *message, size_t len,
                                                                 uint8_t *out, size_t out_cap,
                                                                 size_t *made);

#if WEIR_HAS_OFFLOAD
/**
 * Moves one direction to another backend, as weir_tx_offload and weir_rx_offload do. WEIR_PENDING:
 * carry out weir_session_command and tell weir_session_complete. A refusal is also what
 * weir_session_refusal tells.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_session_offload(struct weir_session *session,
                                                          enum weir_dir dir,
                                                          const struct weir_move *move,
                                                          struct weir_refusal *why);

/**
 * The command that holds a direction up, and which one that is (TX first); NULL: none. Any call
 * here may answer WEIR_PENDING because of it, with nothing changed: carry it out, then call again.
 */
WEIR_API const struct weir_cmd *weir_session_command(const struct weir_session *session,
                                                     enum weir_dir *dir);

/**
 * Tells how the command of `dir` ended. WEIR_PENDING: there is another one. WEIR_OK. WEIR_REFUSED
 * with `why` filled: a move that was not made, or a query without an answer; the session goes on.
 * Below zero, sticky: a key could not be changed; the alert waits to be flushed if it can still go.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_session_complete(struct weir_session *session,
                                                           enum weir_dir dir,
                                                           const struct weir_done *done,
                                                           struct weir_refusal *why);

/**
 * Sending in WEIR_FORM_STREAM: what goes next. Either `*data` is a record's content of the
 * session's own, op->len bytes, which goes first; or `*data` is NULL and op->len of the caller's
 * `len` bytes of `type` (application data or handshake, as for weir_session_send_handshake) may go.
 * A `len` of 0 asks for the session's own only. op->len 0: nothing to send.
 *
 * Make the call, tell weir_session_sent, come back for more. Returns WEIR_OK, WEIR_PENDING, and
 * below zero as weir_session_send; in a failed session its alert still comes first.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_session_next(struct weir_session *session, uint8_t type,
                                                       size_t len, struct weir_stream_op *op,
                                                       const uint8_t **data);

/**
 * Tells how the call for weir_session_next went, as weir_tx_sent. WEIR_PENDING: it went, and a key
 * changes now.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_session_sent(struct weir_session *session,
                                                       const struct weir_stream_done *done);

/**
 * Receiving in WEIR_FORM_STREAM: how to receive once, as weir_rx_stream. Returns WEIR_OK,
 * WEIR_PENDING, WEIR_CLOSED, or the sticky status.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_session_want(struct weir_session *session,
                                                       struct weir_stream_op *op);

/**
 * Tells what came, done->len bytes at `buf`, and deals with it as weir_session_receive does:
 * out[0] holds what is for the caller when `*count` is 1.
 *
 * Returns WEIR_OK; WEIR_NEED_INPUT: nothing there. WEIR_PENDING: a key changes now. WEIR_CLOSED;
 * below zero as weir_session_receive, and WEIR_E_TRUNCATED at the end of the transport.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_session_received(struct weir_session *session,
                                                           const struct weir_stream_done *done,
                                                           uint8_t *buf, struct weir_record *out,
                                                           size_t *count);
#endif

/** Whether something waits to be flushed. */
WEIR_API bool weir_session_wants_flush(const struct weir_session *session);

/**
 * Seals what is waiting: the answer to a KeyUpdate (under the old key), a KeyUpdate of our own,
 * no_renegotiation, close_notify, a fatal alert; in that order.
 *
 * Returns WEIR_OK: nothing waits any more (also when nothing did). WEIR_NEED_OUTPUT. Below zero:
 * the sending direction is dead and nothing can be said.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_session_flush(struct weir_session *session, uint8_t *out,
                                                        size_t out_cap, size_t *made);

/**
 * Asks for a KeyUpdate of our sending direction, and with `request_peer` for one of the peer's
 * (RFC 8446 section 4.6.3). Returns WEIR_OK: it waits to be flushed. WEIR_REFUSED with `why`
 * filled: TLS 1.2, no secret, no kdf, for a direction whose key would change. WEIR_E_MISUSE, not
 * sticky, after weir_session_close. A sticky status.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_session_key_update(struct weir_session *session,
                                                             bool request_peer,
                                                             struct weir_refusal *why);

/**
 * Ends our direction with close_notify (to be flushed). The peer's close_notify is not answered by
 * itself, so that the rest of an answer can still be sent (RFC 8446 section 6.1); who wants the
 * immediate end of RFC 5246 section 7.2.1 calls this upon WEIR_CLOSED. Returns WEIR_OK or a sticky
 * status.
 */
WEIR_API weir_status weir_session_close(struct weir_session *session);

/** Ends the connection with `status` (below zero) and the alert that belongs to it. */
WEIR_API void weir_session_fail(struct weir_session *session, weir_status status);

/**
 * Ends the connection with a fatal alert of the caller's choice, for example one that the TLS
 * library has written. The session then answers WEIR_E_HANDSHAKE.
 */
WEIR_API void weir_session_fail_with_alert(struct weir_session *session, uint8_t alert);

/** WEIR_OK, WEIR_CLOSED (the peer closed), or the sticky status. */
WEIR_API weir_status weir_session_status(const struct weir_session *session);

/** The alert the peer sent last; WEIR_ALERT_NONE when it sent none. */
WEIR_API uint8_t weir_session_peer_alert(const struct weir_session *session);

/** Whether close_notify or a fatal alert of ours has been sealed: nothing more will be sent. */
WEIR_API bool weir_session_send_ended(const struct weir_session *session);

/** Why the session refused what it refused last; code WEIR_REFUSAL_NONE when it refused nothing. */
WEIR_API struct weir_refusal weir_session_refusal(const struct weir_session *session);

/** The directions the session was made of. */
WEIR_API struct weir_tx *weir_session_tx(const struct weir_session *session);
WEIR_API struct weir_rx *weir_session_rx(const struct weir_session *session);

/** Wipes session, tx and rx. */
WEIR_API void weir_session_wipe(struct weir_session *session);

WEIR_END
#endif
