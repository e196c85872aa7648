/* SPDX-License-Identifier: BSD-2-Clause */
#include "aead.h"

#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t sim_alg_key_len(enum sim_alg alg)
{
    return alg == SIM_AES_128_GCM ? 16 : 32;
}

const char *sim_aead_library(void)
{
    return "openssl";
}

static const EVP_CIPHER *cipher_of(enum sim_alg alg)
{
    switch (alg) {
    case SIM_AES_128_GCM:
        return EVP_aes_128_gcm();
    case SIM_AES_256_GCM:
        return EVP_aes_256_gcm();
    case SIM_CHACHA20_POLY1305:
        break;
    }
    return EVP_chacha20_poly1305();
}

static void need(bool holds)
{
    if (!holds) {
        fputs("sim: OpenSSL does not encrypt\n", stderr);
        abort();
    }
}

/* A context that has taken key, nonce and additional data. */
static EVP_CIPHER_CTX *begin(const struct sim_aead_op *op, size_t len, int seal)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n = 0;

    need(ctx != NULL && len <= INT_MAX && op->aad_len <= INT_MAX);
    need(EVP_CipherInit_ex(ctx, cipher_of(op->alg), NULL, op->key, op->nonce, seal) == 1);
    need(EVP_CipherUpdate(ctx, NULL, &n, op->aad, (int)op->aad_len) == 1);
    return ctx;
}

void sim_aead_seal(const struct sim_aead_op *op, const uint8_t *in, size_t len, uint8_t *out)
{
    EVP_CIPHER_CTX *ctx = begin(op, len, 1);
    int n = 0;

    if (len > 0)
        need(EVP_CipherUpdate(ctx, out, &n, in, (int)len) == 1 && (size_t)n == len);
    need(EVP_CipherFinal_ex(ctx, out + len, &n) == 1 && n == 0);
    need(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, SIM_TAG_LEN, out + len) == 1);
    EVP_CIPHER_CTX_free(ctx);
}

bool sim_aead_open(const struct sim_aead_op *op, const uint8_t *in, size_t len, uint8_t *out)
{
    uint8_t tag[SIM_TAG_LEN], none[SIM_TAG_LEN];
    int n = 0;

    if (len < SIM_TAG_LEN)
        return false;
    len -= SIM_TAG_LEN;
    memcpy(tag, in + len, SIM_TAG_LEN);
    EVP_CIPHER_CTX *ctx = begin(op, len, 0);
    if (len > 0)
        need(EVP_CipherUpdate(ctx, out, &n, in, (int)len) == 1 && (size_t)n == len);
    need(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, SIM_TAG_LEN, tag) == 1);
    bool right = EVP_CipherFinal_ex(ctx, none, &n) == 1;
    EVP_CIPHER_CTX_free(ctx);
    if (!right && len > 0)
        memset(out, 0, len);
    return right;
}

struct sim_aead_stream {
    EVP_CIPHER_CTX *ctx;
};

struct sim_aead_stream *sim_aead_stream_new(const struct sim_aead_op *op, bool seal)
{
    struct sim_aead_stream *stream = sim_alloc(sizeof *stream);

    need(op->alg != SIM_CHACHA20_POLY1305 && op->aad_len <= SIM_STREAM_AAD);
    stream->ctx = begin(op, 0, seal ? 1 : 0);
    return stream;
}

void sim_aead_stream_update(struct sim_aead_stream *stream, const uint8_t *in, size_t len,
                            uint8_t *out)
{
    int n = 0;

    need(len <= INT_MAX);
    if (len > 0)
        need(EVP_CipherUpdate(stream->ctx, out, &n, in, (int)len) == 1 && (size_t)n == len);
}

void sim_aead_stream_tag(struct sim_aead_stream *stream, uint8_t tag[SIM_TAG_LEN])
{
    uint8_t none[SIM_TAG_LEN];
    int n = 0;

    need(EVP_CipherFinal_ex(stream->ctx, none, &n) == 1 && n == 0);
    need(EVP_CIPHER_CTX_ctrl(stream->ctx, EVP_CTRL_AEAD_GET_TAG, SIM_TAG_LEN, tag) == 1);
}

bool sim_aead_stream_verify(struct sim_aead_stream *stream, const uint8_t tag[SIM_TAG_LEN])
{
    uint8_t copy[SIM_TAG_LEN], none[SIM_TAG_LEN];
    int n = 0;

    memcpy(copy, tag, sizeof copy);
    need(EVP_CIPHER_CTX_ctrl(stream->ctx, EVP_CTRL_AEAD_SET_TAG, SIM_TAG_LEN, copy) == 1);
    return EVP_CipherFinal_ex(stream->ctx, none, &n) == 1;
}

void sim_aead_stream_free(struct sim_aead_stream *stream)
{
    if (stream == NULL)
        return;
    EVP_CIPHER_CTX_free(stream->ctx);
    free(stream);
}
