/* SPDX-License-Identifier: BSD-2-Clause */
#include "two.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PIECE    ((size_t)40000)
#define PATIENCE 5000 /* milliseconds without anything moving */

static void must(bool good, const char *what)
{
    if (good)
        return;
    (void)fprintf(stderr, "two: %s: %s\n", what, strerror(errno));
    ERR_print_errors_fp(stderr);
    abort();
}

/* ---- making them ---- */

static void use_new_certificate(SSL_CTX *ctx)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();

    must(key != NULL && cert != NULL, "certificate");
    X509_NAME *name = X509_get_subject_name(cert);
    must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"weir", -1, -1,
                                    0) == 1 &&
             ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) == 1 &&
             X509_gmtime_adj(X509_getm_notBefore(cert), -3600) != NULL &&
             X509_gmtime_adj(X509_getm_notAfter(cert), 3600) != NULL &&
             X509_set_issuer_name(cert, name) == 1 && X509_set_pubkey(cert, key) == 1 &&
             X509_sign(cert, key, EVP_sha256()) > 0 && SSL_CTX_use_certificate(ctx, cert) == 1 &&
             SSL_CTX_use_PrivateKey(ctx, key) == 1,
         "certificate");
    X509_free(cert);
    EVP_PKEY_free(key);
}

static void tcp_pair(int fd[2])
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    must(listener >= 0 && bind(listener, (struct sockaddr *)&at, sizeof at) == 0 &&
             listen(listener, 1) == 0 && getsockname(listener, (struct sockaddr *)&at, &len) == 0,
         "listening");
    fd[0] = socket(AF_INET, SOCK_STREAM, 0);
    must(fd[0] >= 0 && connect(fd[0], (struct sockaddr *)&at, sizeof at) == 0, "connecting");
    fd[1] = accept(listener, NULL, NULL);
    must(fd[1] >= 0, "accepting");
    (void)close(listener);
    for (int i = 0; i < 2; i++) {
        int on = 1;
        must(fcntl(fd[i], F_SETFL, O_NONBLOCK) == 0 &&
                 setsockopt(fd[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0,
             "socket");
    }
}

static int on_ticket(SSL *ssl, SSL_SESSION *session)
{
    struct two *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

    t->tickets++;
    SSL_SESSION_free(t->session);
    t->session = session;
    return 1;
}

/* The alert that came last, plus one, in the ex_data that belongs to the application. */
static void on_alert(const SSL *ssl, int where, int value)
{
    if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT)
        (void)SSL_set_app_data((SSL *)(uintptr_t)ssl, (void *)(uintptr_t)((value & 0xff) + 1));
}

int two_alert(SSL *ssl)
{
    return (int)(uintptr_t)SSL_get_app_data(ssl) - 1;
}

static SSL_CTX *context(struct two *t, const struct two_config *c, bool server)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_method());

    must(ctx != NULL && SSL_CTX_set_min_proto_version(ctx, c->version) == 1 &&
             SSL_CTX_set_max_proto_version(ctx, c->version) == 1 &&
             (c->version == WEIR_TLS13 ? SSL_CTX_set_ciphersuites(ctx, c->suite)
                                       : SSL_CTX_set_cipher_list(ctx, c->suite)) == 1,
         "context");
    (void)SSL_CTX_set_app_data(ctx, t);
    SSL_CTX_set_info_callback(ctx, on_alert);
    if (server || c->post_handshake)
        use_new_certificate(ctx);
    if (server && c->resumes) {
        unsigned char same[80] = {0}; /* a key for tickets that the next pair's server has, too */
        (void)SSL_CTX_set_tlsext_ticket_keys(ctx, same, sizeof same);
        (void)SSL_CTX_set_options(ctx, SSL_OP_NO_ANTI_REPLAY);
        must(SSL_CTX_set_max_early_data(ctx, c->early) == 1, "early data");
    }
    if (!server) {
        (void)SSL_CTX_set_session_cache_mode(ctx,
                                             SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(ctx, on_ticket);
    }
    return ctx;
}

static int take_any_certificate(int good, X509_STORE_CTX *store)
{
    (void)good;
    (void)store;
    return 1;
}

static SSL *end(SSL_CTX *ctx, const struct two_config *c, bool server)
{
    SSL *ssl = SSL_new(ctx);

    must(ssl != NULL, "connection");
    if (server)
        SSL_set_accept_state(ssl);
    else
        SSL_set_connect_state(ssl);
    if (c->post_handshake && !server)
        SSL_set_post_handshake_auth(ssl, 1);
    if (c->post_handshake && server)
        SSL_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_POST_HANDSHAKE, take_any_certificate);
    if (!server && c->session != NULL)
        must(SSL_set_session(ssl, c->session) == 1, "session");
    if (!server && c->fragment != 0)
        must(SSL_set_tlsext_max_fragment_length(ssl, c->fragment) == 1, "fragment length");
    return ssl;
}

