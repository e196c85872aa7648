/* SPDX-License-Identifier: BSD-2-Clause */
/* What the probe concludes about kernels of every age. */
#include "cases.h"
#include "linux_errno.h"

#include <weir/linux_ktls.h>

#define ALL                                                                                        \
    (WEIR_LINUX_KTLS_REKEY | WEIR_LINUX_KTLS_MAX_PAYLOAD_LEN | WEIR_LINUX_KTLS_ZEROCOPY_RO |       \
     WEIR_LINUX_KTLS_RX_NO_PAD | WEIR_LINUX_KTLS_TX | WEIR_LINUX_KTLS_RX | WEIR_LINUX_KTLS_TLS13)

/* A kernel in so far as the probe looks at it; 0: it has it, else the errno value. */
struct kernel {
    const char *name;
    int ulp, tx12, tx13, rx12, rx13, again, limit, zerocopy, no_pad;
    uint32_t features;
    weir_refusal_code code;
};

static const struct kernel kernels[] = {
    {"6.19", 0, 0, 0, 0, 0, 0, 0, 0, 0, ALL, WEIR_REFUSAL_NONE},
    {"6.14", 0, 0, 0, 0, 0, 0, ENOPROTOOPT, 0, 0, ALL & ~WEIR_LINUX_KTLS_MAX_PAYLOAD_LEN,
     WEIR_REFUSAL_NONE},
    {"6.1", 0, 0, 0, 0, 0, EBUSY, ENOPROTOOPT, 0, 0,
     ALL & ~(WEIR_LINUX_KTLS_MAX_PAYLOAD_LEN | WEIR_LINUX_KTLS_REKEY), WEIR_REFUSAL_NONE},
    {"5.10", 0, 0, 0, 0, 0, EBUSY, ENOPROTOOPT, ENOPROTOOPT, ENOPROTOOPT,
     WEIR_LINUX_KTLS_TX | WEIR_LINUX_KTLS_RX | WEIR_LINUX_KTLS_TLS13, WEIR_REFUSAL_NONE},
    {"4.19", 0, 0, KERNEL_ENOTSUPP, 0, KERNEL_ENOTSUPP, EBUSY, ENOPROTOOPT, ENOPROTOOPT,
     ENOPROTOOPT, WEIR_LINUX_KTLS_TX | WEIR_LINUX_KTLS_RX, WEIR_REFUSAL_NONE},
    {"4.14", 0, 0, KERNEL_ENOTSUPP, ENOPROTOOPT, ENOPROTOOPT, EBUSY, ENOPROTOOPT, ENOPROTOOPT,
     ENOPROTOOPT, WEIR_LINUX_KTLS_TX, WEIR_REFUSAL_NONE},
    {"with a backport of rekey and nothing else", 0, 0, 0, 0, 0, 0, ENOPROTOOPT, ENOPROTOOPT,
     ENOPROTOOPT,
     WEIR_LINUX_KTLS_REKEY | WEIR_LINUX_KTLS_TX | WEIR_LINUX_KTLS_RX | WEIR_LINUX_KTLS_TLS13,
     WEIR_REFUSAL_NONE},
    {"a pair with tls attached", EEXIST, 0, 0, 0, 0, 0, 0, 0, 0, ALL, WEIR_REFUSAL_NONE},
    {"no tls", ENOENT, 0, 0, 0, 0, 0, 0, 0, 0, 0, WEIR_REFUSAL_NO_KTLS},
    {"not connected", ENOTCONN, 0, 0, 0, 0, 0, 0, 0, 0, 0, WEIR_REFUSAL_SOCKET},
    {"no TCP", ENOPROTOOPT, 0, 0, 0, 0, 0, 0, 0, 0, 0, WEIR_REFUSAL_SOCKET},
    {"no memory", ENOMEM, 0, 0, 0, 0, 0, 0, 0, 0, 0, WEIR_REFUSAL_RESOURCES},
    {"no AES-GCM", 0, ENOENT, ENOENT, 0, 0, 0, 0, 0, 0, 0, WEIR_REFUSAL_SUITE},
    {"not allowed", EPERM, 0, 0, 0, 0, 0, 0, 0, 0, 0, WEIR_REFUSAL_OS},
};

/* The state of the pair. */
struct pair {
    bool ulp[2], key[2];
};

static int answer(const struct kernel *k, struct pair *pair, unsigned end,
                  const struct weir_cmd *cmd)
{
    uint16_t version = 0;

    if (cmd->level == 6) {
        pair->ulp[end] = k->ulp == 0 || k->ulp == EEXIST;
        return k->ulp;
    }
    if (!pair->ulp[end])
        return ENOPROTOOPT;
    if (cmd->name == 5)
        return k->limit;
    if (cmd->name == 3)
        return k->zerocopy;
    if (cmd->name == 4)
        return k->no_pad;
    if (pair->key[end])
        return k->again;
    memcpy(&version, cmd->value, sizeof version);
    int result = cmd->name == 1 ? (version == 0x0303 ? k->tx12 : k->tx13)
                                : (version == 0x0303 ? k->rx12 : k->rx13);
    pair->key[end] = result == 0;
    return result;
}

