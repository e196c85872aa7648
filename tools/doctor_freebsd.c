/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The checks of FreeBSD.
 */
#include "doctor.h"
#include "probe.h"

#include <string.h>

static unsigned major_of(struct doctor *d)
{
    return (unsigned)(host_osreldate(d->host) / 100000);
}

static bool release(struct doctor *d)
{
    uint64_t date = host_osreldate(d->host);
    unsigned major = major_of(d);
    const char *what = major >= 15   ? "everything weir looks for"
                       : major == 14 ? "RX on a NIC is in the kernel, NIC and RX are off by default"
                       : major == 13 ? "software crypto is a module, TLS 1.3 is only sent, and no "
                                       "NIC receives"
                                     : "no TLS in the kernel that weir knows";
    FIND(d, RELEASE, NULL,
         major >= 15   ? STATE_OK
         : major >= 13 ? STATE_NOTE
                       : STATE_NO,
         "%llu: %s", (unsigned long long)date, what);
    if (major >= 13) {
        const char *rest = host_ask(d->host, HOST_UNAME, NULL).text;
        struct word word = {""};
        (void)next_word(&rest, &word);
        (void)next_word(&rest, &word);
        FIND(d, ADVISORY, NULL, STATE_WARN,
             "the kernel says %s; the fix is of June 2026, and the release does not tell whether "
             "it is there",
             word.text);
    }
    return major >= 13;
}

/* A switch that should be on. Answers whether it is. */
static bool is_on(struct doctor *d, enum doctor_check check, const char *name,
                  enum doctor_state when_off)
{
    uint64_t value = 0;
    if (!host_number(d->host, HOST_SYSCTL, name, &value)) {
        (void)snprintf(d->found, sizeof d->found, "%s is not there", name);
        doctor_note(d, check, NULL, when_off, NULL);
        return false;
    }
    (void)snprintf(d->found, sizeof d->found, "%s is %llu", name, (unsigned long long)value);
    doctor_note(d, check, NULL, value != 0 ? STATE_OK : when_off, NULL);
    return value != 0;
}

/* Settings of the software part: why the kernel cannot, or NULL. */
static const char *settings(struct doctor *d)
{
    const char *why_not = NULL;
    uint64_t maxlen = 0;
    if (!host_has(d->host, HOST_SYSCTL, "kern.ipc.tls.enable")) {
        FIND(d, KERN_TLS, NULL, STATE_NO, "kern.ipc.tls is not there");
        return "the kernel is built without TLS";
    }
    FIND(d, KERN_TLS, NULL, STATE_OK, "kern.ipc.tls is there");
    if (!is_on(d, CHECK_ENABLE, "kern.ipc.tls.enable", STATE_NO)) {
        why_not = "kern.ipc.tls.enable is 0";
    }
    if (major_of(d) >= 15) {
        (void)is_on(d, CHECK_RX_ENABLE, "kern.ipc.tls.rx_enable", STATE_WARN);
    }
    if (!is_on(d, CHECK_EXT_PGS, "kern.ipc.mb_use_ext_pgs", STATE_NO) && why_not == NULL) {
        why_not = "kern.ipc.mb_use_ext_pgs is 0";
    }
    if (major_of(d) == 13) {
        struct answer module = host_ask(d->host, HOST_MODULE, "ktls_ocf");
        bool loaded = strcmp(module.text, "loaded") == 0;
        FIND(d, OCF, NULL, loaded ? STATE_OK : STATE_NO, "ktls_ocf is %s",
             module.error == NULL ? module.text : "not there");
        why_not = loaded || why_not != NULL ? why_not : "ktls_ocf is not loaded";
    }
    (void)is_on(d, CHECK_CBC, "kern.ipc.tls.cbc_enable", STATE_NOTE);
    if (host_number(d->host, HOST_SYSCTL, "kern.ipc.tls.maxlen", &maxlen)) {
        FIND(d, MAXLEN, NULL, maxlen >= 16384 ? STATE_OK : STATE_WARN, "%llu",
             (unsigned long long)maxlen);
    } else {
        FIND(d, MAXLEN, NULL, STATE_SKIP, "kern.ipc.tls.maxlen is not there");
    }
    return why_not;
}

