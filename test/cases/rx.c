/* SPDX-License-Identifier: BSD-2-Clause */
/* The receiving direction on its own: what it opens, and every way a record can be wrong. */
#include "fixture.h"

static size_t explicit_len(const struct fixture *f)
{
    return f->profile->nonce_rule == WEIR_NONCE_IMPLICIT ? 0 : 8;
}

/* Least and most bytes behind a header. */
static size_t least(const struct fixture *f)
{
    return explicit_len(f) + 16;
}

static size_t most(const struct fixture *f)
{
    return f->tls13 ? 16384 + 256 : 16384 + 2048;
}

static void put_header(struct fixture *f, uint32_t type, uint32_t version, size_t len)
{
    f->in[0] = (uint8_t)type;
    f->in[1] = (uint8_t)(version >> 8);
    f->in[2] = (uint8_t)version;
    f->in[3] = (uint8_t)(len >> 8);
    f->in[4] = (uint8_t)len;
}

/* The record that waits first fails with `status`, for good; `wiped`: it was tried to be opened. */
static void fails(struct fixture *f, weir_status status, bool wiped)
{
    CHECK_STATUS(f->t, we_open(f), status);
    if (wiped)
        CHECK_ZERO(f->t, we_left(f) + 5, (size_t)f->in[3] << 8 | f->in[4]);
    CHECK_STATUS(f->t, we_open(f), status);
    CHECK_STATUS(f->t, we_open_part(f, 0), status);
    CHECK_STATUS(f->t, weir_rx_status(&f->rx), status);
    check_rx_export(f, &f->rx, status);
    CHECK_STATUS(f->t, weir_rx_rekey(&f->rx, &watch_kdf), status);
    CHECK_STATUS(f->t, we_open(f), status);
    CHECK_EQ(f->t, f->watch.attached, 1); /* TX */
    we_heard_nothing(f);
}

/* As fails, in a connection of its own: the next record has this content. */
static void fails_on(struct fixture *f, uint8_t type, size_t len, size_t pad, weir_status status)
{
    fixture_again(f);
    peer_says_padded(f, type, f->text, len, pad);
    fails(f, status, true);
}

static void opens(struct fixture *f, uint8_t type, size_t len, size_t pad)
{
    peer_says_padded(f, type, f->text, len, pad);
    CHECK_STATUS(f->t, we_open(f), WEIR_NEED_INPUT);
    we_heard(f, type, f->text, len);
    we_heard_nothing(f);
    CHECK_EQ(f->t, f->in_len, 0);
}

ON(BOTH, every_length_of_content)
{
    static const size_t lens[] = {0, 1, 2, 15, 16, 17, 100, 2048, 16383, 16384};
    uint64_t bytes = 0, wire = 0;

    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        fixture_at(f, lens[i]);
        opens(f, WEIR_TYPE_DATA, lens[i], 0);
        bytes += lens[i];
        if (lens[i] > 0)
            opens(f, WEIR_TYPE_HANDSHAKE, lens[i], 0);
        if (lens[i] > 0) /* what an alert means is not for this layer to say */
            opens(f, WEIR_TYPE_ALERT, lens[i], 0);
        wire += (lens[i] > 0 ? 3 : 1) * (5 + least(f) + lens[i] + (f->tls13 ? 1 : 0));
    }
    struct weir_counters counters = weir_rx_counters(&f->rx);
    CHECK_EQ(f->t, counters.records, 28);
    CHECK_EQ(f->t, counters.bytes, bytes);
    CHECK_EQ(f->t, counters.wire_bytes, wire);
    CHECK_EQ(f->t, weir_rx_position(&f->rx).seq, 28);
}

ON(TLS13, every_length_of_padding)
{
    static const size_t lens[] = {0, 1, 100, 16000};

    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        for (size_t pad = 0; pad <= 16384 - lens[i]; pad += pad < 20 ? 1 : 1637) {
            fixture_at(f, lens[i] * 100000 + pad);
            opens(f, WEIR_TYPE_DATA, lens[i], pad);
            if (lens[i] > 0)
                opens(f, WEIR_TYPE_HANDSHAKE, lens[i], pad);
            else
                opens(f, WEIR_TYPE_DATA, 1, pad); /* not too many empty ones in a row */
        }
        opens(f, WEIR_TYPE_DATA, lens[i], 16384 - lens[i]);
    }
}

