/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * weir backends: what would carry a connection on this host, and why the others would not.
 */
#include "backends.h"
#include "tls.h"
#include "verbs.h"

#include <errno.h>
#include <string.h>

const char backends_help[] =
    "weir backends: what would carry a connection on this host, and why the rest would not\n"
    "\n"
    "Usage: weir backends [options]\n"
    "\n"
    "Tries each cipher suite on a connection of its own over the loopback interface, with random\n"
    "keys: what depends on the interface a connection goes by, it cannot tell.\n"
    "\n"
    "      --tls VERSION         v1.2 or v1.3 (default: both)\n"
    "      --cipher NAME         one suite, by its IANA name or OpenSSL's short one (default: one\n"
    "                            for each AEAD)\n"
    "      --backend NAME[,...]  who carries the records, the first that can: mlx5-kmod,\n"
    "                            linux-ktls, soft, or auto: all, in this order (default: what\n"
    "                            WEIR_BACKEND says, else auto)\n"
    "      --aead NAME[,...]     who encrypts for soft: ipsec-mb, openssl, mbedtls, portable, or\n"
    "                            auto\n"
    "      --rekey POLICY        of a kernel that cannot change its key, in TLS 1.3: default\n"
    "                            (sending may move there), strict (neither may), all (both may)\n"
    "      --json                print JSON\n"
    "  -h, --help                this text\n"
    "\n"
    "Exit status: 0 something carries each of them, 1 not, 2 wrong command line.\n";

struct choice {
    const char *tls, *cipher, *backend, *aead;
    weir_policy policy;
    bool json, help;
};

enum { OPTION_JSON = TLS_OPTION_END };

static bool parse(int argc, char **argv, struct choice *c, struct fault *fault)
{
    static const struct option options[] = {
        {"tls", required_argument, NULL, TLS_OPTION_TLS},
        {"cipher", required_argument, NULL, TLS_OPTION_CIPHER},
        {"backend", required_argument, NULL, TLS_OPTION_BACKEND},
        {"aead", required_argument, NULL, TLS_OPTION_AEAD},
        {"rekey", required_argument, NULL, TLS_OPTION_REKEY},
        {"json", no_argument, NULL, OPTION_JSON},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option = 0;
    while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
        switch (option) {
        case TLS_OPTION_TLS:
            c->tls = optarg;
            break;
        case TLS_OPTION_CIPHER:
            c->cipher = optarg;
            break;
        case TLS_OPTION_BACKEND:
            c->backend = optarg;
            break;
        case TLS_OPTION_AEAD:
            c->aead = optarg;
            break;
        case TLS_OPTION_REKEY:
            if (!tls_policy_named(optarg, &c->policy, fault)) {
                return false;
            }
            break;
        case OPTION_JSON:
            c->json = true;
            break;
        case 'h':
            c->help = true;
            return true;
        default:
            return tls_options_wrong(option, argv, fault);
        }
    }
    if (optind < argc) {
        USAGE(fault, "unexpected argument '%s'", argv[optind]);
        return false;
    }
    return true;
}

/* The suites to try: the one that is named, or the first of each AEAD in each version. */
static bool choose_suites(const struct choice *c, uint16_t *numbers, size_t *count,
                          struct fault *fault)
{
    uint16_t least = WEIR_TLS12, most = WEIR_TLS13;
    if (!tls_version_named(c->tls, &least, &most, fault)) {
        return false;
    }
    if (c->cipher != NULL) {
        const struct weir_suite *suite = tls_suite_named(c->cipher);
        if (suite == NULL || suite->version < least || suite->version > most) {
            USAGE(fault, "unknown cipher suite '%s', or none of this version", c->cipher);
            return false;
        }
        numbers[0] = suite->id;
        *count = 1;
        return true;
    }
    uint16_t all[TLS_SUITES_MAX];
    size_t n = tls_suites(least, most, all);
    unsigned seen = 0;
    *count = 0;
    for (size_t i = 0; i < n; i++) {
        const struct weir_suite *suite = weir_suite_find(all[i]);
        unsigned bit = 1u << (suite->alg + (suite->version == WEIR_TLS13 ? WEIR_ALG_COUNT : 0));
        if ((seen & bit) == 0) {
            seen |= bit;
            numbers[(*count)++] = all[i];
        }
    }
    return true;
}

