/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * One record, sealed or opened with a copy of some keys. The copy and the key schedule are gone
 * when the call returns, so nothing but `keys` says where a direction stands.
 */
#ifndef WEIR_COMMON_ONCE_H
#define WEIR_COMMON_ONCE_H

#include <weir/rx.h>
#include <weir/soft.h>

/** The software backend on the binding library's own AEAD, with room for one key schedule. */
struct weir_once {
    struct weir_soft soft;
    void *ctx; /**< soft.backend.ctx_size bytes, aligned to soft.backend.ctx_align */
};

WEIR_BEGIN

/**
 * Opens the whole record at `buf`, `len` bytes, in place. On WEIR_OK `record` is its content and
 * `keys` stands at the next record. Otherwise the content is wiped, `keys` is as it was, and the
 * status is one of weir_rx_open; WEIR_E_MISUSE for a record that is not whole.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_once_open(const struct weir_once *once,
                                                    struct weir_keys *keys, uint8_t *buf,
                                                    size_t len, struct weir_record *record);

/**
 * Seals data[0..len), above 0 and at most WEIR_MAX_PLAINTEXT bytes, as one record into
 * out[0..out_cap). On WEIR_OK `keys` stands at the next record; otherwise it is as it was.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_once_seal(const struct weir_once *once,
                                                    struct weir_keys *keys, uint8_t type,
                                                    const uint8_t *data, size_t len, uint8_t *out,
                                                    size_t out_cap, size_t *made);

WEIR_END
#endif
