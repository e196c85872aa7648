/* SPDX-License-Identifier: BSD-2-Clause */
/* Usage limits of a key, and the end of the sequence numbers. */
#include "fixture.h"

/* What alerts and handshake messages have beyond the limit for data; core/tx.c. */
#define RESERVE_BLOCKS  1024u
#define RESERVE_RECORDS 64u

/* Plaintext that makes a message of 16 bytes, which is 2 blocks. */
static size_t two_blocks(const struct fixture *f)
{
    return f->tls13 ? 15 : 16;
}

static bool is_gcm(const struct fixture *f)
{
    return weir_suite_find(f->profile->suite)->alg != WEIR_CHACHA20_POLY1305;
}

static weir_status seal(struct fixture *f, uint8_t type, size_t len)
{
    const struct weir_iov in = {f->text, len};
    size_t taken = 77, made = 77;
    weir_status status = weir_tx_seal(&f->tx, type, &in, 1, f->out + f->out_len,
                                      OUT_LEN - f->out_len, &taken, &made);

    CHECK_EQ(f->t, taken, status == WEIR_OK || status == WEIR_REKEY_DUE ? len : 0);
    f->out_len += made;
    return status;
}

/* Seals a record of `type` and takes it apart. */
static weir_status says(struct fixture *f, uint8_t type, size_t len)
{
    weir_status status = seal(f, type, len);

    if (status >= 0)
        we_said(f, type, f->text, len);
    we_said_nothing(f);
    return status;
}

/* A limit of 5 and of 10 records, reached record by record. */
static void reach_hard_limit(struct fixture *f)
{
    weir_tx_set_limit(&f->tx, (struct weir_limit){.soft = 10, .hard = 20});
    for (uint64_t n = 1; n <= 10; n++) {
        weir_status want = n > 5 ? WEIR_REKEY_DUE : WEIR_OK;

        CHECK_STATUS(f->t, says(f, WEIR_TYPE_DATA, two_blocks(f)), want);
        CHECK_STATUS(f->t, weir_tx_status(&f->tx), want);
        CHECK_EQ(f->t, weir_tx_position(&f->tx).blocks, 2 * n);
    }
    CHECK_STATUS(f->t, says(f, WEIR_TYPE_DATA, two_blocks(f)), WEIR_E_KEY_LIMIT);
    CHECK_STATUS(f->t, weir_tx_status(&f->tx), WEIR_E_KEY_LIMIT);
    CHECK_STATUS(f->t, says(f, WEIR_TYPE_DATA, 0), WEIR_E_KEY_LIMIT);
    CHECK_EQ(f->t, weir_tx_position(&f->tx).seq, 10);
}

ON(BOTH, tx_soft_and_hard)
{
    uint32_t alerts = 0;

    reach_hard_limit(f);
    while (says(f, WEIR_TYPE_ALERT, 2) == WEIR_OK && alerts < 10000)
        alerts++;
    CHECK_EQ(f->t, alerts, RESERVE_BLOCKS / 2);
    CHECK_STATUS(f->t, weir_tx_status(&f->tx), WEIR_E_KEY_LIMIT);
    CHECK_EQ(f->t, f->watch.attached, 1); /* RX: after the reserve the key is gone */
    CHECK_STATUS(f->t, says(f, WEIR_TYPE_HANDSHAKE, 2), WEIR_E_KEY_LIMIT);
}

/* At its hard limit a direction neither moves nor renews its key. */
ON(BOTH, nothing_but_an_end_behind_the_limit)
{
    for (int how = WEIR_HAS_EXPORT ? 0 : 1; how < 3; how++) {
        fixture_at(f, (uint64_t)how);
        fixture_again(f);
        reach_hard_limit(f);
        CHECK_STATUS(f->t, says(f, WEIR_TYPE_HANDSHAKE, 5), WEIR_OK);
        if (how == 0)
            check_tx_export(f, &f->tx, WEIR_E_KEY_LIMIT);
        else if (how == 1)
            CHECK_STATUS(f->t, weir_tx_rekey(&f->tx, &watch_kdf), WEIR_E_KEY_LIMIT);
        else
            CHECK_STATUS(f->t, says(f, 99, 5), WEIR_E_KEY_LIMIT);
        CHECK_STATUS(f->t, says(f, WEIR_TYPE_ALERT, 2), WEIR_E_KEY_LIMIT);
        CHECK_EQ(f->t, f->watch.attached, 1);
    }
}

