/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One TLS connection on lwIP: the handshake by a TLS library through weir's binding, then records
 * by weir, both directions through the card where it takes them.
 */
#ifndef EXAMPLE_HOST_H
#define EXAMPLE_HOST_H

#include "driver.h"
#include "tls.h"

struct host_config {
    const struct tls_library *library;
    struct tls_choice choice;
    struct driver *driver;
    bool active; /* calls the peer; else waits for it */
    uint32_t peer;
    uint16_t port;
    uint64_t send, expect; /* bytes of application data */
    bool trust;            /* take the card's word for tags of what it has decrypted wholly */
    bool slow;             /* reads so slowly that TCP's window closes */
    uint64_t seed;
};

struct host;

struct host *host_new(const struct host_config *config);
/* The connection is over, in lwIP and in weir. */
void host_close(struct host *h);
void host_free(struct host *h);
/* Does what can be done by now; call it when lwIP was busy. */
void host_run(struct host *h);
/* Whether TCP's connection is there. */
bool host_open(const struct host *h);
/* Whether everything was sent, acknowledged, received, and closed both ways. */
bool host_done(const struct host *h);
uint64_t host_received(const struct host *h);
/* Why a direction is not on the card; code WEIR_REFUSAL_NONE when it is. */
const struct weir_refusal *host_refused(const struct host *h, enum weir_dir dir);
/* What weir counts of a direction. */
struct weir_counters host_counters(const struct host *h, enum weir_dir dir);
/* What went wrong; NULL: nothing did. */
const char *host_failed(const struct host *h);

#endif
