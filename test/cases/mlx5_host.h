/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * A FreeBSD host that answers as a test says.
 */
#ifndef WEIR_TEST_MLX5_HOST_H
#define WEIR_TEST_MLX5_HOST_H

#include "cases.h"

struct host {
    struct weir_mlx5_ktls k;
    struct weir_mlx5_ktls_ctx ctx;
    struct weir_keys keys;
    uint16_t limit;
    struct weir_refusal why;
};

/** Random keys of that version and suite, at record 0. */
static inline void host_keys(struct host *h, uint16_t version, uint16_t suite)
{
    uint64_t state = suite;

    h->keys = (struct weir_keys){.version = version, .suite = suite};
    test_random_fill(&state, h->keys.key, sizeof h->keys.key);
    test_random_fill(&state, h->keys.iv, sizeof h->keys.iv);
    if (version == WEIR_TLS12)
        h->keys.at.nonce_rule = WEIR_NONCE_SEQ;
}

/** A backend for that release, and keys of TLS_AES_128_GCM_SHA256. */
static inline void host_begin(struct host *h, uint32_t osreldate, weir_carrier want)
{
    memset(h, 0, sizeof *h);
    weir_mlx5_ktls_init(&h->k, weir_mlx5_ktls_of_release(osreldate), 16384, want);
    h->limit = 16384;
    host_keys(h, WEIR_TLS13, WEIR_TLS_AES_128_GCM_SHA256);
}

static inline weir_status host_attach(struct host *h, enum weir_dir dir)
{
    const struct weir_attach what = {.keys = &h->keys, .dir = dir, .record_limit = h->limit};

    h->why = (struct weir_refusal){.code = WEIR_REFUSAL_NONE, .layer = WEIR_LAYER_BACKEND};
    return h->k.backend.attach(&h->k.backend, &h->ctx, &what, &h->why);
}

static inline const struct weir_cmd *host_command(struct host *h)
{
    return h->k.backend.command(&h->k.backend, &h->ctx);
}

/** The command ends so. */
static inline weir_status host_done(struct host *h, int os_error)
{
    const struct weir_done done = {.os_error = os_error};

    h->why = (struct weir_refusal){.code = WEIR_REFUSAL_NONE};
    return h->k.backend.complete(&h->k.backend, &h->ctx, &done, &h->why);
}

/** The command was to get a mode, and this is it. */
static inline weir_status host_mode(struct host *h, int32_t mode)
{
    const struct weir_done done = {.len = 4};

    memcpy(host_command(h)->value, &mode, 4);
    return h->k.backend.complete(&h->k.backend, &h->ctx, &done, &h->why);
}

/** The int that the command sets. */
static inline int32_t host_int(struct host *h)
{
    int32_t value;

    memcpy(&value, host_command(h)->value, 4);
    return value;
}

static inline weir_status host_query(struct host *h, struct weir_backend_state *state)
{
    return h->k.backend.query(&h->k.backend, &h->ctx, state);
}

/** Moves a sending direction to a kernel that then tells this mode. */
static inline void host_carried_by(struct host *h, int32_t mode)
{
    (void)host_attach(h, WEIR_TX);
    (void)host_done(h, 0);
    (void)host_mode(h, mode);
}

#endif
