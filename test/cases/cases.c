/* SPDX-License-Identifier: BSD-2-Clause */
/* What the checks of cases.h do. */
#include "cases.h"

static bool record(struct test *t, bool holds, struct test_failure failure)
{
    t->checks++;
    if (holds)
        return true;
    if (t->failed < TEST_MAX_FAILURES) {
        failure.at = t->at;
        t->failures[t->failed] = failure;
    }
    t->failed++;
    return false;
}

bool test_check(struct test *t, bool holds, const char *file, uint32_t line, const char *text)
{
    return record(t, holds,
                  (struct test_failure){
                      .file = file, .line = line, .text = text, .values = TEST_VALUES_NONE});
}

bool test_check_eq(struct test *t, uint64_t got, uint64_t wanted, enum test_values values,
                   const char *file, uint32_t line, const char *text)
{
    return record(t, got == wanted,
                  (struct test_failure){.file = file,
                                        .line = line,
                                        .text = text,
                                        .values = values,
                                        .got = got,
                                        .wanted = wanted});
}

bool test_check_mem(struct test *t, const void *got, const void *wanted, size_t len,
                    const char *file, uint32_t line, const char *text)
{
    const uint8_t *a = got, *b = wanted;
    size_t same = 0;

    while (same < len && a[same] == b[same])
        same++;
    return test_check_eq(t, same, len, TEST_VALUES_NUMBERS, file, line, text);
}

bool test_check_zero(struct test *t, const void *p, size_t len, const char *file, uint32_t line,
                     const char *text)
{
    const uint8_t *bytes = p;
    size_t zeros = 0;

    while (zeros < len && bytes[zeros] == 0)
        zeros++;
    return test_check_eq(t, zeros, len, TEST_VALUES_NUMBERS, file, line, text);
}

bool test_check_str(struct test *t, const char *got, const char *wanted, const char *file,
                    uint32_t line, const char *text)
{
    bool same = got && wanted;

    for (size_t i = 0; same; i++) {
        same = got[i] == wanted[i];
        if (got[i] == '\0')
            break;
    }
    return test_check(t, same, file, line, text);
}

uint64_t test_random(uint64_t *state)
{
    /* splitmix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014. */
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void test_random_fill(uint64_t *state, void *p, size_t len)
{
    uint8_t *bytes = p;
    uint64_t word = 0;

    for (size_t i = 0; i < len; i++) {
        if (i % 8 == 0)
            word = test_random(state);
        bytes[i] = (uint8_t)(word >> 8 * (i % 8));
    }
}
