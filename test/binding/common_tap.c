/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tap, on hand-made handshakes: what it counts, and what it does not take for proven.
 */
#include "common.h"

enum { SEED_HANDSHAKE = 1, SEED_APPLICATION = 2 };

static const uint8_t encrypted_extensions[] = {8, 0, 0, 2, 0, 0};
static const uint8_t finished[] = {20, 0, 0, 4, 1, 2, 3, 4};
static const uint8_t ticket[] = {4, 0, 0, 5, 9, 9, 9, 9, 9};
static const uint8_t one[] = {1};

struct tapped {
    struct weir_once *once;
    struct weir_tap *tap;
    struct stream s;
    struct weir_keys handshake;
    struct weir_keys application;
};

static void begin(struct tapped *t, bool server)
{
    t->once = once_new();
    t->tap = malloc(sizeof *t->tap);
    cr_assert_not_null(t->tap);
    weir_tap_init(t->tap, t->once, &TEST_KDF, server);
    t->s.len = 0;
    t->handshake = keys13(WEIR_TLS_AES_256_GCM_SHA384, SEED_HANDSHAKE);
    t->application = keys13(WEIR_TLS_AES_256_GCM_SHA384, SEED_APPLICATION);
}

static void end(struct tapped *t)
{
    weir_tap_wipe(t->tap);
    free(t->tap);
    once_free(t->once);
}

/* A hello with `id_len` bytes of session id; `suite` for a server. */
static size_t make_hello(uint8_t *out, uint8_t type, uint8_t random, uint8_t id_len, uint16_t suite)
{
    size_t body = 2 + 32 + 1 + (size_t)id_len + 2 + 1;

    memset(out, 0, 4 + body);
    out[0] = type;
    out[3] = (uint8_t)body;
    out[4] = out[5] = 3;
    memset(out + 6, random, 32);
    out[38] = id_len;
    memset(out + 39, 0x77, id_len);
    out[39 + id_len] = (uint8_t)(suite >> 8);
    out[40 + id_len] = (uint8_t)suite;
    return 4 + body;
}

static void add_server_hello(struct tapped *t, uint16_t suite)
{
    uint8_t hello[128];

    add_plain(&t->s, WEIR_TYPE_HANDSHAKE, hello, make_hello(hello, 2, 0x22, 32, suite));
}

static void see(struct tapped *t, enum weir_dir dir, size_t from, size_t to, size_t chunk)
{
    while (from < to) {
        size_t n = to - from < chunk ? to - from : chunk;
        size_t taken = weir_tap_see(t->tap, dir, t->s.bytes + from, n);
        cr_assert(taken > 0 && taken <= n);
        from += taken;
    }
}

static void give_secrets(struct tapped *t, enum weir_dir dir)
{
    weir_tap_secret(t->tap, dir, WEIR_TAP_HANDSHAKE, t->handshake.secret, 48);
    weir_tap_secret(t->tap, dir, WEIR_TAP_APPLICATION, t->application.secret, 48);
}

/* A server's side of a TLS 1.3 handshake with `tickets` behind it. */
static void make_server13(struct tapped *t, unsigned tickets)
{
    add_server_hello(t, WEIR_TLS_AES_256_GCM_SHA384);
    add_plain(&t->s, WEIR_TYPE_CHANGE_CIPHER_SPEC, one, 1);
    add_sealed(&t->s, t->once, &t->handshake, WEIR_TYPE_HANDSHAKE, encrypted_extensions,
               sizeof encrypted_extensions);
    add_sealed(&t->s, t->once, &t->handshake, WEIR_TYPE_HANDSHAKE, finished, sizeof finished);
    for (unsigned i = 0; i < tickets; i++)
        add_sealed(&t->s, t->once, &t->application, WEIR_TYPE_HANDSHAKE, ticket, sizeof ticket);
}

