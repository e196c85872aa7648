/* SPDX-License-Identifier: BSD-2-Clause */
/* Data that the caller has put where its record will be: the session's rules hold for it, too. */
#include "fixture.h"

/* Seals `len` bytes of text in place, at the end of what was said, with `cap` bytes of room. */
static weir_status send_in_place(struct fixture *f, size_t len, size_t cap)
{
    uint8_t *buf = f->out + f->out_len;
    size_t made = 77;

    memcpy(buf + weir_tx_shape(&f->tx).prefix, f->text, len);
    weir_status status = weir_session_send_in_place(&f->session, buf, len, cap, &made);
    if (status == WEIR_OK || status == WEIR_REKEY_DUE)
        CHECK_EQ(f->t, made, weir_tx_record_len(&f->tx, len));
    else
        CHECK_EQ(f->t, made, 0);
    f->out_len += made;
    return status;
}

/* The place holds nothing any more. */
static void place_is_wiped(struct fixture *f, size_t cap)
{
    CHECK_ZERO(f->t, f->out + f->out_len, cap);
}

ON(BOTH, records_of_any_length)
{
    static const size_t lengths[] = {0, 1, 15, 16, 1000, 16383, 16384};

    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        size_t record = weir_tx_record_len(&f->tx, lengths[i]);

        fixture_at(f, i);
        CHECK_STATUS(f->t, send_in_place(f, lengths[i], record - 1), WEIR_NEED_OUTPUT);
        CHECK_STATUS(f->t, send_in_place(f, lengths[i], record), WEIR_OK);
        we_said(f, WEIR_TYPE_DATA, f->text, lengths[i]);
    }
    we_said_nothing(f);
    we_live(f);
}

/* The answer to a KeyUpdate goes "prior to sending its next Application Data record". */
ON(TLS13, what_waits_goes_first)
{
    peer_updates(f, true);
    CHECK_STATUS(f->t, we_hear(f), WEIR_NEED_INPUT);
    CHECK_STATUS(f->t, send_in_place(f, 100, 1000), WEIR_NEED_OUTPUT);
    we_said_nothing(f);
    CHECK_STATUS(f->t, we_flush(f), WEIR_OK);
    CHECK_STATUS(f->t, send_in_place(f, 100, 1000), WEIR_OK);
    we_said_update(f, false);
    we_said(f, WEIR_TYPE_DATA, f->text, 100);
    we_live(f);
}

ON(BOTH, nothing_behind_close_notify)
{
    CHECK_STATUS(f->t, weir_session_close(&f->session), WEIR_OK);
    CHECK_STATUS(f->t, send_in_place(f, 100, 1000), WEIR_E_MISUSE);
    CHECK_STATUS(f->t, we_flush(f), WEIR_OK);
    CHECK_STATUS(f->t, send_in_place(f, 100, 1000), WEIR_E_MISUSE);
    we_said_alert(f, 1, 0);
    we_said_nothing(f);
    CHECK_STATUS(f->t, weir_session_status(&f->session), WEIR_OK);
}

/* Past the soft limit the key is renewed before the next record; the caller flushes it. */
ON(TLS13, key_that_nears_its_limit)
{
    weir_tx_set_limit(&f->tx, (struct weir_limit){.soft = 10, .hard = 1000});
    for (uint64_t n = 1; n <= 5; n++) {
        fixture_at(f, n);
        CHECK_STATUS(f->t, send_in_place(f, 1000, 2000), WEIR_OK);
        we_said(f, WEIR_TYPE_DATA, f->text, 1000);
        CHECK_STATUS(f->t, send_in_place(f, 1000, 2000), WEIR_NEED_OUTPUT);
        CHECK(f->t, weir_session_wants_flush(&f->session));
        CHECK_STATUS(f->t, we_flush(f), WEIR_OK);
        we_said_update(f, false);
        CHECK_EQ(f->t, weir_tx_position(&f->tx).epoch, n);
    }
}

/* At the hard limit the session ends, and says so. */
ON(BOTH, key_at_its_limit)
{
    fixture_session(f, NULL);
    weir_tx_set_limit(&f->tx, (struct weir_limit){.soft = 1, .hard = 20});
    CHECK_STATUS(f->t, send_in_place(f, 200, 1000), WEIR_REKEY_DUE);
    we_said(f, WEIR_TYPE_DATA, f->text, 200);
    CHECK_STATUS(f->t, send_in_place(f, 200, 1000), WEIR_E_KEY_LIMIT);
    place_is_wiped(f, 1000);
    we_died(f, WEIR_E_KEY_LIMIT);
    CHECK_STATUS(f->t, send_in_place(f, 200, 1000), WEIR_E_KEY_LIMIT);
    we_said_nothing(f);
}

static const struct test_case table[] = {
    CASE(records_of_any_length),    CASE(what_waits_goes_first), CASE(nothing_behind_close_notify),
    CASE(key_that_nears_its_limit), CASE(key_at_its_limit),
};
CASE_GROUP(inplace, table, TEST_EACH_AEAD);
