/* SPDX-License-Identifier: BSD-2-Clause */
#include "stack.h"

#define PAINT 0x5745u

extern volatile uint16_t stack_top[]; /* of the linker script */

void stack_paint(void)
{
    /* Nothing is called from here, so below its own frame is nobody's. */
    volatile uint16_t *at = stack_top - STACK_LEN / sizeof *at;
    const volatile uint16_t *end = (volatile uint16_t *)__builtin_frame_address(0) - 32;

    while (at < end)
        *at++ = PAINT;
}

uint32_t stack_used(void)
{
    volatile uint16_t *at = stack_top - STACK_LEN / sizeof *at;

    while (at < stack_top && *at == PAINT)
        at++;
    return (uint32_t)(stack_top - at) * sizeof *at;
}
