/* SPDX-License-Identifier: BSD-2-Clause */
/* The entries that set, read and advance a context: UMR, SET_PSV, GET_PSV, DUMP. */
#include "nic_internal.h"

#include <string.h>

#define MODIFIER_TIR 2

/* The context of an entry's number, a TIS or TIR as its modifier says. */
static struct nic_context *of_kind(struct sim_nic *nic, const struct nic_entry *e, uint32_t number)
{
    struct nic_context *c = nic_context(nic, number);

    if (c != NULL && c->rx == (e->modifier == MODIFIER_TIR))
        return c;
    nic_wrong(nic, e, SIM_NIC_NO_CONTEXT, "no such TIS or TIR", number, 0);
    return NULL;
}

/* What is posted before has to be through before parameters change. */
static bool fenced(struct sim_nic *nic, const struct nic_entry *e, const struct nic_context *c)
{
    if (c->data_at <= e->queue->fenced_at)
        return true;
    return nic_wrong(nic, e, SIM_NIC_NO_FENCE, "no fence between data and new parameters",
                     e->queue->fenced_at, c->data_at + 1);
}

static bool suite_known(const struct sim_nic_can *can, bool tls13, enum sim_alg alg)
{
    if (alg == SIM_AES_128_GCM)
        return tls13 ? can->tls13_128 : can->tls12_128;
    return tls13 ? can->tls13_256 : can->tls12_256;
}

/* Fields of static parameters that no context decides about. */
static bool params_fit(struct sim_nic *nic, const struct nic_entry *e, const uint8_t *p)
{
    unsigned version = p[0] >> 2 & 15;

    if ((p[0] & 0xc3) != 0x81)
        return nic_wrong(nic, e, SIM_NIC_BAD_FIELD, "constants of static parameters", p[0] & 0xc3u,
                         0x81);
    if (version != 2 && version != 3)
        return nic_wrong(nic, e, SIM_NIC_BAD_PARAMS, "tls_version", version, 3);
    if (p[3] != 1)
        return nic_wrong(nic, e, SIM_NIC_BAD_PARAMS, "encryption_standard", p[3], 1);
    if (p[1] != 0 || p[2] != 0 || !nic_zeros(p + 4, 4) || p[32] != 0 || !nic_zeros(p + 36, 28))
        return nic_wrong(nic, e, SIM_NIC_BAD_FIELD, "reserved bytes of static parameters", 1, 0);
    if (e->modifier != MODIFIER_TIR && !nic_zeros(p + 16, 4))
        return nic_wrong(nic, e, SIM_NIC_BAD_PARAMS, "resync_tcp_sn of a TIS", nic_be32(p + 16), 0);
    if (version == 2 && !nic_zeros(p + 24, 8))
        return nic_wrong(nic, e, SIM_NIC_BAD_PARAMS, "implicit_iv of TLS 1.2", 1, 0);
    return true;
}

bool nic_umr(struct sim_nic *nic, const struct nic_entry *e)
{
    const uint8_t *p = e->bytes + 128;
    struct nic_context *c = of_kind(nic, e, e->number);
    const struct nic_key *key = nic_key(nic, nic_be24(p + 33));
    bool tls13 = (p[0] >> 2 & 15) == 3;

    if (c == NULL || !fenced(nic, e, c))
        return false;
    if (e->bytes[16] != 0x80 || !nic_zeros(e->bytes + 17, 5) || sim_get_be16(e->bytes + 22) != 4 ||
        !nic_zeros(e->bytes + 24, 104))
        return nic_wrong(nic, e, SIM_NIC_BAD_FIELD, "control or memory key of an UMR", e->bytes[16],
                         0x80);
    if (!params_fit(nic, e, p))
        return false;
    if (key == NULL)
        return nic_wrong(nic, e, SIM_NIC_NO_KEY, "dek_index", nic_be24(p + 33), 0);
    if (!c->rx && key->pd != c->pd)
        return nic_wrong(nic, e, SIM_NIC_WRONG_DOMAIN, "protection domain of the key", key->pd,
                         c->pd);
    if (!suite_known(&nic->can, tls13, key->alg))
        return nic_wrong(nic, e, SIM_NIC_BAD_PARAMS, "a suite the card does not have",
                         (uint64_t)key->alg, 0);
    if (c->key != key->number)
        memset(c->starts, 0, sizeof c->starts);
    c->key = key->number;
    c->tls13 = tls13;
    c->initial = sim_get_be64(p + 8);
    memcpy(c->iv, p + 20, SIM_NONCE_LEN);
    c->params_at = e->sequence;
    nic->counts.umrs++;
    /* An answer to a card that has found a header needs no SET_PSV behind it. */
    if (c->rx && c->state == NIC_READY)
        nic_rx_confirm(c, nic_be32(p + 16));
    else
        c->state = NIC_STATIC;
    return true;
}

