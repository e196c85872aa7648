/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * One direction of a path through a network, in virtual time, from one seed: it loses, delays,
 * reorders, repeats and damages frames, and its MTU may change in the middle. The same seed and the
 * same frames at the same times have the same fate, always and everywhere.
 *
 * Time is counted in ticks, which everybody here takes for microseconds.
 */
#ifndef WEIR_SIM_LINK_H
#define WEIR_SIM_LINK_H

#include "wire.h"

#define SIM_LINK_ALWAYS 1000000u /**< chances are in millionths */

/** How bad it is. All zeros: nothing happens to a frame, and it is there at once. */
struct sim_link_config {
    uint32_t loss, reorder, duplicate; /**< chance of each frame */
    uint32_t corrupt; /**< chance that one bit is wrong, which a checksum catches */
    uint32_t
        corrupt_past;    /**< chance that one bit of a TCP payload is wrong, checksum made right */
    uint64_t delay;      /**< ticks that every frame takes */
    uint64_t jitter;     /**< up to so many more, without changing the order */
    uint64_t late;       /**< a reordered frame takes 1 to so many more (0: as `delay`) */
    uint64_t byte_ticks; /**< thousandths of a tick that a byte takes on the line */
    uint32_t mtu;        /**< longest IP packet; 0: any */
    uint64_t turn;       /**< from so many frames on … */
    uint32_t mtu_then;   /**< … it is this; `turn` 0: never */
};

/** What became of a frame. */
enum sim_link_fate {
    SIM_LINK_ON_ITS_WAY = 0,
    SIM_LINK_LOST,
    SIM_LINK_TOO_BIG, /**< for the MTU: the sender is told, as ICMP would (RFC 1191) */
    SIM_LINK_FATES
};

/** What happened, all frames together. */
struct sim_link_counts {
    uint64_t frames, bytes; /**< that it was given */
    uint64_t lost, too_big, reordered, duplicated, corrupted, corrupted_past;
    uint64_t delivered;
};

struct sim_link;

/** Hears of every frame that is given to the link, before anything happens to it. A test embeds it
 * as first member of its own. */
struct sim_link_tap {
    void (*frame)(struct sim_link_tap *self, uint64_t now, enum sim_link_fate fate,
                  const uint8_t *bytes, size_t len);
};

/** A frame that has arrived: the caller's, freed with free(). */
struct sim_frame {
    struct sim_frame *next;
    uint64_t when;
    size_t len;
    uint8_t bytes[];
};

struct sim_link *sim_link_new(const struct sim_link_config *config, uint64_t seed);
/** Frees it with the frames on their way. NULL is fine. */
void sim_link_free(struct sim_link *link);
/** Changes of chances and times take effect with the next frame. */
struct sim_link_config *sim_link_config(struct sim_link *link);
const struct sim_link_counts *sim_link_counts(const struct sim_link *link);
/** NULL: none. It must outlive the link. */
void sim_link_tap(struct sim_link *link, struct sim_link_tap *tap);

/** What its MTU is now; UINT32_MAX: any. */
uint32_t sim_link_mtu(const struct sim_link *link);
/** Gives it a frame, which is copied. `now` never goes back. */
enum sim_link_fate sim_link_send(struct sim_link *link, uint64_t now, const uint8_t *bytes,
                                 size_t len);
/** When the next frame arrives; false: none is on its way. */
bool sim_link_due(const struct sim_link *link, uint64_t *when);
/** The next frame that has arrived by `now`; NULL: none. */
struct sim_frame *sim_link_take(struct sim_link *link, uint64_t now);

#endif
