/* SPDX-License-Identifier: BSD-2-Clause */
/* The host's half of sending: weir frames records, TCP cuts them, the engine sees every segment. */
#include "device_internal.h"

#include <stdlib.h>
#include <string.h>

void *device_memory(const struct weir_backend *backend)
{
    size_t align = backend->ctx_align < 64 ? 64 : backend->ctx_align;
    void *p = aligned_alloc(align, (backend->ctx_size + align - 1) / align * align);

    if (p == NULL)
        abort();
    memset(p, 0xa5, backend->ctx_size); /* nothing may rely on zeros */
    return p;
}

static void die(struct device_flow *flow, weir_status status, const char *what)
{
    struct sim_device *d = flow->device;

    if (flow->sending == SEND_DEAD)
        return;
    flow->sending = SEND_DEAD;
    flow->status = status;
    device_event(d, flow->number, "sending ends: %s: %s", what, weir_status_name(status));
    d->report.dead++;
    if (!flow->changed && (d->config.faults == NULL || d->config.faults->struck == 0))
        (void)device_wrong(d, flow->number, "sending ended without a fault: %s: %s", what,
                           weir_status_name(status));
}

struct weir_keys device_keys(const struct sim_tls *tls)
{
    static const uint16_t suites[2][2] = {
        {WEIR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, WEIR_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384},
        {WEIR_TLS_AES_128_GCM_SHA256, WEIR_TLS_AES_256_GCM_SHA384}};
    static const uint8_t rules[] = {[SIM_TLS_SEQ] = WEIR_NONCE_SEQ,
                                    [SIM_TLS_COUNTER] = WEIR_NONCE_COUNTER,
                                    [SIM_TLS_MASKED] = WEIR_NONCE_XOR};
    struct weir_keys keys = {.version = tls->tls13 ? WEIR_TLS13 : WEIR_TLS12};

    keys.suite = suites[tls->tls13][tls->alg == SIM_AES_256_GCM];
    memcpy(keys.key, tls->key, sim_alg_key_len(tls->alg));
    memcpy(keys.iv, tls->iv, tls->tls13 ? 12 : 4);
    keys.at.seq = tls->seq;
    keys.at.explicit_nonce = sim_tls_explicit(tls);
    keys.at.nonce_rule = tls->tls13 ? WEIR_NONCE_IMPLICIT : rules[tls->nonces];
    return keys;
}

bool device_send_new(struct device_flow *flow, const struct sim_tls *tls)
{
    struct sim_device *d = flow->device;
    struct weir_keys keys = device_keys(tls);
    struct weir_refusal why = {.code = WEIR_REFUSAL_NONE};

    flow->soft_ctx = device_memory(&d->soft.backend);
    weir_status status = weir_tx_init(&flow->tx, &keys, &d->soft.backend, flow->soft_ctx,
                                      d->soft.backend.ctx_size, &why);
    weir_keys_wipe(&keys);
    if (status != WEIR_OK)
        return device_wrong(d, flow->number, "the keys are refused: %s",
                            weir_refusal_name(why.code));
    (void)weir_tx_set_record_limit(&flow->tx, d->config.record);
    if (tls->tls13 && sim_random_below(&d->seed, 4) == 0)
        (void)weir_tx_set_padding(&flow->tx, 1 + sim_random_below(&d->seed, 512));
    return true;
}

void device_send_free(struct device_flow *flow)
{
    const struct weir_done nobody = {.os_error = 5};
    const struct weir_cmd *cmd;

    weir_tx_wipe(&flow->tx);
    /* A run that failed leaves things on a card that will not be there much longer. */
    while (flow->carded && weir_mlx5_tx_end(flow->card_ctx, NULL, true, &cmd) == WEIR_PENDING)
        weir_mlx5_tx_ended(flow->card_ctx, &nobody);
    free(flow->soft_ctx);
    free(flow->card_ctx);
    free(flow->command);
}

/* ---- Moving to the card ---- */

static void moved(struct device_flow *flow, weir_status status, const struct weir_refusal *why)
{
    struct sim_device *d = flow->device;

    if (status == WEIR_PENDING)
        return;
    if (status == WEIR_OK) {
        flow->sending = SEND_CARD;
        flow->card_alive = flow->carded = true;
        device_event(d, flow->number, "the card has it from %u on, context 0x%x",
                     (unsigned)flow->card_start, (unsigned)weir_mlx5_tx_context(flow->card_ctx));
        return;
    }
    flow->sending = SEND_SOFT;
    if (status != WEIR_REFUSED) {
        die(flow, status, "moving");
        return;
    }
    d->report.software++;
    device_event(d, flow->number, "the card does not take it: %s, detail %u",
                 weir_refusal_name(why->code), (unsigned)why->detail);
    if (d->config.faults == NULL || d->config.faults->struck == 0)
        (void)device_wrong(d, flow->number, "refused without a fault: %s, detail %u",
                           weir_refusal_name(why->code), (unsigned)why->detail);
}

