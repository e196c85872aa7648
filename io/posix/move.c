/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which backend carries a direction: the moves through the list, those that the application asks
 * for, and the commands of backends. A direction moves between two records, with nothing of it half
 * sent or half read.
 */
#include "conn.h"

#include <errno.h>
#include <stdlib.h>

bool io_streams(const struct weir_conn *conn, enum weir_dir dir)
{
    const struct weir_backend *backend = conn->path[dir].backend;
    return backend != NULL && backend->form == WEIR_FORM_STREAM;
}

/* The backend to ask next; NULL: none. Skips those that have refused the keys already. */
static const struct weir_backend *candidate(struct weir_conn *conn, struct io_path *path)
{
    if (path->wish != NULL) {
        return path->wish;
    }
    while (path->next < path->last && path->refusals[path->next].code != WEIR_REFUSAL_BOUNDARY) {
        path->next++;
    }
    return path->next < path->last ? conn->backends[path->next] : NULL;
}

bool io_wants_move(const struct weir_conn *conn, enum weir_dir dir)
{
    const struct io_path *path = &conn->path[dir];
    return path->to != NULL || path->wish != NULL || path->next < path->last;
}

/* The place in the list of the backend that was asked; backend_count: it is not there. */
static size_t place_of(const struct weir_conn *conn, const struct io_path *path,
                       const struct weir_backend *backend)
{
    size_t i = path->wish == backend ? 0 : path->next;
    while (i < conn->backend_count && conn->backends[i] != backend) {
        i++;
    }
    return i;
}

void io_begin_on(struct weir_conn *conn, enum weir_dir dir, size_t at, void *ctx)
{
    struct io_path *path = &conn->path[dir];
    path->backend = conn->backends[at];
    path->ctx = ctx;
    path->refusal_count = at;
    path->next = 0;
    path->last = at;
    (void)candidate(conn, path);
    conn->refusal = (struct weir_refusal){.code = WEIR_REFUSAL_NONE};
}

/* `to` has the direction, and its memory in `ctx`. */
static void moved(struct weir_conn *conn, struct io_path *path, const struct weir_backend *to,
                  void *ctx)
{
    size_t at = place_of(conn, path, to);
    free(path->ctx);
    path->backend = to;
    path->ctx = ctx;
    path->refusal_count = at < conn->backend_count ? at : 0;
    path->next = path->last = 0;
    path->wish = NULL;
}

/* The wish or the next of the list is answered. */
static void refused(struct weir_conn *conn, struct io_path *path, const struct weir_backend *to,
                    void *ctx, const struct weir_refusal *why)
{
    size_t at = place_of(conn, path, to);
    free(ctx);
    if (at < conn->backend_count) {
        path->refusals[at] = *why;
    }
    if (path->wish == to) {
        path->wish = NULL;
        conn->refusal = *why;
    } else {
        path->next++;
    }
}

/* A command is done: told to whoever asked for it. */
static weir_status complete(struct weir_conn *conn, enum weir_dir dir, const struct weir_done *done,
                            struct weir_refusal *why)
{
    struct io_path *path = &conn->path[dir];
    if (path->to == NULL) {
        return weir_session_complete(&conn->session, dir, done, why);
    }
    /* Past the session: that a backend of the list did not take it is not a wish refused. */
    weir_status status = dir == WEIR_TX ? weir_tx_complete(&conn->tx, done, why)
                                        : weir_rx_complete(&conn->rx, done, why);
    if (status == WEIR_PENDING) {
        return status;
    }
    const struct weir_backend *to = path->to;
    void *ctx = path->to_ctx;
    path->to = NULL;
    path->to_ctx = NULL;
    if (status == WEIR_OK) {
        moved(conn, path, to, ctx);
    } else {
        refused(conn, path, to, ctx, why);
    }
    if (status < WEIR_OK) {
        weir_session_fail(&conn->session, status);
    }
    return status < WEIR_OK ? status : WEIR_OK;
}

static const char *call_of(const struct weir_cmd *cmd)
{
    return cmd->kind == WEIR_CMD_GETSOCKOPT ? "getsockopt" : "setsockopt";
}

/* As io_commands; WEIR_REFUSED: a query was not answered. */
static weir_status carry_out(struct weir_conn *conn, enum weir_dir dir, struct weir_refusal *why)
{
    for (;;) {
        const struct weir_cmd *cmd =
            dir == WEIR_TX ? weir_tx_command(&conn->tx) : weir_rx_command(&conn->rx);
        if (cmd == NULL) {
            return WEIR_OK;
        }
        const char *call = call_of(cmd);
        struct weir_done done = weir_posix_command(conn->fd, cmd);
        weir_status status = complete(conn, dir, &done, why);
        if (status == WEIR_PENDING && done.os_error == EAGAIN) {
            conn->blocked = true;
            return WEIR_NEED_OUTPUT;
        }
        if (status == WEIR_REFUSED) {
            return status;
        }
        if (status < WEIR_OK) {
            conn->os_backend = conn->path[dir].backend->name;
            (void)io_failed(conn, call, done.os_error);
            if (dir == WEIR_TX) {
                conn->tx_status = status; /* it has no key any more, for an alert neither */
            }
            return status;
        }
    }
}

weir_status io_commands(struct weir_conn *conn, enum weir_dir dir)
{
    struct weir_refusal why;
    weir_status status = WEIR_REFUSED;
    while (status == WEIR_REFUSED) {
        status = carry_out(conn, dir, &why);
    }
    return status;
}