/* The probes are tried whatever the settings say; only a recording may lack them. */
static void keys(struct doctor *d, const char *why_not)
{
    struct answer answer = host_ask(d->host, HOST_PROBE, "tx " PROBE_NIC_SUITE);
    if (answer.error == host_unrecorded) {
        doctor_keys(d, "not recorded");
        d->kernel = why_not == NULL; /* all that is left to go by */
    } else {
        doctor_keys(d, NULL);
    }
}

static bool mce_has(struct doctor *d, unsigned number, const char *node)
{
    char name[64];
    (void)snprintf(name, sizeof name, "dev.mce.%u.%s", number, node);
    return host_has(d->host, HOST_SYSCTL, name);
}

static bool flag_is_on(const char *features, const char *name)
{
    struct word value;
    return find_line(features, name, &value) && strncmp(value.text, "on", 2) == 0;
}

/* An interface of mlx5en, in both directions. */
static void adapter(struct doctor *d, const char *name, unsigned number, bool permitted)
{
    bool tx = mce_has(d, number, "tls.stats.tx_packets");
    bool rx = mce_has(d, number, "tls_rx.stats.rx_error");
    const char *features = host_ask(d->host, HOST_FEATURES, name).text;
    char key[96];
    (void)snprintf(d->found, sizeof d->found, "dev.mce.%u.tls is %s, tls_rx is %s", number,
                   tx ? "there" : "not there", rx ? "there" : "not there");
    doctor_note(d, CHECK_ADAPTER, name, tx && rx ? STATE_OK : tx ? STATE_WARN : STATE_NO, NULL);
    (void)snprintf(key, sizeof key, "dev.mlx5_core.%u.hw.fw_version", number);
    struct answer firmware = host_ask(d->host, HOST_SYSCTL, key);
    (void)snprintf(key, sizeof key, "dev.mlx5_core.%u.hw.board_id", number);
    struct answer board = host_ask(d->host, HOST_SYSCTL, key);
    FIND(d, FIRMWARE, name, firmware.error == NULL ? STATE_NOTE : STATE_SKIP,
         "dev.mlx5_core.%u: firmware %s, board %s", number,
         firmware.error == NULL ? firmware.text : "not told",
         board.error == NULL ? board.text : "not told");
    bool pages = flag_is_on(features, "MEXTPG") || flag_is_on(features, "NOMAP");
    bool v4 = flag_is_on(features, "TXTLS4"), v6 = flag_is_on(features, "TXTLS6");
    bool ready = tx && pages && (v4 || v6);
    (void)snprintf(key, sizeof key, "weir offload enable %s", name);
    FIND_ADVICE(d, NIC_TX, name,
                !ready                   ? STATE_NO
                : permitted && d->kernel ? STATE_OK
                                         : STATE_WARN,
                !tx          ? "see adapter"
                : !ready     ? key
                : !permitted ? "see permitted"
                             : "see tx-keys",
                "MEXTPG %s, TXTLS4 %s, TXTLS6 %s", pages ? "on" : "off", v4 ? "on" : "off",
                v6 ? "on" : "off");
    d->nic_tx = d->nic_tx || (ready && permitted && d->kernel);
    bool rx4 = flag_is_on(features, "RXTLS4"), rx6 = flag_is_on(features, "RXTLS6");
    FIND_ADVICE(d, NIC_RX, name, rx && (rx4 || rx6) ? STATE_OK : STATE_NO, rx ? key : "see adapter",
                "RXTLS4 %s, RXTLS6 %s", rx4 ? "on" : "off", rx6 ? "on" : "off");
    d->nic_rx = d->nic_rx || (ready && permitted && d->kernel && rx && (rx4 || rx6));
}

static void interfaces(struct doctor *d, bool permitted)
{
    unsigned shown = 0;
    const char *list = host_ask(d->host, HOST_INTERFACES, NULL).text, *rest = list;
    struct word name;
    while (next_word(&rest, &name)) {
        unsigned number = 0;
        bool wanted = d->interface == NULL || strcmp(d->interface, name.text) == 0;
        if (wanted && mce_number(name.text, &number)) {
            adapter(d, name.text, number, permitted);
            shown++;
        }
    }
    if (shown == 0) {
        const char *advice = "a ConnectX-6 Dx, and mlx5en_load=\"YES\" in /boot/loader.conf";
        struct answer module = host_ask(d->host, HOST_MODULE, "mlx5en");
        FIND_ADVICE(d, ADAPTER, NULL, STATE_NO, advice,
                    "no interface is of mlx5en, whose module is %s (there are: %s)",
                    module.error == NULL ? module.text : "not there",
                    d->interface != NULL ? d->interface : list);
    }
}

