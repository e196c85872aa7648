/* SPDX-License-Identifier: BSD-2-Clause */
/* The sending direction on its own: sizes, gathering, padding, too little room. */
#include "fixture.h"

static weir_status seal(struct fixture *f, uint8_t type, const struct weir_iov *in, size_t count,
                        size_t cap, size_t *taken)
{
    size_t made = 77;
    weir_status status =
        weir_tx_seal(&f->tx, type, in, count, f->out + f->out_len, cap, taken, &made);

    CHECK(f->t, made <= cap);
    f->out_len += made;
    return status;
}

static weir_status seal_text(struct fixture *f, uint8_t type, size_t len)
{
    const struct weir_iov in = {f->text, len};
    size_t taken = 77;
    weir_status status = seal(f, type, &in, 1, OUT_LEN - f->out_len, &taken);

    CHECK_EQ(f->t, taken, status == WEIR_OK ? len : 0);
    return status;
}

/* What was sealed is f->text[0..len), cut at `limit`, in records of `type`. */
static void said_text(struct fixture *f, uint8_t type, size_t len, size_t limit)
{
    size_t done = 0;

    do {
        size_t here = len - done < limit ? len - done : limit;
        we_said(f, type, f->text + done, here);
        done += here;
    } while (done < len);
    we_said_nothing(f);
}

static size_t overhead(const struct fixture *f)
{
    return f->tls13                                        ? 5 + 1 + 16
           : f->profile->nonce_rule == WEIR_NONCE_IMPLICIT ? 5 + 16
                                                           : 5 + 8 + 16;
}

ON(BOTH, data_is_cut_in_records)
{
    static const size_t lens[] = {0,    1,    2,    15,    16,    17,    63,    64,    65,   255,
                                  2047, 2048, 2049, 16383, 16384, 16385, 32768, 32769, 40000};
    static const size_t limits[] = {1, 2, 63, 64, 100, 2048, 2049, 16383, 16384};

    for (size_t l = 0; l < sizeof limits / sizeof *limits; l++) {
        size_t limit = limits[l];
        fixture_again(f);
        REQUIRE_STATUS(f->t, weir_tx_set_record_limit(&f->tx, limit), WEIR_OK);
        for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
            size_t len = lens[i], records = len == 0 ? 1 : (len + limit - 1) / limit;
            if (records > 700)
                continue;
            fixture_at(f, limit * 100000 + len);
            CHECK_EQ(f->t, weir_tx_wire_len(&f->tx, len), len + records * overhead(f));
            CHECK_STATUS(f->t, seal_text(f, WEIR_TYPE_DATA, len), WEIR_OK);
            CHECK_EQ(f->t, f->out_len, len + records * overhead(f));
            if (len <= limit)
                CHECK_EQ(f->t, weir_tx_record_len(&f->tx, len), f->out_len);
            said_text(f, WEIR_TYPE_DATA, len, limit);
        }
    }
}

ON(BOTH, limits_out_of_range)
{
    CHECK_STATUS(f->t, weir_tx_set_record_limit(&f->tx, 0), WEIR_E_MISUSE);
    CHECK_STATUS(f->t, weir_tx_set_record_limit(&f->tx, 16385), WEIR_E_MISUSE);
    CHECK_STATUS(f->t, weir_tx_set_record_limit(&f->tx, SIZE_MAX), WEIR_E_MISUSE);
    CHECK_STATUS(f->t, seal_text(f, WEIR_TYPE_DATA, 20000), WEIR_OK);
    said_text(f, WEIR_TYPE_DATA, 20000, 16384);
    CHECK_STATUS(f->t, weir_tx_set_record_limit(&f->tx, 1), WEIR_OK);
    CHECK_EQ(f->t, weir_tx_wire_len(&f->tx, SIZE_MAX), SIZE_MAX);
    CHECK_EQ(f->t, weir_tx_wire_len(&f->tx, SIZE_MAX / overhead(f)), SIZE_MAX);
    CHECK_STATUS(f->t, weir_tx_set_record_limit(&f->tx, 16384), WEIR_OK);
    CHECK_EQ(f->t, weir_tx_wire_len(&f->tx, SIZE_MAX), SIZE_MAX);
    CHECK_EQ(f->t, weir_tx_wire_len(&f->tx, SIZE_MAX / 2), /* half of all records, and a bit */
             SIZE_MAX / 2 + (SIZE_MAX / 2 / 16384 + 1) * overhead(f));
}

