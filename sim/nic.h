/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * A model of a ConnectX-6 Dx, as far as TLS goes. It reads what a driver writes: firmware commands
 * and the entries of send queues, byte by byte (docs/reference/mlx5-wqe.md), and does what the card
 * does with them (docs/reference/mlx5-device.md). It was written from those pages and not from any
 * encoder, and has its crypto from a TLS library.
 *
 * Like the card it stores no data: of a record it keeps the state of the cipher, and of a
 * connection the key, the parameters, and where it stands. Unlike the card it complains. What a
 * card would choke on, or would silently make nonsense of, is a complaint, an error completion, and
 * the end of the queue until sim_nic_queue_reset:
 *
 *     struct sim_nic *nic = sim_nic_new();
 *     sim_nic_set_ledger(nic, ledger);                      // to hold every nonce to account
 *     sim_nic_map(nic, 7, 0x1000, memory, sizeof memory);   // what lkey 7 reaches
 *     struct sim_nic_queue *q = sim_nic_queue_new(nic, 0x456, ring, 64);
 *     sim_nic_command(nic, create_key, 272, reply, 16);     // SIM_NIC_DONE; the same for a TIS
 *     … write UMR, SET_PSV, NOP and SEND into the ring …
 *     sim_nic_post(q, index, last_entry);                   // the doorbell
 *     struct sim_nic_packet *p = sim_nic_sent(nic);         // what is on the wire
 *     sim_nic_completion(q, cqe);                           // true: one was there
 *     cr_assert_eq(sim_nic_complaints(nic), 0, "%s", sim_nic_complaint(nic, 0)->text);
 *
 * Packets come in by sim_nic_receive, which says under which TIR: steering is the caller's.
 *
 * Not modelled: everything that is not TLS (protection domains are numbers; receive queues, flow
 * steering and interrupts are not there), and LRO.
 */
#ifndef WEIR_SIM_NIC_H
#define WEIR_SIM_NIC_H

#include "faults.h"
#include "ledger.h"

struct sim_nic;
struct sim_nic_queue;

/** What can be wrong. */
enum sim_nic_wrong {
    SIM_NIC_FINE = 0,
    /* Commands */
    SIM_NIC_BAD_COMMAND, /**< opcode, length, object type or a field of it */
    SIM_NIC_KEY_HALF,    /**< a 128-bit key that is not in the second half alone */
    SIM_NIC_NO_OBJECT,   /**< ends an object that is not there */
    /* Queue */
    SIM_NIC_BAD_DOORBELL, /**< not the last entry's bytes, an entry cut, or more than the ring */
    SIM_NIC_BAD_INDEX,    /**< producer index of the entry is not its place */
    SIM_NIC_BAD_QUEUE,    /**< number of another queue in the entry */
    SIM_NIC_BAD_COUNT,    /**< data segments: not those of the opcode */
    SIM_NIC_WRAPS,        /**< the entry goes over the edge of the ring */
    SIM_NIC_BAD_OPCODE,
    SIM_NIC_BAD_MODIFIER,
    SIM_NIC_BAD_FIELD, /**< what has to be constant or zero is not; flags that there are not */
    /* Contexts */
    SIM_NIC_NO_CONTEXT,   /**< TIS or TIR that is not there, or the other of the two */
    SIM_NIC_NO_KEY,       /**< key object that is not there (any more), at UMR or with data */
    SIM_NIC_WRONG_DOMAIN, /**< key of another protection domain than the TIS */
    SIM_NIC_BAD_PARAMS,   /**< version, standard, IV or number that parameters cannot have */
    SIM_NIC_NO_PARAMS,    /**< data or SET_PSV before UMR, or data between UMR and SET_PSV */
    SIM_NIC_NO_FENCE,     /**< parameters not kept apart from the data before, or behind them */
    /* Data */
    SIM_NIC_BAD_MEMORY,     /**< no such lkey, or not so much behind it */
    SIM_NIC_BAD_LENGTH,     /**< DUMP or packet of no bytes, or more than the MTU lets through */
    SIM_NIC_BAD_HEADERS,    /**< of a packet: not Ethernet, IP and TCP to the last byte */
    SIM_NIC_NOT_CONTIGUOUS, /**< the packet's sequence number is not where the context stands */
    SIM_NIC_BAD_RECORD,     /**< no record header where one has to be */
    SIM_NIC_DUMP_TOO_FAR,   /**< a DUMP that goes over the end of a record */
    SIM_NIC_NONCE,          /**< a nonce for other bytes than before: see the ledger */
    SIM_NIC_WRONGS          /**< how many there are */
};

