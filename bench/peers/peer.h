/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * A TLS library as peers.c measures it: a client and a server in this process, joined by memory.
 * The client seals, the server opens, one record for each call of the application.
 */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes on their way; room for a batch and for every handshake. */
struct wire {
    uint8_t *bytes;
    size_t len, taken;
};

#define WIRE_ROOM ((size_t)256 * 1024)

/** What both ends have: a certificate for P-256 that signs itself. */
struct identity {
    char cert_pem[2048], key_pem[2048]; /**< with a 0 behind them */
    uint8_t cert[1024], secret[32], point[65];
    size_t cert_len;
};

enum cipher { AES_128_GCM, AES_256_GCM, CHACHA20_POLY1305, CIPHERS };

/** What is measured, in what surroundings. */
struct setting {
    const struct identity *identity;
    bool tls13;
    enum cipher cipher;
    bool lean;              /**< least memory for connections that wait, where that can be said */
    struct wire *up, *down; /**< from the client, from the server */
};

struct peer {
    const char *name;
    const char *(*version)(void);
    /** A finished handshake; NULL: the library has no such version or cipher. */
    void *(*start)(const struct setting *setting);
    /** Puts `count` records of `len` bytes each behind what is in `up`. False: broken. */
    bool (*seal)(void *self, const uint8_t *text, size_t len, size_t count);
    /** Takes them; room[0..len) holds what the last one held. False: broken, or not the same. */
    bool (*open)(void *self, uint8_t *room, size_t len, size_t count);
    /**
     * Frees what the server has of this connection alone; only `stop` comes after it. The bytes of
     * it that are not from malloc.
     */
    size_t (*drop_server)(void *self);
    void (*stop)(void *self);
    bool knows_lean; /**< what `lean` of a setting means */
};

extern const struct peer peer_weir, peer_openssl, peer_gnutls, peer_mbedtls, peer_bearssl,
    peer_wolfssl, peer_rustls, peer_nss, peer_botan;

/** What peer_openssl.c is when it is compiled for BoringSSL: PEERS_BORINGSSL of meson.build. */
#define BORINGSSL_SYMBOL "peer_boringssl"

#ifndef __cplusplus
void make_identity(struct identity *identity);

/** Says what has gone wrong, and ends the program. */
_Noreturn void fail(const char *what, const char *who);

static inline void check(bool ok, const char *what, const char *who)
{
    if (!ok)
        fail(what, who);
}
#endif

/** Appends; false when it is full. */
bool wire_put(struct wire *wire, const void *bytes, size_t len);
/** Takes up to `len` bytes; how many. */
size_t wire_get(struct wire *wire, void *bytes, size_t len);

#ifdef __cplusplus
}
#endif

#endif
