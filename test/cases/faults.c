/* SPDX-License-Identifier: BSD-2-Clause */
/* A provider that fails at the nth call, for every n. It leaves plaintext behind when it does. */
#include "fixture.h"

/* What a broken provider may answer, and what core makes of it. */
static const struct {
    int answer;
    weir_status seal, open;
} answers[] = {
    {WEIR_E_PROVIDER, WEIR_E_PROVIDER, WEIR_E_PROVIDER},
    {WEIR_E_BACKEND, WEIR_E_BACKEND, WEIR_E_BACKEND},
    {WEIR_E_AUTH, WEIR_E_BACKEND, WEIR_E_AUTH},
    {WEIR_E_MOVED, WEIR_E_BACKEND, WEIR_E_BACKEND},
    {WEIR_NEED_INPUT, WEIR_E_BACKEND, WEIR_E_BACKEND},
    {WEIR_CLOSED, WEIR_E_BACKEND, WEIR_E_BACKEND},
    {-100, WEIR_E_BACKEND, WEIR_E_BACKEND},
    {-129, WEIR_E_BACKEND, WEIR_E_BACKEND},
    {-256, WEIR_E_BACKEND, WEIR_E_BACKEND},
};
#define ANSWERS (sizeof answers / sizeof *answers)

static void tx_is_dead(struct fixture *f, weir_status status)
{
    const struct weir_iov in = {f->text, 10};
    size_t taken = 77, made = 77;
    uint32_t seals = f->watch.seals;

    CHECK_STATUS(f->t, weir_tx_status(&f->tx), status);
    CHECK_STATUS(f->t, weir_tx_seal(&f->tx, WEIR_TYPE_DATA, &in, 1, f->out, OUT_LEN, &taken, &made),
                 status);
    CHECK_STATUS(f->t, weir_tx_seal(&f->tx, WEIR_TYPE_ALERT, &in, 1, f->out, 0, &taken, &made),
                 status);
    CHECK_EQ(f->t, taken + made, 0);
    CHECK_STATUS(f->t, weir_tx_rekey(&f->tx, &watch_kdf), status);
    check_tx_export(f, &f->tx, status);
    CHECK_EQ(f->t, f->watch.seals, seals);
    CHECK_EQ(f->t, f->watch.attached, 1); /* RX */
}

ON(BOTH, seal_fails_at_the_nth_record)
{
    for (size_t limit = 100; limit <= 3000; limit += 2900) { /* copied, and gathered */
        for (uint32_t n = 1; n <= 4; n++) {
            const struct weir_iov in[] = {{f->text, 70}, {f->text + 70, 4 * limit - 70}};
            size_t taken = 77, made = 77;

            fixture_at(f, limit * 10 + n);
            fixture_again(f);
            CHECK_STATUS(f->t, weir_tx_set_record_limit(&f->tx, limit), WEIR_OK);
            memset(f->out, 0, 20000);
            watch_faults.seal = n;
            CHECK_STATUS(
                f->t, weir_tx_seal(&f->tx, WEIR_TYPE_DATA, in, 2, f->out, OUT_LEN, &taken, &made),
                WEIR_E_PROVIDER);
            CHECK_EQ(f->t, taken, (n - 1) * limit);
            CHECK_EQ(f->t, made, (n - 1) * weir_tx_record_len(&f->tx, limit));
            CHECK_ZERO(f->t, f->out + made, 20000 - made);
            CHECK_EQ(f->t, weir_tx_counters(&f->tx).records, n - 1);
            CHECK_EQ(f->t, weir_tx_counters(&f->tx).wire_bytes, made);
            f->out_len = made;
            for (size_t i = 0; i + 1 < n; i++)
                we_said(f, WEIR_TYPE_DATA, f->text + i * limit, limit);
            tx_is_dead(f, WEIR_E_PROVIDER);
        }
    }
}

