/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A direction comes to weir: OpenSSL offers its key, software takes it, and then the backends of
 * the configuration may. Until the answer to OpenSSL nothing has happened that it could notice.
 */
#include "dropin.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>

static bool refuse(struct weir_dropin_side *side, weir_refusal_code code)
{
    side->why = (struct weir_refusal){.code = code, .layer = WEIR_LAYER_BINDING};
    return false;
}

/* ---- one of two directions ---- */

static const struct weir_cmd *command(const struct weir_dropin *d, enum weir_dir dir)
{
    return dir == WEIR_TX ? weir_tx_command(&d->tx) : weir_rx_command(&d->rx);
}

static weir_status complete(struct weir_dropin *d, enum weir_dir dir, const struct weir_done *done,
                            struct weir_refusal *why)
{
    return dir == WEIR_TX ? weir_tx_complete(&d->tx, done, why)
                          : weir_rx_complete(&d->rx, done, why);
}

static weir_status offload(struct weir_dropin *d, enum weir_dir dir, const struct weir_move *move,
                           struct weir_refusal *why)
{
    return dir == WEIR_TX ? weir_tx_offload(&d->tx, move, why) : weir_rx_offload(&d->rx, move, why);
}

weir_status weir_dropin_carry_out(struct weir_dropin *d, enum weir_dir dir,
                                  struct weir_refusal *why)
{
    const struct weir_cmd *cmd = NULL;
    weir_status status = WEIR_OK;

    while ((cmd = command(d, dir)) != NULL) {
        struct weir_done done = weir_posix_command(d->fd, cmd);
        status = complete(d, dir, &done, why);
        if (status == WEIR_PENDING && done.os_error == EAGAIN)
            return WEIR_NEED_OUTPUT;
    }
    return status == WEIR_PENDING ? WEIR_E_BACKEND : status;
}

/* ---- memory ---- */

/* Memory of a direction for a backend, aligned as it wants it; NULL: out of memory. */
static void *memory_for(struct weir_dropin_side *side, size_t which,
                        const struct weir_backend *backend, size_t *len)
{
    size_t align = backend->ctx_align > 1 ? backend->ctx_align : 1;

    *len = backend->ctx_size;
    side->memory_len[which] = backend->ctx_size + align;
    side->memory[which] = OPENSSL_zalloc(side->memory_len[which]);
    if (side->memory[which] == NULL)
        return NULL;
    return (void *)(((uintptr_t)side->memory[which] + align - 1) & ~(uintptr_t)(align - 1));
}

static void forget(struct weir_dropin_side *side, size_t which)
{
    OPENSSL_clear_free(side->memory[which], side->memory_len[which]);
    side->memory[which] = NULL;
}

void weir_dropin_leave(struct weir_dropin *d, enum weir_dir dir)
{
    struct weir_dropin_side *side = &d->side[dir];

    if (dir == WEIR_TX) {
        weir_tx_wipe(&d->tx);
        OPENSSL_clear_free(d->out, DROPIN_OUT_ROOM);
        d->out = NULL;
    } else {
        weir_rx_wipe(&d->rx);
        OPENSSL_clear_free(d->in, WEIR_MAX_RECORD);
        d->in = NULL;
    }
    forget(side, 0);
    forget(side, 1);
    side->taken = false;
}

/* ---- taking ---- */

