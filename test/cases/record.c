/* SPDX-License-Identifier: BSD-2-Clause */
/* The header parser on its own. */
#include "cases.h"

static const struct weir_record_rules tls13 = {
    .version = WEIR_TLS13, .min_len = 16, .max_len = WEIR_MAX_CIPHERTEXT_TLS13};
static const struct weir_record_rules tls12 = {
    .version = WEIR_TLS12, .min_len = 24, .max_len = WEIR_MAX_CIPHERTEXT_TLS12};

/* The header at the very end of an array, so that a sanitizer sees a read beyond it. */
static weir_status parse(uint32_t type, uint32_t version, uint32_t len, size_t got,
                         const struct weir_record_rules *rules, struct weir_record_header *header)
{
    static uint8_t bytes[WEIR_HEADER_LEN];
    const uint8_t whole[] = {(uint8_t)type, (uint8_t)(version >> 8), (uint8_t)version,
                             (uint8_t)(len >> 8), (uint8_t)len};

    memcpy(bytes + sizeof bytes - got, whole, got);
    return weir_record_parse(bytes + sizeof bytes - got, got, rules, header);
}

static void every_type(struct test *t)
{
    struct weir_record_header header;

    for (uint32_t type = 0; type < 256; type++) {
        bool in13 = type == 23, in12 = type >= 21 && type <= 23;

        t->at = type;
        CHECK_STATUS(t, parse(type, 0x0303, 100, 5, &tls13, &header), in13 ? WEIR_OK : WEIR_E_TYPE);
        CHECK_STATUS(t, parse(type, 0x0303, 100, 5, &tls12, &header), in12 ? WEIR_OK : WEIR_E_TYPE);
        CHECK_STATUS(t, parse(type, 0, 0, 1, &tls13, &header),
                     in13 ? WEIR_NEED_INPUT : WEIR_E_TYPE);
        CHECK_STATUS(t, parse(type, 0, 0, 1, &tls12, &header),
                     in12 ? WEIR_NEED_INPUT : WEIR_E_TYPE);
    }
}

static void every_version(struct test *t)
{
    struct weir_record_header header;
    uint32_t right = 0;

    for (uint32_t version = 0; version < 65536; version++) {
        weir_status want = version == 0x0303 ? WEIR_OK : WEIR_E_VERSION;
        bool good = parse(23, version, 100, 5, &tls13, &header) == want &&
                    parse(22, version, 100, 5, &tls12, &header) == want;

        if (!good)
            t->at = version;
        right += good;
    }
    CHECK_EQ(t, right, 65536);
    CHECK_STATUS(t, parse(23, 0x0203, 0, 2, &tls13, &header), WEIR_E_VERSION);
    CHECK_STATUS(t, parse(23, 0x0304, 0, 2, &tls13, &header), WEIR_NEED_INPUT);
    CHECK_STATUS(t, parse(23, 0x0304, 0, 3, &tls13, &header), WEIR_E_VERSION);
}

static void every_length(struct test *t)
{
    struct weir_record_header header = {0};
    uint32_t right = 0;

    for (uint32_t len = 0; len < 65536; len++) {
        weir_status want13 = len > 16640 ? WEIR_E_OVERFLOW : len < 16 ? WEIR_E_AUTH : WEIR_OK;
        weir_status want12 = len > 18432 ? WEIR_E_OVERFLOW : len < 24 ? WEIR_E_AUTH : WEIR_OK;

        bool good = parse(23, 0x0303, len, 5, &tls13, &header) == want13;
        good = good && (want13 != WEIR_OK || (header.len == len && header.type == 23));
        good = good && parse(21, 0x0303, len, 5, &tls12, &header) == want12;
        good = good && (want12 != WEIR_OK || (header.len == len && header.type == 21));
        if (!good)
            t->at = len;
        right += good;
    }
    CHECK_EQ(t, right, 65536);
}

/* Each byte is judged as soon as it is there, the earlier one first. */
static void judged_in_order(struct test *t)
{
    struct weir_record_header header;

    CHECK_STATUS(t, parse(20, 0x0404, 65535, 5, &tls12, &header), WEIR_E_TYPE);
    CHECK_STATUS(t, parse(23, 0x0404, 65535, 5, &tls12, &header), WEIR_E_VERSION);
    CHECK_STATUS(t, parse(23, 0x0303, 65535, 5, &tls12, &header), WEIR_E_OVERFLOW);
    for (size_t got = 0; got < 5; got++) {
        t->at = got;
        CHECK_STATUS(t, parse(23, 0x0303, 65535, got, &tls13, &header), WEIR_NEED_INPUT);
        CHECK_STATUS(t, parse(23, 0x0303, 0, got, &tls12, &header), WEIR_NEED_INPUT);
    }
    CHECK_STATUS(t, weir_record_parse(NULL, 0, &tls13, &header), WEIR_NEED_INPUT);
}

static const struct test_case table[] = {
    CASE(every_type),
    CASE(every_version),
    CASE(every_length),
    CASE(judged_in_order),
};
CASE_GROUP(record, table, TEST_ONCE);
