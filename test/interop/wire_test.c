/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tap must find what it is there to find: here it reads streams that are wrong in one way each,
 * and one of each version that is right.
 */
#include "crypto.h"
#include "wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/record.h>

#define LIMIT 1000

/* What a careless sender puts on the wire. */
struct sender {
    struct wire *wire;
    const struct weir_suite *suite;
    struct weir_keys keys;
    uint64_t explicit_nonce;
};

static const uint8_t abc[3] = {'a', 'b', 'c'};
static const uint8_t close_notify[2] = {1, 0};
static int failures;

static struct sender sender_new(uint16_t suite, uint64_t seq)
{
    struct sender s = {.wire = wire_new(LIMIT, 0), .suite = weir_suite_find(suite)};

    s.keys.version = s.suite->version;
    s.keys.suite = suite;
    s.keys.secret_len = (uint8_t)WEIR_HASH_LEN(s.suite->hash);
    memset(s.keys.secret, 7, sizeof s.keys.secret);
    memset(s.keys.key, 1, sizeof s.keys.key);
    memset(s.keys.iv, 2, s.suite->version == WEIR_TLS13 ? 12 : 4);
    s.keys.at.seq = seq;
    s.explicit_nonce = s.keys.at.explicit_nonce = 100;
    return s;
}

static bool explicit_nonces(const struct sender *s)
{
    return s->suite->version == WEIR_TLS12 && s->suite->alg != WEIR_CHACHA20_POLY1305;
}

static void put64(uint8_t *out, uint64_t value)
{
    for (size_t i = 0; i < 8; i++)
        out[i] = (uint8_t)(value >> (56 - 8 * i));
}

/* Builds one record under the number and nonce that `s` stands at; answers its length. */
static size_t build(struct sender *s, uint8_t type, const uint8_t *data, size_t len, size_t pad,
                    uint8_t *out)
{
    static uint8_t plain[WEIR_MAX_RECORD];
    bool tls13 = s->suite->version == WEIR_TLS13;
    size_t skip = explicit_nonces(s) ? 8 : 0, text = len + (tls13 ? 1 + pad : 0);
    size_t body = skip + text + WEIR_TAG_LEN;
    uint8_t nonce[WEIR_IV_LEN], aad[13], seq[8];

    memset(plain, 0, sizeof plain);
    memcpy(plain, data, len);
    plain[len] = tls13 ? type : 0;
    out[0] = tls13 ? WEIR_TYPE_DATA : type;
    out[1] = out[2] = 3;
    out[3] = (uint8_t)(body >> 8);
    out[4] = (uint8_t)body;
    put64(seq, s->keys.at.seq);
    put64(out + WEIR_HEADER_LEN, s->explicit_nonce);
    memcpy(nonce, s->keys.iv, sizeof nonce);
    for (size_t i = 0; i < 8; i++)
        nonce[4 + i] = skip > 0 ? out[WEIR_HEADER_LEN + i] : (uint8_t)(nonce[4 + i] ^ seq[i]);
    memcpy(aad, tls13 ? out : seq, tls13 ? 5 : 8);
    memcpy(aad + 8, out, 3);
    aad[11] = (uint8_t)(text >> 8);
    aad[12] = (uint8_t)text;
    struct crypto_message m = {.alg = (weir_alg)s->suite->alg,
                               .key = s->keys.key,
                               .nonce = nonce,
                               .aad = tls13 ? out : aad,
                               .aad_len = tls13 ? 5 : 13};
    if (!crypto_seal(&m, plain, text, out + WEIR_HEADER_LEN + skip))
        abort();
    return WEIR_HEADER_LEN + body;
}

static void say_padded(struct sender *s, uint8_t type, const uint8_t *data, size_t len, size_t pad)
{
    static uint8_t out[WEIR_MAX_RECORD];
    size_t n = build(s, type, data, len, pad, out);

    wire_sent(s->wire, out, n);
    s->keys.at.seq++;
    s->explicit_nonce++;
}

static void say(struct sender *s, uint8_t type, const uint8_t *data, size_t len)
{
    say_padded(s, type, data, len, 0);
}

static void data(struct sender *s)
{
    say(s, WEIR_TYPE_DATA, abc, sizeof abc);
}

/* ---- one fault each; keys are known from the first byte on */

static void nothing_wrong(struct sender *s)
{
    data(s);
    data(s);
}

static void record_sent_twice(struct sender *s)
{
    data(s);
    s->keys.at.seq--;
    s->explicit_nonce--;
    data(s);
}

static void nonce_used_again(struct sender *s)
{
    data(s);
    s->explicit_nonce--;
    data(s);
}

static void number_left_out(struct sender *s)
{
    data(s);
    s->keys.at.seq++;
    data(s);
}

static void other_key(struct sender *s)
{
    s->keys.key[0] ^= 1;
    data(s);
}

static void other_first_nonce(struct sender *s)
{
    s->explicit_nonce = 5;
    data(s);
}

static void too_long(struct sender *s)
{
    static const uint8_t zeros[LIMIT + 1];
    say(s, WEIR_TYPE_DATA, zeros, sizeof zeros);
}

static void padding(struct sender *s)
{
    say_padded(s, WEIR_TYPE_DATA, abc, sizeof abc, 10);
}

static void no_content_type(struct sender *s)
{
    say(s, 0, abc, 0);
}

static void change_cipher_spec(struct sender *s)
{
    say(s, WEIR_TYPE_CHANGE_CIPHER_SPEC, abc, 1);
}

