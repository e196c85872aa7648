/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's TLS by its own system calls, without weir: what a backend relies on, seen bare.
 * Results below zero are errno values.
 *
 * Source: Linux, include/uapi/linux/tls.h and Documentation/networking/tls.rst.
 */
#ifndef RAW_H
#define RAW_H

#include <linux/tls.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifndef SOL_TLS
#define SOL_TLS 282
#endif
#ifndef TCP_ULP
#define TCP_ULP 31
#endif
/* Newer than the headers of some distributions. */
enum { RAW_TX_ZEROCOPY_RO = 3, RAW_RX_EXPECT_NO_PAD = 4, RAW_TX_MAX_PAYLOAD_LEN = 5 };

enum { RAW_DATA = 23, RAW_HANDSHAKE = 22, RAW_ALERT = 21, RAW_MAX = 16384 };

struct raw_suite {
    const char *name;
    uint16_t version, cipher;
    uint8_t key_len;
    const char *evp; /* OpenSSL's name */
};
extern const struct raw_suite raw_suites[];
extern const size_t raw_suite_count;

/* iv: all 12 bytes; TLS 1.2 with GCM has the salt in the first four, and the rest unused. */
struct raw_key {
    const struct raw_suite *suite;
    uint8_t key[32], iv[12];
    uint64_t nonce; /* TLS 1.2 with GCM: the explicit nonce of the next record */
    uint64_t seq;
};

/* Keys by number, never the same for two numbers. */
struct raw_key raw_key(const struct raw_suite *suite, uint8_t number);
bool raw_has_nonce(const struct raw_suite *suite);

/* Two ends of a TCP connection over 127.0.0.1. */
void raw_pair(int fd[2]);
int raw_attach(int fd);
int raw_set(int fd, int option, const void *value, size_t len);
int raw_get(int fd, int option, void *value, size_t len);
int raw_set_key(int fd, int dir, const struct raw_key *key);
/* All that the kernel says about a direction; key->suite says what to expect. */
int raw_get_key(int fd, int dir, struct raw_key *key);

/* Two ends, with keys in the kernel from fd[0] to fd[1] and back. */
void raw_tls_pair(int fd[2], const struct raw_suite *suite);

/* type 23: a plain send. */
ssize_t raw_send(int fd, uint8_t type, const void *buf, size_t len, int flags);
/* `type`: -1 when the kernel gave none; not written on an error. */
ssize_t raw_recv(int fd, void *buf, size_t len, int flags, int *type, int *msg_flags);
/* Exactly `len` bytes of a socket without TLS. */
void raw_read_all(int fd, void *buf, size_t len);
void raw_write_all(int fd, const void *buf, size_t len);
void raw_nonblocking(int fd, bool on);

/* One record as it goes over the wire; returns its length. `key` moves on by one. */
size_t raw_seal(struct raw_key *key, uint8_t type, const void *data, size_t len, uint8_t *out);
/* Opens the record at `wire`; returns the length of the data, or -1. `key` moves on by one. */
ssize_t raw_open(struct raw_key *key, const uint8_t *wire, size_t len, uint8_t *type, uint8_t *out);

enum { RAW_RECORD = 5 + 8 + RAW_MAX + 1 + 16 };

#endif
