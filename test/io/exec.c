/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands, typed sends and typed receives on real sockets. A control message that every Linux
 * kernel carries stands in for a record type: a process's credentials, 12 bytes.
 */
#include "pair.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>
#include <weir/posix_exec.h>

static void two(int fd[2])
{
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
}

static void close_two(const int fd[2])
{
    (void)close(fd[0]);
    (void)close(fd[1]);
}

static struct weir_cmd option(weir_cmd_kind kind, int name, void *value, uint32_t len)
{
    return (struct weir_cmd){
        .kind = kind, .level = SOL_SOCKET, .name = name, .value = value, .len = len};
}

Test(exec, sets_and_gets_options)
{
    int fd[2], on = 1, type = 0;
    uint8_t room[sizeof(int) + 4];
    two(fd);

    struct weir_cmd cmd = option(WEIR_CMD_SETSOCKOPT, SO_KEEPALIVE, &on, sizeof on);
    cr_assert_eq(weir_posix_command(fd[0], &cmd).os_error, 0);
    memset(room, 0xee, sizeof room);
    cmd = option(WEIR_CMD_GETSOCKOPT, SO_KEEPALIVE, room, sizeof room);
    struct weir_done done = weir_posix_command(fd[0], &cmd);
    cr_assert_eq(done.os_error, 0);
    cr_assert_eq(done.len, sizeof(int));
    memcpy(&type, room, sizeof type);
    cr_assert_eq(type, 1);
    cr_assert_eq(room[sizeof(int)], 0xee, "no byte beyond");

    cmd = option(WEIR_CMD_SETSOCKOPT, 9999, &on, sizeof on);
    cr_assert_eq(weir_posix_command(fd[0], &cmd).os_error, ENOPROTOOPT);
    cmd = option(WEIR_CMD_GETSOCKOPT, 9999, room, sizeof room);
    done = weir_posix_command(fd[0], &cmd);
    cr_assert_eq(done.os_error, ENOPROTOOPT);
    cr_assert_eq(done.len, 0);
    cmd.kind = (weir_cmd_kind)0;
    cr_assert_eq(weir_posix_command(fd[0], &cmd).os_error, EINVAL);
    cmd.kind = WEIR_CMD_SETSOCKOPT;
    cr_assert_eq(weir_posix_command(-1, &cmd).os_error, EBADF);
    close_two(fd);
}

static unsigned interrupted;

static int interrupt_set(int fd, int level, int name, const void *value, unsigned len)
{
    if (interrupted-- > 0) {
        errno = EINTR;
        return -1;
    }
    interrupted = 0;
    return really_setsockopt(fd, level, name, value, len);
}

static int interrupt_get(int fd, int level, int name, void *value, unsigned *len)
{
    if (interrupted-- > 0) {
        errno = EINTR;
        return -1;
    }
    interrupted = 0;
    return really_getsockopt(fd, level, name, value, len);
}

static ssize_t interrupt_send(int fd, const struct msghdr *message, int flags)
{
    if (interrupted-- > 0) {
        errno = EINTR;
        return -1;
    }
    interrupted = 0;
    return really_sendmsg(fd, message, flags);
}

static ssize_t interrupt_receive(int fd, struct msghdr *message, int flags)
{
    if (interrupted-- > 0) {
        /* What a kernel may leave behind a failed call. */
        message->msg_flags = MSG_CTRUNC | MSG_EOR;
        message->msg_controllen = 0;
        errno = EINTR;
        return -1;
    }
    interrupted = 0;
    return really_recvmsg(fd, message, flags);
}

Test(exec, goes_on_after_signals)
{
    int fd[2], on = 1;
    uint8_t buf[8];
    struct weir_iov in = {(const uint8_t *)"abc", 3};
    struct weir_stream_op op = {.len = 8};
    two(fd);
    hooks = (struct syscall_hooks){.sendmsg = interrupt_send,
                                   .recvmsg = interrupt_receive,
                                   .setsockopt = interrupt_set,
                                   .getsockopt = interrupt_get};

    interrupted = 3;
    struct weir_cmd cmd = option(WEIR_CMD_SETSOCKOPT, SO_KEEPALIVE, &on, sizeof on);
    cr_assert_eq(weir_posix_command(fd[0], &cmd).os_error, 0);
    interrupted = 3;
    cmd.kind = WEIR_CMD_GETSOCKOPT;
    cr_assert_eq(weir_posix_command(fd[0], &cmd).len, sizeof on);
    interrupted = 3;
    cr_assert_eq(weir_posix_send(fd[0], &op, &in, 1).len, 3);
    interrupted = 3;
    struct weir_stream_done done = weir_posix_receive(fd[1], &op, buf, sizeof buf);
    cr_assert_eq(done.os_error, 0);
    cr_assert_eq(done.len, 3);
    cr_assert(!done.truncated && !done.end_of_record && !done.has_control);
    hooks = (struct syscall_hooks){0};
    close_two(fd);
}

