/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sockets by name: connect, listen, and addresses for people.
 */
#ifndef WEIR_TOOLS_NET_H
#define WEIR_TOOLS_NET_H

#include "common.h"

#include <sys/socket.h>

/* "127.0.0.1:5201", "[::1]:5201". */
struct address_text {
    char text[80];
};

/* A connected socket, within `seconds`; -1: fault. */
int net_connect(const char *host, const char *port, double seconds, struct fault *fault);

/* A listening socket; `host` NULL: all addresses. -1: fault. */
int net_listen(const char *host, const char *port, struct fault *fault);

/* The port a socket is bound to; 0 when it is not. */
unsigned net_port(int fd);

/* This end of a socket, or the other. */
struct address_text net_here(int fd);
struct address_text net_there(int fd);

/* What stream data wants: small writes go at once, large ones do not wait in a long queue. */
void net_tune(int fd);

#endif
