/* SPDX-License-Identifier: BSD-2-Clause */
#include "stats.h"
#include "verbs.h"

#include <jansson.h>
#include <string.h>

const char stats_help[] =
    "weir stats: what the kernel and the NIC count about TLS\n"
    "\n"
    "Usage: weir stats [options] [INTERFACE]\n"
    "\n"
    "Every counter with its meaning, and a last line that says whether offload is active, and "
    "why.\n"
    "weir's own counters belong to each connection, and no process tells them to others: weir "
    "perf\n"
    "--json prints those of its connections, and in a program weir_tx_counters() and\n"
    "weir_rx_counters() read them.\n"
    "\n"
    "  -w, --watch SECONDS       again and again, with rates\n"
    "  -c, --count N             with --watch: end after so many times\n"
    "      --json                print JSON, an object a line\n"
    "      --prometheus          print the text format of Prometheus\n"
    "      --host FILE           evaluate a recorded host instead of this one\n"
    "  -h, --help                this text\n"
    "\n"
    "Exit status: 0 done, 1 could not look, 2 wrong command line.\n";

struct options {
    const char *host;
    double seconds; /* 0: once */
    uint64_t count; /* 0: for ever */
    bool json, prometheus;
};

static const char *const actives[] = {
#define X(symbol, word) word,
    STATS_ACTIVE_LIST(X)
#undef X
};

/* ---- what is printed ---- */

static double rate_of(const struct reading *now, const struct readings *before, double seconds)
{
    uint64_t earlier = counters_before(before, now);
    /* A driver that was loaded again begins from zero. */
    return now->value < earlier ? 0 : (double)(now->value - earlier) / seconds;
}

static void print_text(const struct readings *now, const struct readings *before, double seconds,
                       const struct verdict *verdict)
{
    if (seconds > 0) {
        (void)printf("after %.1f s:\n", seconds);
    }
    for (size_t i = 0; i < now->count; i++) {
        const struct reading *one = &now->list[i];
        char rate[32] = "";
        if (seconds > 0 && !one->counter->now) {
            (void)snprintf(rate, sizeof rate, "  %10.1f/s", rate_of(one, before, seconds));
        }
        (void)printf("%-44s  %14llu%s  %s\n", counter_show(one).text,
                     (unsigned long long)one->value, rate, one->counter->meaning);
    }
    (void)printf("%s\n", verdict->text);
}

static void print_json(struct host *host, const struct readings *now, const struct readings *before,
                       double seconds, const struct verdict *verdict)
{
    json_t *list = json_array();
    for (size_t i = 0; i < now->count; i++) {
        const struct reading *one = &now->list[i];
        const char *interface = one->interface[0] == '\0' ? NULL : one->interface;
        json_t *entry =
            json_pack("{s:s, s:s*, s:s, s:I, s:s}", "name", counter_show(one).text, "interface",
                      interface, "kind", one->counter->now ? "now" : "sum", "value",
                      (json_int_t)one->value, "meaning", one->counter->meaning);
        if (seconds > 0 && !one->counter->now) {
            (void)json_object_set_new(entry, "rate", json_real(rate_of(one, before, seconds)));
        }
        (void)json_array_append_new(list, entry);
    }
    json_t *report =
        json_pack("{s:s, s:o, s:s, s:s}", "host", host_ask(host, HOST_UNAME, NULL).text, "counters",
                  list, "active", actives[verdict->active], "verdict", verdict->text);
    if (seconds > 0) {
        (void)json_object_set_new(report, "seconds", json_real(seconds));
    }
    (void)json_dumpf(report, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
    (void)putchar('\n');
    json_decref(report);
}

static void print(const struct options *o, struct host *host, const struct readings *now,
                  const struct readings *before, double seconds)
{
    struct verdict verdict;
    stats_judge(host, now, &verdict);
    if (o->prometheus) {
        stats_prometheus(now, &verdict);
    } else if (o->json) {
        print_json(host, now, before, seconds, &verdict);
    } else {
        print_text(now, before, seconds, &verdict);
    }
}

/* ---- the command ---- */

static bool take_option(struct options *o, int option, const char *value, struct fault *fault)
{
    switch (option) {
    case 'w':
        if (!parse_seconds(value, &o->seconds)) {
            USAGE(fault, "--watch takes seconds above 0, at most 86400, not '%s'", value);
            return false;
        }
        return true;
    case 'c':
        if (!parse_number(value, 1, UINT32_MAX, &o->count)) {
            USAGE(fault, "--count takes a number from 1 on, not '%s'", value);
            return false;
        }
        return true;
    case 'j':
        o->json = true;
        return true;
    case 'p':
        o->prometheus = true;
        return true;
    default:
        o->host = value;
        return true;
    }
}

static bool take_options(int argc, char **argv, struct options *o, bool *help, struct fault *fault)
{
    static const struct option long_options[] = {
        {"watch", required_argument, NULL, 'w'},
        {"count", required_argument, NULL, 'c'},
        {"json", no_argument, NULL, 'j'},
        {"prometheus", no_argument, NULL, 'p'},
        {"host", required_argument, NULL, VERB_OPTION_HOST},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0}};
    for (int option; (option = getopt_long(argc, argv, ":w:c:h", long_options, NULL)) != -1;) {
        if (option == 'h') {
            *help = true;
            return true;
        }
        if (option == ':' || option == '?' ? !tls_options_wrong(option, argv, fault)
                                           : !take_option(o, option, optarg, fault)) {
            return false;
        }
    }
    if (o->json && o->prometheus) {
        USAGE(fault, "--json and --prometheus contradict each other");
    } else if (o->prometheus && o->seconds > 0) {
        USAGE(fault, "--prometheus and --watch contradict each other: Prometheus asks by itself");
    } else if (o->count > 0 && o->seconds <= 0) {
        USAGE(fault, "--count goes with --watch");
    } else {
        return true;
    }
    return false;
}

static void watch(const struct options *o, struct host *host, const char *interface)
{
    struct readings now, before;
    counters_read(host, interface, &now);
    print(o, host, &now, &now, 0);
    for (uint64_t i = 1; o->seconds > 0 && (o->count == 0 || i < o->count); i++) {
        (void)fflush(stdout);
        before = now;
        double passed = host_pause(host, o->seconds);
        if (passed <= 0 || ferror(stdout) != 0) {
            break;
        }
        counters_read(host, interface, &now);
        print(o, host, &now, &before, passed);
    }
}

int stats_main(int argc, char **argv)
{
    struct options o = {0};
    struct fault fault = {0};
    const char *interface = NULL;
    bool help = false;
    opterr = 0;
    if (!take_options(argc, argv, &o, &help, &fault)) {
        return fault_print("stats", &fault);
    }
    if (help) {
        (void)printf("%s", stats_help);
        return EXIT_FINE;
    }
    struct host *host = verb_host(o.host, argc - optind, argv + optind, &interface, &fault);
    if (host == NULL) {
        return fault_print("stats", &fault);
    }
    watch(&o, host, interface);
    host_free(host);
    return EXIT_FINE;
}
