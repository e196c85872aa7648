/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Receiving through the card: objects, the way in and the way out. FreeBSD's driver has the same
 * states (mlx5_en_hw_tls_rx.c); what it does in one sleeping call is here a row of steps.
 */
#include "rx_inside.h"

/* What a refusal's detail is about, in its top byte. */
enum { ABOUT_DEK = 1, ABOUT_TIR = 2, ABOUT_ENTRY = 3 };

static bool refuse(struct weir_refusal *why, weir_refusal_code code, uint32_t detail)
{
    *why = (struct weir_refusal){.code = code, .layer = WEIR_LAYER_BACKEND, .detail = detail};
    return false;
}

weir_status weir_mlx5_rx_init(struct weir_mlx5_rx *memory, const struct weir_mlx5_rx_config *config,
                              struct weir_refusal *why)
{
    const uint32_t needs = WEIR_MLX5_CAN_KEYS | WEIR_MLX5_CAN_RX | WEIR_MLX5_CAN_STEER;
    struct rx *rx = rx_of(memory);

    *why = (struct weir_refusal){.code = WEIR_REFUSAL_NONE, .layer = WEIR_LAYER_BACKEND};
    __builtin_memset(memory, 0, sizeof *memory);
    if (config->caps == NULL || config->progress == NULL || config->pd > WEIR_MLX5_NUMBER ||
        config->domain > WEIR_MLX5_NUMBER || config->table > WEIR_MLX5_NUMBER ||
        config->lkey == 0x100 ||
        (config->trigger != WEIR_MLX5_TRIGGER_FREEBSD &&
         config->trigger != WEIR_MLX5_TRIGGER_LINUX))
        return WEIR_E_MISUSE;
    if ((config->caps->can & needs) != needs)
        (void)refuse(why, WEIR_REFUSAL_FORM, needs & ~config->caps->can);
    else if (config->address % WEIR_MLX5_PROGRESS_ALIGN != 0)
        (void)refuse(why, WEIR_REFUSAL_MEMORY, WEIR_MLX5_PROGRESS_ALIGN);
    if (why->code != WEIR_REFUSAL_NONE)
        return WEIR_REFUSED;
    rx->config = *config;
    rx->caps = *config->caps;
    rx->config.caps = NULL;
    rx->refusal = *why;
    return WEIR_OK;
}

/* Makes the command known whose bytes are in rx->in. */
static void give(struct rx *rx, enum rx_command command, uint32_t len)
{
    rx->cmd = (struct weir_cmd){.kind = WEIR_CMD_FIRMWARE,
                                .value = rx->in,
                                .len = len,
                                .reply = rx->reply,
                                .reply_len = sizeof rx->reply};
    __builtin_memset(rx->reply, 0, sizeof rx->reply);
    rx->commands = (uint8_t)command;
}

/* What is left on the card goes one after the other: first whatever may send packets there, then
 * the context, then the key that it reads. */
static void go_on_stopping(struct rx *rx)
{
    if (rx->steered || rx->posted != RX_POST_NOTHING || rx->commands != RX_NO_COMMAND)
        return;
    if (rx->has_tir && weir_mlx5_destroy(rx->in, WEIR_MLX5_TIR, rx->tirn) == WEIR_OK) {
        give(rx, RX_END_TIR, WEIR_MLX5_DESTROY);
    } else if (rx->has_dek && weir_mlx5_destroy(rx->in, WEIR_MLX5_DEK, rx->dek) == WEIR_OK) {
        give(rx, RX_END_DEK, WEIR_MLX5_DESTROY);
    } else {
        rx->state = RX_OFF;
        weir_wipe(&rx->params, sizeof rx->params);
    }
}

static void stop(struct rx *rx)
{
    rx->wanted = RX_POST_NOTHING;
    weir_mlx5_rx_forget(rx);
    if (rx->state == RX_DEK || rx->state == RX_TIR) {
        rx->stop = true;
    } else if (rx->state != RX_OFF) {
        rx->steered = rx->steered || rx->state == RX_STEER; /* the caller may have begun to */
        rx->state = RX_STOPPING;
        go_on_stopping(rx);
    }
}

