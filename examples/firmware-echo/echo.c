/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A TLS echo without an operating system, a libc, a heap or a crypto library. Keys come over the
 * line from a host that has shaken hands; from there on every record is opened and sealed here.
 * Each comes back in the place it came in, so one buffer for one record is all there is.
 */
#include "link.h"
#include "provision.h"
#include "stack.h"

#include <weir/portable.h>
#include <weir/session.h>
#include <weir/soft.h>

/* Most plaintext in a record. A peer that was told less at the handshake needs less room:
 * max_fragment_length (RFC 6066) and record_size_limit (RFC 8449). */
#ifndef ECHO_RECORD
#define ECHO_RECORD WEIR_MAX_PLAINTEXT
#endif
/* The image changes its own key after so many bytes, and asks the peer to. */
#define ECHO_KEY_UPDATE 262144u

/* What weir_aead_portable takes for a key where words have 32 bits; weir_tx_init refuses less. */
#define ECHO_CTX 520u

struct connection {
    struct weir_tx tx;
    struct weir_rx rx;
    struct weir_session session;
    uint64_t tx_ctx[ECHO_CTX / 8], rx_ctx[ECHO_CTX / 8];
    uint64_t sent; /* bytes of application data */
    uint8_t record[WEIR_RX_BYTES(WEIR_TLS12, ECHO_RECORD)];
};

/* The keys are wiped by weir as soon as it has them, and by the caller in any case. */
static weir_status begin(struct connection *c, struct provision *from, const struct weir_soft *soft,
                         struct weir_refusal *why)
{
    struct weir_session_config config = {
        .tx = &c->tx, .rx = &c->rx, .kdf = &weir_kdf_portable, .server = from->server};

    *why = (struct weir_refusal){.code = WEIR_REFUSAL_RECORD_LIMIT};
    if (from->rx_limit > ECHO_RECORD || from->tx_limit < from->rx_limit)
        return WEIR_REFUSED; /* what may come in would not fit, or not go out again in one piece */
    weir_status status =
        weir_tx_init(&c->tx, &from->tx, &soft->backend, c->tx_ctx, sizeof c->tx_ctx, why);
    if (status == WEIR_OK)
        status = weir_rx_init(&c->rx, &from->rx, &soft->backend, c->rx_ctx, sizeof c->rx_ctx, why);
    if (status == WEIR_OK)
        status = weir_tx_set_record_limit(&c->tx, from->tx_limit);
    if (status == WEIR_OK)
        status = weir_rx_set_record_limit(&c->rx, from->rx_limit);
    return status == WEIR_OK ? weir_session_init(&c->session, &config) : status;
}

/* Sends what the session has to say by itself: KeyUpdates, alerts. */
static void flush(struct connection *c)
{
    uint8_t out[WEIR_HEADER_LEN + 8u + 32u + WEIR_TAG_LEN];
    size_t made = 0;
    weir_status status = WEIR_NEED_OUTPUT;

    while (status == WEIR_NEED_OUTPUT) {
        status = weir_session_flush(&c->session, out, sizeof out, &made);
        if (made == 0)
            break;
        link_write(LINK_DATA, out, made);
    }
}

/* Reads one record, which has room in the buffer by the limit that was set, and opens it where it
 * lies; `*count` is 1 when it is for us. */
static weir_status receive(struct connection *c, struct link *link, struct weir_record *record,
                           size_t *count)
{
    size_t have = 0, got = 0, want, consumed = 0;

    while (want = weir_rx_want(&c->rx, c->record, have), want > have) {
        if (!link_read(link, c->record + have, want - have, &got))
            return weir_session_end_of_stream(&c->session);
        have += got;
    }
    weir_status status =
        weir_session_receive(&c->session, c->record, have, &consumed, record, 1, count);
    return status == WEIR_NEED_INPUT ? WEIR_OK : status;
}