/* Refused once, data stays refused, even so little of it that there would be room. */
ON(BOTH, no_smaller_data_behind_the_limit)
{
    size_t made = 77;

    weir_tx_set_limit(&f->tx, (struct weir_limit){.soft = 0, .hard = 20});
    CHECK_STATUS(f->t, says(f, WEIR_TYPE_DATA, 100), WEIR_OK);
    CHECK_STATUS(f->t, says(f, WEIR_TYPE_DATA, 1000), WEIR_E_KEY_LIMIT);
    CHECK_STATUS(f->t, says(f, WEIR_TYPE_DATA, 10), WEIR_E_KEY_LIMIT);
    CHECK_STATUS(f->t, says(f, WEIR_TYPE_DATA, 0), WEIR_E_KEY_LIMIT);
    CHECK_STATUS(f->t, weir_tx_seal_in_place(&f->tx, WEIR_TYPE_DATA, f->out, 1, 100, &made),
                 WEIR_E_KEY_LIMIT);
    CHECK_EQ(f->t, f->watch.seals, 1);
    CHECK_STATUS(f->t, says(f, WEIR_TYPE_ALERT, 2), WEIR_OK);
}

ON(BOTH, hard_limit_in_the_middle_of_a_call)
{
    const struct weir_iov in = {f->text, 1000};
    size_t taken = 77, made = 77;

    weir_tx_set_limit(&f->tx, (struct weir_limit){.soft = 5, .hard = 9});
    CHECK_STATUS(f->t, weir_tx_set_record_limit(&f->tx, two_blocks(f)), WEIR_OK);
    memset(f->out, 0xa5, 1000);
    CHECK_STATUS(f->t, weir_tx_seal(&f->tx, WEIR_TYPE_DATA, &in, 1, f->out, OUT_LEN, &taken, &made),
                 WEIR_E_KEY_LIMIT);
    CHECK_EQ(f->t, taken, 4 * two_blocks(f));
    CHECK_EQ(f->t, made, weir_tx_wire_len(&f->tx, taken));
    CHECK_EQ(f->t, f->out[made], 0xa5);
    f->out_len = made;
    for (size_t i = 0; i < 4; i++)
        we_said(f, WEIR_TYPE_DATA, f->text + i * two_blocks(f), two_blocks(f));
    we_said_nothing(f);
}

ON(BOTH, hard_limit_in_place)
{
    size_t made = 77;

    weir_tx_set_limit(&f->tx, (struct weir_limit){.soft = 0, .hard = 1});
    memset(f->out, 0xa5, 1000);
    CHECK_STATUS(f->t, weir_tx_seal_in_place(&f->tx, WEIR_TYPE_DATA, f->out, 20, 500, &made),
                 WEIR_E_KEY_LIMIT);
    CHECK_EQ(f->t, made, 0);
    CHECK_ZERO(f->t, f->out, 500);
    CHECK_EQ(f->t, f->out[500], 0xa5);
    CHECK_EQ(f->t, f->watch.seals, 0);
}

/* A limit of 5 and of 10 records, reached by the peer record by record. */
static void peer_reaches_hard_limit(struct fixture *f)
{
    weir_rx_set_limit(&f->rx, (struct weir_limit){.soft = 10, .hard = 20});
    for (uint64_t n = 1; n <= 10; n++) {
        fixture_at(f, n);
        peer_says(f, WEIR_TYPE_DATA, f->text, two_blocks(f));
        CHECK_STATUS(f->t, we_open(f), WEIR_NEED_INPUT);
        we_heard(f, WEIR_TYPE_DATA, f->text, two_blocks(f));
        CHECK_STATUS(f->t, weir_rx_status(&f->rx), n > 5 ? WEIR_REKEY_DUE : WEIR_OK);
        CHECK_EQ(f->t, weir_rx_position(&f->rx).blocks, 2 * n);
    }
}

/* What waits is refused over the limit, and nothing of it is left; `opened`: after it was opened,
 * for its type. */
