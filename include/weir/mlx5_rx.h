/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * The receiving half of a driver for TLS in a ConnectX-6 Dx: gives the card the key of a direction,
 * tells from each completion whether a packet came decrypted, and brings the card back when it has
 * lost its place. For authors of drivers and of TCP stacks of their own. It makes no system call
 * and allocates nothing; it says what the firmware is to do as commands (cmd.h), and writes entries
 * into a send queue of the caller's without packets, the internal queue, which all connections of a
 * receive queue share.
 *
 * The direction itself stays a weir_rx in software, which opens what the card did not decrypt, and
 * what it decrypted in part (rx_marked.h). So the card may fail, or never answer, at any time: from
 * then on it is software.
 *
 *     weir_mlx5_rx_init(&card, &config, &why);             // once for a connection
 *     weir_rx_share(&rx, rcv_nxt, &keys, &why);            // at a record boundary
 *     weir_mlx5_rx_start(&card, &keys, &why);              // the keys move into it
 *     for (;;) switch (weir_mlx5_rx_next(&card)) {         // after every call that may change it
 *         case WEIR_MLX5_RX_COMMAND: … weir_mlx5_rx_command; then weir_mlx5_rx_done
 *         case WEIR_MLX5_RX_POST:    … weir_mlx5_rx_post, and ring the doorbell
 *         case WEIR_MLX5_RX_STEER:   … steer the 5-tuple to weir_mlx5_rx_tirn; weir_mlx5_rx_steered
 *         case WEIR_MLX5_RX_UNSTEER: … take the rule away; weir_mlx5_rx_unsteered
 *         case WEIR_MLX5_RX_RESTART: … weir_undo_wipe, weir_rx_share, weir_mlx5_rx_start again
 *         default: return;
 *     }
 *
 * For each packet: weir_mlx5_rx_packet says whether its payload is decrypted; when the stack has
 * put it in order, its place in the input gets a mark (weir_marks_add). For each note of
 * weir_rx_open_marked: weir_mlx5_rx_record. For each completion of the internal queue:
 * weir_mlx5_sq_complete, and weir_mlx5_rx_completed for the direction that waits for it.
 *
 * A direction and what it posts to belong to one thread at a time. What the card does and why this
 * does what it does: docs/device-rx.md, docs/reference/mlx5-device.md.
 */
#ifndef WEIR_MLX5_RX_H
#define WEIR_MLX5_RX_H

#include "cmd.h"
#include "mlx5_wqe.h"
#include "rx_marked.h"

struct weir_mlx5_sq; /* the internal queue: weir/mlx5_tx.h */

/** Whose way of noticing that the card has lost its place. */
enum WEIR_ENUM weir_mlx5_trigger {
    /** The card is asked after each record that did not come decrypted, while no question is under
     * way; a record that did ends it. What it proposes is looked up among the records since: at
     * most 32 runs of equal length, 2048 records each, 1 GiB in all. */
    WEIR_MLX5_TRIGGER_FREEBSD = 0,
    /** The card is asked when a completion says that it has lost its place. What it proposes is
     * looked up among the headers within that packet (at most 13), and compared with each later
     * one; after 65535 of these without an answer it is given up. */
    WEIR_MLX5_TRIGGER_LINUX = 1,
};

/** How the receiving direction of a connection is to be. */
struct weir_mlx5_rx_config {
    const struct weir_mlx5_caps *caps; /**< weir_mlx5_caps_read; read by weir_mlx5_rx_init alone */
    uint32_t pd;                       /**< protection domain of the key; 24 bits */
    uint32_t domain;                   /**< transport domain; 24 bits */
    uint32_t table;                    /**< receive queue table of the connection; 24 bits */
    enum weir_mlx5_trigger trigger;
    /**
     * Memory that the card writes its answers to: WEIR_MLX5_PROGRESS_ALIGN bytes, aligned to so
     * many for the card, and of this direction alone. It must stay until all entries of the
     * internal queue that this direction has posted are done.
     */
    const uint8_t *progress;
    uint64_t address; /**< of `progress`, as the card sees it */
    uint32_t lkey;    /**< of its memory region */
};

/** A receiving direction's card: opaque, in the caller's memory, not to be copied or moved. Holds
 * the key until the firmware has it, and the IV until it is stopped. */
struct weir_mlx5_rx {
    uint64_t opaque[160];
};

