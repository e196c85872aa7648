/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System calls in the place of libc's: libweir-io finds these first. Without a plan or a hook they
 * only pass calls on.
 */
#include "pair.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

struct syscall_plan plan_send, plan_recv;
struct syscall_hooks hooks;

/* What the plan makes of this call: 0 to go on, else the errno. */
static int judge(struct syscall_plan *plan, size_t *len)
{
    plan->calls++;
    if (plan->fail_at > 0 && --plan->fail_at == 0) {
        return plan->fail_with;
    }
    if (plan->eintr > 0 && plan->calls % plan->eintr == 0) {
        return EINTR;
    }
    if (plan->eagain > 0 && plan->calls % plan->eagain == 0) {
        return EAGAIN;
    }
    if (plan->most > 0 && *len > plan->most) {
        *len = plan->most;
    }
    return 0;
}

/* dlsym answers a data pointer; this is how POSIX says to make a function of it. */
static void find(const char *name, void *function)
{
    void *symbol = dlsym(RTLD_NEXT, name);
    memcpy(function, &symbol, sizeof symbol);
}

ssize_t really_send(int fd, const void *data, size_t len, int flags)
{
    static ssize_t (*next)(int, const void *, size_t, int);
    if (next == NULL) {
        find("send", &next);
    }
    return next(fd, data, len, flags);
}

ssize_t really_recv(int fd, void *data, size_t len, int flags)
{
    static ssize_t (*next)(int, void *, size_t, int);
    if (next == NULL) {
        find("recv", &next);
    }
    return next(fd, data, len, flags);
}

static void always(void)
{
    if (hooks.always != NULL) {
        hooks.always();
    }
}

ssize_t send(int fd, const void *data, size_t len, int flags)
{
    always();
    cr_assert(hooks.carries == NULL || !hooks.carries(fd, true), "sealed bytes would be sealed");
    int error = judge(&plan_send, &len);
    if (error != 0) {
        errno = error;
        return -1;
    }
    return plan_send.swallow ? (ssize_t)len : really_send(fd, data, len, flags);
}

ssize_t recv(int fd, void *data, size_t len, int flags)
{
    always();
    if (hooks.carries != NULL && hooks.carries(fd, false)) {
        return hooks.recv(fd, data, len, flags);
    }
    int error = judge(&plan_recv, &len);
    if (error != 0) {
        errno = error;
        return -1;
    }
    return really_recv(fd, data, len, flags);
}

ssize_t really_sendmsg(int fd, const struct msghdr *message, int flags)
{
    static ssize_t (*next)(int, const struct msghdr *, int);
    if (next == NULL) {
        find("sendmsg", &next);
    }
    return next(fd, message, flags);
}

ssize_t really_recvmsg(int fd, struct msghdr *message, int flags)
{
    static ssize_t (*next)(int, struct msghdr *, int);
    if (next == NULL) {
        find("recvmsg", &next);
    }
    return next(fd, message, flags);
}

int really_setsockopt(int fd, int level, int name, const void *value, unsigned len)
{
    static int (*next)(int, int, int, const void *, unsigned);
    if (next == NULL) {
        find("setsockopt", &next);
    }
    return next(fd, level, name, value, len);
}

int really_getsockopt(int fd, int level, int name, void *value, unsigned *len)
{
    static int (*next)(int, int, int, void *, unsigned *);
    if (next == NULL) {
        find("getsockopt", &next);
    }
    return next(fd, level, name, value, len);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    always();
    return (hooks.sendmsg == NULL ? really_sendmsg : hooks.sendmsg)(fd, message, flags);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    always();
    return (hooks.recvmsg == NULL ? really_recvmsg : hooks.recvmsg)(fd, message, flags);
}

int really_shutdown(int fd, int how)
{
    static int (*next)(int, int);
    if (next == NULL) {
        find("shutdown", &next);
    }
    return next(fd, how);
}

int shutdown(int fd, int how)
{
    return (hooks.shutdown == NULL ? really_shutdown : hooks.shutdown)(fd, how);
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
    return (hooks.setsockopt == NULL ? really_setsockopt : hooks.setsockopt)(fd, level, name, value,
                                                                             len);
}

int getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
    return (hooks.getsockopt == NULL ? really_getsockopt : hooks.getsockopt)(fd, level, name, value,
                                                                             len);
}

#ifdef __linux__
#include <sys/sendfile.h>

ssize_t sendfile(int fd, int file, off_t *offset, size_t len)
{
    static ssize_t (*next)(int, int, off_t *, size_t);
    always();
    if (hooks.sendfile != NULL) {
        int64_t at = *offset;
        ssize_t n = hooks.sendfile(fd, file, &at, len);
        *offset = (off_t)at;
        return n;
    }
    if (next == NULL) {
        find("sendfile", &next);
    }
    return next(fd, file, offset, len);
}

ssize_t really_splice(int from, int to, size_t len, unsigned flags)
{
    static ssize_t (*next)(int, off_t *, int, off_t *, size_t, unsigned);
    if (next == NULL) {
        find("splice", &next);
    }
    return next(from, NULL, to, NULL, len, flags);
}

ssize_t splice(int from, off_t *from_at, int to, off_t *to_at, size_t len, unsigned flags)
{
    always();
    cr_assert(from_at == NULL && to_at == NULL);
    return (hooks.splice == NULL ? really_splice : hooks.splice)(from, to, len, flags);
}
#endif
