/* SPDX-License-Identifier: BSD-2-Clause */
#include "loop.h"

#include <string.h>

/* AlertLevel and AlertDescription (RFC 8446 section 6). */
enum {
    LEVEL_FATAL = 2,
    CLOSE_NOTIFY = 0,
    USER_CANCELED = 90,
};

void weir_loop_init(struct weir_loop *loop, const struct weir_once *once,
                    const struct weir_kdf *kdf, const struct weir_keys *tx,
                    const struct weir_keys *rx)
{
    memset(loop, 0, sizeof *loop);
    loop->once = once;
    loop->kdf = kdf;
    loop->tx = *tx;
    loop->rx = *rx;
}

void weir_loop_epochs(struct weir_loop *loop, uint16_t tx, uint16_t rx)
{
    loop->wire_tx = tx;
    loop->wire_rx = rx;
}

void weir_loop_wipe(struct weir_loop *loop)
{
    if (loop->messages != NULL)
        weir_wipe(loop->messages, loop->cap);
    weir_wipe(loop, sizeof *loop);
    loop->status = WEIR_E_MISUSE;
}

static weir_status fail(struct weir_loop *loop, weir_status status)
{
    weir_keys_wipe(&loop->tx);
    weir_keys_wipe(&loop->rx);
    loop->status = status;
    return status;
}

/* Whether data[0..len) goes on with messages that are the library's business. */
static bool for_the_library(struct weir_loop *loop, const uint8_t *data, size_t len)
{
    struct weir_span span;

    while (len > 0) {
        size_t n = weir_cursor_next(&loop->in, data, len, &span);
        if (span.begins && span.type == WEIR_MESSAGE_KEY_UPDATE)
            return false;
        data += n;
        len -= n;
    }
    return true;
}

weir_status weir_loop_seal(struct weir_loop *loop, const uint8_t *data, size_t len, size_t *taken,
                           uint8_t *out, size_t *made)
{
    size_t here = len < WEIR_LOOP_CONTENT ? len : WEIR_LOOP_CONTENT;

    *taken = 0;
    *made = 0;
    if (loop->status < 0)
        return loop->status;
    if (loop->rx.version != WEIR_TLS13 || here == 0 || !for_the_library(loop, data, here))
        return fail(loop, WEIR_E_MISUSE);
    weir_status status = weir_once_seal(loop->once, &loop->rx, WEIR_TYPE_HANDSHAKE, data, here, out,
                                        WEIR_LOOP_RECORD, made);
    if (status != WEIR_OK)
        return fail(loop, WEIR_E_PROVIDER);
    *taken = here;
    return WEIR_OK;
}

size_t weir_loop_lacks(struct weir_loop *loop, size_t len)
{
    if (loop->start > 0) {
        memmove(loop->messages, loop->messages + loop->start, loop->end - loop->start);
        loop->end -= loop->start;
        loop->start = 0;
    }
    return len <= loop->cap - loop->end ? 0 : loop->end + len;
}

uint8_t *weir_loop_memory(struct weir_loop *loop, uint8_t *memory, size_t cap)
{
    uint8_t *old = loop->messages;

    if (loop->end > loop->start)
        memcpy(memory, old + loop->start, loop->end - loop->start);
    if (old != NULL)
        weir_wipe(old, loop->cap);
    loop->end -= loop->start;
    loop->start = 0;
    loop->messages = memory;
    loop->cap = cap;
    return old;
}

weir_status weir_loop_open(struct weir_loop *loop, uint8_t *record, size_t len)
{
    struct weir_record content;

    if (loop->status < 0)
        return loop->status;
    if (weir_once_open(loop->once, &loop->tx, record, len, &content) != WEIR_OK)
        return fail(loop, WEIR_E_HANDSHAKE);
    weir_status status = WEIR_OK;
    if (content.type == WEIR_TYPE_DATA) {
        /* The application has two owners of one nonce now; it must write through the session. */
        status = content.len > 0 ? WEIR_E_MISUSE : WEIR_OK;
    } else if (content.type == WEIR_TYPE_ALERT) {
        if (content.len != sizeof loop->alert || loop->end != loop->start)
            status = WEIR_E_HANDSHAKE;
        else
            memcpy(loop->alert, content.data, sizeof loop->alert);
        loop->has_alert = true;
    } else if (weir_loop_lacks(loop, content.len) != 0) {
        status = WEIR_E_MISUSE;
    } else {
        memcpy(loop->messages + loop->end, content.data, content.len);
        loop->end += content.len;
    }
    weir_wipe(record, len);
    return status == WEIR_OK ? WEIR_OK : fail(loop, status);
}

