/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * The sending half of a driver for TLS in a ConnectX-6 Dx: which context the card needs, when a
 * segment may go through it, how the card is brought back to where it has to stand, and what is
 * encrypted by the processor instead. For authors of drivers and of TCP stacks of their own. It
 * makes no system call and allocates nothing; it writes entries into the caller's send queue, and
 * says what the firmware is to do as commands (cmd.h).
 *
 * The form is WEIR_FORM_PACKET. weir_tx_seal (or a session) frames records and does not encrypt
 * them: header, explicit nonce of TLS 1.2, content, inner type and padding of TLS 1.3, 16 zeros
 * where the tag will be. These bytes go into TCP's send buffer. TCP cuts them into segments, and
 * every segment, also one that is sent again, passes weir_mlx5_tx_xmit on its way out:
 *
 *     weir_mlx5_tx_backend_init(&card, &config, &why);      // once for a port
 *     move = (struct weir_move){.backend = &card.backend, .ctx = memory,
 *                               .ctx_len = card.backend.ctx_size,
 *                               .tcp_known = true, .tcp_seq = snd_nxt};
 *     weir_tx_offload(&tx, &move, &why);                    // WEIR_PENDING: firmware commands
 *     …
 *     weir_mlx5_tx_xmit(memory, &stream, &segment, &queue, &bounce, &sent);
 *     … ring the doorbell: weir_mlx5_sq_doorbell …
 *     weir_mlx5_tx_acked(memory, snd_una);                  // for every acknowledgement
 *
 * **The caller's buffers.** What is sent again has to be what was sent first, byte for byte: a
 * record has one nonce, and two plaintexts under one nonce give both away, and the key of the tag
 * with them. So from weir_tx_seal until weir_mlx5_tx_needs has passed a byte, nobody may change it,
 * and the stream must be able to give it: the card encrypts on the way out, again for every
 * retransmission, and must read from the beginning of a record to go on in the middle of it. Pages
 * of a file that others write to must not be sent without a copy. The optional check of
 * struct weir_mlx5_tx_config notices a change before the bytes are used a second time, and ends the
 * direction. And a segment that was not passed through weir_mlx5_tx_xmit must never be sent: it is
 * plaintext.
 *
 * A KeyUpdate needs a command, as a move does: weir_tx_rekey (or the session) answers WEIR_PENDING
 * until the card has the new key. Records under the old one may still be sent, so there is one old
 * key at a time: a further KeyUpdate answers WEIR_PENDING without a command (weir_tx_command is
 * NULL) until they are acknowledged and weir_mlx5_tx_end has ended the old key object.
 *
 * A direction and its queue belong to one thread at a time. What the card does, and why the engine
 * does what it does: docs/device.md, docs/reference/mlx5-device.md.
 */
#ifndef WEIR_MLX5_TX_H
#define WEIR_MLX5_TX_H

#include "backend.h"
#include "mlx5_wqe.h"
#include "seqmap.h"

/* ---- The send queue ---- */

/**
 * A send queue of the caller's, shared by all connections that send through it. Written by the
 * functions below alone; its members may be read. Its memory is the one that the card reads
 * entries from.
 */
struct weir_mlx5_sq {
    uint8_t *ring;   /**< `blocks` times WEIR_MLX5_BB bytes */
    uint32_t blocks; /**< a power of two, WEIR_MLX5_SQ_LEAST to WEIR_MLX5_SQ_MOST */
    uint32_t number; /**< of the queue; 24 bits */
    /** Blocks written since the beginning; the low 16 bits are the producer index. */
    uint64_t produced;
    uint64_t consumed; /**< of these, how many are done and can be written again */
    uint64_t last;     /**< where the last entry begins; counts when something was written */
    uint64_t began;    /**< value of `produced` when it was begun or last reset */
    uint16_t signal;   /**< blocks after which a packet asks for a completion; 0: each does */
    uint16_t silent;   /**< blocks written since one did */
    bool written;      /**< something was, since the beginning or the last reset */
    bool failed;       /**< an entry has failed: it takes nothing until weir_mlx5_sq_reset */
};

