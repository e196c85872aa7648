/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * The sending direction: plaintext in, records out.
 *
 * A weir_tx belongs to one thread at a time; no lock is taken and none is needed between it and the
 * weir_rx of the same connection.
 */
#ifndef WEIR_TX_H
#define WEIR_TX_H

#include "backend.h"
#include "record.h"

/** Words of 64 bits that a direction takes in this build, with pointers of any width. */
#define WEIR_DIRECTION_WORDS                                                                       \
    (WEIR_HAS_OFFLOAD ? 28u + sizeof(void *) / 2u : 27u + sizeof(void *) / 4u)

/** One sending direction: opaque, in the caller's memory, not to be copied or moved. */
struct weir_tx {
    uint64_t opaque[WEIR_DIRECTION_WORDS];
};

/**
 * What a direction has carried since its connection began, through every move and rekey. Where
 * others make the records, `records` and `wire_bytes` count those that must have been made; a query
 * (weir_tx_query) makes up the rest.
 */
struct weir_counters {
    uint64_t records;     /**< records sealed or opened */
    uint64_t bytes;       /**< plaintext bytes of application data */
    uint64_t wire_bytes;  /**< bytes of those records on the wire */
    uint64_t rekeys;      /**< KeyUpdates */
    uint32_t lost_rekeys; /**< KeyUpdates that could not be followed: 0 or 1, it is the end */
    uint32_t moves;       /**< changes of backend */
};

/** What to do about TLS 1.3 and backends that cannot change the key (RFC 8446 section 4.6.3). */
typedef enum WEIR_ENUM weir_policy {
    /** Sending may move there, since we choose when to update; receiving may not, since the peer
     * does. A peer that asks for our update ends the connection (WEIR_E_REKEY). */
    WEIR_POLICY_DEFAULT = 0,
    WEIR_POLICY_STRICT = 1, /**< neither direction moves there */
    WEIR_POLICY_ALL = 2,    /**< both may: a KeyUpdate from the peer ends the connection */
} weir_policy;

/** Where a direction is to move. */
struct weir_move {
    const struct weir_backend *backend;
    void *ctx;      /**< its memory, as for weir_tx_init; must outlive the direction */
    size_t ctx_len; /**< bytes there */
    /** TX: sealed bytes that the transport has not taken yet. RX: received bytes that weir has not
     * consumed yet. Anything but 0 is refused: beyond the switch they would be out of order. */
    size_t left;
    weir_policy policy;
    bool reversible; /**< only where the direction can be taken back */
    /** WEIR_FORM_PACKET: `tcp_seq` is the TCP sequence number that the first byte of the next
     * record will have. The position keeps it, and may have it already; one of the two must. */
    bool tcp_known;
    uint32_t tcp_seq;
};

WEIR_BEGIN

/**
 * Makes `tx` ready to seal on `backend`, with `ctx` (`ctx_len` bytes, at least backend->ctx_size,
 * aligned to backend->ctx_align) as the backend's memory; both must outlive `tx`. The keys carry
 * the position to go on from, and a position has one owner: they move to `tx`.
 *
 * Returns WEIR_OK, with `keys` wiped; or WEIR_REFUSED with `why` filled, `keys` as they were, and
 * nothing else to wipe.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_tx_init(struct weir_tx *tx, struct weir_keys *keys,
                                                  const struct weir_backend *backend, void *ctx,
                                                  size_t ctx_len, struct weir_refusal *why);

/** Prefix and suffix of every record of this direction. */
WEIR_API struct weir_shape weir_tx_shape(const struct weir_tx *tx);

/**
 * Sets the most plaintext bytes one record carries: 1 to 16384 (the default). Where a limit was
 * negotiated (RFC 8449 section 4, RFC 6066 section 4) the caller passes it, less one for the inner
 * content type in TLS 1.3 with RFC 8449. Below 63, which no peer can ask for, it is a limit for
 * application data only. Returns WEIR_OK or WEIR_E_MISUSE (nothing changed).
 */
