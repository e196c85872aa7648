/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AES-GCM and ChaCha20-Poly1305 by the direct calls of libipsec-mb.
 *
 * The library picks the best code that the processor has when a manager of it is initialised. Its
 * direct calls take everything they work on as arguments and keep nothing in the manager, so a
 * manager is made once, their addresses are taken out of it, and it is given back. A job or burst
 * interface would need a manager for each thread and gains nothing here: one record is one buffer,
 * and for AES-GCM the library runs the records of a burst one behind the other.
 */
#if defined(WITH_VAES)
#include "vaes.h"
#endif
#include <weir/ipsecmb.h>
#include <weir/keys.h>

#include <intel-ipsec-mb.h>
#include <pthread.h>
#include <stdalign.h>
#include <stddef.h>
#include <string.h>

/* The longest plaintext of AES-GCM (SP 800-38D, 5.2.1.1); ChaCha20-Poly1305 takes more. */
#define MAX_LEN ((UINT64_C(1) << 36) - 32)

/* Without these the library takes an AES in tables, whose time depends on the key. */
#define NEEDED (IMB_FEATURE_SSE4_2 | IMB_FEATURE_CMOV | IMB_FEATURE_AESNI | IMB_FEATURE_PCLMULQDQ)

/* Suite ct has valgrind follow secrets; this tells it what no longer is one. */
#if !defined(WEIR_IPSECMB_PUBLIC)
#define WEIR_IPSECMB_PUBLIC(value) ((void)0)
#endif

/* One key length of AES-GCM. */
struct gcm_calls {
    aes_gcm_pre_t expand;
    aes_gcm_enc_dec_t seal, open;
    aes_gcm_init_t begin;
    aes_gcm_enc_dec_update_t seal_piece, open_piece;
    aes_gcm_enc_dec_finalize_t seal_end, open_end;
};

struct chacha_calls {
    chacha_poly_init_t begin;
    chacha_poly_enc_dec_update_t seal_piece, open_piece;
    chacha_poly_finalize_t end;
};

/*
 * What this process has, written once before anybody reads it: pthread_once orders that for all
 * threads. The only variables of this provider.
 */
static struct {
    struct gcm_calls gcm128, gcm256;
    struct chacha_calls chacha;
    weir_refusal_code lacking; /* why there is nothing, or WEIR_REFUSAL_NONE */
    bool seeks;                /* gcm_keystream does what it should */
    bool side_by_side;         /* four messages of AES-GCM at a time, by its key tables */
} library;
static pthread_once_t library_once = PTHREAD_ONCE_INIT;

/* The library aligns its key tables to 64 bytes where it is compiled, but says so to nobody else.
 */
struct ctx {
    alignas(64) union {
        struct gcm_key_data gcm;
        uint8_t chacha[32];
    } key;
    const struct gcm_calls *gcm; /* NULL: ChaCha20-Poly1305 */
};

/* With a length the compiler knows. */
#define CLEAR(object)                                                                              \
    do {                                                                                           \
        memset(&(object), 0, sizeof(object));                                                      \
        __asm__ __volatile__("" : : "r"(&(object)) : "memory");                                    \
    } while (0)

typedef uint64_t wide __attribute__((vector_size(16)));

/* What the library needs while it deals with one message of AES-GCM; then it holds keystream. */
union gcm_state {
    struct gcm_context_data data;
    wide words[6];
};
_Static_assert(sizeof(union gcm_state) == sizeof(wide[6]), "more words to clear");
_Static_assert(offsetof(struct gcm_context_data, current_counter) == sizeof(wide[4]),
               "the counter is another word");

/* By six stores: compilers make `rep stos` of CLEAR, which takes 5 ns to begin. */
static inline void clear_state(union gcm_state *state)
{
    const wide zero = {0, 0};

    state->words[0] = zero;
    state->words[1] = zero;
    state->words[2] = zero;
    state->words[3] = zero;
    state->words[4] = zero;
    state->words[5] = zero;
    __asm__ __volatile__("" : : "r"(state) : "memory");
}