static void expect_keys(struct tapped *t, enum weir_dir dir, uint64_t seq)
{
    struct weir_keys keys;
    struct weir_refusal why;

    cr_assert_eq(weir_tap_take13(t->tap, dir, &keys, &why), WEIR_OK);
    cr_assert_eq(keys.at.seq, seq);
    cr_assert_arr_eq(keys.secret, t->application.secret, 48);
    cr_assert_arr_eq(keys.key, t->application.key, 32);
    cr_assert_eq(keys.suite, WEIR_TLS_AES_256_GCM_SHA384);
}

static void expect_refusal(struct tapped *t, enum weir_dir dir, weir_refusal_code code)
{
    struct weir_keys keys;
    struct weir_keys zero = {0};
    struct weir_refusal why;

    memset(&keys, 0xaa, sizeof keys);
    cr_assert_eq(weir_tap_take13(t->tap, dir, &keys, &why), WEIR_REFUSED);
    cr_assert_eq(why.code, code, "%s", weir_refusal_name(why.code));
    cr_assert_eq(why.layer, WEIR_LAYER_BINDING);
    cr_assert_eq(memcmp(&keys, &zero, sizeof keys), 0);
}

Test(binding_common, tap_counts_records_under_the_application_key)
{
    for (unsigned tickets = 0; tickets < 4; tickets++) {
        struct tapped t;
        begin(&t, true);
        make_server13(&t, tickets);
        give_secrets(&t, WEIR_TX);
        see(&t, WEIR_TX, 0, t.s.len, t.s.len);
        expect_keys(&t, WEIR_TX, tickets);
        end(&t);
    }
}

Test(binding_common, tap_takes_bytes_cut_anywhere)
{
    for (size_t chunk = 1; chunk < 60; chunk++) {
        struct tapped t;
        begin(&t, false);
        make_server13(&t, 2);
        give_secrets(&t, WEIR_RX);
        see(&t, WEIR_RX, 0, t.s.len, chunk);
        cr_assert(weir_tap_at_boundary(t.tap, WEIR_RX));
        expect_keys(&t, WEIR_RX, 2);
        end(&t);
    }
}

Test(binding_common, tap_never_takes_more_than_one_record)
{
    struct tapped t;
    size_t at = 0;
    unsigned records = 0;

    begin(&t, true);
    make_server13(&t, 2);
    give_secrets(&t, WEIR_TX);
    while (at < t.s.len) {
        size_t len = 5 + weir_body_len(t.s.bytes + at);
        cr_assert_eq(weir_tap_see(t.tap, WEIR_TX, t.s.bytes + at, t.s.len - at), len);
        cr_assert(weir_tap_at_boundary(t.tap, WEIR_TX));
        at += len;
        records++;
    }
    cr_assert_eq(records, 6);
    end(&t);
}

/* Secrets as they become known, each right before the first record under it. */
Test(binding_common, tap_takes_secrets_as_they_come)
{
    struct tapped t;
    size_t before_application;

    begin(&t, true);
    make_server13(&t, 0);
    before_application = t.s.len;
    add_sealed(&t.s, t.once, &t.application, WEIR_TYPE_HANDSHAKE, ticket, sizeof ticket);
    weir_tap_secret(t.tap, WEIR_TX, WEIR_TAP_HANDSHAKE, t.handshake.secret, 48);
    see(&t, WEIR_TX, 0, before_application, 10);
    expect_refusal(&t, WEIR_TX, WEIR_REFUSAL_NO_EXPORT);
    weir_tap_secret(t.tap, WEIR_TX, WEIR_TAP_APPLICATION, t.application.secret, 48);
    expect_keys(&t, WEIR_TX, 0);
    see(&t, WEIR_TX, before_application, t.s.len, 10);
    expect_keys(&t, WEIR_TX, 1);
    end(&t);
}

