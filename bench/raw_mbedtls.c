/* SPDX-License-Identifier: BSD-2-Clause */
/* mbedtls_gcm in one call. It must not decrypt on top of its input, so that goes elsewhere. */
#include "raw_aead.h"

#include <mbedtls/gcm.h>
#include <weir/record.h>

static mbedtls_gcm_context gcm;
static uint8_t plain[WEIR_MAX_RECORD];

static bool start(weir_alg alg, const uint8_t *key)
{
    mbedtls_gcm_init(&gcm);
    return alg != WEIR_CHACHA20_POLY1305 &&
           mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key,
                              alg == WEIR_AES_128_GCM ? 128 : 256) == 0;
}

static bool seal(const struct raw_op *op)
{
    return mbedtls_gcm_crypt_and_tag(&gcm, MBEDTLS_GCM_ENCRYPT, op->len, op->nonce, WEIR_IV_LEN,
                                     op->aad, op->aad_len, op->in, op->out, WEIR_TAG_LEN,
                                     op->tag) == 0;
}

static bool open(const struct raw_op *op)
{
    return op->len <= sizeof plain &&
           mbedtls_gcm_auth_decrypt(&gcm, op->len, op->nonce, WEIR_IV_LEN, op->aad, op->aad_len,
                                    op->tag, WEIR_TAG_LEN, op->in, plain) == 0;
}

static void end(void)
{
    mbedtls_gcm_free(&gcm);
}

const struct raw raw_mbedtls = {"mbedtls", start, seal, open, end};
