/* SPDX-License-Identifier: BSD-2-Clause */
/* Which record a TCP sequence number lies in. test/seqmap_long.c walks farther. */
#include "seqmap_walk.h"

static const struct weir_position at_zero = {.nonce_rule = WEIR_NONCE_IMPLICIT, .tcp_known = true};

/* Adds records of one length from a position on, which moves behind them. */
static weir_status add_some(struct weir_seqmap *map, struct weir_position *at, uint32_t len,
                            uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        weir_status status = weir_seqmap_add(map, at, len);
        if (status != WEIR_OK)
            return status;
        at->seq++;
        at->explicit_nonce += at->nonce_rule == WEIR_NONCE_SEQ;
        at->tcp_seq += len;
    }
    return WEIR_OK;
}

/* An empty map knows where its stream is. */
static void empty(struct test *t)
{
    struct weir_seqmap map;
    struct weir_seqmap_run run;
    struct weir_seqmap_record record;

    weir_seqmap_init(&map, &run, 1, 5);
    CHECK_EQ(t, weir_seqmap_start(&map), 5);
    CHECK_EQ(t, weir_seqmap_find(&map, 5, &record), WEIR_SEQMAP_AHEAD);
    CHECK_EQ(t, weir_seqmap_find(&map, 0x80000004u, &record), WEIR_SEQMAP_AHEAD);
    CHECK_EQ(t, weir_seqmap_find(&map, 0x80000005u, &record), WEIR_SEQMAP_PASSED);
    CHECK_EQ(t, weir_seqmap_find(&map, 4, &record), WEIR_SEQMAP_PASSED);
    CHECK_STATUS(t, weir_seqmap_trim(&map, 4), WEIR_OK);
    CHECK_STATUS(t, weir_seqmap_trim(&map, 5), WEIR_OK);
    CHECK_STATUS(t, weir_seqmap_trim(&map, 6), WEIR_E_MISUSE);
}

/* Every byte of some records, the wrap in the midst of one. */
static void every_byte(struct test *t)
{
    struct weir_seqmap map;
    struct weir_seqmap_run runs[3];
    struct weir_seqmap_record record = {0};
    struct weir_position at = at_zero;
    uint32_t right = 0;

    at.tcp_seq = 0u - 150;
    at.seq = at.explicit_nonce = 7;
    at.nonce_rule = WEIR_NONCE_SEQ;
    weir_seqmap_init(&map, runs, 3, at.tcp_seq);
    REQUIRE_STATUS(t, add_some(&map, &at, 100, 4), WEIR_OK);
    REQUIRE_STATUS(t, add_some(&map, &at, 21, 3), WEIR_OK);
    CHECK_EQ(t, map.used, 2);
    CHECK_EQ(t, weir_seqmap_find(&map, 0u - 151, &record), WEIR_SEQMAP_PASSED);
    CHECK_EQ(t, weir_seqmap_find(&map, 313, &record), WEIR_SEQMAP_AHEAD);
    for (uint32_t byte = 0; byte < 463; byte++) {
        uint32_t which = byte < 400 ? byte / 100 : 4 + (byte - 400) / 21;
        uint32_t start = byte < 400 ? which * 100 : 400 + (which - 4) * 21;

        t->at = byte;
        if (weir_seqmap_find(&map, byte - 150, &record) == WEIR_SEQMAP_HELD)
            right += record.number == 7 + which && record.explicit_nonce == 7 + which &&
                     record.tcp_seq == start - 150 && record.offset == byte - start &&
                     record.len == (which < 4 ? 100u : 21u) && record.epoch == 0 &&
                     record.nonce_rule == WEIR_NONCE_SEQ;
    }
    CHECK_EQ(t, right, 463);
}

