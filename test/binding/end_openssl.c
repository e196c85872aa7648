/* SPDX-License-Identifier: BSD-2-Clause */
#include "end.h"

#include <criterion/criterion.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>

static void drain(struct end *e)
{
    char *data = NULL;
    BIO *out = SSL_get_wbio(e->ssl);
    long len = BIO_get_mem_data(out, &data);

    bytes_add(&e->out, data, (size_t)len);
    (void)BIO_reset(out);
}

static void note_ssl(struct end *e, int result)
{
    int error = SSL_get_error(e->ssl, result);

    if (result <= 0 && error != SSL_ERROR_WANT_READ)
        e->ssl_error = error;
}

static void step(struct end *e)
{
    uint8_t buf[4096];
    size_t got = 0;

    ERR_clear_error();
    if (e->in.len > 0)
        cr_assert_eq(BIO_write(SSL_get_rbio(e->ssl), e->in.data, (int)e->in.len), (int)e->in.len);
    bytes_drop(&e->in, e->in.len);
    if (!SSL_is_init_finished(e->ssl))
        note_ssl(e, SSL_do_handshake(e->ssl));
    if (SSL_is_init_finished(e->ssl)) {
        int result = 0;
        while ((result = SSL_read_ex(e->ssl, buf, sizeof buf, &got)) == 1)
            bytes_add(&e->data, buf, got);
        note_ssl(e, result);
    }
    drain(e);
}

static bool up(const struct end *e)
{
    return SSL_is_init_finished(e->ssl) == 1;
}

static void send(struct end *e, const void *data, size_t len)
{
    cr_assert_eq(SSL_write(e->ssl, data, (int)len), (int)len);
    drain(e);
}

static const struct end_library openssl = {step, up, send};

void end_plain_openssl(struct end *e, const char *name, SSL *ssl)
{
    BIO *in = BIO_new(BIO_s_mem());
    BIO *out = BIO_new(BIO_s_mem());

    memset(e, 0, sizeof *e);
    e->name = name;
    e->ssl = ssl;
    e->plain = &openssl;
    cr_assert(in != NULL && out != NULL);
    (void)BIO_set_mem_eof_return(in, -1);
    SSL_set_bio(ssl, in, out);
}
