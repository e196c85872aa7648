/* SPDX-License-Identifier: BSD-2-Clause */
#include "mem.h"
#include <weir/keys.h>

void weir_wipe(void *p, size_t len)
{
    memset(p, 0, len);
    /* The barrier makes the zeros observable, so that the store cannot be left out as dead. */
    __asm__ __volatile__("" : : "r"(p) : "memory");
}

void weir_keys_wipe(struct weir_keys *keys)
{
    weir_wipe(keys, sizeof *keys);
}

#if WEIR_HAS_TLS13

#define MAX_LABEL        12u
#define LABEL_PREFIX     "tls13 "
#define LABEL_PREFIX_LEN 6u

weir_status weir_expand_label(const struct weir_kdf *kdf, weir_hash hash, const uint8_t *secret,
                              const char *label, const uint8_t *context, size_t context_len,
                              uint8_t *out, size_t len)
{
    /* struct HkdfLabel, then the block counter of HKDF-Expand (RFC 5869 section 2.3). */
    uint8_t info[2 + 1 + LABEL_PREFIX_LEN + MAX_LABEL + 1 + WEIR_MAX_SECRET + 1];
    uint8_t block[WEIR_MAX_SECRET];
    size_t label_len = 0;

    while (label[label_len] != '\0')
        label_len++;
    if (len > WEIR_HASH_LEN(hash) || label_len > MAX_LABEL || context_len > WEIR_MAX_SECRET ||
        kdf == NULL || kdf->abi != WEIR_KDF_ABI || (kdf->hashes & (1u << hash)) == 0) {
        weir_wipe(out, len);
        return WEIR_E_MISUSE;
    }

    uint8_t *p = info;
    put_be16(p, len);
    p += 2;
    *p++ = (uint8_t)(LABEL_PREFIX_LEN + label_len);
    memcpy(p, LABEL_PREFIX, LABEL_PREFIX_LEN);
    p += LABEL_PREFIX_LEN;
    memcpy(p, label, label_len);
    p += label_len;
    *p++ = (uint8_t)context_len;
    if (context_len > 0)
        memcpy(p, context, context_len);
    p += context_len;
    *p++ = 1;

    weir_status status =
        kdf->hmac(hash, secret, WEIR_HASH_LEN(hash), info, (size_t)(p - info), block);
    if (status == WEIR_OK) {
        memcpy(out, block, len);
    } else {
        weir_wipe(out, len);
        status = WEIR_E_PROVIDER;
    }
    weir_wipe(block, sizeof block);
    return status;
}

/* RFC 8446 section 7.3: write key and IV of keys->secret. */
static weir_status derive_traffic_keys(struct weir_keys *keys, const struct weir_kdf *kdf,
                                       const struct weir_suite *suite)
{
    weir_hash hash = (weir_hash)suite->hash;
    size_t key_len = weir_alg_key_len((weir_alg)suite->alg);

    weir_status status =
        weir_expand_label(kdf, hash, keys->secret, "key", NULL, 0, keys->key, key_len);
    if (status == WEIR_OK)
        status = weir_expand_label(kdf, hash, keys->secret, "iv", NULL, 0, keys->iv, WEIR_IV_LEN);
    return status;
}

weir_status weir_keys_from_secret(struct weir_keys *keys, const struct weir_kdf *kdf,
                                  uint16_t suite, const uint8_t *secret, size_t len)
{
    const struct weir_suite *info = weir_suite_find(suite);

    if (info == NULL || info->version != WEIR_TLS13 || len != WEIR_HASH_LEN(info->hash)) {
        weir_keys_wipe(keys);
        return WEIR_E_MISUSE;
    }
    /* Before anything is wiped, because `secret` may lie in `keys`: zeros would be no secret. */
    uint8_t copy[WEIR_MAX_SECRET];
    memcpy(copy, secret, len);
    weir_keys_wipe(keys);
    keys->version = WEIR_TLS13;
    keys->suite = suite;
    keys->secret_len = (uint8_t)len;
    memcpy(keys->secret, copy, len);
    weir_wipe(copy, sizeof copy);
    keys->at.nonce_rule = WEIR_NONCE_IMPLICIT;

    weir_status status = derive_traffic_keys(keys, kdf, info);
    if (status != WEIR_OK)
        weir_keys_wipe(keys);
    return status;
}

weir_status weir_keys_update(struct weir_keys *keys, const struct weir_kdf *kdf)
{
    const struct weir_suite *info = weir_suite_find(keys->suite);
    weir_status status = WEIR_E_MISUSE;

    if (info != NULL && keys->version == WEIR_TLS13 &&
        keys->secret_len == WEIR_HASH_LEN(info->hash)) {
        /* Over the old secret, which is read before anything is written. */
        status = weir_expand_label(kdf, (weir_hash)info->hash, keys->secret, "traffic upd", NULL, 0,
                                   keys->secret, keys->secret_len);
        if (status == WEIR_OK && keys->at.epoch == UINT16_MAX)
            status = WEIR_E_KEY_LIMIT;
        if (status == WEIR_OK)
            status = derive_traffic_keys(keys, kdf, info);
    }
    if (status != WEIR_OK) {
        weir_keys_wipe(keys);
        return status;
    }
    /* RFC 8446 section 5.3: "Each sequence number is set to zero at the beginning of a connection
     * and whenever the key is changed". */
    keys->at.seq = 0;
    keys->at.unsure = 0;
    keys->at.blocks = 0;
    keys->at.epoch++;
    return WEIR_OK;
}

#endif
