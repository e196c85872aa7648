/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * What a driver of a ConnectX-6 Dx says to the card about TLS, byte by byte: the firmware commands
 * that make key objects and transport contexts, the entries of a send queue that set and ask for a
 * context's state and that carry packets, and what the card answers. Nothing here keeps state, does
 * input or output, or decides what is to be said when; it is for drivers, for user-space TCP stacks
 * and for models of the card.
 *
 * All numbers are given in the host's order and written in the card's, which is big-endian. Every
 * function that writes fills its whole output, zeros where nothing is said; on a refusal
 * (WEIR_E_MISUSE) it writes nothing. Buffers need no alignment here, though the card's memory has
 * one of its own.
 *
 * Layouts and their sources: docs/reference/mlx5-wqe.md.
 */
#ifndef WEIR_MLX5_WQE_H
#define WEIR_MLX5_WQE_H

#include "keys.h"
#include "refusal.h"

#define WEIR_MLX5_DS      16u /**< bytes of a data segment, the unit that entries are counted in */
#define WEIR_MLX5_BB      64u /**< bytes of a basic block, the unit that queues are counted in */
#define WEIR_MLX5_MOST_BB 16u /**< basic blocks of the longest entry that drivers allow for */
#define WEIR_MLX5_MOST_DS 63u /**< data segments that the count of an entry can say */
#define WEIR_MLX5_NUMBER                                                                           \
    0xffffffu /**< largest number of an object or a queue: they have 24 bits                       \
               */

/** What an entry is for. */
enum WEIR_ENUM weir_mlx5_opcode {
    WEIR_MLX5_NOP = 0x00,
    WEIR_MLX5_SEND = 0x0a,
    WEIR_MLX5_LSO = 0x0e,
    WEIR_MLX5_SET_PSV = 0x20,
    WEIR_MLX5_GET_PSV = 0x21,
    WEIR_MLX5_DUMP = 0x23,
    WEIR_MLX5_UMR = 0x25,
};

/** Flags of an entry; no other is taken. */
enum {
    WEIR_MLX5_COMPLETE = 0x08, /**< write a completion when it is done */
    WEIR_MLX5_FENCE = 0x20,    /**< wait for the parameters before it ("initiator small") */
};

/** Where an entry goes. */
struct weir_mlx5_at {
    uint32_t sqn;   /**< number of the send queue; 24 bits */
    uint16_t index; /**< producer index in basic blocks, running on freely across 65535 */
    uint8_t flags;  /**< WEIR_MLX5_COMPLETE, WEIR_MLX5_FENCE */
};

/** Memory that the card reads: one data segment. */
struct weir_mlx5_data {
    uint64_t address; /**< as the card sees it */
    uint32_t lkey;    /**< key of the memory region; 0x100 is no key */
    uint32_t len;     /**< bytes, 1 to 2^31 - 1 */
};

/* ---- Commands to the firmware ---- */

#define WEIR_MLX5_DEK_CREATE 272u /**< bytes of the command that makes a key object */
#define WEIR_MLX5_TIS_CREATE 192u
#define WEIR_MLX5_TIR_CREATE 272u
#define WEIR_MLX5_DESTROY    16u /**< bytes of every command that ends an object */
#define WEIR_MLX5_REPLY      16u /**< bytes of every reply to these commands */

/** The objects of a TLS direction. */
enum WEIR_ENUM weir_mlx5_object {
    WEIR_MLX5_DEK = 0, /**< a key */
    WEIR_MLX5_TIS = 1, /**< the context of a sending direction */
    WEIR_MLX5_TIR = 2, /**< the context of a receiving direction */
};

/** What the firmware answered. */
struct weir_mlx5_reply {
    uint8_t status;    /**< 0: done; else WEIR_MLX5_STATUS_… or another number */
    uint32_t syndrome; /**< the firmware's own number for what went wrong */
    uint32_t number;   /**< of the object that was made; 0 when none was */
};

/** Statuses of a command after which the same command may succeed later. */
enum {
    WEIR_MLX5_STATUS_BUSY = 0x06,
    WEIR_MLX5_STATUS_LIMIT = 0x08,
    WEIR_MLX5_STATUS_NO_RESOURCES = 0x0f,
};

/* ---- Contexts ---- */

/** What a context has to know before the first byte: static parameters. Holds no key, but a salt or
 * static IV. */
struct weir_mlx5_static {
    uint16_t version;        /**< WEIR_TLS12 or WEIR_TLS13 */
    uint8_t iv[WEIR_IV_LEN]; /**< static IV; of TLS 1.2 only the salt, iv[0..4), counts */
    uint32_t dek;            /**< number of the key object */
    uint64_t record;         /**< number of the record that the next byte begins */
    /** RX: TCP sequence number of that record, when a position found by the card is confirmed; else
     * 0. TX: 0. */
    uint32_t resync_tcp_seq;
};

