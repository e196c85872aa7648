/* SPDX-License-Identifier: BSD-2-Clause */
#include "pipe.h"

#include <stdlib.h>
#include <string.h>

struct sim_pipe {
    uint8_t *bytes; /* those not yet read begin at `head` */
    size_t head, len, room;
    size_t visible; /* of `len`; the rest is held back */
    size_t limit;   /* 0: none */
    uint64_t read_offset;
    bool fin, reset, hold;
    struct sim_tap *tap;
};

struct sim_pipe *sim_pipe_new(size_t limit)
{
    struct sim_pipe *pipe = sim_alloc(sizeof *pipe);

    pipe->limit = limit;
    return pipe;
}

void sim_pipe_free(struct sim_pipe *pipe)
{
    if (pipe == NULL)
        return;
    free(pipe->bytes);
    free(pipe);
}

size_t sim_pipe_room(const struct sim_pipe *pipe)
{
    if (pipe->fin || pipe->reset)
        return 0;
    if (pipe->limit == 0)
        return SIZE_MAX;
    return pipe->len < pipe->limit ? pipe->limit - pipe->len : 0;
}

size_t sim_pipe_write(struct sim_pipe *pipe, const void *p, size_t len)
{
    size_t room = sim_pipe_room(pipe);

    if (len > room)
        len = room;
    if (len == 0)
        return 0;
    if (pipe->head + pipe->len + len > pipe->room) {
        if (pipe->len > 0)
            memmove(pipe->bytes, pipe->bytes + pipe->head, pipe->len);
        pipe->head = 0;
        if (pipe->len + len > pipe->room) {
            pipe->room = 2 * (pipe->len + len);
            pipe->bytes = sim_realloc(pipe->bytes, pipe->room);
        }
    }
    memcpy(pipe->bytes + pipe->head + pipe->len, p, len);
    if (pipe->tap != NULL)
        pipe->tap->bytes(pipe->tap, sim_pipe_write_offset(pipe), p, len);
    pipe->len += len;
    if (!pipe->hold)
        pipe->visible = pipe->len;
    return len;
}

void sim_pipe_fin(struct sim_pipe *pipe)
{
    pipe->fin = true;
}

bool sim_pipe_fin_sent(const struct sim_pipe *pipe)
{
    return pipe->fin;
}

void sim_pipe_reset(struct sim_pipe *pipe)
{
    pipe->reset = true;
    pipe->len = pipe->visible;
}

bool sim_pipe_is_reset(const struct sim_pipe *pipe)
{
    return pipe->reset;
}

void sim_pipe_limit(struct sim_pipe *pipe, size_t limit)
{
    pipe->limit = limit;
}

size_t sim_pipe_readable(const struct sim_pipe *pipe)
{
    return pipe->visible;
}

size_t sim_pipe_peek(const struct sim_pipe *pipe, size_t skip, void *out, size_t len)
{
    if (skip >= pipe->visible)
        return 0;
    if (len > pipe->visible - skip)
        len = pipe->visible - skip;
    sim_copy(out, pipe->bytes + pipe->head + skip, len);
    return len;
}

size_t sim_pipe_read(struct sim_pipe *pipe, void *out, size_t len)
{
    if (len > pipe->visible)
        len = pipe->visible;
    if (len == 0)
        return 0;
    if (out != NULL)
        memcpy(out, pipe->bytes + pipe->head, len);
    pipe->head += len;
    pipe->len -= len;
    pipe->visible -= len;
    pipe->read_offset += len;
    return len;
}

bool sim_pipe_fin_arrived(const struct sim_pipe *pipe)
{
    return pipe->fin && !pipe->reset && (!pipe->hold || pipe->visible == pipe->len);
}

bool sim_pipe_ended(const struct sim_pipe *pipe)
{
    return sim_pipe_fin_arrived(pipe) && pipe->visible == 0;
}

uint64_t sim_pipe_read_offset(const struct sim_pipe *pipe)
{
    return pipe->read_offset;
}

uint64_t sim_pipe_write_offset(const struct sim_pipe *pipe)
{
    return pipe->read_offset + pipe->len;
}

void sim_pipe_tap(struct sim_pipe *pipe, struct sim_tap *tap)
{
    pipe->tap = tap;
}

void sim_pipe_hold(struct sim_pipe *pipe)
{
    pipe->hold = true;
}

size_t sim_pipe_deliver(struct sim_pipe *pipe, size_t len)
{
    if (len > pipe->len - pipe->visible)
        len = pipe->len - pipe->visible;
    pipe->visible += len;
    return len;
}

void sim_pipe_release(struct sim_pipe *pipe)
{
    pipe->hold = false;
    pipe->visible = pipe->len;
}

bool sim_pipe_flip(struct sim_pipe *pipe, uint64_t offset, uint8_t mask)
{
    if (offset < pipe->read_offset || offset - pipe->read_offset >= pipe->len)
        return false;
    pipe->bytes[pipe->head + (size_t)(offset - pipe->read_offset)] ^= mask;
    return true;
}