WEIR_API weir_status weir_tx_set_record_limit(struct weir_tx *tx, size_t limit);

/**
 * TLS 1.3: pads every record so that its plaintext and padding fill a multiple of `multiple` bytes,
 * up to the record limit (RFC 8446 section 5.4). 0 or 1: no padding, the default. At most 16384.
 * Returns WEIR_OK, or WEIR_E_MISUSE for TLS 1.2 or a larger value (nothing changed).
 */
WEIR_API weir_status weir_tx_set_padding(struct weir_tx *tx, size_t multiple);

/**
 * Lowers the usage limit of the key (see struct weir_limit); values above the algorithm's own
 * are cut to it; 0 keeps the algorithm's own. Holds for later epochs, too. A session renews the key
 * between calls, so what lies between `soft` and `hard` must hold what one call seals.
 */
WEIR_API void weir_tx_set_limit(struct weir_tx *tx, struct weir_limit limit);

/** Bytes on the wire of one record with `len` plaintext bytes, padding included. */
WEIR_API size_t weir_tx_record_len(const struct weir_tx *tx, size_t len);

/**
 * Bytes on the wire of `len` plaintext bytes cut into records; one empty record for 0. SIZE_MAX
 * when a size_t cannot hold the number.
 */
WEIR_API size_t weir_tx_wire_len(const struct weir_tx *tx, size_t len);

/**
 * Seals `in` (gathered from `in_count` pieces, in order) into records of `type` in out[0..out_cap),
 * as many whole records as there is room for. Input and output may not overlap.
 *
 * An input of 0 bytes makes one empty record of application data; handshake content may not be
 * empty, and an alert is always 2 bytes (RFC 8446 section 5.1). `*taken`: plaintext bytes sealed.
 * `*made`: bytes written.
 *
 * Returns WEIR_OK: all sealed. WEIR_REKEY_DUE: all sealed (application data), the soft limit is
 * passed.
 * WEIR_NEED_OUTPUT: the next record does not fit; call again with the rest and more room. In
 * WEIR_FORM_PACKET also: the backend has no room for it until the peer has acknowledged more.
 * WEIR_E_KEY_LIMIT: the hard limit forbids this record (alerts and handshake messages have some
 * room left beyond it); `*taken` and `*made` still count what was sealed before. WEIR_E_MISUSE,
 * WEIR_E_PROVIDER, WEIR_E_BACKEND, WEIR_E_MOVED. After an error nothing is left in `out` beyond
 * `*made`.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_tx_seal(struct weir_tx *tx, uint8_t type,
                                                  const struct weir_iov *in, size_t in_count,
                                                  uint8_t *out, size_t out_cap, size_t *taken,
                                                  size_t *made);

/**
 * Seals one record in place: the plaintext lies at buf + prefix, `len` bytes, at most the record
 * limit; the record then lies at buf, `*made` bytes. `cap` counts from `buf` and must be at least
 * weir_tx_record_len(tx, len).
 *
 * Returns as weir_tx_seal. Too small a `cap` is WEIR_NEED_OUTPUT with nothing changed; a `len`
 * above the record limit is WEIR_E_MISUSE. After an error the buffer is wiped.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_tx_seal_in_place(struct weir_tx *tx, uint8_t type,
                                                           uint8_t *buf, size_t len, size_t cap,
                                                           size_t *made);

/**
 * As weir_tx_seal for one piece of `len` bytes that the caller lends: text[0..len] may be written
 * while the call lasts. Afterwards the text is there as before; what was in the byte behind it,
 * which must be the caller's, too, need not be. In TLS 1.3 the inner content type must lie behind
 * the plaintext. Where it may, nothing is copied and nothing gathered, which costs less than every
 * other way out of other memory than `out`.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_tx_seal_lent(struct weir_tx *tx, uint8_t type,
                                                       uint8_t *text, size_t len, uint8_t *out,
                                                       size_t out_cap, size_t *taken, size_t *made);

/**
 * Seals each of in[0..in_count) into a record of its own, one behind the other in out[0..out_cap),
 * as many as there is room for: the fastest way to send many small messages that the peer shall get
 * in records of their own. Input and output may not overlap. `*taken`: pieces sealed.
 *
 * Returns as weir_tx_seal; a piece above the record limit is WEIR_E_MISUSE. No pieces: WEIR_OK.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_tx_seal_each(struct weir_tx *tx, uint8_t type,
                                                       const struct weir_iov *in, size_t in_count,
                                                       uint8_t *out, size_t out_cap, size_t *taken,
                                                       size_t *made);

/**
 * Moves to the next epoch's key (RFC 8446 section 7.2). The caller has sealed a KeyUpdate just
 * before; a session does both. Returns WEIR_OK; WEIR_E_MISUSE (no TLS 1.3, no secret, no hash in
 * `kdf`), WEIR_E_KEY_LIMIT, WEIR_E_PROVIDER, WEIR_E_BACKEND: all sticky. WEIR_PENDING, see
 * weir_tx_complete.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_tx_rekey(struct weir_tx *tx, const struct weir_kdf *kdf);

/** Whether keys and backend would let weir_tx_rekey succeed; false: `why` is filled. */
WEIR_API bool weir_tx_can_rekey(const struct weir_tx *tx, const struct weir_kdf *kdf,
                                struct weir_refusal *why);