static void take_calls(const IMB_MGR *m)
{
    library.gcm128 = (struct gcm_calls){
        .expand = m->gcm128_pre,
        .seal = m->gcm128_enc,
        .open = m->gcm128_dec,
        .begin = m->gcm128_init,
        .seal_piece = m->gcm128_enc_update,
        .open_piece = m->gcm128_dec_update,
        .seal_end = m->gcm128_enc_finalize,
        .open_end = m->gcm128_dec_finalize,
    };
    library.gcm256 = (struct gcm_calls){
        .expand = m->gcm256_pre,
        .seal = m->gcm256_enc,
        .open = m->gcm256_dec,
        .begin = m->gcm256_init,
        .seal_piece = m->gcm256_enc_update,
        .open_piece = m->gcm256_dec_update,
        .seal_end = m->gcm256_enc_finalize,
        .open_end = m->gcm256_dec_finalize,
    };
    library.chacha = (struct chacha_calls){
        .begin = m->chacha20_poly1305_init,
        .seal_piece = m->chacha20_poly1305_enc_update,
        .open_piece = m->chacha20_poly1305_dec_update,
        .end = m->chacha20_poly1305_finalize,
    };
}

/* A library that tests itself must have found itself right. */
static bool self_test_failed(uint64_t features)
{
    return (features & IMB_FEATURE_SELF_TEST) != 0 && (features & IMB_FEATURE_SELF_TEST_PASS) == 0;
}

/* The counter of the block before `offset`, backwards as the library holds it, in one store: it is
 * read back as one at once. */
static inline wide counter_before(const uint8_t nonce[WEIR_IV_LEN], uint64_t offset)
{
    const uint32_t before = (uint32_t)(offset / 16) + 1;
    uint64_t high;
    uint32_t low;

    memcpy(&high, nonce, sizeof high);
    memcpy(&low, nonce + sizeof high, sizeof low);
    /* x86 is little-endian */
    return (wide){before | (uint64_t)__builtin_bswap32(low) << 32, __builtin_bswap64(high)};
}

/*
 * The library's direct calls have no AES-CTR, but those that take a message in pieces begin where
 * their state says: the counter of the block before, backwards. That they hash as well is lost
 * time, and least when decrypting, where the hash is of what is there already.
 */
static void gcm_keystream(const struct gcm_calls *calls, const struct gcm_key_data *key,
                          const uint8_t nonce[WEIR_IV_LEN], uint64_t offset, const uint8_t *in,
                          uint8_t *out, size_t len)
{
    const size_t skip = offset % 16;
    union gcm_state state = {.words = {{0, 0}}};
    wide before = {0, 0};

    if (len == 0)
        return;
    state.words[4] = counter_before(nonce, offset);
    /* The library goes on in the middle of a block when it has stopped there. */
    if (skip > 0)
        calls->open_piece(key, &state.data, (uint8_t *)&before, (const uint8_t *)&before, skip);
    calls->open_piece(key, &state.data, out, in, len);
    clear_state(&state);
    before = (wide){0, 0};
    __asm__ __volatile__("" : : "r"(&before) : "memory");
}

/* Whether that holds for the library that is there: nobody has promised it. */
static bool seeks(void)
{
    static const uint8_t bytes[WEIR_MAX_KEY + WEIR_IV_LEN] = {1, 2, 3, [WEIR_MAX_KEY] = 4, 5, 6};
    const uint8_t *nonce = bytes + WEIR_MAX_KEY;
    const struct gcm_calls *const calls[2] = {&library.gcm128, &library.gcm256};
    uint8_t text[640] = {0}, piece[640] = {0}, tag[WEIR_TAG_LEN];
    struct gcm_context_data state;
    alignas(64) struct gcm_key_data key;
    bool same = true;

    for (unsigned i = 0; i < 2; i++) {
        calls[i]->expand(bytes, &key);
        memset(text, 0, sizeof text);
        calls[i]->seal(&key, &state, text, text, sizeof text, nonce, NULL, 0, tag, sizeof tag);
        for (size_t at = 0; at < sizeof text; at += 13) {
            memset(piece, 0, sizeof piece);
            gcm_keystream(calls[i], &key, nonce, at, piece, piece, sizeof piece - at);
            same = same && memcmp(piece, text + at, sizeof piece - at) == 0;
        }
    }
    return same;
}

#if defined(WITH_VAES)
static struct weir_vaes_key vaes_key(const struct gcm_calls *calls, const struct gcm_key_data *key)
{
    return (struct weir_vaes_key){.rounds = key->expanded_keys,
                                  .powers = key->ghash_keys.vaes_avx512.shifted_hkey,
                                  .wide = calls == &library.gcm256};
}

/* Whether four messages, with other lengths each, become what the library makes of them. Its header
 * tells of key tables for each kind of processor, and not which of them it has made. */