Test(exec, gathers_and_stops_at_the_length)
{
    int fd[2];
    uint8_t buf[64];
    const struct weir_iov in[] = {{(const uint8_t *)"one", 3},
                                  {(const uint8_t *)"", 0},
                                  {(const uint8_t *)"two", 3},
                                  {(const uint8_t *)"three", 5}};
    struct weir_stream_op op = {.len = 7};
    two(fd);

    cr_assert_eq(weir_posix_send(fd[0], &op, in, 4).len, 7);
    struct weir_stream_done done = weir_posix_receive(fd[1], &op, buf, sizeof buf);
    cr_assert_eq(done.len, 7);
    cr_assert_eq(memcmp(buf, "onetwot", 7), 0);
    cr_assert_eq(weir_posix_receive(fd[1], &op, buf, 6).os_error, EINVAL, "less than was asked");
    cr_assert_eq(weir_posix_receive(fd[1], &op, buf, 7).os_error, EAGAIN);
    (void)close(fd[0]);
    done = weir_posix_receive(fd[1], &op, buf, sizeof buf);
    cr_assert(done.os_error == 0 && done.len == 0 && !done.has_control, "the end");
    (void)close(fd[1]);
}

Test(exec, more_pieces_than_fit_wait)
{
    int fd[2];
    uint8_t buf[WEIR_POSIX_PIECES + 10];
    struct weir_iov in[WEIR_POSIX_PIECES + 10];
    struct weir_stream_op op = {.len = sizeof buf};
    two(fd);
    for (size_t i = 0; i < sizeof in / sizeof in[0]; i++) {
        in[i] = (struct weir_iov){(const uint8_t *)"x", 1};
    }
    cr_assert_eq(weir_posix_send(fd[0], &op, in, sizeof in / sizeof in[0]).len, WEIR_POSIX_PIECES);
    cr_assert_eq(weir_posix_receive(fd[1], &op, buf, sizeof buf).len, WEIR_POSIX_PIECES);
    close_two(fd);
}

Test(exec, tells_full_and_broken_apart)
{
    int fd[2];
    static uint8_t block[65536];
    const struct weir_iov in = {block, sizeof block};
    const struct weir_stream_op op = {.len = sizeof block};
    struct weir_stream_done done;
    two(fd);
    (void)signal(SIGPIPE, SIG_DFL);
    for (int i = 0; (done = weir_posix_send(fd[0], &op, &in, 1)).os_error == 0; i++) {
        cr_assert_lt(i, 1000);
    }
    cr_assert_eq(done.os_error, EAGAIN);
    cr_assert_eq(done.len, 0);
    (void)close(fd[1]);
    done = weir_posix_send(fd[0], &op, &in, 1);
    cr_assert_eq(done.os_error, EPIPE, "and no signal");
    (void)close(fd[0]);
}

#ifdef __linux__
static struct weir_stream_op credentials(size_t len)
{
    struct ucred self = {.pid = getpid(), .uid = getuid(), .gid = getgid()};
    struct weir_stream_op op = {
        .level = SOL_SOCKET, .type = SCM_CREDENTIALS, .control_len = sizeof self, .len = len};
    memcpy(op.control, &self, sizeof self);
    return op;
}

