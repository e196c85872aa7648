/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Probes of the kernel's TLS over connections to itself on 127.0.0.1. What can be tried:
 *
 *   attach             Linux: make the upper layer protocol "tls" part of a connection
 *   tx SUITE, rx SUITE set a throw-away key for sending, for receiving
 *   record SUITE       send a record under such a key, and read it back at the other end
 *   rekey SUITE        set the sending key again
 *   option NAME        Linux: ask for the value of an option
 *   peer-tx ADDRESS, peer-rx ADDRESS
 *                      connect to HOST:PORT and set a key there, to see who would carry the
 *                      records; nothing is sent
 *
 * An answer is "same" (record), "yes" (attach, rekey, option), or for a key where it went: "nic",
 * "software", "none" or, where the kernel does not tell, "set"; otherwise an errno.
 */
#ifndef WEIR_TOOLS_PROBE_H
#define WEIR_TOOLS_PROBE_H

#include "common.h"

#include <sys/socket.h>

/* X(name, minor version on the wire, algorithm, key bytes) */
#define PROBE_SUITE_LIST(X)                                                                        \
    X("TLSv1.2/AES-128-GCM", 3, PROBE_GCM, 16)                                                     \
    X("TLSv1.2/AES-256-GCM", 3, PROBE_GCM, 32)                                                     \
    X("TLSv1.2/ChaCha20-Poly1305", 3, PROBE_CHACHA20, 32)                                          \
    X("TLSv1.3/AES-128-GCM", 4, PROBE_GCM, 16)                                                     \
    X("TLSv1.3/AES-256-GCM", 4, PROBE_GCM, 32)                                                     \
    X("TLSv1.3/ChaCha20-Poly1305", 4, PROBE_CHACHA20, 32)

/* The options of Linux. X(name, number) */
#define PROBE_OPTION_LIST(X)                                                                       \
    X("TLS_TX_ZEROCOPY_RO", 3)                                                                     \
    X("TLS_RX_EXPECT_NO_PAD", 4)                                                                   \
    X("TLS_TX_MAX_PAYLOAD_LEN", 5)

/* What a NIC is asked for where one suite has to do: all that offload anything take it. */
#define PROBE_NIC_SUITE "TLSv1.2/AES-128-GCM"

struct probe_suite {
    const char *name;
    uint8_t minor;
    enum probe_algorithm { PROBE_GCM, PROBE_CHACHA20 } algorithm;
    uint8_t key_len;
};
enum { PROBE_SUITES_MAX = 8 };
/* The list above, with an entry without a name at its end. */
extern const struct probe_suite probe_suites[PROBE_SUITES_MAX];

enum probe_dir { PROBE_TX, PROBE_RX };

/* Random bytes that a key, a salt and an IV are taken from, the same at both ends. */
struct probe_key {
    uint8_t key[32], iv[12];
};

/* Tries what `what` says; 0 and an answer, or an errno. Takes a few seconds at the most. */
int probe(const char *what, FILE *out);

/* ---- what the system supplies; each answers 0 or an errno ---- */

int kernel_tls_attach(int fd);
int kernel_tls_key(int fd, enum probe_dir dir, const struct probe_suite *suite,
                   const struct probe_key *key, const char **where);
int kernel_tls_option(int fd, const char *name);
/* The content type of the record a received message belongs to; -1: it was none. */
int kernel_tls_type(struct msghdr *message);

#endif
