/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Record layers side by side: a client and a server of each TLS library in this process, joined by
 * memory, the libraries taking turns within every round.
 *
 *     peers [--rounds N] [--milliseconds N] [--cipher aes-128-gcm|aes-256-gcm|chacha20-poly1305]
 *           [--tls 1.2|1.3] [--size BYTES]...
 *
 * Prints JSON: nanoseconds of CPU time per record, of each round.
 */
#include <getopt.h>
#include <jansson.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "peer.h"

#define BATCH_BYTES ((size_t)128 * 1024)
#define MOST_BATCH  512u
#define LEAST_BATCH 8u
#define MOST_SIZES  16
#define SEEN        32u

static const struct peer *const peers[] = {
    &peer_weir,    &peer_openssl,
#ifdef PEER_GNUTLS
    &peer_gnutls,
#endif
#ifdef PEER_MBEDTLS
    &peer_mbedtls,
#endif
#ifdef PEER_BEARSSL
    &peer_bearssl,
#endif
#ifdef PEER_WOLFSSL
    &peer_wolfssl,
#endif
};
#define PEERS (sizeof peers / sizeof peers[0])

struct options {
    int rounds;
    double round_ns;
    enum cipher cipher;
    bool tls13;
    size_t sizes[MOST_SIZES];
    size_t size_count;
};

static void check(bool ok, const char *what, const char *who)
{
    if (!ok) {
        fprintf(stderr, "peers: %s: %s\n", who, what);
        exit(1);
    }
}

bool wire_put(struct wire *wire, const void *bytes, size_t len)
{
    if (WIRE_ROOM - wire->len < len)
        return false;
    memcpy(wire->bytes + wire->len, bytes, len);
    wire->len += len;
    return true;
}

size_t wire_get(struct wire *wire, void *bytes, size_t len)
{
    size_t got = wire->len - wire->taken < len ? wire->len - wire->taken : len;

    memcpy(bytes, wire->bytes + wire->taken, got);
    wire->taken += got;
    if (wire->taken == wire->len)
        wire->taken = wire->len = 0;
    return got;
}

/* ---- An identity ---- */

static void to_text(char *room, size_t cap, BIO *bio)
{
    int len = BIO_read(bio, room, (int)cap - 1);

    check(len > 0 && (size_t)len < cap - 1, "no room for the certificate", "openssl");
    room[len] = 0;
    BIO_free(bio);
}

static X509 *self_signed(EVP_PKEY *key)
{
    X509 *cert = X509_new();

    check(cert != NULL && X509_set_version(cert, 2) == 1 &&
              ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) == 1 &&
              X509_gmtime_adj(X509_getm_notBefore(cert), -3600) != NULL &&
              X509_gmtime_adj(X509_getm_notAfter(cert), 86400) != NULL &&
              X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                                         (const unsigned char *)"localhost", -1, -1, 0) == 1 &&
              X509_set_issuer_name(cert, X509_get_subject_name(cert)) == 1 &&
              X509_set_pubkey(cert, key) == 1 && X509_sign(cert, key, EVP_sha256()) > 0,
          "no certificate", "openssl");
    return cert;
}

static void make_identity(struct identity *identity)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    BIGNUM *secret = NULL;
    size_t point_len = 0;

    check(key != NULL && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &secret) == 1 &&
              BN_bn2binpad(secret, identity->secret, sizeof identity->secret) > 0 &&
              EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY,
                                              identity->point, sizeof identity->point,
                                              &point_len) == 1 &&
              point_len == sizeof identity->point,
          "no key", "openssl");
    X509 *cert = self_signed(key);
    BIO *cert_bio = BIO_new(BIO_s_mem());
    BIO *key_bio = BIO_new(BIO_s_mem());
    uint8_t *der = identity->cert;
    int der_len = i2d_X509(cert, NULL);
    check(der_len > 0 && (size_t)der_len <= sizeof identity->cert &&
              PEM_write_bio_X509(cert_bio, cert) == 1 &&
              PEM_write_bio_PKCS8PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL) == 1,
          "no certificate", "openssl");
    identity->cert_len = (size_t)i2d_X509(cert, &der);
    to_text(identity->cert_pem, sizeof identity->cert_pem, cert_bio);
    to_text(identity->key_pem, sizeof identity->key_pem, key_bio);
    BN_clear_free(secret);
    X509_free(cert);
    EVP_PKEY_free(key);
}

/* ---- Measuring ---- */

/* Of this thread, so that other programs on the machine disturb less. */
static double now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* A library in the middle of a measurement. */
struct turn {
    const struct peer *peer;
    void *self;
    struct wire up, down;
    uint8_t *room;
};

static uint8_t *text_of(size_t len)
{
    uint8_t *text = malloc(len);

    check(text != NULL, "no memory", "peers");
    for (size_t i = 0; i < len; i++)
        text[i] = (uint8_t)(i * 7 + 1);
    return text;
}

/* One round: nanoseconds per record to seal and to open. */
static void run(struct turn *turn, const uint8_t *text, size_t len, double spent_ns, double ns[2])
{
    size_t batch = BATCH_BYTES / len;
    size_t records = 0;

    batch = batch > MOST_BATCH ? MOST_BATCH : batch < LEAST_BATCH ? LEAST_BATCH : batch;
    ns[0] = ns[1] = 0;
    while (ns[0] < spent_ns || ns[1] < spent_ns) {
        turn->up.len = turn->up.taken = 0;
        memset(turn->room, 0, len < SEEN ? len : SEEN);
        double start = now_ns();
        check(turn->peer->seal(turn->self, text, len, batch), "cannot seal", turn->peer->name);
        double middle = now_ns();
        check(turn->peer->open(turn->self, turn->room, len, batch), "cannot open",
              turn->peer->name);
        ns[1] += now_ns() - middle;
        ns[0] += middle - start;
        records += batch;
        check(memcmp(turn->room, text, len < SEEN ? len : SEEN) == 0, "gives other bytes",
              turn->peer->name);
    }
    ns[0] /= (double)records;
    ns[1] /= (double)records;
}

