/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel takes a direction, and tells who carries it: each a row of socket options, and nothing
 * but those.
 */
#include "ktls_direction.h"

#include <weir/record.h>
#include <weir/suite.h>

/* A send on a non-blocking socket takes at least so much at a time (SO_SNDLOWAT) when it cannot
 * take all. */
#define LOW_WATER 2048u

/* `self` is the first member of the struct weir_mlx5_ktls it was made as. */
static const struct weir_mlx5_ktls *host_of(const struct weir_backend *self)
{
    return (const struct weir_mlx5_ktls *)(const void *)self;
}

static bool refuse(struct weir_refusal *why, weir_refusal_code code, uint32_t detail)
{
    *why = (struct weir_refusal){.code = code, .layer = WEIR_LAYER_BACKEND, .detail = detail};
    return false;
}

static uint32_t feature(uint16_t version, enum weir_dir dir)
{
    if (version == WEIR_TLS13)
        return dir == WEIR_TX ? WEIR_MLX5_KTLS_TX_TLS13 : WEIR_MLX5_KTLS_RX_TLS13;
    return dir == WEIR_TX ? WEIR_MLX5_KTLS_TX_TLS12 : WEIR_MLX5_KTLS_RX_TLS12;
}

static bool ktls_supports(const struct weir_backend *self, const struct weir_keys *keys,
                          enum weir_dir dir, struct weir_refusal *why)
{
    const struct weir_suite *suite = weir_suite_find(keys->suite);
    uint32_t features = host_of(self)->features;

    if (keys->version != WEIR_TLS12 && keys->version != WEIR_TLS13)
        return refuse(why, WEIR_REFUSAL_VERSION, keys->version);
    if (suite == NULL || suite->version != keys->version)
        return refuse(why, WEIR_REFUSAL_SUITE, keys->suite);
    if ((features & feature(keys->version, dir)) == 0) {
        bool other = (features & feature(WEIR_TLS12, dir)) != 0 ||
                     (features & feature(WEIR_TLS13, dir)) != 0;
        return refuse(why, other ? WEIR_REFUSAL_VERSION : WEIR_REFUSAL_NO_KTLS,
                      other ? keys->version : 0);
    }
    /* The kernel begins at one number; it must be the right one. (It begins its explicit nonces
     * anywhere in 2^64, whatever rule ours have followed.) */
    return keys->at.unsure == 0 || refuse(why, WEIR_REFUSAL_POSITION, 0);
}

static weir_status ask(struct ktls *k, enum ktls_step step)
{
    bool tx = k->dir == WEIR_TX;
    bool get = step == STEP_MODE || step == STEP_MODE_AGAIN;

    k->step = (uint8_t)step;
    k->cmd = (struct weir_cmd){
        .kind = get ? WEIR_CMD_GETSOCKOPT : WEIR_CMD_SETSOCKOPT,
        .level = KTLS_IPPROTO_TCP,
        .name = tx ? KTLS_TXTLS_MODE : KTLS_RXTLS_MODE,
        .value = (uint8_t *)&k->mode,
        .len = sizeof k->mode,
    };
    if (step == STEP_ENABLE) {
        k->cmd.name = tx ? KTLS_TXTLS_ENABLE : KTLS_RXTLS_ENABLE;
        k->cmd.value = k->enable;
        k->cmd.len = KTLS_ENABLE_LEN(sizeof(void *));
    }
    if (step == STEP_SWITCH)
        k->mode = k->want == WEIR_CARRIER_NIC ? KTLS_MODE_IFNET : KTLS_MODE_SW;
    return WEIR_PENDING;
}

static void wish(struct ktls *k, weir_carrier want)
{
    bool real = want == WEIR_CARRIER_NIC || want == WEIR_CARRIER_KERNEL;

    k->want = (uint8_t)want;
    k->want_due = real && k->dir == WEIR_TX;
    k->report.refusal = (struct weir_refusal){.code = WEIR_REFUSAL_NONE};
}

/*
 * Without a wish of the caller's: when the kernel takes a direction from the interface, a send that
 * goes on meanwhile can have its explicit nonces used again (docs/reference/freebsd-ktls.md, 2.6).
 * RFC 5288 section 3: "Failure to meet this uniqueness requirement can significantly degrade
 * security." So TLS 1.2 AES-GCM is carried by the kernel from the beginning.
 */
