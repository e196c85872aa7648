/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands and typed sends and receives, as system calls. Knows no operating system's TLS: all
 * levels, names and values come from the backend.
 */
#include "weir/posix_exec.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* such systems have SO_NOSIGPIPE, which weir_conn_new sets */
#endif

/* Room for control messages that a system puts one for each record it has merged. */
#define CONTROL_ROOM 512u

_Static_assert(CMSG_SPACE(WEIR_MAX_CONTROL) <= CONTROL_ROOM, "room for the longest");

struct weir_done weir_posix_command(int fd, const struct weir_cmd *cmd)
{
    struct weir_done done = {0};
    socklen_t len = cmd->len;
    int answer = -1;

    do {
        errno = EINVAL;
        if (cmd->kind == WEIR_CMD_SETSOCKOPT) {
            answer = setsockopt(fd, cmd->level, cmd->name, cmd->value, len);
        } else if (cmd->kind == WEIR_CMD_GETSOCKOPT) {
            answer = getsockopt(fd, cmd->level, cmd->name, cmd->value, &len);
        }
    } while (answer < 0 && errno == EINTR);
    if (answer < 0) {
        done.os_error = errno;
    } else if (cmd->kind == WEIR_CMD_GETSOCKOPT) {
        done.len = len < cmd->len ? (uint32_t)len : cmd->len;
    }
    return done;
}

weir_status weir_posix_carry_out(int fd, struct weir_session *session, struct weir_refusal *why)
{
    const struct weir_cmd *cmd = NULL;
    enum weir_dir dir = WEIR_TX;

    *why = (struct weir_refusal){.code = WEIR_REFUSAL_NONE, .layer = WEIR_LAYER_CORE};
    while ((cmd = weir_session_command(session, &dir)) != NULL) {
        struct weir_done done = weir_posix_command(fd, cmd);
        weir_status status = weir_session_complete(session, dir, &done, why);
        if (status == WEIR_PENDING && done.os_error == EAGAIN) {
            return WEIR_NEED_OUTPUT;
        }
        if (status != WEIR_OK && status != WEIR_PENDING) {
            return status;
        }
    }
    return WEIR_OK;
}

/* A control buffer, aligned as its headers must be. */
union control {
    struct cmsghdr header;
    uint8_t bytes[CONTROL_ROOM];
};

static void put_control(struct msghdr *message, union control *control,
                        const struct weir_stream_op *op)
{
    if (op->control_len == 0) {
        return;
    }
    memset(control->bytes, 0, CMSG_SPACE(WEIR_MAX_CONTROL)); /* padding goes to the kernel, too */
    message->msg_control = control->bytes;
    message->msg_controllen = CMSG_SPACE(op->control_len);
    struct cmsghdr *header = CMSG_FIRSTHDR(message);
    header->cmsg_level = op->level;
    header->cmsg_type = op->type;
    header->cmsg_len = CMSG_LEN(op->control_len);
    memcpy(CMSG_DATA(header), op->control, op->control_len);
}

/* Pieces of at most `len` bytes in all. sendmsg does not write to them, whatever iovec says. */
static size_t gather(struct iovec *to, const struct weir_iov *in, size_t count, size_t len)
{
    size_t used = 0;

    for (size_t i = 0; i < count && used < WEIR_POSIX_PIECES && len > 0; i++) {
        size_t n = in[i].len < len ? in[i].len : len;
        if (n > 0) {
            to[used++] = (struct iovec){.iov_base = (void *)(uintptr_t)in[i].base, .iov_len = n};
        }
        len -= n;
    }
    return used;
}

struct weir_stream_done weir_posix_send(int fd, const struct weir_stream_op *op,
                                        const struct weir_iov *in, size_t count)
{
    struct weir_stream_done done = {0};
    struct iovec pieces[WEIR_POSIX_PIECES];
    struct msghdr message = {.msg_iov = pieces};
    union control control;
    ssize_t sent = -1;

    if (op->control_len > WEIR_MAX_CONTROL) {
        done.os_error = EINVAL;
        return done;
    }
    message.msg_iovlen = gather(pieces, in, count, op->len);
    put_control(&message, &control, op);
    do {
        sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) {
        done.os_error = errno == EWOULDBLOCK ? EAGAIN : errno;
    } else {
        done.len = (size_t)sent;
    }
    return done;
}

static void take_control(struct msghdr *message, const struct weir_stream_op *op,
                         struct weir_stream_done *done)
{
    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header != NULL;
         header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level != op->level || header->cmsg_type != op->type ||
            header->cmsg_len < CMSG_LEN(0)) {
            continue;
        }
        size_t len = header->cmsg_len - CMSG_LEN(0);
        if (len > sizeof done->control) {
            done->truncated = true;
            len = sizeof done->control;
        }
        done->has_control = true;
        done->control_len = (uint32_t)len;
        memcpy(done->control, CMSG_DATA(header), len);
    }
}

/* What the socket has to tell besides; being asked, it forgets it. */
static int pending_error(int fd)
{
    int error = 0;
    socklen_t len = sizeof error;

    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 ? errno : error;
}

struct weir_stream_done weir_posix_receive(int fd, const struct weir_stream_op *op, void *buf,
                                           size_t cap)
{
    struct weir_stream_done done = {0};
    struct iovec room = {.iov_base = buf, .iov_len = cap};
    struct msghdr message;
    union control control;
    ssize_t got = -1;

    if (cap < op->len || cap == 0) {
        done.os_error = EINVAL;
        return done;
    }
    do {
        message = (struct msghdr){.msg_iov = &room, .msg_iovlen = 1};
        if (op->control_len > 0) {
            message.msg_control = control.bytes;
            message.msg_controllen = sizeof control.bytes;
        }
        got = recvmsg(fd, &message, MSG_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        /* The kernel has then not written back the length of the control messages: what lies there
         * is none. */
        done.os_error = errno == EWOULDBLOCK ? EAGAIN : errno;
        return done;
    }
    done.len = (size_t)got;
    if (op->ask_error) {
        done.pending_error = pending_error(fd);
    }
    done.truncated = (message.msg_flags & MSG_CTRUNC) != 0;
    done.end_of_record = (message.msg_flags & MSG_EOR) != 0;
    if (op->control_len > 0) {
        take_control(&message, op, &done);
    }
    return done;
}
