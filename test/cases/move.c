/* SPDX-License-Identifier: BSD-2-Clause */
/* Directions that move from one backend to another: at any record, with any command failing. */
#include "below.h"

static struct below b;
static struct below_ctx tx_below, rx_below;

static bool carried_on(const struct fixture *f)
{
    return f->profile->nonce_rule != WEIR_NONCE_XOR; /* what below.c counts on would differ */
}

ON(BOTH, sending_moves_at_any_record)
{
    for (uint32_t before = 0; before < 6; before++) {
        for (uint32_t cmds = 0; cmds < 4; cmds++) {
            struct weir_refusal why;

            fixture_at(f, before * 10 + cmds);
            fixture_again(f);
            below_begin(&b, f);
            b.attach_cmds = cmds;
            for (uint32_t i = 0; i < before; i++)
                CHECK_STATUS(f->t, we_send(f, f->text, 100 + i), WEIR_OK);
            struct weir_counters was = weir_tx_counters(&f->tx);
            CHECK_STATUS(f->t, below_move(&b, f, WEIR_TX, &tx_below, WEIR_POLICY_DEFAULT, &why),
                         WEIR_OK);
            CHECK_EQ(f->t, b.run, cmds);
            CHECK(f->t, weir_tx_backend(&f->tx) == &b.backend);
            CHECK_EQ(f->t, weir_tx_carrier(&f->tx), WEIR_CARRIER_BELOW);
            CHECK_EQ(f->t, weir_tx_position(&f->tx).seq, before);
            for (uint32_t i = 0; i < 3; i++)
                CHECK_STATUS(f->t, below_send(&b, f, WEIR_TYPE_DATA, f->text, 200 + i), WEIR_OK);
            CHECK_STATUS(f->t, weir_session_close(&f->session), WEIR_OK);
            CHECK_STATUS(f->t, below_send(&b, f, WEIR_TYPE_DATA, NULL, 0), WEIR_OK);
            for (uint32_t i = 0; i < before; i++)
                we_said(f, WEIR_TYPE_DATA, f->text, 100 + i);
            for (uint32_t i = 0; i < 3; i++)
                we_said(f, WEIR_TYPE_DATA, f->text, 200 + i);
            we_said_alert(f, 1, 0);
            we_said_nothing(f);
            struct weir_counters now = weir_tx_counters(&f->tx);
            CHECK_EQ(f->t, now.moves, 1);
            CHECK_EQ(f->t, now.bytes, was.bytes + 603);
            CHECK_EQ(f->t, now.records, was.records + 4);
        }
    }
}

ON(BOTH, receiving_moves_at_any_record)
{
    for (uint32_t before = 0; before < 6; before++) {
        struct weir_refusal why;

        fixture_at(f, before);
        fixture_again(f);
        below_begin(&b, f);
        for (uint32_t i = 0; i < before; i++)
            peer_says(f, WEIR_TYPE_DATA, f->text, 50 + i);
        CHECK_STATUS(f->t, we_hear(f), WEIR_NEED_INPUT);
        CHECK_STATUS(f->t, below_move(&b, f, WEIR_RX, &rx_below, WEIR_POLICY_ALL, &why), WEIR_OK);
        for (uint32_t i = 0; i < 3; i++) {
            peer_says(f, WEIR_TYPE_DATA, f->text, 70 + i);
            CHECK_STATUS(f->t, below_receive(&b, f), WEIR_OK);
        }
        peer_says(f, WEIR_TYPE_ALERT, "\x01\x00", 2);
        CHECK_STATUS(f->t, below_receive(&b, f), WEIR_CLOSED);
        for (uint32_t i = 0; i < before; i++)
            we_heard(f, WEIR_TYPE_DATA, f->text, 50 + i);
        for (uint32_t i = 0; i < 3; i++)
            we_heard(f, WEIR_TYPE_DATA, f->text, 70 + i);
        we_heard_nothing(f);
        CHECK_EQ(f->t, weir_rx_counters(&f->rx).moves, 1);
        CHECK_EQ(f->t, weir_rx_counters(&f->rx).records, before + 4);
        CHECK_STATUS(f->t, weir_session_status(&f->session), WEIR_CLOSED);
    }
}

