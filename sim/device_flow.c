/* SPDX-License-Identifier: BSD-2-Clause */
/* A flow: its two TCPs, and the peer, which knows TLS and nothing else. */
#include "device_internal.h"

#include <stdlib.h>
#include <string.h>

#define HOST_ADDRESS 0x0a000001u
#define PEER_ADDRESS 0x0a000002u
#define PEER_PORT    443u

static struct device_end *end_of(struct sim_tcp_owner *owner)
{
    return (struct device_end *)(void *)owner;
}

static bool out(struct sim_tcp_owner *owner, struct sim_tcp *tcp, const struct sim_tcp_segment *s)
{
    struct device_end *e = end_of(owner);

    (void)tcp;
    if (e->host)
        return device_send_out(e->flow, s);
    sim_tcp_frames(s, &e->sink);
    return true;
}

static void acked(struct sim_tcp_owner *owner, struct sim_tcp *tcp, uint32_t una)
{
    (void)tcp;
    device_send_acked(end_of(owner)->flow, una);
}

static uint8_t in(struct sim_tcp_owner *owner, struct sim_tcp *tcp, uint32_t seq, uint8_t *payload,
                  size_t len)
{
    (void)tcp;
    return device_receive_in(end_of(owner)->flow, seq, payload, len);
}

static uint32_t oldest(struct sim_tcp_owner *owner, struct sim_tcp *tcp, uint32_t una)
{
    (void)tcp;
    return device_send_oldest(end_of(owner)->flow, una);
}

static void frame(struct sim_tcp_sink *sink, const uint8_t *bytes, size_t len)
{
    struct device_end *e =
        (struct device_end *)(void *)((uint8_t *)sink - offsetof(struct device_end, sink));

    if (e->host)
        device_frame_out(e->flow->device, bytes, len);
    else
        device_frame_in(e->flow, bytes, len);
}

static void end_new(struct device_flow *flow, struct device_end *e, bool host, uint64_t *seed)
{
    const struct sim_device_config *c = &flow->device->config;
    uint16_t port = (uint16_t)(DEVICE_PORT + flow->number);
    struct sim_tcp_config t = {
        .active = host,
        .from = host ? HOST_ADDRESS : PEER_ADDRESS,
        .to = host ? PEER_ADDRESS : HOST_ADDRESS,
        .from_port = host ? port : PEER_PORT,
        .to_port = host ? PEER_PORT : port,
        .mtu = DEVICE_MTU,
        .send_buffer = c->send_buffer,
        .window = 65535,
        .sack = c->sack,
        .lso = host ? c->lso : 0,
        .cut = c->cut,
    };

    t.seed = sim_random(seed);
    t.first_seq = (uint32_t)sim_random(seed);
    if (c->wrap)
        t.first_seq = (uint32_t)-sim_random_below(seed, c->bytes + 2);
    *e = (struct device_end){.owner = {.out = out}, .sink = {frame}, .flow = flow, .host = host};
    if (host) {
        e->owner.in = in;
        e->owner.acked = acked;
        e->owner.oldest = oldest;
        flow->first = flow->kept = t.first_seq + 1;
    }
    e->tcp = sim_tcp_new(&t, &e->owner);
}

static struct sim_tls draw_keys(struct sim_device *d)
{
    const struct sim_device_config *c = &d->config;
    struct sim_tls tls = {.nonces = (enum sim_tls_nonces)sim_random_below(&d->seed, 3)};
    uint64_t draw = sim_random(&d->seed);

    tls.tls13 = c->version == 0 ? draw % 2 == 0 : c->version == WEIR_TLS13;
    tls.alg = SIM_AES_128_GCM;
    if (c->key_bits == 256 || (c->key_bits == 0 && draw / 2 % 2 == 0))
        tls.alg = SIM_AES_256_GCM;
    for (size_t i = 0; i < sim_alg_key_len(tls.alg); i++)
        tls.key[i] = (uint8_t)sim_random(&d->seed);
    for (size_t i = 0; i < sizeof tls.iv; i++)
        tls.iv[i] = (uint8_t)sim_random(&d->seed);
    /* A direction may have carried many records before; here and there a number that takes more
     * than 32 bits. */
    if (draw / 4 % 2 == 0)
        tls.seq = sim_random_below(&d->seed, UINT64_C(1) << (draw / 8 % 4 * 16));
    tls.explicit_nonce = tls.nonces == SIM_TLS_SEQ ? 0 : sim_random(&d->seed);
    return tls;
}

