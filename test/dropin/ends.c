/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys that change or cannot, and what a peer must not send.
 */
#include "stubs.h"
#include "two.h"

#include <criterion/criterion.h>
#include <openssl/err.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

static const struct two_config tls12 = {.version = WEIR_TLS12,
                                        .suite = "ECDHE-ECDSA-AES128-GCM-SHA256"};
static const struct two_config tls13 = {.version = WEIR_TLS13, .suite = "TLS_AES_128_GCM_SHA256"};

static void open_shaken(struct two *t, const struct two_config *config)
{
    two_open(t, config);
    cr_assert(two_shake(t));
    cr_assert_not_null(weir_openssl_bio_backend(t->bio, WEIR_TX));
}

/* ---- KeyUpdate ---- */

/* Sending has ended for lack of a new key: both sides are told, and nothing more goes. */
static void ended(struct two *t, weir_refusal_code code)
{
    char text[256];

    cr_assert_eq(ERR_GET_LIB(ERR_peek_last_error()), ERR_LIB_USER);
    const char *data = NULL;
    int flags = 0;
    (void)ERR_peek_last_error_data(&data, &flags);
    (void)snprintf(text, sizeof text, "%s", data);
    cr_assert_not_null(strstr(text, weir_refusal_text(code)), "%s", text);
    cr_assert_eq(weir_openssl_bio_refusal(t->bio, WEIR_TX).code, code);
    cr_assert_eq(weir_tx_status(weir_openssl_bio_tx(t->bio)), WEIR_E_REKEY);
    cr_assert_not(two_receive(t->theirs, 1));
    cr_assert_eq(two_alert(t->theirs), SSL_AD_INTERNAL_ERROR);
    uint64_t records = weir_tx_counters(weir_openssl_bio_tx(t->bio)).records;
    ERR_clear_error();
    cr_assert_lt(SSL_write(t->ours, "x", 1), 1);
    cr_assert_eq(weir_tx_counters(weir_openssl_bio_tx(t->bio)).records, records);
}

