/* SPDX-License-Identifier: BSD-2-Clause */
/* Receiving: parsing, decrypting, what is merged, what pauses. */
#include "linux_internal.h"

#include <stdlib.h>
#include <string.h>

#define TYPE_HANDSHAKE 22u
#define KEY_UPDATE     24u

/* One call of recvmsg. */
struct receiving {
    struct sim_linux_socket *s;
    struct sim_linux_in *msg;
    bool peek;
    uint8_t type;        /* of the records this call returns; 0: not known yet */
    size_t control_used; /* ancillary elements written */
    unsigned flags;
    size_t len; /* what may still go into the buffer */
    size_t done;
};

static void put(struct receiving *call, const uint8_t *bytes, size_t len)
{
    sim_copy((uint8_t *)call->msg->buffer + call->done, bytes, len);
    call->done += len;
    call->len -= len;
}

static void put_control(struct receiving *call)
{
    if (call->control_used == call->msg->control_len) {
        call->flags |= LINUX_MSG_CTRUNC;
        return;
    }
    struct sim_linux_ancillary *a = &call->msg->control[call->control_used++];
    *a = (struct sim_linux_ancillary){LINUX_SOL_TLS, LINUX_TLS_GET_RECORD_TYPE, {call->type}, 1};
}

/*
 * Whether a record of this type may be returned by this call: 1 yes; 0 no, it belongs to the next;
 * or an errno, negative.
 */
static int admit(struct receiving *call, uint8_t type)
{
    if (call->type != 0 && call->type != type)
        return 0;
    if (type == 0)
        return -EBADMSG;
    if (call->type != 0 && !call->s->kernel->cmsg_per_record)
        return 1;
    call->type = type;
    put_control(call);
    return type != LINUX_TYPE_DATA && (call->flags & LINUX_MSG_CTRUNC) ? -EIO : 1;
}

static void stop_parser(struct sim_linux_socket *s, int error)
{
    s->stopped = true;
    s->pending_error = error;
}

/* Bytes of the record at the head, wherever they are. */
static size_t arrived(const struct sim_linux_socket *s)
{
    return s->aside_len + sim_pipe_readable(s->in);
}

static size_t peek_record(const struct sim_linux_socket *s, uint8_t *out, size_t len)
{
    size_t n = len < s->aside_len ? len : s->aside_len;

    sim_copy(out, s->aside, n);
    return n + sim_pipe_peek(s->in, 0, out + n, len - n);
}

static void parse_header(struct sim_linux_socket *s)
{
    uint8_t header[LINUX_HEADER];

    /* The explicit nonce counts as part of the header. */
    if (s->stopped || s->record_len > 0 || arrived(s) < linux_prefix(&s->rx))
        return;
    peek_record(s, header, sizeof header);
    size_t len = sim_get_be16(header + 3);
    if (len > linux_most(&s->rx))
        stop_parser(s, EMSGSIZE);
    else if (len < linux_least(&s->rx))
        stop_parser(s, EBADMSG);
    else if (header[1] != 3 || header[2] != 3)
        stop_parser(s, EINVAL);
    else
        s->record_len = LINUX_HEADER + len;
}

/*
 * Where the receive queue is full and holds only a part of a record, the part is copied out of it,
 * so that the rest can come. Whether there was something to copy.
 */
static bool copy_aside(struct sim_linux_socket *s)
{
    if (s->stopped || sim_pipe_fin_sent(s->in) || sim_pipe_is_reset(s->in) ||
        sim_pipe_room(s->in) > 0)
        return false;
    size_t whole = s->record_len > 0 ? s->record_len : linux_prefix(&s->rx);
    if (arrived(s) >= whole)
        return false;
    size_t n = sim_pipe_read(s->in, s->aside + s->aside_len, whole - s->aside_len);
    s->aside_len += n;
    return n > 0;
}

