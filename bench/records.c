/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What one TLS 1.3 record costs in memory: the provider's own call, and the same through weir_tx
 * and weir_rx. One thread, buffers that stay in the second-level cache.
 *
 *     records [ipsec-mb|openssl|mbedtls|portable [SUITE]]
 *
 * Nanoseconds per record, the median of the rounds with the least and the most.
 */
#include <stdint.h>
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

#define ROUNDS     9
#define ROUND_NS   20e6
#define WIRE       ((size_t)192 * 1024)
#define PIECES     2
#define KINDS      5
#define CTX_SIZE   4096u
#define CTX_ALIGN  64u
#define MAX_RECORD (WEIR_MAX_PLAINTEXT + 22u)

/* Everything one size is measured with. */
struct bench {
    struct weir_tx tx;
    struct weir_rx rx;
    const struct weir_aead *aead;
    void *aead_ctx;
    size_t len;   /* plaintext bytes of a record */
    size_t count; /* records of a batch */
    uint8_t *text, *wire;
};

/* Of this thread, so that other programs on the machine disturb less. */
static double now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void check(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "records: %s failed\n", what);
        exit(1);
    }
}

/* ---- what is timed: one batch each ---- */

/*
 * Written at once: providers read a nonce at once, and would wait for a narrower store before it to
 * leave the processor's store buffer.
 */
typedef uint64_t wide __attribute__((vector_size(16)));

static void put_nonce(uint8_t nonce[16], uint64_t n)
{
    const wide value = {n, 0};

    memcpy(nonce, &value, sizeof value);
}

static void raw_batch(struct bench *b, bool seal)
{
    static const uint8_t aad[5] = {23, 3, 3, 0, 0};
    struct weir_aead_op op = {.aad = {aad, sizeof aad}, .in_count = 1, .in_len = b->len + 1};
    uint8_t *at = b->wire;

    for (size_t i = 0; i < b->count; i++) {
        const struct weir_iov in = {seal ? b->text : at, b->len + 1};
        put_nonce(op.nonce, i);
        op.in = &in;
        op.out = at;
        op.tag = at + b->len + 1;
        weir_status status =
            seal ? b->aead->seal(b->aead_ctx, &op) : b->aead->open(b->aead_ctx, &op);
        check(status == WEIR_OK, "the provider");
        at += b->len + 1 + WEIR_TAG_LEN;
    }
}

static void seal_batch(struct bench *b, size_t pieces)
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

static void open_batch(struct bench *b)
{
    struct weir_record records[16];
    size_t done = 0;
    size_t total = b->count * weir_tx_record_len(&b->tx, b->len);

    while (done < total) {
        size_t used = 0;
        size_t count = 0;
        weir_status status =
            weir_rx_open(&b->rx, b->wire + done, total - done, &used, records, 16, &count);
        check(status >= 0 && count > 0, "weir_rx_open");
        done += used;
    }
}

/* In this order each finds in `wire` what the one before it has left there. */
static void run_kind(struct bench *b, int kind)
{
    switch (kind) {
    case 0:
        raw_batch(b, true);
        break;
    case 1:
        raw_batch(b, false);
        break;
    case 2:
        seal_batch(b, PIECES);
        break;
    case 3:
        seal_batch(b, 1);
        break;
    default:
        open_batch(b);
        break;
    }
}

/* ---- */

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;

    return (x > y) - (x < y);
}

static void measure(struct bench *b, double ns[KINDS][ROUNDS])
{
    for (int round = -1; round < ROUNDS; round++) { /* the first one warms up */
        double spent[KINDS] = {0};
        const double until = now_ns() + ROUND_NS * KINDS;
        unsigned batches = 0;
        for (; now_ns() < until; batches++)
            for (int kind = 0; kind < KINDS; kind++) {
                double start = now_ns();
                run_kind(b, kind);
                spent[kind] += now_ns() - start;
                if (kind == 2) /* the receiver may miss no record */
                    open_batch(b);
            }
        for (int kind = 0; kind < KINDS && round >= 0; kind++)
            ns[kind][round] = spent[kind] / batches / (double)b->count;
    }
}

