/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file through any backend.
 */
#include "dropin.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <sys/types.h>
#include <unistd.h>

#define MOST_AT_ONCE ((size_t)1 << 30)

/* Whether the file can go by sendfile(2), which is OpenSSL's to call. */
static bool kernel_sends(const struct weir_dropin *d)
{
    return d->side[WEIR_TX].taken && weir_tx_backend(&d->tx)->form == WEIR_FORM_STREAM &&
           weir_tx_status(&d->tx) >= WEIR_OK;
}

/* Reads the next piece, of one record. 0: the end of the file; -1: errno says why there is none. */
static int read_piece(struct weir_dropin_file *f, int file, uint64_t offset, size_t len)
{
    ssize_t n = -1;

    if (f->buf == NULL)
        f->buf = OPENSSL_malloc(WEIR_MAX_PLAINTEXT);
    if (f->buf == NULL) {
        errno = ENOMEM;
        return -1;
    }
    do {
        n = pread(file, f->buf, len < WEIR_MAX_PLAINTEXT ? len : WEIR_MAX_PLAINTEXT, (off_t)offset);
    } while (n < 0 && errno == EINTR);
    if (n <= 0)
        return (int)n;
    f->len = (size_t)n;
    f->file = file;
    f->offset = offset;
    return 1;
}

/* One record by SSL_write. What it has begun it wants to see again until it is gone. */
static int64_t by_write(SSL *ssl, struct weir_dropin *d, int file, uint64_t offset, size_t len)
{
    struct weir_dropin_file *f = &d->file;

    if (f->len > 0 && (f->file != file || f->offset != offset || f->len > len)) {
        ERR_raise_data(ERR_LIB_USER, ERR_R_PASSED_INVALID_ARGUMENT, "weir: another file or offset");
        return -1;
    }
    if (f->len == 0) {
        int found = read_piece(f, file, offset, len);
        if (found <= 0)
            return found;
    }
    ERR_clear_error();
    int n = SSL_write(ssl, f->buf, (int)f->len);
    int error = n > 0 ? SSL_ERROR_NONE : SSL_get_error(ssl, n);
    if (error != SSL_ERROR_WANT_WRITE && error != SSL_ERROR_WANT_READ) {
        OPENSSL_cleanse(f->buf, f->len);
        f->len = 0;
    }
    return n > 0 ? n : -1;
}

/* By SSL_sendfile, with weir told about it: positions and limits go on counting. */
static int64_t by_kernel(SSL *ssl, struct weir_dropin *d, int file, uint64_t offset, size_t len)
{
    struct weir_stream_op op;
    struct weir_stream_done done = {0};

    weir_status status = weir_dropin_make_way(d);
    if (status == WEIR_OK)
        status =
            weir_tx_stream(&d->tx, WEIR_TYPE_DATA, len < MOST_AT_ONCE ? len : MOST_AT_ONCE, &op);
    /* Not now, or not without a control message: it goes as data of the program's would. */
    if (status != WEIR_OK || op.control_len != 0)
        return by_write(ssl, d, file, offset, len);
    d->counts = true;
    int64_t n = SSL_sendfile(ssl, file, (off_t)offset, op.len, 0);
    d->counts = false;
    if (n < 0)
        done.os_error = EAGAIN; /* whatever it was: nothing went */
    else
        done.len = (size_t)n;
    done.cut = done.len < op.len;
    int before = errno;
    if (n != 0 && weir_tx_sent(&d->tx, &done) < WEIR_OK)
        n = -1;
    errno = before;
    return n;
}

int64_t weir_openssl_sendfile(SSL *ssl, int file, uint64_t offset, size_t len)
{
    struct weir_dropin *d = weir_dropin_of(SSL_get_wbio(ssl));

    if (len == 0 || offset > INT64_MAX)
        return len == 0 ? 0 : -1;
    if (d == NULL)
        return SSL_sendfile(ssl, file, (off_t)offset, len < MOST_AT_ONCE ? len : MOST_AT_ONCE, 0);
    if (d->file.len == 0 && kernel_sends(d))
        return by_kernel(ssl, d, file, offset, len);
    return by_write(ssl, d, file, offset, len);
}
