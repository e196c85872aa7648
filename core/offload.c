/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A direction changes its place: moves to another backend, and what is asked of one that works by
 * commands. What can fail comes before the switch, and the switch cannot fail.
 */
#include "direction.h"
#include "mem.h"

#if WEIR_HAS_OFFLOAD

/* What the policy says about a backend that holds the key for good. */
static bool policy_allows(const struct direction *d, enum weir_dir dir,
                          const struct weir_move *move, struct weir_refusal *why)
{
    const struct weir_backend *to = move->backend;

    if (move->reversible && (to->caps & WEIR_CAP_RELEASE) == 0)
        return weir_direction_refuse(why, WEIR_REFUSAL_NO_TAKE_BACK, 0);
    if (d->keys.version != WEIR_TLS13 || to->rekey != NULL || move->policy == WEIR_POLICY_ALL)
        return true;
    /* RFC 8446 section 4.6.3: "Either the client or server may send a KeyUpdate" at any time. We
     * need not send one; the peer's cannot be prevented. */
    if (dir == WEIR_TX && move->policy == WEIR_POLICY_DEFAULT)
        return true;
    return weir_direction_refuse(why, WEIR_REFUSAL_NO_REKEY, 0);
}

/* Whether records would go on having the form that was agreed or asked for. */
static bool shape_kept(const struct direction *d, enum weir_dir dir, const struct weir_backend *to,
                       struct weir_refusal *why)
{
    if (to->form != WEIR_FORM_STREAM)
        return true;
    /* RFC 8449 section 4: an endpoint "MUST generate a fatal "record_overflow" alert" for a longer
     * record than it allowed; below the socket nobody looks, and merged records hide it. */
    bool limited = d->record_limit < WEIR_MAX_PLAINTEXT;
    if (limited && (dir == WEIR_RX || (to->caps & WEIR_CAP_RECORD_LIMIT) == 0))
        return weir_direction_refuse(why, WEIR_REFUSAL_RECORD_LIMIT, d->record_limit);
    if (dir == WEIR_TX && d->pad_multiple != 0)
        return weir_direction_refuse(why, WEIR_REFUSAL_PADDING, d->pad_multiple);
    return true;
}

/* What is done waits for the commands of `backend`; false: it has none. */
static bool begin(struct direction *d, const struct weir_backend *backend, enum doing doing)
{
    if (backend->command == NULL || backend->complete == NULL)
        return false;
    d->doing = (uint8_t)doing;
    return true;
}

bool weir_direction_waits(struct direction *d, enum doing doing)
{
    return begin(d, d->backend, doing);
}

void weir_direction_drop_move(struct direction *d)
{
    if (d->doing == DOING_MOVE)
        d->with.next.backend->detach(d->with.next.backend, d->with.next.ctx);
    d->doing = DOING_NOTHING;
}

void weir_direction_new_key(struct direction *d)
{
    d->exact = 0;
    d->bypassed = 0;
    d->no_answer = 0;
}

/* The next backend has the direction: nothing from here on can fail. */
static void switch_over(struct direction *d)
{
    d->backend->detach(d->backend, d->ctx);
    d->backend = d->with.next.backend;
    d->ctx = d->with.next.ctx;
    d->attached = (uint8_t)d->backend->form;
    d->carrier = d->backend->form == WEIR_FORM_RECORD ? WEIR_CARRIER_SOFTWARE : WEIR_CARRIER_BELOW;
    d->exact = 0;
    d->no_answer = 0;
    d->asked = 0;
    d->open = 0;
    d->counters.moves++;
}

