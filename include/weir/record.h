/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * Records as they stand on the wire: sizes, and the header parser on its own.
 */
#ifndef WEIR_RECORD_H
#define WEIR_RECORD_H

#include "status.h"
#include "suite.h"

#define WEIR_HEADER_LEN 5u
/** Most plaintext in one record: 2^14 (RFC 8446 section 5.1, RFC 5246 section 6.2.1). */
#define WEIR_MAX_PLAINTEXT 16384u
/** Most bytes behind a header: 2^14 + 256 (RFC 8446 section 5.2). */
#define WEIR_MAX_CIPHERTEXT_TLS13 (WEIR_MAX_PLAINTEXT + 256u)
/** Most bytes behind a header: 2^14 + 2048 (RFC 5246 section 6.2.3). */
#define WEIR_MAX_CIPHERTEXT_TLS12 (WEIR_MAX_PLAINTEXT + 2048u)
/** A buffer that holds any record a peer may send. */
#define WEIR_MAX_RECORD (WEIR_HEADER_LEN + WEIR_MAX_CIPHERTEXT_TLS12)

/**
 * Bytes of the longest record with at most `limit` bytes of content and padding (1 to 16384), where
 * `version` is a constant or not: the room that weir_tx_seal needs for one record of a direction
 * with this weir_tx_set_record_limit. Exact for TLS 1.3 (limit + 22: header, inner content type,
 * tag) and for AES-GCM in TLS 1.2 (limit + 29: header, explicit nonce, tag); ChaCha20-Poly1305 in
 * TLS 1.2 needs 8 less. For either version take that of WEIR_TLS12. A limit below 63 does not hold
 * for alerts and handshake messages, so take 63 then.
 *
 * `limit` from what was negotiated: the value of max_fragment_length (RFC 6066 section 4). Of
 * record_size_limit (RFC 8449 section 4) the value itself in TLS 1.2; in TLS 1.3 one less, because
 * there it counts the whole TLSInnerPlaintext: content, padding and the byte of the content type.
 * So 1024 bytes of record_size_limit are records of 1045 bytes in TLS 1.3, of 1053 in TLS 1.2.
 */
#define WEIR_TX_BYTES(version, limit)                                                              \
    (WEIR_HEADER_LEN + (limit) + WEIR_TAG_LEN + ((version) == WEIR_TLS13 ? 1u : 8u))

/**
 * Bytes of the longest record that a direction with this weir_rx_set_record_limit takes: a buffer
 * for one record at a time, whatever the peer sends. As WEIR_TX_BYTES below 16384; with 16384,
 * which is no limit, the maxima of the standards stand, because a peer may expand its records
 * further than the algorithms of weir do (RFC 8446 section 5.2, RFC 5246 section 6.2.3).
 */
#define WEIR_RX_BYTES(version, limit)                                                              \
    ((limit) < WEIR_MAX_PLAINTEXT                                                                  \
         ? WEIR_TX_BYTES(version, limit)                                                           \
         : WEIR_HEADER_LEN +                                                                       \
               ((version) == WEIR_TLS13 ? WEIR_MAX_CIPHERTEXT_TLS13 : WEIR_MAX_CIPHERTEXT_TLS12))

/** What a record has around its plaintext (padding apart). */
struct weir_shape {
    uint8_t prefix; /**< header and explicit nonce: 5 or 13 */
    uint8_t suffix; /**< inner content type and tag: 16 or 17 */
};

/** What a protected record must look like from outside. */
struct weir_record_rules {
    uint16_t version; /**< WEIR_TLS12 or WEIR_TLS13 */
    uint16_t min_len; /**< least bytes behind the header: explicit nonce and tag */
    uint16_t max_len; /**< most bytes behind the header */
};

/** A header taken apart. */
struct weir_record_header {
    uint8_t type;
    uint16_t len; /**< bytes behind the header */
};

WEIR_BEGIN

/**
 * Reads the header of a protected record. Judged in this order, each as soon as its bytes are
 * there: type, version, length. Touches nothing but buf[0..len).
 *
 * TLS 1.3: the type must be application_data (RFC 8446 section 5.2), so an unprotected alert or
 * ChangeCipherSpec is refused. TLS 1.2: alert, handshake or application_data. The version must be
 * 0x0303 in both.
 *
 * Returns WEIR_OK with `header` filled when all five bytes are good (the body need not be there);
 * WEIR_NEED_INPUT when `len` is below 5 and what is there is good; WEIR_E_TYPE; WEIR_E_VERSION;
 * WEIR_E_OVERFLOW (longer than `max_len`); WEIR_E_AUTH (shorter than `min_len`: such a record
 * cannot carry a tag, RFC 8446 section 5.2 and RFC 5246 section 7.2.2 name bad_record_mac).
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_record_parse(const uint8_t *buf, size_t len,
                                                       const struct weir_record_rules *rules,
                                                       struct weir_record_header *header);

WEIR_END
#endif
