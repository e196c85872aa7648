/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim.h"

#include "backends.h"
#include "sim_handshake.h"
#include "tls.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const char sim_help[] =
    "weir sim: TLS in a NIC, segment by segment, in a simulated network\n"
    "\n"
    "Usage: weir sim [--seed N] [options]\n"
    "\n"
    "Connections whose records a model of a ConnectX-6 Dx encrypts and decrypts go over links "
    "that\n"
    "lose and reorder, to peers that know nothing but TLS. Everything follows from the seed: what "
    "is\n"
    "not said below is drawn from it, and the same seed gives the same run, on every machine. "
    "After\n"
    "every step the plaintext, every byte on the wire, the place of the card and all nonces are "
    "held\n"
    "against what they have to be.\n"
    "\n"
    "      --seed N            the seed (default: drawn, and told)\n"
    "      --runs K            so many runs, with seeds from N on (default 1)\n"
    "      --loss P            percent of frames that are lost, each way; 0 to 50\n"
    "      --reorder P, --dup P, --corrupt P     that come late, twice, damaged\n"
    "      --flows F           connections at once, 1 to 8\n"
    "      --bytes B           content of each connection (suffixes K, M of 1024)\n"
    "      --direction WAY     send, receive or both: what is offloaded and used\n"
    "      --tls VERSION       v1.2 or v1.3\n"
    "      --key-bits N        128 or 256\n"
    "      --record N          longest content of a record\n"
    "      --policy NAME       what becomes of a segment that is not where the card stands:\n"
    "                          automatic, resync or fallback\n"
    "      --variant NAME      whose way back to a place: freebsd or linux\n"
    "      --queue N           blocks of the send queue: 64 to 32768, a power of two\n"
    "      --aead NAME         who encrypts in software (see weir help backends)\n"
    "      --fault WHAT[@N]    a fault of the card, see below; may be given again\n"
    "      --json              print JSON\n"
    "      --trace FILE        write what happens, a line each\n"
    "      --pcap FILE         write the wire at the host with the card\n"
    "      --keylog FILE       begin each connection with a real handshake and write its secrets, "
    "so\n"
    "                          that tshark can read the capture; keys are then random\n"
    "  -h, --help              this text\n"
    "\n";

enum {
    OPTION_SEED = 500,
    OPTION_RUNS,
    OPTION_LOSS,
    OPTION_REORDER,
    OPTION_DUP,
    OPTION_CORRUPT,
    OPTION_FLOWS,
    OPTION_BYTES,
    OPTION_DIRECTION,
    OPTION_TLS,
    OPTION_KEY_BITS,
    OPTION_RECORD,
    OPTION_POLICY,
    OPTION_VARIANT,
    OPTION_QUEUE,
    OPTION_AEAD,
    OPTION_FAULT,
    OPTION_JSON,
    OPTION_TRACE,
    OPTION_PCAP,
    OPTION_KEYLOG,
};

static const struct option long_options[] = {
    {"seed", required_argument, NULL, OPTION_SEED},
    {"runs", required_argument, NULL, OPTION_RUNS},
    {"loss", required_argument, NULL, OPTION_LOSS},
    {"reorder", required_argument, NULL, OPTION_REORDER},
    {"dup", required_argument, NULL, OPTION_DUP},
    {"corrupt", required_argument, NULL, OPTION_CORRUPT},
    {"flows", required_argument, NULL, OPTION_FLOWS},
    {"bytes", required_argument, NULL, OPTION_BYTES},
    {"direction", required_argument, NULL, OPTION_DIRECTION},
    {"tls", required_argument, NULL, OPTION_TLS},
    {"key-bits", required_argument, NULL, OPTION_KEY_BITS},
    {"record", required_argument, NULL, OPTION_RECORD},
    {"policy", required_argument, NULL, OPTION_POLICY},
    {"variant", required_argument, NULL, OPTION_VARIANT},
    {"queue", required_argument, NULL, OPTION_QUEUE},
    {"aead", required_argument, NULL, OPTION_AEAD},
    {"fault", required_argument, NULL, OPTION_FAULT},
    {"json", no_argument, NULL, OPTION_JSON},
    {"trace", required_argument, NULL, OPTION_TRACE},
    {"pcap", required_argument, NULL, OPTION_PCAP},
    {"keylog", required_argument, NULL, OPTION_KEYLOG},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0}};

