/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the driver share. */
#ifndef EXAMPLE_DRIVER_INTERNAL_H
#define EXAMPLE_DRIVER_INTERNAL_H

#include "driver.h"

#include <stdalign.h>

#include "card.h"

/* What the card reaches, and as what. */
#define BUFFER_LKEY 7u
#define BUFFER_AT   0x100000u
#define BOUNCE_LKEY 8u
#define BOUNCE_AT   0x900000u

#define PROGRESS_LKEY 9u
#define PROGRESS_AT   0xa00000u

#define BOUNCES     8u
#define LONGEST     1460u /* payload that lwIP sends in one segment */
#define MOST_PIECES 4u

struct driver {
    struct stack_below below; /* first */
    struct driver_config config;
    uint64_t now;
    uint32_t path_mtu; /* of the path to the peer, as far as it is known */
    struct driver_counts counts;
    const char *failed;
    struct card card;
    bool gone; /* the card */
    struct weir_mlx5_tx_backend port;

    /* The sending direction, when the card has it. */
    void *tx;
    uint32_t tx_start; /* TCP sequence number of its first byte */
    const struct sendbuf *buffer;
    struct weir_mlx5_stream stream;
    /* Room for segments that the processor encrypts, until the card has read them. */
    uint64_t bounce_until[BOUNCES]; /* done when the queue's `consumed` has come to this */
    uint8_t bounce_bytes[BOUNCES][LONGEST];
    uint8_t scratch[WEIR_MLX5_TX_SCRATCH];

    /* The receiving direction. */
    struct weir_mlx5_rx rx;
    bool rx_on, steered;
    alignas(WEIR_MLX5_PROGRESS_ALIGN) uint8_t progress[WEIR_MLX5_PROGRESS_ALIGN];
};

/* A segment of lwIP, or a part of one. */
struct segment {
    uint8_t headers[SIM_WIRE_MOST]; /* Ethernet to TCP */
    size_t headers_len;
    uint32_t seq;
    const uint8_t *payload;
    size_t len;
};

/* driver.c: a frame goes out. */
void driver_frame_out(struct driver *d, const uint8_t *bytes, size_t len);
/* driver.c: payload that goes into one packet on the path. */
size_t driver_longest(const struct driver *d, const struct segment *s);
/* driver.c: sends a segment as it is, in packets that are not too long. */
void driver_plain_out(struct driver *d, const struct segment *s);

/* driver_send.c: sends a segment of records: by the card, or encrypted here. */
void driver_secure_out(struct driver *d, const struct segment *s);
/* driver_send.c: ends objects on the card that the sending direction has no use for any more; all,
 * when `over`. */
void driver_end_sending(struct driver *d, bool over);

/* driver_receive.c: the payload of a packet arrives. True: it is decrypted now. */
bool driver_card_in(struct driver *d, uint32_t seq, uint8_t *payload, size_t len);
/* driver_receive.c: completions of the internal queue, and what follows from them. */
void driver_poll(struct driver *d);
/* driver_receive.c: until it has let go of everything on the card. */
void driver_end_receiving(struct driver *d);

#endif
