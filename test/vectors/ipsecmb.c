/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is particular to the provider on libipsec-mb: which processors it takes, and that the code
 * it has for this one agrees with every other provider of the build. processors.py runs it on
 * several processors.
 *
 *     ipsecmb taken | refused
 */
#include "providers.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <weir/ipsecmb.h>

#define TEXT_MAX 16400u
#define SHORT    290u /* every length below */
#define THREADS  4u

static unsigned failed;

static void fail(const char *what, size_t len)
{
    if (failed++ < 10)
        (void)printf("FAIL %s, %zu bytes\n", what, len);
}

static void result(const char *name, unsigned before)
{
    if (failed == before)
        (void)printf("PASS %s\n", name);
}

static uint8_t text[TEXT_MAX], wanted[TEXT_MAX], got[TEXT_MAX], guard[TEXT_MAX];
static const uint8_t key[WEIR_MAX_KEY] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13};
static const uint8_t aad[13] = {23, 3, 3, 1, 2, 0, 0, 9, 8};

static struct weir_aead_op op_of(const struct weir_iov *in, size_t count, size_t len, uint8_t *out,
                                 uint8_t *tag)
{
    struct weir_aead_op op = {.aad = {aad, len % 2 == 0 ? 5 : sizeof aad},
                              .in = in,
                              .in_count = count,
                              .in_len = len,
                              .out = out,
                              .tag = tag};

    memset(op.nonce, (int)(len % 251), WEIR_IV_LEN);
    return op;
}

/* One message sealed by `other` in one piece; ipsec-mb does the same in every way, and undoes it.
 */
static void agree(const struct weir_aead *other, weir_alg alg, void *theirs, void *ours, size_t len)
{
    uint8_t tag[WEIR_TAG_LEN], own[WEIR_TAG_LEN];
    const size_t a = len / 3, b = len / 2;
    const struct weir_iov whole = {text, len}, in_place = {got, len};
    const struct weir_iov pieces[4] = {
        {text, a}, {NULL, 0}, {text + a, b - a}, {text + b, len - b}};
    struct weir_aead_op op = op_of(&whole, 1, len, wanted, tag);

    if (other->seal(theirs, &op) != WEIR_OK)
        fail("the other seals", len);
    op = op_of(pieces, 4, len, got, own);
    if (weir_aead_ipsecmb.seal(ours, &op) != WEIR_OK || memcmp(got, wanted, len) != 0 ||
        memcmp(own, tag, sizeof tag) != 0)
        fail("sealed in pieces", len);
    memcpy(got, text, len);
    op = op_of(&in_place, 1, len, got, own);
    if (weir_aead_ipsecmb.seal(ours, &op) != WEIR_OK || memcmp(got, wanted, len) != 0 ||
        memcmp(own, tag, sizeof tag) != 0)
        fail("sealed in place", len);
    if (weir_aead_ipsecmb.open(ours, &op) != WEIR_OK || memcmp(got, text, len) != 0)
        fail("opened in place", len);
    /* What is left of the message behind its first third, by the keystream alone. */
    const weir_status piece =
        weir_aead_ipsecmb.keystream(ours, op.nonce, a, text + a, got + a, len - a);
    if (piece != (alg == WEIR_CHACHA20_POLY1305 ? WEIR_REFUSED : WEIR_OK) ||
        (piece == WEIR_OK && memcmp(got + a, wanted + a, len - a) != 0))
        fail("keystream", len);
    /* One bit of the tag wrong, each byte in its turn: refused, and nothing of the text is left. */
    const struct weir_iov sealed = {wanted, len};
    own[len % WEIR_TAG_LEN] ^= (uint8_t)(1u << len % 8);
    op = op_of(&sealed, 1, len, got, own);
    if (weir_aead_ipsecmb.open(ours, &op) != WEIR_E_AUTH)
        fail("a wrong tag", len);
    if (memcmp(got, guard, len) != 0)
        fail("wiped behind a wrong tag", len);
}

