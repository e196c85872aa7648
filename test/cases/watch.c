/* SPDX-License-Identifier: BSD-2-Clause */
#include "watch.h"

struct watch_faults watch_faults;
uint32_t watch_hmacs;
bool watch_groups;

static const struct weir_aead *real;
static struct weir_aead faulty;
static struct watch *the_watch;

static bool due(uint32_t *countdown)
{
    return *countdown > 0 && --*countdown == 0;
}

/* What a broken provider may leave: the message, at full length. */
static void leave_plaintext(const struct weir_aead_op *op)
{
    uint8_t *out = op->out;

    for (size_t i = 0; i < op->in_count; out += op->in[i++].len)
        if (op->in[i].len > 0)
            memmove(out, op->in[i].base, op->in[i].len);
}

static weir_status faulty_init(void *ctx, weir_alg alg, const uint8_t *key)
{
    the_watch->inits++;
    return due(&watch_faults.init) ? watch_faults.status : real->init(ctx, alg, key);
}

static weir_status faulty_seal(void *ctx, const struct weir_aead_op *op)
{
    if (!due(&watch_faults.seal))
        return real->seal(ctx, op);
    leave_plaintext(op);
    memset(op->tag, 0xa5, WEIR_TAG_LEN);
    return watch_faults.status;
}

static weir_status faulty_open(void *ctx, const struct weir_aead_op *op)
{
    weir_status status = real->open(ctx, op);

    return due(&watch_faults.open) ? watch_faults.status : status;
}

/* As seal_each of a provider, which `real` need not have. */
static weir_status seal_each_of_real(void *ctx, const struct weir_aead_op *ops, size_t count)
{
    weir_status status = WEIR_OK;

    if (real->seal_each != NULL)
        return real->seal_each(ctx, ops, count);
    for (size_t i = 0; i < count && status == WEIR_OK; i++)
        status = real->seal(ctx, &ops[i]);
    return status;
}

/* Judges a copy, because a provider may wipe what it refuses. Encrypting is decrypting. */
static bool open_of_real(void *ctx, const struct weir_aead_op *op)
{
    static uint8_t copy[WEIR_MAX_RECORD];
    const struct weir_iov in = {copy, op->in_len};
    struct weir_aead_op judged = *op, turned = *op;
    uint8_t tag[WEIR_TAG_LEN];

    if (op->in_len > 0)
        memcpy(copy, op->in->base, op->in_len);
    judged.in = &in;
    judged.out = copy;
    turned.tag = tag;
    bool good = real->open(ctx, &judged) == WEIR_OK;
    return real->seal(ctx, &turned) == WEIR_OK && good;
}

static weir_status open_each_of_real(void *ctx, const struct weir_aead_op *ops, size_t count,
                                     size_t *good)
{
    bool all = true;

    if (real->open_each != NULL)
        return real->open_each(ctx, ops, count, good);
    *good = 0;
    for (size_t i = 0; i < count; i++) {
        all = open_of_real(ctx, &ops[i]) && all;
        *good += all;
    }
    return all ? WEIR_OK : WEIR_E_AUTH;
}

static weir_status faulty_seal_each(void *ctx, const struct weir_aead_op *ops, size_t count)
{
    weir_status status = seal_each_of_real(ctx, ops, count);

    for (size_t i = 0; i < count; i++)
        if (due(&watch_faults.seal)) {
            for (size_t k = 0; k < count; k++)
                memset(ops[k].out, 0xa5, ops[k].in_len + WEIR_TAG_LEN);
            status = watch_faults.status;
        }
    return status;
}

static weir_status faulty_open_each(void *ctx, const struct weir_aead_op *ops, size_t count,
                                    size_t *good)
{
    weir_status status = open_each_of_real(ctx, ops, count, good);

    for (size_t i = 0; i < count; i++)
        if (due(&watch_faults.open)) {
            status = watch_faults.status;
            *good = i;
        }
    return status;
}

static weir_status faulty_keystream(void *ctx, const uint8_t nonce[WEIR_IV_LEN], uint64_t offset,
                                    const uint8_t *in, uint8_t *out, size_t len)
{
    weir_status status = real->keystream(ctx, nonce, offset, in, out, len);

    return due(&watch_faults.keystream) ? watch_faults.status : status;
}

