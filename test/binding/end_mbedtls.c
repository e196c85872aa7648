/* SPDX-License-Identifier: BSD-2-Clause */
#include "end.h"

#include <criterion/criterion.h>
#include <mbedtls/ssl.h>
#include <mbedtls/version.h>
#include <string.h>

#include "mbed.h"

static int write_out(void *context, const unsigned char *data, size_t len)
{
    struct end *e = context;

    bytes_add(&e->out, data, len);
    return (int)len;
}

static int read_in(void *context, unsigned char *data, size_t len)
{
    struct end *e = context;
    size_t here = len < e->in.len ? len : e->in.len;

    if (here == 0) {
        e->starved = true;
        return MBEDTLS_ERR_SSL_WANT_READ;
    }
    memcpy(data, e->in.data, here);
    bytes_drop(&e->in, here);
    return (int)here;
}

static bool handshake(struct end *e)
{
    int result = mbedtls_ssl_handshake(e->mbedtls);

    if (result == 0)
        e->plain_up = true;
    else if (result != MBEDTLS_ERR_SSL_WANT_READ)
        e->ssl_error = result;
    return result == 0;
}

static void step(struct end *e)
{
    uint8_t buf[4096];
    int result = 0;

    if (e->ssl_error != 0 || (!e->plain_up && !handshake(e)))
        return;
    for (e->starved = false; !e->starved;) {
        result = mbedtls_ssl_read(e->mbedtls, buf, sizeof buf);
        if (result > 0)
            bytes_add(&e->data, buf, (size_t)result);
#if defined(MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET)
        else if (result == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET)
            e->delivered++;
#endif
        else if (result != MBEDTLS_ERR_SSL_WANT_READ)
            break;
    }
    if (result != MBEDTLS_ERR_SSL_WANT_READ)
        e->ssl_error = result;
}

static bool up(const struct end *e)
{
    return e->plain_up;
}

static void send(struct end *e, const void *data, size_t len)
{
    const uint8_t *bytes = data;

    for (size_t done = 0; done < len;) {
        int result = mbedtls_ssl_write(e->mbedtls, bytes + done, len - done);
        cr_assert_gt(result, 0);
        done += (size_t)result;
    }
}

static const struct end_library mbedtls = {step, up, send};

void end_plain_mbedtls(struct end *e, const char *name, mbedtls_ssl_context *ssl)
{
    memset(e, 0, sizeof *e);
    e->name = name;
    e->mbedtls = ssl;
    e->plain = &mbedtls;
    mbedtls_ssl_set_bio(ssl, e, write_out, read_in, NULL);
}