/* Carries out commands until there is none, or one whose reply is late. */
static weir_status carry_out(struct device_flow *flow, struct weir_refusal *why)
{
    struct sim_device *d = flow->device;
    weir_status status = WEIR_PENDING;

    while (status == WEIR_PENDING) {
        const struct weir_cmd *cmd = weir_tx_command(&flow->tx);
        struct weir_done done;

        if (cmd == NULL) {
            (void)device_wrong(d, flow->number, "pending, without a command");
            return WEIR_E_MISUSE;
        }
        bool there = flow->command == NULL ? device_command(d, &flow->command, cmd, &done)
                                           : device_command_done(d, &flow->command, cmd, &done);
        if (!there)
            return WEIR_PENDING;
        status = weir_tx_complete(&flow->tx, &done, why);
    }
    return status;
}

static void move(struct device_flow *flow)
{
    struct sim_device *d = flow->device;
    const struct weir_backend *backend = &d->port.tx.backend;
    struct weir_refusal why = {.code = WEIR_REFUSAL_NONE};

    flow->card_ctx = device_memory(backend);
    flow->card_start = sim_tcp_write_seq(flow->host.tcp);
    const struct weir_move move = {.backend = backend,
                                   .ctx = flow->card_ctx,
                                   .ctx_len = backend->ctx_size,
                                   .tcp_known = true,
                                   .tcp_seq = flow->card_start};
    flow->sending = SEND_PENDING;
    weir_status status = weir_tx_offload(&flow->tx, &move, &why);
    if (status == WEIR_PENDING)
        status = carry_out(flow, &why);
    moved(flow, status, &why);
}

/* ---- Records ---- */

static bool framed(const struct device_flow *flow)
{
    return flow->sending == SEND_CARD;
}

/* flow->record[0..made) came from weir: it is held against a record by the RFCs, which is what the
 * wire has to carry. */
static void check_record(struct device_flow *flow, uint8_t type, const uint8_t *content, size_t len)
{
    static uint8_t plain[TLS_MOST], wire[TLS_MOST];
    size_t total = flow->record_len;

    sim_tls_seal(&flow->out_ref, type, content, len, total, plain, wire);
    if (memcmp(flow->record, framed(flow) ? plain : wire, total) != 0)
        (void)device_wrong(flow->device, flow->number,
                           "record %llu is not what TLS makes of its content",
                           (unsigned long long)flow->out.records);
    device_wire_add(&flow->out_wire, wire, total);
    flow->out.records++;
}

/* False: no record can be made now. */
static bool make_record(struct device_flow *flow, uint8_t type, const uint8_t *content, size_t len)
{
    struct weir_iov in = {content, len};
    size_t taken = 0, made = 0;
    weir_status status =
        weir_tx_seal(&flow->tx, type, &in, 1, flow->record, sizeof flow->record, &taken, &made);

    if (status == WEIR_NEED_OUTPUT && made == 0)
        return false; /* too many records are unacknowledged */
    if ((status != WEIR_OK && status != WEIR_REKEY_DUE) || taken != len) {
        die(flow, status < 0 ? status : WEIR_E_MISUSE, "sealing");
        return false;
    }
    flow->record_len = made;
    flow->record_at = 0;
    check_record(flow, type, content, len);
    return true;
}

static bool next_record(struct device_flow *flow)
{
    static const uint8_t close_notify[2] = {1, 0};
    struct sim_device *d = flow->device;
    struct device_stream *s = &flow->out;
    uint8_t content[16384];
    uint64_t left = s->total - s->done, len = d->config.record;

    if (s->closed)
        return false;
    if (left == 0) {
        s->closed = make_record(flow, TLS_ALERT, close_notify, 2);
        return s->closed;
    }
    /* Records of one length, as bulk data has, with some of any other between. */
    if (sim_random_below(&d->seed, 4) == 0)
        len = 1 + sim_random_below(&d->seed, d->config.record);
    len = len < left ? len : left;
    sim_tls_pattern(s->seed, s->done, content, (size_t)len);
    if (!make_record(flow, TLS_APPLICATION, content, (size_t)len))
        return false;
    s->done += len;
    return true;
}

