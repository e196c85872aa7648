/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The other end: a TCP and a TLS library, and nothing of weir, a card or lwIP. It sends its bytes,
 * closes, and checks what it gets.
 */
#ifndef EXAMPLE_PEER_H
#define EXAMPLE_PEER_H

#include "sim/link.h"
#include "sim/tcp.h"
#include "tls.h"

struct peer_config {
    const struct tls_library *library;
    struct tls_choice choice;
    struct sim_tcp_config tcp;
    struct sim_link *link; /* that its frames go to */
    uint64_t send, expect; /* bytes of application data */
    uint32_t key_updates;  /* TLS 1.3: chance in millionths before each write */
    uint64_t seed;
};

struct peer;

struct peer *peer_new(const struct peer_config *config);
void peer_free(struct peer *p);
void peer_in(struct peer *p, uint64_t now, struct sim_frame *frame);
void peer_run(struct peer *p, uint64_t now);
/* When it has something to do next; UINT64_MAX: not by itself. */
uint64_t peer_due(const struct peer *p);
/* Whether everything was sent, acknowledged, received, and closed both ways. */
bool peer_done(const struct peer *p);
/* Bytes of application data that came. */
uint64_t peer_received(const struct peer *p);
/* What went wrong; NULL: nothing did. */
const char *peer_failed(const struct peer *p);

#endif
