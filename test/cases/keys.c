/* SPDX-License-Identifier: BSD-2-Clause */
/* weir_expand_label, weir_keys_from_secret and weir_keys_update through a real HMAC. */
#include "../vectors/rfc8448.h"
#include "cases.h"

/* RFC 8448 section 3: the resumption master secret, and the PSK of the ticket with nonce 00 00. */
static const uint8_t resumption_master[] = {
    0x7d, 0xf2, 0x35, 0xf2, 0x03, 0x1d, 0x2a, 0x05, 0x12, 0x87, 0xd0, 0x2b, 0x02, 0x41, 0xb0, 0xbf,
    0xda, 0xf8, 0x6c, 0xc8, 0x56, 0x23, 0x1f, 0x2d, 0x5a, 0xba, 0x46, 0xc4, 0x34, 0xec, 0x19, 0x6c,
};
static const uint8_t resumption_psk[] = {
    0x4e, 0xcd, 0x0e, 0xb6, 0xec, 0x3b, 0x4d, 0x87, 0xf5, 0xd6, 0x02, 0x8f, 0x92, 0x2c, 0xa4, 0xc5,
    0x85, 0x1a, 0x27, 0x7f, 0xd4, 0x13, 0x11, 0xc9, 0xe6, 0x2d, 0x2c, 0x94, 0x92, 0xe1, 0xc4, 0xf3,
};

/* Epochs 1 and 2 after the server's secret of RFC 8448 section 3; made with Python's hmac. */
static const struct {
    uint8_t secret[32], key[16], iv[12];
} sha256_epochs[] = {
    {
        {0x51, 0x92, 0x1b, 0x8a, 0xa3, 0x00, 0x19, 0x76, 0xeb, 0x40, 0x1d,
         0x0a, 0x43, 0x19, 0xa8, 0x51, 0x64, 0x16, 0xa6, 0xc5, 0x60, 0x01,
         0xa3, 0x57, 0xe5, 0xd1, 0x62, 0x03, 0x1e, 0x84, 0xf9, 0x16},
        {0x2e, 0x63, 0xbe, 0x99, 0xd6, 0x7b, 0x39, 0x09, 0x7f, 0xeb, 0x97, 0x86, 0xcf, 0x7a, 0x15,
         0xa0},
        {0x62, 0x8a, 0x0a, 0x82, 0x98, 0xac, 0x95, 0x3b, 0xae, 0xf4, 0x25, 0x5a},
    },
    {
        {0x64, 0x18, 0xdd, 0xd5, 0xd2, 0x77, 0xcd, 0xe3, 0x7b, 0xfa, 0xae,
         0x96, 0x36, 0x3a, 0x80, 0x5a, 0x95, 0xab, 0xfa, 0xa5, 0x5c, 0xcd,
         0x80, 0x71, 0x38, 0x48, 0xde, 0x18, 0x7f, 0xb0, 0x82, 0xf6},
        {0x65, 0xb9, 0xc2, 0xb0, 0xf1, 0xa8, 0x57, 0xbc, 0x47, 0xaa, 0xc3, 0x5f, 0x79, 0xd0, 0x07,
         0xc8},
        {0x39, 0x45, 0x07, 0x3c, 0x17, 0x67, 0x91, 0x28, 0x8c, 0x5d, 0x8c, 0xe5},
    },
};

/* Key and IV of the secret 00 01 … 2f and of the epoch after it; made with Python's hmac. */
static const struct {
    uint8_t key[32], iv[12];
} sha384_epochs[] = {
    {
        {0x68, 0x77, 0xd0, 0x22, 0xf1, 0xc6, 0x1d, 0x24, 0xeb, 0xb7, 0x48,
         0x7c, 0x16, 0x75, 0x2d, 0x9a, 0x47, 0x98, 0xe4, 0x04, 0x31, 0xc7,
         0x5b, 0x39, 0x32, 0x0e, 0x53, 0x7c, 0x90, 0xe2, 0x32, 0x25},
        {0x42, 0x82, 0x25, 0x31, 0xa0, 0xfe, 0x88, 0x64, 0x8f, 0xc0, 0x9e, 0x9f},
    },
    {
        {0xeb, 0x35, 0x4f, 0x3b, 0x48, 0x92, 0x4e, 0xd7, 0x8d, 0xe3, 0x4d,
         0xd8, 0xaa, 0x6a, 0x6a, 0x0a, 0x51, 0xd8, 0x57, 0xdd, 0xad, 0x14,
         0x54, 0xd5, 0xcf, 0xa7, 0xb6, 0x9f, 0x60, 0x71, 0x29, 0x11},
        {0x84, 0x78, 0xff, 0xbe, 0x4f, 0x2e, 0x54, 0x50, 0x78, 0x97, 0x75, 0xb3},
    },
};

