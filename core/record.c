/* SPDX-License-Identifier: BSD-2-Clause */
#include "mem.h"
#include <weir/record.h>

static bool type_allowed(uint8_t type, uint16_t version)
{
    /* RFC 8446 section 5.2: "The outer opaque_type field of a TLSCiphertext record is always set to
     * the value 23 (application_data)". */
    if (version == WEIR_TLS13)
        return type == WEIR_TYPE_DATA;
    return type == WEIR_TYPE_ALERT || type == WEIR_TYPE_HANDSHAKE || type == WEIR_TYPE_DATA;
}

weir_status weir_record_parse(const uint8_t *buf, size_t len, const struct weir_record_rules *rules,
                              struct weir_record_header *header)
{
    if (len > 0 && !type_allowed(buf[0], rules->version))
        return WEIR_E_TYPE;
    /* TLS 1.3 keeps 0x0303 here, too: legacy_record_version (RFC 8446 section 5.2). */
    if ((len > 1 && buf[1] != 3) || (len > 2 && buf[2] != 3))
        return WEIR_E_VERSION;
    if (len < WEIR_HEADER_LEN)
        return WEIR_NEED_INPUT;

    uint16_t body = get_be16(buf + 3);
    if (body > rules->max_len)
        return WEIR_E_OVERFLOW;
    if (body < rules->min_len)
        return WEIR_E_AUTH;
    header->type = buf[0];
    header->len = body;
    return WEIR_OK;
}