void two_open(struct two *t, const struct two_config *c)
{
    struct weir_openssl_bio_config bio = c->bio;

    *t = (struct two){.fd = {-1, -1}};
    tcp_pair(t->fd);
    t->ctx[0] = context(t, c, c->server);
    t->ctx[1] = context(t, c, !c->server);
    t->ours = end(t->ctx[0], c, c->server);
    t->theirs = end(t->ctx[1], c, !c->server);
    if (c->renegotiate)
        (void)SSL_clear_options(t->theirs, SSL_OP_NO_RENEGOTIATION);
    must(SSL_set_fd(t->theirs, t->fd[1]) == 1, "socket of theirs");
    bio.ssl = c->no_ssl ? NULL : t->ours;
    t->bio = weir_openssl_bio_new(t->fd[0], &bio);
    must(t->bio != NULL, "weir_openssl_bio_new");
    SSL_set_bio(t->ours, t->bio, t->bio);
    if (!c->no_option)
        (void)SSL_set_options(t->ours, SSL_OP_ENABLE_KTLS);
}

void two_close(struct two *t)
{
    SSL_free(t->ours);
    SSL_free(t->theirs);
    SSL_SESSION_free(t->session);
    SSL_CTX_free(t->ctx[0]);
    SSL_CTX_free(t->ctx[1]);
    (void)close(t->fd[0]);
    (void)close(t->fd[1]);
}

/* ---- using them ---- */

/* Whether `ssl` can go on after it answered `n`. */
static bool only_waits(SSL *ssl, int n)
{
    int error = SSL_get_error(ssl, n);

    return n > 0 || error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

bool two_shake(struct two *t)
{
    struct pollfd fds[2] = {{.fd = t->fd[0]}, {.fd = t->fd[1]}};

    for (int idle = 0; idle < PATIENCE / 20;) {
        ERR_clear_error();
        int ours = SSL_do_handshake(t->ours);
        fds[0].events = SSL_want_write(t->ours) ? POLLOUT : POLLIN;
        if (!only_waits(t->ours, ours))
            return false;
        ERR_clear_error();
        int theirs = SSL_do_handshake(t->theirs);
        fds[1].events = SSL_want_write(t->theirs) ? POLLOUT : POLLIN;
        if (!only_waits(t->theirs, theirs))
            return false;
        if (ours == 1 && theirs == 1)
            return true;
        idle += poll(fds, 2, 20) == 0;
    }
    return false;
}

void two_fill(uint8_t *buf, size_t len, size_t at)
{
    for (size_t i = 0; i < len; i++, at++)
        buf[i] = (uint8_t)(at ^ at >> 8 ^ at >> 16);
}

/* Reads what is there and compares it; -1: it is over, or not what it should be. */
static int take(SSL *to, size_t at)
{
    static uint8_t got[PIECE], wanted[PIECE];

    ERR_clear_error();
    int n = SSL_read(to, got, sizeof got);
    if (n <= 0)
        return only_waits(to, n) ? 0 : -1;
    two_fill(wanted, (size_t)n, at);
    return memcmp(got, wanted, (size_t)n) == 0 ? n : -1;
}

static void wait_for(SSL *to)
{
    struct pollfd fd = {.fd = SSL_get_rfd(to), .events = POLLIN};

    if (fd.fd < 0)
        fd.fd = weir_openssl_bio_fd(SSL_get_rbio(to));
    (void)poll(&fd, 1, 20);
}

bool two_receive(SSL *to, size_t len)
{
    int idle = 0;

    for (size_t got = 0; got < len && idle < PATIENCE / 20;) {
        int n = take(to, got);
        if (n < 0)
            return false;
        got += (size_t)n;
        if (got == len)
            return true;
        if (n == 0) {
            idle++;
            wait_for(to);
        }
    }
    return len == 0;
}

bool two_move(SSL *from, SSL *to, size_t len)
{
    static uint8_t out[PIECE];
    size_t sent = 0, got = 0, piece = 0;
    int idle = 0;

    while (got < len && idle < PATIENCE / 20) {
        int n = 0;
        if (sent < len) {
            if (piece == 0) {
                piece = len - sent < PIECE ? len - sent : PIECE;
                two_fill(out, piece, sent);
            }
            ERR_clear_error();
            n = SSL_write(from, out, (int)piece);
            if (!only_waits(from, n))
                return false;
            if (n > 0) {
                sent += piece;
                piece = 0;
            }
        }
        int m = take(to, got);
        if (m < 0)
            return false;
        got += (size_t)m;
        if (n <= 0 && m == 0 && !SSL_want_write(from)) {
            idle++;
            wait_for(to);
        }
    }
    return got == len;
}

static bool closes(SSL *ssl)
{
    char byte;

    ERR_clear_error();
    return SSL_read(ssl, &byte, 1) == 0 && SSL_get_error(ssl, 0) == SSL_ERROR_ZERO_RETURN;
}

bool two_end(struct two *t)
{
    if (SSL_shutdown(t->ours) < 0)
        return false;
    wait_for(t->theirs);
    if (!closes(t->theirs) || SSL_shutdown(t->theirs) < 0)
        return false;
    wait_for(t->ours);
    return closes(t->ours);
}

int two_file(size_t len)
{
    uint8_t block[4096];
    char name[] = "/tmp/weir-dropin-XXXXXX";
    int fd = mkstemp(name);

    must(fd >= 0, "file");
    (void)unlink(name);
    for (size_t at = 0; at < len; at += sizeof block) {
        size_t n = len - at < sizeof block ? len - at : sizeof block;
        two_fill(block, n, at);
        must(write(fd, block, n) == (ssize_t)n, "file");
    }
    return fd;
}
