/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fuzz_broken(const char *file, int line, const char *promise)
{
    fprintf(stderr, "%s:%d: broken promise: %s\n", file, line, promise);
    abort();
}

uint8_t *fuzz_exact_copy(const uint8_t *data, size_t len)
{
    uint8_t *copy = malloc(len);

    /* malloc(0) may answer NULL; then any access at all is seen. */
    if (copy == NULL && len > 0)
        fuzz_broken(__FILE__, __LINE__, "memory for a copy");
    if (len > 0)
        memcpy(copy, data, len);
    return copy;
}

uint8_t fuzz_take8(struct fuzz_bytes *bytes)
{
    if (bytes->left == 0)
        return 0;
    bytes->left--;
    return *bytes->data++;
}

uint16_t fuzz_take16(struct fuzz_bytes *bytes)
{
    uint16_t high = fuzz_take8(bytes);

    return (uint16_t)(high << 8 | fuzz_take8(bytes));
}
