/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The traffic secret of the sending direction, which OpenSSL tells by the key log right before it
 * hands over the key. SSL and BIO each may go first, so what lies between them belongs to both.
 */
#include "../listen.h"
#include "dropin.h"

#include <openssl/crypto.h>
#include <string.h>

struct weir_dropin_secret {
    struct weir_openssl_listener listener; /* first: how the key log knows it */
    unsigned owners;
    uint8_t bytes[WEIR_MAX_SECRET];
    size_t len; /* 0: not heard */
};

static struct weir_dropin_secret *inside(struct weir_openssl_listener *listener)
{
    return (struct weir_dropin_secret *)(void *)listener;
}

static void hear(struct weir_openssl_listener *listener, const SSL *ssl,
                 const struct weir_openssl_heard *heard)
{
    struct weir_dropin_secret *s = inside(listener);

    if (heard->which != WEIR_TAP_APPLICATION || heard->of_server != (SSL_is_server(ssl) == 1))
        return;
    memcpy(s->bytes, heard->secret, heard->len);
    s->len = heard->len;
}

static void let_go(struct weir_openssl_listener *listener)
{
    struct weir_dropin_secret *s = inside(listener);

    if (--s->owners == 0)
        OPENSSL_clear_free(s, sizeof *s);
}

struct weir_dropin_secret *weir_dropin_secret_new(SSL *ssl)
{
    struct weir_dropin_secret *s = OPENSSL_zalloc(sizeof *s);

    if (s == NULL)
        return NULL;
    s->listener = (struct weir_openssl_listener){.hear = hear, .release = let_go};
    s->owners = 1;
    if (!weir_openssl_prepare(SSL_get_SSL_CTX(ssl)) || !weir_openssl_listen(ssl, &s->listener)) {
        OPENSSL_free(s);
        return NULL;
    }
    s->owners++;
    return s;
}

weir_refusal_code weir_dropin_secret_take(struct weir_dropin_secret *s, struct weir_keys *keys)
{
    weir_refusal_code code = WEIR_REFUSAL_NOT_PROVEN;
    struct weir_keys derived;

    if (s->len == 0)
        return WEIR_REFUSAL_SECRET;
    if (weir_keys_from_secret(&derived, &weir_kdf_openssl, keys->suite, s->bytes, s->len) ==
            WEIR_OK &&
        CRYPTO_memcmp(derived.key, keys->key, sizeof keys->key) == 0 &&
        CRYPTO_memcmp(derived.iv, keys->iv, sizeof keys->iv) == 0) {
        memcpy(keys->secret, s->bytes, s->len);
        keys->secret_len = (uint8_t)s->len;
        code = WEIR_REFUSAL_NONE;
    }
    weir_keys_wipe(&derived);
    weir_wipe(s->bytes, sizeof s->bytes);
    s->len = 0;
    return code;
}

void weir_dropin_secret_free(struct weir_dropin_secret *s)
{
    if (s == NULL)
        return;
    weir_wipe(s->bytes, sizeof s->bytes);
    let_go(&s->listener);
}