/** How far a receiving context has followed the headers of records. */
enum WEIR_ENUM weir_mlx5_tracker {
    WEIR_MLX5_TRACKER_START = 0,
    WEIR_MLX5_TRACKER_TRACKING = 1,
    WEIR_MLX5_TRACKER_SEARCHING = 2,
};

/** Whether it decrypts. */
enum WEIR_ENUM weir_mlx5_auth {
    WEIR_MLX5_AUTH_NO_OFFLOAD = 0,
    WEIR_MLX5_AUTH_OFFLOAD = 1,
    WEIR_MLX5_AUTH_AUTHENTICATION = 2,
};

#define WEIR_MLX5_PROGRESS 16u /**< bytes that the card writes for WEIR_MLX5_GET_PSV */
/** Alignment in bytes of the memory that it writes them to, and bytes that it may touch there. */
#define WEIR_MLX5_PROGRESS_ALIGN 64u

/** Where a context stands: progress parameters, read back. */
struct weir_mlx5_progress {
    bool valid;
    uint32_t number; /**< of the context */
    uint32_t next_tcp_seq;
    uint32_t resync_tcp_seq; /**< where the card believes that a header begins */
    uint8_t tracker;         /**< an enum weir_mlx5_tracker */
    uint8_t auth;            /**< an enum weir_mlx5_auth */
    uint32_t record_offset;  /**< hw_offset_record_number; 24 bits */
};

/* ---- Packets ---- */

/** Checksums that the card is to fill in: flags. */
enum { WEIR_MLX5_SUM_IP = 0x40, WEIR_MLX5_SUM_TCP = 0x80 };

/** The least that the headers of a packet are: Ethernet, IPv4, TCP, in bytes. */
#define WEIR_MLX5_LEAST_HEADERS 54u

/** A TCP segment, or several made by the card out of one. */
struct weir_mlx5_packet {
    uint32_t tisn;          /**< context to encrypt under; 0: as it is */
    const uint8_t *headers; /**< Ethernet to TCP, all of it: goes into the entry */
    uint16_t headers_len;   /**< bytes, WEIR_MLX5_LEAST_HEADERS or more */
    uint16_t mss;           /**< payload of each segment that the card makes (LSO); 0: one (SEND) */
    uint8_t sums;           /**< WEIR_MLX5_SUM_… */
    const struct weir_mlx5_data *data; /**< the payload, in pieces */
    uint32_t pieces;
};

/* ---- Completions ---- */

#define WEIR_MLX5_CQE 64u /**< bytes of a completion */

/** What the card did with the payload of a received packet. */
enum WEIR_ENUM weir_mlx5_tls {
    WEIR_MLX5_TLS_NOT_DECRYPTED = 0,
    WEIR_MLX5_TLS_DECRYPTED = 1,
    WEIR_MLX5_TLS_RESYNC = 2, /**< not decrypted; the card has lost its place */
    WEIR_MLX5_TLS_ERROR = 3,
};

/** What a completion is about. */
enum WEIR_ENUM weir_mlx5_cqe_opcode {
    WEIR_MLX5_CQE_REQUEST = 0,        /**< an entry of a send queue is done */
    WEIR_MLX5_CQE_RECEIVED = 2,       /**< a packet came */
    WEIR_MLX5_CQE_REQUEST_ERROR = 13, /**< an entry of a send queue failed */
    WEIR_MLX5_CQE_RECEIVE_ERROR = 14, /**< an entry of a receive queue failed */
    WEIR_MLX5_CQE_NOT_WRITTEN = 15,   /**< the card has not written this one yet */
};

/** A completion taken apart. */
struct weir_mlx5_cqe {
    uint8_t opcode;   /**< an enum weir_mlx5_cqe_opcode, or another number below 16 */
    bool owner;       /**< changes each time the card goes round the queue */
    bool error;       /**< one of the two error opcodes; `syndrome` counts, `tls`, … do not */
    uint8_t tls;      /**< an enum weir_mlx5_tls; of a received packet */
    bool tunnelled;   /**< of a received packet */
    uint32_t len;     /**< bytes received */
    uint16_t counter; /**< producer index of the entry that it completes */
    uint8_t syndrome, vendor_syndrome;
};

/* ---- Capabilities ---- */

