/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * weir doctor: what stands between this host and TLS in its kernel or on its NIC.
 */
#ifndef WEIR_TOOLS_DOCTOR_H
#define WEIR_TOOLS_DOCTOR_H

#include "counters.h"
#include "host.h"

#include <jansson.h>

/*
 * The checks. X(symbol, where, name, what is looked at, what to do when it is not well)
 *
 * Sources: Linux, Documentation/networking/tls.rst and tls-offload.rst; FreeBSD, ktls(4),
 * sys/kern/uipc_ktls.c, sys/netinet/tcp_usrreq.c, ifconfig(8), mlx5en(4).
 */
#define DOCTOR_CHECK_LIST(X)                                                                       \
    X(SYSTEM, ANY, "system", "the operating system has TLS in its kernel",                         \
      "use Linux 4.13 or FreeBSD 13.0, or newer; weir's soft backend works everywhere")            \
    X(RELEASE, ANY, "release", "what this release of the kernel can do, going by its number",      \
      "use a newer release, or leave the rest to weir's soft backend")                             \
    X(ADVISORY, FREEBSD, "advisory",                                                               \
      "FreeBSD-SA-26:26.kTLS (CVE-2026-45257): software RX could write to pages of files",         \
      "compare the patch level with the advisory; until it is fixed: sysctl "                      \
      "kern.ipc.tls.enable=0")                                                                     \
    X(MODULE, LINUX, "module", "the module tls: loaded, built in, or there to be loaded",          \
      "build the kernel with CONFIG_TLS=m or y, or install the package with its modules")          \
    X(KERN_TLS, FREEBSD, "kern-tls", "kern.ipc.tls: the kernel is built with TLS",                 \
      "build a kernel with 'options KERN_TLS'")                                                    \
    X(ENABLE, FREEBSD, "enable", "kern.ipc.tls.enable: new sessions are allowed",                  \
      "weir offload enable, or: sysctl kern.ipc.tls.enable=1, and in /etc/sysctl.conf")            \
    X(RX_ENABLE, FREEBSD, "rx-enable", "kern.ipc.tls.rx_enable (15.0): so are receiving ones",     \
      "weir offload enable, or: sysctl kern.ipc.tls.rx_enable=1")                                  \
    X(EXT_PGS, FREEBSD, "ext-pgs", "kern.ipc.mb_use_ext_pgs: sending needs it, else ENXIO",        \
      "weir offload enable, or: sysctl kern.ipc.mb_use_ext_pgs=1")                                 \
    X(OCF, FREEBSD, "ktls-ocf", "13.x: the module ktls_ocf, which does the software crypto",       \
      "weir offload enable, or: kldload ktls_ocf, and ktls_ocf_load=\"YES\" in loader.conf")       \
    X(CBC, FREEBSD, "cbc-enable", "kern.ipc.tls.cbc_enable: AES-CBC, which weir does not use",     \
      "nothing for weir; other programs may miss it")                                              \
    X(MAXLEN, FREEBSD, "maxlen", "kern.ipc.tls.maxlen: most payload in a record that is sent",     \
      "kern.ipc.tls.maxlen=16384 in /boot/loader.conf, or records are shorter than expected")      \
    X(FIPS, LINUX, "fips", "FIPS mode, which takes algorithms away",                               \
      "where a key is refused with ENOENT, use AES-GCM or leave FIPS mode")                        \
    X(ATTACH, LINUX, "attach", "live: TCP_ULP \"tls\" on a connection over the loopback",          \
      "load the module as root: modprobe tls, or weir offload enable")                             \
    X(TX_KEYS, ANY, "tx-keys", "live: the kernel takes a sending key, for each suite",             \
      "use a suite that is taken; the errno says what is missing")                                 \
    X(RX_KEYS, ANY, "rx-keys", "live: the kernel takes a receiving key, for each suite",           \
      "use a suite that is taken, or leave receiving to weir's soft backend")                      \
    X(RECORD, ANY, "record", "live: a record is sealed, sent, opened and compared",                \
      "do not use this kernel's TLS before this is understood; weir's soft backend works")         \
    X(REKEY, LINUX, "rekey", "live: the kernel takes a second sending key (KeyUpdate)",            \
      "use Linux 6.14 or newer where peers update their keys under TLS 1.3")                       \
    X(OPTIONS, LINUX, "options", "live: which optional modes of the kernel there are",             \
      "nothing, unless one of them is needed; they came with Linux 5.19, 6.0 and 6.19")            \
    X(DEVICE, LINUX, "device", "the kernel is configured for TLS on a NIC (CONFIG_TLS_DEVICE)",    \
      "build the kernel with CONFIG_TLS_DEVICE=y")                                                 \
    X(PERMITTED, FREEBSD, "permitted", "kern.ipc.tls.ifnet.permitted: the NIC may be asked",       \
      "weir offload enable, or: sysctl kern.ipc.tls.ifnet.permitted=1")                            \
    X(ADAPTER, FREEBSD, "adapter", "dev.mce.N.tls, tls_rx: firmware and card can do TLS",          \
      "use a card with crypto enabled and firmware that offers TLS; look at its part number")      \
    X(FIRMWARE, FREEBSD, "firmware", "firmware and board of the card",                             \
      "nothing; to be told with a report")                                                         \
    X(NIC_TX, ANY, "nic-tx", "an interface is set up to encrypt what is sent",                     \
      "weir offload enable INTERFACE")                                                             \
    X(NIC_RX, ANY, "nic-rx", "an interface is set up to decrypt what is received",                 \
      "weir offload enable INTERFACE")                                                             \
    X(RX_PROOF, FREEBSD, "rx-proof",                                                               \
      "packets that a NIC has decrypted: flags promise nothing about receiving",                   \
      "open a TLS connection through the NIC, or use --peer; software receives meanwhile")         \
    X(PEER, ANY, "peer", "live, with --peer: who would carry a connection to that address",        \
      "see nic-tx and nic-rx; the route may lead over another interface, a tunnel or a bridge")    \
    X(SESSIONS, ANY, "sessions", "who carries the sessions that there are",                        \
      "look at suites (a NIC takes AES-GCM, on Linux under TLS 1.2) and routes; the tracepoint "   \
      "tls:tls_device_offload_set has the errno of each attempt")                                  \
    X(ERRORS, ANY, "errors", "counters of errors do not grow",                                     \
      "weir stats explains each counter, and shows its rate with --watch 1")                       \
    X(RATIOS, ANY, "ratios", "how much a NIC repeats because of loss and reordering",              \
      "look for loss on the path; heavy retransmission takes connections off the NIC")

