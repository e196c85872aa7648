/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A program outside weir's tree, with an AEAD provider and a backend of its own, both chosen by
 * name at run time:
 *
 *     embed --self-test
 *     embed --abi
 *     embed memory|socket BACKEND[,BACKEND] AEAD LENGTH
 */
#include "project.h"
#include "tiny_aead.h"

#include <stdlib.h>
#include <string.h>
#ifdef WITH_OPENSSL
#include <weir/openssl.h>
#endif
#ifdef WITH_MBEDTLS
#include <weir/mbedtls.h>
#endif

static const struct weir_aead *const aeads[] = {
    &tiny_aead,
#ifdef WITH_OPENSSL
    &weir_aead_openssl,
#endif
#ifdef WITH_MBEDTLS
    &weir_aead_mbedtls,
#endif
};

uint8_t pattern(size_t n)
{
    return (uint8_t)(n * 7 + (n >> 8));
}

static void one_direction(struct weir_keys *keys, uint8_t seed)
{
    *keys = (struct weir_keys){
        .version = WEIR_TLS13,
        .suite = WEIR_TLS_CHACHA20_POLY1305_SHA256,
        .at = {.nonce_rule = WEIR_NONCE_IMPLICIT},
    };
    memset(keys->key, seed, sizeof keys->key);
    memset(keys->iv, seed + 1, sizeof keys->iv);
}

void shared_keys(bool server, struct weir_keys *tx, struct weir_keys *rx)
{
    one_direction(tx, server ? 0x51 : 0xc1);
    one_direction(rx, server ? 0xc1 : 0x51);
}

static const struct weir_aead *aead_named(const char *name)
{
    for (size_t i = 0; i < sizeof aeads / sizeof aeads[0]; i++)
        if (strcmp(aeads[i]->name, name) == 0)
            return aeads[i];
    return NULL;
}

/* "counting", "soft" or "old", the next in the order of preference. */
static bool add_backend(struct choice *choice, const char *name, const struct weir_aead *aead)
{
    struct weir_refusal why;
    const struct weir_backend *backend = NULL;

    if (strcmp(name, "counting") == 0) {
        counting_init(&choice->counting, aead, &choice->totals);
        backend = &choice->counting.backend;
    } else if (strcmp(name, "soft") == 0) {
        if (weir_soft_init(&choice->soft, aead, &why) != WEIR_OK)
            return false;
        backend = &choice->soft.backend;
    } else if (strcmp(name, "old") == 0) {
        counting_init(&choice->counting, aead, &choice->totals);
        choice->wrong_abi = choice->counting.backend;
        choice->wrong_abi.name = "old";
        choice->wrong_abi.abi = WEIR_BACKEND_ABI + 1;
        backend = &choice->wrong_abi;
    }
    if (backend == NULL || choice->count == sizeof choice->backends / sizeof choice->backends[0]) {
        fprintf(stderr, "embed: no backend '%s'\n", name);
        return false;
    }
    choice->backends[choice->count++] = backend;
    return true;
}

static bool choose(struct choice *choice, char *backends, const char *aead_name)
{
    const struct weir_aead *aead = aead_named(aead_name);

    if (aead == NULL) {
        fprintf(stderr, "embed: no AEAD provider '%s'\n", aead_name);
        return false;
    }
    for (char *name = strtok(backends, ","); name != NULL; name = strtok(NULL, ","))
        if (!add_backend(choice, name, aead))
            return false;
    return choice->count > 0;
}

/* A provider and a backend of another interface version are refused wherever they are given. */
static int wrong_abi_is_refused(void)
{
    static struct choice choice;
    static uint8_t ctx[512];
    struct weir_aead other = tiny_aead;
    struct weir_soft soft;
    struct weir_refusal why;
    struct weir_keys tx;
    struct weir_keys rx;
    struct weir_tx direction;

    other.abi = WEIR_AEAD_ABI + 1;
    if (weir_soft_init(&soft, &other, &why) != WEIR_REFUSED || why.code != WEIR_REFUSAL_ABI ||
        why.detail != WEIR_AEAD_ABI + 1)
        return 1;
    printf("provider refused %s\n", weir_refusal_name(why.code));

    shared_keys(false, &tx, &rx);
    if (!add_backend(&choice, "old", &tiny_aead) ||
        weir_backend_check(&choice.wrong_abi, &tx, WEIR_TX, &why) || why.code != WEIR_REFUSAL_ABI ||
        weir_tx_init(&direction, &tx, &choice.wrong_abi, ctx, sizeof ctx, &why) != WEIR_REFUSED ||
        why.code != WEIR_REFUSAL_ABI || choice.totals.attached != 0)
        return 1;
    printf("backend refused %s\n", weir_refusal_name(why.code));
    return 0;
}

static int carry(int argc, char **argv)
{
    static struct choice choice;

    if (argc != 5 || !choose(&choice, argv[2], argv[3]))
        return 2;
    size_t len = (size_t)strtoul(argv[4], NULL, 10);
    int status = 2;
    if (strcmp(argv[1], "memory") == 0)
        status = carry_in_memory(&choice, len);
#ifdef WITH_IO
    else if (strcmp(argv[1], "socket") == 0)
        status = carry_over_socket(&choice, len);
#endif
    const struct counting_totals *t = &choice.totals;
    printf("counted %lu sealed %lu opened %lu attached %lu detached %lu %lu bytes\n", t->sealed,
           t->opened, t->attached, t->detached, t->sealed_bytes, t->opened_bytes);
    return status;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--self-test") == 0)
        return tiny_aead_works() ? 0 : 1;
    if (argc == 2 && strcmp(argv[1], "--abi") == 0)
        return wrong_abi_is_refused();
    return carry(argc, argv);
}
