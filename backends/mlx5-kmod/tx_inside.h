/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * The inside of a sending direction that goes through the card packet by packet, and what the files
 * of the engine share.
 */
#ifndef WEIR_MLX5_TX_INSIDE_H
#define WEIR_MLX5_TX_INSIDE_H

#include <weir/mlx5_tx.h>

#include "wqe_bytes.h"

#define TX_CHECK_KEY 16u /* bytes of the key of checks */

/* A key of the direction: the one it has now, or the one before it while records under that are
 * not acknowledged. */
struct tx_epoch {
    void *aead; /* the provider's memory */
    uint8_t iv[WEIR_IV_LEN];
    uint16_t number;
    bool held;    /* the provider has the key */
    bool has_dek; /* so has the card */
    uint32_t dek;
    uint32_t base;       /* ordinal of record 0 of it, whether weir made that one or not */
    uint64_t used_until; /* struct weir_mlx5_sent, `until`, of what was last posted under it */
};

/* A tag that is remembered. */
struct tx_tag {
    uint64_t record;
    uint16_t epoch;
    bool known;
    uint8_t tag[WEIR_TAG_LEN];
};

/* What core's command is for. */
enum tx_step {
    TX_IDLE,
    TX_ATTACH_DEK,
    TX_ATTACH_TIS,
    TX_UNDO_DEK, /* the TIS could not be had */
    TX_REKEY_DEK,
};

/* What the command of weir_mlx5_tx_end is for. */
enum tx_ending { TX_ENDING_NOTHING, TX_ENDING_TIS, TX_ENDING_DEK, TX_ENDING_RETIRED };

/* The caller's memory is declared as bytes; may_alias keeps using it as this struct defined. */
struct __attribute__((may_alias)) tx {
    const struct weir_mlx5_tx_backend *port;
    struct weir_seqmap map;
    struct tx_epoch epochs[2];
    struct tx_tag *tags;
    uint64_t *checks;
    uint32_t first;   /* ordinal of the oldest record in the map */
    uint32_t ordinal; /* of the next record to be framed */
    uint32_t genuine; /* ordinal of a record that was found to be so in this call */
    bool is_genuine;  /* it counts */
    uint32_t start;   /* TCP sequence number of the first byte that was offloaded */
    uint32_t high;    /* behind the last byte that was ever sent */
    uint16_t version;
    uint8_t alg;
    uint8_t now;       /* index of the key that new records get */
    bool start_passed; /* something behind `start` is acknowledged */
    bool ended;        /* core has let go of it */
    bool lost;         /* the interface is gone */
    int8_t dead;       /* sticky, below zero */

    /* Where the card stands. */
    uint32_t tisn;     /* 0: none */
    uint32_t expected; /* counts when `placed` */
    bool placed;
    bool posted;       /* the context was in use, so new parameters need a fence before them */
    bool params_known; /* it has parameters, those of: */
    uint64_t params_record;
    uint16_t params_epoch;
    uint32_t queue;       /* number of the queue it is used by */
    uint64_t queue_since; /* of that queue, where its count began when it was placed */
    uint64_t used_until;  /* as of struct tx_epoch, whatever the key */
    uint32_t loss;        /* share of segments out of order, in 65536ths */

    /* Commands. */
    uint8_t step;   /* an enum tx_step */
    uint8_t ending; /* an enum tx_ending */
    bool retired;   /* a key of the card that nobody uses any more: */
    uint32_t retired_dek;
    uint64_t retired_until;
    struct weir_cmd cmd;
    struct weir_refusal refusal; /* TX_UNDO_DEK: why */
    uint8_t next_iv[WEIR_IV_LEN];
    uint16_t next_epoch;
    uint8_t in[WEIR_MLX5_DEK_CREATE]; /* holds a key until the completion */
    uint8_t reply[WEIR_MLX5_REPLY];
    struct weir_cmd end_cmd;
    uint8_t end_in[WEIR_MLX5_DESTROY];
    uint8_t end_reply[WEIR_MLX5_REPLY];

    struct weir_mlx5_tx_counters counters;
};

/* One call of weir_mlx5_tx_xmit. */
struct tx_call {
    struct tx *tx;
    const struct weir_mlx5_stream *stream;
    const struct weir_mlx5_segment *segment;
    struct weir_mlx5_sq *queue; /* NULL: nothing can be posted */
    const struct weir_mlx5_bounce *bounce;
    struct weir_mlx5_sent *sent;
};

static inline struct tx *tx_of(void *ctx)
{
    return ctx;
}

static inline const struct tx *tx_seen(const void *ctx)
{
    return ctx;
}

static inline bool tx_refuse(struct weir_refusal *why, weir_refusal_code code, uint32_t detail)
{
    *why = (struct weir_refusal){.code = code, .layer = WEIR_LAYER_BACKEND, .detail = detail};
    return false;
}

/* Whether `a` lies before `b` in TCP's stream; they are less than 2^31 apart. */
static inline bool tx_before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

/* Bytes of a record before its message: header, and explicit nonce of TLS 1.2. */
static inline uint32_t tx_prefix(const struct tx *tx)
{
    return tx->version == WEIR_TLS13 ? WEIR_HEADER_LEN : WEIR_HEADER_LEN + 8u;
}

