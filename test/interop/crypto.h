/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The primitives of the wire tap, straight from a TLS library: nothing of weir's providers is in
 * the way, so that what weir did is judged by code that weir did not use.
 */
#ifndef INTEROP_CRYPTO_H
#define INTEROP_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weir/suite.h>

/* What one AEAD call works on; nonce of 12 bytes, tag of 16. */
struct crypto_message {
    weir_alg alg;
    const uint8_t *key, *nonce, *aad;
    size_t aad_len;
};

/* in[0..len) is ciphertext and tag; len - 16 bytes go to `out`. False: the tag is wrong. */
bool crypto_open(const struct crypto_message *message, const uint8_t *in, size_t len, uint8_t *out);

/* The reverse, for the tests of the tap: len + 16 bytes go to `out`. */
bool crypto_seal(const struct crypto_message *message, const uint8_t *in, size_t len, uint8_t *out);

/* HMAC; `out` has WEIR_HASH_LEN(hash) bytes. */
bool crypto_hmac(weir_hash hash, const uint8_t *key, size_t key_len, const uint8_t *data,
                 size_t len, uint8_t *out);

/* SHA-256 of a stream. */
struct crypto_digest;
struct crypto_digest *crypto_digest_new(void);
void crypto_digest_add(struct crypto_digest *digest, const void *data, size_t len);
/* The digest of all that was added, as 64 hexadecimal digits; frees `digest`. */
void crypto_digest_end(struct crypto_digest *digest, char hex[65]);

#endif
