/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writes the seeds of the fuzz targets to DIR/TARGET. Those in fuzz/corpus/ are its output; suite
 * `fuzz` holds the two against each other.
 */
#include "aead_diff.h"
#include "aead_null.h"
#include "fuzz.h"
#include "rx_stream.h"
#include "soft_cache.h"
#include "tx_ways.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* RFC 8448 section 3, "{client} send application_data record", complete record. */
static const uint8_t client_data[] = {
    0x17, 0x03, 0x03, 0x00, 0x43, 0xa2, 0x3f, 0x70, 0x54, 0xb6, 0x2c, 0x94, 0xd0, 0xaf, 0xfa,
    0xfe, 0x82, 0x28, 0xba, 0x55, 0xcb, 0xef, 0xac, 0xea, 0x42, 0xf9, 0x14, 0xaa, 0x66, 0xbc,
    0xab, 0x3f, 0x2b, 0x98, 0x19, 0xa8, 0xa5, 0xb4, 0x6b, 0x39, 0x5b, 0xd5, 0x4a, 0x9a, 0x20,
    0x44, 0x1e, 0x2b, 0x62, 0x97, 0x4e, 0x1f, 0x5a, 0x62, 0x92, 0xa2, 0x97, 0x70, 0x14, 0xbd,
    0x1e, 0x3d, 0xea, 0xe6, 0x3a, 0xee, 0xbb, 0x21, 0x69, 0x49, 0x15, 0xe4,
};
/* RFC 8448 section 3, "{client} send alert record". */
static const uint8_t client_alert[] = {
    0x17, 0x03, 0x03, 0x00, 0x13, 0xc9, 0x87, 0x27, 0x60, 0x65, 0x56, 0x66,
    0xb7, 0x4d, 0x7f, 0xf1, 0x15, 0x3e, 0xfd, 0x6d, 0xb6, 0xd0, 0xb0, 0xe3,
};
/* RFC 8448 section 3, "{server} send application_data record". */
static const uint8_t server_data[] = {
    0x17, 0x03, 0x03, 0x00, 0x43, 0x2e, 0x93, 0x7e, 0x11, 0xef, 0x4a, 0xc7, 0x40, 0xe5, 0x38,
    0xad, 0x36, 0x00, 0x5f, 0xc4, 0xa4, 0x69, 0x32, 0xfc, 0x32, 0x25, 0xd0, 0x5f, 0x82, 0xaa,
    0x1b, 0x36, 0xe3, 0x0e, 0xfa, 0xf9, 0x7d, 0x90, 0xe6, 0xdf, 0xfc, 0x60, 0x2d, 0xcb, 0x50,
    0x1a, 0x59, 0xa8, 0xfc, 0xc4, 0x9c, 0x4b, 0xf2, 0xe5, 0xf0, 0xa2, 0x1c, 0x00, 0x47, 0xc2,
    0xab, 0xf3, 0x32, 0x54, 0x0d, 0xd0, 0x32, 0xe1, 0x67, 0xc2, 0x95, 0x5d,
};
/* RFC 8448 section 3, "{server} send alert record". */
static const uint8_t server_alert[] = {
    0x17, 0x03, 0x03, 0x00, 0x13, 0xb5, 0x8f, 0xd6, 0x71, 0x66, 0xeb, 0xf5,
    0x99, 0xd2, 0x47, 0x20, 0xcf, 0xbe, 0x7e, 0xfa, 0x7a, 0x88, 0x64, 0xa9,
};
/* RFC 8448 section 4, "{client} send application_data record" of the early data. */
static const uint8_t early_data[] = {
    0x17, 0x03, 0x03, 0x00, 0x17, 0xab, 0x1d, 0xf4, 0x20, 0xe7, 0x5c, 0x45, 0x7a, 0x7c,
    0xc5, 0xd2, 0x84, 0x4f, 0x76, 0xd5, 0xae, 0xe4, 0xb4, 0xed, 0xbf, 0x04, 0x9b, 0xe0,
};

struct seed {
    uint8_t bytes[32768];
    size_t len;
};

static void give_up(const char *what, const char *why)
{
    fprintf(stderr, "seeds: %s: %s\n", what, why);
    exit(1);
}