/* ---- the command line ---- */

/* "12.5": percent, as a chance in millionths. */
static bool take_percent(const char *name, const char *value, long *chance, struct fault *fault)
{
    if (value[0] >= '0' && value[0] <= '9') { /* strtod would take blanks, signs, "inf" and "nan" */
        char *end = NULL;
        double number = strtod(value, &end);
        if (end[0] == '\0' && number <= 50) {
            *chance = (long)(number * 10000 + 0.5);
            return true;
        }
    }
    USAGE(fault, "--%s takes percent from 0 to 50, not '%.40s'", name, value);
    return false;
}

static bool take_number(const char *name, const char *value, uint64_t least, uint64_t most,
                        uint64_t *number, struct fault *fault)
{
    if (parse_number(value, least, most, number)) {
        return true;
    }
    USAGE(fault, "--%s takes a number from %" PRIu64 " to %" PRIu64 ", not '%.40s'", name, least,
          most, value);
    return false;
}

/* One of a list of names that ends with NULL; *index is which. */
static bool take_name(const char *name, const char *value, const char *const *names,
                      const char **taken, struct fault *fault)
{
    char list[80] = "";
    for (size_t i = 0; names[i] != NULL; i++) {
        if (strcmp(names[i], value) == 0) {
            *taken = names[i];
            return true;
        }
        size_t used = strlen(list);
        (void)snprintf(list + used, sizeof list - used, "%s%s",
                       i == 0                 ? ""
                       : names[i + 1] == NULL ? " or "
                                              : ", ",
                       names[i]);
    }
    USAGE(fault, "--%s takes %s, not '%.40s'", name, list, value);
    return false;
}

static const char *const directions[] = {"send", "receive", "both", NULL};
static const char *const versions[] = {"v1.2", "v1.3", NULL};
static const char *const policies[] = {"automatic", "resync", "fallback", NULL};
static const char *const variants[] = {"freebsd", "linux", NULL};

static bool take_size(struct sim_options *o, int option, const char *value, struct fault *fault)
{
    switch (option) {
    case OPTION_SEED:
        o->seed_given = true;
        return take_number("seed", value, 0, INT64_MAX, &o->seed, fault);
    case OPTION_RUNS:
        return take_number("runs", value, 1, 1000000000, &o->runs, fault);
    case OPTION_FLOWS:
        return take_number("flows", value, 1, SIM_DEVICE_FLOWS, &o->flows, fault);
    case OPTION_RECORD:
        return take_number("record", value, 1, 16384, &o->record, fault);
    case OPTION_KEY_BITS:
        if (strcmp(value, "128") == 0 || strcmp(value, "256") == 0) {
            return parse_number(value, 128, 256, &o->key_bits);
        }
        USAGE(fault, "--key-bits takes 128 or 256, not '%.40s'", value);
        return false;
    case OPTION_QUEUE:
        if (parse_number(value, 64, 32768, &o->queue) && (o->queue & (o->queue - 1)) == 0) {
            return true;
        }
        USAGE(fault, "--queue takes a power of two from 64 to 32768, not '%.40s'", value);
        return false;
    default:
        if (parse_bytes(value, &o->bytes) && o->bytes <= 1u << 28) {
            return true;
        }
        USAGE(fault, "--bytes takes bytes up to 256M, as in 1500, 64K, not '%.40s'", value);
        return false;
    }
}

