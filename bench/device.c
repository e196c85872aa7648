/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the device engine (weir/mlx5_tx.h) costs the processor.
 *
 *     device [--rounds N] [--most FLOWS] [--bars no]
 *
 * First a segment that the processor encrypts, of a record of 16 KiB, against sealing that record
 * by the provider's own call: each provider, both key sizes, the cases taking turns within every
 * round. Then looking up a TCP sequence number (weir/seqmap.h) in 1, 10, … connections in turn,
 * and the bytes that a connection takes. All times are CPU time of this thread.
 *
 * Ends with 1 when a bar is missed by the provider that the command takes by itself; --bars no
 * shows them only.
 */
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <weir/mlx5_tx.h>
#include <weir/openssl.h>
#include <weir/weir.h>
#ifdef WITH_IPSECMB
#include <weir/ipsecmb.h>
#endif
#ifdef WITH_MBEDTLS
#include <weir/mbedtls.h>
#endif
#ifdef WITH_PORTABLE
#include <weir/portable.h>
#endif

#define CONTENT 16384u
#define RECORD  (CONTENT + 22u) /* header, inner type, tag */
#define SEGMENT 1448u
#define RECORDS 2u
#define ALIGN   64u
#define SLICE   500e3 /* nanoseconds that a case takes in a round */
#define MOST    101u  /* rounds */

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "device: %s\n", what);
    exit(2);
}

static void check(bool ok, const char *what)
{
    if (!ok)
        fail(what);
}

static double now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void *room(size_t len)
{
    void *p = aligned_alloc(ALIGN, (len + ALIGN - 1) / ALIGN * ALIGN + ALIGN);

    if (p == NULL)
        fail("no memory");
    memset(p, 0, len);
    return p;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, by_value);
    return values[count / 2];
}

/* ---- A connection whose segments are all software's ---- */

struct flow {
    struct weir_soft soft;
    struct weir_mlx5_tx_backend port;
    struct weir_tx tx;
    void *soft_ctx, *ctx;
    uint8_t plain[RECORDS * RECORD];
    uint32_t end; /* of what was framed, as a TCP sequence number */
};

static bool piece(void *user, uint32_t tcp_seq, uint32_t len, struct weir_mlx5_piece *piece)
{
    struct flow *f = user;

    *piece = (struct weir_mlx5_piece){.bytes = f->plain + tcp_seq, .len = len};
    return true;
}

static void make_port(struct flow *f, const struct weir_aead *aead, uint32_t checks)
{
    static const uint8_t check_key[16] = {7};
    const struct weir_mlx5_caps caps = {
        .can = WEIR_MLX5_CAN_KEYS | WEIR_MLX5_CAN_TX | WEIR_MLX5_CAN_TLS13_AES128 |
               WEIR_MLX5_CAN_TLS13_AES256,
        .sessions = 16,
    };
    /* One tag is remembered: records in turn find none, the same record again finds its own. */
    const struct weir_mlx5_tx_config config = {
        .caps = &caps,
        .pd = 1,
        .domain = 1,
        .mtu = 1500,
        .aead = aead,
        .runs = 16,
        .tags = 1,
        .checks = checks,
        .check_key = check_key,
    };
    struct weir_refusal why;

    check(weir_mlx5_tx_backend_init(&f->port, &config, &why) == WEIR_OK, "no port");
    f->ctx = room(f->port.backend.ctx_size);
}

/* There is no card: each command is answered by "done, its number is 1". */
static void move(struct flow *f)
{
    const struct weir_move move = {
        .backend = &f->port.backend,
        .ctx = f->ctx,
        .ctx_len = f->port.backend.ctx_size,
        .tcp_known = true,
    };
    struct weir_refusal why;
    weir_status status = weir_tx_offload(&f->tx, &move, &why);

    while (status == WEIR_PENDING) {
        const struct weir_cmd *command = weir_tx_command(&f->tx);
        const struct weir_done done = {.len = command->reply_len};
        uint8_t *reply = command->reply;

        memset(reply, 0, command->reply_len);
        reply[11] = 1;
        status = weir_tx_complete(&f->tx, &done, &why);
    }
    check(status == WEIR_OK, "moving");
}

