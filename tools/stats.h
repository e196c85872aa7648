/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * weir stats: its parts.
 */
#ifndef WEIR_TOOLS_STATS_H
#define WEIR_TOOLS_STATS_H

#include "counters.h"

/* Who carries records now. X(symbol, word) */
#define STATS_ACTIVE_LIST(X)                                                                       \
    X(NONE, "none")                                                                                \
    X(KERNEL, "kernel")                                                                            \
    X(NIC, "nic")

enum stats_active {
#define X(symbol, word) ACTIVE_##symbol,
    STATS_ACTIVE_LIST(X)
#undef X
};

struct verdict {
    enum stats_active active;
    char text[400]; /* "offload is … because …" */
};
void stats_judge(struct host *host, const struct readings *now, struct verdict *verdict);

/* The text format of Prometheus, version 0.0.4. */
void stats_prometheus(const struct readings *now, const struct verdict *verdict);

#endif
