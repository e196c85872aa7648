/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * What no record layer on a library can be faster than: the library's own AEAD call, made as its
 * documentation makes it fastest, with the key schedule kept. One thread.
 */
#ifndef BENCH_RAW_AEAD_H
#define BENCH_RAW_AEAD_H

#include <weir/aead.h>

/** One message; the pointers are what the library is given. */
struct raw_op {
    const uint8_t *nonce, *aad, *in;
    size_t aad_len, len;
    uint8_t *out, *tag;
};

/** A library's own calls. `tag` is written by seal and compared by open. */
struct raw {
    const char *name; /**< of weir's provider on the same library */
    bool (*start)(weir_alg alg, const uint8_t *key);
    bool (*seal)(const struct raw_op *op);
    bool (*open)(const struct raw_op *op);
    void (*end)(void);
};

extern const struct raw raw_ipsecmb, raw_openssl, raw_mbedtls;

#endif
