/* SPDX-License-Identifier: BSD-2-Clause */
/* The life of an endpoint, and what its owner calls. */
#include "tcp_internal.h"

#include <stdio.h>
#include <stdlib.h>

static void check(const struct sim_tcp_config *c)
{
    if (c->send_buffer == 0 || (c->send_buffer & (c->send_buffer - 1)) != 0 ||
        c->send_buffer > 1u << 30 || c->window == 0 || c->mtu < TCP_LEAST_MSS + 40) {
        (void)fputs("sim: a TCP with buffers, a window or an MTU that none can have\n", stderr);
        abort();
    }
}

struct sim_tcp *sim_tcp_new(const struct sim_tcp_config *config, struct sim_tcp_owner *owner)
{
    struct sim_tcp *tcp = sim_alloc(sizeof *tcp);

    check(config);
    tcp->config = *config;
    if (tcp->config.least == 0)
        tcp->config.least = 200000;
    tcp->owner = owner;
    tcp->seed = config->seed;
    tcp->buffer = sim_alloc(config->send_buffer);
    tcp->una = tcp->nxt = tcp->max = config->first_seq;
    tcp->kept = tcp->end = tcp->hole = tcp->recover = config->first_seq + 1;
    tcp->peer_mss = 536; /* RFC 9293 section 3.7.1, when there is no option */
    tcp_set_mss(tcp);
    tcp->cwnd = (config->window_segments > 0 ? config->window_segments : 10) * 1460;
    tcp->ssthresh = UINT32_MAX;
    tcp->rto = 1000000; /* RFC 6298 section 2.1 */
    if (tcp->rto < tcp->config.least)
        tcp->rto = tcp->config.least;
    tcp->rto_due = tcp->retry_due = tcp->ack_due = TCP_NEVER;
    return tcp;
}

void sim_tcp_free(struct sim_tcp *tcp)
{
    if (tcp == NULL)
        return;
    free(tcp->buffer);
    free(tcp);
}

enum sim_tcp_state sim_tcp_state(const struct sim_tcp *tcp)
{
    return tcp->state;
}

const struct sim_tcp_counts *sim_tcp_counts(const struct sim_tcp *tcp)
{
    return &tcp->counts;
}

void tcp_set_mss(struct sim_tcp *tcp)
{
    tcp->mss = tcp_min(tcp->config.mtu - 40, tcp->peer_mss);
    if (tcp->mss < TCP_LEAST_MSS)
        tcp->mss = TCP_LEAST_MSS;
}

static void take_mtu(struct sim_tcp *tcp)
{
    bool smaller = tcp->new_mtu < tcp->config.mtu;

    tcp->config.mtu = tcp->new_mtu;
    tcp->new_mtu = 0;
    tcp_set_mss(tcp);
    if (smaller && tcp->state == SIM_TCP_OPEN)
        tcp_go_back(tcp);
}

void sim_tcp_mtu(struct sim_tcp *tcp, uint32_t mtu)
{
    tcp->new_mtu = mtu < TCP_LEAST_MSS + 40 ? TCP_LEAST_MSS + 40 : mtu;
}

void sim_tcp_kill(struct sim_tcp *tcp)
{
    tcp->state = SIM_TCP_DEAD;
    tcp->rto_due = tcp->retry_due = tcp->ack_due = TCP_NEVER;
}

void sim_tcp_run(struct sim_tcp *tcp, uint64_t now)
{
    tcp->now = now;
    if (tcp->state == SIM_TCP_DEAD)
        return;
    if (tcp->new_mtu != 0)
        take_mtu(tcp);
    if (now >= tcp->retry_due)
        tcp->retry_due = TCP_NEVER;
    if (now >= tcp->ack_due)
        tcp->ack_now = true;
    if (now >= tcp->rto_due)
        tcp_timeout(tcp);
    tcp_flush(tcp);
}

bool sim_tcp_due(const struct sim_tcp *tcp, uint64_t *when)
{
    *when = tcp->rto_due;
    if (tcp->retry_due < *when)
        *when = tcp->retry_due;
    if (tcp->ack_due < *when)
        *when = tcp->ack_due;
    if (tcp->new_mtu != 0 && tcp->state != SIM_TCP_DEAD)
        *when = tcp->now;
    return *when != TCP_NEVER;
}