static void faulty_wipe(void *ctx)
{
    real->wipe(ctx);
}

static weir_status mix(weir_hash hash, const uint8_t *key, size_t key_len, const uint8_t *message,
                       size_t message_len, uint8_t *out)
{
    uint64_t state = (uint64_t)hash;

    watch_hmacs++;
    for (size_t i = 0; i < key_len + message_len; i++) {
        state ^= i < key_len ? key[i] : message[i - key_len];
        (void)test_random(&state);
        state = state * UINT64_C(0x9e3779b97f4a7c15) ^ state >> 29;
    }
    test_random_fill(&state, out, WEIR_HASH_LEN(hash));
    return due(&watch_faults.hmac) ? watch_faults.status : WEIR_OK;
}

const struct weir_kdf watch_kdf = {
    .abi = WEIR_KDF_ABI,
    .hashes = 1u << WEIR_SHA256 | 1u << WEIR_SHA384,
    .name = "mix",
    .hmac = mix,
};

/* The context of a direction: what is watched, then that of the software backend. */
struct watched {
    uint64_t key; /* a name for it */
    uint32_t state;
    enum weir_dir dir;
};

enum { ATTACHED = 0x61747461, DETACHED = 0x64657461 };

#define INNER_AT 64u

static void *inner(void *ctx)
{
    return (uint8_t *)ctx + INNER_AT;
}

static struct watch *watch_of(const struct weir_backend *self)
{
    return (struct watch *)(void *)(uintptr_t)self;
}

static uint64_t name_key(const struct weir_keys *keys)
{
    uint64_t state = keys->suite;

    for (size_t i = 0; i < sizeof keys->key; i++) {
        state ^= keys->key[i];
        state = test_random(&state);
    }
    return state;
}

/* Every (key, nonce) sealed under, spread by their sum; a quarter always stays free. */
#define PAIRS (2 * (size_t)WATCH_LEAST_PAIRS)

static struct {
    uint64_t key, nonce_low;
    uint32_t nonce_high;
    bool used;
} pair[PAIRS];
static uint32_t pairs;

static void remember(struct watch *watch, uint64_t key, const uint8_t *nonce)
{
    uint64_t low = 0, spot = key;
    uint32_t high = 0;

    for (size_t i = 0; i < 12; i++) {
        if (i < 4)
            high = high << 8 | nonce[i];
        else
            low = low << 8 | nonce[i];
        spot ^= nonce[i];
        spot = test_random(&spot);
    }
    bool room = pairs < PAIRS / 4 * 3;
    CHECK(watch->t, room);
    for (; room; spot++) {
        size_t i = (size_t)(spot % PAIRS);
        if (!pair[i].used) {
            pair[i].key = key;
            pair[i].nonce_low = low;
            pair[i].nonce_high = high;
            pair[i].used = true;
            pairs++;
            return;
        }
        bool used_twice =
            pair[i].key == key && pair[i].nonce_low == low && pair[i].nonce_high == high;
        CHECK(watch->t, !used_twice);
        if (used_twice)
            return;
    }
}

static bool apart(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    return (uintptr_t)a + a_len <= (uintptr_t)b || (uintptr_t)b + b_len <= (uintptr_t)a;
}

/* The contract of struct weir_aead_op. */
static void inspect(struct test *t, const struct weir_aead_op *op)
{
    size_t sum = 0;

    CHECK_ZERO(t, op->nonce + 12, 4);
    CHECK(t, op->aad.len == 5 || op->aad.len == 13);
    CHECK(t, apart(op->aad.base, op->aad.len, op->out, op->in_len));
    CHECK(t, apart(op->aad.base, op->aad.len, op->tag, WEIR_TAG_LEN));
    CHECK(t, op->in_count >= 1 && op->in_count <= WEIR_AEAD_MAX_SEGMENTS);
    CHECK(t, apart(op->tag, WEIR_TAG_LEN, op->out, op->in_len));
    for (size_t i = 0; i < op->in_count; i++) {
        const struct weir_iov *in = &op->in[i];

        sum += in->len;
        CHECK(t, in->len > 0 || op->in_count == 1);
        CHECK(t, apart(in->base, in->len, op->out, op->in_len) ||
                     (op->in_count == 1 && in->base == op->out));
        CHECK(t, apart(in->base, in->len, op->tag, WEIR_TAG_LEN));
    }
    CHECK_EQ(t, sum, op->in_len);
}