weir_status weir_direction_offload(struct direction *d, enum weir_dir dir,
                                   const struct weir_move *move, struct weir_refusal *why)
{
    const struct weir_backend *to = move->backend;

    *why = (struct weir_refusal){.code = WEIR_REFUSAL_NONE, .layer = WEIR_LAYER_CORE};
    if (d->status < 0 || d->attached == HELD_NOT)
        return weir_direction_end(d, WEIR_E_MISUSE);
    if (d->doing != DOING_NOTHING)
        return WEIR_PENDING;
    if (move->left != 0) {
        (void)weir_direction_refuse(why, WEIR_REFUSAL_BOUNDARY,
                                    move->left < UINT32_MAX ? (uint32_t)move->left : UINT32_MAX);
        why->transient = true;
        return WEIR_REFUSED;
    }
    if ((d->backend->caps & WEIR_CAP_RELEASE) == 0) {
        (void)weir_direction_refuse(why, WEIR_REFUSAL_NO_TAKE_BACK, 0);
        return WEIR_REFUSED;
    }
    if (!weir_direction_exact(d)) {
        (void)weir_direction_refuse(why, WEIR_REFUSAL_POSITION, 0);
        why->transient = true; /* after a query */
        return WEIR_REFUSED;
    }
    if (!weir_backend_check(to, &d->keys, dir, why) || !policy_allows(d, dir, move, why) ||
        !shape_kept(d, dir, to, why) || !weir_direction_memory(to, move->ctx, move->ctx_len, why) ||
        !weir_direction_locate(d, move, why))
        return WEIR_REFUSED;

    const struct weir_attach what = {.keys = &d->keys, .dir = dir, .record_limit = d->record_limit};
    weir_status status = to->attach(to, move->ctx, &what, why);
    d->with.next.backend = to;
    d->with.next.ctx = move->ctx;
    if (status == WEIR_OK) {
        switch_over(d);
        return WEIR_OK;
    }
    if (status == WEIR_PENDING && begin(d, to, DOING_MOVE))
        return WEIR_PENDING;
    if (status == WEIR_PENDING) /* and nobody could go on with it */
        to->detach(to, move->ctx);
    return WEIR_REFUSED;
}

weir_status weir_direction_take_back(struct direction *d, enum weir_dir dir,
                                     const struct weir_move *move, struct weir_refusal *why)
{
    if (d->status >= 0 && move->backend->form != WEIR_FORM_RECORD) {
        (void)weir_direction_refuse(why, WEIR_REFUSAL_FORM, (uint32_t)move->backend->form);
        return WEIR_REFUSED;
    }
    return weir_direction_offload(d, dir, move, why);
}

const struct weir_cmd *weir_direction_command(const struct direction *d)
{
    if (d->doing == DOING_NOTHING)
        return NULL;
    if (d->doing == DOING_MOVE)
        return d->with.next.backend->command(d->with.next.backend, d->with.next.ctx);
    return d->backend->command(d->backend, d->ctx);
}

/*
 * What the key has protected when the backend tells the number of the next record. Two blocks a
 * record were counted besides the content (weir_direction_count), where only the number of records
 * was in doubt. Of records by others nothing was, so each that can be theirs counts as a full one.
 */
static uint64_t blocks_told(const struct direction *d, uint64_t told)
{
    const struct weir_position *at = &d->keys.at;
    const uint64_t full = WEIR_MAX_PLAINTEXT / 16 + 2;

    if (at->blocks == UINT64_MAX)
        return UINT64_MAX;
    if (!d->bypassed)
        return at->blocks + 2 * (told - at->seq);
    uint64_t sure = at->blocks - 2 * at->unsure;
    uint64_t more = told - (at->seq - at->unsure);
    if (more > UINT64_MAX >> 12) /* `full` is below 2^12: a bound that needs no division */
        return UINT64_MAX;
    return sure <= UINT64_MAX - more * full ? sure + more * full : UINT64_MAX;
}

/*
 * The backend has told the number of the next record. Sending, it must lie within what was sent, by
 * us or by those we know of: otherwise somebody else writes records under this key, or it is
 * another key. Receiving, empty records may have come that nobody saw.
 */
static bool place(struct direction *d, const struct weir_backend_state *state)
{
    struct weir_position *at = &d->keys.at;
    uint64_t least = at->seq - at->unsure;
    /* A record that may still be open has its number to come, until a send closes it. */
    uint64_t open = d->open != 0 && (state->seq < at->seq || d->bypassed) ? 1 : 0;

    if (state->seq < least || (state->seq > at->seq && !d->receives && !d->bypassed))
        return false;
    if (d->iv_is_salt && !d->receives) {
        if (at->nonce_rule == WEIR_NONCE_SEQ && state->explicit_nonce != state->seq)
            at->nonce_rule = WEIR_NONCE_COUNTER;
        at->explicit_nonce = state->explicit_nonce + open;
    }
    at->blocks = blocks_told(d, state->seq + open);
    d->counters.records += state->seq - least;
    d->counters.wire_bytes += (state->seq - least) * ((uint64_t)d->shape.prefix + d->shape.suffix);
    at->seq = state->seq + open;
    at->unsure = open;
    d->exact = open == 0;
    /* How much of what was cut short lies in it, the number does not tell. */
    d->open = open > 0 ? OPEN_UNKNOWN : 0;
    d->bypassed = 0;
    return true;
}