static void must(bool holds, const char *what)
{
    if (!holds)
        give_up(what, "did not hold");
}

static void add(struct seed *seed, const void *bytes, size_t len)
{
    must(len <= sizeof(seed->bytes) - seed->len, "room in a seed");
    memcpy(seed->bytes + seed->len, bytes, len);
    seed->len += len;
}

static void add8(struct seed *seed, unsigned value)
{
    uint8_t byte = (uint8_t)value;

    add(seed, &byte, 1);
}

static void add16(struct seed *seed, unsigned value)
{
    add8(seed, value >> 8);
    add8(seed, value & 0xff);
}

static void write_seed(const char *directory, const char *target, const char *name,
                       const struct seed *seed)
{
    char path[1024];
    FILE *file;
    size_t written;

    must(snprintf(path, sizeof(path), "%s/%s/%s", directory, target, name) < (int)sizeof(path),
         "length of a path");
    file = fopen(path, "wb");
    if (file == NULL)
        give_up(path, strerror(errno));
    written = fwrite(seed->bytes, 1, seed->len, file);
    if (fclose(file) != 0 || written != seed->len)
        give_up(path, "cannot be written");
}

/* record_parse: rules, then a record. */

static void parse_seed(const char *directory, const char *name, bool tls13, const uint8_t *record,
                       size_t len)
{
    struct seed seed = {.len = 0};

    add8(&seed, tls13);
    add16(&seed, tls13 ? 16 : 24);
    add16(&seed, tls13 ? WEIR_MAX_CIPHERTEXT_TLS13 : WEIR_MAX_CIPHERTEXT_TLS12);
    add(&seed, record, len);
    write_seed(directory, "record_parse", name, &seed);
}

static void parse_seeds(const char *directory)
{
    static const uint8_t handshake12[] = {22, 3, 3, 0, 40}, alert12[] = {21, 3, 3, 0, 26},
                         longest13[] = {23, 3, 3, 0x41, 0x00}, too_long13[] = {23, 3, 3, 0x41, 1},
                         longest12[] = {23, 3, 3, 0x48, 0x00}, too_long12[] = {23, 3, 3, 0x48, 1},
                         too_short[] = {23, 3, 3, 0, 15}, ccs[] = {20, 3, 3, 0, 1, 1},
                         old_version[] = {23, 3, 1, 0, 40}, cut[] = {23, 3, 3, 0};

    parse_seed(directory, "rfc8448-client-data", true, client_data, sizeof(client_data));
    parse_seed(directory, "rfc8448-client-alert", true, client_alert, sizeof(client_alert));
    parse_seed(directory, "rfc8448-server-data", true, server_data, sizeof(server_data));
    parse_seed(directory, "rfc8448-server-alert", true, server_alert, sizeof(server_alert));
    parse_seed(directory, "rfc8448-early-data", true, early_data, sizeof(early_data));
    parse_seed(directory, "tls12-handshake", false, handshake12, sizeof(handshake12));
    parse_seed(directory, "tls12-alert", false, alert12, sizeof(alert12));
    parse_seed(directory, "tls12-longest", false, longest12, sizeof(longest12));
    parse_seed(directory, "tls12-too-long", false, too_long12, sizeof(too_long12));
    parse_seed(directory, "tls13-longest", true, longest13, sizeof(longest13));
    parse_seed(directory, "tls13-too-long", true, too_long13, sizeof(too_long13));
    parse_seed(directory, "tls13-too-short", true, too_short, sizeof(too_short));
    parse_seed(directory, "change-cipher-spec", true, ccs, sizeof(ccs));
    parse_seed(directory, "old-version", true, old_version, sizeof(old_version));
    parse_seed(directory, "cut-header", true, cut, sizeof(cut));
}

/* rx_stream: see rx_stream.h. */

struct head {
    unsigned flavour, right_tags, record_limit, key_limit, cap, cut_count;
    unsigned cuts[RX_STREAM_MAX_CUTS];
};

static void begin_stream(struct seed *seed, const struct head *head)
{
    seed->len = 0;
    add8(seed, head->flavour);
    add8(seed, head->right_tags);
    add8(seed, head->record_limit);
    add8(seed, head->key_limit);
    add8(seed, head->cap);
    add8(seed, head->cut_count);
    for (unsigned i = 0; i < head->cut_count; i++)
        add16(seed, head->cuts[i]);
}