void linux_parse(struct sim_linux_socket *s)
{
    if (s->rx.cipher == NULL)
        return;
    do {
        if (s->peer != NULL)
            linux_push(s->peer);
        parse_header(s);
    } while (copy_aside(s));
}

bool linux_record_ready(const struct sim_linux_socket *s)
{
    return s->record_len > 0 && arrived(s) >= s->record_len;
}

/* 1: a record is there. 0: end of the stream. Else an errno, negative. */
static int await_record(struct sim_linux_socket *s)
{
    if (s->rekey_due)
        return -EKEYEXPIRED;
    if (!linux_record_ready(s)) {
        if (s->pending_error != 0)
            return -linux_take_error(s);
        linux_parse(s);
    }
    if (linux_record_ready(s))
        return 1;
    return linux_read_ended(s) ? 0 : -EAGAIN;
}

/* Decrypts the record at the head. NULL: it is not authentic, and stays there for ever. */
static struct linux_record *decrypt(struct sim_linux_socket *s)
{
    struct sim_linux_stat *stat = &s->kernel->stat;
    uint8_t wire[LINUX_MAX_RECORD];
    size_t len = peek_record(s, wire, s->record_len);
    struct linux_record *record = linux_open(&s->rx, wire, len);

    if (record == NULL) {
        stat->decrypt_error++;
        s->pending_error = EBADMSG;
        return NULL;
    }
    if (s->no_pad) {
        bool padded = record->len + LINUX_HEADER + 1 + SIM_TAG_LEN != len;
        stat->rx_no_pad_violation += padded;
        stat->decrypt_retry += padded || record->type != LINUX_TYPE_DATA;
    }
    sim_pipe_read(s->in, NULL, len - s->aside_len);
    s->aside_len = 0;
    s->record_len = 0;
    if (linux_advance(&s->rx))
        s->pending_error = EBADMSG;
    if (s->kernel->rekey && record->type == TYPE_HANDSHAKE && record->len > 0 &&
        record->bytes[0] == KEY_UPDATE) {
        s->rekey_due = true;
        stat->rx_rekey_received++;
    }
    linux_parse(s);
    return record;
}

static void queue(struct sim_linux_socket *s, struct linux_record *record)
{
    if (s->last != NULL)
        s->last->next = record;
    else
        s->first = record;
    s->last = record;
}

static void drop_first(struct sim_linux_socket *s)
{
    struct linux_record *record = s->first;

    s->first = record->next;
    if (s->first == NULL)
        s->last = NULL;
    free(record);
}

/* Records that were decrypted before. 0, or an errno, negative; `more`: some are left behind. */
static int take_queued(struct receiving *call, bool *more)
{
    struct sim_linux_socket *s = call->s;
    struct linux_record *record = s->first;

    while (call->len > 0 && record != NULL) {
        struct linux_record *next = record->next;
        size_t n = record->len - record->at;
        int admitted = admit(call, record->type);

        if (admitted <= 0) {
            *more = true;
            return admitted;
        }
        bool whole = n <= call->len;
        n = whole ? n : call->len;
        put(call, record->bytes + record->at, n);
        if (whole || call->peek) /* peeking does not look whether it was all */
            call->flags |= LINUX_MSG_EOR;
        if (!call->peek) {
            record->at += n;
            if (whole)
                drop_first(s);
        }
        record = next;
    }
    return 0;
}

/* One more record of the wire. 1: go on; 0: that is all; or an errno, negative. */
static int take_next(struct receiving *call)
{
    struct sim_linux_socket *s = call->s;
    int status = await_record(s);

    if (status <= 0)
        return status;
    struct linux_record *record = decrypt(s);
    if (record == NULL)
        return -EBADMSG;
    status = admit(call, record->type);
    if (status <= 0) {
        queue(s, record);
        return status;
    }
    bool whole = record->len <= call->len;
    size_t n = whole ? record->len : call->len;
    put(call, record->bytes, n);
    if (whole)
        call->flags |= LINUX_MSG_EOR;
    if (call->peek || !whole) {
        record->at = call->peek ? 0 : n;
        queue(s, record);
    } else {
        free(record);
    }
    return call->type == LINUX_TYPE_DATA;
}

