/* SPDX-License-Identifier: BSD-2-Clause */
/* What the key derivation refuses, and what it leaves behind when it fails. */
#include "cases.h"
#include "watch.h"

static const uint8_t secret[48] = {1, 2, 3};

/* One call on 64 bytes of output, wiped up to `len` unless it is WEIR_OK. */
static void expands(struct test *t, const struct weir_kdf *kdf, weir_hash hash, const char *label,
                    size_t context_len, size_t len, weir_status want)
{
    static const uint8_t context[64];
    uint8_t out[64];

    memset(out, 0xa5, sizeof out);
    CHECK_STATUS(t, weir_expand_label(kdf, hash, secret, label, context, context_len, out, len),
                 want);
    if (want != WEIR_OK)
        CHECK_ZERO(t, out, len);
    for (size_t i = len; i < sizeof out; i++)
        CHECK_EQ(t, out[i], 0xa5);
}

static void lengths_at_their_limits(struct test *t)
{
    memset(&watch_faults, 0, sizeof watch_faults);
    for (int hash = WEIR_SHA256; hash <= WEIR_SHA384; hash++) {
        size_t most = WEIR_HASH_LEN(hash);

        t->at = (uint64_t)hash;
        expands(t, &watch_kdf, (weir_hash)hash, "", 0, 0, WEIR_OK);
        expands(t, &watch_kdf, (weir_hash)hash, "123456789012", 48, most, WEIR_OK);
        expands(t, &watch_kdf, (weir_hash)hash, "1234567890123", 0, most, WEIR_E_MISUSE);
        expands(t, &watch_kdf, (weir_hash)hash, "key", 49, most, WEIR_E_MISUSE);
        expands(t, &watch_kdf, (weir_hash)hash, "key", 0, most + 1, WEIR_E_MISUSE);
        expands(t, NULL, (weir_hash)hash, "key", 0, most, WEIR_E_MISUSE);
    }
}

static void key_derivations_that_cannot(struct test *t)
{
    struct weir_kdf kdf = watch_kdf;

    memset(&watch_faults, 0, sizeof watch_faults);
    kdf.hashes = 1u << WEIR_SHA256;
    expands(t, &kdf, WEIR_SHA256, "key", 0, 32, WEIR_OK);
    expands(t, &kdf, WEIR_SHA384, "key", 0, 48, WEIR_E_MISUSE);
    kdf.hashes = 1u << WEIR_SHA384;
    expands(t, &kdf, WEIR_SHA256, "key", 0, 32, WEIR_E_MISUSE);
    kdf.abi = WEIR_KDF_ABI + 1;
    expands(t, &kdf, WEIR_SHA384, "key", 0, 48, WEIR_E_MISUSE);
    for (int i = 0; i < 3; i++) { /* whatever a broken one answers is a failure of it */
        static const weir_status answers[] = {WEIR_E_PROVIDER, WEIR_E_AUTH, WEIR_NEED_INPUT};

        watch_faults.hmac = 1;
        watch_faults.status = answers[i];
        expands(t, &watch_kdf, WEIR_SHA256, "key", 0, 32, WEIR_E_PROVIDER);
    }
}

static void keys_from(struct test *t, const struct weir_kdf *kdf, uint32_t suite, size_t len,
                      weir_status want)
{
    struct weir_keys keys;

    memset(&keys, 0xa5, sizeof keys);
    CHECK_STATUS(t, weir_keys_from_secret(&keys, kdf, (uint16_t)suite, secret, len), want);
    if (want != WEIR_OK)
        CHECK_ZERO(t, &keys, sizeof keys);
}

static void from_secret(struct test *t)
{
    memset(&watch_faults, 0, sizeof watch_faults);
    for (uint32_t suite = 0; suite < 65536; suite++) {
        const struct weir_suite *s = weir_suite_find((uint16_t)suite);

        if (s == NULL && suite % 251 != 0)
            continue;
        t->at = suite;
        if (s == NULL || s->version != WEIR_TLS13) {
            keys_from(t, &watch_kdf, suite, 32, WEIR_E_MISUSE);
            keys_from(t, &watch_kdf, suite, 48, WEIR_E_MISUSE);
            continue;
        }
        for (size_t len = 0; len <= 48; len++)
            keys_from(t, &watch_kdf, suite, len,
                      len == WEIR_HASH_LEN(s->hash) ? WEIR_OK : WEIR_E_MISUSE);
        keys_from(t, NULL, suite, WEIR_HASH_LEN(s->hash), WEIR_E_MISUSE);
        watch_faults.status = WEIR_E_PROVIDER;
        for (uint32_t n = 1; n <= 3; n++) {
            watch_faults.hmac = n;
            keys_from(t, &watch_kdf, suite, WEIR_HASH_LEN(s->hash),
                      n <= 2 ? WEIR_E_PROVIDER : WEIR_OK);
        }
        watch_faults.hmac = 0;
    }
}

