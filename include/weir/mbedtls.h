/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * weir on mbedTLS: AEAD and KDF providers, and the handshake binding.
 */
#ifndef WEIR_MBEDTLS_H
#define WEIR_MBEDTLS_H

#include "aead.h"
#include "handshake.h"
#include "kdf.h"

WEIR_BEGIN

/** AES-GCM and ChaCha20-Poly1305 by mbedtls_gcm and mbedtls_chachapoly. */
WEIR_API extern const struct weir_aead weir_aead_mbedtls;

/** HMAC by mbedtls_md. */
WEIR_API extern const struct weir_kdf weir_kdf_mbedtls;

WEIR_END
#endif
