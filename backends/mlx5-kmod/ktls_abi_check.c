/* SPDX-License-Identifier: BSD-2-Clause */
/* On FreeBSD, holds our own numbers and offsets against the system's headers. */
#include "ktls_abi.h"

#ifdef __FreeBSD__
#include <sys/types.h>

#include <crypto/cryptodev.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ktls.h>

#define SAME(ours, theirs) _Static_assert((ours) == (theirs), "differs from " #theirs)

SAME(KTLS_IPPROTO_TCP, IPPROTO_TCP);
SAME(KTLS_TXTLS_ENABLE, TCP_TXTLS_ENABLE);
SAME(KTLS_TXTLS_MODE, TCP_TXTLS_MODE);
SAME(KTLS_RXTLS_ENABLE, TCP_RXTLS_ENABLE);
SAME(KTLS_RXTLS_MODE, TCP_RXTLS_MODE);
SAME(KTLS_MODE_NONE, TCP_TLS_MODE_NONE);
SAME(KTLS_MODE_SW, TCP_TLS_MODE_SW);
SAME(KTLS_MODE_IFNET, TCP_TLS_MODE_IFNET);
SAME(KTLS_MODE_TOE, TCP_TLS_MODE_TOE);
SAME(KTLS_SET_RECORD_TYPE, TLS_SET_RECORD_TYPE);
SAME(KTLS_GET_RECORD, TLS_GET_RECORD);
SAME(KTLS_GET_RECORD_LEN, sizeof(struct tls_get_record));
SAME(4, offsetof(struct tls_get_record, tls_length));
SAME(KTLS_AES_NIST_GCM_16, CRYPTO_AES_NIST_GCM_16);
SAME(KTLS_CHACHA20_POLY1305, CRYPTO_CHACHA20_POLY1305);
SAME(KTLS_MAJOR, TLS_MAJOR_VER_ONE);
SAME(KTLS_MINOR_TWO, TLS_MINOR_VER_TWO);
SAME(KTLS_MINOR_THREE, TLS_MINOR_VER_THREE);

#define WIDTH sizeof(void *)
SAME(KTLS_AT_KEY(WIDTH), offsetof(struct tls_enable, cipher_key));
SAME(KTLS_AT_IV(WIDTH), offsetof(struct tls_enable, iv));
SAME(2 * WIDTH, offsetof(struct tls_enable, auth_key));
SAME(KTLS_AT_NUMBERS(WIDTH), offsetof(struct tls_enable, cipher_algorithm));
SAME(KTLS_AT_NUMBERS(WIDTH) + 4, offsetof(struct tls_enable, cipher_key_len));
SAME(KTLS_AT_NUMBERS(WIDTH) + 8, offsetof(struct tls_enable, iv_len));
SAME(KTLS_AT_NUMBERS(WIDTH) + 12, offsetof(struct tls_enable, auth_algorithm));
SAME(KTLS_AT_NUMBERS(WIDTH) + 16, offsetof(struct tls_enable, auth_key_len));
SAME(KTLS_AT_NUMBERS(WIDTH) + 20, offsetof(struct tls_enable, flags));
SAME(KTLS_AT_VERSION(WIDTH), offsetof(struct tls_enable, tls_vmajor));
SAME(KTLS_AT_VERSION(WIDTH) + 1, offsetof(struct tls_enable, tls_vminor));
SAME(KTLS_AT_REC_SEQ(WIDTH), offsetof(struct tls_enable, rec_seq));
SAME(KTLS_ENABLE_LEN(WIDTH), sizeof(struct tls_enable));

#define WEIR_X(name, number) SAME(KTLS_E##name, E##name);
KTLS_ERRNO_LIST(WEIR_X)
#undef WEIR_X

#endif