static void is_too_much(struct fixture *f, bool opened)
{
    uint32_t opens = f->watch.opens;

    CHECK_STATUS(f->t, we_open(f), WEIR_E_KEY_LIMIT);
    CHECK_ZERO(f->t, we_left(f) + 5, f->in_len - 5);
    we_heard_nothing(f);
    CHECK_EQ(f->t, f->watch.opens, opens + opened);
    CHECK_STATUS(f->t, weir_rx_status(&f->rx), WEIR_E_KEY_LIMIT);
    CHECK_STATUS(f->t, we_open(f), WEIR_E_KEY_LIMIT);
    CHECK_EQ(f->t, f->watch.attached, 1); /* TX */
}

ON(BOTH, rx_soft_and_hard)
{
    for (size_t len = 0; len < 2000; len += 1 + len / 2) {
        fixture_at(f, len);
        fixture_again(f);
        peer_reaches_hard_limit(f);
        peer_says(f, WEIR_TYPE_DATA, f->text, len);
        is_too_much(f, true);
    }
}

/* What a sender keeps for its end is heard to the last block; data in between is not. */
ON(BOTH, rx_hears_the_end_behind_the_limit)
{
    static const uint8_t types[] = {WEIR_TYPE_ALERT, WEIR_TYPE_HANDSHAKE};

    for (uint32_t i = 0; i < 4; i++) {
        uint32_t most = i < 2 ? RESERVE_BLOCKS / 2 : i - 2;

        fixture_at(f, i);
        fixture_again(f);
        peer_reaches_hard_limit(f);
        for (uint32_t n = 0; n < most; n++) {
            peer_says(f, types[i % 2], f->text, two_blocks(f));
            CHECK_STATUS(f->t, we_open(f), WEIR_NEED_INPUT);
            we_heard(f, types[i % 2], f->text, two_blocks(f));
            CHECK_STATUS(f->t, weir_rx_status(&f->rx), WEIR_REKEY_DUE);
        }
        CHECK_EQ(f->t, weir_rx_position(&f->rx).blocks, 20 + 2 * most);
        peer_says(f, i < 2 ? types[i % 2] : WEIR_TYPE_DATA, f->text, i < 2);
        is_too_much(f, i >= 2);
    }
}

/* A record that would pass the end of the reserve is not opened, one that just reaches it is. */
ON(BOTH, rx_reserve_at_its_edge)
{
    for (uint32_t over = 0; over < 2; over++) {
        size_t len = 16 * (RESERVE_BLOCKS - 1) - (f->tls13 ? 1 : 0) + over;

        fixture_at(f, over);
        fixture_again(f);
        peer_reaches_hard_limit(f);
        peer_says(f, WEIR_TYPE_HANDSHAKE, f->text, len);
        if (over > 0) {
            is_too_much(f, false);
            continue;
        }
        CHECK_STATUS(f->t, we_open(f), WEIR_NEED_INPUT);
        we_heard(f, WEIR_TYPE_HANDSHAKE, f->text, len);
        CHECK_EQ(f->t, weir_rx_position(&f->rx).blocks, 20 + RESERVE_BLOCKS);
    }
}

/* Whatever weir sends under a limit, weir reads under the same one. */
ON(BOTH, what_tx_may_say_rx_may_hear)
{
    const struct weir_limit limit = {.soft = 1, .hard = 100};

    for (size_t len = 1; len < 2000; len += 1 + len / 3) {
        struct weir_keys keys;
        size_t records = 0;

        fixture_at(f, len);
        fixture_again(f);
        fixture_keys(f, &keys);
        REQUIRE_STATUS(f->t, fixture_tx(f, &keys), WEIR_OK);
        REQUIRE_STATUS(f->t, fixture_rx(f, &keys), WEIR_OK);
        weir_tx_set_limit(&f->tx, limit);
        weir_rx_set_limit(&f->rx, limit);
        f->out_len = f->in_len = 0;
        while (seal(f, WEIR_TYPE_DATA, len) >= 0)
            records++;
        while (seal(f, WEIR_TYPE_ALERT, 2) >= 0)
            records++;
        CHECK(f->t, weir_tx_position(&f->tx).blocks > limit.hard + RESERVE_BLOCKS - 2);
        REQUIRE_EQ(f->t, f->out_len < IN_LEN, true);
        memcpy(f->in, f->out, f->in_len = f->out_len);
        CHECK_STATUS(f->t, we_open(f), WEIR_NEED_INPUT);
        CHECK_EQ(f->t, f->heard.count, records);
        CHECK_EQ(f->t, weir_rx_position(&f->rx).blocks, weir_tx_position(&f->tx).blocks);
        f->said_len = f->out_len;
        weir_keys_wipe(&keys);
    }
}

