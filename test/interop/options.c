/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct library *const libraries[] = {
#ifdef HAVE_OPENSSL
    &library_openssl,
#endif
#ifdef HAVE_MBEDTLS
    &library_mbedtls,
#endif
    NULL,
};

static const char usage[] =
    "peer --list | --client PORT | --server\n"
    "  --lib NAME --aead NAME   TLS library, AEAD provider\n"
    "  --suite NAME             IANA name; gives the version, too\n"
    "  --cert FILE --key FILE --ca FILE --psk HEX --identity NAME\n"
    "  --send N --seed N        bytes to send, and what they begin from\n"
    "  --text                   send lines of text\n"
    "  --receive N              bytes to receive before the end\n"
    "  --mark N                 say \"MARK\" when so many have come\n"
    "  --http                   server: answer one request; client: send one, count the body\n"
    "  --update N --request     KeyUpdate every N bytes, asking the peer for one\n"
    "  --record N --pad N       record size, padding\n"
    "  --chop N                 cut the streams into pieces of at most N bytes\n"
    "  --end ours|theirs|abrupt how the connection ends\n"
    "  --connections N          one after the other, resuming\n"
    "  --bio --sendfile         OpenSSL's own interface over weir's BIO; data from a file\n"
    "  --size-limit N --overstep  OpenSSL: offer record_size_limit; do not heed the peer's\n"
    "  --timeout SECONDS\n";

_Noreturn void die(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)fputs("peer: ", stderr);
    (void)vfprintf(stderr, format, args);
    (void)fputc('\n', stderr);
    va_end(args);
    exit(2);
}

static uint64_t number(const char *text, uint64_t most)
{
    char *end;
    unsigned long long value = strtoull(text, &end, 10);

    if (end == text || *end != '\0' || value > most)
        die("not a number within its bounds: %s", text);
    return value;
}

static const struct library *library_named(const char *name)
{
    for (size_t i = 0; libraries[i] != NULL; i++)
        if (strcmp(libraries[i]->name, name) == 0)
            return libraries[i];
    die("no such TLS library: %s", name);
}