/** A complaint. */
struct sim_nic_complaint {
    enum sim_nic_wrong wrong;
    uint32_t queue; /**< number, 0 for commands */
    uint16_t index; /**< of the entry */
    char text[160]; /**< for people, with the numbers in it */
};

/** Classes of calls, for sim_faults_plan, and what a fault of each does. */
enum sim_nic_call {
    /** Errno: the command fails with this status. Short: it is carried out `length` ticks later. */
    SIM_NIC_COMMAND = 1,
    /** Errno: the entry fails with this syndrome. Short: the queue waits `length` ticks first. */
    SIM_NIC_ENTRY,
    /** Errno, whatever it is: the doorbell is lost, and the next one goes on from there. */
    SIM_NIC_DOORBELL,
};
#define SIM_NIC_GONE  (-1)     /**< as errno of any class: the card is gone from here on */
#define SIM_NIC_NEVER SIZE_MAX /**< as length: does not come */

/** What became of a command. */
enum sim_nic_answer {
    SIM_NIC_DONE = 0,
    SIM_NIC_LATE, /**< the reply will be written by a sim_nic_tick, or never */
    SIM_NIC_DEAD, /**< the card is gone, or out_len below 16: nothing was written */
};

/** What a card can do. sim_nic_new has it all, with 4096 keys and an MTU of 1500. */
struct sim_nic_can {
    bool keys;   /**< encryption key objects */
    bool tx, rx; /**< tls_tx, tls_rx */
    bool tls12_128, tls13_128, tls12_256, tls13_256;
    unsigned log_keys; /**< log_max_dek: there are 2^log_keys keys at most, 0: none */
    uint32_t mtu;      /**< of IP, in bytes; set by the port */
};

/** What it has done. */
struct sim_nic_counts {
    uint64_t entries, nops, umrs, set_psvs, get_psvs, dumps, dump_bytes;
    uint64_t packets;     /**< on the wire, each of an LSO by itself */
    uint64_t tls_packets; /**< of these, under a TIS */
    uint64_t rx_decrypted, rx_plain, rx_resync, rx_errors; /**< packets received */
    uint64_t tls_bytes, tls_records; /**< records of which a tag was made, for the wire or not */
};

/** A packet on the wire, as it is after encryption and with its checksums. */
struct sim_nic_packet {
    struct sim_nic_packet *next;
    uint32_t tisn; /**< 0: it went out as it was */
    uint32_t seq;  /**< TCP sequence number of its payload */
    size_t headers_len, len;
    uint8_t *bytes; /**< len bytes: headers, payload */
};

/** A card with everything, and without a ledger, memory or queues. */
struct sim_nic *sim_nic_new(void);
/** Frees it with its queues and the packets that wait. NULL is fine. */
void sim_nic_free(struct sim_nic *nic);
/** What it can do: may be changed before the first command. */
struct sim_nic_can *sim_nic_can(struct sim_nic *nic);
const struct sim_nic_counts *sim_nic_counts(const struct sim_nic *nic);
/** Each outlives the card, or is taken away by NULL. */
void sim_nic_set_ledger(struct sim_nic *nic, struct sim_ledger *ledger);
void sim_nic_set_faults(struct sim_nic *nic, struct sim_faults *faults);
/** Takes the card away: nothing works from here on. */
void sim_nic_remove(struct sim_nic *nic);
bool sim_nic_removed(const struct sim_nic *nic);

/** How many complaints there were; the first 64 are kept (NULL beyond). */
size_t sim_nic_complaints(const struct sim_nic *nic);
const struct sim_nic_complaint *sim_nic_complaint(const struct sim_nic *nic, size_t n);
/** Forgets them. */
void sim_nic_forget(struct sim_nic *nic);

