/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loop-through on hand-made records: what a library may write, and what becomes of it.
 */
#include "common.h"

static const uint8_t ticket[] = {4, 0, 0, 5, 9, 24, 24, 24, 24};
static const uint8_t key_update[] = {24, 0, 0, 1, 0};
static const uint8_t key_update_request[] = {24, 0, 0, 1, 1};
static const uint8_t certificate_request[] = {13, 0, 0, 3, 0, 0, 0};

struct looped {
    struct weir_once *once;
    struct weir_loop loop;
    struct weir_keys library_tx; /* what the library writes with */
    struct weir_keys library_rx; /* what it reads with */
    uint8_t messages[4096];
};

static void begin(struct looped *l)
{
    l->once = once_new();
    l->library_tx = keys13(WEIR_TLS_CHACHA20_POLY1305_SHA256, 3);
    l->library_rx = keys13(WEIR_TLS_CHACHA20_POLY1305_SHA256, 4);
    l->library_tx.at.seq = 2;
    weir_loop_init(&l->loop, l->once, &TEST_KDF, &l->library_tx, &l->library_rx);
    cr_assert_null(weir_loop_memory(&l->loop, l->messages, sizeof l->messages));
}

static void begin12(struct looped *l)
{
    struct weir_keys keys = {.version = WEIR_TLS12, .suite = 0xc02f};

    l->once = once_new();
    keys.at.nonce_rule = WEIR_NONCE_COUNTER;
    keys.at.seq = 1;
    keys.at.explicit_nonce = 77;
    l->library_tx = l->library_rx = keys;
    weir_loop_init(&l->loop, l->once, &TEST_KDF, &keys, &keys);
    cr_assert_null(weir_loop_memory(&l->loop, l->messages, sizeof l->messages));
}

static void end(struct looped *l)
{
    uint8_t any = 0;

    weir_loop_wipe(&l->loop);
    for (size_t i = 0; i < sizeof l->messages; i++)
        any |= l->messages[i];
    cr_assert_eq(any, 0);
    once_free(l->once);
}

static weir_status write_record(struct looped *l, uint8_t type, const void *body, size_t len)
{
    static struct stream s;

    s.len = 0;
    add_sealed(&s, l->once, &l->library_tx, type, body, len);
    return weir_loop_open(&l->loop, s.bytes, s.len);
}

static void writes(struct looped *l, uint8_t type, const void *body, size_t len)
{
    cr_assert_eq(write_record(l, type, body, len), WEIR_OK);
}

static struct weir_control next(struct looped *l, enum weir_control_kind kind)
{
    struct weir_control control;

    cr_assert_eq(weir_loop_next(&l->loop, &control), WEIR_OK);
    cr_assert_eq(control.kind, kind);
    return control;
}

static void next_message(struct looped *l, const void *message, size_t len)
{
    struct weir_control control = next(l, WEIR_CONTROL_HANDSHAKE);

    cr_assert_eq(control.len, len);
    cr_assert_eq(memcmp(control.data, message, len), 0);
}

static void next_status(struct looped *l, weir_status status)
{
    struct weir_control control;

    cr_assert_eq(weir_loop_next(&l->loop, &control), status);
    cr_assert_eq(control.kind, WEIR_CONTROL_NONE);
}

Test(binding_common, loop_gives_whole_messages)
{
    struct looped l;
    uint8_t two[2 * sizeof ticket];

    begin(&l);
    next(&l, WEIR_CONTROL_NONE);
    memcpy(two, ticket, sizeof ticket);
    memcpy(two + sizeof ticket, ticket, sizeof ticket);
    writes(&l, WEIR_TYPE_HANDSHAKE, two, sizeof two);
    next_message(&l, ticket, sizeof ticket);
    next_message(&l, ticket, sizeof ticket);
    next(&l, WEIR_CONTROL_NONE);
    for (size_t i = 0; i < sizeof ticket; i++) {
        next(&l, WEIR_CONTROL_NONE);
        writes(&l, WEIR_TYPE_HANDSHAKE, ticket + i, 1);
    }
    next_message(&l, ticket, sizeof ticket);
    next(&l, WEIR_CONTROL_NONE);
    end(&l);
}

