/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * weir_loop_pump with a library that reads its wishes off a list.
 */
#include "common.h"

#include <weir/handshake.h>

static const uint8_t message[] = {4, 0, 0, 3, 7, 7, 7};

struct wish {
    weir_status status;
    struct weir_control control;
};

struct scripted {
    struct weir_handshake hs; /* first */
    const struct wish *script;
    unsigned collected;
    uint16_t tx_epoch;
    uint16_t rx_epoch;
};

struct pumped {
    struct scripted library;
    struct weir_once *once;
    struct weir_soft soft;
    void *tx_ctx;
    void *rx_ctx;
    struct weir_tx tx;
    struct weir_rx rx;
    struct weir_session session;
    struct weir_keys wire; /* to read what was sealed */
    uint8_t out[4096];
    size_t made;
};

static weir_status collect(struct weir_handshake *hs, struct weir_control *control)
{
    struct scripted *library = (struct scripted *)(void *)hs;
    const struct wish *wish = &library->script[library->collected];

    *control = wish->control;
    if (wish->status != WEIR_OK || wish->control.kind != WEIR_CONTROL_NONE)
        library->collected++;
    return wish->status;
}

static void epochs(struct weir_handshake *hs, uint16_t tx, uint16_t rx)
{
    struct scripted *library = (struct scripted *)(void *)hs;

    library->tx_epoch = tx;
    library->rx_epoch = rx;
}

static void begin(struct pumped *p, const struct wish *script, const struct weir_kdf *kdf)
{
    struct weir_keys tx = keys13(WEIR_TLS_AES_128_GCM_SHA256, 5), rx = tx;
    const size_t room = (TEST_AEAD.ctx_size + 63) / 64 * 64;
    const struct weir_session_config config = {
        .tx = &p->tx, .rx = &p->rx, .kdf = kdf, .server = true};
    struct weir_refusal why;

    memset(p, 0, sizeof *p);
    p->library.script = script;
    p->library.hs.collect = collect;
    p->library.hs.epochs = epochs;
    p->once = once_new();
    p->tx_ctx = aligned_alloc(64, room);
    p->rx_ctx = aligned_alloc(64, room);
    p->wire = tx;
    cr_assert_eq(weir_soft_init(&p->soft, &TEST_AEAD, &why), WEIR_OK);
    cr_assert_eq(weir_tx_init(&p->tx, &tx, &p->soft.backend, p->tx_ctx, room, &why), WEIR_OK);
    cr_assert_eq(weir_rx_init(&p->rx, &rx, &p->soft.backend, p->rx_ctx, room, &why), WEIR_OK);
    cr_assert_eq(weir_session_init(&p->session, &config), WEIR_OK);
}

static void end(struct pumped *p)
{
    weir_session_wipe(&p->session);
    free(p->tx_ctx);
    free(p->rx_ctx);
    once_free(p->once);
}

/* Pumps with `room` bytes behind what was made before. */
static weir_status pump(struct pumped *p, size_t room)
{
    size_t made = 0;
    weir_status status = weir_loop_pump(&p->library.hs, &p->session, p->out + p->made, room, &made);

    cr_assert_leq(made, room);
    p->made += made;
    return status;
}

/* The next record that was sealed is this one; the reader follows KeyUpdates. */
static void sealed(struct pumped *p, uint8_t type, const void *content, size_t len)
{
    struct weir_record record;

    cr_assert_geq(p->made, WEIR_HEADER_LEN, "nothing was sealed");
    size_t whole = WEIR_HEADER_LEN + weir_body_len(p->out);
    cr_assert_eq(weir_once_open(p->once, &p->wire, p->out, whole, &record), WEIR_OK);
    cr_assert_eq(record.type, type);
    cr_assert_eq(record.len, len);
    cr_assert_eq(memcmp(record.data, content, len), 0);
    if (type == WEIR_TYPE_HANDSHAKE && record.data[0] == WEIR_MESSAGE_KEY_UPDATE)
        cr_assert_eq(weir_keys_update(&p->wire, &TEST_KDF), WEIR_OK);
    p->made -= whole;
    memmove(p->out, p->out + whole, p->made);
}

