/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Early data (RFC 8446 section 4.2.10) through the BIO: OpenSSL seals and opens it itself, under a
 * key that is never offered; weir has what comes behind the handshake.
 */
#include "two.h"

#include <criterion/criterion.h>
#include <openssl/err.h>
#include <poll.h>
#include <string.h>

static struct two_config config_of(bool server)
{
    return (struct two_config){.version = WEIR_TLS13,
                               .suite = "TLS_AES_128_GCM_SHA256",
                               .server = server,
                               .resumes = true,
                               .early = 16384};
}

/* The session of a connection, for another. */
static SSL_SESSION *ticket(const struct two_config *config)
{
    struct two t;

    two_open(&t, config);
    cr_assert(two_shake(&t));
    cr_assert(two_move(config->server ? t.ours : t.theirs, config->server ? t.theirs : t.ours, 10));
    cr_assert_not_null(t.session);
    cr_assert_gt(SSL_SESSION_get_max_early_data(t.session), 0);
    SSL_SESSION *session = t.session;
    t.session = NULL;
    cr_assert(two_end(&t));
    two_close(&t);
    return session;
}

/* The server reads all early data; then what it says itself before it has heard of the client's
 * Finished. True: the early data is at its end. */
static bool read_early(SSL *server, char *heard, size_t *len)
{
    size_t got = 0, put = 0;

    for (;;) {
        ERR_clear_error();
        switch (SSL_read_early_data(server, heard + *len, 100 - *len, &got)) {
        case SSL_READ_EARLY_DATA_FINISH:
            return true;
        case SSL_READ_EARLY_DATA_SUCCESS:
            if (*len == 0)
                cr_assert_eq(SSL_write_early_data(server, "half", 4, &put), 1);
            *len += got;
            break;
        default:
            cr_assert_eq(SSL_get_error(server, 0), SSL_ERROR_WANT_READ);
            return false;
        }
    }
}

/* A handshake with early data in front. */
static void shake_early(struct two *t, SSL *client, SSL *server, bool taken)
{
    char heard[100];
    size_t len = 0, put = 0;
    bool over = false;

    cr_assert_eq(SSL_write_early_data(client, "early ", 6, &put), 1);
    cr_assert_eq(SSL_write_early_data(client, "bird", 4, &put), 1);
    cr_assert_null(weir_openssl_bio_backend(t->bio, WEIR_TX), "no key of early data is taken");
    for (int turn = 0; taken && !over; turn++) {
        cr_assert_lt(turn, 500);
        over = read_early(server, heard, &len);
        ERR_clear_error();
        if (len == 10 && !over)
            (void)SSL_do_handshake(client);
        (void)poll(NULL, 0, over ? 0 : 2);
    }
    cr_assert(two_shake(t));
    cr_assert_eq(len, taken ? 10 : 0);
    cr_assert_arr_eq(heard, "early bird", len);
    cr_assert_eq(SSL_get_early_data_status(client),
                 taken ? SSL_EARLY_DATA_ACCEPTED : SSL_EARLY_DATA_REJECTED);
    cr_assert(SSL_session_reused(client));
    for (int turn = 0; taken && SSL_read(client, heard, 4) != 4; turn++) {
        cr_assert_lt(turn, 500);
        (void)poll(NULL, 0, 2);
    }
    cr_assert_arr_eq(heard, "half", taken ? 4 : 0);
}

static void goes_early(bool server, bool taken)
{
    struct two_config config = config_of(server);
    struct two t;

    config.session = ticket(&config);
    config.early = taken ? 16384 : 0;
    two_open(&t, &config);
    shake_early(&t, server ? t.theirs : t.ours, server ? t.ours : t.theirs, taken);
    cr_assert_str_eq(weir_openssl_bio_backend(t.bio, WEIR_TX)->name, "soft");
    cr_assert_eq(weir_openssl_bio_refusal(t.bio, WEIR_TX).code, WEIR_REFUSAL_NONE);
    uint64_t half = server && taken ? 4 : 0;
    cr_assert_eq(weir_tx_counters(weir_openssl_bio_tx(t.bio)).bytes, half);
    for (unsigned epoch = 0; epoch < 2; epoch++) {
        cr_assert(two_move(t.ours, t.theirs, 50000));
        cr_assert(two_move(t.theirs, t.ours, 50000));
        if (epoch == 0)
            cr_assert_eq(SSL_key_update(t.ours, SSL_KEY_UPDATE_REQUESTED), 1);
    }
    struct weir_counters sent = weir_tx_counters(weir_openssl_bio_tx(t.bio));
    cr_assert_eq(sent.bytes, half + 100000);
    cr_assert_eq(sent.rekeys, 1);
    cr_assert(two_end(&t));
    two_close(&t);
    SSL_SESSION_free(config.session);
}

Test(dropin_early, ours_is_accepted)
{
    goes_early(false, true);
}

Test(dropin_early, ours_is_rejected)
{
    goes_early(false, false);
}

Test(dropin_early, theirs_is_accepted)
{
    goes_early(true, true);
}

Test(dropin_early, theirs_is_rejected)
{
    goes_early(true, false);
}
