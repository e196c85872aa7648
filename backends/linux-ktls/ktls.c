/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel takes a direction, changes its key and tells where it stands: each a row of socket
 * options, and nothing but those. Linux: Documentation/networking/tls.rst.
 */
#include "direction.h"

#include <weir/record.h>
#include <weir/suite.h>

/* A rekey that the kernel puts off is tried again so often (see rekey_done). */
#define MAX_REKEY_TRIES 255u

/* `self` is the first member of the struct weir_linux_ktls it was made as. */
static uint32_t features_of(const struct weir_backend *self)
{
    return ((const struct weir_linux_ktls *)(const void *)self)->features;
}

static bool refuse(struct weir_refusal *why, weir_refusal_code code, uint32_t detail)
{
    *why = (struct weir_refusal){.code = code, .layer = WEIR_LAYER_BACKEND, .detail = detail};
    return false;
}

static bool ktls_supports(const struct weir_backend *self, const struct weir_keys *keys,
                          enum weir_dir dir, struct weir_refusal *why)
{
    const struct ktls_layout *layout = weir_ktls_layout(keys->version, keys->suite);

    (void)self;
    if (keys->version != WEIR_TLS12 && keys->version != WEIR_TLS13)
        return refuse(why, WEIR_REFUSAL_VERSION, keys->version);
    if (layout == NULL)
        return refuse(why, WEIR_REFUSAL_SUITE, keys->suite);
    /* The kernel begins at one number; it must be the right one. */
    if (keys->at.unsure != 0)
        return refuse(why, WEIR_REFUSAL_POSITION, 0);
    if (dir == WEIR_RX || keys->version == WEIR_TLS13 || layout->salt_len == 0)
        return true;
    /* It counts the explicit nonce up by one a record, from any start. Nonces made under another
     * rule may lie anywhere ahead of it. */
    if (keys->at.nonce_rule == WEIR_NONCE_SEQ || keys->at.nonce_rule == WEIR_NONCE_COUNTER)
        return true;
    return refuse(why, WEIR_REFUSAL_NONCE_RULE, keys->at.nonce_rule);
}

static void set_small(struct ktls *k, uint32_t value, uint32_t len)
{
    const uint16_t short_value = (uint16_t)value;
    const uint8_t *from =
        len == sizeof short_value ? (const uint8_t *)&short_value : (const uint8_t *)&value;

    for (uint32_t i = 0; i < len; i++)
        k->small[i] = from[i];
}

static weir_status ask(struct ktls *k, enum ktls_step step, const struct weir_cmd *cmd)
{
    k->step = (uint8_t)step;
    k->cmd = *cmd;
    return WEIR_PENDING;
}

static weir_status ask_small(struct ktls *k, enum ktls_step step, int name, uint32_t len)
{
    const struct weir_cmd cmd = {
        .kind = WEIR_CMD_SETSOCKOPT,
        .level = KTLS_SOL_TLS,
        .name = name,
        .value = k->small,
        .len = len,
    };

    return ask(k, step, &cmd);
}

static weir_status ask_info(struct ktls *k, enum ktls_step step)
{
    const struct weir_cmd cmd = {
        .kind = step == STEP_QUERY ? WEIR_CMD_GETSOCKOPT : WEIR_CMD_SETSOCKOPT,
        .level = KTLS_SOL_TLS,
        .name = k->dir == WEIR_TX ? KTLS_TX : KTLS_RX,
        .value = k->info,
        .len = k->layout->len,
    };

    return ask(k, step, &cmd);
}

static weir_status ask_ulp(struct ktls *k)
{
    const struct weir_cmd cmd = {
        .kind = WEIR_CMD_SETSOCKOPT,
        .level = KTLS_SOL_TCP,
        .name = KTLS_TCP_ULP,
        .value = k->small,
        .len = sizeof k->small,
    };

    k->small[0] = 't';
    k->small[1] = 'l';
    k->small[2] = 's';
    k->small[3] = '\0';
    return ask(k, STEP_ULP, &cmd);
}

/*
 * The next command of a move behind `step`; WEIR_OK when there is none. The limit is set before the
 * key, so that it can still refuse; the kernel then does not know yet that 63 bytes would be enough
 * in TLS 1.3, and asks for 64. RX_EXPECT_NO_PAD is taken behind the key only, and may fail.
 */