static void rfc_streams(const char *directory)
{
    struct head head = {.cap = 3, .cut_count = 3, .cuts = {1, 5, 80}};
    struct seed seed;

    /* As they stand in the RFC: the first one fails, as with any wrong key. */
    begin_stream(&seed, &head);
    add(&seed, server_data, sizeof(server_data));
    add(&seed, server_alert, sizeof(server_alert));
    write_seed(directory, "rx_stream", "rfc8448-server", &seed);

    /* With the tags of the null provider the ciphertext is what comes out. */
    head.right_tags = 0xff;
    begin_stream(&seed, &head);
    add(&seed, client_data, sizeof(client_data));
    add(&seed, client_alert, sizeof(client_alert));
    write_seed(directory, "rx_stream", "rfc8448-client-tagged", &seed);
    begin_stream(&seed, &head);
    add(&seed, early_data, sizeof(early_data));
    write_seed(directory, "rx_stream", "rfc8448-early-tagged", &seed);
}

struct part {
    uint8_t type;
    size_t len, padding;
};

/* What a connection may carry, and an ending; the texts are 0, 1, 2 … */
static const struct part parts[] = {{WEIR_TYPE_DATA, 50, 0},     {WEIR_TYPE_DATA, 0, 0},
                                    {WEIR_TYPE_HANDSHAKE, 5, 0}, {WEIR_TYPE_DATA, 7, 64},
                                    {WEIR_TYPE_DATA, 1, 0},      {WEIR_TYPE_DATA, 300, 0},
                                    {WEIR_TYPE_DATA, 50, 32},    {WEIR_TYPE_ALERT, 2, 0}};
#define PARTS (sizeof(parts) / sizeof(*parts))

/* Seals with our own sealer, without the null provider's tags being put right afterwards. */
static void seal(struct seed *seed, const struct weir_keys *rx_keys, const struct weir_soft *soft)
{
    struct weir_keys keys = *rx_keys;
    struct weir_refusal why;
    struct weir_tx tx;
    uint64_t ctx[16];
    uint8_t text[512];
    size_t taken, made;

    if (keys.at.nonce_rule == WEIR_NONCE_RANDOM) {
        keys.at.nonce_rule = WEIR_NONCE_SEQ;
        keys.at.explicit_nonce = keys.at.seq;
    }
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (uint8_t)i;
    must(weir_tx_init(&tx, &keys, &soft->backend, ctx, sizeof(ctx), &why) == WEIR_OK, "tx");
    for (size_t i = 0; i < PARTS; i++) {
        struct weir_iov in = {text, parts[i].len};

        if (rx_keys->version == WEIR_TLS13)
            must(weir_tx_set_padding(&tx, parts[i].padding) == WEIR_OK, "padding");
        must(weir_tx_seal(&tx, parts[i].type, &in, 1, seed->bytes + seed->len,
                          sizeof(seed->bytes) - seed->len, &taken, &made) == WEIR_OK,
             "seal");
        seed->len += made;
    }
    weir_tx_wipe(&tx);
}

/* A sealed stream that does not open would be a seed that leads nowhere. */
static void check_opens(struct seed *seed, size_t at, const struct weir_keys *keys,
                        const struct weir_soft *soft)
{
    struct seed copy = *seed;
    struct weir_keys own = *keys;
    struct weir_refusal why;
    struct weir_rx rx;
    struct weir_record record;
    uint64_t ctx[16];
    size_t consumed, count;

    must(weir_rx_init(&rx, &own, &soft->backend, ctx, sizeof(ctx), &why) == WEIR_OK, "rx");
    for (size_t i = 0; i < PARTS; i++) {
        must(weir_rx_open(&rx, copy.bytes + at, copy.len - at, &consumed, &record, 1, &count) ==
                     WEIR_OK &&
                 count == 1 && record.type == parts[i].type && record.len == parts[i].len,
             "open");
        at += consumed;
    }
    must(at == copy.len, "the end of the stream");
    weir_rx_wipe(&rx);
}

