/* SPDX-License-Identifier: BSD-2-Clause */
/* What a target without an operating system supplies to runner_plain.c; here the host plays it. */
#include <stdio.h>

void test_putchar(char c);
const char *test_filter(void);

void test_putchar(char c)
{
    putchar(c);
    /* So that a crash hides no line. */
    if (c == '\n')
        fflush(stdout);
}

const char *test_filter(void)
{
    return "";
}