/* A direction as a handshake left it. */
static struct sim_tls given_keys(struct sim_device *d, const struct weir_keys *keys)
{
    struct sim_tls tls = {.tls13 = keys->version == WEIR_TLS13, .seq = keys->at.seq};

    tls.alg = SIM_AES_128_GCM;
    if (weir_suite_find(keys->suite)->alg == WEIR_AES_256_GCM)
        tls.alg = SIM_AES_256_GCM;
    memcpy(tls.key, keys->key, sizeof tls.key);
    memcpy(tls.iv, keys->iv, sizeof tls.iv);
    switch (keys->at.nonce_rule) {
    case WEIR_NONCE_SEQ:
        tls.nonces = SIM_TLS_SEQ;
        break;
    case WEIR_NONCE_COUNTER:
        tls.nonces = SIM_TLS_COUNTER;
        tls.explicit_nonce = keys->at.explicit_nonce;
        break;
    default: /* where the peer's rule is not known, any other that repeats none of its nonces */
        tls.nonces = SIM_TLS_MASKED;
        tls.explicit_nonce = sim_random(&d->seed);
        break;
    }
    return tls;
}

/* Plays the handshake: each flight goes when all before it have come. True: it is over. */
static bool play_opening(struct device_flow *flow)
{
    const struct sim_device_opening *o = flow->opening;
    uint8_t got[2048], mark;

    while (o != NULL && flow->flight < o->count) {
        const struct sim_device_flight *f = &o->flights[flow->flight];
        struct sim_tcp *from = f->host ? flow->host.tcp : flow->peer.tcp;
        struct sim_tcp *to = f->host ? flow->peer.tcp : flow->host.tcp;
        size_t left = f->len - flow->flight_read, n;

        flow->flight_written +=
            sim_tcp_write(from, f->bytes + flow->flight_written, f->len - flow->flight_written);
        n = sim_tcp_read(to, got, left < sizeof got ? left : sizeof got, &mark);
        if (n > 0 && memcmp(got, f->bytes + flow->flight_read, n) != 0)
            return device_wrong(flow->device, flow->number, "the handshake arrives changed");
        flow->flight_read += n;
        if (flow->flight_read == f->len) {
            flow->flight++;
            flow->flight_read = flow->flight_written = 0;
        } else if (n == 0) {
            return false;
        }
    }
    return true;
}

/* What the host says in the handshake is on the wire as it is. */
static void begin_opening(struct device_flow *flow, const struct sim_device_opening *o)
{
    struct sim_device *d = flow->device;

    flow->opening = o;
    flow->out_ref = flow->out_peer = given_keys(d, &o->tx);
    flow->in_peer = given_keys(d, &o->rx);
    for (size_t i = 0; i < o->count; i++) {
        if (o->flights[i].host)
            device_wire_add(&flow->out_wire, o->flights[i].bytes, o->flights[i].len);
    }
    flow->out_wire.count = 0; /* no record of these keys */
}

bool device_flow_new(struct sim_device *d, unsigned number)
{
    struct device_flow *flow = &d->flows[number];
    size_t size;

    flow->device = d;
    flow->number = number;
    end_new(flow, &flow->host, true, &d->seed);
    end_new(flow, &flow->peer, false, &d->seed);
    uint8_t *buffer = sim_tcp_buffer(flow->host.tcp, &size);
    sim_nic_map(d->port.nic, DEVICE_LKEY + 1 + number, DEVICE_BASE, buffer, size);
    flow->out_ref = flow->out_peer = draw_keys(d);
    flow->out.seed = flow->out_read.seed = sim_random(&d->seed);
    flow->out.total = flow->out_read.total = d->config.send ? d->config.bytes : 0;
    flow->in_peer = draw_keys(d);
    flow->in.seed = flow->in_read.seed = sim_random(&d->seed);
    flow->in.total = flow->in_read.total = d->config.receive ? d->config.bytes : 0;
    if (d->config.openings != NULL)
        begin_opening(flow, &d->config.openings[number]);
    flow->out_wire.first_record = flow->out_ref.seq;
    return device_send_new(flow, &flow->out_ref) && device_receive_new(flow);
}

