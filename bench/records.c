/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What one record costs in memory: the AEAD library's own call of the same shape (raw_aead.h), and
 * the same through weir_tx and weir_rx. One thread, buffers that stay in the second-level cache.
 *
 *     records [ipsec-mb|openssl|mbedtls|portable [SUITE [BYTES]]]
 *
 * Nanoseconds per record, the median of the batches of all rounds, in which everything measured
 * takes turns; and raw ÷ weir, 1.00 where weir costs nothing.
 */
#include "raw_aead.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <weir/weir.h>
#ifdef WITH_IPSECMB
#include <weir/ipsecmb.h>
#endif
#ifdef WITH_OPENSSL
#include <weir/openssl.h>
#endif
#ifdef WITH_MBEDTLS
#include <weir/mbedtls.h>
#endif
#ifdef WITH_PORTABLE
#include <weir/portable.h>
#endif

#define ROUNDS     401u
#define SIZE_NS    1.5e9 /* at most, for one size */
#define WIRE       ((size_t)192 * 1024)
#define PIECES     2
#define BATCH      32u
#define CTX_SIZE   4096u
#define CTX_ALIGN  64u
#define MAX_RECORD (WEIR_MAX_PLAINTEXT + 64u)

/* Everything one size is measured with. */
struct bench {
    struct weir_tx tx;
    struct weir_rx rx;
    const struct raw *raw;
    size_t len;   /* plaintext bytes of a record */
    size_t count; /* records of a round */
    bool tls13;
    uint8_t *text, *wire;
};

static double now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void check(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "records: %s failed\n", what);
        exit(1);
    }
}

/* ---- what is timed: all records of a round ---- */

/*
 * Written at once: providers read a nonce at once, and would wait for a narrower store before it to
 * leave the processor's store buffer.
 */
typedef uint64_t wide __attribute__((vector_size(16)));

enum way { APART, PLACED, OPEN };

/* Plaintext with its content type already behind it, at the places that weir's records have. */
static void raw_round(struct bench *b, enum way way)
{
    _Alignas(16) uint8_t nonce[16];
    _Alignas(16) uint8_t aad[16] = {23, 3, 3};
    const struct weir_shape shape = weir_tx_shape(&b->tx);
    size_t len = b->len + shape.suffix - WEIR_TAG_LEN;
    uint8_t *at = b->wire + shape.prefix;

    for (size_t i = 0; i < b->count; i++) {
        const wide value = {i, 0};
        const struct raw_op op = {
            nonce, aad, way == APART ? b->text : at, b->tls13 ? 5 : 13, len, at, at + len};

        memcpy(nonce, &value, sizeof value);
        check(way == OPEN ? b->raw->open(&op) : b->raw->seal(&op), "the library");
        at += shape.prefix + len + WEIR_TAG_LEN;
    }
}

static void seal_round(struct bench *b, size_t pieces)
{
    uint8_t *at = b->wire;
    size_t first = b->len / pieces;

    for (size_t i = 0; i < b->count; i++) {
        const struct weir_iov in[PIECES] = {{b->text, first}, {b->text + first, b->len - first}};
        size_t taken = 0;
        size_t made = 0;
        weir_status status = weir_tx_seal(&b->tx, WEIR_TYPE_DATA, in, pieces, at,
                                          WIRE - (size_t)(at - b->wire), &taken, &made);
        check(status == WEIR_OK && taken == b->len, "weir_tx_seal");
        at += made;
    }
}

static void lent_round(struct bench *b)
{
    uint8_t *at = b->wire;

    for (size_t i = 0; i < b->count; i++) {
        size_t taken = 0;
        size_t made = 0;
        weir_status status = weir_tx_seal_lent(&b->tx, WEIR_TYPE_DATA, b->text, b->len, at,
                                               WIRE - (size_t)(at - b->wire), &taken, &made);
        check(status == WEIR_OK && taken == b->len, "weir_tx_seal_lent");
        at += made;
    }
}

static void placed_round(struct bench *b)
{
    uint8_t *at = b->wire;

    for (size_t i = 0; i < b->count; i++) {
        size_t made = 0;
        weir_status status = weir_tx_seal_in_place(&b->tx, WEIR_TYPE_DATA, at, b->len,
                                                   WIRE - (size_t)(at - b->wire), &made);
        check(status == WEIR_OK, "weir_tx_seal_in_place");
        at += made;
    }
}

static void each_round(struct bench *b)
{
    struct weir_iov in[BATCH];
    uint8_t *at = b->wire;

    for (size_t i = 0; i < BATCH; i++)
        in[i] = (struct weir_iov){b->text, b->len};
    for (size_t i = 0; i < b->count;) {
        size_t taken = 0;
        size_t made = 0;
        size_t n = b->count - i < BATCH ? b->count - i : BATCH;
        weir_status status = weir_tx_seal_each(&b->tx, WEIR_TYPE_DATA, in, n, at,
                                               WIRE - (size_t)(at - b->wire), &taken, &made);
        check(status == WEIR_OK && taken == n, "weir_tx_seal_each");
        at += made;
        i += n;
    }
}

