/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * examples/lwip-nic-offload over many seeds: lwIP with the card below it on one side, an ordinary
 * TLS peer on the other. lwIP is one per process, so each run is a process of its own.
 *
 *     sim-lwip [SEEDS [FIRST]]      300 seeds for each library and version unless said otherwise
 */
#include <run.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_SECONDS 30u /* that a run may take */
#define TRACE        64u /* bytes of a trace as text */

static unsigned failures;

static void say(bool good, const char *name, const char *why)
{
    printf(good ? "PASS %s\n" : "FAIL %s: %s\n", name, why);
    failures += !good;
}

/* Runs it in a process of its own. */
static void run_apart(const struct run_config *config, struct run_result *result)
{
    int ends[2], status = 0;

    *result = (struct run_result){.failed = "the run ended early"};
    (void)fflush(stdout);
    if (pipe(ends) != 0)
        abort();
    pid_t child = fork();
    if (child == 0) {
        (void)alarm(MOST_SECONDS);
        run(config, result);
        if (write(ends[1], result, sizeof *result) != (ssize_t)sizeof *result)
            abort();
        exit(0); /* so that leaks are looked for */
    }
    (void)close(ends[1]);
    if (child < 0 || read(ends[0], result, sizeof *result) != (ssize_t)sizeof *result)
        result->good = false;
    (void)close(ends[0]);
    if (child > 0 && (waitpid(child, &status, 0) != child || status != 0))
        result->good = false;
}

/* What many runs did together. */
static struct totals {
    uint64_t card, software, brought, rx, rx_decrypted, questions, confirmed, cut, bad, tx_keys,
        rx_keys, new_keys;
} totals;

static void add(const struct run_result *r)
{
    const struct driver_counts *d = &r->driver;

    totals.card += d->tx.tx_packets;
    totals.software += d->tx.tx_software;
    totals.brought += d->tx.tx_packets_ooo;
    totals.rx += d->rx.rx_packets;
    totals.rx_decrypted += d->rx.rx_decrypted_ok_packets;
    totals.questions += d->rx.rx_resync_ok;
    totals.confirmed += d->rx.rx_confirmed;
    totals.cut += d->cut;
    totals.bad += d->bad;
    totals.tx_keys += r->weir[WEIR_TX].rekeys;
    totals.new_keys += d->keys > 1 ? d->keys - 1 : 0;
    totals.rx_keys += r->weir[WEIR_RX].rekeys;
}

static void seeds(const struct tls_library *library, bool tls13, uint64_t first, uint64_t count)
{
    char name[64], why[300] = "";
    unsigned wrong = 0;

    for (uint64_t seed = first; seed < first + count; seed++) {
        const struct run_config config = run_draw(seed, library, tls13);
        struct run_result result;
        run_apart(&config, &result);
        add(&result);
        if (!result.good && wrong++ == 0)
            (void)snprintf(why, sizeof why, "seed %llu: %s", (unsigned long long)seed,
                           result.failed);
    }
    (void)snprintf(name, sizeof name, "%s TLS 1.%d, %llu seeds", library->name, tls13 ? 3 : 2,
                   (unsigned long long)count);
    say(wrong == 0, name, why);
}

/* The trace of a run in this program, started anew; false: it did not end well. */
static bool trace_anew(const char *self, size_t library, bool tls13, uint64_t seed,
                       char trace[TRACE])
{
    char numbers[2][24];
    int ends[2], status = 0;

    (void)snprintf(numbers[0], sizeof numbers[0], "%zu", library);
    (void)snprintf(numbers[1], sizeof numbers[1], "%llu", (unsigned long long)seed);
    if (pipe(ends) != 0)
        abort();
    pid_t child = fork();
    if (child == 0) {
        if (dup2(ends[1], STDOUT_FILENO) >= 0)
            (void)execl(self, self, "trace", numbers[0], tls13 ? "1" : "0", numbers[1], NULL);
        _exit(127);
    }
    (void)close(ends[1]);
    ssize_t got = read(ends[0], trace, TRACE - 1);
    trace[got > 0 ? got : 0] = 0;
    (void)close(ends[0]);
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

/*
 * Equal seeds, equal traces: every byte of every frame, and when it was sent. The second run is in
 * a program started anew, with its memory at other places.
 */
static bool repeats_one(const char *self, size_t library, bool tls13, uint64_t seed)
{
    const struct run_config config = run_draw(seed, tls_libraries[library], tls13);
    struct run_result once;
    char trace[TRACE], expected[TRACE];

    run_apart(&config, &once);
    (void)snprintf(expected, sizeof expected, "%016llx %llu\n", (unsigned long long)once.trace,
                   (unsigned long long)once.ticks);
    return trace_anew(self, library, tls13, seed, trace) && once.good &&
           strcmp(trace, expected) == 0;
}

static int print_trace(char **argv)
{
    const struct run_config config =
        run_draw(strtoull(argv[4], NULL, 10), tls_libraries[strtoul(argv[2], NULL, 10)],
                 strtoul(argv[3], NULL, 10) != 0);
    struct run_result result;

    run(&config, &result);
    printf("%016llx %llu\n", (unsigned long long)result.trace, (unsigned long long)result.ticks);
    return result.good ? 0 : 1;
}

static void repeats(const char *self, size_t library, bool tls13)
{
    char name[64];
    struct run_result one, other;
    unsigned differ = 0;

    for (uint64_t seed = 1; seed <= 5; seed++)
        differ += !repeats_one(self, library, tls13, seed);
    struct run_config config = run_draw(1, tls_libraries[library], tls13);
    run_apart(&config, &one);
    config.seed++;
    run_apart(&config, &other);
    (void)snprintf(name, sizeof name, "%s TLS 1.%d, equal seeds, equal traces",
                   tls_libraries[library]->name, tls13 ? 3 : 2);
    say(differ == 0 && one.trace != other.trace, name,
        differ > 0 ? "they differ" : "unequal seeds, too");
}

/* A bit that is wrong, and no checksum shows it: TLS has to, at whichever end it comes. */
static void damage(const struct tls_library *library)
{
    unsigned missed = 0;

    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct run_config config = run_draw(seed, library, library->tls13);
        struct run_result result;
        config.corrupt_past = 100000;
        run_apart(&config, &result);
        missed += result.good || strstr(result.failed, "early") != NULL;
    }
    say(missed == 0, "damage that no checksum shows ends the connection", "it went through");
}

