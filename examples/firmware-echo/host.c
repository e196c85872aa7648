/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shakes hands in the image's name, gives it the keys, and from then on only passes bytes on.
 *
 *     host --listen PORT --cert FILE --key FILE [--tls12] [--record BYTES] LINE
 *     host --connect PORT [--ca FILE] [--tls12] [--record BYTES] LINE
 *
 * LINE is QEMU's UNIX socket, a serial device, or a directory with the pipes to-image and
 * from-image. With --listen the image's end is the server of one connection to 127.0.0.1, otherwise
 * the client of one, whose server must have a certificate for localhost that --ca signs, or else
 * one of the system's roots: it is the host that says whom the image talks to. Prints what the
 * image had to say; ends with 0 when both ends closed as they should.
 */
#include "host.h"
#include "provision.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <weir/openssl.h>

#define SECONDS 30

struct options {
    bool server, tls12;
    unsigned port, record;
    const char *cert, *key, *ca, *line;
};

/* What is known of the connection while its keys are on their way. */
struct handover {
    struct provision keys;
    uint8_t early[WEIR_MAX_RECORD]; /* read off the socket, and beyond the handshake */
    size_t early_len;
};

static int loopback(const struct options *options)
{
    struct sockaddr_in name = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)options->port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof name;
    int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

    if (!options->server)
        return connect(fd, (struct sockaddr *)&name, len) == 0 ? fd : -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&name, len) != 0 || listen(fd, 1) != 0 ||
        getsockname(fd, (struct sockaddr *)&name, &len) != 0)
        return -1;
    printf("port %u\n", ntohs(name.sin_port));
    (void)fflush(stdout);
    int peer = accept(fd, NULL, NULL);
    (void)close(fd);
    return peer;
}

/* Keys that are shared with nobody knows whom protect nothing: a client asks who its server is. */
static bool verify(SSL_CTX *ctx, const struct options *options)
{
    if (options->server)
        return true;
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    return options->ca == NULL ? SSL_CTX_set_default_verify_paths(ctx) == 1
                               : SSL_CTX_load_verify_locations(ctx, options->ca, NULL) == 1;
}

static SSL *new_ssl(const struct options *options)
{
    SSL_CTX *ctx = SSL_CTX_new(options->server ? TLS_server_method() : TLS_client_method());
    SSL *ssl = NULL;

    if (ctx != NULL && verify(ctx, options) &&
        SSL_CTX_set_max_proto_version(ctx, options->tls12 ? TLS1_2_VERSION : TLS1_3_VERSION) == 1 &&
        (options->cert == NULL ||
         (SSL_CTX_use_certificate_file(ctx, options->cert, SSL_FILETYPE_PEM) == 1 &&
          SSL_CTX_use_PrivateKey_file(ctx, options->key, SSL_FILETYPE_PEM) == 1)))
        ssl = SSL_new(ctx);
    SSL_CTX_free(ctx);
    if (ssl == NULL || (!options->server && SSL_set1_host(ssl, "localhost") != 1)) {
        SSL_free(ssl);
        return NULL;
    }
    /* 512, 1024, 2048 and 4096 have the numbers 1 to 4 (RFC 6066 section 4). */
    for (uint8_t mode = 1; mode <= 4; mode++) {
        if (options->record == 256u << mode)
            (void)SSL_set_tlsext_max_fragment_length(ssl, mode);
    }
    if (options->server)
        SSL_set_accept_state(ssl);
    else
        SSL_set_connect_state(ssl);
    return ssl;
}

static bool send_output(struct weir_handshake *hs, int fd)
{
    const uint8_t *data = NULL;
    size_t len = 0;

    for (hs->output(hs, &data, &len); len > 0; hs->output(hs, &data, &len)) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        hs->output_taken(hs, (size_t)n);
    }
    return true;
}

/* Drives the handshake to its end; what the peer sent beyond it stays in to->early. */
static bool shake_hands(struct weir_handshake *hs, int fd, struct handover *to)
{
    for (;;) {
        size_t consumed = 0;
        weir_status status = hs->drive(hs, to->early, to->early_len, &consumed);
        to->early_len -= consumed;
        memmove(to->early, to->early + consumed, to->early_len);
        if (!send_output(hs, fd))
            return false;
        if (status != WEIR_NEED_INPUT)
            return status == WEIR_OK;
        ssize_t n = recv(fd, to->early + to->early_len, sizeof to->early - to->early_len, 0);
        if (n <= 0)
            return false;
        to->early_len += (size_t)n;
    }
}

