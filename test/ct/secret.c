/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The portable providers, or with SECRET_IPSECMB that on libipsec-mb, under valgrind, with secrets
 * marked as undefined: memcheck then reports every branch and every address that depends on one
 * (Langley, "ctgrind", has the idea). ct.py compiles and runs this. A line for each part, so that a
 * report can be told where it belongs.
 */
#include <stdio.h>
#include <string.h>
#include <valgrind/memcheck.h>
#include <weir/keys.h>
#if defined(SECRET_IPSECMB)
#include <weir/ipsecmb.h>
#define AEAD weir_aead_ipsecmb
#else
#include <weir/portable.h>
#define AEAD weir_aead_portable
#endif

#define MESSAGE_MAX 300u

static const size_t lens[] = {0, 1, 15, 16, 17, 31, 48, 64, 100, 128, MESSAGE_MAX};
#define LENS (sizeof lens / sizeof *lens)

static int failed;

static void must(int holds, const char *what)
{
    if (holds)
        return;
    (void)printf("FAIL %s\n", what);
    failed = 1;
}

/* Whether some bit of these bytes depends on a secret. */
static int is_secret(const void *p, size_t len)
{
    uint8_t bits[MESSAGE_MAX];

    if (VALGRIND_GET_VBITS(p, bits, len) != 1)
        return 0;
    for (size_t i = 0; i < len; i++) {
        if (bits[i] != 0)
            return 1;
    }
    return 0;
}

static void secret_bytes(uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        p[i] = (uint8_t)(i * 37 + len);
    VALGRIND_MAKE_MEM_UNDEFINED(p, len);
}

/* Seals in two pieces, opens, and is refused; what goes over the wire is public in between. */
static void one_message(void *ctx, weir_alg alg, size_t len)
{
    const weir_status piece = alg == WEIR_CHACHA20_POLY1305 ? WEIR_REFUSED : WEIR_OK;
    static const uint8_t aad[13] = {1, 2, 3}, zeros[MESSAGE_MAX];
    uint8_t text[MESSAGE_MAX], out[MESSAGE_MAX], apart[MESSAGE_MAX], tag[WEIR_TAG_LEN];
    struct weir_iov pieces[2] = {{text, len / 3}, {text + len / 3, len - len / 3}};
    struct weir_iov on_top = {out, len};
    struct weir_aead_op op = {.aad = {aad, sizeof aad},
                              .in = pieces,
                              .in_count = 2,
                              .in_len = len,
                              .out = out,
                              .tag = tag};

    secret_bytes(text, len);
    must(AEAD.seal(ctx, &op) == WEIR_OK, "seal");
    must(len == 0 || is_secret(out, len), "the ciphertext does not come from the secrets");
    must(is_secret(tag, sizeof tag), "the tag does not come from the secrets");
    VALGRIND_MAKE_MEM_DEFINED(out, len);
    VALGRIND_MAKE_MEM_DEFINED(tag, sizeof tag);

    must(AEAD.keystream(ctx, op.nonce, len / 3, zeros, apart, len - len / 3) == piece, "keystream");
    must(len == 0 || piece != WEIR_OK || is_secret(apart, len - len / 3),
         "the keystream does not come from the key");

    op.in = &on_top;
    op.in_count = 1;
    op.out = apart;
    tag[len % WEIR_TAG_LEN] ^= 4;
    must(AEAD.open(ctx, &op) == WEIR_E_AUTH, "a wrong tag");
    tag[len % WEIR_TAG_LEN] ^= 4;
    op.out = out;
    must(AEAD.open(ctx, &op) == WEIR_OK, "open");
    must(len == 0 || is_secret(out, len), "the plaintext does not come from the secrets");
}

/* The same of several messages with one call, the second of which is forged. */
static void several_messages(void *ctx)
{
    static const uint8_t aad[13] = {1, 2, 3};
    static uint8_t text[3][MESSAGE_MAX], tag[3][WEIR_TAG_LEN];
    struct weir_aead_op ops[3];
    struct weir_iov in[3];
    size_t good = 77;

    if (AEAD.seal_each == NULL)
        return;
    for (size_t i = 0; i < 3; i++) {
        secret_bytes(text[i], lens[i + 5]);
        in[i] = (struct weir_iov){text[i], lens[i + 5]};
        ops[i] = (struct weir_aead_op){.nonce = {(uint8_t)i},
                                       .aad = {aad, sizeof aad},
                                       .in = &in[i],
                                       .in_count = 1,
                                       .in_len = in[i].len,
                                       .out = text[i],
                                       .tag = tag[i]};
    }
    must(AEAD.seal_each(ctx, ops, 3) == WEIR_OK, "seal_each");
    for (size_t i = 0; i < 3; i++) {
        must(is_secret(text[i], in[i].len) && is_secret(tag[i], WEIR_TAG_LEN),
             "what seal_each makes does not come from the secrets");
        VALGRIND_MAKE_MEM_DEFINED(text[i], in[i].len);
        VALGRIND_MAKE_MEM_DEFINED(tag[i], WEIR_TAG_LEN);
    }
    tag[1][3] ^= 4;
    must(AEAD.open_each(ctx, ops, 3, &good) == WEIR_E_AUTH && good == 1, "open_each");
    for (size_t i = 0; i < 3; i++)
        must(is_secret(text[i], in[i].len), "what open_each makes does not come from the secrets");
}

static void aead(weir_alg alg)
{
    static struct {
        _Alignas(64) uint8_t bytes[2048];
    } ctx;
    uint8_t key[WEIR_MAX_KEY];

    secret_bytes(key, sizeof key);
    must(AEAD.ctx_size <= sizeof ctx, "room");
    must(AEAD.init(&ctx, alg, key) == WEIR_OK, "init");
    for (size_t i = 0; i < LENS; i++)
        one_message(&ctx, alg, lens[i]);
    several_messages(&ctx);
    AEAD.wipe(&ctx);
    must(!is_secret(&ctx, sizeof ctx < MESSAGE_MAX ? sizeof ctx : MESSAGE_MAX), "wipe");
}

#if !defined(SECRET_IPSECMB)
static void kdf(weir_hash hash)
{
    for (size_t i = 0; i < LENS; i++) {
        uint8_t key[MESSAGE_MAX], message[MESSAGE_MAX], out[WEIR_MAX_SECRET];
        size_t key_len = lens[LENS - 1 - i];

        secret_bytes(key, key_len);
        secret_bytes(message, lens[i]);
        must(weir_kdf_portable.hmac(hash, key, key_len, message, lens[i], out) == WEIR_OK, "hmac");
        must(is_secret(out, WEIR_HASH_LEN(hash)), "the output does not come from the secrets");
    }
}
#endif

int main(void)
{
    if (!RUNNING_ON_VALGRIND) {
        (void)printf("FAIL this means something under valgrind only\n");
        return 2;
    }
    aead(WEIR_AES_128_GCM);
    aead(WEIR_AES_256_GCM);
#if defined(SECRET_IPSECMB)
    aead(WEIR_CHACHA20_POLY1305);
#else
    kdf(WEIR_SHA256);
    kdf(WEIR_SHA384);
#endif
    return failed;
}