static json_t *outcome_json(const struct candidates *all, const struct weir_posix_outcome *o)
{
    json_t *refused = json_array();
    for (size_t i = 0; i < o->refusal_count; i++) {
        (void)json_array_append_new(refused, refusal_json(&all->names[i], &o->refusals[i]));
    }
    const struct candidate *carrier = candidate_of(all, o->backend);
    json_t *json =
        json_pack("{s:s?, s:s, s:o}", "backend", o->backend == NULL ? NULL : o->backend->name,
                  "carrier", carrier_name(o->carrier), "refused", refused);
    if (carrier != NULL && carrier->provider != NULL) {
        (void)json_object_set_new(json, "aead", json_string(carrier->provider));
    }
    return json;
}

static void print_outcome(const struct candidates *all, const char *direction,
                          const struct weir_posix_outcome *o)
{
    const struct candidate *carrier = candidate_of(all, o->backend);
    (void)printf("  %s by %s\n", direction,
                 carrier == NULL ? "nothing" : candidate_show(carrier).text);
    for (size_t i = 0; i < o->refusal_count; i++) {
        (void)printf("    not by %s: %s\n", candidate_show(&all->names[i]).text,
                     reason_show(&o->refusals[i]).text);
    }
}

static bool same(const struct weir_posix_outcome *a, const struct weir_posix_outcome *b)
{
    return a->backend == b->backend && a->refusal_count == b->refusal_count &&
           memcmp(a->refusals, b->refusals, a->refusal_count * sizeof a->refusals[0]) == 0;
}

static void show(const struct candidates *all, uint16_t number,
                 const struct weir_posix_outcome outcome[2], json_t *json)
{
    const struct weir_suite *suite = weir_suite_find(number);
    if (json != NULL) {
        (void)json_array_append_new(
            json,
            json_pack("{s:s, s:s, s:o, s:o}", "tls", tls_version_name(suite->version), "cipher",
                      weir_suite_name(number), "sending", outcome_json(all, &outcome[WEIR_TX]),
                      "receiving", outcome_json(all, &outcome[WEIR_RX])));
        return;
    }
    (void)printf("%s %s\n", tls_version_name(suite->version), weir_suite_name(number));
    if (same(&outcome[WEIR_TX], &outcome[WEIR_RX])) {
        print_outcome(all, "both directions", &outcome[WEIR_TX]);
    } else {
        print_outcome(all, "sending", &outcome[WEIR_TX]);
        print_outcome(all, "receiving", &outcome[WEIR_RX]);
    }
}

/* Tries each suite; the exit status. */
static int run(const struct choice *c, const struct candidates *all, const uint16_t *numbers,
               size_t count, struct fault *fault)
{
    const struct weir_conn_config config = {
        .backends = all->backends, .backend_count = all->count, .policy = c->policy};
    json_t *json = c->json ? json_array() : NULL;
    int status = EXIT_FINE;
    for (size_t i = 0; i < count; i++) {
        struct weir_posix_outcome outcome[2];
        uint16_t version = weir_suite_find(numbers[i])->version;
        if (weir_posix_dry_run(&config, version, numbers[i], outcome) != WEIR_OK) {
            FAULT(fault, "no connection over the loopback interface: %s", strerror(errno));
            status = fault_print("backends", fault);
            break;
        }
        if (outcome[WEIR_TX].backend == NULL || outcome[WEIR_RX].backend == NULL) {
            status = EXIT_FAILED;
        }
        show(all, numbers[i], outcome, json);
    }
    if (json != NULL) {
        (void)json_dumpf(json, stdout, JSON_INDENT(2));
        (void)printf("\n");
        json_decref(json);
    }
    return status;
}

int backends_main(int argc, char **argv)
{
    static struct candidates all; /* must not move */
    struct choice c = {.policy = WEIR_POLICY_DEFAULT};
    struct fault fault = {.usage = false};
    uint16_t numbers[TLS_SUITES_MAX];
    size_t count = 0;
    if (!parse(argc, argv, &c, &fault)) {
        return fault_print("backends", &fault);
    }
    if (c.help) {
        (void)fputs(backends_help, stdout);
        return EXIT_FINE;
    }
    if (!choose_suites(&c, numbers, &count, &fault) ||
        !candidates_choose(&all, c.backend, c.aead, &fault)) {
        return fault_print("backends", &fault);
    }
    return run(&c, &all, numbers, count, &fault);
}
