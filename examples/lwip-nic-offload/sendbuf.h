/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TCP's send buffer, as a stack would keep it that lets a card read from it: everything that was
 * given to TCP and may be needed again. It holds records in plaintext; see weir/mlx5_tx.h on why
 * nobody may change a byte of it.
 *
 * Records have to lie in one piece to be framed where they are, so it consists of chunks, each of
 * which takes the longest record.
 */
#ifndef EXAMPLE_SENDBUF_H
#define EXAMPLE_SENDBUF_H

#include <weir/record.h>

#define SENDBUF_CHUNK  ((size_t)2 * WEIR_MAX_RECORD)
#define SENDBUF_CHUNKS 8u

struct sendbuf {
    struct {
        uint32_t seq, len; /* of the bytes in it */
    } chunks[SENDBUF_CHUNKS];
    unsigned first, used; /* chunks: the oldest, and how many */
    uint32_t end;         /* sequence number of the next byte to be added */
    uint8_t bytes[SENDBUF_CHUNKS * SENDBUF_CHUNK];
};

/* Empties it; the next byte has sequence number `seq`. */
void sendbuf_begin(struct sendbuf *b, uint32_t seq);
/* Room for one record at least: `*cap` bytes. NULL: none until something is given up. */
uint8_t *sendbuf_room(struct sendbuf *b, size_t *cap);
/* `len` bytes were written there. */
void sendbuf_added(struct sendbuf *b, size_t len);
/* Copies bytes in; false: no room for all of them, and nothing was done. */
bool sendbuf_copy(struct sendbuf *b, const uint8_t *bytes, size_t len);
/* The bytes from `seq` on, `*len` at most and in one piece: `*len` is then how many. NULL: none. */
const uint8_t *sendbuf_piece(const struct sendbuf *b, uint32_t seq, uint32_t *len);
/* Nobody will ask for bytes before `seq`. */
void sendbuf_give_up(struct sendbuf *b, uint32_t seq);

#endif
