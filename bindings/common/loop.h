/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * Loop-through: control records between weir and a TLS library that believes it still owns the
 * record layer.
 *
 * What the library must see is sealed under its own read key and its own next sequence number; what
 * it writes is opened with its own write key and sequence number. These are the keys of the wire,
 * at numbers the wire uses as well, for other plaintext: such ciphertext must never leave the
 * process. So this is a type of its own, apart from weir_tx, and a binding keeps its bytes in
 * memory that nothing else reads.
 *
 * KeyUpdates of the peer never come here, so the library stays in the epochs it made itself.
 */
#ifndef WEIR_COMMON_LOOP_H
#define WEIR_COMMON_LOOP_H

#include "once.h"
#include "wire.h"

#include <weir/handshake.h>

/** Content bytes of one record to the library: small, so that it fits on a stack. */
#define WEIR_LOOP_CONTENT 1024u
/** Bytes of such a record. */
#define WEIR_LOOP_RECORD (WEIR_LOOP_CONTENT + 32u)

struct weir_loop {
    const struct weir_once *once;
    const struct weir_kdf *kdf;
    struct weir_keys tx; /**< what the library writes with, and where it stands */
    struct weir_keys rx; /**< what the library reads with */
    uint16_t wire_tx;    /**< KeyUpdates on the wire, as told by the session */
    uint16_t wire_rx;
    weir_status status; /**< sticky below zero */
    struct weir_cursor in;
    uint8_t *messages; /**< handshake bytes the library wrote: the binding's memory */
    size_t cap;
    size_t start; /**< bytes of it already given to the caller */
    size_t end;
    bool has_alert;
    uint8_t alert[2]; /**< level and description */
};

WEIR_BEGIN

/** Takes over where the library stands; keys are copied. `once` and `kdf` must outlive `loop`. */
WEIR_API void weir_loop_init(struct weir_loop *loop, const struct weir_once *once,
                             const struct weir_kdf *kdf, const struct weir_keys *tx,
                             const struct weir_keys *rx);

/** As weir_handshake's member of that name. */
WEIR_API void weir_loop_epochs(struct weir_loop *loop, uint16_t tx, uint16_t rx);

/**
 * Peer to library: seals the next `*taken` bytes of data[0..len), len above 0, into
 * out[0..WEIR_LOOP_RECORD). TLS 1.3 only.
 *
 * WEIR_OK: the record at `out`, `*made` bytes, goes to the library; come back with the rest.
 * Sticky: WEIR_E_MISUSE for a KeyUpdate, which is the session's business, or TLS 1.2;
 * WEIR_E_PROVIDER.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_loop_seal(struct weir_loop *loop, const uint8_t *data,
                                                    size_t len, size_t *taken, uint8_t *out,
                                                    size_t *made);

/**
 * Room for `len` more message bytes; 0 when they fit. Otherwise the binding offers weir_loop_memory
 * a piece of that size.
 */
WEIR_API size_t weir_loop_lacks(struct weir_loop *loop, size_t len);

/** Moves the messages to `memory`, `cap` bytes; the old piece, wiped, is returned for release. */
WEIR_API uint8_t *weir_loop_memory(struct weir_loop *loop, uint8_t *memory, size_t cap);

/**
 * Library to peer: opens one whole record that the library wrote, in place, and keeps its content.
 * Only after weir_loop_next had nothing more, because a KeyUpdate changes the key of what follows.
 *
 * WEIR_OK. Sticky: WEIR_E_MISUSE for application data; WEIR_E_HANDSHAKE for what does not open or
 * is no TLS.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_loop_open(struct weir_loop *loop, uint8_t *record,
                                                    size_t len);

/**
 * The next wish in what was opened; WEIR_CONTROL_NONE when more records are needed. Its `data`
 * stays until the next call of weir_loop_next, weir_loop_open or weir_loop_memory.
 *
 * WEIR_OK; WEIR_REFUSED with `control->why` filled: a message that must not be sent, dropped. It is
 * one of post-handshake authentication that comes too late (WEIR_REFUSAL_EPOCH), or one of TLS 1.2,
 * where it asks for another handshake (WEIR_REFUSAL_RENEGOTIATION). A sticky status.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_loop_next(struct weir_loop *loop,
                                                    struct weir_control *control);

/** Overwrites keys and messages; the messages' memory is the binding's to release. */
WEIR_API void weir_loop_wipe(struct weir_loop *loop);

WEIR_END
#endif
