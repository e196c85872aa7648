/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * The frame of tests that travel: bodies in plain C that run under Criterion on the host and under
 * runner_plain.c on a target without an operating system. A body may use weir, this header and
 * memcpy, memmove, memset and memcmp; nothing else of libc.
 *
 * A file of cases is one group:
 *
 *     #include "cases.h"
 *
 *     static void ok_has_no_alert(struct test *t)
 *     {
 *         CHECK_EQ(t, weir_status_alert(WEIR_OK), WEIR_ALERT_NONE);
 *     }
 *
 *     static const struct test_case table[] = {
 *         CASE(ok_has_no_alert),
 *     };
 *     CASE_GROUP(status, table, TEST_ONCE);
 *
 * and its name stands in the list of a suite: `unit_groups` in test/cases/meson.build, or
 * `vectors_groups`. A failed check is recorded with file, line and values; CHECK goes on after it,
 * REQUIRE returns from the function it stands in. A case that checks nothing fails.
 */
#ifndef WEIR_TEST_CASES_H
#define WEIR_TEST_CASES_H

#include <string.h>
#include <weir/weir.h>

/** Failures of one case that are kept with their details; the rest is only counted. */
#define TEST_MAX_FAILURES 8u

enum test_values { TEST_VALUES_NONE, TEST_VALUES_NUMBERS, TEST_VALUES_STATUS };

/** One failed check. */
struct test_failure {
    const char *file, *text;
    uint32_t line;
    enum test_values values;
    uint64_t got, wanted;
    uint64_t at; /**< struct test's `at`, when the check failed */
};

/** One case while it runs: what it is given and what it has found. */
struct test {
    const struct weir_aead *aead; /**< the provider under test in TEST_EACH_AEAD, else NULL */
    const struct weir_kdf *kdf;   /**< the provider under test in TEST_EACH_KDF, else NULL */
    /** Where a loop stands (index, length, flipped bit …), free to set; shown with a failure. */
    uint64_t at;
    uint32_t checks, failed;
    const char *skipped; /**< the reason, or NULL */
    struct test_failure failures[TEST_MAX_FAILURES];
};

/** One case. */
struct test_case {
    const char *name; /**< an identifier */
    void (*run)(struct test *t);
};

/** How often a group runs. */
enum test_for { TEST_ONCE, TEST_EACH_AEAD, TEST_EACH_KDF };

/** The cases of one file. */
struct test_group {
    const char *name; /**< an identifier */
    const struct test_case *cases;
    size_t count;
    enum test_for each;
};

/** A row of the table. */
#define CASE(function)                                                                             \
    {                                                                                              \
        .name = #function, .run = function                                                         \
    }

/** Makes the table of a file known under `group`. */
#define CASE_GROUP(group, table, each)                                                             \
    extern const struct test_group test_group_##group;                                             \
    const struct test_group test_group_##group = {#group, table, sizeof(table) / sizeof(*(table)), \
                                                  each}

/* The functions behind the macros; each returns whether the check held. */
bool test_check(struct test *t, bool holds, const char *file, uint32_t line, const char *text);
bool test_check_eq(struct test *t, uint64_t got, uint64_t wanted, enum test_values values,
                   const char *file, uint32_t line, const char *text);
bool test_check_mem(struct test *t, const void *got, const void *wanted, size_t len,
                    const char *file, uint32_t line, const char *text);
bool test_check_zero(struct test *t, const void *p, size_t len, const char *file, uint32_t line,
                     const char *text);
bool test_check_str(struct test *t, const char *got, const char *wanted, const char *file,
                    uint32_t line, const char *text);

/** The next 64 bits of a generator started from any `*state` (splitmix64): the same everywhere. */
uint64_t test_random(uint64_t *state);

/** Fills p[0..len) from test_random. */
void test_random_fill(uint64_t *state, void *p, size_t len);

#define TEST_HERE __FILE__, (uint32_t)__LINE__

/** `condition` holds. */
#define CHECK(t, condition) ((void)test_check(t, (condition), TEST_HERE, #condition))
/** Two numbers (or enums) are equal. */
#define CHECK_EQ(t, got, wanted)                                                                   \
    ((void)test_check_eq(t, (uint64_t)(got), (uint64_t)(wanted), TEST_VALUES_NUMBERS, TEST_HERE,   \
                         #got " == " #wanted))
/** A call answers this status. */
#define CHECK_STATUS(t, got, wanted)                                                               \
    ((void)test_check_eq(t, (uint64_t)(got), (uint64_t)(wanted), TEST_VALUES_STATUS, TEST_HERE,    \
                         #got " is " #wanted))
/** `len` bytes are equal; `got` of a failure is the first index that differs. */
#define CHECK_MEM(t, got, wanted, len)                                                             \
    ((void)test_check_mem(t, got, wanted, len, TEST_HERE, #got " == " #wanted " (bytes)"))
/** `len` bytes are all zero, as after a wipe; `got` of a failure is the first index that is not. */
#define CHECK_ZERO(t, p, len) ((void)test_check_zero(t, p, len, TEST_HERE, #p " is all zero"))
/** Two strings are equal. */
#define CHECK_STR(t, got, wanted)                                                                  \
    ((void)test_check_str(t, got, wanted, TEST_HERE, #got " is " #wanted))

/** As CHECK, CHECK_EQ, CHECK_STATUS; returns from the function when it does not hold. */
#define REQUIRE(t, condition)                                                                      \
    do {                                                                                           \
        if (!test_check(t, (condition), TEST_HERE, #condition))                                    \
            return;                                                                                \
    } while (0)
#define REQUIRE_EQ(t, got, wanted)                                                                 \
    do {                                                                                           \
        if (!test_check_eq(t, (uint64_t)(got), (uint64_t)(wanted), TEST_VALUES_NUMBERS, TEST_HERE, \
                           #got " == " #wanted))                                                   \
            return;                                                                                \
    } while (0)
#define REQUIRE_STATUS(t, got, wanted)                                                             \
    do {                                                                                           \
        if (!test_check_eq(t, (uint64_t)(got), (uint64_t)(wanted), TEST_VALUES_STATUS, TEST_HERE,  \
                           #got " is " #wanted))                                                   \
            return;                                                                                \
    } while (0)

/** Ends the case as skipped, with a reason for humans. Not after a check. */
#define SKIP(t, reason)                                                                            \
    do {                                                                                           \
        (t)->skipped = (reason);                                                                   \
        return;                                                                                    \
    } while (0)

#endif
