/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * What a binding to a TLS library offers, the same for every library: drive the handshake over
 * memory, hand out the keys, and afterwards pass control records through (loop-through).
 *
 * A binding is the library's transport from the first byte. It feeds the library one record at a
 * time, so the library never reads ahead, and stops when the handshake is complete.
 */
#ifndef WEIR_HANDSHAKE_H
#define WEIR_HANDSHAKE_H

#include "session.h"

/** The interface version of struct weir_handshake. */
#define WEIR_HANDSHAKE_ABI 1u

/** What the TLS library wants to happen on the wire. */
enum WEIR_ENUM weir_control_kind {
    WEIR_CONTROL_NONE = 0,
    WEIR_CONTROL_HANDSHAKE,  /**< send `data` as handshake record(s) */
    WEIR_CONTROL_KEY_UPDATE, /**< do a KeyUpdate; `request_peer` as the library asked */
    WEIR_CONTROL_CLOSE,      /**< send close_notify */
    WEIR_CONTROL_ALERT,      /**< send fatal alert `alert` and close */
};

/** One such wish; `data` is one whole message and stays valid until the next call of collect. */
struct weir_control {
    enum weir_control_kind kind;
    bool request_peer;
    uint8_t alert;
    const uint8_t *data;
    size_t len;
    struct weir_refusal why; /**< when collect answers WEIR_REFUSED */
};

/** A connection being made by a TLS library; made by weir_openssl_… or weir_mbedtls_…. */
struct weir_handshake {
    uint32_t abi;        /**< WEIR_HANDSHAKE_ABI */
    const char *library; /**< "openssl", "mbedtls" */
    bool server;

    /**
     * Drives the handshake. in[0..len) are bytes from the peer, of which `*consumed` are taken: at
     * most those that belong to the handshake. Call it with `len` 0 to start as a client.
     *
     * WEIR_OK: the handshake is complete; the bytes not consumed belong to weir_rx_open.
     * WEIR_NEED_INPUT: send what output() holds, then come back with more. WEIR_E_HANDSHAKE:
     * failed; error() says why, and output() may hold an alert to send. WEIR_E_MISUSE: the keys
     * were taken.
     */
    weir_status (*drive)(struct weir_handshake *hs, const uint8_t *in, size_t len,
                         size_t *consumed);

    /** Handshake bytes to send, in order; they stay until output_taken. */
    void (*output)(struct weir_handshake *hs, const uint8_t **data, size_t *len);
    /** `len` bytes of output were handed to the transport. */
    void (*output_taken)(struct weir_handshake *hs, size_t len);

    /**
     * After drive answered WEIR_OK and all output is taken, once: the keys of both directions, the
     * position proven on the records seen. From here on the library has no path to the transport,
     * and must never be given one again: its numbers are those that were used since. WEIR_OK, or,
     * with `tx` and `rx` wiped, WEIR_REFUSED with `why` filled (and a second call is a misuse), or
     * WEIR_E_MISUSE, which changes nothing.
     */
    weir_status (*take_keys)(struct weir_handshake *hs, struct weir_keys *tx, struct weir_keys *rx,
                             struct weir_refusal *why);

    /**
     * Loop-through, peer to library: the content of a handshake record that
     * weir_session_receive left over. WEIR_OK; WEIR_E_HANDSHAKE when the library found it wrong
     * (collect then gives the alert). WEIR_E_MISUSE before the keys are taken, and, sticky, for a
     * KeyUpdate or in TLS 1.2; sticky, too: WEIR_E_PROVIDER, and WEIR_E_FLOOD when a callback of
     * the application keeps the library from reading what has come.
     */
    weir_status (*deliver)(struct weir_handshake *hs, const uint8_t *data, size_t len);

    /**
     * Loop-through, library to peer: what the library wrote since (through deliver, or because the
     * application called it: SSL_shutdown, SSL_key_update, …). One wish a call, until its kind is
     * WEIR_CONTROL_NONE. WEIR_OK; WEIR_REFUSED with control->why filled: what the library wrote
     * must not be sent (WEIR_REFUSAL_EPOCH: post-handshake authentication after a KeyUpdate;
     * WEIR_REFUSAL_RENEGOTIATION) and is dropped; collect again for what follows. WEIR_E_MISUSE
     * when application data was written through the library, or before the keys are taken;
     * WEIR_E_HANDSHAKE when its output cannot be understood; WEIR_E_PROVIDER. All but the second
     * of these are sticky.
     */
    weir_status (*collect)(struct weir_handshake *hs, struct weir_control *control);

    /**
     * Tells the binding how many KeyUpdates each direction has had, before deliver and collect:
     * post-handshake authentication depends on both being 0. Optional to call while both are 0.
     */
    void (*epochs)(struct weir_handshake *hs, uint16_t tx, uint16_t rx);

    /** The HMAC of this library, for KeyUpdate. */
    const struct weir_kdf *kdf;

    /** One line about the last failure, from the library; "" when there was none. */
    const char *(*error)(struct weir_handshake *hs);

    /** "TLSv1.3" and the like, the IANA suite number, after drive answered WEIR_OK. */
    void (*chosen)(struct weir_handshake *hs, uint16_t *version, uint16_t *suite);

    /**
     * Most plaintext bytes a record of a direction may carry, after drive answered WEIR_OK: 16384,
     * or less when it was negotiated; the same both ways with RFC 6066 section 4, not so with RFC
     * 8449 section 4. For weir_tx_set_record_limit and weir_rx_set_record_limit. NULL: this library
     * negotiates none.
     */
    size_t (*record_limit)(struct weir_handshake *hs, enum weir_dir dir);

    /** A wish that weir_loop_pump could not yet carry out; all zeros at first, and its own. */
    struct weir_control pending;

    /** Wipes and releases the binding's part; the library's object stays the caller's. */
    void (*release)(struct weir_handshake *hs);
};

WEIR_BEGIN

/**
 * Carries out all that the library wants: calls hs->epochs and hs->collect until nothing is left
 * and passes each wish to the session; what the session has waiting and handshake messages are
 * sealed into out[0..out_cap), `*made` bytes.
 *
 * Returns WEIR_OK: nothing is left. WEIR_NEED_OUTPUT: call again with more room; nothing is lost.
 * WEIR_REFUSED: one wish was refused and dropped, hs->error names the reason; call again for the
 * rest. WEIR_E_MISUSE, not sticky, for a wish that comes after weir_session_close. A sticky status
 * of the session: WEIR_E_HANDSHAKE when the library sent a fatal alert, WEIR_E_MISUSE when
 * application data was written through the library; `*made` then counts the alert.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_loop_pump(struct weir_handshake *hs,
                                                    struct weir_session *session, uint8_t *out,
                                                    size_t out_cap, size_t *made);

/**
 * As weir_loop_pump, where records are made below the socket (WEIR_FORM_STREAM): nothing is sealed.
 * Wishes go to the session until it has something to say or the library has a handshake message.
 *
 * WEIR_OK: `*len` bytes at `*message` are one, and stay there until weir_loop_message_sent: send
 * all of it by weir_session_next (WEIR_TYPE_HANDSHAKE), call weir_loop_message_sent, come back.
 * `*len` 0: nothing is left. WEIR_NEED_OUTPUT: what waits in the session goes first
 * (weir_session_next), then come back. The rest as weir_loop_pump.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_loop_message(struct weir_handshake *hs,
                                                       struct weir_session *session,
                                                       const uint8_t **message, size_t *len);

/** The message that weir_loop_message gave is sent, or will never be. */
WEIR_API void weir_loop_message_sent(struct weir_handshake *hs);

WEIR_END
#endif
