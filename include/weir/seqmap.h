/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * Which record a TCP sequence number lies in: its number, its explicit nonce, and where its first
 * byte is. For whoever meets records as TCP segments: a driver that has to tell a card where it
 * stands, or a stack that protects one segment again.
 *
 * Consecutive records of equal length, whose numbers and nonces follow on each other, are one
 * entry, a *run*; so a bulk transfer needs few of them however much is on its way. What was
 * acknowledged is given up by weir_seqmap_trim. Sequence numbers wrap at 2^32 (RFC 9293
 * section 3.4); the bytes held are always fewer than 2^31, so that before and after stay apart.
 *
 * Nothing here is secret and nothing is allocated. A map belongs to one thread at a time.
 */
#ifndef WEIR_SEQMAP_H
#define WEIR_SEQMAP_H

#include "keys.h"
#include "record.h"

/** The shortest record there is, in bytes: a header and a tag. */
#define WEIR_SEQMAP_LEAST (WEIR_HEADER_LEN + WEIR_TAG_LEN)
/** Most bytes that a map holds. */
#define WEIR_SEQMAP_SPAN 0x7fffffffu

/** An entry: `count` records of `len` bytes each. The caller's memory, written by the map alone. */
struct weir_seqmap_run {
    uint64_t number, explicit_nonce; /**< of its first record */
    uint32_t tcp_seq;                /**< of its first byte */
    uint32_t len, count;
    uint16_t epoch;
    uint8_t nonce_rule;
};

/** A map; its members may be read, and are written by the functions below alone. */
struct weir_seqmap {
    struct weir_seqmap_run *runs;
    uint32_t capacity; /**< entries at `runs` */
    uint32_t first;    /**< index of the oldest run; behind the last entry comes the first */
    uint32_t used;     /**< runs held */
    uint32_t end;      /**< TCP sequence number behind the newest record */
    uint64_t next;     /**< number that the next record has, within `epoch` */
    uint16_t epoch;
    bool begun; /**< `next` and `epoch` count: there was a record since the last restart */
};

/** Where a sequence number lies. */
typedef enum WEIR_ENUM weir_seqmap_place {
    WEIR_SEQMAP_HELD = 0,   /**< in a record that the map holds */
    WEIR_SEQMAP_PASSED = 1, /**< before the oldest one: given up, or never in the map */
    WEIR_SEQMAP_AHEAD = 2,  /**< behind the newest one */
} weir_seqmap_place;

/** The record around a byte. */
struct weir_seqmap_record {
    uint64_t number;         /**< sequence number of the record, under the key of `epoch` */
    uint64_t explicit_nonce; /**< as struct weir_position has it */
    uint32_t tcp_seq;        /**< of the first byte of its header */
    uint32_t len;            /**< bytes of the whole record, with header and tag */
    uint32_t offset;         /**< bytes of it that lie before the byte asked for */
    uint16_t epoch;
    uint8_t nonce_rule; /**< a weir_nonce_rule */
};

#if WEIR_HAS_PACKET
WEIR_BEGIN

/**
 * Makes `map` an empty one over `runs` (`capacity` entries, which must outlive it), whose first
 * record will begin at `tcp_seq`. `capacity` is how many changes of record length, key or nonce may
 * be unacknowledged at once; with 0 no record is ever taken.
 */
WEIR_API void weir_seqmap_init(struct weir_seqmap *map, struct weir_seqmap_run *runs,
                               uint32_t capacity, uint32_t tcp_seq);

/** Forgets all records; the next one begins at `tcp_seq` and may have any number and epoch. */
WEIR_API void weir_seqmap_restart(struct weir_seqmap *map, uint32_t tcp_seq);

/**
 * Adds the record at position `at`, `len` bytes from the first of its header to the last of its
 * tag. Of `at` it takes tcp_seq, seq, epoch, explicit_nonce and nonce_rule; who has no use for
 * nonces says WEIR_NONCE_IMPLICIT and 0. Takes the same time however much is held.
 *
 * Returns WEIR_OK. WEIR_NEED_OUTPUT: the map is full, of runs or of bytes; nothing has changed, and
 * it can be asked again after weir_seqmap_trim. WEIR_E_MISUSE, with nothing changed and the map as
 * usable as before: the position is not known for certain (`tcp_known`, `unsure`), does not follow
 * on the last record (in the stream, or neither as the next number nor as number 0 of the next
 * epoch), has an explicit nonce that its rule does not give, or `len` is that of no record
 * (WEIR_SEQMAP_LEAST to WEIR_MAX_RECORD).
 */
WEIR_API WEIR_MUST_CHECK weir_status weir_seqmap_add(struct weir_seqmap *map,
                                                     const struct weir_position *at, uint32_t len);

/**
 * Finds the record that holds the byte `tcp_seq`, in time that grows with the logarithm of the runs
 * held. `record` is filled with WEIR_SEQMAP_HELD only. Numbers within 2^31 before the oldest byte
 * held have passed, all others that are not held lie ahead.
 */
WEIR_API WEIR_MUST_CHECK weir_seqmap_place weir_seqmap_find(const struct weir_seqmap *map,
                                                            uint32_t tcp_seq,
                                                            struct weir_seqmap_record *record);

/**
 * Gives up the records all of whose bytes lie before `acked`, the next byte that the peer waits for
 * (SND.UNA); one that is acknowledged in part stays. Time as for weir_seqmap_find.
 *
 * Returns WEIR_OK, also for an old acknowledgement, which changes nothing; WEIR_E_MISUSE when
 * `acked` lies behind all that was added: nothing has changed.
 */
WEIR_API weir_status weir_seqmap_trim(struct weir_seqmap *map, uint32_t acked);

/** TCP sequence number of the oldest byte held; `end` when nothing is. */
WEIR_API uint32_t weir_seqmap_start(const struct weir_seqmap *map);

WEIR_END
#endif
#endif
