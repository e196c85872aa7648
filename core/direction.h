/* SPDX-License-Identifier: BSD-2-Clause */
/** @file
 * What a sending and a receiving direction have in common: keys, position, limits, backend, and how
 * a direction begins, changes key, moves and ends.
 */
#ifndef WEIR_CORE_DIRECTION_H
#define WEIR_CORE_DIRECTION_H

#include <weir/rx.h>

/*
 * The inside of weir_tx and weir_rx. The caller's memory is declared as numbers; may_alias keeps
 * reading it as this struct defined.
 */
struct __attribute__((may_alias)) direction {
    const struct weir_backend *backend; /* NULL: never initialised, or wiped */
    void *ctx;
    struct weir_keys keys;
    struct weir_counters counters;
    struct weir_limit limit;
    uint16_t record_limit; /* most plaintext bytes in a record */
    uint16_t pad_multiple; /* TX; 0: none */
    uint16_t empty_run;    /* RX: empty records since the last one with content */
    uint8_t iv_is_salt;    /* TLS 1.2 AES-GCM: 4 bytes of salt, 8 explicit ones on the wire */
    uint8_t attached;      /* the backend holds the key */
    int8_t status;         /* sticky once below zero */
    struct weir_shape shape;
};

_Static_assert(sizeof(struct direction) <= sizeof(struct weir_tx), "weir_tx is too small");
_Static_assert(sizeof(struct direction) <= sizeof(struct weir_rx), "weir_rx is too small");
_Static_assert(_Alignof(struct direction) <= _Alignof(struct weir_tx), "weir_tx alignment");

static inline struct direction *tx_inside(const struct weir_tx *tx)
{
    return (struct direction *)(void *)(uintptr_t)tx;
}

static inline struct direction *rx_inside(const struct weir_rx *rx)
{
    return (struct direction *)(void *)(uintptr_t)rx;
}

/* AEAD blocks a message of `len` bytes counts against the key (struct weir_limit). */
static inline uint64_t blocks_of(size_t len)
{
    return ((uint64_t)len + 15) / 16 + 1;
}

/* The count with `len` bytes more; it stays at its maximum instead of beginning anew. */
static inline uint64_t blocks_with(const struct direction *d, size_t len)
{
    uint64_t used = d->keys.at.blocks;
    uint64_t more = blocks_of(len);

    return used <= UINT64_MAX - more ? used + more : UINT64_MAX;
}

/* Whether the key may protect `len` bytes more, with `reserve` blocks beyond its limit. */
static inline bool key_has_room(const struct direction *d, size_t len, uint64_t reserve)
{
    uint64_t used = blocks_with(d, len);
    uint64_t hard = d->limit.hard;

    return hard == 0 || used <= hard || used - hard <= reserve;
}

/* Moves the position past a record; a message of `message_len` bytes was protected for it. */
static inline void pass_record(struct direction *d, size_t message_len, size_t wire_len)
{
    struct weir_position *at = &d->keys.at;

    at->seq++;
    at->blocks = blocks_with(d, message_len);
    if (at->tcp_known)
        at->tcp_seq += (uint32_t)wire_len;
}

/* A backend may answer these two; from one that answers something else anything can be expected. */
static inline weir_status backend_error(weir_status status)
{
    return status == WEIR_E_PROVIDER ? WEIR_E_PROVIDER : WEIR_E_BACKEND;
}

weir_status weir_direction_init(struct direction *d, enum weir_dir dir, struct weir_keys *keys,
                                const struct weir_counters *counters,
                                const struct weir_backend *backend, void *ctx, size_t ctx_len,
                                struct weir_refusal *why);
weir_status weir_direction_rekey(struct direction *d, const struct weir_kdf *kdf);
bool weir_direction_can_rekey(const struct direction *d, const struct weir_kdf *kdf,
                              struct weir_refusal *why);
weir_status weir_direction_export(struct direction *d, struct weir_keys *keys,
                                  struct weir_counters *counters);
/* Ends it with a status below zero, for good; the first status stays. Returns the sticky status. */
weir_status weir_direction_end(struct direction *d, weir_status status);
weir_status weir_direction_status(const struct direction *d);
void weir_direction_set_limit(struct direction *d, struct weir_limit limit);
void weir_direction_wipe(struct direction *d);

/*
 * Fills nonce and additional data of record d->keys.at.seq. `explicit_nonce` points at the 8 bytes
 * on the wire where there are such; `header` at the 5 bytes as they stand on the wire; `aad` is the
 * caller's room for the additional data, a slot that one wide store fills.
 */
void weir_direction_fill_op(const struct direction *d, struct weir_aead_op *op, uint8_t aad[16],
                            const uint8_t *header, const uint8_t *explicit_nonce,
                            size_t plaintext_len);

#endif