/* Zeros at the end of the content are content. */
ON(BOTH, content_that_ends_in_zeros)
{
    static const uint8_t zeros[100];

    for (size_t len = 1; len <= 100; len += 33) {
        peer_says_padded(f, WEIR_TYPE_DATA, zeros, len, 7);
        CHECK_STATUS(f->t, we_open(f), WEIR_NEED_INPUT);
        we_heard(f, WEIR_TYPE_DATA, zeros, len);
    }
}

ON(BOTH, flipped_bits)
{
    uint32_t kinds = 0;

    for (size_t bit = 0;; bit++) {
        weir_status want = WEIR_E_AUTH;
        size_t at = bit / 8;

        fixture_replay(f);
        fixture_at(f, bit);
        peer_says(f, WEIR_TYPE_DATA, f->text, 19);
        if (at == f->in_len)
            break;
        f->in[at] ^= (uint8_t)(1u << bit % 8);
        memcpy(f->in + f->in_len, f->text, 40000); /* whatever length it says now is there */
        f->in_len += 40000;
        size_t body = (size_t)f->in[3] << 8 | f->in[4];
        if (at == 0 && (f->tls13 || f->in[0] < 21 || f->in[0] > 23))
            want = WEIR_E_TYPE;
        else if (at == 1 || at == 2)
            want = WEIR_E_VERSION;
        else if (body > most(f))
            want = WEIR_E_OVERFLOW;
        fails(f, want, want == WEIR_E_AUTH && body >= least(f));
        kinds |= 1u << -want;
    }
    CHECK_EQ(f->t, kinds,
             1u << -WEIR_E_AUTH | 1u << -WEIR_E_TYPE | 1u << -WEIR_E_VERSION |
                 1u << -WEIR_E_OVERFLOW);
}

/* Half a record is no error and stays as it is; the rest makes it whole. */
ON(BOTH, truncated_at_every_byte)
{
    for (size_t got = 0;; got++) {
        fixture_replay(f);
        fixture_at(f, got);
        peer_says(f, WEIR_TYPE_DATA, f->text, 50);
        if (got == f->in_len)
            break;
        CHECK_STATUS(f->t, we_open_part(f, got), WEIR_NEED_INPUT);
        we_heard_nothing(f);
        CHECK_EQ(f->t, f->watch.opens, 0);
        CHECK_STATUS(f->t, weir_rx_status(&f->rx), WEIR_OK);
        CHECK_STATUS(f->t, we_open(f), WEIR_NEED_INPUT);
        we_heard(f, WEIR_TYPE_DATA, f->text, 50);
    }
}

/* Everything that a header can be wrong in, judged with nothing behind it. */
ON(BOTH, wrong_headers)
{
    static const uint16_t versions[] = {0, 0x0002, 0x0300, 0x0301, 0x0302, 0x0304, 0x0403, 0xffff};

    for (uint32_t type = 0; type < 256; type++) {
        if (type == 23 || (!f->tls13 && type >= 21 && type <= 23))
            continue;
        fixture_again(f);
        fixture_at(f, type);
        put_header(f, type, 0x0303, 100);
        f->in_len = 1;
        fails(f, WEIR_E_TYPE, false);
    }
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        fixture_again(f);
        fixture_at(f, versions[i]);
        put_header(f, 23, versions[i], 100);
        f->in_len = 3;
        fails(f, WEIR_E_VERSION, false);
    }
    for (size_t len = 0; len < least(f); len++) {
        fixture_again(f);
        fixture_at(f, len);
        put_header(f, 23, 0x0303, len);
        f->in_len = 5;
        fails(f, WEIR_E_AUTH, false);
    }
    for (size_t len = most(f) + 1; len < 65536; len = len == 65535 ? 65536 : len * 2 - 1) {
        if (len > 65535)
            len = 65535;
        fixture_again(f);
        fixture_at(f, len);
        put_header(f, 23, 0x0303, len);
        f->in_len = 5;
        fails(f, WEIR_E_OVERFLOW, false);
    }
}

