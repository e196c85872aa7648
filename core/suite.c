/* SPDX-License-Identifier: BSD-2-Clause */
#include "mem.h"
#include <weir/suite.h>

static const struct weir_suite suites[] = {
#define WEIR_X(number, name, alg, hash, version) {number, WEIR_##version, WEIR_##alg, WEIR_##hash},
#if WEIR_HAS_TLS13
    WEIR_SUITE_LIST_TLS13(WEIR_X)
#endif
#if WEIR_HAS_TLS12
        WEIR_SUITE_LIST_TLS12(WEIR_X)
#endif
#undef WEIR_X
};

#define SUITE_COUNT (sizeof suites / sizeof suites[0])

const struct weir_suite *weir_suite_find(uint16_t id)
{
    for (size_t i = 0; i < SUITE_COUNT; i++)
        if (suites[i].id == id)
            return &suites[i];
    return NULL;
}

size_t weir_alg_key_len(weir_alg alg)
{
    return alg == WEIR_AES_128_GCM ? 16 : 32;
}

struct weir_limit weir_alg_limit(weir_alg alg)
{
    if (alg == WEIR_CHACHA20_POLY1305)
        return (struct weir_limit){0, 0};
    /* 2^24.5 records of 2^10 blocks (RFC 8446 section 5.5); soft at 2^24 such records. */
    return (struct weir_limit){.soft = UINT64_C(1) << 34, .hard = UINT64_C(24296003999)};
}
