/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * weir_record_parse alone. Input: one byte whose lowest bit chooses the version, two bytes least
 * and two bytes most length, then what is to be parsed.
 *
 * The answer is held against a second reading of the contract, and every prefix against the whole:
 * an answer other than WEIR_NEED_INPUT never changes when more bytes come.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <weir/record.h>

/* Every prefix up to here is tried; the parser has no business with anything beyond 5 bytes. */
#define PREFIXES 9u

static bool type_fits(uint16_t version, uint8_t type)
{
    return type == 23 || (version == WEIR_TLS12 && (type == 21 || type == 22));
}

/* What the contract in record.h says about these bytes. */
static weir_status expected(const struct weir_record_rules *rules, const uint8_t *buf, size_t len)
{
    unsigned body;

    if (len >= 1 && !type_fits(rules->version, buf[0]))
        return WEIR_E_TYPE;
    if (len >= 2 && buf[1] != 0x03)
        return WEIR_E_VERSION;
    if (len >= 3 && buf[2] != 0x03)
        return WEIR_E_VERSION;
    if (len < 5)
        return WEIR_NEED_INPUT;
    body = buf[3] * 256u + buf[4];
    if (body > rules->max_len)
        return WEIR_E_OVERFLOW;
    return body < rules->min_len ? WEIR_E_AUTH : WEIR_OK;
}

static weir_status parse(const struct weir_record_rules *rules, const uint8_t *data, size_t len,
                         struct weir_record_header *header)
{
    uint8_t *buf = fuzz_exact_copy(data, len);
    weir_status status = weir_record_parse(buf, len, rules, header);

    free(buf);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_bytes bytes = {data, size};
    struct weir_record_rules rules;
    struct weir_record_header header = {0xa5, 0xa5a5}, part;
    weir_status whole, status;

    rules.version = fuzz_take8(&bytes) & 1 ? WEIR_TLS13 : WEIR_TLS12;
    rules.min_len = fuzz_take16(&bytes);
    rules.max_len = fuzz_take16(&bytes);

    whole = parse(&rules, bytes.data, bytes.left, &header);
    PROMISE(whole == expected(&rules, bytes.data, bytes.left));
    if (whole == WEIR_OK) {
        PROMISE(header.type == bytes.data[0]);
        PROMISE(header.len == bytes.data[3] * 256u + bytes.data[4]);
        PROMISE(header.len >= rules.min_len && header.len <= rules.max_len);
    } else {
        PROMISE(header.type == 0xa5 && header.len == 0xa5a5);
    }

    for (size_t len = 0; len <= bytes.left && len < PREFIXES; len++) {
        status = parse(&rules, bytes.data, len, &part);
        PROMISE(status == WEIR_NEED_INPUT || status == whole);
        PROMISE(status != WEIR_NEED_INPUT || len < WEIR_HEADER_LEN);
    }
    return 0;
}
