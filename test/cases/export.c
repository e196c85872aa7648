/* SPDX-License-Identifier: BSD-2-Clause */
/* A direction is given away, and goes on elsewhere. */
#include "fixture.h"

static void tx_is_moved(struct fixture *f, const struct weir_position *at)
{
    const struct weir_iov in = {f->text, 10};
    struct weir_keys keys;
    size_t taken = 7, made = 7;

    CHECK_STATUS(f->t, weir_tx_status(&f->tx), WEIR_E_MOVED);
    uint32_t seals = f->watch.seals;
    CHECK_STATUS(f->t, weir_tx_seal(&f->tx, WEIR_TYPE_DATA, &in, 1, f->out, OUT_LEN, &taken, &made),
                 WEIR_E_MOVED);
    CHECK_EQ(f->t, taken + made, 0);
    CHECK_STATUS(f->t, weir_tx_seal_in_place(&f->tx, WEIR_TYPE_ALERT, f->out, 2, 100, &made),
                 WEIR_E_MOVED);
    CHECK_STATUS(f->t, weir_tx_rekey(&f->tx, &watch_kdf), WEIR_E_MOVED);
    memset(&keys, 0xa5, sizeof keys);
    CHECK_STATUS(f->t, weir_tx_export(&f->tx, &keys, NULL), WEIR_E_MOVED);
    CHECK_ZERO(f->t, &keys, sizeof keys);
    CHECK_EQ(f->t, f->watch.seals, seals);
    CHECK_EQ(f->t, weir_tx_position(&f->tx).seq, at->seq);
}

/* TX goes on at the next record elsewhere, over and over; the watch sees that no nonce returns. */
ON(BOTH, tx_moves)
{
    struct weir_counters counters;
    struct weir_refusal why;
    struct weir_keys keys;

    for (uint64_t n = 0; n < 7; n++) {
        fixture_at(f, n);
        we_seal(f, (size_t)n);
        for (uint64_t i = 0; i < n; i++)
            we_said(f, WEIR_TYPE_DATA, f->text, 10);
        if (f->tls13 && n == 3) {
            CHECK_STATUS(f->t, weir_tx_rekey(&f->tx, &watch_kdf), WEIR_OK);
            wire_update(&f->ours, &watch_kdf);
        }
        struct weir_position at = weir_tx_position(&f->tx);
        struct weir_counters before = weir_tx_counters(&f->tx);
        REQUIRE_STATUS(f->t, weir_tx_export(&f->tx, &keys, &counters), WEIR_OK);
        tx_is_moved(f, &at);
        CHECK_EQ(f->t, keys.at.seq, f->tls13 && n == 3 ? 0 : f->ours.keys.at.seq);
        CHECK_EQ(f->t, keys.at.seq, at.seq);
        CHECK_EQ(f->t, keys.at.blocks, at.blocks);
        CHECK_EQ(f->t, keys.at.explicit_nonce, at.explicit_nonce);
        CHECK_EQ(f->t, keys.at.nonce_rule, at.nonce_rule);
        CHECK_EQ(f->t, keys.at.epoch, f->tls13 && n >= 3);
        CHECK_MEM(f->t, &counters, &before, sizeof counters);
        weir_tx_wipe(&f->tx);
        REQUIRE_STATUS(f->t,
                       weir_tx_import(&f->tx, &keys, &counters, &f->watch.backend, f->tx_ctx,
                                      sizeof f->tx_ctx, &why),
                       WEIR_OK);
        counters = weir_tx_counters(&f->tx);
        CHECK_MEM(f->t, &counters, &before, sizeof counters);
        CHECK_EQ(f->t, counters.records, n * (n + 1) / 2);
        CHECK_EQ(f->t, counters.bytes, 10 * (n * (n + 1) / 2));
        CHECK_EQ(f->t, counters.rekeys, f->tls13 && n >= 3);
    }
}

ON(BOTH, rx_moves)
{
    struct weir_keys keys;
    struct weir_counters counters;
    struct weir_refusal why;

    for (uint32_t n = 0; n < 5; n++) {
        for (uint32_t i = 0; i < n; i++)
            peer_says(f, WEIR_TYPE_DATA, f->text, 20);
        CHECK_STATUS(f->t, we_open(f), WEIR_NEED_INPUT);
        CHECK_EQ(f->t, f->heard.count, n);
        f->heard.count = f->heard.len = 0;
        struct weir_position at = weir_rx_position(&f->rx);
        REQUIRE_STATUS(f->t, weir_rx_export(&f->rx, &keys, &counters), WEIR_OK);
        CHECK_EQ(f->t, keys.at.seq, at.seq);
        CHECK_STATUS(f->t, weir_rx_status(&f->rx), WEIR_E_MOVED);
        CHECK_STATUS(f->t, we_open(f), WEIR_E_MOVED);
        CHECK_STATUS(f->t, weir_rx_rekey(&f->rx, &watch_kdf), WEIR_E_MOVED);
        CHECK_STATUS(f->t, weir_rx_export(&f->rx, &keys, NULL), WEIR_E_MOVED);
        CHECK_ZERO(f->t, &keys, sizeof keys);
        keys = f->rx_keys;
        keys.at = at;
        REQUIRE_STATUS(f->t,
                       weir_rx_import(&f->rx, &keys, &counters, &f->watch.backend, f->rx_ctx,
                                      sizeof f->rx_ctx, &why),
                       WEIR_OK);
        CHECK_EQ(f->t, weir_rx_counters(&f->rx).records, n * (n + 1) / 2);
        CHECK_EQ(f->t, weir_rx_counters(&f->rx).bytes, 20 * (n * (n + 1) / 2));
    }
}

/* The new owner is the only one. */
ON(BOTH, exported_keys_have_one_owner)
{
    _Alignas(TEST_CTX_ALIGN) static uint8_t ctx[TEST_CTX_LEN];
    struct weir_refusal why;
    struct weir_keys keys;
    struct weir_tx tx;

    REQUIRE_STATUS(f->t, weir_tx_export(&f->tx, &keys, NULL), WEIR_OK);
    CHECK_STATUS(f->t, weir_tx_import(&tx, &keys, NULL, &f->watch.backend, ctx, sizeof ctx, &why),
                 WEIR_OK);
    CHECK_ZERO(f->t, &keys, sizeof keys);
    CHECK_STATUS(
        f->t,
        weir_tx_import(&f->tx, &keys, NULL, &f->watch.backend, f->tx_ctx, sizeof f->tx_ctx, &why),
        WEIR_REFUSED);
    weir_tx_wipe(&tx);
    fixture_again(f);
}

static const struct test_case table[] = {
    CASE(tx_moves),
    CASE(rx_moves),
    CASE(exported_keys_have_one_owner),
};
CASE_GROUP(export, table, TEST_EACH_AEAD);