Test(binding_common, loop_asks_for_memory_as_it_is_needed)
{
    struct looped l;
    static uint8_t message[40000] = {11, 0, 0x9c, 0x3c};
    static uint8_t memory[2][50000];
    size_t at = 0;
    unsigned used = 0;

    begin(&l);
    cr_assert_eq(weir_loop_lacks(&l.loop, 4096), 0);
    cr_assert_eq(weir_loop_lacks(&l.loop, 4097), 4097);
    cr_assert_eq(write_record(&l, WEIR_TYPE_HANDSHAKE, message, 5000), WEIR_E_MISUSE);
    end(&l);

    begin(&l);
    memset(message + 4, 0x6b, sizeof message - 4);
    while (at < sizeof message) {
        size_t n = sizeof message - at < 10000 ? sizeof message - at : 10000;
        size_t need = weir_loop_lacks(&l.loop, n);
        if (need > 0) {
            cr_assert_eq(need, at + n);
            uint8_t *old = weir_loop_memory(&l.loop, memory[used % 2], need);
            cr_assert_eq(old, used > 0 ? memory[1 - used % 2] : l.messages);
            used++;
        }
        writes(&l, WEIR_TYPE_HANDSHAKE, message + at, n);
        at += n;
    }
    cr_assert_eq(used, 4);
    next_message(&l, message, sizeof message);
    next(&l, WEIR_CONTROL_NONE);
    cr_assert_not_null(weir_loop_memory(&l.loop, NULL, 0));
    end(&l);
}

Test(binding_common, loop_follows_key_updates_of_the_library)
{
    struct looped l;

    begin(&l);
    for (unsigned i = 0; i < 5; i++) {
        writes(&l, WEIR_TYPE_HANDSHAKE, i % 2 == 0 ? key_update : key_update_request, 5);
        cr_assert_eq(next(&l, WEIR_CONTROL_KEY_UPDATE).request_peer, i % 2 != 0);
        next(&l, WEIR_CONTROL_NONE);
        cr_assert_eq(weir_keys_update(&l.library_tx, &TEST_KDF), WEIR_OK);
        writes(&l, WEIR_TYPE_HANDSHAKE, ticket, sizeof ticket);
        next_message(&l, ticket, sizeof ticket);
    }
    /* A record under the key before that one opens no more. */
    l.library_tx = keys13(WEIR_TLS_CHACHA20_POLY1305_SHA256, 3);
    cr_assert_eq(write_record(&l, WEIR_TYPE_HANDSHAKE, ticket, sizeof ticket), WEIR_E_HANDSHAKE);
    end(&l);
}

static void bad_key_update(const uint8_t *bytes, size_t len)
{
    struct looped l;

    begin(&l);
    writes(&l, WEIR_TYPE_HANDSHAKE, bytes, len);
    next_status(&l, WEIR_E_HANDSHAKE);
    next_status(&l, WEIR_E_HANDSHAKE);
    end(&l);
}

Test(binding_common, loop_refuses_key_updates_it_cannot_follow)
{
    static const uint8_t value[] = {24, 0, 0, 1, 2};
    static const uint8_t empty[] = {24, 0, 0, 0};
    static const uint8_t longer[] = {24, 0, 0, 2, 0, 0};
    static const uint8_t followed[] = {24, 0, 0, 1, 0, 4};

    bad_key_update(value, sizeof value);
    bad_key_update(empty, sizeof empty);
    bad_key_update(longer, sizeof longer);
    bad_key_update(followed, sizeof followed);
}

/* In TLS 1.2 every message asks for another handshake. */
Test(binding_common, loop_drops_renegotiation)
{
    static const uint8_t types[] = {0, 1, 24};
    struct weir_control control;
    struct looped l;

    begin12(&l);
    for (size_t i = 0; i < sizeof types; i++) {
        const uint8_t message[] = {types[i], 0, 0, 0};
        writes(&l, WEIR_TYPE_HANDSHAKE, message, sizeof message);
        cr_assert_eq(weir_loop_next(&l.loop, &control), WEIR_REFUSED);
        cr_assert_eq(control.kind, WEIR_CONTROL_NONE);
        cr_assert_eq(control.why.code, WEIR_REFUSAL_RENEGOTIATION);
        next(&l, WEIR_CONTROL_NONE);
    }
    end(&l);
}

static void request_is_refused(struct looped *l, uint8_t type)
{
    struct weir_control control;
    uint8_t message[sizeof certificate_request];

    memcpy(message, certificate_request, sizeof message);
    message[0] = type;
    writes(l, WEIR_TYPE_HANDSHAKE, message, sizeof message);
    cr_assert_eq(weir_loop_next(&l->loop, &control), WEIR_REFUSED);
    cr_assert_eq(control.kind, WEIR_CONTROL_NONE);
    cr_assert_eq(control.why.code, WEIR_REFUSAL_EPOCH);
    cr_assert_eq(control.why.detail, type);
    next(l, WEIR_CONTROL_NONE);
}

