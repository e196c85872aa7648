/* SPDX-License-Identifier: BSD-2-Clause */
#include "aead.h"

#include <mbedtls/chachapoly.h>
#include <mbedtls/gcm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t sim_alg_key_len(enum sim_alg alg)
{
    return alg == SIM_AES_128_GCM ? 16 : 32;
}

const char *sim_aead_library(void)
{
    return "mbedtls";
}

static void need(bool holds)
{
    if (!holds) {
        fputs("sim: mbedTLS does not encrypt\n", stderr);
        abort();
    }
}

static void gcm_init(mbedtls_gcm_context *gcm, const struct sim_aead_op *op)
{
    mbedtls_gcm_init(gcm);
    need(mbedtls_gcm_setkey(gcm, MBEDTLS_CIPHER_ID_AES, op->key,
                            (unsigned)sim_alg_key_len(op->alg) * 8) == 0);
}

static void chachapoly_init(mbedtls_chachapoly_context *ctx, const struct sim_aead_op *op)
{
    mbedtls_chachapoly_init(ctx);
    need(mbedtls_chachapoly_setkey(ctx, op->key) == 0);
}

void sim_aead_seal(const struct sim_aead_op *op, const uint8_t *in, size_t len, uint8_t *out)
{
    if (op->alg == SIM_CHACHA20_POLY1305) {
        mbedtls_chachapoly_context ctx;

        chachapoly_init(&ctx, op);
        need(mbedtls_chachapoly_encrypt_and_tag(&ctx, len, op->nonce, op->aad, op->aad_len, in, out,
                                                out + len) == 0);
        mbedtls_chachapoly_free(&ctx);
        return;
    }
    mbedtls_gcm_context gcm;
    gcm_init(&gcm, op);
    need(mbedtls_gcm_crypt_and_tag(&gcm, MBEDTLS_GCM_ENCRYPT, len, op->nonce, SIM_NONCE_LEN,
                                   op->aad, op->aad_len, in, out, SIM_TAG_LEN, out + len) == 0);
    mbedtls_gcm_free(&gcm);
}

/* mbedTLS does not promise to open in place. */
static bool open_apart(const struct sim_aead_op *op, const uint8_t *in, size_t len, uint8_t *out)
{
    const uint8_t *tag = in + len;
    int status;

    if (op->alg == SIM_CHACHA20_POLY1305) {
        mbedtls_chachapoly_context ctx;

        chachapoly_init(&ctx, op);
        status = mbedtls_chachapoly_auth_decrypt(&ctx, len, op->nonce, op->aad, op->aad_len, tag,
                                                 in, out);
        mbedtls_chachapoly_free(&ctx);
        need(status == 0 || status == MBEDTLS_ERR_CHACHAPOLY_AUTH_FAILED);
        return status == 0;
    }
    mbedtls_gcm_context gcm;
    gcm_init(&gcm, op);
    status = mbedtls_gcm_auth_decrypt(&gcm, len, op->nonce, SIM_NONCE_LEN, op->aad, op->aad_len,
                                      tag, SIM_TAG_LEN, in, out);
    mbedtls_gcm_free(&gcm);
    need(status == 0 || status == MBEDTLS_ERR_GCM_AUTH_FAILED);
    return status == 0;
}

bool sim_aead_open(const struct sim_aead_op *op, const uint8_t *in, size_t len, uint8_t *out)
{
    if (len < SIM_TAG_LEN)
        return false;
    len -= SIM_TAG_LEN;
    uint8_t *plain = sim_alloc(len);
    bool right = open_apart(op, in, len, plain);
    if (right)
        sim_copy(out, plain, len);
    else if (len > 0)
        memset(out, 0, len);
    free(plain);
    return right;
}

/* mbedTLS 2.28 takes pieces only in multiples of a block, and 3 has other signatures for it. So
 * this keeps the record and goes through it from its beginning each time: slower, and the same
 * bytes. */
struct sim_aead_stream {
    struct sim_aead_op op;
    uint8_t key[SIM_MAX_KEY], nonce[SIM_NONCE_LEN], aad[SIM_STREAM_AAD];
    uint8_t *record; /* what went in */
    size_t len;
    bool seal;
};

struct sim_aead_stream *sim_aead_stream_new(const struct sim_aead_op *op, bool seal)
{
    struct sim_aead_stream *stream = sim_alloc(sizeof *stream);

    need(op->alg != SIM_CHACHA20_POLY1305 && op->aad_len <= SIM_STREAM_AAD);
    stream->seal = seal;
    memcpy(stream->key, op->key, sim_alg_key_len(op->alg));
    memcpy(stream->nonce, op->nonce, SIM_NONCE_LEN);
    sim_copy(stream->aad, op->aad, op->aad_len);
    stream->op =
        (struct sim_aead_op){op->alg, stream->key, stream->nonce, stream->aad, op->aad_len};
    return stream;
}

void sim_aead_stream_update(struct sim_aead_stream *stream, const uint8_t *in, size_t len,
                            uint8_t *out)
{
    size_t from = stream->len;
    uint8_t *all = sim_alloc(from + len + SIM_TAG_LEN);

    stream->record = sim_realloc(stream->record, from + len);
    sim_copy(stream->record + from, in, len);
    stream->len += len;
    if (stream->seal)
        sim_copy(all, stream->record, stream->len);
    sim_aead_seal(&stream->op, all, stream->len, all);
    /* Opening, `all` is the keystream: zeros were sealed. */
    for (size_t i = 0; i < len; i++)
        out[i] = stream->seal ? all[from + i] : (uint8_t)(all[from + i] ^ in[i]);
    free(all);
}

void sim_aead_stream_tag(struct sim_aead_stream *stream, uint8_t tag[SIM_TAG_LEN])
{
    uint8_t *all = sim_alloc(stream->len + SIM_TAG_LEN);

    sim_aead_seal(&stream->op, stream->record, stream->len, all);
    memcpy(tag, all + stream->len, SIM_TAG_LEN);
    free(all);
}

bool sim_aead_stream_verify(struct sim_aead_stream *stream, const uint8_t tag[SIM_TAG_LEN])
{
    uint8_t *all = sim_alloc(stream->len + SIM_TAG_LEN);

    sim_copy(all, stream->record, stream->len);
    memcpy(all + stream->len, tag, SIM_TAG_LEN);
    bool right = sim_aead_open(&stream->op, all, stream->len + SIM_TAG_LEN, all);
    free(all);
    return right;
}

void sim_aead_stream_free(struct sim_aead_stream *stream)
{
    if (stream == NULL)
        return;
    free(stream->record);
    free(stream);
}