#define MESSAGE                                                                                    \
    {                                                                                              \
        .control = {.kind = WEIR_CONTROL_HANDSHAKE, .data = message, .len = sizeof message }       \
    }
#define KEY_UPDATE(asks)                                                                           \
    {                                                                                              \
        .control = {.kind = WEIR_CONTROL_KEY_UPDATE, .request_peer = (asks) }                      \
    }

Test(binding_common, pump_keeps_the_order_of_wishes)
{
    static const struct wish script[] = {
        MESSAGE, KEY_UPDATE(true), KEY_UPDATE(false), MESSAGE, {0}};
    static const uint8_t request[] = {24, 0, 0, 1, 1};
    static const uint8_t update[] = {24, 0, 0, 1, 0};
    struct pumped p;

    begin(&p, script, &TEST_KDF);
    cr_assert_eq(pump(&p, sizeof p.out), WEIR_OK);
    sealed(&p, WEIR_TYPE_HANDSHAKE, message, sizeof message);
    sealed(&p, WEIR_TYPE_HANDSHAKE, request, sizeof request);
    sealed(&p, WEIR_TYPE_HANDSHAKE, update, sizeof update);
    sealed(&p, WEIR_TYPE_HANDSHAKE, message, sizeof message);
    cr_assert_eq(p.made, 0);
    cr_assert_eq(p.library.tx_epoch, 2, "the library is told before each wish");
    cr_assert_eq(p.library.rx_epoch, 0);
    end(&p);
}

/* However little room there is at a time, nothing is lost and nothing is said twice. */
Test(binding_common, pump_loses_nothing_for_want_of_room)
{
    static const struct wish script[] = {
        MESSAGE, KEY_UPDATE(false), MESSAGE, {.control = {.kind = WEIR_CONTROL_CLOSE}}, {0}};
    static const uint8_t update[] = {24, 0, 0, 1, 0};
    static const uint8_t close[] = {1, 0};
    const size_t record = 5 + sizeof message + 17;
    struct pumped p;

    begin(&p, script, &TEST_KDF);
    for (size_t room = 0; room < record; room++) {
        cr_assert_eq(pump(&p, room), WEIR_NEED_OUTPUT);
        cr_assert_eq(p.made, 0);
        cr_assert_eq(p.library.collected, 1, "the wish is kept, not asked for again");
    }
    cr_assert_eq(pump(&p, record), WEIR_NEED_OUTPUT, "the KeyUpdate has no room any more");
    cr_assert_eq(p.made, record);
    cr_assert_eq(pump(&p, 0), WEIR_NEED_OUTPUT);
    unsigned calls = 0;
    while (pump(&p, record) == WEIR_NEED_OUTPUT)
        cr_assert_leq(calls++, 10);
    sealed(&p, WEIR_TYPE_HANDSHAKE, message, sizeof message);
    sealed(&p, WEIR_TYPE_HANDSHAKE, update, sizeof update);
    sealed(&p, WEIR_TYPE_HANDSHAKE, message, sizeof message);
    sealed(&p, WEIR_TYPE_ALERT, close, sizeof close);
    cr_assert_eq(p.made, 0);
    cr_assert_eq(pump(&p, sizeof p.out), WEIR_OK);
    cr_assert_eq(p.made, 0);
    end(&p);
}

/* What the session has waiting is said first, also when the library wants nothing. */
Test(binding_common, pump_flushes_the_session)
{
    static const struct wish script[] = {{0}};
    static const uint8_t update[] = {24, 0, 0, 1, 0};
    struct weir_refusal why;
    struct pumped p;

    begin(&p, script, &TEST_KDF);
    cr_assert_eq(weir_session_key_update(&p.session, false, &why), WEIR_OK);
    cr_assert_eq(pump(&p, 0), WEIR_NEED_OUTPUT);
    cr_assert_eq(pump(&p, sizeof p.out), WEIR_OK);
    sealed(&p, WEIR_TYPE_HANDSHAKE, update, sizeof update);
    cr_assert_eq(p.library.tx_epoch, 1, "told when it was sealed");
    end(&p);
}

