/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Seals one message, for bench/portable to count the instructions of.
 *
 *     portable weir|ct|ctmul32|ct64 BYTES KEY-BYTES
 *
 * `weir` is the portable provider, the others are constant-time AES-GCM of BearSSL: AES in 32 bits
 * with GHASH by long or by short multiplication, and AES and GHASH in 64 bits. Prints the tag, so
 * that it can be seen that all did the same.
 */
#include <bearssl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/portable.h>

#define MESSAGE_MAX ((size_t)1 << 16)

static const uint8_t key[32] = {1, 2, 3}, aad[5] = {23, 3, 3, 64, 17};
static uint8_t message[MESSAGE_MAX], tag[16];

static int run_weir(size_t len, size_t key_len)
{
    static union {
        uint64_t align;
        uint8_t bytes[2048];
    } ctx;
    const struct weir_iov in = {message, len};
    const struct weir_aead_op op = {.aad = {aad, sizeof aad},
                                    .in = &in,
                                    .in_count = 1,
                                    .in_len = len,
                                    .out = message,
                                    .tag = tag};
    const weir_alg alg = key_len == 16 ? WEIR_AES_128_GCM : WEIR_AES_256_GCM;

    return weir_aead_portable.ctx_size > sizeof ctx ||
           weir_aead_portable.init(&ctx, alg, key) != WEIR_OK ||
           weir_aead_portable.seal(&ctx, &op) != WEIR_OK;
}

static int run_bearssl(const char *which, size_t len, size_t key_len)
{
    static br_aes_ct_ctr_keys ct;
    static br_aes_ct64_ctr_keys ct64;
    static const uint8_t nonce[12];
    br_gcm_context gcm;

    if (strcmp(which, "ct64") == 0) {
        br_aes_ct64_ctr_init(&ct64, key, key_len);
        br_gcm_init(&gcm, &ct64.vtable, br_ghash_ctmul64);
    } else {
        br_aes_ct_ctr_init(&ct, key, key_len);
        br_gcm_init(&gcm, &ct.vtable,
                    strcmp(which, "ctmul32") == 0 ? br_ghash_ctmul32 : br_ghash_ctmul);
    }
    br_gcm_reset(&gcm, nonce, sizeof nonce);
    br_gcm_aad_inject(&gcm, aad, sizeof aad);
    br_gcm_flip(&gcm);
    br_gcm_run(&gcm, 1, message, len);
    br_gcm_get_tag(&gcm, tag);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: %s weir|ct|ctmul32|ct64 BYTES KEY-BYTES\n", argv[0]);
        return 2;
    }
    const size_t len = strtoul(argv[2], NULL, 10), key_len = strtoul(argv[3], NULL, 10);

    if (len > MESSAGE_MAX || (key_len != 16 && key_len != 32))
        return 2;
    if (strcmp(argv[1], "weir") == 0 ? run_weir(len, key_len) : run_bearssl(argv[1], len, key_len))
        return 1;
    for (size_t i = 0; i < sizeof tag; i++)
        printf("%02x", tag[i]);
    printf("\n");
    return 0;
}
