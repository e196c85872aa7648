/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * weir offload: the switches between a connection and TLS in the kernel or on a NIC, and the
 * programs that turn them. They are run one after the other, without a shell.
 */
#include "counters.h"
#include "verbs.h"

#include <jansson.h>
#include <string.h>

const char offload_help[] =
    "weir offload: show, enable or disable TLS offload\n"
    "\n"
    "Usage: weir offload show [options] [INTERFACE]\n"
    "       weir offload enable [options] [INTERFACE]\n"
    "       weir offload disable [options] [INTERFACE]\n"
    "\n"
    "show: the switches of the system and of interfaces that can. enable: turns on what is off, "
    "for "
    "all\n"
    "interfaces that can, or for one. disable: turns off one interface, or all of them and the\n"
    "system's own switches. What is done lasts until the next start of the system, and concerns "
    "new\n"
    "connections only. weir doctor says what is still missing afterwards.\n"
    "\n"
    "  -n, --dry-run             print what would be run, as lines for a shell; run nothing\n"
    "      --json                print JSON (with show, or with --dry-run)\n"
    "      --host FILE           evaluate a recorded host instead of this one\n"
    "  -h, --help                this text\n"
    "\n"
    "Exit status: 0 done, 1 failed or not allowed, 2 wrong command line.\n";

/*
 * The switches of a system. X(system, name, where it is, for enable, for disable, meaning); "" is
 * left alone. Sources: ktls(4), tuning(7); networking/tls.rst.
 */
#define SWITCH_LIST(X)                                                                             \
    X(FREEBSD, "kern.ipc.tls.enable", SYSCTL, "1", "0", "new sessions are allowed")                \
    X(FREEBSD, "kern.ipc.tls.rx_enable", SYSCTL, "1", "", "receiving ones, too (15.0)")            \
    X(FREEBSD, "kern.ipc.mb_use_ext_pgs", SYSCTL, "1", "", "buffers that sending needs")           \
    X(FREEBSD, "kern.ipc.tls.ifnet.permitted", SYSCTL, "1", "0", "NICs may be asked")              \
    X(FREEBSD, "ktls_ocf", MODULE, "loaded", "", "software crypto (13.x)")                         \
    X(LINUX, "tls", MODULE, "loaded", "", "TLS in the kernel")

/*
 * The switches of an interface, and the word that turns each. X(system, feature, keyword, needed
 * for another one only, meaning)
 */
#define FEATURE_LIST(X)                                                                            \
    X(FREEBSD, "MEXTPG", MEXTPG, true, "buffers of pages")                                         \
    X(FREEBSD, "TXTLS4", "txtls", false, "TX over IPv4")                                           \
    X(FREEBSD, "TXTLS6", "txtls", false, "TX over IPv6")                                           \
    X(FREEBSD, "RXTLS4", "rxtls", false, "RX over IPv4")                                           \
    X(FREEBSD, "RXTLS6", "rxtls", false, "RX over IPv6")                                           \
    X(LINUX, "tx-checksum-ipv4", "tx", true, "what TX stands on")                                  \
    X(LINUX, "tx-checksum-ipv6", "tx", true, "what TX stands on")                                  \
    X(LINUX, "tx-checksum-ip-generic", "tx", true, "what TX stands on")                            \
    X(LINUX, "rx-checksum", "rx", true, "what RX stands on")                                       \
    X(LINUX, "tls-hw-tx-offload", "tls-hw-tx-offload", false, "TX")                                \
    X(LINUX, "tls-hw-rx-offload", "tls-hw-rx-offload", false, "RX")

#define MEXTPG "mextpg" /* 13.x calls it nomap */
enum { LINUX = SYSTEM_LINUX, FREEBSD = SYSTEM_FREEBSD, SYSCTL = HOST_SYSCTL, MODULE = HOST_MODULE };