/* Takes keys of an epoch one further; on failure none of them are left. */
static void updates(struct test *t, const struct weir_keys *before, const struct weir_kdf *kdf,
                    weir_status want)
{
    struct weir_keys keys = *before;

    CHECK_STATUS(t, weir_keys_update(&keys, kdf), want);
    if (want != WEIR_OK) {
        CHECK_ZERO(t, &keys, sizeof keys);
        return;
    }
    CHECK_EQ(t, keys.at.epoch, before->at.epoch + 1);
    CHECK(t, memcmp(keys.secret, before->secret, 32) != 0);
    CHECK(t, memcmp(keys.key, before->key, 16) != 0);
    CHECK(t, memcmp(keys.iv, before->iv, 12) != 0);
}

/* The secret may be the one in `keys` itself. */
static void from_its_own_secret(struct test *t)
{
    struct weir_keys apart, keys;

    memset(&watch_faults, 0, sizeof watch_faults);
    REQUIRE_STATUS(
        t, weir_keys_from_secret(&apart, &watch_kdf, WEIR_TLS_AES_256_GCM_SHA384, secret, 48),
        WEIR_OK);
    memset(&keys, 0xa5, sizeof keys);
    memcpy(keys.secret, secret, 48);
    REQUIRE_STATUS(
        t, weir_keys_from_secret(&keys, &watch_kdf, WEIR_TLS_AES_256_GCM_SHA384, keys.secret, 48),
        WEIR_OK);
    CHECK_MEM(t, &keys, &apart, sizeof keys);
}

static void update(struct test *t)
{
    struct weir_keys good, keys;

    memset(&watch_faults, 0, sizeof watch_faults);
    watch_faults.status = WEIR_E_PROVIDER;
    REQUIRE_STATUS(
        t, weir_keys_from_secret(&good, &watch_kdf, WEIR_TLS_AES_128_GCM_SHA256, secret, 32),
        WEIR_OK);
    updates(t, &good, &watch_kdf, WEIR_OK);
    updates(t, &good, NULL, WEIR_E_MISUSE);
    for (uint32_t n = 1; n <= 4; n++) {
        watch_faults.hmac = n;
        updates(t, &good, &watch_kdf, n <= 3 ? WEIR_E_PROVIDER : WEIR_OK);
    }
    watch_faults.hmac = 0;
    for (uint8_t len = 0; len < 49; len++) {
        keys = good;
        keys.secret_len = len;
        updates(t, &keys, &watch_kdf, len == 32 ? WEIR_OK : WEIR_E_MISUSE);
    }
    keys = good;
    keys.version = WEIR_TLS12;
    updates(t, &keys, &watch_kdf, WEIR_E_MISUSE);
    keys = good;
    keys.suite = 0x1304;
    updates(t, &keys, &watch_kdf, WEIR_E_MISUSE);
    keys = good;
    keys.at.epoch = UINT16_MAX - 1;
    updates(t, &keys, &watch_kdf, WEIR_OK);
    keys.at.epoch = UINT16_MAX;
    updates(t, &keys, &watch_kdf, WEIR_E_KEY_LIMIT);
}

static void wipe_leaves_zeros(struct test *t)
{
    struct weir_keys keys;
    uint8_t bytes[100];

    memset(&keys, 0xa5, sizeof keys);
    weir_keys_wipe(&keys);
    CHECK_ZERO(t, &keys, sizeof keys);
    memset(bytes, 0xa5, sizeof bytes);
    weir_wipe(bytes + 1, 98);
    CHECK_ZERO(t, bytes + 1, 98);
    CHECK_EQ(t, bytes[0], 0xa5);
    CHECK_EQ(t, bytes[99], 0xa5);
    weir_wipe(bytes, 0);
    CHECK_EQ(t, bytes[0], 0xa5);
}

static const struct test_case table[] = {
    CASE(lengths_at_their_limits),
    CASE(key_derivations_that_cannot),
    CASE(from_secret),
    CASE(from_its_own_secret),
    CASE(update),
    CASE(wipe_leaves_zeros),
};
CASE_GROUP(derive, table, TEST_ONCE);
