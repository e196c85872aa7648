/* SPDX-License-Identifier: BSD-2-Clause */
/* Send queues: the ring, the control segment of entries, completions. */
#include "nic_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOP = 0x00, SEND = 0x0a, LSO = 0x0e, SET_PSV = 0x20, GET_PSV = 0x21, DUMP = 0x23 };
enum { UMR = 0x25, COMPLETE = 0x08, FENCE = 0x20, CQE_DONE = 0, CQE_ERROR = 13 };

struct sim_nic_queue *sim_nic_queue_new(struct sim_nic *nic, uint32_t number, uint8_t *ring,
                                        uint32_t blocks)
{
    struct sim_nic_queue *queue = sim_alloc(sizeof *queue);

    if (blocks < NIC_MOST || blocks > 0x8000 || (blocks & (blocks - 1)) != 0 ||
        number > NIC_NUMBER) {
        fputs("sim: no such send queue\n", stderr);
        abort();
    }
    queue->nic = nic;
    queue->number = number;
    queue->ring = ring;
    queue->blocks = blocks;
    queue->cqes_end = &queue->cqes;
    queue->next = nic->queues;
    nic->queues = queue;
    return queue;
}

uint16_t sim_nic_consumed(const struct sim_nic_queue *queue)
{
    return queue->consumed;
}

bool sim_nic_queue_failed(const struct sim_nic_queue *queue)
{
    return queue->failed;
}

void sim_nic_queue_reset(struct sim_nic_queue *queue)
{
    queue->failed = queue->waited = false;
    queue->consumed = queue->produced = 0;
    queue->wait = 0;
}

bool sim_nic_completion(struct sim_nic_queue *queue, uint8_t cqe[64])
{
    struct nic_cqe *first = queue->cqes;

    if (first == NULL || queue->nic->gone)
        return false;
    memcpy(cqe, first->bytes, 64);
    queue->cqes = first->next;
    if (queue->cqes == NULL)
        queue->cqes_end = &queue->cqes;
    free(first);
    return true;
}

static void complete(struct sim_nic_queue *queue, uint16_t index, unsigned opcode, int syndrome)
{
    struct nic_cqe *cqe = sim_alloc(sizeof *cqe);

    cqe->bytes[55] = (uint8_t)syndrome;
    sim_put_be16(cqe->bytes + 60, index);
    cqe->bytes[63] = (uint8_t)(opcode << 4 | (queue->completed++ / NIC_CQES & 1));
    *queue->cqes_end = cqe;
    queue->cqes_end = &cqe->next;
}

static uint8_t *block(const struct sim_nic_queue *queue, uint16_t index)
{
    return queue->ring + (size_t)(index & (queue->blocks - 1)) * NIC_BLOCK;
}

static uint16_t blocks_of(const uint8_t *entry)
{
    return (uint16_t)((entry[7] + 3) / 4);
}

/* The entry failed: it and all that are posted behind it complete with errors. */
static void fail(struct sim_nic_queue *queue, int syndrome)
{
    queue->failed = true;
    while (queue->consumed != queue->produced) {
        uint16_t n = blocks_of(block(queue, queue->consumed));

        complete(queue, queue->consumed, CQE_ERROR, syndrome);
        syndrome = NIC_SYNDROME_FLUSH;
        if (n == 0 || n > (uint16_t)(queue->produced - queue->consumed))
            n = (uint16_t)(queue->produced - queue->consumed);
        queue->consumed = (uint16_t)(queue->consumed + n);
    }
}

/* Modifier and data segments that belong to the opcode. */
static bool form_fits(struct sim_nic *nic, const struct nic_entry *e)
{
    unsigned count = e->len / NIC_SEGMENT, least = 2, most = 63, modifiers = 1;

    switch (e->opcode) {
    case NOP: /* 1 for each by Linux, 4 for each block by FreeBSD */
        least = 1;
        break;
    case SEND:
    case LSO:
        break;
    case SET_PSV:
        most = 2;
        modifiers = 1 << 1 | 1 << 2;
        break;
    case GET_PSV:
        least = most = 4;
        modifiers = 1 << 2;
        break;
    case DUMP:
        most = 2;
        break;
    case UMR:
        least = most = 12;
        modifiers = 1 << 1 | 1 << 2;
        break;
    default:
        return nic_wrong(nic, e, SIM_NIC_BAD_OPCODE, "opcode", e->opcode, NOP);
    }
    if (count < least || count > most || (e->opcode == NOP && count != 1 && count % 4 != 0))
        return nic_wrong(nic, e, SIM_NIC_BAD_COUNT, "data segments of the entry", count, least);
    if (e->modifier > 2 || (modifiers >> e->modifier & 1) == 0)
        return nic_wrong(nic, e, SIM_NIC_BAD_MODIFIER, "modifier of the entry", e->modifier,
                         modifiers == 1 ? 0 : 2);
    return true;
}

/* The control segment. */
static bool control_fits(struct sim_nic *nic, const struct nic_entry *e)
{
    const uint8_t *p = e->bytes;

    if (sim_get_be16(p + 1) != e->index)
        return nic_wrong(nic, e, SIM_NIC_BAD_INDEX, "producer index", sim_get_be16(p + 1),
                         e->index);
    if (nic_be24(p + 4) != e->queue->number)
        return nic_wrong(nic, e, SIM_NIC_BAD_QUEUE, "queue in the entry", nic_be24(p + 4),
                         e->queue->number);
    if ((e->flags & ~(COMPLETE | FENCE)) != 0)
        return nic_wrong(nic, e, SIM_NIC_BAD_FIELD, "flags of the entry", e->flags,
                         COMPLETE | FENCE);
    if (!nic_zeros(p + 8, 3) || p[15] != 0)
        return nic_wrong(nic, e, SIM_NIC_BAD_FIELD, "zeros of the control segment", 1, 0);
    return form_fits(nic, e);
}

