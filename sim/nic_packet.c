/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets: SEND and LSO, from the entry to the wire. */
#include "nic_internal.h"

#include <stdlib.h>
#include <string.h>

#define ETHER  14u
#define VLAN   4u
#define FIRST  30u /* where the headers begin in an entry */
#define LSO    0x0e
#define SUM_IP 0x40u
#define SUM_L4 0x80u
#define FLAGS  13u /* of TCP; FIN and PSH belong to the last packet only */

struct frame {
    const uint8_t *headers;
    size_t len, ip, tcp;
    bool v6, parsed;
    unsigned sums;
    size_t mss; /* 0: one packet */
    uint32_t seq;
};

/* Finds IP and TCP; true when the headers end with TCP's. */
static bool parse(struct frame *f)
{
    const uint8_t *p = f->headers;

    f->ip = ETHER;
    if (f->len >= ETHER + VLAN && sim_get_be16(p + 12) == 0x8100)
        f->ip += VLAN;
    if (f->len < f->ip + 20)
        return false;
    unsigned type = sim_get_be16(p + f->ip - 2);
    f->v6 = type == 0x86dd;
    if (f->v6 ? p[f->ip] >> 4 != 6 || p[f->ip + 6] != 6
              : type != 0x0800 || p[f->ip] >> 4 != 4 || p[f->ip + 9] != 6)
        return false;
    f->tcp = f->ip + (f->v6 ? 40 : (size_t)(p[f->ip] & 15) * 4);
    if (f->tcp < f->ip + 20 || f->len < f->tcp + 20 || (p[f->tcp + 12] >> 4) < 5 ||
        f->len != f->tcp + (size_t)(p[f->tcp + 12] >> 4) * 4)
        return false;
    f->seq = nic_be32(p + f->tcp + 4);
    return true;
}

static uint32_t sum(uint32_t state, const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        state += i % 2 == 0 ? (uint32_t)p[i] << 8 : p[i];
    return state;
}

static void put_sum(uint8_t *p, uint32_t state)
{
    while (state >> 16 != 0)
        state = (state & 0xffff) + (state >> 16);
    sim_put_be16(p, ~state & 0xffff);
}

static void checksums(const struct frame *f, uint8_t *p, size_t len)
{
    uint8_t *ip = p + f->ip, *tcp = p + f->tcp;
    size_t l4 = len - f->tcp;

    if ((f->sums & SUM_IP) != 0 && !f->v6) {
        sim_put_be16(ip + 10, 0);
        put_sum(ip + 10, sum(0, ip, f->tcp - f->ip));
    }
    if ((f->sums & SUM_L4) != 0) {
        uint32_t state = sum(6 + (uint32_t)l4, f->v6 ? ip + 8 : ip + 12, f->v6 ? 32 : 8);

        sim_put_be16(tcp + 16, 0);
        put_sum(tcp + 16, sum(state, tcp, l4));
    }
}

/* payload[at..at + n) of the frame, as a packet of its own. */
static void emit(struct sim_nic *nic, const struct frame *f, uint32_t tisn, const uint8_t *payload,
                 size_t at, size_t n, size_t all)
{
    struct sim_nic_packet *packet = sim_alloc(sizeof *packet);
    uint8_t *p = sim_alloc(f->len + n);

    sim_copy(p, f->headers, f->len);
    sim_copy(p + f->len, payload + at, n);
    *packet = (struct sim_nic_packet){NULL, tisn, f->seq + (uint32_t)at, f->len, f->len + n, p};
    if (f->mss > 0) {
        uint8_t *ip = p + f->ip;

        if (f->v6) {
            sim_put_be16(ip + 4, packet->len - f->ip - 40);
        } else {
            sim_put_be16(ip + 2, packet->len - f->ip);
            sim_put_be16(ip + 4, (sim_get_be16(ip + 4) + at / f->mss) & 0xffff);
        }
        nic_put_be32(p + f->tcp + 4, packet->seq);
        if (at + n < all)
            p[f->tcp + FLAGS] &= 0xf6;
    }
    if (f->parsed)
        checksums(f, p, packet->len);
    *nic->sent_end = packet;
    nic->sent_end = &packet->next;
    nic->counts.packets++;
    nic->counts.tls_packets += tisn != 0;
}

