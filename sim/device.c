/* SPDX-License-Identifier: BSD-2-Clause */
/* The run: time, frames on their way, and what has to hold after every step. */
#include "device_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool device_wrong(struct sim_device *d, unsigned flow, const char *format, ...)
{
    struct sim_device_report *r = &d->report;
    va_list args;

    if (r->failed)
        return false;
    r->failed = true;
    r->flow = flow;
    va_start(args, format);
    (void)vsnprintf(r->text, sizeof r->text, format, args);
    va_end(args);
    device_event(d, flow, "wrong: %s", r->text);
    return false;
}

void device_event(struct sim_device *d, unsigned flow, const char *format, ...)
{
    struct sim_device_tap *tap = d->config.tap;
    char text[300];
    va_list args;

    if (tap == NULL || tap->event == NULL)
        return;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    tap->event(tap, d->now, flow, text);
}

static void seen(struct sim_device *d, bool leaves, const uint8_t *bytes, size_t len)
{
    struct sim_device_tap *tap = d->config.tap;
    uint64_t state = d->report.digest ^ d->now << 1 ^ leaves;

    for (size_t i = 0; i < len; i++)
        state = (state ^ bytes[i]) * UINT64_C(0x100000001b3);
    d->report.digest = sim_random(&state);
    if (tap != NULL && tap->frame != NULL)
        tap->frame(tap, d->now, leaves, bytes, len);
}

static struct device_flow *flow_of(struct sim_device *d, uint16_t port)
{
    unsigned number = (unsigned)(port - DEVICE_PORT);

    return number < d->config.flows ? &d->flows[number] : NULL;
}

/* Every byte of payload is that of the reference. */
static void check_wire(struct device_flow *flow, const struct sim_wire *w, const uint8_t *payload,
                       size_t len)
{
    struct sim_device *d = flow->device;
    const struct device_wire *wire = &flow->out_wire;
    size_t at = (uint32_t)(w->seq - flow->first);

    if (len == 0)
        return;
    if (at + len > wire->len) {
        (void)device_wrong(d, flow->number, "%zu bytes from %zu on leave, which were never sent",
                           len, at);
        return;
    }
    for (size_t i = 0; i < len; i++) {
        if (payload[i] != wire->bytes[at + i]) {
            if (!d->report.failed) {
                d->report.byte_known = true;
                d->report.wrong = at + i;
            }
            (void)device_wrong(d, flow->number,
                               "a segment leaves that is not what encryption makes of it, from "
                               "byte %zu of the stream on",
                               at + i);
            return;
        }
    }
}

void device_frame_out(struct sim_device *d, const uint8_t *bytes, size_t len)
{
    struct sim_wire w;
    size_t headers;
    struct device_flow *flow = NULL;

    if (sim_wire_read(bytes, len, &w, &headers))
        flow = flow_of(d, w.from_port);
    if (flow == NULL) {
        (void)device_wrong(d, 0, "a frame of %zu bytes leaves that is no segment of a flow", len);
        return;
    }
    check_wire(flow, &w, bytes + headers, len - headers);
    seen(d, true, bytes, len);
    if (sim_link_send(d->out, d->now, bytes, len) == SIM_LINK_TOO_BIG)
        sim_tcp_mtu(flow->host.tcp, sim_link_mtu(d->out));
}

void device_frame_in(struct device_flow *flow, const uint8_t *bytes, size_t len)
{
    struct sim_device *d = flow->device;

    if (sim_link_send(d->in, d->now, bytes, len) == SIM_LINK_TOO_BIG)
        sim_tcp_mtu(flow->peer.tcp, sim_link_mtu(d->in));
}

static void deliver(struct sim_device *d)
{
    struct sim_frame *f;
    struct device_flow *flow;

    while ((f = sim_link_take(d->out, d->now)) != NULL) {
        flow = flow_of(d, sim_get_be16(f->bytes + 34));
        if (flow != NULL)
            sim_tcp_input(flow->peer.tcp, d->now, f->bytes, f->len);
        free(f);
    }
    while ((f = sim_link_take(d->in, d->now)) != NULL) {
        seen(d, false, f->bytes, f->len);
        flow = flow_of(d, sim_get_be16(f->bytes + 36));
        if (flow != NULL)
            sim_tcp_input(flow->host.tcp, d->now, f->bytes, f->len);
        free(f);
    }
}

static bool struck(const struct sim_device *d)
{
    return d->config.faults != NULL && d->config.faults->struck > 0;
}

static void check(struct sim_device *d)
{
    const struct sim_nic_complaint *c = sim_nic_complaint(d->port.nic, 0);

    d->report.complaints = sim_nic_complaints(d->port.nic);
    if (c != NULL && !struck(d))
        (void)device_wrong(d, 0, "the card complains: %s", c->text);
    if (sim_ledger_fault(d->port.ledger) != NULL)
        (void)device_wrong(d, 0, "%s", sim_ledger_fault(d->port.ledger));
    for (unsigned i = 0; i < d->config.flows; i++)
        device_send_check(&d->flows[i]);
}

