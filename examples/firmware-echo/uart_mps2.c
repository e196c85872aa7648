/* SPDX-License-Identifier: BSD-2-Clause */
/* UART 0 of Arm's MPS2 boards ("Cortex-M System Design Kit", APB UART), by polling. */
#include "link.h"

#define UART_BASE        0x40004000u
#define REGISTER(offset) (*(volatile uint32_t *)(UART_BASE + (offset)))
#define DATA             REGISTER(0x00)
#define STATE            REGISTER(0x04)
#define CTRL             REGISTER(0x08)
#define BAUDDIV          REGISTER(0x10)

#define STATE_TX_FULL  1u
#define STATE_RX_FULL  2u
#define CTRL_TX_AND_RX 3u

void uart_init(void)
{
    BAUDDIV = 16; /* the fastest it has */
    CTRL = CTRL_TX_AND_RX;
}

void uart_read(uint8_t *buf, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        while ((STATE & STATE_RX_FULL) == 0)
            continue;
        buf[i] = (uint8_t)DATA;
    }
}

void uart_write(const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        while ((STATE & STATE_TX_FULL) != 0)
            continue;
        DATA = data[i];
    }
}
