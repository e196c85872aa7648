/* SPDX-License-Identifier: BSD-2-Clause */
/* bench/rustls/peer.rs as a peer. */
#include <openssl/bio.h>
#include <openssl/pem.h>

#include "peer.h"

/* Of bench/rustls/peer.rs. */
void *rustls_peer_start(const uint8_t *cert, size_t cert_len, const uint8_t *key, size_t key_len,
                        bool tls13, size_t cipher, struct wire *up, struct wire *down);
bool rustls_peer_seal(void *self, const uint8_t *text, size_t len, size_t count);
bool rustls_peer_open(void *self, uint8_t *room, size_t len, size_t count);
void rustls_peer_drop_server(void *self);
void rustls_peer_stop(void *self);

static void *rustls_start(const struct setting *setting)
{
    const struct identity *identity = setting->identity;
    BIO *bio = BIO_new_mem_buf(identity->key_pem, -1);
    char *name = NULL;
    char *header = NULL;
    unsigned char *key = NULL;
    long key_len = 0;
    void *self = NULL;

    if (bio != NULL && PEM_read_bio(bio, &name, &header, &key, &key_len) == 1)
        self = rustls_peer_start(identity->cert, identity->cert_len, key, (size_t)key_len,
                                 setting->tls13, setting->cipher, setting->up, setting->down);
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(key);
    BIO_free(bio);
    return self;
}

static size_t rustls_drop_server(void *self)
{
    rustls_peer_drop_server(self);
    return 0;
}

static const char *version(void)
{
    return RUSTLS_VERSION;
}

const struct peer peer_rustls = {
    .name = "rustls",
    .version = version,
    .start = rustls_start,
    .seal = rustls_peer_seal,
    .open = rustls_peer_open,
    .drop_server = rustls_drop_server,
    .stop = rustls_peer_stop,
};