/* The direction in software. `keys` go there, or stay. */
static bool begin(struct weir_dropin *d, enum weir_dir dir, struct weir_keys *keys)
{
    struct weir_dropin_side *side = &d->side[dir];
    const struct weir_backend *soft = &d->soft.backend;
    size_t len = 0;
    uint8_t **buffer = dir == WEIR_TX ? &d->out : &d->in;

    void *ctx = memory_for(side, 0, soft, &len);
    *buffer = OPENSSL_malloc(dir == WEIR_TX ? DROPIN_OUT_ROOM : WEIR_MAX_RECORD);
    if (ctx == NULL || *buffer == NULL)
        return refuse(side, WEIR_REFUSAL_MEMORY);
    weir_status status = dir == WEIR_TX ? weir_tx_init(&d->tx, keys, soft, ctx, len, &side->why)
                                        : weir_rx_init(&d->rx, keys, soft, ctx, len, &side->why);
    if (status != WEIR_OK)
        return false;
    if (dir == WEIR_TX)
        weir_tx_set_limit(&d->tx, d->limit);
    else
        weir_rx_set_limit(&d->rx, d->limit);
    return true;
}

/* Tries one backend. False: it does not take the direction, `why` is filled. */
static bool move_to(struct weir_dropin *d, enum weir_dir dir, const struct weir_backend *backend,
                    struct weir_refusal *why)
{
    struct weir_dropin_side *side = &d->side[dir];
    struct weir_move move = {.backend = backend, .policy = d->policy};

    *why = (struct weir_refusal){.code = WEIR_REFUSAL_MEMORY, .layer = WEIR_LAYER_BINDING};
    move.ctx = memory_for(side, 1, backend, &move.ctx_len);
    if (move.ctx == NULL)
        return false;
    weir_status status = offload(d, dir, &move, why);
    if (status == WEIR_PENDING) {
        /* A socket option that is put off now: nothing of ours is on its way that could end that,
         * so it is asked for again at once, a few times. */
        for (int turn = 0; turn < 8 && (turn == 0 || status == WEIR_NEED_OUTPUT); turn++)
            status = weir_dropin_carry_out(d, dir, why);
        if (status == WEIR_NEED_OUTPUT) {
            /* Half-way: whether the socket changes keys is open. The direction ends, unused. */
            status = WEIR_E_BACKEND;
            if (dir == WEIR_TX)
                weir_tx_end(&d->tx, status);
            else
                weir_rx_end(&d->rx, status);
        }
    }
    if (status == WEIR_REFUSED)
        forget(side, 1);
    return status != WEIR_REFUSED;
}

static void move_on(struct weir_dropin *d, enum weir_dir dir)
{
    struct weir_dropin_side *side = &d->side[dir];

    side->passed_count = 0;
    for (size_t i = 0; i < d->backend_count; i++) {
        if (move_to(d, dir, d->backends[i], &side->passed[i]))
            return;
        side->passed_count++;
    }
}

bool weir_dropin_take(struct weir_dropin *d, enum weir_dir dir, uint8_t *blob)
{
    struct weir_dropin_side *side = &d->side[dir];
    struct weir_keys keys;

    if (side->taken || side->why.code == WEIR_REFUSAL_LIBRARY)
        return false;
    if (!weir_dropin_decode(blob, dir, &keys))
        return refuse(side, WEIR_REFUSAL_SUITE);
    bool tls13 = keys.version == WEIR_TLS13;
    if (tls13 && dir == WEIR_RX) {
        weir_keys_wipe(&keys);
        return refuse(side, WEIR_REFUSAL_LIBRARY);
    }
    weir_refusal_code code =
        tls13 && d->secret != NULL ? weir_dropin_secret_take(d->secret, &keys) : WEIR_REFUSAL_NONE;
    bool good = code == WEIR_REFUSAL_NONE ? begin(d, dir, &keys) : refuse(side, code);
    weir_keys_wipe(&keys);
    if (!good) {
        weir_dropin_leave(d, dir);
        return false;
    }
    /* OpenSSL leaves its copy on the stack, where nobody reads it again. */
    weir_wipe(blob, KTLS_KEY_LEN);
    side->taken = true;
    side->why.code = WEIR_REFUSAL_NONE;
    if (dir == WEIR_TX) {
        d->tls13 = tls13;
        /* It will not come, so say so for good. */
        if (tls13)
            d->side[WEIR_RX].why.transient = false;
    }
    move_on(d, dir);
    return true;
}