static weir_carrier wish_of(const struct weir_mlx5_ktls *host, const struct weir_keys *keys)
{
    if (host->want == WEIR_CARRIER_NIC || host->want == WEIR_CARRIER_KERNEL)
        return host->want;
    if (keys->version == WEIR_TLS12 && weir_mlx5_ktls_iv_len(keys) < WEIR_IV_LEN &&
        (host->features & WEIR_MLX5_KTLS_FALLS_BACK) != 0)
        return WEIR_CARRIER_KERNEL;
    return WEIR_CARRIER_NONE;
}

static weir_status ktls_attach(const struct weir_backend *self, void *ctx,
                               const struct weir_attach *what, struct weir_refusal *why)
{
    const struct weir_mlx5_ktls *host = host_of(self);
    const struct weir_keys *keys = what->keys;
    struct ktls *k = ctx;

    if (!ktls_supports(self, keys, what->dir, why))
        return WEIR_REFUSED;
    if (what->dir == WEIR_RX ? what->record_limit < WEIR_MAX_PLAINTEXT
                             : what->record_limit > host->most_record) {
        (void)refuse(why, WEIR_REFUSAL_RECORD_LIMIT, host->most_record);
        return WEIR_REFUSED;
    }
    *k = (struct ktls){
        .features = host->features,
        .suite = keys->suite,
        .record_limit = what->record_limit,
        .dir = (uint8_t)what->dir,
        .moving = true,
        .report = {.first = WEIR_CARRIER_BELOW, .now = WEIR_CARRIER_BELOW},
    };
    wish(k, wish_of(host, keys));
    for (size_t i = 0; i < sizeof k->key; i++)
        k->key[i] = keys->key[i];
    for (size_t i = 0; i < sizeof k->iv; i++)
        k->iv[i] = keys->iv[i];
    (void)weir_mlx5_tls_enable(k->enable, keys, sizeof(void *) == 4, (uintptr_t)k->key,
                               (uintptr_t)k->iv);
    return ask(k, STEP_ENABLE);
}

static const struct weir_cmd *ktls_command(const struct weir_backend *self, void *ctx)
{
    const struct ktls *k = ctx;

    (void)self;
    return k->step != STEP_NONE ? &k->cmd : NULL;
}

static weir_carrier carrier_of(int32_t mode)
{
    switch (mode) {
    case KTLS_MODE_NONE:
        return WEIR_CARRIER_NONE;
    case KTLS_MODE_SW:
        return WEIR_CARRIER_KERNEL;
    case KTLS_MODE_IFNET:
    case KTLS_MODE_TOE:
        return WEIR_CARRIER_NIC;
    default:
        return WEIR_CARRIER_BELOW;
    }
}

/* The kernel has told the mode. */
static void learn(struct ktls *k, weir_carrier now)
{
    struct weir_mlx5_ktls_report *report = &k->report;

    if (report->now == WEIR_CARRIER_BELOW) {
        report->first = now;
    } else if (report->now != now) {
        report->changes++;
        if (report->now == WEIR_CARRIER_NIC && now == WEIR_CARRIER_KERNEL && !k->asked_away)
            report->falls++;
    }
    report->now = now;
    k->asked_away = false;
    /* A plain send on a socket without a session is sent as it is. */
    if (k->dir == WEIR_TX && now == WEIR_CARRIER_NONE)
        k->unprotected = true;
}

static weir_status finish(struct ktls *k)
{
    k->step = STEP_NONE;
    k->answered = !k->moving;
    k->moving = false;
    return WEIR_OK;
}

static weir_status enabled(struct ktls *k, int os_error, struct weir_refusal *why)
{
    weir_wipe(k->enable, sizeof k->enable);
    weir_wipe(k->key, sizeof k->key);
    weir_wipe(k->iv, sizeof k->iv);
    if (os_error == 0)
        return ask(k, STEP_MODE);
    weir_mlx5_ktls_refuse(k->features, (enum weir_dir)k->dir, k->suite, os_error, why);
    weir_wipe(k, sizeof *k);
    return WEIR_REFUSED;
}

