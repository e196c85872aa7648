/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections over the BIO in software: data, sockets that take little, files, memory.
 */
#include "stubs.h"
#include "two.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <weir/linux_ktls.h>

static const struct two_config kinds[] = {
    {.version = WEIR_TLS12, .suite = "ECDHE-ECDSA-AES128-GCM-SHA256"},
    {.version = WEIR_TLS12, .suite = "ECDHE-ECDSA-AES256-GCM-SHA384"},
    {.version = WEIR_TLS12, .suite = "ECDHE-ECDSA-CHACHA20-POLY1305"},
    {.version = WEIR_TLS13, .suite = "TLS_AES_128_GCM_SHA256"},
    {.version = WEIR_TLS13, .suite = "TLS_AES_256_GCM_SHA384"},
    {.version = WEIR_TLS13, .suite = "TLS_CHACHA20_POLY1305_SHA256"},
};
#define KINDS (sizeof kinds / sizeof *kinds)
#define TLS12 (&kinds[0])
#define TLS13 (&kinds[3])

static void open_shaken(struct two *t, const struct two_config *config)
{
    two_open(t, config);
    cr_assert(two_shake(t));
    cr_assert_str_eq(weir_openssl_bio_backend(t->bio, WEIR_TX)->name, "soft");
    cr_assert_eq(weir_openssl_bio_refusal(t->bio, WEIR_TX).code, WEIR_REFUSAL_NONE);
    cr_assert_not(stubs.keys_left);
}

Test(dropin_carried, every_suite_both_roles)
{
    for (size_t i = 0; i < 2 * KINDS; i++) {
        struct two_config config = kinds[i / 2];
        struct two t;

        config.server = i % 2 == 1;
        open_shaken(&t, &config);
        cr_assert(two_move(t.ours, t.theirs, 300000));
        cr_assert(two_move(t.theirs, t.ours, 300000));
        cr_assert(two_move(t.ours, t.theirs, 1));
        struct weir_counters sent = weir_tx_counters(weir_openssl_bio_tx(t.bio));
        cr_assert_eq(sent.bytes, 300001);
        if (config.version == WEIR_TLS12) {
            cr_assert_eq(weir_rx_counters(weir_openssl_bio_rx(t.bio)).bytes, 300000);
        } else {
            cr_assert_gt(t.tickets, 0);
        }
        cr_assert(two_end(&t));
        two_close(&t);
    }
}

/* Sockets that take a few bytes, or none every other time, from the handshake on. */
Test(dropin_carried, sockets_that_take_little, .timeout = 60)
{
    static const size_t most[] = {0, 1, 5, 17, 1000, 16384};

    for (unsigned again = 0; again < 4; again += again == 0 ? 2 : 1) {
        for (size_t i = 0; i < sizeof most / sizeof *most; i++) {
            for (size_t k = 0; k < KINDS; k += 3) {
                struct two_config config = kinds[k];
                struct two t;
                size_t len = most[i] == 0 || most[i] > 100 ? 100000 : 3000;

                config.server = i % 2 == 1;
                two_open(&t, &config);
                stubs.fd = t.fd[0];
                stubs.send_most = most[i];
                stubs.send_again = again;
                cr_assert(two_shake(&t), "%u %zu %zu", again, i, k);
                cr_assert(two_move(t.ours, t.theirs, len), "%u %zu %zu", again, i, k);
                cr_assert(two_move(t.theirs, t.ours, len));
                if (config.version == WEIR_TLS13) {
                    cr_assert_eq(SSL_key_update(t.ours, SSL_KEY_UPDATE_REQUESTED), 1);
                    cr_assert(two_move(t.ours, t.theirs, len));
                    cr_assert(two_move(t.theirs, t.ours, len));
                    cr_assert_eq(weir_tx_counters(weir_openssl_bio_tx(t.bio)).rekeys, 1);
                }
                stubs = (struct stubs){0};
                cr_assert(two_end(&t));
                two_close(&t);
            }
        }
    }
}

