/* SPDX-License-Identifier: BSD-2-Clause */
#include "card.h"

#include <errno.h>
#include <stdlib.h>

#define QUEUE_NUMBER    0x77u
#define INTERNAL_NUMBER 0x78u
#define PAGE            4096u

/* QUERY_HCA_CAP of a page, as the card stands now (docs/reference/mlx5-wqe.md). */
static void query(struct card *c, unsigned page, uint8_t out[16 + PAGE])
{
    uint8_t in[16] = {0x01, 0x00};

    sim_put_be16(in + 6, page << 1 | 1);
    if (sim_nic_command(c->nic, in, sizeof in, out, 16 + PAGE) != SIM_NIC_DONE || out[0] != 0)
        abort();
}

void card_open(struct card *c)
{
    uint8_t general[16 + PAGE], tls[16 + PAGE];

    c->nic = sim_nic_new();
    c->ledger = sim_ledger_new();
    sim_nic_set_ledger(c->nic, c->ledger);
    sim_nic_can(c->nic)->mtu = CARD_MTU;
    query(c, 0, general);
    query(c, 0x11, tls);
    if (weir_mlx5_caps_read(&c->caps, general + 16, PAGE, tls + 16, PAGE, true) != WEIR_OK ||
        weir_mlx5_sq_init(&c->sq, c->ring, CARD_BLOCKS, QUEUE_NUMBER, 0) != WEIR_OK ||
        weir_mlx5_sq_init(&c->internal, c->internal_ring, CARD_INTERNAL, INTERNAL_NUMBER, 0) !=
            WEIR_OK)
        abort();
    c->queue = sim_nic_queue_new(c->nic, QUEUE_NUMBER, c->ring, CARD_BLOCKS);
    c->internal_queue = sim_nic_queue_new(c->nic, INTERNAL_NUMBER, c->internal_ring, CARD_INTERNAL);
}

void card_close(struct card *c)
{
    sim_nic_free(c->nic);
    sim_ledger_free(c->ledger);
}

void card_remove(struct card *c)
{
    sim_nic_remove(c->nic);
}

void card_map(struct card *c, uint32_t lkey, uint64_t address, uint8_t *bytes, size_t len)
{
    sim_nic_map(c->nic, lkey, address, bytes, len);
}

struct weir_done card_firmware(struct card *c, const struct weir_cmd *command)
{
    if (sim_nic_command(c->nic, command->value, command->len, command->reply, command->reply_len) !=
        SIM_NIC_DONE)
        return (struct weir_done){.os_error = EIO};
    return (struct weir_done){.len = command->reply_len};
}

void card_doorbell(struct card *c)
{
    uint8_t bytes[WEIR_MLX5_CQE];
    struct weir_mlx5_cqe cqe;

    (void)sim_nic_post(c->queue, (uint16_t)c->sq.produced, weir_mlx5_sq_doorbell(&c->sq));
    while (sim_nic_completion(c->queue, bytes)) {
        weir_mlx5_cqe_read(bytes, &cqe);
        if (weir_mlx5_sq_complete(&c->sq, &cqe) != WEIR_OK)
            c->failed = "an entry of the send queue has failed";
    }
}

void card_internal_doorbell(struct card *c)
{
    (void)sim_nic_post(c->internal_queue, (uint16_t)c->internal.produced,
                       weir_mlx5_sq_doorbell(&c->internal));
}

bool card_internal_completion(struct card *c, struct weir_mlx5_cqe *cqe)
{
    uint8_t bytes[WEIR_MLX5_CQE];

    if (!sim_nic_completion(c->internal_queue, bytes))
        return false;
    weir_mlx5_cqe_read(bytes, cqe);
    if (weir_mlx5_sq_complete(&c->internal, cqe) != WEIR_OK)
        c->failed = "an entry of the internal queue has failed";
    return true;
}

void card_receive(struct card *c, uint32_t tirn, uint32_t seq, uint8_t *payload, size_t len,
                  struct weir_mlx5_cqe *cqe)
{
    uint8_t bytes[WEIR_MLX5_CQE];

    (void)sim_nic_receive(c->nic, tirn, seq, payload, len, bytes);
    weir_mlx5_cqe_read(bytes, cqe);
}

struct sim_nic_packet *card_sent(struct card *c)
{
    return sim_nic_sent(c->nic);
}

const char *card_complaint(const struct card *c)
{
    const struct sim_nic_complaint *first = sim_nic_complaint(c->nic, 0);

    if (first != NULL)
        return first->text;
    return c->failed != NULL ? c->failed : sim_ledger_fault(c->ledger);
}
