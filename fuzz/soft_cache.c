/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any steps in any order of directions on two caches of key tables: each must do what the same
 * direction does on the software backend, whatever else was loaded, thrown out, moved, renewed,
 * forged or ended in between. When all have ended, no table is left in the caches' memory, which
 * has its exact size.
 */
#include "soft_cache.h"
#include "aead_null.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>
#include <weir/portable.h>
#include <weir/rx_marked.h>
#include <weir/soft_cache.h>
#include <weir/weir.h>

#define CTX_LEN   2048u
#define MOST_TEXT 600u
#define MOST_WIRE 8192u

/* ---- A provider whose contexts can be seen in memory, counts them, and fails when told to ---- */

static const uint8_t mark[16] = "a table is here";

struct seen {
    _Alignas(16) uint8_t mark[16];
    union {
        uint64_t align;
        uint8_t bytes[1500];
    } ctx;
};

static const struct weir_aead *inner;
static unsigned inits_left; /* until one fails; 0: none does */
static size_t live;         /* contexts made and not wiped */

static weir_status seen_init(void *memory, weir_alg alg, const uint8_t *key)
{
    struct seen *s = memory;

    if (inits_left > 0 && --inits_left == 0)
        return WEIR_E_PROVIDER;
    PROMISE(inner->ctx_size <= sizeof s->ctx);
    memcpy(s->mark, mark, sizeof mark);
    live++;
    return inner->init(&s->ctx, alg, key);
}

static struct seen *seen(void *memory)
{
    struct seen *s = memory;

    PROMISE(memcmp(s->mark, mark, sizeof mark) == 0);
    return s;
}

static weir_status seen_seal(void *memory, const struct weir_aead_op *op)
{
    return inner->seal(&seen(memory)->ctx, op);
}

static weir_status seen_open(void *memory, const struct weir_aead_op *op)
{
    return inner->open(&seen(memory)->ctx, op);
}

static weir_status seen_keystream(void *memory, const uint8_t nonce[WEIR_IV_LEN], uint64_t offset,
                                  const uint8_t *in, uint8_t *out, size_t len)
{
    return inner->keystream(&seen(memory)->ctx, nonce, offset, in, out, len);
}

static void seen_wipe(void *memory)
{
    struct seen *s = seen(memory);

    PROMISE(live > 0);
    live--;
    inner->wipe(&s->ctx);
    memset(s->mark, 0, sizeof s->mark);
}

static const struct weir_aead provider = {
    .abi = WEIR_AEAD_ABI,
    .algs = WEIR_ALG_BIT(WEIR_AES_128_GCM) | WEIR_ALG_BIT(WEIR_AES_256_GCM),
    .name = "seen",
    .ctx_size = sizeof(struct seen),
    .ctx_align = _Alignof(struct seen),
    .init = seen_init,
    .seal = seen_seal,
    .open = seen_open,
    .wipe = seen_wipe,
    .keystream = seen_keystream,
};

/* The same for several messages, one by one; of a wrong one the output stays, as aead.h says. */
static weir_status seen_seal_each(void *memory, const struct weir_aead_op *ops, size_t count)
{
    weir_status status = WEIR_OK;

    PROMISE(count >= 1 && count <= WEIR_AEAD_MAX_EACH);
    for (size_t i = 0; i < count && status == WEIR_OK; i++)
        status = seen_seal(memory, &ops[i]);
    return status;
}

static weir_status seen_open_each(void *memory, const struct weir_aead_op *ops, size_t count,
                                  size_t *good)
{
    weir_status status = WEIR_OK;

    PROMISE(count >= 1 && count <= WEIR_AEAD_MAX_EACH);
    *good = 0;
    for (size_t i = 0; i < count; i++) {
        const struct weir_aead_op *op = &ops[i];
        uint8_t text[1024], tag[WEIR_TAG_LEN];
        struct weir_aead_op back = *op;
        PROMISE(op->in_count == 1 && op->in_len <= sizeof text);
        /* Sealing turns it back, whatever the tag. */
        back.out = text;
        back.tag = tag;
        PROMISE(inner->seal(&seen(memory)->ctx, &back) == WEIR_OK);
        if (inner->open(&seen(memory)->ctx, op) != WEIR_OK) {
            status = WEIR_E_AUTH;
            if (op->in_len > 0)
                memcpy(op->out, text, op->in_len);
        }
        *good += status == WEIR_OK;
    }
    return status;
}

