/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the first byte to the session: the TLS library's handshake over the socket, the hand-over of
 * the keys, and the choice of a backend for each direction.
 */
#include "conn.h"

#include <errno.h>
#include <stdlib.h>

static weir_status failed(struct weir_conn *conn, weir_status status)
{
    conn->phase = IO_FAILED;
    conn->hs_status = status;
    conn->rx_status = conn->tx_status = status;
    return status;
}

/* Sends what the TLS library has written. */
static weir_status send_output(struct weir_conn *conn)
{
    for (;;) {
        const uint8_t *data = NULL;
        size_t len = 0, sent = 0;
        conn->hs->output(conn->hs, &data, &len);
        if (len == 0) {
            return WEIR_OK;
        }
        weir_status status = io_send_from(conn, data, len, &sent);
        if (status < WEIR_OK) {
            return status;
        }
        conn->hs->output_taken(conn->hs, sent);
        if (status != WEIR_OK) {
            return status;
        }
    }
}

/* Gives the library what has been received, until it wants more or is done. */
static weir_status drive(struct weir_conn *conn)
{
    struct io_buffer *b = &conn->in;
    for (;;) {
        size_t consumed = 0;
        /* Before the first byte there is no buffer, and no pointer into it. */
        const uint8_t *from = b->base == NULL ? NULL : b->base + b->head;
        weir_status status = conn->hs->drive(conn->hs, from, io_buffer_len(b), &consumed);
        b->head += consumed;
        if (status != WEIR_NEED_INPUT || consumed == 0 || io_buffer_len(b) == 0) {
            return status;
        }
    }
}

/* Receives more of the handshake. WEIR_OK: something came. */
static weir_status receive(struct weir_conn *conn)
{
    struct io_buffer *b = &conn->in;
    if (!io_buffer_compact(b, WEIR_MAX_RECORD)) {
        return io_failed(conn, "malloc", ENOMEM);
    }
    if (b->tail == b->cap) {
        return WEIR_NEED_INPUT; /* a callback of the application has suspended the library */
    }
    weir_status status = io_receive(conn, SIZE_MAX);
    if (status == WEIR_OK && conn->end_of_file) {
        return WEIR_E_TRUNCATED;
    }
    return status;
}

static weir_status negotiate(struct weir_conn *conn)
{
    for (;;) {
        /* Also without new bytes: a callback of the application may have held the library up. */
        weir_status status = drive(conn);
        if (status < WEIR_OK) {
            (void)send_output(conn); /* its alert, as far as the socket takes it */
            io_finish(conn);
            io_discard(conn);
            return failed(conn, status);
        }
        if (status == WEIR_OK) {
            conn->phase = IO_HANDOVER;
            return WEIR_OK;
        }
        weir_status sent = send_output(conn);
        if (sent != WEIR_OK) {
            return sent < WEIR_OK ? failed(conn, sent) : sent;
        }
        status = receive(conn);
        if (status != WEIR_OK) {
            return status < WEIR_OK ? failed(conn, status) : status;
        }
    }
}

void *io_backend_memory(const struct weir_backend *backend)
{
    void *ctx = NULL;
    size_t align = backend->ctx_align < sizeof(void *) ? sizeof(void *) : backend->ctx_align;
    size_t size = backend->ctx_size == 0 ? 1 : backend->ctx_size;
    return posix_memalign(&ctx, align, size) == 0 ? ctx : NULL;
}

static weir_status attach(struct weir_conn *conn, struct weir_keys *keys, enum weir_dir dir,
                          const struct weir_backend *backend, void *ctx, struct weir_refusal *why)
{
    if (dir == WEIR_TX) {
        return weir_tx_init(&conn->tx, keys, backend, ctx, backend->ctx_size, why);
    }
    return weir_rx_init(&conn->rx, keys, backend, ctx, backend->ctx_size, why);
}

/* No backend of the list seals for weir, so those that would not refuse the keys have no connection
 * to go on with. */
static weir_status none_chosen(struct weir_conn *conn, struct io_path *path)
{
    for (size_t i = 0; i < conn->backend_count; i++) {
        struct weir_refusal *why = &path->refusals[i];
        if (why->code == WEIR_REFUSAL_BOUNDARY) {
            *why = (struct weir_refusal){.code = WEIR_REFUSAL_FORM,
                                         .layer = WEIR_LAYER_CORE,
                                         .detail = (uint32_t)conn->backends[i]->form};
        }
        conn->refusal = *why;
    }
    path->refusal_count = conn->backend_count;
    return WEIR_REFUSED;
}

