/* SPDX-License-Identifier: BSD-2-Clause */
/* Sealing out of memory that is lent, and many records with one call. */
#include "fixture.h"

#define MAX_PIECES 100u

/* Cuts the text in pieces of these lengths. */
static void cut(const struct fixture *f, struct weir_iov *in, const size_t *lens, size_t count)
{
    const uint8_t *at = f->text;

    for (size_t i = 0; i < count; i++) {
        in[i] = (struct weir_iov){at, lens[i]};
        at += lens[i];
    }
}

static weir_status seal_each(struct fixture *f, uint8_t type, const struct weir_iov *in,
                             size_t count, size_t cap, size_t *taken)
{
    size_t made = 77;
    weir_status status = weir_tx_seal_each(&f->tx, type, in, count, f->out, cap, taken, &made);

    CHECK(f->t, made <= cap);
    f->out_len = made;
    f->said_len = 0;
    return status;
}

/* What was sealed is one record for each piece, and no more. */
static void said_each(struct fixture *f, uint8_t type, const struct weir_iov *in, size_t count)
{
    for (size_t i = 0; i < count; i++)
        we_said(f, type, in[i].base, in[i].len);
    we_said_nothing(f);
}

static size_t wire_of(const struct fixture *f, const struct weir_iov *in, size_t count)
{
    size_t wire = 0;

    for (size_t i = 0; i < count; i++)
        wire += weir_tx_record_len(&f->tx, in[i].len);
    return wire;
}

/* Lengths on both sides of every way that a record can go. */
ON(BOTH, each_piece_becomes_a_record)
{
    static const size_t lens[] = {1,   0,    64,   127,  128, 129,  5,     0,     0,
                                  255, 2047, 2048, 2049, 1,   4096, 16384, 16383, 7};
    const size_t count = sizeof lens / sizeof *lens;
    struct weir_iov in[sizeof lens / sizeof *lens];
    size_t taken = 77;

    cut(f, in, lens, count);
    for (size_t from = 0; from < count; from++) {
        size_t wire = wire_of(f, in + from, count - from);

        fixture_at(f, from);
        memset(f->out, 0xa5, wire + 10);
        CHECK_STATUS(f->t, seal_each(f, WEIR_TYPE_DATA, in + from, count - from, OUT_LEN, &taken),
                     WEIR_OK);
        CHECK_EQ(f->t, taken, count - from);
        CHECK_EQ(f->t, f->out_len, wire);
        for (size_t i = 0; i < 10; i++)
            CHECK_EQ(f->t, f->out[wire + i], 0xa5);
        said_each(f, WEIR_TYPE_DATA, in + from, count - from);
    }
    CHECK_STATUS(f->t, seal_each(f, WEIR_TYPE_DATA, NULL, 0, OUT_LEN, &taken), WEIR_OK);
    CHECK_EQ(f->t, taken + f->out_len, 0);
}

/* More small records than are looked after at once, and what they count. */
ON(BOTH, each_of_many_small_pieces)
{
    struct weir_iov in[MAX_PIECES];
    size_t lens[MAX_PIECES];
    size_t taken = 77, bytes = 0;

    for (size_t i = 0; i < MAX_PIECES; i++)
        bytes += lens[i] = 1 + i % 64;
    cut(f, in, lens, MAX_PIECES);
    for (size_t count = 1; count <= MAX_PIECES; count += count < 30 ? 29 : 1) {
        fixture_at(f, count);
        CHECK_STATUS(f->t, seal_each(f, WEIR_TYPE_DATA, in, count, OUT_LEN, &taken), WEIR_OK);
        CHECK_EQ(f->t, taken, count);
        said_each(f, WEIR_TYPE_DATA, in, count);
    }
    fixture_again(f);
    CHECK_STATUS(f->t, seal_each(f, WEIR_TYPE_DATA, in, MAX_PIECES, OUT_LEN, &taken), WEIR_OK);
    CHECK_EQ(f->t, weir_tx_counters(&f->tx).records, MAX_PIECES);
    CHECK_EQ(f->t, weir_tx_counters(&f->tx).bytes, bytes);
    CHECK_EQ(f->t, weir_tx_counters(&f->tx).wire_bytes, f->out_len);
    CHECK_EQ(f->t, weir_tx_position(&f->tx).seq, MAX_PIECES);
}

