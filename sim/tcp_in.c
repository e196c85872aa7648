/* SPDX-License-Identifier: BSD-2-Clause */
/* What comes in: acknowledgements, data, and the beginning and end of the connection. */
#include "tcp_internal.h"

/* RFC 6298 section 2. */
static void measure(struct sim_tcp *tcp)
{
    uint64_t rtt = tcp->now - tcp->timed_at;

    tcp->timing = false;
    if (tcp->srtt == 0) {
        tcp->srtt = rtt + 1;
        tcp->rttvar = rtt / 2;
    } else {
        uint64_t off = rtt > tcp->srtt ? rtt - tcp->srtt : tcp->srtt - rtt;

        tcp->rttvar = (3 * tcp->rttvar + off) / 4;
        tcp->srtt = (7 * tcp->srtt + rtt) / 8 + 1;
    }
    tcp->rto = tcp->srtt + 4 * tcp->rttvar;
    if (tcp->rto < tcp->config.least)
        tcp->rto = tcp->config.least;
}

static void note_sacks(struct sim_tcp *tcp, const struct sim_wire *w)
{
    for (size_t i = 0; tcp->sack && i < w->sack_count; i++) {
        struct tcp_range r = {w->sacks[i].start, w->sacks[i].end, 0};

        /* Beyond what is acknowledged, and nothing that was never sent. */
        if (sim_before(r.start, r.end) && !sim_before(r.start, w->ack) &&
            !sim_before(tcp->max, r.end))
            (void)tcp_ranges_add(tcp->sacked, &tcp->sacked_count, r);
    }
}

/* Congestion control upon `bytes` newly acknowledged (RFC 5681 section 3.1, RFC 6582). */
static void grow(struct sim_tcp *tcp, uint32_t bytes)
{
    tcp->duplicates = 0;
    if (!tcp->recovering && sim_before(tcp->recover, tcp->una))
        tcp->recover = tcp->hole = tcp->una; /* or they would be ahead again after 2^31 bytes */
    if (tcp->recovering && sim_before(tcp->una, tcp->recover)) {
        tcp->owed++;
        if (tcp->sacked_count == 0)
            tcp->hole = tcp->una;
        tcp->cwnd = (tcp->cwnd > bytes ? tcp->cwnd - bytes : 0) + tcp->mss;
        return;
    }
    if (tcp->recovering) {
        tcp->recovering = false;
        tcp->owed = 0;
        tcp->cwnd = tcp->ssthresh;
        return;
    }
    if (tcp->cwnd < tcp->ssthresh)
        tcp->cwnd += tcp_min(bytes, tcp->mss);
    else
        tcp->cwnd += tcp->mss * tcp->mss / tcp->cwnd + 1;
    tcp->cwnd = tcp_min(tcp->cwnd, 1u << 20);
}

static void duplicate(struct sim_tcp *tcp)
{
    uint32_t half = (tcp->max - tcp->una) / 2;

    if (tcp->recovering) {
        tcp->cwnd = tcp_min(tcp->cwnd + tcp->mss, 1u << 20);
        if (tcp->sacked_count > 0)
            tcp->owed++;
        return;
    }
    if (++tcp->duplicates != 3 || sim_before(tcp->una, tcp->recover))
        return;
    tcp->counts.fast++;
    tcp->recovering = true;
    tcp->recover = tcp->max;
    tcp->hole = tcp->una;
    tcp->owed = 1;
    tcp->ssthresh = half > 2 * tcp->mss ? half : 2 * tcp->mss;
    tcp->cwnd = tcp->ssthresh + 3 * tcp->mss;
}

static void advance(struct sim_tcp *tcp, uint32_t ack)
{
    uint32_t bytes = ack - tcp->una;

    if (tcp->timing && sim_before(tcp->timed, ack))
        measure(tcp);
    tcp->una = ack;
    tcp->nxt = tcp_later(tcp->nxt, ack);
    tcp_ranges_trim(tcp->sacked, &tcp->sacked_count, ack);
    if (tcp->state == SIM_TCP_OPENING) {
        tcp->state = SIM_TCP_OPEN;
        tcp->hole = tcp->recover = ack;
    } else {
        grow(tcp, bytes);
    }
    tcp->rto_due = TCP_NEVER;
    if (tcp->una != tcp->max)
        tcp_arm(tcp);
    if (tcp->owner->acked != NULL)
        tcp->owner->acked(tcp->owner, tcp, ack);
    tcp_release(tcp);
}

