/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * A backend below a socket, for the cases of core: it takes a direction by as many commands as it
 * is told, each of which can fail, and then makes and opens records by itself with the peer's side
 * of the fixture (wire.h), so that nothing of core is at work there. What real kernels do is in
 * sim/.
 */
#ifndef WEIR_TEST_BELOW_H
#define WEIR_TEST_BELOW_H

#include "fixture.h"

/** The context of a direction. */
struct below_ctx {
    _Alignas(uint64_t) uint8_t raw[96 + sizeof(struct weir_keys)];
};

struct below {
    struct weir_backend backend; /**< what core is given; begin changes here before the move */
    struct test *t;
    /** Commands that each of these takes; of all of them, the one that fails (1: the next). */
    uint32_t attach_cmds, rekey_cmds, query_cmds, fail_at;
    uint32_t run;       /**< commands carried out */
    uint32_t attached;  /**< contexts in use */
    uint32_t queries;   /**< queries begun */
    uint32_t cut;       /**< most plaintext in a record it makes; 0: 16384 */
    uint64_t seq_error; /**< added to the number that a query tells */
    bool inexact;       /**< a query does not tell a number */
    weir_carrier carrier;
    struct below_ctx ctx[2]; /**< of the directions that below_open has moved */
    bool live[2];            /**< it has this direction */
    struct wire kernel[2];   /**< as it makes and opens records */
    uint32_t made;           /**< records of TX */
    int send_error;          /**< the next send fails with this */
};

enum {
    BELOW_AGAIN = 11, /**< errno values of its operating system */
    BELOW_AUTH = 74,
    BELOW_RESET = 104,
    BELOW_OTHER = 99,
};

/** An operating system without faults, which takes a direction by two commands, changes its key by
 * two, and answers a query by one. */
void below_begin(struct below *b, struct fixture *f);

enum { BELOW_TX = 1u << WEIR_TX, BELOW_RX = 1u << WEIR_RX };

/** Begins a connection anew and moves the directions of `dirs` (BELOW_…) here; without `rekeys` the
 * backend cannot change keys. */
void below_open(struct below *b, struct fixture *f, unsigned dirs, bool rekeys);

/** Carries out commands of the session until none is left; the last answer, or WEIR_OK. */
weir_status below_run(struct below *b, struct fixture *f, struct weir_refusal *why);

/** Begins and completes a move of the session's direction. `left` as in struct weir_move. */
weir_status below_move(struct below *b, struct fixture *f, enum weir_dir dir, struct below_ctx *ctx,
                       weir_policy policy, struct weir_refusal *why);

/** Sends `data` (and what the session has to say before it) to f->out; the last answer. */
weir_status below_send(struct below *b, struct fixture *f, uint8_t type, const void *data,
                       size_t len);

/** Receives one record of f->in, gives it to the session, counts it in f->heard. */
weir_status below_receive(struct below *b, struct fixture *f);

#endif