static bool take_fault(struct sim_options *o, const char *value, struct fault *fault)
{
    struct sim_faults trial = {{0}, 0, {{0}}, 0};
    uint64_t packet;
    if (!sim_fault_plan(&trial, &packet, value, fault)) {
        return false;
    }
    if (o->fault_count == SIM_FAULT_PLANS) {
        USAGE(fault, "--fault: at most %u of them", SIM_FAULT_PLANS);
        return false;
    }
    o->faults[o->fault_count++] = value;
    return true;
}

static bool take_option(struct sim_options *o, int option, const char *value, struct fault *fault)
{
    switch (option) {
    case OPTION_LOSS:
        return take_percent("loss", value, &o->loss, fault);
    case OPTION_REORDER:
        return take_percent("reorder", value, &o->reorder, fault);
    case OPTION_DUP:
        return take_percent("dup", value, &o->duplicate, fault);
    case OPTION_CORRUPT:
        return take_percent("corrupt", value, &o->corrupt, fault);
    case OPTION_DIRECTION:
        return take_name("direction", value, directions, &o->direction, fault);
    case OPTION_TLS:
        return take_name("tls", value, versions, &o->version, fault);
    case OPTION_POLICY:
        return take_name("policy", value, policies, &o->policy, fault);
    case OPTION_VARIANT:
        return take_name("variant", value, variants, &o->variant, fault);
    case OPTION_AEAD:
        o->aead = value;
        return true;
    case OPTION_FAULT:
        return take_fault(o, value, fault);
    case OPTION_JSON:
        o->json = true;
        return true;
    case OPTION_TRACE:
        o->trace = value;
        return true;
    case OPTION_PCAP:
        o->pcap = value;
        return true;
    case OPTION_KEYLOG:
        o->keylog = value;
        return true;
    default:
        return take_size(o, option, value, fault);
    }
}

static bool take_options(int argc, char **argv, struct sim_options *o, bool *help,
                         struct fault *fault)
{
    for (int option; (option = getopt_long(argc, argv, ":h", long_options, NULL)) != -1;) {
        if (option == 'h') {
            *help = true;
            return true;
        }
        if (option == ':' || option == '?' ? !tls_options_wrong(option, argv, fault)
                                           : !take_option(o, option, optarg, fault)) {
            return false;
        }
    }
    if (optind < argc) {
        USAGE(fault, "unexpected argument '%.100s'", argv[optind]);
        return false;
    }
    const char *of_one = o->trace != NULL ? "--trace" : o->pcap != NULL ? "--pcap" : "--keylog";
    if (o->runs > 1 && (o->trace != NULL || o->pcap != NULL || o->keylog != NULL)) {
        USAGE(fault, "%s is of one run; it does not go with --runs", of_one);
        return false;
    }
    return true;
}

/* ---- the runs ---- */

static const struct weir_aead *provider(struct candidates *c, const char *name, struct fault *fault)
{
    if (!candidates_choose(c, "soft", name, fault)) {
        return NULL;
    }
    for (size_t i = 0; i < c->soft_count; i++) {
        if (c->software[i] == &c->soft[i].backend && c->soft[i].aead->keystream != NULL) {
            return c->soft[i].aead;
        }
    }
    FAULT(fault, "no provider that can encrypt from the middle of a record");
    return NULL;
}

/* The place of a name that take_name took. */
static size_t which(const char *name, const char *const *names)
{
    size_t i = 0;
    while (names[i] != NULL && strcmp(names[i], name) != 0) {
        i++;
    }
    return i;
}

