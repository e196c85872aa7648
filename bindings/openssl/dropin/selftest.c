/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether the OpenSSL of this process does what ktls30.h says: two of its ends shake hands in
 * memory over BIOs that claim to have kernel TLS and protect nothing. What is handed over must be
 * the keys that weir derives by itself, and what follows must be content with its type.
 */
#include "../../common/tls12.h"
#include "probe.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <string.h>

#define ROUNDS 20

/* What must hold; the number that a refusal tells is 100 * version + 10 * alg + one of these. */
enum step {
    STEP_NONE = 0,
    STEP_SETUP,     /* OpenSSL makes no such connection */
    STEP_HANDSHAKE, /* no handshake */
    STEP_OFFERED,   /* keys did not come, or came where none should */
    STEP_LAYOUT,    /* they are not the keys of the connection */
    STEP_DATA,      /* data is not written, or read, as said */
    STEP_UPDATE,    /* a KeyUpdate is not written as said */
    STEP_FILE,      /* SSL_sendfile does something else */
    STEP_ALERT,     /* an alert is not written as said */
};

struct trial {
    uint16_t version;
    weir_alg alg;
    const char *list, *suites; /* of TLS 1.2, of TLS 1.3 */
};

/* Legacy PSK callbacks mean SHA-256 in TLS 1.3, so AES-256 is tried in TLS 1.2 only. */
static const struct trial trials[] = {
    {WEIR_TLS12, WEIR_AES_128_GCM, "PSK-AES128-GCM-SHA256:@SECLEVEL=0", NULL},
    {WEIR_TLS12, WEIR_AES_256_GCM, "PSK-AES256-GCM-SHA384:@SECLEVEL=0", NULL},
    {WEIR_TLS12, WEIR_CHACHA20_POLY1305, "PSK-CHACHA20-POLY1305:@SECLEVEL=0", NULL},
    {WEIR_TLS13, WEIR_AES_128_GCM, NULL, "TLS_AES_128_GCM_SHA256"},
    {WEIR_TLS13, WEIR_CHACHA20_POLY1305, NULL, "TLS_CHACHA20_POLY1305_SHA256"},
};

/* ---- a connection ---- */

struct pair {
    SSL_CTX *ctx;
    SSL *ssl[2]; /* client, server */
    struct probe probe[2];
    struct probe_queue queue[2]; /* to the server, to the client */
};

static unsigned fill_psk(unsigned char *psk, unsigned room)
{
    unsigned len = room < 32 ? room : 32;

    memset(psk, 'w', len); /* of a connection that nobody else can reach */
    return len;
}

static unsigned psk_client(SSL *ssl, const char *hint, char *identity, unsigned room,
                           unsigned char *psk, unsigned psk_room)
{
    (void)ssl;
    (void)hint;
    if (room < 2)
        return 0;
    memcpy(identity, "w", 2);
    return fill_psk(psk, psk_room);
}

static unsigned psk_server(SSL *ssl, const char *identity, unsigned char *psk, unsigned room)
{
    (void)ssl;
    (void)identity;
    return fill_psk(psk, room);
}

/* False: this OpenSSL has no such suite, and so never offers its keys. */
static bool has(const struct trial *trial, SSL_CTX *ctx)
{
    return trial->list != NULL ? SSL_CTX_set_cipher_list(ctx, trial->list) == 1
                               : SSL_CTX_set_ciphersuites(ctx, trial->suites) == 1;
}

static bool set_up(struct pair *p, const struct trial *trial)
{
    SSL_CTX_set_psk_client_callback(p->ctx, psk_client);
    SSL_CTX_set_psk_server_callback(p->ctx, psk_server);
    (void)SSL_CTX_set_options(p->ctx, SSL_OP_ENABLE_KTLS | SSL_OP_NO_TICKET);
    if (SSL_CTX_set_min_proto_version(p->ctx, trial->version) != 1 ||
        SSL_CTX_set_max_proto_version(p->ctx, trial->version) != 1 ||
        SSL_CTX_set_num_tickets(p->ctx, 0) != 1)
        return false;
    for (size_t i = 0; i < 2; i++) {
        p->ssl[i] = SSL_new(p->ctx);
        if (p->ssl[i] == NULL)
            return false;
        if (i == 0)
            SSL_set_connect_state(p->ssl[i]);
        else
            SSL_set_accept_state(p->ssl[i]);
        p->probe[i] = (struct probe){.out = &p->queue[i], .in = &p->queue[1 - i]};
        p->probe[i].secret = weir_dropin_secret_new(p->ssl[i]);
        BIO *bio = weir_dropin_probe_new(&p->probe[i]);
        if (p->probe[i].secret == NULL || bio == NULL) {
            BIO_free(bio);
            return false;
        }
        SSL_set_bio(p->ssl[i], bio, bio);
    }
    return true;
}

