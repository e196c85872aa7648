/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The live checks: keys of no worth set on connections over the loopback.
 */
#include "doctor.h"
#include "probe.h"

#include <string.h>

/* What a refusal means. X(system, step, or "" for any, errno, meaning) */
#define REFUSAL_LIST(X)                                                                            \
    X(LINUX, "attach", "ENOENT", "no module tls, and only CAP_NET_ADMIN has it loaded by itself")  \
    X(LINUX, "attach", "ENOPROTOOPT", "this kernel knows no upper layer protocols")                \
    X(LINUX, "attach", "ENOTCONN", "the connection was not, or no longer, established")            \
    X(LINUX, "", "EINVAL", "this kernel does not know that version or cipher")                     \
    X(LINUX, "", "EBUSY", "there is a key already, and it cannot be replaced")                     \
    X(LINUX, "", "ENOENT", "the crypto algorithm is missing, or FIPS mode forbids it")             \
    X(LINUX, "", "ENOPROTOOPT", "the option is not known")                                         \
    X(FREEBSD, "", "EOPNOTSUPP",                                                                   \
      "switched off (kern.ipc.tls.enable, rx_enable), or 13.x without ktls_ocf")                   \
    X(FREEBSD, "", "ENOPROTOOPT", "the kernel is built without KERN_TLS")                          \
    X(FREEBSD, "", "EALREADY", "there is a key already, and none can be replaced")                 \
    X(FREEBSD, "", "ENXIO", "kern.ipc.mb_use_ext_pgs is 0, or no worker thread could start")       \
    X(FREEBSD, "", "EINVAL", "this kernel does not take that version, suite or key")               \
    X(FREEBSD, "", "EPROTONOSUPPORT", "the kernel's crypto cannot do this suite")                  \
    X(ANY, "", "ECONNRESET", "the connection was gone")                                            \
    X(ANY, "", "ECONNREFUSED", "nobody listens there")                                             \
    X(ANY, "", "ENOMEM", "no memory")                                                              \
    X(ANY, "", "ENOBUFS", "no memory")                                                             \
    X(ANY, "", "EBADMSG", "it came back as something else")                                        \
    X(ANY, "", "ETIMEDOUT", "nothing came within 2 seconds")                                       \
    X(ANY, "", "EADDRNOTAVAIL", "no such address")                                                 \
    X(ANY, "", "EPERM", "not allowed")                                                             \
    X(ANY, "", "EACCES", "not allowed")

enum { ANY = -1, LINUX = SYSTEM_LINUX, FREEBSD = SYSTEM_FREEBSD };

const char *doctor_errno(struct doctor *d, const char *step, const char *error)
{
    static const struct meaning {
        int system;
        const char *step, *error, *text;
    } meanings[] = {
#define X(system, step, error, text) {system, step, error, text},
        REFUSAL_LIST(X)
#undef X
    };
    int system = (int)host_system(d->host);
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
        const struct meaning *m = &meanings[i];
        if ((m->system == ANY || m->system == system) && strcmp(m->error, error) == 0 &&
            (m->step[0] == '\0' || strcmp(m->step, step) == 0)) {
            return m->text;
        }
    }
    return "";
}

static struct answer ask_probe(struct doctor *d, const char *step, const char *what)
{
    char key[300];
    (void)snprintf(key, sizeof key, "%s %s", step, what);
    return host_ask(d->host, HOST_PROBE, key);
}

static void add_refusal(struct doctor *d, const char *step, const char *error)
{
    const char *meaning = doctor_errno(d, step, error);
    doctor_add(d, error);
    if (meaning[0] != '\0') {
        doctor_add(d, ": ");
        doctor_add(d, meaning);
    }
}

/* All suites in one direction: a line each would hide the rest. Answers how many are taken. */
static unsigned keys_of(struct doctor *d, enum doctor_check check, const char *step)
{
    char taken[300] = "", refused[300] = "", where[16] = "";
    const char *error = NULL;
    unsigned count = 0, all = 0;
    for (const struct probe_suite *suite = probe_suites; suite->name != NULL; suite++) {
        struct answer answer = ask_probe(d, step, suite->name);
        bool good = answer.error == NULL;
        if (answer.error == host_unrecorded) {
            continue;
        }
        all++;
        count += good ? 1 : 0;
        char *list = good ? taken : refused;
        (void)snprintf(list + strlen(list), sizeof taken - strlen(list), "%s%s",
                       list[0] == '\0' ? "" : ", ", suite->name);
        error = good || error != NULL ? error : answer.error;
        if (good) {
            (void)snprintf(where, sizeof where, "%s", answer.text);
        }
    }
    d->found[0] = '\0';
    if (all == 0) {
        doctor_add(d, "not recorded");
        doctor_note(d, check, NULL, STATE_SKIP, "");
        return 0;
    }
    if (count > 0) {
        doctor_add(d, taken);
        doctor_add(d, strcmp(where, "software") == 0 ? ", in software" : "");
    }
    if (error != NULL) {
        doctor_add(d, count > 0 ? "; refused: " : "refused: ");
        doctor_add(d, refused);
        doctor_add(d, " (");
        add_refusal(d, step, error);
        doctor_add(d, ")");
    }
    doctor_note(d, check, NULL, count == all ? STATE_OK : count > 0 ? STATE_WARN : STATE_NO, NULL);
    return count;
}