/* What the seed says, and over it what the command line says. */
static void configure(const struct sim_options *o, uint64_t seed, struct sim_device_config *c)
{
    sim_device_draw(c, seed);
    if (o->loss >= 0) {
        c->link.loss = (uint32_t)o->loss;
    }
    if (o->reorder >= 0) {
        c->link.reorder = (uint32_t)o->reorder;
    }
    if (o->duplicate >= 0) {
        c->link.duplicate = (uint32_t)o->duplicate;
    }
    if (o->corrupt >= 0) {
        c->link.corrupt = (uint32_t)o->corrupt;
    }
    c->flows = o->flows > 0 ? (unsigned)o->flows : c->flows;
    c->bytes = o->bytes > 0 ? o->bytes : c->bytes;
    c->record = o->record > 0 ? (size_t)o->record : c->record;
    c->key_bits = (unsigned)o->key_bits;
    if (o->queue > 0) {
        c->queue = (uint32_t)o->queue;
        c->signal = c->signal < c->queue / 4 ? c->signal : (uint16_t)(c->queue / 4);
    }
    if (o->direction != NULL) {
        c->send = strcmp(o->direction, "receive") != 0;
        c->receive = strcmp(o->direction, "send") != 0;
    }
    if (o->version != NULL) {
        c->version = strcmp(o->version, "v1.3") == 0 ? WEIR_TLS13 : WEIR_TLS12;
    }
    if (o->policy != NULL) {
        c->policy = (enum weir_mlx5_policy)which(o->policy, policies);
    }
    if (o->variant != NULL) {
        c->driver = (enum weir_mlx5_driver)which(o->variant, variants);
        c->trigger = (enum weir_mlx5_trigger)which(o->variant, variants);
    }
}

/* Once a second, to somebody who is looking. */
struct progress {
    bool wanted;
    time_t last;
};

static void show_progress(struct progress *p, const struct sim_options *o, uint64_t run,
                          const struct sim_device *device, const struct sim_device_config *c)
{
    struct sim_device_report report;
    time_t now = time(NULL);
    if (!p->wanted || now == p->last) {
        return;
    }
    p->last = now;
    sim_device_report(device, &report);
    double all = (double)c->bytes * c->flows * ((c->send ? 1 : 0) + (c->receive ? 1 : 0));
    (void)fprintf(stderr, "run %" PRIu64 " of %" PRIu64 ": %.0f %% of %s, %.3f s\n", run + 1,
                  o->runs, all > 0 ? (double)report.content * 100 / all : 100, show_bytes(all).text,
                  (double)report.ticks / 1e6);
}

/* The same without anything that is lost, late or wrong: what goodput is measured against. */
static uint64_t quiet_ticks(const struct sim_device_config *config)
{
    struct sim_device_config c = *config;
    struct sim_device_report report;
    c.tap = NULL;
    c.faults = NULL;
    c.link.loss = c.link.reorder = c.link.duplicate = c.link.corrupt = 0;
    return sim_device_run(&c, &report) ? report.ticks : 0;
}

static void free_handshakes(struct sim_handshake *handshakes)
{
    for (unsigned i = 0; i < SIM_DEVICE_FLOWS; i++) {
        sim_handshake_free(&handshakes[i]);
    }
}

/* Handshakes for all flows of a run. */
static bool make_handshakes(const struct sim_options *o, const struct sim_device_config *c,
                            struct sim_handshake *handshakes, struct sim_device_opening *openings,
                            struct fault *fault)
{
    bool good = true;
    uint64_t draw = c->seed;
    FILE *keylog = fopen(o->keylog, "w");
    if (keylog == NULL) {
        FAULT(fault, "%.200s: %s", o->keylog, strerror(errno));
        return false;
    }
    for (unsigned i = 0; good && i < c->flows; i++) {
        uint64_t bits = sim_random(&draw);
        uint16_t version = c->version != 0 ? c->version : bits % 2 == 0 ? WEIR_TLS12 : WEIR_TLS13;
        unsigned key_bits = c->key_bits != 0 ? c->key_bits : bits / 2 % 2 == 0 ? 128 : 256;
        good = sim_handshake_make(&handshakes[i], version, key_bits, keylog, fault);
        openings[i] = handshakes[i].opening;
    }
    bool written = ferror(keylog) == 0;
    written = fclose(keylog) == 0 && written;
    if (good && !written) {
        FAULT(fault, "not all of the key log could be written");
    }
    return good && written;
}

