/* SPDX-License-Identifier: BSD-2-Clause */
/* The part of FreeBSD's crypto/cryptodev.h that weir uses, by its documented names and numbers. */
#define CRYPTO_AES_NIST_GCM_16   25
#define CRYPTO_CHACHA20_POLY1305 41
