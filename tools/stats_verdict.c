/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether offload is active, and why or why not.
 */
#include "stats.h"

#include <string.h>

#define SAY(v, where, ...)                                                                         \
    ((v)->active = (where), (void)snprintf((v)->text, sizeof(v)->text, __VA_ARGS__))

typedef unsigned long long ull;

/* Whether any interface has a line "NAME on". */
static bool any_on(struct host *host, const char *feature)
{
    const char *rest = host_ask(host, HOST_INTERFACES, NULL).text;
    struct word name, value;
    while (next_word(&rest, &name)) {
        if (find_line(host_ask(host, HOST_FEATURES, name.text).text, feature, &value) &&
            strncmp(value.text, "on", 2) == 0) {
            return true;
        }
    }
    return false;
}

static void judge_linux(struct host *host, const struct readings *now, struct verdict *v)
{
    uint64_t tx = counters_value(now, SOURCE_TLS_STAT, "TlsCurrTxSw");
    uint64_t rx = counters_value(now, SOURCE_TLS_STAT, "TlsCurrRxSw");
    uint64_t nic_tx = counters_value(now, SOURCE_TLS_STAT, "TlsCurrTxDevice");
    uint64_t nic_rx = counters_value(now, SOURCE_TLS_STAT, "TlsCurrRxDevice");
    uint64_t ever = counters_value(now, SOURCE_TLS_STAT, "TlsTxSw") +
                    counters_value(now, SOURCE_TLS_STAT, "TlsRxSw") +
                    counters_value(now, SOURCE_TLS_STAT, "TlsTxDevice") +
                    counters_value(now, SOURCE_TLS_STAT, "TlsRxDevice");
    if (!counters_sum(now, SOURCE_TLS_STAT, "TlsCurrTxSw", &(uint64_t){0})) {
        SAY(v, ACTIVE_NONE,
            "offload is not active, because the kernel's module tls is not loaded: there is no "
            "/proc/net/tls_stat");
    } else if (nic_tx + nic_rx > 0) {
        SAY(v, ACTIVE_NIC,
            "offload is active on a NIC, because it has %llu sending and %llu receiving sessions; "
            "the kernel's software has %llu and %llu",
            (ull)nic_tx, (ull)nic_rx, (ull)tx, (ull)rx);
    } else if (tx + rx > 0) {
        SAY(v, ACTIVE_KERNEL,
            "offload is active in the kernel's software (%llu sending, %llu receiving sessions), "
            "not on a NIC, because %s",
            (ull)tx, (ull)rx,
            any_on(host, "tls-hw-tx-offload")
                ? "none of them was taken: version, suite or route (see weir doctor)"
                : "no interface has tls-hw-tx-offload on");
    } else {
        SAY(v, ACTIVE_NONE,
            "offload is not active, because no connection has a key in the kernel now (so far: "
            "%llu directions)",
            (ull)ever);
    }
}

/* Why software has the sessions of FreeBSD, although there are some. */
static const char *why_no_nic(struct host *host, const struct readings *now)
{
    uint64_t permitted = 0;
    (void)host_number(host, HOST_SYSCTL, "kern.ipc.tls.ifnet.permitted", &permitted);
    return permitted == 0 ? "kern.ipc.tls.ifnet.permitted is 0"
           : !counters_sum(now, SOURCE_MCE, "tls.stats.tx_packets", &(uint64_t){0})
               ? "no adapter offers TLS"
           : !any_on(host, "TXTLS4") && !any_on(host, "TXTLS6")
               ? "no interface has TXTLS4 or TXTLS6 on"
           : counters_value(now, SOURCE_KTLS, "stats.ifnet_disable_ok") > 0
               ? "sessions were taken off the NIC for retransmissions, or by suite or route"
               : "none of them was taken: suite or route (see weir doctor)";
}

static void judge_freebsd(struct host *host, const struct readings *now, struct verdict *v)
{
    uint64_t enable = 0, active = 0;
    uint64_t nic = counters_value(now, SOURCE_KTLS, "ifnet.gcm") +
                   counters_value(now, SOURCE_KTLS, "ifnet.chacha20") +
                   counters_value(now, SOURCE_KTLS, "ifnet.cbc");
    uint64_t software = counters_value(now, SOURCE_KTLS, "sw.gcm") +
                        counters_value(now, SOURCE_KTLS, "sw.chacha20") +
                        counters_value(now, SOURCE_KTLS, "sw.cbc");
    bool there = host_number(host, HOST_SYSCTL, "kern.ipc.tls.enable", &enable);
    (void)counters_sum(now, SOURCE_KTLS, "stats.active", &active);
    if (!there) {
        SAY(v, ACTIVE_NONE,
            "offload is not active, because the kernel is built without TLS: there is no "
            "kern.ipc.tls");
    } else if (nic > 0) {
        SAY(v, ACTIVE_NIC,
            "offload is active on a NIC, because it has %llu directions of connections; the "
            "kernel's software has %llu",
            (ull)nic, (ull)software);
    } else if (software + active > 0) {
        SAY(v, ACTIVE_KERNEL,
            "offload is active in the kernel's software (%llu directions of connections), not on "
            "a NIC, because %s",
            (ull)(software > 0 ? software : active), why_no_nic(host, now));
    } else if (enable == 0) {
        SAY(v, ACTIVE_NONE, "offload is not active, because kern.ipc.tls.enable is 0");
    } else {
        SAY(v, ACTIVE_NONE,
            "offload is not active, because no connection has a key in the kernel now (so far: "
            "%llu sessions)",
            (ull)counters_value(now, SOURCE_KTLS, "stats.offload_total"));
    }
}

void stats_judge(struct host *host, const struct readings *now, struct verdict *verdict)
{
    switch (host_system(host)) {
    case SYSTEM_LINUX:
        judge_linux(host, now, verdict);
        break;
    case SYSTEM_FREEBSD:
        judge_freebsd(host, now, verdict);
        break;
    case SYSTEM_OTHER:
        SAY(verdict, ACTIVE_NONE,
            "offload is not active, because this system has no TLS in its kernel that weir knows");
        break;
    }
}