/* What a query has learnt. */
static weir_status learn(struct direction *d, const struct weir_backend_state *state)
{
    d->carrier = (uint8_t)state->carrier;
    d->no_answer = !state->exact;
    if (state->exact && !place(d, state))
        return weir_direction_end(d, WEIR_E_BACKEND);
    return WEIR_OK;
}

/* WEIR_OK, WEIR_PENDING, WEIR_REFUSED, or the sticky status. */
static weir_status ask(struct direction *d, enum doing doing, struct weir_refusal *why)
{
    struct weir_backend_state state = {.carrier = WEIR_CARRIER_NONE};

    weir_status status = d->backend->query(d->backend, d->ctx, &state);
    if (status == WEIR_OK)
        return learn(d, &state);
    if (status == WEIR_PENDING && begin(d, d->backend, doing))
        return WEIR_PENDING;
    d->no_answer = 1;
    *why = (struct weir_refusal){.code = WEIR_REFUSAL_OS, .layer = WEIR_LAYER_BACKEND};
    return WEIR_REFUSED;
}

weir_status weir_direction_query(struct direction *d, struct weir_refusal *why)
{
    *why = (struct weir_refusal){.code = WEIR_REFUSAL_NONE, .layer = WEIR_LAYER_CORE};
    if (d->backend == NULL || d->attached == HELD_NOT || d->status < 0)
        return weir_direction_end(d, WEIR_E_MISUSE);
    if (d->doing != DOING_NOTHING)
        return WEIR_PENDING;
    if (d->attached == HELD_RECORD && d->backend->query == NULL)
        return WEIR_OK; /* weir makes the records: it knows */
    if (d->backend->query == NULL) {
        (void)weir_direction_refuse(why, WEIR_REFUSAL_FORM, (uint32_t)d->backend->form);
        return WEIR_REFUSED;
    }
    return ask(d, DOING_QUERY, why);
}

weir_status weir_tx_bypass(struct weir_tx *tx, struct weir_refusal *why)
{
    struct direction *d = tx_inside(tx);

    *why = (struct weir_refusal){.code = WEIR_REFUSAL_NONE, .layer = WEIR_LAYER_CORE};
    if (d->backend == NULL || d->attached == HELD_NOT || d->status < 0)
        return weir_direction_end(d, WEIR_E_MISUSE);
    if (d->doing != DOING_NOTHING)
        return WEIR_PENDING;
    if (d->attached != HELD_STREAM) {
        (void)weir_direction_refuse(why, WEIR_REFUSAL_FORM, (uint32_t)d->backend->form);
        return WEIR_REFUSED;
    }
    if (d->backend->query == NULL || d->no_answer) {
        (void)weir_direction_refuse(why, WEIR_REFUSAL_POSITION, 0);
        return WEIR_REFUSED;
    }
    d->bypassed = 1;
    d->open = OPEN_UNKNOWN; /* theirs may be cut short, too */
    d->exact = 0;
    d->keys.at.tcp_known = false;
    return WEIR_OK;
}

weir_status weir_direction_ask_to_rekey(struct direction *d, const struct weir_kdf *kdf)
{
    struct weir_refusal why;
    /* Receiving, empty records may have come besides that nobody saw. */
    bool asks = d->attached == HELD_STREAM && (d->keys.at.unsure > 0 || d->receives || d->bypassed);

    if (!asks || d->backend->query == NULL || d->no_answer)
        return WEIR_OK;
    weir_status status = ask(d, DOING_QUERY_TO_REKEY, &why);
    if (status == WEIR_PENDING)
        d->with.kdf = kdf;
    return status == WEIR_PENDING || status < 0 ? status : WEIR_OK;
}

/* A query's commands are done. */
static weir_status query_done(struct direction *d, weir_status status, struct weir_refusal *why)
{
    struct weir_backend_state state = {.carrier = WEIR_CARRIER_NONE};

    if (status == WEIR_OK)
        status = d->backend->query(d->backend, d->ctx, &state);
    if (status == WEIR_OK)
        return learn(d, &state);
    d->no_answer = 1;
    if (why->code == WEIR_REFUSAL_NONE)
        *why = (struct weir_refusal){.code = WEIR_REFUSAL_OS, .layer = WEIR_LAYER_BACKEND};
    return WEIR_REFUSED;
}

