/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * A BIO in memory that claims to have kernel TLS, for selftest.c: it protects nothing and notes
 * what OpenSSL does.
 */
#ifndef WEIR_DROPIN_PROBE_H
#define WEIR_DROPIN_PROBE_H

#include "dropin.h"

/** Bytes on their way from one end to the other; a handshake's and a few records. */
struct probe_queue {
    uint8_t bytes[16384];
    size_t head, tail;
};

/** One end. */
struct probe {
    struct probe_queue *in, *out;
    struct weir_dropin_secret *secret;
    bool taken[2];            /* by enum weir_dir */
    struct weir_keys keys[2]; /* what was handed over */
    bool unknown;             /* something was that cannot be read */
    bool proven;              /* TLS 1.3: the key is that of the secret */
    bool asked_descriptor;
    bool typed;
    uint8_t type;
    /* What was written since sending was taken. */
    unsigned records;
    uint8_t last_type;
    uint8_t last[16];
    size_t last_len;
};

/** A BIO for `probe`, which must outlive it. NULL: out of memory. */
BIO *weir_dropin_probe_new(struct probe *probe);

#endif