static bool watch_supports(const struct weir_backend *self, const struct weir_keys *keys,
                           enum weir_dir dir, struct weir_refusal *why)
{
    struct watch *watch = watch_of(self);

    return watch->soft.backend.supports(&watch->soft.backend, keys, dir, why);
}

static weir_status watch_attach(const struct weir_backend *self, void *ctx,
                                const struct weir_attach *what, struct weir_refusal *why)
{
    struct watch *watch = watch_of(self);
    struct watched *watched = ctx;
    weir_status status = watch->soft.backend.attach(&watch->soft.backend, inner(ctx), what, why);

    if (status != WEIR_OK)
        return status;
    *watched = (struct watched){.key = name_key(what->keys), .state = ATTACHED, .dir = what->dir};
    watch->attached++;
    return WEIR_OK;
}

static weir_status watch_rekey(const struct weir_backend *self, void *ctx,
                               const struct weir_keys *keys)
{
    struct watch *watch = watch_of(self);
    struct watched *watched = ctx;

    CHECK_EQ(watch->t, watched->state, ATTACHED);
    weir_status status = watch->soft.backend.rekey(&watch->soft.backend, inner(ctx), keys);
    if (status != WEIR_OK) {
        watched->state = DETACHED;
        watch->attached--;
        return status;
    }
    CHECK(watch->t, watched->key != name_key(keys));
    watched->key = name_key(keys);
    return WEIR_OK;
}

static void watch_detach(const struct weir_backend *self, void *ctx)
{
    struct watch *watch = watch_of(self);
    struct watched *watched = ctx;

    CHECK_EQ(watch->t, watched->state, ATTACHED);
    watched->state = DETACHED;
    watch->attached--;
    watch->soft.backend.detach(&watch->soft.backend, inner(ctx));
}

static weir_status watch_seal(const struct weir_backend *self, void *ctx,
                              const struct weir_aead_op *op)
{
    struct watch *watch = watch_of(self);
    const struct watched *watched = ctx;

    CHECK_EQ(watch->t, watched->state, ATTACHED);
    inspect(watch->t, op);
    if (watched->dir == WEIR_RX) { /* what was opened too early is closed again */
        CHECK(watch->t, watch->backend.open_each != NULL && op->in->base == op->out);
        watch->closed++;
        return watch->soft.backend.seal(&watch->soft.backend, inner(ctx), op);
    }
    watch->seals++;
    remember(watch, watched->key, op->nonce);
    return watch->soft.backend.seal(&watch->soft.backend, inner(ctx), op);
}

static weir_status watch_open(const struct weir_backend *self, void *ctx,
                              const struct weir_aead_op *op)
{
    struct watch *watch = watch_of(self);
    const struct watched *watched = ctx;

    CHECK_EQ(watch->t, watched->state, ATTACHED);
    CHECK_EQ(watch->t, watched->dir, WEIR_RX);
    watch->opens++;
    inspect(watch->t, op);
    return watch->soft.backend.open(&watch->soft.backend, inner(ctx), op);
}

/* The contract of seal_each and open_each beyond that of each message. */
static void inspect_each(struct watch *watch, const struct weir_aead_op *ops, size_t count)
{
    CHECK(watch->t, count >= 1 && count <= WEIR_AEAD_MAX_EACH);
    for (size_t i = 0; i < count; i++) {
        inspect(watch->t, &ops[i]);
        CHECK_EQ(watch->t, ops[i].in_count, 1);
        for (size_t k = 0; k < count; k++) {
            if (k == i)
                continue;
            CHECK(watch->t, apart(ops[i].out, ops[i].in_len, ops[k].out, ops[k].in_len));
            CHECK(watch->t, apart(ops[i].out, ops[i].in_len, ops[k].tag, WEIR_TAG_LEN));
            CHECK(watch->t, apart(ops[i].out, ops[i].in_len, ops[k].in->base, ops[k].in_len));
            CHECK(watch->t, apart(ops[i].out, ops[i].in_len, ops[k].aad.base, ops[k].aad.len));
            CHECK(watch->t, apart(ops[i].tag, WEIR_TAG_LEN, ops[k].aad.base, ops[k].aad.len));
        }
    }
    watch->groups++;
}

