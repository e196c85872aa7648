/* SPDX-License-Identifier: BSD-2-Clause */
#include "tx_bed.h"

#include <stdlib.h>
#include <string.h>
#include TXB_HEADER

const struct txb_suite txb_suites[4] = {
    {"TLS 1.2, 128", WEIR_TLS12, WEIR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, SIM_AES_128_GCM},
    {"TLS 1.2, 256", WEIR_TLS12, WEIR_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, SIM_AES_256_GCM},
    {"TLS 1.3, 128", WEIR_TLS13, WEIR_TLS_AES_128_GCM_SHA256, SIM_AES_128_GCM},
    {"TLS 1.3, 256", WEIR_TLS13, WEIR_TLS_AES_256_GCM_SHA384, SIM_AES_256_GCM},
};

static const uint8_t check_key[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

uint32_t txb_random(struct txb *b, uint32_t below)
{
    return (uint32_t)(sim_random(&b->random) % below);
}

static bool piece(void *user, uint32_t tcp_seq, uint32_t len, struct weir_mlx5_piece *piece)
{
    struct txb *b = user;
    size_t at = tcp_seq - b->how.seq;

    if (b->broken_stream || at < b->acked || at + len > b->len)
        return false;
    if (b->how.chunk > 0 && len > b->how.chunk - at % b->how.chunk)
        len = b->how.chunk - (uint32_t)(at % b->how.chunk);
    *piece = (struct weir_mlx5_piece){b->plain + at, TXB_BASE + at, TXB_LKEY, len};
    return true;
}

static void *room(size_t size, size_t align)
{
    size_t whole = (size + align - 1) / align * align;
    void *p = aligned_alloc(align < 16 ? 16 : align, whole < 16 ? 16 : (whole + 15) / 16 * 16);

    cr_assert_not_null(p);
    memset(p, 0xa5, size);
    return p;
}

static void make_port(struct txb *b)
{
    const struct txb_how *how = &b->how;
    const struct weir_mlx5_caps caps = {
        .can = WEIR_MLX5_CAN_KEYS | WEIR_MLX5_CAN_TX | WEIR_MLX5_CAN_TLS12_AES128 |
               WEIR_MLX5_CAN_TLS13_AES128 | WEIR_MLX5_CAN_TLS12_AES256 | WEIR_MLX5_CAN_TLS13_AES256,
        .sessions = 2048,
    };
    const struct weir_mlx5_tx_config config = {
        .caps = &caps,
        .pd = 0x77,
        .domain = 5,
        .mtu = how->mtu > 0 ? how->mtu : 1500,
        .aead = &TXB_AEAD,
        .driver = how->driver,
        .policy = how->policy,
        .most_dump = how->most_dump,
        .most_lost = how->most_lost,
        .runs = how->runs > 0 ? how->runs : 64,
        .tags = how->tags,
        .checks = how->checks,
        .check_key = check_key,
    };

    cr_assert_eq(weir_mlx5_tx_backend_init(&b->port, &config, &b->why), WEIR_OK);
    b->ctx = room(b->port.backend.ctx_size, b->port.backend.ctx_align);
}

struct txb *txb_new(const struct txb_how *how)
{
    struct txb *b = sim_alloc(sizeof *b);
    uint32_t blocks = how->blocks > 0 ? how->blocks : TXB_BLOCKS;

    b->how = *how;
    b->random = 4711;
    b->nic = sim_nic_new();
    b->ledger = sim_ledger_new();
    b->ring = sim_alloc((size_t)blocks * 64);
    b->plain = sim_alloc(TXB_STREAM);
    b->wire = sim_alloc(TXB_STREAM);
    b->bounce = sim_alloc((size_t)16 * TXB_ROOM);
    b->scratch = sim_alloc(WEIR_MLX5_TX_SCRATCH);
    sim_nic_set_ledger(b->nic, b->ledger);
    sim_nic_set_faults(b->nic, &b->faults);
    if (how->mtu > 0)
        sim_nic_can(b->nic)->mtu = how->mtu;
    sim_nic_map(b->nic, TXB_LKEY, TXB_BASE, b->plain, TXB_STREAM);
    sim_nic_map(b->nic, TXB_BOUNCE, TXB_BASE, b->bounce, (size_t)16 * TXB_ROOM);
    b->nic_queue = sim_nic_queue_new(b->nic, 0x456, b->ring, blocks);
    cr_assert_eq(weir_mlx5_sq_init(&b->sq, b->ring, blocks, 0x456, how->signal), WEIR_OK);
    b->stream = (struct weir_mlx5_stream){piece, b};
    make_port(b);

    for (size_t i = 0; i < 32; i++)
        b->key[0][i] = (uint8_t)(0x40 + i);
    for (size_t i = 0; i < 12; i++)
        b->iv[0][i] = (uint8_t)(how->suite->version == WEIR_TLS13 || i < 4 ? 0xa0 + i : 0);
    b->keys = (struct weir_keys){.version = how->suite->version, .suite = how->suite->suite};
    memcpy(b->keys.key, b->key[0], sim_alg_key_len(how->suite->alg));
    memcpy(b->keys.iv, b->iv[0], 12);
    b->keys.at.seq = how->record;
    if (how->suite->version == WEIR_TLS12) {
        b->keys.at.nonce_rule = WEIR_NONCE_COUNTER;
        b->keys.at.explicit_nonce = 0x1122334455667788u;
    } else {
        b->keys.secret_len = (uint8_t)WEIR_HASH_LEN(weir_suite_find(how->suite->suite)->hash);
        memset(b->keys.secret, 0x5e, b->keys.secret_len);
    }
    struct weir_keys keys = b->keys;
    cr_assert_eq(weir_soft_init(&b->soft, &TXB_AEAD, &b->why), WEIR_OK);
    b->soft_ctx = room(b->soft.backend.ctx_size, b->soft.backend.ctx_align);
    cr_assert_eq(weir_tx_init(&b->tx, &keys, &b->soft.backend, b->soft_ctx,
                              b->soft.backend.ctx_size, &b->why),
                 WEIR_OK);
    return b;
}

struct weir_done txb_command(struct txb *b, const struct weir_cmd *command)
{
    struct weir_done done = {.os_error = 0, .len = command->reply_len};

    cr_assert_eq(command->kind, WEIR_CMD_FIRMWARE);
    switch (
        sim_nic_command(b->nic, command->value, command->len, command->reply, command->reply_len)) {
    case SIM_NIC_DONE:
        return done;
    case SIM_NIC_LATE: /* who waits, waits for so long */
        for (unsigned i = 0; i < 10; i++) {
            sim_nic_tick(b->nic);
            if (sim_nic_waiting(b->nic) == 0)
                return done;
        }
        return (struct weir_done){.os_error = 110};
    case SIM_NIC_DEAD:
        break;
    }
    return (struct weir_done){.os_error = 6};
}

weir_status txb_move(struct txb *b)
{
    const struct weir_move move = {
        .backend = &b->port.backend,
        .ctx = b->ctx,
        .ctx_len = b->port.backend.ctx_size,
        .policy = WEIR_POLICY_ALL,
        .tcp_known = true,
        .tcp_seq = b->how.seq,
    };
    weir_status status = weir_tx_offload(&b->tx, &move, &b->why);

    while (status == WEIR_PENDING) {
        struct weir_done done = txb_command(b, weir_tx_command(&b->tx));

        status = weir_tx_complete(&b->tx, &done, &b->why);
    }
    return status;
}

struct txb *txb_begin(const struct txb_how *how)
{
    struct txb *b = txb_new(how);

    cr_assert_eq(txb_move(b), WEIR_OK, "%s", weir_refusal_name(b->why.code));
    return b;
}

/* The record at plain[start..start + len) as the RFCs seal it. */
static void refer(struct txb *b, const struct txb_record *r)
{
    const uint8_t *plain = b->plain + r->start;
    bool tls13 = b->how.suite->version == WEIR_TLS13;
    size_t prefix = tls13 ? 5 : 13, message = r->len - prefix - 16;
    uint8_t nonce[12], aad[13], seq[8];

    sim_put_be64(seq, r->number);
    memcpy(nonce, b->iv[r->epoch], 12);
    if (tls13) {
        for (size_t i = 0; i < 8; i++)
            nonce[4 + i] ^= seq[i];
        memcpy(aad, plain, 5);
    } else {
        memcpy(nonce + 4, plain + 5, 8);
        memcpy(aad, seq, 8);
        memcpy(aad + 8, plain, 3);
        sim_put_be16(aad + 11, message);
    }
    struct sim_aead_op op = {b->how.suite->alg, b->key[r->epoch], nonce, aad, tls13 ? 5 : 13};
    memcpy(b->wire + r->start, plain, prefix);
    sim_aead_seal(&op, plain + prefix, message, b->wire + r->start + prefix);
}

bool txb_record(struct txb *b, uint8_t type, size_t len)
{
    static uint8_t text[16384];
    const struct weir_iov in = {text, len};
    uint64_t number = weir_tx_position(&b->tx).seq;
    size_t taken = 0, made = 0;

    for (size_t i = 0; i < len; i++)
        text[i] = (uint8_t)(number * 31 + i * 7 + i / 256);
    cr_assert(b->count < TXB_MOST);
    weir_status status =
        weir_tx_seal(&b->tx, type, &in, 1, b->plain + b->len, TXB_STREAM - b->len, &taken, &made);
    if (status == WEIR_NEED_OUTPUT && made == 0)
        return false;
    cr_assert(status == WEIR_OK && taken == len && made > len, "%s", weir_status_name(status));
    struct txb_record r = {b->len, made, number, b->epoch};
    refer(b, &r);
    b->records[b->count++] = r;
    b->len += made;
    return true;
}

void txb_records(struct txb *b, unsigned count, size_t len)
{
    for (unsigned i = 0; i < count; i++)
        cr_assert(txb_record(b, WEIR_TYPE_DATA, len));
}

void txb_take_completions(struct txb *b)
{
    uint8_t bytes[64];
    struct weir_mlx5_cqe cqe;

    while (!b->no_completions && sim_nic_completion(b->nic_queue, bytes)) {
        weir_mlx5_cqe_read(bytes, &cqe);
        weir_status status = weir_mlx5_sq_complete(&b->sq, &cqe);
        cr_assert(status == WEIR_OK || (status == WEIR_E_BACKEND && b->sq.failed));
    }
}

uint8_t *txb_bounce(const struct txb *b)
{
    return b->bounce + (size_t)b->turn * TXB_ROOM;
}

/* Engine and card agree where the card stands. */
static void compare_place(struct txb *b)
{
    struct sim_nic_place place;
    uint32_t expected = 0;
    size_t i = 0;

    if (!weir_mlx5_tx_expects(b->ctx, &expected) || b->sq.failed || sim_nic_removed(b->nic))
        return;
    cr_assert(sim_nic_place(b->nic, weir_mlx5_tx_context(b->ctx), &place));
    cr_assert(place.seq_known);
    cr_assert_eq(place.seq, expected);
    size_t at = expected - b->how.seq;
    while (i < b->count && b->records[i].start + b->records[i].len <= at)
        i++;
    if (i < b->count) {
        /* Before the first record of the next key it stands behind the last of its own. */
        bool last =
            i > 0 && at == b->records[i].start && b->records[i].epoch != b->records[i - 1].epoch;

        cr_assert_eq(place.record, last ? b->records[i - 1].number + 1 : b->records[i].number);
        cr_assert_eq(place.offset, at - b->records[i].start);
    }
}

/* What is on the wire is stream[from..from + len), encrypted. */
static void compare(struct txb *b, size_t from, size_t len, unsigned mss)
{
    if (!b->sent.posted) {
        cr_assert_eq(b->sent.way, WEIR_MLX5_SOFTWARE);
        cr_assert_eq(memcmp(txb_bounce(b), b->wire + from, len), 0, "bounce from %zu", from);
        return;
    }
    for (size_t done = 0; done < len;) {
        size_t n = mss > 0 && len - done > mss ? mss : len - done;
        struct sim_nic_packet *p = sim_nic_sent(b->nic);

        cr_assert_not_null(p, "nothing from %zu on: %s", from + done,
                           sim_nic_complaints(b->nic) > 0 ? sim_nic_complaint(b->nic, 0)->text
                                                          : "");
        cr_assert_eq(p->seq, b->how.seq + (uint32_t)(from + done));
        cr_assert_eq(p->len, p->headers_len + n);
        cr_assert_eq(p->tisn != 0, b->sent.way == WEIR_MLX5_DEVICE);
        cr_assert_eq(memcmp(p->bytes + p->headers_len, b->wire + from + done, n), 0,
                     "%s: bytes from %zu, way %d", b->how.suite->name, from + done,
                     (int)b->sent.way);
        sim_nic_packet_free(p);
        done += n;
    }
}

static void fill_headers(const struct txb *b, uint8_t headers[54], size_t from, size_t len,
                         unsigned mss)
{
    memset(headers, 0, 54);
    headers[12] = 0x08;
    headers[14] = 0x45;
    sim_put_be16(headers + 16, 40 + (mss == 0 ? len : 0));
    headers[22] = 64;
    headers[23] = 6;
    memcpy(headers + 26, "\x0a\x00\x00\x01\x0a\x00\x00\x02", 8);
    sim_put_be16(headers + 38, (uint16_t)((b->how.seq + from) >> 16));
    sim_put_be16(headers + 40, (uint16_t)(b->how.seq + from));
    headers[46] = 0x50;
    headers[47] = 0x18;
}

weir_status txb_segment(struct txb *b, size_t from, size_t len, unsigned mss)
{
    uint8_t headers[54];
    struct weir_mlx5_data data[2] = {
        {TXB_BASE + from, TXB_LKEY, (uint32_t)(len / 2)},
        {TXB_BASE + from + len / 2, TXB_LKEY, (uint32_t)(len - len / 2)},
    };
    const struct weir_mlx5_segment segment = {
        .tcp_seq = b->how.seq + (uint32_t)from,
        .len = (uint32_t)len,
        .headers = headers,
        .headers_len = sizeof headers,
        .mss = (uint16_t)mss,
        .sums = WEIR_MLX5_SUM_IP | WEIR_MLX5_SUM_TCP,
        .data = len > 1 ? data : data + 1,
        .pieces = len > 1 ? 2 : 1,
    };
    uint64_t before = b->sq.produced;

    b->turn = (b->turn + 1) % 16; /* the card may not have read the one before */
    const struct weir_mlx5_bounce bounce = {txb_bounce(b), TXB_BASE + (uint64_t)b->turn * TXB_ROOM,
                                            TXB_BOUNCE, TXB_ROOM, b->scratch};

    fill_headers(b, headers, from, len, mss);
    weir_status status = weir_mlx5_tx_xmit(b->ctx, &b->stream, &segment,
                                           b->no_queue ? NULL : &b->sq, &bounce, &b->sent);
    cr_assert_eq(b->sent.posted, b->sq.produced != before);
    if (b->sent.posted) {
        cr_assert_eq(b->sent.until, b->sq.produced);
        (void)sim_nic_post(b->nic_queue, (uint16_t)b->sq.produced, weir_mlx5_sq_doorbell(&b->sq));
        txb_take_completions(b);
    }
    cr_assert_eq(b->sent.way == WEIR_MLX5_DROPPED, status != WEIR_OK);
    return status;
}

void txb_goes(struct txb *b, size_t from, size_t len, enum weir_mlx5_way way)
{
    cr_assert_eq(txb_segment(b, from, len, 0), WEIR_OK, "%s", weir_refusal_name(b->sent.why.code));
    cr_assert_eq(b->sent.way, way, "way %d from %zu on", (int)b->sent.way, from);
    compare(b, from, len, 0);
    compare_place(b);
}

void txb_goes_somehow(struct txb *b, size_t from, size_t len, unsigned mss)
{
    cr_assert_eq(txb_segment(b, from, len, mss), WEIR_OK, "%s",
                 weir_refusal_name(b->sent.why.code));
    compare(b, from, len, mss);
    compare_place(b);
}

void txb_refused(struct txb *b, size_t from, size_t len, weir_refusal_code code)
{
    struct weir_mlx5_sq before = b->sq;

    cr_assert_eq(txb_segment(b, from, len, 0), WEIR_REFUSED, "from %zu", from);
    cr_assert_eq(b->sent.why.code, code, "%s", weir_refusal_name(b->sent.why.code));
    cr_assert_eq(memcmp(&before, &b->sq, sizeof before), 0, "the queue has changed");
    compare_place(b);
}

void txb_acked(struct txb *b, size_t up_to)
{
    cr_assert_eq(weir_mlx5_tx_acked(b->ctx, b->how.seq + (uint32_t)up_to), WEIR_OK);
    b->acked = weir_mlx5_tx_needs(b->ctx) - b->how.seq;
    cr_assert(b->acked <= up_to);
}

void txb_end(struct txb *b)
{
    const struct weir_cmd *command;
    weir_status status;

    weir_tx_wipe(&b->tx);
    if (weir_mlx5_sq_flush(&b->sq)) {
        (void)sim_nic_post(b->nic_queue, (uint16_t)b->sq.produced, weir_mlx5_sq_doorbell(&b->sq));
        txb_take_completions(b);
    }
    while ((status = weir_mlx5_tx_end(b->ctx, &b->sq, true, &command)) == WEIR_PENDING) {
        struct weir_done done = txb_command(b, command);

        weir_mlx5_tx_ended(b->ctx, &done);
    }
    cr_assert_eq(status, WEIR_OK);
}

void txb_drop(struct txb *b)
{
    struct sim_nic_packet *p;
    const struct weir_cmd *command;
    bool moved = weir_tx_backend(&b->tx) == &b->port.backend;

    weir_tx_wipe(&b->tx);
    if (moved) /* no key stays in the provider's hands */
        cr_assert_geq(weir_mlx5_tx_end(b->ctx, NULL, true, &command), WEIR_OK);
    while ((p = sim_nic_sent(b->nic)) != NULL)
        sim_nic_packet_free(p);
    sim_nic_free(b->nic);
    sim_ledger_free(b->ledger);
    free(b->soft_ctx);
    free(b->ctx);
    free(b->ring);
    free(b->plain);
    free(b->wire);
    free(b->bounce);
    free(b->scratch);
    free(b);
}

void txb_close(struct txb *b)
{
    const struct sim_nic_complaint *c = sim_nic_complaint(b->nic, 0);

    txb_end(b);
    cr_assert_eq(sim_nic_complaints(b->nic), 0, "%s", c != NULL ? c->text : "");
    cr_assert_null(sim_ledger_fault(b->ledger));
    cr_assert_null(sim_nic_sent(b->nic));
    cr_assert_eq(sim_nic_keys(b->nic), 0);
    cr_assert_eq(sim_nic_contexts(b->nic), 0);
    txb_drop(b);
}
