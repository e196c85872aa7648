/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Record layers side by side: a client and a server of each TLS library in this process, joined by
 * memory, the libraries taking turns within every round.
 *
 *     peers [--rounds N] [--milliseconds N] [--cipher aes-128-gcm|aes-256-gcm|chacha20-poly1305]
 *           [--tls 1.2|1.3] [--size BYTES]...|--memory
 *
 * Prints JSON: nanoseconds of CPU time per record, of each round; with --memory, bytes that a
 * server has of a connection that waits, by what malloc has given (glibc).
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#ifdef PEERS_BORINGSSL
#include <dlfcn.h>
#endif

#include "peer.h"

#define BATCH_BYTES ((size_t)128 * 1024)
#define MOST_BATCH  512u
#define LEAST_BATCH 8u
#define MOST_SIZES  16
#define SEEN        32u
#define CONNECTIONS 10u

static const struct peer *const linked[] = {
    &peer_weir,    &peer_openssl,
#ifdef PEER_GNUTLS
    &peer_gnutls,
#endif
#ifdef PEER_MBEDTLS
    &peer_mbedtls,
#endif
#ifdef PEER_BEARSSL
    &peer_bearssl,
#endif
#ifdef PEER_WOLFSSL
    &peer_wolfssl,
#endif
#ifdef PEER_RUSTLS
    &peer_rustls,
#endif
#ifdef PEER_NSS
    &peer_nss,
#endif
#ifdef PEER_BOTAN
    &peer_botan,
#endif
};
#define LINKED (sizeof linked / sizeof linked[0])

/* Who takes part. */
struct roster {
    const struct peer *peers[LINKED + 1];
    size_t count;
};

struct options {
    int rounds;
    double round_ns;
    enum cipher cipher;
    bool tls13, memory;
    size_t sizes[MOST_SIZES];
    size_t size_count;
};

/* ---- Measuring ---- */

/* Of this thread, so that other programs on the machine disturb less. */
static double now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* A library in the middle of a measurement. */
struct turn {
    const struct peer *peer;
    void *self;
    struct wire up, down;
    uint8_t *room;
};

static uint8_t *text_of(size_t len)
{
    uint8_t *text = malloc(len);

    check(text != NULL, "no memory", "peers");
    for (size_t i = 0; i < len; i++)
        text[i] = (uint8_t)(i * 7 + 1);
    return text;
}

/* One round: nanoseconds per record to seal and to open. */
static void run(struct turn *turn, const uint8_t *text, size_t len, double spent_ns, double ns[2])
{
    size_t batch = BATCH_BYTES / len;
    size_t records = 0;

    batch = batch > MOST_BATCH ? MOST_BATCH : batch < LEAST_BATCH ? LEAST_BATCH : batch;
    ns[0] = ns[1] = 0;
    while (ns[0] < spent_ns || ns[1] < spent_ns) {
        turn->up.len = turn->up.taken = 0;
        memset(turn->room, 0, len < SEEN ? len : SEEN);
        double start = now_ns();
        check(turn->peer->seal(turn->self, text, len, batch), "cannot seal", turn->peer->name);
        double middle = now_ns();
        check(turn->peer->open(turn->self, turn->room, len, batch), "cannot open",
              turn->peer->name);
        ns[1] += now_ns() - middle;
        ns[0] += middle - start;
        records += batch;
        check(memcmp(turn->room, text, len < SEEN ? len : SEEN) == 0, "gives other bytes",
              turn->peer->name);
    }
    ns[0] /= (double)records;
    ns[1] /= (double)records;
}

static json_t *measure(struct turn *turns, size_t count, const struct options *options, size_t len)
{
    json_t *row = json_object();
    uint8_t *text = text_of(len);
    static const char *const names[2] = {"seal", "open"};

    for (int round = -1; round < options->rounds; round++) /* the first one warms up, shortly */
        for (size_t i = 0; i < count; i++) {
            double ns[2];
            if (turns[i].self == NULL)
                continue;
            run(&turns[i], text, len, round < 0 ? options->round_ns / 4 : options->round_ns, ns);
            for (int way = 0; way < 2 && round >= 0; way++) {
                json_t *mine = json_object_get(row, turns[i].peer->name);
                if (mine == NULL) {
                    json_object_set_new(row, turns[i].peer->name,
                                        json_pack("{s:[],s:[]}", names[0], names[1]));
                    mine = json_object_get(row, turns[i].peer->name);
                }
                json_array_append_new(json_object_get(mine, names[way]), json_real(ns[way]));
            }
        }
    free(text);
    return row;
}

