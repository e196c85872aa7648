/* SPDX-License-Identifier: BSD-2-Clause */
#include "below_abi.h"

#include <errno.h>

enum step { NOTHING, TO_ULP, TO_KEY, TO_REKEY, TO_QUERY };

struct ctx {
    struct weir_cmd cmd;
    struct weir_keys keys;
    struct weir_position at;
    enum step step;
    enum weir_dir dir;
    bool answered;
};

static weir_status ask(struct ctx *c, enum step step)
{
    bool gets = step == TO_QUERY;
    c->step = step;
    c->cmd = (struct weir_cmd){.kind = gets ? WEIR_CMD_GETSOCKOPT : WEIR_CMD_SETSOCKOPT,
                               .level = LEVEL,
                               .name = step == TO_ULP      ? ULP
                                       : c->dir == WEIR_TX ? KEY_TX
                                                           : KEY_RX,
                               .value = gets ? (uint8_t *)&c->at : (uint8_t *)&c->keys,
                               .len = gets ? sizeof c->at : sizeof c->keys};
    return WEIR_PENDING;
}

static bool supports(const struct weir_backend *self, const struct weir_keys *keys,
                     enum weir_dir dir, struct weir_refusal *why)
{
    (void)self;
    (void)keys;
    (void)dir;
    (void)why;
    return true;
}

static weir_status attach(const struct weir_backend *self, void *ctx,
                          const struct weir_attach *what, struct weir_refusal *why)
{
    struct ctx *c = ctx;
    (void)self;
    (void)why;
    *c = (struct ctx){.keys = *what->keys, .dir = what->dir};
    c->keys.at.epoch = what->keys->at.epoch;
    return ask(c, TO_ULP);
}

static const struct weir_cmd *command(const struct weir_backend *self, void *ctx)
{
    (void)self;
    return &((struct ctx *)ctx)->cmd;
}

static weir_status complete(const struct weir_backend *self, void *ctx,
                            const struct weir_done *done, struct weir_refusal *why)
{
    struct ctx *c = ctx;
    enum step step = c->step;
    (void)self;
    if (step == TO_REKEY && done->os_error == EAGAIN) {
        return WEIR_PENDING;
    }
    if (step == TO_ULP && (done->os_error == 0 || done->os_error == EEXIST)) {
        return ask(c, TO_KEY);
    }
    c->step = NOTHING;
    c->answered = step == TO_QUERY && done->os_error == 0;
    if (done->os_error == 0) {
        return WEIR_OK;
    }
    *why = (struct weir_refusal){.code = step == TO_ULP ? WEIR_REFUSAL_NO_KTLS : WEIR_REFUSAL_OS,
                                 .layer = WEIR_LAYER_OS,
                                 .os_error = done->os_error};
    return step == TO_REKEY ? WEIR_E_BACKEND : WEIR_REFUSED;
}

static weir_status rekey(const struct weir_backend *self, void *ctx, const struct weir_keys *keys)
{
    struct ctx *c = ctx;
    (void)self;
    c->keys = *keys;
    return ask(c, TO_REKEY);
}

static weir_status query(const struct weir_backend *self, void *ctx,
                         struct weir_backend_state *state)
{
    struct ctx *c = ctx;
    (void)self;
    if (!c->answered) {
        return ask(c, TO_QUERY);
    }
    c->answered = false;
    *state = (struct weir_backend_state){.carrier = WEIR_CARRIER_KERNEL,
                                         .exact = true,
                                         .seq = c->at.seq,
                                         .explicit_nonce = c->at.explicit_nonce};
    return WEIR_OK;
}

static void detach(const struct weir_backend *self, void *ctx)
{
    (void)self;
    weir_wipe(ctx, sizeof(struct ctx));
}

static void fill_send(const struct weir_backend *self, void *ctx, uint8_t type,
                      struct weir_stream_op *op)
{
    (void)ctx;
    if (type != WEIR_TYPE_DATA || ((const struct below_backend *)self)->always_typed) {
        op->level = LEVEL;
        op->type = SET_TYPE;
        op->control[0] = type;
        op->control_len = 1;
    }
}

static weir_status sent(const struct weir_backend *self, void *ctx,
                        const struct weir_stream_done *done)
{
    (void)self;
    (void)ctx;
    if (done->os_error == EAGAIN) {
        return WEIR_NEED_OUTPUT;
    }
    return done->os_error == 0 ? WEIR_OK : done->os_error == EBADMSG ? WEIR_E_BACKEND : WEIR_E_IO;
}

static void fill_receive(const struct weir_backend *self, void *ctx, struct weir_stream_op *op)
{
    (void)self;
    (void)ctx;
    op->level = LEVEL;
    op->type = GET_TYPE;
    op->control_len = 1;
    op->len = WEIR_MAX_PLAINTEXT;
}

static weir_status received(const struct weir_backend *self, void *ctx,
                            const struct weir_stream_done *done, struct weir_stream_in *in)
{
    (void)self;
    (void)ctx;
    switch (done->os_error) {
    case 0:
        break;
    case EAGAIN:
        return WEIR_NEED_INPUT;
    case EBADMSG:
        return WEIR_E_AUTH;
    case EMSGSIZE:
        return WEIR_E_OVERFLOW;
    case EINVAL:
        return WEIR_E_VERSION;
    case EKEYEXPIRED:
        return WEIR_E_BACKEND;
    default:
        return WEIR_E_IO;
    }
    if (!done->has_control) {
        return done->len == 0 ? WEIR_CLOSED : WEIR_E_BACKEND;
    }
    in->type = done->control[0];
    in->counted = in->type != WEIR_TYPE_DATA;
    in->records = in->counted;
    return WEIR_OK;
}

void below_backend_init(struct below_backend *b, unsigned features)
{
    *b = (struct below_backend){
        .backend =
            {
                .abi = WEIR_BACKEND_ABI,
                .form = WEIR_FORM_STREAM,
                .name = "below",
                .ctx_size = sizeof(struct ctx),
                .ctx_align = _Alignof(struct ctx),
                .least_record = 1,
                .supports = supports,
                .attach = attach,
                .command = command,
                .complete = complete,
                .query = query,
                .detach = detach,
                .send = fill_send,
                .sent = sent,
                .receive = fill_receive,
                .received = received,
            },
        .always_typed = (features & BELOW_TYPED) != 0,
    };
    if ((features & BELOW_REKEY) != 0) {
        b->backend.rekey = rekey;
    }
    if ((features & BELOW_RELEASE) != 0) {
        b->backend.caps |= WEIR_CAP_RELEASE;
    }
    if ((features & BELOW_SPLICE) != 0) {
        b->backend.caps |= WEIR_CAP_SPLICE;
    }
    if ((features & BELOW_LIMIT) != 0) {
        b->backend.caps |= WEIR_CAP_RECORD_LIMIT;
    }
}