/* The nth command fails: software goes on as if nothing had been asked. */
ON(BOTH, failing_commands_leave_all_as_it_was)
{
    for (uint32_t n = 1; n <= 3; n++) {
        for (int dir = 0; dir < 2; dir++) {
            struct weir_refusal why;

            fixture_at(f, n * 10 + (uint32_t)dir);
            fixture_again(f);
            below_begin(&b, f);
            b.attach_cmds = 3;
            b.fail_at = n;
            we_live(f);
            struct weir_position tx = weir_tx_position(&f->tx), rx = weir_rx_position(&f->rx);
            CHECK_STATUS(f->t,
                         below_move(&b, f, (enum weir_dir)dir,
                                    dir == WEIR_TX ? &tx_below : &rx_below, WEIR_POLICY_ALL, &why),
                         WEIR_REFUSED);
            CHECK_EQ(f->t, why.code, WEIR_REFUSAL_OS);
            CHECK_EQ(f->t, why.os_error, BELOW_OTHER);
            CHECK_EQ(f->t, weir_session_refusal(&f->session).code, WEIR_REFUSAL_OS);
            CHECK_EQ(f->t, b.attached, 0);
            CHECK_EQ(f->t, f->watch.attached, 2);
            CHECK_EQ(f->t, weir_tx_position(&f->tx).seq, tx.seq);
            CHECK_EQ(f->t, weir_rx_position(&f->rx).seq, rx.seq);
            CHECK_EQ(f->t, weir_tx_counters(&f->tx).moves + weir_rx_counters(&f->rx).moves, 0);
            we_live(f);
            /* and may be asked again */
            b.fail_at = 0;
            CHECK_STATUS(f->t, below_move(&b, f, WEIR_TX, &tx_below, WEIR_POLICY_ALL, &why),
                         WEIR_OK);
        }
    }
}

/* What waits in its place can be sealed there later. */
static void check_placed_text_stays(struct fixture *f)
{
    uint8_t buf[64], before[sizeof buf];
    size_t made = 77;

    memset(buf, 0xa5, sizeof buf);
    memcpy(before, buf, sizeof buf);
    CHECK_STATUS(f->t, weir_tx_seal_in_place(&f->tx, WEIR_TYPE_DATA, buf, 9, sizeof buf, &made),
                 WEIR_PENDING);
    CHECK_EQ(f->t, made, 0);
    CHECK_MEM(f->t, buf, before, sizeof buf);
}

/* While commands are outstanding nothing is sealed, opened, exported or moved. */
ON(BOTH, nothing_happens_in_the_middle)
{
    struct weir_refusal why;
    enum weir_dir dir;

    for (int side = 0; side < 2; side++) {
        fixture_again(f);
        below_begin(&b, f);
        we_live(f);
        const struct weir_move move = {.backend = &b.backend,
                                       .ctx = side == WEIR_TX ? &tx_below : &rx_below,
                                       .ctx_len = sizeof tx_below,
                                       .policy = WEIR_POLICY_ALL};
        CHECK_STATUS(f->t, weir_session_offload(&f->session, (enum weir_dir)side, &move, &why),
                     WEIR_PENDING);
        CHECK(f->t, weir_session_command(&f->session, &dir) != NULL);
        CHECK_EQ(f->t, dir, side);
        CHECK_STATUS(f->t, weir_session_offload(&f->session, (enum weir_dir)side, &move, &why),
                     WEIR_PENDING);
        CHECK_EQ(f->t, b.attached, 1);
        if (side == WEIR_TX) {
            CHECK_STATUS(f->t, we_send(f, "x", 1), WEIR_PENDING);
            check_placed_text_stays(f);
            check_tx_export(f, &f->tx, WEIR_PENDING);
            CHECK_STATUS(f->t, weir_tx_query(&f->tx, &why), WEIR_PENDING);
            CHECK_STATUS(f->t, weir_session_close(&f->session), WEIR_OK);
            CHECK_STATUS(f->t, we_flush(f), WEIR_PENDING);
            we_said_nothing(f);
            CHECK_EQ(f->t, weir_tx_set_record_limit(&f->tx, 100), WEIR_E_MISUSE);
        } else {
            peer_says(f, WEIR_TYPE_DATA, "y", 1);
            size_t left = f->in_len;
            CHECK_STATUS(f->t, we_hear(f), WEIR_PENDING);
            CHECK_EQ(f->t, f->in_len, left);
            check_rx_export(f, &f->rx, WEIR_PENDING);
            CHECK_EQ(f->t, weir_rx_set_record_limit(&f->rx, 100), WEIR_E_MISUSE);
        }
        CHECK_STATUS(f->t, below_run(&b, f, &why), WEIR_OK);
        if (side == WEIR_TX) {
            CHECK_STATUS(f->t, below_send(&b, f, WEIR_TYPE_DATA, NULL, 0), WEIR_OK);
            we_said_alert(f, 1, 0);
        } else {
            CHECK_STATUS(f->t, below_receive(&b, f), WEIR_OK);
            we_heard(f, WEIR_TYPE_DATA, "y", 1);
        }
        CHECK(f->t, weir_session_command(&f->session, &dir) == NULL);
    }
}

