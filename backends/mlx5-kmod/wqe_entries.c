/* SPDX-License-Identifier: BSD-2-Clause */
/* Entries about contexts: docs/reference/mlx5-wqe.md, sections 3 and 4. */
#include "wqe_bytes.h"

/* Where static parameters stand in a UMR entry. */
enum { STATIC_AT = 128 };

/* Whose parameters they are: the modifier of UMR, SET_PSV and GET_PSV. */
static uint32_t modifier_of(enum weir_dir dir)
{
    return dir == WEIR_TX ? 1 : 2;
}

static bool is_dir(enum weir_dir dir)
{
    return dir == WEIR_TX || dir == WEIR_RX;
}

static void put_static(uint8_t out[64], const struct weir_mlx5_static *params)
{
    const bool tls13 = params->version == WEIR_TLS13;

    wqe_zero(out, 64);
    /* Two constants around the version: 2 in the top two bits, 1 in the lowest two. */
    out[0] = (uint8_t)(2u << 6 | (tls13 ? 3u : 2u) << 2 | 1u);
    out[3] = 1; /* encryption_standard: TLS */
    wqe_put64(out + 8, params->record);
    wqe_put32(out + 16, params->resync_tcp_seq);
    /* gcm_iv and implicit_iv: with TLS 1.2 the rest of the nonce is on the wire. */
    __builtin_memcpy(out + 20, params->iv, tls13 ? 12 : 4);
    wqe_put24(out + 33, params->dek);
}

weir_status weir_mlx5_umr(uint8_t out[3 * WEIR_MLX5_BB], const struct weir_mlx5_at *at,
                          enum weir_dir dir, uint32_t number, const struct weir_mlx5_static *params)
{
    if (!wqe_is_at(at) || !is_dir(dir) || !wqe_is_context(number) || !wqe_is_number(params->dek) ||
        (params->version != WEIR_TLS12 && params->version != WEIR_TLS13) ||
        (dir == WEIR_TX && params->resync_tcp_seq != 0))
        return WEIR_E_MISUSE;
    wqe_zero(out, STATIC_AT);
    wqe_put_control(out, at, WEIR_MLX5_UMR, modifier_of(dir), 12, number);
    out[16] = 0x80;               /* what is to be written stands in the entry */
    wqe_put16(out + 22, 64 / 16); /* bsf_octowords: the parameters */
    put_static(out + STATIC_AT, params);
    return WEIR_OK;
}

weir_status weir_mlx5_set_psv(uint8_t out[WEIR_MLX5_BB], const struct weir_mlx5_at *at,
                              enum weir_dir dir, uint32_t number, uint32_t next_tcp_seq)
{
    if (!wqe_is_at(at) || !is_dir(dir) || !wqe_is_context(number) ||
        (dir == WEIR_TX && next_tcp_seq != 0))
        return WEIR_E_MISUSE;
    wqe_zero(out, WEIR_MLX5_BB);
    wqe_put_control(out, at, WEIR_MLX5_SET_PSV, modifier_of(dir), 2, 0);
    wqe_put24(out + 17, number);
    wqe_put32(out + 20, next_tcp_seq);
    return WEIR_OK;
}

weir_status weir_mlx5_get_psv(uint8_t out[WEIR_MLX5_BB], const struct weir_mlx5_at *at,
                              uint32_t tirn, uint64_t address, uint32_t lkey)
{
    if (!wqe_is_at(at) || (at->flags & WEIR_MLX5_COMPLETE) == 0 || !wqe_is_context(tirn) ||
        address % WEIR_MLX5_PROGRESS_ALIGN != 0 || lkey == WQE_NO_LKEY)
        return WEIR_E_MISUSE;
    wqe_zero(out, WEIR_MLX5_BB);
    wqe_put_control(out, at, WEIR_MLX5_GET_PSV, modifier_of(WEIR_RX), 4, 0);
    out[35] = 1 << 4; /* how many are asked for */
    wqe_put32(out + 36, lkey);
    wqe_put64(out + 40, address);
    wqe_put32(out + 48, tirn); /* in the low bits, unlike in the immediate */
    return WEIR_OK;
}

weir_status weir_mlx5_dump(uint8_t out[WEIR_MLX5_BB], const struct weir_mlx5_at *at, uint32_t tisn,
                           const struct weir_mlx5_data *data, uint32_t most)
{
    if (!wqe_is_at(at) || !wqe_is_context(tisn) || !wqe_is_data(data) || data->len > most)
        return WEIR_E_MISUSE;
    wqe_zero(out, WEIR_MLX5_BB);
    wqe_put_control(out, at, WEIR_MLX5_DUMP, 0, 2, tisn);
    wqe_put_data(out + WEIR_MLX5_DS, data);
    return WEIR_OK;
}

uint32_t weir_mlx5_dump_most(uint32_t mtu)
{
    /* Without its lowest bit a number is smaller, until only the highest is left. */
    while ((mtu & (mtu - 1)) != 0)
        mtu &= mtu - 1;
    return mtu;
}

weir_status weir_mlx5_nop(uint8_t out[WEIR_MLX5_DS], const struct weir_mlx5_at *at, uint32_t blocks)
{
    if (!wqe_is_at(at) || blocks == 0 || blocks >= WEIR_MLX5_MOST_BB)
        return WEIR_E_MISUSE;
    wqe_put_control(out, at, WEIR_MLX5_NOP, 0, blocks * (WEIR_MLX5_BB / WEIR_MLX5_DS), 0);
    return WEIR_OK;
}

uint32_t weir_mlx5_edge(uint16_t index, uint32_t size)
{
    uint32_t left = size - (index & (size - 1));

    return left < WEIR_MLX5_MOST_BB ? left : 0;
}
