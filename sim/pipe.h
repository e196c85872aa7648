/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * One direction of a TCP connection as both ends see it: a queue of bytes, each with its offset in
 * the stream, in order and without loss; the end of the stream (FIN); its death (RST).
 *
 *     writer                       queue                        reader
 *     sim_pipe_write ──▶ [ delivered │ held back ] ──▶ sim_pipe_peek, sim_pipe_read
 *
 * A test may hold bytes back and deliver them one by one, change a byte that waits, and listen to
 * all that is written.
 */
#ifndef WEIR_SIM_PIPE_H
#define WEIR_SIM_PIPE_H

#include "base.h"

struct sim_pipe;

/** Hears every byte as it is written, in order. A test embeds it as first member of its own. */
struct sim_tap {
    void (*bytes)(struct sim_tap *self, uint64_t offset, const uint8_t *p, size_t len);
};

/** A pipe that takes `limit` bytes before its reader must read; 0: any number. */
struct sim_pipe *sim_pipe_new(size_t limit);
void sim_pipe_free(struct sim_pipe *pipe);

/* The writer's end */

/** How many bytes it would take now; SIZE_MAX when any number. 0 after FIN or RST. */
size_t sim_pipe_room(const struct sim_pipe *pipe);
/** Writes as many of p[0..len) as there is room for; returns how many. */
size_t sim_pipe_write(struct sim_pipe *pipe, const void *p, size_t len);
/** No byte comes after those written: what is queued is still read, then sim_pipe_ended. */
void sim_pipe_fin(struct sim_pipe *pipe);
bool sim_pipe_fin_sent(const struct sim_pipe *pipe);
/**
 * Ends the stream without FIN: nothing is written from now on. What was delivered stays readable,
 * what was held back is dropped. Either end may call it.
 */
void sim_pipe_reset(struct sim_pipe *pipe);
bool sim_pipe_is_reset(const struct sim_pipe *pipe);
/** Changes how many bytes wait at most (0: any number); what already waits stays. */
void sim_pipe_limit(struct sim_pipe *pipe, size_t limit);

/* The reader's end */

/** Bytes that can be read now. */
size_t sim_pipe_readable(const struct sim_pipe *pipe);
/** Copies up to `len` readable bytes, from `skip` bytes behind the head, without taking them. */
size_t sim_pipe_peek(const struct sim_pipe *pipe, size_t skip, void *out, size_t len);
/** Takes up to `len` readable bytes; `out` NULL throws them away. Returns how many. */
size_t sim_pipe_read(struct sim_pipe *pipe, void *out, size_t len);
/** Whether all bytes were read and FIN has arrived behind them. */
bool sim_pipe_ended(const struct sim_pipe *pipe);
/** Whether FIN has arrived, with bytes before it or not: a socket that is no longer ESTABLISHED. */
bool sim_pipe_fin_arrived(const struct sim_pipe *pipe);

/* The test's end */

/** Offset in the stream of the next byte to be read, and of the next to be written. */
uint64_t sim_pipe_read_offset(const struct sim_pipe *pipe);
uint64_t sim_pipe_write_offset(const struct sim_pipe *pipe);
/** Every byte written from now on is told to `tap`; NULL ends it. It must outlive the pipe. */
void sim_pipe_tap(struct sim_pipe *pipe, struct sim_tap *tap);
/** From now on bytes written (and FIN) wait unseen by the reader until they are delivered. */
void sim_pipe_hold(struct sim_pipe *pipe);
/** Lets up to `len` more of them through; returns how many. FIN comes with the last of them. */
size_t sim_pipe_deliver(struct sim_pipe *pipe, size_t len);
/** Delivers what waits and no longer holds back. */
void sim_pipe_release(struct sim_pipe *pipe);
/** XORs a byte that was written and not yet read, by its offset; false when there is none. */
bool sim_pipe_flip(struct sim_pipe *pipe, uint64_t offset, uint8_t mask);

#endif