static void ours_cannot(const struct two_config *config)
{
    struct two t;

    open_shaken(&t, config);
    cr_assert(two_move(t.ours, t.theirs, 1000));
    cr_assert_eq(SSL_key_update(t.ours, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
    ERR_clear_error();
    int n = SSL_do_handshake(t.ours);
    cr_assert_eq(SSL_get_error(t.ours, n), SSL_ERROR_SSL);
    ended(&t, WEIR_REFUSAL_SECRET);
    two_close(&t);
}

/* The BIO was not told whose it is: it has a key, but not the secret for the next. */
Test(dropin_update, without_a_secret)
{
    struct two_config config = tls13;

    config.no_ssl = true;
    ours_cannot(&config);
    config.server = true;
    ours_cannot(&config);
}

/* The peer asks for one, and OpenSSL answers with the next data. */
Test(dropin_update, asked_for_without_a_secret)
{
    struct two_config config = tls13;
    struct two t;
    char byte;

    config.no_ssl = true;
    open_shaken(&t, &config);
    cr_assert_eq(SSL_key_update(t.theirs, SSL_KEY_UPDATE_REQUESTED), 1);
    cr_assert_eq(SSL_write(t.theirs, "x", 1), 1);
    for (int i = 0; i < 100 && SSL_read(t.ours, &byte, 1) != 1; i++)
        (void)poll(NULL, 0, 10);
    ERR_clear_error();
    int n = SSL_write(t.ours, "y", 1);
    cr_assert_eq(SSL_get_error(t.ours, n), SSL_ERROR_SSL);
    ended(&t, WEIR_REFUSAL_SECRET);
    two_close(&t);
}

Test(dropin_update, many_both_ways)
{
    for (int server = 0; server < 2; server++) {
        struct two_config config = tls13;
        struct two t;

        config.server = server == 1;
        open_shaken(&t, &config);
        for (int i = 0; i < 20; i++) {
            SSL *from = i % 2 == 0 ? t.ours : t.theirs, *to = i % 2 == 0 ? t.theirs : t.ours;
            cr_assert_eq(SSL_key_update(from, i % 3 == 0 ? SSL_KEY_UPDATE_REQUESTED
                                                         : SSL_KEY_UPDATE_NOT_REQUESTED),
                         1);
            cr_assert(two_move(from, to, 20000));
            cr_assert(two_move(to, from, 20000));
        }
        /* 10 of our own, and answers to those of the peer's that asked: 3, 9, 15. */
        cr_assert_eq(weir_tx_counters(weir_openssl_bio_tx(t.bio)).rekeys, 13);
        cr_assert(two_end(&t));
        two_close(&t);
    }
}

/* The key nears its limit: weir updates by itself, OpenSSL need not know; theirs goes on, too. */
Test(dropin_update, when_it_is_due)
{
    struct two_config config = tls13;
    struct two t;

    config.bio.limit = (struct weir_limit){.soft = 5000, .hard = 10000};
    open_shaken(&t, &config);
    cr_assert(two_move(t.ours, t.theirs, 1000000));
    uint64_t rekeys = weir_tx_counters(weir_openssl_bio_tx(t.bio)).rekeys;
    cr_assert_geq(rekeys, 1000000 / 16 / 10000);
    /* One of OpenSSL's in between does no harm. */
    cr_assert_eq(SSL_key_update(t.ours, SSL_KEY_UPDATE_REQUESTED), 1);
    cr_assert(two_move(t.ours, t.theirs, 200000));
    cr_assert(two_move(t.theirs, t.ours, 200000));
    cr_assert_gt(weir_tx_counters(weir_openssl_bio_tx(t.bio)).rekeys, rekeys + 1);
    cr_assert(two_end(&t));
    two_close(&t);
}

/* Where there is no KeyUpdate the limit ends it. */
Test(dropin_update, limits_without)
{
    struct two_config configs[2] = {tls12, tls13};

    configs[1].no_ssl = true;
    for (size_t i = 0; i < 2; i++) {
        struct two t;

        configs[i].bio.limit = (struct weir_limit){.soft = 5000, .hard = 10000};
        open_shaken(&t, &configs[i]);
        cr_assert_not(two_move(t.ours, t.theirs, 1000000));
        cr_assert_eq(weir_tx_status(weir_openssl_bio_tx(t.bio)), WEIR_E_KEY_LIMIT);
        cr_assert_leq(weir_tx_counters(weir_openssl_bio_tx(t.bio)).bytes, 160000);
        ERR_clear_error();
        two_close(&t);
    }
}

/* A certificate asked for behind the handshake, also when OpenSSL has changed keys since: its
 * secrets are those of the wire. */
Test(dropin_update, certificates_behind_the_handshake)
{
    for (int i = 0; i < 4; i++) {
        struct two_config config = tls13;
        struct two t;

        config.server = i % 2 == 1;
        config.post_handshake = true;
        open_shaken(&t, &config);
        SSL *server = config.server ? t.ours : t.theirs,
            *client = config.server ? t.theirs : t.ours;
        if (i >= 2) {
            cr_assert_eq(SSL_key_update(client, SSL_KEY_UPDATE_REQUESTED), 1);
            cr_assert(two_move(client, server, 1000));
            cr_assert(two_move(server, client, 1000));
        }
        cr_assert_eq(SSL_verify_client_post_handshake(server), 1);
        cr_assert_eq(SSL_do_handshake(server), 1);
        cr_assert(two_move(server, client, 1000));
        cr_assert(two_move(client, server, 1000));
        X509 *cert = SSL_get1_peer_certificate(server);
        cr_assert_not_null(cert);
        X509_free(cert);
        cr_assert(two_end(&t));
        two_close(&t);
    }
}

/* Messages that are no KeyUpdate but have its number in a place where it means nothing; and a
 * KeyUpdate that is not alone in its record, which nobody could follow. */
Test(dropin_update, messages_in_pieces)
{
    static const uint8_t first[] = {4, 0, 0, 9, 24, 0, 0}, rest[] = {24, 0, 0, 1, 0, 24};
    static const uint8_t update[] = {24, 0, 0, 1, 0}, crowded[] = {24, 0, 0, 1, 0, 24};
    struct two t;

    open_shaken(&t, &tls13);
    uint64_t before = weir_tx_counters(weir_openssl_bio_tx(t.bio)).rekeys;
    (void)BIO_ctrl(t.bio, 74, WEIR_TYPE_HANDSHAKE, NULL);
    cr_assert_eq(BIO_write(t.bio, first, sizeof first), (int)sizeof first);
    (void)BIO_ctrl(t.bio, 74, WEIR_TYPE_HANDSHAKE, NULL);
    cr_assert_eq(BIO_write(t.bio, rest, sizeof rest), (int)sizeof rest);
    cr_assert_eq(weir_tx_counters(weir_openssl_bio_tx(t.bio)).rekeys, before);
    (void)BIO_ctrl(t.bio, 74, WEIR_TYPE_HANDSHAKE, NULL);
    cr_assert_eq(BIO_write(t.bio, update, sizeof update), (int)sizeof update);
    cr_assert_eq(weir_tx_counters(weir_openssl_bio_tx(t.bio)).rekeys, before + 1);
    (void)BIO_ctrl(t.bio, 74, WEIR_TYPE_HANDSHAKE, NULL);
    cr_assert_eq(BIO_write(t.bio, crowded, sizeof crowded), -1);
    cr_assert_eq(weir_tx_status(weir_openssl_bio_tx(t.bio)), WEIR_E_MISUSE);
    two_close(&t);
}

Test(dropin_update, messages_cut_in_their_header)
{
    static const uint8_t cut[] = {24, 0, 0};
    struct two t;

    open_shaken(&t, &tls13);
    (void)BIO_ctrl(t.bio, 74, WEIR_TYPE_HANDSHAKE, NULL);
    cr_assert_eq(BIO_write(t.bio, cut, sizeof cut), -1);
    cr_assert_eq(weir_tx_status(weir_openssl_bio_tx(t.bio)), WEIR_E_MISUSE);
    two_close(&t);
}

/* A type that was taken back is none. */
Test(dropin_update, a_type_taken_back)
{
    struct two t;
    char got[8];

    open_shaken(&t, &tls13);
    (void)BIO_ctrl(t.bio, 74, WEIR_TYPE_ALERT, NULL);
    (void)BIO_ctrl(t.bio, 75, 0, NULL);
    cr_assert_eq(BIO_write(t.bio, "weir", 4), 4);
    cr_assert_eq(SSL_read(t.theirs, got, sizeof got), 4);
    two_close(&t);
}

/* ---- what comes in TLS 1.2 ---- */

struct bad {
    const char *name;
    uint8_t header[5];
    size_t body;
    int alert; /* that the peer hears */
    weir_status status;
};

/* Each header of these, with zeros behind it. */
static const struct bad bad[] = {
    {"not what was sealed", {23, 3, 3, 0, 40}, 40, SSL_AD_BAD_RECORD_MAC, WEIR_E_AUTH},
    {"too short for a tag", {23, 3, 3, 0, 23}, 23, SSL_AD_BAD_RECORD_MAC, WEIR_E_AUTH},
    {"empty", {23, 3, 3, 0, 0}, 0, SSL_AD_BAD_RECORD_MAC, WEIR_E_AUTH},
    {"too long", {23, 3, 3, 0x48, 1}, 0, SSL_AD_RECORD_OVERFLOW, WEIR_E_OVERFLOW},
    {"longest there is", {23, 3, 3, 0xff, 0xff}, 0, SSL_AD_RECORD_OVERFLOW, WEIR_E_OVERFLOW},
    {"TLS 1.1", {23, 3, 2, 0, 40}, 40, SSL_AD_PROTOCOL_VERSION, WEIR_E_VERSION},
    {"no TLS", {23, 2, 3, 0, 40}, 40, SSL_AD_PROTOCOL_VERSION, WEIR_E_VERSION},
    {"ChangeCipherSpec", {20, 3, 3, 0, 40}, 40, SSL_AD_BAD_RECORD_MAC, WEIR_E_TYPE},
    {"no type", {99, 3, 3, 0, 40}, 40, SSL_AD_BAD_RECORD_MAC, WEIR_E_TYPE},
};

Test(dropin_bad, records)
{
    static const uint8_t zeros[64];

    for (size_t i = 0; i < 2 * sizeof bad / sizeof *bad; i++) {
        const struct bad *b = &bad[i / 2];
        struct two_config config = tls12;
        struct two t;
        char byte;

        config.server = i % 2 == 1;
        open_shaken(&t, &config);
        cr_assert_eq(send(t.fd[1], b->header, 5, 0), 5);
        if (b->body > 0)
            cr_assert_eq(send(t.fd[1], zeros, b->body, 0), (ssize_t)b->body);
        struct pollfd fd = {.fd = t.fd[0], .events = POLLIN};
        cr_assert_eq(poll(&fd, 1, 2000), 1);
        ERR_clear_error();
        int n = SSL_read(t.ours, &byte, 1);
        cr_assert_eq(n, -1, "%s: %d", b->name, n);
        cr_assert_eq(SSL_get_error(t.ours, n), SSL_ERROR_SSL, "%s", b->name);
        cr_assert_eq(weir_rx_status(weir_openssl_bio_rx(t.bio)), b->status, "%s", b->name);
        cr_assert_not(two_receive(t.theirs, 1));
        cr_assert_eq(two_alert(t.theirs), b->alert, "%s: %d", b->name, two_alert(t.theirs));
        two_close(&t);
    }
}

/* The transport ends in the middle of a record, or between two: neither is a clean end, whoever
 * receives. */
Test(dropin_bad, an_end_without_a_word)
{
    for (int i = 0; i < 6; i++) {
        int cut = i / 2;
        struct two t;
        char byte;

        open_shaken(&t, i % 2 == 0 ? &tls12 : &tls13);
        if (cut > 0)
            cr_assert_eq(send(t.fd[1], "\x17\3\3\0\x40zz", (size_t)(cut == 1 ? 3 : 7), 0),
                         cut == 1 ? 3 : 7);
        cr_assert_eq(shutdown(t.fd[1], SHUT_WR), 0);
        (void)poll(NULL, 0, 20);
        ERR_clear_error();
        int n = SSL_read(t.ours, &byte, 1);
        cr_assert_lt(n, 1);
        cr_assert_eq(SSL_get_error(t.ours, n), SSL_ERROR_SSL);
        cr_assert_eq(ERR_GET_REASON(ERR_peek_error()), SSL_R_UNEXPECTED_EOF_WHILE_READING);
        two_close(&t);
    }
}

/* Records that come byte by byte, and never more is taken than the record that is asked for. */
Test(dropin_bad, byte_by_byte)
{
    struct two t;

    open_shaken(&t, &tls12);
    stubs.fd = t.fd[1];
    cr_assert(two_move(t.theirs, t.ours, 40000));
    cr_assert_eq(SSL_write(t.theirs, "one", 3), 3);
    cr_assert_eq(SSL_write(t.theirs, "two", 3), 3);
    char got[8];
    (void)poll(NULL, 0, 20);
    cr_assert_eq(SSL_read(t.ours, got, sizeof got), 3);
    struct pollfd fd = {.fd = t.fd[0], .events = POLLIN};
    cr_assert_eq(poll(&fd, 1, 0), 1); /* the second is still the socket's to announce */
    cr_assert_eq(SSL_read(t.ours, got, sizeof got), 3);
    two_close(&t);
}

/* A buffer that cannot hold any record is refused before anything is taken from the socket. */
Test(dropin_bad, too_small_a_buffer)
{
    struct two t;
    char got[100];

    open_shaken(&t, &tls12);
    cr_assert_eq(SSL_write(t.theirs, "one", 3), 3);
    (void)poll(NULL, 0, 20);
    cr_assert_eq(BIO_read(t.bio, got, sizeof got), -1);
    cr_assert_not(BIO_should_retry(t.bio));
    cr_assert_eq(SSL_read(t.ours, got, sizeof got), 3);
    two_close(&t);
}