/* The handshake, and the keys out of it. OpenSSL has no path to the socket after this. */
static bool make_connection(const struct options *options, SSL *ssl, int fd, struct handover *to)
{
    struct weir_refusal why = {.code = WEIR_REFUSAL_NONE};
    struct weir_handshake *hs = weir_openssl_handshake(ssl, &why);

    if (hs == NULL)
        return false;
    bool done = shake_hands(hs, fd, to);
    if (!done)
        (void)fprintf(stderr, "no handshake: %s\n", hs->error(hs));
    if (done && hs->take_keys(hs, &to->keys.tx, &to->keys.rx, &why) != WEIR_OK) {
        (void)fprintf(stderr, "no keys: %s\n", weir_refusal_text(why.code));
        done = false;
    }
    to->keys.server = options->server;
    to->keys.tx_limit = WEIR_MAX_PLAINTEXT;
    to->keys.rx_limit = WEIR_MAX_PLAINTEXT;
    if (done && hs->record_limit != NULL) {
        to->keys.tx_limit = (uint16_t)hs->record_limit(hs, WEIR_TX);
        to->keys.rx_limit = (uint16_t)hs->record_limit(hs, WEIR_RX);
    }
    hs->release(hs);
    return done;
}

/* Gives the keys to the image, and keeps none: a nonce has one owner. */
static bool provide(const struct line *line, struct handover *to)
{
    uint8_t message[PROVISION_LEN], answer[LINK_ANSWER_LEN];

    printf("%s to the image: suite %s, records up to %u bytes\n",
           to->keys.server ? "server" : "client", weir_suite_name(to->keys.tx.suite),
           to->keys.rx_limit);
    bool sent = provision_encode(&to->keys, &weir_kdf_openssl, message) && line_begin(line) &&
                line_write(line, LINK_KEYS, message, sizeof message);
    weir_wipe(&to->keys, sizeof to->keys);
    weir_wipe(message, sizeof message);
    if (!sent || !line_read(line, LINK_ANSWER, answer, sizeof answer, SECONDS)) {
        (void)fprintf(stderr, "the image does not answer\n");
        return false;
    }
    if (answer[0] != 0)
        printf("refused by the image: %s %s\n", weir_status_name((weir_status)(int8_t)answer[0]),
               weir_refusal_name((weir_refusal_code)answer[1]));
    return answer[0] == 0;
}

static bool run(const struct options *options, const struct line *line, int fd, SSL *ssl)
{
    static struct handover to;
    struct line_report report;

    if (!make_connection(options, ssl, fd, &to) || !provide(line, &to))
        return false;
    (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    if (!line_forward(line, fd, to.early, to.early_len, SECONDS, &report)) {
        (void)fprintf(stderr, "the line is silent or out of step\n");
        return false;
    }
    printf("image: status %s, alert %u, sent %llu bytes, key updates %u sent %u received, "
           "stack %u bytes\n",
           weir_status_name((weir_status)report.status), report.alert, report.sent,
           report.tx_updates, report.rx_updates, report.stack);
    return report.status == WEIR_CLOSED;
}

static bool parse(int argc, char **argv, struct options *options)
{
    static const struct option names[] = {
        {"listen", required_argument, NULL, 'l'}, {"connect", required_argument, NULL, 'c'},
        {"cert", required_argument, NULL, 'C'},   {"key", required_argument, NULL, 'k'},
        {"ca", required_argument, NULL, 'a'},     {"tls12", no_argument, NULL, '2'},
        {"record", required_argument, NULL, 'r'}, {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (option) {
        case 'l':
        case 'c':
            options->server = option == 'l';
            options->port = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'C':
            options->cert = optarg;
            break;
        case 'k':
            options->key = optarg;
            break;
        case 'a':
            options->ca = optarg;
            break;
        case '2':
            options->tls12 = true;
            break;
        case 'r':
            options->record = (unsigned)strtoul(optarg, NULL, 10);
            break;
        default:
            return false;
        }
    }
    options->line = argv[optind];
    return optind == argc - 1 && (options->cert == NULL) == (options->key == NULL);
}

int main(int argc, char **argv)
{
    struct options options = {.server = false};

    if (!parse(argc, argv, &options)) {
        (void)fprintf(
            stderr,
            "usage: %s [--listen PORT --cert FILE --key FILE | --connect PORT [--ca FILE]]"
            " [--tls12] [--record BYTES] LINE\n",
            argv[0]);
        return 2;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    struct line line = {-1, -1};
    int fd = line_open(&line, options.line) ? loopback(&options) : -1;
    SSL *ssl = fd >= 0 ? new_ssl(&options) : NULL;
    bool good = ssl != NULL && run(&options, &line, fd, ssl);
    SSL_free(ssl);
    if (fd >= 0)
        (void)close(fd);
    line_close(&line);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
