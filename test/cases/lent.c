/* SPDX-License-Identifier: BSD-2-Clause */
/* Data that is sent out of memory which the caller lends: the session's rules hold for it, too. */
#include "fixture.h"

/* Sends `len` bytes of lent text, with `cap` bytes of room. */
static weir_status send_lent(struct fixture *f, size_t len, size_t cap, size_t *taken)
{
    static uint8_t text[IN_LEN];
    size_t made = 77;

    memcpy(text, f->text, sizeof text);
    weir_status status =
        weir_session_send_lent(&f->session, text, len, f->out + f->out_len, cap, taken, &made);
    CHECK(f->t, made <= cap);
    CHECK_MEM(f->t, text, f->text, len);
    CHECK_MEM(f->t, text + len + 1, f->text + len + 1, 100);
    f->out_len += made;
    return status;
}

ON(BOTH, cut_in_records)
{
    static const size_t lengths[] = {0, 1, 16, 1000, 16384, 16385, 40000};

    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        size_t len = lengths[i], taken = 77, done = 0;

        fixture_at(f, i);
        CHECK_STATUS(f->t, send_lent(f, len, 50000, &taken), WEIR_OK);
        CHECK_EQ(f->t, taken, len);
        do {
            size_t here = len - done < 16384 ? len - done : 16384;
            we_said(f, WEIR_TYPE_DATA, f->text + done, here);
            done += here;
        } while (done < len);
        we_said_nothing(f);
    }
    we_live(f);
}

ON(BOTH, as_much_as_there_is_room_for)
{
    size_t taken = 77, record = weir_tx_record_len(&f->tx, 16384);

    CHECK_STATUS(f->t, send_lent(f, 40000, record - 1, &taken), WEIR_NEED_OUTPUT);
    CHECK_EQ(f->t, taken, 0);
    we_said_nothing(f);
    CHECK_STATUS(f->t, send_lent(f, 40000, 2 * record, &taken), WEIR_NEED_OUTPUT);
    CHECK_EQ(f->t, taken, 32768);
    we_said(f, WEIR_TYPE_DATA, f->text, 16384);
    we_said(f, WEIR_TYPE_DATA, f->text + 16384, 16384);
    we_said_nothing(f);
    we_live(f);
}

/* The answer to a KeyUpdate goes "prior to sending its next Application Data record". */
ON(TLS13, what_waits_goes_first)
{
    size_t taken = 77;

    peer_updates(f, true);
    CHECK_STATUS(f->t, we_hear(f), WEIR_NEED_INPUT);
    CHECK_STATUS(f->t, send_lent(f, 100, 10, &taken), WEIR_NEED_OUTPUT);
    CHECK_EQ(f->t, taken, 0);
    CHECK_STATUS(f->t, send_lent(f, 100, 1000, &taken), WEIR_OK);
    CHECK_EQ(f->t, taken, 100);
    we_said_update(f, false);
    we_said(f, WEIR_TYPE_DATA, f->text, 100);
    we_live(f);
}

ON(BOTH, nothing_behind_close_notify)
{
    size_t taken = 77;

    CHECK_STATUS(f->t, weir_session_close(&f->session), WEIR_OK);
    CHECK_STATUS(f->t, send_lent(f, 100, 1000, &taken), WEIR_E_MISUSE);
    CHECK_EQ(f->t, taken, 0);
    CHECK_STATUS(f->t, we_flush(f), WEIR_OK);
    CHECK_STATUS(f->t, send_lent(f, 100, 1000, &taken), WEIR_E_MISUSE);
    we_said_alert(f, 1, 0);
    we_said_nothing(f);
    CHECK_STATUS(f->t, weir_session_status(&f->session), WEIR_OK);
}

/* Past the soft limit the key is renewed before the next record. */
ON(TLS13, key_that_nears_its_limit)
{
    size_t taken = 77;

    weir_tx_set_limit(&f->tx, (struct weir_limit){.soft = 10, .hard = 1000});
    for (uint64_t n = 1; n <= 5; n++) {
        fixture_at(f, n);
        CHECK_STATUS(f->t, send_lent(f, 1000, 2000, &taken), WEIR_OK);
        CHECK_EQ(f->t, weir_tx_position(&f->tx).epoch, n - 1);
        if (n > 1)
            we_said_update(f, false);
        we_said(f, WEIR_TYPE_DATA, f->text, 1000);
    }
}

/* At the hard limit the session ends, and says so. */
ON(BOTH, key_at_its_limit)
{
    size_t taken = 77;

    fixture_session(f, NULL);
    weir_tx_set_limit(&f->tx, (struct weir_limit){.soft = 1, .hard = 20});
    CHECK_STATUS(f->t, send_lent(f, 200, 1000, &taken), WEIR_REKEY_DUE);
    CHECK_EQ(f->t, taken, 200);
    we_said(f, WEIR_TYPE_DATA, f->text, 200);
    CHECK_STATUS(f->t, send_lent(f, 200, 1000, &taken), WEIR_E_KEY_LIMIT);
    CHECK_EQ(f->t, taken, 0);
    we_died(f, WEIR_E_KEY_LIMIT);
    CHECK_STATUS(f->t, send_lent(f, 200, 1000, &taken), WEIR_E_KEY_LIMIT);
    we_said_nothing(f);
}

static const struct test_case table[] = {
    CASE(cut_in_records),           CASE(as_much_as_there_is_room_for),
    CASE(what_waits_goes_first),    CASE(nothing_behind_close_notify),
    CASE(key_that_nears_its_limit), CASE(key_at_its_limit),
};
CASE_GROUP(lent, table, TEST_EACH_AEAD);