static void expand_label_takes_a_context(struct test *t)
{
    static const uint8_t nonce[] = {0, 0};
    uint8_t out[32];

    REQUIRE_STATUS(t,
                   weir_expand_label(t->kdf, WEIR_SHA256, resumption_master, "resumption", nonce,
                                     sizeof nonce, out, sizeof out),
                   WEIR_OK);
    CHECK_MEM(t, out, resumption_psk, sizeof out);
}

static void from_secret_gives_the_keys_of_rfc8448(struct test *t)
{
    struct weir_keys keys;

    memset(&keys, 0xa5, sizeof keys);
    REQUIRE_STATUS(t,
                   weir_keys_from_secret(&keys, t->kdf, WEIR_TLS_AES_128_GCM_SHA256,
                                         rfc8448_s3_server_secret, 32),
                   WEIR_OK);
    CHECK_EQ(t, keys.version, WEIR_TLS13);
    CHECK_EQ(t, keys.suite, WEIR_TLS_AES_128_GCM_SHA256);
    CHECK_EQ(t, keys.secret_len, 32);
    CHECK_MEM(t, keys.secret, rfc8448_s3_server_secret, 32);
    CHECK_MEM(t, keys.key, rfc8448_s3_server_key, 16);
    CHECK_ZERO(t, keys.key + 16, 16);
    CHECK_MEM(t, keys.iv, rfc8448_s3_server_iv, 12);
    CHECK_EQ(t, keys.at.nonce_rule, WEIR_NONCE_IMPLICIT);
    CHECK_EQ(
        t, keys.at.seq | keys.at.explicit_nonce | keys.at.blocks | keys.at.epoch | keys.at.tcp_seq,
        0);
}

static void updates_follow_one_another(struct test *t)
{
    struct weir_keys keys;

    REQUIRE_STATUS(t,
                   weir_keys_from_secret(&keys, t->kdf, WEIR_TLS_AES_128_GCM_SHA256,
                                         rfc8448_s3_server_secret, 32),
                   WEIR_OK);
    for (size_t i = 0; i < sizeof sha256_epochs / sizeof *sha256_epochs; i++) {
        t->at = i;
        keys.at.seq = 1000;
        keys.at.blocks = 5000;
        keys.at.unsure = 900;
        REQUIRE_STATUS(t, weir_keys_update(&keys, t->kdf), WEIR_OK);
        CHECK_MEM(t, keys.secret, sha256_epochs[i].secret, 32);
        CHECK_MEM(t, keys.key, sha256_epochs[i].key, 16);
        CHECK_MEM(t, keys.iv, sha256_epochs[i].iv, 12);
        CHECK_EQ(t, keys.secret_len, 32);
        CHECK_EQ(t, keys.at.seq, 0);
        CHECK_EQ(t, keys.at.blocks, 0);
        CHECK_EQ(t, keys.at.unsure, 0);
        CHECK_EQ(t, keys.at.epoch, i + 1);
    }
}

static void sha384_derives_its_own(struct test *t)
{
    struct weir_keys keys;
    uint8_t secret[48];

    for (size_t i = 0; i < sizeof secret; i++)
        secret[i] = (uint8_t)i;
    REQUIRE_STATUS(t, weir_keys_from_secret(&keys, t->kdf, WEIR_TLS_AES_256_GCM_SHA384, secret, 48),
                   WEIR_OK);
    CHECK_EQ(t, keys.secret_len, 48);
    CHECK_MEM(t, keys.key, sha384_epochs[0].key, 32);
    CHECK_MEM(t, keys.iv, sha384_epochs[0].iv, 12);
    REQUIRE_STATUS(t, weir_keys_update(&keys, t->kdf), WEIR_OK);
    CHECK_EQ(t, keys.secret_len, 48);
    CHECK_MEM(t, keys.key, sha384_epochs[1].key, 32);
    CHECK_MEM(t, keys.iv, sha384_epochs[1].iv, 12);
}

static const struct test_case table[] = {
    CASE(expand_label_takes_a_context),
    CASE(from_secret_gives_the_keys_of_rfc8448),
    CASE(updates_follow_one_another),
    CASE(sha384_derives_its_own),
};
CASE_GROUP(keys, table, TEST_EACH_KDF);
