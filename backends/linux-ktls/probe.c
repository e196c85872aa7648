/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finds out what the kernel has, on a pair of sockets that carry nothing: one end gets keys for
 * sending, the other one for receiving, each twice.
 */
#include "direction.h"

#include <weir/suite.h>

/* In their order; `probe_steps` has a row for each. */
enum step {
    PROBE_ULP_TX,
    PROBE_TX13,
    PROBE_TX12,
    PROBE_TX_AGAIN,
    PROBE_LIMIT,
    PROBE_ZEROCOPY,
    PROBE_ULP_RX,
    PROBE_RX13,
    PROBE_RX12,
    PROBE_RX_AGAIN,
    PROBE_NO_PAD,
    PROBE_END,
};

struct __attribute__((may_alias)) probe {
    struct weir_cmd cmd;
    struct weir_refusal why;
    uint32_t found; /* WEIR_LINUX_KTLS_… */
    uint32_t took;  /* steps that the kernel answered with 0, as bits */
    uint8_t step;   /* an enum step */
    bool ready;     /* `cmd` is that of `step` */
    uint8_t value[KTLS_MAX_INFO];
};

_Static_assert(sizeof(struct probe) <= sizeof(struct weir_linux_ktls_probe), "probe is too small");
_Static_assert(_Alignof(struct probe) <= _Alignof(struct weir_linux_ktls_probe), "probe alignment");

#define BIT(step) (1u << (unsigned)(step))

struct row {
    uint8_t end, kind;
    int16_t level, name;
    uint8_t len;      /* 0: the structure of a key */
    uint16_t version; /* of that key */
    uint32_t needs;   /* steps of which one must have gone well; 0: none */
    uint32_t unless;  /* steps of which none may have gone well */
    uint32_t tells;   /* what it means when it goes well */
};

#define SET WEIR_CMD_SETSOCKOPT
#define GET WEIR_CMD_GETSOCKOPT

static const struct row probe_steps[PROBE_END] = {
    [PROBE_ULP_TX] = {0, SET, KTLS_SOL_TCP, KTLS_TCP_ULP, 4, 0, 0, 0, 0},
    [PROBE_TX13] = {0, SET, KTLS_SOL_TLS, KTLS_TX, 0, WEIR_TLS13, 0, 0,
                    WEIR_LINUX_KTLS_TX | WEIR_LINUX_KTLS_TLS13},
    [PROBE_TX12] = {0, SET, KTLS_SOL_TLS, KTLS_TX, 0, WEIR_TLS12, 0, BIT(PROBE_TX13),
                    WEIR_LINUX_KTLS_TX},
    [PROBE_TX_AGAIN] = {0, SET, KTLS_SOL_TLS, KTLS_TX, 0, WEIR_TLS13, BIT(PROBE_TX13), 0, 0},
    [PROBE_LIMIT] = {0, GET, KTLS_SOL_TLS, KTLS_TX_MAX_PAYLOAD_LEN, 2, 0, 0, 0,
                     WEIR_LINUX_KTLS_MAX_PAYLOAD_LEN},
    [PROBE_ZEROCOPY] = {0, GET, KTLS_SOL_TLS, KTLS_TX_ZEROCOPY_RO, 4, 0, 0, 0,
                        WEIR_LINUX_KTLS_ZEROCOPY_RO},
    [PROBE_ULP_RX] = {1, SET, KTLS_SOL_TCP, KTLS_TCP_ULP, 4, 0, 0, 0, 0},
    [PROBE_RX13] = {1, SET, KTLS_SOL_TLS, KTLS_RX, 0, WEIR_TLS13, BIT(PROBE_TX13), 0,
                    WEIR_LINUX_KTLS_RX},
    [PROBE_RX12] = {1, SET, KTLS_SOL_TLS, KTLS_RX, 0, WEIR_TLS12, 0, BIT(PROBE_RX13),
                    WEIR_LINUX_KTLS_RX},
    [PROBE_RX_AGAIN] = {1, SET, KTLS_SOL_TLS, KTLS_RX, 0, WEIR_TLS13, BIT(PROBE_RX13), 0, 0},
    [PROBE_NO_PAD] = {1, GET, KTLS_SOL_TLS, KTLS_RX_EXPECT_NO_PAD, 4, 0, BIT(PROBE_RX13), 0,
                      WEIR_LINUX_KTLS_RX_NO_PAD},
};

