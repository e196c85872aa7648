/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * The AEADs of the models, by a TLS library directly and never by weir, so that a mistake of weir's
 * cannot be on both ends. OpenSSL where the build has it, else mbedTLS. Without state: a call
 * schedules the key again, which is fast enough for a model.
 */
#ifndef WEIR_SIM_AEAD_H
#define WEIR_SIM_AEAD_H

#include "base.h"

enum sim_alg { SIM_AES_128_GCM, SIM_AES_256_GCM, SIM_CHACHA20_POLY1305 };

#define SIM_MAX_KEY   32u
#define SIM_NONCE_LEN 12u
#define SIM_TAG_LEN   16u

/** Bytes of a key: 16 or 32. */
size_t sim_alg_key_len(enum sim_alg alg);

/** A key and what may vary from record to record but the content. */
struct sim_aead_op {
    enum sim_alg alg;
    const uint8_t *key;   /**< sim_alg_key_len(alg) bytes */
    const uint8_t *nonce; /**< SIM_NONCE_LEN bytes */
    const uint8_t *aad;
    size_t aad_len;
};

/**
 * Protects in[0..len) to out[0..len + SIM_TAG_LEN), the tag at the end. `out` may be `in`, but not
 * overlap it in another way. Never fails (a library that does ends the program).
 */
void sim_aead_seal(const struct sim_aead_op *op, const uint8_t *in, size_t len, uint8_t *out);

/**
 * Opens in[0..len), tag at the end, to out[0..len - SIM_TAG_LEN). False when the tag is wrong or
 * `len` is below SIM_TAG_LEN: `out` then holds zeros. `out` and `in` as above.
 */
bool sim_aead_open(const struct sim_aead_op *op, const uint8_t *in, size_t len, uint8_t *out);

/**
 * AES-GCM piece by piece, for models that see a record in segments: what they keep from one segment
 * to the next is this. `seal` decides the direction; what `op` points to is copied, and its
 * additional data is at most SIM_STREAM_AAD bytes. Free with sim_aead_stream_free.
 */
#define SIM_STREAM_AAD 13u
struct sim_aead_stream;
struct sim_aead_stream *sim_aead_stream_new(const struct sim_aead_op *op, bool seal);
/** The next in[0..len) to out[0..len), which may be `in`; any length at any time. */
void sim_aead_stream_update(struct sim_aead_stream *stream, const uint8_t *in, size_t len,
                            uint8_t *out);
/** Sealing: the tag of all that went through. Once, at the end. */
void sim_aead_stream_tag(struct sim_aead_stream *stream, uint8_t tag[SIM_TAG_LEN]);
/** Opening: whether `tag` is that of all that went through. Once, at the end. */
bool sim_aead_stream_verify(struct sim_aead_stream *stream, const uint8_t tag[SIM_TAG_LEN]);
/** NULL is fine. */
void sim_aead_stream_free(struct sim_aead_stream *stream);

/** "openssl" or "mbedtls". */
const char *sim_aead_library(void);

#endif