Test(binding_common, loop_passes_authentication_in_epoch_0_only)
{
    static const uint8_t types[] = {11, 13, 15, 20};
    struct looped l;

    for (size_t i = 0; i < sizeof types; i++) {
        begin(&l);
        writes(&l, WEIR_TYPE_HANDSHAKE, certificate_request, sizeof certificate_request);
        next_message(&l, certificate_request, sizeof certificate_request);
        weir_loop_epochs(&l.loop, 1, 0);
        request_is_refused(&l, types[i]);
        weir_loop_epochs(&l.loop, 0, 1);
        request_is_refused(&l, types[i]);
        writes(&l, WEIR_TYPE_HANDSHAKE, ticket, sizeof ticket);
        next_message(&l, ticket, sizeof ticket);
        /* One the library itself has made, even when the wire has not seen it yet. */
        weir_loop_epochs(&l.loop, 0, 0);
        writes(&l, WEIR_TYPE_HANDSHAKE, key_update, sizeof key_update);
        next(&l, WEIR_CONTROL_KEY_UPDATE);
        cr_assert_eq(weir_keys_update(&l.library_tx, &TEST_KDF), WEIR_OK);
        request_is_refused(&l, types[i]);
        end(&l);
    }
}

static void alert(struct looped *l, uint8_t level, uint8_t description)
{
    const uint8_t body[] = {level, description};

    writes(l, WEIR_TYPE_ALERT, body, sizeof body);
}

Test(binding_common, loop_understands_alerts)
{
    struct looped l;

    begin(&l);
    alert(&l, 1, 90); /* user_canceled */
    next(&l, WEIR_CONTROL_NONE);
    alert(&l, 2, 90);
    next(&l, WEIR_CONTROL_NONE);
    alert(&l, 1, 50); /* in TLS 1.3 the level says nothing */
    cr_assert_eq(next(&l, WEIR_CONTROL_ALERT).alert, 50);
    next(&l, WEIR_CONTROL_NONE);
    alert(&l, 2, 80);
    cr_assert_eq(next(&l, WEIR_CONTROL_ALERT).alert, 80);
    alert(&l, 1, 0);
    next(&l, WEIR_CONTROL_CLOSE);
    next(&l, WEIR_CONTROL_NONE);
    end(&l);

    begin12(&l);
    alert(&l, 1, 100); /* no_renegotiation */
    next(&l, WEIR_CONTROL_NONE);
    alert(&l, 2, 40);
    cr_assert_eq(next(&l, WEIR_CONTROL_ALERT).alert, 40);
    alert(&l, 1, 0);
    next(&l, WEIR_CONTROL_CLOSE);
    end(&l);
}

Test(binding_common, loop_refuses_broken_alerts)
{
    static const uint8_t three[] = {2, 40, 40};
    static struct stream s;
    struct looped l;

    for (size_t len = 0; len <= 3; len++) {
        begin(&l);
        s.len = 0;
        add_forged(&s, &l.library_tx, WEIR_TYPE_ALERT, three, len);
        cr_assert_eq(weir_loop_open(&l.loop, s.bytes, s.len),
                     len == 2 ? WEIR_OK : WEIR_E_HANDSHAKE);
        if (len == 2)
            cr_assert_eq(next(&l, WEIR_CONTROL_ALERT).alert, 40);
        else
            next_status(&l, WEIR_E_HANDSHAKE);
        end(&l);
    }
    begin(&l);
    writes(&l, WEIR_TYPE_HANDSHAKE, ticket, 3);
    cr_assert_eq(write_record(&l, WEIR_TYPE_ALERT, three, 2), WEIR_E_HANDSHAKE);
    end(&l);
}