ON(BOTH, seal_in_place_fails)
{
    size_t prefix = weir_tx_shape(&f->tx).prefix, made = 77;

    memset(f->out, 0xa5, 1000);
    memcpy(f->out + prefix, f->text, 100);
    watch_faults.seal = 1;
    CHECK_STATUS(f->t, weir_tx_seal_in_place(&f->tx, WEIR_TYPE_DATA, f->out, 100, 500, &made),
                 WEIR_E_PROVIDER);
    CHECK_EQ(f->t, made, 0);
    CHECK_ZERO(f->t, f->out, 500);
    CHECK_EQ(f->t, f->out[500], 0xa5);
    tx_is_dead(f, WEIR_E_PROVIDER);
}

ON(BOTH, open_fails_at_the_nth_record)
{
    for (uint32_t n = 1; n <= 4; n++) {
        fixture_at(f, n);
        fixture_again(f);
        for (uint32_t i = 0; i < 4; i++)
            peer_says(f, WEIR_TYPE_DATA, f->text + i, 60);
        watch_faults.open = n;
        /* What is opened together fails together. */
        const bool together = f->watch.backend.open_each != NULL;
        const uint32_t good = together ? 0 : n - 1;
        CHECK_STATUS(f->t, we_open(f), WEIR_E_PROVIDER);
        for (uint32_t i = 0; i < good; i++)
            we_heard(f, WEIR_TYPE_DATA, f->text + i, 60);
        we_heard_nothing(f);
        CHECK_EQ(f->t, weir_rx_counters(&f->rx).records, good);
        CHECK_STATUS(f->t, we_open(f), WEIR_E_PROVIDER);
        CHECK_STATUS(f->t, weir_rx_status(&f->rx), WEIR_E_PROVIDER);
        CHECK_EQ(f->t, f->watch.opens, together ? 4 : n);
        CHECK_EQ(f->t, f->watch.attached, 1); /* TX */
    }
}

ON(BOTH, a_failed_open_leaves_nothing)
{
    struct weir_record out[2];
    size_t consumed, count;

    for (size_t i = 0; i < ANSWERS; i++) {
        fixture_at(f, i);
        fixture_again(f);
        peer_says(f, WEIR_TYPE_DATA, f->text, 60);
        watch_faults.open = 1;
        watch_faults.status = (weir_status)answers[i].answer;
        CHECK_STATUS(f->t, weir_rx_open(&f->rx, f->in, f->in_len, &consumed, out, 2, &count),
                     answers[i].open);
        CHECK_EQ(f->t, consumed + count, 0);
        CHECK_ZERO(f->t, f->in + 5, f->in_len - 5);
        CHECK_STATUS(f->t, weir_rx_open(&f->rx, f->in, f->in_len, &consumed, out, 2, &count),
                     answers[i].open);
        CHECK_STATUS(f->t, weir_rx_status(&f->rx), answers[i].open);
    }
}

ON(BOTH, a_failed_seal_answers_what_it_may)
{
    const struct weir_iov in = {f->text, 60};
    size_t taken = 77, made = 77;

    for (size_t i = 0; i < ANSWERS; i++) {
        fixture_at(f, i);
        fixture_again(f);
        watch_faults.seal = 1;
        watch_faults.status = (weir_status)answers[i].answer;
        CHECK_STATUS(f->t,
                     weir_tx_seal(&f->tx, WEIR_TYPE_DATA, &in, 1, f->out, OUT_LEN, &taken, &made),
                     answers[i].seal);
        CHECK_EQ(f->t, taken + made, 0);
        tx_is_dead(f, answers[i].seal);
    }
}

