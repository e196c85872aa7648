/* SPDX-License-Identifier: BSD-2-Clause */
/* What symbols.py has to notice: a division of 64 bits, and numbers with a point. */
#include <stdint.h>

uint64_t planted_quotient(uint64_t a, uint64_t b);
uint64_t planted_quotient(uint64_t a, uint64_t b)
{
    return a / b;
}

double planted_product(double a, double b);
double planted_product(double a, double b)
{
    return a * b;
}
