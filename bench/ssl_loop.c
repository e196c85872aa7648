/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The least a program does with OpenSSL to move bytes over TLS: SSL_write in a loop on one end,
 * SSL_read on the other, 16 KiB each, blocking sockets as the system makes them. What `weir perf`
 * is measured against.
 *
 *     ssl_loop server CERT KEY            prints its port, takes one client, prints JSON
 *     ssl_loop client PORT BYTES SUITE
 *
 * SUITE: a name of TLS 1.3, as OpenSSL writes it.
 */
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PIECE 16384

static double now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Only on the way out of the program: the system takes back what is open. */
static int failed(const char *what)
{
    fprintf(stderr, "ssl_loop: %s\n", what);
    ERR_print_errors_fp(stderr);
    return 1;
}

static int take_client(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int on = 1;
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(listener, (struct sockaddr *)&at, len) != 0 || listen(listener, 1) != 0 ||
        getsockname(listener, (struct sockaddr *)&at, &len) != 0)
        return -1;
    printf("%u\n", (unsigned)ntohs(at.sin_port));
    (void)fflush(stdout);
    int fd = accept(listener, NULL, NULL);
    (void)close(listener);
    return fd;
}

static int connect_to(const char *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    return fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof at) == 0 ? fd : -1;
}

static SSL *new_ssl(const SSL_METHOD *method, const char *cert, const char *key, const char *suite)
{
    SSL_CTX *ctx = SSL_CTX_new(method);

    if (ctx == NULL || !SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) ||
        (suite != NULL && !SSL_CTX_set_ciphersuites(ctx, suite)) ||
        (cert != NULL && (SSL_CTX_use_certificate_file(ctx, cert, SSL_FILETYPE_PEM) != 1 ||
                          SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)))
        return NULL;
    SSL *ssl = SSL_new(ctx);
    SSL_CTX_free(ctx);
    return ssl;
}

/* Counts from the first byte of data to the last. */
static int receive(SSL *ssl)
{
    static uint8_t buf[PIECE];
    uint64_t bytes = 0;
    double began = 0;
    int got;

    while ((got = SSL_read(ssl, buf, sizeof buf)) > 0) {
        if (bytes == 0)
            began = now();
        bytes += (uint64_t)got;
    }
    if (SSL_get_error(ssl, got) != SSL_ERROR_ZERO_RETURN)
        return failed("reading");
    double seconds = now() - began;
    (void)SSL_shutdown(ssl);
    printf("{\"bytes\": %llu, \"seconds\": %.6f, \"cipher\": \"%s\"}\n", (unsigned long long)bytes,
           seconds, SSL_get_cipher_name(ssl));
    return 0;
}

static int transmit(SSL *ssl, uint64_t bytes)
{
    static uint8_t buf[PIECE];

    memset(buf, 0x57, sizeof buf);
    while (bytes > 0) {
        int here = bytes < PIECE ? (int)bytes : PIECE;
        if (SSL_write(ssl, buf, here) != here)
            return failed("writing");
        bytes -= (uint64_t)here;
    }
    /* Waiting for the peer's close_notify reads its tickets, too: a socket closed over unread bytes
     * is reset, and the peer would lose the end of the data. */
    return SSL_shutdown(ssl) == 0 && SSL_shutdown(ssl) == 1 ? 0 : failed("closing");
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "server") == 0) {
        SSL *ssl = new_ssl(TLS_server_method(), argv[2], argv[3], NULL);
        int fd = ssl != NULL ? take_client() : -1;
        if (fd < 0 || !SSL_set_fd(ssl, fd) || SSL_accept(ssl) != 1)
            return failed("accepting");
        return receive(ssl);
    }
    if (argc == 5 && strcmp(argv[1], "client") == 0) {
        SSL *ssl = new_ssl(TLS_client_method(), NULL, NULL, argv[4]);
        int fd = ssl != NULL ? connect_to(argv[2]) : -1;
        if (fd < 0 || !SSL_set_fd(ssl, fd) || SSL_connect(ssl) != 1)
            return failed("connecting");
        return transmit(ssl, strtoull(argv[3], NULL, 10));
    }
    fputs("usage: ssl_loop server CERT KEY | client PORT BYTES SUITE\n", stderr);
    return 2;
}
