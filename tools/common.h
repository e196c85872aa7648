/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every verb of the weir command needs: one-line errors, exit statuses, numbers.
 */
#ifndef WEIR_TOOLS_COMMON_H
#define WEIR_TOOLS_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Exit statuses. */
enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_INTERRUPTED = 130 };

/* What went wrong, as one line without a newline, and whether the command line is to blame. */
struct fault {
    char text[400];
    bool usage;
};

/* Fills a fault from a format and its arguments. */
#define FAULT(fault, ...)                                                                          \
    ((void)snprintf((fault)->text, sizeof(fault)->text, __VA_ARGS__), (fault)->usage = false)
#define USAGE(fault, ...)                                                                          \
    ((void)snprintf((fault)->text, sizeof(fault)->text, __VA_ARGS__), (fault)->usage = true)

/* Prints the fault under the name of the verb, to stderr; answers the exit status. */
int fault_print(const char *verb, const struct fault *fault);

/* "1500", "16K", "1.5G": bytes with a suffix of 1024s (K, M, G, T). */
bool parse_bytes(const char *text, uint64_t *bytes);
/* A whole number within [least, most]. */
bool parse_number(const char *text, uint64_t least, uint64_t most, uint64_t *number);
/* "10", "0.5": seconds above 0, at most a day. */
bool parse_seconds(const char *text, double *seconds);

/* "2.51 GBytes" and "21.6 Gbits/sec", as iperf prints them. */
struct quantity {
    char text[24];
};
struct quantity show_bytes(double bytes);
struct quantity show_rate(double bytes_per_second);

/* Copies at most size - 1 bytes; what could upset a terminal becomes '?'. `from` may be NULL. */
void copy_printable(char *to, size_t size, const char *from);

#endif