static void trimmed_record_by_record(struct test *t)
{
    struct weir_seqmap map;
    struct weir_seqmap_run runs[2];
    struct weir_seqmap_record record = {0};
    struct weir_position at = at_zero;

    at.tcp_seq = 0u - 150;
    weir_seqmap_init(&map, runs, 2, at.tcp_seq);
    REQUIRE_STATUS(t, add_some(&map, &at, 100, 2), WEIR_OK);
    REQUIRE_STATUS(t, add_some(&map, &at, 50, 2), WEIR_OK);
    /* One byte of the second record is still missing to the peer. */
    CHECK_STATUS(t, weir_seqmap_trim(&map, 49), WEIR_OK);
    CHECK_EQ(t, weir_seqmap_start(&map), 0u - 50);
    CHECK_EQ(t, weir_seqmap_find(&map, 0u - 51, &record), WEIR_SEQMAP_PASSED);
    CHECK_EQ(t, weir_seqmap_find(&map, 0u - 50, &record), WEIR_SEQMAP_HELD);
    CHECK_EQ(t, record.number, 1);
    CHECK_EQ(t, map.used, 2);
    CHECK_STATUS(t, weir_seqmap_trim(&map, 50), WEIR_OK);
    CHECK_EQ(t, map.used, 1);
    CHECK_EQ(t, weir_seqmap_find(&map, 49, &record), WEIR_SEQMAP_PASSED);
    /* An acknowledgement that comes late. */
    CHECK_STATUS(t, weir_seqmap_trim(&map, 0u - 150), WEIR_OK);
    CHECK_EQ(t, weir_seqmap_start(&map), 50);
    CHECK_STATUS(t, weir_seqmap_trim(&map, 151), WEIR_E_MISUSE);
    CHECK_EQ(t, weir_seqmap_find(&map, 50, &record), WEIR_SEQMAP_HELD);
    CHECK_STATUS(t, weir_seqmap_trim(&map, 150), WEIR_OK);
    CHECK_EQ(t, map.used, 0);
    /* Empty, and still the same stream. */
    at.seq++;
    CHECK_STATUS(t, weir_seqmap_add(&map, &at, 50), WEIR_E_MISUSE);
    at.seq--;
    CHECK_STATUS(t, weir_seqmap_add(&map, &at, 50), WEIR_OK);
    CHECK_EQ(t, weir_seqmap_find(&map, 150, &record), WEIR_SEQMAP_HELD);
    CHECK_EQ(t, record.number, 4);
}

static void full_of_runs(struct test *t)
{
    struct weir_seqmap map, before;
    struct weir_seqmap_run runs[2], runs_before[2];
    struct weir_position at = at_zero;

    weir_seqmap_init(&map, runs, 0, 0);
    CHECK_STATUS(t, weir_seqmap_add(&map, &at, 100), WEIR_NEED_OUTPUT);

    memset(runs, 0, sizeof runs);
    weir_seqmap_init(&map, runs, 2, 0);
    REQUIRE_STATUS(t, add_some(&map, &at, 100, 1), WEIR_OK);
    REQUIRE_STATUS(t, add_some(&map, &at, 101, 1), WEIR_OK);
    before = map;
    memcpy(runs_before, runs, sizeof runs);
    CHECK_STATUS(t, weir_seqmap_add(&map, &at, 102), WEIR_NEED_OUTPUT);
    CHECK(t, map.used == before.used && map.first == before.first && map.end == before.end &&
                 map.next == before.next && map.epoch == before.epoch);
    CHECK_MEM(t, runs, runs_before, sizeof runs);
    /* A record as the last one needs no entry. */
    CHECK_STATUS(t, add_some(&map, &at, 101, 1), WEIR_OK);
    CHECK_STATUS(t, weir_seqmap_add(&map, &at, 102), WEIR_NEED_OUTPUT);
    CHECK_STATUS(t, weir_seqmap_trim(&map, 100), WEIR_OK);
    CHECK_STATUS(t, weir_seqmap_add(&map, &at, 102), WEIR_OK);
    CHECK_EQ(t, map.used, 2);
}

