/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entries and commands for a ConnectX-6 Dx, to the byte. What is wanted was written by hand from
 * docs/reference/mlx5-wqe.md; bytes that are not named are zero. Each has its near misses, which
 * must write nothing.
 */
#include "cases.h"
#include <weir/mlx5_wqe.h>

#define ROOM 1088u /* one block more than the longest entry */

static const struct weir_mlx5_at here = {.sqn = 0x456, .index = 0x10};
static const struct weir_mlx5_static tls12 = {
    .version = WEIR_TLS12, .iv = {1, 2, 3, 4}, .dek = 0xabcd, .record = 5};

static struct weir_mlx5_at at(uint16_t index, uint8_t flags)
{
    return (struct weir_mlx5_at){.sqn = 0x456, .index = index, .flags = flags};
}

/* Output that shows where it was written. */
struct output {
    uint8_t bytes[ROOM];
};

static uint8_t *fresh(struct output *out)
{
    memset(out->bytes, 0xa5, sizeof out->bytes);
    return out->bytes;
}

/* Bytes from `from` on are as they were. */
static bool untouched(const struct output *out, size_t from)
{
    for (size_t i = from; i < sizeof out->bytes; i++) {
        if (out->bytes[i] != 0xa5)
            return false;
    }
    return true;
}

#define CHECK_BYTES(t, out, wanted)                                                                \
    do {                                                                                           \
        CHECK_MEM(t, (out)->bytes, wanted, sizeof(wanted));                                        \
        CHECK(t, untouched(out, sizeof(wanted)));                                                  \
    } while (0)

#define CHECK_REFUSED(t, out, call)                                                                \
    do {                                                                                           \
        CHECK_STATUS(t, call, WEIR_E_MISUSE);                                                      \
        CHECK(t, untouched(out, 0));                                                               \
    } while (0)

/* Section 7 of the page: context 0x123, queue 0x456, one entry after another. */
static void worked_bytes(struct test *t)
{
    static const uint8_t umr[192] = {
        0x01,         0x00, 0x10, 0x25, 0x00, 0x04, 0x56, 0x0c, 0x00, 0x00, 0x00, 0x20,
        0x00,         0x01, 0x23, 0,    0x80, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04,
        [128] = 0x89, 0x00, 0x00, 0x01, 0,    0,    0,    0,    0x00, 0x00, 0x00, 0x00,
        0x00,         0x00, 0x00, 0x05, 0x00, 0x00, 0x00, 0x00, 1,    2,    3,    4,
        0x00,         0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xab, 0xcd,
    };
    static const uint8_t psv[64] = {0x01, 0x00, 0x13, 0x20, 0x00, 0x04, 0x56, 0x02, 0,    0,
                                    0,    0,    0,    0,    0,    0,    0x00, 0x00, 0x01, 0x23};
    static const uint8_t dump[64] = {
        0x00, 0x00, 0x14, 0x23, 0x00, 0x04, 0x56, 0x02, 0x00, 0x00, 0x00, 0x20, 0x00, 0x01, 0x23, 0,
        0x00, 0x00, 0x04, 0x00, 0x12, 0x34, 0x56, 0x78, 0x01, 0x02, 0x03, 0x04, 5,    6,    7,    8,
    };
    const struct weir_mlx5_at first = at(0x10, WEIR_MLX5_FENCE), second = at(0x13, 0),
                              third = at(0x14, WEIR_MLX5_FENCE);
    const struct weir_mlx5_data data = {
        .address = 0x0102030405060708u, .lkey = 0x12345678, .len = 1024};
    struct output out;

    CHECK_STATUS(t, weir_mlx5_umr(fresh(&out), &first, WEIR_TX, 0x123, &tls12), WEIR_OK);
    CHECK_BYTES(t, &out, umr);
    CHECK_STATUS(t, weir_mlx5_set_psv(fresh(&out), &second, WEIR_TX, 0x123, 0), WEIR_OK);
    CHECK_BYTES(t, &out, psv);
    CHECK_STATUS(t, weir_mlx5_dump(fresh(&out), &third, 0x123, &data, 1024), WEIR_OK);
    CHECK_BYTES(t, &out, dump);
}

