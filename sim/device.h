/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * The proving ground of weir's device engine: connections whose TLS a model of a ConnectX-6 Dx
 * encrypts and decrypts segment by segment (sim/nic.h), over links that lose, reorder, repeat and
 * damage frames (sim/link.h), against peers that know nothing but TLS: records sealed and opened by
 * a TLS library's AES-GCM (sim/aead.h).
 *
 *     sending     content → weir_tx (frames records) → TCP → weir_mlx5_tx_xmit → queue of the card
 *                 → packets → link → TCP → the peer opens records
 *     receiving   the peer seals records → TCP → link → the card under a TIR → weir_mlx5_rx_packet
 *                 → TCP puts in order, with what was decrypted → weir_rx_open_marked → content
 *
 * Everything follows from one seed, in virtual time. After every step it holds that
 *  - what arrived is what was sent;
 *  - what leaves for the wire is, byte for byte, what a reference encryption makes of it;
 *  - the engine and the card agree on where the card stands;
 *  - no nonce has covered two plaintexts (sim/ledger.h), and the card has no complaint.
 * A run ends when everybody has everything, or with what went wrong first, as text.
 *
 * Together with the files that carry out weir's commands, this is the part of sim/ that knows weir.
 */
#ifndef WEIR_SIM_DEVICE_H
#define WEIR_SIM_DEVICE_H

#include <weir/mlx5_rx.h>
#include <weir/mlx5_tx.h>

#include "faults.h"
#include "link.h"
#include "nic.h"
#include "tcp.h"

#define SIM_DEVICE_FLOWS 8u

struct sim_device;

/** Hears what happens, for traces and captures. A tool embeds it as first member of its own. */
struct sim_device_tap {
    /** A line about flow `flow`, without a newline. NULL is fine. */
    void (*event)(struct sim_device_tap *self, uint64_t now, unsigned flow, const char *text);
    /** A frame at the host with the card: as it leaves (lost later or not), or as it arrives. NULL
     * is fine. */
    void (*frame)(struct sim_device_tap *self, uint64_t now, bool leaves, const uint8_t *bytes,
                  size_t len);
};

/** Bytes that one end says before the records of a run, after all that were said before. */
struct sim_device_flight {
    bool host; /**< the end with the card; false: its peer */
    const uint8_t *bytes;
    size_t len;
};

/** How a connection begins: a handshake, and the keys of the host that came out of it. */
struct sim_device_opening {
    const struct sim_device_flight *flights;
    size_t count;
    struct weir_keys tx, rx;
};

/** What is run. sim_device_defaults fills it. */
struct sim_device_config {
    uint64_t seed;
    unsigned flows;              /**< connections at once, 1 to SIM_DEVICE_FLOWS */
    uint64_t bytes;              /**< content that each carries, each way that is used */
    bool send, receive;          /**< the ways that are used and offloaded */
    uint16_t version;            /**< WEIR_TLS12, WEIR_TLS13; 0: by the seed, flow by flow */
    unsigned key_bits;           /**< 128, 256; 0: by the seed */
    struct sim_link_config link; /**< both ways */
    const struct weir_aead *aead;
    enum weir_mlx5_driver driver;
    enum weir_mlx5_policy policy;
    enum weir_mlx5_trigger trigger; /**< receiving */
    bool trust;                     /**< receiving: the card's word is taken for tags */
    uint32_t most_dump, most_lost, runs, tags, checks; /**< of struct weir_mlx5_tx_config */
    uint32_t queue;                                    /**< blocks of the card's send queue */
    uint16_t signal;                                   /**< see weir_mlx5_sq_init */
    uint32_t hold;      /**< chance in millionths that a doorbell waits for the next segment */
    size_t lso;         /**< longest payload that the card is to cut; 0: none */
    uint32_t cut;       /**< chance in millionths that a segment ends early */
    bool sack;          /**< selective acknowledgements */
    size_t send_buffer; /**< of TCP: a power of two */
    size_t record;      /**< longest content of a record; lengths are drawn up to it */
    unsigned before;    /**< records that go each way before it is offloaded; UINT_MAX: never */
    bool wrap;          /**< sequence numbers wrap early in the run */
    /** The so-manieth packet of the card with payload leaves with one bit wrong; 0: none. For
     * seeing that this is noticed. */
    uint64_t wrong_packet;
    /** The first segment that is sent again finds its plaintext changed: the engine has to notice
     * when it checks (`checks`), and else the wire shows it. */
    bool change;
    /** One for each flow, instead of keys from the seed: AES-GCM. NULL: the first byte of a flow is
     * that of a record. They outlive the run. */
    const struct sim_device_opening *openings;
    struct sim_faults *faults;  /**< planted into the card; NULL: none */
    struct sim_device_tap *tap; /**< NULL: none */
};

/** What became of it. */
struct sim_device_report {
    bool failed;
    char text[256];            /**< what went wrong first */
    unsigned flow;             /**< and where */
    bool byte_known;           /**< `wrong` counts */
    uint64_t wrong;            /**< the first wrong byte of the stream */
    uint64_t ticks;            /**< of virtual time */
    uint64_t digest;           /**< of every frame and when it left: of equal seeds the same */
    uint64_t records, content; /**< that arrived and were right; both ways */
    uint64_t segments[4];      /**< by enum weir_mlx5_way */
    uint64_t gaps, starts;     /**< how the card was brought to a place: enum weir_mlx5_recovery */
    struct weir_mlx5_tx_counters tx; /**< of all flows together */
    struct weir_mlx5_rx_counters rx;
    uint64_t came[3]; /**< records received: encrypted, in part, decrypted */
    struct sim_link_counts out, in;
    struct sim_tcp_counts tcp; /**< of the card's side, all flows together */
    uint64_t software;   /**< directions that were refused by the card and went on in software */
    uint64_t dead;       /**< directions that ended with a sticky status */
    uint64_t resets;     /**< of the card's queue */
    uint64_t complaints; /**< of the card; a fault planted may make some */
};

/** A quiet run of one flow over a good link. */
void sim_device_defaults(struct sim_device_config *config, const struct weir_aead *aead);
/**
 * Draws everything that is not about size from `seed`: versions, keys, loss up to a fifth,
 * reordering, duplication, damage, policy, variant, queue, boundaries. 20,000 to 60,000 bytes in
 * all, over 1 to 8 flows.
 */
void sim_device_draw(struct sim_device_config *config, uint64_t seed);

/** Runs to the end. False: it failed. */
bool sim_device_run(const struct sim_device_config *config, struct sim_device_report *report);

/* Step by step, for whoever shows progress. */
struct sim_device *sim_device_new(const struct sim_device_config *config);
/** The next thing that happens. False: it is over. */
bool sim_device_step(struct sim_device *device);
/** As it stands now. */
void sim_device_report(const struct sim_device *device, struct sim_device_report *report);
/** NULL is fine. */
void sim_device_free(struct sim_device *device);

#endif
