/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A connection's beginning and end, and what it tells about itself.
 */
#include "conn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static bool usable(const struct weir_conn_config *config)
{
    if (config->handshake == NULL || config->handshake->abi != WEIR_HANDSHAKE_ABI ||
        config->backend_count == 0 || config->record_limit > WEIR_MAX_PLAINTEXT ||
        config->pad_multiple > WEIR_MAX_PLAINTEXT) {
        return false;
    }
    for (size_t i = 0; i < config->backend_count; i++) {
        if (config->backends[i] == NULL) {
            return false;
        }
    }
    return true;
}

static bool prepare_socket(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
        return false;
    }
#ifdef SO_NOSIGPIPE
    int one = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &one, sizeof one) < 0) {
        return false;
    }
#endif
    return true;
}

struct weir_conn *weir_conn_new(const struct weir_conn_config *config)
{
    if (!usable(config)) {
        errno = EINVAL;
        return NULL;
    }
    if (!prepare_socket(config->fd)) {
        return NULL;
    }
    struct weir_conn *conn = calloc(1, sizeof *conn);
    struct weir_refusal *refusals = calloc(2 * config->backend_count, sizeof *refusals);
    struct io_locks *locks = config->two_threads ? io_locks_new() : NULL;
    if (conn == NULL || refusals == NULL || (config->two_threads && locks == NULL)) {
        int error = conn == NULL || refusals == NULL ? ENOMEM : errno;
        free(conn);
        free(refusals);
        io_locks_free(locks);
        errno = error;
        return NULL;
    }
    conn->fd = config->fd;
    conn->hs = config->handshake;
    conn->backends = config->backends;
    conn->backend_count = config->backend_count;
    conn->negotiated = WEIR_MAX_PLAINTEXT;
    conn->record_limit = config->record_limit == 0 ? WEIR_MAX_PLAINTEXT : config->record_limit;
    conn->pad_multiple = config->pad_multiple;
    conn->policy = config->policy;
    conn->reversible = config->reversible;
    conn->locks = locks;
    conn->path[WEIR_TX].refusals = refusals;
    conn->path[WEIR_RX].refusals = refusals + config->backend_count;
    return conn;
}

void weir_conn_free(struct weir_conn *conn)
{
    if (conn == NULL) {
        return;
    }
    if (conn->phase == IO_OPEN) {
        weir_session_wipe(&conn->session);
    }
    weir_tx_wipe(&conn->tx);
    weir_rx_wipe(&conn->rx);
    conn->hs->release(conn->hs);
    for (int dir = 0; dir < 2; dir++) {
        free(conn->path[dir].ctx);
        free(conn->path[dir].to_ctx);
    }
    free(conn->path[WEIR_TX].refusals);
    io_buffer_free(&conn->in);
    io_buffer_free(&conn->out);
    io_locks_free(conn->locks);
    weir_wipe(conn, sizeof *conn);
    free(conn);
}

/* Whether there is no room for more from the peer: the TLS library is suspended, and more on the
 * socket would wake the caller for nothing, again and again. */
static bool is_full(const struct io_buffer *b)
{
    return b->cap > 0 && io_buffer_len(b) == b->cap;
}

short io_events(const struct weir_conn *conn, enum weir_dir dir)
{
    if (dir == WEIR_RX) {
        short events = conn->rx_status == WEIR_OK ? POLLIN : 0;
        return (short)(weir_rx_command(&conn->rx) == NULL ? events : events | POLLOUT);
    }
    /* What is sealed goes out even when the direction has failed behind it. */
    bool waits = io_buffer_len(&conn->out) > 0 || weir_tx_command(&conn->tx) != NULL;
    bool says = conn->pump_again || conn->writer_waits ||
                weir_session_wants_flush(&conn->session) || (conn->closing && !conn->fin_sent);
    return waits || (says && conn->tx_status >= WEIR_OK) ? POLLOUT : 0;
}

short weir_conn_events(const struct weir_conn *conn)
{
    switch (conn->phase) {
    case IO_HANDSHAKE:
    case IO_HANDOVER:
        if (conn->blocked) {
            return POLLOUT;
        }
        return is_full(&conn->in) ? 0 : POLLIN;
    case IO_FAILED:
        return 0;
    case IO_OPEN:
        break;
    }
    return (short)(io_events_shown(conn, WEIR_TX) | io_events_shown(conn, WEIR_RX));
}

static weir_status limit_records(struct weir_conn *conn, size_t limit)
{
    if (conn->phase != IO_OPEN || limit > WEIR_MAX_PLAINTEXT) {
        return WEIR_E_MISUSE;
    }
    limit = limit > conn->negotiated ? conn->negotiated : limit;
    weir_status status = weir_tx_set_record_limit(&conn->tx, limit);
    if (status == WEIR_OK) {
        conn->record_limit = limit;
    }
    return status;
}

weir_status weir_conn_set_record_limit(struct weir_conn *conn, size_t limit)
{
    io_lock(conn, IO_BOTH);
    weir_status status = limit_records(conn, limit);
    io_unlock(conn, IO_BOTH);
    return status;
}

void weir_conn_trim(struct weir_conn *conn)
{
    io_lock(conn, IO_BOTH);
    if (io_buffer_len(&conn->in) == 0 && conn->record_next == conn->record_count) {
        io_buffer_free(&conn->in);
    }
    if (io_buffer_len(&conn->out) == 0) {
        io_buffer_free(&conn->out);
    }
    io_unlock(conn, IO_BOTH);
}

