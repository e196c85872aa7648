/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a card has decrypted, wholly, in part or not at all. The card of these cases knows the
 * plaintext; it decrypts nothing.
 */
#include "fixture.h"

#include <weir/rx_marked.h>

#define BUFFER  40000u
#define MARKS   64u
#define RECORDS 64u

/* The input, as it came and as a card with the key has it. */
static uint8_t wire[BUFFER], open[BUFFER], input[BUFFER];
static size_t len, starts[RECORDS + 1], records;
static struct weir_mark marks[MARKS];
static size_t marks_count;
static struct weir_record out[RECORDS];
static struct weir_note notes[RECORDS];
static struct weir_marked call;

static bool gcm(const struct fixture *f)
{
    return weir_suite_find(f->profile->suite)->alg != WEIR_CHACHA20_POLY1305;
}

static size_t prefix(const struct fixture *f)
{
    return f->tls13 ? 5 : 13;
}

static void clear(void)
{
    len = records = marks_count = 0;
    memset(&call, 0, sizeof call);
}

/* A new connection without input. */
static void anew(struct fixture *f)
{
    fixture_again(f);
    clear();
}

/* One more record of the peer's. */
static void says(struct fixture *f, uint8_t type, const uint8_t *content, size_t n, size_t pad)
{
    const size_t before = f->in_len;

    if (f->tls13)
        peer_says_padded(f, type, content, n, pad);
    else
        peer_says(f, type, content, n);
    const size_t wire_len = f->in_len - before;
    f->in_len = before;
    memcpy(wire + len, f->in + before, wire_len);
    memcpy(open + len, wire + len, wire_len);
    uint8_t *text = open + len + prefix(f);
    memcpy(text, content, n);
    if (f->tls13) {
        text[n] = type;
        memset(text + n + 1, 0, pad);
    }
    starts[records++] = len;
    len += wire_len;
    starts[records] = len;
}

/* input[from..from + n) comes decrypted. */
static void mark(size_t from, size_t n, bool vouched)
{
    if (n > 0)
        marks[marks_count++] = (struct weir_mark){from, n, vouched};
}

/* The input as the marks have it. */
static void arrange(void)
{
    memcpy(input, wire, len);
    for (size_t i = 0; i < marks_count; i++)
        memcpy(input + marks[i].from, open + marks[i].from, marks[i].len);
    call.buf = input;
    call.len = len;
    call.marks = marks;
    call.marks_count = marks_count;
    call.records = out;
    call.cap = RECORDS;
    call.notes = notes;
    call.notes_cap = RECORDS;
}

static weir_status opens(struct fixture *f)
{
    arrange();
    return weir_rx_open_marked(&f->rx, &call);
}

/* One record of this content, and how it came. */
static bool got(uint8_t type, const uint8_t *content, size_t n, enum weir_came came)
{
    return call.count == 1 && call.noted == 1 && call.consumed == len && out[0].type == type &&
           out[0].len == n && memcmp(out[0].data, content, n) == 0 && notes[0].came == (int)came &&
           notes[0].len == len;
}

static const uint8_t text[9] = {1, 2, 3, 4, 5, 6, 7, 8, 0};

/* All ways to mark one range of a short record, and all but that range. */
ON(BOTH, every_range)
{
    bool right = true;

    clear();
    if (gcm(f))
        says(f, WEIR_TYPE_DATA, text, sizeof text, 2);
    for (size_t from = 0, whole = len; from < whole && right; from++) {
        for (size_t end = from + 1; end <= whole && right; end++) {
            for (size_t but = 0; but < 2 && right; but++) {
                fixture_at(f, from * 1000 + end);
                if (from + but + end > 1) {
                    clear();
                    says(f, WEIR_TYPE_DATA, text, sizeof text, 2);
                }
                if (but == 0) {
                    mark(from, end - from, true);
                } else {
                    mark(0, from, true);
                    mark(end, whole - end, true);
                }
                call.trust = from % 2 == 0;
                right = opens(f) == WEIR_NEED_INPUT &&
                        got(WEIR_TYPE_DATA, text, sizeof text,
                            marks_count == 0                            ? WEIR_CAME_ENCRYPTED
                            : marks_count == 1 && marks[0].len == whole ? WEIR_CAME_DECRYPTED
                                                                        : WEIR_CAME_MIXED);
            }
        }
    }
    CHECK(f->t, right);
}

#define PIECES 10u

