/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The checks of Linux.
 */
#include "doctor.h"
#include "probe.h"

#include <stdlib.h>
#include <string.h>

/* What came with which release, as far as weir may want it; distributions take things back. */
#define RELEASE_LIST(X)                                                                            \
    X(4, 13, "TX with AES-128-GCM under TLS 1.2")                                                  \
    X(4, 17, "RX")                                                                                 \
    X(4, 18, "TX on a NIC")                                                                        \
    X(4, 19, "RX on a NIC")                                                                        \
    X(5, 1, "TLS 1.3, AES-256-GCM")                                                                \
    X(5, 5, "/proc/net/tls_stat")                                                                  \
    X(5, 11, "ChaCha20-Poly1305")                                                                  \
    X(5, 19, "sendfile to a NIC without a copy")                                                   \
    X(6, 0, "TLS_RX_EXPECT_NO_PAD")                                                                \
    X(6, 1, "AES-256-GCM on a NIC")                                                                \
    X(6, 14, "KeyUpdate")                                                                          \
    X(6, 19, "TLS_TX_MAX_PAYLOAD_LEN")

static void release(struct doctor *d)
{
    static const struct since {
        unsigned long major, minor;
        const char *what;
    } list[] = {
#define X(major, minor, what) {major, minor, what},
        RELEASE_LIST(X)
#undef X
    };
    enum { COUNT = sizeof list / sizeof list[0] };
    const char *rest = host_ask(d->host, HOST_UNAME, NULL).text;
    struct word word = {""};
    (void)next_word(&rest, &word);
    (void)next_word(&rest, &word);
    char *end = NULL;
    unsigned long major = strtoul(word.text, &end, 10);
    unsigned long minor = *end == '.' ? strtoul(end + 1, NULL, 10) : 0;
    unsigned missing = 0;
    (void)snprintf(d->found, sizeof d->found, "%s", word.text);
    for (size_t i = 0; i < COUNT; i++) {
        if (major < list[i].major || (major == list[i].major && minor < list[i].minor)) {
            char part[80];
            (void)snprintf(part, sizeof part, "%s %s (%lu.%lu)",
                           missing++ == 0 ? ": older than" : ",", list[i].what, list[i].major,
                           list[i].minor);
            doctor_add(d, part);
        }
    }
    if (missing == 0) {
        doctor_add(d, ": new enough for all of it");
    }
    doctor_note(d, CHECK_RELEASE, NULL,
                missing == COUNT ? STATE_WARN
                : missing > 0    ? STATE_NOTE
                                 : STATE_OK,
                NULL);
}

/* Whether the kernel has TLS at all: the reason why not, or NULL. */
static const char *attach(struct doctor *d)
{
    /* In this order: as root, attaching loads the module. */
    struct answer module = host_ask(d->host, HOST_MODULE, "tls");
    struct answer answer = host_ask(d->host, HOST_PROBE, "attach");
    if (module.error == NULL) {
        bool there = strcmp(module.text, "available") != 0;
        FIND_ADVICE(d, MODULE, NULL, there || answer.error == NULL ? STATE_OK : STATE_WARN,
                    "modprobe tls, or weir offload enable", "%s", module.text);
    } else if (answer.error == NULL) {
        FIND(d, MODULE, NULL, STATE_OK, "not to be seen, but at work");
    } else {
        FIND(d, MODULE, NULL, STATE_NO, "there is none");
    }
    uint64_t fips = 0;
    if (host_number(d->host, HOST_FILE, "/proc/sys/crypto/fips_enabled", &fips) && fips != 0) {
        FIND(d, FIPS, NULL, STATE_WARN, "on");
    } else {
        FIND(d, FIPS, NULL, STATE_OK, "off");
    }
    if (answer.error == NULL) {
        FIND(d, ATTACH, NULL, STATE_OK, "taken");
        return NULL;
    }
    if (answer.error == host_unrecorded) {
        FIND_ADVICE(d, ATTACH, NULL, STATE_SKIP, "", "not recorded");
        return "attaching is not recorded";
    }
    FIND(d, ATTACH, NULL, STATE_NO, "%s: %s", answer.error,
         doctor_errno(d, "attach", answer.error));
    return "the kernel has no TLS to attach";
}

