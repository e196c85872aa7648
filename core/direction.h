/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * What a sending and a receiving direction have in common: keys, position, limits, backend, and how
 * a direction begins, changes key, moves and ends.
 */
#ifndef WEIR_CORE_DIRECTION_H
#define WEIR_CORE_DIRECTION_H

#include <weir/rx_marked.h>

#include "mem.h"

/*
 * The inside of weir_tx and weir_rx. The caller's memory is declared as numbers; may_alias keeps
 * reading it as this struct defined.
 */
struct __attribute__((may_alias)) direction {
    const struct weir_backend *backend; /* NULL: never initialised, or wiped */
    void *ctx;
    struct weir_keys keys;
    struct weir_counters counters;
    struct weir_limit limit; /* UINT64_MAX where there is none */
#if WEIR_HAS_OFFLOAD
    /* What `doing` needs. */
    union {
        struct {
            const struct weir_backend *backend;
            void *ctx;
        } next;                     /* DOING_MOVE */
        const struct weir_kdf *kdf; /* DOING_QUERY_TO_REKEY */
    } with;
    uint32_t asked;    /* STREAM, TX: most bytes that weir_tx_sent may report; 0: none asked */
    uint16_t open;     /* STREAM, TX: 0: no record is open; else one may be, see OPEN_UNKNOWN */
    uint8_t receives;  /* it is a weir_rx */
    uint8_t sending;   /* STREAM, TX: content type of `asked` */
    uint8_t carrier;   /* a weir_carrier */
    uint8_t exact;     /* STREAM: the position is as the backend has just told it */
    uint8_t bypassed;  /* STREAM, TX: others have sent on the socket; how much is not known */
    uint8_t no_answer; /* STREAM: a query of our own has failed; the bounds have to do */
#endif
    uint16_t record_limit; /* most plaintext bytes in a record */
    uint16_t empty_run;    /* RX: empty records since the last one with content */
    /* Next to each other, so that one comparison tells the usual (tx.c). */
    union {
        uint16_t pad_multiple; /* TX; 0: none */
        uint16_t alone;        /* RX: so many records are not opened together, see rx_many.c */
    };
    uint8_t attached;   /* an enum held: whether the backend holds the key, and how */
    uint8_t doing;      /* an enum doing: what the outstanding command is for */
    int8_t status;      /* sticky once below zero, else 0 */
    uint8_t iv_is_salt; /* TLS 1.2 AES-GCM: 4 bytes of salt, 8 explicit ones on the wire */
    struct weir_shape shape;
};

/*
 * What direction's `open` says of content that may lie in an open record: how much at most, less
 * what fills whole records, and one more; or that it is not known how much.
 */
#define OPEN_UNKNOWN UINT16_MAX

enum held {
    HELD_NOT = 0,
    HELD_RECORD = WEIR_FORM_RECORD,
    HELD_STREAM = WEIR_FORM_STREAM,
    HELD_PACKET = WEIR_FORM_PACKET,
};

enum doing {
    DOING_NOTHING,
    DOING_MOVE,
    DOING_REKEY,
    DOING_QUERY,
    DOING_QUERY_TO_REKEY, /* so that the old key's records are counted exactly */
};

_Static_assert(sizeof(struct direction) <= sizeof(struct weir_tx), "weir_tx is too small");
_Static_assert(sizeof(struct weir_rx) == sizeof(struct weir_tx), "weir_rx is weir_tx in size");
_Static_assert(_Alignof(struct direction) <= _Alignof(struct weir_tx), "weir_tx alignment");

static inline struct direction *tx_inside(const struct weir_tx *tx)
{
    return (struct direction *)(void *)(uintptr_t)tx;
}

static inline struct direction *rx_inside(const struct weir_rx *rx)
{
    return (struct direction *)(void *)(uintptr_t)rx;
}

/* What the parts of this build leave to be asked of a direction. */
static inline bool is_tls13(const struct direction *d)
{
    return WEIR_HAS_TLS13 && (!WEIR_HAS_TLS12 || d->keys.version == WEIR_TLS13);
}

static inline bool has_explicit_nonce(const struct direction *d)
{
    return WEIR_HAS_TLS12 && d->iv_is_salt;
}

static inline bool weir_direction_busy(const struct direction *d)
{
    return WEIR_HAS_OFFLOAD && d->doing != DOING_NOTHING;
}

/* Whether weir frames the records: all that can be said of them is said here. */
static inline bool weir_direction_frames(const struct direction *d)
{
    return d->attached == HELD_RECORD ||
           (WEIR_HAS_OFFLOAD && WEIR_HAS_PACKET && d->attached == HELD_PACKET);
}

/* Whether the position is that of the next record, and no bound. */
static inline bool weir_direction_exact(const struct direction *d)
{
#if WEIR_HAS_OFFLOAD
    return d->attached != HELD_STREAM || d->exact;
#else
    (void)d;
    return true;
#endif
}

/* Where the machine's speed counts, the way of a record is one piece, and what is usual has a way
 * of its own. */
#ifdef __OPTIMIZE_SIZE__
#define FAST 0
#define HOT  static inline
#else
#define FAST 1
#define HOT  static inline __attribute__((always_inline))
#endif