/* A record in ten pieces, each of them decrypted or not. */
ON(BOTH, every_way_to_mix)
{
    bool right = true;

    for (unsigned mask = 0; mask < 1u << PIECES && right && gcm(f); mask++) {
        fixture_at(f, mask);
        clear();
        says(f, WEIR_TYPE_DATA, f->text, 90, 0);
        for (size_t i = 0; i < PIECES; i++) {
            size_t from = len * i / PIECES, end = len * (i + 1) / PIECES;
            if ((mask >> i & 1) != 0)
                mark(from, end - from, mask % 3 != 0);
        }
        call.trust = true;
        right =
            opens(f) == WEIR_NEED_INPUT && got(WEIR_TYPE_DATA, f->text, 90,
                                               mask == 0                    ? WEIR_CAME_ENCRYPTED
                                               : mask == (1u << PIECES) - 1 ? WEIR_CAME_DECRYPTED
                                                                            : WEIR_CAME_MIXED);
    }
    CHECK(f->t, right);
    CHECK(f->t, !gcm(f) || weir_rx_position(&f->rx).seq == 1u << PIECES);
}

/* Marks of one record: none, all, and some between. */
static void pattern(unsigned kind, size_t whole)
{
    switch (kind) {
    case 1:
        mark(0, whole, false);
        break;
    case 2:
        mark(0, whole / 2, true);
        break;
    case 3:
        mark(whole / 2, whole - whole / 2, true);
        break;
    case 4:
        for (size_t at = 0; at < whole; at += 6)
            mark(at, whole - at < 3 ? whole - at : 3, true);
        break;
    case 5:
        mark(0, whole - 16, true);
        break;
    default:
        break;
    }
}

/* Refused, wiped and over, whatever is flipped and however it came. The connection is done. */
static bool refused(struct fixture *f, weir_status status)
{
    const size_t body = (size_t)input[3] << 8 | input[4];

    if (call.count != 0 || call.noted != 0 || call.consumed != 0 || status >= 0)
        return false;
    for (size_t i = 5; i < 5 + body && i < len && status == WEIR_E_AUTH; i++) {
        if (input[i] != 0)
            return false;
    }
    return weir_rx_open_marked(&f->rx, &call) == status && weir_rx_status(&f->rx) == status;
}

ON(BOTH, every_flipped_bit)
{
    bool right = true;

    for (unsigned kind = 0; kind < 6 && gcm(f); kind++) {
        anew(f);
        says(f, WEIR_TYPE_DATA, text, sizeof text, 0);
        const size_t bits = len * 8, whole = len;
        for (size_t bit = 0; bit < bits && right; bit++) {
            anew(f);
            fixture_at(f, kind * 1000 + bit);
            says(f, WEIR_TYPE_DATA, text, sizeof text, 0);
            pattern(kind, whole);
            call.trust = true;
            arrange();
            input[bit / 8] ^= (uint8_t)(1u << bit % 8);
            weir_status status = weir_rx_open_marked(&f->rx, &call);
            /* A length that tells of more than there is: that may still come. */
            bool longer = bit / 8 > 2 && bit / 8 < 5 && status == WEIR_NEED_INPUT;
            right = longer ? call.count == 0 : refused(f, status);
        }
    }
    CHECK(f->t, right);
}

