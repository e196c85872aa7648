/* SPDX-License-Identifier: BSD-2-Clause */
/* One stream, arriving whole and cut anywhere: the same records, the same words, the same end. */
#include "fixture.h"

/* What a stream led to. */
struct outcome {
    struct heard heard;
    size_t said, said_len;
    uint8_t said_type[64], said_bytes[512];
    weir_status status;
    struct weir_counters counters;
};

static struct outcome whole, part;
static uint8_t stream[1u << 13];
static size_t stream_len;

/* Whatever the session has to say, apart from where it was said. */
static void collect(struct fixture *f, struct outcome *o)
{
    struct wire_record r;

    CHECK_STATUS(f->t, we_flush(f), WEIR_OK);
    while (f->said_len < f->out_len) {
        bool good = we_said_next(f, &r) && o->said < sizeof o->said_type &&
                    o->said_len + r.len <= sizeof o->said_bytes;
        CHECK(f->t, good);
        if (!good)
            return;
        o->said_type[o->said++] = r.type;
        memcpy(o->said_bytes + o->said_len, r.data, r.len);
        o->said_len += r.len;
        if (r.type == WEIR_TYPE_HANDSHAKE)
            wire_update(&f->ours, &watch_kdf);
    }
}

/* Begins anew under the same keys of the peer, with all of the stream to come. */
static void begin(struct fixture *f, struct outcome *o)
{
    fixture_replay(f);
    o->said = o->said_len = 0;
    o->status = WEIR_OK;
    memcpy(f->in, stream, f->in_len = stream_len);
}

static void end(struct fixture *f, struct outcome *o)
{
    collect(f, o);
    o->heard.len = f->heard.len;
    o->heard.count = f->heard.count;
    memcpy(o->heard.bytes, f->heard.bytes, f->heard.len);
    memcpy(o->heard.record, f->heard.record, f->heard.count * sizeof *f->heard.record);
    o->counters = weir_rx_counters(&f->rx);
}

static void compare(struct fixture *f)
{
    CHECK_STATUS(f->t, part.status, whole.status);
    CHECK_EQ(f->t, part.heard.count, whole.heard.count);
    CHECK_EQ(f->t, part.heard.len, whole.heard.len);
    CHECK_MEM(f->t, part.heard.bytes, whole.heard.bytes, whole.heard.len);
    for (size_t i = 0; i < whole.heard.count; i++) {
        CHECK_EQ(f->t, part.heard.record[i].type, whole.heard.record[i].type);
        CHECK_EQ(f->t, part.heard.record[i].len, whole.heard.record[i].len);
    }
    CHECK_EQ(f->t, part.said, whole.said);
    CHECK_EQ(f->t, part.said_len, whole.said_len);
    CHECK_MEM(f->t, part.said_type, whole.said_type, whole.said);
    CHECK_MEM(f->t, part.said_bytes, whole.said_bytes, whole.said_len);
    CHECK_MEM(f->t, &part.counters, &whole.counters, sizeof whole.counters);
}

/* Everything up to `arrived` of the stream is there now. */
static weir_status arrive(struct fixture *f, size_t arrived)
{
    return we_hear_part(f, arrived - (stream_len - f->in_len));
}

/* Cut in two at every byte, in single bytes, and at random. */
static void cut_everywhere(struct fixture *f, weir_status want)
{
    begin(f, &whole);
    whole.status = we_hear(f);
    end(f, &whole);
    CHECK_STATUS(f->t, whole.status, want);
    for (size_t cut = 0; cut <= stream_len; cut++) {
        fixture_at(f, cut);
        begin(f, &part);
        part.status = arrive(f, cut);
        if (part.status == WEIR_NEED_INPUT)
            part.status = arrive(f, stream_len);
        end(f, &part);
        compare(f);
    }
    for (size_t round = 0; round < 20; round++) {
        fixture_at(f, 100000 + round);
        begin(f, &part);
        for (size_t at = 0; at < stream_len && part.status >= WEIR_OK;) {
            at += round == 0 ? 1 : 1 + (size_t)(test_random(&f->random) % (10 * round));
            part.status = arrive(f, at < stream_len ? at : stream_len);
            if (part.status == WEIR_CLOSED)
                break;
        }
        end(f, &part);
        compare(f);
    }
}

