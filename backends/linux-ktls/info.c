/* SPDX-License-Identifier: BSD-2-Clause */
/* The structures that carry keys into the kernel and positions out of it. */
#include "abi.h"

#include <weir/suite.h>

static const struct ktls_layout layouts[WEIR_ALG_COUNT] = {
    [WEIR_AES_128_GCM] = {.cipher = KTLS_AES_GCM_128, 8, 16, 4, 40},
    [WEIR_AES_256_GCM] = {.cipher = KTLS_AES_GCM_256, 8, 32, 4, 56},
    [WEIR_CHACHA20_POLY1305] = {.cipher = KTLS_CHACHA20_POLY1305, 12, 32, 0, 56},
};

#define SEQ_LEN 8u

static void put(uint8_t *to, const uint8_t *from, size_t len)
{
    for (size_t i = 0; i < len; i++)
        to[i] = from[i];
}

static void put_be64(uint8_t *to, uint64_t value)
{
    for (size_t i = 0; i < 8; i++)
        to[i] = (uint8_t)(value >> (56 - 8 * i));
}

static uint64_t get_be64(const uint8_t *from)
{
    uint64_t value = 0;

    for (size_t i = 0; i < 8; i++)
        value = value << 8 | from[i];
    return value;
}

const struct ktls_layout *weir_ktls_layout(uint16_t version, uint16_t suite)
{
    const struct weir_suite *found = weir_suite_find(suite);

    return found != NULL && found->version == version ? &layouts[found->alg] : NULL;
}

void weir_ktls_info_write(uint8_t info[KTLS_MAX_INFO], const struct ktls_layout *layout,
                          const struct weir_keys *keys, enum weir_dir dir)
{
    const uint16_t head[2] = {keys->version, layout->cipher};
    uint8_t *iv = info + KTLS_IV_AT;
    uint8_t *key = iv + layout->iv_len;
    uint8_t *salt = key + layout->key_len;

    put(info, (const uint8_t *)head, sizeof head);
    /* The static IV begins with the salt. What follows it are the rest, or, in TLS 1.2 AES-GCM, the
     * explicit bytes of the next record (RFC 5288 section 3); for receiving the kernel takes these
     * from the wire. */
    put(salt, keys->iv, layout->salt_len);
    if (keys->version == WEIR_TLS13 || layout->salt_len == 0)
        put(iv, keys->iv + layout->salt_len, layout->iv_len);
    else
        put_be64(iv, dir == WEIR_TX ? keys->at.explicit_nonce : 0);
    put(key, keys->key, layout->key_len);
    put_be64(salt + layout->salt_len, keys->at.seq);
}

bool weir_ktls_info_read(const uint8_t *info, uint32_t len, uint16_t version,
                         const struct ktls_layout *layout, struct ktls_place *place)
{
    uint16_t head[2];

    if (len != layout->len)
        return false;
    put((uint8_t *)head, info, sizeof head);
    if (head[0] != version || head[1] != layout->cipher)
        return false;
    place->seq = get_be64(info + layout->len - SEQ_LEN);
    place->explicit_nonce = 0;
    if (version == WEIR_TLS12 && layout->salt_len > 0)
        place->explicit_nonce = get_be64(info + KTLS_IV_AT);
    return true;
}
