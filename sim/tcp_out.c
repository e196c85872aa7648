/* SPDX-License-Identifier: BSD-2-Clause */
/* What goes out, and when it goes out again. */
#include "tcp_internal.h"

#include <stdlib.h>

/* What has arrived beyond a gap: the newest first (RFC 2018 section 4). */
static void add_sacks(const struct sim_tcp *tcp, struct sim_wire *w)
{
    struct sim_wire_range all[TCP_RANGES];
    size_t count = 0;

    if (!tcp->sack)
        return;
    for (size_t i = 0; i < tcp->range_count; i++) {
        const struct tcp_range *r = &tcp->ranges[i];

        if (!sim_before(tcp->rcv, r->start))
            continue;
        if (count > 0 && all[count - 1].end == r->start)
            all[count - 1].end = r->end; /* marks are nobody else's business */
        else
            all[count++] = (struct sim_wire_range){r->start, r->end};
    }
    for (size_t i = 0; i < count && w->sack_count == 0; i++) {
        if (tcp->newest - all[i].start < all[i].end - all[i].start)
            w->sacks[w->sack_count++] = all[i];
    }
    for (size_t i = 0; i < count && w->sack_count < SIM_WIRE_SACKS; i++) {
        if (w->sack_count == 0 || all[i].start != w->sacks[0].start)
            w->sacks[w->sack_count++] = all[i];
    }
}

static struct sim_wire headers(const struct sim_tcp *tcp, uint8_t flags)
{
    struct sim_wire w = {
        .from = tcp->config.from,
        .to = tcp->config.to,
        .from_port = tcp->config.from_port,
        .to_port = tcp->config.to_port,
        .id = tcp->id,
        .flags = flags,
    };

    w.window = tcp->syn_got ? tcp_window(tcp) : tcp->config.window;
    if (tcp->syn_got) {
        w.flags |= SIM_WIRE_ACK;
        w.ack = tcp->rcv + (tcp->fin_in_order ? 1 : 0);
    }
    if ((flags & SIM_WIRE_SYN) != 0) {
        w.mss = (uint16_t)(tcp->config.mtu - 40);
        w.sack_ok = tcp->config.sack && (tcp->config.active || tcp->sack);
    } else {
        add_sacks(tcp, &w);
    }
    return w;
}

/* Most payload of a frame with these headers. */
static uint32_t frame_most(const struct sim_tcp *tcp, const struct sim_wire *w)
{
    return tcp->mss - (uint32_t)(sim_wire_len(w) - SIM_WIRE_LEAST);
}

/* False: the owner has no room. */
static bool emit(struct sim_tcp *tcp, struct sim_wire *w, uint32_t seq, uint32_t len)
{
    uint8_t bytes[SIM_WIRE_MOST];
    struct sim_tcp_segment s = {.headers = bytes, .seq = seq, .len = len};

    w->seq = seq;
    if (len > 0) {
        sim_tcp_where(tcp, seq, len, s.pieces);
        if (seq + len == tcp->end)
            w->flags |= SIM_WIRE_PSH;
    }
    s.headers_len = sim_wire_write(bytes, w, len);
    s.mss = frame_most(tcp, w);
    s.again = len > 0 && sim_before(seq, tcp->max);
    if (!tcp->owner->out(tcp->owner, tcp, &s)) {
        tcp->counts.refused++;
        tcp->retry_due = tcp->now + TCP_AGAIN;
        return false;
    }
    tcp->id = (uint16_t)(tcp->id + 1 + len / s.mss);
    tcp->counts.segments += len > 0;
    tcp->counts.bytes += len;
    tcp->counts.again += s.again;
    tcp->counts.bytes_again += s.again ? len : 0;
    if (tcp->syn_got) {
        tcp->ack_now = false;
        tcp->unacked = 0;
        tcp->ack_due = TCP_NEVER;
        tcp->told = w->ack + w->window;
    }
    return true;
}