/* What of the record TCP takes. False: not all of it. */
static bool hand_down(struct device_flow *flow)
{
    flow->record_at += sim_tcp_write(flow->host.tcp, flow->record + flow->record_at,
                                     flow->record_len - flow->record_at);
    return flow->record_at == flow->record_len;
}

void device_send_step(struct device_flow *flow)
{
    struct weir_refusal why = {.code = WEIR_REFUSAL_NONE};

    if (flow->sending == SEND_PENDING)
        moved(flow, carry_out(flow, &why), &why);
    while (flow->sending != SEND_PENDING && flow->sending != SEND_DEAD) {
        if (!hand_down(flow))
            return;
        if (!flow->carded && flow->card_ctx == NULL &&
            flow->out.records >= flow->device->config.before) {
            move(flow);
            continue;
        }
        if (!next_record(flow))
            break;
    }
    if (flow->out.closed && hand_down(flow))
        sim_tcp_close(flow->host.tcp);
}

/* ---- Segments ---- */

static bool piece(void *user, uint32_t seq, uint32_t len, struct weir_mlx5_piece *piece)
{
    const struct device_flow *flow = user;
    struct sim_tcp_piece pieces[2];
    size_t size;
    const uint8_t *buffer = sim_tcp_buffer(flow->host.tcp, &size);

    uint32_t end = sim_tcp_write_seq(flow->host.tcp), rest = seq - end;
    size_t left = flow->record_len - flow->record_at;

    /* A record that was framed may not be in TCP's buffer to its end yet: for the processor only,
     * so that there is no memory region to it. */
    if (!sim_before(seq, end) && rest < left) {
        *piece = (struct weir_mlx5_piece){.bytes = flow->record + flow->record_at + rest,
                                          .len = left - rest < len ? (uint32_t)left - rest : len};
        return true;
    }
    if (sim_before(seq, end) && len > end - seq)
        len = end - seq;
    if (!sim_tcp_has(flow->host.tcp, seq, len))
        return false;
    sim_tcp_where(flow->host.tcp, seq, len, pieces);
    *piece = (struct weir_mlx5_piece){
        .bytes = pieces[0].base,
        .address = DEVICE_BASE + (uint64_t)(pieces[0].base - buffer),
        .lkey = DEVICE_LKEY + 1 + flow->number,
        .len = (uint32_t)pieces[0].len,
    };
    return true;
}

static void count(struct device_flow *flow, const struct sim_tcp_segment *s,
                  const struct weir_mlx5_sent *sent)
{
    static const char *const ways[] = {"dropped", "untouched", "card", "software"};
    static const char *const brought[] = {"", ", from the start", ", over a gap"};
    struct sim_device *d = flow->device;
    bool card = sent->way == WEIR_MLX5_DEVICE;

    d->report.segments[sent->way]++;
    d->report.starts += card && sent->recovery == WEIR_MLX5_START;
    d->report.gaps += card && sent->recovery == WEIR_MLX5_GAP;
    if (s->len > 0)
        device_event(d, flow->number, "%u+%zu%s: %s%s, %u read again", (unsigned)s->seq, s->len,
                     s->again ? " again" : "", ways[sent->way], card ? brought[sent->recovery] : "",
                     (unsigned)sent->dumped);
}

/* A segment that the engine has not posted: past the card, as by another interface. */
static void send_past(struct device_flow *flow, const struct sim_tcp_segment *s,
                      const struct weir_mlx5_bounce *bounce, const struct weir_mlx5_sent *sent)
{
    struct sim_tcp_segment copy = *s;

    if (sent->way == WEIR_MLX5_SOFTWARE) {
        copy.pieces[0] = (struct sim_tcp_piece){bounce->bytes, s->len};
        copy.pieces[1] = (struct sim_tcp_piece){NULL, 0};
    }
    sim_tcp_frames(&copy, &flow->host.sink);
}

static bool refused(struct device_flow *flow, const struct sim_tcp_segment *s,
                    const struct weir_mlx5_sent *sent)
{
    const struct weir_refusal *why = &sent->why;

    device_event(flow->device, flow->number, "%u+%zu: dropped: %s", (unsigned)s->seq, s->len,
                 weir_refusal_name(why->code));
    flow->device->report.segments[WEIR_MLX5_DROPPED]++;
    if (why->code == WEIR_REFUSAL_RESOURCES && why->transient)
        return false; /* as ENOBUFS: it is asked again */
    if (why->code == WEIR_REFUSAL_CHANGED && flow->changed)
        return false; /* the next one is told that the direction has ended */
    (void)device_wrong(flow->device, flow->number, "the segment at %u, %zu bytes, is refused: %s",
                       (unsigned)s->seq, s->len, weir_refusal_name(why->code));
    return false;
}

