/* SPDX-License-Identifier: BSD-2-Clause */
#include "nic_rx_bed.h"

#include <stdlib.h>
#include <string.h>
#include RX_HEADER

#define TARGET BED_BASE

static uint64_t below(struct rx_bed *b, uint64_t n)
{
    return sim_random_below(&b->random, n);
}

struct rx_bed *rx_new(const struct bed_suite *suite, uint64_t seed, enum weir_mlx5_trigger trigger)
{
    static const uint16_t suites[2][2] = {
        {WEIR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, WEIR_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384},
        {WEIR_TLS_AES_128_GCM_SHA256, WEIR_TLS_AES_256_GCM_SHA384}};
    struct rx_bed *b = sim_alloc(sizeof *b);
    const struct weir_mlx5_caps caps = {.can = 0xff, .sessions = 16};
    struct weir_mlx5_rx_config config = {.caps = &caps,
                                         .pd = BED_PD,
                                         .domain = 5,
                                         .table = 6,
                                         .trigger = trigger,
                                         .progress = b->progress,
                                         .address = TARGET,
                                         .lkey = BED_LKEY};
    struct weir_refusal why;

    b->random = seed;
    b->suite = suite;
    b->base_seq = 0xffffffffu - (uint32_t)below(b, RX_STREAM / 2);
    b->nic = sim_nic_new();
    sim_nic_map(b->nic, BED_LKEY, TARGET, b->progress, sizeof b->progress);
    b->queue = sim_nic_queue_new(b->nic, BED_SQN, b->ring, RX_BLOCKS);
    sim_nic_set_faults(b->nic, &b->faults);
    cr_assert_eq(weir_mlx5_sq_init(&b->sq, b->ring, RX_BLOCKS, BED_SQN, 0), WEIR_OK);
    cr_assert_eq(weir_mlx5_rx_init(&b->card, &config, &why), WEIR_OK);

    b->keys.version = suite->tls13 ? WEIR_TLS13 : WEIR_TLS12;
    b->keys.suite = suites[suite->tls13][suite->alg == SIM_AES_256_GCM];
    b->keys.at.nonce_rule = suite->tls13 ? WEIR_NONCE_IMPLICIT : WEIR_NONCE_SEQ;
    b->keys.at.seq = below(b, 1000);
    b->keys.at.explicit_nonce = suite->tls13 ? 0 : b->keys.at.seq;
    for (size_t i = 0; i < sim_alg_key_len(suite->alg); i++)
        b->keys.key[i] = (uint8_t)below(b, 256);
    for (size_t i = 0; i < (suite->tls13 ? 12u : 4u); i++)
        b->keys.iv[i] = (uint8_t)below(b, 256);
    if (suite->tls13) {
        b->keys.secret_len = suite->alg == SIM_AES_256_GCM ? 48 : 32;
        for (size_t i = 0; i < b->keys.secret_len; i++)
            b->keys.secret[i] = (uint8_t)below(b, 256);
    }
    cr_assert_eq(weir_soft_init(&b->soft, &RX_AEAD, &why), WEIR_OK);
    b->rx_ctx = sim_alloc(b->soft.backend.ctx_size);
    b->undo_ctx = sim_alloc(b->soft.backend.ctx_size);
    struct weir_keys given = b->keys;
    cr_assert_eq(
        weir_rx_init(&b->rx, &given, &b->soft.backend, b->rx_ctx, b->soft.backend.ctx_size, &why),
        WEIR_OK);
    cr_assert_eq(
        weir_undo_init(&b->undo, &b->soft.backend, b->undo_ctx, b->soft.backend.ctx_size, &why),
        WEIR_OK);
    return b;
}

void rx_drop(struct rx_bed *b)
{
    weir_undo_wipe(&b->undo);
    weir_rx_wipe(&b->rx);
    sim_nic_free(b->nic);
    free(b->rx_ctx);
    free(b->undo_ctx);
    free(b);
}

void rx_close(struct rx_bed *b)
{
    const struct sim_nic_complaint *c = sim_nic_complaint(b->nic, 0);

    cr_assert_eq(sim_nic_complaints(b->nic), 0, "%s", c != NULL ? c->text : "");
    rx_drop(b);
}

