/* SPDX-License-Identifier: BSD-2-Clause */
/* The tables of a suite as one row of points; see runner.h. */
#include "runner.h"

/* Made by meson from suite_list.h.in: TEST_GROUPS(X), TEST_AEADS(X), TEST_KDFS(X). */
#include TEST_LIST

#define WEIR_X(name) extern const struct test_group test_group_##name;
TEST_GROUPS(WEIR_X)
#undef WEIR_X

#define WEIR_X(name) &name,
static const struct weir_aead *const aeads[] = {TEST_AEADS(WEIR_X) NULL};
static const struct weir_kdf *const kdfs[] = {TEST_KDFS(WEIR_X) NULL};
#undef WEIR_X

#define WEIR_X(name) &test_group_##name,
static const struct test_group *const groups[] = {TEST_GROUPS(WEIR_X)};
#undef WEIR_X

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static size_t rounds(const struct test_group *group)
{
    if (group->each == TEST_EACH_AEAD)
        return COUNT(aeads) - 1;
    if (group->each == TEST_EACH_KDF)
        return COUNT(kdfs) - 1;
    return 1;
}

bool test_point_at(size_t number, struct test_point *point)
{
    for (size_t g = 0; g < COUNT(groups); g++) {
        const struct test_group *group = groups[g];
        size_t round;

        if (number >= group->count * rounds(group)) {
            number -= group->count * rounds(group);
            continue;
        }
        round = number / group->count;
        point->group = group;
        point->test = &group->cases[number % group->count];
        point->aead = group->each == TEST_EACH_AEAD ? aeads[round] : NULL;
        point->kdf = group->each == TEST_EACH_KDF ? kdfs[round] : NULL;
        return true;
    }
    return false;
}

void test_point_run(const struct test_point *point, struct test *t)
{
    memset(t, 0, sizeof(*t));
    t->aead = point->aead;
    t->kdf = point->kdf;
    point->test->run(t);
}

bool test_passed(const struct test *t)
{
    return t->checks > 0 && t->failed == 0;
}

void test_print(struct test_sink *sink, const char *text)
{
    for (; *text; text++)
        sink->put(sink, *text);
}

void test_print_number(struct test_sink *sink, uint64_t number, unsigned base)
{
    char digits[64];
    size_t count = 0;

    do {
        digits[count++] = "0123456789abcdef"[number % base];
        number /= base;
    } while (number > 0);
    while (count > 0)
        sink->put(sink, digits[--count]);
}

static void print_identifier(struct test_sink *sink, const char *name)
{
    for (; *name; name++) {
        bool plain = (*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') ||
                     (*name >= '0' && *name <= '9');

        sink->put(sink, plain ? *name : '_');
    }
}

void test_print_suite(struct test_sink *sink, const struct test_point *point)
{
    print_identifier(sink, point->group->name);
    if (point->aead) {
        sink->put(sink, '_');
        print_identifier(sink, point->aead->name);
    }
    if (point->kdf) {
        sink->put(sink, '_');
        print_identifier(sink, point->kdf->name);
    }
}

static void print_value(struct test_sink *sink, uint64_t value, enum test_values values)
{
    if (values == TEST_VALUES_STATUS) {
        test_print(sink, weir_status_name((weir_status)(int64_t)value));
        return;
    }
    test_print_number(sink, value, 10);
    test_print(sink, " (0x");
    test_print_number(sink, value, 16);
    test_print(sink, ")");
}

static void print_failure(struct test_sink *sink, const struct test_failure *failure)
{
    test_print(sink, failure->file);
    test_print(sink, ":");
    test_print_number(sink, failure->line, 10);
    test_print(sink, ": ");
    test_print(sink, failure->text);
    if (failure->values != TEST_VALUES_NONE) {
        test_print(sink, ": got ");
        print_value(sink, failure->got, failure->values);
        test_print(sink, ", wanted ");
        print_value(sink, failure->wanted, failure->values);
    }
    test_print(sink, ", at ");
    test_print_number(sink, failure->at, 10);
}

void test_print_failures(struct test_sink *sink, const struct test *t, const char *prefix)
{
    if (t->checks == 0) {
        test_print(sink, prefix);
        test_print(sink, "the case checked nothing\n");
    }
    for (uint32_t i = 0; i < t->failed && i < TEST_MAX_FAILURES; i++) {
        test_print(sink, prefix);
        print_failure(sink, &t->failures[i]);
        test_print(sink, "\n");
    }
    if (t->failed > TEST_MAX_FAILURES) {
        test_print(sink, prefix);
        test_print(sink, "and ");
        test_print_number(sink, t->failed - TEST_MAX_FAILURES, 10);
        test_print(sink, " more\n");
    }
}
