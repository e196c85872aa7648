/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Buffers that are small until they are needed large: an idle connection has none at all after
 * weir_conn_trim.
 */
#include "conn.h"

#include <stdlib.h>
#include <string.h>

#define PAGE 4096u

size_t io_buffer_len(const struct io_buffer *b)
{
    return b->tail - b->head;
}

/* A buffer of at least `want` bytes in the place of an empty one. */
static bool replace(struct io_buffer *b, size_t want)
{
    size_t cap = (want + PAGE - 1) / PAGE * PAGE;
    uint8_t *base = malloc(cap);
    if (base == NULL) {
        return false;
    }
    io_buffer_free(b);
    b->base = base;
    b->cap = cap;
    return true;
}

size_t io_buffer_room(struct io_buffer *b, size_t want)
{
    if (b->head == b->tail) {
        b->head = b->tail = 0;
        if (b->cap < want) {
            (void)replace(b, want);
        }
    }
    return b->cap - b->tail;
}

bool io_buffer_compact(struct io_buffer *b, size_t want)
{
    size_t len = io_buffer_len(b);
    if (b->cap >= want) {
        if (b->head > 0 && len > 0) {
            memmove(b->base, b->base + b->head, len);
        }
    } else {
        struct io_buffer larger = {0};
        if (!replace(&larger, want)) {
            return false;
        }
        if (len > 0) {
            memcpy(larger.base, b->base + b->head, len);
        }
        io_buffer_free(b);
        *b = larger;
    }
    b->head = 0;
    b->tail = len;
    return true;
}

void io_buffer_free(struct io_buffer *b)
{
    if (b->base != NULL) {
        weir_wipe(b->base, b->cap);
        free(b->base);
    }
    *b = (struct io_buffer){0};
}
