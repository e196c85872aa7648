/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The OpenSSL binding up to the hand-over: who can connect, where the keys stand, what is refused.
 */
#include "pair.h"

#include <criterion/criterion.h>

Test(binding, first_light)
{
    struct pair p;

    pair_open(&p, &(struct pair_config){0});
    pair_connect(&p);
    pair_exchange(&p, 100000);
    cr_assert_gt(p.log_lines, 0, "the application's key log callback is chained");
    pair_close(&p);
}
