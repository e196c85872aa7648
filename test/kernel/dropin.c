/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The BIO for OpenSSL on the kernel under test: SSL_read, SSL_write and SSL_sendfile over loopback,
 * one end on weir and linux-ktls, the other OpenSSL as it is.
 *
 *     kernel-dropin [PART OF A NAME]
 *
 * Needs the tls module, loopback and a writable /tmp; no privilege.
 */
#include "../dropin/two.h"
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <weir/linux_ktls.h>
#include <weir/posix_exec.h>

#define MB ((size_t)1 << 20)

static const struct kind {
    uint16_t version;
    const char *suite, *name;
} kinds[] = {
    {WEIR_TLS12, "ECDHE-ECDSA-AES128-GCM-SHA256", "TLS 1.2 AES-128-GCM"},
    {WEIR_TLS12, "ECDHE-ECDSA-AES256-GCM-SHA384", "TLS 1.2 AES-256-GCM"},
    {WEIR_TLS12, "ECDHE-ECDSA-CHACHA20-POLY1305", "TLS 1.2 ChaCha20-Poly1305"},
    {WEIR_TLS13, "TLS_AES_128_GCM_SHA256", "TLS 1.3 AES-128-GCM"},
    {WEIR_TLS13, "TLS_AES_256_GCM_SHA384", "TLS 1.3 AES-256-GCM"},
    {WEIR_TLS13, "TLS_CHACHA20_POLY1305_SHA256", "TLS 1.3 ChaCha20-Poly1305"},
};

struct what {
    const struct kind *kind;
    bool server;
};

static struct weir_linux_ktls ktls;
static const struct weir_backend *const backends[] = {&ktls.backend};

/* ---- what this kernel has ---- */

/* Ends of throw-away connections: two_open makes them, too. */
static uint32_t probe(void)
{
    struct weir_linux_ktls_probe p;
    struct weir_refusal why;
    struct two t;
    const struct weir_cmd *cmd = NULL;
    uint32_t features = 0;
    unsigned end = 0;

    two_open(&t, &(struct two_config){.version = WEIR_TLS13, .suite = kinds[3].suite});
    weir_linux_ktls_probe_init(&p);
    while ((cmd = weir_linux_ktls_probe_command(&p, &end)) != NULL) {
        struct weir_done done = weir_posix_command(t.fd[end], cmd);
        weir_linux_ktls_probe_complete(&p, &done);
    }
    if (weir_linux_ktls_probe_result(&p, &features, &why) != WEIR_OK) {
        check_note("no kernel TLS: %s, errno %d", weir_refusal_name(why.code), why.os_error);
    }
    two_close(&t);
    return features;
}

static void open_on_kernel(struct two *t, const struct what *w)
{
    size_t passed = 0;

    two_open(t, &(struct two_config){.version = w->kind->version,
                                     .suite = w->kind->suite,
                                     .server = w->server,
                                     .bio = {.backends = backends, .backend_count = 1}});
    if (!two_shake(t)) {
        ERR_print_errors_fp(stderr);
        FAIL("no handshake");
    }
    const struct weir_refusal *why = weir_openssl_bio_passed(t->bio, WEIR_TX, &passed);
    if (why != NULL) {
        FAIL("the kernel does not send: %s, errno %d", weir_refusal_name(why->code), why->os_error);
    }
    CHECK(weir_openssl_bio_backend(t->bio, WEIR_TX) == &ktls.backend);
    if (w->kind->version == WEIR_TLS13) {
        CHECK(weir_openssl_bio_backend(t->bio, WEIR_RX) == NULL);
        CHECK(weir_openssl_bio_refusal(t->bio, WEIR_RX).code == WEIR_REFUSAL_NO_EXPORT);
    } else {
        CHECK(weir_openssl_bio_backend(t->bio, WEIR_RX) == &ktls.backend);
    }
}

/* ---- cases ---- */