/* Alerts and the messages of a session are never cut, however low the caller's limit is. */
ON(BOTH, control_is_not_cut)
{
    static const size_t limits[] = {1, 2, 4, 62, 63, 64, 100};

    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        size_t limit = limits[i] < 63 ? 63 : limits[i];
        fixture_at(f, limits[i]);
        fixture_again(f);
        CHECK_STATUS(f->t, weir_tx_set_record_limit(&f->tx, limits[i]), WEIR_OK);
        CHECK_STATUS(f->t, seal_text(f, WEIR_TYPE_ALERT, 2), WEIR_OK);
        said_text(f, WEIR_TYPE_ALERT, 2, 2);
        CHECK_STATUS(f->t, seal_text(f, WEIR_TYPE_HANDSHAKE, 5), WEIR_OK);
        said_text(f, WEIR_TYPE_HANDSHAKE, 5, 5);
        CHECK_STATUS(f->t, seal_text(f, WEIR_TYPE_HANDSHAKE, 200), WEIR_OK);
        said_text(f, WEIR_TYPE_HANDSHAKE, 200, limit);
        CHECK_EQ(f->t, weir_tx_counters(&f->tx).bytes, 0);
    }
}

ON(BOTH, nothing_else_may_be_sealed)
{
    size_t made = 77;

    for (unsigned type = 0; type < 256; type++) {
        for (size_t len = 0; len < 4; len++) {
            bool allowed = (type == WEIR_TYPE_ALERT && len == 2) ||
                           (type == WEIR_TYPE_HANDSHAKE && len > 0) || type == WEIR_TYPE_DATA;
            bool in_place = (type & 1) != 0;
            weir_status want = allowed ? WEIR_OK : WEIR_E_MISUSE;
            uint8_t *buf = f->out + 1000;

            fixture_at(f, type * UINT64_C(10) + len);
            fixture_again(f);
            if (!in_place) {
                CHECK_STATUS(f->t, seal_text(f, (uint8_t)type, len), want);
                CHECK_EQ(f->t, f->out_len, allowed ? weir_tx_record_len(&f->tx, len) : 0);
            } else {
                memset(buf, 0xa5, 100);
                CHECK_STATUS(
                    f->t, weir_tx_seal_in_place(&f->tx, (uint8_t)type, buf, len, 100, &made), want);
                CHECK_EQ(f->t, made, allowed ? weir_tx_record_len(&f->tx, len) : 0);
                if (!allowed)
                    CHECK_ZERO(f->t, buf, 100);
            }
            CHECK_EQ(f->t, f->watch.seals, allowed);
            CHECK_STATUS(f->t, weir_tx_status(&f->tx), want);
            if (!allowed) {
                CHECK_STATUS(f->t, seal_text(f, WEIR_TYPE_DATA, 5), WEIR_E_MISUSE);
                check_tx_export(f, &f->tx, WEIR_E_MISUSE);
                CHECK_EQ(f->t, f->watch.attached, 1); /* the other direction */
            }
        }
    }
}

/* Cuts text[0..len) in `pieces`, some of them empty, and seals it at once. */
static void gather(struct fixture *f, uint8_t type, size_t len, size_t pieces, size_t limit)
{
    struct weir_iov in[40];
    size_t taken = 77, at = 0;

    for (size_t i = 0; i < pieces; i++) {
        size_t here = len - at;
        if (i + 1 < pieces)
            here = test_random(&f->random) % 3 == 0
                       ? 0
                       : (size_t)(test_random(&f->random) % (here + 1));
        in[i] = (struct weir_iov){here > 0 ? f->text + at : NULL, here};
        at += here;
    }
    CHECK_STATUS(f->t, seal(f, type, in, pieces, OUT_LEN, &taken), WEIR_OK);
    CHECK_EQ(f->t, taken, len);
    said_text(f, type, len, limit);
}

ON(BOTH, gathered_from_any_pieces)
{
    static const size_t lens[] = {0, 1, 100, 2046, 2047, 2048, 2049, 2050, 5000, 16384, 30000};
    static const size_t limits[] = {2047, 2048, 2049, 16384};

    for (size_t l = 0; l < sizeof limits / sizeof *limits; l++) {
        for (size_t pieces = 1; pieces <= 40; pieces += pieces < 12 ? 1 : 14) {
            fixture_again(f);
            REQUIRE_STATUS(f->t, weir_tx_set_record_limit(&f->tx, limits[l]), WEIR_OK);
            for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
                fixture_at(f, l * 10000000 + pieces * 100000 + lens[i]);
                gather(f, WEIR_TYPE_DATA, lens[i], pieces, limits[l]);
            }
            gather(f, WEIR_TYPE_HANDSHAKE, 5000, pieces, limits[l]);
        }
    }
}

