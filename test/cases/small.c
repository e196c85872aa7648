/* SPDX-License-Identifier: BSD-2-Clause */
/* Small records in buffers that are no larger than WEIR_TX_BYTES and WEIR_RX_BYTES say. */
#include "fixture.h"

static const size_t limits[] = {64, 512, 1024, 4096, 16383, 16384};
#define LIMITS (sizeof limits / sizeof *limits)

/* What is left over of the macros' bytes: ChaCha20-Poly1305 in TLS 1.2 has no explicit nonce. */
static size_t spare(const struct fixture *f)
{
    return !f->tls13 && weir_tx_shape(&f->tx).prefix == WEIR_HEADER_LEN ? 8 : 0;
}

ON(BOTH, a_record_fits_exactly)
{
    for (size_t i = 0; i < LIMITS; i++) {
        const size_t limit = limits[i], room = WEIR_TX_BYTES(f->profile->version, limit);
        const size_t exact = room - spare(f);
        /* One byte more than a record takes. */
        const struct weir_iov in = {f->text, limit + 1};
        size_t taken, made;

        fixture_at(f, limit);
        fixture_again(f);
        CHECK_STATUS(f->t, weir_tx_set_record_limit(&f->tx, limit), WEIR_OK);
        CHECK_EQ(f->t, weir_tx_record_len(&f->tx, limit), exact);
        memset(f->out, 0, room + 1);
        CHECK_STATUS(f->t,
                     weir_tx_seal(&f->tx, WEIR_TYPE_DATA, &in, 1, f->out, exact - 1, &taken, &made),
                     WEIR_NEED_OUTPUT);
        CHECK_EQ(f->t, taken + made, 0);
        CHECK_ZERO(f->t, f->out, room + 1);
        CHECK_STATUS(f->t,
                     weir_tx_seal(&f->tx, WEIR_TYPE_DATA, &in, 1, f->out, room, &taken, &made),
                     WEIR_NEED_OUTPUT);
        CHECK_EQ(f->t, taken, limit);
        CHECK_EQ(f->t, made, exact);
        CHECK_ZERO(f->t, f->out + exact, room + 1 - exact);
        f->out_len = made;
        we_said(f, WEIR_TYPE_DATA, f->text, limit);
    }
}

/* Every length that a header can tell: it is refused, or the record fits. */
ON(BOTH, whatever_comes_fits)
{
    for (size_t i = 0; i < LIMITS; i++) {
        const size_t room = WEIR_RX_BYTES(f->profile->version, limits[i]);
        const size_t exact = limits[i] < WEIR_MAX_PLAINTEXT ? room - spare(f) : room;
        uint8_t header[WEIR_HEADER_LEN] = {WEIR_TYPE_DATA, 3, 3};

        fixture_at(f, limits[i]);
        fixture_again(f);
        CHECK_STATUS(f->t, weir_rx_set_record_limit(&f->rx, limits[i]), WEIR_OK);
        for (size_t len = 0; len <= UINT16_MAX; len += len < exact - 20 ? 7 : 1) {
            header[3] = (uint8_t)(len >> 8);
            header[4] = (uint8_t)len;
            size_t want = weir_rx_want(&f->rx, header, sizeof header);
            bool fits = WEIR_HEADER_LEN + len <= exact;
            if (want != WEIR_HEADER_LEN + (fits ? len : 0))
                CHECK_EQ(f->t, want, WEIR_HEADER_LEN + (fits ? len : 0));
        }
        CHECK_EQ(f->t, exact,
                 limits[i] == WEIR_MAX_PLAINTEXT ? room : weir_tx_record_len(&f->tx, limits[i]));
    }
}

/* Through one buffer of `room` bytes, a record at a time; where the session answers otherwise. */
static weir_status hear_through(struct fixture *f, uint8_t *buffer, size_t room)
{
    size_t done = 0;
    weir_status status = WEIR_NEED_INPUT;

    while (done < f->in_len) {
        struct weir_record record;
        size_t have = 0, want, consumed, count;
        while (want = weir_rx_want(&f->rx, buffer, have), want > have) {
            if (!test_check(f->t, want <= room && want <= f->in_len - done, TEST_HERE, "room"))
                return WEIR_E_MISUSE;
            memcpy(buffer + have, f->in + done + have, want - have);
            have = want;
        }
        done += have;
        status = weir_session_receive(&f->session, buffer, have, &consumed, &record, 1, &count);
        if (status < 0)
            return status;
        CHECK_EQ(f->t, consumed, have);
        if (count == 1) {
            memcpy(f->heard.bytes + f->heard.len, record.data, record.len);
            f->heard.len += record.len;
        }
    }
    return status;
}