static bool act(struct sim_nic *nic, const struct nic_entry *e)
{
    switch (e->opcode) {
    case SEND:
    case LSO:
        return nic_send(nic, e);
    case SET_PSV:
        return nic_set_psv(nic, e);
    case GET_PSV:
        return nic_get_psv(nic, e);
    case DUMP:
        return nic_dump(nic, e);
    case UMR:
        return nic_umr(nic, e);
    default:
        nic->counts.nops++;
        return true;
    }
}

/* Whether the entry is there as a whole, and in one piece. */
static bool whole(struct sim_nic *nic, const struct nic_entry *e, uint16_t posted)
{
    const struct sim_nic_queue *queue = e->queue;
    uint16_t blocks = blocks_of(e->bytes);

    if (blocks == 0 || blocks > NIC_MOST)
        return nic_wrong(nic, e, SIM_NIC_BAD_COUNT, "data segments of the entry", e->bytes[7], 1);
    if (blocks > posted)
        return nic_wrong(nic, e, SIM_NIC_BAD_DOORBELL, "blocks of the entry that are posted",
                         posted, blocks);
    if ((e->index & (queue->blocks - 1)) + blocks > queue->blocks)
        return nic_wrong(nic, e, SIM_NIC_WRAPS, "blocks up to the edge",
                         queue->blocks - (e->index & (queue->blocks - 1)), blocks);
    if (blocks == posted && memcmp(e->bytes, queue->last, 8) != 0)
        return nic_wrong(nic, e, SIM_NIC_BAD_DOORBELL, "the doorbell is not of the last entry",
                         sim_get_be64(queue->last), sim_get_be64(e->bytes));
    return true;
}

/* What a fault does to the next entry: true when it is to go on. */
static bool meet(struct sim_nic_queue *queue)
{
    if (queue->waited) {
        queue->waited = false;
        return true;
    }
    struct sim_fault fault = nic_meet(queue->nic, SIM_NIC_ENTRY);
    if (queue->nic->gone)
        return false;
    if (fault.kind == SIM_FAULT_ERRNO) {
        fail(queue, fault.error);
        return false;
    }
    if (fault.kind == SIM_FAULT_SHORT && fault.length > 0) {
        queue->wait = fault.length;
        queue->waited = true;
        return false;
    }
    return true;
}

static void work(struct sim_nic_queue *queue)
{
    struct sim_nic *nic = queue->nic;

    while (queue->consumed != queue->produced && queue->wait == 0) {
        const uint8_t *p = block(queue, queue->consumed);
        struct nic_entry e = {
            queue, p, p[7] * NIC_SEGMENT, queue->consumed, p[0], p[3], p[11], nic_be24(p + 12), 0};

        if (!meet(queue))
            return;
        size_t complaints = nic->complaint_count;
        e.sequence = ++nic->counts.entries;
        bool good =
            whole(nic, &e, (uint16_t)(queue->produced - queue->consumed)) && control_fits(nic, &e);
        if (good && (e.flags & FENCE) != 0)
            queue->fenced_at = e.sequence;
        if (!good || !act(nic, &e)) {
            const struct sim_nic_complaint *c = sim_nic_complaint(nic, complaints);

            fail(queue,
                 c != NULL && c->wrong == SIM_NIC_BAD_MEMORY ? NIC_SYNDROME_READ : NIC_SYNDROME_QP);
            return;
        }
        queue->consumed = (uint16_t)(queue->consumed + blocks_of(p));
        if ((e.flags & COMPLETE) != 0)
            complete(queue, e.index, CQE_DONE, 0);
    }
}

bool sim_nic_post(struct sim_nic_queue *queue, uint16_t until, const uint8_t last[8])
{
    struct sim_nic *nic = queue->nic;
    struct nic_entry e = {.queue = queue, .index = queue->consumed};

    if (nic->gone || nic_meet(nic, SIM_NIC_DOORBELL).kind == SIM_FAULT_ERRNO)
        return !nic->gone;
    if ((uint16_t)(until - queue->consumed) > queue->blocks ||
        (uint16_t)(until - queue->consumed) < (uint16_t)(queue->produced - queue->consumed)) {
        nic_wrong(nic, &e, SIM_NIC_BAD_DOORBELL, "blocks posted",
                  (uint16_t)(until - queue->consumed), queue->blocks);
        fail(queue, NIC_SYNDROME_QP);
        return false;
    }
    queue->produced = until;
    memcpy(queue->last, last, 8);
    if (queue->failed)
        fail(queue, NIC_SYNDROME_FLUSH);
    else
        work(queue);
    return !nic->gone && !queue->failed;
}

void sim_nic_tick(struct sim_nic *nic)
{
    if (nic->gone)
        return;
    nic_tick_commands(nic);
    for (struct sim_nic_queue *queue = nic->queues; queue != NULL; queue = queue->next) {
        if (queue->wait == 0 || queue->wait == SIM_NIC_NEVER)
            continue;
        if (--queue->wait == 0)
            work(queue);
    }
}
