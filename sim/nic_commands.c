/* SPDX-License-Identifier: BSD-2-Clause */
/* Firmware: capabilities, keys, contexts. */
#include "nic_internal.h"

#include <stdlib.h>
#include <string.h>

/* ifc: opcodes and object types; device.h: statuses and capability pages. */
enum { QUERY_CAP = 0x100, CREATE_TIR = 0x900, DESTROY_TIR = 0x902, CREATE_TIS = 0x912 };
enum { DESTROY_TIS = 0x914, CREATE_OBJECT = 0xa00, DESTROY_OBJECT = 0xa03, OBJECT_KEY = 0xc };
enum { PAGE_GENERAL = 0, PAGE_TLS = 0x11 };
enum { DONE = 0, BAD_OP = 2, BAD_PARAM = 3, BAD_RESOURCE = 5, LIMIT = 8, BAD_IN = 0x50 };
enum { BAD_OUT = 0x51 };
#define REPLY 16u
#define PAGE  4096u
#define BODY  16u /* where the body of an object begins */
#define CTX   32u /* where a context begins */

struct command {
    struct sim_nic *nic;
    const uint8_t *in;
    size_t len;
    uint8_t *out;
    size_t out_len;
};

static uint8_t refuse(const struct command *c, enum sim_nic_wrong wrong, uint8_t status,
                      const char *what, uint64_t found, uint64_t wanted)
{
    nic_wrong(c->nic, NULL, wrong, what, found, wanted);
    return status;
}

static uint8_t bad_field(const struct command *c, const char *what, uint64_t found, uint64_t wanted)
{
    return refuse(c, SIM_NIC_BAD_COMMAND, BAD_PARAM, what, found, wanted);
}

static uint8_t query(const struct command *c)
{
    const struct sim_nic_can *can = &c->nic->can;
    unsigned page = sim_get_be16(c->in + 6) >> 1; /* bit 0: current or most */
    uint8_t *at = c->out + REPLY;

    if (c->out_len < REPLY + PAGE)
        return refuse(c, SIM_NIC_BAD_COMMAND, BAD_OUT, "room for a page", c->out_len, REPLY + PAGE);
    memset(at, 0, PAGE);
    if (page == PAGE_GENERAL) {
        at[0x400 / 8 + 6] = can->keys ? 0x10 : 0;
        at[0x480 / 8] = (uint8_t)((can->tx ? 0x40 : 0) | (can->rx ? 0x20 : 0));
        at[0x5b0 / 8] = (uint8_t)(can->log_keys & 0x1f);
        return DONE;
    }
    if (page != PAGE_TLS || !(can->tx || can->rx))
        return bad_field(c, "no such capability page", page, PAGE_TLS);
    at[0] = (uint8_t)((can->tls12_128 ? 0x80 : 0) | (can->tls13_128 ? 0x40 : 0) |
                      (can->tls12_256 ? 0x20 : 0) | (can->tls13_256 ? 0x10 : 0));
    return DONE;
}

/* Bytes of a command that nothing stands in. */
static bool blank(const uint8_t *p, size_t from, size_t until)
{
    return nic_zeros(p + from, until - from);
}

static uint8_t create_key(const struct command *c)
{
    struct sim_nic *nic = c->nic;
    const uint8_t *body = c->in + BODY;
    bool small = (body[10] & 15) == 0;

    if (!nic->can.keys || sim_get_be16(c->in + 6) != OBJECT_KEY)
        return refuse(c, SIM_NIC_BAD_COMMAND, BAD_OP, "object type", sim_get_be16(c->in + 6),
                      OBJECT_KEY);
    if ((body[10] & 15) > 1)
        return bad_field(c, "key_size", body[10] & 15u, 1);
    if ((body[11] & 15) != 1)
        return bad_field(c, "key_type", body[11] & 15u, 1);
    if (!blank(body, 0, 10) || body[10] >> 4 != 0 || body[11] >> 4 != 0 || body[12] != 0 ||
        !blank(body, 16, 64) || !blank(body, 96, 256) || !blank(c->in, 2, 6) ||
        !blank(c->in, 8, 16))
        return bad_field(c, "reserved bytes of a key object", 1, 0);
    if (small && (!blank(body, 64, 80) || blank(body, 80, 96)))
        return refuse(c, SIM_NIC_KEY_HALF, BAD_PARAM, "128-bit key: bytes in the first half", 1, 0);
    if (nic->can.log_keys == 0 || sim_nic_keys(nic) >= (size_t)1 << nic->can.log_keys)
        return LIMIT;

    struct nic_key *k = sim_alloc(sizeof *k);
    k->number = ++nic->last_number;
    k->pd = nic_be24(body + 13);
    k->alg = small ? SIM_AES_128_GCM : SIM_AES_256_GCM;
    memcpy(k->key, small ? body + 80 : body + 64, small ? 16 : 32);
    k->next = nic->keys;
    nic->keys = k;
    nic_put_be32(c->out + 8, k->number);
    return DONE;
}

static uint8_t destroy_key(const struct command *c)
{
    uint32_t number = nic_be32(c->in + 8);

    if (sim_get_be16(c->in + 6) != OBJECT_KEY)
        return refuse(c, SIM_NIC_BAD_COMMAND, BAD_OP, "object type", sim_get_be16(c->in + 6),
                      OBJECT_KEY);
    for (struct nic_key **k = &c->nic->keys; *k != NULL; k = &(*k)->next) {
        if ((*k)->number == number) {
            struct nic_key *old = *k;

            *k = old->next;
            free(old);
            return DONE;
        }
    }
    return refuse(c, SIM_NIC_NO_OBJECT, BAD_RESOURCE, "no such key object", number, 0);
}

