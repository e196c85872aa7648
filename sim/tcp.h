/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * A small TCP (RFC 9293), as many endpoints a process as one likes, without sockets, threads or a
 * clock: time is a number that the caller moves on. For bulk data over the links of sim/link.h:
 * handshake and FIN, cumulative and selective acknowledgement (RFC 2018), retransmission by
 * timeout (RFC 6298) and by three duplicates with NewReno's recovery (RFC 5681, RFC 6582), windows,
 * reassembly, large segments for a card to cut.
 *
 * It lets its owner in where a driver sits: every segment passes `out` before it becomes a frame,
 * and `in` before it is put in order.
 *
 *     struct sim_tcp *a = sim_tcp_new(&config, &mine.owner);
 *     sim_tcp_write(a, data, len);
 *     while (!done) {
 *         sim_tcp_run(a, now);                      // calls mine.owner.out
 *         … frames go over links; what arrives: sim_tcp_input(b, now, frame, frame_len) …
 *         now = the earliest of sim_tcp_due and sim_link_due;
 *     }
 *
 * Left out, since no test here needs it: options beyond MSS and SACK (so windows are below 64 KiB),
 * urgent data, half-open connections found by RST, and TIME-WAIT.
 */
#ifndef WEIR_SIM_TCP_H
#define WEIR_SIM_TCP_H

#include "wire.h"

struct sim_tcp;

/** Bytes in memory. */
struct sim_tcp_piece {
    const uint8_t *base;
    size_t len;
};

/** A segment that is to go out. */
struct sim_tcp_segment {
    const uint8_t *headers; /**< Ethernet to TCP; lengths as for one frame, checksums 0 */
    size_t headers_len;
    uint32_t seq; /**< of the first byte of payload (behind SYN, if there is one) */
    size_t len;   /**< bytes of payload, may be 0 */
    struct sim_tcp_piece
        pieces[2]; /**< where it lies in the retransmission buffer; `len` may be 0 */
    size_t mss;    /**< `len` above it: to be cut in frames of so much (LSO) */
    bool again;    /**< retransmission: its first byte was sent before */
};

/** What a TCP tells its owner, who embeds it as first member of its own. */
struct sim_tcp_owner {
    /**
     * Sends a segment. False: there is no room for it now, and it will be asked again later with
     * this or another one (boundaries may have moved). NULL is not possible.
     */
    bool (*out)(struct sim_tcp_owner *self, struct sim_tcp *tcp, const struct sim_tcp_segment *s);
    /**
     * Payload has arrived, in any order and perhaps once more; its checksum is good. May be changed
     * in place; the answer is a mark that its bytes carry to sim_tcp_read. NULL: mark 0.
     */
    uint8_t (*in)(struct sim_tcp_owner *self, struct sim_tcp *tcp, uint32_t seq, uint8_t *payload,
                  size_t len);
    /** Everything before `una` is acknowledged (SND.UNA has moved). NULL is fine. */
    void (*acked)(struct sim_tcp_owner *self, struct sim_tcp *tcp, uint32_t una);
    /**
     * The oldest byte that has to stay in the retransmission buffer, acknowledged or not; never
     * behind `una`. Asked when there is an acknowledgement or sim_tcp_room is. NULL: `una`.
     */
    uint32_t (*oldest)(struct sim_tcp_owner *self, struct sim_tcp *tcp, uint32_t una);
};

struct sim_tcp_config {
    bool active;                 /**< begins with SYN; else waits for one */
    uint32_t from, to;           /**< IPv4 addresses */
    uint16_t from_port, to_port; /**< of TCP */
    uint32_t first_seq;          /**< of SYN; the first byte has the next one */
    uint32_t mtu;                /**< of its own interface */
    size_t send_buffer;          /**< bytes, a power of two */
    uint16_t window;             /**< bytes that it receives before they are read */
    bool sack;                   /**< when the other end does, too */
    size_t lso;                  /**< longest payload handed down in one; 0 or below MSS: MSS */
    uint32_t cut;                /**< chance in millionths that a segment ends early, at any byte */
    uint64_t least;              /**< ticks of the shortest retransmission timeout; 0: 200,000 */
    uint64_t seed;               /**< for cuts */
    uint32_t window_segments;    /**< congestion window to begin with; 0: 10 (RFC 6928) */
};

