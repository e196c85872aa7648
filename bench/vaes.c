/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Small messages side by side: libipsec-mb's own call for one after the other (raw_aead.h), and the
 * call for several of weir's provider on it, which takes four at a time where the processor has
 * VAES, VPCLMULQDQ and AVX-512.
 *
 *     vaes
 *
 * Nanoseconds of one message, the median of rounds in which both take turns, and raw ÷ side by
 * side; in place, where records lie. Lengths are those of TLS 1.2 and of TLS 1.3, which has a byte
 * more and less additional data. What both make is compared before anything is measured.
 */
#include "raw_aead.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <weir/ipsecmb.h>

#define GROUP  32u
#define MOST   256u
#define ROOM   ((size_t)24 * 1024) /* it all stays in the first-level cache */
#define ROUNDS 1001u

static uint8_t wire[ROOM], text[ROOM], other[ROOM];
static _Alignas(64) uint8_t ctx[4096];
static struct weir_aead_op ops[MOST];
static struct weir_iov in[MOST];
static _Alignas(16) uint8_t aad[MOST][16];

static void check(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "vaes: %s failed\n", what);
        exit(1);
    }
}

static double now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* `count` records of `len` bytes behind one another on the wire. */
static void lay_out(size_t count, size_t len)
{
    uint8_t *at = wire + 5;

    memcpy(wire, text, sizeof wire);
    for (size_t i = 0; i < count; i++) {
        in[i] = (struct weir_iov){at, len};
        ops[i] = (struct weir_aead_op){.nonce = {(uint8_t)i, 3, 1},
                                       .aad = {aad[i], len % 2 == 1 ? 5 : 13},
                                       .in = &in[i],
                                       .in_count = 1,
                                       .in_len = len,
                                       .out = at,
                                       .tag = at + len};
        at += len + 5 + WEIR_TAG_LEN;
    }
}

static void raw_all(size_t count, bool sealing)
{
    bool good = true;

    for (size_t i = 0; i < count; i++) {
        const struct weir_aead_op *op = &ops[i];
        const struct raw_op raw = {op->nonce,   op->aad.base, op->in->base, op->aad.len,
                                   op->in->len, op->out,      op->tag};
        good &= sealing ? raw_ipsecmb.seal(&raw) : raw_ipsecmb.open(&raw);
    }
    check(good, "the library");
}

/* `some` with a call. */
static void each_all(size_t count, size_t some, bool sealing)
{
    size_t good;

    for (size_t i = 0; i < count; i += some)
        check((sealing ? weir_aead_ipsecmb.seal_each(ctx, ops + i, some)
                       : weir_aead_ipsecmb.open_each(ctx, ops + i, some, &good)) == WEIR_OK,
              "the provider");
}

/* Both make the same and undo it. */
static void compare(size_t count, size_t some, size_t len)
{
    lay_out(count, len);
    raw_all(count, true);
    memcpy(other, wire, sizeof wire);
    lay_out(count, len);
    each_all(count, some, true);
    check(memcmp(wire, other, sizeof wire) == 0, "sealing as the library does");
    each_all(count, some, false);
    for (size_t i = 0; i < count; i++)
        check(memcmp(ops[i].out, text + (ops[i].out - wire), len) == 0, "opening");
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

enum { RAW_SEAL, RAW_OPEN, EACH_SEAL, EACH_OPEN, CLOCK, KINDS };

/* All messages are sealed, and then opened, `some` with a call where that is the way. */
static void measure(size_t len, size_t some)
{
    static double ns[KINDS][ROUNDS];
    double median[KINDS];
    size_t count = ROOM / (len + 5 + WEIR_TAG_LEN) / GROUP * GROUP;

    count = count < MOST ? count : MOST;
    compare(count, some, len);
    lay_out(count, len);
    for (unsigned r = 0; r < ROUNDS; r++) {
        double at[KINDS + 1];

        at[RAW_SEAL] = now_ns();
        raw_all(count, true);
        at[RAW_OPEN] = now_ns();
        raw_all(count, false);
        at[EACH_SEAL] = now_ns();
        each_all(count, some, true);
        at[EACH_OPEN] = now_ns();
        each_all(count, some, false);
        at[CLOCK] = now_ns();
        at[KINDS] = now_ns();
        for (int k = 0; k < KINDS; k++)
            ns[k][r] = at[k + 1] - at[k];
    }
    for (int k = 0; k < KINDS; k++) {
        qsort(ns[k], ROUNDS, sizeof ns[k][0], by_value);
        median[k] = ns[k][ROUNDS / 2];
    }
    for (int k = 0; k < CLOCK; k++)
        median[k] = (median[k] - median[CLOCK]) / (double)count;
    printf("| %zu | %zu | %.1f | %.1f | %.2f | %.1f | %.1f | %.2f |\n", len, some, median[RAW_SEAL],
           median[EACH_SEAL], median[RAW_SEAL] / median[EACH_SEAL], median[RAW_OPEN],
           median[EACH_OPEN], median[RAW_OPEN] / median[EACH_OPEN]);
    (void)fflush(stdout);
}

static void with_key(weir_alg alg, const char *name)
{
    static const size_t lens[] = {64, 65, 128, 129, 256, 257, 512, 513};
    static const size_t some[] = {16, 8, 4};
    uint8_t key[WEIR_MAX_KEY] = {7, 1, 9};

    check(raw_ipsecmb.start(alg, key) && weir_aead_ipsecmb.init(ctx, alg, key) == WEIR_OK,
          "taking the key");
    printf("\n%s\n\n| bytes | with a call | raw seal | seal | ratio | raw open | open | ratio |\n"
           "|---:|---:|---:|---:|---:|---:|---:|---:|\n",
           name);
    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++)
        for (size_t j = 0; j < sizeof some / sizeof *some; j++)
            measure(lens[i], some[j]);
    weir_aead_ipsecmb.wipe(ctx);
    raw_ipsecmb.end();
}

int main(void)
{
    struct weir_refusal why;

    check(weir_ipsecmb_usable(&why) && weir_aead_ipsecmb.ctx_size <= sizeof ctx, "starting");
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)(i * 131 + i / 256);
    memset(aad, 23, sizeof aad);
    with_key(WEIR_AES_128_GCM, "AES-128-GCM");
    with_key(WEIR_AES_256_GCM, "AES-256-GCM");
    return 0;
}