/* What was meant for the time before the keys: unprotected alerts and ChangeCipherSpec. */
ON(BOTH, plaintext_after_keys)
{
    static const uint8_t alert[] = {21, 3, 3, 0, 2, 2, 40};
    static const uint8_t ccs[] = {20, 3, 3, 0, 1, 1};

    memcpy(f->in, alert, f->in_len = sizeof alert);
    fails(f, f->tls13 ? WEIR_E_TYPE : WEIR_E_AUTH, false);
    fixture_again(f);
    memcpy(f->in, ccs, f->in_len = sizeof ccs);
    fails(f, WEIR_E_TYPE, false);
    if (f->tls13)
        fails_on(f, WEIR_TYPE_CHANGE_CIPHER_SPEC, 1, 0, WEIR_E_TYPE);
}

/* The longest records the standards allow, the longest they know how to name, and one byte more. */
ON(BOTH, record_limits)
{
    static uint8_t message[20000];
    size_t full = most(f) - least(f);

    opens(f, WEIR_TYPE_DATA, 16384, 0);
    fails_on(f, WEIR_TYPE_DATA, 16385, 0, WEIR_E_OVERFLOW);
    fails_on(f, WEIR_TYPE_HANDSHAKE, 16385, 0, WEIR_E_OVERFLOW);
    memset(message, 'x', sizeof message);
    for (int bad_tag = 0; bad_tag < 2; bad_tag++) {
        fixture_at(f, (uint64_t)bad_tag);
        fixture_again(f); /* at the limit for ciphertext: opened, then judged */
        peer_seals(f, WEIR_TYPE_DATA, message, full);
        CHECK_EQ(f->t, f->in_len, 5 + most(f));
        f->in[f->in_len - 1] ^= (uint8_t)bad_tag;
        fails(f, bad_tag ? WEIR_E_AUTH : WEIR_E_OVERFLOW, true);
        CHECK_EQ(f->t, f->watch.opens, 1);
        fixture_again(f); /* beyond it: length is judged first, whatever the tag */
        peer_seals(f, WEIR_TYPE_DATA, message, full + 1);
        f->in[f->in_len - 1] ^= (uint8_t)bad_tag;
        fails(f, WEIR_E_OVERFLOW, false);
        CHECK_EQ(f->t, f->watch.opens, 0);
    }
}

/* TLSInnerPlaintext, padding included, has at most 2^14 + 1 bytes. */
ON(TLS13, padding_counts_as_length)
{
    static const size_t lens[] = {0, 1, 100, 16383, 16384};
    static const uint8_t zeros[16386];

    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        size_t pad = 16384 - lens[i];

        fixture_at(f, lens[i]);
        fixture_again(f);
        opens(f, WEIR_TYPE_DATA, lens[i], pad);
        fails_on(f, WEIR_TYPE_DATA, lens[i], pad + 1, WEIR_E_OVERFLOW);
        fails_on(f, WEIR_TYPE_DATA, lens[i], pad + 200, WEIR_E_OVERFLOW);
    }
    fixture_again(f);
    peer_seals(f, WEIR_TYPE_DATA, zeros, 16386);
    fails(f, WEIR_E_OVERFLOW, true);
    fixture_again(f);
    peer_seals(f, WEIR_TYPE_DATA, zeros, 16385);
    fails(f, WEIR_E_TYPE, true);
}

ON(TLS13, inner_plaintext_without_a_type)
{
    static const size_t lens[] = {0, 1, 2, 15, 16, 17, 100, 1000, 16384, 16385};
    static const uint8_t zeros[16385];

    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        fixture_at(f, lens[i]);
        fixture_again(f);
        peer_seals(f, WEIR_TYPE_DATA, zeros, lens[i]);
        fails(f, WEIR_E_TYPE, true);
    }
}