static weir_status next_of_move(const struct weir_backend *self, struct ktls *k, unsigned step)
{
    bool tx = k->dir == WEIR_TX;

    for (step++; step < STEP_MOVED; step++) {
        if (step == STEP_LIMIT && tx && k->record_limit < WEIR_MAX_PLAINTEXT) {
            set_small(k, k->record_limit, sizeof(uint16_t));
            return ask_small(k, STEP_LIMIT, KTLS_TX_MAX_PAYLOAD_LEN, sizeof(uint16_t));
        }
        if (step == STEP_ZEROCOPY && tx && (features_of(self) & WEIR_LINUX_KTLS_ZEROCOPY_RO) != 0) {
            set_small(k, 1, sizeof(uint32_t));
            return ask_small(k, STEP_ZEROCOPY, KTLS_TX_ZEROCOPY_RO, sizeof(uint32_t));
        }
        if (step == STEP_KEY)
            return ask_info(k, STEP_KEY);
        if (step == STEP_NO_PAD && !tx && k->version == WEIR_TLS13 &&
            (features_of(self) & WEIR_LINUX_KTLS_RX_NO_PAD) != 0) {
            set_small(k, 1, sizeof(uint32_t));
            return ask_small(k, STEP_NO_PAD, KTLS_RX_EXPECT_NO_PAD, sizeof(uint32_t));
        }
    }
    k->step = STEP_NONE;
    return WEIR_OK;
}

static weir_status ktls_attach(const struct weir_backend *self, void *ctx,
                               const struct weir_attach *what, struct weir_refusal *why)
{
    const struct weir_keys *keys = what->keys;
    struct ktls *k = ctx;

    if (!ktls_supports(self, keys, what->dir, why))
        return WEIR_REFUSED;
    if (what->record_limit < WEIR_MAX_PLAINTEXT &&
        (what->dir == WEIR_RX || (self->caps & WEIR_CAP_RECORD_LIMIT) == 0)) {
        (void)refuse(why, WEIR_REFUSAL_RECORD_LIMIT, what->record_limit);
        return WEIR_REFUSED;
    }
    *k = (struct ktls){
        .layout = weir_ktls_layout(keys->version, keys->suite),
        .records_left = UINT64_MAX - keys->at.seq,
        .version = keys->version,
        .suite = keys->suite,
        .record_limit = what->record_limit,
        .dir = (uint8_t)what->dir,
    };
    weir_ktls_info_write(k->info, k->layout, keys, what->dir);
    return ask_ulp(k);
}

static const struct weir_cmd *ktls_command(const struct weir_backend *self, void *ctx)
{
    const struct ktls *k = ctx;

    (void)self;
    return k->step != STEP_NONE ? &k->cmd : NULL;
}

static weir_status move_done(const struct weir_backend *self, struct ktls *k, int os_error,
                             struct weir_refusal *why)
{
    enum ktls_step step = (enum ktls_step)k->step;

    if (step == STEP_KEY)
        weir_wipe(k->info, sizeof k->info);
    if (step == STEP_ULP && os_error == KTLS_EEXIST) {
        /* Ours, when the other direction has moved before. A foreign one shows at the key. */
        k->had_ulp = true;
        os_error = 0;
    }
    if (os_error != 0 && (step == STEP_ULP || step == STEP_LIMIT || step == STEP_KEY)) {
        /* "tls" stays attached, where it was; without a key it lets all bytes pass. */
        weir_ktls_refuse(k, os_error, why);
        weir_wipe(k, sizeof *k);
        return WEIR_REFUSED;
    }
    return next_of_move(self, k, step);
}

/* After an error the old key still works in the kernel; whoever asked for the new one must not use
 * the socket for this direction any more. */
static weir_status rekey_done(struct ktls *k, int os_error)
{
    /* A network interface that has to give the old key up first may put it off: nothing was done,
     * the same again when the socket can be written to. */
    if ((os_error == KTLS_EAGAIN || os_error == KTLS_EINTR) && k->tries < MAX_REKEY_TRIES) {
        k->tries++;
        return WEIR_PENDING;
    }
    weir_wipe(k->info, sizeof k->info);
    k->step = STEP_NONE;
    if (os_error == 0)
        return WEIR_OK;
    weir_wipe(k, sizeof *k);
    return WEIR_E_BACKEND;
}

