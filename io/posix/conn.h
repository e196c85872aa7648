/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of io/posix share: the connection itself, and the verbs between them.
 */
#ifndef WEIR_IO_CONN_H
#define WEIR_IO_CONN_H

#include "weir/posix.h"
#include "weir/posix_exec.h"

#include <signal.h>

/* Records opened by one call into the session, and sealed by one round of sendfile. */
#define IO_RECORDS 16u

/* The most a buffer grows to: IO_RECORDS full records of any version, so that a 256 KiB write is
 * sealed in one go and sent with one call. */
#define IO_BUFFER_MAX ((size_t)IO_RECORDS * (WEIR_MAX_PLAINTEXT + 64u))

/* The most that is received at once where records are opened here: what the kernel has copied is
 * then still in the processor's nearest caches when it is opened, and so is the plaintext when it
 * is read (docs/performance.md). Four full records, and the beginning of the next. */
#define IO_RECEIVE_MAX ((size_t)4u * (WEIR_MAX_PLAINTEXT + 64u))

/* Room for whatever a session says by itself: KeyUpdates, an alert, close_notify; padding apart. */
#define IO_CONTROL_ROOM 1024u

/* Bytes in base[head..tail) wait; allocated when first needed. */
struct io_buffer {
    uint8_t *base;
    size_t cap, head, tail;
};

/* One direction's backend, its memory, the backends that refused, and where it is to go. */
struct io_path {
    const struct weir_backend *backend;
    void *ctx;
    struct weir_refusal *refusals; /* one for each backend of the list */
    size_t refusal_count;
    size_t next, last;               /* backends[next..last) are still to be asked */
    const struct weir_backend *wish; /* of weir_conn_offload; goes before those */
    const struct weir_backend *to;   /* the move that is being made; NULL: none */
    void *to_ctx;
};

enum io_phase {
    IO_HANDSHAKE, /* the TLS library is at work */
    IO_HANDOVER,  /* it is done, its last bytes are on their way out */
    IO_OPEN,      /* the session is at work */
    IO_FAILED,    /* the session never came to be */
};

struct weir_conn {
    int fd;
    enum io_phase phase;
    struct weir_handshake *hs;
    const struct weir_backend *const *backends;
    size_t backend_count, pad_multiple;
    size_t record_limit, negotiated; /* the first is never above the second */
    weir_policy policy;
    bool reversible;

    struct io_buffer in, out;
    struct weir_record records[IO_RECORDS];
    size_t record_count, record_next; /* records[record_next..record_count) are not read yet */
    size_t record_used;               /* bytes of records[record_next] already copied out */

    struct weir_tx tx;
    struct weir_rx rx;
    struct weir_session session;
    struct io_path path[2];

    weir_status rx_status, tx_status; /* WEIR_OK, or what this direction answers from now on */
    weir_status hs_status;            /* below zero or WEIR_REFUSED in IO_FAILED */
    struct weir_refusal refusal;
    const char *os_call; /* the system call that failed, its errno, and under which backend */
    int os_error;
    const char *os_backend;
    struct io_locks *locks; /* of two threads; NULL: there is one */
    bool alone;             /* a call that sends has the lock of sending only */
    /* With locks, where the receiver stands with the session: */
    weir_status opened;  /* what weir_rx_open has answered */
    bool unsorted;       /* the session has not seen the records yet, nor that status */
    bool data_before;    /* there was data that it was not told of */
    bool unsettled;      /* what it saw last was no data: it has to see what comes next */
    int receive_error;   /* of recv(2), to be told by the next call of it; 0: none */
    unsigned unanswered; /* messages given to the TLS library while its answers wait */
    size_t message_at;   /* bytes of the TLS library's message that have gone, below the socket */
    bool blocked;        /* the socket takes no more for now */
    bool writer_waits;   /* a call that writes was answered WEIR_NEED_OUTPUT */
    bool pump_again;     /* the TLS library has more to say than there was room for */
    bool closing;        /* weir_conn_close has been called */
    bool fin_sent;       /* our direction of the transport is shut down */
    bool end_of_file;    /* the peer's is */
    char text[320];      /* of weir_conn_explain */
};

/* ---- buffer.c ---- */

/* Bytes that wait. */
size_t io_buffer_len(const struct io_buffer *b);