/* TLS 1.3, RX, the answer to a position that the card has found; every field at its full width. */
static void umr_of_a_receiver(struct test *t)
{
    static const uint8_t wanted[192] = {
        0x02, 0xff, 0xfe,         0x25, 0xfe, 0xdc, 0xba, 0x0c, 0, 0, 0,
        0x28, 0xab, 0xcd,         0xef, 0x00, 0x80, 0,    0,    0, 0, 0,
        0x00, 0x04, [128] = 0x8d, 0x00, 0x00, 0x01, 0,    0,    0, 0, 0xf1,
        0xf2, 0xf3, 0xf4,         0xf5, 0xf6, 0xf7, 0xf8,       /* initial_record_number */
        0x91, 0x92, 0x93,         0x94,                         /* resync_tcp_sn */
        0xa1, 0xa2, 0xa3,         0xa4,                         /* gcm_iv */
        0xa5, 0xa6, 0xa7,         0xa8, 0xa9, 0xaa, 0xab, 0xac, /* implicit_iv */
        0x00, 0xc1, 0xc2,         0xc3,                         /* dek_index */
    };
    const struct weir_mlx5_at far = {
        .sqn = 0xfedcba, .index = 0xfffe, .flags = WEIR_MLX5_COMPLETE | WEIR_MLX5_FENCE};
    const struct weir_mlx5_static params = {
        .version = WEIR_TLS13,
        .iv = {0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab, 0xac},
        .dek = 0xc1c2c3,
        .record = 0xf1f2f3f4f5f6f7f8u,
        .resync_tcp_seq = 0x91929394};
    struct output out;

    CHECK_STATUS(t, weir_mlx5_umr(fresh(&out), &far, WEIR_RX, 0xabcdef, &params), WEIR_OK);
    CHECK_BYTES(t, &out, wanted);
}

/* Of TLS 1.2 the salt is all there is of the IV, whatever stands behind it. */
static void umr_takes_the_salt_only(struct test *t)
{
    static const uint8_t wanted[12] = {1, 2, 3, 4};
    struct weir_mlx5_static params = tls12;
    struct output out;

    memset(params.iv + 4, 0x77, sizeof params.iv - 4);
    CHECK_STATUS(t, weir_mlx5_umr(fresh(&out), &here, WEIR_TX, 1, &params), WEIR_OK);
    CHECK_MEM(t, out.bytes + 128 + 20, wanted, 12);
}

static void umr_refused(struct test *t)
{
    const struct weir_mlx5_at no_queue = {.sqn = 0x1000000}, no_flag = at(0, 0x10),
                              no_flag_either = at(0, 0x40 | WEIR_MLX5_FENCE);
    struct weir_mlx5_static bad = tls12;
    struct output out;

    fresh(&out);
    CHECK_REFUSED(t, &out, weir_mlx5_umr(out.bytes, &here, WEIR_TX, 0, &tls12));
    CHECK_REFUSED(t, &out, weir_mlx5_umr(out.bytes, &here, WEIR_TX, 0x1000000, &tls12));
    CHECK_REFUSED(t, &out, weir_mlx5_umr(out.bytes, &here, (enum weir_dir)2, 1, &tls12));
    CHECK_REFUSED(t, &out, weir_mlx5_umr(out.bytes, &no_queue, WEIR_TX, 1, &tls12));
    CHECK_REFUSED(t, &out, weir_mlx5_umr(out.bytes, &no_flag, WEIR_TX, 1, &tls12));
    CHECK_REFUSED(t, &out, weir_mlx5_umr(out.bytes, &no_flag_either, WEIR_TX, 1, &tls12));
    bad.dek = 0x1000000;
    CHECK_REFUSED(t, &out, weir_mlx5_umr(out.bytes, &here, WEIR_TX, 1, &bad));
    bad = tls12;
    bad.version = 0x0302;
    CHECK_REFUSED(t, &out, weir_mlx5_umr(out.bytes, &here, WEIR_TX, 1, &bad));
    bad.version = 0x0305;
    CHECK_REFUSED(t, &out, weir_mlx5_umr(out.bytes, &here, WEIR_TX, 1, &bad));
    bad = tls12;
    bad.resync_tcp_seq = 1;
    CHECK_REFUSED(t, &out, weir_mlx5_umr(out.bytes, &here, WEIR_TX, 1, &bad));
    CHECK_STATUS(t, weir_mlx5_umr(out.bytes, &here, WEIR_RX, 1, &bad), WEIR_OK);
}

