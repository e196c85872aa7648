/* SPDX-License-Identifier: BSD-2-Clause */
#include "provision.h"

#include <string.h>
#include <weir/record.h>

#define LAYOUT     1u
#define LEAST_RX   64u
#define SIGNED_LEN 256u
#define HMAC_LEN   32u
#define KEYS_LEN   120u
#define AT_SEND    16u
#define AT_RECEIVE (AT_SEND + KEYS_LEN)

static const uint8_t magic[4] = {'w', 'e', 'i', 'r'};
static const uint8_t hmac_key[] = "weir firmware-echo";

static void put(uint8_t *at, size_t bytes, uint64_t value)
{
    for (size_t i = bytes; i-- > 0; value >>= 8)
        at[i] = (uint8_t)value;
}

static uint64_t get(const uint8_t *at, size_t bytes)
{
    uint64_t value = 0;

    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

static weir_status sign(const struct weir_kdf *kdf, const uint8_t *message, uint8_t *out)
{
    return kdf->hmac(WEIR_SHA256, hmac_key, sizeof hmac_key - 1, message, SIGNED_LEN, out);
}

static void put_keys(uint8_t *at, const struct weir_keys *keys)
{
    memcpy(at, keys->key, 32);
    memcpy(at + 32, keys->iv, 12);
    memcpy(at + 44, keys->secret, 48);
    put(at + 92, 8, keys->at.seq);
    put(at + 100, 8, keys->at.explicit_nonce);
    put(at + 108, 8, keys->at.blocks);
    put(at + 116, 2, keys->at.epoch);
    put(at + 118, 1, keys->at.nonce_rule);
}

static void get_keys(struct weir_keys *keys, const uint8_t *message, const uint8_t *at)
{
    keys->version = (uint16_t)get(message + 10, 2);
    keys->suite = (uint16_t)get(message + 12, 2);
    keys->secret_len = message[14];
    memcpy(keys->key, at, 32);
    memcpy(keys->iv, at + 32, 12);
    memcpy(keys->secret, at + 44, 48);
    keys->at.seq = get(at + 92, 8);
    keys->at.explicit_nonce = get(at + 100, 8);
    keys->at.blocks = get(at + 108, 8);
    keys->at.epoch = (uint16_t)get(at + 116, 2);
    keys->at.nonce_rule = at[118];
}

bool provision_encode(const struct provision *from, const struct weir_kdf *kdf,
                      uint8_t out[PROVISION_LEN])
{
    const struct weir_keys *tx = &from->tx, *rx = &from->rx;

    memset(out, 0, PROVISION_LEN);
    if (tx->version != rx->version || tx->suite != rx->suite || tx->secret_len != rx->secret_len ||
        tx->at.unsure != 0 || rx->at.unsure != 0)
        return false;
    memcpy(out, magic, sizeof magic);
    out[4] = LAYOUT;
    out[5] = from->server;
    put(out + 6, 2, from->tx_limit);
    put(out + 8, 2, from->rx_limit);
    put(out + 10, 2, tx->version);
    put(out + 12, 2, tx->suite);
    out[14] = tx->secret_len;
    put_keys(out + AT_SEND, tx);
    put_keys(out + AT_RECEIVE, rx);
    if (sign(kdf, out, out + SIGNED_LEN) == WEIR_OK)
        return true;
    weir_wipe(out, PROVISION_LEN);
    return false;
}

/* The values that are this message's own. */
static bool is_sound(const uint8_t *in)
{
    uint64_t tx_limit = get(in + 6, 2), rx_limit = get(in + 8, 2);

    return in[5] <= 1 && tx_limit >= 1 && tx_limit <= WEIR_MAX_PLAINTEXT && rx_limit >= LEAST_RX &&
           rx_limit <= WEIR_MAX_PLAINTEXT && in[14] <= WEIR_MAX_SECRET && in[15] == 0 &&
           in[AT_SEND + KEYS_LEN - 1] == 0 && in[AT_RECEIVE + KEYS_LEN - 1] == 0;
}

weir_status provision_decode(struct provision *to, const struct weir_kdf *kdf,
                             const uint8_t in[PROVISION_LEN])
{
    uint8_t hmac[HMAC_LEN];

    memset(to, 0, sizeof *to);
    if (sign(kdf, in, hmac) != WEIR_OK)
        return WEIR_E_PROVIDER;
    if (memcmp(hmac, in + SIGNED_LEN, HMAC_LEN) != 0)
        return WEIR_E_AUTH;
    if (memcmp(in, magic, sizeof magic) != 0 || in[4] != LAYOUT)
        return WEIR_E_VERSION;
    if (!is_sound(in))
        return WEIR_E_PARAM;
    to->server = in[5] == 1;
    to->tx_limit = (uint16_t)get(in + 6, 2);
    to->rx_limit = (uint16_t)get(in + 8, 2);
    get_keys(&to->tx, in, in + AT_SEND);
    get_keys(&to->rx, in, in + AT_RECEIVE);
    return WEIR_OK;
}
