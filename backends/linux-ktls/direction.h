/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * The memory of one direction, and the parts of the backend that lie in files of their own.
 */
#ifndef WEIR_LINUX_KTLS_DIRECTION_H
#define WEIR_LINUX_KTLS_DIRECTION_H

#include <weir/linux_ktls.h>

#include "abi.h"

/* What the outstanding command is for. Those of a move stand in their order. */
enum ktls_step {
    STEP_NONE,
    STEP_ULP,
    STEP_LIMIT,
    STEP_ZEROCOPY,
    STEP_KEY, /* nothing behind it can refuse */
    STEP_NO_PAD,
    STEP_MOVED,
    STEP_REKEY,
    STEP_QUERY,
};

/* The caller's memory is declared as numbers; may_alias keeps using it as this struct defined. */
struct __attribute__((may_alias)) ktls {
    struct weir_cmd cmd;
    const struct ktls_layout *layout;
    struct ktls_place place; /* what the last query told */
    uint64_t records_left;   /* TX: at least so many more until the sequence number wraps */
    uint32_t asked;          /* TX: bytes of the call that ktls_send filled */
    uint16_t version, suite;
    uint16_t record_limit;
    uint8_t step;                /* an enum ktls_step */
    uint8_t dir;                 /* an enum weir_dir */
    uint8_t type;                /* TX: content type of `asked` */
    uint8_t tries;               /* of STEP_REKEY */
    bool had_ulp;                /* some upper layer protocol was there before us */
    bool all_read;               /* RX: nothing is decrypted that the caller has not got */
    bool answered;               /* `place` is fresh */
    uint8_t small[4];            /* the value of short options */
    uint8_t info[KTLS_MAX_INFO]; /* keys until the kernel has them, and what it tells */
};

_Static_assert(sizeof(struct ktls) <= sizeof(struct weir_linux_ktls_ctx), "the ctx is too small");
_Static_assert(_Alignof(struct ktls) <= _Alignof(struct weir_linux_ktls_ctx), "ctx alignment");

/* What an errno value means in STEP_ULP, STEP_LIMIT and STEP_KEY; fills all of `why`. */
void weir_ktls_refuse(const struct ktls *k, int os_error, struct weir_refusal *why);

/* stream.c: the functions of struct weir_backend. */
void weir_ktls_send(const struct weir_backend *self, void *ctx, uint8_t type,
                    struct weir_stream_op *op);
weir_status weir_ktls_sent(const struct weir_backend *self, void *ctx,
                           const struct weir_stream_done *done);
void weir_ktls_receive(const struct weir_backend *self, void *ctx, struct weir_stream_op *op);
weir_status weir_ktls_received(const struct weir_backend *self, void *ctx,
                               const struct weir_stream_done *done, struct weir_stream_in *in);

#endif