static void frame(struct flow *f, uint8_t *out)
{
    static const uint8_t text[CONTENT] = {1, 2, 3};
    const struct weir_iov in = {text, CONTENT};
    size_t taken, made;

    check(weir_tx_seal(&f->tx, WEIR_TYPE_DATA, &in, 1, out, RECORD, &taken, &made) == WEIR_OK &&
              made == RECORD,
          "framing");
    f->end += RECORD;
}

static struct flow *flow_new(const struct weir_aead *aead, uint16_t suite, uint32_t checks)
{
    struct flow *f = room(sizeof *f);
    struct weir_keys keys = {.version = WEIR_TLS13, .suite = suite, .key = {9, 8, 7}};
    struct weir_refusal why;

    make_port(f, aead, checks);
    check(weir_soft_init(&f->soft, aead, &why) == WEIR_OK, "no provider");
    f->soft_ctx = room(f->soft.backend.ctx_size);
    check(weir_tx_init(&f->tx, &keys, &f->soft.backend, f->soft_ctx, f->soft.backend.ctx_size,
                       &why) == WEIR_OK,
          "taking the key");
    move(f);
    for (uint32_t i = 0; i < RECORDS; i++)
        frame(f, f->plain + f->end);
    return f;
}

static void flow_free(struct flow *f)
{
    const struct weir_cmd *command;

    weir_tx_wipe(&f->tx);
    while (weir_mlx5_tx_end(f->ctx, NULL, true, &command) == WEIR_PENDING) {
        const struct weir_done done = {.os_error = 0, .len = 16};

        memset(command->reply, 0, command->reply_len);
        weir_mlx5_tx_ended(f->ctx, &done);
    }
    free(f->soft_ctx);
    free(f->ctx);
    free(f);
}

/* ---- The cases ---- */

enum what { SEAL, PART, TAG_NEW, FRAME };

/* Of one record; `checked`: by the connection that checks its plaintext. */
static const struct one {
    const char *name;
    enum what what;
    uint32_t from;
    bool checked;
    double bar; /* most, relative to the first case; 0: none */
} cases[] = {
    {"whole record, sealed", SEAL, 0, false, 0},
    {"segment: the first, with the header", PART, 0, false, 1.0 / 6},
    {"segment: the second", PART, SEGMENT, false, 1.0 / 6},
    {"segment: in the middle", PART, 5 * SEGMENT, false, 1.0 / 6},
    {"segment: the eleventh, the last whole one", PART, 10 * SEGMENT, false, 1.0 / 6},
    {"segment: up to the tag", PART, RECORD - 16 - SEGMENT, false, 1.0 / 6},
    {"segment with the tag, the first time", TAG_NEW, RECORD - SEGMENT, false, 1.1},
    {"segment with the tag, later", PART, RECORD - SEGMENT, false, 1.0 / 6},
    {"record framed", FRAME, 0, false, 0},
    {"with checks: record framed", FRAME, 0, true, 0},
    {"with checks: segment in the middle, sent again", PART, 5 * SEGMENT, true, 0},
    {"with checks: with the tag, sent again, the first time", TAG_NEW, RECORD - SEGMENT, true, 0},
};
#define CASES (sizeof cases / sizeof *cases)
/* Segments without a byte of the tag: one offset must cost what another does. */
#define FROM      1u
#define TO        6u
#define ALIKE_BAR 1.2

struct bench {
    const struct weir_aead *aead;
    void *key; /* the provider's own, for sealing */
    struct flow *sent[2], *framed[2];
    uint8_t bounce[SEGMENT], scratch[WEIR_MLX5_TX_SCRATCH], wire[RECORD];
};

