/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * mbedTLS for weir's providers in firmware, and for nothing else: AES-GCM of both key lengths, and
 * HMAC with SHA-256 and SHA-384 for KeyUpdate. For mbedTLS 2.28 and 3.6, by
 * -DMBEDTLS_CONFIG_FILE='"weir_mbedtls_config.h"' for the library and for whatever includes its
 * headers. What a handshake by mbedTLS needs comes on top.
 */
#ifndef WEIR_EXAMPLE_MBEDTLS_CONFIG_H
#define WEIR_EXAMPLE_MBEDTLS_CONFIG_H

#define MBEDTLS_AES_C
#define MBEDTLS_GCM_C
/* 2.28 goes from GCM to AES through its generic layer, which allocates; 3.6 has a smaller one for
 * the same, and takes that when this is not defined. (3.x tells its version before it comes here,
 * 2.28 does not.) */
#if !defined(MBEDTLS_VERSION_NUMBER)
#define MBEDTLS_CIPHER_C
#endif

#define MBEDTLS_MD_C
#define MBEDTLS_SHA256_C
/* SHA-384: a part of SHA-512 in 2.28, by itself in 3.6. */
#define MBEDTLS_SHA512_C
#define MBEDTLS_SHA384_C

/*
 * Tables in flash, and a quarter of them. mbedTLS's AES in C looks them up by bytes of key and
 * text: where there is a data cache, or flash with one, that takes a time which tells of them.
 */
#define MBEDTLS_AES_ROM_TABLES
#define MBEDTLS_AES_FEWER_TABLES

/* 2.28 allocates the AES key of each context: from a piece of memory that the program gives by
 * mbedtls_memory_buffer_alloc_init, not from a heap. */
#define MBEDTLS_PLATFORM_C
#define MBEDTLS_PLATFORM_MEMORY
#define MBEDTLS_PLATFORM_NO_STD_FUNCTIONS
#define MBEDTLS_MEMORY_BUFFER_ALLOC_C

#endif