/* The key of a record in the map; NULL: of none that there is. */
static inline struct tx_epoch *tx_epoch_of(struct tx *tx, uint16_t number)
{
    for (unsigned i = 0; i < 2; i++) {
        if (tx->epochs[i].held && tx->epochs[i].number == number)
            return &tx->epochs[i];
    }
    return NULL;
}

/* What was posted on the queue of before is done when there is another one (weir_mlx5_tx_xmit), and
 * how far that one has come says nothing about it. */
static inline void tx_look_at_queue(struct tx *tx, const struct weir_mlx5_sq *queue)
{
    if (queue == NULL || queue->number == tx->queue)
        return;
    tx->used_until = tx->retired_until = 0;
    tx->epochs[0].used_until = tx->epochs[1].used_until = 0;
}

/* The place of a record in rings of a power of two. */
static inline uint32_t tx_ordinal(const struct tx_epoch *epoch, const struct weir_seqmap_record *r)
{
    return epoch->base + (uint32_t)r->number;
}

/* tx_queue.c */
uint8_t *weir_mlx5_sq_next(const struct weir_mlx5_sq *queue, uint8_t flags, struct weir_mlx5_at *at,
                           size_t *room);
void weir_mlx5_sq_wrote(struct weir_mlx5_sq *queue, uint32_t blocks);
void weir_mlx5_sq_edge(struct weir_mlx5_sq *queue, uint32_t blocks);

/* tx_objects.c: commands, and the functions of struct weir_backend that are about them. */
weir_status weir_mlx5_tx_create(struct tx *tx, const struct weir_keys *keys,
                                struct weir_refusal *why);
const struct weir_cmd *weir_mlx5_tx_command(const struct weir_backend *self, void *ctx);
weir_status weir_mlx5_tx_complete(const struct weir_backend *self, void *ctx,
                                  const struct weir_done *done, struct weir_refusal *why);
weir_status weir_mlx5_tx_rekey(const struct weir_backend *self, void *ctx,
                               const struct weir_keys *keys);
/* Nothing of the key before is left to be sent. */
void weir_mlx5_tx_retire(struct tx *tx);
/* Core lets go of the direction in the middle of a command, or not. */
void weir_mlx5_tx_abandon(struct tx *tx);

/* tx_port.c: what the map holds has changed. */
void weir_mlx5_tx_let_go(struct tx *tx);
void weir_mlx5_tx_forget_keys(struct tx *tx);

/* tx_sip.c: a hash of 64 bits of what is taken between begin and end. */
struct tx_sip {
    uint64_t v0, v1, v2, v3;
    uint64_t word; /* bytes that do not fill a word yet, the first lowest */
    uint32_t len;  /* bytes so far; the lowest 8 bits count */
};
void weir_mlx5_tx_sip_begin(struct tx_sip *s, const uint8_t key[TX_CHECK_KEY]);
void weir_mlx5_tx_sip_take(struct tx_sip *s, const uint8_t *p, size_t len);
uint64_t weir_mlx5_tx_sip_end(struct tx_sip *s);

/* tx_check.c */
/* The bytes of `record` are those that were framed: its header by what is known of it, its message
 * by the check if there is one. `type` gets its content type. False: sent->why is filled. */
bool weir_mlx5_tx_genuine(const struct tx_call *call, const struct weir_seqmap_record *record,
                          uint8_t *type);
/* All records in [from, from + len). */
bool weir_mlx5_tx_genuine_all(const struct tx_call *call, uint32_t from, uint32_t len);

/* tx_software.c */
/* The plaintext of [seq, seq + len) to `out`; false: not there, sent->why is filled. */
bool weir_mlx5_tx_read(const struct tx_call *call, uint32_t seq, uint32_t len, uint8_t *out);
/* One piece of it. */
bool weir_mlx5_tx_piece(const struct tx_call *call, uint32_t seq, uint32_t len,
                        struct weir_mlx5_piece *piece);
/* Encrypts the segment, which begins in the record `first`, into the bounce; false: sent->why is
 * filled, and the bounce is wiped. */
bool weir_mlx5_tx_encrypt(const struct tx_call *call, const struct weir_seqmap_record *first);

/* tx_recover.c: how the card gets to a segment. */
struct tx_plan {
    enum weir_mlx5_recovery way;
    struct weir_seqmap_record record; /* the one that the segment begins in */
    uint32_t from, bytes;             /* what is dumped */
    uint32_t blocks;                  /* of the queue, all but the packet */
};
void weir_mlx5_tx_plan(const struct tx_call *call, const struct weir_seqmap_record *record,
                       struct tx_plan *plan);
/* Fills plan->blocks; false: the plaintext is not there, sent->why is filled. */
bool weir_mlx5_tx_plan_blocks(const struct tx_call *call, struct tx_plan *plan);
/* Writes its entries; false: the stream does not say what it said before, sent->why is filled. */
bool weir_mlx5_tx_recover(const struct tx_call *call, const struct tx_plan *plan);

#endif