static bool wants_another(const struct ktls *k)
{
    return k->want_due && k->report.now != (weir_carrier)k->want && !k->unprotected;
}

static weir_status mode_told(struct ktls *k, const struct weir_done *done, struct weir_refusal *why)
{
    if (done->os_error == 0 && done->len == sizeof k->mode) {
        learn(k, carrier_of(k->mode));
        if (k->step == STEP_MODE && wants_another(k))
            return ask(k, STEP_SWITCH);
        return finish(k);
    }
    if (k->moving) /* it has moved; who carries it, a query may tell */
        return finish(k);
    k->step = STEP_NONE;
    *why = (struct weir_refusal){
        .code = WEIR_REFUSAL_OS,
        .layer = WEIR_LAYER_OS,
        .os_error = done->os_error,
        .transient = done->os_error == KTLS_EINTR,
    };
    return WEIR_REFUSED;
}

static weir_status switched(struct ktls *k, int os_error)
{
    k->report.refusal = (struct weir_refusal){.code = WEIR_REFUSAL_NONE};
    if (os_error != 0)
        weir_mlx5_ktls_refuse_mode(k->suite, os_error, &k->report.refusal);
    k->asked_away = os_error == 0 && k->want == WEIR_CARRIER_KERNEL;
    k->want_due = k->report.refusal.transient;
    return ask(k, STEP_MODE_AGAIN);
}

static weir_status ktls_complete(const struct weir_backend *self, void *ctx,
                                 const struct weir_done *done, struct weir_refusal *why)
{
    struct ktls *k = ctx;

    (void)self;
    switch ((enum ktls_step)k->step) {
    case STEP_ENABLE:
        return enabled(k, done->os_error, why);
    case STEP_MODE:
    case STEP_MODE_AGAIN:
        return mode_told(k, done, why);
    case STEP_SWITCH:
        return switched(k, done->os_error);
    case STEP_NONE:
        break;
    }
    return WEIR_E_BACKEND;
}

static weir_status ktls_query(const struct weir_backend *self, void *ctx,
                              struct weir_backend_state *state)
{
    struct ktls *k = ctx;

    (void)self;
    *state = (struct weir_backend_state){.carrier = k->report.now}; /* no number is ever told */
    if (!k->answered)
        return ask(k, STEP_MODE);
    k->answered = false;
    return WEIR_OK;
}

static void ktls_detach(const struct weir_backend *self, void *ctx)
{
    (void)self;
    weir_wipe(ctx, sizeof(struct ktls));
}

void weir_mlx5_ktls_want(void *ctx, weir_carrier want)
{
    struct ktls *k = ctx;

    wish(k, want);
}

struct weir_mlx5_ktls_report weir_mlx5_ktls_report(const void *ctx)
{
    const struct ktls *k = ctx;

    return k->report;
}

/* Each call takes LOW_WATER bytes or more unless it takes all, and is cut at `most` bytes. */
static uint16_t least_record(uint32_t most)
{
    if (most >= 2 * LOW_WATER)
        return LOW_WATER;
    return most >= 2 ? (uint16_t)(most / 2) : 1;
}

void weir_mlx5_ktls_init(struct weir_mlx5_ktls *ktls, uint32_t features, uint16_t most_record,
                         weir_carrier want)
{
    if (most_record == 0 || most_record > WEIR_MAX_PLAINTEXT)
        most_record = WEIR_MAX_PLAINTEXT;
    *ktls = (struct weir_mlx5_ktls){
        .backend =
            {
                .abi = WEIR_BACKEND_ABI,
                .form = WEIR_FORM_STREAM,
                .caps = WEIR_CAP_RECORD_LIMIT,
                .name = "mlx5-kmod",
                .ctx_size = sizeof(struct ktls),
                .ctx_align = _Alignof(struct ktls),
                .least_record = least_record(most_record),
                .supports = ktls_supports,
                .attach = ktls_attach,
                .command = ktls_command,
                .complete = ktls_complete,
                .query = ktls_query,
                .detach = ktls_detach,
                .send = weir_mlx5_ktls_send,
                .sent = weir_mlx5_ktls_sent,
                .receive = weir_mlx5_ktls_receive,
                .received = weir_mlx5_ktls_received,
            },
        .features = features,
        .most_record = most_record,
        .want = want,
    };
}
