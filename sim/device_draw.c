/* SPDX-License-Identifier: BSD-2-Clause */
/* What a seed stands for. */
#include "device.h"

void sim_device_defaults(struct sim_device_config *config, const struct weir_aead *aead)
{
    *config = (struct sim_device_config){
        .flows = 1,
        .bytes = 65536,
        .send = true,
        .link = {.delay = 5000, .byte_ticks = 80, .mtu = 1500},
        .aead = aead,
        .runs = 64,
        .tags = 16,
        .queue = 1024,
        .signal = 16,
        .sack = true,
        .send_buffer = 131072,
        .record = 16384,
    };
}

/* 0 in one of `of` cases, else up to `most`. */
static uint32_t some(uint64_t *seed, unsigned of, uint32_t most)
{
    return sim_random_below(seed, of) == 0 ? 0 : (uint32_t)sim_random_below(seed, most + 1);
}

static void draw_link(struct sim_link_config *link, uint64_t *seed)
{
    link->loss = some(seed, 4, 200000);
    link->reorder = some(seed, 3, 100000);
    link->duplicate = some(seed, 3, 50000);
    link->corrupt = some(seed, 3, 20000);
    link->delay = sim_random_below(seed, 40000);
    link->jitter = some(seed, 3, 10000);
    link->late = some(seed, 2, 50000);
    link->byte_ticks = some(seed, 2, 2000);
    if (sim_random_below(seed, 4) == 0) {
        link->turn = 1 + sim_random_below(seed, 60);
        link->mtu_then = 200 + (uint32_t)sim_random_below(seed, 1300);
    }
}

static void draw_engine(struct sim_device_config *c, uint64_t *seed)
{
    c->driver = (enum weir_mlx5_driver)sim_random_below(seed, 2);
    c->policy = (enum weir_mlx5_policy)sim_random_below(seed, 3);
    c->trigger = (enum weir_mlx5_trigger)sim_random_below(seed, 2);
    c->trust = sim_random_below(seed, 2) == 0;
    c->most_dump = some(seed, 2, 20000);
    c->most_lost = some(seed, 2, 500);
    c->runs = 4 + (uint32_t)sim_random_below(seed, 60);
    c->tags = sim_random_below(seed, 3) == 0 ? 0 : 1u << sim_random_below(seed, 6);
    c->checks = sim_random_below(seed, 3) == 0 ? 1u << (3 + sim_random_below(seed, 5)) : 0;
    c->queue = 64u << sim_random_below(seed, 6);
    c->signal = (uint16_t)sim_random_below(seed, c->queue / 4 < 64 ? c->queue / 4 : 64);
    c->hold = some(seed, 2, 900000);
}

void sim_device_draw(struct sim_device_config *config, uint64_t seed)
{
    const struct weir_aead *aead = config->aead;
    uint64_t s = seed ^ UINT64_C(0x5eed5eed5eed5eed);

    sim_device_defaults(config, aead);
    config->seed = seed;
    config->flows = 1 + (unsigned)sim_random_below(&s, SIM_DEVICE_FLOWS);
    config->bytes = (20000 + sim_random_below(&s, 40001)) / config->flows;
    draw_link(&config->link, &s);
    draw_engine(config, &s);
    config->lso = some(&s, 2, 16000);
    config->cut = some(&s, 2, 400000);
    config->sack = sim_random_below(&s, 2) == 0;
    config->send_buffer = (size_t)32768 << sim_random_below(&s, 3);
    config->record = 1 + (size_t)sim_random_below(&s, sim_random_below(&s, 2) == 0 ? 16384 : 2000);
    config->before = some(&s, 2, 3);
    config->receive = sim_random_below(&s, 3) == 0;
    config->wrap = sim_random_below(&s, 2) == 0;
}
