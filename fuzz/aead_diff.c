/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The providers against one another: the same work, byte for byte the same answer. Input, see
 * aead_diff.h for the order: what to do, a key, a nonce, additional data, and the message.
 *
 * Sealed by every provider, the message in pieces and in place, and a piece of it by the keystream;
 * opened in place; refused with one
 * bit flipped, with nothing written by those that check first. The pieces also as messages of their
 * own, by those that take several with a call. Or HMAC by every key derivation.
 * The providers: the portable one as the host has it and as a small core has it, libipsec-mb's and
 * a TLS library's where the build has one. An algorithm is left to those that have it.
 */
#include "aead_diff.h"
#include "fuzz.h"
#include "portable_short.h"

#include <stdlib.h>
#include <string.h>
#include <weir/keys.h>
#include <weir/portable.h>
#if defined(WITH_IPSECMB)
#include <weir/ipsecmb.h>
#endif
#if defined(WITH_OPENSSL)
#include <weir/openssl.h>
#elif defined(WITH_MBEDTLS)
#include <weir/mbedtls.h>
#endif

/* All are held against the first that has the algorithm. */
static const struct weir_aead *const aeads[] = {
#if defined(WITH_OPENSSL)
    &weir_aead_openssl,
#elif defined(WITH_MBEDTLS)
    &weir_aead_mbedtls,
#endif
    &weir_aead_portable,
    &weir_aead_portable_short,
#if defined(WITH_IPSECMB)
    &weir_aead_ipsecmb,
#endif
};
#define AEADS (sizeof aeads / sizeof *aeads)

static const struct weir_kdf *const kdfs[] = {
#if defined(WITH_OPENSSL)
    &weir_kdf_openssl,
#elif defined(WITH_MBEDTLS)
    &weir_kdf_mbedtls,
#endif
    &weir_kdf_portable,
};
#define KDFS (sizeof kdfs / sizeof *kdfs)

union room {
    _Alignas(64) uint8_t bytes[4096];
};

/* One message, every part in memory of exactly its size. */
struct job {
    weir_alg alg;
    uint8_t key[WEIR_MAX_KEY], nonce[WEIR_IV_LEN];
    struct weir_iov aad;
    uint8_t *text;
    size_t len;
    size_t cuts[AEAD_DIFF_CUTS], count; /* where the pieces end, but for the last */
    size_t flip;                        /* which bit is flipped */
};

static struct weir_aead_op op_of(const struct job *job, const struct weir_iov *in, size_t count,
                                 uint8_t *out, uint8_t *tag)
{
    struct weir_aead_op op = {
        .aad = job->aad, .in = in, .in_count = count, .in_len = job->len, .out = out, .tag = tag};

    memcpy(op.nonce, job->nonce, sizeof job->nonce);
    return op;
}

/* Seals in pieces and in place; both must be the same, and are left in `out` and `tag`. */
static void seal(const struct weir_aead *aead, void *ctx, const struct job *job, uint8_t *out,
                 uint8_t tag[WEIR_TAG_LEN])
{
    struct weir_iov pieces[AEAD_DIFF_CUTS + 1], whole;
    uint8_t *in_place = fuzz_exact_copy(job->text, job->len), again[WEIR_TAG_LEN];
    struct weir_aead_op op;
    size_t at = 0;

    for (size_t i = 0; i < job->count; i++) {
        pieces[i] = (struct weir_iov){job->text + at, job->cuts[i] - at};
        at = job->cuts[i];
    }
    pieces[job->count] = (struct weir_iov){job->text + at, job->len - at};
    op = op_of(job, pieces, job->count + 1, out, tag);
    PROMISE(aead->seal(ctx, &op) == WEIR_OK);

    whole = (struct weir_iov){in_place, job->len};
    op = op_of(job, &whole, 1, in_place, again);
    PROMISE(aead->seal(ctx, &op) == WEIR_OK);
    PROMISE(job->len == 0 || memcmp(in_place, out, job->len) == 0);
    PROMISE(memcmp(again, tag, sizeof again) == 0);
    free(in_place);
}