/* Who asks without room need not have memory: sanitizers see a pointer made of none. */
ON(BOTH, no_room_and_no_memory)
{
    static const uint8_t types[] = {WEIR_TYPE_DATA, WEIR_TYPE_HANDSHAKE};
    const size_t lens[] = {1, 100, 2000, WEIR_MAX_PLAINTEXT, WEIR_MAX_PLAINTEXT + 1};

    for (unsigned i = 0; i < 2 * sizeof lens / sizeof *lens; i++) {
        const struct weir_iov in[2] = {{f->text, lens[i / 2]}, {f->text, 1}};
        const uint8_t type = types[i % 2];
        size_t taken = 77, made = 77;

        CHECK_STATUS(f->t, weir_tx_seal(&f->tx, type, in, 1, NULL, 0, &taken, &made),
                     WEIR_NEED_OUTPUT);
        CHECK_EQ(f->t, taken + made, 0);
        CHECK_STATUS(f->t, weir_tx_seal(&f->tx, type, in, 2, NULL, 0, &taken, &made),
                     WEIR_NEED_OUTPUT);
        CHECK_EQ(f->t, taken + made, 0);
        CHECK_STATUS(f->t,
                     weir_tx_seal_lent(&f->tx, type, f->text, in->len, NULL, 0, &taken, &made),
                     WEIR_NEED_OUTPUT);
        CHECK_EQ(f->t, taken + made, 0);
        if (in->len > WEIR_MAX_PLAINTEXT)
            continue;
        CHECK_STATUS(f->t, weir_tx_seal_each(&f->tx, type, in, 2, NULL, 0, &taken, &made),
                     WEIR_NEED_OUTPUT);
        CHECK_EQ(f->t, taken + made, 0);
    }
}

ON(BOTH, each_with_too_little_room_at_every_size)
{
    static const size_t lens[] = {40, 1, 128, 100, 0, 60, 200, 3};
    const size_t count = sizeof lens / sizeof *lens;
    struct weir_iov in[sizeof lens / sizeof *lens];
    size_t whole;

    cut(f, in, lens, count);
    whole = wire_of(f, in, count);
    for (size_t cap = 0; cap <= whole; cap++) {
        size_t taken = 77, fit = 0;

        while (fit < count && wire_of(f, in, fit + 1) <= cap)
            fit++;
        fixture_at(f, cap);
        memset(f->out, 0xa5, whole);
        CHECK_STATUS(f->t, seal_each(f, WEIR_TYPE_DATA, in, count, cap, &taken),
                     fit == count ? WEIR_OK : WEIR_NEED_OUTPUT);
        CHECK_EQ(f->t, taken, fit);
        CHECK_EQ(f->t, f->out_len, wire_of(f, in, fit));
        for (size_t i = f->out_len; i < whole; i++)
            CHECK_EQ(f->t, f->out[i], 0xa5);
        said_each(f, WEIR_TYPE_DATA, in, fit);
    }
}

ON(BOTH, each_beyond_the_record_limit)
{
    static const size_t lens[] = {100, 99, 101, 5};
    struct weir_iov in[4];
    size_t taken = 77;

    cut(f, in, lens, 4);
    CHECK_STATUS(f->t, weir_tx_set_record_limit(&f->tx, 100), WEIR_OK);
    CHECK_STATUS(f->t, seal_each(f, WEIR_TYPE_DATA, in, 4, OUT_LEN, &taken), WEIR_E_MISUSE);
    CHECK_EQ(f->t, taken, 2);
    said_each(f, WEIR_TYPE_DATA, in, 2);
    CHECK_STATUS(f->t, weir_tx_status(&f->tx), WEIR_E_MISUSE);
    CHECK_STATUS(f->t, seal_each(f, WEIR_TYPE_DATA, in, 1, OUT_LEN, &taken), WEIR_E_MISUSE);
    CHECK_EQ(f->t, taken + f->out_len, 0);
}

ON(BOTH, each_of_other_types)
{
    static const size_t lens[] = {2, 2, 2};
    struct weir_iov in[3];
    size_t taken = 77;

    cut(f, in, lens, 3);
    CHECK_STATUS(f->t, seal_each(f, WEIR_TYPE_ALERT, in, 3, OUT_LEN, &taken), WEIR_OK);
    said_each(f, WEIR_TYPE_ALERT, in, 3);
    CHECK_STATUS(f->t, seal_each(f, WEIR_TYPE_HANDSHAKE, in, 3, OUT_LEN, &taken), WEIR_OK);
    said_each(f, WEIR_TYPE_HANDSHAKE, in, 3);
    CHECK_EQ(f->t, weir_tx_counters(&f->tx).bytes, 0);
    in[1].len = 1; /* "a record with an Alert type MUST contain exactly one message" */
    CHECK_STATUS(f->t, seal_each(f, WEIR_TYPE_ALERT, in, 3, OUT_LEN, &taken), WEIR_E_MISUSE);
    CHECK_EQ(f->t, taken, 1);
}