static void seal(struct bench *b, size_t n)
{
    const uint8_t header[5] = {23, 3, 3, (RECORD - 5) >> 8, (RECORD - 5) & 0xff};
    const struct weir_iov in = {b->sent[0]->plain + n % RECORDS * RECORD + 5, CONTENT + 1};
    const struct weir_aead_op op = {
        .aad = {header, sizeof header},
        .in = &in,
        .in_count = 1,
        .in_len = in.len,
        .out = b->wire + 5,
        .tag = b->wire + RECORD - 16,
    };

    check(b->aead->seal(b->key, &op) == WEIR_OK, "sealing");
}

static void part(struct bench *b, struct flow *f, uint32_t from)
{
    const struct weir_mlx5_stream stream = {piece, f};
    const struct weir_mlx5_segment segment = {.tcp_seq = from, .len = SEGMENT};
    const struct weir_mlx5_bounce bounce = {
        .bytes = b->bounce, .len = sizeof b->bounce, .scratch = b->scratch};
    struct weir_mlx5_sent sent;

    check(weir_mlx5_tx_xmit(f->ctx, &stream, &segment, NULL, &bounce, &sent) == WEIR_OK &&
              sent.way == WEIR_MLX5_SOFTWARE,
          "a segment");
}

static void turn(struct bench *b, const struct one *one, size_t n)
{
    switch (one->what) {
    case SEAL:
        seal(b, n);
        break;
    case PART:
        part(b, b->sent[one->checked], one->from);
        break;
    case TAG_NEW:
        part(b, b->sent[one->checked], one->from + (uint32_t)(n % RECORDS) * RECORD);
        break;
    case FRAME:
        frame(b->framed[one->checked], b->wire);
        check(weir_mlx5_tx_acked(b->framed[one->checked]->ctx, b->framed[one->checked]->end) ==
                  WEIR_OK,
              "acknowledging");
        break;
    }
}

static double time_of(struct bench *b, const struct one *one, size_t turns)
{
    turn(b, one, 1); /* the first of the loop is not what this one was, for TAG_NEW */
    double start = now_ns();

    for (size_t n = 0; n < turns; n++)
        turn(b, one, n);
    return (now_ns() - start) / (double)turns;
}

/* That the segments are those of the record, sealed: nothing is measured that is wrong. */
static void compare(struct bench *b)
{
    memcpy(b->wire, b->sent[0]->plain, 5);
    seal(b, 0);
    for (size_t i = 0; i < CASES; i++) {
        if (cases[i].what != PART && cases[i].what != TAG_NEW)
            continue;
        part(b, b->sent[cases[i].checked], cases[i].from);
        check(memcmp(b->bounce, b->wire + cases[i].from, SEGMENT) == 0, "a segment is wrong");
    }
}

/* ---- Rounds and bars ---- */

struct figures {
    double ns[CASES][MOST], ratio[CASES][MOST], alike[MOST];
};

static void measure(struct bench *b, struct figures *figures, size_t rounds)
{
    size_t turns[CASES];

    for (size_t i = 0; i < CASES; i++) {
        turns[i] = 1;
        for (double ns = 0; ns * (double)turns[i] < SLICE; turns[i] *= 2)
            ns = time_of(b, &cases[i], turns[i]);
    }
    for (size_t r = 0; r < rounds; r++) {
        double least = 0, most = 0;

        for (size_t i = 0; i < CASES; i++) {
            double ns = time_of(b, &cases[i], turns[i]);

            figures->ns[i][r] = ns;
            figures->ratio[i][r] = ns / figures->ns[0][r];
            if (i < FROM || i >= TO)
                continue;
            least = i == FROM || ns < least ? ns : least;
            most = i == FROM || ns > most ? ns : most;
        }
        figures->alike[r] = most / least;
    }
}

static bool report(const char *name, struct figures *figures, size_t rounds, bool barred)
{
    double alike = median(figures->alike, rounds);
    bool met = alike <= ALIKE_BAR;

    for (size_t i = 0; i < CASES; i++) {
        double ratio = median(figures->ratio[i], rounds);
        char bar[16] = "";

        if (barred && cases[i].bar > 0)
            (void)snprintf(bar, sizeof bar, "≤ %.3f", cases[i].bar);
        printf("| %s | %s | %.0f | %.3f | %.3f – %.3f | %s |\n", name, cases[i].name,
               median(figures->ns[i], rounds), ratio, figures->ratio[i][0],
               figures->ratio[i][rounds - 1], bar);
        met = met && (cases[i].bar <= 0 || ratio <= cases[i].bar);
    }
    printf("| %s | dearest ÷ cheapest segment without tag | | %.3f | %.3f – %.3f | %s |\n", name,
           alike, figures->alike[0], figures->alike[rounds - 1], barred ? "≤ 1.2" : "");
    (void)fflush(stdout);
    return met;
}