/* Any protected record that does not open makes the count unproven: of ours, every one. */
Test(binding_common, tap_proves_every_record_of_ours)
{
    for (unsigned spoilt = 0; spoilt < 4; spoilt++) {
        struct tapped t;
        unsigned n = 0;
        begin(&t, true);
        make_server13(&t, 2);
        give_secrets(&t, WEIR_TX);
        for (size_t at = 0; at < t.s.len; at += 5 + weir_body_len(t.s.bytes + at)) {
            if (t.s.bytes[at] == WEIR_TYPE_DATA && n++ == spoilt)
                t.s.bytes[at + 6] ^= 1;
        }
        cr_assert_eq(n, 4);
        see(&t, WEIR_TX, 0, t.s.len, t.s.len);
        expect_refusal(&t, WEIR_TX, WEIR_REFUSAL_NOT_PROVEN);
        end(&t);
    }
}

/* A KeyUpdate behind the handshake, alone or behind a ticket in one record: one more key. */
Test(binding_common, tap_notices_a_key_update)
{
    static const uint8_t update[] = {4, 0, 0, 1, 9, 24, 0, 0, 1, 0};

    for (size_t from = 0; from <= 5; from += 5) {
        struct tapped t;
        begin(&t, true);
        make_server13(&t, 1);
        give_secrets(&t, WEIR_TX);
        see(&t, WEIR_TX, 0, t.s.len, t.s.len);
        expect_keys(&t, WEIR_TX, 1);
        size_t at = t.s.len;
        add_sealed(&t.s, t.once, &t.application, WEIR_TYPE_HANDSHAKE, update + from,
                   sizeof update - from);
        see(&t, WEIR_TX, at, t.s.len, t.s.len);
        expect_refusal(&t, WEIR_TX, WEIR_REFUSAL_NOT_PROVEN);
        end(&t);
    }
}

Test(binding_common, tap_notices_a_lost_or_repeated_record)
{
    struct tapped t;

    begin(&t, true);
    make_server13(&t, 2);
    give_secrets(&t, WEIR_TX);
    see(&t, WEIR_TX, 0, t.s.len, t.s.len);
    see(&t, WEIR_TX, t.s.last, t.s.len, t.s.len);
    expect_refusal(&t, WEIR_TX, WEIR_REFUSAL_NOT_PROVEN);
    end(&t);

    begin(&t, true);
    make_server13(&t, 1);
    give_secrets(&t, WEIR_TX);
    see(&t, WEIR_TX, 0, t.s.last, t.s.len);
    add_sealed(&t.s, t.once, &t.application, WEIR_TYPE_HANDSHAKE, ticket, sizeof ticket);
    see(&t, WEIR_TX, t.s.last, t.s.len, t.s.len);
    expect_refusal(&t, WEIR_TX, WEIR_REFUSAL_NOT_PROVEN);
    end(&t);
}

Test(binding_common, tap_wants_the_right_application_secret)
{
    struct tapped t;
    uint8_t wrong[48] = {0};

    begin(&t, true);
    make_server13(&t, 1);
    weir_tap_secret(t.tap, WEIR_TX, WEIR_TAP_HANDSHAKE, t.handshake.secret, 48);
    weir_tap_secret(t.tap, WEIR_TX, WEIR_TAP_APPLICATION, wrong, 48);
    see(&t, WEIR_TX, 0, t.s.len, t.s.len);
    expect_refusal(&t, WEIR_TX, WEIR_REFUSAL_NOT_PROVEN);
    end(&t);
}

Test(binding_common, tap_wants_both_secrets)
{
    for (int which = WEIR_TAP_HANDSHAKE; which <= WEIR_TAP_APPLICATION; which++) {
        struct tapped t;
        uint8_t too_long[64] = {0};
        begin(&t, true);
        make_server13(&t, 0);
        weir_tap_secret(t.tap, WEIR_TX, (enum weir_tap_secret)which, t.handshake.secret, 48);
        weir_tap_secret(t.tap, WEIR_TX, (enum weir_tap_secret)(1 - which), too_long, 64);
        see(&t, WEIR_TX, 0, t.s.len, t.s.len);
        expect_refusal(&t, WEIR_TX, WEIR_REFUSAL_NO_EXPORT);
        end(&t);
    }
}