/* Takes the first backend of the list that takes the direction and seals for weir. */
static weir_status choose(struct weir_conn *conn, struct weir_keys *keys, enum weir_dir dir)
{
    struct io_path *path = &conn->path[dir];
    for (size_t i = 0; i < conn->backend_count; i++) {
        const struct weir_backend *backend = conn->backends[i];
        struct weir_refusal *why = &path->refusals[i];
        if (!weir_backend_check(backend, keys, dir, why)) {
            continue;
        }
        if (backend->form != WEIR_FORM_RECORD) {
            *why = (struct weir_refusal){
                .code = WEIR_REFUSAL_BOUNDARY, .layer = WEIR_LAYER_CORE, .transient = true};
            continue;
        }
        void *ctx = io_backend_memory(backend);
        if (ctx == NULL) {
            return io_failed(conn, "malloc", ENOMEM);
        }
        if (attach(conn, keys, dir, backend, ctx, why) == WEIR_OK) {
            io_begin_on(conn, dir, i, ctx);
            return WEIR_OK;
        }
        free(ctx);
    }
    return none_chosen(conn, path);
}

/* What was negotiated, and for sending what the application wants, whichever is less. */
static weir_status limit_records(struct weir_conn *conn)
{
    if (conn->hs->record_limit != NULL) {
        conn->negotiated = conn->hs->record_limit(conn->hs, WEIR_TX);
        if (conn->record_limit > conn->negotiated) {
            conn->record_limit = conn->negotiated;
        }
        weir_status status =
            weir_rx_set_record_limit(&conn->rx, conn->hs->record_limit(conn->hs, WEIR_RX));
        if (status != WEIR_OK) {
            return status;
        }
    }
    return weir_tx_set_record_limit(&conn->tx, conn->record_limit);
}

static weir_status open_session(struct weir_conn *conn, struct weir_keys *tx, struct weir_keys *rx)
{
    bool pads = conn->pad_multiple > 1 && tx->version == WEIR_TLS13;
    weir_status status = choose(conn, tx, WEIR_TX);
    const struct weir_refusal why = conn->refusal;
    /* Also when there is none for sending: weir_conn_path tells of both. */
    weir_status receiving = choose(conn, rx, WEIR_RX);
    if (status == WEIR_OK) {
        status = receiving;
    } else {
        conn->refusal = why;
    }
    if (status == WEIR_OK) {
        status = limit_records(conn);
    }
    if (status == WEIR_OK && pads) {
        status = weir_tx_set_padding(&conn->tx, conn->pad_multiple);
    }
    if (status == WEIR_OK) {
        struct weir_session_config config = {
            .tx = &conn->tx, .rx = &conn->rx, .kdf = conn->hs->kdf, .server = conn->hs->server};
        status = weir_session_init(&conn->session, &config);
    }
    return status;
}

/* The keys change hands. */
static weir_status hand_over(struct weir_conn *conn)
{
    struct weir_keys tx = {0}, rx = {0};
    weir_status status = conn->hs->take_keys(conn->hs, &tx, &rx, &conn->refusal);
    if (status == WEIR_OK) {
        status = open_session(conn, &tx, &rx);
    }
    weir_keys_wipe(&tx);
    weir_keys_wipe(&rx);
    if (status != WEIR_OK) {
        io_finish(conn);
        return failed(conn, status);
    }
    conn->phase = IO_OPEN;
    /* The first boundary is here, unless the peer has been quick. A failure is for the calls that
     * read and write. */
    (void)io_move(conn, WEIR_TX);
    (void)io_move(conn, WEIR_RX);
    return WEIR_OK;
}

static weir_status shake_hands(struct weir_conn *conn)
{
    if (conn->phase == IO_HANDSHAKE) {
        weir_status status = negotiate(conn);
        if (status != WEIR_OK) {
            return status;
        }
    }
    if (conn->phase == IO_HANDOVER) {
        /* All of the library's output goes first: our records continue its numbers. */
        weir_status status = send_output(conn);
        if (status != WEIR_OK) {
            return status < WEIR_OK ? failed(conn, status) : status;
        }
        return hand_over(conn);
    }
    return conn->hs_status;
}

weir_status weir_conn_handshake(struct weir_conn *conn)
{
    io_lock(conn, IO_BOTH);
    weir_status status = shake_hands(conn);
    io_unlock(conn, IO_BOTH);
    return status;
}