/* Half of all sequence numbers, in one run, from everywhere around the wrap. */
static void full_of_bytes(struct test *t)
{
    struct weir_seqmap map;
    struct weir_seqmap_run runs[2];
    struct weir_seqmap_record record = {0};
    struct weir_position at = at_zero;
    const uint32_t most = WEIR_SEQMAP_SPAN / WEIR_MAX_RECORD;
    const uint32_t left = WEIR_SEQMAP_SPAN - most * WEIR_MAX_RECORD;

    at.tcp_seq = 0xc0000000u;
    weir_seqmap_init(&map, runs, 2, at.tcp_seq);
    REQUIRE_STATUS(t, add_some(&map, &at, WEIR_MAX_RECORD, most + 1), WEIR_NEED_OUTPUT);
    CHECK_EQ(t, at.seq, most);
    REQUIRE(t, left >= WEIR_SEQMAP_LEAST && left < WEIR_MAX_RECORD);
    CHECK_STATUS(t, weir_seqmap_add(&map, &at, left + 1), WEIR_NEED_OUTPUT);
    CHECK_STATUS(t, add_some(&map, &at, left, 1), WEIR_OK);
    CHECK_EQ(t, weir_seqmap_find(&map, 0x3ffffffeu, &record), WEIR_SEQMAP_HELD);
    CHECK_EQ(t, record.number, most);
    CHECK_EQ(t, record.offset, left - 1);
    CHECK_EQ(t, weir_seqmap_find(&map, 0x3fffffffu, &record), WEIR_SEQMAP_AHEAD);
    CHECK_EQ(t, weir_seqmap_find(&map, 0x40000000u, &record), WEIR_SEQMAP_PASSED);
    CHECK_EQ(t, weir_seqmap_find(&map, 0xbfffffffu, &record), WEIR_SEQMAP_PASSED);
    CHECK_STATUS(t, weir_seqmap_trim(&map, 0x3fffffffu), WEIR_OK);
    CHECK_EQ(t, map.used, 0);
}

/* One thing wrong with each; what was right before stays so. */
static void wrong_records(struct test *t)
{
    static const struct weir_position right = {.seq = 9,
                                               .explicit_nonce = 9,
                                               .tcp_seq = 1000,
                                               .epoch = 3,
                                               .nonce_rule = WEIR_NONCE_SEQ,
                                               .tcp_known = true};
    struct weir_seqmap map;
    struct weir_seqmap_run runs[4];
    struct weir_position at = right, bad[13];

    weir_seqmap_init(&map, runs, 4, at.tcp_seq);
    REQUIRE_STATUS(t, add_some(&map, &at, 100, 2), WEIR_OK);
    for (size_t i = 0; i < 13; i++)
        bad[i] = at;
    bad[0].tcp_seq++;
    bad[1].tcp_seq--;
    bad[2].tcp_known = false;
    bad[3].unsure = 1;
    bad[4].seq = bad[4].explicit_nonce = at.seq + 1;
    bad[5].seq = bad[5].explicit_nonce = at.seq - 1;
    bad[6].epoch++;
    bad[7].epoch--;
    bad[8].seq = bad[8].explicit_nonce = 0;
    bad[9].explicit_nonce++;
    bad[10].nonce_rule = WEIR_NONCE_IMPLICIT;
    bad[11].nonce_rule = WEIR_NONCE_RANDOM + 1;
    bad[12].epoch = (uint16_t)(at.epoch + 2);
    bad[12].seq = bad[12].explicit_nonce = 0;
    for (size_t i = 0; i < 13; i++) {
        t->at = i;
        CHECK_STATUS(t, weir_seqmap_add(&map, &bad[i], 100), WEIR_E_MISUSE);
    }
    CHECK_STATUS(t, weir_seqmap_add(&map, &at, 0), WEIR_E_MISUSE);
    CHECK_STATUS(t, weir_seqmap_add(&map, &at, 20), WEIR_E_MISUSE);
    CHECK_STATUS(t, weir_seqmap_add(&map, &at, WEIR_MAX_RECORD + 1), WEIR_E_MISUSE);
    CHECK_STATUS(t, weir_seqmap_add(&map, &at, 100), WEIR_OK);
    CHECK_EQ(t, map.used, 1);
}

