/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One connection whose directions work on a thread each, against two processes that do nothing but
 * call the AEAD, all pinned likewise: one end seals records of 16384 bytes, the other opens some.
 *
 *     threads [--rounds N] [--milliseconds N]
 *
 * Prints bytes per second of CPU time, both ends together, of each round, and the median of their
 * ratios. Ends with 0 when that is at least 0.95.
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <weir/weir.h>
#ifdef WITH_IPSECMB
#include <weir/ipsecmb.h>
#define PROVIDER weir_aead_ipsecmb
#else
#include <weir/openssl.h>
#define PROVIDER weir_aead_openssl
#endif

#define LEN        16384u
#define RECORD     (LEN + 22u)
#define BATCH      16u
#define CTX_SIZE   4096u
#define MOST_ROUND 100u
#define BAR        0.95

/* Everything an end touches, on pages of its own. */
struct end {
    _Alignas(4096) struct weir_tx tx; /* what opens has its peer's here */
    struct weir_rx rx;
    uint8_t text[LEN + 1], wire[BATCH * RECORD];
    _Alignas(64) uint8_t ctx[CTX_SIZE], peer_ctx[CTX_SIZE];
    bool opens;
    double until, spent; /* seconds: when to end; CPU time of what is measured */
    uint64_t bytes;
    int cpu;
};

static struct end *ends[2]; /* the one that seals, the one that opens */
static struct weir_soft soft;

static void check(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "threads: %s\n", what);
        exit(1);
    }
}

