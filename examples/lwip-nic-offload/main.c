/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

typedef unsigned long long ull; /* for %llu */

static const char help[] =
    "usage: lwip-nic-offload [OPTION]... [SEED]\n"
    "One TLS connection between lwIP above a card and a peer that knows only TLS, over a bad "
    "path.\n"
    "Everything follows from the seed (1 unless given), but for what is said here:\n"
    "  --tls 1.2|1.3             version\n"
    "  --library NAME            TLS library of the handshake: openssl, mbedtls\n"
    "  --bytes N                 application data each way\n"
    "  --loss PERCENT            frames that the path loses\n"
    "  --mtu N                   what the path's MTU becomes on the way; 0: stays 1500\n"
    "  --pcap FILE               all frames, as a capture\n"
    "  --keylog FILE             and the keys to it, for tshark (library openssl)\n"
    "  --help                    this text\n"
    "Exit status: 0 when all has arrived, 1 when not, 2 for a wrong command line.\n";

enum { TLS = 1, LIBRARY, BYTES, LOSS, MTU, PCAP, KEYLOG, HELP };

static const struct option options[] = {
    {"tls", required_argument, NULL, TLS},
    {"library", required_argument, NULL, LIBRARY},
    {"bytes", required_argument, NULL, BYTES},
    {"loss", required_argument, NULL, LOSS},
    {"mtu", required_argument, NULL, MTU},
    {"pcap", required_argument, NULL, PCAP},
    {"keylog", required_argument, NULL, KEYLOG},
    {"help", no_argument, NULL, HELP},
    {0},
};

/* False: it is not a number of at most `most`. */
static bool take_number(const char *text, uint64_t most, uint64_t *number)
{
    char *end = NULL;

    errno = 0;
    *number = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && *number <= most;
}

/* The TLS library of that name; without a name, the first. NULL: there is none such. */
static const struct tls_library *library_named(const char *name)
{
    for (size_t i = 0; tls_libraries[i] != NULL; i++)
        if (name == NULL || strcmp(tls_libraries[i]->name, name) == 0)
            return tls_libraries[i];
    return NULL;
}

/* One option; false: wrong. */
static bool take(struct run_config *c, int option, const char *value)
{
    uint64_t number = 0;
    char *end = NULL;

    switch (option) {
    case TLS:
        c->tls13 = strcmp(value, "1.3") == 0;
        return (c->tls13 && c->library->tls13) || strcmp(value, "1.2") == 0;
    case LIBRARY:
        return true; /* known before all others */
    case BYTES:
        return take_number(value, UINT64_MAX, &c->bytes) && c->bytes > 0;
    case LOSS: {
        double percent = strtod(value, &end);
        if (end == value || *end != '\0' || !(percent >= 0 && percent < 100))
            return false;
        c->loss = (uint32_t)(percent * 10000);
        return c->loss < SIM_LINK_ALWAYS;
    }
    case MTU:
        if (!take_number(value, 1500, &number))
            return false;
        c->mtu = (uint32_t)number;
        return c->mtu == 0 || c->mtu >= 576;
    case PCAP:
        c->pcap = value;
        return true;
    case KEYLOG:
        c->keylog = value;
        return true;
    default:
        return false;
    }
}

static bool wrong(const char *word)
{
    (void)fprintf(stderr, "lwip-nic-offload: wrong: '%s'\n", word == NULL ? "" : word);
    return false;
}

/* False: the command line is wrong. What getopt does not take it says itself. */
static bool read_options(int argc, char **argv, struct run_config *config)
{
    const char *library = NULL;
    uint64_t seed = 1;
    int option = 0;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == HELP) {
            (void)fputs(help, stdout);
            exit(0);
        }
        if (option == LIBRARY)
            library = optarg;
        else if (option == '?')
            return false;
    }
    const struct tls_library *found = library_named(library);
    if (found == NULL || argc - optind > 1 ||
        (optind < argc && !take_number(argv[optind], UINT64_MAX, &seed)))
        return wrong(found == NULL ? library : argv[argc - 1]);
    *config = run_draw(seed, found, found->tls13);
    optind = 1;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        if (!take(config, option, optarg))
            return wrong(optarg);
    return true;
}

static void print_start(const struct run_config *c)
{
    printf("seed %llu: TLS 1.%d, AES-%d-GCM, handshake by %s, lwIP is the %s\n", (ull)c->seed,
           c->tls13 ? 3 : 2, c->long_key ? 256 : 128, c->library->name,
           c->server ? "server" : "client");
    printf(
        "path      loses %.1f %% of the frames, reorders %.1f %%, repeats %.1f %%, damages %.1f %%",
        c->loss / 1e4, c->reorder / 1e4, c->duplicate / 1e4, c->corrupt / 1e4);
    if (c->mtu != 0)
        printf("; its MTU becomes %u", c->mtu);
    printf("\n");
}

static void print_end(const struct run_config *c, const struct run_result *r)
{
    const struct weir_mlx5_tx_counters *tx = &r->driver.tx;
    const struct weir_mlx5_rx_counters *rx = &r->driver.rx;

    printf(
        "sent      %llu segments encrypted by the card, %llu by software; %llu cut for the path\n",
        (ull)tx->tx_packets, (ull)tx->tx_software, (ull)r->driver.cut);
    printf(
        "          the card was brought to a place %llu times, and read %llu bytes again for it\n",
        (ull)tx->tx_packets_ooo, (ull)tx->tx_bytes_ooo);
    printf("received  %llu packets, %llu of them decrypted by the card; %llu frames were damaged\n",
           (ull)rx->rx_packets, (ull)rx->rx_decrypted_ok_packets, (ull)r->driver.bad);
    printf("          the card was asked %llu times where it stands, and told %llu times\n",
           (ull)rx->rx_resync_ok, (ull)rx->rx_confirmed);
    for (size_t dir = 0; dir < 2; dir++)
        if (r->refused[dir].code != WEIR_REFUSAL_NONE)
            printf("          %s stayed in software: %s\n",
                   dir == WEIR_TX ? "sending" : "receiving",
                   weir_refusal_text(r->refused[dir].code));
    printf("frames    digest %016llx, of all bytes and times\n", (ull)r->trace);
    if (r->good)
        printf("good      each end has the %llu bytes that the other has sent, after %.1f s of its "
               "time\n",
               (ull)c->bytes, (double)r->ticks / 1e6);
    else
        printf("FAILED    %s\n", r->failed);
}

int main(int argc, char **argv)
{
    struct run_config config;
    struct run_result result;

    if (!read_options(argc, argv, &config)) {
        (void)fputs("Try 'lwip-nic-offload --help'.\n", stderr);
        return 2;
    }
    print_start(&config);
    run(&config, &result);
    print_end(&config, &result);
    return result.good ? 0 : 1;
}
