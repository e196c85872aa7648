/* SPDX-License-Identifier: BSD-2-Clause */
#include "run.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "card.h"
#include "host.h"
#include "pcap.h"
#include "peer.h"

#define NEAR_IP 0x0a000001u
#define FAR_IP  0x0a000002u
#define PORT    4433u
#define HOUR    3600000000u

const uint8_t tls_psk[32] = "a key that both ends know before";

const struct tls_library *const tls_libraries[] = {
#ifdef EXAMPLE_OPENSSL
    &tls_library_openssl,
#endif
#ifdef EXAMPLE_MBEDTLS
    &tls_library_mbedtls,
#endif
    NULL,
};

/* mbedTLS 2.28 puts the time of day into what it sends: equal runs need an equal day. */
time_t time(time_t *now)
{
    const time_t then = 1700000000;

    if (now != NULL)
        *now = then;
    return then;
}

struct run_config run_draw(uint64_t seed, const struct tls_library *library, bool tls13)
{
    uint64_t state = seed ^ 0x6c77697000000000u;
    struct run_config c = {.seed = seed, .library = library, .tls13 = tls13};

    c.peer_library = tls_libraries[0]; /* OpenSSL where it is there */
    c.long_key = sim_random_below(&state, 2) != 0;
    c.server = sim_random_below(&state, 2) != 0;
    c.bytes = 20000 + sim_random_below(&state, 80000);
    if (sim_random_below(&state, 8) != 0) { /* else a good path */
        c.loss = (uint32_t)sim_random_below(&state, 100000);
        c.reorder = (uint32_t)sim_random_below(&state, 100000);
        c.duplicate = (uint32_t)sim_random_below(&state, 100000);
        c.corrupt = (uint32_t)sim_random_below(&state, 20000);
    }
    if (sim_random_below(&state, 2) != 0)
        c.mtu = 600 + (uint32_t)sim_random_below(&state, 900);
    c.recovery = sim_random_below(&state, 2) != 0 ? WEIR_MLX5_AS_LINUX : WEIR_MLX5_AS_FREEBSD;
    c.policy = (enum weir_mlx5_policy)sim_random_below(&state, 3);
    c.trigger =
        sim_random_below(&state, 2) != 0 ? WEIR_MLX5_TRIGGER_LINUX : WEIR_MLX5_TRIGGER_FREEBSD;
    c.trust = sim_random_below(&state, 4) == 0;
    c.key_updates = sim_random_below(&state, 4) == 0 ? 200000 : 0;
    c.slow = sim_random_below(&state, 8) == 0;
    return c;
}

/* Hears all frames of both links, and makes one number of them. */
struct trace {
    struct sim_link_tap tap;
    uint64_t *digest;
    FILE *pcap;
};

struct world {
    uint64_t now, seed, digest;
    struct sim_link *out, *in; /* from the end with the card, and to it */
    struct trace out_trace, in_trace;
    struct driver *driver;
    struct host *host;
    struct peer *peer;
    FILE *pcap;
};

static void note(struct sim_link_tap *self, uint64_t now, enum sim_link_fate fate,
                 const uint8_t *bytes, size_t len)
{
    struct trace *t = (struct trace *)(void *)self;
    uint64_t x = *t->digest ^ now;

    for (size_t i = 0; i < len; i++)
        x = (x ^ bytes[i]) * 0x100000001b3u;
    *t->digest = (x ^ (uint64_t)fate) * 0x100000001b3u;
    if (t->pcap != NULL)
        pcap_frame(t->pcap, now, bytes, len);
}

static struct sim_link *link_of(struct world *w, const struct run_config *config,
                                struct trace *trace)
{
    const struct sim_link_config link = {
        .delay = 1000 + sim_random_below(&w->seed, 20000),
        .jitter = sim_random_below(&w->seed, 1000),
        .late = 5000,
        .byte_ticks = 80, /* 100 Mbit/s */
        .mtu = 1500,
        .turn = config->mtu != 0 ? 20 + config->bytes / 3000 : 0,
        .mtu_then = config->mtu,
    };
    struct sim_link *made = sim_link_new(&link, sim_random(&w->seed));

    *trace = (struct trace){{note}, &w->digest, w->pcap};
    sim_link_tap(made, &trace->tap);
    return made;
}

static struct peer *far_end(struct world *w, const struct run_config *config)
{
    struct peer_config peer = {
        .library = config->peer_library,
        .choice = {!config->server, config->tls13, config->long_key, sim_random(&w->seed),
                   config->keylog},
        .link = w->in,
        .send = config->bytes,
        .expect = config->bytes,
        .key_updates = config->key_updates,
        .seed = sim_random(&w->seed),
    };

    peer.tcp = (struct sim_tcp_config){
        .active = config->server,
        .from = FAR_IP,
        .to = NEAR_IP,
        .from_port = config->server ? 40000 : PORT,
        .to_port = PORT,
        .first_seq = (uint32_t)sim_random(&w->seed),
        .mtu = 1500,
        .send_buffer = 1u << 17,
        .window = 0xffff,
        .sack = false, /* Debian's lwIP has none */
        .cut = (uint32_t)sim_random_below(&w->seed, 3) * 100000,
        .seed = sim_random(&w->seed),
    };
    return peer_new(&peer);
}