static bool one_provider(const struct weir_aead *aead, uint16_t suite, size_t rounds, bool barred)
{
    static const uint8_t key[WEIR_MAX_KEY] = {9, 8, 7};
    bool small = suite == WEIR_TLS_AES_128_GCM_SHA256;
    struct bench *b = room(sizeof *b);
    struct figures *figures = room(sizeof *figures);
    char name[64];

    (void)snprintf(name, sizeof name, "%s, %s", aead->name, small ? "128" : "256");
    b->aead = aead;
    b->key = room(aead->ctx_size);
    check(aead->init(b->key, small ? WEIR_AES_128_GCM : WEIR_AES_256_GCM, key) == WEIR_OK,
          "taking a key");
    for (unsigned i = 0; i < 2; i++) {
        b->sent[i] = flow_new(aead, suite, i * 4);
        b->framed[i] = flow_new(aead, suite, i * 4);
    }
    compare(b);
    measure(b, figures, rounds);
    bool met = report(name, figures, rounds, barred);
    for (unsigned i = 0; i < 2; i++) {
        flow_free(b->sent[i]);
        flow_free(b->framed[i]);
    }
    aead->wipe(b->key);
    free(b->key);
    free(b);
    free(figures);
    return met;
}

/* In the order in which the command takes the first that there is. */
static bool providers(size_t rounds)
{
    const struct weir_aead *known[4];
    size_t count = 0;
    bool met = true;
#ifdef WITH_IPSECMB
    struct weir_refusal why;

    if (weir_ipsecmb_usable(&why))
        known[count++] = &weir_aead_ipsecmb;
#endif
    known[count++] = &weir_aead_openssl;
#ifdef WITH_MBEDTLS
    known[count++] = &weir_aead_mbedtls;
#endif
#ifdef WITH_PORTABLE
    known[count++] = &weir_aead_portable;
#endif
    printf("A segment of %u bytes of a record with %u, TLS 1.3, against sealing the record by the "
           "provider's own call; medians of %zu rounds. The bars hold %s.\n\n",
           SEGMENT, CONTENT, rounds, known[0]->name);
    puts(
        "| provider, key | | ns | ÷ sealing | least – most | bar |\n|---|---|---:|---:|---:|---:|");
    for (size_t i = 0; i < count; i++) {
        bool a = one_provider(known[i], WEIR_TLS_AES_128_GCM_SHA256, rounds, i == 0);
        bool b = one_provider(known[i], WEIR_TLS_AES_256_GCM_SHA384, rounds, i == 0);

        met = met && (i > 0 || (a && b));
    }
    printf("\n%s: bars %s\n\n", known[0]->name, met ? "met" : "NOT MET");
    return met;
}

/* ---- Looking up ---- */

/* As many runs as there are changes of length: three records of each. */
static void fill(struct weir_seqmap *map, struct weir_seqmap_run *runs, uint32_t count)
{
    weir_seqmap_init(map, runs, count, 0);
    for (uint32_t i = 0; i < 3 * count; i++) {
        const struct weir_position at = {
            .seq = i, .tcp_known = true, .tcp_seq = map->end, .nonce_rule = WEIR_NONCE_IMPLICIT};

        check(weir_seqmap_add(map, &at, i / 3 % 2 == 0 ? RECORD : 1400) == WEIR_OK, "a record");
    }
    check(map->used == count, "runs");
}