static void acked(struct sim_tcp *tcp, const struct sim_wire *w, bool data)
{
    bool same = w->window == tcp->window;

    if (sim_before(tcp->max, w->ack)) {
        tcp->ack_now = true;
        return;
    }
    tcp->tries = 0; /* somebody is there */
    if (sim_before(w->ack, tcp->una))
        return;
    note_sacks(tcp, w);
    if (!sim_before(w->seq, tcp->window_seq) &&
        (w->seq != tcp->window_seq || !sim_before(w->ack, tcp->window_ack))) {
        tcp->window = w->window;
        tcp->window_seq = w->seq;
        tcp->window_ack = w->ack;
    }
    if (sim_before(tcp->una, w->ack))
        advance(tcp, w->ack);
    else if (!data && tcp->una != tcp->max && (same || w->sack_count > 0))
        duplicate(tcp);
}

/* Keeps what is new of payload[0..len), which begins at `seq`. */
static void keep(struct sim_tcp *tcp, uint32_t seq, const uint8_t *payload, size_t len,
                 uint8_t mark)
{
    uint32_t start = tcp_later(seq, tcp->rcv), end = seq + (uint32_t)len,
             edge = tcp->read + tcp->config.window;
    struct tcp_range gap;

    if (sim_before(edge, end))
        end = edge;
    while (tcp_ranges_gap(tcp->ranges, tcp->range_count, start, end, &gap)) {
        gap.mark = mark;
        if (!tcp_ranges_add(tcp->ranges, &tcp->range_count, gap))
            return;
        for (uint32_t at = gap.start; at != gap.end; at++)
            tcp->ring[at & (TCP_RING - 1)] = payload[at - seq];
        tcp->newest = gap.start;
        start = gap.end;
    }
}

static void data(struct sim_tcp *tcp, uint32_t seq, uint8_t *payload, size_t len)
{
    uint8_t mark = 0;
    uint32_t before = tcp->rcv;
    size_t ranges = tcp->range_count;

    if (tcp->owner->in != NULL)
        mark = tcp->owner->in(tcp->owner, tcp, seq, payload, len);
    tcp->counts.duplicates += !sim_before(tcp->rcv, seq + (uint32_t)len);
    tcp->counts.out_of_order += sim_before(tcp->rcv, seq);
    keep(tcp, seq, payload, len, mark);
    tcp->rcv = tcp_ranges_run(tcp->ranges, tcp->range_count, tcp->rcv);
    /* Anything but the next bytes, and what closes a gap, is answered at once (RFC 5681 section
     * 4.2). */
    tcp->unacked++;
    if (tcp->rcv == before || ranges > 1 || tcp->range_count > 1 || tcp->unacked >= 2)
        tcp->ack_now = true;
    else if (tcp->ack_due == TCP_NEVER)
        tcp->ack_due = tcp->now + TCP_DELAYED;
}

static void syn(struct sim_tcp *tcp, const struct sim_wire *w)
{
    bool answered = (w->flags & SIM_WIRE_ACK) != 0 && w->ack == tcp->config.first_seq + 1;

    tcp->ack_now = true;
    if (tcp->syn_got || answered != tcp->config.active)
        return;
    tcp->syn_got = true;
    tcp->read = tcp->rcv = w->seq + 1;
    tcp->told = tcp->rcv + tcp->config.window;
    tcp->window_seq = w->seq;
    tcp->window_ack = w->ack;
    tcp->window = w->window;
    if (w->mss != 0)
        tcp->peer_mss = w->mss;
    tcp_set_mss(tcp);
    tcp->sack = tcp->config.sack && w->sack_ok;
}

static bool ours(const struct sim_tcp *tcp, const struct sim_wire *w)
{
    return w->from == tcp->config.to && w->to == tcp->config.from &&
           w->from_port == tcp->config.to_port && w->to_port == tcp->config.from_port;
}

void sim_tcp_input(struct sim_tcp *tcp, uint64_t now, uint8_t *frame, size_t len)
{
    struct sim_wire w;
    size_t headers;

    tcp->now = now;
    if (tcp->state == SIM_TCP_DEAD)
        return;
    if (!sim_wire_read(frame, len, &w, &headers) || !ours(tcp, &w)) {
        tcp->counts.bad++;
        return;
    }
    tcp->counts.received++;
    if ((w.flags & SIM_WIRE_RST) != 0) {
        sim_tcp_kill(tcp);
        return;
    }
    if ((w.flags & SIM_WIRE_SYN) != 0)
        syn(tcp, &w);
    if (!tcp->syn_got || (w.flags & SIM_WIRE_ACK) == 0)
        return;
    acked(tcp, &w, len > headers);
    if (len > headers)
        data(tcp, w.seq, frame + headers, len - headers);
    if ((w.flags & SIM_WIRE_FIN) != 0) {
        tcp->fin_got = true;
        tcp->fin_seq = w.seq + (uint32_t)(len - headers);
        tcp->ack_now = true;
    }
    if (tcp->fin_got && tcp->rcv == tcp->fin_seq)
        tcp->fin_in_order = true;
}