/** What is to be done for it. */
enum WEIR_ENUM weir_mlx5_rx_next {
    WEIR_MLX5_RX_NOTHING = 0, /**< nothing, or wait for a completion of the internal queue */
    WEIR_MLX5_RX_COMMAND = 1, /**< carry out weir_mlx5_rx_command, tell weir_mlx5_rx_done */
    WEIR_MLX5_RX_POST = 2,    /**< weir_mlx5_rx_post, when the internal queue has room */
    WEIR_MLX5_RX_STEER =
        3, /**< steer its packets to weir_mlx5_rx_tirn, tell weir_mlx5_rx_steered */
    /** take that rule away if it is there, or is being made; tell weir_mlx5_rx_unsteered */
    WEIR_MLX5_RX_UNSTEER = 4,
    WEIR_MLX5_RX_RESTART = 5, /**< the next record is the first of a new key: begin again with it */
};

/** What a direction has done: names and meaning are the driver's, and for the last five ours. */
struct weir_mlx5_rx_counters {
    uint64_t rx_resync_ok; /**< questions to the card that were posted (not: resyncs that worked) */
    uint64_t rx_resync_err;              /**< questions that could not be posted */
    uint64_t rx_error;                   /**< starts that failed */
    uint64_t rx_decrypted_ok_packets;    /**< packets that came decrypted */
    uint64_t rx_decrypted_error_packets; /**< packets marked as an error by the card */
    uint64_t rx_packets;                 /**< all packets seen */
    uint64_t rx_lost_packets;            /**< packets at which the card had lost its place */
    uint64_t rx_confirmed; /**< proposals that were the start of a record, and confirmed */
    uint64_t rx_denied; /**< proposals that were not, or not of a record that is known (any more) */
    uint64_t rx_abandoned; /**< questions that were not waited for any longer */
};

#if WEIR_HAS_OFFLOAD && WEIR_HAS_PACKET
WEIR_BEGIN

/**
 * Makes `rx` ready. Returns WEIR_OK; WEIR_REFUSED with `why` filled: FORM, the card cannot receive
 * TLS (`detail`: the WEIR_MLX5_CAN_… missing); MEMORY, `address` is not aligned. WEIR_E_MISUSE for
 * numbers that do not fit, no `caps` or no `progress`.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_mlx5_rx_init(struct weir_mlx5_rx *rx,
                                                       const struct weir_mlx5_rx_config *config,
                                                       struct weir_refusal *why);

/**
 * Starts with the keys of weir_rx_share, which move to `rx` (and are wiped) in any case; their
 * position says at which TCP sequence number which record begins. Then do what weir_mlx5_rx_next
 * says: a key object and a TIR are made, parameters posted, packets steered. What arrives in
 * between is not decrypted, and makes the card find its place by a resync.
 *
 * Returns WEIR_PENDING. WEIR_REFUSED with `why` filled, layer WEIR_LAYER_BACKEND, nothing having
 * changed: VERSION or SUITE (the card does not have it), POSITION (no TCP sequence number).
 * WEIR_E_MISUSE (not sticky) while it is running.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_mlx5_rx_start(struct weir_mlx5_rx *rx,
                                                        struct weir_keys *keys,
                                                        struct weir_refusal *why);

/** What is to be done next; ask after every call here that changes something. */
WEIR_API enum weir_mlx5_rx_next weir_mlx5_rx_next(const struct weir_mlx5_rx *rx);

/**
 * Why it does not run: code WEIR_REFUSAL_NONE while it starts or runs, or was stopped by
 * weir_mlx5_rx_stop. RESOURCES (transient) or DEVICE: the firmware refused, or an entry failed
 * (`detail`: status of the reply or syndrome of the completion, in bits 24 to 31 what it was about:
 * 1 key, 2 TIR, 3 an entry). NO_REPLY: firmware or queue did not answer in the caller's time
 * (transient), or weir_mlx5_rx_lost. OS: the packets could not be steered. NO_REKEY (transient):
 * the peer has changed its key; see weir_mlx5_rx_rekey.
 */
WEIR_API struct weir_refusal weir_mlx5_rx_refusal(const struct weir_mlx5_rx *rx);

/** The command to carry out: WEIR_CMD_FIRMWARE. NULL: there is none. */
WEIR_API const struct weir_cmd *weir_mlx5_rx_command(const struct weir_mlx5_rx *rx);

/**
 * Tells how it ended. A key is wiped from the command. What a firmware makes that answers only
 * after it was said to have failed is the caller's to end. Returns WEIR_OK; WEIR_E_MISUSE: no
 * command was out.
 */
WEIR_API weir_status weir_mlx5_rx_done(struct weir_mlx5_rx *rx, const struct weir_done *done);

