/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * weir below OpenSSL: a program that calls SSL_read and SSL_write, over weir's BIO.
 */
#include "talk.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <weir/openssl_bio.h>

#define PIECE ((size_t)16384)

static struct bio_way {
    struct way way;
    const struct options *options;
    struct wire *wire;
    SSL *ssl;
    BIO *bio;
    int fd, file;
    uint64_t file_at; /* bytes of what was written that lie in `file` */
    bool ended, wants_write;
    uint64_t updates_seen;
    uint8_t peer_alert;
    int stray;
    uint8_t buf[PIECE];
    char text[256];
} self;

/* ---- a backend that takes nothing, and so sees the keys as they come to weir ---- */

static bool look(const struct weir_backend *backend, const struct weir_keys *keys,
                 enum weir_dir dir, struct weir_refusal *why)
{
    (void)backend;
    if (dir == WEIR_TX)
        wire_keys(self.wire, keys, BIO_number_written(self.bio), WEIR_MAX_PLAINTEXT);
    *why = (struct weir_refusal){.code = WEIR_REFUSAL_NOT_BUILT, .layer = WEIR_LAYER_BACKEND};
    return false;
}

static weir_status never_attach(const struct weir_backend *backend, void *ctx,
                                const struct weir_attach *what, struct weir_refusal *why)
{
    (void)backend;
    (void)ctx;
    (void)what;
    (void)why;
    abort();
}

static void never_detach(const struct weir_backend *backend, void *ctx)
{
    (void)backend;
    (void)ctx;
    abort();
}

static weir_status never_crypt(const struct weir_backend *backend, void *ctx,
                               const struct weir_aead_op *op)
{
    (void)backend;
    (void)ctx;
    (void)op;
    abort();
}

static const struct weir_backend watcher = {
    .abi = WEIR_BACKEND_ABI,
    .form = WEIR_FORM_RECORD,
    .name = "watcher",
    .ctx_size = 1,
    .ctx_align = 1,
    .least_record = 1,
    .supports = look,
    .attach = never_attach,
    .detach = never_detach,
    .seal = never_crypt,
    .open = never_crypt,
};

/* ---- what OpenSSL says ---- */

static void on_message(int sent, int version, int type, const void *data, size_t len, SSL *ssl,
                       void *arg)
{
    const uint8_t *bytes = data;

    (void)version;
    (void)ssl;
    (void)arg;
    if (sent || len < 2)
        return;
    if (type == SSL3_RT_HANDSHAKE && bytes[0] == SSL3_MT_KEY_UPDATE)
        self.updates_seen++;
    if (type == SSL3_RT_ALERT)
        self.peer_alert = bytes[1];
}

/* The status of a call that answered `n`, as weir_conn would have it. */
static weir_status status_of(int n)
{
    unsigned long code = ERR_peek_error();

    self.wants_write = false;
    switch (SSL_get_error(self.ssl, n)) {
    case SSL_ERROR_NONE:
        return WEIR_OK;
    case SSL_ERROR_WANT_READ:
        return WEIR_NEED_INPUT;
    case SSL_ERROR_WANT_WRITE:
        self.wants_write = true;
        return WEIR_NEED_OUTPUT;
    case SSL_ERROR_ZERO_RETURN:
        return WEIR_CLOSED;
    case SSL_ERROR_SYSCALL:
        (void)snprintf(self.text, sizeof self.text, "%s", strerror(errno));
        return WEIR_E_IO;
    default:
        break;
    }
    (void)ERR_error_string_n(code, self.text, sizeof self.text);
    if (ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
        return WEIR_E_TRUNCATED;
    if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) >= SSL_AD_REASON_OFFSET)
        return WEIR_E_PEER_ALERT;
    return WEIR_E_HANDSHAKE;
}

static weir_status handshake(struct way *way)
{
    (void)way;
    ERR_clear_error();
    return status_of(SSL_do_handshake(self.ssl));
}

static weir_status read_some(struct way *way, const uint8_t **data, size_t *got)
{
    (void)way;
    ERR_clear_error();
    int n = SSL_read(self.ssl, self.buf, (int)sizeof self.buf);
    weir_status status = n > 0 ? WEIR_OK : status_of(n);
    *data = self.buf;
    *got = n > 0 ? (size_t)n : 0;
    return status == WEIR_NEED_OUTPUT ? WEIR_NEED_INPUT : status;
}

/* SSL_sendfile asks the BIO whether the kernel encrypts. Here it does not: it must fail, and the
 * tap sees whether one byte went. */
static void try_sendfile(void)
{
    if (self.stray == 0)
        self.stray = (int)SSL_sendfile(self.ssl, self.file, 0, 1000, 0);
    ERR_clear_error();
}