/* The session is told how it ended, and not that the key is used up. */
ON(BOTH, sessions_end_behind_the_limit)
{
    for (uint8_t fatal = 0; fatal < 2; fatal++) {
        const uint8_t alert[] = {(uint8_t)(1 + fatal), (uint8_t)(80 * fatal)};

        fixture_at(f, fatal);
        fixture_again(f);
        peer_reaches_hard_limit(f);
        peer_says(f, WEIR_TYPE_ALERT, alert, sizeof alert);
        CHECK_STATUS(f->t, we_hear(f), fatal ? WEIR_E_PEER_ALERT : WEIR_CLOSED);
        CHECK_EQ(f->t, weir_session_peer_alert(&f->session), alert[1]);
        CHECK_STATUS(f->t, weir_session_end_of_stream(&f->session),
                     fatal ? WEIR_E_PEER_ALERT : WEIR_CLOSED);
    }
}

/* A peer that renews its key behind the limit may go on. */
ON(TLS13, key_updates_behind_the_limit)
{
    peer_reaches_hard_limit(f);
    peer_updates(f, false);
    peer_says(f, WEIR_TYPE_DATA, f->text, 5);
    CHECK_STATUS(f->t, we_hear(f), WEIR_NEED_INPUT);
    we_heard(f, WEIR_TYPE_DATA, f->text, 5);
    CHECK_STATUS(f->t, weir_rx_status(&f->rx), WEIR_OK);
    CHECK_EQ(f->t, weir_rx_position(&f->rx).blocks, 2);
}

/* One data record on keys that have protected `blocks` already. */
static weir_status seal_after(struct fixture *f, uint64_t blocks, struct weir_limit limit)
{
    struct weir_keys keys;

    fixture_keys(f, &keys);
    keys.at.blocks = blocks;
    CHECK_STATUS(f->t, fixture_tx(f, &keys), WEIR_OK);
    weir_tx_set_limit(&f->tx, limit);
    return says(f, WEIR_TYPE_DATA, two_blocks(f));
}

static weir_status open_after(struct fixture *f, uint64_t blocks, struct weir_limit limit)
{
    struct weir_keys keys;

    fixture_keys(f, &keys);
    keys.at.blocks = blocks;
    CHECK_STATUS(f->t, fixture_rx(f, &keys), WEIR_OK);
    weir_rx_set_limit(&f->rx, limit);
    peer_says(f, WEIR_TYPE_DATA, f->text, two_blocks(f));
    weir_status status = we_open(f);
    f->heard.count = f->heard.len = 0;
    return status == WEIR_NEED_INPUT ? weir_rx_status(&f->rx) : status;
}

/* The algorithm's own limit, at its edges; a higher one is cut to it, 0 keeps it. */
ON(BOTH, the_algorithms_own_limit)
{
    static const struct weir_limit same[] = {
        {0, 0}, {UINT64_MAX, UINT64_MAX}, {UINT64_C(1) << 60, UINT64_C(1) << 61}};
    struct weir_limit own = weir_alg_limit((weir_alg)weir_suite_find(f->profile->suite)->alg);

    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        fixture_at(f, i);
        if (!is_gcm(f)) {
            CHECK_STATUS(f->t, seal_after(f, UINT64_C(1) << 50, same[i]), WEIR_OK);
            CHECK_STATUS(f->t, open_after(f, UINT64_C(1) << 50, same[i]), WEIR_OK);
            continue;
        }
        CHECK_STATUS(f->t, seal_after(f, own.soft - 2, same[i]), WEIR_OK);
        CHECK_STATUS(f->t, open_after(f, own.soft - 2, same[i]), WEIR_OK);
        CHECK_STATUS(f->t, seal_after(f, own.soft - 1, same[i]), WEIR_REKEY_DUE);
        CHECK_STATUS(f->t, open_after(f, own.soft - 1, same[i]), WEIR_REKEY_DUE);
        CHECK_STATUS(f->t, seal_after(f, own.hard - 2, same[i]), WEIR_REKEY_DUE);
        CHECK_STATUS(f->t, open_after(f, own.hard - 2, same[i]), WEIR_REKEY_DUE);
        CHECK_STATUS(f->t, seal_after(f, own.hard - 1, same[i]), WEIR_E_KEY_LIMIT);
        CHECK_STATUS(f->t, open_after(f, own.hard - 1, same[i]), WEIR_E_KEY_LIMIT);
    }
}

