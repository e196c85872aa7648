/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What backends/linux-ktls and the model of it in sim/ take for granted about the kernel, one case
 * for each. Where kernels differ, either answer passes and nothing else does.
 */
#ifndef FACTS_H
#define FACTS_H

#include "check.h"
#include "raw.h"

struct fact {
    const char *name;
    void (*body)(const void *suite);
    uint16_t version; /* only for this one; 0: for both */
};

extern const struct fact facts_keys[], facts_tx[], facts_rx[], facts_update[]; /* up to name NULL */

/* A plain end, and one that receives with a key; the key is what to seal with. */
struct raw_key facts_receiver(int fd[2], const struct raw_suite *suite);
/* The same the other way: fd[0] sends with the key. */
struct raw_key facts_sender(int fd[2], const struct raw_suite *suite);
/* Seals a record and writes it to `fd`. */
void facts_put(int fd, struct raw_key *key, uint8_t type, const void *data, size_t len);
/* Reads one record from `fd` and opens it; returns the length of its data. -1: the stream ended. */
ssize_t facts_take(int fd, struct raw_key *key, uint8_t *type, uint8_t out[RAW_RECORD]);
/* Records of a direction so far, as the kernel counts them. */
uint64_t facts_seq(int fd, int dir, const struct raw_suite *suite);
/* A number of /proc/net/tls_stat; -1 when it is not there. */
long facts_stat(const char *name);

#endif
