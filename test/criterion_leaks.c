/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Criterion runs every test in a process of its own and at times leaks a little in the one that
 * starts them. LeakSanitizer asks here whether to stay out: it does so in the starting process,
 * where no code of ours has run, and not in those of the tests.
 */
#include <stdlib.h>

int __lsan_is_turned_off(void);

int __lsan_is_turned_off(void)
{
    /* Set by BoxFort, with which Criterion starts the processes, in each of them. */
    return getenv("BXFI_MAP") == NULL;
}