/* Below 63 the record limit is one of application data (weir_tx_set_record_limit). */
ON(BOTH, each_of_other_types_under_a_small_limit)
{
    static const size_t lens[] = {2, 2, 2};
    struct weir_iov in[3];
    size_t taken = 77;

    cut(f, in, lens, 3);
    CHECK_STATUS(f->t, weir_tx_set_record_limit(&f->tx, 1), WEIR_OK);
    CHECK_STATUS(f->t, seal_each(f, WEIR_TYPE_ALERT, in, 3, OUT_LEN, &taken), WEIR_OK);
    CHECK_EQ(f->t, taken, 3);
    said_each(f, WEIR_TYPE_ALERT, in, 3);
    in[1].len = 63;
    CHECK_STATUS(f->t, seal_each(f, WEIR_TYPE_HANDSHAKE, in, 3, OUT_LEN, &taken), WEIR_OK);
    said_each(f, WEIR_TYPE_HANDSHAKE, in, 3);
    in[1].len = 64;
    CHECK_STATUS(f->t, seal_each(f, WEIR_TYPE_HANDSHAKE, in, 3, OUT_LEN, &taken), WEIR_E_MISUSE);
    CHECK_EQ(f->t, taken, 1);
}

ON(TLS13, each_padded)
{
    static const size_t lens[] = {1, 50, 64};
    struct weir_iov in[3];
    struct wire_record r;
    size_t taken = 77;

    cut(f, in, lens, 3);
    CHECK_STATUS(f->t, weir_tx_set_padding(&f->tx, 64), WEIR_OK);
    CHECK_STATUS(f->t, seal_each(f, WEIR_TYPE_DATA, in, 3, OUT_LEN, &taken), WEIR_OK);
    CHECK_EQ(f->t, taken, 3);
    for (size_t i = 0; i < 3; i++) {
        REQUIRE(f->t, we_said_next(f, &r));
        CHECK_EQ(f->t, r.len, lens[i]);
        CHECK_EQ(f->t, r.pad, 64 - lens[i]);
    }
}

/* Each piece is 2 blocks; the limit is within a call. */
ON(BOTH, each_at_the_limits_of_the_key)
{
    struct weir_iov in[20];
    size_t lens[20];
    size_t taken = 77;

    for (size_t i = 0; i < 20; i++)
        lens[i] = 15;
    cut(f, in, lens, 20);
    for (uint64_t hard = 2; hard <= 38; hard += 2) {
        fixture_at(f, hard);
        fixture_again(f);
        memset(f->out, 0, 2000);
        weir_tx_set_limit(&f->tx, (struct weir_limit){.soft = hard, .hard = hard});
        CHECK_STATUS(f->t, seal_each(f, WEIR_TYPE_DATA, in, 20, OUT_LEN, &taken), WEIR_E_KEY_LIMIT);
        CHECK_EQ(f->t, taken, hard / 2);
        CHECK_ZERO(f->t, f->out + f->out_len, 2000 - f->out_len);
        said_each(f, WEIR_TYPE_DATA, in, (size_t)(hard / 2));
        fixture_again(f);
        weir_tx_set_limit(&f->tx, (struct weir_limit){.soft = hard, .hard = 40});
        CHECK_STATUS(f->t, seal_each(f, WEIR_TYPE_DATA, in, 20, OUT_LEN, &taken), WEIR_REKEY_DUE);
        CHECK_EQ(f->t, taken, 20);
        said_each(f, WEIR_TYPE_DATA, in, 20);
    }
}

/* The sequence numbers end within a call, too. */
ON(BOTH, each_at_the_last_numbers)
{
    const uint64_t last = UINT64_MAX - 64; /* kept for what ends a connection; core/seal.h */
    static const size_t lens[] = {9, 9, 9, 9, 9};
    struct weir_iov in[5];
    size_t taken = 77;

    cut(f, in, lens, 5);
    for (uint64_t left = 0; left <= 5; left++) {
        struct weir_keys keys;

        fixture_at(f, left);
        fixture_keys(f, &keys);
        keys.at.seq = last - left;
        if (keys.at.nonce_rule == WEIR_NONCE_SEQ)
            keys.at.explicit_nonce = keys.at.seq;
        REQUIRE_STATUS(f->t, fixture_tx(f, &keys), WEIR_OK);
        CHECK_STATUS(f->t, seal_each(f, WEIR_TYPE_DATA, in, 5, OUT_LEN, &taken),
                     left == 5 ? WEIR_OK : WEIR_E_KEY_LIMIT);
        CHECK_EQ(f->t, taken, left);
        CHECK_EQ(f->t, weir_tx_position(&f->tx).seq, last);
        said_each(f, WEIR_TYPE_DATA, in, (size_t)left);
    }
}

