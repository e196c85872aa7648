/* SPDX-License-Identifier: BSD-2-Clause */
#include "providers.h"

#if defined(WITH_PORTABLE)
#include "dma_aead.h"
#include "portable_short.h"
#endif
#if defined(WITH_PORTABLE) || defined(WITH_PORTABLE_KDF)
#include <weir/portable.h>
#endif
#if defined(WITH_IPSECMB)
#include <weir/ipsecmb.h>
#endif
#if defined(WITH_OPENSSL)
#include <weir/openssl.h>
#endif
#if defined(WITH_MBEDTLS)
#include <weir/mbedtls.h>
#endif

/* Which of them an AEAD without one of its own stands with; NULL in a build that has none at all.
 */
#if defined(WITH_PORTABLE_KDF)
#define KDF_PORTABLE &weir_kdf_portable
#elif defined(WITH_OPENSSL)
#define KDF_PORTABLE &weir_kdf_openssl
#elif defined(WITH_MBEDTLS)
#define KDF_PORTABLE &weir_kdf_mbedtls
#else
#define KDF_PORTABLE NULL
#endif

const struct vector_provider vector_providers[] = {
#if defined(WITH_PORTABLE)
    {&weir_aead_portable, KDF_PORTABLE},     {&weir_aead_portable_short, KDF_PORTABLE},
    {&weir_aead_dma, KDF_PORTABLE},
#endif
#if defined(WITH_IPSECMB)
    {&weir_aead_ipsecmb, KDF_PORTABLE},
#endif
#if defined(WITH_OPENSSL)
    {&weir_aead_openssl, &weir_kdf_openssl},
#endif
#if defined(WITH_MBEDTLS)
    {&weir_aead_mbedtls, &weir_kdf_mbedtls},
#endif
};

const size_t vector_provider_count = sizeof(vector_providers) / sizeof(*vector_providers);
