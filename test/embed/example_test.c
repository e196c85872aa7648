/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs examples/embed.c: the echo of the README on one end of a pair of sockets, a plain OpenSSL
 * client in a child process on the other.
 *
 *     example_test CERT KEY
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <weir/openssl.h>

#define LENGTH 300000
#define PIECE  10000

weir_status echo(SSL *ssl, int fd);

static uint8_t pattern(int n)
{
    return (uint8_t)(n * 31 + (n >> 9));
}

static int read_whole(SSL *ssl, uint8_t *buf, int len)
{
    int have = 0;

    while (have < len) {
        int got = SSL_read(ssl, buf + have, len - have);
        if (got <= 0)
            return 0;
        have += got;
    }
    return 1;
}

static int send_and_compare(SSL *ssl)
{
    static uint8_t out[PIECE];
    static uint8_t in[PIECE];

    for (int at = 0; at < LENGTH; at += PIECE) {
        for (int i = 0; i < PIECE; i++)
            out[i] = pattern(at + i);
        if (SSL_write(ssl, out, PIECE) != PIECE || !read_whole(ssl, in, PIECE) ||
            memcmp(in, out, PIECE) != 0)
            return 0;
    }
    return 1;
}

/* 0: all came back and both ends closed; or, with `rudely`, all came back and this end vanished. */
static int client(int fd, int version, int rudely)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = ctx != NULL ? SSL_new(ctx) : NULL;

    if (ssl == NULL || !SSL_set_fd(ssl, fd) || !SSL_set_max_proto_version(ssl, version) ||
        SSL_connect(ssl) != 1 || !send_and_compare(ssl))
        return 1;
    int closed = rudely || (SSL_shutdown(ssl) >= 0 && SSL_shutdown(ssl) == 1);
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    return closed ? 0 : 1;
}

static SSL *new_server(const char *cert, const char *key)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    SSL *ssl = NULL;

    if (ctx != NULL && SSL_CTX_use_certificate_file(ctx, cert, SSL_FILETYPE_PEM) == 1 &&
        SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) == 1)
        ssl = SSL_new(ctx);
    SSL_CTX_free(ctx);
    if (ssl != NULL)
        SSL_set_accept_state(ssl);
    return ssl;
}

static int run(const char *name, char **argv, int version, int rudely, weir_status expected)
{
    int fds[2];
    int status = 0;
    SSL *ssl = new_server(argv[1], argv[2]);

    if (ssl == NULL || socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0) {
        printf("FAIL %s: cannot use %s and %s\n", name, argv[1], argv[2]);
        return 1;
    }
    pid_t child = fork();
    if (child == 0) {
        (void)close(fds[0]);
        _exit(client(fds[1], version, rudely));
    }
    (void)close(fds[1]);
    weir_status answer = child > 0 ? echo(ssl, fds[0]) : WEIR_E_IO;
    (void)close(fds[0]);
    SSL_free(ssl);
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0 || answer != expected) {
        printf("FAIL %s: echo answered %s, the client's status is %d\n", name,
               weir_status_name(answer), status);
        return 1;
    }
    printf("PASS %s\n", name);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    return run("example over TLS 1.3", argv, TLS1_3_VERSION, 0, WEIR_OK) +
           run("example over TLS 1.2", argv, TLS1_2_VERSION, 0, WEIR_OK) +
           run("example, peer gone without close_notify", argv, TLS1_3_VERSION, 1,
               WEIR_E_TRUNCATED);
}
