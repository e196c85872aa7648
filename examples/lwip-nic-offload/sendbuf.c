/* SPDX-License-Identifier: BSD-2-Clause */
#include "sendbuf.h"

#include <string.h>

static unsigned chunk_at(const struct sendbuf *b, unsigned n)
{
    return (b->first + n) % SENDBUF_CHUNKS;
}

void sendbuf_begin(struct sendbuf *b, uint32_t seq)
{
    b->first = b->used = 0;
    b->end = seq;
}

uint8_t *sendbuf_room(struct sendbuf *b, size_t *cap)
{
    unsigned last = chunk_at(b, b->used == 0 ? 0 : b->used - 1);

    if (b->used == 0 || SENDBUF_CHUNK - b->chunks[last].len < WEIR_MAX_RECORD) {
        if (b->used == SENDBUF_CHUNKS)
            return NULL;
        last = chunk_at(b, b->used++);
        b->chunks[last].seq = b->end;
        b->chunks[last].len = 0;
    }
    *cap = SENDBUF_CHUNK - b->chunks[last].len;
    return b->bytes + last * SENDBUF_CHUNK + b->chunks[last].len;
}

void sendbuf_added(struct sendbuf *b, size_t len)
{
    b->chunks[chunk_at(b, b->used - 1)].len += (uint32_t)len;
    b->end += (uint32_t)len;
}

bool sendbuf_copy(struct sendbuf *b, const uint8_t *bytes, size_t len)
{
    size_t cap = 0;
    uint8_t *to = sendbuf_room(b, &cap);

    if (to == NULL || cap < len)
        return false;
    if (len > 0)
        memcpy(to, bytes, len);
    sendbuf_added(b, len);
    return true;
}

const uint8_t *sendbuf_piece(const struct sendbuf *b, uint32_t seq, uint32_t *len)
{
    for (unsigned i = 0; i < b->used; i++) {
        unsigned n = chunk_at(b, i);
        uint32_t offset = seq - b->chunks[n].seq;
        if (offset < b->chunks[n].len) {
            if (*len > b->chunks[n].len - offset)
                *len = b->chunks[n].len - offset;
            return b->bytes + n * SENDBUF_CHUNK + offset;
        }
    }
    return NULL;
}

void sendbuf_give_up(struct sendbuf *b, uint32_t seq)
{
    while (b->used > 0 &&
           b->end - seq <= b->end - b->chunks[b->first].seq - b->chunks[b->first].len) {
        b->first = chunk_at(b, 1);
        b->used--;
    }
}