static void set_psv_of_a_receiver(struct test *t)
{
    static const uint8_t wanted[64] = {0x02, 0x00, 0x10, 0x20, 0x00, 0x04, 0x56, 0x02,
                                       0,    0,    0,    0x08, 0,    0,    0,    0,
                                       0x00, 0xab, 0xcd, 0xef, 0x81, 0x82, 0x83, 0x84};
    const struct weir_mlx5_at with_completion = at(0x10, WEIR_MLX5_COMPLETE);
    struct output out;

    CHECK_STATUS(t, weir_mlx5_set_psv(fresh(&out), &with_completion, WEIR_RX, 0xabcdef, 0x81828384),
                 WEIR_OK);
    CHECK_BYTES(t, &out, wanted);
    fresh(&out);
    CHECK_REFUSED(t, &out, weir_mlx5_set_psv(out.bytes, &here, WEIR_RX, 0, 1));
    CHECK_REFUSED(t, &out, weir_mlx5_set_psv(out.bytes, &here, WEIR_RX, 0x1000000, 1));
    CHECK_REFUSED(t, &out, weir_mlx5_set_psv(out.bytes, &here, WEIR_TX, 1, 1));
    CHECK_REFUSED(t, &out, weir_mlx5_set_psv(out.bytes, &here, (enum weir_dir)2, 1, 0));
}

static void get_psv(struct test *t)
{
    static const uint8_t wanted[64] = {
        0x02, 0x00, 0x10, 0x21, 0x00, 0x04,        0x56, 0x04, 0,    0,    0,
        0x08, 0,    0,    0,    0,    [35] = 0x10, 0x12, 0x34, 0x56, 0x78, /* how many, lkey */
        0x01, 0x02, 0x03, 0x04, 0x05, 0x06,        0x07, 0x40,             /* address */
        0x00, 0xab, 0xcd, 0xef,                                            /* tirn, not shifted */
    };
    const struct weir_mlx5_at with_completion = at(0x10, WEIR_MLX5_COMPLETE);
    struct output out;

    CHECK_STATUS(
        t,
        weir_mlx5_get_psv(fresh(&out), &with_completion, 0xabcdef, 0x0102030405060740u, 0x12345678),
        WEIR_OK);
    CHECK_BYTES(t, &out, wanted);
    fresh(&out);
    CHECK_REFUSED(t, &out, weir_mlx5_get_psv(out.bytes, &here, 1, 0, 1));
    CHECK_REFUSED(t, &out, weir_mlx5_get_psv(out.bytes, &with_completion, 0, 0, 1));
    CHECK_REFUSED(t, &out, weir_mlx5_get_psv(out.bytes, &with_completion, 0x1000000, 0, 1));
    CHECK_REFUSED(t, &out, weir_mlx5_get_psv(out.bytes, &with_completion, 1, 32, 1));
    CHECK_REFUSED(t, &out, weir_mlx5_get_psv(out.bytes, &with_completion, 1, 0x4001, 1));
    CHECK_REFUSED(t, &out, weir_mlx5_get_psv(out.bytes, &with_completion, 1, 0, 0x100));
}

static void dump_lengths(struct test *t)
{
    static const uint32_t right[] = {1, 1023, 1024}, wrong[] = {0, 1025, 2048, 0x80000001u};
    struct weir_mlx5_data data = {.lkey = 1, .address = 64};
    struct output out;

    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        t->at = data.len = right[i];
        CHECK_STATUS(t, weir_mlx5_dump(fresh(&out), &here, 1, &data, 1024), WEIR_OK);
        CHECK_EQ(t, out.bytes[16] << 24 | out.bytes[17] << 16 | out.bytes[18] << 8 | out.bytes[19],
                 right[i]);
        CHECK(t, untouched(&out, 64));
    }
    fresh(&out);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        t->at = data.len = wrong[i];
        CHECK_REFUSED(t, &out, weir_mlx5_dump(out.bytes, &here, 1, &data, 1024));
    }
    CHECK_REFUSED(t, &out, weir_mlx5_dump(out.bytes, &here, 1, &data, UINT32_MAX));
    data.len = 1024;
    CHECK_REFUSED(t, &out, weir_mlx5_dump(out.bytes, &here, 1, &data, 1023));
    CHECK_REFUSED(t, &out, weir_mlx5_dump(out.bytes, &here, 0, &data, 1024));
    CHECK_REFUSED(t, &out, weir_mlx5_dump(out.bytes, &here, 0x1000000, &data, 1024));
    data.lkey = 0x100;
    CHECK_REFUSED(t, &out, weir_mlx5_dump(out.bytes, &here, 1, &data, 1024));
}

