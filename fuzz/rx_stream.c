/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes, cut anywhere: weir_rx_open gives the same records and the same status whether a stream
 * comes whole, in pieces, several records with a call of the provider, or with parts of it marked
 * as decrypted (rx_marked.h), on the null provider and for both versions; and on the way keeps what
 * rx.h promises. The layout of an input is in rx_stream.h.
 */
#include "rx_stream.h"
#include "aead_null.h"
#include "fuzz.h"

#include <stdlib.h>

#define MAX_STREAM  80000u
#define MAX_RECORDS 4000u
#define MAX_CAP     16u

struct setup {
    struct weir_keys keys;
    size_t record_limit;
    struct weir_limit key_limit;
    size_t cap;
    uint8_t right_tags;
    bool built;
    bool salted; /* explicit nonces on the wire */
    size_t cut_count;
    uint16_t cuts[RX_STREAM_MAX_CUTS];
};

struct stream {
    uint8_t bytes[MAX_STREAM];
    size_t len;
};

/* What a way of feeding the stream has given. */
struct outcome {
    struct weir_record records[MAX_RECORDS]; /* data points into `text` */
    size_t count;
    uint8_t text[MAX_STREAM];
    size_t text_len;
    size_t consumed;
    weir_status status;
    struct weir_position at;
    struct weir_counters counters;
};

static void take_setup(struct fuzz_bytes *bytes, struct setup *setup)
{
    uint8_t flavour = fuzz_take8(bytes);

    memset(setup, 0, sizeof(*setup));
    rx_stream_keys(flavour, &setup->keys);
    setup->salted = rx_stream_salted(&setup->keys);
    setup->built = flavour & RX_STREAM_BUILT;

    setup->right_tags = fuzz_take8(bytes);
    setup->record_limit = 64u * (size_t)fuzz_take8(bytes);
    setup->key_limit.hard = 32u * (uint64_t)fuzz_take8(bytes);
    setup->cap = 1u + fuzz_take8(bytes) % MAX_CAP;
    setup->cut_count = fuzz_take8(bytes) % (RX_STREAM_MAX_CUTS + 1);
    for (size_t i = 0; i < setup->cut_count; i++)
        setup->cuts[i] = fuzz_take16(bytes);
}

/* Puts the tag on the record at `record` that its receiver will ask for as record `seq`. */
static void put_tag(const struct setup *setup, uint8_t *record, size_t body, uint64_t seq)
{
    uint64_t ctx[16];
    size_t explicit_len = setup->salted ? 8 : 0;
    uint8_t *text = record + WEIR_HEADER_LEN + explicit_len;
    size_t text_len = body - explicit_len - WEIR_TAG_LEN;
    struct weir_iov in = {text, text_len};
    uint8_t aad[13];
    struct weir_aead_op op = {
        .aad = {aad, sizeof(aad)}, .in = &in, .in_count = 1, .in_len = text_len, .out = text};
    weir_status status;

    memcpy(op.nonce, setup->keys.iv, WEIR_IV_LEN);
    if (setup->salted)
        memcpy(op.nonce + 4, record + WEIR_HEADER_LEN, 8);
    op.tag = text + text_len;
    for (unsigned i = 0; i < 8; i++) {
        uint8_t digit = (uint8_t)(seq >> (56 - 8 * i));

        if (!setup->salted)
            op.nonce[4 + i] ^= digit;
        aad[i] = digit;
    }
    memcpy(aad + 8, record, 3);
    aad[11] = (uint8_t)(text_len >> 8);
    aad[12] = (uint8_t)text_len;
    if (setup->keys.version == WEIR_TLS13)
        op.aad = (struct weir_iov){record, WEIR_HEADER_LEN};
    PROMISE(sizeof(ctx) >= weir_aead_null.ctx_size);
    status = weir_aead_null.init(ctx, (weir_alg)weir_suite_find(setup->keys.suite)->alg,
                                 setup->keys.key);
    PROMISE(status == WEIR_OK);
    status = weir_aead_null.seal(ctx, &op);
    PROMISE(status == WEIR_OK);
}

static size_t overhead(const struct setup *setup)
{
    return WEIR_TAG_LEN + (setup->salted ? 8u : 0u);
}

