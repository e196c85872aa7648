/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Typed sends and receives never wait (weir/posix_exec.h); a program with a blocking socket expects
 * OpenSSL's BIO to.
 */
#include "dropin.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

/* How long a call on the socket waits, in milliseconds as poll(2) takes them. */
static int patience(int fd, short events)
{
    struct timeval most = {0};
    socklen_t len = sizeof most;
    int name = events == POLLIN ? SO_RCVTIMEO : SO_SNDTIMEO;

    if (getsockopt(fd, SOL_SOCKET, name, &most, &len) != 0 ||
        (most.tv_sec == 0 && most.tv_usec == 0) || most.tv_sec > INT_MAX / 1000 - 1)
        return -1;
    return (int)(most.tv_sec * 1000 + (most.tv_usec + 999) / 1000);
}

bool weir_dropin_wait(int fd, short events)
{
    struct pollfd one = {.fd = fd, .events = events};
    int flags = fcntl(fd, F_GETFL);

    if (flags >= 0 && (flags & O_NONBLOCK) == 0 && poll(&one, 1, patience(fd, events)) == 1)
        return true;
    errno = EAGAIN;
    return false;
}
