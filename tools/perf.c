/* SPDX-License-Identifier: BSD-2-Clause */
#include "perf.h"

#include <signal.h>
#include <string.h>

const char perf_help[] =
    "weir perf: measure a TLS connection, as iperf does for TCP\n"
    "\n"
    "Usage: weir perf -s [options]           wait for clients\n"
    "       weir perf -c HOST [options]      measure against the server at HOST\n"
    "\n"
    "  -s, --server              be the server\n"
    "  -c, --client HOST         be a client\n"
    "  -p, --port PORT           port (default 5201); 0: any, and the server prints it\n"
    "  -B, --bind ADDRESS        server: the address to listen on (default: all)\n"
    "  -1, --one-off             server: serve one client and exit\n"
    "  -t, --time SECONDS        client: how long to send (default 10)\n"
    "  -n, --bytes N             client: how much to send instead, all streams together\n"
    "                            (suffixes K, M, G of 1024)\n"
    "  -i, --interval SECONDS    a line every so often (default 1; 0: none)\n"
    "  -P, --parallel N          client: so many streams at once (default 1)\n"
    "      --threads N           event loops, a thread each; a stream belongs to one of them\n"
    "                            (default 1, at most 64; client: at most one for each stream)\n"
    "  -R, --reverse             client: the server sends\n"
    "      --bidir               client: both send\n"
    "      --two-threads         when both send, each stream receives in a thread of its own at\n"
    "                            this end: worth it where processors are idle\n"
    "      --verify              client: compare SHA-256 digests of what was sent and received\n"
    "      --key-update N        client: a KeyUpdate after every N bytes sent (TLS 1.3)\n"
    "      --json                print JSON\n"
    "  -h, --help                this text\n";

enum {
    OPTION_BIDIR = TLS_OPTION_END,
    OPTION_VERIFY,
    OPTION_KEY_UPDATE,
    OPTION_JSON,
    OPTION_THREADS,
    OPTION_TWO_THREADS
};

static const struct option long_options[] = {
    {"server", no_argument, NULL, 's'},
    {"client", required_argument, NULL, 'c'},
    {"port", required_argument, NULL, 'p'},
    {"bind", required_argument, NULL, 'B'},
    {"one-off", no_argument, NULL, '1'},
    {"time", required_argument, NULL, 't'},
    {"bytes", required_argument, NULL, 'n'},
    {"interval", required_argument, NULL, 'i'},
    {"parallel", required_argument, NULL, 'P'},
    {"threads", required_argument, NULL, OPTION_THREADS},
    {"reverse", no_argument, NULL, 'R'},
    {"bidir", no_argument, NULL, OPTION_BIDIR},
    {"two-threads", no_argument, NULL, OPTION_TWO_THREADS},
    {"verify", no_argument, NULL, OPTION_VERIFY},
    {"key-update", required_argument, NULL, OPTION_KEY_UPDATE},
    {"json", no_argument, NULL, OPTION_JSON},
    {"help", no_argument, NULL, 'h'},
    TLS_LONG_OPTIONS,
    {NULL, 0, NULL, 0}};

/* Options only one role has are noted, to be refused in the other. */
struct roles {
    const char *server, *client;
};