static void keep_stream(struct fixture *f)
{
    CHECK(f->t, f->in_len <= sizeof stream);
    memcpy(stream, f->in, stream_len = f->in_len);
}

/* Data, padding, empty records, and every control record there is, up to the end of `how`. */
static void make_stream(struct fixture *f, int how)
{
    static const uint8_t tickets[] = {4, 0, 0, 3, 'a', 'b', 'c', 4, 0, 0, 0, 24, 0, 0, 1, 1};
    static const uint8_t hello_request[8];

    fixture_again(f);
    peer_says(f, WEIR_TYPE_DATA, f->text, 100);
    peer_says_padded(f, WEIR_TYPE_DATA, f->text, 5, 40);
    peer_says(f, WEIR_TYPE_DATA, NULL, 0);
    peer_says(f, WEIR_TYPE_ALERT, "\1\132", 2);
    if (f->tls13) {
        peer_says(f, WEIR_TYPE_HANDSHAKE, tickets, 6);
        peer_says(f, WEIR_TYPE_HANDSHAKE, tickets + 6, 7);
        peer_says(f, WEIR_TYPE_HANDSHAKE, tickets + 13, 3);
        wire_update(&f->theirs, &watch_kdf);
        peer_updates(f, false);
    } else {
        peer_says(f, WEIR_TYPE_HANDSHAKE, hello_request, 3);
        peer_says(f, WEIR_TYPE_DATA, f->text, 1);
        peer_says(f, WEIR_TYPE_HANDSHAKE, hello_request, 5);
    }
    peer_says(f, WEIR_TYPE_DATA, f->text + 7, 60);
    size_t last = f->in_len;
    if (how == 1)
        peer_says(f, WEIR_TYPE_ALERT, "\1\0", 2);
    else if (how == 2)
        peer_says(f, WEIR_TYPE_ALERT, "\2\50", 2);
    else if (how == 3)
        peer_says(f, WEIR_TYPE_HANDSHAKE, "\30\0\0\2\0", 5);
    peer_says(f, WEIR_TYPE_DATA, f->text, 20);
    if (how == 4)
        f->in[last + 20] ^= 4;
    if (how == 5)
        f->in[last + 1] = 2;
    keep_stream(f);
}

ON(BOTH, session_streams)
{
    for (int how = 0; how < 6; how++) {
        weir_status want = how == 0   ? WEIR_NEED_INPUT
                           : how == 1 ? WEIR_CLOSED
                           : how == 2 ? WEIR_E_PEER_ALERT
                           : how == 3 ? (f->tls13 ? WEIR_E_DECODE : WEIR_E_TYPE)
                           : how == 4 ? WEIR_E_AUTH
                                      : WEIR_E_VERSION;
        make_stream(f, how);
        cut_everywhere(f, want);
        CHECK_EQ(f->t, whole.heard.count, (f->tls13 ? 5 : 4) + (how == 0));
        /* The answer to what was asked, or nothing but an alert. */
        CHECK_EQ(f->t, whole.said, want >= 0 || weir_status_alert(want) != WEIR_ALERT_NONE);
    }
}

/* The receiving direction alone, in the same way. */
ON(BOTH, rx_streams)
{
    for (int bad = 0; bad < 2; bad++) {
        fixture_again(f);
        for (size_t i = 0; i < 5; i++)
            peer_says_padded(f, i == 2 ? WEIR_TYPE_HANDSHAKE : WEIR_TYPE_DATA, f->text, 20 * i + 1,
                             9 * i);
        if (bad)
            f->in[f->in_len - 1] ^= 1;
        keep_stream(f);
        weir_status want = bad ? WEIR_E_AUTH : WEIR_NEED_INPUT;
        for (size_t cut = 0; cut <= stream_len; cut++) {
            fixture_at(f, cut);
            begin(f, &part);
            weir_status status = we_open_part(f, cut);
            if (status == WEIR_NEED_INPUT)
                status = we_open(f);
            CHECK_STATUS(f->t, status, want);
            for (size_t i = 0; i < (bad ? 4 : 5); i++)
                we_heard(f, i == 2 ? WEIR_TYPE_HANDSHAKE : WEIR_TYPE_DATA, f->text, 20 * i + 1);
            we_heard_nothing(f);
        }
    }
}

static const struct test_case table[] = {
    CASE(session_streams),
    CASE(rx_streams),
};
CASE_GROUP(cuts, table, TEST_EACH_AEAD);