#define WEIR_MLX5_SQ_LEAST 64u
#define WEIR_MLX5_SQ_MOST  32768u
/** Blocks that must be free for a packet: an entry of the longest, and the edge before it. */
#define WEIR_MLX5_SQ_PACKET (2u * WEIR_MLX5_MOST_BB)

/* ---- What is sent ---- */

/** Bytes as the processor and as the card reach them. */
struct weir_mlx5_piece {
    const uint8_t *bytes;
    uint64_t address;
    uint32_t lkey;
    uint32_t len;
};

/**
 * Where the plaintext of a connection is, until it is acknowledged: TCP's send buffer. The engine
 * asks for it when it has to go back in a record.
 */
struct weir_mlx5_stream {
    /**
     * Fills `piece` with the bytes from `tcp_seq` on: `len` of them, or as many as lie in one
     * piece, at least 1. They must stay where they are until what was posted with them has
     * completed. False: they are not there (any more).
     */
    bool (*piece)(void *user, uint32_t tcp_seq, uint32_t len, struct weir_mlx5_piece *piece);
    void *user;
};

/** A TCP segment on its way out; with LSO, what the card will cut into several. */
struct weir_mlx5_segment {
    uint32_t tcp_seq;       /**< of its first byte of payload */
    uint32_t len;           /**< bytes of payload; 0: none (a mere ACK, FIN, …) */
    const uint8_t *headers; /**< Ethernet to TCP, all of it; as struct weir_mlx5_packet */
    uint16_t headers_len;
    uint16_t mss; /**< payload of each packet that the card makes; 0: the segment is one packet */
    uint8_t sums; /**< WEIR_MLX5_SUM_…; the card fills them in after it has encrypted */
    const struct weir_mlx5_data *data; /**< the payload, `len` bytes in all, for the card */
    uint32_t pieces;
};

/**
 * Room for segments that the processor encrypts. Each segment takes one; the card reads it when the
 * segment is posted, so the caller uses it again only when that entry has completed. `scratch` is
 * the processor's alone and may serve all connections of a thread; it holds ciphertext for the time
 * of a call.
 */
struct weir_mlx5_bounce {
    uint8_t *bytes; /**< `len` bytes: what the longest segment carries */
    uint64_t address;
    uint32_t lkey;
    uint32_t len;
    uint8_t *scratch; /**< WEIR_MLX5_TX_SCRATCH bytes: a whole record, when its tag is needed */
};

/** Bytes of struct weir_mlx5_bounce, `scratch`. */
#define WEIR_MLX5_TX_SCRATCH WEIR_MAX_RECORD

/** How a segment went. */
enum WEIR_ENUM weir_mlx5_way {
    WEIR_MLX5_DROPPED = 0,   /**< not at all; `why` says why. TCP will send it again */
    WEIR_MLX5_UNTOUCHED = 1, /**< as it is: no payload, or ciphertext from before the offload */
    WEIR_MLX5_DEVICE = 2,    /**< the card encrypts it */
    WEIR_MLX5_SOFTWARE = 3,  /**< the processor has encrypted it; it is in the bounce */
};

/** How the card was brought to where the segment begins. */
enum WEIR_ENUM weir_mlx5_recovery {
    WEIR_MLX5_IN_ORDER = 0, /**< it stood there */
    WEIR_MLX5_START = 1,    /**< parameters anew, and the record from its beginning */
    WEIR_MLX5_GAP = 2,      /**< only what was missing within the record */
};

/** What became of a segment. */
struct weir_mlx5_sent {
    enum weir_mlx5_way way;
    enum weir_mlx5_recovery recovery; /**< WEIR_MLX5_DEVICE */
    uint32_t dumped;                  /**< bytes that the card had to read again for it */
    /** An entry carries it, and the doorbell is due. False, and not dropped: it is for the caller
     * to send, with the payload in the bounce (SOFTWARE) or as it was (UNTOUCHED). */
    bool posted;
    /** `posted`: the entry, and all for it, is done when queue->consumed has come to this. */
    uint64_t until;
    struct weir_refusal why; /**< WEIR_MLX5_DROPPED */
};

/* ---- Settings ---- */