static void with_every_provider(weir_alg alg)
{
    static const size_t lens[] = {383,  384,  400,  511,  767,  768,  769,   783,   784,  1023,
                                  1024, 1400, 1535, 1536, 2048, 4097, 16384, 16385, 16399};
    static union vector_ctx theirs, ours;
    unsigned before = failed, others = 0;

    for (size_t i = 0; i < vector_provider_count; i++) {
        const struct weir_aead *other = vector_providers[i].aead;

        if (other == &weir_aead_ipsecmb || (other->algs & WEIR_ALG_BIT(alg)) == 0)
            continue;
        others++;
        if (other->init(&theirs, alg, key) != WEIR_OK ||
            weir_aead_ipsecmb.init(&ours, alg, key) != WEIR_OK) {
            fail("taking a key", 0);
            return;
        }
        for (size_t len = 0; len < SHORT; len++)
            agree(other, alg, &theirs, &ours, len);
        for (size_t j = 0; j < sizeof lens / sizeof *lens; j++)
            agree(other, alg, &theirs, &ours, lens[j]);
        other->wipe(&theirs);
        weir_aead_ipsecmb.wipe(&ours);
        if (memcmp(&ours, guard, weir_aead_ipsecmb.ctx_size) != 0)
            fail("the key is wiped", 0);
    }
    if (others == 0)
        (void)printf("SKIP algorithm %d: no other provider has it\n", (int)alg);
    else
        result(alg == WEIR_AES_128_GCM   ? "AES-128-GCM"
               : alg == WEIR_AES_256_GCM ? "AES-256-GCM"
                                         : "ChaCha20-Poly1305",
               before);
}

/* Up to 16 messages with a call, of lengths from `base` on: sealed as one by one, and opened up to
 * the first with a bit flipped. */
static void several(weir_alg alg, void *ctx, size_t count, size_t base, size_t step)
{
    static uint8_t out[WEIR_AEAD_MAX_EACH][1024], tags[WEIR_AEAD_MAX_EACH][WEIR_TAG_LEN];
    struct weir_aead_op ops[WEIR_AEAD_MAX_EACH];
    struct weir_iov in[WEIR_AEAD_MAX_EACH];
    const size_t forged = base % count;
    size_t good = 0;

    for (size_t i = 0; i < count; i++) {
        const size_t len = base + i * step;

        in[i] = (struct weir_iov){text + i, len};
        ops[i] = op_of(&in[i], 1, len, out[i], tags[i]);
        ops[i].nonce[0] ^= (uint8_t)i;
    }
    if (weir_aead_ipsecmb.seal_each(ctx, ops, count) != WEIR_OK)
        fail("sealed together", base);
    for (size_t i = 0; i < count; i++) {
        uint8_t tag[WEIR_TAG_LEN];
        struct weir_aead_op op = ops[i];

        op.out = wanted;
        op.tag = tag;
        if (weir_aead_ipsecmb.seal(ctx, &op) != WEIR_OK || memcmp(wanted, out[i], in[i].len) != 0 ||
            memcmp(tag, tags[i], sizeof tag) != 0)
            fail("together as one by one", in[i].len);
        in[i].base = out[i];
    }
    tags[forged][base % WEIR_TAG_LEN] ^= (uint8_t)(1u << alg);
    if (weir_aead_ipsecmb.open_each(ctx, ops, count, &good) != WEIR_E_AUTH || good != forged)
        fail("opened up to the forged one", base);
    if (weir_aead_ipsecmb.seal_each(ctx, ops, count) != WEIR_OK)
        fail("closed again", base);
    if (weir_aead_ipsecmb.open_each(ctx, ops, count, &good) != WEIR_OK)
        fail("opened together", base);
    for (size_t i = 0; i < count; i++)
        if (memcmp(out[i], text + i, in[i].len) != 0)
            fail("what was opened together", in[i].len);
}

static void every_several(weir_alg alg)
{
    static union vector_ctx ctx;
    unsigned before = failed;

    if (weir_aead_ipsecmb.init(&ctx, alg, key) != WEIR_OK) {
        fail("taking a key", 0);
        return;
    }
    for (size_t count = 1; count <= WEIR_AEAD_MAX_EACH; count++)
        for (size_t base = 0; base < 700; base += 31 + count)
            for (size_t step = 0; step < 20; step += 19)
                several(alg, &ctx, count, base, step);
    weir_aead_ipsecmb.wipe(&ctx);
    result("several with a call", before);
}

/* The first use of a process, by several threads at once. */
static pthread_barrier_t together;

