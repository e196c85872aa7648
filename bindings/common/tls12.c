/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls12.h"

#include <string.h>

#define LABEL    "key expansion"
#define SEED_LEN (sizeof(LABEL) - 1 + 2 * (size_t)WEIR_RANDOM_LEN)

/*
 * RFC 5246 section 5: P_hash(secret, seed) = HMAC(secret, A(1) + seed) + HMAC(secret, A(2) + seed)
 * and so on, where A(0) is the seed and A(i) = HMAC(secret, A(i - 1)). Fills out[0..len).
 */
static weir_status expand(const struct weir_kdf *kdf, weir_hash hash, const uint8_t *master,
                          const uint8_t *seed, uint8_t *out, size_t len)
{
    size_t hash_len = WEIR_HASH_LEN(hash);
    uint8_t a_and_seed[WEIR_MAX_SECRET + SEED_LEN];
    uint8_t block[WEIR_MAX_SECRET];

    weir_status status = kdf->hmac(hash, master, WEIR_MASTER_LEN, seed, SEED_LEN, a_and_seed);
    memcpy(a_and_seed + hash_len, seed, SEED_LEN);
    for (size_t done = 0; status == WEIR_OK && done < len; done += hash_len) {
        size_t here = len - done < hash_len ? len - done : hash_len;
        status = kdf->hmac(hash, master, WEIR_MASTER_LEN, a_and_seed, hash_len + SEED_LEN, block);
        if (status != WEIR_OK)
            break;
        memcpy(out + done, block, here);
        status = kdf->hmac(hash, master, WEIR_MASTER_LEN, a_and_seed, hash_len, block);
        memcpy(a_and_seed, block, hash_len);
    }
    weir_wipe(a_and_seed, sizeof a_and_seed);
    weir_wipe(block, sizeof block);
    return status;
}

/* RFC 5246 section 6.3: "key_block = PRF(SecurityParameters.master_secret, "key expansion",
 * SecurityParameters.server_random + SecurityParameters.client_random);" */
static weir_status key_block(const struct weir_kdf *kdf, const struct weir_tls12 *from,
                             weir_hash hash, uint8_t *out, size_t len)
{
    uint8_t seed[SEED_LEN];
    const size_t label_len = sizeof(LABEL) - 1;

    memcpy(seed, LABEL, label_len);
    memcpy(seed + label_len, from->server_random, WEIR_RANDOM_LEN);
    memcpy(seed + label_len + WEIR_RANDOM_LEN, from->client_random, WEIR_RANDOM_LEN);
    return expand(kdf, hash, from->master, seed, out, len);
}

weir_status weir_tls12_keys(const struct weir_kdf *kdf, const struct weir_tls12 *from,
                            struct weir_keys *tx, struct weir_keys *rx)
{
    const struct weir_suite *suite = weir_suite_find(from->suite);
    struct weir_keys *client = from->server ? rx : tx;
    struct weir_keys *server = from->server ? tx : rx;
    uint8_t block[2 * (WEIR_MAX_KEY + WEIR_IV_LEN)];

    weir_keys_wipe(tx);
    weir_keys_wipe(rx);
    if (suite == NULL || suite->version != WEIR_TLS12 || kdf->abi != WEIR_KDF_ABI ||
        (kdf->hashes & 1u << suite->hash) == 0)
        return WEIR_E_MISUSE;

    /* RFC 5288 section 3: 4 bytes of salt. RFC 7905 section 2: 12 bytes of IV. */
    size_t key_len = weir_alg_key_len((weir_alg)suite->alg);
    size_t iv_len = suite->alg == WEIR_CHACHA20_POLY1305 ? WEIR_IV_LEN : 4;
    weir_status status =
        key_block(kdf, from, (weir_hash)suite->hash, block, 2 * (key_len + iv_len));
    if (status == WEIR_OK) {
        memcpy(client->key, block, key_len);
        memcpy(server->key, block + key_len, key_len);
        memcpy(client->iv, block + 2 * key_len, iv_len);
        memcpy(server->iv, block + 2 * key_len + iv_len, iv_len);
        client->version = server->version = WEIR_TLS12;
        client->suite = server->suite = from->suite;
    }
    weir_wipe(block, sizeof block);
    return status;
}