void weir_mlx5_rx_fail(struct rx *rx, weir_refusal_code code, uint32_t detail, bool transient)
{
    (void)refuse(&rx->refusal, code, detail);
    rx->refusal.transient = transient;
    rx->counters.rx_error++;
    rx->wanted = RX_POST_NOTHING;
    weir_mlx5_rx_forget(rx);
    rx->state = RX_STOPPING;
    go_on_stopping(rx);
}

weir_status weir_mlx5_rx_start(struct weir_mlx5_rx *memory, struct weir_keys *keys,
                               struct weir_refusal *why)
{
    struct rx *rx = rx_of(memory);
    weir_status status = WEIR_REFUSED;

    *why = (struct weir_refusal){.code = WEIR_REFUSAL_NONE, .layer = WEIR_LAYER_BACKEND};
    if (rx->config.progress == NULL || rx->state != RX_OFF) {
        status = WEIR_E_MISUSE;
    } else if (weir_mlx5_caps_offer(&rx->caps, WEIR_RX, keys->version, keys->suite, why) &&
               (keys->at.tcp_known || refuse(why, WEIR_REFUSAL_POSITION, 0))) {
        const struct weir_suite *suite = weir_suite_find(keys->suite);

        status = weir_mlx5_dek_create(rx->in, rx->config.pd, keys->key,
                                      weir_alg_key_len((weir_alg)suite->alg));
        rx->params = (struct weir_mlx5_static){.version = keys->version, .record = keys->at.seq};
        __builtin_memcpy(rx->params.iv, keys->iv, sizeof keys->iv);
        rx->next_tcp_seq = rx->reached = keys->at.tcp_seq;
        rx->epoch = keys->at.epoch;
    }
    weir_keys_wipe(keys);
    if (status != WEIR_OK)
        return status;
    give(rx, RX_MAKE_DEK, WEIR_MLX5_DEK_CREATE);
    weir_mlx5_rx_forget(rx);
    rx->refusal = *why;
    rx->state = RX_DEK;
    rx->stop = rx->rekeying = rx->touched = false;
    return WEIR_PENDING;
}

enum weir_mlx5_rx_next weir_mlx5_rx_next(const struct weir_mlx5_rx *memory)
{
    const struct rx *rx = rx_of(memory);

    if (rx->commands != RX_NO_COMMAND)
        return WEIR_MLX5_RX_COMMAND;
    if (rx->state == RX_STEER)
        return WEIR_MLX5_RX_STEER;
    if (rx->state == RX_STOPPING && rx->steered)
        return WEIR_MLX5_RX_UNSTEER;
    if (rx->wanted != RX_POST_NOTHING && rx->posted == RX_POST_NOTHING)
        return WEIR_MLX5_RX_POST;
    /* Nothing that the card has touched lies ahead. */
    if (rx->state == RX_OFF && rx->rekeying && !rx->touched)
        return WEIR_MLX5_RX_RESTART;
    return WEIR_MLX5_RX_NOTHING;
}

struct weir_refusal weir_mlx5_rx_refusal(const struct weir_mlx5_rx *memory)
{
    return rx_of(memory)->refusal;
}

const struct weir_cmd *weir_mlx5_rx_command(const struct weir_mlx5_rx *memory)
{
    const struct rx *rx = rx_of(memory);

    return rx->commands != RX_NO_COMMAND ? &rx->cmd : NULL;
}