ON(BOTH, every_content_type)
{
    static const size_t pads[] = {0, 1, 100};

    for (uint32_t type = 1; type < 256; type++) {
        bool known = type >= WEIR_TYPE_ALERT && type <= WEIR_TYPE_DATA;

        for (size_t i = 0; i < (f->tls13 ? 3 : 1); i++) {
            fixture_at(f, type * UINT64_C(1000) + pads[i]);
            fixture_again(f);
            if (known)
                opens(f, (uint8_t)type, 3, pads[i]);
            else if (f->tls13)
                fails_on(f, (uint8_t)type, 3, pads[i], WEIR_E_TYPE);
            else {
                peer_says(f, (uint8_t)type, f->text, 3);
                fails(f, WEIR_E_TYPE, false);
            }
            if (known && type != WEIR_TYPE_DATA)
                fails_on(f, (uint8_t)type, 0, pads[i], WEIR_E_TYPE);
        }
    }
}

ON(BOTH, empty_records_in_a_row)
{
    const size_t bound = WEIR_MAX_EMPTY_RECORDS;

    CHECK_EQ(f->t, bound, 32);
    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < bound; i++)
            opens(f, WEIR_TYPE_DATA, 0, i % 3 * 10);
        if (round < 2)
            opens(f, WEIR_TYPE_DATA, 1, 0);
    }
    peer_says(f, WEIR_TYPE_DATA, NULL, 0);
    fails(f, WEIR_E_FLOOD, true);
}

/* The same records in another order, twice, or with one missing. */
ON(BOTH, replayed_reordered_dropped)
{
    static const struct {
        uint8_t order[4], good;
    } rows[] = {
        {{0, 1, 2, 3}, 4}, {{0, 0, 1, 2}, 1}, {{0, 1, 1, 2}, 2}, {{1, 0, 2, 3}, 0},
        {{0, 2, 1, 3}, 1}, {{0, 2, 3, 1}, 1}, {{1, 2, 3, 0}, 0}, {{0, 1, 3, 2}, 2},
    };
    static uint8_t wire[4][100];

    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
        size_t record = 0;

        fixture_at(f, row);
        fixture_replay(f);
        for (uint32_t i = 0; i < 4; i++) {
            f->in_len = 0;
            peer_says(f, WEIR_TYPE_DATA, f->text + i, 40);
            record = f->in_len;
            memcpy(wire[i], f->in, record);
        }
        f->in_len = 0;
        for (uint32_t i = 0; i < 4; i++) {
            memcpy(f->in + f->in_len, wire[rows[row].order[i]], record);
            f->in_len += record;
        }
        weir_status want = rows[row].good == 4 ? WEIR_NEED_INPUT : WEIR_E_AUTH;
        CHECK_STATUS(f->t, we_open(f), want);
        for (uint32_t i = 0; i < rows[row].good; i++)
            we_heard(f, WEIR_TYPE_DATA, f->text + i, 40);
        we_heard_nothing(f);
        if (want == WEIR_E_AUTH)
            fails(f, WEIR_E_AUTH, false);
    }
}

/* What came before a bad record is given first, and the call that gives it says nothing yet. */
ON(BOTH, good_records_come_before_the_error)
{
    struct weir_record out[8];
    size_t consumed, count;

    for (size_t good = 1; good < 5; good++) {
        fixture_at(f, good);
        fixture_again(f);
        for (size_t i = 0; i <= good; i++)
            peer_says(f, WEIR_TYPE_DATA, f->text + i, 10);
        size_t record = f->in_len / (good + 1);
        f->in[f->in_len - 1] ^= 1;
        CHECK_STATUS(f->t, weir_rx_open(&f->rx, f->in, f->in_len, &consumed, out, 8, &count),
                     WEIR_OK);
        CHECK_EQ(f->t, count, good);
        CHECK_EQ(f->t, consumed, good * record);
        for (size_t i = 0; i < count; i++)
            CHECK_MEM(f->t, out[i].data, f->text + i, 10);
        CHECK_ZERO(f->t, f->in + consumed + 5, record - 5);
        CHECK_STATUS(f->t,
                     weir_rx_open(&f->rx, f->in + consumed, record, &consumed, out, 8, &count),
                     WEIR_E_AUTH);
        CHECK_EQ(f->t, consumed + count, 0);
    }
}