/* Headers and their length, and whether they and the payload can be a packet. */
static bool frame_fits(struct sim_nic *nic, const struct nic_entry *e, struct frame *f, size_t all)
{
    size_t most = f->mss > 0 && all > f->mss ? f->mss : all;

    f->parsed = parse(f);
    if ((e->number != 0 || f->mss > 0) && !f->parsed)
        return nic_wrong(nic, e, SIM_NIC_BAD_HEADERS, "headers in the entry: bytes", f->len,
                         f->tcp + 20);
    if ((e->number != 0 || f->mss > 0) && all == 0)
        return nic_wrong(nic, e, SIM_NIC_BAD_LENGTH, "payload", 0, 1);
    if ((f->mss > 0) != (e->opcode == LSO))
        return nic_wrong(nic, e, SIM_NIC_BAD_FIELD, "MSS of SEND, or none of LSO", f->mss, 0);
    if (f->len + most > nic->can.mtu + (f->parsed ? f->ip : ETHER))
        return nic_wrong(nic, e, SIM_NIC_BAD_LENGTH, "bytes of a packet", f->len + most,
                         nic->can.mtu + f->ip);
    if (e->number == 0 || f->mss > 0)
        return true;
    /* Of one packet the driver writes the lengths. */
    size_t said =
        f->v6 ? sim_get_be16(f->headers + f->ip + 4) + 40u : sim_get_be16(f->headers + f->ip + 2);
    return said == f->len - f->ip + all ||
           nic_wrong(nic, e, SIM_NIC_BAD_HEADERS, "length in the IP header", said,
                     f->len - f->ip + all);
}

/* Payload of the data segments from `at` on, in one piece; NULL after a complaint. */
static uint8_t *gather(struct sim_nic *nic, const struct nic_entry *e, size_t at, size_t *all)
{
    uint8_t *payload = sim_alloc(1);

    *all = 0;
    for (; at < e->len; at += NIC_SEGMENT) {
        const uint8_t *p = e->bytes + at;
        uint32_t n = nic_be32(p);
        const uint8_t *from = nic_memory(nic, nic_be32(p + 4), sim_get_be64(p + 8), n);

        if (n == 0 || n >> 31 != 0 || from == NULL) {
            nic_wrong(nic, e, from == NULL ? SIM_NIC_BAD_MEMORY : SIM_NIC_BAD_LENGTH,
                      "data segment at", sim_get_be64(p + 8), n);
            free(payload);
            return NULL;
        }
        payload = sim_realloc(payload, *all + n);
        memcpy(payload + *all, from, n);
        *all += n;
    }
    return payload;
}

/* Encrypts the payload in place, when it is under a TIS. */
static bool protect(struct sim_nic *nic, const struct nic_entry *e, const struct frame *f,
                    uint8_t *payload, size_t all)
{
    if (e->number == 0)
        return true;
    struct nic_context *c = nic_ready(nic, e);
    if (c == NULL)
        return false;
    if (nic_follows(nic, e, c, f->seq) && nic_cipher(nic, e, c, payload, all, payload)) {
        nic->counts.tls_bytes += all;
        return true;
    }
    c->state = NIC_STATIC; /* nobody knows where it stands */
    return false;
}

bool nic_send(struct sim_nic *nic, const struct nic_entry *e)
{
    struct frame f = {.headers = e->bytes + FIRST};
    size_t all = 0;

    f.sums = e->bytes[20];
    f.mss = sim_get_be16(e->bytes + 22);
    f.len = sim_get_be16(e->bytes + 28);
    if ((f.sums & ~(SUM_IP | SUM_L4)) != 0 || !nic_zeros(e->bytes + 16, 4) || e->bytes[21] != 0 ||
        !nic_zeros(e->bytes + 24, 4))
        return nic_wrong(nic, e, SIM_NIC_BAD_FIELD, "Ethernet segment", f.sums, SUM_IP | SUM_L4);
    if (FIRST + f.len > e->len)
        return nic_wrong(nic, e, SIM_NIC_BAD_COUNT, "headers beyond the entry", FIRST + f.len,
                         e->len);
    uint8_t *payload =
        gather(nic, e, (FIRST + f.len + NIC_SEGMENT - 1) / NIC_SEGMENT * NIC_SEGMENT, &all);
    if (payload == NULL)
        return false;
    bool good = frame_fits(nic, e, &f, all) && protect(nic, e, &f, payload, all);
    size_t step = f.mss > 0 ? f.mss : all;
    for (size_t at = 0; good && (at == 0 || at < all); at += step) {
        size_t n = all - at < step ? all - at : step;

        emit(nic, &f, e->number, payload, at, n, all);
        if (step == 0)
            break;
    }
    free(payload);
    return good;
}