/* What was put off must come again as it was: anything else is the end, with nothing sent of it. */
Test(dropin_carried, another_write_in_between)
{
    struct two t;
    char byte;

    for (size_t k = 0; k < KINDS; k += 3) {
        open_shaken(&t, &kinds[k]);
        stubs.fd = t.fd[0];
        stubs.send_again = 1;
        cr_assert_eq(BIO_write(t.bio, "weir", 4), -1);
        cr_assert(BIO_should_write(t.bio));
        cr_assert_eq(BIO_wpending(t.bio) > 0, 1);
        cr_assert_eq(BIO_flush(t.bio), -1);
        cr_assert(BIO_should_write(t.bio));
        stubs = (struct stubs){0};
        cr_assert_eq(BIO_write(t.bio, "other", 5), -1);
        cr_assert_not(BIO_should_retry(t.bio));
        cr_assert_eq(weir_tx_status(weir_openssl_bio_tx(t.bio)), WEIR_E_MISUSE);
        cr_assert_eq(BIO_write(t.bio, "weir", 4), -1);
        cr_assert_eq(BIO_wpending(t.bio), 0);
        ERR_clear_error();
        cr_assert_eq(SSL_read(t.theirs, &byte, 1), -1);
        cr_assert_eq(SSL_get_error(t.theirs, -1), SSL_ERROR_WANT_READ);
        two_close(&t);
        ERR_clear_error();
    }
}

/* A flush between the two attempts sends the record; the second attempt must not send it again. */
Test(dropin_carried, a_flush_in_between)
{
    struct two t;
    char got[16];

    open_shaken(&t, TLS13);
    stubs.fd = t.fd[0];
    stubs.send_again = 1;
    cr_assert_eq(BIO_write(t.bio, "weir", 4), -1);
    stubs = (struct stubs){0};
    uint64_t seq = weir_tx_position(weir_openssl_bio_tx(t.bio)).seq;
    cr_assert_eq(BIO_flush(t.bio), 1);
    cr_assert_eq(BIO_write(t.bio, "weir", 4), 4);
    cr_assert_eq(weir_tx_position(weir_openssl_bio_tx(t.bio)).seq, seq);
    cr_assert_eq(BIO_write(t.bio, "!", 1), 1);
    cr_assert_eq(SSL_read(t.theirs, got, sizeof got), 4);
    cr_assert_eq(SSL_read(t.theirs, got, sizeof got), 1);
    two_close(&t);
}

/* One BIO to read and another to write, and a filter on top of that. */
Test(dropin_carried, in_a_chain)
{
    for (size_t k = 0; k < KINDS; k += 3) {
        struct two t;

        two_open(&t, &kinds[k]);
        BIO *writes =
            weir_openssl_bio_new(t.fd[0], &(struct weir_openssl_bio_config){.ssl = t.ours});
        BIO *filter = BIO_new(BIO_f_buffer());
        cr_assert(writes != NULL && filter != NULL);
        SSL_set0_wbio(t.ours, BIO_push(filter, writes));
        cr_assert(two_shake(&t));
        cr_assert_eq(weir_openssl_bio_fd(SSL_get_wbio(t.ours)), t.fd[0]);
        cr_assert_not_null(weir_openssl_bio_backend(filter, WEIR_TX));
        cr_assert_null(weir_openssl_bio_backend(t.bio, WEIR_TX));
        cr_assert_eq(weir_openssl_bio_backend(t.bio, WEIR_RX) != NULL, k == 0);
        uint8_t out[100];
        two_fill(out, sizeof out, 0);
        cr_assert_eq(SSL_write(t.ours, out, sizeof out), (int)sizeof out);
        cr_assert_eq(BIO_flush(filter), 1);
        cr_assert(two_receive(t.theirs, sizeof out));
        cr_assert(two_move(t.theirs, t.ours, 50000));
        two_close(&t);
    }
}

/* More than a record of data goes in pieces; of anything else it is a misuse. */
Test(dropin_carried, longer_than_a_record)
{
    static char much[20000];
    struct two t;

    open_shaken(&t, TLS12);
    cr_assert_eq(BIO_write(t.bio, much, sizeof much), 16384);
    (void)BIO_ctrl(t.bio, 74, WEIR_TYPE_ALERT, NULL);
    cr_assert_eq(BIO_write(t.bio, much, sizeof much), -1);
    cr_assert_eq(weir_tx_status(weir_openssl_bio_tx(t.bio)), WEIR_E_MISUSE);
    two_close(&t);
}

