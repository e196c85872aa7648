/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The weir command: one verb a file.
 */
#include "doctor.h"
#include "perf.h"
#include "serve.h"
#include "verbs.h"
#ifdef WEIR_HAVE_SIM
#include "sim.h"
#endif

#include <signal.h>
#include <string.h>

#ifndef WEIR_VERSION
#define WEIR_VERSION "?"
#endif

static const struct verb {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help, *more, *summary;
} verbs[] = {
    {"perf", perf_main, perf_help, tls_options_help,
     "measure a TLS connection, as iperf does for TCP"},
    {"serve", serve_main, serve_help, tls_server_options_help,
     "the files of a directory over HTTPS"},
    {"backends", backends_main, backends_help, "",
     "what would carry a connection here, and why the rest would not"},
    {"doctor", doctor_main, doctor_help, "",
     "what stands between this host and TLS in its kernel or on its NIC"},
    {"offload", offload_main, offload_help, "", "show, enable or disable TLS offload"},
    {"stats", stats_main, stats_help, "", "what the kernel and the NIC count about TLS"},
#ifdef WEIR_HAVE_SIM
    {"sim", sim_main, sim_help, sim_faults_help, "TLS in a NIC, in a simulated network"},
#endif
};
enum { VERB_COUNT = sizeof verbs / sizeof verbs[0] };

static const struct verb *find(const char *name)
{
    for (size_t i = 0; i < VERB_COUNT; i++) {
        if (strcmp(verbs[i].name, name) == 0) {
            return &verbs[i];
        }
    }
    return NULL;
}

static int help(FILE *out)
{
    (void)fprintf(out, "weir: the TLS record layer after the handshake\n"
                       "\n"
                       "Usage: weir COMMAND [options]\n"
                       "\n");
    for (size_t i = 0; i < VERB_COUNT; i++) {
        (void)fprintf(out, "  %-18s%s\n", verbs[i].name, verbs[i].summary);
    }
    (void)fprintf(out, "  help [COMMAND]    this text, or a command's options\n"
                       "  --version         the version\n");
    return EXIT_FINE;
}

static int help_about(int argc, char **argv)
{
    struct fault fault;
    if (argc < 3) {
        return help(stdout);
    }
    const struct verb *verb = find(argv[2]);
    if (verb == NULL) {
        USAGE(&fault, "unknown command '%s'", argv[2]);
        return fault_print("", &fault);
    }
    (void)printf("%s%s", verb->help, verb->more);
    return EXIT_FINE;
}

int main(int argc, char **argv)
{
    struct fault fault;
    /* A reader of our output that went away is no reason to die half-way. */
    (void)signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        (void)help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        (void)printf("weir %s\n", WEIR_VERSION);
        tls_libraries_print();
        return EXIT_FINE;
    }
    if (strcmp(argv[1], "help") == 0) {
        return help_about(argc, argv);
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        return help(stdout);
    }
    const struct verb *verb = find(argv[1]);
    if (verb == NULL) {
        USAGE(&fault, "unknown %s '%s'", argv[1][0] == '-' ? "option" : "command", argv[1]);
        return fault_print("", &fault);
    }
    return verb->run(argc - 1, argv + 1);
}