/* How many of the first n - 1 of equal records are made when the n-th fails: those that are sealed
 * together fail together. */
static size_t made_before(const struct fixture *f, size_t n, size_t len)
{
    bool together = f->watch.backend.seal_each != NULL && len <= 512;

    return together ? (n - 1) / WEIR_AEAD_MAX_EACH * WEIR_AEAD_MAX_EACH : n - 1;
}

ON(BOTH, each_fails_at_the_nth_record)
{
    static const size_t sizes[] = {50, 500, 3000};

    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        for (uint32_t n = 1; n <= 6; n++) {
            struct weir_iov in[6];
            const size_t len = sizes[s], lens[] = {len, len, len, len, len, len};
            size_t taken = 77;

            cut(f, in, lens, 6);
            fixture_at(f, len * 10 + n);
            fixture_again(f);
            memset(f->out, 0, 20000);
            watch_faults.seal = n;
            const size_t made = made_before(f, n, len);
            CHECK_STATUS(f->t, seal_each(f, WEIR_TYPE_DATA, in, 6, OUT_LEN, &taken),
                         WEIR_E_PROVIDER);
            CHECK_EQ(f->t, taken, made);
            CHECK_EQ(f->t, f->out_len, wire_of(f, in, made));
            CHECK_ZERO(f->t, f->out + f->out_len, 20000 - f->out_len);
            CHECK_EQ(f->t, weir_tx_counters(&f->tx).records, made);
            CHECK_EQ(f->t, weir_tx_counters(&f->tx).wire_bytes, f->out_len);
            said_each(f, WEIR_TYPE_DATA, in, made);
            CHECK_STATUS(f->t, weir_tx_status(&f->tx), WEIR_E_PROVIDER);
        }
    }
}

/* Seals text[0..len) lent, into `cap` bytes; the text is as before, and what lies behind, too. */
static weir_status lend(struct fixture *f, uint8_t type, size_t len, size_t cap, size_t *taken)
{
    static uint8_t text[IN_LEN];
    size_t made = 77;

    memcpy(text, f->text, sizeof text);
    weir_status status = weir_tx_seal_lent(&f->tx, type, text, len, f->out, cap, taken, &made);
    CHECK(f->t, made <= cap);
    CHECK_MEM(f->t, text, f->text, len);
    CHECK_MEM(f->t, text + len + 1, f->text + len + 1, 100);
    f->out_len = made;
    f->said_len = 0;
    return status;
}

ON(BOTH, lent_is_cut_in_records)
{
    static const size_t lens[] = {0, 1, 16, 64, 2048, 2049, 16383, 16384, 16385, 40000};
    static const size_t limits[] = {64, 100, 2049, 16384};

    for (size_t l = 0; l < sizeof limits / sizeof *limits; l++) {
        size_t limit = limits[l];

        fixture_again(f);
        REQUIRE_STATUS(f->t, weir_tx_set_record_limit(&f->tx, limit), WEIR_OK);
        for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
            size_t len = lens[i], taken = 77, done = 0;

            fixture_at(f, limit * 100000 + len);
            CHECK_STATUS(f->t, lend(f, WEIR_TYPE_DATA, len, OUT_LEN, &taken), WEIR_OK);
            CHECK_EQ(f->t, taken, len);
            CHECK_EQ(f->t, f->out_len, weir_tx_wire_len(&f->tx, len));
            do {
                size_t here = len - done < limit ? len - done : limit;
                we_said(f, WEIR_TYPE_DATA, f->text + done, here);
                done += here;
            } while (done < len);
            we_said_nothing(f);
        }
    }
}

