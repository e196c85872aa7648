/* SPDX-License-Identifier: BSD-2-Clause */
#include "doctor.h"
#include "verbs.h"

#include <stdlib.h>
#include <string.h>

const char doctor_help[] =
    "weir doctor: what stands between this host and TLS in its kernel or on its NIC\n"
    "\n"
    "Usage: weir doctor [options] [INTERFACE]\n"
    "\n"
    "One line for each check: how it came out, what was found, what to do about it. Some are "
    "live:\n"
    "connections over the loopback get keys of no worth. As root, the first of them may load the\n"
    "kernel's module, as any program's would.\n"
    "\n"
    "      --json                print JSON\n"
    "      --list                the checks, and what each looks at\n"
    "      --peer HOST:PORT      connect there, too, to see who would carry such a connection;\n"
    "                            nothing is sent\n"
    "      --wait SECONDS        time between two looks at the counters (default 1)\n"
    "      --threshold PERCENT   warn of ratios above (default 5)\n"
    "      --record FILE         write down what this host answered, for a report\n"
    "      --host FILE           evaluate a recorded host instead of this one\n"
    "  -h, --help                this text\n"
    "\n"
    "Exit status: 10 no offload, 11 kernel, 12 NIC TX, 13 NIC TX and RX; 1 could not look, 2 "
    "wrong\n"
    "command line. Never 0: a script says by a comparison how much it needs.\n"
    "    weir doctor > /dev/null; [ $? -ge 11 ] && echo 'the kernel has TLS'\n";

enum { OPTION_JSON = 256, OPTION_LIST, OPTION_PEER, OPTION_WAIT, OPTION_THRESHOLD, OPTION_RECORD };

static const struct option long_options[] = {
    {"json", no_argument, NULL, OPTION_JSON},
    {"list", no_argument, NULL, OPTION_LIST},
    {"peer", required_argument, NULL, OPTION_PEER},
    {"wait", required_argument, NULL, OPTION_WAIT},
    {"threshold", required_argument, NULL, OPTION_THRESHOLD},
    {"record", required_argument, NULL, OPTION_RECORD},
    {"host", required_argument, NULL, VERB_OPTION_HOST},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0}};

enum { LINUX = 1, FREEBSD = 2, ANY = 3 };
static const struct check {
    int where;
    const char *name, *meaning, *advice;
} checks[DOCTOR_CHECKS] = {
#define X(symbol, where, name, meaning, advice) {where, name, meaning, advice},
    DOCTOR_CHECK_LIST(X)
#undef X
};
static const char *const states[] = {
#define X(symbol, word) word,
    DOCTOR_STATE_LIST(X)
#undef X
};
static const struct level {
    const char *name, *text;
} levels[] = {
#define X(symbol, word, text) {word, text},
    DOCTOR_LEVEL_LIST(X)
#undef X
};

struct options {
    const char *host, *record;
    bool json, list;
};

/* ---- findings ---- */

void doctor_add(struct doctor *d, const char *part)
{
    size_t len = strlen(d->found);
    (void)snprintf(d->found + len, sizeof d->found - len, "%s", part);
}

void doctor_note(struct doctor *d, enum doctor_check check, const char *interface,
                 enum doctor_state state, const char *advice)
{
    bool needed = state == STATE_WARN || state == STATE_NO;
    const char *text = advice != NULL ? advice : checks[check].advice;
    (void)json_array_append_new(
        d->findings, json_pack("{s:s, s:s*, s:s, s:s, s:s*}", "check", checks[check].name,
                               "interface", interface, "state", states[state], "found", d->found,
                               "advice", needed && text[0] != '\0' ? text : NULL));
    d->found[0] = '\0';
}

static void examine(struct doctor *d)
{
    (void)host_is_root(d->host); /* for the recording: some answers depend on it */
    switch (host_system(d->host)) {
    case SYSTEM_LINUX:
        counters_read(d->host, d->interface, &d->before);
        doctor_linux(d);
        break;
    case SYSTEM_FREEBSD:
        counters_read(d->host, d->interface, &d->before);
        doctor_freebsd(d);
        break;
    case SYSTEM_OTHER:
        FIND(d, SYSTEM, NULL, STATE_NO, "no TLS in its kernel that weir knows");
        break;
    }
}

void doctor_wait(struct doctor *d)
{
    double passed = host_pause(d->host, d->seconds);
    d->seconds = passed > 0 ? passed : d->seconds;
    counters_read(d->host, d->interface, &d->after);
}

static enum doctor_level level_of(const struct doctor *d)
{
    return !d->kernel   ? LEVEL_NONE
           : !d->nic_tx ? LEVEL_KERNEL
           : !d->nic_rx ? LEVEL_NIC_TX
                        : LEVEL_NIC_TX_RX;
}

/* ---- what is printed ---- */

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text == NULL ? "" : text;
}

