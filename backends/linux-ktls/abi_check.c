/* SPDX-License-Identifier: BSD-2-Clause */
/* Holds our own numbers and layouts against the system's header, as far as that one knows them. */
#include "abi.h"

#if defined(__linux__) && defined(__has_include)
#if __has_include(<linux/tls.h>)
#include <linux/tls.h>

#define SAME(ours, theirs) _Static_assert((ours) == (theirs), "differs from " #theirs)

SAME(KTLS_TX, TLS_TX);
SAME(KTLS_SET_RECORD_TYPE, TLS_SET_RECORD_TYPE);
SAME(WEIR_TLS12, TLS_1_2_VERSION);
SAME(KTLS_AES_GCM_128, TLS_CIPHER_AES_GCM_128);
#ifdef TLS_RX
SAME(KTLS_RX, TLS_RX);
SAME(KTLS_GET_RECORD_TYPE, TLS_GET_RECORD_TYPE);
#endif
#ifdef TLS_TX_ZEROCOPY_RO
SAME(KTLS_TX_ZEROCOPY_RO, TLS_TX_ZEROCOPY_RO);
#endif
#ifdef TLS_RX_EXPECT_NO_PAD
SAME(KTLS_RX_EXPECT_NO_PAD, TLS_RX_EXPECT_NO_PAD);
#endif
#ifdef TLS_TX_MAX_PAYLOAD_LEN
SAME(KTLS_TX_MAX_PAYLOAD_LEN, TLS_TX_MAX_PAYLOAD_LEN);
#endif
#ifdef TLS_1_3_VERSION
SAME(WEIR_TLS13, TLS_1_3_VERSION);
#endif

/* Offsets and sizes; those on the left are the arithmetic of struct ktls_layout. */
#define LAYOUT(type, iv_len, key_len, salt_len)                                                    \
    SAME(KTLS_IV_AT, offsetof(struct type, iv));                                                   \
    SAME(KTLS_IV_AT + (iv_len), offsetof(struct type, key));                                       \
    SAME(KTLS_IV_AT + (iv_len) + (key_len), offsetof(struct type, salt));                          \
    SAME(KTLS_IV_AT + (iv_len) + (key_len) + (salt_len), offsetof(struct type, rec_seq));          \
    SAME(KTLS_IV_AT + (iv_len) + (key_len) + (salt_len) + 8, sizeof(struct type))

LAYOUT(tls12_crypto_info_aes_gcm_128, 8, 16, 4);
#ifdef TLS_CIPHER_AES_GCM_256
SAME(KTLS_AES_GCM_256, TLS_CIPHER_AES_GCM_256);
LAYOUT(tls12_crypto_info_aes_gcm_256, 8, 32, 4);
#endif
#ifdef TLS_CIPHER_CHACHA20_POLY1305
SAME(KTLS_CHACHA20_POLY1305, TLS_CIPHER_CHACHA20_POLY1305);
LAYOUT(tls12_crypto_info_chacha20_poly1305, 12, 32, 0);
#endif

#endif
#endif