struct sim_tcp_counts {
    uint64_t segments, bytes; /**< with payload that went out, retransmissions included */
    uint64_t again, bytes_again;
    uint64_t timeouts, fast; /**< begins of recovery */
    uint64_t refused;        /**< how often `out` had no room */
    uint64_t received, bad;  /**< frames taken, and dropped for what is in their headers */
    uint64_t out_of_order, duplicates; /**< segments received */
};

enum sim_tcp_state {
    SIM_TCP_OPENING = 0,
    SIM_TCP_OPEN,
    SIM_TCP_DEAD, /**< too many retransmissions, or RST */
};

/** `config` is copied; `owner` must outlive it. */
struct sim_tcp *sim_tcp_new(const struct sim_tcp_config *config, struct sim_tcp_owner *owner);
/** NULL is fine. */
void sim_tcp_free(struct sim_tcp *tcp);
enum sim_tcp_state sim_tcp_state(const struct sim_tcp *tcp);
const struct sim_tcp_counts *sim_tcp_counts(const struct sim_tcp *tcp);

/** Does what is due at `now`, and sends what can be sent. */
void sim_tcp_run(struct sim_tcp *tcp, uint64_t now);
/** When sim_tcp_run has something to do next; false: not before something arrives or is written. */
bool sim_tcp_due(const struct sim_tcp *tcp, uint64_t *when);
/** A frame arrives; its bytes may change. sim_tcp_run then answers it. */
void sim_tcp_input(struct sim_tcp *tcp, uint64_t now, uint8_t *frame, size_t len);
/**
 * The path takes packets of at most `mtu` bytes from here on: what is not acknowledged is sent
 * again in segments that fit. May be called from `out`; holds from the next sim_tcp_run on.
 */
void sim_tcp_mtu(struct sim_tcp *tcp, uint32_t mtu);
/** Ends it here and now; the other end is not told. */
void sim_tcp_kill(struct sim_tcp *tcp);

/* Sending */

/** How many bytes there is room for. */
size_t sim_tcp_room(struct sim_tcp *tcp);
/** Appends as many of p[0..len) as there is room for; returns how many. Not after sim_tcp_close. */
size_t sim_tcp_write(struct sim_tcp *tcp, const void *p, size_t len);
/** Sequence number of the next byte to be written. */
uint32_t sim_tcp_write_seq(const struct sim_tcp *tcp);
/** SND.UNA. */
uint32_t sim_tcp_una(const struct sim_tcp *tcp);
/** No byte comes after those written. */
void sim_tcp_close(struct sim_tcp *tcp);
/** Whether everything that was written, and FIN if it was closed, is acknowledged. */
bool sim_tcp_all_acked(const struct sim_tcp *tcp);
/** The retransmission buffer: a ring, in which a byte stays where it is until nobody needs it. */
uint8_t *sim_tcp_buffer(struct sim_tcp *tcp, size_t *len);
/** Where the bytes from `seq` on lie, which must be there. */
void sim_tcp_where(const struct sim_tcp *tcp, uint32_t seq, size_t len,
                   struct sim_tcp_piece pieces[2]);
/** Whether they are there. */
bool sim_tcp_has(const struct sim_tcp *tcp, uint32_t seq, size_t len);

/* Receiving */

/** Bytes in order that can be read. */
size_t sim_tcp_readable(const struct sim_tcp *tcp);
/** Sequence number of the next byte to be read. */
uint32_t sim_tcp_read_seq(const struct sim_tcp *tcp);
/** Takes up to `len` bytes of one mark, in order; returns how many. */
size_t sim_tcp_read(struct sim_tcp *tcp, void *out, size_t len, uint8_t *mark);
/** Whether FIN has come and all before it was read. */
bool sim_tcp_ended(const struct sim_tcp *tcp);

/**
 * For owners without a card: copies a segment to frames of at most `s->mss` payload, with
 * checksums, and gives each to `frame`.
 */
struct sim_tcp_sink {
    void (*frame)(struct sim_tcp_sink *self, const uint8_t *bytes, size_t len);
};
void sim_tcp_frames(const struct sim_tcp_segment *s, struct sim_tcp_sink *sink);

#endif
