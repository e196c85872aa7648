/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lwIP as a program without threads drives it: raw API, one interface, and a clock that is a
 * number.
 *
 * lwIP keeps everything in static variables, so there is one of it in a process, and to begin anew
 * means to begin another process.
 */
#ifndef EXAMPLE_STACK_H
#define EXAMPLE_STACK_H

#include <lwip/tcp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What sits below it. Embedded as first member of the driver's own. */
struct stack_below {
    /* lwIP sends an IP packet; it lies in one piece and is lwIP's. */
    void (*out)(struct stack_below *self, const uint8_t *packet, size_t len);
};

/* Brings lwIP up with address `ip` (host's order) on a link of `mtu`. From equal seeds it behaves
 * the same: its numbers are drawn from it. */
void stack_start(struct stack_below *below, uint32_t ip, uint16_t mtu, uint64_t seed);

/* Time is `now` microseconds, and never goes back: what is due is done. */
void stack_run(uint64_t now);
/* When something is due next. */
uint64_t stack_due(void);

/*
 * An IP packet has arrived. `mark` is the driver's word about the bytes of this copy of it: lwIP
 * hands the memory on as it is, in a pbuf of ours, so whoever receives it finds the mark again with
 * the very bytes that lwIP chose to take, however they were repeated, overlapped and put in order.
 */
void stack_in(const uint8_t *packet, size_t len, uint8_t mark);
/* The mark of one pbuf of a chain that came to a tcp_recv callback. */
uint8_t stack_mark(const struct pbuf *p);

#endif