/* Where nothing is lost, software has nothing to do. */
static void good_path(const struct tls_library *library)
{
    unsigned wrong = 0;

    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct run_config config = run_draw(seed, library, library->tls13);
        struct run_result r;
        config.loss = config.reorder = config.duplicate = config.corrupt = 0;
        config.mtu = config.key_updates = 0;
        config.slow = false;
        config.bytes = 400000; /* the card finds its place among the first packets */
        run_apart(&config, &r);
        wrong += !r.good || r.driver.tx.tx_software > 0 || r.driver.dropped > 0 ||
                 r.driver.tx.tx_packets_ooo > 1 ||
                 r.driver.rx.rx_decrypted_ok_packets * 10 < r.driver.rx.rx_packets * 9;
    }
    say(wrong == 0, "on a good path everything is the card's", "something was software's");
}

/* The card is taken away, earlier or later: the connection goes on without it. */
static void gone(const struct tls_library *library)
{
    unsigned wrong = 0;
    uint64_t software = 0;

    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct run_config config = run_draw(seed, library, library->tls13);
        struct run_result r;
        config.gone_after = 2 + seed * 2;
        run_apart(&config, &r);
        wrong += !r.good;
        software += r.driver.tx.tx_software;
    }
    say(wrong == 0 && software > 100, "without the card it goes on in software", "it did not");
}

static void shows_all(void)
{
    printf("NOTE sent: %llu segments by the card, %llu by software, brought to a place %llu times, "
           "%llu cut\n",
           (unsigned long long)totals.card, (unsigned long long)totals.software,
           (unsigned long long)totals.brought, (unsigned long long)totals.cut);
    printf("NOTE received: %llu packets, %llu decrypted, %llu questions to the card, %llu "
           "confirmed, %llu damaged\n",
           (unsigned long long)totals.rx, (unsigned long long)totals.rx_decrypted,
           (unsigned long long)totals.questions, (unsigned long long)totals.confirmed,
           (unsigned long long)totals.bad);
    printf("NOTE KeyUpdates: %llu of sending, %llu of receiving, with %llu new keys for the card\n",
           (unsigned long long)totals.tx_keys, (unsigned long long)totals.rx_keys,
           (unsigned long long)totals.new_keys);
    say(totals.card > totals.software && totals.software > 0 && totals.brought > 0 &&
            totals.rx_decrypted > 0 && totals.rx_decrypted < totals.rx && totals.questions > 0 &&
            totals.confirmed > 0 && totals.cut > 0 && totals.bad > 0 &&
            ((totals.tx_keys > 0 && totals.new_keys > 0) || !tls_libraries[0]->tls13),
        "every way was taken", "one was not");
}

int main(int argc, char **argv)
{
    const char *small = getenv("WEIR_TEST_SMALL");
    uint64_t count = small != NULL && strcmp(small, "1") == 0 ? 20 : 300, first = 1;

    if (argc == 5 && strcmp(argv[1], "trace") == 0)
        return print_trace(argv);
    if (argc > 1)
        count = strtoull(argv[1], NULL, 10);
    if (argc > 2)
        first = strtoull(argv[2], NULL, 10);
    for (size_t i = 0; tls_libraries[i] != NULL; i++) {
        for (int tls13 = 0; tls13 <= (tls_libraries[i]->tls13 ? 1 : 0); tls13++) {
            repeats(argv[0], i, tls13 != 0);
            seeds(tls_libraries[i], tls13 != 0, first, count);
        }
    }
    good_path(tls_libraries[0]);
    gone(tls_libraries[0]);
    damage(tls_libraries[0]);
    shows_all();
    return failures > 0;
}