/* Sequence numbers from `seq` to `end` have gone out. */
static void sent(struct sim_tcp *tcp, uint32_t seq, uint32_t end)
{
    if (sim_before(seq, tcp->max)) {
        tcp->timing = false; /* Karn: whose acknowledgement that will be is not known */
    } else if (!tcp->timing) {
        tcp->timing = true;
        tcp->timed = seq;
        tcp->timed_at = tcp->now;
    }
    tcp->max = tcp_later(tcp->max, end);
    if (tcp->rto_due == TCP_NEVER)
        tcp_arm(tcp);
}

static void send_syn(struct sim_tcp *tcp)
{
    struct sim_wire w = headers(tcp, SIM_WIRE_SYN);

    if (!emit(tcp, &w, tcp->nxt, 0))
        return;
    sent(tcp, tcp->nxt, tcp->nxt + 1);
    tcp->nxt++;
}

/* Cuts a segment at a byte of chance. */
static uint32_t cut(struct sim_tcp *tcp, uint32_t len)
{
    if (tcp->config.cut == 0 || len < 2 || sim_random_below(&tcp->seed, 1000000) >= tcp->config.cut)
        return len;
    return 1 + (uint32_t)sim_random_below(&tcp->seed, len - 1);
}

static uint8_t fin_flag(const struct sim_tcp *tcp, uint32_t end)
{
    return tcp->closing && end == tcp->end ? SIM_WIRE_FIN : 0;
}

/* In recovery: the next part of what the other end lacks. */
static bool send_hole(struct sim_tcp *tcp)
{
    struct sim_wire w = headers(tcp, 0);
    uint32_t from = tcp_later(tcp->hole, tcp->una), stop = tcp->max;
    struct tcp_range gap;

    if (tcp->sacked_count > 0)
        stop = tcp->sacked[tcp->sacked_count - 1].end;
    if (sim_before(tcp->end, stop))
        stop = tcp->end;
    if (!tcp_ranges_gap(tcp->sacked, tcp->sacked_count, from, stop, &gap)) {
        tcp->owed = 0;
        return false;
    }
    uint32_t len = cut(tcp, tcp_min(gap.end - gap.start, frame_most(tcp, &w)));
    if (sim_before(tcp->end, tcp->max)) /* FIN has gone out before */
        w.flags |= fin_flag(tcp, gap.start + len);
    if (!emit(tcp, &w, gap.start, len))
        return false;
    sent(tcp, gap.start, gap.start + len);
    tcp->hole = gap.start + len;
    tcp->owed--;
    return true;
}

/* Where the next segment begins, and where it ends at the latest for what is known of the other
 * end. Bytes that go again and new ones may share one. */
static uint32_t next_end(struct sim_tcp *tcp)
{
    uint32_t old = sim_before(tcp->end, tcp->max) ? tcp->end : tcp->max;
    struct tcp_range gap;

    if (!sim_before(tcp->nxt, old))
        return tcp->end;
    if (!tcp_ranges_gap(tcp->sacked, tcp->sacked_count, tcp->nxt, old, &gap)) {
        tcp->nxt = old;
        return tcp->end;
    }
    tcp->nxt = gap.start;
    return gap.end == old ? tcp->end : gap.end;
}

/* Bytes that may go out from nxt on by both windows. */
static uint32_t room(const struct sim_tcp *tcp)
{
    uint32_t most = tcp_min(tcp->cwnd, tcp->window), used = tcp->nxt - tcp->una;

    if (tcp->probe && most <= used)
        return 1;
    return most > used ? most - used : 0;
}

static bool send_fin(struct sim_tcp *tcp, struct sim_wire *w)
{
    if (tcp->nxt != tcp->end || !tcp->closing)
        return false;
    w->flags |= SIM_WIRE_FIN;
    if (!emit(tcp, w, tcp->end, 0))
        return false;
    sent(tcp, tcp->end, tcp->end + 1);
    tcp->nxt++;
    return true;
}

