/* SPDX-License-Identifier: BSD-2-Clause */
#include "host.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/soft.h>

#include "pattern.h"
#include "sendbuf.h"

#define MARKS 1024u
#define AHEAD 30000u /* bytes beyond SND.UNA from which on no record is framed */
#define SLOW  700u   /* bytes that a slow reader takes at a time */
#define NOTES 16u

struct host {
    struct host_config config;
    struct tcp_pcb *pcb, *listener;
    struct tls *tls;
    struct weir_handshake *hs;
    struct weir_soft soft;
    struct weir_tx tx;
    struct weir_rx rx;
    struct weir_session session;
    alignas(64) uint8_t tx_soft[2048], rx_soft[2048], undo_soft[2048];
    bool open, shaken; /* TCP is there; and the session */
    bool fin_sent, fin_came;
    struct weir_refusal refused[2]; /* by enum weir_dir: why it is not on the card */
    uint64_t sent, got, seed;
    struct sendbuf out;
    uint32_t given, acked; /* sequence numbers: up to where lwIP has it; SND.UNA */
    /* What came in order and is not opened yet, and which ranges of it the card has decrypted. */
    uint32_t in_seq; /* TCP sequence number of in[0] */
    size_t in_len;
    uint16_t epoch; /* KeyUpdates that the peer has made */
    struct weir_undo undo;
    size_t unread; /* bytes that lwIP's window waits for */
    struct weir_mark mark[MARKS];
    struct weir_marks marks;
    uint8_t in[4 * WEIR_MAX_RECORD + 65536];
    char failed[200];
};

static void fail(struct host *h, const char *what, const char *why)
{
    if (h->failed[0] == 0)
        (void)snprintf(h->failed, sizeof h->failed, "%s: %s", what, why);
}

/* ---- Sending ---- */

/* Gives lwIP what it has room for. lwIP copies: its segments and the send buffer hold the same. */
static void give(struct host *h)
{
    while (h->pcb != NULL && h->given != h->out.end && tcp_sndbuf(h->pcb) > 0) {
        uint32_t len = h->out.end - h->given;
        const uint8_t *bytes = sendbuf_piece(&h->out, h->given, &len);
        if (len > tcp_sndbuf(h->pcb))
            len = tcp_sndbuf(h->pcb);
        if (len > 0x7fff)
            len = 0x7fff;
        if (tcp_write(h->pcb, bytes, (u16_t)len, TCP_WRITE_FLAG_COPY) != ERR_OK)
            break; /* its queue is full: when something is acknowledged */
        h->given += len;
    }
    if (h->pcb != NULL)
        (void)tcp_output(h->pcb);
}

/* What the session has to say by itself. */
static void flush(struct host *h)
{
    size_t cap = 0, made = 0;
    uint8_t *room = sendbuf_room(&h->out, &cap);

    weir_status status =
        room != NULL ? weir_loop_pump(h->hs, &h->session, room, cap, &made) : WEIR_OK;
    sendbuf_added(&h->out, made);
    if (status == WEIR_PENDING)
        (void)driver_carry_out(h->config.driver, &h->session);
    if (status < 0)
        fail(h, "sending", weir_status_text(status));
}

/* One write of any length; false: nothing can be written now. */
static bool speak(struct host *h)
{
    uint8_t data[WEIR_MAX_PLAINTEXT];
    size_t cap = 0, taken = 0, made = 0;
    uint8_t *room = sendbuf_room(&h->out, &cap);

    if (room == NULL || h->sent == h->config.send)
        return false;
    size_t most = sim_random_below(&h->seed, 4) == 0 ? sizeof data : 2000;
    size_t len = 1 + (size_t)sim_random_below(&h->seed, most);
    if (len > h->config.send - h->sent)
        len = (size_t)(h->config.send - h->sent);
    for (size_t i = 0; i < len; i++)
        data[i] = pattern(PATTERN_NEAR, h->sent + i);
    struct weir_iov iov = {data, len};
    weir_status status = weir_session_send(&h->session, &iov, 1, room, cap, &taken, &made);
    sendbuf_added(&h->out, made);
    h->sent += taken;
    if (status == WEIR_PENDING)
        return driver_carry_out(h->config.driver, &h->session);
    if (status < 0)
        fail(h, "sending", weir_status_text(status));
    if (h->sent == h->config.send)
        weir_session_close(&h->session); /* close_notify waits to be flushed */
    return taken > 0;
}

/* ---- The handshake ---- */

/* in[0..len) is done with. */
static void consume(struct host *h, size_t len)
{
    h->in_len -= len;
    h->in_seq += (uint32_t)len;
    memmove(h->in, h->in + len, h->in_len);
    weir_marks_consume(&h->marks, len);
}

