/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Records through weir with a provider that does nothing, so that what is left is weir's own work.
 * test/budget/instructions.py compiles this, runs it under callgrind, and counts by function.
 *
 *     instructions COUNT
 *
 * Each case deals with COUNT records; callgrind begins at zero before it and writes a dump with its
 * name behind it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <valgrind/callgrind.h>
#include <weir/weir.h>

#define BATCH 32u

static weir_status none_init(void *ctx, weir_alg alg, const uint8_t *key)
{
    (void)ctx;
    (void)alg;
    (void)key;
    return WEIR_OK;
}

static weir_status none_crypt(void *ctx, const struct weir_aead_op *op)
{
    (void)ctx;
    (void)op;
    return WEIR_OK;
}

static weir_status none_seal_each(void *ctx, const struct weir_aead_op *ops, size_t count)
{
    (void)ctx;
    (void)ops;
    (void)count;
    return WEIR_OK;
}

static weir_status none_open_each(void *ctx, const struct weir_aead_op *ops, size_t count,
                                  size_t *good)
{
    (void)ctx;
    (void)ops;
    *good = count;
    return WEIR_OK;
}

static void none_wipe(void *ctx)
{
    (void)ctx;
}

static const struct weir_aead none = {
    .abi = WEIR_AEAD_ABI,
    .algs = WEIR_ALG_BIT(WEIR_AES_128_GCM),
    .flags = WEIR_AEAD_INSECURE,
    .name = "none",
    .ctx_size = 1,
    .ctx_align = 1,
    .init = none_init,
    .seal = none_crypt,
    .open = none_crypt,
    .wipe = none_wipe,
};

static uint8_t text[WEIR_MAX_PLAINTEXT + 1], wire[BATCH * WEIR_MAX_RECORD];

static void must(bool holds, const char *what)
{
    if (!holds) {
        (void)fprintf(stderr, "instructions: %s\n", what);
        exit(1);
    }
}

static struct weir_keys keys_of(uint16_t version)
{
    return version == WEIR_TLS13 ? (struct weir_keys){.version = version,
                                                      .suite = 0x1301,
                                                      .at = {.nonce_rule = WEIR_NONCE_IMPLICIT}}
                                 : (struct weir_keys){.version = version,
                                                      .suite = 0xc02f,
                                                      .at = {.nonce_rule = WEIR_NONCE_SEQ}};
}

/* How the plaintext lies; `EACH`: 32 records for each call, otherwise one. */
enum lies { PIECE, PIECES, LENT, IN_PLACE, EACH };
static const char *const lies_name[] = {"", " 2 pieces", " lent", " in place", " each"};

static weir_status seal_once(struct weir_tx *tx, enum lies lies, size_t len, size_t *taken)
{
    struct weir_iov in[BATCH] = {{text, len}};
    size_t made = 0;

    *taken = len;
    switch (lies) {
    case PIECES:
        in[0].len = len / 2;
        in[1] = (struct weir_iov){text + len / 2, len - len / 2};
        return weir_tx_seal(tx, WEIR_TYPE_DATA, in, 2, wire, sizeof wire, taken, &made);
    case LENT:
        return weir_tx_seal_lent(tx, WEIR_TYPE_DATA, text, len, wire, sizeof wire, taken, &made);
    case IN_PLACE:
        return weir_tx_seal_in_place(tx, WEIR_TYPE_DATA, wire, len, sizeof wire, &made);
    case EACH:
        for (size_t i = 0; i < BATCH; i++)
            in[i] = (struct weir_iov){text, len};
        weir_status status =
            weir_tx_seal_each(tx, WEIR_TYPE_DATA, in, BATCH, wire, sizeof wire, taken, &made);
        *taken = *taken == BATCH ? len : 0;
        return status;
    case PIECE:
        break;
    }
    return weir_tx_seal(tx, WEIR_TYPE_DATA, in, 1, wire, sizeof wire, taken, &made);
}

static void seal(const struct weir_soft *soft, uint16_t version, size_t len, unsigned long count,
                 enum lies lies)
{
    struct weir_keys keys = keys_of(version);
    struct weir_refusal why;
    struct weir_tx tx;
    uint8_t ctx[1];
    size_t taken = 0;