/** Lets the card reach bytes[0..len) as `address` under `lkey`; at most 64 regions. */
void sim_nic_map(struct sim_nic *nic, uint32_t lkey, uint64_t address, uint8_t *bytes, size_t len);
/** Takes all regions of `lkey` away. */
void sim_nic_unmap(struct sim_nic *nic, uint32_t lkey);

/**
 * A firmware command: QUERY_HCA_CAP (general page, TLS page), and CREATE and DESTROY of encryption
 * keys, TIS and TIR. The reply goes to out[0..out_len), which stays there until then when it is
 * late; a reply begins with its status, 0 for done.
 */
enum sim_nic_answer sim_nic_command(struct sim_nic *nic, const uint8_t *in, size_t len,
                                    uint8_t *out, size_t out_len);
/** A tick of the clock: what is late comes nearer. Commands that are due are carried out, in the
 * order they came; queues that have waited go on. */
void sim_nic_tick(struct sim_nic *nic);
/** Commands whose reply is still to come. */
size_t sim_nic_waiting(const struct sim_nic *nic);
/** Keys, TISs and TIRs that there are. */
size_t sim_nic_keys(const struct sim_nic *nic);
size_t sim_nic_contexts(const struct sim_nic *nic);

/**
 * A send queue over ring[0..64 * blocks), `blocks` a power of two from 16 on; the ring outlives the
 * card. Its first entry has producer index 0.
 */
struct sim_nic_queue *sim_nic_queue_new(struct sim_nic *nic, uint32_t number, uint8_t *ring,
                                        uint32_t blocks);
/**
 * The doorbell: entries up to the producer index `until` (exclusive, in blocks) are ready, and
 * `last` is the first 8 bytes of the last of them. The card works them off at once, unless a fault
 * lets it wait. False when it is gone, or the queue is in error (then each entry is flushed with an
 * error completion).
 */
bool sim_nic_post(struct sim_nic_queue *queue, uint16_t until, const uint8_t last[8]);
/** The oldest completion that was not taken. The owner bit changes every 64 completions. */
bool sim_nic_completion(struct sim_nic_queue *queue, uint8_t cqe[64]);
/** Blocks that are worked off, as a producer index: where the next entry to be read begins. */
uint16_t sim_nic_consumed(const struct sim_nic_queue *queue);
bool sim_nic_queue_failed(const struct sim_nic_queue *queue);
/** Out of the error state; what was posted is gone, and the next entry begins at index 0. */
void sim_nic_queue_reset(struct sim_nic_queue *queue);

/** The oldest packet on the wire that was not taken: the caller's, for sim_nic_packet_free. NULL:
 * there is none. */
struct sim_nic_packet *sim_nic_sent(struct sim_nic *nic);
void sim_nic_packet_free(struct sim_nic_packet *packet);

/** What the card did with a received packet: bits 4 and 3 of byte 0 of its completion. */
enum sim_nic_rx {
    SIM_NIC_RX_PLAIN = 0,     /**< not decrypted */
    SIM_NIC_RX_DECRYPTED = 1, /**< decrypted, and no record that ends in it had a wrong tag */
    SIM_NIC_RX_RESYNC = 2,    /**< not decrypted: has lost its place, or found a header */
    SIM_NIC_RX_ERROR = 3,     /**< not decrypted: a record that ends in it has a wrong tag */
};

/**
 * A packet arrives for `tirn`: payload[0..len) is at sequence number `seq`, and is decrypted in
 * place (headers and tags of records stay). Fills its completion. Not a TIR, without parameters, or
 * its key gone: a complaint, and SIM_NIC_RX_PLAIN.
 */
enum sim_nic_rx sim_nic_receive(struct sim_nic *nic, uint32_t tirn, uint32_t seq, uint8_t *payload,
                                size_t len, uint8_t cqe[64]);

/** Where a TIS stands, for tests: false when there is none with parameters. */
struct sim_nic_place {
    uint64_t record; /**< number of the record that the next byte belongs to */
    uint32_t offset; /**< bytes of it that went through, header and all */
    bool seq_known;  /**< a packet went out since SET_PSV */
    uint32_t seq;    /**< TCP sequence number of the next byte, when it is known */
};
bool sim_nic_place(const struct sim_nic *nic, uint32_t tisn, struct sim_nic_place *place);

#endif
