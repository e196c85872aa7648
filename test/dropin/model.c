/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The BIO on linux-ktls, over the model of Linux: kernels that change their key, which none here
 * does, sockets that fail in the middle, limits, and files that go behind weir's back.
 */
#include "modelled.h"
#include "two.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <openssl/err.h>
#include <string.h>
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
#define TLS13 (&kinds[3])

/* One connection on the model: ours by linux-ktls, theirs OpenSSL by itself. */
struct bed {
    struct two two;
    struct modelled model;
    struct weir_linux_ktls ktls;
    const struct weir_backend *backends[1];
};

static void bed_open(struct bed *b, const struct two_config *kind, size_t limit, bool rekey)
{
    struct two_config config = *kind;

    *b = (struct bed){.backends = {&b->ktls.backend}};
    weir_linux_ktls_init(&b->ktls, rekey ? WEIR_LINUX_KTLS_REKEY : 0);
    config.bio.backends = b->backends;
    config.bio.backend_count = 1;
    two_open(&b->two, &config);
    /* A BIO without the option is a socket like another, for calls that reach the model. */
    BIO *theirs = weir_openssl_bio_new(b->two.fd[1], NULL);
    cr_assert_not_null(theirs);
    SSL_set_bio(b->two.theirs, theirs, theirs);
    modelled_begin(&b->model, b->two.fd, limit);
    b->model.kernel.rekey = rekey;
}

static void bed_close(struct bed *b)
{
    modelled_end(&b->model);
    two_close(&b->two);
}

static void bed_shaken(struct bed *b, const struct two_config *kind, size_t limit, bool rekey)
{
    bed_open(b, kind, limit, rekey);
    cr_assert(two_shake(&b->two));
    cr_assert_eq(weir_openssl_bio_backend(b->two.bio, WEIR_TX), &b->ktls.backend);
    if (kind->version == WEIR_TLS12)
        cr_assert_eq(weir_openssl_bio_backend(b->two.bio, WEIR_RX), &b->ktls.backend);
}

static struct weir_counters sent(const struct bed *b)
{
    return weir_tx_counters(weir_openssl_bio_tx(b->two.bio));
}

/* By OpenSSL's own call. */
static bool send_file(struct bed *b, int file, size_t len)
{
    size_t at = 0;

    for (int i = 0; i < 10000 && at < len; i++) {
        ERR_clear_error();
        ossl_ssize_t n = SSL_sendfile(b->two.ours, file, (off_t)at, len - at, 0);
        if (n <= 0 && SSL_get_error(b->two.ours, (int)n) != SSL_ERROR_WANT_WRITE)
            return false;
        if (n > 0)
            at += (size_t)n;
    }
    return two_receive(b->two.theirs, at) && at == len;
}

Test(dropin_model, every_suite_both_roles)
{
    for (size_t i = 0; i < 2 * KINDS; i++) {
        struct two_config config = kinds[i / 2];
        struct bed b;
        int file = two_file(100000);

        config.server = i % 2 == 1;
        bed_shaken(&b, &config, 0, true);
        cr_assert(two_move(b.two.ours, b.two.theirs, 100000));
        cr_assert(two_move(b.two.theirs, b.two.ours, 100000));
        cr_assert(send_file(&b, file, 100000));
        cr_assert_gt(b.model.sendfiles, 0);
        cr_assert(two_move(b.two.ours, b.two.theirs, 100));
        cr_assert_geq(sent(&b).records, 200100 / 16384);
        cr_assert(two_end(&b.two));
        (void)close(file);
        bed_close(&b);
    }
}

