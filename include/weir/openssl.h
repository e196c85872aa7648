/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * weir on OpenSSL 3: AEAD and KDF providers, and the handshake binding.
 */
#ifndef WEIR_OPENSSL_H
#define WEIR_OPENSSL_H

#include "aead.h"
#include "handshake.h"
#include "kdf.h"

#include <openssl/ssl.h>

WEIR_BEGIN

/** AES-GCM and ChaCha20-Poly1305 by EVP. Allocates one EVP_CIPHER_CTX per direction. */
WEIR_API extern const struct weir_aead weir_aead_openssl;

/** HMAC by EVP. */
WEIR_API extern const struct weir_kdf weir_kdf_openssl;

/**
 * Lets weir learn the TLS 1.3 secrets of connections of `ctx`: installs a key log callback, which
 * calls the one that was set before. weir_openssl_handshake does it for the SSL_CTX of its SSL, so
 * a program needs this call only for
 *
 *  - an SSL_CTX that several threads use: SSL_CTX_set_keylog_callback is not safe beside a running
 *    handshake, so call this once, before the threads begin;
 *  - every SSL_CTX that a servername callback may switch to (SSL_set_SSL_CTX), before it does.
 *
 * A key log callback that is set later must call the one SSL_CTX_get_keylog_callback gave before;
 * otherwise taking keys is refused with WEIR_REFUSAL_NO_EXPORT. Calling this again does nothing.
 * Returns false when memory ran out.
 */
WEIR_API bool weir_openssl_prepare(SSL_CTX *ctx);

/**
 * Makes weir the transport of `ssl`, which has not begun its handshake and has been told its role
 * (SSL_set_connect_state, SSL_set_accept_state) and everything else; a BIO it has is let go. The
 * result holds a reference to `ssl`; release() ends that and leaves `ssl` without a BIO.
 *
 * `ssl` belongs to one thread at a time, together with the result. Until the handshake is complete
 * only the result may drive it. After take_keys the application may use it for everything but data:
 * SSL_shutdown, SSL_key_update with SSL_do_handshake, SSL_new_session_ticket,
 * SSL_verify_client_post_handshake, certificates, sessions; weir_loop_pump then carries out what
 * it wrote. SSL_shutdown answers 0 ("sent"), because the peer's close_notify comes to the session;
 * tell the SSL with SSL_set_shutdown when it came, or its TLS session cannot be resumed.
 *
 * A handshake that a callback suspends (certificate callback, asynchronous engine, ClientHello
 * callback) makes drive answer WEIR_NEED_INPUT without having taken all input; call it again when
 * the callback can go on.
 *
 * Compression and renegotiation are switched off. take_keys refuses: WEIR_REFUSAL_VERSION below
 * TLS 1.2; WEIR_REFUSAL_SUITE; WEIR_REFUSAL_EARLY_DATA when early data was accepted;
 * WEIR_REFUSAL_READ_AHEAD; WEIR_REFUSAL_NO_EXPORT when the secrets were not heard;
 * WEIR_REFUSAL_NOT_PROVEN. After a refusal and release() the application can give `ssl` a BIO of
 * its own and go on without weir: the library stands right behind the bytes consumed. An SSL whose
 * keys were taken must never get a BIO again, also not after release(): it would repeat nonces.
 *
 * Returns NULL with `why` filled: WEIR_REFUSAL_VERSION for DTLS; for a connection that OpenSSL has
 * begun over another transport WEIR_REFUSAL_READ_AHEAD when it holds bytes of the peer, else
 * WEIR_REFUSAL_NO_EXPORT, because it does not tell its sequence numbers; WEIR_REFUSAL_MEMORY.
 */
WEIR_API struct weir_handshake *weir_openssl_handshake(SSL *ssl, struct weir_refusal *why);

WEIR_END
#endif