/* `batch` records with each call. */
static void open_round(struct bench *b, size_t batch)
{
    struct weir_record records[BATCH];
    size_t record = weir_tx_record_len(&b->tx, b->len);
    size_t total = b->count * record;
    size_t done = 0;

    while (done < total) {
        size_t used = 0;
        size_t count = 0;
        size_t most = total - done < batch * record ? total - done : batch * record;
        weir_status status =
            weir_rx_open(&b->rx, b->wire + done, most, &used, records, BATCH, &count);
        check(status >= 0 && count > 0, "weir_rx_open");
        done += used;
    }
}

/* In this order each finds in `wire` what it needs; the receiver may miss no record. */
enum kind { RAW_APART, RAW_PLACED, RAW_OPEN, SEAL_1, SEAL_2, LENT, IN_PLACE, EACH, OPENS, OPEN_1 };
#define KINDS 10

static void run_kind(struct bench *b, enum kind kind)
{
    switch (kind) {
    case RAW_APART:
        raw_round(b, APART);
        break;
    case RAW_PLACED:
        raw_round(b, PLACED);
        break;
    case RAW_OPEN:
        raw_round(b, OPEN);
        break;
    case SEAL_1:
        seal_round(b, 1);
        break;
    case SEAL_2:
        seal_round(b, PIECES);
        break;
    case LENT:
        lent_round(b);
        break;
    case IN_PLACE:
        placed_round(b);
        break;
    case EACH:
        each_round(b);
        break;
    case OPENS:
        open_round(b, BATCH);
        break;
    case OPEN_1:
        open_round(b, 1);
        break;
    }
}

static bool seals(enum kind kind)
{
    return kind >= SEAL_1 && kind <= EACH;
}

/* ---- */

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;

    return (x > y) - (x < y);
}

/* ns[kind]: of a record, the median of the rounds. */
static void measure(struct bench *b, double ns[KINDS])
{
    static double spent[KINDS][ROUNDS];
    const double until = now_ns() + SIZE_NS;
    size_t rounds = 0;

    for (int warm = 0; rounds < ROUNDS && (rounds < 5 || now_ns() < until); warm++) {
        for (int kind = 0; kind < KINDS; kind++) {
            if (kind == OPEN_1) {
                seal_round(b, 1);
            }
            double start = now_ns();
            run_kind(b, (enum kind)kind);
            spent[kind][rounds] = now_ns() - start;
            if (seals((enum kind)kind) && kind != EACH) /* which OPENS opens */
                open_round(b, BATCH);
        }
        rounds += warm > 0;
    }
    for (int kind = 0; kind < KINDS; kind++) {
        qsort(spent[kind], rounds, sizeof spent[kind][0], by_value);
        ns[kind] = spent[kind][rounds / 2] / (double)b->count;
    }
}

static void report(const struct bench *b, const double ns[KINDS])
{
    static const enum kind base[KINDS] = {
        [SEAL_1] = RAW_APART, [SEAL_2] = RAW_APART, [LENT] = RAW_APART, [IN_PLACE] = RAW_PLACED,
        [EACH] = RAW_APART,   [OPENS] = RAW_OPEN,   [OPEN_1] = RAW_OPEN};

    printf("| %zu |", b->len);
    for (int kind = 0; kind < KINDS; kind++) {
        if (kind >= SEAL_1 && b->raw != NULL)
            printf(" %.1f, %.2f |", ns[kind], ns[base[kind]] / ns[kind]);
        else
            printf(" %.1f |", ns[kind]);
    }
    putchar('\n');
    (void)fflush(stdout);
}

static void start(struct bench *b, const struct weir_soft *soft, void *tx_ctx, void *rx_ctx,
                  const struct weir_suite *suite)
{
    struct weir_refusal why;
    bool explicit = !b->tls13 && suite->alg != WEIR_CHACHA20_POLY1305;
    struct weir_keys keys = {.version = suite->version,
                             .suite = suite->id,
                             .at = {.nonce_rule = explicit ? WEIR_NONCE_SEQ : WEIR_NONCE_IMPLICIT}};

    memset(keys.key, 7, sizeof keys.key);
    struct weir_keys tx = keys, rx = keys;
    check(weir_tx_init(&b->tx, &tx, &soft->backend, tx_ctx, CTX_SIZE, &why) == WEIR_OK &&
              weir_rx_init(&b->rx, &rx, &soft->backend, rx_ctx, CTX_SIZE, &why) == WEIR_OK &&
              b->raw->start((weir_alg)suite->alg, keys.key),
          "taking the keys");
}

