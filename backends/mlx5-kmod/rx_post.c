/* SPDX-License-Identifier: BSD-2-Clause */
/* What goes to the internal queue: docs/reference/mlx5-wqe.md, section 3. */
#include "rx_inside.h"
#include "tx_inside.h"

/* A completion is asked for by each entry: that of the internal queue of FreeBSD's driver, too. */
#define FLAGS_UMR (WEIR_MLX5_FENCE | WEIR_MLX5_COMPLETE)

/* Room for an entry of so many blocks; the ring is filled to its edge if it has to. */
static uint8_t *place(struct weir_mlx5_sq *queue, uint32_t blocks, uint8_t flags,
                      struct weir_mlx5_at *at)
{
    size_t room = 0;

    weir_mlx5_sq_edge(queue, blocks);
    return weir_mlx5_sq_next(queue, flags, at, &room);
}

static bool post_umr(const struct rx *rx, struct weir_mlx5_sq *queue,
                     const struct weir_mlx5_static *params, uint16_t *index)
{
    struct weir_mlx5_at at;
    uint8_t *p = place(queue, 3, FLAGS_UMR, &at);

    if (weir_mlx5_umr(p, &at, WEIR_RX, rx->tirn, params) != WEIR_OK)
        return false;
    *index = at.index;
    weir_mlx5_sq_wrote(queue, 3);
    return true;
}

static bool post_setup(struct rx *rx, struct weir_mlx5_sq *queue)
{
    struct weir_mlx5_at at;

    if (!post_umr(rx, queue, &rx->params, &rx->first_index))
        return false;
    uint8_t *p = place(queue, 1, WEIR_MLX5_COMPLETE, &at);
    if (weir_mlx5_set_psv(p, &at, WEIR_RX, rx->tirn, rx->next_tcp_seq) != WEIR_OK)
        return false;
    weir_mlx5_sq_wrote(queue, 1);
    rx->last_index = at.index;
    return true;
}

static bool post_query(struct rx *rx, struct weir_mlx5_sq *queue)
{
    struct weir_mlx5_at at;
    uint8_t *p = place(queue, 1, WEIR_MLX5_COMPLETE, &at);

    if (weir_mlx5_get_psv(p, &at, rx->tirn, rx->config.address, rx->config.lkey) != WEIR_OK)
        return false;
    weir_mlx5_sq_wrote(queue, 1);
    rx->first_index = rx->last_index = at.index;
    rx->counters.rx_resync_ok++;
    return true;
}

static bool post_confirmation(struct rx *rx, struct weir_mlx5_sq *queue)
{
    struct weir_mlx5_static params = rx->params;

    params.record = rx->confirm_number;
    params.resync_tcp_seq = rx->confirm_tcp_seq;
    bool posted = post_umr(rx, queue, &params, &rx->last_index);
    weir_wipe(params.iv, sizeof params.iv);
    rx->first_index = rx->last_index;
    return posted;
}

static bool post(struct rx *rx, struct weir_mlx5_sq *queue)
{
    switch ((enum rx_post)rx->wanted) {
    case RX_POST_SETUP:
        return post_setup(rx, queue);
    case RX_POST_QUERY:
        return post_query(rx, queue);
    case RX_POST_CONFIRM:
        return post_confirmation(rx, queue);
    case RX_POST_NOTHING:
        break;
    }
    return false;
}

weir_status weir_mlx5_rx_post(struct weir_mlx5_rx *memory, struct weir_mlx5_sq *queue,
                              uint16_t *index)
{
    struct rx *rx = rx_of(memory);
    enum rx_post wanted = (enum rx_post)rx->wanted;

    *index = 0;
    if (wanted == RX_POST_NOTHING || rx->posted != RX_POST_NOTHING)
        return WEIR_NEED_INPUT;
    if (weir_mlx5_sq_room(queue) < WEIR_MLX5_SQ_PACKET || !post(rx, queue)) {
        if (wanted == RX_POST_QUERY) {
            rx->counters.rx_resync_err++;
            rx->wanted = RX_POST_NOTHING;
            weir_mlx5_rx_no_answer(rx);
        }
        return WEIR_NEED_OUTPUT;
    }
    rx->wanted = RX_POST_NOTHING;
    rx->posted = (uint8_t)wanted;
    *index = rx->last_index;
    return WEIR_OK;
}
