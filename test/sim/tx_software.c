/* SPDX-License-Identifier: BSD-2-Clause */
/* Segments that the processor encrypts, and the check that their plaintext is what it was. */
#include "tx_bed.h"

#include "backends/mlx5-kmod/tx_inside.h"

#include TXB_HEADER

#include <string.h>

/* Every segment there can be of a few short records: tags in every split. */
Test(tx_software, every_offset_and_every_length)
{
    for (unsigned s = 0; s < 4; s++) {
        struct txb *b = txb_begin(&(struct txb_how){.suite = &txb_suites[s],
                                                    .seq = 0xffffffe0u,
                                                    .record = 0xffffffff,
                                                    .chunk = s * 7,
                                                    .tags = s % 2 * 4});

        b->no_queue = true;
        txb_records(b, 1, 1);
        txb_records(b, 1, 17);
        txb_records(b, 1, 33);
        for (size_t from = 0; from < b->len; from++) {
            for (size_t to = from + 1; to <= b->len; to++)
                txb_goes(b, from, to - from, WEIR_MLX5_SOFTWARE);
        }
        cr_assert_not(b->sent.posted);
        txb_close(b);
    }
}

/* Of a long record, with pieces of every kind of length. */
Test(tx_software, long_records)
{
    static const uint32_t chunks[] = {0, 1, 16, 1000, 4096};

    for (unsigned i = 0; i < 20; i++) {
        struct txb *b = txb_begin(&(struct txb_how){
            .suite = &txb_suites[i % 4], .chunk = chunks[i / 4], .tags = 2, .record = 77});

        b->no_queue = true;
        txb_records(b, 2, 16384);
        size_t end = b->records[0].len;
        for (unsigned n = 0; n < 60; n++) {
            size_t from = n < 20 ? end - 1448 - 20 + n * 2 : txb_random(b, (uint32_t)b->len - 1448);

            txb_goes(b, from, 1 + txb_random(b, 1448), WEIR_MLX5_SOFTWARE);
        }
        txb_close(b);
    }
}

/* A tag costs a whole record; it is made when a segment carries a part of it, and once. */
Test(tx_software, a_tag_is_made_once)
{
    for (unsigned tags = 0; tags <= 8; tags += 8) {
        struct txb *b = txb_begin(&(struct txb_how){.suite = &txb_suites[3], .tags = tags});

        b->no_queue = true;
        txb_records(b, 4, 4000);
        size_t tag = b->records[0].len - 16;
        txb_goes(b, 0, 1448, WEIR_MLX5_SOFTWARE);
        txb_goes(b, tag - 1448, 1448, WEIR_MLX5_SOFTWARE);
        cr_assert_eq(weir_mlx5_tx_count(b->ctx).tx_tags, 0);
        for (size_t n = 1; n <= 16; n++)
            txb_goes(b, tag - 1000, 1000 + n, WEIR_MLX5_SOFTWARE);
        txb_goes(b, tag + 5, 100, WEIR_MLX5_SOFTWARE);
        cr_assert_eq(weir_mlx5_tx_count(b->ctx).tx_tags, tags > 0 ? 1 : 17);
        cr_assert_eq(weir_mlx5_tx_count(b->ctx).tx_software, 19);
        txb_close(b);
    }
}

/* More records than tags are remembered. */
Test(tx_software, a_tag_gives_way)
{
    struct txb *b = txb_begin(&(struct txb_how){.suite = &txb_suites[0], .tags = 2});

    b->no_queue = true;
    txb_records(b, 5, 100);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 5; i++)
            txb_goes(b, b->records[i].start + 50, b->records[i].len - 50, WEIR_MLX5_SOFTWARE);
    }
    txb_close(b);
}

Test(tx_software, bounce_that_is_too_short)
{
    struct txb *b = txb_begin(&(struct txb_how){.suite = &txb_suites[0]});
    struct weir_mlx5_segment segment = {.tcp_seq = b->how.seq, .len = 100};
    struct weir_mlx5_bounce bounce = {b->bounce, TXB_BASE, TXB_BOUNCE, 99, b->scratch};

    txb_records(b, 1, 200);
    cr_assert_eq(weir_mlx5_tx_xmit(b->ctx, &b->stream, &segment, NULL, NULL, &b->sent),
                 WEIR_REFUSED);
    cr_assert_eq(b->sent.why.code, WEIR_REFUSAL_MEMORY);
    cr_assert_eq(weir_mlx5_tx_xmit(b->ctx, &b->stream, &segment, NULL, &bounce, &b->sent),
                 WEIR_REFUSED);
    cr_assert_eq(b->sent.why.code, WEIR_REFUSAL_MEMORY);
    cr_assert_eq(b->sent.why.detail, 100);
    bounce.len = 1000;
    bounce.scratch = NULL;
    cr_assert_eq(weir_mlx5_tx_xmit(b->ctx, &b->stream, &segment, NULL, &bounce, &b->sent), WEIR_OK);
    segment.len = (uint32_t)b->len; /* with its tag */
    cr_assert_eq(weir_mlx5_tx_xmit(b->ctx, &b->stream, &segment, NULL, &bounce, &b->sent),
                 WEIR_REFUSED);
    cr_assert_eq(b->sent.why.code, WEIR_REFUSAL_MEMORY);
    for (size_t i = 0; i < b->len; i++)
        cr_assert_eq(b->bounce[i], 0, "what was encrypted before the refusal stays");
    txb_close(b);
}

