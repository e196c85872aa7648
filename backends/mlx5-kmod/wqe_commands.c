/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands to the firmware: docs/reference/mlx5-wqe.md, section 2. */
#include "wqe_bytes.h"

enum command {
    DESTROY_TIR = 0x902,
    CREATE_TIR = 0x900,
    CREATE_TIS = 0x912,
    DESTROY_TIS = 0x914,
    CREATE_GENERAL_OBJ = 0xa00,
    DESTROY_GENERAL_OBJ = 0xa03,
};

/* Type of a general object. */
#define ENCRYPTION_KEY 0xcu

/* Where the body of a general object and the context of a TIS or TIR begin. */
enum { BODY = 16, CONTEXT = 32 };

weir_status weir_mlx5_dek_create(uint8_t out[WEIR_MLX5_DEK_CREATE], uint32_t pd, const uint8_t *key,
                                 size_t key_len)
{
    uint8_t *body = out + BODY;

    if (!wqe_is_number(pd) || (key_len != 16 && key_len != 32))
        return WEIR_E_MISUSE;
    wqe_zero(out, WEIR_MLX5_DEK_CREATE);
    wqe_put16(out, CREATE_GENERAL_OBJ);
    wqe_put16(out + 6, ENCRYPTION_KEY);
    body[10] = key_len == 32; /* key_size: 256 bits */
    body[11] = 1;             /* purpose: TLS */
    wqe_put24(body + 13, pd);
    /* A short key stands in the second half of the field. */
    __builtin_memcpy(body + 96 - key_len, key, key_len);
    return WEIR_OK;
}

weir_status weir_mlx5_tis_create(uint8_t out[WEIR_MLX5_TIS_CREATE], uint32_t priority,
                                 uint32_t domain, uint32_t pd)
{
    uint8_t *context = out + CONTEXT;

    if (priority > 15 || !wqe_is_number(domain) || !wqe_is_number(pd))
        return WEIR_E_MISUSE;
    wqe_zero(out, WEIR_MLX5_TIS_CREATE);
    wqe_put16(out, CREATE_TIS);
    context[0] = 0x40; /* tls_en */
    context[1] = (uint8_t)priority;
    wqe_put24(context + 37, domain);
    wqe_put24(context + 45, pd);
    return WEIR_OK;
}

weir_status weir_mlx5_tir_create(uint8_t out[WEIR_MLX5_TIR_CREATE], uint32_t domain, uint32_t table)
{
    uint8_t *context = out + CONTEXT;

    if (!wqe_is_number(domain) || !wqe_is_number(table))
        return WEIR_E_MISUSE;
    wqe_zero(out, WEIR_MLX5_TIR_CREATE);
    wqe_put16(out, CREATE_TIR);
    context[4] = 1 << 4 | 0x08; /* disp_type: by a table; tls_en */
    wqe_put24(context + 33, table);
    context[36] = 1 << 4 | 3; /* rx_hash_fn: inverted XOR8; both self loop-back bits */
    wqe_put24(context + 37, domain);
    return WEIR_OK;
}

weir_status weir_mlx5_destroy(uint8_t out[WEIR_MLX5_DESTROY], enum weir_mlx5_object object,
                              uint32_t number)
{
    static const uint16_t commands[] = {
        [WEIR_MLX5_DEK] = DESTROY_GENERAL_OBJ,
        [WEIR_MLX5_TIS] = DESTROY_TIS,
        [WEIR_MLX5_TIR] = DESTROY_TIR,
    };

    if ((uint32_t)object > WEIR_MLX5_TIR || !wqe_is_number(number) ||
        (object != WEIR_MLX5_DEK && number == 0))
        return WEIR_E_MISUSE;
    wqe_zero(out, WEIR_MLX5_DESTROY);
    wqe_put16(out, commands[object]);
    if (object == WEIR_MLX5_DEK)
        wqe_put16(out + 6, ENCRYPTION_KEY);
    wqe_put24(out + 9, number);
    return WEIR_OK;
}

weir_status weir_mlx5_created(const uint8_t in[WEIR_MLX5_REPLY], enum weir_mlx5_object object,
                              struct weir_mlx5_reply *reply)
{
    reply->status = in[0];
    reply->syndrome = wqe_get32(in + 4);
    reply->number = 0;
    if (reply->status != 0)
        return WEIR_REFUSED;
    /* The byte before a TIS's or TIR's number is no part of it. */
    if (object == WEIR_MLX5_DEK ? in[8] != 0 : wqe_get24(in + 9) == 0)
        return WEIR_E_BACKEND;
    reply->number = wqe_get24(in + 9);
    return WEIR_OK;
}