static void dump_cut(struct test *t)
{
    static const uint32_t rows[][2] = {{0, 0},       {1, 1},       {2, 2},
                                       {3, 2},       {1023, 512},  {1024, 1024},
                                       {1500, 1024}, {9000, 8192}, {UINT32_MAX, 0x80000000u}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        t->at = rows[i][0];
        CHECK_EQ(t, weir_mlx5_dump_most(rows[i][0]), rows[i][1]);
    }
}

static void nops(struct test *t)
{
    static const uint8_t fence[16] = {0, 0x00, 0x10, 0x00, 0x00, 0x04, 0x56, 4, 0, 0, 0, 0x20};
    static const uint8_t longest[16] = {0, 0xff, 0xf1, 0x00, 0x00, 0x04, 0x56, 60};
    const struct weir_mlx5_at with_fence = at(0x10, WEIR_MLX5_FENCE), edge = at(0xfff1, 0);
    struct output out;

    CHECK_STATUS(t, weir_mlx5_nop(fresh(&out), &with_fence, 1), WEIR_OK);
    CHECK_BYTES(t, &out, fence);
    CHECK_STATUS(t, weir_mlx5_nop(fresh(&out), &edge, 15), WEIR_OK);
    CHECK_BYTES(t, &out, longest);
    fresh(&out);
    CHECK_REFUSED(t, &out, weir_mlx5_nop(out.bytes, &here, 0));
    CHECK_REFUSED(t, &out, weir_mlx5_nop(out.bytes, &here, 16));
}

static void edges(struct test *t)
{
    uint32_t right = 0;

    for (uint32_t index = 0; index < 65536; index++) {
        uint32_t left = 64 - index % 64;

        right += weir_mlx5_edge((uint16_t)index, 64) == (left < 16 ? left : 0);
    }
    CHECK_EQ(t, right, 65536);
    CHECK_EQ(t, weir_mlx5_edge(0xfff0, 65536), 0);
    CHECK_EQ(t, weir_mlx5_edge(0xfff1, 65536), 15);
    CHECK_EQ(t, weir_mlx5_edge(0xffff, 65536), 1);
    CHECK_EQ(t, weir_mlx5_edge(32, 16), 0);
    CHECK_EQ(t, weir_mlx5_edge(33, 16), 15);
}

/* Headers whose bytes are their own numbers. */
static void number_headers(uint8_t *headers, size_t len)
{
    for (size_t i = 0; i < len; i++)
        headers[i] = (uint8_t)(i + 1);
}

static void send(struct test *t)
{
    /* 54 bytes of headers: 2 behind the Ethernet segment's first 14, the rest in 4 segments. */
    static const uint8_t wanted[128] = {
        0x00, 0x00, 0x10, 0x0a, 0x00, 0x04, 0x56, 0x08, 0,  0,  0,  0x08, 0x00, 0x01, 0x23, 0x00,
        0,    0,    0,    0,    0xc0, 0,    0,    0,    0,  0,  0,  0,    0x00, 54,   1,    2,
        3,    4,    5,    6,    7,    8,    9,    10,   11, 12, 13, 14,   15,   16,   17,   18,
        19,   20,   21,   22,   23,   24,   25,   26,   27, 28, 29, 30,   31,   32,   33,   34,
        35,   36,   37,   38,   39,   40,   41,   42,   43, 44, 45, 46,   47,   48,   49,   50,
        51,   52,   53,   54,   0,    0,    0,    0,    0,  0,  0,  0,    0,    0,    0,    0,
        0x00, 0x00, 0x05, 0x00, 0x12, 0x34, 0x56, 0x78, 1,  2,  3,  4,    5,    6,    7,    8,
        0x7f, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x01, 0,  0,  0,  0,    0,    0,    0,    9,
    };
    const struct weir_mlx5_at with_completion = at(0x10, WEIR_MLX5_COMPLETE);
    const struct weir_mlx5_data data[2] = {
        {.len = 0x500, .lkey = 0x12345678, .address = 0x0102030405060708u},
        {.len = 0x7fffffff, .lkey = 1, .address = 9},
    };
    uint8_t headers[54];
    const struct weir_mlx5_packet packet = {.tisn = 0x123,
                                            .headers = headers,
                                            .headers_len = 54,
                                            .sums = WEIR_MLX5_SUM_IP | WEIR_MLX5_SUM_TCP,
                                            .data = data,
                                            .pieces = 2};
    struct output out;
    uint32_t blocks = 0;

    number_headers(headers, sizeof headers);
    CHECK_STATUS(t, weir_mlx5_send(fresh(&out), 127, &with_completion, &packet, &blocks),
                 WEIR_NEED_OUTPUT);
    CHECK_EQ(t, blocks, 2);
    CHECK(t, untouched(&out, 0));
    CHECK_STATUS(t, weir_mlx5_send(fresh(&out), 128, &with_completion, &packet, &blocks), WEIR_OK);
    CHECK_EQ(t, blocks, 2);
    CHECK_BYTES(t, &out, wanted);
}

