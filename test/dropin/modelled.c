/* SPDX-License-Identifier: BSD-2-Clause */
#include "modelled.h"

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST_FILE ((size_t)1 << 20)

static struct modelled *now;

static struct sim_linux_socket *socket_of(int fd)
{
    for (int i = 0; now != NULL && i < 2; i++)
        if (now->fd[i] == fd)
            return now->socket[i];
    return NULL;
}

/* dlsym answers a data pointer; this is how POSIX says to make a function of it. */
static void find(const char *name, void *function)
{
    void *symbol = dlsym(RTLD_NEXT, name);

    cr_assert_not_null(symbol);
    memcpy(function, &symbol, sizeof symbol);
}

/* A result of the model's, as libc gives it. */
static ssize_t answer(struct sim_linux_socket *s, int64_t result)
{
    if (result < 0)
        errno = sim_linux_errno(s);
    return (ssize_t)result;
}

static ssize_t model_send(struct sim_linux_socket *s, const struct msghdr *message, int flags)
{
    struct sim_iov iov[64];
    struct sim_linux_ancillary control = {0};
    struct sim_linux_out out = {.iov = iov, .iov_count = message->msg_iovlen, .control = &control};

    cr_assert_leq(message->msg_iovlen, 64);
    for (size_t i = 0; i < message->msg_iovlen; i++)
        iov[i] = (struct sim_iov){message->msg_iov[i].iov_base, message->msg_iov[i].iov_len};
    const struct cmsghdr *header = CMSG_FIRSTHDR(message);
    if (header != NULL) {
        control.level = header->cmsg_level;
        control.type = header->cmsg_type;
        control.len = header->cmsg_len - CMSG_LEN(0);
        cr_assert_leq(control.len, sizeof control.bytes);
        memcpy(control.bytes, CMSG_DATA(header), control.len);
        out.control_len = 1;
    }
    return answer(s, sim_linux_sendmsg(s, &out, (unsigned)flags));
}

static ssize_t model_receive(struct sim_linux_socket *s, struct msghdr *message, int flags)
{
    struct sim_linux_ancillary control[4];
    struct sim_linux_in in = {.buffer = message->msg_iov[0].iov_base,
                              .len = message->msg_iov[0].iov_len,
                              .control = control,
                              .control_len = message->msg_control != NULL ? 4 : 0};

    cr_assert_eq(message->msg_iovlen, 1);
    int64_t result = sim_linux_recvmsg(s, &in, (unsigned)flags);
    if (result < 0)
        return answer(s, result);
    message->msg_flags = (int)in.flags;
    size_t room = message->msg_controllen;
    struct cmsghdr *header = CMSG_FIRSTHDR(message);
    size_t used = 0;
    for (size_t i = 0; message->msg_control != NULL && i < in.control_len; i++) {
        cr_assert(header != NULL && used + CMSG_SPACE(control[i].len) <= room);
        header->cmsg_level = control[i].level;
        header->cmsg_type = control[i].type;
        header->cmsg_len = CMSG_LEN(control[i].len);
        memcpy(CMSG_DATA(header), control[i].bytes, control[i].len);
        used += CMSG_SPACE(control[i].len);
        header = CMSG_NXTHDR(message, header);
    }
    message->msg_controllen = used;
    return (ssize_t)result;
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    static ssize_t (*next)(int, const struct msghdr *, int);
    struct sim_linux_socket *s = socket_of(fd);

    if (next == NULL)
        find("sendmsg", &next);
    return s != NULL ? model_send(s, message, flags) : next(fd, message, flags);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    static ssize_t (*next)(int, struct msghdr *, int);
    struct sim_linux_socket *s = socket_of(fd);

    if (next == NULL)
        find("recvmsg", &next);
    return s != NULL ? model_receive(s, message, flags) : next(fd, message, flags);
}

ssize_t send(int fd, const void *data, size_t len, int flags)
{
    struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = len};

    return sendmsg(fd, &(struct msghdr){.msg_iov = &iov, .msg_iovlen = 1}, flags);
}

ssize_t recv(int fd, void *data, size_t len, int flags)
{
    struct iovec iov = {.iov_base = data, .iov_len = len};

    return recvmsg(fd, &(struct msghdr){.msg_iov = &iov, .msg_iovlen = 1}, flags);
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
    static int (*next)(int, int, int, const void *, socklen_t);
    struct sim_linux_socket *s = socket_of(fd);

    if (next == NULL)
        find("setsockopt", &next);
    if (s == NULL)
        return next(fd, level, name, value, len);
    return (int)answer(s, sim_linux_setsockopt(s, level, name, value, len));
}

int getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
    static int (*next)(int, int, int, void *, socklen_t *);
    struct sim_linux_socket *s = socket_of(fd);

    if (next == NULL)
        find("getsockopt", &next);
    if (s == NULL)
        return next(fd, level, name, value, len);
    return (int)answer(s, sim_linux_getsockopt(s, level, name, value, len));
}

/* Nothing of the model waits. */
int poll(struct pollfd *fds, nfds_t count, int timeout)
{
    static int (*next)(struct pollfd *, nfds_t, int);

    if (next == NULL)
        find("poll", &next);
    return next(fds, count, count > 0 && socket_of(fds[0].fd) != NULL ? 0 : timeout);
}

static ssize_t any_sendfile(int to, int from, off_t *offset, size_t len)
{
    static ssize_t (*next)(int, int, off_t *, size_t);
    static uint8_t file[MOST_FILE];
    struct sim_linux_socket *s = socket_of(to);

    if (next == NULL)
        find("sendfile64", &next);
    if (now != NULL)
        now->sendfiles++;
    if (s == NULL)
        return next(to, from, offset, len);
    ssize_t n = pread(from, file, len < MOST_FILE ? len : MOST_FILE, *offset);
    return n <= 0 ? n : answer(s, sim_linux_sendfile(s, file, (size_t)n, false));
}

/* libssl may have been compiled for either name; this file is for offsets of 64 bits. */
_Static_assert(sizeof(off_t) == 8, "offsets of 64 bits");
ssize_t sendfile_by_either_name(int to, int from, off_t *offset, size_t len) __asm__("sendfile");

ssize_t sendfile_by_either_name(int to, int from, off_t *offset, size_t len)
{
    return any_sendfile(to, from, offset, len);
}

ssize_t sendfile(int to, int from, off_t *offset, size_t len)
{
    return any_sendfile(to, from, offset, len);
}

void modelled_begin(struct modelled *m, const int fd[2], size_t limit)
{
    *m = (struct modelled){.fd = {fd[0], fd[1]}, .ledger = sim_ledger_new()};
    sim_linux_init(&m->kernel, 42);
    m->kernel.ledger = m->ledger;
    for (int i = 0; i < 2; i++)
        m->socket[i] = sim_linux_socket_new(&m->kernel, true);
    sim_linux_connect(m->socket[0], m->socket[1], limit);
    now = m;
}

void modelled_end(struct modelled *m)
{
    now = NULL;
    for (int i = 0; i < 2; i++)
        sim_linux_close(m->socket[i]);
    cr_assert_null(sim_ledger_fault(m->ledger), "%s", sim_ledger_fault(m->ledger));
    sim_ledger_free(m->ledger);
}