#define SMALL 1024u

/* A connection with records of 1 KiB, and all that a session does by itself. */
ON(BOTH, a_session_of_small_buffers)
{
    static uint8_t rx_buffer[WEIR_RX_BYTES(WEIR_TLS12, SMALL)];
    const size_t rx_room = WEIR_RX_BYTES(f->profile->version, SMALL);
    const size_t tx_room = WEIR_TX_BYTES(f->profile->version, SMALL);
    size_t sent = 0;

    CHECK_STATUS(f->t, weir_tx_set_record_limit(&f->tx, SMALL), WEIR_OK);
    CHECK_STATUS(f->t, weir_rx_set_record_limit(&f->rx, SMALL), WEIR_OK);
    for (size_t i = 0; i < 8; i++)
        peer_says(f, WEIR_TYPE_DATA, f->text + i * SMALL, SMALL);
    if (f->tls13)
        peer_updates(f, true);
    peer_says(f, WEIR_TYPE_DATA, f->text + (size_t)8 * SMALL, SMALL);
    CHECK(f->t, hear_through(f, rx_buffer, rx_room) >= 0);
    CHECK_EQ(f->t, f->heard.len, (size_t)9 * SMALL);
    CHECK_MEM(f->t, f->heard.bytes, f->text, (size_t)9 * SMALL);

    for (unsigned round = 0; sent < (size_t)5 * SMALL && round < 20; round++) {
        const struct weir_iov in = {f->text + sent, (size_t)5 * SMALL - sent};
        size_t taken, made;
        weir_status status =
            weir_session_send(&f->session, &in, 1, f->out + f->out_len, tx_room, &taken, &made);
        CHECK(f->t, status == WEIR_OK || status == WEIR_NEED_OUTPUT);
        sent += taken;
        f->out_len += made;
    }
    if (f->tls13)
        we_said_update(f, false);
    for (size_t i = 0; i < 5; i++)
        we_said(f, WEIR_TYPE_DATA, f->text + i * SMALL, SMALL);
    we_said_nothing(f);

    /* One byte too many is an alert, which the same buffer holds. */
    f->in_len = 0;
    peer_says(f, WEIR_TYPE_DATA, f->text, SMALL + 1);
    CHECK_STATUS(f->t, hear_through(f, rx_buffer, rx_room), WEIR_E_OVERFLOW);
    size_t made;
    CHECK_STATUS(f->t, weir_session_flush(&f->session, f->out + f->out_len, tx_room, &made),
                 WEIR_OK);
    f->out_len += made;
    we_said_alert(f, 2, 22);
}

/* The macros as numbers, so that nobody has to trust the formula they are made of. */
static void the_numbers(struct test *t)
{
    CHECK_EQ(t, WEIR_TX_BYTES(WEIR_TLS13, 1024u), 1046);
    CHECK_EQ(t, WEIR_TX_BYTES(WEIR_TLS12, 1024u), 1053);
    CHECK_EQ(t, WEIR_RX_BYTES(WEIR_TLS13, 1024u), 1046);
    CHECK_EQ(t, WEIR_RX_BYTES(WEIR_TLS12, 1024u), 1053);
    CHECK_EQ(t, WEIR_TX_BYTES(WEIR_TLS13, 16384u), 16406);
    CHECK_EQ(t, WEIR_TX_BYTES(WEIR_TLS12, 16384u), 16413);
    CHECK_EQ(t, WEIR_RX_BYTES(WEIR_TLS13, 16384u), 5 + 16640);
    CHECK_EQ(t, WEIR_RX_BYTES(WEIR_TLS12, 16384u), WEIR_MAX_RECORD);
}

static const struct test_case table[] = {
    CASE(a_record_fits_exactly),
    CASE(whatever_comes_fits),
    CASE(a_session_of_small_buffers),
    CASE(the_numbers),
};
CASE_GROUP(small, table, TEST_EACH_AEAD);
