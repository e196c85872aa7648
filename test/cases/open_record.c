/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls that were cut short and may have left a record open below the socket, for the next call to
 * go on with: fewer records than calls would make by themselves, and one that is not counted yet.
 */
#include "below.h"

static struct below b;
static struct below_ctx tx_below;
static uint64_t began;

enum { FULL = WEIR_MAX_PLAINTEXT };

static void begin(struct fixture *f)
{
    struct weir_refusal why;

    fixture_again(f);
    below_begin(&b, f);
    CHECK_STATUS(f->t, below_move(&b, f, WEIR_TX, &tx_below, WEIR_POLICY_ALL, &why), WEIR_OK);
    began = weir_tx_position(&f->tx).seq;
}

/* Sends `len` bytes, or what of more is taken by a call that is `cut`. */
static void send(struct fixture *f, uint8_t type, size_t len, bool cut)
{
    struct weir_stream_op op;

    CHECK_STATUS(f->t, weir_tx_stream(&f->tx, type, cut ? len + 1 : len, &op), WEIR_OK);
    CHECK_STATUS(f->t, weir_tx_sent(&f->tx, &(struct weir_stream_done){.len = len, .cut = cut}),
                 WEIR_OK);
}

/* The operating system tells that `records` have been closed. */
static weir_status ask(struct fixture *f, uint64_t records)
{
    struct weir_refusal why;

    b.seq_error = records;
    CHECK_STATUS(f->t, weir_tx_query(&f->tx, &why), WEIR_PENDING);
    return below_run(&b, f, &why);
}

static void stands_at(struct fixture *f, uint64_t records, uint64_t unsure)
{
    CHECK_EQ(f->t, weir_tx_position(&f->tx).seq, began + records);
    CHECK_EQ(f->t, weir_tx_position(&f->tx).unsure, unsure);
}

/* Three calls, each a little more than a record: together less than six records. */
ON(BOTH, calls_that_share_records)
{
    begin(f);
    send(f, WEIR_TYPE_DATA, FULL + 100, true);
    CHECK_EQ(f->t, weir_tx_counters(&f->tx).records, 1);
    send(f, WEIR_TYPE_DATA, FULL + 100, true);
    CHECK_EQ(f->t, weir_tx_counters(&f->tx).records, 2);
    send(f, WEIR_TYPE_DATA, FULL + 100, false);
    CHECK_EQ(f->t, weir_tx_counters(&f->tx).records, 4);
    CHECK_STATUS(f->t, ask(f, 4), WEIR_OK);
    stands_at(f, 4, 0);
    CHECK_EQ(f->t, weir_tx_counters(&f->tx).records, 4);
    begin(f);
    for (int i = 0; i < 3; i++)
        send(f, WEIR_TYPE_DATA, FULL + 100, i < 2);
    CHECK_STATUS(f->t, ask(f, 3), WEIR_E_BACKEND);
}

/* The open one has its number to come, so that of the record behind it is in doubt by one. */
ON(BOTH, asked_while_a_record_is_open)
{
    begin(f);
    send(f, WEIR_TYPE_DATA, 100, true);
    CHECK_STATUS(f->t, ask(f, 0), WEIR_OK);
    stands_at(f, 1, 1);
    CHECK_EQ(f->t, weir_tx_counters(&f->tx).records, 0);
    check_tx_export(f, &f->tx, WEIR_REFUSED);
    /* Closed by what is no data, it counts before that. */
    send(f, WEIR_TYPE_ALERT, 2, false);
    CHECK_STATUS(f->t, ask(f, 2), WEIR_OK);
    stands_at(f, 2, 0);
    CHECK_EQ(f->t, weir_tx_counters(&f->tx).records, 2);
    check_tx_export(f, &f->tx, WEIR_OK);
    /* It may have been closed, too. */
    begin(f);
    send(f, WEIR_TYPE_DATA, 100, true);
    CHECK_STATUS(f->t, ask(f, 1), WEIR_OK);
    send(f, WEIR_TYPE_DATA, 100, false);
    CHECK_STATUS(f->t, ask(f, 2), WEIR_OK);
    stands_at(f, 2, 0);
}

/* Asked again, it is as open as before; and it may be where whole records would have been enough,
 * because one was closed early. A number that is not its own is never given away. */
ON(BOTH, open_until_a_call_closes_it)
{
    begin(f);
    send(f, WEIR_TYPE_DATA, 100, true);
    for (int i = 0; i < 3; i++) {
        CHECK_STATUS(f->t, ask(f, 0), WEIR_OK);
        stands_at(f, 1, 1);
        check_tx_export(f, &f->tx, WEIR_REFUSED);
    }
    begin(f);
    send(f, WEIR_TYPE_DATA, FULL, true);
    CHECK_STATUS(f->t, ask(f, 1), WEIR_OK);
    stands_at(f, 2, 1);
    check_tx_export(f, &f->tx, WEIR_REFUSED);
    send(f, WEIR_TYPE_DATA, FULL, true);
    CHECK_STATUS(f->t, ask(f, 2), WEIR_OK);
    stands_at(f, 3, 1);
    send(f, WEIR_TYPE_DATA, 1, false);
    CHECK_STATUS(f->t, ask(f, 3), WEIR_OK);
    CHECK_EQ(f->t, weir_tx_position(&f->tx).seq, began + 3);
}

/* Half of what was cut short lay in a record of its own: what is open is less than that. */
ON(BOTH, closed_early)
{
    begin(f);
    send(f, WEIR_TYPE_DATA, 100, true);
    CHECK_STATUS(f->t, ask(f, 1), WEIR_OK);
    stands_at(f, 2, 1);
    send(f, WEIR_TYPE_DATA, FULL - 60, false);
    CHECK_STATUS(f->t, ask(f, 2), WEIR_OK);
    stands_at(f, 2, 0);
}

/* An alert that follows makes two records at least, and not one. */
ON(BOTH, closed_by_an_alert)
{
    begin(f);
    send(f, WEIR_TYPE_DATA, 100, true);
    send(f, WEIR_TYPE_ALERT, 2, false);
    CHECK_EQ(f->t, weir_tx_counters(&f->tx).records, 2);
    CHECK_STATUS(f->t, ask(f, 2), WEIR_OK);
    stands_at(f, 2, 0);
    begin(f);
    send(f, WEIR_TYPE_DATA, 100, true);
    send(f, WEIR_TYPE_ALERT, 2, false);
    CHECK_STATUS(f->t, ask(f, 1), WEIR_E_BACKEND);
}

/* Without anything cut short nothing is open: fewer records than calls are somebody else's doing.
 */
ON(BOTH, whole_calls_share_nothing)
{
    begin(f);
    send(f, WEIR_TYPE_DATA, 100, false);
    send(f, WEIR_TYPE_DATA, 100, false);
    CHECK_STATUS(f->t, ask(f, 1), WEIR_E_BACKEND);
}

static const struct test_case table[] = {
    CASE(calls_that_share_records),    CASE(asked_while_a_record_is_open),
    CASE(open_until_a_call_closes_it), CASE(closed_early),
    CASE(closed_by_an_alert),          CASE(whole_calls_share_nothing),
};
CASE_GROUP(open_record, table, TEST_EACH_AEAD);
