/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire.h"

#include <string.h>

#define IP  SIM_WIRE_ETHER
#define TCP (SIM_WIRE_ETHER + 20u)

enum { END_OF_OPTIONS = 0, NO_OPERATION = 1, MSS = 2, SACK_PERMITTED = 4, SACK = 5 };

static void put_be32(uint8_t *p, uint32_t value)
{
    sim_put_be16(p, value >> 16);
    sim_put_be16(p + 2, value & 0xffff);
}

static uint32_t get_be32(const uint8_t *p)
{
    return (uint32_t)sim_get_be16(p) << 16 | sim_get_be16(p + 2);
}

static uint32_t sum(uint32_t state, const uint8_t *p, size_t len)
{
    for (size_t i = 0; i + 1 < len; i += 2)
        state += sim_get_be16(p + i);
    return len % 2 == 0 ? state : state + ((uint32_t)p[len - 1] << 8);
}

static uint16_t folded(uint32_t state)
{
    while (state >> 16 != 0)
        state = (state & 0xffff) + (state >> 16);
    return (uint16_t)~state;
}

static uint16_t ip_sum(const uint8_t *frame)
{
    return folded(sum(0, frame + IP, 20));
}

static uint16_t tcp_sum(const uint8_t *frame, size_t len)
{
    return folded(sum(sum(6 + (uint32_t)(len - TCP), frame + IP + 12, 8), frame + TCP, len - TCP));
}

size_t sim_wire_len(const struct sim_wire *w)
{
    size_t options = (w->mss != 0 ? 4u : 0u) + (w->sack_ok ? 4u : 0u);

    if (w->sack_count > 0)
        options += 4 + 8 * w->sack_count;
    return SIM_WIRE_LEAST + options;
}

static void options(uint8_t *p, const struct sim_wire *w)
{
    if (w->mss != 0) {
        *p++ = MSS;
        *p++ = 4;
        sim_put_be16(p, w->mss);
        p += 2;
    }
    if (w->sack_ok) {
        memcpy(p, (const uint8_t[]){NO_OPERATION, NO_OPERATION, SACK_PERMITTED, 2}, 4);
        p += 4;
    }
    if (w->sack_count == 0)
        return;
    memcpy(p, (const uint8_t[]){NO_OPERATION, NO_OPERATION, SACK}, 3);
    p[3] = (uint8_t)(2 + 8 * w->sack_count);
    for (size_t i = 0; i < w->sack_count; i++) {
        put_be32(p + 4 + 8 * i, w->sacks[i].start);
        put_be32(p + 8 + 8 * i, w->sacks[i].end);
    }
}

size_t sim_wire_write(uint8_t out[SIM_WIRE_MOST], const struct sim_wire *w, size_t payload)
{
    static const uint8_t ethernet[SIM_WIRE_ETHER] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0};
    size_t len = sim_wire_len(w);

    memset(out, 0, SIM_WIRE_MOST);
    memcpy(out, ethernet, sizeof ethernet);
    /* Locally administered addresses that follow from those of IP. */
    out[5] = (uint8_t)w->to;
    out[11] = (uint8_t)w->from;
    out[IP] = 0x45;
    sim_put_be16(out + IP + 2, len - IP + payload);
    sim_put_be16(out + IP + 4, w->id);
    out[IP + 6] = 0x40; /* do not fragment */
    out[IP + 8] = 64;
    out[IP + 9] = 6;
    put_be32(out + IP + 12, w->from);
    put_be32(out + IP + 16, w->to);
    sim_put_be16(out + TCP, w->from_port);
    sim_put_be16(out + TCP + 2, w->to_port);
    put_be32(out + TCP + 4, w->seq);
    put_be32(out + TCP + 8, w->ack);
    out[TCP + 12] = (uint8_t)((len - TCP) / 4 << 4);
    out[TCP + 13] = w->flags;
    sim_put_be16(out + TCP + 14, w->window);
    options(out + TCP + 20, w);
    return len;
}

void sim_wire_frame(uint8_t *headers, size_t headers_len, size_t index, size_t mss, size_t len,
                    bool more)
{
    sim_put_be16(headers + IP + 2, headers_len - IP + len);
    sim_put_be16(headers + IP + 4, (sim_get_be16(headers + IP + 4) + index) & 0xffff);
    put_be32(headers + TCP + 4, get_be32(headers + TCP + 4) + (uint32_t)(index * mss));
    if (more)
        headers[TCP + 13] &= (uint8_t) ~(SIM_WIRE_FIN | SIM_WIRE_PSH);
}

void sim_wire_sums(uint8_t *frame, size_t len)
{
    sim_put_be16(frame + IP + 10, 0);
    sim_put_be16(frame + IP + 10, ip_sum(frame));
    sim_put_be16(frame + TCP + 16, 0);
    sim_put_be16(frame + TCP + 16, tcp_sum(frame, len));
}

static void read_option(struct sim_wire *w, const uint8_t *p, size_t len)
{
    if (p[0] == MSS && len == 4)
        w->mss = sim_get_be16(p + 2);
    if (p[0] == SACK_PERMITTED && len == 2)
        w->sack_ok = true;
    if (p[0] != SACK)
        return;
    for (size_t at = 2; at + 8 <= len && w->sack_count < SIM_WIRE_SACKS; at += 8)
        w->sacks[w->sack_count++] = (struct sim_wire_range){get_be32(p + at), get_be32(p + at + 4)};
}

static bool read_options(struct sim_wire *w, const uint8_t *p, size_t len)
{
    for (size_t at = 0; at < len && p[at] != END_OF_OPTIONS;) {
        if (p[at] == NO_OPERATION) {
            at++;
            continue;
        }
        if (len - at < 2 || p[at + 1] < 2 || p[at + 1] > len - at)
            return false;
        read_option(w, p + at, p[at + 1]);
        at += p[at + 1];
    }
    return true;
}

bool sim_wire_read(const uint8_t *frame, size_t len, struct sim_wire *w, size_t *headers_len)
{
    if (len < SIM_WIRE_LEAST || sim_get_be16(frame + 12) != 0x0800 || frame[IP] != 0x45 ||
        frame[IP + 9] != 6 || sim_get_be16(frame + IP + 2) != len - IP || ip_sum(frame) != 0 ||
        tcp_sum(frame, len) != 0)
        return false;
    *headers_len = TCP + (size_t)(frame[TCP + 12] >> 4) * 4;
    if (*headers_len < SIM_WIRE_LEAST || *headers_len > len)
        return false;
    *w = (struct sim_wire){
        .from = get_be32(frame + IP + 12),
        .to = get_be32(frame + IP + 16),
        .from_port = sim_get_be16(frame + TCP),
        .to_port = sim_get_be16(frame + TCP + 2),
        .id = sim_get_be16(frame + IP + 4),
        .seq = get_be32(frame + TCP + 4),
        .ack = get_be32(frame + TCP + 8),
        .flags = frame[TCP + 13],
        .window = sim_get_be16(frame + TCP + 14),
    };
    return read_options(w, frame + SIM_WIRE_LEAST, *headers_len - SIM_WIRE_LEAST);
}
