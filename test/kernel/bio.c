/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A program that keeps to SSL_read, SSL_write and SSL_sendfile, with weir's BIO below and the
 * kernel's TLS below that, opposite OpenSSL in user space.
 */
#include "check.h"
#include "end.h"
#include "raw.h"

#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <weir/openssl_bio.h>

enum { BYTES = 700001 };

enum way { BY_WRITE, BY_SSL_SENDFILE, BY_WEIR_SENDFILE };

struct scene {
    const struct tls_suite *suite;
    bool server, kernel;
    enum way way;
};

struct side {
    struct weir_linux_ktls ktls;
    const struct weir_backend *backend;
    SSL_CTX *ctx;
    SSL *ssl;
    BIO *bio;
    int fd, go, file;
};

static void connected(struct side *s, const struct scene *scene, struct peer *peer)
{
    int fd[2], go[2];
    raw_pair(fd);
    CHECK(pipe(go) == 0);
    s->fd = fd[0];
    s->go = go[1];
    peer->fd = fd[1];
    peer->go = go[0];
    check_start(peer_run, peer, fd[0]);
    close(fd[1]);
    close(go[0]);
    s->ctx = tls_context(scene->suite, scene->server);
    s->ssl = SSL_new(s->ctx);
    if (s->ssl == NULL) {
        tls_fail("SSL_new");
    }
    weir_linux_ktls_init(&s->ktls, end_features & WEIR_LINUX_KTLS_SAFE);
    s->backend = &s->ktls.backend;
    struct weir_openssl_bio_config config = {
        .ssl = s->ssl, .backends = &s->backend, .backend_count = scene->kernel ? 1 : 0};
    s->bio = weir_openssl_bio_new(s->fd, &config);
    CHECK(s->bio != NULL);
    SSL_set_bio(s->ssl, s->bio, s->bio);
    SSL_set_options(s->ssl, SSL_OP_ENABLE_KTLS);
    if ((scene->server ? SSL_accept(s->ssl) : SSL_connect(s->ssl)) != 1) {
        tls_fail("handshake");
    }
}

/* Who has the directions: OpenSSL 3.0 keeps receiving in TLS 1.3 to itself, and says so. */
static void placed(const struct side *s, const struct scene *scene)
{
    const struct weir_backend *tx = weir_openssl_bio_backend(s->bio, WEIR_TX);
    const struct weir_backend *rx = weir_openssl_bio_backend(s->bio, WEIR_RX);
    CHECK(tx != NULL && (tx == s->backend) == scene->kernel);
    CHECK_EQ(BIO_get_ktls_send(s->bio), 1);
    CHECK((SSL_get_fd(s->ssl) == s->fd) == scene->kernel);
    if (scene->suite->version == TLS1_3_VERSION) {
        CHECK(rx == NULL);
        CHECK_EQ(weir_openssl_bio_refusal(s->bio, WEIR_RX).code, WEIR_REFUSAL_NO_EXPORT);
    } else {
        CHECK(rx != NULL && (rx == s->backend) == scene->kernel);
    }
    if (scene->kernel) {
        struct raw_key told = {.suite = &raw_suites[scene->suite - tls_suites]};
        CHECK_ERR(raw_get_key(s->fd, TLS_TX, &told), 0);
    }
}

static void send_all(struct side *s, enum way way)
{
    static uint8_t buf[BYTES];
    check_fill(buf, sizeof buf, 0, FROM_WEIR);
    s->file = memfd_create("data", 0);
    CHECK(write(s->file, buf, sizeof buf) == BYTES);
    for (size_t done = 0; done < BYTES;) {
        size_t left = BYTES - done;
        int64_t n = way == BY_WRITE          ? SSL_write(s->ssl, buf + done, (int)left)
                    : way == BY_SSL_SENDFILE ? SSL_sendfile(s->ssl, s->file, (off_t)done, left, 0)
                                             : weir_openssl_sendfile(s->ssl, s->file, done, left);
        if (n <= 0) {
            tls_fail(way == BY_WRITE ? "SSL_write" : "sendfile");
        }
        done += (size_t)n;
    }
}

static void read_all(struct side *s)
{
    static uint8_t buf[50000];
    size_t got = 0;
    int n = 0;
    while ((n = SSL_read(s->ssl, buf, sizeof buf)) > 0) {
        CHECK_EQ(check_differs(buf, (size_t)n, got, FROM_PEER), n);
        got += (size_t)n;
    }
    if (SSL_get_error(s->ssl, n) != SSL_ERROR_ZERO_RETURN) {
        tls_fail("SSL_read");
    }
    CHECK_EQ(got, BYTES);
}

static void play(const void *arg)
{
    static struct side s;
    const struct scene *scene = arg;
    struct peer peer = {
        .suite = scene->suite, .server = !scene->server, .send = BYTES, .expect = BYTES};
    connected(&s, scene, &peer);
    placed(&s, scene);
    CHECK_EQ(write(s.go, "", 1), 1);
    send_all(&s, scene->way);
    CHECK(SSL_shutdown(s.ssl) >= 0);
    read_all(&s);
    check_join();
    placed(&s, scene);
    CHECK(scene->way == BY_SSL_SENDFILE ||
          weir_tx_counters(weir_openssl_bio_tx(s.bio)).bytes == BYTES);
    SSL_free(s.ssl);
    SSL_CTX_free(s.ctx);
}

/* Where weir makes the records, SSL_sendfile must not write the file as it is: it writes nothing.
 */
static void refused(const void *arg)
{
    static struct side s;
    const struct scene *scene = arg;
    struct peer peer = {.suite = scene->suite, .server = !scene->server};
    connected(&s, scene, &peer);
    CHECK_EQ(write(s.go, "", 1), 1);
    s.file = memfd_create("data", 0);
    CHECK(write(s.file, "not to be seen", 14) == 14);
    CHECK(SSL_sendfile(s.ssl, s.file, 0, 14, 0) < 0);
    ERR_clear_error();
    /* The peer would fail on anything that is no record, and on any data at all. */
    CHECK(SSL_shutdown(s.ssl) >= 0);
    check_join();
}

int main(int argc, char **argv)
{
    static const char *const ways[] = {"SSL_write", "SSL_sendfile", "weir_openssl_sendfile"};
    check_only(argc > 1 ? argv[1] : NULL);
    end_probe();
    tls_certificate();
    for (int i = 0; i < TLS_SUITES; i++) {
        for (int server = 0; server < 2; server++) {
            for (int way = BY_WRITE; way <= BY_WEIR_SENDFILE; way++) {
                char name[160];
                struct scene scene = {&tls_suites[i], server, true, (enum way)way};
                snprintf(name, sizeof name, "%s, %s, %s below SSL", ways[way], scene.suite->name,
                         server ? "server" : "client");
                check_case(name, play, &scene, 40);
            }
        }
    }
    for (int i = 0; i < TLS_SUITES; i += 3) {
        char name[160];
        struct scene scene = {&tls_suites[i], false, false, BY_SSL_SENDFILE};
        snprintf(name, sizeof name, "SSL_sendfile over software, %s", scene.suite->name);
        check_case(name, refused, &scene, 40);
    }
    return check_result();
}
