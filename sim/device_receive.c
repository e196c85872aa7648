/* SPDX-License-Identifier: BSD-2-Clause */
/* The host's half of receiving: the card decrypts packets as they come, TCP puts them in order, and
 * weir opens what that makes of the records. */
#include "device_internal.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define DECRYPTED 1u /* the mark */

bool device_receive_new(struct device_flow *flow)
{
    struct sim_device *d = flow->device;
    struct weir_keys keys = device_keys(&flow->in_peer);
    struct weir_refusal why = {.code = WEIR_REFUSAL_NONE};
    uint64_t at = (uint64_t)flow->number * WEIR_MLX5_PROGRESS_ALIGN;
    const struct weir_mlx5_rx_config config = {
        .caps = &d->port.caps,
        .pd = DEVICE_PD,
        .domain = DEVICE_DOMAIN,
        .table = 9,
        .trigger = d->config.trigger,
        .progress = d->port.progress + at,
        .address = DEVICE_BASE + at,
        .lkey = DEVICE_PSV,
    };

    flow->rx_ctx = device_memory(&d->soft.backend);
    flow->marks = (struct weir_marks){flow->mark_memory, DEVICE_MARKS, 0};
    weir_status status = weir_rx_init(&flow->rx, &keys, &d->soft.backend, flow->rx_ctx,
                                      d->soft.backend.ctx_size, &why);
    weir_keys_wipe(&keys);
    if (status != WEIR_OK)
        return device_wrong(d, flow->number, "the keys to receive with are refused: %s",
                            weir_refusal_name(why.code));
    if (weir_mlx5_rx_init(&flow->rx_card, &config, &why) != WEIR_OK)
        return device_wrong(d, flow->number, "the card cannot receive: %s",
                            weir_refusal_name(why.code));
    return true;
}

void device_receive_free(struct device_flow *flow)
{
    weir_rx_wipe(&flow->rx);
    weir_mlx5_rx_wipe(&flow->rx_card);
    free(flow->rx_ctx);
    free(flow->rx_command);
}

uint8_t device_receive_in(struct device_flow *flow, uint32_t seq, uint8_t *payload, size_t len)
{
    struct sim_device *d = flow->device;
    struct weir_mlx5_cqe read;
    uint8_t cqe[64];

    if (!flow->steered || d->port.lost)
        return 0;
    enum sim_nic_rx came =
        sim_nic_receive(d->port.nic, weir_mlx5_rx_tirn(&flow->rx_card), seq, payload, len, cqe);
    weir_mlx5_cqe_read(cqe, &read);
    bool decrypted = weir_mlx5_rx_packet(&flow->rx_card, &read, seq, (uint32_t)len);
    device_event(d, flow->number, "%u+%zu came: %s", (unsigned)seq, len,
                 decrypted ? "decrypted" : "as it was");
    if (decrypted != (came == SIM_NIC_RX_DECRYPTED))
        (void)device_wrong(d, flow->number, "the packet at %u is taken for what it is not",
                           (unsigned)seq);
    return decrypted ? DECRYPTED : 0;
}

/* ---- What the card needs ---- */

static void command(struct device_flow *flow)
{
    struct sim_device *d = flow->device;
    const struct weir_cmd *cmd = weir_mlx5_rx_command(&flow->rx_card);
    struct weir_done done;

    if (cmd == NULL) {
        (void)device_wrong(d, flow->number, "receiving: a command that is none");
        return;
    }
    bool there = flow->rx_command == NULL ? device_command(d, &flow->rx_command, cmd, &done)
                                          : device_command_done(d, &flow->rx_command, cmd, &done);
    if (there && weir_mlx5_rx_done(&flow->rx_card, &done) != WEIR_OK)
        (void)device_wrong(d, flow->number, "receiving: a reply that is not taken");
}

static void post(struct device_flow *flow)
{
    struct sim_device *d = flow->device;
    uint16_t index;

    if (weir_mlx5_rx_post(&flow->rx_card, &d->port.internal.sq, &index) != WEIR_OK)
        return; /* no room: later */
    d->port.internal.unrung = true;
    device_port_ring(d, &d->port.internal);
}

/* Does what is to be done, as long as that changes anything. */
static void serve(struct device_flow *flow)
{
    for (unsigned i = 0; i < 32; i++) {
        enum weir_mlx5_rx_next next = weir_mlx5_rx_next(&flow->rx_card);

        if (next == WEIR_MLX5_RX_COMMAND)
            command(flow);
        else if (next == WEIR_MLX5_RX_POST)
            post(flow);
        else if (next == WEIR_MLX5_RX_STEER) {
            flow->steered = true;
            weir_mlx5_rx_steered(&flow->rx_card, true, 0);
        } else if (next == WEIR_MLX5_RX_UNSTEER) {
            flow->steered = false;
            weir_mlx5_rx_unsteered(&flow->rx_card);
        }
        if (next == WEIR_MLX5_RX_NOTHING || flow->rx_command != NULL ||
            (next == WEIR_MLX5_RX_POST && weir_mlx5_rx_next(&flow->rx_card) == next))
            return;
    }
    (void)device_wrong(flow->device, flow->number, "receiving: there is always something to do");
}

bool device_receive_completed(struct device_flow *flow, const struct weir_mlx5_cqe *cqe)
{
    return flow->rx_begun && weir_mlx5_rx_completed(&flow->rx_card, cqe) == WEIR_OK;
}

void device_receive_abandon(struct device_flow *flow)
{
    if (flow->rx_begun)
        weir_mlx5_rx_abandon(&flow->rx_card);
}