void device_flow_free(struct device_flow *flow)
{
    device_send_free(flow);
    device_receive_free(flow);
    sim_tcp_free(flow->host.tcp);
    sim_tcp_free(flow->peer.tcp);
    free(flow->out_wire.bytes);
    free(flow->out_wire.starts);
}

void device_wire_add(struct device_wire *wire, const uint8_t *bytes, size_t len)
{
    if (wire->len + len > wire->room) {
        wire->room = 2 * (wire->len + len);
        wire->bytes = sim_realloc(wire->bytes, wire->room);
    }
    if (wire->count == wire->starts_room) {
        wire->starts_room = 2 * wire->starts_room + 64;
        wire->starts = sim_realloc(wire->starts, wire->starts_room * sizeof *wire->starts);
    }
    wire->starts[wire->count++] = wire->len;
    memcpy(wire->bytes + wire->len, bytes, len);
    wire->len += len;
}

/* Content that came, len bytes of it, is what was sent. */
bool device_content(struct device_flow *flow, struct device_stream *s, const uint8_t *p, size_t len)
{
    static uint8_t wanted[TLS_MOST];
    struct sim_device *d = flow->device;

    if (len > s->total - s->done)
        return device_wrong(d, flow->number, "more content than was sent");
    sim_tls_pattern(s->seed, s->done, wanted, len);
    for (size_t i = 0; i < len; i++) {
        if (p[i] != wanted[i]) {
            unsigned long long byte = s->done + i;

            if (!d->report.failed) {
                d->report.byte_known = true;
                d->report.wrong = byte;
            }
            return device_wrong(d, flow->number, "wrong content from byte %llu on", byte);
        }
    }
    s->done += len;
    s->records++;
    d->report.content += len;
    d->report.records++;
    return true;
}

/* A record that does not open ends the connection (RFC 8446 section 5.2), and must have a reason.
 */
static bool peer_refuses(struct device_flow *flow)
{
    struct sim_device *d = flow->device;

    if (sim_link_counts(d->out)->corrupted_past == 0)
        return device_wrong(d, flow->number, "the peer cannot open record %llu",
                            (unsigned long long)flow->out_read.records);
    device_event(d, flow->number, "the peer refuses record %llu",
                 (unsigned long long)flow->out_read.records);
    flow->peer_dead = true;
    d->report.dead++;
    return false;
}

/* The record flow->peer_buf[0..total). */
static bool peer_record(struct device_flow *flow, size_t total)
{
    static uint8_t content[TLS_MOST];
    struct device_stream *s = &flow->out_read;
    uint8_t type = 0;
    size_t len = 0;

    if (s->closed)
        return device_wrong(flow->device, flow->number, "a record behind close_notify");
    if (!sim_tls_open(&flow->out_peer, flow->peer_buf, total, content, &len, &type))
        return peer_refuses(flow);
    if (type == TLS_APPLICATION)
        return device_content(flow, s, content, len);
    if (type != TLS_ALERT || len != 2 || content[1] != 0 || s->done != s->total)
        return device_wrong(flow->device, flow->number, "a record of type %u, %zu bytes", type,
                            len);
    s->closed = true;
    return true;
}

static void peer_read(struct device_flow *flow)
{
    size_t total, n;
    uint8_t mark;

    do {
        /* One record at a time: what was read ahead is not needed here. */
        size_t want = sizeof flow->peer_buf;

        total = sim_tls_total(flow->peer_buf, flow->peer_len);
        want = total > 0 ? total : TLS_HEADER;
        n = sim_tcp_read(flow->peer.tcp, flow->peer_buf + flow->peer_len, want - flow->peer_len,
                         &mark);
        flow->peer_len += n;
        if (total == 0 && flow->peer_len == TLS_HEADER &&
            sim_tls_total(flow->peer_buf, TLS_HEADER) == 0) {
            (void)device_wrong(flow->device, flow->number, "the peer gets what is no record");
            return;
        }
        if (total > 0 && flow->peer_len == total) {
            flow->peer_len = 0;
            if (!peer_record(flow, total))
                return;
        }
    } while (n > 0);
}

