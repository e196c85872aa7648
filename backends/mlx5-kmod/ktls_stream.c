/* SPDX-License-Identifier: BSD-2-Clause */
/* Typed sends and receives (FreeBSD: sosend and soreceive of sys/kern/uipc_socket.c). */
#include "ktls_direction.h"

#include <weir/record.h>

void weir_mlx5_ktls_send(const struct weir_backend *self, void *ctx, uint8_t type,
                         struct weir_stream_op *op)
{
    const struct ktls *k = ctx;

    (void)self;
    if (k->unprotected) {
        op->len = 0; /* which is the end of the direction */
        return;
    }
    /* A plain send, so that sendfile can stand for it. Calls are never merged into one record. */
    if (type == WEIR_TYPE_DATA) {
        if (k->record_limit < WEIR_MAX_PLAINTEXT && op->len > k->record_limit)
            op->len = k->record_limit;
        return;
    }
    op->level = KTLS_IPPROTO_TCP;
    op->type = KTLS_SET_RECORD_TYPE;
    op->control[0] = type;
    op->control_len = 1;
}

weir_status weir_mlx5_ktls_sent(const struct weir_backend *self, void *ctx,
                                const struct weir_stream_done *done)
{
    (void)self;
    (void)ctx;
    switch (done->os_error) {
    case 0:
        return WEIR_OK;
    case KTLS_EAGAIN:
    case KTLS_EINTR:
        return WEIR_NEED_OUTPUT;
    case KTLS_EIO: /* the kernel could not encrypt */
    /* The receiving direction's, told here because this call came first. It is not told again, and
     * the kernel has skipped a record: the connection is over in both directions. */
    case KTLS_EBADMSG:
    case KTLS_EMSGSIZE: /* or a send buffer that no record fits in */
    case KTLS_EINVAL:
        return WEIR_E_BACKEND;
    default:
        return WEIR_E_IO;
    }
}

void weir_mlx5_ktls_receive(const struct weir_backend *self, void *ctx, struct weir_stream_op *op)
{
    (void)self;
    (void)ctx;
    op->level = KTLS_IPPROTO_TCP;
    op->type = KTLS_GET_RECORD;
    op->control_len = KTLS_GET_RECORD_LEN;
    op->len = WEIR_MAX_PLAINTEXT;
    op->ask_error = true;
}

static weir_status receive_error(int os_error)
{
    switch (os_error) {
    case KTLS_EAGAIN:
    case KTLS_EINTR:
        return WEIR_NEED_INPUT;
    case KTLS_EBADMSG:
        return WEIR_E_AUTH;
    case KTLS_EMSGSIZE: /* too long, too short, or cut off by the end of the stream */
        return WEIR_E_OVERFLOW;
    case KTLS_EINVAL:
        return WEIR_E_VERSION;
    case KTLS_ENXIO: /* for readers within the kernel only */
    case KTLS_EIO:
        return WEIR_E_BACKEND;
    default:
        return WEIR_E_IO;
    }
}

/* The record that begins with these bytes. */
static weir_status begin_record(struct ktls *k, const struct weir_stream_done *done)
{
    const uint8_t *told = done->control;

    if (done->control_len < KTLS_GET_RECORD_LEN || k->left != 0)
        return WEIR_E_BACKEND;
    /* Of TLS 1.3, too, the version on the wire (RFC 8446 section 5.1). */
    if (told[1] != 3 || told[2] != 3)
        return WEIR_E_VERSION;
    k->type = told[0];
    k->left = (uint16_t)(told[4] << 8 | told[5]);
    return k->left > WEIR_MAX_PLAINTEXT ? WEIR_E_OVERFLOW : WEIR_OK;
}

weir_status weir_mlx5_ktls_received(const struct weir_backend *self, void *ctx,
                                    const struct weir_stream_done *done, struct weir_stream_in *in)
{
    struct ktls *k = ctx;

    (void)self;
    /* The kernel passes over a record that fails, decrypts the next ones, and gives those before it
     * tells: these very bytes may lie behind the gap. Other errors end the stream behind them. */
    if (done->pending_error == KTLS_EBADMSG || done->pending_error == KTLS_EMSGSIZE)
        return receive_error(done->pending_error);
    if (done->pending_error != 0)
        k->error = done->pending_error;
    bool nothing = done->len == 0 && !done->has_control && !done->truncated;
    if (k->error != 0 && (nothing || done->os_error != 0))
        return receive_error(k->error);
    if (done->os_error != 0)
        return receive_error(done->os_error);
    if (nothing)
        return WEIR_CLOSED;
    /* What was cut off may have been the type of these very bytes. */
    if (done->truncated)
        return WEIR_E_BACKEND;
    if (done->has_control) {
        weir_status status = begin_record(k, done);
        if (status != WEIR_OK)
            return status;
    }
    /* Without its begin nobody knows what it is; an empty record has no end-of-record mark, and
     * any other has it with its last byte. */
    bool empty = done->has_control && k->left == 0;
    if (done->len > k->left || (done->len == 0 && !empty))
        return WEIR_E_BACKEND;
    k->left = (uint16_t)(k->left - done->len);
    if (!empty && done->end_of_record != (k->left == 0))
        return WEIR_E_BACKEND;
    /* The buffer was large enough for all of it. */
    if (k->type != WEIR_TYPE_DATA && k->left != 0)
        return WEIR_E_BACKEND;
    *in = (struct weir_stream_in){
        .type = k->type,
        .counted = true, /* but for empty ones that the kernel has passed over */
        .records = done->has_control ? 1 : 0,
    };
    return WEIR_OK;
}