/* The last packets of a queue need not have asked for a completion. True: now one is due. */
static bool flush(struct sim_device *d)
{
    struct device_queue *q = &d->port.segments;

    if (d->port.lost || !weir_mlx5_sq_flush(&q->sq))
        return false;
    q->unrung = true;
    device_port_ring(d, q);
    return true;
}

static bool xmit(struct device_flow *flow, const struct sim_tcp_segment *s)
{
    struct sim_device *d = flow->device;
    struct device_port *port = &d->port;
    const struct weir_mlx5_stream stream = {piece, flow};
    struct weir_mlx5_data data[2];
    struct weir_mlx5_bounce bounce;
    struct weir_mlx5_sent sent;
    size_t size;
    const uint8_t *buffer = sim_tcp_buffer(flow->host.tcp, &size);
    unsigned slot = 0;
    struct weir_mlx5_segment segment = {
        .tcp_seq = s->seq,
        .len = (uint32_t)s->len,
        .headers = s->headers,
        .headers_len = (uint16_t)s->headers_len,
        .mss = s->len > s->mss ? (uint16_t)s->mss : 0,
        .sums = WEIR_MLX5_SUM_IP | WEIR_MLX5_SUM_TCP,
        .data = data,
    };

    for (size_t i = 0; i < 2 && s->pieces[i].len > 0; i++)
        data[segment.pieces++] = (struct weir_mlx5_data){
            .address = DEVICE_BASE + (uint64_t)(s->pieces[i].base - buffer),
            .lkey = DEVICE_LKEY + 1 + flow->number,
            .len = (uint32_t)s->pieces[i].len,
        };
    if (!device_bounce(port, &bounce, &slot)) {
        (void)flush(d);
        return false;
    }
    weir_status status = weir_mlx5_tx_xmit(flow->card_ctx, &stream, &segment,
                                           port->lost ? NULL : &port->segments.sq, &bounce, &sent);
    if (status == WEIR_OK && sent.way == WEIR_MLX5_DEVICE)
        flow->resets = port->segments.resets;
    if (status == WEIR_REFUSED)
        return refused(flow, s, &sent);
    if (status != WEIR_OK) {
        die(flow, status, "a segment");
        return false;
    }
    count(flow, s, &sent);
    if (!sent.posted) {
        send_past(flow, s, &bounce, &sent);
        return true;
    }
    port->segments.unrung = true;
    if (sent.way == WEIR_MLX5_SOFTWARE) {
        port->bounce_used[slot] = true;
        port->bounce_until[slot] = sent.until;
    }
    if (sim_random_below(&d->seed, 1000000) >= d->config.hold)
        device_port_ring(d, &port->segments);
    return true;
}

/* In two, where the offload begins: what is before it is ciphertext, what is behind is not, and no
 * segment may be of both kinds. */
static bool send_split(struct device_flow *flow, const struct sim_tcp_segment *s, size_t first)
{
    uint8_t headers[SIM_WIRE_MOST];
    struct sim_tcp_segment part = *s;

    memcpy(headers, s->headers, s->headers_len);
    sim_wire_frame(headers, s->headers_len, 0, first, first, true);
    part.headers = headers;
    part.len = first;
    sim_tcp_where(flow->host.tcp, s->seq, first, part.pieces);
    if (!xmit(flow, &part))
        return false;
    memcpy(headers, s->headers, s->headers_len);
    sim_wire_frame(headers, s->headers_len, 1, first, s->len - first, false);
    part.seq = s->seq + (uint32_t)first;
    part.len = s->len - first;
    sim_tcp_where(flow->host.tcp, part.seq, part.len, part.pieces);
    return xmit(flow, &part);
}

bool device_send_out(struct device_flow *flow, const struct sim_tcp_segment *s)
{
    uint32_t before = flow->card_start - s->seq;

    if (!flow->carded) {
        sim_tcp_frames(s, &flow->host.sink);
        return true;
    }
    if (flow->sending == SEND_DEAD && !flow->card_alive)
        return true; /* lost on the way: plaintext must never leave */
    if (flow->device->config.change && s->again && !flow->changed &&
        !sim_before(s->seq, flow->card_start)) {
        size_t size;
        uint8_t *buffer = sim_tcp_buffer(flow->host.tcp, &size);

        buffer[(s->pieces[0].base - buffer) + (ptrdiff_t)(s->pieces[0].len / 2)] ^= 1;
        flow->changed = true;
    }
    if (s->len > 0 && sim_before(s->seq, flow->card_start) && before < s->len)
        return send_split(flow, s, before);
    return xmit(flow, s);
}