Test(binding_common, loop_takes_no_application_data)
{
    struct looped l;
    static struct stream s;

    begin(&l);
    writes(&l, WEIR_TYPE_HANDSHAKE, ticket, sizeof ticket);
    cr_assert_eq(write_record(&l, WEIR_TYPE_DATA, "x", 1), WEIR_E_MISUSE);
    next_status(&l, WEIR_E_MISUSE);
    cr_assert_eq(write_record(&l, WEIR_TYPE_HANDSHAKE, ticket, sizeof ticket), WEIR_E_MISUSE);
    end(&l);

    /* Empty, it says nothing and is let pass: weir_tx makes one of 0 bytes. */
    const struct weir_iov none = {NULL, 0};
    struct weir_refusal why;
    struct weir_tx tx;
    size_t taken = 0;
    begin(&l);
    struct weir_keys keys = l.library_tx;
    cr_assert_eq(weir_tx_init(&tx, &keys, &l.once->soft.backend, l.once->ctx,
                              l.once->soft.backend.ctx_size, &why),
                 WEIR_OK);
    cr_assert_eq(
        weir_tx_seal(&tx, WEIR_TYPE_DATA, &none, 1, s.bytes, sizeof s.bytes, &taken, &s.len),
        WEIR_OK);
    weir_tx_wipe(&tx);
    cr_assert_eq(weir_loop_open(&l.loop, s.bytes, s.len), WEIR_OK);
    next(&l, WEIR_CONTROL_NONE);
    end(&l);
}

Test(binding_common, loop_opens_only_what_the_library_wrote)
{
    struct looped l;
    static struct stream s;
    struct weir_keys zero = {0};

    begin(&l);
    s.len = 0;
    add_sealed(&s, l.once, &l.library_tx, WEIR_TYPE_HANDSHAKE, ticket, sizeof ticket);
    s.bytes[s.len - 1] ^= 1;
    cr_assert_eq(weir_loop_open(&l.loop, s.bytes, s.len), WEIR_E_HANDSHAKE);
    cr_assert_eq(memcmp(&l.loop.tx, &zero, sizeof zero), 0, "the keys are gone");
    cr_assert_eq(memcmp(&l.loop.rx, &zero, sizeof zero), 0);
    for (size_t i = 0; i < s.len; i++)
        cr_assert_eq(s.bytes[i], 0);
    end(&l);

    begin(&l);
    s.len = 0;
    add_plain(&s, WEIR_TYPE_HANDSHAKE, ticket, sizeof ticket);
    cr_assert_eq(weir_loop_open(&l.loop, s.bytes, s.len), WEIR_E_HANDSHAKE, "not protected");
    end(&l);

    begin(&l);
    s.len = 0;
    add_sealed(&s, l.once, &l.library_tx, WEIR_TYPE_HANDSHAKE, ticket, sizeof ticket);
    cr_assert_eq(weir_loop_open(&l.loop, s.bytes, s.len - 1), WEIR_E_HANDSHAKE, "not whole");
    end(&l);
}

/* Peer to library: the library opens it under its own key, at its own next number. */
Test(binding_common, loop_seals_for_the_library)
{
    struct looped l;
    static uint8_t message[5000] = {4, 0, 0x13, 0x84};
    uint8_t record[WEIR_LOOP_RECORD];
    size_t at = 0;

    begin(&l);
    memset(message + 4, 24, sizeof message - 4); /* no KeyUpdate, though it looks like many */
    while (at < sizeof message) {
        struct weir_record content;
        size_t taken = 0;
        size_t made = 0;
        cr_assert_eq(
            weir_loop_seal(&l.loop, message + at, sizeof message - at, &taken, record, &made),
            WEIR_OK);
        cr_assert_eq(taken, sizeof message - at < 1024 ? sizeof message - at : 1024);
        cr_assert_eq(weir_once_open(l.once, &l.library_rx, record, made, &content), WEIR_OK);
        cr_assert_eq(content.type, WEIR_TYPE_HANDSHAKE);
        cr_assert_eq(content.len, taken);
        cr_assert_eq(memcmp(content.data, message + at, taken), 0);
        at += taken;
    }
    cr_assert_eq(l.library_rx.at.seq, 5);
    end(&l);
}

Test(binding_common, loop_keeps_key_updates_from_the_library)
{
    struct looped l;
    uint8_t both[sizeof ticket + sizeof key_update];
    uint8_t record[WEIR_LOOP_RECORD];
    size_t taken = 0;
    size_t made = 0;

    memcpy(both, ticket, sizeof ticket);
    memcpy(both + sizeof ticket, key_update, sizeof key_update);
    begin(&l);
    cr_assert_eq(weir_loop_seal(&l.loop, both, sizeof both, &taken, record, &made), WEIR_E_MISUSE);
    cr_assert_eq(made, 0);
    cr_assert_eq(weir_loop_seal(&l.loop, ticket, sizeof ticket, &taken, record, &made),
                 WEIR_E_MISUSE, "and it stays so");
    end(&l);

    begin12(&l);
    cr_assert_eq(weir_loop_seal(&l.loop, ticket, sizeof ticket, &taken, record, &made),
                 WEIR_E_MISUSE, "TLS 1.2 has nothing for the library");
    end(&l);
}