static bool start_session(struct host *h)
{
    struct weir_keys tx, rx;
    struct weir_refusal why;
    const struct weir_session_config config = {&h->tx, &h->rx, h->hs->kdf, h->config.choice.server};

    bool fine =
        h->hs->take_keys(h->hs, &tx, &rx, &why) == WEIR_OK &&
        weir_soft_init(&h->soft, h->config.library->aead, &why) == WEIR_OK &&
        weir_tx_init(&h->tx, &tx, &h->soft.backend, h->tx_soft, sizeof h->tx_soft, &why) ==
            WEIR_OK &&
        weir_rx_init(&h->rx, &rx, &h->soft.backend, h->rx_soft, sizeof h->rx_soft, &why) == WEIR_OK;
    weir_keys_wipe(&tx);
    weir_keys_wipe(&rx);
    fine = fine && weir_undo_init(&h->undo, &h->soft.backend, h->undo_soft, sizeof h->undo_soft,
                                  &why) == WEIR_OK;
    if (!fine)
        fail(h, "keys", weir_refusal_text(why.code));
    fine = fine && weir_session_init(&h->session, &config) == WEIR_OK;
    /* Refused, a direction stays in software, and nothing else changes. */
    if (fine && !driver_send_by_card(h->config.driver, &h->session, &h->out, &why))
        h->refused[WEIR_TX] = why;
    if (fine && !driver_receive_by_card(h->config.driver, &h->session, h->in_seq, &why))
        h->refused[WEIR_RX] = why;
    return fine;
}

/* Takes what it needs of in[0..in_len). */
static void shake(struct host *h)
{
    const uint8_t *bytes = NULL;
    size_t consumed = 0, len = 0;
    weir_status status = h->hs->drive(h->hs, h->in, h->in_len, &consumed);

    consume(h, consumed);
    h->hs->output(h->hs, &bytes, &len);
    if (!sendbuf_copy(&h->out, bytes, len))
        fail(h, "handshake", "longer than the send buffer");
    h->hs->output_taken(h->hs, len);
    if (status < 0)
        fail(h, "handshake", h->hs->error(h->hs));
    if (status == WEIR_OK)
        h->shaken = start_session(h);
}

/* ---- Receiving ---- */

static void check(struct host *h, const struct weir_record *r)
{
    for (size_t i = 0; i < r->len; i++, h->got++)
        if (r->data[i] != pattern(PATTERN_FAR, h->got) || h->got >= h->config.expect)
            fail(h, "receiving", "a wrong byte");
}

/* Tells the card of records that were opened, and of what they say about keys. */
static void tell_card(struct host *h, const struct weir_note *notes, size_t count)
{
    struct driver *d = h->config.driver;
    uint16_t epoch = weir_rx_position(&h->rx).epoch;
    struct weir_refusal why;

    for (size_t i = 0; i < count; i++)
        driver_opened(d, &notes[i]);
    if (epoch != h->epoch)
        driver_peer_rekeyed(d);
    h->epoch = epoch;
    if (weir_undo_active(&h->undo) && !driver_touches(d))
        weir_undo_wipe(&h->undo);
    if (driver_wants_key(d) && !driver_receive_by_card(d, &h->session, h->in_seq, &why))
        h->refused[WEIR_RX] = why;
}

/* Opens what is there: one call's worth. */
static weir_status open_some(struct host *h)
{
    struct weir_record records[8];
    struct weir_note notes[NOTES];
    struct weir_marked in = {.buf = h->in,
                             .len = h->in_len,
                             .marks = h->marks.at,
                             .marks_count = h->marks.count,
                             .trust = h->config.trust,
                             .undo = &h->undo,
                             .records = records,
                             .cap = 8,
                             .notes = notes,
                             .notes_cap = NOTES};
    weir_status status = weir_session_receive_marked(&h->session, &in);

    for (size_t i = 0; i < in.count; i++) {
        if (records[i].type == WEIR_TYPE_DATA)
            check(h, &records[i]);
        else
            (void)h->hs->deliver(h->hs, records[i].data, records[i].len);
    }
    consume(h, in.consumed);
    tell_card(h, notes, in.noted);
    return status;
}

static void take(struct host *h)
{
    weir_status status = WEIR_OK;

    do {
        status = open_some(h);
        if (status == WEIR_PENDING && driver_carry_out(h->config.driver, &h->session))
            status = WEIR_OK;
    } while (status == WEIR_OK);
    if (status < 0)
        fail(h, "receiving", weir_status_text(status));
}

/* ---- What lwIP calls ---- */

/* Opens the window again; a slow reader closes it. */
static void open_window(struct host *h)
{
    size_t len = h->config.slow && h->unread > SLOW ? SLOW : h->unread;

    if (len > 0 && h->pcb != NULL)
        tcp_recved(h->pcb, (u16_t)len);
    h->unread -= len;
}

