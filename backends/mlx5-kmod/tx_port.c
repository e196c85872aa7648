/* SPDX-License-Identifier: BSD-2-Clause */
/* A port as a backend: its settings, the memory of a direction, and records as they are framed. */
#include "tx_inside.h"

#define GCM (WEIR_ALG_BIT(WEIR_AES_128_GCM) | WEIR_ALG_BIT(WEIR_AES_256_GCM))

/* `self` is the first member of the struct weir_mlx5_tx_backend it was made as. */
static const struct weir_mlx5_tx_backend *port_of(const struct weir_backend *self)
{
    return (const struct weir_mlx5_tx_backend *)(const void *)self;
}

/* Where in the memory of a direction its parts begin: behind struct tx, in this order. */
struct layout {
    size_t runs, tags, checks, aead[2], all;
};

static size_t aligned(size_t at, size_t align)
{
    return align > 1 ? (at + align - 1) & ~(align - 1) : at;
}

static struct layout layout_of(const struct weir_mlx5_tx_config *config)
{
    const struct weir_aead *aead = config->aead;
    struct layout l;

    l.runs = aligned(sizeof(struct tx), _Alignof(struct weir_seqmap_run));
    l.tags =
        aligned(l.runs + config->runs * sizeof(struct weir_seqmap_run), _Alignof(struct tx_tag));
    l.checks = aligned(l.tags + config->tags * sizeof(struct tx_tag), _Alignof(uint64_t));
    l.aead[0] = aligned(l.checks + config->checks * sizeof(uint64_t), aead->ctx_align);
    l.aead[1] = aligned(l.aead[0] + aead->ctx_size, aead->ctx_align);
    l.all = l.aead[1] + aead->ctx_size;
    return l;
}

static bool tx_supports(const struct weir_backend *self, const struct weir_keys *keys,
                        enum weir_dir dir, struct weir_refusal *why)
{
    const struct weir_mlx5_tx_backend *port = port_of(self);
    const struct weir_suite *suite = weir_suite_find(keys->suite);

    if (dir != WEIR_TX)
        return tx_refuse(why, WEIR_REFUSAL_FORM, WEIR_MLX5_CAN_RX);
    if (!weir_mlx5_caps_offer(&port->caps, dir, keys->version, keys->suite, why))
        return false;
    if ((port->config.aead->algs & WEIR_ALG_BIT(suite->alg)) == 0)
        return tx_refuse(why, WEIR_REFUSAL_SUITE, keys->suite);
    return keys->at.unsure == 0 || tx_refuse(why, WEIR_REFUSAL_POSITION, 0);
}

static void zero(void *p, size_t len)
{
    wqe_zero(p, len);
}

/* Everything but the keys. */
static void prepare(struct tx *tx, const struct weir_mlx5_tx_backend *port,
                    const struct weir_keys *keys)
{
    const struct layout l = layout_of(&port->config);
    uint8_t *memory = (uint8_t *)tx;

    zero(tx, sizeof *tx);
    tx->port = port;
    tx->version = keys->version;
    tx->alg = weir_suite_find(keys->suite)->alg;
    tx->start = keys->at.tcp_seq;
    tx->high = tx->start;
    weir_seqmap_init(&tx->map, (struct weir_seqmap_run *)(void *)(memory + l.runs),
                     port->config.runs, tx->start);
    if (port->config.tags > 0) {
        tx->tags = (struct tx_tag *)(void *)(memory + l.tags);
        zero(tx->tags, port->config.tags * sizeof *tx->tags);
    }
    if (port->config.checks > 0)
        tx->checks = (uint64_t *)(void *)(memory + l.checks);
    for (unsigned i = 0; i < 2; i++)
        tx->epochs[i].aead = memory + l.aead[i];
}

static weir_status tx_attach(const struct weir_backend *self, void *ctx,
                             const struct weir_attach *what, struct weir_refusal *why)
{
    const struct weir_mlx5_tx_backend *port = port_of(self);
    const struct weir_keys *keys = what->keys;
    struct tx *tx = ctx;

    if (!tx_supports(self, keys, what->dir, why))
        return WEIR_REFUSED;
    if (!keys->at.tcp_known) {
        (void)tx_refuse(why, WEIR_REFUSAL_TCP_SEQ, 0);
        return WEIR_REFUSED;
    }
    prepare(tx, port, keys);
    struct tx_epoch *epoch = &tx->epochs[0];
    if (port->config.aead->init(epoch->aead, (weir_alg)tx->alg, keys->key) != WEIR_OK) {
        *why = (struct weir_refusal){.code = WEIR_REFUSAL_PROVIDER, .layer = WEIR_LAYER_PROVIDER};
        return WEIR_REFUSED;
    }
    epoch->held = true;
    epoch->number = keys->at.epoch;
    epoch->base = 0u - (uint32_t)keys->at.seq; /* the first record framed has ordinal 0 */
    for (size_t i = 0; i < sizeof epoch->iv; i++)
        epoch->iv[i] = keys->iv[i];
    return weir_mlx5_tx_create(tx, keys, why);
}