enum doctor_check {
#define X(symbol, where, name, meaning, advice) CHECK_##symbol,
    DOCTOR_CHECK_LIST(X)
#undef X
        DOCTOR_CHECKS
};

/* How a check came out. X(symbol, word) */
#define DOCTOR_STATE_LIST(X)                                                                       \
    X(OK, "ok")                                                                                    \
    X(NOTE, "note") /* nothing to do */                                                            \
    X(WARN, "warn") /* works, but look */                                                          \
    X(NO, "no")     /* in the way of offload, or of some of it */                                  \
    X(SKIP, "skip") /* could not be looked at */

enum doctor_state {
#define X(symbol, word) STATE_##symbol,
    DOCTOR_STATE_LIST(X)
#undef X
};

/*
 * What a host can do for new connections, from least to most. X(symbol, word, text) Exit statuses
 * begin at DOCTOR_STATUS, away from those for "could not look" (1) and "wrong command line" (2);
 * none of them is 0, because a script that asks whether all is well has to say first what well is.
 */
#define DOCTOR_LEVEL_LIST(X)                                                                       \
    X(NONE, "none", "no offload: TLS cannot leave user space here")                                \
    X(KERNEL, "kernel", "kernel: the kernel encrypts in software")                                 \
    X(NIC_TX, "nic-tx", "NIC TX: a NIC is set up for what is sent; receiving is software")         \
    X(NIC_TX_RX, "nic-tx-rx",                                                                      \
      "NIC TX and RX: a NIC is set up for what is sent and what is received")

enum doctor_level {
#define X(symbol, word, text) LEVEL_##symbol,
    DOCTOR_LEVEL_LIST(X)
#undef X
};
enum { DOCTOR_STATUS = 10 };

struct doctor {
    struct host *host;
    const char *interface, *peer; /* NULL: all, none */
    double seconds;               /* between two looks at the counters */
    double percent;               /* of ratios, from where on to warn */
    struct readings before, after;
    /* What has been found. */
    json_t *findings;
    bool kernel, nic_tx, nic_rx;
    char found[600]; /* the text under construction */
};

/* Notes how a check came out; `advice` NULL: that of the list. */
void doctor_note(struct doctor *d, enum doctor_check check, const char *interface,
                 enum doctor_state state, const char *advice);

/* Fills the text of a finding, and notes it. */
#define FIND(d, check, interface, state, ...)                                                      \
    ((void)snprintf((d)->found, sizeof(d)->found, __VA_ARGS__),                                    \
     doctor_note(d, CHECK_##check, interface, state, NULL))
#define FIND_ADVICE(d, check, interface, state, advice, ...)                                       \
    ((void)snprintf((d)->found, sizeof(d)->found, __VA_ARGS__),                                    \
     doctor_note(d, CHECK_##check, interface, state, advice))

/* Adds to the text under construction. */
void doctor_add(struct doctor *d, const char *part);

/* doctor_linux.c, doctor_freebsd.c: all checks of the system, in the order of the list. */
void doctor_linux(struct doctor *d);
void doctor_freebsd(struct doctor *d);

/* doctor_live.c */
/* The kernel takes keys and carries a record; `why_not`: the reason not to try, or NULL. */
void doctor_keys(struct doctor *d, const char *why_not);
void doctor_peer(struct doctor *d);
/* Adds the kinds of sessions that the system lists to the text under construction. */
void doctor_add_sessions(struct doctor *d);
/* What an errno of a probe means here; "" when there is nothing to say. */
const char *doctor_errno(struct doctor *d, const char *step, const char *error);

/* Lets some time pass, and reads the counters once more. */
void doctor_wait(struct doctor *d);

/* doctor_counters.c */
void doctor_errors(struct doctor *d);
void doctor_ratio(struct doctor *d, const char *name, uint64_t part, uint64_t whole);
void doctor_ratios_end(struct doctor *d);

extern const char doctor_help[];
int doctor_main(int argc, char **argv);

#endif