/* With trust, and a card that vouches, no cryptography; everything else is as ever. */
ON(BOTH, trusted)
{
    for (unsigned trust = 0; trust < 4 && gcm(f); trust++) {
        struct weir_keys keys;
        struct weir_refusal why;

        anew(f);
        CHECK_STATUS(f->t, weir_rx_share(&f->rx, 0xfffffff0u, &keys, &why), WEIR_OK);
        says(f, WEIR_TYPE_DATA, f->text, 200, 5);
        says(f, WEIR_TYPE_DATA, f->text + 200, 100, 0);
        says(f, WEIR_TYPE_DATA, f->text, 0, 0);
        says(f, WEIR_TYPE_HANDSHAKE, f->text + 300, 50, 0);
        mark(0, 100, (trust & 1) != 0);
        mark(100, len - 100, true);
        call.trust = (trust & 2) != 0;
        CHECK_STATUS(f->t, opens(f), WEIR_OK);
        REQUIRE_EQ(f->t, call.count, 4);
        CHECK_EQ(f->t, call.noted, 4);
        CHECK_EQ(f->t, call.consumed, len);
        CHECK_EQ(f->t, out[0].len, 200);
        CHECK_MEM(f->t, out[0].data, f->text, 200);
        CHECK_EQ(f->t, out[1].len, 100);
        CHECK_EQ(f->t, out[2].len, 0);
        CHECK_EQ(f->t, out[3].type, WEIR_TYPE_HANDSHAKE);
        CHECK_MEM(f->t, out[3].data, f->text + 300, 50);
        CHECK_EQ(f->t, f->watch.opens, (trust & 2) == 0 ? 4 : (trust & 1) == 0 ? 1 : 0);
        for (size_t i = 0; i < 4; i++) {
            CHECK_EQ(f->t, notes[i].came, WEIR_CAME_DECRYPTED);
            CHECK_EQ(f->t, notes[i].number, i);
            CHECK_EQ(f->t, notes[i].tcp_seq, (uint32_t)(0xfffffff0u + starts[i]));
            CHECK_EQ(f->t, notes[i].len, starts[i + 1] - starts[i]);
        }
        CHECK_EQ(f->t, weir_rx_counters(&f->rx).records, 4);
        CHECK_EQ(f->t, weir_rx_counters(&f->rx).bytes, 300);
        CHECK_EQ(f->t, weir_rx_counters(&f->rx).wire_bytes, len);
        CHECK_EQ(f->t, weir_rx_position(&f->rx).seq, 4);
        CHECK_EQ(f->t, weir_rx_position(&f->rx).tcp_seq, (uint32_t)(0xfffffff0u + len));
        CHECK_EQ(f->t, weir_rx_position(&f->rx).blocks, f->tls13 ? 14 + 8 + 2 + 5 : 14 + 8 + 1 + 5);
        weir_keys_wipe(&keys);
    }
}

/* What no record may be, it may not be on a card's word either. */
static void trusted_fails(struct fixture *f, weir_status status)
{
    mark(0, len, true);
    call.trust = true;
    CHECK_STATUS(f->t, opens(f), status);
    CHECK_EQ(f->t, call.count, 0);
    CHECK_EQ(f->t, f->watch.opens, 0);
    CHECK_ZERO(f->t, input + 5, len - 5);
    CHECK_STATUS(f->t, weir_rx_status(&f->rx), status);
}

ON(BOTH, trusted_and_refused)
{
    if (!gcm(f))
        return;
    anew(f);
    says(f, 22, f->text, 0, 0); /* an empty handshake record */
    trusted_fails(f, WEIR_E_TYPE);
    if (f->tls13) {
        anew(f);
        says(f, 0, f->text, 0, 4); /* no type in it */
        trusted_fails(f, WEIR_E_TYPE);
        anew(f);
        says(f, 20, f->text, 10, 0);
        trusted_fails(f, WEIR_E_TYPE);
    }
    anew(f);
    CHECK_STATUS(f->t, weir_rx_set_record_limit(&f->rx, 64), WEIR_OK);
    says(f, WEIR_TYPE_DATA, f->text, 65, 0);
    trusted_fails(f, WEIR_E_OVERFLOW);
    anew(f);
    weir_rx_set_limit(&f->rx, (struct weir_limit){1, 2});
    says(f, WEIR_TYPE_DATA, f->text, 40, 0);
    trusted_fails(f, WEIR_E_KEY_LIMIT);
    anew(f);
    weir_rx_set_limit(&f->rx, (struct weir_limit){1, 2});
    says(f, WEIR_TYPE_HANDSHAKE, f->text, 16383, 0); /* 1025 blocks: 1 is left of the reserve */
    mark(0, len, true);
    call.trust = true;
    CHECK_STATUS(f->t, opens(f), WEIR_OK);
    CHECK_EQ(f->t, call.count, 1);
    CHECK_STATUS(f->t, weir_rx_status(&f->rx), WEIR_REKEY_DUE);
    clear();
    says(f, WEIR_TYPE_ALERT, f->text, 2, 0);
    trusted_fails(f, WEIR_E_KEY_LIMIT);
    anew(f);
    for (unsigned i = 0; i <= WEIR_MAX_EMPTY_RECORDS; i++)
        says(f, WEIR_TYPE_DATA, f->text, 0, 0);
    mark(0, len, true);
    call.trust = true;
    CHECK_STATUS(f->t, opens(f), WEIR_OK);
    CHECK_EQ(f->t, call.count, WEIR_MAX_EMPTY_RECORDS);
    CHECK_STATUS(f->t, weir_rx_status(&f->rx), WEIR_E_FLOOD);
}

