/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * Records as they stand on the wire: sizes, and the header parser on its own.
 */
#ifndef WEIR_RECORD_H
#define WEIR_RECORD_H

#include "status.h"

#define WEIR_HEADER_LEN 5u
/** Most plaintext in one record: 2^14 (RFC 8446 section 5.1, RFC 5246 section 6.2.1). */
#define WEIR_MAX_PLAINTEXT 16384u
/** Most bytes behind a header: 2^14 + 256 (RFC 8446 section 5.2). */
#define WEIR_MAX_CIPHERTEXT_TLS13 (WEIR_MAX_PLAINTEXT + 256u)
/** Most bytes behind a header: 2^14 + 2048 (RFC 5246 section 6.2.3). */
#define WEIR_MAX_CIPHERTEXT_TLS12 (WEIR_MAX_PLAINTEXT + 2048u)
/** A buffer that holds any record a peer may send. */
#define WEIR_MAX_RECORD (WEIR_HEADER_LEN + WEIR_MAX_CIPHERTEXT_TLS12)

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
