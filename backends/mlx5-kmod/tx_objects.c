/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys and the context on the card: made, replaced and ended by commands to its firmware. */
#include "tx_inside.h"

/* Where in the command the key is, see docs/reference/mlx5-wqe.md, 2.1. */
#define DEK_KEY 80u

/* Numbers of a refusal's detail, in bits 24 to 31. */
#define OF_KEY     (1u << 24)
#define OF_CONTEXT (2u << 24)

static weir_status ask(struct tx *tx, enum tx_step step, uint32_t len)
{
    tx->step = (uint8_t)step;
    wqe_zero(tx->reply, sizeof tx->reply);
    tx->cmd = (struct weir_cmd){
        .kind = WEIR_CMD_FIRMWARE,
        .value = tx->in,
        .len = len,
        .reply = tx->reply,
        .reply_len = sizeof tx->reply,
    };
    return WEIR_PENDING;
}

static weir_status ask_for_key(struct tx *tx, enum tx_step step, const uint8_t *key)
{
    /* What can be wrong with it was looked at before: weir_mlx5_tx_backend_init, supports. */
    if (weir_mlx5_dek_create(tx->in, tx->port->config.pd, key,
                             weir_alg_key_len((weir_alg)tx->alg)) != WEIR_OK)
        return WEIR_E_BACKEND;
    return ask(tx, step, WEIR_MLX5_DEK_CREATE);
}

weir_status weir_mlx5_tx_create(struct tx *tx, const struct weir_keys *keys,
                                struct weir_refusal *why)
{
    (void)why;
    return ask_for_key(tx, TX_ATTACH_DEK, keys->key);
}

/* The number of what a command has made; false: `why` is filled. Of a card that is gone nothing is
 * believed: the command was over, and its reply is nobody's, or came too late. */
static bool made(struct tx *tx, const struct weir_done *done, enum weir_mlx5_object object,
                 uint32_t *number, struct weir_refusal *why)
{
    struct weir_mlx5_reply reply = {.status = 0};
    uint32_t which = object == WEIR_MLX5_DEK ? OF_KEY : OF_CONTEXT;

    if (tx->lost || done->os_error != 0 || done->len < WEIR_MLX5_REPLY) {
        (void)tx_refuse(why, WEIR_REFUSAL_NO_REPLY, which);
        why->os_error = done->os_error;
        why->transient = true;
    } else if (weir_mlx5_created(tx->reply, object, &reply) == WEIR_OK) {
        *number = reply.number;
        return true;
    } else if (reply.status == WEIR_MLX5_STATUS_BUSY || reply.status == WEIR_MLX5_STATUS_LIMIT ||
               reply.status == WEIR_MLX5_STATUS_NO_RESOURCES) {
        (void)tx_refuse(why, WEIR_REFUSAL_RESOURCES, which | reply.status);
        why->transient = true;
    } else {
        (void)tx_refuse(why, WEIR_REFUSAL_DEVICE, which | reply.status);
    }
    tx->counters.tx_commands_failed++;
    return false;
}

/* The direction stays where it was, and this memory is free. */
static weir_status not_attached(struct tx *tx)
{
    weir_mlx5_tx_forget_keys(tx);
    weir_wipe(tx, sizeof *tx);
    return WEIR_REFUSED;
}

static weir_status dek_made(struct tx *tx, const struct weir_done *done, struct weir_refusal *why)
{
    struct tx_epoch *epoch = &tx->epochs[0];

    weir_wipe(tx->in, sizeof tx->in);
    epoch->has_dek = made(tx, done, WEIR_MLX5_DEK, &epoch->dek, why);
    if (!epoch->has_dek)
        return not_attached(tx);
    if (weir_mlx5_tis_create(tx->in, tx->port->config.priority, tx->port->config.domain,
                             tx->port->config.pd) != WEIR_OK)
        return WEIR_E_BACKEND;
    return ask(tx, TX_ATTACH_TIS, WEIR_MLX5_TIS_CREATE);
}

static weir_status undo_dek(struct tx *tx)
{
    if (weir_mlx5_destroy(tx->in, WEIR_MLX5_DEK, tx->epochs[0].dek) != WEIR_OK)
        return WEIR_E_BACKEND;
    return ask(tx, TX_UNDO_DEK, WEIR_MLX5_DESTROY);
}

static weir_status tis_made(struct tx *tx, const struct weir_done *done, struct weir_refusal *why)
{
    if (!made(tx, done, WEIR_MLX5_TIS, &tx->tisn, why)) {
        tx->refusal = *why;
        return tx->lost ? not_attached(tx) : undo_dek(tx);
    }
    tx->step = TX_IDLE;
    return WEIR_OK;
}

/* Whether there is room for another key: none but the present one is in use or on the card. */
static bool room_for_key(const struct tx *tx)
{
    const struct tx_epoch *other = &tx->epochs[1 - tx->now];

    return !other->held && !other->has_dek;
}