Test(binding_common, pump_answers_refusals_and_goes_on)
{
    static const struct wish script[] = {
        {.status = WEIR_REFUSED}, MESSAGE, KEY_UPDATE(true), MESSAGE, {0}};
    struct pumped p;

    /* Without a key derivation the session refuses the KeyUpdate. */
    begin(&p, script, NULL);
    cr_assert_eq(pump(&p, sizeof p.out), WEIR_REFUSED);
    cr_assert_eq(p.made, 0);
    cr_assert_eq(pump(&p, sizeof p.out), WEIR_REFUSED);
    cr_assert_eq(weir_session_refusal(&p.session).code, WEIR_REFUSAL_KDF);
    sealed(&p, WEIR_TYPE_HANDSHAKE, message, sizeof message);
    cr_assert_eq(pump(&p, sizeof p.out), WEIR_OK);
    sealed(&p, WEIR_TYPE_HANDSHAKE, message, sizeof message);
    cr_assert_eq(p.made, 0);
    end(&p);
}

Test(binding_common, pump_says_nothing_behind_close_notify)
{
    static const struct wish script[] = {{.control = {.kind = WEIR_CONTROL_CLOSE}}, MESSAGE, {0}};
    static const uint8_t close[] = {1, 0};
    struct pumped p;

    begin(&p, script, &TEST_KDF);
    cr_assert_eq(pump(&p, sizeof p.out), WEIR_E_MISUSE);
    cr_assert_eq(weir_session_status(&p.session), WEIR_OK, "not sticky");
    cr_assert_eq(pump(&p, sizeof p.out), WEIR_OK);
    sealed(&p, WEIR_TYPE_ALERT, close, sizeof close);
    cr_assert_eq(p.made, 0);
    end(&p);
}

Test(binding_common, pump_sends_the_alert_of_the_library)
{
    static const struct wish script[] = {
        {.control = {.kind = WEIR_CONTROL_ALERT, .alert = 51}}, MESSAGE, {0}};
    static const uint8_t alert[] = {2, 51};
    struct pumped p;

    begin(&p, script, &TEST_KDF);
    cr_assert_eq(pump(&p, 10), WEIR_NEED_OUTPUT);
    cr_assert_eq(pump(&p, sizeof p.out), WEIR_E_HANDSHAKE);
    sealed(&p, WEIR_TYPE_ALERT, alert, sizeof alert);
    cr_assert_eq(pump(&p, sizeof p.out), WEIR_E_HANDSHAKE);
    cr_assert_eq(p.made, 0);
    cr_assert_eq(p.library.collected, 1, "nothing more is asked for");
    end(&p);
}

Test(binding_common, pump_ends_the_session_when_the_library_errs)
{
    static const weir_status errors[] = {WEIR_E_MISUSE, WEIR_E_PROVIDER};
    static const uint8_t internal_error[] = {2, 80};

    for (size_t i = 0; i < 2; i++) {
        const struct wish script[] = {{.status = errors[i]}, MESSAGE};
        struct pumped p;
        begin(&p, script, &TEST_KDF);
        cr_assert_eq(pump(&p, sizeof p.out), errors[i]);
        sealed(&p, WEIR_TYPE_ALERT, internal_error, sizeof internal_error);
        cr_assert_eq(p.made, 0);
        cr_assert_eq(pump(&p, sizeof p.out), errors[i]);
        cr_assert_eq(p.made, 0);
        end(&p);
    }
}

/* The same wishes, where records are made below the socket: the message itself, in its turn. */
static weir_status next(struct pumped *p, const uint8_t **data, size_t *len)
{
    weir_status status = weir_loop_message(&p->library.hs, &p->session, data, len);
    cr_assert((status == WEIR_OK && *len > 0) == (*data != NULL));
    return status;
}

