/* SPDX-License-Identifier: BSD-2-Clause */
/* weir on the provider that `auto` takes: sealing to the wire's memory, opening in it. */
#include <stdlib.h>
#include <string.h>
#include <weir/soft_cache.h>
#include <weir/weir.h>
#ifdef WITH_IPSECMB
#include <weir/ipsecmb.h>
#endif
#include <weir/openssl.h>

#include "peer.h"

#define CTX_ALIGN    64u
#define CTX_SIZE     4096u
#define CACHE_TABLES 2u
#define MANY         64u

/* What a server has of a connection; the contexts of its two directions lie behind it. */
struct server {
    struct weir_tx tx;
    struct weir_rx rx;
    struct weir_session session;
};

struct ends {
    struct weir_soft soft;
    struct weir_soft_cache cache; /* `lean`: of key tables, for any number of connections */
    struct weir_tx tx;            /* the client's */
    struct server *server;
    struct wire *up;
    void *ctx, *tables;
};

static const struct weir_aead *chosen(void)
{
#ifdef WITH_IPSECMB
    return &weir_aead_ipsecmb;
#else
    return &weir_aead_openssl;
#endif
}

static size_t weir_drop_server(void *self)
{
    struct ends *e = self;

    weir_tx_wipe(&e->server->tx);
    weir_rx_wipe(&e->server->rx);
    free(e->server);
    e->server = NULL;
    return 0;
}

static void weir_stop(void *self)
{
    struct ends *e = self;

    weir_tx_wipe(&e->tx);
    if (e->server != NULL)
        (void)weir_drop_server(e);
    free(e->ctx);
    free(e->tables);
    free(e);
}

static size_t round_up(size_t n, size_t align)
{
    return (n + align - 1) / align * align;
}

static bool start_server(struct ends *e, const struct weir_keys *keys,
                         const struct weir_backend *backend)
{
    const size_t align = backend->ctx_align > 8 ? backend->ctx_align : 8;
    const size_t ctx_size = round_up(backend->ctx_size, align);
    const size_t first = round_up(sizeof *e->server, align);
    struct weir_keys tx = *keys, rx = *keys;
    struct weir_refusal why;

    e->server =
        align > 8 ? aligned_alloc(align, first + 2 * ctx_size) : malloc(first + 2 * ctx_size);
    if (e->server == NULL)
        return false;
    memset(e->server, 0, sizeof *e->server);
    uint8_t *ctx = (uint8_t *)e->server + first;
    const struct weir_session_config config = {.tx = &e->server->tx, .rx = &e->server->rx};
    return weir_tx_init(&e->server->tx, &tx, backend, ctx, ctx_size, &why) == WEIR_OK &&
           weir_rx_init(&e->server->rx, &rx, backend, ctx + ctx_size, ctx_size, &why) == WEIR_OK &&
           weir_session_init(&e->server->session, &config) == WEIR_OK;
}

static bool connect_ends(struct ends *e, const struct setting *setting,
                         const struct weir_suite *suite)
{
    const struct weir_backend *backend = setting->lean ? &e->cache.backend : &e->soft.backend;
    const bool explicit_nonce = !setting->tls13 && setting->cipher != CHACHA20_POLY1305;
    const size_t tables = weir_soft_cache_size(chosen(), CACHE_TABLES);
    struct weir_keys keys = {.version = setting->tls13 ? WEIR_TLS13 : WEIR_TLS12,
                             .suite = suite->id,
                             .at.nonce_rule =
                                 explicit_nonce ? WEIR_NONCE_SEQ : WEIR_NONCE_IMPLICIT};
    struct weir_refusal why;

    memset(keys.key, 7, sizeof keys.key);
    struct weir_keys tx = keys;
    e->up = setting->up;
    e->ctx = aligned_alloc(CTX_ALIGN, CTX_SIZE);
    e->tables = malloc(tables);
    return e->ctx != NULL && e->tables != NULL &&
           weir_soft_init(&e->soft, chosen(), &why) == WEIR_OK &&
           weir_soft_cache_init(&e->cache, chosen(), e->tables, tables, &why) == WEIR_OK &&
           weir_tx_init(&e->tx, &tx, &e->soft.backend, e->ctx, CTX_SIZE, &why) == WEIR_OK &&
           start_server(e, &keys, backend);
}

static void *weir_start(const struct setting *setting)
{
    static const char *const names[2][CIPHERS] = {
        {"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
         "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"},
        {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}};
    const struct weir_suite *suite = weir_suite_named(names[setting->tls13][setting->cipher]);
    struct ends *e = calloc(1, sizeof *e);

    if (e != NULL && suite != NULL && connect_ends(e, setting, suite))
        return e;
    if (e != NULL)
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
        if (weir_rx_open(&e->server->rx, up->bytes + up->taken, up->len - up->taken, &used, records,
                         MANY, &found) < 0 ||
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

const struct peer peer_weir = {
    .name = "weir",
    .version = version,
    .start = weir_start,
    .seal = weir_seal,
    .open = weir_open,
    .drop_server = weir_drop_server,
    .stop = weir_stop,
    .knows_lean = true,
};