/* Whatever step of it fails, after a failed rekey no key is left, the old one neither. */
ON(TLS13, rekey_fails_at_every_step)
{
    uint32_t n = 0;

    for (bool failed = true; failed; n++) {
        fixture_at(f, n);
        fixture_again(f);
        watch_faults.hmac = n < 3 ? n + 1 : 0; /* secret, key, IV */
        watch_faults.init = n == 3;
        failed = n <= 3;
        weir_status want = failed ? WEIR_E_PROVIDER : WEIR_OK;
        CHECK_STATUS(f->t, weir_tx_rekey(&f->tx, &watch_kdf), want);
        CHECK_EQ(f->t, watch_hmacs, n < 3 ? n + 1 : 3);
        CHECK_EQ(f->t, weir_tx_counters(&f->tx).rekeys, !failed);
        if (failed)
            tx_is_dead(f, WEIR_E_PROVIDER);
        fixture_again(f);
        watch_faults.hmac = n < 3 ? n + 1 : 0;
        watch_faults.init = n == 3;
        CHECK_STATUS(f->t, weir_rx_rekey(&f->rx, &watch_kdf), want);
        CHECK_STATUS(f->t, weir_rx_status(&f->rx), want);
        CHECK_EQ(f->t, f->watch.attached, failed ? 1 : 2);
        if (failed)
            check_rx_export(f, &f->rx, WEIR_E_PROVIDER);
    }
    for (size_t i = 0; i < ANSWERS; i++) { /* answers of the backend, not of the key derivation */
        fixture_again(f);
        watch_faults.init = 1;
        watch_faults.status = (weir_status)answers[i].answer;
        CHECK_STATUS(f->t, weir_tx_rekey(&f->tx, &watch_kdf), answers[i].seal);
        tx_is_dead(f, answers[i].seal);
    }
}

ON(BOTH, attach_fails)
{
    struct weir_refusal why = {.code = WEIR_REFUSAL_NONE};
    struct weir_keys keys;
    struct weir_tx tx;

    weir_tx_wipe(&f->tx);
    fixture_keys(f, &keys);
    watch_faults.init = 1;
    CHECK_STATUS(f->t,
                 weir_tx_init(&tx, &keys, &f->watch.backend, f->tx_ctx, sizeof f->tx_ctx, &why),
                 WEIR_REFUSED);
    CHECK_EQ(f->t, why.code, WEIR_REFUSAL_PROVIDER);
    CHECK_EQ(f->t, why.layer, WEIR_LAYER_PROVIDER);
    CHECK_STATUS(f->t, weir_tx_status(&tx), WEIR_E_MISUSE);
    weir_tx_wipe(&tx); /* not needed, but does no harm */
    CHECK_EQ(f->t, f->watch.attached, 1);
}

/* Takes apart all that was said, following KeyUpdates; it has to be whole. */
static void all_is_whole(struct fixture *f)
{
    struct wire_record r;
    bool whole = true;

    while (whole && f->said_len < f->out_len) {
        whole = we_said_next(f, &r);
        if (whole && r.type == WEIR_TYPE_HANDSHAKE && r.data[0] == 24)
            wire_update(&f->ours, &watch_kdf);
    }
    CHECK(f->t, whole);
}

static void keep_sending(struct fixture *f, size_t len)
{
    if (weir_session_status(&f->session) >= 0)
        (void)we_send(f, f->text, len);
}

/* A session's life: data both ways, KeyUpdates asked and answered, an alert, the end. */
static void live_a_little(struct fixture *f)
{
    static const uint8_t hello_request[4], canceled[] = {1, 90}, close[] = {1, 0};
    struct weir_refusal why;

    keep_sending(f, 3000);
    peer_says(f, WEIR_TYPE_DATA, f->text, 500);
    if (f->tls13) {
        weir_status asked = weir_session_key_update(&f->session, true, &why);
        CHECK(f->t, asked <= WEIR_OK);
        const uint8_t update[] = {24, 0, 0, 1, 1};
        peer_says(f, WEIR_TYPE_HANDSHAKE, update, sizeof update);
    } else {
        peer_says(f, WEIR_TYPE_HANDSHAKE, hello_request, sizeof hello_request);
    }
    (void)we_hear(f);
    keep_sending(f, 100);
    keep_sending(f, 100);
    if (f->tls13) { /* the peer's next key, without disturbing the count of calls */
        struct watch_faults faults = watch_faults;
        watch_faults.hmac = 0;
        wire_update(&f->theirs, &watch_kdf);
        watch_faults = faults;
    }
    peer_says(f, WEIR_TYPE_ALERT, canceled, sizeof canceled);
    peer_says(f, WEIR_TYPE_DATA, f->text, 500);
    peer_says(f, WEIR_TYPE_ALERT, close, sizeof close);
    (void)we_hear(f);
    keep_sending(f, 100);
    (void)weir_session_close(&f->session);
    (void)we_flush(f);
}