/* By the RFCs. Content and inner type at `inner`, `len` bytes; returns the record's length. */
static size_t seal(struct rx_bed *b, uint8_t type, const uint8_t *inner, size_t len, uint8_t *out)
{
    uint8_t nonce[12], aad[13], seq[8];
    size_t at = 5, aad_len = 5;

    sim_put_be64(seq, b->keys.at.seq);
    memcpy(nonce, b->keys.iv, 12);
    out[0] = b->suite->tls13 ? 23 : type;
    sim_put_be16(out + 1, 0x0303);
    if (b->suite->tls13) {
        for (size_t i = 0; i < 8; i++)
            nonce[4 + i] ^= seq[i];
    } else {
        memcpy(out + 5, seq, 8);
        memcpy(nonce + 4, seq, 8);
        at += 8;
    }
    sim_put_be16(out + 3, at - 5 + len + 16);
    if (b->suite->tls13) {
        memcpy(aad, out, 5);
    } else {
        memcpy(aad, seq, 8);
        memcpy(aad + 8, out, 3);
        sim_put_be16(aad + 11, len);
        aad_len = 13;
    }
    struct sim_aead_op op = {b->suite->alg, b->keys.key, nonce, aad, aad_len};
    sim_aead_seal(&op, inner, len, out + at);
    return at + len + 16;
}

static void add_record(struct rx_bed *b, uint8_t type, uint8_t *inner, size_t len)
{
    cr_assert(b->records < RX_RECORDS && b->len + len + 40 <= RX_STREAM);
    if (b->suite->tls13)
        inner[len++] = type;
    b->starts[b->records] = b->len;
    b->numbers[b->records] = b->keys.at.seq;
    b->epochs[b->records++] = b->keys.at.epoch;
    b->len += seal(b, type, inner, len, b->wire + b->len);
    b->starts[b->records] = b->len;
    b->keys.at.seq++;
}

void rx_say(struct rx_bed *b, size_t len, bool false_headers)
{
    static uint8_t inner[17000];

    for (size_t i = 0; i < len; i++)
        inner[i] = (uint8_t)below(b, 256);
    if (false_headers) {
        /* Content that the keystream turns into what looks like a header. */
        static const uint8_t header[5] = {23, 3, 3, 1, 0};
        static uint8_t sealed[17500];
        size_t at = b->suite->tls13 ? 5 : 13;

        (void)seal(b, 23, inner, len, sealed);
        for (size_t i = 50; i + 400 < len; i += 300) {
            for (size_t j = 0; j < 5; j++)
                inner[i + j] ^= sealed[at + i + j] ^ header[j];
        }
    }
    memcpy(b->content + b->content_len, inner, len);
    b->content_len += len;
    add_record(b, 23, inner, len);
}

void rx_update(struct rx_bed *b)
{
    uint8_t message[6] = {24, 0, 0, 1, 0};

    add_record(b, 22, message, 5);
    cr_assert_eq(weir_keys_update(&b->keys, &RX_KDF), WEIR_OK);
}

static void carry_out(struct rx_bed *b, const struct weir_cmd *cmd)
{
    struct weir_done done = {.os_error = 0, .len = cmd->reply_len};
    enum sim_nic_answer answer =
        sim_nic_command(b->nic, cmd->value, cmd->len, cmd->reply, cmd->reply_len);

    for (unsigned i = 0; i < 5 && answer == SIM_NIC_LATE && sim_nic_waiting(b->nic) > 0; i++)
        sim_nic_tick(b->nic);
    if (answer == SIM_NIC_DEAD || sim_nic_waiting(b->nic) > 0)
        done.os_error = 60;
    cr_assert_eq(weir_mlx5_rx_done(&b->card, &done), WEIR_OK);
}

/* What is confirmed has to be the start of a record that has arrived, with its number. */
static void check_confirmation(struct rx_bed *b, uint16_t index)
{
    const uint8_t *e = b->ring + (size_t)(index % RX_BLOCKS) * 64;
    uint32_t seq = (uint32_t)sim_get_be64(e + 128 + 12);

    if (e[3] != WEIR_MLX5_UMR || weir_mlx5_rx_count(&b->card).rx_confirmed == b->confirmed)
        return;
    b->confirmed++;
    for (unsigned i = 0; i < b->records; i++) {
        if (b->base_seq + (uint32_t)b->starts[i] == seq) {
            cr_assert_eq(sim_get_be64(e + 128 + 8), b->numbers[i]);
            cr_assert_lt(b->starts[i], b->opened + 1);
            return;
        }
    }
    cr_assert(false, "a false header was confirmed");
}

