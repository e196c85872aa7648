/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Probes: the part that every system has in common.
 */
#include "probe.h"
#include "weir/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { WAIT_MS = 2000 };

const struct probe_suite probe_suites[PROBE_SUITES_MAX] = {
#define X(name, minor, algorithm, key_len) {name, minor, algorithm, key_len},
    PROBE_SUITE_LIST(X)
#undef X
};

/* ---- connections ---- */

static int wait_for(int fd, short events)
{
    struct pollfd one = {.fd = fd, .events = events};
    int ready = poll(&one, 1, WAIT_MS);
    return ready > 0 ? 0 : ready == 0 ? ETIMEDOUT : errno;
}

static int make_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? errno : 0;
}

/* A connected socket in *fd. */
static int connect_to(const struct sockaddr *address, socklen_t len, int *fd)
{
    int error = 0;
    socklen_t size = sizeof error;
    *fd = socket(address->sa_family, SOCK_STREAM, 0);
    if (*fd < 0) {
        return errno;
    }
    error = make_nonblocking(*fd);
    if (error == 0 && connect(*fd, address, len) < 0) {
        error = errno;
        if (error == EINPROGRESS) {
            error = wait_for(*fd, POLLOUT);
        }
        if (error == 0 && getsockopt(*fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0) {
            error = errno;
        }
    }
    if (error != 0) {
        (void)close(*fd);
        *fd = -1;
    }
    return error;
}

/* Both ends of a connection on 127.0.0.1. */
static int make_pair(int ends[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ends[0] = ends[1] = -1;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0) {
        return errno;
    }
    int error = 0;
    if (bind(listener, (const struct sockaddr *)(const void *)&address, len) < 0 ||
        listen(listener, 1) < 0 ||
        getsockname(listener, (struct sockaddr *)(void *)&address, &len) < 0) {
        error = errno;
    }
    error = error != 0 ? error
                       : connect_to((const struct sockaddr *)(const void *)&address, len, &ends[0]);
    error = error != 0 ? error : wait_for(listener, POLLIN);
    if (error == 0) {
        ends[1] = accept(listener, NULL, NULL);
        error = ends[1] < 0 ? errno : make_nonblocking(ends[1]);
    }
    (void)close(listener);
    return error;
}

static void close_both(const int ends[2])
{
    for (int i = 0; i < 2; i++) {
        if (ends[i] >= 0) {
            (void)close(ends[i]);
        }
    }
}

/* Hangs up with a RST: what the other end has never seen a key for needs no good-bye. */
static void abort_connection(int fd)
{
    const struct linger now = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    (void)close(fd);
}

/* ---- steps ---- */

static int make_key(struct probe_key *key)
{
    return getentropy(key, sizeof *key) < 0 ? errno : 0;
}

/* Attaches and sets a key; *where may be NULL. */
static int set_key(int fd, enum probe_dir dir, const struct probe_suite *suite,
                   const struct probe_key *key, const char **where)
{
    const char *ignored = NULL;
    int error = kernel_tls_attach(fd);
    return error != 0 ? error : kernel_tls_key(fd, dir, suite, key, where ? where : &ignored);
}

/* Reads one record and compares it. */
static int expect_record(int fd, const uint8_t *wanted, size_t len)
{
    uint8_t data[256];
    union {
        struct cmsghdr align;
        uint8_t bytes[128];
    } control;
    struct iovec part = {.iov_base = data, .iov_len = sizeof data};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    int error = wait_for(fd, POLLIN);
    if (error != 0) {
        return error;
    }
    ssize_t got = recvmsg(fd, &message, 0);
    if (got < 0) {
        return errno;
    }
    bool same = (size_t)got == len && memcmp(data, wanted, len) == 0;
    return same && kernel_tls_type(&message) == 23 ? 0 : EBADMSG;
}

static int send_and_read(const int ends[2], const struct probe_suite *suite,
                         const struct probe_key *key)
{
    uint8_t data[100];
    memset(data, 'w', sizeof data);
    int error = set_key(ends[0], PROBE_TX, suite, key, NULL);
    error = error != 0 ? error : set_key(ends[1], PROBE_RX, suite, key, NULL);
    if (error != 0) {
        return error;
    }
    ssize_t put = send(ends[0], data, sizeof data, MSG_NOSIGNAL);
    if (put != (ssize_t)sizeof data) {
        return put < 0 ? errno : EMSGSIZE;
    }
    return expect_record(ends[1], data, sizeof data);
}

/* The same key again, for the direction that has it. */
static int set_twice(int fd, const struct probe_suite *suite, const struct probe_key *key)
{
    const char *where = NULL;
    int error = set_key(fd, PROBE_TX, suite, key, &where);
    return error != 0 ? error : kernel_tls_key(fd, PROBE_TX, suite, key, &where);
}

/* "tx SUITE" and its like on a fresh connection. */
static int probe_suite(const char *step, const struct probe_suite *suite, FILE *out)
{
    int ends[2];
    const char *answer = "yes";
    struct probe_key key;
    int error = make_key(&key);
    error = error != 0 ? error : make_pair(ends);
    if (error != 0) {
        return error;
    }
    if (strcmp(step, "tx") == 0) {
        error = set_key(ends[0], PROBE_TX, suite, &key, &answer);
    } else if (strcmp(step, "rx") == 0) {
        error = set_key(ends[0], PROBE_RX, suite, &key, &answer);
    } else if (strcmp(step, "record") == 0) {
        answer = "same";
        error = send_and_read(ends, suite, &key);
    } else if (strcmp(step, "rekey") == 0) {
        error = set_twice(ends[0], suite, &key);
    } else {
        error = EINVAL;
    }
    close_both(ends);
    weir_wipe(&key, sizeof key);
    (void)fprintf(out, "%s", answer);
    return error;
}

static int probe_pair(const char *option, FILE *out)
{
    int ends[2];
    int error = make_pair(ends);
    error = error != 0 ? error : kernel_tls_attach(ends[0]);
    if (error == 0 && option != NULL) {
        error = kernel_tls_option(ends[0], option);
    }
    close_both(ends);
    (void)fprintf(out, "yes");
    return error;
}

static int connect_peer(const char *address, int *fd)
{
    char host[256];
    const char *colon = strrchr(address, ':');
    if (colon == NULL) {
        return EINVAL;
    }
    bool bracket = address[0] == '[' && colon > address && colon[-1] == ']';
    (void)snprintf(host, sizeof host, "%.*s", (int)(colon - address - (bracket ? 2 : 0)),
                   address + (bracket ? 1 : 0));
    struct addrinfo *list = NULL;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    if (getaddrinfo(host, colon + 1, &hints, &list) != 0) {
        return EADDRNOTAVAIL;
    }
    int error = connect_to(list->ai_addr, list->ai_addrlen, fd);
    freeaddrinfo(list);
    return error;
}

static int probe_peer(enum probe_dir dir, const char *address, FILE *out)
{
    int fd = -1;
    const char *where = NULL;
    struct probe_key key;
    const struct probe_suite *suite = probe_suites;
    while (strcmp(suite->name, PROBE_NIC_SUITE) != 0) {
        suite++;
    }
    int error = make_key(&key);
    error = error != 0 ? error : connect_peer(address, &fd);
    if (error != 0) {
        return error;
    }
    error = set_key(fd, dir, suite, &key, &where);
    abort_connection(fd);
    weir_wipe(&key, sizeof key);
    (void)fprintf(out, "%s", where == NULL ? "" : where);
    return error;
}

int probe(const char *what, FILE *out)
{
    char step[16];
    const char *rest = strchr(what, ' ');
    rest = rest == NULL ? "" : rest + 1;
    (void)snprintf(step, sizeof step, "%.*s", (int)strcspn(what, " "), what);
    if (strcmp(step, "attach") == 0) {
        return probe_pair(NULL, out);
    }
    if (strcmp(step, "option") == 0) {
        return probe_pair(rest, out);
    }
    if (strcmp(step, "peer-tx") == 0 || strcmp(step, "peer-rx") == 0) {
        return probe_peer(strcmp(step, "peer-tx") == 0 ? PROBE_TX : PROBE_RX, rest, out);
    }
    for (const struct probe_suite *suite = probe_suites; suite->name != NULL; suite++) {
        if (strcmp(suite->name, rest) == 0) {
            return probe_suite(step, suite, out);
        }
    }
    return EINVAL;
}