/*
 * The capability bits for RX have been seen to be tested wrongly in the kernel, so that neither
 * flags nor settings tell whether it happens: only packets do.
 */
static void rx_proof(struct doctor *d)
{
    uint64_t packets = 0;
    bool told = counters_sum(&d->after, SOURCE_MCE, "vstats.rx_decrypted_ok_packets", &packets);
    if (!d->nic_rx) {
        FIND_ADVICE(d, RX_PROOF, NULL, STATE_SKIP, "", "no NIC is set up to receive");
    } else if (packets > 0) {
        FIND(d, RX_PROOF, NULL, STATE_OK, "%llu packets decrypted", (unsigned long long)packets);
    } else {
        d->nic_rx = false;
        FIND(d, RX_PROOF, NULL, STATE_WARN, "%s",
             told ? "no packet decrypted so far" : "no counter of decrypted packets");
    }
}

static void sessions(struct doctor *d)
{
    const struct readings *r = &d->before;
    uint64_t active = 0;
    if (!counters_sum(r, SOURCE_KTLS, "stats.active", &active)) {
        FIND_ADVICE(d, SESSIONS, NULL, STATE_SKIP, "", "no counters to be read");
        return;
    }
    (void)snprintf(d->found, sizeof d->found,
                   "%llu now, %llu ever; AES-GCM directions now: %llu in software, %llu on a NIC",
                   (unsigned long long)active,
                   (unsigned long long)counters_value(r, SOURCE_KTLS, "stats.offload_total"),
                   (unsigned long long)counters_value(r, SOURCE_KTLS, "sw.gcm"),
                   (unsigned long long)counters_value(r, SOURCE_KTLS, "ifnet.gcm"));
    doctor_add_sessions(d);
    doctor_note(d, CHECK_SESSIONS, NULL, STATE_NOTE, NULL);
}

static void ratios(struct doctor *d)
{
    const struct readings *r = &d->after;
    uint64_t again = counters_value(r, SOURCE_MCE, "tls.stats.tx_packets_ooo");
    uint64_t ever = counters_value(r, SOURCE_KTLS, "stats.offload_total");
    d->found[0] = '\0';
    /* The first packet of each session counts as one that came out of order. */
    doctor_ratio(d, "sent out of order", again > ever ? again - ever : 0,
                 counters_value(r, SOURCE_MCE, "tls.stats.tx_packets"));
    doctor_ratio(d, "bytes read again", counters_value(r, SOURCE_MCE, "tls.stats.tx_bytes_ooo"),
                 counters_value(r, SOURCE_MCE, "tls.stats.tx_bytes"));
    doctor_ratio(d, "records received in part",
                 counters_value(r, SOURCE_KTLS, "stats.ocf.tls12_gcm_recrypts") +
                     counters_value(r, SOURCE_KTLS, "stats.ocf.tls13_gcm_recrypts"),
                 counters_value(r, SOURCE_KTLS, "stats.ocf.tls12_gcm_decrypts") +
                     counters_value(r, SOURCE_KTLS, "stats.ocf.tls13_gcm_decrypts"));
    doctor_ratios_end(d);
}

void doctor_freebsd(struct doctor *d)
{
    FIND(d, SYSTEM, NULL, STATE_OK, "FreeBSD has it since 13.0");
    if (!release(d)) {
        return;
    }
    const char *why_not = settings(d);
    keys(d, why_not);
    if (!host_has(d->host, HOST_SYSCTL, "kern.ipc.tls.enable")) {
        return; /* all that follows is below it */
    }
    bool permitted = is_on(d, CHECK_PERMITTED, "kern.ipc.tls.ifnet.permitted", STATE_NO);
    interfaces(d, permitted);
    doctor_wait(d);
    rx_proof(d);
    doctor_peer(d);
    sessions(d);
    doctor_errors(d);
    ratios(d);
}
