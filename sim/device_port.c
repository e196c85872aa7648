/* SPDX-License-Identifier: BSD-2-Clause */
/* The port: the card with its send queue, and the part of a driver that belongs to no connection.
 */
#include "device_internal.h"

#include <stdlib.h>
#include <string.h>

#define PAGE ((size_t)4096)

enum { NOT_WRITTEN = 0xff }; /* no status of a reply */
enum { NO_REPLY = 110 };

static bool read_caps(struct sim_device *d)
{
    struct device_port *port = &d->port;
    static const uint8_t pages[2] = {0x00, 0x11};
    uint8_t *replies[2] = {sim_alloc(16 + PAGE), sim_alloc(16 + PAGE)};
    bool good = true;

    for (size_t i = 0; i < 2; i++) {
        uint8_t in[16] = {0x01, 0x00}; /* QUERY_HCA_CAP, current values */

        sim_put_be16(in + 6, (size_t)pages[i] << 1 | 1);
        good = good &&
               sim_nic_command(port->nic, in, sizeof in, replies[i], 16 + PAGE) == SIM_NIC_DONE;
    }
    good = good && weir_mlx5_caps_read(&port->caps, replies[0] + 16, PAGE, replies[1] + 16, PAGE,
                                       true) == WEIR_OK;
    free(replies[0]);
    free(replies[1]);
    return good;
}

static bool make_backend(struct sim_device *d)
{
    static const uint8_t check_key[16] = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3};
    const struct sim_device_config *c = &d->config;
    const struct weir_mlx5_tx_config config = {
        .caps = &d->port.caps,
        .pd = DEVICE_PD,
        .domain = DEVICE_DOMAIN,
        .mtu = DEVICE_MTU,
        .aead = c->aead,
        .driver = c->driver,
        .policy = c->policy,
        .most_dump = c->most_dump,
        .most_lost = c->most_lost,
        .runs = c->runs,
        .tags = c->tags,
        .checks = c->checks,
        .check_key = c->checks > 0 ? check_key : NULL,
    };
    struct weir_refusal why;
    weir_status status = weir_mlx5_tx_backend_init(&d->port.tx, &config, &why);

    if (status == WEIR_OK)
        return true;
    return device_wrong(d, 0, "the port is refused: %s",
                        status == WEIR_REFUSED ? weir_refusal_name(why.code)
                                               : weir_status_name(status));
}

static bool queue_new(struct sim_device *d, struct device_queue *q, uint32_t number,
                      uint32_t blocks, uint16_t signal)
{
    q->ring = sim_alloc((size_t)blocks * 64);
    q->queue = sim_nic_queue_new(d->port.nic, number, q->ring, blocks);
    if (weir_mlx5_sq_init(&q->sq, q->ring, blocks, number, signal) == WEIR_OK)
        return true;
    return device_wrong(d, 0, "no queue of %u blocks", (unsigned)blocks);
}

bool device_port_new(struct sim_device *d)
{
    struct device_port *port = &d->port;
    size_t progress = (size_t)SIM_DEVICE_FLOWS * WEIR_MLX5_PROGRESS_ALIGN;

    port->nic = sim_nic_new();
    port->ledger = sim_ledger_new();
    sim_nic_set_ledger(port->nic, port->ledger);
    port->bounces = sim_alloc((size_t)DEVICE_BOUNCES * DEVICE_BOUNCE);
    port->scratch = sim_alloc(WEIR_MLX5_TX_SCRATCH);
    port->progress = sim_alloc(progress);
    sim_nic_map(port->nic, DEVICE_PSV, DEVICE_BASE, port->progress, progress);
    sim_nic_map(port->nic, DEVICE_LKEY, DEVICE_BASE, port->bounces,
                (size_t)DEVICE_BOUNCES * DEVICE_BOUNCE);
    if (!read_caps(d))
        return device_wrong(d, 0, "the card does not tell what it can do");
    /* Faults are counted from here on: what a driver asks at its start is not about connections. */
    sim_nic_set_faults(port->nic, d->config.faults);
    return queue_new(d, &port->segments, DEVICE_SQN, d->config.queue, d->config.signal) &&
           queue_new(d, &port->internal, DEVICE_SQN + 1, 64, 0) && make_backend(d);
}

void device_port_free(struct sim_device *d)
{
    struct device_port *port = &d->port;

    sim_nic_free(port->nic);
    sim_ledger_free(port->ledger);
    for (struct device_command *c = port->orphans, *next; c != NULL; c = next) {
        next = c->next;
        free(c);
    }
    free(port->segments.ring);
    free(port->internal.ring);
    free(port->progress);
    free(port->bounces);
    free(port->scratch);
}