static void rekey(struct doctor *d, const char *why_not)
{
    struct answer answer = host_ask(d->host, HOST_PROBE, "rekey TLSv1.3/AES-128-GCM");
    if (why_not != NULL || answer.error == host_unrecorded) {
        FIND_ADVICE(d, REKEY, NULL, STATE_SKIP, "", "not tried: %s",
                    why_not != NULL ? why_not : "not recorded");
    } else if (answer.error == NULL) {
        FIND(d, REKEY, NULL, STATE_OK, "taken under TLS 1.3");
    } else {
        FIND(d, REKEY, NULL, STATE_WARN, "%s: %s", answer.error,
             doctor_errno(d, "rekey", answer.error));
    }
}

static void options(struct doctor *d, const char *why_not)
{
    static const char *const names[] = {
#define X(name, number) name,
        PROBE_OPTION_LIST(X)
#undef X
    };
    if (why_not != NULL) {
        FIND_ADVICE(d, OPTIONS, NULL, STATE_SKIP, "", "not tried: %s", why_not);
        return;
    }
    d->found[0] = '\0';
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char key[64], part[80];
        (void)snprintf(key, sizeof key, "option %s", names[i]);
        struct answer answer = host_ask(d->host, HOST_PROBE, key);
        (void)snprintf(part, sizeof part, "%s%s: %s", i == 0 ? "" : ", ", names[i],
                       answer.error == NULL              ? "yes"
                       : answer.error == host_unrecorded ? "not recorded"
                                                         : "no");
        doctor_add(d, part);
    }
    doctor_note(d, CHECK_OPTIONS, NULL, STATE_NOTE, NULL);
}

static bool device(struct doctor *d)
{
    struct answer answer = host_ask(d->host, HOST_CONFIG, "CONFIG_TLS_DEVICE");
    if (answer.error != NULL) {
        FIND_ADVICE(d, DEVICE, NULL, STATE_SKIP, "",
                    "no configuration of this kernel is kept here");
        return true;
    }
    bool yes = strcmp(answer.text, "y") == 0;
    FIND(d, DEVICE, NULL, yes ? STATE_OK : STATE_NO, "CONFIG_TLS_DEVICE is %s", answer.text);
    return yes;
}

static bool is_down(struct doctor *d, const char *interface)
{
    char path[80];
    (void)snprintf(path, sizeof path, "/sys/class/net/%s/operstate", interface);
    return strcmp(host_ask(d->host, HOST_FILE, path).text, "down") == 0;
}

/* One direction of one interface. Answers whether it is ready. */
static bool interface_dir(struct doctor *d, const char *name, bool tx, const char *features)
{
    const char *which = tx ? "tls-hw-tx-offload" : "tls-hw-rx-offload";
    enum doctor_check check = tx ? CHECK_NIC_TX : CHECK_NIC_RX;
    struct word value, sum;
    bool summed = false;
    static const char *const sums[] = {"tx-checksum-ipv4", "tx-checksum-ipv6",
                                       "tx-checksum-ip-generic"};
    for (size_t i = 0; tx && i < sizeof sums / sizeof sums[0]; i++) {
        summed = summed || (find_line(features, sums[i], &sum) && strncmp(sum.text, "on", 2) == 0);
    }
    summed = summed ||
             (!tx && find_line(features, "rx-checksum", &sum) && strncmp(sum.text, "on", 2) == 0);
    (void)snprintf(d->found, sizeof d->found, "%s is %s", which,
                   find_line(features, which, &value) ? value.text : "unknown to it");
    bool on = strncmp(value.text, "on", 2) == 0;
    if (on && is_down(d, name)) {
        doctor_add(d, ", but the interface is down");
        doctor_note(d, check, name, STATE_WARN, "bring the interface up");
        return false;
    }
    if (on) {
        doctor_note(d, check, name, STATE_OK, NULL);
        return true;
    }
    char advice[120];
    (void)snprintf(advice, sizeof advice, "%sethtool -K %s %s on, or weir offload enable %s",
                   summed ? ""
                   : tx   ? "turn checksums on first (tx on), then: "
                          : "turn checksums on first (rx on), then: ",
                   name, which, name);
    bool can = strcmp(value.text, "off") == 0;
    doctor_note(d, check, name, STATE_NO,
                can ? advice : "route connections over an interface that can");
    return false;
}

static bool can_any(const char *features)
{
    struct word value;
    return (find_line(features, "tls-hw-tx-offload", &value) &&
            strcmp(value.text, "off fixed") != 0) ||
           (find_line(features, "tls-hw-rx-offload", &value) &&
            strcmp(value.text, "off fixed") != 0);
}