/* It stops behind every record that is not data, and when `cap` records are out. */
ON(BOTH, stops_where_it_should)
{
    struct weir_record out[8];
    size_t consumed = 0, count = 0, at = 0;

    for (uint32_t i = 0; i < 6; i++)
        peer_says(f,
                  i == 2   ? WEIR_TYPE_HANDSHAKE
                  : i == 3 ? WEIR_TYPE_ALERT
                           : WEIR_TYPE_DATA,
                  f->text, 10);
    CHECK_STATUS(f->t, weir_rx_open(&f->rx, f->in, f->in_len, &consumed, out, 0, &count), WEIR_OK);
    CHECK_EQ(f->t, consumed + count, 0);
    static const uint8_t caps[] = {1, 8, 8, 1, 8}, counts[] = {1, 2, 1, 1, 1};
    for (size_t i = 0; i < 5; i++) {
        fixture_at(f, i);
        CHECK_STATUS(
            f->t, weir_rx_open(&f->rx, f->in + at, f->in_len - at, &consumed, out, caps[i], &count),
            i == 4 ? WEIR_NEED_INPUT : WEIR_OK);
        CHECK_EQ(f->t, count, counts[i]);
        CHECK_EQ(f->t, consumed, f->in_len / 6 * counts[i]);
        CHECK_EQ(f->t, out[count - 1].type,
                 i == 1   ? WEIR_TYPE_HANDSHAKE
                 : i == 2 ? WEIR_TYPE_ALERT
                          : WEIR_TYPE_DATA);
        at += consumed;
    }
    CHECK_EQ(f->t, at, f->in_len);
}

ON(BOTH, negotiated_record_limit)
{
    static const size_t limits[] = {63, 64, 100, 511, 16383};
    size_t least_limit = f->tls13 ? 63 : 64;

    CHECK_STATUS(f->t, weir_rx_set_record_limit(&f->rx, least_limit - 1), WEIR_E_MISUSE);
    CHECK_STATUS(f->t, weir_rx_set_record_limit(&f->rx, 0), WEIR_E_MISUSE);
    CHECK_STATUS(f->t, weir_rx_set_record_limit(&f->rx, 16385), WEIR_E_MISUSE);
    opens(f, WEIR_TYPE_DATA, 16384, 0);
    for (size_t i = f->tls13 ? 0 : 1; i < sizeof limits / sizeof *limits; i++) {
        size_t limit = limits[i];

        for (int how = 0; how < 3; how++) {
            fixture_at(f, limit * 10 + (uint64_t)how);
            fixture_again(f);
            REQUIRE_STATUS(f->t, weir_rx_set_record_limit(&f->rx, limit), WEIR_OK);
            opens(f, WEIR_TYPE_DATA, limit, 0);
            opens(f, WEIR_TYPE_HANDSHAKE, limit, 0);
            if (f->tls13)
                opens(f, WEIR_TYPE_DATA, limit - 60, 60);
            if (how == 0) /* too much content */
                peer_says(f, WEIR_TYPE_DATA, f->text, limit + 1);
            else if (how == 1) /* too much padding */
                peer_says_padded(f, WEIR_TYPE_DATA, f->text, limit - 60, f->tls13 ? 61 : 0);
            else /* by the header alone */
                put_header(f, 23, 0x0303, limit + least(f) + (f->tls13 ? 2 : 1));
            if (how == 2)
                f->in_len = 5;
            if (how != 1 || f->tls13)
                fails(f, WEIR_E_OVERFLOW, false);
        }
    }
    fixture_again(f);
    CHECK_STATUS(f->t, weir_rx_set_record_limit(&f->rx, 100), WEIR_OK);
    CHECK_STATUS(f->t, weir_rx_set_record_limit(&f->rx, 16384), WEIR_OK);
    opens(f, WEIR_TYPE_DATA, 16384, 0);
}