/* ---- Commands ---- */

/* The object that a command makes; false: it makes none. */
static bool makes(const uint8_t opcode[2], enum weir_mlx5_object *object)
{
    static const struct {
        unsigned opcode;
        enum weir_mlx5_object object;
    } list[] = {{0xa00, WEIR_MLX5_DEK}, {0x912, WEIR_MLX5_TIS}, {0x900, WEIR_MLX5_TIR}};

    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        if (sim_get_be16(opcode) == list[i].opcode) {
            *object = list[i].object;
            return true;
        }
    }
    return false;
}

bool device_command(struct sim_device *d, struct device_command **slot, const struct weir_cmd *cmd,
                    struct weir_done *done)
{
    struct device_command *c = sim_alloc(sizeof *c);

    *slot = NULL;
    *done = (struct weir_done){.os_error = NO_REPLY};
    memset(c->reply, NOT_WRITTEN, sizeof c->reply);
    memcpy(c->opcode, cmd->value, sizeof c->opcode);
    c->since = d->now;
    switch (sim_nic_command(d->port.nic, cmd->value, cmd->len, c->reply, sizeof c->reply)) {
    case SIM_NIC_LATE:
        *slot = c;
        return false;
    case SIM_NIC_DONE:
        *done = (struct weir_done){.len = cmd->reply_len < 16 ? cmd->reply_len : 16};
        sim_copy(cmd->reply, c->reply, done->len);
        break;
    case SIM_NIC_DEAD:
    default:
        break;
    }
    free(c);
    return true;
}

bool device_command_done(struct sim_device *d, struct device_command **slot,
                         const struct weir_cmd *cmd, struct weir_done *done)
{
    struct device_command *c = *slot;

    *done = (struct weir_done){.os_error = NO_REPLY};
    if (c->reply[0] == NOT_WRITTEN && !sim_nic_removed(d->port.nic) &&
        d->now - c->since < DEVICE_GIVE_UP)
        return false;
    *slot = NULL;
    if (c->reply[0] == NOT_WRITTEN) {
        c->next = d->port.orphans; /* the card may still write to it */
        d->port.orphans = c;
        return true;
    }
    *done = (struct weir_done){.len = cmd->reply_len < 16 ? cmd->reply_len : 16};
    sim_copy(cmd->reply, c->reply, done->len);
    free(c);
    return true;
}

/* Ends what a command has made that nobody waited for any more. */
static void end_orphan(struct sim_device *d, const struct device_command *c)
{
    uint8_t in[WEIR_MLX5_DESTROY], out[16];
    enum weir_mlx5_object object;
    struct weir_mlx5_reply reply;

    if (makes(c->opcode, &object) && weir_mlx5_created(c->reply, object, &reply) == WEIR_OK &&
        weir_mlx5_destroy(in, object, reply.number) == WEIR_OK)
        (void)sim_nic_command(d->port.nic, in, sizeof in, out, sizeof out);
}

static void look_after_orphans(struct sim_device *d)
{
    for (struct device_command **at = &d->port.orphans; *at != NULL;) {
        struct device_command *c = *at;

        if (c->reply[0] == NOT_WRITTEN) {
            at = &c->next;
            continue;
        }
        *at = c->next;
        end_orphan(d, c);
        free(c);
    }
}

/* ---- The queues ---- */

bool device_port_idle(const struct device_port *port, const struct device_queue *q)
{
    return port->lost || sim_nic_consumed(q->queue) == (uint16_t)q->sq.produced;
}

bool device_bounce(struct device_port *port, struct weir_mlx5_bounce *bounce, unsigned *slot)
{

    for (unsigned i = 0; i < DEVICE_BOUNCES; i++) {
        /* Free when its entry has completed. */
        if (port->bounce_used[i] && port->segments.sq.consumed < port->bounce_until[i] &&
            !port->lost)
            continue;
        port->bounce_used[i] = false;
        *slot = i;
        *bounce = (struct weir_mlx5_bounce){
            .bytes = port->bounces + (size_t)i * DEVICE_BOUNCE,
            .address = DEVICE_BASE + (uint64_t)i * DEVICE_BOUNCE,
            .lkey = DEVICE_LKEY,
            .len = DEVICE_BOUNCE,
            .scratch = port->scratch,
        };
        return true;
    }
    return false;
}

