/* SPDX-License-Identifier: BSD-2-Clause */
#include "below.h"

enum job { JOB_NONE, JOB_ATTACH, JOB_REKEY, JOB_QUERY, JOB_TOLD };

struct inside {
    struct weir_cmd cmd;
    uint8_t value[8];
    uint32_t left;
    enum job job;
    enum weir_dir dir;
    struct weir_keys keys;
};
_Static_assert(sizeof(struct inside) <= sizeof(struct below_ctx), "below_ctx is too small");

static struct below *of(const struct weir_backend *self)
{
    return (struct below *)(void *)(uintptr_t)self;
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

static void take(struct below *b, struct inside *in)
{
    b->live[in->dir] = true;
    wire_end(&b->kernel[in->dir]);
    wire_begin(&b->kernel[in->dir], b->t->aead, &in->keys);
    weir_keys_wipe(&in->keys);
}

/* The first of `count` commands, or nothing to wait for. */
static weir_status start(struct below *b, struct inside *in, enum job job, uint32_t count)
{
    in->job = job;
    in->left = count;
    in->cmd =
        (struct weir_cmd){.kind = job == JOB_QUERY ? WEIR_CMD_GETSOCKOPT : WEIR_CMD_SETSOCKOPT,
                          .level = 7,
                          .name = (int)count,
                          .value = in->value,
                          .len = sizeof in->value};
    (void)b;
    return count > 0 ? WEIR_PENDING : WEIR_OK;
}

static weir_status attach(const struct weir_backend *self, void *ctx,
                          const struct weir_attach *what, struct weir_refusal *why)
{
    struct below *b = of(self);
    struct inside *in = ctx;

    (void)why;
    memset(in, 0, sizeof *in);
    in->dir = what->dir;
    in->keys = *what->keys;
    CHECK_EQ(b->t, in->keys.at.unsure, 0);
    b->attached++;
    weir_status status = start(b, in, JOB_ATTACH, b->attach_cmds);
    if (status == WEIR_OK)
        take(b, in);
    return status;
}

static void detach(const struct weir_backend *self, void *ctx)
{
    CHECK(of(self)->t, of(self)->attached > 0);
    of(self)->attached--;
    weir_wipe(ctx, sizeof(struct inside));
}

static const struct weir_cmd *command(const struct weir_backend *self, void *ctx)
{
    struct inside *in = ctx;

    CHECK(of(self)->t, in->left > 0);
    return &in->cmd;
}

static weir_status rekey(const struct weir_backend *self, void *ctx, const struct weir_keys *keys)
{
    struct below *b = of(self);
    struct inside *in = ctx;

    in->keys = *keys;
    weir_status status = start(b, in, JOB_REKEY, b->rekey_cmds);
    if (status == WEIR_OK)
        take(b, in);
    return status;
}

static weir_status query(const struct weir_backend *self, void *ctx,
                         struct weir_backend_state *state)
{
    struct below *b = of(self);
    struct inside *in = ctx;