static bool send_next(struct sim_tcp *tcp)
{
    struct sim_wire w = headers(tcp, 0);
    uint32_t stop = next_end(tcp), most = frame_most(tcp, &w), left = stop - tcp->nxt;

    if (!sim_before(tcp->nxt, stop))
        return send_fin(tcp, &w);
    uint32_t large = tcp->config.lso > most ? (uint32_t)tcp->config.lso : most;
    uint32_t len = tcp_min(tcp_min(left, room(tcp)), large);
    /* No silly windows (RFC 9293 section 3.8.6.2.1): wait for room for a whole segment. */
    if (len == 0 || (len < most && len < left && tcp->nxt != tcp->una))
        return false;
    len = cut(tcp, len);
    uint8_t fin = fin_flag(tcp, tcp->nxt + len);
    w.flags |= fin;
    if (!emit(tcp, &w, tcp->nxt, len))
        return false;
    tcp->probe = false;
    uint32_t end = tcp->nxt + len + (fin != 0 ? 1 : 0);
    sent(tcp, tcp->nxt, end);
    tcp->nxt = end;
    return true;
}

void tcp_flush(struct sim_tcp *tcp)
{
    if (tcp->state == SIM_TCP_OPENING && tcp->nxt == tcp->config.first_seq) {
        if (tcp->config.active || tcp->syn_got)
            send_syn(tcp);
        return;
    }
    if (tcp->state == SIM_TCP_OPEN) {
        while (tcp->owed > 0 && send_hole(tcp))
            ;
        while (tcp->retry_due == TCP_NEVER && send_next(tcp))
            ;
        /* A closed window is asked about now and then (RFC 9293 section 3.8.6.1). */
        if (tcp->rto_due == TCP_NEVER && sim_before(tcp->nxt, tcp->end) &&
            tcp->retry_due == TCP_NEVER)
            tcp_arm(tcp);
    }
    if (tcp->ack_now) {
        struct sim_wire w = headers(tcp, 0);

        (void)emit(tcp, &w, tcp->nxt, 0);
    }
}

void tcp_arm(struct sim_tcp *tcp)
{
    tcp->rto_due = tcp->now + tcp->rto;
}

void tcp_go_back(struct sim_tcp *tcp)
{
    tcp->nxt = tcp->una;
    tcp->recover = tcp->max;
    tcp->recovering = tcp->timing = false;
    tcp->owed = tcp->duplicates = 0;
    tcp->hole = tcp->una;
    tcp->sacked_count = 0; /* RFC 2018 section 8: the other end may have thrown it away */
}

void tcp_timeout(struct sim_tcp *tcp)
{
    uint32_t half = (tcp->max - tcp->una) / 2;

    if (++tcp->tries > TCP_MOST_TRIES) {
        sim_tcp_kill(tcp);
        return;
    }
    tcp->counts.timeouts++;
    tcp->ssthresh = half > 2 * tcp->mss ? half : 2 * tcp->mss;
    tcp->cwnd = tcp->mss;
    tcp->rto = tcp->rto * 2 < TCP_MOST_RTO ? tcp->rto * 2 : TCP_MOST_RTO;
    tcp->probe = true;
    tcp_go_back(tcp);
    tcp_arm(tcp);
}

void sim_tcp_frames(const struct sim_tcp_segment *s, struct sim_tcp_sink *sink)
{
    uint8_t *p = sim_alloc(s->headers_len + s->mss + 1);
    size_t at = 0, index = 0;

    do {
        size_t n = s->len - at < s->mss ? s->len - at : s->mss;

        sim_copy(p, s->headers, s->headers_len);
        for (size_t i = 0; i < n; i++) {
            size_t b = at + i;
            p[s->headers_len + i] = b < s->pieces[0].len ? s->pieces[0].base[b]
                                                         : s->pieces[1].base[b - s->pieces[0].len];
        }
        sim_wire_frame(p, s->headers_len, index++, s->mss, n, at + n < s->len);
        sim_wire_sums(p, s->headers_len + n);
        sink->frame(sink, p, s->headers_len + n);
        at += n;
    } while (at < s->len);
    free(p);
}
