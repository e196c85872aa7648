/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * weir on mbedTLS: AEAD and KDF providers, and the handshake binding.
 */
#ifndef WEIR_MBEDTLS_H
#define WEIR_MBEDTLS_H

#include "aead.h"
#include "handshake.h"
#include "kdf.h"

/** mbedTLS's own; this header does not include its headers. */
struct mbedtls_ssl_context;

WEIR_BEGIN

/**
 * AES-GCM and ChaCha20-Poly1305 by mbedtls_gcm and mbedtls_chachapoly. Allocates one AES key per
 * direction, unless mbedTLS is built without its cipher layer (MBEDTLS_BLOCK_CIPHER_C).
 */
WEIR_API extern const struct weir_aead weir_aead_mbedtls;

/** HMAC by mbedtls_md. */
WEIR_API extern const struct weir_kdf weir_kdf_mbedtls;

/**
 * Makes `ssl` the TLS library of one weir connection. `ssl` is fully set up (mbedtls_ssl_setup,
 * host name, …) for TLS over a stream, client or server, and its handshake has not begun. It stays
 * the caller's and must outlive the binding: call the member `release` before mbedtls_ssl_free.
 *
 * The binding takes the place of mbedtls_ssl_set_bio and, with mbedTLS 3.6, of
 * mbedtls_ssl_set_export_keys_cb: the caller sets neither, then or later. mbedTLS 3.6 needs
 * psa_crypto_init before its first handshake, also through here.
 *
 * After the keys are taken the caller may still use mbedtls_ssl_close_notify and
 * mbedtls_ssl_send_alert_message, then weir_loop_pump (or weir_conn_pump), and everything that only
 * reads. It may not use mbedtls_ssl_write (WEIR_E_MISUSE, and the connection ends);
 * mbedtls_ssl_renegotiate is refused (WEIR_REFUSAL_RENEGOTIATION) and what it wrote is dropped.
 *
 * A handshake that a callback suspends (MBEDTLS_ERR_SSL_ASYNC_IN_PROGRESS) makes drive answer
 * WEIR_NEED_INPUT without having taken all input; call it again when the callback can go on.
 *
 * take_keys refuses: WEIR_REFUSAL_VERSION below TLS 1.2, or DTLS; WEIR_REFUSAL_SUITE;
 * WEIR_REFUSAL_READ_AHEAD; WEIR_REFUSAL_NO_EXPORT when the secrets were not heard;
 * WEIR_REFUSAL_NONCE_RULE when explicit nonces were not sequence numbers; WEIR_REFUSAL_NOT_PROVEN.
 * After a refusal and release() the application can call mbedtls_ssl_set_bio and go on without
 * weir: the library stands right behind the bytes consumed. A context whose keys were taken must
 * never get a transport again, also not after release(): it would repeat nonces. Free it, or call
 * mbedtls_ssl_session_reset.
 *
 * Returns the binding, or NULL with `why` filled: WEIR_REFUSAL_VERSION for DTLS (2.28; 3.6 does not
 * tell); for a connection that mbedTLS has begun over another transport WEIR_REFUSAL_READ_AHEAD
 * when it holds bytes of the peer, else WEIR_REFUSAL_NO_EXPORT, because it does not tell its
 * sequence numbers (3.6 tells only of a handshake that is over); WEIR_REFUSAL_MEMORY.
 */
WEIR_API struct weir_handshake *weir_mbedtls_handshake(struct mbedtls_ssl_context *ssl,
                                                       struct weir_refusal *why);

/**
 * How many TLS 1.3 session tickets the library has announced through the member `deliver` (mbedTLS
 * 3.6 with mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets): when it grows,
 * mbedtls_ssl_get_session has a new one. `handshake` was made by weir_mbedtls_handshake.
 */
WEIR_API unsigned weir_mbedtls_tickets(const struct weir_handshake *handshake);

WEIR_END
#endif