/* Empty pieces before, between and behind, at the ends of records, too. */
ON(BOTH, gathered_with_empty_pieces)
{
    const struct weir_iov in[] = {
        {NULL, 0}, {f->text, 4096},        {NULL, 0}, {NULL, 0}, {f->text + 4096, 4096},
        {NULL, 0}, {f->text + 8192, 1000}, {NULL, 0},
    };
    const struct weir_iov none[] = {{NULL, 0}, {NULL, 0}};
    size_t taken = 77;

    CHECK_STATUS(f->t, weir_tx_set_record_limit(&f->tx, 4096), WEIR_OK);
    CHECK_STATUS(f->t, seal(f, WEIR_TYPE_DATA, in, 8, OUT_LEN, &taken), WEIR_OK);
    CHECK_EQ(f->t, taken, 9192);
    said_text(f, WEIR_TYPE_DATA, 9192, 4096);
    CHECK_STATUS(f->t, seal(f, WEIR_TYPE_DATA, none, 2, OUT_LEN, &taken), WEIR_OK);
    said_text(f, WEIR_TYPE_DATA, 0, 4096);
    CHECK_STATUS(f->t, seal(f, WEIR_TYPE_DATA, NULL, 0, OUT_LEN, &taken), WEIR_OK);
    said_text(f, WEIR_TYPE_DATA, 0, 4096);
}

/* A header and a body, on both sides of what is copied; either may be missing. */
ON(BOTH, gathered_from_two_pieces)
{
    static const size_t lens[] = {0, 1, 13, 64, 1024, 2047, 2048, 2049, 8192, 16384};
    const size_t n = sizeof lens / sizeof *lens;

    for (size_t i = 0; i < n * n; i++) {
        const size_t first = lens[i / n], second = lens[i % n];
        const struct weir_iov in[2] = {{first > 0 ? f->text : NULL, first},
                                       {second > 0 ? f->text + first : NULL, second}};
        const size_t wire = weir_tx_wire_len(&f->tx, first + second);
        size_t taken = 77;

        fixture_at(f, i);
        CHECK_STATUS(f->t, seal(f, WEIR_TYPE_DATA, in, 2, wire - 1, &taken), WEIR_NEED_OUTPUT);
        CHECK_EQ(f->t, taken, first + second > 16384 ? 16384 : 0);
        if (taken > 0)
            we_said(f, WEIR_TYPE_DATA, f->text, 16384);
        we_said_nothing(f);
        CHECK_STATUS(f->t, seal(f, WEIR_TYPE_DATA, in, 2, wire, &taken), WEIR_OK);
        CHECK_EQ(f->t, taken, first + second);
        said_text(f, WEIR_TYPE_DATA, taken, 16384);
    }
}

ON(BOTH, lengths_that_wrap_are_refused)
{
    const struct weir_iov in[] = {{f->text, 100}, {f->text, SIZE_MAX - 50}, {f->text, 100}};
    size_t taken = 77;

    CHECK_STATUS(f->t, seal(f, WEIR_TYPE_DATA, in, 3, OUT_LEN, &taken), WEIR_E_MISUSE);
    CHECK_EQ(f->t, taken + f->out_len, 0);
    CHECK_EQ(f->t, f->watch.seals, 0);
    CHECK_STATUS(f->t, weir_tx_status(&f->tx), WEIR_E_MISUSE);
}

