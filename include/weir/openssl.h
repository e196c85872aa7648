/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * weir on OpenSSL 3: AEAD and KDF providers, and the handshake binding.
 */
#ifndef WEIR_OPENSSL_H
#define WEIR_OPENSSL_H

#include "aead.h"
#include "handshake.h"
#include "kdf.h"

WEIR_BEGIN

/** AES-GCM and ChaCha20-Poly1305 by EVP. Allocates one EVP_CIPHER_CTX per direction. */
WEIR_API extern const struct weir_aead weir_aead_openssl;

/** HMAC by EVP. */
WEIR_API extern const struct weir_kdf weir_kdf_openssl;

WEIR_END
#endif
