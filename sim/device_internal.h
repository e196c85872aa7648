/* SPDX-License-Identifier: BSD-2-Clause */
/** @file What the files of the proving ground share. */
#ifndef WEIR_SIM_DEVICE_INTERNAL_H
#define WEIR_SIM_DEVICE_INTERNAL_H

#include "device.h"
#include "device_tls.h"
#include "ledger.h"

#include <weir/rx_marked.h>
#include <weir/soft.h>

#define DEVICE_SQN     0x2au /* for segments; the internal queue is the next one */
#define DEVICE_PD      0x77u
#define DEVICE_DOMAIN  5u
#define DEVICE_MTU     1500u
#define DEVICE_BOUNCES 64u
#define DEVICE_BOUNCE  65536u /* bytes of each */
#define DEVICE_LKEY    0x300u /* of the bounces; those of flows follow */
#define DEVICE_PSV     0x2ffu /* lkey of what the card answers */
#define DEVICE_MARKS   256u
#define DEVICE_INPUT   (2 * TLS_MOST)
#define DEVICE_BASE    0x100000000u /* address of a region in its own numbering */
#define DEVICE_PORT    40000u       /* TCP port of the first flow */
#define DEVICE_TICK    1000u        /* ticks of virtual time in one of the card's */
#define DEVICE_GIVE_UP 2000000u     /* until a command counts as not answered */
#define DEVICE_STALLED 300000u      /* until a queue that stands still is rung again … */
#define DEVICE_HUNG    600000u      /* … and reset */
#define DEVICE_MOST    (UINT64_C(24) * 3600 * 1000000) /* a run that takes a day is stuck */

/* A command whose reply is late. */
struct device_command {
    struct device_command *next; /* of those that nobody waits for any more */
    uint64_t since;
    uint8_t opcode[2];
    uint8_t reply[64];
};

/* A send queue: as the card has it, and as the engine has it. */
struct device_queue {
    struct sim_nic_queue *queue;
    uint8_t *ring;
    struct weir_mlx5_sq sq;
    bool unrung;    /* entries were written that no doorbell told of */
    uint16_t seen;  /* consumed when it last moved … */
    uint64_t moved; /* … and when that was */
    uint64_t resets;
};

/* The card, its driver's part that is not a connection's, and the bytes between them. */
struct device_port {
    struct sim_nic *nic;
    struct sim_ledger *ledger;
    struct device_queue segments, internal;
    uint8_t *progress; /* what the card answers, 64 bytes for each flow */
    uint8_t *bounces, *scratch;
    struct weir_mlx5_caps caps;
    struct weir_mlx5_tx_backend tx;
    uint64_t bounce_until[DEVICE_BOUNCES]; /* `until` of the segment that uses it */
    bool bounce_used[DEVICE_BOUNCES];
    uint64_t packets; /* with payload that the card has sent */
    bool lost;        /* gone, and everybody knows */
    uint64_t next_tick;
    struct device_command *orphans;
};

/* What one way of a flow is to carry, and has. */
struct device_stream {
    uint64_t seed;  /* of the content */
    uint64_t total; /* bytes of content */
    uint64_t done;  /* written, or read and right */
    bool closed;    /* close_notify was written, or came */
    uint64_t records;
};

/* All bytes of a stream as they have to be on the wire. */
struct device_wire {
    uint8_t *bytes;
    size_t len, room;
    uint64_t first_record; /* number of the record at starts[0] */
    size_t *starts;        /* offset of each record */
    size_t count, starts_room;
};

struct device_flow;

/* One end of a flow. */
struct device_end {
    struct sim_tcp_owner owner; /* first */
    struct sim_tcp_sink sink;
    struct device_flow *flow;
    bool host; /* has the card */
    struct sim_tcp *tcp;
};

enum device_sending { SEND_SOFT, SEND_PENDING, SEND_CARD, SEND_DEAD };

struct device_flow {
    struct sim_device *device;
    unsigned number;
    struct device_end host, peer;
    uint32_t first; /* sequence number of the host's first byte */

    /* The handshake that is played, and how far. */
    const struct sim_device_opening *opening;
    size_t flight, flight_written, flight_read;

    /* host → peer */
    struct sim_tls out_ref;  /* seals what has to be on the wire */
    struct sim_tls out_peer; /* with which the peer opens */
    struct device_stream out, out_read;
    struct device_wire out_wire;
    enum device_sending sending;
    struct weir_tx tx;
    void *soft_ctx, *card_ctx;
    bool card_alive;                /* card_ctx is to be ended */
    bool carded;                    /* it has been on the card at any time */
    uint32_t card_start;            /* sequence number of its first record there */
    uint32_t kept;                  /* oldest byte that the card may still read */
    uint64_t resets;                /* of the queue, when the card last got a segment */
    bool changed;                   /* a byte in TCP's buffer, by hand */
    struct device_command *command; /* that waits */
    weir_status status;             /* that ended the direction */
    uint8_t record[TLS_MOST + 64];
    size_t record_len, record_at; /* a record that TCP has not taken yet */
    uint8_t peer_buf[TLS_MOST];
    size_t peer_len;
    bool peer_dead;

