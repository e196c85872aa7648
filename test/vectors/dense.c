/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GHASH where multiplication by integers carries most: the hash subkeys of these keys, divided by
 * x, have a word with all bits of two of the four residues of bit numbers modulo 4, and the first
 * block is all ones. Additional data only, so that the tag is all there is. Keys were searched for;
 * the tags are OpenSSL's.
 */
#include "cases.h"

static const struct {
    uint8_t key[3]; /* the rest is 0 */
    uint8_t tag[WEIR_TAG_LEN];
} dense[] = {
    /* bits 0 and 3 */
    {{0x03, 0x0d, 0x00},
     {0x52, 0xc8, 0x6e, 0xa5, 0x18, 0xdc, 0x3b, 0xbf, 0x23, 0xa5, 0x3a, 0x3e, 0xf9, 0x62, 0xb4,
      0x3a}},
    /* bits 2 and 3 */
    {{0x27, 0x23, 0x00},
     {0xfc, 0x66, 0x20, 0x75, 0xf6, 0x3b, 0xc1, 0x3b, 0x88, 0xa1, 0x8e, 0x6d, 0xaf, 0x7c, 0xd1,
      0x8a}},
    /* bits 1 and 3 */
    {{0x05, 0x3b, 0x00},
     {0x67, 0x7e, 0xcb, 0xff, 0xdf, 0x35, 0x15, 0x12, 0x17, 0x7f, 0x88, 0x46, 0x8c, 0x55, 0xc4,
      0x79}},
    /* bits 0 and 1 */
    {{0x4e, 0x0e, 0x00},
     {0x35, 0x84, 0x08, 0xed, 0x6b, 0xbc, 0x76, 0x50, 0xe7, 0x5f, 0xd4, 0x9d, 0x62, 0x60, 0x97,
      0x03}},
    /* bits 1 and 2 */
    {{0xc3, 0x58, 0x00},
     {0xf4, 0x05, 0x85, 0x79, 0xb0, 0xd6, 0x26, 0x87, 0xf7, 0x88, 0xc9, 0x1e, 0xcb, 0x7e, 0x29,
      0xa4}},
    /* bits 0 and 2 */
    {{0xb5, 0x0f, 0x02},
     {0xb7, 0x91, 0xb8, 0xd5, 0xd6, 0x11, 0xdd, 0xdc, 0x19, 0x24, 0xdb, 0x8c, 0x7d, 0xcd, 0xec,
      0x06}},
};

static void all_ones(struct test *t)
{
    static union {
        uint64_t align;
        long double align_wide;
        uint8_t bytes[4096];
    } ctx;

    REQUIRE(t, t->aead->ctx_size <= sizeof ctx);
    for (size_t i = 0; i < sizeof dense / sizeof *dense; i++) {
        uint8_t key[16] = {0}, ones[16], tag[WEIR_TAG_LEN], none[1] = {0};
        const struct weir_iov in = {none, 0};
        const struct weir_aead_op op = {
            .aad = {ones, sizeof ones}, .in = &in, .in_count = 1, .out = none, .tag = tag};

        t->at = i;
        memcpy(key, dense[i].key, sizeof dense[i].key);
        memset(ones, 0xff, sizeof ones);
        REQUIRE_STATUS(t, t->aead->init(&ctx, WEIR_AES_128_GCM, key), WEIR_OK);
        CHECK_STATUS(t, t->aead->seal(&ctx, &op), WEIR_OK);
        CHECK_MEM(t, tag, dense[i].tag, sizeof tag);
        CHECK_STATUS(t, t->aead->open(&ctx, &op), WEIR_OK);
        t->aead->wipe(&ctx);
    }
}

static const struct test_case table[] = {
    CASE(all_ones),
};
CASE_GROUP(dense, table, TEST_EACH_AEAD);
