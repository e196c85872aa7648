/* SPDX-License-Identifier: BSD-2-Clause */
#include "digest.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef WEIR_HAVE_OPENSSL /* the faster one where both are there */
#include <openssl/evp.h>

struct digest {
    EVP_MD_CTX *ctx;
};

struct digest *digest_new(void)
{
    struct digest *digest = calloc(1, sizeof *digest);
    if (digest != NULL) {
        digest->ctx = EVP_MD_CTX_new();
        if (digest->ctx == NULL || EVP_DigestInit_ex(digest->ctx, EVP_sha256(), NULL) != 1) {
            digest_free(digest);
            return NULL;
        }
    }
    return digest;
}

void digest_add(struct digest *digest, const void *data, size_t len)
{
    (void)EVP_DigestUpdate(digest->ctx, data, len);
}

static void finish(struct digest *digest, uint8_t out[32])
{
    (void)EVP_DigestFinal_ex(digest->ctx, out, NULL);
}

void digest_free(struct digest *digest)
{
    if (digest != NULL) {
        EVP_MD_CTX_free(digest->ctx);
        free(digest);
    }
}
#else
#include <mbedtls/sha256.h>
#include <mbedtls/version.h>

#if MBEDTLS_VERSION_MAJOR < 3
#define mbedtls_sha256_starts mbedtls_sha256_starts_ret
#define mbedtls_sha256_update mbedtls_sha256_update_ret
#define mbedtls_sha256_finish mbedtls_sha256_finish_ret
#endif

struct digest {
    mbedtls_sha256_context ctx;
};

struct digest *digest_new(void)
{
    struct digest *digest = calloc(1, sizeof *digest);
    if (digest != NULL) {
        mbedtls_sha256_init(&digest->ctx);
        if (mbedtls_sha256_starts(&digest->ctx, 0) != 0) {
            digest_free(digest);
            return NULL;
        }
    }
    return digest;
}

void digest_add(struct digest *digest, const void *data, size_t len)
{
    (void)mbedtls_sha256_update(&digest->ctx, data, len);
}

static void finish(struct digest *digest, uint8_t out[32])
{
    (void)mbedtls_sha256_finish(&digest->ctx, out);
}

void digest_free(struct digest *digest)
{
    if (digest != NULL) {
        mbedtls_sha256_free(&digest->ctx);
        free(digest);
    }
}
#endif

struct digest_text digest_end(struct digest *digest)
{
    struct digest_text text = {{0}};
    uint8_t out[32] = {0};
    finish(digest, out);
    for (size_t i = 0; i < sizeof out; i++) {
        (void)snprintf(text.hex + 2 * i, 3, "%02x", out[i]);
    }
    return text;
}
