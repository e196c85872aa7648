/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A card that goes on decrypting under the key before a KeyUpdate, and a session that receives what
 * a card has decrypted. This card decrypts: with keys of its own, and numbers that it counts
 * itself.
 */
#include "fixture.h"

#include <weir/rx_marked.h>

#define BUFFER 8000u
#define MOST   16u

static uint8_t wire[BUFFER];
static size_t len, starts[MOST + 1], records;
static struct weir_mark marks[MOST];
static struct weir_record out[MOST];
static struct weir_note notes[MOST];
static struct weir_marked call;
static struct weir_undo undo;
static union {
    uint64_t align;
    _Alignas(TEST_CTX_ALIGN) uint8_t bytes[TEST_CTX_LEN];
} undo_ctx, card_ctx;
/* The key that the card has, and the number of the record that it believes is next. */
static struct weir_keys card;

static bool gcm(const struct fixture *f)
{
    return weir_suite_find(f->profile->suite)->alg != WEIR_CHACHA20_POLY1305;
}

static void clear(void)
{
    len = records = 0;
    memset(&call, 0, sizeof call);
    call.undo = &undo;
}

static void begin(struct fixture *f)
{
    struct weir_refusal why;

    fixture_again(f);
    clear();
    card = f->rx_keys;
    weir_undo_wipe(&undo);
    CHECK_STATUS(f->t,
                 weir_undo_init(&undo, &f->watch.backend, undo_ctx.bytes, sizeof undo_ctx, &why),
                 WEIR_OK);
}

static void finish(struct fixture *f)
{
    weir_undo_wipe(&undo);
    CHECK(f->t, !weir_undo_active(&undo));
    CHECK_EQ(f->t, f->watch.attached, 2); /* tx and rx */
}

static void says(struct fixture *f, uint8_t type, const uint8_t *content, size_t n)
{
    const size_t before = f->in_len;

    peer_says(f, type, content, n);
    memcpy(wire + len, f->in + before, f->in_len - before);
    starts[records++] = len;
    len += f->in_len - before;
    starts[records] = len;
    f->in_len = before;
}

static void updates(struct fixture *f)
{
    static const uint8_t message[] = {24, 0, 0, 1, 0};

    says(f, WEIR_TYPE_HANDSHAKE, message, sizeof message);
    wire_update(&f->theirs, &watch_kdf);
}

/* The card goes over the record there as one of its own key, from..end of it. */
static void decrypts(struct fixture *f, size_t record, size_t from, size_t end)
{
    const size_t prefix = f->tls13 ? 5 : 13, at = starts[record];
    const weir_alg alg = (weir_alg)weir_suite_find(card.suite)->alg;
    const size_t whole = starts[record + 1] - at;
    uint8_t nonce[12];
    uint64_t seq = card.at.seq + record;

    if (end > whole)
        end = whole;
    marks[call.marks_count++] = (struct weir_mark){at + from, end - from, true};
    call.marks = marks;
    if (from < prefix)
        from = prefix;
    if (end > whole - 16)
        end = whole - 16;
    memcpy(nonce, card.iv, 12);
    for (size_t i = 0; i < 8; i++) {
        uint64_t byte = f->tls13 ? nonce[4 + i] ^ (seq >> (56 - 8 * i)) : wire[at + 5 + i];

        nonce[4 + i] = (uint8_t)byte;
    }
    CHECK_STATUS(f->t, f->t->aead->init(&card_ctx, alg, card.key), WEIR_OK);
    if (from < end)
        CHECK_STATUS(f->t,
                     f->t->aead->keystream(&card_ctx, nonce, from - prefix, wire + at + from,
                                           wire + at + from, end - from),
                     WEIR_OK);
    f->t->aead->wipe(&card_ctx);
}

static void arrange(void)
{
    call.buf = wire;
    call.len = len;
    call.records = out;
    call.cap = MOST;
    call.notes = notes;
    call.notes_cap = MOST;
    call.trust = true;
}

static weir_status opens(struct fixture *f)
{
    arrange();
    return weir_rx_open_marked(&f->rx, &call);
}

/* Past data and a KeyUpdate. */
static void past_an_update(struct fixture *f)
{
    begin(f);
    says(f, WEIR_TYPE_DATA, f->text, 50);
    updates(f);
    decrypts(f, 0, 0, 40);
    decrypts(f, 1, 0, 100);
    CHECK_STATUS(f->t, opens(f), WEIR_OK);
    CHECK_EQ(f->t, call.count, 2);
    CHECK_EQ(f->t, out[1].type, WEIR_TYPE_HANDSHAKE);
    CHECK_EQ(f->t, f->watch.opens, 1); /* trust */
    CHECK(f->t, !weir_undo_active(&undo));
    CHECK_STATUS(f->t, weir_rx_rekey(&f->rx, &watch_kdf), WEIR_OK);
    card.at.seq += records;
    clear();
}

