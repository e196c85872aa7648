/* SPDX-License-Identifier: BSD-2-Clause */
/* The card: objects, memory, complaints. */
#include "nic_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sim_nic *sim_nic_new(void)
{
    struct sim_nic *nic = sim_alloc(sizeof *nic);

    nic->can = (struct sim_nic_can){true, true, true, true, true, true, true, 12, 1500};
    nic->sent_end = &nic->sent;
    nic->last_number = 0xff;
    return nic;
}

void nic_context_free(struct nic_context *c)
{
    sim_aead_stream_free(c->record.cipher);
    free(c->shadow);
    free(c);
}

static void queue_free(struct sim_nic_queue *queue)
{
    for (struct nic_cqe *cqe = queue->cqes, *next; cqe != NULL; cqe = next) {
        next = cqe->next;
        free(cqe);
    }
    free(queue);
}

void sim_nic_free(struct sim_nic *nic)
{
    if (nic == NULL)
        return;
    for (struct nic_key *k = nic->keys, *next; k != NULL; k = next) {
        next = k->next;
        free(k);
    }
    for (struct nic_context *c = nic->contexts, *next; c != NULL; c = next) {
        next = c->next;
        nic_context_free(c);
    }
    for (struct nic_late *l = nic->late, *next; l != NULL; l = next) {
        next = l->next;
        free(l->in);
        free(l);
    }
    for (struct sim_nic_queue *q = nic->queues, *next; q != NULL; q = next) {
        next = q->next;
        queue_free(q);
    }
    for (struct sim_nic_packet *p = nic->sent, *next; p != NULL; p = next) {
        next = p->next;
        sim_nic_packet_free(p);
    }
    free(nic);
}

struct sim_nic_can *sim_nic_can(struct sim_nic *nic)
{
    return &nic->can;
}

const struct sim_nic_counts *sim_nic_counts(const struct sim_nic *nic)
{
    return &nic->counts;
}

void sim_nic_set_ledger(struct sim_nic *nic, struct sim_ledger *ledger)
{
    nic->ledger = ledger;
}

void sim_nic_set_faults(struct sim_nic *nic, struct sim_faults *faults)
{
    nic->faults = faults;
}

void sim_nic_remove(struct sim_nic *nic)
{
    nic->gone = true;
}

bool sim_nic_removed(const struct sim_nic *nic)
{
    return nic->gone;
}

struct sim_fault nic_meet(struct sim_nic *nic, unsigned call)
{
    struct sim_fault fault = {0};

    if (nic->faults != NULL)
        fault = sim_faults_meet(nic->faults, call);
    if (fault.kind == SIM_FAULT_ERRNO && fault.error == SIM_NIC_GONE)
        nic->gone = true;
    return fault;
}

bool nic_zeros(const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (p[i] != 0)
            return false;
    }
    return true;
}

bool nic_wrong(struct sim_nic *nic, const struct nic_entry *e, enum sim_nic_wrong wrong,
               const char *what, uint64_t found, uint64_t wanted)
{
    if (nic->complaint_count < NIC_COMPLAINTS) {
        struct sim_nic_complaint *c = &nic->complaints[nic->complaint_count];

        *c = (struct sim_nic_complaint){.wrong = wrong};
        if (e != NULL) {
            c->queue = e->queue->number;
            c->index = e->index;
        }
        snprintf(c->text, sizeof c->text,
                 "queue 0x%" PRIx32 ", index %u: %s (0x%" PRIx64 ", not 0x%" PRIx64 ")", c->queue,
                 (unsigned)c->index, what, found, wanted);
    }
    nic->complaint_count++;
    return false;
}

size_t sim_nic_complaints(const struct sim_nic *nic)
{
    return nic->complaint_count;
}

const struct sim_nic_complaint *sim_nic_complaint(const struct sim_nic *nic, size_t n)
{
    return n < nic->complaint_count && n < NIC_COMPLAINTS ? &nic->complaints[n] : NULL;
}

void sim_nic_forget(struct sim_nic *nic)
{
    nic->complaint_count = 0;
}

struct nic_key *nic_key(const struct sim_nic *nic, uint32_t number)
{
    struct nic_key *k = nic->keys;

    while (k != NULL && k->number != number)
        k = k->next;
    return k;
}

struct nic_context *nic_context(const struct sim_nic *nic, uint32_t number)
{
    struct nic_context *c = nic->contexts;

    while (c != NULL && c->number != number)
        c = c->next;
    return c;
}

size_t sim_nic_keys(const struct sim_nic *nic)
{
    size_t n = 0;

    for (const struct nic_key *k = nic->keys; k != NULL; k = k->next)
        n++;
    return n;
}

size_t sim_nic_contexts(const struct sim_nic *nic)
{
    size_t n = 0;

    for (const struct nic_context *c = nic->contexts; c != NULL; c = c->next)
        n++;
    return n;
}

void sim_nic_map(struct sim_nic *nic, uint32_t lkey, uint64_t address, uint8_t *bytes, size_t len)
{
    if (nic->region_count == NIC_REGIONS) {
        fputs("sim: the card has no room for one more memory region\n", stderr);
        abort();
    }
    nic->regions[nic->region_count++] = (struct nic_region){lkey, address, bytes, len};
}

void sim_nic_unmap(struct sim_nic *nic, uint32_t lkey)
{
    size_t left = 0;

    for (size_t i = 0; i < nic->region_count; i++) {
        if (nic->regions[i].lkey != lkey)
            nic->regions[left++] = nic->regions[i];
    }
    nic->region_count = left;
}

uint8_t *nic_memory(const struct sim_nic *nic, uint32_t lkey, uint64_t address, size_t len)
{
    for (size_t i = 0; i < nic->region_count; i++) {
        const struct nic_region *r = &nic->regions[i];
        uint64_t at = address - r->address;

        if (r->lkey == lkey && address >= r->address && at <= r->len && len <= r->len - at)
            return r->bytes + at;
    }
    return NULL;
}

bool sim_nic_place(const struct sim_nic *nic, uint32_t tisn, struct sim_nic_place *place)
{
    const struct nic_context *c = nic_context(nic, tisn);

    if (c == NULL || c->rx || c->state != NIC_READY)
        return false;
    *place = (struct sim_nic_place){c->number_of_record, (uint32_t)c->record.offset, c->seq_known,
                                    c->seq};
    return true;
}

struct sim_nic_packet *sim_nic_sent(struct sim_nic *nic)
{
    struct sim_nic_packet *packet = nic->sent;

    if (packet == NULL)
        return NULL;
    nic->sent = packet->next;
    if (nic->sent == NULL)
        nic->sent_end = &nic->sent;
    packet->next = NULL;
    return packet;
}

void sim_nic_packet_free(struct sim_nic_packet *packet)
{
    if (packet == NULL)
        return;
    free(packet->bytes);
    free(packet);
}