    if (in->job != JOB_TOLD) {
        b->queries++;
        if (start(b, in, JOB_QUERY, b->query_cmds) == WEIR_PENDING)
            return WEIR_PENDING;
    }
    in->job = JOB_NONE;
    *state = (struct weir_backend_state){
        .carrier = b->carrier,
        .exact = !b->inexact,
        .seq = b->kernel[in->dir].keys.at.seq + b->seq_error,
        .explicit_nonce = b->kernel[in->dir].keys.at.explicit_nonce + b->seq_error};
    return WEIR_OK;
}

static weir_status complete(const struct weir_backend *self, void *ctx,
                            const struct weir_done *done, struct weir_refusal *why)
{
    struct below *b = of(self);
    struct inside *in = ctx;
    enum job job = in->job;

    if (in->left == 0) {
        CHECK(b->t, in->left > 0);
        return WEIR_E_BACKEND;
    }
    if (done->os_error != 0) {
        in->left = 0;
        in->job = JOB_NONE;
        *why = (struct weir_refusal){
            .code = WEIR_REFUSAL_OS, .layer = WEIR_LAYER_OS, .os_error = done->os_error};
        weir_keys_wipe(&in->keys);
        if (job == JOB_ATTACH || job == JOB_REKEY)
            detach(self, ctx);
        return job == JOB_REKEY ? WEIR_E_BACKEND : WEIR_REFUSED;
    }
    if (--in->left > 0) {
        in->cmd.name = (int)in->left;
        return WEIR_PENDING;
    }
    if (job == JOB_QUERY)
        in->job = JOB_TOLD;
    else
        take(b, in);
    return WEIR_OK;
}

static void prepare_send(const struct weir_backend *self, void *ctx, uint8_t type,
                         struct weir_stream_op *op)
{
    (void)self;
    (void)ctx;
    if (type == WEIR_TYPE_DATA)
        return;
    op->level = 7;
    op->type = 1;
    op->control[0] = type;
    op->control_len = 1;
}

static weir_status judge_sent(const struct weir_backend *self, void *ctx,
                              const struct weir_stream_done *done)
{
    (void)self;
    (void)ctx;
    if (done->os_error == 0)
        return WEIR_OK;
    if (done->os_error == BELOW_AGAIN)
        return WEIR_NEED_OUTPUT;
    return done->os_error == BELOW_RESET ? WEIR_E_IO : WEIR_E_BACKEND;
}

static void prepare_receive(const struct weir_backend *self, void *ctx, struct weir_stream_op *op)
{
    (void)self;
    (void)ctx;
    op->level = 7;
    op->type = 2;
    op->control_len = 1;
    op->len = WEIR_MAX_PLAINTEXT;
}

static weir_status judge_received(const struct weir_backend *self, void *ctx,
                                  const struct weir_stream_done *done, struct weir_stream_in *in)
{
    (void)self;
    (void)ctx;
    if (done->os_error == BELOW_AGAIN)
        return WEIR_NEED_INPUT;
    if (done->os_error == BELOW_AUTH)
        return WEIR_E_AUTH;
    if (done->os_error != 0)
        return WEIR_E_IO;
    if (!done->has_control)
        return WEIR_CLOSED;
    in->type = done->control[0];
    return WEIR_OK;
}

void below_begin(struct below *b, struct fixture *f)
{
    /* Of the one before; at first there is none. */
    wire_end(&b->kernel[WEIR_TX]);
    wire_end(&b->kernel[WEIR_RX]);
    memset(b, 0, sizeof *b);
    b->t = f->t;
    b->attach_cmds = b->rekey_cmds = 2;
    b->query_cmds = 1;
    b->carrier = WEIR_CARRIER_KERNEL;
    b->backend = (struct weir_backend){
        .abi = WEIR_BACKEND_ABI,
        .form = WEIR_FORM_STREAM,
        .name = "below",
        .ctx_size = sizeof(struct inside),
        .ctx_align = _Alignof(struct inside),
        .least_record = 1,
        .supports = supports,
        .attach = attach,
        .command = command,
        .complete = complete,
        .rekey = rekey,
        .query = query,
        .detach = detach,
        .send = prepare_send,
        .sent = judge_sent,
        .receive = prepare_receive,
        .received = judge_received,
    };
}

weir_status below_run(struct below *b, struct fixture *f, struct weir_refusal *why)
{
    weir_status status = WEIR_OK;
    enum weir_dir dir;

    for (uint32_t i = 0; i < 16; i++) {
        const struct weir_cmd *cmd = weir_session_command(&f->session, &dir);
        if (cmd == NULL)
            return status;
        struct weir_done done = {.os_error = ++b->run == b->fail_at ? BELOW_OTHER : 0,
                                 .len = cmd->len};
        status = weir_session_complete(&f->session, dir, &done, why);
    }
    CHECK(b->t, weir_session_command(&f->session, &dir) == NULL);
    return status;
}

weir_status below_move(struct below *b, struct fixture *f, enum weir_dir dir, struct below_ctx *ctx,
                       weir_policy policy, struct weir_refusal *why)
{
    const struct weir_move move = {
        .backend = &b->backend, .ctx = ctx, .ctx_len = sizeof *ctx, .policy = policy};
    weir_status status = weir_session_offload(&f->session, dir, &move, why);

    return status == WEIR_PENDING ? below_run(b, f, why) : status;
}

void below_open(struct below *b, struct fixture *f, unsigned dirs, bool rekeys)
{
    struct weir_refusal why;

    fixture_again(f);
    below_begin(b, f);
    if (!rekeys)
        b->backend.rekey = NULL;
    for (int dir = WEIR_TX; dir <= WEIR_RX; dir++)
        if ((dirs & (1u << dir)) != 0)
            CHECK_STATUS(f->t,
                         below_move(b, f, (enum weir_dir)dir, &b->ctx[dir], WEIR_POLICY_ALL, &why),
                         WEIR_OK);
    b->run = 0;
}

/* The kernel makes records of what it took. */
static void make_records(struct below *b, struct fixture *f, uint8_t type, const uint8_t *data,
                         size_t len)
{
    size_t cut = b->cut == 0 ? WEIR_MAX_PLAINTEXT : b->cut;

    while (len > 0) {
        size_t n = len < cut || type != WEIR_TYPE_DATA ? len : cut;
        CHECK(b->t, OUT_LEN - f->out_len > n + 64);
        f->out_len += wire_say(&b->kernel[WEIR_TX], type, data, n, 0, f->out + f->out_len);
        data += n;
        len -= n;
        b->made++;
    }
}

weir_status below_send(struct below *b, struct fixture *f, uint8_t type, const void *data,
                       size_t len)
{
    const uint8_t *at = data;
    struct weir_refusal why;

    for (uint32_t i = 0; i < 1000; i++) {
        struct weir_stream_op op;
        const uint8_t *own = NULL;
        weir_status status = weir_session_next(&f->session, type, len, &op, &own);
        if (status == WEIR_PENDING) {
            (void)below_run(b, f, &why);
            continue;
        }
        if (status != WEIR_OK || op.len == 0)
            return status;
        uint8_t sent_as = op.control_len > 0 ? op.control[0] : (uint8_t)WEIR_TYPE_DATA;
        struct weir_stream_done done = {.os_error = b->send_error};
        b->send_error = 0;
        if (done.os_error == 0) {
            make_records(b, f, sent_as, own != NULL ? own : at, op.len);
            done.len = op.len;
        }
        status = weir_session_sent(&f->session, &done);
        if (own == NULL && done.os_error == 0) {
            CHECK_EQ(b->t, sent_as, type);
            at += op.len;
            len -= op.len;
            if (len == 0 && status != WEIR_PENDING)
                return status;
        }
        if (status == WEIR_PENDING)
            (void)below_run(b, f, &why);
        else if (status != WEIR_OK && status != WEIR_REKEY_DUE)
            return status;
    }
    CHECK(b->t, len == 0);
    return WEIR_E_BACKEND;
}

weir_status below_receive(struct below *b, struct fixture *f)
{
    static uint8_t room[WEIR_MAX_PLAINTEXT];
    struct weir_stream_op op;
    struct weir_refusal why;
    struct weir_record r;
    struct wire_record wr;
    size_t count = 77;

    weir_status status = weir_session_want(&f->session, &op);
    if (status == WEIR_PENDING) {
        (void)below_run(b, f, &why);
        status = weir_session_want(&f->session, &op);
    }
    if (status != WEIR_OK)
        return status;
    CHECK(b->t, op.len <= sizeof room);
    struct weir_stream_done done = {.os_error = BELOW_AGAIN};
    if (f->in_len > 0) {
        size_t used = wire_take(&b->kernel[WEIR_RX], f->in, f->in_len, &wr);
        done.os_error = used > 0 ? 0 : BELOW_AUTH;
        if (used > 0) {
            memcpy(room, wr.data, wr.len);
            done.len = wr.len;
            done.has_control = done.end_of_record = true;
            done.control[0] = wr.type;
            done.control_len = 1;
            memmove(f->in, f->in + used, f->in_len - used);
            f->in_len -= used;
        }
    }
    status = weir_session_received(&f->session, &done, room, &r, &count);
    CHECK(b->t, count <= 1);
    if (count == 1) {
        struct heard *h = &f->heard;
        CHECK(b->t, h->len + r.len <= IN_LEN && h->count < HEARD_RECORDS);
        memcpy(h->bytes + h->len, r.data, r.len);
        h->record[h->count].type = r.type;
        h->record[h->count++].len = (uint32_t)r.len;
        h->len += r.len;
    }
    return status;
}
