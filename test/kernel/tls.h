/* SPDX-License-Identifier: BSD-2-Clause */
/* OpenSSL's part: contexts, and a whole end of a connection that is OpenSSL in user space. */
#ifndef TLS_H
#define TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

/* In the order of raw_suites. */
struct tls_suite {
    const char *name;
    int version;
    const char *openssl;
};
enum { TLS_SUITES = 6 };
extern const struct tls_suite tls_suites[TLS_SUITES];

/* Makes the key and the certificate of all servers; once, before the first case. */
void tls_certificate(void);
SSL_CTX *tls_context(const struct tls_suite *suite, bool server);
_Noreturn void tls_fail(const char *what);

/* Streams of check_fill. */
enum { FROM_WEIR = 11, FROM_PEER = 12 };

/* When the peer sends. */
enum peer_order {
    PEER_BOTH,  /* while it receives */
    PEER_FIRST, /* and ends its direction, before it reads anything */
    PEER_LAST,  /* after the other has ended its direction */
};

struct peer {
    const struct tls_suite *suite;
    int fd;
    int go; /* it says nothing after the handshake until a byte comes from here */
    bool server;
    uint64_t send, expect; /* bytes */
    uint64_t pause_at; /* after so many bytes it waits for another byte from `go`; 0: does not */
    size_t chunk;      /* of a write; 0: 16384 */
    enum peer_order order;
    unsigned updates; /* KeyUpdates spread over what it sends */
    bool request;     /* each asks for one back */
    unsigned tickets; /* so many more, in the middle (a server of TLS 1.3) */
    uint64_t flip; /* the record, counted from 1 after the handshake, whose last bit is flipped */
    int alert;     /* the fatal alert that must come in the end; 0: close_notify */
    bool any_end;  /* does not care how the other ends */
    bool fin;      /* FIN right behind its close_notify, not after the other's */
    bool cut;      /* ends with FIN and without close_notify */
    unsigned expect_updates; /* KeyUpdates it must have seen */
};

/* The peer's whole life, for check_start; `arg` is a struct peer. */
void peer_run(void *arg);

#endif
