/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Published AEAD vectors through every provider of this build, called directly: the AES-GCM cases
 * of NIST's CAVP and the ChaCha20-Poly1305 cases, from the files that Debian's package
 * python3-cryptography-vectors installs. Where the files are not there, each is skipped by name.
 *
 *     vector-files [DIRECTORY]
 */
#include "providers.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PACKAGE   "/usr/lib/python3/dist-packages/cryptography_vectors/ciphers"
#define FIELD_MAX 1024u

/* A file, and how many of its cases are for weir: 12 nonce bytes and 16 tag bytes. */
struct source {
    const char *name, *path;
    weir_alg alg;
    unsigned cases;
};

/* CAVP has, for each key length, 5 lengths of plaintext x 5 of additional data x 15 cases. */
static const struct source sources[] = {
    {"gcmDecrypt128", "AES/GCM/gcmDecrypt128.rsp", WEIR_AES_128_GCM, 375},
    {"gcmEncryptExtIV128", "AES/GCM/gcmEncryptExtIV128.rsp", WEIR_AES_128_GCM, 375},
    {"gcmDecrypt256", "AES/GCM/gcmDecrypt256.rsp", WEIR_AES_256_GCM, 375},
    {"gcmEncryptExtIV256", "AES/GCM/gcmEncryptExtIV256.rsp", WEIR_AES_256_GCM, 375},
    {"chacha20poly1305_boringssl", "ChaCha20Poly1305/boringssl.txt", WEIR_CHACHA20_POLY1305, 66},
    {"chacha20poly1305_openssl", "ChaCha20Poly1305/openssl.txt", WEIR_CHACHA20_POLY1305, 5},
};
#define SOURCES (sizeof sources / sizeof *sources)

struct field {
    uint8_t bytes[FIELD_MAX];
    size_t len;
};

enum { KEY, NONCE, AAD, PLAIN, CIPHER, TAG, FIELDS };

struct vector {
    struct field field[FIELDS];
    bool begun, forged;
    unsigned line;
};

/* The names that the three formats have for a field. */
static const struct {
    const char *name;
    int field;
} names[] = {
    {"Key", KEY}, {"KEY", KEY},         {"IV", NONCE},          {"NONCE", NONCE}, {"AAD", AAD},
    {"AD", AAD},  {"PT", PLAIN},        {"IN", PLAIN},          {"CT", CIPHER},   {"TAG", TAG},
    {"Tag", TAG}, {"Plaintext", PLAIN}, {"Ciphertext", CIPHER},
};

struct result {
    unsigned done, other_shape;
    const char *why; /* the first thing that was wrong */
    unsigned line;
};

static void fail(struct result *result, const struct vector *v, const char *why)
{
    if (result->why == NULL) {
        result->why = why;
        result->line = v->line;
    }
}

static int nibble(char c)
{
    const char *digits = "0123456789abcdef";
    const char *at = c == '\0' ? NULL : strchr(digits, tolower((unsigned char)c));

    return at == NULL ? -1 : (int)(at - digits);
}