/* The peer's next record. */
static void peer_record_out(struct device_flow *flow)
{
    static const uint8_t close_notify[2] = {1, 0};
    static uint8_t content[16384], plain[TLS_MOST];
    struct sim_device *d = flow->device;
    struct device_stream *s = &flow->in;
    uint64_t left = s->total - s->done;
    size_t len = d->config.record;

    s->closed = left == 0;
    if (sim_random_below(&d->seed, 3) == 0)
        len = 1 + (size_t)sim_random_below(&d->seed, len);
    if (len > left)
        len = (size_t)left;
    if (s->closed)
        len = 2;
    else
        sim_tls_pattern(s->seed, s->done, content, len);
    size_t total = sim_tls_prefix(&flow->in_peer) + len + sim_tls_suffix(&flow->in_peer);
    if (flow->in_peer.tls13 && len < 16000)
        total += (size_t)sim_random_below(&d->seed, 30);
    sim_tls_seal(&flow->in_peer, s->closed ? TLS_ALERT : TLS_APPLICATION,
                 s->closed ? close_notify : content, len, total, plain, flow->in_record);
    flow->in_record_len = total;
    flow->in_record_at = 0;
    s->done += s->closed ? 0 : len;
    s->records++;
}

static void peer_write(struct device_flow *flow)
{
    for (;;) {
        flow->in_record_at += sim_tcp_write(flow->peer.tcp, flow->in_record + flow->in_record_at,
                                            flow->in_record_len - flow->in_record_at);
        if (flow->in_record_at < flow->in_record_len)
            return;
        if (flow->in.closed)
            break;
        peer_record_out(flow);
    }
    sim_tcp_close(flow->peer.tcp);
}

static bool finished(const struct device_flow *flow)
{
    return flow->out_read.closed && flow->in_read.closed && sim_tcp_all_acked(flow->host.tcp) &&
           sim_tcp_all_acked(flow->peer.tcp);
}

static void look_at_tcp(struct device_flow *flow)
{
    struct sim_device *d = flow->device;

    if (sim_tcp_state(flow->host.tcp) != SIM_TCP_DEAD &&
        sim_tcp_state(flow->peer.tcp) != SIM_TCP_DEAD)
        return;
    if (flow->sending != SEND_DEAD && !flow->rx_dead && !flow->peer_dead && !flow->killed)
        (void)device_wrong(d, flow->number, "TCP gave up");
    flow->killed = true;
}

void device_flow_step(struct device_flow *flow)
{
    uint64_t now = flow->device->now;

    if (flow->over)
        return;
    if ((flow->sending == SEND_DEAD || flow->rx_dead || flow->peer_dead) && !flow->killed) {
        sim_tcp_kill(flow->host.tcp);
        sim_tcp_kill(flow->peer.tcp);
        flow->killed = true;
    }
    if (flow->killed || finished(flow)) {
        bool sent = device_send_ended(flow), received = device_receive_ended(flow);

        flow->over = sent && received;
        return;
    }
    if (play_opening(flow)) {
        if (!flow->peer_dead)
            peer_read(flow);
        peer_write(flow);
        device_receive_step(flow);
        device_send_step(flow);
    }
    sim_tcp_run(flow->host.tcp, now);
    sim_tcp_run(flow->peer.tcp, now);
    look_at_tcp(flow);
}

bool device_flow_due(const struct device_flow *flow, uint64_t *when)
{
    uint64_t host = UINT64_MAX, peer = UINT64_MAX;

    if (flow->over)
        return false;
    (void)sim_tcp_due(flow->host.tcp, &host);
    (void)sim_tcp_due(flow->peer.tcp, &peer);
    *when = host < peer ? host : peer;
    return *when != UINT64_MAX;
}