static void sealed_stream(const char *directory, const char *name, struct head head)
{
    struct weir_soft soft;
    struct weir_refusal why;
    struct weir_keys keys;
    struct seed seed;
    size_t at;

    must(weir_soft_init(&soft, &weir_aead_null, &why) == WEIR_OK, "soft");
    rx_stream_keys((uint8_t)head.flavour, &keys);
    begin_stream(&seed, &head);
    at = seed.len;
    seal(&seed, &keys, &soft);
    check_opens(&seed, at, &keys, &soft);
    write_seed(directory, "rx_stream", name, &seed);
}

/* A built stream of `count` pieces with the same text. */
static void built_stream(const char *directory, const char *name, struct head head, unsigned count,
                         const char *text, size_t len)
{
    struct weir_keys keys;
    struct seed seed;

    head.flavour |= RX_STREAM_BUILT;
    rx_stream_keys((uint8_t)head.flavour, &keys);
    begin_stream(&seed, &head);
    for (unsigned i = 0; i < count; i++) {
        if (keys.version == WEIR_TLS12)
            add8(&seed, 0);
        add16(&seed, (unsigned)len);
        add(&seed, text, len);
    }
    write_seed(directory, "rx_stream", name, &seed);
}

static void streams(const char *directory)
{
    static const char most[WEIR_MAX_PLAINTEXT + 2] = {[WEIR_MAX_PLAINTEXT] = 23};
    const struct head tls13 = {.flavour = 0, .cap = 15, .cut_count = 4, .cuts = {3, 7, 72, 100}},
                      gcm12 = {.flavour = 1, .cap = 0, .cut_count = 2, .cuts = {13, 200}},
                      chacha12 = {.flavour = 2, .cap = 1, .cut_count = 3, .cuts = {4, 5, 21}},
                      built = {.right_tags = 0xff, .cut_count = 2, .cuts = {30, 31}};
    struct head head = built;

    sealed_stream(directory, "sealed-tls13", tls13);
    sealed_stream(directory, "sealed-tls12-gcm", gcm12);
    sealed_stream(directory, "sealed-tls12-chacha", chacha12);
    built_stream(directory, "built-data", built, 3, "abc\x17\0\0", 6);
    built_stream(directory, "built-key-update", built, 2, "\x18\0\0\x01\0\x16", 6);
    built_stream(directory, "built-all-zero", built, 2, "\0\0\0\0", 4);
    built_stream(directory, "built-flood", built, WEIR_MAX_EMPTY_RECORDS + 1, "\x17", 1);
    built_stream(directory, "built-longest", built, 1, most, sizeof(most) - 1);
    built_stream(directory, "built-too-long", built, 1, most, sizeof(most));
    head.right_tags = 0x0d;
    built_stream(directory, "built-second-tag-wrong", head, 3, "abc\x17", 4);
    head = built;
    head.record_limit = 1;
    built_stream(directory, "built-record-limit", head, 2, most + 16384 - 65, 66);
    head = built;
    head.key_limit = 1;
    built_stream(directory, "built-key-limit", head, 3, most + 16384 - 300, 301);
    head = built;
    head.flavour = RX_STREAM_LATE;
    built_stream(directory, "built-last-records", head, 4, "abc\x17", 4);
    head.flavour = 1;
    built_stream(directory, "built-tls12", head, 4, "abc", 3);
}

/* tx_ways: see tx_ways.h. */

struct call {
    unsigned what, count, lens[4], missing;
};

#define WAY(way, type) (TX_WAY_##way | (type) << 2)

static void ways_seed(const char *directory, const char *name, const uint8_t setup[6],
                      const struct call *calls, size_t count)
{
    struct seed seed = {.len = 0};

    add(&seed, setup, 6);
    for (size_t i = 0; i < count; i++) {
        add8(&seed, calls[i].what);
        add8(&seed, calls[i].count);
        for (unsigned n = 0; n < calls[i].count; n++)
            add16(&seed, calls[i].lens[n]);
        if (calls[i].what & TX_WAYS_SHORT)
            add16(&seed, calls[i].missing);
    }
    write_seed(directory, "tx_ways", name, &seed);
}

