/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A line by semihosting in the place of the UART: QEMU passes a UART's bytes on one at a time, this
 * many at once. Two pipes with names, in the directory that QEMU runs in ("Semihosting for AArch32
 * and AArch64", Arm). The image ends when the pipe to it does.
 */
#include "link.h"
#include "semihost.h"

#define SYS_OPEN  0x01u
#define SYS_WRITE 0x05u
#define SYS_READ  0x06u
#define SYS_EXIT  0x18u
#define EXITED    0x20026u
/* fopen's "rb" and "wb" */
#define TO_READ  1u
#define TO_WRITE 5u

static uint32_t to_read, to_write; /* handles */

static uint32_t call(uint32_t operation, uint32_t a, const void *b, uint32_t c)
{
    const uint32_t block[3] = {a, (uint32_t)(uintptr_t)b, c};

    return semihost(operation, (uint32_t)(uintptr_t)block);
}

void uart_init(void)
{
    static const char in[] = "to-image", out[] = "from-image";
    const uint32_t open_in[3] = {(uint32_t)(uintptr_t)in, TO_READ, sizeof in - 1};
    const uint32_t open_out[3] = {(uint32_t)(uintptr_t)out, TO_WRITE, sizeof out - 1};

    to_read = semihost(SYS_OPEN, (uint32_t)(uintptr_t)open_in);
    to_write = semihost(SYS_OPEN, (uint32_t)(uintptr_t)open_out);
}

/* Both answer how many bytes were not moved. */
void uart_read(uint8_t *buf, size_t len)
{
    while (len > 0) {
        size_t left = call(SYS_READ, to_read, buf, (uint32_t)len);
        if (left >= len)
            (void)semihost(SYS_EXIT, EXITED);
        buf += len - left;
        len = left;
    }
}

void uart_write(const uint8_t *data, size_t len)
{
    while (len > 0) {
        size_t left = call(SYS_WRITE, to_write, data, (uint32_t)len);
        data += len - left;
        len = left;
    }
}