static struct weir_aead together; /* `provider` with these, if the input says so */

/* ---- Connections, each twice: `cold` over a cache, `plain` beside it ---- */

struct end {
    struct weir_tx tx;
    struct weir_rx rx;
    _Alignas(64) uint8_t tx_ctx[2][CTX_LEN], rx_ctx[2][CTX_LEN]; /* one is in use */
    unsigned tx_at, rx_at;
};

struct connection {
    struct end plain, cold;
    bool tls13;
};

static struct {
    struct weir_soft soft;
    struct weir_soft_cache cache[2];
    uint8_t *memory[2];
    size_t len[2], shift;
    struct connection all[SOFT_CACHE_CONNECTIONS];
    uint64_t made; /* connections, so that no two have the same keys */
} world;

static void keys_of(uint64_t number, struct weir_keys *keys)
{
    static const uint16_t suites[] = {WEIR_TLS_AES_128_GCM_SHA256, WEIR_TLS_AES_256_GCM_SHA384,
                                      WEIR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256};
    const struct weir_suite *suite = weir_suite_find(suites[number % 3]);

    memset(keys, 0, sizeof *keys);
    keys->version = suite->version;
    keys->suite = suite->id;
    memset(keys->key, 0x30, weir_alg_key_len((weir_alg)suite->alg));
    memset(keys->iv, 0x40, suite->version == WEIR_TLS13 ? 12 : 4);
    memcpy(keys->key, &number, sizeof number);
    if (suite->version == WEIR_TLS13) {
        keys->secret_len = (uint8_t)WEIR_HASH_LEN(suite->hash);
        memset(keys->secret, 0x50, keys->secret_len);
        memcpy(keys->secret, &number, sizeof number);
    } else {
        keys->at.nonce_rule = WEIR_NONCE_SEQ;
    }
}

static weir_status begin_tx(struct end *e, const struct weir_backend *backend,
                            const struct weir_keys *from)
{
    struct weir_keys keys = *from;
    struct weir_refusal why;

    e->tx_at = 0;
    return weir_tx_init(&e->tx, &keys, backend, e->tx_ctx[0], CTX_LEN, &why);
}

static weir_status begin_rx(struct end *e, const struct weir_backend *backend,
                            const struct weir_keys *from)
{
    struct weir_keys keys = *from;
    struct weir_refusal why;

    e->rx_at = 0;
    return weir_rx_init(&e->rx, &keys, backend, e->rx_ctx[0], CTX_LEN, &why);
}

static void end_connection(struct connection *c)
{
    weir_tx_wipe(&c->plain.tx);
    weir_rx_wipe(&c->plain.rx);
    weir_tx_wipe(&c->cold.tx);
    weir_rx_wipe(&c->cold.rx);
}

static void begin_connection(struct connection *c)
{
    const struct weir_backend *cache = &world.cache[world.made % 2].backend;
    struct weir_keys keys;

    keys_of(world.made++, &keys);
    c->tls13 = keys.version == WEIR_TLS13;
    inits_left = 0;
    PROMISE(begin_tx(&c->plain, &world.soft.backend, &keys) == WEIR_OK);
    PROMISE(begin_rx(&c->plain, &world.soft.backend, &keys) == WEIR_OK);
    PROMISE(begin_tx(&c->cold, cache, &keys) == WEIR_OK);
    PROMISE(begin_rx(&c->cold, cache, &keys) == WEIR_OK);
}

static void begin_anew(struct connection *c)
{
    end_connection(c);
    begin_connection(c);
}

/* ---- Steps ---- */

static uint8_t text[MOST_TEXT];

struct sealed {
    uint8_t bytes[MOST_WIRE];
    size_t len;
    weir_status status;
};

static void seal(struct end *e, size_t len, bool each, struct sealed *s)
{
    const struct weir_iov in[4] = {
        {text, len / 4}, {text + 1, len / 4}, {text + 2, len / 4}, {text + 3, len / 4}};
    const struct weir_iov whole = {text, len};
    size_t taken;

    memset(s, 0, sizeof *s);
    if (each)
        s->status =
            weir_tx_seal_each(&e->tx, WEIR_TYPE_DATA, in, 4, s->bytes, MOST_WIRE, &taken, &s->len);
    else
        s->status =
            weir_tx_seal(&e->tx, WEIR_TYPE_DATA, &whole, 1, s->bytes, MOST_WIRE, &taken, &s->len);
}

