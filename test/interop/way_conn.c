/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * weir by its own interface: a connection of io/posix.
 */
#include "talk.h"

#include <weir/posix.h>

struct conn_way {
    struct way way;
    struct weir_conn *conn;
};

static struct weir_conn *conn_of(struct way *way)
{
    return ((struct conn_way *)(void *)way)->conn;
}

static weir_status handshake(struct way *way)
{
    return weir_conn_handshake(conn_of(way));
}

static weir_status read_view(struct way *way, const uint8_t **data, size_t *got)
{
    return weir_conn_read_view(conn_of(way), data, got);
}

static weir_status write_some(struct way *way, const void *buf, size_t len, size_t *put)
{
    return weir_conn_write(conn_of(way), buf, len, put);
}

static weir_status flush(struct way *way)
{
    return weir_conn_flush(conn_of(way));
}

static weir_status end(struct way *way)
{
    return weir_conn_close(conn_of(way));
}

static weir_status update(struct way *way, bool request)
{
    return weir_conn_key_update(conn_of(way), request);
}

static short events(struct way *way)
{
    return weir_conn_events(conn_of(way));
}

static const char *explain(struct way *way, weir_status status)
{
    if (status == WEIR_REFUSED)
        return weir_refusal_text(weir_conn_refusal(conn_of(way)).code);
    return weir_conn_explain(conn_of(way), status);
}

static void report(struct way *way, struct outcome *out)
{
    struct weir_conn *conn = conn_of(way);

    out->tx_rekeys = weir_tx_counters(weir_conn_tx(conn)).rekeys;
    out->rx_rekeys = weir_rx_counters(weir_conn_rx(conn)).rekeys;
    out->rx_records = weir_rx_counters(weir_conn_rx(conn)).records;
    out->peer_alert = weir_session_peer_alert(weir_conn_session(conn));
    out->backend = weir_conn_path(conn, WEIR_TX).backend->name;
    out->rx_backend = weir_conn_path(conn, WEIR_RX).backend->name;
}

struct way *way_of_conn(struct weir_conn *conn)
{
    static struct conn_way self;

    self = (struct conn_way){
        .way = {.handshake = handshake,
                .read = read_view,
                .write = write_some,
                .flush = flush,
                .close = end,
                .update = update,
                .events = events,
                .explain = explain,
                .report = report},
        .conn = conn,
    };
    return &self.way;
}
