/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Start and output of an image on a Cortex-M under QEMU, which loads every section where it belongs
 * and hands over clear memory. What the image says goes out by semihosting ("Semihosting for
 * AArch32 and AArch64", Arm): BKPT 0xab with the operation in r0 and its argument in r1.
 */
#include <stdint.h>

#define SYS_WRITEC        0x03u
#define SYS_EXIT          0x18u
#define SYS_EXIT_EXTENDED 0x20u
/* The reasons for the end: the program's own, and an exception it has no handler for. */
#define STOPPED_APPLICATION_EXIT 0x20026u
#define STOPPED_INTERNAL_ERROR   0x20024u

extern uint32_t stack_top[]; /* mps2.ld */

int main(void);
void reset(void);
void test_putchar(char c);

static uint32_t semihost(uint32_t operation, uint32_t argument)
{
    register uint32_t r0 __asm__("r0") = operation;
    register uint32_t r1 __asm__("r1") = argument;

    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

void test_putchar(char c)
{
    semihost(SYS_WRITEC, (uint32_t)(uintptr_t)&c);
}

static _Noreturn void end(uint32_t reason, uint32_t status)
{
    const uint32_t block[2] = {reason, status};

    (void)semihost(SYS_EXIT_EXTENDED, (uint32_t)(uintptr_t)block);
    /* Where the extended form is not known. */
    (void)semihost(SYS_EXIT, reason);
    for (;;)
        continue;
}

void reset(void)
{
    end(STOPPED_APPLICATION_EXIT, (uint32_t)main());
}

/* Bus faults and the like: an error that the runner of the tests sees. */
static void fault(void)
{
    static const char text[] = "Bail out! an exception of the processor\n";

    for (const char *p = text; *p != '\0'; p++)
        test_putchar(*p);
    end(STOPPED_INTERNAL_ERROR, 70);
}

/* ARMv6-M and ARMv7-M: the stack pointer, then the handlers of exceptions 1 to 15. */
struct vectors {
    uint32_t *stack;
    void (*handler[15])(void);
};
__attribute__((section(".vectors"), used)) static const struct vectors vectors = {
    stack_top,
    {reset, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault,
     fault, fault},
};