/* Goes over a stream record by record, as its headers say, and puts right the tags asked for. */
static void put_tags(const struct setup *setup, struct stream *stream)
{
    uint64_t number = 0;
    size_t at = 0;

    while (stream->len - at >= WEIR_HEADER_LEN) {
        uint8_t *record = stream->bytes + at;
        size_t body = record[3] * 256u + record[4];

        if (body > stream->len - at - WEIR_HEADER_LEN || body < overhead(setup))
            return;
        if (setup->right_tags >> number % 8 & 1)
            put_tag(setup, record, body, setup->keys.at.seq + number);
        at += WEIR_HEADER_LEN + body;
        number++;
    }
}

/* One piece of a built stream; false when there is no room for it. */
static bool build_record(const struct setup *setup, struct fuzz_bytes *bytes, struct stream *stream)
{
    static const uint8_t types[] = {23, 23, 22, 21};
    uint8_t type =
        setup->keys.version == WEIR_TLS12 ? types[fuzz_take8(bytes) % sizeof(types)] : 23;
    size_t len = fuzz_take16(bytes);
    uint8_t *record = stream->bytes + stream->len;
    size_t body;

    if (len > bytes->left)
        len = bytes->left;
    body = len + overhead(setup);
    if (body > UINT16_MAX || body > sizeof(stream->bytes) - stream->len - WEIR_HEADER_LEN)
        return false;
    memset(record, 0, WEIR_HEADER_LEN + body);
    record[0] = type;
    record[1] = record[2] = 3;
    record[3] = (uint8_t)(body >> 8);
    record[4] = (uint8_t)body;
    if (len > 0)
        memcpy(record + WEIR_HEADER_LEN + (setup->salted ? 8 : 0), bytes->data, len);
    bytes->data += len;
    bytes->left -= len;
    stream->len += WEIR_HEADER_LEN + body;
    return true;
}

static void take_stream(const struct setup *setup, struct fuzz_bytes *bytes, struct stream *stream)
{
    stream->len = 0;
    if (setup->built) {
        while (bytes->left > 0 && sizeof(stream->bytes) - stream->len > 64)
            if (!build_record(setup, bytes, stream))
                break;
    } else {
        stream->len = bytes->left < MAX_STREAM ? bytes->left : MAX_STREAM;
        if (stream->len > 0)
            memcpy(stream->bytes, bytes->data, stream->len);
    }
    put_tags(setup, stream);
}

static void keep(const struct setup *setup, struct outcome *o, const struct weir_record *record)
{
    PROMISE(record->type == 21 || record->type == 22 || record->type == 23);
    PROMISE(record->len > 0 || record->type == 23);
    PROMISE(record->len <= (setup->record_limit ? setup->record_limit : WEIR_MAX_PLAINTEXT));
    PROMISE(o->count < MAX_RECORDS && o->text_len + record->len <= MAX_STREAM);
    o->records[o->count] = *record;
    o->records[o->count++].data = o->text + o->text_len;
    if (record->len > 0)
        memcpy(o->text + o->text_len, record->data, record->len);
    o->text_len += record->len;
}

/* Bytes behind the longest header that passes (record.h, and rx.h about a negotiated limit). */
static size_t longest(const struct setup *setup)
{
    bool tls13 = setup->keys.version == WEIR_TLS13;

    if (setup->record_limit)
        return setup->record_limit + overhead(setup) + (tls13 ? 1 : 0);
    return tls13 ? WEIR_MAX_CIPHERTEXT_TLS13 : WEIR_MAX_CIPHERTEXT_TLS12;
}

/* The body of a record that was looked into and refused is wiped. */
static void check_wiped(const struct setup *setup, const uint8_t *buf, size_t len,
                        weir_status status)
{
    size_t body;

    if (len < WEIR_HEADER_LEN)
        return;
    body = buf[3] * 256u + buf[4];
    /* A header that is refused by itself, or a key that is used up, leaves the record alone. */
    if (buf[1] != 3 || buf[2] != 3 || body > len - WEIR_HEADER_LEN || body < overhead(setup) ||
        status == WEIR_E_KEY_LIMIT)
        return;
    if (setup->keys.version == WEIR_TLS13 ? buf[0] != 23 : buf[0] < 21 || buf[0] > 23)
        return;
    if (body > longest(setup))
        return;
    for (size_t i = 0; i < body; i++)
        PROMISE(buf[WEIR_HEADER_LEN + i] == 0);
}

static bool may_end(weir_status status)
{
    return status == WEIR_E_VERSION || status == WEIR_E_TYPE || status == WEIR_E_OVERFLOW ||
           status == WEIR_E_AUTH || status == WEIR_E_FLOOD || status == WEIR_E_KEY_LIMIT;
}

