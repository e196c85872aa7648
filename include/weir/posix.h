/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * One TLS connection over one non-blocking stream socket, whoever made the handshake and whatever
 * carries the records. Works under poll, epoll, kqueue or a loop of the application's own: nothing
 * here waits.
 */
#ifndef WEIR_POSIX_H
#define WEIR_POSIX_H

#include "handshake.h"
#include "soft.h"

#include <sys/types.h>
#include <sys/uio.h>

/** A connection; allocated by weir_conn_new. For one thread at a time. */
struct weir_conn;

/** What a connection is made of. */
struct weir_conn_config {
    /** A connected stream socket. It is made non-blocking; it stays the caller's to close. */
    int fd;
    /** The handshake, not yet begun; the connection releases it (weir_conn_free). */
    struct weir_handshake *handshake;
    /** Backends in the order of preference, `backend_count` of them; must outlive the connection.
     */
    const struct weir_backend *const *backends;
    size_t backend_count;
    /** Most plaintext bytes a record, 0: 16384. */
    size_t record_limit;
    /** See weir_tx_set_padding. */
    size_t pad_multiple;
};

/** Which backend carries a direction, and why each one before it in the list does not. */
struct weir_conn_path {
    const struct weir_backend *backend;  /**< NULL before the handshake is complete */
    const struct weir_refusal *refusals; /**< one for each backend before it */
    size_t refusal_count;
};

WEIR_BEGIN

/** Allocates a connection. NULL when memory ran out or the configuration is not usable. */
WEIR_API struct weir_conn *weir_conn_new(const struct weir_conn_config *config);

/** Wipes and frees; sends nothing. Also releases the handshake. NULL is fine. */
WEIR_API void weir_conn_free(struct weir_conn *conn);

/**
 * What to wait for before calling again: POLLIN, POLLOUT, both, or 0 (nothing: it is over).
 * Readable data that is already decrypted is not announced: read until WEIR_NEED_INPUT first.
 */
WEIR_API short weir_conn_events(const struct weir_conn *conn);

/**
 * Goes on with the handshake. WEIR_OK: complete. WEIR_NEED_INPUT, WEIR_NEED_OUTPUT: wait for
 * weir_conn_events. WEIR_REFUSED: the keys cannot be taken, or no backend takes them; see
 * weir_conn_refusal. Below zero, sticky: WEIR_E_HANDSHAKE, WEIR_E_TRUNCATED, WEIR_E_IO.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_conn_handshake(struct weir_conn *conn);

/**
 * Reads application data: up to `len` bytes to `buf`. WEIR_OK: `*got` is above 0. WEIR_NEED_INPUT:
 * none there now. WEIR_CLOSED: the peer ended its direction. Below zero, sticky.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_conn_read(struct weir_conn *conn, void *buf, size_t len,
                                                    size_t *got);

/**
 * As weir_conn_read, without the copy: `*data` lies in the connection's buffer and stays valid
 * until the next call that reads.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_conn_read_view(struct weir_conn *conn,
                                                         const uint8_t **data, size_t *got);

/**
 * Writes application data. `*put` bytes of it are sealed and belong to the connection now (WEIR_OK:
 * all); sealed bytes that the socket has not taken are sent by later calls. WEIR_NEED_OUTPUT: wait
 * for weir_conn_events, then write the rest. Below zero, sticky.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_conn_write(struct weir_conn *conn, const void *buf,
                                                     size_t len, size_t *put);

/** As weir_conn_write, gathered; all of it as few records as fit it. */
WEIR_API WEIR_MUST_CHECK weir_status weir_conn_writev(struct weir_conn *conn,
                                                      const struct iovec *iov, int count,
                                                      size_t *put);

/**
 * Sends up to `len` bytes of the regular file `file` from `*offset` on, and moves `*offset`.
 * WEIR_OK: all sent, or the end of the file reached. WEIR_NEED_OUTPUT as weir_conn_write. WEIR_E_IO
 * when the file cannot be read (sticky: the peer cannot be told how much is missing).
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_conn_sendfile(struct weir_conn *conn, int file,
                                                        uint64_t *offset, uint64_t len);

/** Sends what is sealed and waiting. WEIR_OK: all gone. WEIR_NEED_OUTPUT. Below zero, sticky. */
WEIR_API WEIR_MUST_CHECK weir_status weir_conn_flush(struct weir_conn *conn);

/**
 * Ends our direction: close_notify, and when all is sent, FIN. Reading goes on. WEIR_OK: done.
 * WEIR_NEED_OUTPUT: call again. Below zero, sticky.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_conn_close(struct weir_conn *conn);

/** A KeyUpdate of our direction, with `request_peer` also of the peer's. As
 * weir_session_key_update. */
WEIR_API WEIR_MUST_CHECK weir_status weir_conn_key_update(struct weir_conn *conn,
                                                          bool request_peer);

/** Carries out what the application asked of the TLS library itself (see weir_loop_pump). */
WEIR_API WEIR_MUST_CHECK weir_status weir_conn_pump(struct weir_conn *conn);

/** Which backend carries a direction. */
WEIR_API struct weir_conn_path weir_conn_path(const struct weir_conn *conn, enum weir_dir dir);

/** The session, tx and rx, for what has no call here; NULL before the handshake is complete. */
WEIR_API struct weir_session *weir_conn_session(struct weir_conn *conn);
WEIR_API struct weir_tx *weir_conn_tx(struct weir_conn *conn);
WEIR_API struct weir_rx *weir_conn_rx(struct weir_conn *conn);
WEIR_API struct weir_handshake *weir_conn_handshake_of(struct weir_conn *conn);

/** The last refusal; code WEIR_REFUSAL_NONE when there was none. */
WEIR_API struct weir_refusal weir_conn_refusal(const struct weir_conn *conn);

/**
 * One line for a human about a status this connection answered: the status, the TLS library's own
 * words, the alert, the errno, as far as they apply. Valid until the next call.
 */
WEIR_API const char *weir_conn_explain(struct weir_conn *conn, weir_status status);

WEIR_END
#endif
