/* SPDX-License-Identifier: BSD-2-Clause */
/* What a release can do, and what the kernel's refusals mean (docs/reference/freebsd-ktls.md). */
#include "ktls_abi.h"

struct release {
    uint32_t from; /* kern.osreldate */
    uint32_t features;
};

#define TX (WEIR_MLX5_KTLS_TX_TLS12 | WEIR_MLX5_KTLS_TX_TLS13)
#define RX (WEIR_MLX5_KTLS_RX_TLS12 | WEIR_MLX5_KTLS_RX_TLS13)

static const struct release releases[] = {
    {1500000, TX | RX | WEIR_MLX5_KTLS_RX_SWITCH | WEIR_MLX5_KTLS_FALLS_BACK},
    {1400000, TX | RX | WEIR_MLX5_KTLS_FALLS_BACK},
    /* Whether 13.x falls back depends on its patch level. */
    {1300000, TX | WEIR_MLX5_KTLS_RX_TLS12 | WEIR_MLX5_KTLS_MODULE | WEIR_MLX5_KTLS_FALLS_BACK},
};

uint32_t weir_mlx5_ktls_of_release(uint32_t osreldate)
{
    for (size_t i = 0; i < sizeof releases / sizeof *releases; i++) {
        if (osreldate >= releases[i].from)
            return releases[i].features;
    }
    return 0;
}

struct row {
    int error;
    weir_refusal_code code;
    bool transient;
};

static const struct row enable_rows[] = {
    {KTLS_EOPNOTSUPP, WEIR_REFUSAL_SWITCHED_OFF, false},
    {KTLS_ENXIO, WEIR_REFUSAL_SWITCHED_OFF, false},
    {KTLS_ENOPROTOOPT, WEIR_REFUSAL_NO_KTLS, false},
    {KTLS_EALREADY, WEIR_REFUSAL_TAKEN, false},
    {KTLS_EPROTONOSUPPORT, WEIR_REFUSAL_SUITE, false},
    {KTLS_ENOMEM, WEIR_REFUSAL_RESOURCES, true},
    {KTLS_ENOBUFS, WEIR_REFUSAL_RESOURCES, true},
    {KTLS_ECONNRESET, WEIR_REFUSAL_SOCKET, false},
    {KTLS_ENOTCONN, WEIR_REFUSAL_SOCKET, false},
    {KTLS_ENOTSOCK, WEIR_REFUSAL_SOCKET, false},
    {KTLS_EBADF, WEIR_REFUSAL_SOCKET, false},
    {KTLS_EINTR, WEIR_REFUSAL_OS, true},
};

static const struct row mode_rows[] = {
    /* On the interface already, or bytes framed for it are still on their way. */
    {KTLS_EALREADY, WEIR_REFUSAL_BOUNDARY, true},      {KTLS_EBUSY, WEIR_REFUSAL_OS, true},
    {KTLS_EPROTONOSUPPORT, WEIR_REFUSAL_SUITE, false}, {KTLS_ENOMEM, WEIR_REFUSAL_RESOURCES, true},
    {KTLS_ECONNRESET, WEIR_REFUSAL_SOCKET, false},     {KTLS_EINTR, WEIR_REFUSAL_OS, true},
};

static void refuse(const struct row *rows, size_t count, int os_error, struct weir_refusal *why)
{
    *why = (struct weir_refusal){
        .code = WEIR_REFUSAL_OS,
        .layer = WEIR_LAYER_OS,
        .os_error = os_error,
    };
    for (size_t i = 0; i < count; i++) {
        if (rows[i].error == os_error) {
            why->code = rows[i].code;
            why->transient = rows[i].transient;
            return;
        }
    }
}

/* The settings that this error can come from. */
static uint32_t settings(uint32_t features, enum weir_dir dir, int os_error)
{
    uint32_t found = WEIR_MLX5_SETTING_ENABLE;

    if (os_error == KTLS_ENXIO)
        return dir == WEIR_TX ? WEIR_MLX5_SETTING_EXT_PGS | WEIR_MLX5_SETTING_THREADS
                              : WEIR_MLX5_SETTING_THREADS;
    if (dir == WEIR_RX && (features & WEIR_MLX5_KTLS_RX_SWITCH) != 0)
        found |= WEIR_MLX5_SETTING_RX_ENABLE;
    if ((features & WEIR_MLX5_KTLS_MODULE) != 0)
        found |= WEIR_MLX5_SETTING_MODULE;
    return found;
}

void weir_mlx5_ktls_refuse(uint32_t features, enum weir_dir dir, uint16_t suite, int os_error,
                           struct weir_refusal *why)
{
    refuse(enable_rows, sizeof enable_rows / sizeof *enable_rows, os_error, why);
    if (why->code == WEIR_REFUSAL_SWITCHED_OFF)
        why->detail = settings(features, dir, os_error);
    else if (why->code == WEIR_REFUSAL_SUITE)
        why->detail = suite;
}

void weir_mlx5_ktls_refuse_mode(uint16_t suite, int os_error, struct weir_refusal *why)
{
    refuse(mode_rows, sizeof mode_rows / sizeof *mode_rows, os_error, why);
    if (why->code == WEIR_REFUSAL_SUITE)
        why->detail = suite;
}
