/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The counters that kernels and network cards keep about TLS: one list, where each has its meaning.
 */
#ifndef WEIR_TOOLS_COUNTERS_H
#define WEIR_TOOLS_COUNTERS_H

#include "host.h"

/*
 * Where a counter is. X(name, system, one for each interface, where)
 */
#define COUNTER_SOURCE_LIST(X)                                                                     \
    X(TLS_STAT, SYSTEM_LINUX, false, "/proc/net/tls_stat")                                         \
    X(ETHTOOL, SYSTEM_LINUX, true, "ethtool")                                                      \
    X(KTLS, SYSTEM_FREEBSD, false, "kern.ipc.tls")                                                 \
    X(MCE, SYSTEM_FREEBSD, true, "dev.mce")

enum counter_source {
#define X(name, system, each, where) SOURCE_##name,
    COUNTER_SOURCE_LIST(X)
#undef X
        COUNTER_SOURCES
};

/*
 * X(source, name, kind, whether it must not grow, meaning). NOW: goes up and down; SUM: only grows.
 * Sources: Documentation/networking/tls.rst and tls-offload.rst of Linux, ktls(4) and the
 * descriptions of the sysctls of FreeBSD.
 */
#define COUNTER_LIST(X)                                                                            \
    X(TLS_STAT, "TlsCurrTxSw", NOW, false, "sending sessions now, in the kernel's software")       \
    X(TLS_STAT, "TlsCurrRxSw", NOW, false, "receiving sessions now, in the kernel's software")     \
    X(TLS_STAT, "TlsCurrTxDevice", NOW, false, "sending sessions now, on a NIC")                   \
    X(TLS_STAT, "TlsCurrRxDevice", NOW, false, "receiving sessions now, on a NIC")                 \
    X(TLS_STAT, "TlsTxSw", SUM, false, "sending sessions ever, in the kernel's software")          \
    X(TLS_STAT, "TlsRxSw", SUM, false, "receiving sessions ever, in the kernel's software")        \
    X(TLS_STAT, "TlsTxDevice", SUM, false, "sending sessions ever, on a NIC")                      \
    X(TLS_STAT, "TlsRxDevice", SUM, false, "receiving sessions ever, on a NIC")                    \
    X(TLS_STAT, "TlsDecryptError", SUM, true, "records that failed authentication")                \
    X(TLS_STAT, "TlsRxDeviceResync", SUM, false, "positions told to a NIC that had lost its own")  \
    X(TLS_STAT, "TlsDecryptRetry", SUM, false,                                                     \
      "records opened twice, because TLS_RX_EXPECT_NO_PAD expected something else")                \
    X(TLS_STAT, "TlsRxNoPadViolation", SUM, false, "of these, records that really were padded")    \
    X(TLS_STAT, "TlsRxRekeyOk", SUM, false, "receiving keys replaced")                             \
    X(TLS_STAT, "TlsRxRekeyError", SUM, true, "receiving keys not replaced")                       \
    X(TLS_STAT, "TlsTxRekeyOk", SUM, false, "sending keys replaced")                               \
    X(TLS_STAT, "TlsTxRekeyError", SUM, true, "sending keys not replaced")                         \
    X(TLS_STAT, "TlsRxRekeyReceived", SUM, false, "KeyUpdates received")                           \
    X(ETHTOOL, "tx_tls_ctx", SUM, false, "sending sessions given to the NIC")                      \
    X(ETHTOOL, "tx_tls_encrypted_packets", SUM, false, "packets that the NIC encrypted")           \
    X(ETHTOOL, "tx_tls_encrypted_bytes", SUM, false, "bytes that the NIC encrypted")               \
    X(ETHTOOL, "tx_tls_ooo", SUM, false,                                                           \
      "packets out of order, before which the NIC's state was built again")                        \
    X(ETHTOOL, "tx_tls_dump_packets", SUM, false, "packets read again to build that state")        \
    X(ETHTOOL, "tx_tls_dump_bytes", SUM, false, "bytes read again to build that state")            \
    X(ETHTOOL, "tx_tls_skip_no_sync_data", SUM, false,                                             \
      "retransmissions from before the offload, sent as they were")                                \
    X(ETHTOOL, "tx_tls_drop_no_sync_data", SUM, true,                                              \
      "packets dropped: their record was no longer known")                                         \
    X(ETHTOOL, "tx_tls_drop_bypass_req", SUM, true,                                                \
      "packets dropped: partly encrypted already, partly not")                                     \
    X(ETHTOOL, "rx_tls_ctx", SUM, false, "receiving sessions given to the NIC")                    \
    X(ETHTOOL, "rx_tls_del", SUM, false, "receiving sessions taken off the NIC")                   \
    X(ETHTOOL, "rx_tls_decrypted_packets", SUM, false, "packets that the NIC decrypted")           \
    X(ETHTOOL, "rx_tls_decrypted_bytes", SUM, false, "bytes that the NIC decrypted")               \
    X(ETHTOOL, "rx_tls_resync_req_pkt", SUM, false,                                                \
      "packets on which the NIC asked for its position")                                           \
    X(ETHTOOL, "rx_tls_resync_req_start", SUM, false, "requests for a position, begun")            \
    X(ETHTOOL, "rx_tls_resync_req_end", SUM, false, "requests for a position, answered")           \
    X(ETHTOOL, "rx_tls_resync_req_skip", SUM, false, "requests for a position, given up")          \
    X(ETHTOOL, "rx_tls_resync_res_ok", SUM, false, "positions passed to the NIC")                  \
    X(ETHTOOL, "rx_tls_resync_res_retry", SUM, false, "positions passed to the NIC once more")     \
    X(ETHTOOL, "rx_tls_resync_res_skip", SUM, false, "positions that could not be passed on")      \
    X(ETHTOOL, "rx_tls_err", SUM, true, "the NIC was in a state that was not expected")            \
    X(KTLS, "stats.active", NOW, false, "sessions now")                                            \
    X(KTLS, "stats.offload_total", SUM, false, "sessions ever")                                    \
    X(KTLS, "stats.enable_calls", SUM, false, "requests for a session")                            \
    X(KTLS, "stats.threads", NOW, false, "worker threads; none until the first session")           \
    X(KTLS, "stats.sw_tx_inqueue", NOW, false, "buffers that wait to be encrypted")                \
    X(KTLS, "stats.sw_tx_pending", NOW, false, "TLS 1.0 records held back for their order")        \
    X(KTLS, "stats.sw_rx_inqueue", NOW, false, "sockets that wait for decryption")                 \
    X(KTLS, "stats.corrupted_records", SUM, true,                                                  \
      "records with a bad header; their connections were aborted")                                 \
    X(KTLS, "stats.failed_crypto", SUM, true, "records that did not open, or could not be made")   \
    X(KTLS, "stats.switch_to_ifnet", SUM, false, "sending sessions moved to the NIC")              \
    X(KTLS, "stats.switch_to_sw", SUM, false, "sending sessions moved to software")                \
    X(KTLS, "stats.switch_failed", SUM, false, "moves that failed")                                \
    X(KTLS, "stats.ifnet_disable_ok", SUM, false,                                                  \
      "sessions taken off the NIC for good, for too many retransmissions")                         \
    X(KTLS, "stats.ifnet_disable_failed", SUM, true,                                               \
      "sessions that should have been taken off the NIC")                                          \
    X(KTLS, "stats.destroy_task", SUM, false, "sessions whose end was left to a task")             \
    X(KTLS, "sw.gcm", NOW, false, "AES-GCM directions now, in software")                           \
    X(KTLS, "sw.chacha20", NOW, false, "ChaCha20 directions now, in software")                     \
    X(KTLS, "sw.cbc", NOW, false, "AES-CBC directions now, in software")                           \
    X(KTLS, "ifnet.gcm", NOW, false, "AES-GCM directions now, on a NIC")                           \
    X(KTLS, "ifnet.chacha20", NOW, false, "ChaCha20 directions now, on a NIC")                     \
    X(KTLS, "ifnet.cbc", NOW, false, "AES-CBC directions now, on a NIC")                           \
    X(KTLS, "ifnet.reset", SUM, false, "sessions that moved to another interface")                 \
    X(KTLS, "ifnet.reset_dropped", SUM, false, "such moves of connections that were gone")         \
    X(KTLS, "ifnet.reset_failed", SUM, true, "moves that failed; sending ones end a connection")   \
    X(KTLS, "tasks_active", NOW, false, "crypto tasks that run now")                               \
    X(KTLS, "stats.ocf.tls12_gcm_encrypts", SUM, false, "TLS 1.2 AES-GCM records sealed")          \
    X(KTLS, "stats.ocf.tls12_gcm_decrypts", SUM, false, "TLS 1.2 AES-GCM records opened")          \
    X(KTLS, "stats.ocf.tls12_gcm_recrypts", SUM, false,                                            \
      "TLS 1.2 AES-GCM records that the NIC had decrypted in part")                                \
    X(KTLS, "stats.ocf.tls13_gcm_encrypts", SUM, false, "TLS 1.3 AES-GCM records sealed")          \
    X(KTLS, "stats.ocf.tls13_gcm_decrypts", SUM, false, "TLS 1.3 AES-GCM records opened")          \
    X(KTLS, "stats.ocf.tls13_gcm_recrypts", SUM, false,                                            \
      "TLS 1.3 AES-GCM records that the NIC had decrypted in part")                                \
    X(KTLS, "stats.ocf.tls12_chacha20_encrypts", SUM, false, "TLS 1.2 ChaCha20 records sealed")    \
    X(KTLS, "stats.ocf.tls12_chacha20_decrypts", SUM, false, "TLS 1.2 ChaCha20 records opened")    \
    X(KTLS, "stats.ocf.tls13_chacha20_encrypts", SUM, false, "TLS 1.3 ChaCha20 records sealed")    \
    X(KTLS, "stats.ocf.tls13_chacha20_decrypts", SUM, false, "TLS 1.3 ChaCha20 records opened")    \
    X(KTLS, "stats.ocf.retries", SUM, false, "requests repeated: the crypto queue was full")       \
    X(MCE, "tls.stats.tx_packets", SUM, false, "packets that the NIC encrypted, in order")         \
    X(MCE, "tls.stats.tx_bytes", SUM, false, "their bytes")                                        \
    X(MCE, "tls.stats.tx_packets_ooo", SUM, false,                                                 \
      "times the NIC's state was built again; once for each session is normal")                    \
    X(MCE, "tls.stats.tx_bytes_ooo", SUM, false, "bytes read again to build that state")           \
    X(MCE, "tls.stats.tx_error", SUM, true, "failures of the NIC's firmware, or broken chains")    \
    X(MCE, "tls_rx.stats.rx_resync_ok", SUM, false, "times the NIC was asked for its position")    \
    X(MCE, "tls_rx.stats.rx_resync_err", SUM, true, "times it could not be asked")                 \
    X(MCE, "tls_rx.stats.rx_error", SUM, true, "receiving sessions that could not be set up")      \
    X(MCE, "vstats.rx_decrypted_ok_packets", SUM, false, "packets that the NIC decrypted")         \
    X(MCE, "vstats.rx_decrypted_error_packets", SUM, true, "packets that it failed to decrypt")