/* Before its Finished a direction has not reached the application key. */
Test(binding_common, tap_waits_for_finished)
{
    struct tapped t;

    begin(&t, true);
    make_server13(&t, 0);
    give_secrets(&t, WEIR_TX);
    see(&t, WEIR_TX, 0, t.s.last, t.s.len);
    expect_refusal(&t, WEIR_TX, WEIR_REFUSAL_NOT_PROVEN);
    see(&t, WEIR_TX, t.s.last, t.s.len - 1, t.s.len);
    cr_assert(!weir_tap_at_boundary(t.tap, WEIR_TX));
    expect_refusal(&t, WEIR_TX, WEIR_REFUSAL_NOT_PROVEN);
    see(&t, WEIR_TX, t.s.len - 1, t.s.len, t.s.len);
    expect_keys(&t, WEIR_TX, 0);
    /* Half a record under the application key cannot be counted yet. */
    add_sealed(&t.s, t.once, &t.application, WEIR_TYPE_HANDSHAKE, ticket, sizeof ticket);
    see(&t, WEIR_TX, t.s.last, t.s.len - 1, t.s.len);
    expect_refusal(&t, WEIR_TX, WEIR_REFUSAL_NOT_PROVEN);
    see(&t, WEIR_TX, t.s.len - 1, t.s.len, t.s.len);
    expect_keys(&t, WEIR_TX, 1);
    end(&t);
}

/* Finished behind another message, and cut over two records. */
Test(binding_common, tap_finds_finished_wherever_it_lies)
{
    struct tapped t;
    uint8_t both[sizeof encrypted_extensions + sizeof finished];

    memcpy(both, encrypted_extensions, sizeof encrypted_extensions);
    memcpy(both + sizeof encrypted_extensions, finished, sizeof finished);
    for (size_t cut = 1; cut <= sizeof both; cut++) {
        begin(&t, true);
        add_server_hello(&t, WEIR_TLS_AES_256_GCM_SHA384);
        add_sealed(&t.s, t.once, &t.handshake, WEIR_TYPE_HANDSHAKE, both, cut);
        if (cut < sizeof both)
            add_sealed(&t.s, t.once, &t.handshake, WEIR_TYPE_HANDSHAKE, both + cut,
                       sizeof both - cut);
        add_sealed(&t.s, t.once, &t.application, WEIR_TYPE_HANDSHAKE, ticket, sizeof ticket);
        give_secrets(&t, WEIR_TX);
        see(&t, WEIR_TX, 0, t.s.len, t.s.len);
        expect_keys(&t, WEIR_TX, 1);
        end(&t);
    }
}

/* RFC 8446 section 4.2.10: a server skips early data that it has rejected. */
Test(binding_common, tap_skips_what_a_server_may_skip)
{
    struct tapped t;
    uint8_t early[40] = {0};

    for (int dir = WEIR_TX; dir <= WEIR_RX; dir++) {
        begin(&t, true);
        give_secrets(&t, (enum weir_dir)dir);
        see(&t, WEIR_TX, 0, t.s.len, 1);
        add_server_hello(&t, WEIR_TLS_AES_256_GCM_SHA384);
        see(&t, WEIR_TX, 0, t.s.len, t.s.len);
        size_t from = t.s.len;
        add_plain(&t.s, WEIR_TYPE_DATA, early, sizeof early);
        add_sealed(&t.s, t.once, &t.handshake, WEIR_TYPE_HANDSHAKE, finished, sizeof finished);
        see(&t, (enum weir_dir)dir, from, t.s.len, t.s.len);
        if (dir == WEIR_RX)
            expect_keys(&t, WEIR_RX, 0);
        else
            expect_refusal(&t, WEIR_TX, WEIR_REFUSAL_NOT_PROVEN);
        /* Behind Finished nothing is skipped. */
        add_plain(&t.s, WEIR_TYPE_DATA, early, sizeof early);
        see(&t, (enum weir_dir)dir, t.s.last, t.s.len, t.s.len);
        expect_refusal(&t, (enum weir_dir)dir, WEIR_REFUSAL_NOT_PROVEN);
        end(&t);
    }
}