/** What a card and its firmware can do: bits, as a refusal's detail too. */
enum {
    WEIR_MLX5_CAN_KEYS = 1, /**< encryption key objects, and room for some */
    WEIR_MLX5_CAN_TX = 2,
    WEIR_MLX5_CAN_RX = 4,
    WEIR_MLX5_CAN_STEER = 8, /**< receive flow tables match the outer IP version; RX needs it */
    WEIR_MLX5_CAN_TLS12_AES128 = 16,
    WEIR_MLX5_CAN_TLS13_AES128 = 32,
    WEIR_MLX5_CAN_TLS12_AES256 = 64,
    WEIR_MLX5_CAN_TLS13_AES256 = 128,
};

/** Least bytes of the general capability page that weir_mlx5_caps_read looks at. */
#define WEIR_MLX5_CAPS_GENERAL 183u
/** Least bytes of the TLS capability page that it looks at. */
#define WEIR_MLX5_CAPS_TLS 1u

/** Capabilities. */
struct weir_mlx5_caps {
    uint32_t can;      /**< WEIR_MLX5_CAN_… */
    uint32_t sessions; /**< directions at once, each way: half of the key objects there can be */
};

#if WEIR_HAS_PACKET
WEIR_BEGIN

/**
 * Writes CREATE_GENERAL_OBJ for a key object of purpose TLS in protection domain `pd`. `key_len` is
 * 16 or 32 bytes. `out` then holds the key: wipe it (weir_wipe) when the command has been given.
 * Returns WEIR_OK; WEIR_E_MISUSE for another length or a `pd` beyond 24 bits.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_mlx5_dek_create(uint8_t out[WEIR_MLX5_DEK_CREATE],
                                                          uint32_t pd, const uint8_t *key,
                                                          size_t key_len);

/**
 * Writes CREATE_TIS for a context with TLS: `priority` is the traffic class (0 to 15), `domain` the
 * driver's transport domain, `pd` the protection domain of its key. Returns WEIR_OK; WEIR_E_MISUSE
 * for a number that does not fit.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_mlx5_tis_create(uint8_t out[WEIR_MLX5_TIS_CREATE],
                                                          uint32_t priority, uint32_t domain,
                                                          uint32_t pd);

/**
 * Writes CREATE_TIR for a context with TLS that spreads by `table` (number of the receive queue
 * table) and gets nothing back that this host has sent itself. Returns WEIR_OK; WEIR_E_MISUSE for a
 * number beyond 24 bits.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_mlx5_tir_create(uint8_t out[WEIR_MLX5_TIR_CREATE],
                                                          uint32_t domain, uint32_t table);

/**
 * Writes the command that ends an object: DESTROY_GENERAL_OBJ, DESTROY_TIS or DESTROY_TIR. A key
 * is gone with its object. Returns WEIR_OK; WEIR_E_MISUSE for a number beyond 24 bits, or 0 for a
 * TIS or TIR.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_mlx5_destroy(uint8_t out[WEIR_MLX5_DESTROY],
                                                       enum weir_mlx5_object object,
                                                       uint32_t number);

/**
 * Reads the reply to a command that makes `object`. Returns WEIR_OK; WEIR_REFUSED when the firmware
 * says no (`reply->status`, `reply->syndrome`); WEIR_E_BACKEND when it says yes with a number that
 * no object has: 0 for a TIS or TIR, more than 24 bits for a key. `reply` is filled always.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_mlx5_created(const uint8_t in[WEIR_MLX5_REPLY],
                                                       enum weir_mlx5_object object,
                                                       struct weir_mlx5_reply *reply);

/**
 * Writes a UMR entry, three basic blocks, that gives context `number` its static parameters.
 * WEIR_MLX5_FENCE belongs to it when the context is in use: what went before needs the old ones.
 *
 * Returns WEIR_OK; WEIR_E_MISUSE for a number that is 0 or beyond 24 bits, another version than TLS
 * 1.2 and 1.3, `resync_tcp_seq` with WEIR_TX, or flags or a queue number that there are not.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_mlx5_umr(uint8_t out[3 * WEIR_MLX5_BB],
                                                   const struct weir_mlx5_at *at, enum weir_dir dir,
                                                   uint32_t number,
                                                   const struct weir_mlx5_static *params);

/**
 * Writes a SET_PSV entry, one basic block, that starts context `number` afresh; RX: `next_tcp_seq`
 * is where the next header begins, TX: 0. Returns WEIR_OK; WEIR_E_MISUSE as weir_mlx5_umr.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_mlx5_set_psv(uint8_t out[WEIR_MLX5_BB],
                                                       const struct weir_mlx5_at *at,
                                                       enum weir_dir dir, uint32_t number,
                                                       uint32_t next_tcp_seq);

/**
 * Writes a GET_PSV entry, one basic block: the card is to write the progress of receiving context
 * `tirn` to `address` (WEIR_MLX5_PROGRESS bytes; see weir_mlx5_progress_read). Returns WEIR_OK;
 * WEIR_E_MISUSE as weir_mlx5_umr, for an address that is not a multiple of
 * WEIR_MLX5_PROGRESS_ALIGN, for lkey 0x100, and without WEIR_MLX5_COMPLETE, since nobody would know
 * when the answer is there.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_mlx5_get_psv(uint8_t out[WEIR_MLX5_BB],
                                                       const struct weir_mlx5_at *at, uint32_t tirn,
                                                       uint64_t address, uint32_t lkey);

/**
 * Writes a DUMP entry, one basic block: bytes that go through context `tisn` and not to the wire.
 * The first one behind new parameters needs WEIR_MLX5_FENCE. `most`: weir_mlx5_dump_most of the
 * interface, or its MTU. Returns WEIR_OK; WEIR_E_MISUSE as weir_mlx5_umr, and for a length of 0 or
 * beyond `most` (cut it), or lkey 0x100.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_mlx5_dump(uint8_t out[WEIR_MLX5_BB],
                                                    const struct weir_mlx5_at *at, uint32_t tisn,
                                                    const struct weir_mlx5_data *data,
                                                    uint32_t most);

/**
 * The largest power of two that is not above `mtu`, the MTU of the port in bytes: FreeBSD's driver
 * puts no more into one DUMP entry. 0 for 0.
 */
