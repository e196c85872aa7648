/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the BIO does not take, by name; and that OpenSSL then goes on as if it were its own.
 */
#include "stubs.h"
#include "two.h"

#include <criterion/criterion.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct two_config tls12 = {.version = WEIR_TLS12,
                                        .suite = "ECDHE-ECDSA-AES256-GCM-SHA384"};
static const struct two_config tls13 = {.version = WEIR_TLS13, .suite = "TLS_AES_128_GCM_SHA256"};

/* Neither direction is weir's, and the connection works all the same. */
static struct weir_refusal shake_without(struct two *t)
{
    size_t count = 7;

    cr_assert(two_shake(t));
    for (int dir = 0; dir < 2; dir++) {
        cr_assert_null(weir_openssl_bio_backend(t->bio, (enum weir_dir)dir));
        cr_assert_null(weir_openssl_bio_passed(t->bio, (enum weir_dir)dir, &count));
        cr_assert_eq(count, 0);
    }
    cr_assert_null(weir_openssl_bio_tx(t->bio));
    cr_assert_null(weir_openssl_bio_rx(t->bio));
    cr_assert_not(BIO_get_ktls_send(t->bio));
    cr_assert_not(BIO_get_ktls_recv(t->bio));
    cr_assert_eq(SSL_get_fd(t->ours), t->fd[0]);
    cr_assert(two_move(t->ours, t->theirs, 100000));
    cr_assert(two_move(t->theirs, t->ours, 100000));
    struct weir_refusal why = weir_openssl_bio_refusal(t->bio, WEIR_TX);
    cr_assert_eq(why.layer, WEIR_LAYER_BINDING);
    cr_assert(two_end(t));
    two_close(t);
    return why;
}

static struct weir_refusal goes_without(const struct two_config *config)
{
    struct two t;

    two_open(&t, config);
    return shake_without(&t);
}

static void unknown_version(unsigned long version)
{
    stubs.version = version;
    struct weir_refusal why = goes_without(&tls12);
    cr_assert_eq(why.code, WEIR_REFUSAL_LIBRARY, "%s", weir_refusal_name(why.code));
    cr_assert_eq(why.detail, version);
    cr_assert_not(why.transient);
    /* Found out once, and for both versions of TLS. */
    stubs.version = 0;
    why = goes_without(&tls13);
    cr_assert_eq(why.code, WEIR_REFUSAL_LIBRARY);
    cr_assert_eq(why.detail, version);
}

Test(dropin_refused, version_1_1_1)
{
    unknown_version(0x1010115fUL);
}

Test(dropin_refused, version_3_1)
{
    unknown_version(0x30100000UL);
}

Test(dropin_refused, version_3_2)
{
    unknown_version(0x30200010UL);
}

Test(dropin_refused, version_4_0)
{
    unknown_version(0x40000000UL);
}

Test(dropin_refused, the_last_of_3_0_is_known)
{
    struct two t;

    stubs.version = 0x300fffffUL;
    two_open(&t, &tls12);
    cr_assert(two_shake(&t));
    cr_assert_not_null(weir_openssl_bio_backend(t.bio, WEIR_TX));
    two_close(&t);
}

/* 0: the self-test noticed; otherwise what went wrong. In a process of its own, as it runs once. */
static int noticed(enum tamper tamper, size_t at)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        stubs.tamper = tamper;
        stubs.at = at;
        BIO *bio = weir_openssl_bio_new(-1, NULL);
        struct weir_refusal why = weir_openssl_bio_refusal(bio, WEIR_TX);
        struct weir_refusal other = weir_openssl_bio_refusal(bio, WEIR_RX);
        if (ERR_peek_error() != 0)
            _exit(4);
        if (why.code != WEIR_REFUSAL_LIBRARY || other.code != WEIR_REFUSAL_LIBRARY)
            _exit(1);
        if (why.detail < 100 || why.detail > 999 || why.detail != other.detail)
            _exit(2);
        BIO_free(bio);
        _exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
        return 3;
    return WEXITSTATUS(status);
}

/* Each byte of what is handed over means what weir takes it for: one that is another is noticed. */
Test(dropin_refused, each_byte_of_the_layout)
{
    for (size_t at = 0; at < 64; at++)
        cr_expect_eq(noticed(TAMPER_BYTE, at), 0, "byte %zu: %d", at, noticed(TAMPER_BYTE, at));
}

Test(dropin_refused, other_controls)
{
    cr_expect_eq(noticed(TAMPER_NUMBER, 0), 0);
    cr_expect_eq(noticed(TAMPER_DIR, 0), 0);
    cr_expect_eq(noticed(TAMPER_TYPE, 0), 0);
    cr_expect_eq(noticed(TAMPER_SEND, 0), 0);
    cr_expect_eq(noticed(TAMPER_NOT, 0), 1); /* nothing to notice */
}

Test(dropin_refused, a_layout_that_is_wrong_goes_without)
{
    stubs.tamper = TAMPER_BYTE;
    stubs.at = 20;
    BIO_free(weir_openssl_bio_new(-1, NULL));
    stubs.tamper = TAMPER_NOT; /* found out once */
    cr_assert_eq(goes_without(&tls12).code, WEIR_REFUSAL_LIBRARY);
    cr_assert_eq(goes_without(&tls13).code, WEIR_REFUSAL_LIBRARY);
}

