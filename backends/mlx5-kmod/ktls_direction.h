/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * The memory of one direction below the socket, and the parts of the backend that lie in files of
 * their own.
 */
#ifndef WEIR_MLX5_KTLS_DIRECTION_H
#define WEIR_MLX5_KTLS_DIRECTION_H

#include "ktls_abi.h"

/* What the outstanding command is for. */
enum ktls_step {
    STEP_NONE,
    STEP_ENABLE, /* nothing behind it can refuse */
    STEP_MODE,   /* who carries it */
    STEP_SWITCH, /* somebody else was wanted */
    STEP_MODE_AGAIN,
};

/* The caller's memory is declared as numbers; may_alias keeps using it as this struct defined. */
struct __attribute__((may_alias)) ktls {
    struct weir_cmd cmd;
    uint8_t enable[WEIR_MLX5_TLS_ENABLE]; /* points to key and iv below */
    uint8_t key[WEIR_MAX_KEY];
    uint8_t iv[WEIR_IV_LEN];
    int32_t mode; /* the value of short options */
    int error;    /* RX: the socket has told it, behind bytes that were good */
    struct weir_mlx5_ktls_report report;
    uint32_t features;
    uint16_t suite;
    uint16_t record_limit;
    uint16_t left;    /* RX: bytes of the record at hand that have not been read */
    uint8_t type;     /* RX: its content type */
    uint8_t step;     /* an enum ktls_step */
    uint8_t dir;      /* an enum weir_dir */
    uint8_t want;     /* a weir_carrier */
    bool want_due;    /* and it is to be asked for */
    bool moving;      /* commands belong to attach, and no error stops them behind STEP_ENABLE */
    bool answered;    /* the report is fresh */
    bool asked_away;  /* we have asked the interface to give it up */
    bool unprotected; /* TX: the kernel says that it encrypts nothing */
};

_Static_assert(sizeof(struct ktls) <= sizeof(struct weir_mlx5_ktls_ctx), "the ctx is too small");
_Static_assert(_Alignof(struct ktls) <= _Alignof(struct weir_mlx5_ktls_ctx), "ctx alignment");

/* ktls_stream.c: the functions of struct weir_backend. */
void weir_mlx5_ktls_send(const struct weir_backend *self, void *ctx, uint8_t type,
                         struct weir_stream_op *op);
weir_status weir_mlx5_ktls_sent(const struct weir_backend *self, void *ctx,
                                const struct weir_stream_done *done);
void weir_mlx5_ktls_receive(const struct weir_backend *self, void *ctx, struct weir_stream_op *op);
weir_status weir_mlx5_ktls_received(const struct weir_backend *self, void *ctx,
                                    const struct weir_stream_done *done, struct weir_stream_in *in);

#endif