/* At every size of output only whole records are made, and nothing is lost or written twice. */
ON(BOTH, too_little_room_at_every_size)
{
    const size_t len = 250, limit = 100;
    size_t whole;

    REQUIRE_STATUS(f->t, weir_tx_set_record_limit(&f->tx, limit), WEIR_OK);
    whole = weir_tx_wire_len(&f->tx, len);
    for (size_t cap = 0; cap <= whole; cap++) {
        struct weir_iov in[] = {{f->text, 30}, {f->text + 30, len - 30}};
        size_t taken = 77, records = cap == whole ? 3 : cap / (limit + overhead(f));
        struct weir_position before = weir_tx_position(&f->tx);

        fixture_at(f, cap);
        memset(f->out, 0xa5, whole);
        CHECK_STATUS(f->t, seal(f, WEIR_TYPE_DATA, in, 2, cap, &taken),
                     cap == whole ? WEIR_OK : WEIR_NEED_OUTPUT);
        CHECK_EQ(f->t, taken, records * limit < len ? records * limit : len);
        CHECK_EQ(f->t, weir_tx_position(&f->tx).seq, before.seq + records);
        for (size_t i = f->out_len; i < whole; i++)
            CHECK_EQ(f->t, f->out[i], 0xa5);
        if (taken < len) {
            const struct weir_iov rest = {f->text + taken, len - taken};
            CHECK_STATUS(f->t, seal(f, WEIR_TYPE_DATA, &rest, 1, OUT_LEN - f->out_len, &taken),
                         WEIR_OK);
        }
        said_text(f, WEIR_TYPE_DATA, len, limit);
    }
}

ON(BOTH, in_place)
{
    static const size_t lens[] = {0, 1, 15, 16, 100, 2047, 2048, 2049, 16383, 16384};
    size_t prefix = weir_tx_shape(&f->tx).prefix;
    uint8_t *buf = f->out;

    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        size_t len = lens[i], record = weir_tx_record_len(&f->tx, len), made = 77;
        struct weir_position before = weir_tx_position(&f->tx);

        fixture_at(f, len);
        memset(buf, 0xa5, record + 10);
        memcpy(buf + prefix, f->text, len);
        CHECK_STATUS(f->t,
                     weir_tx_seal_in_place(&f->tx, WEIR_TYPE_DATA, buf, len, record - 1, &made),
                     WEIR_NEED_OUTPUT);
        CHECK_EQ(f->t, made, 0);
        CHECK_MEM(f->t, buf + prefix, f->text, len);
        CHECK_EQ(f->t, buf[0], 0xa5);
        CHECK_EQ(f->t, buf[prefix + len], 0xa5);
        CHECK_EQ(f->t, weir_tx_position(&f->tx).seq, before.seq);
        CHECK_STATUS(f->t, weir_tx_seal_in_place(&f->tx, WEIR_TYPE_DATA, buf, len, record, &made),
                     WEIR_OK);
        CHECK_EQ(f->t, made, record);
        for (size_t k = 0; k < 10; k++)
            CHECK_EQ(f->t, buf[record + k], 0xa5);
        f->out_len = made;
        said_text(f, WEIR_TYPE_DATA, len, 16384);
    }
}

ON(BOTH, in_place_beyond_the_limit)
{
    size_t made = 77;

    CHECK_STATUS(f->t, weir_tx_set_record_limit(&f->tx, 100), WEIR_OK);
    memset(f->out, 0xa5, 1000);
    CHECK_STATUS(f->t, weir_tx_seal_in_place(&f->tx, WEIR_TYPE_DATA, f->out, 101, 900, &made),
                 WEIR_E_MISUSE);
    CHECK_EQ(f->t, made, 0);
    CHECK_ZERO(f->t, f->out, 900);
    CHECK_EQ(f->t, f->out[900], 0xa5);
    CHECK_EQ(f->t, f->watch.seals, 0);
    CHECK_STATUS(f->t, weir_tx_status(&f->tx), WEIR_E_MISUSE);
}

/* What the contract of weir_tx_set_padding says, computed another way. */
static size_t expected_pad(size_t len, size_t multiple, size_t limit)
{
    size_t pad = 0;

    while (multiple > 1 && len + pad < limit && (len + pad == 0 || (len + pad) % multiple != 0))
        pad++;
    return pad;
}