/* The reply to a command that makes something. False: it did not, and the start has failed. */
static bool made(struct rx *rx, const struct weir_done *done, enum weir_mlx5_object object,
                 uint32_t *number)
{
    const uint32_t about = (uint32_t)(object == WEIR_MLX5_DEK ? ABOUT_DEK : ABOUT_TIR) << 24;
    struct weir_mlx5_reply reply = {0};

    if (done->os_error != 0 || done->len < WEIR_MLX5_REPLY) {
        weir_mlx5_rx_fail(rx, WEIR_REFUSAL_NO_REPLY, about, true);
        return false;
    }
    weir_status status = weir_mlx5_created(rx->reply, object, &reply);
    if (status == WEIR_OK) {
        *number = reply.number;
        return true;
    }
    bool full = status == WEIR_REFUSED &&
                (reply.status == WEIR_MLX5_STATUS_BUSY || reply.status == WEIR_MLX5_STATUS_LIMIT ||
                 reply.status == WEIR_MLX5_STATUS_NO_RESOURCES);
    weir_mlx5_rx_fail(rx, full ? WEIR_REFUSAL_RESOURCES : WEIR_REFUSAL_DEVICE, about | reply.status,
                      full);
    return false;
}

/* The key object is there, or the TIR: the next step, unless it is to be stopped. */
static void step_done(struct rx *rx, enum rx_command command)
{
    if (rx->stop) {
        rx->state = RX_STOPPING;
        go_on_stopping(rx);
    } else if (command == RX_MAKE_TIR) {
        rx->state = RX_SETUP;
        rx->wanted = RX_POST_SETUP;
    } else if (weir_mlx5_tir_create(rx->in, rx->config.domain, rx->config.table) == WEIR_OK) {
        give(rx, RX_MAKE_TIR, WEIR_MLX5_TIR_CREATE);
        rx->state = RX_TIR;
    }
}

weir_status weir_mlx5_rx_done(struct weir_mlx5_rx *memory, const struct weir_done *done)
{
    struct rx *rx = rx_of(memory);
    enum rx_command command = (enum rx_command)rx->commands;

    rx->commands = RX_NO_COMMAND;
    weir_wipe(rx->in, sizeof rx->in);
    switch (command) {
    case RX_NO_COMMAND:
        return WEIR_E_MISUSE;
    case RX_MAKE_DEK:
        rx->has_dek = made(rx, done, WEIR_MLX5_DEK, &rx->dek);
        rx->params.dek = rx->dek;
        if (rx->has_dek)
            step_done(rx, command);
        break;
    case RX_MAKE_TIR:
        rx->has_tir = made(rx, done, WEIR_MLX5_TIR, &rx->tirn);
        if (rx->has_tir)
            step_done(rx, command);
        break;
    case RX_END_TIR: /* whatever the answer was, nothing more can be done about it */
        rx->has_tir = false;
        go_on_stopping(rx);
        break;
    case RX_END_DEK:
        rx->has_dek = false;
        go_on_stopping(rx);
        break;
    }
    return WEIR_OK;
}

weir_status weir_mlx5_rx_completed(struct weir_mlx5_rx *memory, const struct weir_mlx5_cqe *cqe)
{
    struct rx *rx = rx_of(memory);
    enum rx_post posted = (enum rx_post)rx->posted;
    bool failed = cqe->opcode == WEIR_MLX5_CQE_REQUEST_ERROR;

    if (posted == RX_POST_NOTHING || (cqe->opcode != WEIR_MLX5_CQE_REQUEST && !failed) ||
        (cqe->counter != rx->first_index && cqe->counter != rx->last_index))
        return WEIR_NEED_INPUT;
    if (!failed && cqe->counter != rx->last_index)
        return WEIR_OK; /* the first of two */
    rx->posted = RX_POST_NOTHING;
    if (rx->state == RX_STOPPING) {
        go_on_stopping(rx);
    } else if (posted == RX_POST_SETUP && failed) {
        weir_mlx5_rx_fail(rx, WEIR_REFUSAL_DEVICE, (uint32_t)ABOUT_ENTRY << 24 | cqe->syndrome,
                          false);
    } else if (posted == RX_POST_SETUP) {
        rx->state = RX_STEER;
    } else if (posted == RX_POST_QUERY && failed) {
        weir_mlx5_rx_no_answer(rx);
    } else if (posted == RX_POST_QUERY) {
        weir_mlx5_rx_answer(rx);
    }
    return WEIR_OK;
}