/* A provider that breaks: nothing goes out, and the next attempt may succeed. */
static unsigned breaks;

static weir_status breaking_keystream(void *ctx, const uint8_t nonce[12], uint64_t offset,
                                      const uint8_t *in, uint8_t *out, size_t len)
{
    return breaks > 0 && breaks-- > 0 ? WEIR_E_PROVIDER
                                      : TXB_AEAD.keystream(ctx, nonce, offset, in, out, len);
}

static weir_status breaking_seal(void *ctx, const struct weir_aead_op *op)
{
    return breaks > 0 && breaks-- > 0 ? WEIR_E_PROVIDER : TXB_AEAD.seal(ctx, op);
}

Test(tx_software, a_provider_that_breaks)
{
    struct txb *b = txb_begin(&(struct txb_how){.suite = &txb_suites[2]});
    struct weir_aead aead = TXB_AEAD;

    aead.keystream = breaking_keystream;
    aead.seal = breaking_seal;
    b->port.config.aead = &aead;
    b->no_queue = true;
    txb_records(b, 2, 1000);
    for (unsigned i = 0; i < 2; i++) {
        breaks = 1;
        txb_refused(b, i * 500, i * 200 + 400, WEIR_REFUSAL_PROVIDER);
        cr_assert_eq(b->sent.why.layer, WEIR_LAYER_PROVIDER);
        txb_goes(b, i * 500, i * 200 + 400, WEIR_MLX5_SOFTWARE);
    }
    b->port.config.aead = &TXB_AEAD;
    txb_close(b);
}

/* "SipHash: a fast short-input PRF", appendix A: the key 00 01 … 0f, the input 00 01 … 0e. */
Test(tx_check, published_vector)
{
    uint8_t key[16], in[15];

    for (uint8_t i = 0; i < 16; i++)
        key[i] = i;
    memcpy(in, key, 15);
    for (size_t cut = 0; cut <= 15; cut++) {
        struct tx_sip s;

        weir_mlx5_tx_sip_begin(&s, key);
        weir_mlx5_tx_sip_take(&s, in, cut);
        weir_mlx5_tx_sip_take(&s, in + cut, 15 - cut);
        cr_assert_eq(weir_mlx5_tx_sip_end(&s), 0xa129ca6149be45e5u);
    }
}

/* One bit of a record changes after it was framed: no byte of it is used a second time. */
Test(tx_check, a_changed_bit)
{
    for (unsigned i = 0; i < 120; i++) {
        struct txb *b = txb_begin(&(struct txb_how){.suite = &txb_suites[i % 4],
                                                    .driver = (enum weir_mlx5_driver)(i % 2),
                                                    .policy = (enum weir_mlx5_policy)(i / 4 % 3),
                                                    .chunk = i % 3 * 100,
                                                    .checks = 8});
        bool tls13 = txb_suites[i % 4].version == WEIR_TLS13;

        txb_records(b, 3, 1000);
        for (size_t at = 0; at < b->len; at += 500)
            txb_goes(b, at, b->len - at < 500 ? b->len - at : 500, WEIR_MLX5_DEVICE);
        size_t start = b->records[1].start, len = b->records[1].len;
        /* The first bytes are the header and the explicit nonce, the last the room for the tag. */
        size_t at = i < 52 ? i / 4 : txb_random(b, (uint32_t)len - 16);
        if (tls13 && i < 52)
            at = i / 4 % 5;
        b->plain[start + at] ^= (uint8_t)(1u << i % 8);
        b->no_queue = i % 5 == 0;
        /* Its neighbours are fine, and so is the segment before its first byte. */
        txb_goes_somehow(b, 10, start - 10, 0);
        uint64_t dumped = sim_nic_counts(b->nic)->dump_bytes;
        txb_refused(b, start + 400, 300, WEIR_REFUSAL_CHANGED);
        cr_assert_eq(b->sent.why.detail, 1);
        cr_assert_eq(sim_nic_counts(b->nic)->dump_bytes, dumped);
        /* It is the end: a hole would stay. */
        cr_assert_eq(txb_segment(b, 10, 10, 0), WEIR_E_MISUSE);
        size_t taken = 0, made = 0;
        const struct weir_iov in = {b->wire, 10};
        cr_assert_eq(
            weir_tx_seal(&b->tx, WEIR_TYPE_DATA, &in, 1, b->plain + b->len, 100, &taken, &made),
            WEIR_E_MISUSE);
        cr_assert_eq(weir_tx_status(&b->tx), WEIR_E_MISUSE);
        txb_close(b);
    }
}