/** Whose way back to a place in a record (docs/device.md). */
enum WEIR_ENUM weir_mlx5_driver {
    /** Only the missing bytes when the card stands before them in the same record. A fence on UMR
     * and on the first DUMP; NOP when there is none. DUMPs cut at a power of two. */
    WEIR_MLX5_AS_FREEBSD = 0,
    /** Always from the beginning of the record; no UMR when the record number is the one it has.
     * A NOP with a fence in any case. DUMPs cut at the MTU. */
    WEIR_MLX5_AS_LINUX = 1,
};

/** What becomes of a segment that is not where the card stands. */
enum WEIR_ENUM weir_mlx5_policy {
    /** Behind it (a retransmission): software, so that the card stays where it is. Ahead of it: the
     * card is brought there, unless one of the bounds below says software. */
    WEIR_MLX5_AUTOMATIC = 0,
    /** The card is brought there, always; with too little room in the queue the segment is
     * dropped. */
    WEIR_MLX5_RESYNC = 1,
    /** Software. The card goes on at the next segment ahead of it for which it has to read no more
     * again than that segment has bytes: so at most one record later. */
    WEIR_MLX5_FALLBACK = 2,
};

/** A port of a card, and how its sending directions are to be. */
struct weir_mlx5_tx_config {
    const struct weir_mlx5_caps *caps; /**< weir_mlx5_caps_read */
    uint32_t pd;                       /**< protection domain of keys and contexts; 24 bits */
    uint32_t domain;                   /**< transport domain; 24 bits */
    uint32_t priority;                 /**< traffic class, 0 to 15 */
    uint32_t mtu;                      /**< of the port, in bytes: what one DUMP may carry */
    /** Encrypts segments that the card does not. AES-GCM, with a keystream. Outlives the backend.
     */
    const struct weir_aead *aead;
    enum weir_mlx5_driver driver;
    enum weir_mlx5_policy policy;
    /** WEIR_MLX5_AUTOMATIC: most bytes that the card is to read again for a segment; 0: any. */
    uint32_t most_dump;
    /** WEIR_MLX5_AUTOMATIC: as WEIR_MLX5_FALLBACK while more than so many of 1000 segments, of the
     * last hundred or so, were not where the card stood; 0: never. */
    uint32_t most_lost;
    /** Runs of the map of each direction (seqmap.h): changes of record length that may be
     * unacknowledged at once; at least 4. */
    uint32_t runs;
    /** Tags that each direction remembers: 0, or a power of two. A tag costs a whole record to
     * make, and a segment that carries a part of it needs it again each time it is sent. */
    uint32_t tags;
    /**
     * Records that each direction keeps a check of, 64 bits each: 0 for none, or a power of two,
     * which is then also how many records may be unacknowledged. The check (SipHash-2-4 under
     * check_key, 16 bytes, random, one for the port is enough) is made when a record is framed, and
     * compared before bytes of the record are used another time than for sending them first: by
     * then its whole record is read.
     */
    uint32_t checks;
    const uint8_t *check_key; /**< copied; NULL with `checks` 0 */
};

/** A port as a backend. Shared by all connections of the port, and not changed by them. */
struct weir_mlx5_tx_backend {
    struct weir_backend backend;       /**< hand `&port.backend` to weir_tx_offload */
    struct weir_mlx5_tx_config config; /**< `caps` and `check_key` are NULL: see below */
    struct weir_mlx5_caps caps;
    uint8_t check_key[16];
};

/** What a direction has done. The first five are named as the drivers' counters and count the same.
 */
struct weir_mlx5_tx_counters {
    uint64_t tx_packets;     /**< segments that the card has encrypted */
    uint64_t tx_bytes;       /**< their bytes, headers (once for LSO) and payload */
    uint64_t tx_packets_ooo; /**< times that the card had to be brought to a place; FreeBSD's: the
                                  first segment counts */
    uint64_t tx_bytes_ooo;   /**< bytes it had to read again for that */
    uint64_t tx_error;       /**< segments dropped, apart from those of tx_queue_full */
    uint64_t tx_queue_full;  /**< segments dropped for want of room in the queue */
    uint64_t tx_software;    /**< segments that the processor has encrypted */
    uint64_t tx_software_bytes; /**< their payload */
    uint64_t tx_tags;      /**< whole records sealed because a segment carried a part of the tag */
    uint64_t tx_untouched; /**< segments that went as they were */
    uint64_t tx_commands_failed; /**< commands of the firmware that failed or were not answered */
};