/* ---- files ---- */

/* Nothing at all has come since. */
static void nothing_came(const struct two *t)
{
    struct pollfd fd = {.fd = t->fd[1], .events = POLLIN};

    cr_assert_eq(poll(&fd, 1, 100), 0);
}

/* OpenSSL's own call must fail, and not one byte of the file may go anywhere. */
Test(dropin_files, by_openssl_over_software)
{
    for (size_t i = 0; i < 2 * KINDS; i++) {
        struct two_config config = kinds[i / 2];
        struct two t;
        int file = two_file(50000);

        config.server = i % 2 == 1;
        open_shaken(&t, &config);
        cr_assert(two_move(t.ours, t.theirs, 10)); /* takes the tickets, too */
        stubs.sendfiles = 0;
        cr_assert_eq(SSL_sendfile(t.ours, file, 0, 50000, 0), -1);
        cr_assert_eq(stubs.sendfiles, 1); /* it was OpenSSL's to call */
        cr_assert_eq(stubs.sendfile_to, -1);
        nothing_came(&t);
        cr_assert(BIO_get_ktls_send(t.bio));
        cr_assert_eq(SSL_get_fd(t.ours), -1);
        cr_assert_eq(SSL_get_wfd(t.ours), -1);
        cr_assert_eq(SSL_get_rfd(t.ours), -1);
        cr_assert_eq(weir_openssl_bio_fd(t.bio), t.fd[0]);
        ERR_clear_error();
        cr_assert(two_move(t.ours, t.theirs, 20000)); /* and the connection goes on */
        cr_assert(two_end(&t));
        (void)close(file);
        two_close(&t);
    }
}

static void send_file(struct two *t, int file, size_t len)
{
    size_t sent = 0;

    for (int i = 0; i < 10000 && sent < len; i++) {
        int64_t n = weir_openssl_sendfile(t->ours, file, sent, len - sent);
        if (n < 0)
            cr_assert_eq(SSL_get_error(t->ours, -1), SSL_ERROR_WANT_WRITE);
        if (n > 0)
            sent += (size_t)n;
    }
}

Test(dropin_files, by_weir)
{
    for (size_t i = 0; i < KINDS; i++) {
        struct two t;
        int file = two_file(50000);

        open_shaken(&t, &kinds[i]);
        stubs.fd = t.fd[0];
        stubs.send_again = (unsigned)(i == 0 ? 0 : i + 1);
        stubs.send_most = 7000;
        send_file(&t, file, 50000);
        stubs = (struct stubs){0};
        cr_assert(two_receive(t.theirs, 50000));
        cr_assert_eq(weir_openssl_sendfile(t.ours, file, 50000, 10), 0);
        cr_assert_eq(weir_openssl_sendfile(t.ours, file, 0, 0), 0);
        cr_assert(two_end(&t));
        (void)close(file);
        two_close(&t);
    }
}

/* A directory, a descriptor that is none, an offset beyond all: the connection goes on. */
Test(dropin_files, that_cannot_be_read)
{
    struct two t;
    int directory = open("/tmp", O_RDONLY);

    open_shaken(&t, TLS13);
    errno = 0;
    cr_assert_eq(weir_openssl_sendfile(t.ours, directory, 0, 10), -1);
    cr_assert_eq(errno, EISDIR);
    cr_assert_eq(SSL_get_error(t.ours, -1), SSL_ERROR_SYSCALL);
    cr_assert_eq(weir_openssl_sendfile(t.ours, -1, 0, 10), -1);
    cr_assert_eq(errno, EBADF);
    cr_assert_eq(weir_openssl_sendfile(t.ours, directory, UINT64_MAX, 10), -1);
    cr_assert(two_move(t.ours, t.theirs, 1000));
    (void)close(directory);
    two_close(&t);
}

