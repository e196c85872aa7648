/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a suite of cases under Criterion: every case is a test of its own, in a process of its own,
 * so a crash in one is told as such and hides no other.
 */
#include "runner.h"

#include <criterion/criterion.h>

struct text {
    struct test_sink sink;
    size_t len;
    char bytes[4096];
};

static void append(struct test_sink *sink, char c)
{
    struct text *text = (struct text *)(void *)sink;

    if (text->len + 1 < sizeof(text->bytes))
        text->bytes[text->len++] = c;
}

static void run(size_t number)
{
    struct text text = {.sink = {append}};
    struct test_point point;
    static struct test t;

    cr_assert(test_point_at(number, &point), "no case %zu", number);
    test_point_run(&point, &t);
    if (t.skipped)
        cr_skip_test("%s", t.skipped);
    test_print_failures(&text.sink, &t, "");
    cr_assert(test_passed(&t), "%s", text.bytes);
}

#define WEIR_X(number, suite, name)                                                                \
    Test(suite, name)                                                                              \
    {                                                                                              \
        run(number);                                                                               \
    }
/* Written by runner_plain.c from the tables (see meson.build). */
#include CRITERION_LIST
#undef WEIR_X