/* 66 bytes of headers end where a segment ends: 30 + 66 = 96. */
static void lso(struct test *t)
{
    static const uint8_t wanted[128] = {
        0x00, 0x00, 0x10, 0x0e, 0x00, 0x04, 0x56, 0x07, 0,  0,  0,  0x00, 0xff, 0xff, 0xff, 0x00,
        0,    0,    0,    0,    0x80, 0,    0x05, 0xa8, 0,  0,  0,  0,    0x00, 66,   1,    2,
        3,    4,    5,    6,    7,    8,    9,    10,   11, 12, 13, 14,   15,   16,   17,   18,
        19,   20,   21,   22,   23,   24,   25,   26,   27, 28, 29, 30,   31,   32,   33,   34,
        35,   36,   37,   38,   39,   40,   41,   42,   43, 44, 45, 46,   47,   48,   49,   50,
        51,   52,   53,   54,   55,   56,   57,   58,   59, 60, 61, 62,   63,   64,   65,   66,
        0x00, 0x00, 0xff, 0xff, 0x00, 0x00, 0x02, 0x00, 0,  0,  0,  0,    0,    0,    0x10, 0,
    };
    const struct weir_mlx5_data data = {.len = 0xffff, .lkey = 0x200, .address = 0x1000};
    uint8_t headers[66];
    const struct weir_mlx5_packet packet = {.tisn = 0xffffff,
                                            .headers = headers,
                                            .headers_len = 66,
                                            .mss = 1448,
                                            .sums = WEIR_MLX5_SUM_TCP,
                                            .data = &data,
                                            .pieces = 1};
    struct output out;
    uint32_t blocks = 0;

    number_headers(headers, sizeof headers);
    CHECK_STATUS(t, weir_mlx5_send(fresh(&out), ROOM, &here, &packet, &blocks), WEIR_OK);
    CHECK_EQ(t, blocks, 2);
    CHECK_BYTES(t, &out, wanted);
}

/* An acknowledgement alone: no payload, no context. */
static void send_without_payload(struct test *t)
{
    uint8_t headers[54] = {0};
    struct weir_mlx5_packet packet = {.headers = headers, .headers_len = 54};
    struct output out;
    uint32_t blocks = 0;

    CHECK_STATUS(t, weir_mlx5_send(fresh(&out), ROOM, &here, &packet, &blocks), WEIR_OK);
    CHECK_EQ(t, blocks, 2);
    CHECK_EQ(t, out.bytes[7], 6);
    CHECK_ZERO(t, out.bytes + 12, 4);
    CHECK(t, untouched(&out, 128));
    fresh(&out);
    packet.tisn = 1;
    CHECK_REFUSED(t, &out, weir_mlx5_send(out.bytes, ROOM, &here, &packet, &blocks));
    packet.tisn = 0;
    packet.mss = 1448;
    CHECK_REFUSED(t, &out, weir_mlx5_send(out.bytes, ROOM, &here, &packet, &blocks));
}

