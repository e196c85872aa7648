/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * The receiving direction: records in, plaintext out, in place.
 *
 * A weir_rx belongs to one thread at a time; no lock is taken and none is needed between it and the
 * weir_tx of the same connection.
 */
#ifndef WEIR_RX_H
#define WEIR_RX_H

#include "tx.h"

/** One receiving direction: opaque, in the caller's memory, not to be copied or moved. */
struct weir_rx {
    uint64_t opaque[WEIR_DIRECTION_WORDS];
};

/** The content of one record, lying in the buffer given to weir_rx_open. */
struct weir_record {
    uint8_t *data;
    size_t len;
    uint8_t type; /**< WEIR_TYPE_ALERT, WEIR_TYPE_HANDSHAKE or WEIR_TYPE_DATA */
};

/** Empty records that may follow one another before WEIR_E_FLOOD. */
#define WEIR_MAX_EMPTY_RECORDS 32u

WEIR_BEGIN

/** As weir_tx_init. TLS 1.2 explicit nonces are read from the wire, so any rule is taken. */
WEIR_API WEIR_MUST_CHECK weir_status weir_rx_init(struct weir_rx *rx, struct weir_keys *keys,
                                                  const struct weir_backend *backend, void *ctx,
                                                  size_t ctx_len, struct weir_refusal *why);

/**
 * Sets the largest record this end has told the peer to send: `limit` bytes of plaintext and its
 * padding, 64 to 16384. TLS 1.3: the inner content type comes on top of it, so pass the value of
 * the extension of RFC 8449 less one, 63 to 16384. A longer record is WEIR_E_OVERFLOW, by its
 * header alone, so that WEIR_RX_BYTES(version, limit) bytes hold whatever comes. Returns
 * WEIR_OK or WEIR_E_MISUSE (nothing changed).
 */
WEIR_API weir_status weir_rx_set_record_limit(struct weir_rx *rx, size_t limit);

/** As weir_tx_set_limit. */
WEIR_API void weir_rx_set_limit(struct weir_rx *rx, struct weir_limit limit);

/**
 * Opens records in place: buf[0..len) starts at a record boundary; `*consumed` bytes of it are done
 * with; out[0..*count) is what they held, lying in `buf`. Stops when `cap` records are out, when no
 * whole record is left, and after every record that is not application data, because the keys may
 * change there. Empty records of application data are reported with `len` 0.
 *
 * A record that fails is wiped before the call returns, and what lies behind it may be, too.
 * Records opened before it are still given: then this call answers WEIR_OK and the next one the
 * error.
 *
 * Returns WEIR_OK: call again with the rest. WEIR_NEED_INPUT: what is left is not a whole record;
 * `*count` may be above 0. Below zero, sticky, with `*count` 0: WEIR_E_VERSION, WEIR_E_TYPE,
 * WEIR_E_OVERFLOW, WEIR_E_AUTH, WEIR_E_FLOOD, WEIR_E_KEY_LIMIT, WEIR_E_MISUSE, WEIR_E_PROVIDER,
 * WEIR_E_BACKEND, WEIR_E_MOVED.
 *
 * Source: RFC 8446 sections 5.1 to 5.5, RFC 5246 section 6.2, RFC 5288, RFC 7905.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_rx_open(struct weir_rx *rx, uint8_t *buf, size_t len,
                                                  size_t *consumed, struct weir_record *out,
                                                  size_t cap, size_t *count);

/**
 * Bytes from buf[0] on that make a whole record, as far as its header tells; WEIR_HEADER_LEN while
 * the header itself is not whole, and where it tells more than is allowed: weir_rx_open refuses
 * such a header by itself. So never above WEIR_RX_BYTES of the record limit. For reading exactly
 * one record from a transport.
 */
WEIR_API size_t weir_rx_want(const struct weir_rx *rx, const uint8_t *buf, size_t len);

/** As weir_tx_rekey; the caller has just opened a KeyUpdate from the peer. */
WEIR_API WEIR_MUST_CHECK weir_status weir_rx_rekey(struct weir_rx *rx, const struct weir_kdf *kdf);

