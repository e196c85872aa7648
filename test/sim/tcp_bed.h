/* SPDX-License-Identifier: BSD-2-Clause */
/* Two TCPs and the two links between them, and what each is to have received. */
#ifndef TEST_SIM_TCP_BED_H
#define TEST_SIM_TCP_BED_H

#include "sim/link.h"
#include "sim/tcp.h"

#include <criterion/criterion.h>

#define BED_END UINT64_C(3600000000) /* an hour of virtual time: more is never needed */

struct bed;

struct bed_end {
    struct sim_tcp_owner owner; /* first */
    struct sim_tcp_sink sink;
    struct bed *bed;
    unsigned which;
    struct sim_tcp *tcp;
    struct sim_link *to; /* to the other end */
    uint8_t *sends;      /* all that this end sends */
    size_t len, written;
    uint8_t *got;
    size_t got_len;
    uint32_t first;   /* sequence number of the first byte */
    size_t read_most; /* bytes that are read at a time */
    bool slow;        /* reads now and then only */
    uint32_t refuse;  /* chance in millionths that `out` has no room */
    size_t longest;   /* payload of a segment */
    uint64_t mixed;   /* segments with old and new bytes in them */
    uint64_t moved;   /* retransmissions that begin where no segment began before */
    uint32_t sent_to; /* behind the highest byte that went out */
    uint8_t *began;   /* a flag for each byte: a segment began there */
    bool marks;       /* `in` marks by the place in the stream */
    uint32_t kept;    /* `oldest` never tells less than so many bytes before SND.UNA */
};

struct bed {
    struct bed_end ends[2];
    struct sim_link_tap tap;
    uint64_t now, seed, digest, frames;
};

struct bed_config {
    struct sim_link_config link[2]; /* from end 0, from end 1 */
    struct sim_tcp_config tcp[2];   /* addresses, ports and `active` are the bed's */
    size_t len[2];                  /* bytes that each sends */
    uint64_t seed;
};

/* Good links of 10 ms, MTU 1500, buffers of 64 KiB, end 0 sends 100,000 bytes. */
struct bed_config bed_config(uint64_t seed);
struct bed *bed_new(const struct bed_config *config);
/* Until both have everything and both directions are closed; fails after an hour. */
void bed_run(struct bed *bed);
/* One event; false: there is none any more. */
bool bed_step(struct bed *bed);
void bed_free(struct bed *bed);

#endif