static void complete(struct rx_bed *b)
{
    uint8_t bytes[64];
    struct weir_mlx5_cqe cqe;

    sim_nic_tick(b->nic);
    while (sim_nic_completion(b->queue, bytes)) {
        if (b->never_answer > 0) {
            b->never_answer--;
            continue;
        }
        weir_mlx5_cqe_read(bytes, &cqe);
        (void)!weir_mlx5_sq_complete(&b->sq, &cqe);
        (void)weir_mlx5_rx_completed(&b->card, &cqe);
    }
}

static void post(struct rx_bed *b)
{
    uint16_t index;

    if (weir_mlx5_rx_post(&b->card, &b->sq, &index) != WEIR_OK) {
        if (weir_mlx5_rx_next(&b->card) == WEIR_MLX5_RX_POST)
            weir_mlx5_rx_lost(&b->card); /* the queue is in error, and nobody resets it here */
        return;
    }
    check_confirmation(b, index);
    (void)sim_nic_post(b->queue, (uint16_t)b->sq.produced, weir_mlx5_sq_doorbell(&b->sq));
    for (unsigned i = 0; i < 4; i++)
        complete(b);
}

static void share(struct rx_bed *b)
{
    struct weir_keys keys;
    struct weir_refusal why;

    cr_assert_eq(weir_rx_share(&b->rx, b->base_seq + (uint32_t)b->opened, &keys, &why), WEIR_OK);
    cr_assert_eq(weir_mlx5_rx_start(&b->card, &keys, &why), WEIR_PENDING);
    b->started = true;
}

void rx_pump(struct rx_bed *b)
{
    if (sim_nic_removed(b->nic)) {
        if (!weir_mlx5_rx_stopped(&b->card))
            weir_mlx5_rx_lost(&b->card);
        b->steered = false;
    }
    complete(b);
    for (;;) {
        switch (weir_mlx5_rx_next(&b->card)) {
        case WEIR_MLX5_RX_COMMAND:
            carry_out(b, weir_mlx5_rx_command(&b->card));
            break;
        case WEIR_MLX5_RX_POST:
            post(b);
            break;
        case WEIR_MLX5_RX_STEER:
            b->steered = true;
            weir_mlx5_rx_steered(&b->card, true, 0);
            break;
        case WEIR_MLX5_RX_UNSTEER:
            b->steered = false;
            weir_mlx5_rx_unsteered(&b->card);
            break;
        case WEIR_MLX5_RX_RESTART:
            weir_undo_wipe(&b->undo);
            share(b);
            b->restarts++;
            break;
        case WEIR_MLX5_RX_NOTHING:
            return;
        }
        if (sim_nic_removed(b->nic) && !weir_mlx5_rx_stopped(&b->card))
            weir_mlx5_rx_lost(&b->card);
    }
}

void rx_start(struct rx_bed *b)
{
    share(b);
    rx_pump(b);
}

/* The stream in order, as far as it goes: marks for what came decrypted. */
static size_t marks_of(const struct rx_bed *b, struct weir_mark *room, size_t capacity)
{
    struct weir_marks marks = {.at = room, .capacity = capacity};

    for (size_t at = b->opened; at < b->next; at++) {
        if (b->have[at] == 2)
            cr_assert_eq(weir_marks_add(&marks, at - b->opened, 1, true), WEIR_OK);
    }
    return marks.count;
}

static void take(struct rx_bed *b, const struct weir_marked *in)
{
    for (size_t i = 0; i < in->count; i++) {
        const struct weir_record *r = &in->records[i];

        if (r->type == 22) {
            cr_assert_eq(weir_rx_rekey(&b->rx, &RX_KDF), WEIR_OK);
            weir_mlx5_rx_rekey(&b->card);
        } else {
            cr_assert_leq(b->told + r->len, b->content_len);
            cr_assert_eq(memcmp(r->data, b->content + b->told, r->len), 0, "wrong plaintext");
            b->told += r->len;
        }
    }
    for (size_t i = 0; i < in->noted; i++) {
        const struct weir_note *n = &in->notes[i];

        if (b->started)
            weir_mlx5_rx_record(&b->card, n);
        b->notes[n->came + 1]++;
        if (b->starts[b->records] - b->opened < b->len / 5)
            b->tail_decrypted += n->came == WEIR_CAME_DECRYPTED;
    }
}

