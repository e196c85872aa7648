/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The wire tap: reads everything one end sends, opens each protected record by itself, with keys
 * known from the hand-over and AEADs that weir did not use, and notes what must never be there: a
 * nonce used twice under one key, a gap in the sequence, a record too long, anything after the end.
 *
 * All calls may come from different threads.
 */
#ifndef INTEROP_WIRE_H
#define INTEROP_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weir/keys.h>

#define WIRE_FAULTS     8
#define WIRE_FAULT_ROOM 128
#define WIRE_KEYS       64

/* What was seen, from the first record under the keys of application data. */
struct wire_report {
    uint64_t records;             /* all of them */
    uint64_t library_records;     /* those the TLS library sealed, before the hand-over */
    uint64_t data_records, bytes; /* application data */
    uint64_t padding;             /* bytes */
    uint64_t longest;             /* plaintext and padding of the longest record, in bytes */
    uint64_t key_updates;         /* of these, `requests` asked the peer for one */
    uint64_t requests;
    uint64_t other_messages;  /* handshake messages that are no KeyUpdate */
    uint64_t refusals;        /* warnings no_renegotiation */
    bool close_notify;        /* the last record is close_notify */
    int fatal_alert;          /* the last record is this fatal alert; -1: it is none */
    char digest[65];          /* SHA-256 of the application data */
    size_t key_count;         /* keys used; the first WIRE_KEYS of them are named below */
    char keys[WIRE_KEYS][17]; /* what tells a key and its IV from others, not the key itself */
    size_t fault_count;       /* 0: all is well */
    char faults[WIRE_FAULTS][WIRE_FAULT_ROOM]; /* the first of them */
};

struct wire;

/* `limit`: most plaintext bytes a record may have; `pad`: see weir_tx_set_padding. */
struct wire *wire_new(size_t limit, size_t pad);

/* The keys that were handed over; `offset`: bytes sent before, which are the TLS library's;
 * `limit`: what was negotiated, as in wire_new, and only less than that. */
void wire_keys(struct wire *wire, const struct weir_keys *keys, uint64_t offset, size_t limit);

/* The next `len` bytes sent. */
void wire_sent(struct wire *wire, const uint8_t *data, size_t len);

/* Judges what can be judged only now; `cut`: the end was meant to be abrupt. Frees `wire`. */
void wire_end(struct wire *wire, bool cut, struct wire_report *report);

#endif