static void begin(struct turn *turn, const struct peer *peer, const struct options *options,
                  const struct identity *identity, bool lean)
{
    *turn = (struct turn){.peer = peer};
    turn->up.bytes = malloc(WIRE_ROOM);
    turn->down.bytes = malloc(WIRE_ROOM);
    turn->room = malloc(16384);
    check(turn->up.bytes != NULL && turn->down.bytes != NULL && turn->room != NULL, "no memory",
          "peers");
    const struct setting setting = {.identity = identity,
                                    .tls13 = options->tls13,
                                    .cipher = options->cipher,
                                    .lean = lean,
                                    .up = &turn->up,
                                    .down = &turn->down};
    turn->self = peer->start(&setting);
}

static void end(struct turn *turn)
{
    if (turn->self != NULL)
        turn->peer->stop(turn->self);
    free(turn->up.bytes);
    free(turn->down.bytes);
    free(turn->room);
}

static json_t *measure_all(const struct roster *roster, const struct options *options)
{
    static struct identity identity;
    struct turn turns[LINKED + 1] = {{0}};
    json_t *versions = json_object();
    json_t *sizes = json_object();

    make_identity(&identity);
    for (size_t i = 0; i < roster->count; i++) {
        begin(&turns[i], roster->peers[i], options, &identity, false);
        if (turns[i].self != NULL)
            json_object_set_new(versions, roster->peers[i]->name,
                                json_string(roster->peers[i]->version()));
    }
    check(turns[0].self != NULL, "does not start", "weir");
    for (size_t i = 0; i < options->size_count; i++) {
        char name[24];
        (void)snprintf(name, sizeof name, "%zu", options->sizes[i]);
        json_object_set_new(sizes, name, measure(turns, roster->count, options, options->sizes[i]));
    }
    for (size_t i = 0; i < roster->count; i++)
        end(&turns[i]);
    return json_pack("{s:o,s:o}", "versions", versions, "ns", sizes);
}

/* ---- Memory of a connection ---- */

static size_t allocated(void)
{
#ifdef __GLIBC__
    const struct mallinfo2 now = mallinfo2();

    return now.uordblks + now.hblkhd;
#else
    return 0;
#endif
}

/* Bytes that a server frees with one of several connections, each after a record; 0: none. */
static size_t memory_of(const struct peer *peer, const struct options *options,
                        const struct identity *identity, bool lean)
{
    struct turn turns[CONNECTIONS];
    uint8_t *text = text_of(1024);
    size_t bytes = 0;

    for (size_t i = 0; i < CONNECTIONS; i++) {
        begin(&turns[i], peer, options, identity, lean);
        check(turns[i].self == NULL || (peer->seal(turns[i].self, text, 1024, 1) &&
                                        peer->open(turns[i].self, turns[i].room, 1024, 1)),
              "does not carry a record", peer->name);
    }
    for (size_t i = 0; i < CONNECTIONS; i++)
        if (turns[i].self != NULL) {
            const size_t before = allocated();
            const size_t own = peer->drop_server(turns[i].self);
            bytes += before - allocated() + own;
        }
    for (size_t i = 0; i < CONNECTIONS; i++)
        end(&turns[i]);
    free(text);
    return bytes / CONNECTIONS;
}

static json_t *memory_of_all(const struct roster *roster, const struct options *options)
{
    static struct identity identity;
    json_t *bytes = json_object();

    make_identity(&identity);
    for (size_t i = 0; i < roster->count; i++) {
        const struct peer *peer = roster->peers[i];
        const size_t usual = memory_of(peer, options, &identity, false);
        if (usual == 0)
            continue;
        json_t *mine = json_pack("{s:I}", "usual", (json_int_t)usual);
        if (peer->knows_lean)
            json_object_set_new(
                mine, "lean", json_integer((json_int_t)memory_of(peer, options, &identity, true)));
        json_object_set_new(bytes, peer->name, mine);
    }
    return json_pack("{s:o}", "bytes", bytes);
}

