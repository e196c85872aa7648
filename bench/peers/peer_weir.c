/* SPDX-License-Identifier: BSD-2-Clause */
/* weir on the provider that `auto` takes: sealing to the wire's memory, opening in it. */
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>
#ifdef WITH_IPSECMB
#include <weir/ipsecmb.h>
#endif
#include <weir/openssl.h>

#include "peer.h"

#define CTX_ALIGN 64u
#define CTX_SIZE  4096u
#define MANY      64u

struct ends {
    struct weir_soft soft;
    struct weir_tx tx;
    struct weir_rx rx;
    struct wire *up;
    void *ctx[2];
};

static const struct weir_aead *chosen(void)
{
#ifdef WITH_IPSECMB
    return &weir_aead_ipsecmb;
#else
    return &weir_aead_openssl;
#endif
}

static void weir_stop(void *self)
{
    struct ends *e = self;

    weir_tx_wipe(&e->tx);
    weir_rx_wipe(&e->rx);
    free(e->ctx[0]);
    free(e->ctx[1]);
    free(e);
}

static void *weir_start(const struct setting *setting)
{
    static const char *const names[2][CIPHERS] = {
        {"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
         "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"},
        {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}};
    const struct weir_suite *suite = weir_suite_named(names[setting->tls13][setting->cipher]);
    bool explicit_nonce = !setting->tls13 && setting->cipher != CHACHA20_POLY1305;
    struct weir_refusal why;
    struct ends *e = calloc(1, sizeof *e);

    if (e == NULL || suite == NULL) {
        free(e);
        return NULL;
    }
    struct weir_keys tx = {.version = setting->tls13 ? WEIR_TLS13 : WEIR_TLS12,
                           .suite = suite->id,
                           .at.nonce_rule = explicit_nonce ? WEIR_NONCE_SEQ : WEIR_NONCE_IMPLICIT};
    memset(tx.key, 7, sizeof tx.key);
    struct weir_keys rx = tx;
    e->up = setting->up;
    e->ctx[0] = aligned_alloc(CTX_ALIGN, CTX_SIZE);
    e->ctx[1] = aligned_alloc(CTX_ALIGN, CTX_SIZE);
    if (e->ctx[0] != NULL && e->ctx[1] != NULL &&
        weir_soft_init(&e->soft, chosen(), &why) == WEIR_OK &&
        weir_tx_init(&e->tx, &tx, &e->soft.backend, e->ctx[0], CTX_SIZE, &why) == WEIR_OK &&
        weir_rx_init(&e->rx, &rx, &e->soft.backend, e->ctx[1], CTX_SIZE, &why) == WEIR_OK)
        return e;
    weir_stop(e);
    return NULL;
}

static bool weir_seal(void *self, const uint8_t *text, size_t len, size_t count)
{
    struct ends *e = self;
    struct wire *up = e->up;

    for (size_t i = 0; i < count; i++) {
        const struct weir_iov in = {text, len};
        size_t taken = 0;
        size_t made = 0;
        if (weir_tx_seal(&e->tx, WEIR_TYPE_DATA, &in, 1, up->bytes + up->len, WIRE_ROOM - up->len,
                         &taken, &made) != WEIR_OK ||
            taken != len)
            return false;
        up->len += made;
    }
    return true;
}

static bool weir_open(void *self, uint8_t *room, size_t len, size_t count)
{
    struct ends *e = self;
    struct wire *up = e->up;
    struct weir_record records[MANY] = {{NULL, 0, 0}};
    size_t last = 0;

    for (size_t done = 0; done < count;) {
        size_t used = 0;
        size_t found = 0;
        if (weir_rx_open(&e->rx, up->bytes + up->taken, up->len - up->taken, &used, records, MANY,
                         &found) < 0 ||
            found == 0)
            return false;
        up->taken += used;
        done += found;
        last = found - 1;
    }
    if (records[last].data == NULL || records[last].len != len)
        return false;
    /* What the others give in the caller's buffer lies on the wire here; of the last one only, to
     * be looked at. */
    memcpy(room, records[last].data, len < 32 ? len : 32);
    return true;
}

static const char *version(void)
{
    return chosen()->name;
}

const struct peer peer_weir = {"weir", version, weir_start, weir_seal, weir_open, weir_stop};
