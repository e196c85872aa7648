/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a suite of cases without any runtime: for targets without an operating system, where the
 * target supplies test_putchar and test_filter and calls main; and on the host, where it also
 * writes the list that runner_criterion.c is built from. Output is TAP.
 *
 * On a host: runner [--list] [SUITE[.CASE]]
 */
#include "runner.h"

#if __STDC_HOSTED__
#include <stdio.h>

static void test_putchar(char c)
{
    putchar(c);
}
#else
/** Supplied by the target: one character to where a human or a machine reads it. */
void test_putchar(char c);
/** Supplied by the target: what the names of the cases to run begin with, "" for all. */
const char *test_filter(void);
int main(void);
#endif

static void put(struct test_sink *sink, char c)
{
    (void)sink;
    test_putchar(c);
}

static void print_point(struct test_sink *sink, const struct test_point *point)
{
    test_print_suite(sink, point);
    test_print(sink, ".");
    test_print(sink, point->test->name);
}

/* One TAP line; returns whether the case did not fail. */
static bool run(struct test_sink *sink, const struct test_point *point, size_t number)
{
    static struct test t;
    bool fine;

    test_point_run(point, &t);
    fine = t.skipped || test_passed(&t);
    test_print(sink, fine ? "ok " : "not ok ");
    test_print_number(sink, number, 10);
    test_print(sink, " - ");
    print_point(sink, point);
    if (t.skipped) {
        test_print(sink, " # SKIP ");
        test_print(sink, t.skipped);
    }
    test_print(sink, "\n");
    if (!fine)
        test_print_failures(sink, &t, "# ");
    return fine;
}

/* Names are compared through a sink, so that they are built in one place only. */
struct matcher {
    struct test_sink sink;
    const char *rest; /* what is still to be matched; NULL once it differs */
};

static void match(struct test_sink *sink, char c)
{
    struct matcher *matcher = (struct matcher *)(void *)sink;

    if (!matcher->rest || *matcher->rest == '\0')
        return;
    matcher->rest = *matcher->rest == c ? matcher->rest + 1 : NULL;
}

static bool wanted(const struct test_point *point, const char *filter)
{
    struct matcher matcher = {{match}, filter};

    print_point(&matcher.sink, point);
    return matcher.rest && *matcher.rest == '\0';
}

static int run_all(const char *filter)
{
    struct test_sink sink = {put};
    struct test_point point;
    size_t all = 0, count = 0, failed = 0;

    for (; test_point_at(all, &point); all++) {
        if (wanted(&point, filter) && !run(&sink, &point, ++count))
            failed++;
    }
    test_print(&sink, "1..");
    test_print_number(&sink, count, 10);
    test_print(&sink, "\n# ");
    test_print_number(&sink, count - failed, 10);
    test_print(&sink, " passed, ");
    test_print_number(&sink, failed, 10);
    test_print(&sink, " failed, of ");
    test_print_number(&sink, all, 10);
    test_print(&sink, "\n");
    return failed > 0 || count == 0;
}

#if __STDC_HOSTED__
/* WEIR_X(number, suite, case) for every point: the list that runner_criterion.c includes. */
static int list(void)
{
    struct test_sink sink = {put};
    struct test_point point;

    for (size_t i = 0; test_point_at(i, &point); i++) {
        test_print(&sink, "WEIR_X(");
        test_print_number(&sink, i, 10);
        test_print(&sink, ", ");
        test_print_suite(&sink, &point);
        test_print(&sink, ", ");
        test_print(&sink, point.test->name);
        test_print(&sink, ")\n");
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--list") == 0)
        return list();
    return run_all(argc > 1 ? argv[1] : "");
}
#else
int main(void)
{
    return run_all(test_filter());
}
#endif