/* Makes `want` bytes (at most IO_BUFFER_MAX) of room behind the tail if that is possible without
 * moving what waits, and answers how much room there is; it is below `want` when bytes wait or
 * memory ran out. */
size_t io_buffer_room(struct io_buffer *b, size_t want);

/* Moves what waits to the front, and grows the buffer to `want` bytes if it is smaller. */
bool io_buffer_compact(struct io_buffer *b, size_t want);

/* Wipes and frees. */
void io_buffer_free(struct io_buffer *b);

/* ---- transport.c: the only file with system calls on the socket ---- */

/* Sends what waits in `out`. WEIR_OK: all gone; WEIR_NEED_OUTPUT; WEIR_E_IO. */
weir_status io_send(struct weir_conn *conn);

/* Sends from memory of someone else's; `*sent` may be above 0 with WEIR_NEED_OUTPUT. */
weir_status io_send_from(struct weir_conn *conn, const uint8_t *data, size_t len, size_t *sent);

/* Receives once, at most `most` bytes to the tail of `in`. WEIR_OK: bytes came, or end_of_file is
 * set; WEIR_NEED_INPUT; WEIR_E_IO. */
weir_status io_receive(struct weir_conn *conn, size_t most);

/* The same, but answers 0, EAGAIN, or the errno of a failure, which io_receive tells then. */
int io_try_to_receive(struct weir_conn *conn, size_t most);

/* Throws away what has arrived, a megabyte at most: a socket closed over unread bytes is reset, and
 * that can take the alert from the peer. */
void io_discard(struct weir_conn *conn);

/* Takes the error that lies in the socket: it would be the answer to the next send. */
void io_clear_error(struct weir_conn *conn);

/* Our direction of the transport ends: FIN. */
void io_finish(struct weir_conn *conn);

/* Notes the system call that failed, with the value of errno. */
weir_status io_failed(struct weir_conn *conn, const char *call, int error);

/* ---- quiet.c ---- */

/* Between these two, a call that writes to a socket raises no SIGPIPE in this thread. `broken`: it
 * has failed with EPIPE. errno stays. */
struct io_quiet {
    sigset_t before;
    bool blocked; /* by the application */
    bool holds;   /* what comes is ours to take away */
};
struct io_quiet io_quiet_begin(void);
void io_quiet_end(const struct io_quiet *quiet, bool broken);

/* ---- control.c ---- */

/* Seals and sends all that session and TLS library have to say. WEIR_OK: all gone;
 * WEIR_NEED_OUTPUT; below zero: the sending direction is dead. */
weir_status io_flush(struct weir_conn *conn);

/* Room for at least one record of the session's own, padded as they all are. */
size_t io_control_room(const struct weir_conn *conn);

/* Hands a handshake record to the TLS library, and what it answers to the session. */
weir_status io_deliver(struct weir_conn *conn, const struct weir_record *record);

/* ---- handshake.c ---- */

/* Memory for a backend; a size of 0 gets some, too, so that NULL always means failure. */
void *io_backend_memory(const struct weir_backend *backend);

/* ---- move.c: which backend carries a direction ---- */

/* Whether its records are made below the socket. */
bool io_streams(const struct weir_conn *conn, enum weir_dir dir);

/* The direction begins on backends[at]; those of WEIR_FORM_STREAM before it are to be asked. */
void io_begin_on(struct weir_conn *conn, enum weir_dir dir, size_t at, void *ctx);

/* Whether the direction waits for a boundary of records to move on. */
bool io_wants_move(const struct weir_conn *conn, enum weir_dir dir);

/* Goes on with the move of a direction, if it has one to make and is at a boundary. WEIR_OK;
 * WEIR_NEED_OUTPUT: the operating system has put a command off; below zero: it is dead. */
weir_status io_move(struct weir_conn *conn, enum weir_dir dir);

/* Carries out the direction's commands; answers as io_move. */
weir_status io_commands(struct weir_conn *conn, enum weir_dir dir);

/* ---- typed.c: plaintext through the socket, with its content type ---- */

/* Sends what the session has to say itself; then `op` says how to send op->len of `len` bytes of
 * `type`, and io_typed_sent is to be told; 0: none. WEIR_OK; WEIR_NEED_OUTPUT; below zero. */