#if WEIR_HAS_OFFLOAD && WEIR_HAS_PACKET
WEIR_BEGIN

/**
 * Makes `queue` a queue over ring[0..blocks * 64), whose next entry has producer index 0. `signal`:
 * see struct weir_mlx5_sq; at most a quarter of `blocks`. Returns WEIR_OK; WEIR_E_MISUSE for sizes
 * and numbers that do not fit.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_mlx5_sq_init(struct weir_mlx5_sq *queue, uint8_t *ring,
                                                       uint32_t blocks, uint32_t number,
                                                       uint16_t signal);

/** Blocks that are free. */
WEIR_API uint32_t weir_mlx5_sq_room(const struct weir_mlx5_sq *queue);

/**
 * Takes a completion of this queue. Returns WEIR_OK: entries up to that one are done, and their
 * memory is free. WEIR_E_BACKEND: the entry has failed, and none behind it went out; the queue
 * takes nothing more until weir_mlx5_sq_reset. WEIR_E_MISUSE: about no entry of this queue that is
 * outstanding; nothing changed.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_mlx5_sq_complete(struct weir_mlx5_sq *queue,
                                                           const struct weir_mlx5_cqe *cqe);

/**
 * The queue has been reset on the card: it begins anew at producer index 0. Directions notice by
 * themselves that the card no longer stands where it stood. Completions of before must have been
 * taken, or be thrown away by the caller.
 */
WEIR_API void weir_mlx5_sq_reset(struct weir_mlx5_sq *queue);

/**
 * Asks for a completion by a NOP when the last entries asked for none (`signal`): for who waits for
 * all to be done, or for room. True: it was written, the doorbell is due.
 */
WEIR_API bool weir_mlx5_sq_flush(struct weir_mlx5_sq *queue);

/**
 * What the doorbell says: the first 8 bytes of the last entry. The doorbell record gets
 * queue->produced before. NULL when nothing was written yet.
 */
WEIR_API const uint8_t *weir_mlx5_sq_doorbell(const struct weir_mlx5_sq *queue);

/**
 * Makes `port` a backend. Returns WEIR_OK; WEIR_REFUSED with `why` filled: WEIR_REFUSAL_FORM (the
 * card cannot send TLS; `detail`: the WEIR_MLX5_CAN_… missing), ABI, INSECURE, SUITE (the provider
 * has no AES-GCM), KEYSTREAM (the provider has none), MEMORY (`runs`, `tags` or `checks` cannot
 * be). WEIR_E_MISUSE: numbers that do not fit, an MTU below 64, or no check_key.
 *
 * A direction is refused by SUITE, VERSION or FORM as weir_mlx5_caps_offer says, and PROVIDER; by
 * TCP_SEQ when its move does not say where it begins; by the firmware: RESOURCES (transient),
 * DEVICE (`detail`: the status of the reply, in bits 24 to 31 the command: 1 key, 2 context) and
 * NO_REPLY (transient). After each of these the direction is as it was, and what was made on the
 * card is ended again.
 */
WEIR_API WEIR_MUST_CHECK weir_status
weir_mlx5_tx_backend_init(struct weir_mlx5_tx_backend *port,
                          const struct weir_mlx5_tx_config *config, struct weir_refusal *why);

