/* SPDX-License-Identifier: BSD-2-Clause */
/* What the card tells: docs/reference/mlx5-wqe.md, sections 1, 4 and 6. */
#include "wqe_bytes.h"

weir_status weir_mlx5_progress_read(const uint8_t in[WEIR_MLX5_PROGRESS],
                                    struct weir_mlx5_progress *progress)
{
    progress->valid = (in[0] & 0x80) != 0;
    progress->number = wqe_get24(in + 1);
    progress->next_tcp_seq = wqe_get32(in + 4);
    progress->resync_tcp_seq = wqe_get32(in + 8);
    progress->tracker = in[12] >> 6;
    progress->auth = in[12] >> 4 & 3;
    progress->record_offset = wqe_get24(in + 13);
    return progress->tracker <= WEIR_MLX5_TRACKER_SEARCHING &&
                   progress->auth <= WEIR_MLX5_AUTH_AUTHENTICATION
               ? WEIR_OK
               : WEIR_E_BACKEND;
}

void weir_mlx5_cqe_read(const uint8_t in[WEIR_MLX5_CQE], struct weir_mlx5_cqe *cqe)
{
    *cqe = (struct weir_mlx5_cqe){
        .opcode = in[63] >> 4,
        .owner = (in[63] & 1) != 0,
        .counter = (uint16_t)(in[60] << 8 | in[61]),
    };
    cqe->error =
        cqe->opcode == WEIR_MLX5_CQE_REQUEST_ERROR || cqe->opcode == WEIR_MLX5_CQE_RECEIVE_ERROR;
    if (cqe->error) {
        cqe->vendor_syndrome = in[54];
        cqe->syndrome = in[55];
    } else {
        cqe->tls = in[0] >> 3 & 3;
        cqe->tunnelled = (in[0] & 1) != 0;
        cqe->len = wqe_get32(in + 44);
    }
}

weir_status weir_mlx5_caps_read(struct weir_mlx5_caps *caps, const uint8_t *general,
                                size_t general_len, const uint8_t *tls, size_t tls_len, bool steer)
{
    if (general_len < WEIR_MLX5_CAPS_GENERAL || (tls && tls_len < WEIR_MLX5_CAPS_TLS))
        return WEIR_E_MISUSE;
    /* general_obj_types is a number of 64 bits at byte 128; bit 12 of it are key objects. */
    const bool objects = (general[134] & 0x10) != 0;
    const uint32_t log_keys = general[182] & 0x1f;
    const uint8_t suites = tls ? tls[0] : 0;

    caps->can = (objects && log_keys > 0 ? WEIR_MLX5_CAN_KEYS : 0u) |
                (general[144] & 0x40 ? WEIR_MLX5_CAN_TX : 0u) |
                (general[144] & 0x20 ? WEIR_MLX5_CAN_RX : 0u) | (steer ? WEIR_MLX5_CAN_STEER : 0u) |
                (suites & 0x80 ? WEIR_MLX5_CAN_TLS12_AES128 : 0u) |
                (suites & 0x40 ? WEIR_MLX5_CAN_TLS13_AES128 : 0u) |
                (suites & 0x20 ? WEIR_MLX5_CAN_TLS12_AES256 : 0u) |
                (suites & 0x10 ? WEIR_MLX5_CAN_TLS13_AES256 : 0u);
    caps->sessions = caps->can & WEIR_MLX5_CAN_KEYS ? 1u << (log_keys - 1) : 0;
    return WEIR_OK;
}

static bool refuse(struct weir_refusal *why, weir_refusal_code code, uint32_t detail)
{
    *why = (struct weir_refusal){.code = code, .layer = WEIR_LAYER_BACKEND, .detail = detail};
    return false;
}

bool weir_mlx5_caps_offer(const struct weir_mlx5_caps *caps, enum weir_dir dir, uint16_t version,
                          uint16_t suite, struct weir_refusal *why)
{
    static const uint32_t bits[2][2] = {
        {WEIR_MLX5_CAN_TLS12_AES128, WEIR_MLX5_CAN_TLS12_AES256},
        {WEIR_MLX5_CAN_TLS13_AES128, WEIR_MLX5_CAN_TLS13_AES256},
    };
    const uint32_t needs = dir == WEIR_TX
                               ? WEIR_MLX5_CAN_KEYS | WEIR_MLX5_CAN_TX
                               : WEIR_MLX5_CAN_KEYS | WEIR_MLX5_CAN_RX | WEIR_MLX5_CAN_STEER;
    const struct weir_suite *known = weir_suite_find(suite);

    if ((caps->can & needs) != needs)
        return refuse(why, WEIR_REFUSAL_FORM, needs & ~caps->can);
    if (version != WEIR_TLS12 && version != WEIR_TLS13)
        return refuse(why, WEIR_REFUSAL_VERSION, version);
    const uint32_t *of_version = bits[version == WEIR_TLS13];
    if ((caps->can & (of_version[0] | of_version[1])) == 0)
        return refuse(why, WEIR_REFUSAL_VERSION, version);
    if (!known || known->version != version ||
        (known->alg != WEIR_AES_128_GCM && known->alg != WEIR_AES_256_GCM) ||
        (caps->can & of_version[known->alg == WEIR_AES_256_GCM]) == 0)
        return refuse(why, WEIR_REFUSAL_SUITE, suite);
    return true;
}