/* A socket that takes little: typed sends are put off, and come again. */
Test(dropin_model, a_socket_that_takes_little)
{
    for (size_t k = 0; k < KINDS; k++) {
        struct bed b;

        bed_shaken(&b, &kinds[k], 20000, true);
        cr_assert(two_move(b.two.ours, b.two.theirs, 200000));
        cr_assert(two_move(b.two.theirs, b.two.ours, 200000));
        if (kinds[k].version == WEIR_TLS13) {
            cr_assert_eq(SSL_key_update(b.two.ours, SSL_KEY_UPDATE_REQUESTED), 1);
            cr_assert(two_move(b.two.ours, b.two.theirs, 200000));
            cr_assert(two_move(b.two.theirs, b.two.ours, 200000));
            cr_assert_eq(sent(&b).rekeys, 1);
        }
        cr_assert(two_end(&b.two));
        bed_close(&b);
    }
}

static int typed(struct bed *b, const uint8_t *message, size_t len)
{
    (void)BIO_ctrl(b->two.bio, 74, WEIR_TYPE_HANDSHAKE, NULL);
    return BIO_write(b->two.bio, message, (int)len);
}

/* A piece of a message that was put off is the same piece when it comes again. */
Test(dropin_model, a_message_in_pieces_put_off)
{
    static const uint8_t first[] = {4, 0, 0, 9, 24, 0, 0}, rest[] = {24, 0, 0, 1, 0, 24};
    static uint8_t much[16384];
    struct bed b;
    uint8_t in[4096];

    bed_shaken(&b, TLS13, 20000, true);
    while (BIO_write(b.two.bio, much, sizeof much) > 0)
        continue;
    cr_assert(BIO_should_write(b.two.bio));
    cr_assert_eq(typed(&b, first, sizeof first), -1);
    cr_assert(BIO_should_write(b.two.bio));
    while (SSL_read(b.two.theirs, in, sizeof in) > 0)
        continue;
    cr_assert_eq(typed(&b, first, sizeof first), (int)sizeof first);
    cr_assert_eq(typed(&b, rest, sizeof rest), (int)sizeof rest);
    cr_assert_eq(sent(&b).rekeys, 0);
    bed_close(&b);
}

/* KeyUpdates of both sides, and files in between that weir is not told of. */
Test(dropin_model, key_updates_with_files_between)
{
    for (int server = 0; server < 2; server++) {
        struct two_config config = *TLS13;
        struct bed b;
        int file = two_file(70000);

        config.server = server == 1;
        bed_shaken(&b, &config, 0, true);
        for (int i = 0; i < 12; i++) {
            SSL *from = i % 2 == 0 ? b.two.ours : b.two.theirs;
            SSL *to = i % 2 == 0 ? b.two.theirs : b.two.ours;
            cr_assert(send_file(&b, file, 70000));
            cr_assert_eq(SSL_key_update(from, i % 3 == 0 ? SSL_KEY_UPDATE_REQUESTED
                                                         : SSL_KEY_UPDATE_NOT_REQUESTED),
                         1);
            cr_assert(two_move(from, to, 20000));
            cr_assert(two_move(to, from, 20000));
        }
        /* 6 of our own, and answers to those of the peer's that asked: 3 and 9. */
        cr_assert_eq(sent(&b).rekeys, 8);
        cr_assert_eq(b.model.kernel.stat.tx_rekey_ok, 8);
        cr_assert(two_end(&b.two));
        (void)close(file);
        bed_close(&b);
    }
}