/* Headers are judged the same whether marked or not. */
ON(BOTH, wrong_headers)
{
    static const struct {
        uint8_t at, value;
        weir_status status;
    } wrong[] = {{0, 99, WEIR_E_TYPE}, {1, 2, WEIR_E_VERSION}, {3, 0xff, WEIR_E_OVERFLOW}};

    for (size_t i = 0; i < 6 && gcm(f); i++) {
        anew(f);
        f->t->at = i;
        says(f, WEIR_TYPE_DATA, f->text, 16000, 0);
        says(f, WEIR_TYPE_DATA, f->text, 16000, 0);
        mark(0, len, true);
        call.trust = i >= 3;
        arrange();
        input[wrong[i % 3].at] = wrong[i % 3].value;
        CHECK_STATUS(f->t, weir_rx_open_marked(&f->rx, &call), wrong[i % 3].status);
        CHECK_EQ(f->t, call.count, 0);
        CHECK_EQ(f->t, call.consumed, 0);
    }
    for (size_t n = 0; n < 24 && gcm(f); n++) { /* shorter than any record */
        anew(f);
        says(f, WEIR_TYPE_DATA, f->text, 30, 0);
        mark(0, len, true);
        arrange();
        input[4] = (uint8_t)n;
        CHECK_STATUS(f->t, weir_rx_open_marked(&f->rx, &call), WEIR_E_AUTH);
        CHECK_EQ(f->t, call.count, 0);
    }
}

ON(BOTH, marks_that_cannot_be)
{
    static const struct {
        struct weir_mark m[2];
        size_t count;
    } wrong[] = {{{{0, 0, true}}, 1},
                 {{{0, 5, true}, {4, 3, true}}, 2},
                 {{{9, 5, true}, {0, 3, true}}, 2},
                 {{{100, 41, true}}, 1},
                 {{{141, 1, true}}, 1},
                 {{{SIZE_MAX, 1, true}}, 1},
                 {{{1, SIZE_MAX, true}}, 1},
                 {{{5, SIZE_MAX - 3, true}}, 1}};

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong && gcm(f); i++) {
        anew(f);
        f->t->at = i;
        says(f, WEIR_TYPE_DATA, f->text, 140 - prefix(f) - 16 - (f->tls13 ? 1 : 0), 0);
        REQUIRE_EQ(f->t, len, 140);
        arrange();
        call.marks = wrong[i].m;
        call.marks_count = wrong[i].count;
        CHECK_STATUS(f->t, weir_rx_open_marked(&f->rx, &call), WEIR_E_MISUSE);
        CHECK_EQ(f->t, call.count, 0);
        CHECK_MEM(f->t, input, wire, len);
        CHECK_STATUS(f->t, weir_rx_status(&f->rx), WEIR_E_MISUSE);
    }
    weir_rx_wipe(&f->rx);
    clear();
    arrange();
    CHECK_STATUS(f->t, weir_rx_open_marked(&f->rx, &call), WEIR_E_MISUSE);
}

/* Adjacent marks, marks over several records, a record cut: as without marks. */
ON(BOTH, many_records_at_random)
{
    for (unsigned round = 0; round < 40 && gcm(f); round++) {
        size_t given = 0, at = 0, text_at = 0;
        uint8_t *wanted = f->heard.bytes;
        struct weir_marks list = {.at = marks, .capacity = MARKS};
        bool right = true;

        anew(f);
        f->t->at = round;
        for (unsigned i = 0; i < 12; i++) {
            size_t n = (size_t)(test_random(&f->random) % 2000);
            memcpy(wanted + text_at, f->text + n, n);
            text_at += n;
            says(f, WEIR_TYPE_DATA, f->text + n, n, n % 7);
        }
        arrange();
        memcpy(input, wire, len);
        text_at = 0;
        /* `at`: consumed; `given`: has come. */
        while (given < len && right) {
            size_t n = (size_t)(test_random(&f->random) % 900) + 1;
            if (n > len - given)
                n = len - given;
            if (test_random(&f->random) % 3 != 0) {
                memcpy(input + given, open + given, n);
                right = weir_marks_add(&list, given - at, n, test_random(&f->random) % 2 == 0) ==
                        WEIR_OK;
            }
            given += n;
            call.buf = input + at;
            call.len = given - at;
            call.marks = list.at;
            call.marks_count = list.count;
            call.trust = round % 2 == 0;
            right = right && weir_rx_open_marked(&f->rx, &call) == WEIR_NEED_INPUT;
            for (size_t i = 0; i < call.count && right; i++) {
                right = memcmp(out[i].data, wanted + text_at, out[i].len) == 0;
                text_at += out[i].len;
            }
            weir_marks_consume(&list, call.consumed);
            at += call.consumed;
        }
        CHECK(f->t, right && at == len && list.count == 0);
        CHECK_EQ(f->t, weir_rx_counters(&f->rx).bytes, text_at);
        CHECK_EQ(f->t, weir_rx_counters(&f->rx).records, 12);
    }
}