ON(BOTH, want_is_the_whole_record)
{
    peer_says(f, WEIR_TYPE_DATA, f->text, 300);
    for (size_t got = 0; got <= f->in_len; got++)
        CHECK_EQ(f->t, weir_rx_want(&f->rx, f->in, got), got < 5 ? 5 : f->in_len);
    put_header(f, 23, 0x0303, 65535);
    /* A header that tells more than a record may have is enough by itself. */
    CHECK_EQ(f->t, weir_rx_want(&f->rx, f->in, 5), WEIR_HEADER_LEN);
}

/* A record for the next one's place: the sequence number counts what was opened, nothing else. */
ON(BOTH, rekey_begins_at_zero)
{
    opens(f, WEIR_TYPE_DATA, 10, 0);
    opens(f, WEIR_TYPE_HANDSHAKE, 10, 0);
    if (!f->tls13) {
        CHECK_STATUS(f->t, weir_rx_rekey(&f->rx, &watch_kdf), WEIR_E_MISUSE);
        fails(f, WEIR_E_MISUSE, false);
        return;
    }
    for (uint16_t epoch = 1; epoch < 5; epoch++) {
        CHECK_STATUS(f->t, weir_rx_rekey(&f->rx, &watch_kdf), WEIR_OK);
        wire_update(&f->theirs, &watch_kdf);
        CHECK_EQ(f->t, weir_rx_position(&f->rx).seq, 0);
        CHECK_EQ(f->t, weir_rx_position(&f->rx).epoch, epoch);
        CHECK_EQ(f->t, weir_rx_position(&f->rx).blocks, 0);
        opens(f, WEIR_TYPE_DATA, 10, 0);
        opens(f, WEIR_TYPE_DATA, 10, 0);
    }
    CHECK_EQ(f->t, weir_rx_counters(&f->rx).rekeys, 4);
    CHECK_STATUS(f->t, weir_rx_rekey(&f->rx, &watch_kdf), WEIR_OK);
    peer_says(f, WEIR_TYPE_DATA, f->text, 10); /* still under the old key */
    fails(f, WEIR_E_AUTH, true);
}

/* One record and nothing else: there is code for it, which must answer as the loop would. */
ON(BOTH, alone_answers_as_among_others)
{
    static const uint8_t types[] = {WEIR_TYPE_DATA, WEIR_TYPE_HANDSHAKE, WEIR_TYPE_ALERT};

    for (size_t i = 0; i < 3; i++) {
        for (size_t cap = 0; cap < 3; cap++) {
            struct weir_record out[3];
            size_t used = 77, count = 77;
            bool more = types[i] == WEIR_TYPE_DATA && cap > 1;

            fixture_at(f, i * 10 + cap);
            fixture_again(f);
            peer_says(f, types[i], f->text, 2);
            CHECK_STATUS(f->t, weir_rx_open(&f->rx, f->in, f->in_len, &used, out, cap, &count),
                         more ? WEIR_NEED_INPUT : WEIR_OK);
            CHECK_EQ(f->t, used, cap > 0 ? f->in_len : 0);
            CHECK_EQ(f->t, count, cap > 0);
            if (count == 1) {
                CHECK_EQ(f->t, out[0].type, types[i]);
                CHECK_EQ(f->t, out[0].len, 2);
                CHECK_MEM(f->t, out[0].data, f->text, 2);
            }
        }
    }
}

static const struct test_case table[] = {
    CASE(every_length_of_content),
    CASE(every_length_of_padding),
    CASE(content_that_ends_in_zeros),
    CASE(flipped_bits),
    CASE(truncated_at_every_byte),
    CASE(wrong_headers),
    CASE(plaintext_after_keys),
    CASE(record_limits),
    CASE(padding_counts_as_length),
    CASE(inner_plaintext_without_a_type),
    CASE(every_content_type),
    CASE(empty_records_in_a_row),
    CASE(replayed_reordered_dropped),
    CASE(good_records_come_before_the_error),
    CASE(stops_where_it_should),
    CASE(negotiated_record_limit),
    CASE(want_is_the_whole_record),
    CASE(rekey_begins_at_zero),
    CASE(alone_answers_as_among_others),
};
CASE_GROUP(rx, table, TEST_EACH_AEAD);
