/* SPDX-License-Identifier: BSD-2-Clause */
/* HMAC by OpenSSL. */
#include <weir/openssl.h>

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

static weir_status openssl_hmac(weir_hash hash, const uint8_t *key, size_t key_len,
                                const uint8_t *message, size_t message_len, uint8_t *out)
{
    unsigned n = 0;
    const EVP_MD *md = hash == WEIR_SHA384 ? EVP_sha384() : EVP_sha256();

    if (key_len > INT_MAX || HMAC(md, key, (int)key_len, message, message_len, out, &n) == NULL ||
        n != WEIR_HASH_LEN(hash))
        return WEIR_E_PROVIDER;
    return WEIR_OK;
}

const struct weir_kdf weir_kdf_openssl = {
    .abi = WEIR_KDF_ABI,
    .hashes = 1u << WEIR_SHA256 | 1u << WEIR_SHA384,
    .name = "openssl",
    .hmac = openssl_hmac,
};