ON(TLS13, padding)
{
    static const size_t multiples[] = {0, 1, 2, 16, 100, 1024, 10000, 16384};
    static const size_t limits[] = {1, 64, 1000, 16384};
    static const size_t lens[] = {0, 1, 2, 16, 17, 63, 64, 99, 100, 101, 999, 1000, 16383, 16384};
    struct wire_record r;

    for (size_t m = 0; m < sizeof multiples / sizeof *multiples; m++) {
        for (size_t l = 0; l < sizeof limits / sizeof *limits; l++) {
            fixture_again(f);
            CHECK_STATUS(f->t, weir_tx_set_record_limit(&f->tx, limits[l]), WEIR_OK);
            CHECK_STATUS(f->t, weir_tx_set_padding(&f->tx, multiples[m]), WEIR_OK);
            for (size_t i = 0; i < sizeof lens / sizeof *lens && lens[i] <= limits[l]; i++) {
                size_t pad = expected_pad(lens[i], multiples[m], limits[l]);

                fixture_at(f, m * 10000000 + l * 1000000 + lens[i]);
                CHECK_EQ(f->t, weir_tx_record_len(&f->tx, lens[i]), lens[i] + pad + overhead(f));
                CHECK_EQ(f->t, weir_tx_wire_len(&f->tx, lens[i]), lens[i] + pad + overhead(f));
                if (i % 2 == 0) {
                    CHECK_STATUS(f->t, seal_text(f, WEIR_TYPE_DATA, lens[i]), WEIR_OK);
                } else {
                    memcpy(f->out + 5, f->text, lens[i]);
                    CHECK_STATUS(f->t,
                                 weir_tx_seal_in_place(&f->tx, WEIR_TYPE_DATA, f->out, lens[i],
                                                       OUT_LEN, &f->out_len),
                                 WEIR_OK);
                }
                CHECK_EQ(f->t, f->out_len, lens[i] + pad + overhead(f));
                REQUIRE(f->t, we_said_next(f, &r));
                CHECK_EQ(f->t, r.pad, pad);
                CHECK_EQ(f->t, r.len, lens[i]);
                CHECK_MEM(f->t, r.data, f->text, lens[i]);
            }
            if (limits[l] > 1) {
                CHECK_STATUS(f->t, seal_text(f, WEIR_TYPE_ALERT, 2), WEIR_OK);
                REQUIRE(f->t, we_said_next(f, &r));
                CHECK_EQ(f->t, r.type, WEIR_TYPE_ALERT);
                CHECK_EQ(f->t, r.pad, expected_pad(2, multiples[m], limits[l]));
            }
        }
    }
}

ON(BOTH, padding_out_of_range)
{
    struct wire_record r;

    CHECK_STATUS(f->t, weir_tx_set_padding(&f->tx, 16385), WEIR_E_MISUSE);
    CHECK_STATUS(f->t, weir_tx_set_padding(&f->tx, SIZE_MAX), WEIR_E_MISUSE);
    CHECK_STATUS(f->t, weir_tx_set_padding(&f->tx, 64), f->tls13 ? WEIR_OK : WEIR_E_MISUSE);
    CHECK_STATUS(f->t, seal_text(f, WEIR_TYPE_DATA, 10), WEIR_OK);
    REQUIRE(f->t, we_said_next(f, &r));
    CHECK_EQ(f->t, r.pad, f->tls13 ? 54 : 0);
    CHECK_EQ(f->t, r.len, 10);
}

ON(BOTH, counters)
{
    CHECK_STATUS(f->t, weir_tx_set_record_limit(&f->tx, 100), WEIR_OK);
    CHECK_STATUS(f->t, seal_text(f, WEIR_TYPE_DATA, 250), WEIR_OK);
    CHECK_STATUS(f->t, seal_text(f, WEIR_TYPE_DATA, 0), WEIR_OK);
    CHECK_STATUS(f->t, seal_text(f, WEIR_TYPE_HANDSHAKE, 7), WEIR_OK);
    CHECK_STATUS(f->t, seal_text(f, WEIR_TYPE_ALERT, 2), WEIR_OK);
    struct weir_counters counters = weir_tx_counters(&f->tx);
    CHECK_EQ(f->t, counters.records, 6);
    CHECK_EQ(f->t, counters.bytes, 250);
    CHECK_EQ(f->t, counters.wire_bytes, f->out_len);
    CHECK_EQ(f->t, counters.rekeys, 0);
    CHECK_EQ(f->t, weir_tx_position(&f->tx).seq, 6);
}

static const struct test_case table[] = {
    CASE(data_is_cut_in_records),
    CASE(limits_out_of_range),
    CASE(control_is_not_cut),
    CASE(nothing_else_may_be_sealed),
    CASE(gathered_from_any_pieces),
    CASE(gathered_with_empty_pieces),
    CASE(gathered_from_two_pieces),
    CASE(lengths_that_wrap_are_refused),
    CASE(too_little_room_at_every_size),
    CASE(in_place),
    CASE(in_place_beyond_the_limit),
    CASE(padding),
    CASE(padding_out_of_range),
    CASE(counters),
};
CASE_GROUP(tx, table, TEST_EACH_AEAD);
