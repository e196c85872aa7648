/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * One TLS connection over one non-blocking stream socket, whoever made the handshake and whatever
 * carries the records. Works under poll, epoll, kqueue or a loop of the application's own: nothing
 * here waits.
 *
 * The loop of an application:
 *
 *  - weir_conn_handshake until it answers WEIR_OK, waiting for weir_conn_events in between;
 *  - when the socket is readable, read until WEIR_NEED_INPUT. An application that only sends reads,
 *    too: alerts, KeyUpdates and the peer's close_notify come this way;
 *  - when it is writable, weir_conn_flush, and go on writing;
 *  - weir_conn_close until it answers WEIR_OK, read until WEIR_CLOSED, weir_conn_free, close(2).
 *
 * The directions fail apart: when sending has failed, reading goes on and may bring the alert that
 * says why.
 *
 * No call here raises SIGPIPE when the peer has gone, wherever the records are made.
 *
 * Where the records are made makes no difference to the calls, but these: below the socket
 * (WEIR_FORM_STREAM) nothing that is written waits in the connection, so a call takes what the
 * socket takes; files go by sendfile(2); large buffers are received to directly.
 */
#ifndef WEIR_POSIX_H
#define WEIR_POSIX_H

#include "handshake.h"
#include "soft.h"

#include <sys/uio.h>

/** A connection; allocated by weir_conn_new. For one thread at a time, but for `two_threads`. */
struct weir_conn;

/** What a connection is made of. */
struct weir_conn_config {
    /**
     * A connected stream socket. It is made non-blocking; it stays the caller's to close, and so do
     * its options. TCP_NODELAY suits most; TCP_NOTSENT_LOWAT, some tens of KiB, those that send
     * much: what waits for the peer then waits unsealed, and takes no memory of the system's.
     */
    int fd;
    /** The handshake, not yet begun; the connection releases it (weir_conn_free). */
    struct weir_handshake *handshake;
    /**
     * Backends in the order of preference, `backend_count` of them; the array and what it points to
     * must outlive the connection. Any struct weir_backend goes, wherever it was compiled.
     *
     * A direction begins on the first of WEIR_FORM_RECORD that takes it, so one must be there.
     * Those of WEIR_FORM_STREAM before it are then asked in their order, as soon as nothing of the
     * direction is half sent or half received; the first that takes it has it from there on. Those
     * behind it are never asked, but by weir_conn_offload.
     */
    const struct weir_backend *const *backends;
    size_t backend_count;
    /** Most plaintext bytes a record of ours carries, 1 to 16384; 0: what was negotiated. */
    size_t record_limit;
    /** See weir_tx_set_padding; has no effect on TLS 1.2, which has no padding. */
    size_t pad_multiple;
    /** For moves to backends of WEIR_FORM_STREAM, see struct weir_move. */
    weir_policy policy;
    bool reversible;
    /**
     * After the handshake one thread may receive while another one sends. The one that receives
     * calls weir_conn_read, weir_conn_read_view, weir_conn_splice_to and weir_conn_trim; the other
     * one all the rest. Either may call weir_conn_events and weir_conn_flush. Whoever calls
     * weir_conn_free is the last. What a pointer of weir_conn_session, weir_conn_tx, weir_conn_rx,
     * weir_conn_handshake_of or weir_conn_path leads to is looked at while neither is in a call.
     *
     * Where records are sealed and opened in the process both go on side by side, and wait for one
     * another only when one direction has to do with the other: for alerts, KeyUpdates, messages of
     * the TLS library, moves and their like. Where records are made below the socket the calls take
     * turns.
     *
     * What a receiver finds is to be said may have to wait for the socket: after WEIR_NEED_INPUT it
     * looks at weir_conn_events, which waits for nobody, and has the sender flush, or flushes, when
     * there is POLLOUT.
     *
     * false: one thread at a time, and no lock is taken.
     */
    bool two_threads;
};

/**
 * Which backend carries a direction, and why each one before it in the list does not.
 * Each is asked once: one whose refusal is transient may be asked again by weir_conn_offload.
 * WEIR_REFUSAL_BOUNDARY, transient: it has not been asked yet. WEIR_REFUSAL_NONE: it was passed
 * over by weir_conn_offload. After weir_conn_offload to a backend that is not in the list there are
 * none.
 */
struct weir_conn_path {
    const struct weir_backend *backend;  /**< NULL while none carries it */
    const struct weir_refusal *refusals; /**< one for each backend before it, in their order */
    size_t refusal_count;
    weir_carrier carrier; /**< as the last move or weir_conn_query has told */
};

WEIR_BEGIN

/**
 * Allocates a connection. NULL, with errno set and the handshake still the caller's: EINVAL (no
 * handshake or one of another interface version, no backends, a record limit or padding above
 * 16384), ENOMEM, or what fcntl(2) said about the socket.
 */
WEIR_API struct weir_conn *weir_conn_new(const struct weir_conn_config *config);