static void *first_use(void *tag)
{
    union vector_ctx ctx;
    const struct weir_iov in = {text, 100};
    uint8_t out[100];
    struct weir_aead_op op = op_of(&in, 1, 100, out, tag);

    (void)pthread_barrier_wait(&together);
    if (weir_aead_ipsecmb.init(&ctx, WEIR_AES_256_GCM, key) != WEIR_OK ||
        weir_aead_ipsecmb.seal(&ctx, &op) != WEIR_OK)
        return NULL;
    weir_aead_ipsecmb.wipe(&ctx);
    return tag;
}

static void threads(void)
{
    pthread_t thread[THREADS];
    uint8_t tags[THREADS][WEIR_TAG_LEN];
    unsigned before = failed;

    (void)pthread_barrier_init(&together, NULL, THREADS);
    for (unsigned i = 0; i < THREADS; i++) {
        if (pthread_create(&thread[i], NULL, first_use, tags[i]) != 0) {
            fail("a thread", i);
            return;
        }
    }
    for (unsigned i = 0; i < THREADS; i++) {
        void *done = NULL;

        (void)pthread_join(thread[i], &done);
        if (done == NULL || memcmp(tags[i], tags[0], WEIR_TAG_LEN) != 0)
            fail("the first use by several threads", i);
    }
    result("the first use by several threads", before);
}

static void what_is_refused(void)
{
    static union vector_ctx ctx;
    const struct weir_iov in[2] = {{text, 10}, {text + 10, 10}};
    uint8_t tag[WEIR_TAG_LEN] = {0};
    struct weir_aead_op op = op_of(in, 2, 20, got, tag);
    unsigned before = failed;

    for (int alg = 0; alg < WEIR_ALG_COUNT; alg++) {
        if (weir_aead_ipsecmb.init(&ctx, (weir_alg)alg, key) != WEIR_OK)
            fail("taking a key", 0);
        op.in_count = 2;
        if (weir_aead_ipsecmb.open(&ctx, &op) != WEIR_E_PROVIDER)
            fail("opening two pieces", 20);
        op.in_count = 1;
        op.in_len = (size_t)1 << 36; /* nothing is read of it */
        if (weir_aead_ipsecmb.open(&ctx, &op) != WEIR_E_PROVIDER ||
            weir_aead_ipsecmb.seal(&ctx, &op) != WEIR_E_PROVIDER)
            fail("a message that is too long", op.in_len);
        op.in_len = 20;
        weir_aead_ipsecmb.wipe(&ctx);
    }
    result("what is refused", before);
}

/* A processor that does not have what it takes: said by name, and a direction is refused. */
static void no_such_processor(void)
{
    static union vector_ctx ctx;
    const struct weir_keys keys = {
        .version = WEIR_TLS13, .suite = 0x1301, .at = {.nonce_rule = WEIR_NONCE_IMPLICIT}};
    struct weir_keys given = keys;
    struct weir_refusal why;
    struct weir_soft soft;
    struct weir_tx tx;
    unsigned before = failed;

    if (weir_ipsecmb_usable(&why) || why.code != WEIR_REFUSAL_CPU ||
        why.layer != WEIR_LAYER_PROVIDER)
        fail("the processor is refused by name", 0);
    for (int alg = 0; alg < WEIR_ALG_COUNT; alg++) {
        if (weir_aead_ipsecmb.init(&ctx, (weir_alg)alg, key) != WEIR_E_PROVIDER)
            fail("no key is taken", 0);
    }
    if (weir_soft_init(&soft, &weir_aead_ipsecmb, &why) != WEIR_OK ||
        weir_tx_init(&tx, &given, &soft.backend, &ctx, sizeof ctx, &why) != WEIR_REFUSED ||
        why.code != WEIR_REFUSAL_PROVIDER)
        fail("a direction is refused", 0);
    result("a processor without AES", before);
}

int main(int argc, char **argv)
{
    const bool taken = argc < 2 || strcmp(argv[1], "taken") == 0;
    struct weir_refusal why;

    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)(i * 131 + i / 256);
    if (!taken) {
        no_such_processor();
        return failed != 0;
    }
    threads();
    if (!weir_ipsecmb_usable(&why) || why.code != WEIR_REFUSAL_NONE)
        fail("this processor is taken", 0);
    with_every_provider(WEIR_AES_128_GCM);
    with_every_provider(WEIR_AES_256_GCM);
    with_every_provider(WEIR_CHACHA20_POLY1305);
    for (int alg = 0; alg < WEIR_ALG_COUNT; alg++)
        every_several((weir_alg)alg);
    what_is_refused();
    return failed != 0;
}
