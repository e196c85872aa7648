/* SPDX-License-Identifier: BSD-2-Clause */
#include "kinds.h"

#include <string.h>

void kinds_add(struct kinds *kinds, const char *text)
{
    size_t i = 0;
    while (i < kinds->count && strcmp(kinds->text[i], text) != 0) {
        i++;
    }
    if (i == KINDS_MAX) {
        kinds->others++;
        return;
    }
    if (i == kinds->count) {
        (void)snprintf(kinds->text[i], KIND_LEN, "%s", text);
        kinds->count++;
    }
    kinds->times[i]++;
}

void kinds_print(const struct kinds *kinds, FILE *out)
{
    for (size_t i = 0; i < kinds->count; i++) {
        (void)fprintf(out, "%u %s\n", kinds->times[i], kinds->text[i]);
    }
    if (kinds->others > 0) {
        (void)fprintf(out, "%u others\n", kinds->others);
    }
}
