/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Certificates with mbedTLS: what the library leaves to its user.
 */
#ifndef WEIR_TOOLS_TLS_MBEDTLS_H
#define WEIR_TOOLS_TLS_MBEDTLS_H

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Makes a P-256 key and a self-signed certificate for a day; both initialised and empty before.
 * 0, or an error of mbedTLS. */
int tls_mbedtls_self_signed(mbedtls_x509_crt *cert, mbedtls_pk_context *key,
                            mbedtls_ctr_drbg_context *random);

/* Whether the certificate names this IP address (4 or 16 bytes) as one of its own. */
bool tls_mbedtls_names_address(const mbedtls_x509_crt *cert, const uint8_t *address, size_t len);

#endif
