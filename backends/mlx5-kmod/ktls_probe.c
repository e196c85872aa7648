/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What this kernel takes, tried on both directions of both ends of a connection that is thrown
 * away: a direction takes one key and no other.
 */
#include "ktls_abi.h"

#include <weir/suite.h>

struct attempt {
    uint32_t feature;
    uint16_t version, suite;
    uint8_t end, dir;
};

static const struct attempt attempts[] = {
    {WEIR_MLX5_KTLS_TX_TLS12, WEIR_TLS12, WEIR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, 0, WEIR_TX},
    {WEIR_MLX5_KTLS_RX_TLS12, WEIR_TLS12, WEIR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, 0, WEIR_RX},
    {WEIR_MLX5_KTLS_TX_TLS13, WEIR_TLS13, WEIR_TLS_AES_128_GCM_SHA256, 1, WEIR_TX},
    {WEIR_MLX5_KTLS_RX_TLS13, WEIR_TLS13, WEIR_TLS_AES_128_GCM_SHA256, 1, WEIR_RX},
};
#define ATTEMPTS (sizeof attempts / sizeof *attempts)

struct __attribute__((may_alias)) probe {
    struct weir_cmd cmd;
    uint8_t enable[WEIR_MLX5_TLS_ENABLE];
    uint8_t key[WEIR_MAX_KEY]; /* zeros: nothing is ever sent */
    uint8_t iv[WEIR_IV_LEN];
    int32_t mode;
    uint32_t taken, modes;
    struct weir_refusal why; /* of the first attempt */
    uint8_t next;            /* attempt */
    bool reads;              /* its mode, then */
};

_Static_assert(sizeof(struct probe) <= sizeof(struct weir_mlx5_ktls_probe), "too small");
_Static_assert(_Alignof(struct probe) <= _Alignof(struct weir_mlx5_ktls_probe), "alignment");

void weir_mlx5_ktls_probe_init(struct weir_mlx5_ktls_probe *probe)
{
    struct probe *p = (struct probe *)(void *)probe;

    *p = (struct probe){.why = {.code = WEIR_REFUSAL_NONE}};
}

const struct weir_cmd *weir_mlx5_ktls_probe_command(struct weir_mlx5_ktls_probe *probe,
                                                    unsigned *end)
{
    struct probe *p = (struct probe *)(void *)probe;

    *end = 0;
    if (p->next == ATTEMPTS)
        return NULL;
    const struct attempt *a = &attempts[p->next];
    const struct weir_keys keys = {.version = a->version, .suite = a->suite};
    bool tx = a->dir == WEIR_TX;

    *end = a->end;
    p->cmd = (struct weir_cmd){.level = KTLS_IPPROTO_TCP};
    if (p->reads) {
        p->cmd.kind = WEIR_CMD_GETSOCKOPT;
        p->cmd.name = tx ? KTLS_TXTLS_MODE : KTLS_RXTLS_MODE;
        p->cmd.value = (uint8_t *)&p->mode;
        p->cmd.len = sizeof p->mode;
        return &p->cmd;
    }
    p->cmd.kind = WEIR_CMD_SETSOCKOPT;
    p->cmd.name = tx ? KTLS_TXTLS_ENABLE : KTLS_RXTLS_ENABLE;
    p->cmd.value = p->enable;
    p->cmd.len = (uint32_t)weir_mlx5_tls_enable(p->enable, &keys, sizeof(void *) == 4,
                                                (uintptr_t)p->key, (uintptr_t)p->iv);
    return &p->cmd;
}

void weir_mlx5_ktls_probe_complete(struct weir_mlx5_ktls_probe *probe, const struct weir_done *done)
{
    struct probe *p = (struct probe *)(void *)probe;

    if (p->next == ATTEMPTS)
        return;
    const struct attempt *a = &attempts[p->next];

    if (p->reads) {
        if (done->os_error == 0 && done->len == sizeof p->mode &&
            (p->mode == KTLS_MODE_IFNET || p->mode == KTLS_MODE_TOE))
            p->modes |= a->feature;
    } else {
        if (p->next == 0 && done->os_error != 0)
            weir_mlx5_ktls_refuse(WEIR_MLX5_KTLS_MODULE, WEIR_TX, a->suite, done->os_error,
                                  &p->why);
        if (done->os_error == 0) {
            p->taken |= a->feature;
            p->reads = true;
            return;
        }
    }
    p->reads = false;
    p->next++;
}

weir_status weir_mlx5_ktls_probe_result(const struct weir_mlx5_ktls_probe *probe,
                                        uint32_t *features, uint32_t *modes,
                                        struct weir_refusal *why)
{
    const struct probe *p = (const struct probe *)(const void *)probe;

    *features = 0;
    *modes = 0;
    *why = (struct weir_refusal){.code = WEIR_REFUSAL_NONE};
    if (p->next < ATTEMPTS)
        return WEIR_PENDING;
    if (p->taken == 0) {
        *why = p->why;
        return WEIR_REFUSED;
    }
    *features = p->taken;
    *modes = p->modes;
    return WEIR_OK;
}
