/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HMAC on mbedTLS, from which core builds HKDF-Expand-Label.
 */
#include <weir/mbedtls.h>

#include <mbedtls/md.h>
#include <mbedtls/version.h>

static weir_status hmac(weir_hash hash, const uint8_t *key, size_t key_len, const uint8_t *message,
                        size_t message_len, uint8_t *out)
{
    const mbedtls_md_info_t *md =
        mbedtls_md_info_from_type(hash == WEIR_SHA384 ? MBEDTLS_MD_SHA384 : MBEDTLS_MD_SHA256);

    if (md == NULL || mbedtls_md_hmac(md, key, key_len, message, message_len, out) != 0) {
        return WEIR_E_PROVIDER;
    }
    return WEIR_OK;
}

#if defined(MBEDTLS_SHA256_C)
#define HAVE_SHA256 (1u << WEIR_SHA256)
#else
#define HAVE_SHA256 0u
#endif

/* 2.28 has SHA-384 inside SHA-512, 3.x as an option of its own. */
#if MBEDTLS_VERSION_NUMBER < 0x03000000
#if defined(MBEDTLS_SHA512_C) && !defined(MBEDTLS_SHA512_NO_SHA384)
#define HAVE_SHA384 (1u << WEIR_SHA384)
#else
#define HAVE_SHA384 0u
#endif
#elif defined(MBEDTLS_SHA384_C)
#define HAVE_SHA384 (1u << WEIR_SHA384)
#else
#define HAVE_SHA384 0u
#endif

const struct weir_kdf weir_kdf_mbedtls = {
    .abi = WEIR_KDF_ABI,
    .hashes = HAVE_SHA256 | HAVE_SHA384,
    .name = "mbedtls",
    .hmac = hmac,
};
