/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A program that calls SSL_read and SSL_write gets weir by one BIO and one option, in the place of
 * SSL_set_fd and before the handshake.
 */
#include <weir/openssl_bio.h>

/* Returns 1, or 0 as SSL_set_fd does. */
int set_fd_on_weir(SSL *ssl, int fd)
{
    const struct weir_openssl_bio_config config = {.ssl = ssl}; /* software; or name backends */
    BIO *bio = weir_openssl_bio_new(fd, &config);

    if (bio == NULL)
        return 0;
    SSL_set_bio(ssl, bio, bio);
    (void)SSL_set_options(ssl, SSL_OP_ENABLE_KTLS);
    return 1;
}