struct counter {
    enum counter_source source;
    const char *name;
    bool now, bad;
    const char *meaning;
};

/* One value, of one interface where the source has one for each. */
struct reading {
    const struct counter *counter;
    char interface[16];
    uint64_t value;
};
enum { READINGS_MAX = 1024 };
struct readings {
    struct reading list[READINGS_MAX];
    size_t count;
};

/* Reads what there is; `interface`: only of this one, or NULL. */
void counters_read(struct host *host, const char *interface, struct readings *out);
/* One counter of a list, summed over interfaces; false when it is not there. */
bool counters_sum(const struct readings *readings, enum counter_source source, const char *name,
                  uint64_t *sum);
/* The same, 0 where it is not there. */
uint64_t counters_value(const struct readings *readings, enum counter_source source,
                        const char *name);
/* The value of the same counter in an earlier list; its own value when it was not there. */
uint64_t counters_before(const struct readings *earlier, const struct reading *reading);

/* "/proc/net/tls_stat TlsTxSw", "ethtool eth0 tx_tls_ctx", "dev.mce.0.tls.stats.tx_packets" */
struct counter_label {
    char text[128];
};
struct counter_label counter_show(const struct reading *reading);

/* The N of an interface mceN, which is that of its dev.mce.N, too; false for other interfaces. */
bool mce_number(const char *interface, unsigned *number);

#endif