/** WEIR_OK while alive, WEIR_REKEY_DUE past the soft limit, else the sticky status. */
WEIR_API weir_status weir_tx_status(const struct weir_tx *tx);

/** Ends the direction: every later seal answers `status`, which must be below zero. Keys wiped. */
WEIR_API void weir_tx_end(struct weir_tx *tx, weir_status status);

/** The IANA number of its suite. */
WEIR_API uint16_t weir_tx_suite(const struct weir_tx *tx);

/** Where the direction stands. */
WEIR_API struct weir_position weir_tx_position(const struct weir_tx *tx);

/** What it has carried. */
WEIR_API struct weir_counters weir_tx_counters(const struct weir_tx *tx);

#if WEIR_HAS_OFFLOAD
/**
 * Moves the direction to another backend. Nothing is lost, repeated or reordered: the keys and the
 * position go along, limits and counters keep counting, and the old backend is given up only when
 * the new one has the direction for good.
 *
 * Returns WEIR_OK: it has moved. WEIR_PENDING: carry out weir_tx_command, tell weir_tx_complete,
 * which answers for this call; meanwhile the direction seals nothing and answers WEIR_PENDING.
 * WEIR_REFUSED: `why` is filled, everything is as before and `move->ctx` unused. WEIR_REFUSAL_…:
 * BOUNDARY (`left`), NO_TAKE_BACK (from where it is now, or `reversible`), NO_REKEY (`policy`),
 * RECORD_LIMIT, PADDING, MEMORY, TCP_SEQ, those of weir_backend_check, and the backend's own. Below
 * zero: the sticky status.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_tx_offload(struct weir_tx *tx,
                                                     const struct weir_move *move,
                                                     struct weir_refusal *why);

/** As weir_tx_offload, to a backend that seals for weir itself (WEIR_FORM_RECORD); others are
 * refused (WEIR_REFUSAL_FORM). */
WEIR_API WEIR_MUST_CHECK weir_status weir_tx_take_back(struct weir_tx *tx,
                                                       const struct weir_move *move,
                                                       struct weir_refusal *why);

/** The command to carry out after WEIR_PENDING; NULL when there is none, or not yet: a backend may
 * have to wait for something (mlx5_tx.h). */
WEIR_API const struct weir_cmd *weir_tx_command(const struct weir_tx *tx);