/* One command at a time: when core gives one up, weir_mlx5_tx_ended is told of it, too, and must
 * not take it for the other. */
static bool key_may_be_made(const struct tx *tx)
{
    return room_for_key(tx) && tx->ending == TX_ENDING_NOTHING;
}

/* The new key is the one of all records from here on; the processor has it, whoever else. */
static weir_status take_key(struct tx *tx, const uint8_t *key)
{
    struct tx_epoch *next = &tx->epochs[1 - tx->now];

    if (tx->port->config.aead->init(next->aead, (weir_alg)tx->alg, key) != WEIR_OK) {
        tx->dead = (int8_t)WEIR_E_PROVIDER;
        tx->ended = true;
        weir_mlx5_tx_forget_keys(tx);
        return WEIR_E_PROVIDER;
    }
    next->held = true;
    next->number = tx->next_epoch;
    next->base = tx->ordinal;
    next->used_until = 0;
    for (size_t i = 0; i < sizeof next->iv; i++)
        next->iv[i] = tx->next_iv[i];
    weir_wipe(tx->next_iv, sizeof tx->next_iv);
    tx->now = (uint8_t)(1 - tx->now);
    weir_mlx5_tx_let_go(tx);
    return WEIR_OK;
}

weir_status weir_mlx5_tx_rekey(const struct weir_backend *self, void *ctx,
                               const struct weir_keys *keys)
{
    struct tx *tx = ctx;

    (void)self;
    if (tx->dead < 0) {
        weir_status status = (weir_status)tx->dead;
        tx->ended = true;
        return status == WEIR_E_PROVIDER ? status : WEIR_E_BACKEND;
    }
    tx->next_epoch = keys->at.epoch;
    for (size_t i = 0; i < sizeof tx->next_iv; i++)
        tx->next_iv[i] = keys->iv[i];
    if (tx->lost && room_for_key(tx))
        return take_key(tx, keys->key);
    return ask_for_key(tx, TX_REKEY_DEK, keys->key);
}

/* A card that does not take the new key leaves its records to the processor. */
static weir_status rekeyed(struct tx *tx, const struct weir_done *done)
{
    struct tx_epoch *next = &tx->epochs[1 - tx->now];
    const uint8_t *key = tx->in + DEK_KEY;
    struct weir_refusal why;

    /* A key of 128 bits is in the second half of its field. */
    if (weir_alg_key_len((weir_alg)tx->alg) == 16)
        key += 16;
    tx->step = TX_IDLE;
    next->has_dek = made(tx, done, WEIR_MLX5_DEK, &next->dek, &why);
    weir_status status = take_key(tx, key);
    weir_wipe(tx->in, sizeof tx->in);
    return status;
}

const struct weir_cmd *weir_mlx5_tx_command(const struct weir_backend *self, void *ctx)
{
    const struct tx *tx = ctx;

    (void)self;
    if (tx->step == TX_IDLE || (tx->step == TX_REKEY_DEK && !key_may_be_made(tx)))
        return NULL;
    return &tx->cmd;
}

weir_status weir_mlx5_tx_complete(const struct weir_backend *self, void *ctx,
                                  const struct weir_done *done, struct weir_refusal *why)
{
    struct tx *tx = ctx;

    (void)self;
    switch ((enum tx_step)tx->step) {
    case TX_ATTACH_DEK:
        return dek_made(tx, done, why);
    case TX_ATTACH_TIS:
        return tis_made(tx, done, why);
    case TX_UNDO_DEK:
        *why = tx->refusal;
        return not_attached(tx);
    case TX_REKEY_DEK:
        return key_may_be_made(tx) ? rekeyed(tx, done) : WEIR_PENDING;
    case TX_IDLE:
        break;
    }
    return WEIR_E_BACKEND;
}

void weir_mlx5_tx_abandon(struct tx *tx)
{
    if (tx->step == TX_REKEY_DEK && !key_may_be_made(tx))
        tx->step = TX_IDLE; /* nobody was given the command */
    if (tx->step != TX_UNDO_DEK)
        weir_wipe(tx->in, sizeof tx->in);
}

void weir_mlx5_tx_retire(struct tx *tx)
{
    struct tx_epoch *old = &tx->epochs[1 - tx->now];

    if (old->held)
        tx->port->config.aead->wipe(old->aead);
    old->held = false;
    weir_wipe(old->iv, sizeof old->iv);
    if (tx->params_known && tx->params_epoch == old->number) {
        tx->params_known = false;
        tx->placed = false;
    }
    if (!old->has_dek || tx->retired)
        return;
    tx->retired = true;
    tx->retired_dek = old->dek;
    tx->retired_until = old->used_until;
    old->has_dek = false;
}

