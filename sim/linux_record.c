/* SPDX-License-Identifier: BSD-2-Clause */
/* Key structures, and one record at a time. */
#include "linux_internal.h"

#include <stdlib.h>
#include <string.h>

static const struct linux_cipher ciphers[] = {
    {LINUX_CIPHER_AES_GCM_128, 8, 16, 4, true, true, true, SIM_AES_128_GCM},
    {LINUX_CIPHER_AES_GCM_256, 8, 32, 4, true, true, true, SIM_AES_256_GCM},
    {LINUX_CIPHER_AES_CCM_128, 8, 16, 4, true, false, false, SIM_AES_128_GCM},
    {LINUX_CIPHER_CHACHA20, 12, 32, 0, true, false, true, SIM_CHACHA20_POLY1305},
    {55, 8, 16, 4, true, false, false, SIM_AES_128_GCM}, /* SM4-GCM */
    {56, 8, 16, 4, true, false, false, SIM_AES_128_GCM}, /* SM4-CCM */
    {LINUX_CIPHER_ARIA_GCM_128, 8, 16, 4, false, false, false, SIM_AES_128_GCM},
    {LINUX_CIPHER_ARIA_GCM_256, 8, 32, 4, false, false, false, SIM_AES_256_GCM},
};

const struct linux_cipher *linux_cipher(uint16_t id)
{
    for (size_t i = 0; i < sizeof ciphers / sizeof *ciphers; i++) {
        if (ciphers[i].id == id)
            return &ciphers[i];
    }
    return NULL;
}

size_t linux_info_len(const struct linux_cipher *cipher)
{
    return LINUX_IV_OFFSET + cipher->iv_len + cipher->key_len + cipher->salt_len + 8u;
}

void linux_keys_read(struct linux_keys *keys, const struct linux_cipher *cipher,
                     const uint8_t *info)
{
    const uint8_t *p = info + LINUX_IV_OFFSET;

    memset(keys, 0, sizeof *keys);
    keys->cipher = cipher;
    memcpy(&keys->version, info, 2); /* in the order of the host */
    memcpy(keys->iv, p, cipher->iv_len);
    p += cipher->iv_len;
    memcpy(keys->key, p, cipher->key_len);
    p += cipher->key_len;
    sim_copy(keys->salt, p, cipher->salt_len);
    p += cipher->salt_len;
    keys->seq = sim_get_be64(p);
}

void linux_keys_write(const struct linux_keys *keys, uint8_t *info)
{
    const struct linux_cipher *cipher = keys->cipher;
    uint8_t *p = info + LINUX_IV_OFFSET;

    memcpy(info, &keys->version, 2);
    memcpy(info + 2, &cipher->id, 2);
    memcpy(p, keys->iv, cipher->iv_len);
    p += cipher->iv_len;
    memcpy(p, keys->key, cipher->key_len);
    p += cipher->key_len;
    sim_copy(p, keys->salt, cipher->salt_len);
    p += cipher->salt_len;
    sim_put_be64(p, keys->seq);
}

bool linux_explicit_nonce(const struct linux_keys *keys)
{
    return keys->version == LINUX_TLS_1_2 && keys->cipher->id != LINUX_CIPHER_CHACHA20;
}

size_t linux_prefix(const struct linux_keys *keys)
{
    return LINUX_HEADER + (linux_explicit_nonce(keys) ? 8 : 0);
}

size_t linux_least(const struct linux_keys *keys)
{
    return SIM_TAG_LEN + (linux_explicit_nonce(keys) ? 8 : 0);
}

size_t linux_most(const struct linux_keys *keys)
{
    return LINUX_MAX_PLAINTEXT + linux_least(keys) + (keys->version == LINUX_TLS_1_3 ? 1 : 0);
}

/* salt and explicit nonce, or the static IV combined with the record's number. */
static void make_nonce(const struct linux_keys *keys, const uint8_t *explicit_nonce,
                       uint8_t nonce[SIM_NONCE_LEN])
{
    uint8_t seq[8];

    memcpy(nonce, keys->salt, keys->cipher->salt_len);
    memcpy(nonce + keys->cipher->salt_len, keys->iv, keys->cipher->iv_len);
    if (linux_explicit_nonce(keys)) {
        memcpy(nonce + 4, explicit_nonce, 8);
        return;
    }
    sim_put_be64(seq, keys->seq);
    for (size_t i = 0; i < 8; i++)
        nonce[4 + i] ^= seq[i];
}

/* The additional data: in 1.3 always as of an application data record. Returns its length. */
static size_t make_aad(const struct linux_keys *keys, uint8_t type, size_t plain_len,
                       uint8_t aad[13])
{
    uint8_t *p = aad;

    if (keys->version == LINUX_TLS_1_3) {
        type = LINUX_TYPE_DATA;
        plain_len += SIM_TAG_LEN;
    } else {
        sim_put_be64(p, keys->seq);
        p += 8;
    }
    p[0] = type;
    p[1] = 3;
    p[2] = 3;
    sim_put_be16(p + 3, (uint16_t)plain_len);
    return (size_t)(p + 5 - aad);
}

size_t linux_seal(const struct linux_keys *keys, struct sim_ledger *ledger, uint8_t type,
                  const uint8_t *content, size_t len, uint8_t *out)
{
    uint8_t nonce[SIM_NONCE_LEN], aad[13];
    size_t prefix = linux_prefix(keys);
    uint8_t *plain = out + prefix;

    sim_copy(plain, content, len);
    if (keys->version == LINUX_TLS_1_3)
        plain[len++] = type;
    make_nonce(keys, keys->iv, nonce);
    struct sim_aead_op op = {keys->cipher->alg, keys->key, nonce, aad,
                             make_aad(keys, type, len, aad)};
    if (ledger != NULL)
        sim_ledger_note(ledger, &op, plain, len);
    sim_aead_seal(&op, plain, len, plain);
    out[0] = keys->version == LINUX_TLS_1_3 ? LINUX_TYPE_DATA : type;
    out[1] = 3;
    out[2] = 3;
    sim_put_be16(out + 3, (uint16_t)(prefix - LINUX_HEADER + len + SIM_TAG_LEN));
    if (linux_explicit_nonce(keys))
        memcpy(out + LINUX_HEADER, keys->iv, 8);
    return prefix + len + SIM_TAG_LEN;
}

bool linux_advance(struct linux_keys *keys)
{
    if (linux_explicit_nonce(keys))
        sim_put_be64(keys->iv, sim_get_be64(keys->iv) + 1);
    return ++keys->seq == 0;
}

/* TLS 1.3: the type is the last byte that is not zero. */
static bool find_type(struct linux_record *record)
{
    while (record->len > 0) {
        record->type = record->bytes[--record->len];
        if (record->type != 0)
            return true;
    }
    return false;
}

struct linux_record *linux_open(const struct linux_keys *keys, const uint8_t *wire, size_t len)
{
    uint8_t nonce[SIM_NONCE_LEN], aad[13];
    size_t prefix = linux_prefix(keys);
    size_t plain_len = len - prefix - SIM_TAG_LEN;
    struct linux_record *record = sim_alloc(sizeof *record + plain_len);

    record->type = wire[0];
    record->len = plain_len;
    make_nonce(keys, wire + LINUX_HEADER, nonce);
    struct sim_aead_op op = {keys->cipher->alg, keys->key, nonce, aad,
                             make_aad(keys, wire[0], plain_len, aad)};
    if (sim_aead_open(&op, wire + prefix, len - prefix, record->bytes) &&
        (keys->version != LINUX_TLS_1_3 || find_type(record)))
        return record;
    free(record);
    return NULL;
}
