/* SPDX-License-Identifier: BSD-2-Clause */
/* The sending direction: what lwIP sends of it is plaintext until it has passed here. */
#include "driver_internal.h"

#include <stdlib.h>
#include <string.h>

/* Where the plaintext of a record is: weir asks when the card has to read some of it again. */
static bool piece(void *user, uint32_t seq, uint32_t len, struct weir_mlx5_piece *found)
{
    const struct driver *d = user;

    found->bytes = sendbuf_piece(d->buffer, seq, &len);
    if (found->bytes == NULL)
        return false;
    found->address = BUFFER_AT + (uint64_t)(found->bytes - d->buffer->bytes);
    found->lkey = BUFFER_LKEY;
    found->len = len;
    return true;
}

/*
 * The payload as the card reads it: in the send buffer, not in lwIP's copy. lwIP's must be the
 * same; were it not, a retransmission would protect other bytes under the same nonce.
 */
static uint32_t pieces(struct driver *d, const struct segment *s,
                       struct weir_mlx5_data data[MOST_PIECES])
{
    uint32_t n = 0;

    for (size_t at = 0; at < s->len; n++) {
        struct weir_mlx5_piece found;
        if (n == MOST_PIECES || !piece(d, s->seq + (uint32_t)at, (uint32_t)(s->len - at), &found) ||
            memcmp(found.bytes, s->payload + at, found.len) != 0) {
            d->failed = "lwIP sends what is not in the send buffer";
            return 0;
        }
        data[n] = (struct weir_mlx5_data){found.address, found.lkey, found.len};
        at += found.len;
    }
    return n;
}

/* The number of a bounce that no entry reads any more; BOUNCES: none. */
static unsigned free_bounce(const struct driver *d)
{
    unsigned i = 0;

    while (!d->gone && i < BOUNCES && d->bounce_until[i] > d->card.sq.consumed)
        i++;
    return i;
}

static void card_out(struct driver *d)
{
    struct sim_nic_packet *p = NULL;

    card_doorbell(&d->card);
    while ((p = card_sent(&d->card)) != NULL) {
        driver_frame_out(d, p->bytes, p->len);
        sim_nic_packet_free(p);
    }
}

/* Sends a segment of records: by the card, or encrypted here. */
void driver_secure_out(struct driver *d, const struct segment *s)
{
    struct weir_mlx5_data data[MOST_PIECES];
    size_t most = driver_longest(d, s);
    unsigned slot = free_bounce(d);
    struct weir_mlx5_segment segment = {
        .tcp_seq = s->seq,
        .len = (uint32_t)s->len,
        .headers = s->headers,
        .headers_len = (uint16_t)s->headers_len,
        /* Too long for the path, because lwIP did not know: the card cuts it (LSO). */
        .mss = s->len > most ? (uint16_t)most : 0,
        .sums = WEIR_MLX5_SUM_IP | WEIR_MLX5_SUM_TCP,
        .data = data,
        .pieces = pieces(d, s, data),
    };
    struct weir_mlx5_bounce bounce = {.bytes = d->bounce_bytes[slot % BOUNCES],
                                      .address = BOUNCE_AT + slot % BOUNCES * LONGEST,
                                      .lkey = BOUNCE_LKEY,
                                      .len = LONGEST,
                                      .scratch = d->scratch};
    struct weir_mlx5_sent sent;

    if (d->failed != NULL)
        return;
    d->counts.cut += segment.mss != 0;
    weir_status status =
        weir_mlx5_tx_xmit(d->tx, &d->stream, &segment, d->gone ? NULL : &d->card.sq,
                          slot < BOUNCES ? &bounce : NULL, &sent);
    if (status != WEIR_OK || sent.way == WEIR_MLX5_DROPPED) {
        d->counts.dropped++;
    } else if (sent.posted) {
        if (sent.way == WEIR_MLX5_SOFTWARE)
            d->bounce_until[slot] = sent.until;
        card_out(d);
    } else { /* there is no card to send it: as any other frame */
        struct segment own = *s;
        if (sent.way == WEIR_MLX5_SOFTWARE)
            own.payload = bounce.bytes;
        driver_plain_out(d, &own);
    }
}

/* Commands to the firmware, until the session waits for none; how the last one was taken. */
static weir_status carry_out(struct driver *d, struct weir_session *session,
                             struct weir_refusal *why)
{
    const struct weir_cmd *command = NULL;
    enum weir_dir dir = WEIR_TX;
    weir_status status = WEIR_OK;

    while ((command = weir_session_command(session, &dir)) != NULL) {
        struct weir_done done = card_firmware(&d->card, command);
        status = weir_session_complete(session, dir, &done, why);
    }
    return status;
}

/* Ends objects on the card that the sending direction has no use for any more; all, when `over`. */
void driver_end_sending(struct driver *d, bool over)
{
    const struct weir_cmd *command = NULL;

    while (d->tx != NULL &&
           weir_mlx5_tx_end(d->tx, d->gone ? NULL : &d->card.sq, over, &command) == WEIR_PENDING) {
        struct weir_done done = card_firmware(&d->card, command);
        weir_mlx5_tx_ended(d->tx, &done);
    }
}

bool driver_carry_out(struct driver *d, struct weir_session *session)
{
    enum weir_dir dir = WEIR_TX;
    struct weir_refusal why;
    bool some = weir_session_command(session, &dir) != NULL;

    (void)carry_out(d, session, &why); /* what ends by it, the session tells at its next call */
    driver_end_sending(d, false);
    return some;
}

bool driver_send_by_card(struct driver *d, struct weir_session *session, struct sendbuf *buffer,
                         struct weir_refusal *why)
{
    const struct weir_backend *backend = &d->port.backend;
    struct weir_move move = {.backend = backend,
                             .ctx = aligned_alloc(64, (backend->ctx_size + 63) / 64 * 64),
                             .ctx_len = backend->ctx_size,
                             .tcp_known = true,
                             .tcp_seq = buffer->end};

    d->tx = move.ctx;
    d->tx_start = buffer->end;
    d->buffer = buffer;
    d->stream = (struct weir_mlx5_stream){piece, d};
    card_map(&d->card, BUFFER_LKEY, BUFFER_AT, buffer->bytes, sizeof buffer->bytes);
    weir_status status = weir_session_offload(session, WEIR_TX, &move, why);
    if (status == WEIR_PENDING)
        status = carry_out(d, session, why);
    if (status == WEIR_OK)
        return true;
    free(d->tx);
    d->tx = NULL;
    return false;
}

uint32_t driver_acked(struct driver *d, uint32_t una)
{
    if (d->tx == NULL || sim_before(una, d->tx_start))
        return una;
    if (weir_mlx5_tx_acked(d->tx, una) != WEIR_OK)
        d->failed = "the peer has acknowledged what was never framed";
    driver_end_sending(d, false);
    return weir_mlx5_tx_needs(d->tx);
}