/* A piece of what was sealed, made again by the keystream alone. */
static void seal_piece(const struct weir_aead *aead, void *ctx, const struct job *job,
                       const uint8_t *sealed)
{
    const size_t from = job->count > 0 ? job->cuts[0] : 0;
    uint8_t *piece = fuzz_exact_copy(job->text + from, job->len - from);

    if (job->alg == WEIR_CHACHA20_POLY1305) {
        PROMISE(aead->keystream(ctx, job->nonce, from, piece, piece, job->len - from) ==
                WEIR_REFUSED);
    } else {
        PROMISE(aead->keystream(ctx, job->nonce, from, piece, piece, job->len - from) == WEIR_OK);
        PROMISE(job->len == from || memcmp(piece, sealed + from, job->len - from) == 0);
    }
    free(piece);
}

/* What this provider leaves in `out` when it refuses a message: `before`, zeros, or it is open. */
static void check_refused(const struct weir_aead *aead, const uint8_t *out, const uint8_t *before,
                          size_t len)
{
    if (aead == &weir_aead_portable || aead == &weir_aead_portable_short)
        PROMISE(len == 0 || memcmp(out, before, len) == 0);
#if defined(WITH_IPSECMB)
    for (size_t i = 0; aead == &weir_aead_ipsecmb && i < len; i++)
        PROMISE(out[i] == 0);
#endif
}

/* Opens what was sealed; with one bit flipped it is refused. */
static void open_it(const struct weir_aead *aead, void *ctx, const struct job *job,
                    const uint8_t *sealed, const uint8_t tag[WEIR_TAG_LEN])
{
    uint8_t *copy = fuzz_exact_copy(sealed, job->len), *out = fuzz_exact_copy(sealed, job->len);
    uint8_t own_tag[WEIR_TAG_LEN];
    struct weir_iov in = {copy, job->len};
    struct weir_aead_op op = op_of(job, &in, 1, copy, own_tag);
    const size_t bits = (job->len + WEIR_TAG_LEN) * 8, bit = job->flip % bits;
    uint8_t *flipped = bit < job->len * 8 ? &copy[bit / 8] : &own_tag[bit / 8 - job->len];

    memcpy(own_tag, tag, sizeof own_tag);
    *flipped ^= (uint8_t)(1u << bit % 8);
    op.out = out;
    PROMISE(aead->open(ctx, &op) == WEIR_E_AUTH);
    check_refused(aead, out, sealed, job->len);
    *flipped ^= (uint8_t)(1u << bit % 8);
    op.out = copy;
    PROMISE(aead->open(ctx, &op) == WEIR_OK);
    PROMISE(job->len == 0 || memcmp(copy, job->text, job->len) == 0);
    free(out);
    free(copy);
}

/* The pieces as messages of their own: all with a call, and one after the other, the same. */
struct several {
    struct weir_aead_op op[AEAD_DIFF_CUTS + 1];
    struct weir_iov in[AEAD_DIFF_CUTS + 1];
    uint8_t *text[AEAD_DIFF_CUTS + 1], *tag[AEAD_DIFF_CUTS + 1], *wanted[AEAD_DIFF_CUTS + 1];
    uint8_t wanted_tag[AEAD_DIFF_CUTS + 1][WEIR_TAG_LEN];
    size_t count;
};

