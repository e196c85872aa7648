/* SPDX-License-Identifier: BSD-2-Clause */
/* How a direction begins, is refused, moves and ends. */
#include "fixture.h"

/* What a refused direction answers: nothing was attached, nothing needs a wipe, nothing is taken.
 */
static void refused(struct fixture *f, const struct weir_keys *keys, enum weir_dir dir,
                    weir_refusal_code code)
{
    struct weir_keys given = *keys;
    struct weir_refusal why = {.code = WEIR_REFUSAL_NONE};
    uint32_t attached = f->watch.attached;
    struct weir_tx tx;
    struct weir_rx rx;

    memset(&tx, 0xa5, sizeof tx);
    memset(&rx, 0xa5, sizeof rx);
    if (dir == WEIR_TX) {
        CHECK_STATUS(
            f->t, weir_tx_init(&tx, &given, &f->watch.backend, f->tx_ctx, sizeof f->tx_ctx, &why),
            WEIR_REFUSED);
        CHECK_STATUS(f->t, weir_tx_status(&tx), WEIR_E_MISUSE);
    } else {
        CHECK_STATUS(
            f->t, weir_rx_init(&rx, &given, &f->watch.backend, f->rx_ctx, sizeof f->rx_ctx, &why),
            WEIR_REFUSED);
        CHECK_STATUS(f->t, weir_rx_status(&rx), WEIR_E_MISUSE);
    }
    CHECK_EQ(f->t, why.code, code);
    CHECK_EQ(f->t, f->watch.attached, attached);
    CHECK_MEM(f->t, &given, keys, sizeof given);
}

/* Both directions taken back from the fixture, so that its memory can be tried with. */
static void nothing_attached(struct fixture *f, struct weir_keys *keys)
{
    weir_tx_wipe(&f->tx);
    weir_rx_wipe(&f->rx);
    CHECK_EQ(f->t, f->watch.attached, 0);
    fixture_keys(f, keys);
}

ON(BOTH, keys_that_contradict_themselves)
{
    struct weir_keys good, keys;

    nothing_attached(f, &good);
    for (int dir = WEIR_TX; dir <= WEIR_RX; dir++) {
        fixture_at(f, (uint64_t)dir);
        keys = good;
        keys.suite = 0x1304;
        refused(f, &keys, (enum weir_dir)dir, WEIR_REFUSAL_SUITE);
        keys.suite = 0;
        refused(f, &keys, (enum weir_dir)dir, WEIR_REFUSAL_SUITE);
        keys = good;
        keys.version = f->tls13 ? WEIR_TLS12 : WEIR_TLS13;
        refused(f, &keys, (enum weir_dir)dir, WEIR_REFUSAL_VERSION);
        keys.version = 0x0302;
        refused(f, &keys, (enum weir_dir)dir, WEIR_REFUSAL_VERSION);
        keys = good;
        keys.secret_len = 1;
        refused(f, &keys, (enum weir_dir)dir, WEIR_REFUSAL_SECRET);
        keys.secret_len = f->tls13 ? (uint8_t)(good.secret_len ^ 32 ^ 48) : 32;
        refused(f, &keys, (enum weir_dir)dir, WEIR_REFUSAL_SECRET);
        keys = good;
        keys.at.seq = UINT64_MAX;
        if (keys.at.nonce_rule == WEIR_NONCE_SEQ)
            keys.at.explicit_nonce = UINT64_MAX;
        refused(f, &keys, (enum weir_dir)dir, WEIR_REFUSAL_POSITION);
        keys = good;
        keys.at.epoch = 1;
        if (!f->tls13)
            refused(f, &keys, (enum weir_dir)dir, WEIR_REFUSAL_POSITION);
    }
}

static bool has_explicit_nonce(const struct fixture *f)
{
    return f->profile->nonce_rule != WEIR_NONCE_IMPLICIT;
}

static bool rule_fits(const struct fixture *f, unsigned rule, enum weir_dir dir)
{
    if (rule == WEIR_NONCE_IMPLICIT)
        return !has_explicit_nonce(f);
    if (rule == WEIR_NONCE_RANDOM)
        return has_explicit_nonce(f) && dir == WEIR_RX;
    return has_explicit_nonce(f) && rule < WEIR_NONCE_RANDOM;
}