/* A provider of weir's own is its own raw call. */
#ifdef WITH_PORTABLE
static void *own_ctx;

static bool own_start(weir_alg alg, const uint8_t *key)
{
    return weir_aead_portable.init(own_ctx, alg, key) == WEIR_OK;
}

static bool own_do(const struct raw_op *op,
                   weir_status (*call)(void *, const struct weir_aead_op *))
{
    const struct weir_iov in = {op->in, op->len};
    struct weir_aead_op own = {.aad = {op->aad, op->aad_len},
                               .in = &in,
                               .in_count = 1,
                               .in_len = op->len,
                               .out = op->out,
                               .tag = op->tag};

    memcpy(own.nonce, op->nonce, sizeof own.nonce);
    return call(own_ctx, &own) == WEIR_OK;
}

static bool own_seal(const struct raw_op *op)
{
    return own_do(op, weir_aead_portable.seal);
}

static bool own_open(const struct raw_op *op)
{
    return own_do(op, weir_aead_portable.open);
}

static void own_end(void)
{
    weir_aead_portable.wipe(own_ctx);
}

static const struct raw raw_portable = {"portable", own_start, own_seal, own_open, own_end};
#endif

static const struct {
    const struct weir_aead *aead;
    const struct raw *raw;
} providers[] = {
#ifdef WITH_IPSECMB
    {&weir_aead_ipsecmb, &raw_ipsecmb},
#endif
#ifdef WITH_OPENSSL
    {&weir_aead_openssl, &raw_openssl},
#endif
#ifdef WITH_MBEDTLS
    {&weir_aead_mbedtls, &raw_mbedtls},
#endif
#ifdef WITH_PORTABLE
    {&weir_aead_portable, &raw_portable},
#endif
};

static void *memory(size_t size)
{
    void *p = aligned_alloc(CTX_ALIGN, (size + CTX_ALIGN - 1) / CTX_ALIGN * CTX_ALIGN);

    check(p != NULL, "memory");
    memset(p, 1, size);
    return p;
}

int main(int argc, char **argv)
{
    static const size_t sizes[] = {64, 256, 1024, 1400, 2048, 2049, 4096, 16384};
    const char *name = argc > 1 ? argv[1] : "openssl";
    const struct weir_suite *suite =
        weir_suite_named(argc > 2 ? argv[2] : "TLS_AES_128_GCM_SHA256");
    const size_t only = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;
    struct bench b = {.raw = NULL};
    const struct weir_aead *aead = NULL;
    struct weir_soft soft;
    struct weir_refusal why;

    for (size_t i = 0; i < sizeof providers / sizeof providers[0]; i++)
        if (strcmp(providers[i].aead->name, name) == 0) {
            aead = providers[i].aead;
            b.raw = providers[i].raw;
        }
    if (argc > 4 || aead == NULL || suite == NULL || only > WEIR_MAX_PLAINTEXT) {
        fputs("usage: records [ipsec-mb|openssl|mbedtls|portable [SUITE [BYTES]]]\n", stderr);
        return 2;
    }
    void *tx_ctx = memory(CTX_SIZE), *rx_ctx = memory(CTX_SIZE);
#ifdef WITH_PORTABLE
    own_ctx = memory(CTX_SIZE);
#endif
    b.text = memory(MAX_RECORD);
    b.wire = memory(WIRE);
    b.tls13 = suite->version == WEIR_TLS13;
    check(aead->ctx_size <= CTX_SIZE && weir_soft_init(&soft, aead, &why) == WEIR_OK, "starting");

    printf("%s, %s: ns per record; and raw ÷ weir\n\n", aead->name, weir_suite_name(suite->id));
    puts("| bytes | raw seal | raw seal in place | raw open | seal 1 piece | seal 2 pieces | "
         "seal lent | seal in place | seal 32 each | open 32 | open alone |\n"
         "|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        double ns[KINDS];
        b.len = only > 0 ? only : sizes[i];
        b.count = (WIRE - 512) / (b.len + 64);
        b.count = b.count > 256 ? 256 : b.count;
        start(&b, &soft, tx_ctx, rx_ctx, suite);
        b.text[b.len] = WEIR_TYPE_DATA;
        measure(&b, ns);
        report(&b, ns);
        weir_tx_wipe(&b.tx);
        weir_rx_wipe(&b.rx);
        b.raw->end();
        if (only > 0)
            break;
    }
    free(tx_ctx);
    free(rx_ctx);
#ifdef WITH_PORTABLE
    free(own_ctx);
#endif
    free(b.text);
    free(b.wire);
    return 0;
}
