/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * Hears the traffic secrets of TLS 1.3 as OpenSSL's key log tells them: for the binding, and for
 * the BIO, which is a library of its own.
 */
#ifndef WEIR_OPENSSL_LISTEN_H
#define WEIR_OPENSSL_LISTEN_H

#include "tap.h"

#include <openssl/ssl.h>

/** One secret; `secret` is wiped after the call. */
struct weir_openssl_heard {
    bool of_server; /**< the server writes with it */
    enum weir_tap_secret which;
    const uint8_t *secret;
    size_t len;
};

/** Who listens to one SSL. */
struct weir_openssl_listener {
    void (*hear)(struct weir_openssl_listener *self, const SSL *ssl,
                 const struct weir_openssl_heard *heard);
    /** The SSL is being freed, or listens to another now. Optional. */
    void (*release)(struct weir_openssl_listener *self);
};

WEIR_BEGIN

/**
 * Makes secrets of `ssl` come to `listener`, or with NULL no longer; its SSL_CTX has been prepared
 * (weir_openssl_prepare). False: out of memory.
 */
WEIR_API bool weir_openssl_listen(SSL *ssl, struct weir_openssl_listener *listener);

WEIR_END
#endif