/* A kernel that cannot: internal_error to the peer, and no descriptor any more. */
Test(dropin_model, a_kernel_that_cannot_change_its_key)
{
    struct bed b;
    int file = two_file(100);

    bed_shaken(&b, TLS13, 0, false);
    cr_assert(two_move(b.two.ours, b.two.theirs, 1000));
    cr_assert_eq(SSL_key_update(b.two.ours, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
    ERR_clear_error();
    int n = SSL_do_handshake(b.two.ours);
    cr_assert_eq(SSL_get_error(b.two.ours, n), SSL_ERROR_SSL);
    cr_assert_eq(weir_openssl_bio_refusal(b.two.bio, WEIR_TX).code, WEIR_REFUSAL_NO_REKEY);
    cr_assert_eq(weir_tx_status(weir_openssl_bio_tx(b.two.bio)), WEIR_E_REKEY);
    cr_assert_not(two_receive(b.two.theirs, 1));
    cr_assert_eq(two_alert(b.two.theirs), SSL_AD_INTERNAL_ERROR);
    cr_assert_eq(SSL_get_wfd(b.two.ours), -1);
    cr_assert_lt(SSL_sendfile(b.two.ours, file, 0, 100, 0), 0);
    cr_assert_lt(weir_openssl_sendfile(b.two.ours, file, 0, 100), 0);
    (void)close(file);
    bed_close(&b);
}

/* The policy that does not want such a kernel: software carries the direction. */
Test(dropin_model, a_strict_policy)
{
    struct two_config config = *TLS13;
    struct bed b;
    size_t count = 0;

    config.bio.policy = WEIR_POLICY_STRICT;
    bed_open(&b, &config, 0, false);
    cr_assert(two_shake(&b.two));
    const struct weir_refusal *passed = weir_openssl_bio_passed(b.two.bio, WEIR_TX, &count);
    cr_assert_eq(count, 1);
    cr_assert_eq(passed[0].code, WEIR_REFUSAL_NO_REKEY);
    cr_assert_str_eq(weir_openssl_bio_backend(b.two.bio, WEIR_TX)->name, "soft");
    cr_assert_eq(SSL_get_wfd(b.two.ours), -1);
    cr_assert(two_move(b.two.ours, b.two.theirs, 1000));
    bed_close(&b);
}

/* Files alone use a key up: weir asks where the kernel stands, and changes the key. */
Test(dropin_model, files_use_the_key_up)
{
    struct two_config config = *TLS13;
    struct bed b;
    int file = two_file(16384);

    config.bio.limit = (struct weir_limit){.soft = 50000, .hard = 200000};
    bed_shaken(&b, &config, 0, true);
    for (int i = 0; i < 300; i++)
        cr_assert(send_file(&b, file, 16384));
    /* Each costs at least 1024 blocks, and is looked after every 16th time. */
    cr_assert_geq(sent(&b).rekeys, 300 * 1024 / (50000 + 17 * 1026));
    cr_assert(two_end(&b.two));
    (void)close(file);
    bed_close(&b);
}

/* … or, where it cannot, sends no more. */
Test(dropin_model, files_beyond_the_limit)
{
    for (size_t k = 0; k < KINDS; k++) {
        struct two_config config = kinds[k];
        struct bed b;
        int file = two_file(16384), sent_files = 0;

        config.bio.limit = (struct weir_limit){.soft = 50000, .hard = 100000};
        bed_shaken(&b, &config, 0, false);
        while (sent_files < 300 && send_file(&b, file, 16384))
            sent_files++;
        cr_assert_gt(sent_files, 0);
        cr_assert_leq(sent_files, 100000 / 1024 + 16);
        cr_assert_eq(weir_tx_status(weir_openssl_bio_tx(b.two.bio)), WEIR_E_KEY_LIMIT);
        cr_assert_eq(SSL_get_wfd(b.two.ours), -1);
        ERR_clear_error();
        (void)close(file);
        bed_close(&b);
    }
}

/* weir's own call counts what it sends: nothing has to be asked. */
Test(dropin_model, files_that_weir_sends)
{
    struct sim_faults calls = {0};
    struct bed b;
    int file = two_file(50000);

    bed_shaken(&b, TLS13, 30000, true);
    sim_linux_set_faults(b.model.socket[0], &calls);
    for (int i = 0; i < 5; i++) {
        size_t at = 0;
        uint8_t in[4096];
        size_t got = 0;
        while (got < 50000) {
            if (at < 50000) {
                ERR_clear_error();
                int64_t n = weir_openssl_sendfile(b.two.ours, file, at, 50000 - at);
                if (n < 0)
                    cr_assert_eq(SSL_get_error(b.two.ours, -1), SSL_ERROR_WANT_WRITE);
                at += n > 0 ? (size_t)n : 0;
            }
            int n = SSL_read(b.two.theirs, in, sizeof in);
            uint8_t wanted[4096];
            two_fill(wanted, sizeof wanted, got);
            cr_assert(n <= 0 || memcmp(in, wanted, (size_t)n) == 0);
            got += n > 0 ? (size_t)n : 0;
        }
    }
    cr_assert_eq(sent(&b).bytes, 250000);
    cr_assert_gt(calls.calls[SIM_LINUX_SENDFILE], 0);
    cr_assert_eq(calls.calls[SIM_LINUX_GETSOCKOPT], 0);
    sim_linux_set_faults(b.model.socket[0], NULL);
    (void)close(file);
    bed_close(&b);
}

/*
 * Each socket option fails, one after the other: whatever happens, the bytes are right or the
 * connection ends. Which of the two is looked at.
 */
Test(dropin_model, each_option_fails, .timeout = 60)
{
    static const int errors[] = {ENOENT, EBUSY, ENOMEM, EINVAL, EAGAIN};

    for (size_t k = 0; k < KINDS; k += 3) {
        for (size_t e = 0; e < sizeof errors / sizeof *errors; e++) {
            unsigned ended = 0, soft = 0;
            for (uint64_t nth = 1; nth <= 6; nth++) {
                struct sim_faults faults = {0};
                struct bed b;

                bed_open(&b, &kinds[k], 0, true);
                cr_assert(sim_faults_plan(&faults, SIM_LINUX_SETSOCKOPT, nth, 1,
                                          sim_fault_errno(errors[e])));
                sim_linux_set_faults(b.model.socket[0], &faults);
                cr_assert(two_shake(&b.two), "%zu %zu %d", k, e, (int)nth);
                bool went = two_move(b.two.ours, b.two.theirs, 20000) &&
                            two_move(b.two.theirs, b.two.ours, 20000);
                if (went && kinds[k].version == WEIR_TLS13)
                    went = SSL_key_update(b.two.ours, SSL_KEY_UPDATE_NOT_REQUESTED) == 1 &&
                           two_move(b.two.ours, b.two.theirs, 20000);
                ended += !went;
                soft += weir_openssl_bio_backend(b.two.bio, WEIR_TX) != &b.ktls.backend;
                /* A dead direction says so; a live one is all right. */
                cr_assert_eq(weir_tx_status(weir_openssl_bio_tx(b.two.bio)) < WEIR_OK, !went);
                ERR_clear_error();
                sim_linux_set_faults(b.model.socket[0], NULL);
                bed_close(&b);
            }
            /* Options of taking the direction leave it in software; only one of those that change
             * the key can end it. */
            cr_assert_gt(soft, 0, "%zu %zu", k, e);
            cr_assert_leq(ended, kinds[k].version == WEIR_TLS13 ? 1 : 0, "%zu %zu: %u", k, e,
                          ended);
        }
    }
}

/* A query that fails when others may have sent: nobody knows what the key has protected. */
Test(dropin_model, a_query_fails)
{
    struct sim_faults faults = {0};
    struct bed b;
    int file = two_file(100);

    bed_shaken(&b, TLS13, 0, true);
    cr_assert(send_file(&b, file, 100));
    cr_assert(
        sim_faults_plan(&faults, SIM_LINUX_GETSOCKOPT, 1, UINT64_MAX, sim_fault_errno(ENOMEM)));
    sim_linux_set_faults(b.model.socket[0], &faults);
    cr_assert_not(two_move(b.two.ours, b.two.theirs, 100));
    cr_assert_eq(weir_tx_status(weir_openssl_bio_tx(b.two.bio)), WEIR_E_BACKEND);
    cr_assert_eq(SSL_get_wfd(b.two.ours), -1);
    ERR_clear_error();
    sim_linux_set_faults(b.model.socket[0], NULL);
    (void)close(file);
    bed_close(&b);
}