static void print_text(const json_t *report)
{
    const json_t *finding = NULL;
    size_t i = 0;
    (void)printf("%s%s\n", text_of(report, "host"),
                 json_is_true(json_object_get(report, "recorded")) ? " (a recording)" : "");
    json_array_foreach(json_object_get(report, "findings"), i, finding)
    {
        const char *interface = text_of(finding, "interface"), *advice = text_of(finding, "advice");
        (void)printf("%-4s  %-10s  %s%s%s%s%s\n", text_of(finding, "state"),
                     text_of(finding, "check"), interface, interface[0] == '\0' ? "" : ": ",
                     text_of(finding, "found"), advice[0] == '\0' ? "" : " -> ", advice);
    }
    (void)printf("%s\n", text_of(report, "verdict"));
}

static void print_list(bool json)
{
    json_t *list = json_array();
    static const char *const systems[] = {"", "Linux", "FreeBSD", "any"};
    for (size_t i = 0; i < DOCTOR_CHECKS; i++) {
        const struct check *c = &checks[i];
        if (json) {
            (void)json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "check", c->name,
                                                        "system", systems[c->where], "meaning",
                                                        c->meaning, "advice", c->advice));
        } else {
            (void)printf("%-10s  %-7s  %s\n%21s-> %s\n", c->name, systems[c->where], c->meaning, "",
                         c->advice);
        }
    }
    if (json) {
        (void)json_dumpf(list, stdout, JSON_COMPACT);
        (void)putchar('\n');
    }
    json_decref(list);
}

/* ---- the command ---- */

/* HOST:PORT, in bytes that can stand in a recording and in JSON. */
static bool is_address(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (*c <= ' ' || *c > '~' || *c == '=' || *c == '!') {
            return false;
        }
    }
    return strrchr(text, ':') != NULL && strlen(text) <= 200;
}

static bool take_option(struct options *o, struct doctor *d, int option, const char *value,
                        struct fault *fault)
{
    uint64_t percent = 0;
    switch (option) {
    case OPTION_JSON:
        o->json = true;
        return true;
    case OPTION_LIST:
        o->list = true;
        return true;
    case OPTION_PEER:
        d->peer = value;
        if (!is_address(value)) {
            USAGE(fault, "--peer takes HOST:PORT, not '%.200s'", value);
            return false;
        }
        return true;
    case OPTION_WAIT:
        if (!parse_seconds(value, &d->seconds)) {
            USAGE(fault, "--wait takes seconds above 0, at most 86400, not '%s'", value);
            return false;
        }
        return true;
    case OPTION_THRESHOLD:
        if (!parse_number(value, 0, 100, &percent)) {
            USAGE(fault, "--threshold takes 0 to 100, not '%s'", value);
            return false;
        }
        d->percent = (double)percent;
        return true;
    case OPTION_RECORD:
        o->record = value;
        return true;
    default:
        o->host = value;
        return true;
    }
}

static int report(const struct options *o, struct doctor *d, struct fault *fault)
{
    examine(d);
    if (o->record != NULL && !host_record(d->host, o->record, fault)) {
        return fault_print("doctor", fault);
    }
    enum doctor_level level = level_of(d);
    char verdict[160];
    int status = DOCTOR_STATUS + (int)level;
    (void)snprintf(verdict, sizeof verdict, "%s (exit status %d)", levels[level].text, status);
    json_t *json = json_pack("{s:s, s:b, s:O, s:s, s:s, s:i}", "host",
                             host_ask(d->host, HOST_UNAME, NULL).text, "recorded",
                             host_is_recorded(d->host), "findings", d->findings, "level",
                             levels[level].name, "verdict", verdict, "status", status);
    if (o->json) {
        (void)json_dumpf(json, stdout, JSON_COMPACT);
        (void)putchar('\n');
    } else {
        print_text(json);
    }
    json_decref(json);
    return status;
}

int doctor_main(int argc, char **argv)
{
    struct doctor d = {.seconds = 1, .percent = 5};
    struct options o = {0};
    struct fault fault = {0};
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, ":h", long_options, NULL)) != -1;) {
        if (option == 'h') {
            (void)printf("%s", doctor_help);
            return EXIT_FINE;
        }
        if (option == ':' || option == '?' ? !tls_options_wrong(option, argv, &fault)
                                           : !take_option(&o, &d, option, optarg, &fault)) {
            return fault_print("doctor", &fault);
        }
    }
    if (o.list) {
        print_list(o.json);
        return EXIT_FINE;
    }
    if (o.host != NULL && o.record != NULL) {
        USAGE(&fault, "--host and --record contradict each other");
        return fault_print("doctor", &fault);
    }
    d.host = verb_host(o.host, argc - optind, argv + optind, &d.interface, &fault);
    if (d.host == NULL) {
        return fault_print("doctor", &fault);
    }
    d.findings = json_array();
    int status = report(&o, &d, &fault);
    json_decref(d.findings);
    host_free(d.host);
    return status;
}