/* An end in the middle of a move: both backends let go. */
ON(BOTH, an_end_in_the_middle)
{
    struct weir_refusal why;

    for (int how = 0; how < 3; how++) {
        fixture_again(f);
        below_begin(&b, f);
        const struct weir_move move = {
            .backend = &b.backend, .ctx = &tx_below, .ctx_len = sizeof tx_below};
        CHECK_STATUS(f->t, weir_session_offload(&f->session, WEIR_TX, &move, &why), WEIR_PENDING);
        CHECK_EQ(f->t, b.attached, 1);
        if (how == 0)
            weir_tx_wipe(&f->tx);
        else if (how == 1)
            weir_tx_end(&f->tx, WEIR_E_IO);
        else
            weir_session_wipe(&f->session);
        CHECK_EQ(f->t, b.attached, 0);
        CHECK_EQ(f->t, f->watch.attached, how == 2 ? 0 : 1);
        CHECK_ZERO(f->t, &tx_below, sizeof tx_below);
    }
}

static void refuses(struct fixture *f, enum weir_dir dir, const struct weir_move *move,
                    weir_refusal_code code)
{
    struct weir_refusal why = {.code = WEIR_REFUSAL_NONE};

    CHECK_STATUS(f->t, weir_session_offload(&f->session, dir, move, &why), WEIR_REFUSED);
    CHECK_EQ(f->t, why.code, code);
    CHECK_EQ(f->t, b.attached, 0);
    CHECK_EQ(f->t, b.run, 0);
}