static void next_alert(struct weir_loop *loop, struct weir_control *control)
{
    uint8_t level = loop->alert[0];
    uint8_t description = loop->alert[1];
    bool tls13 = loop->tx.version == WEIR_TLS13;

    loop->has_alert = false;
    if (description == CLOSE_NOTIFY) {
        control->kind = WEIR_CONTROL_CLOSE;
    } else if (tls13 ? description != USER_CANCELED : level == LEVEL_FATAL) {
        /* RFC 8446 section 6: the level "can safely be ignored". */
        control->kind = WEIR_CONTROL_ALERT;
        control->alert = description;
    }
    /* Other warnings ask for nothing and change nothing, so nothing is done. */
}

/* The library goes on under its next key, and so does the loop. */
static weir_status follow_key_update(struct weir_loop *loop, const uint8_t *message, size_t len,
                                     struct weir_control *control)
{
    if (len != WEIR_MESSAGE_HEADER + 1 || message[WEIR_MESSAGE_HEADER] > 1 ||
        loop->start != loop->end)
        return fail(loop, WEIR_E_HANDSHAKE);
    if (weir_keys_update(&loop->tx, loop->kdf) != WEIR_OK)
        return fail(loop, WEIR_E_PROVIDER);
    control->kind = WEIR_CONTROL_KEY_UPDATE;
    control->request_peer = message[WEIR_MESSAGE_HEADER] == 1;
    return WEIR_OK;
}

/*
 * RFC 8446 section 4.4: the Finished of post-handshake authentication is keyed by
 * client_application_traffic_secret_N, and the library may know another N than the wire.
 */
static bool out_of_epoch(const struct weir_loop *loop, uint8_t type)
{
    bool authentication = type == WEIR_MESSAGE_CERTIFICATE_REQUEST ||
                          type == WEIR_MESSAGE_CERTIFICATE ||
                          type == WEIR_MESSAGE_CERTIFICATE_VERIFY || type == WEIR_MESSAGE_FINISHED;

    return authentication && (loop->wire_tx != 0 || loop->wire_rx != 0 || loop->tx.at.epoch != 0);
}

static weir_status drop(struct weir_control *control, weir_refusal_code code, uint8_t type)
{
    control->why = (struct weir_refusal){.code = code, .layer = WEIR_LAYER_BINDING, .detail = type};
    return WEIR_REFUSED;
}

weir_status weir_loop_next(struct weir_loop *loop, struct weir_control *control)
{
    *control = (struct weir_control){.kind = WEIR_CONTROL_NONE};
    if (loop->status < 0)
        return loop->status;
    if (loop->has_alert)
        next_alert(loop, control);
    size_t have = loop->end - loop->start;
    if (have < WEIR_MESSAGE_HEADER)
        return WEIR_OK;

    const uint8_t *message = loop->messages + loop->start;
    size_t len = WEIR_MESSAGE_HEADER +
                 ((size_t)message[1] << 16 | (size_t)message[2] << 8 | (size_t)message[3]);
    if (len > have)
        return WEIR_OK;
    loop->start += len;
    if (loop->tx.version != WEIR_TLS13)
        return drop(control, WEIR_REFUSAL_RENEGOTIATION, message[0]);
    if (message[0] == WEIR_MESSAGE_KEY_UPDATE)
        return follow_key_update(loop, message, len, control);
    if (out_of_epoch(loop, message[0]))
        return drop(control, WEIR_REFUSAL_EPOCH, message[0]);
    control->kind = WEIR_CONTROL_HANDSHAKE;
    control->data = message;
    control->len = len;
    return WEIR_OK;
}