static bool run_all(const struct sim_options *o, const struct weir_aead *aead,
                    const struct sim_device_opening *openings, struct sim_device_tap *tap,
                    struct sim_totals *totals, uint64_t *failed_seed,
                    struct sim_device_report *failed)
{
    struct progress progress = {!o->json && isatty(STDERR_FILENO) == 1, time(NULL)};
    for (uint64_t run = 0; run < o->runs; run++) {
        struct sim_device_config c = {.aead = aead};
        struct sim_faults faults = {{0}, 0, {{0}}, 0};
        struct sim_device_report report;
        struct fault ignored;
        configure(o, o->seed + run, &c);
        for (size_t i = 0; i < o->fault_count; i++) {
            (void)sim_fault_plan(&faults, &c.wrong_packet, o->faults[i], &ignored);
        }
        c.faults = faults.planned > 0 ? &faults : NULL;
        c.tap = tap;
        c.openings = openings;
        struct sim_device *device = sim_device_new(&c);
        for (unsigned step = 0; sim_device_step(device); step++) {
            if (step % 1024 == 0) {
                show_progress(&progress, o, run, device, &c);
            }
        }
        sim_device_report(device, &report);
        sim_device_free(device);
        sim_add(totals, &report);
        totals->struck += faults.struck;
        totals->quiet_ticks += report.failed ? report.ticks : quiet_ticks(&c);
        if (report.failed) {
            *failed_seed = o->seed + run;
            *failed = report;
            return false;
        }
    }
    return true;
}

static int run(struct sim_options *o)
{
    struct candidates candidates;
    struct sim_handshake handshakes[SIM_DEVICE_FLOWS] = {0};
    struct sim_device_opening openings[SIM_DEVICE_FLOWS];
    struct fault fault = {0};
    struct sim_capture *capture = NULL;
    struct sim_totals totals = {0};
    struct sim_device_report failed;
    uint64_t failed_seed = 0;
    const struct weir_aead *aead = provider(&candidates, o->aead, &fault);
    if (aead == NULL || !sim_capture_open(&capture, o, &fault)) {
        return fault_print("sim", &fault);
    }
    struct sim_device_config first = {.aead = aead};
    configure(o, o->seed, &first);
    bool good = o->keylog == NULL || make_handshakes(o, &first, handshakes, openings, &fault);
    if (!good) {
        struct fault ignored;
        (void)sim_capture_close(capture, &ignored);
        free_handshakes(handshakes);
        return fault_print("sim", &fault);
    }
    good = run_all(o, aead, o->keylog == NULL ? NULL : openings, sim_capture_tap(capture), &totals,
                   &failed_seed, &failed);
    free_handshakes(handshakes);
    weir_wipe(openings, sizeof openings);
    if (!sim_capture_close(capture, &fault)) {
        return fault_print("sim", &fault);
    }
    if (o->json) {
        sim_print_json(o, &totals, failed_seed, good ? NULL : &failed);
    } else {
        sim_print(o, &totals);
    }
    if (!good) {
        sim_print_failure(failed_seed, &failed, stderr);
    }
    return good ? EXIT_FINE : EXIT_FAILED;
}

int sim_main(int argc, char **argv)
{
    struct sim_options o = {.runs = 1, .loss = -1, .reorder = -1, .duplicate = -1, .corrupt = -1};
    struct fault fault = {0};
    bool help = false;
    opterr = 0;
    if (!take_options(argc, argv, &o, &help, &fault)) {
        return fault_print("sim", &fault);
    }
    if (help) {
        (void)printf("%s%s", sim_help, sim_faults_help);
        return EXIT_FINE;
    }
    if (!o.seed_given) {
        /* Any will do, as it is told. */
        uint64_t draw = (uint64_t)time(NULL) << 20 ^ (uint64_t)getpid();
        o.seed = sim_random_below(&draw, 1000000000);
    }
    return run(&o);
}