/* What is read again for the first bytes behind it is a second use, too: a gap, and a tag. */
Test(tx_check, changed_before_a_dump_or_a_tag)
{
    for (unsigned i = 0; i < 4; i++) {
        struct txb *b = txb_begin(
            &(struct txb_how){.suite = &txb_suites[i], .policy = WEIR_MLX5_RESYNC, .checks = 8});

        txb_records(b, 3, 4000);
        txb_goes(b, 0, 500, WEIR_MLX5_DEVICE);
        b->plain[100] ^= 1;
        if (i % 2 == 0) {
            txb_refused(b, 1000, 500, WEIR_REFUSAL_CHANGED);
        } else {
            b->no_queue = true;
            txb_goes(b, 500, 500, WEIR_MLX5_SOFTWARE);
            txb_refused(b, 3000, b->records[0].len - 3000, WEIR_REFUSAL_CHANGED);
        }
        txb_close(b);
    }
}

/* Also of a record that was sent just before, and in part. */
Test(tx_check, changed_right_after_it_was_sent)
{
    for (unsigned i = 0; i < 8; i++) {
        struct txb *b = txb_begin(&(struct txb_how){.suite = &txb_suites[i % 4], .checks = 8});

        txb_records(b, 1, 1000);
        b->no_queue = i >= 4;
        txb_goes(b, 0, 100, i < 4 ? WEIR_MLX5_DEVICE : WEIR_MLX5_SOFTWARE);
        txb_goes(b, 50, 50, WEIR_MLX5_SOFTWARE);
        b->plain[50] ^= 1;
        txb_refused(b, 99, 1, WEIR_REFUSAL_CHANGED);
        txb_close(b);
    }
}

/* Without the check a changed header is noticed when a tag is made of it. */
Test(tx_check, a_changed_header_without_checks)
{
    struct txb *b = txb_begin(&(struct txb_how){.suite = &txb_suites[0]});

    b->no_queue = true;
    txb_records(b, 1, 1000);
    b->plain[4] ^= 1;
    txb_refused(b, 500, b->len - 500, WEIR_REFUSAL_CHANGED);
    txb_close(b);
}

/* As many records as there are checks may be on their way. */
Test(tx_check, no_room_for_another)
{
    struct txb *b = txb_begin(&(struct txb_how){.suite = &txb_suites[0], .checks = 4});

    txb_records(b, 4, 100);
    cr_assert_not(txb_record(b, WEIR_TYPE_DATA, 100));
    txb_acked(b, b->records[1].start);
    txb_records(b, 1, 100);
    cr_assert_not(txb_record(b, WEIR_TYPE_DATA, 100));
    for (unsigned i = 1; i < 5; i++)
        txb_goes_somehow(b, b->records[i].start, 100, 0);
    for (unsigned i = 1; i < 5; i++)
        txb_goes_somehow(b, b->records[i].start, b->records[i].len, 0);
    txb_close(b);
}

/* Nor more changes of length than there are runs. */
Test(tx_check, no_room_in_the_map)
{
    struct txb *b = txb_begin(&(struct txb_how){.suite = &txb_suites[2], .runs = 4});

    for (size_t i = 0; i < 4; i++)
        cr_assert(txb_record(b, WEIR_TYPE_DATA, 100 + i));
    cr_assert_not(txb_record(b, WEIR_TYPE_DATA, 200));
    cr_assert(txb_record(b, WEIR_TYPE_DATA, 103));
    cr_assert_eq(weir_tx_status(&b->tx), WEIR_OK);
    txb_goes(b, 0, b->len, WEIR_MLX5_DEVICE);
    txb_acked(b, b->records[1].start);
    cr_assert(txb_record(b, WEIR_TYPE_DATA, 200));
    txb_close(b);
}