/* AEAD blocks a message of `len` bytes, at most one record's, counts against the key (struct
 * weir_limit). */
static inline uint64_t blocks_of(size_t len)
{
    return (len + 15) / 16 + 1;
}

/* The count with `len` bytes more; it stays at its maximum instead of beginning anew. */
static inline uint64_t blocks_with(const struct direction *d, size_t len)
{
    uint64_t more = blocks_of(len);
    uint64_t sum = d->keys.at.blocks + more;

    return FAST ? sum | -(uint64_t)(sum < more) : sum >= more ? sum : UINT64_MAX;
}

/* Whether the key may have protected that many blocks, with `reserve` beyond its limit. */
static inline bool blocks_allowed(const struct direction *d, uint64_t blocks, uint64_t reserve)
{
    uint64_t hard = d->limit.hard;

    return blocks <= hard || blocks - hard <= reserve;
}

/* Whether no more data may come: the key has protected more than its limit. */
static inline bool spent(const struct direction *d)
{
    return d->keys.at.blocks > d->limit.hard;
}

/* Moves the position past a record, after which the key has protected `blocks`. */
static inline void pass_record(struct direction *d, uint64_t blocks, size_t wire_len)
{
    struct weir_position *at = &d->keys.at;

    at->seq++;
    at->blocks = blocks;
    if (at->tcp_known)
        at->tcp_seq += (uint32_t)wire_len;
}

/* What alerts and KeyUpdates may use beyond the limit for data, so that the end can be said. */
#define WEIR_RESERVE_BLOCKS  1024u
#define WEIR_RESERVE_RECORDS 64u

/* Whether the shape of its records can still be set: nobody below the socket would be told. */
static inline bool weir_direction_adjustable(const struct direction *d)
{
    return weir_direction_frames(d) && !weir_direction_busy(d);
}

/* A backend may answer these two; from one that answers something else anything can be expected. */
static inline weir_status backend_error(weir_status status)
{
    return status == WEIR_E_PROVIDER ? WEIR_E_PROVIDER : WEIR_E_BACKEND;
}

weir_status weir_direction_init(struct direction *d, enum weir_dir dir, struct weir_keys *keys,
                                const struct weir_backend *backend, void *ctx, size_t ctx_len,
                                struct weir_refusal *why);
weir_status weir_direction_rekey(struct direction *d, const struct weir_kdf *kdf);
/* The old key's records are counted; now the key changes. */
weir_status weir_direction_change_key(struct direction *d, const struct weir_kdf *kdf);
/* The backend has answered a change of key. */
weir_status weir_direction_rekeyed(struct direction *d, weir_status status);
/* Whether the memory given is what the backend asks for. */
bool weir_direction_memory(const struct weir_backend *backend, const void *ctx, size_t ctx_len,
                           struct weir_refusal *why);
/* Takes `offload` as weir_tx_offload does; the other calls are the ones of weir_tx_…, too. */
weir_status weir_direction_offload(struct direction *d, enum weir_dir dir,
                                   const struct weir_move *move, struct weir_refusal *why);
weir_status weir_direction_take_back(struct direction *d, enum weir_dir dir,
                                     const struct weir_move *move, struct weir_refusal *why);
const struct weir_cmd *weir_direction_command(const struct direction *d);
weir_status weir_direction_complete(struct direction *d, const struct weir_done *done,
                                    struct weir_refusal *why);
weir_status weir_direction_query(struct direction *d, struct weir_refusal *why);
/* The backend that the direction was to move to need not wait for it any longer. */
void weir_direction_drop_move(struct direction *d);
/* WEIR_OK: nobody need be asked before the key changes, or has answered. Else what to answer. */
weir_status weir_direction_ask_to_rekey(struct direction *d, const struct weir_kdf *kdf);
/* What was learnt of the old key's records is not of the new one's. */
void weir_direction_new_key(struct direction *d);
/* The backend has answered WEIR_PENDING; false: it has no commands, so that is no answer. */
bool weir_direction_waits(struct direction *d, enum doing doing);
/* STREAM: WEIR_OK, or what weir_tx_stream and weir_rx_stream answer before they look further. */
weir_status weir_direction_stream(struct direction *d);
/* STREAM: whether the bound passes a limit, the truth may not, and there is somebody to ask: then
 * that is done before a key is given up for nothing. */
bool weir_direction_in_doubt(const struct direction *d, uint64_t limit);
/* STREAM: counts `bytes` of content in `least` to `most` records. */
void weir_direction_count(struct direction *d, size_t bytes, uint64_t least, uint64_t most);
bool weir_direction_refuse(struct weir_refusal *why, weir_refusal_code code, uint32_t detail);

/* Counts a KeyUpdate that cannot be followed. */
static inline void weir_direction_lose_rekey(struct direction *d)
{
    d->counters.lost_rekeys++;
}

