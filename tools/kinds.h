/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counts equal lines: a host may have many connections, of a few kinds.
 */
#ifndef WEIR_TOOLS_KINDS_H
#define WEIR_TOOLS_KINDS_H

#include <stddef.h>
#include <stdio.h>

enum { KINDS_MAX = 64, KIND_LEN = 160 };
struct kinds {
    char text[KINDS_MAX][KIND_LEN];
    unsigned times[KINDS_MAX];
    size_t count;
    unsigned others; /* that found no room */
};

void kinds_add(struct kinds *kinds, const char *text);
/* "TIMES TEXT", a line each; then "NUMBER others" if there are any. */
void kinds_print(const struct kinds *kinds, FILE *out);

#endif
