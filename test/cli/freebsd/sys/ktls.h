/* SPDX-License-Identifier: BSD-2-Clause */
/* The part of FreeBSD's sys/ktls.h that weir uses, by its documented names and numbers. */
#include <stdint.h>

#define TLS_AEAD_GCM_LEN  4
#define TLS_MAJOR_VER_ONE 3
#define TLS_MINOR_VER_TWO 3

struct tls_enable {
    const uint8_t *cipher_key, *iv, *auth_key;
    int cipher_algorithm, cipher_key_len, iv_len, auth_algorithm, auth_key_len, flags;
    uint8_t tls_vmajor, tls_vminor, rec_seq[8];
};