/* The processor can encrypt nothing more. */
void weir_mlx5_tx_forget_keys(struct tx *tx)
{
    for (unsigned i = 0; i < 2; i++) {
        if (tx->epochs[i].held)
            tx->port->config.aead->wipe(tx->epochs[i].aead);
        tx->epochs[i].held = false;
        weir_wipe(tx->epochs[i].iv, sizeof tx->epochs[i].iv);
    }
    weir_wipe(tx->in, sizeof tx->in);
    weir_wipe(tx->next_iv, sizeof tx->next_iv);
    tx->placed = false;
}

/* What was framed is still to be sent, and maybe again: keys stay until it is acknowledged, or the
 * caller says that it is over (weir_mlx5_tx_end). */
static void tx_detach(const struct weir_backend *self, void *ctx)
{
    struct tx *tx = ctx;

    (void)self;
    tx->ended = true;
    weir_mlx5_tx_abandon(tx);
    if (tx->map.used == 0)
        weir_mlx5_tx_forget_keys(tx);
}

/* Whether `together` records of at most `len` bytes can all be remembered. */
static bool room_for(const struct tx *tx, uint32_t len, uint32_t together)
{
    uint32_t held = tx->map.end - weir_seqmap_start(&tx->map);

    if (tx->checks != NULL && tx->port->config.checks - (tx->ordinal - tx->first) < together)
        return false;
    /* Alike but for the last, they make two runs. */
    return together <= 1 || (tx->map.capacity - tx->map.used >= 2 &&
                             (uint64_t)held + (uint64_t)len * together <= WEIR_SEQMAP_SPAN);
}

static weir_status tx_frame(const struct weir_backend *self, void *ctx,
                            const struct weir_position *at, uint32_t record_len, uint32_t together)
{
    struct tx *tx = ctx;

    (void)self;
    if (tx->dead < 0)
        return (weir_status)tx->dead;
    if (!room_for(tx, record_len, together))
        return WEIR_NEED_OUTPUT;
    weir_status status = weir_seqmap_add(&tx->map, at, record_len);
    if (status == WEIR_OK)
        tx->ordinal++;
    return status == WEIR_E_MISUSE ? WEIR_E_BACKEND : status;
}

static weir_status tx_seal(const struct weir_backend *self, void *ctx,
                           const struct weir_aead_op *op)
{
    struct tx *tx = ctx;
    uint8_t *out = op->out;

    (void)self;
    for (size_t i = 0; i < op->in_count; i++) {
        if (out != op->in[i].base)
            __builtin_memcpy(out, op->in[i].base, op->in[i].len);
        out += op->in[i].len;
    }
    zero(op->tag, WEIR_TAG_LEN);
    if (tx->checks != NULL) {
        /* RFC 8446 section 5.2, RFC 5246 section 6.2.3.3: where the type is in what is protected.
         */
        uint8_t type = op->aad.base[tx->version == WEIR_TLS13 ? 0 : 8];
        uint32_t slot = (tx->ordinal - 1) & (tx->port->config.checks - 1);
        struct tx_sip s;

        weir_mlx5_tx_sip_begin(&s, tx->port->check_key);
        weir_mlx5_tx_sip_take(&s, op->out, op->in_len);
        weir_mlx5_tx_sip_take(&s, &type, 1);
        tx->checks[slot] = weir_mlx5_tx_sip_end(&s);
    }
    return WEIR_OK;
}

static weir_status tx_query(const struct weir_backend *self, void *ctx,
                            struct weir_backend_state *state)
{
    const struct tx *tx = ctx;
    bool card = !tx->lost && tx->tisn != 0 && tx->epochs[tx->now].has_dek;

    (void)self;
    *state =
        (struct weir_backend_state){.carrier = card ? WEIR_CARRIER_NIC : WEIR_CARRIER_SOFTWARE};
    return WEIR_OK;
}

static bool is_power_of_two_or_0(uint32_t n)
{
    return (n & (n - 1)) == 0;
}

static bool config_stands(const struct weir_mlx5_tx_config *c, struct weir_refusal *why)
{
    const uint32_t tx = WEIR_MLX5_CAN_KEYS | WEIR_MLX5_CAN_TX;

    *why = (struct weir_refusal){.code = WEIR_REFUSAL_NONE, .layer = WEIR_LAYER_BACKEND};
    if ((c->caps->can & tx) != tx)
        return tx_refuse(why, WEIR_REFUSAL_FORM, tx & ~c->caps->can);
    if (c->runs < 4 || c->runs > 0xffffffu || c->tags > 0xffffffu || c->checks > 0xffffffu ||
        !is_power_of_two_or_0(c->tags) || !is_power_of_two_or_0(c->checks))
        return tx_refuse(why, WEIR_REFUSAL_MEMORY, 0);
    why->layer = WEIR_LAYER_PROVIDER;
    if (c->aead->abi != WEIR_AEAD_ABI)
        why->code = WEIR_REFUSAL_ABI;
    else if ((c->aead->algs & GCM) == 0)
        why->code = WEIR_REFUSAL_SUITE;
    else if (c->aead->keystream == NULL)
        why->code = WEIR_REFUSAL_KEYSTREAM;
#ifndef WEIR_ALLOW_INSECURE
    else if ((c->aead->flags & WEIR_AEAD_INSECURE) != 0)
        why->code = WEIR_REFUSAL_INSECURE;
#endif
    return why->code == WEIR_REFUSAL_NONE;
}