/* KeyUpdate: another run, though all lengths are one. */
static void key_changes(struct test *t)
{
    struct weir_seqmap map;
    struct weir_seqmap_run runs[3];
    struct weir_seqmap_record record = {0};
    struct weir_position at = at_zero;

    at.seq = UINT64_MAX - 1;
    at.epoch = UINT16_MAX - 1;
    weir_seqmap_init(&map, runs, 3, 0);
    REQUIRE_STATUS(t, add_some(&map, &at, 100, 2), WEIR_OK);
    /* The number has wrapped, the key has not changed. */
    CHECK_STATUS(t, weir_seqmap_add(&map, &at, 100), WEIR_E_MISUSE);
    at.epoch++;
    REQUIRE_STATUS(t, add_some(&map, &at, 100, 2), WEIR_OK);
    CHECK_EQ(t, map.used, 2);
    CHECK_EQ(t, weir_seqmap_find(&map, 199, &record), WEIR_SEQMAP_HELD);
    CHECK(t, record.number == UINT64_MAX && record.epoch == UINT16_MAX - 1);
    CHECK_EQ(t, weir_seqmap_find(&map, 200, &record), WEIR_SEQMAP_HELD);
    CHECK(t, record.number == 0 && record.epoch == UINT16_MAX);
    /* An epoch has no successor that is 0. */
    at.epoch = 0;
    at.seq = 0;
    CHECK_STATUS(t, weir_seqmap_add(&map, &at, 100), WEIR_E_MISUSE);
    weir_seqmap_restart(&map, at.tcp_seq);
    CHECK_STATUS(t, weir_seqmap_add(&map, &at, 100), WEIR_OK);
}

/* Which explicit nonces go into one run, and what each record then has. */
static void nonces(struct test *t)
{
    static const struct {
        uint8_t rule;
        uint64_t nonce[3];
        uint32_t runs;
    } rows[] = {
        {WEIR_NONCE_IMPLICIT, {0, 0, 0}, 1},
        {WEIR_NONCE_SEQ, {5, 6, 7}, 1},
        {WEIR_NONCE_COUNTER, {UINT64_MAX, 0, 1}, 1},
        {WEIR_NONCE_COUNTER, {70, 71, 73}, 2},
        {WEIR_NONCE_COUNTER, {70, 70, 70}, 3},
        {WEIR_NONCE_XOR, {0xf0 ^ 5, 0xf0 ^ 6, 0xf0 ^ 7}, 1},
        {WEIR_NONCE_XOR, {0xf0 ^ 5, 0xf0 ^ 6, 0xf1 ^ 7}, 2},
        {WEIR_NONCE_XOR, {0xf0 ^ 5, 0xf1 ^ 5, 0xf2 ^ 5}, 3},
        {WEIR_NONCE_RANDOM, {5, 6, 7}, 3},
        {WEIR_NONCE_RANDOM, {5, 5, 5}, 3},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct weir_seqmap map;
        struct weir_seqmap_run runs[3];
        struct weir_seqmap_record record = {0};
        struct weir_position at = {.seq = 5, .nonce_rule = rows[i].rule, .tcp_known = true};

        t->at = i;
        weir_seqmap_init(&map, runs, 3, 0);
        for (size_t k = 0; k < 3; k++) {
            at.explicit_nonce = rows[i].nonce[k];
            REQUIRE_STATUS(t, weir_seqmap_add(&map, &at, 100), WEIR_OK);
            at.seq++;
            at.tcp_seq += 100;
        }
        CHECK_EQ(t, map.used, rows[i].runs);
        for (uint32_t k = 0; k < 3; k++) {
            /* Once in the midst of its run, once as its first. */
            CHECK_EQ(t, weir_seqmap_find(&map, 200, &record), WEIR_SEQMAP_HELD);
            CHECK_EQ(t, record.explicit_nonce, rows[i].nonce[2]);
            CHECK_EQ(t, weir_seqmap_find(&map, 100 * k, &record), WEIR_SEQMAP_HELD);
            CHECK_EQ(t, record.explicit_nonce, rows[i].nonce[k]);
            CHECK_EQ(t, record.nonce_rule, rows[i].rule);
            CHECK_STATUS(t, weir_seqmap_trim(&map, 100 * (k + 1)), WEIR_OK);
        }
    }
}

