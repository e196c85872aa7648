/* SPDX-License-Identifier: BSD-2-Clause */
/* The UART of QEMU's RISC-V board `virt`, a 16550, by polling. */
#include "link.h"

#define UART_BASE        0x10000000u
#define REGISTER(offset) (*(volatile uint8_t *)(UART_BASE + (offset)))
#define DATA             REGISTER(0)
#define FIFO_CONTROL     REGISTER(2)
#define LINE_STATUS      REGISTER(5)

#define FIFO_ENABLE   1u
#define LINE_RX_READY 0x01u
#define LINE_TX_EMPTY 0x20u

void uart_init(void)
{
    FIFO_CONTROL = FIFO_ENABLE;
}

void uart_read(uint8_t *buf, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        while ((LINE_STATUS & LINE_RX_READY) == 0)
            continue;
        buf[i] = DATA;
    }
}

void uart_write(const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        while ((LINE_STATUS & LINE_TX_EMPTY) == 0)
            continue;
        DATA = data[i];
    }
}