/* Nothing but a failing provider may part the two. False: it has, and the connection is new. */
static bool alike(struct connection *c, weir_status plain, weir_status cold, bool may_fail)
{
    if (cold == WEIR_E_PROVIDER && plain != WEIR_E_PROVIDER && may_fail) {
        begin_anew(c);
        return false;
    }
    PROMISE(plain == cold);
    return true;
}

static void open_all(struct connection *c, const struct sealed *s, bool may_fail)
{
    uint8_t plain[MOST_WIRE], cold[MOST_WIRE];
    struct weir_record p[8], q[8];
    size_t used_p, used_q, count_p, count_q;

    memcpy(plain, s->bytes, s->len);
    memcpy(cold, s->bytes, s->len);
    inits_left = may_fail ? inits_left : 0;
    weir_status on_cold = weir_rx_open(&c->cold.rx, cold, s->len, &used_q, q, 8, &count_q);
    inits_left = 0;
    weir_status on_plain = weir_rx_open(&c->plain.rx, plain, s->len, &used_p, p, 8, &count_p);
    if (!alike(c, on_plain, on_cold, may_fail))
        return;
    PROMISE(used_p == used_q && count_p == count_q);
    for (size_t i = 0; i < count_p; i++) {
        PROMISE(p[i].len == q[i].len && p[i].type == q[i].type);
        PROMISE(memcmp(p[i].data, q[i].data, p[i].len) == 0);
    }
    /* What was opened behind a record that fails, together with it, is wiped, too. */
    for (size_t i = 0; i < s->len; i++)
        PROMISE(plain[i] == cold[i] || (weir_rx_status(&c->cold.rx) < WEIR_OK && cold[i] == 0));
}

static void carry(struct connection *c, size_t len, bool each, bool forge)
{
    static struct sealed plain, cold;
    const bool may_fail = inits_left > 0;

    seal(&c->cold, len, each, &cold);
    unsigned left = inits_left;
    inits_left = 0;
    seal(&c->plain, len, each, &plain);
    inits_left = left;
    if (!alike(c, plain.status, cold.status, may_fail))
        return;
    PROMISE(plain.len == cold.len && memcmp(plain.bytes, cold.bytes, plain.len) == 0);
    if (forge && plain.len > 0)
        plain.bytes[(len * 7) % plain.len] ^= (uint8_t)(1u << len % 8);
    open_all(c, &plain, left > 0);
}

static void rekey(struct connection *c)
{
    const bool may_fail = inits_left > 0;
    const struct weir_kdf *kdf = &weir_kdf_portable;
    unsigned left = inits_left;

    if (!c->tls13)
        return;
    weir_status cold = weir_tx_rekey(&c->cold.tx, kdf);
    weir_status cold_rx = cold == WEIR_OK ? weir_rx_rekey(&c->cold.rx, kdf) : cold;
    inits_left = 0;
    weir_status plain = weir_tx_rekey(&c->plain.tx, kdf);
    weir_status plain_rx = plain == WEIR_OK ? weir_rx_rekey(&c->plain.rx, kdf) : plain;
    inits_left = left > 1 ? left - 1 : 0;
    (void)(alike(c, plain, cold, may_fail) && alike(c, plain_rx, cold_rx, may_fail));
}

static void export_tx(struct connection *c)
{
    struct weir_counters counters;
    struct weir_refusal why;
    struct weir_keys keys;
    struct end *ends[2] = {&c->plain, &c->cold};
    const struct weir_backend *to[2] = {&world.soft.backend, &world.cache[0].backend};

    inits_left = 0;
    for (unsigned i = 0; i < 2; i++) {
        if (weir_tx_export(&ends[i]->tx, &keys, &counters) != WEIR_OK) {
            begin_anew(c);
            return;
        }
        PROMISE(weir_tx_status(&ends[i]->tx) == WEIR_E_MOVED);
        weir_tx_wipe(&ends[i]->tx);
        ends[i]->tx_at = 0;
        PROMISE(weir_tx_import(&ends[i]->tx, &keys, &counters, to[i], ends[i]->tx_ctx[0], CTX_LEN,
                               &why) == WEIR_OK);
    }
}