ON(BOTH, lent_with_too_little_room)
{
    const size_t len = 250, limit = 100;
    size_t whole, record;

    REQUIRE_STATUS(f->t, weir_tx_set_record_limit(&f->tx, limit), WEIR_OK);
    whole = weir_tx_wire_len(&f->tx, len);
    record = weir_tx_record_len(&f->tx, limit);
    for (size_t cap = 0; cap <= whole; cap++) {
        size_t taken = 77, records = cap == whole ? 3 : cap / record;

        fixture_at(f, cap);
        memset(f->out, 0xa5, whole);
        CHECK_STATUS(f->t, lend(f, WEIR_TYPE_DATA, len, cap, &taken),
                     cap == whole ? WEIR_OK : WEIR_NEED_OUTPUT);
        CHECK_EQ(f->t, taken, cap == whole ? len : records * limit);
        for (size_t i = f->out_len; i < whole; i++)
            CHECK_EQ(f->t, f->out[i], 0xa5);
        for (size_t i = 0; i < records; i++)
            we_said(f, WEIR_TYPE_DATA, f->text + i * limit, i < 2 ? limit : len - 2 * limit);
        we_said_nothing(f);
    }
}

ON(BOTH, lent_of_other_types)
{
    size_t taken = 77;

    CHECK_STATUS(f->t, lend(f, WEIR_TYPE_ALERT, 2, OUT_LEN, &taken), WEIR_OK);
    we_said(f, WEIR_TYPE_ALERT, f->text, 2);
    CHECK_STATUS(f->t, lend(f, WEIR_TYPE_HANDSHAKE, 300, OUT_LEN, &taken), WEIR_OK);
    we_said(f, WEIR_TYPE_HANDSHAKE, f->text, 300);
    CHECK_STATUS(f->t, lend(f, WEIR_TYPE_HANDSHAKE, 0, OUT_LEN, &taken), WEIR_E_MISUSE);
    CHECK_EQ(f->t, taken + f->out_len, 0);
}

ON(BOTH, lent_fails_at_the_nth_record)
{
    for (uint32_t n = 1; n <= 4; n++) {
        size_t taken = 77;

        fixture_at(f, n);
        fixture_again(f);
        REQUIRE_STATUS(f->t, weir_tx_set_record_limit(&f->tx, 1000), WEIR_OK);
        memset(f->out, 0, 20000);
        watch_faults.seal = n;
        CHECK_STATUS(f->t, lend(f, WEIR_TYPE_DATA, 4000, OUT_LEN, &taken), WEIR_E_PROVIDER);
        CHECK_EQ(f->t, taken, (n - 1) * 1000);
        CHECK_ZERO(f->t, f->out + f->out_len, 20000 - f->out_len);
        for (size_t i = 0; i + 1 < n; i++)
            we_said(f, WEIR_TYPE_DATA, f->text + i * 1000, 1000);
        we_said_nothing(f);
        CHECK_STATUS(f->t, weir_tx_status(&f->tx), WEIR_E_PROVIDER);
    }
}

ON(BOTH, lent_at_the_limits_of_the_key)
{
    size_t taken = 77;

    REQUIRE_STATUS(f->t, weir_tx_set_record_limit(&f->tx, 15), WEIR_OK);
    weir_tx_set_limit(&f->tx, (struct weir_limit){.soft = 4, .hard = 8});
    CHECK_STATUS(f->t, lend(f, WEIR_TYPE_DATA, 30, OUT_LEN, &taken), WEIR_OK);
    said_each(f, WEIR_TYPE_DATA, (struct weir_iov[]){{f->text, 15}, {f->text + 15, 15}}, 2);
    CHECK_STATUS(f->t, lend(f, WEIR_TYPE_DATA, 15, OUT_LEN, &taken), WEIR_REKEY_DUE);
    said_each(f, WEIR_TYPE_DATA, (struct weir_iov[]){{f->text, 15}}, 1);
    CHECK_STATUS(f->t, lend(f, WEIR_TYPE_DATA, 30, OUT_LEN, &taken), WEIR_E_KEY_LIMIT);
    CHECK_EQ(f->t, taken, 15);
    said_each(f, WEIR_TYPE_DATA, (struct weir_iov[]){{f->text, 15}}, 1);
}

static const struct test_case table[] = {
    CASE(each_piece_becomes_a_record),
    CASE(each_of_many_small_pieces),
    CASE(no_room_and_no_memory),
    CASE(each_with_too_little_room_at_every_size),
    CASE(each_beyond_the_record_limit),
    CASE(each_of_other_types),
    CASE(each_of_other_types_under_a_small_limit),
    CASE(each_padded),
    CASE(each_at_the_limits_of_the_key),
    CASE(each_at_the_last_numbers),
    CASE(each_fails_at_the_nth_record),
    CASE(lent_is_cut_in_records),
    CASE(lent_with_too_little_room),
    CASE(lent_of_other_types),
    CASE(lent_fails_at_the_nth_record),
    CASE(lent_at_the_limits_of_the_key),
};
CASE_GROUP(many, table, TEST_EACH_AEAD);