ON(BOTH, refused_before_anything_is_done)
{
    struct weir_refusal why;

    below_begin(&b, f);
    for (int d = 0; d < 2; d++) {
        enum weir_dir dir = (enum weir_dir)d;
        const struct weir_move good = {.backend = &b.backend,
                                       .ctx = &tx_below,
                                       .ctx_len = sizeof tx_below,
                                       .policy = WEIR_POLICY_ALL};
        struct weir_move m = good;
        m.left = 1;
        refuses(f, dir, &m, WEIR_REFUSAL_BOUNDARY);
        CHECK_STATUS(f->t, weir_session_offload(&f->session, dir, &m, &why), WEIR_REFUSED);
        CHECK_EQ(f->t, why.detail, 1);
        CHECK(f->t, why.transient);
        m = good;
        m.ctx_len = b.backend.ctx_size - 1;
        refuses(f, dir, &m, WEIR_REFUSAL_MEMORY);
        m = good;
        m.ctx = NULL;
        refuses(f, dir, &m, WEIR_REFUSAL_MEMORY);
        m = good;
        m.reversible = true;
        refuses(f, dir, &m, WEIR_REFUSAL_NO_TAKE_BACK);
        b.backend.abi++;
        refuses(f, dir, &good, WEIR_REFUSAL_ABI);
        b.backend.abi--;
        b.backend.sent = NULL;
        refuses(f, dir, &good, WEIR_REFUSAL_FORM);
        below_begin(&b, f);
        b.backend.complete = NULL;
        refuses(f, dir, &good, WEIR_REFUSAL_FORM);
        below_begin(&b, f);
        b.backend.least_record = 0;
        refuses(f, dir, &good, WEIR_REFUSAL_FORM);
        b.backend.least_record = 16385;
        refuses(f, dir, &good, WEIR_REFUSAL_FORM);
        below_begin(&b, f);
        weir_status taken = dir == WEIR_TX ? weir_tx_take_back(&f->tx, &good, &why)
                                           : weir_rx_take_back(&f->rx, &good, &why);
        CHECK_STATUS(f->t, taken, WEIR_REFUSED);
        CHECK_EQ(f->t, why.code, WEIR_REFUSAL_FORM);
    }
    we_live(f);
    /* No connection begins there. */
    struct weir_keys keys = f->tx_keys;
    struct weir_tx tx;
    CHECK_STATUS(f->t, weir_tx_init(&tx, &keys, &b.backend, &tx_below, sizeof tx_below, &why),
                 WEIR_REFUSED);
    CHECK_EQ(f->t, why.code, WEIR_REFUSAL_FORM);
    CHECK_MEM(f->t, &keys, &f->tx_keys, sizeof keys);
    /* Nor with a number that is only a bound. */
    keys.at.unsure = 1;
    CHECK_STATUS(f->t,
                 weir_tx_init(&tx, &keys, &f->watch.backend, f->tx_ctx, sizeof f->tx_ctx, &why),
                 WEIR_REFUSED);
    CHECK_EQ(f->t, why.code, WEIR_REFUSAL_POSITION);
    weir_keys_wipe(&keys);
}

/* One that waits for commands but has none to give. */
ON(BOTH, commands_of_nobody)
{
    struct weir_refusal why;
    const struct weir_move move = {
        .backend = &b.backend, .ctx = &tx_below, .ctx_len = sizeof tx_below};

    below_begin(&b, f);
    b.backend.command = NULL;
    b.backend.complete = NULL;
    CHECK_STATUS(f->t, weir_session_offload(&f->session, WEIR_TX, &move, &why), WEIR_REFUSED);
    CHECK_EQ(f->t, b.attached, 0);
    we_live(f);
}

/* A backend that cannot change the key, under each policy. */
ON(BOTH, the_policy_about_keys)
{
    static const bool takes[3][2] = {
        [WEIR_POLICY_DEFAULT] = {[WEIR_TX] = true, [WEIR_RX] = false},
        [WEIR_POLICY_STRICT] = {[WEIR_TX] = false, [WEIR_RX] = false},
        [WEIR_POLICY_ALL] = {[WEIR_TX] = true, [WEIR_RX] = true},
    };

    for (int policy = 0; policy < 3; policy++) {
        for (int dir = 0; dir < 2; dir++) {
            for (int can = 0; can < 2; can++) {
                struct weir_refusal why;

                fixture_at(f, (uint64_t)policy * 100 + (uint64_t)dir * 10 + (uint64_t)can);
                fixture_again(f);
                below_begin(&b, f);
                if (can == 0)
                    b.backend.rekey = NULL;
                bool want = takes[policy][dir] || can == 1 || !f->tls13;
                weir_status status =
                    below_move(&b, f, (enum weir_dir)dir, dir == WEIR_TX ? &tx_below : &rx_below,
                               (weir_policy)policy, &why);
                CHECK_STATUS(f->t, status, want ? WEIR_OK : WEIR_REFUSED);
                CHECK_EQ(f->t, why.code, want ? WEIR_REFUSAL_NONE : WEIR_REFUSAL_NO_REKEY);
            }
        }
    }
}

