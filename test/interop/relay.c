/* SPDX-License-Identifier: BSD-2-Clause */
#include "relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROOM          ((size_t)256 * 1024)
#define LINGER_MS     3000
#define MOST_PER_TURN 16 /* sends of one direction before the other has its turn */

/* One direction. */
struct lane {
    int from, to;
    struct wire *wire; /* NULL: nobody looks */
    uint8_t *buf;
    size_t head, tail;
    bool ended;  /* `from` has no more */
    bool closed; /* `to` was told so, or takes no more */
};

struct relay {
    pthread_t thread;
    int wake[2]; /* the reading end is readable once weir's socket is closed */
    size_t chop;
    uint32_t noise;
    struct lane out, in; /* weir to peer, peer to weir */
};

static void die(const char *what)
{
    perror(what);
    abort();
}

/* A small generator: how long the next piece is does not matter, only that it varies. */
static size_t piece(struct relay *relay, size_t len)
{
    if (relay->chop == 0)
        return len;
    relay->noise = relay->noise * 1664525u + 1013904223u;
    size_t most = 1 + (relay->noise >> 8) % relay->chop;
    return len < most ? len : most;
}

/* One side was torn down: so is the other, with a reset, and both directions end. */
static void tear(struct relay *relay, int other)
{
    struct linger hard = {.l_onoff = 1, .l_linger = 0};
    struct lane *lanes[2] = {&relay->out, &relay->in};

    (void)setsockopt(other, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    for (size_t i = 0; i < 2; i++) {
        lanes[i]->ended = lanes[i]->closed = true;
        lanes[i]->head = lanes[i]->tail = 0;
    }
}

static void fill(struct relay *relay, struct lane *lane)
{
    ssize_t n = recv(lane->from, lane->buf + lane->tail, ROOM - lane->tail, 0);

    if (n > 0) {
        if (lane->wire != NULL)
            wire_sent(lane->wire, lane->buf + lane->tail, (size_t)n);
        lane->tail += (size_t)n;
    } else if (n == 0) {
        lane->ended = true;
    } else if (errno != EAGAIN && errno != EINTR) {
        tear(relay, lane->to);
    }
}

static void drain(struct relay *relay, struct lane *lane)
{
    for (int turn = 0; turn < MOST_PER_TURN && lane->head < lane->tail; turn++) {
        size_t len = piece(relay, lane->tail - lane->head);
        ssize_t n = send(lane->to, lane->buf + lane->head, len, MSG_NOSIGNAL);
        if (n >= 0) {
            lane->head += (size_t)n;
        } else if (errno == EAGAIN || errno == EINTR) {
            break;
        } else {
            tear(relay, lane->from);
        }
    }
    if (lane->head == lane->tail)
        lane->head = lane->tail = 0;
    if (lane->ended && !lane->closed && lane->tail == 0) {
        (void)shutdown(lane->to, SHUT_WR);
        lane->closed = true;
    }
}

static short events_from(const struct lane *lane)
{
    return !lane->ended && lane->tail < ROOM ? POLLIN : 0;
}

static short events_to(const struct lane *lane)
{
    return lane->head < lane->tail ? POLLOUT : 0;
}

/* One round of waiting and carrying. False: nothing happened in time. */
static bool carry(struct relay *relay, bool leaving)
{
    struct lane *out = &relay->out, *in = &relay->in;
    struct pollfd fds[3] = {
        {.fd = out->from, .events = (short)(events_from(out) | events_to(in))},
        {.fd = out->to, .events = (short)(events_from(in) | events_to(out))},
        {.fd = leaving ? -1 : relay->wake[0], .events = POLLIN},
    };

    /* An event that nobody asked for must not wake us again and again. */
    for (size_t i = 0; i < 2; i++)
        if (fds[i].events == 0)
            fds[i].fd = -1;
    if (poll(fds, 3, leaving ? LINGER_MS : -1) == 0)
        return false;
    if (events_from(out) != 0 && (fds[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0)
        fill(relay, out);
    if (events_from(in) != 0 && (fds[1].revents & (POLLIN | POLLHUP | POLLERR)) != 0)
        fill(relay, in);
    drain(relay, out);
    drain(relay, in);
    return true;
}

static bool told_to_leave(const struct relay *relay)
{
    struct pollfd fd = {.fd = relay->wake[0], .events = POLLIN};
    return poll(&fd, 1, 0) == 1;
}

static void *run(void *arg)
{
    struct relay *relay = arg;
    bool leaving = false;

    while (!relay->out.closed || !relay->in.ended) {
        if (!carry(relay, leaving))
            break;
        leaving = leaving || told_to_leave(relay);
        if (leaving) {
            /* Nobody reads what the peer still says. */
            relay->in.head = relay->in.tail = 0;
            relay->in.closed = true;
        }
    }
    (void)close(relay->out.to);
    (void)close(relay->out.from);
    return NULL;
}

/* Two ends of a TCP connection over loopback. */
static void tcp_pair(int ends[2])
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    if (listener < 0 || bind(listener, (struct sockaddr *)&at, sizeof at) != 0 ||
        listen(listener, 1) != 0 || getsockname(listener, (struct sockaddr *)&at, &len) != 0)
        die("listening for the relay");
    ends[0] = socket(AF_INET, SOCK_STREAM, 0);
    if (ends[0] < 0 || connect(ends[0], (struct sockaddr *)&at, sizeof at) != 0)
        die("connecting to the relay");
    ends[1] = accept(listener, NULL, NULL);
    if (ends[1] < 0)
        die("accepting in the relay");
    (void)close(listener);
}

static void prepare(int fd)
{
    int on = 1, flags = fcntl(fd, F_GETFL);

    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0)
        die("preparing a socket of the relay");
}

struct relay *relay_start(int peer, struct wire *wire, size_t chop, int *ours)
{
    struct relay *relay = calloc(1, sizeof *relay);
    int ends[2];

    if (relay == NULL || pipe(relay->wake) != 0)
        die("making a relay");
    tcp_pair(ends);
    *ours = ends[0];
    relay->chop = chop;
    relay->out = (struct lane){.from = ends[1], .to = peer, .wire = wire, .buf = malloc(ROOM)};
    relay->in = (struct lane){.from = peer, .to = ends[1], .buf = malloc(ROOM)};
    if (relay->out.buf == NULL || relay->in.buf == NULL)
        die("making a relay");
    prepare(ends[1]);
    prepare(peer);
    if (pthread_create(&relay->thread, NULL, run, relay) != 0)
        die("starting a relay");
    return relay;
}

void relay_end(struct relay *relay)
{
    (void)close(relay->wake[1]);
    (void)pthread_join(relay->thread, NULL);
    (void)close(relay->wake[0]);
    free(relay->out.buf);
    free(relay->in.buf);
    free(relay);
}
