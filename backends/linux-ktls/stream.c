/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the calls that carry plaintext look like, and what their results mean. Linux:
 * Documentation/networking/tls.rst, net/tls/tls_sw.c, tools/testing/selftests/net/tls.c.
 *
 * The kernel reports some errors once and then behaves as if nothing were there: after a header
 * that it cannot parse, a read waits for ever. Core keeps the first error of a direction and asks
 * no more; so nothing is kept here.
 */
#include "direction.h"

#include <weir/record.h>

void weir_ktls_send(const struct weir_backend *self, void *ctx, uint8_t type,
                    struct weir_stream_op *op)
{
    struct ktls *k = ctx;

    (void)self;
    /* A call without a control message is application data. A record type goes with a call of its
     * own, which ends the record: never with MSG_MORE. */
    if (type != WEIR_TYPE_DATA) {
        op->level = KTLS_SOL_TLS;
        op->type = KTLS_SET_RECORD_TYPE;
        op->control[0] = type;
        op->control_len = 1;
    } else {
        op->level = 0;
        op->type = 0;
        op->control_len = 0;
        if (op->len > UINT32_MAX)
            op->len = UINT32_MAX;
    }
    k->type = type;
    k->asked = (uint32_t)op->len;
}

weir_status weir_ktls_sent(const struct weir_backend *self, void *ctx,
                           const struct weir_stream_done *done)
{
    struct ktls *k = ctx;
    uint32_t asked = k->asked;

    (void)self;
    k->asked = 0;
    if (done->os_error == KTLS_EAGAIN || done->os_error == KTLS_EINTR)
        return WEIR_NEED_OUTPUT;
    /* The kernel could not seal: a sequence number that would wrap, or its crypto failed. Or the
     * socket keeps the error of a record that was received and did not open. */
    if (done->os_error == KTLS_EBADMSG)
        return asked > k->records_left ? WEIR_E_KEY_LIMIT : WEIR_E_BACKEND;
    /* It does not take what this backend asked for. */
    if (done->os_error == KTLS_EINVAL || done->os_error == KTLS_EOPNOTSUPP)
        return WEIR_E_BACKEND;
    if (done->os_error != 0)
        return WEIR_E_IO;
    if (done->len == 0)
        return WEIR_NEED_OUTPUT;
    /* "A control record either goes in whole" or not at all. */
    if (done->len > asked || (k->type != WEIR_TYPE_DATA && done->len != asked))
        return WEIR_E_BACKEND;
    /* At most one record a byte. */
    k->records_left -= done->len < k->records_left ? done->len : k->records_left;
    return WEIR_OK;
}

void weir_ktls_receive(const struct weir_backend *self, void *ctx, struct weir_stream_op *op)
{
    (void)self;
    (void)ctx;
    *op = (struct weir_stream_op){
        .level = KTLS_SOL_TLS,
        .type = KTLS_GET_RECORD_TYPE,
        .control_len = 1,
        .len = WEIR_MAX_PLAINTEXT,
    };
}

static weir_status receive_error(int os_error)
{
    switch (os_error) {
    case KTLS_EAGAIN:
    case KTLS_EINTR:
        return WEIR_NEED_INPUT;
    /* Did not authenticate, is too short for a tag, or in TLS 1.3 holds nothing but zeros. */
    case KTLS_EBADMSG:
        return WEIR_E_AUTH;
    case KTLS_EMSGSIZE:
        return WEIR_E_OVERFLOW;
    case KTLS_EINVAL:
        return WEIR_E_VERSION;
    /* A record that needs a control buffer, where every call has one. */
    case KTLS_EIO:
    /* A KeyUpdate, or what looks like one to the kernel, was received, and the key is not changed:
     * it goes on only behind a new one, and there is none (RFC 8446 section 4.6.3). */
    case KTLS_EKEYEXPIRED:
        return WEIR_E_BACKEND;
    default:
        return WEIR_E_IO;
    }
}

weir_status weir_ktls_received(const struct weir_backend *self, void *ctx,
                               const struct weir_stream_done *done, struct weir_stream_in *in)
{
    struct ktls *k = ctx;

    (void)self;
    k->all_read = done->os_error == KTLS_EAGAIN;
    *in = (struct weir_stream_in){.type = 0};
    /* With an error the control buffer is what it was before the call. */
    if (done->os_error != 0)
        return receive_error(done->os_error);
    /* Nothing at all, without a type: the peer's FIN. With one: an empty record. */
    if (!done->has_control)
        return done->len == 0 && !done->truncated ? WEIR_CLOSED : WEIR_E_BACKEND;
    if (done->control_len != 1)
        return WEIR_E_BACKEND;
    in->type = done->control[0];
    if (in->type == WEIR_TYPE_DATA) {
        /* Any number of records, or a part of one. Kernels before 5.11 put one message for each of
         * them, too many for the buffer: all of them say the same. */
        return WEIR_OK;
    }
    if (done->truncated)
        return WEIR_E_BACKEND;
    if (in->type != WEIR_TYPE_ALERT && in->type != WEIR_TYPE_HANDSHAKE)
        return WEIR_E_TYPE;
    if (!done->end_of_record)
        return WEIR_E_OVERFLOW;
    in->counted = true;
    in->records = 1;
    /* A control record comes alone, and the kernel decrypts nothing behind it before it was read;
     * in TLS 1.2, where asynchronous engines are at work, better not rely on it. */
    k->all_read = k->version == WEIR_TLS13;
    return WEIR_OK;
}