static weir_status query_done(struct ktls *k, const struct weir_done *done,
                              struct weir_refusal *why)
{
    uint32_t len = done->len;
    bool good =
        done->os_error == 0 && weir_ktls_info_read(k->info, len, k->version, k->layout, &k->place);

    weir_wipe(k->info, sizeof k->info); /* the kernel gives key and salt along */
    k->step = STEP_NONE;
    k->answered = good;
    if (good)
        return WEIR_OK;
    *why = (struct weir_refusal){
        .code = done->os_error == KTLS_ENOMEM ? WEIR_REFUSAL_RESOURCES : WEIR_REFUSAL_OS,
        .layer = WEIR_LAYER_OS,
        .os_error = done->os_error,
        .transient = done->os_error == KTLS_ENOMEM || done->os_error == KTLS_EINTR,
    };
    return WEIR_REFUSED;
}

static weir_status ktls_complete(const struct weir_backend *self, void *ctx,
                                 const struct weir_done *done, struct weir_refusal *why)
{
    struct ktls *k = ctx;

    switch ((enum ktls_step)k->step) {
    case STEP_REKEY:
        return rekey_done(k, done->os_error);
    case STEP_QUERY:
        return query_done(k, done, why);
    case STEP_ULP:
    case STEP_LIMIT:
    case STEP_ZEROCOPY:
    case STEP_KEY:
    case STEP_NO_PAD:
        return move_done(self, k, done->os_error, why);
    case STEP_NONE:
    case STEP_MOVED:
        break;
    }
    return WEIR_E_BACKEND;
}

static weir_status ktls_rekey(const struct weir_backend *self, void *ctx,
                              const struct weir_keys *keys)
{
    struct ktls *k = ctx;

    if (keys->version != k->version || keys->suite != k->suite || keys->at.unsure != 0) {
        weir_wipe(k, sizeof *k);
        return WEIR_E_BACKEND;
    }
    (void)self;
    k->answered = false;
    k->records_left = UINT64_MAX - keys->at.seq;
    k->tries = 0;
    weir_ktls_info_write(k->info, k->layout, keys, (enum weir_dir)k->dir);
    return ask_info(k, STEP_REKEY);
}

static weir_status ktls_query(const struct weir_backend *self, void *ctx,
                              struct weir_backend_state *state)
{
    struct ktls *k = ctx;

    (void)self;
    /* Whether the kernel itself or a network interface, only sock_diag tells. */
    *state = (struct weir_backend_state){.carrier = WEIR_CARRIER_BELOW};
    /* Receiving, the kernel counts what it has decrypted. That is what was read only when nothing
     * more was there to be read. */
    if (k->dir == WEIR_RX && !k->all_read && !k->answered)
        return WEIR_OK;
    if (!k->answered)
        return ask_info(k, STEP_QUERY);
    k->answered = false;
    state->exact = true;
    state->seq = k->place.seq;
    state->explicit_nonce = k->place.explicit_nonce;
    return WEIR_OK;
}

static void ktls_detach(const struct weir_backend *self, void *ctx)
{
    (void)self;
    weir_wipe(ctx, sizeof(struct ktls));
}

void weir_linux_ktls_init(struct weir_linux_ktls *ktls, uint32_t features)
{
    *ktls = (struct weir_linux_ktls){
        .backend =
            {
                .abi = WEIR_BACKEND_ABI,
                .form = WEIR_FORM_STREAM,
                .caps = WEIR_CAP_SPLICE, /* of anything else it says EINVAL */
                .name = "linux-ktls",
                .ctx_size = sizeof(struct ktls),
                .ctx_align = _Alignof(struct ktls),
                /* Memory pressure, small fragments and socket maps close a record at any byte. */
                .least_record = 1,
                .supports = ktls_supports,
                .attach = ktls_attach,
                .command = ktls_command,
                .complete = ktls_complete,
                .query = ktls_query,
                .detach = ktls_detach,
                .send = weir_ktls_send,
                .sent = weir_ktls_sent,
                .receive = weir_ktls_receive,
                .received = weir_ktls_received,
            },
        .features = features,
    };
    if ((features & WEIR_LINUX_KTLS_REKEY) != 0)
        ktls->backend.rekey = ktls_rekey;
    if ((features & WEIR_LINUX_KTLS_MAX_PAYLOAD_LEN) != 0)
        ktls->backend.caps |= WEIR_CAP_RECORD_LIMIT;
}