/**
 * Tells how the command ended. WEIR_PENDING: there is another one. Otherwise what the call that
 * answered WEIR_PENDING would have answered: weir_tx_offload, weir_tx_rekey, weir_tx_query, or
 * weir_tx_stream (then call that again; WEIR_REFUSED is no harm). WEIR_E_MISUSE without a command.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_tx_complete(struct weir_tx *tx,
                                                      const struct weir_done *done,
                                                      struct weir_refusal *why);

/**
 * Asks who carries the direction and where exactly it stands; afterwards weir_tx_carrier,
 * weir_tx_position and weir_tx_counters tell. WEIR_OK; WEIR_PENDING, see weir_tx_complete;
 * WEIR_REFUSED with `why` filled: it cannot be learnt, and nothing changed. Below zero, sticky;
 * WEIR_E_BACKEND when what was learnt contradicts what was sent.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_tx_query(struct weir_tx *tx, struct weir_refusal *why);

/** The backend that has the direction; NULL: none. */
WEIR_API const struct weir_backend *weir_tx_backend(const struct weir_tx *tx);

/** Who carries the direction, as far as the last query or move could tell. */
WEIR_API weir_carrier weir_tx_carrier(const struct weir_tx *tx);

/**
 * WEIR_FORM_STREAM: how to send `len` bytes (above 0) of content of `type`. op->len, at least 1,
 * says how many of them may go in one call: send those, tell weir_tx_sent, come back for the rest.
 *
 * Returns WEIR_OK; WEIR_PENDING, see weir_tx_complete: then again. Below zero as weir_tx_seal;
 * WEIR_E_MISUSE for a direction in another form.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_tx_stream(struct weir_tx *tx, uint8_t type, size_t len,
                                                    struct weir_stream_op *op);

/**
 * Tells how the call for weir_tx_stream went. Returns WEIR_OK; WEIR_REKEY_DUE (application data);
 * WEIR_NEED_OUTPUT: nothing went, try again when the socket takes more. Below zero, sticky: what
 * the peer got is not known, nothing may follow.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_tx_sent(struct weir_tx *tx,
                                                  const struct weir_stream_done *done);

/**
 * WEIR_FORM_STREAM: says that somebody else is about to send application data on the socket, and
 * will not tell how much: a TLS library by sendfile(2). The next query makes up for its records,
 * each as a full one, though not for the bytes in weir_counters; the direction makes that query by
 * itself before it sends or changes its key, and ends with WEIR_E_BACKEND if it gets no answer.
 *
 * Returns WEIR_OK; WEIR_PENDING while it moves; WEIR_REFUSED with `why` filled: WEIR_REFUSAL_FORM;
 * WEIR_REFUSAL_POSITION: the backend cannot tell where it stands. Or the sticky status.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_tx_bypass(struct weir_tx *tx, struct weir_refusal *why);
#endif

#if WEIR_HAS_EXPORT
/**
 * Hands the direction to a new owner: `keys` can make another weir_tx, in this process or another,
 * which goes on at the next record. From then on this `tx` answers WEIR_E_MOVED: a nonce has one
 * owner. `counters` may be NULL. Returns WEIR_OK; WEIR_PENDING while it moves; WEIR_REFUSED,
 * nothing changed, where others make the records and weir_tx_query has not just told where they
 * stand; or the sticky status. `keys` is wiped in all cases but the first.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_tx_export(struct weir_tx *tx, struct weir_keys *keys,
                                                    struct weir_counters *counters);

/** As weir_tx_init, going on with the counters that came with the keys (NULL: from zero). */
WEIR_API WEIR_MUST_CHECK weir_status weir_tx_import(struct weir_tx *tx, struct weir_keys *keys,
                                                    const struct weir_counters *counters,
                                                    const struct weir_backend *backend, void *ctx,
                                                    size_t ctx_len, struct weir_refusal *why);
#endif

/** Wipes all of it, the backend's memory included. Safe on a zeroed `tx` and twice. */
WEIR_API void weir_tx_wipe(struct weir_tx *tx);

WEIR_END
#endif