static void tear_down(struct pair *p)
{
    for (size_t i = 0; i < 2; i++) {
        SSL_free(p->ssl[i]);
        weir_dropin_secret_free(p->probe[i].secret);
    }
    SSL_CTX_free(p->ctx);
    OPENSSL_clear_free(p, sizeof *p);
}

static bool shake(struct pair *p)
{
    int done = 0;

    for (int round = 0; round < ROUNDS && done < 2; round++) {
        done = 0;
        for (size_t i = 0; i < 2; i++)
            done += SSL_do_handshake(p->ssl[i]) == 1;
    }
    return done == 2;
}

/* ---- what must hold ---- */

static bool offered(const struct pair *p, const struct trial *trial)
{
    bool both = trial->version == WEIR_TLS12;

    for (size_t i = 0; i < 2; i++)
        if (!p->probe[i].taken[WEIR_TX] || p->probe[i].taken[WEIR_RX] != both)
            return false;
    return true;
}

static bool same(const struct weir_keys *one, const struct weir_keys *other)
{
    return CRYPTO_memcmp(one->key, other->key, sizeof one->key) == 0 &&
           CRYPTO_memcmp(one->iv, other->iv, sizeof one->iv) == 0 && one->at.seq == 0;
}

/* TLS 1.2: the keys out of the master secret. In TLS 1.3 the probe has compared them already. */
static bool right12(const struct pair *p, size_t end)
{
    uint8_t master[WEIR_MASTER_LEN], random[2][WEIR_RANDOM_LEN];
    const SSL *ssl = p->ssl[end];
    struct weir_keys tx, rx;
    const struct weir_tls12 from = {
        .suite = SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(ssl)),
        .server = end == 1,
        .master = master,
        .client_random = random[0],
        .server_random = random[1],
    };

    bool good =
        SSL_SESSION_get_master_key(SSL_get_session(ssl), master, sizeof master) == sizeof master &&
        SSL_get_client_random(ssl, random[0], WEIR_RANDOM_LEN) == WEIR_RANDOM_LEN &&
        SSL_get_server_random(ssl, random[1], WEIR_RANDOM_LEN) == WEIR_RANDOM_LEN &&
        weir_tls12_keys(&weir_kdf_openssl, &from, &tx, &rx) == WEIR_OK;
    if (good) {
        good = same(&p->probe[end].keys[WEIR_TX], &tx) && same(&p->probe[end].keys[WEIR_RX], &rx);
        weir_keys_wipe(&tx);
        weir_keys_wipe(&rx);
    }
    weir_wipe(master, sizeof master);
    return good;
}

static bool right(const struct pair *p, const struct trial *trial)
{
    for (size_t i = 0; i < 2; i++) {
        const struct weir_keys *tx = &p->probe[i].keys[WEIR_TX];
        const struct weir_suite *suite = weir_suite_find(tx->suite);
        if (p->probe[i].unknown || tx->version != trial->version || suite == NULL ||
            suite->alg != trial->alg || tx->at.seq != 0)
            return false;
        if (trial->version == WEIR_TLS13 ? !p->probe[i].proven : !right12(p, i))
            return false;
    }
    return true;
}

/* The last record that an end wrote, and that it wrote one. */
static bool wrote(struct probe *probe, uint8_t type, const void *data, size_t len)
{
    bool good = probe->records == 1 && probe->last_type == type && probe->last_len == len &&
                memcmp(probe->last, data, len) == 0;

    probe->records = 0;
    return good;
}

static bool data_goes(struct pair *p, const struct trial *trial)
{
    char got[8];

    for (size_t i = 0; i < 2; i++) {
        p->probe[i].records = 0;
        if (SSL_write(p->ssl[i], "weir", 4) != 4 || !wrote(&p->probe[i], WEIR_TYPE_DATA, "weir", 4))
            return false;
        /* In TLS 1.3 the other end waits for records, which nobody makes here. */
        if (trial->version == WEIR_TLS12 &&
            (SSL_read(p->ssl[1 - i], got, sizeof got) != 4 || memcmp(got, "weir", 4) != 0))
            return false;
    }
    return true;
}