Test(binding_common, tap_keeps_randoms_and_suite)
{
    for (size_t cut = 1; cut < 80; cut++) {
        for (uint8_t id_len = 0; id_len <= 32; id_len = (uint8_t)(id_len + 16)) {
            struct tapped t;
            uint8_t hello[128];
            uint8_t random[32];
            begin(&t, cut % 2 == 0);
            enum weir_dir of_server = cut % 2 == 0 ? WEIR_TX : WEIR_RX;
            enum weir_dir of_client = cut % 2 == 0 ? WEIR_RX : WEIR_TX;
            size_t len = make_hello(hello, 1, 0x11, id_len, 0x5555);
            add_plain(&t.s, WEIR_TYPE_HANDSHAKE, hello, len);
            see(&t, of_client, 0, t.s.len, cut);
            size_t from = t.s.len;
            len = make_hello(hello, 2, 0x22, id_len, 0xc02f);
            size_t first = cut < len ? cut : len;
            add_plain(&t.s, WEIR_TYPE_HANDSHAKE, hello, first);
            if (first < len)
                add_plain(&t.s, WEIR_TYPE_HANDSHAKE, hello + first, len - first);
            see(&t, of_server, from, t.s.len, cut);
            memset(random, 0x11, sizeof random);
            cr_assert_arr_eq(t.tap->client_random, random, sizeof random);
            memset(random, 0x22, sizeof random);
            cr_assert_arr_eq(t.tap->server_random, random, sizeof random);
            cr_assert_eq(t.tap->suite, 0xc02f);
            end(&t);
        }
    }
}

/* Of two hellos, as after a HelloRetryRequest, the last one counts. */
Test(binding_common, tap_keeps_the_last_hello)
{
    struct tapped t;
    uint8_t hello[128];
    uint8_t random[32];

    begin(&t, true);
    for (uint8_t i = 1; i <= 2; i++)
        add_plain(&t.s, WEIR_TYPE_HANDSHAKE, hello, make_hello(hello, 1, i, 32, 0));
    see(&t, WEIR_RX, 0, t.s.len, t.s.len);
    memset(random, 2, sizeof random);
    cr_assert_arr_eq(t.tap->client_random, random, sizeof random);
    size_t from = t.s.len;
    for (uint8_t i = 3; i <= 4; i++)
        add_plain(&t.s, WEIR_TYPE_HANDSHAKE, hello, make_hello(hello, 2, i, 32, 0x1300u + i));
    see(&t, WEIR_TX, from, t.s.len, t.s.len);
    memset(random, 4, sizeof random);
    cr_assert_arr_eq(t.tap->server_random, random, sizeof random);
    cr_assert_eq(t.tap->suite, 0x1304);
    end(&t);
}

/* Bytes that are no record go to the library header by header; nothing is written out of place. */
Test(binding_common, tap_passes_rubbish_on)
{
    struct tapped t;
    uint8_t rubbish[64];

    begin(&t, true);
    memset(rubbish, 0xff, sizeof rubbish);
    cr_assert_eq(weir_tap_see(t.tap, WEIR_RX, rubbish, sizeof rubbish), 5);
    rubbish[0] = 22;
    rubbish[1] = 3;
    cr_assert_eq(weir_tap_see(t.tap, WEIR_RX, rubbish, sizeof rubbish), 5, "length 65535");
    cr_assert(weir_tap_at_boundary(t.tap, WEIR_RX));
    end(&t);
}

/* TLS 1.2 */

struct tls12 {
    struct tapped t;
    struct weir_keys keys;
};