static weir_status move_done(struct direction *d, weir_status status, struct weir_refusal *why)
{
    if (status == WEIR_OK) {
        switch_over(d);
        return WEIR_OK;
    }
    if (why->code == WEIR_REFUSAL_NONE)
        *why = (struct weir_refusal){.code = WEIR_REFUSAL_OS, .layer = WEIR_LAYER_BACKEND};
    return WEIR_REFUSED;
}

weir_status weir_direction_complete(struct direction *d, const struct weir_done *done,
                                    struct weir_refusal *why)
{
    enum doing doing = (enum doing)d->doing;
    bool moves = doing == DOING_MOVE;

    *why = (struct weir_refusal){.code = WEIR_REFUSAL_NONE, .layer = WEIR_LAYER_CORE};
    if (doing == DOING_NOTHING)
        return weir_direction_end(d, WEIR_E_MISUSE);
    const struct weir_backend *b = moves ? d->with.next.backend : d->backend;
    const struct weir_kdf *kdf = doing == DOING_QUERY_TO_REKEY ? d->with.kdf : NULL;

    weir_status status = b->complete(b, moves ? d->with.next.ctx : d->ctx, done, why);
    if (status == WEIR_PENDING)
        return WEIR_PENDING;
    d->doing = DOING_NOTHING;
    switch (doing) {
    case DOING_MOVE:
        return move_done(d, status, why);
    case DOING_REKEY:
        return weir_direction_rekeyed(d, status);
    case DOING_QUERY_TO_REKEY:
        /* Without an answer the old key's counts stay bounds. */
        status = query_done(d, status, why);
        return status < 0 ? status : weir_direction_change_key(d, kdf);
    case DOING_QUERY:
    case DOING_NOTHING:
        break;
    }
    return query_done(d, status, why);
}

weir_status weir_tx_offload(struct weir_tx *tx, const struct weir_move *move,
                            struct weir_refusal *why)
{
    return weir_direction_offload(tx_inside(tx), WEIR_TX, move, why);
}

weir_status weir_tx_take_back(struct weir_tx *tx, const struct weir_move *move,
                              struct weir_refusal *why)
{
    return weir_direction_take_back(tx_inside(tx), WEIR_TX, move, why);
}

const struct weir_cmd *weir_tx_command(const struct weir_tx *tx)
{
    return weir_direction_command(tx_inside(tx));
}

weir_status weir_tx_complete(struct weir_tx *tx, const struct weir_done *done,
                             struct weir_refusal *why)
{
    return weir_direction_complete(tx_inside(tx), done, why);
}

weir_status weir_tx_query(struct weir_tx *tx, struct weir_refusal *why)
{
    return weir_direction_query(tx_inside(tx), why);
}

const struct weir_backend *weir_tx_backend(const struct weir_tx *tx)
{
    return tx_inside(tx)->backend;
}

weir_carrier weir_tx_carrier(const struct weir_tx *tx)
{
    const struct direction *d = tx_inside(tx);

    return d->attached == HELD_NOT ? WEIR_CARRIER_NONE : (weir_carrier)d->carrier;
}

weir_status weir_rx_offload(struct weir_rx *rx, const struct weir_move *move,
                            struct weir_refusal *why)
{
    return weir_direction_offload(rx_inside(rx), WEIR_RX, move, why);
}

weir_status weir_rx_take_back(struct weir_rx *rx, const struct weir_move *move,
                              struct weir_refusal *why)
{
    return weir_direction_take_back(rx_inside(rx), WEIR_RX, move, why);
}

const struct weir_cmd *weir_rx_command(const struct weir_rx *rx)
{
    return weir_direction_command(rx_inside(rx));
}

weir_status weir_rx_complete(struct weir_rx *rx, const struct weir_done *done,
                             struct weir_refusal *why)
{
    return weir_direction_complete(rx_inside(rx), done, why);
}

weir_status weir_rx_query(struct weir_rx *rx, struct weir_refusal *why)
{
    return weir_direction_query(rx_inside(rx), why);
}

const struct weir_backend *weir_rx_backend(const struct weir_rx *rx)
{
    return rx_inside(rx)->backend;
}

weir_carrier weir_rx_carrier(const struct weir_rx *rx)
{
    const struct direction *d = rx_inside(rx);

    return d->attached == HELD_NOT ? WEIR_CARRIER_NONE : (weir_carrier)d->carrier;
}

#endif