void weir_mlx5_rx_abandon(struct weir_mlx5_rx *memory)
{
    struct rx *rx = rx_of(memory);
    enum rx_post posted = (enum rx_post)rx->posted;

    rx->posted = RX_POST_NOTHING;
    if (rx->state == RX_STOPPING) {
        go_on_stopping(rx);
    } else if (posted == RX_POST_SETUP) {
        weir_mlx5_rx_fail(rx, WEIR_REFUSAL_NO_REPLY, (uint32_t)ABOUT_ENTRY << 24, true);
    } else if (posted == RX_POST_QUERY) {
        rx->counters.rx_abandoned++;
        weir_mlx5_rx_no_answer(rx);
    }
}

uint32_t weir_mlx5_rx_tirn(const struct weir_mlx5_rx *memory)
{
    const struct rx *rx = rx_of(memory);

    return rx->has_tir ? rx->tirn : 0;
}

void weir_mlx5_rx_steered(struct weir_mlx5_rx *memory, bool ok, int os_error)
{
    struct rx *rx = rx_of(memory);

    if (rx->state != RX_STEER && rx->state != RX_STOPPING)
        return;
    rx->steered = ok;
    if (rx->state == RX_STOPPING) {
        go_on_stopping(rx);
    } else if (ok) {
        rx->state = RX_RUNNING;
    } else {
        weir_mlx5_rx_fail(rx, WEIR_REFUSAL_OS, 0, false);
        rx->refusal.os_error = os_error;
    }
}

void weir_mlx5_rx_unsteered(struct weir_mlx5_rx *memory)
{
    struct rx *rx = rx_of(memory);

    if (rx->state != RX_STOPPING || !rx->steered)
        return;
    rx->steered = false;
    go_on_stopping(rx);
}

void weir_mlx5_rx_rekey(struct weir_mlx5_rx *memory)
{
    struct rx *rx = rx_of(memory);

    if (rx->state == RX_OFF || rx->state == RX_STOPPING)
        return;
    stop(rx);
    rx->rekeying = true;
    (void)refuse(&rx->refusal, WEIR_REFUSAL_NO_REKEY, 0);
    rx->refusal.transient = true;
}

void weir_mlx5_rx_stop(struct weir_mlx5_rx *memory)
{
    struct rx *rx = rx_of(memory);

    rx->rekeying = false;
    if (rx->state != RX_STOPPING)
        stop(rx);
}

void weir_mlx5_rx_lost(struct weir_mlx5_rx *memory)
{
    struct rx *rx = rx_of(memory);

    stop(rx);
    weir_wipe(rx->in, sizeof rx->in);
    weir_wipe(&rx->params, sizeof rx->params);
    rx->commands = RX_NO_COMMAND;
    rx->posted = RX_POST_NOTHING;
    rx->has_dek = rx->has_tir = rx->steered = rx->rekeying = false;
    rx->state = RX_OFF;
    (void)refuse(&rx->refusal, WEIR_REFUSAL_NO_REPLY, 0);
}

bool weir_mlx5_rx_touches(const struct weir_mlx5_rx *memory)
{
    const struct rx *rx = rx_of(memory);

    return rx->state != RX_OFF || rx->touched;
}

bool weir_mlx5_rx_stopped(const struct weir_mlx5_rx *memory)
{
    return rx_of(memory)->state == RX_OFF;
}

struct weir_mlx5_rx_counters weir_mlx5_rx_count(const struct weir_mlx5_rx *memory)
{
    return rx_of(memory)->counters;
}

void weir_mlx5_rx_wipe(struct weir_mlx5_rx *memory)
{
    weir_wipe(memory, sizeof *memory);
}
