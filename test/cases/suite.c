/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of suites, and the usage limits behind them. */
#include "cases.h"

static const struct {
    uint16_t id, version;
    uint8_t alg, hash;
    const char *name;
} rows[] = {
#define WEIR_X(number, name, alg, hash, version)                                                   \
    {number, WEIR_##version, WEIR_##alg, WEIR_##hash, #name},
#if WEIR_HAS_TLS13
    WEIR_SUITE_LIST_TLS13(WEIR_X)
#endif
#if WEIR_HAS_TLS12
        WEIR_SUITE_LIST_TLS12(WEIR_X)
#endif
#undef WEIR_X
};
#define ROWS (sizeof rows / sizeof *rows)

/* In a build without texts each of them is "?", and no suite is found by its name. */
static const char *as_built(const char *text)
{
    return WEIR_HAS_TEXTS ? text : "?";
}

static void found_by_number_and_by_name(struct test *t)
{
    for (size_t i = 0; i < ROWS; i++) {
        const struct weir_suite *suite = weir_suite_find(rows[i].id);

        t->at = rows[i].id;
        REQUIRE(t, suite != NULL);
        CHECK_EQ(t, suite->id, rows[i].id);
        CHECK_EQ(t, suite->version, rows[i].version);
        CHECK_EQ(t, suite->alg, rows[i].alg);
        CHECK_EQ(t, suite->hash, rows[i].hash);
        CHECK(t, weir_suite_named(rows[i].name) == (WEIR_HAS_TEXTS ? suite : NULL));
        CHECK_STR(t, weir_suite_name(rows[i].id), as_built(rows[i].name));
    }
}

static bool listed(uint32_t id)
{
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].id == id)
            return true;
    return false;
}

static void nothing_else_is_found(struct test *t)
{
    uint32_t found = 0;

    for (uint32_t id = 0; id < 65536; id++) {
        if (listed(id))
            continue;
        t->at = id;
        if (weir_suite_find((uint16_t)id) != NULL)
            found++;
    }
    CHECK_EQ(t, found, 0);
    CHECK_STR(t, weir_suite_name(0x1304), "?"); /* TLS_AES_128_CCM_SHA256 */
    CHECK_STR(t, weir_suite_name(0x002f), "?"); /* TLS_RSA_WITH_AES_128_CBC_SHA */
    CHECK(t, weir_suite_named("") == NULL);
    CHECK(t, weir_suite_named("TLS_AES_128_GCM_SHA25") == NULL);
    CHECK(t, weir_suite_named("TLS_AES_128_GCM_SHA2566") == NULL);
    CHECK(t, weir_suite_named("TLS_AES_128_CCM_SHA256") == NULL);
}

/* What the name of a suite says is what its row says. */
static bool has(const char *name, const char *part)
{
    for (; *name != '\0'; name++) {
        size_t n = 0;
        while (part[n] != '\0' && name[n] == part[n])
            n++;
        if (part[n] == '\0')
            return true;
    }
    return false;
}

static void rows_are_what_their_names_say(struct test *t)
{
    for (size_t i = 0; i < ROWS; i++) {
        t->at = rows[i].id;
        CHECK_EQ(t, rows[i].alg == WEIR_AES_128_GCM, has(rows[i].name, "_AES_128_GCM_"));
        CHECK_EQ(t, rows[i].alg == WEIR_AES_256_GCM, has(rows[i].name, "_AES_256_GCM_"));
        CHECK_EQ(t, rows[i].alg == WEIR_CHACHA20_POLY1305,
                 has(rows[i].name, "_CHACHA20_POLY1305_"));
        CHECK_EQ(t, rows[i].hash == WEIR_SHA384, has(rows[i].name, "_SHA384"));
        CHECK_EQ(t, rows[i].version == WEIR_TLS12, has(rows[i].name, "_WITH_"));
    }
}

static void algorithms(struct test *t)
{
    CHECK_EQ(t, weir_alg_key_len(WEIR_AES_128_GCM), 16);
    CHECK_EQ(t, weir_alg_key_len(WEIR_AES_256_GCM), 32);
    CHECK_EQ(t, weir_alg_key_len(WEIR_CHACHA20_POLY1305), 32);
    CHECK_STR(t, weir_alg_name(WEIR_AES_128_GCM), as_built("AES-128-GCM"));
    CHECK_STR(t, weir_alg_name(WEIR_AES_256_GCM), as_built("AES-256-GCM"));
    CHECK_STR(t, weir_alg_name(WEIR_CHACHA20_POLY1305), as_built("ChaCha20-Poly1305"));
    CHECK_STR(t, weir_alg_name(WEIR_ALG_COUNT), "?");
    CHECK_STR(t, weir_alg_name((weir_alg)77), "?");
}

/* RFC 8446 section 5.5: 2^24.5 full records of 2^10 blocks for AES-GCM, none for ChaCha20. */
static void limits_are_those_of_rfc8446(struct test *t)
{
    for (int alg = WEIR_AES_128_GCM; alg <= WEIR_AES_256_GCM; alg++) {
        struct weir_limit limit = weir_alg_limit((weir_alg)alg);

        t->at = (uint64_t)alg;
        CHECK_EQ(t, limit.hard >> 10, 23726566); /* 2^24.5, rounded down */
        CHECK(t, limit.soft < limit.hard);
        CHECK(t, limit.soft >= limit.hard / 2);
    }
    CHECK_EQ(t, weir_alg_limit(WEIR_CHACHA20_POLY1305).soft, 0);
    CHECK_EQ(t, weir_alg_limit(WEIR_CHACHA20_POLY1305).hard, 0);
}

static const struct test_case table[] = {
    CASE(found_by_number_and_by_name),   CASE(nothing_else_is_found),
    CASE(rows_are_what_their_names_say), CASE(algorithms),
    CASE(limits_are_those_of_rfc8446),
};
CASE_GROUP(suite, table, TEST_ONCE);