ON(BOTH, every_nonce_rule)
{
    struct weir_keys keys;

    nothing_attached(f, &keys);
    keys.at.explicit_nonce = 0;
    for (unsigned rule = 0; rule < 256; rule++) {
        keys.at.nonce_rule = (uint8_t)rule;
        fixture_at(f, rule);
        if (rule_fits(f, rule, WEIR_TX))
            CHECK_STATUS(f->t, fixture_tx(f, &keys), WEIR_OK);
        else
            refused(f, &keys, WEIR_TX, WEIR_REFUSAL_NONCE_RULE);
        if (rule_fits(f, rule, WEIR_RX))
            CHECK_STATUS(f->t, fixture_rx(f, &keys), WEIR_OK);
        else
            refused(f, &keys, WEIR_RX, WEIR_REFUSAL_NONCE_RULE);
        weir_tx_wipe(&f->tx);
        weir_rx_wipe(&f->rx);
    }
}

/* The explicit nonce of rule SEQ is the sequence number; where there is none on the wire it is 0.
 */
ON(BOTH, explicit_nonce_that_contradicts_its_rule)
{
    struct weir_keys keys;

    nothing_attached(f, &keys);
    keys.at.seq = 7;
    keys.at.nonce_rule = has_explicit_nonce(f) ? WEIR_NONCE_SEQ : WEIR_NONCE_IMPLICIT;
    keys.at.explicit_nonce = has_explicit_nonce(f) ? 7 : 0;
    CHECK_STATUS(f->t, fixture_tx(f, &keys), WEIR_OK);
    weir_tx_wipe(&f->tx);
    keys.at.explicit_nonce ^= 1;
    refused(f, &keys, WEIR_TX, WEIR_REFUSAL_POSITION);
    if (has_explicit_nonce(f)) /* the peer's are read from the wire */
        CHECK_STATUS(f->t, fixture_rx(f, &keys), WEIR_OK);
    else
        refused(f, &keys, WEIR_RX, WEIR_REFUSAL_POSITION);
}

/* Each record continues the rule it began with; wire_take gives what stood on the wire. */
ON(BOTH, nonces_continue_under_their_rule)
{
    static const uint64_t starts[] = {0, 1, 1000, UINT64_C(0x8000000000000000),
                                      UINT64_C(0xfffffffffffffff0)};
    struct weir_keys keys;
    struct wire_record r;

    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        for (int wrap = 0; wrap < 2; wrap++) {
            fixture_keys(f, &keys);
            keys.at.seq = starts[i] & UINT64_C(0x7fffffffffffffff);
            if (keys.at.nonce_rule == WEIR_NONCE_SEQ)
                keys.at.explicit_nonce = keys.at.seq;
            else if (has_explicit_nonce(f) && wrap)
                keys.at.explicit_nonce = UINT64_MAX - 2; /* a counter may wrap; seq does not */
            uint64_t mask = keys.at.explicit_nonce ^ keys.at.seq;
            REQUIRE_STATUS(f->t, fixture_tx(f, &keys), WEIR_OK);
            we_seal(f, 10);
            for (uint64_t n = 0; n < 10; n++) {
                fixture_at(f, i * 100 + n);
                REQUIRE(f->t, we_said_next(f, &r));
                if (keys.at.nonce_rule == WEIR_NONCE_SEQ)
                    CHECK_EQ(f->t, r.explicit_nonce, keys.at.seq + n);
                if (keys.at.nonce_rule == WEIR_NONCE_COUNTER)
                    CHECK_EQ(f->t, r.explicit_nonce, keys.at.explicit_nonce + n);
                if (keys.at.nonce_rule == WEIR_NONCE_XOR)
                    CHECK_EQ(f->t, r.explicit_nonce, mask ^ (keys.at.seq + n));
            }
            we_said_nothing(f);
            struct weir_position at = weir_tx_position(&f->tx);
            CHECK_EQ(f->t, at.seq, keys.at.seq + 10);
            CHECK_EQ(f->t, at.nonce_rule, keys.at.nonce_rule);
            if (keys.at.nonce_rule == WEIR_NONCE_XOR)
                CHECK_EQ(f->t, at.explicit_nonce ^ at.seq, mask);
        }
    }
}