/** As weir_tx_can_rekey. */
WEIR_API bool weir_rx_can_rekey(const struct weir_rx *rx, const struct weir_kdf *kdf,
                                struct weir_refusal *why);

/** WEIR_OK while alive, WEIR_REKEY_DUE past the soft limit, else the sticky status. */
WEIR_API weir_status weir_rx_status(const struct weir_rx *rx);

/** Ends the direction: every later open answers `status`, which must be below zero. Keys wiped. */
WEIR_API void weir_rx_end(struct weir_rx *rx, weir_status status);

/** The IANA number of its suite. */
WEIR_API uint16_t weir_rx_suite(const struct weir_rx *rx);

/** Where the direction stands. */
WEIR_API struct weir_position weir_rx_position(const struct weir_rx *rx);

/** What it has carried. */
WEIR_API struct weir_counters weir_rx_counters(const struct weir_rx *rx);

#if WEIR_HAS_OFFLOAD
/** As weir_tx_offload. Open every whole record first, then read no more than the rest of the one
 * that is cut (weir_rx_want): WEIR_REFUSAL_BOUNDARY is answered until none is left. */
WEIR_API WEIR_MUST_CHECK weir_status weir_rx_offload(struct weir_rx *rx,
                                                     const struct weir_move *move,
                                                     struct weir_refusal *why);
/** As weir_tx_take_back. */
WEIR_API WEIR_MUST_CHECK weir_status weir_rx_take_back(struct weir_rx *rx,
                                                       const struct weir_move *move,
                                                       struct weir_refusal *why);
/** As weir_tx_command. */
WEIR_API const struct weir_cmd *weir_rx_command(const struct weir_rx *rx);
/** As weir_tx_complete. */
WEIR_API WEIR_MUST_CHECK weir_status weir_rx_complete(struct weir_rx *rx,
                                                      const struct weir_done *done,
                                                      struct weir_refusal *why);
/** As weir_tx_query. */
WEIR_API WEIR_MUST_CHECK weir_status weir_rx_query(struct weir_rx *rx, struct weir_refusal *why);
/** As weir_tx_backend. */
WEIR_API const struct weir_backend *weir_rx_backend(const struct weir_rx *rx);
/** As weir_tx_carrier. */
WEIR_API weir_carrier weir_rx_carrier(const struct weir_rx *rx);

/**
 * WEIR_FORM_STREAM: how to receive once, to a buffer of at least op->len bytes. Returns WEIR_OK;
 * WEIR_PENDING, see weir_tx_complete: then again. Below zero as weir_rx_open; WEIR_E_MISUSE for a
 * direction in another form.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_rx_stream(struct weir_rx *rx, struct weir_stream_op *op);

/**
 * Tells what came, done->len bytes at `buf` (NULL when spliced). Returns WEIR_OK: `out` is the
 * content of a record, or, for application data, a piece of one or of several on end; len 0 for
 * empty ones. WEIR_NEED_INPUT: nothing there. WEIR_CLOSED: the end of the transport. Below zero,
 * sticky, with what is at `buf` wiped: as weir_rx_open, and WEIR_E_IO.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_rx_received(struct weir_rx *rx,
                                                      const struct weir_stream_done *done,
                                                      uint8_t *buf, struct weir_record *out);
#endif

#if WEIR_HAS_EXPORT
/** As weir_tx_export. */
WEIR_API WEIR_MUST_CHECK weir_status weir_rx_export(struct weir_rx *rx, struct weir_keys *keys,
                                                    struct weir_counters *counters);

/** As weir_tx_import. */
WEIR_API WEIR_MUST_CHECK weir_status weir_rx_import(struct weir_rx *rx, struct weir_keys *keys,
                                                    const struct weir_counters *counters,
                                                    const struct weir_backend *backend, void *ctx,
                                                    size_t ctx_len, struct weir_refusal *why);
#endif

/** Wipes all of it, the backend's memory included. Safe on a zeroed `rx` and twice. */
WEIR_API void weir_rx_wipe(struct weir_rx *rx);

WEIR_END
#endif
