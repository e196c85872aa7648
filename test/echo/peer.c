/* SPDX-License-Identifier: BSD-2-Clause */
/*
 *     echo-peer openssl|weir [--listen | --connect PORT] [--cert FILE --key FILE] [--tls12]
 *               [--cipher NAME] [--record BYTES] [--update] [--vanish] BYTES
 *
 * Sends BYTES through an echo at 127.0.0.1 and prints what it saw in one line.
 */
#include "peer.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SECONDS 80u

struct options {
    bool weir, server, tls12;
    unsigned port, record;
    const char *cert, *key, *cipher;
};

size_t peer_next(const struct peer *peer, uint8_t *buf, size_t room)
{
    size_t left = peer->total - peer->sent, window = PEER_WINDOW - (peer->sent - peer->got);
    size_t len = left < room ? left : room;

    if (len > window)
        return 0;
    for (size_t i = 0; i < len; i++) {
        size_t at = peer->sent + i;
        buf[i] = (uint8_t)(at * 167 + (at >> 8) * 31 + (at >> 16));
    }
    return len;
}

void peer_was_sent(struct peer *peer, const uint8_t *data, size_t len)
{
    (void)EVP_DigestUpdate(peer->sent_digest, data, len);
    peer->sent += len;
}

void peer_has_got(struct peer *peer, const uint8_t *data, size_t len)
{
    (void)EVP_DigestUpdate(peer->got_digest, data, len);
    peer->got += len;
}

bool peer_update_due(struct peer *peer)
{
    bool due = peer->update && peer->sent >= peer->total / 2;

    if (due)
        peer->update = false;
    return due;
}

static int loopback(const struct options *options)
{
    struct sockaddr_in name = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)options->port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof name;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (!options->server)
        return connect(fd, (struct sockaddr *)&name, len) == 0 ? fd : -1;
    if (bind(fd, (struct sockaddr *)&name, len) != 0 || listen(fd, 1) != 0 ||
        getsockname(fd, (struct sockaddr *)&name, &len) != 0)
        return -1;
    printf("port %u\n", ntohs(name.sin_port));
    (void)fflush(stdout);
    int peer = accept(fd, NULL, NULL);
    (void)close(fd);
    return peer;
}

static SSL *new_ssl(const struct options *options)
{
    SSL_CTX *ctx = SSL_CTX_new(options->server ? TLS_server_method() : TLS_client_method());
    int version = options->tls12 ? TLS1_2_VERSION : TLS1_3_VERSION;
    bool good = ctx != NULL && SSL_CTX_set_min_proto_version(ctx, version) == 1 &&
                SSL_CTX_set_max_proto_version(ctx, version) == 1;

    if (good && options->cert != NULL)
        good = SSL_CTX_use_certificate_file(ctx, options->cert, SSL_FILETYPE_PEM) == 1 &&
               SSL_CTX_use_PrivateKey_file(ctx, options->key, SSL_FILETYPE_PEM) == 1;
    if (good && options->cipher != NULL)
        good = (options->tls12 ? SSL_CTX_set_cipher_list(ctx, options->cipher)
                               : SSL_CTX_set_ciphersuites(ctx, options->cipher)) == 1;
    SSL *ssl = good ? SSL_new(ctx) : NULL;
    SSL_CTX_free(ctx);
    if (ssl == NULL)
        return NULL;
    if (options->record == 1024)
        (void)SSL_set_tlsext_max_fragment_length(ssl, TLSEXT_max_fragment_length_1024);
    if (options->server)
        SSL_set_accept_state(ssl);
    else
        SSL_set_connect_state(ssl);
    return ssl;
}

static void print_digest(const char *name, size_t len, EVP_MD_CTX *digest)
{
    uint8_t value[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    (void)EVP_DigestFinal_ex(digest, value, &n);
    printf("%s=%zu:", name, len);
    for (unsigned i = 0; i < n; i++)
        printf("%02x", value[i]);
    printf(" ");
}

static bool parse(int argc, char **argv, struct options *options, struct peer *peer)
{
    static const struct option names[] = {
        {"listen", no_argument, NULL, 'l'},       {"connect", required_argument, NULL, 'c'},
        {"cert", required_argument, NULL, 'C'},   {"key", required_argument, NULL, 'k'},
        {"tls12", no_argument, NULL, '2'},        {"cipher", required_argument, NULL, 's'},
        {"record", required_argument, NULL, 'r'}, {"update", no_argument, NULL, 'u'},
        {"vanish", no_argument, NULL, 'v'},       {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        options->server |= option == 'l';
        options->tls12 |= option == '2';
        peer->update |= option == 'u';
        peer->vanish |= option == 'v';
        if (option == 'c')
            options->port = (unsigned)strtoul(optarg, NULL, 10);
        if (option == 'r')
            options->record = (unsigned)strtoul(optarg, NULL, 10);
        if (option == 'C')
            options->cert = optarg;
        if (option == 'k')
            options->key = optarg;
        if (option == 's')
            options->cipher = optarg;
        if (option == '?')
            return false;
    }
    if (optind != argc - 2)
        return false;
    options->weir = strcmp(argv[optind], "weir") == 0;
    peer->total = strtoul(argv[optind + 1], NULL, 10);
    return options->weir || strcmp(argv[optind], "openssl") == 0;
}

int main(int argc, char **argv)
{
    struct options options = {.weir = false};
    struct peer peer = {.alert = 255};

    if (!parse(argc, argv, &options, &peer))
        return 2;
    (void)signal(SIGPIPE, SIG_IGN);
    (void)alarm(SECONDS);
    peer.sent_digest = EVP_MD_CTX_new();
    peer.got_digest = EVP_MD_CTX_new();
    int fd = loopback(&options);
    SSL *ssl = fd >= 0 ? new_ssl(&options) : NULL;
    if (ssl == NULL || EVP_DigestInit_ex(peer.sent_digest, EVP_sha256(), NULL) != 1 ||
        EVP_DigestInit_ex(peer.got_digest, EVP_sha256(), NULL) != 1)
        return 1;
    (options.weir ? peer_run_weir : peer_run_openssl)(&peer, ssl, fd);
    print_digest("sent", peer.sent, peer.sent_digest);
    print_digest("got", peer.got, peer.got_digest);
    printf("updates=%u/%u closed=%d alert=%u\n", peer.updates_out, peer.updates_in, peer.closed,
           peer.alert);
    EVP_MD_CTX_free(peer.sent_digest);
    EVP_MD_CTX_free(peer.got_digest);
    SSL_free(ssl);
    (void)close(fd);
    return 0;
}