static bool take_number(struct perf_options *o, int option, const char *value, struct fault *fault)
{
    uint64_t number = 0;
    switch (option) {
    case 'p':
        o->port = value;
        if (!parse_number(value, 0, 65535, &number)) {
            USAGE(fault, "-p takes a port from 0 to 65535, not '%s'", value);
            return false;
        }
        return true;
    case 't':
        if (!parse_seconds(value, &o->seconds)) {
            USAGE(fault, "-t takes seconds above 0, at most 86400, not '%s'", value);
            return false;
        }
        return true;
    case 'n':
        if (!parse_bytes(value, &o->bytes)) {
            USAGE(fault, "-n takes bytes, as in 1500, 64K, 1.5G, not '%s'", value);
            return false;
        }
        return true;
    case 'i':
        o->interval = 0;
        if (strcmp(value, "0") != 0 && (!parse_seconds(value, &o->interval) || o->interval < 0.1)) {
            USAGE(fault, "-i takes 0 or seconds from 0.1 on, not '%s'", value);
            return false;
        }
        return true;
    case 'P':
        if (!parse_number(value, 1, STREAMS_MAX, &o->streams)) {
            USAGE(fault, "-P takes 1 to %d streams, not '%s'", STREAMS_MAX, value);
            return false;
        }
        return true;
    case OPTION_THREADS:
        if (!parse_number(value, 1, CREW_MAX, &o->threads)) {
            USAGE(fault, "--threads takes 1 to %d, not '%s'", CREW_MAX, value);
            return false;
        }
        return true;
    default:
        if (!parse_bytes(value, &o->key_update)) {
            USAGE(fault, "--key-update takes bytes, as in 64M, not '%s'", value);
            return false;
        }
        return true;
    }
}

static bool take_option(struct perf_options *o, struct roles *roles, int option, const char *value,
                        struct fault *fault)
{
    switch (option) {
    case 's':
        o->server = true;
        return true;
    case 'c':
        o->host = value;
        return true;
    case 'B':
        o->bind = value;
        roles->server = "-B";
        return true;
    case '1':
        o->once = true;
        roles->server = "-1";
        return true;
    case 'R':
        o->reverse = true;
        roles->client = "-R";
        return true;
    case OPTION_BIDIR:
        o->both = true;
        roles->client = "--bidir";
        return true;
    case OPTION_TWO_THREADS:
        o->two_threads = true;
        return true;
    case OPTION_VERIFY:
        o->verify = true;
        roles->client = "--verify";
        return true;
    case OPTION_JSON:
        o->json = true;
        return true;
    case 't':
        roles->client = "-t";
        return take_number(o, option, value, fault);
    case 'n':
        roles->client = "-n";
        return take_number(o, option, value, fault);
    case 'P':
        roles->client = "-P";
        return take_number(o, option, value, fault);
    case OPTION_KEY_UPDATE:
        roles->client = "--key-update";
        return take_number(o, option, value, fault);
    case 'p':
    case 'i':
    case OPTION_THREADS:
        return take_number(o, option, value, fault);
    default:
        return tls_options_take(&o->tls, option, value, fault);
    }
}

/* What contradicts itself. */
static bool check(const struct perf_options *o, const struct roles *roles, struct fault *fault)
{
    const char *misplaced = o->server ? roles->client : roles->server;
    if (o->server == (o->host != NULL)) {
        USAGE(fault, "give either -s or -c HOST");
    } else if (misplaced != NULL) {
        USAGE(fault, "%s is an option of the %s", misplaced, o->server ? "client" : "server");
    } else if (o->reverse && o->both) {
        USAGE(fault, "-R and --bidir contradict each other");
    } else if (!o->server && o->two_threads && !o->both) {
        USAGE(fault, "--two-threads is for --bidir");
    } else if (o->seconds > 0 && o->bytes > 0) {
        USAGE(fault, "-t and -n contradict each other");
    } else if (!o->server && strcmp(o->port, "0") == 0) {
        USAGE(fault, "a client needs the server's port, not 0");
    } else if (o->bytes > 0 && o->bytes < o->streams) {
        USAGE(fault, "-n %llu is less than a byte for each of %llu streams",
              (unsigned long long)o->bytes, (unsigned long long)o->streams);
    } else if (!o->server && o->threads > o->streams) {
        USAGE(fault, "--threads %llu is more than there are streams (-P %llu)",
              (unsigned long long)o->threads, (unsigned long long)o->streams);
    } else {
        return true;
    }
    return false;
}

