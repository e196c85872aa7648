/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * Big-endian fields, and the control segment that every entry begins with.
 */
#ifndef WEIR_MLX5_WQE_BYTES_H
#define WEIR_MLX5_WQE_BYTES_H

#include <weir/mlx5_wqe.h>

/** A key that stands for none: qp.h, MLX5_INVALID_LKEY. */
#define WQE_NO_LKEY 0x100u
/** Where the control segment counts the data segments of its entry. */
#define WQE_SEGMENTS 7u

static inline void wqe_put16(uint8_t *p, uint32_t value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

static inline void wqe_put24(uint8_t *p, uint32_t value)
{
    p[0] = (uint8_t)(value >> 16);
    wqe_put16(p + 1, value);
}

static inline void wqe_put32(uint8_t *p, uint32_t value)
{
    wqe_put16(p, value >> 16);
    wqe_put16(p + 2, value);
}

static inline void wqe_put64(uint8_t *p, uint64_t value)
{
    wqe_put32(p, (uint32_t)(value >> 32));
    wqe_put32(p + 4, (uint32_t)value);
}

static inline uint32_t wqe_get24(const uint8_t *p)
{
    return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | (uint32_t)p[2];
}

static inline uint32_t wqe_get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | wqe_get24(p + 1);
}

static inline void wqe_zero(uint8_t *p, size_t len)
{
    __builtin_memset(p, 0, len);
}

static inline bool wqe_is_number(uint32_t number)
{
    return number <= WEIR_MLX5_NUMBER;
}

/* Number 0 is an error where a context is meant: the drivers treat it as one. */
static inline bool wqe_is_context(uint32_t number)
{
    return number != 0 && wqe_is_number(number);
}

static inline bool wqe_is_data(const struct weir_mlx5_data *data)
{
    /* The top bit would say that the bytes stand in the entry itself. */
    return data->len != 0 && data->len <= 0x7fffffffu && data->lkey != WQE_NO_LKEY;
}

/** A data segment. */
static inline void wqe_put_data(uint8_t out[WEIR_MLX5_DS], const struct weir_mlx5_data *data)
{
    wqe_put32(out, data->len);
    wqe_put32(out + 4, data->lkey);
    wqe_put64(out + 8, data->address);
}

/** Whether an entry can go there. */
static inline bool wqe_is_at(const struct weir_mlx5_at *at)
{
    return wqe_is_number(at->sqn) && (at->flags & ~(WEIR_MLX5_COMPLETE | WEIR_MLX5_FENCE)) == 0;
}

/**
 * The control segment of an entry of `segments` data segments; `number` is the tisn or tirn of the
 * immediate. Writes all 16 bytes.
 */
static inline void wqe_put_control(uint8_t out[WEIR_MLX5_DS], const struct weir_mlx5_at *at,
                                   enum weir_mlx5_opcode opcode, uint32_t modifier,
                                   uint32_t segments, uint32_t number)
{
    wqe_zero(out, WEIR_MLX5_DS);
    out[0] = (uint8_t)modifier;
    wqe_put16(out + 1, at->index);
    out[3] = (uint8_t)opcode;
    wqe_put24(out + 4, at->sqn);
    out[WQE_SEGMENTS] = (uint8_t)segments;
    out[11] = at->flags;
    wqe_put24(out + 12, number);
}

#endif
