/* SPDX-License-Identifier: BSD-2-Clause */
/* Records in user space, by OpenSSL's ciphers: RFC 5246 section 6.2.3.3, RFC 5288, 7905, 8446. */
#include "check.h"
#include "raw.h"

#include <openssl/evp.h>
#include <string.h>

static size_t head_len(const struct raw_suite *suite)
{
    return raw_has_nonce(suite) ? 13 : 5;
}

static void put64(uint8_t out[8], uint64_t value)
{
    for (int i = 7; i >= 0; i--) {
        out[i] = (uint8_t)value;
        value >>= 8;
    }
}

/* The nonce of the record whose header, explicit nonce included, is at `head`. */
static void make_nonce(const struct raw_key *key, const uint8_t *head, uint8_t nonce[12])
{
    memcpy(nonce, key->iv, 12);
    if (raw_has_nonce(key->suite)) {
        memcpy(nonce + 4, head + 5, 8);
        return;
    }
    uint8_t seq[8];
    put64(seq, key->seq);
    for (int i = 0; i < 8; i++) {
        nonce[4 + i] ^= seq[i];
    }
}

/* `plain`: bytes that are encrypted. Returns the length of the additional data. */
static int make_aad(const struct raw_key *key, const uint8_t *head, size_t plain, uint8_t aad[13])
{
    if (key->suite->version == TLS_1_3_VERSION) {
        memcpy(aad, head, 5);
        return 5;
    }
    put64(aad, key->seq);
    memcpy(aad + 8, head, 3);
    aad[11] = (uint8_t)(plain >> 8);
    aad[12] = (uint8_t)plain;
    return 13;
}

/* Seals or opens `len` bytes at `data`, in place, with the tag behind them. */
static bool cipher(const struct raw_key *key, const uint8_t *head, uint8_t *data, size_t len,
                   bool seal)
{
    uint8_t nonce[12], aad[13], end[16];
    int n = 0, size = (int)len;
    make_nonce(key, head, nonce);
    int aad_len = make_aad(key, head, len, aad);
    EVP_CIPHER *evp = EVP_CIPHER_fetch(NULL, key->suite->evp, NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool good = evp != NULL && ctx != NULL &&
                EVP_CipherInit_ex2(ctx, evp, key->key, nonce, seal, NULL) == 1 &&
                EVP_CipherUpdate(ctx, NULL, &n, aad, aad_len) == 1;
    good = good && (seal || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, 16, data + len) == 1);
    good = good && (len == 0 || EVP_CipherUpdate(ctx, data, &n, data, size) == 1);
    good = good && EVP_CipherFinal_ex(ctx, end, &n) == 1;
    good = good && (!seal || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, data + len) == 1);
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(evp);
    return good;
}

size_t raw_seal(struct raw_key *key, uint8_t type, const void *data, size_t len, uint8_t *out)
{
    bool tls13 = key->suite->version == TLS_1_3_VERSION;
    size_t head = head_len(key->suite), plain = len + (tls13 ? 1 : 0);
    size_t length = head - 5 + plain + 16;
    out[0] = tls13 ? RAW_DATA : type;
    out[1] = out[2] = 3;
    out[3] = (uint8_t)(length >> 8);
    out[4] = (uint8_t)length;
    if (head == 13) {
        put64(out + 5, key->nonce++);
    }
    memcpy(out + head, data, len);
    if (tls13) {
        out[head + len] = type;
    }
    CHECK(cipher(key, out, out + head, plain, true));
    key->seq++;
    return 5 + length;
}

ssize_t raw_open(struct raw_key *key, const uint8_t *wire, size_t len, uint8_t *type, uint8_t *out)
{
    uint8_t body[RAW_RECORD];
    size_t head = head_len(key->suite);
    if (len < head + 16 || len > RAW_RECORD || len != 5 + ((size_t)wire[3] << 8 | wire[4])) {
        return -1;
    }
    size_t plain = len - head - 16;
    memcpy(body, wire + head, plain + 16);
    if (!cipher(key, wire, body, plain, false)) {
        return -1;
    }
    key->seq++;
    key->nonce++;
    *type = wire[0];
    if (key->suite->version == TLS_1_3_VERSION) {
        while (plain > 0 && body[plain - 1] == 0) {
            plain--;
        }
        if (plain == 0) {
            return -1;
        }
        *type = body[--plain];
    }
    memcpy(out, body, plain);
    return (ssize_t)plain;
}
