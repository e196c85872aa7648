/* SPDX-License-Identifier: BSD-2-Clause */
#include "semihost.h"

#define SYS_WRITEC        0x03u
#define SYS_EXIT          0x18u
#define SYS_EXIT_EXTENDED 0x20u
/* The reasons for the end: the program's own, and an exception it has no handler for. */
#define STOPPED_APPLICATION_EXIT 0x20026u
#define STOPPED_INTERNAL_ERROR   0x20024u

int main(void);
void test_putchar(char c);

void test_putchar(char c)
{
    (void)semihost(SYS_WRITEC, (uint32_t)(uintptr_t)&c);
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

void image_run(void)
{
    end(STOPPED_APPLICATION_EXIT, (uint32_t)main());
}

void image_fault(void)
{
    static const char text[] = "Bail out! an exception of the processor\n";

    for (const char *p = text; *p != '\0'; p++)
        test_putchar(*p);
    end(STOPPED_INTERNAL_ERROR, 70);
}
