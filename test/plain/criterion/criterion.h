/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * Stands in for Criterion where Criterion cannot be used: it loads libgit2, and with it the
 * system's mbedTLS, which cannot share a process with another version of mbedTLS. The part of
 * Criterion's interface that the tests use, and no more. Every test runs in a process of its own.
 */
#ifndef WEIR_TEST_PLAIN_CRITERION_H
#define WEIR_TEST_PLAIN_CRITERION_H

#include <stdbool.h>
#include <string.h>

/** The parameters of a test that runs once with each. */
struct criterion_test_params {
    size_t size; /**< bytes of one */
    void *params;
    size_t length; /**< how many */
};

/** One test; registered before main. */
struct plain_test {
    const char *suite, *name;
    void (*run)(void *parameter);
    struct criterion_test_params (*parameters)(void); /**< NULL: runs once, without */
    struct plain_test *next;
};

void plain_register(struct plain_test *test);
/** Ends the test: failed. */
_Noreturn void plain_fail(const char *file, int line, const char *text, const char *format, ...);
/** Ends the test: skipped. */
_Noreturn void plain_skip(const char *format, ...);

/* Options behind the name (a time limit, for one) are not looked at. */
#define PLAIN_REGISTER(suite_, name_, parameters_)                                                 \
    __attribute__((constructor)) static void plain_register_##suite_##_##name_(void)               \
    {                                                                                              \
        static struct plain_test test = {#suite_, #name_, plain_call_##suite_##_##name_,           \
                                         parameters_, NULL};                                       \
        plain_register(&test);                                                                     \
    }

#define Test(suite_, name_, ...)                                                                   \
    static void plain_run_##suite_##_##name_(void);                                                \
    static void plain_call_##suite_##_##name_(void *parameter)                                     \
    {                                                                                              \
        (void)parameter;                                                                           \
        plain_run_##suite_##_##name_();                                                            \
    }                                                                                              \
    PLAIN_REGISTER(suite_, name_, NULL)                                                            \
    static void plain_run_##suite_##_##name_(void)

#define ParameterizedTestParameters(suite_, name_)                                                 \
    static struct criterion_test_params plain_parameters_##suite_##_##name_(void)

#define ParameterizedTest(parameter_, suite_, name_, ...)                                          \
    static void plain_run_##suite_##_##name_(parameter_);                                          \
    static void plain_call_##suite_##_##name_(void *parameter)                                     \
    {                                                                                              \
        plain_run_##suite_##_##name_(parameter);                                                   \
    }                                                                                              \
    PLAIN_REGISTER(suite_, name_, plain_parameters_##suite_##_##name_)                             \
    static void plain_run_##suite_##_##name_(parameter_)

#define cr_make_param_array(type_, array_, length_, ...)                                           \
    ((struct criterion_test_params){sizeof(type_), (void *)(array_), (length_)})

#define TestSuite(name_, ...) struct plain_suite_##name_

#define PLAIN_ASSERT(holds, text, ...)                                                             \
    ((holds) ? (void)0 : plain_fail(__FILE__, __LINE__, text, " " __VA_ARGS__))

#define cr_assert(condition, ...)   PLAIN_ASSERT((condition), #condition, __VA_ARGS__)
#define cr_assert_eq(a, b, ...)     PLAIN_ASSERT((a) == (b), #a " == " #b, __VA_ARGS__)
#define cr_assert_neq(a, b, ...)    PLAIN_ASSERT((a) != (b), #a " != " #b, __VA_ARGS__)
#define cr_assert_lt(a, b, ...)     PLAIN_ASSERT((a) < (b), #a " < " #b, __VA_ARGS__)
#define cr_assert_leq(a, b, ...)    PLAIN_ASSERT((a) <= (b), #a " <= " #b, __VA_ARGS__)
#define cr_assert_gt(a, b, ...)     PLAIN_ASSERT((a) > (b), #a " > " #b, __VA_ARGS__)
#define cr_assert_geq(a, b, ...)    PLAIN_ASSERT((a) >= (b), #a " >= " #b, __VA_ARGS__)
#define cr_assert_null(a, ...)      PLAIN_ASSERT((a) == NULL, #a " is NULL", __VA_ARGS__)
#define cr_assert_not_null(a, ...)  PLAIN_ASSERT((a) != NULL, #a " is not NULL", __VA_ARGS__)
#define cr_assert_str_eq(a, b, ...) PLAIN_ASSERT(!strcmp(a, b), #a " is " #b, __VA_ARGS__)
#define cr_assert_arr_eq(a, b, bytes, ...)                                                         \
    PLAIN_ASSERT(!memcmp(a, b, bytes), #a " is " #b, __VA_ARGS__)
#define cr_assert_fail(...) plain_fail(__FILE__, __LINE__, "fail", " " __VA_ARGS__)
#define cr_skip_test(...)   plain_skip(" " __VA_ARGS__)

#endif
