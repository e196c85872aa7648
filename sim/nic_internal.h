/* SPDX-License-Identifier: BSD-2-Clause */
/** @file What the files of the model of the card share. */
#ifndef WEIR_SIM_NIC_INTERNAL_H
#define WEIR_SIM_NIC_INTERNAL_H

#include "nic.h"

#define NIC_BLOCK      64u
#define NIC_SEGMENT    16u
#define NIC_MOST       16u       /* blocks of an entry */
#define NIC_NUMBER     0xffffffu /* largest number of an object */
#define NIC_COMPLAINTS 64u
#define NIC_REGIONS    64u
#define NIC_CQES       64u  /* completions until the owner bit changes */
#define NIC_L2_EXTRA   22u  /* what a frame has besides IP: Ethernet, VLAN, checksum */
#define NIC_STARTS     256u /* record starts that a context's oracle remembers */
#define NIC_HEADER     5u
#define NIC_EXPLICIT   8u
#define NIC_MOST_TEXT  (16384u + 256u)

/* Syndromes of error completions (device.h: MLX5_CQE_SYNDROME_…). */
#define NIC_SYNDROME_QP    0x02 /* local operation */
#define NIC_SYNDROME_READ  0x04 /* local protection */
#define NIC_SYNDROME_FLUSH 0x05

struct nic_key {
    struct nic_key *next;
    uint32_t number, pd;
    enum sim_alg alg;
    uint8_t key[SIM_MAX_KEY];
};

enum nic_state { NIC_NEW, NIC_STATIC, NIC_READY };

/* The record that a context is in. */
struct nic_record {
    size_t offset; /* bytes of it that went through; 0: between two */
    uint8_t head[NIC_HEADER + NIC_EXPLICIT];
    size_t text, len; /* content (with inner type and padding), and all of it */
    uint8_t nonce[SIM_NONCE_LEN], aad[SIM_STREAM_AAD];
    size_t aad_len, prefix;
    struct sim_aead_stream *cipher; /* NULL until header and nonce are there */
    uint8_t tag[SIM_TAG_LEN];
    bool tag_sent;
};

/* A TIS or TIR. What stands under "tests" no card has: it does not decide what is encrypted. */
struct nic_context {
    struct nic_context *next;
    bool rx;
    uint32_t number, pd;
    enum nic_state state;
    bool tls13;
    uint32_t key; /* number of the object */
    uint8_t iv[SIM_NONCE_LEN];
    uint64_t initial, number_of_record;
    /* RX: where the next header begins, what was proposed, and how many headers came since. */
    uint32_t next_seq, proposal, since;
    enum nic_tracker { NIC_START, NIC_TRACKING, NIC_SEARCHING } tracker;
    bool offload;
    struct nic_record record;
    bool seq_known;
    uint32_t seq;                /* TCP sequence number of the next byte */
    uint64_t params_at, data_at; /* entries (numbered over all queues) that last did so; 0: none */
    /* Tests */
    uint8_t *shadow; /* content of the record so far, for the ledger */
    struct nic_start {
        bool known;
        uint64_t record;
        uint32_t seq;
    } starts[NIC_STARTS];
};

struct nic_region {
    uint32_t lkey;
    uint64_t address;
    uint8_t *bytes;
    size_t len;
};

struct nic_late {
    struct nic_late *next;
    size_t ticks, len, out_len;
    uint8_t *in, *out;
};

struct nic_cqe {
    struct nic_cqe *next;
    uint8_t bytes[64];
};

struct sim_nic_queue {
    struct sim_nic_queue *next;
    struct sim_nic *nic;
    uint32_t number, blocks;
    uint8_t *ring;
    uint16_t consumed, produced;
    bool failed, waited;
    size_t wait;        /* ticks until it goes on */
    uint64_t fenced_at; /* entry that last had a fence */
    uint64_t completed; /* completions so far */
    uint8_t last[8];    /* of the doorbell */
    struct nic_cqe *cqes, **cqes_end;
};

