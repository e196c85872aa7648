/* SPDX-License-Identifier: BSD-2-Clause */
#include "common.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

int fault_print(const char *verb, const struct fault *fault)
{
    (void)fflush(stdout);
    const char *blank = verb[0] == '\0' ? "" : " ";
    (void)fprintf(stderr, "weir%s%s: %s", blank, verb, fault->text);
    if (fault->usage) {
        (void)fprintf(stderr, " (see 'weir help%s%s')", blank, verb);
    }
    (void)fputc('\n', stderr);
    return fault->usage ? EXIT_USAGE : EXIT_FAILED;
}

/* The number at the start of `text`, not negative and finite; *rest is what follows it. */
static bool leading_number(const char *text, double *number, const char **rest)
{
    if (text[0] < '0' || text[0] > '9') {
        return false; /* strtod would take blanks, signs, "inf" and "nan" */
    }
    char *end = NULL;
    *number = strtod(text, &end);
    *rest = end;
    return isfinite(*number);
}

bool parse_bytes(const char *text, uint64_t *bytes)
{
    static const char suffixes[] = "KMGT";
    double number = 0;
    const char *rest = NULL;
    if (!leading_number(text, &number, &rest)) {
        return false;
    }
    if (rest[0] != '\0') {
        char upper = rest[0] >= 'a' && rest[0] <= 'z' ? (char)(rest[0] - 'a' + 'A') : rest[0];
        const char *found = strchr(suffixes, upper);
        if (found == NULL || rest[1] != '\0') {
            return false;
        }
        for (long i = 0; i <= found - suffixes; i++) {
            number *= 1024;
        }
    }
    if (number > 9e18 || number < 1) {
        return false;
    }
    *bytes = (uint64_t)number;
    return true;
}

bool parse_number(const char *text, uint64_t least, uint64_t most, uint64_t *number)
{
    if (text[0] < '0' || text[0] > '9') {
        return false;
    }
    char *end = NULL;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno != 0 || end[0] != '\0' || value < least || value > most) {
        return false;
    }
    *number = value;
    return true;
}

bool parse_seconds(const char *text, double *seconds)
{
    const char *rest = NULL;
    return leading_number(text, seconds, &rest) && rest[0] == '\0' && *seconds > 0 &&
           *seconds <= 86400;
}

/* Three digits, scaled down by `step` as often as it goes. */
static struct quantity show(double value, double step, const char *const units[5])
{
    struct quantity q;
    size_t i = 0;
    while (value >= step && i < 4) {
        value /= step;
        i++;
    }
    int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    (void)snprintf(q.text, sizeof q.text, "%.*f %s", decimals, value, units[i]);
    return q;
}

struct quantity show_bytes(double bytes)
{
    static const char *const units[] = {"Bytes", "KBytes", "MBytes", "GBytes", "TBytes"};
    return show(bytes, 1024, units);
}

struct quantity show_rate(double bytes_per_second)
{
    static const char *const units[] = {"bits/sec", "Kbits/sec", "Mbits/sec", "Gbits/sec",
                                        "Tbits/sec"};
    return show(bytes_per_second * 8, 1000, units);
}

void copy_printable(char *to, size_t size, const char *from)
{
    size_t n = 0;
    for (; from != NULL && from[n] != '\0' && n + 1 < size; n++) {
        to[n] = from[n] >= ' ' && from[n] <= '~' ? from[n] : '?';
    }
    to[n] = '\0';
}