static weir_status watch_seal_each(const struct weir_backend *self, void *ctx,
                                   const struct weir_aead_op *ops, size_t count)
{
    struct watch *watch = watch_of(self);
    const struct watched *watched = ctx;

    CHECK_EQ(watch->t, watched->state, ATTACHED);
    CHECK_EQ(watch->t, watched->dir, WEIR_TX);
    inspect_each(watch, ops, count);
    watch->seals += (uint32_t)count;
    for (size_t i = 0; i < count; i++)
        remember(watch, watched->key, ops[i].nonce);
    return watch->soft.backend.seal_each(&watch->soft.backend, inner(ctx), ops, count);
}

static weir_status watch_open_each(const struct weir_backend *self, void *ctx,
                                   const struct weir_aead_op *ops, size_t count, size_t *good)
{
    struct watch *watch = watch_of(self);
    const struct watched *watched = ctx;

    CHECK_EQ(watch->t, watched->state, ATTACHED);
    CHECK_EQ(watch->t, watched->dir, WEIR_RX);
    inspect_each(watch, ops, count);
    watch->opens += (uint32_t)count;
    return watch->soft.backend.open_each(&watch->soft.backend, inner(ctx), ops, count, good);
}

static weir_status watch_keystream(const struct weir_backend *self, void *ctx,
                                   const uint8_t nonce[WEIR_IV_LEN], uint64_t offset,
                                   const uint8_t *in, uint8_t *out, size_t len)
{
    struct watch *watch = watch_of(self);
    const struct watched *watched = ctx;

    CHECK_EQ(watch->t, watched->state, ATTACHED);
    CHECK(watch->t, len > 0);
    watch->keystreams++;
    return watch->soft.backend.keystream(&watch->soft.backend, inner(ctx), nonce, offset, in, out,
                                         len);
}

void watch_begin(struct watch *watch, struct test *t, const struct weir_aead *aead)
{
    struct weir_refusal why;

    memset(watch, 0, sizeof *watch);
    memset(&watch_faults, 0, sizeof watch_faults);
    if (pairs > PAIRS / 4) {
        memset(pair, 0, sizeof pair);
        pairs = 0;
    }
    watch_faults.status = WEIR_E_PROVIDER;
    watch_hmacs = 0;
    watch->t = t;
    the_watch = watch;
    real = aead;
    faulty = *aead;
    faulty.init = faulty_init;
    faulty.seal = faulty_seal;
    faulty.open = faulty_open;
    faulty.wipe = faulty_wipe;
    faulty.keystream = aead->keystream != NULL ? faulty_keystream : NULL;
    faulty.seal_each = watch_groups || aead->seal_each != NULL ? faulty_seal_each : NULL;
    faulty.open_each = watch_groups || aead->open_each != NULL ? faulty_open_each : NULL;
    CHECK_STATUS(t, weir_soft_init(&watch->soft, &faulty, &why), WEIR_OK);
    watch->backend = watch->soft.backend;
    watch->backend.name = "watch";
    watch->backend.ctx_size += INNER_AT;
    if (watch->backend.ctx_align < _Alignof(struct watched))
        watch->backend.ctx_align = _Alignof(struct watched);
    CHECK(t, aead->ctx_align <= INNER_AT);
    watch->backend.supports = watch_supports;
    watch->backend.attach = watch_attach;
    watch->backend.rekey = watch_rekey;
    watch->backend.detach = watch_detach;
    watch->backend.seal = watch_seal;
    watch->backend.open = watch_open;
    watch->backend.keystream = aead->keystream != NULL ? watch_keystream : NULL;
    if (watch->backend.seal_each != NULL)
        watch->backend.seal_each = watch_seal_each;
    if (watch->backend.open_each != NULL)
        watch->backend.open_each = watch_open_each;
}
