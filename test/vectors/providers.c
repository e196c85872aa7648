/* SPDX-License-Identifier: BSD-2-Clause */
#include "providers.h"

#if defined(WITH_OPENSSL)
#include <weir/openssl.h>
#endif
#if defined(WITH_MBEDTLS)
#include <weir/mbedtls.h>
#endif

const struct vector_provider vector_providers[] = {
#if defined(WITH_OPENSSL)
    {&weir_aead_openssl, &weir_kdf_openssl},
#endif
#if defined(WITH_MBEDTLS)
    {&weir_aead_mbedtls, &weir_kdf_mbedtls},
#endif
};

const size_t vector_provider_count = sizeof(vector_providers) / sizeof(*vector_providers);
