/* SPDX-License-Identifier: BSD-2-Clause */
/* Core over a backend of WEIR_FORM_PACKET: records are framed in plaintext, each is told to the
 * backend before its number is used up, and everything else stays as it is with other backends. */
#include "fixture.h"

struct told {
    struct weir_position at;
    uint32_t len, together;
};

/* A backend that keeps what it was told, and has room for so many records. */
struct packets {
    struct weir_backend backend;
    struct told told[32];
    size_t count, room;
    weir_status answer; /* beyond `room` */
    uint32_t began;     /* where the attach said */
    unsigned detached, sealed;
};

static struct packets *packets_of(const struct weir_backend *self)
{
    return (struct packets *)(void *)(uintptr_t)self;
}

static bool supports(const struct weir_backend *self, const struct weir_keys *keys,
                     enum weir_dir dir, struct weir_refusal *why)
{
    (void)self;
    (void)keys;
    (void)why;
    return dir == WEIR_TX;
}

static weir_status attach(const struct weir_backend *self, void *ctx,
                          const struct weir_attach *what, struct weir_refusal *why)
{
    (void)ctx;
    (void)why;
    packets_of(self)->began = what->keys->at.tcp_known ? what->keys->at.tcp_seq : 0;
    return WEIR_OK;
}

static void detach(const struct weir_backend *self, void *ctx)
{
    (void)ctx;
    packets_of(self)->detached++;
}

static weir_status seal(const struct weir_backend *self, void *ctx, const struct weir_aead_op *op)
{
    uint8_t *out = op->out;

    (void)ctx;
    packets_of(self)->sealed++;
    for (size_t i = 0; i < op->in_count; i++) {
        memmove(out, op->in[i].base, op->in[i].len);
        out += op->in[i].len;
    }
    memset(op->tag, 0, WEIR_TAG_LEN);
    return WEIR_OK;
}

static weir_status frame(const struct weir_backend *self, void *ctx, const struct weir_position *at,
                         uint32_t record_len, uint32_t together)
{
    struct packets *p = packets_of(self);

    (void)ctx;
    if (p->count + together > p->room || p->count == 32)
        return p->answer;
    p->told[p->count++] = (struct told){*at, record_len, together};
    return WEIR_OK;
}

#define BEGIN 0xfffffff0u

static weir_status move_to(struct fixture *f, struct packets *p, struct weir_refusal *why)
{
    const struct weir_move move = {
        .backend = &p->backend, .tcp_known = true, .tcp_seq = BEGIN, .policy = WEIR_POLICY_ALL};

    *p = (struct packets){
        .backend = {.abi = WEIR_BACKEND_ABI,
                    .form = WEIR_FORM_PACKET,
                    .name = "packets",
                    .supports = supports,
                    .attach = attach,
                    .detach = detach,
                    .seal = seal,
                    .frame = frame},
        .room = 32,
        .answer = WEIR_NEED_OUTPUT,
    };
    return weir_session_offload(&f->session, WEIR_TX, &move, why);
}

/* The next record in `out` is this content in plaintext, and the backend was told of it. */
static void framed(struct fixture *f, const struct packets *p, size_t n, uint8_t type,
                   const uint8_t *content, size_t len)
{
    struct weir_shape shape = weir_tx_shape(&f->tx);
    const uint8_t *out = f->out + f->said_len;
    size_t whole = shape.prefix + len + shape.suffix;

    REQUIRE(f->t, n < p->count && f->out_len - f->said_len >= whole);
    CHECK_EQ(f->t, p->told[n].len, whole);
    CHECK_EQ(f->t, p->told[n].at.tcp_seq, (uint32_t)(BEGIN + f->said_len));
    CHECK(f->t, p->told[n].at.tcp_known);
    CHECK_EQ(f->t, p->told[n].at.seq, n);
    CHECK_EQ(f->t, out[0], f->tls13 ? WEIR_TYPE_DATA : type);
    CHECK_EQ(f->t, out[3] << 8 | out[4], whole - WEIR_HEADER_LEN);
    CHECK_MEM(f->t, out + shape.prefix, content, len);
    if (f->tls13)
        CHECK_EQ(f->t, out[shape.prefix + len], type);
    CHECK_ZERO(f->t, out + whole - WEIR_TAG_LEN, WEIR_TAG_LEN);
    f->said_len += whole;
}

ON(BOTH, records_are_framed_and_told)
{
    static const size_t lengths[] = {1, 100, 2048, 2049, 16384};
    struct packets p;
    struct weir_refusal why;
    size_t made = 0;

    CHECK_STATUS(f->t, move_to(f, &p, &why), WEIR_OK);
    CHECK_EQ(f->t, p.began, BEGIN);
    for (size_t i = 0; i < 5; i++) {
        fixture_at(f, i);
        CHECK_STATUS(f->t, we_send(f, f->text, lengths[i]), WEIR_OK);
        framed(f, &p, i, WEIR_TYPE_DATA, f->text, lengths[i]);
        CHECK_EQ(f->t, p.told[i].together, 1);
    }
    memcpy(f->out + f->out_len + weir_tx_shape(&f->tx).prefix, f->text, 77);
    CHECK_STATUS(f->t, weir_session_send_in_place(&f->session, f->out + f->out_len, 77, 200, &made),
                 WEIR_OK);
    f->out_len += made;
    framed(f, &p, 5, WEIR_TYPE_DATA, f->text, 77);
    CHECK_STATUS(f->t, weir_session_close(&f->session), WEIR_OK);
    CHECK_STATUS(f->t, we_flush(f), WEIR_OK);
    framed(f, &p, 6, WEIR_TYPE_ALERT, (const uint8_t[]){1, 0}, 2);
    CHECK_EQ(f->t, weir_tx_position(&f->tx).tcp_seq, (uint32_t)(BEGIN + f->said_len));
    CHECK_EQ(f->t, weir_tx_counters(&f->tx).records, 7);
    CHECK_EQ(f->t, weir_tx_counters(&f->tx).wire_bytes, f->said_len);
    weir_session_wipe(&f->session); /* before its backend goes */
}