/* A piece that was put off stays where it is until it is gone. */
Test(dropin_files, another_file_in_between)
{
    struct two t;
    int file = two_file(1000);

    open_shaken(&t, TLS12);
    stubs.fd = t.fd[0];
    stubs.send_again = 1;
    cr_assert_eq(weir_openssl_sendfile(t.ours, file, 0, 1000), -1);
    cr_assert_eq(SSL_get_error(t.ours, -1), SSL_ERROR_WANT_WRITE);
    stubs = (struct stubs){0};
    cr_assert_eq(weir_openssl_sendfile(t.ours, file, 1, 1000), -1);
    cr_assert_eq(weir_openssl_sendfile(t.ours, file + 1, 0, 1000), -1);
    cr_assert_eq(weir_openssl_sendfile(t.ours, file, 0, 999), -1);
    ERR_clear_error();
    /* What was sealed goes, even if the file is another by now. */
    cr_assert_eq(pwrite(file, "other", 5, 0), 5);
    cr_assert_eq(weir_openssl_sendfile(t.ours, file, 0, 1000), 1000);
    cr_assert(two_receive(t.theirs, 1000));
    (void)close(file);
    two_close(&t);
}

/* ---- backends of the configuration ---- */

static struct weir_keys seen;

/* Takes nothing, and keeps what it is shown. */
static bool look(const struct weir_backend *backend, const struct weir_keys *keys,
                 enum weir_dir dir, struct weir_refusal *why)
{
    (void)backend;
    if (dir == WEIR_TX)
        seen = *keys;
    *why = (struct weir_refusal){
        .code = WEIR_REFUSAL_RESOURCES, .layer = WEIR_LAYER_BACKEND, .os_error = 12};
    return false;
}

static weir_status no_attach(const struct weir_backend *backend, void *ctx,
                             const struct weir_attach *what, struct weir_refusal *why)
{
    (void)backend;
    (void)ctx;
    (void)what;
    (void)why;
    return WEIR_REFUSED;
}

static void no_detach(const struct weir_backend *backend, void *ctx)
{
    (void)backend;
    (void)ctx;
}

static weir_status no_crypt(const struct weir_backend *backend, void *ctx,
                            const struct weir_aead_op *op)
{
    (void)backend;
    (void)ctx;
    (void)op;
    return WEIR_E_BACKEND;
}

static const struct weir_backend watcher = {
    .abi = WEIR_BACKEND_ABI,
    .form = WEIR_FORM_RECORD,
    .name = "watcher",
    .ctx_size = 64,
    .ctx_align = 64,
    .supports = look,
    .attach = no_attach,
    .detach = no_detach,
    .seal = no_crypt,
    .open = no_crypt,
};

Test(dropin_carried, backends_that_take_nothing)
{
    struct weir_linux_ktls none;
    struct weir_backend old = watcher;
    const struct weir_backend *backends[] = {&watcher, &old, &watcher};
    struct two_config config = *TLS12;
    struct two t;

    old.abi++;
    weir_linux_ktls_init(&none, 0);
    config.bio.backends = backends;
    config.bio.backend_count = 3;
    open_shaken(&t, &config);
    for (int dir = 0; dir < 2; dir++) {
        size_t count = 0;
        const struct weir_refusal *passed =
            weir_openssl_bio_passed(t.bio, (enum weir_dir)dir, &count);
        cr_assert_eq(count, 3);
        cr_assert_eq(passed[0].code, WEIR_REFUSAL_RESOURCES);
        cr_assert_eq(passed[0].os_error, 12);
        cr_assert_eq(passed[1].code, WEIR_REFUSAL_ABI);
        cr_assert_eq(passed[2].code, WEIR_REFUSAL_RESOURCES);
    }
    cr_assert(two_move(t.ours, t.theirs, 50000));
    cr_assert(two_move(t.theirs, t.ours, 50000));
    two_close(&t);
}

/* A kernel that has no TLS, by system calls that are made: software carries on. */
Test(dropin_carried, a_kernel_that_cannot)
{
    struct weir_linux_ktls ktls;
    const struct weir_backend *backends[] = {&ktls.backend};
    struct two_config config = *TLS13;
    struct two t;
    size_t count = 0;

    weir_linux_ktls_init(&ktls, 0);
    config.bio.backends = backends;
    config.bio.backend_count = 1;
    two_open(&t, &config);
    cr_assert(two_shake(&t));
    const struct weir_refusal *passed = weir_openssl_bio_passed(t.bio, WEIR_TX, &count);
    if (passed == NULL) {
        cr_assert_eq(weir_openssl_bio_backend(t.bio, WEIR_TX), &ktls.backend);
    } else {
        cr_assert_eq(count, 1);
        cr_assert_eq(passed[0].layer, WEIR_LAYER_OS);
        cr_assert_neq(passed[0].os_error, 0);
        cr_assert_eq(SSL_get_wfd(t.ours), -1);
    }
    cr_assert(two_move(t.ours, t.theirs, 50000));
    two_close(&t);
}