/* Lets the nth call of one kind fail while a session lives; false when there was no nth call. */
static bool fails_once(struct fixture *f, uint32_t *countdown, uint32_t n, weir_status want)
{
    fixture_again(f);
    memset(f->out, 0, 8000);
    *countdown = n;
    live_a_little(f);
    bool fired = *countdown == 0;
    *countdown = 0;
    for (size_t i = f->out_len; i < 8000; i++)
        if (f->out[i] != 0) {
            CHECK_ZERO(f->t, f->out + f->out_len, 8000 - f->out_len);
            break;
        }
    all_is_whole(f);
    CHECK_STATUS(f->t, weir_session_status(&f->session), fired ? want : WEIR_CLOSED);
    if (fired) {
        CHECK_EQ(f->t, f->watch.attached, 0);
        CHECK_STATUS(f->t, we_hear(f), want);
        CHECK_STATUS(f->t, we_send(f, f->text, 10), want);
        (void)we_flush(f);
        CHECK_EQ(f->t, f->out_len, 0);
        CHECK(f->t, !weir_session_wants_flush(&f->session));
    } else {
        CHECK(f->t, weir_session_send_ended(&f->session));
    }
    return fired;
}

ON(BOTH, sessions_fail_at_every_call)
{
    uint32_t *const kinds[] = {&watch_faults.seal, &watch_faults.open, &watch_faults.hmac,
                               &watch_faults.init};
    uint32_t calls[4] = {0};

    f->server = false;
    for (size_t kind = 0; kind < 4; kind++) {
        do {
            fixture_at(f, kind * 1000 + calls[kind] + 1);
        } while (fails_once(f, kinds[kind], ++calls[kind], WEIR_E_PROVIDER) && calls[kind] < 100);
        calls[kind]--;
    }
    CHECK_EQ(f->t, calls[0], f->tls13 ? 7 : 6); /* data, updates or refusal, data, close */
    CHECK_EQ(f->t, calls[1], 5);
    CHECK_EQ(f->t, calls[2], f->tls13 ? 9 : 0);
    CHECK_EQ(f->t, calls[3], f->tls13 ? 3 : 0);
}

/* A message of the TLS library that fails half-way: what was sealed is counted, no key is left. */
ON(TLS13, a_message_fails)
{
    static const uint8_t message[100] = {11, 0, 0, 96};
    size_t made = 77;

    CHECK_STATUS(f->t, weir_tx_set_record_limit(&f->tx, 64), WEIR_OK);
    memset(f->out, 0, 1000);
    watch_faults.seal = 2;
    CHECK_STATUS(
        f->t,
        weir_session_send_handshake(&f->session, message, sizeof message, f->out, OUT_LEN, &made),
        WEIR_E_PROVIDER);
    CHECK_EQ(f->t, made, weir_tx_record_len(&f->tx, 64));
    CHECK_ZERO(f->t, f->out + made, 1000 - made);
    CHECK_STATUS(f->t, weir_session_status(&f->session), WEIR_E_PROVIDER);
    CHECK_STATUS(f->t, we_flush(f), WEIR_E_PROVIDER);
    CHECK_EQ(f->t, f->out_len, 0);
    CHECK_EQ(f->t, f->watch.attached, 0);
}

static const struct test_case table[] = {
    CASE(seal_fails_at_the_nth_record),
    CASE(seal_in_place_fails),
    CASE(open_fails_at_the_nth_record),
    CASE(a_failed_open_leaves_nothing),
    CASE(a_failed_seal_answers_what_it_may),
    CASE(rekey_fails_at_every_step),
    CASE(attach_fails),
    CASE(sessions_fail_at_every_call),
    CASE(a_message_fails),
};
CASE_GROUP(faults, table, TEST_EACH_AEAD);
