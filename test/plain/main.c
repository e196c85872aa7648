/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs the tests of a program that was built with the stand-in for Criterion; TAP to stdout. */
#define _POSIX_C_SOURCE 200809L
#include "criterion/criterion.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define SKIPPED     77
#define MAX_SECONDS 120u

static struct plain_test *tests;
static FILE *reason; /* to the parent: why a test was skipped */

void plain_register(struct plain_test *test)
{
    struct plain_test **last = &tests;

    while (*last != NULL)
        last = &(*last)->next;
    *last = test;
}

void plain_fail(const char *file, int line, const char *text, const char *format, ...)
{
    va_list args;

    (void)fprintf(stderr, "%s:%d: %s:", file, line, text);
    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fputc('\n', stderr);
    exit(EXIT_FAILURE);
}

void plain_skip(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vfprintf(reason, format, args);
    va_end(args);
    exit(SKIPPED);
}

/* The status of the test's process; what it wrote as reason is in `why`. */
static int run(const struct plain_test *test, void *parameter, char *why, size_t len)
{
    int ends[2], status = -1;

    if (pipe(ends) != 0)
        return -1;
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(ends[0]);
        reason = fdopen(ends[1], "w");
        (void)alarm(MAX_SECONDS);
        test->run(parameter);
        exit(EXIT_SUCCESS);
    }
    (void)close(ends[1]);
    FILE *from = fdopen(ends[0], "r");
    if (from == NULL || fgets(why, (int)len, from) == NULL)
        why[0] = '\0';
    if (from != NULL)
        (void)fclose(from);
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return -1;
    return status;
}

/* How many of the two there were. */
struct count {
    unsigned tests, failed;
};

static void run_and_tell(const struct plain_test *test, void *parameter, struct count *count)
{
    char why[256];
    int status = run(test, parameter, why, sizeof why);
    bool skipped = WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED;
    bool good = skipped || (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS);

    count->failed += !good;
    printf("%sok %u - %s::%s%s%s\n", good ? "" : "not ", ++count->tests, test->suite, test->name,
           skipped ? " # SKIP" : "", skipped ? why : "");
}

int main(void)
{
    struct count count = {0, 0};

    for (const struct plain_test *test = tests; test != NULL; test = test->next) {
        struct criterion_test_params all = {0, NULL, 1};

        if (test->parameters != NULL)
            all = test->parameters();
        for (size_t i = 0; i < all.length; i++)
            run_and_tell(test, all.params == NULL ? NULL : (char *)all.params + i * all.size,
                         &count);
    }
    printf("1..%u\n", count.tests);
    return count.failed > 0 || count.tests == 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