/* Room for fewer records or notes than there are, and control records: it stops there. */
ON(BOTH, stops_where_it_should)
{
    if (!gcm(f))
        return;
    anew(f);
    for (unsigned i = 0; i < 3; i++)
        says(f, WEIR_TYPE_DATA, f->text, 10, 0);
    says(f, WEIR_TYPE_ALERT, f->text, 2, 0);
    says(f, WEIR_TYPE_DATA, f->text, 10, 0);
    mark(3, 90, true);
    arrange();
    call.cap = 1;
    CHECK_STATUS(f->t, weir_rx_open_marked(&f->rx, &call), WEIR_OK);
    CHECK_EQ(f->t, call.count, 1);
    CHECK_EQ(f->t, call.consumed, starts[1]);
    struct weir_marks list = {.at = marks, .capacity = MARKS, .count = marks_count};
    weir_marks_consume(&list, call.consumed);
    call.buf += call.consumed;
    call.len -= call.consumed;
    call.cap = RECORDS;
    call.notes_cap = 0;
    CHECK_STATUS(f->t, weir_rx_open_marked(&f->rx, &call), WEIR_OK);
    CHECK_EQ(f->t, call.count, 0);
    call.notes_cap = RECORDS;
    CHECK_STATUS(f->t, weir_rx_open_marked(&f->rx, &call), WEIR_OK);
    CHECK_EQ(f->t, call.count, 3);
    CHECK_EQ(f->t, out[2].type, WEIR_TYPE_ALERT);
    CHECK_EQ(f->t, call.consumed, starts[4] - starts[1]);
}

/* Good records come before the error. */
ON(BOTH, an_error_waits)
{
    if (!gcm(f))
        return;
    anew(f);
    says(f, WEIR_TYPE_DATA, f->text, 10, 0);
    says(f, WEIR_TYPE_DATA, f->text, 10, 0);
    mark(2, len - 2, true);
    arrange();
    input[len - 1] ^= 1;
    CHECK_STATUS(f->t, weir_rx_open_marked(&f->rx, &call), WEIR_OK);
    CHECK_EQ(f->t, call.count, 1);
    CHECK_EQ(f->t, call.consumed, starts[1]);
    CHECK_ZERO(f->t, input + starts[1] + 5, len - starts[1] - 5);
    CHECK_STATUS(f->t, weir_rx_open_marked(&f->rx, &call), WEIR_E_AUTH);
    CHECK_EQ(f->t, call.count, 0);
}

ON(BOTH, a_broken_provider)
{
    if (!gcm(f))
        return;
    anew(f);
    says(f, WEIR_TYPE_DATA, f->text, 100, 0);
    mark(20, 10, true);
    mark(50, 10, true);
    watch_faults.keystream = 2;
    CHECK_STATUS(f->t, opens(f), WEIR_E_PROVIDER);
    CHECK_EQ(f->t, call.count, 0);
    CHECK_ZERO(f->t, input + 5, len - 5);
    CHECK_STATUS(f->t, weir_rx_status(&f->rx), WEIR_E_PROVIDER);
}

