/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * Reads a whole connection from the outside, with its keys, when it is over, and holds every
 * (key, nonce) that was on the wire: none may occur twice, and every protected record must open at
 * the number it should have.
 */
#ifndef TEST_BINDING_WIRETAP_H
#define TEST_BINDING_WIRETAP_H

#include "end.h"

#include <weir/record.h>

struct used {
    uint8_t key[32];
    uint8_t nonce[12];
};

struct wiretap_side {
    struct bytes stream;
    struct weir_keys keys;  /* under which the next record is expected; version 0: none */
    struct weir_keys then;  /* TLS 1.3: what comes behind them; version 0: nothing */
    unsigned by_type[256];  /* protected records, by (inner) type */
    unsigned plain_records; /* records before protection began, ChangeCipherSpec apart */
    unsigned application;   /* TLS 1.3: records under the first application key */
    struct used *used;
    size_t used_count;
};

struct wiretap {
    const struct weir_aead *aead;
    const struct weir_kdf *kdf;
    struct wiretap_side side[2]; /* what the client says, what the server says */
    bool lenient;                /* early data: a record may be under a key not known here */
    unsigned unreadable;
};

void wiretap_see(struct wiretap *t, bool from_server, const uint8_t *data, size_t len);
/* Goes through all of it; keys of each side must be set. Fails the test for what is wrong. */
void wiretap_judge(struct wiretap *t);
void wiretap_free(struct wiretap *t);

#endif