static void begin12(struct tls12 *c, uint16_t suite, weir_nonce_rule rule, uint64_t nonce)
{
    begin(&c->t, true);
    memset(&c->keys, 0, sizeof c->keys);
    c->keys.version = WEIR_TLS12;
    c->keys.suite = suite;
    memset(c->keys.key, 0x31, sizeof c->keys.key);
    memset(c->keys.iv, 0x32, suite == 0xcca8 ? 12 : 4);
    c->keys.at.nonce_rule = (uint8_t)rule;
    c->keys.at.explicit_nonce = nonce;
    add_server_hello(&c->t, suite);
    add_plain(&c->t.s, WEIR_TYPE_CHANGE_CIPHER_SPEC, one, 1);
    add_sealed(&c->t.s, c->t.once, &c->keys, WEIR_TYPE_HANDSHAKE, finished, sizeof finished);
}

/* Takes what `dir` has; the keys come without a position, as weir_tls12_keys leaves them. */
static weir_status take12(struct tls12 *c, enum weir_dir dir, weir_nonce_rule rule,
                          struct weir_keys *keys, struct weir_refusal *why)
{
    see(&c->t, dir, 0, c->t.s.len, 11);
    *keys = c->keys;
    keys->at = (struct weir_position){0};
    return weir_tap_take12(c->t.tap, dir, rule, keys, why);
}

Test(binding_common, tap_goes_on_behind_finished_of_tls12)
{
    static const uint64_t nonces[] = {0, 1, 0x0123456789abcdef, UINT64_MAX};
    struct weir_keys keys;
    struct weir_refusal why;

    for (size_t i = 0; i < 4; i++) {
        struct tls12 c;
        begin12(&c, 0xc02f, WEIR_NONCE_COUNTER, nonces[i]);
        cr_assert_eq(take12(&c, WEIR_TX, WEIR_NONCE_COUNTER, &keys, &why), WEIR_OK);
        cr_assert_eq(keys.at.seq, 1);
        cr_assert_eq(keys.at.explicit_nonce, nonces[i] + 1, "modulo 2^64");
        cr_assert_eq(keys.at.nonce_rule, WEIR_NONCE_COUNTER);
        cr_assert_eq(keys.at.seq, c.keys.at.seq);
        cr_assert_eq(keys.at.blocks, c.keys.at.blocks);
        end(&c.t);

        begin12(&c, 0xc02f, WEIR_NONCE_COUNTER, nonces[i]);
        cr_assert_eq(take12(&c, WEIR_RX, WEIR_NONCE_RANDOM, &keys, &why), WEIR_OK);
        cr_assert_eq(keys.at.nonce_rule, WEIR_NONCE_RANDOM);
        cr_assert_eq(keys.at.explicit_nonce, 0);
        end(&c.t);
    }
}

Test(binding_common, tap_holds_the_sequence_rule_of_tls12)
{
    struct tls12 c;
    struct weir_keys keys;
    struct weir_refusal why;

    begin12(&c, 0xc02f, WEIR_NONCE_SEQ, 0);
    cr_assert_eq(take12(&c, WEIR_TX, WEIR_NONCE_SEQ, &keys, &why), WEIR_OK);
    cr_assert_eq(keys.at.explicit_nonce, 1);
    end(&c.t);

    begin12(&c, 0xc02f, WEIR_NONCE_COUNTER, 5);
    cr_assert_eq(take12(&c, WEIR_TX, WEIR_NONCE_SEQ, &keys, &why), WEIR_REFUSED);
    cr_assert_eq(why.code, WEIR_REFUSAL_NONCE_RULE);
    end(&c.t);
}

Test(binding_common, tap_takes_implicit_nonces_of_tls12)
{
    struct tls12 c;
    struct weir_keys keys;
    struct weir_refusal why;

    begin12(&c, 0xcca8, WEIR_NONCE_IMPLICIT, 0);
    cr_assert_eq(take12(&c, WEIR_TX, WEIR_NONCE_COUNTER, &keys, &why), WEIR_OK);
    cr_assert_eq(keys.at.nonce_rule, WEIR_NONCE_IMPLICIT);
    cr_assert_eq(keys.at.explicit_nonce, 0);
    cr_assert_eq(keys.at.seq, 1);
    end(&c.t);
}