WEIR_API uint32_t weir_mlx5_dump_most(uint32_t mtu);

/**
 * Writes the first data segment of a NOP entry of `blocks` basic blocks, 1 to 15: of one block,
 * with WEIR_MLX5_FENCE, it keeps parameters before data; of more, it fills the edge of a queue. The
 * card reads no more of it. Returns WEIR_OK; WEIR_E_MISUSE.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_mlx5_nop(uint8_t out[WEIR_MLX5_DS],
                                                   const struct weir_mlx5_at *at, uint32_t blocks);

/**
 * Basic blocks that a NOP must fill before the next entry, so that no entry wraps at the edge of a
 * queue of `size` blocks (a power of two, at least WEIR_MLX5_MOST_BB): 0 or 1 to 15.
 */
WEIR_API uint32_t weir_mlx5_edge(uint16_t index, uint32_t size);

/**
 * Writes a SEND or LSO entry into `out`, which has room for `room` bytes; `*blocks` is how many
 * basic blocks it is. Payload under a tisn is plaintext as the card wants it: header, explicit
 * nonce of TLS 1.2, content, inner content type of TLS 1.3 and 16 bytes where the tag will be.
 *
 * Returns WEIR_OK. WEIR_NEED_OUTPUT: `room` is too small; `*blocks` says what it takes, nothing
 * else is written. WEIR_E_MISUSE: headers shorter than any, pieces of no length or with lkey 0x100,
 * a tisn beyond 24 bits, a tisn or an MSS without payload, more than WEIR_MLX5_MOST_DS data
 * segments in all, or flags or a queue number that there are not.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_mlx5_send(uint8_t *out, size_t room,
                                                    const struct weir_mlx5_at *at,
                                                    const struct weir_mlx5_packet *packet,
                                                    uint32_t *blocks);

/**
 * Reads progress parameters as the card writes them. Returns WEIR_OK; WEIR_E_BACKEND for a state
 * that there is not, with `progress` filled nevertheless.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_mlx5_progress_read(const uint8_t in[WEIR_MLX5_PROGRESS],
                                                             struct weir_mlx5_progress *progress);

/** Reads a completion of 64 bytes that is not compressed. */
WEIR_API void weir_mlx5_cqe_read(const uint8_t in[WEIR_MLX5_CQE], struct weir_mlx5_cqe *cqe);

/**
 * Reads the capability pages "general device" and "TLS" (what QUERY_HCA_CAP gives behind the first
 * 16 bytes). `tls` may be NULL when the firmware has no such page. `steer`: whether the receive
 * flow table can match the outer IP version (ft_field_support of its page). Returns WEIR_OK;
 * WEIR_E_MISUSE when a page is shorter than what is looked at.
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_mlx5_caps_read(struct weir_mlx5_caps *caps,
                                                         const uint8_t *general, size_t general_len,
                                                         const uint8_t *tls, size_t tls_len,
                                                         bool steer);

/**
 * Whether a card with `caps` can carry a direction with that version and suite. False: `why` is
 * filled, layer WEIR_LAYER_BACKEND: FORM (the card has no TLS in this direction; `detail` is the
 * WEIR_MLX5_CAN_… that are missing), VERSION (`detail`: the version), SUITE (`detail`: the suite).
 */
WEIR_API bool weir_mlx5_caps_offer(const struct weir_mlx5_caps *caps, enum weir_dir dir,
                                   uint16_t version, uint16_t suite, struct weir_refusal *why);

WEIR_END
#endif
#endif