/* What a thread keeps of freed memory for itself counts as allocated; ask for none of it. */
static void without_thread_cache(char **argv)
{
    static const char name[] = "GLIBC_TUNABLES";

    if (getenv(name) != NULL)
        return;
    check(setenv(name, "glibc.malloc.tcache_count=0", 1) == 0, "no memory", "peers");
    (void)execv("/proc/self/exe", argv);
    check(false, "cannot start again", "peers");
}

/* ---- */

static const char *const cipher_names[CIPHERS] = {"aes-128-gcm", "aes-256-gcm",
                                                  "chacha20-poly1305"};

static long number(const char *text, long least, long most)
{
    char *end = NULL;
    long n = strtol(text, &end, 10);

    if (end == text || *end != 0 || n < least || n > most) {
        fprintf(stderr, "peers: %s is not %ld to %ld\n", text, least, most);
        exit(2);
    }
    return n;
}

static enum cipher cipher_named(const char *name)
{
    for (int i = 0; i < CIPHERS; i++)
        if (strcmp(name, cipher_names[i]) == 0)
            return (enum cipher)i;
    fprintf(stderr, "peers: no cipher %s\n", name);
    exit(2);
}

static void parse(struct options *options, int argc, char **argv)
{
    static const struct option known[] = {{"rounds", required_argument, NULL, 'r'},
                                          {"milliseconds", required_argument, NULL, 'm'},
                                          {"cipher", required_argument, NULL, 'c'},
                                          {"tls", required_argument, NULL, 't'},
                                          {"size", required_argument, NULL, 's'},
                                          {"memory", no_argument, NULL, 'b'},
                                          {0}};
    static const size_t usual[] = {16, 64, 256, 1400, 4096, 16384};
    int c;

    *options = (struct options){.rounds = 7, .round_ns = 20e6, .tls13 = true};
    while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (c == 'r')
            options->rounds = (int)number(optarg, 1, 1000);
        else if (c == 'm')
            options->round_ns = (double)number(optarg, 1, 10000) * 1e6;
        else if (c == 'c')
            options->cipher = cipher_named(optarg);
        else if (c == 't' && (strcmp(optarg, "1.2") == 0 || strcmp(optarg, "1.3") == 0))
            options->tls13 = strcmp(optarg, "1.3") == 0;
        else if (c == 'b')
            options->memory = true;
        else if (c == 's' && options->size_count < MOST_SIZES)
            options->sizes[options->size_count++] = (size_t)number(optarg, 1, 16384);
        else {
            fputs("usage: peers [--rounds N] [--milliseconds N] [--cipher NAME] [--tls 1.2|1.3] "
                  "[--size BYTES]...|--memory\n",
                  stderr);
            exit(2);
        }
    }
    if (options->size_count == 0) {
        memcpy(options->sizes, usual, sizeof usual);
        options->size_count = sizeof usual / sizeof usual[0];
    }
}

/* BoringSSL has OpenSSL's names, so it is loaded with a scope of its own. */
static void enlist(struct roster *roster)
{
    memcpy(roster->peers, linked, sizeof linked);
    roster->count = LINKED;
#ifdef PEERS_BORINGSSL
    void *module = dlopen(PEERS_BORINGSSL, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
    const struct peer *peer = module == NULL ? NULL : dlsym(module, BORINGSSL_SYMBOL);
    if (peer == NULL)
        fprintf(stderr, "peers: no BoringSSL: %s\n", dlerror());
    else
        roster->peers[roster->count++] = peer;
#endif
}

int main(int argc, char **argv)
{
    struct options options;
    struct roster roster;

    parse(&options, argc, argv);
    if (options.memory)
        without_thread_cache(argv);
    enlist(&roster);
    json_t *result =
        options.memory ? memory_of_all(&roster, &options) : measure_all(&roster, &options);
    json_object_set_new(result, "cipher", json_string(cipher_names[options.cipher]));
    json_object_set_new(result, "tls", json_string(options.tls13 ? "1.3" : "1.2"));
    json_dumpf(result, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(result);
    return 0;
}