static void reset(struct sim_device *d, struct device_queue *q)
{
    struct device_port *port = &d->port;
    uint8_t cqe[64];

    while (sim_nic_completion(q->queue, cqe))
        ;
    sim_nic_queue_reset(q->queue);
    weir_mlx5_sq_reset(&q->sq);
    q->unrung = false;
    q->resets++;
    if (q == &port->segments) {
        memset(port->bounce_used, 0, sizeof port->bounce_used);
        device_event(d, 0, "the queue is reset");
        return;
    }
    device_event(d, 0, "the internal queue is reset");
    for (unsigned i = 0; i < d->config.flows; i++)
        device_receive_abandon(&d->flows[i]);
}

static void lose(struct sim_device *d)
{
    if (d->port.lost)
        return;
    d->port.lost = true;
    device_event(d, 0, "the card is gone");
    for (unsigned i = 0; i < d->config.flows; i++) {
        device_send_lost(&d->flows[i]);
        device_receive_lost(&d->flows[i]);
    }
}

static void completed(struct sim_device *d, const struct device_queue *q,
                      const struct weir_mlx5_cqe *cqe)
{
    for (unsigned i = 0; q == &d->port.internal && i < d->config.flows; i++) {
        if (device_receive_completed(&d->flows[i], cqe))
            return;
    }
}

static void take_completions(struct sim_device *d, struct device_queue *q)
{
    struct weir_mlx5_cqe read;
    uint8_t cqe[64];
    bool failed = false;

    while (sim_nic_completion(q->queue, cqe)) {
        weir_mlx5_cqe_read(cqe, &read);
        weir_status status = weir_mlx5_sq_complete(&q->sq, &read);
        completed(d, q, &read);
        if (status == WEIR_E_BACKEND) {
            device_event(d, 0, "entry %u fails, syndrome 0x%02x", (unsigned)read.counter,
                         (unsigned)read.syndrome);
            failed = true;
        } else if (status != WEIR_OK && !failed) {
            (void)device_wrong(d, 0, "a completion of entry %u is refused: %s",
                               (unsigned)read.counter, weir_status_name(status));
        }
    }
    if (failed)
        reset(d, q);
}

static void take_packets(struct sim_device *d)
{
    struct sim_nic_packet *p;

    while ((p = sim_nic_sent(d->port.nic)) != NULL) {
        if (p->len > p->headers_len && ++d->port.packets == d->config.wrong_packet) {
            p->bytes[p->len - 1] ^= 1;
            sim_wire_sums(p->bytes, p->len);
        }
        device_frame_out(d, p->bytes, p->len);
        sim_nic_packet_free(p);
    }
}

static void look_at_card(struct sim_device *d, struct device_queue *q)
{
    take_packets(d);
    if (sim_nic_removed(d->port.nic))
        lose(d);
    else
        take_completions(d, q);
    if (q->seen != sim_nic_consumed(q->queue) || device_port_idle(&d->port, q)) {
        q->seen = sim_nic_consumed(q->queue);
        q->moved = d->now;
    }
}

void device_port_ring(struct sim_device *d, struct device_queue *q)
{
    const uint8_t *last = weir_mlx5_sq_doorbell(&q->sq);

    if (d->port.lost || !q->unrung || last == NULL)
        return;
    q->unrung = false;
    (void)sim_nic_post(q->queue, (uint16_t)q->sq.produced, last);
    look_at_card(d, q);
}

/* A doorbell may be lost, and an entry may hang: both can only be told by time. */
static void watch(struct sim_device *d, struct device_queue *q)
{
    if (device_port_idle(&d->port, q)) {
        q->moved = d->now;
        return;
    }
    if (d->now - q->moved < DEVICE_STALLED)
        return;
    if (d->now - q->moved < DEVICE_HUNG) {
        q->unrung = true;
        device_port_ring(d, q);
        return;
    }
    reset(d, q);
    q->moved = d->now;
}

static bool ticking(const struct sim_device *d)
{
    return !d->port.lost &&
           (sim_nic_waiting(d->port.nic) > 0 || !device_port_idle(&d->port, &d->port.segments) ||
            !device_port_idle(&d->port, &d->port.internal));
}

void device_port_run(struct sim_device *d)
{
    struct device_port *port = &d->port;

    device_port_ring(d, &port->segments);
    device_port_ring(d, &port->internal);
    if (ticking(d) && d->now >= port->next_tick) {
        port->next_tick = d->now + DEVICE_TICK;
        sim_nic_tick(port->nic);
        look_at_card(d, &port->segments);
        look_at_card(d, &port->internal);
    }
    look_after_orphans(d);
    watch(d, &port->segments);
    watch(d, &port->internal);
}

bool device_port_due(struct sim_device *d, uint64_t *when)
{
    *when = d->port.next_tick > d->now ? d->port.next_tick : d->now + DEVICE_TICK;
    return ticking(d);
}
