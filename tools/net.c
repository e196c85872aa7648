/* SPDX-License-Identifier: BSD-2-Clause */
#include "net.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/*
 * Most bytes that wait in a socket for room in the peer's window. A longer queue is no faster: it
 * fills memory, and goes out as acknowledgements come, which over the loopback takes the time of
 * the peer's processor (docs/performance.md, "A file to a browser").
 */
#define UNSENT_MAX 65536

static struct addrinfo *resolve(const char *host, const char *port, bool passive,
                                struct fault *fault)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICSERV | (passive ? AI_PASSIVE : 0)};
    struct addrinfo *list = NULL;
    int code = getaddrinfo(host, port, &hints, &list);
    if (code != 0) {
        FAULT(fault, "cannot resolve '%s': %s", host == NULL ? "*" : host,
              code == EAI_SYSTEM ? strerror(errno) : gai_strerror(code));
        return NULL;
    }
    return list;
}

/* A new socket, non-blocking and not for child processes; -1 with errno. */
static int make_socket(const struct addrinfo *to)
{
    int fd = socket(to->ai_family, to->ai_socktype, to->ai_protocol);
    if (fd >= 0 && (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0)) {
        int error = errno;
        (void)close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

/* Waits for the connection that connect(2) has begun. 0, or the error. */
static int finish_connecting(int fd, double seconds)
{
    struct pollfd wait = {.fd = fd, .events = POLLOUT};
    int n = 0;
    do {
        n = poll(&wait, 1, (int)(seconds * 1000));
    } while (n < 0 && errno == EINTR);
    if (n <= 0) {
        return n == 0 ? ETIMEDOUT : errno;
    }
    int error = 0;
    socklen_t len = sizeof error;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 ? errno : error;
}

static int connect_to(const struct addrinfo *to, double seconds)
{
    int fd = make_socket(to);
    if (fd < 0) {
        return -1;
    }
    int error = connect(fd, to->ai_addr, to->ai_addrlen) == 0 ? 0 : errno;
    if (error == EINPROGRESS || error == EINTR) {
        error = finish_connecting(fd, seconds);
    }
    if (error != 0) {
        (void)close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

int net_connect(const char *host, const char *port, double seconds, struct fault *fault)
{
    struct addrinfo *list = resolve(host, port, false, fault);
    if (list == NULL) {
        return -1;
    }
    int fd = -1;
    for (const struct addrinfo *to = list; to != NULL && fd < 0; to = to->ai_next) {
        fd = connect_to(to, seconds);
    }
    if (fd < 0) {
        FAULT(fault, "cannot connect to %s port %s: %s", host, port, strerror(errno));
    }
    freeaddrinfo(list);
    return fd;
}

static int listen_on(const struct addrinfo *at)
{
    int fd = make_socket(at);
    if (fd < 0) {
        return -1;
    }
    int on = 1, off = 0;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (at->ai_family == AF_INET6) {
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    }
    if (bind(fd, at->ai_addr, at->ai_addrlen) < 0 || listen(fd, 128) < 0) {
        int error = errno;
        (void)close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

int net_listen(const char *host, const char *port, struct fault *fault)
{
    struct addrinfo *list = resolve(host, port, true, fault);
    if (list == NULL) {
        return -1;
    }
    int fd = -1;
    bool taken = false;
    /* IPv6 first: such a socket takes both. */
    for (const struct addrinfo *at = list; at != NULL && fd < 0; at = at->ai_next) {
        if (at->ai_family == AF_INET6) {
            fd = listen_on(at);
            taken = taken || (fd < 0 && (errno == EADDRINUSE || errno == EACCES));
        }
    }
    for (const struct addrinfo *at = list; at != NULL && fd < 0 && !taken; at = at->ai_next) {
        fd = at->ai_family == AF_INET6 ? -1 : listen_on(at);
    }
    if (fd < 0) {
        FAULT(fault, "cannot listen on %s%sport %s: %s", host == NULL ? "" : host,
              host == NULL ? "" : " ", port, strerror(errno));
    }
    freeaddrinfo(list);
    return fd;
}

unsigned net_port(int fd)
{
    struct sockaddr_storage at = {0};
    socklen_t len = sizeof at;
    if (getsockname(fd, (struct sockaddr *)&at, &len) < 0) {
        return 0;
    }
    if (at.ss_family == AF_INET) {
        return ntohs(((const struct sockaddr_in *)&at)->sin_port);
    }
    return at.ss_family == AF_INET6 ? ntohs(((const struct sockaddr_in6 *)&at)->sin6_port) : 0;
}

static struct address_text show(const struct sockaddr_storage *at, socklen_t len)
{
    struct address_text out;
    char host[64], port[8];
    if (getnameinfo((const struct sockaddr *)at, len, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
        (void)snprintf(out.text, sizeof out.text, "?");
        return out;
    }
    /* A dual-stack socket shows IPv4 peers in IPv6 clothes. */
    const char *bare = strncmp(host, "::ffff:", 7) == 0 ? host + 7 : host;
    bool colons = strchr(bare, ':') != NULL;
    (void)snprintf(out.text, sizeof out.text, "%s%s%s:%s", colons ? "[" : "", bare,
                   colons ? "]" : "", port);
    return out;
}

struct address_text net_here(int fd)
{
    struct sockaddr_storage at = {0};
    socklen_t len = sizeof at;
    return getsockname(fd, (struct sockaddr *)&at, &len) < 0 ? (struct address_text){"?"}
                                                             : show(&at, len);
}

struct address_text net_there(int fd)
{
    struct sockaddr_storage at = {0};
    socklen_t len = sizeof at;
    return getpeername(fd, (struct sockaddr *)&at, &len) < 0 ? (struct address_text){"?"}
                                                             : show(&at, len);
}

void net_tune(int fd)
{
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
#if defined(TCP_NOTSENT_LOWAT)
    int unsent = UNSENT_MAX;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
#endif
}