static void move(struct connection *c, enum weir_dir dir, unsigned where)
{
    const struct weir_backend *to =
        where % 3 == 2 ? &world.soft.backend : &world.cache[where % 3].backend;
    struct end *e = &c->cold;
    unsigned *at = dir == WEIR_TX ? &e->tx_at : &e->rx_at;
    struct weir_refusal why;
    struct weir_move m = {.backend = to, .ctx_len = CTX_LEN};

    m.ctx = dir == WEIR_TX ? e->tx_ctx[*at ^ 1] : e->rx_ctx[*at ^ 1];
    weir_status status =
        dir == WEIR_TX ? weir_tx_offload(&e->tx, &m, &why) : weir_rx_offload(&e->rx, &m, &why);
    if (status == WEIR_OK)
        *at ^= 1;
    else
        PROMISE(status < WEIR_OK || why.code == WEIR_REFUSAL_PROVIDER);
}

static weir_status open_marked(struct weir_rx *rx, struct sealed *s, const struct weir_mark *at)
{
    struct weir_note notes[2];
    struct weir_record records[1];
    struct weir_marked in = {.buf = s->bytes,
                             .len = s->len,
                             .marks = at,
                             .marks_count = 1,
                             .records = records,
                             .cap = 1,
                             .notes = notes,
                             .notes_cap = 2};

    return weir_rx_open_marked(rx, &in);
}

/* The first `cut` bytes of a record come decrypted. */
static void marked(struct connection *c, size_t cut)
{
    static struct sealed plain, cold;
    const size_t len = 200, prefix = weir_tx_shape(&c->plain.tx).prefix;
    struct weir_mark at = {.from = 0, .len = 1 + cut % 220};

    inits_left = 0;
    if (weir_tx_status(&c->plain.tx) < WEIR_OK || weir_rx_status(&c->plain.rx) < WEIR_OK)
        return;
    seal(&c->plain, len, false, &plain);
    seal(&c->cold, len, false, &cold);
    PROMISE(plain.len == cold.len && memcmp(plain.bytes, cold.bytes, plain.len) == 0);
    for (size_t i = prefix; i < at.len && i < prefix + len; i++)
        plain.bytes[i] = text[i - prefix];
    if (c->tls13 && at.len > prefix + len)
        plain.bytes[prefix + len] = WEIR_TYPE_DATA;
    cold = plain;
    weir_status on_plain = open_marked(&c->plain.rx, &plain, &at);
    weir_status on_cold = open_marked(&c->cold.rx, &cold, &at);
    PROMISE(on_plain == on_cold && memcmp(plain.bytes, cold.bytes, plain.len) == 0);
    /* A forged header may have made them wait for bytes that never came. */
    PROMISE(on_plain == WEIR_OK || on_plain == WEIR_E_AUTH);
    PROMISE(on_plain != WEIR_OK || memcmp(plain.bytes + prefix, text, len) == 0);
}

/* What a stream is made of, by a number. */
static uint8_t part_of(unsigned random, size_t *len)
{
    *len = random % 7 == 0 ? 0 : random % 11 == 0 ? 550 : random % 60;
    if (random % 5 != 0)
        return WEIR_TYPE_DATA;
    *len = *len == 0 ? 1 : *len;
    return WEIR_TYPE_HANDSHAKE;
}

/* Seals up to 40 records of all kinds; behind some that are not data the key changes. */
static void make_stream(struct connection *c, unsigned random, struct sealed *s)
{
    size_t taken, made, len;

    s->len = 0;
    s->status = WEIR_OK;
    for (unsigned i = 0; i < 40 && s->len < sizeof s->bytes - 800; i++) {
        random = random * 1103515245u + 12345u;
        uint8_t type = part_of(random >> 8, &len);
        const struct weir_iov in = {text, len};
        if (c->tls13)
            PROMISE(weir_tx_set_padding(&c->plain.tx, random >> 28 == 0 ? 100 : 0) == WEIR_OK);
        PROMISE(weir_tx_seal(&c->plain.tx, type, &in, 1, s->bytes + s->len,
                             sizeof s->bytes - s->len, &taken, &made) == WEIR_OK);
        s->len += made;
        if (c->tls13 && type == WEIR_TYPE_HANDSHAKE && len % 2 == 0)
            PROMISE(weir_tx_rekey(&c->plain.tx, &weir_kdf_portable) == WEIR_OK);
    }
    if (c->tls13)
        PROMISE(weir_tx_set_padding(&c->plain.tx, 0) == WEIR_OK);
}

