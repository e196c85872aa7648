/* SPDX-License-Identifier: BSD-2-Clause */
/* struct tls_enable, laid out by hand (FreeBSD: sys/sys/ktls.h). */
#include "ktls_abi.h"

#include <weir/suite.h>

size_t weir_mlx5_ktls_iv_len(const struct weir_keys *keys)
{
    const struct weir_suite *suite = weir_suite_find(keys->suite);
    bool chacha = suite != NULL && suite->alg == WEIR_CHACHA20_POLY1305;

    return keys->version == WEIR_TLS12 && !chacha ? 4 : WEIR_IV_LEN;
}

static void put(uint8_t *to, const void *from, size_t len)
{
    const uint8_t *p = from;

    for (size_t i = 0; i < len; i++)
        to[i] = p[i];
}

static void put_pointer(uint8_t *to, uint64_t address, bool ilp32)
{
    uint32_t narrow = (uint32_t)address;

    put(to, ilp32 ? (const void *)&narrow : (const void *)&address, ilp32 ? 4 : 8);
}

size_t weir_mlx5_tls_enable(uint8_t out[WEIR_MLX5_TLS_ENABLE], const struct weir_keys *keys,
                            bool ilp32, uint64_t key_at, uint64_t iv_at)
{
    const struct weir_suite *suite = weir_suite_find(keys->suite);
    size_t width = ilp32 ? 4 : 8;

    if (suite == NULL || suite->version != keys->version)
        return 0;
    const int32_t numbers[6] = {
        suite->alg == WEIR_CHACHA20_POLY1305 ? KTLS_CHACHA20_POLY1305 : KTLS_AES_NIST_GCM_16,
        (int32_t)weir_alg_key_len((weir_alg)suite->alg),
        (int32_t)weir_mlx5_ktls_iv_len(keys),
    }; /* no MAC, no flags */

    for (size_t i = 0; i < WEIR_MLX5_TLS_ENABLE; i++)
        out[i] = 0;
    put_pointer(out + KTLS_AT_KEY(width), key_at, ilp32);
    put_pointer(out + KTLS_AT_IV(width), iv_at, ilp32);
    put(out + KTLS_AT_NUMBERS(width), numbers, sizeof numbers);
    out[KTLS_AT_VERSION(width)] = KTLS_MAJOR;
    out[KTLS_AT_VERSION(width) + 1] =
        keys->version == WEIR_TLS13 ? KTLS_MINOR_THREE : KTLS_MINOR_TWO;
    for (size_t i = 0; i < 8; i++)
        out[KTLS_AT_REC_SEQ(width) + i] = (uint8_t)(keys->at.seq >> (56 - 8 * i));
    return KTLS_ENABLE_LEN(width);
}