bool nic_set_psv(struct sim_nic *nic, const struct nic_entry *e)
{
    const uint8_t *p = e->bytes + 16;
    struct nic_context *c = of_kind(nic, e, nic_be24(p + 1));

    if (c == NULL || !fenced(nic, e, c))
        return false;
    if (e->number != 0 || p[0] != 0 || !nic_zeros(p + 8, 8) || (!c->rx && !nic_zeros(p + 4, 4)))
        return nic_wrong(nic, e, SIM_NIC_BAD_FIELD, "zeros of SET_PSV", 1, 0);
    if (c->state == NIC_NEW)
        return nic_wrong(nic, e, SIM_NIC_NO_PARAMS, "SET_PSV before UMR", c->number, 0);
    nic_record_reset(c);
    c->number_of_record = c->initial;
    c->seq_known = false;
    nic_rx_start(c, nic_be32(p + 4));
    c->params_at = e->sequence;
    c->state = NIC_READY;
    nic->counts.set_psvs++;
    return true;
}

bool nic_get_psv(struct sim_nic *nic, const struct nic_entry *e)
{
    uint64_t address = sim_get_be64(e->bytes + 40);
    const struct nic_context *c = of_kind(nic, e, nic_be32(e->bytes + 48));

    if (c == NULL)
        return false;
    if (e->number != 0 || !nic_zeros(e->bytes + 16, 19) || e->bytes[35] != 0x10 ||
        !nic_zeros(e->bytes + 52, 12))
        return nic_wrong(nic, e, SIM_NIC_BAD_FIELD, "count or zeros of GET_PSV", e->bytes[35],
                         0x10);
    if ((e->flags & 0x08) == 0)
        return nic_wrong(nic, e, SIM_NIC_BAD_FIELD, "GET_PSV without a completion", e->flags, 0x08);
    if (address % 64 != 0)
        return nic_wrong(nic, e, SIM_NIC_BAD_MEMORY, "alignment of GET_PSV's memory", address % 64,
                         0);
    uint8_t *out = nic_memory(nic, nic_be32(e->bytes + 36), address, 16);
    if (out == NULL)
        return nic_wrong(nic, e, SIM_NIC_BAD_MEMORY, "memory of GET_PSV", address, 0);
    memset(out, 0, 16);
    nic_put_be32(out, c->number);
    nic_put_be32(out + 4, c->next_seq);
    nic_put_be32(out + 8, c->proposal);
    out[12] = (uint8_t)((unsigned)c->tracker << 6 | (c->offload ? 1u : 0u) << 4);
    out[13] = (uint8_t)(c->since >> 16);
    sim_put_be16(out + 14, c->since & 0xffff);
    nic->counts.get_psvs++;
    return true;
}

bool nic_dump(struct sim_nic *nic, const struct nic_entry *e)
{
    const uint8_t *p = e->bytes + 16;
    uint32_t len = nic_be32(p);
    struct nic_context *c = nic_ready(nic, e);

    if (c == NULL)
        return false;
    if (len == 0 || len > nic->can.mtu + NIC_L2_EXTRA)
        return nic_wrong(nic, e, SIM_NIC_BAD_LENGTH, "bytes of a DUMP", len,
                         nic->can.mtu + NIC_L2_EXTRA);
    const uint8_t *in = nic_memory(nic, nic_be32(p + 4), sim_get_be64(p + 8), len);
    if (in == NULL)
        return nic_wrong(nic, e, SIM_NIC_BAD_MEMORY, "memory of a DUMP", sim_get_be64(p + 8), 0);
    if (!nic_cipher(nic, e, c, in, len, NULL)) {
        c->state = NIC_STATIC; /* nobody knows where it stands */
        return false;
    }
    nic->counts.dumps++;
    nic->counts.dump_bytes += len;
    return true;
}