static double lookup(size_t flows, uint32_t runs)
{
    struct weir_seqmap *maps = room(flows * sizeof *maps);
    struct weir_seqmap_run *memory = room(flows * runs * sizeof *memory);
    struct weir_seqmap_record record;
    size_t turns = 0, n = 0;
    uint64_t found = 0;
    uint32_t at = 0;

    for (size_t i = 0; i < flows; i++)
        fill(&maps[i], memory + i * runs, runs);
    const uint32_t end = maps[0].end;
    const size_t step = 7919 % flows; /* so that none lies beside the one before */
    const double start = now_ns();
    double spent = 0;
    while (spent < 50e6 || turns < 2 * flows) {
        for (unsigned i = 0; i < 4096; i++, turns++) {
            found += weir_seqmap_find(&maps[n], at, &record) == WEIR_SEQMAP_HELD;
            n += step;
            n = n < flows ? n : n - flows;
            at += 10007; /* another run each time */
            at = at < end ? at : at % end;
        }
        spent = now_ns() - start;
    }
    check(found == turns, "looking up");
    free(maps);
    free(memory);
    return spent / (double)turns;
}

static void lookups(size_t most)
{
    static const uint32_t runs[] = {1, 4, 16};

    puts("ns for a lookup (weir_seqmap_find), connections in turn; three records in each run.\n");
    printf("| connections | 1 run | 4 runs | 16 runs |\n|---:|---:|---:|---:|\n| bytes of each |");
    for (unsigned i = 0; i < 3; i++)
        printf(" %zu |", sizeof(struct weir_seqmap) + runs[i] * sizeof(struct weir_seqmap_run));
    putchar('\n');
    for (size_t flows = 1; flows <= most; flows *= 10) {
        printf("| %zu |", flows);
        for (unsigned i = 0; i < 3; i++)
            printf(" %.1f |", lookup(flows, runs[i]));
        putchar('\n');
        (void)fflush(stdout);
    }
    putchar('\n');
}

/* What a direction takes of memory, by settings. */
static void sizes(void)
{
    static const struct {
        uint32_t runs, tags, checks;
    } settings[] = {{4, 0, 0},  {16, 0, 0},  {64, 0, 0},    {16, 4, 0},
                    {16, 0, 4}, {64, 16, 0}, {64, 16, 256}, {1024, 256, 4096}};
    static const uint8_t check_key[16] = {7};
    const struct weir_mlx5_caps caps = {.can = ~(uint32_t)0, .sessions = 16};

    printf("Bytes of a direction (`backend.ctx_size`), provider openssl: two keys of the provider, "
           "%zu bytes each, are part of it.\n\n| runs | tags | checks | bytes |\n"
           "|---:|---:|---:|---:|\n",
           weir_aead_openssl.ctx_size);
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        const struct weir_mlx5_tx_config config = {
            .caps = &caps,
            .mtu = 1500,
            .aead = &weir_aead_openssl,
            .runs = settings[i].runs,
            .tags = settings[i].tags,
            .checks = settings[i].checks,
            .check_key = check_key,
        };
        struct weir_mlx5_tx_backend port;
        struct weir_refusal why;

        check(weir_mlx5_tx_backend_init(&port, &config, &why) == WEIR_OK, "no port");
        printf("| %u | %u | %u | %zu |\n", settings[i].runs, settings[i].tags, settings[i].checks,
               port.backend.ctx_size);
    }
}

int main(int argc, char **argv)
{
    static const struct option known[] = {{"rounds", required_argument, NULL, 'r'},
                                          {"most", required_argument, NULL, 'm'},
                                          {"bars", required_argument, NULL, 'b'},
                                          {0}};
    unsigned long rounds = 31, most = 1000000;
    bool bars = true;
    int c;

    while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (c == 'r')
            rounds = strtoul(optarg, NULL, 10);
        else if (c == 'm')
            most = strtoul(optarg, NULL, 10);
        else if (c == 'b' && strcmp(optarg, "no") == 0)
            bars = false;
        else
            return 2;
    }
    check(rounds > 0 && rounds <= MOST && most > 0 && most <= 10000000, "--rounds, --most");
    bool met = providers(rounds);
    lookups(most);
    sizes();
    return met || !bars ? 0 : 1;
}
