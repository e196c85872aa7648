/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One connection from beginning to end, in virtual time, from one seed. lwIP is one stack per
 * process, and so is this: a second run takes a second process.
 */
#ifndef EXAMPLE_RUN_H
#define EXAMPLE_RUN_H

#include "driver.h"
#include "tls.h"

struct run_config {
    uint64_t seed;
    const struct tls_library *library, *peer_library;
    bool tls13, long_key;
    bool server;    /* the end with the card is the server */
    uint64_t bytes; /* of application data, each way */
    uint32_t loss, reorder, duplicate, corrupt,
        corrupt_past; /* chances of a frame, in millionths: see sim/link.h */
    enum weir_mlx5_driver recovery;
    enum weir_mlx5_policy policy;
    enum weir_mlx5_trigger trigger;
    bool trust; /* the card's word for tags is taken */
    uint32_t
        key_updates; /* TLS 1.3: chance that the peer makes one before it writes, in millionths */
    bool slow;       /* the end with the card reads so slowly that TCP's window closes */
    uint64_t gone_after; /* frames sent, and the card is gone; 0: stays */
    const char *pcap;    /* file for all frames of the wire; NULL: none */
    const char *keylog;  /* file for what tshark takes to decrypt them; NULL: none */
    uint32_t mtu;        /* that the paths change to halfway; 0: they do not */
};

/* Draws everything that is not the library or the version from the seed: a path that is good or
 * bad, which end is the server, 20,000 to 100,000 bytes each way, and the settings of weir. */
struct run_config run_draw(uint64_t seed, const struct tls_library *library, bool tls13);

struct run_result {
    bool good;
    char failed[200];               /* when it is not */
    uint64_t ticks;                 /* virtual microseconds */
    uint64_t near_got, far_got;     /* bytes of application data */
    uint64_t trace;                 /* a digest of all frames and their times */
    struct weir_refusal refused[2]; /* by enum weir_dir: why it was not on the card */
    struct weir_counters weir[2];   /* by enum weir_dir, as the next */
    struct driver_counts driver;
    struct sim_link_counts out, in;
};

/* Runs it, to the end or to what goes wrong first. */
void run(const struct run_config *config, struct run_result *result);

#endif