static weir_status write_some(struct way *way, const void *buf, size_t len, size_t *put)
{
    int64_t n;

    (void)way;
    *put = 0;
    if (len == 0)
        return WEIR_OK;
    ERR_clear_error();
    if (self.options->sendfile) {
        /* The same bytes, by way of a file. A piece that was put off lies there already. */
        if (self.file_at == 0) {
            if (pwrite(self.file, buf, len, 0) != (ssize_t)len)
                die("cannot write the file");
            self.file_at = len;
            try_sendfile();
        }
        n = weir_openssl_sendfile(self.ssl, self.file, 0, len);
        if (n > 0)
            self.file_at = 0;
    } else {
        n = SSL_write(self.ssl, buf, (int)len);
    }
    if (n <= 0)
        return status_of((int)n);
    *put = (size_t)n;
    return *put == len ? WEIR_OK : WEIR_NEED_OUTPUT;
}

/* An answer to the peer's KeyUpdate, which OpenSSL would give with the next data. */
static weir_status flush(struct way *way)
{
    int kind = SSL_get_key_update_type(self.ssl);

    (void)way;
    if (kind == SSL_KEY_UPDATE_NONE || self.ended)
        return WEIR_OK;
    ERR_clear_error();
    (void)SSL_key_update(self.ssl, kind);
    return status_of(SSL_do_handshake(self.ssl));
}

static weir_status end(struct way *way)
{
    (void)way;
    if (self.ended)
        return WEIR_OK;
    weir_status status = flush(way);
    if (status != WEIR_OK)
        return status;
    int n = SSL_shutdown(self.ssl);
    if (n < 0)
        return status_of(n);
    self.ended = true;
    (void)shutdown(self.fd, SHUT_WR);
    return WEIR_OK;
}

static weir_status update(struct way *way, bool request)
{
    (void)way;
    ERR_clear_error();
    int n =
        SSL_key_update(self.ssl, request ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED);
    if (n != 1)
        return WEIR_E_MISUSE;
    /* What does not go now goes before the next data. */
    weir_status status = status_of(SSL_do_handshake(self.ssl));
    return status == WEIR_NEED_OUTPUT || status == WEIR_NEED_INPUT ? WEIR_OK : status;
}

static short events(struct way *way)
{
    (void)way;
    return (short)(POLLIN | (self.wants_write ? POLLOUT : 0));
}

static const char *explain(struct way *way, weir_status status)
{
    (void)way;
    return self.text[0] != '\0' ? self.text : weir_status_text(status);
}

static void report(struct way *way, struct outcome *out)
{
    const struct weir_backend *tx = weir_openssl_bio_backend(self.bio, WEIR_TX);
    const struct weir_backend *rx = weir_openssl_bio_backend(self.bio, WEIR_RX);

    (void)way;
    if (tx != NULL) {
        out->tx_rekeys = weir_tx_counters(weir_openssl_bio_tx(self.bio)).rekeys;
        out->backend = tx->name;
    }
    if (rx != NULL)
        out->rx_backend = rx->name;
    out->rx_refusal = weir_refusal_name(weir_openssl_bio_refusal(self.bio, WEIR_RX).code);
    out->rx_rekeys = self.updates_seen;
    out->peer_alert = self.peer_alert;
    out->stray = self.stray;
}

static int scratch_file(void)
{
    char name[] = "/tmp/weir-interop-XXXXXX";
    int fd = mkstemp(name);

    if (fd < 0)
        die("cannot make a file");
    (void)unlink(name);
    return fd;
}

struct way *way_of_bio(const struct options *options, int fd, struct wire *wire)
{
    static const struct weir_backend *const backends[] = {&watcher};

    if (self.file > 0)
        (void)close(self.file);
    self = (struct bio_way){
        .way = {.handshake = handshake,
                .read = read_some,
                .write = write_some,
                .flush = flush,
                .close = end,
                .update = update,
                .events = events,
                .explain = explain,
                .report = report},
        .options = options,
        .wire = wire,
        .ssl = openssl_begin(),
        .fd = fd,
        .file = scratch_file(),
        .peer_alert = WEIR_ALERT_NONE,
    };
    self.bio = weir_openssl_bio_new(
        fd, &(struct weir_openssl_bio_config){
                .ssl = self.ssl, .aead = options->aead, .backends = backends, .backend_count = 1});
    if (self.bio == NULL)
        die("weir_openssl_bio_new failed");
    SSL_set_bio(self.ssl, self.bio, self.bio);
    (void)SSL_set_options(self.ssl, SSL_OP_ENABLE_KTLS);
    (void)SSL_set_mode(self.ssl, SSL_MODE_ENABLE_PARTIAL_WRITE);
    SSL_set_msg_callback(self.ssl, on_message);
    return &self.way;
}