static void open_all(struct rx_bed *b)
{
    static struct weir_mark marks[4096];
    struct weir_record records[8];
    struct weir_note notes[8];
    weir_status status = WEIR_OK;

    while (status == WEIR_OK && !b->dead) {
        struct weir_marked in = {.buf = b->got + b->opened,
                                 .len = b->next - b->opened,
                                 .marks = marks,
                                 .marks_count = marks_of(b, marks, 4096),
                                 .trust = b->trust,
                                 .undo = &b->undo,
                                 .records = records,
                                 .cap = 8,
                                 .notes = notes,
                                 .notes_cap = 8};

        status = weir_rx_open_marked(&b->rx, &in);
        b->opened += in.consumed;
        take(b, &in);
        b->dead = status < 0;
        rx_pump(b);
    }
}

/* What the card made of a packet, or says that it made. */
static bool through_the_card(struct rx_bed *b, uint8_t *bytes, size_t from, size_t len)
{
    uint8_t raw[64];
    struct weir_mlx5_cqe cqe;
    uint32_t seq = b->base_seq + (uint32_t)from;

    (void)sim_nic_receive(b->nic, weir_mlx5_rx_tirn(&b->card), seq, bytes, len, raw);
    weir_mlx5_cqe_read(raw, &cqe);
    if (b->lie == RX_SAYS_DECRYPTED && below(b, 4) == 0)
        cqe.tls = WEIR_MLX5_TLS_DECRYPTED;
    if (b->lie == RX_SAYS_NOT && below(b, 4) == 0)
        cqe.tls = WEIR_MLX5_TLS_NOT_DECRYPTED;
    if (b->lie == RX_SPOILS && below(b, 4) == 0)
        bytes[below(b, len)] ^= 1;
    return weir_mlx5_rx_packet(&b->card, &cqe, seq, (uint32_t)len);
}

void rx_arrives(struct rx_bed *b, size_t from, size_t len)
{
    static uint8_t bytes[RX_STREAM];
    bool decrypted = false;

    memcpy(bytes, b->wire + from, len);
    if (b->steered && !sim_nic_removed(b->nic))
        decrypted = through_the_card(b, bytes, from, len);
    for (size_t i = 0; i < len; i++) {
        if (b->have[from + i] != 0)
            continue; /* what came first stays */
        b->have[from + i] = decrypted ? 2 : 1;
        b->got[from + i] = bytes[i];
    }
    rx_pump(b);
    while (b->next < b->len && b->have[b->next] != 0)
        b->next++;
    open_all(b);
}

void rx_deliver(struct rx_bed *b, size_t from, const struct rx_link *link)
{
    struct {
        size_t from, len;
        unsigned due;
    } late[64];
    size_t waiting = 0;
    unsigned now = 0;

    while ((from < b->len || waiting > 0) && !b->dead) {
        now++;
        for (size_t i = 0; i < waiting; i++) {
            if (late[i].due > now && from < b->len)
                continue;
            rx_arrives(b, late[i].from, late[i].len);
            late[i] = late[--waiting];
            break;
        }
        if (from == b->len)
            continue;
        size_t len = 1 + (size_t)below(b, link->most);
        if (len > b->len - from)
            len = b->len - from;
        bool lost = below(b, 1000) < link->lost, swapped = below(b, 1000) < link->swapped;
        if ((lost || swapped) && waiting < 64) {
            late[waiting].from = from;
            late[waiting].len = len;
            late[waiting++].due = now + (lost ? 3 + (unsigned)below(b, 20) : 2);
        } else {
            rx_arrives(b, from, len);
            if (below(b, 1000) < link->twice)
                rx_arrives(b, from, len);
        }
        from += len;
    }
}

void rx_expect_all(struct rx_bed *b)
{
    cr_assert(!b->dead, "%s", weir_status_name(weir_rx_status(&b->rx)));
    cr_assert_eq(b->opened, b->len);
    cr_assert_eq(b->told, b->content_len);
}