void device_receive_lost(struct device_flow *flow)
{
    flow->steered = false;
    if (flow->rx_begun)
        weir_mlx5_rx_lost(&flow->rx_card);
}

static void begin(struct device_flow *flow)
{
    struct sim_device *d = flow->device;
    struct weir_refusal why = {.code = WEIR_REFUSAL_NONE};
    struct weir_keys keys;
    uint32_t seq = sim_tcp_read_seq(flow->host.tcp) - (uint32_t)flow->input_len;

    flow->rx_begun = true;
    weir_status status = weir_rx_share(&flow->rx, seq, &keys, &why);
    if (status == WEIR_OK)
        status = weir_mlx5_rx_start(&flow->rx_card, &keys, &why);
    if (status != WEIR_PENDING)
        (void)device_wrong(d, flow->number, "receiving cannot start: %s, %s",
                           weir_status_name(status), weir_refusal_name(why.code));
    if (d->port.lost)
        weir_mlx5_rx_lost(&flow->rx_card);
    device_event(d, flow->number, "receiving: the card is to have it from %u on", (unsigned)seq);
}

/* ---- Records ---- */

static void die(struct device_flow *flow, weir_status status)
{
    struct sim_device *d = flow->device;

    flow->rx_dead = true;
    d->report.dead++;
    device_event(d, flow->number, "receiving ends: %s", weir_status_name(status));
    if (d->config.link.corrupt_past == 0 || status != WEIR_E_AUTH)
        (void)device_wrong(d, flow->number, "receiving ended: %s", weir_status_name(status));
}

static void take_record(struct device_flow *flow, const struct weir_record *r)
{
    struct device_stream *s = &flow->in_read;

    if (r->type == WEIR_TYPE_DATA) {
        (void)device_content(flow, s, r->data, r->len);
        return;
    }
    if (r->type != WEIR_TYPE_ALERT || r->len != 2 || s->done != s->total)
        (void)device_wrong(flow->device, flow->number, "received: a record of type %u",
                           (unsigned)r->type);
    s->closed = true;
}

/* False: there is no whole record left, or nothing more can be read. */
static bool open_some(struct device_flow *flow)
{
    struct sim_device *d = flow->device;
    struct weir_record records[4];
    struct weir_note notes[4];
    struct weir_marked in = {
        .buf = flow->input,
        .len = flow->input_len,
        .marks = flow->marks.at,
        .marks_count = flow->marks.count,
        .trust = d->config.trust,
        .records = records,
        .cap = 4,
        .notes = notes,
        .notes_cap = 4,
    };
    weir_status status = weir_rx_open_marked(&flow->rx, &in);

    if (status < 0) {
        die(flow, status);
        return false;
    }
    for (size_t i = 0; i < in.count; i++)
        take_record(flow, &records[i]);
    for (size_t i = 0; i < in.noted; i++) {
        d->report
            .came[notes[i].came == WEIR_CAME_DECRYPTED ? 2 : notes[i].came == WEIR_CAME_MIXED] +=
            flow->rx_begun;
        if (flow->rx_begun)
            weir_mlx5_rx_record(&flow->rx_card, &notes[i]);
    }
    memmove(flow->input, flow->input + in.consumed, flow->input_len - in.consumed);
    flow->input_len -= in.consumed;
    weir_marks_consume(&flow->marks, in.consumed);
    return status == WEIR_OK;
}

static bool read_some(struct device_flow *flow)
{
    uint8_t mark = 0;
    size_t n = sim_tcp_read(flow->host.tcp, flow->input + flow->input_len,
                            sizeof flow->input - flow->input_len, &mark);

    if (n > 0 && mark == DECRYPTED &&
        weir_marks_add(&flow->marks, flow->input_len, n, true) != WEIR_OK)
        (void)device_wrong(flow->device, flow->number, "no room for a mark");
    flow->input_len += n;
    return n > 0;
}

void device_receive_step(struct device_flow *flow)
{
    const struct sim_device *d = flow->device;

    while (!flow->rx_dead && read_some(flow)) {
        while (!flow->in_read.closed && open_some(flow))
            ;
    }
    if (d->config.receive && !flow->rx_begun && !flow->rx_dead &&
        flow->in_read.records >= d->config.before && sim_tcp_state(flow->host.tcp) == SIM_TCP_OPEN)
        begin(flow);
    if (flow->rx_begun)
        serve(flow);
}

bool device_receive_ended(struct device_flow *flow)
{
    if (!flow->rx_begun)
        return true;
    if (!weir_mlx5_rx_stopped(&flow->rx_card))
        weir_mlx5_rx_stop(&flow->rx_card);
    serve(flow);
    return weir_mlx5_rx_stopped(&flow->rx_card);
}

void device_receive_count(const struct device_flow *flow, struct weir_mlx5_rx_counters *to)
{
    struct weir_mlx5_rx_counters n = weir_mlx5_rx_count(&flow->rx_card);

    to->rx_resync_ok += n.rx_resync_ok;
    to->rx_resync_err += n.rx_resync_err;
    to->rx_error += n.rx_error;
    to->rx_decrypted_ok_packets += n.rx_decrypted_ok_packets;
    to->rx_decrypted_error_packets += n.rx_decrypted_error_packets;
    to->rx_packets += n.rx_packets;
    to->rx_lost_packets += n.rx_lost_packets;
    to->rx_confirmed += n.rx_confirmed;
    to->rx_denied += n.rx_denied;
    to->rx_abandoned += n.rx_abandoned;
}