    must(weir_tx_init(&tx, &keys, &soft->backend, ctx, sizeof ctx, &why) == WEIR_OK, "tx");
    CALLGRIND_ZERO_STATS;
    for (unsigned long i = 0; i < count; i += lies == EACH ? BATCH : 1)
        must(seal_once(&tx, lies, len, &taken) == WEIR_OK && taken == len, "seal");
}

/* Data as the peer would have sent it, were there something to protect it. */
static size_t put_record(uint8_t *at, uint16_t version, size_t len)
{
    const bool tls13 = version == WEIR_TLS13;
    const size_t body = len + WEIR_TAG_LEN + (tls13 ? 1 : 8);

    at[0] = WEIR_TYPE_DATA;
    at[1] = at[2] = 3;
    at[3] = (uint8_t)(body >> 8);
    at[4] = (uint8_t)body;
    if (tls13)
        at[5 + len] = WEIR_TYPE_DATA;
    return 5 + body;
}

/* `batch` records for each call. */
static void opens(const struct weir_soft *soft, uint16_t version, size_t len, unsigned long count,
                  size_t batch)
{
    struct weir_keys keys = keys_of(version);
    struct weir_record records[BATCH];
    struct weir_refusal why;
    struct weir_rx rx;
    uint8_t ctx[1];
    size_t total = 0, used = 0, got = 0;

    must(weir_rx_init(&rx, &keys, &soft->backend, ctx, sizeof ctx, &why) == WEIR_OK, "rx");
    for (size_t i = 0; i < batch; i++)
        total += put_record(wire + total, version, len);
    CALLGRIND_ZERO_STATS;
    for (unsigned long i = 0; i < count; i += batch) {
        weir_status status = weir_rx_open(&rx, wire, total, &used, records, batch, &got);

        must(status >= WEIR_OK && got == batch && used == total && records[0].len == len, "open");
    }
}

/* The same by a provider that takes several messages with a call. */
static void together(struct weir_aead aead, uint16_t version, const char *tls, size_t len,
                     unsigned long count)
{
    struct weir_refusal why;
    struct weir_soft soft;
    char name[64];

    aead.seal_each = none_seal_each;
    aead.open_each = none_open_each;
    must(weir_soft_init(&soft, &aead, &why) == WEIR_OK, "soft");
    seal(&soft, version, len, count, EACH);
    (void)snprintf(name, sizeof name, "seal together TLS %s %zu", tls, len);
    CALLGRIND_DUMP_STATS_AT(name);
    opens(&soft, version, len, count, BATCH);
    (void)snprintf(name, sizeof name, "open together TLS %s %zu", tls, len);
    CALLGRIND_DUMP_STATS_AT(name);
}

int main(int argc, char **argv)
{
    static const size_t lens[] = {64, WEIR_MAX_PLAINTEXT};
    const unsigned long count = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
    struct weir_refusal why;
    struct weir_soft soft;
    char name[64];

    must(count > 0 && count % BATCH == 0, "usage: instructions COUNT, a multiple of 32");
    must(weir_soft_init(&soft, &none, &why) == WEIR_OK, "soft");
    for (unsigned i = 0; i < 4; i++) {
        const uint16_t version = i % 2 == 0 ? WEIR_TLS13 : WEIR_TLS12;
        const char *tls = i % 2 == 0 ? "1.3" : "1.2";
        const size_t len = lens[i / 2];

        for (enum lies lies = PIECE; lies <= EACH; lies++) {
            seal(&soft, version, len, count, lies);
            (void)snprintf(name, sizeof name, "seal%s TLS %s %zu", lies_name[lies], tls, len);
            CALLGRIND_DUMP_STATS_AT(name);
        }
        opens(&soft, version, len, count, BATCH);
        (void)snprintf(name, sizeof name, "open TLS %s %zu", tls, len);
        CALLGRIND_DUMP_STATS_AT(name);
        opens(&soft, version, len, count, 1);
        (void)snprintf(name, sizeof name, "open alone TLS %s %zu", tls, len);
        CALLGRIND_DUMP_STATS_AT(name);
        together(none, version, tls, len, count);
    }
    return 0;
}