/* Seals what came where it lies: a record of the same length is around it already. */
static weir_status send_back(struct connection *c, const struct weir_record *record)
{
    uint8_t *at = record->data - weir_tx_shape(&c->tx).prefix;
    size_t room = sizeof c->record - (size_t)(at - c->record), made = 0;
    weir_status status = weir_session_send_in_place(&c->session, at, record->len, room, &made);

    if (status == WEIR_OK || status == WEIR_REKEY_DUE) {
        link_write(LINK_DATA, at, made);
        c->sent += record->len;
        return WEIR_OK;
    }
    return status;
}

/* TLS 1.3 changes its keys in mid-stream; TLS 1.2 refuses, and that is no harm. */
static weir_status update_keys(struct connection *c, uint64_t before)
{
    struct weir_refusal why;

    if (before / ECHO_KEY_UPDATE == c->sent / ECHO_KEY_UPDATE)
        return WEIR_OK;
    weir_status status = weir_session_key_update(&c->session, true, &why);
    return status == WEIR_REFUSED ? WEIR_OK : status;
}

/* Until one end is at its end: WEIR_CLOSED, or what went wrong. */
static weir_status serve(struct connection *c, struct link *link)
{
    struct weir_record record;
    weir_status status = WEIR_OK;

    while (status == WEIR_OK) {
        size_t count = 0;
        status = receive(c, link, &record, &count);
        flush(c);
        /* Tickets, too, come as records; there is no TLS library here that could keep them. */
        if (status != WEIR_OK || count == 0 || record.type != WEIR_TYPE_DATA || record.len == 0)
            continue;
        uint64_t before = c->sent;
        status = send_back(c, &record);
        if (status == WEIR_OK)
            status = update_keys(c, before);
        flush(c);
    }
    if (status == WEIR_CLOSED)
        (void)weir_session_close(&c->session);
    flush(c);
    return status;
}

static void put_number(uint8_t *at, size_t bytes, uint64_t value)
{
    for (size_t i = bytes; i-- > 0; value >>= 8)
        at[i] = (uint8_t)value;
}

static void report(const struct connection *c, weir_status status)
{
    uint8_t out[LINK_REPORT_LEN] = {(uint8_t)status, weir_session_peer_alert(&c->session)};

    put_number(out + 2, 2, weir_tx_position(&c->tx).epoch);
    put_number(out + 4, 2, weir_rx_position(&c->rx).epoch);
    put_number(out + 6, 8, c->sent);
    put_number(out + 14, 2, stack_used());
    link_write(LINK_END, out, sizeof out);
}

/* Takes the keys of one connection; the message and what was in it are wiped. */
static bool take_keys(struct connection *c, struct link *link, const struct weir_soft *soft)
{
    uint8_t *message = c->record, answer[LINK_ANSWER_LEN];
    struct provision keys;
    struct weir_refusal why = {.code = WEIR_REFUSAL_NONE};

    _Static_assert(sizeof c->record >= PROVISION_LEN, "the message has room in the buffer");
    link_read_keys(link, message, PROVISION_LEN);
    weir_status status = provision_decode(&keys, &weir_kdf_portable, message);
    weir_wipe(message, PROVISION_LEN);
    if (status == WEIR_OK)
        status = begin(c, &keys, soft, &why);
    weir_wipe(&keys, sizeof keys);
    answer[0] = (uint8_t)status;
    answer[1] = status == WEIR_REFUSED ? (uint8_t)why.code : 0;
    link_write(LINK_ANSWER, answer, sizeof answer);
    return status == WEIR_OK;
}

int main(void);
int main(void)
{
    static struct connection connection;
    static struct weir_soft soft;
    static struct link link;
    struct weir_refusal why;

    stack_paint();
    uart_init();
    if (weir_soft_init(&soft, &weir_aead_portable, &why) != WEIR_OK)
        return 1;
    for (;;) {
        if (take_keys(&connection, &link, &soft))
            report(&connection, serve(&connection, &link));
        weir_tx_wipe(&connection.tx);
        weir_rx_wipe(&connection.rx);
        weir_wipe(&connection, sizeof connection);
    }
}
