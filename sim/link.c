/* SPDX-License-Identifier: BSD-2-Clause */
#include "link.h"

#include <stdlib.h>
#include <string.h>

struct sim_link {
    struct sim_link_config config;
    struct sim_link_counts counts;
    struct sim_link_tap *tap;
    struct sim_frame *waiting; /* by time; of one time in the order they came */
    uint64_t seed;
    uint64_t line_free; /* in thousandths of a tick */
    uint64_t last;      /* when the latest frame in order arrives */
};

struct sim_link *sim_link_new(const struct sim_link_config *config, uint64_t seed)
{
    struct sim_link *link = sim_alloc(sizeof *link);

    link->config = *config;
    link->seed = seed;
    return link;
}

void sim_link_free(struct sim_link *link)
{
    if (link == NULL)
        return;
    for (struct sim_frame *f = link->waiting, *next; f != NULL; f = next) {
        next = f->next;
        free(f);
    }
    free(link);
}

struct sim_link_config *sim_link_config(struct sim_link *link)
{
    return &link->config;
}

const struct sim_link_counts *sim_link_counts(const struct sim_link *link)
{
    return &link->counts;
}

void sim_link_tap(struct sim_link *link, struct sim_link_tap *tap)
{
    link->tap = tap;
}

uint32_t sim_link_mtu(const struct sim_link *link)
{
    const struct sim_link_config *c = &link->config;
    uint32_t mtu = c->turn > 0 && link->counts.frames >= c->turn ? c->mtu_then : c->mtu;

    return mtu == 0 ? UINT32_MAX : mtu;
}

/* Draws whether something of this chance happens; a number is drawn in any case, so that chances
 * can be changed without changing everything behind them. */
static bool happens(struct sim_link *link, uint32_t chance)
{
    return sim_random_below(&link->seed, SIM_LINK_ALWAYS) < chance;
}

static void insert(struct sim_link *link, uint64_t when, const uint8_t *bytes, size_t len)
{
    struct sim_frame *f = sim_alloc(sizeof *f + len), **at = &link->waiting;

    f->when = when;
    f->len = len;
    sim_copy(f->bytes, bytes, len);
    while (*at != NULL && (*at)->when <= when)
        at = &(*at)->next;
    f->next = *at;
    *at = f;
}

/* When a frame given to the line now arrives. */
static uint64_t arrival(struct sim_link *link, uint64_t now, size_t len)
{
    const struct sim_link_config *c = &link->config;
    uint64_t start = now * 1000;

    if (link->line_free > start)
        start = link->line_free;
    link->line_free = start + len * c->byte_ticks;
    uint64_t when =
        link->line_free / 1000 + c->delay + sim_random_below(&link->seed, c->jitter + 1);
    if (when < link->last)
        when = link->last;
    if (happens(link, c->reorder)) {
        link->counts.reordered++;
        return when + 1 + sim_random_below(&link->seed, (c->late > 0 ? c->late : c->delay) + 1);
    }
    link->last = when;
    return when;
}

/* One bit of IP or TCP. The checksum of neither can miss it. */
static void damage(struct sim_link *link, uint8_t *p, size_t len)
{
    uint64_t bit = sim_random_below(&link->seed, (len - SIM_WIRE_ETHER) * 8);

    p[SIM_WIRE_ETHER + bit / 8] ^= (uint8_t)(1u << bit % 8);
    link->counts.corrupted++;
}

/* One bit of the payload, behind TCP's back. */
static void damage_past(struct sim_link *link, uint8_t *p, size_t len)
{
    struct sim_wire w;
    size_t headers;

    if (!sim_wire_read(p, len, &w, &headers) || headers == len)
        return;
    uint64_t bit = sim_random_below(&link->seed, (len - headers) * 8);
    p[headers + bit / 8] ^= (uint8_t)(1u << bit % 8);
    sim_wire_sums(p, len);
    link->counts.corrupted_past++;
}

static void on_its_way(struct sim_link *link, uint64_t now, const uint8_t *bytes, size_t len)
{
    uint8_t *p = sim_alloc(len);
    bool damaged = happens(link, link->config.corrupt),
         past = happens(link, link->config.corrupt_past);

    sim_copy(p, bytes, len);
    if (past)
        damage_past(link, p, len);
    else if (damaged && len > SIM_WIRE_ETHER)
        damage(link, p, len);
    insert(link, arrival(link, now, len), p, len);
    if (happens(link, link->config.duplicate)) {
        link->counts.duplicated++;
        insert(link, arrival(link, now, len), p, len);
    }
    free(p);
}

enum sim_link_fate sim_link_send(struct sim_link *link, uint64_t now, const uint8_t *bytes,
                                 size_t len)
{
    enum sim_link_fate fate = SIM_LINK_ON_ITS_WAY;

    if (len > SIM_WIRE_ETHER && len - SIM_WIRE_ETHER > sim_link_mtu(link))
        fate = SIM_LINK_TOO_BIG;
    else if (happens(link, link->config.loss))
        fate = SIM_LINK_LOST;
    link->counts.frames++;
    link->counts.bytes += len;
    link->counts.lost += fate == SIM_LINK_LOST;
    link->counts.too_big += fate == SIM_LINK_TOO_BIG;
    if (link->tap != NULL)
        link->tap->frame(link->tap, now, fate, bytes, len);
    if (fate == SIM_LINK_ON_ITS_WAY)
        on_its_way(link, now, bytes, len);
    return fate;
}

bool sim_link_due(const struct sim_link *link, uint64_t *when)
{
    if (link->waiting == NULL)
        return false;
    *when = link->waiting->when;
    return true;
}

struct sim_frame *sim_link_take(struct sim_link *link, uint64_t now)
{
    struct sim_frame *f = link->waiting;

    if (f == NULL || f->when > now)
        return NULL;
    link->waiting = f->next;
    f->next = NULL;
    link->counts.delivered++;
    return f;
}