    /* peer → host */
    struct sim_tls in_peer; /* with which the peer seals */
    struct device_stream in, in_read;
    uint8_t in_record[TLS_MOST];
    size_t in_record_len, in_record_at; /* a record that the peer's TCP has not taken yet */
    struct weir_rx rx;
    struct weir_mlx5_rx rx_card;
    bool rx_begun, steered, rx_dead;
    void *rx_ctx;
    struct device_command *rx_command;
    uint8_t input[DEVICE_INPUT]; /* begins at a record */
    size_t input_len;
    struct weir_mark mark_memory[DEVICE_MARKS];
    struct weir_marks marks;

    bool killed; /* TCP was ended by hand, or gave up */
    bool over;
};

struct sim_device {
    struct sim_device_config config;
    struct sim_device_report report;
    struct device_port port;
    struct weir_soft soft;
    struct sim_link *out, *in; /* from the host with the card; to it */
    struct device_flow *flows;
    uint64_t now, seed;
    bool ended;
};

/* device.c */
/* Something is wrong: the first such text stays. Always false. */
bool device_wrong(struct sim_device *d, unsigned flow, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void device_event(struct sim_device *d, unsigned flow, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A frame leaves the host. */
void device_frame_out(struct sim_device *d, const uint8_t *bytes, size_t len);
/* A frame leaves the flow's peer. */
void device_frame_in(struct device_flow *flow, const uint8_t *bytes, size_t len);

/* device_port.c */
bool device_port_new(struct sim_device *d);
void device_port_free(struct sim_device *d);
/* Gives a command to the firmware. True: `done` is filled; false: its reply is late, and *slot is
 * what to ask for it with. */
bool device_command(struct sim_device *d, struct device_command **slot, const struct weir_cmd *cmd,
                    struct weir_done *done);
/* Whether the command that waits has ended, if only because nobody waits any longer. */
bool device_command_done(struct sim_device *d, struct device_command **slot,
                         const struct weir_cmd *cmd, struct weir_done *done);
/* Tells the card of what was written, takes its completions and packets. */
void device_port_ring(struct sim_device *d, struct device_queue *q);
/* Ticks, watchdogs. */
void device_port_run(struct sim_device *d);
/* When that has something to do; false: not of itself. */
bool device_port_due(struct sim_device *d, uint64_t *when);
/* All that was written is worked off. */
bool device_port_idle(const struct device_port *port, const struct device_queue *q);
/* A bounce that nobody uses; NULL: none. */
bool device_bounce(struct device_port *port, struct weir_mlx5_bounce *bounce, unsigned *slot);

/* device_flow.c */
bool device_flow_new(struct sim_device *d, unsigned number);
void device_flow_free(struct device_flow *flow);
void device_flow_step(struct device_flow *flow);
bool device_flow_due(const struct device_flow *flow, uint64_t *when);
/* len bytes of reference ciphertext, and the record's place. */
void device_wire_add(struct device_wire *wire, const uint8_t *bytes, size_t len);

/* device_send.c: the host's half of sending */
bool device_send_new(struct device_flow *flow, const struct sim_tls *keys);
void device_send_free(struct device_flow *flow);
void device_send_step(struct device_flow *flow);
bool device_send_out(struct device_flow *flow, const struct sim_tcp_segment *s);
void device_send_acked(struct device_flow *flow, uint32_t una);
uint32_t device_send_oldest(struct device_flow *flow, uint32_t una);
/* The card is gone. */
void device_send_lost(struct device_flow *flow);
/* Engine and card agree. */
void device_send_check(struct device_flow *flow);
void device_send_count(const struct device_flow *flow, struct weir_mlx5_tx_counters *to);
/* Nothing of the flow is left on the card. */
bool device_send_ended(struct device_flow *flow);

/* device_receive.c: the host's half of receiving */
bool device_receive_new(struct device_flow *flow);
void device_receive_free(struct device_flow *flow);
void device_receive_step(struct device_flow *flow);
uint8_t device_receive_in(struct device_flow *flow, uint32_t seq, uint8_t *payload, size_t len);
/* A completion of the internal queue; true: it was the one that the flow waits for. */
bool device_receive_completed(struct device_flow *flow, const struct weir_mlx5_cqe *cqe);
/* The internal queue was reset: nothing that was posted there will be answered. */
void device_receive_abandon(struct device_flow *flow);
void device_receive_lost(struct device_flow *flow);
bool device_receive_ended(struct device_flow *flow);
void device_receive_count(const struct device_flow *flow, struct weir_mlx5_rx_counters *to);

/* device_send.c, for receiving, too */
struct weir_keys device_keys(const struct sim_tls *tls);
void *device_memory(const struct weir_backend *backend);

/* device_flow.c */
/* len bytes of content came; false when they are not those that were sent. */
bool device_content(struct device_flow *flow, struct device_stream *s, const uint8_t *p,
                    size_t len);

#endif