/* Opens what is left of a stream, one call; the key changes where the sender's did. */
static weir_status open_some(struct connection *c, struct weir_rx *rx, struct sealed *s, size_t *at,
                             struct weir_record *out, size_t *count)
{
    size_t used = 0;
    weir_status status = weir_rx_open(rx, s->bytes + *at, s->len - *at, &used, out, 20, count);

    *at += used;
    if (*count > 0 && c->tls13 && out[*count - 1].type == WEIR_TYPE_HANDSHAKE &&
        out[*count - 1].len % 2 == 0)
        PROMISE(weir_rx_rekey(rx, &weir_kdf_portable) == WEIR_OK);
    return status;
}

/* A stream of many records comes to both, whole but for its last bytes, and may be forged. However
 * many were opened with one call, what is given and what is left is the same. */
static void stream(struct connection *c, uint8_t number)
{
    static struct sealed sent, plain, cold;
    struct weir_record p[20], q[20];
    size_t at_p = 0, at_q = 0, n_p, n_q;

    if (weir_tx_status(&c->plain.tx) < WEIR_OK || weir_rx_status(&c->plain.rx) < WEIR_OK ||
        weir_rx_position(&c->plain.rx).seq != weir_tx_position(&c->plain.tx).seq) {
        begin_anew(c);
        return;
    }
    inits_left = 0;
    make_stream(c, number, &sent);
    if (number % 4 == 0)
        sent.bytes[(size_t)number * 31 % sent.len] ^= (uint8_t)(1u << number % 8);
    sent.len -= number % 8 == 7 ? 9 : 0;
    plain = cold = sent;
    for (unsigned turn = 0; turn < 100; turn++) {
        weir_status on_plain = open_some(c, &c->plain.rx, &plain, &at_p, p, &n_p);
        size_t all = n_p;
        /* As many records may come by two calls where one would do. */
        weir_status on_cold = open_some(c, &c->cold.rx, &cold, &at_q, q, &n_q);
        PROMISE(on_plain == on_cold && n_p == n_q && at_p == at_q);
        for (size_t i = 0; i < all; i++)
            PROMISE(p[i].len == q[i].len && p[i].type == q[i].type &&
                    memcmp(p[i].data, q[i].data, p[i].len) == 0);
        /* What was not given is as it came, unless all is over. */
        bool over = weir_rx_status(&c->plain.rx) < WEIR_OK;
        PROMISE(over == (weir_rx_status(&c->cold.rx) < WEIR_OK));
        if (!over)
            PROMISE(memcmp(cold.bytes + at_q, sent.bytes + at_q, sent.len - at_q) == 0);
        for (size_t i = at_q; over && i < cold.len; i++) /* no plaintext of what failed */
            PROMISE(cold.bytes[i] == 0 || cold.bytes[i] == sent.bytes[i]);
        const struct weir_counters a = weir_rx_counters(&c->plain.rx),
                                   b = weir_rx_counters(&c->cold.rx);
        PROMISE(a.records == b.records && a.bytes == b.bytes && a.wire_bytes == b.wire_bytes);
        const struct weir_position x = weir_rx_position(&c->plain.rx),
                                   y = weir_rx_position(&c->cold.rx);
        PROMISE(x.seq == y.seq && x.blocks == y.blocks && x.epoch == y.epoch);
        if (on_plain != WEIR_OK)
            break;
    }
    begin_anew(c); /* the cold sender has stayed behind */
}

/* Whoever gives the memory of directions back without a wipe must not harm others; the provider's
 * context is then left in the cache until another takes its place. */
static void forget(struct connection *c)
{
    weir_tx_wipe(&c->plain.tx);
    weir_rx_wipe(&c->plain.rx);
    if (weir_tx_backend(&c->cold.tx) != &world.soft.backend &&
        weir_rx_backend(&c->cold.rx) != &world.soft.backend) {
        memset(&c->cold, 0xff, sizeof c->cold);
    } else {
        weir_tx_wipe(&c->cold.tx);
        weir_rx_wipe(&c->cold.rx);
    }
    begin_connection(c);
}

