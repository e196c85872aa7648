/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Event loops that work side by side, one for each thread. What belongs to a loop is touched by its
 * own thread only; others leave it a note under a lock of theirs and wake it.
 */
#ifndef WEIR_TOOLS_CREW_H
#define WEIR_TOOLS_CREW_H

#include "common.h"

#include <stdatomic.h>
#include <uv.h>

/* The most threads a command takes. */
enum { CREW_MAX = 64 };

/* One loop. The first of a command is run by its main thread. */
struct crew_member {
    uv_loop_t loop;
    uv_async_t mail;
    uv_thread_t thread;
    void (*woken)(struct crew_member *member); /* in its own thread, after one wake or several */
    void *data;                                /* the owner's */
    atomic_bool quit;
    bool started; /* it has a thread of its own */
};

/* Makes the loop; what it is told before it runs is not lost. False: fault, nothing to close. */
bool crew_open(struct crew_member *member, void (*woken)(struct crew_member *), void *data,
               struct fault *fault);

/* Runs the loop in a thread of its own. False: fault; then crew_close all the same. */
bool crew_start(struct crew_member *member, struct fault *fault);

/* Has `woken` called soon, from any thread. */
void crew_wake(struct crew_member *member);

/* Waits until nothing is left in the loop, and frees it. Whoever calls sees to it that all handles
 * but the crew's own are, or are being, closed; of a loop with a thread `woken` sees to that. */
void crew_close(struct crew_member *member);

#endif