/* Nothing of the direction is half done, and it is not at its end. */
static bool at_boundary(const struct weir_conn *conn, enum weir_dir dir)
{
    weir_status status = weir_session_status(&conn->session);
    if (dir == WEIR_RX) {
        return conn->rx_status == WEIR_OK && status == WEIR_OK && !conn->end_of_file &&
               io_buffer_len(&conn->in) == 0 && !conn->unsorted;
    }
    return conn->tx_status >= WEIR_OK && status >= WEIR_OK && !conn->closing &&
           !weir_session_send_ended(&conn->session) && conn->message_at == 0 &&
           io_buffer_len(&conn->out) == 0;
}

/* What carries the direction below the socket knows where it stands: asked before it gives it up.
 */
static weir_status ask(struct weir_conn *conn, enum weir_dir dir, struct weir_refusal *why)
{
    weir_status status =
        dir == WEIR_TX ? weir_tx_query(&conn->tx, why) : weir_rx_query(&conn->rx, why);
    if (status == WEIR_PENDING) {
        status = carry_out(conn, dir, why);
    } else if (status < WEIR_OK) {
        weir_session_fail(&conn->session, status);
    }
    return status;
}

/* WEIR_OK: the question is answered, one way or the other, or commands wait. */
static weir_status begin(struct weir_conn *conn, enum weir_dir dir, const struct weir_backend *to)
{
    struct io_path *path = &conn->path[dir];
    struct weir_refusal why = {.code = WEIR_REFUSAL_NONE};
    if (io_streams(conn, dir) && (path->backend->caps & WEIR_CAP_RELEASE) != 0) {
        weir_status status = ask(conn, dir, &why);
        if (status < WEIR_OK || status == WEIR_NEED_OUTPUT) {
            return status;
        }
    }
    void *ctx = io_backend_memory(to);
    if (ctx == NULL) {
        why = (struct weir_refusal){.code = WEIR_REFUSAL_RESOURCES,
                                    .layer = WEIR_LAYER_OS,
                                    .os_error = ENOMEM,
                                    .transient = true};
        refused(conn, path, to, ctx, &why);
        return WEIR_OK;
    }
    const struct weir_move move = {.backend = to,
                                   .ctx = ctx,
                                   .ctx_len = to->ctx_size,
                                   .policy = conn->policy,
                                   .reversible = conn->reversible};
    weir_status status = dir == WEIR_TX ? weir_tx_offload(&conn->tx, &move, &why)
                                        : weir_rx_offload(&conn->rx, &move, &why);
    if (status == WEIR_PENDING) {
        path->to = to;
        path->to_ctx = ctx;
    } else if (status == WEIR_OK) {
        moved(conn, path, to, ctx);
    } else {
        refused(conn, path, to, ctx, &why);
    }
    return status < WEIR_OK ? status : WEIR_OK;
}

weir_status io_move(struct weir_conn *conn, enum weir_dir dir)
{
    for (;;) {
        weir_status status = io_commands(conn, dir);
        if (status != WEIR_OK) {
            return status;
        }
        const struct weir_backend *to = candidate(conn, &conn->path[dir]);
        if (to == NULL || !at_boundary(conn, dir)) {
            return WEIR_OK;
        }
        status = begin(conn, dir, to);
        if (status != WEIR_OK) {
            return status;
        }
    }
}

/* What a call about a direction answers when there is none, or it is dead. */
static weir_status alive(const struct weir_conn *conn, enum weir_dir dir)
{
    if (conn->phase != IO_OPEN) {
        return conn->phase == IO_FAILED ? conn->hs_status : WEIR_E_MISUSE;
    }
    return dir == WEIR_TX ? conn->tx_status : conn->rx_status;
}

static weir_status offload(struct weir_conn *conn, enum weir_dir dir,
                           const struct weir_backend *backend)
{
    struct io_path *path = &conn->path[dir];
    weir_status status = alive(conn, dir);
    if (status != WEIR_OK || backend == NULL) {
        return status == WEIR_OK ? WEIR_E_MISUSE : status;
    }
    conn->refusal = (struct weir_refusal){.code = WEIR_REFUSAL_NONE};
    path->next = path->last = 0;
    path->wish = path->backend == backend && path->to == NULL ? NULL : backend;
    if (dir == WEIR_TX && path->wish != NULL) {
        status = io_send(conn); /* what is sealed goes first */
    }
    if (status >= WEIR_OK) {
        status = io_move(conn, dir);
    }
    if (status < WEIR_OK) {
        return status;
    }
    if (path->backend == backend) {
        path->wish = NULL;
        return WEIR_OK;
    }
    if (path->wish == NULL && path->to == NULL) {
        return WEIR_REFUSED;
    }
    return dir == WEIR_TX ? WEIR_NEED_OUTPUT : WEIR_NEED_INPUT;
}

weir_status weir_conn_offload(struct weir_conn *conn, enum weir_dir dir,
                              const struct weir_backend *backend)
{
    io_lock(conn, IO_BOTH);
    weir_status status = offload(conn, dir, backend);
    io_unlock(conn, IO_BOTH);
    return status;
}

static weir_status query(struct weir_conn *conn, enum weir_dir dir)
{
    weir_status status = alive(conn, dir);
    if (status == WEIR_OK) {
        status = io_commands(conn, dir);
    }
    if (status != WEIR_OK) {
        return status;
    }
    conn->refusal = (struct weir_refusal){.code = WEIR_REFUSAL_NONE};
    return ask(conn, dir, &conn->refusal);
}

weir_status weir_conn_query(struct weir_conn *conn, enum weir_dir dir)
{
    io_lock(conn, IO_BOTH);
    weir_status status = query(conn, dir);
    io_unlock(conn, IO_BOTH);
    return status;
}