static err_t on_received(void *user, struct tcp_pcb *pcb, struct pbuf *p, err_t error)
{
    struct host *h = user;

    (void)pcb;
    (void)error;
    if (p == NULL) {
        h->fin_came = true;
        return ERR_OK;
    }
    if (h->in_len + p->tot_len > sizeof h->in || h->marks.count + pbuf_clen(p) > MARKS)
        return ERR_MEM; /* lwIP keeps it, and asks again */
    for (const struct pbuf *q = p; q != NULL; q = q->next) {
        if (stack_mark(q) != 0 && q->len > 0 &&
            weir_marks_add(&h->marks, h->in_len, q->len, true) != WEIR_OK)
            fail(h, "receiving", "no room for a mark");
        memcpy(h->in + h->in_len, q->payload, q->len);
        h->in_len += q->len;
    }
    h->unread += p->tot_len;
    pbuf_free(p);
    return ERR_OK;
}

static err_t on_acked(void *user, struct tcp_pcb *pcb, u16_t len)
{
    struct host *h = user;

    (void)pcb;
    h->acked += len;
    sendbuf_give_up(&h->out, driver_acked(h->config.driver, h->acked));
    return ERR_OK;
}

static void on_error(void *user, err_t error)
{
    struct host *h = user;

    (void)error;
    h->pcb = NULL; /* lwIP has freed it */
    if (!h->fin_sent || !h->fin_came)
        fail(h, "TCP", "the connection is dead");
}

static err_t on_open(void *user, struct tcp_pcb *pcb, err_t error)
{
    struct host *h = user;

    if (error != ERR_OK)
        return error;
    h->pcb = pcb;
    tcp_arg(pcb, h);
    tcp_recv(pcb, on_received);
    tcp_sent(pcb, on_acked);
    tcp_err(pcb, on_error);
    sendbuf_begin(&h->out, pcb->snd_lbb);
    h->given = h->acked = h->out.end;
    h->in_seq = pcb->rcv_nxt;
    h->open = true;
    return ERR_OK;
}

/* ---- All of it ---- */

struct host *host_new(const struct host_config *config)
{
    struct host *h = aligned_alloc(alignof(struct host), sizeof *h);
    ip_addr_t peer = IPADDR4_INIT(lwip_htonl(config->peer));

    if (h == NULL)
        abort();
    memset(h, 0, sizeof *h);
    h->config = *config;
    h->seed = config->seed;
    h->marks = (struct weir_marks){h->mark, MARKS, 0};
    h->tls = config->library->open(&config->choice);
    h->hs = config->library->handshake(h->tls);
    struct tcp_pcb *pcb = tcp_new();
    tcp_arg(pcb, h);
    (void)tcp_bind(pcb, IP4_ADDR_ANY, config->port); /* a client, too: the peer expects it */
    if (config->active) {
        tcp_err(pcb, on_error);
        (void)tcp_connect(pcb, &peer, config->port, on_open);
    } else {
        h->listener = tcp_listen(pcb);
        tcp_accept(h->listener, on_open);
    }
    return h;
}

void host_run(struct host *h)
{
    if (!h->open || h->failed[0] != 0)
        return;
    if (!h->shaken)
        shake(h);
    if (h->shaken) {
        take(h);
        flush(h);
        while (h->failed[0] == 0 && h->out.end - h->acked < AHEAD && speak(h))
            ;
        flush(h);
    }
    open_window(h);
    give(h);
    if (h->shaken && weir_session_send_ended(&h->session) && h->given == h->out.end &&
        !h->fin_sent && h->pcb != NULL)
        h->fin_sent = tcp_shutdown(h->pcb, 0, 1) == ERR_OK;
}

bool host_open(const struct host *h)
{
    return h->open;
}

bool host_done(const struct host *h)
{
    return h->fin_sent && h->fin_came && h->acked == h->out.end && h->got == h->config.expect &&
           weir_session_status(&h->session) == WEIR_CLOSED;
}

uint64_t host_received(const struct host *h)
{
    return h->got;
}

const struct weir_refusal *host_refused(const struct host *h, enum weir_dir dir)
{
    return &h->refused[dir];
}

struct weir_counters host_counters(const struct host *h, enum weir_dir dir)
{
    return dir == WEIR_TX ? weir_tx_counters(&h->tx) : weir_rx_counters(&h->rx);
}

const char *host_failed(const struct host *h)
{
    return h->failed[0] != 0 ? h->failed : NULL;
}

void host_close(struct host *h)
{
    if (h->pcb != NULL) {
        tcp_err(h->pcb, NULL);
        tcp_abort(h->pcb);
    }
    if (h->listener != NULL)
        (void)tcp_close(h->listener);
    h->pcb = h->listener = NULL;
    if (h->shaken)
        weir_session_wipe(&h->session);
    weir_undo_wipe(&h->undo);
    h->hs->release(h->hs);
    h->config.library->close(h->tls);
}

void host_free(struct host *h)
{
    free(h);
}