ON(BOTH, the_shape_of_records_is_kept)
{
    struct weir_refusal why;
    const struct weir_move tx = {
        .backend = &b.backend, .ctx = &tx_below, .ctx_len = sizeof tx_below};
    const struct weir_move rx = {.backend = &b.backend,
                                 .ctx = &rx_below,
                                 .ctx_len = sizeof rx_below,
                                 .policy = WEIR_POLICY_ALL};

    below_begin(&b, f);
    CHECK_EQ(f->t, weir_tx_set_record_limit(&f->tx, 16383), WEIR_OK);
    refuses(f, WEIR_TX, &tx, WEIR_REFUSAL_RECORD_LIMIT);
    CHECK_EQ(f->t, weir_rx_set_record_limit(&f->rx, 16383), WEIR_OK);
    b.backend.caps = WEIR_CAP_RECORD_LIMIT; /* for what is sent */
    refuses(f, WEIR_RX, &rx, WEIR_REFUSAL_RECORD_LIMIT);
    if (f->tls13) {
        CHECK_EQ(f->t, weir_tx_set_padding(&f->tx, 64), WEIR_OK);
        refuses(f, WEIR_TX, &tx, WEIR_REFUSAL_PADDING);
        CHECK_EQ(f->t, weir_tx_set_padding(&f->tx, 0), WEIR_OK);
    }
    CHECK_STATUS(f->t, below_move(&b, f, WEIR_TX, &tx_below, WEIR_POLICY_ALL, &why), WEIR_OK);
    CHECK_EQ(f->t, weir_tx_set_record_limit(&f->tx, 100), WEIR_E_MISUSE);
    if (f->tls13)
        CHECK_EQ(f->t, weir_tx_set_padding(&f->tx, 2), WEIR_E_MISUSE);
    /* one that is told the limit keeps it */
    b.cut = 16383;
    CHECK_STATUS(f->t, below_send(&b, f, WEIR_TYPE_DATA, f->text, 16384), WEIR_OK);
    CHECK_EQ(f->t, weir_tx_counters(&f->tx).records, 2);
}

/* What is below stays there, unless it gives a direction up and tells where it stands. */
ON(BOTH, taken_back)
{
    struct weir_refusal why;
    _Alignas(TEST_CTX_ALIGN) static uint8_t again[TEST_CTX_LEN];
    const struct weir_move back = {
        .backend = &f->watch.backend, .ctx = again, .ctx_len = sizeof again};

    if (!carried_on(f))
        return;
    below_begin(&b, f);
    CHECK_STATUS(f->t, below_move(&b, f, WEIR_TX, &tx_below, WEIR_POLICY_ALL, &why), WEIR_OK);
    CHECK_STATUS(f->t, below_send(&b, f, WEIR_TYPE_DATA, f->text, 1000), WEIR_OK);
    CHECK_STATUS(f->t, weir_tx_take_back(&f->tx, &back, &why), WEIR_REFUSED);
    CHECK_EQ(f->t, why.code, WEIR_REFUSAL_NO_TAKE_BACK);
    b.backend.caps = WEIR_CAP_RELEASE;
    CHECK_STATUS(f->t, weir_tx_take_back(&f->tx, &back, &why), WEIR_REFUSED);
    CHECK_EQ(f->t, why.code, WEIR_REFUSAL_POSITION);
    CHECK(f->t, why.transient);
    check_tx_export(f, &f->tx, WEIR_REFUSED);
    CHECK_STATUS(f->t, weir_tx_query(&f->tx, &why), WEIR_PENDING);
    CHECK_STATUS(f->t, below_run(&b, f, &why), WEIR_OK);
    CHECK_EQ(f->t, weir_tx_carrier(&f->tx), WEIR_CARRIER_KERNEL);
    CHECK_STATUS(f->t, weir_tx_take_back(&f->tx, &back, &why), WEIR_OK);
    CHECK_EQ(f->t, b.attached, 0);
    CHECK_EQ(f->t, weir_tx_carrier(&f->tx), WEIR_CARRIER_SOFTWARE);
    CHECK_EQ(f->t, weir_tx_counters(&f->tx).moves, 2);
    CHECK_EQ(f->t, weir_tx_counters(&f->tx).records, 1);
    we_said(f, WEIR_TYPE_DATA, f->text, 1000);
    we_live(f);
    we_live(f);
    weir_tx_wipe(&f->tx);
}