static void report(size_t len, double ns[KINDS][ROUNDS])
{
    printf("| %zu |", len);
    for (int kind = 0; kind < KINDS; kind++) {
        qsort(ns[kind], ROUNDS, sizeof ns[kind][0], by_value);
        printf(" %.0f (%.0f – %.0f) |", ns[kind][ROUNDS / 2], ns[kind][0], ns[kind][ROUNDS - 1]);
    }
    putchar('\n');
}

static void start(struct bench *b, const struct weir_soft *soft, void *tx_ctx, void *rx_ctx,
                  uint16_t suite)
{
    const struct weir_suite *known = weir_suite_find(suite);
    struct weir_refusal why;
    struct weir_keys keys = {
        .version = WEIR_TLS13, .suite = suite, .at = {.nonce_rule = WEIR_NONCE_IMPLICIT}};

    memset(keys.key, 7, sizeof keys.key);
    struct weir_keys tx = keys, rx = keys;
    check(weir_tx_init(&b->tx, &tx, &soft->backend, tx_ctx, CTX_SIZE, &why) == WEIR_OK &&
              weir_rx_init(&b->rx, &rx, &soft->backend, rx_ctx, CTX_SIZE, &why) == WEIR_OK &&
              b->aead->init(b->aead_ctx, (weir_alg)known->alg, keys.key) == WEIR_OK,
          "taking the keys");
}

static const struct weir_aead *provider_named(const char *name)
{
#ifdef WITH_IPSECMB
    if (strcmp(name, "ipsec-mb") == 0)
        return &weir_aead_ipsecmb;
#endif
#ifdef WITH_OPENSSL
    if (strcmp(name, "openssl") == 0)
        return &weir_aead_openssl;
#endif
#ifdef WITH_MBEDTLS
    if (strcmp(name, "mbedtls") == 0)
        return &weir_aead_mbedtls;
#endif
#ifdef WITH_PORTABLE
    if (strcmp(name, "portable") == 0)
        return &weir_aead_portable;
#endif
    (void)name;
    return NULL;
}

int main(int argc, char **argv)
{
    static const size_t sizes[] = {64, 256, 1024, 1400, 2048, 2049, 4096, 16384};
    const struct weir_suite *suite =
        weir_suite_named(argc > 2 ? argv[2] : "TLS_AES_128_GCM_SHA256");
    struct bench b = {.aead = provider_named(argc > 1 ? argv[1] : "openssl")};
    struct weir_soft soft;
    struct weir_refusal why;
    double ns[KINDS][ROUNDS];

    if (argc > 3 || b.aead == NULL || suite == NULL || suite->version != WEIR_TLS13) {
        fputs("usage: records [ipsec-mb|openssl|mbedtls|portable [TLS 1.3 SUITE]]\n", stderr);
        return 2;
    }
    void *tx_ctx = aligned_alloc(CTX_ALIGN, CTX_SIZE);
    void *rx_ctx = aligned_alloc(CTX_ALIGN, CTX_SIZE);
    b.aead_ctx = aligned_alloc(CTX_ALIGN, CTX_SIZE);
    b.text = calloc(1, MAX_RECORD);
    b.wire = calloc(1, WIRE);
    check(tx_ctx != NULL && rx_ctx != NULL && b.aead_ctx != NULL && b.text != NULL &&
              b.wire != NULL && b.aead->ctx_size <= CTX_SIZE &&
              weir_soft_init(&soft, b.aead, &why) == WEIR_OK,
          "starting");

    printf("%s, %s: ns per record, median (least – most)\n\n", b.aead->name,
           weir_suite_name(suite->id));
    puts("| bytes | provider seals | provider opens | weir seals 2 pieces | weir seals 1 piece | "
         "weir opens |\n|---:|---:|---:|---:|---:|---:|");
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        b.len = sizes[i];
        b.count = (WIRE - 512) / (b.len + 512);
        b.count = b.count > 256 ? 256 : b.count;
        start(&b, &soft, tx_ctx, rx_ctx, suite->id);
        measure(&b, ns);
        report(b.len, ns);
        weir_tx_wipe(&b.tx);
        weir_rx_wipe(&b.rx);
        b.aead->wipe(b.aead_ctx);
    }
    free(tx_ctx);
    free(rx_ctx);
    free(b.aead_ctx);
    free(b.text);
    free(b.wire);
    return 0;
}