/* The session says what it has waiting. */
static void say(struct pumped *p)
{
    size_t made = 0;
    cr_assert_eq(weir_session_flush(&p->session, p->out + p->made, sizeof p->out - p->made, &made),
                 WEIR_OK);
    p->made += made;
}

Test(binding_common, messages_keep_the_order_of_wishes)
{
    static const struct wish script[] = {
        MESSAGE, KEY_UPDATE(true), MESSAGE, {.control = {.kind = WEIR_CONTROL_CLOSE}}, {0}};
    static const uint8_t request[] = {24, 0, 0, 1, 1};
    static const uint8_t close[] = {1, 0};
    const uint8_t *data = NULL;
    struct pumped p;
    size_t len = 0;

    begin(&p, script, &TEST_KDF);
    for (int i = 0; i < 2; i++) { /* until it is sent, it is the same one */
        cr_assert_eq(next(&p, &data, &len), WEIR_OK);
        cr_assert(len == sizeof message && memcmp(data, message, len) == 0);
        cr_assert_eq(p.library.collected, 1);
    }
    weir_loop_message_sent(&p.library.hs);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(next(&p, &data, &len), WEIR_NEED_OUTPUT, "the session's words go first");
        cr_assert_eq(p.library.collected, 2);
    }
    say(&p);
    sealed(&p, WEIR_TYPE_HANDSHAKE, request, sizeof request);
    cr_assert_eq(next(&p, &data, &len), WEIR_OK);
    cr_assert_eq(len, sizeof message);
    cr_assert_eq(p.library.tx_epoch, 1, "the library is told before each wish");
    weir_loop_message_sent(&p.library.hs);
    cr_assert_eq(next(&p, &data, &len), WEIR_NEED_OUTPUT);
    say(&p);
    sealed(&p, WEIR_TYPE_ALERT, close, sizeof close);
    cr_assert_eq(next(&p, &data, &len), WEIR_OK);
    cr_assert_eq(len, 0, "nothing is left");
    end(&p);
}

Test(binding_common, messages_and_what_goes_wrong)
{
    static const struct wish refuses[] = {{.status = WEIR_REFUSED}, KEY_UPDATE(true), MESSAGE, {0}};
    static const struct wish alerts[] = {
        {.control = {.kind = WEIR_CONTROL_ALERT, .alert = 51}}, MESSAGE, {0}};
    static const struct wish errs[] = {{.status = WEIR_E_PROVIDER}, MESSAGE};
    static const uint8_t alert[] = {2, 51}, internal_error[] = {2, 80};
    const uint8_t *data = NULL;
    struct pumped p;
    size_t len = 0;

    begin(&p, refuses, NULL);
    cr_assert_eq(next(&p, &data, &len), WEIR_REFUSED);
    cr_assert_eq(next(&p, &data, &len), WEIR_REFUSED, "no key derivation");
    cr_assert_eq(next(&p, &data, &len), WEIR_OK);
    cr_assert_eq(len, sizeof message);
    end(&p);

    begin(&p, alerts, &TEST_KDF);
    cr_assert_eq(next(&p, &data, &len), WEIR_NEED_OUTPUT);
    say(&p);
    sealed(&p, WEIR_TYPE_ALERT, alert, sizeof alert);
    cr_assert_eq(next(&p, &data, &len), WEIR_E_HANDSHAKE);
    cr_assert_eq(p.library.collected, 1, "nothing more is asked for");
    end(&p);

    begin(&p, errs, &TEST_KDF);
    cr_assert_eq(next(&p, &data, &len), WEIR_NEED_OUTPUT);
    say(&p);
    sealed(&p, WEIR_TYPE_ALERT, internal_error, sizeof internal_error);
    cr_assert_eq(next(&p, &data, &len), WEIR_E_PROVIDER);
    end(&p);
}