Test(exec, control_messages_go_along)
{
    int fd[2], on = 1;
    uint8_t buf[8];
    const struct weir_iov in = {(const uint8_t *)"abc", 3};
    struct weir_stream_op op = credentials(3);
    two(fd);
    cr_assert_eq(setsockopt(fd[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on), 0);

    cr_assert_eq(weir_posix_send(fd[0], &op, &in, 1).len, 3);
    struct weir_stream_done done = weir_posix_receive(fd[1], &op, buf, sizeof buf);
    cr_assert_eq(done.len, 3);
    cr_assert(done.has_control && !done.truncated);
    cr_assert_eq(done.control_len, op.control_len);
    cr_assert_eq(memcmp(done.control, op.control, op.control_len), 0);

    /* One of another type is none. */
    cr_assert_eq(weir_posix_send(fd[0], &op, &in, 1).len, 3);
    op.type = SCM_RIGHTS;
    done = weir_posix_receive(fd[1], &op, buf, sizeof buf);
    cr_assert(done.len == 3 && !done.has_control);

    /* Where none is asked for, there is no room for one. */
    op = credentials(3);
    cr_assert_eq(weir_posix_send(fd[0], &op, &in, 1).len, 3);
    op.control_len = 0;
    done = weir_posix_receive(fd[1], &op, buf, sizeof buf);
    cr_assert(done.len == 3 && !done.has_control && done.truncated);

    /* Content the kernel does not believe: a false process. */
    op = credentials(3);
    op.control[0] ^= 1;
    if (getuid() != 0) {
        cr_assert_eq(weir_posix_send(fd[0], &op, &in, 1).os_error, EPERM);
    }
    op.control_len = WEIR_MAX_CONTROL + 1;
    cr_assert_eq(weir_posix_send(fd[0], &op, &in, 1).os_error, EINVAL);
    close_two(fd);
}
#endif

/* What the next call receives, beside 3 bytes. */
static struct {
    int level[3], type[3];
    size_t len[3], count;
    int flags;
    int error;
} arrives;

static ssize_t arrive(int fd, struct msghdr *message, int flags)
{
    uint8_t content[32];
    (void)fd;
    (void)flags;
    struct cmsghdr *header = CMSG_FIRSTHDR(message);
    size_t used = 0;
    for (size_t i = 0; i < arrives.count; i++) {
        memset(content, 'a' + (int)i, sizeof content);
        cr_assert_not_null(header);
        header->cmsg_level = arrives.level[i];
        header->cmsg_type = arrives.type[i];
        header->cmsg_len = CMSG_LEN(arrives.len[i]);
        memcpy(CMSG_DATA(header), content, arrives.len[i]);
        used += CMSG_SPACE(arrives.len[i]);
        header = (struct cmsghdr *)(void *)((uint8_t *)message->msg_control + used);
    }
    if (arrives.error != 0) { /* the length of the control buffer stays as it was */
        errno = arrives.error;
        return -1;
    }
    message->msg_controllen = used;
    message->msg_flags = arrives.flags;
    return 3;
}

Test(exec, of_several_control_messages_the_last)
{
    const struct weir_stream_op op = {.level = 282, .type = 2, .control_len = 1, .len = 3};
    uint8_t buf[3];
    hooks.recvmsg = arrive;

    memset(&arrives, 0, sizeof arrives);
    arrives.count = 3;
    for (size_t i = 0; i < 3; i++) {
        arrives.level[i] = 282;
        arrives.type[i] = 2;
        arrives.len[i] = 1;
    }
    arrives.flags = MSG_EOR;
    struct weir_stream_done done = weir_posix_receive(0, &op, buf, sizeof buf);
    cr_assert(done.has_control && done.control_len == 1 && done.control[0] == 'c');
    cr_assert(done.end_of_record && !done.truncated);

    arrives.level[2] = SOL_SOCKET;
    arrives.flags = MSG_CTRUNC;
    done = weir_posix_receive(0, &op, buf, sizeof buf);
    cr_assert(done.has_control && done.control[0] == 'b', "that of another level is skipped");
    cr_assert(!done.end_of_record && done.truncated);

    arrives.count = 1;
    arrives.flags = 0;
    arrives.len[0] = WEIR_MAX_CONTROL + 1;
    done = weir_posix_receive(0, &op, buf, sizeof buf);
    cr_assert(done.has_control && done.control_len == WEIR_MAX_CONTROL && done.truncated);

    arrives.len[0] = 1;
    arrives.error = EIO;
    done = weir_posix_receive(0, &op, buf, sizeof buf);
    cr_assert(done.os_error == EIO && done.len == 0 && !done.has_control, "what is stale is none");
    hooks = (struct syscall_hooks){0};
}