static struct probe *inside(const struct weir_linux_ktls_probe *probe)
{
    return (struct probe *)(void *)(uintptr_t)probe;
}

/* Whether the step has a meaning after what went before. */
static bool wanted(const struct probe *p, const struct row *row)
{
    return (row->needs == 0 || (p->took & row->needs) != 0) && (p->took & row->unless) == 0;
}

/* A key for nothing: no byte is ever protected with it. */
static uint8_t make_key(uint8_t value[KTLS_MAX_INFO], uint16_t version)
{
    const struct weir_keys keys = {
        .version = version,
        .suite = version == WEIR_TLS13 ? WEIR_TLS_AES_128_GCM_SHA256
                                       : WEIR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        .at = {.nonce_rule = version == WEIR_TLS13 ? WEIR_NONCE_IMPLICIT : WEIR_NONCE_SEQ},
    };
    const struct ktls_layout *layout = weir_ktls_layout(version, keys.suite);

    weir_ktls_info_write(value, layout, &keys, WEIR_TX);
    return layout->len;
}

/* Makes the command of `step`, or of the next one that has a meaning. */
static void make_ready(struct probe *p)
{
    static const uint8_t ulp[4] = "tls";

    while (p->step < PROBE_END && !wanted(p, &probe_steps[p->step]))
        p->step++;
    if (p->step >= PROBE_END)
        return;

    const struct row *row = &probe_steps[p->step];
    uint8_t len = row->len;
    weir_wipe(p->value, sizeof p->value);
    if (len == 0)
        len = make_key(p->value, row->version);
    for (size_t i = 0; row->level == KTLS_SOL_TCP && i < sizeof ulp; i++)
        p->value[i] = ulp[i];
    p->cmd = (struct weir_cmd){
        .kind = (weir_cmd_kind)row->kind,
        .level = row->level,
        .name = row->name,
        .value = p->value,
        .len = len,
    };
    p->ready = true;
}

void weir_linux_ktls_probe_init(struct weir_linux_ktls_probe *probe)
{
    struct probe *p = inside(probe);

    *p = (struct probe){.step = PROBE_ULP_TX};
}

const struct weir_cmd *weir_linux_ktls_probe_command(struct weir_linux_ktls_probe *probe,
                                                     unsigned *end)
{
    struct probe *p = inside(probe);

    if (!p->ready)
        make_ready(p);
    if (!p->ready)
        return NULL;
    *end = probe_steps[p->step].end;
    return &p->cmd;
}

/* What a step that the kernel refused means for all of the probe. */
static void refused(struct probe *p, int os_error)
{
    struct ktls k = {.version = WEIR_TLS12};

    /* Sending in TLS 1.2 with AES-GCM-128 is the least that any kernel with TLS has. What the
     * receiving end lacks is no reason to refuse. */
    if (p->step != PROBE_ULP_TX && p->step != PROBE_TX12)
        return;
    k.step = p->step == PROBE_ULP_TX ? STEP_ULP : STEP_KEY;
    k.suite = WEIR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256;
    weir_ktls_refuse(&k, os_error, &p->why);
    p->step = PROBE_END;
}

void weir_linux_ktls_probe_complete(struct weir_linux_ktls_probe *probe,
                                    const struct weir_done *done)
{
    struct probe *p = inside(probe);

    if (!p->ready)
        return;
    /* Somebody attached "tls" to the pair before. */
    bool there =
        done->os_error == KTLS_EEXIST && (p->step == PROBE_ULP_TX || p->step == PROBE_ULP_RX);
    p->ready = false;
    if (done->os_error != 0 && !there) {
        refused(p, done->os_error);
    } else {
        p->took |= BIT(p->step);
        p->found |= probe_steps[p->step].tells;
    }
    if (p->step < PROBE_END)
        p->step++;
    if ((p->took & BIT(PROBE_TX_AGAIN)) != 0 && (p->took & BIT(PROBE_RX_AGAIN)) != 0)
        p->found |= WEIR_LINUX_KTLS_REKEY;
    make_ready(p);
}

weir_status weir_linux_ktls_probe_result(const struct weir_linux_ktls_probe *probe,
                                         uint32_t *features, struct weir_refusal *why)
{
    const struct probe *p = inside(probe);

    *features = 0;
    *why = p->why;
    if (p->why.code != WEIR_REFUSAL_NONE)
        return WEIR_REFUSED;
    if (p->step < PROBE_END)
        return WEIR_PENDING;
    *features = p->found;
    return WEIR_OK;
}