static void ways_seeds(const char *directory)
{
    /* Data in every way, an alert, a message; and with too little room. */
    static const struct call usual[] = {{WAY(SEAL, 0), 2, {100, 3000}, 0},
                                        {WAY(LENT, 0), 1, {5000}, 0},
                                        {WAY(EACH, 0), 4, {1, 64, 0, 129}, 0},
                                        {WAY(IN_PLACE, 0), 1, {300}, 0},
                                        {WAY(SEAL, 2), 1, {2}, 0},
                                        {WAY(LENT, 3), 1, {400}, 0},
                                        {WAY(EACH, 0) | TX_WAYS_SHORT, 3, {20, 20, 20}, 5},
                                        {WAY(LENT, 0) | TX_WAYS_SHORT, 1, {900}, 500}};
    static const size_t count = sizeof usual / sizeof *usual;
    /* A handshake message longer than a record of data may be, each a record of its own. */
    static const struct call control[] = {{WAY(EACH, 3), 2, {25, 63}, 0},
                                          {WAY(EACH, 2), 2, {2, 2}, 0}};

    ways_seed(directory, "tls13", (const uint8_t[]){0, 0, 0, 0, 0, 0}, usual, count);
    ways_seed(directory, "tls12-gcm", (const uint8_t[]){1, 0, 0, 0, 0, 0}, usual, count);
    ways_seed(directory, "tls12-chacha", (const uint8_t[]){2, 129, 0, 0, 0, 0}, usual, count);
    ways_seed(directory, "padded", (const uint8_t[]){0, 135, 64, 0, 0, 0}, usual, count);
    ways_seed(directory, "key-limit", (const uint8_t[]){0, 0, 0, 40, 20, 0}, usual, count);
    /* At the first of two that were laid out together. */
    ways_seed(directory, "provider-fails", (const uint8_t[]){0, 0, 0, 0, 0, 3}, usual, count);
    ways_seed(directory, "last-records", (const uint8_t[]){0x20, 100, 0, 0, 0, 0}, usual, count);
    ways_seed(directory, "together", (const uint8_t[]){4, 0, 0, 0, 0, 0}, usual, count);
    ways_seed(directory, "together-tls12", (const uint8_t[]){0x85, 140, 0, 9, 0, 0}, usual, count);
    ways_seed(directory, "small-limit", (const uint8_t[]){3, 1, 0, 0, 0, 0}, control, 2);
}

/* soft_cache: see soft_cache.h. */

#define ON(connection, step) (unsigned)((connection) << 4 | SOFT_CACHE_##step)

static void steps_seed(const char *directory, const char *name, const unsigned *steps, size_t count)
{
    static const char *const providers[] = {"null", "portable", "null-each", "portable-each"};

    for (unsigned provider = 0; provider < 4; provider++) {
        struct seed seed = {.len = 0};
        char full[64];

        add8(&seed, provider);
        add8(&seed, 0);
        add8(&seed, 2);
        add8(&seed, 5);
        for (size_t i = 0; i < count; i++)
            add8(&seed, steps[i]);
        must(snprintf(full, sizeof full, "%s-%s", name, providers[provider]) < (int)sizeof full,
             "length of a name");
        write_seed(directory, "soft_cache", full, &seed);
    }
}

static void steps_seeds(const char *directory)
{
    static const unsigned around[] = {ON(0, CARRY), 50, ON(1, EACH),  80, ON(2, CARRY), 0,
                                      ON(3, CARRY), 10, ON(4, EACH),  20, ON(0, CARRY), 50,
                                      ON(1, FORGE), 33, ON(1, CARRY), 5};
    static const unsigned moves[] = {
        ON(0, MOVE_TX), 1, ON(0, CARRY), 9, ON(0, MOVE_RX), 2, ON(0, CARRY),  9, ON(0, REKEY), 0,
        ON(1, CARRY),   7, ON(0, CARRY), 9, ON(0, MOVE_RX), 0, ON(0, EXPORT), 0, ON(0, CARRY), 9};
    static const unsigned ends[] = {ON(0, MARKED), 20, ON(2, MARKED), 219, ON(0, FAIL),   1,
                                    ON(1, CARRY),  9,  ON(2, REKEY),  0,   ON(3, FAIL),   2,
                                    ON(4, REKEY),  0,  ON(2, AGAIN),  0,   ON(3, FORGET), 0,
                                    ON(3, CARRY),  30, ON(0, END),    0,   ON(0, CARRY),  3};

    static const unsigned streams[] = {ON(0, STREAM), 1, ON(1, STREAM), 8,  ON(2, STREAM), 15,
                                       ON(3, STREAM), 4, ON(0, STREAM), 33, ON(1, STREAM), 120};

    steps_seed(directory, "streams", streams, sizeof streams / sizeof *streams);
    steps_seed(directory, "around", around, sizeof around / sizeof *around);
    steps_seed(directory, "moves", moves, sizeof moves / sizeof *moves);
    steps_seed(directory, "ends", ends, sizeof ends / sizeof *ends);
}