static bool update_goes(struct pair *p)
{
    static const uint8_t message[2][5] = {{24, 0, 0, 1, 0}, {24, 0, 0, 1, 1}};
    static const int kinds[2] = {SSL_KEY_UPDATE_NOT_REQUESTED, SSL_KEY_UPDATE_REQUESTED};

    for (size_t i = 0; i < 2; i++)
        if (SSL_key_update(p->ssl[i], kinds[i]) != 1 || SSL_do_handshake(p->ssl[i]) != 1 ||
            !wrote(&p->probe[i], WEIR_TYPE_HANDSHAKE, message[i], sizeof message[i]))
            return false;
    return true;
}

/* Without a descriptor SSL_sendfile must fail with nothing written; and it must have asked for it.
 */
static bool file_stays(struct pair *p)
{
    p->probe[0].asked_descriptor = false;
    return SSL_sendfile(p->ssl[0], -1, 0, 1, 0) < 0 && p->probe[0].asked_descriptor &&
           p->probe[0].records == 0;
}

static bool alert_goes(struct pair *p)
{
    (void)SSL_shutdown(p->ssl[0]);
    return wrote(&p->probe[0], WEIR_TYPE_ALERT, "\1\0", 2);
}

static enum step go_through(struct pair *p, const struct trial *trial)
{
    if (!set_up(p, trial))
        return STEP_SETUP;
    if (!shake(p))
        /* With keys misread nothing that follows is to be expected. */
        return p->probe[0].unknown || p->probe[1].unknown ? STEP_LAYOUT : STEP_HANDSHAKE;
    if (p->probe[0].unknown || p->probe[1].unknown)
        return STEP_LAYOUT;
    if (!offered(p, trial))
        return STEP_OFFERED;
    if (!right(p, trial))
        return STEP_LAYOUT;
    if (!data_goes(p, trial))
        return STEP_DATA;
    if (trial->version == WEIR_TLS13 && !update_goes(p))
        return STEP_UPDATE;
    if (!file_stays(p))
        return STEP_FILE;
    return alert_goes(p) ? STEP_NONE : STEP_ALERT;
}

static uint32_t run(const struct trial *trial)
{
    enum step step = STEP_SETUP;
    struct pair *p = OPENSSL_zalloc(sizeof *p);

    if (p == NULL)
        return STEP_SETUP;
    p->ctx = SSL_CTX_new(TLS_method());
    if (p->ctx != NULL)
        step = has(trial, p->ctx) ? go_through(p, trial) : STEP_NONE;
    tear_down(p);
    if (step == STEP_NONE)
        return 0;
    return (trial->version == WEIR_TLS12 ? 100u : 200u) + 10u * (uint32_t)trial->alg +
           (uint32_t)step;
}

/* ---- once in a process ---- */

static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
static uint32_t failed; /* written once, before anybody reads it: 0, or a refusal's detail */

/* The versions that this header is about. Which of them it is, is told by the library that is
 * loaded, not by the headers weir was compiled with. */
static bool version_known(unsigned long version)
{
    return version >> 20 == 0x300; /* 3.0, whatever its patch */
}

static void find_out(void)
{
    unsigned long version = OpenSSL_version_num();
    int before = errno;

    if (!version_known(version)) {
        failed = (uint32_t)version;
        return;
    }
    (void)ERR_set_mark();
    for (size_t i = 0; i < sizeof trials / sizeof trials[0] && failed == 0; i++)
        failed = run(&trials[i]);
    (void)ERR_pop_to_mark();
    errno = before;
}

bool weir_dropin_known(struct weir_refusal *why)
{
#if defined(__linux__)
    bool ran = CRYPTO_THREAD_run_once(&once, find_out) == 1;

    if (ran && failed == 0)
        return true;
    *why = (struct weir_refusal){
        .code = WEIR_REFUSAL_LIBRARY, .layer = WEIR_LAYER_BINDING, .detail = ran ? failed : 0};
#else
    /* Elsewhere OpenSSL hands over what that system's kernel takes. */
    *why = (struct weir_refusal){.code = WEIR_REFUSAL_NOT_THIS_OS, .layer = WEIR_LAYER_BINDING};
#endif
    return false;
}