struct sim_nic {
    struct sim_nic_can can;
    struct sim_nic_counts counts;
    struct sim_ledger *ledger;
    struct sim_faults *faults;
    bool gone;
    struct nic_key *keys;
    struct nic_context *contexts;
    uint32_t last_number; /* of any object: none is given twice */
    struct nic_region regions[NIC_REGIONS];
    size_t region_count;
    struct nic_late *late;
    struct sim_nic_queue *queues;
    struct sim_nic_packet *sent, **sent_end;
    struct sim_nic_complaint complaints[NIC_COMPLAINTS];
    size_t complaint_count;
};

/* An entry that is being worked off. */
struct nic_entry {
    struct sim_nic_queue *queue;
    const uint8_t *bytes;
    uint32_t len; /* bytes of its data segments */
    uint16_t index;
    uint8_t modifier, opcode, flags;
    uint32_t number;   /* of the context in its control segment */
    uint64_t sequence; /* over all queues, from 1 */
};

static inline uint32_t nic_be24(const uint8_t *p)
{
    return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

static inline uint32_t nic_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | nic_be24(p + 1);
}

static inline void nic_put_be32(uint8_t *p, uint32_t value)
{
    sim_put_be16(p, value >> 16);
    sim_put_be16(p + 2, value & 0xffff);
}

/* Whether p[0..len) are zeros. */
bool nic_zeros(const uint8_t *p, size_t len);
/* Complains, for people as printf would say it; `e` is NULL for commands. Always false. */
bool nic_wrong(struct sim_nic *nic, const struct nic_entry *e, enum sim_nic_wrong wrong,
               const char *what, uint64_t found, uint64_t wanted);
/* What a call of this class meets; a card that goes away by it is gone already. */
struct sim_fault nic_meet(struct sim_nic *nic, unsigned call);

struct nic_key *nic_key(const struct sim_nic *nic, uint32_t number);
struct nic_context *nic_context(const struct sim_nic *nic, uint32_t number);
void nic_context_free(struct nic_context *c);
/* The bytes under an lkey, NULL when they are not all there. */
uint8_t *nic_memory(const struct sim_nic *nic, uint32_t lkey, uint64_t address, size_t len);

/* Late commands come a tick nearer. */
void nic_tick_commands(struct sim_nic *nic);

/* The entries. False after a complaint. */
bool nic_umr(struct sim_nic *nic, const struct nic_entry *e);
bool nic_set_psv(struct sim_nic *nic, const struct nic_entry *e);
bool nic_get_psv(struct sim_nic *nic, const struct nic_entry *e);
bool nic_dump(struct sim_nic *nic, const struct nic_entry *e);
bool nic_send(struct sim_nic *nic, const struct nic_entry *e);

/* The context that data of an entry goes through: parameters, fence and key are looked at. */
struct nic_context *nic_ready(struct sim_nic *nic, const struct nic_entry *e);
/* Forgets the record that the context is in. */
void nic_record_reset(struct nic_context *c);
/* in[0..len) through the context, to out[0..len) as it goes to the wire; `out` NULL: a DUMP. */
bool nic_cipher(struct sim_nic *nic, const struct nic_entry *e, struct nic_context *c,
                const uint8_t *in, size_t len, uint8_t *out);
/* Looks at the header bytes of c->record: NULL when they can be those of a record, whose lengths
 * are then set once all are there; else what is wrong. */
const char *nic_header(struct nic_context *c, uint64_t *found);
/* Begins the cipher of c->record, header and nonce of which are there. */
void nic_begin(struct sim_nic *nic, struct nic_context *c);
/* Static parameters with resync_tcp_sn came for a TIR; SET_PSV came. */
void nic_rx_confirm(struct nic_context *c, uint32_t seq);
void nic_rx_start(struct nic_context *c, uint32_t next_seq);
/* Whether a packet with this sequence number continues the context, as far as anyone can know. */
bool nic_follows(struct sim_nic *nic, const struct nic_entry *e, struct nic_context *c,
                 uint32_t seq);

#endif