/* After an error nothing comes any more, and the answer stays. */
static void check_sticky(struct weir_rx *rx, weir_status status)
{
    struct weir_record record;
    uint8_t byte[1] = {23};
    size_t consumed = 99, count = 99;
    weir_status again = weir_rx_open(rx, byte, sizeof(byte), &consumed, &record, 1, &count);

    PROMISE(again == status && consumed == 0 && count == 0);
    PROMISE(weir_rx_status(rx) == status);
}

/* Opens buf[0..len), all that has come and is not consumed, until it gives no more. */
static size_t drain(const struct setup *setup, struct weir_rx *rx, uint8_t *buf, size_t len,
                    size_t cap, struct outcome *o)
{
    struct weir_record records[MAX_CAP];
    size_t done = 0, consumed, count;

    do {
        o->status = weir_rx_open(rx, buf + done, len - done, &consumed, records, cap, &count);
        PROMISE(consumed <= len - done && count <= cap);
        PROMISE(o->status >= 0 || (count == 0 && consumed == 0));
        for (size_t i = 0; i < count; i++) {
            PROMISE(i + 1 == count || records[i].type == WEIR_TYPE_DATA);
            PROMISE(records[i].data >= buf + done);
            PROMISE(records[i].data + records[i].len <= buf + done + consumed);
            keep(setup, o, &records[i]);
        }
        done += consumed;
    } while (o->status == WEIR_OK);

    if (o->status == WEIR_NEED_INPUT) {
        PROMISE(weir_rx_want(rx, buf + done, len - done) > len - done);
    } else {
        PROMISE(may_end(o->status));
        check_wiped(setup, buf + done, len - done, o->status);
        check_sticky(rx, o->status);
    }
    return done;
}

/* Opens buf[0..len) as drain does, every other piece between the cuts marked as decrypted: with the
 * null provider that changes nothing. */
static void drain_marked(struct weir_rx *rx, uint8_t *buf, size_t len, const size_t *cuts,
                         size_t cut_count, struct outcome *o, const struct setup *setup)
{
    struct weir_mark room[RX_STREAM_MAX_CUTS];
    struct weir_marks marks = {.at = room, .capacity = RX_STREAM_MAX_CUTS};
    struct weir_record records[MAX_CAP];
    struct weir_note notes[MAX_CAP];
    struct weir_undo undo = {{0}};
    uint64_t ctx[16];

    for (size_t i = 0; i + 1 < cut_count; i += 2) {
        if (cuts[i + 1] > cuts[i])
            PROMISE(weir_marks_add(&marks, cuts[i], cuts[i + 1] - cuts[i], true) == WEIR_OK);
    }
    struct weir_refusal why;
    struct weir_soft soft;
    PROMISE(weir_soft_init(&soft, &weir_aead_null, &why) == WEIR_OK);
    PROMISE(weir_undo_init(&undo, &soft.backend, ctx, sizeof ctx, &why) == WEIR_OK);
    do {
        struct weir_marked in = {.buf = buf + o->consumed,
                                 .len = len - o->consumed,
                                 .marks = marks.at,
                                 .marks_count = marks.count,
                                 .undo = &undo,
                                 .records = records,
                                 .cap = setup->cap,
                                 .notes = notes,
                                 .notes_cap = MAX_CAP};

        o->status = weir_rx_open_marked(rx, &in);
        PROMISE(in.consumed <= in.len && in.count <= setup->cap && in.noted == in.count);
        for (size_t i = 0; i < in.count; i++) {
            PROMISE(records[i].data >= in.buf);
            PROMISE(records[i].data + records[i].len <= in.buf + in.consumed);
            keep(setup, o, &records[i]);
        }
        weir_marks_consume(&marks, in.consumed);
        o->consumed += in.consumed;
    } while (o->status == WEIR_OK);
    weir_undo_wipe(&undo);
}

/* The null provider has no such call; weir makes it for small records. */
static weir_status null_open_each(void *ctx, const struct weir_aead_op *ops, size_t count,
                                  size_t *good)
{
    weir_status status = WEIR_OK;

    PROMISE(count >= 1 && count <= WEIR_AEAD_MAX_EACH);
    *good = 0;
    for (size_t i = 0; i < count; i++) {
        if (weir_aead_null.open(ctx, &ops[i]) != WEIR_OK)
            status = WEIR_E_AUTH;
        *good += status == WEIR_OK;
    }
    return status;
}

