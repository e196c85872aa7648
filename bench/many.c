/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Many connections in turn: each seals a record of 1400 bytes and opens one, then comes the next.
 *
 *     many [--tables N] [--most N] [--milliseconds N]
 *
 * Once with a context for each direction, and once with a cache of key tables for them all
 * (weir/soft_cache.h). For 1, 10, … connections up to --most: nanoseconds of CPU time for one
 * record sealed and one opened, and what each connection takes in memory.
 */
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <weir/weir.h>
#ifdef WITH_IPSECMB
#include <weir/ipsecmb.h>
#define PROVIDER weir_aead_ipsecmb
#else
#include <weir/openssl.h>
#define PROVIDER weir_aead_openssl
#endif

#define LEN   1400u
#define WIRE  (LEN + 64u)
#define ALIGN 64u

/* What a server has of a connection; the context of each direction lies behind it. */
struct connection {
    struct weir_tx tx;
    struct weir_rx rx;
    struct weir_session session;
};

struct bench {
    const struct weir_backend *backend;
    uint8_t *memory;
    size_t stride, ctx_size, count;
};

static void check(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "many: %s\n", what);
        exit(1);
    }
}

static double now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static size_t round_up(size_t n)
{
    return (n + ALIGN - 1) / ALIGN * ALIGN;
}

static struct connection *connection_at(const struct bench *b, size_t n)
{
    return (void *)(b->memory + n * b->stride);
}

static void begin(struct bench *b, size_t count)
{
    b->count = count;
    b->ctx_size = round_up(b->backend->ctx_size);
    if (b->backend->ctx_size < ALIGN)
        b->ctx_size = b->backend->ctx_size;
    b->stride = sizeof(struct connection) + 2 * b->ctx_size;
    if (b->ctx_size >= ALIGN)
        b->stride = round_up(sizeof(struct connection)) + 2 * b->ctx_size;
    b->memory = aligned_alloc(ALIGN, round_up(b->stride * count));
    check(b->memory != NULL, "no memory");
    for (size_t n = 0; n < count; n++) {
        struct connection *c = connection_at(b, n);
        uint8_t *ctx = (uint8_t *)c + b->stride - 2 * b->ctx_size;
        struct weir_refusal why;
        struct weir_keys tx = {.version = WEIR_TLS13, .suite = WEIR_TLS_AES_128_GCM_SHA256};
        memcpy(tx.key, &n, sizeof n);
        struct weir_keys rx = tx;
        check(weir_tx_init(&c->tx, &tx, b->backend, ctx, b->ctx_size, &why) == WEIR_OK &&
                  weir_rx_init(&c->rx, &rx, b->backend, ctx + b->ctx_size, b->ctx_size, &why) ==
                      WEIR_OK,
              "taking the keys");
        const struct weir_session_config config = {.tx = &c->tx, .rx = &c->rx};
        check(weir_session_init(&c->session, &config) == WEIR_OK, "beginning");
    }
}

static void turn(const struct bench *b, size_t n, const uint8_t *text, uint8_t *wire)
{
    struct connection *c = connection_at(b, n);
    const struct weir_iov in = {text, LEN};
    struct weir_record record;
    size_t taken, made, used, count;

    check(weir_tx_seal(&c->tx, WEIR_TYPE_DATA, &in, 1, wire, WIRE, &taken, &made) == WEIR_OK,
          "sealing");
    check(weir_rx_open(&c->rx, wire, made, &used, &record, 1, &count) == WEIR_OK &&
              record.len == LEN,
          "opening");
}

static double measure(const struct bench *b, double spent_ns)
{
    static uint8_t text[LEN], wire[WIRE];
    size_t turns = 0;
    size_t n = 0;
    double spent = 0;

    for (size_t i = 0; i < b->count; i++)
        turn(b, i, text, wire);
    const double start = now_ns();
    /* At least twice to each. */
    while (spent < spent_ns || turns < 2 * b->count) {
        for (size_t i = 0; i < 256; i++, turns++) {
            turn(b, n, text, wire);
            n = n + 1 < b->count ? n + 1 : 0;
        }
        spent = now_ns() - start;
    }
    return spent / (double)turns;
}

static void end(struct bench *b)
{
    for (size_t n = 0; n < b->count; n++) {
        weir_tx_wipe(&connection_at(b, n)->tx);
        weir_rx_wipe(&connection_at(b, n)->rx);
    }
    free(b->memory);
}

static void sweep(const char *name, const struct weir_backend *backend, size_t most, double ns)
{
    struct bench b = {.backend = backend};
    double one = 0;

    for (size_t count = 1; count <= most; count *= 10) {
        begin(&b, count);
        double cost = measure(&b, ns);
        one = count == 1 ? cost : one;
        printf("| %s | %zu | %zu | %.0f | %.2f |\n", name, count, b.stride, cost, one / cost);
        (void)fflush(stdout);
        end(&b);
    }
}

static size_t number(const char *text)
{
    char *rest = NULL;
    unsigned long n = strtoul(text, &rest, 10);

    check(rest != text && *rest == 0 && n > 0 && n <= 10000000, "not a number from 1 on");
    return n;
}

int main(int argc, char **argv)
{
    static const struct option known[] = {{"tables", required_argument, NULL, 't'},
                                          {"most", required_argument, NULL, 'm'},
                                          {"milliseconds", required_argument, NULL, 's'},
                                          {0}};
    size_t tables = 1024, most = 1000000, milliseconds = 200;
    struct weir_soft_cache cache;
    struct weir_soft soft;
    struct weir_refusal why;
    int c;

    while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (c == '?')
            return 2;
        size_t n = number(optarg);
        tables = c == 't' ? n : tables;
        most = c == 'm' ? n : most;
        milliseconds = c == 's' ? n : milliseconds;
    }
    size_t len = weir_soft_cache_size(&PROVIDER, tables);
    void *memory = malloc(len);
    check(memory != NULL && weir_soft_init(&soft, &PROVIDER, &why) == WEIR_OK &&
              weir_soft_cache_init(&cache, &PROVIDER, memory, len, &why) == WEIR_OK,
          "no provider");
    printf("%s; the cache has %zu tables, %zu bytes\n\n", PROVIDER.name,
           weir_soft_cache_tables(&cache), len);
    puts("| key tables | connections | bytes of each | ns for a record sealed and opened | rate ÷ "
         "with one |\n|---|---:|---:|---:|---:|");
    sweep("of each", &soft.backend, most, (double)milliseconds * 1e6);
    sweep("in a cache", &cache.backend, most, (double)milliseconds * 1e6);
    free(memory);
    return 0;
}
