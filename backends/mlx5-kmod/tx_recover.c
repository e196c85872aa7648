/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How the card gets to where a segment begins: parameters anew, and the bytes of the record before
 * it by DUMP. Two ways, those of the drivers of FreeBSD and of Linux (docs/device.md).
 */
#include "tx_inside.h"

/* Blocks of the parameters and of the NOP behind them, and of the edge before the UMR. */
#define PARAMS_BLOCKS 8u

static bool as_linux(const struct tx *tx)
{
    return tx->port->config.driver == WEIR_MLX5_AS_LINUX;
}

/* Most bytes of a DUMP. */
static uint32_t most_dump(const struct tx *tx)
{
    uint32_t mtu = tx->port->config.mtu;

    return as_linux(tx) ? mtu : weir_mlx5_dump_most(mtu);
}

void weir_mlx5_tx_plan(const struct tx_call *call, const struct weir_seqmap_record *record,
                       struct tx_plan *plan)
{
    const struct tx *tx = call->tx;
    uint32_t seq = call->segment->tcp_seq, missing = seq - tx->expected;
    /* A card that already has parameters of another key stands in another record. */
    bool inside = tx->placed && tx->params_epoch == record->epoch;

    *plan = (struct tx_plan){.way = WEIR_MLX5_START,
                             .record = *record,
                             .from = seq - record->offset,
                             .bytes = record->offset};
    if (inside && missing == 0) {
        plan->way = WEIR_MLX5_IN_ORDER;
        plan->bytes = 0;
    } else if (inside && !as_linux(tx) && missing < record->offset) {
        plan->way = WEIR_MLX5_GAP;
        plan->from = tx->expected;
        plan->bytes = missing;
    }
}

/* Counts the DUMPs: the stream says where its pieces end. */
static bool count_dumps(const struct tx_call *call, struct tx_plan *plan)
{
    uint32_t most = most_dump(call->tx);
    struct weir_mlx5_piece piece;

    for (uint32_t done = 0; done < plan->bytes; done += piece.len) {
        if (!weir_mlx5_tx_piece(call, plan->from + done, plan->bytes - done, &piece))
            return false;
        plan->blocks += (piece.len + most - 1) / most;
    }
    return true;
}

bool weir_mlx5_tx_plan_blocks(const struct tx_call *call, struct tx_plan *plan)
{
    plan->blocks = plan->way == WEIR_MLX5_START ? PARAMS_BLOCKS : 0;
    return count_dumps(call, plan);
}

/* One block. */
static uint8_t *next_block(struct weir_mlx5_sq *queue, uint8_t flags, struct weir_mlx5_at *at)
{
    size_t room = 0;

    return weir_mlx5_sq_next(queue, flags, at, &room);
}

static bool post_umr(const struct tx_call *call, const struct tx_epoch *epoch, uint64_t number,
                     uint8_t flags)
{
    const struct tx *tx = call->tx;
    struct weir_mlx5_at at;
    struct weir_mlx5_static params = {
        .version = tx->version, .dek = epoch->dek, .record = number, .resync_tcp_seq = 0};

    for (size_t i = 0; i < sizeof params.iv; i++)
        params.iv[i] = epoch->iv[i];
    weir_mlx5_sq_edge(call->queue, 3);
    uint8_t *p = next_block(call->queue, flags, &at);
    weir_status status = weir_mlx5_umr(p, &at, WEIR_TX, tx->tisn, &params);
    weir_mlx5_sq_wrote(call->queue, 3);
    weir_wipe(params.iv, sizeof params.iv);
    return status == WEIR_OK;
}

static bool post_set_psv(const struct tx_call *call, uint8_t flags)
{
    struct weir_mlx5_at at;
    uint8_t *p = next_block(call->queue, flags, &at);

    weir_status status = weir_mlx5_set_psv(p, &at, WEIR_TX, call->tx->tisn, 0);
    weir_mlx5_sq_wrote(call->queue, 1);
    return status == WEIR_OK;
}

static bool post_fence(struct weir_mlx5_sq *queue, bool linux_nop)
{
    struct weir_mlx5_at at;
    uint8_t *p = next_block(queue, WEIR_MLX5_FENCE, &at);

    weir_status status = weir_mlx5_nop(p, &at, 1);
    if (linux_nop)
        p[WQE_SEGMENTS] = 1; /* FreeBSD's driver counts all four of the block */
    weir_mlx5_sq_wrote(queue, 1);
    return status == WEIR_OK;
}

static bool post_params(const struct tx_call *call, const struct tx_plan *plan)
{
    struct tx *tx = call->tx;
    const struct tx_epoch *epoch = tx_epoch_of(tx, plan->record.epoch);
    bool same = tx->params_known && tx->params_epoch == plan->record.epoch &&
                tx->params_record == plan->record.number;
    bool skip = as_linux(tx) && same;
    /* Of the first parameters of all no data is ahead that they could disturb. */
    uint8_t first = as_linux(tx) && !tx->posted ? 0 : WEIR_MLX5_FENCE;

    if (!skip && !post_umr(call, epoch, plan->record.number, first))
        return false;
    if (!post_set_psv(call, skip ? first : 0))
        return false;
    return (!as_linux(tx) && plan->bytes > 0) || post_fence(call->queue, as_linux(tx));
}

static bool post_dumps(const struct tx_call *call, const struct tx_plan *plan)
{
    const struct tx *tx = call->tx;
    uint32_t most = most_dump(tx), blocks = plan->blocks;
    uint8_t flags = as_linux(tx) ? 0 : WEIR_MLX5_FENCE;
    struct weir_mlx5_piece piece;
    struct weir_mlx5_at at;

    if (plan->way == WEIR_MLX5_START)
        blocks -= PARAMS_BLOCKS;
    for (uint32_t done = 0; done < plan->bytes; done += piece.len) {
        if (!weir_mlx5_tx_piece(call, plan->from + done, plan->bytes - done, &piece))
            return false;
        for (uint32_t cut = 0; cut < piece.len; cut += most) {
            struct weir_mlx5_data data = {piece.address + cut, piece.lkey,
                                          piece.len - cut < most ? piece.len - cut : most};

            if (blocks-- == 0 || weir_mlx5_dump(next_block(call->queue, flags, &at), &at, tx->tisn,
                                                &data, most) != WEIR_OK)
                return tx_refuse(&call->sent->why, WEIR_REFUSAL_GONE, 0);
            weir_mlx5_sq_wrote(call->queue, 1);
            flags = 0;
        }
    }
    return true;
}

bool weir_mlx5_tx_recover(const struct tx_call *call, const struct tx_plan *plan)
{
    if (plan->way == WEIR_MLX5_START && !post_params(call, plan))
        return tx_refuse(&call->sent->why, WEIR_REFUSAL_FORM, 0);
    return post_dumps(call, plan);
}