static weir_status ask_to_end(struct tx *tx, enum tx_ending ending, enum weir_mlx5_object object,
                              uint32_t number)
{
    if (weir_mlx5_destroy(tx->end_in, object, number) != WEIR_OK)
        return WEIR_E_BACKEND;
    wqe_zero(tx->end_reply, sizeof tx->end_reply);
    tx->ending = (uint8_t)ending;
    tx->end_cmd = (struct weir_cmd){
        .kind = WEIR_CMD_FIRMWARE,
        .value = tx->end_in,
        .len = sizeof tx->end_in,
        .reply = tx->end_reply,
        .reply_len = sizeof tx->end_reply,
    };
    return WEIR_PENDING;
}

/* Nothing that was posted before `until` is outstanding. */
static bool is_done(const struct weir_mlx5_sq *queue, uint64_t until)
{
    return queue == NULL || queue->consumed >= until;
}

static struct tx_epoch *with_dek(struct tx *tx)
{
    return &tx->epochs[tx->epochs[tx->now].has_dek ? tx->now : 1 - tx->now];
}

/* The next object to be ended when all are; WEIR_OK: there is none. */
static weir_status end_all(struct tx *tx, const struct weir_mlx5_sq *queue)
{
    const struct tx_epoch *epoch = with_dek(tx);

    if (tx->tisn == 0 && !epoch->has_dek)
        return WEIR_OK;
    if (!is_done(queue, tx->used_until))
        return WEIR_NEED_INPUT;
    if (tx->tisn != 0)
        return ask_to_end(tx, TX_ENDING_TIS, WEIR_MLX5_TIS, tx->tisn);
    return ask_to_end(tx, TX_ENDING_DEK, WEIR_MLX5_DEK, epoch->dek);
}

static weir_status end_next(struct tx *tx, const struct weir_mlx5_sq *queue, bool all)
{
    if (tx->lost) {
        tx->retired = tx->epochs[0].has_dek = tx->epochs[1].has_dek = false;
        tx->tisn = 0;
        return WEIR_OK;
    }
    if (tx->retired &&
        (!is_done(queue, tx->retired_until) || (tx->step == TX_REKEY_DEK && key_may_be_made(tx))))
        return WEIR_NEED_INPUT;
    if (tx->retired)
        return ask_to_end(tx, TX_ENDING_RETIRED, WEIR_MLX5_DEK, tx->retired_dek);
    if (!all)
        return WEIR_OK;
    /* Of a command that core gave up nobody has told yet what it has made. */
    return tx->step != TX_IDLE ? WEIR_NEED_INPUT : end_all(tx, queue);
}

weir_status weir_mlx5_tx_end(void *ctx, const struct weir_mlx5_sq *queue, bool over,
                             const struct weir_cmd **command)
{
    struct tx *tx = ctx;
    weir_status status = WEIR_PENDING;

    *command = NULL;
    if (over && !tx->ended)
        return WEIR_E_MISUSE;
    tx_look_at_queue(tx, queue);
    if (over) {
        weir_mlx5_tx_forget_keys(tx);
        tx->dead = (int8_t)WEIR_E_MISUSE;
    }
    if (tx->ending == TX_ENDING_NOTHING)
        status = end_next(tx, queue, over || (tx->ended && tx->map.used == 0));
    if (status == WEIR_PENDING)
        *command = &tx->end_cmd;
    return status;
}

/* A command that core gave up in the middle has ended: what it made is to be ended, too. */
static void orphan_ended(struct tx *tx, const struct weir_done *done)
{
    struct tx_epoch *next = &tx->epochs[tx->step == TX_REKEY_DEK ? 1 - tx->now : 0];
    struct weir_refusal why;

    if (tx->step == TX_ATTACH_TIS)
        (void)made(tx, done, WEIR_MLX5_TIS, &tx->tisn, &why);
    else if (tx->step == TX_UNDO_DEK)
        next->has_dek = false;
    else
        next->has_dek = made(tx, done, WEIR_MLX5_DEK, &next->dek, &why);
    tx->step = TX_IDLE;
}

void weir_mlx5_tx_ended(void *ctx, const struct weir_done *done)
{
    struct tx *tx = ctx;

    if (tx->ending == TX_ENDING_NOTHING) {
        if (tx->ended && tx->step != TX_IDLE)
            orphan_ended(tx, done);
        return;
    }
    if (tx->ending == TX_ENDING_TIS)
        tx->tisn = 0;
    else if (tx->ending == TX_ENDING_DEK)
        with_dek(tx)->has_dek = false;
    else
        tx->retired = false;
    if (tx->ending == TX_ENDING_RETIRED && !tx->epochs[1 - tx->now].held)
        weir_mlx5_tx_retire(tx); /* the key after it may have waited for that */
    tx->ending = TX_ENDING_NOTHING;
    if (done->os_error != 0 || done->len < WEIR_MLX5_REPLY || tx->end_reply[0] != 0)
        tx->counters.tx_commands_failed++;
}
