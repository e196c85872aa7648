/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * The input of fuzz target rx_stream, which fuzz/seeds.c writes: how a connection is set up, where
 * its stream is cut, and the stream.
 *
 *     byte 0   flavour, see below
 *     byte 1   bit i % 8: whether record i gets the tag that belongs to it
 *     byte 2   record limit: 0 none, else 64 * value
 *     byte 3   key usage limit: 0 none, else 32 * value blocks
 *     byte 4   records asked for in one call, less 1
 *     byte 5   number of cuts, then two bytes each: a position, modulo what the stream has
 *     rest     the stream, raw or built
 *
 * A raw stream is taken as it stands, apart from the tags. A built stream is made from pieces: one
 * byte type (TLS 1.2 only), two bytes length n, n bytes of text; each becomes a record of good
 * outer form, so that mutation works on what is inside.
 */
#ifndef WEIR_FUZZ_RX_STREAM_H
#define WEIR_FUZZ_RX_STREAM_H

#include <string.h>
#include <weir/weir.h>

enum rx_stream_flavour {
    RX_STREAM_SUITE = 0x03, /**< TLS 1.3, 1.2 with AES-GCM, 1.2 with ChaCha20, 1.3 again */
    RX_STREAM_BUILT = 0x10,
    RX_STREAM_LATE = 0x20, /**< the position is three records before the last */
};

#define RX_STREAM_HEAD     6u
#define RX_STREAM_MAX_CUTS 15u

/** Whether explicit nonces stand on the wire. */
static inline bool rx_stream_salted(const struct weir_keys *keys)
{
    return keys->version == WEIR_TLS12 &&
           weir_suite_find(keys->suite)->alg != WEIR_CHACHA20_POLY1305;
}

/** The receiver's keys and position of a flavour. */
static inline void rx_stream_keys(uint8_t flavour, struct weir_keys *keys)
{
    static const uint16_t rx_stream_suites[] = {
        WEIR_TLS_AES_128_GCM_SHA256, WEIR_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        WEIR_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, WEIR_TLS_AES_128_GCM_SHA256};
    const struct weir_suite *suite = weir_suite_find(rx_stream_suites[flavour & RX_STREAM_SUITE]);

    memset(keys, 0, sizeof(*keys));
    keys->version = suite->version;
    keys->suite = suite->id;
    memset(keys->key, 0x4b, weir_alg_key_len((weir_alg)suite->alg));
    memset(keys->iv, 0x56, rx_stream_salted(keys) ? 4 : WEIR_IV_LEN);
    keys->at.nonce_rule = rx_stream_salted(keys) ? WEIR_NONCE_RANDOM : WEIR_NONCE_IMPLICIT;
    keys->at.seq = flavour & RX_STREAM_LATE ? UINT64_MAX - 3 : 0;
}

#endif
