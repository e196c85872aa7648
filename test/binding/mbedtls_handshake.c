/* SPDX-License-Identifier: BSD-2-Clause */
#include "mbed.h"

#include <criterion/criterion.h>

Test(binding_mbedtls, first_light)
{
    struct mbed_pair p;

    mbed_open(&p, &(struct mbed_config){0});
    mbed_connect(&p);
    mbed_exchange(&p.wire, 100000);
    mbed_close(&p);
}

Test(binding_mbedtls, first_light13)
{
    struct mbed_pair p;

    if (!MBED_HAS_TLS13)
        cr_skip_test("this mbedTLS has no TLS 1.3");
    mbed_open(&p, &(struct mbed_config){.version = WEIR_TLS13, .tickets = true});
    mbed_connect(&p);
    mbed_exchange(&p.wire, 100000);
    mbed_close(&p);
}