static void both_ways(const void *arg)
{
    const struct what *w = arg;
    struct two t;

    open_on_kernel(&t, w);
    CHECK(two_move(t.ours, t.theirs, MB + 17));
    CHECK(two_move(t.theirs, t.ours, MB + 17));
    CHECK(two_move(t.ours, t.theirs, 1));
    CHECK(w->kind->version == WEIR_TLS12 || t.tickets > 0);
    CHECK(two_end(&t));
    CHECK(weir_tx_counters(weir_openssl_bio_tx(t.bio)).bytes == MB + 18);
    two_close(&t);
}

/* OpenSSL's own call: it asks the BIO for the descriptor and calls sendfile(2). */
static void by_openssl(const void *arg)
{
    struct two t;
    int file = two_file(MB);
    uint64_t all = 0;

    open_on_kernel(&t, arg);
    CHECK_EQ(SSL_get_wfd(t.ours), t.fd[0]);
    for (int turn = 0; turn < 4; turn++) {
        size_t sent = 0;
        while (sent < MB) {
            ossl_ssize_t n = SSL_sendfile(t.ours, file, (off_t)sent, 100000, 0);
            if (n <= 0) {
                CHECK_EQ(SSL_get_error(t.ours, (int)n), SSL_ERROR_WANT_WRITE);
                break;
            }
            sent += (size_t)n;
        }
        CHECK(sent > 0);
        CHECK(two_receive(t.theirs, sent));
        /* What weir sends itself goes on behind it, and what was not told to it is made up for. */
        CHECK(two_move(t.ours, t.theirs, 50000));
        all += sent + 50000;
        CHECK(weir_tx_counters(weir_openssl_bio_tx(t.bio)).records >= all / 16384);
        CHECK(weir_tx_position(weir_openssl_bio_tx(t.bio)).blocks >= all / 16);
    }
    CHECK(two_move(t.theirs, t.ours, 50000));
    CHECK(two_end(&t));
    (void)close(file);
    two_close(&t);
}

static void by_weir(const void *arg)
{
    struct two t;
    int file = two_file(MB);
    size_t sent = 0, wanted = MB;

    open_on_kernel(&t, arg);
    while (sent < wanted) {
        int64_t n = weir_openssl_sendfile(t.ours, file, sent, wanted - sent);
        if (n <= 0) {
            CHECK_EQ(SSL_get_error(t.ours, (int)n), SSL_ERROR_WANT_WRITE);
            break;
        }
        sent += (size_t)n;
    }
    CHECK(sent > 0);
    CHECK(two_receive(t.theirs, sent));
    CHECK_EQ(weir_openssl_sendfile(t.ours, file, MB, 1), 0); /* its end */
    CHECK(two_move(t.ours, t.theirs, 50000));
    CHECK(weir_tx_counters(weir_openssl_bio_tx(t.bio)).bytes == sent + 50000);
    CHECK(two_end(&t));
    (void)close(file);
    two_close(&t);
}

