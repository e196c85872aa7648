/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * The numbers of TLS that bindings meet, and a walker over handshake messages.
 */
#ifndef WEIR_COMMON_WIRE_H
#define WEIR_COMMON_WIRE_H

#include <weir/record.h>

/** HandshakeType (RFC 8446 section 4). */
enum weir_message {
    WEIR_MESSAGE_CLIENT_HELLO = 1,
    WEIR_MESSAGE_SERVER_HELLO = 2,
    WEIR_MESSAGE_CERTIFICATE = 11,
    WEIR_MESSAGE_CERTIFICATE_REQUEST = 13,
    WEIR_MESSAGE_CERTIFICATE_VERIFY = 15,
    WEIR_MESSAGE_FINISHED = 20,
    WEIR_MESSAGE_KEY_UPDATE = 24,
};

#define WEIR_MESSAGE_HEADER 4u

/** Follows handshake messages through content cut anywhere. Zeros: at the start of a message. */
struct weir_cursor {
    uint8_t header[WEIR_MESSAGE_HEADER]; /**< header[0] is the type once `have` is above 0 */
    uint8_t have;                        /**< bytes of the header seen; 0: between two messages */
    uint32_t left;                       /**< once the header is whole: bytes missing of the body */
};

/** A run of bytes of one message. */
struct weir_span {
    const uint8_t *body; /**< `len` bytes of the message's body; 0 while only header bytes came */
    size_t len;
    bool begins; /**< the first byte of a message is in the run */
    bool ends;   /**< the last byte of a message is in the run */
    uint8_t type;
};

/**
 * Takes the next run of data[0..len), len above 0: header bytes or body bytes, never across the end
 * of a message. Returns the number of bytes it is.
 */
static inline size_t weir_cursor_next(struct weir_cursor *c, const uint8_t *data, size_t len,
                                      struct weir_span *span)
{
    size_t n = 0;

    *span = (struct weir_span){.begins = c->have == 0};
    if (c->have < WEIR_MESSAGE_HEADER) {
        while (n < len && c->have < WEIR_MESSAGE_HEADER)
            c->header[c->have++] = data[n++];
        if (c->have == WEIR_MESSAGE_HEADER)
            c->left = (uint32_t)c->header[1] << 16 | (uint32_t)c->header[2] << 8 | c->header[3];
    } else {
        n = len < c->left ? len : c->left;
        c->left -= (uint32_t)n;
        span->body = data;
        span->len = n;
    }
    span->type = c->header[0];
    if (c->have == WEIR_MESSAGE_HEADER && c->left == 0) {
        span->ends = true;
        c->have = 0;
    }
    return n;
}

/** Bytes behind a record header. */
static inline size_t weir_body_len(const uint8_t *header)
{
    return (size_t)header[3] << 8 | header[4];
}

/** Bytes of the whole record that lies first in data[0..len); 0: there is none. */
static inline size_t weir_first_record(const uint8_t *data, size_t len)
{
    if (len < WEIR_HEADER_LEN)
        return 0;
    size_t record = WEIR_HEADER_LEN + weir_body_len(data);
    return record <= len ? record : 0;
}

#endif