int perf_main(int argc, char **argv)
{
    struct perf_options o = {.port = "5201", .interval = 1, .streams = 1, .threads = 1};
    struct roles roles = {0};
    struct fault fault = {0};
    opterr = 0;
    for (int option;
         (option = getopt_long(argc, argv, ":sc:p:B:1t:n:i:P:Rh", long_options, NULL)) != -1;) {
        if (option == 'h') {
            (void)printf("%s%s", perf_help, tls_options_help);
            return EXIT_FINE;
        }
        bool ok = option == ':' || option == '?' ? tls_options_wrong(option, argv, &fault)
                                                 : take_option(&o, &roles, option, optarg, &fault);
        if (!ok) {
            return fault_print("perf", &fault);
        }
    }
    if (optind < argc) {
        USAGE(&fault, "unexpected argument '%s'", argv[optind]);
        return fault_print("perf", &fault);
    }
    if (!check(&o, &roles, &fault)) {
        return fault_print("perf", &fault);
    }
    if (o.seconds <= 0) {
        o.seconds = 10;
    }
    return o.server ? perf_server(&o) : perf_client(&o);
}

/* Makes all loops; those behind the first begin to run. */
static bool open_worlds(struct perf *perf, const struct perf_role *role, struct fault *fault)
{
    for (; perf->open < perf->options->threads; perf->open++) {
        struct stream_world *world = &perf->worlds[perf->open];
        *world = (struct stream_world){.library = perf->library,
                                       .context = perf->context,
                                       .candidates = &perf->candidates,
                                       .record_size = perf->options->tls.record_size,
                                       .policy = perf->options->tls.policy,
                                       .two_threads = perf->options->two_threads,
                                       .data = role->data,
                                       .woken = perf->open == 0 ? role->on_woken : NULL};
        if (!stream_world_open(world, fault)) {
            return false;
        }
        if (perf->open > 0 && !crew_start(&world->crew, fault)) {
            perf->open++;
            return false;
        }
    }
    return true;
}

static void close_worlds(struct perf *perf)
{
    /* The first last: the others may still wake it. */
    while (perf->open > 0) {
        stream_world_close(&perf->worlds[--perf->open]);
    }
    perf->library->close(perf->context);
    uv_mutex_destroy(&perf->lock);
}

bool perf_open(struct perf *perf, const struct perf_options *options, const struct perf_role *role,
               struct fault *fault)
{
    *perf = (struct perf){.options = options};
    if (!tls_options_resolve(&options->tls, options->server, &perf->library, &perf->settings,
                             fault) ||
        !tls_library_threads(perf->library, options->threads > 1, "--threads", fault) ||
        !tls_library_threads(perf->library, options->two_threads, "--two-threads", fault) ||
        !candidates_choose(&perf->candidates, options->tls.backend, options->tls.aead, fault)) {
        return false;
    }
    perf->context = perf->library->open(&perf->settings, fault);
    if (perf->context == NULL) {
        return false;
    }
    json_object_seed(0); /* which only one thread may do */
    if (uv_mutex_init_recursive(&perf->lock) != 0) {
        perf->library->close(perf->context);
        FAULT(fault, "cannot make a lock");
        return false;
    }
    if (!open_worlds(perf, role, fault)) {
        close_worlds(perf);
        return false;
    }
    perf->loop = &perf->worlds[0].crew.loop;
    (void)uv_signal_init(perf->loop, &perf->interrupt);
    (void)uv_signal_init(perf->loop, &perf->terminate);
    (void)uv_timer_init(perf->loop, &perf->watch);
    perf->interrupt.data = perf->terminate.data = perf->watch.data = perf;
    (void)uv_signal_start(&perf->interrupt, role->on_signal, SIGINT);
    (void)uv_signal_start(&perf->terminate, role->on_signal, SIGTERM);
    (void)uv_timer_start(&perf->watch, role->on_watch, 1000, 1000);
    return true;
}

void perf_close(struct perf *perf)
{
    uv_close((uv_handle_t *)&perf->interrupt, NULL);
    uv_close((uv_handle_t *)&perf->terminate, NULL);
    uv_close((uv_handle_t *)&perf->watch, NULL);
    close_worlds(perf);
}

struct stream_world *perf_world(struct perf *perf)
{
    return &perf->worlds[perf->next++ % perf->open];
}

void perf_wake(struct perf *perf)
{
    crew_wake(&perf->worlds[0].crew);
}
