/* SPDX-License-Identifier: BSD-2-Clause */
/* The host's half of receiving, in software. */
#include "device_internal.h"

#include <stdlib.h>
#include <string.h>

bool device_receive_new(struct device_flow *flow)
{
    struct sim_device *d = flow->device;
    struct weir_keys keys = device_keys(&flow->in_peer);
    struct weir_refusal why = {.code = WEIR_REFUSAL_NONE};

    flow->rx_ctx = device_memory(&d->soft.backend);
    weir_status status = weir_rx_init(&flow->rx, &keys, &d->soft.backend, flow->rx_ctx,
                                      d->soft.backend.ctx_size, &why);
    weir_keys_wipe(&keys);
    if (status != WEIR_OK)
        return device_wrong(d, flow->number, "the keys to receive with are refused: %s",
                            weir_refusal_name(why.code));
    return true;
}

void device_receive_free(struct device_flow *flow)
{
    weir_rx_wipe(&flow->rx);
    free(flow->rx_ctx);
}

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
    struct weir_record records[4];
    size_t consumed = 0, count = 0;
    weir_status status =
        weir_rx_open(&flow->rx, flow->input, flow->input_len, &consumed, records, 4, &count);

    if (status < 0) {
        die(flow, status);
        return false;
    }
    for (size_t i = 0; i < count; i++)
        take_record(flow, &records[i]);
    memmove(flow->input, flow->input + consumed, flow->input_len - consumed);
    flow->input_len -= consumed;
    return status == WEIR_OK;
}

void device_receive_step(struct device_flow *flow)
{
    size_t n;
    uint8_t mark;

    while (!flow->rx_dead && (n = sim_tcp_read(flow->host.tcp, flow->input + flow->input_len,
                                               sizeof flow->input - flow->input_len, &mark)) > 0) {
        flow->input_len += n;
        while (!flow->in_read.closed && open_some(flow))
            ;
    }
}