static void step(uint8_t what, uint8_t number)
{
    struct connection *c = &world.all[(what >> 4) % SOFT_CACHE_CONNECTIONS];
    size_t len = (size_t)number * 2;

    switch ((enum soft_cache_step)(what % 16)) {
    case SOFT_CACHE_CARRY:
        carry(c, len, false, false);
        break;
    case SOFT_CACHE_EACH:
        carry(c, len, true, false);
        break;
    case SOFT_CACHE_FORGE:
        carry(c, len, false, true);
        break;
    case SOFT_CACHE_REKEY:
        rekey(c);
        break;
    case SOFT_CACHE_EXPORT:
        export_tx(c);
        break;
    case SOFT_CACHE_MOVE_TX:
        move(c, WEIR_TX, number);
        break;
    case SOFT_CACHE_MOVE_RX:
        move(c, WEIR_RX, number);
        break;
    case SOFT_CACHE_MARKED:
        marked(c, number);
        break;
    case SOFT_CACHE_STREAM:
        stream(c, number);
        break;
    case SOFT_CACHE_AGAIN:
        begin_anew(c);
        break;
    case SOFT_CACHE_FORGET:
        forget(c);
        break;
    case SOFT_CACHE_END:
        weir_tx_end(&c->plain.tx, WEIR_E_IO);
        weir_tx_end(&c->cold.tx, WEIR_E_IO);
        break;
    case SOFT_CACHE_FAIL:
        inits_left = number % 8;
        break;
    case SOFT_CACHE_STEPS:
    default:
        break;
    }
}

/* ---- All of it ---- */

static void begin(struct fuzz_bytes *bytes)
{
    struct weir_refusal why;

    memset(&world, 0, sizeof world);
    inits_left = 0;
    live = 0;
    uint8_t which = fuzz_take8(bytes);
    inner = which % 2 == 0 ? &weir_aead_null : &weir_aead_portable;
    together = provider;
    if ((which & 2) != 0) {
        together.seal_each = seen_seal_each;
        together.open_each = seen_open_each;
    }
    size_t tables[2] = {1u + fuzz_take8(bytes) % 6, 1u + fuzz_take8(bytes) % 6};
    world.shift = fuzz_take8(bytes) % 64;
    PROMISE(weir_soft_init(&world.soft, &provider, &why) == WEIR_OK);
    for (unsigned i = 0; i < 2; i++) {
        world.len[i] = weir_soft_cache_size(&provider, tables[i]);
        world.memory[i] = malloc(world.shift + world.len[i]);
        PROMISE(world.memory[i] != NULL);
        memset(world.memory[i], 0xa5, world.shift + world.len[i]);
        PROMISE(weir_soft_cache_init(&world.cache[i], &together, world.memory[i] + world.shift,
                                     world.len[i], &why) == WEIR_OK);
        PROMISE(weir_soft_cache_tables(&world.cache[i]) >= tables[i]);
    }
    for (size_t i = 0; i < MOST_TEXT; i++)
        text[i] = (uint8_t)(i * 7 + 1);
    for (size_t i = 0; i < SOFT_CACHE_CONNECTIONS; i++)
        begin_connection(&world.all[i]);
}

/* Tables that lie in a cache's memory. */
static size_t tables_in(unsigned cache)
{
    size_t found = 0;

    for (size_t i = 0; i + sizeof mark <= world.shift + world.len[cache]; i++)
        found += memcmp(world.memory[cache] + i, mark, sizeof mark) == 0;
    return found;
}

static void finish(bool forgot)
{
    for (size_t i = 0; i < SOFT_CACHE_CONNECTIONS; i++)
        end_connection(&world.all[i]);
    size_t left = tables_in(0) + tables_in(1);
    PROMISE(live == left);
    PROMISE(forgot || left == 0);
    for (unsigned i = 0; i < 2; i++)
        free(world.memory[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_bytes bytes = {data, size};
    bool forgot = false;

    begin(&bytes);
    for (unsigned i = 0; i < 300 && bytes.left > 0; i++) {
        uint8_t what = fuzz_take8(&bytes);
        forgot = forgot || what % 16 == SOFT_CACHE_FORGET;
        step(what, fuzz_take8(&bytes));
        size_t most =
            weir_soft_cache_tables(&world.cache[0]) + weir_soft_cache_tables(&world.cache[1]);
        PROMISE(live <= most + (size_t)4 * SOFT_CACHE_CONNECTIONS);
    }
    finish(forgot);
    return 0;
}