struct weir_conn_path weir_conn_path(const struct weir_conn *conn, enum weir_dir dir)
{
    io_lock(conn, IO_BOTH);
    const struct io_path *path = &conn->path[dir];
    struct weir_conn_path answer = {
        .backend = path->backend, .refusals = path->refusals, .refusal_count = path->refusal_count};
    if (path->backend != NULL) {
        answer.carrier = dir == WEIR_TX ? weir_tx_carrier(&conn->tx) : weir_rx_carrier(&conn->rx);
    }
    io_unlock(conn, IO_BOTH);
    return answer;
}

struct weir_session *weir_conn_session(struct weir_conn *conn)
{
    return conn->phase == IO_OPEN ? &conn->session : NULL;
}

const struct weir_tx *weir_conn_tx(const struct weir_conn *conn)
{
    return conn->phase == IO_OPEN ? &conn->tx : NULL;
}

const struct weir_rx *weir_conn_rx(const struct weir_conn *conn)
{
    return conn->phase == IO_OPEN ? &conn->rx : NULL;
}

struct weir_handshake *weir_conn_handshake_of(struct weir_conn *conn)
{
    return conn->hs;
}

static struct weir_refusal refusal_of(const struct weir_conn *conn)
{
    if (conn->refusal.code == WEIR_REFUSAL_NONE && conn->phase == IO_OPEN) {
        return weir_session_refusal(&conn->session);
    }
    return conn->refusal;
}

struct weir_refusal weir_conn_refusal(const struct weir_conn *conn)
{
    io_lock(conn, IO_BOTH);
    struct weir_refusal why = refusal_of(conn);
    io_unlock(conn, IO_BOTH);
    return why;
}

/* The TLS library's own words about a failed handshake. */
static void explain_handshake(struct weir_conn *conn, weir_status status)
{
    const char *words = conn->hs->error(conn->hs);
    if (conn->phase != IO_OPEN && status == WEIR_E_TRUNCATED) {
        (void)snprintf(conn->text, sizeof conn->text,
                       "the peer closed the connection during the TLS handshake%s%s",
                       words[0] != '\0' ? ": " : "", words);
        return;
    }
    (void)snprintf(conn->text, sizeof conn->text, "%s (%s): %s",
                   conn->phase == IO_OPEN ? "the TLS library ended the connection"
                                          : "TLS handshake failed",
                   conn->hs->library, words[0] != '\0' ? words : weir_status_text(status));
}

static void explain_os(struct weir_conn *conn)
{
    uint8_t alert =
        conn->phase == IO_OPEN ? weir_session_peer_alert(&conn->session) : (uint8_t)WEIR_ALERT_NONE;
    bool said = alert != WEIR_ALERT_NONE && alert != 0;
    (void)snprintf(conn->text, sizeof conn->text, "%s%s%s: %s%s%s",
                   conn->os_backend == NULL ? "" : conn->os_backend,
                   conn->os_backend == NULL ? "" : ": ",
                   conn->os_call == NULL ? "socket" : conn->os_call, strerror(conn->os_error),
                   said ? "; the peer sent alert " : "", said ? weir_alert_name(alert) : "");
}

static void explain_record(struct weir_conn *conn, weir_status status)
{
    uint8_t alert = weir_status_alert(status);
    const char *words = "";
    if (status == WEIR_E_PEER_ALERT && conn->phase == IO_OPEN) {
        alert = weir_session_peer_alert(&conn->session);
        words = ": ";
    } else if (alert != WEIR_ALERT_NONE) {
        bool sent = conn->phase == IO_OPEN && weir_session_send_ended(&conn->session) &&
                    conn->tx_status >= WEIR_OK && io_buffer_len(&conn->out) == 0;
        words = sent ? "; alert sent: " : "; alert: ";
    }
    char os[120] = "";
    if (conn->os_backend != NULL) {
        (void)snprintf(os, sizeof os, " (%s: %s: %s)", conn->os_backend, conn->os_call,
                       strerror(conn->os_error));
    }
    (void)snprintf(conn->text, sizeof conn->text, "%s%s%s%s", weir_status_text(status), os, words,
                   words[0] == '\0' ? "" : weir_alert_name(alert));
}

static void explain_refusal(struct weir_conn *conn)
{
    struct weir_refusal why = refusal_of(conn);
    if (why.code == WEIR_REFUSAL_NONE) { /* a wish of the TLS library, so its words */
        (void)snprintf(conn->text, sizeof conn->text, "refused: %s", conn->hs->error(conn->hs));
        return;
    }
    (void)snprintf(conn->text, sizeof conn->text, "refused: %s (%s)%s%s",
                   weir_refusal_text(why.code), weir_refusal_name(why.code),
                   why.os_error == 0 ? "" : ": ", why.os_error == 0 ? "" : strerror(why.os_error));
}

const char *weir_conn_explain(struct weir_conn *conn, weir_status status)
{
    io_lock(conn, IO_BOTH);
    if (status == WEIR_REFUSED) {
        explain_refusal(conn);
    } else if (status == WEIR_E_HANDSHAKE ||
               (status == WEIR_E_TRUNCATED && conn->phase != IO_OPEN)) {
        explain_handshake(conn, status);
    } else if (status == WEIR_E_IO) {
        explain_os(conn);
    } else {
        explain_record(conn, status);
    }
    io_unlock(conn, IO_BOTH);
    return conn->text;
}