/* Gives up what nobody needs. */
void tcp_release(struct sim_tcp *tcp)
{
    uint32_t oldest = tcp_later(tcp->una, tcp->kept);

    if (sim_before(tcp->end, oldest))
        oldest = tcp->end; /* FIN is acknowledged */
    if (tcp->owner->oldest != NULL) {
        uint32_t wanted = tcp->owner->oldest(tcp->owner, tcp, oldest);

        if (sim_before(wanted, oldest))
            oldest = wanted;
    }
    tcp->kept = tcp_later(tcp->kept, oldest);
}

size_t sim_tcp_room(struct sim_tcp *tcp)
{
    if (tcp->state == SIM_TCP_DEAD || tcp->closing)
        return 0;
    tcp_release(tcp);
    return tcp->config.send_buffer - (tcp->end - tcp->kept);
}

size_t sim_tcp_write(struct sim_tcp *tcp, const void *p, size_t len)
{
    size_t room = sim_tcp_room(tcp), mask = tcp->config.send_buffer - 1, first;

    if (len > room)
        len = room;
    first = tcp->config.send_buffer - (tcp->end & mask);
    if (first > len)
        first = len;
    sim_copy(tcp->buffer + (tcp->end & mask), p, first);
    sim_copy(tcp->buffer, (const uint8_t *)p + first, len - first);
    tcp->end += (uint32_t)len;
    return len;
}

uint32_t sim_tcp_write_seq(const struct sim_tcp *tcp)
{
    return tcp->end;
}

uint32_t sim_tcp_una(const struct sim_tcp *tcp)
{
    return tcp->una;
}

void sim_tcp_close(struct sim_tcp *tcp)
{
    tcp->closing = true;
}

bool sim_tcp_all_acked(const struct sim_tcp *tcp)
{
    return tcp->una == tcp_last(tcp);
}

uint8_t *sim_tcp_buffer(struct sim_tcp *tcp, size_t *len)
{
    *len = tcp->config.send_buffer;
    return tcp->buffer;
}

bool sim_tcp_has(const struct sim_tcp *tcp, uint32_t seq, size_t len)
{
    return seq - tcp->kept <= tcp->end - tcp->kept && len <= tcp->end - seq;
}

void sim_tcp_where(const struct sim_tcp *tcp, uint32_t seq, size_t len,
                   struct sim_tcp_piece pieces[2])
{
    size_t at = seq & (tcp->config.send_buffer - 1), first = tcp->config.send_buffer - at;

    if (first > len)
        first = len;
    pieces[0] = (struct sim_tcp_piece){tcp->buffer + at, first};
    pieces[1] = (struct sim_tcp_piece){tcp->buffer, len - first};
}

size_t sim_tcp_readable(const struct sim_tcp *tcp)
{
    return tcp->rcv - tcp->read;
}

uint32_t sim_tcp_read_seq(const struct sim_tcp *tcp)
{
    return tcp->read;
}

uint16_t tcp_window(const struct sim_tcp *tcp)
{
    return (uint16_t)(tcp->config.window - (tcp->rcv - tcp->read));
}

size_t sim_tcp_read(struct sim_tcp *tcp, void *out, size_t len, uint8_t *mark)
{
    const struct tcp_range *r = &tcp->ranges[0];
    size_t at = tcp->read & (TCP_RING - 1), first = TCP_RING - at;

    if (tcp->read == tcp->rcv)
        return 0;
    *mark = r->mark;
    len = tcp_min(len < TCP_RING ? (uint32_t)len : TCP_RING, r->end - tcp->read);
    if (first > len)
        first = len;
    sim_copy(out, tcp->ring + at, first);
    sim_copy((uint8_t *)out + first, tcp->ring, len - first);
    tcp->read += (uint32_t)len;
    tcp_ranges_trim(tcp->ranges, &tcp->range_count, tcp->read);
    /* Tell of a window that has opened again (RFC 9293 section 3.8.6.2.2). */
    uint32_t open = tcp->rcv + tcp_window(tcp) - tcp->told;
    if (open >= 2 * tcp->mss || open >= tcp->config.window / 2u)
        tcp->ack_now = true;
    return len;
}

bool sim_tcp_ended(const struct sim_tcp *tcp)
{
    return tcp->fin_in_order && tcp->read == tcp->rcv;
}
