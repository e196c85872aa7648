/* SPDX-License-Identifier: BSD-2-Clause */
#include "serve.h"

#include "serve_server.h"

#include <string.h>

const char serve_help[] =
    "weir serve: the files of a directory over HTTPS\n"
    "\n"
    "Usage: weir serve [options] DIR\n"
    "       weir serve [options] --echo\n"
    "\n"
    "A directory is answered with its index.html, or with a list of what is in it. Names with a\n"
    "dot in front are not served (but .well-known is), nor is anything outside of DIR.\n"
    "\n"
    "  -p, --port PORT           port (default 8443); 0: any, and the first line tells it\n"
    "  -B, --bind ADDRESS        the address to listen on (default 127.0.0.1: this machine only;\n"
    "                            '::' is every address)\n"
    "  -v, --verbose             a line for every request, or for every echo\n"
    "      --echo                answer every byte with itself instead\n"
    "      --timeout SECONDS     for a handshake, for a request, between requests, and without\n"
    "                            progress in an answer (default 30)\n"
    "      --connections N       most connections at once (default 1000); others wait\n"
    "      --threads N           event loops, a thread each; each connection belongs to one\n"
    "                            (default 1, at most 64)\n"
    "  -h, --help                this text\n";

enum { OPTION_ECHO = TLS_OPTION_END, OPTION_TIMEOUT, OPTION_CONNECTIONS, OPTION_THREADS };

static const struct option long_options[] = {
    {"port", required_argument, NULL, 'p'},
    {"bind", required_argument, NULL, 'B'},
    {"verbose", no_argument, NULL, 'v'},
    {"echo", no_argument, NULL, OPTION_ECHO},
    {"timeout", required_argument, NULL, OPTION_TIMEOUT},
    {"connections", required_argument, NULL, OPTION_CONNECTIONS},
    {"threads", required_argument, NULL, OPTION_THREADS},
    {"help", no_argument, NULL, 'h'},
    TLS_LONG_OPTIONS,
    {NULL, 0, NULL, 0}};

static bool take_option(struct serve_options *o, bool *echo, int option, const char *value,
                        struct fault *fault)
{
    uint64_t port = 0;
    switch (option) {
    case 'p':
        o->port = value;
        if (!parse_number(value, 0, 65535, &port)) {
            USAGE(fault, "-p takes a port from 0 to 65535, not '%s'", value);
            return false;
        }
        return true;
    case 'B':
        o->bind = value;
        return true;
    case 'v':
        o->verbose = true;
        return true;
    case OPTION_ECHO:
        *echo = true;
        return true;
    case OPTION_TIMEOUT:
        if (!parse_seconds(value, &o->timeout)) {
            USAGE(fault, "--timeout takes seconds above 0, at most 86400, not '%s'", value);
            return false;
        }
        return true;
    case OPTION_CONNECTIONS:
        if (!parse_number(value, 1, 100000, &o->connections)) {
            USAGE(fault, "--connections takes 1 to 100000, not '%s'", value);
            return false;
        }
        return true;
    case OPTION_THREADS:
        if (!parse_number(value, 1, CREW_MAX, &o->threads)) {
            USAGE(fault, "--threads takes 1 to %d, not '%s'", CREW_MAX, value);
            return false;
        }
        return true;
    case TLS_OPTION_CA:
    case TLS_OPTION_INSECURE:
        USAGE(fault, "%s is for clients; a server here does not ask them for certificates",
              option == TLS_OPTION_CA ? "--ca" : "--insecure");
        return false;
    default:
        return tls_options_take(&o->tls, option, value, fault);
    }
}

/* What is served: DIR, or nothing but echoes. */
static bool take_directory(struct serve_options *o, bool echo, int argc, char **argv,
                           struct fault *fault)
{
    if (argc - optind > (echo ? 0 : 1)) {
        USAGE(fault, "unexpected argument '%s'", argv[optind + (echo ? 0 : 1)]);
        return false;
    }
    if (argc == optind && !echo) {
        USAGE(fault, "give the directory to serve, or --echo");
        return false;
    }
    o->directory = echo ? NULL : argv[optind];
    return true;
}

int serve_main(int argc, char **argv)
{
    struct serve_options o = {
        .bind = "127.0.0.1", .port = "8443", .timeout = 30, .connections = 1000, .threads = 1};
    struct fault fault = {0};
    bool echo = false;
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, ":p:B:vh", long_options, NULL)) != -1;) {
        if (option == 'h') {
            (void)printf("%s%s", serve_help, tls_server_options_help);
            return EXIT_FINE;
        }
        bool ok = option == ':' || option == '?' ? tls_options_wrong(option, argv, &fault)
                                                 : take_option(&o, &echo, option, optarg, &fault);
        if (!ok) {
            return fault_print("serve", &fault);
        }
    }
    if (!take_directory(&o, echo, argc, argv, &fault)) {
        return fault_print("serve", &fault);
    }
    return serve_run(&o);
}
