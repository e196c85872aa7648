/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Start of an image on a Cortex-M. QEMU loads every section where it belongs and hands over clear
 * memory, so there is nothing to prepare.
 */
#include "semihost.h"

extern uint32_t stack_top[]; /* mps2.ld */

uint32_t semihost(uint32_t operation, uint32_t argument)
{
    register uint32_t r0 __asm__("r0") = operation;
    register uint32_t r1 __asm__("r1") = argument;

    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

/* ARMv6-M and ARMv7-M: the stack pointer, then the handlers of exceptions 1 to 15. */
struct vectors {
    uint32_t *stack;
    void (*handler[15])(void);
};
__attribute__((section(".vectors"), used)) static const struct vectors vectors = {
    stack_top,
    {image_run, image_fault, image_fault, image_fault, image_fault, image_fault, image_fault,
     image_fault, image_fault, image_fault, image_fault, image_fault, image_fault, image_fault,
     image_fault},
};