/* Commands are what they should be, whatever came before. */
static void check_command(struct test *t, unsigned end, const struct weir_cmd *cmd)
{
    bool gets = cmd->kind == WEIR_CMD_GETSOCKOPT;

    CHECK(t, end <= 1);
    CHECK(t, gets || cmd->kind == WEIR_CMD_SETSOCKOPT);
    CHECK(t, (cmd->level == 6 && cmd->name == 31) || cmd->level == 282);
    if (cmd->level == 6) {
        CHECK_EQ(t, cmd->len, 4);
        CHECK_MEM(t, cmd->value, "tls", 4);
        return;
    }
    /* One end sends, the other one receives. */
    CHECK(t, end == 0 ? cmd->name == 1 || cmd->name == 3 || cmd->name == 5
                      : cmd->name == 2 || cmd->name == 4);
    CHECK(t, gets == (cmd->name >= 3));
    CHECK_EQ(t, cmd->len, cmd->name == 5 ? 2 : cmd->name >= 3 ? 4 : 40);
    if (cmd->name < 3) {
        uint16_t head[2];
        memcpy(head, cmd->value, sizeof head);
        CHECK(t, head[0] == 0x0303 || head[0] == 0x0304);
        CHECK_EQ(t, head[1], 51);
        CHECK_ZERO(t, cmd->value + 4, 36);
    }
}

static void kernels_of_every_age(struct test *t)
{
    struct weir_linux_ktls_probe probe;
    struct weir_refusal why;

    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++) {
        const struct kernel *k = &kernels[i];
        const struct weir_cmd *cmd;
        struct pair pair = {{false, false}, {false, false}};
        uint32_t features = 0xa5a5a5a5u;
        unsigned end = 9, steps = 0;

        t->at = i;
        memset(&probe, 0xa5, sizeof probe);
        weir_linux_ktls_probe_init(&probe);
        while ((cmd = weir_linux_ktls_probe_command(&probe, &end)) != NULL && steps++ < 20) {
            CHECK(t, cmd == weir_linux_ktls_probe_command(&probe, &end));
            CHECK_STATUS(t, weir_linux_ktls_probe_result(&probe, &features, &why), WEIR_PENDING);
            CHECK_EQ(t, features, 0);
            check_command(t, end, cmd);
            const struct weir_done done = {.os_error = answer(k, &pair, end, cmd)};
            weir_linux_ktls_probe_complete(&probe, &done);
        }
        CHECK(t, steps <= 11);
        CHECK_STATUS(t, weir_linux_ktls_probe_result(&probe, &features, &why),
                     k->code == WEIR_REFUSAL_NONE ? WEIR_OK : WEIR_REFUSED);
        CHECK_EQ(t, features, k->features);
        CHECK_EQ(t, why.code, k->code);
        if (k->code != WEIR_REFUSAL_NONE) {
            CHECK_EQ(t, why.layer, WEIR_LAYER_OS);
            CHECK_EQ(t, why.os_error, k->ulp != 0 ? k->ulp : k->tx12);
            CHECK(t, why.transient == (k->ulp == ENOMEM));
        }
        /* It stays at its end. */
        const struct weir_done late = {.os_error = ENOENT};
        weir_linux_ktls_probe_complete(&probe, &late);
        CHECK(t, weir_linux_ktls_probe_command(&probe, &end) == NULL);
    }
}

/* One half of the pair that cannot change its key is no rekey. */
static void rekey_needs_both_directions(struct test *t)
{
    for (unsigned broken = 0; broken < 2; broken++) {
        struct weir_linux_ktls_probe probe;
        const struct weir_cmd *cmd;
        struct weir_refusal why;
        uint32_t features;
        unsigned end;
        bool key[2] = {false, false};

        t->at = broken;
        weir_linux_ktls_probe_init(&probe);
        while ((cmd = weir_linux_ktls_probe_command(&probe, &end)) != NULL) {
            bool again = cmd->level == 282 && cmd->name <= 2 && key[end];
            const struct weir_done done = {.os_error = again && end == broken ? EBUSY : 0};
            key[end] |= cmd->level == 282 && cmd->name <= 2;
            weir_linux_ktls_probe_complete(&probe, &done);
        }
        CHECK_STATUS(t, weir_linux_ktls_probe_result(&probe, &features, &why), WEIR_OK);
        CHECK_EQ(t, features, ALL & ~WEIR_LINUX_KTLS_REKEY);
    }
}

/* What the probe finds is never what takes a promise of the caller's. */
static void the_usual_choice_asks_nothing_of_the_caller(struct test *t)
{
    CHECK_EQ(t, WEIR_LINUX_KTLS_SAFE & WEIR_LINUX_KTLS_ZEROCOPY_RO, 0);
    CHECK_EQ(t, WEIR_LINUX_KTLS_SAFE & WEIR_LINUX_KTLS_RX_NO_PAD, 0);
    CHECK_EQ(t, WEIR_LINUX_KTLS_SAFE & ALL, WEIR_LINUX_KTLS_SAFE);
}

static const struct test_case table[] = {
    CASE(kernels_of_every_age),
    CASE(rekey_needs_both_directions),
    CASE(the_usual_choice_asks_nothing_of_the_caller),
};
CASE_GROUP(linux_ktls_probe, table, TEST_ONCE);