/* aead_diff: see aead_diff.h. */

struct work {
    unsigned what, aad_len, flip, cut_count, cuts[3];
    size_t len;
};

static void work_seed(const char *directory, const char *name, struct work work)
{
    const size_t key_len = (work.what & (AEAD_DIFF_LONG | AEAD_DIFF_CHACHA)) != 0 ? 32 : 16;
    struct seed seed = {.len = 0};

    add8(&seed, work.what);
    add8(&seed, work.aad_len);
    if ((work.what & AEAD_DIFF_HMAC) == 0) {
        add16(&seed, work.flip);
        add8(&seed, work.cut_count);
        for (unsigned i = 0; i < work.cut_count; i++)
            add16(&seed, work.cuts[i]);
        for (unsigned i = 0; i < key_len + WEIR_IV_LEN; i++)
            add8(&seed, (i * 7 + 1) & 0xff);
    }
    for (size_t i = 0; i < work.aad_len + work.len; i++)
        add8(&seed, i * 5 & 0xff);
    write_seed(directory, "aead_diff", name, &seed);
}

static void work_seeds(const char *directory)
{
    work_seed(directory, "gcm128-empty", (struct work){.aad_len = 5});
    work_seed(directory, "gcm128-nothing-at-all", (struct work){.flip = 127});
    work_seed(directory, "gcm256-tls12",
              (struct work){.what = AEAD_DIFF_LONG, .aad_len = 13, .flip = 9, .len = 31});
    work_seed(
        directory, "gcm128-pieces",
        (struct work){.aad_len = 5, .flip = 800, .cut_count = 3, .cuts = {1, 17, 81}, .len = 130});
    work_seed(directory, "gcm256-long",
              (struct work){.what = AEAD_DIFF_LONG, .aad_len = 5, .flip = 8191, .len = 2049});
    work_seed(directory, "chacha-empty", (struct work){.what = AEAD_DIFF_CHACHA, .aad_len = 5});
    work_seed(directory, "chacha-pieces",
              (struct work){.what = AEAD_DIFF_CHACHA,
                            .aad_len = 13,
                            .flip = 1100,
                            .cut_count = 3,
                            .cuts = {15, 64, 129},
                            .len = 300});
    work_seed(directory, "hmac-sha256",
              (struct work){.what = AEAD_DIFF_HMAC, .aad_len = 32, .len = 22});
    work_seed(directory, "hmac-sha384-long-key",
              (struct work){.what = AEAD_DIFF_HMAC | AEAD_DIFF_LONG, .aad_len = 130, .len = 112});
}

static void make_directory(const char *directory, const char *target)
{
    char path[1024];

    must(snprintf(path, sizeof(path), "%s/%s", directory, target) < (int)sizeof(path),
         "length of a path");
    if (mkdir(path, 0777) != 0 && errno != EEXIST)
        give_up(path, strerror(errno));
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
        return 2;
    }
    make_directory(argv[1], "record_parse");
    make_directory(argv[1], "rx_stream");
    make_directory(argv[1], "tx_ways");
    make_directory(argv[1], "soft_cache");
    make_directory(argv[1], "aead_diff");
    parse_seeds(argv[1]);
    rfc_streams(argv[1]);
    streams(argv[1]);
    ways_seeds(argv[1]);
    steps_seeds(argv[1]);
    work_seeds(argv[1]);
    return 0;
}
