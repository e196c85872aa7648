/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whose table a slot holds is told by a ticket that no other direction has ever had, not by an
 * address: memory that was given back without weir_tx_wipe may become another direction's, and
 * would then find a table under the wrong key. Nothing here depends on a key.
 */
#include <weir/record.h>
#include <weir/soft_cache.h>

/* Where space counts, core does not call `seal_each` and `open_each`. */
#ifdef __OPTIMIZE_SIZE__
#define MANY 0
#else
#define MANY 1
#endif

#define NOBODY 0u
#define NONE   UINT32_MAX

struct slot {
    uint64_t ticket; /* of the direction whose table it is; NOBODY */
    uint32_t free;   /* NOBODY: the next one without a table; NONE behind the last */
    bool recent;     /* used since the hand came by */
};

struct weir_soft_cache_head {
    struct slot *slots;
    uint8_t *tables;
    size_t stride; /* bytes of a table, up to the next one */
    size_t count;
    size_t hand;   /* where the next table to give up is looked for */
    uint32_t free; /* the first slot without one; NONE */
    uint64_t last_ticket;
    struct weir_soft_cache_counters counters;
};

/* The `ctx` of a direction. */
struct member {
    const struct weir_keys *keys;
    uint64_t ticket;
    uint32_t slot; /* where its table was last */
};

_Static_assert(sizeof(struct member) <= WEIR_SOFT_CACHE_CTX, "WEIR_SOFT_CACHE_CTX");

/* `self` is the first member of the struct weir_soft_cache it was made as. */
static const struct weir_soft_cache *cache_of(const struct weir_backend *self)
{
    return (const struct weir_soft_cache *)(const void *)self;
}

static void *table_of(const struct weir_soft_cache_head *head, size_t slot)
{
    return head->tables + slot * head->stride;
}

static void empty(const struct weir_soft_cache *cache, size_t at)
{
    struct weir_soft_cache_head *head = cache->head;

    cache->soft.backend.detach(&cache->soft.backend, table_of(head, at));
    head->slots[at] = (struct slot){.ticket = NOBODY, .free = head->free};
    head->free = (uint32_t)at;
}

/* A slot without a table, which head->free then names: if need be one that was not used since the
 * hand came by the last time. */
static size_t make_room(const struct weir_soft_cache *cache)
{
    struct weir_soft_cache_head *head = cache->head;

    while (head->free == NONE) {
        struct slot *slot = &head->slots[head->hand];
        if (!slot->recent) {
            empty(cache, head->hand);
            head->counters.evictions++;
        }
        slot->recent = false;
        head->hand = head->hand + 1 < head->count ? head->hand + 1 : 0;
    }
    return head->free;
}

/* Makes the table of `m`, which has none. As attach of a backend. */
static weir_status load(const struct weir_soft_cache *cache, struct member *m,
                        struct weir_refusal *why)
{
    const struct weir_backend *soft = &cache->soft.backend;
    const struct weir_attach what = {
        .keys = m->keys, .dir = WEIR_TX, .record_limit = (uint16_t)WEIR_MAX_PLAINTEXT};
    size_t at = make_room(cache);
    weir_status status = soft->attach(soft, table_of(cache->head, at), &what, why);

    if (status != WEIR_OK)
        return status;
    cache->head->free = cache->head->slots[at].free;
    cache->head->slots[at] = (struct slot){.ticket = m->ticket, .recent = true};
    cache->head->counters.loads++;
    m->slot = (uint32_t)at;
    return WEIR_OK;
}

static bool loaded(const struct weir_soft_cache *cache, const struct member *m)
{
    return cache->head->slots[m->slot].ticket == m->ticket;
}

/* The table of a direction; NULL when the provider cannot make it. */
static inline void *use(const struct weir_soft_cache *cache, struct member *m)
{
    struct weir_refusal why;

    if (!loaded(cache, m) && load(cache, m, &why) != WEIR_OK)
        return NULL;
    cache->head->slots[m->slot].recent = true;
    return table_of(cache->head, m->slot);
}

/* Gives up the table of a direction, if there is one. */
static void unload(const struct weir_soft_cache *cache, const struct member *m)
{
    if (loaded(cache, m))
        empty(cache, m->slot);
}

static bool cache_supports(const struct weir_backend *self, const struct weir_keys *keys,
                           enum weir_dir dir, struct weir_refusal *why)
{
    const struct weir_backend *soft = &cache_of(self)->soft.backend;

    return soft->supports(soft, keys, dir, why);
}

static weir_status cache_attach(const struct weir_backend *self, void *ctx,
                                const struct weir_attach *what, struct weir_refusal *why)
{
    const struct weir_soft_cache *cache = cache_of(self);
    struct member *m = ctx;

    *m = (struct member){.keys = what->keys, .ticket = ++cache->head->last_ticket};
    return load(cache, m, why);
}

static weir_status cache_rekey(const struct weir_backend *self, void *ctx,
                               const struct weir_keys *keys)
{
    const struct weir_soft_cache *cache = cache_of(self);
    struct member *m = ctx;
    struct weir_refusal why;

    unload(cache, m);
    m->keys = keys;
    return load(cache, m, &why) == WEIR_OK ? WEIR_OK : WEIR_E_PROVIDER;
}

static void cache_detach(const struct weir_backend *self, void *ctx)
{
    unload(cache_of(self), ctx);
    weir_wipe(ctx, sizeof(struct member));
}