static bool side_by_side(const struct gcm_calls *calls)
{
    static const uint8_t bytes[WEIR_MAX_KEY] = {9, 8, 7, 6, 5}, text[300] = {4, 3, 2, 1};
    const struct weir_iov in[4] = {{text, 65}, {text, sizeof text}, {text, 0}, {text, 130}};
    uint8_t out[4][sizeof text], tags[4][WEIR_TAG_LEN], one[sizeof text], tag[WEIR_TAG_LEN];
    struct gcm_context_data state;
    struct weir_aead_op ops[4];
    alignas(64) struct gcm_key_data key;
    bool same;

    calls->expand(bytes, &key);
    const struct weir_vaes_key four = vaes_key(calls, &key);
    for (unsigned i = 0; i < 4; i++)
        ops[i] = (struct weir_aead_op){.nonce = {(uint8_t)i, 1},
                                       .aad = {text, 13},
                                       .in = &in[i],
                                       .in_count = 1,
                                       .in_len = in[i].len,
                                       .out = out[i],
                                       .tag = tags[i]};
    same = weir_vaes_seal(&four, ops, 4) == 4;
    for (unsigned i = 0; same && i < 4; i++) {
        calls->seal(&key, &state, one, text, in[i].len, ops[i].nonce, text, 13, tag, sizeof tag);
        same = memcmp(one, out[i], in[i].len) == 0 && memcmp(tag, tags[i], sizeof tag) == 0;
    }
    return same;
}
#endif

static void open_library(void)
{
    IMB_MGR *m = NULL;

    library.lacking = WEIR_REFUSAL_NONE;
    if ((imb_get_feature_flags() & NEEDED) != NEEDED) {
        library.lacking = WEIR_REFUSAL_CPU;
        return;
    }
    m = alloc_mb_mgr(0);
    if (m == NULL) {
        library.lacking = WEIR_REFUSAL_RESOURCES;
        return;
    }
    init_mb_mgr_auto(m, NULL);
    if (imb_get_errno(m) != 0 || self_test_failed(m->features))
        library.lacking = WEIR_REFUSAL_PROVIDER;
    else
        take_calls(m);
    free_mb_mgr(m);
    library.seeks = library.lacking == WEIR_REFUSAL_NONE && seeks();
#if defined(WITH_VAES)
    library.side_by_side = library.lacking == WEIR_REFUSAL_NONE && weir_vaes_usable() &&
                           side_by_side(&library.gcm128) && side_by_side(&library.gcm256);
#endif
}

bool weir_ipsecmb_usable(struct weir_refusal *why)
{
    weir_refusal_code code = WEIR_REFUSAL_PROVIDER;

    if (pthread_once(&library_once, open_library) == 0)
        code = library.lacking;
    *why = (struct weir_refusal){.code = code, .layer = WEIR_LAYER_PROVIDER};
    return code == WEIR_REFUSAL_NONE;
}

static weir_status ipsecmb_init(void *memory, weir_alg alg, const uint8_t *key)
{
    struct ctx *ctx = memory;
    struct weir_refusal why;

    if ((unsigned)alg >= (unsigned)WEIR_ALG_COUNT || !weir_ipsecmb_usable(&why))
        return WEIR_E_PROVIDER;
    if (alg == WEIR_CHACHA20_POLY1305) {
        ctx->gcm = NULL;
        memcpy(ctx->key.chacha, key, sizeof ctx->key.chacha);
        return WEIR_OK;
    }
    ctx->gcm = alg == WEIR_AES_128_GCM ? &library.gcm128 : &library.gcm256;
    ctx->gcm->expand(key, &ctx->key.gcm);
    return WEIR_OK;
}

static inline void gcm_whole(const struct ctx *ctx, aes_gcm_enc_dec_t call,
                             const struct weir_aead_op *op, uint8_t tag[WEIR_TAG_LEN])
{
    union gcm_state state;

    call(&ctx->key.gcm, &state.data, op->out, op->in[0].base, op->in[0].len, op->nonce,
         op->aad.base, op->aad.len, tag, WEIR_TAG_LEN);
    clear_state(&state);
}

/* Apart, so that a message in one piece does not pay for what this keeps. */
static __attribute__((noinline)) void
gcm_pieces(const struct ctx *ctx, aes_gcm_enc_dec_update_t piece, aes_gcm_enc_dec_finalize_t end,
           const struct weir_aead_op *op, uint8_t tag[WEIR_TAG_LEN])
{
    union gcm_state state;
    uint8_t *out = op->out;

    ctx->gcm->begin(&ctx->key.gcm, &state.data, op->nonce, op->aad.base, op->aad.len);
    for (size_t i = 0; i < op->in_count; i++) {
        if (op->in[i].len == 0)
            continue;
        piece(&ctx->key.gcm, &state.data, out, op->in[i].base, op->in[i].len);
        out += op->in[i].len;
    }
    end(&ctx->key.gcm, &state.data, tag, WEIR_TAG_LEN);
    clear_state(&state);
}