static void data_after_the_end(struct sender *s)
{
    say(s, WEIR_TYPE_ALERT, close_notify, sizeof close_notify);
    data(s);
}

static void plaintext(struct sender *s)
{
    static const uint8_t alert[] = {WEIR_TYPE_ALERT, 3, 3, 0, 2, 2, 40};
    wire_sent(s->wire, alert, sizeof alert);
}

static void half_a_record(struct sender *s)
{
    static uint8_t out[WEIR_MAX_RECORD];
    wire_sent(s->wire, out, build(s, WEIR_TYPE_DATA, abc, sizeof abc, 0, out) - 1);
}

static void data_behind_key_update(struct sender *s)
{
    static const uint8_t update[] = {24, 0, 0, 1, 0};
    say(s, WEIR_TYPE_HANDSHAKE, update, sizeof update);
    data(s); /* under the old key */
}

static void data_inside_a_message(struct sender *s)
{
    static const uint8_t half[] = {24, 0};
    say(s, WEIR_TYPE_HANDSHAKE, half, sizeof half);
    data(s);
}

/* ---- */

struct fault {
    const char *name;
    void (*make)(struct sender *s);
    const char *words; /* in one of the faults found; NULL: none must be found */
    unsigned versions; /* 1: TLS 1.3, 2: TLS 1.2 with explicit nonces, 4: TLS 1.2 without */
};

static const struct fault faults[] = {
    {"nothing_wrong", nothing_wrong, NULL, 7},
    {"record_sent_twice", record_sent_twice, "one nonce used twice", 7},
    {"nonce_used_again", nonce_used_again, "one nonce used twice", 2},
    {"number_left_out", number_left_out, "carries sequence number 2", 7},
    {"other_key", other_key, "does not open", 7},
    {"other_first_nonce", other_first_nonce, "first explicit nonce", 2},
    {"too_long", too_long, "1001 bytes of plaintext", 7},
    {"padding", padding, "padding that nobody asked for", 1},
    {"no_content_type", no_content_type, "without a content type", 1},
    {"change_cipher_spec", change_cipher_spec, "record of type 20", 7},
    {"data_after_the_end", data_after_the_end, "after the end", 7},
    {"plaintext", plaintext, "does not open", 7},
    {"half_a_record", half_a_record, "ends inside a record", 7},
    {"data_behind_key_update", data_behind_key_update, "does not open", 1},
    {"data_inside_a_message", data_inside_a_message, "inside a handshake message", 1},
};

static bool mentions(const struct wire_report *report, const char *words)
{
    for (size_t i = 0; i < report->fault_count && i < WIRE_FAULTS; i++)
        if (strstr(report->faults[i], words) != NULL)
            return true;
    return false;
}

static void result(const char *name, const char *suite, bool good, const struct wire_report *report)
{
    if (good) {
        printf("PASS wire/%s/%s\n", name, suite);
        return;
    }
    printf("FAIL wire/%s/%s: found %zu faults, first \"%s\"\n", name, suite, report->fault_count,
           report->faults[0]);
    failures++;
}

static void try(const struct fault *fault, uint16_t suite)
{
    struct sender s = sender_new(suite, 0);
    struct wire_report report;

    wire_keys(s.wire, &s.keys, 0, LIMIT);
    fault->make(&s);
    wire_end(s.wire, false, &report);
    bool good = fault->words == NULL ? report.fault_count == 0 && report.records == 2
                                     : mentions(&report, fault->words);
    result(fault->name, weir_suite_name(suite), good, &report);
}

/* The TLS library has sealed `sealed` records before the hand-over, which says `told`. */
static void try_hand_over(const char *name, uint16_t suite, uint64_t sealed, uint64_t told)
{
    static uint8_t plain[] = {WEIR_TYPE_HANDSHAKE, 3, 3, 0, 1, 14}, out[WEIR_MAX_RECORD];
    struct sender s = sender_new(suite, 0);
    struct wire_report report;
    uint64_t offset = sizeof plain;

    wire_sent(s.wire, plain, sizeof plain);
    for (; s.keys.at.seq < sealed; s.keys.at.seq++, s.explicit_nonce++) {
        size_t n = build(&s, WEIR_TYPE_HANDSHAKE, abc, sizeof abc, 0, out);
        wire_sent(s.wire, out, n);
        offset += n;
    }
    struct weir_keys handed = s.keys;
    handed.at.seq = told;
    handed.at.explicit_nonce = s.explicit_nonce;
    wire_keys(s.wire, &handed, offset, LIMIT);
    s.keys.at.seq = told;
    data(&s);
    wire_end(s.wire, false, &report);
    bool good = sealed == told ? report.fault_count == 0 && report.library_records == sealed
                               : mentions(&report, "but the wire has 2 before it");
    result(name, weir_suite_name(suite), good, &report);
}

int main(void)
{
    static const uint16_t suites[] = {WEIR_TLS_AES_128_GCM_SHA256,
                                      WEIR_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
                                      WEIR_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256};

    for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++) {
        for (size_t j = 0; j < sizeof faults / sizeof faults[0]; j++)
            if ((faults[j].versions & (1u << i)) != 0)
                try(&faults[j], suites[i]);
        try_hand_over("handed_over_right", suites[i], 2, 2);
        try_hand_over("handed_over_too_low", suites[i], 2, 1);
        try_hand_over("handed_over_too_high", suites[i], 2, 3);
    }
    return failures == 0 ? 0 : 1;
}
