/* SPDX-License-Identifier: BSD-2-Clause */
#include "loopback.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WAIT_MS = 1000, TRIES = 4 };

static int prepare(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    bool done = flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
                fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
    return done ? 0 : errno;
}

static int wait_for(int fd, short events)
{
    struct pollfd one = {.fd = fd, .events = events};
    int ready = poll(&one, 1, WAIT_MS);
    return ready > 0 ? 0 : ready == 0 ? ETIMEDOUT : errno;
}

static struct sockaddr *generic(struct sockaddr_in *address)
{
    return (struct sockaddr *)(void *)address;
}

/* A socket that listens on a port of the system's choice, in *address. */
static int listen_here(int *listener, struct sockaddr_in *address)
{
    socklen_t len = sizeof *address;
    memset(address, 0, sizeof *address);
    address->sin_family = AF_INET;
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    *listener = socket(AF_INET, SOCK_STREAM, 0);
    if (*listener < 0) {
        return errno;
    }
    int error = prepare(*listener);
    if (error == 0 && (bind(*listener, generic(address), len) < 0 || listen(*listener, 1) < 0 ||
                       getsockname(*listener, generic(address), &len) < 0)) {
        error = errno;
    }
    return error;
}

static int connect_there(int *fd, struct sockaddr_in *address)
{
    *fd = socket(AF_INET, SOCK_STREAM, 0);
    if (*fd < 0) {
        return errno;
    }
    int error = prepare(*fd);
    if (error == 0 && connect(*fd, generic(address), sizeof *address) < 0) {
        error = errno == EINPROGRESS ? wait_for(*fd, POLLOUT) : errno;
    }
    return error;
}

/* Whether `accepted` is the other end of `connected`: anybody on this host may connect. */
static bool belong_together(int connected, int accepted)
{
    struct sockaddr_in ours = {0}, theirs = {0};
    socklen_t ours_len = sizeof ours, theirs_len = sizeof theirs;
    return getsockname(connected, generic(&ours), &ours_len) == 0 &&
           getpeername(accepted, generic(&theirs), &theirs_len) == 0 &&
           ours.sin_port == theirs.sin_port && ours.sin_addr.s_addr == theirs.sin_addr.s_addr;
}

static int accept_from(int listener, int connected, int *fd)
{
    for (int i = 0; i < TRIES; i++) {
        int error = wait_for(listener, POLLIN);
        if (error != 0) {
            return error;
        }
        *fd = accept(listener, NULL, NULL);
        if (*fd < 0) {
            return errno;
        }
        if (belong_together(connected, *fd)) {
            return prepare(*fd);
        }
        (void)close(*fd);
        *fd = -1;
    }
    return ECONNABORTED;
}

int io_loopback(int ends[2])
{
    struct sockaddr_in address;
    int listener = -1;
    ends[0] = ends[1] = -1;
    int error = listen_here(&listener, &address);
    if (error == 0) {
        error = connect_there(&ends[0], &address);
    }
    if (error == 0) {
        error = accept_from(listener, ends[0], &ends[1]);
    }
    if (listener >= 0) {
        (void)close(listener);
    }
    for (int i = 0; i < 2 && error != 0; i++) {
        if (ends[i] >= 0) {
            (void)close(ends[i]);
        }
    }
    return error;
}
