/* SPDX-License-Identifier: BSD-2-Clause */
/* A build without insecure providers refuses one by name, and takes the others. */
#include <stdio.h>
#include <weir/soft.h>

#include "../backends/soft/aead_null.h"

int main(void)
{
    struct weir_aead sound = weir_aead_null;
    struct weir_refusal why;
    struct weir_soft soft;

    weir_status null = weir_soft_init(&soft, &weir_aead_null, &why);
    bool refused = null == WEIR_REFUSED && why.code == WEIR_REFUSAL_INSECURE &&
                   why.layer == WEIR_LAYER_PROVIDER && !why.transient;
    printf("%s insecure.refused\n", refused ? "PASS" : "FAIL");

    sound.flags = 0;
    bool taken = weir_soft_init(&soft, &sound, &why) == WEIR_OK && why.code == WEIR_REFUSAL_NONE;
    printf("%s insecure.others_taken\n", taken ? "PASS" : "FAIL");
    return refused && taken ? 0 : 1;
}