/* What cannot be undone is not shared, and by name; marks on it are misuse. */
ON(BOTH, share)
{
    struct weir_keys keys;
    struct weir_refusal why;
    struct weir_undo undo;

    anew(f);
    memset(&keys, 0x5a, sizeof keys);
    weir_status status = weir_rx_share(&f->rx, 7, &keys, &why);
    if (gcm(f)) {
        CHECK_STATUS(f->t, status, WEIR_OK);
        CHECK_MEM(f->t, keys.key, f->rx_keys.key, sizeof keys.key);
        CHECK_MEM(f->t, keys.iv, f->rx_keys.iv, sizeof keys.iv);
        CHECK_EQ(f->t, keys.suite, f->profile->suite);
        CHECK_EQ(f->t, keys.version, f->profile->version);
        CHECK_EQ(f->t, keys.secret_len, 0);
        CHECK_ZERO(f->t, keys.secret, sizeof keys.secret);
        CHECK(f->t, keys.at.tcp_known && keys.at.tcp_seq == 7);
        f->watch.backend.keystream = NULL;
        CHECK_STATUS(f->t, weir_rx_share(&f->rx, 8, &keys, &why), WEIR_REFUSED);
        CHECK_EQ(f->t, why.code, WEIR_REFUSAL_KEYSTREAM);
        CHECK_EQ(f->t, weir_rx_position(&f->rx).tcp_seq, 7);
        CHECK_STATUS(f->t,
                     weir_undo_init(&undo, &f->watch.backend, f->tx_ctx, sizeof f->tx_ctx, &why),
                     WEIR_REFUSED);
        CHECK_EQ(f->t, why.code, WEIR_REFUSAL_KEYSTREAM);
    } else {
        CHECK_STATUS(f->t, status, WEIR_REFUSED);
        CHECK_EQ(f->t, why.code, WEIR_REFUSAL_SUITE);
        CHECK_EQ(f->t, why.detail, f->profile->suite);
    }
    CHECK_EQ(f->t, why.layer, WEIR_LAYER_CORE);
    CHECK_ZERO(f->t, &keys, sizeof keys);
    says(f, WEIR_TYPE_DATA, f->text, 10, 0);
    CHECK_STATUS(f->t, opens(f), WEIR_NEED_INPUT); /* without a mark it is as ever */
    CHECK_EQ(f->t, call.count, 1);
    clear();
    says(f, WEIR_TYPE_DATA, f->text, 10, 0);
    mark(0, 1, true);
    CHECK_STATUS(f->t, opens(f), WEIR_E_MISUSE);
    CHECK_STATUS(f->t, weir_rx_share(&f->rx, 8, &keys, &why), WEIR_E_MISUSE);
    weir_rx_wipe(&f->rx);
    CHECK_STATUS(f->t, weir_rx_share(&f->rx, 8, &keys, &why), WEIR_E_MISUSE);
}

static void marks_in_order(struct test *t)
{
    struct weir_mark room[3];
    struct weir_marks list = {.at = room, .capacity = 3};

    CHECK_STATUS(t, weir_marks_add(&list, 5, 0, true), WEIR_E_MISUSE);
    CHECK_STATUS(t, weir_marks_add(&list, 5, SIZE_MAX - 4, true), WEIR_E_MISUSE);
    CHECK_STATUS(t, weir_marks_add(&list, 5, 10, true), WEIR_OK);
    CHECK_STATUS(t, weir_marks_add(&list, 14, 10, true), WEIR_E_MISUSE);
    CHECK_STATUS(t, weir_marks_add(&list, 15, 10, true), WEIR_OK);
    CHECK_EQ(t, list.count, 1);
    CHECK_EQ(t, room[0].len, 20);
    CHECK_STATUS(t, weir_marks_add(&list, 25, 5, false), WEIR_OK);
    CHECK_STATUS(t, weir_marks_add(&list, 40, 5, false), WEIR_OK);
    CHECK_EQ(t, list.count, 3);
    CHECK_STATUS(t, weir_marks_add(&list, 50, 5, false), WEIR_NEED_OUTPUT);
    CHECK_STATUS(t, weir_marks_add(&list, 45, 1, false), WEIR_OK);
    weir_marks_consume(&list, 4);
    CHECK_EQ(t, room[0].from, 1);
    CHECK_EQ(t, room[0].len, 20);
    weir_marks_consume(&list, 11);
    CHECK_EQ(t, room[0].from, 0);
    CHECK_EQ(t, room[0].len, 10);
    weir_marks_consume(&list, 10);
    CHECK_EQ(t, list.count, 2);
    CHECK(t, room[0].from == 0 && room[0].len == 5 && !room[0].vouched);
    CHECK(t, room[1].from == 15 && room[1].len == 6);
    weir_marks_consume(&list, 100);
    CHECK_EQ(t, list.count, 0);
}

static const struct test_case table[] = {
    CASE(every_range),           CASE(every_way_to_mix),
    CASE(every_flipped_bit),     CASE(trusted),
    CASE(trusted_and_refused),   CASE(wrong_headers),
    CASE(marks_that_cannot_be),  CASE(many_records_at_random),
    CASE(stops_where_it_should), CASE(an_error_waits),
    CASE(a_broken_provider),     CASE(share),
    CASE(marks_in_order),
};
CASE_GROUP(rx_marked, table, TEST_EACH_AEAD);
