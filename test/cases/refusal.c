/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of refusals. */
#include "cases.h"

struct row {
    weir_refusal_code code;
    const char *name, *text;
};

static const struct row rows[] = {
#define WEIR_X(name, lower, text) {WEIR_REFUSAL_##name, lower, text},
    WEIR_REFUSAL_LIST(WEIR_X)
#undef WEIR_X
};
#define ROWS (sizeof rows / sizeof *rows)

static bool same(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

static void each_has_a_name_and_a_text(struct test *t)
{
    for (size_t i = 0; i < ROWS; i++) {
        t->at = i;
        CHECK_EQ(t, rows[i].code, i); /* numbers are stable: new ones come at the end */
        CHECK_STR(t, weir_refusal_name(rows[i].code), rows[i].name);
        CHECK_STR(t, weir_refusal_text(rows[i].code), rows[i].text);
        CHECK(t, rows[i].text[0] != '\0');
        for (const char *p = rows[i].name; *p != '\0'; p++)
            CHECK(t, (*p >= 'a' && *p <= 'z') || *p == '_');
        for (size_t j = 0; j < i; j++)
            CHECK(t, !same(rows[i].name, rows[j].name) && !same(rows[i].text, rows[j].text));
    }
}

static void unknown_numbers_have_a_text_too(struct test *t)
{
    CHECK_STR(t, weir_refusal_name((weir_refusal_code)ROWS), "?");
    CHECK_STR(t, weir_refusal_text((weir_refusal_code)ROWS), "?");
    CHECK_STR(t, weir_refusal_name((weir_refusal_code)255), "?");
}

static const struct test_case table[] = {
    CASE(each_has_a_name_and_a_text),
    CASE(unknown_numbers_have_a_text_too),
};
CASE_GROUP(refusal, table, TEST_ONCE);