weir_status weir_mlx5_tx_backend_init(struct weir_mlx5_tx_backend *port,
                                      const struct weir_mlx5_tx_config *config,
                                      struct weir_refusal *why)
{
    if (!wqe_is_number(config->pd) || !wqe_is_number(config->domain) || config->priority > 15 ||
        config->mtu < 64 || (config->checks > 0 && config->check_key == NULL) ||
        (unsigned)config->driver > WEIR_MLX5_AS_LINUX ||
        (unsigned)config->policy > WEIR_MLX5_FALLBACK)
        return WEIR_E_MISUSE;
    if (!config_stands(config, why))
        return WEIR_REFUSED;
    *port = (struct weir_mlx5_tx_backend){
        .backend =
            {
                .abi = WEIR_BACKEND_ABI,
                .form = WEIR_FORM_PACKET,
                .name = "mlx5-packet",
                .ctx_size = layout_of(config).all,
                .ctx_align = config->aead->ctx_align > _Alignof(struct tx) ? config->aead->ctx_align
                                                                           : _Alignof(struct tx),
                .supports = tx_supports,
                .attach = tx_attach,
                .command = weir_mlx5_tx_command,
                .complete = weir_mlx5_tx_complete,
                .rekey = weir_mlx5_tx_rekey,
                .query = tx_query,
                .detach = tx_detach,
                .seal = tx_seal,
                .frame = tx_frame,
            },
        .config = *config,
        .caps = *config->caps,
    };
    for (size_t i = 0; i < sizeof port->check_key && config->checks > 0; i++)
        port->check_key[i] = config->check_key[i];
    port->config.caps = NULL;
    port->config.check_key = NULL;
    return WEIR_OK;
}

/* What the map holds has changed: which records there are checks of, and which keys are needed. */
void weir_mlx5_tx_let_go(struct tx *tx)
{
    struct weir_seqmap_record oldest = {.epoch = tx->epochs[tx->now].number};
    struct tx_epoch *old = &tx->epochs[1 - tx->now];

    tx->first = tx->ordinal;
    if (weir_seqmap_find(&tx->map, weir_seqmap_start(&tx->map), &oldest) == WEIR_SEQMAP_HELD) {
        const struct tx_epoch *epoch = tx_epoch_of(tx, oldest.epoch);

        if (epoch != NULL)
            tx->first = tx_ordinal(epoch, &oldest);
    }
    if (old->held && oldest.epoch != old->number)
        weir_mlx5_tx_retire(tx);
    if (tx->ended && tx->map.used == 0)
        weir_mlx5_tx_forget_keys(tx);
}

weir_status weir_mlx5_tx_acked(void *ctx, uint32_t snd_una)
{
    struct tx *tx = ctx;

    if (!tx->start_passed && tx_before(snd_una, tx->start))
        return WEIR_OK; /* of what was sent before the offload */
    weir_status status = weir_seqmap_trim(&tx->map, snd_una);
    if (status != WEIR_OK)
        return status;
    tx->start_passed = true;
    /* Where the card stands nothing will be sent any more: when TCP's numbers have come around, the
     * byte there is one of another record, and would get the nonce of this one. */
    if (tx->placed && tx_before(tx->expected, weir_seqmap_start(&tx->map)))
        tx->placed = false;
    weir_mlx5_tx_let_go(tx);
    return WEIR_OK;
}

uint32_t weir_mlx5_tx_needs(const void *ctx)
{
    return weir_seqmap_start(&tx_seen(ctx)->map);
}

void weir_mlx5_tx_lost(void *ctx)
{
    tx_of(ctx)->lost = true;
    tx_of(ctx)->placed = false;
}

void weir_mlx5_tx_reset(void *ctx)
{
    tx_of(ctx)->placed = false;
    tx_of(ctx)->params_known = false;
}

bool weir_mlx5_tx_expects(const void *ctx, uint32_t *tcp_seq)
{
    if (tx_seen(ctx)->placed)
        *tcp_seq = tx_seen(ctx)->expected;
    return tx_seen(ctx)->placed;
}

uint32_t weir_mlx5_tx_context(const void *ctx)
{
    return tx_seen(ctx)->tisn;
}

struct weir_mlx5_tx_counters weir_mlx5_tx_count(const void *ctx)
{
    return tx_seen(ctx)->counters;
}