/* No number is used up, nothing is written, and it goes on when there is room. */
ON(BOTH, no_room_until_acknowledged)
{
    struct packets p;
    struct weir_refusal why;
    const struct weir_iov in = {f->text, 40000};
    uint8_t place[256];
    size_t taken = 0, made = 0;

    CHECK_STATUS(f->t, move_to(f, &p, &why), WEIR_OK);
    p.room = 2;
    CHECK_STATUS(f->t, weir_session_send(&f->session, &in, 1, f->out, OUT_LEN, &taken, &made),
                 WEIR_NEED_OUTPUT);
    CHECK_EQ(f->t, taken, 2 * WEIR_MAX_PLAINTEXT);
    CHECK_EQ(f->t, made, 2 * weir_tx_record_len(&f->tx, WEIR_MAX_PLAINTEXT));
    memset(place, 0x5a, sizeof place);
    CHECK_STATUS(f->t, weir_session_send_in_place(&f->session, place, 100, sizeof place, &made),
                 WEIR_NEED_OUTPUT);
    CHECK_EQ(f->t, made, 0);
    CHECK_EQ(f->t, place[20], 0x5a);
    CHECK_EQ(f->t, weir_tx_position(&f->tx).seq, 2);
    CHECK_EQ(f->t, p.sealed, 2);
    p.room = 3;
    CHECK_STATUS(f->t, weir_tx_status(&f->tx), WEIR_OK);
    CHECK_STATUS(f->t, weir_session_send_in_place(&f->session, place, 100, sizeof place, &made),
                 WEIR_OK);
    CHECK_EQ(f->t, p.told[2].at.seq, 2);
    weir_session_wipe(&f->session); /* before its backend goes */
}

/* The records of a handshake message go all or not at all. */
ON(TLS13, a_message_in_several_records)
{
    struct packets p;
    struct weir_refusal why;
    size_t made = 0;

    CHECK_STATUS(f->t, move_to(f, &p, &why), WEIR_OK);
    f->text[0] = 4;
    p.room = 2;
    CHECK_STATUS(f->t,
                 weir_session_send_handshake(&f->session, f->text, 40000, f->out, OUT_LEN, &made),
                 WEIR_NEED_OUTPUT);
    CHECK_EQ(f->t, made, 0);
    CHECK_EQ(f->t, p.count, 0);
    p.room = 3;
    CHECK_STATUS(f->t,
                 weir_session_send_handshake(&f->session, f->text, 40000, f->out, OUT_LEN, &made),
                 WEIR_OK);
    CHECK_EQ(f->t, p.told[0].together, 3);
    CHECK_EQ(f->t, p.told[2].together, 1);
    weir_session_wipe(&f->session); /* before its backend goes */
}

ON(BOTH, refused_without_a_place_in_the_stream)
{
    struct packets p;
    struct weir_refusal why;

    CHECK_STATUS(f->t, move_to(f, &p, &why), WEIR_OK);
    fixture_again(f);
    struct weir_move move = {.backend = &p.backend, .policy = WEIR_POLICY_ALL};
    CHECK_STATUS(f->t, weir_tx_offload(&f->tx, &move, &why), WEIR_REFUSED);
    CHECK_EQ(f->t, why.code, WEIR_REFUSAL_TCP_SEQ);
    p.backend.frame = NULL;
    move.tcp_known = true;
    CHECK_STATUS(f->t, weir_tx_offload(&f->tx, &move, &why), WEIR_REFUSED);
    CHECK_EQ(f->t, why.code, WEIR_REFUSAL_FORM);
    CHECK_EQ(f->t, why.detail, WEIR_FORM_PACKET);
    we_live(f);

    fixture_again(f);
    struct weir_keys keys;
    fixture_keys(f, &keys);
    keys.at.tcp_known = true;
    keys.at.tcp_seq = 77;
    CHECK_STATUS(f->t, fixture_tx(f, &keys), WEIR_OK);
    p.backend.frame = frame;
    move.tcp_known = false;
    CHECK_STATUS(f->t, weir_tx_offload(&f->tx, &move, &why), WEIR_OK);
    CHECK_EQ(f->t, p.began, 77);
    weir_session_wipe(&f->session); /* before its backend goes */
}

/* What the backend has found to be wrong ends the direction, under its own name. */
ON(BOTH, a_frame_that_fails)
{
    struct packets p;
    struct weir_refusal why;

    CHECK_STATUS(f->t, move_to(f, &p, &why), WEIR_OK);
    CHECK_STATUS(f->t, we_send(f, f->text, 10), WEIR_OK);
    p.room = 1;
    p.answer = WEIR_E_PROVIDER;
    CHECK_STATUS(f->t, we_send(f, f->text, 10), WEIR_E_PROVIDER);
    CHECK_STATUS(f->t, weir_tx_status(&f->tx), WEIR_E_PROVIDER);
    CHECK_EQ(f->t, p.detached, 1);
    CHECK_EQ(f->t, p.sealed, 1);
    weir_session_wipe(&f->session); /* before its backend goes */
}

static const struct test_case table[] = {
    CASE(records_are_framed_and_told),  CASE(no_room_until_acknowledged),
    CASE(a_message_in_several_records), CASE(refused_without_a_place_in_the_stream),
    CASE(a_frame_that_fails),
};
CASE_GROUP(packet, table, TEST_EACH_AEAD);
