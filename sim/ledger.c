/* SPDX-License-Identifier: BSD-2-Clause */
#include "ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct digest {
    uint64_t half[2];
};

struct entry {
    bool used;
    enum sim_alg alg;
    uint8_t key[SIM_MAX_KEY]; /* the rest zero */
    uint8_t nonce[SIM_NONCE_LEN];
    struct digest what;
};

#define PIECE 64u

/* PIECE bytes of a record of which some are known. */
struct piece {
    uint64_t known; /* a bit for each byte; 0: the place is free */
    enum sim_alg alg;
    uint8_t key[SIM_MAX_KEY], nonce[SIM_NONCE_LEN];
    uint64_t number;
    uint8_t bytes[PIECE];
};

struct sim_ledger {
    struct piece *pieces; /* as entries */
    size_t pieces_size, pieces_count;
    struct entry *entries; /* open addressing; `size` is a power of two */
    size_t size, count;
    uint64_t repeats, conflicts;
    char fault[160];
};

static uint64_t mixed(uint64_t state, uint64_t word)
{
    uint64_t z = state ^ word;

    return sim_random(&z);
}

static struct digest digested(struct digest d, const uint8_t *p, size_t len)
{
    size_t at = 0;

    for (; len - at >= 8; at += 8) {
        uint64_t word = sim_get_be64(p + at);

        d.half[0] = mixed(d.half[0], word);
        d.half[1] = mixed(d.half[1], ~word);
    }
    for (; at < len; at++) {
        d.half[0] = mixed(d.half[0], p[at]);
        d.half[1] = mixed(d.half[1], ~(uint64_t)p[at]);
    }
    /* The length ends a part, so that no byte can wander from one part to the next. */
    d.half[0] = mixed(d.half[0], len);
    d.half[1] = mixed(d.half[1], ~(uint64_t)len);
    return d;
}

static const struct digest start = {{0x243f6a8885a308d3u, 0x13198a2e03707344u}};

struct sim_ledger *sim_ledger_new(void)
{
    struct sim_ledger *ledger = sim_alloc(sizeof *ledger);

    ledger->size = 256;
    ledger->entries = sim_alloc(ledger->size * sizeof *ledger->entries);
    return ledger;
}

void sim_ledger_free(struct sim_ledger *ledger)
{
    if (ledger == NULL)
        return;
    free(ledger->entries);
    free(ledger->pieces);
    free(ledger);
}

/* The entry of this pair, or the free one where it belongs. */
static struct entry *find(const struct sim_ledger *ledger, const struct entry *wanted)
{
    struct digest d = digested(start, wanted->key, sizeof wanted->key);
    size_t at = (size_t)digested(d, wanted->nonce, sizeof wanted->nonce).half[0];

    for (;; at++) {
        struct entry *e = &ledger->entries[at & (ledger->size - 1)];

        if (!e->used || (e->alg == wanted->alg && memcmp(e->key, wanted->key, sizeof e->key) == 0 &&
                         memcmp(e->nonce, wanted->nonce, sizeof e->nonce) == 0))
            return e;
    }
}

static void grow(struct sim_ledger *ledger)
{
    struct entry *old = ledger->entries;
    size_t size = ledger->size;

    ledger->size = size * 2;
    ledger->entries = sim_alloc(ledger->size * sizeof *ledger->entries);
    for (size_t i = 0; i < size; i++) {
        if (old[i].used)
            *find(ledger, &old[i]) = old[i];
    }
    free(old);
}

static void conflict(struct sim_ledger *ledger, const struct sim_aead_op *op, size_t len)
{
    char hex[2 * SIM_NONCE_LEN + 1];

    if (ledger->conflicts++ > 0)
        return;
    for (size_t i = 0; i < SIM_NONCE_LEN; i++)
        snprintf(hex + 2 * i, 3, "%02x", op->nonce[i]);
    /* Keys of a simulation are no secrets, but a few bytes tell them apart. */
    snprintf(
        ledger->fault, sizeof ledger->fault,
        "nonce %s is used twice under key %02x%02x%02x%02x…: the second time for other %zu bytes",
        hex, op->key[0], op->key[1], op->key[2], op->key[3], len);
}