/* Nonces that follow on each other, under another rule from the second record on. */
static void rule_changes(struct test *t)
{
    struct weir_seqmap map;
    struct weir_seqmap_run runs[2];
    struct weir_seqmap_record record = {0};
    struct weir_position at = {
        .seq = 5, .explicit_nonce = 5, .nonce_rule = WEIR_NONCE_SEQ, .tcp_known = true};

    weir_seqmap_init(&map, runs, 2, 0);
    REQUIRE_STATUS(t, add_some(&map, &at, 100, 1), WEIR_OK);
    at.nonce_rule = WEIR_NONCE_COUNTER;
    REQUIRE_STATUS(t, add_some(&map, &at, 100, 1), WEIR_OK);
    CHECK_EQ(t, map.used, 2);
    CHECK_EQ(t, weir_seqmap_find(&map, 99, &record), WEIR_SEQMAP_HELD);
    CHECK_EQ(t, record.nonce_rule, WEIR_NONCE_SEQ);
    CHECK_EQ(t, weir_seqmap_find(&map, 100, &record), WEIR_SEQMAP_HELD);
    CHECK_EQ(t, record.nonce_rule, WEIR_NONCE_COUNTER);
    CHECK_EQ(t, record.explicit_nonce, 6);
}

/* Many runs, of which each is found from both its ends, wherever the ring begins. */
static void ring(struct test *t)
{
    enum { RUNS = 7, ROUNDS = 40 };
    struct weir_seqmap map;
    struct weir_seqmap_run runs[RUNS];
    struct weir_seqmap_record record = {0};
    struct weir_position at = at_zero;
    uint32_t starts[ROUNDS], right = 0;

    at.tcp_seq = 0u - 3000;
    weir_seqmap_init(&map, runs, RUNS, at.tcp_seq);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        t->at = i;
        starts[i] = at.tcp_seq;
        if (i >= RUNS)
            CHECK_STATUS(t, weir_seqmap_add(&map, &at, 100 + i), WEIR_NEED_OUTPUT);
        if (i >= RUNS)
            CHECK_STATUS(t, weir_seqmap_trim(&map, starts[i - RUNS + 1]), WEIR_OK);
        REQUIRE_STATUS(t, add_some(&map, &at, 100 + i, 1), WEIR_OK);
        for (uint32_t k = i < RUNS ? 0 : i - RUNS + 1; k <= i; k++) {
            bool first = weir_seqmap_find(&map, starts[k], &record) == WEIR_SEQMAP_HELD &&
                         record.number == k && record.offset == 0;
            bool last = weir_seqmap_find(&map, starts[k] + 99 + k, &record) == WEIR_SEQMAP_HELD &&
                        record.number == k && record.offset == 99 + k;
            right += first && last;
        }
    }
    CHECK_EQ(t, right, 28 + (ROUNDS - RUNS) * RUNS);
}

static void walk(struct test *t)
{
    const uint64_t steps = 100000;
    struct seqmap_seen seen = seqmap_walk(t, 1, steps);

    CHECK_EQ(t, seen.steps, steps);
    CHECK(t, seen.added > steps / 10 && seen.merged > steps / 20 && seen.full > steps / 100);
    CHECK(t, seen.held > steps / 10 && seen.passed > steps / 100 && seen.ahead > steps / 100);
    CHECK(t, seen.trimmed > steps / 20 && seen.refused > steps / 100);
    CHECK(t, seen.wraps > 100 && seen.epochs > 100);
}

static const struct test_case table[] = {
    CASE(empty),        CASE(every_byte),    CASE(trimmed_record_by_record),
    CASE(full_of_runs), CASE(full_of_bytes), CASE(wrong_records),
    CASE(key_changes),  CASE(nonces),        CASE(rule_changes),
    CASE(ring),         CASE(walk),
};
CASE_GROUP(seqmap, table, TEST_ONCE);
