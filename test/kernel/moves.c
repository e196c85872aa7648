/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections that begin in software and move to the kernel in the middle of the stream, each
 * direction at a random point of its own, while data flows both ways. Everything else is random,
 * too: suite, role, sizes of writes and records, ways to send and to receive.
 */
#include "check.h"
#include "end.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { CONNECTIONS = 221, TOGETHER = 17, MOVES = 300 };

static struct tally {
    unsigned tx, rx, refused;
} * tally; /* shared by all cases */

struct run {
    uint64_t first, count;
};

static uint64_t mix(uint64_t *state)
{
    uint64_t x = *state += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* From 1 to 2^`bits`, small ones as often as large ones. */
static size_t some(uint64_t *state, unsigned bits)
{
    unsigned shift = (unsigned)(mix(state) % bits);
    return 1 + (size_t)(mix(state) & ((UINT64_C(2) << shift) - 1));
}

static void plan_one(uint64_t seed, struct end_plan *ours, struct peer *peer)
{
    uint64_t state = seed;
    *ours = (struct end_plan){
        .suite = &tls_suites[mix(&state) % TLS_SUITES],
        .server = mix(&state) % 2 == 0,
        .chunk = some(&state, 16),
        .how_send = (enum end_send)(mix(&state) % 4),
        .how_read = (enum end_read)(mix(&state) % 3),
        .place = {MOVING, MOVING},
        .end_last = seed % 8 != 0,
        .policy = WEIR_POLICY_ALL,
    };
    *peer = (struct peer){.chunk = some(&state, 14)};
    /* About as many records or writes, whatever their size. */
    ours->send = 1 + mix(&state) % (ours->chunk * 30 < 400000 ? ours->chunk * 30 : 400000);
    ours->expect = 1 + mix(&state) % (peer->chunk * 60 < 600000 ? peer->chunk * 60 : 600000);
    ours->move_at[WEIR_TX] = mix(&state) % ours->send;
    ours->move_at[WEIR_RX] = mix(&state) % ours->expect;
    peer->pause_at = mix(&state) % 2 == 0 ? ours->move_at[WEIR_RX] : 0;
}

static void play(const void *arg)
{
    static struct end e;
    const struct run *run = arg;
    for (uint64_t seed = run->first; seed < run->first + run->count; seed++) {
        struct end_plan ours;
        struct peer peer;
        plan_one(seed, &ours, &peer);
        check_context("connection %llu, %s, %s, TX moved at %llu of %llu, RX at %llu of %llu",
                      (unsigned long long)seed, ours.suite->name, ours.server ? "server" : "client",
                      (unsigned long long)ours.move_at[WEIR_TX], (unsigned long long)ours.send,
                      (unsigned long long)ours.move_at[WEIR_RX], (unsigned long long)ours.expect);
        end_open(&e, &ours, &peer);
        end_run(&e);
        end_close(&e);
        tally->tx += e.moved[WEIR_TX];
        tally->rx += e.moved[WEIR_RX];
        tally->refused += e.refused;
    }
}

static void enough(const void *arg)
{
    (void)arg;
    check_note("moved in mid-stream: %u sending and %u receiving directions of %d connections; %u "
               "came too late, and the rest ended before there was a record boundary to move at",
               tally->tx, tally->rx, CONNECTIONS, tally->refused);
    CHECK(tally->tx + tally->rx >= MOVES);
}

/*
 * An argument: "few", for one case of many; or a number: only that connection, as a failure tells
 * it.
 */
int main(int argc, char **argv)
{
    struct run run = {0, TOGETHER};
    tally = mmap(NULL, sizeof *tally, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (tally == MAP_FAILED) {
        return 1;
    }
    end_probe();
    tls_certificate();
    if (argc > 1 && strcmp(argv[1], "few") == 0) {
        check_case("connections that move", play, &run, 100);
        return check_result();
    }
    if (argc > 1) {
        run = (struct run){strtoull(argv[1], NULL, 10), 1};
        check_case("one connection", play, &run, 20);
        return check_result();
    }
    for (; run.first < CONNECTIONS; run.first += run.count) {
        char name[100];
        snprintf(name, sizeof name, "connections %u to %u", (unsigned)run.first,
                 (unsigned)(run.first + run.count - 1));
        check_case(name, play, &run, 60);
    }
    check_case("so many were moved", enough, NULL, 5);
    return check_result();
}