static __attribute__((noinline)) void chacha(const struct ctx *ctx,
                                             chacha_poly_enc_dec_update_t piece,
                                             const struct weir_aead_op *op,
                                             uint8_t tag[WEIR_TAG_LEN])
{
    struct chacha20_poly1305_context_data state;
    uint8_t *out = op->out;

    library.chacha.begin(ctx->key.chacha, &state, op->nonce, op->aad.base, op->aad.len);
    for (size_t i = 0; i < op->in_count; i++) {
        if (op->in[i].len == 0)
            continue;
        piece(ctx->key.chacha, &state, out, op->in[i].base, op->in[i].len);
        out += op->in[i].len;
    }
    library.chacha.end(&state, tag, WEIR_TAG_LEN);
    CLEAR(state); /* it holds the key of Poly1305 */
}

/* The library checks lengths, too, but then does nothing and does not say so. */
static bool too_long(const struct weir_aead_op *op)
{
    return op->in_len > MAX_LEN;
}

static weir_status ipsecmb_seal(void *memory, const struct weir_aead_op *op)
{
    const struct ctx *ctx = memory;

    if (too_long(op))
        return WEIR_E_PROVIDER;
    if (ctx->gcm == NULL)
        chacha(ctx, library.chacha.seal_piece, op, op->tag);
    else if (op->in_count == 1)
        gcm_whole(ctx, ctx->gcm->seal, op, op->tag);
    else
        gcm_pieces(ctx, ctx->gcm->seal_piece, ctx->gcm->seal_end, op, op->tag);
    return WEIR_OK;
}

/* In a time that does not depend on where they differ. */
static bool same_tag(const uint8_t a[WEIR_TAG_LEN], const uint8_t b[WEIR_TAG_LEN])
{
    uint64_t x[2], y[2];

    memcpy(x, a, sizeof x);
    memcpy(y, b, sizeof y);
    return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
}

static weir_status ipsecmb_open(void *memory, const struct weir_aead_op *op)
{
    const struct ctx *ctx = memory;
    uint8_t tag[WEIR_TAG_LEN];

    if (too_long(op) || op->in_count != 1)
        return WEIR_E_PROVIDER;
    if (ctx->gcm == NULL)
        chacha(ctx, library.chacha.open_piece, op, tag);
    else
        gcm_whole(ctx, ctx->gcm->open, op, tag);
    bool same = same_tag(tag, op->tag);
    WEIR_IPSECMB_PUBLIC(same);
    /* The right tag of a forged message is what a forger would like to know. */
    CLEAR(tag);
    if (same)
        return WEIR_OK;
    if (op->in_len > 0)
        weir_wipe(op->out, op->in_len);
    return WEIR_E_AUTH;
}

static bool each_sound(const struct weir_aead_op *ops, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (too_long(&ops[i]) || ops[i].in_count != 1)
            return false;
    return true;
}

/* Seals from the front of ops[0..count) as many as can be sealed side by side; tells how many. */
static size_t seal_side_by_side(const struct ctx *ctx, const struct weir_aead_op *ops, size_t count)
{
#if defined(WITH_VAES)
    if (library.side_by_side) {
        const struct weir_vaes_key key = vaes_key(ctx->gcm, &ctx->key.gcm);
        return weir_vaes_seal(&key, ops, count);
    }
#endif
    (void)ctx, (void)ops, (void)count;
    return 0;
}

/* The same for opening; `*right` of them, from the front, have the right tag. */
static size_t open_side_by_side(const struct ctx *ctx, const struct weir_aead_op *ops, size_t count,
                                size_t *right)
{
    *right = 0;
#if defined(WITH_VAES)
    if (library.side_by_side) {
        const struct weir_vaes_key key = vaes_key(ctx->gcm, &ctx->key.gcm);
        uint64_t wrong;
        size_t done = weir_vaes_open(&key, ops, count, &wrong);
        *right = wrong == 0 ? done : (size_t)__builtin_ctzll(wrong);
        return done;
    }
#endif
    (void)ctx, (void)ops, (void)count;
    return 0;
}