static double clock_of(clockid_t id)
{
    struct timespec t;

    (void)clock_gettime(id, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double now(void)
{
    return clock_of(CLOCK_MONOTONIC);
}

static void stay_on(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    check(sched_setaffinity(0, sizeof set, &set) == 0, "no such processor");
}

/* Batches until it is time; what opens makes each batch first, and only opening is measured. */
static void work(struct end *e, void (*seal)(struct end *e), void (*open)(struct end *e))
{
    stay_on(e->cpu);
    e->spent = 0;
    e->bytes = 0;
    while (now() < e->until) {
        if (e->opens)
            seal(e);
        double start = clock_of(CLOCK_THREAD_CPUTIME_ID);
        if (e->opens)
            open(e);
        else
            seal(e);
        e->spent += clock_of(CLOCK_THREAD_CPUTIME_ID) - start;
        e->bytes += (uint64_t)BATCH * LEN;
    }
}

/* ---- The AEAD alone, a process for each end ---- */

typedef uint64_t wide __attribute__((vector_size(16)));

static void raw(struct end *e, weir_status (*call)(void *ctx, const struct weir_aead_op *op),
                bool in_place)
{
    static const uint8_t aad[5] = {23, 3, 3, 0, 0};
    struct weir_aead_op op = {.aad = {aad, sizeof aad}, .in_count = 1, .in_len = LEN + 1};

    for (uint64_t n = 0; n < BATCH; n++) {
        const wide nonce = {n, 0};
        uint8_t *at = e->wire + n * RECORD;
        const struct weir_iov in = {in_place ? at : e->text, LEN + 1};
        memcpy(op.nonce, &nonce, sizeof nonce);
        op.in = &in;
        op.out = at;
        op.tag = at + LEN + 1;
        check(call(e->ctx, &op) == WEIR_OK, "the provider");
    }
}

static void raw_seal(struct end *e)
{
    raw(e, PROVIDER.seal, false);
}

static void raw_open(struct end *e)
{
    raw(e, PROVIDER.open, true);
}

static void in_child(struct end *e, int out)
{
    static const uint8_t key[32] = {7};

    check(PROVIDER.init(e->ctx, WEIR_AES_128_GCM, key) == WEIR_OK, "no key");
    work(e, raw_seal, raw_open);
    double rate = (double)e->bytes / e->spent;
    _exit(write(out, &rate, sizeof rate) == sizeof rate ? 0 : 1);
}

static double two_processes(double seconds)
{
    int pipes[2];
    pid_t children[2];
    double sum = 0;

    check(pipe(pipes) == 0, "no pipe");
    for (int i = 0; i < 2; i++) {
        ends[i]->until = now() + seconds;
        children[i] = fork();
        check(children[i] >= 0, "no process");
        if (children[i] == 0)
            in_child(ends[i], pipes[1]);
    }
    for (int i = 0; i < 2; i++) {
        double rate = 0;
        check(read(pipes[0], &rate, sizeof rate) == sizeof rate, "a process failed");
        sum += rate;
    }
    for (int i = 0; i < 2; i++)
        (void)waitpid(children[i], NULL, 0);
    (void)close(pipes[0]);
    (void)close(pipes[1]);
    return sum;
}

/* ---- The two directions of a connection, a thread for each ---- */

static void weir_seal(struct end *e)
{
    const struct weir_iov in = {e->text, LEN};
    size_t at = 0;

    for (unsigned n = 0; n < BATCH; n++) {
        size_t taken = 0;
        size_t made = 0;
        check(weir_tx_seal(&e->tx, WEIR_TYPE_DATA, &in, 1, e->wire + at, sizeof e->wire - at,
                           &taken, &made) == WEIR_OK,
              "sealing");
        at += made;
    }
}

static void weir_open(struct end *e)
{
    struct weir_record records[BATCH];
    size_t used = 0;
    size_t count = 0;

    check(weir_rx_open(&e->rx, e->wire, sizeof e->wire, &used, records, BATCH, &count) == WEIR_OK &&
              count == BATCH,
          "opening");
}

static void *thread(void *arg)
{
    work(arg, weir_seal, weir_open);
    return NULL;
}

static struct weir_keys keys_of(uint8_t n)
{
    struct weir_keys keys = {.version = WEIR_TLS13, .suite = WEIR_TLS_AES_128_GCM_SHA256};

    memset(keys.key, n, sizeof keys.key);
    return keys;
}

static double two_threads(double seconds)
{
    struct weir_refusal why;
    struct weir_keys tx = keys_of(1);
    struct weir_keys rx = keys_of(2);
    struct weir_keys peer = keys_of(2);
    pthread_t threads[2];
    double sum = 0;

    check(weir_tx_init(&ends[0]->tx, &tx, &soft.backend, ends[0]->ctx, CTX_SIZE, &why) == WEIR_OK &&
              weir_rx_init(&ends[1]->rx, &rx, &soft.backend, ends[1]->ctx, CTX_SIZE, &why) ==
                  WEIR_OK &&
              weir_tx_init(&ends[1]->tx, &peer, &soft.backend, ends[1]->peer_ctx, CTX_SIZE, &why) ==
                  WEIR_OK,
          "taking the keys");
    for (int i = 0; i < 2; i++) {
        ends[i]->until = now() + seconds;
        check(pthread_create(&threads[i], NULL, thread, ends[i]) == 0, "no thread");
    }
    for (int i = 0; i < 2; i++) {
        (void)pthread_join(threads[i], NULL);
        sum += (double)ends[i]->bytes / ends[i]->spent;
        weir_tx_wipe(&ends[i]->tx);
    }
    weir_rx_wipe(&ends[1]->rx);
    return sum;
}

/* ---- */

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;

    return (x > y) - (x < y);
}

static size_t number(const char *text, unsigned long most)
{
    char *rest = NULL;
    unsigned long n = strtoul(text, &rest, 10);

    check(rest != text && *rest == 0 && n > 0 && n <= most, "not such a number");
    return n;
}

int main(int argc, char **argv)
{
    static const struct option known[] = {{"rounds", required_argument, NULL, 'r'},
                                          {"milliseconds", required_argument, NULL, 'm'},
                                          {0}};
    size_t rounds = 9, milliseconds = 60;
    double ratio[MOST_ROUND];
    struct weir_refusal why;
    cpu_set_t set;
    int c;

    while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (c == '?')
            return 2;
        size_t n = number(optarg, c == 'r' ? MOST_ROUND : 1000);
        rounds = c == 'r' ? n : rounds;
        milliseconds = c == 'm' ? n : milliseconds;
    }
    check(sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) >= 2,
          "this takes two processors");
    int cpu = 0;
    for (int i = 0; i < 2; i++, cpu++) {
        while (!CPU_ISSET((size_t)cpu, &set))
            cpu++;
        ends[i] = aligned_alloc(4096, sizeof *ends[i]);
        check(ends[i] != NULL, "no memory");
        memset(ends[i], 0, sizeof *ends[i]);
        ends[i]->cpu = cpu;
    }
    ends[1]->opens = true;
    check(weir_soft_init(&soft, &PROVIDER, &why) == WEIR_OK, "no provider");

    puts("| round | raw, GB/s | weir, GB/s | ratio |\n|---:|---:|---:|---:|");
    for (size_t i = 0; i < rounds; i++) {
        double alone = two_processes((double)milliseconds * 1e-3);
        double through = two_threads((double)milliseconds * 1e-3);
        ratio[i] = through / alone;
        printf("| %zu | %.2f | %.2f | %.3f |\n", i + 1, alone * 1e-9, through * 1e-9, ratio[i]);
    }
    qsort(ratio, rounds, sizeof ratio[0], by_value);
    printf("\nweir ÷ raw: %.3f (%.3f – %.3f), bar %.2f\n", ratio[rounds / 2], ratio[0],
           ratio[rounds - 1], BAR);
    free(ends[0]);
    free(ends[1]);
    return ratio[rounds / 2] >= BAR ? 0 : 1;
}
