/* SPDX-License-Identifier: BSD-2-Clause */
/* TCP's numbers are 32 bits wide: what lies far away, and what comes around. */
#include "tx_bed.h"

/* The longest there can be do not come around to lie before the first byte. */
Test(tx_wrap, longer_than_half_of_the_numbers)
{
    struct txb *b = txb_begin(&(struct txb_how){.suite = &txb_suites[3], .seq = 50});
    struct weir_mlx5_segment segment = {.tcp_seq = b->how.seq - 100, .len = 0x80000100u};

    txb_records(b, 1, 1000);
    for (unsigned i = 0; i < 2; i++) {
        cr_assert_eq(weir_mlx5_tx_xmit(b->ctx, &b->stream, &segment, NULL, NULL, &b->sent),
                     WEIR_REFUSED);
        cr_assert_eq(b->sent.why.code, WEIR_REFUSAL_STRADDLES);
        cr_assert_eq(b->sent.why.detail, segment.len - 100);
        segment.len = UINT32_MAX;
    }
    txb_close(b);
}

static bool any_byte(void *user, uint32_t tcp_seq, uint32_t len, struct weir_mlx5_piece *piece)
{
    static const uint8_t byte = 23;

    (void)user;
    (void)tcp_seq;
    (void)len;
    *piece = (struct weir_mlx5_piece){.bytes = &byte, .len = 1};
    return true;
}

/* One record of `wire` bytes; its first byte is sent elsewhere, and all of it acknowledged. */
static void elsewhere(struct txb *b, uint32_t wire)
{
    const struct weir_mlx5_stream stream = {any_byte, NULL};
    const struct weir_mlx5_bounce bounce = {.bytes = txb_bounce(b), .len = TXB_ROOM};
    struct weir_mlx5_segment segment = {.tcp_seq = weir_tx_position(&b->tx).tcp_seq, .len = 1};
    size_t made = 0, overhead = weir_tx_record_len(&b->tx, 0);

    cr_assert_eq(
        weir_tx_seal_in_place(&b->tx, WEIR_TYPE_DATA, b->plain, wire - overhead, TXB_STREAM, &made),
        WEIR_OK);
    cr_assert_eq(made, wire);
    cr_assert_eq(weir_mlx5_tx_xmit(b->ctx, &stream, &segment, NULL, &bounce, &b->sent), WEIR_OK);
    cr_assert_eq(weir_mlx5_tx_acked(b->ctx, segment.tcp_seq + wire), WEIR_OK);
}

/* While the card stands still, TCP's numbers come around: the byte that it expects is another one
 * then, of another record, and what it would encrypt it with has been used. */
Test(tx_wrap, numbers_come_around_to_where_the_card_stands)
{
    for (unsigned i = 0; i < 4; i++) {
        struct txb *b = txb_begin(&(struct txb_how){
            .suite = &txb_suites[i], .seq = 0xfffffe00u, .driver = (enum weir_mlx5_driver)(i / 2)});
        uint64_t left = UINT64_C(1) << 32;

        txb_records(b, 2, 1000);
        txb_goes(b, 0, 500, WEIR_MLX5_DEVICE);
        b->no_queue = true;
        txb_goes(b, 500, b->len - 500, WEIR_MLX5_SOFTWARE);
        txb_acked(b, b->len);
        for (left -= b->len; left > 30000; left -= 16000)
            elsewhere(b, 16000);
        elsewhere(b, (uint32_t)left / 2);
        elsewhere(b, (uint32_t)(left - left / 2));
        b->len = b->acked = b->count = 0;
        txb_records(b, 2, 1000);
        txb_goes(b, 0, 500, WEIR_MLX5_SOFTWARE);
        b->no_queue = false;
        txb_goes(b, 500 + i % 2 * 9, 400, WEIR_MLX5_DEVICE);
        cr_assert_eq(b->sent.recovery, WEIR_MLX5_START);
        txb_close(b);
    }
}