enum way { SINGLY, TOGETHER, MARKED };

/* Feeds the stream up to each cut and then all of it, every time in a buffer of exact size; or,
 * MARKED, at once with marks. TOGETHER: small records are opened with one call of the provider. */
static void feed(const struct setup *setup, const struct stream *stream, const size_t *cuts,
                 size_t cut_count, size_t cap, enum way way, struct outcome *o)
{
    struct weir_keys keys = setup->keys;
    struct weir_aead aead = weir_aead_null;
    struct weir_soft soft;
    struct weir_refusal why;
    struct weir_rx rx;
    uint64_t ctx[16];

    aead.open_each = way == TOGETHER ? null_open_each : NULL;
    weir_status status = weir_soft_init(&soft, &aead, &why);
    o->count = o->text_len = o->consumed = 0;
    o->status = WEIR_NEED_INPUT;
    PROMISE(status == WEIR_OK && soft.backend.ctx_size <= sizeof(ctx));
    status = weir_rx_init(&rx, &keys, &soft.backend, ctx, sizeof(ctx), &why);
    PROMISE(status == WEIR_OK);
    if (setup->record_limit)
        PROMISE(weir_rx_set_record_limit(&rx, setup->record_limit) == WEIR_OK);
    weir_rx_set_limit(&rx, setup->key_limit);

    if (way == MARKED) {
        uint8_t *buf = fuzz_exact_copy(stream->bytes, stream->len);

        drain_marked(&rx, buf, stream->len, cuts, cut_count, o, setup);
        free(buf);
    }
    for (size_t i = 0; i <= cut_count && way != MARKED && o->status == WEIR_NEED_INPUT; i++) {
        size_t end = i < cut_count ? cuts[i] : stream->len;
        size_t len = end - o->consumed;
        uint8_t *buf = fuzz_exact_copy(stream->bytes + o->consumed, len);

        o->consumed += drain(setup, &rx, buf, len, cap, o);
        free(buf);
    }
    o->at = weir_rx_position(&rx);
    o->counters = weir_rx_counters(&rx);
    weir_rx_wipe(&rx);
}

static void check_same(const struct outcome *a, const struct outcome *b)
{
    PROMISE(a->status == b->status);
    PROMISE(a->consumed == b->consumed);
    PROMISE(a->count == b->count && a->text_len == b->text_len);
    for (size_t i = 0; i < a->count; i++) {
        PROMISE(a->records[i].type == b->records[i].type);
        PROMISE(a->records[i].len == b->records[i].len);
    }
    PROMISE(memcmp(a->text, b->text, a->text_len) == 0);
    PROMISE(a->at.seq == b->at.seq && a->at.blocks == b->at.blocks);
    PROMISE(a->counters.records == b->counters.records);
    PROMISE(a->counters.bytes == b->counters.bytes);
    PROMISE(a->counters.wire_bytes == b->counters.wire_bytes);
}

/* Positions in the stream, in order. */
static void sort_cuts(const struct setup *setup, size_t len, size_t *cuts)
{
    for (size_t i = 0; i < setup->cut_count; i++) {
        size_t cut = setup->cuts[i] % (len + 1), j = i;

        for (; j > 0 && cuts[j - 1] > cut; j--)
            cuts[j] = cuts[j - 1];
        cuts[j] = cut;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct stream stream;
    static struct outcome whole, cut, together, marked;
    struct fuzz_bytes bytes = {data, size};
    struct setup setup;
    size_t cuts[RX_STREAM_MAX_CUTS] = {0};

    take_setup(&bytes, &setup);
    take_stream(&setup, &bytes, &stream);
    sort_cuts(&setup, stream.len, cuts);
    feed(&setup, &stream, NULL, 0, MAX_CAP, SINGLY, &whole);
    feed(&setup, &stream, cuts, setup.cut_count, setup.cap, SINGLY, &cut);
    check_same(&whole, &cut);
    feed(&setup, &stream, cuts, setup.cut_count, MAX_CAP, TOGETHER, &together);
    check_same(&whole, &together);
    if (weir_suite_find(setup.keys.suite)->alg != WEIR_CHACHA20_POLY1305) {
        feed(&setup, &stream, cuts, setup.cut_count, setup.cap, MARKED, &marked);
        check_same(&whole, &marked);
    }
    PROMISE(whole.counters.records == whole.count);
    return 0;
}
