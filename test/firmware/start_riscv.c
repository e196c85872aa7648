/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Start of an image on a RISC-V core of 32 bits. QEMU loads every section where it belongs and
 * hands over clear memory; the stack pointer and the handler of exceptions are what is missing.
 */
#include "semihost.h"

/* The instructions before and after ebreak make it a call of the host; none may be a short one. */
uint32_t semihost(uint32_t operation, uint32_t argument)
{
    register uint32_t a0 __asm__("a0") = operation;
    register uint32_t a1 __asm__("a1") = argument;

    __asm__ volatile(".option push\n"
                     ".option norvc\n"
                     ".balign 16\n"
                     "slli zero, zero, 0x1f\n"
                     "ebreak\n"
                     "srai zero, zero, 7\n"
                     ".option pop\n"
                     : "+r"(a0)
                     : "r"(a1)
                     : "memory");
    return a0;
}

/* The low bits of mtvec are a mode, so the handler's address is aligned. */
__attribute__((aligned(4), used)) static void fault(void)
{
    image_fault();
}

void start(void);
__attribute__((section(".vectors"), naked, used)) void start(void)
{
    __asm__ volatile(".option arch, +zicsr\n"
                     "la sp, stack_top\n"
                     "la t0, %0\n"
                     "csrw mtvec, t0\n"
                     "j image_run\n"
                     :
                     : "i"(fault));
}
