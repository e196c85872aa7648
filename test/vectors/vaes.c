/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages side by side (backends/soft/vaes.h) against a provider that takes one after the other,
 * at every length and number; forged ones among right ones; and what is left of a key.
 */
#include "vaes.h"

#include <intel-ipsec-mb.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <weir/ipsecmb.h>

#define COUNT 16u
#define ROOM  (WEIR_VAES_MAX_LEN + 64u)

static unsigned failed;

static void fail(const char *what, size_t len)
{
    if (failed++ < 10)
        (void)printf("FAIL %s, %zu bytes\n", what, len);
}

static const uint8_t secret[WEIR_MAX_KEY] = {201, 2, 33, 47, 5, 6, 7,  8,  9, 10, 11,
                                             12,  1, 99, 3,  4, 5, 60, 71, 8, 19, 21};

/* One key, as the library and as the provider have it, and a group of messages. */
static struct bench {
    _Alignas(64) struct gcm_key_data table;
    _Alignas(64) uint8_t ctx[2048];
    struct weir_vaes_key key;
    struct weir_aead_op op[COUNT];
    struct weir_iov in[COUNT];
    uint8_t aad[COUNT][WEIR_VAES_MAX_AAD];
    uint8_t text[COUNT][ROOM], out[COUNT][ROOM], tag[COUNT][WEIR_TAG_LEN];
    uint8_t wanted[COUNT][ROOM], wanted_tag[COUNT][WEIR_TAG_LEN];
} b;

static bool start(weir_alg alg)
{
    IMB_MGR *m = alloc_mb_mgr(0);

    if (m == NULL || weir_aead_ipsecmb.ctx_size > sizeof b.ctx)
        return false;
    init_mb_mgr_auto(m, NULL);
    if (alg == WEIR_AES_256_GCM)
        m->gcm256_pre(secret, &b.table);
    else
        m->gcm128_pre(secret, &b.table);
    free_mb_mgr(m);
    b.key =
        (struct weir_vaes_key){b.table.expanded_keys, b.table.ghash_keys.vaes_avx512.shifted_hkey,
                               alg == WEIR_AES_256_GCM};
    return weir_aead_ipsecmb.init(b.ctx, alg, secret) == WEIR_OK;
}

static uint32_t state = 1;

static uint8_t any(void)
{
    state = state * 1103515245 + 12345;
    return (uint8_t)(state >> 16);
}

/* Message i: `len` bytes, in place or apart. What the provider makes of it is what is wanted. */
static void message(size_t i, size_t len, size_t aad_len, bool in_place)
{
    struct weir_aead_op *op = &b.op[i];

    for (size_t j = 0; j < ROOM; j++)
        b.text[i][j] = any();
    for (size_t j = 0; j < sizeof b.aad[i]; j++)
        b.aad[i][j] = any();
    memcpy(b.out[i], b.text[i], ROOM);
    memcpy(b.wanted[i], b.text[i], ROOM);
    *op = (struct weir_aead_op){.aad = {b.aad[i], aad_len},
                                .in = &b.in[i],
                                .in_count = 1,
                                .in_len = len,
                                .out = b.wanted[i],
                                .tag = b.wanted_tag[i]};
    for (size_t j = 0; j < WEIR_IV_LEN; j++)
        op->nonce[j] = any();
    b.in[i] = (struct weir_iov){b.text[i], len};
    if (weir_aead_ipsecmb.seal(b.ctx, op) != WEIR_OK)
        fail("the provider seals", len);
    b.in[i].base = in_place ? b.out[i] : b.text[i];
    op->out = b.out[i];
    op->tag = b.tag[i];
}

/* All of `out`, also what lies behind a message, is as it should be. */
static bool same(size_t count, const uint8_t wanted[COUNT][ROOM])
{
    for (size_t i = 0; i < count; i++)
        if (memcmp(b.out[i], wanted[i], ROOM) != 0)
            return false;
    return true;
}

/* Seals and opens b.op[0..count), of which `done` are for us to do. */
static void there_and_back(size_t count, size_t done, size_t len)
{
    uint64_t wrong = 1;

    if (weir_vaes_seal(&b.key, b.op, count) != done || !same(done, b.wanted) ||
        memcmp(b.tag, b.wanted_tag, done * WEIR_TAG_LEN) != 0)
        fail("sealed", len);
    for (size_t i = 0; i < done; i++)
        b.in[i].base = b.in[i].base == b.text[i] ? b.wanted[i] : b.out[i];
    if (weir_vaes_open(&b.key, b.op, count, &wrong) != done || wrong != 0 || !same(done, b.text))
        fail("opened", len);
}

