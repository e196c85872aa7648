/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * What the runners share: the tables of a suite laid out as one row of points, and the text of a
 * failure. No libc beyond mem*.
 */
#ifndef WEIR_TEST_RUNNER_H
#define WEIR_TEST_RUNNER_H

#include "cases/cases.h"

/** One case of one group, for one provider where the group asks for it. */
struct test_point {
    const struct test_group *group;
    const struct test_case *test;
    const struct weir_aead *aead;
    const struct weir_kdf *kdf;
};

/** Where text goes, a byte at a time. */
struct test_sink {
    void (*put)(struct test_sink *sink, char c);
};

/** The point of this number; false when there are no more. */
bool test_point_at(size_t number, struct test_point *point);

/** Runs a point; `t` holds what it found. */
void test_point_run(const struct test_point *point, struct test *t);

/** Whether it passed: something was checked and nothing failed. Not for skipped ones. */
bool test_passed(const struct test *t);

/** Writes `group` or `group_provider`, with only letters, digits and '_' in it. */
void test_print_suite(struct test_sink *sink, const struct test_point *point);

/** Writes the failures of a case, each line begun with `prefix`. */
void test_print_failures(struct test_sink *sink, const struct test *t, const char *prefix);

void test_print(struct test_sink *sink, const char *text);
void test_print_number(struct test_sink *sink, uint64_t number, unsigned base);

#endif
