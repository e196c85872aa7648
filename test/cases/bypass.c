/* SPDX-License-Identifier: BSD-2-Clause */
/* Others send on the socket of a direction whose records are made below it (weir_tx_bypass). */
#include "below.h"

static struct below b;
static struct below_ctx tx_below;

static void begin(struct fixture *f, bool rekeys)
{
    struct weir_refusal why;

    fixture_again(f);
    below_begin(&b, f);
    if (!rekeys)
        b.backend.rekey = NULL;
    CHECK_STATUS(f->t, below_move(&b, f, WEIR_TX, &tx_below, WEIR_POLICY_ALL, &why), WEIR_OK);
    b.run = 0;
}

static weir_status say(struct fixture *f, size_t len)
{
    return below_send(&b, f, WEIR_TYPE_DATA, f->text, len);
}

/* Others send on the socket, as was said before: their records are made up for, full ones. */
ON(BOTH, others_send)
{
    struct weir_refusal why;

    begin(f, true);
    CHECK_STATUS(f->t, say(f, 1), WEIR_OK);
    uint64_t blocks = weir_tx_position(&f->tx).blocks;
    CHECK_STATUS(f->t, weir_tx_bypass(&f->tx, &why), WEIR_OK);
    b.seq_error = 1000;
    CHECK_STATUS(f->t, weir_tx_query(&f->tx, &why), WEIR_PENDING);
    CHECK_STATUS(f->t, weir_tx_bypass(&f->tx, &why), WEIR_PENDING);
    CHECK_STATUS(f->t, below_run(&b, f, &why), WEIR_OK);
    /* Their last one may be open, with its number to come. */
    CHECK_EQ(f->t, weir_tx_position(&f->tx).seq, b.made + 1001);
    CHECK_EQ(f->t, weir_tx_position(&f->tx).unsure, 1);
    check_tx_export(f, &f->tx, WEIR_REFUSED);
    CHECK_EQ(f->t, weir_tx_position(&f->tx).blocks, blocks + 1001 * (1024 + 2));
    CHECK_EQ(f->t, weir_tx_counters(&f->tx).records, b.made + 1000);
    CHECK_EQ(f->t, weir_tx_counters(&f->tx).bytes, 1);
    /* It was said for once: what comes beyond is somebody's that nobody knows. */
    b.seq_error = 1002;
    CHECK_STATUS(f->t, weir_tx_query(&f->tx, &why), WEIR_PENDING);
    CHECK_STATUS(f->t, below_run(&b, f, &why), WEIR_E_BACKEND);
    CHECK_STATUS(f->t, weir_tx_bypass(&f->tx, &why), WEIR_E_BACKEND);
}

/* Numbers do not go backwards, whoever sends. */
ON(BOTH, others_send_and_the_number_falls)
{
    struct weir_refusal why;

    begin(f, true);
    CHECK_STATUS(f->t, say(f, 1), WEIR_OK);
    CHECK_STATUS(f->t, weir_tx_bypass(&f->tx, &why), WEIR_OK);
    b.seq_error = UINT64_MAX;
    CHECK_STATUS(f->t, weir_tx_query(&f->tx, &why), WEIR_PENDING);
    CHECK_STATUS(f->t, below_run(&b, f, &why), WEIR_E_BACKEND);
}

/* It is asked for before anything else goes, and limits hold on it. */
ON(BOTH, others_use_the_key_up)
{
    struct weir_refusal why;

    begin(f, false);
    weir_tx_set_limit(&f->tx, (struct weir_limit){.soft = 1u << 20, .hard = 1u << 21});
    CHECK_STATUS(f->t, say(f, 1), WEIR_OK);
    CHECK_STATUS(f->t, weir_tx_bypass(&f->tx, &why), WEIR_OK);
    b.seq_error = 1u << 11;
    CHECK_STATUS(f->t, say(f, 1), WEIR_E_KEY_LIMIT);
    CHECK_EQ(f->t, b.queries, 1);
}

/* Without an answer there is no bound, and so no going on. */
ON(BOTH, others_send_and_nobody_tells)
{
    for (int known = 0; known < 3; known++) {
        struct weir_refusal why;

        fixture_at(f, (uint64_t)known);
        begin(f, false);
        CHECK_STATUS(f->t, say(f, 1), WEIR_OK);
        if (known == 0) {
            b.backend.query = NULL;
            CHECK_STATUS(f->t, weir_tx_bypass(&f->tx, &why), WEIR_REFUSED);
            CHECK_EQ(f->t, why.code, WEIR_REFUSAL_POSITION);
            CHECK_STATUS(f->t, say(f, 1), WEIR_OK);
            continue;
        }
        CHECK_STATUS(f->t, weir_tx_bypass(&f->tx, &why), WEIR_OK);
        if (known == 1)
            b.fail_at = b.run + 1;
        else
            b.inexact = true;
        CHECK_STATUS(f->t, say(f, 1), WEIR_E_BACKEND);
        CHECK_STATUS(f->t, weir_tx_status(&f->tx), WEIR_E_BACKEND);
    }
}

/* Where weir makes the records, nobody else can. */
ON(BOTH, others_send_beside_software)
{
    struct weir_refusal why;

    CHECK_STATUS(f->t, weir_tx_bypass(&f->tx, &why), WEIR_REFUSED);
    CHECK_EQ(f->t, why.code, WEIR_REFUSAL_FORM);
}

/* A change of key asks for the old key's records. */
ON(TLS13, others_send_before_a_change_of_key)
{
    struct weir_refusal why;

    begin(f, true);
    CHECK_STATUS(f->t, say(f, 1), WEIR_OK);
    CHECK_STATUS(f->t, weir_tx_bypass(&f->tx, &why), WEIR_OK);
    CHECK_STATUS(f->t, weir_tx_rekey(&f->tx, &watch_kdf), WEIR_PENDING);
    CHECK_EQ(f->t, b.queries, 1);
}

static const struct test_case table[] = {
    CASE(others_send),
    CASE(others_send_and_the_number_falls),
    CASE(others_use_the_key_up),
    CASE(others_send_and_nobody_tells),
    CASE(others_send_beside_software),
    CASE(others_send_before_a_change_of_key),
};
CASE_GROUP(bypass, table, TEST_EACH_AEAD);
