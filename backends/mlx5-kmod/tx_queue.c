/* SPDX-License-Identifier: BSD-2-Clause */
/* The send queue: room, edges, completions. What is in its entries, others decide. */
#include "tx_inside.h"

weir_status weir_mlx5_sq_init(struct weir_mlx5_sq *queue, uint8_t *ring, uint32_t blocks,
                              uint32_t number, uint16_t signal)
{
    if (blocks < WEIR_MLX5_SQ_LEAST || blocks > WEIR_MLX5_SQ_MOST || (blocks & (blocks - 1)) != 0 ||
        !wqe_is_number(number) || signal > blocks / 4)
        return WEIR_E_MISUSE;
    *queue = (struct weir_mlx5_sq){
        .ring = ring, .blocks = blocks, .number = number, .signal = signal, .silent = 0};
    return WEIR_OK;
}

uint32_t weir_mlx5_sq_room(const struct weir_mlx5_sq *queue)
{
    return queue->failed ? 0 : queue->blocks - (uint32_t)(queue->produced - queue->consumed);
}

static uint8_t *block_at(const struct weir_mlx5_sq *queue, uint64_t index)
{
    return queue->ring + (size_t)(index & (queue->blocks - 1)) * WEIR_MLX5_BB;
}

weir_status weir_mlx5_sq_complete(struct weir_mlx5_sq *queue, const struct weir_mlx5_cqe *cqe)
{
    uint16_t further = (uint16_t)(cqe->counter - (uint16_t)queue->consumed);
    uint64_t outstanding = queue->produced - queue->consumed;

    if (queue->failed)
        return WEIR_E_BACKEND;
    if (further >= outstanding ||
        (cqe->opcode != WEIR_MLX5_CQE_REQUEST && cqe->opcode != WEIR_MLX5_CQE_REQUEST_ERROR))
        return WEIR_E_MISUSE;
    if (cqe->opcode == WEIR_MLX5_CQE_REQUEST_ERROR) {
        queue->failed = true;
        return WEIR_E_BACKEND;
    }
    /* The entry says itself how long it is: nobody has written over it yet. */
    uint32_t segments = block_at(queue, queue->consumed + further)[WQE_SEGMENTS];
    uint32_t blocks = (segments + WEIR_MLX5_BB / WEIR_MLX5_DS - 1) / (WEIR_MLX5_BB / WEIR_MLX5_DS);
    if (blocks == 0 || further + blocks > outstanding)
        return WEIR_E_MISUSE;
    queue->consumed += further + blocks;
    return WEIR_OK;
}

void weir_mlx5_sq_reset(struct weir_mlx5_sq *queue)
{
    /* The count goes on, so that whatever was posted before counts as done; the index is 0. */
    queue->produced = (queue->produced | 0xffffu) + 1;
    queue->consumed = queue->produced;
    queue->began = queue->produced;
    queue->silent = 0;
    queue->written = false;
    queue->failed = false;
}

bool weir_mlx5_sq_flush(struct weir_mlx5_sq *queue)
{
    struct weir_mlx5_at at;
    size_t room = 0;

    if (queue->silent == 0 || weir_mlx5_sq_room(queue) == 0)
        return false;
    uint8_t *p = weir_mlx5_sq_next(queue, WEIR_MLX5_COMPLETE, &at, &room);
    if (weir_mlx5_nop(p, &at, 1) != WEIR_OK)
        return false;
    weir_mlx5_sq_wrote(queue, 1);
    queue->silent = 0;
    return true;
}

const uint8_t *weir_mlx5_sq_doorbell(const struct weir_mlx5_sq *queue)
{
    return queue->written ? block_at(queue, queue->last) : NULL;
}

/* Where the next entry goes, and how many bytes there are to the edge of the ring. */
uint8_t *weir_mlx5_sq_next(const struct weir_mlx5_sq *queue, uint8_t flags, struct weir_mlx5_at *at,
                           size_t *room)
{
    *at = (struct weir_mlx5_at){
        .sqn = queue->number, .index = (uint16_t)queue->produced, .flags = flags};
    *room =
        (size_t)(queue->blocks - (uint32_t)(queue->produced & (queue->blocks - 1))) * WEIR_MLX5_BB;
    return block_at(queue, queue->produced);
}

/* An entry of so many blocks was written there. */
void weir_mlx5_sq_wrote(struct weir_mlx5_sq *queue, uint32_t blocks)
{
    queue->last = queue->produced;
    queue->written = true;
    queue->produced += blocks;
    queue->silent = (uint16_t)(queue->silent + blocks < 0xffffu ? queue->silent + blocks : 0xffffu);
}

/* Fills the ring to its edge when fewer than `blocks` are left there: no entry wraps. */
void weir_mlx5_sq_edge(struct weir_mlx5_sq *queue, uint32_t blocks)
{
    struct weir_mlx5_at at;
    size_t room = 0;
    uint8_t *p = weir_mlx5_sq_next(queue, 0, &at, &room);

    if (room >= (size_t)blocks * WEIR_MLX5_BB)
        return;
    const uint32_t left = (uint32_t)(room / WEIR_MLX5_BB);
    if (weir_mlx5_nop(p, &at, left) == WEIR_OK)
        weir_mlx5_sq_wrote(queue, left);
}
