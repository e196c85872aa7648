/* SPDX-License-Identifier: BSD-2-Clause */
#include "driver_internal.h"

#include <stdlib.h>
#include <string.h>

static struct driver *of_below(struct stack_below *below)
{
    void *d = below;

    return d;
}

void driver_frame_out(struct driver *d, const uint8_t *bytes, size_t len)
{
    d->counts.out++;
    if (sim_link_send(d->config.link, d->now, bytes, len) == SIM_LINK_TOO_BIG)
        d->path_mtu = sim_link_mtu(d->config.link); /* what ICMP says (RFC 1191) */
}

/* Payload that goes into one packet on the path. */
size_t driver_longest(const struct driver *d, const struct segment *s)
{
    return d->path_mtu + SIM_WIRE_ETHER - s->headers_len;
}

/* Part from..from + len of a segment. */
static struct segment part(const struct segment *s, size_t from, size_t len)
{
    struct segment p = *s;

    sim_wire_frame(p.headers, p.headers_len, 1, from, len, from + len < s->len);
    p.seq += (uint32_t)from;
    p.payload += from;
    p.len = len;
    return p;
}

/* Sends a segment as it is, in packets that are not too long. */
void driver_plain_out(struct driver *d, const struct segment *s)
{
    size_t at = 0, most = driver_longest(d, s);

    d->counts.cut += s->len > most;
    do {
        uint8_t frame[SIM_WIRE_MOST + LONGEST];
        struct segment p = part(s, at, s->len - at < most ? s->len - at : most);

        memcpy(frame, p.headers, p.headers_len);
        sim_copy(frame + p.headers_len, p.payload, p.len);
        sim_wire_sums(frame, p.headers_len + p.len);
        driver_frame_out(d, frame, p.headers_len + p.len);
        at += p.len;
    } while (at < s->len);
}

/* lwIP sends. */
static void out(struct stack_below *below, const uint8_t *packet, size_t len)
{
    static const uint8_t ethernet[SIM_WIRE_ETHER] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0};
    struct driver *d = of_below(below);
    struct segment s = {.headers_len = SIM_WIRE_ETHER + 20 + (size_t)(packet[32] >> 4) * 4};

    s.payload = packet + s.headers_len - SIM_WIRE_ETHER;
    s.len = len + SIM_WIRE_ETHER - s.headers_len;
    s.seq = (uint32_t)sim_get_be16(packet + 24) << 16 | sim_get_be16(packet + 26);
    memcpy(s.headers, ethernet, sizeof ethernet);
    memcpy(s.headers + SIM_WIRE_ETHER, packet, s.headers_len - SIM_WIRE_ETHER);
    if (d->tx == NULL || s.len == 0) {
        driver_plain_out(d, &s);
        return;
    }
    /* lwIP fills segments up: the end of the handshake may be in one with the first record. */
    size_t before = sim_before(s.seq, d->tx_start) ? d->tx_start - s.seq : 0;
    struct segment first = part(&s, 0, before < s.len ? before : s.len);
    if (first.len > 0)
        driver_plain_out(d, &first);
    if (before < s.len) {
        struct segment rest = part(&s, before, s.len - before);
        driver_secure_out(d, &rest);
    }
}

void driver_in(struct driver *d, struct sim_frame *frame)
{
    struct sim_wire w;
    size_t headers = 0;

    d->counts.in++;
    if (sim_wire_read(frame->bytes, frame->len, &w, &headers)) {
        bool decrypted = driver_card_in(d, w.seq, frame->bytes + headers, frame->len - headers);
        if (decrypted) /* the checksum was that of the ciphertext, and lwIP looks, too */
            sim_wire_sums(frame->bytes, frame->len);
        stack_in(frame->bytes + SIM_WIRE_ETHER, frame->len - SIM_WIRE_ETHER, decrypted);
    } else {
        d->counts.bad++;
    }
    free(frame);
}

struct driver *driver_new(const struct driver_config *config)
{
    struct driver *d = aligned_alloc(alignof(struct driver), sizeof *d);
    struct weir_refusal why;
    const struct weir_mlx5_tx_config tx = {.caps = &d->card.caps,
                                           .pd = CARD_DOMAIN,
                                           .domain = CARD_DOMAIN,
                                           .mtu = CARD_MTU,
                                           .aead = config->aead,
                                           .driver = config->recovery,
                                           .policy = config->policy,
                                           .runs = 256,
                                           .tags = 16};

    if (d == NULL)
        abort();
    memset(d, 0, sizeof *d);
    d->below.out = out;
    d->config = *config;
    d->path_mtu = CARD_MTU;
    card_open(&d->card);
    card_map(&d->card, PROGRESS_LKEY, PROGRESS_AT, d->progress, sizeof d->progress);
    card_map(&d->card, BOUNCE_LKEY, BOUNCE_AT, d->bounce_bytes[0], sizeof d->bounce_bytes);
    if (weir_mlx5_tx_backend_init(&d->port, &tx, &why) != WEIR_OK)
        abort();
    return d;
}

void driver_lose_card(struct driver *d)
{
    if (d->gone)
        return;
    d->gone = true;
    card_remove(&d->card);
    if (d->tx != NULL)
        weir_mlx5_tx_lost(d->tx);
    if (d->rx_on)
        weir_mlx5_rx_lost(&d->rx);
    d->steered = false;
}

void driver_end(struct driver *d)
{
    driver_end_receiving(d);
    driver_end_sending(d, true);
    if (!d->gone && sim_nic_keys(d->card.nic) + sim_nic_contexts(d->card.nic) > 0)
        d->failed = "something is left on the card";
}

void driver_free(struct driver *d)
{
    card_close(&d->card);
    free(d->tx);
    free(d);
}

struct stack_below *driver_below(struct driver *d)
{
    return &d->below;
}

void driver_time(struct driver *d, uint64_t now)
{
    d->now = now;
    driver_poll(d);
}

struct driver_counts driver_counts(const struct driver *d)
{
    struct driver_counts counts = d->counts;

    if (d->tx != NULL)
        counts.tx = weir_mlx5_tx_count(d->tx);
    if (d->rx_on)
        counts.rx = weir_mlx5_rx_count(&d->rx);
    return counts;
}

const char *driver_failed(const struct driver *d)
{
    return d->failed != NULL ? d->failed : card_complaint(&d->card);
}