/* Counts and limits at the end of 64 bits: no sum begins anew. */
ON(BOTH, no_count_wraps)
{
    const struct weir_limit none = {0, 0}, top = {UINT64_MAX, UINT64_MAX};

    for (uint64_t below = 0; below < 4; below++) {
        weir_status want = is_gcm(f) ? WEIR_E_KEY_LIMIT : WEIR_OK;

        fixture_at(f, below);
        CHECK_STATUS(f->t, seal_after(f, UINT64_MAX - below, none), want);
        CHECK(f->t, weir_tx_position(&f->tx).blocks >= UINT64_MAX - below);
        CHECK_STATUS(f->t, open_after(f, UINT64_MAX - below, none), want);
        CHECK(f->t, weir_rx_position(&f->rx).blocks >= UINT64_MAX - below);
    }
    CHECK_STATUS(f->t, seal_after(f, 5000, top), WEIR_OK);
    CHECK_STATUS(f->t, says(f, WEIR_TYPE_ALERT, 2), WEIR_OK);
    CHECK_STATUS(f->t, says(f, WEIR_TYPE_HANDSHAKE, 20), WEIR_OK);
}

/* A lowered limit holds for the next key as well, which begins at nothing. */
ON(TLS13, limits_hold_for_later_epochs)
{
    weir_tx_set_limit(&f->tx, (struct weir_limit){.soft = 4, .hard = 8});
    for (uint64_t epoch = 0; epoch < 4; epoch++) {
        fixture_at(f, epoch);
        for (uint64_t n = 1; n <= 4; n++)
            CHECK_STATUS(f->t, says(f, WEIR_TYPE_DATA, two_blocks(f)),
                         n > 2 ? WEIR_REKEY_DUE : WEIR_OK);
        if (epoch == 3)
            break;
        CHECK_STATUS(f->t, weir_tx_rekey(&f->tx, &watch_kdf), WEIR_OK);
        wire_update(&f->ours, &watch_kdf);
        CHECK_STATUS(f->t, weir_tx_status(&f->tx), WEIR_OK);
        CHECK_EQ(f->t, weir_tx_position(&f->tx).blocks, 0);
        CHECK_EQ(f->t, weir_tx_position(&f->tx).seq, 0);
        CHECK_EQ(f->t, weir_tx_position(&f->tx).epoch, epoch + 1);
    }
    CHECK_STATUS(f->t, says(f, WEIR_TYPE_DATA, 1), WEIR_E_KEY_LIMIT);
    CHECK_EQ(f->t, weir_tx_counters(&f->tx).rekeys, 3);
}

/* Padding is protected, too, so it counts. */
ON(TLS13, padding_counts)
{
    CHECK_STATUS(f->t, weir_tx_set_padding(&f->tx, 1024), WEIR_OK);
    CHECK_STATUS(f->t, seal(f, WEIR_TYPE_DATA, 1), WEIR_OK);
    CHECK_EQ(f->t, weir_tx_position(&f->tx).blocks, 66); /* 1025 bytes, rounded up, and one */
}

ON(BOTH, tx_sequence_numbers_end)
{
    struct weir_keys keys;
    uint32_t alerts = 0;

    fixture_keys(f, &keys);
    keys.at.seq = UINT64_MAX - RESERVE_RECORDS - 3;
    if (keys.at.nonce_rule == WEIR_NONCE_SEQ)
        keys.at.explicit_nonce = keys.at.seq;
    REQUIRE_STATUS(f->t, fixture_tx(f, &keys), WEIR_OK);
    for (int i = 0; i < 3; i++)
        CHECK_STATUS(f->t, says(f, WEIR_TYPE_DATA, 5), WEIR_OK);
    CHECK_STATUS(f->t, says(f, WEIR_TYPE_DATA, 5), WEIR_E_KEY_LIMIT);
    CHECK_EQ(f->t, weir_tx_position(&f->tx).seq, UINT64_MAX - RESERVE_RECORDS);
    while (says(f, WEIR_TYPE_ALERT, 2) == WEIR_OK && alerts < 1000)
        alerts++;
    CHECK_EQ(f->t, alerts, RESERVE_RECORDS);
    CHECK_EQ(f->t, weir_tx_position(&f->tx).seq, UINT64_MAX);
    CHECK_STATUS(f->t, says(f, WEIR_TYPE_HANDSHAKE, 2), WEIR_E_KEY_LIMIT);
    CHECK_EQ(f->t, weir_tx_position(&f->tx).seq, UINT64_MAX);
}