/* ---- memory ---- */

static void nothing_left(const struct two_config *kind, const uint8_t *bytes, size_t len)
{
    const struct weir_backend *const backends[] = {&watcher};
    struct two_config config = *kind;
    struct two t;

    config.bio.backends = backends;
    config.bio.backend_count = 1;
    open_shaken(&t, &config);
    cr_assert(two_move(t.ours, t.theirs, 1000));
    /* The BIO goes last: what OpenSSL itself leaves is not looked at. */
    cr_assert_eq(BIO_up_ref(t.bio), 1);
    SSL_free(t.ours);
    t.ours = NULL;
    stubs.secret_len = len;
    stubs.secret = bytes;
    BIO_free(t.bio);
    stubs.secret = NULL;
    cr_assert_gt(stubs.freed, 2);
    cr_assert_eq(stubs.leaks, 0);
    two_close(&t);
}

Test(dropin_memory, holds_no_key_when_it_is_freed)
{
    for (size_t i = 0; i < KINDS; i++) {
        nothing_left(&kinds[i], seen.key, 16);
        if (kinds[i].version == WEIR_TLS13)
            nothing_left(&kinds[i], seen.secret, 32);
    }
}

/* The check above can fail. */
Test(dropin_memory, a_key_that_is_left_is_seen)
{
    static const uint8_t key[16] = "sixteen letters";

    void *block = OPENSSL_malloc(100);
    memset(block, 0, 100);
    memcpy((uint8_t *)block + 50, key, sizeof key);
    stubs.secret = key;
    stubs.secret_len = sizeof key;
    OPENSSL_free(block);
    stubs.secret = NULL;
    cr_assert_eq(stubs.leaks, 1);
}

/* SSL and BIO, and what is between them, in any order of going. */
Test(dropin_memory, in_any_order)
{
    struct two t;

    for (int order = 0; order < 4; order++) {
        two_open(&t, TLS13);
        if (order % 2 == 1)
            cr_assert(two_shake(&t));
        if (order < 2) {
            SSL_set_bio(t.ours, NULL, NULL);
        } else {
            cr_assert_eq(BIO_up_ref(t.bio), 1);
            SSL_free(t.ours);
            t.ours = NULL;
            BIO_free(t.bio);
        }
        two_close(&t);
    }
}

/* Another BIO for the same SSL before it has begun: the first hears nothing any more. */
Test(dropin_memory, two_for_one)
{
    struct two t;

    two_open(&t, TLS13);
    BIO *other = weir_openssl_bio_new(t.fd[0], &(struct weir_openssl_bio_config){.ssl = t.ours});
    cr_assert_not_null(other);
    SSL_set_bio(t.ours, other, other); /* frees the first */
    cr_assert(two_shake(&t));
    cr_assert_eq(SSL_key_update(t.ours, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
    cr_assert(two_move(t.ours, t.theirs, 1000));
    cr_assert_eq(weir_tx_counters(weir_openssl_bio_tx(other)).rekeys, 1);
    two_close(&t);
}

Test(dropin_memory, closes_when_told)
{
    struct two t;

    two_open(&t, TLS12);
    cr_assert_eq(BIO_get_close(t.bio), BIO_NOCLOSE);
    int fd = dup(t.fd[0]);
    BIO *bio = weir_openssl_bio_new(fd, NULL);
    cr_assert_eq(BIO_set_close(bio, BIO_CLOSE), 1);
    BIO_free(bio);
    cr_assert_eq(fcntl(fd, F_GETFD), -1);
    SSL_set_bio(t.ours, NULL, NULL);
    cr_assert_neq(fcntl(t.fd[0], F_GETFD), -1);
    two_close(&t);
}
