/* SPDX-License-Identifier: BSD-2-Clause */
/* The receiving direction: payload that the card decrypts on its way to lwIP. */
#include "driver_internal.h"

/* Does what weir wants of the card for the receiving direction. */
static void tend(struct driver *d)
{
    struct weir_mlx5_rx *rx = &d->rx;
    uint16_t index = 0;

    for (;;) {
        switch (weir_mlx5_rx_next(rx)) {
        case WEIR_MLX5_RX_COMMAND: {
            struct weir_done done = card_firmware(&d->card, weir_mlx5_rx_command(rx));
            (void)weir_mlx5_rx_done(rx, &done);
            break;
        }
        case WEIR_MLX5_RX_POST:
            if (weir_mlx5_rx_post(rx, &d->card.internal, &index) == WEIR_OK)
                card_internal_doorbell(&d->card);
            break;
        case WEIR_MLX5_RX_STEER: /* a rule of the receive flow table: the 5-tuple to the TIR */
            d->steered = true;
            weir_mlx5_rx_steered(rx, true, 0);
            break;
        case WEIR_MLX5_RX_UNSTEER:
            d->steered = false;
            weir_mlx5_rx_unsteered(rx);
            break;
        case WEIR_MLX5_RX_RESTART: /* driver_wants_key */
        case WEIR_MLX5_RX_NOTHING:
            return;
        }
    }
}

/* Completions of the internal queue, and what follows from them. */
void driver_poll(struct driver *d)
{
    struct weir_mlx5_cqe cqe;

    while (d->rx_on && card_internal_completion(&d->card, &cqe)) {
        (void)weir_mlx5_rx_completed(&d->rx, &cqe);
        tend(d);
    }
}

/* The payload of a packet for the card's TIR. True: it is decrypted. */
bool driver_card_in(struct driver *d, uint32_t seq, uint8_t *payload, size_t len)
{
    struct weir_mlx5_cqe cqe;

    if (!d->steered || len == 0)
        return false;
    card_receive(&d->card, weir_mlx5_rx_tirn(&d->rx), seq, payload, len, &cqe);
    bool decrypted = weir_mlx5_rx_packet(&d->rx, &cqe, seq, (uint32_t)len);
    tend(d);
    return decrypted;
}

bool driver_receive_by_card(struct driver *d, struct weir_session *session, uint32_t seq,
                            struct weir_refusal *why)
{
    const struct weir_mlx5_rx_config config = {.caps = &d->card.caps,
                                               .pd = CARD_DOMAIN,
                                               .domain = CARD_DOMAIN,
                                               .table = CARD_TABLE,
                                               .trigger = d->config.trigger,
                                               .progress = d->progress,
                                               .address = PROGRESS_AT,
                                               .lkey = PROGRESS_LKEY};
    struct weir_keys keys;

    if (!d->rx_on && weir_mlx5_rx_init(&d->rx, &config, why) != WEIR_OK)
        return false;
    d->rx_on = true;
    if (weir_rx_share(weir_session_rx(session), seq, &keys, why) != WEIR_OK ||
        weir_mlx5_rx_start(&d->rx, &keys, why) != WEIR_PENDING)
        return false;
    d->counts.keys++;
    tend(d);
    return true;
}

void driver_peer_rekeyed(struct driver *d)
{
    if (!d->rx_on)
        return;
    weir_mlx5_rx_rekey(&d->rx);
    tend(d);
}

bool driver_touches(const struct driver *d)
{
    return d->rx_on && weir_mlx5_rx_touches(&d->rx);
}

bool driver_wants_key(const struct driver *d)
{
    return d->rx_on && weir_mlx5_rx_next(&d->rx) == WEIR_MLX5_RX_RESTART;
}

void driver_opened(struct driver *d, const struct weir_note *note)
{
    if (!d->rx_on)
        return;
    weir_mlx5_rx_record(&d->rx, note);
    tend(d);
}

/* Until it has let go of everything on the card. */
void driver_end_receiving(struct driver *d)
{
    if (!d->rx_on)
        return;
    weir_mlx5_rx_stop(&d->rx);
    tend(d);
    driver_poll(d);
    tend(d);
    weir_mlx5_rx_wipe(&d->rx);
}