/**
 * A segment is on its way out: decides how, brings the card to its first byte if need be, writes
 * the entries for it, or encrypts it. All functions below take the `ctx` of a direction that has
 * moved to a struct weir_mlx5_tx_backend (struct weir_move, `ctx`).
 *
 * `queue` NULL, or one in error: nothing is posted, and the segment is the caller's to send. It is
 * then never WEIR_MLX5_DEVICE. A connection stays with one queue; when it changes to another, all
 * that it posted on the first must have completed. `bounce` may be NULL: then what would go by
 * software is dropped. `stream` is asked for plaintext where the segment's own bytes do not do.
 *
 * Returns WEIR_OK, and `sent` says what became of the segment; or WEIR_REFUSED: it was dropped,
 * nothing of it may go out, and nothing was posted. sent->why, layer WEIR_LAYER_BACKEND:
 *  - RESOURCES, transient: the queue has no room (ENOBUFS of a driver). Of the entries that take it
 *    none need have asked for a completion yet: weir_mlx5_sq_flush, or there may never be room;
 *  - STRADDLES: it begins before the first byte of the offload or in an acknowledged record, and
 *    ends behind it; or it ends behind the last record (`detail`: bytes on the far side);
 *  - PASSED: all its records are acknowledged;
 *  - AHEAD: it lies behind the last record that was framed;
 *  - GONE: the stream does not give the plaintext that is needed;
 *  - CHANGED: a record is no longer what was framed. The direction ends: WEIR_E_MISUSE;
 *  - MEMORY: the bounce is too short (`detail`: bytes it takes), or not there;
 *  - PROVIDER: the provider failed; layer WEIR_LAYER_PROVIDER.
 * Below zero: sticky, the direction has ended; `sent->way` is WEIR_MLX5_DROPPED. WEIR_E_MISUSE is
 * also the answer to a segment that contradicts itself (no headers for a queue, pieces that are not
 * `len` bytes), which ends nothing.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_mlx5_tx_xmit(
    void *ctx, const struct weir_mlx5_stream *stream, const struct weir_mlx5_segment *segment,
    struct weir_mlx5_sq *queue, const struct weir_mlx5_bounce *bounce, struct weir_mlx5_sent *sent);

/**
 * The peer has acknowledged all before `snd_una`: records that end there are given up, and there is
 * room again for weir_tx_seal. The number that a FIN takes is not one of a byte: leave it out.
 * Returns WEIR_OK; WEIR_E_MISUSE when that was not framed yet, with nothing changed.
 */
WEIR_API weir_status weir_mlx5_tx_acked(void *ctx, uint32_t snd_una);

/** The oldest byte that the stream must still be able to give: the first of the oldest record that
 * is not acknowledged to its end. Nothing before it will be asked for. */
WEIR_API uint32_t weir_mlx5_tx_needs(const void *ctx);

/** The interface is gone: from here on everything goes by software, and no command is of use. One
 * that is out is over: its reply must not be written any more. It still has to be told
 * (weir_tx_complete, weir_mlx5_tx_ended), and counts as failed whatever is told: a move is refused
 * with NO_REPLY, a new key is the software's alone. */
WEIR_API void weir_mlx5_tx_lost(void *ctx);

/** What the card knows of the direction is not known any more: its next segment brings the card
 * back. For a queue that was reset outside of weir_mlx5_sq_reset. */
WEIR_API void weir_mlx5_tx_reset(void *ctx);

/** Where the card stands: true, and the TCP sequence number of the next byte it expects; false: it
 * has to be brought somewhere first. A weir_mlx5_sq_reset shows here with the next segment. */
WEIR_API bool weir_mlx5_tx_expects(const void *ctx, uint32_t *tcp_seq);

/** Its context on the card; 0: none (any more). */
WEIR_API uint32_t weir_mlx5_tx_context(const void *ctx);

/** What the direction has done. Stays readable after its end. */
WEIR_API struct weir_mlx5_tx_counters weir_mlx5_tx_count(const void *ctx);

/**
 * What is to be ended on the card, if anything: call it when the connection is over, and between
 * for keys that were replaced. When the direction of core ends (weir_tx_wipe, weir_tx_end, or a
 * fatal alert that was sealed), what it has framed can still be sent, again and again, until it is
 * acknowledged or `over` says that no more will be sent; then its keys are wiped. So `ctx` outlives
 * the direction, and its life ends when this answers WEIR_OK after `over`.
 *
 * `queue`: the one that the connection sends through; NULL: it is gone, or all has completed.
 *
 * Returns WEIR_OK: nothing is to be done. WEIR_PENDING: carry out `*command`, tell
 * weir_mlx5_tx_ended, and ask again. WEIR_NEED_INPUT: entries that use the object are still
 * outstanding, or weir_tx_command is; ask again after their completions. Until this command has
 * ended there is no weir_tx_command.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_mlx5_tx_end(void *ctx, const struct weir_mlx5_sq *queue,
                                                      bool over, const struct weir_cmd **command);

/** Tells how that command ended. Whatever it was, the object counts as ended. */
WEIR_API void weir_mlx5_tx_ended(void *ctx, const struct weir_done *done);

WEIR_END
#endif
#endif