/*
 * The library takes one message after the other. What is gained where they are not sealed side by
 * side is that the next one's nonce was written long before it is read, and that the state is wiped
 * once: each message begins by writing over that of the one before.
 */
static weir_status ipsecmb_seal_each(void *memory, const struct weir_aead_op *ops, size_t count)
{
    const struct ctx *ctx = memory;
    const struct gcm_calls *gcm = ctx->gcm;
    const struct weir_aead_op *const end = ops + count;
    union gcm_state state;

    if (!each_sound(ops, count))
        return WEIR_E_PROVIDER;
    for (size_t i = 0; i < count && gcm == NULL; i++)
        chacha(ctx, library.chacha.seal_piece, &ops[i], ops[i].tag);
    if (gcm == NULL)
        return WEIR_OK;
    for (const struct weir_aead_op *op = ops; op < end; op++) {
        op += seal_side_by_side(ctx, op, (size_t)(end - op));
        if (op == end)
            break;
        gcm->seal(&ctx->key.gcm, &state.data, op->out, op->in->base, op->in->len, op->nonce,
                  op->aad.base, op->aad.len, op->tag, WEIR_TAG_LEN);
    }
    clear_state(&state);
    return WEIR_OK;
}

/* Opens one; whether its tag is right. `state` and `tag` are the caller's to clear. */
static bool open_one(const struct ctx *ctx, const struct weir_aead_op *op, union gcm_state *state,
                     uint8_t tag[WEIR_TAG_LEN])
{
    if (ctx->gcm == NULL)
        chacha(ctx, library.chacha.open_piece, op, tag);
    else
        ctx->gcm->open(&ctx->key.gcm, &state->data, op->out, op->in->base, op->in->len, op->nonce,
                       op->aad.base, op->aad.len, tag, WEIR_TAG_LEN);
    bool same = same_tag(tag, op->tag);
    WEIR_IPSECMB_PUBLIC(same);
    return same;
}

static weir_status ipsecmb_open_each(void *memory, const struct weir_aead_op *ops, size_t count,
                                     size_t *good)
{
    const struct ctx *ctx = memory;
    union gcm_state state;
    uint8_t tag[WEIR_TAG_LEN];
    bool all = true;

    if (!each_sound(ops, count))
        return WEIR_E_PROVIDER;
    *good = 0;
    for (size_t i = 0; i < count;) {
        size_t right = 0;
        size_t done = ctx->gcm == NULL ? 0 : open_side_by_side(ctx, ops + i, count - i, &right);
        if (done == 0) {
            done = 1;
            right = open_one(ctx, &ops[i], &state, tag);
        }
        *good += all ? right : 0;
        all = all && right == done;
        i += done;
    }
    clear_state(&state);
    CLEAR(tag);
    return all ? WEIR_OK : WEIR_E_AUTH;
}

static weir_status ipsecmb_keystream(void *memory, const uint8_t nonce[WEIR_IV_LEN],
                                     uint64_t offset, const uint8_t *in, uint8_t *out, size_t len)
{
    const struct ctx *ctx = memory;

    if (ctx->gcm == NULL)
        return WEIR_REFUSED;
    if (!library.seeks || offset > WEIR_AEAD_MAX_KEYSTREAM ||
        len > WEIR_AEAD_MAX_KEYSTREAM - offset)
        return WEIR_E_PROVIDER;
    gcm_keystream(ctx->gcm, &ctx->key.gcm, nonce, offset, in, out, len);
    return WEIR_OK;
}

static void ipsecmb_wipe(void *memory)
{
    weir_wipe(memory, sizeof(struct ctx));
}

const struct weir_aead weir_aead_ipsecmb = {
    .abi = WEIR_AEAD_ABI,
    .algs = WEIR_ALG_BIT(WEIR_AES_128_GCM) | WEIR_ALG_BIT(WEIR_AES_256_GCM) |
            WEIR_ALG_BIT(WEIR_CHACHA20_POLY1305),
    /* Once in a process, for as long as the first key is made; no context owns anything. */
    .flags = WEIR_AEAD_ALLOCATES,
    .name = "ipsec-mb",
    .ctx_size = sizeof(struct ctx),
    .ctx_align = alignof(struct ctx),
    .init = ipsecmb_init,
    .seal = ipsecmb_seal,
    .open = ipsecmb_open,
    .wipe = ipsecmb_wipe,
    .keystream = ipsecmb_keystream,
    .seal_each = ipsecmb_seal_each,
    .open_each = ipsecmb_open_each,
};