static void interfaces(struct doctor *d, bool configured)
{
    unsigned shown = 0;
    char others[200] = "";
    const char *rest = host_ask(d->host, HOST_INTERFACES, NULL).text;
    struct word name;
    while (next_word(&rest, &name)) {
        struct answer features = host_ask(d->host, HOST_FEATURES, name.text);
        bool wanted = d->interface != NULL && strcmp(d->interface, name.text) == 0;
        if (wanted || (d->interface == NULL && can_any(features.text))) {
            bool tx = interface_dir(d, name.text, true, features.text);
            bool rx = interface_dir(d, name.text, false, features.text);
            d->nic_tx = d->nic_tx || (d->kernel && configured && tx);
            d->nic_rx = d->nic_rx || (d->kernel && configured && tx && rx);
            shown++;
        } else if (d->interface == NULL) {
            (void)snprintf(others + strlen(others), sizeof others - strlen(others), "%s%s",
                           others[0] == '\0' ? "" : ", ", name.text);
        }
    }
    if (shown == 0) {
        const char *advice = "a NIC whose driver has tls-hw-tx-offload, such as a ConnectX-6 Dx";
        FIND_ADVICE(d, NIC_TX, NULL, STATE_NO, advice, "no interface can (there are: %s)", others);
        FIND_ADVICE(d, NIC_RX, NULL, STATE_NO, advice, "no interface can (there are: %s)", others);
    }
}

static void sessions(struct doctor *d)
{
    const struct readings *r = &d->before;
    uint64_t software = counters_value(r, SOURCE_TLS_STAT, "TlsTxSw");
    uint64_t nic = counters_value(r, SOURCE_TLS_STAT, "TlsTxDevice");
    if (!counters_sum(r, SOURCE_TLS_STAT, "TlsCurrTxSw", &(uint64_t){0})) {
        FIND_ADVICE(d, SESSIONS, NULL, STATE_SKIP, "",
                    "/proc/net/tls_stat is there only while the module is loaded");
        return;
    }
    (void)snprintf(d->found, sizeof d->found,
                   "now TX %llu in software, %llu on a NIC; RX %llu and %llu; ever TX %llu and "
                   "%llu; RX %llu and %llu",
                   (unsigned long long)counters_value(r, SOURCE_TLS_STAT, "TlsCurrTxSw"),
                   (unsigned long long)counters_value(r, SOURCE_TLS_STAT, "TlsCurrTxDevice"),
                   (unsigned long long)counters_value(r, SOURCE_TLS_STAT, "TlsCurrRxSw"),
                   (unsigned long long)counters_value(r, SOURCE_TLS_STAT, "TlsCurrRxDevice"),
                   (unsigned long long)software, (unsigned long long)nic,
                   (unsigned long long)counters_value(r, SOURCE_TLS_STAT, "TlsRxSw"),
                   (unsigned long long)counters_value(r, SOURCE_TLS_STAT, "TlsRxDevice"));
    doctor_add_sessions(d);
    bool passed_by = d->nic_tx && software > 0 && nic == 0;
    doctor_note(d, CHECK_SESSIONS, NULL, passed_by ? STATE_WARN : STATE_NOTE, NULL);
}

static void ratios(struct doctor *d)
{
    const struct readings *r = &d->after;
    d->found[0] = '\0';
    doctor_ratio(d, "sent out of order", counters_value(r, SOURCE_ETHTOOL, "tx_tls_ooo"),
                 counters_value(r, SOURCE_ETHTOOL, "tx_tls_encrypted_packets"));
    doctor_ratio(d, "bytes read again", counters_value(r, SOURCE_ETHTOOL, "tx_tls_dump_bytes"),
                 counters_value(r, SOURCE_ETHTOOL, "tx_tls_encrypted_bytes"));
    doctor_ratio(d, "received out of step",
                 counters_value(r, SOURCE_ETHTOOL, "rx_tls_resync_req_pkt"),
                 counters_value(r, SOURCE_ETHTOOL, "rx_tls_decrypted_packets"));
    doctor_ratios_end(d);
}

void doctor_linux(struct doctor *d)
{
    FIND(d, SYSTEM, NULL, STATE_OK, "Linux has it since 4.13");
    release(d);
    const char *why_not = attach(d);
    doctor_keys(d, why_not);
    rekey(d, why_not);
    options(d, why_not);
    interfaces(d, device(d));
    doctor_peer(d);
    sessions(d);
    doctor_wait(d);
    doctor_errors(d);
    ratios(d);
}
