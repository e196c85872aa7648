/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * weir below an unchanged SSL_read and SSL_write: a BIO in the place of OpenSSL's own for sockets,
 * which answers what OpenSSL asks of a socket with kernel TLS. Set it together with the option
 * SSL_OP_ENABLE_KTLS, before the handshake; then weir makes the records, in software or wherever
 * one of its backends can.
 *
 *     BIO *bio = weir_openssl_bio_new(fd, &(struct weir_openssl_bio_config){.ssl = ssl});
 *     SSL_set_bio(ssl, bio, bio);
 *     SSL_set_options(ssl, SSL_OP_ENABLE_KTLS);
 *
 * How OpenSSL hands keys to a socket is internal to it. weir knows it for OpenSSL 3.0 on Linux, and
 * tries it out in memory before the first BIO is made; what it does not know it refuses, and then
 * OpenSSL goes on making the records itself (weir_openssl_bio_refusal says why). bindings/openssl/
 * README.md has what is carried and what is not.
 */
#ifndef WEIR_OPENSSL_BIO_H
#define WEIR_OPENSSL_BIO_H

#include "openssl.h"

/** Most backends that are tried before software. */
#define WEIR_OPENSSL_BIO_BACKENDS 4u

/** What such a BIO is made of. All of it may be left 0. */
struct weir_openssl_bio_config {
    /**
     * The connection that will use the BIO. For TLS 1.3 weir learns its traffic secret by the key
     * log (weir_openssl_prepare, which see for SSL_CTXs shared by threads); it needs that to change
     * the key. NULL: the first KeyUpdate of either side ends the connection.
     */
    SSL *ssl;
    /**
     * Backends to be tried in this order before software, `backend_count` of them, at most
     * WEIR_OPENSSL_BIO_BACKENDS; array and backends must outlive the BIO.
     */
    const struct weir_backend *const *backends;
    size_t backend_count;
    const struct weir_aead *aead; /**< for software; NULL: weir_aead_openssl */
    weir_policy policy;           /**< see weir_tx_offload */
    struct weir_limit limit;      /**< see weir_tx_set_limit; zeros: the algorithm's own */
};

WEIR_BEGIN

/**
 * Makes a BIO on `fd`, a connected stream socket, blocking or not; like BIO_new_socket with
 * BIO_NOCLOSE (BIO_set_close changes that). For one connection; it belongs to one thread at a time,
 * together with its SSL. `config` may be NULL. NULL: more than WEIR_OPENSSL_BIO_BACKENDS, a
 * provider that cannot be used, or out of memory.
 *
 * While weir, and not the kernel, makes the records that are sent, BIO_get_fd, SSL_get_fd and the
 * like answer -1: OpenSSL's SSL_sendfile would otherwise write a file's bytes to the descriptor as
 * they are. The descriptor is the caller's; weir_openssl_bio_fd tells it, too.
 */
WEIR_API BIO *weir_openssl_bio_new(int fd, const struct weir_openssl_bio_config *config);

/** The descriptor. -1, here and as said below: a BIO that weir_openssl_bio_new did not make. */
WEIR_API int weir_openssl_bio_fd(BIO *bio);

/** The backend that has a direction; NULL: none, OpenSSL itself makes its records. */
WEIR_API const struct weir_backend *weir_openssl_bio_backend(BIO *bio, enum weir_dir dir);

/**
 * Why weir does not have a direction; code WEIR_REFUSAL_NONE when it does. WEIR_REFUSAL_…:
 * NO_EXPORT: OpenSSL has not offered the key (`transient`: it may, when the handshake comes to it;
 * it does not without SSL_OP_ENABLE_KTLS, for other suites than AES-GCM and ChaCha20-Poly1305, with
 * a smaller fragment size or padding, and never for receiving in TLS 1.3). LIBRARY: an OpenSSL that
 * weir does not know (`detail`: OpenSSL_version_num) or that does not do what weir knows of it
 * (`detail` below 1000: what). SECRET: a key log callback set later keeps the secret from
 * weir; NOT_PROVEN: the key is not the one of the secret. Those of weir_tx_init. After a KeyUpdate
 * that could not be done: its reason, as weir_tx_can_rekey.
 */
WEIR_API struct weir_refusal weir_openssl_bio_refusal(BIO *bio, enum weir_dir dir);

/**
 * Why the backends before the one that has the direction do not, in the order of the configuration,
 * `*count` of them; NULL when there are none. Valid as long as the BIO.
 */
WEIR_API const struct weir_refusal *weir_openssl_bio_passed(BIO *bio, enum weir_dir dir,
                                                            size_t *count);

/** The sending direction, to look at its counters, position and status; NULL while weir does not
 * have it. */
WEIR_API const struct weir_tx *weir_openssl_bio_tx(BIO *bio);
/** The receiving direction, likewise. */
WEIR_API const struct weir_rx *weir_openssl_bio_rx(BIO *bio);

/**
 * SSL_sendfile for any backend: sends up to `len` bytes of the regular file `file` from `offset`
 * on, at most 2^30 of them in one call. By the operating system's sendfile where a kernel makes the
 * records, otherwise through SSL_write; also on an SSL without such a BIO.
 *
 * Returns the bytes sent, which can be less than asked for; 0 at the end of the file or for a `len`
 * of 0; -1: ask SSL_get_error, as after SSL_write. After SSL_ERROR_WANT_WRITE or WANT_READ call it
 * again with the same `file` and `offset` and no smaller `len`, before anything else is written. A
 * file that cannot be read is SSL_ERROR_SYSCALL with errno.
 */
WEIR_API int64_t weir_openssl_sendfile(SSL *ssl, int file, uint64_t offset, size_t len);

WEIR_END
#endif
