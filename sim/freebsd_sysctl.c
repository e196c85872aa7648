/* SPDX-License-Identifier: BSD-2-Clause */
/* Settings and counters by name, each in the width it has in the kernel. */
#include "freebsd_ktls.h"

#include <string.h>

struct node {
    const char *name;
    size_t offset, width; /* in the host's struct, or in the interface's */
    bool writable;
    int since; /* release */
};

#define HOST(member)  offsetof(struct sim_freebsd, member), sizeof(((struct sim_freebsd *)0)->member)
#define STAT(member)  offsetof(struct sim_freebsd, stats.member), 8
#define IFNET(member) offsetof(struct sim_freebsd_ifnet, member), 8

static const struct node nodes[] = {
    {"kern.osreldate", HOST(osreldate), false, 13},
    {"kern.ipc.mb_use_ext_pgs", HOST(mb_use_ext_pgs), true, 13},
    {"kern.ipc.tls.enable", HOST(enable), true, 13},
    {"kern.ipc.tls.rx_enable", HOST(rx_enable), true, 15},
    {"kern.ipc.tls.cbc_enable", HOST(cbc_enable), true, 13},
    {"kern.ipc.tls.maxlen", HOST(maxlen), false, 13},
    {"kern.ipc.tls.ifnet.permitted", HOST(ifnet_permitted), true, 13},
    {"kern.ipc.tls.ifnet_max_rexmit_pct", HOST(ifnet_max_rexmit_pct), true, 13},
    {"kern.ipc.tls.stats.threads", offsetof(struct sim_freebsd, stats.threads), 4, false, 13},
    {"kern.ipc.tls.stats.active", STAT(active), false, 13},
    {"kern.ipc.tls.stats.offload_total", STAT(offload_total), false, 13},
    {"kern.ipc.tls.stats.enable_calls", STAT(enable_calls), false, 13},
    {"kern.ipc.tls.stats.corrupted_records", STAT(corrupted_records), false, 13},
    {"kern.ipc.tls.stats.failed_crypto", STAT(failed_crypto), false, 13},
    {"kern.ipc.tls.stats.switch_to_ifnet", STAT(switch_to_ifnet), false, 13},
    {"kern.ipc.tls.stats.switch_to_sw", STAT(switch_to_sw), false, 13},
    {"kern.ipc.tls.stats.switch_failed", STAT(switch_failed), false, 13},
    {"kern.ipc.tls.stats.ifnet_disable_ok", STAT(ifnet_disable_ok), false, 13},
    {"kern.ipc.tls.stats.ifnet_disable_failed", STAT(ifnet_disable_failed), false, 13},
    {"kern.ipc.tls.sw.cbc", STAT(sw_cbc), false, 13},
    {"kern.ipc.tls.sw.gcm", STAT(sw_gcm), false, 13},
    {"kern.ipc.tls.sw.chacha20", STAT(sw_chacha20), false, 13},
    {"kern.ipc.tls.ifnet.cbc", STAT(ifnet_cbc), false, 13},
    {"kern.ipc.tls.ifnet.gcm", STAT(ifnet_gcm), false, 13},
    {"kern.ipc.tls.ifnet.chacha20", STAT(ifnet_chacha20), false, 13},
    {"kern.ipc.tls.ifnet.reset", STAT(ifnet_reset), false, 13},
    {"kern.ipc.tls.ifnet.reset_dropped", STAT(ifnet_reset_dropped), false, 13},
    {"kern.ipc.tls.ifnet.reset_failed", STAT(ifnet_reset_failed), false, 13},
    {"kern.ipc.tls.toe.cbc", STAT(toe_cbc), false, 13},
    {"kern.ipc.tls.toe.gcm", STAT(toe_gcm), false, 13},
    {"kern.ipc.tls.toe.chacha20", STAT(toe_chacha20), false, 13},
    {"kern.ipc.tls.stats.ocf.tls12_gcm_encrypts", STAT(tls12_gcm_encrypts), false, 13},
    {"kern.ipc.tls.stats.ocf.tls12_gcm_decrypts", STAT(tls12_gcm_decrypts), false, 13},
    {"kern.ipc.tls.stats.ocf.tls13_gcm_encrypts", STAT(tls13_gcm_encrypts), false, 13},
    {"kern.ipc.tls.stats.ocf.tls13_gcm_decrypts", STAT(tls13_gcm_decrypts), false, 14},
    {"kern.ipc.tls.stats.ocf.tls12_chacha20_encrypts", STAT(tls12_chacha20_encrypts), false, 13},
    {"kern.ipc.tls.stats.ocf.tls12_chacha20_decrypts", STAT(tls12_chacha20_decrypts), false, 13},
    {"kern.ipc.tls.stats.ocf.tls13_chacha20_encrypts", STAT(tls13_chacha20_encrypts), false, 13},
    {"kern.ipc.tls.stats.ocf.tls13_chacha20_decrypts", STAT(tls13_chacha20_decrypts), false, 14},
};