/* RX takes whatever explicit nonce stands on the wire, whatever rule it was told. */
ON(BOTH, rx_reads_any_explicit_nonce)
{
    struct weir_keys keys;

    if (!has_explicit_nonce(f))
        return;
    for (uint32_t rule = WEIR_NONCE_SEQ; rule <= WEIR_NONCE_RANDOM; rule++) {
        fixture_keys(f, &keys);
        keys.at.nonce_rule = (uint8_t)rule;
        keys.at.explicit_nonce = 0;
        fixture_at(f, rule);
        REQUIRE_STATUS(f->t, fixture_rx(f, &keys), WEIR_OK);
        f->theirs.keys.at.explicit_nonce = 12345;
        f->theirs.keys.at.nonce_rule = WEIR_NONCE_RANDOM;
        for (uint32_t i = 0; i < 5; i++)
            peer_says(f, WEIR_TYPE_DATA, f->text + i, i);
        CHECK_STATUS(f->t, we_open(f), WEIR_NEED_INPUT);
        for (uint32_t i = 0; i < 5; i++)
            we_heard(f, WEIR_TYPE_DATA, f->text + i, i);
    }
}

/* Keys make one direction; a second one would use its nonces again. */
ON(BOTH, a_position_has_one_owner)
{
    _Alignas(TEST_CTX_ALIGN) static uint8_t ctx[TEST_CTX_LEN];
    struct weir_refusal why;
    struct weir_keys keys;
    struct weir_tx tx;
    struct weir_rx rx;

    nothing_attached(f, &keys);
    CHECK_STATUS(f->t,
                 weir_tx_init(&f->tx, &keys, &f->watch.backend, f->tx_ctx, sizeof f->tx_ctx, &why),
                 WEIR_OK);
    CHECK_ZERO(f->t, &keys, sizeof keys);
    CHECK_STATUS(f->t, weir_tx_init(&tx, &keys, &f->watch.backend, ctx, sizeof ctx, &why),
                 WEIR_REFUSED);
    CHECK_EQ(f->t, why.code, WEIR_REFUSAL_SUITE);
    fixture_keys(f, &keys);
    CHECK_STATUS(f->t, weir_rx_init(&rx, &keys, &f->watch.backend, ctx, sizeof ctx, &why), WEIR_OK);
    CHECK_ZERO(f->t, &keys, sizeof keys);
    weir_rx_wipe(&rx);
    fixture_again(f);
}

/* tcp_seq is that of the next record's first byte, for as long as it is known. */
ON(BOTH, position_follows_the_stream)
{
    struct weir_keys keys;

    fixture_keys(f, &keys);
    keys.at.tcp_seq = UINT32_C(0xffffff00);
    keys.at.tcp_known = true;
    REQUIRE_STATUS(f->t, fixture_tx(f, &keys), WEIR_OK);
    we_seal(f, 9);
    CHECK_EQ(f->t, weir_tx_position(&f->tx).tcp_seq, (uint32_t)(keys.at.tcp_seq + f->out_len));
    fixture_keys(f, &keys);
    keys.at.tcp_seq = UINT32_C(0xffffff00);
    keys.at.tcp_known = true;
    REQUIRE_STATUS(f->t, fixture_rx(f, &keys), WEIR_OK);
    for (int i = 0; i < 9; i++)
        peer_says(f, WEIR_TYPE_DATA, f->text, 10);
    size_t len = f->in_len;
    CHECK_STATUS(f->t, we_open(f), WEIR_NEED_INPUT);
    CHECK_EQ(f->t, weir_rx_position(&f->rx).tcp_seq, (uint32_t)(keys.at.tcp_seq + len));

    fixture_again(f);
    we_seal(f, 3);
    CHECK_EQ(f->t, weir_tx_position(&f->tx).tcp_seq, 0);
}

static bool holds(const void *memory, size_t len, const void *secret, size_t secret_len)
{
    const uint8_t *p = memory;

    for (size_t i = 0; i + secret_len <= len; i++)
        if (memcmp(p + i, secret, secret_len) == 0)
            return true;
    return false;
}