static const struct toggle {
    int system;
    const char *name;
    int kind;
    const char *enable, *disable, *meaning;
} toggles[] = {
#define X(system, name, kind, enable, disable, meaning)                                            \
    {system, name, kind, enable, disable, meaning},
    SWITCH_LIST(X)
#undef X
};
static const struct feature {
    int system;
    const char *name, *keyword;
    bool base;
    const char *meaning;
} features[] = {
#define X(system, name, keyword, base, meaning) {system, name, keyword, base, meaning},
    FEATURE_LIST(X)
#undef X
};
enum {
    TOGGLE_COUNT = sizeof toggles / sizeof toggles[0],
    FEATURE_COUNT = sizeof features / sizeof features[0],
    STEPS_MAX = 64
};

/* A program to run, or only a remark. */
struct step {
    char words[COMMAND_WORDS][64];
    size_t count; /* 0: a remark */
    char remark[200];
};
struct plan {
    struct host *host;
    const char *interface; /* NULL: all */
    bool enable;
    struct step steps[STEPS_MAX];
    size_t count;
};

#define REMARK(p, ...)                                                                             \
    do {                                                                                           \
        struct step *remark_step = add_step(p);                                                    \
        (void)snprintf(remark_step->remark, sizeof remark_step->remark, __VA_ARGS__);              \
    } while (0)

/* A new step; the last one again when there are too many, which no host has. */
static struct step *add_step(struct plan *p)
{
    struct step *step = &p->steps[p->count < STEPS_MAX ? p->count++ : STEPS_MAX - 1];
    *step = (struct step){.count = 0};
    return step;
}

static void add_word(struct step *step, const char *word)
{
    if (step->count < COMMAND_WORDS) {
        (void)snprintf(step->words[step->count++], sizeof step->words[0], "%s", word);
    }
}

