/* SPDX-License-Identifier: BSD-2-Clause */
#include "semihost.h"

#define SYS_WRITEC        0x03u
#define SYS_GET_CMDLINE   0x15u
#define SYS_EXIT          0x18u
#define SYS_EXIT_EXTENDED 0x20u
/* The reasons for the end: the program's own, and an exception it has no handler for. */
#define STOPPED_APPLICATION_EXIT 0x20026u
#define STOPPED_INTERNAL_ERROR   0x20024u

int main(void);
void test_putchar(char c);
const char *test_filter(void);

void test_putchar(char c)
{
    (void)semihost(SYS_WRITEC, (uint32_t)(uintptr_t)&c);
}

/* The second word of the command line; QEMU makes it of -kernel and -append. */
const char *test_filter(void)
{
    static char line[256];
    const uint32_t block[2] = {(uint32_t)(uintptr_t)line, sizeof line};
    const char *p = line;

    if (semihost(SYS_GET_CMDLINE, (uint32_t)(uintptr_t)block) != 0)
        return "";
    while (*p != '\0' && *p != ' ')
        p++;
    return *p == ' ' ? p + 1 : p;
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