Test(binding_common, tap_proves_the_last_record_of_tls12)
{
    struct weir_keys keys;
    struct weir_keys zero = {0};
    struct weir_refusal why;
    struct tls12 c;

    /* Every byte of the record counts. */
    begin12(&c, 0xc02f, WEIR_NONCE_COUNTER, 7);
    size_t len = c.t.s.len - c.t.s.last;
    end(&c.t);
    for (size_t i = 5; i < len; i++) {
        begin12(&c, 0xc02f, WEIR_NONCE_COUNTER, 7);
        c.t.s.bytes[c.t.s.last + i] ^= 0x10;
        cr_assert_eq(take12(&c, WEIR_TX, WEIR_NONCE_COUNTER, &keys, &why), WEIR_REFUSED);
        cr_assert_eq(why.code, WEIR_REFUSAL_NOT_PROVEN);
        cr_assert_eq(memcmp(&keys, &zero, sizeof keys), 0);
        end(&c.t);
    }

    /* A record more or less than were sealed. */
    begin12(&c, 0xc02f, WEIR_NONCE_COUNTER, 7);
    add_sealed(&c.t.s, c.t.once, &c.keys, WEIR_TYPE_DATA, one, 1);
    add_sealed(&c.t.s, c.t.once, &c.keys, WEIR_TYPE_DATA, one, 1);
    size_t drop = c.t.s.last;
    see(&c.t, WEIR_TX, 0, drop, drop);
    keys = c.keys;
    cr_assert_eq(weir_tap_take12(c.t.tap, WEIR_TX, WEIR_NONCE_COUNTER, &keys, &why), WEIR_OK);
    cr_assert_eq(keys.at.seq, 2);
    see(&c.t, WEIR_TX, drop, c.t.s.len, c.t.s.len);
    see(&c.t, WEIR_TX, drop, c.t.s.len, c.t.s.len);
    keys = c.keys;
    cr_assert_eq(weir_tap_take12(c.t.tap, WEIR_TX, WEIR_NONCE_COUNTER, &keys, &why), WEIR_REFUSED);
    cr_assert_eq(why.code, WEIR_REFUSAL_NOT_PROVEN);
    end(&c.t);
}

Test(binding_common, tap_has_nothing_to_prove_without_records)
{
    struct tapped t;
    struct weir_keys keys = {.version = WEIR_TLS12, .suite = 0xc02f};
    struct weir_refusal why;

    begin(&t, true);
    cr_assert_eq(weir_tap_take12(t.tap, WEIR_TX, WEIR_NONCE_COUNTER, &keys, &why), WEIR_REFUSED);
    cr_assert_eq(why.code, WEIR_REFUSAL_NOT_PROVEN);
    add_server_hello(&t, 0xc02f);
    add_plain(&t.s, WEIR_TYPE_CHANGE_CIPHER_SPEC, one, 1);
    see(&t, WEIR_TX, 0, t.s.len, t.s.len);
    keys.suite = 0xc02f;
    cr_assert_eq(weir_tap_take12(t.tap, WEIR_TX, WEIR_NONCE_COUNTER, &keys, &why), WEIR_REFUSED);
    add_plain(&t.s, WEIR_TYPE_HANDSHAKE, finished, 2);
    see(&t, WEIR_TX, t.s.last, t.s.len, t.s.len);
    keys.suite = 0xc02f;
    cr_assert_eq(weir_tap_take12(t.tap, WEIR_TX, WEIR_NONCE_COUNTER, &keys, &why), WEIR_REFUSED);
    cr_assert_eq(why.code, WEIR_REFUSAL_NOT_PROVEN);
    end(&t);
}
