/* SPDX-License-Identifier: BSD-2-Clause */
/** @file What the files of the Linux model share. */
#ifndef WEIR_SIM_LINUX_INTERNAL_H
#define WEIR_SIM_LINUX_INTERNAL_H

#include "linux_ktls.h"

#define LINUX_HEADER     5u
#define LINUX_TYPE_DATA  23u
#define LINUX_MAX_INFO   56u /* bytes of the largest key structure */
#define LINUX_MAX_RECORD (LINUX_HEADER + 8u + LINUX_MAX_PLAINTEXT + 1u + SIM_TAG_LEN)
#define LINUX_IV_OFFSET  4u
#define LINUX_SHORT_INFO 4u /* version and cipher only */
#define LINUX_NO_ERROR   0
#define LINUX_PAGE       4096u

/** One cipher of kernel TLS, and where its fields are in its key structure. */
struct linux_cipher {
    uint16_t id;
    uint8_t iv_len, key_len, salt_len; /* in this order from byte 4; then 8 of rec_seq */
    bool tls13, device;
    bool modelled; /* there is an AEAD for it here */
    enum sim_alg alg;
};

/** The cipher of this number, NULL when no kernel has it. */
const struct linux_cipher *linux_cipher(uint16_t id);
/** Bytes of its key structure. */
size_t linux_info_len(const struct linux_cipher *cipher);

/** One direction. `cipher` is NULL before there is a key. */
struct linux_keys {
    const struct linux_cipher *cipher;
    uint16_t version;
    uint8_t key[SIM_MAX_KEY], salt[4], iv[12];
    uint64_t seq;
    enum sim_linux_conf conf;
};

/** Reads and writes a key structure. */
void linux_keys_read(struct linux_keys *keys, const struct linux_cipher *cipher,
                     const uint8_t *info);
void linux_keys_write(const struct linux_keys *keys, uint8_t *info);

/** Whether records carry 8 bytes of explicit nonce: TLS 1.2 without ChaCha20. */
bool linux_explicit_nonce(const struct linux_keys *keys);
/** Header and explicit nonce. */
size_t linux_prefix(const struct linux_keys *keys);
/** Least and most that the length field of a received record may say. */
size_t linux_least(const struct linux_keys *keys);
size_t linux_most(const struct linux_keys *keys);
/** Seals content[0..len) into out (LINUX_MAX_RECORD); tells the ledger; moves no position. */
size_t linux_seal(const struct linux_keys *keys, struct sim_ledger *ledger, uint8_t type,
                  const uint8_t *content, size_t len, uint8_t *out);
/** To the next record. True when the number has gone round. */
bool linux_advance(struct linux_keys *keys);

/** A decrypted record that waits to be read. */
struct linux_record {
    struct linux_record *next;
    uint8_t type;
    size_t at, len; /* bytes[at..len) are not read yet */
    uint8_t bytes[];
};
/** Opens a whole record of the wire; NULL when it is not authentic or has no type. */
struct linux_record *linux_open(const struct linux_keys *keys, const uint8_t *wire, size_t len);

enum linux_state { LINUX_UNCONNECTED, LINUX_LISTENING, LINUX_CONNECTED };

struct sim_linux_socket {
    struct sim_linux *kernel;
    struct sim_linux_socket *peer; /* NULL when raw or gone */
    struct linux_link *link;       /* the pipes, where they are the model's */
    struct sim_pipe *in, *out;
    struct sim_faults *faults;
    enum linux_state state;
    bool tcp, ulp, shut_rd, shut_wr, reset_seen;
    bool peer_gone;    /* the peer is closed: it answers data with RST */
    int pending_error; /* sk_err */
    int last_errno;
    uint16_t version, cipher; /* of the first key, for sock_diag */

    struct linux_keys tx;
    bool zerocopy;
    uint16_t max_payload;
    uint8_t open[LINUX_MAX_PLAINTEXT]; /* data of the record that is not closed yet */
    size_t open_len;
    unsigned open_frags;
    uint8_t *unsent; /* sealed, and not yet taken by TCP */
    size_t unsent_len, unsent_room;
    struct linux_keys sent_keys; /* the last record of a sendfile: position and pages */
    const uint8_t *sent_file;
    size_t sent_len;

    struct linux_keys rx;
    bool no_pad;
    size_t record_len; /* of the record at the head of the queue, once its header was looked at */
    uint8_t aside[LINUX_MAX_RECORD]; /* its first bytes, where the queue is too short for it */
    size_t aside_len;
    bool stopped;   /* the parser met a bad header */
    bool rekey_due; /* a KeyUpdate was decrypted */
    struct linux_record *first, *last;
};

/** The two pipes between two sockets; freed with the second of them. */
struct linux_link {
    struct sim_pipe *pipes[2];
    int users;
};

/** What happens in a kernel between calls, and the fault that this call meets. */
struct sim_fault linux_enter(struct sim_linux_socket *s, enum sim_linux_call call);
/** Leaves a call with -1. */
int linux_error(struct sim_linux_socket *s, int error);
/** Takes the pending error away. */
int linux_take_error(struct sim_linux_socket *s);
/** Whether FIN has arrived, or the caller reads no more. */
bool linux_read_ended(const struct sim_linux_socket *s);

/** linux_tx.c: gives TCP what it has room for. */
void linux_push(struct sim_linux_socket *s);
/** Bytes have gone to the peer. */
void linux_sent(struct sim_linux_socket *s);
bool linux_send_space(const struct sim_linux_socket *s);
/** linux_rx.c: looks at the header at the head of the queue. */
void linux_parse(struct sim_linux_socket *s);
bool linux_record_ready(const struct sim_linux_socket *s);
/** linux_options.c */
int linux_set_keys(struct sim_linux_socket *s, bool tx, const uint8_t *value, uint32_t len);

#endif