ON(TLS13, the_old_key_goes_on)
{
    if (!gcm(f))
        return;
    past_an_update(f);
    says(f, WEIR_TYPE_DATA, f->text, 60);
    says(f, WEIR_TYPE_DATA, f->text + 60, 60);
    says(f, WEIR_TYPE_DATA, f->text + 120, 60);
    decrypts(f, 0, 3, 50);
    decrypts(f, 2, 0,
             1000); /* all of it, and the card vouches: with the wrong key, that is nothing */
    f->watch.opens = 0;
    CHECK_STATUS(f->t, opens(f), WEIR_NEED_INPUT);
    CHECK(f->t, weir_undo_active(&undo));
    REQUIRE_EQ(f->t, call.count, 3);
    CHECK_EQ(f->t, f->watch.opens, 3);
    CHECK_EQ(f->t, notes[0].came, WEIR_CAME_MIXED);
    CHECK_EQ(f->t, notes[1].came, WEIR_CAME_ENCRYPTED);
    CHECK_EQ(f->t, notes[2].came, WEIR_CAME_DECRYPTED);
    CHECK_EQ(f->t, notes[2].number, 2);
    CHECK_EQ(f->t, notes[2].epoch, 1);
    for (size_t i = 0; i < 3; i++)
        CHECK_MEM(f->t, out[i].data, f->text + 60 * i, 60);

    /* Another KeyUpdate: the card still has the first key. */
    card.at.seq += records;
    clear();
    updates(f);
    decrypts(f, 0, 0, 10);
    CHECK_STATUS(f->t, opens(f), WEIR_OK);
    CHECK_STATUS(f->t, weir_rx_rekey(&f->rx, &watch_kdf), WEIR_OK);
    card.at.seq += records;
    clear();
    says(f, WEIR_TYPE_DATA, f->text, 60);
    decrypts(f, 0, 0, 61);
    CHECK_STATUS(f->t, opens(f), WEIR_NEED_INPUT);
    REQUIRE_EQ(f->t, call.count, 1);
    CHECK_MEM(f->t, out[0].data, f->text, 60);

    /* The card has the new key; from the next record on. */
    weir_undo_wipe(&undo);
    card = f->theirs.keys;
    clear();
    says(f, WEIR_TYPE_DATA, f->text, 60);
    decrypts(f, 0, 0, 61);
    CHECK_STATUS(f->t, opens(f), WEIR_NEED_INPUT);
    REQUIRE_EQ(f->t, call.count, 1);
    CHECK_MEM(f->t, out[0].data, f->text, 60);
    finish(f);
}

/* Without the old key, or with a number that is not the card's, it does not open. */
ON(TLS13, what_is_not_undone_does_not_open)
{
    for (unsigned how = 0; how < 3 && gcm(f) && (f->t->aead->flags & WEIR_AEAD_INSECURE) == 0;
         how++) {
        past_an_update(f);
        if (how == 1)
            weir_undo_wipe(&undo);
        if (how == 2)
            card.at.seq++;
        says(f, WEIR_TYPE_DATA, f->text, 60);
        decrypts(f, 0, 0, 50);
        f->t->at = how;
        CHECK_STATUS(f->t, opens(f), how == 0 ? WEIR_NEED_INPUT : WEIR_E_AUTH);
        CHECK_EQ(f->t, call.count, how == 0);
        weir_undo_wipe(&undo);
    }
    CHECK(f->t, true);
}

/* A handshake message that changes no key: nothing is kept, and nothing is undone. */
ON(BOTH, another_message_changes_nothing)
{
    static const uint8_t ticket[] = {4, 0, 0, 1, 9};

    if (!gcm(f))
        return;
    begin(f);
    says(f, WEIR_TYPE_HANDSHAKE, ticket, sizeof ticket);
    CHECK_STATUS(f->t, opens(f), WEIR_OK);
    CHECK_EQ(f->t, call.count, 1);
    CHECK_EQ(f->t, f->watch.attached, f->tls13 ? 3 : 2);
    card.at.seq += records;
    clear();
    says(f, WEIR_TYPE_DATA, f->text, 60);
    decrypts(f, 0, 0, 1000);
    f->watch.opens = 0;
    CHECK_STATUS(f->t, opens(f), WEIR_NEED_INPUT);
    CHECK_EQ(f->t, call.count, 1);
    CHECK_EQ(f->t, f->watch.opens, 0);
    CHECK(f->t, !weir_undo_active(&undo));
    CHECK_EQ(f->t, f->watch.attached, 2);
    finish(f);
}

