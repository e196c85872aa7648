/* SPDX-License-Identifier: BSD-2-Clause */
/* Entries that carry packets: docs/reference/mlx5-wqe.md, section 5. */
#include "wqe_bytes.h"

/* Offsets within an entry: the Ethernet segment begins at 16. */
enum { SUMS = 20, MSS = 22, HEADERS_LEN = 28, HEADERS = 30 };

static bool is_payload(const struct weir_mlx5_packet *packet)
{
    for (uint32_t i = 0; i < packet->pieces; i++) {
        if (!wqe_is_data(&packet->data[i]))
            return false;
    }
    /* Without payload there is nothing to encrypt, and nothing to cut into segments. */
    return packet->pieces > 0 || (packet->tisn == 0 && packet->mss == 0);
}

/* The data segments of the entry; more than WEIR_MLX5_MOST_DS when it cannot be made. */
static uint32_t segments_of(const struct weir_mlx5_packet *packet)
{
    uint32_t before = (HEADERS + packet->headers_len + WEIR_MLX5_DS - 1u) / WEIR_MLX5_DS;

    if (packet->pieces > WEIR_MLX5_MOST_DS)
        return UINT32_MAX;
    return before + packet->pieces;
}

weir_status weir_mlx5_send(uint8_t *out, size_t room, const struct weir_mlx5_at *at,
                           const struct weir_mlx5_packet *packet, uint32_t *blocks)
{
    const uint32_t segments = segments_of(packet);
    const uint32_t per_block = WEIR_MLX5_BB / WEIR_MLX5_DS;

    if (!wqe_is_at(at) || !wqe_is_number(packet->tisn) || segments > WEIR_MLX5_MOST_DS ||
        packet->headers_len < WEIR_MLX5_LEAST_HEADERS || !is_payload(packet) ||
        (packet->sums & ~(WEIR_MLX5_SUM_IP | WEIR_MLX5_SUM_TCP)) != 0)
        return WEIR_E_MISUSE;
    *blocks = (segments + per_block - 1) / per_block;
    if (room < (size_t)*blocks * WEIR_MLX5_BB)
        return WEIR_NEED_OUTPUT;

    wqe_zero(out, (size_t)*blocks * WEIR_MLX5_BB);
    wqe_put_control(out, at, packet->mss != 0 ? WEIR_MLX5_LSO : WEIR_MLX5_SEND, 0, segments,
                    packet->tisn);
    out[SUMS] = packet->sums;
    wqe_put16(out + MSS, packet->mss);
    wqe_put16(out + HEADERS_LEN, packet->headers_len);
    __builtin_memcpy(out + HEADERS, packet->headers, packet->headers_len);
    uint8_t *end = out + (size_t)(segments - packet->pieces) * WEIR_MLX5_DS;
    for (uint32_t i = 0; i < packet->pieces; i++)
        wqe_put_data(end + (size_t)i * WEIR_MLX5_DS, &packet->data[i]);
    return WEIR_OK;
}