static json_t *measure(struct turn *turns, const struct options *options, size_t len)
{
    json_t *row = json_object();
    uint8_t *text = text_of(len);
    static const char *const names[2] = {"seal", "open"};

    for (int round = -1; round < options->rounds; round++) /* the first one warms up */
        for (size_t i = 0; i < PEERS; i++) {
            double ns[2];
            if (turns[i].self == NULL)
                continue;
            run(&turns[i], text, len, options->round_ns, ns);
            for (int way = 0; way < 2 && round >= 0; way++) {
                json_t *mine = json_object_get(row, turns[i].peer->name);
                if (mine == NULL) {
                    json_object_set_new(row, turns[i].peer->name,
                                        json_pack("{s:[],s:[]}", names[0], names[1]));
                    mine = json_object_get(row, turns[i].peer->name);
                }
                json_array_append_new(json_object_get(mine, names[way]), json_real(ns[way]));
            }
        }
    free(text);
    return row;
}

static json_t *measure_all(const struct options *options)
{
    static struct identity identity;
    struct turn turns[PEERS] = {{0}};
    json_t *versions = json_object();
    json_t *sizes = json_object();

    make_identity(&identity);
    for (size_t i = 0; i < PEERS; i++) {
        struct turn *turn = &turns[i];
        turn->peer = peers[i];
        turn->up.bytes = malloc(WIRE_ROOM);
        turn->down.bytes = malloc(WIRE_ROOM);
        turn->room = malloc(16384);
        check(turn->up.bytes != NULL && turn->down.bytes != NULL && turn->room != NULL, "no memory",
              "peers");
        const struct setting setting = {.identity = &identity,
                                        .tls13 = options->tls13,
                                        .cipher = options->cipher,
                                        .up = &turn->up,
                                        .down = &turn->down};
        turn->self = turn->peer->start(&setting);
        if (turn->self != NULL)
            json_object_set_new(versions, turn->peer->name, json_string(turn->peer->version()));
    }
    check(turns[0].self != NULL, "does not start", "weir");
    for (size_t i = 0; i < options->size_count; i++) {
        char name[24];
        (void)snprintf(name, sizeof name, "%zu", options->sizes[i]);
        json_object_set_new(sizes, name, measure(turns, options, options->sizes[i]));
    }
    for (size_t i = 0; i < PEERS; i++) {
        if (turns[i].self != NULL)
            turns[i].peer->stop(turns[i].self);
        free(turns[i].up.bytes);
        free(turns[i].down.bytes);
        free(turns[i].room);
    }
    return json_pack("{s:o,s:o}", "versions", versions, "ns", sizes);
}

/* ---- */

static const char *const cipher_names[CIPHERS] = {"aes-128-gcm", "aes-256-gcm",
                                                  "chacha20-poly1305"};

static long number(const char *text, long least, long most)
{
    char *end = NULL;
    long n = strtol(text, &end, 10);

    if (end == text || *end != 0 || n < least || n > most) {
        fprintf(stderr, "peers: %s is not %ld to %ld\n", text, least, most);
        exit(2);
    }
    return n;
}

static enum cipher cipher_named(const char *name)
{
    for (int i = 0; i < CIPHERS; i++)
        if (strcmp(name, cipher_names[i]) == 0)
            return (enum cipher)i;
    fprintf(stderr, "peers: no cipher %s\n", name);
    exit(2);
}

static void parse(struct options *options, int argc, char **argv)
{
    static const struct option known[] = {
        {"rounds", required_argument, NULL, 'r'}, {"milliseconds", required_argument, NULL, 'm'},
        {"cipher", required_argument, NULL, 'c'}, {"tls", required_argument, NULL, 't'},
        {"size", required_argument, NULL, 's'},   {0}};
    static const size_t usual[] = {16, 64, 256, 1400, 4096, 16384};
    int c;

    *options = (struct options){.rounds = 7, .round_ns = 20e6, .tls13 = true};
    while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (c == 'r')
            options->rounds = (int)number(optarg, 1, 1000);
        else if (c == 'm')
            options->round_ns = (double)number(optarg, 1, 10000) * 1e6;
        else if (c == 'c')
            options->cipher = cipher_named(optarg);
        else if (c == 't' && (strcmp(optarg, "1.2") == 0 || strcmp(optarg, "1.3") == 0))
            options->tls13 = strcmp(optarg, "1.3") == 0;
        else if (c == 's' && options->size_count < MOST_SIZES)
            options->sizes[options->size_count++] = (size_t)number(optarg, 1, 16384);
        else {
            fputs("usage: peers [--rounds N] [--milliseconds N] [--cipher NAME] [--tls 1.2|1.3] "
                  "[--size BYTES]...\n",
                  stderr);
            exit(2);
        }
    }
    if (options->size_count == 0) {
        memcpy(options->sizes, usual, sizeof usual);
        options->size_count = sizeof usual / sizeof usual[0];
    }
}

int main(int argc, char **argv)
{
    struct options options;

    parse(&options, argc, argv);
    json_t *result = measure_all(&options);
    json_object_set_new(result, "cipher", json_string(cipher_names[options.cipher]));
    json_object_set_new(result, "tls", json_string(options.tls13 ? "1.3" : "1.2"));
    json_dumpf(result, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(result);
    return 0;
}