ON(TLS13, a_key_that_cannot_be_kept)
{
    if (!gcm(f))
        return;
    begin(f);
    updates(f);
    watch_faults.init = 1;
    CHECK_STATUS(f->t, opens(f), WEIR_OK);
    CHECK_EQ(f->t, call.count, 1);
    CHECK_STATUS(f->t, weir_rx_status(&f->rx), WEIR_E_PROVIDER);
    weir_undo_wipe(&undo);
}

static weir_status hears(struct fixture *f)
{
    arrange();
    return weir_session_receive_marked(&f->session, &call);
}

/* KeyUpdate and close_notify stay with the session, and are noted. */
ON(BOTH, a_session)
{
    static const uint8_t close_notify[] = {1, 0};

    if (!gcm(f))
        return;
    begin(f);
    says(f, WEIR_TYPE_DATA, f->text, 50);
    if (f->tls13)
        updates(f);
    says(f, WEIR_TYPE_DATA, f->text + 50, 50);
    says(f, WEIR_TYPE_DATA, f->text + 100, 50);
    says(f, WEIR_TYPE_ALERT, close_notify, sizeof close_notify);
    decrypts(f, 0, 0, 1000);
    for (size_t i = 1; i < records; i++)
        decrypts(f, i, 2, 40);
    CHECK_STATUS(f->t, hears(f), WEIR_OK);
    REQUIRE_EQ(f->t, call.count, 3);
    CHECK_EQ(f->t, call.noted, records);
    CHECK_EQ(f->t, call.consumed, len);
    for (size_t i = 0; i < 3; i++)
        CHECK_MEM(f->t, out[i].data, f->text + 50 * i, 50);
    CHECK_EQ(f->t, notes[0].came, WEIR_CAME_DECRYPTED);
    for (size_t i = 1; i < records; i++) {
        CHECK_EQ(f->t, notes[i].came, WEIR_CAME_MIXED);
        CHECK_EQ(f->t, notes[i].len, starts[i + 1] - starts[i]);
    }
    CHECK_EQ(f->t, notes[records - 1].epoch, f->tls13 ? 1 : 0);
    CHECK_STATUS(f->t, hears(f), WEIR_CLOSED);
    CHECK_EQ(f->t, call.consumed, len);
    CHECK_EQ(f->t, weir_undo_active(&undo), f->tls13);
    finish(f);
}

ON(BOTH, a_session_that_dies)
{
    if (!gcm(f))
        return;
    begin(f);
    says(f, WEIR_TYPE_DATA, f->text, 50);
    says(f, WEIR_TYPE_DATA, f->text, 50);
    decrypts(f, 1, 2, 40);
    wire[len - 1] ^= 1;
    CHECK_STATUS(f->t, hears(f), WEIR_OK);
    CHECK_EQ(f->t, call.count, 1);
    CHECK_STATUS(f->t, hears(f), WEIR_E_AUTH);
    CHECK_EQ(f->t, call.count, 0);
    we_died(f, WEIR_E_AUTH);
    weir_undo_wipe(&undo);
}

ON(TLS13, memory_for_the_old_key)
{
    struct weir_backend other = f->watch.backend;
    struct weir_refusal why;

    CHECK_STATUS(f->t, weir_undo_init(&undo, &other, undo_ctx.bytes, other.ctx_size - 1, &why),
                 WEIR_REFUSED);
    CHECK_EQ(f->t, why.code, WEIR_REFUSAL_MEMORY);
    other.form = WEIR_FORM_STREAM;
    CHECK_STATUS(f->t, weir_undo_init(&undo, &other, undo_ctx.bytes, sizeof undo_ctx, &why),
                 WEIR_REFUSED);
    CHECK_EQ(f->t, why.code, WEIR_REFUSAL_FORM);
}

static const struct test_case table[] = {
    CASE(the_old_key_goes_on),
    CASE(what_is_not_undone_does_not_open),
    CASE(another_message_changes_nothing),
    CASE(a_key_that_cannot_be_kept),
    CASE(a_session),
    CASE(a_session_that_dies),
    CASE(memory_for_the_old_key),
};
CASE_GROUP(rx_marked_update, table, TEST_EACH_AEAD);