static void every_length(void)
{
    for (size_t len = 0; len <= WEIR_VAES_MAX_LEN; len++) {
        for (size_t i = 0; i < 4; i++)
            message(i, len, len % 2 == 0 ? 5 : 13, len % 3 == 0);
        there_and_back(4, 4, len);
    }
}

/* Lengths that have nothing to do with one another, additional data of every length. */
static void mixed_lengths(void)
{
    for (size_t round = 0; round < 400; round++) {
        size_t most = round % 2 == 0 ? WEIR_VAES_MAX_LEN + 1 : 70;
        size_t count = 4 + round % (COUNT - 3);

        for (size_t i = 0; i < count; i++)
            message(i, (any() * 256u + any()) % most, (i + round) % (WEIR_VAES_MAX_AAD + 1),
                    any() % 2 == 0);
        there_and_back(count, count - count % 4, round);
    }
}

static void what_is_left_to_others(void)
{
    uint64_t wrong = 1;

    for (size_t i = 0; i < COUNT; i++)
        message(i, 20, 5, true);
    for (size_t count = 0; count < 4; count++)
        if (weir_vaes_seal(&b.key, b.op, count) != 0 ||
            weir_vaes_open(&b.key, b.op, count, &wrong) != 0 || wrong != 0)
            fail("fewer than four", count);
    for (size_t i = 0; i < COUNT; i++) {
        b.op[i].in_len = WEIR_VAES_MAX_LEN + 1;
        if (weir_vaes_seal(&b.key, b.op, COUNT) != i - i % 4)
            fail("one that is too long", i);
        b.op[i].in_len = 20;
        b.op[i].aad.len = WEIR_VAES_MAX_AAD + 1;
        if (weir_vaes_open(&b.key, b.op, COUNT, &wrong) != i - i % 4)
            fail("one with too much additional data", i);
        b.op[i].aad.len = 5;
    }
}

/* Opens the messages with those of `forged` flipped; exactly they are wrong. */
static void expect_wrong(uint64_t forged, size_t len)
{
    uint64_t wrong = 0;

    for (size_t i = 0; i < COUNT; i++)
        memcpy(b.out[i], b.wanted[i], ROOM);
    if (weir_vaes_open(&b.key, b.op, COUNT, &wrong) != COUNT || wrong != forged)
        fail("exactly the forged ones are wrong", len);
}

/* One bit of ciphertext, tag, additional data, nonce or length, in each message of a group. */
static void near_misses(void)
{
    static const size_t lens[] = {1, 16, 64, 65, 130, 257, 300, WEIR_VAES_MAX_LEN};

    for (size_t l = 0; l < sizeof lens / sizeof *lens; l++) {
        const size_t len = lens[l];

        for (size_t i = 0; i < COUNT; i++) {
            message(i, l % 2 == 0 ? len : (len + i * 17) % (WEIR_VAES_MAX_LEN + 1), 5, true);
            b.op[i].tag = b.wanted_tag[i];
        }
        for (size_t i = 0; i < COUNT; i++) {
            const uint64_t bit = UINT64_C(1) << i;
            const uint8_t flip = (uint8_t)(1u << any() % 8);
            uint8_t *const places[] = {&b.wanted[i][b.op[i].in_len / 2],
                                       &b.wanted[i][b.op[i].in_len > 0 ? b.op[i].in_len - 1 : 0],
                                       &b.wanted_tag[i][any() % WEIR_TAG_LEN],
                                       &b.wanted_tag[i][i % WEIR_TAG_LEN],
                                       &b.aad[i][any() % 5],
                                       &b.op[i].nonce[any() % WEIR_IV_LEN]};

            expect_wrong(0, len);
            for (size_t p = b.op[i].in_len > 0 ? 0 : 2; p < sizeof places / sizeof *places; p++) {
                *places[p] ^= flip;
                expect_wrong(bit, len);
                *places[p] ^= flip;
            }
            b.op[i].aad.len--;
            expect_wrong(bit, len);
            b.op[i].aad.len++;
            b.wanted_tag[i][0] ^= flip;
            b.wanted_tag[COUNT - 1 - i][15] ^= flip;
            expect_wrong(bit | UINT64_C(1) << (COUNT - 1 - i), len);
            b.wanted_tag[i][0] ^= flip;
            b.wanted_tag[COUNT - 1 - i][15] ^= flip;
        }
    }
}

/* ---- what is left ---- */

/*
 * After two runs that differ in the key alone, stack and registers are the same. Only where the
 * compiler optimizes: otherwise it keeps everything on the stack, and is not meant to be secure.
 */
#if defined(__OPTIMIZE__) && !defined(WITH_SANITIZER)

#define STACK  (256u * 1024)
#define UNUSED 0xa5
static _Alignas(4096) uint8_t stack[STACK];

