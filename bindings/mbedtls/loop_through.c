/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Control records to and from an mbedTLS context whose keys are weir's.
 */
#include "internal.h"
#include "words.h"

#include <mbedtls/version.h>

/*
 * 3.x notes the alert for a message behind the handshake and never sends it; RFC 8446 section 6.2:
 * "Whenever an implementation encounters a fatal error condition, it SHOULD send an appropriate
 * fatal alert".
 */
static uint8_t alert_of(int error)
{
    switch (error) {
    case MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE:
        return 10;
#if defined(MBEDTLS_ERR_SSL_ILLEGAL_PARAMETER)
    case MBEDTLS_ERR_SSL_ILLEGAL_PARAMETER:
        return 47;
    case MBEDTLS_ERR_SSL_DECODE_ERROR:
        return 50;
    case MBEDTLS_ERR_SSL_UNSUPPORTED_EXTENSION:
        return 110;
#endif
    default:
        return 80;
    }
}

/* Lets the library read one record, and all messages in it. */
static weir_status let_read(struct mbedtls_binding *b, const uint8_t *record, size_t len)
{
    int result = 0;

    weir_mbedtls_feed(b, record, len);
    for (unsigned pauses = 0; !b->starved && pauses < 2;) {
        uint8_t byte;

        result = mbedtls_ssl_read(b->ssl, &byte, sizeof byte);
        if (result == MBEDTLS_ERR_SSL_WANT_READ) {
            pauses++; /* 3.x says so between two messages of one record, too */
            continue;
        }
#if defined(MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET)
        if (result == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) {
            b->tickets++;
            pauses = 0;
            continue;
        }
#endif
        break; /* an error; or application data, which was never put there */
    }
    bool all = b->starved && b->feed_len == 0;
    weir_mbedtls_feed(b, NULL, 0);
    if (all)
        return WEIR_OK;
    weir_mbedtls_note_error(b, "the message was not accepted", result);
    if (mbedtls_queue_len(&b->loop_out) == 0)
        b->owed_alert = alert_of(result);
    return WEIR_E_HANDSHAKE;
}

weir_status weir_mbedtls_deliver(struct weir_handshake *hs, const uint8_t *data, size_t len)
{
    struct mbedtls_binding *b = mbedtls_inside(hs);
    uint8_t record[WEIR_LOOP_RECORD];

    if (b->stage != STAGE_TAKEN)
        return WEIR_E_MISUSE;
    while (len > 0) {
        size_t taken = 0;
        size_t made = 0;
        weir_status status = weir_loop_seal(&b->loop, data, len, &taken, record, &made);
        if (status == WEIR_OK)
            status = let_read(b, record, made);
        if (status != WEIR_OK)
            return status;
        data += taken;
        len -= taken;
    }
    return WEIR_OK;
}

/* Bytes of the whole record that lies first in the loop; 0 when there is none. */
static size_t first_record(const struct mbedtls_binding *b)
{
    size_t len = mbedtls_queue_len(&b->loop_out);

    return len == 0 ? 0 : weir_first_record(b->loop_out.data + b->loop_out.start, len);
}

/* Room for the messages of the next record; grows only as far as the library writes. */
static bool make_room(struct weir_loop *loop, size_t len)
{
    size_t cap = weir_loop_lacks(loop, len);

    if (cap == 0)
        return true;
    uint8_t *memory = mbedtls_calloc(1, cap);
    if (memory == NULL)
        return false;
    mbedtls_free(weir_loop_memory(loop, memory, cap));
    return true;
}

static weir_status open_record(struct mbedtls_binding *b, size_t len)
{
    weir_status status = WEIR_E_HANDSHAKE;

    if (make_room(&b->loop, len))
        status = weir_loop_open(&b->loop, b->loop_out.data + b->loop_out.start, len);
    weir_mbedtls_queue_drop(&b->loop_out, len);
    return status;
}

static weir_status explain(struct mbedtls_binding *b, weir_status status,
                           const struct weir_control *control)
{
    return weir_loop_explain(status, control, "mbedtls_ssl_write", b->error, sizeof b->error);
}

weir_status weir_mbedtls_collect(struct weir_handshake *hs, struct weir_control *control)
{
    struct mbedtls_binding *b = mbedtls_inside(hs);

    *control = (struct weir_control){.kind = WEIR_CONTROL_NONE};
    if (b->stage != STAGE_TAKEN)
        return WEIR_E_MISUSE;
    for (;;) {
        weir_status status = weir_loop_next(&b->loop, control);
        if (status == WEIR_REFUSED)
            return explain(b, status, control);
        if (status != WEIR_OK || control->kind != WEIR_CONTROL_NONE)
            return status;
        size_t len = first_record(b);
        if (len == 0 && b->owed_alert != WEIR_ALERT_NONE) {
            control->kind = WEIR_CONTROL_ALERT;
            control->alert = b->owed_alert;
            b->owed_alert = WEIR_ALERT_NONE;
        }
        if (len == 0)
            return WEIR_OK;
        status = open_record(b, len);
        if (status != WEIR_OK)
            return explain(b, status, control);
    }
}