/* Behind "dev.mce.N." */
static const struct node ifnet_nodes[] = {
    {"tls.stats.tx_packets", IFNET(tx_packets), false, 13},
    {"tls.stats.tx_bytes", IFNET(tx_bytes), false, 13},
    {"tls.stats.tx_packets_ooo", IFNET(tx_packets_ooo), false, 13},
    {"tls.stats.tx_bytes_ooo", IFNET(tx_bytes_ooo), false, 13},
    {"tls.stats.tx_error", IFNET(tx_error), false, 13},
    {"tls_rx.stats.rx_resync_ok", IFNET(rx_resync_ok), false, 14},
    {"tls_rx.stats.rx_resync_err", IFNET(rx_resync_err), false, 14},
    {"tls_rx.stats.rx_error", IFNET(rx_error), false, 14},
    {"vstats.rx_decrypted_ok_packets", IFNET(rx_decrypted_ok), false, 14},
    {"vstats.rx_decrypted_error_packets", IFNET(rx_decrypted_error), false, 14},
};

static const struct node *find(const struct node *list, size_t count, const char *name,
                               const struct sim_freebsd *host)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i].name, name) == 0)
            return (int)host->release >= list[i].since ? &list[i] : NULL;
    }
    return NULL;
}

/* N of "dev.mce.N.…", with `*rest` behind it; -1 when there is none. */
static int ifnet_of(const char *name, const char **rest)
{
    static const char prefix[] = "dev.mce.";
    size_t at = sizeof prefix - 1;

    if (strncmp(name, prefix, at) != 0 || name[at] < '0' ||
        name[at] >= '0' + (int)SIM_FREEBSD_IFS || name[at + 1] != '.')
        return -1;
    *rest = name + at + 2;
    return name[at] - '0';
}

static const struct node *look_up(struct sim_freebsd *host, const char *name, uint8_t **base)
{
    const char *rest;
    struct sim_freebsd_ifnet *ifp;
    int index = ifnet_of(name, &rest);

    if (index < 0) {
        if (!host->kern_tls && strncmp(name, "kern.ipc.tls.", 13) == 0)
            return NULL;
        *base = (uint8_t *)host;
        return find(nodes, sizeof nodes / sizeof *nodes, name, host);
    }
    ifp = &host->mce[index];
    if (ifp->gone || (strncmp(rest, "tls.", 4) == 0 && !ifp->tls) ||
        (strncmp(rest, "tls_rx.", 7) == 0 && !ifp->tls_rx))
        return NULL;
    *base = (uint8_t *)ifp;
    return find(ifnet_nodes, sizeof ifnet_nodes / sizeof *ifnet_nodes, rest, host);
}

int sim_freebsd_sysctl(struct sim_freebsd *host, const char *name, void *old, size_t *old_len,
                       const void *value, size_t value_len)
{
    uint8_t *base = NULL;
    const struct node *node = look_up(host, name, &base);

    if (node == NULL)
        return FREEBSD_ENOENT;
    if (value != NULL && !node->writable &&
        !(host->release == SIM_FREEBSD_13 && strcmp(name, "kern.ipc.tls.maxlen") == 0))
        return FREEBSD_EPERM;
    if (value != NULL && value_len != node->width)
        return FREEBSD_EINVAL;
    if (old_len != NULL) {
        if (old != NULL && *old_len < node->width)
            return FREEBSD_ENOMEM;
        if (old != NULL)
            memcpy(old, base + node->offset, node->width);
        *old_len = node->width;
    }
    if (value != NULL)
        memcpy(base + node->offset, value, node->width);
    return 0;
}