/* From one software to another there is nothing to wait for. */
ON(BOTH, software_to_software)
{
    struct weir_refusal why;
    struct weir_soft soft;
    _Alignas(TEST_CTX_ALIGN) static uint8_t tx[TEST_CTX_LEN], rx[TEST_CTX_LEN];

    REQUIRE_STATUS(f->t, weir_soft_init(&soft, f->t->aead, &why), WEIR_OK);
    we_live(f);
    struct weir_move m = {.backend = &soft.backend,
                          .ctx = tx,
                          .ctx_len = sizeof tx,
                          .policy = WEIR_POLICY_STRICT,
                          .reversible = true};
    CHECK_STATUS(f->t, weir_session_offload(&f->session, WEIR_TX, &m, &why), WEIR_OK);
    m.ctx = rx;
    CHECK_STATUS(f->t, weir_rx_take_back(&f->rx, &m, &why), WEIR_OK);
    CHECK_EQ(f->t, f->watch.attached, 0);
    CHECK_STATUS(f->t, weir_tx_query(&f->tx, &why), WEIR_OK);
    we_live(f);
    if (f->tls13) {
        CHECK_STATUS(f->t, weir_session_key_update(&f->session, true, &why), WEIR_OK);
        CHECK_STATUS(f->t, we_flush(f), WEIR_OK);
        we_said_update(f, true);
        we_live(f);
    }
    weir_tx_wipe(&f->tx);
    weir_rx_wipe(&f->rx);
}

/* Without a direction, and after its end. */
ON(BOTH, nothing_to_move)
{
    struct weir_tx none;
    struct weir_refusal why;
    const struct weir_done done = {0};
    const struct weir_move move = {
        .backend = &b.backend, .ctx = &tx_below, .ctx_len = sizeof tx_below};

    memset(&none, 0, sizeof none);
    below_begin(&b, f);
    CHECK_STATUS(f->t, weir_tx_offload(&none, &move, &why), WEIR_E_MISUSE);
    CHECK_STATUS(f->t, weir_tx_query(&none, &why), WEIR_E_MISUSE);
    CHECK_STATUS(f->t, weir_tx_complete(&none, &done, &why), WEIR_E_MISUSE);
    CHECK(f->t, weir_tx_command(&none) == NULL);
    CHECK(f->t, weir_tx_backend(&none) == NULL);
    CHECK_EQ(f->t, weir_tx_carrier(&none), WEIR_CARRIER_NONE);
    weir_tx_end(&f->tx, WEIR_E_IO);
    CHECK_STATUS(f->t, weir_tx_offload(&f->tx, &move, &why), WEIR_E_IO);
    CHECK_STATUS(f->t, weir_tx_take_back(&f->tx, &move, &why), WEIR_E_IO);
    CHECK_STATUS(f->t, weir_tx_query(&f->tx, &why), WEIR_E_IO);
    CHECK_EQ(f->t, weir_tx_carrier(&f->tx), WEIR_CARRIER_NONE);
    CHECK_STATUS(f->t, weir_rx_complete(&f->rx, &done, &why), WEIR_E_MISUSE); /* nothing asked */
    CHECK_EQ(f->t, b.attached, 0);
}

static const struct test_case table[] = {
    CASE(sending_moves_at_any_record),
    CASE(receiving_moves_at_any_record),
    CASE(failing_commands_leave_all_as_it_was),
    CASE(nothing_happens_in_the_middle),
    CASE(an_end_in_the_middle),
    CASE(refused_before_anything_is_done),
    CASE(commands_of_nobody),
    CASE(the_policy_about_keys),
    CASE(the_shape_of_records_is_kept),
    CASE(taken_back),
    CASE(software_to_software),
    CASE(nothing_to_move),
};
CASE_GROUP(move, table, TEST_EACH_AEAD);