struct left {
    uint8_t registers[32][64], stack[STACK];
    size_t used; /* where in `stack` our own frame begins */
    uint64_t wrong;
};
static struct left left[2];

#define TAKE(n) __asm__ volatile("vmovdqu64 %%zmm" #n ", %0" : "=m"(to[n]))
static __attribute__((target("avx512f"), noinline)) void take_registers(uint8_t to[32][64])
{
    TAKE(0);
    TAKE(1);
    TAKE(2);
    TAKE(3);
    TAKE(4);
    TAKE(5);
    TAKE(6);
    TAKE(7);
    TAKE(8);
    TAKE(9);
    TAKE(10);
    TAKE(11);
    TAKE(12);
    TAKE(13);
    TAKE(14);
    TAKE(15);
    TAKE(16);
    TAKE(17);
    TAKE(18);
    TAKE(19);
    TAKE(20);
    TAKE(21);
    TAKE(22);
    TAKE(23);
    TAKE(24);
    TAKE(25);
    TAKE(26);
    TAKE(27);
    TAKE(28);
    TAKE(29);
    TAKE(30);
    TAKE(31);
}

static void *seal_them(void *to)
{
    struct left *l = to;

    l->used = (size_t)((uintptr_t)__builtin_frame_address(0) - (uintptr_t)stack) - 256;
    (void)weir_vaes_seal(&b.key, b.op, COUNT);
    take_registers(l->registers);
    return NULL;
}

static void *open_them(void *to)
{
    struct left *l = to;

    l->used = (size_t)((uintptr_t)__builtin_frame_address(0) - (uintptr_t)stack) - 256;
    (void)weir_vaes_open(&b.key, b.op, COUNT, &l->wrong);
    take_registers(l->registers);
    return NULL;
}

/* In a thread, on a stack of ours. */
static void look(void *(*body)(void *), struct left *l)
{
    pthread_attr_t attr;
    pthread_t thread;

    memset(stack, UNUSED, sizeof stack);
    if (pthread_attr_init(&attr) != 0 || pthread_attr_setstack(&attr, stack, sizeof stack) != 0 ||
        pthread_create(&thread, &attr, body, l) != 0) {
        fail("a thread", 0);
        return;
    }
    (void)pthread_join(thread, NULL);
    (void)pthread_attr_destroy(&attr);
    memcpy(l->stack, stack, sizeof stack);
}

static void nothing_is_left(bool mixed)
{
    void *(*const bodies[])(void *) = {seal_them, open_them};

    for (size_t i = 0; i < COUNT; i++)
        message(i, mixed ? 300 - i * 11 : 257, 5, true);
    for (size_t w = 0; w < 2; w++) {
        for (size_t k = 0; k < 2; k++) {
            for (size_t i = 0; i < sizeof b.table.expanded_keys; i++)
                b.table.expanded_keys[i] ^= 0x5a;
            for (size_t i = 0; i < sizeof b.table.ghash_keys; i++)
                ((uint8_t *)&b.table.ghash_keys)[i] ^= 0x5a;
            look(bodies[w], &left[k]);
        }
        if (left[0].used != left[1].used || left[0].used > STACK ||
            left[0].stack[left[0].used - 64] == UNUSED)
            fail("finding the stack", left[0].used);
        else if (memcmp(left[0].stack, left[1].stack, left[0].used) != 0)
            fail("nothing of a key is left on the stack", w);
        if (memcmp(left[0].registers, left[1].registers, sizeof left[0].registers) != 0)
            fail("nothing of a key is left in a register", w);
    }
}
#endif

static void with_key(weir_alg alg, const char *name)
{
    unsigned before = failed;

    if (!start(alg)) {
        fail("taking a key", 0);
        return;
    }
    every_length();
    mixed_lengths();
    what_is_left_to_others();
    near_misses();
#if defined(__OPTIMIZE__) && !defined(WITH_SANITIZER)
    nothing_is_left(false);
    nothing_is_left(true);
#endif
    weir_aead_ipsecmb.wipe(b.ctx);
    if (failed == before)
        (void)printf("PASS side by side, %s\n", name);
}

int main(void)
{
    struct weir_refusal why;

    if (!weir_vaes_usable() || !weir_ipsecmb_usable(&why)) {
        (void)printf("SKIP side by side: no VAES, VPCLMULQDQ or AVX-512 here\n");
        return 0;
    }
    with_key(WEIR_AES_128_GCM, "AES-128-GCM");
    with_key(WEIR_AES_256_GCM, "AES-256-GCM");
#if !defined(__OPTIMIZE__) || defined(WITH_SANITIZER)
    (void)printf("SKIP what is left of a key: this is no optimized build\n");
#endif
    return failed != 0;
}
