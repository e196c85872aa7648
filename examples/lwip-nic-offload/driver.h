/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The driver under lwIP: IP packets from lwIP go out as frames, frames that arrive go in as IP
 * packets, and what belongs to an offloaded direction goes through the card, or segment by segment
 * through weir's software, on the way. One connection is all it knows.
 */
#ifndef EXAMPLE_DRIVER_H
#define EXAMPLE_DRIVER_H

#include <weir/mlx5_rx.h>
#include <weir/mlx5_tx.h>
#include <weir/session.h>

#include "sendbuf.h"
#include "sim/link.h"
#include "stack.h"

struct driver;

struct driver_config {
    struct sim_link *link; /* that frames go to */
    const struct weir_aead *aead;
    enum weir_mlx5_driver recovery;
    enum weir_mlx5_policy policy;
    enum weir_mlx5_trigger trigger;
};

/* What came in and went out. */
struct driver_counts {
    uint64_t out, in; /* frames */
    uint64_t bad;     /* came with a wrong checksum, and went no further */
    uint64_t cut;     /* segments that were too long for the path, and left in several packets */
    uint64_t keys;    /* keys of the receiving direction that the card was given */
    uint64_t dropped; /* segments that weir would not let out; TCP sends them again */
    struct weir_mlx5_tx_counters tx;
    struct weir_mlx5_rx_counters rx;
};

struct driver *driver_new(const struct driver_config *config);
void driver_free(struct driver *d);
struct stack_below *driver_below(struct driver *d);
/* It is `now`: what the card has done in the meantime is looked at. */
void driver_time(struct driver *d, uint64_t now);
/* A frame arrives. */
void driver_in(struct driver *d, struct sim_frame *frame);

/*
 * Moves the sending direction of `session` to the card. Its records will begin behind what is in
 * `buffer`, which is TCP's send buffer. False: refused, `why` says why; it stays in software.
 */
bool driver_send_by_card(struct driver *d, struct weir_session *session, struct sendbuf *buffer,
                         struct weir_refusal *why);
/* The peer has acknowledged all before `una`. Returns the oldest byte that is still needed. */
uint32_t driver_acked(struct driver *d, uint32_t una);

/*
 * Gives the card the key of the receiving direction, too. The next byte that `session` has not
 * opened is at `seq`. From here on a packet may arrive decrypted; the mark of its bytes
 * (stack_mark) says so. False: refused, and it stays in software.
 */
bool driver_receive_by_card(struct driver *d, struct weir_session *session, uint32_t seq,
                            struct weir_refusal *why);
/* The peer has changed its key: the card's is of no use, and taken away from it. */
void driver_peer_rekeyed(struct driver *d);
/* Whether payload may still come decrypted under the key before a KeyUpdate. */
bool driver_touches(const struct driver *d);
/* Whether it is time to give the card the new one, by driver_receive_by_card. */
bool driver_wants_key(const struct driver *d);
/* Carries out what the session waits for (WEIR_PENDING). False: nothing can be done now; it waits
 * for the peer to acknowledge records under the key before the last. */
bool driver_carry_out(struct driver *d, struct weir_session *session);
/* A record was opened: each note of weir_session_receive_marked, in order. */
void driver_opened(struct driver *d, const struct weir_note *note);

/* The card is gone: from here on all is software, and goes out another way. */
void driver_lose_card(struct driver *d);

/* The connection is over: ends what there is of it on the card. */
void driver_end(struct driver *d);

struct driver_counts driver_counts(const struct driver *d);
/* What went wrong: the card complains, or lwIP would send again what it did not send before. NULL:
 * nothing. */
const char *driver_failed(const struct driver *d);

#endif
