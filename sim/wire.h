/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * TCP segments as bytes: Ethernet II, IPv4 (RFC 791) and TCP (RFC 9293) headers, with the options
 * that sim/tcp.h speaks: MSS, SACK permitted and SACK (RFC 2018).
 */
#ifndef WEIR_SIM_WIRE_H
#define WEIR_SIM_WIRE_H

#include "base.h"

#define SIM_WIRE_ETHER 14u /**< bytes before IP */
#define SIM_WIRE_LEAST 54u /**< bytes of headers without options */
#define SIM_WIRE_MOST  94u /**< bytes of headers with 40 bytes of options */
#define SIM_WIRE_SACKS 3u  /**< blocks that a segment carries */

/** Flags of TCP. */
enum {
    SIM_WIRE_FIN = 1,
    SIM_WIRE_SYN = 2,
    SIM_WIRE_RST = 4,
    SIM_WIRE_PSH = 8,
    SIM_WIRE_ACK = 16,
};

/** A range of sequence numbers: start <= x < end, modulo 2^32. */
struct sim_wire_range {
    uint32_t start, end;
};

/** Headers taken apart. */
struct sim_wire {
    uint32_t from, to;           /**< IPv4 addresses */
    uint16_t from_port, to_port; /**< of TCP */
    uint16_t id;                 /**< of IP */
    uint32_t seq, ack;
    uint8_t flags;
    uint16_t window;
    uint16_t mss; /**< option, 0: absent */
    bool sack_ok; /**< option "SACK permitted" */
    struct sim_wire_range sacks[SIM_WIRE_SACKS];
    size_t sack_count;
};

/** Whether sequence number `a` comes before `b`. */
static inline bool sim_before(uint32_t a, uint32_t b)
{
    return (uint32_t)(a - b) > 0x7fffffffu;
}

/** Bytes of headers that `w` makes. */
size_t sim_wire_len(const struct sim_wire *w);
/** Writes them, for `payload` bytes behind them; checksums are 0. Returns their length. */
size_t sim_wire_write(uint8_t out[SIM_WIRE_MOST], const struct sim_wire *w, size_t payload);
/**
 * Of headers that are those of a large segment: makes them those of frame `index` of it, with `len`
 * of its bytes from index * mss on, as a card does that cuts it; `more`: others follow, and FIN and
 * PSH are theirs.
 */
void sim_wire_frame(uint8_t *headers, size_t headers_len, size_t index, size_t mss, size_t len,
                    bool more);
/** Fills in the checksums of IP and TCP. The frame's lengths must be right. */
void sim_wire_sums(uint8_t *frame, size_t len);
/**
 * Takes a frame apart; the payload lies behind the first `*headers_len` bytes. False: it is no
 * whole TCP segment, or one of the checksums is wrong. Blocks of SACK beyond SIM_WIRE_SACKS are
 * passed over.
 */
bool sim_wire_read(const uint8_t *frame, size_t len, struct sim_wire *w, size_t *headers_len);

#endif