/* The first suite whose keys are taken in both directions carries a record. */
static bool record_of(struct doctor *d)
{
    for (const struct probe_suite *suite = probe_suites; suite->name != NULL; suite++) {
        if (ask_probe(d, "tx", suite->name).error != NULL ||
            ask_probe(d, "rx", suite->name).error != NULL) {
            continue;
        }
        struct answer answer = ask_probe(d, "record", suite->name);
        if (answer.error == host_unrecorded) {
            continue;
        }
        if (answer.error == NULL) {
            FIND(d, RECORD, NULL, STATE_OK, "%s: sealed, sent, opened, and the same", suite->name);
            return true;
        }
        (void)snprintf(d->found, sizeof d->found, "%s: ", suite->name);
        add_refusal(d, "record", answer.error);
        doctor_note(d, CHECK_RECORD, NULL, STATE_NO, NULL);
        return false;
    }
    FIND_ADVICE(d, RECORD, NULL, STATE_SKIP, "", "no suite is taken in both directions");
    return true;
}

void doctor_keys(struct doctor *d, const char *why_not)
{
    if (why_not != NULL) {
        FIND_ADVICE(d, TX_KEYS, NULL, STATE_SKIP, "", "not tried: %s", why_not);
        FIND_ADVICE(d, RX_KEYS, NULL, STATE_SKIP, "", "not tried: %s", why_not);
        FIND_ADVICE(d, RECORD, NULL, STATE_SKIP, "", "not tried: %s", why_not);
        return;
    }
    unsigned tx = keys_of(d, CHECK_TX_KEYS, "tx");
    (void)keys_of(d, CHECK_RX_KEYS, "rx");
    d->kernel = record_of(d) && tx > 0;
}

void doctor_peer(struct doctor *d)
{
    if (d->peer == NULL) {
        return;
    }
    const char *where[2] = {"", ""};
    static const char *const steps[2] = {"peer-tx", "peer-rx"};
    for (int i = 0; i < 2; i++) {
        struct answer answer = ask_probe(d, steps[i], d->peer);
        if (answer.error == host_unrecorded) {
            FIND_ADVICE(d, PEER, NULL, STATE_SKIP, "", "not recorded");
            return;
        }
        if (answer.error != NULL) {
            (void)snprintf(d->found, sizeof d->found, "%s: %s: ", d->peer, i == 0 ? "TX" : "RX");
            add_refusal(d, steps[i], answer.error);
            doctor_note(d, CHECK_PEER, NULL, STATE_WARN, NULL);
            return;
        }
        where[i] = answer.text;
    }
    /* What happened counts for more than what the settings promise. */
    bool tx = strcmp(where[0], "nic") == 0, rx = strcmp(where[1], "nic") == 0;
    if (strcmp(where[0], "set") != 0) {
        d->nic_tx = d->kernel && tx;
    }
    if (strcmp(where[1], "set") != 0) {
        d->nic_rx = d->nic_tx && rx;
    }
    FIND(d, PEER, NULL, tx ? STATE_OK : STATE_WARN, "%s, %s: TX goes to %s, RX to %s", d->peer,
         PROBE_NIC_SUITE, strcmp(where[0], "set") == 0 ? "nobody knows where" : where[0],
         strcmp(where[1], "set") == 0 ? "nobody knows where" : where[1]);
}

void doctor_add_sessions(struct doctor *d)
{
    struct answer listed = host_ask(d->host, HOST_SESSIONS, NULL);
    for (const char *line = listed.error == NULL ? listed.text : ""; line[0] != '\0';) {
        char part[200];
        size_t len = strcspn(line, "\n");
        (void)snprintf(part, sizeof part, "; %.*s", (int)(len < 180 ? len : 180), line);
        doctor_add(d, part);
        line += len + (line[len] == '\n');
    }
}
