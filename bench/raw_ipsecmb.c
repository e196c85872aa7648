/* SPDX-License-Identifier: BSD-2-Clause */
/* libipsec-mb's direct calls. */
#include "raw_aead.h"

#include <intel-ipsec-mb.h>
#include <string.h>
#include <weir/suite.h>

static IMB_MGR *mb;
static _Alignas(64) struct gcm_key_data expanded; /* the library stores to it by whole vectors */
static aes_gcm_enc_dec_t enc, dec;

static uint8_t chacha_key[32];
static bool is_chacha;

static bool start(weir_alg alg, const uint8_t *key)
{
    mb = alloc_mb_mgr(0);
    if (mb == NULL)
        return false;
    init_mb_mgr_auto(mb, NULL);
    is_chacha = alg == WEIR_CHACHA20_POLY1305;
    if (is_chacha) {
        memcpy(chacha_key, key, sizeof chacha_key);
        return imb_get_errno(mb) == 0;
    }
    enc = alg == WEIR_AES_128_GCM ? mb->gcm128_enc : mb->gcm256_enc;
    dec = alg == WEIR_AES_128_GCM ? mb->gcm128_dec : mb->gcm256_dec;
    if (alg == WEIR_AES_128_GCM)
        mb->gcm128_pre(key, &expanded);
    else
        mb->gcm256_pre(key, &expanded);
    return imb_get_errno(mb) == 0;
}

/* For ChaCha20-Poly1305 there is no call for a whole message. */
static void chacha(const struct raw_op *op, chacha_poly_enc_dec_update_t piece, uint8_t *tag)
{
    struct chacha20_poly1305_context_data state;

    mb->chacha20_poly1305_init(chacha_key, &state, op->nonce, op->aad, op->aad_len);
    piece(chacha_key, &state, op->out, op->in, op->len);
    mb->chacha20_poly1305_finalize(&state, tag, WEIR_TAG_LEN);
}

static bool seal(const struct raw_op *op)
{
    struct gcm_context_data state;

    if (is_chacha) {
        chacha(op, mb->chacha20_poly1305_enc_update, op->tag);
        return true;
    }
    enc(&expanded, &state, op->out, op->in, op->len, op->nonce, op->aad, op->aad_len, op->tag,
        WEIR_TAG_LEN);
    return true;
}

static bool open(const struct raw_op *op)
{
    struct gcm_context_data state;
    uint64_t tag[2], got[2];

    if (is_chacha)
        chacha(op, mb->chacha20_poly1305_dec_update, (uint8_t *)tag);
    else
        dec(&expanded, &state, op->out, op->in, op->len, op->nonce, op->aad, op->aad_len,
            (uint8_t *)tag, WEIR_TAG_LEN);
    memcpy(got, op->tag, sizeof got);
    return ((tag[0] ^ got[0]) | (tag[1] ^ got[1])) == 0;
}

static void end(void)
{
    free_mb_mgr(mb);
}

const struct raw raw_ipsecmb = {"ipsec-mb", start, seal, open, end};