static weir_status cache_seal(const struct weir_backend *self, void *ctx,
                              const struct weir_aead_op *op)
{
    const struct weir_soft_cache *cache = cache_of(self);
    void *table = use(cache, ctx);

    return table != NULL ? cache->soft.aead->seal(table, op) : WEIR_E_PROVIDER;
}

static weir_status cache_open(const struct weir_backend *self, void *ctx,
                              const struct weir_aead_op *op)
{
    const struct weir_soft_cache *cache = cache_of(self);
    void *table = use(cache, ctx);

    return table != NULL ? cache->soft.aead->open(table, op) : WEIR_E_PROVIDER;
}

static weir_status cache_seal_each(const struct weir_backend *self, void *ctx,
                                   const struct weir_aead_op *ops, size_t count)
{
    const struct weir_soft_cache *cache = cache_of(self);
    void *table = use(cache, ctx);

    return table != NULL ? cache->soft.aead->seal_each(table, ops, count) : WEIR_E_PROVIDER;
}

static weir_status cache_open_each(const struct weir_backend *self, void *ctx,
                                   const struct weir_aead_op *ops, size_t count, size_t *good)
{
    const struct weir_soft_cache *cache = cache_of(self);
    void *table = use(cache, ctx);

    return table != NULL ? cache->soft.aead->open_each(table, ops, count, good) : WEIR_E_PROVIDER;
}

static weir_status cache_keystream(const struct weir_backend *self, void *ctx,
                                   const uint8_t nonce[WEIR_IV_LEN], uint64_t offset,
                                   const uint8_t *in, uint8_t *out, size_t len)
{
    const struct weir_soft_cache *cache = cache_of(self);
    void *table = use(cache, ctx);

    return table != NULL ? cache->soft.aead->keystream(table, nonce, offset, in, out, len)
                         : WEIR_E_PROVIDER;
}

static size_t round_up(size_t n, size_t align)
{
    return (n + align - 1) & ~(align - 1);
}

static size_t align_of(const struct weir_aead *aead)
{
    size_t least = _Alignof(struct weir_soft_cache_head);

    return aead->ctx_align > least ? aead->ctx_align : least;
}

/* Bytes besides the tables and their slots, with what aligning may cost. */
static size_t fixed_size(const struct weir_aead *aead)
{
    return round_up(sizeof(struct weir_soft_cache_head), align_of(aead)) + 2 * align_of(aead);
}

/* Bytes of a table and its slot. */
static size_t size_of_one(const struct weir_aead *aead)
{
    return sizeof(struct slot) + round_up(aead->ctx_size, align_of(aead));
}

size_t weir_soft_cache_size(const struct weir_aead *aead, size_t tables)
{
    size_t each = size_of_one(aead);

    if (tables > (SIZE_MAX - fixed_size(aead)) / each)
        return SIZE_MAX;
    return fixed_size(aead) + tables * each;
}

/* Cuts memory[0..len), which has room for `count` tables, into head, tables and slots. */
static struct weir_soft_cache_head *lay_out(const struct weir_aead *aead, void *memory,
                                            size_t count)
{
    size_t align = align_of(aead);
    uint8_t *at = (uint8_t *)memory + (round_up((uintptr_t)memory, align) - (uintptr_t)memory);
    struct weir_soft_cache_head *head = (void *)at;

    *head = (struct weir_soft_cache_head){
        .tables = at + round_up(sizeof *head, align),
        .stride = round_up(aead->ctx_size, align),
        .count = count,
    };
    head->slots = (void *)(head->tables + count * head->stride);
    for (size_t i = 0; i < count; i++)
        head->slots[i] =
            (struct slot){.ticket = NOBODY, .free = i + 1 < count ? (uint32_t)(i + 1) : NONE};
    return head;
}

weir_status weir_soft_cache_init(struct weir_soft_cache *cache, const struct weir_aead *aead,
                                 void *memory, size_t len, struct weir_refusal *why)
{
    struct weir_soft soft;
    weir_status status = weir_soft_init(&soft, aead, why);

    if (status != WEIR_OK)
        return status;
    size_t one = weir_soft_cache_size(aead, 1);
    if (len < one) {
        *why = (struct weir_refusal){
            .code = WEIR_REFUSAL_MEMORY, .layer = WEIR_LAYER_BACKEND, .detail = (uint32_t)one};
        return WEIR_REFUSED;
    }
    size_t count = (len - fixed_size(aead)) / size_of_one(aead);
    count = count < UINT32_MAX ? count : UINT32_MAX;
    *cache = (struct weir_soft_cache){
        .backend = soft.backend,
        .soft = soft,
        .head = lay_out(aead, memory, count),
    };
    cache->backend.ctx_size = WEIR_SOFT_CACHE_CTX;
    cache->backend.ctx_align = _Alignof(struct member);
    cache->backend.supports = cache_supports;
    cache->backend.attach = cache_attach;
    cache->backend.rekey = cache_rekey;
    cache->backend.detach = cache_detach;
    cache->backend.seal = cache_seal;
    cache->backend.open = cache_open;
    if (soft.backend.keystream != NULL)
        cache->backend.keystream = cache_keystream;
    if (MANY && soft.backend.seal_each != NULL)
        cache->backend.seal_each = cache_seal_each;
    if (MANY && soft.backend.open_each != NULL)
        cache->backend.open_each = cache_open_each;
    return WEIR_OK;
}

size_t weir_soft_cache_tables(const struct weir_soft_cache *cache)
{
    return cache->head->count;
}

struct weir_soft_cache_counters weir_soft_cache_count(const struct weir_soft_cache *cache)
{
    return cache->head->counters;
}