/* Eight bytes are enough to know a secret by. */
static void no_secret_left(struct fixture *f, const void *memory, size_t len,
                           const struct weir_keys *keys)
{
    CHECK(f->t, !holds(memory, len, keys->key, 8));
    if (f->tls13) {
        CHECK(f->t, !holds(memory, len, keys->iv + 4, 8));
        CHECK(f->t, !holds(memory, len, keys->secret, 8));
    }
}

ON(BOTH, ending_wipes_keys)
{
    for (int how = 0; how < 3; how++) {
        fixture_at(f, (uint64_t)how);
        fixture_again(f);
        CHECK(f->t, holds(&f->tx, sizeof f->tx, f->tx_keys.key, 8));
        if (how == 0) {
            weir_tx_end(&f->tx, WEIR_E_IO);
            weir_rx_end(&f->rx, WEIR_E_IO);
        } else if (how == 1 && WEIR_HAS_EXPORT) {
            check_tx_export(f, &f->tx, WEIR_OK);
            check_rx_export(f, &f->rx, WEIR_OK);
        } else {
            weir_tx_wipe(&f->tx);
            weir_rx_wipe(&f->rx);
            CHECK_ZERO(f->t, &f->tx, sizeof f->tx);
            CHECK_ZERO(f->t, &f->rx, sizeof f->rx);
        }
        CHECK_EQ(f->t, f->watch.attached, 0);
        no_secret_left(f, &f->tx, sizeof f->tx, &f->tx_keys);
        no_secret_left(f, f->tx_ctx, sizeof f->tx_ctx, &f->tx_keys);
        no_secret_left(f, &f->rx, sizeof f->rx, &f->rx_keys);
        no_secret_left(f, f->rx_ctx, sizeof f->rx_ctx, &f->rx_keys);
    }
}

/* The first status stays, and only one below zero can be one. */
ON(BOTH, the_first_end_counts)
{
    static const int odd[] = {WEIR_OK, WEIR_CLOSED, -129, -256, -1000};

    weir_tx_end(&f->tx, WEIR_E_IO);
    CHECK_STATUS(f->t, weir_tx_status(&f->tx), WEIR_E_IO);
    weir_tx_end(&f->tx, WEIR_E_AUTH);
    CHECK_STATUS(f->t, weir_tx_status(&f->tx), WEIR_E_IO);
    weir_rx_end(&f->rx, WEIR_E_TRUNCATED);
    weir_rx_end(&f->rx, WEIR_E_AUTH);
    CHECK_STATUS(f->t, weir_rx_status(&f->rx), WEIR_E_TRUNCATED);
    CHECK_STATUS(f->t, we_open(f), WEIR_E_TRUNCATED);
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        fixture_again(f);
        fixture_at(f, i);
        weir_tx_end(&f->tx, (weir_status)odd[i]);
        CHECK_STATUS(f->t, weir_tx_status(&f->tx), WEIR_E_MISUSE);
        weir_rx_end(&f->rx, (weir_status)odd[i]);
        CHECK_STATUS(f->t, weir_rx_status(&f->rx), WEIR_E_MISUSE);
    }
}