/** Wipes and frees; sends nothing. Also releases the handshake. NULL is fine. */
WEIR_API void weir_conn_free(struct weir_conn *conn);

/**
 * What to wait for before calling again: POLLIN, POLLOUT, both, or 0: nothing that happens on the
 * socket matters. Then it is over, or, during the handshake, a callback has suspended the TLS
 * library and what the peer sent meanwhile has filled the buffer: call weir_conn_handshake when the
 * callback can go on, and leave the socket out of poll(2) until then, which tells of POLLHUP
 * unasked.
 *
 * Data that is already received is not announced: read until WEIR_NEED_INPUT first. Who does not
 * want to read now may leave POLLIN out.
 */
WEIR_API short weir_conn_events(const struct weir_conn *conn);

/**
 * Goes on with the handshake. WEIR_OK: complete. WEIR_NEED_INPUT, WEIR_NEED_OUTPUT: wait for
 * weir_conn_events, or until a callback that has suspended the TLS library can go on. WEIR_REFUSED:
 * the keys cannot be taken, or no backend takes them; see weir_conn_refusal and weir_conn_path.
 * Below zero: WEIR_E_HANDSHAKE, WEIR_E_TRUNCATED, WEIR_E_IO, WEIR_E_MISUSE. All but the first three
 * are sticky, for reading and writing, too.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_conn_handshake(struct weir_conn *conn);

/**
 * Reads application data: up to `len` bytes (above 0) to `buf`. WEIR_OK: `*got` is above 0.
 * WEIR_NEED_INPUT: none there now. WEIR_CLOSED: the peer ended its direction.
 *
 * Below zero, sticky: all of weir_session_receive, WEIR_E_TRUNCATED, WEIR_E_HANDSHAKE, WEIR_E_IO.
 * The alert that belongs to it has then been sealed and, as far as the socket took it, sent;
 * weir_conn_close sends the rest. WEIR_E_MISUSE, not sticky: `len` is 0, or no handshake yet.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_conn_read(struct weir_conn *conn, void *buf, size_t len,
                                                    size_t *got);

/**
 * As weir_conn_read, without the copy: `*data` lies in the connection's buffer and stays valid
 * until the next call that reads, trims or frees.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_conn_read_view(struct weir_conn *conn,
                                                         const uint8_t **data, size_t *got);

/**
 * Writes application data. `*put` bytes of it are sealed and belong to the connection now (WEIR_OK:
 * all); sealed bytes that the socket has not taken are sent by later calls of any kind. Large
 * writes are the cheap ones: up to 256 KiB become one send. A `len` of 0 sends nothing.
 *
 * WEIR_NEED_OUTPUT: wait for weir_conn_events, then write the rest. WEIR_REKEY_DUE: all is taken,
 * but the key nears its limit and cannot be updated; connect anew soon. WEIR_E_MISUSE, not sticky:
 * no handshake yet, or after weir_conn_close. Below zero, sticky: all of weir_session_send,
 * WEIR_E_IO (how much the peer got is unknown, so nothing can follow).
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_conn_write(struct weir_conn *conn, const void *buf,
                                                     size_t len, size_t *put);

/**
 * As weir_conn_write, out of memory that the caller lends: buf[0..len] may be written while the
 * call lasts. Afterwards the data is there as before; what was in the byte behind it, which must be
 * the caller's, too, need not be. Saves a pass over the data where weir_tx_seal_lent does; the
 * smaller the records, the more that is.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_conn_write_lent(struct weir_conn *conn, void *buf,
                                                          size_t len, size_t *put);

/** As weir_conn_write, gathered; in as few records as hold it. */
WEIR_API WEIR_MUST_CHECK weir_status weir_conn_writev(struct weir_conn *conn,
                                                      const struct iovec *iov, int count,
                                                      size_t *put);

/**
 * Sends up to `len` bytes of the regular file `file` from `*offset` on, and moves `*offset`.
 * WEIR_OK: all sent, or the end of the file reached. WEIR_NEED_OUTPUT and the rest as
 * weir_conn_write; WEIR_E_IO also when the file cannot be read (sticky: the peer cannot be told how
 * much is missing).
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_conn_sendfile(struct weir_conn *conn, int file,
                                                        uint64_t *offset, uint64_t len);

/**
 * Sends up to `len` bytes that lie in `pipe`, as they come; `*moved` of them went. The pipe must be
 * non-blocking. Where Linux's kernel makes the records no byte is copied (splice(2)), else they go
 * through memory.
 *
 * WEIR_OK: all `len`. WEIR_NEED_INPUT: the pipe is empty for now. WEIR_CLOSED: it is at its end.
 * WEIR_REFUSED: the backend makes records below the socket, and nothing splices to it; nothing was
 * taken. WEIR_E_MISUSE, not sticky: also for a blocking pipe. The rest as weir_conn_sendfile.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_conn_splice_from(struct weir_conn *conn, int pipe,
                                                           size_t len, size_t *moved);

/**
 * Moves up to `len` bytes of received application data to `pipe`, which must be non-blocking;
 * `*moved` of them went. WEIR_OK: `*moved` is above 0. WEIR_NEED_OUTPUT: the pipe takes no more
 * now. WEIR_REFUSED: it takes nothing at all (weir_conn_refusal has the errno; SIGPIPE is as the
 * application has set it), and nothing is lost. WEIR_E_MISUSE, not sticky: also for a blocking
 * pipe. The rest as weir_conn_read.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_conn_splice_to(struct weir_conn *conn, int pipe,
                                                         size_t len, size_t *moved);

/** Sends what is sealed and waiting. WEIR_OK: all gone. WEIR_NEED_OUTPUT. Below zero, sticky. */
WEIR_API WEIR_MUST_CHECK weir_status weir_conn_flush(struct weir_conn *conn);