/* Every other one in place. */
static void cut(struct several *m, const struct weir_aead *aead, void *ctx, const struct job *job)
{
    m->count = job->count + 1;
    for (size_t i = 0, at = 0; i < m->count; i++) {
        const size_t end = i < job->count ? job->cuts[i] : job->len;
        struct weir_aead_op *op = &m->op[i];

        m->text[i] = fuzz_exact_copy(job->text + at, end - at);
        m->wanted[i] = fuzz_exact_copy(job->text + at, end - at);
        m->tag[i] = fuzz_exact_copy(job->key, WEIR_TAG_LEN);
        m->in[i] = (struct weir_iov){m->text[i], end - at};
        *op = op_of(job, &m->in[i], 1, m->wanted[i], m->wanted_tag[i]);
        op->in_len = end - at;
        op->nonce[WEIR_IV_LEN - 1] ^= (uint8_t)i;
        PROMISE(aead->seal(ctx, op) == WEIR_OK);
        op->out = i % 2 == 0 ? m->text[i] : fuzz_exact_copy(m->text[i], end - at);
        op->tag = m->tag[i];
        at = end;
    }
}

static void opens_up_to(const struct weir_aead *aead, void *ctx, const struct job *job,
                        struct several *m, size_t wanted)
{
    size_t good = m->count + 1, at = 0;

    /* Sealed texts are put back where they are read. */
    for (size_t i = 0; i < m->count; i++) {
        if (m->op[i].in_len > 0)
            memcpy(m->text[i], m->wanted[i], m->op[i].in_len);
    }
    PROMISE(aead->open_each(ctx, m->op, m->count, &good) ==
            (wanted == m->count ? WEIR_OK : WEIR_E_AUTH));
    PROMISE(wanted == m->count || good == wanted);
    for (size_t i = 0; i < m->count; i++) {
        const size_t len = m->op[i].in_len;
        PROMISE(len == 0 || memcmp(m->op[i].out, job->text + at, len) == 0);
        at += len;
    }
}

static void several(const struct weir_aead *aead, void *ctx, const struct job *job)
{
    struct several m;

    if (aead->seal_each == NULL)
        return;
    cut(&m, aead, ctx, job);
    PROMISE(aead->seal_each(ctx, m.op, m.count) == WEIR_OK);
    for (size_t i = 0; i < m.count; i++) {
        const size_t len = m.op[i].in_len;
        PROMISE(len == 0 || memcmp(m.op[i].out, m.wanted[i], len) == 0);
        PROMISE(memcmp(m.tag[i], m.wanted_tag[i], WEIR_TAG_LEN) == 0);
    }
    opens_up_to(aead, ctx, job, &m, m.count);
    const size_t forged = job->flip % m.count;
    m.tag[forged][job->flip / 8 % WEIR_TAG_LEN] ^= (uint8_t)(1u << job->flip % 8);
    opens_up_to(aead, ctx, job, &m, forged);
    for (size_t i = 0; i < m.count; i++) {
        if (i % 2 == 1)
            free(m.op[i].out);
        free(m.text[i]);
        free(m.wanted[i]);
        free(m.tag[i]);
    }
}

/* The provider has the algorithm, and the processor what the provider needs. */
static bool takes(const struct weir_aead *aead, weir_alg alg)
{
#if defined(WITH_IPSECMB)
    struct weir_refusal why;

    if (aead == &weir_aead_ipsecmb && !weir_ipsecmb_usable(&why))
        return false;
#endif
    return (aead->algs & WEIR_ALG_BIT(alg)) != 0;
}

static void run_aead(const struct job *job)
{
    uint8_t *first = fuzz_exact_copy(job->text, job->len), first_tag[WEIR_TAG_LEN];
    bool begun = false;

    for (size_t i = 0; i < AEADS; i++) {
        if (!takes(aeads[i], job->alg))
            continue;

        uint8_t *out = fuzz_exact_copy(job->text, job->len), tag[WEIR_TAG_LEN];
        union room ctx;

        PROMISE(aeads[i]->ctx_size <= sizeof ctx);
        PROMISE(aeads[i]->init(&ctx, job->alg, job->key) == WEIR_OK);
        seal(aeads[i], &ctx, job, out, tag);
        if (!begun) {
            memcpy(first_tag, tag, sizeof tag);
            if (job->len > 0)
                memcpy(first, out, job->len);
        }
        begun = true;
        PROMISE(job->len == 0 || memcmp(out, first, job->len) == 0);
        PROMISE(memcmp(tag, first_tag, sizeof tag) == 0);
        seal_piece(aeads[i], &ctx, job, first);
        open_it(aeads[i], &ctx, job, first, first_tag);
        several(aeads[i], &ctx, job);
        aeads[i]->wipe(&ctx);
        free(out);
    }
    free(first);
}