/**
 * Writes to the internal queue what is to be said to the card: UMR and SET_PSV, a GET_PSV, or the
 * UMR of a confirmation. At most one of these is outstanding.
 *
 * Returns WEIR_OK: written; `*index` is the producer index of the last entry, whose completion
 * weir_mlx5_rx_completed waits for; ring the doorbell. WEIR_NEED_INPUT: nothing is to be written.
 * WEIR_NEED_OUTPUT: the queue has no room (WEIR_MLX5_SQ_PACKET blocks, as FreeBSD asks for), or has
 * failed. A question is then dropped (rx_resync_err), and repeated when the next record gives
 * cause; anything else waits.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_mlx5_rx_post(struct weir_mlx5_rx *rx,
                                                       struct weir_mlx5_sq *queue, uint16_t *index);

/**
 * Takes a completion of the internal queue. Returns WEIR_OK: it was what this direction waited for.
 * WEIR_NEED_INPUT: it was of another entry, and changed nothing. When an entry of a start fails,
 * the start has failed; when a question does, it counts as not answered; a failed confirmation is
 * not repeated. A queue in error flushes all entries behind with error completions: pass them on,
 * too.
 */
WEIR_API weir_status weir_mlx5_rx_completed(struct weir_mlx5_rx *rx,
                                            const struct weir_mlx5_cqe *cqe);

/**
 * The caller will not wait any longer for a completion: a start then fails (NO_REPLY), a question
 * is forgotten, and the next record that gives cause repeats it. Drivers have no time limit of
 * their own, so that a lost completion ends their resyncs for good. The entry may still be carried
 * out: memory and objects stay until its queue has been drained.
 */
WEIR_API void weir_mlx5_rx_abandon(struct weir_mlx5_rx *rx);

/** The number of its TIR; 0: none (any more). */
WEIR_API uint32_t weir_mlx5_rx_tirn(const struct weir_mlx5_rx *rx);

/** Packets are steered to the TIR, or could not be (`ok` false, with `os_error`). */
WEIR_API void weir_mlx5_rx_steered(struct weir_mlx5_rx *rx, bool ok, int os_error);

/** The rule is gone, and every packet that came by it has passed weir_mlx5_rx_packet. */
WEIR_API void weir_mlx5_rx_unsteered(struct weir_mlx5_rx *rx);

/**
 * A packet has come whose payload, payload_len bytes, begins at `tcp_seq`; packets without payload
 * need not be told of. Returns whether the payload is decrypted. That mark goes with each byte to
 * its place in the stream; of bytes that came twice, those that the stack keeps. The card vouches
 * for a decrypted packet (struct weir_mark, `vouched`).
 */
WEIR_API bool weir_mlx5_rx_packet(struct weir_mlx5_rx *rx, const struct weir_mlx5_cqe *cqe,
                                  uint32_t tcp_seq, uint32_t payload_len);

/**
 * A record was opened. All notes of weir_rx_open_marked go here, in order, from the record on at
 * which the direction was shared.
 */
WEIR_API void weir_mlx5_rx_record(struct weir_mlx5_rx *rx, const struct weir_note *note);

/**
 * The peer has changed its key (weir_rx_position tells another epoch), so the card's is of no use:
 * it is taken out of the card, as by weir_mlx5_rx_stop, and marks that come nevertheless are undone
 * with it (struct weir_undo). When a record begins behind all that the card can have touched,
 * weir_mlx5_rx_next says WEIR_MLX5_RX_RESTART. Does nothing while it is not running.
 */
WEIR_API void weir_mlx5_rx_rekey(struct weir_mlx5_rx *rx);

/**
 * Stops: then do what weir_mlx5_rx_next says until that is nothing and weir_mlx5_rx_stopped; key
 * and TIR are ended on the card. May be called at any time, and again.
 */
WEIR_API void weir_mlx5_rx_stop(struct weir_mlx5_rx *rx);

/** The card or the interface is gone: no command and no entry is of use any more. */
WEIR_API void weir_mlx5_rx_lost(struct weir_mlx5_rx *rx);

/**
 * Whether packets may still come decrypted, or bytes that did are not opened yet. Once that is
 * false behind a KeyUpdate, weir_undo_wipe: WEIR_MLX5_RX_RESTART says the same, but only to a
 * direction that was running when the KeyUpdate came.
 */
WEIR_API bool weir_mlx5_rx_touches(const struct weir_mlx5_rx *rx);

/** Whether it has let go of everything on the card. */
WEIR_API bool weir_mlx5_rx_stopped(const struct weir_mlx5_rx *rx);

/** What it has done, through every start. */
WEIR_API struct weir_mlx5_rx_counters weir_mlx5_rx_count(const struct weir_mlx5_rx *rx);

/** Wipes it. What is on the card stays there: stop it before. Safe on zeros and twice. */
WEIR_API void weir_mlx5_rx_wipe(struct weir_mlx5_rx *rx);

WEIR_END
#endif
#endif