ON(BOTH, rx_sequence_numbers_end)
{
    struct weir_keys keys;

    fixture_keys(f, &keys);
    keys.at.seq = UINT64_MAX - 2;
    REQUIRE_STATUS(f->t, fixture_rx(f, &keys), WEIR_OK);
    for (int i = 0; i < 3; i++)
        peer_says(f, WEIR_TYPE_DATA, f->text, 5);
    CHECK_STATUS(f->t, we_open(f), WEIR_E_KEY_LIMIT);
    we_heard(f, WEIR_TYPE_DATA, f->text, 5);
    we_heard(f, WEIR_TYPE_DATA, f->text, 5);
    we_heard_nothing(f);
    CHECK_EQ(f->t, f->watch.opens, 2);
    CHECK_EQ(f->t, weir_rx_position(&f->rx).seq, UINT64_MAX);
    CHECK_STATUS(f->t, we_open(f), WEIR_E_KEY_LIMIT);
}

/* 2^16 - 1 KeyUpdates, and not one more. */
ON(TLS13, epochs_end)
{
    struct weir_keys keys;

    for (int dir = WEIR_TX; dir <= WEIR_RX; dir++) {
        fixture_at(f, (uint64_t)dir);
        fixture_again(f);
        fixture_keys(f, &keys);
        keys.at.epoch = UINT16_MAX - 1;
        REQUIRE_STATUS(f->t, fixture_tx(f, &keys), WEIR_OK);
        REQUIRE_STATUS(f->t, fixture_rx(f, &keys), WEIR_OK);
        if (dir == WEIR_TX) {
            CHECK_STATUS(f->t, weir_tx_rekey(&f->tx, &watch_kdf), WEIR_OK);
            CHECK_EQ(f->t, weir_tx_position(&f->tx).epoch, UINT16_MAX);
            CHECK_STATUS(f->t, weir_tx_rekey(&f->tx, &watch_kdf), WEIR_E_KEY_LIMIT);
            CHECK_STATUS(f->t, weir_tx_status(&f->tx), WEIR_E_KEY_LIMIT);
            CHECK_STATUS(f->t, says(f, WEIR_TYPE_ALERT, 2), WEIR_E_KEY_LIMIT);
        } else {
            CHECK_STATUS(f->t, weir_rx_rekey(&f->rx, &watch_kdf), WEIR_OK);
            CHECK_STATUS(f->t, weir_rx_rekey(&f->rx, &watch_kdf), WEIR_E_KEY_LIMIT);
            CHECK_STATUS(f->t, weir_rx_status(&f->rx), WEIR_E_KEY_LIMIT);
            CHECK_STATUS(f->t, we_open(f), WEIR_E_KEY_LIMIT);
        }
        CHECK_EQ(f->t, f->watch.attached, 1);
    }
}

static const struct test_case table[] = {
    CASE(tx_soft_and_hard),
    CASE(nothing_but_an_end_behind_the_limit),
    CASE(no_smaller_data_behind_the_limit),
    CASE(hard_limit_in_the_middle_of_a_call),
    CASE(hard_limit_in_place),
    CASE(rx_soft_and_hard),
    CASE(rx_hears_the_end_behind_the_limit),
    CASE(rx_reserve_at_its_edge),
    CASE(what_tx_may_say_rx_may_hear),
    CASE(sessions_end_behind_the_limit),
    CASE(key_updates_behind_the_limit),
    CASE(the_algorithms_own_limit),
    CASE(no_count_wraps),
    CASE(limits_hold_for_later_epochs),
    CASE(padding_counts),
    CASE(tx_sequence_numbers_end),
    CASE(rx_sequence_numbers_end),
    CASE(epochs_end),
};
CASE_GROUP(limits, table, TEST_EACH_AEAD);
