/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * How OpenSSL 3.0 talks to a BIO that has kernel TLS, in a build for Linux. Two of the controls are
 * public (openssl/bio.h); the rest is what include/internal/bio.h, include/internal/ktls.h,
 * ssl/ktls.c, ssl/t1_enc.c, ssl/tls13_enc.c and ssl/record/rec_layer_s3.c of OpenSSL 3.0.22 do. It
 * is held against the OpenSSL of the process by selftest.c.
 *
 *  - SET_KEY comes for a direction at the record from which on its key holds: TLS 1.2 at
 *    ChangeCipherSpec, both directions; TLS 1.3 for the application key of the sending direction
 *    only. Before it, the sending direction is flushed. An answer above 0 takes the direction.
 *  - From then on BIO_write gets the content of one record, at most 2^14 bytes, of application data
 *    unless NEXT_TYPE came just before. That comes before each attempt, behind a flush.
 *  - BIO_read of a direction that was taken must give one record: a header of five bytes, as on the
 *    wire but for its length, which is that of the content, then the content. -1 with EBADMSG,
 *    EMSGSIZE or EINVAL in errno makes bad_record_mac, record_overflow or protocol_version of it.
 *  - SSL_sendfile asks GET_SEND, flushes, and calls sendfile(2) with what BIO_get_fd gives.
 *  - A KeyUpdate is a record like another: OpenSSL changes its own key behind it, which nobody uses
 *    then, and says nothing.
 */
#ifndef WEIR_DROPIN_KTLS30_H
#define WEIR_DROPIN_KTLS30_H

#include <openssl/bio.h>
#include <stddef.h>
#include <stdint.h>

/** Controls. */
enum {
    KTLS_SET_KEY = 72,                      /**< number: 0 receiving, else sending; pointer: key */
    KTLS_GET_SEND = BIO_CTRL_GET_KTLS_SEND, /**< whether sending was taken */
    KTLS_NEXT_TYPE = 74,                    /**< number: the type of the next record */
    KTLS_NO_TYPE = 75,                      /**< application data after all */
    KTLS_GET_RECV = BIO_CTRL_GET_KTLS_RECV, /**< whether receiving was taken */
};

/** The key: a union of the kernel's structures for the ciphers, then the size of the one used. */
#define KTLS_KEY_ROOM 56u                              /**< bytes of the union */
#define KTLS_KEY_LEN  (KTLS_KEY_ROOM + sizeof(size_t)) /**< bytes of all */

/**
 * Where the parts lie in the structure of a cipher, and their lengths: weir_alg, number of the
 * cipher, size of all; iv, key, salt; the sequence number has 8 bytes, big-endian. Before them
 * come the version and the number of the cipher, 16 bits each.
 */
/* X(alg, number, size, iv, iv_len, key, key_len, salt, salt_len, seq) */
#define KTLS_CIPHER_LIST(X)                                                                        \
    X(AES_128_GCM, 51, 40, 4, 8, 12, 16, 28, 4, 32)                                                \
    X(AES_256_GCM, 52, 56, 4, 8, 12, 32, 44, 4, 48)                                                \
    X(CHACHA20_POLY1305, 54, 56, 4, 12, 16, 32, 48, 0, 48)

#define KTLS_VERSION_AT 0u
#define KTLS_NUMBER_AT  2u

#endif