void device_send_acked(struct device_flow *flow, uint32_t una)
{
    if (flow->sending != SEND_CARD || sim_before(una, flow->card_start))
        return;
    uint32_t end = sim_tcp_write_seq(flow->host.tcp);
    /* FIN is behind the last record. */
    (void)weir_mlx5_tx_acked(flow->card_ctx, sim_before(end, una) ? end : una);
}

uint32_t device_send_oldest(struct device_flow *flow, uint32_t una)
{
    if (!flow->carded)
        return una;
    if (!device_port_idle(&flow->device->port, &flow->device->port.segments))
        return flow->kept; /* the card may be about to read it */
    uint32_t needs = weir_mlx5_tx_needs(flow->card_ctx);
    flow->kept = sim_before(needs, una) ? needs : una;
    return flow->kept;
}

void device_send_lost(struct device_flow *flow)
{
    if (flow->card_alive)
        weir_mlx5_tx_lost(flow->card_ctx);
}

void device_send_check(struct device_flow *flow)
{
    struct sim_device *d = flow->device;
    const struct device_wire *wire = &flow->out_wire;
    struct sim_nic_place place;
    uint32_t seq;

    /* A reset of the queue is noticed with the next segment for the card. */
    if (!flow->card_alive || d->port.lost || flow->resets != d->port.segments.resets ||
        d->port.segments.sq.failed || !device_port_idle(&d->port, &d->port.segments) ||
        !weir_mlx5_tx_expects(flow->card_ctx, &seq))
        return;
    if (!sim_nic_place(d->port.nic, weir_mlx5_tx_context(flow->card_ctx), &place)) {
        (void)device_wrong(d, flow->number, "the engine has the card at %u, where it is not",
                           (unsigned)seq);
        return;
    }
    uint64_t record = place.record - wire->first_record;
    size_t start = record < wire->count ? wire->starts[record] : wire->len;
    if (record > wire->count || flow->first + (uint32_t)start + place.offset != seq ||
        (place.seq_known && place.seq != seq))
        (void)device_wrong(d, flow->number,
                           "the engine has the card at %u, but it is %u bytes into record %llu, "
                           "next byte %u%s",
                           (unsigned)seq, (unsigned)place.offset, (unsigned long long)place.record,
                           (unsigned)place.seq, place.seq_known ? "" : "?");
}

void device_send_count(const struct device_flow *flow, struct weir_mlx5_tx_counters *to)
{
    if (!flow->carded)
        return;
    struct weir_mlx5_tx_counters n = weir_mlx5_tx_count(flow->card_ctx);
    to->tx_packets += n.tx_packets;
    to->tx_bytes += n.tx_bytes;
    to->tx_packets_ooo += n.tx_packets_ooo;
    to->tx_bytes_ooo += n.tx_bytes_ooo;
    to->tx_error += n.tx_error;
    to->tx_queue_full += n.tx_queue_full;
    to->tx_software += n.tx_software;
    to->tx_software_bytes += n.tx_software_bytes;
    to->tx_tags += n.tx_tags;
    to->tx_untouched += n.tx_untouched;
    to->tx_commands_failed += n.tx_commands_failed;
}

bool device_send_ended(struct device_flow *flow)
{
    struct sim_device *d = flow->device;
    struct device_port *port = &d->port;
    const struct weir_cmd *cmd;
    struct weir_done done;

    if (flow->sending == SEND_PENDING)
        device_send_step(flow); /* it is ended when it is there */
    if (flow->sending == SEND_PENDING)
        return false;
    weir_tx_wipe(&flow->tx);
    while (flow->card_alive) {
        weir_status status =
            weir_mlx5_tx_end(flow->card_ctx, port->lost ? NULL : &port->segments.sq, true, &cmd);
        if (status == WEIR_OK) {
            flow->card_alive = false;
            break;
        }
        if (status == WEIR_NEED_INPUT && flush(d))
            continue;
        if (status != WEIR_PENDING)
            return false;
        bool there = flow->command == NULL ? device_command(d, &flow->command, cmd, &done)
                                           : device_command_done(d, &flow->command, cmd, &done);
        if (!there)
            return false;
        weir_mlx5_tx_ended(flow->card_ctx, &done);
    }
    return true;
}
