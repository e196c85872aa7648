/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HMAC (RFC 2104), from which core builds HKDF-Expand-Label.
 */
#include "portable_hash.h"

#define INNER 0x36u
#define OUTER 0x5cu

/* Begins a hash with the key, filled up to a block, after a change of every byte of it. */
static void begin(struct weir_portable_hash *h, weir_hash hash, uint8_t key[HASH_MAX_BLOCK],
                  unsigned change)
{
    weir_portable_hash_begin(h, hash);
    for (uint32_t i = 0; i < h->block_len; i++)
        key[i] = (uint8_t)(key[i] ^ change);
    weir_portable_hash_add(h, key, h->block_len);
}

static weir_status portable_hmac(weir_hash hash, const uint8_t *key, size_t key_len,
                                 const uint8_t *message, size_t message_len, uint8_t *out)
{
    struct weir_portable_hash h;
    uint8_t block[HASH_MAX_BLOCK] = {0};

    if (hash != WEIR_SHA256 && hash != WEIR_SHA384)
        return WEIR_E_PROVIDER;
    /* RFC 2104 section 2: "Applications that use keys longer than B bytes will first hash the key
     * using H". */
    weir_portable_hash_begin(&h, hash);
    if (key_len > h.block_len) {
        weir_portable_hash_add(&h, key, key_len);
        weir_portable_hash_end(&h, block);
    } else if (key_len > 0) {
        memcpy(block, key, key_len);
    }
    begin(&h, hash, block, INNER);
    weir_portable_hash_add(&h, message, message_len);
    weir_portable_hash_end(&h, out);
    begin(&h, hash, block, INNER ^ OUTER);
    weir_portable_hash_add(&h, out, WEIR_HASH_LEN(hash));
    weir_portable_hash_end(&h, out);
    weir_wipe(block, sizeof block);
    return WEIR_OK;
}

const struct weir_kdf weir_kdf_portable = {
    .abi = WEIR_KDF_ABI,
    .hashes = 1u << WEIR_SHA256 | 1u << WEIR_SHA384,
    .name = "portable",
    .hmac = portable_hmac,
};
