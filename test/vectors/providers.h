/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * The providers of this build, for cases that need more than the one under test.
 */
#ifndef WEIR_TEST_PROVIDERS_H
#define WEIR_TEST_PROVIDERS_H

#include <weir/weir.h>

/** One library's providers. */
struct vector_provider {
    const struct weir_aead *aead;
    const struct weir_kdf *kdf;
};

/** All of them, `vector_provider_count` long. */
extern const struct vector_provider vector_providers[];
extern const size_t vector_provider_count;

/** Memory for any provider's context of one key. */
union vector_ctx {
    _Alignas(64) uint8_t bytes[4096];
};

#endif