/* Nothing may be left on the card when all connections are over. */
static void check_end(struct sim_device *d)
{
    size_t keys = sim_nic_keys(d->port.nic), contexts = sim_nic_contexts(d->port.nic);

    if (!struck(d) && (keys > 0 || contexts > 0))
        (void)device_wrong(d, 0, "%zu keys and %zu contexts are left on the card", keys, contexts);
}

static bool all_over(const struct sim_device *d)
{
    for (unsigned i = 0; i < d->config.flows; i++) {
        if (!d->flows[i].over)
            return false;
    }
    return true;
}

/* The next time at which something happens of itself. */
static bool next_time(struct sim_device *d, uint64_t *next)
{
    uint64_t when;
    bool any = false;

    *next = UINT64_MAX;
    for (unsigned i = 0; i < d->config.flows; i++) {
        if (device_flow_due(&d->flows[i], &when)) {
            *next = when < *next ? when : *next;
            any = true;
        }
    }
    if (sim_link_due(d->out, &when) && when <= *next) {
        *next = when;
        any = true;
    }
    if (sim_link_due(d->in, &when) && when <= *next) {
        *next = when;
        any = true;
    }
    if (device_port_due(d, &when) && when <= *next) {
        *next = when;
        any = true;
    }
    return any;
}

bool sim_device_step(struct sim_device *d)
{
    uint64_t next;

    if (d->ended || d->report.failed)
        return false;
    device_port_run(d);
    deliver(d);
    for (unsigned i = 0; i < d->config.flows; i++)
        device_flow_step(&d->flows[i]);
    device_port_ring(d, &d->port.segments);
    check(d);
    if (all_over(d)) {
        check_end(d);
        d->ended = true;
        return false;
    }
    if (!next_time(d, &next))
        return device_wrong(d, 0, "nothing is left to happen, and not all has arrived");
    d->now = next > d->now ? next : d->now;
    if (d->now > DEVICE_MOST)
        return device_wrong(d, 0, "not over after a day");
    return !d->report.failed;
}

struct sim_device *sim_device_new(const struct sim_device_config *config)
{
    struct sim_device *d = sim_alloc(sizeof *d);
    struct weir_refusal why;

    d->config = *config;
    d->seed = config->seed;
    d->out = sim_link_new(&config->link, sim_random(&d->seed));
    d->in = sim_link_new(&config->link, sim_random(&d->seed));
    d->flows = sim_alloc(config->flows * sizeof *d->flows);
    if (weir_soft_init(&d->soft, config->aead, &why) != WEIR_OK) {
        (void)device_wrong(d, 0, "the provider is refused: %s", weir_refusal_name(why.code));
        d->config.flows = 0;
        return d;
    }
    if (!device_port_new(d)) {
        d->config.flows = 0;
        return d;
    }
    for (unsigned i = 0; i < config->flows; i++)
        (void)device_flow_new(d, i);
    return d;
}

static void add_link(struct sim_link_counts *to, const struct sim_link *link)
{
    *to = *sim_link_counts(link);
}

static void add_tcp(struct sim_tcp_counts *to, const struct sim_tcp_counts *n)
{
    to->segments += n->segments;
    to->bytes += n->bytes;
    to->again += n->again;
    to->bytes_again += n->bytes_again;
    to->timeouts += n->timeouts;
    to->fast += n->fast;
    to->refused += n->refused;
    to->received += n->received;
    to->bad += n->bad;
    to->out_of_order += n->out_of_order;
    to->duplicates += n->duplicates;
}

void sim_device_report(const struct sim_device *d, struct sim_device_report *report)
{
    *report = d->report;
    report->ticks = d->now;
    report->resets = d->port.segments.resets + d->port.internal.resets;
    add_link(&report->out, d->out);
    add_link(&report->in, d->in);
    for (unsigned i = 0; i < d->config.flows; i++) {
        add_tcp(&report->tcp, sim_tcp_counts(d->flows[i].host.tcp));
        device_send_count(&d->flows[i], &report->tx);
        device_receive_count(&d->flows[i], &report->rx);
    }
}

void sim_device_free(struct sim_device *d)
{
    if (d == NULL)
        return;
    for (unsigned i = 0; i < d->config.flows; i++)
        device_flow_free(&d->flows[i]);
    device_port_free(d);
    sim_link_free(d->out);
    sim_link_free(d->in);
    free(d->flows);
    free(d);
}

bool sim_device_run(const struct sim_device_config *config, struct sim_device_report *report)
{
    struct sim_device *d = sim_device_new(config);

    while (sim_device_step(d))
        ;
    sim_device_report(d, report);
    sim_device_free(d);
    return !report->failed;
}