weir_status io_typed_next(struct weir_conn *conn, uint8_t type, size_t len,
                          struct weir_stream_op *op);
weir_status io_typed_sent(struct weir_conn *conn, const char *call,
                          const struct weir_stream_done *done);

/* Sends application data; `*put` may be above 0 with any status. */
weir_status io_typed_write(struct weir_conn *conn, const struct weir_iov *in, size_t count,
                           size_t len, size_t *put);

/* Sends all that session and TLS library have to say. Answers as io_flush. */
weir_status io_typed_flush(struct weir_conn *conn);
/* One round of the TLS library's wishes, as pump() in control.c. */
weir_status io_typed_pump(struct weir_conn *conn);

/* Receives once, to `room` if it is large enough, else to `in`. What came is in `records`.
 * WEIR_OK, also when nothing of it is for the caller. */
weir_status io_typed_receive(struct weir_conn *conn, uint8_t *room, size_t len);

/* Receives data to a pipe, `*moved` bytes, without a copy. WEIR_OK with 0: look at `records`.
 * WEIR_NEED_INPUT: nothing there, or no room in the pipe. WEIR_REFUSED: nobody reads the pipe. */
weir_status io_typed_splice(struct weir_conn *conn, int pipe, size_t len, size_t *moved);

/* ---- pipe.c ---- */

/* splice(2) that does not wait; -1 and EINVAL where there is none. */
ssize_t io_splice(int from, int to, size_t len);

/* ---- read.c ---- */

/* The next bytes of application data: those of records[record_next] from record_used on, which stay
 * unread. Receives only if it may. Answers as weir_conn_read_view. */
weir_status io_peek(struct weir_conn *conn, bool may_receive);
/* The direction has ended with `status`: notes it, and sends its alert. */
weir_status io_read_ended(struct weir_conn *conn, weir_status status);

/* ---- conn.c ---- */

/* What weir_conn_events tells because of one direction. */
short io_events(const struct weir_conn *conn, enum weir_dir dir);

/* ---- locks.c: without locks they do nothing ---- */

enum { IO_TX = 1u << WEIR_TX, IO_RX = 1u << WEIR_RX, IO_BOTH = IO_TX | IO_RX };

/* NULL, with errno: ENOMEM, or what pthread_mutex_init answered. */
struct io_locks *io_locks_new(void);
void io_locks_free(struct io_locks *locks);

void io_lock(const struct weir_conn *conn, unsigned dirs);
void io_unlock(const struct weir_conn *conn, unsigned dirs);
/* io_events; while the other thread has the lock, as it was before. */
short io_events_shown(const struct weir_conn *conn, enum weir_dir dir);

/* The lock of sending, and that of receiving only if sending has to do with it now. */
void io_lock_to_send(struct weir_conn *conn);
void io_unlock_to_send(struct weir_conn *conn);
/* Between these two: takes the lock of receiving, too, unless it is held. */
void io_lock_the_other(struct weir_conn *conn);
/* Whether sealing still has to do with neither session nor receiving; else takes the other lock. */
bool io_sends_alone(struct weir_conn *conn);

/* ---- seal.c: as the session does it, with as many locks as it takes ---- */

weir_status io_seal(struct weir_conn *conn, const struct weir_iov *in, size_t count, uint8_t *out,
                    size_t room, size_t *taken, size_t *made);
weir_status io_seal_lent(struct weir_conn *conn, uint8_t *data, size_t len, uint8_t *out,
                         size_t room, size_t *taken, size_t *made);
weir_status io_seal_in_place(struct weir_conn *conn, uint8_t *buf, size_t len, size_t cap,
                             size_t *made);
/* weir_session_fail. */
void io_fail(struct weir_conn *conn, weir_status status);

/* ---- write.c ---- */

/* What every call that writes asks first: WEIR_OK, or what it answers. Takes the locks, and makes
 * the move that waits, so that io_streams is asked behind it. */
weir_status io_begin_write(struct weir_conn *conn);
/* Notes whether the writer waits for the socket, gives the locks back, and answers `status`. */
weir_status io_end_write(struct weir_conn *conn, weir_status status);
/* Room for sealing `plaintext` bytes: a record at least, after sending if there was less. */
weir_status io_make_room(struct weir_conn *conn, size_t plaintext, size_t *room);

#endif