static struct host *near_end(struct world *w, const struct run_config *config)
{
    const struct host_config host = {
        .library = config->library,
        .choice = {config->server, config->tls13, config->long_key, sim_random(&w->seed), NULL},
        .driver = w->driver,
        .active = !config->server,
        .peer = FAR_IP,
        .port = PORT,
        .send = config->bytes,
        .expect = config->bytes,
        .trust = config->trust,
        .slow = config->slow,
        .seed = sim_random(&w->seed),
    };

    return host_new(&host);
}

/*
 * An ACK that comes without the SYN it belongs to, because that was lost or overtaken, is answered
 * with RST by lwIP (RFC 9293 section 3.10.7.3 would drop it). So the paths are good until the
 * connection is there.
 */
static void connected(struct world *w, const struct run_config *config)
{
    struct sim_link_config *links[2] = {sim_link_config(w->out), sim_link_config(w->in)};

    for (size_t i = 0; i < 2; i++) {
        links[i]->loss = config->loss;
        links[i]->corrupt = config->corrupt;
        links[i]->corrupt_past = config->corrupt_past;
        links[i]->reorder = config->reorder;
        links[i]->duplicate = config->duplicate;
    }
}

/* Everything that is due now. */
static void turn(struct world *w)
{
    struct sim_frame *f = NULL;

    driver_time(w->driver, w->now);
    stack_run(w->now);
    while ((f = sim_link_take(w->in, w->now)) != NULL)
        driver_in(w->driver, f);
    host_run(w->host);
    while ((f = sim_link_take(w->out, w->now)) != NULL)
        peer_in(w->peer, w->now, f);
    peer_run(w->peer, w->now);
}

/* When the next thing is due. */
static uint64_t next(const struct world *w)
{
    uint64_t when = stack_due(), other = peer_due(w->peer);

    when = other < when ? other : when;
    if (sim_link_due(w->in, &other) && other < when)
        when = other;
    if (sim_link_due(w->out, &other) && other < when)
        when = other;
    return when > w->now ? when : w->now + 1;
}

static const char *wrong(const struct world *w)
{
    const char *why = host_failed(w->host);

    if (why == NULL)
        why = peer_failed(w->peer);
    if (why == NULL)
        why = driver_failed(w->driver);
    return why == NULL && w->now > HOUR ? "an hour has passed" : why;
}

static void begin(struct world *w, const struct run_config *config)
{
    w->pcap = config->pcap != NULL ? pcap_open(config->pcap) : NULL;
    w->out = link_of(w, config, &w->out_trace);
    w->in = link_of(w, config, &w->in_trace);
    w->driver = driver_new(&(struct driver_config){w->out, config->library->aead, config->recovery,
                                                   config->policy, config->trigger});
    stack_start(driver_below(w->driver), NEAR_IP, CARD_MTU, sim_random(&w->seed));
    w->host = near_end(w, config);
    w->peer = far_end(w, config);
}

static void report(const struct world *w, struct run_result *result)
{
    result->ticks = w->now;
    result->trace = w->digest;
    result->near_got = host_received(w->host);
    result->far_got = peer_received(w->peer);
    result->refused[WEIR_TX] = *host_refused(w->host, WEIR_TX);
    result->refused[WEIR_RX] = *host_refused(w->host, WEIR_RX);
    result->weir[WEIR_TX] = host_counters(w->host, WEIR_TX);
    result->weir[WEIR_RX] = host_counters(w->host, WEIR_RX);
    result->driver = driver_counts(w->driver);
    result->out = *sim_link_counts(w->out);
    result->in = *sim_link_counts(w->in);
}

static void end(struct world *w)
{
    host_free(w->host);
    peer_free(w->peer);
    driver_free(w->driver);
    sim_link_free(w->out);
    sim_link_free(w->in);
    if (w->pcap != NULL)
        (void)fclose(w->pcap);
}

void run(const struct run_config *config, struct run_result *result)
{
    struct world w = {.seed = config->seed};
    const char *why = NULL;

    *result = (struct run_result){.good = false};
    begin(&w, config);
    while (why == NULL && !(host_done(w.host) && peer_done(w.peer))) {
        turn(&w);
        if (host_open(w.host))
            connected(&w, config);
        if (config->gone_after > 0 && driver_counts(w.driver).out >= config->gone_after)
            driver_lose_card(w.driver);
        why = wrong(&w);
        w.now = next(&w);
    }
    report(&w, result);
    host_close(w.host);
    driver_end(w.driver); /* nothing may be left on the card */
    why = why != NULL ? why : wrong(&w);
    result->good = why == NULL;
    if (why != NULL)
        (void)snprintf(result->failed, sizeof result->failed, "%s", why);
    end(&w);
}