static void run_hmac(weir_hash hash, const uint8_t *key, size_t key_len, const uint8_t *message,
                     size_t len)
{
    uint8_t first[WEIR_MAX_SECRET];

    for (size_t i = 0; i < KDFS; i++) {
        uint8_t *out = fuzz_exact_copy(first, WEIR_HASH_LEN(hash));

        PROMISE(kdfs[i]->hmac(hash, key, key_len, message, len, out) == WEIR_OK);
        if (i == 0)
            memcpy(first, out, WEIR_HASH_LEN(hash));
        PROMISE(memcmp(out, first, WEIR_HASH_LEN(hash)) == 0);
        free(out);
    }
}

/* Up to `len` bytes off the front of the input, in memory of exactly their size. */
static uint8_t *take(struct fuzz_bytes *bytes, size_t *len)
{
    uint8_t *copy;

    if (*len > bytes->left)
        *len = bytes->left;
    copy = fuzz_exact_copy(bytes->data, *len);
    bytes->data += *len;
    bytes->left -= *len;
    return copy;
}

static void take_fixed(struct fuzz_bytes *bytes, uint8_t *to, size_t len)
{
    for (size_t i = 0; i < len; i++)
        to[i] = fuzz_take8(bytes);
}

static void take_cuts(struct fuzz_bytes *bytes, struct job *job)
{
    job->count = fuzz_take8(bytes) % (AEAD_DIFF_CUTS + 1);
    for (size_t i = 0; i < job->count; i++)
        job->cuts[i] = fuzz_take16(bytes);
}

/* In order, and none behind the end. */
static void settle_cuts(struct job *job)
{
    size_t at = 0;

    for (size_t i = 0; i < job->count; i++) {
        if (job->cuts[i] > job->len)
            job->cuts[i] = job->len;
        if (job->cuts[i] < at)
            job->cuts[i] = at;
        at = job->cuts[i];
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_bytes bytes = {data, size};
    const uint8_t what = fuzz_take8(&bytes);
    struct job job = {.alg = what & AEAD_DIFF_CHACHA ? WEIR_CHACHA20_POLY1305
                             : what & AEAD_DIFF_LONG ? WEIR_AES_256_GCM
                                                     : WEIR_AES_128_GCM};
    size_t len = fuzz_take8(&bytes) + (what & AEAD_DIFF_MORE ? 256u : 0u);
    uint8_t *part;

    if (what & AEAD_DIFF_HMAC) {
        part = take(&bytes, &len);
        job.len = bytes.left;
        job.text = take(&bytes, &job.len);
        /* HMAC has keys of any length, but OpenSSL takes an empty one for the key before. */
        if (len > 0)
            run_hmac(what & AEAD_DIFF_LONG ? WEIR_SHA384 : WEIR_SHA256, part, len, job.text,
                     job.len);
    } else {
        job.flip = fuzz_take16(&bytes);
        take_cuts(&bytes, &job);
        take_fixed(&bytes, job.key, weir_alg_key_len(job.alg));
        take_fixed(&bytes, job.nonce, sizeof job.nonce);
        part = take(&bytes, &len);
        job.aad = (struct weir_iov){part, len};
        job.len = bytes.left;
        job.text = take(&bytes, &job.len);
        settle_cuts(&job);
        run_aead(&job);
    }
    free(job.text);
    free(part);
    return 0;
}