static void take_psk(const char *hex, struct options *o)
{
    size_t len = strlen(hex);

    if (len % 2 != 0 || len / 2 > sizeof o->psk || strspn(hex, "0123456789abcdefABCDEF") != len)
        die("bad PSK");
    for (size_t i = 0; i < len / 2; i++) {
        const char digits[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        o->psk[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    o->psk_len = len / 2;
}

static enum ending ending_named(const char *name)
{
    if (strcmp(name, "ours") == 0)
        return END_OURS;
    if (strcmp(name, "theirs") == 0)
        return END_THEIRS;
    if (strcmp(name, "abrupt") == 0)
        return END_ABRUPT;
    die("no such end: %s", name);
}

enum {
    LIST = 256,
    CLIENT,
    SERVER,
    LIB,
    AEAD,
    SUITE,
    CERT,
    KEY,
    CA,
    PSK,
    IDENTITY,
    SEND,
    SEED,
    TEXT,
    RECEIVE,
    MARK,
    HTTP,
    UPDATE,
    REQUEST,
    RECORD,
    PAD,
    CHOP,
    END,
    CONNECTIONS,
    TIMEOUT,
    BELOW,
    FROM_FILE,
    SIZE_LIMIT,
    OVERSTEP,
};

static const struct option names[] = {
    {"list", no_argument, NULL, LIST},
    {"client", required_argument, NULL, CLIENT},
    {"server", no_argument, NULL, SERVER},
    {"lib", required_argument, NULL, LIB},
    {"aead", required_argument, NULL, AEAD},
    {"suite", required_argument, NULL, SUITE},
    {"cert", required_argument, NULL, CERT},
    {"key", required_argument, NULL, KEY},
    {"ca", required_argument, NULL, CA},
    {"psk", required_argument, NULL, PSK},
    {"identity", required_argument, NULL, IDENTITY},
    {"send", required_argument, NULL, SEND},
    {"seed", required_argument, NULL, SEED},
    {"text", no_argument, NULL, TEXT},
    {"receive", required_argument, NULL, RECEIVE},
    {"mark", required_argument, NULL, MARK},
    {"http", no_argument, NULL, HTTP},
    {"update", required_argument, NULL, UPDATE},
    {"request", no_argument, NULL, REQUEST},
    {"record", required_argument, NULL, RECORD},
    {"pad", required_argument, NULL, PAD},
    {"chop", required_argument, NULL, CHOP},
    {"end", required_argument, NULL, END},
    {"connections", required_argument, NULL, CONNECTIONS},
#ifdef HAVE_OPENSSL
    {"bio", no_argument, NULL, BELOW},
    {"sendfile", no_argument, NULL, FROM_FILE},
    {"size-limit", required_argument, NULL, SIZE_LIMIT},
    {"overstep", no_argument, NULL, OVERSTEP},
#endif
    {"timeout", required_argument, NULL, TIMEOUT},
    {NULL, 0, NULL, 0},
};

/* What the driver asks first: the libraries, and the suites of each. */
static void list(void)
{
    static const uint16_t ids[] = {
#define WEIR_X(number, name, alg, hash, version) number,
        WEIR_SUITE_LIST(WEIR_X)
#undef WEIR_X
    };

    for (size_t i = 0; libraries[i] != NULL; i++) {
        printf("library %s %s\n", libraries[i]->name, libraries[i]->version());
        for (size_t j = 0; j < sizeof ids / sizeof ids[0]; j++) {
            const struct weir_suite *suite = weir_suite_find(ids[j]);
            if (libraries[i]->has(suite))
                printf("suite %s %s\n", libraries[i]->name, weir_suite_name(suite->id));
        }
    }
    for (size_t j = 0; j < sizeof ids / sizeof ids[0]; j++) {
        const struct weir_suite *suite = weir_suite_find(ids[j]);
        printf("known %s %04x %s %s\n", weir_suite_name(suite->id), suite->id,
               suite->version == WEIR_TLS13 ? "1.3" : "1.2", weir_alg_name((weir_alg)suite->alg));
    }
    exit(0);
}

static void take_number(int option, const char *value, struct options *o)
{
    switch (option) {
    case CLIENT:
        o->port = (uint16_t)number(value, UINT16_MAX);
        break;
    case SEND:
        o->send = number(value, UINT64_MAX);
        break;
    case SEED:
        o->seed = number(value, UINT64_MAX);
        break;
    case RECEIVE:
        o->receive = number(value, UINT64_MAX);
        break;
    case MARK:
        o->mark = number(value, UINT64_MAX);
        break;
    case UPDATE:
        o->update_every = number(value, UINT64_MAX);
        break;
    case RECORD:
        o->record_size = number(value, WEIR_MAX_PLAINTEXT);
        break;
    case PAD:
        o->pad = number(value, WEIR_MAX_PLAINTEXT);
        break;
    case SIZE_LIMIT:
        o->size_limit = (uint16_t)number(value, WEIR_MAX_PLAINTEXT + 1);
        break;
    case CHOP:
        o->chop = number(value, 1u << 20);
        break;
    case CONNECTIONS:
        o->connections = (unsigned)number(value, 100);
        break;
    case TIMEOUT:
        o->timeout = (unsigned)number(value, 600);
        break;
    default:
        (void)fputs(usage, stderr);
        exit(2);
    }
}

static void take(int option, char *value, struct options *o)
{
    switch (option) {
    case LIST:
        list();
        break;
    case SERVER:
        o->server = true;
        break;
    case LIB:
        o->library = library_named(value);
        break;
    case AEAD:
        o->aead = library_named(value)->aead;
        break;
    case SUITE:
        o->suite = weir_suite_named(value);
        break;
    case CERT:
        o->cert = value;
        break;
    case KEY:
        o->key = value;
        break;
    case CA:
        o->ca = value;
        break;
    case PSK:
        take_psk(value, o);
        break;
    case IDENTITY:
        o->psk_identity = value;
        break;
    case TEXT:
        o->text = true;
        break;
    case HTTP:
        o->http = true;
        break;
    case BELOW:
        o->bio = true;
        break;
    case FROM_FILE:
        o->sendfile = true;
        break;
    case OVERSTEP:
        o->overstep = true;
        break;
    case REQUEST:
        o->request_update = true;
        break;
    case END:
        o->ending = ending_named(value);
        break;
    default:
        take_number(option, value, o);
    }
}

void options_parse(int argc, char **argv, struct options *o)
{
    int option;

    *o = (struct options){.connections = 1, .timeout = 60};
    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1)
        take(option, optarg, o);
    if (optind != argc || o->library == NULL || o->suite == NULL || (!o->server && o->port == 0)) {
        (void)fputs(usage, stderr);
        exit(2);
    }
    if (o->aead == NULL)
        o->aead = o->library->aead;
}