/* A value is text in quotes or hexadecimal. */
static bool read_value(struct field *field, const char *text)
{
    size_t len = strlen(text);

    field->len = 0;
    if (len >= 2 && text[0] == '"' && text[len - 1] == '"') {
        if (len - 2 > FIELD_MAX)
            return false;
        memcpy(field->bytes, text + 1, len - 2);
        field->len = len - 2;
        return true;
    }
    for (size_t i = 0; i < len; i += 2) {
        int high = nibble(text[i]), low = nibble(text[i + 1]);

        if (high < 0 || low < 0 || field->len == FIELD_MAX)
            return false;
        field->bytes[field->len++] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* The work of a vector; `cut` bytes of it are a piece of their own. */
static struct weir_aead_op work(const struct vector *v, const struct field *from, size_t cut,
                                struct weir_iov in[2], uint8_t *out, uint8_t *tag)
{
    struct weir_aead_op op = {
        .in = in, .in_count = cut > 0 ? 2 : 1, .in_len = from->len, .out = out, .tag = tag};

    in[0] = (struct weir_iov){from->bytes, cut > 0 ? cut : from->len};
    in[1] = (struct weir_iov){from->bytes + cut, from->len - cut};
    memcpy(op.nonce, v->field[NONCE].bytes, WEIR_IV_LEN);
    op.aad = (struct weir_iov){v->field[AAD].bytes, v->field[AAD].len};
    return op;
}

static void check_seal(const struct weir_aead *aead, void *ctx, const struct vector *v,
                       struct result *result)
{
    const struct field *plain = &v->field[PLAIN], *cipher = &v->field[CIPHER];

    for (size_t cut = 0; cut == 0 || cut < plain->len; cut += cut < 17 ? 1 : 64) {
        uint8_t out[FIELD_MAX] = {0}, tag[WEIR_TAG_LEN] = {0};
        struct weir_iov in[2];
        struct weir_aead_op op = work(v, plain, cut, in, out, tag);

        if (aead->seal(ctx, &op) != WEIR_OK)
            fail(result, v, "seal failed");
        if (memcmp(out, cipher->bytes, cipher->len) != 0)
            fail(result, v, "sealed to other bytes");
        if (memcmp(tag, v->field[TAG].bytes, sizeof tag) != 0)
            fail(result, v, "sealed to another tag");
    }
}

static void check_open(const struct weir_aead *aead, void *ctx, const struct vector *v,
                       struct result *result)
{
    const struct field *plain = &v->field[PLAIN], *cipher = &v->field[CIPHER];
    uint8_t out[FIELD_MAX] = {0}, tag[WEIR_TAG_LEN];
    struct weir_iov in[2];
    struct weir_aead_op op = work(v, cipher, 0, in, out, tag);

    memcpy(tag, v->field[TAG].bytes, sizeof tag);
    if (v->forged) {
        if (aead->open(ctx, &op) != WEIR_E_AUTH)
            fail(result, v, "a forged message was not refused");
        return;
    }
    if (aead->open(ctx, &op) != WEIR_OK)
        fail(result, v, "open failed");
    if (memcmp(out, plain->bytes, plain->len) != 0)
        fail(result, v, "opened to other bytes");
    for (size_t i = 0; i < sizeof tag; i++) {
        tag[i] ^= (uint8_t)(1u << (v->line + i) % 8);
        if (aead->open(ctx, &op) != WEIR_E_AUTH)
            fail(result, v, "a flipped tag bit was not refused");
        tag[i] = v->field[TAG].bytes[i];
    }
}

static void run_vector(const struct weir_aead *aead, weir_alg alg, const struct vector *v,
                       struct result *result)
{
    union vector_ctx ctx;

    if (!v->begun)
        return;
    if (v->field[NONCE].len != WEIR_IV_LEN || v->field[TAG].len != WEIR_TAG_LEN) {
        result->other_shape++;
        return;
    }
    result->done++;
    if (v->field[KEY].len != weir_alg_key_len(alg) ||
        (!v->forged && v->field[PLAIN].len != v->field[CIPHER].len)) {
        fail(result, v, "the file is not understood");
        return;
    }
    if (aead->ctx_size > sizeof ctx || aead->init(&ctx, alg, v->field[KEY].bytes) != WEIR_OK) {
        fail(result, v, "the key was not taken");
        return;
    }
    if (!v->forged)
        check_seal(aead, &ctx, v, result);
    check_open(aead, &ctx, v, result);
    aead->wipe(&ctx);
}

/* One line into `v`; a line that begins the next vector runs this one first. */
static void take_line(const struct weir_aead *aead, weir_alg alg, char *line, unsigned number,
                      struct vector *v, struct result *result)
{
    char *value = strchr(line, '='), *name_end = value;
    size_t len;

    if (line[0] == '#' || line[0] == '[')
        return;
    if (strcmp(line, "FAIL") == 0 || strncmp(line, "Result", 6) == 0) {
        v->forged = true;
        return;
    }
    if (value == NULL)
        return;
    while (name_end > line && isspace((unsigned char)name_end[-1]))
        name_end--;
    len = (size_t)(name_end - line);
    for (value++; isspace((unsigned char)*value); value++)
        continue;
    if (len == 5 && (strncmp(line, "Count", 5) == 0 || strncmp(line, "COUNT", 5) == 0)) {
        run_vector(aead, alg, v, result);
        memset(v, 0, sizeof *v);
        v->begun = true;
        v->line = number;
        return;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strlen(names[i].name) == len && strncmp(names[i].name, line, len) == 0 &&
            !read_value(&v->field[names[i].field], value))
            fail(result, v, "a value is not understood");
    }
}

static void run_file(const struct weir_aead *aead, weir_alg alg, FILE *file, struct result *result)
{
    static struct vector v;
    char line[4 * FIELD_MAX];
    unsigned number = 0;

    memset(&v, 0, sizeof v);
    while (fgets(line, sizeof line, file) != NULL) {
        size_t len = strlen(line);

        while (len > 0 && isspace((unsigned char)line[len - 1]))
            line[--len] = '\0';
        take_line(aead, alg, line, ++number, &v, result);
    }
    run_vector(aead, alg, &v, result);
    memset(&v, 0, sizeof v);
}

/* Answers whether nothing failed; `*done` grows by the cases. */
static bool run_source(const struct weir_aead *aead, const struct source *source, const char *dir,
                       unsigned *done)
{
    struct result result = {0, 0, NULL, 0};
    char path[4096];
    FILE *file;

    (void)snprintf(path, sizeof path, "%s/%s", dir, source->path);
    if ((aead->algs & WEIR_ALG_BIT(source->alg)) == 0) {
        printf("SKIP %s.%s: the provider has no %s\n", aead->name, source->name,
               weir_alg_name(source->alg));
        return true;
    }
    file = fopen(path, "r");
    if (file == NULL) {
        printf("SKIP %s.%s: no %s (Debian package python3-cryptography-vectors)\n", aead->name,
               source->name, path);
        return true;
    }
    run_file(aead, source->alg, file, &result);
    (void)fclose(file);
    *done += result.done;
    if (result.why != NULL) {
        printf("FAIL %s.%s: %s, case at line %u of %s\n", aead->name, source->name, result.why,
               result.line, path);
        return false;
    }
    if (result.done != source->cases) {
        printf("FAIL %s.%s: %u cases instead of %u\n", aead->name, source->name, result.done,
               source->cases);
        return false;
    }
    printf("PASS %s.%s (%u cases; %u more have nonces or tags of lengths that TLS does not)\n",
           aead->name, source->name, result.done, result.other_shape);
    return true;
}

int main(int argc, char **argv)
{
    const char *dir = argc > 1 ? argv[1] : PACKAGE;
    bool fine = true;
    unsigned done = 0;

    for (size_t p = 0; p < vector_provider_count; p++) {
        for (size_t s = 0; s < SOURCES; s++)
            fine = run_source(vector_providers[p].aead, &sources[s], dir, &done) && fine;
    }
    printf("NOTE %u published cases run, through %zu provider%s (AES-192-GCM is in no TLS suite)\n",
           done, vector_provider_count, vector_provider_count == 1 ? "" : "s");
    return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