static void dead_tx(struct fixture *f, struct weir_tx *tx)
{
    const struct weir_iov in = {f->text, 10};
    struct weir_refusal why;
    size_t taken = 7, made = 7;

    CHECK_STATUS(f->t, weir_tx_status(tx), WEIR_E_MISUSE);
    CHECK_STATUS(f->t, weir_tx_seal(tx, WEIR_TYPE_DATA, &in, 1, f->out, OUT_LEN, &taken, &made),
                 WEIR_E_MISUSE);
    CHECK_EQ(f->t, taken + made, 0);
    CHECK_STATUS(f->t, weir_tx_seal(tx, WEIR_TYPE_DATA, NULL, 0, f->out, OUT_LEN, &taken, &made),
                 WEIR_E_MISUSE);
    CHECK_STATUS(f->t, weir_tx_seal_in_place(tx, WEIR_TYPE_DATA, f->out, 10, 100, &made),
                 WEIR_E_MISUSE);
    CHECK_STATUS(f->t, weir_tx_rekey(tx, &watch_kdf), WEIR_E_MISUSE);
    CHECK(f->t, !weir_tx_can_rekey(tx, &watch_kdf, &why));
    check_tx_export(f, tx, WEIR_E_MISUSE);
    CHECK_STATUS(f->t, weir_tx_set_padding(tx, 16), WEIR_E_MISUSE);
    weir_tx_set_limit(tx, (struct weir_limit){1, 1});
    weir_tx_end(tx, WEIR_E_IO);
    (void)weir_tx_shape(tx);
    (void)weir_tx_record_len(tx, 100);
    (void)weir_tx_wire_len(tx, 100);
    (void)weir_tx_counters(tx);
    CHECK_EQ(f->t, weir_tx_suite(tx), 0);
    CHECK_EQ(f->t, weir_tx_position(tx).seq, 0);
    CHECK_STATUS(f->t, weir_tx_status(tx), WEIR_E_MISUSE);
    weir_tx_wipe(tx);
}

static void dead_rx(struct fixture *f, struct weir_rx *rx)
{
    struct weir_record record;
    struct weir_refusal why;
    size_t consumed = 7, count = 7;

    CHECK_STATUS(f->t, weir_rx_status(rx), WEIR_E_MISUSE);
    CHECK_STATUS(f->t, weir_rx_open(rx, f->in, 100, &consumed, &record, 1, &count), WEIR_E_MISUSE);
    CHECK_EQ(f->t, consumed + count, 0);
    CHECK_STATUS(f->t, weir_rx_rekey(rx, &watch_kdf), WEIR_E_MISUSE);
    CHECK(f->t, !weir_rx_can_rekey(rx, &watch_kdf, &why));
    check_rx_export(f, rx, WEIR_E_MISUSE);
    weir_rx_set_limit(rx, (struct weir_limit){1, 1});
    weir_rx_end(rx, WEIR_E_IO);
    (void)weir_rx_counters(rx);
    CHECK_EQ(f->t, weir_rx_suite(rx), 0);
    CHECK_EQ(f->t, weir_rx_position(rx).seq, 0);
    CHECK_STATUS(f->t, weir_rx_status(rx), WEIR_E_MISUSE);
    weir_rx_wipe(rx);
}

/* Memory that is zero because it never was a direction, or because it was wiped, even twice. */
ON(BOTH, zeroed_memory_answers_misuse)
{
    static struct weir_tx tx;
    static struct weir_rx rx;

    dead_tx(f, &tx);
    dead_rx(f, &rx);
    weir_tx_wipe(&f->tx);
    weir_tx_wipe(&f->tx);
    dead_tx(f, &f->tx);
    weir_rx_wipe(&f->rx);
    weir_rx_wipe(&f->rx);
    dead_rx(f, &f->rx);
}

ON(BOTH, shapes)
{
    struct weir_shape shape = weir_tx_shape(&f->tx);

    CHECK_EQ(f->t, shape.prefix, has_explicit_nonce(f) ? 13 : 5);
    CHECK_EQ(f->t, shape.suffix, f->tls13 ? 17 : 16);
    CHECK_EQ(f->t, weir_tx_suite(&f->tx), f->profile->suite);
    CHECK_EQ(f->t, weir_rx_suite(&f->rx), f->profile->suite);
    CHECK_STATUS(f->t, weir_tx_status(&f->tx), WEIR_OK);
    CHECK_STATUS(f->t, weir_rx_status(&f->rx), WEIR_OK);
}

static const struct test_case table[] = {
    CASE(keys_that_contradict_themselves),
    CASE(every_nonce_rule),
    CASE(explicit_nonce_that_contradicts_its_rule),
    CASE(nonces_continue_under_their_rule),
    CASE(rx_reads_any_explicit_nonce),
    CASE(a_position_has_one_owner),
    CASE(position_follows_the_stream),
    CASE(ending_wipes_keys),
    CASE(the_first_end_counts),
    CASE(zeroed_memory_answers_misuse),
    CASE(shapes),
};
CASE_GROUP(direction, table, TEST_EACH_AEAD);
