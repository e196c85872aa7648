/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * What must be done outside, as data. Core and backends make no system call: what they need of the
 * connection's socket they say here, and whoever holds the socket does it and reports back. All
 * numbers (levels, names, errno values) are those of the operating system that the backend is for.
 * A backend for a card says here what the card's firmware is to do.
 */
#ifndef WEIR_CMD_H
#define WEIR_CMD_H

#include "base.h"

/** What to do with the socket, or with the card. */
typedef enum WEIR_ENUM weir_cmd_kind {
    WEIR_CMD_SETSOCKOPT = 1, /**< setsockopt(level, name, value, len) */
    WEIR_CMD_GETSOCKOPT = 2, /**< getsockopt(level, name, value, &len); `value` is room */
    WEIR_CMD_FIRMWARE = 3,   /**< give value[0..len) to the firmware, its answer to `reply` */
} weir_cmd_kind;

/**
 * One socket option to set or to get, or one command to the firmware of a card. `value` lies in the
 * backend's memory, may hold keys and is valid until the completion; the caller keeps no copy. With
 * SETSOCKOPT and FIRMWARE it is only read.
 *
 * A firmware may be late, or never answer: then the caller gives up at a time of its choice, and
 * says so by a completion with an error. What an answer that comes after that has made on the card
 * is the caller's to end.
 */
struct weir_cmd {
    weir_cmd_kind kind;
    int level, name; /**< of the option; FIRMWARE: 0 */
    uint8_t *value;
    uint32_t len;
    uint8_t *reply; /**< FIRMWARE: room for the first `reply_len` bytes of the answer */
    uint32_t reply_len;
};

/** How a command ended. */
struct weir_done {
    /** 0, or the errno value: nothing was done. FIRMWARE: no answer came, whatever was done; which
     * number that is does not matter. */
    int os_error;
    uint32_t len; /**< GETSOCKOPT: bytes now in `value`. FIRMWARE: bytes now in `reply` */
};

/** The longest control message that a backend asks for. */
#define WEIR_MAX_CONTROL 16u

/**
 * One call of sendmsg or recvmsg in WEIR_FORM_STREAM. Sending: the control message of `level` and
 * `type` with control[0..control_len) goes with it (none when `control_len` is 0), and at most
 * `len` bytes of plaintext, in one call. Receiving: the buffer has `len` bytes or more, and the
 * control buffer room for a message of `control_len` bytes. With `ask_error` the socket's SO_ERROR
 * is got after a call that did not fail: for a system that gives what lies behind a bad record
 * before it tells of that record. Always without waiting.
 */
struct weir_stream_op {
    int level, type;
    uint8_t control[WEIR_MAX_CONTROL];
    uint32_t control_len;
    size_t len;
    bool ask_error; /**< receiving only */
};

/** How that call ended. */
struct weir_stream_done {
    int os_error; /**< 0, or the errno value */
    size_t len;   /**< bytes sent or received; 0 with an error */
    /** Sending, with fewer bytes than were asked for: by a call (sendfile, splice) that may have
     * left the last record open, for the next call to go on with. */
    bool cut;
    /* Receiving only. */
    bool has_control;   /**< a message of that level and type came with it */
    bool truncated;     /**< MSG_CTRUNC */
    bool end_of_record; /**< MSG_EOR */
    bool spliced;       /**< by splice(2), so not at the buffer; WEIR_CAP_SPLICE, `len` above 0 */
    int pending_error;  /**< `ask_error`: what SO_ERROR then was; else 0 */
    uint8_t control[WEIR_MAX_CONTROL]; /**< of several such messages, the last */
    uint32_t control_len;
};

#endif
