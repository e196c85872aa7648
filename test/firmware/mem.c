/* SPDX-License-Identifier: BSD-2-Clause */
/* The four functions that weir takes from its surroundings, for images without a libc. */
#include <stdint.h>
#include <string.h>

/* A word at a time, where both lie alike: the cases of an image do little but move bytes. */
typedef uint32_t __attribute__((may_alias)) word;

void *memcpy(void *restrict to, const void *restrict from, size_t len)
{
    uint8_t *t = to;
    const uint8_t *f = from;

    if ((((uintptr_t)t | (uintptr_t)f) & (sizeof(word) - 1)) == 0) {
        for (; len >= sizeof(word); len -= sizeof(word)) {
            *(word *)(void *)t = *(const word *)(const void *)f;
            t += sizeof(word);
            f += sizeof(word);
        }
    }
    for (size_t i = 0; i < len; i++)
        t[i] = f[i];
    return to;
}

void *memmove(void *to, const void *from, size_t len)
{
    uint8_t *t = to;
    const uint8_t *f = from;

    if ((uintptr_t)t < (uintptr_t)f)
        return memcpy(to, from, len);
    while (len-- > 0)
        t[len] = f[len];
    return to;
}

void *memset(void *to, int byte, size_t len)
{
    uint8_t *t = to;

    if (((uintptr_t)t & (sizeof(word) - 1)) == 0) {
        for (; len >= sizeof(word); len -= sizeof(word), t += sizeof(word))
            *(word *)(void *)t = (uint8_t)byte * UINT32_C(0x01010101);
    }
    for (size_t i = 0; i < len; i++)
        t[i] = (uint8_t)byte;
    return to;
}

int memcmp(const void *a, const void *b, size_t len)
{
    const uint8_t *x = a, *y = b;

    for (size_t i = 0; i < len; i++) {
        if (x[i] != y[i])
            return x[i] < y[i] ? -1 : 1;
    }
    return 0;
}
