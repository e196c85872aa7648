/* SPDX-License-Identifier: BSD-2-Clause */
/** @file What the files of the TCP share. */
#ifndef WEIR_SIM_TCP_INTERNAL_H
#define WEIR_SIM_TCP_INTERNAL_H

#include "tcp.h"

#define TCP_RING       65536u /* of the receiver: above any window */
#define TCP_RANGES     64u    /* that may wait for what is before them */
#define TCP_MOST_TRIES 20u    /* timeouts in a row, then the connection is dead */
#define TCP_MOST_RTO   60000000u
#define TCP_DELAYED    10000u /* ticks that an acknowledgement waits for a second segment */
#define TCP_AGAIN      100u   /* ticks until an owner without room is asked again */
#define TCP_LEAST_MSS  88u    /* room for SACK in the smallest packet that any link must take */
#define TCP_NEVER      UINT64_MAX

/* Received bytes of one mark. */
struct tcp_range {
    uint32_t start, end;
    uint8_t mark;
};

struct sim_tcp {
    struct sim_tcp_config config;
    struct sim_tcp_owner *owner;
    struct sim_tcp_counts counts;
    enum sim_tcp_state state;
    uint64_t now, seed;
    uint16_t id;
    bool syn_got; /* the other end's SYN has come */
    bool sack;

    /* Sending. kept <= una <= nxt <= max; data until `end`, then FIN. */
    uint8_t *buffer;
    uint32_t kept, una, nxt, max, end;
    bool closing;
    uint32_t mss, peer_mss, new_mtu;         /* new_mtu: 0, or what sim_tcp_mtu said */
    uint32_t window, window_seq, window_ack; /* SND.WND, WL1, WL2 */
    uint32_t cwnd, ssthresh, duplicates, recover, hole, owed;
    bool recovering;
    struct tcp_range sacked[TCP_RANGES]; /* sorted, apart */
    size_t sacked_count;
    uint64_t srtt, rttvar, rto, timed_at;
    uint32_t timed;
    bool timing;
    unsigned tries;
    bool probe; /* a byte may go into a closed window */
    uint64_t rto_due, retry_due;

    /* Receiving: read <= rcv; what is in `ranges` from `read` on has arrived. */
    uint8_t ring[TCP_RING];
    uint32_t read, rcv, fin_seq, told; /* told: right edge of the window last sent */
    bool fin_got, fin_in_order;
    struct tcp_range ranges[TCP_RANGES]; /* sorted, not overlapping */
    size_t range_count;
    uint32_t newest; /* start of what came last, for SACK */
    unsigned unacked;
    bool ack_now;
    uint64_t ack_due;
};

static inline uint32_t tcp_min(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static inline uint32_t tcp_later(uint32_t a, uint32_t b)
{
    return sim_before(a, b) ? b : a;
}

/* Behind the last sequence number that there is to send: data, and FIN. */
static inline uint32_t tcp_last(const struct sim_tcp *tcp)
{
    return tcp->end + (tcp->closing ? 1 : 0);
}

/* tcp.c */
void tcp_set_mss(struct sim_tcp *tcp);
void tcp_release(struct sim_tcp *tcp);
uint16_t tcp_window(const struct sim_tcp *tcp);

/* tcp_out.c */
void tcp_flush(struct sim_tcp *tcp);
/* The retransmission timer starts afresh. */
void tcp_arm(struct sim_tcp *tcp);
void tcp_timeout(struct sim_tcp *tcp);
/* Everything from SND.UNA on goes out again. */
void tcp_go_back(struct sim_tcp *tcp);

/* tcp_ranges.c */
/* Adds what of the range is not there yet. False: too many ranges, and the rest was not taken. */
bool tcp_ranges_add(struct tcp_range *ranges, size_t *count, struct tcp_range r);
/* What of [start, end) is missing, beginning with the first gap: false: nothing. */
bool tcp_ranges_gap(const struct tcp_range *ranges, size_t count, uint32_t start, uint32_t end,
                    struct tcp_range *gap);
/* Drops all before `start`. */
void tcp_ranges_trim(struct tcp_range *ranges, size_t *count, uint32_t start);
/* The end of what is there without a gap from `start` on; `start` when that is not there. */
uint32_t tcp_ranges_run(const struct tcp_range *ranges, size_t count, uint32_t start);

#endif