static uint8_t add_context(const struct command *c, bool rx, uint32_t pd)
{
    struct nic_context *new = sim_alloc(sizeof *new);

    new->rx = rx;
    new->pd = pd;
    new->number = ++c->nic->last_number;
    new->next = c->nic->contexts;
    c->nic->contexts = new;
    nic_put_be32(c->out + 8, new->number);
    return DONE;
}

static uint8_t create_tis(const struct command *c)
{
    const uint8_t *ctx = c->in + CTX;

    if (!c->nic->can.tx || ctx[0] != 0x40)
        return bad_field(c, "tls_en of a TIS", ctx[0], 0x40);
    if (!blank(c->in, 2, 32) || ctx[1] >> 4 != 0 || !blank(ctx, 2, 37) || !blank(ctx, 40, 45) ||
        !blank(ctx, 48, 160))
        return bad_field(c, "reserved bytes of a TIS", 1, 0);
    return add_context(c, false, nic_be24(ctx + 45));
}

static uint8_t create_tir(const struct command *c)
{
    const uint8_t *ctx = c->in + CTX;

    if (!c->nic->can.rx || ctx[4] != 0x18)
        return bad_field(c, "disp_type and tls_en of a TIR", ctx[4], 0x18);
    if (ctx[36] >> 4 != 1)
        return bad_field(c, "rx_hash_fn of a TIR", ctx[36] >> 4, 1);
    if (!blank(c->in, 2, 32) || !blank(ctx, 0, 4) || !blank(ctx, 5, 33) || (ctx[36] & 12) != 0 ||
        !blank(ctx, 40, 240))
        return bad_field(c, "reserved bytes of a TIR", 1, 0);
    return add_context(c, true, 0);
}

static uint8_t destroy_context(const struct command *c, bool rx)
{
    uint32_t number = nic_be32(c->in + 8);

    for (struct nic_context **at = &c->nic->contexts; *at != NULL; at = &(*at)->next) {
        if ((*at)->number == number && (*at)->rx == rx) {
            struct nic_context *old = *at;

            *at = old->next;
            nic_context_free(old);
            return DONE;
        }
    }
    return refuse(c, SIM_NIC_NO_OBJECT, BAD_RESOURCE, "no such TIS or TIR", number, 0);
}

static uint8_t carry_out(const struct command *c)
{
    static const struct {
        unsigned opcode;
        size_t len;
    } commands[] = {{QUERY_CAP, 16},   {CREATE_TIR, 272},    {DESTROY_TIR, 16},   {CREATE_TIS, 192},
                    {DESTROY_TIS, 16}, {CREATE_OBJECT, 272}, {DESTROY_OBJECT, 16}};
    unsigned opcode = c->len >= 2 ? sim_get_be16(c->in) : 0;
    size_t len = 0;

    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        len = commands[i].opcode == opcode ? commands[i].len : len;
    if (len == 0)
        return refuse(c, SIM_NIC_BAD_COMMAND, BAD_OP, "no such command", opcode, 0);
    if (c->len != len)
        return refuse(c, SIM_NIC_BAD_COMMAND, BAD_IN, "length of a command", c->len, len);
    switch (opcode) {
    case QUERY_CAP:
        return query(c);
    case CREATE_TIR:
        return create_tir(c);
    case CREATE_TIS:
        return create_tis(c);
    case CREATE_OBJECT:
        return create_key(c);
    case DESTROY_OBJECT:
        return destroy_key(c);
    default:
        return destroy_context(c, opcode == DESTROY_TIR);
    }
}

static void answer(const struct command *c)
{
    memset(c->out, 0, REPLY);
    c->out[0] = carry_out(c);
}

static void put_off(const struct command *c, size_t ticks)
{
    struct nic_late *late = sim_alloc(sizeof *late), **end = &c->nic->late;

    *late = (struct nic_late){.ticks = ticks, .len = c->len, .out_len = c->out_len, .out = c->out};
    late->in = sim_alloc(c->len);
    sim_copy(late->in, c->in, c->len);
    while (*end != NULL)
        end = &(*end)->next;
    *end = late;
}

enum sim_nic_answer sim_nic_command(struct sim_nic *nic, const uint8_t *in, size_t len,
                                    uint8_t *out, size_t out_len)
{
    struct command c = {nic, in, len, out, out_len};

    if (nic->gone)
        return SIM_NIC_DEAD;
    struct sim_fault fault = nic_meet(nic, SIM_NIC_COMMAND);
    if (nic->gone)
        return SIM_NIC_DEAD;
    if (out_len < REPLY) {
        nic_wrong(nic, NULL, SIM_NIC_BAD_COMMAND, "room for a reply", out_len, REPLY);
        return SIM_NIC_DEAD;
    }
    if (fault.kind == SIM_FAULT_ERRNO) {
        memset(out, 0, REPLY);
        out[0] = (uint8_t)fault.error;
        return SIM_NIC_DONE;
    }
    if (fault.kind == SIM_FAULT_SHORT && fault.length > 0) {
        put_off(&c, fault.length);
        return SIM_NIC_LATE;
    }
    answer(&c);
    return SIM_NIC_DONE;
}

size_t sim_nic_waiting(const struct sim_nic *nic)
{
    size_t n = 0;

    for (const struct nic_late *late = nic->late; late != NULL; late = late->next)
        n++;
    return n;
}

void nic_tick_commands(struct sim_nic *nic)
{
    for (struct nic_late **at = &nic->late; *at != NULL;) {
        struct nic_late *late = *at;

        if (late->ticks != SIM_NIC_NEVER)
            late->ticks--;
        if (late->ticks > 0) {
            at = &late->next;
            continue;
        }
        answer(&(struct command){nic, late->in, late->len, late->out, late->out_len});
        *at = late->next;
        free(late->in);
        free(late);
    }
}