/* A KeyUpdate: the kernel changes its key, or the connection ends and both sides know why. */
static void key_update(const void *arg)
{
    struct two t;

    open_on_kernel(&t, arg);
    CHECK(two_move(t.ours, t.theirs, 50000));
    CHECK_EQ(SSL_key_update(t.ours, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
    int n = SSL_do_handshake(t.ours);
    if ((ktls.features & WEIR_LINUX_KTLS_REKEY) != 0) {
        CHECK_EQ(n, 1);
        CHECK(two_move(t.ours, t.theirs, 50000));
        CHECK_EQ(weir_tx_counters(weir_openssl_bio_tx(t.bio)).rekeys, 1);
    } else {
        CHECK(n < 1);
        CHECK_EQ(SSL_get_error(t.ours, n), SSL_ERROR_SSL);
        CHECK(weir_openssl_bio_refusal(t.bio, WEIR_TX).code == WEIR_REFUSAL_NO_REKEY);
        CHECK_EQ(weir_tx_status(weir_openssl_bio_tx(t.bio)), WEIR_E_REKEY);
        CHECK(!two_receive(t.theirs, 1));
        CHECK_EQ(two_alert(t.theirs), SSL_AD_INTERNAL_ERROR);
        CHECK_EQ(SSL_get_wfd(t.ours), -1); /* nothing can follow by sendfile either */
    }
    two_close(&t);
}

/* A record that does not open: OpenSSL says bad_record_mac, and the peer hears it. */
static void bad_record(const void *arg)
{
    static const uint8_t record[5 + 40] = {23, 3, 3, 0, 40};
    struct two t;
    char byte;

    open_on_kernel(&t, arg);
    CHECK_EQ(send(t.fd[1], record, sizeof record, 0), (long long)sizeof record);
    struct pollfd fd = {.fd = t.fd[0], .events = POLLIN};
    CHECK_EQ(poll(&fd, 1, 2000), 1);
    int n = SSL_read(t.ours, &byte, 1);
    CHECK_EQ(n, -1);
    CHECK_EQ(SSL_get_error(t.ours, n), SSL_ERROR_SSL);
    CHECK(!two_receive(t.theirs, 1));
    CHECK_EQ(two_alert(t.theirs), SSL_AD_BAD_RECORD_MAC);
    two_close(&t);
}

/* The socket of a program that waits in its calls. */
static void waits(const void *arg)
{
    static uint8_t out[MB], in[MB], wanted[MB];
    struct two t;
    size_t got = 0;

    open_on_kernel(&t, arg);
    CHECK_EQ(fcntl(t.fd[0], F_SETFL, 0), 0);
    CHECK_EQ(fcntl(t.fd[1], F_SETFL, 0), 0);
    pid_t other = fork();
    CHECK(other >= 0);
    if (other == 0) { /* sends back what it gets */
        int n = 0;
        while ((n = SSL_read(t.theirs, in, sizeof in)) > 0) {
            if (SSL_write(t.theirs, in, n) != n) {
                _exit(1);
            }
        }
        _exit(0);
    }
    two_fill(out, sizeof out, 0);
    for (size_t at = 0; at < sizeof out; at += MB / 8) {
        CHECK_EQ(SSL_write(t.ours, out + at, MB / 8), MB / 8);
        while (got < at + MB / 8) {
            int n = SSL_read(t.ours, in + got, (int)(sizeof in - got));
            CHECK(n > 0);
            got += (size_t)n;
        }
    }
    two_fill(wanted, sizeof wanted, 0);
    check_bytes("what came back", in, wanted, sizeof in);
    CHECK(SSL_shutdown(t.ours) >= 0);
    two_close(&t);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*body)(const void *arg);
        uint16_t version; /* 0: both */
    } cases[] = {
        {"both ways", both_ways, 0},
        {"SSL_sendfile", by_openssl, 0},
        {"weir_openssl_sendfile", by_weir, 0},
        {"KeyUpdate", key_update, WEIR_TLS13},
        {"bad record", bad_record, WEIR_TLS12},
        {"blocking", waits, 0},
    };

    check_only(argc > 1 ? argv[1] : NULL);
    weir_linux_ktls_init(&ktls, probe() & WEIR_LINUX_KTLS_SAFE);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        for (size_t j = 0; j < sizeof cases / sizeof cases[0]; j++) {
            for (int server = 0; server < 2; server++) {
                const struct what what = {.kind = &kinds[i], .server = server != 0};
                char name[128];
                if (cases[j].version != 0 && cases[j].version != kinds[i].version) {
                    continue;
                }
                /* An emulated processor takes its time: both roles in all cases of one suite. */
                if (server && j > 0 && kinds[i].suite != kinds[0].suite &&
                    kinds[i].suite != kinds[3].suite) {
                    continue;
                }
                (void)snprintf(name, sizeof name, "%s, %s, %s", kinds[i].name,
                               server ? "server" : "client", cases[j].name);
                check_case(name, cases[j].body, &what, 20);
            }
        }
    }
    return check_result();
}