/* tx.c: whether content of this type and length may be sent at all. */
bool weir_tx_sendable(uint8_t type, size_t len);
/* tx.c: as weir_tx_wire_len, for content of this type; `tx` is initialised. */
size_t weir_tx_wire_of(const struct weir_tx *tx, uint8_t type, size_t len);
#if WEIR_HAS_OFFLOAD && WEIR_HAS_PACKET
/* packet.c: whether the move says where it begins; the position then does. */
bool weir_direction_locate(struct direction *d, const struct weir_move *move,
                           struct weir_refusal *why);
/* packet.c: tells the backend of the next record, `wire` bytes on the wire, the first of
 * `together`; WEIR_OK at once in another form. */
weir_status weir_direction_frame(struct direction *d, size_t wire, size_t together);
#else
static inline bool weir_direction_locate(struct direction *d, const struct weir_move *move,
                                         struct weir_refusal *why)
{
    (void)d;
    (void)move;
    (void)why;
    return true;
}

static inline weir_status weir_direction_frame(struct direction *d, size_t wire, size_t together)
{
    (void)d;
    (void)wire;
    (void)together;
    return WEIR_OK;
}
#endif
/* tx.c: the key is used up for content of this type. */
weir_status weir_tx_limit_reached(struct direction *d, uint8_t type);
/* rx.c: what an authenticated record may hold; r->type and r->len are final. */
weir_status weir_rx_judge(struct direction *d, const struct weir_record *r);
/* rx.c: as opening the whole record at `buf`, whose text is open and authenticated already. */
weir_status weir_rx_take(struct direction *d, uint8_t *buf, size_t len, struct weir_record *out);
/* rx_marked.c: opens records as weir_rx_open_marked does, behind what `in` says was opened. */
weir_status weir_rx_open_more(struct weir_rx *rx, struct weir_marked *in);

bool weir_direction_can_rekey(const struct direction *d, const struct weir_kdf *kdf,
                              struct weir_refusal *why);
/* Ends it with a status below zero, for good; the first status stays. Returns the sticky status. */
weir_status weir_direction_end(struct direction *d, weir_status status);
weir_status weir_direction_status(const struct direction *d);
struct weir_position weir_direction_position(const struct direction *d);
struct weir_counters weir_direction_counters(const struct direction *d);
void weir_direction_set_limit(struct direction *d, const struct weir_limit *limit);
void weir_direction_wipe(struct direction *d);

/* The five bytes of a record's header, then zeros, as they lie in memory. */
static inline uint64_t header_word(uint8_t type, size_t len)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return (uint64_t)__builtin_bswap16((uint16_t)len) << 24 | 0x030300u | type;
#else
    return (uint64_t)type << 56 | (uint64_t)0x0303 << 40 | (uint64_t)(uint16_t)len << 24;
#endif
}

/*
 * What the way of a record depends on. Where speed counts, each of the three kinds there are has
 * code of its own, in which these are constants.
 */
struct kind {
    bool tls13;
    bool salt; /* direction's iv_is_salt */
};
static const struct kind kind13 = {true, false}, kind12 = {false, true};

static inline struct kind kind_of(const struct direction *d)
{
    return (struct kind){is_tls13(d), has_explicit_nonce(d)};
}

/* Of a kind that lies in memory: what this build has settles it. */
static inline struct kind built(struct kind kind)
{
    return (struct kind){WEIR_HAS_TLS13 && (!WEIR_HAS_TLS12 || kind.tls13),
                         WEIR_HAS_TLS12 && kind.salt};
}

static inline size_t prefix_of(struct kind kind)
{
    return WEIR_HEADER_LEN + (kind.salt ? 8u : 0u);
}

/* What every nonce of a key begins as. */
struct nonce_base {
    uint64_t first, second;
};

static inline struct nonce_base nonce_base(const struct weir_keys *keys)
{
    return (struct nonce_base){get_wire(keys->iv, 8), get_wire(keys->iv + 8, 4)};
}

/* Fills a nonce out of a record's number, or of its explicit nonce where it has one. */
HOT void put_nonce(struct nonce_base base, struct kind kind, struct weir_aead_op *op,
                   uint64_t number)
{
    /* RFC 8446 section 5.3 and RFC 7905 section 2: the sequence number, padded on the left, xored
     * with the IV. RFC 5288 section 3: salt, then the explicit nonce as it is on the wire; the IV
     * is zero there (weir_direction_init). The way from the number to the nonce is short, because
     * the provider can begin nothing without it. */
    put_wire128(op->nonce, base.first ^ wire64_end(number),
                (FAST && kind.salt ? 0 : base.second) ^ wire64_begin(number));
}

HOT void fill_nonce(const struct weir_keys *keys, struct kind kind, struct weir_aead_op *op,
                    uint64_t number)
{
    put_nonce(nonce_base(keys), kind, op, number);
}

/* RFC 5246 section 6.2.3.3: seq_num, type, version, length of the plaintext, for TLS 1.2; `aad` is
 * the caller's room for them. */
HOT void fill_aad12(struct weir_aead_op *op, uint8_t aad[16], uint64_t seq, uint8_t type,
                    size_t plaintext_len)
{
    put_wire128(aad, wire64(seq), header_word(type, plaintext_len));
    op->aad = (struct weir_iov){aad, 13};
}

#endif