static void send_refused(struct test *t)
{
    const struct weir_mlx5_at no_queue = {.sqn = 0x1000000}, no_flag = at(0, 0x02);
    struct weir_mlx5_data data[64], bad_data[2];
    uint8_t headers[54] = {0};
    const struct weir_mlx5_packet right = {
        .tisn = 1, .headers = headers, .headers_len = 54, .data = data, .pieces = 57};
    struct weir_mlx5_packet bad = right;
    struct output out;
    uint32_t blocks = 0;

    for (size_t i = 0; i < 64; i++)
        data[i] = (struct weir_mlx5_data){.len = 1, .lkey = 1};
    CHECK_STATUS(t, weir_mlx5_send(fresh(&out), ROOM, &here, &right, &blocks), WEIR_OK);
    CHECK_EQ(t, blocks, 16);
    CHECK_EQ(t, out.bytes[7], 63);
    CHECK(t, untouched(&out, 1024));

    fresh(&out);
    CHECK_REFUSED(t, &out, weir_mlx5_send(out.bytes, ROOM, &no_queue, &right, &blocks));
    CHECK_REFUSED(t, &out, weir_mlx5_send(out.bytes, ROOM, &no_flag, &right, &blocks));
    bad.pieces = 58;
    CHECK_REFUSED(t, &out, weir_mlx5_send(out.bytes, ROOM, &here, &bad, &blocks));
    bad.pieces = UINT32_MAX;
    CHECK_REFUSED(t, &out, weir_mlx5_send(out.bytes, ROOM, &here, &bad, &blocks));
    bad = right;
    bad.headers_len = 53;
    CHECK_REFUSED(t, &out, weir_mlx5_send(out.bytes, ROOM, &here, &bad, &blocks));
    bad.headers_len = UINT16_MAX;
    CHECK_REFUSED(t, &out, weir_mlx5_send(out.bytes, ROOM, &here, &bad, &blocks));
    bad = right;
    bad.tisn = 0x1000000;
    CHECK_REFUSED(t, &out, weir_mlx5_send(out.bytes, ROOM, &here, &bad, &blocks));
    bad = right;
    bad.sums = 0x20;
    CHECK_REFUSED(t, &out, weir_mlx5_send(out.bytes, ROOM, &here, &bad, &blocks));
    bad = right;
    bad.data = bad_data;
    bad.pieces = 2;
    for (size_t i = 0; i < 3; i++) {
        static const struct weir_mlx5_data wrong[] = {
            {.len = 0, .lkey = 1}, {.len = 0x80000000u, .lkey = 1}, {.len = 1, .lkey = 0x100}};

        t->at = i;
        bad_data[0] = data[0];
        bad_data[1] = wrong[i];
        CHECK_REFUSED(t, &out, weir_mlx5_send(out.bytes, ROOM, &here, &bad, &blocks));
    }
}

static void dek(struct test *t)
{
    static const uint8_t of_128[272] = {
        0x0a,
        0x00,
        0,
        0,
        0,
        0,
        0x00,
        0x0c,
        [16 + 11] = 0x01,
        0x00,
        0x11,
        0x22,
        0x33,
        [16 + 80] = 1,
        2,
        3,
        4,
        5,
        6,
        7,
        8,
        9,
        10,
        11,
        12,
        13,
        14,
        15,
        16,
    };
    static const uint8_t of_256[272] = {
        0x0a, 0x00, 0,
        0,    0,    0,
        0x00, 0x0c, [16 + 10] = 0x01,
        0x01, 0x00, 0xff,
        0xff, 0xff, [16 + 64] = 1,
        2,    3,    4,
        5,    6,    7,
        8,    9,    10,
        11,   12,   13,
        14,   15,   16,
        17,   18,   19,
        20,   21,   22,
        23,   24,   25,
        26,   27,   28,
        29,   30,   31,
        32,
    };
    uint8_t key[33];
    struct output out;

    number_headers(key, sizeof key);
    CHECK_STATUS(t, weir_mlx5_dek_create(fresh(&out), 0x112233, key, 16), WEIR_OK);
    CHECK_BYTES(t, &out, of_128);
    CHECK_STATUS(t, weir_mlx5_dek_create(fresh(&out), 0xffffff, key, 32), WEIR_OK);
    CHECK_BYTES(t, &out, of_256);
    fresh(&out);
    CHECK_REFUSED(t, &out, weir_mlx5_dek_create(out.bytes, 0x1000000, key, 16));
    for (size_t len = 0; len <= 33; len++) {
        t->at = len;
        if (len != 16 && len != 32)
            CHECK_REFUSED(t, &out, weir_mlx5_dek_create(out.bytes, 1, key, len));
    }
}