static bool has_word(const struct step *step, const char *word)
{
    for (size_t i = 0; i < step->count; i++) {
        if (strcmp(step->words[i], word) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- the system's own switches ---- */

/* What a switch says; "" where the system does not have it. */
static const char *toggle_value(struct host *host, const struct toggle *t)
{
    struct answer answer = host_ask(host, (enum host_kind)t->kind, t->name);
    bool module = t->kind == MODULE;
    if (module && t->system == FREEBSD && host_osreldate(host) / 100000 != 13) {
        return "";
    }
    if (answer.error != NULL) {
        return module ? "not there" : "";
    }
    return module && strcmp(answer.text, "built-in") == 0 ? "loaded" : answer.text;
}

static void plan_toggle(struct plan *p, const struct toggle *t)
{
    const char *wanted = p->enable ? t->enable : t->disable;
    const char *value = toggle_value(p->host, t);
    char setting[64];
    if (wanted[0] == '\0' || value[0] == '\0') {
        return;
    }
    if (strcmp(value, wanted) == 0) {
        REMARK(p, "%s is %s already", t->name, value);
        return;
    }
    struct step *step = add_step(p);
    if (t->kind == MODULE) {
        add_word(step, t->system == FREEBSD ? "kldload" : "modprobe");
        add_word(step, t->name);
    } else {
        (void)snprintf(setting, sizeof setting, "%s=%s", t->name, wanted);
        add_word(step, "sysctl");
        add_word(step, setting);
    }
    (void)snprintf(step->remark, sizeof step->remark, "%s", t->meaning);
}

/* ---- switches of interfaces ---- */

struct feature_state {
    bool there, on, fixed;
};
static struct feature_state state_of(const char *lines, const char *name)
{
    struct word word;
    struct feature_state state = {.there = find_line(lines, name, &word)};
    if (state.there) {
        state.on = strncmp(word.text, "on", 2) == 0;
        state.fixed = strstr(word.text, "fixed") != NULL;
    }
    return state;
}

/* Whether a keyword has anything to turn, and whether it is already as wanted. */
static bool keyword_can(enum host_system system, const char *lines, const char *keyword,
                        bool enable, bool *done)
{
    bool can = false, any_on = false, all_on = true;
    for (size_t i = 0; i < FEATURE_COUNT; i++) {
        const struct feature *f = &features[i];
        struct feature_state s = state_of(lines, f->name);
        if (f->system == (int)system && strcmp(f->keyword, keyword) == 0 && s.there) {
            can = can || !s.fixed || s.on;
            any_on = any_on || s.on;
            all_on = all_on && (s.on || s.fixed);
        }
    }
    /* Linux: any of several checksums will do. */
    *done = enable ? (system == SYSTEM_LINUX ? any_on : all_on) : !any_on;
    return can;
}

/* Whether TLS can be turned on there at all. */
static bool interface_can(enum host_system system, const char *lines)
{
    for (size_t i = 0; i < FEATURE_COUNT; i++) {
        const struct feature *f = &features[i];
        struct feature_state s = state_of(lines, f->name);
        if (f->system == (int)system && !f->base && s.there && (s.on || !s.fixed)) {
            return true;
        }
    }
    return false;
}

static void start_command(struct plan *p, struct step *step, const char *interface)
{
    if (host_system(p->host) == SYSTEM_LINUX) {
        add_word(step, "ethtool");
        add_word(step, "-K");
    } else {
        add_word(step, "ifconfig");
    }
    add_word(step, interface);
}

/* Linux takes a switch a command, FreeBSD all of them in one. */
static void plan_interface(struct plan *p, const char *interface)
{
    enum host_system system = host_system(p->host);
    const char *lines = host_ask(p->host, HOST_FEATURES, interface).text;
    struct step *step = NULL;
    struct step *first = NULL;
    const char *last = "";
    for (size_t i = 0; i < FEATURE_COUNT; i++) {
        const struct feature *f = &features[i];
        bool done = false;
        if (f->system != (int)system || (f->base && !p->enable) || strcmp(f->keyword, last) == 0) {
            continue;
        }
        last = f->keyword;
        if (!keyword_can(system, lines, f->keyword, p->enable, &done)) {
            if (!f->base && p->enable) {
                REMARK(p, "%s cannot do %s", interface, f->keyword);
            }
            continue;
        }
        if (done) {
            REMARK(p, "%s: %s is %s already", interface, f->keyword, p->enable ? "on" : "off");
            continue;
        }
        if (system == SYSTEM_LINUX || first == NULL) {
            step = add_step(p);
            start_command(p, step, interface);
            first = first == NULL ? step : first;
        }
        char word[40];
        bool minus = system == SYSTEM_FREEBSD && !p->enable;
        bool nomap = strcmp(f->keyword, MEXTPG) == 0 && host_osreldate(p->host) / 100000 == 13;
        (void)snprintf(word, sizeof word, "%s%s", minus ? "-" : "", nomap ? "nomap" : f->keyword);
        if (!has_word(step, word)) {
            add_word(step, word);
        }
        if (system == SYSTEM_LINUX) {
            add_word(step, p->enable ? "on" : "off");
        }
        (void)snprintf(step->remark, sizeof step->remark, "%s: %s", interface,
                       system == SYSTEM_LINUX ? f->meaning : "TLS");
    }
}

/* mlx5en raises its flags whether the card can or not. */
static void remark_adapter(struct plan *p, const char *interface)
{
    char name[64];
    unsigned number = 0;
    if (host_system(p->host) != SYSTEM_FREEBSD || !p->enable || !mce_number(interface, &number)) {
        return;
    }
    (void)snprintf(name, sizeof name, "dev.mce.%u.tls.stats.tx_packets", number);
    if (!host_has(p->host, HOST_SYSCTL, name)) {
        REMARK(p, "%s: the card has no TLS, whatever its flags say: no dev.mce.%u.tls", interface,
               number);
    }
}

static bool plan_interfaces(struct plan *p, struct fault *fault)
{
    enum host_system system = host_system(p->host);
    const char *rest = host_ask(p->host, HOST_INTERFACES, NULL).text;
    struct word name;
    bool any = false;
    while (next_word(&rest, &name)) {
        if (p->interface != NULL && strcmp(p->interface, name.text) != 0) {
            continue;
        }
        if (interface_can(system, host_ask(p->host, HOST_FEATURES, name.text).text)) {
            remark_adapter(p, name.text);
            plan_interface(p, name.text);
            any = true;
        }
    }
    if (!any && p->interface != NULL) {
        FAULT(fault, "%s cannot do TLS; weir doctor %s says what it lacks", p->interface,
              p->interface);
        return false;
    }
    if (!any) {
        REMARK(p, "no interface can do TLS");
    }
    return true;
}

static bool make_plan(struct plan *p, struct fault *fault)
{
    enum host_system system = host_system(p->host);
    if (system == SYSTEM_OTHER) {
        FAULT(fault, "no TLS in the kernel of this system that weir knows");
        return false;
    }
    if (system == SYSTEM_FREEBSD && !host_has(p->host, HOST_SYSCTL, "kern.ipc.tls.enable")) {
        FAULT(fault, "the kernel is built without TLS: kern.ipc.tls is not there");
        return false;
    }
    if (p->enable && system == SYSTEM_FREEBSD) {
        REMARK(p, "mind FreeBSD-SA-26:26.kTLS: software RX of kernels before its fix is unsafe");
    }
    if (!p->enable && !plan_interfaces(p, fault)) {
        return false;
    }
    if (!p->enable && p->interface == NULL && system == SYSTEM_LINUX) {
        REMARK(p, "the module tls stays: the kernel's software can go on");
    }
    for (size_t i = 0; i < TOGGLE_COUNT; i++) {
        if (toggles[i].system == (int)system && (p->enable || p->interface == NULL)) {
            plan_toggle(p, &toggles[i]);
        }
    }
    return !p->enable || plan_interfaces(p, fault);
}

/* ---- what is printed and run ---- */

static void print_step(const struct step *step, const char *before)
{
    (void)printf("%s", step->count == 0 ? "# " : before);
    for (size_t i = 0; i < step->count; i++) {
        (void)printf("%s%s", i == 0 ? "" : " ", step->words[i]);
    }
    (void)printf("%s\n", step->count == 0 ? step->remark : "");
}

static void print_plan(const struct plan *p, bool json)
{
    json_t *steps = json_array();
    for (size_t i = 0; i < p->count; i++) {
        const struct step *step = &p->steps[i];
        json_t *words = json_array();
        for (size_t w = 0; w < step->count; w++) {
            (void)json_array_append_new(words, json_string(step->words[w]));
        }
        (void)json_array_append_new(
            steps, json_pack("{s:o, s:s}", "command", words, "remark", step->remark));
        if (!json) {
            print_step(step, "");
        }
    }
    json_t *report = json_pack("{s:s, s:s, s:o}", "host", host_ask(p->host, HOST_UNAME, NULL).text,
                               "action", p->enable ? "enable" : "disable", "steps", steps);
    if (json) {
        (void)json_dumpf(report, stdout, JSON_COMPACT);
        (void)putchar('\n');
    }
    json_decref(report);
}

static bool run_plan(const struct plan *p, struct fault *fault)
{
    unsigned done = 0;
    for (size_t i = 0; i < p->count; i++) {
        const struct step *step = &p->steps[i];
        struct command command = {.words = {NULL}};
        print_step(step, "+ ");
        if (step->count == 0) {
            continue;
        }
        for (size_t w = 0; w < step->count; w++) {
            command.words[w] = step->words[w];
        }
        int status = command_run(&command, fault);
        if (status != 0) {
            char why[sizeof fault->text];
            (void)snprintf(why, sizeof why, "%s", fault->text);
            if (status > 0) {
                (void)snprintf(why, sizeof why, "%s ended with status %d", step->words[0], status);
            }
            FAULT(fault, "%.300s; commands done before: %u", why, done);
            return false;
        }
        done++;
    }
    return true;
}

/* ---- show ---- */

static void show_one(json_t *list, bool json, const char *interface, const char *name,
                     const char *value, const char *meaning)
{
    (void)json_array_append_new(list, json_pack("{s:s*, s:s, s:s, s:s}", "interface", interface,
                                                "name", name, "value", value, "meaning", meaning));
    if (!json) {
        (void)printf("%s%s%-*s  %-10s  %s\n", interface == NULL ? "" : interface,
                     interface == NULL ? "" : " ",
                     interface == NULL ? 32 : 31 - (int)strlen(interface), name, value, meaning);
    }
}

static void show(struct host *host, const char *only, bool json)
{
    enum host_system system = host_system(host);
    json_t *list = json_array();
    const char *rest = host_ask(host, HOST_INTERFACES, NULL).text;
    struct word name, value;
    for (size_t i = 0; i < TOGGLE_COUNT; i++) {
        const char *text = toggles[i].system == (int)system ? toggle_value(host, &toggles[i]) : "";
        if (text[0] != '\0') {
            show_one(list, json, NULL, toggles[i].name, text, toggles[i].meaning);
        }
    }
    while (next_word(&rest, &name)) {
        const char *lines = host_ask(host, HOST_FEATURES, name.text).text;
        bool wanted = only == NULL ? interface_can(system, lines) : strcmp(only, name.text) == 0;
        for (size_t i = 0; wanted && i < FEATURE_COUNT; i++) {
            if (features[i].system == (int)system && find_line(lines, features[i].name, &value)) {
                show_one(list, json, name.text, features[i].name, value.text, features[i].meaning);
            }
        }
    }
    json_t *report = json_pack("{s:s, s:s, s:o}", "host", host_ask(host, HOST_UNAME, NULL).text,
                               "action", "show", "switches", list);
    if (json) {
        (void)json_dumpf(report, stdout, JSON_COMPACT);
        (void)putchar('\n');
    } else if (json_array_size(list) == 0) {
        (void)printf("no switches of TLS offload here\n");
    }
    json_decref(report);
}

/* ---- the command ---- */

struct options {
    const char *host;
    bool dry, json;
};

static bool take_options(int argc, char **argv, struct options *o, bool *help, struct fault *fault)
{
    static const struct option long_options[] = {
        {"dry-run", no_argument, NULL, 'n'},
        {"json", no_argument, NULL, 'j'},
        {"host", required_argument, NULL, VERB_OPTION_HOST},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0}};
    for (int option; (option = getopt_long(argc, argv, ":nh", long_options, NULL)) != -1;) {
        if (option == ':' || option == '?') {
            return tls_options_wrong(option, argv, fault);
        }
        o->dry = o->dry || option == 'n';
        o->json = o->json || option == 'j';
        o->host = option == VERB_OPTION_HOST ? optarg : o->host;
        *help = *help || option == 'h';
    }
    return true;
}

static bool change(struct host *host, const char *interface, const struct options *o, bool enable,
                   struct fault *fault)
{
    struct plan plan = {.host = host, .interface = interface, .enable = enable};
    if (!o->dry && o->json) {
        USAGE(fault, "--json goes with show or with --dry-run");
        return false;
    }
    if (!o->dry && host_is_recorded(host)) {
        USAGE(fault, "a recorded host cannot be changed; use --dry-run");
        return false;
    }
    if (!o->dry && !host_is_root(host)) {
        FAULT(fault, "only root may change this; --dry-run shows what would be run");
        return false;
    }
    if (!make_plan(&plan, fault)) {
        return false;
    }
    if (o->dry) {
        print_plan(&plan, o->json);
        return true;
    }
    return run_plan(&plan, fault);
}

static bool act(struct host *host, const char *action, const char *interface,
                const struct options *o, struct fault *fault)
{
    if (strcmp(action, "show") == 0) {
        if (o->dry) {
            USAGE(fault, "--dry-run goes with enable and disable");
            return false;
        }
        show(host, interface, o->json);
        return true;
    }
    return change(host, interface, o, strcmp(action, "enable") == 0, fault);
}

int offload_main(int argc, char **argv)
{
    struct options o = {0};
    struct fault fault = {0};
    const char *interface = NULL;
    bool help = false;
    opterr = 0;
    if (!take_options(argc, argv, &o, &help, &fault)) {
        return fault_print("offload", &fault);
    }
    if (help) {
        (void)printf("%s", offload_help);
        return EXIT_FINE;
    }
    const char *action = optind < argc ? argv[optind] : "";
    if (strcmp(action, "show") != 0 && strcmp(action, "enable") != 0 &&
        strcmp(action, "disable") != 0) {
        USAGE(&fault, "give show, enable or disable%s%s%s", action[0] == '\0' ? "" : ", not '",
              action, action[0] == '\0' ? "" : "'");
        return fault_print("offload", &fault);
    }
    struct host *host = verb_host(o.host, argc - optind - 1, argv + optind + 1, &interface, &fault);
    bool good = host != NULL && act(host, action, interface, &o, &fault);
    host_free(host);
    return good ? EXIT_FINE : fault_print("offload", &fault);
}