/**
 * Ends our direction: close_notify (after a failure: its alert), and when all is sent, FIN. Reading
 * goes on. WEIR_OK: done. WEIR_NEED_OUTPUT: call again. Below zero, sticky: the direction died
 * before it could be said.
 */
WEIR_API weir_status weir_conn_close(struct weir_conn *conn);

/**
 * A KeyUpdate of our direction, with `request_peer` also of the peer's; sent as the socket allows.
 * WEIR_OK; WEIR_REFUSED (see weir_session_key_update) with the reason in weir_conn_refusal; as
 * weir_conn_write for what is below zero.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_conn_key_update(struct weir_conn *conn,
                                                          bool request_peer);

/**
 * Carries out what the application asked of the TLS library itself (see weir_loop_pump). WEIR_OK;
 * WEIR_NEED_OUTPUT: the rest goes with weir_conn_flush. WEIR_REFUSED: one wish was dropped, for the
 * reason that weir_conn_explain gives; the rest is done. Below zero, sticky.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_conn_pump(struct weir_conn *conn);

/**
 * Sets the most plaintext bytes a record of ours carries, after the handshake: 1 to 16384; more
 * than was negotiated is cut to that. WEIR_OK or WEIR_E_MISUSE (nothing changed), which it is also
 * where records are made below the socket: there struct weir_conn_config sets it.
 */
WEIR_API weir_status weir_conn_set_record_limit(struct weir_conn *conn, size_t limit);

/** Frees buffers in which nothing lies, for a connection that is idle; they come back by need. */
WEIR_API void weir_conn_trim(struct weir_conn *conn);

/** Which backend carries a direction. */
WEIR_API struct weir_conn_path weir_conn_path(const struct weir_conn *conn, enum weir_dir dir);

/**
 * Moves a direction to `backend`, which must outlive the connection, under the policy of the
 * configuration: at once if it stands between two records, else by the first later call that finds
 * it there. Until then, writing waits for the socket to take what is sealed, and reading stops
 * receiving at the end of the record that is cut. What the list has not been asked for yet, it is
 * asked no more.
 *
 * WEIR_OK: moved, or there already. WEIR_NEED_OUTPUT (TX), WEIR_NEED_INPUT (RX): it will be; look
 * at weir_conn_path. WEIR_REFUSED: see weir_conn_refusal, the direction goes on where it was; also
 * when a later call finds out. WEIR_E_MISUSE, not sticky: `backend` is NULL, or no handshake yet.
 * WEIR_CLOSED or below zero: the direction has ended.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_conn_offload(struct weir_conn *conn, enum weir_dir dir,
                                                       const struct weir_backend *backend);

/**
 * Asks the operating system who carries a direction, and where exactly it stands; afterwards
 * weir_conn_path, weir_tx_position and weir_tx_counters tell. WEIR_OK. WEIR_NEED_OUTPUT: a command
 * is put off, call again when the socket can be written to. WEIR_REFUSED: it cannot be learnt, see
 * weir_conn_refusal. The rest as weir_conn_offload.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_conn_query(struct weir_conn *conn, enum weir_dir dir);

/** The session, for what has no call here; NULL before the handshake is complete. */
WEIR_API struct weir_session *weir_conn_session(struct weir_conn *conn);
/** The sending direction, to look at its counters and position; NULL as above. */
WEIR_API const struct weir_tx *weir_conn_tx(const struct weir_conn *conn);
/** The receiving direction, likewise. */
WEIR_API const struct weir_rx *weir_conn_rx(const struct weir_conn *conn);
/** The handshake it was made with. */
WEIR_API struct weir_handshake *weir_conn_handshake_of(struct weir_conn *conn);

/**
 * Why the connection refused what it refused last; WEIR_REFUSAL_NONE when it refused nothing.
 * Backends that were passed over for another are in weir_conn_path.
 */
WEIR_API struct weir_refusal weir_conn_refusal(const struct weir_conn *conn);

/**
 * One line for a human about a status this connection answered: the status, the TLS library's own
 * words, the alert, the errno, as far as they apply. Valid until the next call.
 */
WEIR_API const char *weir_conn_explain(struct weir_conn *conn, weir_status status);

WEIR_END
#endif