static void tis(struct test *t)
{
    static const uint8_t wanted[192] = {
        0x09,
        0x12, /* CREATE_TIS */
        [32] = 0x40,
        0x0f, /* tls_en, prio */
        [32 + 37] = 0x11,
        0x22,
        0x33, /* transport_domain */
        [32 + 45] = 0xfe,
        0xdc,
        0xba, /* pd */
    };
    struct output out;

    CHECK_STATUS(t, weir_mlx5_tis_create(fresh(&out), 15, 0x112233, 0xfedcba), WEIR_OK);
    CHECK_BYTES(t, &out, wanted);
    fresh(&out);
    CHECK_REFUSED(t, &out, weir_mlx5_tis_create(out.bytes, 16, 1, 1));
    CHECK_REFUSED(t, &out, weir_mlx5_tis_create(out.bytes, 0, 0x1000000, 1));
    CHECK_REFUSED(t, &out, weir_mlx5_tis_create(out.bytes, 0, 1, 0x1000000));
}

static void tir(struct test *t)
{
    static const uint8_t wanted[272] = {
        0x09,
        0x00,            /* CREATE_TIR */
        [32 + 4] = 0x18, /* disp_type, tls_en */
        [32 + 33] = 0xfe,
        0xdc,
        0xba, /* indirect_table */
        0x13, /* rx_hash_fn, self loop-back */
        0x11,
        0x22,
        0x33, /* transport_domain */
    };
    struct output out;

    CHECK_STATUS(t, weir_mlx5_tir_create(fresh(&out), 0x112233, 0xfedcba), WEIR_OK);
    CHECK_BYTES(t, &out, wanted);
    fresh(&out);
    CHECK_REFUSED(t, &out, weir_mlx5_tir_create(out.bytes, 0x1000000, 1));
    CHECK_REFUSED(t, &out, weir_mlx5_tir_create(out.bytes, 1, 0x1000000));
}

static void destroyed(struct test *t)
{
    static const uint8_t wanted[3][16] = {
        {0x0a, 0x03, 0, 0, 0, 0, 0x00, 0x0c, 0x00, 0xab, 0xcd, 0xef},
        {0x09, 0x14, 0, 0, 0, 0, 0x00, 0x00, 0x00, 0xab, 0xcd, 0xef},
        {0x09, 0x02, 0, 0, 0, 0, 0x00, 0x00, 0x00, 0xab, 0xcd, 0xef},
    };
    struct output out;

    for (size_t i = 0; i < 3; i++) {
        enum weir_mlx5_object object = (enum weir_mlx5_object)i;

        t->at = i;
        CHECK_STATUS(t, weir_mlx5_destroy(fresh(&out), object, 0xabcdef), WEIR_OK);
        CHECK_BYTES(t, &out, wanted[i]);
        fresh(&out);
        CHECK_REFUSED(t, &out, weir_mlx5_destroy(out.bytes, object, 0x1000000));
        if (object != WEIR_MLX5_DEK)
            CHECK_REFUSED(t, &out, weir_mlx5_destroy(out.bytes, object, 0));
    }
    CHECK_REFUSED(t, &out, weir_mlx5_destroy(out.bytes, (enum weir_mlx5_object)3, 1));
    CHECK_STATUS(t, weir_mlx5_destroy(out.bytes, WEIR_MLX5_DEK, 0), WEIR_OK);
}

static const struct test_case table[] = {
    CASE(worked_bytes),
    CASE(umr_of_a_receiver),
    CASE(umr_takes_the_salt_only),
    CASE(umr_refused),
    CASE(set_psv_of_a_receiver),
    CASE(get_psv),
    CASE(dump_lengths),
    CASE(dump_cut),
    CASE(nops),
    CASE(edges),
    CASE(send),
    CASE(lso),
    CASE(send_without_payload),
    CASE(send_refused),
    CASE(dek),
    CASE(tis),
    CASE(tir),
    CASE(destroyed),
};
CASE_GROUP(mlx5_wqe, table, TEST_ONCE);
