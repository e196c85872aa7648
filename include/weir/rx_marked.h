/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * Receiving where a network interface decrypts beside weir: bytes of the stream come as they were
 * on the wire, or decrypted already, packet by packet. The direction stays a weir_rx in software;
 * it is told which ranges of its input are decrypted (marks), undoes what does not make up a whole
 * record, and gives out no plaintext whose tag nobody has checked.
 *
 *     weir_rx_share(&rx, next_header, &keys, &why);    // the card's copy of the key
 *     …                                                // set up the card with it, for example
 * mlx5_rx.h weir_marks_add(&marks, from, len, vouched);      // for each decrypted packet struct
 * weir_marked in = {.buf = buf, .len = len, .marks = marks.at, .marks_count = marks.count, .undo =
 * &undo, .records = records, .cap = 16, .notes = notes, .notes_cap = 16}; weir_rx_open_marked(&rx,
 * &in);                   // or weir_session_receive_marked weir_marks_consume(&marks,
 * in.consumed);
 *
 * Only AES-GCM can be undone; see the member `keystream` of struct weir_aead.
 */
#ifndef WEIR_RX_MARKED_H
#define WEIR_RX_MARKED_H

#include "session.h"

/**
 * A range of the input that the card has decrypted: content, padding and inner type are plaintext,
 * while header, explicit nonce and tag are as on the wire.
 */
struct weir_mark {
    size_t from, len; /**< bytes of the input; `len` above 0 */
    /** The card says that the tag of every record that ends in it is right. */
    bool vouched;
};

/** Marks in the caller's memory, in order. */
struct weir_marks {
    struct weir_mark *at;
    size_t capacity, count;
};

/** How a record came. The values are those of FreeBSD's ktls_mbuf_crypto_state. */
enum WEIR_ENUM weir_came {
    WEIR_CAME_DECRYPTED = -1, /**< every byte of it is marked */
    WEIR_CAME_MIXED = 0,
    WEIR_CAME_ENCRYPTED = 1, /**< no byte of it is marked */
};

/** A record that was opened, for whoever has to tell a card where records begin. */
struct weir_note {
    uint64_t number;  /**< sequence number of the record, under the key of `epoch` */
    uint32_t tcp_seq; /**< of the first byte of its header; counts after weir_rx_share */
    uint32_t len;     /**< bytes of the whole record */
    uint16_t epoch;
    int8_t came; /**< an enum weir_came */
};

/**
 * What undoes the work of a card that goes on decrypting under the key before a KeyUpdate
 * (TLS 1.3): opaque. Made by weir_undo_init, then used by weir_rx_open_marked alone. Holds the old
 * key.
 */
struct weir_undo {
    uint64_t opaque[26];
};

/** One call of weir_rx_open_marked or weir_session_receive_marked. */
struct weir_marked {
    uint8_t *buf; /**< starts at a record boundary */
    size_t len;
    const struct weir_mark *marks; /**< in order, apart, within the input; adjacent ones are fine */
    size_t marks_count;
    /**
     * Take the card's word: a record all of which is marked and vouched for is opened without any
     * cryptography. False, as it should be unless the card has earned it: weir checks every tag.
     */
    bool trust;
    /** NULL: there will be no KeyUpdate while the card decrypts, as in TLS 1.2. */
    struct weir_undo *undo;
    struct weir_record *records; /**< room for the content of `cap` records */
    size_t cap;
    struct weir_note *notes; /**< room for `notes_cap` notes: one for each record opened */
    size_t notes_cap;
    /* Filled. */
    size_t consumed; /**< bytes of the input that are done with */
    size_t count;    /**< records */
    size_t noted;    /**< notes */
};

#if WEIR_HAS_PACKET
WEIR_BEGIN

/**
 * Gives a card its copy of a direction's key: version, suite, key, IV and position go to `keys`,
 * the traffic secret does not. `tcp_seq` is the TCP sequence number of the first byte that weir has
 * not opened yet, which begins a record; the position keeps it from here on. Receiving uses up no
 * nonce, so that the direction goes on as before. Wipe `keys` when the card has it.
 *
 * Returns WEIR_OK. WEIR_REFUSED with `why` filled and `keys` wiped, layer WEIR_LAYER_CORE: FORM,
 * the direction has left software; SUITE, it is not AES-GCM; KEYSTREAM, its provider has none, so
 * that a record that was decrypted in part could not be opened. WEIR_PENDING while a move of the
 * direction is under way. WEIR_E_MISUSE (not sticky) for a direction that has ended, or none.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_rx_share(struct weir_rx *rx, uint32_t tcp_seq,
                                                   struct weir_keys *keys,
                                                   struct weir_refusal *why);

/**
 * Opens records as weir_rx_open does, the marked ranges of the input being decrypted already. A
 * record without a mark is opened as ever. One that is marked from its first byte to its last is
 * given as it is if every mark on it is vouched for and `trust` is set. In any other the marked
 * part of the content is encrypted again, and the record opened. Counters, limits and position come
 * out the same whichever way a record came.
 *
 * Wiped is what weir_rx_open wipes: the record that fails. What a card has decrypted of records
 * behind it still lies in the input.
 *
 * With `undo`, after a KeyUpdate was opened (and weir_rx_rekey called), marks are taken to be made
 * under the key before it, with numbers that go on as if it had stayed, until weir_undo_wipe: the
 * card knows nothing of KeyUpdates. Call that when no more such marks can come (for a
 * ConnectX-6 Dx, mlx5_rx.h says when).
 *
 * Returns as weir_rx_open. WEIR_E_MISUSE, sticky, also for marks that are out of order, overlap,
 * are empty or lie beyond the input, and for a touched record of a direction that weir_rx_share
 * would refuse. With notes_cap 0 no record is opened.
 *
 * Source: RFC 8446 section 5.2, RFC 5288 section 3; FreeBSD's and Linux's kernel TLS do the same
 * (docs/device-rx.md).
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_rx_open_marked(struct weir_rx *rx,
                                                         struct weir_marked *in);

/**
 * As weir_session_receive, with marks. A record that the session keeps to itself is noted, but not
 * among the records. Returns as weir_session_receive, and as weir_rx_open_marked.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_session_receive_marked(struct weir_session *session,
                                                                 struct weir_marked *in);

/**
 * Makes `undo` ready for a direction on `backend` (that of weir_rx_init, or one that takes the same
 * keys and has a keystream); `ctx` is memory for one more key, as for weir_rx_init, and outlives
 * it. Returns WEIR_OK; WEIR_REFUSED with `why` filled: FORM or KEYSTREAM, MEMORY.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_undo_init(struct weir_undo *undo,
                                                    const struct weir_backend *backend, void *ctx,
                                                    size_t ctx_len, struct weir_refusal *why);

/** Whether a KeyUpdate has come, and marks are undone with the key before it. */
WEIR_API bool weir_undo_active(const struct weir_undo *undo);

/** Forgets the old key. `undo` is then as after weir_undo_init. Safe twice. */
WEIR_API void weir_undo_wipe(struct weir_undo *undo);

/**
 * Adds a mark behind all others; joined to the last one when they touch and are vouched for alike.
 * Returns WEIR_OK; WEIR_NEED_OUTPUT: there is no room, and nothing has changed: what was decrypted
 * must not be forgotten, so open records first. WEIR_E_MISUSE: empty, or not behind the others.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_marks_add(struct weir_marks *marks, size_t from,
                                                    size_t len, bool vouched);

/** The first `len` bytes of the input are gone: what remains moves to the front. */
WEIR_API void weir_marks_consume(struct weir_marks *marks, size_t len);

WEIR_END
#endif
#endif