bool sim_ledger_note(struct sim_ledger *ledger, const struct sim_aead_op *op, const uint8_t *plain,
                     size_t len)
{
    struct entry wanted = {.used = true, .alg = op->alg};

    memcpy(wanted.key, op->key, sim_alg_key_len(op->alg));
    memcpy(wanted.nonce, op->nonce, SIM_NONCE_LEN);
    wanted.what = digested(digested(start, op->aad, op->aad_len), plain, len);

    struct entry *e = find(ledger, &wanted);
    if (e->used) {
        if (memcmp(&e->what, &wanted.what, sizeof e->what) == 0) {
            ledger->repeats++;
            return true;
        }
        conflict(ledger, op, len);
        return false;
    }
    *e = wanted;
    if (++ledger->count > ledger->size / 2)
        grow(ledger);
    return true;
}

/* The piece that is like `wanted`, or the free one where it belongs. */
static struct piece *piece_find(const struct sim_ledger *ledger, const struct piece *wanted)
{
    struct digest d = digested(start, wanted->key, sizeof wanted->key);
    size_t at = (size_t)mixed(digested(d, wanted->nonce, SIM_NONCE_LEN).half[0], wanted->number);

    for (;; at++) {
        struct piece *p = &ledger->pieces[at & (ledger->pieces_size - 1)];

        if (p->known == 0 || (p->alg == wanted->alg && p->number == wanted->number &&
                              memcmp(p->key, wanted->key, sizeof p->key) == 0 &&
                              memcmp(p->nonce, wanted->nonce, sizeof p->nonce) == 0))
            return p;
    }
}

static void pieces_room(struct sim_ledger *ledger)
{
    struct piece *old = ledger->pieces;
    size_t size = ledger->pieces_size;

    if (ledger->pieces_count < size / 2)
        return;
    ledger->pieces_size = size == 0 ? 256 : size * 2;
    ledger->pieces = sim_alloc(ledger->pieces_size * sizeof *ledger->pieces);
    for (size_t i = 0; i < size; i++) {
        if (old[i].known != 0)
            *piece_find(ledger, &old[i]) = old[i];
    }
    free(old);
}

bool sim_ledger_note_part(struct sim_ledger *ledger, const struct sim_aead_op *op, uint64_t offset,
                          const uint8_t *plain, size_t len)
{
    struct piece wanted = {.alg = op->alg};
    bool same = true;

    memcpy(wanted.key, op->key, sim_alg_key_len(op->alg));
    memcpy(wanted.nonce, op->nonce, SIM_NONCE_LEN);
    for (size_t i = 0; i < len;) {
        size_t at = (size_t)((offset + i) % PIECE);

        pieces_room(ledger);
        wanted.number = (offset + i) / PIECE;
        struct piece *p = piece_find(ledger, &wanted);
        if (p->known == 0) {
            *p = wanted;
            ledger->pieces_count++;
        }
        for (; at < PIECE && i < len; at++, i++) {
            uint64_t bit = (uint64_t)1 << at;

            if ((p->known & bit) == 0)
                p->bytes[at] = plain[i];
            p->known |= bit;
            same = same && p->bytes[at] == plain[i];
        }
    }
    if (!same)
        conflict(ledger, op, len);
    return same;
}

const char *sim_ledger_fault(const struct sim_ledger *ledger)
{
    return ledger->conflicts > 0 ? ledger->fault : NULL;
}

uint64_t sim_ledger_pairs(const struct sim_ledger *ledger)
{
    return ledger->count;
}

uint64_t sim_ledger_repeats(const struct sim_ledger *ledger)
{
    return ledger->repeats;
}

uint64_t sim_ledger_conflicts(const struct sim_ledger *ledger)
{
    return ledger->conflicts;
}