/* It passed the self-test; but this key is not that of the connection's secret. */
Test(dropin_refused, a_key_that_is_not_of_the_secret)
{
    static const size_t at[] = {4, 11, 12, 27, 28, 31}; /* IV, key, salt; first and last byte */

    BIO_free(weir_openssl_bio_new(-1, NULL));
    stubs.tamper = TAMPER_BYTE;
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        stubs.at = at[i];
        cr_assert_eq(goes_without(&tls13).code, WEIR_REFUSAL_NOT_PROVEN, "byte %zu", at[i]);
    }
}

/* A key log callback that forgets weir's: the key comes, the secret does not, and a KeyUpdate could
 * not be followed. */
Test(dropin_refused, with_the_key_log_taken_away)
{
    struct two t;

    two_open(&t, &tls13);
    SSL_CTX_set_keylog_callback(t.ctx[0], NULL);
    cr_assert_eq(shake_without(&t).code, WEIR_REFUSAL_SECRET);
}

Test(dropin_refused, what_cannot_be_read)
{
    static const struct {
        size_t at;
        weir_refusal_code code;
    } bytes[] = {{0, WEIR_REFUSAL_SUITE}, {2, WEIR_REFUSAL_SUITE}, {56, WEIR_REFUSAL_SUITE}};

    BIO_free(weir_openssl_bio_new(-1, NULL));
    stubs.tamper = TAMPER_BYTE;
    for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++) {
        stubs.at = bytes[i].at;
        cr_assert_eq(goes_without(&tls13).code, bytes[i].code, "byte %zu", bytes[i].at);
    }
}

/* OpenSSL does not offer the key: nothing is wrong, and nothing is known to be for good. */
static void not_offered(const struct two_config *config)
{
    struct weir_refusal why = goes_without(config);

    cr_assert_eq(why.code, WEIR_REFUSAL_NO_EXPORT, "%s", weir_refusal_name(why.code));
    cr_assert(why.transient);
}

Test(dropin_refused, without_the_option)
{
    struct two_config config = tls13;

    config.no_option = true;
    not_offered(&config);
    config = tls12;
    config.no_option = true;
    not_offered(&config);
}

Test(dropin_refused, with_smaller_fragments)
{
    struct two_config config = tls13;

    config.fragment = TLSEXT_max_fragment_length_1024;
    not_offered(&config);
    config = tls12;
    config.fragment = TLSEXT_max_fragment_length_512;
    config.server = true;
    not_offered(&config);
}

Test(dropin_refused, other_suites)
{
    struct two_config config = tls12;

    config.suite = "ECDHE-ECDSA-AES128-SHA256";
    not_offered(&config);
    config.suite = "ECDHE-ECDSA-AES256-CCM";
    not_offered(&config);
}

/* The receiving key of TLS 1.3 never comes, and then that is known. */
Test(dropin_refused, receiving_in_tls13)
{
    struct two t;

    two_open(&t, &tls13);
    cr_assert(weir_openssl_bio_refusal(t.bio, WEIR_RX).transient);
    cr_assert(two_shake(&t));
    struct weir_refusal why = weir_openssl_bio_refusal(t.bio, WEIR_RX);
    cr_assert_eq(why.code, WEIR_REFUSAL_NO_EXPORT);
    cr_assert_not(why.transient);
    cr_assert_eq(weir_openssl_bio_refusal(t.bio, WEIR_TX).code, WEIR_REFUSAL_NONE);
    cr_assert_null(weir_openssl_bio_backend(t.bio, WEIR_RX));
    cr_assert_null(weir_openssl_bio_rx(t.bio));
    two_close(&t);
}

Test(dropin_refused, configurations_that_cannot_be)
{
    static const struct weir_backend *const five[5];
    struct weir_aead other = weir_aead_openssl;

    other.abi++;
    cr_assert_null(weir_openssl_bio_new(
        -1, &(struct weir_openssl_bio_config){.backends = five, .backend_count = 5}));
    cr_assert_null(weir_openssl_bio_new(-1, &(struct weir_openssl_bio_config){.aead = &other}));
}

Test(dropin_refused, a_bio_of_another_kind)
{
    BIO *bio = BIO_new(BIO_s_mem());
    size_t count = 7;

    cr_assert_eq(weir_openssl_bio_fd(bio), -1);
    cr_assert_null(weir_openssl_bio_backend(bio, WEIR_TX));
    cr_assert_eq(weir_openssl_bio_refusal(bio, WEIR_RX).code, WEIR_REFUSAL_UNKNOWN_NAME);
    cr_assert_null(weir_openssl_bio_passed(bio, WEIR_TX, &count));
    cr_assert_eq(count, 0);
    cr_assert_null(weir_openssl_bio_tx(bio));
    cr_assert_null(weir_openssl_bio_rx(bio));
    BIO_free(bio);
    cr_assert_eq(weir_openssl_bio_fd(NULL), -1);
}
