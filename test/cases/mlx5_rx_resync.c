/* SPDX-License-Identifier: BSD-2-Clause */
/* Which proposals of the card are confirmed, and with which number. The card is a hand. */
#include "mlx5_rx.h"

static struct hand hand;
static uint32_t at;     /* TCP sequence number of the next record */
static uint64_t number; /* its number */

static struct hand *running(struct test *t, enum weir_mlx5_trigger trigger)
{
    hand.t = t;
    hand_begin(&hand, trigger);
    hand_run(&hand);
    at = HAND_SEQ;
    number = 41;
    return &hand;
}

static void record(struct hand *h, uint32_t len, enum weir_came came)
{
    const struct weir_note note = {
        .number = number++, .tcp_seq = at, .len = len, .epoch = 0, .came = (int8_t)came};

    at += len;
    weir_mlx5_rx_record(&h->rx, &note);
}

static bool packet(struct hand *h, enum weir_mlx5_tls tls, uint32_t seq, uint32_t len)
{
    const struct weir_mlx5_cqe cqe = {
        .opcode = WEIR_MLX5_CQE_RECEIVED, .tls = (uint8_t)tls, .len = len};

    return weir_mlx5_rx_packet(&h->rx, &cqe, seq, len);
}

static void put32(uint8_t *p, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        p[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* The card writes where it stands. */
static void stands(struct hand *h, enum weir_mlx5_tracker tracker, enum weir_mlx5_auth auth,
                   uint32_t proposal)
{
    put32(h->progress, 0x222);
    put32(h->progress + 8, proposal);
    h->progress[12] = (uint8_t)((unsigned)tracker << 6 | (unsigned)auth << 4);
}

/* A question is posted and answered so. */
static void answers(struct hand *h, enum weir_mlx5_tracker tracker, enum weir_mlx5_auth auth,
                    uint32_t proposal)
{
    uint16_t index = hand_post(h);

    CHECK_EQ(h->t, hand_entry(h, index)[3], WEIR_MLX5_GET_PSV);
    stands(h, tracker, auth, proposal);
    hand_complete(h, index, 0);
}

static void proposes(struct hand *h, uint32_t proposal)
{
    answers(h, WEIR_MLX5_TRACKER_TRACKING, WEIR_MLX5_AUTH_NO_OFFLOAD, proposal);
}

static void silent(struct hand *h)
{
    CHECK_EQ(h->t, weir_mlx5_rx_next(&h->rx), WEIR_MLX5_RX_NOTHING);
}

static void confirmed(struct hand *h, uint32_t seq, uint64_t wanted)
{
    uint8_t bytes[12] = {0};
    uint16_t index = hand_post(h);
    const uint8_t *entry = hand_entry(h, index);

    CHECK_EQ(h->t, entry[3], WEIR_MLX5_UMR);
    CHECK_EQ(h->t, entry[11], 0x28);
    put32(bytes, (uint32_t)(wanted >> 32));
    put32(bytes + 4, (uint32_t)wanted);
    put32(bytes + 8, seq);
    CHECK_MEM(h->t, entry + 128 + 8, bytes, 12);
    hand_complete(h, index, 0);
    silent(h);
}

static void freebsd_asks_at_each_record(struct test *t)
{
    struct hand *h = running(t, WEIR_MLX5_TRIGGER_FREEBSD);

    record(h, 1000, WEIR_CAME_DECRYPTED);
    silent(h);
    uint32_t first = at;
    record(h, 1000, WEIR_CAME_ENCRYPTED);
    answers(h, WEIR_MLX5_TRACKER_SEARCHING, WEIR_MLX5_AUTH_NO_OFFLOAD, first);
    silent(h);
    record(h, 1000, WEIR_CAME_MIXED);
    answers(h, WEIR_MLX5_TRACKER_TRACKING, WEIR_MLX5_AUTH_OFFLOAD, first);
    silent(h);
    record(h, 200, WEIR_CAME_ENCRYPTED);
    answers(h, WEIR_MLX5_TRACKER_START, WEIR_MLX5_AUTH_NO_OFFLOAD, first);
    silent(h);
    record(h, 300, WEIR_CAME_ENCRYPTED);
    proposes(h, first + 1000);
    confirmed(h, first + 1000, 43);
    record(h, 300, WEIR_CAME_ENCRYPTED);
    uint16_t index = hand_post(h);
    record(h, 300, WEIR_CAME_ENCRYPTED); /* one question at a time */
    silent(h);
    stands(h, WEIR_MLX5_TRACKER_TRACKING, WEIR_MLX5_AUTH_NO_OFFLOAD, first + 2200 + 600);
    hand_complete(h, index, 0);
    confirmed(h, first + 2800, 47);
    record(h, 300, WEIR_CAME_DECRYPTED);
    silent(h);
    record(h, 300, WEIR_CAME_ENCRYPTED);
    proposes(h, first + 2800); /* a decrypted record has closed that book */
    silent(h);
    CHECK_EQ(t, weir_mlx5_rx_count(&h->rx).rx_resync_ok, 6);
    CHECK_EQ(t, weir_mlx5_rx_count(&h->rx).rx_confirmed, 2);
    CHECK_EQ(t, weir_mlx5_rx_count(&h->rx).rx_denied, 1);
}

/* Only the first byte of a record is one. */
static void nothing_but_a_record_start(struct test *t)
{
    struct hand *h = running(t, WEIR_MLX5_TRIGGER_FREEBSD);
    uint32_t first = at;

    record(h, 100, WEIR_CAME_ENCRYPTED);
    record(h, 100, WEIR_CAME_ENCRYPTED);
    record(h, 77, WEIR_CAME_ENCRYPTED);
    for (uint32_t i = 0; i < 300; i++) {
        t->at = i;
        proposes(h, first - 10 + i);
        if (i == 10 || i == 110 || i == 210)
            confirmed(h, first - 10 + i, i == 10 ? 41 : i == 110 ? 42 : 43);
        silent(h);
        record(h, 1, WEIR_CAME_DECRYPTED); /* ends it */
        at = first;
        number = 41;
        record(h, 100, WEIR_CAME_ENCRYPTED);
        record(h, 100, WEIR_CAME_ENCRYPTED);
        record(h, 77, WEIR_CAME_ENCRYPTED);
    }
}

/* Bounds of the database, and across the wrap. */
static void what_freebsd_remembers(struct test *t)
{
    struct hand *h = running(t, WEIR_MLX5_TRIGGER_FREEBSD);
    uint32_t first = at;

    for (unsigned i = 0; i < 33; i++) /* one more run than there is room for */
        record(h, 100 + i, WEIR_CAME_ENCRYPTED);
    proposes(h, first);
    silent(h);
    record(h, 100, WEIR_CAME_ENCRYPTED); /* again one more */
    proposes(h, first + 100 + 101);
    confirmed(h, first + 100 + 101, 43);

    h = running(t, WEIR_MLX5_TRIGGER_FREEBSD);
    for (unsigned i = 0; i < 5000; i++) /* in three runs */
        record(h, 1000, WEIR_CAME_ENCRYPTED);
    proposes(h, first + 4999u * 1000);
    confirmed(h, first + 4999u * 1000, 41 + 4999);
    record(h, 1000, WEIR_CAME_ENCRYPTED);
    proposes(h, first + 2048u * 1000);
    confirmed(h, first + 2048u * 1000, 41 + 2048);

    h = running(t, WEIR_MLX5_TRIGGER_FREEBSD);
    for (unsigned i = 0; i < (1u << 30) / 16384 + 2048; i++)
        record(h, 16384, WEIR_CAME_ENCRYPTED);
    proposes(h, first); /* more than 1 GiB ago */
    silent(h);
    record(h, 16384, WEIR_CAME_ENCRYPTED);
    proposes(h, first + 4096u * 16384);
    confirmed(h, first + 4096u * 16384, 41 + 4096);

    /* A record that does not follow begins the book anew. */
    h = running(t, WEIR_MLX5_TRIGGER_FREEBSD);
    record(h, 100, WEIR_CAME_ENCRYPTED);
    at += 50;
    record(h, 100, WEIR_CAME_ENCRYPTED);
    proposes(h, first);
    silent(h);
    record(h, 100, WEIR_CAME_ENCRYPTED);
    proposes(h, first + 150);
    confirmed(h, first + 150, 42);
    number += 5;
    record(h, 100, WEIR_CAME_ENCRYPTED);
    proposes(h, first + 150);
    silent(h);
}

static void a_question_that_is_not_answered(struct test *t)
{
    struct hand *h = running(t, WEIR_MLX5_TRIGGER_FREEBSD);
    uint32_t first = at;

    record(h, 100, WEIR_CAME_ENCRYPTED);
    uint16_t late = hand_post(h);
    record(h, 100, WEIR_CAME_ENCRYPTED);
    silent(h);
    weir_mlx5_rx_abandon(&h->rx);
    silent(h);
    CHECK_EQ(t, weir_mlx5_rx_count(&h->rx).rx_abandoned, 1);
    record(h, 100, WEIR_CAME_ENCRYPTED);
    uint16_t index = hand_post(h);
    stands(h, WEIR_MLX5_TRACKER_TRACKING, WEIR_MLX5_AUTH_NO_OFFLOAD, first + 100);
    const struct weir_mlx5_cqe cqe = {.opcode = WEIR_MLX5_CQE_REQUEST, .counter = late};
    CHECK_STATUS(t, weir_mlx5_rx_completed(&h->rx, &cqe), WEIR_NEED_INPUT);
    silent(h);
    hand_complete(h, index, 0);
    confirmed(h, first + 100, 42);
    /* An entry that fails, and a context that is not ours. */
    record(h, 100, WEIR_CAME_ENCRYPTED);
    hand_complete(h, hand_post(h), 2);
    silent(h);
    CHECK_EQ(t, weir_mlx5_rx_refusal(&h->rx).code, WEIR_REFUSAL_NONE);
    weir_mlx5_sq_reset(&h->sq);
    record(h, 100, WEIR_CAME_ENCRYPTED);
    index = hand_post(h);
    stands(h, WEIR_MLX5_TRACKER_TRACKING, WEIR_MLX5_AUTH_NO_OFFLOAD, first + 100);
    put32(h->progress, 0x223);
    hand_complete(h, index, 0);
    silent(h);
}

static void no_room_in_the_queue(struct test *t)
{
    struct hand *h = running(t, WEIR_MLX5_TRIGGER_FREEBSD);
    uint32_t first = at;
    uint16_t index;

    h->sq.produced = h->sq.consumed + HAND_BLOCKS - 31;
    record(h, 100, WEIR_CAME_ENCRYPTED);
    CHECK_STATUS(t, weir_mlx5_rx_post(&h->rx, &h->sq, &index), WEIR_NEED_OUTPUT);
    CHECK_EQ(t, weir_mlx5_rx_count(&h->rx).rx_resync_err, 1);
    silent(h);
    h->sq.consumed = h->sq.produced;
    record(h, 100, WEIR_CAME_ENCRYPTED);
    proposes(h, first);
    h->sq.produced = h->sq.consumed + HAND_BLOCKS - 31;
    CHECK_STATUS(t, weir_mlx5_rx_post(&h->rx, &h->sq, &index), WEIR_NEED_OUTPUT);
    h->sq.consumed = h->sq.produced;
    confirmed(h, first, 41); /* this is not given up */
    h->sq.failed = true;
    record(h, 100, WEIR_CAME_ENCRYPTED);
    CHECK_STATUS(t, weir_mlx5_rx_post(&h->rx, &h->sq, &index), WEIR_NEED_OUTPUT);
    CHECK_EQ(t, weir_mlx5_rx_count(&h->rx).rx_resync_err, 2);
}

static void linux_asks_when_the_card_says_so(struct test *t)
{
    struct hand *h = running(t, WEIR_MLX5_TRIGGER_LINUX);
    uint32_t first = at;

    record(h, 100, WEIR_CAME_ENCRYPTED);
    record(h, 100, WEIR_CAME_ENCRYPTED);
    silent(h);
    CHECK(t, packet(h, WEIR_MLX5_TLS_DECRYPTED, first + 200, 10));
    CHECK(t, !packet(h, WEIR_MLX5_TLS_NOT_DECRYPTED, first + 210, 10));
    CHECK(t, !packet(h, WEIR_MLX5_TLS_ERROR, first + 220, 10));
    silent(h);
    /* A header within the packet. */
    CHECK(t, !packet(h, WEIR_MLX5_TLS_RESYNC, first + 230, 1000));
    uint16_t index = hand_post(h);
    for (unsigned i = 0; i < 8; i++)
        record(h, 100, WEIR_CAME_ENCRYPTED);
    stands(h, WEIR_MLX5_TRACKER_TRACKING, WEIR_MLX5_AUTH_NO_OFFLOAD, first + 500);
    hand_complete(h, index, 0);
    confirmed(h, first + 500, 46);
    /* Before the packet: not one of its headers. */
    (void)packet(h, WEIR_MLX5_TLS_RESYNC, at + 1, 1000);
    record(h, 100, WEIR_CAME_ENCRYPTED);
    proposes(h, at - 100);
    silent(h);
    CHECK_EQ(t, weir_mlx5_rx_count(&h->rx).rx_denied, 1);
    /* Answered before the header is read: it is compared with those to come. */
    (void)packet(h, WEIR_MLX5_TLS_RESYNC, at, 1000);
    proposes(h, at + 200);
    silent(h);
    record(h, 100, WEIR_CAME_ENCRYPTED);
    record(h, 100, WEIR_CAME_ENCRYPTED);
    silent(h);
    record(h, 100, WEIR_CAME_ENCRYPTED);
    confirmed(h, at - 100, number - 1);
    /* A false one goes by. */
    (void)packet(h, WEIR_MLX5_TLS_RESYNC, at, 1000);
    proposes(h, at + 201);
    for (unsigned i = 0; i < 5; i++)
        record(h, 100, WEIR_CAME_ENCRYPTED);
    silent(h);
    CHECK_EQ(t, weir_mlx5_rx_count(&h->rx).rx_denied, 2);
    CHECK_EQ(t, weir_mlx5_rx_count(&h->rx).rx_confirmed, 2);
    CHECK_EQ(t, weir_mlx5_rx_count(&h->rx).rx_lost_packets, 4);
    CHECK_EQ(t, weir_mlx5_rx_count(&h->rx).rx_packets, 7);
    CHECK_EQ(t, weir_mlx5_rx_count(&h->rx).rx_decrypted_ok_packets, 1);
    CHECK_EQ(t, weir_mlx5_rx_count(&h->rx).rx_decrypted_error_packets, 1);
}

/* Thirteen headers in a packet, 65535 in all. */
static void what_linux_remembers(struct test *t)
{
    for (unsigned which = 12; which < 14; which++) {
        struct hand *h = running(t, WEIR_MLX5_TRIGGER_LINUX);
        uint32_t first = at;

        (void)packet(h, WEIR_MLX5_TLS_RESYNC, at, 9000);
        for (unsigned i = 0; i < 20; i++)
            record(h, 100, WEIR_CAME_ENCRYPTED);
        proposes(h, first + which * 100);
        if (which == 12)
            confirmed(h, first + 1200, 53);
        silent(h);
    }
    for (unsigned headers = 65534; headers < 65536; headers++) {
        struct hand *h = running(t, WEIR_MLX5_TRIGGER_LINUX);

        (void)packet(h, WEIR_MLX5_TLS_RESYNC, at, 10);
        uint32_t first = at;
        uint16_t index = hand_post(h);
        for (unsigned i = 0; i < headers; i++)
            record(h, 100, WEIR_CAME_ENCRYPTED);
        stands(h, WEIR_MLX5_TRACKER_TRACKING, WEIR_MLX5_AUTH_NO_OFFLOAD, first);
        hand_complete(h, index, 0);
        if (headers == 65534)
            confirmed(h, first, 41);
        silent(h);
    }
}

/* The card loses its place again while it is being asked: that answer belongs to the past. */
static void linux_begins_anew(struct test *t)
{
    struct hand *h = running(t, WEIR_MLX5_TRIGGER_LINUX);

    (void)packet(h, WEIR_MLX5_TLS_RESYNC, at, 500);
    uint16_t index = hand_post(h);
    record(h, 100, WEIR_CAME_ENCRYPTED);
    (void)packet(h, WEIR_MLX5_TLS_RESYNC, at, 500);
    record(h, 100, WEIR_CAME_ENCRYPTED);
    stands(h, WEIR_MLX5_TRACKER_SEARCHING, WEIR_MLX5_AUTH_NO_OFFLOAD, 0);
    hand_complete(h, index, 0);
    proposes(h, at - 100); /* asked again */
    confirmed(h, at - 100, 42);
    /* Not tracking: over, until the card says again that it is lost. */
    (void)packet(h, WEIR_MLX5_TLS_RESYNC, at, 500);
    answers(h, WEIR_MLX5_TRACKER_SEARCHING, WEIR_MLX5_AUTH_NO_OFFLOAD, 0);
    record(h, 100, WEIR_CAME_ENCRYPTED);
    silent(h);
}

static void a_new_key(struct test *t)
{
    struct hand *h = running(t, WEIR_MLX5_TRIGGER_FREEBSD);

    (void)packet(h, WEIR_MLX5_TLS_DECRYPTED, at, 350);
    record(h, 100, WEIR_CAME_DECRYPTED);
    weir_mlx5_rx_rekey(&h->rx);
    CHECK_EQ(t, weir_mlx5_rx_refusal(&h->rx).code, WEIR_REFUSAL_NO_REKEY);
    CHECK(t, weir_mlx5_rx_refusal(&h->rx).transient);
    (void)packet(h, WEIR_MLX5_TLS_DECRYPTED, at + 250, 100); /* still came by the rule */
    record(h, 100, WEIR_CAME_MIXED);
    hand_stopped(h, true, true, true);
    CHECK(t, weir_mlx5_rx_touches(&h->rx));
    record(h, 249, WEIR_CAME_MIXED);
    silent(h);
    record(h, 1, WEIR_CAME_MIXED);
    CHECK(t, !weir_mlx5_rx_touches(&h->rx));
    CHECK_EQ(t, weir_mlx5_rx_next(&h->rx), WEIR_MLX5_RX_RESTART);
    hand_run(h);
    weir_mlx5_rx_stop(&h->rx);
    hand_stopped(h, true, true, true);
    weir_mlx5_rx_rekey(&h->rx);
    silent(h);
}

static const struct test_case table[] = {
    CASE(freebsd_asks_at_each_record),
    CASE(nothing_but_a_record_start),
    CASE(what_freebsd_remembers),
    CASE(a_question_that_is_not_answered),
    CASE(no_room_in_the_queue),
    CASE(linux_asks_when_the_card_says_so),
    CASE(what_linux_remembers),
    CASE(linux_begins_anew),
    CASE(a_new_key),
};
CASE_GROUP(mlx5_rx_resync, table, TEST_ONCE);
