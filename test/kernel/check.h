/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cases of a program that runs in the guest. Each is a process of its own, so that one that hangs
 * or crashes is the only one to fail; the lines are those that test/results.py counts.
 */
#ifndef CHECK_H
#define CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Runs `body(arg)` as a case. It passes when the body returns. */
void check_case(const char *name, void (*body)(const void *arg), const void *arg, unsigned seconds);

/* Only the cases whose name holds this are run; NULL: all. */
void check_only(const char *part);

/* How the program should end: 0 when every case passed or was skipped, and there was one. */
int check_result(void);

/*
 * In a body: another process that runs `body(arg)` and has not the descriptor `ours`. check_join
 * waits for it and ends the case when it has failed, with its words; so does check_fail, which a
 * body that waits for nothing meets when the other has gone.
 */
void check_start(void (*body)(void *arg), void *arg, int ours);
void check_join(void);

/* In a body: ends the case. The text must not go over a line. */
_Noreturn void check_fail(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
_Noreturn void check_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* In a body: goes with the words of a failure from here on. */
void check_context(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Anywhere: a line for a human. */
void check_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define FAIL(...) check_fail(__FILE__, __LINE__, __VA_ARGS__)
#define CHECK(good)                                                                                \
    do {                                                                                           \
        if (!(good)) {                                                                             \
            FAIL("not so: %s", #good);                                                             \
        }                                                                                          \
    } while (0)
#define CHECK_EQ(got, wanted) check_equal(__FILE__, __LINE__, #got, (long long)(got), (wanted))
/* `got` is a result of raw_*: a length, or an errno below zero. */
#define CHECK_ERR(got, wanted)                                                                     \
    check_equal(__FILE__, __LINE__, #got " against " #wanted, (long long)(got), (wanted))

void check_equal(const char *file, int line, const char *what, long long got, long long wanted);
void check_bytes(const char *what, const void *got, const void *wanted, size_t len);

/* Bytes that say where in a stream they stand, so that a missing or repeated part is seen. */
void check_fill(uint8_t *buf, size_t len, uint64_t at, uint32_t stream);
/* The offset of the first byte that is not as check_fill makes it; `len` when all are. */
size_t check_differs(const uint8_t *buf, size_t len, uint64_t at, uint32_t stream);

#endif
