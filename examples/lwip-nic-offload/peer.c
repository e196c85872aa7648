/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer.h"

#include <stdio.h>
#include <stdlib.h>

#include "pattern.h"

struct peer {
    struct sim_tcp_owner owner;
    struct sim_tcp_sink sink;
    struct peer_config config;
    struct sim_tcp *tcp;
    struct tls *tls;
    uint64_t now, seed;
    uint64_t sent, got;
    bool closed; /* close_notify and FIN are behind what was written */
    bool too_big;
    size_t waiting; /* bytes of what TLS said that TCP has not taken */
    uint8_t said[1u << 16];
    char failed[200];
};

static struct peer *of_owner(struct sim_tcp_owner *owner)
{
    void *p = owner;

    return p;
}

static void frame(struct sim_tcp_sink *sink, const uint8_t *bytes, size_t len)
{
    struct peer *p = (struct peer *)(void *)((char *)sink - offsetof(struct peer, sink));

    if (sim_link_send(p->config.link, p->now, bytes, len) == SIM_LINK_TOO_BIG)
        p->too_big = true;
}

static bool out(struct sim_tcp_owner *owner, struct sim_tcp *tcp, const struct sim_tcp_segment *s)
{
    struct peer *p = of_owner(owner);

    sim_tcp_frames(s, &p->sink);
    if (p->too_big) /* what ICMP says (RFC 1191) */
        sim_tcp_mtu(tcp, sim_link_mtu(p->config.link));
    p->too_big = false;
    return true;
}

struct peer *peer_new(const struct peer_config *config)
{
    struct peer *p = sim_alloc(sizeof *p);

    p->owner.out = out;
    p->sink.frame = frame;
    p->config = *config;
    p->seed = config->seed;
    p->tls = config->library->open(&config->choice);
    p->tcp = sim_tcp_new(&config->tcp, &p->owner);
    return p;
}

void peer_free(struct peer *p)
{
    p->config.library->close(p->tls);
    sim_tcp_free(p->tcp);
    free(p);
}

/* Application data that came: is it what the other end has sent? */
static void check(struct peer *p, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++, p->got++)
        if ((data[i] != pattern(PATTERN_NEAR, p->got) || p->got >= p->config.expect) &&
            p->failed[0] == 0)
            (void)snprintf(p->failed, sizeof p->failed, "the peer got a wrong byte at %llu",
                           (unsigned long long)p->got);
}

static void take(struct peer *p)
{
    const struct tls_library *library = p->config.library;
    uint8_t bytes[4096], mark = 0;
    size_t len = 0;

    while ((len = sim_tcp_read(p->tcp, bytes, sizeof bytes, &mark)) > 0)
        library->input(p->tls, bytes, len);
    while ((len = library->read(p->tls, bytes, sizeof bytes)) > 0)
        check(p, bytes, len);
}

/* Application data, in writes of any length, while what was said before is on its way. */
static void speak(struct peer *p)
{
    const struct tls_library *library = p->config.library;
    uint8_t data[8192];

    if (!library->up(p->tls) || p->closed || p->waiting > 0)
        return;
    size_t len = 1 + (size_t)sim_random_below(&p->seed, sizeof data);
    if (len > p->config.send - p->sent)
        len = (size_t)(p->config.send - p->sent);
    for (size_t i = 0; i < len; i++)
        data[i] = pattern(PATTERN_FAR, p->sent + i);
    if (p->config.choice.tls13 && library->key_update != NULL &&
        sim_random_below(&p->seed, 1000000) < p->config.key_updates)
        library->key_update(p->tls, sim_random_below(&p->seed, 2) != 0);
    if (len > 0)
        library->write(p->tls, data, len);
    p->sent += len;
    if (p->sent == p->config.send) {
        library->close_notify(p->tls);
        p->closed = true;
    }
}

static void hand_on(struct peer *p)
{
    p->waiting +=
        p->config.library->output(p->tls, p->said + p->waiting, sizeof p->said - p->waiting);
    size_t put = sim_tcp_write(p->tcp, p->said, p->waiting);
    p->waiting -= put;
    for (size_t i = 0; put > 0 && i < p->waiting; i++)
        p->said[i] = p->said[put + i];
}

void peer_in(struct peer *p, uint64_t now, struct sim_frame *f)
{
    p->now = now;
    sim_tcp_input(p->tcp, now, f->bytes, f->len);
    free(f);
}

void peer_run(struct peer *p, uint64_t now)
{
    const char *why = p->config.library->failed(p->tls);
    uint64_t before = 0;

    p->now = now;
    sim_tcp_run(p->tcp, now);
    if (sim_tcp_state(p->tcp) == SIM_TCP_OPENING)
        return;
    take(p);
    p->config.library->input(p->tls, NULL, 0); /* a client begins by itself */
    do {
        before = p->sent;
        hand_on(p);
        speak(p);
    } while (p->sent > before);
    hand_on(p);
    if (p->closed && p->waiting == 0)
        sim_tcp_close(p->tcp);
    sim_tcp_run(p->tcp, now);
    if (why != NULL && p->failed[0] == 0)
        (void)snprintf(p->failed, sizeof p->failed, "the peer's TLS: %s", why);
    if (sim_tcp_state(p->tcp) == SIM_TCP_DEAD && p->failed[0] == 0)
        (void)snprintf(p->failed, sizeof p->failed, "the peer's TCP has given up");
}

uint64_t peer_due(const struct peer *p)
{
    uint64_t when = 0;

    return sim_tcp_due(p->tcp, &when) ? when : UINT64_MAX;
}

bool peer_done(const struct peer *p)
{
    return p->closed && p->got == p->config.expect && p->config.library->ended(p->tls) &&
           sim_tcp_ended(p->tcp) && sim_tcp_all_acked(p->tcp);
}

uint64_t peer_received(const struct peer *p)
{
    return p->got;
}

const char *peer_failed(const struct peer *p)
{
    return p->failed[0] != 0 ? p->failed : NULL;
}
