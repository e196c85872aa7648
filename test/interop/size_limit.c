/* SPDX-License-Identifier: BSD-2-Clause */
#include "size_limit.h"

#include <openssl/tls1.h>
#include <weir/record.h>

enum {
    RECORD_SIZE_LIMIT = 28,
    LEAST_FRAGMENT = 512, /* that OpenSSL can be asked for */
};

static struct {
    uint16_t ours;
    uint8_t bytes[2];
    uint16_t theirs; /* of this connection; 0: the peer has not said */
    size_t (*binding)(struct weir_handshake *hs, enum weir_dir dir);
    SSL *ssl;
    bool overstep;
} state;

/* "An endpoint MUST NOT send a value higher than the protocol-defined maximum record size": a
 * client does not know the version yet. */
static int add(SSL *ssl, unsigned type, unsigned context, const unsigned char **out, size_t *len,
               X509 *x, size_t chain, int *alert, void *arg)
{
    (void)ssl, (void)type, (void)x, (void)chain, (void)alert, (void)arg;
    uint16_t ours = state.ours;
    if ((context & SSL_EXT_TLS1_2_SERVER_HELLO) != 0 && ours > WEIR_MAX_PLAINTEXT)
        ours = WEIR_MAX_PLAINTEXT;
    state.bytes[0] = (uint8_t)(ours >> 8);
    state.bytes[1] = (uint8_t)ours;
    *out = state.bytes;
    *len = sizeof state.bytes;
    return 1;
}

/* "An endpoint MUST treat receipt of a smaller value as a fatal error and generate an
 * illegal_parameter alert": smaller than 64. What OpenSSL itself protects counts, too, but it can
 * be asked for 512 bytes at the least. */
static int parse(SSL *ssl, unsigned type, unsigned context, const unsigned char *in, size_t len,
                 X509 *x, size_t chain, int *alert, void *arg)
{
    (void)type, (void)context, (void)x, (void)chain, (void)arg;
    *alert = len == 2 ? SSL_AD_ILLEGAL_PARAMETER : SSL_AD_DECODE_ERROR;
    if (len != 2)
        return 0;
    state.theirs = (uint16_t)(in[0] << 8 | in[1]);
    if (state.theirs < 64)
        return 0;
    size_t most = state.theirs <= LEAST_FRAGMENT ? LEAST_FRAGMENT : state.theirs - 1u;
    most = most > WEIR_MAX_PLAINTEXT ? WEIR_MAX_PLAINTEXT : most;
    return SSL_set_max_send_fragment(ssl, (long)most) == 1;
}

bool size_limit_offer(SSL_CTX *ctx, uint16_t limit)
{
    state.ours = limit;
    return SSL_CTX_add_custom_ext(ctx, RECORD_SIZE_LIMIT,
                                  SSL_EXT_CLIENT_HELLO | SSL_EXT_TLS1_2_SERVER_HELLO |
                                      SSL_EXT_TLS1_3_ENCRYPTED_EXTENSIONS,
                                  add, NULL, NULL, parse, NULL) == 1;
}

/* In TLS 1.3 the limit counts the content type, too, and up to 2^14 + 1. */
static size_t record_limit(struct weir_handshake *hs, enum weir_dir dir)
{
    size_t limit = dir == WEIR_TX ? state.theirs : state.ours;
    size_t most = state.binding(hs, dir);

    if (state.theirs == 0 || (dir == WEIR_TX && state.overstep))
        return most;
    limit -= SSL_version(state.ssl) == TLS1_3_VERSION ? 1 : 0;
    return limit < most ? limit : most;
}

void size_limit_heed(struct weir_handshake *hs, SSL *ssl, bool overstep)
{
    state.theirs = 0;
    state.binding = hs->record_limit;
    state.ssl = ssl;
    state.overstep = overstep;
    hs->record_limit = record_limit;
}
