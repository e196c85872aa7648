/* SPDX-License-Identifier: BSD-2-Clause */
/* Records that were opened apart from their session, which deals with them as with its own. */
#include "fixture.h"

enum { MOST = 8 };

/* Opens what waits by the direction alone, and tells the session. */
static weir_status opened(struct fixture *f, bool data_before, struct weir_record *r, size_t *kept)
{
    size_t used = 0, count = 0;
    weir_status status = weir_rx_open(&f->rx, f->in, f->in_len, &used, r, MOST, &count);

    status = weir_session_opened(&f->session, status, data_before, r, count, kept);
    memmove(f->in, f->in + used, f->in_len - used);
    f->in_len -= used;
    return status;
}

static void kept_data(struct fixture *f, const struct weir_record *r, size_t kept, size_t len)
{
    CHECK_EQ(f->t, kept, 1);
    CHECK_EQ(f->t, r[0].type, WEIR_TYPE_DATA);
    CHECK_EQ(f->t, r[0].len, len);
    CHECK_MEM(f->t, r[0].data, f->text, len);
}

ON(BOTH, data_is_left_and_alerts_are_not)
{
    static const uint8_t close_notify[] = {1, 0};
    struct weir_record r[MOST];
    size_t kept = 77;

    peer_says(f, WEIR_TYPE_DATA, f->text, 100);
    peer_says(f, WEIR_TYPE_DATA, "", 0);
    peer_says(f, WEIR_TYPE_ALERT, close_notify, 2);
    weir_status status = opened(f, false, r, &kept);
    while (status == WEIR_OK && kept == 0)
        status = opened(f, false, r, &kept);
    kept_data(f, r, kept, 100);
    for (int i = 0; i < 4 && status != WEIR_CLOSED; i++)
        status = opened(f, false, r, &kept);
    CHECK_STATUS(f->t, status, WEIR_CLOSED);
    CHECK_EQ(f->t, kept, 0);
    CHECK_STATUS(f->t, weir_session_status(&f->session), WEIR_CLOSED);
    CHECK_STATUS(f->t, we_send(f, f->text, 10), WEIR_OK);
    we_said(f, WEIR_TYPE_DATA, f->text, 10);
}

ON(TLS13, key_updates_are_followed_and_answered)
{
    struct weir_record r[MOST];
    size_t kept = 77;

    peer_updates(f, true);
    peer_says(f, WEIR_TYPE_DATA, f->text, 50);
    CHECK_STATUS(f->t, opened(f, false, r, &kept), WEIR_OK);
    CHECK_EQ(f->t, kept, 0);
    CHECK_EQ(f->t, weir_rx_position(&f->rx).epoch, 1);
    CHECK(f->t, weir_session_wants_flush(&f->session));
    CHECK_STATUS(f->t, opened(f, false, r, &kept), WEIR_NEED_INPUT);
    kept_data(f, r, kept, 50);
    CHECK_STATUS(f->t, we_flush(f), WEIR_OK);
    we_said_update(f, false);
    we_live(f);
}

/* Whether data came in between, only the caller knows. */
ON(TLS13, a_flood_is_one_without_data)
{
    for (int data = 0; data < 2; data++) {
        struct weir_record r[MOST];
        weir_status status = WEIR_OK;
        size_t kept = 77;
        unsigned n = 0;

        fixture_again(f);
        for (; n < 2 * WEIR_MAX_KEY_UPDATES && status >= WEIR_OK; n++) {
            peer_updates(f, false);
            status = opened(f, data == 1, r, &kept);
        }
        if (data == 1) {
            CHECK_STATUS(f->t, weir_session_status(&f->session), WEIR_OK);
            CHECK_EQ(f->t, weir_rx_position(&f->rx).epoch, 2 * WEIR_MAX_KEY_UPDATES);
        } else {
            CHECK_STATUS(f->t, status, WEIR_E_FLOOD);
            CHECK_EQ(f->t, n, WEIR_MAX_KEY_UPDATES + 1);
            we_died(f, WEIR_E_FLOOD);
        }
    }
}

ON(BOTH, what_does_not_open_ends_the_session)
{
    struct weir_record r[MOST];
    size_t kept = 77;

    peer_says(f, WEIR_TYPE_DATA, f->text, 100);
    f->in[f->in_len - 1] ^= 1;
    CHECK_STATUS(f->t, opened(f, true, r, &kept), WEIR_E_AUTH);
    CHECK_EQ(f->t, kept, 0);
    CHECK_STATUS(f->t, weir_session_opened(&f->session, WEIR_OK, true, r, 1, &kept), WEIR_E_AUTH);
    CHECK_EQ(f->t, kept, 0);
    we_died(f, WEIR_E_AUTH);
}

static const struct test_case table[] = {
    CASE(data_is_left_and_alerts_are_not),
    CASE(key_updates_are_followed_and_answered),
    CASE(a_flood_is_one_without_data),
    CASE(what_does_not_open_ends_the_session),
};
CASE_GROUP(opened, table, TEST_EACH_AEAD);