static int64_t receive(struct receiving *call)
{
    struct sim_linux_socket *s = call->s;
    bool more = false;
    int status = take_queued(call, &more);

    if (call->done == 0 && status < 0)
        return status;
    /* A control record is returned alone, an empty one as well. */
    if (more || (call->type != 0 && call->type != LINUX_TYPE_DATA))
        return (int64_t)call->done;
    size_t least = call->len > 0 ? 1 : 0;
    while (call->len > 0 && (call->done < least || linux_record_ready(s))) {
        status = take_next(call);
        if (status <= 0)
            break;
    }
    return call->done > 0 || status >= 0 ? (int64_t)call->done : status;
}

/* A socket without a key: TCP. */
static int64_t receive_plain(struct sim_linux_socket *s, void *out, size_t len, bool peek)
{
    if (s->state != LINUX_CONNECTED)
        return -ENOTCONN;
    size_t n = peek ? sim_pipe_peek(s->in, 0, out, len) : sim_pipe_read(s->in, out, len);
    if (n > 0 || len == 0)
        return (int64_t)n;
    if (s->pending_error != 0)
        return -linux_take_error(s);
    return linux_read_ended(s) ? 0 : -EAGAIN;
}

int64_t sim_linux_recvmsg(struct sim_linux_socket *s, struct sim_linux_in *msg, unsigned flags)
{
    struct sim_fault fault = linux_enter(s, SIM_LINUX_RECVMSG);
    struct receiving call = {
        .s = s,
        .msg = msg,
        .peek = (flags & LINUX_MSG_PEEK) != 0,
        .len = msg->len,
    };
    int64_t result;

    if (fault.kind == SIM_FAULT_ERRNO)
        return linux_error(s, fault.error);
    if (fault.kind == SIM_FAULT_SHORT && fault.length == 0)
        return linux_error(s, EAGAIN); /* no bytes would look like the end of the stream */
    if (fault.kind == SIM_FAULT_SHORT && fault.length < call.len)
        call.len = fault.length;
    if (flags & LINUX_MSG_ERRQUEUE)
        return linux_error(s, EAGAIN); /* the queue of the IP layer, and always empty here */
    if (s->rx.cipher == NULL)
        result = receive_plain(s, msg->buffer, call.len, call.peek);
    else
        result = receive(&call);
    if (result < 0)
        return linux_error(s, (int)-result);
    msg->control_len = call.control_used;
    msg->flags = call.flags;
    return result;
}

int64_t sim_linux_splice(struct sim_linux_socket *s, void *out, size_t len)
{
    struct sim_fault fault = linux_enter(s, SIM_LINUX_SPLICE);

    if (fault.kind == SIM_FAULT_ERRNO)
        return linux_error(s, fault.error);
    if (fault.kind == SIM_FAULT_SHORT && fault.length == 0)
        return linux_error(s, EAGAIN);
    if (fault.kind == SIM_FAULT_SHORT && fault.length < len)
        len = fault.length;
    if (s->rx.cipher == NULL) {
        int64_t result = receive_plain(s, out, len, false);
        return result < 0 ? linux_error(s, (int)-result) : result;
    }
    if (s->first == NULL) {
        int status = await_record(s);
        if (status <= 0)
            return status == 0 ? 0 : linux_error(s, -status);
        struct linux_record *record = decrypt(s);
        if (record == NULL)
            return linux_error(s, EBADMSG);
        queue(s, record);
    }
    struct linux_record *record = s->first;
    if (record->type != LINUX_TYPE_DATA)
        return linux_error(s, EINVAL); /* and the record is kept */
    size_t n = record->len - record->at;
    if (n > len)
        n = len;
    sim_copy(out, record->bytes + record->at, n);
    record->at += n;
    if (record->at == record->len)
        drop_first(s);
    return (int64_t)n;
}
